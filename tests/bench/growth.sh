# shellcheck shell=bash
# shellcheck disable=SC2154 # build, bin, work and count are set by tests/bench/run
# What tests/bench/run measures at growing numbers of certificates, one row a size; tests/bench/charts draws
# these rows. BENCH_SIZES says which sizes; those that the disk has no room for are left out, and named.

sizes=${BENCH_SIZES:-10000 100000 1000000 10000000}

growing() {
    local size recorded=0 ca=$work/growing

    sizes=$(those_with_room)
    growing_limits
    new_ca "$ca"
    for size in $sizes; do
        [ "$size" -ge "$recorded" ] || fail "BENCH_SIZES must grow by more than the $count that are issued at each"
        note "loading $((size - recorded)) certificates, $size in all"
        "$build/bench/bulk_load" "$ca/cerca.conf" $((size - recorded))
        grown_store "$ca" "$size"
        recorded=$((size + count))
    done
    rm -rf "$ca"
    for size in $sizes; do grown_crl "$size"; done
    for size in $sizes; do grown_ocsp "$size"; done
}

# Of $sizes: 4 KiB for each certificate must be free.
those_with_room() {
    local size free

    free=$(df --output=avail -B4096 "$work" | tail -n 1)
    for size in $sizes; do
        if [ "$size" -lt "$free" ]; then
            echo "$size"
        else
            note "$size certificates are left out: $work has room for $free"
        fi
    done
}

# What issuing cannot be faster than, whatever the store: 64 requests under way share each commit, of which
# a certificate needs two and which syncs twice; and a client that comes with a TLS handshake of its own
# can have no more than nginx shakes hands.
growing_limits() {
    local syncs

    note "the limits of disk and TLS"
    syncs=$("$build/bench/sync_rate" "$work/synced" 3)
    row growth.limit.disk $((syncs * 64 / 4)) 1/s
    new_est
    start_est
    token=$("$bin/cerca" token create -c "$est/cerca.conf" --profile tls-client --name dns:.bench.example --uses 1000 --ttl 1h)
    est_load few "$ca_pid" "$est_port" 64 1000 --token "$token" --keep "$est/clients"
    start_checker
    est_load hands "$checker_pid" "$checker_port" 64 1000 --get yes --path / --clients "$est/clients" --chain "$est/ca/issuing.pem"
    stop_checker
    stop_ca
    rm -rf "$est"
    row growth.limit.tls "$(est_median hands 1)" 1/s
}

# grown_store CA SIZE: issuing against the token, what the disk holds, and the time to be ready.
grown_store() {
    local before rate p99 size

    start_ca "$1"
    wait_settled "$1" 3600
    size=$(stored_bytes "$1")
    before=$(token_rate "$1" issuing 1)
    read -r rate _ p99 _ < <(issue "$1" "$count" 64)
    row "growth.issue.$2" "$rate" 1/s "$(mean "$before" "$(token_rate "$1" issuing 1)")"
    row "growth.issue_p99.$2" "$p99" us
    stop_ca
    row "growth.store.$2" $((size / $2)) octets
    row "growth.ready.$2" "$("$build/bench/ready_time" "$bin/cerca-ca" "$1/cerca.conf")" s
    [ "$2" != "${sizes##*[[:space:]]}" ] || row growth.memory_holds \
        $((1024 * $(awk '/^MemTotal:/ { print $2 }' /proc/meminfo) / (size / $2))) certificates
}

grown_crl() {
    local mine theirs

    note "a full CRL of $1 entries"
    read -r mine theirs _ < <("$build/bench/crl_build" "$1" "$work")
    row "growth.crl.$1" "$mine" entries/s "$theirs"
}

# Of the same 10000 certificates at every size, against nginx that holds their answers open as files.
grown_ocsp() {
    note "OCSP over HTTP with $1 certificates"
    rm -f "$work"/load.grown*
    make_served "$1" 10000 >/dev/null
    start_public "$(nproc)"
    start_files grown "$(nproc)" read 10000
    for _ in 1 2 3; do
        load grown "$public_pid" "$public_port" 2 "$served/get"
        load grown.files "$files_pid" "$files_port" 2 "$served/get"
    done
    row "growth.ocsp.$1" "$(loaded grown 1)" 1/s "$(loaded grown.files 1)"
    row "growth.ocsp_cpu.$1" "$(loaded grown 4)" us "$(loaded grown.files 4)"
    stop_served
    rm -rf "$served"
}
