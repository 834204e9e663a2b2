# Sourced. Installs Debian packages as a good guest: starts no service, enables no unit that was not there before.

# install_packages WHY PACKAGE...
install_packages() {
    local why=$1 package missing=() before
    shift
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
    quiet_install "${missing[@]}" || { rm -f "$before"; return 1; }
    disable_new_units "$before"
    rm -f "$before"
}

# While apt works, no package may start a daemon (policy-rc.d, exit code 101).
quiet_install() {
    local policy=/usr/sbin/policy-rc.d made= log rc=0
    if [ ! -e $policy ]; then
        made=yes
        printf '#!/bin/sh\nexit 101\n' > $policy
        chmod 755 $policy
    fi
    log=$(mktemp)
    {
        apt-get update > "$log" 2>&1 || true # a stale list may do; the install tells
        DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -o Dpkg::Options::=--force-confold "$@" >> "$log" 2>&1 || rc=$?
    }
    [ -z "$made" ] || rm -f $policy
    if [ $rc != 0 ]; then
        tail -n 5 "$log" >&2
        echo "error: apt could not install $*" >&2
        echo "next:  check that apt reaches its mirrors (apt-get update), or install them by hand, then run this again" >&2
    fi
    rm -f "$log"
    return $rc
}

disable_new_units() {
    command -v systemctl > /dev/null || return 0
    local units
    mapfile -t units < <(dpkg-query -W -f '${Package}\n' | sort | comm -13 "$1" - | xargs -r dpkg -L |
        sed -n 's|^\(/usr\)\?/lib/systemd/system/\([^/@]*\.\(service\|socket\|timer\)\)$|\2|p' | sort -u)
    [ ${#units[@]} -eq 0 ] || systemctl disable --quiet "${units[@]}" 2>/dev/null || true
}
