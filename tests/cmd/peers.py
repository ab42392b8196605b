"""Seeds of what peers say to each other.
usage: peers.py seeds FOLDER       fuzzing seeds into FOLDER/peer"""
import os
import sys

ID = '25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkena'
HASH = '0123456789abcdef' * 4
SEEDS = {
    'addresses': [ID, ID.upper(), f'h3://192.0.2.7:4433#{ID}', f'h3://[2001:db8::1]:1#{ID}', f'h3://desk.example.org:65535#{ID}',
                  f'h3://[fe80::1%eth0]:443#{ID}', f'h3://host:0443#{ID}', f'h3://a..b:443#{ID}'],
    'paths': ['/.well-known/minimodel', '/v0/models', f'/v0/manifests/{HASH}', f'/v0/manifests/{HASH}.minisig',
              f'/v0/chunk-lists/{HASH}', f'/v0/artifacts/{HASH}', f'/v0/chunks/{HASH}/have', f'/v0/artifacts/../{HASH}'],
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


if len(sys.argv) != 3 or sys.argv[1] != 'seeds':
    sys.exit(__doc__)
main()
