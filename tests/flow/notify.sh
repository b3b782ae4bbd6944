# For flows about notices: servers to tell, with certificates, and the configuration of channels.
# Source it behind lib.sh.
# shellcheck shell=sh disable=SC2154,SC2034 # of lib.sh; for flows

peers=$scratch/peers
mkdir -p "$peers/mail"

# A CA for the servers that are told, and a certificate for localhost.
peer_certificates() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout "$peers/ca.key" -out "$peers/ca.pem" \
        -subj '/CN=Peers' -days 2 -addext basicConstraints=critical,CA:true 2>/dev/null &&
        openssl req -newkey rsa:2048 -nodes -keyout "$peers/key.pem" -out "$peers/csr.pem" \
            -subj '/CN=localhost' 2>/dev/null &&
        printf 'subjectAltName=DNS:localhost' >"$peers/ext" &&
        openssl x509 -req -in "$peers/csr.pem" -CA "$peers/ca.pem" -CAkey "$peers/ca.key" \
            -days 2 -extfile "$peers/ext" -out "$peers/cert.pem" 2>/dev/null
}

# secret NAME TEXT: a file that only we may read.
secret() {
    printf '%s\n' "$2" >"$peers/$1"
    chmod 600 "$peers/$1"
}

# background FILE COMMAND...: a server that prints its port; $port and $pid.
pids=
background() {
    file=$1
    shift
    rm -f "$file"
    "$@" >"$file" 2>>"$scratch/peers.log" &
    pid=$!
    pids="$pids $pid"
    wait_until 10 test -s "$file" || sed 's/^/# peer: /' "$scratch/peers.log"
    port=$(cat "$file")
}

# Debian's module, so its interpreter.
start_mail() {
    background "$peers/mail.port" /usr/bin/python3 "$root/tests/flow/notify_smtp.py" "$peers/mail" \
        "$peers/cert.pem" "$peers/key.pem"
    mail_port=$port mail_pid=$pid
}

# Over TLS.
start_http() {
    background "$peers/http.port" python3 "$root/tests/flow/notify_http.py" \
        "$peers/http.log" "$peers/hook" "$peers/cert.pem" "$peers/key.pem"
    http_port=$port http_pid=$pid
}

# A CA in which all programs that face somebody have something to do: HTTP, EST, metrics at $metrics, a channel,
# a scan.
all_fronts() {
    http=on
    peer_certificates && secret hook 'a key for signatures' && start_http && ca_init || return 1
    metrics=$(free_ports)
    metrics=${metrics%% *}
    cat >>"$ca_dir/cerca.conf" <<END
metrics = { listen = "127.0.0.1"; port = "$metrics"; };
est = ( { name = "default"; profile = "tls-client"; ways = ( "token", "certificate", "password" ); } );
scans = ( { name = "self"; targets = ( "127.0.0.1:$http_port" ); } );
END
    channels "$(hook hook /ok)"
}

# shellcheck disable=SC2086,SC2317 # a list of numbers; called from the trap
stop_peers() {
    [ -z "$pids" ] || kill $pids 2>/dev/null
}

# channels TEXT: the elements of the list, in place of those before.
channels() {
    sed -i '/^channels = (/,/^);/d' "$ca_dir/cerca.conf"
    printf 'channels = (\n%s\n);\n' "$1" >>"$ca_dir/cerca.conf"
}

# hook NAME PATH [MORE]: a channel to the webhook receiver.
hook() {
    printf '{ name = "%s"; type = "webhook"; url = "https://localhost:%s%s";
        secret_file = "%s/hook"; ca_file = "%s/ca.pem"; %s }' \
        "$1" "$http_port" "$2" "$peers" "$peers" "${3:-}"
}

# at NAME: a channel's line of cerca status.
at() {
    cerca status 2>&1 | grep "channel.$1 "
}
