#!/bin/bash
# One-shot: registers this puppetserver with the Conductor and lets Puppet configure it (class overture::puppetserver), all of it in
# /var/lib/overture/puppetserver. As root, what starts the server is root's own; as user puppet (in Kubernetes), put PUPPET_BIN where the
# server may not write.
#
# Reads /etc/overture/admin (cli.yaml and an identity of the internal PKI) and PUPPET_NAMES, comma-separated: how agents reach the server.
# PUPPET_BIN: where the programs go, by default in with the rest; its parent must exist. PUPPET_HEAP: the JVM's heap, 768m.
set -euo pipefail

home=/var/lib/overture/puppetserver
# HOME: as anybody but root, puppet wants to write there.
export OVERTURE_CLI_CONFIG=/etc/overture/admin/cli.yaml HOME=/tmp
install -d -o puppet -g puppet -m 0750 $home $home/apply $home/apply/var

# The same request finds the same registration, however often this is repeated; once the certificate is there its token is spent. A token that
# nobody spent within the hour is no good any more: a new registration, then.
if [ ! -s $home/apply/certname ] || ! ls "$home/ssl/certs/$(cat $home/apply/certname).pem" > /dev/null 2>&1; then
    find $home/apply -name request -mmin +50 -delete
fi
[ -s $home/apply/request ] || echo "puppetserver-$(cat /proc/sys/kernel/random/uuid)" > $home/apply/request
if [ ! -s $home/apply/certname ] || ! ls "$home/ssl/certs/$(cat $home/apply/certname).pem" > /dev/null 2>&1; then
    cat > /tmp/puppetserver.yaml <<YAML
image: host
puppet: {server: puppet, serverport: 8140, ca_server: certauthority, ca_port: 8141}
role: puppetserver
dns_alt_names: [${PUPPET_NAMES:-puppet,localhost}]
profile: puppetserver
node: {classes: {}, parameters: {}, environment: production}
YAML
    overture instance register -c /tmp/puppetserver.yaml --request-id "$(cat $home/apply/request)" --token-file /tmp/token -o json > /tmp/registered
    sed -n 's/.*"certname": *"\([0-9a-f-]*\)".*/\1/p' /tmp/registered | head -n 1 > $home/apply/certname
    install -o puppet -g puppet -m 0400 /tmp/token $home/apply/token
fi

cat > $home/apply/parameters.yaml <<YAML
---
overture::puppetserver::certname: $(cat $home/apply/certname)
overture::puppetserver::ca_server: certauthority
overture::puppetserver::ca_port: 8141
overture::puppetserver::report_url: https://conductor:8142/reports
overture::puppetserver::crl_refresh: 10
overture::puppetserver::confdir: $home/conf
overture::puppetserver::codedir: $home/code
overture::puppetserver::vardir: $home/var
overture::puppetserver::rundir: $home/run
overture::puppetserver::logdir: $home/log
overture::puppetserver::ssldir: $home/ssl
overture::puppetserver::bindir: ${PUPPET_BIN:-$home/bin}
overture::puppetserver::enc_command: /usr/bin/overture-enc
overture::puppetserver::modules_source: /usr/share/overture/production
overture::puppetserver::manage_service: false
overture::puppetserver::keylength: 2048
overture::puppetserver::heap: ${PUPPET_HEAP:-768m}
overture::puppetserver::java_args: [-XX:TieredStopAtLevel=1, -XX:+UseSerialGC]
YAML
printf 'version: 5\nhierarchy:\n  - { name: parameters, path: %s }\n' $home/apply/parameters.yaml > $home/apply/hiera.yaml
rc=0
work=/tmp/apply
puppet apply --confdir $work --vardir $work/var --publicdir $work/var/public --rundir $work/var/run --logdir $work/var/log \
    --ssldir $work/var/ssl --hiera_config $home/apply/hiera.yaml --modulepath /usr/share/overture/modules --detailed-exitcodes \
    --color=false --log_level=notice -e 'include overture::puppetserver' || rc=$?
# 2 means "changed something".
[ $rc = 0 ] || [ $rc = 2 ] || exit $rc
echo "puppetserver $(cat $home/apply/certname) is configured"
