#!/bin/sh
# A real FreeRADIUS loads what radius-server issues, and lets in what wifi-client issues, by EAP-TLS
# (RFC 5216) with a real supplicant; nobody else.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/radius.sh
. "$(dirname "$0")/radius.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
ca_start || bail 'it does not start'
radius_setup

issue() { # PROFILE NAME SAN
    cerca issue --profile "$1" --san "$3" --key-out "$2.key" --out "$2.pem" 2>"$2.err"
}

cat >raddb/eap <<CONF
eap {
    default_eap_type = tls
    tls-config tls-common {
        private_key_file = $scratch/radius.key
        certificate_file = $scratch/radius.pem
        ca_file = $scratch/clients-ca.pem
        tls_min_version = "1.2"
        tls_max_version = "1.2"
    }
    tls {
        tls = tls-common
    }
}
CONF

# connect NAME [DOMAIN]: as the supplicant with that certificate.
connect() {
    cat >"$1.conf" <<CONF
network={
    key_mgmt=WPA-EAP
    eap=TLS
    identity="$1@wifi.example"
    ca_cert="$ca_dir/ca/root.pem"
    client_cert="$scratch/$1.pem"
    private_key="$scratch/$1.key"
    domain_match="${2:-radius.wifi.example}"
}
CONF
    eapol "$1.conf"
}

ok 'radius-server issues' issue radius-server radius dns:radius.wifi.example
ok 'wifi-client issues' issue wifi-client laptop email:alice@wifi.example
ok 'a server certificate, which is no client' issue tls-server web dns:web.wifi.example
cat "$ca_dir/ca/root.pem" "$ca_dir/ca/issuing.pem" >clients-ca.pem
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout stranger.key \
    -subj /CN=stranger -addext extendedKeyUsage=clientAuth -out stranger.pem 2>/dev/null
ok 'FreeRADIUS loads the chain' freeradius -XC -d raddb

radius_start || bail 'FreeRADIUS does not start'
ok 'a client certificate is let in' connect laptop
like 'with keys for the air on both sides' "$out" 'MPPE keys OK: 1'
run connect laptop evil.wifi.example
is 'a server of another name is not talked to' "$(test "$status" -ne 0 && echo refused)" refused
run connect web
is 'a server certificate does not let a client in' "$(test "$status" -ne 0 && echo refused)" refused
run connect stranger
is 'a certificate of somebody else does not' "$(test "$status" -ne 0 && echo refused)" refused
ok 'and the client is let in again' connect laptop

done_testing
