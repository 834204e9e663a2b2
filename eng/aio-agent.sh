#!/usr/bin/env bash
# An agent in the layout of the all-in-one packages (OpenVox 8, Puppet 7 and 8), as packages and repositories that tests install from:
# /opt/puppetlabs with a Ruby of its own, configuration in /etc/puppetlabs/puppet, `puppet` on PATH by profile.d alone.
#
#   eng/aio-agent.sh ROOT OUT    makes OUT from the Puppet of ROOT, a root file system that has Debian's puppet-agent:
#                                OUT/openvox-agent.deb, OUT/openvox-agent.rpm, OUT/apt and OUT/yum (signed, in the shape of
#                                apt.voxpupuli.org and yum.voxpupuli.org), OUT/key.asc (the public key; the private one is not kept)
#
# The .deb starts its agent when it is installed, as a distribution's does: what must be in place before that is seen to be.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
. "$root/eng/packages.sh"

fail() { echo "error: $*" >&2; exit 1; }

case ${1:-} in '' | -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;; esac
source=$(realpath -e -- "$1")
out=$(realpath -m -- "$2")
[ -e "$source/usr/lib/ruby/vendor_ruby/puppet.rb" ] || fail "$source has no Puppet; eng/roots.sh trixie-agent makes one that has"
install_packages "packages and repositories of an all-in-one agent" dpkg-dev apt-utils gpg gpg-agent rpm createrepo-c >&2

work=$(mktemp -d)
export GNUPGHOME=$work/gnupg
trap 'gpgconf --kill gpg-agent 2> /dev/null || true; rm -rf "$work"' EXIT
tree=$work/tree
home=$tree/opt/puppetlabs/puppet
version=$(sed -n "s/.*PUPPETVERSION = '\(.*\)'.*/\1/p" "$source/usr/lib/ruby/vendor_ruby/puppet/version.rb")
architecture=$(dpkg --print-architecture)
machine=$(uname -m)

