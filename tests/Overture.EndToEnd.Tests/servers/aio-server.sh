#!/bin/sh
# Makes a root that has Debian's puppetserver look as the all-in-one packages (openvox-server, puppetserver 8) make one: their paths, their
# puppet outside the PATH, their start script. Inside that root, as root.
set -eu
app=/opt/puppetlabs/server/apps/puppetserver
data=/opt/puppetlabs/server/data/puppetserver
conf=/etc/puppetlabs/puppetserver
ruby=/opt/puppetlabs/puppet/lib/ruby/vendor_ruby

mkdir -p $app/bin $ruby /opt/puppetlabs/bin /opt/puppetlabs/puppet/bin /etc/puppetlabs/puppet /etc/puppetlabs/code/environments/production/modules
install -d -o puppet -g puppet -m 0750 $data $data/jars /var/log/puppetlabs /var/log/puppetlabs/puppetserver /run/puppetlabs /run/puppetlabs/puppetserver
install -d -o puppet -g puppet -m 0771 /etc/puppetlabs/puppet/ssl

# 1. Puppet's Ruby: a tree of its own with their directories in it, and `puppet` in /opt/puppetlabs/bin alone
cp -R /usr/lib/ruby/vendor_ruby/. $ruby/
sed -i -e 's|"/etc/puppet/code"|"/etc/puppetlabs/code"|; s|"/etc/puppet"|"/etc/puppetlabs/puppet"|' \
    -e 's|"/var/cache/puppet|"/opt/puppetlabs/puppet/cache|; s|"/run/puppet"|"/run/puppetlabs"|; s|"/var/log/puppet"|"/var/log/puppetlabs/puppet"|' \
    -e 's|"/var/lib/puppet/ssl"|"/etc/puppetlabs/puppet/ssl"|' $ruby/puppet/util/run_mode.rb
echo 8.10.0 > /opt/puppetlabs/puppet/VERSION
{ echo "#!/usr/bin/ruby -I$ruby"; tail -n +2 /usr/bin/puppet; } > /opt/puppetlabs/puppet/bin/puppet
chmod 755 /opt/puppetlabs/puppet/bin/puppet
ln -s ../puppet/bin/puppet /opt/puppetlabs/bin/puppet
ln -s ../server/apps/puppetserver/bin/puppetserver /opt/puppetlabs/bin/puppetserver

# 2. the server: its jar, its configuration with their paths
cp /usr/share/puppetserver/puppetserver.jar $app/puppet-server-release.jar
mv /etc/puppet/puppetserver $conf
rm -rf /etc/puppet
sed -i -e "s|/etc/puppet/puppetserver|$conf|g" -e 's|/etc/puppet/code|/etc/puppetlabs/code|g' -e 's|/etc/puppet\b|/etc/puppetlabs/puppet|g' \
    -e "s|/etc/puppetlabs/puppetlabs|/etc/puppetlabs|g" -e "s|/var/lib/puppetserver|$data|g" -e 's|/run/puppetserver|/run/puppetlabs/puppetserver|g' \
    -e 's|/var/log/puppetserver|/var/log/puppetlabs/puppetserver|g' -e "s|\[/usr/lib/puppetserver/ruby/vendor_ruby\]|[$ruby]|" \
    $conf/conf.d/*.conf $conf/*.xml
printf '[server]\nvardir = %s\nlogdir = /var/log/puppetlabs/puppetserver\nrundir = /run/puppetlabs/puppetserver\ncodedir = /etc/puppetlabs/code\n' $data \
    > /etc/puppetlabs/puppet/puppet.conf
cat > /etc/default/puppetserver <<CONF
JAVA_BIN="/usr/bin/java"
JAVA_ARGS="-Xms512m -Xmx512m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djruby.logger.class=com.puppetlabs.jruby_utils.jruby.Slf4jLogger"
USER="puppet"
INSTALL_DIR="$app"
CONFIG="$conf/conf.d"
BOOTSTRAP_CONFIG="$conf/services.d"
CONF

# 3. what the unit starts
cat > $app/bin/puppetserver <<'SH'
#!/bin/sh
set -eu
. /etc/default/puppetserver
[ "${1:-}" = foreground ] || exec /usr/bin/ruby /usr/share/puppetserver/cli/apps/"$@"
umask 027
printf 0 > /run/puppetlabs/puppetserver/restart
chown puppet:puppet /run/puppetlabs/puppetserver/restart
export HOME=/opt/puppetlabs/server/data/puppetserver
exec setpriv --reuid=puppet --regid=puppet --init-groups "$JAVA_BIN" $JAVA_ARGS -Djruby.lib=/usr/share/jruby/lib \
    -jar "$INSTALL_DIR/puppet-server-release.jar" --config "$CONFIG" --bootstrap-config "$BOOTSTRAP_CONFIG" \
    --restart-file /run/puppetlabs/puppetserver/restart
SH
chmod 755 $app/bin/puppetserver
# Nothing of Debian's layout is left to be found by mistake.
rm -rf /usr/share/puppetserver/*.jar /usr/lib/puppetserver/ruby /usr/lib/ruby/vendor_ruby/puppet /usr/bin/puppet /usr/bin/puppetserver /var/lib/puppet
echo "$app/bin/puppetserver foreground" > /etc/puppetserver-command
