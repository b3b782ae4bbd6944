#!/bin/bash
# cerca-public against a peer that means harm: sixty requests that are malformed, huge or
# strange, crowds that say too little, and 10,000 that say nothing; whoever else asks is served, in bounded memory.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
http=on
ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
sed -i 's/^http = {/&\n    timeout = "1s";\n    threads = "2";\n    connections = "200";/' "$conf"
ca_start || bail 'it does not start'
base=$(sed -n 's/.*base_url = "\(.*\)";.*/\1/p' "$conf")
port=${base##*:}

public() { # none while there are two: the one before ends soon
    pid_of cerca-public | awk '{ pid = $0 } END { if (NR == 1) print pid }'
}
anonymous() { # kB
    sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$pid/status"
}
served() {
    curl -sf -m 20 -o /dev/null "$base/ca/issuing.crt"
}

wait_until 10 served || bail 'it does not serve'
pid=$(public)
ok 'hostile requests get what they deserve' python3 "$root/tests/flow/http_abuse.py" requests "$port"
before=$(anonymous)
for _ in 1 2; do
    ok '... and again' python3 "$root/tests/flow/http_abuse.py" requests "$port"
done
after=$(anonymous)
ok "which takes no memory ($before kB, then $after kB)" test "$after" -lt $((before + 4096))
is 'all of it in one process' "$(public)" "$pid"

is_another() {
    now=$(public)
    [ -n "$now" ] && [ "$now" != "$pid" ]
}
# changed SED: another cerca-public serves by the changed configuration.
changed() {
    sed -i "$1" "$conf"
    kill -HUP "$ca_pid"
    wait_until 20 is_another || bail 'it does not take the configuration'
    wait_until 10 cerca status || bail 'it is not well'
    pid=$(public)
}
# crowd KIND N
mkfifo go
crowd() {
    python3 "$root/tests/flow/http_abuse.py" "$1" "$port" "$2" <go >crowd.out &
    crowd=$!
    exec 9>go
    ok "$2 of the kind $1 are there" wait_until 60 grep -q there crowd.out
    for n in 1 2 3; do
        ok "whoever asks meanwhile is served ($n)" served
    done
    peak=$(anonymous)
    ok "in bounded memory ($peak kB)" test "$peak" -lt 65536
    open=$(find "/proc/$pid/fd" -lname 'socket:*' | wc -l)
    exec 9>&-
    wait "$crowd"
    ok 'when they are gone it serves at once' curl -sf -m 20 -o /dev/null "$base/health"
    is 'all of it in one process' "$(public)" "$pid"
}

# From now on nobody is closed for being slow alone.
changed 's/timeout = "1s"/timeout = "600s"/'
# Three times as many as may be there at once; who is closed comes back at once.
crowd crowd 600

# As many as there is room for stay. A machine may let us have fewer than ten thousand descriptors.
many=$(($(ulimit -Hn) - 500))
[ "$many" -lt 10000 ] || many=10000
changed "s/connections = \"200\"/connections = \"$((many + many / 4))\"/"
crowd idle "$many"
ok "which are all there at once ($open)" test "$open" -ge "$many"
ok 'all is well' wait_until 10 cerca status
done_testing
