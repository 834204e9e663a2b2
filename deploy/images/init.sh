#!/bin/bash
# One-shot, as root, before anything else: the internal PKI, the Puppet CA, users of Redis, and for each party its own files and no other's.
# A second run renews what is past two thirds of its life and leaves the rest.
#
# /init keeps it all (only this script mounts it: the root's key is there); /out/PARTY becomes that party's /etc/overture.
set -euo pipefail
umask 077
owner=65532:65532

overture pki init --home /init --host conductor --host certauthority --host classifier --host console
overture ca init --home /init --name "${CA_NAME:-Overture}"
overture registry init --home /init
[ -s /init/redis.password ] || head -c 24 /dev/urandom | base64 | tr -d '+/=\n' > /init/redis.password

# give PARTY FILE...: into its folder, readable for it alone. In one step each: a service may be reading.
give() {
    local party=$1 file name; shift
    for file in "$@"; do
        name=$(basename "$file")
        cp "$file" "/out/$party/.$name"
        chown $owner "/out/$party/.$name"
        chmod 0400 "/out/$party/.$name"
        mv "/out/$party/.$name" "/out/$party/$name"
    done
}
folder() { mkdir -p "$1"; chown $owner "$1"; chmod 0700 "$1"; }

for party in conductor certauthority classifier; do
    folder /out/$party
    give $party /init/pki/$party.pem /init/pki/$party.key /init/pki/ca.pem /init/redis/$party.password
    rm -f /out/$party/redis.password # of an earlier version: that of the default user
    cat > /init/cli.yaml <<YAML
conductor: conductor:7001
certAuthority: certauthority:7002
classifier: classifier:7003
caApi: certauthority:8141
tls: { certificate: $party.pem, key: $party.key, roots: ca.pem }
YAML
    give $party /init/cli.yaml
done
# The console keeps no records, so it has no user of Redis; its container's own health check asks it under the name that browsers use.
folder /out/console
give console /init/pki/console.pem /init/pki/console.key /init/pki/ca.pem
cat > /init/cli.yaml <<YAML
console: localhost:${CONSOLE_PORT:-8144}
tls: { certificate: console.pem, key: console.key, roots: ca.pem }
YAML
give console /init/cli.yaml

give conductor /init/launch/signing.key /init/launch/token.key /init/ca/ca_crt.pem
folder /out/certauthority/ca
folder /out/certauthority/trusted
give certauthority/trusted /init/launch/trusted/*.pem
# What CertAuthority signs with; the root's key stays here.
for file in ca_crt.pem ca_key.pem passphrase root_crl.pem; do [ ! -e "/init/ca/$file" ] || give certauthority/ca "/init/ca/$file"; done

folder /out/admin
give admin /init/pki/admin.pem /init/pki/admin.key /init/pki/ca.pem
cat > /init/cli.yaml <<YAML
conductor: conductor:7001
certAuthority: certauthority:7002
classifier: classifier:7003
caApi: certauthority:8141
console: localhost:${CONSOLE_PORT:-8144}
tls: { certificate: admin.pem, key: admin.key, roots: ca.pem }
YAML
give admin /init/cli.yaml

folder /out/puppetserver
give puppetserver /init/pki/enc.pem /init/pki/enc.key /init/pki/ca.pem /init/ca/ca_crt.pem
cat > /init/hooks.yaml <<YAML
classifier: classifier:7003
certAuthority: certauthority:7002
tls: { certificate: enc.pem, key: enc.key, roots: ca.pem }
YAML
give puppetserver /init/hooks.yaml

folder /out/redis
# User health may ping, for the health check; the default user's password stays here.
{
    printf 'port 6379\ndir /data\nappendonly yes\nsave ""\nuser health on nopass -@all +ping\nrequirepass %s\n' "$(cat /init/redis.password)"
    cat /init/redis/users.conf
} > /init/redis.conf
give redis /init/redis.conf
for volume in /out/redis-data /out/objects /out/state-*; do folder "$volume"; done
echo "init: done"
