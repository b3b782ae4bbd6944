#!/bin/bash
# docs/wifi.md, typed word by word: a real FreeRADIUS and a real supplicant, with certificates that
# they enrolled for over EST, until they are revoked. Stand-ins are for systemd and chown alone.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/guide-est.sh
. "$(dirname "$0")/guide-est.sh"
# shellcheck source=tests/flow/radius.sh
. "$(dirname "$0")/radius.sh"

mkdir "$scratch/here"
cd "$scratch/here" || exit 1
guide_start docs/wifi.md wifi
radius_setup
eap=$scratch/raddb/eap
mkdir "$scratch/raddb/certs"

# What the hosts and ports of this test are.
sed -i -e "s|/etc/freeradius/3.0|$scratch/raddb|; s|-p 1812|-p $radius_port|" \
    "$scratch"/sh* "$scratch"/conf*

systemctl() {
    case $* in
    'reload cercad') reload_cercad ;;
    'restart freeradius')
        radius_stop
        radius_start
        ;;
    esac
}
chown() { test "$1" = freerad:freerad; }

in_tls_common() { # FILE
    cp "$scratch/conf2" "$eap"
    sed -i "/tls-config tls-common {/r $1" "$eap"
}

try() {
    # shellcheck source=/dev/null
    . "$scratch/sh$connect"
}

refuses() {
    ! try
}

cat "$scratch/conf1" >>"$CERCA_CONF"
typing 'labels and tokens'
cp roots.pem radius.token "$scratch/raddb/certs"
typing 'the server enrolls'
cp "$scratch/conf2" "$eap"
typing 'FreeRADIUS starts with that'
like 'and is ready' "$radius_log" 'Ready to process requests'
typing 'the laptop enrolls'
openssl x509 -in alice.pem -noout -text >alice.text
like 'for a certificate with the security identifier' alice.text 'S-1-5-21-1-2-3-1104'
cp "$scratch/conf3" wifi.conf
typing 'the laptop is let in'
connect=$guide_typed
like 'with keys for the air on both sides' "$out" 'MPPE keys OK: 1'
cp alice.pem first.pem
typing 'it renews itself'
is 'key and all' "$(openssl x509 -in alice.pem -noout -pubkey | cmp -s - <(openssl pkey -in alice.key -pubout) &&
    ! cmp -s alice.pem first.pem && echo renewed)" renewed
typing 'so does the server'
ok 'and lets it in' try

# A tablet of hers, which will be revoked by CRL alone.
mkdir tablet
on_tablet() { # COMMAND...
    (cd tablet && "$@")
}
cerca token create --profile wifi-client --name email:alice@example.com --owner alice-tablet \
    --out tablet/alice.token
cp roots.pem wifi.conf tablet
cd tablet || exit 1
type_block 'a tablet enrolls' "$scratch/sh4"
cd ..

fetching=$scratch/sh$((guide_typed + 1))
guide_typed=$((guide_typed + 1))
in_tls_common "$scratch/conf4"
systemctl 'restart freeradius'
ok 'with OCSP the laptop is let in' try
like 'after FreeRADIUS has asked' "$radius_log" 'ocsp: Cert status: good'
typing 'it is lost'
revoking=$scratch/sh$guide_typed
ok 'and refused at once' refuses
like 'by what OCSP said' "$radius_log" 'ocsp: Cert status: revoked'
ok 'the tablet is not' on_tablet try

nobody=http://127.0.0.1:$(free_ports | cut -d ' ' -f 1)/
sed "s|override_cert_url = no|override_cert_url = yes\n            url = \"$nobody\"|" "$scratch/conf4" >away
in_tls_common away
systemctl 'restart freeradius'
ok 'nobody is let in while no responder answers' on_tablet refuses
like 'who was asked' "$radius_log" 'ocsp: Using responder URL "http://127.0.0.1:[0-9]*/"'

in_tls_common "$scratch/conf5"
cerca crl publish >/dev/null || bail 'no CRL'
type_block 'CRLs are fetched' "$fetching"
systemctl 'restart freeradius'
ok 'by CRL the laptop is refused' refuses
like 'since it is on it' "$radius_log" 'certificate revoked'
unlike 'and nobody else is asked' "$radius_log" 'ocsp: '
ok 'which the tablet is not' on_tablet try
sed -i 's/alice-laptop/alice-tablet/' "$revoking"
type_block 'it is lost too' "$revoking"
ok 'the present CRL knows nothing of it' on_tablet try
cerca crl publish >/dev/null || bail 'no CRL'
type_block 'the next one is fetched' "$fetching"
# FreeRADIUS looks for it every five minutes at most.
systemctl 'restart freeradius'
ok 'and refuses it' on_tablet refuses
like 'since it is on it' "$radius_log" 'certificate revoked'

typing 'key and certificate in one file'
ok 'which opens' openssl pkcs12 -in bob.p12 -passin file:bob.password -nodes -legacy -out bob.pem
cp bob.pem alice.pem
cp bob.pem alice.key
ok 'and lets Bob in' try

# Another issuing CA below the same root.
cat >others <<'ISSUER'
    { name = "others"; subject = "CN=Others"; token = "default"; key = "pkcs11:object=others";
      key_type = "p256"; parent = "root"; signs_leaves = true; path_len = "0"; validity = "2y"; },
ISSUER
sed -i '/^issuers = (/r others' "$CERCA_CONF"
echo 'profiles = ( { name = "other"; issuer = "others"; eku = ( "clientAuth" ); } );' >>"$CERCA_CONF"
reload_cercad || bail 'it does not take another CA'
ok 'another issuing CA' cerca ca create others
mkdir other
ok 'has a client' cerca issue --profile other --san dns:other.example --key-out other/alice.key \
    --out other/alice.pem
on_other() { # COMMAND...
    (cp roots.pem wifi.conf other && cd other && "$@")
}
cp "$scratch/conf2" "$eap"
systemctl 'restart freeradius'
ok 'which is let in below the root' on_other try
cp "$ca_dir/ca/issuing.pem" "$scratch/raddb/certs/clients/ca.pem"
systemctl 'restart freeradius'
ok 'and refused where the first issuing CA alone is known' on_other refuses
ok 'whose client is let in' try

typing 'a profile for Apple'
ok 'that fits together' python3 - bob.mobileconfig roots.pem bob.p12 <<'CHECK'
import plistlib, ssl, sys

profile, root, identity = sys.argv[1:]
top = plistlib.load(open(profile, "rb"))
parts = {part["PayloadType"]: part for part in top["PayloadContent"]}
wifi = parts["com.apple.wifi.managed"]
eap = wifi["EAPClientConfiguration"]
anchor, own = parts["com.apple.security.root"], parts["com.apple.security.pkcs12"]
assert anchor["PayloadContent"] == ssl.PEM_cert_to_DER_cert(open(root).read())
assert own["PayloadContent"] == open(identity, "rb").read() and "Password" not in own
assert wifi["PayloadCertificateUUID"] == own["PayloadUUID"]
assert eap["PayloadCertificateAnchorUUID"] == [anchor["PayloadUUID"]]
assert eap["AcceptEAPTypes"] == [13] and eap["TLSTrustedServerNames"] == ["radius.example.com"]
uuids = [part["PayloadUUID"] for part in [top, *top["PayloadContent"]]]
assert len(set(uuids)) == 4
CHECK
typed_all

done_testing
