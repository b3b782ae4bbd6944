#!/bin/sh
# Certificates that others issued come into the inventory: files of every form, made by other
# programs, and whole other CAs; what is wrong with one does not keep out the rest.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

in=$scratch/in
mkdir "$in"
word=s3cret
echo $word >"$scratch/password"

# other_ca DIR: an openssl ca with a.example (valid), b.example (lost), c.example (on hold) and
# d.example (expired), in certificates of version 1; the index allows a subject twice.
other_ca() {
    mkdir -p "$1/newcerts" "$1/private"
    (
        cd "$1" || exit
        : >index.txt
        echo 01 >serial
        printf '%s\n' '[ca]' 'default_ca=d' '[d]' 'dir=.' 'database=$dir/index.txt' \
            'new_certs_dir=$dir/newcerts' 'serial=$dir/serial' 'certificate=$dir/cacert.pem' \
            'private_key=$dir/private/cakey.pem' 'default_md=sha256' 'default_days=365' \
            'policy=p' 'unique_subject=no' '[p]' 'commonName=supplied' >ca.cnf
        openssl req -x509 -newkey rsa:2048 -nodes -keyout private/cakey.pem -out cacert.pem \
            -subj "/CN=Old root" -days 3650
        for name in a b c d; do
            openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
                -keyout private/$name.key -out $name.csr -subj "/CN=$name.example"
            dates=
            [ $name = d ] && dates='-startdate 20200101000000Z -enddate 20210101000000Z'
            # shellcheck disable=SC2086 # words
            openssl ca -batch -config ca.cnf -in $name.csr -out $name.pem $dates
        done
        openssl ca -config ca.cnf -revoke b.pem -crl_reason keyCompromise
        openssl ca -config ca.cnf -revoke c.pem -crl_hold holdInstructionReject
        openssl ca -config ca.cnf -updatedb
        rm [abcd].pem
    ) >>"$scratch/openssl.log" 2>&1
}

easy() {
    EASYRSA_BATCH=1 EASYRSA_ALGO=ec EASYRSA_CURVE=prime256v1 EASYRSA=/usr/share/easy-rsa \
        EASYRSA_PKI="$scratch/easy/pki" /usr/share/easy-rsa/easyrsa "$@" >>"$scratch/easy.log" 2>&1
}

outcome() { # FILTER: rows of $out
    jq -r "[.[] | select($1)] | length" <"$out"
}

ca_init
cp -a "$ca_dir" "$scratch/copy"
ca_start || exit 1
other_ca "$scratch/old"
old=$scratch/old

# --- files ----------------------------------------------------------------------------------------

sed 's/$/\r/' "$old/newcerts/01.pem" >"$in/crlf.pem"
{
    echo 'text in front -----BEGIN'
    cat "$old/newcerts/02.pem"
    echo '-----BEGIN CERTIFICATE-----'
    echo 'MIIB'
    cat "$old/newcerts/03.pem" "$old/private/c.key"
    echo '-----BEGIN CERTIFICATE-----'
    echo 'cut off'
} >"$in/several.pem"
openssl x509 -in "$old/newcerts/04.pem" -outform DER -out "$in/one.der"
openssl crl2pkcs7 -nocrl -certfile "$old/cacert.pem" -outform DER -out "$in/ca.p7b"
openssl crl2pkcs7 -nocrl -certfile /etc/ssl/certs/ca-certificates.crt -out "$in/all.p7c"
openssl pkcs12 -export -in "$old/newcerts/01.pem" -inkey "$old/private/a.key" \
    -certfile "$old/cacert.pem" -passout pass:$word -out "$in/a.p12"
openssl pkcs12 -export -legacy -in "$old/newcerts/02.pem" -inkey "$old/private/b.key" \
    -passout pass:$word -out "$in/legacy.p12"
certtool --to-p12 --load-certificate "$old/newcerts/03.pem" --load-privkey "$old/private/c.key" \
    --p12-name c --password $word --outder --outfile "$in/gnutls.p12" 2>/dev/null
