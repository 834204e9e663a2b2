# Sourced by eng/compose-test.sh: the stand-ins for the public base images, then our images, by docker-compose.yml. Nothing is built twice,
# and what waits for a mirror is done beside what computes.

cmp -s <(sed -n '/ AS build$/,/^$/p' deploy/images/services.Dockerfile) <(sed -n '/ AS build$/,/^$/p' deploy/images/puppetserver.Dockerfile) ||
    fail "deploy/images: the build stages of services.Dockerfile and puppetserver.Dockerfile differ"

# As public slim images: no manuals, and dpkg does not sync (Docker's own images say so too).
debian() {
    TMPDIR=$work mmdebstrap --variant=minbase --include=ca-certificates --dpkgopt=force-unsafe-io --dpkgopt='path-exclude=/usr/share/doc/*' \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' bookworm "$work/debian"
}

# What the last restore used: libraries, and the packs that the SDK asks for. Folders below NuGet's, one a line.
packages() {
    "$DOTNET" restore eng/shipped.slnf --nologo -v quiet
    python3 - > "$work/packages" <<'END'
import glob, json
used = set()
for path in glob.glob("*/obj/project.assets.json") + glob.glob("*/*/obj/project.assets.json"):
    if path.startswith(("tests/", "benchmarks/")):
        continue
    with open(path) as file:
        assets = json.load(file)
    used |= {library["path"] for library in assets["libraries"].values() if library["type"] == "package"}
    for framework in assets["project"]["frameworks"].values():
        for pack in framework.get("downloadDependencies", []):
            used.add(pack["name"].lower() + "/" + pack["version"].strip("[]").split(",")[0])
print("\n".join(sorted(used)))
END
}

dotnet_name=$(basename "$DOTNET_ROOT") nuget=$(realpath "${NUGET_PACKAGES:-$HOME/.nuget/packages}")
# layers NAME...: Debian and parts of .NET as one archive; with packages, the NuGet packages in /packages too
layers() {
    local more=()
    [ "$1" != packages ] || { more=(-C "$(dirname "$nuget")" -T "$work/packages.list"); shift; sed "s,^,$(basename "$nuget")/," "$work/packages" > "$work/packages.list"; }
    tar -c --transform "s,^$dotnet_name\(/\|\$\),usr/share/dotnet\1,S;s,^$(basename "$nuget")/,packages/,S" -C "$work/debian" . \
        -C "$(dirname "$DOTNET_ROOT")" "$@" "${more[@]}"
}
base_image() { local image=$1; shift; docker import "$@" -c 'CMD ["bash"]' - "$image"; }
path='ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/share/dotnet'
base_debian() { tar -C "$work/debian" -c . | base_image standin/debian; }
base_sdk() { layers packages "$dotnet_name" | base_image standin/sdk -c "$path" -c 'ENV NUGET_PACKAGES=/packages'; }
base_aspnet() { layers "$dotnet_name"/{dotnet,host,shared} | base_image standin/aspnet -c "$path"; }
base_redis() {
    docker build --quiet --tag standin/redis - <<'END'
FROM standin/debian
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends redis-server
END
}

say "base images"
background packages packages; packages=$!
step "Debian can't be bootstrapped" debian debian
wait_for "the packages can't be restored" $packages packages
until_true "dockerd" 60 docker info
background sdk base_sdk; sdk=$!
background aspnet base_aspnet; aspnet=$!
step "standin/debian can't be imported" import base_debian

say "our images"
background packages-puppetserver docker build --target packages --build-arg BASE_IMAGE --file deploy/images/puppetserver.Dockerfile .; puppetserver=$!
wait_for "standin/sdk can't be imported" $sdk sdk
wait_for "standin/aspnet can't be imported" $aspnet aspnet
background conductor compose build conductor; conductor=$!
wait_for "puppetserver's packages can't be installed" $puppetserver packages-puppetserver
step "image node can't be built" node compose build node
step "standin/redis can't be built" redis base_redis
wait_for "image conductor can't be built" $conductor conductor
step "images can't be built" images compose build certauthority classifier console puppetserver
