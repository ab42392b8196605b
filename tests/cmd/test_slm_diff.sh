#!/bin/sh
# slm-diff: every way in which two models differ is named, whatever holds them, and a tensor that does not follow from its source
# is caught.
. "$(dirname "$0")/harness.sh"
need slm-diff python3 || exit 0
HERE=$ROOT/tests/cmd
DATA=$ROOT/../shared/data
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
tab=$(printf '\t')
change() { python3 "$HERE/differ.py" "$@" || not_ok "differ.py $*"; }
# lines WHAT NAME HOW: how many such lines the last run printed ('' for any)
lines() { awk -F"$tab" -v w="$1" -v n="$2" -v h="$3" '(w == "" || $1 == w) && (n == "" || $2 == n) && (h == "" || $3 == h)' "$WORK/.out" | wc -l | tr -d ' '; }

slm-pack -q -o tiny.slm --drop tokenizer.chat_template "$MODEL" >/dev/null
slm-pack -q -o q8.slm --quantize q8_0 tiny.slm >/dev/null
slm-pack -q -o q4.slm --quantize q4_0 tiny.slm >/dev/null
for name in tiny q8 q4; do slm-unpack -q -o $name.gguf $name.slm >/dev/null; done

# ---- equal ----

cp tiny.gguf copy.gguf
run slm-diff tiny.gguf copy.gguf
expect "equal bytes are the same" 0
same "and nothing is printed" "" "$out$err"
printf x >one && cp one two
run slm-diff one two
expect "equal bytes of anything are the same" 0
run slm-diff tiny.gguf tiny.slm
expect "a model and its .slm are the same in the terms of .slm" 0
same "and nothing is printed of them" "" "$out"
run slm-diff tiny.slm tiny.slm
expect "an .slm is the same as itself" 0

# ---- as stored: each WHAT and HOW ----

# differs NAME FILE WHAT NAME HOW: that line, from tiny.gguf to FILE, and exit 1
differs() {
    run slm-diff -q tiny.gguf "$2"
    expect "$1 is named" 1
    same "$1: $3 $4 $5" 1 "$(lines "$3" "$4" "$5")"
}
change tiny.gguf x.gguf number llama.context_length
differs "a changed number" x.gguf key llama.context_length changed
same "with both values" "u32 256 u32 257" "$(awk -F"$tab" '$2 == "llama.context_length" { print $4, $5 }' .out)"
same "and the fact that it is" 1 "$(lines fact model-shape changed)"
same "and nothing else" 2 "$(lines '' '' '')"
change tiny.gguf x.gguf forget llama.rope.freq_base
differs "a key that is not there" x.gguf key llama.rope.freq_base missing
run slm-diff -q x.gguf tiny.gguf
same "and one that was not there before" "1 1" "$status $(lines key llama.rope.freq_base added)"
change tiny.gguf x.gguf element tokenizer.ggml.token_type
differs "an array that differs behind what is shown" x.gguf key tokenizer.ggml.token_type changed
same "and the tokenizer" 1 "$(lines tokenizer tokenizer-sha256 changed)"
change tiny.gguf x.gguf element tokenizer.ggml.tokens
differs "an array of strings" x.gguf key tokenizer.ggml.tokens changed
change tiny.gguf x.gguf poison blk.0.attn_q.weight 9
differs "one byte of a tensor" x.gguf tensor blk.0.attn_q.weight changed
same "and nothing but it" 1 "$(lines '' '' '')"
change tiny.gguf x.gguf swap blk.0.attn_q.weight blk.1.attn_q.weight
differs "a swapped pair" x.gguf tensor blk.0.attn_q.weight changed
same "both of it" 2 "$(lines tensor '' changed)"
change tiny.gguf x.gguf rename blk.0.attn_q.weight blk.0.attn_x.weight
differs "a renamed tensor" x.gguf tensor blk.0.attn_q.weight missing
same "under both names" 1 "$(lines tensor blk.0.attn_x.weight added)"
change tiny.gguf x.gguf reshape blk.0.ffn_up.weight
differs "a reshaped tensor" x.gguf tensor blk.0.ffn_up.weight reshaped
differs "a requantised tensor" q8.gguf tensor blk.0.ffn_up.weight requantised
same "with both dtypes" "f16 64,160 q8_0 64,160" "$(awk -F"$tab" '$2 == "blk.0.ffn_up.weight" { print $4, $5 }' .out)"
same "and the quantization" 1 "$(lines fact quantization changed)"
change tiny.gguf x.gguf order
differs "another order" x.gguf file bytes changed
change "$MODEL" x.gguf text tokenizer.chat_template
run slm-diff -q "$MODEL" x.gguf
expect "a changed template is named" 1 "template${tab}chat-template-sha256${tab}changed"
run slm-diff -q "$MODEL" tiny.gguf
expect "a missing template is named" 1 "template${tab}chat-template-sha256${tab}missing"
change tiny.gguf x.gguf text general.name
printf '%s' "$(printf '\033[2J\ta')" >evil.bin
python3 - x.gguf <<'PY'
import sys
data = open(sys.argv[1], 'rb').read()
at = data.index(b'general.name') + 12 + 4 + 8
open('evil.gguf', 'wb').write(data[:at] + b'\x1b\t' + data[at + 2:])
PY
run slm-diff -q tiny.gguf evil.gguf
expect "control codes are escaped" 1 '\u{1b}\u{9}'
run slm-diff --json -q tiny.gguf evil.gguf
expect "and in JSON too" 1 '{"what":"key","name":"general.name","how":"changed","a":"str ' '\u001b'

