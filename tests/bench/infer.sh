#!/bin/sh
# tests/bench/infer.sh [MODEL...]: the engine, exact and fast, beside llama.cpp (the npm package node-llama-cpp, whose kernels are those for this
# processor, and the PyPI package xllamacpp, whose are for any with AVX2, but which asks for a token without a detour), each in turn, with one thread and two. Without a
# MODEL: the shipped one, and a llama of 1.1 thousand million parameters in q8_0, q4_0 and f16, made of random weights one at a time and removed again (up to 2.2 GB in
# $TMPDIR). What lacks is said. Figures are of this machine and this moment; the largest of a row's runs says most.
# ROUNDS=2 TOKENS=24 PROMPT=32 PYTHON=python3 (one that has gguf, numpy and xllamacpp) NODE_LLAMA=FOLDER (one that has node_modules/node-llama-cpp)
set -u
cd "$(dirname "$0")/../.." || exit 1
BUILD=${BUILD:-build} PYTHON=${PYTHON:-python3} ROUNDS=${ROUNDS:-2} TOKENS=${TOKENS:-24} PROMPT=${PROMPT:-32}
folder=$(mktemp -d "${TMPDIR:-/tmp}/minimodel-bench.XXXXXX") || exit 1
trap 'rm -rf "$folder"' EXIT
here=$(pwd) NODE_LLAMA=${NODE_LLAMA:-}
"$PYTHON" -c 'import xllamacpp' 2>/dev/null && peer=true || peer=false
$peer || echo "no xllamacpp here: $PYTHON lacks it"
[ -n "$NODE_LLAMA" ] || echo 'no node-llama-cpp here: NODE_LLAMA names no folder'

# told NAME LINE: what that peer printed, or that it printed nothing
told() {
    printf '%s\n' "${2:-$1 does not run this model}"
}

# bench MODEL TOKENS
bench() {
    echo "== $1"
    case $1 in /*) path=$1 ;; *) path=$here/$1 ;; esac
    for threads in 1 2; do
        round=0
        while [ $round -lt "$ROUNDS" ]; do
            "$BUILD/bench/infer" "$1" --tokens "$2" --prompt "$PROMPT" --threads $threads --runs 1 | tail -n 1
            "$BUILD/bench/infer" "$1" --tokens "$2" --prompt "$PROMPT" --threads $threads --runs 1 --fast 2>/dev/null | tail -n 1
            $peer && told 'xllamacpp' "$("$PYTHON" tests/bench/infer_peer.py "$1" "$2" "$PROMPT" $threads 1 2>/dev/null | head -n 1)"
            # the first run of a process has the kernels made ready in it
            [ -z "$NODE_LLAMA" ] || told 'node-llama-cpp' "$(cd "$NODE_LLAMA" && node "$here/tests/bench/infer_peer.mjs" "$path" "$2" "$PROMPT" $threads 2 2>/dev/null |
                sed -n 's/^llama.cpp,/llama.cpp for this processor,/p' | tail -n 1)"
            round=$((round + 1))
        done
    done
}

if [ $# -gt 0 ]; then
    for model in "$@"; do
        bench "$model" "$TOKENS"
    done
    exit 0
fi
bench share/model/mini-keeper-200k-f16.gguf 200
if ! "$PYTHON" -c 'import gguf, numpy' 2>/dev/null; then
    echo "no large models: $PYTHON lacks gguf and numpy"
    exit 0
fi
for dtype in q8_0 q4_0 f16; do
    "$PYTHON" tests/infer/reference.py model "$folder/$dtype.gguf" $dtype || exit 1
    bench "$folder/$dtype.gguf" "$TOKENS"
    rm -f "$folder/$dtype.gguf"
done
