#!/bin/sh
# Bad requests: each is refused with a rule and recorded, and the same process goes on.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

core_pid() {
    ps -o pid=,comm= --ppid "$ca_pid" | awk '$2 == "cerca-ca" { print $1 }'
}

# How many refusals the audit log has. Other records may come at any time: the daemons' own
# certificates are issued after the start.
recorded() {
    cerca audit log --action refuse --limit 0 -o json | jq length
}

# refused NAME RULE COMMAND...: with this rule, and one more record of a refusal.
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

# --- names and sizes ------------------------------------------------------------------------------

# repeat COUNT TEXT
repeat() {
    perl -e 'print $ARGV[1] x $ARGV[0]' "$1" "$2"
}

# patch NAME FROM TO: the DER of a request with octets replaced (its signature breaks too, but
# what stands in the fields is looked at first).
patch() {
    openssl req -in "$scratch/$1.csr" -outform der -out "$scratch/$1.der"
    perl -0777 -i -pe 'BEGIN { ($from, $to) = (eval "\"$ENV{FROM}\"", eval "\"$ENV{TO}\"") }
        s/\Q$from\E/$to/ or die' "$scratch/$1.der" || bail 'perl patched nothing'
    mv "$scratch/$1.der" "$scratch/$1.csr"
}

# shellcheck disable=SC2086 # options
request nul / $ec -addext subjectAltName=DNS:aXb.example
FROM='aXb.example' TO='a\0b.example' patch nul
refused 'a NUL in a name' 'san\.value' issue nul
# shellcheck disable=SC2086 # options
request control / $ec -addext subjectAltName=DNS:aXb.example
FROM='aXb.example' TO='a\x1bb.example' patch control
refused 'a control character in a name' 'san\.dns\.syntax' issue control
# shellcheck disable=SC2086 # options
request cn /CN=aXb.example $ec -addext subjectAltName=DNS:ab.example
FROM='aXb.example' TO='a\0b.example' patch cn
refused 'a NUL in the subject' 'subject|name' issue cn
# shellcheck disable=SC2086 # options
request label / $ec -addext "subjectAltName=DNS:$(repeat 10000 a).example"
refused 'a label of 10,000 octets' 'san\.|csr\.' issue label
# shellcheck disable=SC2086 # options
request many / $ec -addext "subjectAltName=$(seq -s , -f 'DNS:a%g.example' 101)"
refused 'more names than one certificate holds' 'san\.count|san\.' issue many
# shellcheck disable=SC2086 # options
request huge "/O=$(repeat 60 o)" $ec -addext "subjectAltName=DNS:$(repeat 30000 a).example"
fails 'a request of 30,000 octets is refused' 1 'large|octets' issue huge

# The last octet of the point: on no P-256 curve any more.
openssl req -in "$scratch/good.csr" -noout -pubkey | openssl ec -pubin -outform der \
    2>/dev/null >"$scratch/good.spki"
perl -0777 -e 'my ($csr, $spki, $out) = @ARGV;
    sub slurp { open my $f, "<:raw", $_[0] or die; local $/; <$f> }
    my ($der, $key) = (slurp($csr), slurp($spki));
    my $bad = $key; substr($bad, -1) = chr(ord(substr($bad, -1)) ^ 1);
    my $at = index($der, $key); $at >= 0 or die; substr($der, $at, length $key) = $bad;
    open my $o, ">:raw", $out or die; print $o $der' \
    "$scratch/good.der" "$scratch/good.spki" "$scratch/offcurve.csr" || bail 'perl failed'
refused 'a point that is not on the curve' 'key' issue offcurve

# --- frames that are none -------------------------------------------------------------------------

# shellcheck disable=SC2016 # perl's own variables
garbage='
    use Socket; my ($path) = @ARGV; srand 7;
    sub frames {
        my ($n, $make) = @_;
        for (1 .. $n) {
            socket(my $s, AF_UNIX, SOCK_SEQPACKET, 0) or die;
            connect($s, sockaddr_un($path)) or die "connect: $!";
            send($s, $make->(), 0);
        }
    }
    sub noise { join "", map { chr int rand 256 } 1 .. $_[0] }
    my @types = (0 .. 4, 0x0101 .. 0x010f, 0x0201 .. 0x0206, 0x0301, 0xffff);
    frames(200, sub { noise(1 + int rand 200) });
    frames(200, sub { pack("CCnQ>", 1, 0, $types[rand @types], int rand 9) . noise(int rand 300) });
    frames(3, sub { pack("CCnQ>", 1, 0, 0x0101, 1) . noise(65536) });
    frames(3, sub { pack("CCnQ>", 1, 0, 0x0101, 1) . "\xff\xff\xff\xff" x 100 });'
ok 'frames of noise are sent' perl -e "$garbage" "$ca_dir/sock/admin.sock"
ok '... and a good one is answered after them' issue good

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
