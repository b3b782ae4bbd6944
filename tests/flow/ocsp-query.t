#!/bin/sh
# cerca ocsp query against a responder that nobody here wrote, openssl ocsp, and against liars.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
# shellcheck disable=SC2046 # two words
set -- $(free_ports)
port=$1
liar_port=$2
url=http://127.0.0.1:$port
liar_url=http://127.0.0.1:$liar_port
servers=
# shellcheck disable=SC2317,SC2086 # by the trap; numbers
stop_servers() { # STATUS
    kill $servers 2>/dev/null
    return "$1"
}
trap 'stop_servers $?; cleanup' EXIT

# --- a CA of openssl's, its certificates, its responder -------------------------------------------

new_key() { openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key"; }

new_ca() { # NAME
    new_key "$1"
    openssl req -x509 -new -key "$1.key" -subj "/CN=$1" -days 90 -out "$1.pem" \
        -addext keyUsage=critical,keyCertSign,cRLSign
}

certify() { # NAME CA SERIAL EXTENSIONS
    new_key "$1"
    openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
    printf '%b' "authorityKeyIdentifier=keyid\n$4" >"$1.ext"
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -set_serial "$3" -days 60 \
        -extfile "$1.ext" -out "$1.pem" 2>/dev/null
}

index_line() { # STATUS REVOKED SERIAL NAME
    printf '%s\t301231235959Z\t%s\t%s\tunknown\t/CN=%s\n' "$@" >>index.txt
}

new_ca Theirs
new_ca Other
certify good Theirs 0x80000000000000000000000000000010 "authorityInfoAccess=OCSP;URI:$url\n"
certify bad Theirs 0x11 "authorityInfoAccess=OCSP;URI:$url\n"
certify lost Theirs 0x12 "authorityInfoAccess=OCSP;URI:$url\n"
certify silent Theirs 0x13 ''
certify delegate Theirs 0x20 'extendedKeyUsage=OCSPSigning\n'
certify server Theirs 0x21 'extendedKeyUsage=serverAuth\n'
certify foreign Other 0x22 'extendedKeyUsage=OCSPSigning\n'
index_line V '' 80000000000000000000000000000010 good
index_line R 260101000000Z,keyCompromise 11 bad
cat good.pem Theirs.pem >chain.pem

serve() { # SIGNER
    openssl ocsp -index index.txt -port "$port" -CA Theirs.pem -rsigner "$1.pem" -rkey "$1.key" \
        -nmin 60 -ignore_err >>ocsp.log 2>&1 &
    server=$!
    servers="$servers $server"
}

stop() {
    kill "$server"
    wait "$server" 2>/dev/null
}

# Whoever asks the liar gets these octets, and its HTTP status.
lie() { # FILE [STATUS]
    perl -MIO::Socket::INET -e '
        my ($port, $file, $status) = @ARGV;
        $SIG{PIPE} = "IGNORE";
        my $s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1", LocalPort => $port,
            ReuseAddr => 1) or die;
        open my $in, "<", $file or die; binmode $in; local $/; my $body = <$in>;
        while (my $c = $s->accept) {
            sysread $c, my $request, 65536;
            print $c "HTTP/1.1 $status X\r\nContent-Length: " . length($body) .
                "\r\nConnection: close\r\n\r\n" . $body;
            close $c;
        }' "$liar_port" "$1" "${2:-200}" 2>>ocsp.log &
    liar=$!
    servers="$servers $liar"
    wait_until 10 perl -MIO::Socket::INET -e \
        'exit !IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => shift)' "$liar_port" ||
        bail 'the liar does not listen'
}

end_lie() {
    kill "$liar"
    wait "$liar" 2>/dev/null
}

# shellcheck disable=SC2317 # by name
answers() { cerca ocsp query good.pem --issuer Theirs.pem; }

# --- the truth ------------------------------------------------------------------------------------

serve delegate
wait_until 10 answers || bail 'openssl ocsp does not answer'
ok 'a good certificate, at the address that it names' \
    cerca ocsp query good.pem --issuer Theirs.pem -o json
json 'is good' '.status == "good" and .revoked_at == null and .method == "POST"'
json 'its signer is a delegate of the issuer' '.delegated and .responder == "CN=delegate"'
json 'serial and issuer are those asked for' \
    '.serial == "80000000000000000000000000000010" and .issuer == "CN=Theirs"'
ok 'the issuer may be in the same file' cerca ocsp query chain.pem
like 'as text' "$out" '^status +good$'
ok 'by GET, with SHA-256 and a nonce' \
    cerca ocsp query chain.pem --get --hash sha256 --nonce -o json
