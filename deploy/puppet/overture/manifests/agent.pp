# @summary An agent that is here already and becomes Overture's: its settings, and the secret by which it is certified.
#
# It writes single lines of `puppet.conf`, in section agent, which wins over main (in main only the name and, with a
# token, which file of attributes the agent reads), and leaves the rest alone. An agent
# that has a certificate of another CA keeps it until its ssl directory is removed (`puppet ssl clean --localca`);
# one of a CA that was moved into Overture (`overture ca import`) goes on with what it has.
#
# @param server
#   Host of the puppetserver.
# @param ca_server
#   Host of CertAuthority's Puppet CA API, or of the puppetserver that keeps its own CA.
# @param serverport
#   Port of the puppetserver.
# @param ca_port
#   Port of the CA API.
# @param certname
#   The name it is registered under (`overture instance register --certname`); without it the agent keeps the one it has.
# @param token
#   The registration's one-time token. It is written to `csr_attributes.yaml` (0600), which replaces what is there, and is
#   spent once the agent has its certificate: the next run or `puppet apply` with this class takes it out of the file. Leave
#   it out then. Without it that file is left alone.
# @param renewal_interval
#   How long before its certificate's end a Puppet 8 agent renews it; Puppet 7 does not know the setting, and can't.
# @param confdir
#   Where the agent's `puppet.conf` is; by default where the package has it.
class overture::agent (
  Pattern[/\A[A-Za-z0-9.:-]+\z/]                $server,
  Pattern[/\A[A-Za-z0-9.:-]+\z/]                $ca_server,
  Integer[1, 65535]                             $serverport       = 8140,
  Integer[1, 65535]                             $ca_port          = 8141,
  Optional[Pattern[/\A[a-z0-9._-]+\z/]]         $certname         = undef,
  Optional[Sensitive[Pattern[/\A[a-z2-7]{52}\z/]]] $token         = undef,
  Pattern[/\A[0-9]+[smhdy]\z/]                  $renewal_interval = '60d',
  Optional[Overture::Path]                      $confdir          = undef,
) {
  $packaged = $facts['aio_agent_version'] ? {
    undef   => '/etc/puppet',
    default => '/etc/puppetlabs/puppet',
  }
  $directory = $confdir ? {
    undef   => $packaged,
    default => $confdir,
  }

  $attributes = "${directory}/csr_attributes.yaml"

  $settings = {
    'agent/server'                    => $server,
    'agent/serverport'                => String($serverport),
    'agent/ca_server'                 => $ca_server,
    'agent/ca_port'                   => String($ca_port),
    'agent/hostcert_renewal_interval' => $renewal_interval,
  } + ($certname ? {
      undef   => {},
      default => { 'main/certname' => $certname },
  }) + ($token ? {
      undef   => {},
      default => { 'main/csr_attributes' => $attributes },
  })
  overture::settings("${directory}/puppet.conf", $settings)

  if $token {
    overture_token { $attributes:
      certname => $certname,
      token    => $token,
    }
  }
}
