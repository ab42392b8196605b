"""Checks the second implementation against itself and, with a folder of test data, the golden files.

    python3 tests/second/selftest.py [DATA]
"""

import json
import os
import struct
import sys
import tempfile

import chunks
import content
import generate
import jsontext
import manifest
import slm
import slm_generate
from common import exit_code
from gguf import DTYPES, Gguf
from safetensors import Safetensors

FAILED = []


def expect(what, found, wanted):
    if found != wanted:
        FAILED.append(what)
        print(f"{what}: expected {wanted!r}, found {found!r}")


# --- golden files ---

def golden_gguf(data):
    for entry in json.load(open(os.path.join(data, "golden/gguf-manifest.json")))["files"]:
        facts, findings = content.examine(os.path.join(data, entry["file"]))
        name = entry["file"]
        expect(name, (exit_code(findings), facts.bytes), (0, entry["file_size"]))
        found = [(t.name, t.dtype, t.dims, t.offset, t.size) for t in facts.tensors]
        wanted = [(t["name"], t["type"].lower(), t["ne"], t["offset"], t["nbytes"])
                  for t in entry["tensors"]]
        expect(name + " tensors", found, wanted)


def golden_safetensors(data):
    for entry in json.load(open(os.path.join(data, "golden/safetensors-manifest.json")))["files"]:
        facts, findings = content.examine(os.path.join(data, entry["file"]))
        expect(entry["file"], (exit_code(findings), facts.bytes), (0, entry["file_size"]))
        found = sorted((t.offset, t.name, t.dtype, t.dims, t.size) for t in facts.tensors)
        wanted = sorted((t["data_offsets"][0], t["name"], t["dtype"].lower(), t["shape"],
                         t["data_offsets"][1] - t["data_offsets"][0])
                        for t in entry["tensors_by_offset"])
        expect(entry["file"] + " tensors", found, wanted)


def whole_folder(data):
    """Everything in the test data is valid."""
    for folder, _, names in os.walk(data):
        for name in names:
            _, findings = content.examine(os.path.join(folder, name))
            expect(name, exit_code(findings), 0)


# --- GGUF made here ---

def text(raw):
    return struct.pack("<Q", len(raw)) + raw


def pair(key, kind, value):
    return text(key) + struct.pack("<I", kind) + value


def tensor(name, dims, kind, offset):
    return text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)


def gguf(pairs=(), tensors=(), body=b"", version=3, magic=b"GGUF", counts=None):
    tensor_count, pair_count = counts or (len(tensors), len(pairs))
    head = magic + struct.pack("<IQQ", version, tensor_count, pair_count)
    head += b"".join(pairs) + b"".join(tensors)
    return head + (b"\0" * (-len(head) % 32) + body if tensors else body)


ARCH = pair(b"general.architecture", 8, text(b"llama"))
T0, T1 = tensor(b"a", [8], 0, 0), tensor(b"b", [3], 0, 32)
BODY = b"\1" * 44
GGUF_CASES = {
    "minimal": (gguf(), 0), "version 2": (gguf(version=2), 0), "padded": (gguf([ARCH], [T0, T1], BODY + bytes(20)), 0),
    "unpadded": (gguf([ARCH], [T0, T1], BODY), 0), "half padded": (gguf([ARCH], [T0, T1], BODY + bytes(7)), 1),
    "padding not zeros": (gguf([ARCH], [T0, T1], BODY + b"\1" * 20), 1), "trailing": (gguf([], [T0], bytes(33)), 1),
    "truncated": (gguf([], [T0], bytes(31)), 1), "gap": (gguf([], [tensor(b"a", [8], 0, 32)], bytes(64)), 1),
    "unsorted": (gguf([], [tensor(b"a", [8], 0, 32), tensor(b"b", [8], 0, 0)], bytes(64)), 1),
    "overlap": (gguf([], [T0, tensor(b"b", [8], 0, 0)], bytes(64)), 1),
    "duplicate tensor": (gguf([], [T0, tensor(b"a", [8], 0, 32)], bytes(64)), 1),
    "duplicate key": (gguf([ARCH, ARCH]), 1), "rank 0": (gguf([], [tensor(b"a", [], 0, 0)]), 1),
    "rank 5": (gguf([], [tensor(b"a", [1] * 5, 0, 0)], bytes(4)), 1), "zero dimension": (gguf([], [tensor(b"a", [0], 0, 0)]), 1),
    "overflow": (gguf([], [tensor(b"a", [2**32, 2**32], 0, 0)]), 1), "block": (gguf([], [tensor(b"a", [33], 8, 0)], bytes(64)), 1),
    "dtype 43": (gguf([], [tensor(b"a", [8], 43, 0)], bytes(32)), 3), "dtype 4": (gguf([], [tensor(b"a", [8], 4, 0)], bytes(32)), 3),
    "version 1": (gguf(version=1), 3), "version 4": (gguf(version=4), 3), "big-endian": (gguf(version=3 << 24), 3),
    "zeros": (bytes(64), 1), "magic": (gguf(magic=b"GGML"), 1), "count": (gguf(counts=(0, 2**60)), 1), "bool 2": (gguf([pair(b"a", 7, b"\2")]), 1),
    "nested": (gguf([pair(b"a", 9, struct.pack("<IQIQ", 9, 1, 0, 0))]), 1), "empty array": (gguf([pair(b"a", 9, struct.pack("<IQ", 8, 0))]), 0),
    "unknown type": (gguf([pair(b"a", 13, bytes(8))]), 1), "huge array": (gguf([pair(b"a", 9, struct.pack("<IQ", 10, 2**61))]), 1),
    "alignment 8": (gguf([pair(b"general.alignment", 4, struct.pack("<I", 8))]), 0),
    "alignment 12": (gguf([pair(b"general.alignment", 4, struct.pack("<I", 12))]), 1),
    "alignment u64": (gguf([pair(b"general.alignment", 10, struct.pack("<Q", 32))]), 1), "empty key": (gguf([pair(b"", 7, b"\1")]), 1),
    "key space": (gguf([pair(b"a b", 7, b"\1")]), 1), "upper key": (gguf([pair(b"A", 7, b"\1")]), 0),
    "name control": (gguf([], [tensor(b"a\n", [8], 0, 0)], bytes(32)), 1), "name empty": (gguf([], [tensor(b"", [8], 0, 0)], bytes(32)), 1),
}


