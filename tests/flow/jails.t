#!/bin/bash
# What each program, and each child that one starts to be jailed, cannot do: a test build tries it in
# the very jail that is about to be entered (lib/sandbox_probe.h), and here it is held against what
# it is there for. Everything else has to be refused. A jail that has no row here fails too.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/notify.sh
. "$(dirname "$0")/notify.sh"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"
# shellcheck source=tests/flow/agent.sh
. "$(dirname "$0")/agent.sh"

trap 'stop_peers; cleanup' EXIT
cd "$scratch" || exit 1
all_fronts || bail 'no CA'
conf=$ca_dir/cerca.conf
read -r unused _ <<<"$(free_ports)"
# Once it has a store and keys: what is tried has to be there.
ca_start || bail 'it does not start'
run cerca backup --out cerca.backup
ca_stop
mkdir elsewhere
echo 'of another user' >elsewhere/file
sleep 600 &
stranger=$!
pids="$pids $stranger"

# A token of the host, for the agent's keys.
module=/usr/lib/softhsm/libsofthsm2.so
mkdir -p host/tokens
echo "directories.tokendir = $scratch/host/tokens" >host/softhsm2.conf
echo 471108 >host/pin
SOFTHSM2_CONF=$scratch/host/softhsm2.conf softhsm2-util --init-token --free --label host --pin 471108 \
    --so-pin 815815 >/dev/null || bail 'no token'

# --- what is tried --------------------------------------------------------------------------------------

store=$(find "$ca_dir/store" -name data.mdb | head -n 1)
view=$(find "$ca_dir/view" -type f | head -n 1)
pin=$(find "$ca_dir/secrets" -name '*.pin' | head -n 1)
record=$(find "$ca_dir/signer" -name '*.record' | head -n 1)
token=$(find "$ca_dir/tokens" "$ca_dir" -name '*.object' 2>/dev/null | head -n 1)
host_token=$(find host/tokens -name '*.object' | head -n 1)
for file in "$store" "$view" "$pin" "$record" "$token" "$host_token" cerca.backup; do
    [ -e "$file" ] || bail 'a file to try is not there'
done
cat >deeds.now <<END
read $store
write $store
read $view
write $view
read $pin
read $record
write $record
read $token
read $scratch/host/pin
read $scratch/$host_token
write $scratch/$host_token
read $scratch/cerca.backup
read $conf
write $conf
read $ca_dir/ca/root.pem
write $ca_dir/ca/root.pem
read $scratch/elsewhere/file
write $scratch/elsewhere/file
create $scratch/elsewhere
create /tmp
create $(dirname "$store")
create $(dirname "$view")
create $ca_dir/secrets
list $ca_dir
unix-connect $ca_dir/sock/admin.sock
list /proc
read /etc/passwd
read /etc/shadow
read /proc/$stranger/environ
read /proc/$stranger/mem
read /proc/1/environ
symlink $(dirname "$view")
chmod $scratch/elsewhere/file
tcp-connect $http_port
tcp-listen $unused
udp-send $http_port
tcp6
raw
packet
netlink
vsock
unix-stream
exec /bin/true
fork
clone3
ptrace $stranger
read-memory $stranger
write-memory $stranger
kill $stranger
pidfd $stranger
take-descriptor
mount $scratch/elsewhere
chroot $scratch/elsewhere
unshare
setns
io-uring
bpf
keyctl
userfaultfd
perf
module
handle
setuid
dumpable
code
terminal
clock
END
mv deeds.now deeds
CERCA_TEST_JAIL_PROBE=$scratch/deeds
export CERCA_TEST_JAIL_PROBE

# --- every program ----------------------------------------------------------------------------------------

reported() { # PROGRAM: all deeds
    [ "$(grep -c "^$1 " deeds.report)" -ge "$(wc -l <deeds)" ]
}
entered() { # PROGRAM...
    for program; do
        wait_until 120 reported "$program" || bail "$program tried nothing"
    done
}
ca_start || bail 'it does not start with the probe'
est_client
entered cercad cerca-ca cerca-signer cerca-public cerca-enroll cerca-admin cerca-watch cerca-scan

