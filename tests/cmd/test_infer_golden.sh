#!/bin/sh
# The exact engine beside answers that float64 models gave of real files: every model of ../shared/data, for each set of kernels that this
# processor has, with one thread and two; and equal bits from all of them, however the tokens are handed over.
# shellcheck disable=SC2086,SC2015 # $model is several words; ok and not_ok never fail
. "$(dirname "$0")/harness.sh"

DATA=$ROOT/../shared/data
LOGITS=$BUILD/infer/logits
GOLDEN=$ROOT/tests/infer/golden.py

if [ ! -d "$DATA/golden" ]; then
    skip infer_golden "no ../shared/data here"
    exit 0
fi
need infer_golden python3 || exit 0
if [ ! -x "$LOGITS" ]; then
    not_ok infer_golden "expected $LOGITS, found none"
    exit 0
fi

# model NAME: leaves the arguments that open what answers NAME are of in $model
model() {
    case $1 in
    *-hf) model="$DATA/hf/${1%-hf} --tokenizer $DATA/gguf/stories260K-f32.gguf" ;;
    *) model=$DATA/gguf/$1.gguf ;;
    esac
}

# the sets that run here
sets=
model stories260K-f32
for set in portable avx2 avx512 neon; do
    $LOGITS $model --kernels $set </dev/null 2>.err
    case $? in
    0) sets="$sets $set" ;;
    77) ;;
    *) not_ok "kernels $set" "$(cat .err)" ;;
    esac
done
echo "# kernels here:$sets"

for answers in "$DATA"/golden/greedy-*.json; do
    name=$(basename "$answers" .json)
    name=${name#greedy-}
    model "$name"
    for set in $sets; do
        for threads in 1 2; do
            found=$(python3 "$GOLDEN" "$answers" "$LOGITS" $model --kernels $set --threads $threads 2>&1) &&
                ok "$name, $set, $threads threads: ${found##*yes: }" ||
                not_ok "$name, $set, $threads threads" "$found"
        done
    done
    $LOGITS $model --fast </dev/null 2>.err
    if [ $? -eq 77 ]; then
        skip "$name, fast" "no fast kernels here"
        continue
    fi
    found=$(python3 "$GOLDEN" --fast "$answers" "$LOGITS" $model --fast 2>&1) &&
        ok "$name, fast: ${found##*yes: }" || not_ok "$name, fast" "$found"
done

# all bits: of the logits, and of each layer of each position
python3 -c 'import json, sys
for tokens in [case["prompt_tokens"] + case["tokens_ref64"] for case in json.load(open(sys.argv[1]))["cases"]]:
    print("hash", *tokens)' "$DATA/golden/greedy-stories260K-f32.json" >tokens
for answers in "$DATA"/golden/greedy-*.json; do
    name=$(basename "$answers" .json)
    name=${name#greedy-}
    model "$name"
    $LOGITS $model --kernels portable --batch 1 <tokens >expected 2>.err || not_ok "$name: hashes" "$(cat .err)"
    cut -d, -f1 expected >logits.expected
    for set in $sets; do
        for threads in 1 2; do
            $LOGITS $model --kernels $set --threads $threads --batch 1 <tokens >found 2>.err &&
                cmp -s expected found && ok "$name, $set, $threads threads: the bits of the portable kernels" ||
                not_ok "$name, $set, $threads threads: the bits of the portable kernels" "$(diff expected found) $(cat .err)"
            for batch in 0 7; do
                $LOGITS $model --kernels $set --threads $threads --batch $batch <tokens 2>.err | cut -d, -f1 >found
                cmp -s logits.expected found || not_ok "$name, $set, $threads threads, calls of $batch tokens" "$(diff logits.expected found)"
            done
        done
    done
done

# an .slm is what it was packed from
for packed in stories260K-f16 stories260K-q8_0; do
    model $packed
    run slm-pack -q -o $packed.slm "$model"
    expect "$packed: is packed" 0
    $LOGITS $packed.slm <tokens >found 2>.err && $LOGITS "$model" <tokens >expected && cmp -s expected found &&
        ok "$packed: the .slm has the same bits" || not_ok "$packed: the .slm has the same bits" "$(diff expected found) $(cat .err)"
done
