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
# BENCH_SECONDS (20 each) and BENCH_CONNECTIONS (16) are for looking around.
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
    for name in puppetserver http conductor ec2 classifier certauthority redis; do stop $name 10; done
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

# judged VALUE BAR at-least|at-most: ok or short
judged() { awk -v r="$1" -v b="$2" -v how="$3" 'BEGIN { print ((how == "at-least" ? r >= b : r <= b) ? "ok" : "short") }'; }

# verdict NAME RATIO BAR at-least|at-most
verdict() {
    echo "bench $1 ratio=$2 bar=$3 $(judged "$2" "$3" "$4")"
    machine
}

machine() {
    echo "  commit $(git rev-parse --short HEAD 2>/dev/null || echo none), $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), load $(cut -d' ' -f1 /proc/loadavg)"
}

of() { sed "s/.*$1=\([0-9.]*\).*/\1/" <<< "$2"; } # NAME LINE: that figure of the load client's line
calc() { awk "BEGIN { printf \"%.2f\", $1 }"; }
pid_of() { local pid _; read -r pid _ < "$home/run/$1.pid"; echo "$pid"; }

# What the machine can sign, all cores at it.
openssl_rate() { openssl speed -seconds 6 -multi "$(nproc)" rsa4096 2> /dev/null | awk '/^rsa 4096/ { print $6 }'; }

# CPU milliseconds of one signature while all cores sign (without -multi, openssl counts CPU time).
signature_ms() {
    local i
    for ((i = 0; i < $(nproc); i++)); do openssl speed -seconds 3 rsa4096 2> /dev/null & done | awk '/^rsa 4096/ { sum += $4; n++ } END { printf "%.2f", sum / n * 1000 }'
}

# enrolled RATE: what the load client says of our CA; RATE: agents to make beforehand for each second
enrolled() {
    start_service certauthority CertAuthority > /dev/null
    load enrol "$home" "$PORT_CA_API" "$(pid_of certauthority)" "$connections" "$warm" "$seconds" "$1"
    stop certauthority
}

report_p99() { # LINE
    local most
    most=$(calc "2000 * $connections / $(of rate "$1")")
    echo "  p99: $(of p99_ms "$1") ms, at most 2 x connections / throughput = $most ms: $(judged "$(of p99_ms "$1")" "$most" at-most)"
}

report_ours() { echo "  ours: $1 ($connections connections, $warm s warm, $seconds s measured; others_cores: what other programs used of the machine meanwhile)"; }

enrol_rsa() {
    local before after ours limit one cpu
    before=$(openssl_rate)
    ours=$(enrolled "$(calc "$before * 0.9 + 30" | cut -d. -f1)")
    after=$(openssl_rate) one=$(signature_ms)
    limit=$(calc "($before + $after) / 2") cpu=$(calc "$(of server_cpu_ms "$ours") / $one")
    verdict enrol-rsa "$(calc "$(of rate "$ours") / $limit")" 0.65 at-least
    report_ours "$ours"
    echo "  openssl speed -multi $(nproc) rsa4096: sign/s=$before before, $after after"
    echo "  server CPU: $(of server_cpu_ms "$ours") ms per enrollment, one signature $one ms: ratio=$cpu bar=1.35 $(judged "$cpu" 1.35 at-most)"
    report_p99 "$ours"
}

enrol_p256() {
    local ours folder
    mv "$home/ca" "$home/ca-rsa"
    overture ca init --home "$home" --key-type p256 > /dev/null
    # Another CA has another store, and remembers nothing of the first. Neither is there yet where this benchmark runs alone.
    for folder in objects state; do [ ! -e "$home/$folder" ] || mv "$home/$folder" "$home/$folder-rsa"; done
    ours=$(enrolled 1500)
    rm -rf "$home/ca" "$home/objects" "$home/state" && mv "$home/ca-rsa" "$home/ca"
    for folder in objects state; do [ ! -e "$home/$folder-rsa" ] || mv "$home/$folder-rsa" "$home/$folder"; done
    verdict enrol-p256 "$(calc "$(of rate "$ours") / 600")" 1.00 at-least
    report_ours "$ours"
    report_p99 "$ours"
}