# --- safetensors made here ---

def safetensors(header, body=b"", length=None):
    return struct.pack("<Q", len(header) if length is None else length) + header + body


def entry(name='"a"', dtype='"F32"', shape="[2]", offsets="[0,8]"):
    return f'{name}:{{"dtype":{dtype},"shape":{shape},"data_offsets":{offsets}}}'


def one(body=bytes(8), tail="", **changes):
    return safetensors(("{" + entry(**changes) + "}" + tail).encode(), body)


SAFETENSORS_CASES = {
    "empty": (safetensors(b"{}"), 0), "one": (one(), 0), "padded": (one(tail="   "), 0), "padded with LF": (one(tail="\n"), 1),
    "scalar": (one(bytes(4), shape="[]", offsets="[0,4]"), 0), "zero": (one(b"", shape="[0,7]", offsets="[0,0]"), 0),
    "trailing": (one(bytes(9)), 1), "short": (one(bytes(7)), 1), "shifted": (one(bytes(9), offsets="[1,9]"), 1), "size": (one(shape="[3]"), 1),
    "float": (one(shape="[2.0]"), 1), "negative": (one(shape="[-2]"), 1), "exponent": (one(shape="[2e0]"), 1), "string": (one(offsets='"0,8"'), 1),
    "overflow": (one(shape="[4294967296,4294967296]"), 1), "dtype": (one(dtype='"F31"'), 3), "lower dtype": (one(dtype='"f32"'), 3),
    "half byte": (one(bytes(1), dtype='"F4"', shape="[1]", offsets="[0,1]"), 1), "f4": (one(bytes(1), dtype='"F4"', offsets="[0,1]"), 0),
    "duplicate": (safetensors(("{" + entry() + "," + entry() + "}").encode(), bytes(8)), 1),
    "duplicate by escape": (safetensors(("{" + entry() + "," + entry(name='"\\u0061"') + "}").encode(), bytes(8)), 1),
    "lone surrogate": (one(name='"\\ud800"'), 1), "control": (one(name='"\\u0001"'), 1), "metadata": (safetensors(b'{"__metadata__":{"a":"b"}}'), 0),
    "metadata number": (safetensors(b'{"__metadata__":{"a":1}}'), 1), "array": (safetensors(b"[]"), 1), "space first": (safetensors(b" {}"), 1),
    "long header": (safetensors(b"{}", length=3), 1), "huge header": (safetensors(b"{}", length=2**63), 1), "extra": (one(tail="x"), 1),
    "length like a pickle": (safetensors(b"{}" + b" " * (0x280 - 2)), 0), "bad utf-8": (safetensors(b'{"\xff":1}'), 1),
}
JSON_GOOD = [b"0", b" null ", b'"\\ud800"', b"[" * 64 + b"]" * 64, b'{"a":1,"a":2}', b"-0.0e+5", b"1" * 5000, b"[]", b'"\xc3\xa9"']
JSON_BAD = [b"", b"[" * 65 + b"]" * 65, b"01", b"1.", b".5", b"+1", b"NaN", b"Infinity", b"[1,]", b'{"a":1,}', b"{a:1}", b"'a'", b'"\t"', b'"\\x41"',
            b"\xef\xbb\xbf{}", b"1 2", b"[1 2]", b"{1:2}", b"//x\n1", b'"a', b"[", b"]", b"\x0b1", b"true1", b'{"a"}', b"\xc3", b"[\xa0]"]


