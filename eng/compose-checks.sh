# Sourced by eng/compose-test.sh with everything up and $certname converged: what its containers are, and what they live through.

# A format of docker inspect: {{...}} of each container must be what is said.
is() { # SERVICE WHAT FORMAT EXPECTED
    local value
    value=$(docker inspect -f "$3" "$(container "$1")")
    [ "$value" = "$4" ] || fail "$1: $2 is '$value', not '$4'"
}
all_healthy() { for service in redis conductor certauthority classifier console puppetserver; do healthy $service healthy || return 1; done; }

until_true "every health check is passed" 180 all_healthy
for service in redis traces conductor certauthority classifier console puppetserver node-register; do
    is $service user '{{.Config.User}}' 65532:65532
    is $service "read-only root" '{{.HostConfig.ReadonlyRootfs}}' true
    is $service "capabilities" '{{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}}' '[ALL] []'
    is $service "security options" '{{.HostConfig.SecurityOpt}}' '[no-new-privileges:true]'
    is $service privileged '{{.HostConfig.Privileged}}' false
done
for service in init puppetserver-configure; do
    is $service "read-only root" '{{.HostConfig.ReadonlyRootfs}}' true
    is $service "exit code" '{{.State.ExitCode}}' 0
done
for service in conductor certauthority classifier console puppetserver; do
    is $service "health check by a shell" '{{index .Config.Healthcheck.Test 0}}' CMD
done
title='{{index .Config.Labels "org.opencontainers.image.title"}} {{index .Config.Labels "org.opencontainers.image.version"}}'
is conductor label "$title" "Overture Conductor 0.2.0"
is certauthority label "$title" "Overture CertAuthority 0.2.0"
is classifier label "$title" "Overture Classifier 0.2.0"
is console label "$title" "Overture Console 0.2.0"
is puppetserver label "$title" "Overture puppetserver 0.2.0"
is node label "$title" "Overture demo node 0.2.0"
say "users, roots, capabilities, labels and health are as they should be"
# It takes as long as all that was before; processes that die, upgrades and restores are tested without images, too.
[ -n "${OVERTURE_FULL:-}" ] || { say "kills, an upgrade, a backup and its restore: with OVERTURE_FULL=1"; return 0; }

nothing_lost() { # WHEN
    until_true "$certname is converged $1" 180 converged
    cli instance timeline "$certname" > "$work/after" || fail "no timeline $1: $(cat "$work/cli.err")"
    [ -z "$(grep -vxFf "$work/after" "$work/timeline")" ] || fail "$1 the timeline lacks: $(grep -vxFf "$work/after" "$work/timeline")"
}
killed() { docker kill "$(container "$1")" > /dev/null; docker start "$(container "$1")" > /dev/null; }
next_run() { docker exec "$(container node)" sh -c 'puppet agent --test --color=false --waitforlock 60; rc=$?; [ $rc = 0 ] || [ $rc = 2 ]'; }

# The JVM takes half a minute to come back: meanwhile the others.
killed puppetserver
for service in redis conductor certauthority classifier console traces; do
    killed $service
    state=healthy
    [ $service != traces ] || state=running
    until_true "$service is $state again" 240 healthy $service $state
    nothing_lost "after $service was killed"
    say "killed and started: $service"
done
until_true "puppetserver is healthy again" 300 healthy puppetserver healthy
killed node
until_true "node runs again" 120 healthy node running
nothing_lost "after puppetserver and node were killed"
say "killed and started: puppetserver, node"
cli audit verify > /dev/null || fail "the audit log: $(cat "$work/cli.err")"

# Upgrade, as docs/compose.md has it: one service at a time.
export OVERTURE_VERSION=0.1.1
for service in classifier certauthority conductor console; do
    step "image $service $OVERTURE_VERSION can't be built" upgrade compose build $service
    step "$service can't be upgraded" upgrade compose up --detach --no-deps --no-build $service
    until_true "$service $OVERTURE_VERSION is healthy" 240 healthy $service healthy
    is $service version '{{index .Config.Labels "org.opencontainers.image.version"}}' $OVERTURE_VERSION
    nothing_lost "after $service was upgraded"
done
say "upgraded: classifier, certauthority, conductor, console"

# Backup, loss of the host, restore, as docs/compose.md has it; the node lives on a machine of its own.
back_up() {
    compose stop conductor certauthority classifier
    compose run --rm -T --no-deps --entrypoint tar init -C / -cz init out/objects out/state-conductor out/state-certauthority out/state-classifier > "$work/overture.tar.gz"
}
lose() {
    docker ps -aq --no-trunc | grep -vx "$(docker inspect -f '{{.Id}}' "$(container node)")" | xargs /usr/bin/docker rm --force
    docker volume ls -q | grep -v _node-seed | xargs /usr/bin/docker volume rm
}
restore() { compose run --rm -T --no-deps --entrypoint tar init -C / -xpz < "$work/overture.tar.gz"; }
step "no backup" backup back_up
step "no loss" lose lose
step "no restore" restore restore
say "backed up ($(stat -c %s "$work/overture.tar.gz") bytes), lost, restored"
step "docker-compose up after the restore" up-again up
shell
until_true "$certname is converged after the restore" 180 converged
# With Redis gone a timeline is what the store proves, in the store's words.
for key in requested csr-received signed classified converged; do
    cli instance timeline "$certname" -o json | grep "\"key\": *\"$key\"" > /dev/null || fail "after the restore the timeline lacks '$key'"
done
cli audit verify > /dev/null || fail "the audit log after the restore: $(cat "$work/cli.err")"
until_true "puppetserver is healthy after the restore" 300 healthy puppetserver healthy
# The node goes on with its certificate and the CA it knows.
step "the node's next run" next-run next_run
say "the node's next run is good"
