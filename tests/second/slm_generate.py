"""Valid .slm files, varied and at the edges of the rules; writes both sets to folders."""

import os
import random

from generate import write_file
from slm import LLAMA_TENSORS, NO_TOKEN, SWITCHES, TOKENS, spell
from slm_write import BLOCKS, Model, Tensor, Tokenizer, size_of

DTYPES = list(BLOCKS)
PRE_TOKENIZERS = [b"", b"default", b"gpt-2", b"llama-bpe", b"qwen2", b"-", b"._-", b"0" * 64, b"a" * 63 + b"."]
NAMES = ["Tiny Stories", "x", "n" * 1024, "\u00e9" * 512, "a: b", "http:/x", "://"[:2], "name", "-", "\U0001f600", "a  b",
         "\u00a0x\u00a0", "license: MIT", "minimodel-facts 0"]
LICENSES = ["MIT", "other", "my own, see the card", "(", "l" * 1024, "\u4e2d\u6587"]
# bits of f32: 10000, 1e+06, 1, the least, the edges of subnormals, the largest, 0.1, 1.25e+06, 1.234567e+07, and others
REALS = [0x461C4000, 0x49742400, 0x3F800000, 0x00000001, 0x007FFFFF, 0x00800000, 0x7F7FFFFF, 0x3DCCCCCD, 0x49989680, 0x4B3C6146,
         0x40490FDB, 0x358637BD, 0x3727C5AC, 0x4B800000, 0x3EAAAAAB, 0x38D1B717, 0x38D1B716, 0x3F7FFFFF]
ODD_PIECES = [b"", b"\0", b"\xff\xfe", b"\n", b" ", b"\xe2\x96\x81", b"\xe2\x96", b"<s>", b"</s>", b"<unk>", b"p" * 65535,
              b"\xc4\xa0the", b"a", b"ab", b"abc", b"<0x41>", b"\x1b[31m", "\u202e".encode()]
# One edge for each file in turn: what is made in a way that chance seldom makes.
EDGES = ["minimal", "tied", "untied", "biases", "no biases", "one block", "many blocks", "linear", "no settings", "all settings",
         "no such tokens", "one piece", "empty pieces", "long piece", "odd pieces", "many pieces", "scores", "types", "neither",
         "merges", "many merges", "pre-tokenizer", "name", "license", "real", "epsilon 0", "every dtype", "quantized norms",
         "tie of dtypes", "wide", "large", "one head", "grouped heads", "long values", "hex digits", "odd scores", "facts to 64",
         "pieces to 64", "subnormal", "largest numbers"]


