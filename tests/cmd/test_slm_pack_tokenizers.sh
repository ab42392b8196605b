#!/bin/sh
# tokenizer.json and tokenizer.model as the libraries tokenizers and sentencepiece write them.
. "$(dirname "$0")/harness.sh"
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
need slm_pack_tokenizers python3 || exit 0
PYTHON=python3
[ -x "$PEERS/python3" ] && PYTHON=$PEERS/python3
if ! "$PYTHON" -c 'import sentencepiece, tokenizers' 2>/dev/null; then
    skip slm_pack_tokenizers "no Python modules sentencepiece and tokenizers here"
    exit 0
fi
HERE=$ROOT/tests/cmd
make_folder() {
    rm -rf model model.slm
    python3 "$HERE/folder.py" make model no_tokenizer
    python3 - <<'PY' # ids of the special tokens are the library's
import json
with open('model/config.json') as f:
    config = json.load(f)
del config['bos_token_id'], config['eos_token_id']
with open('model/config.json', 'w') as f:
    json.dump(config, f)
PY
    "$PYTHON" "$HERE/vocabulary.py" make model "$1"
}
for what in bytes bpe more json; do
    make_folder $what
    run slm-pack -q -o model.slm model
    expect "$what is packed" 0
    run "$PYTHON" "$HERE/vocabulary.py" check model $what model.slm
    expect "$what is what the library says" 0 same
    [ $what = bpe ] && cp model.slm bpe.slm
done
pieces() { python3 "$HERE/folder.py" tokenizer "$1" | python3 -c 'import json, sys; t = json.load(sys.stdin); print(t["pieces"], t["types"], t["scores"])'; }
same "pieces, types and scores are the same from tokenizer.json and tokenizer.model" "$(pieces bpe.slm)" "$(pieces model.slm)"

for row in "nfkc:precompiled_charsmap" "suffix:treat_whitespace_as_suffix" "word:model_type" "unigram:(unigram)"; do
    make_folder "${row%%:*}"
    run slm-pack -o model.slm model
    expect "${row%%:*} is refused" 1 "${row#*:}" "[pack-tokenizer]"
done
