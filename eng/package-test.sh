#!/usr/bin/env bash
# usage: eng/package-test.sh [--debian 12|13] [DIR]
#
# What a newcomer does, for real: a throw-away Debian (12, or as told) with systemd as PID 1 (systemd-nspawn, no network but its own
# loopback) gets the packages in DIR (else those that eng/release.sh makes now), and `overture setup` unattended. Then: services ready,
# doctor, a trial bootstrap, with Debian 12 a puppetserver and an instance that converges; a second setup, an edited file, a renewal, a
# service killed, an upgrade and a downgrade while it serves, removal, purge. Everything it made is gone afterwards; the packages and root
# file systems stay.
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

say "installing $(cd "$work/packages" && echo overture-*_"$version"_*)"
newcomer=$SECONDS
expect "the packages do not install" "apt-get install -y --no-install-recommends $old"
expect "no man page" 'zcat /usr/share/man/man1/overture-setup.1.gz | grep -q "overture setup"'

say "overture setup --yes --provider local"
inside 'overture setup --yes --provider local --name server.test' || fail "setup failed"
for service in redis certauthority classifier conductor console; do
    expect "$service is not active" "systemctl is-active overture-$service.service"
done
until_true "health" 90 'overture health'
[ "$(inside 'stat -c "%a %U:%G" /var/lib/overture/pki/certauthority.key /var/lib/overture/ca/ca_key.pem /var/lib/overture/launch/signing.key | sort -u | tr "\n" " "')" = \
    "600 overture-certauthority:overture-certauthority 600 root:root 640 root:overture-certauthority " ] || fail "owners and modes of keys: $(inside 'ls -lR /var/lib/overture/{pki,ca,launch}')"
! inside 'setpriv --reuid=overture-classifier --regid=overture-classifier --clear-groups cat /var/lib/overture/ca/ca_key.pem /var/lib/overture/pki/conductor.key /var/lib/overture/launch/token.key /var/lib/overture/redis/conductor.password' > /dev/null 2>&1 ||
    fail "the Classifier's user reads keys of others"
say "a newcomer's way until here: $((SECONDS - newcomer)) s"

say "doctor, and a trial bootstrap over an instance's way"
expect "no trial" "cp /usr/share/doc/overture-server/examples/start_instance.yaml /root/start.yaml && overture doctor -c /root/start.yaml"
cat "$work/said"

# Debian 13's puppetserver 8 is not what class overture::puppetserver runs beside (its README).
if [ $debian = bookworm-systemd ]; then
    say "a puppetserver on the same host, and an instance from launch to converged"
    expect "the puppetserver" 'overture-puppetserver start'
    next=$(sed -n 's/^next: \(overture launch .*\)/\1/p' "$work/said")
    [ -n "$next" ] || { cat "$work/said" >&2; fail "it does not say what is next"; }
    inside "$next --timeout 8m" || fail "the instance did not converge"
    say "a newcomer's way from the packages to the first converged instance, doctor included: $((SECONDS - newcomer)) s"
    # Its clone of this host and the JVM have served; what follows is about the packages.
    expect "the instance ends" 'overture instance terminate --yes --state converged && overture-puppetserver stop'
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

say "a service that is killed is back"
for service in certauthority classifier conductor console; do expect "kill" "systemctl kill -s KILL overture-$service.service"; done
until_true "services are back" 90 'overture health'

say "upgrade and downgrade while it serves"
ca=$(inside 'sha256sum < /var/lib/overture/ca/ca_crt.pem')
node=$(inside "overture instance register -c /root/start.yaml --token-file /root/token -o json" | sed -n 's/.*"certname": *"\([0-9a-f-]*\)".*/\1/p' | head -n 1)
[ -n "$node" ] || fail "nothing was registered"
for way in "upgrade:$new:$newer" "downgrade:$old:$version"; do
    IFS=: read -r what debs to <<< "$way"
    # Reads all the while. There is one Conductor: while it restarts reads may be refused, but not for long.
    inside "last=\$(date +%s); while [ ! -e /tmp/packaged ]; do
        if overture instance show $node > /dev/null 2>&1; then echo read; last=\$(date +%s); else echo refused; fi
        [ \$((\$(date +%s) - last)) -lt 60 ] || exit 1; sleep 0.2
    done" > "$work/reads" 2>&1 &
    reader=$!
    expect "$what" "apt-get install -y --no-install-recommends --allow-downgrades $debs; code=\$?; touch /tmp/packaged; exit \$code"
    wait "$reader" || fail "no read for a minute during the $what"
    say "$what: $(grep -c '^read' "$work/reads") reads, $(grep -c '^refused' "$work/reads" || true) refused"
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
