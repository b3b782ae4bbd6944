#!/bin/sh
# The agent keeps a real nginx's CRLs and CA certificates fresh: who is revoked stays outside soon, an
# old or foreign list never comes in, and that a list is about to end is told long before.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"
# shellcheck source=tests/flow/agent.sh
. "$(dirname "$0")/agent.sh"

cd "$scratch" || exit 1
stop_all() { # STATUS
    agent_stop
    return "$1"
}
trap 'stop_all $?; cleanup' EXIT
http=on
ca_init || bail 'no CA'
sed -i 's/^\( *\)crl_delay = .*//; s/^\( *\)signs_leaves = true;/&\n\1crl_delay = "1s";/' "$ca_dir/cerca.conf"
echo 'est = ( { name = "default"; profile = "tls-client"; } );' >>"$ca_dir/cerca.conf"
ca_start || bail 'it does not start'
est_client
wait_until 20 is_up || bail 'no EST'
base=$(sed -n 's/.*base_url = "\(.*\)";.*/\1/p' "$ca_dir/cerca.conf")
cp "$ca_dir/ca/issuing.pem" issuing.pem
cp "$ca_dir/ca/root.pem" root-ca.pem

issue() { # NAME PROFILE
    cerca issue --profile "$2" --san "dns:$1.example" --key-out "$1.key" --out "$1.pem" \
        2>"$1.err" || bail "$1 is not issued"
}
issue server tls-server
issue alice tls-client
issue bob tls-client

# --- what nginx needs to begin with -----------------------------------------------------------------

agent_init
mkdir -m 0755 conf/trust.d
clock=$scratch/clock
move() { # SECONDS: the agent's clock
    printf '%-40d' "$1" >"$clock"
}
move 0
agent_then() { # COMMAND...: with a clock of its own
    CERCA_TEST_CLOCK_OFFSET=@$clock agent "$@"
}
# trust URL-OF-THE-LIST RELOAD TEST
trust() {
    cat >conf/trust.d/clients.conf <<CONF
trust = { every = "1h"; };
sources = (
    { name = "issuing"; url = "$1"; issuer = "$scratch/issuing.pem"; },
    { name = "root-list"; url = "$base/crl/root.crl"; issuer = "$scratch/root-ca.pem"; },
    { name = "ca"; kind = "ca"; url = "https://localhost:$port/.well-known/est/cacerts";
      issuer = "$scratch/root-ca.pem"; trust = "$scratch/root.pem"; }
);
files = (
    { path = "$scratch/tls/clients.crl"; sources = ( "issuing", "root-list" ); },
    { path = "$scratch/tls/clients.pem"; sources = ( "ca" ); },
    { path = "hashed"; form = "hashed"; },
    { path = "$scratch/tls/revoked"; form = "serials"; sources = ( "issuing" ); }
);
$2
hooks = { failed = ( "/bin/sh", "-c", "echo \$CERCA_NAME \$CERCA_RULE >>$scratch/told" ); };
CONF
    chmod 600 conf/trust.d/clients.conf
}
status_is() { # FILTER
    agent status clients -o json | jq -e "$1" >/dev/null
}
number() {
    openssl crl -in tls/clients.crl -noout -crlnumber | sed 's/.*=//; s/^0x//' | tr 'a-f' 'A-F'
}

trust "$base/crl/issuing.crl" ''
ok 'lists and CA certificates are fetched' agent renew clients
is 'both lists are in the file' "$(grep -c 'BEGIN X509 CRL' tls/clients.crl)" 2
ok 'openssl finds them in the folder' openssl verify -crl_check_all -no-CAfile \
    -CApath state/clients/current/hashed alice.pem
nginx_port=$(free_ports | cut -d ' ' -f 1)
cat >nginx.part <<PART
server { listen 127.0.0.1:$nginx_port ssl; ssl_certificate $scratch/server.pem;
         ssl_certificate_key $scratch/server.key; ssl_client_certificate $scratch/tls/clients.pem;
         ssl_crl $scratch/tls/clients.crl; ssl_verify_client on; ssl_verify_depth 2;
         location / { return 200 "well"; } }
