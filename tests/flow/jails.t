#!/bin/bash
# What each program cannot do: a test build tries it in the very jail that the program is about to
# enter, as cercad started it (lib/sandbox_probe.h), and here it is held against what the program is
# there for. Everything else has to be refused.
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
http=on
peer_certificates || bail 'no certificates'
secret hook 'a key for signatures'
start_http
ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
# shellcheck disable=SC2046 # two words
set -- $(free_ports)
metrics=$1
unused=$2
cat >>"$conf" <<END
metrics = { listen = "127.0.0.1"; port = "$metrics"; };
est = ( { name = "default"; profile = "tls-client"; ways = ( "token" ); } );
scans = ( { name = "self"; targets = ( "127.0.0.1:$http_port" ); } );
END
channels "$(hook hook /ok)"
# Once it has a store and keys: what is tried has to be there.
ca_start || bail 'it does not start'
ca_stop
mkdir elsewhere
echo 'of another user' >elsewhere/file
sleep 600 &
stranger=$!
pids="$pids $stranger"

# --- what is tried --------------------------------------------------------------------------------------

store=$(find "$ca_dir/store" -name data.mdb | head -n 1)
view=$(find "$ca_dir/view" -type f | head -n 1)
pin=$(find "$ca_dir/secrets" -name '*.pin' | head -n 1)
record=$(find "$ca_dir/signer" -name '*.record' | head -n 1)
token=$(find "$ca_dir/tokens" "$ca_dir" -name '*.object' 2>/dev/null | head -n 1)
for file in "$store" "$view" "$pin" "$record" "$token"; do
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

ca_start || bail 'it does not start with the probe'
est_client
reported() { # PROGRAM: all deeds
    [ "$(grep -c "^$1 " deeds.report)" -ge "$(wc -l <deeds)" ]
}
programs='cercad cerca-ca cerca-signer cerca-public cerca-enroll cerca-admin cerca-watch cerca-scan'
for program in $programs; do
    wait_until 60 reported "$program" || bail "$program tried nothing"
done

# The agent's child that talks to the CA.
wait_until 60 is_up || bail 'no EST'
agent_init
token tls-client 1 dns:a.jails.example >agent.token
run agent add web --san dns:a.jails.example --token-file agent.token --file "key=$scratch/tls/web.key" \
    --file "fullchain=$scratch/tls/web.pem"
run agent renew web
wait_until 60 reported cerca-agent || bail 'the agent tried nothing'

# --- what each is there for ----------------------------------------------------------------------------------

# Paths and numbers of this run by names.
sed -e "s|$store|STORE|" -e "s|$view|VIEW|" -e "s|$(dirname "$store")|STORES|" -e "s|$(dirname "$view")|VIEWS|" \
    -e "s|$pin|PIN|" -e "s|$record|RECORD|" -e "s|$token|TOKEN|" -e "s|$ca_dir|CA|" -e "s|$scratch/||" \
    -e "s|\<$http_port\>|PORT|" -e "s|\<$unused\>|UNUSED|" -e "s|\<$stranger\>|STRANGER|" -e 's/ *:/:/' \
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
    [ $# -eq 0 ] || printf '%s\n' "$@" | judged | sort >wanted
    [ $# -gt 0 ] || : >wanted
    done_by "$program" >got
    is "$program can do in its jail what it is there for, and nothing else" "$(cat got)" "$(cat wanted)"
}
cannot() { # PROGRAM DEED...
    program=$1
    shift
    for deed; do
        grep -E "^$program $deed( [^ ]*)?: " outcomes | grep -v ': done$' >>refused || echo "$deed" >>not-refused
    done
    is "$program was refused all of these" "$(cat not-refused 2>/dev/null)" ''
}

may cerca-ca 'create STORES' 'create VIEWS' 'read CA/ca/root.pem' 'read RECORD' 'read STORE' 'read VIEW' \
    'unix-connect CA/sock/admin.sock' 'write CA/ca/root.pem' 'write STORE' 'write VIEW'
may cerca-signer code 'read PIN' 'read RECORD' 'read TOKEN' 'write RECORD'
may cerca-public 'read VIEW' 'unix-connect CA/sock/admin.sock'
may cerca-enroll 'unix-connect CA/sock/admin.sock'
may cerca-admin 'unix-connect CA/sock/admin.sock'
may cerca-watch 'tcp-connect PORT' tcp6 'udp-send PORT' 'unix-connect CA/sock/admin.sock'
may cerca-scan 'tcp-connect PORT' tcp6 'udp-send PORT' 'unix-connect CA/sock/admin.sock'
may cerca-agent 'tcp-connect PORT' tcp6 'udp-send PORT'
# cercad starts the others, so its jail is the outermost: what a user may do, less what nobody needs.
cannot cercad raw packet netlink vsock ptrace read-memory write-memory take-descriptor pidfd mount chroot \
    unshare setns io-uring bpf keyctl userfaultfd perf module handle setuid terminal clock clone3 symlink
is 'no deed had an outcome that says nothing' "$(grep -E ': (unclear|died)$' outcomes)" ''
is 'what only an intruder does ended the process in every program' \
    "$(grep -cE '^cerca-ca (ptrace|read-memory|write-memory|take-descriptor|mount|chroot|unshare|setns|bpf|keyctl|userfaultfd|perf|module|handle|exec)[^:]*: killed$' outcomes)" 15

# --- the table ----------------------------------------------------------------------------------------------

awk '{ sub(/:$/, "", $(NF - 1)); how = $NF; program = $1; $1 = ""; $NF = ""; sub(/^ /, ""); sub(/ $/, "")
    seen[$0]; result[program "|" $0] = how }
    END {
        split("cercad cerca-ca cerca-signer cerca-public cerca-enroll cerca-admin cerca-watch cerca-scan cerca-agent", p, " ")
        printf "# %-34s", "deed"; for (i = 1; i in p; i++) printf " %-8.8s", substr(p[i], index(p[i], "-") + 1); print ""
        for (d in seen) { printf "# %-34.34s", d; for (i = 1; i in p; i++) printf " %-8s", result[p[i] "|" d]; print "" } }' \
    outcomes | sort
unset CERCA_TEST_JAIL_PROBE
ok 'and all is well after it' cerca status
done_testing
