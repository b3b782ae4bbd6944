# What is done on the machine that tests/boot/run boots: helpers.
# shellcheck shell=bash
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
failed=0

ok() { # NAME COMMAND...
    local name=$1
    shift
    if "$@" >/boot-test/out 2>&1; then
        echo "ok - $name"
    else
        echo "not ok - $name"
        tail -n 25 /boot-test/out | sed 's/^/#   /'
        failed=$((failed + 1))
    fi
}

fails() { # NAME COMMAND...
    local name=$1
    shift
    ok "$name" eval '! '"$(printf '%q ' "$@")"
}

same() {
    echo "got '$1', wanted '$2'"
    [ "$1" = "$2" ]
}

is() { # NAME GOT WANTED
    ok "$1" same "$2" "$3"
}

soon() { # COMMAND...: within three minutes
    local end=$((SECONDS + 180))
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || "$@" || return
        sleep 0.2
    done
}

as() { # USER COMMAND...
    setpriv --reuid "$1" --regid "$(id -g "$1")" --clear-groups "${@:2}"
}

as_other() { # BUT USER COMMAND...: fails at once for BUT
    [ "$1" != "$2" ] && as "${@:2}"
}

debs() { # FOLDER: all packages there
    # shellcheck disable=SC2046 # words
    dpkg -i $(find "$1" -maxdepth 1 -name 'cerca*.deb' ! -name '*-dbgsym_*')
}

serves() {
    cerca status -c /etc/cerca/cerca.conf && curl -sf -o /dev/null http://127.0.0.1:8080/crl/issuing.crl
}

# The fenced blocks of a guide, as the files PREFIX1, PREFIX2 ...
blocks_of() { # FILE PREFIX
    awk -v to="$2" '/^```sh$/ { file = to (++n); inside = 1; next } /^```$/ { inside = 0 } inside { print >file }' "$1"
}

# Block by block in one shell, as somebody types it.
typed() { # FILE
    # shellcheck disable=SC1090 # of a guide
    . "./$1"
}

# Puts a section in place of the one that the configuration has.
section() { # SECTION VALUE
    sed -i "s|^$1 = .*|$1 = $2;|" /etc/cerca/cerca.conf
}
