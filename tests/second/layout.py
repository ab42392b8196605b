"""Tensors of either format, and what is computed from them (artifacts.md, manifest.md)."""

import hashlib
import re

from common import is_control


class Tensor:
    def __init__(self, name, dtype, dims, offset, size):
        self.name, self.dtype, self.dims = name, dtype, dims
        self.offset, self.size = offset, size

    def elements(self):
        product = 1
        for dim in self.dims:
            product *= dim
        return product

    def line(self):
        """One hashed line of tensor-layout-sha256."""
        dims = ",".join(map(str, self.dims))
        return f"{self.name}\t{self.dtype}\t{dims}\t{self.offset}\t{self.size}\n".encode()


def layout_lines(tensors):
    """In the order of data offset, then name (bytes)."""
    ordered = sorted(tensors, key=lambda tensor: (tensor.offset, tensor.name.encode()))
    return [tensor.line() for tensor in ordered]


def layout_digest(tensors):
    return hashlib.sha256(b"".join(layout_lines(tensors))).hexdigest() if tensors else None


def parameters(tensors):
    return sum(tensor.elements() for tensor in tensors) if tensors else None


def quantization(tensors):
    """The dtype with most bytes; on a tie the bytewise first name."""
    sums = {}
    for tensor in tensors:
        sums[tensor.dtype] = sums.get(tensor.dtype, 0) + tensor.size
    return min(sums, key=lambda name: (-sums[name], name)) if sums else "unknown"


def name_fault(raw):
    """1 to 255 bytes, well-formed UTF-8, no control characters."""
    if not 1 <= len(raw) <= 255:
        return f"a tensor name has 1 to 255 bytes, found {len(raw)}"
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return "a tensor name is not well-formed UTF-8"
    return "a tensor name has a control character" if any(map(is_control, text)) else None


def architecture(text):
    return text if text is not None and re.fullmatch(r"[a-z0-9._-]{1,64}", text) else "unknown"


SHAPE = ("block_count embedding_length feed_forward_length head_count head_count_kv "
         "vocab_size context_length").split()


def shape(facts):
    """The model-shape value, or None; facts are numbers, None (absent) or False (unusable)."""
    facts = dict(facts)
    if facts["head_count_kv"] is None:
        facts["head_count_kv"] = facts["head_count"]
    if any(facts[name] is None or facts[name] is False for name in SHAPE):
        return None
    return " ".join(f"{name}={facts[name]}" for name in SHAPE)


class Facts:
    """What info prints of one artifact."""

    def __init__(self, form, size):
        self.format, self.bytes = form, size
        self.architecture = self.shape = self.tokenizer = self.template = None
        self.tensors = None  # None: the format holds none

    def lines(self):
        head = []
        if self.tensors is not None:
            head = [("architecture", self.architecture),
                    ("parameters", parameters(self.tensors)),
                    ("quantization", quantization(self.tensors)),
                    ("model-shape", self.shape)]
        tail = [("artifact-format", self.format), ("artifact-bytes", self.bytes),
                ("tokenizer-sha256", self.tokenizer), ("chat-template-sha256", self.template),
                ("tensor-layout-sha256", layout_digest(self.tensors or []))]
        return [f"{key}: {value}" for key, value in head + tail if value is not None]
