#!/bin/sh
# A core that answers with the certificate of another key changes no file of the operator.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

# Takes one request on the admin socket and answers it with this certificate (lib/proto.h).
cat >"$scratch/lie" <<'EOF'
use strict;
use Socket;
my ($path, $file) = @ARGV;
open my $in, '<:raw', $file or die "$file: $!";
my $der = do { local $/; <$in> };
socket my $s, AF_UNIX, SOCK_SEQPACKET, 0 or die "socket: $!";
bind $s, pack_sockaddr_un("$path.new") or die "bind: $!";
listen $s, 1 or die "listen: $!";
rename "$path.new", $path or die "rename: $!";
accept my $c, $s or die "accept: $!";
recv $c, my $frame, 65536, 0;
my (undef, undef, undef, $id) = unpack 'CCnQ>', $frame;
send $c, pack('CCnQ>', 1, 0, 0x0102, $id) . pack('N/a*N/a*C', $der, '', 0), 0 or die "send: $!";
recv $c, $frame, 1, 0;
EOF

ca_init || bail 'no CA'
ca_start || bail 'it does not start'
cd "$scratch" || bail 'no scratch folder'
ok 'a certificate of a key' cerca issue --profile tls-server --key-out web.key \
    --san dns:web.example.com --out web.pem
cp web.key web.key.before
cp web.pem web.pem.before
ca_stop
openssl x509 -in web.pem -outform DER -out web.der || bail 'openssl x509 failed'

perl "$scratch/lie" "$ca_dir/sock/admin.sock" web.der &
lie_pid=$!
wait_until 20 test -S "$ca_dir/sock/admin.sock" || bail 'nobody lies'
fails 'the certificate of another key is not taken' 1 'certificate for another key' \
    cerca issue --profile tls-server --key-out web.key --force --san dns:web.example.com --out web.pem
wait "$lie_pid"
is 'the key that serves stays' "$(cmp web.key web.key.before && echo same)" same
is 'so does its certificate' "$(cmp web.pem web.pem.before && echo same)" same
is 'the new key is still there, for its certificate may be recorded' "$(ls web.key.new)" web.key.new
done_testing
