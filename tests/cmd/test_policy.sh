#!/bin/sh
# Policies: each rule held and broken, in the report of slm-verify and at the door of slm-import; countersignatures; files that are wrong.
. "$(dirname "$0")/harness.sh"
need policies python3 && need policies key-make && need policies manifest-sign || exit 0
MINIMODEL_HOME=$WORK/home
MINIMODEL_KEYRING=$WORK/keyring
SOURCE_DATE_EPOCH=1700000000
export MINIMODEL_HOME MINIMODEL_KEYRING SOURCE_DATE_EPOCH

# make_key NAME PUBLISHER: NAME.key, and its public half in the keyring; NAME.id tells its id
make_key() {
    key-make -q --no-password "$1" >"$1.made" || not_ok "a key $1"
    sed -n 's/^key-id: //p' "$1.made" >"$1.id"
    mkdir -p "keyring/$2" && cp "$1.pub" "keyring/$2/$(cat "$1.id").pub"
}

# describe OPTION...: src/m.manifest of src/model.gguf, signed by acme
describe() {
    rm -f src/m.manifest*
    (cd src && manifest-make -q --model-id acme/m --version 1 --license 'MIT OR GPL-2.0-only' --license-route https://example.org/l \
        --model-card-route https://example.org/c --takedown-route mailto:a@example.org --source-lane original \
        --key-id "$(cat ../acme.id)" "$@" model.gguf >m.manifest) || not_ok "a manifest $*"
    manifest-sign -q -s acme.key src/m.manifest >/dev/null || not_ok "a signature"
}

# policy LINE...: the file p, of these rules
policy() {
    printf 'minimodel-policy 0\nname: House rules\n' >p
    printf '%s\n' "$@" >>p
}

# holds TEXT: the report has the line that TEXT begins, and passes; the import does too
holds() {
    run slm-verify -q --policy p src/m.manifest
    expect "held: $1" 0 "check: policy pass $1" "verdict: pass"
}

# breaks TEXT: the report fails with that line. slm-import is given no artifact, and does not ask for one.
breaks() {
    run slm-verify -q --policy p src/m.manifest
    expect "broken: $1" 1 "check: policy fail $1" "[policy-rule]" "verdict: fail"
    rm -rf lone home && mkdir lone && cp src/m.manifest* lone
    run slm-import -q --policy p lone
    expect "broken, and refused: $1" 1 "[policy-rule]"
    case $err in *verify-absent* | *model.gguf:*) not_ok "no artifact is sought: $1" "$err" ;; *) ok "no artifact is sought: $1" ;; esac
    same "nothing is kept: $1" '' "$(find home -type f 2>/dev/null | grep -v '/lock$')"
}

# as_nobody COMMAND...: as a user who cannot read what nobody may
as_nobody() { "$@"; }
if [ "$(id -u)" -eq 0 ]; then
    as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
    chmod 755 "$WORK"
fi
nobody=false
as_nobody "$BIN/slm-verify" --version >/dev/null 2>&1 && nobody=true

mkdir src && cp "$MODEL" src/model.gguf && chmod u+w src/model.gguf
BYTES=$(wc -c <src/model.gguf)
make_key acme acme
ID=$(cat acme.id)
describe

# ---- each rule ----

run slm-verify -q src/m.manifest
expect "without a policy there is one line" 0 "check: policy skip none
" "signature: verified"

policy "publisher: acme" "publisher: other"
holds "publisher acme; policy House rules"
policy "publisher: another" "publisher: other"
breaks "publisher expected another or other, found acme; policy House rules"

policy "key: $ID"
holds "key $ID; policy House rules"
policy "key: 0123456789ABCDEF"
breaks "key expected 0123456789ABCDEF, found $ID"

policy "signature: required"
holds "signature verified"
mv src/m.manifest.minisig kept
breaks "signature expected verified, found missing-signature"
policy "key: $ID"
breaks "key expected $ID, found $ID, missing-signature"
mv kept src/m.manifest.minisig

