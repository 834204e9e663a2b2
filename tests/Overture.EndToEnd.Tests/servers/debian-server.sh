#!/bin/sh
# What ExecStart of Debian's puppetserver.service does, where there is no systemd; inside a root, as root.
set -eu
umask 027
install -d -o puppet -g puppet -m 0755 /run/puppetserver
printf 0 > /run/puppetserver/restart
chown puppet:puppet /run/puppetserver/restart
export HOME=/var/lib/puppetserver
exec setpriv --reuid=puppet --regid=puppet --init-groups /usr/bin/java -Xms512m -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
    -Djruby.logger.class=com.puppetlabs.jruby_utils.jruby.Slf4jLogger -Djruby.lib=/usr/share/jruby/lib \
    -jar /usr/share/puppetserver/puppetserver.jar --config /etc/puppet/puppetserver/conf.d \
    --bootstrap-config /etc/puppet/puppetserver/services.d --restart-file /run/puppetserver/restart
