#!/usr/bin/env bash
# usage: eng/release.sh [VERSION] [--output DIR] [--verify] [--help]
#
# Builds what is installed: overture-server, overture-cli and overture-puppet as .deb and .rpm, tarballs, an SBOM (CycloneDX) and SHA256SUMS.
#
#   VERSION        else that of Directory.Build.props
#   --output DIR   where they go (default: artifacts/release)
#   --verify       builds all of it twice, in other folders, and compares the bytes
#   SOURCE_DATE_EPOCH   the time of all files (default: that of the last commit)
#
# For amd64: the native command line is linked for the processor it is built on. Needs the .NET 10 SDK, clang and zlib1g-dev; installs rpm
# from Debian where it is missing. Sources are those of the last commit: neither builds of this checkout nor what is not committed gets in.
set -euo pipefail
root=$(dirname "$(dirname "$(realpath "$0")")")
. "$root/eng/sdk.sh"
. "$root/eng/packages.sh"

output=$root/artifacts/release version= verify=
while [ $# -gt 0 ]; do
    case $1 in
        --output) output=$(realpath -m "${2:?--output needs a directory}"); shift ;;
        --verify) verify=yes ;;
        -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
        -*) echo "error: unknown argument $1; try eng/release.sh --help" >&2; exit 2 ;;
        *) version=$1 ;;
    esac
    shift
