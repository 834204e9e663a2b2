#!/bin/bash
# systemctl in a root that has none, for the units puppetserver and overture-crl-refresh: what Puppet's provider asks for, and no more. Says
# in /var/log/systemctl.log what it was asked.
cd /
verb=$1 unit=${!#}
unit=${unit%.service}
echo "$verb $unit" >> /var/log/systemctl.log
mkdir -p /run/units /etc/units
pid=/run/units/$unit

alive() { [ -e "$pid" ] && kill -0 "$(cat "$pid")" 2> /dev/null; }
start() {
    local command user=root file=/etc/systemd/system/$unit.service
    alive && return
    if [ "$unit" = puppetserver ]; then
        command="$(cat /etc/puppetserver-command)"
    else
        command=$(sed -n 's/^ExecStart=//p' "$file") user=$(sed -n 's/^User=//p' "$file")
    fi
    setsid setpriv --reuid="$user" --regid="$user" --init-groups $command > "/var/log/$unit.log" 2>&1 < /dev/null &
    echo $! > "$pid"
}
stop() {
    alive || return 0
    kill "$(cat "$pid")"
    while alive; do sleep 0.1; done
}
case $verb in
    is-active) if alive; then echo active; else echo inactive; exit 3; fi ;;
    is-enabled) if [ -e "/etc/units/$unit" ]; then echo enabled; else echo disabled; exit 1; fi ;;
    enable) touch "/etc/units/$unit" ;;
    start) start ;;
    stop) stop ;;
    restart) stop; start ;;
    show) echo NeedDaemonReload=no ;;
    unmask | daemon-reload) ;;
    *) echo "systemctl: no verb $verb" >&2; exit 1 ;;
esac
