# The Puppet agent of an instance: configured before anything can start it, found in the image or installed, started, reported.
# docs/cloud-init.md has the whole story. Rendered by AgentScript.cs: it takes out comments and indentation, so no text here goes over
# lines; and it puts these in front:
#
#   certname= flavour= version= apt= yum= pinned=     what the launch asks for
#   conf()  ca()  key()                               print puppet.conf below [main], the pinned CA, the key of the repository
#
#   sh agent boot < csr_attributes.yaml     by bootcmd, at every boot, in cloud-init's network stage
#   sh agent run                            by runcmd, in its final stage, once
#
# POSIX sh: dash, bash and busybox run it. Lines for the console begin with "overture: agent: ".
export LC_ALL=C DEBIAN_FRONTEND=noninteractive PATH="$PATH:/usr/sbin:/usr/bin:/sbin:/bin"
o=/var/lib/cloud/instance
w=$o/overture
mark="# overture $certname"
aio=/opt/puppetlabs/bin/puppet
# Configuration and TLS directory: the distributions', and that of the all-in-one packages.
layouts="/etc/puppet:/var/lib/puppet/ssl /etc/puppetlabs/puppet:/etc/puppetlabs/puppet/ssl"
umask 022

say() {
  echo "overture: agent: $*"
}

fail() {
  say "failed: $*"
  exit 1
}

have() {
  command -v "$1" >/dev/null 2>&1
}

# Up to six times in 75 seconds: names may not resolve yet, or another process hold the lock of the packages.
again() {
  n=0
  until "$@"; do
    n=$((n + 1))
    [ $n -lt 6 ] || return 1
    sleep $((n * 5))
  done
}

# put FILE: stdin becomes the file, whole or not at all. 1: it could not be.
put() {
  mkdir -p "${1%/*}" && cat >"$1.new" && {
    if [ "$(cat "$1" 2>/dev/null)" = "$(cat "$1.new")" ]; then
      rm -f "$1.new"
    else
      mv -f "$1.new" "$1" && : >$w/changed
    fi
  }
}

# configure CONFDIR SSLDIR: puppet.conf and the pinned CA. What the image has is kept as puppet.conf.old. Its CRL goes, which may be another
# CA's: an agent never fetches one where there is one.
configure() {
  if [ -f "$1/puppet.conf" ] && ! grep -qx "$mark" "$1/puppet.conf"; then
    cp -p "$1/puppet.conf" "$1/puppet.conf.old" || return 1
  fi
  {
    echo "$mark"
    echo "[main]"
    echo "ssldir = $2"
    echo "csr_attributes = $1/csr_attributes.yaml"
    conf
  } | put "$1/puppet.conf" || return 1
  [ -s "$2/certs/$certname.pem" ] || rm -f "$2/crl.pem"
  ca | put "$2/certs/ca.pem"
}

# The certificate is there.
issued() {
  for l in $layouts $(cat $w/layouts 2>/dev/null); do
    [ ! -s "${l#*:}/certs/$certname.pem" ] || return 0
  done
  return 1
}

boot() {
  # 1. configuration and the token, once, in every layout that is or may come; root alone reads the token from its first byte
  attributes=$(cat)
  if [ ! -e $w/written ]; then
    quiet
    ok=
    for l in $layouts; do
      d=${l%%:*}
      f=$d/csr_attributes.yaml
      if configure "$d" "${l#*:}" && rm -f "$f" && (umask 077; printf '%s\n' "$attributes" >"$f"); then ok=1; else rm -f "$f"; fi
    done 2>/dev/null
    if [ $ok ]; then : >$w/written; else echo "overture: $f could not be written" >&2; fi
    vendor
  fi
  # 2. an earlier boot was cut off: this one tries again
  [ -e $w/done ] || rm -rf $w/run
  # 3. for as long as it takes
  reporter
  watcher
}