policy "license: MIT"
holds "license MIT OR GPL-2.0-only"
policy "license: GPL-2.0-only" "license: ISC"
holds "license MIT OR GPL-2.0-only"
policy "license: GPL-2.0-or-later" "license: ISC"
breaks "license expected GPL-2.0-or-later or ISC, found MIT OR GPL-2.0-only"
policy "license: mit"
breaks "license expected mit, found MIT"

policy "format: gguf" "format: slm"
holds "format of 1 file"
policy "format: safetensors" "format: slm"
breaks "format expected safetensors or slm, found gguf of model.gguf"

policy "lane: original"
holds "lane original"
policy "lane: converted" "lane: merged"
breaks "lane expected converted or merged, found original"

policy "max-bytes: $BYTES"
holds "max-bytes $BYTES"
policy "max-bytes: $((BYTES - 1))"
breaks "max-bytes expected at most $((BYTES - 1)), found $BYTES"
policy "max-artifact-bytes: $BYTES"
holds "max-artifact-bytes $BYTES of model.gguf"
policy "max-artifact-bytes: $((BYTES - 1))"
breaks "max-artifact-bytes expected at most $((BYTES - 1)), found $BYTES of model.gguf"

describe --evidence 'derived pass - -' --evidence 'infer-check fail - -' --evidence 'x-read pending - -'
policy "evidence: derived"
holds "evidence derived"
policy "evidence: derived" "evidence: infer-check" "evidence: x-read"
breaks "evidence expected infer-check, x-read, found no pass for it, or a fail"
describe --evidence 'derived fail - -' --evidence 'derived pass - -'
policy "evidence: derived"
breaks "evidence expected derived, found no pass for it, or a fail"

# ---- age, against the clock or the newest receipt ----

policy "max-age-days: 3"
describe --created "$(date -u -d '71 hours ago' +%Y-%m-%dT%H:%M:%SZ)"
holds "max-age-days created "
describe --created "$(date -u -d '73 hours ago' +%Y-%m-%dT%H:%M:%SZ)"
breaks "max-age-days expected at most 3 days, found created "
describe --created "$(date -u -d '1 hour' +%Y-%m-%dT%H:%M:%SZ)"
breaks "max-age-days expected at most 3 days, found created "
policy "max-age-days: 9223372036854775807"
describe --created 0001-01-01T00:00:00Z
holds "max-age-days created 0001-01-01T00:00:00Z, now is "
describe --created "$(date -u -d '71 hours ago' +%Y-%m-%dT%H:%M:%SZ)"
policy "max-age-days: 3"
rm -rf home
slm-verify -q src/m.manifest >report && SOURCE_DATE_EPOCH=$(date -u -d '2 hours' +%s) receipt-write -q --root src report >/dev/null || not_ok "a receipt of tomorrow"
run slm-verify -q --home home --policy p src/m.manifest
expect "the newest receipt's time counts where the clock is behind it" 1 "check: policy fail max-age-days"
rm -rf home

# ---- countersignatures ----

describe
make_key one aud
make_key two aud
make_key three lab
ONE=$(cat one.id) TWO=$(cat two.id) THREE=$(cat three.id)
# signers N: a policy that asks for N of the three
signers() { policy "countersignatures: $1" "$(printf 'countersigner: aud %s\ncountersigner: aud %s\ncountersigner: lab %s\n' "$ONE" "$TWO" "$THREE" | LC_ALL=C sort)"; }
# countersign NAME: with the key NAME
countersign() { manifest-sign -q --force --countersign -s "$1.key" src/m.manifest >/dev/null || not_ok "a countersignature by $1"; }

signers 2
breaks "countersignatures expected 2, found 0"
countersign one
run slm-verify --policy p src/m.manifest
expect "who lacks is named in notes" 1 "countersignatures expected 2, found 1" "no countersignature of aud $TWO: there is none"
countersign three
holds "countersignatures 2"
signers 3
breaks "countersignatures expected 3, found 2"
signers 2

mv keyring/lab keyring/bal
breaks "countersignatures expected 2, found 1"
mv keyring/bal keyring/lab
mv "keyring/lab/$THREE.pub" kept
breaks "countersignatures expected 2, found 1"
mv kept "keyring/lab/$THREE.pub"

