#!/bin/sh
# Programs that rely on what we publish: Apache, HAProxy and stunnel refuse revoked clients, by our CRLs
# and by asking our responder, and staple its answers; Perl and wget refuse a revoked server. Each
# accepts first.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
PATH=$PATH:/usr/sbin
http=on
pids=
stop_servers() { # STATUS
    for pid in $pids; do
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
    done
    pids=
    return "$1"
}
trap 'stop_servers $?; cleanup' EXIT

ca_init || bail 'no CA'
ca_start || bail 'it does not start'
base=$(sed -n 's/.*base_url = "\(.*\)";.*/\1/p' "$ca_dir/cerca.conf")
cp "$ca_dir/ca/root.pem" root.pem
cp "$ca_dir/ca/issuing.pem" issuing.pem
cat root.pem issuing.pem >cas.pem

issue() { # WHO PROFILE
    cerca issue --profile "$2" --san dns:localhost --key-out "$1.key" --out "$1.pem" 2>"$1.err" ||
        bail "$1 is not issued: $(cat "$1.err")"
    cat "$1.pem" "$1.key" >"$1.both"
}

revoke() { # WHO
    cerca revoke --yes --reason keyCompromise "$1.pem" >/dev/null 2>&1 || bail "$1 is not revoked"
}

for who in server bare; do
    issue $who tls-server
done
for who in thief other; do
    issue $who tls-client
done

crls() {
    for issuer in root issuing; do
        curl -sf "$base/crl/$issuer.crl" | openssl crl -inform DER || return 1
    done >crls.new && mv crls.new crls.pem
}

answer_for() { # WHO: for HAProxy, beside the certificate
    openssl ocsp -issuer issuing.pem -cert "$1.pem" -CAfile root.pem -url "$base/ocsp" -no_nonce \
        -respout "$1.both.ocsp" >verdict 2>&1 && grep -q 'Response verify OK' verdict
}

wait_until 20 answer_for server || bail 'no OCSP'
crls || bail 'no CRLs'
cp issuing.pem server.both.issuer
# shellcheck disable=SC2046 # words
set -- $(free_ports) $(free_ports) $(free_ports) $(free_ports) $(free_ports)
a_staples=$1 a_lists=$2 a_asks=$3 h_staples=$4 h_lists=$5 h_bare=$6 plain=$7 s_lists=$8 s_asks=$9

# --- their configurations -----------------------------------------------------------------------------

apache_site() { # PORT DIRECTIVES
    cat <<END
Listen 127.0.0.1:$1
<VirtualHost 127.0.0.1:$1>
    SSLEngine on
    SSLCertificateFile $scratch/server.pem
    SSLCertificateKeyFile $scratch/server.key
    Redirect 204 /
    $2
</VirtualHost>
END
}

# Its check of OCSP answers knows what is in SSLCACertificateFile and nothing of what clients send,
# so the issuing CA is there too.
clients="SSLVerifyClient require
    SSLVerifyDepth 2
    SSLCACertificateFile $scratch/cas.pem"
mkdir apache
{
    [ "$(id -u)" -ne 0 ] || echo 'User www-data'
    for module in mpm_event authz_core alias socache_shmcb ssl; do
        echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
    done
    echo "ServerName localhost
        ServerRoot $scratch/apache
        DefaultRuntimeDir $scratch/apache
        PidFile $scratch/apache/pid
        ErrorLog $scratch/apache/error.log
        LogLevel warn ssl:info
        StartServers 1
        SSLSessionCache none
        SSLStaplingCache shmcb:$scratch/apache/stapling(65536)
        SSLStaplingErrorCacheTimeout 1
        SSLStaplingResponderTimeout 60"
    apache_site "$a_staples" 'SSLUseStapling on'
    apache_site "$a_lists" "$clients
    SSLCARevocationCheck chain
    SSLCARevocationFile $scratch/crls.pem"
    apache_site "$a_asks" "$clients
    SSLOCSPEnable on
    SSLOCSPResponderTimeout 60"
} >apache/apache.conf

haproxy_site() { # PORT OPTIONS
    printf 'frontend p%s\n    bind 127.0.0.1:%s %s\n' "$1" "$1" "$2"
    echo '    http-request return status 200 content-type text/plain string ok'
}
{
    printf '%s\n' defaults '    mode http' '    timeout client 60s' '    timeout server 60s' '    timeout connect 60s'
    haproxy_site "$h_staples" "ssl crt $scratch/server.both"
    haproxy_site "$h_lists" "ssl crt $scratch/bare.both ca-file $scratch/root.pem verify required crl-file $scratch/crls.pem"
    haproxy_site "$h_bare" "ssl crt $scratch/bare.both"
    haproxy_site "$plain" ''
} >haproxy.conf

