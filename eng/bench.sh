#!/usr/bin/env bash
# usage: eng/bench.sh [--stock] NAME...
#
#   --stock     also enrol-stock, in the same run
#
#   enrol-rsa   a RSA-4096 CA: enrollments a second (registered names, EC keys, PUT + GET, every answer fsynced), the load client on the
#               same cores, against `openssl speed -multi $(nproc) rsa4096` before and after it (bar: at least 0.65 of it); also the server's
#               CPU per enrollment against one signature's (at most 1.35), and p99 against twice connections / throughput
#   enrol-p256  the same with a P-256 CA (bar: at least 600/s)
#   enrol-stock the RSA CA against a real puppetserver 7.9.5 with its own CA and autosign=true, same client (bar: at least 4 times it);
#               runs as root, needs the package puppetserver
#   renew       renewals a second, each by its own certificate and its own connection, against openssl as above (bar: none is set)
#   revoke-10k  10,000 revoked: from `overture certificate revoke` to the published list (bar: 2 s), and what reading that list costs
#   launch      1,000 instances launched at the tests' EC2 double, each of whose calls takes 20 ms: the share of the time that is ours (bar: at
#               most 0.15)
#   registry-100k
#               100,000 converged instances: p99 of a page of the list (bar: 20 ms), Redis for each (2 KiB), one comparison of records and
#               instances (10 s)
#   console-100k
#               the same, and the console before it: p99 of the fleet's first page (bar: 300 ms), against the same page of one instance and
#               against the Conductor's part of it; and what of the processor it costs (30 ms), which other programs do not change
#   rebuild-100k
#               the same, Redis emptied: until the index is whole, with the Conductor up, and with a Conductor that starts (bar: 60 s); what
#               is answered meanwhile
#   node-terminus  GET /puppet/v3/node/NAME of one real puppetserver (2 JRubies) by the native terminus, against exec with overture-enc and
#               against exec with a Python script doing one plain HTTP GET (bar: none is set); runs as root, needs the package puppetserver
#   classify    Classify over mTLS, 50 callers, 100,000 nodes, freshness 60 s, against the same server with an empty call behind it (bar: 0.6 of
#               that; and at least 20,000/s, p99 below 10 ms)
#   enc-hook    overture-enc as a whole process over mTLS, against a Python script doing one plain HTTP GET (bar: at most 0.4 of it)
#
# Each prints `bench NAME ratio=R bar=B ok|short` and the raw figures below it. Compare ratios, never absolute figures. BENCH_WARM,
# BENCH_SECONDS (20 each), BENCH_CONNECTIONS (16) and BENCH_PAGES (500) are for looking around.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
. "$root/eng/sdk.sh"
find_sdk
[ "${1:-}" != --stock ] || { shift; case " $* " in *" enrol-stock "*) ;; *) set -- "$@" enrol-stock ;; esac; }
[ $# -gt 0 ] || { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 2; }

. "$root/eng/packages.sh"
install_packages "what the benchmarks run" redis-server clang zlib1g-dev curl openssl python3
export NO_PROXY="localhost,127.0.0.1${NO_PROXY:+,$NO_PROXY}" no_proxy="localhost,127.0.0.1${no_proxy:+,$no_proxy}"
unset OVERTURE_CLI_CONFIG
export OVERTURE_PORT_OFFSET=${OVERTURE_PORT_OFFSET:-15000}
. "$root/eng/ports.sh"
. "$root/eng/processes.sh"
. "$root/eng/configure.sh"
. "$root/eng/stock-puppetserver.sh"
. "$root/eng/bench-cloud.sh"
home=$(mktemp -d)
export OVERTURE_HOME=$home
stop_all() {
    [ ! -e "$home/stock" ] || stop_stock_puppetserver "$home/stock"
    for name in puppetserver http console conductor ec2 classifier certauthority redis; do stop $name 10; done
    rm -rf "$home"
}
trap stop_all EXIT
trap 'exit 130' INT TERM

cd "$root"
"$root/eng/build.sh" services
"$root/eng/build.sh" cli
"$DOTNET" build benchmarks/Load -c Release -v quiet --nologo > "$home/build.log" 2>&1 || { cat "$home/build.log" >&2; exit 1; }
load() { "$DOTNET" "$root/benchmarks/Load/bin/Release/net10.0/Overture.Load.dll" "$@"; }
overture() { "$root/artifacts/cli/overture" "$@"; }

# The load clients keep their connections for all that is measured.
export OVERTURE_CERTAUTHORITY__PUPPETAPI__LIMITS__REQUESTSPERCONNECTION=1000000 OVERTURE_CLASSIFIER__TERMINUS__LIMITS__REQUESTSPERCONNECTION=1000000

check_ports
configure
overture pki init --home "$home" > /dev/null 2>&1
overture ca init --home "$home" > /dev/null 2>&1
overture registry init --home "$home" > /dev/null 2>&1
launch redis redis-server "$home/etc/redis.conf"
# Several benchmarks start the Classifier alone, and it waits until the store has an id.
mkdir -p "$home/objects/deployment"
printf '{"schema":1,"writeId":"bench","id":"bench-%s"}' "$$" > "$home/objects/deployment/id"

start_service() { # name, project
    launch "$1" "$DOTNET" "$root/services/$2/bin/Release/net10.0/Overture.$2.dll" --config "$home/etc/$1.yaml"
    await "$1 is healthy" 60 "$1" overture health --service "$1"
}

warm=${BENCH_WARM:-20} seconds=${BENCH_SECONDS:-20} connections=${BENCH_CONNECTIONS:-16} BENCH_INSTANCES=${BENCH_INSTANCES:-100000}
export BENCH_COMMIT=$(git rev-parse --short HEAD 2> /dev/null || echo none)
figures=$home/figures # what is measured, a file each; all arithmetic is in benchmarks/Load

figure() { tee "$figures/$1" > /dev/null; } # NAME: from standard input
now() { echo "$EPOCHREALTIME" | figure "$1"; }
verdict() { load verdict "$1" "$figures" "$connections connections, $warm s warm, $seconds s measured"; }
pid_of() { local pid _; read -r pid _ < "$home/run/$1.pid"; echo "$pid"; }

# enrolled A_SECOND: what the load client says of our CA, into the figure "ours"; A_SECOND: agents to make beforehand for each second
enrolled() {
    start_service certauthority CertAuthority > /dev/null
    load enrol "$home" "$PORT_CA_API" "$(pid_of certauthority)" "$connections" "$warm" "$seconds" "$1" | figure ours
    stop certauthority
}

enrol_rsa() {
    load openssl-rate | figure openssl-before
    enrolled "$(printf '%.0f' "$(cat "$figures/openssl-before")")"
    load openssl-rate | figure openssl-after
    load openssl-signature | figure signature
}

enrol_p256() {
    local folder
    mv "$home/ca" "$home/ca-rsa"
    overture ca init --home "$home" --key-type p256 > /dev/null 2>&1
    # Another CA has another store, and remembers nothing of the first. Neither is there yet where this benchmark runs alone.
    for folder in objects state; do [ ! -e "$home/$folder" ] || mv "$home/$folder" "$home/$folder-rsa"; done
    enrolled 1800
    rm -rf "$home/ca" "$home/objects" "$home/state" && mv "$home/ca-rsa" "$home/ca"
    for folder in objects state; do [ ! -e "$home/$folder-rsa" ] || mv "$home/$folder-rsa" "$home/$folder"; done
}

enrol_stock() {
    local stock=$home/stock
    chmod 711 "$home" # user puppet must reach its own
    start_stock_puppetserver "$stock" "$PORT_PUPPETSERVER" true
    load stock "$stock/ssl/certs/ca.pem" "$PORT_PUPPETSERVER" "$(cut -d' ' -f1 "$stock/pid")" "$connections" "$warm" "$seconds" 200 | figure theirs
    stop_stock_puppetserver "$stock"
    chmod 700 "$home"
    dpkg-query -W -f='${Version}' puppetserver | figure puppetserver
    enrolled 500
}

renew() {
    load openssl-rate | figure openssl-before
    start_service certauthority CertAuthority
    load renew "$home" "$PORT_CA_API" "$(pid_of certauthority)" "$connections" "$warm" "$seconds" | figure ours
    stop certauthority
    load openssl-rate | figure openssl-after
}

revoke_10k() {
    local name
    load revoked "$home" 9999
    now began
    start_service certauthority CertAuthority
    now opened
    name=$(load name "$home" "$PORT_CA_API" 2> /dev/null)
    now asked
    overture certificate revoke "$name" --reason bench > "$home/revoke.out" 2>&1 || { cat "$home/revoke.out" >&2; return 1; }
    now ended
    curl -s --cacert "$home/ca/ca_crt.pem" -o "$home/crl.pem" -w '%{time_total}' "https://localhost:$PORT_CA_API/puppet-ca/v1/certificate_revocation_list/ca" | figure crl-seconds
    stop certauthority
    openssl crl -in "$home/crl.pem" -noout -text | grep -c 'Serial Number' | figure entries
    stat -c %s "$home/crl.pem" | figure bytes
}

enc_hook() {
    start_service classifier Classifier
    local certname python=/usr/bin/python3
    certname=$(load seed "$home" 100)
    ln -sf "$root/artifacts/cli/overture" "$home/overture-enc"
    printf 'import sys, urllib.request\nsys.stdout.write(urllib.request.urlopen(sys.argv[1]).read().decode())\n' > "$home/enc.py"
    mkdir -p "$home/www" && cp "$home/objects/nodes/$certname" "$home/www/"
    launch http "$python" -m http.server --bind 127.0.0.1 --directory "$home/www" $((PORT_REPORTS))
    await "the HTTP server answers" 10 http curl -sf "http://127.0.0.1:$PORT_REPORTS/$certname"
    OVERTURE_HOOKS_CONFIG=$home/cli.yaml load in-turns "$figures" 100 "$home/overture-enc" "$certname" -- \
        "$python" "$home/enc.py" "http://127.0.0.1:$PORT_REPORTS/$certname"
    stop http; stop classifier
}

# empty_calls FIGURE: what the load client says of the Classifier's server with nothing behind it
empty_calls() {
    grep -v '^terminus:\|^  ' "$home/etc/classifier.yaml" > "$home/etc/empty.yaml"
    launch classifier "$DOTNET" "$root/benchmarks/Load/bin/Release/net10.0/Overture.Load.dll" empty "$home/etc/empty.yaml"
    await "the empty server is healthy" 60 classifier overture health --service classifier
    load classify "$home" "$PORT_CLASSIFIER" "$(pid_of classifier)" 50 "$warm" "$seconds" | figure "$1"
    stop classifier
}

classify() {
    load seed "$home" 100000 > /dev/null
    echo "freshness: 60s" >> "$home/etc/classifier.yaml"
    empty_calls before
    start_service classifier Classifier
    load classify "$home" "$PORT_CLASSIFIER" "$(pid_of classifier)" 50 "$warm" "$seconds" | figure ours
    stop classifier
    empty_calls after
}

# One registration: its certname, and its token in $home/NAME.token
registered() { # NAME EXAMPLE
    certname_of "$(overture instance register -c "$root/examples/$2" --token-file "$home/$1.token" -o json 2> /dev/null)"
}

# certify NAME: a key and a certificate from CertAuthority, as an agent gets them: $home/node/node.{key,pem}
certify() {
    local api=https://localhost:$PORT_CA_API/puppet-ca/v1 request=$home/node/csr.conf
    mkdir -p "$home/node" && cp "$home/ca/ca_crt.pem" "$home/node/ca.pem"
    (umask 077; printf '[req]\nprompt=no\nstring_mask=utf8only\ndistinguished_name=d\nattributes=a\n[d]\nCN=%s\n[a]\nchallengePassword=%s\n' "$1" "$(cat "$home/node.token")" > "$request")
    openssl req -new -newkey rsa:2048 -nodes -config "$request" -keyout "$home/node/node.key" -out "$home/node/node.csr" 2> /dev/null
    curl -sf --cacert "$home/node/ca.pem" -X PUT -H 'Content-Type: text/plain' --data-binary "@$home/node/node.csr" "$api/certificate_request/$1"
    curl -sf --cacert "$home/node/ca.pem" -o "$home/node/node.pem" "$api/certificate/$1"
}

# measure_nodes FIGURE NAME PARAMETER...: what the load client says of the puppetserver, so configured
measure_nodes() {
    local figure=$1 name=$2 server=$home/puppetserver; shift 2
    "$root/eng/puppetserver.sh" apply "$server" "$@" >> "$home/log/puppet-apply.log" 2>&1
    [ -e "$server/ssl/certs/ca.pem" ] || "$root/eng/puppetserver.sh" bootstrap "$server" "$home/ca/ca_crt.pem" "$home/server.token" >> "$home/log/puppet-apply.log" 2>&1
    OVERTURE_HOOKS_CONFIG=/mnt/hooks/hooks.yaml launch puppetserver "$root/eng/puppetserver.sh" start "$server"
    await "the puppetserver is ready" 150 puppetserver \
        curl -sf --cacert "$home/ca/ca_crt.pem" "https://localhost:$PORT_PUPPETSERVER/status/v1/simple" >&2
    load nodes "$home/node" "$name" "$PORT_PUPPETSERVER" "$(pid_of puppetserver)" "$connections" "$warm" "$seconds" | figure "$figure"
    stop puppetserver
}

node_terminus() {
    local name own common
    name_classifier
    configure
    for name in certauthority:CertAuthority conductor:Conductor classifier:Classifier; do start_service "${name%:*}" "${name#*:}"; done
    register_classifier "$root/examples/terminus.yaml"
    own=$(registered server puppetserver.yaml) name=$(registered node start_instance.yaml)
    certify "$name"
    install -d -g puppet -m 0750 "$home/puppetserver"
    place_hooks
    # The Python classifier, and what it asks.
    printf '#!/usr/bin/python3\nimport sys, urllib.request\nsys.stdout.write(urllib.request.urlopen("http://127.0.0.1:%s/" + sys.argv[1]).read().decode())\n' \
        "$PORT_REPORTS" > "$home/puppetserver/bin/enc.py"
    chmod 0755 "$home/puppetserver/bin/enc.py"
    await "Classifier has its certificate" 30 classifier test -e "$home/state/classifier/puppet-host/current"
    stop conductor
    mkdir -p "$home/www" && cp "$home/objects/nodes/$name" "$home/www/"
    launch http /usr/bin/python3 -m http.server --bind 127.0.0.1 --directory "$home/www" "$PORT_REPORTS"

    common="certname=$own ca_server=localhost ca_port=$PORT_CA_API port=$PORT_PUPPETSERVER listen=127.0.0.1 report_url=https://localhost:$PORT_REPORTS/reports"
    # shellcheck disable=SC2086 # several parameters
    {
        measure_nodes native "$name" $common terminus=native "classifier_url=https://localhost:$PORT_TERMINUS"
        measure_nodes exec "$name" $common
        measure_nodes python "$name" $common enc_command=/mnt/bin/enc.py
    }
    for name in http classifier certauthority; do stop $name; done
}

for name in "$@"; do
    rm -rf "$figures"
    mkdir -p "$figures"
    echo "$connections" | figure connections
    case $name in
        launch) launch_1k ;;
        registry-100k | console-100k | rebuild-100k) "${name//-/_}" ;;
        enrol-rsa | enrol-p256 | enrol-stock | renew | revoke-10k | node-terminus | classify | enc-hook) "${name//-/_}" ;;
        *) echo "error: no benchmark $name" >&2; exit 2 ;;
    esac
    verdict "$name"
done
