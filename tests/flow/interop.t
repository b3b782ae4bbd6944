#!/bin/sh
# What others say of our certificates: OpenSSL and GnuTLS verify those of every profile, with keys of
# every kind, for the purposes of their profile and for no other, TLS peers of both shake hands with
# them, a real nginx and curl take them as servers and clients, and no others; requests made by both
# are taken.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
tls_port=
tls_pid=

stop_tls() { # STATUS
    [ -z "$tls_pid" ] || kill "$tls_pid" 2>/dev/null
    return "$1"
}
trap 'stop_tls $?; cleanup' EXIT

ca_init || bail 'no CA'
echo 'profiles = ( { name = "subordinate-ca"; issuer = "root"; } );' >>"$ca_dir/cerca.conf"
ca_start || bail 'it does not start'
root_ca=$ca_dir/ca/root.pem

# --- each profile with each type of key -----------------------------------------------------------

openssl_accepts() { # PURPOSE FILE
    openssl verify -x509_strict -purpose "$1" -CAfile "$root_ca" -untrusted "$2" "$2"
}

gnutls_accepts() { # OID FILE [HOST]
    certtool --verify --load-ca-certificate "$root_ca" --infile "$2" --verify-purpose "$1" \
        --verify-profile medium ${3:+--verify-hostname "$3"}
}

refused_by() { # COMMAND...
    ! "$@"
}

# Every purpose that OpenSSL 3.0 knows, but for those that look at nothing; names as it has them.
openssl_purposes='sslclient sslserver smimesign smimeencrypt crlsign timestampsign'
# RFC 5280 4.2.1.12 and RFC 4945 5.1.3.12: NAME=OID
gnutls_purposes='server=1.3.6.1.5.5.7.3.1 client=1.3.6.1.5.5.7.3.2 code=1.3.6.1.5.5.7.3.3
    mail=1.3.6.1.5.5.7.3.4 stamp=1.3.6.1.5.5.7.3.8 ocsp=1.3.6.1.5.5.7.3.9 ike=1.3.6.1.5.5.7.3.17'

openssl_takes() { # FILE: all purposes that it is taken for
    for purpose in $openssl_purposes; do
        openssl_accepts "$purpose" "$1" >/dev/null 2>&1 && echo "$purpose"
    done | xargs
}

gnutls_takes() { # FILE
    for purpose in $gnutls_purposes; do
        gnutls_accepts "${purpose#*=}" "$1" >/dev/null 2>&1 && echo "${purpose%%=*}"
    done | xargs
}

# profile PROFILE TYPES OPENSSL GNUTLS options...: NAME stands for TYPE.PROFILE.example.
profile() {
    profile=$1 types=$2 openssl=$3 gnutls=$4
    shift 4
    for type in $types; do
        file=$profile-$type.pem
        name=$type.$profile.example
        # shellcheck disable=SC2046 # options without blanks
        ok "$profile with a key of type $type is issued" cerca issue --profile "$profile" \
            --key-type "$type" --key-out "$profile-$type.key" --out "$file" \
            $(echo "$@" | sed "s/NAME/$name/g")
        want=$openssl
        case $profile-$type in
        smime-rsa*) want="$openssl smimeencrypt" ;; # with EC keys it is agreed on
        esac
        is "$file: OpenSSL takes it for this and nothing else" "$(openssl_takes "$file")" "$want"
        is "$file: GnuTLS takes it for this and nothing else" "$(gnutls_takes "$file")" "$gnutls"
        ok "$file: nobody takes it without the root" refused_by openssl verify -x509_strict \
            -no-CAfile -no-CApath -no-CAstore -untrusted "$file" "$file"
    done
}

