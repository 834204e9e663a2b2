#!/usr/bin/env bash
# usage: eng/identity-provider.sh [--help]
#
# An identity provider on this machine, to try the console's sign-in by one (docs/console.md): the npm package oidc-provider as the tests have
# it, until Ctrl-C. Any password does. kim is admin, jo operator of the profile web, vi viewer; everyone else is in no group.
# It writes sign-in.yaml into OVERTURE_HOME, for `./run --sign-in`; the certificates are those that an earlier ./run made there.
#
#   OVERTURE_HOME          as for ./run   (default: .overture beside this checkout's ./run)
#   OVERTURE_PORT_OFFSET   as for ./run   (default: 10000); it listens on 8149 plus this
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
[ $# = 0 ] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 2; }
. "$root/eng/packages.sh"
. "$root/eng/ports.sh"
home=$(realpath -m "${OVERTURE_HOME:-$root/.overture}")
port=$((8149 + offset)) modules=$root/artifacts/npm/node_modules
[ -e "$home/pki/conductor.pem" ] || { echo "error: no certificates in $home; run ./run --once first" >&2; exit 1; }
command -v npm > /dev/null || install_packages "the identity provider" nodejs npm
[ -e "$modules/oidc-provider/lib/index.js" ] || { mkdir -p "$root/artifacts/npm" &&
    npm install --silent --no-fund --no-audit --prefix "$root/artifacts/npm" oidc-provider@9.13.3; }

(umask 077; echo a-secret-of-tests > "$home/client-secret")
cat > "$home/sign-in.yaml" <<EOF
openIdConnect:
  issuer: https://localhost:$port
  clientId: overture-console
  clientSecretFile: "$home/client-secret"
  title: the provider of this machine
  roots: "$home/pki/ca.pem"
  grants:
    10-admins: { group: admins, role: admin }
    20-web: { group: web, role: operator, scope: [profile=web] }
    90-all: { group: everyone, role: viewer }
EOF
echo "for another terminal:  ./run --sign-in \"$home/sign-in.yaml\""
exec node "$root/tests/Overture.Console.Tests/Fakes/provider.mjs" "$modules" "$port" "$home/pki/conductor.pem" "$home/pki/conductor.key" \
    "https://localhost:$PORT_CONSOLE" 3600
