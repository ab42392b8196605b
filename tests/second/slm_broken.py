"""Files of .slm that are broken in one way each. A way says at which places a finding is acceptable.

Hashes and sizes are made to fit what was changed, unless they are what is broken."""

import struct

from slm import FIELDS, LLAMA_TENSORS, MAGIC, SWITCHES, TOKENS
from slm_generate import fit, model
from slm_write import BLOCKS, Tensor, sha256, size_of

WAYS = []
HEAD, FACTS, TOKENIZER, TABLE, PADDING = "header", "facts section", "tokenizer section", "table section", "padding"
SECTIONS = ("facts", "tokenizer", "table", "data")
PLACES = dict(zip(SECTIONS, (FACTS, TOKENIZER, TABLE, HEAD)))
HUGE32, HUGE64 = 2**32 - 1, 2**64 - 1


class Way:
    def __init__(self, name, reason, run):
        self.name, self.reason, self.run = name, reason, run


def broken(way, rng):
    """Bytes, acceptable places (comma separated, "-": any) and reason."""
    data, place = way.run(rng)
    return data, place, way.reason


def add(name, reason, run):
    assert all(name != way.name for way in WAYS), name
    WAYS.append(Way(name, reason, run))


def way(name, place, reason):
    """Registers a function that spoils a model, and may return another place or bytes of its own."""
    def register(change):
        def run(rng):
            made = model(rng, "", full=True)
            found = change(made, rng)
            if isinstance(found, bytes):
                return found, place
            return made.data(), found or place
        add(name, reason, run)
        return change
    return register


def lies(prefix, part, place, reason, **values):
    """Ways that state one thing wrongly; a value is a number or a function of model and generator."""
    for name, (key, value) in values.items():
        @way(f"{prefix}-{name.replace('_', '-')}", place, f"{reason}: {name.replace('_', ' ')}")
        def change(made, rng, key=key, value=value):
            part(made).lies[key] = value(made, rng) if callable(value) else value


# --- models made again ---

def rebuild(made, rng, **changed):
    """Changes facts, and makes the tensors again so that they fit."""
    for key, value in changed.items():
        made.set(key.replace("_", "-"), value)
    keys = {"E": "embedding-length", "F": "feed-forward-length", "H": "head-count", "G": "head-count-kv", "K": "key-length",
            "V": "value-length", "W": "vocab-size"}
    letters = {letter: made.get(key) for letter, key in keys.items()}
    dims_of = {name: words.split() for name, words, _ in LLAMA_TENSORS}
    for tensor in made.tensors:
        parts = tensor.name.decode().split(".")
        name = ".".join(["blk", "N"] + parts[2:]) if parts[0] == "blk" else tensor.name.decode()
        tensor.dims = [letters[word[0]] * (letters[word[1]] if word[1:] else 1) for word in dims_of[name]]
        if tensor.dims[0] % 32:
            tensor.dtype = "f32"
        tensor.data = rng.randbytes(size_of(tensor.dtype, tensor.dims))
    made.restate()


def uneven(made, rng):
    """Makes tensors that do not end at a multiple of 64."""
    rebuild(made, rng, feed_forward_length=made.get("feed-forward-length") + 1)


def add_block(made):
    """One block more, like the first."""
    block = made.get("block-count")
    for tensor in [tensor for tensor in made.tensors if tensor.name.startswith(b"blk.0.")]:
        made.tensors.append(Tensor(tensor.name.replace(b"blk.0.", b"blk.%d." % block), tensor.dtype, tensor.dims, tensor.data))
    made.tensors.sort(key=lambda tensor: tensor.name)
    made.set("block-count", block + 1)
    made.restate()


# --- header ---

def header_field(index, difference):
    return lambda made, rng: (struct.unpack_from("<10Q", made.data(), 16)[index] + difference) % 2**64


lies("header", lambda made: made, HEAD, "the magic",
     lf_to_crlf=("magic", b"\x89SLM\r\r\n\x1a"), crlf_to_lf=("magic", b"\x89SLM\n\x1a\n\0"),
     seven_bits=("magic", b"\x09SLM\r\n\x1a\n"), lower_magic=("magic", b"\x89slm\r\n\x1a\n"), gguf_magic=("magic", b"GGUF\3\0\0\0"),
     no_magic=("magic", bytes(8)), last_of_magic=("magic", MAGIC[:7] + b"\r"))
lies("header", lambda made: made, HEAD, "reserved bytes are zeros", reserved_first=("reserved", b"\1\0\0\0"),
     reserved_last=("reserved", b"\0\0\0\x80"), tail_first=("tail", b"\1" + bytes(31)), tail_last=("tail", bytes(31) + b"\1"))
lies("header", lambda made: made, HEAD, "unsupported version", version_1=("version", 1), version_256=("version", 256),
     version_last=("version", HUGE32))
