#!/bin/bash
# What an entry of the agent may ask for: a first certificate by that of a manufacturer, one key for
# all renewals, other names than before, a maintenance window, a Secret of Kubernetes.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"
# shellcheck source=tests/flow/agent.sh
. "$(dirname "$0")/agent.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
cat >>"$ca_dir/cerca.conf" <<'labels'
profiles = ( { name = "day"; issuer = "issuing"; eku = ( "serverAuth", "clientAuth" ); validity = "24h"; validity_max = "24h"; cn_must_be_san = false; },
             { name = "device"; issuer = "issuing"; eku = ( "serverAuth", "clientAuth" ); validity = "30d"; cn_must_be_san = false; } );
est = ( { name = "default"; profile = "day"; ways = ( "token", "certificate" ); },
        { name = "born"; profile = "device"; ways = ( "certificate", "manufacturer" );
          anchors = ( "maker.pem" ); device_names = ( "dns:{serialNumber}.born.test" ); },
        { name = "people"; profile = "day"; ways = ( "password", "certificate" ); rename = ( "dns:.fleet.test" ); } );
est_users = ( { name = "fleet"; names = ( "dns:.fleet.test" ); } );
ca = { password_file = "enroll.passwd"; };
labels
printf 'fleet:%s\n' "$(openssl passwd -6 'open sesame')" >"$ca_dir/enroll.passwd"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout maker.key \
    -out "$ca_dir/maker.pem" -subj '/O=Maker/CN=Maker CA' -days 9000 2>"$err"
ca_start || bail 'it does not start'
est_client
wait_until 20 is_up || bail 'no EST'
agent_init

public_key() { # FILE
    openssl x509 -in "$1" -noout -pubkey | sha256sum
}
names() { # FILE
    openssl x509 -in "$1" -noout -ext subjectAltName | tail -n 1 | tr -d ' '
}

# --- a device with the certificate of its maker ----------------------------------------------------

openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout idevid.key \
    -out idevid.req -subj /O=Maker/serialNumber=SN-12 2>"$err"
openssl x509 -req -in idevid.req -CA "$ca_dir/maker.pem" -CAkey maker.key -days 8000 \
    -set_serial 7 -out idevid.pem 2>"$err" -extfile - <<'extensions'
subjectAltName = otherName:1.3.6.1.5.5.7.8.4;SEQ:hardware
[hardware]
type = OID:1.3.6.1.4.1.99999.1
serial = OCTWRAP,UTF8:12
extensions
ok 'a device enrolls by the certificate of its maker' agent add device --label born \
    --cert idevid.pem --cert-key idevid.key --subject serialNumber=SN-12,O=Maker \
    --san dns:sn-12.born.test --file "key=$scratch/device.key" --file "cert=$scratch/device.pem" --now
is 'for the name that it has there' "$(names device.pem)" DNS:sn-12.born.test
run agent explain device
like 'and goes on by its own' "$out" 'label born by the certificate in force'
rm idevid.key
ok 'which it does' agent renew device
agent add other --label born --cert idevid.pem --cert-key "$scratch/maker.key" --san dns:sn-13.born.test \
    --file key=other.key --file cert=other.pem 2>/dev/null
fails 'with a key that does not belong to it nothing is got' 1 'private key' agent renew other
rm conf/conf.d/other.conf

# --- one key for all renewals ----------------------------------------------------------------------

token day 1 dns:same.test >same.token
agent add same --san dns:same.test --token-file same.token --reuse-key \
    --file "key=$scratch/same.key" --file "cert=$scratch/same.pem" --now 2>/dev/null
key=$(public_key same.pem)
serial=$(serial_of same.pem)
ok 'with reuse_key it is renewed' agent renew same
is 'with the same key' "$(public_key same.pem)" "$key"
report "$([ "$(serial_of same.pem)" != "$serial" ]; echo $?)" 'and another serial number'
ok 'rekey makes a new one all the same' agent rekey same
report "$([ "$(public_key same.pem)" != "$key" ]; echo $?)" 'indeed'
key=$(public_key same.pem)
ok 'which is kept then' agent renew same
is 'as the one before' "$(public_key same.pem)" "$key"

# --- other names -----------------------------------------------------------------------------------

echo 'open sesame' >password
agent add names --label people --user fleet --password-file password --san dns:a.fleet.test \
    --file "key=$scratch/names.key" --file "cert=$scratch/names.pem" --now 2>/dev/null
