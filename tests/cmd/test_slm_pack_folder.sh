#!/bin/sh
# slm-pack from folders as transformers write them: what is taken over, bit for bit, and what is refused, by name.
. "$(dirname "$0")/harness.sh"
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
need slm_pack_folder python3 || exit 0
HERE=$ROOT/tests/cmd
DATA=$ROOT/../shared/data
make_folder() { rm -rf model model.slm && python3 "$HERE/folder.py" make model "$1"; }
setting() { python3 "$HERE/folder.py" tokenizer model.slm | python3 -c "import json, sys; t = json.load(sys.stdin); print($1)"; }

# ---- taken over: every tensor is compared row by row, with queries and keys in .slm's order ----

for variant in plain tied tied_copy sharded indexed_whole bf16 f16 biases inv_freq head_dim one_group one_rotation layer_types token_pairs \
    token_old token_truncation token_added token_named token_ends; do
    make_folder $variant
    run slm-pack -q -o model.slm model
    expect "$variant is packed" 0
    run python3 "$HERE/folder.py" check model model.slm
    expect "$variant: every tensor is there" 0
    run slm-info model.slm
    expect "$variant is valid" 0 "artifact-format: slm"
done
for pair in "bf16 bf16" "f16 f16" "plain f32"; do
    make_folder "${pair% *}"
    run slm-pack -q -o model.slm model
    expect "dtypes are kept: $pair" 0 "quantization: ${pair#* }"
