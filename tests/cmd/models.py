#!/usr/bin/env python3
"""Writes small whole models of the llama architecture for the tests of packing: GGUF files and checkpoints of llama2.c.

    models.py cases FOLDER      NAME.gguf, and FOLDER/cases.tsv: NAME, exit code, RULE or -, TEXT or -, options, tab-separated
    models.py llama2c FOLDER    checkpoints, and FOLDER/cases.tsv likewise
    models.py parts FOLDER      folders with the parts of split models, and FOLDER/cases.tsv likewise
    models.py vast FILE         a checkpoint of llama2.c of 134 MB that takes no room on the disk
    models.py seeds FOLDER      FOLDER/pack and FOLDER/llama2c: a choice of both, as seeds of fuzzers
    models.py tensors FILE      prints NAME, dtype number, dimensions and SHA-256 of each tensor of a GGUF file
    models.py lost FILE OTHER   prints what the GGUF file OTHER has not as FILE has it: tensors, and pairs that make the model
"""

import hashlib
import os
import random
import struct
import sys

from build import ARR, BOOL, F32, F64, I8, I32, I64, STR, U8, U16, U32, U64, FORMS, encode, text

BLOCKS = {0: (1, 4), 1: (1, 2), 2: (32, 18), 8: (32, 34), 14: (256, 210), 30: (1, 2)}
SETTINGS = {"block_count": 2, "context_length": 64, "embedding_length": 32, "feed_forward_length": 64,
            "attention.head_count": 4, "attention.head_count_kv": 2}
PIECES = ["<unk>", "<s>", "</s>", "<0x41>", "▁a", "b", "▁ab", ""]
BPE = ["a", "b", "c", "ab", "abc", "Ġ", "Ġa", "<|end|>"]


def facts():
    pairs = {"general.architecture": (STR, "llama"), "general.name": (STR, "Klein 1 ä")}
    pairs.update({"llama." + key: (U32, value) for key, value in SETTINGS.items()})
    pairs["llama.attention.layer_norm_rms_epsilon"] = (F32, 1e-5)
    return pairs


def scored():
    return {"tokenizer.ggml.model": (STR, "llama"), "tokenizer.ggml.tokens": (ARR, (STR, PIECES)),
            "tokenizer.ggml.scores": (ARR, (F32, [0.0, 0.0, 0.0, 0.0, -1.0, -2.5, -3.0, -4.0])),
            "tokenizer.ggml.token_type": (ARR, (I32, [2, 3, 3, 6, 1, 1, 1, 5])), "tokenizer.ggml.bos_token_id": (U32, 1),
            "tokenizer.ggml.eos_token_id": (U32, 2), "tokenizer.ggml.unknown_token_id": (U32, 0),
            "tokenizer.ggml.padding_token_id": (U32, 0xFFFFFFFF), "tokenizer.ggml.add_space_prefix": (BOOL, 1)}


def merged():
    return {"tokenizer.ggml.model": (STR, "gpt2"), "tokenizer.ggml.pre": (STR, "gpt-2"), "tokenizer.ggml.tokens": (ARR, (STR, BPE)),
            "tokenizer.ggml.token_type": (ARR, (I32, [1, 1, 1, 1, 1, 1, 1, 3])),
            "tokenizer.ggml.merges": (ARR, (STR, ["a b", "ab c", "Ġ a"])), "tokenizer.ggml.eos_token_id": (U32, 7),
            "tokenizer.ggml.add_bos_token": (BOOL, 0)}


