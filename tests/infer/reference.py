#!/usr/bin/env python3
"""Small models of random weights, and what they mean: logits computed in float64 with numpy, the weights dequantised by the package gguf.

    reference.py make FOLDER            writes FOLDER/NAME.gguf and FOLDER/NAME.npy (logits behind each of TOKENS) for each case, refused ones into FOLDER/refused, and FOLDER/folders as
                                        transformers write them, NAME.txt being empty or what is refused of them
    reference.py compare FOLDER NAME    reads what `logits` answered to `reference.py ask` on standard input
    reference.py ask                    the line that `logits` is asked
    reference.py model FILE DTYPE       a llama of 1.1 thousand million parameters, to be measured (f32, f16, q8_0, q4_0, ...)
"""
import json
import os
import sys

import gguf
import numpy as np

TOKENS = [(i * 7 + 3) % 96 for i in range(40)]
DTYPES = ["F32", "F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"]

# where the f16 scales of a block stand, and what they are about for values of deviation 1
SCALES = {"Q8_0": [(0, 1 / 74)], "Q4_0": [(0, 1 / 4.6)], "Q4_1": [(0, 1 / 4.6), (2, 0)], "Q5_0": [(0, 1 / 9.2)], "Q5_1": [(0, 1 / 9.2), (2, 0)],
          "Q2_K": [(80, 1 / 10), (82, 1 / 10)], "Q3_K": [(108, 1 / 42)], "Q4_K": [(0, 1 / 200), (2, 1 / 200)], "Q5_K": [(0, 1 / 400), (2, 1 / 200)],
          "Q6_K": [(208, 1 / 1300)], "IQ4_NL": [(0, 1 / 70)], "IQ4_XS": [(0, 1 / 1300)]}

BASE = {"arch": "llama", "blocks": 2, "embedding": 256, "feed": 512, "heads": 4, "groups": 2, "key": 64, "vocabulary": 96, "epsilon": 1e-5, "base": 10000.0,
        "dtype": "F32", "tied": False, "biases": False, "keys": {}}


def cases():
    for dtype in DTYPES:
        yield dtype.lower(), {"dtype": dtype}
    yield "qwen2", {"arch": "qwen2", "biases": True, "base": 1e6, "dtype": "Q8_0", "tied": True, "epsilon": 1e-6}
    yield "qwen2-k", {"arch": "qwen2", "biases": True, "dtype": "Q4_K"}
    yield "biases", {"biases": True}
    yield "tied", {"tied": True, "dtype": "Q6_K"}
    yield "all-heads", {"groups": 4, "heads": 4}
    yield "one-group", {"groups": 1}
    yield "linear", {"keys": {"rope.scaling.type": "linear", "rope.scaling.factor": 4.0}}
    yield "linear-old", {"keys": {"rope.scale_linear": 2.0}}
    yield "part-of-head", {"keys": {"rope.dimension_count": 32}}
    yield "wide-base", {"base": 500000.0}
    yield "idle-keys", {"keys": {"expert_count": 0, "attention.causal": True, "rope.scaling.original_context_length": 512, "vocab_size": 100},
                        "others": {"general.url": "https://example.org/x", "general.author": "nobody", "quantize.imatrix.file": "x.dat",
                                   "tokenizer.chat_template": "{{ x }}", "general.tags": ["a", "b"]}}


def refused():
    yield "gemma", {"arch": "gemma"}, "gemma"
    yield "yarn", {"keys": {"rope.scaling.type": "yarn", "rope.scaling.factor": 4.0}}, "rope.scaling.type"
    yield "experts", {"keys": {"expert_count": 8, "expert_used_count": 2}}, "expert_count"
    yield "window", {"keys": {"attention.sliding_window": 512}}, "sliding_window"
    yield "softcap", {"keys": {"final_logit_softcapping": 30.0}}, "final_logit_softcapping"
    yield "scale", {"keys": {"logit_scale": 0.5}}, "logit_scale"
    yield "rope-freqs", {"extra": {"rope_freqs.weight": (32,)}}, "rope_freqs.weight"
    yield "q-norm", {"extra": {"blk.0.attn_q_norm.weight": (64,)}}, "attn_q_norm"
    yield "both-ways", {"keys": {"attention.causal": False}}, "attention.causal"
    yield "qwen2-part", {"arch": "qwen2", "keys": {"rope.dimension_count": 32}}, "rope-dimension-count"
    yield "bert", {"tokenizer": "bert"}, "bert"


