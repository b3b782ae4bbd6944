# Real servers, each as Debian installs it, on a host of this flow's own. Source it behind lib.sh,
# and before anything else call
#
#   own_host "$0" "$@"
#
# From then on the flow has processes, a network of loopback alone and files of its own in /etc, /run,
# /var/lib, /var/log and /var/spool: servers have their own names, users, paths and ports, and nothing
# of them outlives it. `systemctl` is the one stand-in (tests/flow/systemctl), which does what the
# servers' units say.
#
#   files_of GUIDE SECTION   # writes what the guide shows in fences below a line that ends with
#                            # the path in backquotes and a colon
#   serial_at PORT [OPTION...]  # which the server there serves; options of openssl s_client
#   serial_of FILE           # of a certificate
#
# and for each server of docs/agent-recipes.md:
#
#   server_setup NAME        # configured as that page says, with a certificate that signs itself
#   server_pair NAME         # another such certificate in its files
#   server_start NAME        # and server_stop
#   served NAME              # the serial number of the certificate that its clients see
#   server_process NAME      # the process that stays the same unless it is restarted
#
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2317 # lib.sh has them; functions are called by name

guide=$root/docs/agent-recipes.md

own_host() {
    own_machine "$@"
    own_folder /etc .
    own_folder /var/spool .
    own_folder /var/log
    own_folder /run
    own_folder /var/lib apache2 dovecot haproxy ldap mosquitto nginx postfix postgresql slapd
    own_folder /usr/local/sbin
    own_folder /var/www
    cp "$root/tests/flow/systemctl" /usr/local/sbin/
    chmod 755 /usr/local/sbin/systemctl
    (
        umask 022
        mkdir -p /run/lock /run/haproxy /run/openvpn-server /run/sendsigs.omit.d \
            /var/log/apache2 /var/log/nginx
        mkdir -p /var/www/html
        install -d -o postgres -g postgres -m 2775 /run/postgresql
        install -d -o postgres -g postgres /var/log/postgresql
    )
    PATH=/usr/local/sbin:$PATH:/usr/sbin:/sbin
}

# own_folder PATH [NAME...]: from here on it is empty, but for a copy of these in it.
own_folder() {
    into=$scratch/folder
    mkdir "$into"
    mount -n -t tmpfs -o mode=755 tmpfs "$into"
    from=$1
    shift
    for name; do
        [ ! -e "$from/$name" ] || cp -a "$from/$name" "$into/"
    done
    mount -n --move "$into" "$from"
    rmdir "$into"
}

