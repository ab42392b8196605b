#!/usr/bin/env python3
"""Write the test corpus: small files that are right, wrong or unknown in exactly one way.

    scripts/make-testdata.py FOLDER

FOLDER/<format>/<good|bad|unsupported>-<what>/<file>, and FOLDER/expect.tsv, one line a file:
PATH<TAB>good|bad|unsupported<TAB>RULE<TAB>POSITION, with `@OFFSET`, `LINE:COLUMN` or `-` as the position.

Every file has its recipe here, and every expectation is what the recipe knows: where it put the fault. The mechanisms
are those that broke real readers; a CVE number names the first one that was known by it.

Rules that no file alone can break:
  io-*                  are about the machine, not the file
  chunk-limit           needs 8,000,001 chunks of 64 KiB, half a terabyte
  chunk-root            compares with a root that the caller pins
  text-size (lists)     a chunk list may be 65 x chunk-count + 4096 bytes, that is 520 MB; manifests stand for the rule
  gguf-key-style, gguf-file-type, gguf-chat-template   are notes; their files are good
  manifest-bytes        1 MiB of manifest has no room for enough artifacts of 8,000,000 chunks, so that some other rule
                        always breaks with it
  chunk-wrong           a changed chunk changes the whole file's hash (chunk-sha256) too
  set-*, verify-*, make-*   are about a whole folder
A missing shard of a split model is a matter of the set (set-split) as well. A reader that finds out the format by itself
takes a broken .json for text; so the folders json, text and opaque hold a `told.manifest` beside each file, which says
what it is.
"""

import gzip
import hashlib
import io
import json
import os
import pickle
import struct
import sys
import tarfile
import zipfile

sys.dont_write_bytecode = True
import slm_file
from slm_file import Slm

FILES = []


def case(verdict, path, data, rule="-", position="-"):
    """PATH is FORMAT/WHAT/FILE; its middle gets the verdict in front. DATA is bytes; an int stands for so many zeros, and
    a pair for bytes and zeros behind them up to a size (both cost no room on a disk)."""
    kind, what, name = path.split("/")
    FILES.append((f"{kind}/{verdict}-{what}/{name}", data, verdict, rule, str(position)))


def good(path, data):
    case("good", path, data)


def bad(path, data, rule, position="-"):
    case("bad", path, data, rule, position)


def unsupported(path, data, rule, position="-"):
    case("unsupported", path, data, rule, position)


def extra(path, data):
    """A file that stands beside another one and expects nothing of its own."""
    FILES.append((path, data, None, None, None))


# ---- GGUF ----

U8, I8, U16, I16, U32, I32, F32, BOOL, STR, ARR, U64, I64, F64 = range(13)
PACK = {U8: "<B", I8: "<b", U16: "<H", I16: "<h", U32: "<I", I32: "<i", F32: "<f", BOOL: "<B", U64: "<Q", I64: "<q", F64: "<d"}

# number: (elements of a block, bytes of a block), as ggml.h has them
GGML = {
    0: (1, 4), 1: (1, 2), 2: (32, 18), 3: (32, 20), 6: (32, 22), 7: (32, 24), 8: (32, 34), 9: (32, 36),
    10: (256, 84), 11: (256, 110), 12: (256, 144), 13: (256, 176), 14: (256, 210), 15: (256, 292),
    16: (256, 66), 17: (256, 74), 18: (256, 98), 19: (256, 50), 20: (32, 18), 21: (256, 110), 22: (256, 82), 23: (256, 136),
    24: (1, 1), 25: (1, 2), 26: (1, 4), 27: (1, 8), 28: (1, 8), 29: (256, 56), 30: (1, 2), 34: (256, 54), 35: (256, 66),
    39: (32, 17), 40: (64, 36), 41: (128, 18), 42: (64, 18),
}
Q4_0, Q1_0, GGML_I8 = 2, 41, 24


def string(value):
    value = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(value)) + value


def encode(kind, value):
    if isinstance(value, bytes) and kind != STR:
        return value  # raw, for lies
    if kind == STR:
        return string(value)
    if kind == ARR:
        element, items = value
        return struct.pack("<IQ", element, len(items)) + b"".join(encode(element, item) for item in items)
    return struct.pack(PACK[kind], value)


