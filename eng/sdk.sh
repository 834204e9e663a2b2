# Sourced. Finds the .NET 10 SDK, also one in a home directory and under sudo; sets DOTNET and DOTNET_ROOT.

export HOME=${HOME:-/root}

find_sdk() {
    local candidate sudo_home=
    [ -z "${SUDO_USER:-}" ] || sudo_home=$(getent passwd "$SUDO_USER" | cut -d: -f6)
    for candidate in "$(command -v dotnet || true)" "${DOTNET_ROOT:+$DOTNET_ROOT/dotnet}" "$HOME/.dotnet/dotnet" "${sudo_home:+$sudo_home/.dotnet/dotnet}" \
        /usr/share/dotnet/dotnet /usr/lib/dotnet/dotnet /usr/local/share/dotnet/dotnet; do
        if [ -x "$candidate" ] && "$candidate" --list-sdks 2>/dev/null | grep -q '^10\.'; then
            DOTNET=$candidate
            DOTNET_ROOT=$(dirname "$(realpath "$candidate")")
            export DOTNET DOTNET_ROOT PATH="$DOTNET_ROOT:$PATH"
            return 0
        fi
    done
    cat >&2 <<'EOF'
error: no .NET 10 SDK found (looked on PATH, in DOTNET_ROOT, in ~/.dotnet, /usr/share/dotnet and /usr/lib/dotnet)
next:  install it, e.g. `./dotnet-install.sh --channel 10.0` into ~/.dotnet, or your distribution's package dotnet-sdk-10.0
EOF
    return 1
}
# No culture data needed: a bare machine has no libicu.
export DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1
# As in deploy/: 32 MiB for new objects. Of a virtual machine that does not say how large its caches are .NET takes 256 KiB, and collects
# all the time (docs/performance.md).
export DOTNET_GCgen0size=0x2000000
export DOTNET_CLI_UI_LANGUAGE=en DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 MSBUILDDISABLENODEREUSE=1
