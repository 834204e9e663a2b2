# Sourced. Writes the configuration of ./run's processes, all below $home; derived, so written again each time.

configure() {
    local service port
    mkdir -p "$home"/{etc,log,run,redis,state,instances,images}
    chmod 700 "$home"
    # Of Redis' default user, for people; each service has a user of its own (overture registry init).
    [ -e "$home/redis/password" ] || (umask 077; head -c 24 /dev/urandom | base64 | tr -d '+/=\n' > "$home/redis/password")
    (umask 077; cat > "$home/etc/redis.conf" <<EOF
bind 127.0.0.1
port $PORT_REDIS
dir "$home/redis"
appendonly yes
save ""
include "$home/redis/users.conf"
requirepass $(cat "$home/redis/password")
EOF
    )
    for service in conductor certauthority classifier; do
        port=PORT_${service^^}
        {
            cat <<EOF
bucket: "file:$home/objects"
listen: 127.0.0.1:${!port}
stateDirectory: "$home/state/$service"
tls: { certificate: "$home/pki/$service.pem", key: "$home/pki/$service.key", roots: "$home/pki/ca.pem" }
registry: { endpoint: "127.0.0.1:$PORT_REDIS", user: $service, passwordFile: "$home/redis/$service.password" }
EOF
            "${service}_options"
            # What only a console has of it: its secret and what its button says.
            [ -z "${sign_in:-}" ] || services_part "$sign_in"
        } > "$home/etc/$service.yaml"
    done
    cat > "$home/etc/console.yaml" <<EOF
listen: 127.0.0.1:$PORT_CONSOLE
url: https://localhost:$PORT_CONSOLE
stateDirectory: "$home/state/console"
conductor: localhost:$PORT_CONDUCTOR
certAuthority: localhost:$PORT_CERTAUTHORITY
classifier: localhost:$PORT_CLASSIFIER
tls: { certificate: "$home/pki/console.pem", key: "$home/pki/console.key", roots: "$home/pki/ca.pem" }
EOF
    [ -z "${sign_in:-}" ] || cat "$sign_in" >> "$home/etc/console.yaml"
    cat > "$home/cli.yaml" <<EOF
conductor: localhost:$PORT_CONDUCTOR
certAuthority: localhost:$PORT_CERTAUTHORITY
classifier: localhost:$PORT_CLASSIFIER
caApi: localhost:$PORT_CA_API
console: localhost:$PORT_CONSOLE
tls: { certificate: pki/admin.pem, key: pki/admin.key, roots: pki/ca.pem }
EOF
}

# services_part FILE: without what the services have no key for, each with the lines below it that are further in, or are its list
services_part() {
    awk '/^  (clientSecretFile|scopes|title):/ { dropped = 1; next } dropped && /^(   |  - |[ \t]*$)/ { next } { dropped = 0; print }' "$1"
}

conductor_options() {
    cat <<EOF
launch:
  signingKey: "$home/launch/signing.key"
  tokenKey: "$home/launch/token.key"
  caBundle: "$home/ca/ca_crt.pem"
local:
  directory: "$home/instances"
  images: "$home/images"
  hide: ["$home"]
reports: { listen: "127.0.0.1:$PORT_REPORTS", dnsNames: [localhost], caServer: localhost, caPort: $PORT_CA_API }
firstBoot: { listen: "127.0.0.1:$PORT_FIRST_BOOT", url: "https://localhost:$PORT_FIRST_BOOT" }
EOF
}

certauthority_options() {
    cat <<EOF
caDirectory: "$home/ca"
launchKeys: "$home/launch/trusted"
puppetApi: { listen: "127.0.0.1:$PORT_CA_API", dnsNames: [localhost], accessLog: "$home/log/ca-access.log" }
EOF
}

# The terminus listener, and the puppetserver to compare definitions with, where this Classifier has a name in the Puppet CA (name_classifier).
classifier_options() {
    [ -e "$home/etc/classifier.certname" ] || return 0
    cat <<EOF
terminus:
  listen: "127.0.0.1:$PORT_TERMINUS"
  certname: "$(cat "$home/etc/classifier.certname")"
  tokenFile: "$home/etc/classifier.token"
  caServer: localhost
  caPort: $PORT_CA_API
  caBundle: "$home/ca/ca_crt.pem"
  launchKeys: "$home/launch/trusted"
puppetserver: { url: "https://localhost:$PORT_PUPPETSERVER" }
EOF
}

# Before configure: the name Classifier's terminus listener is certified under. A name is launched once, so one that never got its
# certificate is not tried again.
name_classifier() {
    mkdir -p "$home/etc"
    [ -e "$home/state/classifier/puppet-host/current" ] && [ -e "$home/etc/classifier.certname" ] ||
        echo "classifier-$(cut -c1-8 /proc/sys/kernel/random/uuid)" > "$home/etc/classifier.certname"
}

# Once the services run: registers that name, so that its certificate can come. FILE: examples/terminus.yaml.
register_classifier() {
    [ -e "$home/state/classifier/puppet-host/current" ] ||
        overture instance register -c "$1" --certname "$(cat "$home/etc/classifier.certname")" --dns-alt-name localhost \
            --token-file "$home/etc/classifier.token" > "$home/log/register.log" 2>&1 || { cat "$home/log/register.log" >&2; return 1; }
}

# certname_of JSON: the first that a command printed.
certname_of() { sed -n 's/.*"certname": *"\([0-9a-f-]*\)".*/\1/p' <<< "$1" | head -n 1; }

trace_of() { sed -n 's/.*"traceId": *"\([0-9a-f]*\)".*/\1/p' <<< "$1" | head -n 1; }

# The ENC's binary, key and configuration, where user puppet finds them: inside the puppetserver's home, which it sees as /mnt.
place_hooks() {
    local server=$home/puppetserver
    install -D -m 0755 "$root/artifacts/cli/overture" "$server/bin/overture-enc.new"
    mv "$server/bin/overture-enc.new" "$server/bin/overture-enc"
    install -d -g puppet -m 0750 "$server/hooks"
    install -g puppet -m 0640 "$home/pki/enc.key" "$home/pki/enc.pem" "$home/pki/ca.pem" "$server/hooks/"
    cat > "$server/hooks/hooks.yaml" <<EOF
classifier: localhost:$PORT_CLASSIFIER
certAuthority: localhost:$PORT_CERTAUTHORITY
tls: { certificate: /mnt/hooks/enc.pem, key: /mnt/hooks/enc.key, roots: /mnt/hooks/ca.pem }
EOF
}