class Shape:
    """The numbers of a small model. row: whether every row can be cut into blocks of 32."""

    def __init__(self, rng, row, edge):
        unit = 32 if row else 1
        self.blocks = {"minimal": 1, "one block": 1, "many blocks": 12}.get(edge, rng.randint(1, 3))
        self.kv = 1 if edge in ("minimal", "one head") else rng.randint(1, 3)
        self.heads = self.kv * (1 if edge in ("minimal", "one head") else rng.randint(2 if edge == "grouped heads" else 1, 4))
        self.embedding, self.feed_forward = unit * rng.randint(1, 3), unit * rng.randint(1, 3)
        self.key = 32 if row else 2 * rng.randint(1, 3) + rng.randint(0, 1)
        self.value = 32 if row else rng.randint(1, 5)
        if edge == "minimal":
            self.embedding = self.feed_forward = self.value = 1
            self.key = 2
        if edge == "long values":
            self.value = 2 * self.key + 32
        if edge in ("wide", "large"):
            self.embedding, self.feed_forward = (4 if edge == "large" else 2) * 32, (8 if edge == "large" else 3) * 32
        self.rope = 2 * rng.randint(1, self.key // 2)

    def letters(self, pieces):
        return {"E": self.embedding, "F": self.feed_forward, "H": self.heads, "G": self.kv, "K": self.key, "V": self.value,
                "W": pieces}


def bits_of_real(rng):
    """A positive finite f32."""
    return rng.choice(REALS) if rng.random() < 0.4 else rng.randint(1, 0x7F7FFFFF)


def make_pieces(rng, edge, full):
    if edge in ("minimal", "one piece"):
        return [b"a"]
    count = 3000 if edge == "many pieces" else 64 if edge == "pieces to 64" else rng.randint(30 if full else 2, 90)
    pieces = [b"<0x%02X>" % byte for byte in rng.sample(range(256), rng.randint(0, min(count, 9)))]
    if edge == "hex digits":
        pieces = [b"<0xAB>", b"<0xCD>", b"<0xEF>", b"<0x00>"]
    if edge in ("empty pieces", "odd pieces", "long piece"):
        pieces += ODD_PIECES if edge != "empty pieces" else [b"", b"a", b"", b""]
    elif rng.random() < 0.5:
        pieces += rng.sample(ODD_PIECES[:10] + ODD_PIECES[11:], 5)
    while len(pieces) < count:
        pieces.append(b"%x" % len(pieces) + rng.randbytes(rng.randint(0, 6)))
    seen = set()
    pieces = [piece for piece in pieces if not piece or not (piece in seen or seen.add(piece))]
    rng.shuffle(pieces)
    return pieces


def make_scores(rng, count, edge):
    if edge == "odd scores":
        return [rng.choice([0x80000000, 0, 1, 0x7F7FFFFF, 0xFF7FFFFF, 0x80000001]) for _ in range(count)]
    return [0xC0000000 + rng.randint(0, 0xFFFFFF) for _ in range(count)]


def make_settings(rng, pieces, edge):
    every = sorted(TOKENS) + sorted(SWITCHES)
    some = every if edge in ("all settings", "no such tokens") else sorted(rng.sample(every, rng.randint(0, len(every))))
    if edge == "no settings":
        some = []
    lost = edge == "no such tokens"
    return [(key, rng.randint(0, 1) if key in SWITCHES else NO_TOKEN if lost or rng.random() < 0.2
             else rng.choice([0, pieces - 1, rng.randrange(pieces)])) for key in some]


def make_tokenizer(rng, edge, full):
    made = Tokenizer()
    made.kind = 2 if "merges" in edge else 1 if edge == "hex digits" else rng.randint(1, 2)
    made.pieces = make_pieces(rng, edge, full)
    count = len(made.pieces)
    if edge in ("scores", "odd scores") or edge != "neither" and rng.random() < 0.6:
        made.scores = make_scores(rng, count, edge)
    if edge in ("types", "hex digits") or edge != "neither" and rng.random() < 0.6:
        spelled = [len(piece) == 6 and piece[:3] == b"<0x" and piece[5:] == b">" for piece in made.pieces]
        made.types = [rng.choice([6, 6, 1]) if byte or made.kind == 2 and rng.random() < 0.1 else rng.randint(1, 5)
                      for byte in spelled]
    if made.kind == 2 and (edge in ("merges", "many merges") or rng.random() < 0.8):
        full = [index for index, piece in enumerate(made.pieces) if piece]
        tries = 4000 if edge == "many merges" else rng.randint(1, 60)
        made.merges = list(dict.fromkeys((rng.choice(full), rng.choice(full)) for _ in range(tries)))
    made.settings = make_settings(rng, count, edge)
    made.pre = rng.choice(PRE_TOKENIZERS[1:] if edge == "pre-tokenizer" else PRE_TOKENIZERS)
    return made


def make_facts(rng, shape, pieces, edge, full):
    real = lambda: spell(1 if edge == "subnormal" else bits_of_real(rng))
    most = 2**31 - 1
    factor = real()
    facts = [("architecture", "llama")]
    if full or edge == "name" or rng.random() < 0.5:
        facts.append(("name", rng.choice(NAMES)))
    if full or edge == "license" or rng.random() < 0.5:
        facts.append(("license", rng.choice(LICENSES)))
    facts += [("block-count", shape.blocks), ("embedding-length", shape.embedding),
              ("feed-forward-length", shape.feed_forward), ("head-count", shape.heads), ("head-count-kv", shape.kv),
              ("key-length", shape.key), ("value-length", shape.value), ("vocab-size", pieces),
              ("context-length", most if edge == "largest numbers" else rng.choice([1, 16, 2048, 131072, most])),
              ("rope-dimension-count", shape.rope), ("rope-base", real()),
              ("rope-scaling", "linear " + ("2" if factor == "1" else factor) if edge == "linear" or rng.random() < 0.3 else "none"),
              ("norm-epsilon", "0" if edge == "epsilon 0" or rng.random() < 0.1 else real()), ("quantization", "")]
    return facts


def random_bytes(rng, dtype, dims):
    return rng.randbytes(size_of(dtype, dims))


def make_tensors(rng, shape, pieces, edge, full):
    letters, tensors = shape.letters(pieces), []
    plain = rng.choice(DTYPES)
    for name, letters_of, optional in LLAMA_TENSORS:
        there = full or not optional or edge == "biases" and "bias" in name or edge == "untied" and "bias" not in name
        if not there and not (edge == "tied" and name == "output.weight" or edge in ("no biases", "minimal")):
            there = rng.random() < 0.4
        if not there:
            continue
        dims = [letters[word[0]] * (letters[word[1]] if word[1:] else 1) for word in letters_of.split()]
        for block in range(shape.blocks if "N" in name else 1):
            dtype = pick_dtype(rng, name, dims, plain, edge)
            tensors.append(Tensor(name.replace("N", str(block)).encode(), dtype, dims, random_bytes(rng, dtype, dims)))
    return sorted(tensors, key=lambda tensor: tensor.name)


def pick_dtype(rng, name, dims, plain, edge):
    """Any dtype that fits the row; one for nearly all where nothing else is wanted."""
    if edge == "tie of dtypes":
        return "f16"
    if dims[0] % 32 == 0 and edge == "quantized norms" and "norm" in name:
        return rng.choice(["q8_0", "q4_0"])
    dtype = rng.choice(DTYPES) if edge == "every dtype" or rng.random() < 0.2 else plain
    return dtype if dims[0] % BLOCKS[dtype][1] == 0 else rng.choice(["f32", "f16", "bf16"])


def tie(model):
    """bf16 where all is f16, so that each has half of the bytes; true where some of the tensors make up half."""
    ways = {0: []}
    for tensor in model.tensors:
        for total, chosen in list(ways.items()):
            ways.setdefault(total + len(tensor.data), chosen + [tensor])
    half = ways.get(sum(len(tensor.data) for tensor in model.tensors) // 2)
    for tensor in half or []:
        tensor.dtype = "bf16"
    model.restate()
    return half is not None and model.get("quantization") == "bf16"


def fit(model, section, remainder):
    """Makes facts or pieces so long that 64 - remainder zeros stand behind them, or none."""
    if section == "facts":
        model.facts = [field for field in model.facts if field[0] not in ("name", "license")]
        model.facts.insert(1, ("license", "l"))
        model.set("license", "l" * (1 + (remainder - len(model.facts_bytes())) % 64))
    else:
        made = model.tokenizer
        made.pieces[-1] += b"z" * ((remainder - len(made.data())) % 64)
        if made.types is not None:
            made.types[-1] = 1


def model(rng, edge, full=False):
    """A valid model. full: everything that is optional is there, rows are whole blocks."""
    row = full or edge in ("every dtype", "quantized norms") or edge != "minimal" and rng.random() < 0.4
    made, shape = Model(), Shape(rng, row, edge)
    made.tokenizer = make_tokenizer(rng, "merges" if full else edge, full)
    pieces = len(made.tokenizer.pieces)
    made.facts = make_facts(rng, shape, pieces, edge, full)
    made.tensors = make_tensors(rng, shape, pieces, edge, full)
    made.restate()
    if edge == "tie of dtypes" and not tie(made):
        return model(rng, edge, full)  # sizes that can be halved
    if edge in ("facts to 64", "pieces to 64"):
        fit(made, edge.split()[0], rng.choice([0, 1, 63]))
    return made


def valid(seed, index):
    rng = random.Random(f"{seed}:{index}")
    return model(rng, EDGES[index % len(EDGES)]).data()


def write_valid(seed, count, folder):
    os.makedirs(folder, exist_ok=True)
    for index in range(count):
        write_file(folder, f"valid-{index:05}.slm", valid(seed, index))


def write_broken(seed, count, folder):
    from slm_broken import WAYS, broken  # it builds on this module
    os.makedirs(folder, exist_ok=True)
    table = []
    for index in range(count):
        way = WAYS[index % len(WAYS)]
        data, place, reason = broken(way, random.Random(f"{seed}:{index}"))
        name = f"{way.name}-{index:05}.slm"
        write_file(folder, name, data)
        table.append(f"{name}\t{place}\t{reason}\n")
    write_file(folder, "expect.tsv", "".join(table).encode())
