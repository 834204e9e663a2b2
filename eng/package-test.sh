#!/usr/bin/env bash
# usage: eng/package-test.sh [--debian 12|13] [DIR]
#
# What a newcomer does, for real: a throw-away Debian (12, or as told) with systemd as PID 1 (systemd-nspawn, no network but its own
# loopback) gets the packages in DIR (else those that eng/release.sh makes now); from then on each command is the one that the terminal
# says is next, up to services that are ready and, with Debian 12, an instance that converged, within NEWCOMER_SECONDS (default 300). Then:
# doctor, a trial bootstrap, a second setup, an edited file, a renewal, a service killed, an upgrade and a downgrade while it serves,
# removal, purge. Everything it made is gone afterwards; the packages and root file systems stay.
#
# Beside it: eng/package-checks.sh (without booting, and RPM; part of ./test), eng/package-ca-test.sh (a puppetserver that has a CA).
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
. "$root/eng/packages.sh"
debian=bookworm-systemd
case ${1:-} in -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;; esac
case ${1:-}:${2:-} in
    --debian:12) shift 2 ;;
    --debian:13) debian=trixie-systemd; shift 2 ;;
    -*) echo "error: try eng/package-test.sh --help" >&2; exit 2 ;;
esac
[ "$(id -u)" = 0 ] || { echo "error: needs root: it boots a root file system" >&2; exit 1; }
install_packages "the test of the packages" systemd-container
. "$root/eng/booted-root.sh"
prepare_packages "$@"
boot_root $debian

# typed COMMAND [ANSWERS]: on a terminal; what it printed is in $work/said
typed() {
    local at=$SECONDS
    say "# $1"
    printf '%b' "${2:-}" | inside "script -qec $(printf '%q' "$1") /dev/null" > "$work/said" 2>&1 || { cat "$work/said" >&2; fail "$1"; }
    printf '%6d s  %s\n' $((SECONDS - at)) "$1" >> "$work/typed"
}
# what the last line that begins with next: says to type
next_of() { sed 's/\x1b\[[0-9;?]*[a-zA-Z]//g; s/\r//g' "$work/said" | sed -n 's/^\(overture-server: \)\{0,1\}next: *//p' | tail -n 1; }

say "a newcomer: the packages, and from then on what the terminal says is next"
newcomer=$SECONDS
typed "apt-get install -y --no-install-recommends $old"
while :; do
    command=$(next_of)
    [ -n "$command" ] || { cat "$work/said" >&2; fail "the terminal does not say what is next"; }
    [ "$(wc -l < "$work/typed")" -lt 8 ] || fail "the terminal leads in circles: $(cat "$work/typed")"
    # The one answer that is not the default is the one that its question calls to try things out.
    answers=
    [ "$command" != 'overture setup' ] || answers='local\n\n\n\n\n'
    typed "$command" "$answers"
    # Debian 13's puppetserver 8 is not what class overture::puppetserver runs beside (its README): there the way ends with setup.
    [ $debian = bookworm-systemd ] || [[ $command != *'overture setup' ]] || break
    [[ $command != 'overture launch '* ]] || break
done
took=$((SECONDS - newcomer))
cat "$work/typed"
[ $debian = bookworm-systemd ] || [[ $(next_of) != *puppetserver* ]] || fail "Debian 13 is led to a puppetserver that is not for it"
if [ $debian = bookworm-systemd ]; then
    expect "no instance has converged" "overture instance list --all | grep -w converged"
    say "from the packages to the first converged instance: $took s"
    [ $took -le "${NEWCOMER_SECONDS:-300}" ] || fail "a newcomer's way took $took s, more than ${NEWCOMER_SECONDS:-300}"
fi
expect "no man page" 'zcat /usr/share/man/man1/overture-setup.1.gz | grep -q "overture setup"'
for service in redis certauthority classifier conductor console; do
    expect "$service is not active" "systemctl is-active overture-$service.service"
done
until_true "health" 90 'overture health'
[ "$(inside 'stat -c "%a %U:%G" /var/lib/overture/pki/certauthority.key /var/lib/overture/ca/ca_key.pem /var/lib/overture/launch/signing.key | sort -u | tr "\n" " "')" = \
    "600 overture-certauthority:overture-certauthority 600 root:root 640 root:overture-certauthority " ] || fail "owners and modes of keys: $(inside 'ls -lR /var/lib/overture/{pki,ca,launch}')"
