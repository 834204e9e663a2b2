#!/usr/bin/env bash
# usage: ./run [--once] [--no-ui] [--agent NAME] [--sign-in FILE] [--help]
#
# Runs Overture on this machine: redis-server, CertAuthority, Classifier, Conductor, the console and a real puppetserver, then launches one
# instance from examples/start_instance.yaml and follows it until it has converged. Ctrl-C stops all that was started here.
# A second ./run goes on with the same data.
#
#   --once        exit after the instance: 0 only if it converged; the last line is one JSON object
#   --no-ui       no trace UI; otherwise the Aspire dashboard shows each launch in a browser, where OTEL_EXPORTER_OTLP_ENDPOINT is not
#                 set and 1500 MB are free (a NuGet package of 125 MB, once; it takes about 150 MB of memory)
#
#   --agent NAME  which agent the instance has:
#                   puppet7    Debian 12's 7.23, of this host (default)
#                   puppet8    Debian 13's 8.10
#                   openvox8   the layout of the all-in-one packages: /opt/puppetlabs, /etc/puppetlabs; made of Debian 13's Puppet
#                   openvox9   that of Debian's unstable
#                 All but the first run in a root file system of that release, which eng/roots.sh makes where it is not there yet
#                 (once, 1-4 minutes, about 500 MB each)
#   --sign-in FILE  who may come into the console by an identity provider: the console's option openIdConnect, two spaces in (docs/console.md);
#                 each service gets it too, less what only the console has. eng/identity-provider.sh starts one to try
#
#   OVERTURE_HOME          where everything is kept          (default: .overture beside this file)
#   OVERTURE_PORT_OFFSET   added to every port               (default: 10000)
#   OVERTURE_NODE_TERMINUS how the puppetserver asks what a node is: exec or native (default: exec)
#   OTEL_EXPORTER_OTLP_ENDPOINT   where traces go            (default: to the trace UI)
#
# Needs: Debian 12, root (or sudo), the .NET 10 SDK. Installs redis-server, puppet-agent, puppetserver, cloud-init, clang and
# zlib1g-dev from Debian (and curl, ca-certificates and openssh-client where they are missing), starts none of their services,
# and changes nothing else outside OVERTURE_HOME and this checkout's build folders.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
. "$root/eng/sdk.sh"
. "$root/eng/packages.sh"
. "$root/eng/ports.sh"
. "$root/eng/processes.sh"
. "$root/eng/configure.sh"
. "$root/eng/dashboard.sh"

# What else is set in this shell is for other Overtures.
for name in "${!OVERTURE_@}"; do
    [ "$name" = OVERTURE_HOME ] || [ "$name" = OVERTURE_PORT_OFFSET ] || [ "$name" = OVERTURE_NODE_TERMINUS ] || unset "$name"
done
export NO_PROXY="localhost,127.0.0.1${NO_PROXY:+,$NO_PROXY}" no_proxy="localhost,127.0.0.1${no_proxy:+,$no_proxy}"

once= no_ui= agent=puppet7 sign_in= awaited=
for argument in "$@"; do
    if [ -n "$awaited" ]; then
        printf -v "$awaited" %s "$argument"
        awaited=
        continue
    fi
    case $argument in
        --agent) awaited=agent agent= ;;
        --agent=*) agent=${argument#*=} ;;
        --sign-in) awaited=sign_in ;;
        --sign-in=*) sign_in=${argument#*=} ;;
        --once) once=yes ;;
        --no-ui) no_ui=yes ;;
        -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
        *) echo "error: unknown argument $argument; try ./run --help" >&2; exit 2 ;;
    esac
done
case $agent in
    puppet7) agent_root= ;;
    puppet8) agent_root=trixie-agent ;;
    openvox8) agent_root=openvox8 ;;
    openvox9) agent_root=sid-openvox ;;
    *) awaited=agent ;;
esac
[ "$awaited" != agent ] || { echo "error: --agent is one of puppet7, puppet8, openvox8, openvox9; try ./run --help" >&2; exit 2; }