# --- 1. files: the root's Ruby and Puppet under /opt/puppetlabs, with the defaults of the all-in-one packages ------------------------
fill_tree() {
    local libraries=$source/usr/lib/$machine-linux-gnu api file
    api=$(basename "$(ls -d "$libraries"/ruby/[0-9]*)")
    mkdir -p "$home"/{bin,lib/ruby,cache,public} "$tree"/opt/puppetlabs/bin "$tree"/etc/puppetlabs/{puppet,code,facter} \
        "$tree"/etc/{profile.d,init.d,default} "$tree"/usr/lib/systemd/system "$tree"/var/log/puppetlabs/puppet
    cp "$(realpath "$source/usr/bin/ruby")" "$home/bin/ruby"
    cp -P "$libraries"/libruby-*.so.* "$home/lib/"
    cp -R "$source/usr/lib/ruby/$api" "$source/usr/lib/ruby/vendor_ruby" "$home/lib/ruby/"
    cp -R "$libraries/ruby/$api" "$home/lib/ruby/arch"
    cp -R "$libraries/ruby/vendor_ruby/$api" "$home/lib/ruby/vendor_arch"
    cp -R "$source/usr/lib/ruby/gems/$api" "$home/lib/ruby/gems"
    rm -rf "$home"/lib/ruby/gems/{gems,extensions/*/*,specifications}/{rbs,typeprof,rdoc,irb,debug,bundler,minitest,test-unit}-*
    cp -R "$source/usr/share/rubygems-integration/all" "$home/lib/ruby/gems-all"
    cp -R "$libraries/rubygems-integration/$api" "$home/lib/ruby/gems-arch"
    cp "$source/usr/bin/puppet" "$source/usr/bin/facter" "$home/bin/"
    sed -i '1s|.*|#!/opt/puppetlabs/puppet/bin/ruby|' "$home/bin/puppet" "$home/bin/facter"
    echo "$version" > "$home/VERSION"
    sed -i -e 's|"/etc/puppet"|"/etc/puppetlabs/puppet"|; s|"/etc/puppet/code"|"/etc/puppetlabs/code"|' \
        -e 's|"/var/cache/puppet"|"/opt/puppetlabs/puppet/cache"|; s|"/var/cache/puppet/public"|"/opt/puppetlabs/puppet/public"|' \
        -e 's|"/run/puppet"|"/var/run/puppetlabs"|; s|"/var/log/puppet"|"/var/log/puppetlabs/puppet"|' \
        -e 's|"/var/lib/puppet/ssl"|"/etc/puppetlabs/puppet/ssl"|' "$home/lib/ruby/vendor_ruby/puppet/util/run_mode.rb"
    sed -i "s|'etc', 'facter', 'facter.conf'|'etc', 'puppetlabs', 'facter', 'facter.conf'|" \
        "$home/lib/ruby/vendor_ruby/facter/framework/config/config_reader.rb"
    find "$home" -name '*.pot' -delete -o -name '*.po' -delete

    cat > "$home/bin/wrapper.sh" << 'WRAPPER'
#!/bin/sh
# Everything of /opt/puppetlabs runs in the Ruby beside it.
here=/opt/puppetlabs/puppet
unset GEM_HOME RUBYOPT
LD_LIBRARY_PATH=$here/lib
GEM_PATH=$here/lib/ruby/gems:$here/lib/ruby/gems-all:$here/lib/ruby/gems-arch
RUBYLIB=$here/lib/ruby/vendor_ruby:$here/lib/ruby/vendor_arch:$here/lib/ruby/API:$here/lib/ruby/arch
PATH=/opt/puppetlabs/bin:${PATH:-/usr/sbin:/usr/bin:/sbin:/bin}
export LD_LIBRARY_PATH GEM_PATH RUBYLIB PATH
exec $here/bin/ruby "$here/bin/$(basename "$0")" "$@"
WRAPPER
    sed -i "s|/ruby/API|/ruby/$api|" "$home/bin/wrapper.sh"
    for file in puppet facter; do ln -s ../puppet/bin/wrapper.sh "$tree/opt/puppetlabs/bin/$file"; done
    printf 'export PATH=$PATH:/opt/puppetlabs/bin\n' > "$tree/etc/profile.d/puppet-agent.sh"
    printf '# As shipped: no settings.\n' > "$tree/etc/puppetlabs/puppet/puppet.conf"
    printf '# Options of the agent.\nPUPPET_EXTRA_OPTS=\n' > "$tree/etc/default/puppet"
    cat > "$tree/usr/lib/systemd/system/puppet.service" << 'UNIT'
[Unit]
Description=Puppet agent
After=network-online.target

[Service]
EnvironmentFile=-/etc/default/puppet
ExecStart=/opt/puppetlabs/bin/puppet agent $PUPPET_EXTRA_OPTS --no-daemonize
KillMode=process

[Install]
WantedBy=multi-user.target
UNIT
    cat > "$tree/etc/init.d/puppet" << 'INIT'
#!/bin/sh
### BEGIN INIT INFO
# Provides:          puppet
# Required-Start:    $network $remote_fs
# Required-Stop:     $network $remote_fs
# Default-Start:     2 3 4 5
# Default-Stop:      0 1 6
### END INIT INFO
pid=/var/run/puppetlabs/agent.pid
log=/var/log/puppetlabs/puppet/puppet.log
PUPPET_EXTRA_OPTS=
[ ! -r /etc/default/puppet ] || . /etc/default/puppet
running() { [ -s "$pid" ] && kill -0 "$(cat "$pid")" 2> /dev/null; }
start() { running || /opt/puppetlabs/bin/puppet agent --logdest "$log" $PUPPET_EXTRA_OPTS; }
stop() {
    running || return 0
    kill "$(cat "$pid")"
    tenths=0
    while running && [ $tenths -lt 100 ]; do sleep 0.1; tenths=$((tenths + 1)); done
    ! running || kill -9 "$(cat "$pid")"
    rm -f "$pid"
}
case $1 in
    start) start ;;
    stop) stop ;;
    restart | force-reload) stop; start ;;
    reload) ! running || kill -HUP "$(cat "$pid")" ;;
    status) running ;;
    *) echo "usage: $0 start|stop|restart|reload|status" >&2; exit 2 ;;
esac
INIT
    chmod 0755 "$home"/bin/* "$tree/etc/init.d/puppet"
}

# --- 2. packages ----------------------------------------------------------------------------------------------------------------------
make_deb() {
    local deb=$work/deb
    cp -a "$tree" "$deb"
    mkdir -p "$deb/DEBIAN"
    cat > "$deb/DEBIAN/control" << CONTROL
Package: openvox-agent
Version: $version-1+debian13
Architecture: $architecture
Maintainer: Tests of Overture <tests@example.invalid>
Conflicts: puppet-agent
Description: an agent in the layout of the all-in-one packages
CONTROL
    (cd "$deb" && find etc -type f | sed 's|^|/|') > "$deb/DEBIAN/conffiles"
    printf '#!/bin/sh\nset -e\n[ "$1" != configure ] || invoke-rc.d puppet start || true\n' > "$deb/DEBIAN/postinst"
    chmod 0755 "$deb/DEBIAN/postinst"
    dpkg-deb --root-owner-group -Zgzip -z1 --build "$deb" "$out/openvox-agent.deb"
}

# Red Hat's place for the service's options is another.
make_rpm() {
    mkdir -p "$work/rpm" "$tree/etc/sysconfig"
    mv "$tree/etc/default/puppet" "$tree/etc/sysconfig/puppet"
    rmdir "$tree/etc/default"
    sed -i 's|/etc/default/puppet|/etc/sysconfig/puppet|g' "$tree/etc/init.d/puppet" "$tree/usr/lib/systemd/system/puppet.service"
    cat > "$work/agent.spec" << SPEC
Name: openvox-agent
Version: $version
Release: 1.el9
Summary: An agent in the layout of the all-in-one packages
License: Apache-2.0
AutoReqProv: no
%global debug_package %{nil}
%global __os_install_post %{nil}
%global _build_id_links none
%global _binary_payload w1.gzdio
%description
For the tests of Overture.
%install
cp -a $tree/. %{buildroot}/
%files
%defattr(-,root,root,-)
/opt/puppetlabs
%dir /etc/puppetlabs
%dir /etc/puppetlabs/code
%dir /etc/puppetlabs/facter
%dir /etc/puppetlabs/puppet
%config(noreplace) /etc/puppetlabs/puppet/puppet.conf
%config(noreplace) /etc/sysconfig/puppet
%config(noreplace) /etc/profile.d/puppet-agent.sh
/etc/init.d/puppet
/usr/lib/systemd/system/puppet.service
%dir /var/log/puppetlabs
%dir /var/log/puppetlabs/puppet
SPEC
    rpmbuild -bb --quiet --target "$machine" --define "_topdir $work/rpm" --define "_rpmdir $work/rpms" "$work/agent.spec"
    cp "$work"/rpms/*/*.rpm "$out/openvox-agent.rpm"
    rpmsign --addsign --define "_gpg_name $signer" --define '__gpg /usr/bin/gpg' "$out/openvox-agent.rpm"
}

# --- 3. repositories, both signed -----------------------------------------------------------------------------------------------------
sign() { gpg --batch --quiet --local-user "$signer" "$@"; }

make_key() {
    mkdir -m 0700 "$GNUPGHOME"
    gpg --batch --quiet --passphrase '' --quick-generate-key 'Tests of Overture <tests@example.invalid>' rsa3072 sign never
    signer=$(gpg --list-keys --with-colons | awk -F: '$1 == "fpr" { print $10; exit }')
    gpg --armor --export "$signer" > "$out/key.asc"
}

make_apt() {
    local suite binary
    mkdir -p "$out/apt/pool"
    ln "$out/openvox-agent.deb" "$out/apt/pool/openvox-agent_$version-1+debian13_$architecture.deb"
    cd "$out/apt"
    for suite in debian12 debian13 ubuntu24.04; do
        binary=dists/$suite/openvox8/binary-$architecture
        mkdir -p "$binary"
        apt-ftparchive packages pool > "$binary/Packages"
        gzip -k "$binary/Packages"
        apt-ftparchive -o "APT::FTPArchive::Release::Suite=$suite" -o "APT::FTPArchive::Release::Codename=$suite" \
            -o APT::FTPArchive::Release::Components=openvox8 -o "APT::FTPArchive::Release::Architectures=$architecture" \
            release "dists/$suite" > "$work/Release"
        cp "$work/Release" "dists/$suite/Release"
        sign --clearsign --output "dists/$suite/InRelease" "$work/Release"
    done
}

make_yum() {
    local folder
    for folder in el/8 el/9 el/10 amazon/2023 fedora/42; do
        folder=$out/yum/openvox8/$folder/$machine
        mkdir -p "$folder"
        ln "$out/openvox-agent.rpm" "$folder/openvox-agent-$version-1.el9.$machine.rpm"
        createrepo_c --quiet "$folder"
        sign --armor --detach-sign "$folder/repodata/repomd.xml"
    done
}

rm -rf "$out"
mkdir -p "$out"
{
    fill_tree
    make_key
    make_deb
    make_rpm
    make_apt
    make_yum
} >&2
echo "$out"
