# Helpers for flows. Source it first:
#
#   . "$(dirname "$0")/lib.sh"
#
# A flow gets a scratch folder ($scratch, removed at the end), prints TAP through ok, is, like,
# fails and ends with done_testing. ca_init and ca_start give it a CA of its own; what was
# started is stopped at the end, by process id.
# shellcheck shell=sh
set -u
umask 077

root=$(cd "$(dirname "$0")/../.." && pwd)
: "${CERCA_BIN:=$root/build/test/bin}"
scratch=$(mktemp -d "${TMPDIR:-/tmp}/cerca-flow.XXXXXX")
ca_dir=$scratch/ca
ca_pid=
unset CERCA_CONF
PATH=$CERCA_BIN:$PATH
export PATH

tests=0
failures=0
out=$scratch/out
err=$scratch/err

# --- TAP ------------------------------------------------------------------------------------------

# report STATUS NAME: one test; after a failure also what the last command printed.
report() {
    tests=$((tests + 1))
    if [ "$1" -eq 0 ]; then
        echo "ok $tests - $2"
        return
    fi
    failures=$((failures + 1))
    # Where only the names of what failed are shown, this is what there is to go by.
    echo "not ok $tests - $2 ($(tail -qn 4 "$out" "$err" 2>/dev/null | tr -d '#' | cut -c1-200 | paste -sd '|'))"
    for file in "$out" "$err"; do
        [ -s "$file" ] && head -c 4000 "$file" | sed "s/^/#   $(basename "$file"): /"
    done
}

# run COMMAND...: its status in $status, what it prints in $out and $err.
run() {
    status=0
    "$@" >"$out" 2>"$err" || status=$?
}

# jq 1.6 says yes with -e to no input at all, which is what a command that failed gives it: that is a
# no here, status 4 as with later ones.
jq() {
    case " $* " in
    *' -e'*) ;;
    *)
        command jq "$@"
        return
        ;;
    esac
    jq_status=0
    jq_said=$(command jq "$@") || jq_status=$?
    [ -n "$jq_said" ] || [ "$jq_status" -ne 0 ] || return 4
    [ -z "$jq_said" ] || printf '%s\n' "$jq_said"
    return "$jq_status"
}

# ok NAME COMMAND...: it succeeds.
ok() {
    name=$1
    shift
    run "$@"
    report "$status" "$name"
}

# fails NAME STATUS PATTERN COMMAND...: it ends with this status and says something like that.
fails() {
    name=$1
    want=$2
    pattern=$3
    shift 3
    run "$@"
    if [ "$status" -eq "$want" ] && grep -Eq -- "$pattern" "$err"; then
        report 0 "$name"
    else
        echo "# status $status, wanted $want and /$pattern/"
        report 1 "$name"
    fi
}

# is NAME GOT WANTED
is() {
    [ "$2" = "$3" ] || echo "# got '$2', wanted '$3'"
    test "$2" = "$3"
    report $? "$1"
}

# like NAME FILE PATTERN
like() {
    grep -Eq -- "$3" "$2"
    report $? "$1"
}

# unlike NAME FILE PATTERN
unlike() {
    ! grep -Eq -- "$3" "$2"
    report $? "$1"
}

# json NAME FILTER: $out is one JSON text and the filter is true for it.
json() {
    jq -e "$2" <"$out" >/dev/null 2>"$scratch/jq"
    report $? "$1"
}

# agrees HEAD: an HTTP head whose Expires is its Date and its max-age together, so that every cache
# keeps it as long (RFC 9111 4.2.1).
agrees() {
    tr -d '\r' <"$1" >"$scratch/agrees"
    max_age=$(sed -n 's/^Cache-Control:.*max-age=\([0-9]*\).*/\1/p' "$scratch/agrees")
    date=$(date -d "$(sed -n 's/^Date: //p' "$scratch/agrees")" +%s)
    expires=$(date -d "$(sed -n 's/^Expires: //p' "$scratch/agrees")" +%s)
    [ -n "$max_age" ] && [ "$max_age" -gt 0 ] && [ $((date + max_age)) = "$expires" ]
}

done_testing() {
    echo "1..$tests"
    [ "$failures" -eq 0 ]
    exit
}

# --- a CA -----------------------------------------------------------------------------------------

