# Sourced. The ports of docs/architecture.md, plus 10000, so that stock services keep theirs (OVERTURE_PORT_OFFSET moves them).
offset=${OVERTURE_PORT_OFFSET:-10000}
PORT_CONDUCTOR=$((7001 + offset)) PORT_CERTAUTHORITY=$((7002 + offset)) PORT_CLASSIFIER=$((7003 + offset))
PORT_PUPPETSERVER=$((8140 + offset)) PORT_CA_API=$((8141 + offset)) PORT_REPORTS=$((8142 + offset)) PORT_TERMINUS=$((8143 + offset)) PORT_CONSOLE=$((8144 + offset)) PORT_FIRST_BOOT=$((8145 + offset)) PORT_SIGN_IN=$((8149 + offset)) PORT_REDIS=$((6379 + offset))
PORT_UI=$((8888 + offset)) PORT_OTLP=$((8889 + offset))

# listening PORT: is anything listening on it, on any address?
listening() {
    local hex
    printf -v hex '%04X' "$1"
    { cat /proc/net/tcp /proc/net/tcp6 2>/dev/null || true; } | awk -v port=":$hex" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }'
}

check_ports() {
    local name port taken=0
    for name in CONDUCTOR CERTAUTHORITY CLASSIFIER PUPPETSERVER CA_API REPORTS TERMINUS CONSOLE FIRST_BOOT REDIS; do
        port=PORT_$name
        if listening "${!port}"; then
            echo "error: port ${!port} ($name) is taken by another program" >&2
            taken=1
        fi
    done
    [ $taken = 0 ] || echo "next:  stop it (ss -ltnp shows who), or move Overture's ports: OVERTURE_PORT_OFFSET=20000 ./run" >&2
    return $taken
}