FIELD_NAMES = ["size"] + [name + end for name in SECTIONS for end in ("_at", "_size")] + ["count"]
for field_at, field_name in enumerate(FIELD_NAMES):
    # one byte more or less of a section is within its padding: its hash or its bytes tell, not the header
    ANYWHERE = f"{HEAD},{PADDING},{FACTS},{TOKENIZER},{TABLE}"
    for label, step in (("plus_1", 1), ("minus_1", -1), ("plus_64", 64), ("minus_64", -64), ("top_bit", 2**63)):
        lies("header", lambda made: made, ANYWHERE if abs(step) == 1 else HEAD, "sizes and places as they are",
             **{f"{field_name}_{label}": (field_name, header_field(field_at, step))})
    lies("header", lambda made: made, HEAD, "sizes and places as they are",
         **{f"{field_name}_zero": (field_name, 0), f"{field_name}_all_ones": (field_name, HUGE64)})
for section_name in SECTIONS[:3]:
    lies("hash", lambda made: made, f"{PLACES[section_name]},{HEAD}", "the SHA-256 of a section",
         **{section_name: (section_name + "_sha256", lambda made, rng: rng.randbytes(32)),
            section_name + "_zeros": (section_name + "_sha256", bytes(32))})
lies("hash", lambda made: made, HEAD, "the SHA-256 of the head", head=("head_sha256", lambda made, rng: rng.randbytes(32)),
     head_zeros=("head_sha256", bytes(32)))


# --- bytes changed, cut or added, nothing made to fit ---

def places_of(data):
    fields = struct.unpack_from("<10Q", data, 16)
    return dict(zip(SECTIONS, zip(fields[1:8:2], fields[2:9:2])))


def flipped(data, at, rng):
    copy = bytearray(data)
    copy[at] ^= 1 << rng.randrange(8)
    return bytes(copy)


def flips(name):
    @way(f"flip-in-{name}", PLACES[name], "a bit of a section is changed")
    def change(made, rng):
        data = made.data()
        at, size = places_of(data)[name]
        return flipped(data, at + rng.randrange(size), rng)


for section_name in SECTIONS[:3]:
    flips(section_name)


@way("flip-in-header", HEAD, "a bit of the header is changed, but not in magic and version")
def flip_in_header(made, rng):
    return flipped(made.data(), rng.randrange(12, 256), rng)


@way("flip-in-a-hash", HEAD, "a bit of a SHA-256 in the header is changed")
def flip_in_a_hash(made, rng):
    return flipped(made.data(), rng.randrange(96, 224), rng)


@way("flip-in-a-size", HEAD, "a low bit of a section's size is changed")
def flip_in_a_size(made, rng):
    fit(made, "facts", 32)
    data = bytearray(made.data())
    data[32] ^= 1 << rng.randrange(6)
    return bytes(data)


@way("flip-in-padding", PADDING, "a bit of the padding is changed")
def flip_in_padding(made, rng):
    fit(made, "facts", rng.randint(1, 63))
    data = made.data()
    at, size = places_of(data)["facts"]
    return flipped(data, at + size + rng.randrange(-(at + size) % 64), rng)


def tensor_flip(name, pick):
    def run(rng):
        made = model(rng, "", full=True)
        data, tensor = made.data(), made.tensor(pick(made, rng))
        at = data.index(tensor.data, places_of(data)["data"][0])
        return flipped(data, at + rng.randrange(len(tensor.data)), rng), f"tensor {tensor.name.decode()}"
    add(name, "a bit of a tensor is changed", run)


tensor_flip("flip-in-tensor", lambda made, rng: rng.choice([tensor.name for tensor in made.tensors if len(tensor.data) > 63]))
tensor_flip("flip-in-first-tensor", lambda made, rng: made.tensors[0].name)
tensor_flip("flip-in-last-tensor", lambda made, rng: made.tensors[-1].name)


@way("hash-tensor", "-", "the SHA-256 of a tensor")
def hash_tensor(made, rng):
    tensor = rng.choice(made.tensors)
    tensor.lies["sha256"] = rng.randbytes(32)
    return f"tensor {tensor.name.decode()}"


@way("tensors-swapped", "-", "the bytes of two tensors have changed places")
def tensors_swapped(made, rng):
    first, second = made.tensor(b"blk.0.attn_norm.weight"), made.tensor(b"blk.0.ffn_norm.weight")
    second.dtype, second.data = first.dtype, rng.randbytes(len(first.data))
    made.restate()
    first.lies["sha256"], second.lies["sha256"] = sha256(second.data), sha256(first.data)
    return f"tensor {first.name.decode()}"


for cut_name, cut_to in dict(empty=0, magic=8, version=12, in_header=100, header=255, after_header=256).items():
    way(f"cut-{cut_name}".replace("_", "-"), HEAD, f"cut to {cut_to} bytes")(lambda made, rng, to=cut_to: made.data()[:to])
way("cut-anywhere", HEAD, "cut anywhere")(lambda made, rng: made.data()[:rng.randrange(256, len(made.data()))])
way("cut-last-byte", HEAD, "the last byte is cut off")(lambda made, rng: made.data()[:-1])
way("added-byte", HEAD, "a byte is added")(lambda made, rng: made.data() + b"\0")
way("added-zeros", HEAD, "zeros up to 64 are added")(lambda made, rng: made.data() + bytes(64 - len(made.data()) % 64))


# --- padding ---

