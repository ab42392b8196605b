#!/bin/sh
# Two implementations agree: the commands and tests/second, which was written from the format pages alone.
. "$(dirname "$0")/harness.sh"
need "two implementations agree" python3 || exit 0
HERE=$ROOT/tests/cmd
SECOND=$ROOT/tests/second
DATA=$ROOT/../shared/data
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

# agree NAME WHAT FILE...: compare.py has nothing to say
agree() {
    name=$1 what=$2
    shift 2
    same "$name" "" "$(python3 "$HERE/compare.py" "$SECOND" "$what" "$@" 2>&1 | head -n 8)"
}

python3 "$SECOND/second.py" generate-valid 7 200 valid
run manifest-lint valid/*.manifest
expect "200 valid manifests pass" 0
for file in valid/*.manifest; do manifest-lint --canonical "$file" 2>/dev/null | cmp -s - "$file" || echo "$file"; done >differ
same "each of them is its own canonical form" "" "$(head -n 3 differ)"
python3 "$SECOND/second.py" generate-broken 7 900 broken
agree "900 broken manifests are refused with the right answer, at a line where the fault is" broken broken
agree "the shipped model's chunks are the same" chunks "$MODEL"
agree "the shipped model's facts are the same" info "$MODEL"

mkdir edges models
python3 - <<'PY'
import random
source = random.Random(1)
for size in (0, 1, 65535, 65536, 65537, 131072, 196607, 196608, 196609, 1048575, 1048576, 1048577, 65536 * 7 + 5, 65536 * 8, 65536 * 9 - 1):
    open(f"edges/{size}", "wb").write(source.randbytes(size))
PY
agree "files around chunk edges have the same chunks, lists and proofs" chunks edges/*
seed=0
while [ $seed -lt 40 ]; do
    seed=$((seed + 1))
    python3 "$HERE/build.py" gguf $seed models/$seed.gguf
    python3 "$HERE/build.py" safetensors $seed models/$seed.safetensors
done
agree "random small models have the same facts" info models/*
python3 "$HERE/build.py" no-bytes no-bytes.safetensors
agree "tensors of no bytes have the same facts" info no-bytes.safetensors
same "and are valid" 0 "$(for file in models/*; do slm-info -q "$file" >/dev/null 2>&1 || echo "$file"; done | wc -l | tr -d ' ')"
mkdir shards split && python3 "$HERE/build.py" shards shards && python3 "$HERE/build.py" split split
agree "safetensors beside config.json and tokenizer.json have the same facts" info shards/*.safetensors
agree "parts of a split GGUF have the same facts" info split/*
if [ -d "$DATA" ]; then
    agree "every model file of the test data has the same facts" info "$DATA"/*/*.gguf "$DATA"/*/*.safetensors "$DATA"/*/*/*.safetensors
    agree "files of the test data have the same chunks" chunks "$DATA"/gguf/*q4* "$DATA"/safetensors/* "$DATA"/llama2c/*
else
    skip "every model file of the test data has the same facts" "no folder of test data beside the checkout"
    skip "files of the test data have the same chunks" "no folder of test data beside the checkout"
fi

# the second implementation judges what the commands write
cp "$MODEL" model.gguf
manifest-make -q -p model.gguf shards/*.json shards/*.safetensors >m.manifest
run python3 "$SECOND/second.py" lint m.manifest
expect "the second implementation accepts what manifest-make writes" 0
for size in 1 65536 65537 400000; do
    head -c $size "$MODEL" >part
    chunk-merkle -s 65536 --prove 0 part >proof
    run python3 "$SECOND/second.py" check-proof proof
    expect "the second implementation accepts a proof of $size bytes" 0
done
