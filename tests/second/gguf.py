"""GGUF versions 2 and 3 (artifacts.md, GGUF)."""

import hashlib
import re
import struct

from common import MAX_NUMBER, Fatal, Finding, show
from layout import SHAPE, Facts, Tensor, architecture, name_fault, shape

STRING, ARRAY, BOOL, U32 = 8, 9, 7, 4
SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<B",
           10: "<Q", 11: "<q", 12: "<d"}
INTEGERS = (0, 1, 2, 3, 4, 5, 10, 11)
# number: (name, elements of a block, bytes of a block), as ggml.h and ggml-common.h define them
DTYPES = {
    0: ("f32", 1, 4), 1: ("f16", 1, 2), 2: ("q4_0", 32, 18), 3: ("q4_1", 32, 20),
    6: ("q5_0", 32, 22), 7: ("q5_1", 32, 24), 8: ("q8_0", 32, 34), 9: ("q8_1", 32, 36),
    10: ("q2_k", 256, 84), 11: ("q3_k", 256, 110), 12: ("q4_k", 256, 144),
    13: ("q5_k", 256, 176), 14: ("q6_k", 256, 210), 15: ("q8_k", 256, 292),
    16: ("iq2_xxs", 256, 66), 17: ("iq2_xs", 256, 74), 18: ("iq3_xxs", 256, 98),
    19: ("iq1_s", 256, 50), 20: ("iq4_nl", 32, 18), 21: ("iq3_s", 256, 110),
    22: ("iq2_s", 256, 82), 23: ("iq4_xs", 256, 136), 24: ("i8", 1, 1), 25: ("i16", 1, 2),
    26: ("i32", 1, 4), 27: ("i64", 1, 8), 28: ("f64", 1, 8), 29: ("iq1_m", 256, 56),
    30: ("bf16", 1, 2), 34: ("tq1_0", 256, 54), 35: ("tq2_0", 256, 66),
    39: ("mxfp4", 32, 17), 40: ("nvfp4", 64, 36), 41: ("q1_0", 128, 18), 42: ("q2_0", 64, 18),
}
LEAST_PAIR = 8 + 1 + 4 + 1
LEAST_TENSOR = 8 + 1 + 4 + 8 + 4 + 8


def round_up(value, alignment):
    return (value + alignment - 1) // alignment * alignment


class Value:
    """A value of a pair: kind, and a number, bytes, or an array's length."""

    def __init__(self, kind, content, element=None):
        self.kind, self.content, self.element = kind, content, element


