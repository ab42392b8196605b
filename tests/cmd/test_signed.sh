#!/bin/sh
# Signed models: each outcome in report, receipt and exit code; what the store remembers; what becomes of a model whose key is revoked.
. "$(dirname "$0")/harness.sh"
need signatures python3 || exit 0
HELP=$ROOT/tests/cmd/signed.py
MINIMODEL_HOME=$WORK/case/home
MINIMODEL_KEYRING=$WORK/case/ring
export MINIMODEL_HOME MINIMODEL_KEYRING

# key NAME: makes keys/NAME.key and its public half, and prints its id
key() {
    key-make -q --no-password -o "$WORK/keys" "$1" | sed -n 's/^key-id: //p'
}
mkdir keys
A=$(key a) B=$(key b) C=$(key c)

# trust PUBLISHER NAME ID
trust() {
    mkdir -p "$MINIMODEL_KEYRING/$1" && cp "$WORK/keys/$2.pub" "$MINIMODEL_KEYRING/$1/$3.pub"
}

# revoke ID TIME REASON: as the owner of the keyring
revoke() {
    printf 'minimodel-revocation 0\nkey-id: %s\nrevoked: %s\nreason: %s\n' "$1" "$2" "$3" >ring/org/"$1".revoked
}

# describe FOLDER KEYID [OPTION]...: writes FOLDER/m.manifest
describe() {
    folder=$1 id=$2
    shift 2
    rm -f "$folder"/m.manifest*
    (cd "$folder" && manifest-make -q -p -s 64K --model-id org/model --key-id "$id" --license-route https://example.org/license \
        --model-card-route https://example.org/card --takedown-route https://example.org/takedown "$@" model.gguf >../m.new) &&
        mv m.new "$folder/m.manifest" || not_ok "a manifest of $folder"
}

# sign FOLDER NAME
sign() {
    rm -f "$1/m.manifest.minisig"
    manifest-sign -q -s "$WORK/keys/$2.key" "$1/m.manifest" >/dev/null || not_ok "a signature in $1"
}

# fresh: an empty store, a keyring with key a of org, and src/ with a model that a signed
fresh() {
    cd "$WORK" && chmod -R u+rwx case 2>/dev/null
    rm -rf case && mkdir -p case/src && cd case || exit 1
    cp "$MODEL" src/model.gguf && chmod u+w src/model.gguf
    trust org a "$A"
    describe src "$A"
    sign src a
}

# none NAME: nothing is under models/
none() { same "$1: nothing appears" '' "$(find home/models -type f 2>/dev/null | head -n 3)"; }

# fact KEY: its value in the last output
fact() { sed -n "s/^$1: //p" "$WORK/.out" | head -n 1; }

receipts() { find home/receipts -name '*.receipt' 2>/dev/null | wc -l | tr -d ' '; }

# outcome NAME WORD KEYID RESULT STATUS [RULE] [OPTION]...: slm-verify's report says so, as text and as JSON, and ends with STATUS
outcome() {
    what=$1 word=$2 id=$3 result=$4 code=$5 rule=${6:-}
    [ $# -gt 6 ] && shift 6 || shift $#
    run slm-verify "$@" src/m.manifest
    if [ -n "$rule" ]; then expect "$what: exit $code" "$code" "[$rule]"; else expect "$what: exit $code" "$code"; fi
    same "$what: the report" "signature: $word${id:+ $id}" "$(grep '^signature:' "$WORK/.out")"
    same "$what: its check" "check: signature $result" "$(grep '^check: signature' "$WORK/.out" | cut -d ' ' -f 1-3)"
    run slm-verify --json "$@" src/m.manifest
    same "$what: as JSON" "$word $id $result" "$(python3 -c '
import json, sys
report = json.loads(sys.stdin.readline())
check = [c for c in report["checks"] if c["name"] == "signature"]
print(report["signature"], report.get("key-id", ""), check[0]["result"])' <"$WORK/.out")"
}

# refused NAME STATUS RULE [OPTION]...: slm-import takes nothing
refused() {
    what=$1 code=$2 rule=$3
    shift 3
    before=$(receipts)
    run slm-import -q "$@" src
    expect "$what: slm-import refuses it" "$code" "[$rule]"
    none "$what"
    same "$what: and writes no receipt" "$before" "$(receipts)"
}

# taken NAME LINE [OPTION]...: slm-import takes it, and the receipt has LINE
taken() {
    what=$1 line=$2
    shift 2
    run slm-import -q "$@" src
    expect "$what: slm-import takes it" 0 'state: imported'
    same "$what: the receipt" "$line" "$(grep '^signature:' "$(fact receipt)")"
}

# ---- what passes ----

fresh
outcome 'a signature by a trusted key' verified "$A" pass 0
taken 'a signature by a trusted key' "signature: verified $A"
same 'the very signature is in the store' "$(sha256sum <src/m.manifest.minisig)" "$(sha256sum <home/models/org/model/1/manifest.minisig)"
same 'read-only' 444 "$(stat -c %a home/models/org/model/1/manifest.minisig)"
run slm-check -q
expect 'slm-check verifies it again' 0 'org/model@1	pass'
run slm-verify -q --strict home/models/org/model/1/manifest home/models/org/model/1/files
expect 'a model in the store is verified like any' 0 "signature: verified $A"
run slm-import -q --home other home/models/org/model/1
expect 'and imported from there, signature and all' 0 'state: imported'
expect 'a second store has it' 0
same 'with the very signature' "$(sha256sum <src/m.manifest.minisig)" "$(sha256sum <other/models/org/model/1/manifest.minisig)"
run receipt-write --check
expect 'the receipt is read back' 0
run slm-verify -q --strict src/m.manifest
expect 'a signature is no surplus file' 0
mv src/m.manifest.minisig elsewhere.minisig
run slm-verify -q --signature elsewhere.minisig src/m.manifest
expect '--signature names another place' 0 "signature: verified $A"
run sh -c 'slm-verify -q --signature elsewhere.minisig - src <src/m.manifest'
expect 'for a manifest on standard input too' 0 "signature: verified $A"
run sh -c 'slm-verify -q - src <src/m.manifest'
expect 'which has no signature otherwise' 1 'signature: missing-signature'

# ---- unsigned ----

fresh
describe src none
outcome 'unsigned, publisher known' unsigned '' fail 1 verify-signature
refused 'unsigned, publisher known' 1 verify-signature --allow-unsigned
refused 'unsigned, publisher known, not asked for' 1 verify-signature
rm -r ring/org
outcome 'unsigned' unsigned '' pass 0
outcome 'unsigned, a signature required' unsigned '' fail 1 verify-signature --require-signature
refused 'unsigned' 1 store-unsigned
taken 'unsigned, allowed' 'signature: unsigned' --allow-unsigned
trust org a "$A"
run slm-check -q
expect 'one that was imported unsigned is no longer right when its publisher becomes known' 1 'models/org/model/1/manifest: error: ' '[verify-signature]'
fresh
describe src none
rm ring/org/*
revoke "$A" 2026-01-01T00:00:00Z retired
outcome 'unsigned, of a publisher with a revocation alone' unsigned '' fail 1 verify-signature

# ---- what fails ----

fresh
rm src/m.manifest.minisig
outcome 'a signature that was deleted' missing-signature "$A" fail 1 signature-missing
refused 'a signature that was deleted' 1 signature-missing --allow-unsigned

fresh
rm ring/org/*
outcome 'nobody has the key' unknown-key "$A" fail 1 signature-unknown-key
refused 'nobody has the key' 1 signature-unknown-key --allow-unsigned
trust somebody a "$A"
outcome "another publisher's key" wrong-key "$A" fail 1 signature-wrong-key
refused "another publisher's key" 1 signature-wrong-key

fresh
trust org b "$B"
cp src/m.manifest other
describe src "$B"
sign src b
mv other src/m.manifest
outcome 'another key than the manifest names' wrong-key "$B" fail 1 signature-wrong-key
refused 'another key than the manifest names' 1 signature-wrong-key

fresh
describe src "$B"
sign src b
python3 "$HELP" collide src/m.manifest.minisig "$A"
sed "s/$B/$A/" src/m.manifest >m.new && mv m.new src/m.manifest
outcome 'a key of the same id' bad-signature "$A" fail 1 signature-bad
refused 'a key of the same id' 1 signature-bad

fresh
sed -i 's/^version: .*/version: 6.6.6/' src/m.manifest
outcome 'a changed manifest' bad-signature "$A" fail 1 signature-bad
refused 'a changed manifest' 1 signature-bad --allow-unsigned

fresh
python3 "$HELP" above src/m.manifest.minisig
outcome 'S not below the order' bad-signature "$A" fail 1 signature-bad

fresh
sed -i 's/^trusted comment: model:org/trusted comment: model:Org/' src/m.manifest.minisig
outcome 'a changed trusted comment' bad-signature "$A" fail 1 signature-bad

fresh
rm src/m.manifest.minisig
manifest-sign -q --any --comment "model:org/model version:0 revision:2" -s "$WORK/keys/a.key" src/m.manifest >/dev/null
outcome 'a trusted comment for something else' wrong-comment "$A" fail 1 signature-comment
refused 'a trusted comment for something else' 1 signature-comment

fresh
sed -i '2s/^RU/RW/' src/m.manifest.minisig
outcome 'a legacy signature' bad-signature "$A" fail 1 signature-legacy
refused 'a legacy signature' 1 signature-legacy
if need 'a legacy signature by minisign' minisign; then
    fresh
    rm src/m.manifest.minisig
    run minisign -S -l -W -s "$WORK/keys/a.key" -m src/m.manifest -x src/m.manifest.minisig
    outcome 'a legacy signature by minisign' bad-signature "$A" fail 1 signature-legacy
    rm src/m.manifest.minisig
    run minisign -S -s "$WORK/keys/a.key" -m src/m.manifest -x src/m.manifest.minisig \
        -t "model:org/model version:0 revision:1 sha256:$(sha256sum <src/m.manifest | cut -d ' ' -f 1)"
    outcome 'a signature by minisign' verified "$A" pass 0
fi

fresh
echo more >>src/m.manifest.minisig
outcome 'trailing bytes' bad-signature "$A" fail 1 signature-trailing
refused 'trailing bytes' 1 signature-trailing
fresh
: >src/m.manifest.minisig
outcome 'an empty signature' bad-signature "$A" fail 1 signature-form
head -c 20000 /dev/zero | tr '\0' x >src/m.manifest.minisig
outcome 'a signature of 20000 bytes' bad-signature "$A" fail 1 signature-form
rm src/m.manifest.minisig && mkfifo src/m.manifest.minisig
outcome 'a FIFO in its place' missing-signature "$A" fail 1 signature-missing
rm src/m.manifest.minisig && mkdir src/m.manifest.minisig
outcome 'a folder in its place' missing-signature "$A" fail 1 signature-missing
fresh
mv src/m.manifest.minisig . && ln -s ../m.manifest.minisig src/m.manifest.minisig
outcome 'a link that leads out of the folder' missing-signature "$A" fail 1 signature-missing
outcome 'which is followed where that is asked for' verified "$A" pass 0 '' -L
refused 'a link that leads out of the folder' 1 signature-missing
taken 'which is followed where that is asked for' "signature: verified $A" -L

# ---- revoked keys ----

fresh
revoke "$A" 2030-01-01T00:00:00Z retired
outcome 'a revoked key, whatever time it is' revoked-key "$A" fail 1 signature-revoked-key
refused 'a revoked key' 1 signature-revoked-key
echo rubbish >ring/org/"$A".revoked
outcome 'a revocation that cannot be read' revoked-key "$A" fail 1 signature-revoked-key

fresh
SOURCE_DATE_EPOCH=1700000000 slm-import -q src >/dev/null
revoke "$A" 2024-01-01T00:00:00Z retired
outcome 'revoked after a receipt of it' verified "$A" pass 0
run slm-check -q
expect 'and slm-check says the same' 0 'org/model@1	pass'
outcome 'which another store has not' revoked-key "$A" fail 1 signature-revoked-key --home nowhere
revoke "$A" 2023-01-01T00:00:00Z retired
outcome 'revoked before the receipt' revoked-key "$A" fail 1 signature-revoked-key
run slm-check -q
expect 'slm-check finds it' 1 'org/model@1	fail' '[signature-revoked-key]'
revoke "$A" 2024-01-01T00:00:00Z 'compromised: stolen'
outcome 'compromised' revoked-key "$A" fail 1 signature-revoked-key
run slm-check -q
expect 'slm-check finds that too' 1 'org/model@1	fail' '[signature-revoked-key]'

# ---- rotation ----

fresh
mkdir rotation
D=$(key-make -q --no-password -o rotation --succeed "$WORK/keys/a.key" d | sed -n 's/^key-id: //p')
cp rotation/"$A".successor rotation/"$A".successor.minisig ring/org/
describe src "$D"
manifest-sign -q -s rotation/d.key src/m.manifest >/dev/null
outcome 'a key that follows a trusted one' verified "$D" pass 0
taken 'a key that follows a trusted one' "signature: verified $D"
revoke "$A" 2024-01-01T00:00:00Z retired
outcome 'whose predecessor was revoked' unknown-key "$D" fail 1 signature-unknown-key
rm ring/org/"$A".revoked
changed ring/org/"$A".successor.minisig 70
outcome 'a succession that the old key did not sign' unknown-key "$D" fail 1 signature-unknown-key

# ---- what cannot be read ----

fresh
: >file
outcome 'a keyring that is none' unknown-key "$A" skip 3 keyring-open --keyring file
run slm-import -q --keyring file src
expect 'slm-import does not know either' 3 '[keyring-open]'
none 'a keyring that is none'
describe src none
outcome 'unsigned, and the keyring cannot be read' unsigned '' skip 3 keyring-open --keyring file
run slm-verify -q --keyring nowhere src/m.manifest
expect 'a keyring that is named and not there' 3 '[keyring-open]'
fresh
if [ "$(id -u)" -eq 0 ]; then
    skip 'a signature that cannot be read' 'root reads everything'
else
    chmod 0 src/m.manifest.minisig
    outcome 'a signature that cannot be read' missing-signature "$A" skip 3 io-open
fi

# ---- slm-check ----

fresh
slm-import -q src >/dev/null
chmod -R u+w home/models
echo more >>home/models/org/model/1/manifest.minisig
run slm-check -q
expect 'slm-check: a changed signature' 1 'models/org/model/1/manifest.minisig' '[signature-trailing]'
rm home/models/org/model/1/manifest.minisig
run slm-check -q
expect 'slm-check: a removed signature' 1 'org/model@1	fail' '[signature-missing]'
cp src/m.manifest.minisig home/models/org/model/1/manifest.minisig
run slm-check -q
expect 'slm-check: put back' 0 'org/model@1	pass'
cp src/m.manifest.minisig home/models/org/model/1/manifest.0123.minisig
run slm-check -q
expect 'slm-check: a file of another name' 1 '[store-surplus]'


# a crash between the model and its receipt: what stands in the store is judged, not what the source has beside it
fresh
slm-import -q src >/dev/null
chmod -R u+w home && rm -r home/receipts home/receipts.log
mv home/models/org/model/1/manifest.minisig .
run slm-import -q src
expect 'no receipt for a model whose signature is gone' 1 '[signature-missing]'
mv manifest.minisig home/models/org/model/1/
run slm-import -q src
expect 'one where it is there' 0 'state: there'
same 'which states the outcome' "signature: verified $A" "$(grep '^signature:' "$(fact receipt)")"

# ---- what the store remembers ----

# revision N [OPTION]...: src/ becomes a signed manifest of that revision
revision() {
    number=$1
    shift
    describe src "$A" --revision "$number" "$@"
    sign src a
}

fresh
revision 3
taken 'revision 3' "signature: verified $A"
revision 2
run slm-import -q src
expect 'a lower revision is refused' 1 '[store-rollback]' 'found 2'
revision 3 --version 1.1
run slm-import -q src
expect 'an equal one with another manifest too' 1 '[store-rollback]'
slm-remove -q org/model@3 >/dev/null
run slm-import -q src
expect 'even when the model was removed' 1 '[store-rollback]'
none 'after the removal'
revision 2
run slm-import --allow-rollback src
expect '--allow-rollback lets it pass' 0 'state: imported' '[store-rollback]'
run slm-import -q src
expect 'once: it is refused though it is there' 1 '[store-rollback]'
revision 1
run slm-import -q src
expect 'and the bar is where it was' 1 '[store-rollback]' 'revision 3'
run slm-verify -q src/m.manifest
expect 'slm-verify says nothing of revisions' 0
revision 4
run slm-import -q src
expect 'a higher one is taken' 0 'state: imported'

# what an interrupted append leaves: a receipt whose line of the log is torn, or lost with the whole log
for damage in 'truncate -s -3 home/receipts.log' 'rm home/receipts.log'; do
    fresh
    revision 2
    slm-import -q src >/dev/null
    $damage
    revision 1
    run slm-import -q src
    expect "the bar holds after: $damage" 1 '[store-rollback]' 'revision 2'
    run receipt-write --check
    expect 'and the chain is settled' 0
done

# meanwhile NAME STATUS RULE COMMAND...: an import waits for another one, COMMAND runs meanwhile, then it goes on
if need 'what happens while an import waits' flock; then
    meanwhile() {
        what=$1 code=$2 rule=$3
        shift 3
        lock=home/store/partial/$(sha256sum <src/m.manifest | cut -c 1-64).lock
        mkdir -p home/store/partial
        (
            flock 9
            slm-import src >waited 2>waited.err 9>&- &
            import=$!
            for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do # said before the wait
                grep -q 'store-waits' waited.err && break
                sleep 0.2
            done
            "$@" 9>&-
            exec 9>&-
            wait "$import"
            printf '%s' $? >status
        ) 9>"$lock"
        cp waited "$WORK/.out" && cp waited.err "$WORK/.err"
        status=$(cat status) out=$(cat waited) err=$(cat waited.err)
        expect "$what" "$code" '[store-waits]' "[$rule]"
        none "$what"
    }
    fresh
    meanwhile 'a key that is revoked while an import waits' 1 signature-revoked-key revoke "$A" 2020-01-01T00:00:00Z 'compromised: stolen'
    fresh
    describe src "$A" --created 2020-01-01T00:00:00Z --expires "$(date -u -d '+2 seconds' +%Y-%m-%dT%H:%M:%SZ)"
    sign src a
    meanwhile 'a manifest that expires while an import waits' 1 verify-expired sleep 3
fi

# two at once: whoever comes first, no lower revision stands behind a higher one
behind=
for n in 1 2 3 4 5 6 7 8; do
    fresh
    revision 3
    cp -r src newer
    revision 2
    slm-import -q newer >/dev/null 2>&1 &
    slm-import -q src >/dev/null 2>&1
    wait $!
    [ -d home/models/org/model/3 ] || behind="$behind, 3 is not there"
    order=$(sed -n 's,^receipt: [0-9a-f]* ,home/receipts/,p' home/receipts.log | xargs sed -n 's/^revision: //p' | tr '\n' ' ')
    case $order in '3 ' | '2 3 ') ;; *) behind="$behind, $order" ;; esac
