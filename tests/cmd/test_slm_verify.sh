#!/bin/sh
# slm-verify: no wrong byte passes, whatever else is right; the report says what was checked (receipts.md).
. "$(dirname "$0")/harness.sh"
need slm-verify python3 || exit 0
HERE=$ROOT/tests/cmd
SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH

# fresh: model.gguf, its chunk list and m.manifest in an otherwise empty folder, which becomes the current one
fresh() {
    cd "$WORK" && chmod -R u+rwx case 2>/dev/null
    rm -rf case && mkdir case && cd case || exit 1
    cp "$MODEL" model.gguf && chmod u+w model.gguf
    manifest-make -q -p -s 65536 --chunk-lists . model.gguf >m.manifest || exit 1
}

# edited SED-SCRIPT: m.manifest, changed
edited() { sed "$1" m.manifest >"$WORK/.edited" && cp "$WORK/.edited" m.manifest; }

# says NAME LINE: the last report has this line
says() {
    if grep -qxF -e "$2" "$WORK/.out"; then ok "$1"; else not_ok "$1" "expected the line '$2'" "$(cat "$WORK/.out")"; fi
}

fresh
run slm-verify m.manifest
expect "a good model passes" 0 "verdict: pass"
cat >"$WORK/expected" <<EOF
minimodel-report 0
tool: slm-verify $(cat "$ROOT/VERSION")
manifest-sha256: $(sha256sum <m.manifest | cut -d' ' -f1)
model-id: local/model-gguf
version: 0
revision: 1
signature: unsigned
check: manifest pass
check: signature pass unsigned
check: expiry pass
check: policy skip none
check: set skip none
artifact: model.gguf
artifact-bytes: $(($(wc -c <model.gguf)))
artifact-sha256: $(sha256sum <model.gguf | cut -d' ' -f1)
check: bytes pass
check: sha256 pass
check: merkle pass
check: chunk-list pass
check: format pass
check: tensor-layout pass
check: tokenizer pass
check: chat-template pass
check: facts pass
verdict: pass
EOF
same "the report has every line in its order" "$(cat "$WORK/expected")" "$out"
run slm-verify --quick m.manifest
expect "--quick passes a good model" 0 "verdict: pass"
says "--quick names the check that it left out" "check: sha256 skip quick"
run slm-verify -q m.manifest
same "-q prints no notes" "" "$err"
run slm-verify m.manifest .
expect "ROOT may be given" 0
mkdir elsewhere && mv model.gguf model.gguf.chunks elsewhere
run slm-verify m.manifest elsewhere
expect "ROOT may be another folder" 0 "verdict: pass"
run slm-verify - elsewhere <m.manifest
expect "the manifest may come from standard input" 0 "verdict: pass"
run slm-verify m.manifest nowhere
expect "a ROOT that is not there answers 3" 3
run slm-verify nothing.manifest
expect "a manifest that is not there answers 3" 3

# ---- every byte ----

fresh
same "a change of any 997th byte of the model fails, and its chunk is named" "" "$(python3 "$HERE/sweep.py" artifact m.manifest model.gguf 997 2>&1 | head -n 5)"
same "with --quick a change of any 997th byte fails too" "" "$(python3 "$HERE/sweep.py" artifact m.manifest model.gguf 997 --quick 2>&1 | head -n 5)"
run slm-verify m.manifest
expect "the model is whole again" 0
rm model.gguf.chunks
python3 "$HERE/build.py" gguf 3 model.gguf
SOURCE_DATE_EPOCH=1700000000 manifest-make -q -p model.gguf >m.manifest
same "a change of any byte of a pinned manifest fails" "" "$(python3 "$HERE/sweep.py" manifest m.manifest 2>&1 | head -n 5)"

fresh
for size in 0 1 406015 65536; do
    truncate -s "$size" model.gguf
    run slm-verify m.manifest
    expect "a file cut to $size bytes fails and is called truncated" 1 "check: bytes fail truncated" "[verify-bytes]"
    run slm-verify --quick m.manifest
    expect "a file cut to $size bytes fails under --quick" 1 "verdict: fail"
    cp "$MODEL" model.gguf
done
printf '\0' >>model.gguf
run slm-verify m.manifest
expect "one byte more fails and is called longer" 1 "check: bytes fail longer" "verdict: fail"
head -c 65536 "$MODEL" >>model.gguf
run slm-verify --quick m.manifest
expect "a chunk more fails under --quick" 1 "check: bytes fail longer" "check: merkle fail"
rm model.gguf
run slm-verify m.manifest
expect "an absent artifact fails" 1 "check: bytes fail absent" "[verify-absent]" "verdict: fail"

