#!/bin/bash
# Certificates that lie about on a host: every form of file is found, keys and links are passed over,
# bounds and jail hold, and what is found comes to the CA with the reports.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"
# shellcheck source=tests/flow/agent.sh
. "$(dirname "$0")/agent.sh"

cd "$scratch" || exit 1
scan() {
    run cerca-agent scan "$@" -o json
}
made() { # NAME: NAME.pem, NAME.key
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
        -days 99 -keyout "$1.key" -out "$1.pem" 2>/dev/null
}
for name in pem der pair bundle p12 open elsewhere; do
    made "$name.test"
done

# --- what is found ---------------------------------------------------------------------------------

mkdir -p host/deep/er keys
cp pem.test.pem host/a.crt
openssl x509 -in der.test.pem -outform DER -out host/deep/b
cat pair.test.key pair.test.pem >host/deep/er/pair
openssl crl2pkcs7 -nocrl -certfile bundle.test.pem -outform DER -out host/c.p7b
openssl pkcs12 -export -in p12.test.pem -inkey p12.test.key -passout pass:secret -out host/d.p12
openssl pkcs12 -export -in open.test.pem -inkey open.test.key -passout pass: -out host/e.p12
cp elsewhere.test.pem elsewhere.pem
ln -s "$scratch/elsewhere.pem" host/link.pem
ln -s a.crt host/again.crt
ln -s "$scratch/keys" host/keys
cp elsewhere.test.pem keys/x.pem
mkfifo host/fifo
cp pem.test.key host/only.key
head -c 3000 /dev/urandom >host/noise
head -c 200 host/deep/b >host/cut.der
truncate -s 20M host/large.pem
cat elsewhere.test.pem >>host/large.pem
echo secret >password

scan host
json 'PEM, DER, a pair, PKCS#7 and PKCS#12 without a password; no link, nothing too large' \
    '[.[].subject] | sort == ["CN=bundle.test", "CN=der.test", "CN=open.test", "CN=pair.test", "CN=pem.test"]'
json 'each where it is' '[.[] | select(.subject == "CN=pair.test") | .file] == ["'"$scratch"'/host/deep/er/pair"]'
json 'and as it is' ".[] | select(.subject == \"CN=der.test\") | .sha256 == \"$(
    openssl x509 -in der.test.pem -outform DER | sha256sum | cut -d ' ' -f 1)\""
like 'what wants a password is named' "$err" 'host/d.p12: it has a password'
like 'and what is cut off' "$err" 'host/cut.der: it is cut off'
is 'no key is shown' 0 "$(grep -c 'PRIVATE' "$out" "$err" | grep -cv ':0$')"
scan host --password-file password
json 'with the password file' '[.[].subject] | index("CN=p12.test") != null'
echo wrong >password.wrong
scan host --password-file password.wrong
like 'a wrong one is told' "$err" 'host/d.p12: the password is wrong'
scan keys/x.pem host/link.pem
json 'what is named itself may be a link' 'length == 2'
ok 'as a table' cerca-agent scan host/a.crt
like 'with the end' "$out" "^$scratch/host/a.crt  *20[0-9-]*T[0-9:]*Z  *CN=pem.test"
ok 'as CSV' cerca-agent scan host/a.crt -o csv
like 'with its head' "$out" '^file,line,subject,sans,issuer,not_before'
fails 'what is not there is an error' 1 'nowhere: No such file' cerca-agent scan nowhere
fails 'a device is not read' 1 'neither a folder nor a file' cerca-agent scan /dev/zero
fails 'nor a pipe' 1 'neither a folder nor a file' cerca-agent scan host/fifo
mkdir many
for i in 1 2 3; do
    for _ in $(seq 700); do cat pem.test.pem; done >"many/$i.pem"
done
scan many
json 'more than so many are not told' 'length == 2048'
like 'which is said' "$err" 'the walk ends here: it has found too many'
deep=deep.d
for _ in $(seq 70); do deep=$deep/d; done
mkdir -p "$deep"
cp pem.test.pem "$deep/"
scan deep.d
json 'nor what is too deep' 'length == 0'
like 'which is said too' "$err" 'too many folders within folders'

# --- at the CA -------------------------------------------------------------------------------------

ca_init || bail 'no CA'
cat >>"$ca_dir/cerca.conf" <<'labels'
profiles = ( { name = "host"; issuer = "issuing"; eku = ( "serverAuth", "clientAuth" ); validity = "30d"; cn_must_be_san = false; } );
est = ( { name = "default"; profile = "host"; ways = ( "token", "certificate" ); } );
labels
ca_start || bail 'it does not start'
est_client
wait_until 20 is_up || bail 'no EST'
agent_init
token host 1 dns:web.test >web.token
mkdir stores
for i in $(seq 35); do
    made "lying$i.test"
    cat "lying$i.test.pem" "lying$i.test.key" >"stores/$i.pem"
done
cat >>conf/agent.conf <<CONF
report = { host = "web1"; };
scan = { folders = ( "$scratch/stores", "$scratch/host", "$scratch/gone" ); password_file = "$scratch/password"; };
CONF
sed -i.good "s|\"$scratch/stores\"|\"stores\"|" conf/agent.conf
fails 'folders are absolute paths' 1 'must be an absolute path' agent check
mv conf/agent.conf.good conf/agent.conf
agent add web --san dns:web.test --token-file web.token --file key=web.key --file cert=web.pem 2>/dev/null
ok 'an entry speaks for the host' agent renew web
ok 'the report is shown' agent report
is 'in posts of at most 32 certificates' '1 32 9' \
    "$(jq -r '[(.entries | length), (.found | length)] | max' "$out" | tr '\n' ' ' | sed 's/ $//')"
is 'without a key' 0 "$(jq -r '.found[]?.certificate' "$out" | while read -r der; do
    echo "$der" | base64 -d | openssl x509 -inform DER -noout 2>/dev/null || echo no
done | grep -c no)"
ok 'and told' agent report --send
is 'all of them' 41 "$(cerca agents show web1 -o json | jq .found)"
like 'the inventory has them' <(cerca list --name lying35.test -o json) 'host web1: .*/stores/35.pem'
like 'with their places' <(cerca show p12.test) "^found  *web1: $scratch/host/d.p12"
agent_start
rm stores/*.pem
made late.test
cp late.test.pem stores/
ok 'the daemon looks with its reports' kill -HUP "$agent_pid"
came() { cerca list --name late.test -o json | jq -e '.[0]'; }
touch conf/conf.d/web.conf
ok 'and tells what is new' wait_until 30 came
like 'a folder that is not there stops nothing' agent.log 'agent.found.*gone: No such file'
agent_stop
mv agent.log agent.log.1
agent_start
looked() { grep -q 'gone: No such file' agent.log; }
ok 'one that begins looks' wait_until 30 looked
ok 'something else happens' agent renew web
told() {
    [ "$(cerca agents show web1 -o json | jq -r '.installed[0].sha256')" = \
        "$(openssl x509 -in state/web/current/web.pem -outform DER | sha256sum | cut -d ' ' -f 1)" ]
}
ok 'which is told of' wait_until 60 told
is 'without another look' "$(grep -c 'gone: No such file' agent.log)" 1
agent_stop
ca_stop

done_testing
