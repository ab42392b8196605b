"""Folders as transformers write them, for the tests of slm-pack, and what a .slm made from one has to hold.

    folder.py make DIR [VARIANT]   writes a model of the variant (a function below), deterministic, of a few kilobytes
    folder.py check DIR FILE.slm   compares every tensor, row by row in .slm's order
    folder.py tokenizer FILE.slm   prints the tokenizer section as JSON
    folder.py seeds DIR            writes what fuzzers of tokenizers and config.json begin with
"""
import json
import os
import random
import struct
import sys

BLOCKS, WIDTH, FEED, HEADS, GROUPS, PIECES = 2, 24, 40, 4, 2, 300
HEAD = WIDTH // HEADS  # elements of a head: even, so that it has halves
BYTES = {'F32': 4, 'F16': 2, 'BF16': 2, 'F64': 8, 'I64': 8}


def letters():
    """GPT-2's way to write bytes as letters."""
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [byte for byte in range(256) if byte not in plain]
    table = {byte: chr(byte) for byte in plain}
    table.update({byte: chr(256 + i) for i, byte in enumerate(rest)})
    return [table[byte] for byte in range(256)]


def config():
    return {'architectures': ['LlamaForCausalLM'], 'model_type': 'llama', 'hidden_act': 'silu', 'hidden_size': WIDTH,
            'intermediate_size': FEED, 'max_position_embeddings': 64, 'num_attention_heads': HEADS,
            'num_hidden_layers': BLOCKS, 'num_key_value_heads': GROUPS, 'rms_norm_eps': 1e-06, 'rope_theta': 10000.0,
            'rope_scaling': None, 'tie_word_embeddings': False, 'attention_bias': False, 'mlp_bias': False,
            'vocab_size': PIECES, 'torch_dtype': 'float32', 'use_cache': True, 'bos_token_id': 256, 'eos_token_id': 256}


def shapes():
    """Names and shapes, rows first, of all tensors of config()."""
    found = {'model.embed_tokens.weight': (PIECES, WIDTH), 'model.norm.weight': (WIDTH,), 'lm_head.weight': (PIECES, WIDTH)}
    for block in range(BLOCKS):
        at = f'model.layers.{block}.'
        found.update({at + 'input_layernorm.weight': (WIDTH,), at + 'post_attention_layernorm.weight': (WIDTH,),
                      at + 'self_attn.q_proj.weight': (HEADS * HEAD, WIDTH), at + 'self_attn.k_proj.weight': (GROUPS * HEAD, WIDTH),
                      at + 'self_attn.v_proj.weight': (GROUPS * HEAD, WIDTH), at + 'self_attn.o_proj.weight': (WIDTH, HEADS * HEAD),
                      at + 'mlp.gate_proj.weight': (FEED, WIDTH), at + 'mlp.up_proj.weight': (FEED, WIDTH),
                      at + 'mlp.down_proj.weight': (WIDTH, FEED)})
    return found


def elements(shape):
    count = 1
    for size in shape:
        count *= size
    return count


def tensor(shape, dtype='F32', seed=0):
    """Random bytes of finite numbers."""
    source = random.Random(f'{shape} {dtype} {seed}')
    if dtype == 'F32':
        data = struct.pack(f'<{elements(shape)}f', *(source.uniform(-1, 1) for _ in range(elements(shape))))
    elif dtype in ('F16', 'BF16'):
        data = struct.pack(f'<{elements(shape)}H', *(source.randrange(0x4000) for _ in range(elements(shape))))
    else:
        data = bytes(elements(shape) * BYTES[dtype])
    return dtype, shape, data