if [ "$(id -u)" != 0 ]; then
    command -v sudo > /dev/null || { echo "error: needs root (for the packages and the local provider), and sudo is not here; run it as root" >&2; exit 1; }
    echo "needs root for the packages and the local provider: going on under sudo"
    exec sudo --preserve-env=OVERTURE_HOME,OVERTURE_PORT_OFFSET,OVERTURE_NODE_TERMINUS,OTEL_EXPORTER_OTLP_ENDPOINT,DOTNET_ROOT -- "$0" "$@"
fi
# As root: where eng/identity-provider.sh writes it nobody else can look.
if [ -n "$awaited$sign_in" ] && [ "$(head -n 1 "$sign_in" 2> /dev/null)" != openIdConnect: ]; then
    echo "error: --sign-in takes a file whose first line is openIdConnect: (docs/console.md); '$sign_in' is none" >&2
    exit 2
fi

terminus=${OVERTURE_NODE_TERMINUS:-exec}
case $terminus in exec | native) ;; *) echo "error: OVERTURE_NODE_TERMINUS is exec or native, not $terminus" >&2; exit 2 ;; esac

begin=$SECONDS
# place_image: the root file system of the agent that was asked for is an image of the local provider, by the agent's name
place_image() {
    local path
    mkdir -p "$home/images"
    [ -n "$agent_root" ] || return 0
    path=$("$root/eng/roots.sh" "$agent_root" 9>&-) || return 1
    ln -sfn "$(realpath "$path")" "$home/images/$agent"
}
# instance_example: examples/start_instance.yaml, in the image of the agent that was asked for
instance_example() {
    local example
    example=$(with_ports start_instance.yaml)
    if [ -n "$agent_root" ]; then
        sed "s/^image: host$/image: $agent/" "$example" > "$home/etc/start_instance.yaml.new"
        mv "$home/etc/start_instance.yaml.new" "$home/etc/start_instance.yaml"
        example=$home/etc/start_instance.yaml
    fi
    echo "$example"
}
# with_ports EXAMPLE: the example, or a copy of it where the ports were moved
with_ports() {
    if [ "$offset" = 10000 ]; then
        echo "$root/examples/$1"
    else
        sed "s/\b18140\b/$PORT_PUPPETSERVER/; s/\b18141\b/$PORT_CA_API/" "$root/examples/$1" > "$home/etc/$1"
        echo "$home/etc/$1"
    fi
}
say() { printf '[%3d s] %s\n' $((SECONDS - begin)) "$*"; }

home=$(realpath -m "${OVERTURE_HOME:-$root/.overture}")
export OVERTURE_HOME=$home
mkdir -p "$home/run"
exec 9> "$home/run/lock"
flock -n 9 || { echo "error: another ./run is using $home; stop it, or give this one another OVERTURE_HOME" >&2; exit 1; }

services="conductor classifier certauthority"
sleeper= job=
# nap: a second, which a signal cuts short; not holding the lock (9), should this script be killed
nap() {
    sleep 1 9>&- &
    sleeper=$!
    wait "$sleeper"
    sleeper=
}
stop_all() {
    # A second Ctrl-C must not leave half of it running.
    trap '' INT TERM HUP
    trap - EXIT
    say "stopping"
    for name in $sleeper $job; do kill "$name" 2>/dev/null || true; done
    rm -f "$home/etc/puppetserver.token" "$home/etc/classifier.token"
    stop_instances
    stop crl-loop 12
    stop puppetserver 15
    stop console 10
    for name in $services; do stop "$name" 30; done
    stop redis 10
    stop ui 5
    exec 9>&-
    # Under sudo, what was built belongs to the owner of the checkout.
    [ -z "${SUDO_UID:-}" ] || chown -R "$SUDO_UID:${SUDO_GID:-$SUDO_UID}" "$root"/artifacts "$root"/*/bin "$root"/*/obj "$root"/*/*/bin "$root"/*/*/obj 2>/dev/null || true
}