# ---- folders ----

python3 "$HERE/folder.py" make plain plain && python3 "$HERE/folder.py" make sharded sharded && python3 "$HERE/folder.py" make tied tied
cp -r plain copy
run slm-diff plain copy
expect "equal folders" 0
run slm-diff -q plain sharded
expect "another number of shards" 1 "file${tab}model.safetensors.index.json${tab}added"
same "has the same tensors" 0 "$(lines tensor '' '')"
sed 's/"rms_norm_eps": 1e-06/"rms_norm_eps": 1e-05/' plain/config.json >copy/config.json
run slm-diff -q plain copy
expect "a key of config.json" 1 "key${tab}config.json:rms_norm_eps${tab}changed${tab}json 1e-06${tab}json 1e-05" "file${tab}config.json${tab}changed"
cp plain/config.json copy/ && echo ' ' >>copy/tokenizer.json
run slm-diff -q plain copy
expect "tokenizer.json" 1 "tokenizer${tab}tokenizer.json${tab}changed"
run slm-diff -q plain tied
expect "a tensor that is not there" 1 "tensor${tab}lm_head.weight${tab}missing"
slm-pack -q -o plain.slm plain >/dev/null && slm-unpack -q -o plain.gguf plain.slm >/dev/null
run slm-diff -q plain plain.gguf
expect "a folder and the GGUF file made of it are the same" 0
mkdir one-file && cp tiny.gguf one-file/
run slm-diff one-file tiny.slm
expect "a folder of one GGUF file is that file" 0

# ---- in the terms of .slm ----

change tiny.gguf x.gguf number llama.context_length
run slm-diff -q x.gguf tiny.slm
expect "a fact" 1 "fact${tab}context-length${tab}changed${tab}257${tab}256"
change tiny.gguf x.gguf element tokenizer.ggml.token_type
run slm-diff -q x.gguf tiny.slm
expect "a piece" 1 "tokenizer${tab}piece 383${tab}changed"
change tiny.gguf x.gguf poison blk.2.ffn_down.weight 9
run slm-diff -q x.gguf tiny.slm
same "a tensor, and only it" "1 1 1" "$status $(lines tensor blk.2.ffn_down.weight changed) $(lines '' '' '')"
run slm-diff -q x.gguf q4.slm
same "requantised ones, and the quantization" "1 1 1" "$status $(lines '' '' changed) $(lines fact quantization changed)"
run slm-diff -q tiny.slm q8.slm
expect "the quantization of two .slm" 1 "fact${tab}quantization${tab}changed${tab}f16${tab}q8_0"
run slm-diff -q -d tiny.slm q8.slm
same "which a requantised model may change" "0 0" "$status $(lines fact '' '')"
run slm-diff -q "$MODEL" tiny.slm
expect "what .slm does not tell stands in the way" 3 "tokenizer.chat_template" "[diff-terms-unsupported]"
run slm-diff -q --drop tokenizer.chat_template "$MODEL" tiny.slm
expect "and can be dropped" 0
change tiny.gguf x.gguf rename blk.0.attn_q.weight blk.0.attn_x.weight
run slm-diff -q x.gguf tiny.slm
expect "a tensor that no .slm has is named" 3 "blk.0.attn_x.weight" "[diff-terms-unsupported]"
run slm-diff -q plain/model.safetensors tiny.slm
expect "a safetensors file without its folder" 3 "[diff-terms-unsupported]"