openssl pkcs12 -export -nokeys -in "$old/newcerts/04.pem" -passout pass: -out "$in/open.p12"

run cerca import --dry-run --password-file "$scratch/password" -o json "$in/crlf.pem" "$in/a.p12"
is 'a dry run says what would become of each' "$(outcome '.outcome == "new"') $(outcome '.outcome == "known"')" '2 1'
is '... and records nothing' "$(cerca list --name a.example -o json | jq length)" 0

run cerca import -o json "$in/crlf.pem" "$in/several.pem" "$in/one.der" "$in/ca.p7b"
is 'PEM, DER and PKCS#7 are read, whatever stands around' "$(outcome '.outcome == "new"')" 5
is 'a block that is broken or cut off is refused' "$(outcome '.outcome == "refused"')" 2
is '... by its line' "$(jq -r '[.[] | select(.outcome == "refused") | .line] | @csv' <"$out")" \
    "$(grep -n BEGIN.CERT "$in/several.pem" | sed -n '2p;4p' | cut -d: -f1 | paste -sd,)"
is '... and the exit code says so' "$status" 1
like '... as does the summary' "$err" '5 new, 0 known, 0 issued here, 2 refused, of 4 files'

run cerca import --password-file "$scratch/password" -o json "$in"/*.p12
is 'PKCS#12 of OpenSSL, of old programs and of GnuTLS is opened, and is known' \
    "$status $(outcome '.outcome == "known"')" '0 5'
run cerca import --password-file /dev/null "$in/a.p12"
like 'no password, no certificates' "$out" 'refused +.*a.p12 +the password is empty'
echo wrong >"$scratch/wrong"
run cerca import --password-file "$scratch/wrong" "$in/a.p12" "$in/open.p12"
like 'nor with a wrong one' "$out" 'refused +.*a.p12 +the password is wrong'
like '... while one without a password opens' "$err" '1 known'
n=$(grep -c BEGIN.CERT /etc/ssl/certs/ca-certificates.crt)
run cerca import "$in/all.p7c"
is 'PKCS#7 may have any number' "$status $(sed -n 's/.*: \([0-9]*\) new.*/\1/p' "$err")" "0 $n"
no_key() { ! grep -rqa 'PRIVATE KEY' "$ca_dir/store"; }
ok 'no key is in the store' no_key

# --- an openssl ca --------------------------------------------------------------------------------

cp "$old/newcerts/02.pem" "$scratch/02.pem"
rm "$old/newcerts/02.pem"
run cerca import --owner team-old --tag legacy --tag ca:old -o json "$old"
is 'a whole openssl ca is imported' "$status" 1
is '... its statuses with it' "$(jq -c '[.[] | select(.told) | [.subject, .told, .reason]] | sort' <"$out")" \
    '[["CN=a.example","valid",null],["CN=c.example","revoked","certificateHold"],["CN=d.example","expired",null]]'
like '... and what the index names and no file has is told' "$out" \
    '"file": "[^"]*/old/index.txt", "line": 2, "rule": "import.missing"'
mv "$scratch/02.pem" "$old/newcerts/02.pem"
ok '... until it is there' cerca import "$old"
run cerca list -o json
json 'its revoked and held certificates are listed as such' \
    '[.[] | select(.subject | test("^CN=[abcd].example$")) | [.subject, .status]] | sort == [
        ["CN=a.example", "valid"], ["CN=b.example", "revoked"], ["CN=c.example", "held"],
        ["CN=d.example", "expired"]]'

run cerca show b.example -o json
json '... with what the index told of it' \
    '.told == "revoked" and .reason == "keyCompromise" and .revoked_at != null and .stranger == false'
run cerca show a.example -o json
json '... of a valid one too' '.told == "valid" and .reason == null'
run cerca show d.example
like '... in words' "$out" '^told +expired$'
run cerca list --name one.der -o json
json '... and nothing of what no index named' 'all(.[]; has("told"))'

