#!/usr/bin/env bash
# usage: eng/compose-test.sh
#
# Runs docker-compose.yml for real: a Docker engine of its own (data, socket and tags in a temporary folder), images built here, up with
# the demo node, which must converge with a whole timeline and trace; then kills and starts each container once, and nothing may be lost.
# Everything it made is gone afterwards, on failure and Ctrl-C too; the packages stay.
#
# Base images come from public registries for users; here they are made on the spot: Debian by debootstrap, .NET from this host's SDK and
# the NuGet packages it has (so the checkout must have been built), Redis from Debian. eng/compose-test.yml says what else is replaced.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
. "$root/eng/sdk.sh"
. "$root/eng/packages.sh"
cd "$root"
find_sdk
[ "$(id -u)" = 0 ] || { echo "error: needs root: it starts a Docker engine" >&2; exit 1; }
install_packages "a Docker engine for the test of docker-compose.yml" docker.io docker-compose debootstrap iptables iproute2

begin=$SECONDS
say() { printf '[%3d s] %s\n' $((SECONDS - begin)) "$*"; }
fail() { echo "error: $*" >&2; exit 1; }

work=$(mktemp -d)
engine= bridge_was=
[ ! -e /sys/class/net/docker0 ] || bridge_was=yes
iptables-save > "$work/iptables"
offset=${OVERTURE_PORT_OFFSET:-20000}
for name in "${!OVERTURE_@}" "${!DOCKER_@}" "${!COMPOSE_@}"; do unset "$name"; done
export DOCKER_HOST=unix://$work/sock DOCKER_CONFIG=$work/config COMPOSE_PROJECT_NAME=overture-test
export REDIS_IMAGE=standin/redis SDK_IMAGE=standin/sdk ASPNET_IMAGE=standin/aspnet BASE_IMAGE=standin/debian RESTORE=-p:NuGetAudit=false
export CONDUCTOR_PORT=$((7001 + offset)) CERTAUTHORITY_PORT=$((7002 + offset)) CLASSIFIER_PORT=$((7003 + offset)) TRACES_PORT=$((16686 + offset))
docker() { /usr/bin/docker "$@"; }
compose() { /usr/bin/docker-compose -f docker-compose.yml -f eng/compose-test.yml --profile demo --profile tools "$@"; }
cli() { compose run --rm -T cli "$@" 2> "$work/cli.err"; }