# Says how the first boot goes (reporter.py), until the first good run; it removes its own file. One unit at a time.
reporter() {
  r=$w/agent-reporter
  [ -f $r ] || return 0
  if [ -e $w/reported ]; then
    rm -f $r
    return
  fi
  p=$(sed -n '1s/^#! *//p' "$(command -v cloud-init)")
  ca >$r.pem
  # Python 2, or a shell's wrapper, could not run it.
  p="${p:-python3} -c 'import ssl, http.client' && exec ${p:-python3} $r; rm -f $r $r.pem"
  if [ ! -d /run/systemd/system ]; then
    sh -c "$p" &
  else
    systemd-run --no-block --collect --unit overture-reporter -p Nice=10 sh -c "$p" || rm -f $r $r.pem
  fi </dev/null >/dev/null 2>&1
}

# A program of its own, since a function would keep cloud-init's output open; and a unit of its own, since systemd ends what is left of
# cloud-init's where a module failed. More than one do no harm.
watcher() {
  if [ ! -d /run/systemd/system ] || ! systemd-run --no-block --collect -p KillMode=process sh $w/agent watch; then
    sh $w/agent watch &
  fi </dev/null >/dev/null 2>&1
}

# An agent that the image starts has read another configuration by now. It is started again in the final stage.
quiet() {
  if [ -d /run/systemd/system ]; then
    systemctl --no-block stop puppet.service puppet-agent.service
  elif [ -x /etc/init.d/puppet ]; then
    service puppet status && service puppet stop
  fi >/dev/null 2>&1
}

# cloud-init's own module would let the vendor's configuration win, and runs no second time where this file is; but where a list of modules
# says how often.
vendor() {
  mkdir -p $o/sem && : >$o/sem/config_puppet
  is=ignored
  if grep -Eqs 'puppet.?, *.?(always|once)|- - .?puppet' $o/vendor-cloud-config.txt $o/vendor2-cloud-config.txt; then
    : >$w/insists
    is="applied by its module list, and undone after it at every boot"
  fi
  for f in $o/vendor-cloud-config.txt $o/vendor2-cloud-config.txt; do
    [ -f $f ] || continue
    ! grep -q '^puppet:' $f || say "note: the key puppet of vendor data is $is"
    for k in $(sed -n 's/^\(cloud_[a-z]*_modules\):.*/\1/p' $f); do
      say "note: vendor data sets $k: cloud-init may not do all that the image and user data ask for"
    done
  done
}

# Runs what runcmd should have run, where cloud-init ended without it; and removes the token once the certificate is there, from files
# whose first line still says that they are this name's.
watch() {
  until [ -d $w/run ] || [ -e /run/cloud-init/result.json ]; do sleep 5; done
  if [ ! -d $w/run ]; then
    t=/proc/1/fd/1
    [ ! -c /dev/console ] || t=/dev/console
    {
      if [ -e $w/tried ]; then say "note: trying again"; else say "note: cloud-init has ended and ran no runcmd; going on without it"; fi
      sh $w/agent run
    } >>$t 2>&1
  fi
  if [ -e $w/insists ]; then
    until [ -e /run/cloud-init/result.json ]; do sleep 5; done
    rm -f $w/changed
    for l in $(cat $w/layouts); do configure "${l%%:*}" "${l#*:}"; done
    [ ! -e $w/changed ] || { found && start; }
  fi
  until issued; do sleep 5; done
  for l in $layouts $(cat $w/layouts); do
    f=${l%%:*}/csr_attributes.yaml
    read -r first <"$f" && [ "$first" = "$mark" ] && rm -f "$f"
  done
}

# found: bin, name, ver and full of the first agent on this system that is what the launch asks for.
found() {
  for bin in $aio /usr/bin/puppet /usr/local/bin/puppet; do
    [ ! -x $bin ] || ! identify || return 0
  done
  return 1
}

identify() {
  full= name=puppet
  for q in openvox-agent puppet-agent puppet; do
    if have dpkg-query; then
      full=$(dpkg-query -W -f '${db:Status-Status} ${Version}' $q 2>/dev/null) || full=
      case $full in "installed "*) full=${full#* } ;; *) full= ;; esac
    else
      full=$(rpm -q --qf '%{VERSION}-%{RELEASE}' $q 2>/dev/null) || full=
    fi
    [ -z "$full" ] || break
  done
  # Built from source, or a gem.
  [ -n "$full" ] || { q= full=$($bin --version 2>/dev/null); }
  full=${full#*:}
  ver=${full%%-*}
  # Debian's puppet-agent is OpenVox since 9.
  case $q:$ver in openvox*|*:9.*|*:[1-9][0-9].*) name=openvox ;; esac
  case $flavour in
    auto|installed) ;;
    distribution) [ $bin != $aio ] || return 1 ;;
    *) case $name$ver in $flavour.*) ;; *) return 1 ;; esac ;;
  esac
  case $full in "$version"|"$version".*|"$version"-*|"$version"+*) ;; *) [ -z "$version" ] || return 1 ;; esac
}