enrol_stock() {
    local ours theirs stock=$home/stock
    chmod 711 "$home" # user puppet must reach its own
    start_stock_puppetserver "$stock" "$PORT_PUPPETSERVER" true
    theirs=$(load stock "$stock/ssl/certs/ca.pem" "$PORT_PUPPETSERVER" "$(cut -d' ' -f1 "$stock/pid")" "$connections" "$warm" "$seconds" 200)
    stop_stock_puppetserver "$stock"
    chmod 700 "$home"
    ours=$(enrolled 400)
    verdict enrol-stock "$(calc "$(of rate "$ours") / $(of rate "$theirs")")" 4.00 at-least
    report_ours "$ours"
    echo "  puppetserver $(dpkg-query -W -f='${Version}' puppetserver), its own CA, autosign=true: $theirs"
}

renew() {
    local before after ours
    before=$(openssl_rate)
    start_service certauthority CertAuthority
    ours=$(load renew "$home" "$PORT_CA_API" "$(pid_of certauthority)" "$connections" "$warm" "$seconds")
    stop certauthority
    after=$(openssl_rate)
    verdict renew "$(calc "$(of rate "$ours") * 2 / ($before + $after)")" 0.00 at-least
    report_ours "$ours"
    echo "  openssl speed -multi $(nproc) rsa4096: sign/s=$before before, $after after"
    report_p99 "$ours"
}

revoke_10k() {
    local name began opened asked ended
    load revoked "$home" 9999
    began=$EPOCHREALTIME
    start_service certauthority CertAuthority
    opened=$EPOCHREALTIME
    name=$(load name "$home" "$PORT_CA_API" 2> /dev/null)
    asked=$EPOCHREALTIME
    overture certificate revoke "$name" --reason bench > "$home/revoke.out" 2>&1 || { cat "$home/revoke.out" >&2; return 1; }
    ended=$EPOCHREALTIME
    curl -s --cacert "$home/ca/ca_crt.pem" -o "$home/crl.pem" -w '%{time_total}' "https://localhost:$PORT_CA_API/puppet-ca/v1/certificate_revocation_list/ca" > "$home/crl.time"
    stop certauthority
    verdict revoke-10k "$(calc "$ended - $asked")" 2.00 at-most
    echo "  the seconds of \`overture certificate revoke NAME\`, which waits for the list; entries on it: $(openssl crl -in "$home/crl.pem" -noout -text | grep -c 'Serial Number')"
    echo "  GET certificate_revocation_list/ca: $(stat -c %s "$home/crl.pem") bytes in $(cat "$home/crl.time") s, TLS handshake included"
    echo "  start on a store with 9,999 revocations no list has yet: $(calc "$opened - $began") s until healthy"
}

# medians_ms COUNT COMMAND -- COMMAND: of each, p50 and p99 of the whole process, fork to exit; in turns, since the machine changes meanwhile
medians_ms() {
    python3 - "$@" << 'EOF'
import subprocess, sys, time
count, both = int(sys.argv[1]), sys.argv[2:]
at = both.index("--")
commands = both[:at], both[at + 1:]
times = [], []
for i in range(count + 3):
    for command, of in zip(commands, times):
        begin = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        of.append((time.perf_counter() - begin) * 1000)
for of in times:
    of = sorted(of[3:])
    print(f"{of[len(of) // 2]:.1f} {of[int(len(of) * 0.99)]:.1f}")
EOF
}

enc_hook() {
    start_service classifier Classifier
    local certname python=/usr/bin/python3 ours theirs
    certname=$(load seed "$home" 100)
    ln -sf "$root/artifacts/cli/overture" "$home/overture-enc"
    printf 'import sys, urllib.request\nsys.stdout.write(urllib.request.urlopen(sys.argv[1]).read().decode())\n' > "$home/enc.py"
    mkdir -p "$home/www" && cp "$home/objects/nodes/$certname" "$home/www/"
    launch http "$python" -m http.server --bind 127.0.0.1 --directory "$home/www" $((PORT_REPORTS))
    await "the HTTP server answers" 10 http curl -sf "http://127.0.0.1:$PORT_REPORTS/$certname"
    export OVERTURE_HOOKS_CONFIG=$home/cli.yaml
    { read -r ours; read -r theirs; } < <(medians_ms 100 "$home/overture-enc" "$certname" -- "$python" "$home/enc.py" "http://127.0.0.1:$PORT_REPORTS/$certname")
    stop http; stop classifier
    verdict enc-hook "$(awk -v a="${ours% *}" -v b="${theirs% *}" 'BEGIN { printf "%.2f", a / b }')" 0.40 at-most
    echo "  overture-enc over mTLS: p50_ms=${ours% *} p99_ms=${ours#* }; p50 at most 30 ms: $(judged "${ours% *}" 30 at-most)"
    echo "  Python, one plain HTTP GET: p50_ms=${theirs% *} p99_ms=${theirs#* }"
}

