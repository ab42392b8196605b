"""Reads .slm, version 0 (docs/formats/slm.md)."""

import hashlib
import re
import struct
from fractions import Fraction

from common import Fatal, Finding, exit_code, is_control, number, parse_line, show, split_lines
from layout import SHAPE, Facts, Tensor, quantization, shape

MAGIC = b"\x89SLM\r\n\x1a\n"
HEADER, ENTRY = 256, 96
HEAD_HASH = 192
MAX_TEXT = 64 << 20  # bytes of all pieces
MAX_FACTS, MAX_PIECES, MAX_MERGES, MAX_SETTINGS, MAX_PRE, MAX_TENSORS = 65536, 1 << 20, 1 << 20, 64, 64, 1 << 21
NO_TOKEN = 2**32 - 1
LLAMA, GPT2 = 1, 2
SCORES, TYPES = 1, 2
# settings by number: those up to 15 are tokens, those from 32 switches
TOKENS = {1: "bos_token_id", 2: "eos_token_id", 3: "unknown_token_id", 4: "seperator_token_id",
          5: "padding_token_id", 6: "cls_token_id", 7: "mask_token_id", 8: "eot_token_id", 9: "eom_token_id",
          10: "fim_pre_token_id", 11: "fim_suf_token_id", 12: "fim_mid_token_id", 13: "fim_pad_token_id",
          14: "fim_rep_token_id", 15: "fim_sep_token_id"}
SWITCHES = {32: "add_bos_token", 33: "add_eos_token", 34: "add_sep_token", 35: "add_space_prefix",
            36: "remove_extra_whitespaces"}
# number: (name, elements of a block, bytes of a block)
DTYPES = {0: ("f32", 1, 4), 1: ("f16", 1, 2), 30: ("bf16", 1, 2), 8: ("q8_0", 32, 34), 2: ("q4_0", 32, 18)}
# name, dimensions, whether it may be left out; N is a block's number
LLAMA_TENSORS = [
    ("token_embd.weight", "E W", False), ("output_norm.weight", "E", False), ("output.weight", "E W", True),
    ("blk.N.attn_norm.weight", "E", False),
    ("blk.N.attn_q.weight", "E HK", False), ("blk.N.attn_q.bias", "HK", True),
    ("blk.N.attn_k.weight", "E GK", False), ("blk.N.attn_k.bias", "GK", True),
    ("blk.N.attn_v.weight", "E GV", False), ("blk.N.attn_v.bias", "GV", True),
    ("blk.N.attn_output.weight", "HV E", False), ("blk.N.attn_output.bias", "E", True),
    ("blk.N.ffn_norm.weight", "E", False),
    ("blk.N.ffn_gate.weight", "E F", False), ("blk.N.ffn_gate.bias", "F", True),
    ("blk.N.ffn_up.weight", "E F", False), ("blk.N.ffn_up.bias", "F", True),
    ("blk.N.ffn_down.weight", "F E", False), ("blk.N.ffn_down.bias", "E", True)]


def align64(value):
    return (value + 63) // 64 * 64


def sha256(data):
    return hashlib.sha256(data).digest()


# --- real numbers ---

def nearest_f32(text):
    """The bits of the f32 nearest to a decimal that is not negative, ties to even; None: too large."""
    exact = Fraction(text)
    try:
        guess = struct.unpack("<I", struct.pack("<f", float(text)))[0]
    except OverflowError:
        return None
    # the way over a double may be off by one
    near = [bits for bits in (guess - 1, guess, guess + 1) if 0 <= bits < 0x7F800000]
    return min(near, key=lambda bits: (abs(Fraction(f32(bits)) - exact), bits & 1))


def f32(bits):
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def spell(bits):
    """The first of %.6g, %.7g, %.8g and %.9g that reads back as this f32."""
    texts = (f"%.{digits}g" % f32(bits) for digits in (6, 7, 8, 9))
    return next(text for text in texts if nearest_f32(text) == bits)


