#!/usr/bin/env bash
# usage: eng/package-checks.sh [DIR]
#
# What can be seen of the packages in a minute, without booting anything; ./test runs it. The packages are made of the programs of this
# checkout's build (`eng/build.sh services` and `cli`; eng/release.sh makes self-contained ones), or are those in DIR:
#
#   * maintainer scripts by shellcheck, units by systemd-analyze, the RPM's scripts by their $1
#   * every .deb: fields, sums, owners, modes, and no file where Debian's policy has none; twice packed, the same bytes
#   * in a Debian 13 without systemd running: install, a second installation, downgrade, removal, purge with and without a yes
#   * in a root with rpm: install, rpm -V, upgrade, removal
#
# eng/package-test.sh boots a Debian 12 with them, and plays a newcomer's way. Needs root, and roots trixie-bare and rhel-bare of eng/roots.sh.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
. "$root/eng/packages.sh"
. "$root/eng/release-packages.sh"
case ${1:-} in -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;; esac
[ "$(id -u)" = 0 ] || { echo "error: needs root: it installs packages in a root file system" >&2; exit 1; }
install_packages "the checks of the packages" rpm shellcheck systemd

begin=$SECONDS
say() { printf '[%3d s] %s\n' $((SECONDS - begin)) "$*"; }
fail() { echo "error: $*" >&2; exit 1; }
work=$(mktemp -d)
clean_up() {
    trap '' INT TERM HUP
    local each
    for each in "$work"/{trixie,rpm}/merged; do ! mountpoint -q "$each" || umount -l "$each"; done
    rm -rf --one-file-system "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

export SOURCE_DATE_EPOCH=1700000000 LC_ALL=C TZ=UTC
version=$(sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' "$root/Directory.Build.props") arch=amd64
names="overture-cli overture-puppet overture-server"

say "scripts and units"
for script in "$root"/deploy/packages/*/{postinst,prerm,postrm}; do
    # The question's script is Debian's; what $1 may be is known.
    [ ! -e "$script" ] || shellcheck -s sh -e SC1091 "$script" || fail "shellcheck of $script"
done
shellcheck "$root/deploy/packages/overture-puppet/overture-puppetserver" || fail "shellcheck of overture-puppetserver"
sed '/^%\(post\|preun\|postun\)$/d' "$root"/deploy/packages/*/rpm-scripts > "$work/rpm-scripts"
shellcheck -s sh "$work/rpm-scripts" || fail "shellcheck of the RPM's scripts"
install -d "$work/units/etc/systemd/system" "$work/units/usr/lib/overture" "$work/units/usr/bin" "$work/units/bin"
cp -R "$root"/deploy/systemd/*.service "$root"/deploy/systemd/*.timer "$root"/deploy/systemd/*.d "$work/units/etc/systemd/system/"
# Programs of the units, and targets that they name: those of this host.
for program in usr/lib/overture/Overture.{Conductor,CertAuthority,Classifier,Console} usr/bin/{overture,redis-server} bin/kill usr/bin/kill; do
    install -m 0755 /dev/null "$work/units/$program"
done
install -d "$work/units/usr/lib/systemd/system"
cp /usr/lib/systemd/system/*.target "$work/units/usr/lib/systemd/system/"
cp -P /usr/lib/systemd/system/{system.slice,-.slice,-.mount,tmp.mount,dbus.socket} "$work/units/usr/lib/systemd/system/" 2> /dev/null || true
systemd-analyze verify --man=no --recursive-errors=no --root="$work/units" "$work"/units/etc/systemd/system/overture-*.{service,timer} > "$work/verified" 2>&1 ||
    { cat "$work/verified" >&2; fail "systemd-analyze verify"; }
! grep -E 'overture-.*(Unknown|Failed|ignoring|Invalid)' "$work/verified" || fail "a line of a unit is not understood"

if [ $# -gt 0 ]; then
    mkdir -p "$work/first"
    cp -R "$1" "$work/first/out"
    # A folder may have other versions, and packages for other processors.
    newest=$(printf '%s\n' "$work"/first/out/overture-cli_*_"$arch".deb | sort -V | tail -n 1)
    version=$(dpkg-deb -f "$newest" Version)
else
    say "packing what this checkout has built"
    for part in first again; do
        mkdir -p "$work/$part"/{server,cli,src}
        # Of the working tree: what is about to be committed.
        mkdir "$work/$part/src/eng"
        cp -R "$root"/{deploy,examples} "$work/$part/src/"
        cp "$root/eng/puppetserver.sh" "$work/$part/src/eng/"
        for program in services/CertAuthority services/Classifier services/Conductor console; do
            cp -R "$root/$program/bin/Release/net10.0/." "$work/$part/server/"
        done
        # No package of ours: native parts for other systems, which a publish leaves out.
        rm -rf "$work/$part/server"/{runtimes,cs,de,es,fr,it,ja,ko,pl,pt-BR,ru,tr,zh-Hans,zh-Hant}
        cp "$root/artifacts/cli/overture" "$work/$part/cli/"
        lay_out "$work/$part"
        for name in $names; do pack "$work/$part" "$name" > "$work/packed" 2>&1 || { cat "$work/packed" >&2; fail "packing $name"; }; done
    done
    for file in "$work"/first/out/*; do cmp "$file" "$work/again/out/${file##*/}" || fail "packed twice, ${file##*/} is not the same"; done
fi
out=$work/first/out

say "what is in the .deb packages"
for name in $names; do
    deb=$out/${name}_${version}_$(arch_of "$name").deb
    for field in Package Version Architecture Maintainer Installed-Size Section Priority Description; do
        [ -n "$(dpkg-deb -f "$deb" "$field")" ] || fail "$name has no $field"
    done
    [ "$(dpkg-deb -f "$deb" Version)" = "$version" ] || fail "$name is not of $version"
    dpkg-deb -c "$deb" > "$work/list"
    awk '$2 != "root/root" || $1 ~ /[sS]/ || substr($1, 9, 1) == "w" && $1 !~ /^l/ { print; bad = 1 } END { exit bad }' "$work/list" ||
        fail "$name: owners or modes"
    ! grep -vE ' \./(usr/(bin|lib|share)?.*)?$' "$work/list" || fail "$name has files elsewhere than in /usr"
    ! grep -E '/(usr/local|usr/share/info/dir|__pycache__)|\.(pdb|orig|rej)$' "$work/list" || fail "$name has what no package should"
    grep -q "/usr/share/doc/$name/copyright" "$work/list" && grep -q "/usr/share/doc/$name/changelog.gz" "$work/list" || fail "$name: copyright, changelog"
    mkdir "$work/raw-$name"
    dpkg-deb -R "$deb" "$work/raw-$name"
    (cd "$work/raw-$name" && md5sum --quiet -c DEBIAN/md5sums) || fail "sums of $name"
    [ "$(wc -l < "$work/raw-$name/DEBIAN/md5sums")" = "$(find "$work/raw-$name" -type f ! -path '*/DEBIAN/*' | wc -l)" ] || fail "$name: files without a sum"
done
for unit in "$root"/deploy/systemd/*.{service,timer}; do
    [ -e "$work/raw-overture-server/usr/lib/systemd/system/${unit##*/}" ] || fail "${unit##*/} is in no package"
done
# Each command of the command line has its page, and each page its command.
mkdir "$work/man"
"$work/raw-overture-cli/usr/bin/overture" __man "$work/man"
[ "$(cd "$work/man" && ls)" = "$(cd "$work/raw-overture-cli/usr/share/man/man1" && ls | sed 's/\.gz$//')" ] || fail "man pages"
[ "$(head -n 1 "$work/raw-overture-puppet/usr/bin/overture-autosign")" = "#!/usr/bin/overture autosign-hook" ] || fail "the hook's first line"

# over ROOT NAME: an overlay of its own, at WORK/NAME/merged
over() {
    local lower
    lower=$("$root/eng/roots.sh" "$1")
    mkdir -p "$work/$2"/{upper,work,merged}
    mount -t overlay overlay -o "lowerdir=$lower,upperdir=$work/$2/upper,workdir=$work/$2/work" "$work/$2/merged"
}
# inside NAME COMMAND: must succeed
inside() {
    unshare --mount --pid --fork --mount-proc="$work/$1/merged/proc" chroot "$work/$1/merged" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1 bash -ec "$2" > "$work/said" 2>&1 ||
        { cat "$work/said" >&2; fail "in $1: $2"; }
}
# newer DIR: the same files under a higher version
newer=$version.1

say "Debian 13, without systemd: install, again, upgrade, downgrade, remove, purge"
over trixie-bare trixie
mkdir -p "$work/trixie/merged/packages"
for name in $names; do
    cp "$out/${name}_${version}_$(arch_of "$name").deb" "$work/trixie/merged/packages/$name.deb"
    cp -a "$work/raw-$name" "$work/newer"
    sed -i "s/^Version: .*/Version: $newer/" "$work/newer/DEBIAN/control"
    dpkg-deb -Znone --root-owner-group --build "$work/newer" "$work/trixie/merged/packages/$name-newer.deb" > /dev/null
    rm -rf "$work/newer"
done
printf '#!/bin/sh\nexit 101\n' > "$work/trixie/merged/usr/sbin/policy-rc.d"
chmod 0755 "$work/trixie/merged/usr/sbin/policy-rc.d"
# /packages is ours; these are the root's own files of that name, before and after.
ours='find / -xdev \( -path /proc -o -path /packages -o -path /var/lib/dpkg -o -path /var/cache \) -prune -o -name "*overture*" -print | sort'
inside trixie "$ours > /packages/before"
inside trixie 'cd /packages; dpkg -i overture-cli.deb overture-puppet.deb overture-server.deb 2>&1'
grep -q '^overture-server: next: overture setup' "$work/said" || { cat "$work/said" >&2; fail "the installation does not say what is next"; }
inside trixie 'cd /packages
    dpkg --verify overture-cli overture-puppet overture-server
    overture --version
    for user in conductor certauthority classifier console redis; do id overture-$user; done
    test "$(id -Gn overture-conductor)" = "overture-conductor overture"
    dpkg -i overture-server.deb
    dpkg -i overture-cli-newer.deb overture-puppet-newer.deb overture-server-newer.deb
    dpkg -i --force-downgrade overture-cli.deb overture-puppet.deb overture-server.deb
    # One command a line: bash -e passes over a failed one before && and after !.
    mkdir -p /etc/overture /var/lib/overture/ca
    echo "names: server.test" > /etc/overture/setup.yaml
    echo kept > /var/lib/overture/ca/ca_key.pem
    dpkg --remove overture-server
    test -s /etc/overture/setup.yaml
    test -s /var/lib/overture/ca/ca_key.pem
    test ! -e /usr/lib/overture
    dpkg -i overture-server.deb
    dpkg --purge overture-server
    test ! -e /etc/overture
    test -s /var/lib/overture/ca/ca_key.pem
    dpkg -i overture-server.deb
    echo overture-server overture-server/purge-data boolean true | debconf-set-selections
    dpkg --purge overture-server
    test ! -e /var/lib/overture
    dpkg --purge overture-puppet overture-cli'
inside trixie "$ours > /packages/after; diff /packages/before /packages/after"

say "a root with rpm: install, verify, upgrade, remove"
over rhel-bare rpm
mkdir -p "$work/rpm/merged/packages/newer"
cp "$out"/overture-*-"$version"-1.{x86_64,noarch}.rpm "$work/rpm/merged/packages/"
if [ $# = 0 ]; then
    (version=$newer; for name in $names; do rm -rf "$work/again/rpm"; rpm_of "$work/again" "$name" > "$work/packed" 2>&1 || { cat "$work/packed" >&2; exit 1; }; done) || fail "packing $newer"
    cp "$work"/again/out/overture-*-"$newer"-1.*.rpm "$work/rpm/merged/packages/newer/"
fi
# That root was not installed by rpm, whose database has nothing to depend on: what they need is looked at, not resolved.
inside rpm 'cd /packages
    if rpm -qpR ./*.rpm | grep -vE "^(rpmlib\(|/bin/sh$|overture-cli )"; then exit 1; fi
    rpm -i --nodeps ./*.rpm
    rpm -V --nodeps overture-server overture-cli overture-puppet
    overture --version
    id overture-conductor
    mkdir -p /etc/overture /var/lib/overture
    echo "names: server.test" > /etc/overture/setup.yaml
    if [ -n "$(ls newer)" ]; then
        rpm -U --nodeps newer/*.rpm
        rpm -V --nodeps overture-server overture-cli overture-puppet
        test "$(rpm -q --qf "%{VERSION}" overture-server)" != "$(rpm -qp --qf "%{VERSION}" overture-server-*.rpm)"
        test -x /usr/lib/overture/Overture.Conductor
        test -x /usr/bin/overture
        rpm -U --nodeps --oldpackage ./*.rpm
        rpm -V --nodeps overture-server overture-cli overture-puppet
    fi
    rpm -e overture-server overture-puppet overture-cli
    test ! -e /usr/lib/overture
    test ! -e /usr/bin/overture
    test -s /etc/overture/setup.yaml'
grep -q 'rm -r removes them for good' "$work/said" || { cat "$work/said" >&2; fail "the removal does not say what stays"; }
say "done"
