# shellcheck shell=bash
# shellcheck disable=SC2154 # build, work and rows are set by tests/bench/run
# Importing, as a part of tests/bench/run.

# How fast, and what those feel who wait for a certificate meanwhile: by turns with and without, a few
# requests at a time, so that what is measured is waiting and not the length of a queue.
importing() {
    note "importing $rows certificates"
    new_ca "$work/import"
    ready_after import.ready
    start_ca "$work/import"
    read -r rate longest fresh < <("$build/bench/import_load" "$work/import/cerca.conf" "$rows")
    [ "$fresh" -eq "$rows" ] || fail "only $fresh of $rows were new"
    row "import.$rows" "$rate" 1/s 5000 1.00
    row "import.$rows.longest_message" "$longest" us
    # What a start has to read does not grow with what was imported.
    wait_settled "$work/import"
    stop_ca
    before=$(cat "$work/import.ready")
    ready_after import.ready
    row import.ready_after "$(cat "$work/import.ready")" s "$before" 1.50 at_most
    start_ca "$work/import"
    note "issuing while certificates are imported, and alone, by turns"
    for turn in 1 2 3; do
        waited alone
        "$build/bench/import_load" "$work/import/cerca.conf" 1000000000 $((turn * 100000000)) \
            >/dev/null 2>&1 &
        load=$!
        sleep 1
        waited meanwhile
        kill -0 $load 2>/dev/null || fail "the import ended"
        kill $load
        wait $load 2>/dev/null || true
    done
    row import.issuing.p50 "$(waited_us meanwhile 2)" us "$(waited_us alone 2)"
    row import.issuing.p999 "$(waited_us meanwhile 5)" us "$(waited_us alone 5)"
    # What the other load alone makes somebody wait is no stall of an import.
    row import.issuing.stall_p999 $(($(waited_us meanwhile 5) - $(waited_us alone 5))) us 50000 1.00 at_most
    row import.issuing.longest "$(waited_us meanwhile 6)" us "$(waited_us alone 6)"
    row import.issuing.rate "$(waited_us meanwhile 1)" 1/s "$(waited_us alone 1)"
    row import.memory "$(anon_kib cerca-ca)" KiB
    stop_ca
    rm -rf "$work/import"
}

# ready_after FILE: from the start of cerca-ca to its first answer, the middle one of five
ready_after() {
    for _ in 1 2 3 4 5; do
        "$build/bench/ready_time" "$bin/cerca-ca" "$work/import/cerca.conf"
    done | sort -n | sed -n 3p >"$work/$1"
}

# waited HOW: what issuing says is added to $work/waited
waited() { echo "$1 $(issue "$work/import" $((count / 4)) 4)" >>"$work/waited"; }

# waited_us HOW FIELD: the middle one of three
waited_us() {
    awk -v how="$1" -v field="$2" '$1 == how { print $(field + 1) }' "$work/waited" | sort -n | sed -n 2p
}