json 'says so' '.status == "good" and .nonce and .hash == "sha256" and .method == "GET"'
ok 'a serial, its issuer and an address are enough' cerca ocsp query \
    80:00:00:00:00:00:00:00:00:00:00:00:00:00:00:10 --issuer Theirs.pem --url "$url/" -o json
json 'which is good too' '.status == "good"'
run cerca ocsp query bad.pem --issuer Theirs.pem -o json
is 'a revoked one ends with 1' "$status" 1
json 'and says when and why' \
    '.status == "revoked" and .reason == "keyCompromise" and .revoked_at == "2026-01-01T00:00:00Z"'
run cerca ocsp query lost.pem --issuer Theirs.pem -o json
is 'an unknown one ends with 1' "$status" 1
json 'and is not called good' '.status == "unknown"'
openssl ocsp -issuer Theirs.pem -cert good.pem -url "$url" -no_nonce -respout old.der \
    >/dev/null 2>&1
openssl ocsp -issuer Theirs.pem -cert good.pem -url "$url" -respout nonce.der >/dev/null 2>&1
openssl ocsp -issuer Theirs.pem -cert bad.pem -url "$url" -no_nonce -respout bad.der >/dev/null 2>&1
stop

# --- what must not be believed --------------------------------------------------------------------

serve server
wait_until 10 openssl ocsp -issuer Theirs.pem -cert good.pem -url "$url" -noverify || bail 'no server'
fails 'a certificate of the issuer for another purpose signs nothing' 1 'not for OCSP signing' answers
stop
serve foreign
wait_until 10 openssl ocsp -issuer Theirs.pem -cert good.pem -url "$url" -noverify || bail 'no server'
fails "nor does another CA's delegate" 1 'not issued by' answers
stop

# shellcheck disable=SC2317 # by name
query() { cerca ocsp query chain.pem --url "$liar_url" "$@"; }

lie old.der
ok 'an old answer is good while it is valid' query
fails 'but not where a nonce is wanted' 1 'no nonce' query --nonce
CERCA_TEST_CLOCK_OFFSET=7200 fails 'nor past its nextUpdate' 1 'too old' query
CERCA_TEST_CLOCK_OFFSET=-7200 fails 'nor before its thisUpdate' 1 'of the future|not valid now' query
end_lie
lie nonce.der
fails 'a nonce of another query is no nonce' 1 'another nonce' query --nonce
end_lie
lie bad.der
fails "another certificate's answer is none" 1 'for another certificate' query
end_lie
# producedAt is the first time in it, and signed.
perl -0777 -pe 's/(20\d{12}Z)/my $t = $1; substr($t, 13, 1) ^= "\x01"; $t/e' old.der >changed.der
lie changed.der
fails 'a changed answer does not verify' 1 'does not verify' query
end_lie
printf 'hello' >garbage
lie garbage
fails 'what is no answer is refused' 1 'not a response' query
end_lie
head -c 100000 /dev/zero >huge
lie huge
fails 'a huge one too' 1 'over 65536 octets' query
end_lie
printf '\060\003\012\001\003' >later
lie later
fails 'tryLater is told' 1 'tryLater' query
end_lie
lie old.der 503
fails 'so is an HTTP status' 1 'HTTP status 503' query
end_lie
fails 'and a responder that is not there' 1 'http\.failed|[Cc]onnect' query --timeout 5

# --- usage ----------------------------------------------------------------------------------------

fails 'an unknown hash is wrong usage' 2 'sha1, sha256' query --hash md5
fails 'a certificate without an address needs one' 1 '--url' \
    cerca ocsp query silent.pem --issuer Theirs.pem
fails 'an address of another scheme is refused' 1 'no http or https' \
    cerca ocsp query chain.pem --url file:///etc/passwd
fails 'a stranger as issuer is refused' 1 'another issuer' \
    cerca ocsp query good.pem --issuer Other.pem
fails 'without an issuer it says what is missing' 1 '--issuer' cerca ocsp query silent.pem

# --- certificates of ours -------------------------------------------------------------------------

ca_init || bail 'no CA'
ca_start || bail 'it does not start'
cerca issue --profile tls-server --key-out web.key --san dns:web.ocsp.example --out web.pem \
    2>/dev/null || bail 'not issued'
lie later
serial=$(openssl x509 -in web.pem -noout -serial | sed 's/serial=//')
fails 'of ours, the serial is enough' 1 'tryLater' cerca ocsp query "$serial" --url "$liar_url"
openssl x509 -in web.pem -out leaf.pem
fails 'and the file' 1 'tryLater' cerca ocsp query leaf.pem --url "$liar_url"
end_lie
done_testing