# What the agent starts: who talks to the CA, to services, to a cluster, to where lists are; who holds
# keys in a token; who reads what lies about. What these are told there is of no interest.
wait_until 60 is_up || bail 'no EST'
agent_init
sed -i 's/timeout = "10s"/timeout = "40s"/' conf/agent.conf
for entry in plain probed cluster; do
    token tls-client 1 "dns:$entry.jails.example" >"$entry.token"
    run agent add "$entry" --san "dns:$entry.jails.example" --token-file "$entry.token" \
        --file "key=$scratch/tls/$entry.key" --file "fullchain=$scratch/tls/$entry.pem"
done
run agent renew plain
entered cerca-agent
cat >>conf/conf.d/probed.conf <<END
services = ( { name = "est"; reload = ( "/bin/true" ); probes = ( "127.0.0.1:$port" ); probe_for = "1s"; } );
END
run agent renew probed
entered cerca-agent-probe
echo token >cluster.account
cat >>conf/conf.d/cluster.conf <<END
secrets = ( { name = "tls"; namespace = "default"; server = "https://localhost:$port";
    token_file = "$scratch/cluster.account"; ca_file = "$scratch/root.pem"; } );
END
run agent renew cluster
entered cerca-agent-kube
token tls-client 1 dns:held.jails.example >held.token
cat >conf/conf.d/held.conf <<END
certificate = { names = ( "dns:held.jails.example" ); token_file = "$scratch/held.token"; };
key = { token = "pkcs11:token=host"; module = "$module"; pin_file = "$scratch/host/pin";
    environment = ( "SOFTHSM2_CONF=$scratch/host/softhsm2.conf" );
    paths = ( "$scratch/host/tokens" ); read_paths = ( "$scratch/host/softhsm2.conf" ); };
END
run agent renew held
entered cerca-agent-key
ok 'what is jailed like that does its work' test -s state/held/current/key.uri
published=$(sed -n 's/.*base_url = "\(.*\)";.*/\1/p' "$conf")
mkdir -m 0755 conf/trust.d
cat >conf/trust.d/lists.conf <<END
sources = ( { name = "issuing"; url = "$published/crl/issuing.crl"; issuer = "$ca_dir/ca/issuing.pem"; } );
files = ( { path = "$scratch/tls/lists.crl"; sources = ( "issuing" ); } );
END
run agent renew lists
entered cerca-agent-fetch
run cerca-agent scan elsewhere
entered cerca-agent-found

# What the command line starts.
openssl x509 -in root.pem -noout -pubkey >log.pem
run cerca ct fetch "$published/" --key log.pem --domain example.com --timeout 20
entered cerca-ct
run cerca backup verify cerca.backup
entered cerca-ca-verify

# Where cercad does not run.
ok 'all is well with all of that' cerca status
ca_stop
run cerca-signer -c "$conf" --token default --provision
run cerca-ca -c "$conf" --bootstrap
run cerca restore cerca.backup
entered cerca-signer-setup cerca-ca-setup cerca-ca-restore

# --- what each is there for ----------------------------------------------------------------------------------

# Paths and numbers of this run by names.
sed -e "s|$store|STORE|" -e "s|$view|VIEW|" -e "s|$(dirname "$store")|STORES|" -e "s|$(dirname "$view")|VIEWS|" \
    -e "s|$pin|PIN|" -e "s|$record|RECORD|" -e "s|$token|TOKEN|" -e "s|$ca_dir|CA|" -e "s|$scratch/||" \
    -e "s|$host_token|host/TOKEN|" -e "s|\<$http_port\>|PORT|" -e "s|\<$unused\>|UNUSED|" -e "s|\<$stranger\>|STRANGER|" -e 's/ *:/:/' \
    deeds.report | sort -u >outcomes
abi=$(sed -n 's/.*sandbox.entered program=cerca-ca landlock_abi=\([0-9]*\).*/\1/p' cercad.log | tail -n 1)

# Without landlock in the kernel paths are left to the modes of files, and the jail says so in its log.
if [ "$abi" -gt 0 ]; then
    judged() { cat; }
else
    judged() { grep -vE '^(read|write|create|list) '; }
