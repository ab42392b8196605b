#!/bin/sh
# slm-pack and slm-unpack: what is carried over is carried over whole, and everything else is refused by name.
. "$(dirname "$0")/harness.sh"
need slm-pack python3 || exit 0
HERE=$ROOT/tests/cmd
DATA=$ROOT/../shared/data
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
tab=$(printf '\t')
facts() { sed -n "s/^$1: //p" "$WORK/.out"; }

# round NAME FILE.slm: unpacked and packed again it is the same, and both files are valid
round() {
    rm -f back.gguf back.slm
    run slm-unpack -q -o back.gguf "$2"
    expect "$1: unpacks" 0 "artifact-format: gguf"
    same "$1: and slm-info says the same of the GGUF file" "$(facts artifact-bytes) $(facts tensor-layout-sha256) $(facts tokenizer-sha256)" \
        "$(slm-info -q back.gguf >"$WORK/.out"; echo "$(facts artifact-bytes) $(facts tensor-layout-sha256) $(facts tokenizer-sha256)")"
    run slm-pack -q -o back.slm back.gguf
    expect "$1: packs again" 0
    if cmp -s "$2" back.slm; then ok "$1: there and back gives the same bytes"; else not_ok "$1: there and back gives the same bytes"; fi
}

# ---- the shipped model ----

run slm-pack -o tiny.slm "$MODEL"
expect "a chat template cannot be carried over" 1 "[pack-key]" "--drop tokenizer.chat_template leaves it out"
if [ -e tiny.slm ]; then not_ok "and nothing is written"; else ok "and nothing is written"; fi
run slm-pack -o tiny.slm --drop tokenizer.chat_template "$MODEL"
expect "it can be dropped" 0 "quantization: f16" "tensors: 38" "artifact-format: slm" "leaves out tokenizer.chat_template [pack-dropped]"
same "the size printed is the file's" "$(wc -c <tiny.slm | tr -d ' ')" "$(facts artifact-bytes)"
same "and so is the SHA-256" "$(sha256sum <tiny.slm | cut -d' ' -f1)" "$(facts artifact-sha256)"
same "the facts are those of slm-info" "$(facts parameters) $(facts quantization) $(facts tokenizer-sha256) $(facts tensor-layout-sha256)" \
    "$(slm-info -q tiny.slm >"$WORK/.out"; echo "$(facts parameters) $(facts quantization) $(facts tokenizer-sha256) $(facts tensor-layout-sha256)")"
round "the shipped model" tiny.slm
same "nothing is lost of it" "" "$(python3 "$HERE/models.py" lost "$MODEL" back.gguf)"
run slm-pack -q -o again.slm --drop 'tokenizer.chat*' "$MODEL"
if cmp -s tiny.slm again.slm; then ok "one model, one file"; else not_ok "one model, one file"; fi
run slm-pack -q -o from-slm.slm tiny.slm
if cmp -s tiny.slm from-slm.slm; then ok "an .slm is packed as it is"; else not_ok "an .slm is packed as it is"; fi
mkdir one && cp back.gguf one/x.gguf && run slm-pack -q -o one.slm one
if cmp -s tiny.slm one.slm; then ok "a folder of one GGUF file is that file"; else not_ok "a folder of one GGUF file is that file" "$err"; fi
cp back.gguf one/y.gguf && run slm-pack -q -o two.slm one
expect "a folder of two is not" 1 "found 2 files" "[pack-source]"
cp tiny.slm one/z.slm && run slm-pack -q -o three.slm one
expect "a folder of GGUF and .slm neither" 1 "found 2 GGUF and 1 .slm" "[pack-source]"
mkdir none && run slm-pack -q -o none.slm none
expect "an empty folder is no model" 1 "without config.json" "[pack-source]"

# ---- names ----