run() {
  mkdir $w/run 2>/dev/null || exit 0
  : >$w/tried
  # 1. what the image has, or a package
  how="found in the image"
  if ! found; then
    ID= ID_LIKE= VERSION_ID= VERSION_CODENAME=
    [ ! -r /etc/os-release ] || . /etc/os-release
    system="$ID $VERSION_ID"
    case $flavour in
      installed) fail "the image has neither $aio nor /usr/bin/puppet, and flavour is installed; use an image that has one" ;;
      distribution) distribution || fail "$system has no package ${version:+of version $version }in the repositories that the image has" ;;
      auto) distribution || packages openvox8 ;;
      *) packages $flavour ;;
    esac
    found || fail "$p was installed from $from and is not ${version:-what was asked for}"
    how="installed from $from"
  fi
  # Debian 12's 7.23 has no EC with the OpenSSL it comes with.
  ! conf | grep -qx 'key_type = ec' || case $bin:$ver in
    *:[0-5].*|*:6.[0-4].*|/usr/bin/puppet:7.23.*)
      fail "$name $ver ($bin), $how, can't make EC keys; choose key_type rsa, or flavour openvox8" ;;
  esac
  f=$(grep -Els -e '^[^#]*--(server|ca_server|certname|ssldir|confdir)' /etc/default/puppet /etc/default/puppet-agent \
    /etc/sysconfig/puppet /etc/sysconfig/puppet-agent | head -n 1)
  [ -z "$f" ] || fail "$f starts the agent with options that go before puppet.conf; take --server and its like out of it in the image"
  # 2. its configuration is still ours
  case $bin in
    "$aio") d=/etc/puppetlabs/puppet s=/etc/puppetlabs/puppet/ssl ;;
    *) d=/etc/puppet s=/var/lib/puppet/ssl
       have dpkg-query || { d=$($bin config print confdir) && s=$($bin config print ssldir); } ;;
  esac
  echo "$d:$s" >$w/layouts
  rm -f $w/changed
  configure $d $s || fail "$d/puppet.conf could not be written; see the lines before it"
  f=$d/csr_attributes.yaml
  if [ ! -e $f ] && ! issued; then
    for l in $layouts; do
      [ $f = ${l%%:*}/csr_attributes.yaml ] || (umask 077; cat ${l%%:*}/csr_attributes.yaml >$f) 2>/dev/null && break
    done
  fi
  # 3. now, and at the next boot
  start </dev/null || fail "$name $ver ($bin), $how, could not be started; see the lines before it"
  : >$w/done
  watcher
  say "$name $ver ($bin), $how"
}

# get PACKAGE: of the version asked for.
get() {
  p=$1 v=
  case $version in
    '') ;;
    *-*) v=$version ;;
    *.*.*) v="$version-*" ;;
    *) v="$version.*" ;;
  esac
  if have apt-get; then
    again apts install --allow-downgrades "$p${v:+=$v}"
  else
    # The image's own repositories may be out of reach.
    again $dnf -y install "$p${v:+-$v}" || $dnf -y --disablerepo='*' --enablerepo=overture-agent install "$p${v:+-$v}"
  fi
}

