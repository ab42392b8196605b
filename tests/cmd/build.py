#!/usr/bin/env python3
"""Writes small model files for the scenarios: valid ones, sets of several files, and hostile ones.

    build.py gguf SEED FILE             a valid GGUF, different for each SEED
    build.py safetensors SEED FILE      a valid safetensors file
    build.py no-bytes FILE              a valid safetensors file whose tensors have no bytes
    build.py shards FOLDER              safetensors in two shards with index, config.json and tokenizer.json
    build.py split FOLDER               a GGUF model in three parts
    build.py hostile FILE               a valid GGUF whose values hold control and invisible characters
    build.py hostile-name FILE          the same, with a control character in a tensor's name
    build.py faults FILE                a GGUF with three faults
    build.py refused FOLDER             archives and pickles under innocent names
    build.py rehash MANIFEST ROOT       writes sizes and hashes of the files under ROOT into MANIFEST
    build.py drop MANIFEST PATH         takes the group of PATH out of MANIFEST
"""

import hashlib
import io
import json
import os
import pickle
import random
import struct
import sys
import tarfile
import zipfile

U8, I8, U16, I16, U32, I32, F32, BOOL, STR, ARR, U64, I64, F64 = range(13)
FORMS = {U8: "<B", I8: "<b", U16: "<H", I16: "<h", U32: "<I", I32: "<i", F32: "<f", BOOL: "<B", U64: "<Q", I64: "<q", F64: "<d"}
DTYPES = {0: (1, 4), 1: (1, 2), 2: (32, 18), 8: (32, 34), 12: (256, 144), 14: (256, 210), 24: (1, 1), 28: (1, 8), 30: (1, 2)}


def text(value):
    value = value if isinstance(value, bytes) else value.encode()
    return struct.pack("<Q", len(value)) + value


def encode(kind, value):
    if kind == STR:
        return text(value)
    if kind == ARR:
        inner, items = value
        return struct.pack("<IQ", inner, len(items)) + b"".join(encode(inner, item) for item in items)
    return struct.pack(FORMS[kind], value)


def gguf(pairs, tensors, alignment=32, version=3, seed=0):
    """TENSORS: (name, dimensions, dtype number)."""
    source, head, data, offset = random.Random(seed), b"", b"", 0
    for name, dims, dtype in tensors:
        block, size = DTYPES[dtype]
        count = 1
        for dim in dims:
            count *= dim
        head += text(name) + struct.pack("<I", len(dims)) + b"".join(struct.pack("<Q", dim) for dim in dims)
        head += struct.pack("<IQ", dtype, offset)
        body = source.randbytes(count // block * size)
        body += bytes(-len(body) % alignment)
        data, offset = data + body, offset + len(body)
    meta = b"".join(text(key) + struct.pack("<I", kind) + encode(kind, value) for key, kind, value in pairs)
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(pairs)) + meta + head
    return head + (bytes(-len(head) % alignment) + data if tensors else b"")


def shape(arch="llama"):
    return [("general.architecture", STR, arch), (arch + ".block_count", U32, 2), (arch + ".embedding_length", U32, 32),
            (arch + ".feed_forward_length", U32, 64), (arch + ".attention.head_count", U32, 4), (arch + ".vocab_size", U32, 3),
            (arch + ".context_length", U32, 128)]


def tokenizer():
    return [("tokenizer.ggml.model", STR, "llama"), ("tokenizer.ggml.tokens", ARR, (STR, ["a", "b", "c"])),
            ("tokenizer.ggml.scores", ARR, (F32, [0.0, 0.5, -1.0])), ("tokenizer.ggml.token_type", ARR, (I32, [1, 1, 1]))]


