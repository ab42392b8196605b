#!/bin/sh
# .slm: what damage does to a file is found without a manifest, and the finding names the place.
. "$(dirname "$0")/harness.sh"
need slm python3 || exit 0
HERE=$ROOT/tests/cmd
python3 -B - "$ROOT/scripts" <<'PY'
import sys
sys.path.insert(0, sys.argv[1])
from slm_file import Q8_0, Slm
for name, model in (("plain", Slm()), ("gpt2", Slm(blocks=2).gpt2()), ("q8_0", Slm(dtype=Q8_0))):
    open(name + ".slm", "wb").write(model.file())
PY

# ---- what is said of a sound one ----

run slm-info plain.slm
expect "a sound file is valid" 0 "architecture: llama" "parameters: 152" "quantization: f32" "artifact-format: slm" \
    "model-shape: block_count=1 embedding_length=4 feed_forward_length=6 head_count=2 head_count_kv=1 vocab_size=5 context_length=64"
facts_of_file=$out
same "its tokenizer's digest is the SHA-256 of the section" "$(printf '%s\n' "$out" | sed -n 's/^tokenizer-sha256: //p')" \
    "$(python3 -c 'import hashlib, struct; d = open("plain.slm", "rb").read(); o, n = struct.unpack_from("<QQ", d, 40); print(hashlib.sha256(d[o:o + n]).hexdigest())')"
same "a pipe is the same" "$facts_of_file" "$(cat plain.slm | slm-info -q -)"
same "a slow pipe is the same" "$facts_of_file" "$( (head -c 300 plain.slm; sleep 0.2; tail -c +301 plain.slm) | slm-info -q -)"
cp plain.slm any.bin
same "a file of any name is the same" "$facts_of_file" "$(slm-info -q any.bin)"
run slm-info --metadata gpt2.slm
expect "--metadata shows facts and tokenizer" 0 "architecture	str	llama" "rope-base	f32	10000" "tokenizer.kind	str	gpt2" "tokenizer.pre	str	gpt-2" \
    "tokenizer.merges	u32	2" "tokenizer.eos_token_id	u32	4294967295"
run slm-info --tensors q8_0.slm
expect "--tensors shows the table" 0 "token_embd.weight	q8_0	32,5	"
same "the layout's digest is over these lines" "$(slm-info q8_0.slm | sed -n 's/^tensor-layout-sha256: //p')" "$(sha256sum <"$WORK/.out" | cut -d' ' -f1)"
run slm-info --json plain.slm
expect "--json says the same" 0 '"architecture":"llama"' '"artifact-format":"slm"'

# ---- manifests ----

mkdir model && cp gpt2.slm model/tiny.slm
run manifest-make -q -p -o model/tiny.manifest model/tiny.slm
expect "a manifest is made of it" 0
run slm-verify -q model/tiny.manifest
expect "and it verifies" 0 "check: tokenizer pass" "check: tensor-layout pass" "check: facts pass" "verdict: pass"
cp plain.slm model/tiny.slm
run slm-verify -q model/tiny.manifest
expect "another .slm in its place does not" 1 "check: tokenizer fail" "verdict: fail"

# ---- damage ----

head -c 2000 plain.slm >cut.slm
run slm-info cut.slm
expect "a cut file names the tensor that it ends in" 1 "'blk.0.attn_k.weight'" "[tensor-bounds]"
run sh -c 'cat cut.slm | slm-info -'
expect "from a pipe too" 1 "'blk.0.attn_k.weight'" "[tensor-bounds]"
run sh -c '(cat plain.slm; printf x) | slm-info -'
expect "a byte too many from a pipe" 1 "@2896" "[data-surplus]"
python3 -c 'd = open("plain.slm", "rb").read(); open("dos.slm", "wb").write(d.replace(b"\n", b"\r\n"))'
run slm-info dos.slm
expect "a transfer in text mode is named" 1 "text mode" "[slm-magic]"
mv dos.slm dos.bin
run slm-info dos.bin
expect "whatever the file is called" 1 "text mode" "[slm-magic]"
python3 -c 'd = open("plain.slm", "rb").read(); e = open("q8_0.slm", "rb").read(); open("spliced.slm", "wb").write(d[:1984] + e[-(len(d) - 1984):])'
run slm-info spliced.slm
expect "data of another file" 1 "[slm-tensor]"

# Every byte of one file and some of others; the unit tests change every bit. A sanitized command takes long to start.
step=1
case $BUILD in *address* | *thread*) step=29 ;; esac
for what in "$step f32 llama" "41 f16 gpt2" "97 q8_0 llama"; do
    # shellcheck disable=SC2086 # three words
    run python3 -B "$HERE/slm_damage.py" slm-info $what
    if [ "$status" -eq 0 ] && [ -z "$out" ]; then
        ok "every changed byte is found and placed ($what, $err)"
    else
        not_ok "every changed byte is found and placed ($what)" "$(printf '%s\n' "$out" "$err" | head -n 5)"
    fi
done

# a header that claims half a gigabyte before the data gets no memory for it
python3 -B - "$ROOT/scripts" <<'PY'
import struct, sys
sys.path.insert(0, sys.argv[1])
import slm_file
data = bytearray(slm_file.Slm().file())
start = struct.unpack_from("<Q", data, 40)[0]
table = slm_file.up(start + 2**26)
end = slm_file.up(table + 2**29)
struct.pack_into("<Q", data, 16, end + 64)
struct.pack_into("<7Q", data, 40, start, 2**26, table, 2**29, end, 64, 2**21)
open("claims.slm", "wb").write(data)
PY
in_memory 131072 slm-info claims.slm
expect "memory grows with what is there, not with what is claimed" 1 "the tokenizer section up to" "[slm-section]"
in_memory 131072 sh -c 'cat claims.slm | slm-info -'
expect "from a pipe too" 1 "the tokenizer section up to" "[slm-section]"

# ---- 10,000 changed files, each once more with hashes that fit: refused or valid, and no crash ----

if [ -x "$BUILD/fuzz/replay-slm" ]; then
    python3 -B "$ROOT/scripts/make-testdata.py" corpus || not_ok "make-testdata.py" "it failed"
    run "$BUILD/fuzz/replay-slm" --mutate 10000 plain.slm gpt2.slm q8_0.slm corpus/slm
    expect "10,000 changed files are refused or valid" 0 "10000 mutants"
else
    skip "10,000 changed files" "no harness is built: make replayers"
fi