every='p256 p384 rsa2048 ed25519'
profile tls-server "$every" sslserver server --san dns:NAME
profile tls-client "$every" sslclient client --san dns:NAME
profile mtls "$every" 'sslclient sslserver' 'server client' --san dns:NAME
profile vpn-server "$every" sslserver 'server ike' --san dns:NAME
profile vpn-client "$every" sslclient 'client ike' --san dns:NAME
profile wifi-client 'p256 rsa2048' sslclient client --san dns:NAME
profile radius-server 'p256 rsa2048' sslserver server --san dns:NAME
profile device "$every" sslclient client --san dns:NAME --subject 'serialNumber=NAME'
profile code-signing 'p256 rsa3072' '' code --subject 'CN=NAME'
profile smime 'p256 rsa2048' smimesign mail --san email:someone@NAME
profile ocsp-responder 'p256 rsa2048' '' ocsp --subject 'CN=NAME'

for type in p256 rsa2048; do
    for profile in tls-server mtls vpn-server radius-server; do
        file=$profile-$type.pem
        ok "$file: GnuTLS takes it for its host" gnutls_accepts 1.3.6.1.5.5.7.3.1 "$file" \
            "$type.$profile.example"
        ok '... and for no other' refused_by gnutls_accepts 1.3.6.1.5.5.7.3.1 "$file" other.example
        ok '... nor does OpenSSL' refused_by openssl verify -x509_strict \
            -verify_hostname other.example -CAfile "$root_ca" -untrusted "$file" "$file"
    done
done

subordinate() { # TYPE NEWKEY...
    type=$1
    shift
    openssl req -new -nodes -keyout "sub-$type.key" -out "sub-$type.csr" -subj "/CN=Sub $type" \
        -newkey "$@" 2>/dev/null || bail 'openssl req failed'
    ok "subordinate-ca with a key of type $type is issued" cerca issue --profile subordinate-ca \
        --csr "sub-$type.csr" --out "sub-$type.pem"
    openssl req -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout below.key \
        -out below.csr -subj /CN=below.example 2>/dev/null
    printf '%s\n' 'subjectAltName=DNS:below.example' 'extendedKeyUsage=serverAuth' \
        'keyUsage=digitalSignature' 'authorityKeyIdentifier=keyid' 'subjectKeyIdentifier=hash' >below.ext
    openssl x509 -req -in below.csr -CA "sub-$type.pem" -CAkey "sub-$type.key" -days 1 \
        -extfile below.ext -out below.leaf 2>/dev/null || bail 'openssl x509 failed'
    cat below.leaf "sub-$type.pem" >below.pem
    is 'OpenSSL takes what it issues, for its purpose' "$(openssl_takes below.pem)" sslserver
    is 'so does GnuTLS' "$(gnutls_takes below.pem)" server
    is 'as a leaf it is taken for CRLs alone' "$(openssl_takes "sub-$type.pem")" crlsign
    openssl x509 -req -in below.csr -CA below.leaf -CAkey below.key -days 1 -extfile below.ext \
        -out lower.leaf 2>/dev/null
    cat lower.leaf below.pem >lower.pem
    is 'nothing stands below what it issues' "$(openssl_takes lower.pem)$(gnutls_takes lower.pem)" ''
}
subordinate p384 ec -pkeyopt ec_paramgen_curve:P-384
subordinate rsa3072 rsa:3072

ok 'OpenSSL takes the issuing CA as one that signs CRLs' openssl verify -x509_strict \
    -purpose crlsign -CAfile "$root_ca" "$ca_dir/ca/issuing.pem"
ok '... but not as a server' refused_by openssl verify -x509_strict -purpose sslserver \
    -CAfile "$root_ca" "$ca_dir/ca/issuing.pem"
awk '/BEGIN/ { n++ } n == 1' mtls-p256.pem >leaf.pem
ok 'a leaf is no CA for OpenSSL' refused_by openssl verify -x509_strict -purpose sslserver \
    -no-CAfile -no-CApath -no-CAstore -trusted leaf.pem tls-server-p256.pem

# --- requests that others make --------------------------------------------------------------------

openssl_request() { # NAME NEWKEY...
    name=$1
    shift
    openssl req -new -nodes -keyout "$name.key" -out "$name.csr" -subj "/CN=$name.example" \
        -addext "subjectAltName=DNS:$name.example" -newkey "$@" 2>/dev/null
}

