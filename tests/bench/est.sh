# shellcheck shell=bash
# shellcheck disable=SC2154 # build, bin, work and count are set by tests/bench/run
# What tests/bench/run measures of enrolling over EST: a CA with its HTTPS, and nginx that verifies the
# same clients. Everything here is in $est.

est=$work/est
each=$((count / 5))
crowd=$((3 * each < 10000 ? 3 * each : 10000))
checker_pid=

# new_est: a CA, all its keys P-256, whose label "default" takes tokens and certificates, and the chains that go with it.
new_est() {
    est_port=$(free_port)
    "$bin/cerca" init --dir "$est" --base-url http://127.0.0.1 --org Bench --root-key p256 --yes >/dev/null
    sed -i "s/^http = {/http = { listen = \"\";/; s/^https = {.*/https = { port = \"$est_port\"; address_limit = \"\"; };/" \
        "$est/cerca.conf"
    cat >>"$est/cerca.conf" <<'CONF'
est = ( { name = "default"; profile = "tls-client"; ways = ( "token", "certificate" ); } );
CONF
    cat "$est/ca/root.pem" "$est/ca/issuing.pem" >"$est/cas.pem"
}

start_est() {
    start_ca "$est"
    wait_port "$est_port" || fail "HTTPS does not come up: $(tail -n 3 "$est/log")"
    enroll_pid=$(child_pid cerca-enroll)
}

child_pid() {
    for pid in $(ps -o pid= --ppid "$ca_pid"); do
        [ "$(basename "$(readlink "/proc/$pid/exe")")" != "$1" ] || echo "$pid"
    done
}

# start_checker: nginx, as it comes, whose clients must have a certificate below the root. Its own is of
# the same profile, key type and chain as the one of cerca-enroll; no session is resumed.
start_checker() {
    checker_port=$(free_port)
    mkdir -p "$est/nginx"
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$est/nginx/key.pem" \
        -out "$est/nginx/csr.pem" -subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null
    "$bin/cerca" issue -c "$est/cerca.conf" --profile tls-server --csr "$est/nginx/csr.pem" \
        --out "$est/nginx/chain.pem" >/dev/null
    cat >"$est/nginx/nginx.conf" <<CONF
daemon off;
$([ "$(id -u)" != 0 ] || echo 'user root;')
worker_processes $(nproc);
pid $est/nginx/pid;
error_log $est/nginx/log;
events { worker_connections 2048; }
http {
    access_log off;
    client_body_temp_path $est/nginx/body;
    proxy_temp_path $est/nginx/proxy;
    fastcgi_temp_path $est/nginx/fastcgi;
    uwsgi_temp_path $est/nginx/uwsgi;
    scgi_temp_path $est/nginx/scgi;
    server {
        listen 127.0.0.1:$checker_port ssl reuseport;
        ssl_protocols TLSv1.3;
        ssl_certificate $est/nginx/chain.pem;
        ssl_certificate_key $est/nginx/key.pem;
        ssl_client_certificate $est/ca/root.pem;
        ssl_verify_client on;
        ssl_verify_depth 2;
        ssl_session_cache off;
        ssl_session_tickets off;
        return 204;
    }
}
CONF
    nginx -p "$est/nginx" -c "$est/nginx/nginx.conf" 2>/dev/null &
    checker_pid=$!
    wait_port "$checker_port" || fail "nginx: $(tail -n 3 "$est/nginx/log")"
}

stop_checker() {
    [ -z "$checker_pid" ] || kill -TERM "$checker_pid" 2>/dev/null || true
    [ -z "$checker_pid" ] || wait "$checker_pid" 2>/dev/null || true
    checker_pid=
}

# est_load NAME PID PORT CONNECTIONS COUNT [OPTION VALUE]...: appends what it prints, and the processor time
# of the server and its children for each answer, to $work/est.NAME. A failure fails unless it is counted.
est_load() {
    local name=$1 pid=$2 before us line

    shift 2
    before=$(served_us "$pid")
    line=$("$build/bench/est_load" "$1" "$2" "$3" "$est/cas.pem" "${@:4}") || fail "no load for $name"
    us=$(($(served_us "$pid") - before))
    echo "$line $((us / $3))" >>"$work/est.$name"
}

# est_median NAME COLUMN: of its turns
est_median() {
    awk -v c="$2" '{ print $c }' "$work/est.$1" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'
}