# parts of split models: two of one kind as stored, one with a whole file in the terms of .slm
python3 "$HERE/models.py" parts parts
whole=$(awk -F"$tab" '$2 == 0 { print $1; exit }' parts/cases.tsv)
slm-pack -q -o parts.slm "parts/$whole" >/dev/null && slm-unpack -q -o parts.gguf parts.slm >/dev/null
run slm-diff -q "parts/$whole" parts.gguf
expect "the parts of a split model are the whole one" 0
cp -r "parts/$whole" other && first=$(find other -name '*.gguf' | sort | head -n 1) && change "$first" "$first" number llama.context_length 2>/dev/null
run slm-diff -q "parts/$whole" other
expect "a key of one part is named by its file" 1 "key${tab}$(basename "$first"):llama.context_length${tab}changed"
run slm-diff -d "parts/$whole" parts.gguf -o parts.ev
expect "they follow from each other" 0
same "and the evidence names each part" "$(find "parts/$whole" -name '*.gguf' | wc -l | tr -d ' ')" "$(grep -c '^source-sha256: ' parts.ev)"

# ---- derived ----

run slm-diff -d -o ev tiny.gguf q8.gguf
expect "q8_0 follows" 0
same "every tensor is said" "38" "$(lines tensor '' '')"
same "vectors are exact" "exact" "$(awk -F"$tab" '$2 == "output_norm.weight" { print $3 }' .out)"
same "matrices are requantised" "requantised" "$(awk -F"$tab" '$2 == "token_embd.weight" { print $3 }' .out)"
same "the evidence passes" "verdict: pass" "$(tail -n 1 ev)"
same "and names both files" "$(sha256sum tiny.gguf q8.gguf | cut -d' ' -f1 | tr '\n' ' ')" "$(sed -n 's/^\(source\|artifact\)-sha256: //p' ev | tr '\n' ' ')"
run slm-diff -d tiny.gguf q4.slm
expect "q4_0 follows, in another format" 0
run slm-diff -d plain plain.gguf
expect "a conversion is exact" 0
same "all of it" 0 "$(lines tensor '' requantised)"
slm-pack -q -o plain-q8.slm --quantize q8_0 plain >/dev/null 2>&1
run slm-diff -d plain plain-q8.slm -o plain.ev
expect "a folder requantised" 0
same "the folder's files are sorted by name" "$(sed -n 's/^source-sha256: [0-9a-f]* //p' plain.ev | sort)" "$(sed -n 's/^source-sha256: [0-9a-f]* //p' plain.ev)"
same "and are these" "config.json model.safetensors tokenizer.json" "$(sed -n 's/^source-sha256: [0-9a-f]* //p' plain.ev | tr '\n' ' ' | sed 's/ $//')"
run slm-diff -d q8.gguf tiny.gguf
expect "the other way round does not follow" 1 "[diff-derived]"
run slm-diff -q -d tied plain
expect "an output matrix that the source has not, and that is not its embedding" 1 "'output.weight' to follow" "[diff-derived]"
run slm-diff -q -d --drop tokenizer.chat_template -o dropped "$MODEL" q4.gguf
expect "a dropped key" 0
same "is part of the evidence" "drop: tokenizer.chat_template" "$(grep '^drop' dropped)"

# ---- chat templates, which no .slm holds and which are compared all the same ----