def up(number, alignment):
    return -(-number // alignment) * alignment


class Gguf:
    """Builds a file and remembers in `at` where everything stands: KEY, KEY:type, KEY:value, NAME, NAME:rank, NAME:dims,
    NAME:dtype, NAME:offset."""

    def __init__(self, version=3, magic=b"GGUF", alignment=32):
        self.magic, self.version, self.alignment = magic, version, alignment
        self.body, self.at = bytearray(), {}
        self.pairs = self.tensors = self.end = 0
        self.data = bytearray()

    def mark(self, name):
        self.at[name] = 24 + len(self.body)

    def pair(self, key, kind, value, name=None):
        name = name or key
        self.mark(name)
        self.body += string(key)
        self.mark(f"{name}:type")
        self.body += struct.pack("<I", kind)
        self.mark(f"{name}:value")
        self.body += encode(kind, value)
        self.pairs += 1
        return self

    def llama(self):
        return self.pair("general.architecture", STR, "llama")

    def tensor(self, tensor, dims=(4,), dtype=0, offset=None, rank=None, name=None):
        block, size = GGML.get(dtype, (1, 1))
        name = name or tensor
        self.mark(name)
        self.body += string(tensor)
        self.mark(f"{name}:rank")
        self.body += struct.pack("<I", len(dims) if rank is None else rank)
        self.mark(f"{name}:dims")
        self.body += b"".join(struct.pack("<Q", d) for d in dims)
        self.mark(f"{name}:dtype")
        self.body += struct.pack("<I", dtype)
        self.mark(f"{name}:offset")
        start = up(self.end, self.alignment)
        self.body += struct.pack("<Q", start if offset is None else offset)
        elements = 1
        for d in dims:
            elements *= d
        self.end = start + elements // block * size
        self.tensors += 1
        return self

    def header(self, tensors=None, pairs=None):
        counts = (self.tensors if tensors is None else tensors, self.pairs if pairs is None else pairs)
        return self.magic + struct.pack("<IQQ", self.version, *counts) + bytes(self.body)

    def file(self, padded=True, data=None):
        """The header, padding, and tensor data of a walking pattern, padded at the end or not."""
        header = self.header()
        if data is None:
            ends = self.pattern()
            data = ends + bytes(up(len(ends), self.alignment) - len(ends)) if padded else ends
        start = up(len(header), self.alignment) if data or padded else len(header)
        return header + bytes(start - len(header)) + data

    def pattern(self):
        """Non-zero bytes in tensors, zeros between them, for tensors whose offsets are what they should be."""
        out, at = bytearray(self.end), len(self.header())
        spans = [(struct.unpack_from("<Q", self.header(), self.at[n])[0], self.at[n[:-7] + ":dims"],
                  self.at[n[:-7] + ":dtype"]) for n in self.at if n.endswith(":offset")]
        for offset, dims, dtype in spans:
            elements = 1
            for i in range((dtype - dims) // 8):
                elements *= struct.unpack_from("<Q", self.header(), dims + 8 * i)[0]
            block, size = GGML[struct.unpack_from("<I", self.header(), dtype)[0]]
            length = elements // block * size
            out[offset:offset + length] = bytes((i + at) % 255 + 1 for i in range(length))
        return bytes(out)


def model():
    return Gguf().llama().tensor("a")


def tokenizer(kind="llama", tokens=("a", "b"), scores=(0.0, 0.0), types=(1, 1)):
    g = Gguf().llama()
    g.pair("tokenizer.ggml.model", STR, kind)
    g.pair("tokenizer.ggml.tokens", ARR, (STR, tokens))
    g.pair("tokenizer.ggml.scores", ARR, (F32, scores))
    return g.pair("tokenizer.ggml.token_type", ARR, (I32, types))


def gguf(what):
    return f"gguf/{what}/model.gguf"


def gguf_good():
    good(gguf("plain"), model().file())
    good(gguf("version-2"), Gguf(version=2).llama().tensor("a").file())
    good(gguf("nothing-at-all"), Gguf().file(padded=False))
    good(gguf("no-tensors-unpadded"), tokenizer().file(padded=False))
    good(gguf("no-tensors-padded"), tokenizer().file())
    good(gguf("data-unpadded"), model().file(padded=False))
    good(gguf("two-tensors"), model().tensor("b", (3, 3)).tensor("c").file())
    good(gguf("architecture-last"), Gguf().pair("llama.block_count", U32, 1).llama().tensor("a").file())
    good(gguf("no-architecture"), Gguf().pair("split.no", U16, 1).pair("split.count", U16, 2)
         .pair("split.tensors.count", I32, 2).tensor("a").file())
    for alignment in (8, 65536):
        good(gguf(f"alignment-{alignment}"), Gguf(alignment=alignment).llama()
             .pair("general.alignment", U32, alignment).tensor("a", (3,)).tensor("b", (5,)).file())
    good(gguf("alignment-after-nothing"), Gguf(alignment=64).pair("general.alignment", U32, 64).file())
    good(gguf("no-such-token"), tokenizer().pair("tokenizer.ggml.bos_token_id", U32, 0xFFFFFFFF)
         .pair("tokenizer.ggml.eos_token_id", U32, 0xFFFFFFFF).file())
    good(gguf("empty-arrays"), Gguf().llama().pair("a.strings", ARR, (STR, [])).pair("a.bytes", ARR, (U8, []))
         .pair("a.doubles", ARR, (F64, [])).tensor("a").file())
    good(gguf("rank-4"), Gguf().llama().tensor("a", (2, 3, 4, 5)).file())
    everything = Gguf().llama()
    for number, (block, _) in GGML.items():
        everything.tensor(f"t{number}", (block, 2), number)
    good(gguf("all-dtypes"), everything.file())
    values = Gguf().llama()
    for kind in PACK:
        values.pair(f"v.{kind}", kind, 1).pair(f"w.{kind}", ARR, (kind, [1, 0, 1]))
    good(gguf("all-value-types"), values.file())
    good(gguf("string-of-any-bytes"), Gguf().llama().pair("general.name", STR, b"\0\xff\r\n\xed\xa0\x80").file())
    good(gguf("other-block-count"), Gguf().llama().pair("other.block_count", STR, "many").file())
    good(gguf("block-count-array"), Gguf().llama().pair("llama.attention.head_count_kv", ARR, (U32, [1, 2])).file())
    good(gguf("longest-key"), Gguf().llama().pair("k" * 65535, U8, 1).file())
    good(gguf("longest-name"), Gguf().llama().tensor("n" * 255).file())
    good(gguf("name-not-ascii"), Gguf().llama().tensor("poids \u00e9").file())
    good(gguf("longest-token"), tokenizer(tokens=("a", "t" * 65535)).file())
    good(gguf("byte-tokens"), tokenizer(tokens=("<0x0A>", "<0xff>"), types=(6, 6)).file())
    good(gguf("byte-tokens-of-gpt2"), tokenizer(kind="gpt2", tokens=("<0x-1>", "b"), types=(6, 1)).file())
    # notes: a template is code (CVE-2024-34359, CVE-2026-5760), a file type that lies, a key in capitals
    good(gguf("chat-template"), Gguf().llama()
         .pair("tokenizer.chat_template", STR, "{{ cycler.__init__.__globals__ }}").tensor("a").file())
    good(gguf("file-type-lies"), Gguf().llama().pair("general.file_type", U32, 15).tensor("a").file())
    good(gguf("key-in-capitals"), Gguf().llama().pair("General.Name", STR, "x").tensor("a").file())


def gguf_preamble():
    plain = model().file()
    bad(gguf("empty"), b"", "gguf-truncated", "@0")
    bad(gguf("zeros"), bytes(64), "gguf-zeros", "@0")  # an interrupted writer's
    bad(gguf("magic"), b"GGUX" + plain[4:], "gguf-magic", "@0")
    unsupported(gguf("big-endian-magic"), b"FUGG" + plain[4:], "gguf-big-endian-unsupported", "@0")
    unsupported(gguf("big-endian"), b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "gguf-big-endian-unsupported", "@4")
    for version in (0, 1, 4, 0xFFFFFFFF):
        unsupported(gguf(f"version-{version}"), Gguf(version=version).llama().tensor("a").file(), "gguf-version-unsupported", "@4")
    for cut in (3, 6, 12, 23):
        bad(gguf(f"cut-at-{cut}"), plain[:cut], "gguf-truncated", f"@{cut}")


def gguf_counts():
    """Counts, sizes and lengths that wrap, exhaust memory or lie."""
    g = model()
    # CVE-2024-23605: n_kv times the size of a record wraps; the same for tensors
    for what, count in (("wraps", 0x0555555555555556), ("largest", 2**64 - 1), ("above", 2**31)):
        bad(gguf(f"pair-count-{what}"), g.header(pairs=count), "gguf-count", "@16")
        bad(gguf(f"tensor-count-{what}"), g.header(tensors=count), "gguf-count", "@8")
    bad(gguf("pair-count-one-more"), Gguf().pair("a", U8, 1).header(pairs=2), "gguf-count", "@16")
    # one pair more than there is: the tensor table is read as a pair
    short = Gguf().pair("a", STR, "x" * 40)
    bad(gguf("pair-count-past-end"), short.header(pairs=2), "gguf-truncated", f"@{len(short.header())}")
    # CVE-2024-21802: n_dims above the array
    for rank in (0, 5, 0xFFFFFFFF):
        r = Gguf().llama().tensor("a", (4, 4, 4, 4, 4)[:max(1, min(rank, 5))], rank=rank)
        bad(gguf(f"rank-{rank}"), r.header() + bytes(64), "gguf-dimensions", f"@{r.at['a:rank']}")
    # CVE-2024-23496: a length plus one wraps, or asks for more memory than the file has bytes
    for what, length in (("wraps", 2**64 - 1), ("large", 2**60)):
        lie = struct.pack("<Q", length)
        r = Gguf().pair("k", STR, "x")
        h = r.header()
        bad(gguf(f"key-length-{what}"), h[:24] + lie + h[32:], "gguf-string-length", "@24")
        at = r.at["k:value"]
        bad(gguf(f"string-length-{what}"), h[:at] + lie + h[at + 8:], "gguf-string-length", f"@{at}")
        r = model()
        at = r.at["a"]
        bad(gguf(f"name-length-{what}"), r.file()[:at] + lie + r.file()[at + 8:], "gguf-string-length", f"@{at}")
        r = tokenizer()
        at = r.at["tokenizer.ggml.tokens:value"] + 12
        bad(gguf(f"token-length-{what}"), r.file()[:at] + lie + r.file()[at + 8:], "gguf-string-length", f"@{at}")
    r = Gguf().pair("k", STR, "x" * 20)
    bad(gguf("string-cut"), r.header()[:-1], "gguf-string-length", f"@{r.at['k:value']}")
    # a count of 2^60 in a file of 49 bytes; a count times the element's size wraps
    r = Gguf().pair("a", ARR, struct.pack("<IQ", U8, 2**60))
    assert len(r.header()) == 49
    bad(gguf("array-2-60"), r.header(), "gguf-array", f"@{r.at['a:value'] + 4}")
    for what, kind, count in (("wraps", U64, 2**61), ("strings-wrap", STR, 2**61), ("largest", F64, 2**64 - 1)):
        r = Gguf().pair("a", ARR, struct.pack("<IQ", kind, count) + bytes(16))
        bad(gguf(f"array-{what}"), r.header(), "gguf-array", f"@{r.at['a:value'] + 4}")
    r = Gguf().pair("a", ARR, (U32, [1, 2, 3]))
    bad(gguf("array-cut"), r.header()[:-1], "gguf-array", f"@{r.at['a:value'] + 4}")


def gguf_values():
    r = Gguf().pair("a", ARR, struct.pack("<IQIQB", ARR, 1, U8, 1, 7))
    bad(gguf("array-nested"), r.header(), "gguf-array", f"@{r.at['a:value']}")
    r = Gguf().pair("a", ARR, struct.pack("<IQ", ARR, 1) * 5000 + struct.pack("<IQ", U8, 0))  # a reader that recurses
    bad(gguf("array-nested-deep"), r.header(), "gguf-array", f"@{r.at['a:value']}")
    for kind in (13, 0xFFFFFFFF):
        r = Gguf().pair("a", kind, bytes(8))
        bad(gguf(f"value-type-{kind}"), r.header(), "gguf-value-type", f"@{r.at['a:type']}")
        r = Gguf().pair("a", ARR, struct.pack("<IQ", kind, 1) + bytes(8))
        bad(gguf(f"element-type-{kind}"), r.header(), "gguf-value-type", f"@{r.at['a:value']}")
    r = Gguf().pair("a", BOOL, 2)
    bad(gguf("bool"), r.file(), "gguf-bool", f"@{r.at['a:value']}")
    r = Gguf().pair("a", ARR, (BOOL, [0, 1, 255]))
    bad(gguf("bool-in-array"), r.file(), "gguf-bool", f"@{r.at['a:value'] + 12 + 2}")
    for what, key in (("empty", b""), ("too-long", b"k" * 65536), ("space", b"a b"), ("not-ascii", b"caf\xc3\xa9"),
                      ("nul", b"general.alignment\0"), ("delete", b"a\x7f"), ("line-feed", b"a\nb")):
        r = Gguf().pair(key, U8, 1, name="k")
        bad(gguf(f"key-{what}"), r.file(), "gguf-key", f"@{r.at['k']}")
    r = Gguf().pair("general.name", STR, "one").pair("a", U8, 1).pair("general.name", STR, "two", name="again")
    bad(gguf("key-twice"), r.file(), "gguf-key-duplicate", f"@{r.at['again']}")
    r = Gguf().pair("a", U64, 1).pair("b", U64, 2)
    bad(gguf("value-cut"), r.header()[:-1], "gguf-truncated", f"@{len(r.header()) - 1}")


def gguf_facts():
    alignments = [("0", U32, 0), ("3", U32, 3), ("48", U32, 48), ("4", U32, 4), ("2-31", U32, 2**31),
                  ("131072", U32, 131072),
                  ("u64", U64, 32), ("i32", I32, 32), ("string", STR, "32"), ("array", ARR, (U32, [32]))]
    for what, kind, value in alignments:
        r = Gguf().llama().pair("general.alignment", kind, value)
        bad(gguf(f"alignment-{what}"), r.file(), "gguf-alignment", f"@{r.at['general.alignment:value']}")
    facts = [("block-count-string", "llama.block_count", STR, "1"),
             ("block-count-float", "llama.block_count", F32, 1.0),
             ("block-count-bool", "llama.block_count", BOOL, 1), ("block-count-negative", "llama.block_count", I32, -1),
             ("block-count-2-63", "llama.block_count", U64, 2**63),
             ("context-negative", "llama.context_length", I64, -1),
             ("architecture-number", "general.architecture", U32, 7),
             ("architecture-array", "general.architecture", ARR, (STR, ["llama"])),
             ("file-type-string", "general.file_type", STR, "f16"),
             ("file-type-large", "general.file_type", U64, 2**32),
             ("split-string", "split.no", STR, "0"), ("split-count-negative", "split.count", I16, -2)]
    for what, key, kind, value in facts:
        r = Gguf().pair(key, kind, value)
        if key != "general.architecture":
            r.llama()
        bad(gguf(f"fact-{what}"), r.file(), "gguf-fact-type", f"@{r.at[key + ':value']}")


def gguf_tokenizer():
    t = "tokenizer.ggml."

    def one(what, key, kind, value):
        r = Gguf().llama().pair(t + key, kind, value)
        bad(gguf(f"tokenizer-{what}"), r.file(), "gguf-tokenizer", f"@{r.at[t + key + ':value']}")

    one("model-number", "model", U32, 1)
    one("tokens-string", "tokens", STR, "abc")
    one("tokens-numbers", "tokens", ARR, (U32, [1, 2]))
    one("merges-numbers", "merges", ARR, (U32, [1, 2]))
    # scores stored as bytes: a reader that takes them for floats reads past their end
    r = Gguf().llama().pair(t + "tokens", ARR, (STR, ["a", "b"])).pair(t + "scores", ARR, (U8, [0, 0]))
    bad(gguf("tokenizer-scores-bytes"), r.file(), "gguf-tokenizer", f"@{r.at[t + 'scores:value']}")
    r = Gguf().llama().pair(t + "tokens", ARR, (STR, ["a", "b"])).pair(t + "token_type", ARR, (U32, [1, 1]))
    bad(gguf("tokenizer-types-unsigned"), r.file(), "gguf-tokenizer", f"@{r.at[t + 'token_type:value']}")
    r = tokenizer(scores=(0.0,))
    bad(gguf("tokenizer-scores-few"), r.file(), "gguf-tokenizer", f"@{r.at[t + 'scores:value']}")
    r = tokenizer(types=(1, 1, 1))
    bad(gguf("tokenizer-types-many"), r.file(), "gguf-tokenizer", f"@{r.at[t + 'token_type:value']}")
    # CVE-2025-49847: a token longer than the int32 or the buffer that it is copied to
    r = tokenizer(tokens=("a", "t" * 65536))
    bad(gguf("token-oversized"), r.file(), "gguf-token", f"@{r.at[t + 'tokens:value'] + 12 + 9}")
    # `<0x-1>`: strtol makes a byte of what is none
    for what, token in (("negative", "<0x-1>"), ("short", "<0x1>"), ("not-hex", "<0xZZ>"), ("long", "<0x123>"),
                        ("plain", "a")):
        r = tokenizer(tokens=("a", token), types=(1, 6))
        bad(gguf(f"byte-token-{what}"), r.file(), "gguf-token", f"@{r.at[t + 'token_type:value'] + 12 + 4}")


def gguf_tensors():
    for what, name in (("empty", b""), ("too-long", b"n" * 256), ("utf-8", b"a\xff"), ("overlong", b"a\xc0\x80"),
                       ("surrogate", b"\xed\xa0\x80"), ("line-feed", b"a\nb"), ("nul", b"a\0"), ("c1", b"a\xc2\x85")):
        r = Gguf().llama().tensor(name, name="t")
        bad(gguf(f"tensor-name-{what}"), r.file(), "tensor-name", f"@{r.at['t']}")
    r = model().tensor("b").tensor("a", name="again")
    bad(gguf("tensor-twice"), r.file(), "tensor-duplicate", f"@{r.at['again']}")
    # a zero dimension divides by zero
    for what, dims, at in (("first", (0,), 0), ("second", (4, 0), 8), ("of-blocks", (0, 32), 0)):
        r = Gguf().llama().tensor("a", dims, Q4_0 if what == "of-blocks" else 0)
        bad(gguf(f"dimension-zero-{what}"), r.header() + bytes(32), "gguf-dimensions", f"@{r.at['a:dims'] + at}")
    # 4 and 5 were Q4_2 and Q4_3 and have size 0 in tables that kept their rows; 31-33 and 36-38 were repacked forms
    for number in (4, 5, 31, 36, 43, 255, 0x80000000, 0xFFFFFFFF):
        r = Gguf().llama().tensor("a", (32,), number)
        unsupported(gguf(f"dtype-{number}"), r.header() + bytes(256), "tensor-dtype-unsupported", f"@{r.at['a:dtype']}")
    r = Gguf().llama().tensor("a", (33,), Q4_0)
    bad(gguf("block-odd"), r.header() + bytes(64), "tensor-block", f"@{r.at['a:dtype']}")
    r = Gguf().llama().tensor("a", (16, 2), Q4_0)  # whole blocks in all, not in a row
    bad(gguf("block-rows"), r.header() + bytes(64), "tensor-block", f"@{r.at['a:dtype']}")
    r = model().tensor("b")
    for cut in (r.at["b:rank"] + 2, r.at["b:dims"] + 4, r.at["b:dtype"], r.at["b:offset"] + 7):
        bad(gguf(f"table-cut-at-{cut}"), r.header()[:cut], "gguf-truncated", f"@{cut}")


def gguf_arithmetic():
    """Sizes and offsets that wrap: CVE-2026-33298, CVE-2025-53630, CVE-2026-27940."""
    for what, dims, at in (("2-32-2-32", (2**32, 2**32), 8), ("2-63", (2**63,), 0), ("largest", (2**64 - 1,), 0),
                           ("four", (2**16, 2**16, 2**16, 2**16), 24)):
        r = Gguf().llama().tensor("a", dims)
        bad(gguf(f"elements-{what}"), r.header() + bytes(64), "tensor-overflow", f"@{r.at['a:dims'] + at}")
    r = Gguf().llama().tensor("a", (2**61,))
    bad(gguf("bytes-2-63"), r.header() + bytes(64), "tensor-overflow", f"@{r.at['a:offset']}")
    r = Gguf().llama().tensor("a", (2**60,)).tensor("b", (2**60,))  # each 2^62 bytes: the sum is what wraps
    bad(gguf("bytes-sum"), r.header() + bytes(64), "tensor-overflow", f"@{r.at['b:offset']}")
    r = Gguf().llama().tensor("a", (2**62,), Q1_0).tensor("b", (2**62,), Q1_0)
    bad(gguf("elements-sum"), r.header() + bytes(64), "tensor-overflow", f"@{r.at['b:offset']}")
    r = Gguf().llama().tensor("a", (2**63 - 1,), GGML_I8).tensor("b", offset=0)  # the end, rounded up, wraps
    bad(gguf("padding-wraps"), r.header() + bytes(64), "tensor-overflow", f"@{r.at['b:offset']}")
    r = Gguf().llama().tensor("a", (2**63 - 1,), GGML_I8)  # fits 63 bits; so does nothing behind the header
    file = r.file(data=bytes(32))
    bad(gguf("bytes-largest"), file, "tensor-bounds", f"@{len(file)}")
    r = Gguf().llama().tensor("a", offset=2**64 - 16)
    bad(gguf("offset-wraps"), r.header() + bytes(64), "tensor-overflow", f"@{r.at['a:offset']}")


def gguf_layout():
    # CVE-2026-7482, CVE-2024-12055: an offset or a size past the end of the file
    r = Gguf().llama().tensor("a", offset=2**40)
    bad(gguf("offset-past-end"), r.file(data=bytes(64)), "tensor-offset", f"@{r.at['a:offset']}")
    r = Gguf().llama().tensor("a", (2**30,))
    file = r.file(data=bytes(64))
    bad(gguf("size-past-end"), file, "tensor-bounds", f"@{len(file)}")
    file = model().tensor("b", (64,)).file()
    bad(gguf("data-cut"), file[:-1], "tensor-bounds", f"@{len(file) - 1}")
    file = model().file(data=b"")
    bad(gguf("data-absent"), file, "tensor-bounds", f"@{len(file)}")
    for what, offset in (("alias", 0), ("overlap", 8), ("gap", 64), ("unaligned", 16), ("before", 2**64 - 32)):
        r = model().tensor("b", offset=offset)
        rule = "tensor-overflow" if what == "before" else "tensor-offset"
        bad(gguf(f"offset-{what}"), r.file(data=bytes(128)), rule, f"@{r.at['b:offset']}")
    r = Gguf().llama().tensor("a", offset=32).tensor("b", offset=0)
    bad(gguf("offset-order"), r.file(data=bytes(64)), "tensor-offset", f"@{r.at['a:offset']}")
    r = Gguf().llama().tensor("a", offset=32)  # the first one begins the section
    bad(gguf("offset-first"), r.file(data=bytes(64)), "tensor-offset", f"@{r.at['a:offset']}")


def changed(data, at, byte=1):
    return data[:at] + bytes([byte]) + data[at + 1:]


def gguf_padding():
    r = model().tensor("b")
    header, file = len(r.header()), r.file()
    data = up(header, 32)
    assert header < data
    bad(gguf("padding-of-header"), changed(file, header), "data-padding", f"@{header}")
    bad(gguf("padding-between"), changed(file, data + 20), "data-padding", f"@{data + 20}")
    bad(gguf("padding-behind"), changed(file, len(file) - 1), "data-padding", f"@{len(file) - 1}")
    bad(gguf("padding-short"), file[:-3], "data-padding", f"@{len(file) - 3}")
    bad(gguf("surplus"), file + b"\0", "data-surplus", f"@{len(file)}")
    bad(gguf("surplus-payload"), file + b"#!/bin/sh\n" * 8, "data-surplus", f"@{len(file)}")
    r = Gguf().llama()
    header, file = len(r.header()), r.file()
    assert header + 1 < len(file)
    bad(gguf("surplus-no-tensors"), file + bytes(32), "data-surplus", f"@{len(file)}")
    bad(gguf("padding-no-tensors"), changed(file, header), "data-padding", f"@{header}")
    bad(gguf("padding-short-no-tensors"), file[:header + 1], "data-padding", f"@{header + 1}")


# ---- safetensors ----

ST_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "I16": 16, "U16": 16, "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "F64": 64, "I64": 64,
    "U64": 64, "C64": 64, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8,
    "F8_E5M2FNUZ": 8,
}


def st(header, data=b"", length=None):
    header = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def entry(name, dtype="F32", shape=(2,), begin=0, end=8):
    return f'"{name}":{{"dtype":"{dtype}","shape":{json.dumps(list(shape)).replace(" ", "")},"data_offsets":[{begin},{end}]}}'


def header_of(*entries):
    return "{" + ",".join(entries) + "}"


def safetensors(what):
    return f"safetensors/{what}/model.safetensors"


def padded_to(header, length):
    return header + " " * (length - len(header))


def st_good():
    one = header_of(entry("a"))
    good(safetensors("plain"), st(one, bytes(8)))
    good(safetensors("empty-object"), st("{}"))
    good(safetensors("metadata-only"), st('{"__metadata__":{"format":"pt","note":""}}'))
    good(safetensors("metadata-last"), st(header_of(entry("a"), '"__metadata__":{"a":"b"}'), bytes(8)))
    good(safetensors("padded"), st(padded_to(one, 128), bytes(8)))
    spread = '{\n\t"a" : { "dtype":"U8" , "shape":[ ] ,\r\n"data_offsets":[ 0 , 1 ] } }'
    good(safetensors("white-space"), st(spread, b"x"))
    good(safetensors("rank-0"), st(header_of(entry("a", "F32", (), 0, 4)), bytes(4)))
    good(safetensors("zero-size"), st(header_of(entry("a", "F32", (0,), 0, 0))))
    good(safetensors("zero-size-2-62"), st(header_of(entry("a", "F32", (0, 2**62, 2), 0, 0))))
    # a tensor of no bytes takes no room: whatever its name, it may share its offset with the one that begins there
    good(safetensors("zero-size-last-name"), st(header_of(entry("a"), entry("z", "F32", (0,), 0, 0)), bytes(8)))
    good(safetensors("zero-size-at-end"), st(header_of(entry("a"), entry("b", "F32", (3, 0), 8, 8)), bytes(8)))
    good(safetensors("out-of-order"), st(header_of(entry("b", begin=8, end=16), entry("a")), bytes(16)))
    good(safetensors("members-out-of-order"), st('{"a":{"data_offsets":[0,1],"shape":[1],"dtype":"U8"}}', b"x"))
    good(safetensors("sub-byte"), st(header_of(entry("a", "F4", (2, 3), 0, 3), entry("b", "F6_E2M3", (4,), 3, 6),
                                               entry("c", "F6_E3M2", (2, 4), 6, 12)), bytes(12)))
    entries, at = [], 0
    for dtype, bits in ST_BITS.items():
        entries.append(entry(dtype.lower(), dtype, (8,), at, at + bits))
        at += bits
    good(safetensors("all-dtypes"), st(header_of(*entries), bytes(at)))
    many = (entry(f"t{i}", "U8", (1,), i, i + 1) for i in range(100000))
    good(safetensors("100000-entries"), st(header_of(*many), bytes(100000)))
    # the length's bytes are those of a pickle of protocol 2, and of gzip data
    good(safetensors("length-640"), st(padded_to(one, 640), bytes(8)))
    good(safetensors("length-35615"), st(padded_to(one, 35615), bytes(8)))
    spaced = "{ " + one[1:]
    good(safetensors("length-35615-spaced"), st(padded_to(spaced, 35615), bytes(8)))
    good(safetensors("escaped-name"), st(header_of(entry("a\\u00e9\\ud83d\\ude00\\\"")), bytes(8)))
    good(safetensors("longest-name"), st(header_of(entry("n" * 255)), bytes(8)))


def st_length():
    one = header_of(entry("a"))
    whole = st(one, bytes(8))
    bad(safetensors("empty"), b"", "safetensors-length", "@0")
    bad(safetensors("length-cut"), whole[:7], "safetensors-length", "@7")
    bad(safetensors("length-alone"), whole[:8], "safetensors-length", "@0")
    for what, length in (("0", 0), ("one-more", len(one) + 9), ("2-63", 2**63), ("wraps", 2**64 - 8),
                         ("largest", 2**64 - 1)):
        bad(safetensors(f"length-{what}"), st(one, bytes(8), length), "safetensors-length", "@0")
    for what, first in (("space", " "), ("array", "["), ("line-feed", "\n"), ("mark", "\ufeff"), ("quote", '"'),
                        ("nul", "\0")):
        bad(safetensors(f"start-{what}"), st(first + one, bytes(8)), "safetensors-start", "@8")
    for what, padding in (("line-feed", "\n"), ("nul", "\0"), ("tab", "\t"), ("carriage-return", "\r"),
                          ("object", "{}"), ("comma", ",")):
        bad(safetensors(f"padding-{what}"), st(one + "  " + padding, bytes(8)), "safetensors-padding", f"@{8 + len(one) + 2}")
    # inside the file, and above the largest header
    bad(safetensors("length-above-limit"), (st("{}", length=100000001), 100000009), "safetensors-length", "@0")
    bad(safetensors("header-cut"), st(one[:-1], bytes(8)), "json-syntax", f"@{8 + len(one) - 1}")
    bad(safetensors("length-short"), st(one + "  ", bytes(8), len(one) - 4), "json-syntax", f"@{8 + len(one) - 4}")


def st_json():
    """The header is strict JSON in well-formed UTF-8, without two equal names at any depth."""
    def at(header, part, nth=0):
        header = header if isinstance(header, bytes) else header.encode()
        place = -1
        for _ in range(nth + 1):
            place = header.index(part, place + 1)
        return f"@{8 + place}"

    for what, name in (("stray", b"\x80"), ("overlong", b"\xc0\xaf"), ("surrogate", b"\xed\xa0\x80"),
                       ("above", b"\xf4\x90\x80\x80"),
                       ("latin-1", b"\xe9"), ("cut", b"\xe2\x82")):
        h = header_of(entry("NAME")).encode().replace(b"NAME", b"a" + name)
        bad(safetensors(f"utf-8-{what}"), st(h, bytes(8)), "json-utf8", at(h, name))
    for what, name in (("high-surrogate", "\\ud800"), ("low-surrogate", "\\udc00")):
        h = header_of(entry("a" + name))
        bad(safetensors(f"escape-{what}"), st(h, bytes(8)), "json-utf8", f"@{8 + h.index(name) + 6}")
    twice = [("name", header_of(entry("a"), entry("a", begin=8, end=16)), b'"a"'),
             ("name-escaped", header_of(entry("a"), entry("\\u0061", begin=8, end=16)), b'"\\u0061"'),
             ("metadata", header_of('"__metadata__":{}', entry("a"), '"__metadata__":{}'), b'"__metadata__"'),
             ("in-metadata", header_of('"__metadata__":{"k":"1","k":"2"}'), b'"k"'),
             ("member", '{"a":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,8]}}', b'"dtype"'),
             ("offsets", '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"data_offsets":[0,4]}}', b'"data_offsets"')]
    for what, h, part in twice:
        bad(safetensors(f"twice-{what}"), st(h, bytes(16)), "json-duplicate", at(h, part, 0 if "escaped" in what else 1))
    for what, h, part in (("comma", '{"__metadata__":{},}', b",}"), ("quotes", "{'a':1}", b"'a'"),
                          ("comment", "{/**/}", b"/*"),
                          ("control", '{"a\tb":1}', b"\t"), ("colon", '{"a" 1}', b"1"),
                          ("escape", '{"a\\x41":1}', b"x41")):
        place = at(h, part)
        bad(safetensors(f"syntax-{what}"), st(h), "json-syntax", f"@{int(place[1:]) + 1}" if what == "comma" else place)


def st_entries():
    def member(what, text, rule, part, nth=0, data=8, verdict=bad):
        h, place = '{"a":' + text + "}", -1
        for _ in range(nth + 1):
            place = h.index(part, place + 1)
        verdict(safetensors(what), st(h, bytes(data)), rule, f"@{8 + place}")

    form = '{"dtype":%s,"shape":%s,"data_offsets":%s}'
    # numbers: negative, with a fraction or exponent, too large for 63 bits
    for what, number in (("negative", "-1"), ("minus-zero", "-0"), ("fraction", "8.0"), ("exponent", "8e0"),
                         ("2-63", str(2**63)),
                         ("2-64", str(2**64)), ("huge", "1" + "0" * 400)):
        member(f"offset-{what}", form % ('"F32"', "[2]", f"[0,{number}]"), "safetensors-number", number + "]")
        member(f"dimension-{what}", form % ('"F32"', f"[{number}]", "[0,8]"), "safetensors-number", number + "]")
    member("not-an-object", "[1,2]", "safetensors-entry", "[1")
    member("null", "null", "safetensors-entry", "null")
    member("dtype-number", form % ("3", "[2]", "[0,8]"), "safetensors-entry", "3,")
    member("shape-number", form % ('"F32"', "2", "[0,8]"), "safetensors-entry", "2,\"d")
    member("shape-string", form % ('"F32"', '["2"]', "[0,8]"), "safetensors-entry", '"2"')
    member("offsets-object", form % ('"F32"', "[2]", "{}"), "safetensors-entry", "{}")
    member("offsets-one", form % ('"F32"', "[2]", "[8]"), "safetensors-entry", "[8]")
    member("offsets-three", form % ('"F32"', "[2]", "[0,8,8]"), "safetensors-entry", "[0,8,8]")
    member("offsets-reversed", form % ('"F32"', "[2]", "[8,0]"), "safetensors-entry", "[8,0]")
    member("surplus-member", (form % ('"F32"', "[2]", "[0,8]")).replace("}", ',"extra":1}'), "safetensors-entry", '"extra"')
    member("dtype-absent", '{"shape":[2],"data_offsets":[0,8]}', "safetensors-entry", '"a"')
    member("offsets-absent", '{"dtype":"F32","shape":[2]}', "safetensors-entry", '"a"')
    for dtype in ("F128", "f32", "F32 ", "", "F32\\u0000"):
        member(f"dtype-{len(dtype)}-{dtype.strip().replace(chr(92), '')}".rstrip("-"), form % (f'"{dtype}"', "[2]", "[0,8]"),
               "tensor-dtype-unsupported", f'"{dtype}"', verdict=unsupported)
    # shape times dtype: the product of the dimensions, the bytes, the sum of the elements
    member("elements-wrap", form % ('"F32"', f"[{2**62},4]", "[0,8]"), "tensor-overflow", "4]")
    member("elements-wrap-to-zero", form % ('"F32"', f"[{2**32},{2**32},0]", "[0,0]"), "tensor-overflow", f"{2**32},0")
    member("bytes-wrap", form % ('"F32"', f"[{2**62}]", "[0,0]"), "tensor-overflow", '"a"')
    h = header_of(entry("a", "F4", (2**62,), 0, 2**61), entry("b", "F4", (2**62,), 2**61, 2**62))
    bad(safetensors("elements-sum"), st(h, bytes(8)), "tensor-overflow", f"@{8 + h.index(chr(34) + 'b')}")
    member("block", form % ('"F4"', "[3]", "[0,2]"), "tensor-block", '"a"', data=2)
    member("block-of-four", form % ('"F6_E2M3"', "[2]", "[0,2]"), "tensor-block", '"a"', data=2)
    member("size-small", form % ('"F32"', "[2]", "[0,4]"), "safetensors-size", '"a"', data=4)
    member("size-large", form % ('"F32"', "[2]", "[0,16]"), "safetensors-size", '"a"', data=16)
    for what, name in (("empty", ""), ("too-long", "n" * 256), ("much-too-long", "n" * 5000), ("control", "a\\u0001"),
                       ("nul", "a\\u0000"),
                       ("c1", "a\\u0085"), ("line-feed", "a\\n")):
        bad(safetensors(f"tensor-name-{what}"), st(header_of(entry(name)), bytes(8)), "tensor-name", "@9")
    for what, value in (("number", "1"), ("null", "null"), ("object", "{}"), ("array", '["x"]'), ("bool", "true")):
        h = '{"__metadata__":{"k":' + value + "}}"
        bad(safetensors(f"metadata-{what}"), st(h), "safetensors-metadata", f"@{8 + h.index(value, 17)}")
        if value != "{}":
            h = '{"__metadata__":' + value + "}"
            bad(safetensors(f"metadata-is-{what}"), st(h), "safetensors-metadata", f"@{8 + h.index(value)}")


def st_layout():
    def layout(what, entries, data, rule, at):
        h = header_of(*entries)
        bad(safetensors(what), st(h, bytes(data)), rule, f"@{8 + len(h) + at}")

    layout("hole-first", [entry("a", begin=4, end=12)], 12, "tensor-offset", 4)
    layout("hole-between", [entry("a"), entry("b", begin=12, end=20)], 20, "tensor-offset", 12)
    layout("overlap", [entry("a"), entry("b", begin=4, end=12)], 12, "tensor-offset", 4)
    layout("alias", [entry("a"), entry("b")], 8, "tensor-offset", 0)
    layout("zero-size-inside", [entry("a"), entry("b", "F32", (0,), 4, 4)], 8, "tensor-offset", 4)
    layout("surplus", [entry("a")], 9, "data-surplus", 8)
    layout("surplus-no-tensors", [], 1, "data-surplus", 0)
    layout("data-cut", [entry("a"), entry("b", begin=8, end=16)], 15, "tensor-bounds", 15)
    layout("data-absent", [entry("a")], 0, "tensor-bounds", 0)
    layout("size-past-end", [entry("a", "U8", (2**62,), 0, 2**62)], 8, "tensor-bounds", 8)


# ---- JSON ----

def json_cases():
    plain = "json/%s/any.json"
    config = "json/%s/config.json"
    for what, text in (("object", '{"a":[1,2.5e-3,true,false,null,"x"]}\n'), ("scalar", " 7 "),
                       ("depth-64", "[" * 64 + "]" * 64),
                       ("huge-numbers", '[1000000000000000019884624838656,1e999999,-0,0.0e+00,' + "9" * 5000 + "]"),
                       ("twice", '{"a":1,"a":2}'), ("half-surrogates", '["\\ud800","\\udc00x"]'),
                       ("escapes", '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9"'),
                       ("nul-escaped", '"\\u0000"'), ("noncharacter", '"\uffff\U0010ffff"'),
                       ("long-string", '"' + "x" * 300000 + '"')):
        good(plain % what, text.encode())
    facts = ('{"model_type":"llama","num_hidden_layers":2,"hidden_size":64,"intermediate_size":160,"num_attention_heads":4,'
             '"num_key_value_heads":null,"vocab_size":384,"max_position_embeddings":256,"eos_token_id":[1,2],"pad":{"a":1}}')
    good(config % "facts", facts.encode())
    good(config % "facts-arrays", b'{"num_attention_heads":[4,8]}')
    good(config % "facts-of-others", b'{"text_config":{"hidden_size":-1},"rope_theta":1e4,'
         b'"max_value":1000000000000000019884624838656}')
    good(config % "no-object", b"[]")
    good("json/index/model.safetensors.index.json", b'{"metadata":{"total_size":8},"weight_map":{"a":"model-1.safetensors"}}')

    syntax = [("empty", "", 0), ("spaces", "  \n", 3), ("infinity", "[Infinity]", 1), ("nan", "[NaN]", 1),
              ("minus-infinity", "[-Infinity]", 2),
              ("comma", "[1,]", 3), ("comma-in-object", '{"a":1,}', 7), ("comment", "[1] // x", 4),
              ("leading-zero", "[01]", 2), ("plus", "[+1]", 1),
              ("hex", "[0x10]", 2), ("point", "[1.]", 3), ("no-digit", "[.5]", 1), ("exponent", "[1e]", 3),
              ("quotes", "['a']", 1), ("two-values", "{}{}", 2),
              ("unclosed", "[1", 2), ("unclosed-string", '"a', 2), ("mismatched", "[1}", 2), ("control", '"a\nb"', 2),
              ("nul", '"a\0b"', 2),
              ("escape", '"\\x41"', 2), ("escape-short", '"\\u12"', 5), ("word", "[nul]", 4), ("capital", "[True]", 1),
              ("name", "{1:2}", 1),
              ("nul-behind", "{}\0", 2), ("mark", "\ufeff{}", 0), ("delete", "{}\x7f", 2),
              ("space-of-unicode", "[\u00a01]", 1)]
    for what, text, at in syntax:
        bad(plain % f"syntax-{what}", text.encode(), "json-syntax", f"@{at}")
    for what, data in (("stray", b"\x80"), ("overlong", b"\xc0\x80"), ("overlong-3", b"\xe0\x80\xaf"),
                       ("surrogate", b"\xed\xa0\x80"),
                       ("above", b"\xf4\x90\x80\x80"), ("five-bytes", b"\xf8\x88\x80\x80\x80"), ("cut", b"\xe2\x82"),
                       ("latin-1", b"caf\xe9"), ("ff", b"\xff")):
        at = next(i for i, b in enumerate(data) if b >= 0x80)
        bad(plain % f"utf-8-{what}", b'["' + data + b'"]', "json-utf8", f"@{2 + at}")
    bad(plain % "utf-8-at-end", b'"\xe2\x82', "json-utf8", "@1")
    bad(config % "half-surrogate", b'{"model_type":"\\ud800"}', "json-utf8", "@21")
    bad(plain % "depth-65", b"[" * 65 + b"]" * 65, "json-depth", "@64")
    bad(plain % "depth-of-objects", b'{"a":' * 65 + b"1" + b"}" * 65, "json-depth", f"@{5 * 64}")
    bad(plain % "depth-100000", b"[" * 100000, "json-depth", "@64")  # a reader that recurses
    bad(config % "twice", b'{"hidden_size":64,"hidden_size":65}', "json-duplicate", "@18")
    bad(config % "twice-escaped", b'{"hidden_size":64,"hidden\\u005fsize":65}', "json-duplicate", "@18")
    for what, value in (("negative", "-1"), ("fraction", "2.5"), ("exponent", "1e3"), ("2-63", str(2**63)),
                        ("huge", "9" * 5000), ("string", '"64"'),
                        ("bool", "true"), ("object", "{}")):
        bad(config % f"fact-{what}", b'{"hidden_size":' + value.encode() + b"}", "json-fact", "@15")
    index = "json/%s/model.safetensors.index.json"
    bad(index % "index-no-map", b'{"metadata":{}}', "set-index", "@14")
    bad(index % "index-array", b'{"weight_map":[]}', "set-index", "@14")
    bad(index % "index-number", b'{"weight_map":{"a":7}}', "set-index", "@19")
    bad(index % "index-twice", b'{"weight_map":{"a":"b","a":"c"}}', "json-duplicate", "@23")
    bad(config % "model-type-number", b'{"model_type":7}', "json-fact", "@14")
    bad("json/size/any.json", 256 * 1024 * 1024 + 1, "json-size", f"@{256 * 1024 * 1024}")


# ---- what is refused, under the names that roles have ----

NAMES = {"weights": "model.gguf", "tensors": "model.safetensors", "tokenizer": "tokenizer.json", "config": "config.json",
         "license": "LICENSE", "card": "README.md", "other": "vocab.bin"}


def zipped(comment=b""):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as z:
        z.writestr(zipfile.ZipInfo("archive/data.pkl"), b"\x80\x02.")
        z.comment = comment
    return out.getvalue()


def tarred(form):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=form) as t:
        t.addfile(tarfile.TarInfo("x"), io.BytesIO())
    return out.getvalue()


