#!/bin/sh
# slm-info: what the bytes of a file say of themselves.
. "$(dirname "$0")/harness.sh"
need slm-info python3 || exit 0
HERE=$ROOT/tests/cmd
cp "$MODEL" model.gguf
facts() { sed -n "s/^$1: //p"; }
# keys: the keys of the last run's lines
keys() { printf '%s\n' "$out" | sed 's/:.*//' | tr '\n' ' ' | sed 's/ $//'; }

run slm-info model.gguf
expect "the shipped model is valid" 0 "architecture: llama" "quantization: f16"
same "its lines stand in the manifest's order" \
    "architecture parameters quantization model-shape artifact-format artifact-bytes tokenizer-sha256 chat-template-sha256 tensor-layout-sha256" "$(keys)"
facts_of_file=$out
manifest-make -q -p model.gguf >m.manifest
same "manifest-make states the same facts" "$out" "$(grep -E "^($(printf '%s\n' "$out" | sed 's/:.*//' | tr '\n' '|' | sed 's/|$//')): " m.manifest)"
same "a file of any name is the same" "$out" "$(cp model.gguf any.bin && slm-info -q any.bin)"
same "standard input is the same" "$out" "$(slm-info -q - <model.gguf)"
same "a pipe is the same" "$out" "$(cat model.gguf | slm-info -q -)"
same "a slow pipe is the same" "$out" "$( (head -c 5000 model.gguf; sleep 0.2; tail -c +5001 model.gguf) | slm-info -q -)"

run slm-info -q --tensors model.gguf
expect "--tensors lists the tensors" 0
same "as the lines whose SHA-256 is the layout" "$(printf '%s\n' "$facts_of_file" | facts tensor-layout-sha256)" "$(sha256sum <"$WORK/.out" | cut -d' ' -f1)"
same "five columns, in the order of their offsets" 0 "$(awk -F'	' 'NF != 5 || $4 + 0 < last { bad++ } { last = $4 + 0 } END { print bad + 0 }' "$WORK/.out")"
same "whose elements are the parameters" "$(printf '%s\n' "$facts_of_file" | facts parameters)" "$(awk -F'	' '{ n = split($3, d, ","); p = 1; for (i = 1; i <= n; i++) p *= d[i]; sum += p } END { print sum }' "$WORK/.out")"
run slm-info -q --metadata model.gguf
expect "--metadata lists the pairs" 0 "general.architecture	str	llama" "llama.block_count	u32	4"
same "long arrays are counted" "arr[str,384]" "$(printf '%s\n' "$out" | awk -F'	' '$1 == "tokenizer.ggml.tokens" { print $2 }')"
same "and cut" 0 "$(printf '%s\n' "$out" | awk 'length($0) > 4000' | wc -l | tr -d ' ')"
same "one line a pair" "$(python3 -c 'import struct; print(struct.unpack("<Q", open("model.gguf", "rb").read(24)[16:])[0])')" "$(printf '%s\n' "$out" | wc -l | tr -d ' ')"

python3 "$HERE/build.py" hostile hostile.gguf
run slm-info -q --metadata hostile.gguf
expect "values are shown escaped" 0 'general.name	str	\u{1b}]0;owned\u{7}\u{1b}[31m\u{d}\u{a}\u{9}red\x9b31m\xff\xfe\u{202e}'
same "one line a pair in spite of line feeds" 4 "$(printf '%s\n' "$out" | wc -l | tr -d ' ')"
run slm-info -q hostile.gguf
expect "an architecture that is no word is unknown" 0 "architecture: unknown"

# ---- safetensors ----

mkdir shards && python3 "$HERE/build.py" shards shards
run slm-info shards/model-00001-of-00002.safetensors
expect "safetensors take their shape from config.json beside them" 0 "architecture: llama" "model-shape: block_count=1 embedding_length=8 feed_forward_length=16 head_count=2 head_count_kv=2 vocab_size=16 context_length=64" "artifact-format: safetensors"
same "and their tokenizer from tokenizer.json" "$(sha256sum <shards/tokenizer.json | cut -d' ' -f1)" "$(printf '%s\n' "$out" | facts tokenizer-sha256)"
run sh -c 'cd shards && slm-info model-00001-of-00002.safetensors'
same "from within the folder too" "$(slm-info shards/model-00001-of-00002.safetensors)" "$out"
cp shards/model-00001-of-00002.safetensors alone.safetensors
run slm-info alone.safetensors
expect "without config.json the architecture is unknown" 0 "architecture: unknown" "parameters: 68" "quantization: f32"
run slm-info --metadata alone.safetensors
expect "--metadata of safetensors" 0 "format	"
mkdir fifo && cp alone.safetensors fifo && mkfifo fifo/config.json
run timeout 60 slm-info fifo/alone.safetensors
if [ "$status" -ne 124 ]; then ok "a FIFO called config.json does not hang it"; else not_ok "a FIFO called config.json does not hang it"; fi
printf '{"model_type":"llama","hidden_size":-1}' >config.json
run slm-info alone.safetensors
expect "a fact of config.json out of range is a finding about config.json" 1 "config.json:@" "[json-fact]"
rm config.json
python3 - <<'PY'
import struct
def put(name, header, data=b""):
    open(name, "wb").write(struct.pack("<Q", len(header)) + header + data)