printf 'minimodel-revocation 0\nkey-id: %s\nrevoked: 2030-01-01T00:00:00Z\nreason: gone\n' "$THREE" >"keyring/lab/$THREE.revoked"
breaks "countersignatures expected 2, found 1"
run slm-verify --policy p src/m.manifest
expect "a revoked key countersigns nothing, whatever time it is" 1 "$THREE: the key is revoked"
rm "keyring/lab/$THREE.revoked"

cp "src/m.manifest.$ONE.minisig" "src/m.manifest.$TWO.minisig"
signers 3
run slm-verify --policy p src/m.manifest
expect "one signature under another's name does not count" 1 "found 2" "$TWO: it is by another key than its name says"
rm "src/m.manifest.$TWO.minisig"
signers 2

cp "src/m.manifest.$THREE.minisig" kept
manifest-sign -q --any --comment 'model:acme/m version:0 revision:2' -s three.key --force src/m.manifest >/dev/null 2>&1
mv src/m.manifest.minisig "src/m.manifest.$THREE.minisig"
manifest-sign -q --force -s acme.key src/m.manifest >/dev/null || not_ok "signed again"
run slm-verify --policy p src/m.manifest
expect "a countersignature has the manifest's trusted comment" 1 "found 1" "$THREE: its trusted comment is not the one for this manifest"
(sed -n 1,3p kept && echo AAAA) >"src/m.manifest.$THREE.minisig"
run slm-verify --policy p src/m.manifest
expect "and the form of a signature" 1 "found 1" "$THREE: it has not the form of a signature"
cp kept "src/m.manifest.$THREE.minisig"
python3 - "src/m.manifest.$THREE.minisig" <<'END'
import base64, sys
lines = open(sys.argv[1]).read().split("\n")
raw = bytearray(base64.b64decode(lines[1]))
raw[20] ^= 1
lines[1] = base64.b64encode(raw).decode()
open(sys.argv[1], "w").write("\n".join(lines))
END
run slm-verify --policy p src/m.manifest
expect "and is made by the key" 1 "found 1" "$THREE: the key did not make it"
cp kept "src/m.manifest.$THREE.minisig"

# the same secret key under another id, in the folder of another publisher
python3 - <<'END'
import base64
def change(name, to):
    lines = open(name).read().split("\n")
    raw = bytearray(base64.b64decode(lines[1]))
    raw[2:10] = bytes(range(1, 9))
    lines[1] = base64.b64encode(raw).decode()
    open(to, "w").write("\n".join(lines))
change("one.pub", "alias.pub")
END
mkdir -p keyring/shop && cp alias.pub keyring/shop/0807060504030201.pub
python3 - "src/m.manifest.$ONE.minisig" src/m.manifest.0807060504030201.minisig <<'END'
import base64, sys
lines = open(sys.argv[1]).read().split("\n")
raw = bytearray(base64.b64decode(lines[1]))
raw[2:10] = bytes(range(1, 9))
lines[1] = base64.b64encode(raw).decode()
open(sys.argv[2], "w").write("\n".join(lines))
END
policy "countersignatures: 2" "countersigner: aud $ONE" "countersigner: shop 0807060504030201"
run slm-verify --policy p src/m.manifest
expect "one key under two ids is one countersigner" 1 "expected 2, found 1" "shop 0807060504030201: the key has signed as another one"
rm src/m.manifest.0807060504030201.minisig

cp src/m.manifest.minisig "src/m.manifest.$ID.minisig"
policy "countersignatures: 1" "countersigner: acme $ID"
breaks "countersignatures expected 1, found 0"
run slm-verify --policy p src/m.manifest
expect "the manifest's own key is no countersigner" 1 "$ID: it is the manifest's own key"
rm "src/m.manifest.$ID.minisig"

