"""Writes .slm, version 0 (docs/formats/slm.md). Whatever follows from the rest can be stated wrongly, on request."""

import hashlib
import struct

MAGIC = b"\x89SLM\r\n\x1a\n"
# number: (elements of a block, bytes of a block)
BLOCKS = {"f32": (0, 1, 4), "f16": (1, 1, 2), "bf16": (30, 1, 2), "q8_0": (8, 32, 34), "q4_0": (2, 32, 18)}


def padded(data):
    return data + bytes(-len(data) % 64)


def sha256(data):
    return hashlib.sha256(data).digest()


def size_of(dtype, dims):
    _, block, block_bytes = BLOCKS[dtype]
    total = dims[0] // block * block_bytes
    for dim in dims[1:]:
        total *= dim
    return total


class Stated:
    """A place where what follows from the rest is stated; `lies` has what is to be stated instead."""

    def __init__(self):
        self.lies = {}

    def say(self, name, truth):
        return self.lies.get(name, truth)


class Tokenizer(Stated):
    def __init__(self):
        super().__init__()
        self.kind, self.pieces, self.merges, self.settings = 1, [b"a"], [], []
        self.scores = self.types = None  # bits of f32, numbers
        self.pre = b""

    def data(self):
        say = self.say
        flags = (self.scores is not None) + 2 * (self.types is not None)
        text = b"".join(self.pieces)
        out = [struct.pack("<6IQ", self.kind, say("flags", flags), say("pieces", len(self.pieces)),
                           say("merges", len(self.merges)), say("settings", len(self.settings)),
                           say("pre", len(self.pre)), say("total", len(text)))]
        out += [struct.pack("<2I", *pair) for pair in self.settings + self.merges]
        out += [struct.pack("<I", bits) for bits in self.scores or ()]
        out += [struct.pack("<H", length) for length in say("lengths", [len(piece) for piece in self.pieces])]
        return b"".join(out) + bytes(self.types or ()) + text + self.pre


class Tensor(Stated):
    def __init__(self, name, dtype, dims, data):
        super().__init__()
        self.name, self.dtype, self.dims, self.data = name, dtype, dims, data

    def entry(self, offset, name_at):
        say = self.say
        dims = say("dims", self.dims + [0] * (4 - len(self.dims)))
        return struct.pack("<2Q4Q4I32s", say("offset", offset), say("size", len(self.data)), *dims,
                           say("dtype", BLOCKS[self.dtype][0]), say("rank", len(self.dims)), say("name_at", name_at),
                           say("name_length", len(self.name)), say("sha256", sha256(self.data)))


class Model(Stated):
    """facts: pairs of key and value in order. Tensors are written in the order in which they stand."""

    def __init__(self):
        super().__init__()
        self.facts, self.tokenizer, self.tensors = [], Tokenizer(), []
        self.first_line = "minimodel-facts 0"
        self.edit = {}  # section: a function of its bytes, before anything is hashed

    def get(self, key):
        return dict(self.facts)[key]

    def set(self, key, value):
        self.facts = [(other, value if other == key else old) for other, old in self.facts]

    def tensor(self, name):
        return next(tensor for tensor in self.tensors if tensor.name == name)

    def restate(self):
        """quantization as it follows from the tensors."""
        sums = {}
        for tensor in self.tensors:
            sums[tensor.dtype] = sums.get(tensor.dtype, 0) + len(tensor.data)
        self.set("quantization", min(sums, key=lambda name: (-sums[name], name.encode())))

    def facts_bytes(self):
        lines = [self.first_line] + [f"{key}: {value}" for key, value in self.facts]
        return "".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape")

    def table_and_data(self):
        entries, names, data = [], b"", b""
        for tensor in self.tensors:
            data = padded(data)
            entries.append(tensor.entry(len(data), len(names)))
            names += tensor.name
            data += tensor.data
        return b"".join(entries) + names, data

    def data(self):
        """The whole file."""
        table, data = self.table_and_data()
        sections = [("facts", self.facts_bytes()), ("tokenizer", self.tokenizer.data()), ("table", table), ("data", data)]
        sections = [(name, self.edit.get(name, bytes)(raw)) for name, raw in sections]
        head, places, hashes = bytes(256), b"", b""
        for name, raw in sections:
            places += struct.pack("<2Q", self.say(name + "_at", len(head)), self.say(name + "_size", len(raw)))
            if name != "data":
                hashes += self.say(name + "_sha256", sha256(raw))
                head = self.edit.get(name + "_padding", bytes)(padded(head + raw))
        return self.sealed(head, places, hashes, data=sections[3][1])

    def sealed(self, head, places, hashes, data):
        say = self.say
        start = struct.pack("<8sI4sQ", say("magic", MAGIC), say("version", 0), say("reserved", bytes(4)),
                            say("size", len(head) + len(data))) + places
        start += struct.pack("<Q", say("count", len(self.tensors))) + hashes
        head = start + bytes(32) + say("tail", bytes(32)) + head[256:]
        digest = say("head_sha256", sha256(head))
        return head[:192] + digest + head[224:] + data
