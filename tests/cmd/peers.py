"""Seeds of what peers say to each other.
usage: peers.py seeds FOLDER       fuzzing seeds into FOLDER/peer and FOLDER/discovery"""
import base64
import os
import socket
import struct
import sys

ID = '25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkena'
HASH = '0123456789abcdef' * 4
SEEDS = {
    'addresses': [ID, ID.upper(), f'h3://192.0.2.7:4433#{ID}', f'h3://[2001:db8::1]:1#{ID}', f'h3://desk.example.org:65535#{ID}',
                  f'h3://[fe80::1%eth0]:443#{ID}', f'h3://host:0443#{ID}', f'h3://a..b:443#{ID}'],
    'paths': ['/.well-known/minimodel', '/v0/models', f'/v0/manifests/{HASH}', f'/v0/manifests/{HASH}.minisig',
              f'/v0/chunk-lists/{HASH}', f'/v0/artifacts/{HASH}', f'/v0/chunks/{HASH}/have', f'/v0/artifacts/../{HASH}'],
    'catalog': ['catalog.head', 'catalog.head.0123456789ABCDEF.minisig', 'catalog.jsonl', 'index.html', 'index-2.html', 'withdrawn-10.html', 'heads/1',
                'heads/12.changes', 'heads/12.minisig', 'manifests/acme/tiny/1.manifest', 'manifests/acme/tiny/1.manifest.minisig',
                'manifests/acme/tiny/index.html', 'page.css', 'page.js', '/v0/catalog/catalog.head'],
    'headers': ['bytes=0-99', 'bytes=5-', 'bytes=-5', 'bytes=0-1,5-6', 'bytes=18446744073709551616-', 'bytes 10-19/100', 'bytes */100',
                '10', '18446744073709551615', 'gzip', 'identity', f'"{HASH}"', f'W/"{HASH}", "x"', '*', 'GET', 'HEAD'],
    'bitmaps': ['\u0080', '\u00ff\u00fe', '\0\0\0\u0001'],
}


def main():
    folder = os.path.join(sys.argv[2], 'peer')
    os.makedirs(folder, exist_ok=True)
    for name, lines in SEEDS.items():
        with open(os.path.join(folder, name), 'wb') as f:
            f.write('\n'.join(lines).encode('latin-1' if name == 'bitmaps' else 'utf-8') + b'\n')
    folder = os.path.join(sys.argv[2], 'discovery')
    os.makedirs(folder, exist_ok=True)
    texts = [b'peer-id=' + ID.encode(), b'PEER-ID=' + ID.encode(), b'peer-id', b'peer-id=', b'txtvers=1', b'', b'peer-id=' + b'a' * 247]
    with open(os.path.join(folder, 'texts'), 'wb') as f:
        f.write(b''.join(bytes([len(text)]) + text for text in texts))
    key = base64.b32decode(ID.upper() + '====')
    places = ['192.0.2.7', '127.0.0.1', '2001:db8::1', 'fe80::1', '::1', 'ff02::fb']
    with open(os.path.join(folder, 'found'), 'wb') as f:
        for place in places * 3:  # as struct mm_discovered lies in memory
            family = socket.AF_INET6 if ':' in place else socket.AF_INET
            f.write(struct.pack('=32sB16sxH64s', key, ':' in place, socket.inet_pton(family, place), 4433, place.encode()))


if len(sys.argv) != 3 or sys.argv[1] != 'seeds':
    sys.exit(__doc__)
main()