# word: what the last evidence says of them
word() { sed -n 's/^chat-template: //p' template.ev; }
# follows NAME A B WORD [OPTION...]: B follows, and the evidence has WORD
follows() {
    name=$1 a=$2 b=$3 says=$4
    shift 4
    run slm-diff -d -o template.ev --force "$@" "$a" "$b"
    expect "$name" 0
    same "$name: $says" "$says pass" "$(word) $(sed -n 's/^verdict: //p' template.ev)"
    run slm-diff -q --check template.ev "$@" "$a" "$b"
    expect "$name: a second look" 0
}
# refused NAME A B TEMPLATE HOW [OPTION...]: B does not follow, as TEMPLATE is HOW, and nothing else
refused() {
    name=$1 a=$2 b=$3 which=$4 how=$5
    shift 5
    run slm-diff -q -d -o template.ev --force "$@" "$a" "$b"
    expect "$name" 1 "template '$which' to follow" "[diff-derived]"
    same "$name: $which $how" "1 1" "$(lines template "$which" "$how") $(grep -c '\[diff-derived\]' .err)"
    same "$name: the evidence" "differ fail" "$(word) $(sed -n 's/^verdict: //p' template.ev)"
}
long=$(printf '{{ %5000s }}"\\ \303\244' x)
change tiny.gguf good.gguf put tokenizer.chat_template "$long"
change q8.gguf good8.gguf put tokenizer.chat_template "$long"
change q8.gguf evil8.gguf put tokenizer.chat_template "$long evil"
follows "equal templates need no --drop" good.gguf good8.gguf equal
run slm-diff -d good.gguf good8.gguf
same "and nothing is said to be left out" "" "$(printf '%s' "$err" | grep 'leaves out')"
follows "nor does one hinder" good.gguf good8.gguf equal --drop tokenizer.chat_template
follows "no templates" tiny.gguf q8.gguf none
refused "another template" good.gguf evil8.gguf chat_template changed
refused "dropped or not" good.gguf evil8.gguf chat_template changed --drop tokenizer.chat_template
refused "whatever is dropped" good.gguf evil8.gguf chat_template changed --drop '*'
refused "a template that lacks" good.gguf q8.slm chat_template missing
refused "another drop" good.gguf q8.slm chat_template missing --drop tokenizer.ggml.model
follows "one that is left out, as asked for" good.gguf q8.slm left-out --drop tokenizer.chat_template
run slm-diff -d --json --drop 'tokenizer.*' good.gguf q8.gguf
expect "is told" 0 '{"what":"template","name":"chat_template","how":"left-out","a":"sha256:'
refused "a template where there was none" tiny.gguf evil8.gguf chat_template added
refused "dropped or not" tiny.gguf evil8.gguf chat_template added --drop tokenizer.chat_template
change good8.gguf x.gguf put tokenizer.chat_template.tool_use evil
refused "a further one" good.gguf x.gguf chat_template.tool_use added --drop 'tokenizer.chat_template*'
change good8.gguf x.gguf names tokenizer.chat_template "$long"
refused "a template of another type" good.gguf x.gguf chat_template changed
sed 's/^chat-template: .*/chat-template: equal/' dropped >dropped2
run slm-diff -q --check dropped2 --drop tokenizer.chat_template "$MODEL" q4.gguf
expect "evidence that calls equal what is left out" 1 "'chat-template: left-out'" "[diff-evidence]"

# folders say it in several places, GGUF in several keys
mkdir talks && cp -r plain talks/jinja && cp -r plain talks/config && cp -r plain talks/both && cp -r plain talks/list
printf '%s' "$long" >talks/jinja/chat_template.jinja
python3 - "$long" talks <<'PY'
import json
import sys
text, at = sys.argv[1:]
def put(name, value):
    with open(f"{at}/{name}", "w") as out:
        json.dump({"x": {"chat_template": "no"}, "chat_template": value}, out)
put("config/tokenizer_config.json", text)
put("both/tokenizer_config.json", text)
put("list/tokenizer_config.json", [{"name": "default", "template": text}, {"template": "B", "name": "b-2", "x": []},
                                   {"name": "a", "template": "A"}])
PY
printf 'other' >talks/both/chat_template.jinja
change plain.gguf talks.gguf put tokenizer.chat_template "$long"
change talks.gguf x.gguf put tokenizer.chat_template.b_2 B
change x.gguf y.gguf put tokenizer.chat_template.a A
change y.gguf list.gguf names tokenizer.chat_templates a b_2
change y.gguf turned.gguf names tokenizer.chat_templates b_2 a
change y.gguf short.gguf names tokenizer.chat_templates a
for kind in jinja config; do
    follows "a folder's $kind is the file's" talks/$kind talks.gguf equal
    follows "or left out, of $kind" talks/$kind plain.slm left-out --drop chat_template
    refused "or not, of $kind" talks/$kind plain.slm chat_template missing
