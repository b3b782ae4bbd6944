#!/bin/sh
# Revoking in bulk, by each filter, with values that are awkward: exactly what is meant is revoked,
# and an empty value never means everything. What has expired is said to have.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
echo 'profiles = ( { name = "tls-server"; wildcards = true; } );' >>"$ca_dir/cerca.conf"
ca_start || bail 'it does not start'

issue() { # FILE OWNER [SAN]...
    file=$1
    who=$2
    shift 2
    for san in "${@:-dns:$file.filter.example}"; do
        set -- "$@" --san "$san"
    done
    while [ "$1" != --san ]; do shift; done
    cerca issue --profile "${profile:-tls-server}" --key-out "$file.key" --owner "$who" \
        --out "$file.pem" "$@" 2>"$file.err" || bail "$file is not issued: $(cat "$file.err")"
    echo "$(serial_of "$file") $file" >>files
}

serial_of() {
    openssl x509 -in "$1.pem" -noout -serial | sed 's/serial=//' | tr 'A-F' 'a-f'
}

# meant OPTION...: the files of what a dry run lists, in order of the alphabet.
meant() {
    cerca revoke "$@" --dry-run >listed 2>meant.err
    cut -d ' ' -f 1 listed | while read -r serial; do
        sed -n "s/^$serial //p" files
    done | sort | tr '\n' ' ' | sed 's/ $//'
}

awkward="O'Brien & \"Söhne\" \$(x) \\ %s, *"
issue quote "$awkward"
issue dash '-rf'
issue star '*'
issue plain alice
issue longer alice2
issue upper Alice
issue top bob dns:filter.example
issue wild bob 'dns:*.filter.example'
issue idn bob dns:xn--bcher-kva.filter.example
issue address bob ip:10.9.8.7 ip:2001:db8::7
issue near bob dns:notfilter.example ip:10.9.8.77
profile=tls-client issue client carol dns:client.filter.example

# --- owners ---------------------------------------------------------------------------------------

is 'an owner with every awkward character' "$(meant --owner "$awkward")" quote
is 'an owner that looks like an option' "$(meant --owner=-rf)" dash
is 'a star is a star' "$(meant --owner '*')" star
is 'neither a beginning nor another case is meant' "$(meant --owner alice)" plain
is 'nobody has this one' "$(meant --owner ali)" ''
fails '... which is said' 1 'no certificate that could be revoked' cerca revoke --owner ali --yes

# --- nothing at all ---------------------------------------------------------------------------------

for filter in owner profile name issuer requester key; do
    fails "an empty --$filter is wrong usage" 2 'to mean everything' \
        cerca revoke "--$filter" '' --yes
done
fails 'nor do all names below nothing' 2 'to mean everything' cerca revoke --name . --yes
is 'nothing was revoked' "$(cerca list --status revoked -o json)" '[]'

# --- names ------------------------------------------------------------------------------------------

is 'a name is that name' "$(meant --name filter.example)" top
is '... in any case' "$(meant --name FILTER.Example)" top
is '... with its kind' "$(meant --name dns:filter.example)" top
is 'all below it' "$(meant --name .filter.example)" \
    'client dash idn longer plain quote star upper wild'
is 'a wildcard is a name' "$(meant --name '*.filter.example')" wild
is 'an internationalised one, as it stands there' "$(meant --name xn--bcher-kva.filter.example)" idn
is 'an address' "$(meant --name 10.9.8.7)" address
is '... of the other kind' "$(meant --name 2001:db8::7)" address

# --- the others -------------------------------------------------------------------------------------

is 'a profile' "$(meant --profile tls-client)" client
is 'an issuer' "$(meant --issuer issuing | wc -w)" 12
fails 'an issuer that is not there' 1 'there is no issuer' cerca revoke --issuer other --yes
key=$(openssl pkey -in star.key -pubout -outform DER | sha256sum | cut -d ' ' -f 1)
is 'a key' "$(meant --key "$key")" star
fails 'a key that is none' 1 '64 digits' cerca revoke --key abc --yes
is 'all filters have to hold' "$(meant --owner bob --name .filter.example)" 'idn wild'
is '... all of them' "$(meant --owner bob --profile tls-client)" ''

# --- times ------------------------------------------------------------------------------------------

at=$(cerca show "$(serial_of quote)" -o json | jq -r .issued_at)
is 'issued at or after the very second' "$(meant --owner "$awkward" --issued-from "$at")" quote
is '... not before it' "$(meant --owner "$awkward" --issued-before "$at")" ''
is 'a day in the future has none' "$(meant --issued-from 2099-01-01)" ''
is 'a day in the past has none before it' "$(meant --issued-before 2020-01-01)" ''
is 'an empty span has none' "$(meant --issued-from 2030-01-01 --issued-before 2020-01-01)" ''
for time in yesterday 2026-13-01 2026-02-30 1e9 '' '2026-01-01T00:00:00+02:00'; do
    fails "\"$time\" is no time" 2 'issued-from' cerca revoke --issued-from "$time" --yes
done

# --- doing it ---------------------------------------------------------------------------------------

fails 'a filter asks first, with the count' 1 '2 certificates would be revoked' \
    cerca revoke --owner bob --name .filter.example </dev/null
ok 'by owner and name' cerca revoke --owner bob --name .filter.example --yes -o json \
    --reason cessationOfOperation --invalidity-date 2026-01-02T03:04:05Z
json 'those, with their outcome' '[.[] | .result] == ["revoked", "revoked"]'
is 'nobody else' "$(cerca list --status revoked -o json | jq length)" 2
is 'again, none is left' "$(meant --owner bob --name .filter.example)" ''
ok 'the others of that owner' cerca revoke --owner bob --yes
cerca crl publish issuing >/dev/null
openssl crl -inform DER -noout -text -in "$(echo "$ca_dir"/view/issuing-*/crl.der)" >crl.txt
is 'the invalidity date is in the entries of those alone' \
    "$(grep -c 'Jan  2 03:04:05 2026 GMT' crl.txt)" 2
fails 'before 1950 is no time of a key' 2 'invalidity-date' \
    cerca revoke plain.pem --invalidity-date 0000-00-00

# --- what has expired ---------------------------------------------------------------------------------

ca_stop
CERCA_TEST_CLOCK_OFFSET=$((400 * 86400)) cercad -c "$CERCA_CONF" >>"$scratch/cercad.log" 2>&1 &
ca_pid=$!
wait_until 30 cerca list --timeout 5 || bail 'it does not start a year later'
is 'a filter means nobody who has expired' "$(meant --profile tls-server)" ''
ok 'one that is named is revoked all the same' cerca revoke quote.pem --reason keyCompromise
like '... and said to have expired' "$err" 'has expired already; it is revoked all the same'
is 'it is revoked' "$(cerca show "$(serial_of quote)" -o json | jq -r .status)" revoked
done_testing
