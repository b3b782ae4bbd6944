#!/bin/sh
# Host keys in a token: made there, never seen here, served by a real nginx from the token, renewed
# by themselves through EST, destroyed only when the next one is served; refused services, wrong
# PINs and kills on the way.
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
profiles = ( { name = "hour"; issuer = "issuing"; eku = ( "serverAuth", "clientAuth" ); validity = "1h"; validity_max = "1h"; cn_must_be_san = false; } );
est = ( { name = "default"; profile = "hour"; ways = ( "token", "certificate" ); },
        { name = "linked"; profile = "hour"; ways = ( "token", "certificate" ); linking = "required"; } );
labels
ca_start || bail 'it does not start'
est_client
wait_until 20 is_up || bail 'no EST'
agent_init

# --- a token of this host ----------------------------------------------------------------------------

module=/usr/lib/softhsm/libsofthsm2.so
mkdir -p host/tokens
echo "directories.tokendir = $scratch/host/tokens" >host/softhsm2.conf
(umask 077 && echo 471108 >host/pin)
in_host() {
    SOFTHSM2_CONF=$scratch/host/softhsm2.conf "$@"
}
in_host softhsm2-util --init-token --free --label host --pin 471108 --so-pin 815815 >/dev/null ||
    bail 'no token'
# What is in it, without this entry's agent.
token_tool() {
    in_host pkcs11-tool --module "$module" --token-label host --login --pin 471108 "$@" 2>/dev/null
}
keys() { # labels of the private ones
    token_tool --list-objects --type privkey | sed -n 's/^ *label: *//p' | sort | tr '\n' ' '
}
count_of() { # CLASS
    token_tool --list-objects --type "$1" | grep -c '^ *ID:'
}
# One that is nobody's business.
token_tool --keypairgen --key-type EC:prime256v1 --label web-1 --id 77 --usage-sign >/dev/null ||
    bail 'no key'

# nginx asks the token by OpenSSL's engine. In front of the first certificate it serves one in files.
cat >engine.cnf <<CNF
openssl_conf = all
[all]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
MODULE_PATH = $module
init = 1
CNF
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout first.key -out first.pem \
    -subj /CN=first -days 2 2>/dev/null
mkdir first
mv first.pem first/web.pem
echo "ssl_certificate_key $scratch/first.key;" >first/key.conf
ln -sfn "$scratch/first" serve
nginx_port=$(free_ports | cut -d ' ' -f 1)
cat >nginx.part <<PART
server { listen 127.0.0.1:$nginx_port ssl; ssl_certificate $scratch/serve/web.pem;
         include $scratch/serve/key.conf; }
PART
nginx_env=SOFTHSM2_CONF
export OPENSSL_CONF="$scratch/engine.cnf" SOFTHSM2_CONF="$scratch/host/softhsm2.conf"
nginx_start nginx.part
unset OPENSSL_CONF SOFTHSM2_CONF
wait_until 20 served_serial || bail 'no nginx'

# entry NAME [MORE]: of the token; MORE goes into `certificate`
entry() {
    cat >"conf/conf.d/$1.conf" <<CONF
certificate = { names = ( "dns:$1.test" ); token_file = "$scratch/$1.token"; keep = "1"; ${2-} };
key = { token = "pkcs11:token=host"; module = "$module"; pin_file = "$scratch/host/pin";
    environment = ( "SOFTHSM2_CONF=$scratch/host/softhsm2.conf" );
    paths = ( "$scratch/host/tokens" ); read_paths = ( "$scratch/host/softhsm2.conf" ); };
CONF
}
# The files that nginx reads.
add_files() {
    cat >>conf/conf.d/web.conf <<CONF
files = ( { path = "$scratch/tls/web.pem"; format = "fullchain"; },
    { path = "$scratch/tls/key.conf"; format = "key-uri";
      text = "ssl_certificate_key \\"engine:pkcs11:{uri}?pin-value=471108\\";"; } );
CONF
    add_nginx web
    # Its own test needs to find the token too.
    sed -i "s|test = ( |&\"env\", \"OPENSSL_CONF=$scratch/engine.cnf\", \"SOFTHSM2_CONF=$scratch/host/softhsm2.conf\", |" \
        conf/conf.d/web.conf
}

# --- what cannot be is said --------------------------------------------------------------------------

