"""safetensors files, with config.json and the tokenizer beside them (artifacts.md)."""

import hashlib
import os
import re
import struct

import jsontext
from common import MAX_NUMBER, CannotTell, Fatal, Finding, open_regular, show
from layout import SHAPE, Facts, Tensor, architecture, name_fault, shape

MAX_HEADER = 100000000
MAX_JSON = 256 * 1024 * 1024
BITS = {"BOOL": 8, "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U8": 8, "I8": 8, "F8_E5M2": 8,
        "F8_E4M3": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I16": 16, "U16": 16,
        "F16": 16, "BF16": 16, "I32": 32, "U32": 32, "F32": 32, "C64": 64, "F64": 64,
        "I64": 64, "U64": 64}
SPACES = re.compile(rb" *")
CONFIG_KEYS = dict(zip(SHAPE, """num_hidden_layers hidden_size intermediate_size
num_attention_heads num_key_value_heads vocab_size max_position_embeddings""".split()))


def header_length(data):
    """The header's length when the file looks like safetensors, else None."""
    if len(data) < 8:
        return None
    length = struct.unpack_from("<Q", data)[0]
    good = 2 <= length <= min(MAX_HEADER, len(data) - 8) and data[8:9] == b"{"
    return length if good else None


class Safetensors:
    def __init__(self, data):
        self.data, self.findings, self.tensors, self.complete = data, [], [], True

    def report(self, message, rule, offset=8):
        self.findings.append(Finding(f"@{offset}", message, rule))

    def read(self):
        try:
            self.read_header()
        except Fatal as fatal:
            self.findings.append(fatal.finding)
        except jsontext.JsonError as error:
            self.report(error.message, "safetensors-json", 8 + error.offset)
        return self.findings

    def read_header(self):
        if len(self.data) < 8:
            raise Fatal(0, "shorter than a header length", "safetensors-truncated")
        length = struct.unpack_from("<Q", self.data)[0]
        if length > MAX_HEADER or length > len(self.data) - 8:
            raise Fatal(0, f"header length {length} is above {MAX_HEADER} or outside the file",
                        "safetensors-header-length")
        if self.data[8:9] != b"{" or length < 2:
            raise Fatal(8, "a header begins with {", "safetensors-header")
        header = jsontext.parse(bytes(self.data[8:8 + length]), 64, True, SPACES)
        for name, value in header:
            if name == "__metadata__":
                self.check_metadata(value)
            else:
                self.read_tensor(name, value)
        if self.complete and not self.findings:
            self.check_layout(len(self.data) - 8 - length)

    def check_metadata(self, value):
        if not isinstance(value, jsontext.Object) or \
                any(not is_string(item) for _, item in value):
            self.report("__metadata__ maps strings to strings", "safetensors-metadata")

    def read_tensor(self, name, value):
        fault = name_fault(name.encode()) or entry_fault(value)
        if fault:
            return self.report(f"tensor {show(name)}: {fault}", "safetensors-tensor")
        dtype, dims, offsets = (value.get(key) for key in ("dtype", "shape", "data_offsets"))
        if dtype not in BITS:
            self.complete = False
            return self.report(f"dtype {show(dtype)} is not known", "safetensors-dtype-unsupported")
        begin, end = map(int, offsets)
        tensor = Tensor(name, dtype.lower(), list(map(int, dims)), begin, end - begin)
        self.tensors.append(tensor)
        if fault := size_fault(tensor, BITS[dtype]):
            self.report(f"tensor {show(name)}: {fault}", "safetensors-size")
        return None

    def check_layout(self, data_bytes):
        """Offsets contiguous from 0 to the end of the file."""
        at = 0
        for tensor in sorted(self.tensors, key=lambda item: (item.offset, item.size)):
            if tensor.offset != at:
                return self.report(f"tensor {show(tensor.name)}: expected offset {at}, found "
                                   f"{tensor.offset}", "safetensors-offset")
            at += tensor.size
        if at != data_bytes:
            self.report(f"tensors end at {at}, the data at {data_bytes}", "safetensors-end")
        return None

    def facts(self, folder):
        facts = Facts("safetensors", len(self.data))
        facts.tensors = self.tensors
        config = beside(folder, "config.json")
        facts.architecture = "unknown"
        if config is not None:
            self.read_config(config, facts)
        for name in ("tokenizer.json", "tokenizer.model"):
            tokenizer = beside(folder, name)
            if tokenizer is not None:
                facts.tokenizer = hashlib.sha256(tokenizer).hexdigest()
                break
        return facts

    def read_config(self, data, facts):
        try:
            config = jsontext.parse(data)
        except jsontext.JsonError as error:
            note = f"config.json is not JSON: {error.message}"
            return self.findings.append(Finding("@0", note, "config-json", "note"))
        if not isinstance(config, jsontext.Object):
            return None
        wanted = list(CONFIG_KEYS.values()) + ["model_type"]
        for name in wanted:
            if sum(key == name for key, _ in config) > 1:
                self.report(f"config.json has {name} twice", "config-duplicate", 0)
        model_type = config.get("model_type")
        facts.architecture = architecture(model_type if is_string(model_type) else None)
        facts.shape = shape({name: self.config_number(config, key)
                             for name, key in CONFIG_KEYS.items()})
        return None

    def config_number(self, config, key):
        """A number, None when absent or null, False when it cannot be used."""
        value = config.get(key)
        if value is None:
            return None
        if not isinstance(value, jsontext.Number) or not re.fullmatch(r"-?[0-9]+", value):
            return False
        if len(value) > 19 or not 0 <= int(value) <= MAX_NUMBER:
            self.report(f"config.json: {key} is out of range", "config-range", 0)
            return False
        return int(value)


def is_string(value):
    return isinstance(value, str) and not isinstance(value, jsontext.Number)


def is_count(value):
    return isinstance(value, jsontext.Number) and len(value) <= 19 and value.isdigit() \
        and int(value) <= MAX_NUMBER


def is_counts(value):
    return isinstance(value, list) and not isinstance(value, jsontext.Object) \
        and all(map(is_count, value))


def entry_fault(value):
    """A tensor's entry has dtype, shape and data_offsets, nothing else."""
    if not isinstance(value, jsontext.Object) or \
            sorted(key for key, _ in value) != ["data_offsets", "dtype", "shape"]:
        return "expected an object of dtype, shape and data_offsets"
    if not is_string(value.get("dtype")):
        return "dtype is a string"
    if not is_counts(value.get("shape")) or not is_counts(value.get("data_offsets")):
        return "shape and data_offsets are arrays of whole numbers"
    if len(value.get("data_offsets")) != 2:
        return "data_offsets has two numbers"
    begin, end = map(int, value.get("data_offsets"))
    return None if begin <= end else "data_offsets end before they begin"


def size_fault(tensor, bits):
    total = bits
    for dim in tensor.dims:
        total *= dim
        if total // 8 > MAX_NUMBER:
            return "the size overflows"
    if total % 8:
        return "the size is no whole number of bytes"
    return None if total // 8 == tensor.size else \
        f"dtype and shape say {total // 8} bytes, the offsets {tensor.size}"


def beside(folder, name):
    """The bytes of a file beside the artifact, or None."""
    path = os.path.join(folder, name)
    if not os.path.lexists(path):
        return None
    with open_regular(path) as file:
        data = file.read(MAX_JSON + 1)
    if len(data) > MAX_JSON:
        raise CannotTell(f"{path}: more than {MAX_JSON} bytes")
    return data
