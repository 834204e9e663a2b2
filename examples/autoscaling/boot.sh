#!/bin/sh
# User data of the group's launch template: waits for what lifecycle.py puts into the parameter of this instance, and has cloud-init do it.
# The instance's profile needs ssm:GetParameter on parameter/overture/user-data/<its instance id>, and the image the AWS command line.
set -eu
umask 077
id=$(cloud-init query v1.instance_id)
file=/run/overture-user-data
tries=0
until aws ssm get-parameter --with-decryption --name "/overture/user-data/$id" --query Parameter.Value --output text > "$file"; do
    tries=$((tries + 1))
    [ "$tries" -lt "${OVERTURE_TRIES:-120}" ] || { echo "overture: no user data for $id" >&2; exit 1; }
    sleep 5
done
for module in write_files runcmd scripts_user; do
    cloud-init --file "$file" single --name "$module" --frequency always
done
rm -f "$file"