def tar_block(name, signed=False, magic=b""):
    """One header by hand: of the seventh edition, without a magic; with SIGNED the sum that some systems' tar writes."""
    block = bytearray(512)
    block[:len(name)] = name
    block[100:108] = block[108:116] = block[116:124] = b"0000644\0"
    block[124:136] = block[136:148] = b"00000000000\0"
    block[148:156] = b" " * 8
    block[156:157] = b"0"
    block[257:257 + len(magic)] = magic
    total = sum(b - 256 if signed and b > 127 else b for b in block)
    block[148:156] = b"%06o\0 " % total
    return bytes(block) + bytes(1024)


def refused_cases():
    def refuse(what, data, name="other"):
        bad(f"refused/{what}/{NAMES[name]}", data, "artifact-refused", "@0")

    kinds = [("zip", zipped()), ("gzip", gzip.compress(b"weights", mtime=0)),
             ("7z", b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24)),
             ("tar", tarred(tarfile.USTAR_FORMAT)), ("pickle", pickle.dumps({"weights": [1.5]}, 2))]
    for role, name in NAMES.items():
        for what, data in kinds:
            refuse(f"{what}-as-{role}", data, role)
    refuse("zip-empty", b"PK\5\6" + bytes(18))
    refuse("zip-spanned", b"PK\7\x08" + zipped())
    refuse("zip-comment", zipped(b"nothing to see"))
    # behind other bytes: unzip and torch.load look at the end of a file first
    refuse("zip-behind-text", b"# A card\n\nText.\n" + zipped(), "card")
    refuse("zip-behind-json", b'{"model_type":"llama"}\n' + zipped(b"x" * 65535), "config")
    refuse("zip-behind-64k", b"\n" * 70000 + zipped(), "license")
    # Python's zipfile and miniz take the last end record wherever it stands in the last 64 KiB
    refuse("zip-between-text", b"# A card\n" + zipped() + b"\nMore text.\n", "card")
    refuse("tar-gnu", tarred(tarfile.GNU_FORMAT))
    refuse("tar-pax", tarred(tarfile.PAX_FORMAT))
    refuse("tar-v7", tar_block(b"data.pkl"))
    refuse("tar-signed-sum", tar_block(b"caf\xe9", signed=True))  # GNU tar and Python's tarfile accept both sums
    refuse("tar-gz", gzip.compress(tarred(tarfile.USTAR_FORMAT), mtime=0))
    for protocol in range(6):
        refuse(f"pickle-{protocol}", pickle.dumps({"a": [1, 2.5, "x", b"y", None, True, 2**70]}, protocol))
        refuse(f"pickle-{protocol}-call", pickle.dumps(complex(1, 2), protocol), "config")
    # larger than what a reader looks at first: it ends in the middle of an argument
    for protocol in (0, 1, 2):
        refuse(f"pickle-{protocol}-large", pickle.dumps(["abc%d" % i for i in range(20000)], protocol))
        refuse(f"pickle-{protocol}-large-call", pickle.dumps([complex(i, 1) for i in range(5000)], protocol))
    refuse("pickle-0-text", b"cos\nsystem\n(S'true'\ntR.", "card")
    refuse("pickle-0-line-feed", b"I1\n.\n", "license")
    refuse("pickle-0-trailing", b"cos\nsystem\n(S'true'\ntR.\n\nMore text follows.\n", "card")
    refuse("pickle-inst", b"(S'true'\nios\nsystem\n.", "card")
    refuse("pickle-proto-0", b"\x80\x00cos\nsystem\n(S'true'\ntR.")
    # what a loader accepts and a reader that guesses may not: 0x1 as an integer, a line above 1 KiB, an argument
    # above 64 KiB, and names taken from the stack (protocol 4) without its mark
    refuse("pickle-0-hex", b"I0x1\n0cos\nsystem\n(S'true'\ntR.\nMore.\n", "card")
    refuse("pickle-0-long-line", b"V" + b"x" * 2000 + b"\n0cos\nsystem\n(S'true'\ntR.\nMore.\n", "card")
    refuse("pickle-1-long-argument", b"X" + struct.pack("<I", 70000) + b"x" * 70000 + b"0cos\nsystem\n(S'true'\ntR.\nMore.\n")
    refuse("pickle-4-unmarked", b"\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.")
    refuse("pickle-4-unmarked-trailing", b"\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.\nMore.\n")
    refuse("pickle-0-marks", b"(" * 5000 + b"cos\nsystem\n(S'true'\ntR.\nMore.\n", "card")
    refuse("pickle-0-vertical-tab", b"I\x0b1\n0cos\nsystem\n(S'true'\ntR.\nMore.\n", "card")
    # what only looks like one of them
    for what, name, data in (("text", "README.md", b"PKZIP was written by Phil Katz.\n"),
                             ("one-dot", "LICENSE", b".\n"), ("empty", "LICENSE", b""),
                             ("words", "merges.txt", b"#version: 0.2\nc o\ni n\n(.\n"),
                             ("mark", "vocab.txt", b"\xef\xbb\xbfword\n"),
                             ("gguf-word", "README.md", b"GGUF files of a small model.\n"),
                             ("word-list", "vocab.txt", b"cat\ndog\ncow\nant\nice\n" * 5000),
                             ("capital", "README.md", b"I am a card.\nc is a letter.\n."),
                             ("zeros", "vocab.bin", bytes(1024)),
                             ("xz", "vocab.bin", b"\xfd7zXZ\0" + bytes(10)), ("bytes", "vocab.bin", bytes(range(256)))):
        good(f"refused/{what}/{name}", data)


