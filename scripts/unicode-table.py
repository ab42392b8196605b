#!/usr/bin/env python3
"""Writes lib/infer/unicode.def: what Unicode says each character is, as far as pre-tokenizers ask.

usage: unicode-table.py            prints the table; needs Unicode 15.1: Python 3.13, or the module unicodedata2 15.1
       unicode-table.py --check    compares the table with the Unicode that this Python knows: whole where that is 15.1, else every character
                                   that both versions have and that an older version cannot have changed. Exit 0, or 1 with the differences.
"""
import os
import re
import sys
import unicodedata

VERSION = '15.1.0'
PLACE = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'lib', 'infer', 'unicode.def')
KINDS = {'Lu': 'UPPER', 'Ll': 'LOWER', 'Lt': 'TITLE', 'Lm': 'MODIFIER', 'Lo': 'LETTER'}
GROUPS = {'M': 'MARK', 'N': 'NUMBER', 'P': 'PUNCTUATION', 'S': 'SYMBOL'}
SPACES = [*range(0x9, 0xe), 0x20, 0x85, 0xa0, 0x1680, *range(0x2000, 0x200b), 0x2028, 0x2029, 0x202f, 0x205f, 0x3000]  # White_Space


def known():
    """The module that knows VERSION, or else Python's own."""
    try:
        import unicodedata2
        if unicodedata2.unidata_version == VERSION:
            return unicodedata2
    except ImportError:
        pass
    return unicodedata


def kind(data, code):
    category = data.category(chr(code))
    if code in SPACES:
        return 'SPACE'
    return KINDS.get(category) or GROUPS.get(category[0]) or 'OTHER'


def ranges(data):
    """Where another kind begins."""
    last = None
    for code in range(0x110000):
        here = kind(data, code)
        if here != last:
            yield code, here
            last = here


def table(data):
    lines = [f'/* Kinds of characters of Unicode {VERSION}, each from CODE to the next row: RANGE(CODE, KIND). Written by scripts/unicode-table.py. */']
    lines += [f'RANGE({code:#x}, {here})' for code, here in ranges(data)]
    return '\n'.join([*lines, '#undef RANGE', ''])


def check(data):
    with open(PLACE, encoding='ascii') as file:
        text = file.read()
    if data.unidata_version == VERSION:
        return [] if text == table(data) else [f'not what Unicode {VERSION} says']
    rows = [(int(code, 16), here) for code, here in re.findall(r'^RANGE\((\w+), (\w+)\)$', text, re.M)] + [(0x110000, None)]
    wrong = []
    for (first, here), (end, _) in zip(rows, rows[1:]):
        wrong += [f'U+{code:04X}: {here}, expected {kind(data, code)}' for code in range(first, end)
                  if data.category(chr(code)) != 'Cn' and here != 'OTHER' and kind(data, code) != here]
    return wrong


def main():
    data = known()
    if sys.argv[1:] == ['--check']:
        wrong = check(data)
        print('\n'.join(wrong[:20] or [f'Unicode {data.unidata_version}: as it says']))
        return bool(wrong)
    if sys.argv[1:] or data.unidata_version != VERSION:
        sys.exit(__doc__)
    print(table(data), end='')
    return 0


if __name__ == '__main__':
    sys.exit(main())
