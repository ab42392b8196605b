#!/bin/sh
# manifest-sign: manifests and other files, outcomes, what is refused, every single bit, and minisign with the same files.
. "$(dirname "$0")/harness.sh"
need manifest-sign python3 || exit 0
KEYS=$ROOT/tests/cmd/keys.py
PYTHONDONTWRITEBYTECODE=1
SOURCE_DATE_EPOCH=1700000000
export PYTHONDONTWRITEBYTECODE SOURCE_DATE_EPOCH

# new_key NAME: an open key; $id is its id
new_key() { id=$(key-make -q --no-password "$1" | sed -n 's/^key-id: //p'); }
new_key other && other=$id
new_key key
cp "$MODEL" model.gguf
manifest-make -q -p --key-id "$id" model.gguf >m.manifest
sha=$(sha256sum <m.manifest | cut -c1-64)

# ---- manifests ----

run manifest-sign -s key.key m.manifest
expect "a manifest is signed" 0
same "and said" "signed	$id	m.manifest" "$out"
same "without another word" "" "$err"
same "the trusted comment is the page's" "trusted comment: model:local/model-gguf version:0 revision:1 sha256:$sha" "$(sed -n 3p m.manifest.minisig)"
cp m.manifest.minisig signature
run manifest-sign -s key.key m.manifest
expect "again there is nothing to do" 0 "there	$id	m.manifest"
same "and nothing is done" "$(cat signature)" "$(cat m.manifest.minisig)"
run manifest-sign --check -p key.pub m.manifest
same "it is verified" "0 verified	$id	m.manifest" "$status $out"
run manifest-sign --check -p other.pub m.manifest
expect "not by another key" 1 "wrong-key	$id	m.manifest" "m.manifest.minisig: error: expected a signature by $other, found one by $id [signature-wrong-key]"
run manifest-sign -s other.key m.manifest
expect "another key does not sign it" 1 "failed	$other	m.manifest" "m.manifest:7:9: error: expected $other, the key that signs, found '$id' [sign-refused]"
same "and the signature stays" "$(cat signature)" "$(cat m.manifest.minisig)"
echo old >m.manifest.minisig
run manifest-sign -s key.key m.manifest
expect "another signature is not replaced" 3 "m.manifest.minisig" "[io-exists]"
same "it stays" old "$(cat m.manifest.minisig)"
run manifest-sign --force -s key.key m.manifest
expect "--force replaces it" 0 "signed	$id	m.manifest"
same "with the same signature as before" "$(cat signature)" "$(cat m.manifest.minisig)"
manifest-make -q -p model.gguf >u.manifest
run manifest-sign -s key.key u.manifest
expect "a manifest that names no key is not signed" 1 "found 'none' [sign-refused]"
run manifest-sign -c -p key.pub u.manifest
expect "nor verified" 1 "unsigned	" "[signature-missing]"
sed 's/^revision: .*/revision: 0/' m.manifest >bad.manifest
run manifest-sign -s key.key bad.manifest
expect "an invalid manifest is not signed" 1 "bad.manifest:4:11: error: " "[value-range]"
same "no signature was made of what was refused" "" "$(ls u.manifest.* bad.manifest.* 2>/dev/null)"

# ---- calls ----

for call in "" "m.manifest" "-s key.key" "-c" "-c -p key.pub" "-c -s key.key m.manifest" "-s key.key -p key.pub m.manifest" "-s key.key --keyring . m.manifest" \
    "-c --any m.gguf" "-c --countersign m.manifest" "-c -p key.pub --keyring . m.manifest" "-s key.key --comment x m.manifest" "-c -p key.pub --force m.manifest" \
    "-s key.key -0 m.manifest" "-s key.key --password-fd x m.manifest" "-s key.key --password-fd 3 --password-file f m.manifest"; do
    run manifest-sign $call
    expect "usage: manifest-sign $call" 2 "usage: manifest-sign"
done
chmod 644 key.key
run manifest-sign -s key.key m.manifest
expect "a secret key that others can read" 1 "key.key: error: " "[key-mode]"
chmod 600 key.key
run manifest-sign -s no.key m.manifest
expect "a key that is not there" 3 "no.key" "[io-open]"
run manifest-sign -s key.pub m.manifest
expect "a public key for a secret one" 1 "key.pub" "[key-"
run manifest-sign -c -p m.manifest m.manifest
expect "a manifest for a key" 1 "m.manifest:1:1: error: " "[key-form]"

