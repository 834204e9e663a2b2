#!/bin/sh
# User data of the group's launch template: waits for what lifecycle.py puts into the parameter of this instance, makes it cloud-init's
# seed under a new instance id, and reboots. The next boot is that of a new machine, with all that user data may hold.
# The instance's profile needs ssm:GetParameter on parameter/overture/user-data/*, and the image the AWS command line.
set -eu
umask 077
id=$(cloud-init query v1.instance_id)
seed=/var/lib/cloud/seed/nocloud
mkdir -p "$seed"
tries=0
until aws ssm get-parameter --with-decryption --name "/overture/user-data/$id" --query Parameter.Value --output text > "$seed/new"; do
    tries=$((tries + 1))
    [ "$tries" -lt "${OVERTURE_TRIES:-120}" ] || { rm -f "$seed/new"; echo "overture: no user data for $id" >&2; exit 1; }
    sleep 5
done
printf 'instance-id: overture-%s\nlocal-hostname: %s\n' "$id" "$(hostname)" > "$seed/meta-data"
mv "$seed/new" "$seed/user-data"
echo 'datasource_list: [NoCloud, None]' > /etc/cloud/cloud.cfg.d/98-overture.cfg
# The source that this boot found, which the next one would take again.
rm -f /var/lib/cloud/instance/obj.pkl
shutdown -r now