certtool_request() { # NAME OPTION...
    name=$1
    shift
    certtool --generate-privkey --no-text --outfile "$name.key" "$@" 2>/dev/null || return 1
    printf 'cn = "%s"\ndns_name = "%s"\ntls_www_server\nsigning_key\n' "$name.example" \
        "$name.example" >"$name.template"
    certtool --generate-request --no-text --load-privkey "$name.key" --template "$name.template" \
        --outfile "$name.csr" 2>/dev/null
}

taken() { # NAME
    ok "the request $1 is taken" cerca issue --profile tls-server --csr "$1.csr" --out "$1.pem"
    ok "... and what comes back verifies for its name" openssl verify -x509_strict \
        -verify_hostname "$1.example" -CAfile "$root_ca" -untrusted "$1.pem" "$1.pem"
    is "... for the key of the request" "$(openssl x509 -in "$1.pem" -noout -pubkey)" \
        "$(openssl pkey -in "$1.key" -pubout)"
}

openssl_request openssl-p256 ec -pkeyopt ec_paramgen_curve:P-256 || bail 'openssl req failed'
openssl_request openssl-p384 ec -pkeyopt ec_paramgen_curve:P-384 || bail 'openssl req failed'
openssl_request openssl-rsa rsa:2048 || bail 'openssl req failed'
openssl_request openssl-ed25519 ed25519 || bail 'openssl req failed'
certtool_request gnutls-p256 --key-type ecdsa --curve secp256r1 || bail 'certtool failed'
certtool_request gnutls-rsa --key-type rsa --bits 2048 || bail 'certtool failed'
certtool_request gnutls-ed25519 --key-type ed25519 || bail 'certtool failed'
for name in openssl-p256 openssl-p384 openssl-rsa openssl-ed25519 gnutls-p256 gnutls-rsa \
    gnutls-ed25519; do
    taken "$name"
done
openssl req -in openssl-rsa.csr -outform der -out der.csr
ok 'a request in DER is taken' cerca issue --profile tls-server --csr der.csr --out der.pem

# --- handshakes -----------------------------------------------------------------------------------

free_port() {
    tls_port=$(free_ports | cut -d ' ' -f 1)
}

answers() {
    perl -MIO::Socket::INET -e '
        exit !IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0])' "$tls_port"
}

# serve COMMAND...: in the background until stop_serving.
serve() {
    "$@" >server.log 2>&1 </dev/null &
    tls_pid=$!
    wait_until 10 answers || bail "$1 does not listen"
}

stop_serving() {
    kill "$tls_pid"
    wait "$tls_pid" 2>/dev/null
    tls_pid=
}

gnutls_client() { # HOST OPTION...
    host=$1
    shift
    gnutls-cli --x509cafile "$root_ca" --verify-hostname "$host" --port "$tls_port" "$@" \
        127.0.0.1 </dev/null
}

openssl_client() { # HOST OPTION...
    host=$1
    shift
    openssl s_client -CAfile "$root_ca" -verify_return_error -verify_hostname "$host" \
        -x509_strict -connect "127.0.0.1:$tls_port" "$@" </dev/null
}

for type in p256 p384 rsa2048 ed25519; do
    free_port
    serve openssl s_server -accept "127.0.0.1:$tls_port" -key "mtls-$type.key" \
        -cert "mtls-$type.pem" -cert_chain "mtls-$type.pem" -www
    ok "gnutls-cli shakes hands with a server with an $type key" gnutls_client "$type.mtls.example"
    ok '... but not under another name' refused_by gnutls_client other.example
    ok 'so does openssl s_client' openssl_client "$type.mtls.example"
    ok '... but not under another name' refused_by openssl_client other.example
    stop_serving
done

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout other-ca.key \
    -out other-ca.pem -subj '/CN=Another CA' -days 2 2>/dev/null || bail 'openssl req failed'
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout stranger.key \
    -out stranger.csr -subj '/CN=stranger.example' 2>/dev/null
printf 'extendedKeyUsage = clientAuth\n' >stranger.ext
openssl x509 -req -in stranger.csr -CA other-ca.pem -CAkey other-ca.key -extfile stranger.ext \
    -out stranger.pem -days 1 2>/dev/null || bail 'openssl x509 failed'

