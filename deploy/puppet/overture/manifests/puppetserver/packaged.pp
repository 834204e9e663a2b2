# @summary The packaged puppetserver itself: the few settings and files by which it belongs to Overture, and its service.
#
# Declared by overture::puppetserver with `installation => packaged`; its parameters are that class's. Of puppet.conf single lines are
# written, with its own CA one of ca.conf, of auth.conf one rule; whole are `conf.d/webserver.conf`, `conf.d/product.conf`,
# `services.d/ca.cfg`. The rest of the package's configuration, its Java and its directories stay as they are.
#
# @api private
class overture::puppetserver::packaged {
  $own_ca = $overture::puppetserver::own_ca
  $native = $overture::puppetserver::terminus == 'native'
  $user   = $overture::puppetserver::user
  $group  = $overture::puppetserver::group

  $layout = $overture::puppetserver::layout ? {
    'auto'  => $facts['aio_agent_version'] ? {
      undef   => 'debian',
      default => 'aio',
    },
    default => $overture::puppetserver::layout,
  }
  # Where the packages have Puppet's own files, and the Ruby that their puppetserver loads.
  [$confdir, $serverdir, $ssldir, $rubydir] = $layout ? {
    'aio'   => ['/etc/puppetlabs/puppet', '/etc/puppetlabs/puppetserver', '/etc/puppetlabs/puppet/ssl',
    '/opt/puppetlabs/puppet/lib/ruby/vendor_ruby'],
    default => ['/etc/puppet', '/etc/puppet/puppetserver', '/var/lib/puppet/ssl', '/usr/lib/ruby/vendor_ruby'],
  }

  # 1. puppet.conf
  $identity = $own_ca ? {
    true    => { 'main/ca_server' => $overture::puppetserver::certname, 'main/ca_port' => String($overture::puppetserver::port) },
    default => {
      'main/ca_server' => $overture::puppetserver::ca_server,
      'main/ca_port'   => String($overture::puppetserver::ca_port),
    },
  }
  $signing = $own_ca ? {
    true    => {
      'server/autosign'    => $overture::puppetserver::autosign ? {
        undef   => 'false',
        default => $overture::puppetserver::autosign,
      },
      'main/dns_alt_names' => $overture::puppetserver::dns_alt_names.join(','),
      'server/cadir'       => $overture::puppetserver::cadir,
    },
    default => {},
  }
  $classifying = $native ? {
    true    => { 'server/node_terminus' => 'overture' },
    default => { 'server/node_terminus' => 'exec', 'server/external_nodes' => $overture::puppetserver::enc_command },
  }
  $settings = ({
      'main/certname'    => $overture::puppetserver::certname,
      'server/reports'   => $overture::puppetserver::reporting.join(','),
      'server/reporturl' => $overture::puppetserver::report_url,
  } + $identity + $signing + $classifying).filter |$name, $value| { $value =~ String[1] }
  overture::settings("${confdir}/puppet.conf", $settings)

  # 2. puppetserver's own configuration
  $ca = $overture::puppetserver::ca
  file {
    default:
      owner => 'root',
      group => 'root',
      mode  => '0644';
    "${serverdir}/conf.d/webserver.conf":
      content => epp('overture/webserver.conf.epp', {
          'serverdir' => $serverdir,
          'listen'    => $overture::puppetserver::listen,
          'port'      => $overture::puppetserver::port,
      });
    "${serverdir}/conf.d/product.conf":
      source => 'puppet:///modules/overture/product.conf';
    "${serverdir}/services.d/ca.cfg":
      content => epp('overture/ca.cfg.epp', { 'ca' => $ca });
  }
  # A line of the package's own file: puppetserver refuses to start where two files have it.
  $ca_conf = "${serverdir}/conf.d/ca.conf"
  if $own_ca {
    overture_alt_names { $ca_conf:
      allowed => String($overture::puppetserver::allow_alt_names),
    }
  }
  $readers = $overture::puppetserver::class_readers.map |$name| { "\"${name}\"" }
  overture_auth_rule { "${serverdir}/conf.d/auth.conf":
    allow => "[${readers.join(', ')}]",
  }

  # 3. the native terminus: root's own, as whatever else the server's Ruby loads
  $plugin = "${rubydir}/puppet/indirector/node/overture.rb"
  if $native {
    file {
      "${confdir}/overture.yaml":
        owner   => 'root',
        group   => $group,
        mode    => '0640',
        content => "url: \"${overture::puppetserver::classifier_url}\"\ntimeout: ${overture::puppetserver::classifier_timeout}\n";
      $plugin:
        owner  => 'root',
        group  => 'root',
        mode   => '0644',
        source => 'puppet:///plugins/puppet/indirector/node/overture.rb'; # lint:ignore:puppet_url_without_modules
    }
  }

  # 4. nothing else refreshes the CRL of a server whose CA service is off
  $refresh = '/usr/local/sbin/overture-crl-refresh'
  unless $own_ca {
    file { $refresh:
      owner   => 'root',
      group   => 'root',
      mode    => '0755',
      content => epp('overture/crl-refresh.epp', {
          'ssldir'    => $ssldir,
          'ca_server' => $overture::puppetserver::ca_server,
          'ca_port'   => $overture::puppetserver::ca_port,
          'seconds'   => $overture::puppetserver::crl_refresh,
      }),
    }
  }

  # 5. the services
  if $overture::puppetserver::manage_service {
    $native_files = $native ? {
      true    => ["${confdir}/overture.yaml", $plugin],
      default => [],
    }
    $files = $native_files + ['webserver', 'product'].map |$name| { "${serverdir}/conf.d/${name}.conf" }
    $names = $own_ca ? {
      true    => [Overture_alt_names[$ca_conf]],
      default => [],
    }
    service { 'puppetserver':
      ensure    => running,
      enable    => true,
      subscribe => $names + [
        File[$files + ["${serverdir}/services.d/ca.cfg"]],
        Overture_setting[$settings.keys],
        Overture_auth_rule["${serverdir}/conf.d/auth.conf"],
      ],
    }
    unless $own_ca {
      file { '/etc/systemd/system/overture-crl-refresh.service':
        owner   => 'root',
        group   => 'root',
        mode    => '0644',
        content => epp('overture/unit.service.epp', {
            'description' => "Keeps the Puppet Server's CRL fresh",
            'command'     => $refresh,
            'user'        => $user,
            'group'       => $group,
        }),
      }
      service { 'overture-crl-refresh':
        ensure    => running,
        enable    => true,
        subscribe => File['/etc/systemd/system/overture-crl-refresh.service', $refresh],
      }
    }
  }
}
