#!/bin/bash
# The Debian packages: lintian has nothing to say, they install, upgrade, go, and leave the data.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/flow/deb.sh
. "$(dirname "$0")/deb.sh"
own_root "$0" "$@"

next=$(cat "$root/VERSION")+next
version=$(cat "$root/VERSION")
packages='cerca cerca-agent cerca-agent-key cerca-node cerca-tools'

# The same again, as of a later version.
next_version() {
    for package in $packages; do
        dpkg-deb -R "$scratch/deb/${package}_${version}_$architecture.deb" "$scratch/again" &&
            sed -i "s/^Version: .*/Version: $next/; s/(= $version)/(= $next)/g" "$scratch/again/DEBIAN/control" &&
            dpkg-deb --root-owner-group -Zgzip -b "$scratch/again" "$machine/tmp/deb/" || return 1
        rm -r "$scratch/again"
    done
}

files() { # VERSION
    for package in $packages; do
        echo "/tmp/deb/${package}_$1_$architecture.deb"
    done
}

architecture=$(dpkg --print-architecture)
ok 'make deb makes packages that lintian finds nothing in' sh -c "umask 022 && exec make -s -C '$root' \
    deb BOOTSTRAP=true 'BUILD=$CERCA_RELEASE_BUILD' 'DEB_DIR=$scratch/deb'"
(umask 022 && mkdir "$machine/tmp/deb" && cp "$scratch"/deb/*.deb "$machine/tmp/deb")
chmod 644 "$machine"/tmp/deb/*
ok 'and the next version does too' sh -c "umask 022; $(declare -f next_version); packages='$packages' \
    scratch='$scratch' machine='$machine' version='$version' next='$next' architecture='$architecture'; next_version"
# shellcheck disable=SC2046 # a list of words
ok 'they install' in_root dpkg -i $(files "$version")
is 'whole' "$(in_root dpkg --verify cerca cerca-agent cerca-agent-key cerca-node cerca-tools)" ''
# shellcheck disable=SC2046 # a list of words
ok 'a second time too' in_root dpkg -i $(files "$version")
is 'no unit is enabled' "$(find "$machine"/etc/systemd -name 'cerca*')" ''
ok 'there is no configuration yet' test ! -e "$machine/etc/cerca/cerca.conf"
for program in cercad cerca-ca cerca-signer cerca-public cerca-enroll cerca-admin cerca-watch cerca-scan \
    cerca-agent cerca-agent-key cerca; do
    run in_root "$program" --version
    is "$program is there" "$(cat "$out")" "$program $version"
    pages=$(find "$machine/usr/share/man" -name "$program.[18].gz" | wc -l)
    is "with its manual page" "$((pages >= 1))" 1
done
ok 'every unit is sound' in_root sh -c 'systemd-analyze verify $(dpkg -L cerca cerca-agent cerca-node |
    grep "^/lib/systemd/system/.*\.[a-z]*$") 2>&1 | grep -i cerca >&2; [ $? -eq 1 ]'

for unit in "$machine"/lib/systemd/system/cerca*.service; do
    case $unit in
    *@.service) cp "$unit" "$scratch/${unit##*/}" && unit=$scratch/${unit##*/} ;;
    esac
    instance=${unit/@./@hsm.}
    [ "$instance" = "$unit" ] || mv "$unit" "$instance"
    run systemd-analyze security --offline=true --threshold=20 "$instance"
    report "$status" "$(basename "$instance") is exposed by 2.0 at most"
done
is 'programs of a node have a user each' \
    "$(sed -n 's/^User=//p' "$machine"/lib/systemd/system/cerca-node*.service | sort | tr '\n' ' ')" 'cerca cerca-node '
sed -n 's/^User=//p' "$machine"/lib/systemd/system/cerca*.service | sort -u >"$scratch/users"
while read -r user; do
    ok "the user $user is there" in_root id "$user"
done <"$scratch/users"
ok 'the service configuration names users that there are' in_root cerca conf check -c /usr/share/cerca/service.conf
is 'and each program runs as what its unit says' \
    "$(in_root cercad --plan -c /usr/share/cerca/service.conf | sort)" "$(for program in ca public signer; do
        echo "cerca-$program $(in_root id -u "cerca-$program") $([ $program != signer ] || echo hsm)"
    done)"
can() { # USER WHAT FOLDER
    in_root setpriv --reuid "$1" --regid "$(in_root id -g "$1")" --clear-groups test "$2" "/var/lib/cerca/$3"
}
for user in cerca-ca cerca-signer cerca-public cerca-enroll cerca-admin cerca-watch cerca-scan nobody; do
    may=
    for folder in store view ca signer secrets tokens; do
        ! can "$user" -x "$folder" || may="$may $folder"
        ! can "$user" -w "$folder" || may="$may+w"
    done
    case $user in
    cerca-ca) want=' store+w view+w ca+w signer' ;;
    cerca-signer) want=' view ca signer+w secrets+w tokens+w' ;;
    *) want=' view ca' ;;
    esac
    is "where $user may go" "$may" "$want"
done

(umask 022 && mkdir -p "$machine/var/lib/cerca" && echo kept >"$machine/var/lib/cerca/kept")
# shellcheck disable=SC2046 # a list of words
ok 'an upgrade' in_root dpkg -i $(files "$next")
# shellcheck disable=SC2086 # words
ok 'removed' in_root dpkg --remove $packages
# shellcheck disable=SC2086 # words
ok 'purged' in_root dpkg --purge $packages
like 'which says what it leaves' "$err" '/var/lib/cerca stays'
is 'the data' "$(cat "$machine/var/lib/cerca/kept")" kept

for page in "$root"/man/*.[158]; do
    mandoc -Tlint -W warning "$page" | grep -v 'outdated mandoc.db'
done >"$scratch/lint"
is 'mandoc has nothing to say about any manual page' "$(cat "$scratch/lint")" ''

done_testing
