"""Compares with the PyPI package gguf, which somebody else wrote.

    quantized.py read FILE...            each GGUF file can be read; prints the number of tensors
    quantized.py blocks DTYPE SOURCE FILE the matrices of FILE that have DTYPE are those of the GGUF file SOURCE, decoded and quantised by gguf
    quantized.py same DTYPE FILE OTHER   the tensors that have DTYPE in OTHER have the same bytes in FILE
"""
import sys

import gguf
import numpy


def tensors(path):
    return {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}


def blocks(name, origin, path):
    dtype, found = gguf.GGMLQuantizationType[name.upper()], 0
    source = tensors(origin)
    for tensor in tensors(path).values():
        if tensor.tensor_type == dtype:
            values = gguf.dequantize(source[tensor.name].data, source[tensor.name].tensor_type).astype(numpy.float32)
            assert gguf.quantize(values, dtype).tobytes() == tensor.data.tobytes(), tensor.name
            found += 1
    print(found)


def same(name, path, other):
    dtype, found = gguf.GGMLQuantizationType[name.upper()], 0
    ours = tensors(path)
    for tensor in tensors(other).values():
        if tensor.tensor_type == dtype:
            assert ours[tensor.name].tensor_type == dtype, tensor.name
            assert ours[tensor.name].data.tobytes() == tensor.data.tobytes(), tensor.name
            found += 1
    print(found)


def main():
    what, *arguments = sys.argv[1:]
    if what == "read":
        print(*[len(tensors(path)) for path in arguments])
    else:
        {"blocks": blocks, "same": same}[what](*arguments)


main()
