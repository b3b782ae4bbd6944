#!/bin/bash
# Does `cerca store check` see a signature that has no intent? What other tests end with is worth nothing otherwise:
# here entries of the signer's record are changed one way after the other, and each has to be found by its rule.
# shellcheck disable=SC2317 # functions are called by name
# shellcheck source=tests/flow/lib.sh
. "$(dirname "$0")/lib.sh"

cd "$scratch" || exit 1
ca_init || bail 'no CA'
ca_start || bail 'it does not start'
ok 'a certificate' cerca issue --profile tls-server --key-out a.key --san dns:a.example --out a.pem
ok 'CRLs' cerca crl publish
record=$(find "$ca_dir/signer" -name '*.record')
serial=$(openssl x509 -in a.pem -noout -serial | sed 's/.*=//' | tr A-F a-f)
ok 'store and record agree' cerca store check

# changed WHICH AT OCTETS: in the entry that WHICH finds (lib/signrecord.h), hexadecimal OCTETS at AT.
cp "$record" whole
changed() {
    perl -e '
        my ($file, $which, $at, $octets) = @ARGV;
        open my $f, "+<:raw", $file or die "$file: $!";
        my $all = do { local $/; <$f> };
        my @found = grep { unpack("H32", substr($all, 64 * $_ + 16, 16)) =~ /^$which/ } 0 .. length($all) / 64 - 1;
        die "no such entry\n" unless @found;
        seek $f, 64 * $found[-1] + $at, 0;
        print $f pack "H*", $octets;' "$record" "$@"
}
# finds WHAT RULE WHICH AT OCTETS
finds() {
    ok "$1" changed "$3" "$4" "$5"
    run cerca store check
    is '... is a failure' "$status" 1
    like '... of the store' "$out" '^the store is NOT sound$'
    run cerca store check -o json
    json "... by its rule, $2, alone" ".ok == false and ([.findings[].rule] | unique == [\"$2\"])"
    cat whole >"$record"
}
finds 'a signature for a serial number that nobody reserved' record.intent "$serial" 16 4000000000000000000000000000feed
finds 'a signature over something else than what was reserved' record.tbs "$serial" 32 00000000000000000000000000000000
finds 'an entry out of its place' record.number "$serial" 0 00000000000000ff
finds 'a CRL whose number was never taken' record.crl 01000000 31 ff
perl -e '
    open my $f, "+<:raw", $ARGV[0] or die "$ARGV[0]: $!";
    my $all = do { local $/; <$f> };
    seek $f, 0, 2;
    print $f pack("Q>", length($all) / 64 + 1), substr($all, 8, 8), pack "H*", "5eed" x 24;' "$record" || bail 'no entry'
run cerca store check
is 'one signature more than there are intents' "$status" 1
like '... is found too' "$out" 'record.intent'
cat whole >"$record"
ok 'the record as it was is sound' cerca store check
done_testing