def real(text):
    """The value of a real number, or None when it is not written as one."""
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,13})?(e[+-][0-9]{2})?", text):
        return None
    bits = nearest_f32(text)
    return f32(bits) if bits is not None and spell(bits) == text else None


# --- facts ---

def whole(least, most):
    def check(text):
        value = number(text)
        return value if value is not None and least <= value <= most else None
    return check, f"a number from {least} to {most}"


def positive(text):
    value = real(text)
    return value if value else None


def scaling(text):
    if text == "none":
        return 0.0
    kind, _, factor = text.partition(" ")
    return positive(factor) if kind == "linear" and factor != "1" else None


def text_without_address(text):
    return text if "://" not in text else None


def word(pattern):
    def check(text):
        return text if re.fullmatch(pattern, text) else None
    return check, pattern


LENGTH = whole(1, 2**31 - 1)
NO_ADDRESS = (text_without_address, "text without ://")
REAL = (positive, "a real number above 0, in its one spelling")
FIELDS = {  # key: (check, what is expected)
    "architecture": word("[a-z0-9._-]{1,64}"), "name": NO_ADDRESS, "license": NO_ADDRESS,
    "block-count": whole(1, 65535), "embedding-length": LENGTH, "feed-forward-length": LENGTH, "head-count": LENGTH,
    "head-count-kv": LENGTH, "key-length": LENGTH, "value-length": LENGTH, "vocab-size": LENGTH,
    "context-length": LENGTH, "rope-dimension-count": LENGTH, "rope-base": REAL,
    "rope-scaling": (scaling, "none, or linear and a real number above 0"),
    "norm-epsilon": (real, "a real number, not below 0, in its one spelling"),
    "quantization": (str, "a dtype")}  # which one, follows from the tensors
OPTIONAL = ("name", "license")


class FactsSection:
    """The text at offset 256: fields by key, as they are written, and their values."""

    def __init__(self, raw):
        self.findings, self.texts, self.values = [], {}, {}
        self.known = True  # false: another version or architecture, whose fields are not known
        lines = split_lines(raw, self.findings)
        if lines[0] != b"minimodel-facts 0":
            self.report(1, f"expected 'minimodel-facts 0', found {show(lines[0])}")
        self.read_lines(lines[1:])
        if self.known:
            self.check()

    def report(self, where, message, rule="slm-facts"):
        self.findings.append(Finding(f"{where}:1", message, rule))

    def read_lines(self, raws):
        first = parse_line(raws[0], 2, []) if raws else None
        if first and first.key == "architecture" and first.ok and FIELDS["architecture"][0](first.value) not in (None, "llama"):
            self.known, self.findings = False, [finding for finding in self.findings if finding.place == "1:1"]
            return self.report(2, f"architecture {first.value} is not known, only llama is", "slm-architecture-unsupported")
        parsed = [parse_line(raw, at, self.findings) for at, raw in enumerate(raws, 2)]
        lines = [line for line in parsed if line is not None]
        self.read_fields(lines)

    def read_fields(self, lines):
        ranks, last = list(FIELDS), -1
        for line in lines:
            if line.key not in FIELDS:
                self.report(line.number, f"unknown field {line.key}")
                continue
            if line.key in self.texts:
                self.report(line.number, f"{line.key} comes again")
            elif ranks.index(line.key) < last:
                self.report(line.number, f"{line.key} stands too late")
            last = ranks.index(line.key)
            self.texts[line.key] = line.value
            check, what = FIELDS[line.key]
            value = check(line.value) if line.ok else None
            if line.ok and value is None:
                self.report(line.number, f"{line.key}: expected {what}, found {show(line.value)}")
            self.values[line.key] = value

    def check(self):
        for key in FIELDS:
            if key not in self.texts and key not in OPTIONAL:
                self.report(1, f"{key} is missing")
        value = self.values.get
        if value("head-count") and value("head-count-kv") and value("head-count") % value("head-count-kv"):
            self.report(1, "head-count is a multiple of head-count-kv")
        if value("rope-dimension-count"):
            if value("rope-dimension-count") % 2:
                self.report(1, "rope-dimension-count is even")
            if value("key-length") and value("rope-dimension-count") > value("key-length"):
                self.report(1, "rope-dimension-count is at most key-length")

    def letters(self):
        """What the letters of the tensors' dimensions stand for; None when one is not there."""
        keys = {"E": "embedding-length", "F": "feed-forward-length", "H": "head-count", "G": "head-count-kv",
                "K": "key-length", "V": "value-length", "W": "vocab-size"}
        found = {letter: self.values.get(key) for letter, key in keys.items()}
        return None if None in found.values() or not self.values.get("block-count") else found