# empty_calls: what the load client says of the Classifier's server with nothing behind it
empty_calls() {
    grep -v '^terminus:\|^  ' "$home/etc/classifier.yaml" > "$home/etc/empty.yaml"
    launch classifier "$DOTNET" "$root/benchmarks/Load/bin/Release/net10.0/Overture.Load.dll" empty "$home/etc/empty.yaml"
    await "the empty server is healthy" 60 classifier overture health --service classifier
    load classify "$home" "$PORT_CLASSIFIER" "$(pid_of classifier)" 50 "$warm" "$seconds"
    stop classifier
}

classify() {
    local before ours after limit
    load seed "$home" 100000 > /dev/null
    echo "freshness: 60s" >> "$home/etc/classifier.yaml"
    before=$(empty_calls)
    start_service classifier Classifier
    ours=$(load classify "$home" "$PORT_CLASSIFIER" "$(pid_of classifier)" 50 "$warm" "$seconds")
    stop classifier
    after=$(empty_calls)
    limit=$(calc "($(of rate "$before") + $(of rate "$after")) / 2")
    verdict classify "$(calc "$(of rate "$ours") / $limit")" 0.60 at-least
    echo "  ours: $ours (50 callers, 5 connections, 100,000 nodes, freshness 60 s, $warm s warm, $seconds s measured)"
    echo "  rate: at least 20000/s: $(judged "$(of rate "$ours")" 20000 at-least); p99: at most 10 ms: $(judged "$(of p99_ms "$ours")" 10 at-most)"
    echo "  empty, before: $before"
    echo "  empty, after: $after"
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

# measure_nodes NAME PARAMETER...: what the load client says of the puppetserver, so configured
measure_nodes() {
    local name=$1 server=$home/puppetserver; shift
    "$root/eng/puppetserver.sh" apply "$server" "$@" >> "$home/log/puppet-apply.log" 2>&1
    [ -e "$server/ssl/certs/ca.pem" ] || "$root/eng/puppetserver.sh" bootstrap "$server" "$home/ca/ca_crt.pem" "$home/server.token" >> "$home/log/puppet-apply.log" 2>&1
    OVERTURE_HOOKS_CONFIG=/mnt/hooks/hooks.yaml launch puppetserver "$root/eng/puppetserver.sh" start "$server"
    await "the puppetserver is ready" 150 puppetserver \
        curl -sf --cacert "$home/ca/ca_crt.pem" "https://localhost:$PORT_PUPPETSERVER/status/v1/simple" >&2
    load nodes "$home/node" "$name" "$PORT_PUPPETSERVER" "$(pid_of puppetserver)" "$connections" "$warm" "$seconds"
    stop puppetserver
}

node_terminus() {
    local name own native exec python common
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
        native=$(measure_nodes "$name" $common terminus=native "classifier_url=https://localhost:$PORT_TERMINUS")
        exec=$(measure_nodes "$name" $common)
        python=$(measure_nodes "$name" $common enc_command=/mnt/bin/enc.py)
    }
    for name in http classifier certauthority; do stop $name; done
    echo "bench node-terminus ratio=$(calc "$(of rate "$native") / $(of rate "$exec")") bar=none"
    machine
    echo "  native: $native ($connections connections, $warm s warm, $seconds s measured; server_cpu_ms: the JVM's alone, the classifiers' is in others_cores)"
    echo "  exec, overture-enc: $exec"
    echo "  exec, Python: $python; native is $(calc "$(of rate "$native") / $(of rate "$python")") times it"
}

for name in "$@"; do
    case $name in
        launch) launch_1k ;;
        registry-100k | rebuild-100k) "${name//-/_}" ;;
        enrol-rsa | enrol-p256 | enrol-stock | renew | revoke-10k | node-terminus | classify | enc-hook) "${name//-/_}" ;;
        *) echo "error: no benchmark $name" >&2; exit 2 ;;
    esac
done