def spoil_padding(section, pick):
    """A byte of the padding behind a section; made again until there is some."""
    def run(rng):
        while True:
            made = model(rng, "", full=True)
            at, size = places_of(made.data())[section]
            if (at + size) % 64:
                break

        def change(head):
            start = at + size
            place = start + (0 if pick == "first" else len(head) - start - 1)
            return head[:place] + bytes([rng.randint(1, 255)]) + head[place + 1:]
        made.edit[section + "_padding"] = change
        return made.data(), PADDING
    add(f"padding-{section}-{pick}", "padding is zeros", run)


for section_name in SECTIONS[:3]:
    for end_name in ("first", "last"):
        spoil_padding(section_name, end_name)

    @way(f"padding-{section_name}-long", HEAD, "64 zeros too many")
    def padding_long(made, rng, name=section_name):
        made.edit[name + "_padding"] = lambda head: head + bytes(64)

    if section_name != "table":
        @way(f"padding-{section_name}-none", HEAD, "padding is left out")
        def padding_none(made, rng, name=section_name):
            fit(made, name, rng.randint(1, 63))
            made.edit[name + "_padding"] = lambda head: head[:256 + len(head[256:].rstrip(b"\0"))]


@way("padding-data", PADDING, "padding between tensors is zeros")
def padding_data(made, rng):
    uneven(made, rng)
    end = 0
    ends = []
    for tensor in made.tensors[:-1]:
        end += -end % 64 + len(tensor.data)
        ends.append(end)
    at = rng.choice([end for end in ends if end % 64])
    at += rng.randrange(64 - at % 64)
    made.edit["data"] = lambda data: data[:at] + b"\x01" + data[at + 1:]


way("data-trailing-zero", "-", "a byte behind the last tensor, sizes fit")(
    lambda made, rng: made.edit.update(data=lambda data: data + b"\0"))
way("data-trailing-zeros", "-", "zeros up to 64 behind the last tensor, sizes fit")(
    lambda made, rng: made.edit.update(data=lambda data: data + bytes(64 - len(data) % 64)))
way("data-short", "-", "a byte of the last tensor is missing, sizes fit")(
    lambda made, rng: made.edit.update(data=lambda data: data[:-1]))
way("data-empty", "-", "there is no data, sizes fit")(lambda made, rng: made.edit.update(data=lambda data: b""))


# --- facts ---

def facts_edit(name, reason, change, place=FACTS):
    @way(f"facts-{name}", place, reason)
    def spoil(made, rng):
        made.edit["facts"] = change


def values(key, reason, *bad):
    already = sum(other.name.startswith(f"facts-{key}-") for other in WAYS)
    for index, value in enumerate(bad, already):
        @way(f"facts-{key}-{index}", FACTS, f"{reason}: {key}: {value[:40]!r}")
        def change(made, rng, value=value):
            made.set(key, value)


NUMBERS = [key for key in FIELDS if key.endswith(("-count", "-length", "-kv", "-size"))]
for number_key in NUMBERS:
    values(number_key, "a number in its range", "0", "2147483648" if number_key != "block-count" else "65536", "01", "1.0")
values("block-count", "a number", "+1", "-1", "1e0", "0x1", "1,000", "1 ", "one", "9223372036854775808", "18446744073709551617",
       "4294967297")
for real_key in ("rope-base", "norm-epsilon"):
    values(real_key, "a real number in its one spelling", "-1", "-0", "1e+4", "1e4", "1E+04", "10000.0", "1000000", "010000",
           "+10000", "inf", "nan", "INF", "1e+39", "3.402824e+38", "1e-46", "0x1p3", ".5", "5.", "0.10", "0.1000000015",
           "0.100000001", "1e+004", "1,5", "1_0", "1e+00", "0.00001", "9.9999999e-06", "1e-05f", "16777217", "1250000", "12345670", "9.99999994e+03", "0.0",
           "00", "1 0", "3.14159274101257324")
values("rope-base", "above 0", "0")
values("rope-scaling", "none, or linear FACTOR", "linear", "linear 0", "linear 1", "linear  2", "linear none", "yarn 2", "None", "linear 2 2",
       "linear -1", "linear 2.0", "linear inf", "2", "none 2", "linear 02", "dynamic", "Linear 2", "linear2")
values("quantization", "a dtype", "F16", "unknown", "q4_k", "mixed", "f16 f32", "#2")
values("name", "no ://", "https://example.org/x", "x://", "://", "see hf://org/name")
values("license", "no ://", "https://example.org/x", "MIT ://")
values("architecture", "a word", "LLaMA", "a" * 65, "lla ma", "llama/2", "llama ", "ll\u00e4ma")
values("name", "the grammar of text documents", "n" * 1025, "", " x", "x ", "a\tb", "a\rb", "a\0b", "\u200bx", "x\u202ey", "\ufeffx",
       "\u00adx", "a\u0085b", "\ufdd0", "\U0001ffff", "\udcff", "\udcc3(", "\udced\udca0\udc80", "\u4e2d\u200d\u6587", "\x7f")
