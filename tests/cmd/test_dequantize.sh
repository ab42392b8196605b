# What the blocks of GGML's dtypes mean: the library's answers beside the PyPI package gguf's, and beside what is recorded of real models; on arm64 too,
# through an emulator.
. "$(dirname "$0")/harness.sh"
HERE=$ROOT/tests/cmd
DATA=$ROOT/../shared/data
DTYPES=14

# program COMPILER [FLAG]...: what turns blocks into f32, out of the library's files
program() {
    compiler=$1
    shift
    "$compiler" -std=c17 -O2 -ffp-contract=off "$@" -I"$ROOT/lib" -o dequantize "$HERE/dequantize.c" "$ROOT/lib/model/dequantize.c" \
        "$ROOT/lib/model/quantize.c" "$ROOT/lib/model/dtype.c"
}

# compare HOW PROGRAM: with others
compare() {
    if "$python" -c 'import gguf, numpy' 2>/dev/null; then
        run "$python" "$HERE/dequantized.py" peer "$2"
        expect "$1: gguf agrees, whatever the scales are" 0
        same "$1: every dtype of blocks was compared" $DTYPES "$(printf '%s\n' "$out" | grep -c ' 4096 blocks$')"
    else
        skip "$1: gguf agrees" "$python has no gguf"
    fi
    if [ -f "$DATA/golden/gguf-manifest.json" ]; then
        run python3 "$HERE/dequantized.py" golden "$2" "$DATA/golden/gguf-manifest.json" "$DATA"
        expect "$1: real tensors mean what is recorded" 0 "q4_k " "q6_k " "q8_0 " "q4_0 " "f16 "
    else
        skip "$1: real tensors mean what is recorded" "no $DATA"
    fi
}

python=python3 # one that has the PyPI package gguf
for candidate in python3 "$PEERS/python3" ${GGUF_PYTHON:+"$GGUF_PYTHON"}; do
    "$candidate" -c 'import gguf, numpy' 2>/dev/null && python=$candidate
done
run program "${CC:-cc}"
expect "the program is built" 0
compare "here" ./dequantize
run program "${CC:-cc}" -fsanitize=undefined -fno-sanitize-recover=all
expect "the program is built, its behaviour checked" 0
compare "its behaviour checked" ./dequantize

need 'arm64' aarch64-linux-gnu-gcc || exit 0
need 'arm64' qemu-aarch64 || exit 0
run program aarch64-linux-gnu-gcc -static
expect "arm64: the program is built" 0
printf '#!/bin/sh\nexec qemu-aarch64 -cpu max ./dequantize "$@"\n' >emulated && chmod +x emulated
compare "arm64" ./emulated
