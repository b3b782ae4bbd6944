# A host of a flow's own, on which packages are installed:
#
#   own_root "$0" "$@"       # the first thing in a flow
#   in_root COMMAND...       # there, as root
#
# It sees the machine's files; what is changed is in memory and goes with the flow, as all processes do. It
# has a network of loopback alone. There is no systemd at work in it.
# shellcheck shell=sh
# shellcheck disable=SC2154,SC2317 # lib.sh has them; functions are called by name

own_root() {
    own_machine "$@"
    # Not below $scratch, whose end is rm -r: these mounts go with their namespace.
    mount -n -t tmpfs -o mode=755 tmpfs /mnt
    (umask 022 && mkdir /mnt/upper /mnt/work /mnt/root)
    machine=/mnt/root
    mount -n -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay "$machine"
    mount -n -t proc proc "$machine/proc"
    own_devices
    for folder in run tmp; do
        mount -n -t tmpfs -o mode=1777 tmpfs "$machine/$folder"
    done
    rm -f "$machine/var/lib/man-db/auto-update" # an index that nobody reads here
    # What a package starts here nobody waits for.
    printf '#!/bin/sh\nexit 101\n' >"$machine/usr/sbin/policy-rc.d"
    chmod 755 "$machine/usr/sbin/policy-rc.d"
}

# Only what every program may have, each by itself: nothing in there can remove one of the machine's.
own_devices() {
    mount -n -t tmpfs -o mode=755 tmpfs "$machine/dev"
    for device in null zero full random urandom; do
        : >"$machine/dev/$device"
        mount -n --bind "/dev/$device" "$machine/dev/$device"
    done
    ln -s /proc/self/fd "$machine/dev/fd"
}

in_root() {
    env -u CERCA_CONF PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
        DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 chroot "$machine" "$@"
}
