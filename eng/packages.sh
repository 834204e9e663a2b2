# Sourced. Installs Debian packages as a good guest: starts no service, enables no unit that was not there before.

policy=/usr/sbin/policy-rc.d policy_mark='# made by Overture while it installs packages'

# install_packages WHY PACKAGE...
install_packages() {
    local why=$1 package missing=() before
    shift
    # One that a killed run left behind is ours to remove; any other is the host's.
    ! grep -qsF "$policy_mark" $policy || rm -f $policy
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "installing from Debian ($why): ${missing[*]}"
    before=$(mktemp)
    dpkg-query -W -f '${Package}\n' | sort > "$before"
    # cloud-init new to this host must not run at the host's next boot.
    if [[ " ${missing[*]} " == *" cloud-init "* ]]; then
        mkdir -p /etc/cloud
        [ -e /etc/cloud/cloud-init.disabled ] || echo 'made by Overture: cloud-init is here for instances only' > /etc/cloud/cloud-init.disabled
    fi
    local rc=0
    (quiet_install "${missing[@]}") || rc=$?
    disable_new_units "$before"
    rm -f "$before"
    return $rc
}

# While apt works, no package may start a daemon (policy-rc.d, exit code 101), and what it is at is said every 5 s. Run in a subshell: its
# traps are its own.
quiet_install() {
    local log
    teller= own_policy= # the traps outlive this function
    trap '[ -z "$own_policy" ] || rm -f "$policy"; [ -z "$teller" ] || kill $teller 2> /dev/null || true' EXIT
    trap 'exit 130' INT TERM
    log=$(mktemp)
    tell_progress "$log" "$BASHPID" &
    teller=$!
    if [ ! -e $policy ]; then
        own_policy=yes
        printf '#!/bin/sh\n%s\nexit 101\n' "$policy_mark" > $policy
        chmod 755 $policy
    fi
    local patience=(-o DPkg::Lock::Timeout=120 -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20)
    apt-get "${patience[@]}" update > "$log" 2>&1 || true # a stale list may do; the install will show
    if ! DEBIAN_FRONTEND=noninteractive apt-get "${patience[@]}" install -y --no-install-recommends -o Dpkg::Options::=--force-confold "$@" >> "$log" 2>&1; then
        tail -n 5 "$log" >&2
        echo "error: apt could not install $*; the whole log: $log" >&2
        echo "next:  check that apt reaches its mirrors (apt-get update), or install them by hand, then run this again" >&2
        exit 1
    fi
    rm -f "$log"
}

# tell_progress LOG PID: until it is killed, or that process is gone
tell_progress() {
    local began=$SECONDS doing pause=
    trap 'kill $pause 2> /dev/null || true; exit 0' TERM # sleep would hold our output open
    while kill -0 "$2" 2> /dev/null; do
        sleep 5 &
        pause=$!
        wait $pause || return 0
        doing=$(grep -aE '^(I: |Get:|Preparing|Unpacking|Setting up|Processing)' "$1" 2> /dev/null | tail -n 1 | cut -c1-70) || true
        echo "  $((SECONDS - began)) s: ${doing:-asking the mirrors}"
    done
}

disable_new_units() {
    local units disable=(env DPKG_MAINTSCRIPT_PACKAGE=overture deb-systemd-helper disable) # it answers to dpkg alone
    ! command -v systemctl > /dev/null || disable=(systemctl disable --quiet)
    mapfile -t units < <(dpkg-query -W -f '${Package}\n' | sort | comm -13 "$1" - | xargs -r dpkg -L |
        sed -n 's|^\(/usr\)\?/lib/systemd/system/\([^/@]*\.\(service\|socket\|timer\)\)$|\2|p' | sort -u)
    [ ${#units[@]} -eq 0 ] || "${disable[@]}" "${units[@]}" 2>/dev/null || true
}