stunnel_site() { # PORT OPTIONS
    printf '%s\n' "[p$1]" "accept = 127.0.0.1:$1" "connect = 127.0.0.1:$plain" "cert = $scratch/server.pem" \
        "key = $scratch/server.key" 'verifyChain = yes' "CAfile = $scratch/root.pem" "$2"
}
{
    printf '%s\n' 'foreground = yes' 'debug = info' 'pid =' "output = $scratch/stunnel.log"
    stunnel_site "$s_lists" "CRLfile = $scratch/crls.pem"
    stunnel_site "$s_asks" "OCSPaia = yes
OCSPnonce = yes"
} >stunnel.conf

start() { # COMMAND...
    "$@" >>"$1.out" 2>&1 &
    pids="$pids $!"
}

visit() { # PORT OPTION...
    port=$1
    shift
    curl -sS -f -m 60 --noproxy '*' --cacert root.pem --capath /nonexistent "$@" "https://localhost:$port/" \
        --resolve "localhost:$port:127.0.0.1"
}

as() { # WHO PORT: with this client's certificate
    visit "$2" --cert "$1.pem" --key "$1.key"
}

start_servers() {
    start apache2 -D FOREGROUND -d "$scratch/apache" -f "$scratch/apache/apache.conf"
    start haproxy -db -f haproxy.conf
    start stunnel stunnel.conf
    for port in "$a_staples" "$h_staples"; do
        wait_until 20 visit "$port" ||
            bail "port $port: $(tail -n 4 apache2.out apache/error.log haproxy.out)"
    done
    wait_until 20 as other "$s_lists" || bail "stunnel: $(tail -n 4 stunnel.out stunnel.log)"
}

refused() { # COMMAND...
    ! "$@"
}

# --- before anything is revoked -----------------------------------------------------------------------

by_list="Apache:$a_lists HAProxy:$h_lists stunnel:$s_lists"
by_answer="Apache:$a_asks stunnel:$s_asks"

start_servers
for server in $by_list; do
    for who in thief other; do
        ok "${server%:*} lets $who in, by the CRLs" as $who "${server#*:}"
    done
    ok '... and nobody without a certificate' refused visit "${server#*:}"
done
for server in $by_answer; do
    for who in thief other; do
        ok "${server%:*} lets $who in, having asked our responder" as $who "${server#*:}"
    done
done
for server in "Apache:$a_staples" "HAProxy:$h_staples"; do
    ok "${server%:*} staples an answer that curl wants" wait_until 20 visit "${server#*:}" --cert-status
done
fails 'without one curl refuses' 91 'OCSP' visit "$h_bare" --cert-status

# asks: Perl verifies the chain of the server there and asks about each certificate in it; all of them
# in one request, since the responder's address is the same.
asks() {
    perl -MIO::Socket::SSL -e '
        my ($port, $root) = @ARGV;
        my $s = IO::Socket::SSL->new(PeerAddr => "127.0.0.1", PeerPort => $port, Timeout => 60,
            SSL_hostname => "localhost", SSL_verifycn_name => "localhost", SSL_verifycn_scheme => "http",
            SSL_ca_file => $root, SSL_ocsp_mode =>
                IO::Socket::SSL::SSL_OCSP_FULL_CHAIN() | IO::Socket::SSL::SSL_OCSP_FAIL_HARD())
            or do { print STDERR "no connection: $IO::Socket::SSL::SSL_ERROR\n"; exit 2 };
        my $wrong = $s->ocsp_resolver->resolve_blocking;
        print STDERR "$wrong\n";
        exit($wrong ne "")' "$h_bare" root.pem
}
gets() {
    wget -q -O page --no-config --no-proxy --ca-directory=/nonexistent --ca-certificate=root.pem --crl-file=crls.pem \
        --tries=1 --timeout=60 "https://localhost:$h_bare/"
}
ok 'Perl asks about a server and its issuing CA in one request' asks
ok 'wget takes the server by the CRLs' gets

# --- afterwards ---------------------------------------------------------------------------------------

revoke thief
revoke bare
for server in $by_answer; do
    ok "${server%:*} refuses thief at once, having asked" refused as thief "${server#*:}"
    ok '... and nobody else' as other "${server#*:}"
done
like '... Apache since it is revoked' apache/error.log 'OCSP validation completed, certificate status: revoked'
like '... as stunnel says' stunnel.log 'OCSP: Status: revoked'
fails 'Perl refuses the server at once' 1 'revoked' asks

ok 'CRLs that have them are published' cerca crl publish issuing
crls || bail 'no CRLs'
revoke server
ok 'HAProxy gets an answer about its server' answer_for server
stop_servers 0
start_servers
for server in $by_list; do
    ok "${server%:*} refuses thief, by the CRLs" refused as thief "${server#*:}"
    ok '... and nobody else' as other "${server#*:}"
done
like '... Apache since it is revoked' apache/error.log 'Certificate Verification: Error \(23\): certificate revoked'
is 'wget refuses the server by the CRLs' "$(gets >wget.out 2>&1; echo $?)" 5
reads_why() { # PORT
    visit "$1" --cert-status >page 2>why && return 1
    grep -q keyCompromise why
}
for server in "Apache:$a_staples" "HAProxy:$h_staples"; do
    ok "in what ${server%:*} staples curl reads that the server is revoked" wait_until 20 reads_why "${server#*:}"
done
done_testing
