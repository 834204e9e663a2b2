#!/usr/bin/env bash
# usage: eng/compose-test.sh
#
# Runs docker-compose.yml for real, in a Docker engine of its own (data, socket and tags in a temporary folder): images built here, up with
# the demo node, which must converge with a whole timeline and trace; each container is what docs/compose.md says of it (user, root,
# capabilities, labels, health). With OVERTURE_FULL=1 each is killed and started once, each service upgraded, all but the node thrown away
# and restored from a backup, by that page's commands, and nothing may be lost. Everything it made is gone afterwards, on failure, Ctrl-C
# and TERM too; the packages stay.
#
# Base images come from public registries for users; here they are made on the spot: Debian by mmdebstrap, .NET from this host's SDK and
# the NuGet packages that the build needs, Redis from Debian. eng/compose-test.yml says what else is replaced.
#
# Took 400 s and 429 s on two cores that others were building on (load 40 and 35; the engine's containers with the weight of eight tasks):
# 50 and 78 for the base images, 158 and 159 for ours, 69 and 57 until converged, 44 and 46 for the checks and kills, 25 and 31 for the
# upgrades, 54 and 58 for the restore. 450 to 480 s of processor time in all, so 4 minutes or more on two free cores (not measured). A signal ended
# it in 2 s (base images), 3 s (ours) and 7 s (all up, at a load of 94).
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
. "$root/eng/sdk.sh"
. "$root/eng/packages.sh"
cd "$root"
find_sdk
[ "$(id -u)" = 0 ] || { echo "error: needs root: it starts a Docker engine" >&2; exit 1; }
install_packages "a Docker engine for the test of docker-compose.yml" docker.io docker-compose mmdebstrap iptables iproute2 python3 curl

begin=$SECONDS
say() { printf '[%3d s] %s\n' $((SECONDS - begin)) "$*"; }
fail() { reason="error: $*"; echo "$reason" >&2; exit 1; }

work=$(mktemp -d)
engine= bridge_was= reason=
[ ! -e /sys/class/net/docker0 ] || bridge_was=yes
iptables-save > "$work.iptables"
offset=${OVERTURE_PORT_OFFSET:-20000}
for name in "${!OVERTURE_@}" "${!DOCKER_@}" "${!COMPOSE_@}"; do unset "$name"; done
export DOCKER_HOST=unix://$work/sock DOCKER_CONFIG=$work/config COMPOSE_PROJECT_NAME=overture-test
export REDIS_IMAGE=standin/redis SDK_IMAGE=standin/sdk ASPNET_IMAGE=standin/aspnet BASE_IMAGE=standin/debian RESTORE=-p:NuGetAudit=false
export CONDUCTOR_PORT=$((7001 + offset)) CERTAUTHORITY_PORT=$((7002 + offset)) CLASSIFIER_PORT=$((7003 + offset)) CONSOLE_PORT=$((8144 + offset)) TRACES_PORT=$((16686 + offset))
docker() { /usr/bin/docker "$@"; }
compose() { /usr/bin/docker-compose -f docker-compose.yml -f eng/compose-test.yml "$@"; }

# background NAME COMMAND...: its output in $work/NAME.log, its pid in $!; a process group of its own, so that finish ends all of it
background() {
    local log=$work/$1.log; shift
    set -m
    "$@" < /dev/null > "$log" 2>&1 &
    set +m
}
# wait_for WHAT PID NAME: a signal ends the wait at once, as it would not end a command in the foreground
wait_for() { wait "$2" || { tail -n 25 "$work/$3.log" >&2; fail "$1"; }; }
# (grep reads to the end: with -q the writer may die of its pipe, and pipefail tells)
# step WHAT-FAILED NAME COMMAND...
step() { local what=$1 name=$2; shift 2; background "$name" "$@"; wait_for "$what" $! "$name"; }

