# shellcheck shell=bash
# shellcheck disable=SC2154 # build, bin and table are set by tests/bench/run
# What tests/bench/run is made of: a CA to measure, rates, the table.
# Expects $build, $bin, $work and $table.

ca_pid=

note() { printf '# %s\n' "$*" >&2; }
fail() {
    printf 'bench: %s\n' "$*" >&2
    exit 1
}

# new_ca DIR [KEY-TYPE]: a development CA without HTTP, whose port may be in use; with a key type, its
# issuing CA has such a key.
new_ca() {
    "$bin/cerca" init --dev "$1" >/dev/null
    sed -i '/^http = {/,/^}/s/listen = .*/listen = "";/' "$1/cerca.conf"
    [ $# -lt 2 ] && return
    # Another key makes another generation of the issuing CA: its key, then its certificate.
    awk -v type="$2" '/name = "issuing"/ { here = 1 }
        here && /key = / { sub("object=issuing", "object=issuing-" type) }
        here && /key_type = / { sub("p256", type) }
        { print }' "$1/cerca.conf" >"$1/cerca.conf.new"
    mv "$1/cerca.conf.new" "$1/cerca.conf"
    rm "$1/ca/issuing.pem" "$1/ca/issuing.der"
    "$bin/cerca-signer" -c "$1/cerca.conf" --token default --provision >/dev/null
    "$bin/cerca-signer" -c "$1/cerca.conf" --token default 2>/dev/null &
    signer_pid=$!
    "$bin/cerca-ca" -c "$1/cerca.conf" --bootstrap 2>"$1/log" || fail "$(tail -n 3 "$1/log")"
    kill -TERM $signer_pid
    wait $signer_pid || true
}

start_ca() {
    "$bin/cercad" -c "$1/cerca.conf" 2>"$1/log" &
    ca_pid=$!
    for _ in $(seq 600); do
        "$bin/cerca" ca list -c "$1/cerca.conf" -o json 2>/dev/null | grep -q '"ready"' && return
        kill -0 $ca_pid 2>/dev/null || fail "cercad ended: $(tail -n 3 "$1/log")"
        sleep 0.1
    done
    fail "the CA in $1 did not come up"
}

stop_ca() {
    [ -z "$ca_pid" ] && return
    kill -TERM "$ca_pid" 2>/dev/null || true
    wait "$ca_pid" 2>/dev/null || true
    ca_pid=
}

# wait_settled DIR [SECONDS]: until the CA is ready again, every change is in the indexes, and all of it on
# the disk.
wait_settled() {
    for _ in $(seq $((10 * ${2:-300}))); do
        "$bin/cerca" status -c "$1/cerca.conf" 2>/dev/null |
            awk '$1 == "ok" && $2 == "issuing" { ready = 1 }
                $2 == "indexes" && $4 == $6 { all = 1 } END { exit !(ready && all) }' &&
            sync && return
        sleep 0.1
    done
    fail "the CA in $1 did not settle within ${2:-300} s"
}

# token_rate DIR KEY-LABEL THREADS: raw signatures a second.
token_rate() {
    module=$(sed -n 's/.*module = "\(.*\)";.*/\1/p' "$1/cerca.conf")
    SOFTHSM2_CONF=$1/softhsm2.conf "$build/bench/token_rate" "$module" cerca-dev \
        "$1/secrets/default.pin" "$2" "$3" 3
}

# issue DIR COUNT IN-FLIGHT [OPTION]...: "rate p50 p99 refused"; any refusal fails.
issue() {
    local conf=$1/cerca.conf n=$2 in_flight=$3

    shift 3
    "$build/bench/issue_load" "$conf" --count "$n" --in-flight "$in_flight" "$@"
}

# Processor time that one of our programs has used, in microseconds.
cpu_us() {
    for pid in $(ps -o pid= --ppid "$ca_pid"); do
        if [ "$(basename "$(readlink "/proc/$pid/exe")")" = "$1" ]; then
            sed 's/.*) //' "/proc/$pid/stat"
        fi
    done | awk -v hz="$(getconf CLK_TCK)" '{ n += $12 + $13 } END { printf "%.0f", n * 1000000 / hz }'
}

# per_second N COMMAND...: N divided by the seconds that it takes.
per_second() {
    n=$1
    shift
    begun=$(date +%s%N)
    "$@" >/dev/null || fail "$*"
    echo $((n * 1000000000 / ($(date +%s%N) - begun)))
}

mean() { printf '%s\n' "$@" | awk '{ n += $1 } END { printf "%.0f", n / NR }'; }

# What the disk holds for certificates: both environments, the view, the signer's record.
stored_bytes() {
    du -sB1 "$1/store" "$1/view" "$1/signer" | awk '{ n += $1 } END { printf "%.0f", n }' # mawk's %d ends at 2^31
}

# Anonymous memory of one of our programs: mapped database pages do not count.
anon_kib() {
    for pid in $ca_pid $(ps -o pid= --ppid "$ca_pid"); do
        if [ "$(basename "$(readlink "/proc/$pid/exe")")" = "$1" ]; then
            awk '/^RssAnon:/ { print $2 }' "/proc/$pid/status"
        fi
    done
}

# row NAME VALUE UNIT [REFERENCE GOAL [at_most]]
row() { printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:-}" "${5:-}" "${6:-at_least}" >>"$table"; }

print_table() {
    awk -F '\t' '
        function verdict(ratio) {
            if ($5 == "") return ""
            return ($6 == "at_most" ? ratio + 0 <= $5 + 0 : ratio + 0 >= $5 + 0) ? "met" : "MISSED"
        }
        BEGIN { printf "%-36s %12s %-9s %10s %7s %8s\n", "figure", "value", "unit", "reference",
                "ratio", "goal" }
        {
            ratio = $4 == "" ? "" : sprintf("%.3f", $2 / $4)
            goal = $5 == "" ? "" : ($6 == "at_most" ? "<= " : ">= ") $5
            printf "%-36s %12s %-9s %10s %7s %8s %s\n", $1, $2, $3, $4, ratio, goal, verdict(ratio)
        }' "$1"
}

write_json() {
    awk -F '\t' '
        function number(x) { return x == "" ? "null" : x }
        BEGIN { printf "[" }
        {
            ratio = $4 == "" ? "null" : sprintf("%.4f", $2 / $4)
            goal = $5 == "" ? "null" : sprintf("\"%s %s\"", ($6 == "at_most" ? "<=" : ">="), $5)
            printf "%s\n  {\"name\": \"%s\", \"value\": %s, \"unit\": \"%s\", \"reference\": %s, " \
                "\"ratio\": %s, \"goal\": %s}", (NR > 1 ? "," : ""), $1, $2, $3, number($4), ratio, goal
        }
        END { print "\n]" }' "$1" >"$2"
}
