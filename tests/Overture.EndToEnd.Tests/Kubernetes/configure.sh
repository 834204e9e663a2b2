#!/bin/bash
# The init container of a puppetserver's pod on this host: deploy/images/puppetserver-configure.sh as user puppet, without rights, on a root that
# is read-only but for the pod's volumes; `overture` is a stand-in. Run as root in a mount namespace of its own: unshare --mount configure.sh
# REPOSITORY OUT PUPPET_BIN. Runs it twice, the second time after a server that wants what lies in /etc/overture/admin, and leaves in
# OUT/data and OUT/programs what it made.
set -euo pipefail
repository=$1 out=$2 bin=$3
mount --make-rprivate /
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root /mnt/given
cp -r "$repository/deploy" "$repository/examples" /mnt/given/
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
root=/mnt/root
mount --rbind /proc $root/proc
mount --rbind /dev $root/dev
mount --rbind /sys $root/sys
mkdir -p $root/usr/share/overture $root/usr/libexec/overture $root/etc/overture/admin $root/var/lib/overture $root/run/overture $root/tmp
cp -r /mnt/given/deploy/puppet $root/usr/share/overture/modules
cp -r /mnt/given/examples/puppet/modules $root/usr/share/overture/production
install -m 0755 /mnt/given/deploy/images/puppetserver-configure.sh $root/usr/libexec/overture/
mkdir $root/etc/overture/admin/module
touch $root/etc/overture/admin/module/of-the-operator
cat > $root/usr/bin/overture <<'X'
#!/bin/bash
[ "$1 $2" = "instance register" ] || exit 2
grep -q 'dns_alt_names: \[puppet,localhost\]' /tmp/puppetserver.yaml || exit 3
echo a-token > /tmp/token
echo '{"certname": "59b886ae-14c6-4161-bdce-ecff28ee7c0a"}'
X
chmod 0755 $root/usr/bin/overture
# As the kubelet makes them: root's, and the group's to write.
group=$(id -g puppet)
for volume in /var/lib/overture /run/overture /tmp; do mount -t tmpfs -o "mode=2777,uid=0,gid=$group" tmpfs "$root$volume"; done
mount -o remount,ro $root
run() {
    setpriv --reuid=puppet --regid=puppet --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all \
        env -i PATH=/usr/bin:/bin PUPPET_NAMES=puppet,localhost PUPPET_HEAP=1g PUPPET_BIN="$bin" "$@"
}
enter() { chroot $root /bin/bash -c "$(declare -f run); bin=$bin; run $*"; }
enter touch /usr/written 2> /dev/null && { echo "the root is not read-only" >&2; exit 1; }
enter /usr/libexec/overture/puppetserver-configure.sh
# The server may write the claim: a name that would bring parameters of its own, and a certificate for that name.
home=$root/var/lib/overture/puppetserver
{ sed "1d; s/^overture::puppetserver::certname: //; s,^\(overture::puppetserver::modules_source:\).*,\1 /etc/overture/admin," $root/tmp/apply/parameters.yaml; printf -- '---\n# '; } > $home/apply/certname
certificate="$home/ssl/certs/$(cat $home/apply/certname).pem"
mkdir -p "$(dirname "$certificate")"
touch "$certificate"
enter /usr/libexec/overture/puppetserver-configure.sh
[ -z "$(find $home -name of-the-operator)" ] || { echo "the server got what is the operator's" >&2; exit 1; }
mkdir -p "$out/data" "$out/programs"
cp -r $root/var/lib/overture/. "$out/data/"
cp -r $root/run/overture/. "$out/programs/"