# --- easy-rsa -------------------------------------------------------------------------------------

easy init-pki
EASYRSA_REQ_CN='Easy root' easy build-ca nopass
for name in one two; do easy build-server-full $name.easy.example nopass; done
easy revoke two.easy.example superseded
run cerca import -o json "$scratch/easy"
is 'an easy-rsa folder is imported' "$status $(outcome '.outcome == "new"')" '0 3'
is '... its statuses with it' "$(jq -c '[.[] | select(.told) | [.sans[0], .told, .reason]] | unique' <"$out")" \
    '[["dns:one.easy.example","valid",null],["dns:two.easy.example","revoked","superseded"]]'
is '... once: those that are there again are known' "$(outcome '.outcome == "known"')" 1

# --- folders --------------------------------------------------------------------------------------

tree=$scratch/tree
mkdir -p "$tree/a/b"
cp "$old/newcerts/01.pem" "$tree/a/b/deep.crt"
ln -s ../a/b/deep.crt "$tree/a/inside.pem"
ln -s "$old/newcerts/02.pem" "$tree/outside.pem"
ln -s .. "$tree/a/loop"
mkfifo "$tree/fifo.pem"
cp "$old/private/a.key" "$tree/key.pem"
head -c 300 "$in/one.der" >"$tree/cut.der"
head -c 300 "$in/one.der" >"$tree/cut.bin"
: >"$tree/empty.pem"
name=$(printf '=cmd|x\033[31m<b>\n.crt')
cp "$old/newcerts/04.pem" "$tree/$name"
run cerca import --all "$tree"
is 'a folder is read to its depths' "$(grep -c '^known' "$out")" 3
like '... every file is told of: a link out of it' "$out" 'skipped +.*outside.pem +a link that leads out'
like '... no file' "$out" 'skipped +.*fifo.pem +no file'
like '... a key' "$out" 'skipped +.*key.pem +a key'
like '... what is cut off' "$out" 'refused +.*cut.der +it is cut off'
like '... what never was one' "$out" 'skipped +.*cut.bin +no certificate'
unlike 'names drive no terminal' "$out" "$(printf '\033')"
run cerca import -o csv --all "$tree/$name"
unlike '... and no spreadsheet' "$out" '(^|,)"?='

# --- manifests of Kubernetes ----------------------------------------------------------------------

kube=$scratch/kube
mkdir "$kube"
secret() { # NAME CERTIFICATE: as kubectl get secret -o json prints it
    jq -n --arg name "$1" --rawfile crt "$2" --rawfile key "$old/private/a.key" '{apiVersion: "v1",
        data: {"tls.crt": ($crt | @base64), "tls.key": ($key | @base64)}, kind: "Secret",
        metadata: {name: $name, namespace: "default"}, type: "kubernetes.io/tls"}'
}
for name in k1 k2 k3; do
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null \
        -subj /CN=$name.kube.example -days 30 -out "$scratch/$name.pem" 2>/dev/null
done
{ secret one "$scratch/k1.pem"; secret two "$scratch/k2.pem"; } |
    jq -s '{apiVersion: "v1", items: ., kind: "List", metadata: {}}' >"$kube/all.json"
printf '%s\n' --- 'apiVersion: v1' 'kind: ConfigMap' 'data: {a: b}' --- 'apiVersion: v1' 'data:' \
    "  tls.crt: $(base64 -w 0 "$scratch/k3.pem")" '  tls.key: c2VjcmV0' 'kind: Secret' \
    'type: kubernetes.io/tls' >"$kube/three.yaml"
printf 'apiVersion: v1\nkind: Secret\na: &a [x]\nb: &b [*a, *a]\n' >"$kube/laughs.yml"
run cerca import -o json "$kube"
is 'Secrets of manifests, in JSON and YAML, lists and documents' \
    "$(jq -r '[.[] | select(.outcome == "new") | .subject] | sort | @csv' <"$out")" \
    '"CN=k1.kube.example","CN=k2.kube.example","CN=k3.kube.example"'
