#!/bin/sh
# Texts become the tokens that other programs recorded, and those of the library tokenizers; and what tells words apart is Unicode's.
. "$(dirname "$0")/harness.sh"
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
need tokens python3 || exit 0
TOOL=$BUILD/infer/tokens DATA=$ROOT/../shared/data
if [ ! -x "$TOOL" ]; then
    skip tokens "no $TOOL here: make unit"
    exit 0
fi

run python3 "$ROOT/scripts/unicode-table.py" --check
expect "kinds of characters are Unicode's" 0

if [ -d "$DATA/vocab" ]; then
    while read -r name file model; do
        run python3 "$ROOT/tests/infer/tokens_recorded.py" "$TOOL" "$DATA" "$name" "$DATA/$file" "$model"
        expect "tokens of $file are those that were recorded" 0 "same "
    done <<'END'
gpt-2 vocab/ggml-vocab-gpt-2.gguf gpt-2
mpt vocab/ggml-vocab-mpt.gguf mpt
phi-3 vocab/ggml-vocab-phi-3.gguf Phi3
stories260K gguf/stories260K-f32.gguf llama
stories260K gguf/stories260K-q4_0.gguf llama
stories260K llama2c/tok512.bin
END
    run "$TOOL" "$DATA/vocab/ggml-vocab-bert-bge.gguf"
    expect "pieces of words are refused by name" 1 "found 'bert'"
    run python3 "$ROOT/tests/infer/tokens_recorded.py" "$TOOL" "$DATA" phi-3 "$DATA/vocab/ggml-vocab-phi-3.gguf" other
    expect "the comparison finds what differs" 1 "expected ["
else
    skip tokens_recorded "no ../shared/data here"
fi

PYTHON=python3
[ -x "$PEERS/python3" ] && PYTHON=$PEERS/python3
if "$PYTHON" -c 'import tokenizers' 2>/dev/null; then
    for way in gpt-2 starcoder llama-bpe dbrx qwen2 tekken gpt-4o seed-coder deepseek-coder deepseek-v3 bloom llama; do
        run "$PYTHON" "$ROOT/tests/infer/tokens_made.py" "$TOOL" . $way
        expect "tokens of $way are those of the library" 0 "same "
    done
else
    skip tokens_made "no Python module tokenizers here"
fi
