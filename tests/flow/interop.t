#!/bin/sh
# What others say of our certificates: OpenSSL and GnuTLS verify them for the purposes of their
# profile and for no other, TLS peers of both shake hands with them, a real nginx does mutual TLS
# with curl, and requests made by both are taken.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
tls_port=
tls_pid=
nginx_pid=

stop_all() {
    result=$?
    for pid in $tls_pid $nginx_pid; do
        kill "$pid" 2>/dev/null
    done
    ca_stop
    rm -rf "$scratch"
    exit "$result"
}
trap stop_all EXIT

ca_init || bail 'no CA'
ca_start || bail 'it does not start'
root_ca=$ca_dir/ca/root.pem

# --- each profile with each type of key -----------------------------------------------------------

issue() { # PROFILE TYPE
    cerca issue --profile "$1" --key-type "$2" --san "dns:$2.$1.example" --key-out "$1-$2.key" \
        --out "$1-$2.pem"
}

openssl_accepts() { # PURPOSE FILE
    openssl verify -x509_strict -purpose "$1" -CAfile "$root_ca" -untrusted "$2" "$2"
}

gnutls_accepts() { # PURPOSE HOST FILE
    certtool --verify --load-ca-certificate "$root_ca" --infile "$3" --verify-purpose "$1" \
        --verify-hostname "$2" --verify-profile medium
}

refused_by() { # COMMAND...
    ! "$@"
}

server_oid=1.3.6.1.5.5.7.3.1
client_oid=1.3.6.1.5.5.7.3.2
signing_oid=1.3.6.1.5.5.7.3.3

check_purposes() { # PROFILE FILE HOST
    case $1 in
    tls-server)
        good=sslserver bad='sslclient smimesign'
        gnutls_good=$server_oid gnutls_bad=$client_oid
        ;;
    tls-client)
        good=sslclient bad='sslserver smimesign'
        gnutls_good=$client_oid gnutls_bad=$server_oid
        ;;
    mtls)
        good='sslserver sslclient' bad=smimesign
        gnutls_good="$server_oid $client_oid" gnutls_bad=$signing_oid
        ;;
    esac
    for purpose in $good; do
        ok "$2: OpenSSL takes it as $purpose" openssl_accepts "$purpose" "$2"
    done
    for purpose in $bad crlsign timestampsign; do
        ok "$2: OpenSSL does not take it as $purpose" refused_by openssl_accepts "$purpose" "$2"
    done
    for purpose in $gnutls_good; do
        ok "$2: GnuTLS takes it for $purpose" gnutls_accepts "$purpose" "$3" "$2"
    done
    ok "$2: GnuTLS does not take it for $gnutls_bad" refused_by gnutls_accepts "$gnutls_bad" "$3" "$2"
    ok "$2: GnuTLS does not take it for another host" \
        refused_by gnutls_accepts "${gnutls_good%% *}" "other.example" "$2"
    ok "$2: OpenSSL does not take it for another host" \
        refused_by openssl verify -x509_strict -verify_hostname other.example -CAfile "$root_ca" \
        -untrusted "$2" "$2"
    ok "$2: nobody takes it without the root" refused_by openssl verify -x509_strict \
        -no-CAfile -no-CApath -no-CAstore -untrusted "$2" "$2"
}

for profile in tls-server tls-client mtls; do
    for type in p256 p384 rsa2048 ed25519; do
        ok "$profile with a key of type $type is issued" issue "$profile" "$type"
        check_purposes "$profile" "$profile-$type.pem" "$type.$profile.example"
    done
done
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
mkdir nginx
cat >nginx/nginx.conf <<END
daemon off;
user root;
worker_processes 1;
pid nginx.pid;
error_log error.log;
events { worker_connections 64; }
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    server {
        listen 127.0.0.1:$tls_port ssl;
        server_name p256.mtls.example;
        ssl_certificate $scratch/mtls-p256.pem;
        ssl_certificate_key $scratch/mtls-p256.key;
        ssl_client_certificate $root_ca;
        ssl_verify_client on;
        ssl_verify_depth 2;
        location / {
            return 200 "\$ssl_client_verify \$ssl_client_serial\n";
        }
    }
}
END
[ "$(id -u)" -eq 0 ] || sed -i '/^user /d' nginx/nginx.conf
nginx -p "$scratch/nginx" -c nginx.conf -e error.log >nginx.log 2>&1 &
nginx_pid=$!
wait_until 10 answers || bail "nginx does not listen: $(cat nginx.log nginx/error.log)"

fetch() { # HOST OPTION...
    host=$1
    shift
    curl --silent --show-error --fail --noproxy '*' --cacert "$root_ca" --capath /nonexistent \
        --resolve "$host:$tls_port:127.0.0.1" "$@" "https://$host:$tls_port/"
}

for file in tls-client-p256 tls-client-p384 tls-client-rsa2048 tls-client-ed25519 mtls-p256; do
    ok "nginx takes $file of curl, and curl takes nginx's" fetch p256.mtls.example \
        --cert "$file.pem" --key "$file.key"
    is '... and nginx knows its serial' "$(cat "$out")" \
        "SUCCESS $(openssl x509 -in "$file.pem" -noout -serial | sed 's/serial=//')"
done
fails 'a client without a certificate is refused' 22 '400' fetch p256.mtls.example
fails 'one of another CA is refused' 22 '400' fetch p256.mtls.example --cert stranger.pem \
    --key stranger.key
fails 'a server certificate is none for a client' 22 '400' fetch p256.mtls.example \
    --cert tls-server-p256.pem --key tls-server-p256.key
fails 'curl does not take the server for another name' 60 'no alternative certificate subject name' \
    fetch other.example --cert tls-client-p256.pem --key tls-client-p256.key
fails 'curl does not take the server without our root' 60 'certificate' curl --silent \
    --show-error --cacert other-ca.pem --capath /nonexistent --noproxy '*' \
    --resolve "p256.mtls.example:$tls_port:127.0.0.1" "https://p256.mtls.example:$tls_port/"

done_testing