def tensors(blocks=2, e=32, f=64, heads=4, kv=2, vocab=8, key=8, value=8, dtype=0, output=False, biases=False):
    """NAME: (dimensions, dtype); vectors are always f32."""
    found = {"token_embd.weight": ([e, vocab], dtype), "output_norm.weight": ([e], 0)}
    if output:
        found["output.weight"] = ([e, vocab], dtype)
    for n in range(blocks):
        b = f"blk.{n}."
        found.update({b + "attn_norm.weight": ([e], 0), b + "attn_q.weight": ([e, heads * key], dtype),
                      b + "attn_k.weight": ([e, kv * key], dtype), b + "attn_v.weight": ([e, kv * value], dtype),
                      b + "attn_output.weight": ([heads * value, e], dtype), b + "ffn_norm.weight": ([e], 0),
                      b + "ffn_gate.weight": ([e, f], dtype), b + "ffn_up.weight": ([e, f], dtype), b + "ffn_down.weight": ([f, e], dtype)})
        if biases:
            found.update({b + "attn_q.bias": ([heads * key], 0), b + "attn_k.bias": ([kv * key], 0), b + "attn_v.bias": ([kv * value], 0),
                          b + "attn_output.bias": ([e], 0), b + "ffn_down.bias": ([e], 0)})
    return found


def half(source):
    """A small f16 number, never NaN."""
    return struct.pack("<H", source.choice([0, 0x8000]) | source.randrange(0x2000, 0x3C00))


