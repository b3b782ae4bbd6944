#!/bin/sh
# A real nginx with conf/nginx/cerca-public.conf, as it is but for places, in front of cerca-public: it
# keeps what it may for as long as it may, so a revocation is seen after max-age; nothing else is kept.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
http=on
age=12 # of OCSP answers, in seconds
stopped=
go_on() { # STATUS
    [ -z "$stopped" ] || kill -CONT "$stopped"
    return "$1"
}
trap 'go_on $?; cleanup' EXIT

ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
echo "ocsp = { http_age = \"${age}s\"; };" >>"$conf"
ca_start || bail 'it does not start'
behind=$(sed -n 's,.*base_url = "http://\(.*\)";.*,\1,p' "$conf")
cp "$ca_dir/ca/root.pem" root.pem
cp "$ca_dir/ca/issuing.pem" issuing.pem
cerca issue --profile tls-server --san dns:a.example.test --key-out a.key --out a.pem 2>/dev/null ||
    bail 'not issued'

# put WHAT WITH: in the file of conf/, which has it.
put() {
    grep -q "$1" site.conf || bail "conf/nginx/cerca-public.conf has no $1"
    sed -i "s,$1,$2," site.conf
}
site=127.0.0.1:$(free_ports | cut -d ' ' -f 1)
cp "$root/conf/nginx/cerca-public.conf" site.conf
put 'listen 80;' "listen $site;"
put 'server 127.0.0.1:8080;' "server $behind;"
put '/var/cache/nginx/cerca' "$scratch/cache"
nginx_start site.conf

# fetch PATH OPTION...: through nginx; the head in `head`, the body in `body`.
fetch() {
    path=$1
    shift
    : >body
    curl -s -m 10 --path-as-is -D head -o body "$@" "http://$site$path"
}

field() { # NAME, of `head`
    tr -d '\r' <./head | sed -n "s/^$1: //p"
}

# cached PATH OPTION...: its HTTP status, and what nginx says where it came from.
cached() {
    fetch "$@"
    echo "$(sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' head) $(field X-Cache-Status)"
}

# comes FROM PATH [OPTION...]: from the cache, or past it.
comes() {
    from=$1
    shift
    [ "$(cached "$@")" = "200 $from" ]
}

# says STATUS OPTION...: OpenSSL believes the answer about a.pem, and it says so.
says() {
    want=$1
    shift
    openssl ocsp -issuer issuing.pem -cert a.pem -CAfile root.pem "$@" >answer 2>verdict &&
        grep -q 'Response verify OK' verdict && grep -q "^a.pem: $want\$" answer
}

get() { # STATUS: by GET, from wherever it comes
    fetch "$path_of_a" && says "$1" -respin body
}

ocsp_path() { # OPTION...
    openssl ocsp -issuer issuing.pem -reqout request.der "$@" 2>/dev/null
    printf '/ocsp/%s' "$(base64 -w0 request.der | sed 's/+/%2B/g; s,/,%2F,g; s/=/%3D/g')"
}

past() { # TIME
    [ "$(date +%s)" -gt "$1" ]
}

wait_until 10 curl -sf "http://$site/crl/root.crl" -o /dev/null ||
    bail "nginx does not listen: $(cat nginx/out nginx/error.log)"
wait_until 10 says good -url "http://$behind/ocsp" || bail 'no OCSP'

# --- OCSP by GET ----------------------------------------------------------------------------------

path_of_a=$(ocsp_path -cert a.pem -no_nonce)
is 'the first is fetched' "$(cached "$path_of_a")" '200 MISS'
cp body first
field Date >when
field Expires >expires
etag=$(field ETag)
ok '... and believed' says good -respin body
is 'the next comes from the cache' "$(cached "$path_of_a")" '200 HIT'
ok '... the same' cmp body first
is '... with the Date of then' "$(field Date)" "$(cat when)"
is '... and the same end' "$(field Expires)" "$(cat expires)"
ok '... which is Date and max-age' agrees head
is 'its ETag gets 304, from the cache' "$(cached "$path_of_a" -H "If-None-Match: $etag")" '304 HIT'
is 'HEAD too' "$(cached "$path_of_a" -I)" '200 HIT'
ok 'when it is too old, its ETag is enough to keep it' wait_until $((age + 20)) comes REVALIDATED "$path_of_a"
ok '... with a new date' agrees head
ok '... then it is kept again' comes HIT "$path_of_a"
plain=$(base64 -w0 request.der)
for path in "/ocsp/$plain" "/ocsp//$plain" "/ocsp/$(echo "$plain" | tr -d =)"; do
    fetch "$path"
    ok "as other clients write it: $(echo "$path" | tail -c 12)" says good -respin body