done
same 'of two imports at once none takes a lower revision behind a higher one' '' "$behind"
same 'and no lock is left' '' "$(find home/store -name '*@*')"

fresh
mv src/m.manifest.minisig src/elsewhere
run slm-verify -q --strict --signature src/elsewhere src/m.manifest
expect '--signature names no surplus file' 0 'check: set pass' "signature: verified $A"
run sh -c 'slm-verify -q --signature - src/m.manifest <src/elsewhere'
expect 'a signature comes on standard input' 0 "signature: verified $A"
run sh -c 'slm-verify -q --signature - - src <src/m.manifest'
expect 'but not behind the manifest' 2
describe src none
rm -r ring/org
run slm-verify --signature src/elsewhere src/m.manifest
expect '--signature does not pass an unsigned manifest' 1 '[verify-signature]'
mv src/elsewhere src/m.manifest.minisig
run slm-verify src/m.manifest
expect 'a signature beside an unsigned one is named' 0 'note: ' 'not looked at'

fresh
rm -r ring/org
describe src none --revision 9
taken 'revision 9, unsigned' 'signature: unsigned' --allow-unsigned
trust org a "$A"
revision 2
taken 'an unsigned import raises no bar for a signed one' "signature: verified $A"
rm -r ring/org
describe src none --revision 1
run slm-import -q --allow-unsigned src
expect 'a signed one does for an unsigned one' 1 '[store-rollback]'