def contents(name, dims, dtype):
    source = random.Random(name)
    count = 1
    for dim in dims:
        count *= dim
    if dtype == 0:
        return b"".join(struct.pack("<f", source.gauss(0, 0.5)) for _ in range(count))
    if dtype == 1:
        return b"".join(half(source) for _ in range(count))
    if dtype == 30:
        return b"".join(struct.pack("<f", source.gauss(0, 0.5))[2:] for _ in range(count))
    block, size = BLOCKS[dtype]
    return b"".join(half(source) + source.randbytes(size - 2) for _ in range(count // block))


def gguf(pairs, table, alignment=32, version=3, given=None):
    """GIVEN: name to bytes, for tensors whose content matters."""
    meta = b"".join(text(key) + struct.pack("<I", kind) + encode(kind, value) for key, (kind, value) in pairs.items())
    head, data = b"", b""
    for name, (dims, dtype) in table.items():
        head += text(name) + struct.pack("<I", len(dims)) + b"".join(struct.pack("<Q", dim) for dim in dims)
        head += struct.pack("<IQ", dtype, len(data))
        data += (given or {}).get(name) or contents(name, dims, dtype)
        data += bytes(-len(data) % alignment)
    head = b"GGUF" + struct.pack("<IQQ", version, len(table), len(pairs)) + meta + head
    return head + bytes(-len(head) % alignment) + data


def put(path, data):
    with open(path, "wb") as out:
        out.write(data)


class Cases:
    def __init__(self, folder, suffix):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.suffix, self.lines = folder, suffix, []

    def add(self, name, data, code=0, rule="-", said="-", options="-"):
        if data is not None:
            put(os.path.join(self.folder, name + self.suffix), data)
        self.lines.append("\t".join([name, str(code), rule, said, options]))

    def finish(self):
        put(os.path.join(self.folder, "cases.tsv"), "".join(line + "\n" for line in self.lines).encode())


def cases(folder):
    out = Cases(folder, ".gguf")
    plain = {**facts(), **scored()}
    bpe = {**facts(), **merged()}

    def good(name, pairs=None, table=None, **how):
        out.add(name, gguf(pairs or plain, table or tensors(), **how))

    good("plain")
    good("merges", bpe)
    good("output", table=tensors(output=True))
    good("biases", table=tensors(biases=True))
    for dtype, name in [(1, "f16"), (30, "bf16"), (8, "q8_0"), (2, "q4_0")]:
        good(name, {**plain, "general.file_type": (U32, {1: 1, 30: 32, 8: 7, 2: 2}[dtype]), "general.quantization_version": (U32, 2)},
             tensors(dtype=dtype))
    good("mixed", table={**tensors(dtype=8), "blk.0.ffn_down.weight": ([64, 32], 1), "blk.1.ffn_up.weight": ([32, 64], 30)})
    good("version-2", version=2)
    good("aligned", {**plain, "general.alignment": (U32, 256)}, alignment=256)
    good("scaled", {**plain, "llama.rope.freq_base": (F32, 500000.0), "llama.rope.scaling.type": (STR, "linear"), "llama.rope.scaling.factor": (F32, 2.5)})
    good("scaled-none", {**plain, "llama.rope.scaling.type": (STR, "none")})
    good("scaled-untyped", {**plain, "llama.rope.scaling.factor": (F32, 8.0)})
    good("unsplit", {**plain, "split.no": (U16, 0), "split.count": (U16, 1), "split.tensors.count": (I32, len(tensors()))})
    good("typed", {**plain, "general.type": (STR, "model"), "general.license": (STR, "MIT")})
    good("numbers", {**plain, "llama.block_count": (I64, 2), "llama.context_length": (U8, 64), "llama.vocab_size": (U64, 8)})
    good("lengths", {**plain, "llama.attention.key_length": (U32, 16), "llama.attention.value_length": (U32, 4), "llama.rope.dimension_count": (U32, 8)},
         tensors(key=16, value=4))
    good("odd-rows", {**plain, "llama.feed_forward_length": (U32, 40)}, tensors(f=40))
    good("zero-epsilon", {**plain, "llama.attention.layer_norm_rms_epsilon": (F32, 0.0)})
    good("bare-tokenizer", {**facts(), "tokenizer.ggml.model": (STR, "gpt2"), "tokenizer.ggml.tokens": (ARR, (STR, BPE))})

    def key(name, change, said, options="-", rule="pack-key", base=plain, code=1):
        pairs = {**base, **change}
        out.add(name, gguf({k: v for k, v in pairs.items() if v}, tensors()), code, rule, said, options)

    def droppable(name, change, base=plain, rule="pack-key"):
        which = next(iter(change))
        key(name, change, which, rule=rule, base=base)
        out.add(name, None, 0, "pack-dropped", "leaves out " + which, "--drop " + which)
        out.add(name, None, 0, "pack-dropped", "leaves out " + which, "--drop " + which[:-2] + "*")
        out.add(name, None, 1, rule, which, "--drop " + which[:-1])

    droppable("template", {"tokenizer.chat_template": (STR, "{{ x }}")})
    droppable("named-template", {"tokenizer.chat_template.tool": (STR, "{{ x }}")})
    droppable("address", {"general.url": (STR, "https://example.org")})
    droppable("address-in-name", {"general.name": (STR, "see https://example.org")})
    droppable("lines-in-name", {"general.name": (STR, "a\nb")})
    droppable("empty-name", {"general.name": (STR, "")})
    droppable("spaced-name", {"general.name": (STR, " a")})
    droppable("wide-name", {"general.name": (STR, "a" * 1025)})
    droppable("broken-name", {"general.name": (STR, b"a\xff")})
    droppable("number-as-name", {"general.name": (U32, 1)})
    droppable("adapter", {"general.type": (STR, "adapter")})
    droppable("old-quantization", {"general.quantization_version": (U32, 1)})
    droppable("experts", {"llama.expert_count": (U32, 2)})
    droppable("odd-rope", {"llama.rope.scaling.type": (STR, "yarn")})
    droppable("zero-rope", {"llama.rope.freq_base": (F32, 0.0)})
    droppable("wide-rope", {"llama.rope.freq_base": (F64, 10000.0)})
    droppable("other-split", {"split.tensors.count": (I32, 3)})
    droppable("other-key", {"x.y": (ARR, (STR, ["a"]))})
    droppable("precompiled", {"tokenizer.ggml.precompiled_charsmap": (ARR, (U8, [1]))}, rule="pack-tokenizer")
    droppable("id-as-text", {"tokenizer.ggml.mask_token_id": (STR, "1")}, rule="pack-tokenizer")
    droppable("id-below-zero", {"tokenizer.ggml.mask_token_id": (I8, -1)}, rule="pack-tokenizer")
    droppable("switch-as-number", {"tokenizer.ggml.add_sep_token": (U32, 1)}, rule="pack-tokenizer")
    droppable("long-key", {"tokenizer.ggml." + "x" * 44: (U32, 1)}, rule="pack-tokenizer")
    droppable("merges-and-scores", {"tokenizer.ggml.merges": (ARR, (STR, ["▁a b"]))}, rule="pack-tokenizer")
    key("longest-key", {"tokenizer.ggml." + "x" * 60000: (U32, 1)}, "tokenizer.ggml.xxxx", rule="pack-tokenizer")

    key("per-layer", {"llama.attention.head_count_kv": (ARR, (U32, [2, 2]))}, "llama.attention.head_count_kv")
    key("no-blocks", {"llama.block_count": (U32, 0)}, "llama.block_count")
    key("many-blocks", {"llama.block_count": (U32, 65536)}, "llama.block_count")
    key("no-epsilon", {"llama.attention.layer_norm_rms_epsilon": None}, "layer_norm_rms_epsilon, found none")
    key("broken-epsilon", {"llama.attention.layer_norm_rms_epsilon": (F32, float("nan"))}, "llama.attention.layer_norm_rms_epsilon")
    key("endless-base", {"llama.rope.freq_base": (F32, float("inf"))}, "llama.rope.freq_base")
    key("linear-alone", {"llama.rope.scaling.type": (STR, "linear")}, "rope.scaling.factor beside")
    key("none-and-factor", {"llama.rope.scaling.type": (STR, "none"), "llama.rope.scaling.factor": (F32, 2.0)}, "rope.scaling.factor beside")
    key("yarn-and-factor", {"llama.rope.scaling.type": (STR, "yarn"), "llama.rope.scaling.factor": (F32, 2.0)}, "--drop llama.rope.scaling.factor",
        "--drop llama.rope.scaling.type")
    out.add("yarn-and-factor", None, 0, "pack-dropped", "leaves out llama.rope.scaling.factor", "--drop llama.rope.scaling.*")
    key("no-architecture", {"general.architecture": None}, "general.architecture, found none")
    key("other-architecture", {"general.architecture": (STR, "gemma3")}, "found 'gemma3'", rule="pack-source")
    key("part", {"split.no": (U16, 0), "split.count": (U16, 3), "split.tensors.count": (I32, 60)}, "found a part of 3", rule="pack-source")
    key("no-count", {"llama.embedding_length": None}, "embedding-length", rule="slm-facts")
    key("odd-heads", {"llama.attention.head_count_kv": (U32, 3)}, "head-count-kv", rule="slm-facts")
    key("other-vocabulary", {"llama.vocab_size": (U32, 9)}, "vocab-size", rule="slm-facts")

    several = {"general.url": (STR, "x"), "general.tags": (ARR, (STR, ["a"])), "tokenizer.chat_template": (STR, "x"), "tokenizer.ggml.suffix": (STR, "x")}
    for which in several:
        key("several", several, which, rule="pack-tokenizer" if which.endswith("suffix") else "pack-key")
    key("several", several, "general.url", "--drop general.tags --drop tokenizer.*")
    key("several", several, "leaves out general.tags", "--drop general.* --drop tokenizer.*", rule="pack-dropped", code=0)

    def words(name, change, said, base=bpe, rule="pack-tokenizer"):
        key(name, change, said, rule=rule, base=base)

    words("no-model", {"tokenizer.ggml.model": None}, "found no tokenizer.ggml.model")
    words("no-tokens", {"tokenizer.ggml.tokens": None, "tokenizer.ggml.token_type": None}, "found no tokenizer.ggml.tokens")
    words("wordpiece", {"tokenizer.ggml.model": (STR, "bert")}, "found 'bert'")
    words("odd-pre", {"tokenizer.ggml.pre": (STR, "GPT 2")}, "found 'GPT 2'")
    words("number-pre", {"tokenizer.ggml.pre": (U32, 2)}, "tokenizer.ggml.pre")
    words("type-7", {"tokenizer.ggml.token_type": (ARR, (I32, [1, 1, 1, 1, 1, 1, 1, 7]))}, "found 7 for token 7")
    words("type-257", {"tokenizer.ggml.token_type": (ARR, (I32, [1, 1, 1, 257, 1, 1, 1, 1]))}, "found 257 for token 3")
    words("whole-merge", {"tokenizer.ggml.merges": (ARR, (STR, ["a b", "abc"]))}, "found 'abc' as merge 1, which has no space")
    words("left-of-merge", {"tokenizer.ggml.merges": (ARR, (STR, ["a b", "x b"]))}, "found 'x b' as merge 1, whose left half")
    words("right-of-merge", {"tokenizer.ggml.merges": (ARR, (STR, ["a b", "a x"]))}, "found 'a x' as merge 1, whose right half")
    words("merge-twice", {"tokenizer.ggml.merges": (ARR, (STR, ["a b", "a b"]))}, "merge", rule="slm-tokenizer")
    words("piece-twice", {"tokenizer.ggml.tokens": (ARR, (STR, ["a", "b", "c", "ab", "abc", "Ġ", "Ġa", "a"]))}, "piece", rule="slm-tokenizer")
    words("id-too-large", {"tokenizer.ggml.eos_token_id": (U32, 8)}, "eos_token_id", rule="slm-tokenizer")
    words("score-not-finite", {"tokenizer.ggml.scores": (ARR, (F32, [0, 0, 0, 0, 0, 0, 0, float("inf")]))}, "score", base=plain, rule="slm-tokenizer")

    def table(name, change, said, rule="pack-tensor", pairs=plain, code=1, options="-", given=None):
        found = {**tensors(), **change}
        out.add(name, gguf(pairs, {k: v for k, v in found.items() if v}, given=given), code, rule, said, options)

    table("frequencies", {"rope_freqs.weight": ([4], 0)}, "found 'rope_freqs.weight'")
    table("other-tensor", {"v.position": ([4], 0)}, "found 'v.position'")
    table("k-quants", {"token_embd.weight": ([256, 8], 14)}, "found q6_k")
    table("no-norm", {"output_norm.weight": None}, "output_norm.weight", rule="slm-table")
    table("no-query", {"blk.1.attn_q.weight": None}, "blk.1.attn_q.weight", rule="slm-table")
    table("one-bias", {"blk.1.attn_q.bias": ([32], 0)}, "blk.0.attn_q.bias", rule="slm-table")
    table("block-2", {"blk.2.attn_q.weight": ([32, 32], 0)}, "blk.2.attn_q.weight", rule="slm-table")
    table("other-size", {"blk.1.attn_k.weight": ([32, 32], 0)}, "blk.1.attn_k.weight", rule="slm-table")
    table("vector-as-matrix", {"output_norm.weight": ([32, 1], 0)}, "output_norm.weight", rule="slm-table")
    table("pieces", {"token_embd.weight": ([32, 9], 0)}, "vocab-size", rule="slm-facts")
    endless = struct.pack("<f", float("inf")) + contents("x", [32 * 8 - 1], 0)
    table("endless", {}, "output_norm", rule="-", code=0, given={"token_embd.weight": endless})
    out.lines.pop()
    out.add("endless", None, 0)
    out.add("endless", None, 1, "pack-tensor", "token_embd.weight", "--quantize q8_0")
    out.add("endless", None, 1, "pack-tensor", "token_embd.weight", "--quantize q4_0")
    vast = struct.pack("<f", 3e38) + contents("x", [32 * 8 - 1], 0)
    table("vast", {}, "token_embd.weight", options="--quantize q8_0", given={"token_embd.weight": vast})
    out.finish()


def llama2c(folder):
    out = Cases(folder, ".bin")

    def weights(e=32, f=64, layers=2, heads=4, kv=2, vocab=8, length=16, own=False, extra=b"", less=0):
        kv_size = e // heads * kv
        sizes = [vocab * e] + [layers * size for size in (e, e * e, e * kv_size, e * kv_size, e * e, e, e * f, f * e, e * f)] + [e]
        sizes += [length * (e // heads // 2)] * 2 + ([vocab * e] if own else [])
        source = random.Random(1)
        data = struct.pack("<7i", e, f, layers, heads, kv, -vocab if own else vocab, length)
        for size in sizes:
            data += b"".join(struct.pack("<f", source.gauss(0, 0.5)) for _ in range(size))
        return data[:len(data) - less] + extra

    out.add("plain", weights())
    out.add("own", weights(own=True))
    out.add("longer", weights(extra=b"\0\0\0\0"), 1, "pack-source", "found 4 more bytes")
    out.add("shorter", weights(less=1), 1, "pack-source", "freq_cis_imag")
    out.add("much-shorter", weights(less=2 ** 14), 1, "pack-source", "expected a checkpoint of llama2.c")
    out.add("more-pieces", weights(vocab=9), 0, "pack-tokenizer", "adds 1 unused")
    out.add("fewer-pieces", weights(vocab=7), 1, "pack-tokenizer", "at most 7 pieces")
    for place, name in enumerate(["dim", "hidden_dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "seq_len"]):
        head = struct.unpack("<7i", weights()[:28])
        for value in [0] + ([-1] if name != "vocab_size" else []):
            put_in = head[:place] + (value,) + head[place + 1:]
            out.add(f"{name}-{'zero' if value == 0 else 'negative'}", struct.pack("<7i", *put_in) + weights()[28:], 1, "pack-source", name)
    out.add("endless", struct.pack("<7i", *[2 ** 31 - 1] * 2, 65535, 1, 1, 2 ** 31 - 1, 2 ** 31 - 1) + weights()[28:], 1, "pack-source", "token_embd.weight")
    out.add("heads", struct.pack("<7i", 32, 64, 2, 5, 5, 8, 16) + weights()[28:], 1, "pack-source", "multiple of n_heads")
    out.add("later", b"24ka" + weights()[4:], 1, "pack-source", "later export")
    out.add("tiny", b"\0\1", 1, "pack-source", "shorter than the header")
    out.finish()


def vast(path):
    e, f, heads, vocab, length = 1024, 9216, 16, 8, 64
    count = vocab * e + e + 4 * e * e + e + 3 * e * f + e + 2 * length * (e // heads // 2)
    with open(path, "wb") as out:
        out.write(struct.pack("<7i", e, f, 1, heads, heads, vocab, length))
        out.truncate(28 + 4 * count)


def parts(folder):
    """Folders: NAME/*.gguf, and cases.tsv; `parts` is the whole model `plain`."""
    out = Cases(folder, "")
    table = list(tensors().items())

    def split(name, change=None, code=1, said="-", rule="pack-source", drop=(), extra=(), empty_first=False, options="-"):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        shares = [[], table[:12], table[12:]] if empty_first else [table[:5], table[5:12], table[12:]]
        for n, share in enumerate(shares):
            pairs = {**facts(), **scored()} if n == 0 else {}
            pairs.update({"split.no": (U16, n), "split.count": (U16, 3), "split.tensors.count": (I32, len(table))})
            pairs.update((change or {}).get(n, {}))
            if n not in drop:
                put(os.path.join(folder, name, f"m-{n + 1:05}-of-00003.gguf"), gguf(pairs, dict(share)))
        for file in extra:
            put(os.path.join(folder, name, file), gguf({**facts(), **scored()}, tensors()))
        out.add(name, None, code, rule, said, options)

    split("parts", code=0, rule="-")
    split("tensorless-first", code=0, rule="-", empty_first=True)
    split("named-parts", {2: {"general.architecture": (STR, "llama")}}, code=0, rule="-")
    split("missing", drop=[1], said="found 2 files of which one has 3")
    split("surplus", extra=["x.gguf"], said="found 4 files")
    split("twice", {2: {"split.no": (U16, 1)}}, said="found split.no 1 twice")
    split("beyond", {2: {"split.no": (U16, 3)}}, said="found split.no 3")
    split("total", {n: {"split.tensors.count": (I32, 21)} for n in range(3)}, said="expected 21 tensors in all parts")
    split("totals", {2: {"split.tensors.count": (I32, 21)}}, said="split.tensors.count of the other parts")
    split("facts-behind", {1: {"llama.block_count": (U32, 2)}}, rule="pack-key", said="llama.block_count")
    split("name-behind", {1: {"general.name": (STR, "b")}}, rule="pack-key", said="general.name")
    split("tokenizer-behind", {2: {"tokenizer.ggml.model": (STR, "llama")}}, rule="pack-key", said="tokenizer.ggml.model")
    split("other-architecture", {2: {"general.architecture": (STR, "gemma3")}}, said="found 'gemma3'")
    split("other-split-key", {1: {"split.hash": (STR, "x")}}, rule="pack-key", said="split.hash")
    out.finish()


def seeds(folder):
    os.makedirs(folder, exist_ok=True)
    cases(os.path.join(folder, "pack"))
    llama2c(os.path.join(folder, "llama2c"))


# ---- reading ----

def parse(data):
    at = 24
    version, tensor_count, pair_count = struct.unpack("<IQQ", data[4:24])

    def take(form):
        nonlocal at
        value = struct.unpack_from("<" + form, data, at)[0]
        at += struct.calcsize("<" + form)
        return value

    def string():
        nonlocal at
        length = take("Q")
        at += length
        return data[at - length:at]

    def skip(kind):
        nonlocal at
        if kind == STR:
            string()
        elif kind == ARR:
            inner, count = take("I"), take("Q")
            for _ in range(count):
                skip(inner)
        else:
            at += struct.calcsize(FORMS[kind])

    pairs, table = {}, []
    for _ in range(pair_count):
        key, kind = string().decode(), take("I")
        begin = at
        skip(kind)
        pairs[key] = (kind, data[begin:at])
    for _ in range(tensor_count):
        name = string().decode()
        dims = [take("Q") for _ in range(take("I"))]
        table.append((name, take("I"), dims, take("Q")))
    alignment = struct.unpack("<I", pairs["general.alignment"][1])[0] if "general.alignment" in pairs else 32
    begin, found = at + -at % alignment, []
    for name, dtype, dims, offset in table:
        block, size = BLOCKS[dtype]
        count = size
        for dim in dims:
            count *= dim
        found.append((name, dtype, dims, data[begin + offset:begin + offset + count // block]))
    return pairs, found


def whole(kind, value):
    """Whole numbers are the same whatever their width."""
    return struct.unpack(FORMS[kind], value)[0] if kind in (U8, I8, U16, U32, I32, U64, I64) else (kind, value)


def lost(path, other):
    (pairs, table), (other_pairs, other_table) = read(path), read(other)
    for key, (kind, value) in pairs.items():
        if key.startswith(("llama.", "tokenizer.ggml.")) or key in ("general.architecture", "general.name", "general.license"):
            if key not in other_pairs or whole(kind, value) != whole(*other_pairs[key]):
                print(key)
    if sorted(table) != sorted(other_table):
        print("tensors")


def read(path):
    with open(path, "rb") as source:
        return parse(source.read())


def main():
    what, *paths = sys.argv[1:]
    if what == "tensors":
        for name, dtype, dims, data in sorted(read(paths[0])[1]):
            print(name, dtype, ",".join(map(str, dims)), hashlib.sha256(data).hexdigest())
    else:
        {"cases": cases, "llama2c": llama2c, "parts": parts, "vast": vast, "seeds": seeds, "lost": lost}[what](*paths)


if __name__ == "__main__":
    main()
