#!/bin/bash
# When to renew: told over HTTPS to who holds the certificate, as in RFC 9773 4.2, and to nobody
# else.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
echo 'est = ( { name = "default"; profile = "tls-client"; } );' >>"$ca_dir/cerca.conf"
ca_start || bail 'it does not start'
est_client
wait_until 20 is_up || bail 'HTTPS does not come'
where=https://localhost:$port/.well-known/cerca/renewal

# hint [PATH] [OPTION...]: the status; the head in `head`, the body in `body`.
hint() {
    path=$1
    shift
    : >body
    curl -s -m 20 --cacert root.pem -D head -o body -w '%{http_code}' "$@" "$where$path"
}

issue() { # NAME FILE
    cerca issue --profile tls-client --san "dns:$1" --key-out "$2.key" --out "$2.pem"
}

ask() { # NAME [OPTION...]
    asking=$1
    shift
    cerca est hint --url "https://localhost:$port" --trust root.pem --cert "$asking.pem" \
        --key "$asking.key" "$@"
}

seconds() { # JSON path
    date -d "$(jq -r "$1" body)" +%s
}

# The first half of the time between due and late, and in the certificate's life.
is_window() { # NAME
    from=$(date -d "$(openssl x509 -in "$1.pem" -noout -startdate | cut -d= -f2)" +%s)
    until=$(date -d "$(openssl x509 -in "$1.pem" -noout -enddate | cut -d= -f2)" +%s)
    start=$(seconds .suggestedWindow.start)
    end=$(seconds .suggestedWindow.end)
    echo "$from $start $end $until"
    [ $((start - from)) -ge $(((until - from) * 66 / 100)) ] && [ "$start" -lt "$end" ] &&
        [ "$end" -lt "$until" ] && [ "$(seconds .notAfter)" = "$until" ] &&
        [ "$(jq -r .fingerprint body)" = "$(print_of "$1")" ]
}

print_of() { # NAME
    openssl x509 -in "$1.pem" -outform DER | sha256sum | cut -d' ' -f1
}

# RFC 9773 4.1: the authority key identifier and the serial number, base64url without padding.
identifier_of() { # NAME
    aki=$(openssl x509 -in "$1.pem" -noout -ext authorityKeyIdentifier | sed -n 's/^ *//;2p' |
        sed 's/keyid://' | tr -d ':')
    serial=$(openssl x509 -in "$1.pem" -noout -serial | cut -d= -f2)
    case $serial in [89A-F]*) serial=00$serial ;; esac
    printf '%s.%s' "$(url_of "$aki")" "$(url_of "$serial")"
}
url_of() { # HEX
    printf '%s' "$1" | xxd -r -p | base64 -w0 | tr '+/' '-_' | tr -d =
}

ok 'a client' issue a.test a
ok 'another' issue b.test b
# shellcheck disable=SC2046 # words
{
    is 'the holder is told' 200 "$(hint '' $(own a))"
    like 'as JSON' head '^Content-Type: application/json'
    ok 'in how many seconds to ask again' test "$(field Retry-After)" -ge 60
    ok 'a window between due and late' is_window a
    cp body first
    is 'asked again' 200 "$(hint '' $(own a))"
    ok 'the answer is the same' cmp body first
    is 'by its fingerprint' 200 "$(hint "/$(print_of a)" $(own a))"
    ok 'likewise' cmp body first
    is 'by its identifier of RFC 9773' 200 "$(hint "/$(identifier_of a)" $(own a))"
    ok 'likewise' cmp body first

    is "another's by its fingerprint" 404 "$(hint "/$(print_of b)" $(own a))"
    cp body refused
    is "another's by its identifier" 404 "$(hint "/$(identifier_of b)" $(own a))"
    ok 'is refused in the same words' cmp body refused
    is 'as one that is not there' 404 \
        "$(hint "/$(printf '%064d' 7)" $(own a))"
    ok 'in the same words' cmp body refused
    is 'a path that names nothing' 404 "$(hint /x $(own a))"
    is 'an identifier that is no base64url' 404 "$(hint '/AA==.AA' $(own a))"
    is 'a very long one' 404 "$(hint "/$(printf '%0500d' 1).AA" $(own a))"
    is 'to post something' 405 "$(hint '' $(own a) -d x)"
    is 'without a certificate' 403 "$(hint '')"
    openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=a.test -days 9 -keyout fake.key -out fake.pem \
        2>/dev/null
    is 'with one that somebody else made' 403 "$(hint '' $(own fake))"
}
refused() {
    cerca audit log -o json 2>/dev/null | grep -q 'hint.unknown\|est.certificate.unknown'
}
ok 'what was refused is in the audit log' wait_until 10 refused

like 'the command asks for it' <(ask a) '^renew it between .* and .*: renewing begins at'
is 'not due yet' false "$(ask a -o json | jq .due)"
fails 'nothing of another' 1 hint.unknown ask a --of b.pem
ok 'its own by a file' ask a --of a.pem

ok 'the next one of the same identity' cerca est reenroll --url "https://localhost:$port" \
    --trust root.pem --cert a.pem --key a.key --key-out next.key --out next.pem
like 'the old one has been followed' <(ask a) 'another certificate has taken its place'
ok 'the new one may ask for the old one' ask next --of a.pem
like 'the new one has its own time' <(ask next) '^renew it between .*: renewing begins'

ok 'a revocation' cerca revoke b.pem --reason superseded
like 'makes it now' <(ask b) '^renew it now; .*revoked'
ok 'nothing else is told with a revoked one' cerca revoke a.pem --reason superseded
fails 'of the identity' 1 hint.unknown ask a --of next.pem
ca_stop
done_testing
