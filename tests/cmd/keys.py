"""Key and signature files of minisign's form, made without any library for keys.

usage: keys.py seeds FOLDER       fuzzing seeds into FOLDER/minisign
       keys.py change FILE HOW    FILE, a signature, changed: order (S and the group's order), order-comment (the same in the fourth line),
                                  legacy, trailing, crlf, bits (an unused bit of the base64), cut-N (without line N), comment
       keys.py each FILE FOLDER   every copy of FILE with one bit changed into FOLDER, behind the first line of a key or signature; beside a copy of
                                  a manifest its signature, beside one of a signature its manifest. Prints the names to sign or check
"""
import base64
import hashlib
import os
import sys

ORDER = 2**252 + 27742317777372353535851937790883648493  # of the group (RFC 8032)
BASE = bytes([0x58] + [0x66] * 31)                       # its generator: a sound point whose secret nobody needs
KEY_ID = bytes(range(8))


def two_lines(comment, data):
    return f'untrusted comment: {comment}\n{base64.b64encode(data).decode()}\n'


def signature():
    return two_lines('signature', b'ED' + KEY_ID + bytes(64)) + f'trusted comment: file:x\n{base64.b64encode(bytes(64)).decode()}\n'


def secret_key(password):
    secret = bytes(range(32)) + BASE
    head = b'Ed' + (b'Sc' if password else b'\0\0') + b'B2' + bytes(32) + (1 << 20).to_bytes(8, 'little') + (1 << 24).to_bytes(8, 'little')
    return two_lines('secret key', head + KEY_ID + secret + hashlib.blake2b(b'Ed' + KEY_ID + secret, digest_size=32).digest())


def write_seeds(folder):
    folder = os.path.join(folder, 'minisign')
    os.makedirs(folder, exist_ok=True)
    seeds = {'public': two_lines('public key', b'Ed' + KEY_ID + BASE), 'weak': two_lines('public key', b'Ed' + KEY_ID + bytes(32)),
             'signature': signature(), 'legacy': signature().replace('RU', 'RW', 1), 'open': secret_key(False), 'closed': secret_key(True),
             'raw': 'k' + 'a' * 157}
    for name, text in seeds.items():
        with open(os.path.join(folder, name), 'w', newline='') as file:
            file.write(text)


def over_order(line):
    data = bytearray(base64.b64decode(line))
    data[-32:] = (int.from_bytes(data[-32:], 'little') + ORDER).to_bytes(32, 'little')
    return base64.b64encode(data).decode()


def next_bit(line):
    end = line.index('=')
    digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
    return line[:end - 1] + digits[digits.index(line[end - 1]) + 1] + line[end:]


def change(path, how):
    with open(path, newline='') as file:
        lines = file.read().split('\n')[:-1]
    if how == 'order':
        lines[1] = over_order(lines[1])
    elif how == 'order-comment':
        lines[3] = over_order(lines[3])
    elif how == 'legacy':
        lines[1] = base64.b64encode(b'Ed' + base64.b64decode(lines[1])[2:]).decode()
    elif how == 'trailing':
        lines.append('more')
    elif how == 'crlf':
        lines = [line + '\r' for line in lines]
    elif how == 'bits':
        lines[1] = next_bit(lines[1])
    elif how == 'comment':
        lines[2] += '0'
    else:
        del lines[int(how.split('-')[1]) - 1]
    with open(path, 'w', newline='') as file:
        file.write('\n'.join(lines) + '\n')


def write_each(path, folder):
    with open(path, 'rb') as file:
        data = file.read()
    manifest = path.removesuffix('.minisig')
    begin = data.index(b'\n') if data.startswith(b'untrusted') else 0
    for at in range(begin, len(data)):
        for bit in range(8):
            name = f'{folder}/{at}-{bit}'
            changed = name + '.minisig' if path.endswith('.minisig') else name
            with open(changed, 'wb') as file:
                file.write(data[:at] + bytes([data[at] ^ 1 << bit]) + data[at + 1:])
            if path.endswith('.minisig'):
                os.link(manifest, name)
            elif os.path.exists(path + '.minisig'):
                os.link(path + '.minisig', name + '.minisig')
            print(name)


if sys.argv[1] == 'seeds':
    write_seeds(sys.argv[2])
elif sys.argv[1] == 'each':
    write_each(sys.argv[2], sys.argv[3])
else:
    change(sys.argv[2], sys.argv[3])