for index, word in enumerate(("qwen2", "llama4", "gpt-neox", "a" * 64, "-", "unknown", "0._")):
    @way(f"facts-architecture-unsupported-{index}", FACTS, f"unsupported architecture {word}")
    def other_architecture(made, rng, word=word):
        made.set("architecture", word)
for index, line in enumerate(("minimodel-facts 1", "minimodel-facts 9223372036854775807", "minimodel-facts", "minimodel-facts 00", "minimodel-facts -1", "minimodel-facts v0", "minimodel-manifest 0",
                              "minimodel-facts 0 ", "minimodel-facts  0", "Minimodel-facts 0", "\ufeffminimodel-facts 0", "x: y")):
    @way(f"facts-first-line-{index}", FACTS, f"the first line: {line!r}")
    def first_line_spoilt(made, rng, line=line):
        made.first_line = line


def field_ways(key):
    @way(f"facts-without-{key}", FACTS, f"{key} is missing")
    def without(made, rng):
        made.facts = [field for field in made.facts if field[0] != key]

    @way(f"facts-twice-{key}", FACTS, f"{key} comes twice")
    def twice(made, rng):
        at = [other for other, _ in made.facts].index(key)
        made.facts.insert(at, made.facts[at])


for field_key in FIELDS:
    if field_key not in ("name", "license"):
        field_ways(field_key)


@way("facts-swapped", FACTS, "two fields have changed places")
def facts_swapped(made, rng):
    at = rng.randrange(len(made.facts) - 1)
    made.facts[at], made.facts[at + 1] = made.facts[at + 1], made.facts[at]


@way("facts-last-first", FACTS, "the last field stands first")
def facts_last_first(made, rng):
    made.facts.insert(0, made.facts.pop())


for index, (extra_key, extra_value) in enumerate((("x-note", "x"), ("parameters", "7"), ("Name", "x"), ("template", "{{x}}"),
                                                  ("expert-count", "8"), ("", "x"), ("9", "x"))):
    @way(f"facts-unknown-{index}", FACTS, f"a field that the page does not have: {extra_key}")
    def unknown_field(made, rng, field=(extra_key, extra_value)):
        made.facts.insert(rng.choice([0, len(made.facts)]), field)

for edit_name, edit in dict(
        no_last_line_end=lambda raw: raw[:-1], two_line_ends=lambda raw: raw + b"\n", crlf=lambda raw: raw.replace(b"\n", b"\r\n"),
        cr=lambda raw: raw.replace(b"\n", b"\r"), blank_line=lambda raw: raw.replace(b"\n", b"\n\n", 2)[:-0 or None],
        comment=lambda raw: raw + b"# x\n", no_space=lambda raw: raw.replace(b": ", b":", 1), two_spaces=lambda raw: raw.replace(b": ", b":  ", 1),
        tab=lambda raw: raw.replace(b": ", b":\t", 1), nul_behind=lambda raw: raw + b"\0", zeros_behind=lambda raw: raw + bytes(64),
        byte_order_mark=lambda raw: b"\xef\xbb\xbf" + raw, one_byte=lambda raw: b"x", line_end_only=lambda raw: b"\n",
        first_line_only=lambda raw: b"minimodel-facts 0\n", latin1=lambda raw: raw.replace(b"llama", b"ll\xe4ma"),
        upper_key=lambda raw: raw.replace(b"rope-base", b"Rope-base")).items():
    facts_edit(edit_name.replace("_", "-"), "the grammar of text documents: " + edit_name.replace("_", " "), edit)
facts_edit("empty", "facts have at least one byte", lambda raw: b"", f"{HEAD},{FACTS}")
facts_edit("long", "facts have at most 65536 bytes", lambda raw: raw + b"x: y\n" * 13108, f"{HEAD},{FACTS}")


@way("facts-heads-no-multiple", FACTS, "head-count is a multiple of head-count-kv")
def heads_no_multiple(made, rng):
    rebuild(made, rng, head_count=rng.choice([3, 5]), head_count_kv=2)


@way("facts-heads-fewer", FACTS, "head-count is a multiple of head-count-kv, so not below it")
def heads_fewer(made, rng):
    rebuild(made, rng, head_count=1, head_count_kv=2)


@way("facts-rope-odd", FACTS, "rope-dimension-count is even")
def rope_odd(made, rng):
    made.set("rope-dimension-count", rng.choice([1, 3, made.get("key-length") - 1]))


@way("facts-rope-long", FACTS, "rope-dimension-count is at most key-length")
def rope_long(made, rng):
    made.set("rope-dimension-count", made.get("key-length") + rng.choice([2, 32, 2**20]))


for vocab_name, vocab_step in (("more", 1), ("less", -1), ("double", 2**8)):
    @way(f"facts-vocab-{vocab_name}", f"{FACTS},{TOKENIZER}", "vocab-size is the number of pieces")
    def vocab(made, rng, step=vocab_step):
        rebuild(made, rng, vocab_size=made.get("vocab-size") + step)


@way("facts-quantization-other", FACTS, "the dtype that most bytes have")
def quantization_other(made, rng):
    made.set("quantization", rng.choice([name for name in BLOCKS if name != made.get("quantization")]))