PART
nginx_start nginx.part
comes_in() { # NAME
    [ "$(curl -sk -m 20 --cert "$1.pem" --key "$1.key" "https://127.0.0.1:$nginx_port/")" = well ]
}
stays_outside() { # NAME
    curl -sk -m 20 --cert "$1.pem" --key "$1.key" "https://127.0.0.1:$nginx_port/" |
        grep -q 'SSL certificate error'
}
ok 'alice comes in' wait_until 10 comes_in alice
ok 'and bob' comes_in bob

# --- who is revoked stays outside --------------------------------------------------------------------

words="\"-p\", \"$scratch/nginx\", \"-c\", \"$scratch/nginx/nginx.conf\", \"-e\", \"error.log\""
services="services = ( { name = \"nginx\"; test = ( \"nginx\", \"-t\", \"-q\", $words );
    reload = ( \"/bin/kill\", \"-HUP\", \"$nginx_pid\" ); probes = ( \"127.0.0.1:$nginx_port\" ); } );"
trust "$base/crl/issuing.crl" "$services"
before=$(number)
curl -sf "$base/crl/issuing.crl" >old.crl
cerca revoke --yes --reason keyCompromise bob.pem >/dev/null 2>&1
newer() {
    [ "$(curl -sf "$base/crl/issuing.crl" | openssl crl -inform DER -noout -crlnumber)" != \
        "$(openssl crl -inform DER -in old.crl -noout -crlnumber)" ]
}
wait_until 30 newer || bail 'no new list'
ok 'the new list is fetched' agent renew clients
report "$([ "$before" != "$(number)" ]; echo $?)" 'with a new number'
ok 'bob stays outside' wait_until 10 stays_outside bob
ok 'alice does not' comes_in alice
ok 'it is verified' status_is '.state == "verified"'

# The same list as a folder of serial numbers, for OpenVPN: its `crl-verify DIR dir`.
vpn() { # NAME: what the server says of that client
    vpn_port=$(free_udp_port)
    timeout 20 openvpn --dev null --local 127.0.0.1 --port "$vpn_port" --tls-server --dh none \
        --ca tls/clients.pem --cert server.pem --key server.key --crl-verify tls/revoked dir \
        --verb 4 >"vpn-$1.log" 2>&1 &
    vpn_server=$!
    timeout 20 openvpn --dev null --remote 127.0.0.1 "$vpn_port" --nobind --tls-client \
        --ca tls/clients.pem --cert "$1.pem" --key "$1.key" >"vpn-$1-client.log" 2>&1 &
    vpn_client=$!
    wait_until 15 grep -Eq 'is revoked|Peer Connection Initiated' "vpn-$1.log"
    kill "$vpn_server" "$vpn_client" 2>/dev/null
    wait "$vpn_server" "$vpn_client" 2>/dev/null
}
vpn alice
like 'OpenVPN lets alice in, by the folder of serial numbers' vpn-alice.log 'Peer Connection Initiated'
vpn bob
like 'and not bob' vpn-bob.log 'is revoked'

# --- what must not come in ---------------------------------------------------------------------------

now=$(number)
trust "file://$scratch/old.crl" "$services"
fails 'an old list does not come back' 1 'does not follow' agent renew clients
is 'what is installed stays' "$(number)" "$now"
ok 'bob stays outside still' stays_outside bob
ok 'somebody has to look' status_is '.state == "stuck" and .rule == "trust.number"'
like 'the hook is told' told 'clients trust.number'
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout evil.key -out evil.pem \
    -subj "$(openssl x509 -in issuing.pem -noout -subject -nameopt compat | sed 's/subject= *//')" -days 9 \
    -addext keyUsage=critical,cRLSign,keyCertSign 2>/dev/null
mkdir -p evil && : >evil/index && echo 7FFFFFFF >evil/number
printf '[ca]\ndefault_ca=d\n[d]\ndatabase=evil/index\ncrlnumber=evil/number\ndefault_md=sha256\ndefault_crl_days=9\n' >evil.cnf
openssl ca -gencrl -config evil.cnf -cert evil.pem -keyfile evil.key -out evil.crl 2>/dev/null
trust "file://$scratch/evil.crl" "$services"
fails 'nor one that another has signed' 1 'issuer|signed' agent renew clients
is 'what is installed stays too' "$(number)" "$now"

# --- nothing comes any more --------------------------------------------------------------------------

trust "http://127.0.0.1:1/issuing.crl" "$services"
: >told
agent renew clients >/dev/null 2>&1
trust "$base/crl/issuing.crl" "$services"
ok 'a source that is there again is well' agent renew clients
trust "http://127.0.0.1:1/issuing.crl" "$services"
agent renew clients >/dev/null 2>&1
ok 'one that is away for a while is nothing to look at' status_is '.state == "verified" and .rule == "trust.fetch"'
is 'nobody is told' "$(grep -c fetch told)" 0
life=$(($(date -d "$(openssl crl -in tls/clients.crl -noout -nextupdate | sed 's/.*=//')" +%s) - $(date +%s)))
move $((life * 3 / 4))
agent_then renew clients >/dev/null 2>&1
ok 'long before the list ends somebody has to look' status_is '.state == "stuck"'
is 'and is told, once' "$(wc -l <told)" 1
agent_then renew clients >/dev/null 2>&1
is 'not again' "$(wc -l <told)" 1
ok 'alice comes in all the while' comes_in alice

# --- by itself ---------------------------------------------------------------------------------------

move 0
trust "$base/crl/issuing.crl" "$services"
sed -i 's/every = "1h"/every = "10s"/' conf/trust.d/clients.conf
ok 'as it is configured now' agent renew clients
agent_start || bail 'no agent'
cerca revoke --yes --reason keyCompromise alice.pem >/dev/null 2>&1
ok 'the daemon does it by itself' wait_until 40 stays_outside alice
agent_stop
done_testing
