#!/usr/bin/env python3
"""Damages and inspects signatures: signed.py ACTION ARGUMENT...

    collide SIGNATURE KEYID      the signature says that it is by KEYID
    above SIGNATURE              S becomes S + L, which is the same number to whoever does not look
    same-id PUBLIC KEYID OUT     the public key in PUBLIC under another id
"""
import base64
import sys

ORDER = 2**252 + 27742317777372353535851937790883648493


def lines(path):
    with open(path, 'rb') as file:
        return file.read().split(b'\n')


def write(path, all_lines):
    with open(path, 'wb') as file:
        file.write(b'\n'.join(all_lines))


def key_id(text):
    return bytes.fromhex(text)[::-1]


def main(action, path, *rest):
    text = lines(path)
    raw = bytearray(base64.b64decode(text[1]))
    out = path
    if action == 'collide':
        raw[2:10] = key_id(rest[0])
    elif action == 'above':
        number = int.from_bytes(raw[42:74], 'little') + ORDER
        raw[42:74] = number.to_bytes(32, 'little')
    elif action == 'same-id':
        raw[2:10] = key_id(rest[0])
        out = rest[1]
    text[1] = base64.b64encode(bytes(raw))
    write(out, text)


main(*sys.argv[1:])
