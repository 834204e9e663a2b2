# What a web server is: one role to a node, made of profiles. In Overture: classes: {role::web: {}}.
class role::web {
  include profile::base
}