is '... by the line that they stand in' "$(jq -c '[.[] | select(.outcome == "new") | .line] | sort' <"$out")" \
    "$(grep -n tls.crt "$kube/all.json" "$kube/three.yaml" | cut -d: -f2 | sort -n | paste -sd, | sed 's/.*/[&]/')"
is '... but no aliases, which make much of little' \
    "$status $(jq -r '.[] | select(.outcome == "refused") | "\(.rule) \(.line)"' <"$out")" '1 import.manifest 4'
ok 'and no key is in the store' no_key

# --- what is hostile ------------------------------------------------------------------------------

hostile=$scratch/hostile
mkdir "$hostile"
openssl pkcs12 -export -nokeys -in "$old/newcerts/01.pem" -passout pass:$word -iter 65000 |
    perl -0777 -pe 's/\x02\x03\x00\xfd\xe8/\x02\x03\x7f\xff\xff/g' >"$hostile/iterations.p12"
perl -e 'print pack("Cn", 0x30, 0xfffc) x 20000' >"$hostile/nested.der"
perl -e 'my $d = ""; $d = pack("CCN", 0x30, 0x84, length $d) . $d for 1 .. 5000; print $d' >"$hostile/nested.pem"
perl -e 'print "-----BEGIN CERTIFICATE-----\n", "A" x (5 << 20)' >"$hostile/long.pem"
perl -e 'print "\x30\x84\xff\xff\xff\xff", "x" x 1000' >"$hostile/length.crt"
perl -e 'print "-----BEGIN " x 200000' >"$hostile/begins.pem"
truncate -s 512M "$hostile/huge.pem"
printf 'V\t270101000000Z\t\t../../../etc/passwd\tunknown\t/CN=x\nR\tx\ty\t01\tunknown\t/CN=y\nV\n' \
    >"$hostile/index.txt"
mkdir "$hostile/newcerts"
# measured FILE COMMAND...: the most memory that it had, in KiB, is in FILE.
measured() {
    python3 -c '
import resource, subprocess, sys
rc = subprocess.call(sys.argv[2:])
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(rc)' "$@"
}
fails 'a device that has no end is not begun' 1 '1 refused' cerca import /dev/zero
run measured "$scratch/memory" cerca import --password-file "$scratch/password" "$hostile"
is 'hostile files are refused' "$status" 1
like '... more iterations than anybody needs' "$out" 'refused +.*iterations.p12 +it asks for more than'
like '... a block without end' "$out" 'refused +.*long.pem'
like '... an index that is none' "$out" 'refused +.*index.txt:1 +a line of the index: the serial number'
like '... and nothing came of them' "$err" ' 0 new, 0 known'
ok '... with little memory, however large they are' test "$(cat "$scratch/memory")" -lt 307200

# --- signed by our key, not issued here -------------------------------------------------------------

openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null \
    -subj /CN=strange.example -out "$scratch/strange.csr" 2>/dev/null
cerca issue --profile tls-server --csr "$scratch/strange.csr" --san strange.example \
    --out "$scratch/strange.pem" 2>/dev/null
cerca issue --profile tls-server --key-out "$scratch/shadow.key" --san shadow.example \
    --out "$scratch/shadow.pem" 2>/dev/null
cerca issue --profile tls-server --key-out "$scratch/served.key" --san served.example \
    --out "$scratch/served.pem" 2>/dev/null
run cerca import -o json "$scratch/strange.pem"
is 'what was issued here is known, the CA certificates too' \
    "$status $(jq -r '[.[].outcome] | @csv' <"$out")" '0 "issued","issued"'
