# @summary A puppetserver that leaves certificates, node definitions and reports to Overture.
#
# It owns its directories, so that a packaged puppetserver on the same host stays as it is. With `ca => overture` the CA
# service is off: the certificate comes from CertAuthority (`puppet ssl bootstrap`, before the first start), and a small
# script keeps the CRL fresh, which nothing else does. With `ca => stock` puppetserver keeps its own CA, which it
# makes at the first start (or `puppetserver ca setup` before it), and CertAuthority decides by `autosign` and as an
# administrator of the CA API. The directories' parents and the package `puppetserver` must exist.
#
# @param confdir
#   puppet.conf, and puppetserver's own configuration under `puppetserver/`.
# @param codedir
#   Holds `environments/`.
# @param vardir
#   State: facts, compiled templates, file bucket.
# @param rundir
#   The restart file, by which systemd (or anyone) can tell that start-up is over: it begins with `1`.
# @param logdir
#   puppetserver.log and puppetserver-access.log.
# @param ssldir
#   Key, certificate, CA bundle and CRL of this server.
# @param bindir
#   Gets two executables: `puppetserver-start` and `crl-refresh`.
# @param certname
#   The name in this server's certificate; not necessarily the host's.
# @param ca
#   Whose the CA is: `overture`, CertAuthority's; `stock`, this puppetserver's own.
# @param cadir
#   For `stock`: where the CA's files are.
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
#   The JVM's heap, as java's -Xmx takes it.
# @param max_active_instances
#   JRuby interpreters: requests compiled (and ENC calls waited for) at a time.
# @param java_args
#   More flags for the JVM.
# @param keylength
#   RSA bits of this server's key.
# @param log_level
#   Least severe level that is written to puppetserver.log.
# @param modules_source
#   A directory of modules to install into the production environment; without it the class leaves its modules alone.
# @param manage_service
#   Install and run systemd units. False where something else starts `puppetserver-start` and `crl-refresh`.
# @param user
#   The user that puppetserver runs as and that owns the files.
# @param group
#   That user's group.
class overture::puppetserver (
  Overture::Path                                    $confdir,
  Overture::Path                                    $codedir,
  Overture::Path                                    $vardir,
  Overture::Path                                    $rundir,
  Overture::Path                                    $logdir,
  Overture::Path                                    $ssldir,
  Overture::Path                                    $bindir,
  Pattern[/\A[a-z0-9._-]+\z/]                       $certname,
  Enum['overture', 'stock']                         $ca                   = 'overture',
  Optional[Pattern[/\A[A-Za-z0-9.:-]+\z/]]          $ca_server            = undef,
  Overture::Path                                    $cadir                = "${confdir}/ca",
  Optional[Overture::Path]                          $autosign             = undef,
  Array[Pattern[/\A[A-Za-z0-9.*-]+\z/]]             $dns_alt_names        = [],
  Boolean                                           $allow_alt_names      = false,
  Optional[Pattern[/\Ahttps:\/\/[^\s]+\z/]]         $report_url           = undef,
  Array[Pattern[/\A[a-z0-9_]+\z/]]                  $reports              = [],
  Enum['exec', 'native']                            $terminus             = 'exec',
  Optional[Overture::Path]                          $enc_command          = undef,
  Optional[Pattern[/\Ahttps:\/\/[^\/\s"]+\z/]]      $classifier_url       = undef,
  Integer[1, 60]                                    $classifier_timeout   = 5,
  Array[Pattern[/\A[a-z0-9._-]+\z/]]                $class_readers        = [],
  Integer[1, 65535]                                 $ca_port              = 8140,
  Pattern[/\A[A-Za-z0-9.:-]+\z/]                    $listen               = '0.0.0.0',
  Integer[1, 65535]                                 $port                 = 8140,
  Integer[1, 3600]                                  $crl_refresh          = 60,
  Pattern[/\A[0-9]+[mg]\z/]                         $heap                 = '1g',
  Integer[1, 64]                                    $max_active_instances = 2,
  Array[Pattern[/\A-[^\s'"\\$`]+\z/]]               $java_args            = [],
  Integer[2048, 8192]                               $keylength            = 4096,
  Enum['error', 'warn', 'info', 'debug']            $log_level            = 'info',
  Optional[Overture::Path]                          $modules_source       = undef,
  Boolean                                           $manage_service       = true,
  String[1]                                         $user                 = 'puppet',
  String[1]                                         $group                = 'puppet',
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

  $serverdir   = "${confdir}/puppetserver"
  $rubydir     = "${bindir}/ruby"
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
  if $own_ca {
    [$ca_host, $ca_listens, $alt_names] = [$certname, $port, $dns_alt_names]
  } else {
    [$ca_host, $ca_listens, $alt_names] = [$ca_server, $ca_port, []]
  }
  $production  = "${codedir}/environments/production"

  File {
    owner => $user,
    group => $group,
    mode  => '0640',
  }

  # The modes of the last five are those that Puppet itself gives them when puppetserver starts.
  file {
    [$confdir, $serverdir, "${serverdir}/conf.d", "${serverdir}/services.d",
    $codedir, "${codedir}/environments", $production, "${production}/modules"]:
      ensure => directory,
      mode   => '0750';
    [$vardir, $logdir]:
      ensure => directory,
      mode   => '0750';
    $rundir:
      ensure => directory,
      mode   => '0755';
    $ssldir:
      ensure => directory,
      mode   => '0771';
  }

  # Root's own: what root starts must not be writable by the server.
  file {
    $bindir:
      ensure => directory,
      owner  => 'root',
      mode   => '0755';
    "${bindir}/puppetserver-start":
      owner   => 'root',
      mode    => '0755',
      content => epp('overture/puppetserver-start.epp', {
          'serverdir' => $serverdir,
          'rundir'    => $rundir,
          'logdir'    => $logdir,
          'heap'      => $heap,
          'java_args' => $java_args,
      });
  }
  if $own_ca {
    file { "${serverdir}/conf.d/ca.conf":
      content => "certificate-authority: {\n    allow-subject-alt-names: ${allow_alt_names}\n}\n",
    }
  } else {
    file { "${bindir}/crl-refresh":
      owner   => 'root',
      mode    => '0755',
      content => epp('overture/crl-refresh.epp', {
          'ssldir'    => $ssldir,
          'ca_server' => $ca_server,
          'ca_port'   => $ca_port,
          'seconds'   => $crl_refresh,
      }),
    }
  }

  file {
    "${confdir}/puppet.conf":
      content => epp('overture/puppet.conf.epp', {
          'codedir'       => $codedir,
          'vardir'        => $vardir,
          'rundir'        => $rundir,
          'logdir'        => $logdir,
          'ssldir'        => $ssldir,
          'certname'      => $certname,
          'port'          => $port,
          'ca_server'     => $ca_host,
          'ca_port'       => $ca_listens,
          'ca'            => $ca,
          'cadir'         => $cadir,
          'autosign'      => $autosign,
          'dns_alt_names' => $alt_names,
          'keylength'     => $keylength,
          'terminus'      => $terminus,
          'enc_command'   => $enc_command,
          'report_url'    => $report_url,
          'reports'       => $reporting,
      });
    "${serverdir}/logback.xml":
      content => epp('overture/logback.xml.epp', { 'logdir' => $logdir, 'log_level' => $log_level });
    "${serverdir}/request-logging.xml":
      content => epp('overture/request-logging.xml.epp', { 'logdir' => $logdir });
    "${serverdir}/conf.d/global.conf":
      content => epp('overture/global.conf.epp', { 'serverdir' => $serverdir });
    "${serverdir}/conf.d/webserver.conf":
      content => epp('overture/webserver.conf.epp', { 'serverdir' => $serverdir, 'listen' => $listen, 'port' => $port });
    "${serverdir}/conf.d/puppetserver.conf":
      content => epp('overture/puppetserver.conf.epp', {
          'confdir'              => $confdir,
          'codedir'              => $codedir,
          'vardir'               => $vardir,
          'rundir'               => $rundir,
          'logdir'               => $logdir,
          'rubydir'              => $rubydir,
          'max_active_instances' => $max_active_instances,
      });
    "${serverdir}/conf.d/auth.conf":
      content => epp('overture/auth.conf.epp', { 'ca' => $ca, 'class_readers' => $class_readers });
    "${serverdir}/conf.d/metrics.conf":
      source => 'puppet:///modules/overture/metrics.conf';
    "${serverdir}/conf.d/product.conf":
      source => 'puppet:///modules/overture/product.conf';
    "${serverdir}/conf.d/web-routes.conf":
      content => epp('overture/web-routes.conf.epp', { 'ca' => $ca });
    "${serverdir}/services.d/bootstrap.cfg":
      source => 'puppet:///modules/overture/bootstrap.cfg';
    "${serverdir}/services.d/ca.cfg":
      content => epp('overture/ca.cfg.epp', { 'ca' => $ca });
    "${production}/environment.conf":
      content => "modulepath = modules\n";
  }

  # Root's own, as whatever else the server's Ruby loads.
  file {
    default:
      ensure => directory,
      owner  => 'root',
      mode   => '0755';
    [$rubydir, "${rubydir}/puppet", "${rubydir}/puppet/indirector", "${rubydir}/puppet/indirector/node"]: ;
    "${rubydir}/puppet/indirector/node/overture.rb":
      ensure => file,
      mode   => '0644',
      # From this module's lib, where agents of packaged puppetservers get it from as well.
      source => 'puppet:///plugins/puppet/indirector/node/overture.rb'; # lint:ignore:puppet_url_without_modules
  }
  if $terminus == 'native' {
    file { "${confdir}/overture.yaml":
      content => "url: \"${classifier_url}\"\ntimeout: ${classifier_timeout}\n",
    }
  }

  if $modules_source {
    File["${production}/modules"] {
      recurse => true,
      purge   => true,
      force   => true,
      source  => "file://${modules_source}",
    }
  }

  if $manage_service {
    $refresher = $own_ca ? {
      true    => {},
      default => { 'overture-crl-refresh' => ["Keeps the Puppet Server's CRL fresh", 'crl-refresh'] },
    }
    $units = { 'overture-puppetserver' => ['Puppet Server, certificates by Overture', 'puppetserver-start'] } + $refresher
    $units.each |String $unit, Tuple[String, String] $what| {
      file { "/etc/systemd/system/${unit}.service":
        owner   => 'root',
        group   => 'root',
        mode    => '0644',
        content => epp('overture/unit.service.epp', {
            'description' => $what[0],
            'command'     => "${bindir}/${what[1]}",
            'user'        => $user,
            'group'       => $group,
        }),
      }
    }
    $native_files = $terminus ? {
      'native' => ["${confdir}/overture.yaml", "${rubydir}/puppet/indirector/node/overture.rb"],
      default  => [],
    }
    service {
      default:
        ensure => running,
        enable => true;
      'overture-puppetserver':
        subscribe => File[$native_files + [
          '/etc/systemd/system/overture-puppetserver.service', "${bindir}/puppetserver-start", "${confdir}/puppet.conf",
          "${serverdir}/conf.d/global.conf", "${serverdir}/conf.d/webserver.conf", "${serverdir}/conf.d/puppetserver.conf",
          "${serverdir}/conf.d/auth.conf", "${serverdir}/conf.d/web-routes.conf",
          "${serverdir}/services.d/bootstrap.cfg", "${serverdir}/services.d/ca.cfg",
        ]];
    }
    unless $own_ca {
      service { 'overture-crl-refresh':
        ensure    => running,
        enable    => true,
        subscribe => File['/etc/systemd/system/overture-crl-refresh.service', "${bindir}/crl-refresh"],
      }
    }
  }
}