! inside 'setpriv --reuid=overture-classifier --regid=overture-classifier --clear-groups cat /var/lib/overture/ca/ca_key.pem /var/lib/overture/pki/conductor.key /var/lib/overture/launch/token.key /var/lib/overture/redis/conductor.password' > /dev/null 2>&1 ||
    fail "the Classifier's user reads keys of others"

say "doctor, and a trial bootstrap over an instance's way"
expect "no trial" "cp /usr/share/doc/overture-server/examples/start_instance.yaml /root/start.yaml && overture doctor -c /root/start.yaml"
cat "$work/said"

if [ $debian = bookworm-systemd ]; then
    say "the puppetserver for trying things out: its CRL, its end, and a start that fails half-way"
    expect "the unit of its CRL ends" 'systemctl stop puppetserver-overture-crl'
    expect "a second start" 'overture-puppetserver start'
    [[ $(next_of) = 'overture launch '* ]] || { cat "$work/said" >&2; fail "a second start does not say what is next"; }
    expect "it starts its CRL again" 'systemctl is-active puppetserver-overture-crl'
    # Its clone of this host and the JVM have served; what follows is about the packages.
    # "0x" and zeros before it, openssl has none of them.
    serial=$(inside 'overture certificate list --name "$(overture instance list --state converged -o jsonpath="{.instances[0].certname}")" -o jsonpath="{.certificates[0].serial}"' | sed 's/^0[xX]//; s/^0*//; s/://g')
    [ -n "$serial" ] || fail "the instance that converged has no certificate"
    expect "the instance ends" 'overture instance terminate --yes --state converged'
    until_true "its CRL is not kept fresh: serial $serial" 180 "openssl storeutl -noout -text -crls /var/lib/overture-puppetserver/server/ssl/crl.pem | grep -iqE 'Serial Number: 0*$serial\$'"
    expect "it stops" 'overture-puppetserver stop'
    until_true "its CRL is kept no more" 30 '! systemctl is-active puppetserver-overture-crl'
    expect "modules away" 'rm -r /var/lib/overture-puppetserver && mv /usr/share/overture-puppet/examples/puppet /root/modules-away'
    tried() {
        ! inside 'overture-puppetserver start' > "$work/said" 2>&1 || fail "it starts without modules"
        grep -q 'configuring it .*: this failed' "$work/said" || { cat "$work/said" >&2; fail "it fails at another step than was meant"; }
        inside 'cd /var/lib/overture-puppetserver && test -s certname && test -s token && sha256sum certname token' ||
            fail "a failed start keeps neither name nor token"
    }
    first=$(tried)
    second=$(tried)
    [ "$first" = "$second" ] || fail "a start after a failed one registers another puppetserver"
    expect "modules back" 'mv /root/modules-away /usr/share/overture-puppet/examples/puppet && rm -r /var/lib/overture-puppetserver'
fi

say "a second setup changes nothing, and keeps what a person edits"
inside 'overture setup --yes' > "$work/said" 2>&1 && grep -q 'nothing to do' "$work/said" || { cat "$work/said"; fail "a second setup is not idle"; }
before=$(inside 'sha256sum /var/lib/overture/ca/* /var/lib/overture/pki/*')
inside "sed -i 's/^  #runInterval: 30m/  runInterval: 20m/; s/^listen: .*7001.*/listen: \"127.0.0.1:7011\"/' /etc/overture/conductor.yaml"
inside 'overture setup --keys' > /dev/null 2>&1 || fail "setup --keys"
inside "grep -q '7011' /etc/overture/conductor.yaml && grep -q 'runInterval: 20m' /etc/overture/conductor.yaml" || fail "an edited file was changed"
inside "sed -i 's/7011/7001/' /etc/overture/conductor.yaml"
[ "$before" = "$(inside 'sha256sum /var/lib/overture/ca/* /var/lib/overture/pki/*')" ] || fail "keys changed"