@way("facts-quantization-tie", FACTS, "the bytewise first name on a tie")
def quantization_tie(made, rng):
    made = model(rng, "tie of dtypes", full=True)
    made.set("quantization", "f16")
    return made.data()


for shape_key in ("embedding-length", "feed-forward-length", "head-count", "head-count-kv", "key-length", "value-length"):
    @way(f"facts-{shape_key}-of-others", f"{TABLE},{FACTS}", f"tensors have another {shape_key} than the facts")
    def shape_of_others(made, rng, key=shape_key):
        made.set(key, made.get(key) + 32 if key.endswith("-length") else made.get(key) * 2)
        if key == "head-count-kv":
            made.set("head-count", made.get("head-count") * 2)


@way("facts-blocks-more", f"{TABLE},{FACTS}", "a block has no tensors")
def blocks_more(made, rng):
    made.set("block-count", rng.choice([made.get("block-count") + 1, 65535]))


# --- tokenizer ---

def words_of(made):
    return made.tokenizer


def spoil(name, reason, place=TOKENIZER):
    """Like way, with the tokenizer."""
    def register(change):
        @way(f"tokenizer-{name}", place, reason)
        def run(made, rng):
            change(made.tokenizer, rng)
        return change
    return register


def off(what, step):
    truth = {"pieces": lambda made: len(made.pieces), "merges": lambda made: len(made.merges), "settings": lambda made: len(made.settings),
             "pre": lambda made: len(made.pre), "total": lambda made: sum(map(len, made.pieces))}[what]
    return lambda made, rng: (truth(made.tokenizer) + step) % (2**64 if what == "total" else 2**32)


for count_name in ("pieces", "merges", "settings", "pre", "total"):
    lies("tokenizer", words_of, TOKENIZER, "counts that make the section's size",
         **{f"{count_name}_{label}": (count_name, off(count_name, step))
            for label, step in (("plus_1", 1), ("minus_1", -1), ("top_bit", 2**63 if count_name == "total" else 2**31))},
         **{f"{count_name}_all_ones": (count_name, HUGE64 if count_name == "total" else HUGE32)})
lies("tokenizer", words_of, TOKENIZER, "flags", flag_2=("flags", lambda made, rng: 4 + (made.tokenizer.scores is not None)
                                                        + 2 * (made.tokenizer.types is not None)),
     flag_31=("flags", lambda made, rng: 2**31 + (made.tokenizer.scores is not None) + 2 * (made.tokenizer.types is not None)))
for kind_number in (0, 3, 256, HUGE32):
    @spoil(f"kind-{kind_number}", "kind 1 or 2")
    def other_kind(made, rng, kind=kind_number):
        made.kind = kind


@spoil("no-pieces", "at least one piece")
def no_pieces(made, rng):
    made.pieces, made.merges, made.settings = [], [], []
    made.scores = made.types = None


@spoil("sum-of-lengths", "the sum of the lengths is T")
def sum_of_lengths(made, rng):
    lengths = [len(piece) for piece in made.pieces]
    lengths[rng.randrange(len(lengths))] += 1
    made.lies["lengths"] = lengths


@spoil("piece-more", "the sum of the lengths is T: one piece more, as many bytes fewer")
def piece_more(made, rng):
    per = 2 + 4 * (made.scores is not None) + (made.types is not None)
    made.pieces.append(b"z" * 40)
    made.types = made.types and made.types + [1]
    made.scores = made.scores and made.scores + [0]
    made.lies.update(pieces=len(made.pieces) + 1, total=sum(map(len, made.pieces)) - per)


@spoil("sizes-wrap", "sizes that fit only where sums wrap at 2^64")
def sizes_wrap(made, rng):
    per = 2 + 4 * (made.scores is not None) + (made.types is not None)
    total = sum(map(len, made.pieces))
    more = total // per + rng.randint(1, 9)
    made.lies.update(pieces=len(made.pieces) + more, total=(total - per * more) % 2**64)


@spoil("equal-pieces", "no two pieces are equal")
def equal_pieces(made, rng):
    full = [at for at, piece in enumerate(made.pieces) if piece]
    first, second = rng.sample(full, 2)
    made.pieces[second] = made.pieces[first]
    if made.types is not None:
        made.types[second] = made.types[first]


@spoil("merges-of-kind-1", "kind 1 has no merges")
def merges_of_kind_1(made, rng):
    made.kind, made.types = 1, None
    made.merges = made.merges or [(0, 0)]


def two_full(made, rng):
    """Indices of pieces that are not empty, of a tokenizer of kind 2."""
    made.kind = 2
    return [at for at, piece in enumerate(made.pieces) if piece]


for merge_name, index_of in (("count", lambda made: len(made.pieces)), ("all-ones", lambda made: HUGE32), ("top-bit", lambda made: 2**31)):
    for side in (0, 1):
        @spoil(f"merge-index-{merge_name}-{side}", "indices are below P")
        def merge_index(made, rng, index_of=index_of, side=side):
            pair = [two_full(made, rng)[0]] * 2
            pair[side] = index_of(made)
            made.merges.append(tuple(pair))

