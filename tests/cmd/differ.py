#!/usr/bin/env python3
"""Writes copies of GGUF files that differ in one way, for the tests of slm-diff.

    differ.py IN OUT poison NAME BYTE     adds 1 to a byte of a tensor's data
    differ.py IN OUT swap NAME OTHER      exchanges the data of two tensors of one size
    differ.py IN OUT rename NAME OTHER    gives a tensor another name
    differ.py IN OUT remove NAME          leaves a tensor out
    differ.py IN OUT reshape NAME         exchanges the two dimensions of a matrix
    differ.py IN OUT number KEY           adds 1 to a number
    differ.py IN OUT text KEY             changes the last byte of a string
    differ.py IN OUT element KEY          adds 1 to the last element of an array of 32 bits
    differ.py IN OUT forget KEY           leaves a pair out
    differ.py IN OUT put KEY TEXT         gives a pair a string
    differ.py IN OUT names KEY NAME...    gives a pair an array of strings
    differ.py IN OUT order                puts the first pair last
    differ.py IN OUT nan NAME             makes the first element of an f32 tensor a NaN
"""
import struct
import sys

from build import text
from models import put, read


def write(pairs, table):
    meta = b"".join(text(key) + struct.pack("<I", kind) + value for key, (kind, value) in pairs.items())
    head, data = b"", b""
    for name, dtype, dims, content in table:
        head += text(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
        head += struct.pack("<IQ", dtype, len(data))
        data += content + bytes(-len(content) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(table), len(pairs)) + meta + head
    return head + bytes(-len(head) % 32) + data


def bump(content, at):
    at %= len(content)
    return content[:at] + bytes([(content[at] + 1) & 255]) + content[at + 1:]


def main():
    source, out, how, *arguments = sys.argv[1:]
    pairs, table = read(source)
    table = [list(tensor) for tensor in table]
    by_name = {tensor[0]: tensor for tensor in table}
    if how in ("number", "text", "element"):
        kind, value = pairs[arguments[0]]
        pairs[arguments[0]] = (kind, bump(value, {"number": 0, "text": -1, "element": -4}[how]))
    elif how == "forget":
        del pairs[arguments[0]]
    elif how == "put":
        pairs[arguments[0]] = (8, text(arguments[1]))
    elif how == "names":
        pairs[arguments[0]] = (9, struct.pack("<IQ", 8, len(arguments) - 1) + b"".join(text(name) for name in arguments[1:]))
    elif how == "order":
        first, *rest = pairs.items()
        pairs = dict([*rest, first])
    else:
        tensor = by_name[arguments[0]]
        if how == "poison":
            tensor[3] = bump(tensor[3], int(arguments[1]))
        elif how == "swap":
            other = by_name[arguments[1]]
            assert tensor[1:3] == other[1:3] and tensor[3] != other[3]
            tensor[3], other[3] = other[3], tensor[3]
        elif how == "rename":
            tensor[0] = arguments[1]
        elif how == "remove":
            table.remove(tensor)
        elif how == "reshape":
            assert tensor[2][0] != tensor[2][1]
            tensor[2] = tensor[2][::-1]
        else:
            tensor[3] = struct.pack("<I", 0x7FC01234) + tensor[3][4:]
    put(out, write(pairs, table))


if __name__ == "__main__":
    main()
