"""The file that is measured: a GGUF of a size that is asked for, one tensor of random bytes. It grows in place."""
import os
import struct

import measure
import memory

ALIGNMENT = 32
PIECE = 4 << 20  # bytes written at once
I8 = 24          # the dtype's number in GGUF


def text(value):
    return struct.pack('<Q', len(value)) + value.encode()


def header(size):
    """As long for any size, since counts have eight bytes."""
    pair = text('general.architecture') + struct.pack('<I', 8) + text('llama')
    before = b'GGUF' + struct.pack('<IQQ', 3, 1, 1) + pair + text('data') + struct.pack('<I', 1)
    length = -(-(len(before) + 20) // ALIGNMENT) * ALIGNMENT
    return (before + struct.pack('<QIQ', size - length, I8, 0)).ljust(length, b'\0')


def grow(path, size):
    """Makes PATH a model of SIZE bytes; what it held before stays, and the end is new. It is on the device when this returns, and in the page cache in
    large pieces if memory has any, as its writes end at multiples of them: who maps it waits for each piece, and who reads it hardly does."""
    memory.in_hand(size * 5 // 4)
    with open(path, 'r+b' if os.path.exists(path) else 'w+b') as file:
        file.write(header(size))
        at = file.seek(max(file.tell(), os.path.getsize(path)))
        while at < size:
            at += file.write(os.urandom(min(PIECE - at % PIECE, size - at)))
        file.flush()
        os.fsync(file.fileno())


def describe(path, manifest, *options):
    """Writes the manifest of the model PATH."""
    measure.Job(' '.join(['manifest-make -q --private --force -o', manifest, *options, path])).once()
