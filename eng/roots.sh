#!/usr/bin/env bash
# Root file systems of other Debian releases, which tests and local instances run in. Each is made once by debootstrap and kept in
# artifacts/roots; one whose list of packages changed here is made again. Prints the path of each.
#
#   eng/roots.sh NAME...       makes what is missing (1-4 minutes each, once)
#   eng/roots.sh --list        names and what is in them
#
# A root is only ever a lower layer: whoever runs something in it mounts an overlay over it. Needs root, and debootstrap.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
. "$root/eng/packages.sh"
kept=$root/artifacts/roots

# NAME SUITE PACKAGES, and what every root has
readonly base="ca-certificates curl gpgv iproute2 procps util-linux"
readonly recipes=(
    "trixie-agent   trixie  cloud-init puppet-agent openssh-server"
    "trixie-server  trixie  puppetserver puppet-agent"
    "trixie-ceph    trixie  ceph-mon ceph-osd ceph-mgr radosgw"
)

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
    local name=$1 suite packages wanted target=$kept/$1 log=$kept/$1.log
    recipe "$name"
    wanted=$(echo "$suite $base $packages" | sha256sum | cut -d' ' -f1)
    exec 8> "$target.lock"
    flock 8
    if [ "$(cat "$target/.overture-root" 2> /dev/null)" != "$wanted" ]; then
        echo "making the root $name ($suite: $packages); log: $log" >&2
        rm -rf --one-file-system "$target" "$target.new"
        (
            trap 'umount -l "$target.new/proc" "$target.new/dev" 2> /dev/null || true' EXIT
            build "$suite" "$target.new" "$packages"
        ) > "$log" 2>&1 || { tail -n 5 "$log" >&2; fail "the root $name could not be made; the whole log: $log"; }
        echo "$wanted" > "$target.new/.overture-root"
        mv "$target.new" "$target"
    fi
    exec 8>&-
    echo "$target"
}

build() { # SUITE TARGET PACKAGES
    local suite=$1 target=$2 packages=$3 url
    url=$(mirror)
    debootstrap --variant=minbase "$suite" "$target" "${url:-http://deb.debian.org/debian}"
    printf '#!/bin/sh\nexit 101\n' > "$target/usr/sbin/policy-rc.d"
    chmod 755 "$target/usr/sbin/policy-rc.d"
    printf '127.0.0.1 localhost\n::1 localhost\n' > "$target/etc/hosts"
    cp /etc/resolv.conf "$target/etc/resolv.conf"
    mount -t proc proc "$target/proc"
    mount --bind /dev "$target/dev"
    # An old Release file is all that some mirrors have of a suite that moves.
    printf 'Acquire::Check-Valid-Until "false";\nAPT::Install-Recommends "false";\nAcquire::Retries "2";\n' > "$target/etc/apt/apt.conf.d/99overture"
    inside "$target" apt-get update
    # shellcheck disable=SC2086 # several packages
    inside "$target" apt-get install -y -o Dpkg::Options::=--force-confold $base $packages
    inside "$target" apt-get clean
    rm -f "$target/usr/sbin/policy-rc.d"
    umount "$target/dev" "$target/proc"
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
