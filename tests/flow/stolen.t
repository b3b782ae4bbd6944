#!/bin/bash
# What a stolen front end gives: doubles of cerca-public, cerca-enroll, cerca-watch, cerca-admin and
# cerca-scan on the sockets of cerca-ca send every type of message, malformed frames, floods, and hold
# what they can (SECURITY.md). Each gets what its program is there for, and nobody else waits.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/notify.sh
. "$(dirname "$0")/notify.sh"

trap 'stop_peers; cleanup' EXIT
cd "$scratch" || exit 1
all_fronts || bail 'no CA'
ca_start || bail 'it does not start'
core=$(pid_of cerca-ca)
sock=$ca_dir/sock
double() {
    python3 "$root/tests/flow/stolen.py" "$@"
}

# --- which types are answered --------------------------------------------------------------------------

# All that lib/proto.h knows, by number, and some that nobody does.
known=$(sed -n 's/^ *MSG_[A-Z_]* = \(0x[0-9a-f]*\|[0-9]*\),.*/\1/p' "$root/lib/proto.h")
is 'the types are found' "$(echo "$known" | wc -l | awk '{ print ($1 > 100) }')" 1
# shellcheck disable=SC2046,SC2086 # numbers
all=$(printf '%d\n' $known 0 3 0x00ff 0x0400 0x05ff 0x0fff 0x7fff 0xffff | sort -n | uniq)
of() { # NAME...: their numbers
    for name; do
        printf '%d\n' "$(sed -n "s/^ *MSG_$name = \(0x[0-9a-f]*\|[0-9]*\),.*/\1/p" "$root/lib/proto.h")"
    done | sort -n | xargs
}
permits() { # SOCKET TYPE... : of all types these are not cut off at once
    socket=$1
    shift
    # shellcheck disable=SC2086 # numbers
    is "the double on $socket.sock is cut off at every type of message but $*" \
        "$(double types "$sock/$socket.sock" $all | sort -n | xargs)" "$(of "$@")"
    # shellcheck disable=SC2046 # numbers
    ok "... malformed frames and octets of chance get it nothing" double frames "$sock/$socket.sock" $(of "$@")
}
ls "$sock" >sockets
permits public DELEGATE DELEGATE_STATE COUNTERS
permits enroll ENROLL ENROLL_SERVER ENROLL_CAS ENROLL_HINT ENROLL_REPORT ENROLL_TURNED_AWAY COUNTERS
permits watch WATCH_DUE WATCH_OUTCOME
permits metrics METRICS
# The newest connection is the scanner: the real one would come back at once.
scanner=$(pid_of cerca-scan)
kill -STOP "$scanner"
permits scan SCAN_READY SCAN_RESULT SCAN_PROGRESS SCAN_DONE FAULT
kill -CONT "$scanner"
is 'none of it ended cerca-ca' "$(pid_of cerca-ca)" "$core"

# --- cerca-public: OCSP responders, and few of them --------------------------------------------------------

type_of() { jq -r .type; }
hash_of() { # CERTIFICATE
    openssl x509 -in "$1" -noout -pubkey | openssl pkey -pubin -outform DER | sha256sum | cut -d ' ' -f 1
}
request() { # NAME SUBJECT [SAN]
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "$2" \
        ${3:+-addext "subjectAltName=$3"} -outform DER -out "$1.der" 2>/dev/null
}
request responder /CN=www.victim.example DNS:www.victim.example
issuing=$(hash_of "$ca_dir/ca/issuing.pem")
double delegate "$sock/public.sock" "$issuing" responder.der >answer
sed 's/^/# a name of its own: /' answer
like 'a stolen cerca-public gets no responder for a name of its choice' answer '"type": 1,'
request responder /CN=x
double delegate "$sock/public.sock" "$issuing" responder.der >answer
sed 's/^/# a key of its own: /' answer
is 'a stolen cerca-public gets a responder for a key of its own' "$(type_of <answer)" 1026
openssl x509 -inform DER -in responder.der.given -noout -text >responder.text
like '... for OCSP' responder.text 'OCSP Signing'
unlike '... and nothing else' responder.text 'TLS Web|CA:TRUE|victim'
ok '... for seven days at most' sh -c "! openssl x509 -inform DER -in responder.der.given -noout -checkend 604800"
for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do cp responder.der "again$n.der"; done
double delegate "$sock/public.sock" "$issuing" again*.der >answers
is '... and few: a dozen in ten minutes, with the one it had' \
    "$(jq -s '[.[] | select(.type == 1026)] | length <= 12 and length > 0' answers)" true
like '... then it is told to wait' answers 'enough'
double delegate "$sock/public.sock" "$(printf '%064d' 0)" responder.der >answer
like '... none of a key that is no issuer here' answer '"type": 1,.*'