signers 2
mv "src/m.manifest.$THREE.minisig" kept && mkfifo "src/m.manifest.$THREE.minisig"
run slm-verify --policy p src/m.manifest
expect "a FIFO is no countersignature, and is not waited for" 1 "expected 2, found 1"
rm "src/m.manifest.$THREE.minisig" && ln -s /dev/zero "src/m.manifest.$THREE.minisig"
run slm-verify --policy p src/m.manifest
expect "nor is a link that leads out" 1 "expected 2, found 1"
rm "src/m.manifest.$THREE.minisig" && (cat kept && head -c 100000 /dev/zero) >"src/m.manifest.$THREE.minisig"
run slm-verify --policy p src/m.manifest
expect "nor what has more behind it" 1 "expected 2, found 1" "$THREE: it has not the form of a signature"
mv kept "src/m.manifest.$THREE.minisig"
run slm-verify -q --strict --policy p src/m.manifest
expect "countersignatures are no surplus" 0 "check: policy pass countersignatures 2"

# a key that follows another one
key-make -q --no-password --succeed one.key four >four.made || not_ok "a successor"
FOUR=$(sed -n 's/^key-id: //p' four.made)
cp "$ONE.successor" "$ONE.successor.minisig" keyring/aud/ || not_ok "the files of the successor"
countersign four
policy "countersignatures: 1" "countersigner: aud $FOUR"
holds "countersignatures 1"
printf 'minimodel-revocation 0\nkey-id: %s\nrevoked: 2030-01-01T00:00:00Z\nreason: gone\n' "$ONE" >"keyring/aud/$ONE.revoked"
breaks "countersignatures expected 1, found 0"
rm keyring/aud/"$ONE".[rs]* "src/m.manifest.$FOUR.minisig"
signers 2

# of a manifest that nobody signed, countersignatures count all the same
(cd src && manifest-make -q -p --model-id local/m model.gguf >u.manifest) || not_ok "an unsigned manifest"
hex=$(sha256sum src/u.manifest | cut -d ' ' -f 1)
version=$(sed -n 's/^version: //p' src/u.manifest)
manifest-sign -q --any --comment "model:local/m version:$version revision:1 sha256:$hex" -s one.key src/u.manifest >/dev/null && mv src/u.manifest.minisig "src/u.manifest.$ONE.minisig"
signers 1
run slm-verify -q --policy p src/u.manifest
expect "a countersignature of an unsigned manifest" 0 "signature: unsigned" "check: policy pass countersignatures 1"
policy "signature: required"
run slm-verify -q --policy p src/u.manifest
expect "which is still unsigned" 1 "check: policy fail signature expected verified, found unsigned"
rm src/u.manifest*

signers 1
if command -v minisign >/dev/null; then
    python3 - "$ONE" <<'END' >comment
import hashlib
text = open("src/m.manifest", "rb").read()
fields = dict(line.split(": ", 1) for line in text.decode().splitlines()[1:])
print(f"model:{fields['model-id']} version:{fields['version']} revision:{fields['revision']} sha256:{hashlib.sha256(text).hexdigest()}", end="")
END
    rm -f src/m.manifest.*.minisig
    minisign -S -s two.key -m src/m.manifest -t "$(cat comment)" -x "src/m.manifest.$TWO.minisig" </dev/null >/dev/null 2>&1
    holds "countersignatures 1"
else
    skip "a countersignature by minisign" "no minisign here"
fi

# what counted goes along, what did not stays behind
countersign one
countersign three
signers 2
mv "keyring/lab/$THREE.pub" kept
rm -rf home
run slm-import -q --policy p src
expect "an import that the policy allows" 0 "revision"
at=$(find home/models -name manifest)
same "the countersignatures that counted are in the store" "$(printf '%s\n' manifest manifest.minisig "manifest.$ONE.minisig" "manifest.$TWO.minisig" | LC_ALL=C sort)" "$(cd "$(dirname "$at")" && ls -1 | grep -v '^files$' | LC_ALL=C sort)"
mv kept "keyring/lab/$THREE.pub"
run receipt-write --check
expect "the receipt of the import is sound" 0
same "and has the policy's line" "check: policy pass countersignatures 2; policy House rules" "$(cat home/receipts/acme/m/*.receipt | grep '^check: policy')"
run slm-verify -q --policy p "$at" "$(dirname "$at")/files"
expect "the policy holds of what is in the store" 0 "check: policy pass countersignatures 2"