def random_gguf(seed):
    source = random.Random(f"gguf {seed}")
    pairs = shape(source.choice(["llama", "qwen2", "gemma3", "x.y-z_0"])) if source.random() < 0.8 else []
    alignment = 32
    if source.random() < 0.5:
        alignment = source.choice([8, 16, 64, 256])
        pairs.append(("general.alignment", U32, alignment))
    if source.random() < 0.7:
        pairs += tokenizer()
    if source.random() < 0.5:
        pairs.append(("tokenizer.chat_template", STR, "{{ x }}" * source.randrange(5)))
    for n in range(source.randrange(8)):
        kind = source.choice([U8, I8, U16, I16, U32, I32, U64, I64, BOOL])
        value = source.randrange(2) if kind == BOOL else source.randrange(100)
        pairs.append((f"x.number.{n}", kind, value))
        pairs.append((f"x.text.{n}", STR, source.randbytes(source.randrange(40))))
        pairs.append((f"x.list.{n}", ARR, (kind, [value] * source.randrange(50))))
    source.shuffle(pairs)
    tensors = []
    for n in range(source.randrange(12)):
        dtype = source.choice(sorted(DTYPES))
        dims = [DTYPES[dtype][0] * source.randrange(1, 4)] + [source.randrange(1, 5) for _ in range(source.randrange(4))]
        tensors.append((source.choice(["blk.%d.weight", "t%d", "ä%d€"]) % n, dims, dtype))
    return gguf(pairs, tensors, alignment, source.choice([2, 3]), seed)


SAFE = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "U8": 1, "BOOL": 1, "F8_E4M3": 1, "F64": 8}


def safetensors(tensors, metadata=None, pad=0, seed=0):
    """TENSORS: (name, dtype, dimensions)."""
    source, header, data = random.Random(seed), {}, b""
    if metadata is not None:
        header["__metadata__"] = metadata
    for name, dtype, dims in tensors:
        size = SAFE[dtype]
        for dim in dims:
            size *= dim
        header[name] = {"dtype": dtype, "shape": dims, "data_offsets": [len(data), len(data) + size]}
        data += source.randbytes(size)
    head = json.dumps(header, ensure_ascii=source.random() < 0.5).encode() + b" " * pad
    return struct.pack("<Q", len(head)) + head + data


def random_safetensors(seed):
    source = random.Random(f"safetensors {seed}")
    tensors = [(f"t{n}{source.choice(['', '.ä', chr(0x1F600)])}", source.choice(sorted(SAFE)), [source.randrange(4) for _ in range(source.randrange(4))])
               for n in range(source.randrange(10))]
    if tensors:
        tensors.append(("last", "F16", [3]))
    metadata = source.choice([None, {}, {"format": "pt", "ü": "\n"}])
    return safetensors(tensors, metadata, source.randrange(8), seed)


def put(path, data):
    with open(path, "wb") as out:
        out.write(data)


def shards(folder):
    parts = [[("a.weight", "F32", [8, 8]), ("b.weight", "BF16", [4])], [("c.weight", "F32", [16])]]
    names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    places = {}
    for name, tensors in zip(names, parts):
        put(os.path.join(folder, name), safetensors(tensors, {"format": "pt"}, seed=name))
        places.update({tensor[0]: name for tensor in tensors})
    index = {"metadata": {"total_size": 328}, "weight_map": places}
    put(os.path.join(folder, "model.safetensors.index.json"), json.dumps(index).encode())
    config = {"model_type": "llama", "num_hidden_layers": 1, "hidden_size": 8, "intermediate_size": 16, "num_attention_heads": 2,
              "vocab_size": 16, "max_position_embeddings": 64}
    put(os.path.join(folder, "config.json"), json.dumps(config).encode())
    put(os.path.join(folder, "tokenizer.json"), b'{"version": "1.0"}')


def part(number, count=3, tensors=None, total=3):
    pairs = (shape() + tokenizer() if number == 0 else []) + [("split.no", U16, number), ("split.count", U16, count), ("split.tensors.count", I32, total)]
    return gguf(pairs, tensors or [(f"blk.{number}.weight", [32], 0)], seed=number)


def split(folder):
    for number in range(3):
        put(os.path.join(folder, f"model-{number + 1:05}-of-00003.gguf"), part(number))
    put(os.path.join(folder, "same-number"), part(1, tensors=[("blk.2.weight", [32], 0)]))
    put(os.path.join(folder, "same-tensor"), part(2, tensors=[("blk.1.weight", [32], 0)]))
    put(os.path.join(folder, "other-total"), part(2, total=4))


EVIL = b"\x1b]0;owned\x07\x1b[31m\r\n\tred\x9b31m\xff\xfe\xe2\x80\xae txt.exe \xe2\x80\x8b\xc2\x9b\xef\xbb\xbf"


