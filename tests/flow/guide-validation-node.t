#!/bin/bash
# docs/validation-node.md, typed word by word: the CA in one network, the node in another, with a
# stand-in for systemd.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
own_network "$0" "$@"

node=$scratch/node
http=on
export NODE=$node
mkdir "$node" "$node/export" "$scratch/bin"
ca_init || bail 'no CA'
ca_start || bail 'it does not start'
new_network || bail 'no network for the node'
cd "$ca_dir" || exit 1

cat >"$scratch/bin/systemctl" <<EOF
#!/bin/bash
case \$* in
'reload cercad')
    kill -HUP $ca_pid
    "$root/tests/flow/await-generation" "$ca_dir/cerca.conf"
    until cerca status >/dev/null 2>&1; do sleep 0.05; done
    ;;
'enable --now cerca-node')
    cerca-public -c "$node/cerca.conf" >>"$scratch/node.log" 2>&1 &
    echo \$! >"$scratch/node.pid"
    until curl -s -o /dev/null http://127.0.0.1:8080/health; do sleep 0.05; done
    ;;
esac
EOF
chmod 755 "$scratch/bin/systemctl"
PATH=$scratch/bin:$PATH
trap 'result=$?; [ ! -e "$scratch/node.pid" ] || kill "$(cat "$scratch/node.pid")"; (exit $result); cleanup' EXIT

# Block by block, each on its host.
awk -v dir="$scratch" '/^```sh$/ { inside = 1; n++; next } /^```$/ { inside = 0; next }
    inside { print >(dir "/block." n) }' "$root/docs/validation-node.md"
blocks=$(find "$scratch" -name 'block.*' | wc -l)
is 'the guide has something to type' "$((blocks >= 6))" 1
for n in $(seq "$blocks"); do
    block=$scratch/block.$n
    if grep -q '^# on the node$' "$block"; then
        # What the guide has somebody bring there.
        [ -e "$node/cerca.conf" ] || cp node.conf "$node/cerca.conf"
        ok "block $n, on the node" sh -c "cd '$node' && unset CERCA_CONF &&
            exec nsenter --net=/proc/$network_pid/ns/net bash -ex '$block'"
    else
        ok "block $n, on the CA's host" bash -ex "$block"
    fi
done
ok 'the node has its responders' wait_until 15 grep -q 'ocsp.delegate.ready' "$scratch/node.log"
cerca issue --profile tls-server --san dns:a.example.test --key-out a.key --out a.pem 2>/dev/null
cerca revoke --yes --reason keyCompromise a.pem >/dev/null 2>&1
# rsync tells files of one length apart by the second in which they were made.
sleep 1
bash "$scratch/block.$((blocks - 1))" >/dev/null
in_network sh -c "unset CERCA_CONF; cd '$node' && bash '$scratch/block.$blocks'" >/dev/null
ok 'what was revoked is, at the node' in_network sh -c "openssl ocsp -issuer ca/issuing.pem \
    -cert a.pem -CAfile ca/root.pem -url 'http://127.0.0.1:8080/ocsp' 2>&1 | grep -qx 'a.pem: revoked'"
is 'the units name programs and commands that there are' \
    "$(sed -n 's/^ExecStart=.*bin\///p' "$root"/conf/systemd/cerca-node*.service | tr '\n' '|')" \
    'cerca view import -c /etc/cerca/cerca.conf|cerca-public -c /etc/cerca/cerca.conf|'
done_testing
