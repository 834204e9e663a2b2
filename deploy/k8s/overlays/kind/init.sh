#!/bin/bash
# The Job's: the internal PKI, the Puppet CA, launch keys and users of Redis, and for each party its own files and no other's, laid out as
# production's Secrets are. Run again (delete the Job, apply) it renews what is past two thirds of its life and leaves the rest.
# KEYS: where the claims are mounted, /keys; CONFIG: the ConfigMap cli, /config.
set -euo pipefail
umask 077
keys=${KEYS:-/keys} config=${CONFIG:-/config}
home=$keys/init/home

overture pki init --home "$home" --host conductor --host certauthority --host classifier --host console
overture ca init --home "$home" --name "${CA_NAME:-Overture}"
overture registry init --home "$home"
[ -s "$home/redis.password" ] || head -c 24 /dev/urandom | base64 | tr -d '+/=\n' > "$home/redis.password"

# give PARTY NAME FILE: in one step, since a service may be reading
give() {
    mkdir -p "$(dirname "$keys/$1/$2")"
    install -m 0400 "$3" "$keys/$1/$2.new"
    mv "$keys/$1/$2.new" "$keys/$1/$2"
}
identity() { # PARTY NAME
    give "$1" tls/tls.key "$home/pki/$2.key"
    give "$1" tls/tls.crt "$home/pki/$2.pem"
    give "$1" tls/ca.crt "$home/pki/ca.pem"
}

for party in conductor certauthority classifier; do
    identity $party $party
    give $party redis/password "$home/redis/$party.password"
    give $party cli.yaml "$config/cli.yaml"
done
identity console console
give console cli.yaml "$config/cli.yaml"
[ -s "$home/session.keys" ] || head -c 48 /dev/urandom | base64 | tr -d '\n' > "$home/session.keys"
give console session/keys "$home/session.keys"
give conductor launch/signing.key "$home/launch/signing.key"
give conductor launch/token.key "$home/launch/token.key"
give conductor puppet-ca/ca_crt.pem "$home/ca/ca_crt.pem"
give certauthority trusted/conductor.pem "$home/launch/trusted/conductor.pem"
# What CertAuthority signs with; the root's key stays with the Job.
for file in ca_crt.pem ca_key.pem passphrase root_crl.pem; do [ ! -e "$home/ca/$file" ] || give ca $file "$home/ca/$file"; done
identity puppetserver enc
give puppetserver ca_crt.pem "$home/ca/ca_crt.pem"
give puppetserver hooks.yaml "$config/hooks.yaml"
identity register operator
give register cli.yaml "$config/register.yaml"
identity cli admin
give cli cli.yaml "$config/register.yaml"
# The default user's password stays with the Job.
{
    printf 'port 6379\ndir /data\nappendonly yes\nsave ""\nrequirepass %s\n' "$(cat "$home/redis.password")"
    cat "$home/redis/users.conf"
} > "$home/redis.conf"
give redis redis.conf "$home/redis.conf"
for party in conductor certauthority ca classifier console puppetserver register redis cli; do touch "$keys/$party/ready"; done
echo "init: done"
