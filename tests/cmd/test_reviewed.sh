# Cases that once gave a wrong answer.
. "$(dirname "$0")/harness.sh"
BUILD_PY=$ROOT/tests/cmd/build.py

# ---- manifest-make ----
mkdir many && cp "$MODEL" many/m.gguf
i=0
while [ $i -lt 3500 ]; do echo $i >many/f$i; i=$((i + 1)); done
run manifest-make -q -p many
expect 'more files than a manifest holds are refused, not passed over' 1 '[text-size]'
same 'and nothing is printed' '' "$out"
mkdir describe && cp "$MODEL" describe/m.gguf && echo mine >describe/m.gguf.chunks
(cd describe && manifest-make -q --force --chunk-lists . -p m.gguf m.gguf.chunks >/dev/null 2>&1)
same 'chunk lists replace nothing that is described' mine "$(cat describe/m.gguf.chunks)"
mkdir half lists && cp "$MODEL" half/a.gguf && echo '{' >half/b.safetensors
run manifest-make -q -p --chunk-lists lists half
expect 'a folder with a broken file is refused' 1 '[safetensors-length]'
same 'and leaves no chunk lists behind' '' "$(ls lists)"
mkdir rev && cp "$MODEL" rev/m.gguf
manifest-make -q -p --revision 5 rev >r5
run manifest-make -q --from r5 --revision 2 rev
expect '--from refuses a revision that is not above' 1 '[value-range]'
run manifest-make -q --from r5 --model-id local/other rev
expect 'another model-id begins at revision 1' 0 'revision: 1'
case $out in *previous-manifest*) not_ok 'and names no earlier manifest' ;; *) ok 'and names no earlier manifest' ;; esac
run manifest-make --model-id me/t --version 1 rev
expect 'the sample command keeps what was given' 2 "--model-id me/t --version 1 rev"

# ---- slm-verify ----
mkdir shards && python3 "$BUILD_PY" shards shards && manifest-make -q -p shards >shards.manifest
run slm-verify -q --only model-00001-of-00002.safetensors shards.manifest shards
expect '--only of a shard is partial, not wrong' 0 'verdict: partial'
run slm-verify -q --strict --only nothing shards.manifest shards
expect '--only of what is not named is refused' 1 '[verify-only]'
same 'without a report' '' "$out"
mkdir strict && cp "$MODEL" strict/m.gguf && manifest-make -q -p strict/m.gguf >strict/m.manifest && echo x >'strict/sur '
run slm-verify -q --strict --only m.gguf strict/m.manifest
expect '--strict holds with --only too' 1 '[set-surplus]'
if grep -q ' $' "$WORK/.out"; then not_ok 'no line of a report ends in a space'; else ok 'no line of a report ends in a space'; fi
cp -r shards lie && sed -i 's/"a.weight"/"z.weight"/' lie/*.index.json
sed '/^artifact: model.safetensors.index/,/^chunk/s/format: json/format: text/' shards.manifest >lie.manifest
python3 "$BUILD_PY" rehash lie.manifest lie
run slm-verify -q lie.manifest lie
expect 'a shard index that is called text is refused' 1 '[artifact-format]'
mkdir list && cp "$MODEL" list/m.gguf && (cd list && manifest-make -q -p --chunk-lists . m.gguf) >list/m.manifest
rm list/m.gguf.chunks && mkdir list/m.gguf.chunks
run slm-verify -q list/m.manifest
expect 'a stated list that cannot be opened is a do-not-know' 3 '[io-open]'

# ---- chunk-merkle ----
head -c 3000000 /dev/urandom >f && manifest-make -q -p -s 64K --role f=weights f >f.manifest
chunk-merkle -s 64K --prove 45 f | sed 's/^chunk-count: 46/chunk-count: 16/;s/^chunk-index: 45/chunk-index: 15/' >moved
run chunk-merkle --check-proof moved -m f.manifest
expect 'a proof of another place is refused by the manifest' 1 '[chunk-root]'
chunk-merkle -s 64K -l f.chunks f >/dev/null
sed 's/^artifact-sha256: ..../artifact-sha256: 0000/' f.chunks >b.chunks
run sh -c 'chunk-merkle --filter b.chunks -m f.manifest <f'
expect 'a list that contradicts the manifest is refused' 1 '[chunk-root]'
cat f f >longer
run chunk-merkle --check f.chunks longer
expect 'a longer file is told apart' 1 '[chunk-longer]'
same 'and its listed chunks are good' '' "$out"
run chunk-merkle --check - -
expect 'standard input is read once' 2

# ---- slm-info ----
printf '\200\002\000rest' >blob.bin
run slm-info blob.bin
expect 'a NUL is no opcode' 0 'artifact-format: opaque'
python3 - <<'PY'
import json, struct
header = b'{"a":{"dtype":"F3' + b'\\u0032' + b'x' * 5000 + b'","shape":[1],"data_offsets":[0,4]}}'
open('long.safetensors', 'wb').write(struct.pack('<Q', len(header)) + header + b'\0' * 4)
PY
run slm-info long.safetensors
expect 'a long dtype is not its beginning' 3 '[tensor-dtype-unsupported]'