for side in (0, 1):
    @spoil(f"merge-empty-{side}", "a merge joins pieces that are not empty")
    def merge_empty(made, rng, side=side):
        full = two_full(made, rng)
        made.merges = [pair for pair in made.merges if full[-1] not in pair]
        made.pieces[full[-1]] = b""
        pair = [full[0]] * 2
        pair[side] = full[-1]
        made.merges.append(tuple(pair))


@spoil("merge-twice", "no merge comes twice")
def merge_twice(made, rng):
    made.merges.append(rng.choice(made.merges))


for bits_name, bits in dict(nan=0x7FC00000, inf=0x7F800000, minus_inf=0xFF800000, signalling=0x7F800001, minus_nan=0xFFFFFFFF).items():
    @spoil(f"score-{bits_name}".replace("_", "-"), "scores are finite")
    def score(made, rng, bits=bits):
        made.scores = made.scores or [0] * len(made.pieces)
        made.scores[rng.randrange(len(made.scores))] = bits

for type_number in (0, 7, 128, 255):
    @spoil(f"type-{type_number}", "types are 1 to 6")
    def piece_type(made, rng, number=type_number):
        made.types = made.types or [1] * len(made.pieces)
        made.types[rng.randrange(len(made.types))] = number

for spelling_at, spelling in enumerate((b"A", b"<0xab>", b"<0xaB>", b"<0x4>", b"<0x041>", b"<0xG0>", b"<0X41>", b"0x41", b"<0x41", b"<0x41> ", b"<0x 1>", b"<0x+1>",
                                        b"", b"\xff", b"<0x41>\0")):
    @spoil(f"byte-{spelling_at}", f"a byte of kind 1 is spelled <0xHH>: {spelling!r}")
    def byte_spelling(made, rng, spelling=spelling):
        made.kind, made.merges = 1, []
        made.types = [1] * len(made.pieces)
        at = made.pieces.index(spelling) if spelling and spelling in made.pieces else rng.randrange(len(made.pieces))
        made.pieces[at], made.types[at] = spelling, 6


for setting_name, pairs in dict(
        unsorted=[(2, 0), (1, 0)], twice=[(1, 0), (1, 0)], twice_differing=[(33, 0), (33, 1)], switches_first=[(32, 1), (1, 0)],
        switch_2=[(32, 2)], switch_none=[(33, HUGE32)], switch_256=[(36, 256)], token_2_31=[(1, 2**31)], token_minus_2=[(15, HUGE32 - 1)],
        unknown_0=[(0, 0)], unknown_16=[(16, 0)], unknown_31=[(31, 0)], unknown_37=[(37, 0)], unknown_last=[(HUGE32, 0)]).items():
    @spoil(f"setting-{setting_name}".replace("_", "-"), "settings: " + setting_name)
    def settings(made, rng, pairs=pairs):
        made.settings = list(pairs)
for token_number in sorted(TOKENS):
    @spoil(f"setting-token-{token_number}", "a token is the index of a piece")
    def token(made, rng, number=token_number):
        made.settings = [(number, len(made.pieces))]
for switch_number in sorted(SWITCHES):
    @spoil(f"setting-switch-{switch_number}", "a switch is 0 or 1")
    def switch(made, rng, number=switch_number):
        made.settings = [(number, 2)]


@spoil("settings-65", "at most 64 settings")
def settings_65(made, rng):
    made.settings = [(number, 0) for number in range(1, 66)]


for pre_at, pre in enumerate((b"A", b"a b", b"\xc3\xa9", b"a\0", b"a/b", b"\n", b"gpt+2", b"p" * 65)):
    @spoil(f"pre-{pre_at}", f"the pre-tokenizer's name: {pre[:9]!r}")
    def pre_tokenizer(made, rng, pre=pre):
        made.pre = pre

for edit_name, edit in dict(byte_behind=lambda raw: raw + b"\0", last_byte_missing=lambda raw: raw[:-1], only_counts=lambda raw: raw[:32],
                            half_counts=lambda raw: raw[:31], empty=lambda raw: b"", zeros=lambda raw: bytes(len(raw))).items():
    @way(f"tokenizer-{edit_name}".replace("_", "-"), f"{TOKENIZER},{HEAD}", f"the section's size: {edit_name}")
    def tokenizer_edit(made, rng, edit=edit):
        made.edit["tokenizer"] = edit


# --- table ---

def entry_way(name, reason, place=TABLE):
    """Like way, with a tensor of rank 2 in the middle."""
    def register(change):
        @way(f"table-{name}", place, reason)
        def run(made, rng):
            change(made.tensor(b"blk.0.ffn_gate.weight"), rng)
        return change
    return register


def states(name, reason, place=TABLE, **what):
    @entry_way(name, reason, place)
    def change(tensor, rng):
        for key, value in what.items():
            tensor.lies[key] = value(tensor) if callable(value) else value


for dtype_number in (3, 4, 7, 10, 24, 31, 43, 256, HUGE32):
    states(f"dtype-{dtype_number}", f"unsupported dtype {dtype_number}", dtype=dtype_number)