# --- tokenizer ---

class Tokenizer:
    """The tokenizer section; findings have offsets in the section."""

    def __init__(self, raw):
        self.raw, self.at, self.findings = raw, 32, []
        self.settings, self.merges, self.scores, self.types, self.pieces = {}, [], None, None, []
        self.kind = self.flags = self.piece_count = 0
        self.pre = ""
        try:
            self.read()
        except Fatal as fatal:
            self.findings.append(fatal.finding)

    def report(self, at, message):
        self.findings.append(Finding(f"@{at}", message, "slm-tokenizer"))

    def array(self, form, count):
        """Values of one kind; the section's size was compared with the counts before."""
        values = struct.unpack_from(f"<{count}{form}", self.raw, self.at)
        self.at += struct.calcsize(f"<{form}") * count
        return values

    def read(self):
        if len(self.raw) < 32:
            raise Fatal(0, f"expected 32 bytes of counts, found {len(self.raw)}", "slm-tokenizer")
        self.kind, self.flags, pieces, merges, settings, pre, total = struct.unpack_from("<6IQ", self.raw)
        self.piece_count = pieces
        self.check_counts(pieces, merges, settings, pre)
        if total > MAX_TEXT:
            raise Fatal(24, f"expected up to {MAX_TEXT} bytes of pieces, found {total}", "slm-tokenizer")
        has_scores, has_types = self.flags & SCORES, self.flags & TYPES
        size = (32 + 8 * settings + 8 * merges + (4 * pieces if has_scores else 0) + 2 * pieces
                + (pieces if has_types else 0) + total + pre)
        if size != len(self.raw):
            raise Fatal(0, f"the counts make {size} bytes, the section has {len(self.raw)}", "slm-tokenizer")
        pairs = self.array("I", 2 * settings)
        joined = self.array("I", 2 * merges)
        self.scores = self.array("I", pieces) if has_scores else None
        lengths = self.array("H", pieces)
        self.types = self.array("B", pieces) if has_types else None
        if sum(lengths) != total:
            raise Fatal(24, f"the lengths make {sum(lengths)} bytes of pieces, {total} are stated", "slm-tokenizer")
        self.read_pieces(lengths)
        self.read_pre(pre)
        self.check_settings(list(zip(pairs[::2], pairs[1::2])))
        self.check_merges(list(zip(joined[::2], joined[1::2])))
        self.check_scores_and_types()

    def check_counts(self, pieces, merges, settings, pre):
        if self.kind not in (LLAMA, GPT2):
            self.report(0, f"expected kind 1 or 2, found {self.kind}")
        if self.flags & ~(SCORES | TYPES):
            self.report(4, f"flags {self.flags:#x}: only bits 0 and 1 are used")
        if self.kind == LLAMA and merges:
            self.report(12, f"kind 1 has no merges, found {merges}")
        for at, what, value, least, most in ((8, "pieces", pieces, 1, MAX_PIECES), (12, "merges", merges, 0, MAX_MERGES),
                                             (16, "settings", settings, 0, MAX_SETTINGS),
                                             (20, "bytes of pre-tokenizer", pre, 0, MAX_PRE)):
            if not least <= value <= most:
                raise Fatal(at, f"expected {least} to {most} {what}, found {value}", "slm-tokenizer")

    def read_pieces(self, lengths):
        seen = set()
        for index, length in enumerate(lengths):
            piece = bytes(self.raw[self.at:self.at + length])
            if piece and piece in seen:
                self.report(self.at, f"piece {index} equals an earlier one")
            seen.add(piece)
            self.pieces.append(piece)
            self.at += length

    def read_pre(self, length):
        name = bytes(self.raw[self.at:self.at + length])
        if not re.fullmatch(rb"[a-z0-9._-]*", name):
            self.report(self.at, f"pre-tokenizer {show(name)} is no [a-z0-9._-]")
        self.pre = name.decode("ascii", "replace")

    def check_settings(self, settings):
        last = 0
        for index, (key, value) in enumerate(settings):
            at = 32 + 8 * index
            if key <= last:
                self.report(at, f"setting {key} stands behind {last}")
            last = key
            if key in TOKENS and value >= self.piece_count and value != NO_TOKEN:
                self.report(at, f"setting {key}: there is no piece {value}")
            if key in SWITCHES and value > 1:
                self.report(at, f"setting {key} is a switch, found {value}")
            if key not in TOKENS and key not in SWITCHES:
                self.report(at, f"setting {key} is not known")
            self.settings[key] = value

    def check_merges(self, merges):
        seen = set()
        for rank, pair in enumerate(merges):
            if max(pair) >= self.piece_count:
                self.report(32, f"merge {rank}: expected indices below {self.piece_count}, found {pair}")
            elif not self.pieces[pair[0]] or not self.pieces[pair[1]]:
                self.report(32, f"merge {rank} joins an empty piece")
            if pair in seen:
                self.report(32, f"merge {rank} comes again")
            seen.add(pair)
        self.merges = merges

    def check_scores_and_types(self):
        for index, bits in enumerate(self.scores or ()):
            if bits & 0x7F800000 == 0x7F800000:
                self.report(0, f"the score of piece {index} is not finite")
        for index, kind in enumerate(self.types or ()):
            if not 1 <= kind <= 6:
                self.report(0, f"the type of piece {index}: expected 1 to 6, found {kind}")
            if kind == 6 and self.kind == LLAMA and not re.fullmatch(rb"<0x[0-9A-F]{2}>", self.pieces[index]):
                self.report(0, f"piece {index} is a byte and not spelled <0xHH>: {show(self.pieces[index])}")

    def lines(self):
        names = {**TOKENS, **SWITCHES}
        yield f"tokenizer-kind: {self.kind}"
        yield f"scores: {'no' if self.scores is None else 'yes'}"
        yield f"types: {'no' if self.types is None else 'yes'}"
        yield f"pieces: {self.piece_count}"
        yield f"merges: {len(self.merges)}"
        yield f"pre-tokenizer: {self.pre or 'none'}"
        for key, value in self.settings.items():
            yield f"setting: {key} {names[key]} {'none' if value == NO_TOKEN and key in TOKENS else value}"