run slm-pack -q -o named.slm --name 'Ünï 2' --license MIT tiny.slm
expect "--name and --license" 0
slm-unpack -q -o named.gguf named.slm >/dev/null
run slm-info -q --metadata named.gguf
expect "say what the file says" 0 "general.name${tab}str${tab}Ünï 2" "general.license${tab}str${tab}MIT"
for name in '' ' a' 'a ' 'https://a.org' "$(printf 'a\nb')" "$(printf 'a\302\205')" "$(printf '\377')" "$(printf '%01025d' 0)"; do
    run slm-pack -q -o bad.slm --name "$name" tiny.slm
    expect "--name '$(printf %s "$name" | head -c 12 | cat -v | tr '\n' '|')' is refused" 2 "usage: slm-pack"
done

# ---- every case of the generator ----

judge() {
    while IFS="$tab" read -r which code rule said options; do
        rm -f out.slm
        set -f
        [ "$options" = - ] && options=
        # shellcheck disable=SC2086 # several options
        run slm-pack -o out.slm $options $2 "$1/$which${3:+.$3}"
        set +f
        what="$1 $which $options"
        if [ "$rule" = - ]; then
            expect "$what" "$code"
        else
            expect "$what" "$code" "[$rule]"
            if grep -F -e "[$rule]" "$WORK/.err" | grep -qF -e "$said"; then ok "$what names it"; else not_ok "$what names it" "expected '$said'" "$err"; fi
        fi
        if [ "$code" -eq 0 ]; then
            slm-info -q out.slm >/dev/null 2>"$WORK/.err" || not_ok "$what: slm-info" "$(cat "$WORK/.err")"
            round "$what" out.slm
            if [ "$3" = gguf ] && [ -z "$options" ]; then
                same "$what: nothing is lost" "" "$(python3 "$HERE/models.py" lost "$1/$which.gguf" back.gguf)"
            fi
        else
            if [ -e out.slm ]; then not_ok "$what leaves nothing"; fi
        fi
    done <"$1/cases.tsv"
}
python3 "$HERE/models.py" cases cases
judge cases "" gguf

python3 "$HERE/models.py" parts parts
judge parts "" ""
slm-pack -q -o whole.slm cases/plain.gguf >/dev/null
for which in parts tensorless-first named-parts; do
    slm-pack -q --force -o joined.slm parts/$which >/dev/null
    if cmp -s whole.slm joined.slm; then ok "$which make the whole model"; else not_ok "$which make the whole model"; fi
done
run slm-pack -q -o byname.slm parts/parts/m-00003-of-00003.gguf parts/parts/m-00001-of-00003.gguf parts/parts/m-00002-of-00003.gguf
expect 'the parts can be named one by one' 0
slm-pack -q --force -o joined.slm parts/parts >/dev/null
same 'and make the same bytes as their folder' "$(sha256sum <joined.slm)" "$(sha256sum <byname.slm)"
run slm-pack -q -o some.slm parts/parts/m-00001-of-00003.gguf parts/parts/m-00002-of-00003.gguf
expect 'two of three parts are not all' 1
run slm-pack -o out.slm parts/parts/m-00001-of-00003.gguf
expect "one part is no model" 1 "found a part of 3" "[pack-source]"

slm-pack -q -o words.slm cases/plain.gguf >/dev/null
python3 "$HERE/models.py" llama2c llama2c
judge llama2c "--tokenizer words.slm" bin
run slm-pack -o out.slm llama2c/plain.bin
expect "a checkpoint of llama2.c has no tokenizer" 1 "--tokenizer names one" "[pack-tokenizer]"

python3 "$HERE/models.py" vast vast.bin
in_memory 40000 slm-pack -q --quantize q8_0 --tokenizer words.slm -o vast.slm vast.bin
expect "130 MB are packed in 40 MB of address space" 0 "quantization: q8_0"
in_memory 40000 slm-unpack -q -o vast.gguf vast.slm
expect "and unpacked" 0 "quantization: q8_0"
rm -f vast.*

# ---- quantising ----