# 1. what can fail, before anything is touched
find_sdk
for name in crl-loop puppetserver console $services redis ui; do stop "$name" 5; done # left by a ./run that was killed
choose_ui
check_ports
install_packages "Redis, Puppet, cloud-init, and a linker for the native command line" \
    redis-server puppet-agent puppetserver cloud-init clang zlib1g-dev curl ca-certificates openssh-client
trap 'stop_all; exit 130' INT TERM HUP
trap stop_all EXIT
place_image
name_classifier
configure
[ -z "$ui" ] || fetch_ui
[ -z "$ui" ] || configure_ui

# 2. a puppetserver that is as we would configure it starts at once: it needs no other service for that, and 20 s
server=$home/puppetserver
# start NAME: the first time, and again where it ended by itself
start() {
    local project
    case $1 in
        redis) launch redis redis-server "$home/etc/redis.conf" ;;
        puppetserver) OVERTURE_HOOKS_CONFIG=/mnt/hooks/hooks.yaml launch puppetserver "$root/eng/puppetserver.sh" start "$server" ;;
        ui) launch_ui ;;
        console) launch console "$DOTNET" "$root/console/bin/Release/net10.0/Overture.Console.dll" --config "$home/etc/console.yaml" ;;
        crl-loop) launch crl-loop "$root/eng/puppetserver.sh" crl-loop "$server" ;;
        *)
            case $1 in certauthority) project=CertAuthority ;; classifier) project=Classifier ;; conductor) project=Conductor ;; esac
            launch "$1" "$DOTNET" "$root/services/$project/bin/Release/net10.0/Overture.$project.dll" --config "$home/etc/$1.yaml"
            ;;
    esac
}
wanted=$(cd "$root" && { echo "$PORT_PUPPETSERVER $PORT_CA_API $PORT_REPORTS $PORT_TERMINUS $terminus $(cat "$home/etc/classifier.certname")"; find deploy/puppet examples/puppet eng/puppetserver.sh -type f -print0 | sort -z | xargs -0 cat; } | sha256sum | cut -d' ' -f1)
puppetserver_is_configured() { [ "$(cat "$server/stands" 2>/dev/null)" = "$wanted" ]; }
if puppetserver_is_configured; then
    start puppetserver
fi

# 3. the build (nothing to do where no source changed): first what the puppetserver's certificate needs, then, beside the JVM's start, the native command line
# 9 is the lock; the compiler leaves a server running that must not hold it.
"$root/eng/build.sh" services 9>&-
# An older native build may not know what the services say by now.
choose_cli() {
    cli=("$root/artifacts/cli/overture")
    [ "$root/artifacts/.cli" -nt "$root/artifacts/.services" ] || cli=("$DOTNET" "$root/cli/bin/Release/net10.0/linux-x64/overture.dll")
}
overture() {
    choose_cli
    "${cli[@]}" "$@"
}
say "keys and certificates"
overture pki init --home "$home" > /dev/null
overture ca init --home "$home" > /dev/null
overture registry init --home "$home" > /dev/null

say "starting redis-server, CertAuthority, Classifier, Conductor and the console"
for name in ${ui:+ui} redis certauthority classifier conductor console; do
    start $name
done
for name in certauthority classifier conductor; do
    await "$name is healthy" 120 $name overture health --service $name
done

