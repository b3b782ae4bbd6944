#!/bin/sh
# More requests at once than may be under way: what is too much is told to come back, everybody else
# is served meanwhile, and what was taken is answered. A slow token keeps requests under way.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

: "${CERCA_SHIM:=$root/build/test/shim/libcerca-shim.so}"
: "${CERCA_BUILD:=$root/build/test}"
order_file=$ca_dir/signer/shim.control
of_one_client=1024 # a quarter of what the door takes

slow() {
    echo 'C_Sign hold' >"$order_file"
}

quick() {
    rm -f "$order_file"
}

# flood NAME COUNT: all at once on one connection; "rate p50 p99 refused" in $scratch/NAME.
flood() {
    "$CERCA_BUILD/bench/issue_load" "$CERCA_CONF" --count "$2" --in-flight "$2" \
        >"$scratch/$1" 2>"$scratch/$1.err" &
    floods="$floods $!"
}

# open_intents N: at least so many are recorded and not signed yet.
open_intents() {
    [ "$(cerca list --status open --limit 0 -o json | jq length)" -ge "$1" ]
}

refused_of() {
    awk '{ print $4 }' "$scratch/$1"
}

has_refusals() {
    grep -q 'rule busy' "$scratch/$1.err"
}

end_floods() {
    for pid in $floods; do wait "$pid"; done
    floods=
}

# Connections that send so many frames of lib/frame.h each, MSG_CRL_PUBLISH, and then read what
# comes back: prints how many were answered with MSG_CRL_PUBLISHED, how many otherwise.
cat >"$scratch/ask_for_crls" <<'EOF'
use strict;
use Socket;
my ($path, $connections, $each) = @ARGV;
my @open;
for (1 .. $connections) {
    socket my $s, AF_UNIX, SOCK_SEQPACKET, 0 or die "socket: $!";
    connect $s, pack_sockaddr_un($path) or die "connect: $!";
    push @open, $s;
    for my $id (1 .. $each) {
        my $frame = pack 'CCnQ>N/a*N/a*', 1, 0, 0x0184, $id, 'issuing', 'full';
        defined send $s, $frame, 0 or die "send: $!";
    }
}
my ($published, $other) = (0, 0);
for my $s (@open) {
    for (1 .. $each) {
        recv $s, my $answer, 65536, 0;
        my (undef, undef, $type) = unpack 'CCn', $answer // '';
        ($type // 0) == 0x0185 ? $published++ : $other++;
    }
}
print "$published $other\n";
EOF

everything_is_busy() {
    cerca status --timeout 1s | grep -q 'rule busy'
}

count=0
issue() {
    count=$((count + 1))
    cerca issue --profile tls-server --san "dns:other$count.busy.example" \
        --key-out "$scratch/other$count.key" --out "$scratch/other$count.pem" "$@"
}

floods=
ca_init || bail 'no CA'
sed -i -e "s|module = .*|module = \"$CERCA_SHIM\";|" \
    -e 's|environment = ( |&"CERCA_SHIM_CONTROL=%d/signer/shim.control", |' \
    -e 's|read_paths = .*|& call_limit = "10m";|' "$ca_dir/cerca.conf"
ca_start || bail 'it does not start'

slow
flood greedy 1300
wait_until 30 has_refusals greedy
report $? 'who asks for too much at once is told to retry'
wait_until 30 open_intents $of_one_client
report $? '... once its share is under way'
ok '... while others see the status' cerca status
ok '... and lists' cerca list --limit 5
fails '... and are taken in, and wait for the token as long as they want' 1 'within|time' \
    issue --timeout 2s
quick
end_floods
is '... and exactly its share was served' "$(refused_of greedy)" $((1300 - of_one_client))
ok 'then all is as before' issue

slow
for n in 1 2 3 4; do flood "full$n" $of_one_client; done
wait_until 60 open_intents $((4 * of_one_client))
report $? 'four such clients fill the door'
fails 'one more request is told to retry' 1 'rule busy' issue --timeout 2s
ok '... while the status is told' cerca status
ok '... and lists are' cerca list --limit 5
quick
end_floods
is '... and all that was taken is answered' \
    "$(cat "$scratch"/full? | awk '{ n += $4 } END { print n }')" 0
ok 'then all is as before, again' issue

slow
perl "$scratch/ask_for_crls" "$ca_dir/sock/admin.sock" 8 $of_one_client >"$scratch/crls" 2>&1 &
asking=$!
wait_until 60 everything_is_busy
report $? 'twice what the door takes, of any kind, is all there may be'
fails '... and the next one is told to retry, whatever it asks for' 1 'rule busy' \
    cerca list --limit 5 --timeout 2s
quick
wait "$asking"
is '... and all that was taken is answered, again' "$(cat "$scratch/crls")" "$((8 * of_one_client)) 0"
ok '... and then the status is told' wait_until 10 cerca status
ok 'the store is sound' cerca store check
done_testing