done
follows "two folders" talks/jinja talks/config equal
run slm-diff -d talks/jinja talks/config
same "of which nothing is left out either" "" "$(printf '%s' "$err" | grep 'leaves out')"
same "the template's file is named" 1 "$(grep -c '^source-sha256: [0-9a-f]* chat_template.jinja$' template.ev)"
refused "a folder with a template" plain talks/jinja chat_template added
follows "a list" talks/list list.gguf equal
follows "in any order" talks/list turned.gguf equal
refused "with all its names" talks/list short.gguf chat_templates changed
run slm-diff -q -d --drop tokenizer.chat_template talks/list talks.gguf
same "and all its templates" "1 3" "$status $(lines template '' missing)"
follows "or without any" talks/list plain.slm left-out --drop chat_template
run slm-diff -q -d talks/both talks.gguf
expect "two that differ in one folder" 3 "that stands elsewhere in the model" "[diff-terms-unsupported]"
change good8.gguf x.gguf put chat_template "$long evil"
run slm-diff -q -d good.gguf x.gguf
expect "a key that is a template's in folders alone" 3 "key 'chat_template'" "[diff-terms-unsupported]"
cp -r plain talks/settings && sed 's/^{/{"chat_template": "evil", /' plain/config.json >talks/settings/config.json
refused "a template in config.json" plain talks/settings chat_template added --drop chat_template
sed 's/^{/{"tokenizer.chat_template": "evil", /' plain/config.json >talks/settings/config.json
run slm-diff -q -d plain talks/settings
expect "a key that is a template's in GGUF alone" 3 "tokenizer.chat_template" "[diff-terms-unsupported]"
mkdir talks/jinja/additional_chat_templates
run slm-diff -q -d talks/jinja talks.gguf
expect "templates in a folder of their own" 3 "additional_chat_templates" "[diff-terms-unsupported]"
sed 's/"chat_template": "[^n]/"chat_template": 1, "y": "/' talks/config/tokenizer_config.json >x.json && mv x.json talks/config/tokenizer_config.json
run slm-diff -q -d talks/config talks.gguf
expect "a template that is none" 3 "expected a text as chat_template" "[diff-terms-unsupported]"

# files of equal bytes
run slm-diff -d -o same.ev one two
expect "equal bytes of anything follow" 0
same "and nothing is printed" "" "$out$err"
same "but the evidence" "equal equal equal 0 0 0 pass" "$(sed -n -E 's/^(facts|tokenizer|chat-template|exact|requantised|differs|verdict): //p' same.ev | tr '\n' ' ' | sed 's/ $//')"
run slm-diff -q --check same.ev one two
expect "which a second look confirms" 0
run slm-diff -q --check same.ev tiny.gguf q8.gguf
expect "of these files alone" 1
cp good.gguf copy.gguf
run slm-diff -q -d good.gguf copy.gguf
expect "a model follows from itself, with a template" 0

# caught NAME TENSOR FILE: exactly that tensor differs
caught() {
    run slm-diff -d -o caught --force tiny.gguf "$3"
    expect "$1 is caught" 1 "tensor '$2'" "[diff-derived]"
    same "$1: by name" 1 "$(lines tensor "$2" differs)"
    same "$1: the evidence fails" "verdict: fail" "$(tail -n 1 caught)"
    same "$1: and says which" 1 "$(grep -c "^tensor: differs $2\$" caught)"
}
for quantized in q8 q4; do
    change $quantized.gguf x.gguf poison blk.1.ffn_gate.weight 3
    caught "one quantum in $quantized" blk.1.ffn_gate.weight x.gguf
    same "one block, in row 0" 1 "$(grep -c ', 1 of 320 blocks, the first in row 0' .out)"
    change $quantized.gguf x.gguf poison blk.1.ffn_gate.weight -1
    caught "the last quantum in $quantized" blk.1.ffn_gate.weight x.gguf
    same "one block, in row 159" 1 "$(grep -c ', 1 of 320 blocks, the first in row 159' .out)"
    change $quantized.gguf x.gguf poison blk.1.ffn_gate.weight 0
    caught "one scale in $quantized" blk.1.ffn_gate.weight x.gguf
    change $quantized.gguf x.gguf swap blk.0.attn_k.weight blk.1.attn_k.weight
    caught "a swapped pair in $quantized" blk.0.attn_k.weight x.gguf
    same "the other one too" 1 "$(lines tensor blk.1.attn_k.weight differs)"
    change $quantized.gguf x.gguf poison output_norm.weight 0
    caught "one bit of a vector in $quantized" output_norm.weight x.gguf
    change $quantized.gguf x.gguf number llama.context_length
    run slm-diff -q -d -o caught --force tiny.gguf x.gguf
    expect "a fact in $quantized is caught" 1 "'context-length'" "[diff-derived]"
    same "and said" "facts: differ" "$(grep ^facts caught)"
    change $quantized.gguf x.gguf element tokenizer.ggml.token_type
    run slm-diff -q -d -o caught --force tiny.gguf x.gguf
    expect "a piece in $quantized is caught" 1 "'piece 383'" "[diff-derived]"
    same "and said too" "tokenizer: differ" "$(grep ^tokenizer caught)"
    change $quantized.gguf x.gguf text general.name
    run slm-diff -q -d tiny.gguf x.gguf
    expect "another name may be given in $quantized" 0
    change $quantized.gguf x.gguf rename blk.0.attn_q.weight blk.0.attn_x.weight
    run slm-diff -q -d tiny.gguf x.gguf
    if [ "$status" -ne 0 ]; then expect "a renamed tensor in $quantized is named" "$status" blk.0.attn_x.weight; else not_ok "a renamed tensor in $quantized"; fi
    change $quantized.gguf x.gguf remove blk.0.attn_q.weight
    run slm-diff -q -d tiny.gguf x.gguf
    expect "a tensor that is not there in $quantized" 1 blk.0.attn_q.weight
