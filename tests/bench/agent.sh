# shellcheck shell=bash
# shellcheck disable=SC2154 # bin and work are set by tests/bench/run
# What tests/bench/run measures of the agent's daemon: its memory with 50 entries, and how often it
# wakes while none of them is due.

agent_entries=50
agent_pid=

stop_agent() {
    [ -n "$agent_pid" ] || return 0
    kill -TERM "$agent_pid" 2>/dev/null || true
    wait "$agent_pid" 2>/dev/null || true
    agent_pid=
}

# Entries that were taken over, of a CA that does not answer.
make_entries() {
    mkdir -p "$work/agent/conf.d" "$work/agent/files"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=bench -days 30 \
        -keyout "$work/agent/key" -out "$work/agent/cert" 2>/dev/null
    printf 'server = { url = "https://127.0.0.1:1"; };\nreport = { enabled = false; };\n' >"$work/agent/agent.conf"
    for i in $(seq $agent_entries); do
        cp "$work/agent/key" "$work/agent/files/$i.key"
        cp "$work/agent/cert" "$work/agent/files/$i.pem"
        printf 'certificate = { take_over = true; };\nfiles = ( { path = "%s.key"; format = "key"; }, { path = "%s.pem"; format = "cert"; } );\n' \
            "$work/agent/files/$i" "$work/agent/files/$i" >"$work/agent/conf.d/e$i.conf"
    done
    chmod -R go-w "$work/agent"
}

all_verified() {
    [ "$("$bin/cerca-agent" list -c "$work/agent" --state-dir "$work/agent.state" -o json |
        jq '[.[] | select(.state == "verified" and .next != null)] | length')" = $agent_entries ] &&
        [ -z "$(cat "/proc/$agent_pid/task/$agent_pid/children")" ]
}

agent_switches() {
    awk '/ctxt_switches/ { n += $2 } END { print n }' "/proc/$agent_pid/task/$agent_pid/status"
}

agent_daemon() {
    note "the agent's daemon with $agent_entries entries"
    make_entries
    "$bin/cerca-agent" run -c "$work/agent" --state-dir "$work/agent.state" >"$work/agent.log" 2>&1 &
    agent_pid=$!
    for _ in $(seq 300); do
        all_verified && break
        kill -0 $agent_pid 2>/dev/null || fail 'the agent ended'
        sleep 0.2
    done
    all_verified || fail 'the agent does not come to rest'
    sleep 2
    local before after
    before=$(agent_switches)
    sleep 20
    after=$(agent_switches)
    row agent.memory "$(awk '/^RssAnon:/ { printf "%.2f", $2 / 1024 }' "/proc/$agent_pid/status")" MiB 15 1.00 at_most
    row agent.wakeups "$((after - before))" in_20s 1 0.00 at_most
    stop_agent
}