is 'a certificate for one name' "$(names names.pem)" DNS:a.fleet.test
sed -i 's/names = .*/names = ( "dns:a.fleet.test", "dns:b.fleet.test" );/' conf/conf.d/names.conf

ok 'with another one in the file' agent renew names
is 'it is renewed for both' "$(names names.pem)" DNS:a.fleet.test,DNS:b.fleet.test
sed -i 's/names = .*/names = ( "dns:c.elsewhere.test" );/' conf/conf.d/names.conf
fails 'for what the CA does not allow it is not' 1 'status 403' agent renew names
is 'and what is in force stays' "$(names names.pem)" DNS:a.fleet.test,DNS:b.fleet.test

# --- a maintenance window --------------------------------------------------------------------------

now=$(date +%s)
at() { # SECONDS from now, as time of day
    date -u -d "@$((now + $1))" +%H:%M
}
token day 1 dns:window.test >window.token
agent add window --san dns:window.test --token-file window.token --window "$(at 64800)-$(at 68400)" \
    --file "key=$scratch/window.key" --file "cert=$scratch/window.pem" 2>/dev/null
ok 'the first certificate waits for no window' agent renew window
serial=$(serial_of window.pem)
ok 'when it is due' env CERCA_TEST_CLOCK_OFFSET=61200 cerca-agent renew window --if-due -c conf --state-dir "$scratch/state"
is 'nothing changes before the window' "$(serial_of window.pem)" "$serial"
run env CERCA_TEST_CLOCK_OFFSET=61200 cerca-agent status window -o json -c conf --state-dir "$scratch/state"
json 'though the next one is there' '.version == 2 and .in_force == 1 and .failures == 0 and .reason == ""'
is 'it waits for when that opens' "$(date -u -d "$(jq -r .next "$out")" +%H:%M)" "$(at 64800)"
ok 'before that nothing is asked of the CA' env CERCA_TEST_CLOCK_OFFSET=62000 cerca-agent renew window --if-due -c conf --state-dir "$scratch/state"
is 'nor done' "$(serial_of window.pem)" "$serial"
ok 'in the window' env CERCA_TEST_CLOCK_OFFSET=65000 cerca-agent renew window --if-due -c conf --state-dir "$scratch/state"
report "$([ "$(serial_of window.pem)" != "$serial" ]; echo $?)" 'it is installed'

# --- a Secret of Kubernetes ------------------------------------------------------------------------

mkdir api
echo ey.tok-en >api/account
cp api/account api.token
cerca issue --profile tls-server --san dns:localhost --key-out api.key --out api.pem 2>/dev/null
"$root/tests/flow/kube_server.py" api.pem api.key api >api.log 2>&1 &
api_pid=$!
stop_api() {
    kill "$api_pid"
    wait "$api_pid" 2>/dev/null
}
ok 'the API of a cluster' wait_until 10 test -s api/port
token day 1 dns:shop.test >shop.token
agent add shop --san dns:shop.test --token-file shop.token \
    --file "key=$scratch/shop.key" --file "fullchain=$scratch/shop.pem" 2>/dev/null
cat >>conf/conf.d/shop.conf <<CONF
secrets = ( { name = "web-tls"; namespace = "shop"; server = "https://localhost:$(cat api/port)";
    token_file = "$scratch/api.token"; ca_file = "$scratch/root.pem"; } );
CONF
ok 'an entry with a Secret' agent renew shop
secret() { # KEY
    jq -r ".data[\"$1\"]" api/secret.json | base64 -d
}
is 'which has the chain' "$(secret tls.crt)" "$(cat shop.pem)"
is 'and the key' "$(secret tls.key)" "$(cat shop.key)"
is 'is of their type' "$(jq -r .type api/secret.json)" kubernetes.io/tls
serial=$(serial_of shop.pem)
echo change >api/plan
ok 'somebody changes it while it is renewed' agent renew shop
is 'it has the new chain' "$(secret tls.crt)" "$(cat shop.pem)"
is 'and what was changed' "$(jq -r '.metadata.labels["changed-by"]' api/secret.json)" somebody
serial=$(serial_of shop.pem)
echo 403 >api/plan
fails 'a cluster that refuses' 1 '403' agent renew shop
is 'leaves the old one in force' "$(serial_of shop.pem)" "$serial"
is 'there as here' "$(secret tls.crt)" "$(cat shop.pem)"
stop_api
ca_stop

done_testing
