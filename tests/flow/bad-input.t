#!/bin/sh
# Bad requests: each is refused with a rule and recorded, and the same process goes on.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

core_pid() {
    ps -o pid=,comm= --ppid "$ca_pid" | awk '$2 == "cerca-ca" { print $1 }'
}

recorded() {
    cerca status -o json | jq -r '.items[] | select(.name == "audit").text' | cut -d ' ' -f 1
}

# refused NAME RULE COMMAND...: with this rule, and one more record.
refused() {
    name=$1
    rule=$2
    shift 2
    before=$(recorded)
    fails "$name is refused" 1 "$rule" "$@"
    is '... and recorded' "$(($(recorded) - before))" 1
}

request() { # NAME SUBJECT OPTION...
    file=$scratch/$1.csr
    subject=$2
    shift 2
    openssl req -new -nodes -subj "$subject" -keyout /dev/null -out "$file" "$@" 2>/dev/null ||
        bail "openssl made no $file"
}

issue() { # NAME OPTION...
    file=$scratch/$1.csr
    shift
    cerca issue --profile tls-server --csr "$file" --out "$scratch/out.pem" "$@"
}

ec='-newkey ec -pkeyopt ec_paramgen_curve:P-256'
ca_init || bail 'no CA'
ca_start || bail 'it does not start'
pid=$(core_pid)

# shellcheck disable=SC2086 # options
request good / $ec -addext subjectAltName=DNS:good.example
openssl req -in "$scratch/good.csr" -outform der -out "$scratch/good.der"
size=$(stat -c %s "$scratch/good.der")

head -c $((size - 1)) "$scratch/good.der" >"$scratch/forged.csr"
tail -c 1 "$scratch/good.der" | tr '\000-\377' '\001-\377\000' >>"$scratch/forged.csr"
refused 'a signature of another request' 'csr\.pop' issue forged
refused 'an unknown profile' 'profile\.unknown' cerca issue --profile nosuch --csr "$scratch/good.csr"
# shellcheck disable=SC2086 # options
request ca / $ec -addext subjectAltName=DNS:ca.example -addext basicConstraints=CA:TRUE
refused 'a request for a CA' 'csr\.ca' issue ca
request rsa1024 / -newkey rsa:1024 -addext subjectAltName=DNS:weak.example
refused 'an RSA key of 1024 bits' 'key\.' issue rsa1024
request exponent / -newkey rsa:2048 -pkeyopt rsa_keygen_pubexp:3 \
    -addext subjectAltName=DNS:weak.example
refused 'an RSA exponent of 3' 'key\.rsa\.exponent' issue exponent
# shellcheck disable=SC2086 # options
request wildcard / $ec -addext 'subjectAltName=DNS:a.*.example'
refused 'a wildcard in the middle' 'san\.' issue wildcard

# --- truncated and flipped ------------------------------------------------------------------------

# What is no DER the command refuses itself, the rest the core.
survivors() {
    for file in "$scratch"/bad.*.der; do
        cerca issue --profile tls-server --csr "$file" --out "$scratch/survivor" >"$out" 2>"$err" &&
            echo "$file: issued"
        grep -q 'rule\|DER\|PEM\|request' "$err" || echo "$file: $(head -n 1 "$err")"
    done
}

# shellcheck disable=SC2016 # perl's own variables
damage='
    my ($file, $out) = @ARGV;
    open my $in, "<:raw", $file or die; local $/; my $der = <$in>;
    my $n = 0;
    sub put { open my $o, ">:raw", sprintf("%s.%04d.der", $out, $n++) or die; print $o $_[0] }
    put(substr($der, 0, $_)) for 0 .. length($der) - 1;
    for (my $bit = 0; $bit < 8 * length $der; $bit += 11) {
        my $bad = $der; vec($bad, $bit, 1) ^= 1; put($bad);
    }'
perl -e "$damage" "$scratch/good.der" "$scratch/bad" || bail 'perl failed'
is 'no truncated or flipped request gets a certificate, and each is told why' "$(survivors)" ''

is 'it is the same process after all' "$(core_pid)" "$pid"
ok '... and issues' issue good
ok '... and its store is sound' cerca store check
done_testing
