#!/bin/bash
# EST: renewals for other names (RFC 7030 4.2.2, RFC 6402 2.8). Names change where the label lets
# them, to those that this very client may have; else they stay, and the refusal says why.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
cat >>"$conf" <<'labels'
est = (
    { name = "default"; profile = "tls-client"; },
    { name = "moves"; profile = "tls-client"; from = ( "tls-client" );
      rename = ( "dns:.moved.test", "dns:{serialNumber}.own.test", "email:moved.test" ); },
    { name = "servers"; profile = "tls-server"; rename = ( "dns:.moved.test" ); },
    { name = "both"; profile = "tls-client"; ways = ( "certificate+password" );
      rename = ( "dns:.moved.test" ); }
);
est_users = ( { name = "alice"; names = ( "dns:.alice.moved.test" ); } );
ca = { password_file = "enroll.passwd"; };
labels
(umask 077 && echo "alice:$(openssl passwd -6 'open sesame')" >"$ca_dir/enroll.passwd")
echo 'open sesame' >password
ca_start || bail 'it does not start'
est_client
wait_until 20 is_up || bail 'HTTPS does not come'

# certified NAME LABEL PROFILE SUBJECT SAN: NAME.key and NAME.pem.
certified() {
    csr "$1" "$4" "DNS:$5" && public "$1" &&
        [ "$(post "$2/simpleenroll" "$1.csr" \
            -u "x:$(cerca token create --profile "$3" --name "dns:$5" --uses 1 --ttl 1h \
                --subject "$6" -o json | jq -r .token)")" = 200 ] &&
        taken "$1"
}

# renew LABEL NAME NEXT [OPTION...]: with the certificate NAME.pem, for NEXT.pem and NEXT.key.
renew() {
    label=$1
    from=$2
    to=$3
    shift 3
    cerca est reenroll --url "https://localhost:$port" --trust root.pem --label "$label" \
        --cert "$from.pem" --key "$from.key" --key-out "$to.key" --out "$to.pem" "$@"
}

shows() { # NAME
    openssl x509 -in "$1.pem" -noout -subject -ext subjectAltName | tr -s '\n ' ' '
}

count() {
    cerca list --limit 1000 -o json | jq '[.. | .serial? // empty] | length'
}

ok 'a client' certified a default tls-client /serialNumber=S1/CN=a.test a.test \
    'CN=a.test,serialNumber=S1'
before=$(count)

# --- names that stay -----------------------------------------------------------------------------

fails 'where nothing lets them change they stay' 1 \
    'rule est.rename; field ChangeSubjectName; allowed: no change of names' \
    renew default a x --san dns:b.moved.test
fails 'a name that no pattern has' 1 'rule est.rename; field ChangeSubjectName; value dns:b.test' \
    renew moves a x --san dns:b.test
fails 'nor one among others' 1 'value dns:b.test' \
    renew moves a x --san dns:a.test --san dns:b.moved.test --san dns:b.test
fails "another one's own" 1 'value dns:S2.own.test' renew moves a x --san dns:S2.own.test
fails 'a name of another kind' 1 'value email:a@b.test' renew moves a x --san email:a@b.test
fails 'a CN that is no name' 1 'rule authorisation.cn|rule renew.subject|rule subject.cn' \
    renew moves a x --subject CN=admin --san dns:b.moved.test
fails 'a part of the subject that was not there' 1 'rule renew.subject; field subject; value Root' \
    renew moves a x --subject CN=b.moved.test,O=Root --san dns:b.moved.test
fails '... or another value' 1 'rule renew.subject; field subject; value S2' \
    renew moves a x --subject CN=b.moved.test,serialNumber=S2 --san dns:b.moved.test
is 'nothing was issued for any of them' "$(count)" "$before"
cerca audit log --limit 1000 -o json >records 2>"$err"
like 'each is on record' records 'est.rename'

# --- names that change ---------------------------------------------------------------------------

ok 'names change' renew moves a b --san dns:b.moved.test --san dns:a.test
is '... the subject stays' "$(shows b)" 'subject=serialNumber = S1, CN = a.test X509v3 Subject Alternative Name: DNS:b.moved.test, DNS:a.test '
ok '... it follows the one before' sh -c "cerca show $(openssl x509 -in b.pem -noout -serial |
    cut -d= -f2) -o json | grep -qi $(openssl x509 -in a.pem -noout -serial | cut -d= -f2)"
ok 'subject and names change' renew moves b c --subject serialNumber=S1,CN=c.moved.test \
    --san dns:c.moved.test --san email:c@moved.test
is '... both' "$(shows c)" 'subject=CN = c.moved.test, serialNumber = S1 X509v3 Subject Alternative Name: DNS:c.moved.test, email:c@moved.test '
ok 'a name made of its subject' renew moves c d --san dns:S1.own.test
is '... is its own' "$(shows d)" 'subject=CN = c.moved.test, serialNumber = S1 X509v3 Subject Alternative Name: DNS:S1.own.test '
ok 'who asks for nothing keeps them' renew moves d e
is '... all' "$(shows e)" "$(shows d)"
csr f /serialNumber=S1/CN=c.moved.test DNS:other.moved.test
is 'names outside of the attribute stay as they are' "$(post_as d moves/simplereenroll f.csr)" 403
ok 'a server' certified s servers tls-server /CN=s.test s.test CN=s.test
fails '... whose profile wants its CN among the names' 1 'rule subject.cn|rule san.cn|cn' \
    renew servers s x --san dns:s.moved.test
ok '... changes both' renew servers s t --subject CN=s.moved.test --san dns:s.moved.test
is '... so it is' "$(shows t)" 'subject=CN = s.moved.test X509v3 Subject Alternative Name: DNS:s.moved.test '
fails 'with a password it must be one of the user' 1 'rule est.rename;.* value dns:b.moved.test' \
    renew both e x --user alice --password-file password --san dns:b.moved.test
ok '... as this' renew both e g --user alice --password-file password --san dns:b.alice.moved.test
is '... is' "$(shows g)" 'subject=CN = c.moved.test, serialNumber = S1 X509v3 Subject Alternative Name: DNS:b.alice.moved.test '
cerca revoke --reason keyCompromise --yes g.pem 2>"$err"
fails 'who is revoked changes nothing' 1 'rule est.certificate.revoked' \
    renew moves g x --san dns:b.moved.test
ok 'the store is sound' cerca store check
sed -i 's/"dns:{serialNumber}.own.test"/"dns:{ou}.own.test"/' "$conf"
fails 'what is filled in must be known' 1 'rename' cerca conf check -c "$conf"

done_testing