token hour 1 dns:web.test >web.token
entry web
sed -i 's/pin_file = "[^"]*";//' conf/conf.d/web.conf
fails 'a token needs a PIN file' 1 'token, module and pin_file belong together' agent check
entry web 'key_type = "ed25519";'
fails 'not every key can be in a token' 1 'RSA or on a NIST curve' agent check
entry web
echo "files = ( { path = \"web.key\"; format = \"key\"; } );" >>conf/conf.d/web.conf
fails 'a key in a token is in no file' 1 'key-uri says where it is' agent check
entry web
echo "files = ( { path = \"web.uri\"; format = \"key-uri\"; text = \"here\"; } );" >>conf/conf.d/web.conf
fails 'a text that says nothing of the key is refused' 1 'must have \{uri\} in it' agent check
chmod 644 host/pin
entry web
fails 'a PIN that others can read is not read' 1 'lets others than its owner in' agent check
chmod 600 host/pin

# --- the first certificate ---------------------------------------------------------------------------

entry web
add_files
ok 'an entry is sound, and its token opens' agent check
ok 'the agent does all of it' agent renew web
is 'nginx serves it with the key in the token' "$(served_serial)" "$(serial_of tls/web.pem)"
is 'for which no key was ever here' "$(grep -rl 'PRIVATE KEY' state tls)" ''
is 'the agent holds a certificate and where the key is' "$(cut -d ';' -f 1,2 state/web/current/identity.uri)" \
    'pkcs11:token=host;object=web-1'
is 'nobody else reads that' "$(stat -c %a state/web/current/identity.uri state/web/versions/1/key.conf | tr '\n' ' ')" '600 600 '
token_tool --read-object --type pubkey --id "$(cut -d ' ' -f 2 state/web/keys)" >public.der
is 'the token shows that public key' "$(openssl pkey -pubin -inform DER -in public.der -outform PEM)" \
    "$(openssl x509 -in tls/web.pem -noout -pubkey)"
token_tool --list-objects --type privkey >objects
is 'which it made itself, for signing, and gives to nobody' \
    "$(grep -A 4 "$(cut -d ' ' -f 2 state/web/keys)" objects | grep -c 'Access: *sensitive, always sensitive, never extractable, local')" 1
is 'and derives nothing' "$(grep -B 1 -A 1 "ID: *$(cut -d ' ' -f 2 state/web/keys)" objects | grep -c 'Usage:.*derive')" 0
is 'nothing of the attempt is left' "$(find state/web/next -type f | wc -l)" 0
ok 'it is explained' agent explain web
like 'where its key is' "$out" '^key: in a token, pkcs11:token=host;object=web-1;id=%.*;type=private$'
run agent explain web -o json
json 'also for programs' '.key_uri | startswith("pkcs11:token=host;")'
ok 'and listed' agent list -o json
json 'as verified' '.[0].state == "verified" and .[0].failures == 0 and .[0].version == 1'

# --- renewals ----------------------------------------------------------------------------------------

for n in 2 3; do
    before=$(served_serial)
    ok "it is renewed by itself, with a new key ($n)" agent renew web
    is "nginx serves the new one ($n)" "$(served_serial)" "$(serial_of tls/web.pem)"
    report "$([ "$before" != "$(served_serial)" ]; echo $?)" "which is another ($n)"
done
is 'the last but one key is destroyed once its successor is served, the foreign one not' "$(keys)" 'web-1 web-2 web-3 '
is 'that is the one of version 1' "$(token_tool --list-objects --type privkey | grep -A 1 'web-1' | sed -n 's/.*ID: *//p')" 77
is 'public halves go with the private ones' "$(count_of pubkey)" 3
is 'what is ours is noted' "$(wc -l <state/web/keys)" 2
sed -i 's/keep = "1";/& reuse_key = true;/' conf/conf.d/web.conf
key=$(openssl x509 -in tls/web.pem -noout -pubkey)
ok 'with reuse_key it is renewed' agent renew web
is 'with the same key' "$(openssl x509 -in tls/web.pem -noout -pubkey)" "$key"
is 'which is still there' "$(keys)" 'web-1 web-3 '
ok 'rekey makes a new one' agent rekey web
report "$([ "$key" != "$(openssl x509 -in tls/web.pem -noout -pubkey)" ]; echo $?)" 'indeed'
sed -i 's/ reuse_key = true;//' conf/conf.d/web.conf
token hour 1 dns:linked.test >linked.token
entry linked 'label = "linked";'
ok 'a request is linked to its connection' agent renew linked
ok 'and signed by both keys, of a renewal' agent renew linked
is 'the files that nobody named are there' "$(find state/linked/current/ -type f -printf '%f\n' | sort | tr '\n' ' ')" \
    'cert.pem chain.pem fullchain.pem identity.pem identity.uri key.uri '
