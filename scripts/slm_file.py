"""Builds .slm files byte by byte as docs/formats/slm.md has them, for tests: a tiny model of llama that knows where
everything in it stands, and what makes hashes fit again after a change."""

import hashlib
import struct

MAGIC = b"\x89SLM\r\n\x1a\n"
HEADER, ALIGNMENT, ENTRY = 256, 64, 96
F32, F16, BF16, Q8_0, Q4_0 = 0, 1, 30, 8, 2
DTYPES = {F32: ("f32", 1, 4), F16: ("f16", 1, 2), BF16: ("bf16", 1, 2), Q8_0: ("q8_0", 32, 34), Q4_0: ("q4_0", 32, 18)}
LLAMA, GPT2 = 1, 2
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
SECTIONS = ("facts", "tokenizer", "table", "data")


def up(number):
    return -(-number // ALIGNMENT) * ALIGNMENT


def sha(data):
    return hashlib.sha256(data).digest()


class Slm:
    """The default is a valid model; change its members, then take file(). `at` then says where things are: a section's
    name, KEY of a fact's value, setting:I, merge:I, score:I, length:I, type:I, piece:I, pre, NAME of an entry, NAME:name,
    NAME:data."""

    def __init__(self, blocks=1, dtype=F32, **facts):
        self.version, self.at = 0, {}
        self.numbers = {"block-count": blocks, "embedding-length": 4, "feed-forward-length": 6, "head-count": 2,
                        "head-count-kv": 1, "key-length": 2, "value-length": 2, "vocab-size": 5, "context-length": 64,
                        "rope-dimension-count": 2}
        if dtype in (Q8_0, Q4_0):
            self.numbers.update({"embedding-length": 32, "feed-forward-length": 32, "key-length": 16, "value-length": 16})
        self.numbers.update({key.replace("_", "-"): value for key, value in facts.items()})
        self.dtype = dtype
        self.head = ["minimodel-facts 0", "architecture: llama"]
        self.tail = ["rope-base: 10000", "rope-scaling: none", "norm-epsilon: 1e-05"]
        self.quantization = None
        self.kind, self.merges, self.pre = LLAMA, [], ""
        self.pieces = [(b"<unk>", 0.0, UNKNOWN), (b"<s>", 0.0, CONTROL), (b"<0x0A>", 0.0, BYTE), (b"a", -1.0, NORMAL),
                       (b"\xe2\x96\x81a", -2.5, NORMAL)]
        self.scores = self.types = True
        self.settings = [(1, 1), (3, 0), (32, 1), (35, 0)]
        self.tensors = self.llama()

    def gpt2(self):
        self.kind, self.scores, self.types, self.pre = GPT2, False, True, "gpt-2"
        self.pieces = [(b"a", 0.0, NORMAL), (b"b", 0.0, NORMAL), (b"ab", 0.0, NORMAL), (b"", 0.0, UNUSED), (b"<|end|>", 0.0, CONTROL)]
        self.merges, self.settings = [(0, 1), (2, 0)], [(1, 4), (2, 0xFFFFFFFF)]
        return self

    def llama(self, optional=()):
        n = self.numbers
        e, f, w = n["embedding-length"], n["feed-forward-length"], n["vocab-size"]
        q, k, v = n["head-count"] * n["key-length"], n["head-count-kv"] * n["key-length"], n["head-count-kv"] * n["value-length"]
        o = n["head-count"] * n["value-length"]
        once = {"token_embd.weight": (e, w), "output_norm.weight": (e,)}
        block = {"attn_norm.weight": (e,), "attn_q.weight": (e, q), "attn_k.weight": (e, k), "attn_v.weight": (e, v),
                 "attn_output.weight": (o, e), "ffn_norm.weight": (e,), "ffn_gate.weight": (e, f), "ffn_up.weight": (e, f),
                 "ffn_down.weight": (f, e)}
        more = {"attn_q.bias": (q,), "attn_k.bias": (k,), "attn_v.bias": (v,), "attn_output.bias": (e,), "ffn_gate.bias": (f,),
                "ffn_up.bias": (f,), "ffn_down.bias": (e,)}
        block.update({name: more[name] for name in optional if name in more})
        tensors = dict(once)
        if "output.weight" in optional:
            tensors["output.weight"] = (e, w)
        for number in range(min(n["block-count"], 100)):
            tensors.update({f"blk.{number}.{name}": dims for name, dims in block.items()})
        return {name: (dims, self.dtype if len(dims) > 1 else F32) for name, dims in tensors.items()}

    def size(self, name):
        dims, dtype = self.tensors[name]
        _, block, size = DTYPES.get(dtype, ("", 1, 1))
        count = 1
        for dim in dims:
            count *= dim
        return count // block * size

    def data_of(self, name):
        seed = sum(name.encode())
        return bytes((seed + 7 * i) % 255 + 1 for i in range(self.size(name)))

    def facts_text(self):
        use = {}
        for name, (_, dtype) in self.tensors.items():
            word = DTYPES.get(dtype, ("unknown", 1, 1))[0]
            use[word] = use.get(word, 0) + self.size(name)
        most = min(use, key=lambda word: (-use[word], word)) if use else "unknown"
        lines = self.head + [f"{key}: {value}" for key, value in self.numbers.items()] + self.tail
        return "".join(line + "\n" for line in lines + [f"quantization: {self.quantization or most}"]).encode()

    def tokenizer(self, start):
        texts = b"".join(text for text, _, _ in self.pieces)
        pre = self.pre.encode()
        out = bytearray(struct.pack("<6IQ", self.kind, self.scores | self.types << 1, len(self.pieces), len(self.merges),
                                    len(self.settings), len(pre), len(texts)))

        def add(what, items):
            for i, item in enumerate(items):
                self.at[f"{what}:{i}"] = start + len(out)
                out.extend(item)

        add("setting", (struct.pack("<II", *pair) for pair in self.settings))
        add("merge", (struct.pack("<II", *pair) for pair in self.merges))
        if self.scores:
            add("score", (struct.pack("<f", score) for _, score, _ in self.pieces))
        add("length", (struct.pack("<H", len(text)) for text, _, _ in self.pieces))
        if self.types:
            add("type", (bytes([kind]) for _, _, kind in self.pieces))
        add("piece", (text for text, _, _ in self.pieces))
        self.at["pre"] = start + len(out)
        return bytes(out) + pre

    def table(self, start):
        names = sorted(self.tensors, key=lambda name: name.encode())
        entries, data, where = bytearray(), bytearray(), 0
        for name in names:
            dims, dtype = self.tensors[name]
            content = self.data_of(name)
            data += bytes(up(len(data)) - len(data))
            self.at[name] = start + len(entries)
            self.at[name + ":data"] = len(data)
            dimensions = list(dims) + [0] * (4 - len(dims))
            entries += struct.pack("<QQ4QIIII", len(data), len(content), *dimensions, dtype, len(dims), where, len(name.encode()))
            entries += sha(content)
            data += content
            where += len(name.encode())
        for name in names:
            self.at[name + ":name"] = start + len(entries)
            entries += name.encode()
        return bytes(entries), bytes(data)

    def file(self):
        out, spans = bytearray(HEADER), []
        facts = self.facts_text()
        for line in facts.split(b"\n")[:-1]:
            key = line.split(b":")[0].decode(errors="replace")
            self.at[key] = HEADER + facts.index(line) + len(key) + 2
        data = b""
        for section in SECTIONS:
            out += bytes(up(len(out)) - len(out))
            self.at[section] = start = len(out)
            if section == "facts":
                content = facts
            elif section == "tokenizer":
                content = self.tokenizer(start)
            elif section == "table":
                content, data = self.table(start)
            else:
                content = data
            spans.append((start, len(content)))
            out += content
        for name in self.tensors:
            self.at[name + ":data"] += spans[3][0]
        struct.pack_into("<8sIIQ", out, 0, MAGIC, self.version, 0, len(out))
        for i, span in enumerate(spans):
            struct.pack_into("<QQ", out, 24 + 16 * i, *span)
        struct.pack_into("<Q", out, 88, len(self.tensors))
        return seal(bytes(out))


def spans_of(data):
    return [struct.unpack_from("<QQ", data, 24 + 16 * i) for i in range(4)]


def seal(data, tensors=False):
    """Hashes that fit the sections where the header says they are; with TENSORS, those of the data first."""
    out = bytearray(data)
    if len(out) < HEADER:
        return bytes(out)
    spans = spans_of(out)
    if tensors:
        for i in range(min(struct.unpack_from("<Q", out, 88)[0], spans[2][1] // ENTRY)):
            entry = spans[2][0] + ENTRY * i
            if entry + ENTRY > len(out):
                break
            offset, size = struct.unpack_from("<QQ", out, entry)
            if spans[3][0] + offset + size <= len(out):
                out[entry + 64:entry + 96] = sha(out[spans[3][0] + offset:spans[3][0] + offset + size])
    for i, (offset, size) in enumerate(spans[:3]):
        if offset + size <= len(out):
            out[96 + 32 * i:128 + 32 * i] = sha(out[offset:offset + size])
    if spans[3][0] <= len(out):
        out[192:224] = bytes(32)
        out[192:224] = sha(out[:spans[3][0]])
    return bytes(out)


def put(data, offset, form, *values):
    """DATA with numbers at OFFSET, and hashes that fit."""
    out = bytearray(data)
    struct.pack_into(form, out, offset, *values)
    return seal(bytes(out))