put("order.safetensors", b'{"b":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}', b"abcd")
put("gap.safetensors", b'{"a":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}', b"abc")
put("twice.safetensors", b'{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}', b"abcd")
put("dtype.safetensors", b'{"a":{"dtype":"U7","shape":[2],"data_offsets":[0,2]}}', b"ab")
open("huge.safetensors", "wb").write(struct.pack("<Q", 2**63) + b"{}")
PY
run slm-info order.safetensors
expect "a tensor of no bytes may stand at another's beginning, whatever its name" 0 "parameters: 4"
for file in gap twice huge; do
    run slm-info $file.safetensors
    expect "$file.safetensors is invalid" 1 "$file.safetensors:@"
    same "and nothing is printed of it" "" "$out"
done
run slm-info dtype.safetensors
expect "a dtype that nobody knows answers 3" 3 "[tensor-dtype-unsupported]"

# ---- other formats ----

echo '{"a": 1e400}' >a.json && echo 'text' >a.txt && printf '\377\376\0' >a.bin && printf '{"a": Infinity}' >b.json && : >empty
for pair in a.json:json a.txt:text a.bin:opaque b.json:text empty:text; do
    run slm-info ${pair%:*}
    expect "${pair%:*} is ${pair#*:}" 0 "artifact-format: ${pair#*:}" "artifact-bytes: $(wc -c <${pair%:*} | tr -d ' ')"
    same "and has no other facts" "artifact-format artifact-bytes" "$(keys)"
done

# ---- faults ----

python3 "$HERE/build.py" faults faults.gguf
run slm-info faults.gguf
expect "every fault is found, not the first alone" 1 "[gguf-bool]" "[gguf-key-duplicate]"
same "each with its offset" 3 "$(printf '%s\n' "$err" | grep -cE '^faults.gguf:@[0-9]+: error: .* \[gguf-(bool|key-duplicate)\]$')"
same "in the order of the file" 0 "$(printf '%s\n' "$err" | sed 's/.*:@\([0-9]*\):.*/\1/' | sort -nc >/dev/null 2>&1; echo $?)"
same "and no facts are printed" "" "$out"
for option in --tensors --metadata --json; do
    run slm-info $option faults.gguf
    expect "$option of an invalid file answers 1" 1
    same "and prints nothing for $option" "" "$out"
done
for size in 0 3 4 23 24 100 7999 12000 15000 300000 406015; do
    head -c $size "$MODEL" >cut.gguf
    run slm-info cut.gguf
    expect "a GGUF cut to $size bytes is invalid" 1 "cut.gguf:@"
    run sh -c "head -c $size model.gguf | slm-info -"
    [ $size -lt 4 ] || expect "so is a pipe of $size bytes" 1 "(standard input):@"
done
printf x | cat "$MODEL" - >more.gguf
run slm-info more.gguf
expect "a byte behind a GGUF is invalid" 1 "[data-surplus]"
head -c 100000 /dev/zero >zeros.gguf
run slm-info zeros.gguf
expect "a GGUF of zeros is an interrupted writer's" 1 "zeros.gguf:@0: error:" "[gguf-zeros]"
python3 - <<'PY'
import struct
data = bytearray(open("model.gguf", "rb").read())
def put(name, at, value):
    copy = bytearray(data)
    copy[at:at + len(value)] = value
    open(name, "wb").write(copy)
put("v1.gguf", 4, struct.pack("<I", 1))
put("v4.gguf", 4, struct.pack("<I", 4))
put("big.gguf", 4, struct.pack(">I", 3))
put("tensors.gguf", 8, struct.pack("<Q", 2**64 - 1))
put("pairs.gguf", 16, struct.pack("<Q", 2**63))
put("string.gguf", 24, struct.pack("<Q", 2**64 - 8))
PY
for file in v1 v4; do
    run slm-info $file.gguf
    expect "$file.gguf answers 3" 3 "[gguf-version-unsupported]"
done
run slm-info big.gguf
expect "a big-endian file answers 3" 3 "[gguf-big-endian-unsupported]"
for file in tensors pairs string; do
    in_memory 400000 timeout 60 slm-info "$file.gguf"
    expect "a count of 2^63 $file costs no memory" 1 "$file.gguf:@"
done
