#!/bin/sh
# What standard programs find out about the same bytes: sha256sum, split, openssl, jq, Python.
. "$(dirname "$0")/harness.sh"
need interop python3 || exit 0
HERE=$ROOT/tests/cmd
cp "$MODEL" model.gguf
mkdir shards && python3 "$HERE/build.py" shards shards
head -c 65536 model.gguf >one
: >empty
facts() { sed -n "s/^$1: //p"; }

for file in model.gguf one empty shards/config.json; do
    same "sha256sum agrees about $file" "$(sha256sum <$file | cut -d' ' -f1)" "$(chunk-merkle $file | facts artifact-sha256)"
    same "wc agrees about $file" "$(wc -c <$file | tr -d ' ')" "$(chunk-merkle $file | facts artifact-bytes)"
done
if need "openssl agrees about the model" openssl; then
    same "openssl agrees about the model" "$(openssl dgst -sha256 -r model.gguf | cut -d' ' -f1)" "$(chunk-merkle - <model.gguf | facts artifact-sha256)"
fi
chunk-merkle -s 65536 -l list model.gguf >lines
if split -b 1k --filter='cat >/dev/null' one 2>/dev/null; then
    same "split and sha256sum make the same chunk hashes" "$(split -b 65536 --filter=sha256sum model.gguf | cut -d' ' -f1)" "$(sed 1,6d list)"
else
    skip "split and sha256sum make the same chunk hashes" "this split has no --filter"
fi
same "the list begins with the facts of the lines" "$(grep -v chunk-scheme lines)" "$(sed -n 2,6p list)"
same "a Merkle root of a few lines of Python" "$(python3 - list <<'PY'
import hashlib, sys
sha = lambda data: hashlib.sha256(data).digest()
level = [sha(b'\0' + bytes.fromhex(line)) for line in open(sys.argv[1]).read().split('\n')[6:-1]]
def root(nodes):
    if len(nodes) == 1:
        return nodes[0]
    middle = 1 << (len(nodes) - 1).bit_length() - 1
    return sha(b'\1' + root(nodes[:middle]) + root(nodes[middle:]))
print(root(level).hex())
PY
)" "$(facts merkle-root <lines)"
same "the root of one chunk" "$({ printf '\0'; sha256sum <one | cut -d' ' -f1 | python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(input()))'; } | sha256sum | cut -d' ' -f1)" "$(chunk-merkle one | facts merkle-root)"
same "the root of no chunk" "$(sha256sum </dev/null | cut -d' ' -f1)" "$(chunk-merkle empty | facts merkle-root)"
same "the layout's digest is that of --tensors" "$(slm-info --tensors model.gguf 2>/dev/null | sha256sum | cut -d' ' -f1)" "$(slm-info model.gguf 2>/dev/null | facts tensor-layout-sha256)"
same "a safetensors layout's digest is that of --tensors" "$(slm-info --tensors shards/model-00001-of-00002.safetensors | sha256sum | cut -d' ' -f1)" "$(slm-info shards/model-00001-of-00002.safetensors | facts tensor-layout-sha256)"
same "the tokenizer's digest is that of tokenizer.json" "$(sha256sum <shards/tokenizer.json | cut -d' ' -f1)" "$(slm-info shards/model-00001-of-00002.safetensors | facts tokenizer-sha256)"

manifest-make -q -p shards >shards.manifest
manifest-lint --sha256sums shards.manifest >sums
same "sha256sum -c reads --sha256sums" 0 "$(cd shards && sha256sum -c --strict --quiet ../sums 2>&1; echo $?)"
same "--sha256sums lists every artifact" 5 "$(wc -l <sums | tr -d ' ')"
changed shards/config.json 9
same "and finds a changed file" 1 "$(cd shards && sha256sum -c --strict --quiet ../sums >/dev/null 2>&1; echo $?)"
changed shards/config.json 9
run manifest-lint --sha256sums no.manifest shards.manifest
expect "--sha256sums of a file that is not there answers 3" 3 config.json

if need "jq reads the facts" jq; then
    same "jq reads the facts" "$(slm-info model.gguf 2>/dev/null | facts model-shape)" "$(slm-info --json model.gguf 2>/dev/null | jq -r '."model-shape"')"
    same "jq reads the verdict" pass "$(slm-verify -q --json shards.manifest shards | jq -r .verdict)"
    same "jq counts the tensors" "$(slm-info --tensors model.gguf 2>/dev/null | wc -l | tr -d ' ')" "$(slm-info --json --tensors model.gguf 2>/dev/null | jq -r .name | wc -l | tr -d ' ')"
    same "jq sums the tensors" "$(slm-info --tensors model.gguf 2>/dev/null | awk -F'	' '{ sum += $5 } END { print sum }')" "$(slm-info --json --tensors model.gguf 2>/dev/null | jq -s 'map(.bytes) | add')"
    same "jq lists the artifacts" "$(facts artifact <shards.manifest)" "$(manifest-make -q -p --json shards | jq -r '.artifacts[].artifact')"
fi
same "Python's json reads the chunk facts" "$(facts merkle-root <lines)" "$(chunk-merkle --json -s 65536 model.gguf | python3 -c 'import json, sys; print(json.load(sys.stdin)["merkle-root"])')"
same "JSON and lines state the same facts" "$(slm-info model.gguf 2>/dev/null)" "$(slm-info --json model.gguf 2>/dev/null | python3 -c 'import json, sys; [print(f"{k}: {v}") for k, v in json.load(sys.stdin).items()]')"
same "a manifest of JSON members is the manifest" "$(SOURCE_DATE_EPOCH=1 manifest-make -q -p shards | sed 1d)" "$(SOURCE_DATE_EPOCH=1 manifest-make -q -p --json shards | python3 -c '
import json, sys
manifest = json.load(sys.stdin)
artifacts = manifest.pop("artifacts")
for group in [manifest] + artifacts:
    for key, value in group.items():
        for item in value if isinstance(value, list) else [value]:
            print(f"{key}: {item}")')"
if need "gzip makes lists that are read" gzip; then
    gzip -kn list
    run chunk-merkle --check list.gz model.gguf
    expect "gzip makes lists that are read" 0
    gzip -n <list >>list.gz
    run chunk-merkle --check list.gz model.gguf
    expect "two gzip members are refused" 1 "[chunk-list-gzip]"
fi
same "cmp finds --filter's copy equal" 0 "$(chunk-merkle --filter list --root "$(facts merkle-root <lines)" <model.gguf | cmp - model.gguf; echo $?)"