for dtype in q8_0 q4_0; do
    run slm-pack -o $dtype.slm --quantize $dtype cases/odd-rows.gguf
    expect "--quantize $dtype" 0 "quantization: " "blk.0.ffn_down.weight stays f32: its rows of 40 elements are no whole blocks of 32 [pack-kept-dtype]"
    slm-info -q --tensors $dtype.slm >tensors
    same "--quantize $dtype: matrices, not vectors" "2 f32 of ffn_down 5 of norms, 13 $dtype" \
        "$(grep -c "ffn_down.*${tab}f32" tensors) f32 of ffn_down $(grep -c "norm.*${tab}f32" tensors) of norms, $(grep -c "${tab}$dtype" tensors) $dtype"
    run slm-pack -q -o again.slm --force --quantize $dtype $dtype.slm
    if cmp -s $dtype.slm again.slm; then ok "--quantize $dtype twice changes nothing"; else not_ok "--quantize $dtype twice changes nothing"; fi
    round "--quantize $dtype" $dtype.slm
done
run slm-pack -o other.slm --quantize q8_0 q4_0.slm
expect "what was quantised is quantised again with a note" 0 "token_embd.weight was q4_0 and becomes q8_0" "[pack-requantized]"

# ---- sources that are none ----

printf '{"a":1}' >a.json
run slm-pack -o out.slm a.json
expect "JSON is no model" 1 "found json" "[pack-source]"
echo text >a.txt
run slm-pack -o out.slm a.txt
expect "text is no model" 1 "[pack-source]"
python3 "$HERE/build.py" safetensors 1 a.safetensors
run slm-pack -o out.slm a.safetensors
expect "a safetensors file alone is no model" 1 "the folder" "[pack-source]"
head -c 200000 "$MODEL" >cut.gguf
run slm-pack -o out.slm cut.gguf
expect "a broken file is refused by its format's rules" 1 "[tensor-bounds]"
run slm-pack -o out.slm no-such-file
expect "a file that is not there" 3 "[io-open]"
run slm-pack -o out.slm --tokenizer no-such-file tiny.slm
expect "a tokenizer that is not there" 3 "[io-open]"
run slm-unpack -o out.gguf "$MODEL"
expect "slm-unpack reads .slm alone" 1 "[slm-magic]"
cp tiny.slm flipped.slm && changed flipped.slm 300000
run slm-unpack -o out.gguf flipped.slm
expect "slm-unpack finds a changed byte" 1 "[slm-tensor]"
run slm-pack -o out.slm flipped.slm
expect "and so does slm-pack" 1 "[slm-tensor]"

# ---- the conventions ----