like 'one says where the key is' state/linked/current/key.uri '^pkcs11:token=host;object=linked-2;id=%.*;type=private$'

# --- a service that refuses --------------------------------------------------------------------------

# Its way to the token is not there: nginx's own test finds that before anything changes.
before=$(served_serial)
sed -i 's/{uri}?pin-value=471108/{uri}?pin-value=wrong/' conf/conf.d/web.conf
run agent renew web
report $((1 - (status != 0))) 'what nginx cannot use is not brought to it'
is 'the old one is served' "$(served_serial)" "$before"
like 'and lies there' tls/key.conf 'pin-value=471108'
sed -i 's/{uri}?pin-value=wrong/{uri}?pin-value=471108/; s/test = ( [^)]*);//' conf/conf.d/web.conf
is 'its key is there for the next attempt' "$(keys | wc -w)" 6
ok 'mended, it is got' agent renew web
is 'and served' "$(served_serial)" "$(serial_of tls/web.pem)"
is 'what was not needed is gone' "$(keys | wc -w)" 5

# Without a test it comes out at the probe: rolled back.
before=$(served_serial)
sed -i "s|\"$scratch/reload\"|\"/bin/true\"|; s/probe_for = \"20s\"/probe_for = \"2s\"/" conf/conf.d/web.conf
fails 'what nginx does not take is rolled back' 1 'serves another' agent renew web
is 'certificate and key are the old ones' "$(serial_of tls/web.pem)" "$before"
is 'together' "$(sed -n 's/.*id=\([^;]*\);.*/\1/p' tls/key.conf | tr -d '%' | tr A-F a-f)" \
    "$(token_tool --list-objects --type privkey | grep -A 1 "label: *$(sed 's/.*object=\([^;]*\);.*/\1/' state/web/current/identity.uri)\$" | sed -n 's/.*ID: *//p')"
sed -i "s|\"/bin/true\"|\"$scratch/reload\"|; s/probe_for = \"2s\"/probe_for = \"20s\"/" conf/conf.d/web.conf
ok 'mended, it goes on' agent renew web
is 'to the new one' "$(served_serial)" "$(serial_of tls/web.pem)"

# --- killed at each step -----------------------------------------------------------------------------

for step in agent-key-noted agent-key-made agent-issued deploy-visible agent-key-destroyed; do
    before=$(served_serial)
    (CERCA_STEP_KILL=cerca-agent:$step:1 agent renew web >/dev/null 2>&1)
    is "killed at $step" $? 137
    is "... something is served ($step)" "$(served_serial | grep -c serial)" 1
    is "... whose key is in the token ($step)" "$(token_tool --list-objects --type privkey | grep -c "label: *$(sed 's/.*object=\([^;]*\);.*/\1/' state/web/current/identity.uri)\$")" 1
    ok "... it goes on from there ($step)" agent renew web
    is "... to what lies there and is served ($step)" "$(served_serial)" "$(serial_of tls/web.pem)"
done
for step in hostkey-made hostkey-half-destroyed; do
    (CERCA_STEP_KILL=cerca-agent-key:$step:1 agent renew web >/dev/null 2>&1)
    ok "the holder of the key is killed at $step, and it goes on" agent renew web
    is "... to what is served ($step)" "$(served_serial)" "$(serial_of tls/web.pem)"
done
is 'nothing is left over in the token' "$(keys | wc -w)" 5
is '... not even half' "$(count_of pubkey)" 5
is '... and what is ours is noted' "$(cat state/web/keys state/linked/keys | wc -l)" 4

# --- a wrong PIN -------------------------------------------------------------------------------------

before=$(served_serial)
echo 000000 >host/pin
fails 'a PIN that is wrong is refused by the token' 1 'refuses its PIN' agent renew web
fails 'and not tried again' 1 'not tried again before that file is written anew' agent renew web
fails 'by no other entry of that token either' 1 'not tried again' agent renew linked
is 'the old certificate is served meanwhile' "$(served_serial)" "$before"
echo 471108 >host/pin
ok 'the right one is tried' agent renew web
ok 'also by the other' agent renew linked

# --- a module that is not there ----------------------------------------------------------------------

mkdir host/away
mv host/tokens/* host/away
fails 'a token that is away fails' 1 'no slot of .* has the token' agent renew linked
mv host/away/* host/tokens
ok 'and is back' agent renew linked

# --- given up ----------------------------------------------------------------------------------------

ok 'an entry is given up' agent remove linked --quiet
like 'whose keys stay' "$err" 'keys stay in the token'
is 'indeed' "$(keys | grep -o 'linked-[0-9]*' | wc -l)" 2
done_testing