# ---- pins ----

fresh
pin=$(sha256sum <m.manifest | cut -d' ' -f1)
run slm-verify --manifest-sha256 "$pin" m.manifest
expect "the pinned manifest passes" 0
run slm-verify --manifest-sha256 "$(printf '%064d' 0)" m.manifest
expect "another manifest than the pinned one fails" 1 "[verify-manifest-sha256]" "check: manifest fail" "verdict: fail"
for wrong in "${pin%?}" "${pin}0" "$(printf %s "$pin" | tr a-f A-F)" "" "0x${pin#??}" " ${pin#?}"; do
    run slm-verify --manifest-sha256 "$wrong" m.manifest
    expect "a pin that is no 64 lower-case digits is refused: '$wrong'" 2 "usage:"
done

# ---- chunks ----

fresh
changed model.gguf 65536
changed model.gguf 131071
changed model.gguf 400000
run slm-verify --bad-ranges bad m.manifest
expect "wrong chunks are named with index and byte range" 1 "check: merkle fail chunk 1 bytes 65536-131071, chunk 6 bytes 393216-406015"
same "--bad-ranges lists them" "$(printf '1\t65536\t65536\tmodel.gguf\n6\t393216\t12800\tmodel.gguf')" "$(cat bad)"
run slm-verify --bad-ranges bad m.manifest
expect "an existing bad-ranges file is not replaced" 3 "[io-exists]"
same "and keeps its bytes" 2 "$(wc -l <bad | tr -d ' ')"
cp "$MODEL" model.gguf
run slm-verify --bad-ranges bad --force m.manifest
expect "--force replaces it" 0
printf 'something else\n' >kept
run slm-verify --bad-ranges kept --force m.manifest
expect "but nothing that holds something else" 3 "[io-exists]"
same "which stays" "something else" "$(cat kept)"
rm kept
same "a good model has no bad ranges" 0 "$(wc -c <bad | tr -d ' ')"

head -c 1700000 /dev/zero | tr '\0' a >big.txt
manifest-make -q -p -s 65536 --chunk-lists . --role big.txt=weights big.txt >big.manifest
tr a b <big.txt >other && mv other big.txt
run slm-verify --bad-ranges bad2 big.manifest
expect "more than 16 wrong chunks are counted" 1 "chunk 15 bytes 983040-1048575, 26 wrong chunks in all"
same "--bad-ranges lists them all" 26 "$(wc -l <bad2 | tr -d ' ')"

fresh
changed model.gguf 70000
rm model.gguf.chunks
run slm-verify m.manifest
expect "without its chunk list a wrong model still fails" 1 "check: merkle fail" "check: chunk-list skip none"
fresh
rm model.gguf.chunks
run slm-verify m.manifest
expect "a chunk list that is not there is a skip" 0 "check: chunk-list skip none" "verdict: pass"
fresh
changed model.gguf.chunks 30
run slm-verify m.manifest
expect "a changed chunk list fails" 1 "check: chunk-list fail" "verdict: fail"
fresh
printf 'other' >other.txt
chunk-merkle -s 65536 -l other.chunks other.txt >/dev/null
mv other.chunks model.gguf.chunks
edited "s/^chunk-list-sha256: .*/chunk-list-sha256: $(sha256sum <model.gguf.chunks | cut -d' ' -f1)/"
run slm-verify m.manifest
expect "the chunk list of another file fails, though its hash is the stated one" 1 "check: chunk-list fail" "verdict: fail"
fresh
gzip -n9 model.gguf.chunks
edited "s/^chunk-list-route: .*/&.gz/
s/^chunk-list-sha256: .*/chunk-list-sha256: $(sha256sum <model.gguf.chunks.gz | cut -d' ' -f1)/"
run slm-verify m.manifest
expect "a compressed chunk list is read" 0 "check: chunk-list pass"
changed model.gguf 70000
run slm-verify m.manifest
expect "and names wrong chunks" 1 "chunk 1 bytes 65536-131071"

# ---- what the manifest states ----

while IFS='|' read -r what script rule; do
    fresh
    edited "$script"
    run slm-verify m.manifest
    expect "a manifest that states $what fails" 1 "$rule" "verdict: fail"
    run slm-verify --quick m.manifest
    [ "$what" = "another SHA-256" ] || expect "a manifest that states $what fails under --quick" 1 "$rule"
