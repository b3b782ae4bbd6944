# shellcheck shell=bash
# shellcheck disable=SC2154 # build, bin, rows and work are set by tests/bench/run
# What tests/bench/run measures over HTTP: cerca-public over a view made for it, and nginx that serves
# the same answers as files. Everything here is in $served; see tests/bench/public_view.c.

served=$work/served
public_pid=
files_pids=

free_port() {
    perl -MIO::Socket::INET -e \
        'print IO::Socket::INET->new(Listen => 1, LocalAddr => "127.0.0.1")->sockport'
}

# make_served ROWS ASKED: prints the octets of one answer.
make_served() {
    public_port=$(free_port)
    "$bin/cerca" init --dev "$served" --http-port "$public_port" >/dev/null
    "$build/bench/public_view" "$served" "$1" "$2"
}

# first_answer: seconds from starting cerca-public to its first right answer, the middle one of five starts.
first_answer() {
    for _ in 1 2 3 4 5; do
        "$here/first_answer.pl" "$public_port" "$served/get" "$bin/cerca-public" -c "$served/cerca.conf" \
            --keep-fd 3 3<>"$served/keep" 2>"$served/log" || fail "cerca-public: $(tail -n 3 "$served/log")"
    done | sort -n | sed -n 3p
}

# start_public THREADS: cerca-public with the key and certificate that answer.
start_public() {
    sed -i "s/^http = {.*/http = { threads = \"$1\";/" "$served/cerca.conf"
    "$bin/cerca-public" -c "$served/cerca.conf" --keep-fd 3 3<>"$served/keep" 2>"$served/log" &
    public_pid=$!
    wait_port "$public_port" || fail "cerca-public: $(tail -n 3 "$served/log")"
}

# files_held COUNT: for start_files; nothing where descriptors do not suffice, since a cache of open files
# that holds a part of them only makes it slower.
files_held() {
    [ "$(ulimit -Hn)" = unlimited ] || [ "$(ulimit -Hn)" -gt $(($1 + 2048)) ] || return 0
    echo "$1"
}

# start_files NAME WORKERS sendfile|read [FILES-HELD-OPEN]: sets files_port and files_pid. Nothing else
# that nginx can do helps with small files: no log, kept connections, a listening socket a worker.
start_files() {
    files_port=$(free_port)
    mkdir -p "$served/$1"
    cat >"$served/$1/nginx.conf" <<CONF
daemon off;
$([ "$(id -u)" != 0 ] || echo 'user root;')
worker_processes $2;
worker_rlimit_nofile $(ulimit -Hn | sed s/unlimited/1048576/);
pid $served/$1/pid;
error_log $served/$1/log;
events { use epoll; worker_connections 1024; }
http {
    access_log off;
    sendfile $([ "$3" = sendfile ] && echo on || echo off);
    keepalive_requests 1000000000;
    keepalive_timeout 600s;
    $([ -z "${4:-}" ] || echo "open_file_cache max=$4 inactive=600s; open_file_cache_valid 600s;")
    client_body_temp_path $served/$1/body;
    proxy_temp_path $served/$1/proxy;
    fastcgi_temp_path $served/$1/fastcgi;
    uwsgi_temp_path $served/$1/uwsgi;
    scgi_temp_path $served/$1/scgi;
    server {
        listen 127.0.0.1:$files_port reuseport;
        root $served/root;
        default_type application/ocsp-response;
        expires 1h;
    }
}
CONF
    nginx -p "$served/$1" -c "$served/$1/nginx.conf" 2>/dev/null &
    files_pid=$!
    files_pids="$files_pids $files_pid"
    wait_port "$files_port" || fail "nginx: $(tail -n 3 "$served/$1/log")"
}

wait_port() {
    for _ in $(seq 200); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        sleep 0.05
    done
    return 1
}

stop_served() {
    for pid in $public_pid $files_pids; do
        kill -TERM "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    public_pid=
    files_pids=
}

# Processor time of a process and its children, in microseconds.
served_us() {
    for pid in "$1" $(ps -o pid= --ppid "$1"); do
        sed 's/.*) //' "/proc/$pid/stat"
    done | awk -v hz="$(getconf CLK_TCK)" '{ n += $12 + $13 } END { printf "%.0f", n * 1000000 / hz }'
}

# load NAME PID PORT SECONDS REQUESTS [COUNT]: appends "rate p50 p99 us-of-the-server" to $work/load.NAME. As many
# threads as processors make the load, over 16 connections each; with connect=--connect in front, over a new
# one for each request.
load() {
    local before rate p50 p99 n

    before=$(served_us "$2")
    read -r rate p50 p99 n _ < <("$build/bench/http_load" ${connect:+"$connect"} "$3" "$(nproc)" $((16 * $(nproc))) "${@:4}") ||
        fail "no load for $1"
    echo "$rate $p50 $p99 $(awk -v us=$(($(served_us "$2") - before)) -v n="$n" \
        'BEGIN { printf "%.2f", us / n }')" >>"$work/load.$1"
}

# loaded NAME COLUMN: the median of its turns.
loaded() { awk -v c="$2" '{ print $c }' "$work/load.$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# loaded_row ROW NAME REFERENCE GOAL: rate, latencies, processor time.
loaded_row() {
    row "$1" "$(loaded "$2" 1)" 1/s "$(loaded "$3" 1)" "$4"
    row "$1.p50" "$(loaded "$2" 2)" us "$(loaded "$3" 2)"
    row "$1.p99" "$(loaded "$2" 3)" us "$(loaded "$3" 3)"
    row "$1.cpu" "$(loaded "$2" 4)" us "$(loaded "$3" 4)"
}

# The faster one: on some machines nginx is so with sendfile, on some without.
faster() {
    if awk -v a="$(loaded "$1" 1)" -v b="$(loaded "$2" 1)" 'BEGIN { exit !(a >= b) }'; then
        echo "$1"
    else
        echo "$2"
    fi
}