done
version=${version:-$(sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' "$root/Directory.Build.props")}
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || { echo "error: $version is no version such as 0.2.0" >&2; exit 2; }
[ "$(uname -m)" = x86_64 ] || { echo "error: builds packages for amd64, on x86-64" >&2; exit 1; }
find_sdk
install_packages "RPM packages, and a linker for the native command line" rpm clang zlib1g-dev
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$root" log -1 --format=%ct)} LC_ALL=C TZ=UTC
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
begin=$SECONDS
[ -z "$(git -C "$root" status --porcelain)" ] || echo "note: what is not committed is not in it" >&2
say() { printf '[%3d s] %s\n' $((SECONDS - begin)) "$*"; }

# quietly WHAT COMMAND...: its output only where it fails. Beside, and waited for: on the left of || set -e would not hold within.
quietly() {
    local what=$1 log; shift
    log=$(mktemp)
    say "$what"
    "$@" > "$log" 2>&1 &
    wait $! || { grep -E 'error' "$log" | sort -u | head -n 20 >&2 || true; tail -n 20 "$log" >&2; rm -f "$log"; return 1; }
    rm -f "$log"
}

# compile WORK: programs below WORK/server and WORK/cli, out of the tracked files
compile() {
    local work=$1 project common
    mkdir -p "$work/src"
    git -C "$root" archive HEAD | tar -C "$work/src" -x
    # Neither symbols nor this folder's name in what is shipped.
    common=(-c Release -v quiet --nologo "-p:Version=$version" -p:DebugType=none "-p:PathMap=$work/src/=/overture/" -p:RunAnalyzers=false
        -p:NuGetAudit=false)
    cd "$work/src"
    for project in services/CertAuthority services/Classifier services/Conductor console; do
        quietly "publishing $project" "$DOTNET" publish "$project" -r linux-x64 --self-contained "${common[@]}" -o "$work/server"
    done
    quietly "publishing the native command line" "$DOTNET" publish cli "${common[@]}" -p:NativeDebugSymbols=false -o "$work/cli"
    cd "$root"
}

# lay_out WORK: the trees of the packages, below WORK/tree/PACKAGE
lay_out() {
    local work=$1 tree file name
    tree=$work/tree/overture-server
    install -d "$tree/usr/lib/overture" "$tree/lib/systemd/system" "$tree/usr/lib/sysusers.d"
    cp -R "$work/server/." "$tree/usr/lib/overture/"
    rm -f "$tree"/usr/lib/overture/*.pdb "$tree"/usr/lib/overture/{createdump,web.config,*.staticwebassets.*}
    # Of the descriptions of options only ours are read.
    find "$tree/usr/lib/overture" -name '*.xml' ! -name 'Overture.*' -delete
    find "$tree/usr/lib/overture" -type f -exec chmod 0644 {} +
    chmod 0755 "$tree"/usr/lib/overture/{Overture.Conductor,Overture.CertAuthority,Overture.Classifier,Overture.Console,instance.sh}
    cp -R "$work"/src/deploy/systemd/*.service "$work"/src/deploy/systemd/*.timer "$work"/src/deploy/systemd/*.d "$tree/lib/systemd/system/"
    cp "$work/src/deploy/systemd/overture-server.sysusers" "$tree/usr/lib/sysusers.d/overture-server.conf"
    "$work/src/eng/man.sh" "$work/server" "$tree/usr/share/man"
    document overture-server "$tree"
    # With the ports and the store of `overture setup`, not those of ./run.
    install -d "$tree/usr/share/doc/overture-server/examples"
    sed 's/18140/8140/; s/18141/8141/; /^bucket:/d' "$work/src/examples/start_instance.yaml" \
        > "$tree/usr/share/doc/overture-server/examples/start_instance.yaml"

    tree=$work/tree/overture-cli
    install -D -m 0755 "$work/cli/overture" "$tree/usr/bin/overture"
    install -d "$tree"/usr/share/{man/man1,bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d}
    "$work/cli/overture" completion bash > "$tree/usr/share/bash-completion/completions/overture"
    "$work/cli/overture" completion zsh > "$tree/usr/share/zsh/vendor-completions/_overture"
    "$work/cli/overture" completion fish > "$tree/usr/share/fish/vendor_completions.d/overture.fish"
    "$work/cli/overture" __man "$tree/usr/share/man/man1"
    gzip -9 -n "$tree"/usr/share/man/man1/*.1
    document overture-cli "$tree"

    tree=$work/tree/overture-puppet
    install -d "$tree/usr/share/puppet/modules" "$tree/usr/bin"
    cp -R "$work/src/deploy/puppet/overture" "$tree/usr/share/puppet/modules/overture"
    ln -s overture "$tree/usr/bin/overture-enc"
    "$work/cli/overture" hook install "$tree/usr/bin/overture-autosign" > /dev/null 2>&1
    # Where both will be, not where they were made.
    sed -i "s|^#!.* autosign-hook$|#!/usr/bin/overture autosign-hook|; s|$tree||" "$tree/usr/bin/overture-autosign"
    document overture-puppet "$tree"
    for name in overture-server overture-cli overture-puppet; do
        find "$work/tree/$name" -type d -exec chmod 0755 {} +
        find "$work/tree/$name" -type f ! -perm /0100 -exec chmod 0644 {} +
        find "$work/tree/$name" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    done
}

document() { # PACKAGE TREE
    install -d "$2/usr/share/doc/$1"
    {
        printf 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\nUpstream-Name: Overture\n\n'
        printf 'Files: *\nCopyright: the Overture authors\nLicense: Apache-2.0\n On Debian systems: /usr/share/common-licenses/Apache-2.0\n'
    } > "$2/usr/share/doc/$1/copyright"
    {
        printf '%s (%s) unstable; urgency=medium\n\n  * docs/, CHANGELOG.md of the source has all of it.\n\n' "$1" "$version"
        printf ' -- Overture maintainers <overture@example.invalid>  %s\n' "$(date -u -R -d "@$SOURCE_DATE_EPOCH")"
    } | gzip -9 -n > "$2/usr/share/doc/$1/changelog.gz"
}

# arch_of PACKAGE: of Debian
arch_of() { [ "$1" = overture-puppet ] && echo all || echo amd64; }

deb() { # WORK PACKAGE
    local tree=$1/deb/$2 from=$1/src/deploy/packages/$2 file
    mkdir -p "$1/deb" "$1/out"
    cp -a "$1/tree/$2" "$tree"
    install -d -m 0755 "$tree/DEBIAN"
    sed "s/@VERSION@/$version/; s/@ARCH@/$(arch_of "$2")/" "$from/control" > "$tree/DEBIAN/control"
    printf 'Installed-Size: %s\n' "$(du -sk --apparent-size "$1/tree/$2" | cut -f1)" > "$tree/DEBIAN/size"
    sed -i "/^Section:/r $tree/DEBIAN/size" "$tree/DEBIAN/control"
    rm "$tree/DEBIAN/size"
    for file in postinst prerm postrm; do [ ! -e "$from/$file" ] || install -m 0755 "$from/$file" "$tree/DEBIAN/$file"; done
    [ ! -e "$from/templates" ] || install -m 0644 "$from/templates" "$tree/DEBIAN/templates"
    (cd "$tree" && find . -path ./DEBIAN -prune -o -type f -printf '%P\0' | sort -z | xargs -0 md5sum) > "$tree/DEBIAN/md5sums"
    chmod 0644 "$tree"/DEBIAN/{control,md5sums}
    dpkg-deb --root-owner-group -Zxz -z1 --threads-max=1 --build "$tree" "$1/out/$2_${version}_$(arch_of "$2").deb" > /dev/null
}

rpm_of() { # WORK PACKAGE
    local tree=$1/rpm/$2 top=$1/rpmbuild arch=x86_64 from=$1/src/deploy/packages requires=
    local scripts=$from/$2/rpm-scripts
    [ "$2" != overture-puppet ] || arch=noarch
    [ "$2" = overture-cli ] || requires="Requires: overture-cli >= $version"
    mkdir -p "$1/rpm" "$top"
    cp -a "$1/tree/$2" "$tree"
    # Where /lib is a link to /usr/lib.
    [ ! -d "$tree/lib" ] || { mkdir -p "$tree/usr/lib"; cp -a "$tree/lib/." "$tree/usr/lib/"; rm -r "$tree/lib"; }
    [ ! -d "$tree/usr/share/zsh" ] || mv "$tree/usr/share/zsh/vendor-completions" "$tree/usr/share/zsh/site-functions"
    find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    (cd "$tree" && find . ! -type d -printf '"/%P"\n' | sort
     # Folders of ours alone; the others are of the distribution.
     find . -type d \( -path './usr/lib/overture*' -o -path "./usr/share/doc/$2*" -o -path './usr/share/puppet/modules/overture*' \
         -o -path './usr/lib/systemd/system/overture*' \) -printf '%%dir "/%P"\n' | sort) > "$top/$2.files"
    {
        sed "s|@ROOT@|$tree|; s|@NAME@|$2|; s|@VERSION@|$version|; s|@ARCH@|$arch|; s|@REQUIRES@|$requires|; s|@FILES@|$top/$2.files|
            s|@SUMMARY@|$(sed -n 's/^Description: //p' "$from/$2/control")|
            s|@DESCRIPTION@|$(sed -n '/^Description/,$p' "$from/$2/control" | sed '1d; s/^ //; s/^\.$//' | tr '\n' ' ')|" \
            "$from/overture.spec" | sed '/@SCRIPTS@/d; /^%files/d'
        [ ! -e "$scripts" ] || cat "$scripts"
        printf '\n%%files -f %s\n' "$top/$2.files"
    } > "$top/$2.spec"
    rpmbuild -bb --quiet --define "_topdir $top" --define '_buildhost overture' --define 'use_source_date_epoch_as_buildtime 1' \
        --define 'clamp_mtime_to_source_date_epoch 1' --define 'dist %{nil}' --target "$arch" "$top/$2.spec"
    cp "$top/RPMS/$arch"/"$2"-*.rpm "$1/out/"
}

tarball() { # WORK PACKAGE
    tar -C "$1/tree" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --transform "s|^$2|$2-$version|" -c "$2" |
        gzip -6 -n > "$1/out/$2-$version-linux-$(arch_of "$2").tar.gz"
}

# Of every NuGet package in the programs, with the hashes that the lock files pin.
sbom() { # WORK
    [ -x "$root/artifacts/sbom/dotnet-CycloneDX" ] ||
        quietly "installing CycloneDX" "$DOTNET" tool install CycloneDX --version 6.3.1 --tool-path "$root/artifacts/sbom"
    (cd "$1/src" && DOTNET_ROOT=$(dirname "$(realpath "$DOTNET")") && export DOTNET_ROOT && quietly "listing what is in it" "$root/artifacts/sbom/dotnet-CycloneDX" \
        eng/shipped.slnf -o "$1/sbom" -fn overture.json -F Json --no-serial-number --set-name overture --set-version "$version" --disable-package-restore)
    # The time of the list is that of the release.
    sed "s|\"timestamp\": \"[^\"]*\"|\"timestamp\": \"$(date -u -d "@$SOURCE_DATE_EPOCH" +%FT%TZ)\"|" "$1/sbom/overture.json" \
        > "$1/out/overture-$version.cdx.json"
    grep -q 'pkg:nuget/Grpc.AspNetCore' "$1/out/overture-$version.cdx.json" || { echo "error: the SBOM lists no packages" >&2; return 1; }
}

pack() { # WORK PACKAGE
    deb "$1" "$2"
    rpm_of "$1" "$2"
    tarball "$1" "$2"
}

release() { # WORK
    local name
    compile "$1"
    lay_out "$1"
    for name in overture-server overture-cli overture-puppet; do
        quietly "packing $name" pack "$1" $name
    done
    sbom "$1"
    (cd "$1/out" && sha256sum -- * > SHA256SUMS.new && mv SHA256SUMS.new SHA256SUMS)
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
release "$work/first"
if [ -n "$verify" ]; then
    release "$work/the-second-of-two"
    diff "$work/first/out/SHA256SUMS" "$work/the-second-of-two/out/SHA256SUMS" ||
        { echo "error: two builds of the same sources differ" >&2; exit 1; }
    say "a second build has the same bytes"
fi
mkdir -p "$output"
cp "$work/first/out"/* "$output/"
(cd "$output" && ls -l -- * | awk '{ print $5, $9 }')
say "all of version $version is in $output"