done
change tiny.gguf a.gguf nan output_norm.weight
cp a.gguf b.gguf && change a.gguf b.gguf poison output_norm.weight 0
change a.gguf c.gguf text general.name
run slm-diff -q -d a.gguf c.gguf
expect "a NaN is the same NaN" 0
run slm-diff -d a.gguf b.gguf
same "and another payload is another" "1 1" "$status $(lines tensor output_norm.weight differs)"

# ---- evidence ----

run slm-diff -q --check ev tiny.gguf q8.gguf
expect "evidence is what a new run gives" 0
sed 's/^tool: slm-diff .*/tool: slm-diff 99.0/' ev >ev2
run slm-diff -q --check ev2 tiny.gguf q8.gguf
expect "whatever the version" 0
run slm-diff -q --check ev tiny.gguf q4.gguf
expect "evidence of another file" 1 "artifact-sha256" "[diff-evidence]"
sed -e 's/^tensor: exact output_norm/tensor: requantised output_norm/' -e 's/^exact: .*/exact: 8/' -e 's/^requantised: .*/requantised: 30/' ev >ev2
run slm-diff -q --check ev2 tiny.gguf q8.gguf
expect "evidence that says something else" 1 "[diff-evidence]"
sed 's/^verdict: pass/verdict: fail/' ev >ev2
run slm-diff -q --check ev2 tiny.gguf q8.gguf
expect "a verdict that does not follow" 1 "ev2:" "'pass', which follows" "[diff-evidence]"
sed 's/^minimodel-derived 0/minimodel-derived 1/' ev >ev2
run slm-diff -q --check ev2 tiny.gguf q8.gguf
expect "another version" 3 "[text-version-unsupported]"
run slm-diff -q -d -o ev tiny.gguf q8.gguf
expect "existing evidence is not replaced" 3 "[io-exists]"
run slm-diff -q -d -o ev --force tiny.gguf q8.gguf
expect "without --force" 0
run slm-diff -q -d -o tiny.gguf --force tiny.gguf q8.gguf
expect "a model is never replaced" 3 "which is read" "[io-exists]"
run slm-diff -q -d -o plain/config.json --force plain plain-q8.slm
expect "nor a file of a folder" 3 "which is read" "[io-exists]"
run slm-diff -q -d -o new.ev tiny.gguf none.gguf
expect "what is not there cannot be found out" 3 "none.gguf" "[io-open]"
if [ -e new.ev ]; then not_ok "and leaves no evidence"; else ok "and leaves no evidence"; fi
manifest-make -q --private --evidence "derived pass $(sha256sum ev | cut -d' ' -f1) ev" q8.gguf ev >m 2>.err
run manifest-lint m
expect "a manifest can name it" 0

# ---- calls ----

