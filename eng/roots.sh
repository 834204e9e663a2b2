#!/usr/bin/env bash
# Root file systems of other Debian releases, which tests and local instances run in. Each is made once by debootstrap and kept in
# artifacts/roots; one whose list of packages changed here is made again. Prints the path of each.
#
#   eng/roots.sh NAME...       makes what is missing (half a minute to 4 minutes each, once)
#   eng/roots.sh --list        names and what is in them
#
# A root is only ever a lower layer: whoever runs something in it mounts an overlay over it. Needs root, and debootstrap.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
. "$root/eng/packages.sh"
kept=$root/artifacts/roots

# NAME SUITE PACKAGES, and what every root has. SUITE may be =NAME: a copy of that root, with these packages more, which is made in half the
# time. What else is done to one: finish_NAME, below.
readonly base="ca-certificates curl gpgv iproute2 procps util-linux"
readonly recipes=(
    "trixie-bare    trixie  cloud-init openssh-server"
    "trixie-agent   =trixie-bare puppet-agent"
    "trixie-server  =trixie-bare puppetserver puppet-agent"
    "trixie-ceph    =trixie-bare ceph-mon ceph-osd ceph-mgr radosgw"
    "bookworm-systemd bookworm systemd systemd-sysv dbus redis-server cloud-init puppet-agent puppetserver openssh-server debconf"
    "trixie-systemd trixie  systemd systemd-sysv dbus redis-server cloud-init puppet-agent openssh-server debconf"
    "rhel-bare      =trixie-bare dnf rpm"
    "openvox8       =trixie-bare"
    "sid-openvox    sid     cloud-init openvox-agent openssh-server"
)

# An image without an agent of a distribution that has dnf: what Debian has of it, and nothing of apt.
finish_rhel_bare() { # TARGET
    printf '%s\n' 'NAME="Rocky Linux"' 'ID="rocky"' 'ID_LIKE="rhel centos fedora"' 'VERSION_ID="9.4"' 'PLATFORM_ID="platform:el9"' \
        'PRETTY_NAME="Rocky Linux 9.4, as made of Debian for tests"' > "$1/usr/lib/os-release"
    echo 'Rocky Linux release 9.4' > "$1/etc/redhat-release"
    rm -f "$1/etc/debian_version"
    rm -f "$1"/usr/bin/{apt,apt-get,apt-cache,dpkg,dpkg-query,dpkg-deb} "$1"/usr/sbin/invoke-rc.d
    sed -i 's/^\( *distro:\) debian$/\1 rhel/; s/^\( *name:\) debian$/\1 cloud-user/; s/groups: \[.*\]/groups: [adm]/' "$1/etc/cloud/cloud.cfg"
    ln -s ../lib/cloud-init "$1/usr/libexec/cloud-init"
    mkdir -p "$1"/etc/{yum.repos.d,dnf/vars,pki/rpm-gpg,sysconfig}
}

# A golden image with an agent of the all-in-one layout, never started.
finish_openvox8() { # TARGET
    local packages=$kept/.aio-agent
    "$root/eng/roots.sh" trixie-agent > /dev/null
    "$root/eng/aio-agent.sh" "$kept/trixie-agent" "$packages"
    cp "$packages/openvox-agent.deb" "$1/tmp/"
    no_services "$1"
    inside "$1" dpkg --install /tmp/openvox-agent.deb
    rm -f "$1/tmp/openvox-agent.deb" "$1/usr/sbin/policy-rc.d"
}

fail() { echo "error: $*" >&2; exit 1; }

recipe() { # NAME
    local each
    for each in "${recipes[@]}"; do
        [ "${each%% *}" != "$1" ] || { read -r name suite packages <<< "$each"; return; }
    done
    fail "no root is called $1; eng/roots.sh --list shows them"
}

# Where this host gets Debian from; a mirror of our own would not be everybody's.
mirror() {
    apt-get indextargets --format '$(ORIGIN) $(SITE) $(REPO_URI)' 2> /dev/null | awk '$1 == "Debian" && !/security/ { print $NF; exit }'
}

