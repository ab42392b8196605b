#!/bin/sh
# Attacks on keys and signatures, on the commands as a user runs them. What is wrong never answers 0, and never reaches the store.
. "$(dirname "$0")/harness.sh"
need "attacks on signatures" python3 || exit 0
PYTHONDONTWRITEBYTECODE=1
MINIMODEL_KEYRING=$WORK/ring MINIMODEL_HOME=$WORK/home
export PYTHONDONTWRITEBYTECODE MINIMODEL_KEYRING MINIMODEL_HOME
mkdir tiny a && cp "$MODEL" tiny/model.gguf
(cd tiny && manifest-make -q --model-id alpha/tiny --version 1.0 --revision 3 --license MIT --license-route https://example.org/l --model-card-route https://example.org/c \
    --takedown-route mailto:a@example.org --source-lane original model.gguf) >base.manifest 2>/dev/null || not_ok "a manifest to sign"
python3 "$ROOT/tests/cmd/attacks.py" "$ROOT/tests/second" base.manifest a || not_ok "what an attacker makes"
id=$(cat a/id) other=$(cat a/mallory.id)
cp a/signed.manifest tiny/m.manifest

# trusting PUBLISHER FILE KEYID: a keyring with this key alone
trusting() { rm -rf ring && mkdir -p "ring/$1" && cp "$2" "ring/$1/$3.pub"; }
# beside FILE: the model's signature is FILE
beside() { rm -f tiny/m.manifest.minisig && cp "$1" tiny/m.manifest.minisig; }
# refused NAME OUTCOME: slm-verify and slm-import answer 1 with the outcome, and nothing is imported
refused() {
    run slm-verify -q tiny/m.manifest
    expect "$1: slm-verify" 1 "signature: $2"
    run slm-import -q --allow-unsigned tiny
    if [ "$status" -eq 1 ] && [ ! -e home/models ] && [ ! -e home/receipts.log ]; then
        ok "$1: slm-import takes nothing"
    else
        not_ok "$1: slm-import takes nothing" "exit $status" "$(ls home 2>/dev/null)" "$(head -n 3 .err)"
    fi
}

trusting alpha a/alpha.pub "$id"
beside a/good.minisig
run slm-verify -q tiny/m.manifest
expect "the model as it should be: slm-verify" 0 "signature: verified $id" "verdict: pass"

# ---- the key shipped beside the message is not believed ----

rm -rf ring
cp a/alpha.pub "tiny/$id.pub"
mkdir -p tiny/keyring/alpha tiny/.config/minimodel/keyring/alpha && cp a/alpha.pub "tiny/keyring/alpha/$id.pub" && cp a/alpha.pub "tiny/.config/minimodel/keyring/alpha/$id.pub"
refused "a key that is shipped with the model" unknown-key
mkdir -p ring/alpha
refused "an empty folder of the publisher" unknown-key
rm -rf "tiny/$id.pub" tiny/keyring tiny/.config
mkdir -p "$WORK/user"
run env -u MINIMODEL_KEYRING -u XDG_CONFIG_HOME HOME="$WORK/user" slm-import -q --allow-unsigned tiny
expect "no key is trusted because it was met" 1
same "and none is kept" "" "$(find user ring -name '*.pub')"
run sh -c "key-trust add alpha a/alpha.pub </dev/null"
if [ "$status" -ne 0 ] && [ ! -e "ring/alpha/$id.pub" ]; then ok "key-trust adds no key that nobody confirmed"; else not_ok "key-trust adds no key that nobody confirmed" "$status"; fi

# ---- signatures that are none ----

trusting alpha a/alpha.pub "$id"
while IFS='|' read -r kind word what; do
    beside "a/$kind.minisig"
    refused "$what" "$word"
    run manifest-sign --check -p a/alpha.pub tiny/m.manifest
    expect "$what: manifest-sign --check with the key" 1
    run manifest-sign --check tiny/m.manifest
    expect "$what: manifest-sign --check with the keyring" 1