# ---- text, and formats that are not what they are said to be: for readers that are told the format ----

def text_cases():
    good("text/text/card.md", "# Caf\u00e9 \U0001f600\r\n\ttext\n".encode())
    good("text/empty/card.md", b"")
    bad("text/text-nul/card.md", b"abc\0def", "artifact-text", "@3")
    bad("text/text-utf-8/card.md", b"abc\xff", "artifact-text", "@3")
    bad("text/text-straddles/card.md", b"x" * ((2 << 20) - 1) + b"\xc3" + b"x", "artifact-text", f"@{(2 << 20) - 1}")  # two windows of a reader
    bad("text/text-cut/card.md", b"abc\xe2\x82", "artifact-text", "@5")
    bad("text/is-gguf/card.md", model().file(), "artifact-format")
    bad("opaque/is-gguf/data.bin", model().file(), "artifact-format")
    bad("text/is-safetensors/card.md", st(header_of(entry("a")), bytes(8)), "artifact-format")
    bad("opaque/is-slm/data.bin", Slm().file(), "artifact-format")


# ---- .slm ----

def slm(what):
    return f"slm/{what}/model.slm"


def told_slm(**members):
    """The default model with other members; its places are known once its file() was taken."""
    s = Slm()
    for name, value in members.items():
        setattr(s, name, value)
    s.made = s.file()
    return s


def slm_good():
    good(slm("plain"), Slm().file())
    good(slm("gpt2"), Slm().gpt2().file())
    good(slm("two-blocks"), Slm(blocks=2).file())
    for dtype, (name, _, _) in slm_file.DTYPES.items():
        good(slm(f"dtype-{name}"), Slm(dtype=dtype).file())
    s = Slm(blocks=11)  # blk.10 stands before blk.2
    s.tensors = s.llama(("output.weight", "attn_q.bias", "attn_k.bias", "attn_v.bias", "attn_output.bias", "ffn_gate.bias",
                         "ffn_up.bias", "ffn_down.bias"))
    good(slm("all-tensors"), s.file())
    good(slm("named"), told_slm(head=["minimodel-facts 0", "architecture: llama", "name: Ma\u00eetre \u6a21\u578b", "license: MIT"]).made)
    good(slm("longest-name"), told_slm(head=["minimodel-facts 0", "architecture: llama", "name: " + "n" * 1024]).made)
    good(slm("reals"), told_slm(tail=["rope-base: 1e+06", "rope-scaling: linear 0.125", "norm-epsilon: 0"]).made)
    good(slm("reals-long"), told_slm(tail=["rope-base: 1.17549e-38", "rope-scaling: linear 3.402823e+38", "norm-epsilon: 0.333333"]).made)
    good(slm("no-settings"), told_slm(settings=[]).made)
    good(slm("no-scores-no-types"), told_slm(scores=False, types=False).made)
    s = Slm().gpt2()
    s.pieces = [(b"", 0.0, 5)] * 4 + [(b"x", 0.0, 1)]
    s.merges, s.settings = [], []
    good(slm("empty-pieces"), s.file())
    s = Slm().gpt2()
    s.pieces[4] = (b"x" * 65535, 0.0, 1)
    good(slm("longest-piece"), s.file())
    good(slm("all-settings"), told_slm(settings=[(n, 0xFFFFFFFF) for n in range(1, 16)] + [(n, 1) for n in range(32, 37)]).made)
    good("slm/other-name/model.bin", Slm().file())


def slm_header_cases():
    s = told_slm()
    plain, size = s.made, len(s.made)
    bad(slm("empty"), b"", "slm-magic", "@0")
    bad(slm("zeros"), bytes(4096), "slm-magic", "@0")
    bad(slm("text"), b"A small language model.\n", "slm-magic", "@0")
    bad(slm("magic-first"), b"\x09" + plain[1:], "slm-magic", "@0")
    # what text-mode transfers do
    for what, magic in (("lf", b"\x89SLM\n\x1a\n"), ("crlf", b"\x89SLM\r\r\n\x1a\r\n"), ("cr", b"\x89SLM\r\r\x1a\r")):
        bad(slm(f"text-mode-{what}"), magic + plain[8:], "slm-magic", "@4")
    bad("slm/text-mode-other-name/model.bin", b"\x89SLM\n\x1a\n" + plain[8:], "slm-magic", "@4")
    bad(slm("text-mode-utf-8"), "\x89".encode() + plain[1:], "slm-magic", "@0")
    for cut in (1, 7):
        bad(slm(f"cut-at-{cut}"), plain[:cut], "slm-magic", "@0")
    for cut in (8, 255):
        bad(slm(f"cut-at-{cut}"), plain[:cut], "slm-header", f"@{cut}")
    for version in (1, 256, 0xFFFFFFFF):
        unsupported(slm(f"version-{version}"), slm_file.put(plain, 8, "<I", version), "slm-version-unsupported", "@8")
    for at in (12, 15, 224, 255):
        bad(slm(f"reserved-{at}"), slm_file.put(plain, at, "<B", 1), "slm-header", f"@{at}")
    bad(slm("size-more"), slm_file.put(plain, 16, "<Q", size + 1), "slm-header", "@16")
    bad(slm("size-largest"), slm_file.put(plain, 16, "<Q", 2**64 - 1), "slm-header", "@16")
    for at, what in ((24, "facts"), (40, "tokenizer"), (56, "table"), (72, "data")):
        there = struct.unpack_from("<Q", plain, at)[0]
        for why, value in (("zero", 0), ("next", there + 64), ("odd", there + 1), ("largest", 2**64 - 1), ("wraps", 2**63)):
            bad(slm(f"{what}-offset-{why}"), slm_file.put(plain, at, "<Q", value), "slm-header", f"@{at}")
    for what, value in (("zero", 0), ("65537", 65537), ("largest", 2**64 - 1)):
        bad(slm(f"facts-size-{what}"), slm_file.put(plain, 32, "<Q", value), "slm-header", "@32")
    for at, what in ((48, "tokenizer"), (64, "table")):
        for why, value in (("largest", 2**64 - 1), ("above", 2**62)):
            bad(slm(f"{what}-size-{why}"), slm_file.put(plain, at, "<Q", value), "slm-header", f"@{72 if (what, why) == ('table', 'above') else at}")
    bad(slm("data-size-more"), slm_file.put(plain, 80, "<Q", struct.unpack_from("<Q", plain, 80)[0] + 1), "slm-header", "@16")
    for what, value in (("zero", 0), ("few", 3), ("large", 2**40), ("largest", 2**64 - 1)):
        bad(slm(f"tensors-{what}"), slm_file.put(plain, 88, "<Q", value), "slm-header", "@88")
    # a head that a header merely claims: no memory for what is not there
    facts, tokenizer = struct.unpack_from("<2Q", plain, 24), struct.unpack_from("<Q", plain, 40)[0]
    lie = bytearray(plain)
    table = slm_file.up(tokenizer + 2**26)
    data = slm_file.up(table + 2**29)
    struct.pack_into("<10Q", lie, 16, data + 64, *facts, tokenizer, 2**26, table, 2**29, data, 64, 2**21)
    bad(slm("sections-not-there"), bytes(lie), "slm-section", f"@{size}")
    # the header says the file's size, and its own hash holds
    bad(slm("surplus"), plain + b"\0", "slm-header", "@16")
    bad(slm("surplus-zip"), plain + zipped(), "slm-header", "@16")
    bad(slm("cut-by-one"), plain[:-1], "slm-header", "@16")
    bad(slm("cut-tensor"), plain[:s.at["token_embd.weight:data"] + 7], "tensor-bounds", f"@{s.at['token_embd.weight:data'] + 7}")
    bad(slm("cut-table"), plain[:s.at["table"] + 100], "slm-section", f"@{s.at['table'] + 100}")
    bad(slm("cut-tokenizer"), plain[:s.at["tokenizer"] + 10], "slm-section", f"@{s.at['tokenizer'] + 10}")
    bad(slm("cut-facts"), plain[:300], "slm-section", "@300")


def slm_hash_cases():
    s = told_slm()
    plain = s.made
    for at in (96, 128, 160, 192):
        bad(slm(f"hash-{at}"), changed(plain, at + 31, plain[at + 31] ^ 1), "slm-header", f"@{at}")
    bad(slm("tensors-changed"), changed(plain, 88, plain[88] - 1), "slm-header", "@192")
    for at, what in ((32, "facts"), (48, "tokenizer"), (64, "table")):
        for why, by in (("more", 1), ("less", -1)):
            bad(slm(f"{what}-size-{why}"), changed(plain, at, plain[at] + by), "slm-header", f"@{at}")
    for section in ("facts", "tokenizer", "table"):
        at = s.at[section] + 20
        bad(slm(f"{section}-changed"), changed(plain, at, plain[at] ^ 16), "slm-section", f"@{s.at[section]}")
        # a header made with the wrong hash: the whole head's hash holds
        lie = bytearray(plain)
        place = {"facts": 96, "tokenizer": 128, "table": 160}[section]
        lie[place] ^= 1
        lie[192:224] = bytes(32)
        lie[192:224] = hashlib.sha256(lie[:s.at["data"]]).digest()
        bad(slm(f"{section}-hash-made-wrong"), bytes(lie), "slm-section", f"@{s.at[section]}")
    for section in ("tokenizer", "table", "data"):
        bad(slm(f"padding-before-{section}"), changed(plain, s.at[section] - 1), "data-padding", f"@{s.at[section] - 1}")
        bad(slm(f"padding-before-{section}-made"), slm_file.put(plain, s.at[section] - 1, "<B", 1), "data-padding", f"@{s.at[section] - 1}")
    name = "blk.0.attn_norm.weight"
    bad(slm("tensor-changed"), changed(plain, s.at[name + ":data"] + 3, 0), "slm-tensor", f"@{s.at[name + ':data']}")
    bad(slm("tensor-last-byte"), changed(plain, len(plain) - 1, 0), "slm-tensor", f"@{s.at['token_embd.weight:data']}")
    bad(slm("tensor-hash"), slm_file.put(plain, s.at[name] + 64, "<B", plain[s.at[name] + 64] ^ 1), "slm-tensor", f"@{s.at[name + ':data']}")
    end = s.at[name + ":data"] + s.size(name)
    bad(slm("padding-between-tensors"), changed(plain, end + 5), "data-padding", f"@{end + 5}")


def slm_facts_cases():
    def facts(what, key, old, new, rule="slm-facts", position=None, wanted=bad):
        s = Slm()
        text = s.facts_text().decode()
        assert old in text, old
        s.facts_text = lambda: text.replace(old, new, 1).encode() if isinstance(new, str) else text.encode().replace(old.encode(), new, 1)
        made = s.file()
        wanted(slm(f"facts-{what}"), made, rule, f"@{s.at[key] if position is None else position}")

    facts("first-line", "", "minimodel-facts 0", "minimodel-fact 0", position=256)
    facts("version", "", "minimodel-facts 0", "minimodel-facts 1", position=256 + 16)
    facts("architecture-other", "architecture", ": llama", ": qwen3", "slm-architecture-unsupported", wanted=unsupported)
    facts("architecture-form", "architecture", ": llama", ": Llama")
    facts("architecture-long", "architecture", ": llama", ": " + "l" * 65)
    facts("number-zero", "block-count", "count: 1", "count: 0")
    facts("number-sign", "block-count", "count: 1", "count: +1")
    facts("number-leading", "block-count", "count: 1", "count: 01")
    facts("blocks-65536", "block-count", "count: 1", "count: 65536")
    facts("number-2-31", "context-length", "length: 64", "length: 2147483648")
    facts("heads", "head-count-kv", "head-count-kv: 1", "head-count-kv: 3")
    facts("vocab", "vocab-size", "vocab-size: 5", "vocab-size: 6")
    facts("rope-odd", "rope-dimension-count", "dimension-count: 2", "dimension-count: 1")
    facts("rope-more-than-key", "rope-dimension-count", "dimension-count: 2", "dimension-count: 4")
    for what, base in (("zero", "0"), ("negative", "-1"), ("point", "10000.0"), ("plus", "+10000"), ("exponent", "1e4"), ("inf", "inf"),
                       ("nan", "nan"), ("hex", "0x1p3"), ("above", "1e+39"), ("comma", "1,5"), ("not-shortest", "0.100000001"),
                       ("fixed", "1000000")):
        facts(f"rope-base-{what}", "rope-base", "rope-base: 10000", f"rope-base: {base}")
    for what, scaling in (("yarn", "yarn 4"), ("zero", "linear 0"), ("none", "linear none"), ("spaces", "linear  2"), ("bare", "linear")):
        facts(f"rope-scaling-{what}", "rope-scaling", "scaling: none", f"scaling: {scaling}")
    facts("epsilon-negative", "norm-epsilon", ": 1e-05", ": -1e-05")
    facts("epsilon-minus-zero", "norm-epsilon", ": 1e-05", ": -0")
    facts("quantization-wrong", "quantization", "quantization: f32", "quantization: f16")
    facts("quantization-long", "quantization", "quantization: f32", "quantization: " + "f" * 65)
    facts("name-leads", "name", "architecture: llama\n", "architecture: llama\nname: see ftp://x\n")
    facts("license-leads", "license", "architecture: llama\n", "architecture: llama\nlicense: https://x/LICENSE\n")
    text = Slm().facts_text()
    facts("order", "", "head-count: 2\nhead-count-kv: 1", "head-count-kv: 1\nhead-count: 2", position=256 + text.index(b"head-count: 2"))
    facts("license-before-name", "", "architecture: llama\n", "architecture: llama\nlicense: x\nname: y\n", position=256 + 18 + 20 + 11)
    facts("twice", "", "block-count: 1\n", "block-count: 1\nblock-count: 1\n", position=256 + text.index(b"embedding"))
    facts("unknown-key", "", "rope-base: 10000\n", "rope-base: 10000\nx-note: y\n", position=256 + text.index(b"rope-scaling"))
    facts("lacks-last", "", "quantization: f32\n", "", position=256 + text.index(b"quantization"))
    facts("surplus", "", "quantization: f32\n", "quantization: f32\nx: y\n", position=256 + len(text))
    facts("no-last-feed", "", "quantization: f32\n", "quantization: f32", position=256 + len(text) - 1)
    facts("crlf", "", "count: 1\n", "count: 1\r\n", position=256 + text.index(b"count: 1") + 8)
    facts("control", "", "architecture: llama\n", b"architecture: llama\nname: a\x07b\n", position=256 + 38 + 7)
    facts("utf-8", "", "architecture: llama\n", b"architecture: llama\nname: a\xffb\n", position=256 + 38 + 7)
    facts("bidi", "", "architecture: llama\n", "architecture: llama\nname: a\u202eb\n", position=256 + 38 + 7)
    facts("name-1025", "", "architecture: llama\n", "architecture: llama\nname: " + "n" * 1025 + "\n", position=256 + 38 + 6)
    facts("value-space", "", "architecture: llama\n", "architecture: llama\nname: n \n", position=256 + 38 + 7)
    facts("blank-line", "", "architecture: llama\n", "architecture: llama\n\n", position=256 + 38)