fresh
revision 1
slm-import -q src >/dev/null
chmod u+w "$(find home/receipts -name '*.receipt')"
echo x >>"$(find home/receipts -name '*.receipt')"
revision 2
run slm-import -q src
expect 'a damaged chain remembers nothing, and nothing is imported' 1 '[receipt-changed]'
run slm-verify src/m.manifest
expect 'slm-verify goes on without it' 0 'verdict: pass' 'note: in the store:'
run slm-verify src/m.manifest --home nowhere
expect 'or without a store' 0 'verdict: pass' 'the store is left aside'
same 'which it does not make' '' "$(ls -d nowhere 2>/dev/null)"

# ---- time ----

fresh
revision 1 --created 2024-01-01T00:00:00Z --expires 2025-01-01T00:00:00Z
run slm-verify -q src/m.manifest
expect 'an expired manifest' 1 '[verify-expired]' "signature: verified $A" 'check: expiry fail'
refused 'an expired manifest' 1 verify-expired

fresh
SOURCE_DATE_EPOCH=4000000000 slm-import -q src >/dev/null
cp -r src other
describe other "$A" --model-id org/other
sign other a
revision 2 --created 2024-01-01T00:00:00Z --expires 2050-01-01T00:00:00Z
run slm-verify src/m.manifest
expect 'a clock behind the newest receipt counts as that' 1 '[verify-expired]' '[clock-behind]' 'the clock is behind the newest receipt'
run slm-import src
expect 'for slm-import too' 1 '[verify-expired]' '[clock-behind]'
same 'which leaves nothing behind' '' "$(ls home/store/partial)"
run slm-verify -q --home nowhere src/m.manifest
expect 'without the store it is not known' 0
slm-verify -q --home nowhere other/m.manifest >report
SOURCE_DATE_EPOCH=1000000000 receipt-write -q report >/dev/null
run slm-verify -q src/m.manifest
expect 'though the last receipt says an earlier time' 1 '[verify-expired]'
revision 2
run slm-import -q src
expect 'what does not expire is imported' 0
same 'and no receipt is older than the one before it' 'created: 2096-10-02T07:06:40Z' "$(grep '^created' "$(fact receipt)")"
run receipt-write --new-chain 'the clock was wrong'
expect 'a new chain' 0
revision 3 --created 2024-01-01T00:00:00Z --expires 2050-01-01T00:00:00Z
run slm-import src
expect 'begins with the clock as it is' 0 'state: imported'
SOURCE_DATE_EPOCH=4000000000 slm-import -q other >/dev/null
run slm-import -q src
expect 'what is there and has expired since is refused' 1 '[verify-expired]'