# wait_until SECONDS COMMAND...: polls until it succeeds; 1 when time is up. The seconds are those of a
# machine that has nothing else to do: a busy one gets four times as many, and a minute at least.
wait_until() {
    read -r uptime _ </proc/uptime
    wait_end=$((${uptime%.*} + ($1 > 15 ? $1 * 4 : 60)))
    shift
    poll_to "$wait_end" "$@"
}

poll_to() { # END COMMAND...: which may wait for something itself
    until poll_once "$@"; do
        read -r uptime _ </proc/uptime
        if [ "${uptime%.*}" -ge "$1" ]; then
            shift
            echo "# waited in vain: $*" >&2
            return 1
        fi
        sleep 0.05
    done
}

poll_once() { # END COMMAND...
    shift
    "$@" >/dev/null 2>&1
}

# pid_of PROGRAM: of the one that the cercad of this flow runs.
pid_of() {
    tr ' ' '\n' <"/proc/$ca_pid/task/$ca_pid/children" | while read -r child; do
        [ "$(cat "/proc/$child/comm" 2>/dev/null)" = "$1" ] &&
            ! grep -q -e --check "/proc/$child/cmdline" && echo "$child"
    done
}

# runs_anew PROGRAM OLD_PID
runs_anew() {
    now=$(pid_of "$1")
    [ -n "$now" ] && [ "$now" != "$2" ]
}

# Two that nobody else is given (ports).
free_ports() {
    "$root/tests/flow/ports" tcp 2
}

free_udp_port() {
    "$root/tests/flow/ports" udp 1
}

# port_options: for cerca init, ports that are free.
port_options() {
    free_ports | sed 's/\([0-9]*\) \([0-9]*\)/--http-port \1 --https-port \2/'
}

# typed GUIDE: what its sh blocks say to type, word for word but for the ports of a new CA, which
# may be taken here.
typed() {
    awk '/^```sh$/ { inside = 1; next } /^```$/ { inside = 0; next } inside' "$1" |
        sed "s/^cerca init --d[ie][rv] [^ ]*/& $(port_options)/"
}