def slm_tokenizer_cases():
    def tok(what, at=0, rule="slm-tokenizer", **members):
        s = told_slm(**members)
        bad(slm(f"tokenizer-{what}"), s.made, rule, f"@{s.at['tokenizer'] + at}")

    def patch(what, offset, form, value, at=None, model=None):
        s = model or Slm()
        made = s.file()
        start = s.at["tokenizer"]
        offset = start + offset if isinstance(offset, int) else s.at[offset]
        bad(slm(f"tokenizer-{what}"), slm_file.put(made, offset, form, value), "slm-tokenizer", f"@{start if at is None else at + start}")

    pieces = Slm().pieces
    tok("kind-0", kind=0)
    tok("kind-3", kind=3)
    tok("merges-of-kind-1", merges=[(3, 4)])
    patch("flags", 4, "<I", 7, at=4)
    for what, value in (("zero", 0), ("above", 1048577), ("largest", 2**32 - 1)):
        patch(f"pieces-{what}", 8, "<I", value, at=8)
    patch("pieces-fewer", 8, "<I", 4)
    patch("merges-above", 12, "<I", 1048577, at=12)
    patch("merges-more", 12, "<I", 1)
    patch("settings-65", 16, "<I", 65, at=16)
    patch("settings-more", 16, "<I", 5)
    patch("pre-65", 20, "<I", 65, at=20)
    patch("texts-largest", 24, "<Q", 2**64 - 1, at=24)
    patch("texts-fewer", 24, "<Q", 3)
    s = told_slm()
    patch("length-more", "length:4", "<H", 5, at=s.at["length:4"] - s.at["tokenizer"])
    patch("length-less", "length:4", "<H", 3, at=24)
    s = Slm()
    s.tokenizer = lambda start: bytes(31)
    bad(slm("tokenizer-short"), s.file(), "slm-tokenizer", f"@{s.at['tokenizer']}")
    tok("settings-order", settings=[(3, 0), (1, 1)])
    tok("settings-twice", settings=[(1, 1), (1, 1)])
    tok("setting-unknown", settings=[(16, 0)])
    tok("setting-token", settings=[(1, 5)])
    tok("setting-switch", settings=[(32, 2)])
    tok("score-inf", pieces=pieces[:4] + [(b"z", float("inf"), 1)])
    tok("score-nan", pieces=pieces[:4] + [(b"z", float("nan"), 1)])
    tok("type-0", pieces=pieces[:4] + [(b"z", 0.0, 0)])
    tok("type-7", pieces=pieces[:4] + [(b"z", 0.0, 7)])
    for what, text in (("plain", b"a"), ("one-digit", b"<0xA>"), ("no-hex", b"<0x0G>"), ("longer", b"<0x0A> ")):
        tok(f"byte-{what}", pieces=pieces[:3] + [(b"y", 0.0, 1), (text, 0.0, 6)])
    tok("piece-twice", pieces=pieces[:4] + [(b"a", 0.0, 1)])
    tok("pre-upper", pre="GPT-2")
    tok("pre-nul", pre="gpt\0", at=len(told_slm().tokenizer(0)))
    for what, merge in (("left", (5, 0)), ("right", (0, 0xFFFFFFFF)), ("empty", (0, 3))):
        s = Slm().gpt2()
        s.merges = [merge]
        bad(slm(f"tokenizer-merge-{what}"), s.file(), "slm-tokenizer", f"@{s.at['tokenizer']}")
    s = Slm().gpt2()
    s.merges = [(0, 1), (2, 0), (0, 1)]
    bad(slm("tokenizer-merge-twice"), s.file(), "slm-tokenizer", f"@{s.at['tokenizer']}")


def slm_table_cases():
    first, second, last = "blk.0.attn_k.weight", "blk.0.attn_norm.weight", "token_embd.weight"

    def patch(what, name, offset, form, value, rule="slm-table", at=None, wanted=bad, data=None):
        s = Slm()
        made = slm_file.put(s.file(), s.at[name] + offset, form, value)
        wanted(slm(f"table-{what}"), made, rule, f"@{s.at[name] + offset if at is None else at(s)}")

    def tensors(what, change, at, rule="slm-table", wanted=bad):
        s = Slm()
        change(s.tensors)
        made = s.file()
        wanted(slm(f"table-{what}"), made, rule, f"@{at(s)}")

    for rank in (0, 5, 0xFFFFFFFF):
        patch(f"rank-{rank}", first, 52, "<I", rank)
    patch("dimension-zero", first, 16, "<Q", 0)
    patch("dimension-unused", first, 32, "<Q", 1)
    patch("elements-wrap", first, 16, "<Q", 2**63, "tensor-overflow")
    patch("size", first, 8, "<Q", 31)
    for what, offset in (("gap", 128), ("overlap", 0), ("odd", 65), ("largest", 2**64 - 1)):
        patch(f"tensor-offset-{what}", second, 0, "<Q", offset, "tensor-offset")
    patch("tensor-offset-first", first, 0, "<Q", 64, "tensor-offset")
    for number in (3, 12, 0xFFFFFFFF):
        patch(f"dtype-{number}", first, 48, "<I", number, "tensor-dtype-unsupported", wanted=unsupported)
    patch("name-offset", second, 56, "<I", 18)
    patch("name-length-zero", first, 60, "<I", 0, "tensor-name")
    patch("name-length-256", first, 60, "<I", 256, "tensor-name")
    patch("name-length-past-end", last, 60, "<I", 18)
    patch("name-length-less", last, 60, "<I", 16, at=lambda s: s.at[last + ":name"] + 16)
    s = Slm()
    made = s.file()
    bad(slm("table-name-control"), slm_file.put(made, s.at[first + ":name"], "<B", 7), "tensor-name", f"@{s.at[first + ':name']}")
    bad(slm("table-name-utf-8"), slm_file.put(made, s.at[first + ":name"], "<B", 255), "tensor-name", f"@{s.at[first + ':name']}")
    # same lengths, so that names can trade places
    swapped = bytearray(made)
    up_at, gate_at = s.at["blk.0.ffn_norm.weight:name"], s.at["blk.0.ffn_gate.weight:name"]
    size = len("blk.0.ffn_norm.weight")
    swapped[up_at:up_at + size], swapped[gate_at:gate_at + size] = made[gate_at:gate_at + size], made[up_at:up_at + size]
    bad(slm("table-order"), slm_file.seal(bytes(swapped)), "slm-table", f"@{up_at}")
    twice = bytearray(made)
    twice[up_at:up_at + size] = made[gate_at:gate_at + size]
    bad(slm("table-name-twice"), slm_file.seal(bytes(twice)), "tensor-duplicate", f"@{up_at}")
    tensors("unknown-tensor", lambda t: t.update({"zzz": ((4,), 0)}), lambda s: s.at["zzz"])
    tensors("other-block", lambda t: t.update({"blk.1.attn_q.bias": ((4,), 0)}), lambda s: s.at["blk.1.attn_q.bias"])
    tensors("block-leading-zero", lambda t: t.update({"blk.00.attn_q.bias": ((4,), 0)}), lambda s: s.at["blk.00.attn_q.bias"])
    tensors("lacks-tensor", lambda t: t.pop(first), lambda s: s.at["table"])
    tensors("lacks-embedding", lambda t: t.pop(last), lambda s: s.at["table"])
    tensors("dimensions-wrong", lambda t: t.update({first: ((2, 4), 0)}), lambda s: s.at[first])
    tensors("rank-wrong", lambda t: t.update({second: ((4, 1), 0)}), lambda s: s.at[second])
    tensors("block-odd", lambda t: t.update({second: ((4,), slm_file.Q8_0)}), lambda s: s.at[second] + 16, "tensor-block")
    s = Slm(blocks=2)
    s.tensors["blk.1.attn_q.bias"] = ((4,), 0)
    bad(slm("table-optional-in-one-block"), s.file(), "slm-table", f"@{s.at['table']}")
    s = Slm(blocks=65535)
    bad(slm("table-lacks-blocks"), s.file(), "slm-table", f"@{s.at['table']}")
    s = Slm()
    table = s.table
    s.table = lambda start: (table(start)[0] + b"x", table(start)[1])
    made = s.file()
    bad(slm("table-surplus"), made, "slm-table", f"@{s.at[last + ':name'] + len(last)}")
    s = Slm()
    table2 = s.table
    s.table = lambda start: (table2(start)[0], table2(start)[1] + bytes(64))
    bad(slm("table-data-surplus"), s.file(), "slm-header", "@80")


# ---- hashes of chunks ----

def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def merkle(leaves):
    """RFC 6962, section 2.1, over hashed leaves."""
    if not leaves:
        return sha()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha(b"\1", merkle(leaves[:split]), merkle(leaves[split:]))


def audit(leaves, index):
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return audit(leaves[:split], index) + [merkle(leaves[split:])]
    return audit(leaves[split:], index - split) + [merkle(leaves[:split])]


def chunks_of(data, size):
    return [sha(data[i:i + size]) for i in range(0, len(data), size)]


def root_of(chunks):
    return merkle([sha(b"\0", c) for c in chunks])


SIZE = 65536


# ---- documents: lists of lines, one of which is changed ----

class Lines:
    """A document by lines. The editing functions return a copy; `line` is where the last edit was."""

    def __init__(self, lines, line=0):
        self.lines, self.line = list(lines), line

    def find(self, key, nth=0):
        return [i for i, line in enumerate(self.lines) if line.startswith(key + ": ")][nth]

    def put(self, key, value, nth=0):
        i = self.find(key, nth)
        return Lines(self.lines[:i] + [f"{key}: {value}"] + self.lines[i + 1:], i + 1)

    def drop(self, key, nth=0):
        i = self.find(key, nth)
        return Lines(self.lines[:i] + self.lines[i + 1:], i + 1)

    def before(self, key, line, nth=0):
        i = self.find(key, nth)
        return Lines(self.lines[:i] + [line] + self.lines[i:], i + 1)

    def end(self, line):
        return Lines(self.lines + [line], len(self.lines) + 1)

    def swap(self, i, k):
        lines = list(self.lines)
        lines[i], lines[k] = lines[k], lines[i]
        return Lines(lines, k + 1)

    def bytes(self):
        return ("\n".join(self.lines) + "\n").encode("utf-8", "surrogatepass")


def column(key, at=0):
    return len(key) + 3 + at


# ---- manifests ----

ZERO_HASH = "0" * 64


def artifact(path, role, form, data, more=()):
    chunks = chunks_of(data, SIZE)
    lines = [f"artifact: {path}", f"artifact-role: {role}", f"artifact-format: {form}", f"artifact-bytes: {len(data)}",
             f"artifact-sha256: {sha(data).hex()}"]
    lines += [m for m in more if "sha256: " in m and not m.startswith("chunk")]
    lines += ["chunk-scheme: fixed-size-merkle-v0", f"chunk-size: {SIZE}", f"chunk-count: {len(chunks)}",
              f"merkle-root: {root_of(chunks).hex()}"]
    return lines + [m for m in more if m.startswith("chunk")]


MODEL_FIELDS = [
    "minimodel-manifest 0", "model-id: keeper/mini-200k", "version: 1.0", "revision: 2", f"previous-manifest: {'ab' * 32}",
    "display-name: Mini Keeper", "tag: small", "tag: test", "publisher-id: keeper", "key-id: 0123456789ABCDEF",
    "signature-scheme: minisign", "created: 2026-01-02T03:04:05Z", "expires: 2028-02-29T00:00:00Z", "license: MIT OR Apache-2.0",
    "license-route: LICENSE", "model-card-route: https://example.org/keeper/mini/README.md",
    "manifest-route: https://example.org/keeper/mini.manifest", "takedown-route: mailto:takedown@example.org",
    "source-lane: quantized", "source: - hf://keeper/mini", f"source: {'cd' * 32} mini.safetensors", "architecture: llama",
    "parameters: 4", "quantization: f32", "model-shape: block_count=1 embedding_length=2 feed_forward_length=3 head_count=4 "
    "head_count_kv=4 vocab_size=5 context_length=6", "evidence: derived pass - -",
    "evidence: x-bench pending - https://example.org/bench", "peer-hint: available", "x-color: green", "x-note: see https://example.org/notes",
]
WEIGHTS_MORE = [f"tokenizer-sha256: {'11' * 32}", f"chat-template-sha256: {'22' * 32}", f"tensor-layout-sha256: {'33' * 32}",
                "chunk-list-route: model.gguf.chunks", f"chunk-list-sha256: {'44' * 32}"]
GROUPS = [artifact("LICENSE", "license", "text", b"MIT\n"), artifact("README.md", "card", "text", b"# Mini\n"),
          artifact("model.gguf", "weights", "gguf", b"m" * (SIZE + 10), WEIGHTS_MORE)]


def manifest(*groups):
    return Lines(MODEL_FIELDS + [line for group in (groups or GROUPS) for line in group])


BASE = manifest()


def manifest_path(what):
    return f"manifest/{what}/mini.manifest"


def manifest_good():
    local = manifest().put("model-id", "local/mini").put("publisher-id", "local")
    local = local.put("license-route", "none").put("takedown-route", "none")
    whole = [("plain", BASE),
             ("local", local.put("model-card-route", "none").put("key-id", "none").put("signature-scheme", "none")),
             ("original", BASE.put("source-lane", "original").drop("source").drop("source")),
             ("joiners", BASE.put("display-name", "\u06a9\u0647\u200c\u0647\u0627 \u0915\u094d\u200d\u0937")),
             ("empty-artifact", manifest(*GROUPS[:2], GROUPS[2], artifact("zero.bin", "other", "opaque", b""))),
             ("longest-value", BASE.put("x-note", "v" * 1024)),
             ("longest-key", BASE.before("artifact", f"x-z{'z' * 61}: v")),
             ("sixteen-tags", BASE.drop("tag", 1).put("tag", "\ntag: ".join(f"t{i:02}" for i in range(16)))),
             ("paths", manifest(artifact("A b+(c)=,@~[d]-e/f.g", "other", "opaque", b"x"), GROUPS[0], GROUPS[1], GROUPS[2])),
             ("routes", BASE.put("license-route", "https://[2001:db8::1]:8443/a/%C3%A9/LICENSE")),
             ("plain-schemes", BASE.put("x-note", "hf://org/model.gguf and file: model.gguf, shttp: x")),
             ("largest-number", BASE.put("revision", str(2**63 - 1))),
             ("leap-day", BASE.put("created", "2024-02-29T23:59:59Z"))]
    for what, lines in whole:
        good(manifest_path(what), lines.bytes())