done <<'EOF'
another SHA-256|s/^\(artifact-sha256: \)./\1f/|[verify-sha256]
another root|s/^\(merkle-root: .*\).$/\1f/;s/^\(merkle-root: .*e\).$/\1f/|[verify-merkle]
another architecture|s/^architecture: .*/architecture: qwen2/|[verify-facts]
other parameters|s/^parameters: .*/parameters: 7000000000/|[verify-facts]
another quantization|s/^quantization: .*/quantization: f32/|[verify-facts]
another shape|s/block_count=4/block_count=5/|[verify-facts]
another tokenizer|s/^\(tokenizer-sha256: \).../\1fff/|[verify-tokenizer]
another chat template|s/^\(chat-template-sha256: \).../\1fff/|[verify-chat-template]
another tensor layout|s/^\(tensor-layout-sha256: \).../\1fff/|[verify-tensor-layout]
another format|s/^artifact-format: .*/artifact-format: opaque/;/^tokenizer-sha/d;/^chat-/d;/^tensor-layout/d|[artifact-format]
EOF

fresh
manifest-make -q -p --role model.gguf=adapter model.gguf >m.manifest
run slm-verify m.manifest
expect "an adapter alone passes" 0 "verdict: pass"
edited 's/^architecture: .*/architecture: qwen2\
parameters: 7000000000/'
run slm-verify m.manifest
expect "a manifest without weights that states facts of weights fails" 1 "[verify-facts]" "verdict: fail"

fresh
edited 's/^model-id: .*/model-id: no/'
run slm-verify m.manifest
expect "a manifest with a broken rule answers 1" 1 "m.manifest:2:"
same "and gets no report" "" "$out"
fresh
edited 's/^minimodel-manifest 0/minimodel-manifest 1/'
run slm-verify m.manifest
expect "a manifest of another version answers 3" 3 "[text-version-unsupported]"
fresh
edited 's/^key-id: .*/key-id: 0123456789ABCDEF/;s/^signature-scheme: .*/signature-scheme: minisign/'
run slm-verify m.manifest
expect "a signed manifest without its signature fails" 1 "check: signature fail" "signature: missing-signature 0123456789ABCDEF" "verdict: fail"
touch keyring
run slm-verify --keyring keyring --signature m.manifest m.manifest
expect "a manifest is no signature" 1 "[signature-form]" "signature: bad-signature"
fresh
touch keyring
run slm-verify --keyring keyring m.manifest
expect "whether the publisher is known has to be known" 3 "check: signature skip none" "verdict: partial"
run slm-verify --keyring keyring --only model.gguf m.manifest
expect "--only does not make it a yes" 3 "verdict: partial"
changed model.gguf 3
run slm-verify --keyring keyring m.manifest
expect "a wrong byte wins over a signature that could not be judged" 1 "verdict: fail"
fresh
run slm-verify --require-signature m.manifest
expect "--require-signature fails an unsigned manifest" 1 "[verify-signature]" "check: signature fail" "verdict: fail"

fresh
sed 's/^created: .*/&\
expires: 2024-01-01T00:00:00Z/' m.manifest >e.manifest
run slm-verify e.manifest
expect "an expired manifest fails" 1 "check: expiry fail" "[verify-expired]" "verdict: fail"
run env SOURCE_DATE_EPOCH=0 slm-verify e.manifest
expect "SOURCE_DATE_EPOCH does not set the clock back" 1 "check: expiry fail"
sed 's/^created: .*/&\
expires: 9999-01-01T00:00:00Z/' m.manifest >e.manifest
run slm-verify e.manifest
expect "a manifest that expires later passes" 0 "check: expiry pass"

# ---- several artifacts ----

# a_set WHAT: the files of build.py WHAT in the folder case, described in m.manifest
a_set() {
    cd "$WORK" && rm -rf case && mkdir case && cd case || exit 1
    python3 "$HERE/build.py" "$1" .
    mkdir ../aside 2>/dev/null
    [ "$1" = shards ] || mv same-number same-tensor other-total ../aside
    manifest-make -q -p . >"$WORK/.m" && mv "$WORK/.m" m.manifest
}

a_set shards
run slm-verify m.manifest
expect "sharded safetensors with their index pass" 0 "check: set pass" "verdict: pass"
mv model-00001-of-00002.safetensors x && mv model-00002-of-00002.safetensors model-00001-of-00002.safetensors && mv x model-00002-of-00002.safetensors
run slm-verify m.manifest
expect "two files with their names swapped fail" 1 "verdict: fail"
a_set shards
for file in config.json tokenizer.json model.safetensors.index.json model-00001-of-00002.safetensors model-00002-of-00002.safetensors; do
    changed "$file" 10
    run slm-verify --quick m.manifest
    expect "a change in $file fails" 1 "$file" "verdict: fail"
    run slm-verify --only "$file" m.manifest
    expect "--only $file sees it" 1 "verdict: fail"
    changed "$file" 10