for rank_number in (0, 1, 3, 4, 5, HUGE32):
    states(f"rank-{rank_number}", "the rank that the tensor has", rank=rank_number)
states("rank-3-of-1", "the dimensions that the tensor has", rank=3, dims=lambda tensor: tensor.dims + [1, 0])
states("unused-1", "unused dimensions are 0", dims=lambda tensor: tensor.dims + [1, 0])
states("unused-last", "unused dimensions are 0", dims=lambda tensor: tensor.dims + [0, HUGE64])
states("dims-zero", "dimensions are from 1", dims=lambda tensor: [tensor.dims[0], 0, 0, 0])
states("dims-zero-size-zero", "dimensions are from 1", dims=lambda tensor: [0, tensor.dims[1], 0, 0])
states("dims-2-63", "the product is below 2^63", dims=[2**32, 2**31, 0, 0])
states("dims-wrap-to-0", "the product is below 2^63", dims=[2**32, 2**32, 0, 0])
states("dims-wrap", "the product is below 2^63", dims=lambda tensor: [tensor.dims[0], 2**63 + tensor.dims[1], 0, 0])
states("dims-all-ones", "the product is below 2^63", dims=[HUGE64, HUGE64, 0, 0])
states("dims-joined", "the dimensions that the tensor has", dims=lambda tensor: [tensor.dims[0] * tensor.dims[1], 1, 0, 0])
for size_name, step in (("plus-1", 1), ("minus-1", -1), ("plus-64", 64), ("top-bit", 2**63)):
    states(f"size-{size_name}", "the size that dtype and dimensions say", size=lambda tensor, step=step: (len(tensor.data) + step) % 2**64)
states("size-zero", "the size that dtype and dimensions say", size=0)
states("size-all-ones", "the size that dtype and dimensions say", size=HUGE64)
states("offset-0", "each tensor at the end of the one before", offset=0)
states("offset-1", "each tensor at the end of the one before", offset=1)
states("offset-all-ones", "each tensor at the end of the one before", offset=HUGE64)
states("offset-top", "each tensor at the end of the one before", offset=2**64 - 64)
states("name-length-zero", "a name has 1 to 255 bytes", name_length=0)
states("name-length-plus-1", "names stand one after the other", name_length=lambda tensor: len(tensor.name) + 1)
states("name-length-minus-1", "names stand one after the other", name_length=lambda tensor: len(tensor.name) - 1)
states("name-length-256", "a name has 1 to 255 bytes", name_length=256)
states("name-length-all-ones", "a name has 1 to 255 bytes", name_length=HUGE32)
states("name-at-0", "names stand one after the other", name_at=0)
states("name-at-all-ones", "names stand one after the other", name_at=HUGE32)


@way("table-offset-first", TABLE, "the first tensor is at offset 0")
def offset_first(made, rng):
    made.tensors[0].lies["offset"] = 64


@way("table-gap", TABLE, "64 zeros more between two tensors")
def gap(made, rng):
    at = rng.randrange(1, len(made.tensors))
    place = 0
    for index, tensor in enumerate(made.tensors):
        place += -place % 64
        if index >= at:
            tensor.lies["offset"] = place + 64
        if index == at:
            start = place
        place += len(tensor.data)
    made.edit["data"] = lambda data: data[:start] + bytes(64) + data[start:]


@way("table-tight", TABLE, "no padding between tensors")
def tight(made, rng):
    uneven(made, rng)
    place = 0
    for tensor in made.tensors:
        tensor.lies["offset"] = place
        place += len(tensor.data)
    made.edit["data"] = lambda data: b"".join(tensor.data for tensor in made.tensors)


@way("table-data-order", TABLE, "the data stand in another order than the entries")
def data_order(made, rng):
    place, data = 0, b""
    for tensor in reversed(made.tensors):
        data += bytes(-len(data) % 64)
        tensor.lies["offset"] = len(data)
        data += tensor.data
    made.edit["data"] = lambda _: data


@way("table-swapped", TABLE, "entries are sorted by name")
def swapped(made, rng):
    at = rng.randrange(len(made.tensors) - 1)
    made.tensors[at], made.tensors[at + 1] = made.tensors[at + 1], made.tensors[at]


@way("table-natural-order", TABLE, "names are sorted bytewise: blk.10 stands before blk.2")
def natural_order(made, rng):
    while made.get("block-count") < 11:
        add_block(made)
    block_of = lambda name: int(name.split(b".")[1]) if name.startswith(b"blk.") else 99
    made.tensors.sort(key=lambda tensor: (block_of(tensor.name), tensor.name))


def renamed(name, reason, old, new):
    @way(f"table-{name}", TABLE, reason)
    def change(made, rng):
        made.tensor(old).name = new
        made.tensors.sort(key=lambda tensor: tensor.name)


def added(name, reason, *tensors):
    @way(f"table-{name}", TABLE, reason)
    def change(made, rng):
        for new in tensors:
            made.tensors.append(Tensor(new, "f32", [2], bytes(8)))
        made.tensors.sort(key=lambda tensor: tensor.name)