# ---- what cannot be found out ----

chmod -R a+rX src keyring
if $nobody; then
    chmod 0 "src/m.manifest.$ONE.minisig"
    signers 3
    run as_nobody "$BIN/slm-verify" -q --policy p src/m.manifest
    expect "a countersignature that cannot be read leaves the rule open" 3 "check: policy skip none: countersignatures 2 of 3, and 1 that cannot be decided" "verdict: partial"
    signers 2
    run as_nobody "$BIN/slm-verify" -q --policy p src/m.manifest
    expect "not where the others are enough" 0 "check: policy pass countersignatures 2" "verdict: pass"
    chmod 644 "src/m.manifest.$ONE.minisig"
else
    skip "a countersignature that cannot be read" "nobody cannot run the commands here"
fi
mv keyring/aud aud && ln -s ../aud keyring/aud
signers 2
run slm-verify -q --policy p src/m.manifest
expect "a publisher's folder that cannot be read leaves the rule open" 3 "check: policy skip none: countersignatures 1 of 2, and 2 that cannot be decided" "[keyring-open]" "verdict: partial"
slm-verify -q --policy p src/m.manifest >report 2>/dev/null
run receipt-write --home other.home --root src report
expect "of which there is no receipt" 1 "[receipt-verdict]"
rm -rf home
run slm-import -q --policy p src
expect "nor an import" 3 "[keyring-open]"
same "nothing is kept where a rule is open" '' "$(find home/models -type f 2>/dev/null)"
policy "countersignatures: 1" "countersigner: lab $THREE"
holds "countersignatures 1"
rm keyring/aud && mv aud keyring/aud

# ---- several policies, and the machine's ----

policy "lane: original" "max-bytes: $BYTES"
cp p first
printf 'minimodel-policy 0\nname: Second\npublisher: acme\nlicense: ISC\n' >second
run slm-verify -q --policy first --policy second src/m.manifest
expect "all rules of all policies have to hold" 1 "check: policy fail license expected ISC, found MIT OR GPL-2.0-only; policy Second"
same "each rule has its line, policy after policy" "check: policy pass lane original; policy House rules
check: policy pass max-bytes $BYTES; policy House rules
check: policy pass publisher acme; policy Second
check: policy fail license expected ISC, found MIT OR GPL-2.0-only; policy Second" "$(grep '^check: policy' "$WORK/.out")"
MINIMODEL_POLICY=second run slm-verify -q --policy first src/m.manifest
same "the machine's policy goes before the others" "check: policy pass publisher acme; policy Second" "$(grep -m 1 '^check: policy' "$WORK/.out")"
expect "and binds without any option" 1 "check: policy fail license"
rm -rf home lone && mkdir lone && cp src/m.manifest* lone
MINIMODEL_POLICY=second run slm-import -q lone
expect "slm-import too" 1 "[policy-rule]"
MINIMODEL_POLICY=absent run slm-verify -q src/m.manifest
expect "a machine's policy that is named and not there is no absent one" 3 "absent: error:" "[io-open]"
MINIMODEL_POLICY='' run slm-verify -q src/m.manifest
expect "an empty name is none" 0 "check: policy skip none"
run slm-verify -q --json --policy first --policy second src/m.manifest
expect "the same as JSON" 1 '{"name":"policy","result":"pass","detail":"lane original; policy House rules"},{"name":"policy","result":"pass","detail":"max-bytes'

slm-verify -q --policy first src/m.manifest >report
run receipt-write --home chain.home --root src report
expect "a report with policies becomes a receipt" 0
same "which has their lines" 2 "$(cat chain.home/receipts/acme/m/*.receipt | grep -c '^check: policy pass')"
run receipt-write --home chain.home --check
expect "and is read again" 0
run slm-verify -q --policy first --only model.gguf src/m.manifest
expect "--only with a policy that holds" 0 "verdict: pass"