done <<'END'
large-s|bad-signature|an S that is not below the order
large-s-of-comment|bad-signature|the same in the signature of the comment
small-r|bad-signature|an R of small order
identity-r|bad-signature|the neutral R with S 0
collision|bad-signature|another key of the same id
stranger|wrong-key|a key that the manifest does not name
comment-altered|bad-signature|an altered trusted comment
comment-of-another|wrong-comment|a signed comment that tells another hash
comment-of-a-file|wrong-comment|a signed comment that tells of a file
legacy|bad-signature|a legacy signature
legacy-as-new|bad-signature|a legacy signature that calls itself a new one
trailing|bad-signature|bytes behind a signature
of-another-file|bad-signature|a signature of another file
comment-unsigned|bad-signature|a comment that nobody signed
END
rm -f tiny/m.manifest.minisig
refused "no signature at all" missing-signature
sed "s/^key-id: .*/key-id: none/; s/^signature-scheme: .*/signature-scheme: none/" a/signed.manifest >tiny/m.manifest
refused "a manifest made unsigned, as its publisher is known" unsigned
cp a/signed.manifest tiny/m.manifest
beside a/good.minisig
sed 's/^version: 1.0/version: 1.1/' a/signed.manifest >tiny/m.manifest
refused "a manifest that was changed" bad-signature
sed "s/^key-id: .*/key-id: $other/" a/signed.manifest >tiny/m.manifest
beside a/stranger.minisig
refused "a manifest that names the attacker's key" unknown-key
mkdir -p ring/beta && cp a/mallory.pub "ring/beta/$other.pub"
python3 - "$ROOT/tests/second" <<'END'
import random, sys
sys.path.insert(0, sys.argv[1])
from signatures import trusted_comment
from signed_generate import Key, write
source = random.Random(11)
key, mallory = Key(source), Key(source)
text = open("tiny/m.manifest", "rb").read()
write("tiny/m.manifest.minisig", mallory.sign(text, trusted_comment(text)))
END
refused "another publisher's key" wrong-key
cp a/signed.manifest tiny/m.manifest

# ---- keys that are none ----

beside a/forged-by-neutral.minisig
for kind in neutral small-order zero mixed-order above-p no-point; do
    trusting alpha "a/$kind.pub" "$id"
    refused "a $kind key in the keyring" unknown-key
    rm -rf ring
    run key-trust add --trust-on-first-use alpha "a/$kind.pub"
    if [ "$status" -eq 1 ] && [ -z "$(find ring -name '*.pub' 2>/dev/null)" ]; then ok "a $kind key: key-trust"; else not_ok "a $kind key: key-trust" "exit $status" "$(head -n 3 .err)"; fi
    run manifest-sign --check -p "a/$kind.pub" tiny/m.manifest
    expect "a $kind key: manifest-sign --check" 1 "[key-"
done
beside a/good.minisig
trusting alpha a/collision.pub "$id"
refused "another key of the signer's id in the keyring" bad-signature
trusting alpha a/alpha.pub "$other"
refused "a key under another id's name" unknown-key
trusting beta a/alpha.pub "$id"
refused "a key that speaks for another publisher" wrong-key
trusting alpha a/alpha.pub "$id"
cp a/collision.pub colliding.pub
run key-trust add --trust-on-first-use alpha colliding.pub
if [ "$status" -ne 0 ] && cmp -s a/alpha.pub "ring/alpha/$id.pub"; then ok "no key takes the place of another of its id"; else not_ok "no key takes the place of another of its id" "$status"; fi
echo x >"ring/alpha/$id.revoked"
refused "a revocation that cannot be read" revoked-key
rm "ring/alpha/$id.revoked" && ln -s nowhere "ring/alpha/$id.revoked"
refused "a revocation that is a link to nothing" revoked-key

# ---- what was trusted once ----

trusting alpha a/alpha.pub "$id"
run slm-import -q tiny
expect "a signed model is imported" 0
run slm-check -q
expect "and sound" 0
stored=home/models/alpha/tiny/3
chmod u+w "$stored" "$stored/manifest.minisig" && cp a/legacy.minisig "$stored/manifest.minisig"
run slm-check -q
expect "a signature that was exchanged in the store is found" 1
rm -f "$stored/manifest.minisig"
run slm-check -q
expect "one that was taken away too" 1
cp a/good.minisig "$stored/manifest.minisig"
run slm-check -q
expect "the right one is right again" 0
printf 'minimodel-revocation 0\nkey-id: %s\nrevoked: 2020-01-01T00:00:00Z\nreason: compromised\n' "$id" >"ring/alpha/$id.revoked"
run slm-check -q
expect "a key that was revoked as compromised takes its models along" 1
run slm-verify -q tiny/m.manifest
expect "for slm-verify too, whatever the receipts say" 1 "signature: revoked-key $id"
slm-verify -q tiny/m.manifest 2>/dev/null | receipt-write >/dev/null 2>&1
same "and no receipt is written of that" 1 "$?"
cp a/mallory.pub "forged.pub"
printf 'minimodel-revocation 0\nkey-id: %s\nrevoked: 2030-01-01T00:00:00Z\nreason: a milder one\n' "$id" >"$id.revoked"
run key-trust revoke alpha "$id.revoked"
if [ "$status" -ne 0 ]; then ok "a revocation that nobody signed is not taken from elsewhere"; else not_ok "a revocation that nobody signed is not taken from elsewhere" "$out"; fi
run slm-verify -q tiny/m.manifest
expect "and changes nothing" 1 "signature: revoked-key $id"