done
changed tokenizer.json 8
run slm-verify --only config.json m.manifest
expect "--only checks what it names and says partial" 0 "verdict: partial" "check: bytes skip only"
run slm-verify --only config.json --only tokenizer.json m.manifest
expect "--only may be given again" 1 "verdict: fail"
run slm-verify --only tokenizer.jso m.manifest
expect "--only of no artifact answers 1" 1 "[verify-only]"

a_set shards
sed 's/"a.weight"/"z.weight"/' model.safetensors.index.json >x && mv x model.safetensors.index.json
python3 "$HERE/build.py" rehash m.manifest .
run slm-verify m.manifest
expect "an index of other tensors fails, though every hash is right" 1 "[set-index]" "check: set fail" "verdict: fail"
a_set shards
sed 's/"a.weight": "[^"]*", //' model.safetensors.index.json >x && mv x model.safetensors.index.json
python3 "$HERE/build.py" rehash m.manifest .
run slm-verify m.manifest
expect "an index that leaves a tensor out fails" 1 "[set-index]" "verdict: fail"
a_set shards
python3 "$HERE/build.py" drop m.manifest model-00002-of-00002.safetensors
run slm-verify m.manifest
expect "a manifest that leaves a shard out fails" 1 "[set-index]" "verdict: fail"
a_set shards
sed 's/00002-of-00002.safetensors"/00001-of-00002.safetensors"/' model.safetensors.index.json >x && mv x model.safetensors.index.json
python3 "$HERE/build.py" rehash m.manifest .
run slm-verify m.manifest
expect "a shard that the index does not name fails" 1 "[set-index]" "verdict: fail"

a_set split
run slm-verify m.manifest
expect "a split GGUF passes" 0 "check: set pass" "verdict: pass"
for what in same-number same-tensor other-total; do
    a_set split
    cp "../aside/$what" model-00003-of-00003.gguf
    python3 "$HERE/build.py" rehash m.manifest .
    run slm-verify m.manifest
    expect "a split GGUF with a part of $what fails" 1 "[set-split]" "verdict: fail"
done
a_set split
python3 "$HERE/build.py" drop m.manifest model-00002-of-00003.gguf
run slm-verify m.manifest
expect "a split GGUF without a part fails" 1 "[set-split]" "verdict: fail"

a_set split
echo more >surplus.txt
run slm-verify m.manifest
expect "a surplus file is a note" 0 "note: not named by the manifest: surplus.txt"
run slm-verify --strict m.manifest
expect "--strict fails a surplus file" 1 "[set-surplus]" "check: set fail" "verdict: fail"
rm surplus.txt
mkdir -p deep/er && ln -s ../../m.manifest deep/er/link
run slm-verify --strict m.manifest
expect "--strict finds links in folders too" 1 "deep/er/link"
rm -r deep && echo >m.manifest.minisig
run slm-verify --strict m.manifest
expect "the manifest and its signature are no surplus" 0 "verdict: pass"
fresh
run slm-verify --strict m.manifest
expect "a chunk list that the manifest names is no surplus" 0 "verdict: pass"

# ---- don't know ----

fresh
python3 - model.gguf <<'PY'
import struct, sys
data = bytearray(open(sys.argv[1], 'rb').read())
at = data.index(struct.pack('<Q', 17) + b'token_embd.weight') + 8 + 17 + 4 + 16
data[at:at + 4] = struct.pack('<I', 999)
open(sys.argv[1], 'wb').write(data)
PY
edited '/^chunk-list/d'
rm model.gguf.chunks
python3 "$HERE/build.py" rehash m.manifest .
run slm-verify m.manifest
expect "a dtype that nobody knows is a don't-know" 3 "check: format skip unsupported" "verdict: partial"
changed model.gguf 400000
run slm-verify m.manifest
expect "a wrong byte in such a file is a no" 1 "verdict: fail"

fresh
run slm-verify --json m.manifest
same "--json has the same facts" "pass 406016 bytes" "$(printf '%s' "$out" | python3 -c '
import json, sys
lines = sys.stdin.read().splitlines()
assert len(lines) == 1
r = json.loads(lines[0])
print(r["verdict"], r["artifacts"][0]["artifact-bytes"], r["artifacts"][0]["checks"][0]["name"])')"
