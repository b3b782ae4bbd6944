# A guide whose hosts enroll over EST, typed block by block. Source it behind lib.sh, in bash:
#
#   . "$(dirname "$0")/guide-est.sh"
#   guide_start FILE LABEL   # a CA that runs; the blocks as `fenced` has them, with its hosts in them
#   typing 'what it does'    # the next sh block, as a test
#   type_block NAME FILE     # one of them once more, as a test
#   typed_all                # a test: there is no other
#
# The flow has a function `systemctl`, which calls reload_cercad for that.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154,SC2317 # lib.sh has or uses them; functions are called by name
guide_typed=0
guide_url=

guide_start() {
    http=on
    ca_init || bail 'no CA'
    ca_start || bail 'it does not start'
    pki=$(sed -n 's/^ *crl_url = "\(.*\)\/crl\/issuing.crl";/\1/p' "$ca_dir/cerca.conf")
    port=$(sed -n '/^https = {/,/}/s/.*port = "\(.*\)";.*/\1/p' "$ca_dir/cerca.conf")
    guide_url=https://localhost:$port/.well-known/est/$2/cacerts
    fenced "$root/$1"
    sed -i -e "s|https://ca.example.com:8443|https://localhost:$port|" \
        -e "s|http://pki.example.com|$pki|" "$scratch"/sh* "$scratch"/conf*
}

guide_enrolls() {
    curl -fs --cacert "$ca_dir/ca/root.pem" -o "$scratch/cacerts" "$guide_url"
}

reload_cercad() {
    kill -HUP "$ca_pid"
    "$root/tests/flow/await-generation" "$CERCA_CONF" && wait_until 30 guide_enrolls
}

# In this shell, so that the flow's stand-ins are known and may keep what they start; not by ok,
# since every command of the block has to succeed. The folder stays the same.
type_block() {
    guide_here=$PWD
    guide_failed=
    trap 'guide_failed=$BASH_COMMAND' ERR
    # shellcheck source=/dev/null
    . "$2" >"$out" 2>"$err"
    guide_result=$?
    trap - ERR
    cd "$guide_here" || bail 'the folder is gone'
    is "$1" "$guide_result $guide_failed" '0 '
}

typing() {
    guide_typed=$((guide_typed + 1))
    type_block "$1" "$scratch/sh$guide_typed"
}

typed_all() {
    is 'the guide has nothing else to type' \
        "$(find "$scratch" -maxdepth 1 -name 'sh*' | wc -l)" "$guide_typed"
}