finish() {
    local rc=$? i
    trap - EXIT
    trap '' INT TERM HUP
    say "taking everything down"
    if [ -n "$engine" ] && kill -0 "$engine" 2> /dev/null; then
        if [ $rc != 0 ]; then
            docker ps -a || true
            compose logs --no-color --tail=15 2>&1 | cut -c1-300 || true
        fi
        compose down --volumes --timeout 5 > /dev/null 2>&1 || true
        kill -TERM "$engine" 2> /dev/null || true
        for ((i = 0; i < 300; i++)); do
            kill -0 "$engine" 2> /dev/null || break
            sleep 0.1
        done
        kill -KILL "$engine" 2> /dev/null || true
        wait "$engine" 2> /dev/null || true
    fi
    awk -v under="$work/" 'index($2, under) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l || true
    iptables-restore < "$work/iptables" || true
    [ -n "$bridge_was" ] || ip link delete docker0 2> /dev/null || true
    rm -rf --one-file-system "$work"
    say "done, exit code $rc"
    exit $rc
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# until_true WHAT SECONDS COMMAND...
until_true() {
    local what=$1 limit=$2 i; shift 2
    for ((i = 0; i < limit * 2; i++)); do
        ! "$@" > /dev/null 2>&1 || return 0
        sleep 0.5
    done
    fail "$what: not within $limit s"
}

say "an engine of its own"
/usr/sbin/dockerd --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/pid" --host "$DOCKER_HOST" > "$work/dockerd.log" 2>&1 &
engine=$!
until_true "dockerd ($(tail -n 1 "$work/dockerd.log"))" 60 docker info

say "base images"
debootstrap --variant=minbase --include=ca-certificates bookworm "$work/rootfs" http://deb.debian.org/debian > "$work/debootstrap.log" 2>&1 ||
    { tail -n 5 "$work/debootstrap.log" >&2; fail "debootstrap failed"; }
tar -C "$work/rootfs" --one-file-system -c . | docker import -c 'CMD ["bash"]' - standin/debian > /dev/null
mkdir "$work/empty"
base_from() { # IMAGE CONTEXT, the Dockerfile on stdin
    cat > "$work/${1#*/}.Dockerfile"
    docker build --quiet --tag "$1" --file "$work/${1#*/}.Dockerfile" "$2" > "$work/build.log" 2>&1 || { tail -n 20 "$work/build.log" >&2; fail "$1 can't be built"; }
}
base_from standin/dotnet "$DOTNET_ROOT" <<'END'
FROM standin/debian
COPY . /usr/share/dotnet/
RUN ln -s /usr/share/dotnet/dotnet /usr/bin/dotnet
END
base_from standin/sdk "${NUGET_PACKAGES:-$HOME/.nuget/packages}" <<'END'
FROM standin/dotnet
RUN apt-get update && apt-get install -y --no-install-recommends clang zlib1g-dev
COPY . /packages/
ENV NUGET_PACKAGES=/packages
END
base_from standin/aspnet "$work/empty" <<'END'
FROM standin/dotnet AS dotnet
FROM standin/debian
COPY --from=dotnet /usr/share/dotnet/dotnet /usr/share/dotnet/dotnet
COPY --from=dotnet /usr/share/dotnet/host /usr/share/dotnet/host
COPY --from=dotnet /usr/share/dotnet/shared /usr/share/dotnet/shared
RUN ln -s /usr/share/dotnet/dotnet /usr/bin/dotnet
END
base_from standin/redis "$work/empty" <<'END'
FROM standin/debian
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends redis-server
END

say "our images"
compose build node > "$work/node.log" 2>&1 & node=$!
for image in conductor certauthority classifier puppetserver; do
    compose build $image > "$work/$image.log" 2>&1 || { tail -n 25 "$work/$image.log" >&2; fail "image $image can't be built"; }
done
wait $node || { tail -n 25 "$work/node.log" >&2; fail "image node can't be built"; }

say "up"
timeout 180 /usr/bin/docker-compose -f docker-compose.yml -f eng/compose-test.yml --profile demo up --detach --no-build > "$work/up.log" 2>&1 ||
    { tail -n 25 "$work/up.log" >&2; fail "docker-compose up failed"; }
container() { compose ps -q "$1"; }
certname=$(docker logs "$(container node-register)" 2> /dev/null | sed -n 's/^registered //p')
[ -n "$certname" ] || fail "node-register registered nothing"

converged() { cli instance show "$certname" -o json | grep -q '"state": *"INSTANCE_STATE_CONVERGED"'; }
until_true "node $certname converges" 120 converged
say "converged: $certname"

cli instance timeline "$certname" | tee "$work/timeline"
for step in "registered by" "signed" "classified: login_allowed" "first good run"; do grep -qi "$step" "$work/timeline" || fail "the timeline lacks '$step'"; done
trace=$(cli instance show "$certname" -o json | sed -n 's/.*"traceId": *"\([0-9a-f]*\)".*/\1/p' | head -n 1)
traced() {
    docker exec "$(container traces)" python3 -c "import urllib.request; print(urllib.request.urlopen('http://localhost:4318/trace/$trace').read().decode())" > "$work/trace"
    [ "$(grep -cxE 'overture-(conductor|certauthority|classifier)' "$work/trace")" = 3 ]
}
until_true "all three services' spans are in trace $trace" 30 traced
say "trace $trace has: $(tr '\n' ' ' < "$work/trace")"

healthy() { [ "$(docker inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}' "$1")" = "$2" ]; }
for service in redis conductor certauthority classifier puppetserver node traces; do
    id=$(container $service)
    docker kill "$id" > /dev/null
    docker start "$id" > /dev/null
    case $service in redis | node | traces) state=running ;; *) state=healthy ;; esac
    until_true "$service is $state again" 90 healthy "$id" $state
    until_true "$certname is converged after $service was killed" 30 converged
    cli instance timeline "$certname" > "$work/after" || fail "no timeline after $service was killed: $(cat "$work/cli.err")"
    [ -z "$(grep -vxFf "$work/after" "$work/timeline")" ] || fail "after $service was killed the timeline lacks: $(grep -vxFf "$work/after" "$work/timeline")"
    say "killed and started: $service"
done
cli audit verify > /dev/null || fail "the audit log: $(cat "$work/cli.err")"
# The node, booted a second time, goes on with its certificate: another good run is reported.
docker exec "$(container node)" sh -c 'puppet agent --test --color=false --waitforlock 60; rc=$?; [ $rc = 0 ] || [ $rc = 2 ]' > "$work/run" 2>&1 ||
    { tail -n 20 "$work/run" >&2; fail "the node's next run failed"; }
say "the node's next run is good"
