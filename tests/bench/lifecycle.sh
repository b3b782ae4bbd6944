# shellcheck shell=bash
# shellcheck disable=SC2154 # build, bin, work, rows and count are set by tests/bench/run
# What tests/bench/run measures of the evaluation of a large store: what it costs, and what those feel who
# ask for certificates meanwhile.

# Every rule and alert over all of it, by processor time: as it was issued, after the configuration
# has changed, and what one change costs.
lifecycle() {
    note "evaluating $rows identities"
    read -r lines whole anew kib changed < <("$build/bench/lifecycle_time" "$work/large/cerca.conf")
    [ "$lines" -ge "$rows" ] || fail "only $lines identities were evaluated"
    row lifecycle.evaluate "$whole" s 20 1.00 at_most
    row lifecycle.evaluate_changed_configuration "$anew" s 20 1.00 at_most
    row lifecycle.anonymous "$kib" KiB 131072 1.00 at_most
    row lifecycle.change "$changed" us
}

# By turns: alone, then while all of it is evaluated. A turn that outlasts the evaluation does not count.
evaluating() {
    note "issuing while $rows identities are evaluated, and alone, by turns"
    : >"$work/evaluated"
    wait_lifecycle ready
    for _ in 1 2 3; do
        issued >>"$work/evaluated.alone"
        evaluate_all
        wait_lifecycle evaluating
        begun=$(evaluated_so_far)
        since=$(date +%s%N)
        while rate=$(issue "$work/large" $((count / 4)) 64 | cut -d ' ' -f 1) &&
            [ "$(lifecycle_state)" = evaluating ] && [ "$(wc -l <"$work/evaluated")" -lt 4 ]; do
            echo "$rate" >>"$work/evaluated"
            so_far=$(evaluated_so_far)
        done
        [ -s "$work/evaluated" ] || fail "the evaluation was over before $((count / 4)) were issued"
        echo $(((so_far - begun) * 1000000000 / ($(date +%s%N) - since))) >>"$work/evaluated.lines"
        cat "$work/evaluated" >>"$work/evaluated.issued"
        : >"$work/evaluated"
        wait_lifecycle ready
    done
    issued >>"$work/evaluated.alone"
    row lifecycle.issuing_meanwhile "$(mean_of evaluated.issued)" 1/s "$(mean_of evaluated.alone)" 0.80
    row lifecycle.evaluated_meanwhile "$(mean_of evaluated.lines)" 1/s
}

lifecycle_state() {
    "$bin/cerca" status -c "$work/large/cerca.conf" | awk '$2 == "lifecycle" { print $3 }'
}

evaluated_so_far() {
    "$bin/cerca" status -c "$work/large/cerca.conf" | awk '$2 == "lifecycle" { print $4 }'
}

wait_lifecycle() {
    for _ in $(seq 6000); do
        [ "$(lifecycle_state)" = "$1" ] && return
        sleep 0.1
    done
    fail "the evaluation is not $1 within 600 s"
}

# An exception from a rule, for all, has everything looked at again.
evaluate_all() {
    "$bin/cerca" findings except name.wildcard '*' -c "$work/large/cerca.conf" \
        --until "$(date -u -d '+30 days' +%Y-%m-%d)" --reason "turn $(date +%s%N)" >/dev/null
}

# What operators ask of all of it.
asking() {
    local conf=$work/large/cerca.conf

    note "what is asked of $rows certificates"
    wait_lifecycle ready
    row status.large "$(took "$bin/cerca" status -c "$conf")" ms 200 1.00 at_most
    row findings.count.large "$(took "$bin/cerca" findings count -c "$conf")" ms 200 1.00 at_most
    listed=$(per_second "$rows" "$bin/cerca" list --limit 0 -o csv -c "$conf" --timeout 10m)
    for what in inventory executive; do
        row "report.$what.large" "$(per_second "$rows" "$bin/cerca" report $what -c "$conf" -o html --rows 1000 \
            --timeout 10m --out "$work/report.html")" 1/s "$listed"
    done
    expiring_of_all
    "$bin/cerca" campaign create bench --key-type p256 --rate 5000/h --reason bench -c "$conf" \
        --timeout 10m >/dev/null
    row campaign.status.large "$(per_second "$rows" "$bin/cerca" campaign status -c "$conf" --timeout 10m)" \
        1/s "$listed"
    "$bin/cerca" campaign cancel bench -c "$conf" --timeout 10m >/dev/null
}

# About 10000 of them, those that end first: by the second, of which each has thousands.
expiring_of_all() {
    local conf=$work/large/cerca.conf ends within ms

    ends=$("$bin/cerca" list -c "$conf" --expires-within 3650d --limit 10000 -o json --timeout 10m |
        grep -o '"not_after": *"[^"]*"' | tail -n 1 | cut -d '"' -f 4)
    within=$(($(date -d "$ends" +%s) - $(date +%s) + 2))s
    ms=$(took "$bin/cerca" report expiring -c "$conf" --expires-within "$within" --rows 1000000 \
        --out "$work/report.html" --timeout 10m)
    listed_rows=$(grep -c '^<tr' "$work/report.html")
    [ "$listed_rows" -ge 1000 ] || fail "the report lists only $listed_rows certificates"
    row report.expiring.10000.large $((ms * 10000 / listed_rows)) ms 1000 1.00 at_most
}

# took COMMAND...: milliseconds, the middle one of five.
took() {
    for _ in 1 2 3 4 5; do
        begun=$(date +%s%N)
        "$@" >/dev/null 2>&1 || fail "$*"
        echo $((($(date +%s%N) - begun) / 1000000))
    done | sort -n | sed -n 3p
}