run slm-diff tiny.gguf
expect "two operands" 2 "expected two models"
run slm-diff - tiny.gguf
expect "no standard input" 2
run slm-diff -o ev tiny.gguf q8.gguf
expect "-o without --derived" 2
run slm-diff -d --no-such tiny.gguf q8.gguf
expect "an unknown option" 2 "usage: slm-diff"
run sh -c 'slm-diff -d tiny.gguf q8.gguf >/dev/full'
expect "a full disk" 3 "[io-write]"
run sh -c 'slm-diff -d tiny.gguf q8.gguf | head -c 1 >/dev/null; slm-diff -d tiny.gguf q8.gguf >&-'
expect "a closed output" 3 "[io-write]"
mkfifo pipe && run slm-diff pipe tiny.gguf
expect "a pipe is not read" 3 "[io-not-regular]"
same "the rules of its own are listed" "diff-derived diff-evidence diff-terms-unsupported" "$(slm-diff --rules | cut -f1 | grep '^diff' | tr '\n' ' ' | sed 's/ $//')"
in_memory 40000 slm-diff -q -d tiny.gguf q8.gguf
expect "in 40 MB of addresses" 0
printf 'GGUF\003\000\000\000' >cut.gguf
run slm-diff tiny.gguf cut.gguf
expect "a broken file" 1 "cut.gguf" "[gguf-truncated]"

# ---- other people's models ----

if [ -d "$DATA/gguf" ]; then
    full=$DATA/gguf/stories260K-f32.gguf
    for dtype in f16 q8_0 q4_0; do
        run slm-diff -q -d -o "$dtype.ev" "$full" "$DATA/gguf/stories260K-$dtype.gguf"
        expect "llama-quantize's $dtype follows from f32" 0
        same "its matrices are requantised" "11 37 0" "$(sed -n 's/^\(exact\|requantised\|differs\): //p' "$dtype.ev" | tr '\n' ' ' | sed 's/ $//')"
        run slm-diff -q -d "$DATA/gguf/stories260K-$dtype.gguf" "$full"
        expect "and f32 does not follow from $dtype" 1 "[diff-derived]"
        run slm-diff -q "$full" "$DATA/gguf/stories260K-$dtype.gguf"
        same "as stored, $dtype has other tensors" "1 37" "$status $(lines tensor '' requantised)"
    done
    run slm-diff -q -d "$DATA/gguf/stories260K-q8_0.gguf" "$DATA/gguf/stories260K-q4_0.gguf"
    expect "q4_0 made from f32 does not follow from q8_0" 1 "[diff-derived]"
    run slm-diff -q -d --tokenizer "$full" -o bf16.ev "$full" "$DATA/hf/stories260K-bf16"
    expect "bf16 as transformers have it: a fact differs" 1 "'context-length' to follow from the source's (2048), found 512"
    same "its tensors follow, an output that is the embedding included" "11 37 0 equal" "$(sed -n -e 's/^\(exact\|requantised\|differs\): //p' bf16.ev | tr '\n' ' ')$(sed -n 's/^tokenizer: //p' bf16.ev)"
    changed_bin=$WORK/changed.bin
    cp "$DATA/llama2c/stories260K.bin" "$changed_bin" && chmod u+w "$changed_bin" && changed "$changed_bin" 5000
    run slm-diff -q "$DATA/llama2c/stories260K.bin" "$changed_bin"
    expect "checkpoints of llama2.c are bytes" 1 "file${tab}bytes${tab}changed"
    run slm-diff -q --tokenizer "$DATA/llama2c/tok512.bin" "$DATA/llama2c/stories260K.bin" "$changed_bin"
    expect "and with a tokenizer models" 1 "tensor${tab}token_embd.weight${tab}changed"
    run slm-diff -q "$DATA/safetensors/burn-mnist.safetensors" "$DATA/safetensors/burn-multi_layer.safetensors"
    expect "any safetensors files are compared by name" 1 "tensor${tab}conv1.bias${tab}reshaped${tab}f32 8${tab}f32 4"
    run slm-diff -q "$DATA/vocab/ggml-vocab-mpt.gguf" "$DATA/vocab/ggml-vocab-gpt-2.gguf"
    expect "and so are vocabularies" 1 "key${tab}tokenizer.ggml.pre${tab}changed${tab}str mpt${tab}str gpt-2"
    run slm-diff -q -d --tokenizer "$DATA/llama2c/tok512.bin" "$DATA/llama2c/stories260K.bin" "$DATA/hf/stories260K-bf16"
    expect "bf16 follows from the checkpoint of llama2.c" 0
    run slm-diff -q -d --tokenizer "$full" "$full" "$DATA/gguf/stories260K-rot256-q4_k_m.gguf"
    expect "K-quants are not known" 3 "q4_k" "[diff-terms-unsupported]"
else
    skip "llama-quantize's files follow from their source" "no ../shared/data here"
fi
