#!/bin/bash
# docs/inventory.md, typed word by word.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir "$scratch/here"
cd "$scratch/here" || exit 1
ca_init || bail 'no CA'
ca_start || bail 'it does not start'

easy() {
    EASYRSA_BATCH=1 EASYRSA_ALGO=ec EASYRSA_CURVE=prime256v1 EASYRSA=/usr/share/easy-rsa \
        EASYRSA_PKI="$scratch/easy-rsa/pki" /usr/share/easy-rsa/easyrsa "$@" >>"$scratch/easy.log" 2>&1
}
easy init-pki
EASYRSA_REQ_CN='Easy root' easy build-ca nopass
easy build-server-full vpn.easy.example nopass
easy revoke vpn.easy.example superseded
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout web.key -out web.pem \
    -subj /CN=web.old.example -days 100 2>/dev/null
echo 's3cret' >p12.password
openssl pkcs12 -export -in web.pem -inkey web.key -passout file:p12.password -out laptop.p12
port=$(free_ports | cut -d ' ' -f 1)
openssl s_server -accept "127.0.0.1:$port" -cert web.pem -key web.key -quiet >"$scratch/server.log" 2>&1 &
server=$!
wait_until 10 openssl s_client -connect "127.0.0.1:$port"

fenced "$root/docs/inventory.md"
sed -i "s|/srv/easy-rsa|$scratch/easy-rsa|; s|127.0.0.1:8443|127.0.0.1:$port|g" "$scratch"/sh*

ok 'the other CA is looked at' bash -e "$scratch/sh1"
like '... with nothing recorded' "$err" 'would be: 2 new'
ok '... and imported' bash -e "$scratch/sh2"
like '... with its revocations' "$out" 'revoked .*vpn.easy.example'
ok 'files, folders, a server and PKCS#12 are imported' bash -e "$scratch/sh3"
like '... once' "$err" '0 new, 1 known, 0 issued here, 0 refused'
ok 'what is known of them is written down' bash -e "$scratch/sh4"
like '... as it was looked at first' "$err" '2 would be changed'
ok '... in a spreadsheet too' bash -e "$scratch/sh5"
like '... which changes nothing by itself' "$err" '0 changed, 2 were so already, 0 refused'
ok '... and asked for under a name' bash -e "$scratch/sh6"
is 'the guide has nothing else to type' "$(find "$scratch" -maxdepth 1 -name 'sh?' | wc -l)" 6
kill $server
wait $server 2>/dev/null

done_testing
