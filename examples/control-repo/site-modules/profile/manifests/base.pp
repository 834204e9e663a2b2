# On every node.
#
# @param greeting Shown at login.
# @param workers  How many there are of whatever works here.
class profile::base (
  String            $greeting,
  Integer[1, 1000]  $workers,
) {
  file { '/etc/motd.d/overture':
    ensure  => file,
    content => "${greeting}: ${trusted['certname']}, ${workers} workers\n",
  }
}