# ---- many ----

mkdir a b c
for folder in a b; do cp m.manifest $folder/m.manifest; done
run manifest-sign -s key.key a/m.manifest bad.manifest c/none "$WORK/b/m.manifest"
expect "one that fails does not stop the others" 1 "signed	$id	a/m.manifest" "failed	$id	bad.manifest" "failed	$id	c/none" "signed	$id	$WORK/b/m.manifest"
run manifest-sign -s key.key m.manifest c/none
expect "a file that is not there answers 3" 3 "there	" "c/none: error: " "[io-open]"
rm a/*.minisig b/*.minisig
printf 'a/m.manifest\0b/m.manifest\0' | manifest-sign -s key.key -0 --files-from - >list
same "--files-from" "signed	$id	a/m.manifest|signed	$id	b/m.manifest" "$(tr '\n' '|' <list | sed 's/|$//')"
run manifest-sign --json -c -p key.pub a/m.manifest c/none
same "--json has the same facts" "verified a/m.manifest $id a/m.manifest.minisig model:local/model-gguf, failed c/none $id c/none.minisig -" \
    "$(printf '%s\n' "$out" | python3 -c '
import json, sys
print(", ".join(" ".join(d.get(k, "-") for k in ("state", "file", "key-id", "signature", "trusted-comment")).split(" version")[0] for d in map(json.loads, sys.stdin)))')"
manifest-sign -s key.key a/m.manifest >/dev/full 2>err
same "a full disk behind standard output" "3 1" "$? $(grep -c io-write err)"

# ---- countersignatures ----

run manifest-sign --countersign -s other.key m.manifest
expect "a countersignature" 0 "signed	$other	m.manifest"
same "has the same trusted comment" "$(sed -n 3p m.manifest.minisig)" "$(sed -n 3p "m.manifest.$other.minisig")"
run manifest-sign --check --countersign -p other.pub m.manifest
expect "is verified" 0 "verified	$other"
run manifest-sign --countersign -s key.key m.manifest
expect "the manifest's own key is no countersigner" 1 "[sign-refused]"
cp m.manifest.minisig "m.manifest.$id.minisig"
run manifest-sign --check --countersign -p key.pub m.manifest
expect "nor does its signature count as one" 1 "wrong-key	$id" "[signature-wrong-key]"
cp m.manifest.minisig "m.manifest.$other.minisig"
run manifest-sign --check --countersign -p other.pub m.manifest
expect "nor under another name" 1 "wrong-key	$id" "[signature-wrong-key]"

# ---- other files ----

printf x >'new
line'
run manifest-sign --any -s key.key model.gguf 'new
line'
expect "files of any kind" 0 "signed	$id	model.gguf" 'new\u{a}line'
same "their comment has name and hash" "trusted comment: file:model.gguf sha256:$(sha256sum <model.gguf | cut -c1-64)" "$(sed -n 3p model.gguf.minisig)"
same "a name stays one line" "4 1" "$(wc -l <'new
line.minisig') $(grep -cF 'file:new\u{a}line sha256:' 'new
line.minisig')"
run manifest-sign --any --comment "für alle" -s key.key m.manifest --force
expect "--comment" 0 "signed	"
same "stands in the signature" "trusted comment: für alle" "$(sed -n 3p m.manifest.minisig)"
run manifest-sign -c -p key.pub m.manifest
expect "which is none of the manifest" 1 "wrong-comment	$id" "[signature-comment]"
run manifest-sign --any -c -p key.pub m.manifest model.gguf
expect "but one of the file" 0 "verified	$id	m.manifest" "verified	$id	model.gguf"
run manifest-sign --any --comment "$(printf 'a\nb')" -s key.key u.manifest
expect "a comment is one line" 1 "[signature-form]"
run manifest-sign --any --comment "$(printf 'a\033[2J')" -s key.key u.manifest
expect "and moves no terminal" 1 "[signature-form]"
run manifest-sign --any --comment "$(printf 'good\342\200\256dab')" -s key.key u.manifest
expect "and reads as it is written" 1 'good\u{202e}dab' "[signature-form]"
mkfifo pipe
run manifest-sign --any -s key.key pipe . /dev/null
expect "only regular files are signed" 3 "pipe: error: " "[io-not-regular]"
changed model.gguf 300000
run manifest-sign --any -c -p key.pub model.gguf
expect "a changed file" 1 "bad-signature	$id" "[signature-bad]"
cp signature m.manifest.minisig

# ---- what is wrong with a signature ----

while read -r how word rule; do
    cp signature m.manifest.minisig
    python3 "$KEYS" change m.manifest.minisig "$how"
    run manifest-sign -c -p key.pub m.manifest
    expect "$how is refused" 1 "$word	$id" "m.manifest.minisig:" "[$rule]"
done <<'END'
order bad-signature signature-bad
order-comment bad-signature signature-bad
legacy bad-signature signature-legacy
trailing bad-signature signature-trailing
crlf bad-signature signature-form
bits bad-signature signature-form
comment bad-signature signature-bad
cut-1 bad-signature signature-form
cut-2 bad-signature signature-form
cut-3 bad-signature signature-form
cut-4 bad-signature signature-form
END
: >m.manifest.minisig
run manifest-sign -c -p key.pub m.manifest
expect "an empty signature" 1 "bad-signature	" "[signature-form]"
head -c 20000 /dev/zero >m.manifest.minisig
run manifest-sign -c -p key.pub m.manifest
expect "20000 bytes" 1 "bad-signature	" "[signature-form]"
rm m.manifest.minisig
run manifest-sign -c -p key.pub m.manifest
expect "none" 1 "missing-signature	$id" "[signature-missing]"
mkdir m.manifest.minisig
run manifest-sign -c -p key.pub m.manifest
expect "a folder" 3 "failed	" "[io-open]"
run manifest-sign --force -s key.key m.manifest
expect "which is not replaced by force" 3 "m.manifest.minisig"
rmdir m.manifest.minisig

# ---- every single bit ----

cp signature m.manifest.minisig
mkdir manifests signatures keys
# states: how often each state was said, in one line
states() { cut -f1 "$WORK/.out" | sort -u | tr '\n' ' '; }
python3 "$KEYS" each m.manifest manifests >list
run manifest-sign -q -c -p key.pub --files-from list
same "no manifest with another bit is verified, nor undecided" "1 bad-signature failed wrong-key $(wc -l <list)" "$status $(states)$(wc -l <"$WORK/.out")"
same "each that is still a manifest has the outcome" "" "$(awk -F'\t' '$1 != "failed" { print $3 }' "$WORK/.out" | while read -r f; do manifest-lint -q "$f" || echo "$f"; done 2>&1 | head -n 3)"
python3 "$KEYS" each m.manifest.minisig signatures >list
run manifest-sign -q -c -p key.pub --files-from list
same "no signature with another bit is verified" "1 bad-signature wrong-key" "$status $(states | sed 's/ $//')"
python3 "$KEYS" each key.pub keys >list
wrong=
while read -r key; do
    manifest-sign -q -c -p "$key" m.manifest >said 2>&1
    [ $? -eq 1 ] || wrong="$wrong $key"
done <list
same "no public key with another bit verifies, and none is undecided" "" "$wrong"

# ---- the keyring ----

mkdir -p ring/local ring/elsewhere
run manifest-sign -c --keyring ring m.manifest
expect "a key that the keyring has not" 1 "unknown-key	$id" "[signature-unknown-key]"
cp key.pub "ring/elsewhere/$id.pub"
run manifest-sign -c --keyring ring m.manifest
expect "a key of another publisher" 1 "wrong-key	$id" "[signature-wrong-key]"
cp key.pub "ring/local/$id.pub"
run manifest-sign -c --keyring ring m.manifest
expect "a key of the publisher" 0 "verified	$id"
run env MINIMODEL_KEYRING="$WORK/ring" manifest-sign -c m.manifest
expect "MINIMODEL_KEYRING" 0 "verified	$id"
cp "$id.revoked" "ring/local/$id.revoked"
run manifest-sign -c --keyring ring m.manifest
expect "a revoked key" 1 "revoked-key	$id" "[signature-revoked-key]"
run manifest-sign -c --keyring no-ring m.manifest
expect "a keyring that is not there" 3 "[keyring-open]"
run manifest-sign -c --keyring ring u.manifest
expect "an unsigned manifest" 1 "unsigned	" "[signature-missing]"

# ---- minisign ----

if need "signatures of both programs" minisign; then
    mkdir ours theirs
    python3 - <<'PY'
import random
source = random.Random(1)
sizes = [0, 1, 63, 64, 65, 127, 128, 129, 4096, 262143, 262144, 262145, 1000000, 10000000]
sizes += [source.randrange(2**source.randrange(1, 18)) for _ in range(100 - len(sizes))]
for i, size in enumerate(sizes):
    data = source.randbytes(size)
    for folder in 'ours', 'theirs':
        open(f'{folder}/{i}', 'wb').write(data)
PY
    manifest-sign -q --any -s key.key ours/* >list
    same "100 files are signed" 100 "$(grep -c '^signed' list)"
    same "minisign verifies each" "" "$(for file in ours/*[0-9]; do minisign -Vqm "$file" -p key.pub || echo "$file"; done 2>&1)"
    minisign -S -s key.key -m theirs/* >/dev/null 2>&1
    run manifest-sign --any -c -p key.pub theirs/*[0-9]
    same "100 of minisign's are verified" "0 100" "$status $(grep -c '^verified' "$WORK/.out")"
    minisign -S -s key.key -m theirs/2 -c "$(printf 'caf\351')" >/dev/null 2>&1
    run manifest-sign --any -c -p key.pub theirs/2
    expect "what nobody signed or reads may be any bytes" 0 "verified	"
    minisign -S -l -s key.key -m theirs/1 >/dev/null 2>&1
    run manifest-sign --any -c -p key.pub theirs/1
    expect "a legacy signature of minisign's is refused" 1 "bad-signature	" "[signature-legacy]"
    minisign -G -W -p theirs.pub -s theirs.key >/dev/null 2>&1
    run manifest-sign --any -s theirs.key u.manifest
    expect "a key of minisign's signs" 0 "signed	"
    run minisign -V -p theirs.pub -m u.manifest
    expect "and minisign verifies" 0 "file:u.manifest sha256:"
    printf 'secret\nsecret\n' | minisign -G -p closed.pub -s closed.key >/dev/null 2>&1
    run sh -c 'printf "secret" | manifest-sign --any --password-fd 0 -s closed.key --force a/m.manifest b/m.manifest u.manifest'
    same "the password is asked for once for many files" "0 3" "$status $(grep -c '^signed' "$WORK/.out")"
    run manifest-sign --any -c -p closed.pub a/m.manifest b/m.manifest
    expect "and they are verified" 0
    run sh -c 'printf "wrong\n" | manifest-sign --any --password-fd 0 -s closed.key a/m.manifest'
    expect "a wrong password" 1 "closed.key: error: " "[key-password]"
fi

# ---- faults ----

if [ -x "$BUILD/fault/manifest-sign" ]; then
    for fault in read:5 write:28 memory:12 open:24 stat:5 fsync:5 link:5 rename:5; do
        wrong=$(python3 "$ROOT/tests/cmd/faults.py" "${fault%%:*}" "${fault##*:}" "$WORK/o" "$BUILD/fault/manifest-sign" -s key.key m.manifest 2>&1)
        same "manifest-sign of what is signed: ${fault%%:*} fails" '' "$wrong"
        wrong=$(python3 "$ROOT/tests/cmd/faults.py" "${fault%%:*}" "${fault##*:}" "$WORK/o" sh -c "cp m.manifest o/ && exec '$BUILD/fault/manifest-sign' -s key.key o/m.manifest" 2>&1)
        same "manifest-sign: ${fault%%:*} fails" '' "$wrong"
        wrong=$(python3 "$ROOT/tests/cmd/faults.py" "${fault%%:*}" "${fault##*:}" "$WORK/o" "$BUILD/fault/manifest-sign" -c -p key.pub m.manifest 2>&1)
        same "manifest-sign --check: ${fault%%:*} fails" '' "$wrong"
    done
else
    skip 'faults' 'the commands with faults are not built'
fi
