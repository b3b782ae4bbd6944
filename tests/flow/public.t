#!/bin/sh
# cerca-public serves what certificates point to, to programs that nobody here wrote; what is
# malformed, huge, slow or never finished gets the right status and harms nobody else.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
http=on
ca_init || bail 'no CA'
conf=$ca_dir/cerca.conf
sed -i 's/^http = {/&\n    timeout = "1s";\n    threads = "2";/' "$conf"
ca_start || bail 'it does not start'
base=$(sed -n 's/.*base_url = "\(.*\)";.*/\1/p' "$conf")
port=${base##*:}
log=$scratch/cercad.log

# get PATH [OPTION...]: the head in `head`, the body in `body`.
get() {
    path=$1
    shift
    : >body
    curl -s -m 10 --path-as-is -D head -o body "$@" "$base$path"
}

code() { # PATH [OPTION...]
    get "$@"
    sed -n '1s/^[^ ]* \([0-9]*\).*/\1/p' head
}

# raw: sends its input as it is, and prints what comes back until the end.
raw() {
    perl -MIO::Socket::INET -e '
        alarm 10;
        local $/;
        my $s = IO::Socket::INET->new("127.0.0.1:'"$port"'") or die;
        print $s <STDIN>;
        print <$s>'
}

field() { # NAME, of `head`
    tr -d '\r' <./head | sed -n "s/^$1: //p"
}

# --- what certificates point to -------------------------------------------------------------------

ok 'status shows it' sh -c "cerca status | grep -E '^ok +public +running'"
ok 'a certificate is issued' cerca issue --profile tls-server --san dns:a.example.test \
    --key-out a.key --out a.pem
issuer_url=$(openssl x509 -in a.pem -noout -ext authorityInfoAccess |
    sed -n 's/.*CA Issuers - URI://p')
crl_url=$(openssl x509 -in a.pem -noout -ext crlDistributionPoints | sed -n 's/.*URI://p')
ok "the issuer is at the certificate's own URL" curl -sf -o issuing.crt "$issuer_url"
ok '... in DER' openssl x509 -inform DER -in issuing.crt -out issuing.pem
cp "$ca_dir/ca/root.pem" root.pem
ok '... and certifies it' openssl verify -CAfile root.pem -untrusted issuing.pem a.pem
root_url=$(openssl x509 -in issuing.pem -noout -ext authorityInfoAccess |
    sed -n 's/.*CA Issuers - URI://p')
ok "the root is at the issuer's own URL" sh -c \
    "curl -sf '$root_url' | openssl x509 -inform DER | cmp - root.pem"
ok "the CRL is at the certificate's own URL" curl -sf -o issuing.crl "$crl_url"
ok '... and says good' openssl verify -CAfile root.pem -untrusted issuing.pem -crl_check \
    -CRLfile issuing.crl a.pem
ok 'openssl fetches the CRL itself' openssl verify -CAfile root.pem -untrusted issuing.pem \
    -crl_check -crl_download a.pem
cerca revoke --reason keyCompromise --yes a.pem >/dev/null 2>&1
etag=$(get /crl/issuing.crl && field ETag)
ok 'a new CRL is published' cerca crl publish issuing
fails '... and found at once: revoked' 2 'certificate revoked' openssl verify -CAfile root.pem \
    -untrusted issuing.pem -crl_check -crl_download a.pem
is '... under another ETag' "$(code /crl/issuing.crl -H "If-None-Match: $etag")" 200

# --- forms and validators --------------------------------------------------------------------------

is 'DER is application/pkix-cert' "$(get /ca/issuing.crt && field Content-Type)" \
    application/pkix-cert
is 'a CRL is application/pkix-crl' "$(get /crl/issuing.crl && field Content-Type)" \
    application/pkix-crl
get /ca/issuing.pem
ok 'the chain ends at the trust anchor' sh -c 'openssl crl2pkcs7 -nocrl -certfile body |
    openssl pkcs7 -print_certs -noout | grep -c subject= | grep -qx 2'
ok '... and is all that a verifier needs' openssl verify -CAfile body a.pem
is 'p7c is application/pkcs7-mime' "$(get /ca/issuing.p7c && field Content-Type)" \
    'application/pkcs7-mime; smime-type=certs-only'
ok '... which openssl reads' openssl pkcs7 -inform DER -in body -print_certs -out p7c.pem
ok '... both certificates' openssl verify -CAfile p7c.pem a.pem
ok '... and GnuTLS' certtool --p7-info --inder --infile body
get /crl/issuing.crl
cp body whole
etag=$(field ETag)
date=$(field Last-Modified)
is 'its ETag gets 304' "$(code /crl/issuing.crl -H "If-None-Match: $etag")" 304
is '... with no body' "$(wc -c <body)" 0
is '... and the validators' "$(field ETag)" "$etag"
is 'its date gets 304' "$(code /crl/issuing.crl -H "If-Modified-Since: $date")" 304
is 'an older date gets it' \
    "$(code /crl/issuing.crl -H 'If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT')" 200
is 'a range gets 206' "$(code /crl/issuing.crl -r 100-199)" 206
ok '... and those octets' sh -c 'tail -c +101 whole | head -c 100 | cmp - body'
is '... which it names' "$(field Content-Range)" "bytes 100-199/$(wc -c <whole)"
is 'past the end gets 416' "$(code /crl/issuing.crl -r 100000-)" 416
is 'another If-Range gets the whole' "$(code /crl/issuing.crl -r 0-9 -H 'If-Range: "old"')" 200
ok 'caches are told until when, all the same' agrees head
is 'HEAD gets the head' "$(curl -sI -o head -w '%{http_code}' "$base/crl/issuing.crl")" 200
is '... with the length' "$(field Content-Length)" "$(wc -c <whole)"
is 'health' "$(code /health)" 200
cp body "$out"
json '... is JSON, young' '.status == "ok" and ([.issuers[].age] | max) < 60'

# --- threads ----------------------------------------------------------------------------------------

# dealt COUNT: of so many connections, each of two threads has half, in an epoll of its own.
dealt() {
    perl -MIO::Socket::INET -e '
        my ($port, $pid, $count) = @ARGV;
        for (1 .. 20) {
            my @held = map { IO::Socket::INET->new("127.0.0.1:$port") or die } 1 .. $count;
            select undef, undef, undef, 0.1;
            open my $tcp, "<", "/proc/net/tcp" or die;
            my %ours = map { my @f = split; $f[1] =~ /:(\w+)$/; ("socket:[$f[9]]", hex $1 == $port) } <$tcp>;
            my %here = map { (readlink("$_") || "", substr $_, rindex($_, "/") + 1) } glob "/proc/$pid/fd/*";
            my %is = map { $ours{$_} ? ($here{$_}, 1) : () } keys %here;
            @had = ();
            for (glob "/proc/$pid/fdinfo/*") {
                open my $info, "<", $_ or next;
                my $n = grep { /^tfd: *(\d+) .*/ && $is{$1} && $1 } <$info>;
                push @had, $n if $n > 1;
            }
            exit 0 if "@had" eq $count / 2 . " " . $count / 2;
        }
        print "they have @had\n"; exit 1' "$port" "$(pid_of cerca-public)" "$1"
}
ok 'connections are dealt out to the threads' dealt 16

# --- the audit log's tree ---------------------------------------------------------------------------

ok 'a checkpoint is made' cerca audit checkpoint
is 'it is served' "$(code /audit/checkpoint)" 200
ok '... as it is' cmp body "$ca_dir/view/audit/checkpoint"
tile=$(cd "$ca_dir/view/audit" && find tile -type f | head -n 1)
is 'a tile is served' "$(code "/audit/$tile")" 200
ok '... as it is' cmp body "$ca_dir/view/audit/$tile"
for path in /audit/tile /audit/tile/0 /audit/tile/0/../../checkpoint /audit//checkpoint \
    /audit/%2e%2e/issuing-2/issuer.der /audit/tile/0/x01/002 /audit/tile/0/0000 /audit/ \
    /../cerca.conf /%2e%2e/cerca.conf /issuing-2/issuer.der /issuing-2/log.1 /ca/ /ca/other.crt \
    '/ca/issuing.crt/' //ca/issuing.crt /; do
    is "$path is not there" "$(code "$path")" 404
done
is 'a coded octet is the octet' "$(code /ca/%69ssuing.crt)" 200
is '... but once only' "$(code /ca/%2569ssuing.crt)" 404
is 'a query is nothing' "$(code '/ca/issuing.crt?x=y')" 200

# --- what is no request ------------------------------------------------------------------------------

for method in POST PUT DELETE OPTIONS TRACE FOO; do
    is "$method is refused" "$(code /ca/issuing.crt -X $method)" 405
done
is '... with what is allowed' "$(field Allow)" 'GET, HEAD'
is 'a broken code is refused' "$(code /ca/%zz)" 400
is 'NUL is refused' "$(code /ca/issuing.crt%00.html)" 400
printf 'GET http://pki.example/ca/issuing.crt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' |
    raw >absolute
like 'the absolute form is understood' absolute '^HTTP/1.1 200'
printf 'GET /ca/issuing.crt HTTP/1.0\r\n\r\n' | raw >old
like 'HTTP/1.0 is' old '^HTTP/1.[01] 200'
printf 'nonsense\r\n\r\n' | raw >nonsense
unlike 'nonsense is not' nonsense '^HTTP/1.. 200'
head -c 100000 /dev/urandom | raw >noise
unlike 'noise is not' noise '^HTTP/1.. 200'
is 'a head that is too large is refused' \
    "$(code /health -H "X: $(head -c 20000 /dev/zero | tr '\0' x)")" 431
is 'a path that is too long is refused' "$(code "/$(head -c 10000 /dev/zero | tr '\0' x)")" 400
is '... and a far longer one' "$(code "/$(head -c 60000 /dev/zero | tr '\0' x)")" 414
head -c 1000000 /dev/zero >large
is 'a body that is too large is refused' "$(code /health -X POST --data-binary @large)" 413
is '... of an unknown length too' "$(code /health -X POST --data-binary @large \
    -H 'Transfer-Encoding: chunked')" 413
printf 'POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n' | raw >negative
like 'a negative length is refused' negative '^HTTP/1.. 4'
is 'all is well' "$(code /health)" 200

# --- who is slow --------------------------------------------------------------------------------------

# drip TEXT: sends it octet by octet, five a second; seconds until it is cut off.
drip() {
    perl -MIO::Socket::INET -MTime::HiRes=time,sleep -e '
        $SIG{PIPE} = "IGNORE";
        my $s = IO::Socket::INET->new("127.0.0.1:'"$port"'") or die;
        my ($begin, $cut) = (time, 99);
        for my $c (split //, $ARGV[0]) {
            my $r = "";
            vec($r, fileno($s), 1) = 1;
            if (select($r, undef, undef, 0.2) && !sysread($s, my $x, 4096)) {
                $cut = time - $begin;
                last;
            }
            syswrite($s, $c);
        }
        printf "%d\n", $cut' "$1"
}

long=$(head -c 40 /dev/zero | tr '\0' x)
cut=$(drip "GET /health HTTP/1.1$(printf '\r\n')X: $long")
ok "a dripped head is cut off, after $cut s" test "$cut" -le 20
cut=$(drip "$(printf '\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n')")
ok "so are empty lines, after $cut s" test "$cut" -le 20
cut=$(perl -MIO::Socket::INET -MTime::HiRes=time,sleep -e '
    $SIG{PIPE} = "IGNORE";
    my $s = IO::Socket::INET->new("127.0.0.1:'"$port"'") or die;
    syswrite($s, "POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
    my ($begin, $cut) = (time, 99);
    for (1 .. 40) {
        my $r = "";
        vec($r, fileno($s), 1) = 1;
        if (select($r, undef, undef, 0.2) && !sysread($s, my $x, 4096)) {
            $cut = time - $begin;
            last;
        }
        syswrite($s, "x");
    }
    printf "%d\n", $cut')
ok "a dripped body is cut off, after $cut s" test "$cut" -le 20

# A CRL of 64 MiB, which no socket's buffers hold, for a server of its own on a copy of the view.
cp -r "$ca_dir/view" view
truncate -s 64M view/issuing-2/crl.der
read -r alone _ <<ports
$(free_ports)
ports
sed "s/port = \"$port\"/port = \"$alone\"/; s|view = .*|view = { dir = \"$scratch/view\"; };|" \
    "$conf" >"$ca_dir/alone.conf"
cerca-public -c "$ca_dir/alone.conf" >"$scratch/alone.log" 2>&1 &
alone_pid=$!
ok 'it serves alone, from a copy of the view' wait_until 10 curl -sf -o /dev/null \
    "http://127.0.0.1:$alone/ca/issuing.crt"
cut=$(perl -MIO::Socket::INET -MTime::HiRes=time,sleep -e '
    my $n = 64 << 20;
    for (my $pause = 3.5; $n == 64 << 20 && $pause < 60; $pause *= 3) { # a busy server needs longer to see it
        my $s = IO::Socket::INET->new("127.0.0.1:'"$alone"'") or die;
        syswrite($s, "GET /crl/issuing.crl HTTP/1.1\r\nHost: x\r\n\r\n");
        sleep $pause;
        $n = 0;
        while (my $got = sysread($s, my $x, 1 << 20)) { $n += $got }
    }
    print $n < 64 << 20 ? "cut" : "whole", "\n"')
is 'who stops taking is cut off' "$cut" cut
ok 'who takes gets all of it' sh -c \
    "curl -s 'http://127.0.0.1:$alone/crl/issuing.crl' | wc -c | grep -qx $((64 << 20))"
kill "$alone_pid"
wait "$alone_pid"
is 'TERM ends it cleanly' $? 0
CERCA_TEST_CLOCK_OFFSET=7200 cerca-public -c "$ca_dir/alone.conf" >>"$scratch/alone.log" 2>&1 &
alone_pid=$!
wait_until 10 curl -s -o body "http://127.0.0.1:$alone/health"
is 'an old view is ill' "$(curl -s -o "$out" -w '%{http_code}' "http://127.0.0.1:$alone/health")" 503
json '... and says so' '.status == "stale"'
kill "$alone_pid"
wait "$alone_pid"
rm -r view

# 10,000 that say nothing, and one who asks meanwhile.
cat >crowd.pl <<'crowd'
use IO::Socket::INET;
my @s;
for (1 .. $ARGV[1]) {
    my $s = IO::Socket::INET->new("127.0.0.1:$ARGV[0]") or last;
    syswrite($s, "GET /health HTTP/1.1\r\nX: ") if $_ % 2;
    push @s, $s;
}
$| = 1;
print scalar(@s), "\n";
open my $there, ">", "crowd.there";
close $there;
sleep 1 until -e "crowd.go";
crowd
sed -i 's/timeout = "1s"/timeout = "600s"/' "$conf"
public=$(pid_of cerca-public)
kill -HUP "$ca_pid"
wait_until 20 runs_anew cerca-public "$public" || bail 'it does not take the longer timeout'
wait_until 10 cerca status || bail 'it is not well'
prlimit --nofile=10100: perl crowd.pl "$port" 10000 >crowd.out &
crowd=$!
wait_until 60 test -e crowd.there
public=$(pid_of cerca-public)
is '10,000 connections that never finish' "$(cat crowd.out)" 10000
for _ in 1 2 3 4 5; do
    is 'somebody else is served' "$(code /ca/issuing.crt)" 200
done
anonymous=$(sed -n 's/^RssAnon:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$public/status")
ok "all of it in less than 150 MiB ($anonymous kB)" test "$anonymous" -lt 153600
touch crowd.go
wait "$crowd"
is 'they leave' "$(code /health)" 200

# --- the program ----------------------------------------------------------------------------------------

like 'it filters its system calls' "/proc/$public/status" '^Seccomp:[[:space:]]*2$'
like 'it sees the view alone' "$log" 'sandbox.entered program=cerca-public .*landlock="?files'
kill -KILL "$public"
ok 'it is started again after kill -9' wait_until 10 runs_anew cerca-public "$public"
is '... and whoever knocks meanwhile waits' "$(code /health)" 200
public=$(pid_of cerca-public)
kill -HUP "$ca_pid"
lost=0
until runs_anew cerca-public "$public"; do
    [ "$(code /health)" = 200 ] || lost=$((lost + 1))
done
is 'nobody is turned away while a new configuration is taken' "$lost" 0
wait_until 10 cerca status
fails 'a taken port is named' 1 "http.listen.*port $port|port $port.*http.listen" \
    cerca-public -c "$conf"
sed -i 's/listen = "127.0.0.1";/listen = "";/' "$conf"
kill -HUP "$ca_pid"
ok 'without an address there is no HTTP' wait_until 20 sh -c "! curl -s -o /dev/null $base/health"
ok '... and all is well' wait_until 10 cerca status
done_testing
