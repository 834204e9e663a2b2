#!/usr/bin/env bash
# usage: eng/identity-provider.sh [--help]
#
# An identity provider on this machine, to try the console's sign-in by one (docs/console.md): the npm package oidc-provider as the tests have
# it, until Ctrl-C. Any password does. kim is admin, jo operator of the profile web, vi viewer; everyone else is in no group.
# Only where nobody else can log in: every user of the machine may come in by it as kim.
# It writes sign-in.yaml into OVERTURE_HOME, for `./run --sign-in`, and takes it away at its end; so it does with its certificate, which is of
# a CA of its own. Needs root, as OVERTURE_HOME is root's.
#
#   OVERTURE_HOME          as for ./run   (default: .overture beside this checkout's ./run)
#   OVERTURE_PORT_OFFSET   as for ./run   (default: 10000); it listens on 8149 plus this
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
[ $# = 0 ] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 2; }
if [ "$(id -u)" != 0 ]; then
    command -v sudo > /dev/null || { echo "error: needs root, and sudo is not here; run it as root" >&2; exit 1; }
    exec sudo --preserve-env=OVERTURE_HOME,OVERTURE_PORT_OFFSET -- "$0" "$@"
fi
. "$root/eng/packages.sh"
. "$root/eng/ports.sh"
home=$(realpath -m "${OVERTURE_HOME:-$root/.overture}")
port=$PORT_SIGN_IN modules=$root/artifacts/npm/node_modules
[ -d "$home" ] || { echo "error: no $home; run ./run --once first" >&2; exit 1; }
if listening "$port"; then echo "error: port $port is taken by another program" >&2; exit 1; fi
command -v npm > /dev/null || install_packages "the identity provider" nodejs npm
[ -e "$modules/oidc-provider/lib/index.js" ] || { mkdir -p "$root/artifacts/npm" &&
    npm install --silent --no-fund --no-audit --prefix "$root/artifacts/npm" oidc-provider@9.13.3; }

folder=$home/sign-in
provider=
end() {
    trap '' INT TERM HUP
    [ -z "$provider" ] || { kill "$provider" 2> /dev/null || true; wait "$provider" 2> /dev/null || true; }
    rm -rf "$folder" "$home/sign-in.yaml"
}
trap end EXIT
trap 'exit 0' INT TERM HUP
rm -rf "$folder"
(umask 077; mkdir "$folder"; openssl rand -hex 24 > "$folder/client-secret"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$folder/key.pem" -out "$folder/certificate.pem" -days 30 \
        -subj "/CN=localhost" -addext "subjectAltName=DNS:localhost" 2> /dev/null)
cat > "$home/sign-in.yaml" <<EOF
openIdConnect:
  issuer: https://localhost:$port
  clientId: overture-console
  clientSecretFile: "$folder/client-secret"
  title: the provider of this machine
  roots: "$folder/certificate.pem"
  grants:
    10-admins: { group: admins, role: admin }
    20-web: { group: web, role: operator, scope: [profile=web] }
    90-all: { group: everyone, role: viewer }
EOF
echo "for another terminal:  ./run --sign-in \"$home/sign-in.yaml\""
CLIENT_SECRET=$(cat "$folder/client-secret") node "$root/tests/Overture.Console.Tests/Fakes/provider.mjs" "$modules" "$port" "$folder/certificate.pem" "$folder/key.pem" \
    "https://localhost:$PORT_CONSOLE" 3600 &
provider=$!
wait "$provider"
