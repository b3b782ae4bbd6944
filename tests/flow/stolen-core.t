#!/bin/bash
# What a stolen cerca-ca gives: a double on the socket of a cerca-signer sends every type of message,
# malformed frames, drafts of every kind, floods, and holds what it can (SECURITY.md). It gets what the
# guard lets through, all of it in the signer's record, where `cerca store check` finds it.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
ca_start || bail 'it does not start'
sock=$(echo "$ca_dir"/sock/signer*.sock)
[ -S "$sock" ] || bail 'no socket of a signer'
signer=$(pid_of cerca-signer)
record=$(echo "$ca_dir"/signer/*.record)
cp "$ca_dir/ca/root.pem" "$ca_dir/ca/issuing.pem" .
double() {
    python3 "$root/tests/flow/stolen.py" "$@"
}
core() {
    python3 "$root/tests/flow/stolen_core.py" "$@"
}
issue() { # NAME
    cerca issue --profile tls-server --key-out "$1.key" --force --san "dns:$1.core.example" --out "$1.pem"
}
issue web || bail 'no certificate'
issue gone || bail 'no certificate to revoke'
ok 'somebody is revoked' cerca revoke gone.pem
ok '... which the CRL says' cerca crl publish issuing
cerca crl show issuing -o pem >issuing.crl
cerca audit checkpoint --out note >"$out" 2>&1 || bail 'no checkpoint'
ok 'before that, each signature has its intent' cerca store check
entries() {
    echo $(($(stat -c %s "$record") / 64))
}
refusals() {
    grep -c 'signer\.refused' "$scratch/cercad.log"
}
before=$(entries)
refused=$(refusals)

# --- which types are answered ----------------------------------------------------------------------------

known=$(sed -n 's/^ *MSG_[A-Z_]* = \(0x[0-9a-f]*\|[0-9]*\),.*/\1/p' "$root/lib/proto.h")
of() { # NAME...: their numbers
    for type; do
        printf '%d\n' "$(sed -n "s/^ *MSG_$type = \(0x[0-9a-f]*\|[0-9]*\),.*/\1/p" "$root/lib/proto.h")"
    done | sort -n | xargs
}
answered='HELLO SIGN CA_CSR SIGN_CRL PING CHECKPOINT'
# shellcheck disable=SC2046,SC2086 # numbers
all=$(printf '%d\n' $known 0 3 0x00ff 0x02ff 0x7fff 0xffff | sort -n | uniq)
# shellcheck disable=SC2086 # numbers, names
is "a double of cerca-ca is cut off at every type of message but $answered" \
    "$(double types "$sock" $all | sort -n | xargs)" "$(of $answered)"
# shellcheck disable=SC2046,SC2086 # numbers
ok '... malformed frames and octets of chance get it nothing' double frames "$sock" $(of $answered)
is '... and nothing was recorded' "$(entries)" "$before"

# --- drafts ----------------------------------------------------------------------------------------------

# came WHAT EXPECTED: of the drafts that core printed into said: what came of each, one line each.
came() {
    if ! diff -u "$2" "$1" >difference; then
        sed 's/^/# /' difference
    fi
    cmp -s "$2" "$1"
    report $? "$3"
    cat "$1" >>all
}
own=root=root.pem,issuing=issuing.pem,leaf=web.pem,crl=issuing.crl

cat >expected <<'END'
a name of its choice, for a key of its own: signed
another one under the same serial number: signed
in another issuer's name: signer.issuer-name
by another issuer's key: signer.issuer-name
by a key that nobody configured: signer.issuer
under another configuration: signer.generation
with another algorithm: signer.algorithm
with SHA-1: signer.tbs
with a short serial number: signer.serial
with a negative serial number: signer.tbs
for longer than its profile: signer.profile
from a year ago: signer.validity
from tomorrow: signer.validity
that ended before it began: signer.validity
as a CA: signer.ca
as a CA by key usage alone: signer.leaf
with keyCertSign beside digitalSignature: signer.leaf
for code signing: signer.profile
for any purpose: signer.profile
for OCSP signing for years: signer.profile
without a purpose: signer.profile
for the CA's own key: signer.spki
in a CA's name: signer.subject
for an RSA key of 1024 bits: signer.profile
with a kind of name that no profile has: signer.profile
with an extension that nobody reads: signer.extension
with another CA's key identifier: signer.authority
with a key identifier of its choice: signer.form
with the CRL of another host: signer.form
without its CRL: signer.form
with unique identifiers: signer.form
of version 2: signer.tbs
with octets behind it: signer.tbs
with octets behind the request: signer.request
of indefinite length: signer.tbs
that is a hash: signer.tbs
that is empty: signer.tbs
that is a CRL's: signer.tbs
END
core drafts "$sock" issuing web.pem "$own" >said.drafts 2>&1
came said.drafts expected 'drafts of certificates: what is signed, and why the rest is not'
cat >expected <<'END'
the CA's certificate again, as configured: signed
a CA of its own key in the issuing CA's name: signer.spki
a CA of its own key and name: signer.profile
the CA's key in another name: signer.spki
a longer path: signer.path-length
a path without an end: signer.path-length
a CA for forty years: signer.validity
a CA that signs codes: signer.ca
a CA that signs with any usage: signer.ca
the root for its own key: signed
the root for a key of its own: signer.spki
an end-entity certificate by the root: signer.leaf
END
core authorities "$sock" issuing.pem "$own" >said.authorities 2>&1
came said.authorities expected 'drafts of CA certificates'
cat >expected <<'END'
under the number of the newest one: signer.number
under a lower number: signer.number
for a hundred years: signer.validity
from a week ago: signer.validity
in another issuer's name: signer.issuer-name
by another issuer's key: signer.issuer-name
with serial numbers out of order: signer.entry
with a serial number twice: signer.entry
with a serial number of another form: signer.entry
with removeFromCRL: signer.entry
as a delta, where none are configured: signer.extension
for another place: signer.extension
with an extension that nobody reads: signer.form
that is a certificate's: signer.crl
of fewer octets than said: signer.crl
of more octets than said: signer.crl
from behind the end of the file: signer.crl
of two gigabytes: signer.request
without a file: signer.request
from a pipe: signer.request
from a folder: signer.request
from a device: signer.request
from a socket: signer.request
of two gigabytes of nothing: signer.crl
without those who are revoked, under the next number: signed
another one under that number: signer.number
END
core lists "$sock" issuing issuing.crl "$own" >said 2>&1
came said expected 'drafts of CRLs'
cat >expected <<'END'
the newest one again: signed
another root for that size: checkpoint.forks
a smaller log: checkpoint.shrinks
no log at all: checkpoint.shrinks
of another log: signer.checkpoint.origin
of a log of no number: signer.checkpoint.origin
of a log with a line more: signer.checkpoint.origin
under another configuration: signer.generation
of a log that a restore would begin: signed
... a smaller one: checkpoint.shrinks
the first log again, smaller: checkpoint.shrinks
... and the other: checkpoint.shrinks
a root that is too short: signer.request
END
core checkpoints "$sock" note >said.checkpoints 2>&1
came said.checkpoints expected 'checkpoints'
cat >expected <<'END'
of issuing: signed
of issuing, with a new key: signed
of root: signed
of root, with a new key: signed
of nobody: signer.issuer
of nobody, with a new key: signer.issuer
under another configuration: signer.generation
END
core requests "$sock" issuing root nobody >said 2>&1
came said expected "requests for the CAs' own keys"
is 'the certificate that it chose is what it chose' \
    "$(openssl x509 -inform DER -in a-name-of-its-choice-for-a-key-of-its-own.der -noout -ext subjectAltName |
        tail -n 1 | xargs)" DNS:www.victim.example
