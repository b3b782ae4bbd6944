#!/bin/bash
# docs/vpn.md, typed word by word: a real OpenVPN server and client, with certificates that they
# enrolled for over EST, until they are revoked. Stand-ins are for systemd, and for the network
# device, which not every host has: with `dev null` the two ends are a pair without addresses to
# give away, and the server, which ends with its client, is started anew for each.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/guide-est.sh
. "$(dirname "$0")/guide-est.sh"

PATH=$PATH:/usr/sbin
server=$scratch/openvpn/server
client=$scratch/openvpn/client
mkdir -p "$scratch/here" "$server" "$client"
cd "$scratch/here" || exit 1
server_pid=
client_pid=
vpn_stop() { # PID
    kill "$1" 2>/dev/null
    wait "$1" 2>/dev/null
}
vpn_cleanup() {
    result=$?
    [ -z "$client_pid" ] || vpn_stop "$client_pid"
    [ -z "$server_pid" ] || vpn_stop "$server_pid"
    (exit "$result")
    cleanup
}
trap vpn_cleanup EXIT

guide_start docs/vpn.md vpn
vpn_port=$(free_udp_port)

# What the hosts and ports of this test are.
sed -i -e "s|/etc/openvpn|$scratch/openvpn|; s|^port 1194|port $vpn_port\nlocal 127.0.0.1|" \
    -e "s|^remote vpn.example.com 1194|remote 127.0.0.1 $vpn_port|" "$scratch"/sh* "$scratch"/conf*

without_device() { # FILE
    sed -e 's/^dev tun$/dev null/; s/^server .*/tls-server/; s/^client$/tls-client/' "$1"
}

server_start() {
    [ -z "$server_pid" ] || vpn_stop "$server_pid"
    without_device "$server/server.conf" >"$server/without-device.conf"
    openvpn --cd "$server" --config without-device.conf >"$server/log" 2>&1 &
    server_pid=$!
    wait_until 20 grep -q 'link remote: \[AF_UNSPEC\]' "$server/log"
}

client_start() { # [FILE]
    [ -z "$client_pid" ] || vpn_stop "$client_pid"
    without_device "$client/${1:-client.conf}" >"$client/without-device.conf"
    openvpn --cd "$client" --config without-device.conf >"$client/log" 2>&1 &
    client_pid=$!
}

systemctl() {
    case $* in
    'reload cercad') reload_cercad ;;
    'restart openvpn-server@server') server_start ;;
    'restart openvpn-client@client') client_start ;;
    esac
}

is_connected() {
    wait_until 20 grep -q 'Initialization Sequence Completed' "$client/log" &&
        wait_until 20 grep -q 'Initialization Sequence Completed' "$server/log"
}

connects() { # [FILE]
    server_start && client_start "$@" && is_connected
}

refuses() { # PATTERN [FILE]: the server does, and says why
    pattern=$1
    shift
    server_start && client_start "$@" &&
        wait_until 20 grep -q 'TLS Error: TLS handshake failed' "$server/log" &&
        grep -E -- "$pattern" "$server/log" && ! grep 'Initialization Sequence' "$client/log"
}

cat "$scratch/conf1" >>"$CERCA_CONF"
typing 'labels and tokens'
cp roots.pem vpn.token "$server"
cp roots.pem alice.token "$client"
typing 'the server enrolls'
fetching=$scratch/sh$((guide_typed + 1))
typing 'and fetches CRLs'
cp "$scratch/conf2" "$server/server.conf"
typing 'it starts with that'
typing 'the laptop enrolls'
enrolling=$scratch/sh$guide_typed
cp "$scratch/conf3" "$client/client.conf"
typing 'and starts'
ok 'they are connected' is_connected
like 'with the name that it has' "$server/log" 'VERIFY OK: depth=0, CN=alice-laptop.example.com'
unlike 'and with CRLs for all' "$server/log" 'unable to get certificate CRL'
cp "$client/alice.pem" first.pem
typing 'it renews itself'
typing 'so does the server'
ok 'key and all' sh -c "! cmp '$client/alice.pem' first.pem"
ok 'and they are connected' connects

cp -r "$client" laptop
cerca token create --profile vpn-client --name dns:alice-laptop.example.com --owner alice-tablet \
    --out "$client/alice.token"
rm "$client/alice.key"
type_block 'a tablet enrolls' "$enrolling"
cp -r "$client" tablet
as() { # laptop | tablet
    cp "$1/alice.pem" "$1/alice.key" "$client"
}

cerca issue --profile tls-client --san dns:alice-laptop.example.com --key-out "$client/web.key" \
    --out "$client/web.pem" 2>/dev/null
sed 's/alice/web/' "$client/client.conf" >"$client/web.conf"
ok 'who has another certificate for clients is refused' refuses 'VERIFY EKU ERROR' web.conf
cp "$server/vpn.pem" "$server/vpn.key" "$client"
sed 's/alice\./vpn./' "$client/client.conf" >"$client/vpn.conf"
ok 'and the server as a client' refuses 'unsuitable certificate purpose' vpn.conf

as laptop
typing 'the laptop is lost'
revoking=$scratch/sh$guide_typed
ok 'the present CRL knows nothing of it' connects
cerca crl publish >/dev/null || bail 'no CRL'
type_block 'the next one is fetched' "$fetching"
ok 'and it is refused' refuses 'VERIFY ERROR: depth=0, error=certificate revoked'
# What the guide warns of.
cp "$server/crl.pem" crl.pem
openssl crl -inform DER -in "$server/root.crl" -out "$server/crl.pem"
ok 'without a CRL of its CA it is let in' connects
like 'with a warning' "$server/log" 'VERIFY WARNING: depth=0, unable to get certificate CRL'
cp crl.pem "$server"
as tablet
ok 'with it the tablet still is' connects

cp "$scratch/conf4" "$server/ocsp-check"
chmod 755 "$server/ocsp-check"
typing 'the issuing CA is fetched'
cat "$scratch/conf5" >>"$server/server.conf"
ok 'with OCSP the tablet is let in' connects
like 'when the script has said so' "$server/log" 'VERIFY SCRIPT OK: depth=0'
sed 's/alice-laptop/alice-tablet/' "$revoking" >lost
type_block 'it is lost too' ./lost
ok 'and refused before there is a CRL' refuses 'VERIFY SCRIPT ERROR: depth=0'
sed -i "s|$pki|http://127.0.0.1:$vpn_port|" "$server/ocsp-check"

cp "$client/client.conf" .
typing 'all in one file for a phone'
cp bob.ovpn "$client"
ok 'is refused while no responder answers' refuses 'VERIFY SCRIPT ERROR: depth=0' bob.ovpn
cp "$scratch/conf4" "$server/ocsp-check"
ok 'and let in by the one that does' connects bob.ovpn
typed_all

done_testing
