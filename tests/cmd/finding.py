"""A catalog worth searching.

usage: finding.py FOLDER KEYID    some 90 manifests of publisher keeper, all different, signed by nobody yet, into FOLDER; prints their names
"""
import os
import sys

from catalogs import manifest

LICENSES = ['Apache-2.0', 'MIT', 'Apache-2.0 OR MIT', 'MIT AND BSD-3-Clause', 'GPL-2.0-only WITH Classpath-exception-2.0', 'LicenseRef-own',
            '(MIT OR Apache-2.0) AND CC-BY-4.0', 'BSD-2-Clause']
ARCHITECTURES = ['llama', 'qwen2', 'gemma']
QUANTIZATIONS = ['q8_0', 'q4_0', 'f16', 'q4_k']
NAMES = ['Tiny One', 'Größe "XL" \\ three', 'tiny talker', 'A [model] with <b>bold</b> claims', 'ŁÓDŹ']
TAGS = [['tiny'], ['chat', 'tiny'], [], ['code', 'llama.cpp'], ['chat']]


def many(folder, key_id):
    os.makedirs(folder, exist_ok=True)
    for i in range(60):
        for revision in (1, 2)[:1 + (i % 3 == 0)] + ((10,) if i % 5 == 0 else ()):
            j = i + revision
            shape = (f'block_count={j % 16 + 1} embedding_length=768 feed_forward_length=2048 head_count=12 head_count_kv={j % 4 + 1} '
                     f'vocab_size=32000 context_length={1024 * (j % 40 + 1)}')
            changes = {'license': LICENSES[j % len(LICENSES)], 'architecture': ARCHITECTURES[j % 3], 'quantization': QUANTIZATIONS[j % 4],
                       'display-name': NAMES[j % 5], 'parameters': '-' if j % 7 == 0 else str(10 ** (j % 12) * 7), 'model-shape': '-' if j % 6 == 0 else shape,
                       'created': f'20{20 + j % 6}-{j % 12 + 1:02}-15T00:00:00Z', 'bytes': str(2 ** (20 + j % 14)), 'version': f'{revision}.{i}',
                       'source-lane': 'original' if j % 4 == 1 else 'quantized', 'source': '-' if j % 4 == 1 else f'- hf://keeper/base-{j % 9}'}
            text = manifest('keeper', f'model-{i:02}', revision, key_id, list(changes.items()))
            text = text.replace('tag: llama\ntag: tiny\n', ''.join(f'tag: {tag}\n' for tag in TAGS[j % 5]))
            path = os.path.join(folder, f'{i:02}-{revision}.manifest')
            open(path, 'w').write(text)
            print(path)


if __name__ == '__main__':
    many(*sys.argv[1:])