# what, key, value, rule, offset in the value
MANIFEST_VALUES = [
    # decimal forms that other readers take: a sign, a space, 0x10, separators; 2^63 and what -1 becomes
    ("number-plus", "revision", "+7", "value-number", 0), ("number-hex", "revision", "0x10", "value-number", 0),
    ("number-minus", "revision", "-1", "value-number", 0), ("number-zero", "revision", "007", "value-number", 0),
    ("number-separator", "revision", "1_000", "value-number", 0),
    ("number-comma", "revision", "1,000", "value-number", 0),
    ("number-point", "revision", "1.0", "value-number", 0), ("number-exponent", "revision", "1e3", "value-number", 0),
    ("number-2-63", "revision", str(2**63), "value-number", 0),
    ("number-2-64-1", "revision", str(2**64 - 1), "value-number", 0),
    ("number-wraps", "revision", str(2**64 + 7), "value-number", 0),
    ("number-arabic", "revision", "\u0667", "value-number", 0),
    ("number-fullwidth", "revision", "\uff17", "value-number", 0),
    ("number-trailing", "revision", "7x", "value-number", 0),
    ("space-before-number", "revision", " 42", "text-value-space", 0),
    ("space-behind-number", "revision", "42 ", "text-value-space", 2),
    ("revision-0", "revision", "0", "value-range", 0), ("parameters-minus", "parameters", "-1", "value-number", 0),
    # a digest is exactly 64 lower-case hex digits: no path (CVE-2024-37032), no prefix, nothing shorter that passes
    ("hash-63", "previous-manifest", "a" * 63, "value-hash", 0),
    ("hash-65", "previous-manifest", "a" * 65, "value-hash", 0),
    ("hash-capitals", "previous-manifest", "AB" * 32, "value-hash", 0),
    ("hash-not-hex", "previous-manifest", "g" + "a" * 63, "value-hash", 0),
    ("hash-path", "previous-manifest", "../../../../etc/passwd", "value-hash", 0),
    ("hash-prefix", "previous-manifest", "sha256:" + "a" * 64, "value-hash", 0),
    ("hash-0x", "previous-manifest", "0x" + "a" * 62, "value-hash", 0),
    ("hash-dash", "previous-manifest", "-", "value-hash", 0),
    ("hash-space", "previous-manifest", "a" * 31 + " " + "a" * 32, "value-hash", 0),
    ("source-hash", "source", "abc mini", "value-hash", 0),
    ("evidence-hash", "evidence", "derived pass abc -", "value-hash", 13),
    # characters
    ("nul", "x-note", "a\0b", "text-control", 1), ("tab", "x-note", "a\tb", "text-control", 1),
    ("carriage-return", "x-note", "a\rb", "text-control", 1),
    ("escape", "x-note", "\x1b[31mred", "text-control", 0), ("delete", "x-note", "a\x7f", "text-control", 1),
    ("next-line", "x-note", "a\x85b", "text-control", 1),
    ("line-separator", "x-note", "a\u2028b", "text-invisible", 1),
    ("bidi-override", "display-name", "Mini \u202eKeeper", "text-invisible", 5),
    ("bidi-isolate", "display-name", "a\u2066b", "text-invisible", 1),
    ("soft-hyphen", "x-note", "a\u00adb", "text-invisible", 1),
    ("zero-width-space", "display-name", "Mini\u200bKeeper", "text-invisible", 4),
    ("word-joiner", "x-note", "a\u2060b", "text-invisible", 1),
    ("arabic-mark", "x-note", "a\u061cb", "text-invisible", 1),
    ("mark-inside", "x-note", "a\ufeffb", "text-invisible", 1),
    ("tag-characters", "x-note", "a\U000e0041", "text-invisible", 1),
    ("joiner-in-ascii", "display-name", "a\u200db", "text-invisible", 1),
    ("joiner-elsewhere", "x-note", "\u0915\u200d\u0937", "text-invisible", 3),
    ("joiner-at-end", "display-name", "\u0915\u200d", "text-invisible", 3),
    ("noncharacter", "x-note", "a\ufdd0", "text-noncharacter", 1),
    ("noncharacter-plane", "x-note", "a\U0001fffe", "text-noncharacter", 1),
    ("surrogate", "x-note", "a\ud800", "text-utf8", 1),
    # lengths and spaces
    ("long-line", "x-note", "v" * 1025, "text-value-length", 0),
    ("very-long-line", "x-note", "v" * 100000, "text-value-length", 0),
    ("display-name-121", "display-name", "d" * 121, "text-value-length", 120),
    ("identity-257", "source", "- " + "i" * 257, "text-value-length", 258),
    ("space-before", "x-note", " a", "text-value-space", 0), ("space-behind", "x-note", "a ", "text-value-space", 1),
    # words and forms
    ("lane", "source-lane", "stolen", "value-word", 0), ("lane-capital", "source-lane", "Quantized", "value-word", 0),
    ("peer-hint", "peer-hint", "yes", "value-word", 0), ("scheme", "signature-scheme", "gpg", "value-word", 0),
    ("role", "artifact-role", "model", "value-word", 0), ("format", "artifact-format", "pickle", "value-word", 0),
    ("chunk-scheme", "chunk-scheme", "fixed-size-merkle-v1", "value-word", 0),
    ("evidence-status", "evidence", "derived maybe - -", "value-word", 8),
    ("evidence-kind", "evidence", "Derived pass - -", "value-word", 0),
    ("evidence-form", "evidence", "derived pass -", "value-pattern", 0),
    ("model-id-no-slash", "model-id", "keeper", "value-pattern", 6),
    ("model-id-capital", "model-id", "keeper/Mini", "value-pattern", 7),
    ("model-id-dots", "model-id", "keeper/a..b", "value-pattern", 9),
    ("model-id-reserved", "model-id", "keeper/con", "value-pattern", 7),
    ("model-id-empty", "model-id", "keeper/", "value-pattern", 7),
    ("model-id-slashes", "model-id", "keeper/a/b", "value-pattern", 8),
    ("version-space", "version", "1 0", "value-pattern", 1), ("version-65", "version", "1" * 65, "value-pattern", 64),
    ("tag-capital", "tag", "Small", "value-pattern", 0),
    ("key-id-lower", "key-id", "0123456789abcdef", "value-pattern", 0),
    ("key-id-15", "key-id", "0123456789ABCDE", "value-pattern", 0),
    ("architecture", "architecture", "LLaMA", "value-pattern", 0),
    ("quantization", "quantization", "Q4_K", "value-pattern", 0), ("source-form", "source", "mini", "value-pattern", 0),
    ("source-spaces", "source", "-  mini", "value-pattern", 2),
    # times that the calendar has not
    ("time-february", "created", "2026-02-29T00:00:00Z", "value-time", 0),
    ("time-leap-second", "created", "2026-06-30T23:59:60Z", "value-time", 0),
    ("time-hour", "created", "2026-01-01T24:00:00Z", "value-time", 0),
    ("time-zone", "created", "2026-01-01T00:00:00+00:00", "value-time", 0),
    ("time-fraction", "created", "2026-01-01T00:00:00.5Z", "value-time", 0),
    ("time-space", "created", "2026-01-01 00:00:00Z", "value-time", 0),
    ("time-month", "expires", "2026-13-01T00:00:00Z", "value-time", 0),
    ("time-lower", "created", "2026-01-01t00:00:00z", "value-time", 0),
    # licences
    ("license-lower", "license", "MIT or Apache-2.0", "value-license", 3),
    ("license-spaces", "license", "MIT  OR BSD", "value-license", 3),
    ("license-open", "license", "(MIT", "value-license", 4), ("license-close", "license", "MIT)", "value-license", 3),
    ("license-inner-space", "license", "( MIT)", "value-license", 1),
    ("license-ref", "license", "LicenseRef-", "value-license", 11),
    # routes
    ("route-http", "manifest-route", "http://example.org/m", "value-route", 0),
    ("route-user", "manifest-route", "https://u@example.org/m", "value-route", 9),
    ("route-query", "manifest-route", "https://example.org/m?x=1", "value-route", 21),
    ("route-fragment", "manifest-route", "https://example.org/m#x", "value-route", 21),
    ("route-no-path", "manifest-route", "https://example.org", "value-route", 19),
    ("route-port", "manifest-route", "https://example.org:0/m", "value-route", 20),
    ("route-empty-segment", "manifest-route", "https://example.org//m", "value-route", 20),
    ("route-dot-segment", "manifest-route", "https://example.org/../m", "value-route", 20),
    ("route-escape-slash", "manifest-route", "https://example.org/a%2fb", "value-route", 21),
    ("route-escape-percent", "manifest-route", "https://example.org/a%252fb", "value-route", 21),
    ("route-escape-nul", "manifest-route", "https://example.org/a%00", "value-route", 20),
    ("route-escape-cut", "manifest-route", "https://example.org/a%4", "value-route", 21),
    ("route-escape-utf-8", "manifest-route", "https://example.org/%ff", "value-route", 20),
    ("route-semicolon", "manifest-route", "https://example.org/a;b", "value-route", 20),
    ("route-dot-end", "manifest-route", "https://example.org/a.", "value-route", 20),
    ("route-mail", "takedown-route", "mailto:a@b?subject=x", "value-route", 10),
    ("route-mail-dots", "takedown-route", "mailto:a..b@example.org", "value-route", 9),
    ("route-dots", "license-route", "../LICENSE", "value-route", 1),
    ("route-absolute", "license-route", "/etc/passwd", "value-route", 0),
    ("route-in-x", "x-note", "see https://example.org", "value-route", 23),
    # the catalog boundary
    ("boundary-ending", "license-route", "https://example.org/LICENSE.zip", "value-boundary", 0),
    ("boundary-capital", "license-route", "https://example.org/LICENSE.TAR", "value-boundary", 0),
    ("boundary-escaped", "license-route", "https://example.org/x%2Egguf", "value-boundary", 0),
    ("boundary-slash", "license-route", "https://example.org/model.gguf/", "value-boundary", 0),
    ("boundary-name", "license-route", "https://example.org/MODEL.GGUF", "value-boundary", 0),
    ("boundary-magnet", "x-note", "get magnet:?xt=urn:btih:0", "value-boundary", 4),
    ("boundary-ftp", "x-note", "FTP://example.org/m", "value-boundary", 0),
    ("boundary-http", "source", "- http://example.org/m", "value-boundary", 2),
    ("boundary-ipfs", "source", "- ipfs://bafy", "value-boundary", 2),
    ("boundary-x", "x-note", "at https://example.org/a.safetensors", "value-boundary", 3),
    ("boundary-evidence", "evidence", "derived pass - https://example.org/a.bin", "value-boundary", 15),
]

# paths of artifacts that must not be; the offset is that of the first wrong byte, or of the name
MANIFEST_PATHS = [
    ("dots", "../x", 1), ("dot", "./x", 0), ("absolute", "/x", 0), ("drive", "C:/x", 1), ("unc", "\\\\host\\x", 0),
    ("backslash", "a\\b", 1),
    ("empty-name", "a//b", 2), ("slash-behind", "a/", 2), ("device", "nul", 0), ("device-ending", "aux.txt", 0),
    ("device-com", "a/com0.x", 2),
    ("device-space", "con .txt", 0), ("dot-behind", "a.", 1), ("space-behind-folder", "a /b", 1),
    ("hyphen-first", "-rf", 0), ("hash", "a#b", 1),
    ("not-ascii", "caf\u00e9", 3), ("quote", "a'b", 1), ("long-name", "n" * 128, 127),
    ("long", "/".join(["d" * 100] * 3), 240), ("tilde-first", "~x", 0),
]


def manifest_values():
    for what, key, value, rule, at in MANIFEST_VALUES:
        lines = BASE.put(key, value)
        if key in ("tag", "source", "evidence") and len([x for x in BASE.lines if x.startswith(key + ": ")]) > 1:
            lines = BASE.drop(key, 1).put(key, value)  # keep the many lines in order
        bad(manifest_path(what), lines.bytes(), rule, f"{lines.line}:{column(key, at)}")
    for what, path, at in MANIFEST_PATHS:
        group = artifact(path, "other", "opaque", b"x")
        lines = manifest(group, *GROUPS)
        bad(manifest_path(f"path-{what}"), lines.bytes(), "value-path", f"{len(MODEL_FIELDS) + 1}:{column('artifact', at)}")
    for what, size in (("small", 32768), ("large", 134217728), ("odd", 65537)):
        lines = BASE.put("chunk-size", size)
        bad(manifest_path(f"chunk-size-{what}"), lines.bytes(), "value-range", f"{lines.line}:{column('chunk-size')}")
    lines = BASE.put("chunk-count", 8000001)
    bad(manifest_path("chunk-count-8000001"), lines.bytes(), "value-range", f"{lines.line}:{column('chunk-count')}")


def manifest_text():
    data = BASE.bytes()
    bad(manifest_path("empty"), b"", "text-first-line", "1:1")
    for what, first in (("other-type", "minimodel-proof 0"), ("no-version", "minimodel-manifest"),
                        ("capital", "Minimodel-manifest 0")):
        bad(manifest_path(f"first-line-{what}"), Lines([first] + BASE.lines[1:]).bytes(), "text-first-line", "1:1")
    for what, version in (("00", "00"), ("word", "zero"), ("minus", "-1"), ("two", "0 0")):
        lines = Lines(["minimodel-manifest " + version] + BASE.lines[1:])
        bad(manifest_path(f"first-line-{what}"), lines.bytes(), "text-first-line", "1:20")
    lines = Lines(["minimodel-manifest 1"] + BASE.lines[1:])
    unsupported(manifest_path("version-1"), lines.bytes(), "text-version-unsupported", "1:20")
    bad(manifest_path("size"), data + b"x" * (1048577 - len(data)), "text-size", "1:1")
    bad(manifest_path("mark"), b"\xef\xbb\xbf" + data, "text-bom", "1:1")
    bad(manifest_path("latin-1"), BASE.put("display-name", "Caf").bytes().replace(b"Caf", b"Caf\xe9"), "text-utf8",
        f"{BASE.find('display-name') + 1}:{column('display-name', 3)}")
    bad(manifest_path("crlf-once"), data.replace(b"\n", b"\r\n", 1), "text-line-end", "1:21")
    bad(manifest_path("crlf"), data.replace(b"\n", b"\r\n"), "text-line-end", "1:21")
    bad(manifest_path("last-line"), data[:-1], "text-last-line", f"{len(BASE.lines)}:{len(BASE.lines[-1]) + 1}")
    blank = BASE.before("artifact", "")
    bad(manifest_path("blank-line"), blank.bytes(), "text-blank-line", f"{blank.line}:1")
    bad(manifest_path("blank-end"), data + b"\n", "text-blank-line", f"{len(BASE.lines) + 1}:1")
    for what, line, at in (("capital", "X-z: v", 1), ("underscore", "x-z_z: v", 4), ("digit", "0x: v", 1),
                           ("no-colon", "x-z", 4),
                           ("no-space", "x-z:v", 5), ("space-before-colon", "x-z : v", 4),
                           ("65", "x-" + "z" * 63 + ": v", 65), ("comment", "# comment", 1),
                           ("indented", " x-z: v", 1)):
        lines = BASE.before("artifact", line)
        bad(manifest_path(f"key-{what}"), lines.bytes(), "text-key", f"{lines.line}:{at}")
    lines = BASE.before("artifact", "x-z: ")
    bad(manifest_path("value-empty"), lines.bytes(), "text-value-length", f"{lines.line}:6")


def manifest_order():
    def at(lines, rule, what, place=1):
        bad(manifest_path(what), lines.bytes(), rule, f"{lines.line}:{place}")

    at(BASE.before("artifact", "colour: red"), "manifest-field-unknown", "unknown-field")
    at(BASE.before("artifact", "x-: v"), "manifest-field-unknown", "unknown-x")
    at(BASE.before("peer-hint", f"merkle-root: {ZERO_HASH}"), "manifest-field-section", "artifact-field-above")
    at(BASE.end("version: 1.0"), "manifest-field-section", "model-field-below")
    at(BASE.end("x-z: v"), "manifest-field-section", "x-field-below")
    i = BASE.find("version")
    at(BASE.swap(i, i + 1), "manifest-field-order", "order")
    i = BASE.find("chunk-size")
    at(BASE.swap(i, i + 1), "manifest-field-order", "order-in-group")
    lines = BASE.before("peer-hint", "x-a: v")
    at(lines.drop("peer-hint").before("x-color", "peer-hint: none"), "manifest-field-order", "order-of-x")
    at(BASE.drop("version"), "manifest-field-missing", "missing")
    at(BASE.drop("artifact-role"), "manifest-field-missing", "missing-in-group")
    lines = Lines(MODEL_FIELDS)
    bad(manifest_path("no-artifact"), lines.bytes(), "manifest-field-missing", f"{len(MODEL_FIELDS) + 1}:1")
    at(BASE.before("revision", "version: 1.0"), "manifest-field-repeated", "repeated")
    # a line feed in a value is a line of its own: the key that it brings in stands twice
    lines = BASE.put("version", "1.0\nkey-id: none")
    bad(manifest_path("injected-line"), lines.bytes(), "manifest-field-repeated", f"{BASE.find('key-id') + 2}:1")
    i = BASE.find("x-color")
    at(BASE.before("x-note", "x-color: red"), "manifest-field-repeated", "repeated-x")
    at(BASE.swap(i, i + 1), "manifest-many-order", "x-order")
    i = BASE.find("tag")
    at(BASE.swap(i, i + 1), "manifest-many-order", "tags-order")
    at(BASE.before("publisher-id", "tag: test"), "manifest-many-equal", "tags-equal")
    lines = BASE.drop("tag", 1).put("tag", "\ntag: ".join(f"t{i:02}" for i in range(17)))
    bad(manifest_path("seventeen-tags"), lines.bytes(), "manifest-tags", f"{lines.line + 16}:1")
    lines = manifest(GROUPS[1], GROUPS[0], GROUPS[2])
    bad(manifest_path("groups-order"), lines.bytes(), "manifest-artifact-order",
        f"{lines.find('artifact', 1) + 1}:{column('artifact')}")