def hostile(name="blk.0.weight"):
    pairs = [("general.architecture", STR, EVIL), ("general.name", STR, EVIL), ("x.list", ARR, (STR, [EVIL, b"plain"])),
             ("tokenizer.chat_template", STR, EVIL)]
    return gguf(pairs, [(name, [32], 0)])


def faults():
    """A bool of 7 at 24 + 8 + 1 + 4, and two keys twice behind it."""
    return gguf([("b", BOOL, 7), ("k", U8, 1), ("k", U8, 2), ("l", U8, 1), ("l", U8, 2)], [])


class Runs:
    def __reduce__(self):
        return (print, ("ran",))


def refused(folder):
    zipped, tarred = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("a.txt", "text")
    with tarfile.open(fileobj=tarred, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    unnamed = bytearray(tarred.getvalue())  # its whole name stands in the prefix, as ustar allows
    unnamed[0:5], unnamed[345:350], unnamed[148:156] = bytes(5), b"a.txt", b" " * 8
    unnamed[148:156] = b"%06o\0 " % sum(unnamed[:512])
    cases = {"tar-prefix": bytes(unnamed), "zip": zipped.getvalue(), "zip-behind": b"#!/bin/sh\nexit\n" + zipped.getvalue(), "tar": tarred.getvalue(),
             "gzip": bytes.fromhex("1f8b08000000000000034bcacf070021c5e4610300 0000".replace(" ", "")),
             "7z": b"7z\xbc\xaf\x27\x1c\0\4" + bytes(24)}
    for protocol in range(6):
        cases[f"pickle-{protocol}"] = pickle.dumps(Runs(), protocol)
        cases[f"pickle-{protocol}-data"] = pickle.dumps({"w": list(range(300))}, protocol)
    cases["pickle-0-long-line"] = b"V" + b"A" * 2000 + b"\n0" + pickle.dumps(Runs(), 0)
    cases["pickle-1-long-text"] = b"X" + struct.pack("<I", 100000) + b"A" * 100000 + b"0" + pickle.dumps(Runs(), 1)
    for what, data in cases.items():
        os.makedirs(os.path.join(folder, what), exist_ok=True)
        put(os.path.join(folder, what, "README.md"), data)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def merkle(leaves):
    if len(leaves) == 1:
        return sha(b"\0", leaves[0])
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    return sha(b"\1", merkle(leaves[:middle]), merkle(leaves[middle:]))


def groups(path):
    with open(path) as file:
        head, *rest = file.read().split("\nartifact: ")
    return head, ["artifact: " + group.rstrip("\n") for group in rest]


def save(path, head, rest):
    with open(path, "w") as file:
        file.write("\n".join([head] + rest) + "\n")


def rehash(path, root):
    head, rest = groups(path)
    for number, group in enumerate(rest):
        fields = dict(line.split(": ", 1) for line in group.split("\n"))
        with open(os.path.join(root, fields["artifact"]), "rb") as file:
            data = file.read()
        size = int(fields["chunk-size"])
        leaves = [sha(data[at:at + size]) for at in range(0, len(data), size)]
        fields["artifact-bytes"], fields["artifact-sha256"] = str(len(data)), sha(data).hex()
        fields["chunk-count"], fields["merkle-root"] = str(len(leaves)), (merkle(leaves) if leaves else sha()).hex()
        rest[number] = "\n".join(f"{key}: {value}" for key, value in fields.items())
    save(path, head, rest)


def drop(path, name):
    head, rest = groups(path)
    save(path, head, [group for group in rest if group.split("\n")[0] != "artifact: " + name])


def main():
    what, *rest = sys.argv[1:]
    if what == "gguf":
        put(rest[1], random_gguf(rest[0]))
    elif what == "safetensors":
        put(rest[1], random_safetensors(rest[0]))
    elif what == "no-bytes":
        put(rest[0], safetensors([("a", "F32", [0]), ("b", "BOOL", [2, 0])]))
    elif what == "hostile":
        put(rest[0], hostile())
    elif what == "hostile-name":
        put(rest[0], hostile("a\x1b[31mb"))
    elif what == "faults":
        put(rest[0], faults())
    else:
        {"shards": shards, "split": split, "refused": refused, "rehash": rehash, "drop": drop}[what](*rest)


if __name__ == "__main__":
    main()
