#!/bin/sh
# Two implementations agree about keys, keyrings, revocations and signatures: slm-verify and tests/second, which was written from
# docs/formats/signatures.md alone and does its own arithmetic.
. "$(dirname "$0")/harness.sh"
need "two implementations agree about signatures" python3 || exit 0
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
mkdir tiny && cp "$MODEL" tiny/model.gguf
(cd tiny && manifest-make -q --model-id alpha/tiny --version 1.0 --revision 3 --license MIT --license-route https://example.org/l --model-card-route https://example.org/c \
    --takedown-route mailto:a@example.org --source-lane original model.gguf) >base.manifest 2>/dev/null || not_ok "a manifest to sign"
case $BUILD in *address* | *thread*) count=120 ;; *) count=300 ;; esac
python3 "$ROOT/tests/cmd/outcomes.py" "$ROOT/tests/second" 5 $count base.manifest tiny cases >said 2>&1
same "$count random manifests, signatures and keyrings have the same outcome" "" "$(sed '$d' said | head -n 8)"
for word in bad-signature missing-signature revoked-key unknown-key unsigned verified wrong-comment wrong-key; do
    if tail -n 1 said | grep -q "$word=[1-9]"; then ok "$word was among them"; else not_ok "$word was among them" "$(tail -n 3 said)"; fi
done

# what the commands make is sound for the other one too
key-make -q --no-password -o . other >/dev/null && id=$(key-make -q --public-of other.key --force --json 2>/dev/null | sed 's/.*"key-id":"\([^"]*\)".*/\1/')
sed "s/^key-id: none/key-id: $id/; s/^signature-scheme: none/signature-scheme: minisign/" base.manifest >signed.manifest
manifest-sign -q -s other.key signed.manifest >/dev/null 2>&1
mkdir -p ring/alpha && cp other.pub "ring/alpha/$id.pub"
said=$(python3 -c 'import sys
sys.path.insert(0, sys.argv[1])
import signatures
print(*signatures.outcome(open("signed.manifest", "rb").read(), open("signed.manifest.minisig", "rb").read(), "ring"))' "$ROOT/tests/second")
same "what key-make and manifest-sign write, the second implementation verifies" "verified True" "$said"
cp "$id.revoked" ring/alpha/
said=$(python3 -c 'import sys
sys.path.insert(0, sys.argv[1])
import signatures
print(*signatures.outcome(open("signed.manifest", "rb").read(), open("signed.manifest.minisig", "rb").read(), "ring", "2026-01-01T00:00:00Z"))' "$ROOT/tests/second")
same "and the revocation that key-make signed in advance takes everything along" "revoked-key False" "$said"
