# The agent with the servers of docs/agent-recipes.md. Source it behind lib.sh, est.sh and
# services.sh, on a host of its own and in $scratch:
#
#   recipes_ca <CONF         # a CA that runs, with these lines, and the agent's configuration for it
#   recipe_begins NAME [PROFILE]   # the server runs, and the agent enrolls for it: tests
#   recipe_renews NAME       # ... the next one, without a restart: tests
#   recipe_fails NAME RULE [TEXT]  # ... one that the server cannot read, and the old one is back: tests
#   hold COMMAND...          # a client that stays: reads what is said
#   held_says TEXT PATTERN   # said to it, upon which it prints something like that
#
# shellcheck shell=bash
# shellcheck disable=SC2154,SC2317 # lib.sh has them; functions are called by name
recipes_ca() {
    ca_init || bail 'no CA'
    cat >>"$ca_dir/cerca.conf"
    ca_start || bail 'it does not start'
    est_client
    wait_until 20 is_up || bail 'HTTPS does not come'
    (umask 022 && mkdir -p /etc/cerca-agent/conf.d)
    files_of "$guide" 'The agent'
    sed -i "s|https://ca.example.com:8443|https://localhost:$port|" /etc/cerca-agent/agent.conf
}

# The blocks to type of the guide's first section.
recipe_token() { # PROFILE
    shown 'The agent' '^own certificate is what' | sed "s/tls-server/$1/" >"$scratch/type"
    # shellcheck source=/dev/null
    (cd /etc/cerca-agent && . "$scratch/type")
}

# The agent's own copy of what the services have.
recipe_serial() {
    serial_of "/var/lib/cerca-agent/$1/current/identity.pem"
}

recipe_begins() {
    recipe_token "${2:-tls-server}" >"$out" 2>"$err" || bail 'no token'
    # shellcheck disable=SC2034 # services.sh reads it
    roots=/etc/cerca-agent/roots.pem
    server_setup "$1" >"$out" 2>"$err"
    ok "$1: the server runs" server_start "$1"
    first=$(serial_of "$scratch/first.pem")
    is '... with what it had' "$(served "$1")" "$first"
    # No window of the guide's is to be waited for.
    sed -i '/windows = /d' "/etc/cerca-agent/conf.d/$1.conf"
    before=$(server_process "$1")
    ok '... the agent enrolls' cerca-agent renew "$1"
    is '... the server serves it' "$(served "$1")" "$(recipe_serial "$1")"
    ok '... which is another one, of the CA' test "$first" != "$(recipe_serial "$1")"
}

recipe_renews() {
    before=$(server_process "$1")
    first=$(recipe_serial "$1")
    ok '... it renews' cerca-agent renew "$1"
    is '... the server serves that' "$(served "$1")" "$(recipe_serial "$1")"
    ok '... which is the next one' test "$first" != "$(recipe_serial "$1")"
    case $1 in
    freeradius | openvpn) ;;
    *) is '... without a restart' "$(server_process "$1")" "$before" ;;
    esac
}

# Where the key should be, the next version has no key.
recipe_fails() {
    first=$(recipe_serial "$1")
    cp "/etc/cerca-agent/conf.d/$1.conf" "$scratch/sound"
    sed -i 's/format = "key"/format = "cert"/; s/format = "combined"/format = "cert"/
        s/recipe = /probe_for = "2s"; recipe = /' "/etc/cerca-agent/conf.d/$1.conf"
    fails '... what it cannot read fails' 1 "$2" cerca-agent renew "$1"
    is '... the old one is back' "$(recipe_serial "$1")" "$first"
    is '... and served' "$(served "$1")" "$first"
    cp "$scratch/sound" "/etc/cerca-agent/conf.d/$1.conf"
    ok '... mended, it is renewed' cerca-agent renew "$1"
    is '... and served' "$(served "$1")" "$(recipe_serial "$1")"
    ok '... until it stops' server_stop "$1"
}

# Whoever is not there any longer is no reason to end.
trap '' PIPE
held_pid=
hold() {
    held_end
    rm -f "$scratch/held"
    mkfifo "$scratch/held"
    "$@" <"$scratch/held" >"$scratch/held.out" 2>&1 &
    held_pid=$!
    exec 9>"$scratch/held"
}

held_end() {
    [ -n "$held_pid" ] || return 0
    exec 9>&-
    kill "$held_pid" 2>/dev/null
    wait "$held_pid" 2>/dev/null
    held_pid=
}

held_says() {
    # shellcheck disable=SC2059 # a text with escapes
    printf "$1" >&9
    wait_until 10 grep -aqP -- "$2" "$scratch/held.out"
}