# files_of GUIDE SECTION: each fenced block below a line "`/path`:" of that section is that file.
files_of() {
    awk -v section="$2" '
        /^## / { inside = $0 == "## " section; path = "" }
        !inside { next }
        /^```/ && fence { fence = 0; close(path); path = ""; next }
        /^```/ { fence = 1; if (path != "") printf "" > path; next }
        fence { if (path != "") print > path; next }
        /^`\/[^`]*`:$/ { path = substr($0, 2, length($0) - 3)
            system("umask 022; mkdir -p \"$(dirname \"" path "\")\"") }' "$1"
}

serial_at() { # PORT [OPTION...]
    at=$1
    shift
    timeout 10 openssl s_client -connect "127.0.0.1:$at" "$@" </dev/null 2>/dev/null | serial_of /dev/stdin
}

serial_of() { # FILE
    openssl x509 -noout -serial -in "$1" 2>/dev/null | cut -d= -f2
}

# --- the servers of docs/agent-recipes.md -------------------------------------------------------

# shown SECTION PATTERN: the block behind the line of that section that is like this.
shown() {
    awk -v section="$1" -v pattern="$2" '
        /^## / { inside = $0 == "## " section }
        !inside { next }
        /^```/ && fence { exit }
        /^```/ { fence = found; next }
        fence { print; next }
        $0 ~ pattern { found = 1 }' "$guide"
}

server_unit() {
    case $1 in
    postfix) echo postfix@- ;;
    postgresql) echo "postgresql@$(pg_lsclusters -h | awk '{ print $1 "-" $2; exit }')" ;;
    openvpn) echo openvpn-server@server ;;
    *) echo "$1" ;;
    esac
}

# server_setup NAME: configured as the recipe shows, with a certificate of its own in the files.
server_setup() {
    case $1 in
    apache2) a2enmod -q ssl ;;
    postgresql)
        pg_lsclusters -h | grep -q . || pg_createcluster "$(ls /usr/lib/postgresql)" main
        postgresql=$(pg_lsclusters -h | awk '{ print $1 "/" $2; exit }')
        ;;
    freeradius) install -d -o freerad -g freerad /var/log/freeradius ;;
    esac
    sed "s|/etc/postgresql/15/main|/etc/postgresql/${postgresql:-}|" "$guide" >"$scratch/guide"
    (
        umask 022
        files_of "$scratch/guide" "$1"
    )
    server_pair "$1"
    case $1 in
    nginx) rm -f /etc/nginx/sites-enabled/default ;;
    haproxy) shown haproxy '^At the end of' >>/etc/haproxy/haproxy.cfg ;;
    postfix)
        shown postfix '^At the end of' >"$scratch/postfix"
        sed -i '/^smtpd_tls_/d' /etc/postfix/main.cf
        cat "$scratch/postfix" >>/etc/postfix/main.cf
        postconf -e myhostname=www.example.com inet_interfaces=loopback-only inet_protocols=ipv4
        ;;
    freeradius) shown freeradius '^In .tls-config' | while read -r key equals path; do
        sed -i "s|^\(\t*\)$key = .*|\1$key $equals $path|; /private_key_password/d" \
            /etc/freeradius/3.0/mods-available/eap
    done ;;
    openvpn) sed -i 's/^dev tun$/dev null/; s/^server .*/tls-server/; /^topology/d' \
        /etc/openvpn/server/server.conf ;;
    esac
}

# server_pair NAME: a certificate that signs itself, in every file of the agent's, with its owner.
server_pair() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
        -subj /CN=www.example.com -addext subjectAltName=DNS:www.example.com \
        -keyout "$scratch/first.key" -out "$scratch/first.pem" 2>/dev/null
    cat "$scratch/first.key" "$scratch/first.pem" >"$scratch/first.both"
    sed -n 's/.*format = "\([a-z0-9]*\)"; path = "\([^"]*\)";\( owner = "\([^"]*\)";\)*.*/\1 \2 \4/p' \
        "/etc/cerca-agent/conf.d/$1.conf" | while read -r format path owner; do
        case $format in
        key) install -m 600 -o "${owner:-root}" "$scratch/first.key" "$path" ;;
        combined) install -m 600 -o "${owner:-root}" "$scratch/first.both" "$path" ;;
        ca) install -m 644 "${roots:-$scratch/first.pem}" "$path" ;;
        *) install -m 644 "$scratch/first.pem" "$path" ;;
        esac
    done
}

# server_start NAME: and until it serves.
server_start() {
    systemctl start "$(server_unit "$1")" || return 1
    [ "$1" != slapd ] || ldapmodify -Q -Y EXTERNAL -H ldapi:/// -f /etc/ldap/cerca-agent.ldif || return 1
    wait_until 2 served "$1"
}

server_stop() {
    systemctl stop "$(server_unit "$1")" && wait_until 20 server_ended "$1"
}

server_ended() {
    ! server_process "$1"
}

# served NAME: the serial number of what a client of that server sees.
served() {
    case $1 in
    postfix) serial_at 25 -starttls smtp ;;
    dovecot) serial_at 143 -starttls imap ;;
    slapd) serial_at 389 -starttls ldap ;;
    postgresql) serial_at 5432 -starttls postgres ;;
    mosquitto) serial_at 8883 ;;
    freeradius) served_eap ;;
    openvpn) served_vpn ;;
    strongswan) served_ike ;;
    *) serial_at 443 ;;
    esac | grep .
}

# As a supplicant sees it, which its own certificate need not get in for.
served_eap() {
    server_client
    cat >"$scratch/eap.conf" <<CONF
network={
    key_mgmt=WPA-EAP
    eap=TLS
    identity="someone"
    client_cert="$scratch/client.pem"
    private_key="$scratch/client.key"
}
CONF
    : >"$scratch/eap.pem"
    timeout 20 eapol_test -c "$scratch/eap.conf" -s testing123 -t 5 -o "$scratch/eap.pem" >"$scratch/eap.log" 2>&1
    # It is the last one of the chain.
    awk '/-BEGIN/ { text = "" } { text = text $0 "\n" } END { printf "%s", text }' "$scratch/eap.pem" \
        2>/dev/null | serial_of /dev/stdin
}

# As a client sees it, before the server has seen the client's.
served_vpn() {
    server_client
    rm -f "$scratch/vpn.serial"
    cat >"$scratch/vpn.see" <<'SEE'
#!/bin/sh
[ "$1" -ne 0 ] || echo "$tls_serial_hex_0" | tr -d : | tr a-f A-F >"$SEEN"
SEE
    chmod 755 "$scratch/vpn.see"
    cat "$scratch/first.pem" ${roots:+"$roots"} >"$scratch/vpn.roots"
    # Who asks a server that is just restarted gets no answer for a minute.
    for _ in 1 2 3; do
        [ -s "$scratch/vpn.serial" ] || ask_vpn
    done
    cat "$scratch/vpn.serial" 2>/dev/null
}

ask_vpn() {
    openvpn --dev null --tls-client --remote 127.0.0.1 1194 udp --nobind --ca "$scratch/vpn.roots" \
        --cert "$scratch/client.pem" --key "$scratch/client.key" --script-security 2 \
        --setenv SEEN "$scratch/vpn.serial" --tls-verify "$scratch/vpn.see" >"$scratch/vpn.log" 2>&1 &
    read -r uptime _ </proc/uptime
    poll_to $((${uptime%.*} + 20)) test -s "$scratch/vpn.serial"
    kill $!
    wait $! 2>/dev/null
}

# The certificate that it has a key for.
served_ike() {
    swanctl --list-certs --type x509 2>/dev/null |
        awk '/^  serial:/ { gsub(":", "", $2); serial = $2 } /has private key/ { print toupper(serial) }'
}

server_client() {
    [ -e "$scratch/client.pem" ] ||
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=someone \
            -keyout "$scratch/client.key" -out "$scratch/client.pem" 2>/dev/null
}

# server_process NAME: its first process.
server_process() {
    case $1 in
    postfix) pgrep -o -x master ;;
    postgresql) pgrep -o -x postgres ;;
    strongswan) pgrep -o -x charon-systemd ;;
    *) pgrep -o -x "$1" ;;
    esac
}