# ---- what is signed as one thing is nothing else ----

key-make -q --no-password -o . root >/dev/null && key-make -q --no-password -o . friend >/dev/null
root=$(sed -n 's/.*"key-id":"\([^"]*\)".*/\1/p' <<END
$(key-make -q --json --public-of root.key --force 2>/dev/null)
END
)
trusting alpha root.pub "$root"
manifest-sign -q --any -s root.key friend.pub >/dev/null
cp friend.pub "$root.successor" && cp friend.pub.minisig "$root.successor.minisig"
run key-trust -q add alpha "$root.successor"
expect "a public key that was signed as a file is no successor" 1 "[key-successor]"
same "and is not trusted" "$root.pub" "$(ls ring/alpha)"
cp "$root.successor" "$root.successor.minisig" ring/alpha/
run key-trust list alpha
same "nor where it lies in the keyring" "$root" "$(printf '%s\n' "$out" | cut -f1)"
cp "$root.revoked" some.file && manifest-sign -q --any -s root.key some.file >/dev/null
run key-trust revoke alpha friend.pub
if [ "$status" -ne 0 ]; then ok "a key is no revocation"; else not_ok "a key is no revocation" "$out"; fi

# ---- secret keys ----

key-make -q --no-password -o . own >/dev/null || not_ok "a key of one's own"
own=$(sed -n 's/.*"key-id":"\([^"]*\)".*/\1/p' <<END
$(key-make -q --json --public-of own.key --force 2>/dev/null)
END
)
sed "s/^key-id: .*/key-id: $own/; s/^signature-scheme: .*/signature-scheme: minisign/" base.manifest >own.manifest
for mode in 0644 0640 0604 0660 0610 0700; do
    chmod $mode own.key
    rm -f own.manifest.minisig
    run manifest-sign -s own.key own.manifest
    if [ $mode = 0700 ]; then wanted='[01]'; else wanted=1; fi
    case $status in $wanted) ok "a secret key of mode $mode" ;; *) not_ok "a secret key of mode $mode" "exit $status" ;; esac
    [ $mode = 0700 ] || same "a secret key of mode $mode signs nothing" "" "$(ls own.manifest.minisig 2>/dev/null)"
done
chmod 0600 own.key
run manifest-sign -s own.key own.manifest
expect "of mode 0600 it signs" 0
if [ "$(id -u)" -eq 0 ]; then
    cp own.key foreign.key && chown 12345 foreign.key && chmod 0600 foreign.key
    run manifest-sign --force -s foreign.key own.manifest
    expect "a secret key that is somebody else's" 1 "[key-mode]"
fi
for kind in own.key pem ssh; do
    mkdir -p shared && cp "$MODEL" shared/model.gguf
    case $kind in
    own.key) cp own.key shared/notes.txt ;;
    pem) printf '%s\n' '-----BEGIN PRIVATE KEY-----' 'MC4CAQAwBQYDK2VwBCIEIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' '-----END PRIVATE KEY-----' >shared/notes.txt ;;
    ssh) printf 'a comment\n%s\nAAAA\n%s\n' '-----BEGIN OPENSSH PRIVATE KEY-----' '-----END OPENSSH PRIVATE KEY-----' >shared/notes.txt ;;
    esac
    run manifest-make -q --private shared
    expect "a secret key in a model's folder ($kind)" 1 "notes.txt: error: " "[make-secret-key]"
    same "and no manifest is printed ($kind)" "" "$out"
    rm -rf shared
done
run manifest-make -q --private own.key
expect "a secret key named as a file of the model" 1 "[make-secret-key]"
mkdir given && cp "$MODEL" given/m.gguf && key-make -q --no-password -o given k >/dev/null && rm given/k.key given/k.pub
run manifest-make -q -p given
expect "a revocation that was signed in advance, in a model's folder" 1 ".revoked: error: expected files to share, found a revocation" "[make-secret-key]"
cp own.key tiny/own.key
rm -rf ring home/models && trusting alpha a/alpha.pub "$id"
MINIMODEL_HOME=$WORK/second-home run slm-import -q tiny
expect "a secret key beside a model is not imported" 0
same "so that it is not in the store" "" "$(find second-home -name 'own.key')"
for command in key-make manifest-sign receipt-write; do
    case $($command --help) in
    *--password\ * | *--password=*) not_ok "$command takes no password as an argument" ;;
    *) ok "$command takes no password as an argument" ;;
    esac
done