def manifest_across():
    def value(what, lines, rule, key, nth=0, at=0):
        bad(manifest_path(what), lines.bytes(), rule, f"{lines.find(key, nth) + 1}:{column(key, at)}")

    def line(what, lines, rule, number):
        bad(manifest_path(what), lines.bytes(), rule, f"{number}:1")

    value("publisher", BASE.put("publisher-id", "other"), "manifest-publisher", "publisher-id")
    value("signature-without-key", BASE.put("key-id", "none"), "manifest-signature", "signature-scheme")
    value("key-without-signature", BASE.put("signature-scheme", "none"), "manifest-signature", "signature-scheme")
    value("expires", BASE.put("expires", "2026-01-02T03:04:05Z"), "manifest-expires", "expires")
    lines = BASE.put("source-lane", "original")
    line("original-with-source", lines, "manifest-lane", lines.find("source") + 1)
    lines = BASE.drop("source").drop("source")
    line("converted-without-source", lines, "manifest-lane", lines.find("source-lane") + 2)
    for key in ("license-route", "model-card-route", "takedown-route"):
        value(f"{key}-none", BASE.put(key, "none"), "manifest-local", key)
    lines = manifest(*GROUPS[:2])
    line("no-weights", lines, "manifest-weights", lines.find("artifact") + 1)
    # case folds: the same file, a folder that is a file, folders that differ by case on one kind of system only
    def other(path):
        return artifact(path, "other", "text", b"x")

    license_group, card, weights = GROUPS
    value("case-fold", manifest(license_group, card, other("license"), weights), "manifest-paths", "artifact", 2)
    value("folder-is-file", manifest(*GROUPS, other("model.gguf/x")), "manifest-paths", "artifact", 3)
    value("folder-is-file-fold", manifest(license_group, card, other("license/x"), weights), "manifest-paths", "artifact", 2)
    value("folder-case", manifest(other("Docs/a"), license_group, card, other("docs/b"), weights), "manifest-paths", "artifact", 3)
    value("path-twice", manifest(GROUPS[0], GROUPS[1], GROUPS[1], GROUPS[2]), "manifest-paths", "artifact", 2)
    value("route", BASE.put("license-route", "COPYING"), "manifest-route", "license-route")
    value("route-case", BASE.put("license-route", "license"), "manifest-route", "license-route")
    lines = BASE.drop("chunk-list-sha256")
    line("chunk-list-no-hash", lines, "manifest-chunk-list", lines.find("chunk-list-route") + 1)
    lines = BASE.drop("chunk-list-route")
    line("chunk-list-no-route", lines, "manifest-chunk-list", lines.find("chunk-list-sha256") + 1)
    value("chunk-list-of-other", BASE.put("chunk-list-route", "LICENSE.chunks"), "manifest-chunk-list", "chunk-list-route")
    value("chunk-list-is-artifact", manifest(*GROUPS, other("model.gguf.chunks")), "manifest-chunk-list", "artifact", 3)
    value("chunk-list-ending", BASE.put("chunk-list-route", "https://example.org/model.gguf"), "value-route", "chunk-list-route")
    value("chunk-count", BASE.put("chunk-count", "2"), "manifest-chunk-count", "chunk-count")
    value("root-of-one-chunk", BASE.put("merkle-root", ZERO_HASH), "manifest-hashes", "merkle-root")
    zero = manifest(*GROUPS, artifact("zero.bin", "other", "opaque", b""))
    value("hash-of-nothing", zero.put("artifact-sha256", ZERO_HASH, 3), "manifest-hashes", "artifact-sha256", 3)
    value("root-of-nothing", zero.put("merkle-root", ZERO_HASH, 3), "manifest-hashes", "merkle-root", 3)
    for key in ("tokenizer-sha256", "chat-template-sha256", "tensor-layout-sha256"):
        lines = BASE.before("chunk-scheme", f"{key}: {'55' * 32}")
        line(f"{key}-of-text", lines, "manifest-digests", lines.line)
    tensors = [artifact(f"m{i}.safetensors", "weights", "safetensors", b"x", [f"tokenizer-sha256: {'11' * 32}"]) for i in (1, 2)]
    lines = manifest(*GROUPS[:2], *tensors)
    line("tokenizer-of-second", lines, "manifest-digests", lines.find("tokenizer-sha256", 1) + 1)
    # the sum of two sizes is 2^63; their chunk counts cannot be right (see above)
    lines = BASE.put("artifact-bytes", 2**62, 1).put("artifact-bytes", 2**62, 2)
    value("bytes-sum", lines, "manifest-bytes", "artifact-bytes", 2)


# ---- chunk lists and proofs ----

DATA = bytes(i % 251 for i in range(SIZE * 2 + 100))


def chunk_list(data=DATA, size=SIZE):
    chunks = chunks_of(data, size)
    return Lines(["minimodel-chunk-list 0", f"artifact-bytes: {len(data)}", f"artifact-sha256: {sha(data).hex()}",
                  f"chunk-size: {size}", f"chunk-count: {len(chunks)}", f"merkle-root: {root_of(chunks).hex()}"] + [c.hex() for c in chunks])


def list_path(what, name="data.chunks"):
    return f"chunk-list/{what}/{name}"


def chunk_list_good():
    for what, data in (("plain", DATA), ("one-chunk", DATA[:10]), ("whole-chunks", DATA[:2 * SIZE]), ("empty", b"")):
        good(list_path(what), chunk_list(data).bytes())
        extra(f"chunk-list/good-{what}/data", data)
    good(list_path("gzip", "data.chunks.gz"), gzip.compress(chunk_list().bytes(), mtime=0))
    extra("chunk-list/good-gzip/data", DATA)


def chunk_list_bad():
    def put(what, key, value, rule, at=0):
        lines = chunk_list().put(key, value)
        bad(list_path(what), lines.bytes(), rule, f"{lines.line}:{column(key, at)}")

    text = chunk_list().bytes()
    bad(list_path("empty-list"), b"", "text-first-line", "1:1")
    bad(list_path("other-type"), text.replace(b"chunk-list", b"manifest", 1), "text-first-line", "1:1")
    unsupported(list_path("version-9"), text.replace(b"list 0", b"list 9", 1), "text-version-unsupported", "1:22")
    bad(list_path("crlf"), text.replace(b"\n", b"\r\n", 1), "text-line-end", "1:23")
    bad(list_path("mark"), b"\xef\xbb\xbf" + text, "text-bom", "1:1")
    bad(list_path("order"), chunk_list().swap(1, 2).bytes(), "text-field-order", "2:1")
    bad(list_path("missing"), chunk_list().drop("chunk-size").bytes(), "text-field-order", "4:1")
    bad(list_path("header-alone"), Lines(chunk_list().lines[:3]).bytes(), "text-field-order", "4:1")
    put("number-plus", "artifact-bytes", "+7", "value-number")
    put("number-2-63", "artifact-bytes", 2**63, "value-number")
    put("number-minus", "chunk-count", "-1", "value-number")
    put("number-2-64-1", "chunk-count", 2**64 - 1, "value-number")
    put("hash-63", "artifact-sha256", "a" * 63, "value-hash")
    put("hash-capitals", "merkle-root", "A" * 64, "value-hash")
    put("size-odd", "chunk-size", 65537, "chunk-list")
    put("size-0", "chunk-size", 0, "chunk-list")
    put("count", "chunk-count", 4, "chunk-list")
    bad(list_path("count-of-bytes"), chunk_list().put("artifact-bytes", 5).bytes(), "chunk-list", f"5:{column('chunk-count')}")
    lines = chunk_list().put("artifact-bytes", 8000001 * SIZE).put("chunk-count", 8000001)
    bad(list_path("count-8000001"), lines.bytes(), "chunk-list", f"5:{column('chunk-count')}")
    put("root", "merkle-root", ZERO_HASH, "chunk-list")
    lines = chunk_list(DATA[:10]).put("artifact-sha256", ZERO_HASH)
    bad(list_path("hash-of-one-chunk"), lines.bytes(), "chunk-list", f"3:{column('artifact-sha256')}")
    bad(list_path("hashes-few"), Lines(chunk_list().lines[:-1]).bytes(), "chunk-list", "9:1")
    bad(list_path("hashes-many"), chunk_list().end("a" * 64).bytes(), "chunk-list", "10:1")
    # CVE-2012-2459: in a tree that repeats its last leaf, three chunks and four have one root
    lines = chunk_list()
    repeated = Lines(lines.lines + lines.lines[-1:]).put("artifact-bytes", 4 * SIZE).put("chunk-count", 4)
    bad(list_path("last-leaf-twice"), repeated.bytes(), "chunk-list", f"6:{column('merkle-root')}")
    for what, change in (("capitals", str.upper), ("63", lambda h: h[:63]), ("65", lambda h: h + "0"),
                         ("space", lambda h: " " + h[1:]),
                         ("path", lambda h: "../../../../etc/passwd"), ("nul", lambda h: h[:63] + "\0"),
                         ("crlf", lambda h: h + "\r")):
        lines = chunk_list()
        lines.lines[7] = change("ab" * 32)
        bad(list_path(f"hash-line-{what}"), lines.bytes(), "value-hash", "8:1")
    bad(list_path("hash-line-cut"), text[:-1], "value-hash", "9:1")
    bad(list_path("blank-line"), text + b"\n", "value-hash", "10:1")
    packed = gzip.compress(text, mtime=0)
    end = len(packed)
    bad(list_path("gzip-trailing", "data.chunks.gz"), packed + b"x", "chunk-list-gzip", f"@{end}")
    bad(list_path("gzip-members", "data.chunks.gz"), packed + gzip.compress(b"", mtime=0), "chunk-list-gzip", f"@{end}")
    bad(list_path("gzip-zeros", "data.chunks.gz"), packed + bytes(512), "chunk-list-gzip", f"@{end}")
    bad(list_path("gzip-cut", "data.chunks.gz"), packed[:-1], "chunk-list-gzip", f"@{end - 1}")
    wrong = changed(packed, end - 8, packed[end - 8] ^ 1)
    bad(list_path("gzip-checksum", "data.chunks.gz"), wrong, "chunk-list-gzip", f"@{end - 4}")


def chunk_list_and_data():
    """A list that is right, and a file that is not the listed one; the finding is at the file."""
    def compare(what, data, rule, at, lines=None):
        bad(f"chunk-list/{what}/data", data, rule, at)
        extra(f"chunk-list/bad-{what}/data.chunks", (lines or chunk_list()).bytes())

    compare("data-wrong", changed(DATA, SIZE + 5, 255), "chunk-wrong", f"@{SIZE}")
    compare("data-truncated", DATA[:2 * SIZE], "chunk-truncated", f"@{2 * SIZE}")
    compare("data-empty", b"", "chunk-truncated", "@0")
    compare("data-longer", DATA[:2 * SIZE] + b"x", "chunk-longer", f"@{2 * SIZE}", chunk_list(DATA[:2 * SIZE]))
    compare("data-longer-inside-chunk", DATA + b"x", "chunk-longer", f"@{len(DATA)}")
    compare("data-sha256", DATA, "chunk-sha256", "-", chunk_list().put("artifact-sha256", ZERO_HASH))


def proof(count=5, index=2):
    chunks = [sha(bytes([i])) for i in range(count)]
    leaves = [sha(b"\0", c) for c in chunks]
    return Lines(["minimodel-proof 0", f"merkle-root: {merkle(leaves).hex()}", f"chunk-count: {count}", f"chunk-index: {index}",
                  f"chunk-sha256: {chunks[index].hex()}"] + [f"sibling: {s.hex()}" for s in audit(leaves, index)])


