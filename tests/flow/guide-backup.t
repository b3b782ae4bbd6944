#!/bin/bash
# docs/backup.md, typed word by word, against a CA with a stand-in for systemd.
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

mkdir "$scratch/here" "$scratch/bin"
cd "$scratch/here" || exit 1
ca_init || bail 'no CA'
ca_start || bail 'it does not start'
ca_stop

# As Type=notify does, start waits until the CA answers.
cat >"$scratch/bin/systemctl" <<EOF
#!/bin/bash
case \$1 in
stop)
    kill -TERM "\$(cat "$scratch/pid")"
    while kill -0 "\$(cat "$scratch/pid")" 2>/dev/null; do sleep 0.05; done
    ;;
start)
    cercad -c "$CERCA_CONF" >>"$scratch/cercad.log" 2>&1 &
    echo \$! >"$scratch/pid"
    until cerca ca list >/dev/null 2>&1; do sleep 0.05; done
    ;;
esac
EOF
chmod 755 "$scratch/bin/systemctl"
PATH=$scratch/bin:$PATH
systemctl start cercad
ca_pid=$(cat "$scratch/pid")
wait_until 20 cerca status || bail 'it is not well'

{
    echo "trap 'echo \"\$BASH_COMMAND\" >>\"$scratch/failed\"' ERR"
    awk '/^```sh$/ { inside = 1; next } /^```$/ { inside = 0; next } inside' "$root/docs/backup.md"
} >"$scratch/session"
is 'the guide has something to type' \
    "$(grep -cE '^(cerca|systemctl) ' "$scratch/session" | awk '{ print ($1 >= 12) }')" 1
run bash "$scratch/session"
ca_pid=$(cat "$scratch/pid")
is 'all that the guide says to type succeeds, save the status of a closed CA' \
    "$(cat "$scratch/failed")" 'cerca status'
like 'which says that it is closed since a restore' "$out" 'gate +restored, closed'
like 'the restore says what is lost of the audit log' "$out" '^audit_records_lost +[1-9]'
ok 'the parts are there' test -s restored-parts/cerca.conf
ok 'in the end the CA is open and well' wait_until 20 cerca status
ok 'and sound' cerca store check

done_testing
