# shellcheck shell=bash
# shellcheck disable=SC2154 # build, bin and work are set by tests/bench/run
# What tests/bench/run measures of scans: very many TLS servers on 127.0.0.0/8, asked by cerca scan for
# all that it can find, a sample of them by sslscan and by openssl s_client, one after the other.

scan_targets=${BENCH_LISTENERS:-10000}
scan_sample=200
listeners_pid=

start_listeners() {
    listeners_port=$(free_port)
    mkfifo "$work/listeners"
    "$build/bench/tls_listeners" "$listeners_port" "$scan_targets" <"$work/listeners" >"$work/listeners.out" &
    listeners_pid=$!
    exec 7>"$work/listeners"
    for _ in $(seq 600); do
        grep -q ready "$work/listeners.out" && break
        kill -0 $listeners_pid 2>/dev/null || fail 'no listeners'
        sleep 0.1
    done
    awk -v n="$scan_targets" -v port="$listeners_port" 'BEGIN {
        for (i = 0; i < n; i++)
            printf "127.%d.%d.%d:%d\n", 1 + int(i / 62500), int(i / 250) % 250, 1 + i % 250, port
    }' >"$work/scan.targets"
    # Spread over all of them.
    awk -v step=$((scan_targets / scan_sample)) 'NR % step == 0' "$work/scan.targets" |
        head -n $scan_sample >"$work/scan.sample"
    head -n $((scan_sample / 2)) "$work/scan.sample" >"$work/scan.before"
    tail -n $((scan_sample / 2)) "$work/scan.sample" >"$work/scan.after"
}

stop_listeners() {
    [ -z "$listeners_pid" ] && return
    exec 7>&-
    wait $listeners_pid 2>/dev/null || true
    listeners_pid=
}

# Microseconds that a line of FILE takes with COMMAND.
each_us() { # FILE COMMAND...
    local file=$1 begun n=0 target

    shift
    begun=$(date +%s%N)
    while read -r target; do
        "$@" "$target" </dev/null >/dev/null 2>&1 || fail "$* $target"
        n=$((n + 1))
    done <"$file"
    echo $((($(date +%s%N) - begun) / 1000 / n))
}

# The most anonymous memory that a scan and its worker had at a time, KiB.
watch_scan() { # PID
    local most=0 now

    while kill -0 "$1" 2>/dev/null; do
        # shellcheck disable=SC2046 # numbers
        now=$(awk '/^RssAnon:/ { n += $2 } END { print n + 0 }' \
            $(printf '/proc/%s/status ' "$1" $(ps -o pid= --ppid "$1")) 2>/dev/null || echo 0)
        [ "$now" -le "$most" ] || most=$now
        sleep 0.1
    done
    echo "$most"
}

# scan_all: microseconds a target; $work/scan.most is the memory, $work/scan.found what was found.
scan_all() {
    local begun pid

    begun=$(date +%s%N)
    "$bin/cerca" scan -o json --rate 0 --per-network 0 "$work/scan.targets" >"$work/scan.found" 2>"$work/scan.log" &
    pid=$!
    watch_scan $pid >"$work/scan.most"
    wait $pid || fail "$(cat "$work/scan.log")"
    echo $((($(date +%s%N) - begun) / 1000 / scan_targets))
}

# A target is found if its own certificate is, and the chain behind it, and all of its suites.
scan_missed() {
    jq -r 'select(.outcome == "served" and .suites_complete and (.chain | length) == 2 and
        .versions["TLS1.2"] and .versions["TLS1.3"] and (.suites["TLS1.2"] | length) > 1 and
        (.suites["TLS1.3"] | length) > 1) |
        (.address | split(".") | map(tonumber)) as $a |
        select(.chain[0].subject == "CN=\(($a[1] - 1) * 62500 + $a[2] * 250 + $a[3] - 1)") | .address' \
        "$work/scan.found" | sort -u | wc -l | awk -v n="$scan_targets" '{ print n - $1 }'
}

client_of() {
    openssl s_client -connect "$1" -status -showcerts
}

scanning() {
    note "$scan_targets TLS servers scanned, and $scan_sample of them by sslscan and openssl s_client"
    start_listeners
    client=$(each_us "$work/scan.before" client_of)
    suites=$(each_us "$work/scan.before" sslscan)
    each=$(scan_all)
    row scan.target "$each" us "$(mean "$suites" "$(each_us "$work/scan.after" sslscan)")" 0.333 at_most
    row scan.target.by_s_client "$each" us "$(mean "$client" "$(each_us "$work/scan.after" client_of)")" 0.333 at_most
    row scan.connections "$(jq -s 'map(.connections) | add / length | floor' "$work/scan.found")" a_target
    row scan.memory "$(cat "$work/scan.most")" KiB 131072 1.00 at_most
    row scan.missed "$(scan_missed)" targets "$scan_targets" 0 at_most
    stop_listeners
}
