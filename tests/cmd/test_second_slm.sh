#!/bin/sh
# Two implementations agree about .slm: slm-info and tests/second, which was written from the format's page alone.
. "$(dirname "$0")/harness.sh"
need "two implementations agree about .slm" python3 || exit 0
HERE=$ROOT/tests/cmd
SECOND=$ROOT/tests/second
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

# agree NAME WHAT FILE...: compare.py has nothing to say
agree() {
    name=$1 what=$2
    shift 2
    same "$name" "" "$(python3 "$HERE/compare.py" "$SECOND" "$what" "$@" 2>&1 | head -n 8)"
}

python3 "$SECOND/second.py" generate-slm 7 160 valid
run slm-info -q valid/valid-00000.slm
case $err in
*artifact-format-unsupported*)
    skip "two implementations agree about .slm" "slm-info does not read it"
    exit 0
    ;;
esac
same "160 valid files pass" 0 "$(for file in valid/*; do slm-info -q "$file" >/dev/null 2>&1 || echo "$file"; done | wc -l | tr -d ' ')"
agree "they have the same facts and layout lines" info valid/*
mkdir named && for file in valid/valid-0000*; do cp "$file" "named/$(basename "$file" .slm).bin"; done
agree "under any name" info named/*
python3 "$SECOND/second.py" generate-broken-slm 7 1300 broken
agree "1300 broken files get the right answer, and the finding names the place of a changed byte" broken-slm broken

# what is written here is judged by the second implementation
if [ -x "$BIN/slm-pack" ]; then
    for options in "" "--quantize q8_0" "--quantize q4_0"; do
        # shellcheck disable=SC2086  # options are words
        run slm-pack -q $options --drop tokenizer.chat_template -o packed.slm -- "$MODEL"
        expect "slm-pack $options packs the shipped model" 0
        run python3 "$SECOND/second.py" slm-dump packed.slm
        expect "the second implementation accepts it" 0 "architecture: llama" "pieces: 384" "tensor: token_embd.weight"
        agree "and finds the same facts" info packed.slm
        rm -f packed.slm
    done
else
    skip "the second implementation accepts what slm-pack writes" "there is no slm-pack yet"
fi
