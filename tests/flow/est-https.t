#!/bin/sh
# HTTPS of EST: the server's certificate is made anew at half its life, with another key, and who is
# connected meanwhile goes on, also with a request that was half sent.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/est.sh
. "$(dirname "$0")/est.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
# Half of 100 s, of which 40 are over when it is made: ten seconds.
cat >>"$ca_dir/cerca.conf" <<'labels'
profiles = ( { name = "brief"; eku = ( "serverAuth" ); san_kinds = ( "dns", "ip" ); validity = "1m";
               validity_max = "1m"; backdate = "40s"; } );
est = ( { name = "default"; profile = "tls-client"; } );
labels
sed -i 's/^https = {/&\n    profile = "brief";/' "$ca_dir/cerca.conf"
ca_start || bail 'it does not start'
est_client
wait_until 20 is_up || bail 'HTTPS does not come'
csr a /CN=a.example.test DNS:a.example.test
public a

# Says: requests on one connection, those that failed, certificates that others saw meanwhile and keys
# of them, the certificate of that one connection, the status of a request half sent before, half after.
cat >client.py <<'client'
import base64, hashlib, http.client, socket, ssl, subprocess, sys, time
port, token = int(sys.argv[1]), sys.argv[2]

def connect():
    context = ssl.create_default_context(cafile="root.pem")
    c = http.client.HTTPSConnection("localhost", port, context=context, timeout=20)
    c.connect()
    return c

def serial(c):
    return hashlib.sha256(c.sock.getpeercert(True)).hexdigest()

def key(c):
    der = c.sock.getpeercert(True)
    pem = ssl.DER_cert_to_PEM_cert(der).encode()
    return subprocess.run(["openssl", "x509", "-noout", "-pubkey"], input=pem, check=True,
                          capture_output=True).stdout

def get(c):
    c.request("GET", "/.well-known/est/cacerts")
    r = c.getresponse()
    r.read()
    return r.status

kept, half = connect(), connect()
body = open("a.csr", "rb").read()
half.putrequest("POST", "/.well-known/est/simpleenroll")
half.putheader("Content-Type", "application/pkcs10")
half.putheader("Authorization", "Bearer " + token)
half.putheader("Content-Length", str(len(body)))
half.endheaders(body[:100])
first, sock, certificates, keys, failed, n = serial(kept), kept.sock, set(), set(), 0, 0
end = time.monotonic() + 40
while len(certificates) < 2 and time.monotonic() < end:
    try:
        other = connect()
        certificates.add(serial(other))
        keys.add(key(other))
        failed += get(other) != 200
        failed += get(kept) != 200
        n += 1
    except OSError as e:
        print(e, file=sys.stderr)
        failed += 1
    time.sleep(0.2)
failed += get(kept) != 200
half.send(body[100:])
answer = half.getresponse()
open("body", "wb").write(answer.read())
print("failed", failed)
print("certificates", len(certificates), "keys", len(keys))
print("first", first in certificates and serial(kept) == first and kept.sock is sock)
print("half", answer.status)
client
ok 'clients come and stay while it changes' python3 client.py "$port" \
    "$(token tls-client 1 dns:a.example.test)"
cp "$out" seen
like 'nobody is dropped' seen '^failed 0$'
like '... those who come later see another certificate, with another key' seen '^certificates 2 keys 2$'
like '... who is connected keeps the connection' seen '^first True$'
like '... a request half sent before and half after' seen '^half 200$'
ok '... gets its certificate' taken a
ok 'the store is sound' cerca store check
sed -i 's/san_kinds = ( "dns", "ip" )/san_kinds = ( "dns" )/' "$ca_dir/cerca.conf"
fails 'a profile that cannot name its address is refused' 1 'has no ip among its san_kinds' \
    cerca conf check

done_testing
