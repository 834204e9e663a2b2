#!/bin/bash
# One-shot: registers this puppetserver with the Conductor and lets Puppet configure it (class overture::puppetserver), all of it in
# /var/lib/overture/puppetserver. As root, what starts the server is root's own; as user puppet (in Kubernetes), put PUPPET_BIN where the
# server may not write.
#
# Reads /etc/overture/admin (cli.yaml and an identity of the internal PKI) and PUPPET_NAMES, comma-separated: how agents reach the server.
# PUPPET_BIN: where the programs go, by default in with the rest; its parent must exist. PUPPET_HEAP: the JVM's heap, 768m. /tmp must be this
# run's own.
#
# The server may write all of that folder, and this run has an identity that it must not get: what is read from there is checked before any
# use, and Puppet's configuration is in /tmp.
set -euo pipefail

home=/var/lib/overture/puppetserver
# HOME: unless it is root, puppet writes there.
export OVERTURE_CLI_CONFIG=/etc/overture/admin/cli.yaml HOME=/tmp
install -d -o puppet -g puppet -m 0750 $home $home/apply

# kept FILE PREFIX: what an earlier run left there, if it is PREFIX and a UUID and nothing else
kept() {
    local text
    [ -f "$home/apply/$1" ] || return 1
    text=$(head -c 100 "$home/apply/$1" 2> /dev/null | tr '\0' '?') || return 1
    [[ $text =~ ^$2[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$ ]] && echo "$text"
}

# The same request finds the same registration, however often this is repeated; once the certificate is there its token is spent. A token that
# not used within a day has expired: register again, then.
certname=$(kept certname '' || true)
if [ -z "$certname" ] || [ ! -e "$home/ssl/certs/$certname.pem" ]; then
    find $home/apply -name request -mmin +1380 -delete
    request=$(kept request puppetserver- || true)
    if [ -z "$request" ]; then
        request=puppetserver-$(cat /proc/sys/kernel/random/uuid)
        rm -rf $home/apply/request
        echo "$request" > $home/apply/request
    fi
    cat > /tmp/puppetserver.yaml <<YAML
image: host
puppet: {server: puppet, serverport: 8140, ca_server: certauthority, ca_port: 8141}
role: puppetserver
deadline: 24h
dns_alt_names: [${PUPPET_NAMES:-puppet,localhost}]
profile: puppetserver
node: {classes: {}, parameters: {}, environment: production}
YAML
    overture instance register -c /tmp/puppetserver.yaml --request-id "$request" --token-file /tmp/token -o json > /tmp/registered
    certname=$(sed -n 's/.*"certname": *"\([0-9a-f-]*\)".*/\1/p' /tmp/registered | head -n 1)
    rm -rf $home/apply/certname
    echo "$certname" > $home/apply/certname
    install -o puppet -g puppet -m 0400 /tmp/token $home/apply/token
fi

work=/tmp/apply
rm -rf $work
mkdir -m 0700 $work
cat > $work/parameters.yaml <<YAML
---
overture::puppetserver::certname: $certname
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
printf 'version: 5\nhierarchy:\n  - { name: parameters, path: %s }\n' $work/parameters.yaml > $work/hiera.yaml
rc=0
puppet apply --confdir $work --vardir $work/var --publicdir $work/var/public --rundir $work/var/run --logdir $work/var/log \
    --ssldir $work/var/ssl --hiera_config $work/hiera.yaml --modulepath /usr/share/overture/modules --detailed-exitcodes \
    --color=false --log_level=notice -e 'include overture::puppetserver' || rc=$?
# 2 means "changed something".
[ $rc = 0 ] || [ $rc = 2 ] || exit $rc
echo "puppetserver $certname is configured"