def tokenizer():
    """Bytes as letters, a few merges, and a special token."""
    pieces = letters() + ['<|end|>']
    merges = []
    for left, right in ('th', 'he', 'an', 'Ġa'):
        merges.append([left, right])
        pieces.append(left + right)
    merges.append(['th', 'e'])
    pieces.append('the')
    for left in 'bcdfgklm':
        for right in 'aeiou':
            if len(pieces) < PIECES:
                merges.append([left, right])
                pieces.append(left + right)
    return {'version': '1.0', 'truncation': None, 'padding': None,
            'added_tokens': [{'id': 256, 'content': '<|end|>', 'single_word': False, 'lstrip': False, 'rstrip': False,
                              'normalized': False, 'special': True}],
            'normalizer': None, 'pre_tokenizer': {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': True, 'use_regex': True},
            'post_processor': {'type': 'ByteLevel', 'add_prefix_space': True, 'trim_offsets': False, 'use_regex': True},
            'decoder': {'type': 'ByteLevel', 'add_prefix_space': True, 'trim_offsets': True, 'use_regex': True},
            'model': {'type': 'BPE', 'dropout': None, 'unk_token': None, 'continuing_subword_prefix': '', 'end_of_word_suffix': '',
                      'fuse_unk': False, 'byte_fallback': False, 'ignore_merges': False,
                      'vocab': {piece: i for i, piece in enumerate(pieces)}, 'merges': [' '.join(merge) for merge in merges]}}


def spaces():
    """Pieces with U+2581 for spaces and bytes to fall back on, as sentencepiece has them; scores follow from the merges."""
    pieces = ['<unk>', '<s>', '</s>'] + [f'<0x{byte:02X}>' for byte in range(256)]
    merges = [['▁', 'a'], ['t', 'h'], ['▁', 'th'], ['▁t', 'h'], ['▁', 't']]
    pieces += ['▁a', 'th', '▁th', '▁t', '▁', 'a', 't', 'h', 'é']
    merges = [['▁', 'a'], ['t', 'h'], ['▁', 'th'], ['▁t', 'h'], ['▁', 't']]
    special = [{'id': i, 'content': pieces[i], 'single_word': False, 'lstrip': False, 'rstrip': False, 'normalized': False,
                'special': True} for i in range(3)]
    return {'version': '1.0', 'truncation': None, 'padding': None, 'added_tokens': special,
            'normalizer': {'type': 'Sequence', 'normalizers': [{'type': 'Prepend', 'prepend': '▁'},
                                                               {'type': 'Replace', 'pattern': {'String': ' '}, 'content': '▁'}]},
            'pre_tokenizer': None,
            'post_processor': {'type': 'TemplateProcessing',
                               'single': [{'SpecialToken': {'id': '<s>', 'type_id': 0}}, {'Sequence': {'id': 'A', 'type_id': 0}}],
                               'pair': [{'Sequence': {'id': 'A', 'type_id': 0}}, {'Sequence': {'id': 'B', 'type_id': 1}}],
                               'special_tokens': {'<s>': {'id': '<s>', 'ids': [1], 'tokens': ['<s>']}}},
            'decoder': {'type': 'Sequence', 'decoders': [{'type': 'Replace', 'pattern': {'String': '▁'}, 'content': ' '},
                                                         {'type': 'ByteFallback'}, {'type': 'Fuse'},
                                                         {'type': 'Strip', 'content': ' ', 'start': 1, 'stop': 0}]},
            'model': {'type': 'BPE', 'dropout': None, 'unk_token': '<unk>', 'continuing_subword_prefix': None,
                      'end_of_word_suffix': None, 'fuse_unk': True, 'byte_fallback': True, 'ignore_merges': False,
                      'vocab': {piece: i for i, piece in enumerate(pieces)}, 'merges': [' '.join(merge) for merge in merges]}}


class Model:
    def __init__(self):
        self.config = config()
        self.tensors = {name: tensor(shape, seed=name) for name, shape in shapes().items()}
        self.tokenizer = tokenizer()
        self.files = {}     # further ones: text by name
        self.shards = 0     # 0: one file without an index
        self.index = None   # what is changed in the index

    def tie(self):
        self.config['tie_word_embeddings'] = True
        del self.tensors['lm_head.weight']

    def bias(self, *parts):
        for block in range(BLOCKS):
            for part in parts:
                rows = self.tensors[f'model.layers.{block}.{part}.weight'][1][0]
                self.tensors[f'model.layers.{block}.{part}.bias'] = tensor((rows,), seed=part)


ATTENTION = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.o_proj']
QWEN2 = ("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|"
         "\\s+(?!\\S)|\\s+")
LLAMA3 = QWEN2.replace('\\p{N}|', '\\p{N}{1,3}|', 1)


def split(pattern, **more):
    return {'type': 'Sequence', 'pretokenizers': [
        {'type': 'Split', 'pattern': {'Regex': pattern}, 'behavior': 'Isolated', 'invert': False, **more},
        {'type': 'ByteLevel', 'add_prefix_space': False, 'trim_offsets': False, 'use_regex': False}]}


# ---- variants: each changes a Model ----

def plain(m): pass
def tied(m): m.tie()
def tied_copy(m): m.config['tie_word_embeddings'] = True; m.tensors['lm_head.weight'] = m.tensors['model.embed_tokens.weight']
def tied_other(m): m.config['tie_word_embeddings'] = True
def untied_without(m): del m.tensors['lm_head.weight']
def sharded(m): m.shards = 3
def bf16(m): m.tensors = {n: tensor(t[1], 'BF16' if len(t[1]) > 1 else 'F32', n) for n, t in m.tensors.items()}
def f16(m): m.tensors = {n: tensor(t[1], 'F16', n) for n, t in m.tensors.items()}
def f64(m): m.tensors['model.norm.weight'] = tensor((WIDTH,), 'F64')
def biases(m): m.config.update(attention_bias=True, mlp_bias=True); m.bias(*ATTENTION, 'mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj')
def bias_unused(m): m.bias(*ATTENTION)
def bias_lacking(m): m.config['attention_bias'] = True
def inv_freq(m): m.tensors['model.layers.0.self_attn.rotary_emb.inv_freq'] = tensor((HEAD // 2,))
def extra_tensor(m): m.tensors['model.layers.0.self_attn.q_norm.weight'] = tensor((HEAD,))
def lacking_tensor(m): del m.tensors['model.layers.1.mlp.up_proj.weight']
def wrong_shape(m): m.tensors['model.layers.1.mlp.up_proj.weight'] = tensor((WIDTH, FEED))
def head_dim(m):
    m.config['head_dim'] = 8
    for n, t in list(m.tensors.items()):
        if '_proj' in n and 'self_attn' in n:
            heads = GROUPS if 'k_proj' in n or 'v_proj' in n else HEADS
            m.tensors[n] = tensor((WIDTH, heads * 8) if 'o_proj' in n else (heads * 8, WIDTH), seed=n)
def one_group(m):
    del m.config['num_key_value_heads']
    for n, t in list(m.tensors.items()):
        if 'k_proj' in n or 'v_proj' in n:
            m.tensors[n] = tensor((HEADS * HEAD, WIDTH), seed=n)

def rope_linear(m): m.config['rope_scaling'] = {'type': 'linear', 'factor': 2.0}
def rope_five(m): del m.config['rope_theta'], m.config['rope_scaling']; m.config['rope_parameters'] = {'rope_theta': 500000.0, 'rope_type': 'default'}
def rope_twice(m): m.config['rope_parameters'] = {'rope_theta': 500000.0, 'rope_type': 'default'}
def rope_llama3(m): m.config['rope_scaling'] = {'rope_type': 'llama3', 'factor': 8.0, 'low_freq_factor': 1.0, 'high_freq_factor': 4.0, 'original_max_position_embeddings': 8192}
def rope_yarn(m): m.config['rope_scaling'] = {'rope_type': 'yarn', 'factor': 2.0}
def rope_zero(m): m.config['rope_scaling'] = {'rope_type': 'linear', 'factor': 0}
def sliding(m): m.config['sliding_window'] = 4096
def quantized(m): m.config['quantization_config'] = {'bits': 4}
def unknown_key(m): m.config['logit_scale'] = 0.5
def two_keys(m): m.config.update(logit_scale=0.5, embedding_multiplier=12)
def code(m): m.config['auto_map'] = {'AutoModel': 'x.y'}
def gelu(m): m.config['hidden_act'] = 'gelu'
def mistral(m): m.config['model_type'] = 'mistral'
def no_type(m): del m.config['model_type']
def no_layers(m): del m.config['num_hidden_layers']
def no_epsilon(m): del m.config['rms_norm_eps']
def many_layers(m): m.config['num_hidden_layers'] = 65536
def negative(m): m.config['hidden_size'] = -24
def half_rotation(m): m.config['partial_rotary_factor'] = 0.5
def one_rotation(m): m.config['partial_rotary_factor'] = 1.0
def parallel(m): m.config['pretraining_tp'] = 2
def layer_types(m): m.config['layer_types'] = ['full_attention', 'full_attention']
def sliding_layers(m): m.config['layer_types'] = ['full_attention', 'sliding_attention']
def odd_heads(m): m.config['num_attention_heads'] = 24
def twice(m): m.files['config.json'] = json.dumps(config())[:-1] + ', "hidden_size": 24}'
def no_config(m): m.files['config.json'] = None
def no_tokenizer(m): m.tokenizer = None

def template(m): m.files['tokenizer_config.json'] = json.dumps({'chat_template': '{{ messages }}'})
def template_file(m): m.files['chat_template.jinja'] = '{{ messages }}'
def both(m): m.shards = 2; m.files['model.safetensors'] = 'x'
def no_weights(m): m.tensors = {}; m.files['model.safetensors'] = None
def indexed_whole(m): m.shards = 1
def index_less(m): m.shards = 2; m.index = lambda i: i['weight_map'].popitem()
def index_more(m): m.shards = 2; m.index = lambda i: i['weight_map'].update({'no.such.tensor': 'model-00001-of-00002.safetensors'})
def index_absent(m): m.shards = 2; m.index = lambda i: i['weight_map'].update({'model.norm.weight': 'model-00003-of-00002.safetensors'})
def index_outside(m): m.shards = 2; m.index = lambda i: i['weight_map'].update({'model.norm.weight': '../model.safetensors'})

# tokenizer.json
def token_pairs(m): m.tokenizer['model']['merges'] = [merge.split(' ') for merge in m.tokenizer['model']['merges']]
def token_old(m): del m.tokenizer['model']['type'], m.tokenizer['model']['ignore_merges'], m.tokenizer['model']['byte_fallback']
def token_mpt(m): m.tokenizer['normalizer'] = {'type': 'NFC'}
def token_digits(m): m.tokenizer['pre_tokenizer'] = {'type': 'Sequence', 'pretokenizers': [{'type': 'Digits', 'individual_digits': True}, m.tokenizer['pre_tokenizer']]}
def token_qwen2(m): m.tokenizer['pre_tokenizer'] = split(QWEN2); m.tokenizer['normalizer'] = {'type': 'NFC'}
def token_llama3(m): m.tokenizer['pre_tokenizer'] = split(LLAMA3); m.tokenizer['model']['ignore_merges'] = True
def token_removed(m): m.tokenizer['pre_tokenizer'] = split(LLAMA3, behavior='Removed', invert=True); m.tokenizer['model']['ignore_merges'] = True
def token_other_split(m): m.tokenizer['pre_tokenizer'] = split('\\p{L}+')
def token_prefix(m): m.tokenizer['pre_tokenizer']['add_prefix_space'] = True
def token_lower(m): m.tokenizer['normalizer'] = {'type': 'Lowercase'}
def token_wordpiece(m): m.tokenizer['model'].update(type='WordPiece', max_input_chars_per_word=100)
def token_wordlevel(m): m.tokenizer['model']['type'] = 'WordLevel'
def token_dropout(m): m.tokenizer['model']['dropout'] = 0.1
def token_suffix(m): m.tokenizer['model']['end_of_word_suffix'] = '</w>'
def token_lstrip(m): m.tokenizer['added_tokens'][0]['lstrip'] = True
def token_gap(m): m.tokenizer['model']['vocab']['gap'] = PIECES + 5
def token_same_id(m): m.tokenizer['model']['vocab']['same'] = 5
def token_moved(m): m.tokenizer['added_tokens'][0]['id'] = 3
def token_long(m): m.tokenizer['model']['vocab']['x' * 5000] = PIECES
def token_merge(m): m.tokenizer['model']['merges'].append('no such')
def token_merge_half(m): m.tokenizer['model']['merges'].append('nospace')
def token_merge_twice(m): m.tokenizer['model']['merges'].append(m.tokenizer['model']['merges'][0])
def token_version(m): m.tokenizer['version'] = '2.0'
def token_member(m): m.tokenizer['future'] = None
def token_around(m): m.tokenizer['post_processor'] = {'type': 'BertProcessing', 'sep': ['x', 1], 'cls': ['y', 2]}
def token_truncation(m): m.tokenizer['truncation'] = {'max_length': 8}
def token_name_twice(m): m.files['tokenizer.json'] = json.dumps(tokenizer())[:-1] + ', "version": "1.0"}'
def token_more(m): m.config['vocab_size'] = 299; m.tensors.update({n: tensor((299, WIDTH), seed=n) for n in ('model.embed_tokens.weight', 'lm_head.weight')})
def token_fewer(m): m.config['vocab_size'] = 304; m.tensors.update({n: tensor((304, WIDTH), seed=n) for n in ('model.embed_tokens.weight', 'lm_head.weight')})
def token_added(m):
    token_fewer(m)
    for i in range(4):
        m.tokenizer['added_tokens'].append({'id': PIECES + i, 'content': f'<|{i}|>', 'special': i % 2 == 0})
def token_bos(m): m.files['tokenizer_config.json'] = json.dumps({'bos_token': '<|end|>', 'eos_token': {'content': '<|end|>', 'lstrip': False}, 'add_bos_token': True, 'pad_token': None})
def token_no_bos(m): m.files['tokenizer_config.json'] = json.dumps({'bos_token': '<nowhere>'})
def token_ends(m): m.files['generation_config.json'] = json.dumps({'eos_token_id': [256, 5]})
def token_spaces(m): m.tokenizer = spaces(); m.config.update(bos_token_id=1, eos_token_id=2)
def token_shards(m): token_spaces(m); m.shards = 2; m.files['tokenizer_config.json'] = json.dumps({'bos_token': '<s>'})
def token_metaspace(m): token_spaces(m); m.tokenizer.update(normalizer=None, pre_tokenizer={'type': 'Metaspace', 'replacement': '▁', 'prepend_scheme': 'first', 'split': False})
def token_never(m): token_metaspace(m); m.tokenizer['pre_tokenizer']['prepend_scheme'] = 'never'; m.tokenizer['decoder']['decoders'].pop()
def token_words(m):
    token_metaspace(m)
    m.tokenizer['pre_tokenizer']['split'] = True
    m.tokenizer['model']['vocab']['a▁a'] = len(m.tokenizer['model']['vocab'])
    m.tokenizer['model']['merges'].append('a ▁a')
def token_no_bytes(m): token_spaces(m); m.tokenizer['model']['byte_fallback'] = False
def token_no_spaces(m): token_spaces(m); m.tokenizer['normalizer'] = None
def token_unlisted(m): token_spaces(m); m.tokenizer['model']['merges'].remove('▁t h')
def token_apart(m): token_spaces(m); m.tokenizer['model']['merges'] = ['▁ a', 't h', '▁ th', '▁ t', '▁t h']
def token_contradicts(m): token_spaces(m); m.files['tokenizer_config.json'] = json.dumps({'add_bos_token': False})
def token_other_bos(m): token_spaces(m); m.files['tokenizer_config.json'] = json.dumps({'bos_token': '</s>'})
def token_named(m): m.files['added_tokens.json'] = json.dumps({'<|end|>': 256})
def token_unnamed(m): m.files['added_tokens.json'] = json.dumps({'<|new|>': 300})
def token_prefixed(m): m.files['tokenizer_config.json'] = json.dumps({'add_prefix_space': True})
def token_unprefixed(m): token_spaces(m); m.files['tokenizer_config.json'] = json.dumps({'add_prefix_space': False})
def token_normalized(m): token_spaces(m); m.tokenizer['added_tokens'].append({'id': len(m.tokenizer['model']['vocab']), 'content': '[x]', 'normalized': True, 'special': False})
def token_unigram(m):
    token_metaspace(m)
    m.tokenizer['model'] = {'type': 'Unigram', 'unk_id': 0, 'byte_fallback': True, 'vocab': [[piece, -i / 8] for i, piece in enumerate(spaces()['model']['vocab'])]}
def token_letter(m): token_spaces(m); vocabulary = m.tokenizer['model']['vocab']; vocabulary['aß'] = len(vocabulary)
def token_merged_added(m):
    token_spaces(m)
    vocabulary = m.tokenizer['model']['vocab']
    vocabulary['tha'] = len(vocabulary)
    m.tokenizer['model']['merges'] += ['th a', 't ha']
    vocabulary['ha'] = len(vocabulary)
    m.tokenizer['model']['merges'].append('h a')
    m.tokenizer['added_tokens'].append({'id': vocabulary['tha'], 'content': 'tha', 'special': False, 'normalized': False})
def token_merged_bytes(m):
    token_spaces(m)
    vocabulary = m.tokenizer['model']['vocab']
    vocabulary['<0xC3><0x9F>'] = len(vocabulary)
    m.tokenizer['model']['merges'].append('<0xC3> <0x9F>')
def token_whole_words(m): token_spaces(m); m.tokenizer['model']['ignore_merges'] = True
def tied_empty(m): tied_copy(m); m.tensors['lm_head.weight'] = ('F32', (0, 0, PIECES, WIDTH), b'')
def rope_both(m): m.config['rope_scaling'] = {'type': 'linear', 'factor': 2.0}; m.config['rope_parameters'] = {'rope_type': 'default', 'rope_theta': 10000.0}
def rope_both_default(m): rope_both(m); m.config = dict(reversed(m.config.items()))
def rope_same(m): rope_both(m); m.config['rope_parameters'].update(rope_type='linear', factor=2)
def token_undecoded(m): token_spaces(m); m.tokenizer['decoder'] = None
def token_stripped(m): token_spaces(m); m.tokenizer['decoder']['decoders'][3]['start'] = 7
def token_stripped_more(m): token_spaces(m); m.tokenizer['normalizer'] = m.tokenizer['normalizer']['normalizers'][1]
def token_decoded(m): token_metaspace(m); m.tokenizer['decoder'] = {'type': 'Sequence', 'decoders': [{'type': 'ByteFallback'}, m.tokenizer['pre_tokenizer']]}
def token_bytes(m): token_spaces(m); m.tokenizer['model']['vocab'] = {'<0xab>' if piece == '<0xAB>' else piece: i for piece, i in m.tokenizer['model']['vocab'].items()}
def token_unknown_number(m): token_spaces(m); m.tokenizer['model']['unk_token'] = 5
def token_unknown_twice(m): token_spaces(m); m.tokenizer['model']['unk_id'] = 5
def tokenizer_config(m, **members): m.files['tokenizer_config.json'] = json.dumps(members)
def token_special_not(m): tokenizer_config(m, added_tokens_decoder={'256': {'content': '<|end|>', 'special': False}})
def token_special_unsaid(m): tokenizer_config(m, added_tokens_decoder={'256': {'content': '<|end|>'}})
def token_later_normalized(m): token_spaces(m); tokenizer_config(m, added_tokens_decoder={'268': {'content': '[x]', 'special': False, 'normalized': True}})
def token_space_added(m): token_spaces(m); tokenizer_config(m, added_tokens_decoder={'268': {'content': '▁▁', 'special': False}})
def token_byte_added(m): token_spaces(m); tokenizer_config(m, added_tokens_decoder={'3': {'content': '<0x00>', 'special': True}})
def token_unordered(m):
    token_fewer(m)
    tokenizer_config(m, added_tokens_decoder={str(i): {'content': f'<|{i}|>', 'special': i % 2 == 0} for i in (303, 302, 301, 300)})
def token_class(m): token_spaces(m); m.tokenizer['post_processor'] = None; tokenizer_config(m, tokenizer_class='LlamaTokenizerFast')
def token_class_contradicts(m): token_class(m); m.tokenizer['post_processor'] = spaces()['post_processor']; m.tokenizer['post_processor']['single'].pop(0)
def token_class_says(m): token_class_contradicts(m); tokenizer_config(m, tokenizer_class='LlamaTokenizer', add_bos_token=False)
def token_other_unknown(m): token_spaces(m); tokenizer_config(m, unk_token='</s>')
def token_roles(m): token_spaces(m); m.tokenizer['added_tokens'] = []; tokenizer_config(m, bos_token='<s>', eos_token='</s>', additional_special_tokens=['é'])
def token_further(m): tokenizer_config(m, additional_special_tokens=['<|nowhere|>'])
def token_further_added(m): token_added(m); tokenizer_config(m, additional_special_tokens=['<|1|>'])
def token_maps(m): token_spaces(m); tokenizer_config(m, eos_token='</s>'); m.files['special_tokens_map.json'] = json.dumps({'eos_token': '<s>'})
def token_charsmap(m): token_metaspace(m); m.tokenizer['normalizer'] = {'type': 'Precompiled', 'precompiled_charsmap': 'AAAA'}


def write_safetensors(path, tensors):
    header, at = {'__metadata__': {'format': 'pt'}}, 0
    for name, (dtype, shape, data) in tensors.items():
        header[name] = {'dtype': dtype, 'shape': list(shape), 'data_offsets': [at, at + len(data)]}
        at += len(data)
    text = json.dumps(header).encode()
    text += b' ' * (-len(text) % 8)
    with open(path, 'wb') as f:
        f.write(struct.pack('<Q', len(text)) + text + b''.join(t[2] for t in tensors.values()))


def make(folder, variant):
    m = Model()
    globals()[variant](m)
    os.makedirs(folder, exist_ok=True)
    if m.shards:
        index = {'metadata': {'total_size': sum(len(t[2]) for t in m.tensors.values())}, 'weight_map': {}}
        for i in range(m.shards):
            name = 'model.safetensors' if m.shards == 1 else f'model-{i + 1:05}-of-{m.shards:05}.safetensors'
            part = dict(list(m.tensors.items())[i::m.shards])
            write_safetensors(os.path.join(folder, name), part)
            index['weight_map'].update(dict.fromkeys(part, name))
        if m.index:
            m.index(index)
        m.files['model.safetensors.index.json'] = json.dumps(index)
    else:
        write_safetensors(os.path.join(folder, 'model.safetensors'), m.tensors)
    files = {'config.json': json.dumps(m.config, indent=1)}
    if m.tokenizer:
        files['tokenizer.json'] = json.dumps(m.tokenizer, ensure_ascii=False)
    for name, text in {**files, **m.files}.items():
        path = os.path.join(folder, name)
        if text is None:
            if os.path.exists(path):
                os.remove(path)
            continue
        with open(path, 'w', encoding='utf-8') as f:
            f.write(text)


# ---- sentencepiece's and llama2.c's files, for fuzzers ----

def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def field(number, value):
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack('<f', value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value & 0xffffffffffffffff)
    return varint(number << 3 | 2) + varint(len(value)) + value


def sentencepiece(kind=2, trainer=b'', normalizer=b'', further=b''):
    pieces = [('<unk>', 0.0, 2), ('<s>', 0.0, 3), ('</s>', 0.0, 3)] + [(f'<0x{byte:02X}>', 0.0, 6) for byte in range(256)]
    pieces += [('▁a', -0.0, 1), ('th', -1.0, 1), ('[x▁y]', 0.0, 4)]
    data = b''.join(field(1, field(1, text.encode()) + field(2, score) + (field(3, what) if what != 1 else b'')) for text, score, what in pieces)
    data += field(2, field(3, kind) + field(35, 1) + field(40, 0) + field(41, 1) + field(42, 2) + field(43, -1) + trainer)
    return data + field(3, field(1, b'identity') + field(3, 1) + field(4, 0) + normalizer) + further


def tok_bin(pieces):
    data = [text.encode() for text in pieces]
    return struct.pack('<I', max(map(len, data))) + b''.join(struct.pack('<fI', -float(i), len(text)) + text for i, text in enumerate(data))


def encoder_seed(kind, pieces, text, merges=(), flags=0, switches=0):
    """A tokenizer and a text as fuzz_encoder reads them: pieces are (type, score, text)."""
    named = b''.join(bytes([kind_of - 1, score + 8, len(piece)]) + piece for kind_of, score, piece in pieces)
    joined = b''.join(bytes([number & 255, number >> 8]) for pair in merges for number in pair)
    return bytes([kind, len(pieces), len(merges), flags, switches]) + named + joined + text


def encoder_seeds():
    blank = '\u2581'.encode()
    llama = [(2, 0, b'<unk>'), (3, 0, b'<s>'), (1, -5, blank), (1, -4, b'a'), (1, -4, b'b'), (1, -2, b'ab'), (1, -1, blank + b'a'), (1, -3, b'aa'),
             (1, -3, b'aaaa'), (4, 0, b'<|u|>'), (4, 0, b'aab'), (4, 0, b'ba'), (6, 0, b'<0x0A>'), (6, 0, b'<0xC3>'), (6, 0, b'<0xA9>')]
    words = 'Hello ab, I\'m  12345 abab\n\n "\u00e9\u4e2d" aB '.encode()
    yield 'scores', encoder_seed(0, llama, b' ab aaaaaa<|u|> b\n')
    yield 'added', encoder_seed(0, llama, b'aababa<s>aab<|u|>  a\n', flags=2)
    yield 'around', encoder_seed(0, llama, b'a<|u|>   a', flags=3)
    yield 'joined', encoder_seed(0, llama, b'  a   a ', switches=0x90)
    yield 'nested', encoder_seed(0, [(4, 0, b'a' * i) for i in range(1, 11)], b'a' * 60)
    for way in range(16):
        yield f'way-{way}', encoder_seed(1 + 2 * way, [(1, 0, b'ab'), (1, 0, b'abab'), (4, 0, b'\n\n')], words + b'\xff\xc0\xac',
                                         [(ord('a'), ord('b')), (256, 256), (ord('1'), ord('2'))], flags=1, switches=0x81)


def seeds(folder):
    files = {'tokenizer_model/bpe': sentencepiece(), 'tokenizer_model/unigram': sentencepiece(1),
             'tokenizer_model/charsmap': sentencepiece(normalizer=field(2, b'map')),
             'tokenizer_model/suffix': sentencepiece(trainer=field(24, 1)), 'tokenizer_model/names': sentencepiece(trainer=field(46, b'<s>')),
             'tokenizer_model/further': sentencepiece(further=field(4, b'') + field(5, field(2, b''))),
             'tokenizer_bin/five': tok_bin(['<unk>', '\n<s>\n', '\n</s>\n', '<0x0A>', ' a']),
             'tokenizer_bin/six': tok_bin(['<unk>', '<s>', '</s>', ' the', 'b', 'c'])}
    for name, change in globals().items():
        if name.startswith('token_') and callable(change):
            m = Model()
            change(m)
            files[f'tokenizer_json/{name}'] = json.dumps(m.tokenizer, ensure_ascii=False).encode()
        elif hasattr(change, '__code__') and change.__code__.co_varnames[:1] == ('m',):
            m = Model()
            change(m)
            files[f'llama_config/{name}'] = json.dumps(m.config).encode()
    files.update((f'encoder/{name}', data) for name, data in encoder_seeds())
    for name, data in files.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as f:
            f.write(data)


# ---- reading .slm (docs/formats/slm.md) ----

def sections(path):
    with open(path, 'rb') as f:
        data = f.read()
    return data, [struct.unpack_from('<QQ', data, at) for at in (24, 40, 56, 72)]


def read_tensors(path):
    data, (_, _, table, place) = sections(path)
    count = struct.unpack_from('<Q', data, 88)[0]
    names = table[0] + 96 * count
    dtypes = {0: 'F32', 1: 'F16', 30: 'BF16', 8: 'Q8_0', 2: 'Q4_0'}
    for i in range(count):
        offset, size, *dims, dtype, rank, name, length = struct.unpack_from('<QQ4QIIII', data, table[0] + 96 * i)
        yield (data[names + name:names + name + length].decode(),
               (dtypes[dtype], tuple(reversed(dims[:rank])), data[place[0] + offset:place[0] + offset + size]))


def read_tokenizer(path):
    data, (_, (at, size), _, _) = sections(path)
    kind, flags, pieces, merges, settings, name, texts = struct.unpack_from('<6IQ', data, at)
    at += 32

    def take(form, count):
        nonlocal at
        found = struct.unpack_from(f'<{count}{form}', data, at)
        at += struct.calcsize(f'<{count}{form}')
        return found
    numbers, pairs = take('I', 2 * settings), take('I', 2 * merges)
    scores = take('f', pieces) if flags & 1 else None
    lengths = take('H', pieces)
    types = take('B', pieces) if flags & 2 else None
    words = []
    for length in lengths:
        words.append(data[at:at + length].decode('utf-8', 'surrogateescape'))
        at += length
    return {'kind': {1: 'llama', 2: 'gpt2'}[kind], 'pre': data[at:at + name].decode(), 'settings': dict(zip(numbers[::2], numbers[1::2])),
            'merges': list(zip(pairs[::2], pairs[1::2])), 'scores': scores, 'types': types, 'pieces': words}


def read_safetensors(path):
    with open(path, 'rb') as f:
        data = f.read()
    length = struct.unpack_from('<Q', data)[0]
    for name, entry in json.loads(data[8:8 + length]).items():
        if name != '__metadata__':
            begin, end = entry['data_offsets']
            yield name, (entry['dtype'], tuple(entry['shape']), data[8 + length + begin:8 + length + end])


PARTS = {'input_layernorm': 'attn_norm', 'self_attn.q_proj': 'attn_q', 'self_attn.k_proj': 'attn_k', 'self_attn.v_proj': 'attn_v',
         'self_attn.o_proj': 'attn_output', 'post_attention_layernorm': 'ffn_norm', 'mlp.gate_proj': 'ffn_gate', 'mlp.up_proj': 'ffn_up',
         'mlp.down_proj': 'ffn_down'}
NAMES = {'model.embed_tokens.weight': 'token_embd.weight', 'model.norm.weight': 'output_norm.weight', 'lm_head.weight': 'output.weight'}


def slm_name(name):
    if name in NAMES:
        return NAMES[name]
    block, rest = name.removeprefix('model.layers.').split('.', 1)
    part, what = rest.rsplit('.', 1)
    return f'blk.{block}.{PARTS[part]}.{what}'


def neighbours(data, rows, heads):
    """Rows of each head from two halves into pairs: the first of the first half, the first of the second, and so on."""
    row, head = len(data) // rows, rows // heads
    order = [h * head + i // 2 + i % 2 * (head // 2) for h in range(heads) for i in range(head)]
    return b''.join(data[at * row:(at + 1) * row] for at in order)


def check(folder, path):
    with open(os.path.join(folder, 'config.json'), encoding='utf-8') as f:
        facts = json.load(f)
    heads = facts['num_attention_heads']
    expected = {}
    for file in sorted(os.listdir(folder)):
        if file.endswith('.safetensors'):
            expected.update(read_safetensors(os.path.join(folder, file)))
    expected = {slm_name(n): t for n, t in expected.items() if 'inv_freq' not in n}
    if facts.get('tie_word_embeddings'):
        expected.pop('output.weight', None)
    for name, (dtype, shape, data) in list(expected.items()):
        count = heads if '.attn_q.' in name else facts.get('num_key_value_heads', heads) if '.attn_k.' in name else 0
        if count:
            expected[name] = dtype, shape, neighbours(data, shape[0], count)
    found = dict(read_tensors(path))
    if list(found) != sorted(expected):
        sys.exit(f'expected tensors {sorted(expected)}, found {list(found)}')
    for name, wanted in expected.items():
        if found[name] != wanted:
            sys.exit(f'{name}: expected {wanted[:2]}, found {found[name][:2]}, or other bytes')
    print(len(found))


if __name__ == '__main__':
    if sys.argv[1] == 'make':
        make(sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else 'plain')
    elif sys.argv[1] == 'check':
        check(sys.argv[2], sys.argv[3])
    elif sys.argv[1] == 'seeds':
        seeds(sys.argv[2])
    else:
        json.dump(read_tokenizer(sys.argv[2]), sys.stdout, ensure_ascii=False)