free_port
serve gnutls-serv --port "$tls_port" --x509keyfile tls-server-p256.key \
    --x509certfile tls-server-p256.pem --x509cafile "$root_ca" --require-client-cert \
    --verify-client-cert
# With TLS 1.2 the handshake ends only after the client's certificate was checked.
ok 'gnutls-serv takes a client certificate' openssl_client p256.tls-server.example -tls1_2 \
    -key tls-client-p256.key -cert tls-client-p256.pem -cert_chain tls-client-p256.pem
ok '... but none of another CA' refused_by openssl_client p256.tls-server.example -tls1_2 \
    -key stranger.key -cert stranger.pem
stop_serving

# --- nginx and curl -------------------------------------------------------------------------------

free_port
cat >servers.conf <<END
ssl_client_certificate $root_ca;
ssl_verify_client on;
ssl_verify_depth 2;
END
# The first one answers for names that none has.
for file in mtls-p256.key mtls-rsa*.key tls-*.key vpn-*.key wifi-*.key radius-*.key device-*.key; do
    file=${file%.key}
    cat <<END
    server {
        listen 127.0.0.1:$tls_port ssl;
        server_name ${file##*-}.${file%-*}.example;
        ssl_certificate $scratch/$file.pem;
        ssl_certificate_key $scratch/$file.key;
        location / {
            return 200 "\$ssl_client_verify \$ssl_client_serial\n";
        }
    }
END
done >>servers.conf
nginx_start servers.conf
wait_until 10 answers || bail "nginx does not listen: $(cat nginx/out nginx/error.log)"

fetch() { # HOST OPTION...
    host=$1
    shift
    curl --silent --show-error --fail --noproxy '*' --cacert "$root_ca" --capath /nonexistent \
        --resolve "$host:$tls_port:127.0.0.1" "$@" "https://$host:$tls_port/"
}

as_client() { # FILE: curl with this certificate
    fetch p256.mtls.example --cert "$1.pem" --key "$1.key"
}

as_server() { # FILE: nginx with this certificate
    fetch "${1##*-}.${1%-*}.example" --cert tls-client-p256.pem --key tls-client-p256.key
}

for file in tls-client-p256 tls-client-p384 tls-client-rsa2048 tls-client-ed25519 mtls-p256 \
    mtls-rsa2048 vpn-client-p256 vpn-client-rsa2048 wifi-client-p256 wifi-client-rsa2048 \
    device-p256 device-rsa2048 device-ed25519; do
    ok "nginx takes $file of curl" as_client "$file"
    is '... and knows its serial' "$(cat "$out")" \
        "SUCCESS $(openssl x509 -in "$file.pem" -noout -serial | sed 's/serial=//')"
done
for file in tls-server-p256 vpn-server-rsa2048 radius-server-p256 code-signing-p256 \
    smime-p256 smime-rsa2048 ocsp-responder-p256; do
    fails "nginx does not take $file as a client" 22 400 as_client "$file"
done
for file in tls-server-p256 tls-server-rsa2048 tls-server-ed25519 mtls-p256 mtls-rsa2048 \
    vpn-server-p256 vpn-server-rsa2048 vpn-server-ed25519 radius-server-p256 radius-server-rsa2048; do
    ok "curl takes $file of nginx" as_server "$file"
done
for file in tls-client-p256 vpn-client-p256 wifi-client-rsa2048 device-p256; do
    fails "curl does not take $file as a server" 60 purpose as_server "$file"
done
fails 'a client without a certificate is refused' 22 '400' fetch p256.mtls.example
fails 'one of another CA is refused' 22 '400' fetch p256.mtls.example --cert stranger.pem \
    --key stranger.key
fails 'curl does not take the server for another name' 60 'no alternative certificate subject name' \
    fetch other.example --cert tls-client-p256.pem --key tls-client-p256.key
fails 'curl does not take the server without our root' 60 'certificate' curl --silent \
    --show-error --cacert other-ca.pem --capath /nonexistent --noproxy '*' \
    --resolve "p256.mtls.example:$tls_port:127.0.0.1" "https://p256.mtls.example:$tls_port/"

done_testing