done
make_folder sharded && run slm-pack -q -o sharded.slm model
run slm-pack -q -o named.slm model/*.safetensors
expect 'the shards can be named one by one' 0
same 'and make the same bytes' "$(sha256sum <sharded.slm)" "$(sha256sum <named.slm)"
set -- model/*.safetensors
run slm-pack -q -o some.slm "$1" "$1"
expect 'one shard twice is not all of them' 1 'pack-source' 'every shard'
run slm-pack -q -o some.slm "$@" "$MODEL"
expect 'shards and something else are no model' 1 'pack-source'
make_folder plain && run slm-pack -q -o model.slm model
same "shards make the same bytes as one file" "$(sha256sum <model.slm)" "$(sha256sum <sharded.slm)"

fact() { slm-info --metadata model.slm | sed -n "s/^$1	[^	]*	//p"; }
for row in "plain 10000" "rope_linear 10000 2" "rope_same 10000 2" "rope_five 500000"; do
    set -- $row
    make_folder "$1" && run slm-pack -q -o model.slm model
    same "$1: rope-base" "$2" "$(fact rope-base)"
    same "$1: rope-scaling" "${3:-}" "$(fact rope-scaling.linear)"
done
same "norm-epsilon is the f32 nearest to the number" 1e-06 "$(fact norm-epsilon)"
make_folder head_dim && run slm-pack -q -o model.slm model
same "head_dim is key-length and value-length" "8 8 8" "$(fact key-length) $(fact value-length) $(fact rope-dimension-count)"

# ---- tokenizers ----

for row in "plain gpt-2" "token_mpt mpt" "token_digits smollm" "token_qwen2 qwen2" "token_llama3 llama-bpe" "token_removed llama-bpe"; do
    set -- $row
    make_folder "$1" && run slm-pack -q -o model.slm model
    same "$1 has the pre-tokenizer $2" "gpt2 $2" "$(setting 't["kind"], t["pre"]')"
done
make_folder plain && run slm-pack -q -o model.slm model
same "merges are pairs of pieces" "t h th e 43" "$(setting '*(t["pieces"][i] for m in (t["merges"][0], t["merges"][4]) for i in m), len(t["merges"])')"
same "special tokens have type 3" "[256]" "$(setting '[i for i, x in enumerate(t["types"]) if x == 3]')"
same "ids of special tokens come from config.json" "256 256" "$(setting 't["settings"]["1"], t["settings"]["2"]')"
same "without a template nothing is put around a text" "0 0" "$(setting 't["settings"]["32"], t["settings"]["33"]')"
make_folder token_bos && run slm-pack -q -o model.slm model
same "tokenizer_config.json says what begins a text" "256 1 0" "$(setting 't["settings"]["1"], t["settings"]["32"], t["settings"]["33"]')"
make_folder token_added && run slm-pack -q -o model.slm model
same "added tokens behind the vocabulary have types 3 and 4" "[3, 4, 3, 4]" "$(setting 't["types"][300:]')"
make_folder token_unordered && run slm-pack -q -o model.slm model
same "they may stand in any order" "[3, 4, 3, 4]" "$(setting 't["types"][300:]')"
for row in "token_class 1" "token_class_says 0"; do
    make_folder "${row% *}" && run slm-pack -q -o model.slm model
    same "${row% *}: whether a token is put before a text" "1 ${row#* } 0" "$(setting 't["settings"]["1"], t["settings"]["32"], t["settings"]["33"]')"
done
make_folder token_roles && run slm-pack -q -o model.slm model
same "tokens that tokenizer_config.json names are special" "[2, 3, 3] 3" "$(setting 't["types"][:3], t["types"][267]')"
tok='import sys; sys.path.insert(0, sys.argv[1]); import folder; open("tok.bin", "wb").write(folder.tok_bin(["<unk>", "\n<s>\n", "\n</s>\n"] + [f"<0x{b:02X}>" for b in range(256)] + [str(i) for i in range(41)]))'
make_folder plain && python3 -c "$tok" "$HERE" && run slm-pack -o model.slm --tokenizer tok.bin model
expect "config.json cannot say otherwise than tok.bin" 1 "expected 1 as bos_token_id, as the tokenizer has it, found 256"
make_folder token_fewer && run slm-pack -o model.slm model
expect "a larger embedding is filled up, and a note says so" 0 "adds 4 unused pieces"
same "the pieces added are unused" "[PAD303] 5" "$(setting 't["pieces"][303], t["types"][303]')"
make_folder token_ends && run slm-pack -o model.slm model
expect "of several tokens that end a text the others are heard of" 0 "of several tokens in eos_token_id one is carried over"
for row in "token_spaces 1" "token_metaspace 1" "token_decoded 1" "token_never 0"; do
    set -- $row
    make_folder "$1" && run slm-pack -q -o model.slm model
    same "$1: kind, types and settings" "llama [2, 3, 3, 6] 1 0 $2" \
        "$(setting 't["kind"], t["types"][:4], t["settings"]["32"], t["settings"]["33"], t["settings"]["35"]')"
    same "$1: scores follow the order of merges" "[-0.0, -1.0, -2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0]" "$(setting 't["scores"][259:268]')"
done
make_folder token_unigram && run slm-pack -o model.slm model
expect "a unigram model is refused, as merging cuts a text otherwise" 1 'Unigram' '[pack-tokenizer]'

# ---- refused: VARIANT RULE TEXT, one a line; the text names what is at fault ----

while IFS='|' read -r variant rule text; do
    make_folder "$variant"
    run slm-pack -o model.slm model
    expect "$variant is refused" 1 "[$rule]"
    expect "$variant: the finding names it" 1 "$text"
    [ ! -e model.slm ] || not_ok "$variant leaves nothing behind" "model.slm is there"
done <<'ROWS'
tied_other|pack-tensor|expected lm_head.weight to be model.embed_tokens.weight bit for bit
untied_without|pack-tensor|expected lm_head.weight, as tie_word_embeddings is not true, found none
f64|pack-tensor|expected f32, f16 or bf16 for 'model.norm.weight', found f64
bias_unused|pack-tensor|expected self_attn.o_proj.bias in 0 layers, as attention_bias is false, found it in 2
bias_lacking|pack-tensor|expected self_attn.q_proj.bias in 2 layers, as attention_bias is true, found it in 0
extra_tensor|pack-tensor|found 'model.layers.0.self_attn.q_norm.weight'
lacking_tensor|pack-tensor|expected model.layers.1.mlp.up_proj.weight, found none
wrong_shape|pack-tensor|expected dimensions 40,24 of 'model.layers.1.mlp.up_proj.weight', found 24,40
odd_heads|pack-tensor|blk.0.attn_q.weight
rope_twice|pack-source|rope_theta
rope_llama3|pack-key|--drop rope_scaling leaves it out
rope_yarn|pack-key|--drop rope_scaling leaves it out
rope_zero|pack-key|--drop rope_scaling leaves it out
sliding|pack-key|found sliding_window of 4096; --drop sliding_window leaves it out
quantized|pack-key|--drop quantization_config leaves it out
unknown_key|pack-key|found logit_scale of 0.5
two_keys|pack-key|--drop embedding_multiplier leaves it out
code|pack-key|auto_map
half_rotation|pack-key|partial_rotary_factor of 0.5
parallel|pack-key|pretraining_tp of 2
sliding_layers|pack-key|layer_types
gelu|pack-source|expected silu for hidden_act, found "gelu"
mistral|pack-source|expected llama for model_type, found "mistral"
no_type|pack-source|expected model_type, found none
no_layers|pack-source|expected num_hidden_layers, found none
no_epsilon|pack-source|expected rms_norm_eps, found none
many_layers|pack-source|num_hidden_layers, found 65536
negative|json-fact|hidden_size
twice|json-duplicate|found 'hidden_size' twice
no_config|pack-source|without config.json
no_weights|pack-source|found none
both|pack-source|found both
template|pack-key|--drop chat_template leaves it out
template_file|pack-key|found chat_template.jinja
index_less|set-index|expected the 21 tensors of the files, found 20
index_more|set-index|found 'no.such.tensor'
index_absent|set-index|found 'model-00003-of-00002.safetensors'
index_outside|set-index|found '../model.safetensors'
no_tokenizer|pack-tokenizer|--tokenizer names one
token_other_split|pack-tokenizer|expected a pre_tokenizer that GGUF files have a name for
token_prefix|pack-tokenizer|expected a pre_tokenizer that GGUF files have a name for
token_lower|pack-tokenizer|normalizer, found a step of type "Lowercase"
token_wordpiece|pack-tokenizer|found "WordPiece"
token_wordlevel|pack-tokenizer|found "WordLevel"
token_dropout|pack-tokenizer|expected no dropout in model, found 0.1
token_suffix|pack-tokenizer|expected no end_of_word_suffix in model
token_lstrip|pack-tokenizer|found lstrip true for "<|end|>"
token_normalized|pack-tokenizer|found normalized true for "[x]"
token_gap|pack-tokenizer|found 305 for 'gap' behind 300 pieces
token_same_id|pack-tokenizer|found 5 for 'same'
token_moved|pack-tokenizer|expected the added token '<|end|>' at 3
token_long|pack-tokenizer|at most 4096 bytes
token_merge|pack-tokenizer|found 'no' and 'such'
token_merge_half|pack-tokenizer|two pieces parted by one space
token_merge_twice|slm-tokenizer|expected merges that differ
token_version|pack-tokenizer|expected version "1.0"
token_member|pack-tokenizer|future
token_around|pack-tokenizer|post_processor, found a step of type "BertProcessing"
token_name_twice|json-duplicate|found 'version' twice
token_more|pack-tokenizer|expected at most 299 pieces
token_no_bos|pack-tokenizer|expected a piece as bos_token, found "<nowhere>"
token_words|pack-tokenizer|expected no piece with a space inside
token_no_bytes|pack-tokenizer|expected byte_fallback true
token_no_spaces|pack-tokenizer|pre_tokenizer
token_unlisted|pack-tokenizer|expected a merge of
token_apart|pack-tokenizer|side by side
token_contradicts|pack-tokenizer|expected add_bos_token true
token_other_bos|pack-tokenizer|expected 1 as bos_token_id, which the tokenizer puts around texts, found 2
token_unnamed|pack-tokenizer|expected the added token '<|new|>'
token_prefixed|pack-tokenizer|expected add_prefix_space false, found true
token_unprefixed|pack-tokenizer|expected add_prefix_space true
token_letter|pack-tokenizer|expected a merge of 'a' and
token_merged_added|pack-tokenizer|found one with 'tha', which is an added token
token_merged_bytes|pack-tokenizer|found one with '<0xC3>', which is a byte
token_whole_words|pack-tokenizer|expected ignore_merges false
tied_empty|pack-tensor|expected lm_head.weight to be model.embed_tokens.weight bit for bit
rope_both|pack-source|the same type and factor in rope_scaling and in rope_parameters
rope_both_default|pack-source|the same type and factor in rope_scaling and in rope_parameters
token_undecoded|pack-tokenizer|as decoder
token_stripped|pack-tokenizer|as decoder
token_stripped_more|pack-tokenizer|as no space is put before a text, as decoder
token_bytes|pack-tokenizer|expected 256 pieces for bytes, as byte_fallback is true, found 255
token_unknown_number|pack-tokenizer|expected a piece as model.unk_token, found 5
token_unknown_twice|pack-tokenizer|in model, found unk_id
token_special_not|pack-tokenizer|expected special true for '<|end|>'
token_special_unsaid|pack-tokenizer|expected special true for '<|end|>'
token_later_normalized|pack-tokenizer|found normalized true for "[x]"
token_space_added|pack-tokenizer|expected no U+2581 in an added token that is not special
token_byte_added|pack-tokenizer|expected added tokens that stand for no byte, found '<0x00>'
token_class_contradicts|pack-tokenizer|expected add_bos_token beside this tokenizer_class
token_other_unknown|pack-tokenizer|expected 0 as unk_token, as the tokenizer has it, found 2
token_further|pack-tokenizer|expected a piece as additional_special_tokens, found "<|nowhere|>"
token_further_added|pack-tokenizer|which is an added token that is not special
token_maps|pack-tokenizer|expected 2 as eos_token, as tokenizer_config.json has it, found 1
token_charsmap|pack-tokenizer|normalizer, found a step of type "Precompiled"
ROWS

for pair in "template chat_template" "template_file chat_template" "sliding sliding_window" "rope_llama3 rope_scaling" "unknown_key logit_scale"; do
    make_folder "${pair% *}"
    run slm-pack --drop "${pair#* }" -o model.slm model
    expect "--drop ${pair#* } leaves it out" 0 "leaves out ${pair#* }" "[pack-dropped]"
done
make_folder two_keys
run slm-pack --drop logit_scale -o model.slm model
expect "a dropped key does not excuse another" 1 "embedding_multiplier of 12"

# ---- what is read is not replaced, --force or not ----

make_folder token_spaces
for file in tokenizer_config.json generation_config.json added_tokens.json special_tokens_map.json; do echo "{}" >model/$file; done
for file in config.json generation_config.json tokenizer_config.json added_tokens.json special_tokens_map.json tokenizer.json model.safetensors; do
    cp model/$file before
    run slm-pack -q --force -o model/$file model
    expect "$file of the source is not replaced" 3 "which is read" "[io-exists]"
    same "$file is what it was" "$(sha256sum <before)" "$(sha256sum <model/$file)"
done
mv model/tokenizer.json words.json && ln -s ../words.json model/tokenizer.json
run slm-pack -q --force -o words.json model
expect "nor is a file that a link of the source leads to" 3 "which is read" "[io-exists]"

# ---- a real model, whose tensors are known from elsewhere ----

if [ -d "$DATA/hf/stories260K-bf16" ] && [ -f "$DATA/llama2c/tok512.bin" ]; then
    run slm-pack -q -o model.slm --tokenizer "$DATA/llama2c/tok512.bin" "$DATA/hf/stories260K-bf16"
    expect "a real folder is packed" 0 "quantization: bf16"
    run python3 "$HERE/folder.py" check "$DATA/hf/stories260K-bf16" model.slm
    expect "a real folder: every tensor is there" 0 47
    run slm-pack -q -o f32.slm "$DATA/gguf/stories260K-f32.gguf"
    same "undoing the order of heads gives the GGUF file's tensors, rounded" same "$(python3 - "$HERE" model.slm f32.slm <<'PY'
import struct, sys
sys.path.insert(0, sys.argv[1])
import folder
rounded, exact = dict(folder.read_tensors(sys.argv[2])), dict(folder.read_tensors(sys.argv[3]))
def to_bf16(data):
    words = struct.unpack(f'<{len(data) // 4}I', data)
    return struct.pack(f'<{len(words)}H', *((word + 0x7fff + (word >> 16 & 1)) >> 16 for word in words))
for name, (dtype, shape, data) in rounded.items():
    assert exact[name][1] == shape, name
    assert data == (exact[name][2] if dtype == 'F32' else to_bf16(exact[name][2])), name
assert set(exact) - set(rounded) == {'output.weight'}
print('same')
PY
)"
    same "tok.bin has the GGUF file's tokenizer" same "$(python3 - "$HERE" model.slm f32.slm <<'PY'
import sys
sys.path.insert(0, sys.argv[1])
import folder
a, b = (folder.read_tokenizer(path) for path in sys.argv[2:])
beyond = {number: b['settings'].pop(number) for number in (4, 5)}
assert set(beyond.values()) == {4294967295}, beyond
print('same' if a == b else 'other')
PY
)"
else
    skip "a real folder is packed" "no $DATA"
fi