done

# --- a revocation ---------------------------------------------------------------------------------

wait_until $((age + 20)) comes REVALIDATED "$path_of_a" || bail 'it is kept for ever'
cerca revoke --yes --reason keyCompromise a.pem >/dev/null 2>&1
revoked_at=$(date +%s)
ok 'by POST a revocation is seen at once' says revoked -url "http://$site/ocsp" -no_nonce
ok 'after max-age' wait_until $((age + 20)) past $((revoked_at + age))
ok '... it is seen by GET' get revoked
is '... without what was there before' "$(cmp -s body first && echo same)" ''

# --- what nobody keeps ----------------------------------------------------------------------------

ok 'POST goes through, with a nonce' says revoked -url "http://$site/ocsp" -nonce
unlike '... which is in the answer' verdict 'no nonce'
for _ in 1 2; do
    is 'POST never comes from the cache' \
        "$(cached /ocsp --data-binary @request.der -H 'Content-Type: application/ocsp-request')" '200 '
    ok '... and is right' says revoked -respin body
done
with_nonce=$(ocsp_path -cert a.pem -nonce)
never=$(ocsp_path -serial 0x5053f000000000000000000000000001 -no_nonce)
for path in "$with_nonce" "$never" /ocsp/MA==; do
    is "nobody keeps $(echo "$path" | tail -c 16)" "$(cached "$path") $(cached "$path")" \
        '200 MISS 200 MISS'
done
is 'no such path' "$(cached /else) $(cached /else)" '404 MISS 404 MISS'
is 'PUT is refused' "$(cached /ocsp -X PUT | cut -d ' ' -f 1)" 405
is 'POST elsewhere is refused' "$(cached /crl/issuing.crl -X POST -d x | cut -d ' ' -f 1)" 403
head -c 100000 /dev/zero >large
is 'so is what is too large' "$(cached /ocsp --data-binary @large | cut -d ' ' -f 1)" 413

# --- CRLs, certificates, the tree -----------------------------------------------------------------

# The CRL that the revocation brings is there, or it would come in the midst of this.
cerca crl publish issuing >/dev/null 2>&1 || bail 'no CRL'
for path in /crl/issuing.crl /ca/issuing.crt /ca/issuing.pem /ca/issuing.p7c; do
    is "$path is fetched once" "$(cached "$path") $(cached "$path")" '200 MISS 200 HIT'
    etag=$(field ETag)
    date=$(field Last-Modified)
    cp body whole
    ok '... as it is' sh -c "curl -s 'http://$behind$path' | cmp - whole"
    is '... for its ETag 304' "$(cached "$path" -H "If-None-Match: $etag")" '304 HIT'
    is '... for its date too' "$(cached "$path" -H "If-Modified-Since: $date")" '304 HIT'
done
is 'a range of a CRL' "$(cached /crl/issuing.crl -r 100-199)" '206 HIT'
fetch /crl/issuing.crl
tail -c +101 body | head -c 100 >part
fetch /crl/issuing.crl -r 100-199
ok '... is that part' cmp body part
cerca audit checkpoint >/dev/null 2>&1
is 'the checkpoint is kept for seconds' "$(cached /audit/checkpoint) $(cached /audit/checkpoint)" \
    '200 MISS 200 HIT'
is 'health is not kept' "$(cached /health)" '200 '

# --- without cerca-public -------------------------------------------------------------------------

comes MISS "$path_of_a"
comes MISS /audit/checkpoint
gone=$(date +%s)
for pid in $(tr ' ' '\n' <"/proc/$ca_pid/task/$ca_pid/children"); do
    [ "$(cat "/proc/$pid/comm")" != cerca-public ] || stopped=$pid
done
[ -n "$stopped" ] || bail 'there is no cerca-public'
kill -STOP "$stopped"
wait_until $((age + 30)) past $((gone + age)) || bail 'the time stands still'
curl -s -m 10 -o fetched "http://$site$path_of_a" &
fetching=$!
ok 'while a newer answer is fetched, others get the one before' \
    wait_until 2 comes UPDATING "$path_of_a" -m 1
ok '... which is right' says revoked -respin body
wait "$fetching"
ok 'of what has a date of its own, the last one is there' comes STALE /audit/checkpoint
kill -CONT "$stopped"
stopped=
ok 'when cerca-public is back, so is all' wait_until 20 get revoked
ok '... with the newest' wait_until 20 comes HIT "$path_of_a"
done_testing
