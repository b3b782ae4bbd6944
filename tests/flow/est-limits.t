#!/bin/bash
# Limits of EST: of an identity, of a device over all its renewals, and of a client's address; what
# is refused has the time to wait, and stands in the audit log.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
cat >>"$conf" <<'labels'
profiles = ( { name = "tls-client"; identity_limit = "2/1d"; } );
est = (
    { name = "default"; profile = "tls-client"; },
    { name = "vpn"; profile = "vpn-client"; }
);
ca = { requester_limit = "4/1d"; };
labels
ca_start || bail 'it does not start'
est_client
wait_until 20 is_up || bail 'HTTPS does not come'

# renewed LABEL OLD NEW: the status, with the certificate OLD, for another key of the same names.
renewed() {
    csr "$3" /CN=line.example.test DNS:line.example.test
    public "$3"
    post_as "$2" "$1/simplereenroll" "$3.csr"
}

# --- an identity --------------------------------------------------------------------------------

csr a /CN=line.example.test DNS:line.example.test
public a
is 'a first certificate' \
    "$(post simpleenroll a.csr -u "x:$(token tls-client 9 dns:line.example.test)")" 200
ok '... taken' taken a
is 'a second of that identity, renewed' "$(renewed default a b)" 200
ok '... taken' taken b
is 'a third one is refused' "$(renewed default b c)" 429
says '... by its rule' 'rule limit\.identity'
ok '... with the time to wait' test "$(field Retry-After)" -gt 3600
is '... to whoever asks for that identity' \
    "$(post simpleenroll c.csr -u "x:$(token tls-client 9 dns:line.example.test)")" 429
is 'the one before, asked for again, is answered' "$(post_as a simplereenroll b.csr)" 200
csr other /CN=other.example.test DNS:other.example.test
is 'another identity is not at its limit' \
    "$(post simpleenroll other.csr -u "x:$(token tls-client 9 dns:other.example.test)")" 200

# --- a device over its renewals -----------------------------------------------------------------

csr v0 /CN=line.example.test DNS:line.example.test
public v0
is 'a device enrolls' \
    "$(post vpn/simpleenroll v0.csr -u "x:$(token vpn-client 1 dns:line.example.test)")" 200
ok '... taken' taken v0
for n in 0 1 2 3; do
    is "... renews, each time with its newest certificate ($n)" \
        "$(renewed vpn "v$n" "v$((n + 1))")" 200
    taken "v$((n + 1))" >/dev/null || bail 'not taken'
done
is 'the next one is refused' "$(renewed vpn v4 v5)" 429
says '... since the device has had its share' 'rule limit\.requester.*identity:[0-9a-f]{32} has had|identity:[0-9a-f]{32} has had.*limit\.requester'
cerca audit log --action refuse --limit 100 -o json >"$out" 2>"$err"
json 'both refusals are recorded' \
    '[.. | .rule? // empty] | index("limit.identity") != null and index("limit.requester") != null'
# --- an address ---------------------------------------------------------------------------------

ca_stop
sed -i 's|^https = {|&\n    address_limit = "20/10s";|' "$conf"
ca_start || bail 'it does not start again'
wait_until 20 cerca status || bail 'it is not well'
is 'a restart forgets no count' "$(post_as v4 vpn/simplereenroll v5.csr)" 429

ok '... and says how long it lasts' test "$(field Retry-After)" -gt 3600
python3 - "$port" >answers <<'client'
import http.client, ssl, sys, time
c = http.client.HTTPSConnection("localhost", int(sys.argv[1]), timeout=20,
                                context=ssl.create_default_context(cafile="root.pem"))
got, begin = [], time.monotonic()
for _ in range(100):
    c.request("GET", "/.well-known/est/cacerts")
    answer = c.getresponse()
    answer.read()
    got.append((answer.status, int(answer.headers.get("Retry-After", 0))))
took = time.monotonic() - begin
assert {g[0] for g in got} == {200, 429}, got
assert all(1 <= g[1] <= 10 for g in got if g[0] == 429), got
print(sum(g[0] == 200 for g in got), min(90, 30 + int(2 * took)))  # so many in ten seconds
time.sleep(max(g[1] for g in got))
c.request("GET", "/.well-known/est/cacerts")
print(c.getresponse().status)
client
read -r served most <answers
ok "of a hundred requests at once of one address a part is served ($served)" \
    test "$served" -ge 10 -a "$served" -le "$most"
is '... and one more after Retry-After' "$(sed -n 2p answers)" 200
is_recorded() {
    cerca audit log --action refuse --limit 100 -o json >"$out" 2>"$err" &&
        jq -e '[.. | .rule? // empty] | index("limit.address") != null' <"$out"
}
ok 'it is recorded' wait_until 10 is_recorded
json '... not once for each' '[.. | .rule? // empty | select(. == "limit.address")] | length <= 2'
json '... from where' '[.. | select(.rule? == "limit.address") | .origin] | all(. == "est 127.0.0.1")'
done_testing