fi
done_by() { # PROGRAM
    sed -n "s/^$1 \(.*\): done\$/\1/p" outcomes | judged
}
may() { # PROGRAM DEED... : it did these, and was refused everything else
    program=$1
    shift
    echo "$program" >>rows
    [ $# -eq 0 ] || printf '%s\n' "$@" | judged | sort >wanted
    [ $# -gt 0 ] || : >wanted
    done_by "$program" >got
    is "$program can do in its jail what it is there for, and nothing else" "$(cat got)" "$(cat wanted)"
}
cannot() { # PROGRAM DEED...
    program=$1
    shift
    echo "$program" >>rows
    for deed; do
        grep -E "^$program $deed( [^ ]*)?: " outcomes | grep -v ': done$' >>refused || echo "$deed" >>not-refused
    done
    is "$program was refused all of these" "$(cat not-refused 2>/dev/null)" ''
}

set -- 'create STORES' 'create VIEWS' 'read CA/ca/root.pem' 'read RECORD' 'read STORE' 'read VIEW' \
    'write CA/ca/root.pem' 'write STORE' 'write VIEW'
may cerca-ca 'unix-connect CA/sock/admin.sock' "$@"
may cerca-ca-setup "$@"
may cerca-ca-restore 'read cerca.backup' "$@"
may cerca-ca-verify 'read cerca.backup'
may cerca-signer code 'read PIN' 'read RECORD' 'read TOKEN' 'write RECORD'
may cerca-signer-setup code 'create CA/secrets' 'read PIN' 'read RECORD' 'read TOKEN' 'write RECORD'
may cerca-public 'read VIEW' 'unix-connect CA/sock/admin.sock'
may cerca-enroll 'unix-connect CA/sock/admin.sock'
may cerca-admin 'unix-connect CA/sock/admin.sock'
may cerca-watch 'tcp-connect PORT' tcp6 'udp-send PORT' 'unix-connect CA/sock/admin.sock'
may cerca-scan 'tcp-connect PORT' tcp6 'udp-send PORT' 'unix-connect CA/sock/admin.sock'
may cerca-agent-key code 'read host/TOKEN' 'read host/pin' 'write host/TOKEN'
may cerca-agent-found 'read elsewhere/file'
for program in cerca-agent cerca-agent-fetch cerca-agent-kube cerca-agent-probe cerca-ct; do
    may "$program" 'tcp-connect PORT' tcp6 'udp-send PORT'
done
# cercad starts the others, so its jail is the outermost: what a user may do, less what nobody needs.
cannot cercad raw packet netlink vsock ptrace read-memory write-memory take-descriptor pidfd mount chroot \
    unshare setns io-uring bpf keyctl userfaultfd perf module handle setuid terminal clock clone3 symlink
is 'no deed had an outcome that says nothing' "$(grep -E ': (unclear|died)$' outcomes)" ''
is 'what only an intruder does ends the process, in every program' \
    "$(grep -E '^[^ ]+ (ptrace|read-memory|write-memory|take-descriptor|mount|chroot|unshare|setns|bpf|keyctl|userfaultfd|perf|module|handle|exec)[^:]*:' outcomes |
        grep -vE '^cercad |: killed$')" ''

# --- no jail without a row ----------------------------------------------------------------------------------

sort -u rows >told
is 'whatever entered a jail here has a row' "$(cut -d ' ' -f 1 outcomes | sort -u)" "$(cat told)"
(cd "$root" && grep -rlE '\<(sandbox_enter|jail_run)\(' --include='*.c' -- */ | grep -vE '^(build|tests)/|^lib/sandbox|^client/jail') >enterers
# Each names its jails where it fills in a struct of them.
while read -r source; do
    perl -0ne 'while (/struct (?:sandbox|jail) \w+ = \{(.*?)\};/sg) {
        my $in = $1; print "$1\n" while $in =~ /"(cerca[a-z-]*)"/g }' "$root/$source" >named
    [ -s named ] || echo "$source names no jail"
    cat named
done <enterers | sort -u >sources
is 'every jail in the sources has a row' "$(cat sources)" "$(cat told)"

# --- the table ----------------------------------------------------------------------------------------------

awk -v programs="$(paste -sd ' ' told)" 'function short(p) { sub(/^cerca-/, "", p); sub(/^agent-/, "a-", p); sub(/^signer-/, "s-", p); return p }
    { sub(/:$/, "", $(NF - 1)); how = $NF; program = $1; $1 = ""; $NF = ""; sub(/^ /, ""); sub(/ $/, "")
    seen[$0]; result[program "|" $0] = how }
    END {
        n = split(programs, p, " ")
        printf "# %-34s", "deed"; for (i = 1; i <= n; i++) printf " %-8.8s", short(p[i]); print ""
        for (d in seen) { printf "# %-34.34s", d; for (i = 1; i <= n; i++) printf " %-8s", result[p[i] "|" d]; print "" } }' \
    outcomes | sort
done_testing