say "setup restarts the units whose files are others than at their start, and no other"
runs() { inside 'for unit in redis certauthority classifier conductor console; do systemctl show -p InvocationID --value overture-$unit; done'; }
first=$(runs)
# Older than the process that has not read it, as a restored file is.
expect "touch" 'touch -d 2001-01-01 /etc/overture/conductor.yaml'
expect "setup" 'overture setup --yes'
second=$(runs)
[ "$(diff <(echo "$first") <(echo "$second") | grep -c '^>')" = 1 ] && [ "$(sed -n 4p <<< "$first")" != "$(sed -n 4p <<< "$second")" ] ||
    fail "not the Conductor alone was restarted: $first; $second"
expect "setup once more" 'overture setup --yes'
[ "$second" = "$(runs)" ] || fail "a setup without a change restarts"
# Files as at setup's start, and a process that has read others.
expect "a restart with another file" 'cd /etc/overture && cp -p console.yaml /root/ && sed -i "s/127.0.0.1:8144/127.0.0.1:8154/" console.yaml &&
    systemctl restart overture-console && cp -p /root/console.yaml . && curl -sko /dev/null https://localhost:8154/ && overture setup --yes'
until_true "the console has the file that is there" 60 'curl -sko /dev/null https://localhost:8144/'

say "a service that is killed is back"
for service in certauthority classifier conductor console; do expect "kill" "systemctl kill -s KILL overture-$service.service"; done
until_true "services are back" 90 'overture health'

say "upgrade and downgrade while it serves"
ca=$(inside 'sha256sum < /var/lib/overture/ca/ca_crt.pem')
node=$(inside "overture instance register -c /root/start.yaml --token-file /root/token -o json" | sed -n 's/.*"certname": *"\([0-9a-f-]*\)".*/\1/p' | head -n 1)
[ -n "$node" ] || fail "nothing was registered"
for way in "upgrade:$new:$newer" "downgrade:$old:$version"; do
    IFS=: read -r what debs to <<< "$way"
    # Reads all the while. There is one Conductor: while it restarts reads wait in its listener, which systemd keeps.
    inside "last=\$(date +%s); while [ ! -e /tmp/packaged ]; do
        if overture instance show $node > /tmp/read 2>&1; then echo read; last=\$(date +%s); else echo refused; cat /tmp/read; fi
        [ \$((\$(date +%s) - last)) -lt 60 ] || exit 1; sleep 0.2
    done" > "$work/reads" 2>&1 &
    reader=$!
    expect "$what" "apt-get install -y --no-install-recommends --allow-downgrades $debs; code=\$?; touch /tmp/packaged; exit \$code"
    wait "$reader" || fail "no read for a minute during the $what"
    say "$what: $(grep -c '^read' "$work/reads") reads, $(grep -c '^refused' "$work/reads" || true) refused"
    ! grep -q '^refused' "$work/reads" || { cat "$work/reads" >&2; fail "reads were refused during the $what"; }
    expect "the file" 'rm /tmp/packaged'
    until_true "services after the $what" 60 'overture health'
    expect "$what to $to" "dpkg-query -W -f '\${Version}' overture-server | grep -qx '$to'"
    expect "the record after the $what" "overture instance show $node"
done

say "how exposed each unit is (systemd-analyze security: 0 to 10)"
for service in certauthority classifier console redis conductor; do
    inside "systemd-analyze security --no-pager overture-$service.service" 2> /dev/null | tail -n 1
done

say "removal keeps the data, and a later installation goes on with it"
expect "remove" 'apt-get remove -y overture-server'
! inside 'pgrep -f /usr/lib/overture/' > /dev/null || fail "a service runs after the removal"
[ "$ca" = "$(inside 'sha256sum < /var/lib/overture/ca/ca_crt.pem')" ] && inside 'test -s /etc/overture/conductor.yaml' || fail "the removal took data"
expect "install again" "apt-get install -y --no-install-recommends $old"
expect "setup again" 'overture setup --yes'
expect "the record after all" "overture instance show $node"
expect "a purge would not ask" 'debconf-show overture-server | grep -q purge-data'
expect "purge" 'apt-get purge -y overture-server'
inside 'test ! -e /etc/overture && test -s /var/lib/overture/ca/ca_key.pem' || fail "purge without a yes is not: configuration gone, data kept"
expect "install once more" "apt-get install -y --no-install-recommends $old"
expect "purge with a yes" 'echo overture-server overture-server/purge-data boolean true | debconf-set-selections && apt-get purge -y overture-server && test -z "$(ls -A /var/lib/overture 2> /dev/null)"'

say "done"