def proof_cases():
    def path(what):
        return f"proof/{what}/chunk.proof"

    def put(what, key, value, rule, nth=0, at=None):
        lines = proof().put(key, value, nth)
        bad(path(what), lines.bytes(), rule, at or f"{lines.line}:{column(key)}")

    for count in (1, 2, 3, 5, 8):
        for index in {0, count // 2, count - 1}:
            good(path(f"{index}-of-{count}"), proof(count, index).bytes())
    wrong = "2:14"  # the root that the siblings do not lead to
    bad(path("empty"), b"", "text-first-line", "1:1")
    unsupported(path("version-1"), proof().bytes().replace(b"proof 0", b"proof 1"), "text-version-unsupported", "1:17")
    bad(path("order"), proof().swap(2, 3).bytes(), "text-field-order", "3:1")
    bad(path("missing"), proof().drop("chunk-sha256").bytes(), "text-field-order", "5:1")
    bad(path("other-field"), proof().end("x-note: v").bytes(), "text-field-order", "9:1")
    bad(path("blank-line"), proof().bytes() + b"\n", "text-blank-line", "9:1")
    bad(path("crlf"), proof().bytes().replace(b"\n", b"\r\n", 1), "text-line-end", "1:18")
    bad(path("mark"), b"\xef\xbb\xbf" + proof().bytes(), "text-bom", "1:1")
    put("number", "chunk-count", "05", "value-number")
    put("count-8000001", "chunk-count", 8000001, "value-number")
    put("hash-63", "chunk-sha256", "a" * 63, "value-hash")
    put("sibling-capitals", "sibling", "AB" * 32, "value-hash", 1)
    put("index-above", "chunk-index", 5, "chunk-index")
    put("index-largest", "chunk-index", 2**63 - 1, "chunk-index")
    lines = proof(1, 0).put("chunk-count", 0)
    bad(path("count-0"), lines.bytes(), "chunk-index", f"4:{column('chunk-index')}")
    put("sibling", "sibling", ZERO_HASH, "chunk-proof", 0, wrong)
    put("root", "merkle-root", ZERO_HASH, "chunk-proof", 0, wrong)
    put("chunk", "chunk-sha256", ZERO_HASH, "chunk-proof", 0, wrong)
    put("index-other", "chunk-index", 3, "chunk-proof", 0, wrong)
    # lies about the count: one that asks for more siblings, one for fewer
    put("count-lie-more", "chunk-count", 9, "chunk-proof", 0, "6:1")
    put("count-lie-fewer", "chunk-count", 3, "chunk-proof", 0, "6:1")
    bad(path("siblings-few"), proof().drop("sibling", 2).bytes(), "chunk-proof", "6:1")
    bad(path("siblings-many"), proof().end(f"sibling: {ZERO_HASH}").bytes(), "chunk-proof", "6:1")
    many = proof()
    for _ in range(70):
        many = many.end(f"sibling: {ZERO_HASH}")
    bad(path("siblings-73"), many.bytes(), "chunk-proof", f"{5 + 64 + 1}:1")
    # leaf and node confusion: a node's two children offered as a chunk
    chunks = [sha(bytes([i])) for i in range(4)]
    leaves = [sha(b"\0", c) for c in chunks]
    node = Lines(["minimodel-proof 0", f"merkle-root: {merkle(leaves).hex()}", "chunk-count: 2", "chunk-index: 0",
                  f"chunk-sha256: {sha(bytes([1]), leaves[0], leaves[1]).hex()}", f"sibling: {merkle(leaves[2:]).hex()}"])
    bad(path("node-as-chunk"), node.bytes(), "chunk-proof", wrong)


# ---- evidence that a model follows from another ----

def derived(*tensors, source=(ZERO_HASH,), more=()):
    counts = [f"{how}: {sum(tensor.startswith(how + ' ') for tensor in tensors)}" for how in ("exact", "requantised", "differs")]
    passes = counts[2] == "differs: 0" and not any(line.endswith(": differ") for line in more)
    said = [line for line in more if line.startswith(("lent", "drop"))]
    facts = [line for line in more if line.startswith("facts")] or ["facts: equal"]
    template = [line for line in more if line.startswith("chat-template")] or ["chat-template: none"]
    return Lines(["minimodel-derived 0", "tool: slm-diff 0.1.0"] + [f"source-sha256: {line}" for line in source] +
                 [f"artifact-sha256: {'ab' * 32}"] + said + facts + ["tokenizer: equal"] + template + counts +
                 [f"tensor: {tensor}" for tensor in tensors] + [f"verdict: {'pass' if passes else 'fail'}"])


def derived_cases():
    """What is sound has no models beside it, so that nothing is expected of it here."""
    def path(what):
        return f"derived/{what}/model.derived"

    two = ("exact output_norm.weight", "requantised token_embd.weight")
    extra(path("good-none"), derived().bytes())
    extra(path("good-two"), derived(*two).bytes())
    extra(path("good-fail"), derived("differs blk.0.attn_q.weight", *two, more=["facts: differ"]).bytes())
    extra(path("good-folder"), derived(*two, source=(ZERO_HASH + " config.json", "cd" * 32 + " model.safetensors"),
                                       more=["lent-tokenizer-sha256: " + "ef" * 32, "drop: tokenizer.*", "chat-template: left-out"]).bytes())
    sound = derived(*two)
    bad(path("empty"), b"", "text-first-line", "1:1")
    unsupported(path("version-1"), sound.bytes().replace(b"derived 0", b"derived 1"), "text-version-unsupported", "1:19")
    bad(path("order"), sound.swap(4, 5).bytes(), "text-field-order", "5:1")
    bad(path("surplus"), sound.end("x-note: v").bytes(), "text-field-order", "14:1")
    bad(path("crlf"), sound.bytes().replace(b"\n", b"\r\n", 1), "text-line-end", "1:20")
    bad(path("hash"), sound.put("artifact-sha256", "AB" * 32).bytes(), "value-hash", "4:18")
    bad(path("count"), sound.put("exact", 2).bytes(), "diff-evidence", "-")
    bad(path("number"), sound.put("exact", "01").bytes(), "value-number", "8:8")
    bad(path("template"), sound.put("chat-template", "left-out").bytes(), "diff-evidence", "7:16")
    bad(path("verdict"), sound.put("verdict", "fail").bytes(), "diff-evidence", "13:10")
    bad(path("word"), sound.put("tensor", "equal a").bytes(), "diff-evidence", "11:9")
    bad(path("tensors-order"), sound.swap(10, 11).bytes(), "diff-evidence", "12:15")
    bad(path("files-order"), derived(source=(ZERO_HASH + " b", ZERO_HASH + " a")).bytes(), "diff-evidence", "4:16")


# ---- evidence of what a model answers ----

def evidence(*cases, verdict="recorded"):
    return Lines(["minimodel-evidence 0", "model-id: keeper/tiny", "artifact-sha256: " + "ab" * 32, "engine: infer-check 0.1.0",
                  "device: cpu portable, 1 thread"] + [line for case in cases for line in case] + [f"verdict: {verdict}"])


def evidence_cases():
    """What is sound has no model beside it that answers so, so that nothing is expected of it here."""
    one = ["case: one", 'prompt: "Once"', "prompt-tokens: 1 403", "tokens: 407 261", 'text: " upon a"',
           "top-logits: 0 407=12.5 3=-0.25 9=-1e-06 11=-2 12=-10", "top-logits: 1 261=7.12346"]
    two = ["case: two", 'prompt: "\\u00e9\\ud83d\\ude00"', "prompt-tokens: 1", "tokens: 0", 'text: "\ufffd"']
    sound = evidence(one, two)
    def path(what):
        return f"evidence/{what}/model.evidence"

    extra(path("good"), sound.bytes())
    extra(path("good-pass"), evidence(one, verdict="pass").bytes())
    bad(path("empty"), b"", "text-first-line", "1:1")
    unsupported(path("version-1"), sound.bytes().replace(b"evidence 0", b"evidence 1"), "text-version-unsupported", "1:20")
    bad(path("no-case"), evidence().bytes(), "text-field-order", "6:1")
    bad(path("order"), sound.swap(1, 2).bytes(), "text-field-order", "2:1")
    bad(path("half"), sound.put("text", '"\\ud83d"').bytes(), "evidence-form", "10:10")
    bad(path("step"), sound.put("top-logits", "2 1=1").bytes(), "evidence-form", "11:13")
    bad(path("name"), sound.put("case", "One").bytes(), "evidence-form", "6:7")
    trace = Lines(["minimodel-trace 0", "artifact-sha256: " + "ab" * 32, "device: cpu portable, 1 thread", "case: one",
                   f"layer: 0 embedding {'cd' * 32} 1.5", f"layer: 0 blk.0 {'ef' * 32} 2.25"])
    for what, data in (("good", trace.bytes()), ("empty", b""), ("order", trace.swap(3, 4).bytes()), ("norm", trace.put("layer", "0 a 1").bytes())):
        extra(f"trace/{what}/model.trace", data)


def anchor_cases():
    """Only read beside its signature, so that the unit tests say what is wrong with each."""
    sound = Lines(["minimodel-anchor 0", "created: 2026-11-21T12:00:00Z", "host-label: my desk", "receipts: 3", "head: " + "ab" * 32])
    for what, data in (("good", sound.bytes()), ("good-plain", sound.drop("host-label").bytes()), ("none", sound.put("receipts", 0).bytes()),
                       ("time", sound.put("created", "2026-02-30T12:00:00Z").bytes()), ("surplus", sound.end("x: y").bytes()),
                       ("order", sound.swap(2, 4).bytes()), ("empty", b"")):
        extra(f"anchor/{what}/head.anchor", data)


# ---- policies ----

def policy(*rules):
    return Lines(["minimodel-policy 0", "name: Example", *rules])


def policy_cases():
    """What is sound is held against no model here."""
    def path(what):
        return f"policy/{what}/model.policy"

    one, two = "0123456789ABCDEF", "FEDCBA9876543210"
    every = policy("publisher: acme", "publisher: b.c", f"key: {one}", "signature: required", "countersignatures: 2", f"countersigner: acme {two}",
                   f"countersigner: lab {one}", "license: Apache-2.0", "license: GPL-2.0-only WITH Classpath-exception-2.0", "license: LicenseRef-x",
                   "format: gguf", "format: slm", "lane: original", "max-bytes: 9223372036854775807", "max-artifact-bytes: 0", "evidence: derived",
                   "evidence: x-a", "max-age-days: 30")
    extra(path("good-every"), every.bytes())
    extra(path("good-one"), policy("lane: original").bytes())
    bad(path("empty"), b"", "text-first-line", "1:1")
    unsupported(path("version-1"), every.bytes().replace(b"policy 0", b"policy 1"), "text-version-unsupported", "1:18")
    bad(path("no-rule"), policy().bytes(), "policy-form", "3:1")
    bad(path("no-name"), every.drop("name").bytes(), "text-field-order", "2:1")
    bad(path("order"), every.swap(4, 5).bytes(), "text-field-order", "6:1")
    bad(path("twice"), every.before("countersignatures", "signature: required").bytes(), "text-field-order", "7:1")
    bad(path("unknown"), every.end("x-note: v").bytes(), "policy-form", "21:1")
    bad(path("sorted"), every.swap(2, 3).bytes(), "policy-form", "4:1")
    bad(path("equal"), every.before("key", "publisher: b.c").bytes(), "policy-form", "5:1")
    bad(path("too-few"), every.put("countersignatures", 3).bytes(), "policy-form", "7:20")
    bad(path("nobody"), policy("countersignatures: 1").bytes(), "policy-form", "3:1")
    bad(path("no-number"), policy(f"countersigner: acme {one}").bytes(), "policy-form", "3:1")
    bad(path("same-id"), policy("countersignatures: 1", f"countersigner: a {one}", f"countersigner: b {one}").bytes(), "policy-form", "5:1")
    bad(path("none"), every.put("countersignatures", 0).bytes(), "value-range", "7:20")
    bad(path("publisher"), every.put("publisher", "Acme").bytes(), "value-pattern", "3:12")
    bad(path("key"), every.put("key", "none").bytes(), "value-pattern", "5:6")
    bad(path("signature"), every.put("signature", "optional").bytes(), "value-word", "6:12")
    bad(path("license"), every.put("license", "Apache-2.0 OR MIT").bytes(), "value-license", "10:10")
    bad(path("format"), every.put("format", "ggml").bytes(), "value-word", "13:9")
    bad(path("number"), every.put("max-bytes", "1G").bytes(), "value-number", "16:12")
    bad(path("evidence"), every.put("evidence", "derive").bytes(), "value-word", "18:11")


# ---- what others say of files ----

def attestation_cases():
    """What is sound speaks of no file here, so that nothing is expected of it."""
    def path(what):
        return f"attestation/{what}/said"

    one, other, git = ("%02x" % 1) * 32, "ab" * 32, "cd" * 20
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{one}\nsize 5\n"
    metadata = f"{git}\n{other}\n1700000000.25\n"
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": "sha256:" + one, "size": 5}
    ollama = {"schemaVersion": 2, "config": dict(layer, mediaType="c", digest="sha256:" + other), "layers": [layer]}
    extra(path("good-sums"), f"# hashes\n{one}  a\n{other} *b/c\r\n\\{one}  d\\\\e\n".encode())
    extra(path("good-tags"), f"SHA256 (a) = {one}\nSHA2-256(b)= {other}\n".encode())
    extra(path("good-pointer"), pointer.encode())
    extra(path("good-metadata"), metadata.encode())
    extra(path("good-git"), metadata.replace(other, git).encode())
    extra(path("good-ollama"), json.dumps(ollama).encode())
    bad(path("empty"), b"", "attest-form", "-")
    bad(path("nul"), f"{one}  a\0\n".encode(), "attest-form", "-")
    bad(path("two-hashes"), f"{one}  a\n{other}  ./a\n".encode(), "attest-form", "2:1")
    bad(path("other-hash"), f"{one}  a\n{one}{one}  b\n".encode(), "attest-form", "2:1")
    bad(path("pointer-extension"), pointer.replace("oid", f"ext-0-x sha256:{other}\noid").encode(), "attest-form", "2:1")
    bad(path("pointer-size"), pointer.replace("size 5", "size 05").encode(), "attest-form", "3:1")
    bad(path("metadata-etag"), metadata.replace(other, "W/x").encode(), "attest-form", "2:1")
    bad(path("metadata-ends"), f"{git}\n".encode(), "attest-form", "2:1")
    bad(path("ollama-schema"), json.dumps(dict(ollama, schemaVersion=1)).encode(), "attest-form", "@18")
    bad(path("ollama-layers"), json.dumps(dict(ollama, layers=[])).encode(), "attest-form", "@157")
    bad(path("json"), b"{}", "attest-form", "-")


# ---- reports, receipts, their log ----

def report_group(path, length=5):
    return [f"artifact: {path}", f"artifact-bytes: {length}", f"artifact-sha256: {ZERO_HASH}", "check: bytes pass", "check: sha256 pass",
            "check: merkle pass", "check: chunk-list skip none: the manifest names none", "check: format pass",
            "check: tensor-layout skip none", "check: tokenizer skip none", "check: chat-template skip none", "check: facts pass"]


def report(verdict="pass", paths=("a.gguf", "b.txt")):
    head = ["minimodel-report 0", "tool: slm-verify 0.1.0", f"manifest-sha256: {ZERO_HASH}", "model-id: local/tiny", "version: 1",
            "revision: 3", "signature: unsigned", "check: manifest pass", "check: signature pass unsigned", "check: expiry pass",
            "check: policy skip none", "check: set skip none; 1 surplus, first: 'x'"]
    return Lines(head + [line for path in paths for line in report_group(path)] + [f"verdict: {verdict}"])


def report_cases():
    def path(what):
        return f"report/{what}/a.report"

    def changed_line(what, old, new, rule, position):
        bad(path(what), report().bytes().replace(old.encode(), new.encode(), 1), rule, position)

    good(path("two"), report().bytes())
    good(path("one"), report(paths=("a.gguf",)).bytes())
    good(path("quick"), report().bytes().replace(b"sha256 pass", b"sha256 skip quick"))
    good(path("policies"), report().bytes().replace(b"check: policy skip none", b"check: policy pass one\ncheck: policy pass two"))
    good(path("signed"), report().bytes().replace(b"signature: unsigned", b"signature: verified 00112233AABBCCDD"))
    unsupported(path("version-1"), report().bytes().replace(b"report 0", b"report 1"), "text-version-unsupported", "1:18")
    bad(path("empty"), b"", "text-first-line", "1:1")
    bad(path("behind"), report().end("x-note: v").bytes(), "text-field-order", "38:1")
    bad(path("no-artifact"), report(paths=()).bytes(), "text-field-order", "13:1")
    bad(path("twice"), report(paths=("a", "a")).bytes(), "receipt-report", "25:11")
    bad(path("order"), report(paths=("b", "a")).bytes(), "receipt-report", "25:11")
    changed_line("no-tool", "tool: slm-verify 0.1.0\n", "", "text-field-order", "2:1")
    changed_line("model", "local/tiny", "../../tiny", "receipt-report", "4:11")
    changed_line("revision-0", "revision: 3", "revision: 0", "receipt-report", "6:11")
    changed_line("check-left-out", "check: expiry pass\n", "", "receipt-report", "10:8")
    changed_line("check-unknown", "check: expiry pass", "check: expire pass", "receipt-report", "10:8")
    changed_line("result-unknown", "check: expiry pass", "check: expiry yes", "receipt-report", "10:14")
    changed_line("skip-unexplained", "check: policy skip none", "check: policy skip", "receipt-report", "11:19")
    changed_line("skip-other", "check: policy skip none", "check: policy skip later", "receipt-report", "11:20")
    changed_line("verdict-better", "check: merkle pass", "check: merkle fail chunk 0 bytes 0-4", "receipt-verdict", "37:10")
    changed_line("verdict-partial-checks", "check: format pass", "check: format skip unsupported", "receipt-verdict", "37:10")
    changed_line("verdict-worse", "verdict: pass", "verdict: fail", "receipt-verdict", "37:10")
    bad(path("fails"), report("fail").bytes().replace(b"bytes pass", b"bytes fail"), "receipt-verdict")
    bad(path("partial"), report("partial").bytes().replace(b"expiry pass", b"expiry skip none"), "receipt-verdict")
    bad(path("receipt"), receipt().bytes(), "text-first-line", "1:1")


def receipt(action="verified", consent="no", more=()):
    lines = report().bytes().decode().splitlines()
    at = lines.index("artifact: b.txt")
    return Lines(["minimodel-receipt 0", "created: 2026-01-01T00:00:00Z", f"action: {action}", *more, "medium: in-place",
                  "transfer-consent: not-asked", f"execution-consent: {consent}", "previous-receipt: none"] + lines[1:at] +
                 [f"fingerprint: 1 2 5 1700000000000000000 1700000000000000001 {ZERO_HASH}"] + lines[at:-1] + ["fingerprint: none", lines[-1]])


def receipt_cases():
    """Seeds for the fuzzer; what is wrong with a receipt in its chain is a matter of the whole chain."""
    extra("receipt/good-verified/a.receipt", receipt().bytes())
    extra("receipt/good-consented/a.receipt", receipt("consented", "yes").bytes())
    extra("receipt/good-imported/a.receipt", receipt("imported", more=("host-label: desk",)).bytes())
    extra("receipt/bad-consent/a.receipt", receipt("imported", "yes").bytes())
    name = "local/tiny/20260101T000000Z-" + ZERO_HASH[:16] + ".receipt"
    log = Lines(["minimodel-receipts 0", f"receipt: {ZERO_HASH} {name}", f"new-chain: {ZERO_HASH} a disk lost it", f"receipt: {ZERO_HASH} {name}",
                 "new-chain: none again"]).bytes()
    extra("receipt/good-log/receipts.log", log)
    extra("receipt/bad-torn-log/receipts.log", log[:-30])
    extra("receipt/bad-log-name/receipts.log", log.replace(b"/tiny", b"/.."))


def revocation_cases():
    """Seeds for the fuzzer; what a revocation does is a matter of the keyring."""
    lines = ["minimodel-revocation 0", "key-id: 0123456789ABCDEF", "revoked: 2026-01-01T00:00:00Z", "reason: compromised: a laptop was stolen"]
    text = Lines(lines).bytes()
    extra("revocation/good/a.revoked", text)
    extra("revocation/bad-id/a.revoked", text.replace(b"ABCDEF", b"abcdef"))
    extra("revocation/bad-time/a.revoked", text.replace(b"01-01T", b"02-30T"))
    extra("revocation/bad-more/a.revoked", text + b"reason: another\n")
    extra("revocation/bad-short/a.revoked", text[:-40])


# ---- manifests for readers that have to be told a file's format ----

def hashes_of(data, size):
    """Size, SHA-256 and chunk hashes; an int stands for so many zeros."""
    if not isinstance(data, int):
        return len(data), sha(data), chunks_of(data, size)
    whole, chunks, zeros = hashlib.sha256(), [], bytes(size)
    for at in range(0, data, size):
        piece = zeros[:data - at]
        whole.update(piece)
        chunks.append(chunks[-1] if chunks and len(piece) == size else sha(piece))
    return data, whole.digest(), chunks


def told(path, data):
    kind, _, name = path.split("/")
    length, digest, chunks = hashes_of(data, 64 * 1024 * 1024)
    model_type = "llama" if not isinstance(data, int) and b'"model_type":"llama"' in data else "unknown"
    lines = ["minimodel-manifest 0", "model-id: local/told", "version: 0", "revision: 1", "display-name: told",
             "publisher-id: local", "key-id: none", "signature-scheme: none", "created: 2026-01-01T00:00:00Z", "license: MIT",
             "license-route: none", "model-card-route: none", "takedown-route: none", "source-lane: original",
             f"architecture: {model_type}", "quantization: unknown", "peer-hint: none", f"artifact: {name}",
             "artifact-role: adapter", f"artifact-format: {kind}", f"artifact-bytes: {length}",
             f"artifact-sha256: {digest.hex()}", "chunk-scheme: fixed-size-merkle-v0", "chunk-size: 67108864",
             f"chunk-count: {len(chunks)}", f"merkle-root: {root_of(chunks).hex()}"]
    extra(f"{os.path.dirname(path)}/told.manifest", Lines(lines).bytes())


def manifests_that_tell():
    for path, data, verdict, _, _ in list(FILES):
        if verdict and path.split("/")[0] in ("json", "text", "opaque") and not path.endswith(".index.json"):
            told(path, data)


# ---- all of them ----

def write(folder):
    expect = []
    for path, data, verdict, rule, position in FILES:
        whole = os.path.join(folder, path)
        os.makedirs(os.path.dirname(whole), exist_ok=True)
        with open(whole, "wb") as out:
            if isinstance(data, int):
                data = (b"", data)
            if isinstance(data, tuple):
                out.write(data[0])
                out.truncate(data[1])
            else:
                out.write(data)
        if verdict:
            expect.append(f"{path}\t{verdict}\t{rule}\t{position}\n")
    with open(os.path.join(folder, "expect.tsv"), "w", encoding="utf-8") as out:
        out.writelines(expect)


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit("usage: make-testdata.py FOLDER")
    for recipe in (gguf_good, gguf_preamble, gguf_counts, gguf_values, gguf_facts, gguf_tokenizer, gguf_tensors,
                   gguf_arithmetic, gguf_layout, gguf_padding, st_good, st_length, st_json, st_entries, st_layout,
                   json_cases, refused_cases, text_cases, slm_good, slm_header_cases, slm_hash_cases, slm_facts_cases,
                   slm_tokenizer_cases, slm_table_cases, manifest_good, manifest_values, manifest_text, manifest_order,
                   manifest_across, chunk_list_good, chunk_list_bad, chunk_list_and_data, proof_cases, derived_cases,
                   evidence_cases, attestation_cases, policy_cases, revocation_cases, anchor_cases, report_cases, receipt_cases,
                   manifests_that_tell):
        recipe()
    paths = [f[0] for f in FILES]
    assert len(paths) == len(set(paths)), [p for p in paths if paths.count(p) > 1]
    write(sys.argv[1])


if __name__ == "__main__":
    main()