for issuer in issuing root; do
    is "requests show the one key of $issuer" \
        "$(for n in 0 1; do openssl req -inform DER -in "$issuer-$n.csr" -noout -verify -pubkey 2>/dev/null; done | sort -u)" \
        "$(openssl x509 -in $issuer.pem -noout -pubkey | sort -u)"
done
# --- what is left of it -----------------------------------------------------------------------------------

made=$(grep -c ': signed$' all)
is 'all that was signed is in the record, and nothing else' "$(($(entries) - before))" \
    "$((made - $(grep -c ': signed$' said.checkpoints)))"
is 'each refusal is in the log, with its rule' "$(($(refusals) - refused >= $(grep -vc ': signed$' all)))" 1
is 'none of it ended the signer' "$(pid_of cerca-signer)" "$signer"
run cerca store check
is 'the store check is not content' "$status" 1
is '... and names each certificate' "$(cat "$out" "$err" | grep -c 'signed, but no intent is recorded')" \
    "$(cat said.drafts said.authorities | grep -c ': signed$')"
like '... and the CRL' <(cat "$out" "$err") 'a CRL was signed whose number was never taken'
ok 'the CA goes on' issue after
crl_number() {
    cerca crl list -o json | jq -r '.[] | select(.issuer == "issuing") | .number'
}
crl_goes_on() {
    cerca crl publish issuing
    [ "$(crl_number)" -gt "$number" ]
}
number=$(crl_number)
ok '... and its CRLs, with numbers behind that of the stolen one' wait_until 60 crl_goes_on

# --- floods, and connections that are held ---------------------------------------------------------------------

resident() { awk '/^VmRSS/ { print $2 }' "/proc/$signer/status"; }
small=$(resident)
touch holding
double hold "$sock" 60 holding >held &
holders=$!
for flood in 0x0203 0x0205 0x0214; do
    double flood "$sock" "$flood" 3 >"flood.$flood" &
    holders="$holders $!"
done
turned_away() {
    grep -q 'signer\.peer\.refused.*too many' "$scratch/cercad.log"
}
ok 'who opens many connections is turned away' wait_until 30 turned_away
rm holding
# shellcheck disable=SC2086 # numbers
wait $holders
large=$(resident)
echo "# cerca-signer: $small kB before, $large kB after; $(cat flood.* | jq -sc 'map(.sent) | add') frames"
is 'floods of those who never read cost it bounded memory' \
    "$(awk -v a="$small" -v b="$large" 'BEGIN { print (b - a < 262144) }')" 1
is '... and not its life' "$(pid_of cerca-signer)" "$signer"
ok '... and it signs' wait_until 60 issue last
done_testing
