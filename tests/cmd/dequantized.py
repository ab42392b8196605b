"""Compares what the program dequantize makes of blocks with others' answers.

    dequantized.py peer PROGRAM                    with the PyPI package gguf: random blocks, and blocks whose scales are infinite, NaN, subnormal or zero
    dequantized.py golden PROGRAM MANIFEST FOLDER  with the digests that MANIFEST records of the tensors of GGUF files in FOLDER

Prints the dtypes that were compared, one a line, and how many blocks or tensors; ends with 1 where something differs.
"""
import hashlib
import json
import os
import random
import subprocess
import sys

# dtype: bytes of a block, where f16 scales stand in it
BLOCKS = {
    "q8_0": (34, [0]), "q4_0": (18, [0]), "q4_1": (20, [0, 2]), "q5_0": (22, [0]), "q5_1": (24, [0, 2]),
    "q2_k": (84, [80, 82]), "q3_k": (110, [108]), "q4_k": (144, [0, 2]), "q5_k": (176, [0, 2]), "q6_k": (210, [208]),
    "iq4_nl": (18, [0]), "iq4_xs": (136, [0]), "f16": (2, [0]), "bf16": (2, []),
}
SCALES = [0x0000, 0x8000, 0x0001, 0x83FF, 0x0400, 0x3C00, 0xBC00, 0x7BFF, 0xFBFF, 0x7C00, 0xFC00, 0x7E00, 0xFE01]


def ours(program, name, data):
    return subprocess.run([program, name], input=data, stdout=subprocess.PIPE, check=True).stdout


def blocks(name, count):
    size, scales = BLOCKS[name]
    rng = random.Random(name)
    made = []
    for i in range(count):
        block = bytearray(rng.randbytes(size))
        if i % 16 == 1:
            block = bytearray([rng.choice([0, 255, 0x80, 0x7F, 0x0F, 0xF0])]) * size
        for at in scales:
            bits = rng.choice(SCALES) if i % 2 else rng.randrange(0x1000, 0x5000) | rng.choice([0, 0x8000])
            block[at:at + 2] = bits.to_bytes(2, "little")
        made.append(bytes(block))
    return b"".join(made)


def peer(program):
    import gguf
    import numpy
    numpy.seterr(all="ignore")
    same = True
    for name, (size, _) in BLOCKS.items():
        data = blocks(name, 4096)
        dtype = gguf.GGMLQuantizationType[name.upper()]
        if name == "f16":
            theirs = numpy.frombuffer(data, numpy.float16).astype(numpy.float32)
        else:
            theirs = gguf.quants.dequantize(numpy.frombuffer(data, numpy.uint8).reshape(-1, size), dtype)
        theirs = numpy.ascontiguousarray(theirs, numpy.float32).reshape(-1)
        found = numpy.frombuffer(ours(program, name, data), numpy.float32)
        nans = numpy.isnan(theirs)
        equal = found.size == theirs.size and (numpy.isnan(found) == nans).all() and \
            (found.view(numpy.uint32)[~nans] == theirs.view(numpy.uint32)[~nans]).all()
        print(name, "4096 blocks" if equal else "differs")
        same = same and equal
    return same


def golden(program, manifest, folder):
    same, counts = True, {}
    with open(manifest) as file:
        files = json.load(file)["files"]
    for entry in files:
        path = os.path.join(folder, entry["file"])
        if not entry["tensors"]:
            continue
        with open(path, "rb") as file:
            data = file.read()
        for tensor in entry["tensors"]:
            name = tensor["type"].lower()
            at = int(entry["data_offset"]) + int(tensor["offset"])
            found = hashlib.sha256(ours(program, name, data[at:at + int(tensor["nbytes"])])).hexdigest()
            if found != tensor["sha256_f32"]:
                print(name, "differs:", tensor["name"], "of", entry["file"])
                same = False
            counts[name] = counts.get(name, 0) + 1
    for name, count in sorted(counts.items()):
        print(name, count, "tensors")
    return same


sys.exit(0 if {"peer": peer, "golden": golden}[sys.argv[1]](*sys.argv[2:]) else 1)