class Gguf:
    def __init__(self, data):
        self.data, self.at = data, 0
        self.findings, self.pairs, self.spans, self.tensors = [], {}, [], []
        self.names = set()
        self.alignment = 32
        self.complete = True  # false: a dtype is not known, the layout cannot be judged

    def report(self, offset, message, rule, level="error"):
        self.findings.append(Finding(f"@{offset}", message, rule, level))

    # -- reading --

    def need(self, count, what):
        if count > len(self.data) - self.at:
            raise Fatal(self.at, f"{what} needs {count} bytes, {len(self.data) - self.at} remain",
                        "gguf-truncated")

    def scalar(self, form, what):
        size = struct.calcsize(form)
        self.need(size, what)
        value = struct.unpack_from(form, self.data, self.at)[0]
        self.at += size
        return value

    def string(self, what):
        length = self.scalar("<Q", what)
        self.need(length, what)
        self.at += length
        return bytes(self.data[self.at - length:self.at])

    def read(self):
        """Findings; everything else is left in the object's fields."""
        try:
            self.read_header()
        except Fatal as fatal:
            self.findings.append(fatal.finding)
        return self.findings

    def read_header(self):
        if self.data[:4] != b"GGUF":
            if self.data[:4] == b"\0\0\0\0":
                raise Fatal(0, "begins with zeros: an interrupted writer's file", "gguf-zeros")
            raise Fatal(0, f"expected GGUF, found {show(self.data[:4])}", "gguf-magic")
        self.at = 4
        version = self.scalar("<I", "the version")
        if version not in (2, 3):
            swapped = struct.unpack(">I", struct.pack("<I", version))[0]
            what = "big-endian" if swapped in (1, 2, 3) else f"version {version}"
            raise Fatal(4, f"{what} is not supported", "gguf-version-unsupported")
        tensor_count, pair_count = self.scalar("<Q", "counts"), self.scalar("<Q", "counts")
        remain = len(self.data) - self.at
        if pair_count > remain // LEAST_PAIR or tensor_count > remain // LEAST_TENSOR:
            raise Fatal(8, "more tensors or pairs than the file can hold", "gguf-count")
        for _ in range(pair_count):
            self.read_pair()
        self.check_alignment()
        offsets = [self.read_tensor() for _ in range(tensor_count)]
        if self.complete:
            self.check_layout(offsets)

    def read_pair(self):
        start = self.at
        key = self.string("a key")
        if not 1 <= len(key) <= 65535 or not re.fullmatch(rb"[\x21-\x7e]*", key):
            self.report(start, f"bad key {show(key)}", "gguf-key")
        elif not re.fullmatch(rb"[a-z0-9._-]+", key):
            self.report(start, f"unusual key {show(key)}", "gguf-key-style", "note")
        if key in self.pairs:
            self.report(start, f"duplicate key {show(key)}", "gguf-key-duplicate")
        kind = self.scalar("<I", "a value type")
        self.pairs.setdefault(key, self.read_value(kind))
        self.spans.append((key, start, self.at))

    def read_value(self, kind):
        if kind == ARRAY:
            return self.read_array()
        if kind == STRING:
            return Value(kind, self.string("a string"))
        if kind not in SCALARS:
            raise Fatal(self.at - 4, f"unknown value type {kind}", "gguf-value-type")
        value = self.scalar(SCALARS[kind], "a value")
        if kind == BOOL and value > 1:
            self.report(self.at - 1, f"a bool is 0 or 1, found {value}", "gguf-bool")
        return Value(kind, value)

    def read_array(self):
        kind, start = self.scalar("<I", "an element type"), self.at
        if kind == ARRAY or kind != STRING and kind not in SCALARS:
            raise Fatal(start - 4, f"element type {kind} is not allowed", "gguf-array-type")
        count = self.scalar("<Q", "an array length")
        least = 8 if kind == STRING else struct.calcsize(SCALARS[kind])
        self.need(count * least, "an array")
        if kind == STRING:
            for _ in range(count):
                self.string("an array's string")
        else:
            end = self.at + count * least
            if kind == BOOL and bytes(self.data[self.at:end]).strip(b"\0\1"):
                self.report(self.at, "a bool is 0 or 1", "gguf-bool")
            self.at = end
        return Value(ARRAY, count, kind)

    def check_alignment(self):
        value = self.pairs.get(b"general.alignment")
        if value is None:
            return
        good = value.kind == U32 and 8 <= value.content <= 65536 \
            and value.content & (value.content - 1) == 0
        if not good:
            raise Fatal(self.at, "general.alignment is a u32, a power of two, 8 to 65536",
                        "gguf-alignment")
        self.alignment = value.content

    def read_tensor(self):
        start = self.at
        raw = self.string("a tensor name")
        if fault := name_fault(raw):
            self.report(start, fault, "gguf-tensor-name")
        name = raw.decode("utf-8", "replace")
        if name in self.names:
            self.report(start, f"duplicate tensor {show(raw)}", "gguf-tensor-duplicate")
        self.names.add(name)
        rank = self.scalar("<I", "a rank")
        if not 1 <= rank <= 4:
            raise Fatal(self.at - 4, f"a rank is 1 to 4, found {rank}", "gguf-rank")
        dims = [self.scalar("<Q", "a dimension") for _ in range(rank)]
        kind, offset = self.scalar("<I", "a dtype"), self.scalar("<Q", "an offset")
        if kind not in DTYPES:
            self.report(self.at - 12, f"dtype {kind} is not known", "gguf-dtype-unsupported")
            self.complete = False
            return start
        dtype, block, block_bytes = DTYPES[kind]
        tensor = Tensor(name, dtype, dims, offset, 0)
        self.tensors.append(tensor)
        self.measure(tensor, block, block_bytes, start)
        return start

    def measure(self, tensor, block, block_bytes, start):
        """The byte size, from dtype and dimensions."""
        if 0 in tensor.dims:
            raise Fatal(start, "dimensions begin at 1", "gguf-dimension")
        if tensor.dims[0] % block:
            self.report(start, f"first dimension {tensor.dims[0]} is no multiple of {block}",
                        "gguf-block")
        tensor.size = tensor.elements() // block * block_bytes
        if max(tensor.elements(), tensor.size) > MAX_NUMBER:
            raise Fatal(start, "the tensor's size overflows", "gguf-overflow")

    # -- data section --

    def check_zeros(self, start, end, what):
        if bytes(self.data[start:end]).strip(b"\0"):
            self.report(start, f"{what} is not zeros", "gguf-padding")

    def check_layout(self, starts):
        end, data_at = self.at, round_up(self.at, self.alignment)
        if not self.tensors:
            return self.check_end(end, len(self.data) - end, data_at - end)
        self.check_zeros(end, min(data_at, len(self.data)), "the padding before the data")
        end = 0
        for tensor, start in zip(self.tensors, starts):
            expected = round_up(end, self.alignment)
            if tensor.offset != expected:
                raise Fatal(start, f"tensor {show(tensor.name)}: expected offset {expected}, "
                            f"found {tensor.offset}", "gguf-tensor-offset")
            self.check_zeros(data_at + end, data_at + expected, "the padding between tensors")
            end = expected + tensor.size
            if data_at + end > len(self.data):
                raise Fatal(start, f"tensor {show(tensor.name)} ends past the end of the file",
                            "gguf-tensor-range")
        padding = round_up(end, self.alignment) - end
        return self.check_end(data_at + end, len(self.data) - data_at - end, padding)

    def check_end(self, at, remain, padding):
        """After the last tensor, or the header: zeros up to the alignment, or nothing."""
        if remain not in (0, padding):
            self.report(at, f"expected the end of the file or {padding} zeros, "
                        f"found {remain} bytes", "gguf-trailing")
        self.check_zeros(at, at + min(remain, padding), "the padding at the end")

    # -- facts --

    def text(self, key):
        value = self.pairs.get(key)
        if value is None or value.kind != STRING:
            return None
        return value.content.decode("utf-8", "replace")

    def number(self, key):
        """A number, None when absent, False when it cannot be used."""
        value = self.pairs.get(key.encode())
        if value is None:
            return None
        if value.kind not in INTEGERS or not 0 <= value.content <= MAX_NUMBER:
            return False
        return value.content

    def digest(self, wanted):
        """SHA-256 over the stored bytes of pairs, in file order; None without any."""
        spans = [(start, end) for key, start, end in self.spans if wanted(key)]
        joined = b"".join(bytes(self.data[start:end]) for start, end in spans)
        return hashlib.sha256(joined).hexdigest() if spans else None

    def facts(self):
        facts = Facts("gguf", len(self.data))
        arch = self.text(b"general.architecture")
        facts.architecture, facts.tensors = architecture(arch), self.tensors
        keys = {name: f"{arch}.{name}" for name in SHAPE}
        for name in ("head_count", "head_count_kv"):
            keys[name] = f"{arch}.attention.{name}"
        found = {name: self.number(key) for name, key in keys.items()}
        tokens = self.pairs.get(b"tokenizer.ggml.tokens")
        if found["vocab_size"] is None and tokens and tokens.kind == ARRAY:
            found["vocab_size"] = tokens.content
        facts.shape = shape(found) if arch is not None else None
        facts.tokenizer = self.digest(is_tokenizer)
        facts.template = self.digest(is_template)
        return facts


def is_template(key):
    return key.startswith(b"tokenizer.chat_template")


def is_tokenizer(key):
    return key.startswith(b"tokenizer.") and not is_template(key)