# ---- files that are no policy ----

# refused NAME STATUS TEXT: slm-verify and slm-import end so for the policy FILE
refused() {
    run slm-verify -q --policy "$4" src/m.manifest
    expect "$1" "$2" "$3"
    case $out in *verdict*) not_ok "$1: no report" "$out" ;; *) ok "$1: no report" ;; esac
    rm -rf home
    run slm-import -q --policy "$4" src
    expect "$1, for slm-import" "$2" "$3"
    same "$1: nothing is kept" '' "$(find home -type f 2>/dev/null | grep -v '/lock$')"
}
printf 'minimodel-policy 0\nname: x\nlane: stolen\nformat: onnx\n' >bad
refused "a policy with wrong words" 1 "bad:3:7: error:" bad
expect "all of them are named" 1 "[value-word]"
refused "a policy that is no policy" 1 "[text-first-line]" src/m.manifest
printf 'minimodel-policy 1\nname: x\nlane: original\n' >newer
refused "a policy of a newer version" 3 "[text-version-unsupported]" newer
printf 'minimodel-policy 0\nname: x\nkey: 0123456789abcdef\n' >lower
refused "a key id in lower case" 1 "lower:3:6: error: expected 16 upper-case hex digits, found" lower
: >empty
refused "an empty policy" 1 "[text-first-line]" empty
printf 'minimodel-policy 0\nname: x\n' >ruleless
refused "a policy without a rule" 1 "[policy-form]" ruleless
refused "a policy that is not there" 3 "[io-open]" nowhere
refused "a policy that is a folder" 3 "[io-not-regular]" src
mkfifo pipe
refused "a policy that is a FIFO" 3 "[io-not-regular]" pipe
run slm-verify -q --policy - src/m.manifest <first
expect "a policy from standard input" 0 "check: policy pass lane original"
if $nobody; then
    chmod 0 first
    run as_nobody "$BIN/slm-verify" -q --policy first src/m.manifest
    expect "a policy that may not be read" 3 "first: error:" "[io-open]"
    MINIMODEL_POLICY=first run as_nobody "$BIN/slm-verify" -q src/m.manifest
    expect "nor may the machine's" 3 "first: error:" "[io-open]"
else
    skip "a policy that may not be read" "nobody cannot run the commands here"
fi

# ---- the machine's own ----

# on_machine TEXT COMMAND...: runs where /etc/minimodel is what the shell TEXT makes of the folder etc
cat >machine.sh <<'END'
made=$1
shift
rm -rf etc && mkdir etc && (cd etc && eval "$made") && mount --bind etc /etc && exec "$@"
END
on_machine() { run unshare -rm sh machine.sh "$@"; }
if unshare -rm sh machine.sh true true 2>/dev/null; then
    rm -rf home
    chmod 644 first && cp first good
    on_machine true slm-verify -q src/m.manifest
    expect "a machine without a policy has none" 0 "check: policy skip none"
    on_machine 'mkdir minimodel && cp ../good minimodel/policy' slm-verify -q src/m.manifest
    expect "a machine's policy applies" 0 "check: policy pass lane original"
    on_machine "mkdir minimodel && ln -s $WORK/good minimodel/policy" slm-verify -q src/m.manifest
    expect "also behind a link" 0 "check: policy pass lane original"
    for made in 'mkdir minimodel && ln -s nowhere minimodel/policy' 'ln -s nowhere minimodel' 'mkdir minimodel && ln -s policy minimodel/policy'; do
        on_machine "$made" slm-verify -q src/m.manifest
        expect "a link that leads nowhere is no absent policy: $made" 3 "/etc/minimodel/policy: error:" "[io-open]"
        on_machine "$made" slm-import -q src
        expect "nor for slm-import: $made" 3 "[io-open]"
    done
    on_machine 'mkdir -p minimodel/policy' slm-verify -q src/m.manifest
    expect "a folder is no policy" 3 "[io-not-regular]"
else
    skip "the machine's own policy" "no mount namespaces here"
fi
