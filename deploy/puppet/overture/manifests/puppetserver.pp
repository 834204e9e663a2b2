# @summary A puppetserver that leaves certificates, node definitions and reports to Overture.
#
# Either the packaged service itself (`installation => packaged`): of an all-in-one package (openvox-server or puppetserver 7 and 8,
# under /opt/puppetlabs and /etc/puppetlabs) or of Debian's. Or a copy of Debian's beside it, in directories of its own, so that the
# packaged one on the same host stays as it is (`installation => beside`). With `ca => overture` the CA
# service is off: the certificate comes from CertAuthority (`puppet ssl bootstrap`, before the first start), and a small
# script keeps the CRL fresh, which nothing else does. With `ca => stock` puppetserver keeps its own CA, which it
# makes at the first start (or `puppetserver ca setup` before it), and CertAuthority decides by `autosign` and as an
# administrator of the CA API. The package must be installed, and of a copy the directories' parents must exist.
#
# @param installation
#   `packaged`: the package's own service. `beside`: a copy, which takes the parameters that are marked so. By default `beside` where
#   `confdir` is given, else `packaged`.
# @param layout
#   For `packaged`: `aio`, the all-in-one packages' directories; `debian`, Debian's; `auto`, those of the agent that applies this class.
# @param confdir
#   Beside: puppet.conf, and puppetserver's own configuration under `puppetserver/`.
# @param codedir
#   Beside: holds `environments/`.
# @param vardir
#   Beside: state: facts, compiled templates, file bucket.
# @param rundir
#   Beside: the restart file, by which systemd (or anyone) can tell that start-up is over: it begins with `1`.
# @param logdir
#   Beside: puppetserver.log and puppetserver-access.log.
# @param ssldir
#   Beside: key, certificate, CA bundle and CRL of this server.
# @param bindir
#   Beside: gets two executables: `puppetserver-start` and `crl-refresh`.
# @param certname
#   The name in this server's certificate; not necessarily the host's.
# @param ca
#   Whose the CA is: `overture`, CertAuthority's; `stock`, this puppetserver's own.
# @param cadir
#   For `stock`: where the CA's files are; by default `ca` in `confdir`, or where the package has them.
# @param autosign
#   For `stock`: Overture's autosign hook. Without it every request waits, and CertAuthority looks for those it allows.
# @param dns_alt_names
#   For `stock`: names agents reach this server by, for its own certificate. Else they come from its registration.
# @param allow_alt_names
#   For `stock`: its CA signs requests that have names beside the certname, once they are approved.
# @param terminus
#   How this server asks what a node is: `exec` starts `enc_command` for each request; `native` keeps a connection to
#   Classifier at `classifier_url`, which costs no process.
# @param enc_command
#   For `exec`: Overture's node classifier hook. Puppet appends the certname, and takes no arguments with spaces.
# @param classifier_url
#   For `native`: Classifier's listener for puppetservers, as `https://HOST:8143`. Its certificate must come from the same
#   CA as this server's, and this server must be registered with role puppetserver.
# @param classifier_timeout
#   For `native`: seconds after which a node that was not answered for is an error.
# @param class_readers
#   Certnames of Classifiers that may read which classes this server has (`/puppet/v3/environment_classes`), to compare
#   definitions with them (`puppetserver.url`). All others are refused, as by the packaged rules.
# @param report_url
#   Where Conductor takes reports. Its certificate must come from the same CA as this server's. Without it no report is
#   forwarded, and no node ever counts as converged.
# @param reports
#   Further report processors, beside the forwarding.
# @param ca_server
#   For `overture`: host of CertAuthority's Puppet CA API.
# @param ca_port
#   For `overture`: port of CertAuthority's Puppet CA API.
# @param listen
#   Address to listen on.
# @param port
#   Port to listen on.
# @param crl_refresh
#   Seconds between two looks at the CA's CRL: how long a revoked agent still gets in.
# @param heap
#   Beside: the JVM's heap, as java's -Xmx takes it.
# @param max_active_instances
#   Beside: JRuby interpreters: requests compiled (and ENC calls waited for) at a time.
# @param java_args
#   Beside: more flags for the JVM.
# @param keylength
#   Beside: RSA bits of this server's key.
# @param log_level
#   Beside: least severe level that is written to puppetserver.log.
# @param modules_source
#   Beside: a directory of modules to install into the production environment; without it the class leaves its modules alone.
# @param manage_service
#   Enable and run the services: the packaged one, or systemd units of the copy; restarted when their configuration changes. False
#   where something else starts them, and until the server has its certificate.
# @param user
#   The user that puppetserver runs as and that owns the files.
# @param group
#   That user's group.
class overture::puppetserver (
  Pattern[/\A[a-z0-9._-]+\z/]                        $certname,
  Optional[Enum['packaged', 'beside']]               $installation         = undef,
  Enum['auto', 'aio', 'debian']                      $layout               = 'auto',
  Enum['overture', 'stock']                          $ca                   = 'overture',
  Optional[Pattern[/\A[A-Za-z0-9.:-]+\z/]]           $ca_server            = undef,
  Integer[1, 65535]                                  $ca_port              = 8140,
  Optional[Overture::Path]                           $cadir                = undef,
  Optional[Overture::Path]                           $autosign             = undef,
  Array[Pattern[/\A[A-Za-z0-9.*-]+\z/]]              $dns_alt_names        = [],
  Boolean                                            $allow_alt_names      = false,
  Optional[Pattern[/\Ahttps:\/\/[^\s]+\z/]]          $report_url           = undef,
  Array[Pattern[/\A[a-z0-9_]+\z/]]                   $reports              = [],
  Enum['exec', 'native']                             $terminus             = 'exec',
  Optional[Overture::Path]                           $enc_command          = undef,
  Optional[Pattern[/\Ahttps:\/\/[^\/\s"]+\z/]]       $classifier_url       = undef,
  Integer[1, 60]                                     $classifier_timeout   = 5,
  Array[Pattern[/\A[a-z0-9._-]+\z/]]                 $class_readers        = [],
  Pattern[/\A[A-Za-z0-9.:-]+\z/]                     $listen               = '0.0.0.0',
  Integer[1, 65535]                                  $port                 = 8140,
  Integer[1, 3600]                                   $crl_refresh          = 60,
  Boolean                                            $manage_service       = true,
  String[1]                                          $user                 = 'puppet',
  String[1]                                          $group                = 'puppet',
  Optional[Overture::Path]                           $confdir              = undef,
  Optional[Overture::Path]                           $codedir              = undef,
  Optional[Overture::Path]                           $vardir               = undef,
  Optional[Overture::Path]                           $rundir               = undef,
  Optional[Overture::Path]                           $logdir               = undef,
  Optional[Overture::Path]                           $ssldir               = undef,
  Optional[Overture::Path]                           $bindir               = undef,
  Optional[Pattern[/\A[0-9]+[mg]\z/]]                $heap                 = undef,
  Optional[Integer[1, 64]]                           $max_active_instances = undef,
  Optional[Array[Pattern[/\A-[^\s'"\\$`]+\z/]]]      $java_args            = undef,
  Optional[Integer[2048, 8192]]                      $keylength            = undef,
  Optional[Enum['error', 'warn', 'info', 'debug']]   $log_level            = undef,
  Optional[Overture::Path]                           $modules_source       = undef,
) {
  if $ca == 'overture' and !$ca_server {
    fail('overture::puppetserver: ca overture needs ca_server')
  }
  if $terminus == 'exec' and !$enc_command {
    fail('overture::puppetserver: terminus exec needs enc_command')
  }
  if $terminus == 'native' and !$classifier_url {
    fail('overture::puppetserver: terminus native needs classifier_url')
  }


  $beside      = $installation ? {
    undef   => $confdir =~ NotUndef,
    default => $installation == 'beside',
  }
  $directories = {
    'confdir' => $confdir, 'codedir' => $codedir, 'vardir' => $vardir, 'rundir' => $rundir, 'logdir' => $logdir,
    'ssldir' => $ssldir, 'bindir' => $bindir,
  }
  $beside_only = ($directories + {
      'heap' => $heap, 'max_active_instances' => $max_active_instances, 'java_args' => $java_args,
      'keylength' => $keylength, 'log_level' => $log_level, 'modules_source' => $modules_source,
  }).filter |$name, $value| { $value =~ NotUndef }

  # Read by both of the classes below.
  $own_ca      = $ca == 'stock'
  $forwarding  = $report_url ? {
    undef   => [],
    default => ['http'],
  }
  $all_reports = $forwarding + $reports
  $reporting   = $all_reports ? {
    []      => ['none'],
    default => $all_reports,
  }

  if $beside {
    $missing = $directories.filter |$name, $value| { $value =~ Undef }
    unless $missing.empty {
      fail("overture::puppetserver: installation beside needs ${missing.keys.join(', ')}")
    }
    contain overture::puppetserver::beside
  } else {
    unless $beside_only.empty {
      $given = $beside_only.keys.join(', ')
      fail("overture::puppetserver: the packaged service has its own ${given}; leave that out, or say installation => beside")
    }
    contain overture::puppetserver::packaged
  }
}