ok 'the store is sound' cerca store check
ca_stop
rm -rf "$ca_dir"
mv "$scratch/copy" "$ca_dir"
ca_start || exit 1
run cerca import "$scratch/strange.pem"
is 'what our key signed and this CA never issued is told loudly' "$status" 1
like '... in the list' "$out" '^STRANGER +.*strange.pem:1 +signed by the key of an issuer of this CA'
like '... in words' "$err" 'ATTENTION: 1 signed by the key'
like '... in the log' "$scratch/cercad.log" 'error cerca-ca inventory.stranger .*sha256='
run cerca show strange.example
like '... when it is shown' "$out" '^STRANGER +signed by the key of an issuer of this CA'
run cerca list --name strange.example -o json
json '... and listed' 'length == 1 and .[0].stranger and .[0].told == null'
run cerca audit log -o json
json '... in the audit log' '[.[] | select(.action == "stranger")] | length == 1'
alert() { # FILTER: of the stranger's alert
    cerca alerts list --all -o json | jq -e "any(.[]; .rule == \"issuer.stranger\" and .name == \"dns:strange.example\" and ($1))" >/dev/null
}
ok '... and an alert, critical' wait_until 30 alert '.state == "raised" and .severity == "critical"'
run cerca findings list --rule issuer.stranger -o json
json '... with a finding' 'length == 1 and .[0].severity == "critical"'
identity=$(jq -r '.[0].identity' <"$out")
ok 'an operator says that it is known' cerca findings except issuer.stranger "$identity" \
    --until 2099-01-01 --reason 'the store is of an older backup'
ok '... which resolves the alert' wait_until 30 alert '.state == "resolved"'
ok '... until that is taken back' cerca findings except issuer.stranger "$identity" --end
ok '... and it is raised again' wait_until 30 alert '.state == "raised" and .times == 2'
run cerca import --owner team-x --tag pci "$scratch/strange.pem"
run cerca audit log -o json
json '... there once' '[.[] | select(.action == "stranger")] | length == 1'

served=$(free_ports | cut -d ' ' -f 1)
openssl s_server -accept "127.0.0.1:$served" -cert "$scratch/served.pem" -key "$scratch/served.key" \
    -quiet </dev/null >"$scratch/server.log" 2>&1 &
server=$!
ok "a server with it" wait_until 10 openssl s_client -connect "127.0.0.1:$served"
ok 'a scan meets another one' cerca scan --record "127.0.0.1:$served"
ok '... and once more' cerca scan --record "127.0.0.1:$served"
kill "$server"
run cerca audit log -o json
json '... which is recorded as well, once' \
    '[.[] | select(.action == "stranger")] | length == 2 and (.[1].issuer == .[0].issuer) and .[0].actor == .[1].actor'
is '... and logged' "$(grep -c 'error cerca-ca inventory.stranger .*127.0.0.1' "$scratch/cercad.log")" 1

# Behind another one that lasts longer, so that its own change alone tells of it.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout /dev/null -days 900 \
    -subj / -addext subjectAltName=DNS:shadow.example -out "$scratch/newer.pem" 2>/dev/null
ca_stop
CERCA_STEP_KILL=cerca-ca:lifecycle.change:1@$ca_dir/view/kill-once
export CERCA_STEP_KILL
ca_start || exit 1
count() { # so many of other CAs are counted
    [ "$(cerca findings count -o json | jq '.[] | select(.rule == "issuer.foreign") | .found')" = "$1" ]
}
foreign=$(cerca findings list --rule issuer.foreign -o json | jq length)
ok 'all is evaluated' wait_until 30 count "$foreign"
ok 'what is behind another one' cerca import "$scratch/newer.pem"
ok '... which is evaluated' wait_until 30 count $((foreign + 1))
: >"$ca_dir/view/kill-once"
run cerca import "$scratch/shadow.pem"
killed() { ! test -e "$ca_dir/view/kill-once"; }
ok '... is recorded, and who would evaluate it is killed' wait_until 30 killed
unset CERCA_STEP_KILL
alert() {
    cerca alerts list -o json | jq -e 'any(.[]; .rule == "issuer.stranger" and .name == "dns:shadow.example")'
}
ok '... and it alarms all the same' wait_until 30 alert
ok 'the store is sound' cerca store check
ok 'no sanitizer complained' no_sanitizer_complained
done_testing