register_classifier "$(with_ports terminus.yaml)"
if ! puppetserver_is_configured; then
    say "configuring the puppetserver by Puppet itself; its certificate comes from CertAuthority"
    # The same request finds the same registration, however often this is repeated.
    request=$home/etc/puppetserver.request
    [ -e "$request" ] || echo "puppetserver-$(cat /proc/sys/kernel/random/uuid)" > "$request"
    registration=$(overture instance register -c "$(with_ports puppetserver.yaml)" --request-id "$(cat "$request")" \
        --token-file "$home/etc/puppetserver.token" -o json)
    certname=$(certname_of "$registration")
    if ! { "$root/eng/puppetserver.sh" apply "$server" "certname=$certname" ca_server=localhost "ca_port=$PORT_CA_API" \
               "port=$PORT_PUPPETSERVER" listen=127.0.0.1 crl_refresh=3 "report_url=https://localhost:$PORT_REPORTS/reports" \
               "terminus=$terminus" "classifier_url=https://localhost:$PORT_TERMINUS" "class_readers=[$(cat "$home/etc/classifier.certname")]" &&
           "$root/eng/puppetserver.sh" bootstrap "$server" "$home/ca/ca_crt.pem" "$home/etc/puppetserver.token"; } >> "$home/log/puppet-apply.log" 2>&1; then
        tail -n 15 "$home/log/puppet-apply.log" >&2
        echo "error: the puppetserver could not be configured; the whole log: $home/log/puppet-apply.log" >&2
        rm -f "$request" # its token may have expired: the next try registers again
        exit 1
    fi
    rm -f "$home/etc/puppetserver.token"
    echo "$wanted" > "$server/stands"
    start puppetserver
fi
start crl-loop

"$root/eng/build.sh" cli 9>&-
place_hooks
say "waiting for the puppetserver"
await "the puppetserver is ready" 300 puppetserver \
    curl -sf --cacert "$home/ca/ca_crt.pem" "https://localhost:$PORT_PUPPETSERVER/status/v1/simple"

# A report that finds no receiver is not sent again, so the Conductor must have its certificate by now.
hears_puppetserver() { # PORT
    local own
    own=$(basename "$(ls "$server"/ssl/private_keys/*.pem)")
    curl -s --cacert "$home/ca/ca_crt.pem" --cert "$server/ssl/certs/$own" --key "$server/ssl/private_keys/$own" "https://localhost:$1/"
}
await "the Conductor takes reports" 120 conductor hears_puppetserver "$PORT_REPORTS"
await "the Classifier answers puppetservers" 60 classifier hears_puppetserver "$PORT_TERMINUS"
rm -f "$home/etc/classifier.token"

# 4. the main job
say "launching an instance from examples/start_instance.yaml${agent_root:+, in the image $agent}"
rc=0
example=$(instance_example)
choose_cli
"${cli[@]}" launch -c "$example" --wait --timeout 5m -o json > "$home/run/result" 9>&- &
job=$!
while kill -0 $job 2>/dev/null; do
    watch_processes || { stop_all; exit 1; }
    watch_ui
    nap
done
wait $job || rc=$?
job=
result=$(cat "$home/run/result")
certname=$(certname_of "$result")
if [ -n "$certname" ]; then
    echo; overture instance timeline "$certname" || true
    echo; overture node show "$certname" || true
    echo
fi
if [ $rc = 0 ]; then
    say "converged: $certname"
else
    say "did NOT converge (exit code $rc);${certname:+ its console: $home/instances/$certname/console.log;} the logs: $home/log"
fi

if [ -n "$once" ]; then
    stop_all
    tr -d '\n' <<< "${result:-"{ \"converged\": false, \"certname\": \"\", \"states\": [], \"traceId\": \"\" }"}"
    echo
    exit $rc
fi
cat <<EOF

Overture is up. In another terminal, as root:
  export OVERTURE_HOME="$home" PATH="$root/artifacts/cli:\$PATH"
  overture instance list
  overture instance watch $certname
  overture launch -c "$example" --count 3 --wait
  overture instance terminate $certname
  overture ui                                    the console, in a browser: prints a link that works once
EOF
[ -z "$ui" ] || cat <<EOF
The trace of this instance, from launch to first good run, in a browser on this machine:
  $(ui_link "/traces/detail/$(trace_of "$result")")
EOF
echo "Ctrl-C stops everything that was started here."
renewed=$SECONDS
while nap; do
    watch_processes || { stop_all; exit 1; }
    watch_ui
    [ $((SECONDS - renewed)) -ge 3600 ] || continue
    renewed=$SECONDS
    # Renews what is past two thirds of its life; services reload by themselves.
    overture pki init --home "$home" > /dev/null
    place_hooks
done