finish() {
    local rc=$? pid i
    trap - EXIT
    trap '' INT TERM HUP
    for pid in $(jobs -rp); do
        [ "$pid" = "$engine" ] || { kill -KILL -- "-$pid"; wait "$pid"; } 2> /dev/null || true
    done
    say "taking everything down"
    if [ -n "$engine" ] && kill -0 "$engine" 2> /dev/null; then
        if [ $rc != 0 ] && [ $rc != 130 ]; then
            docker ps -a || true
            compose --profile demo logs --no-color --tail=15 2>&1 | cut -c1-300 || true
        fi
        # No graceful stop: nothing is kept. A killed container is not started again, and frees its network.
        docker ps -q | xargs -r /usr/bin/docker kill > /dev/null 2>&1 || true
        docker network ls -q --filter type=custom | xargs -r /usr/bin/docker network rm > /dev/null 2>&1 || true
        kill -TERM "$engine" 2> /dev/null || true
        for ((i = 0; i < 150; i++)); do
            kill -0 "$engine" 2> /dev/null || break
            sleep 0.1
        done
        kill -KILL "$engine" 2> /dev/null || true
        wait "$engine" 2> /dev/null || true
    fi
    awk -v under="$work/" 'index($2, under) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount -l || true
    umount -l "$work" 2> /dev/null || true
    iptables-restore < "$work.iptables" || true
    [ -n "$bridge_was" ] || ip link delete docker0 2> /dev/null || true
    rm -rf --one-file-system "$work" "$work.iptables"
    say "done, exit code $rc${reason:+: $reason}"
    exit $rc
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# until_true WHAT SECONDS COMMAND...
until_true() {
    local what=$1 limit=$((SECONDS + $2)); shift 2
    until "$@" > /dev/null 2>&1; do
        [ $SECONDS -lt $limit ] || fail "$what: not in time"
        sleep 0.3
    done
}

# In memory where there is plenty: an engine syncs each layer, and 4 GB of small files take long to write and to remove.
[ "$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)" -lt 12000000 ] || mount -t tmpfs -o size=10g,mode=0700 overture-compose-test "$work"

say "an engine of its own"
background engine /usr/sbin/dockerd --data-root "$work/data" --exec-root "$work/exec" --pidfile "$work/pid" --host "$DOCKER_HOST"
engine=$!
. "$root/eng/compose-images.sh"

say "up"
up() { timeout --foreground 600 /usr/bin/docker-compose -f docker-compose.yml -f eng/compose-test.yml "$@" up --detach --no-build; }
step "docker-compose up" up up --profile demo
container() { docker ps -aq --filter "label=com.docker.compose.service=$1" --filter label=com.docker.compose.oneoff=False; }
certname=$(docker logs "$(container node-register)" 2> /dev/null | sed -n 's/^registered //p')
[ -n "$certname" ] || fail "node-register registered nothing"
listed() { compose run --rm -T cli instance list 2> "$work/cli.err" | grep "${certname:0:8}" > /dev/null; }
until_true "instance list has $certname" 120 listed
# The same in a container that stays: a new one for each question takes two seconds.
shell() { [ -z "$(docker ps -q --filter name=^shell$)" ] && compose run --detach --name shell --entrypoint "sleep 3600" cli > /dev/null 2>&1 || true; }
cli() { docker exec shell overture "$@" 2> "$work/cli.err"; }
shell

converged() { cli instance show "$certname" -o json | grep '"state": *"INSTANCE_STATE_CONVERGED"' > /dev/null; }
until_true "node $certname converges" 300 converged
say "converged: $certname"

cli instance timeline "$certname" | tee "$work/timeline"
for part in "registered by" "signed" "classified: login_allowed" "first good run"; do grep -qi "$part" "$work/timeline" || fail "the timeline lacks '$part'"; done
trace=$(cli instance show "$certname" -o json | sed -n 's/.*"traceId": *"\([0-9a-f]*\)".*/\1/p' | head -n 1)
traced() {
    docker exec "$(container traces)" python3 -c "import urllib.request; print(urllib.request.urlopen('http://localhost:4318/trace/$trace').read().decode())" > "$work/trace"
    [ "$(grep -cxE 'overture-(conductor|certauthority|classifier)' "$work/trace")" = 3 ]
}
until_true "all three services' spans are in trace $trace" 120 traced
say "trace $trace has: $(tr '\n' ' ' < "$work/trace")"

healthy() { [ "$(docker inspect -f '{{if .State.Health}}{{.State.Health.Status}}{{else}}{{.State.Status}}{{end}}' "$(container "$1")")" = "$2" ]; }

# The console, as a browser without scripts: the link of `ui`, its form, and the node's page.
browser() { curl --silent --show-error --fail --cacert "$work/ca.pem" --cookie "$work/cookies" --cookie-jar "$work/cookies" "$@"; }
hidden() { sed -n 's/.*name="form_token" value="\([^"]*\)".*/\1/p' "$1" | head -n 1; }
signed_in() {
    docker cp "$(container console):/etc/overture/ca.pem" "$work/ca.pem"
    link=$(compose run --rm -T ui 2> "$work/ui.err" | tr -d '\r')
    browser "$link" > "$work/asked.html"
    browser --data-urlencode "form_token=$(hidden "$work/asked.html")" "$link" > /dev/null
    browser "https://localhost:$CONSOLE_PORT/instances/$certname" > "$work/page.html"
}
until_true "the console's health check is passed" 60 healthy console healthy
step "no sign-in to the console" signed-in signed_in
grep -q "s-converged" "$work/page.html" && grep -q "$certname" "$work/page.html" || fail "the console's page does not show $certname converged"
say "the console shows it, to a person who came by a link"

. "$root/eng/compose-checks.sh"
say "everything passed"