apts() {
  apt-get -qy -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

# The distribution's own, where a repository of the image has it.
distribution() {
  from="the distribution's packages"
  if have apt-get; then
    again apts update
    for p in puppet-agent puppet openvox-agent; do
      c=$(apt-cache policy $p | sed -n 's/^ *Candidate: *//p')
      ! fits || ! get $p || return 0
    done
  elif manager; then
    c=$($dnf -qy list puppet 2>/dev/null | sed -n 's/^puppet\.[^ ]* *//p')
    ! fits || ! get puppet || return 0
  fi
  return 1
}

# The candidate c is one; for auto, one that is maintained: 7 or above.
fits() {
  case $flavour:${c#*:} in *:|*:'(none)'|auto:[0-6].*) return 1 ;; esac
}

manager() {
  dnf=dnf
  have dnf || { dnf=yum; have yum; }
}

# packages COMPONENT: by a repository whose lists or packages are signed with a key that is ours, or fetched over https. The component is
# what is asked for, also where the distribution or the image has a newer version of another.
packages() {
  case $1 in
    openvox*) p=openvox-agent h=voxpupuli.org ak=openvox-keyring.gpg yk=GPG-KEY-openvox.pub ;;
    *) p=puppet-agent h=puppet.com ak=keyring.gpg yk=RPM-GPG-KEY-puppet-20250406 ;;
  esac
  none="$1 has no packages for $system $(uname -m); choose another flavour, or an image that has an agent"
  if have apt-get; then
    from=${apt:-https://apt.$h}
    case $ID in debian|ubuntu) ;; *) fail "$none" ;; esac
    case $1 in openvox*) suite=$ID$VERSION_ID ;; *) suite=$VERSION_CODENAME ;; esac
    [ -n "$VERSION_ID$VERSION_CODENAME" ] || fail "$none"
    trust /etc/apt/keyrings/overture-agent $from/$ak
    printf '%s\n' "Types: deb" "URIs: $from" "Suites: $suite" "Components: $1" "Signed-By: $k" |
      put /etc/apt/sources.list.d/overture-agent.sources &&
      printf '%s\n' "Package: $p" "Pin: release c=$1" "Pin-Priority: 1001" |
      put /etc/apt/preferences.d/overture-agent || fail "the repository could not be written; see the lines before it"
    again apts update
  elif manager; then
    from=${yum:-https://yum.$h} version=${version:-${1##*[a-z]}}
    case " $ID $ID_LIKE " in
      " fedora "*) r=fedora/$VERSION_ID ;;
      " amzn "*) r=amazon/${VERSION_ID%%.*} ;;
      *" rhel "*|" ol "*|*" centos "*) r=el/${VERSION_ID%%.*} ;;
      *) fail "$none" ;;
    esac
    trust /etc/pki/rpm-gpg/overture-agent $from/$yk
    printf '%s\n' "[overture-agent]" "name=$1" "baseurl=$from/$1/$r/\$basearch" enabled=1 gpgcheck=1 "gpgkey=file://$k" |
      put /etc/yum.repos.d/overture-agent.repo || fail "the repository could not be written; see the lines before it"
  else
    fail "$none: it has neither apt-get nor dnf"
  fi
  get $p || fail "$p ${version:+$version }could not be installed from $from for $system; see the lines before it"
}

# trust FILE URL: k, the key's file, named for what is in it.
trust() {
  k=$1
  mkdir -p "${k%/*}"
  if [ $pinned ]; then
    key >$k.new
  else
    again fetch "$2" $k.new || fail "the key of the packages could not be fetched from $2; set puppet.agent.repository.key"
  fi
  if grep -q "BEGIN PGP" $k.new; then k=$k.asc; else k=$k.gpg; fi
  mv -f "$1.new" $k
}

fetch() {
  if have curl; then
    curl -fsSL --max-time 60 -o "$2" "$1"
  elif have wget; then
    wget -qT 60 -O "$2" "$1"
  else
    /usr/lib/apt/apt-helper download-file "$1" "$2"
  fi
}

# An agent that runs with this configuration goes on.
start() {
  act=start
  [ ! -e $w/changed ] || act=restart
  if [ -d /run/systemd/system ]; then
    for u in puppet puppet-agent openvox-agent; do
      systemctl cat $u.service >/dev/null 2>&1 || continue
      systemctl enable $u.service
      systemctl reset-failed $u.service
      # Not waiting: it may be ordered after the very stage of cloud-init that this is in.
      systemctl --no-block $act $u.service || return 1
      for n in 1 2 4 8; do
        sleep $n
        ! systemctl -q is-failed $u.service || return 1
        ! systemctl -q is-active $u.service || return 0
      done
      say "note: $u.service does not run yet; systemd starts it later"
      return
    done
  elif [ -x /etc/init.d/puppet ]; then
    service puppet $act
    return
  fi
  $bin agent
}

"$1"
