# An absolute path without white space: Puppet splits `external_nodes` at spaces,
# and the JVM's flags are passed through a shell script.
type Overture::Path = Pattern[/\A(\/[^\s\/'"\\$`]+)+\z/]
