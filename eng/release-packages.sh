# Sourced. From programs to packages: trees, then .deb, .rpm and tarballs out of the same trees. For eng/release.sh, which builds the programs,
# and eng/package-checks.sh, which looks at the packages. Callers set
#
#   version             of all packages
#   arch                Debian's name of the processor: amd64, arm64
#   SOURCE_DATE_EPOCH   the time of all files
#
# WORK has server/ (the four programs), cli/overture, src/ (the tracked files) and, where these are of another processor, server-here/ and
# cli-here/overture.

# lay_out WORK: the trees of the packages, below WORK/tree/PACKAGE
lay_out() {
    local work=$1 tree name cli=$1/cli/overture programs=$1/server
    # Completions and man pages are their own words.
    [ ! -d "$work/cli-here" ] || cli=$work/cli-here/overture
    [ ! -d "$work/server-here" ] || programs=$work/server-here
    tree=$work/tree/overture-server
    install -d "$tree/usr/lib/overture" "$tree/usr/lib/systemd/system" "$tree/usr/lib/sysusers.d"
    cp -R "$work/server/." "$tree/usr/lib/overture/"
    rm -f "$tree"/usr/lib/overture/*.pdb "$tree"/usr/lib/overture/{createdump,web.config,*.staticwebassets.*}
    # Of the descriptions of options only ours are read.
    find "$tree/usr/lib/overture" -name '*.xml' ! -name 'Overture.*' -delete
    find "$tree/usr/lib/overture" -type f -exec chmod 0644 {} +
    chmod 0755 "$tree"/usr/lib/overture/{Overture.Conductor,Overture.CertAuthority,Overture.Classifier,Overture.Console,instance.sh}
    cp -R "$work"/src/deploy/systemd/*.service "$work"/src/deploy/systemd/*.timer "$work"/src/deploy/systemd/*.d "$tree/usr/lib/systemd/system/"
    cp "$work/src/deploy/systemd/overture-server.sysusers" "$tree/usr/lib/sysusers.d/overture-server.conf"
    "$root/eng/man.sh" "$programs" "$tree/usr/share/man"
    document overture-server "$tree"
    # With the ports and the store of `overture setup`, not those of ./run.
    install -d "$tree/usr/share/doc/overture-server/examples"
    sed 's/18140/8140/; s/18141/8141/; /^bucket:/d' "$work/src/examples/start_instance.yaml" \
        > "$tree/usr/share/doc/overture-server/examples/start_instance.yaml"

    tree=$work/tree/overture-cli
    install -D -m 0755 "$work/cli/overture" "$tree/usr/bin/overture"
    install -d "$tree"/usr/share/{man/man1,bash-completion/completions,zsh/vendor-completions,fish/vendor_completions.d}
    "$cli" completion bash > "$tree/usr/share/bash-completion/completions/overture"
    "$cli" completion zsh > "$tree/usr/share/zsh/vendor-completions/_overture"
    "$cli" completion fish > "$tree/usr/share/fish/vendor_completions.d/overture.fish"
    "$cli" __man "$tree/usr/share/man/man1"
    gzip -9 -n "$tree"/usr/share/man/man1/*.1
    document overture-cli "$tree"

    tree=$work/tree/overture-puppet
    install -d "$tree/usr/share/puppet/modules" "$tree/usr/bin"
    cp -R "$work/src/deploy/puppet/overture" "$tree/usr/share/puppet/modules/overture"
    ln -s overture "$tree/usr/bin/overture-enc"
    "$cli" hook install "$tree/usr/bin/overture-autosign" > /dev/null 2>&1
    # Where both will be, not where they were made.
    sed -i "s|^#!.* autosign-hook$|#!/usr/bin/overture autosign-hook|; s|$tree||" "$tree/usr/bin/overture-autosign"
    # overture-puppetserver, and what it is made of.
    install -m 0755 "$work/src/deploy/packages/overture-puppet/overture-puppetserver" "$tree/usr/bin/overture-puppetserver"
    install -D -m 0755 "$work/src/eng/puppetserver.sh" "$tree/usr/share/overture-puppet/eng/puppetserver.sh"
    install -d "$tree"/usr/share/overture-puppet/{deploy/puppet,examples/puppet}
    ln -s /usr/share/puppet/modules/overture "$tree/usr/share/overture-puppet/deploy/puppet/overture"
    cp -R "$work/src/examples/puppet/modules" "$tree/usr/share/overture-puppet/examples/puppet/modules"
    cp "$work/src/examples/puppetserver.yaml" "$tree/usr/share/overture-puppet/examples/puppetserver.yaml"
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
arch_of() { [ "$1" = overture-puppet ] && echo all || echo "$arch"; }

deb() { # WORK PACKAGE
    local tree=$1/deb/$2 from=$1/src/deploy/packages/$2 file
    rm -rf "$tree"
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
    local tree=$1/rpm/$2 top=$1/rpmbuild target from=$1/src/deploy/packages requires=
    local scripts=$from/$2/rpm-scripts
    case $(arch_of "$2") in all) target=noarch ;; arm64) target=aarch64 ;; *) target=x86_64 ;; esac
    [ "$2" = overture-cli ] || requires="Requires: overture-cli >= $version"
    mkdir -p "$1/rpm" "$top"
    cp -a "$1/tree/$2" "$tree"
    [ ! -d "$tree/usr/share/zsh" ] || mv "$tree/usr/share/zsh/vendor-completions" "$tree/usr/share/zsh/site-functions"
    find "$tree" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    (cd "$tree" && find . ! -type d -printf '"/%P"\n' | sort
     # Folders of ours alone; the others are of the distribution.
     find . -type d \( -path './usr/lib/overture*' -o -path "./usr/share/doc/$2*" -o -path './usr/share/puppet/modules/overture*' -o -path './usr/share/overture-puppet*' \
         -o -path './usr/lib/systemd/system/overture*' \) -printf '%%dir "/%P"\n' | sort) > "$top/$2.files"
    {
        sed "s|@ROOT@|$tree|; s|@NAME@|$2|; s|@VERSION@|$version|; s|@ARCH@|$target|; s|@REQUIRES@|$requires|; s|@FILES@|$top/$2.files|
            s|@SUMMARY@|$(sed -n 's/^Description: //p' "$from/$2/control")|
            s|@DESCRIPTION@|$(sed -n '/^Description/,$p' "$from/$2/control" | sed '1d; s/^ //; s/^\.$//' | tr '\n' ' ')|" \
            "$from/overture.spec" | sed '/@SCRIPTS@/d; /^%files/d'
        [ ! -e "$scripts" ] || cat "$scripts"
        printf '\n%%files -f %s\n' "$top/$2.files"
    } > "$top/$2.spec"
    rpmbuild -bb --quiet --define "_topdir $top" --define '_buildhost overture' --define 'use_source_date_epoch_as_buildtime 1' \
        --define 'clamp_mtime_to_source_date_epoch 1' --define 'dist %{nil}' --target "$target" "$top/$2.spec"
    cp "$top/RPMS/$target"/"$2"-*.rpm "$1/out/"
}

tarball() { # WORK PACKAGE
    tar -C "$1/tree" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --transform "s|^$2|$2-$version|" -c "$2" |
        gzip -6 -n > "$1/out/$2-$version-linux-$(arch_of "$2").tar.gz"
}

pack() { # WORK PACKAGE
    deb "$1" "$2"
    rpm_of "$1" "$2"
    tarball "$1" "$2"
}