# --- the file ---

class Entry(Tensor):
    """A tensor as its entry in the table states it."""

    def __init__(self, raw, name):
        self.start, size = struct.unpack_from("<2Q", raw)
        dims = struct.unpack_from("<4Q", raw, 16)
        self.kind, self.rank, self.name_at, self.name_length = struct.unpack_from("<4I", raw, 48)
        self.raw_name, self.all_dims, self.sha256 = name, dims, bytes(raw[64:96])
        known = DTYPES.get(self.kind)
        super().__init__(name.decode("utf-8", "replace"), known[0] if known else f"#{self.kind}",
                         list(dims[:self.rank]), self.start, size)

    def faults(self):
        """What is wrong with this entry alone, and the rule that says so."""
        rule = "slm-table"
        if self.kind not in DTYPES:
            yield f"dtype {self.kind} is not known", "tensor-dtype-unsupported"
        if not 1 <= self.rank <= 4:
            yield f"expected rank 1 to 4, found {self.rank}", rule
            return
        if any(self.all_dims[self.rank:]):
            yield "a dimension that is not used is not 0", rule
        if 0 in self.dims or self.elements() >= 2**63:
            yield f"dimensions begin at 1, their product is below 2^63, found {self.dims}", rule
        elif self.kind in DTYPES:
            _, block, block_bytes = DTYPES[self.kind]
            if self.dims[0] % block:
                yield f"a row is a multiple of {block}, found {self.dims[0]}", rule
            wanted = self.elements() // block * block_bytes
            if self.size != wanted:
                yield f"expected {wanted} bytes, found {self.size}", rule