def made_files():
    for name, (data, code) in GGUF_CASES.items():
        expect(f"gguf {name}", exit_code(Gguf(data).read()), code)
    for name, (data, code) in SAFETENSORS_CASES.items():
        expect(f"safetensors {name}", exit_code(Safetensors(data).read()), code)
    for data in JSON_GOOD + JSON_BAD:
        try:
            good = jsontext.parse(data) is not jsontext
        except jsontext.JsonError:
            good = False
        expect(f"json {data[:20]!r}", good, data in JSON_GOOD)
    expect("dtypes", len(DTYPES), 35)


# --- chunks ---

def reference_root(hashes):
    """RFC 6962, section 2.1, as it is written."""
    if len(hashes) == 1:
        return chunks.sha256(b"\0" + hashes[0])
    half = chunks.split_point(len(hashes))
    return chunks.node(reference_root(hashes[:half]), reference_root(hashes[half:]))


def proofs():
    for count in list(range(1, 34)) + [100]:
        hashes = [chunks.sha256(bytes([n])) for n in range(count)]
        root = chunks.root_of(hashes)
        expect(f"root of {count}", root, reference_root(hashes))
        for index in range(count):
            path = chunks.audit_path(index, hashes)
            leaf = chunks.sha256(b"\0" + hashes[index])
            expect(f"proof {index} of {count}", chunks.root_from_path(leaf, index, count, path), root)
            wrong = chunks.root_from_path(leaf, index, count, path + [root])
            expect(f"long proof {index} of {count}", wrong == root, False)


# --- generators ---

def generated():
    for index in range(2 * len(generate.EDGES)):
        findings = manifest.lint(generate.valid("selftest", index).data())
        expect(f"valid {index}", [finding.text("") for finding in findings], [])
    from broken import WAYS
    with tempfile.TemporaryDirectory() as folder:
        generate.write_broken("selftest", 3 * len(WAYS), folder)
        for row in open(os.path.join(folder, "expect.tsv"), encoding="utf-8"):
            check_broken(folder, *row.rstrip("\n").split("\t"))


def check_broken(folder, name, where, reason):
    with open(os.path.join(folder, name), "rb") as file:
        findings = manifest.lint(file.read())
    found = {finding.place.split(":")[0] for finding in findings}
    expect(f"{name} code", exit_code(findings), 3 if reason.startswith("unsupported") else 1)
    expect(f"{name} line", bool(found) if where == "-" else bool(found & set(where.split(","))), True)


# --- .slm ---

def real_numbers():
    for text in ("0", "1", "10000", "1e+06", "1e-05", "1e-06", "0.1", "0.33333334", "1.4013e-45", "3.4028235e+38", "1.1754944e-38",
                 "16777216", "500000", "1.25e+06", "1.234567e+07"):
        expect(f"real {text}", slm.real(text) is not None, True)
    for text in ("-0", "-1", "1000000", "1250000", "12345670", "0.10", "1e-5", "1e+5", "1e-46", "3.5e+38", "16777217", "0.333333343", "", "e", "1e", ".1", "1."):
        expect(f"real {text}", slm.real(text), None)
    expect("f32 between two doubles", slm.nearest_f32("1.00000006"), 0x3F800001)


def generated_slm():
    for index in range(2 * len(slm_generate.EDGES)):
        findings = slm.Slm(slm_generate.valid("selftest", index)).read()
        expect(f"valid slm {index}", [finding.text("") for finding in findings], [])
    from slm_broken import WAYS
    with tempfile.TemporaryDirectory() as folder:
        slm_generate.write_broken("selftest", len(WAYS), folder)
        for row in open(os.path.join(folder, "expect.tsv"), encoding="utf-8"):
            check_broken_slm(folder, *row.rstrip("\n").split("\t"))


def check_broken_slm(folder, name, places, reason):
    with open(os.path.join(folder, name), "rb") as file:
        findings = slm.Slm(file.read()).read()
    found = {finding.message.split(":")[0] for finding in findings}
    expect(f"{name} code", exit_code(findings), 3 if reason.startswith("unsupported") else 1)
    expect(f"{name} place", bool(found) if places == "-" else bool(found & set(places.split(","))), True)


def main():
    made_files()
    proofs()
    generated()
    real_numbers()
    generated_slm()
    if len(sys.argv) > 1:
        golden_gguf(sys.argv[1])
        golden_safetensors(sys.argv[1])
        whole_folder(sys.argv[1])
    print(f"{len(FAILED)} failures")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