est_failed() { awk '{ n += $5 + $6 } END { print n + 0 }' "$work/est.$1"; }

# est_door: what the door does through the admin socket, and the processor time of the CA for each, to
# $work/est.door.
est_door() {
    local before line

    before=$(served_us "$ca_pid")
    line=$(issue "$est" "$each" 64 --profile tls-client)
    echo "$line $((($(served_us "$ca_pid") - before) / each))" >>"$work/est.door"
}

# est_rows ROW NAME COUNT [CPU GOAL]: latencies, the processor time of server and load for one answer, that of
# the server against CPU, and what failed or came twice of COUNT.
est_rows() {
    row "$1.p50" "$(est_median "$2" 2)" us
    row "$1.p99" "$(est_median "$2" 3)" us
    row "$1.cpu" "$(est_median "$2" 9)" us "${4:-}" "${5:-}" at_most
    row "$1.load_cpu" "$(est_median "$2" 4)" us "$(est_median "$2" 9)"
    row "$1.failures" "$(est_failed "$2")" requests "$3" 0 at_most
}

# Over connections that are kept; the reference, by turns, is the door through the admin socket.
enrolling_kept() {
    note "enrolling over kept connections, by token, against the admin socket"
    token=$("$bin/cerca" token create -c "$est/cerca.conf" --profile tls-client --name dns:.bench.example \
        --uses $((3 * each)) --ttl 1h)
    for turn in 1 2 3; do
        est_door
        est_load kept "$ca_pid" "$est_port" 64 "$each" --token "$token" --keep "$est/clients.$turn"
        cat "$est/clients.$turn" >>"$est/clients"
    done
    est_door
    # shellcheck disable=SC2046 # numbers
    row est.kept "$(mean $(cut -d ' ' -f 1 "$work/est.kept"))" 1/s \
        "$(mean $(cut -d ' ' -f 1 "$work/est.door"))" 0.60
    est_rows est.kept kept $((3 * each)) "$(est_median door 7)" 1.67
}

# The same clients show their certificates, in a handshake for each request.
enrolling_connect() {
    note "a handshake with a client's certificate for each request, against nginx"
    start_checker
    for turn in 0 1 2; do
        est_load nginx "$checker_pid" "$checker_port" 64 $((each / 3)) --get yes --path / \
            --clients "$est/clients" --first $((turn * (each / 3))) --chain "$est/ca/issuing.pem"
        est_load connect "$ca_pid" "$est_port" 64 $((each / 3)) --path /.well-known/est/simplereenroll \
            --clients "$est/clients" --first $((turn * (each / 3))) --chain "$est/ca/issuing.pem"
    done
    stop_checker
    # shellcheck disable=SC2046 # numbers
    row est.connect "$(mean $(cut -d ' ' -f 1 "$work/est.connect"))" 1/s \
        "$(mean $(cut -d ' ' -f 1 "$work/est.nginx"))" 0.50
    est_rows est.connect connect $((3 * (each / 3))) "$(est_median nginx 9)" 2.00
    row est.connect.nginx_load_cpu "$(est_median nginx 4)" us "$(est_median nginx 9)"
}

# Certificates that the CA has recorded for who showed a certificate.
renewed() {
    "$bin/cerca" list --limit 0 -o csv -c "$est/cerca.conf" --timeout 10m | grep -c ',certificate:' || true
}

# Everybody comes as soon as there is room, and asks once.
enrolling_crowd() {
    local before recorded

    note "$crowd clients renew, at most 1000 of them connected"
    wait_settled "$est"
    before=$(renewed)
    est_load crowd "$ca_pid" "$est_port" 1000 "$crowd" --path /.well-known/est/simplereenroll \
        --clients "$est/clients" --chain "$est/ca/issuing.pem" --watch "$enroll_pid"
    wait_settled "$est"
    recorded=$(($(renewed) - before))
    row est.crowd.certificates "$recorded" rows "$crowd" 1.00
    row est.crowd.duplicates $((recorded > crowd ? recorded - crowd : 0)) rows "$crowd" 0 at_most
    est_rows est.crowd crowd "$crowd"
    row est.crowd.time "$(est_median crowd 8)" s 60 1.00 at_most
    row est.crowd.memory "$(est_median crowd 7)" KiB 204800 1.00 at_most
}