# fenced GUIDE: its fenced blocks, one file each, in order: $scratch/sh1 ... are those to type,
# $scratch/conf1 ... all others.
fenced() {
    awk -v dir="$scratch" '
        /^```/ && !inside { kind = $0 == "```sh" ? "sh" : "conf"; n[kind]++; inside = 1; next }
        /^```/ { inside = 0; next }
        inside { print > (dir "/" kind n[kind]) }' "$1"
}

# as_user UID PROGRAM ARGUMENT...: one of ours as another user, who may not reach the folder of the build.
# Changing the user takes root. What that user has to read is the flow's to open.
as_user() {
    as_uid=$1
    as_program=$scratch/$2
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root='sudo -n'
    [ -e "$as_program" ] || install -m 0755 "$CERCA_BIN/$2" "$as_program"
    shift 2
    # shellcheck disable=SC2086 # no word, or two
    $as_root setpriv --reuid "$as_uid" --regid "$as_uid" --clear-groups \
        env CERCA_CONF="$CERCA_CONF" "$as_program" "$@"
}

# HTTP is off in every CA that ca_init or ca_start sees, unless the flow sets `http=on` before: the
# certificates of its OCSP responders would be among those that flows count, and a port that is not
# chosen may be taken.
http=off
http_off() { # CONF
    [ "$http" = on ] || sed -i -e '/^http = {/,/};/s/ *listen = "[^"]*";//' \
        -e 's/^http = {/http = { listen = "";/' "$1"
}

# ca_init [DIR]: a fresh CA.
# shellcheck disable=SC2120 # the argument may be left out
ca_init() {
    # shellcheck disable=SC2046 # two words
    set -- "${1:-$ca_dir}" $(free_ports)
    cerca init --dev "$1" --http-port "$2" --https-port "$3" >"$scratch/init.out" 2>&1 || {
        sed 's/^/# init: /' "$scratch/init.out"
        return 1
    }
    http_off "$1/cerca.conf"
}

# ca_start [DIR]: runs it and waits until cerca status is well. CERCA_CONF names it from then on.
# shellcheck disable=SC2120 # the argument may be left out
ca_start() {
    CERCA_CONF=${1:-$ca_dir}/cerca.conf
    export CERCA_CONF
    http_off "$CERCA_CONF"
    cercad -c "$CERCA_CONF" >>"$scratch/cercad.log" 2>&1 &
    ca_pid=$!
    wait_until 30 cerca status --timeout 5 && return 0
    tail -n 30 "$scratch/cercad.log" | sed 's/^/# cercad: /'
    return 1
}

# --- namespaces -------------------------------------------------------------------------------------

# own_namespaces OPTIONS COMMAND...: that command, which is the flow, begins anew, once, with namespaces of its
# own (OPTIONS of unshare), and is root in them. First of all in a flow.
own_users=
own_namespaces() {
    namespaces=$1
    shift
    [ -z "${CERCA_FLOW_NAMESPACES:-}" ] || return 0
    CERCA_FLOW_NAMESPACES=yes
    export CERCA_FLOW_NAMESPACES
    rm -rf "$scratch"
    [ "$(id -u)" -eq 0 ] || namespaces="--map-root-user $own_users $namespaces"
    # shellcheck disable=SC2086 # words
    exec unshare $namespaces "$@"
}

# own_network "$0" "$@": a network that has loopback and nothing else.
own_network() {
    own_namespaces --net "$@"
    ip link set lo up
}

# own_machine "$0" "$@": such a network, other users, mounts, and processes that all end with the flow, for
# which the first of them waits.
own_machine() {
    own_users=--map-auto
    # shellcheck disable=SC2016 # expanded by the inner shell
    own_namespaces '--net --mount --propagation private --pid --fork --kill-child --mount-proc' \
        sh -c '"$@"; exit $?' sh "$@"
    ip link set lo up
    # Servers of other users go through it.
    chmod 711 "$scratch"
}

# Another such network, and whatever runs in it: in_network COMMAND...
network_pid=
new_network() {
    unshare --net sh -c 'ip link set lo up && touch "$1" && exec sleep 3600' sh "$scratch/network" &
    network_pid=$!
    wait_until 10 test -e "$scratch/network"
}

in_network() {
    nsenter --net="/proc/$network_pid/ns/net" "$@"
}

is_gone() {
    ! kill -0 "$1" 2>/dev/null
}

ca_stop() {
    [ -n "$ca_pid" ] || return 0
    kill -TERM "$ca_pid" 2>/dev/null
    wait_until 20 is_gone "$ca_pid" || kill -KILL "$ca_pid"
    wait "$ca_pid" 2>/dev/null
    ca_pid=
}

# A program that a sanitizer ended is started again like any other: its log tells.
no_sanitizer_complained() {
    ! grep -hE -A 12 'Sanitizer: |runtime error: ' "$scratch"/*.log 2>/dev/null | sed 's/^/# /' | grep .
}

# --- nginx ----------------------------------------------------------------------------------------

nginx_pid=
# nginx_start FILE: a real nginx, whose http { } has this in it. Its errors are in nginx/error.log.
# Of the environment its workers see the variable $nginx_env alone.
nginx_start() {
    mkdir -p "$scratch/nginx"
    {
        [ "$(id -u)" -ne 0 ] || echo 'user root;'
        [ -z "${nginx_env-}" ] || echo "env $nginx_env;"
        echo "daemon off; worker_processes 2; pid $scratch/nginx/pid;"
        echo "error_log $scratch/nginx/error.log info; events { worker_connections 128; }"
        echo 'http { access_log off; server_names_hash_bucket_size 128;'
        for part in client_body proxy fastcgi uwsgi scgi; do
            echo "${part}_temp_path $scratch/nginx/$part;"
        done
        cat "$1"
        echo '}'
    } >"$scratch/nginx/nginx.conf"
    nginx -p "$scratch/nginx" -c "$scratch/nginx/nginx.conf" -e error.log >"$scratch/nginx/out" 2>&1 &
    nginx_pid=$!
}

nginx_stop() {
    [ -n "$nginx_pid" ] || return 0
    kill -TERM "$nginx_pid" 2>/dev/null
    wait "$nginx_pid" 2>/dev/null
    nginx_pid=
}

cleanup() {
    result=$?
    nginx_stop
    ca_stop
    [ -z "$network_pid" ] || kill "$network_pid"
    no_sanitizer_complained || result=1
    rm -rf "$scratch"
    exit "$result"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# bail WHY: nothing further can be tested.
bail() {
    echo "Bail out! $1"
    exit 1
}
