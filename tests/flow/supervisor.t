#!/bin/sh
# cercad starts the others in their jails, starts them again,
# takes a new configuration all or nothing, and leaves nothing behind when it ends.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

log=$scratch/cercad.log

# The pid of a program that cercad runs; nothing while it does not. One that only checks a
logged() { # PATTERN TIMES
    [ "$(grep -Ec -- "$1" "$log")" -ge "$2" ]
}

well() {
    cerca status -c "$good" --timeout 5
}

ill() {
    ! well
}

ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
good=$ca_dir/good.conf # beside it, so that relative paths mean the same
cp "$conf" "$good"
ca_start || bail 'it does not start'

# --- jails ----------------------------------------------------------------------------------------

for program in cercad cerca-signer cerca-ca; do
    if [ $program = cercad ]; then pid=$ca_pid; else pid=$(pid_of $program); fi
    like "$program filters its system calls" "/proc/$pid/status" '^Seccomp:[[:space:]]*2$'
    like "$program gains no privileges" "/proc/$pid/status" '^NoNewPrivs:[[:space:]]*1$'
    like "$program leaves no memory image" "/proc/$pid/limits" '^Max core file size +0 +0 '
done
like 'what landlock enforces is in the log' "$log" 'sandbox.entered program=cerca-signer landlock_abi='

# --- one at a time --------------------------------------------------------------------------------

fails 'a second cercad on the folder is refused and names the first' 1 \
    "another cercad \(pid $ca_pid\) runs on $ca_dir/sock" cercad -c "$conf"
ok '... which goes on' well

# --- restarts -------------------------------------------------------------------------------------

ok 'a certificate is issued' cerca issue --profile tls-server --san dns:a.example.test \
    --key-out "$scratch/a.key" --out "$scratch/a.pem"

for program in cerca-signer cerca-ca; do
    pid=$(pid_of $program)
    kill -KILL "$pid"
    ok "$program is started again after kill -9" wait_until 10 runs_anew $program "$pid"
    ok '... and all is well again' wait_until 10 well
done
like 'the log says how they ended' "$log" 'program.ended program=cerca-signer .*killed by signal 9'
ok 'what was issued before is still there' cerca show a.example.test
ok 'the signer was restarted once, says status' sh -c \
    'cerca status | grep -E "signer.default.*restarted 1 times"'

# --- a new configuration --------------------------------------------------------------------------

signer=$(pid_of cerca-signer)
core=$(pid_of cerca-ca)
kill -HUP "$ca_pid"
ok 'HUP puts new programs to work' wait_until 20 runs_anew cerca-ca "$core"
ok '... the signer too' wait_until 20 runs_anew cerca-signer "$signer"
ok '... and all is well' wait_until 10 well
like '... by draining the old ones' "$log" 'program.stopped program=cerca-ca .*how=cleanly'

refused=0
refuse() { # NAME
    signer=$(pid_of cerca-signer)
    core=$(pid_of cerca-ca)
    refused=$((refused + 1))
    kill -HUP "$ca_pid"
    ok "$1 is refused" wait_until 20 logged 'conf.reload.refused' "$refused"
    is '... the signer is the one of before' "$(pid_of cerca-signer)" "$signer"
    is '... and so is cerca-ca' "$(pid_of cerca-ca)" "$core"
    ok '... and all is well' well
}

echo 'nonsense = true;' >>"$conf"
refuse 'a configuration with an unknown key'
fails 'cercad --check refuses it too, with file and line' 1 'cerca.conf:[0-9]+' \
    cercad -c "$conf" --check
sed 's|module = .*|module = "/nonexistent/module.so";|' "$good" >"$conf"
refuse 'a configuration that a program refuses'
sed 's|sockets = .*|sockets = { dir = "elsewhere"; };|' "$good" >"$conf"
refuse 'another socket folder'
rm "$conf"
refuse 'no configuration at all'
cp "$good" "$conf"
ok 'cercad --check accepts a good one' cercad -c "$conf" --check

# A second token, whose module cannot find it: its signer fails on and on, the others serve.
awk '{ print } /^tokens = \(/ {
    print "    { name = \"second\"; module = \"/usr/lib/softhsm/libsofthsm2.so\";"
    print "      uri = \"pkcs11:token=absent\"; pin_file = \"secrets/default.pin\";"
    print "      environment = ( \"SOFTHSM2_CONF=%d/softhsm2.conf\" ); paths = ( \"tokens\" );"
    print "      read_paths = ( \"softhsm2.conf\" ); },"
}' "$good" >"$conf"
kill -HUP "$ca_pid"
ok 'a new token gets its signer' wait_until 20 logged 'program.started program=cerca-signer token=second' 1
ok '... and its socket' wait_until 10 test -S "$ca_dir/sock/signer-second.sock"
ok '... while the first one signs' wait_until 10 cerca issue --profile tls-server \
    --san dns:b.example.test --key-out "$scratch/b.key" --out "$scratch/b.pem"