class Slm:
    """read() gives the findings; facts() and dump_lines() the rest, when there are none."""

    def __init__(self, data):
        self.data, self.findings, self.tensors = data, [], []
        self.facts_section = self.tokenizer = None

    def report(self, at, place, message, rule):
        self.findings.append(Finding(f"@{at}", f"{place}: {message}", rule))

    def read(self):
        try:
            self.read_header()
            if not self.findings and self.check_hashes():
                self.read_sections()
                self.read_table()
        except Fatal as fatal:
            self.findings.append(fatal.finding)
        return self.findings

    # -- header --

    def read_header(self):
        data = self.data
        if data[:8] != MAGIC:
            raise Fatal(0, f"header: expected the magic of .slm, found {show(bytes(data[:8]))}", "slm-magic")
        if len(data) >= 12 and data[8:12] != bytes(4):
            version = struct.unpack_from("<I", data, 8)[0]
            raise Fatal(8, f"header: version {version} is not known, only 0 is", "slm-version-unsupported")
        if len(data) < HEADER:
            raise Fatal(len(data), f"header: expected {HEADER} bytes, the file has {len(data)}", "slm-header")
        if bytes(data[12:16]).strip(b"\0") or bytes(data[224:256]).strip(b"\0"):
            self.report(12, "header", "reserved bytes are not zeros", "slm-header")
        fields = struct.unpack_from("<10Q", data, 16)
        self.count = fields[9]
        self.spans = [(fields[at], fields[at + 1]) for at in (1, 3, 5, 7)]
        if fields[0] != len(data):
            self.report(16, "header", f"a size of {fields[0]} is stated, the file has {len(data)}", "slm-header")
        self.check_places()

    def check_places(self):
        names, wanted = ("facts", "tokenizer", "table", "data"), HEADER
        for name, (at, size) in zip(names, self.spans):
            if at != wanted:
                self.report(24, "header", f"expected {name} at {wanted}, found {at}", "slm-header")
            wanted = at + size if name == "data" else align64(at + size)
        if wanted != len(self.data):
            self.report(72, "header", f"the data ends at {wanted}, the file at {len(self.data)}", "slm-header")
        if not 1 <= self.spans[0][1] <= MAX_FACTS:
            self.report(32, "header", f"facts have 1 to {MAX_FACTS} bytes, found {self.spans[0][1]}", "slm-header")
        if not 1 <= self.count <= MAX_TENSORS:
            self.report(88, "header", f"expected 1 to {MAX_TENSORS} tensors, found {self.count}", "slm-header")
        elif self.spans[2][1] < ENTRY * self.count:
            self.report(64, "header", f"{self.count} entries do not fit {self.spans[2][1]} bytes", "slm-header")

    def section(self, index):
        at, size = self.spans[index]
        return self.data[at:at + size]

    def check_hashes(self):
        """False when a section or the header is not as it was hashed, so that nothing else can be judged."""
        head = bytearray(self.data[:self.spans[3][0]])
        stated = bytes(head[HEAD_HASH:HEAD_HASH + 32])
        head[HEAD_HASH:HEAD_HASH + 32] = bytes(32)
        for index, place in enumerate(("facts section", "tokenizer section", "table section")):
            self.check_section(index, place, head, stated)
        for index in range(3):
            self.check_zeros(sum(self.spans[index]), self.spans[index + 1][0])
        if not self.findings and sha256(head) != stated:
            self.report(HEAD_HASH, "header", "its own SHA-256 does not hold", "slm-header")
        return all(finding.rule == "slm-padding" for finding in self.findings)

    def check_section(self, index, place, head, stated):
        """A section's SHA-256; where it was the header that changed, the header is blamed."""
        at, real = 96 + 32 * index, sha256(self.section(index))
        if real == head[at:at + 32]:
            return
        start, end = self.spans[index][0], self.spans[index + 1][0]
        if sha256(head[:at] + real + head[at + 32:]) == stated:
            self.report(at, "header", f"the SHA-256 of the {place} was changed", "slm-header")
        elif sha256(bytes(head[start:end]).rstrip(b"\0")) == head[at:at + 32]:
            self.report(32 + 16 * index, "header", f"the size of the {place} was changed", "slm-header")
        else:
            self.report(start, place, "its SHA-256 is not the one in the header", "slm-section")

    def check_zeros(self, start, end):
        gap = bytes(self.data[start:end])
        if gap.strip(b"\0"):
            at = start + len(gap) - len(gap.lstrip(b"\0"))
            self.report(at, "padding", "a byte is not 0", "slm-padding")

    # -- sections --

    def read_sections(self):
        facts = self.facts_section = FactsSection(bytes(self.section(0)))
        for finding in facts.findings:
            self.report(self.spans[0][0], "facts section", f"{finding.place}: {finding.message}", finding.rule)
        tokenizer = self.tokenizer = Tokenizer(self.section(1))
        for finding in tokenizer.findings:
            at = self.spans[1][0] + int(finding.place[1:])
            self.report(at, "tokenizer section", finding.message, finding.rule)
        vocabulary = facts.values.get("vocab-size")
        if facts.known and vocabulary is not None and len(tokenizer.raw) >= 32 and vocabulary != tokenizer.piece_count:
            self.report(self.spans[0][0], "facts section", f"vocab-size {vocabulary}, the tokenizer has "
                        f"{tokenizer.piece_count} pieces", "slm-facts")

    def read_table(self):
        table, entries_end = self.section(2), ENTRY * self.count
        names_at, last = 0, None
        for index in range(self.count):
            raw = table[ENTRY * index:ENTRY * (index + 1)]
            at, length = struct.unpack_from("<2I", raw, 56)
            place = self.spans[2][0] + ENTRY * index
            if at != names_at or not 1 <= length <= 255 or entries_end + at + length > len(table):
                raise Fatal(place + 56, f"table section: entry {index}: expected a name of 1 to 255 bytes at {names_at} "
                            f"inside the section, found {length} at {at}", "slm-table")
            name = bytes(table[entries_end + at:entries_end + at + length])
            names_at += length
            self.check_name(place, name, last)
            last = name
            self.tensors.append(Entry(raw, name))
        if entries_end + names_at != len(table):
            self.report(self.spans[2][0], "table section", f"{len(table) - entries_end - names_at} bytes stand behind "
                        "the names", "slm-table")
        self.check_entries()
        self.check_data()
        if self.facts_section.known and all(tensor.kind in DTYPES for tensor in self.tensors):
            self.check_facts()

    def check_name(self, at, name, last):
        if last is not None and name <= last:
            self.report(at, "table section", f"{show(name)} stands behind {show(last)}", "slm-table")
        try:
            if any(map(is_control, name.decode("utf-8"))):
                self.report(at, "table section", f"{show(name)} has a control character", "slm-table")
        except UnicodeDecodeError:
            self.report(at, "table section", f"{show(name)} is not well-formed UTF-8", "slm-table")

    def check_entries(self):
        for index, tensor in enumerate(self.tensors):
            for message, rule in tensor.faults():
                self.report(self.spans[2][0] + ENTRY * index, "table section", f"{show(tensor.raw_name)}: {message}", rule)
        if sum(tensor.elements() for tensor in self.tensors) >= 2**63:
            self.report(self.spans[2][0], "table section", "all tensors together have 2^63 elements or more", "slm-table")

    def check_data(self):
        """Places in the data section, its padding, and the tensors' hashes."""
        data_at, end = self.spans[3][0], 0
        for index, tensor in enumerate(self.tensors):
            wanted = align64(end)
            if tensor.offset != wanted or wanted + tensor.size > self.spans[3][1]:
                self.report(self.spans[2][0] + ENTRY * index, "table section", f"{show(tensor.raw_name)}: expected offset "
                            f"{wanted} and an end inside the data, found {tensor.size} bytes at {tensor.offset}", "slm-table")
                return
            self.check_zeros(data_at + end, data_at + wanted)
            end = wanted + tensor.size
            if sha256(self.data[data_at + wanted:data_at + end]) != tensor.sha256:
                self.report(data_at + wanted, f"tensor {tensor.name}", "its SHA-256 is not the one in its entry", "slm-tensor")
        if end != self.spans[3][1]:
            self.report(72, "header", f"the data has {self.spans[3][1]} bytes, its last tensor ends at {end}", "slm-header")

    # -- what the parts have to do with each other --

    def check_facts(self):
        stated = self.facts_section.values.get("quantization")
        if stated and stated != quantization(self.tensors):
            self.report(self.spans[0][0], "facts section", f"quantization {stated}, most bytes are "
                        f"{quantization(self.tensors)}", "slm-facts")
        letters = self.facts_section.letters()
        if letters:
            self.check_llama(letters, self.facts_section.values["block-count"])

    def check_llama(self, letters, blocks):
        """All tensors of the architecture and no others; one finding of a kind is enough."""
        found = {tensor.raw_name.decode("utf-8", "replace"): tensor.dims for tensor in self.tensors}
        wanted = {}
        for name, dims, optional in LLAMA_TENSORS:
            each = [name.replace("N", str(block)) for block in range(blocks)] if "N" in name else [name]
            missing = [one for one in each if one not in found]
            if optional and len(missing) == len(each):
                continue
            if missing:
                self.report(self.spans[2][0], "table section", f"{missing[0]} is missing", "slm-table")
            wanted.update(dict.fromkeys(each, [product(dim, letters) for dim in dims.split()]))
        for name, dims in found.items():
            if name not in wanted:
                self.report(self.spans[2][0], "table section", f"no tensor of llama is called {show(name)}", "slm-table")
            elif dims != wanted[name]:
                self.report(self.spans[2][0], "table section", f"{name}: expected dimensions {wanted[name]}, found {dims}",
                            "slm-table")

    # -- results --

    def facts(self):
        facts = Facts("slm", len(self.data))
        if exit_code(self.findings) == 0:
            values = self.facts_section.texts
            facts.architecture, facts.tensors = values["architecture"], self.tensors
            facts.shape = shape({name: values[name.replace("_", "-")] for name in SHAPE})
            facts.tokenizer = hashlib.sha256(self.section(1)).hexdigest()
        return facts

    def dump_lines(self):
        yield from (f"{key}: {value}" for key, value in self.facts_section.texts.items())
        yield from self.tokenizer.lines()
        for tensor in self.tensors:
            dims = ",".join(map(str, tensor.dims))
            yield f"tensor: {tensor.name}\t{tensor.dtype}\t{dims}\t{tensor.offset}\t{tensor.size}\t{tensor.sha256.hex()}"


def product(letters, values):
    """The number that one or two letters stand for."""
    result = 1
    for letter in letters:
        result *= values[letter]
    return result