for command in slm-pack slm-unpack; do
    other=$(ls ./*.json | head -n 1)
    run $command --help
    expect "$command --help" 0 "usage: $command"
    run $command --rules
    expect "$command --rules" 0 "pack-tokenizer" "slm-tensor" "io-exists"
    run $command
    expect "$command without operands" 2 "usage: $command"
    run $command tiny.slm
    expect "$command without --output" 2 "expected --output"
    run $command -o - tiny.slm
    expect "$command to standard output" 2 "usage: $command"
    run $command -o out -
    expect "$command from standard input" 2 "usage: $command"
    run $command -o out tiny.slm other
    if [ $command = slm-pack ]; then expect "two files that are not one model" 1 'pack-source'; else expect "$command with two operands" 2 "usage: $command"; fi
    echo mine >there
    run $command -o there tiny.slm
    expect "$command replaces nothing" 3 "[io-exists]"
    same "$command: nothing" mine "$(cat there)"
    run $command --force -o there tiny.slm
    expect "$command --force does" 0
    run $command --force -o tiny.slm tiny.slm
    expect "$command does not replace what it reads" 3 "which is read" "[io-exists]"
    run $command -o nowhere/out tiny.slm
    expect "$command into a folder that is not there" 3 "[io-write]"
    $command --force -o full tiny.slm >/dev/full 2>err
    same "$command on a full disk answers 3" "3 1" "$? $(grep -c '\[io-write\]' err)"
    run $command -q --json --force -o there tiny.slm
    expect "$command --json" 0 '"artifact-sha256":"'"$(sha256sum <there | cut -d' ' -f1)"'"' '"tensors":38'
done
run slm-pack --quantize q5_0 -o out tiny.slm
expect "--quantize takes q8_0 and q4_0" 2 "usage: slm-pack"
run slm-pack --force -o words.slm --tokenizer words.slm llama2c/plain.bin
expect "slm-pack does not replace the tokenizer that it reads" 3 "which is read"

# ---- real models ----

python=${GGUF_PYTHON:-python3}
"$python" -c 'import gguf, numpy' 2>/dev/null && has_gguf=true || has_gguf=false
$has_gguf || skip "the PyPI package gguf agrees" "$python has no gguf"
if $has_gguf; then
    for dtype in q8_0 q4_0; do
        for origin in plain f16 bf16 q8_0 q4_0; do
            [ $origin = $dtype ] && continue # stays as it is
            slm-pack -q --force -o random.slm --quantize $dtype cases/$origin.gguf >/dev/null
            slm-unpack -q --force -o random.gguf random.slm >/dev/null
            same "gguf turns random rows of $origin into the same $dtype" 15 "$("$python" "$HERE/quantized.py" blocks $dtype cases/$origin.gguf random.gguf 2>&1 | tail -n 1)"
        done
    done
    same "gguf reads unpacked files" "20 20" "$("$python" "$HERE/quantized.py" read back.gguf random.gguf 2>&1 | tail -n 1)"
fi
if [ ! -d "$DATA" ]; then
    skip "real models are packed" "no $DATA"
    exit 0
fi
for dtype in f32 f16 q8_0 q4_0; do
    source=$DATA/gguf/stories260K-$dtype.gguf
    run slm-pack -q -o real-$dtype.slm "$source"
    expect "stories260K-$dtype is packed" 0 "quantization: $dtype" "tensors: 48"
    round "stories260K-$dtype" real-$dtype.slm
    same "stories260K-$dtype: nothing is lost" "" "$(python3 "$HERE/models.py" lost "$source" back.gguf)"
    if $has_gguf; then
        same "gguf reads stories260K-$dtype unpacked" 48 "$("$python" "$HERE/quantized.py" read back.gguf 2>&1 | tail -n 1)"
    fi
done
for dtype in q8_0 q4_0; do
    slm-pack -q -o made-$dtype.slm --quantize $dtype "$DATA/gguf/stories260K-f32.gguf" >/dev/null
    slm-unpack -q -o made-$dtype.gguf made-$dtype.slm >/dev/null
    python3 "$HERE/models.py" tensors made-$dtype.gguf | sort >made
    python3 "$HERE/models.py" tensors "$DATA/gguf/stories260K-$dtype.gguf" | sort >golden
    number=$([ $dtype = q8_0 ] && echo 8 || echo 2)
    same "--quantize $dtype gives llama-quantize's blocks" "$(awk -v n="$number" '$2 == n' golden)" \
        "$(awk -v n="$number" 'NR == FNR { if ($2 == n) golden[$1]; next } $1 in golden' golden made)"
done
run slm-pack -o out.slm "$DATA/gguf/stories260K-rot256-q4_k_m.gguf"
expect "K-quants are refused" 1 "found q4_k" "found q6_k" "[pack-tensor]"
for file in "$DATA"/vocab/*.gguf; do
    run slm-pack -o out.slm "$file"
    expect "$(basename "$file") is no model" 1 "without tensors" "[pack-source]"
done
run slm-pack -q -o karpathy.slm --tokenizer real-f32.slm "$DATA/llama2c/stories260K.bin"
expect "llama2.c's checkpoint is packed" 0 "quantization: f32"
slm-info -q --tensors real-f32.slm | cut -f1-3,5 >tensors-gguf
slm-info -q --tensors karpathy.slm | cut -f1-3,5 >tensors-bin
slm-unpack -q -o karpathy.gguf karpathy.slm >/dev/null
python3 "$HERE/models.py" tensors karpathy.gguf >bin-hashes
python3 "$HERE/models.py" tensors "$DATA/gguf/stories260K-f32.gguf" | grep -v '^output.weight ' >gguf-hashes
same "its tensors are those of the GGUF file" "$(cat gguf-hashes)" "$(cat bin-hashes)"
