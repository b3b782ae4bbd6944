# shellcheck shell=bash
# shellcheck disable=SC2154 # build, bin and work are set by tests/bench/run
# What tests/bench/run measures of reports: those of 10000 certificates that end soon; the reference is the
# list of the same rows.

reporting() {
    local ca=$work/reported n=10000 wide=(--expires-within 3650d --timeout 10m)

    note "the report of $n expiring certificates, and the list of them, by turns"
    new_ca "$ca"
    "$build/bench/bulk_load" "$ca/cerca.conf" $n
    start_ca "$ca"
    wait_settled "$ca"
    for _ in 1 2 3; do
        per_second $n "$bin/cerca" list -c "$ca/cerca.conf" --limit 0 -o json "${wide[@]}" >>"$work/listed"
        for form in html csv; do
            per_second $n "$bin/cerca" report expiring -c "$ca/cerca.conf" --rows $n -o $form "${wide[@]}" \
                --out "$work/report.$form" >>"$work/reported.$form"
        done
    done
    [ "$(grep -c '^<tr' "$work/report.html")" -ge $n ] || fail 'the report has not all rows'
    [ "$(wc -l <"$work/report.csv")" -gt $n ] || fail 'the report has not all rows as CSV'
    for form in html csv; do
        row report.expiring.$n.$form "$(mean_of reported.$form)" 1/s "$(mean_of listed)"
        row report.expiring.$n.$form.time $((1000 * n / $(mean_of reported.$form))) ms 1000 1.00 at_most
    done
    stop_ca
    rm -rf "$ca"
}
