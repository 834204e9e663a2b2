# @summary A copy of a packaged puppetserver's configuration, in directories of its own: what is under `/etc/puppet` stays as it is.
#
# Declared by overture::puppetserver with `installation => beside`; its parameters are that class's. For Debian's package, whose jar it
# starts by a script (or units) of its own.
#
# @api private
class overture::puppetserver::beside {
  $confdir              = $overture::puppetserver::confdir
  $codedir              = $overture::puppetserver::codedir
  $vardir               = $overture::puppetserver::vardir
  $rundir               = $overture::puppetserver::rundir
  $logdir               = $overture::puppetserver::logdir
  $ssldir               = $overture::puppetserver::ssldir
  $bindir               = $overture::puppetserver::bindir
  $certname             = $overture::puppetserver::certname
  $ca                   = $overture::puppetserver::ca
  $ca_server            = $overture::puppetserver::ca_server
  $autosign             = $overture::puppetserver::autosign
  $dns_alt_names        = $overture::puppetserver::dns_alt_names
  $allow_alt_names      = $overture::puppetserver::allow_alt_names
  $report_url           = $overture::puppetserver::report_url
  $terminus             = $overture::puppetserver::terminus
  $enc_command          = $overture::puppetserver::enc_command
  $classifier_url       = $overture::puppetserver::classifier_url
  $classifier_timeout   = $overture::puppetserver::classifier_timeout
  $class_readers        = $overture::puppetserver::class_readers
  $ca_port              = $overture::puppetserver::ca_port
  $listen               = $overture::puppetserver::listen
  $port                 = $overture::puppetserver::port
  $crl_refresh          = $overture::puppetserver::crl_refresh
  $modules_source       = $overture::puppetserver::modules_source
  $manage_service       = $overture::puppetserver::manage_service
  $user                 = $overture::puppetserver::user
  $group                = $overture::puppetserver::group
  $cadir                = $overture::puppetserver::cadir ? {
    undef   => "${confdir}/ca",
    default => $overture::puppetserver::cadir,
  }

  $usual = { 'heap' => '1g', 'max_active_instances' => 2, 'java_args' => [], 'keylength' => 4096, 'log_level' => 'info' }
  $java  = $usual + $overture::puppetserver::beside_only

  $serverdir   = "${confdir}/puppetserver"
  $rubydir     = "${bindir}/ruby"
  $own_ca      = $overture::puppetserver::own_ca
  $reporting   = $overture::puppetserver::reporting
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
          'heap'      => $java['heap'],
          'java_args' => $java['java_args'],
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
          'keylength'     => $java['keylength'],
          'terminus'      => $terminus,
          'enc_command'   => $enc_command,
          'report_url'    => $report_url,
          'reports'       => $reporting,
      });
    "${serverdir}/logback.xml":
      content => epp('overture/logback.xml.epp', { 'logdir' => $logdir, 'log_level' => $java['log_level'] });
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
          'max_active_instances' => $java['max_active_instances'],
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