# --- cerca-enroll: what evidence gives, and no more ----------------------------------------------------------

enroll() { # NAME JSON: the answer's type in $kind
    kind=$(double enroll "$sock/enroll.sock" "$2" "$1.given" | tee "$1.said" | type_of)
}
issue() { # NAME PROFILE
    cerca issue --profile "$2" --key-out "$1.key" --san "dns:$1.stolen.example" --out "$1.pem" 2>"$1.err"
    openssl x509 -in "$1.pem" -outform DER -out "$1.leaf"
}
issue client tls-client || bail 'no certificate of a client'
issue server tls-server || bail 'no certificate of a server'
issue gone tls-client || bail 'no certificate to revoke'
cerca revoke gone.pem >/dev/null 2>&1
request mine /CN=client.stolen.example DNS:client.stolen.example
request others /CN=www.victim.example DNS:www.victim.example
openssl req -x509 -key mine.key -subj /CN=client.stolen.example -days 9 -outform DER -out forged.leaf 2>/dev/null
refused() { # TEXT NAME JSON
    enroll "$2" "$3"
    is "$1: refused" "$kind" 1
    is '... and nothing is given' "$(cat "$2.given" 2>/dev/null)" ''
}
refused 'without evidence' bare '{"csr": "mine.der"}'
refused 'with a label that nobody configured' label '{"label": "nobody", "csr": "mine.der", "chain": ["client.leaf"]}'
refused 'with a token that nobody made' token '{"csr": "mine.der", "secret": "cerca-token-0000000000000000000000000000000000000000"}'
refused 'with a password of nobody' password '{"csr": "mine.der", "user": "root", "secret": "letmein"}'
refused 'with a certificate that this CA did not issue' forged '{"csr": "mine.der", "chain": ["forged.leaf"], "renew": 1}'
refused 'with a certificate of a profile that the label does not take' server '{"csr": "mine.der", "chain": ["server.leaf"], "renew": 1}'
refused 'with a revoked certificate' gone '{"csr": "mine.der", "chain": ["gone.leaf"], "renew": 1}'
refused 'for names that the certificate does not give' others '{"csr": "others.der", "chain": ["client.leaf"]}'
enroll mine '{"csr": "mine.der", "chain": ["client.leaf"]}'
is 'what it can: pass for the holder of any certificate of a label, for a key of its own' "$kind" 258
like '... which the audit log says' <(cerca audit log -o json 2>&1) 'client.stolen.example|est'
cerca list -o json >listed
is 'the names that it got are those of that certificate' \
    "$(jq -r '[.[] | select(any(.. | strings; test("victim")))] | length' listed)" 0

# --- cerca-watch and cerca-admin ----------------------------------------------------------------------------

like 'a stolen cerca-watch gets notices of channels alone' \
    <(double due "$sock/watch.sock" nobody) '"type": (1|1538),'
is 'a stolen cerca-admin gets the text of metrics' "$(double ask "$sock/metrics.sock" 0x0701 00000000 | type_of)" 1794

# --- floods, and connections that are held -------------------------------------------------------------------

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$core/status"; }
before=$(resident)
touch holding
holders=
for socket in public enroll watch metrics; do
    double hold "$sock/$socket.sock" 60 holding >"$socket.held" &
    holders="$holders $!"
done
for flood in 'public 0x0401' 'enroll 0x0501' 'watch 0x0601' 'metrics 0x0701'; do
    # shellcheck disable=SC2086 # two words
    set -- $flood
    double flood "$sock/$1.sock" "$2" 4 >"$1.flood" &
    holders="$holders $!"
done
ok 'while all of them flood and hold, an operator gets a certificate' issue busy tls-server
ok '... and another' issue busier tls-server
# Not that all is well: those that flood displace the real ones.
status_comes() { cerca status --timeout 30 -o json >status.json || jq -e '.items | length > 3' status.json; }
ok '... and the status' status_comes
rm holding
# shellcheck disable=SC2086 # numbers
wait $holders
is '... though each sent without an end' \
    "$(jq -s 'all(.[]; .sent > 100)' public.flood enroll.flood watch.flood metrics.flood)" true
after=$(resident)
echo "# cerca-ca: $before kB before, $after kB after; $(jq -c . enroll.flood) on the enroll socket"
# The queues of connections are bounded (16 MB and less each), and the sanitizers' builds are larger.
is '... in bounded memory' "$(awk -v a="$before" -v b="$after" 'BEGIN { print (b - a < 262144) }')" 1
is '... by the same cerca-ca' "$(pid_of cerca-ca)" "$core"
ok 'the store is sound, each signature has its intent' cerca store check
done_testing
