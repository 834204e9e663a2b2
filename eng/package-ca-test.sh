#!/usr/bin/env bash
# usage: eng/package-ca-test.sh [DIR]
#
# A site that has a puppetserver with a CA already, and now installs the packages in DIR (else those that eng/release.sh makes now), in a
# throw-away Debian 12 with systemd as PID 1:
#
#   setup --ca stock:HOST:PORT   the CA stays puppetserver's: it asks overture-autosign of the package, signs what was registered and
#                                nothing else, and CertAuthority revokes there
#   setup --ca CADIR             the same CA moves in: its nodes keep their certificates, what was revoked stays so, it signs on here
#
# Everything it made is gone afterwards; the packages and root file systems stay.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
. "$root/eng/packages.sh"
case ${1:-} in -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;; esac
[ "$(id -u)" = 0 ] || { echo "error: needs root: it boots a root file system" >&2; exit 1; }
install_packages "the test of the packages" systemd-container
. "$root/eng/booted-root.sh"
prepare_packages "$@"
boot_root

# register NAME PORT: its token in /root/NAME.token, its certname in $certname
register() {
    inside "printf '%s\n' 'provider: local' 'puppet: { server: localhost, serverport: $2, ca_server: localhost, ca_port: $2 }' \
        'attestation: token' 'node: { classes: {}, environment: production }' > /root/$1.yaml
        overture instance register -c /root/$1.yaml --token-file /root/$1.token -o json" > "$work/said" 2>&1 ||
        { cat "$work/said" >&2; fail "register $1"; }
    certname=$(sed -n 's/.*"certname": *"\([0-9a-f-]*\)".*/\1/p' "$work/said" | head -n 1)
    [ -n "$certname" ] || fail "nothing was registered: $(cat "$work/said")"
}
# agent NAME CERTNAME PORT: asks for a certificate like a node, with the token if it has one
agent() {
    inside "mkdir -p /root/$1/c /root/$1/s/certs
        [ ! -e /root/$1.token ] || printf 'custom_attributes: { 1.2.840.113549.1.9.7: %s }\n' \"\$(cat /root/$1.token)\" > /root/$1/c/csr_attributes.yaml
        cp /etc/overture/ca_crt.pem /root/$1/s/certs/ca.pem
        timeout 300 puppet ssl bootstrap --waitforcert ${4:-2} --certname $2 --ca_server localhost --ca_port $3 --confdir /root/$1/c \
            --ssldir /root/$1/s --vardir /root/$1/v --publicdir /root/$1/v/public --rundir /root/$1/v/run --logdir /root/$1/v/log --color false"
}
serial_of() { inside "openssl x509 -in $1 -noout -serial" | cut -d= -f2; }

say "a puppetserver with its own CA, and the packages"
expect "the packages do not install" "apt-get install -y --no-install-recommends $old"
# Without the C2 compiler the JVM needs half the time to start.
expect "the puppetserver" 'systemd-run --quiet --unit=test-stock -p KillMode=process -p RemainAfterExit=yes --setenv=STOCK_HEAP=768m \
    --setenv="STOCK_JAVA_ARGS=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC" /source/eng/stock-puppetserver.sh start /srv/stock 8150 /usr/bin/overture-autosign'

say "overture setup --ca stock, without what puppetserver's CA knows CertAuthority by"
! inside 'overture setup --yes --name server.test --ca stock:localhost:8150' > "$work/said" 2>&1 || fail "setup goes on without certificates"
grep -q 'generate --ca-client --certname overture' "$work/said" && inside 'test ! -e /etc/overture' || { cat "$work/said" >&2; fail "it does not say what is missing"; }
until_true "the puppetserver answers" 900 'curl -sf --insecure https://localhost:8150/status/v1/simple/ca'

say "overture setup --ca stock"
inside 'set -e
    mkdir -p /etc/overture/stock
    cp /srv/stock/ssl/certs/admin.pem /etc/overture/stock/overture.pem
    cp /srv/stock/ssl/private_keys/admin.pem /etc/overture/stock/overture.key
    cp /srv/stock/ssl/certs/ca.pem /etc/overture/stock/ca_crt.pem
    overture setup --yes --name server.test --ca stock:localhost:8150' || fail "setup --ca stock"
expect "hooks.yaml" 'set -e
    install -d -g puppet -m 0750 /etc/overture/hooks
    install -g puppet -m 0640 /var/lib/overture/pki/{autosign.key,autosign.pem,enc.key,enc.pem,ca.pem} /etc/overture/hooks/
    printf "%s\n" "certAuthority: localhost:7002" "classifier: localhost:7003" \
        "tls: { certificate: hooks/enc.pem, key: hooks/enc.key, roots: hooks/ca.pem }" \
        "autosignTls: { certificate: hooks/autosign.pem, key: hooks/autosign.key }" > /etc/overture/hooks.yaml'
for each in ends stays; do
    register $each 8150
    agent $each "$certname" 8150 > "$work/said" 2>&1 || { cat "$work/said" >&2; fail "the node is not signed"; }
    until_true "the instance is signed" 60 "overture instance show $certname | grep -i signed"
    declare "$each=$certname"
done
# A stranger's request waits at puppetserver: nobody let it in.
! agent stranger stranger.test 8150 0 > "$work/said" 2>&1 || fail "a stranger is signed"
expect "the stranger's request" 'test -e /srv/stock/ca/requests/stranger.test.pem && test ! -e /srv/stock/ca/signed/stranger.test.pem'
serial=$(serial_of "/root/ends/s/certs/$ends.pem")
expect "the end of an instance" "overture instance terminate --yes $ends"
until_true "puppetserver's CRL has it" 120 "openssl crl -in /srv/stock/ca/ca_crl.pem -noout -text | grep -i 'Serial Number: *0*$serial'"
say "puppetserver signed and revoked as CertAuthority decided"

say "overture setup --ca CADIR: the same CA moves in"
expect "the puppetserver stops" '/source/eng/stock-puppetserver.sh stop /srv/stock'
expect "purge" 'echo overture-server overture-server/purge-data boolean true | debconf-set-selections && apt-get purge -y overture-server'
expect "install" "apt-get install -y --no-install-recommends $old"
inside 'overture setup --yes --name server.test --ca /srv/stock/ca' || fail "setup --ca CADIR"
expect "the CA is another" 'cmp /srv/stock/ca/ca_crt.pem /var/lib/overture/ca/ca_crt.pem'
until_true "the imported node" 60 "overture certificate list | grep $stays"
expect "a node keeps its certificate" "curl -sf --cacert /etc/overture/ca_crt.pem --cert /root/stays/s/certs/$stays.pem --key /root/stays/s/private_keys/$stays.pem \
    https://localhost:8141/puppet-ca/v1/certificate/$stays"
expect "what was revoked is not" "curl -sf --cacert /etc/overture/ca_crt.pem https://localhost:8141/puppet-ca/v1/certificate_revocation_list/ca |
    openssl crl -noout -text | grep -i 'Serial Number: *0*$serial'"
register later 8141
agent later "$certname" 8141 > "$work/said" 2>&1 || { cat "$work/said" >&2; fail "the CA does not sign here"; }
expect "another CA signed" "openssl verify -CAfile /srv/stock/ca/ca_crt.pem /root/later/s/certs/$certname.pem"
say "done"
