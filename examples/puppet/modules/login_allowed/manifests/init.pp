# @summary Lets one person log in by SSH key: the 2010 proof of concept's example, with core types only.
#
# @param user
#   Login name; made if it is missing.
# @param key
#   The whole public key line, as in `~/.ssh/id_ed25519.pub`.
# @param home
#   Home directory.
# @param shell
#   Login shell.
class login_allowed (
  Pattern[/\A[a-z_][a-z0-9_-]{0,31}\z/] $user,
  Pattern[/\A[a-z][^\r\n]+\z/]          $key,
  Pattern[/\A(\/[^\/\s]+)+\z/]          $home  = "/home/${user}",
  Pattern[/\A(\/[^\/\s]+)+\z/]          $shell = '/bin/bash',
) {
  user { $user:
    ensure     => present,
    home       => $home,
    managehome => true,
    shell      => $shell,
  }

  # The numeric group of a new user is unknown before it exists, so its files belong to the group named after it,
  # which useradd makes on Debian and Red Hat alike.
  file {
    default:
      owner => $user,
      group => $user;
    "${home}/.ssh":
      ensure => directory,
      mode   => '0700';
    "${home}/.ssh/authorized_keys":
      ensure    => file,
      mode      => '0600',
      show_diff => false,
      content   => "${key}\n";
  }
}
