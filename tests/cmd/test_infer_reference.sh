#!/bin/sh
# Small models of every dtype that is computed with, of llama and qwen2, beside what numpy computes in float64; and models that are refused by name.
# shellcheck disable=SC2015 # ok and not_ok never fail
. "$(dirname "$0")/harness.sh"
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
LOGITS=$BUILD/infer/logits
REFERENCE=$ROOT/tests/infer/reference.py
need infer_reference python3 || exit 0
PYTHON=
for python in python3 "$PEERS/python3" ${GGUF_PYTHON:+"$GGUF_PYTHON"}; do
    "$python" -c 'import gguf, numpy' 2>/dev/null && PYTHON=$python
done
if [ -z "$PYTHON" ]; then
    skip infer_reference "no Python modules gguf and numpy here"
    exit 0
fi
if ! "$PYTHON" "$REFERENCE" make models 2>.err; then
    not_ok "models are made" "$(tail -3 .err)"
    exit 0
fi
"$PYTHON" "$REFERENCE" ask >ask
for file in models/*.gguf; do
    name=$(basename "$file" .gguf)
    if ! "$LOGITS" "$file" <ask >answer 2>.err; then
        not_ok "$name" "$(cat .err)"
        continue
    fi
    found=$("$PYTHON" "$REFERENCE" compare models "$name" <answer 2>&1) && ok "$name: $found" || not_ok "$name" "$found"
done
for file in models/refused/*.gguf; do
    name=$(basename "$file" .gguf) named=$(cat "${file%.gguf}.txt")
    if "$LOGITS" "$file" <ask >answer 2>.err; then
        not_ok "$name is refused" "$(cat answer)"
    elif grep -qF -e "$named" .err && grep -qF '[infer-unsupported]' .err; then
        ok "$name is refused by name"
    else
        not_ok "$name is refused by name" "$(cat .err)"
    fi
done
for file in models/folders/*.tokenizer; do
    name=$(basename "$file" .tokenizer) named=$(cat "${file%.tokenizer}.txt")
    "$LOGITS" "${file%.tokenizer}" --tokenizer "$file" <ask >answer 2>.err
    status=$?
    if [ -n "$named" ]; then
        [ $status -ne 0 ] && grep -qF -e "$named" .err && grep -qF '[infer-unsupported]' .err && ok "folder $name is refused by name" ||
            not_ok "folder $name is refused by name" "$(cat .err)"
    elif [ $status -ne 0 ]; then
        not_ok "folder $name" "$(cat .err)"
    else
        found=$("$PYTHON" "$REFERENCE" compare models/folders "$name" <answer 2>&1) && ok "folder $name: $found" || not_ok "folder $name" "$found"
    fi
done
