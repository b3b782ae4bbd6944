# A client of EST made of curl and openssl. Source it behind lib.sh, in $scratch:
#
#   . "$(dirname "$0")/est.sh"
#   est_client                   # once the CA runs: root.pem, $port and $base
#   est PATH [OPTION...]         # says the status; the head is in `head`, the body in `body`
#   post PATH FILE [OPTION...]   # ... of a request
#   post_as NAME PATH FILE       # ... with the certificate NAME.pem and NAME.key
#   csr NAME SUBJECT [SAN]       # makes NAME.key and NAME.csr, then public NAME, then taken NAME
#   token PROFILE USES NAME...   # says a token's text
#
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2317 # lib.sh has them; functions are called by name

est_client() {
    port=$(sed -n '/^https = {/,/}/s/.*port = "\(.*\)";.*/\1/p' "$ca_dir/cerca.conf")
    base=https://localhost:$port/.well-known/est
    cp "$ca_dir/ca/root.pem" root.pem
}

# est PATH [OPTION...]: the status; the head in `head`, the body in `body`.
est() {
    path=$1
    shift
    : >body
    rm -f head
    curl -s -m 20 --cacert root.pem -D head -o body -w '%{http_code}' "$@" "$base/$path"
}

# post PATH FILE [OPTION...]: the same with that file as a request.
post() {
    path=$1
    file=$2
    shift 2
    est "$path" -H 'Content-Type: application/pkcs10' --data-binary "@$file" "$@"
}

field() { # NAME, of the last answer's head
    tr -d '\r' <./head | sed -n "s/^$1: //p"
}

# csr NAME SUBJECT [SAN]: a new key NAME.key, and a request as base64 in NAME.csr.
csr() {
    openssl ecparam -name prime256v1 -genkey -noout -out "$1.key" &&
        again "$@"
}

again() { # the same with the key that is there
    openssl req -new -key "$1.key" -subj "$2" ${3:+-addext "subjectAltName=$3"} \
        -outform DER -out "$1.der" && base64 <"$1.der" >"$1.csr"
}

# taken NAME: the certificate of the last answer becomes NAME.pem, and is one for NAME.key.
taken() {
    base64 -d <body | openssl pkcs7 -inform DER -print_certs -out "$1.pem" &&
        openssl verify -CAfile root.pem -untrusted "$ca_dir/ca/issuing.pem" "$1.pem" &&
        openssl x509 -in "$1.pem" -noout -pubkey | cmp - "$1.pub"
}

public() { # NAME
    openssl pkey -in "$1.key" -pubout -out "$1.pub"
}

token() { # PROFILE USES PATTERN...
    profile=$1
    uses=$2
    shift 2
    for pattern; do
        set -- "$@" --name "$pattern"
        shift
    done
    cerca token create --profile "$profile" --uses "$uses" --ttl 1h "$@" -o json 2>/dev/null |
        jq -r .token
}

is_up() {
    [ "$(est cacerts)" = 200 ]
}

says() { # NAME PATTERN
    like "$1" body "$2"
}

own() { # NAME: options of curl for its certificate
    echo "--cert $1.pem --key $1.key"
}

# post_as NAME PATH FILE: with that certificate.
post_as() {
    who=$1
    where=$2
    what=$3
    shift 3
    # shellcheck disable=SC2046 # words
    post "$where" "$what" $(own "$who") "$@"
}