make_root() {
    local name=$1 suite packages wanted rc teller target=$kept/$1 log=$kept/$1.log
    recipe "$name"
    wanted=$(whole_recipe "$name" | sha256sum | cut -d' ' -f1)
    exec 8> "$target.lock"
    flock 8
    if [ "$(cat "$target/.overture-root" 2> /dev/null)" != "$wanted" ]; then
        echo "making the root $name ($suite: $packages); log: $log" >&2
        rm -rf --one-file-system "$target" "$target.new"
        tell_progress "$log" $$ >&2 8>&- &
        teller=$!
        set +e # a subshell before || would go on after a failure
        (
            set -e
            # Its name as it is now: in build() target is another.
            # shellcheck disable=SC2064
            trap "umount -l '$target.new/proc' '$target.new/dev' 2> /dev/null || true" EXIT
            trap 'exit 143' TERM
            trap 'exit 130' INT
            case $suite in
                =*) "$root/eng/roots.sh" "${suite#=}"; cp -a "$kept/${suite#=}" "$target.new" ;;
                *) bootstrap "$suite" "$target.new" ;;
            esac
            [ -z "$packages" ] || add_packages "$target.new" "$packages"
            ! declare -F "finish_${name//-/_}" > /dev/null || "finish_${name//-/_}" "$target.new"
        ) > "$log" 2>&1
        rc=$?
        set -e
        kill $teller 2> /dev/null || true
        [ $rc = 0 ] || { tail -n 5 "$log" >&2; fail "the root $name could not be made; the whole log: $log"; }
        echo "$wanted" > "$target.new/.overture-root"
        mv "$target.new" "$target"
    fi
    exec 8>&-
    echo "$target"
}

# whole_recipe NAME: all that decides what is in it: its line, that of the root it is a copy of, and what else is done to both
whole_recipe() {
    local suite packages name
    recipe "$1"
    echo "$suite $base $packages"
    declare -f "finish_${1//-/_}" || true
    [ "$1" != openvox8 ] || { cat "$root/eng/aio-agent.sh"; whole_recipe trixie-agent; }
    [ "$suite" = "${suite#=}" ] || whole_recipe "${suite#=}"
}

bootstrap() { # SUITE TARGET
    local suite=$1 target=$2 url
    url=$(mirror)
    debootstrap --variant=minbase "$suite" "$target" "${url:-http://deb.debian.org/debian}"
    printf '127.0.0.1 localhost\n::1 localhost\n' > "$target/etc/hosts"
    # An old Release file is all that some mirrors have of a suite that moves.
    printf 'Acquire::Check-Valid-Until "false";\nAPT::Install-Recommends "false";\nAcquire::Retries "2";\n' > "$target/etc/apt/apt.conf.d/99overture"
}

add_packages() { # TARGET PACKAGES
    local target=$1 packages=$2
    no_services "$target"
    cp /etc/resolv.conf "$target/etc/resolv.conf"
    mount -t proc proc "$target/proc"
    mount --bind /dev "$target/dev"
    inside "$target" apt-get update
    # shellcheck disable=SC2086 # several packages
    inside "$target" apt-get install -y -o Dpkg::Options::=--force-confold -o Dpkg::Options::=--force-unsafe-io $base $packages
    inside "$target" apt-get clean
    rm -f "$target/usr/sbin/policy-rc.d"
    umount "$target/dev" "$target/proc"
}

no_services() { # TARGET: its packages start none while they are installed
    printf '#!/bin/sh\nexit 101\n' > "$1/usr/sbin/policy-rc.d"
    chmod 755 "$1/usr/sbin/policy-rc.d"
}

inside() { # TARGET COMMAND...
    local target=$1
    shift
    env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot "$target" "$@"
}

case ${1:-} in
    '' | -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
    --list) printf '%s\n' "${recipes[@]}"; exit 0 ;;
esac
[ "$(id -u)" = 0 ] || fail "needs root: a root file system has files of many users"
install_packages "roots of other Debian releases" debootstrap >&2
mkdir -p "$kept"
for each in "$@"; do make_root "$each"; done