NORM = b"blk.0.ffn_norm.weight"
renamed("name-empty", "a name has 1 to 255 bytes", b"output_norm.weight", b"")
renamed("name-256", "a name has 1 to 255 bytes", b"output_norm.weight", b"o" * 256)
renamed("name-control", "no control characters", b"output_norm.weight", b"output_norm\n.weight")
renamed("name-nul", "no control characters", b"output_norm.weight", b"output_norm.weight\0")
renamed("name-c1", "no control characters", b"output_norm.weight", b"output_norm.weight\xc2\x85")
renamed("name-utf8", "well-formed UTF-8", b"output_norm.weight", b"output_norm\xff")
renamed("name-overlong", "well-formed UTF-8", b"output_norm.weight", b"output\xc0\xafnorm")
renamed("name-upper", "the names of llama's tensors", b"output_norm.weight", b"Output_norm.weight")
renamed("name-block-01", "blocks are counted in decimal", NORM, b"blk.00.ffn_norm.weight")
renamed("name-block-high", "blocks are counted from 0", NORM, b"blk.99.ffn_norm.weight")
renamed("name-block-huge", "blocks are counted from 0", NORM, b"blk.4294967296.ffn_norm.weight")
renamed("name-block-none", "blocks are counted from 0", NORM, b"blk..ffn_norm.weight")
renamed("name-block-minus", "blocks are counted from 0", NORM, b"blk.-1.ffn_norm.weight")
added("extra", "no other tensors", b"extra.weight")
added("extra-rope", "no other tensors", b"rope_freqs.weight")
added("extra-norm-bias", "no other tensors", b"output_norm.bias")
added("extra-last", "no other tensors", b"zzz")
added("extra-unicode", "no other tensors", "t\u00e9nseur".encode())
added("extra-block", "no other tensors", b"blk.65535.attn_norm.weight")
for lacking, _, may_lack in LLAMA_TENSORS:
    if not may_lack:
        @way(f"table-without-{lacking}", TABLE, f"{lacking} is missing")
        def without_tensor(made, rng, name=lacking):
            block = rng.randrange(made.get("block-count"))
            made.tensors.remove(made.tensor(name.replace("N", str(block)).encode()))
            made.restate()
    elif "N" in lacking:
        @way(f"table-in-one-block-{lacking}", TABLE, f"{lacking} is not in every block")
        def in_one_block(made, rng, name=lacking):
            add_block(made)
            names = [name.replace("N", str(block)).encode() for block in range(made.get("block-count"))]
            there = {tensor.name for tensor in made.tensors}
            if there & set(names):
                made.tensors.remove(made.tensor(rng.choice(names)))
            else:
                dims = made.tensor(b"blk.0." + names[0].split(b".")[2] + b".weight").dims[1:]
                made.tensors.append(Tensor(rng.choice(names), "f32", dims, bytes(4 * dims[0])))
                made.tensors.sort(key=lambda tensor: tensor.name)
            made.restate()


@way("table-name-twice", TABLE, "names are unique")
def name_twice(made, rng):
    at = rng.randrange(len(made.tensors))
    made.tensors.insert(at, made.tensors[at])
    made.restate()


for dims_name, new_dims in dict(transposed=lambda dims: dims[::-1], longer=lambda dims: [dims[0], dims[1] + 1],
                                shorter=lambda dims: [dims[0], dims[1] - 1], flat=lambda dims: [dims[0] * dims[1]],
                                rank_3=lambda dims: dims + [1]).items():
    @way(f"table-dims-{dims_name}".replace("_", "-"), TABLE, f"the dimensions that llama's tensors have: {dims_name}")
    def dims_changed(made, rng, new_dims=new_dims):
        tensor = made.tensor(b"token_embd.weight")
        while tensor.dims[0] == tensor.dims[1]:
            rebuild(made, rng, embedding_length=tensor.dims[0] + 32)
        tensor.dtype, tensor.dims = "f32", new_dims(tensor.dims)
        tensor.data = rng.randbytes(size_of("f32", tensor.dims))
        made.restate()

for block_dtype in ("q8_0", "q4_0"):
    @way(f"table-row-{block_dtype}", TABLE, f"a row of {block_dtype} is a multiple of 32")
    def row(made, rng, dtype=block_dtype):
        rebuild(made, rng, feed_forward_length=48)
        tensor = made.tensor(b"blk.0.ffn_down.weight")
        _, block, block_bytes = BLOCKS[dtype]
        tensor.dtype, tensor.data = dtype, rng.randbytes(48 * tensor.dims[1] // block * block_bytes)
        made.restate()


@way("table-none", "-", "there is at least one tensor")
def no_tensors(made, rng):
    made.tensors = []


for edit_name, edit in dict(byte_behind=lambda raw: raw + b"\0", name_behind=lambda raw: raw + b"x", last_byte_missing=lambda raw: raw[:-1],
                            empty=lambda raw: b"", names_missing=lambda raw: raw[:96], entry_zeros=lambda raw: bytes(96) + raw[96:]).items():
    @way(f"table-{edit_name}".replace("_", "-"), f"{TABLE},{HEAD}", f"entries and names fill the section: {edit_name}")
    def table_edit(made, rng, edit=edit):
        made.edit["table"] = edit
