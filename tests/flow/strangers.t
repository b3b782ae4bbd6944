#!/bin/sh
# Whoever is no operator gets a refusal from the admin socket, and nothing else of it: neither all
# its connections nor its memory.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

# Frames of lib/frame.h: version, no flags, type (MSG_STATUS), id.
cat >"$scratch/knock" <<'EOF'
use strict;
use Socket;
my ($path, $what, $n) = @ARGV;
my $frame = pack 'CCnQ>', 1, 0, 0x0109, 7;
$SIG{PIPE} = 'IGNORE';
sub knock {
    socket my $s, AF_UNIX, SOCK_SEQPACKET, 0 or die "socket: $!";
    connect $s, pack_sockaddr_un($path) or die "connect: $!";
    return $s;
}
if ($what eq 'connections') {
    my ($answered, @open) = (0);
    for (1 .. $n) {
        my $s = knock();
        push @open, $s;
        send $s, $frame, 0 or next;
        recv $s, my $answer, 65536, 0;
        $answered++ if length($answer // '') > 12;
    }
    print "$answered\n";
} else {
    my ($s, $sent) = (knock(), 0);
    $sent++ while $sent < $n && send $s, $frame, 0;
    print $sent < $n ? "cut off\n" : "still heard\n";
}
EOF

knock() { # WHAT N
    perl "$scratch/knock" "$ca_dir/sock/admin.sock" "$@"
}

is_stranger() {
    run cerca list --timeout 5
    grep -q 'rule requester.unknown' "$err"
}

ca_init || bail 'no CA'
ca_start || bail 'it does not start'
cp "$CERCA_CONF" "$scratch/good.conf"
is 'an operator has more connections than strangers' "$(knock connections 40)" 40

sed "s/uid = \"$(id -u)\"/uid = \"$(($(id -u) + 1))\"/" "$scratch/good.conf" >"$CERCA_CONF"
kill -HUP "$ca_pid"
wait_until 20 is_stranger || bail 'the configuration without us is not taken'

fails 'a stranger is refused' 1 'rule requester.unknown' cerca list --timeout 5
fails 'whatever it asks for' 1 'rule requester.unknown' cerca ca list --timeout 5
is 'strangers have 16 connections together' "$(knock connections 40)" 16
is 'one that asks without reading the answers is cut off' "$(knock flood 100000)" 'cut off'
like 'and the log says so' "$scratch/cercad.log" 'conn.refused why="peer does not read"'
forged() { # a token that nobody made
    echo "cerca-token-7-$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')" >"$scratch/forged"
    cerca issue --profile tls-server --csr "$scratch/s.csr" --token-file "$scratch/forged" --timeout 5
}
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj / \
    -addext subjectAltName=DNS:s.example -keyout /dev/null -out "$scratch/s.csr" 2>/dev/null
fails 'a token that nobody made gets it no further' 1 'rule token.unknown' forged
fails 'nor does another one' 1 'rule token.unknown' forged
is 'all that one stranger does in a minute is logged once' \
    "$(grep -c stranger.refused "$scratch/cercad.log" | awk '{ print ($1 <= 3 ? "few" : $1) }')" few

cp "$scratch/good.conf" "$CERCA_CONF"
kill -HUP "$ca_pid"
ok 'operators are served as before' wait_until 20 cerca status --timeout 5
ok 'the audit log has it' sh -c "cerca audit log --actor 'uid:$(id -u)' -o json"
json 'the first refusal as it was' '.[0].rule == "requester.unknown" and .[0].action == "refuse"'
json 'the others as their number' '.[-1].detail | test("^[0-9]+ more refused since")'
json 'none of them is left out of the count' '[.[].detail | select(test("more refused")) |
    split(" ")[0] | tonumber] | add >= 1010'
json 'in a few records' 'length <= 4'
done_testing
