#!/bin/sh
# cerca lint: anyone's certificates, without a configuration or a daemon.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1

cert() { # NAME DAYS OPTION...: self-signed, by OpenSSL
    name=$1
    days=$2
    shift 2
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days "$days" \
        -keyout "$name.key" -out "$name.pem" -subj "/CN=$name.example.test" "$@" 2>"$scratch/openssl.err"
}

cert good 30 -addext 'keyUsage=critical,digitalSignature' -addext 'extendedKeyUsage=serverAuth' \
    -addext 'subjectAltName=DNS:good.example.test' -addext 'basicConstraints=critical,CA:FALSE' || exit 1
cert bad 900 -addext 'keyUsage=digitalSignature,keyCertSign' -addext 'extendedKeyUsage=serverAuth' \
    -addext 'subjectAltName=DNS:other_1.example.test,DNS:a*.example.test' \
    -addext 'basicConstraints=CA:FALSE' || exit 1

ok 'a good certificate has no errors' cerca lint good.pem --severity warning
is 'and no finding' "$(grep -c lint. "$out")" 0
fails 'a bad one has errors, which is status 1' 1 'errors 3, warnings 3' cerca lint bad.pem
like 'each named by its rule' "$out" 'error +lint.ku.signs'
like 'the names among them' "$out" 'error +lint.san.dns '
like 'and the CN' "$out" 'error +lint.cn '
fails 'JSON says where the rule comes from' 1 'errors 3' cerca lint bad.pem -o json
json 'with section, subject and serial number' '[.[] | select(.rule == "lint.san.dns")][0]
    | .section != "" and .subject == "CN=bad.example.test" and (.serial | length) > 8 and .certificate == 1'
fails 'severity chooses what is told, not the status' 1 'warnings 3' \
    cerca lint bad.pem --severity error -o json
json 'so that only errors are left' 'all(.[]; .severity == "error") and length == 3'

openssl x509 -in good.pem -outform DER -out good.der
ok 'DER is read too' cerca lint good.der
ok 'and standard input' sh -c 'cerca lint - <good.pem'
cat good.pem bad.pem >both.pem
fails 'several certificates in one file' 1 'certificates 2' cerca lint both.pem -o json
json 'are told apart' 'all(.[]; .certificate == 2)'

head -c 200 good.der >cut.der
fails 'a cut certificate is a finding' 1 'errors' cerca lint cut.der
like 'that says how it is broken' "$out" 'lint.der.cut'
fails 'a private key is no certificate' 1 'good.key holds no certificate' cerca lint good.key
fails 'a file that is not there' 1 'nothing.pem' cerca lint nothing.pem
fails 'another severity is a usage error' 2 'error, warning or notice' \
    cerca lint good.pem --severity loud

# --- a weak key -----------------------------------------------------------------------------------

openssl req -x509 -newkey rsa:1024 -nodes -days 30 -keyout weak.key -out weak.pem \
    -subj /CN=weak 2>"$scratch/openssl.err" || exit 1
fails 'a key of 1024 bits is an error' 1 'errors' cerca lint weak.pem
like 'by the rule for every key' "$out" 'key.rsa.size'

echo "$(openssl x509 -in good.pem -noout -pubkey | openssl pkey -pubin -outform DER |
    openssl dgst -sha256 -r | cut -c 1-64) # stolen" >weak-keys
fails 'and a key on a list that is given' 1 'errors 1' cerca lint good.pem --blocklist weak-keys
like 'which has a name too' "$out" 'key.blocklisted'
fails 'a list that is none is refused' 1 'bad.pem:1: not the SHA-256' \
    cerca lint good.pem --blocklist bad.pem

ok 'the rules are listed' cerca lint --rules -o json
json 'each with severity and section' 'length > 140 and all(.[]; .section != "" and .severity != "")'
fails 'without a file there is nothing to do' 2 'FILE is missing' cerca lint

# --- chains ---------------------------------------------------------------------------------------

ca_init || exit 1
cat "$ca_dir"/ca/issuing.pem "$ca_dir"/ca/root.pem >chain.pem
ok 'our own CAs have nothing to be told' cerca lint chain.pem
is 'not even a notice' "$(grep -c 'lint\.' "$out")" 0
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -days 30 -keyout fake.key \
    -out fake.pem -subj "$(openssl x509 -in "$ca_dir/ca/root.pem" -noout -subject -nameopt compat |
        sed 's/^subject=//')" 2>"$scratch/openssl.err"
openssl x509 -in "$ca_dir/ca/root.pem" -noout -ext subjectKeyIdentifier >"$scratch/ski"
cat "$ca_dir/ca/issuing.pem" fake.pem >forged.pem
run cerca lint forged.pem
unlike 'another CA of the same name is not taken for the issuer' "$out" '^1 .*lint.chain'

# --- everything that Mozilla trusts ---------------------------------------------------------------

cat /usr/share/ca-certificates/mozilla/*.crt >roots.pem
count=$(grep -c 'BEGIN CERTIFICATE' roots.pem)
run cerca lint roots.pem -o json
like 'every root of Mozilla is looked at' "$err" "certificates $count,"
json 'and every one can be read' 'all(.[]; .rule != "lint.certificate" and .rule != "lint.key.der"
    and .rule != "lint.chain.signature" and .rule != "lint.key.known")'

done_testing