ok '... and status is not well' ill
like '... for the second' "$out" '^FAIL hsm.second '
cp "$good" "$conf"
core=$(pid_of cerca-ca)
kill -HUP "$ca_pid"
ok 'a token that is gone takes its signer along' wait_until 20 runs_anew cerca-ca "$core"
ok '... and its socket' wait_until 10 test ! -e "$ca_dir/sock/signer-second.sock"
ok '... and all is well' wait_until 10 well

# --- a wrong PIN ----------------------------------------------------------------------------------

pin=$ca_dir/secrets/default.pin
cp "$pin" "$scratch/pin"
printf '00000000' >"$pin"
started=$(grep -c 'program.started program=cerca-signer' "$log")
kill -KILL "$(pid_of cerca-signer)"
ok 'a wrong PIN stops the signer' wait_until 10 logged 'reason="wrong PIN" next="stopped until a reload"' 1
ok '... status is not well' ill
like '... in words' "$out" 'wrong PIN'
is '... it was tried once' "$(grep -c 'program.started program=cerca-signer' "$log")" \
    "$((started + 1))"
cp "$scratch/pin" "$pin"
kill -HUP "$ca_pid"
ok 'with the right PIN a reload brings it back' wait_until 20 well

# --- the end --------------------------------------------------------------------------------------

signer=$(pid_of cerca-signer)
core=$(pid_of cerca-ca)
kill -KILL "$ca_pid"
wait "$ca_pid" 2>/dev/null
ok 'kill -9 of cercad takes the signer along' wait_until 10 is_gone "$signer"
ok '... and cerca-ca' wait_until 10 is_gone "$core"
ok 'a new cercad starts in its place' ca_start
ok '... with what was issued' cerca show a.example.test

signer=$(pid_of cerca-signer)
core=$(pid_of cerca-ca)
kill -TERM "$ca_pid"
run wait "$ca_pid"
is 'TERM ends cercad with status 0' "$status" 0
ok '... after the signer' is_gone "$signer"
ok '... and cerca-ca' is_gone "$core"
is '... and removes the sockets' "$(find "$ca_dir/sock" -type s)" ''

# --- a PIN on a descriptor, systemd, a person -----------------------------------------------------

cat >"$scratch/notified" <<'PERL'
use strict;
use IO::Socket::UNIX;
use Socket;
$| = 1;
my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die $!;
print "listening\n";
while (defined $s->recv(my $message, 4096)) { print "$message\n" }
PERL
perl "$scratch/notified" "$scratch/notify" >"$scratch/notes" &
listener=$!
ok 'a service manager listens' wait_until 10 grep -q listening "$scratch/notes"
sed 's|pin_file = .*|pin_fd = "7";|' "$good" >"$conf"
: >"$log"
# A pipe can be read once; the signer will want the PIN twice.
NOTIFY_SOCKET=$scratch/notify cercad -c "$conf" --hint 7<<PIN >>"$log" 2>&1 &
$(cat "$scratch/pin")
PIN
ca_pid=$!
ok 'a PIN on a descriptor lets the signer in' wait_until 20 well
pid=$(pid_of cerca-signer)
kill -KILL "$pid"
ok '... and in again after kill -9' wait_until 10 runs_anew cerca-signer "$pid"
ok '... to serve' wait_until 10 well
ok 'systemd is told of readiness' wait_until 10 grep -qx 'READY=1' "$scratch/notes"
kill -HUP "$ca_pid"
ok '... of a reload' wait_until 10 grep -qx 'RELOADING=1' "$scratch/notes"
ok '... and its end' wait_until 20 sh -c "[ \$(grep -cx READY=1 '$scratch/notes') -ge 2 ]"
like 'a person is shown the admin socket' "$log" "$ca_dir/sock/admin.sock"
like '... and what to try' "$log" "cerca issue -c $conf --profile tls-server"
like '... where the program lies' "$log" "^  .*/cerca status -c $conf\$"
ca_stop
ok '... and systemd of the end' wait_until 10 grep -qx 'STOPPING=1' "$scratch/notes"
kill "$listener"

# --- nothing open ---------------------------------------------------------------------------------

# What they log then must not go into what they open next: a store, an eventfd, a socket.
cercad -c "$good" <&- >&- 2>&- &
ca_pid=$!
ok 'it starts without standard input, output and error' wait_until 30 well
for program in cercad cerca-signer cerca-ca; do
    if [ $program = cercad ]; then pid=$ca_pid; else pid=$(pid_of $program); fi
    for fd in 0 1 2; do
        is "... nothing else takes number $fd in $program" "$(readlink "/proc/$pid/fd/$fd")" /dev/null
    done
done
ca_stop

# --- usage ----------------------------------------------------------------------------------------

fails 'without a configuration: usage' 2 'Usage: cercad' cercad
fails 'an unknown option: usage' 2 '' cercad --nonsense
ok 'cercad --help' cercad --help
ok 'cercad --version' cercad --version

done_testing