def blocks_of(random, dtype, rows, columns, deviation):
    """Random bits, but for scales that give values of about DEVIATION."""
    kind = gguf.GGMLQuantizationType[dtype]
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    data = random.integers(0, 256, (rows, columns // elements, size), dtype=np.uint8)
    for at, scale in SCALES[dtype]:
        chosen = (deviation * (scale or 1) * random.uniform(0.5, 1.5, data.shape[:2]) * random.choice([-1, 1], data.shape[:2])).astype(np.float16)
        data[:, :, at:at + 2] = chosen.view(np.uint8).reshape(*data.shape[:2], 2)
    return data.reshape(rows, -1)


class Model:
    def __init__(self, path, facts):
        self.facts = {**BASE, **facts}
        self.random = np.random.default_rng(7)
        self.weights = {}
        self.writer = gguf.GGUFWriter(path, self.facts["arch"])
        self.add_facts()
        self.add_tensors()
        self.writer.write_header_to_file()
        self.writer.write_kv_data_to_file()
        self.writer.write_tensors_to_file()
        self.writer.close()

    def add_facts(self):
        f, w, arch = self.facts, self.writer, self.facts["arch"]
        w.add_block_count(f["blocks"]), w.add_embedding_length(f["embedding"]), w.add_feed_forward_length(f["feed"])
        w.add_head_count(f["heads"]), w.add_head_count_kv(f["groups"]), w.add_context_length(512)
        w.add_layer_norm_rms_eps(f["epsilon"]), w.add_rope_freq_base(f["base"])
        for key, value in {**{f"{arch}.{k}": v for k, v in f["keys"].items()}, **f.get("others", {})}.items():
            add = w.add_bool if isinstance(value, bool) else w.add_uint32 if isinstance(value, int) else w.add_float32 if isinstance(value, float) else \
                w.add_string if isinstance(value, str) else w.add_array
            add(key, value)
        pieces = ["<unk>", "<s>", "</s>"] + [f"p{i}" for i in range(f["vocabulary"] - 3)]
        w.add_tokenizer_model(f.get("tokenizer", "llama"))
        w.add_token_list(pieces)
        w.add_token_scores([0.0] * len(pieces))
        w.add_token_types([2, 3, 3] + [1] * (len(pieces) - 3))
        w.add_bos_token_id(1), w.add_eos_token_id(2)

    def matrix(self, name, rows, columns):
        dtype, deviation = self.facts["dtype"], 1 / np.sqrt(columns)
        kind = gguf.GGMLQuantizationType[dtype]
        if dtype in SCALES:
            data = blocks_of(self.random, dtype, rows, columns, deviation)
        else:
            data = gguf.quants.quantize(self.random.normal(0, deviation, (rows, columns)).astype(np.float32), kind)
        self.writer.add_tensor(name, data, raw_dtype=kind)
        self.weights[name] = gguf.quants.dequantize(data, kind).reshape(rows, columns).astype(np.float64)

    def vector(self, name, count, around):
        data = (around + self.random.uniform(-0.3, 0.3, count)).astype(np.float32)
        self.writer.add_tensor(name, data)
        self.weights[name] = data.astype(np.float64)

    def add_tensors(self):
        f = self.facts
        e, q, kv = f["embedding"], f["heads"] * f["key"], f["groups"] * f["key"]
        self.matrix("token_embd.weight", f["vocabulary"], e)
        if not f["tied"]:
            self.matrix("output.weight", f["vocabulary"], e)
        self.vector("output_norm.weight", e, 1)
        for n in range(f["blocks"]):
            b = f"blk.{n}."
            self.vector(b + "attn_norm.weight", e, 1), self.vector(b + "ffn_norm.weight", e, 1)
            self.matrix(b + "attn_q.weight", q, e), self.matrix(b + "attn_k.weight", kv, e), self.matrix(b + "attn_v.weight", kv, e)
            self.matrix(b + "attn_output.weight", e, q)
            self.matrix(b + "ffn_gate.weight", f["feed"], e), self.matrix(b + "ffn_up.weight", f["feed"], e), self.matrix(b + "ffn_down.weight", e, f["feed"])
            if f["biases"]:
                self.vector(b + "attn_q.bias", q, 0), self.vector(b + "attn_k.bias", kv, 0), self.vector(b + "attn_v.bias", kv, 0)
        for name, shape in f.get("extra", {}).items():
            self.vector(name, shape[0], 1)

    # ---- the equations ----

    def bias(self, name, x):
        return x + self.weights[name] if name in self.weights else x

    def turn(self, x, heads):
        """x: positions, heads × key"""
        f, positions = self.facts, x.shape[0]
        count = f["keys"].get("rope.dimension_count", f["key"])
        factor = f["keys"].get("rope.scaling.factor", f["keys"].get("rope.scale_linear", 1.0))
        angles = np.arange(positions)[:, None] * f["base"] ** (-np.arange(0, count, 2) / count)[None, :] / factor
        cosine, sine = np.cos(angles)[:, None, :], np.sin(angles)[:, None, :]
        x = x.reshape(positions, heads, f["key"]).copy()
        one, two = (slice(0, count // 2), slice(count // 2, count)) if f["arch"] == "qwen2" else (slice(0, count, 2), slice(1, count, 2))
        a, b = x[:, :, one].copy(), x[:, :, two].copy()
        x[:, :, one], x[:, :, two] = a * cosine - b * sine, a * sine + b * cosine
        return x

    def norm(self, name, x):
        return x / np.sqrt((x * x).mean(axis=1, keepdims=True) + np.float64(np.float32(self.facts["epsilon"]))) * self.weights[name]

    def logits(self, tokens):
        f, w = self.facts, self.weights
        x = w["token_embd.weight"][tokens]
        each = f["heads"] // f["groups"]
        mask = np.triu(np.full((len(tokens), len(tokens)), -np.inf), 1)
        for n in range(f["blocks"]):
            b = f"blk.{n}."
            y = self.norm(b + "attn_norm.weight", x)
            q = self.turn(self.bias(b + "attn_q.bias", y @ w[b + "attn_q.weight"].T), f["heads"])
            k = self.turn(self.bias(b + "attn_k.bias", y @ w[b + "attn_k.weight"].T), f["groups"])
            v = self.bias(b + "attn_v.bias", y @ w[b + "attn_v.weight"].T).reshape(len(tokens), f["groups"], f["key"])
            k, v = np.repeat(k, each, axis=1), np.repeat(v, each, axis=1)
            scores = np.einsum("thk,shk->hts", q, k) / np.sqrt(f["key"]) + mask
            scores = np.exp(scores - scores.max(axis=2, keepdims=True))
            scores /= scores.sum(axis=2, keepdims=True)
            x = x + np.einsum("hts,shk->thk", scores, v).reshape(len(tokens), -1) @ w[b + "attn_output.weight"].T
            y = self.norm(b + "ffn_norm.weight", x)
            gate = y @ w[b + "ffn_gate.weight"].T
            x = x + (gate / (1 + np.exp(-gate)) * (y @ w[b + "ffn_up.weight"].T)) @ w[b + "ffn_down.weight"].T
        return self.norm("output_norm.weight", x) @ w["token_embd.weight" if f["tied"] else "output.weight"].T


def make(folder):
    os.makedirs(os.path.join(folder, "refused"), exist_ok=True)
    for name, facts in cases():
        model = Model(os.path.join(folder, name + ".gguf"), facts)
        np.save(os.path.join(folder, name + ".npy"), model.logits(TOKENS))
    for name, facts, named in refused():
        Model(os.path.join(folder, "refused", name + ".gguf"), facts)
        with open(os.path.join(folder, "refused", name + ".txt"), "w", encoding="utf-8") as file:
            file.write(named)


# ---- folders as transformers write them: the same weights under other names, rows of queries and keys in halves ----

PARTS = {"attn_norm.weight": "input_layernorm.weight", "ffn_norm.weight": "post_attention_layernorm.weight", "attn_output.weight": "self_attn.o_proj.weight",
         "ffn_gate.weight": "mlp.gate_proj.weight", "ffn_up.weight": "mlp.up_proj.weight", "ffn_down.weight": "mlp.down_proj.weight"}
PARTS.update({f"attn_{x}.{what}": f"self_attn.{x}_proj.{what}" for x in "qkv" for what in ("weight", "bias")})
WHOLE = {"token_embd.weight": "model.embed_tokens.weight", "output.weight": "lm_head.weight", "output_norm.weight": "model.norm.weight"}

FOLDERS = {"llama": ({"arch": "llama"}, {}, ""), "llama-linear": ({"keys": {"rope.scaling.type": "linear", "rope.scaling.factor": 4.0}},
                                                                 {"rope_scaling": {"rope_type": "linear", "factor": 4.0}}, ""),
           "qwen2": ({"arch": "qwen2", "biases": True, "base": 1e6}, {"use_sliding_window": False, "sliding_window": 64, "max_window_layers": 1}, ""),
           "qwen2-tied": ({"arch": "qwen2", "biases": True, "tied": True}, {}, ""),
           "mistral": ({}, {"model_type": "mistral", "sliding_window": None}, ""),
           "mistral-short": ({}, {"model_type": "mistral"}, ""),
           "mistral-wide": ({}, {"model_type": "mistral", "sliding_window": 512}, ""),
           "mistral-window": ({}, {"model_type": "mistral", "sliding_window": 100}, "sliding_window"),
           "mistral-long": ({}, {"model_type": "mistral", "max_position_embeddings": 32768}, "sliding_window"),
           "qwen2-window": ({"arch": "qwen2", "biases": True}, {"use_sliding_window": True}, "use_sliding_window"),
           "qwen2-no-bias": ({"arch": "qwen2"}, {}, "self_attn.q_proj.bias"),
           "gemma": ({}, {"model_type": "gemma"}, "model_type"),
           "yarn": ({}, {"rope_scaling": {"rope_type": "yarn", "factor": 4.0}}, "rope_scaling"),
           "unknown-key": ({}, {"attention_sinks": 4}, "attention_sinks")}


def in_halves(data, heads):
    """Rows 2 i and 2 i + 1 of each head become i and i + half."""
    parts = data.reshape(heads, -1, 2, *data.shape[1:])
    return np.ascontiguousarray(parts.swapaxes(1, 2)).reshape(data.shape)


def write_folder(folder, model, config):
    f, header, blob = model.facts, {}, b""
    for name, data in sorted(model.weights.items()):
        block = name.split(".")[1]
        other = WHOLE.get(name) or f"model.layers.{block}." + PARTS[name.split(".", 2)[2]]
        if f["arch"] == "llama" and ("attn_q." in name or "attn_k." in name):
            data = in_halves(data, f["heads"] if "attn_q." in name else f["groups"])
        raw = data.astype("<f4").tobytes()
        header[other] = {"dtype": "F32", "shape": list(data.shape), "data_offsets": [len(blob), len(blob) + len(raw)]}
        blob += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(os.path.join(folder, "model.safetensors"), "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text + blob)
    stated = {"architectures": ["X"], "model_type": f["arch"], "hidden_act": "silu", "hidden_size": f["embedding"], "intermediate_size": f["feed"],
              "max_position_embeddings": 512, "num_attention_heads": f["heads"], "num_hidden_layers": f["blocks"], "num_key_value_heads": f["groups"],
              "rms_norm_eps": f["epsilon"], "rope_theta": f["base"], "tie_word_embeddings": f["tied"], "vocab_size": f["vocabulary"], **config}
    with open(os.path.join(folder, "config.json"), "w", encoding="utf-8") as file:
        json.dump(stated, file)
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump({"chat_template": "{{ messages }}"}, file)


def make_folders(parent):
    for name, (facts, config, named) in FOLDERS.items():
        folder = os.path.join(parent, name)
        os.makedirs(folder)
        model = Model(os.path.join(folder, "tokenizer.gguf.part"), facts)
        os.rename(os.path.join(folder, "tokenizer.gguf.part"), os.path.join(parent, name + ".tokenizer"))
        write_folder(folder, model, config)
        np.save(os.path.join(parent, name + ".npy"), model.logits(TOKENS))
        with open(os.path.join(parent, name + ".txt"), "w", encoding="utf-8") as file:
            file.write(named)


def compare(folder, name):
    expected = np.load(os.path.join(folder, name + ".npy"))
    found = np.array(json.loads(sys.stdin.readline())["logits"])
    worst, most = np.abs(found - expected).max(), np.abs(expected).max()
    print(f"largest distance {worst:.2e}, largest logit {most:.2f}")
    return 0 if worst <= 1e-3 and 0.5 < most < 1000 else 1


def large(path, dtype):
    """TinyLlama's shape. Weights of one matrix are made and written at a time."""
    kind, random = gguf.GGMLQuantizationType[dtype.upper()], np.random.default_rng(11)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_block_count(22), writer.add_embedding_length(2048), writer.add_feed_forward_length(5632), writer.add_head_count(32)
    writer.add_head_count_kv(4), writer.add_context_length(2048), writer.add_layer_norm_rms_eps(1e-5), writer.add_rope_dimension_count(64)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(["<unk>", "<s>", "</s>"] + [f"<0x{i:02X}>" for i in range(256)] + [f"p{i}" for i in range(32000 - 259)])
    writer.add_token_scores([0.0] * 32000)
    writer.add_token_types([2, 3, 3] + [6] * 256 + [1] * (32000 - 259))
    writer.add_bos_token_id(1), writer.add_eos_token_id(2)
    shapes = {"token_embd.weight": (32000, 2048), "output_norm.weight": (2048,), "output.weight": (32000, 2048)}
    for n in range(22):
        for name, shape in {"attn_norm": (2048,), "ffn_norm": (2048,), "attn_q": (2048, 2048), "attn_k": (256, 2048), "attn_v": (256, 2048),
                            "attn_output": (2048, 2048), "ffn_gate": (5632, 2048), "ffn_up": (5632, 2048), "ffn_down": (2048, 5632)}.items():
            shapes[f"blk.{n}.{name}.weight"] = shape
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    for name, shape in shapes.items():
        if len(shape) == 1:
            writer.add_tensor_info(name, shape, np.dtype(np.float32), 4 * shape[0])
        else:
            writer.add_tensor_info(name, (shape[0], shape[1] // elements * size), np.dtype(np.uint8), shape[0] * shape[1] // elements * size, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    for name, shape in shapes.items():
        if len(shape) == 1:
            data = random.uniform(0.7, 1.3, shape).astype(np.float32)
        elif dtype.upper() in SCALES:
            data = blocks_of(random, dtype.upper(), shape[0], shape[1], 1 / np.sqrt(shape[1]))
        else:
            data = gguf.quants.quantize(random.standard_normal(shape, dtype=np.float32) / np.float32(np.sqrt(shape[1])), kind)
        writer.write_tensor_data(data)
    writer.close()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", folder]:
            make(folder)
            make_folders(os.path.join(folder, "folders"))
        case ["compare", folder, name]:
            sys.exit(compare(folder, name))
        case ["ask"]:
            print("forced", *TOKENS)
        case ["model", file, dtype]:
            large(file, dtype)
        case _:
            sys.exit(__doc__)
