"""Manifests for catalogs, and catalogs that lie.

usage: catalogs.py manifest OUT PUBLISHER NAME REVISION KEYID [KEY=VALUE]...   a small manifest into the file OUT; VALUE replaces a field's, "-" leaves it out; bytes= is of all artifacts
       catalogs.py many FOLDER COUNT                                          COUNT unsigned manifests of publisher demo
       catalogs.py forge FOLDER HOW                                           changes a catalog whose head is unsigned, and makes its head fit again:
           rename, drop, swap, repeat (the last line), bytes (of an artifact), count (a lie), root (a lie), local, boundary, empty-withdrawn, many-withdrawn (200,000), full-withdrawn (as long as it may be)
       catalogs.py seeds FOLDER                                               fuzzing seeds into FOLDER/catalog and FOLDER/catalog-query
"""
import hashlib
import json
import os
import sys


def sha(data):
    return hashlib.sha256(data).hexdigest()


def manifest(publisher, name, revision, key_id, changes=()):
    seed = sha(f'{publisher}/{name}@{revision}'.encode())
    leaf = sha(b'\0' + bytes.fromhex(seed))
    fields = [('model-id', f'{publisher}/{name}'), ('version', f'1.{revision}'), ('revision', str(revision)), ('previous-manifest', '-'), ('display-name', f'The "{name}" \\ model'),
              ('tag', 'llama'), ('tag', 'tiny'), ('publisher-id', publisher), ('key-id', key_id),
              ('signature-scheme', 'none' if key_id == 'none' else 'minisign'), ('created', '2026-01-01T00:00:00Z'), ('expires', '-'), ('license', 'Apache-2.0'),
              ('license-route', 'LICENSE'), ('model-card-route', f'https://example.org/{name}'), ('manifest-route', '-'), ('takedown-route', 'mailto:takedown@example.org'),
              ('source-lane', 'quantized'), ('source', f'- hf://{publisher}/{name}'), ('architecture', 'llama'), ('parameters', '1000'), ('quantization', 'q8_0'),
              ('model-shape', 'block_count=12 embedding_length=768 feed_forward_length=2048 head_count=12 head_count_kv=6 vocab_size=32000 context_length=1024'),
              ('evidence', f'derived pass {seed} -'), ('peer-hint', 'available')]
    wanted = dict(changes)
    unknown = wanted.keys() - {key for key, _ in fields} - {'bytes'}
    if unknown:
        sys.exit(f'catalogs.py: no such field of a manifest: {", ".join(sorted(unknown))}')
    lines = [f'{key}: {wanted.get(key, value)}' for key, value in fields if wanted.get(key, value) != '-']
    for path, role, kind, size in (('LICENSE', 'license', 'text', 1000), ('model.gguf', 'weights', 'gguf', 1000000)):
        lines += [f'artifact: {path}', f'artifact-role: {role}', f'artifact-format: {kind}', f'artifact-bytes: {wanted.get("bytes", size)}', f'artifact-sha256: {seed}']
        lines += [f'tokenizer-sha256: {seed}', f'tensor-layout-sha256: {seed}'] if kind == 'gguf' else []
        size = int(wanted.get('bytes', size))
        lines += ['chunk-scheme: fixed-size-merkle-v0', 'chunk-size: 67108864', f'chunk-count: {-(-size // 67108864)}', f'merkle-root: {leaf}']
    return 'minimodel-manifest 0\n' + '\n'.join(lines) + '\n'


def root_of(leaves):
    if len(leaves) <= 1:
        return hashlib.sha256(b'\0' + leaves[0]).digest() if leaves else hashlib.sha256(b'').digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b'\1' + root_of(leaves[:split]) + root_of(leaves[split:])).digest()


def canonical(value):
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(',', ':')).encode()


def forge(folder, how):
    def path(name):
        return os.path.join(folder, name)
    lines = open(path('catalog.jsonl'), 'rb').read().split(b'\n')[:-1]
    if how == 'rename':
        entry = json.loads(lines[0])
        entry['display_name'] = 'Another'
        lines[0] = canonical(entry)
    elif how == 'bytes':
        entry = json.loads(lines[0])
        entry['artifacts'][0]['bytes'] += 1
        entry['artifact_bytes'] += 1
        lines[0] = canonical(entry)
    elif how == 'drop':
        del lines[0]
    elif how == 'swap':
        lines[0], lines[1] = lines[1], lines[0]
    elif how == 'repeat':
        lines.append(lines[-1])
    elif how == 'local':
        entry = json.loads(lines[-1])
        entry['model_id'], entry['publisher_id'] = 'local/x', 'local'
        lines[-1] = canonical(entry)
    elif how == 'boundary':
        entry = json.loads(lines[0])
        entry['license_route'] = 'https://example.org/model.gguf'
        lines[0] = canonical(entry)
    text = b''.join(line + b'\n' for line in lines)
    withdrawn = b'' if how == 'empty-withdrawn' else open(path('withdrawn.jsonl'), 'rb').read()
    if how == 'many-withdrawn':
        withdrawn = b''.join(b'{"manifest_sha256":"%064x","model_id":"demo/gone-%06d","reason":"r","revision":1,"time":"2026-01-01T00:00:00Z"}\n' % (i, i) for i in range(200000))
    if how == 'full-withdrawn':
        withdrawn = b''.join(b'{"manifest_sha256":"%064x","model_id":"demo/gone-%06d","reason":"%s","revision":1,"time":"2026-01-01T00:00:00Z"}\n' % (i, i, b'r' * 852) for i in range(65536))  # of 1024 bytes each
    open(path('catalog.jsonl'), 'wb').write(text)
    open(path('withdrawn.jsonl'), 'wb').write(withdrawn)
    head = [line.split(': ', 1) for line in open(path('catalog.head')).read().splitlines()]
    values = {'entry-count': len(lines) + (how == 'count'), 'entries-sha256': sha(text), 'merkle-root': sha(b'x') if how == 'root' else root_of(lines).hex(),
              'withdrawn-count': withdrawn.count(b'\n'), 'withdrawn-sha256': sha(withdrawn)}
    new = ''.join(': '.join([line[0], str(values.get(line[0], line[-1]))]) + '\n' if len(line) > 1 else line[0] + '\n' for line in head)
    sequence = dict(line for line in head if len(line) > 1)['sequence']
    for name in ('catalog.head', f'heads/{sequence}'):
        open(path(name), 'w').write(new)


def seeds(folder):
    folder = os.path.join(folder, 'catalog')
    os.makedirs(folder, exist_ok=True)
    h, empty = sha(b'x'), sha(b'')
    entry = canonical({
        'architecture': 'llama', 'artifact_bytes': 3, 'artifacts': [{'bytes': 3, 'format': 'gguf', 'merkle_root': h, 'path': 'm.gguf', 'role': 'weights', 'sha256': h, 'tokenizer_sha256': h}],
        'created': '2026-01-01T00:00:00Z', 'display_name': 'A "b" \\', 'evidence_status': ['derived pass - -'], 'key_id': '0123456789ABCDEF', 'license': 'MIT',
        'license_route': 'LICENSE', 'manifest_route': 'manifests/a/b/1.manifest', 'manifest_sha256': h, 'manifest_signature_route': 'manifests/a/b/1.manifest.minisig',
        'model_card_route': 'https://example.org/b', 'model_id': 'a/b', 'model_shape': dict.fromkeys(
            'block_count context_length embedding_length feed_forward_length head_count head_count_kv vocab_size'.split(), 1), 'parameters': 1, 'peer_hint': 'none', 'publisher_id': 'a',
        'quantization': 'q8_0', 'revision': 1, 'source_lane': 'quantized', 'source_summary': ['- x'], 'tags': ['t', 'u'], 'takedown_route': 'mailto:a@example.org', 'version': '1'})
    withdrawal = canonical({'manifest_sha256': h, 'model_id': 'a/b', 'notice_route': 'https://example.org/n', 'reason': 'r', 'revision': 1, 'time': '2026-01-01T00:00:00Z'})
    head = (f'minimodel-catalog 0\ncatalog-id: c\npublisher-id: a\nsequence: 1\ncreated: 2026-01-01T00:00:00Z\nexpires: 2026-02-01T00:00:00Z\nentry-count: 1\n'
            f'entries-sha256: {h}\nmerkle-root: {h}\nwithdrawn-count: 0\nwithdrawn-sha256: {empty}\nprevious-head-sha256: none\n').encode()
    leaves = [entry, b'other']
    proof = (b'minimodel-entry-proof 0\nhead-sha256: %s\nmerkle-root: %s\nentry-count: 2\nentry-index: 0\nentry: %s\nsibling: %s\n'
             % (h.encode(), root_of(leaves).hex().encode(), entry, sha(b'\0other').encode()))
    heads = [bytes.fromhex(h), bytes.fromhex(empty)]
    leaf = hashlib.sha256(b'\0' + heads[0]).hexdigest()
    other = hashlib.sha256(b'\0' + heads[1]).hexdigest()
    consistency = (f'minimodel-consistency 0\nold-sequence: 1\nold-head-sha256: {h}\nold-log-root: {leaf}\nnew-sequence: 2\nnew-head-sha256: {empty}\n'
                   f'new-log-root: {root_of(heads).hex()}\nnew-sibling: {leaf}\nnode: {other}\n').encode()
    changes = b'minimodel-catalog-changes 0\nsequence: 2\nremoved: ' + entry + b'\nadded: a/c 1\nadded: a/c 2\nwithdrawn: a/b *\nwithdrawn: a/d 1\n'
    witness = f'minimodel-witness 0\ncatalog-id: c\npublisher-id: a\nsequence: 2\nhead-sha256: {empty}\nlog-root: {root_of(heads).hex()}\n'.encode()
    for name, data in {'witness': witness, 'numbers': bytes([70, 33, 1, 77, 255]) + bytes(range(70)), 'entry': entry, 'withdrawal': withdrawal, 'head': head, 'proof': proof, 'consistency': consistency, 'changes': changes}.items():
        open(os.path.join(folder, name), 'wb').write(data)


def query_seeds(folder):
    folder = os.path.join(folder, 'catalog-query')
    os.makedirs(folder, exist_ok=True)
    for i, text in enumerate(('tiny\n!chat\nany:hf://\nt?n*\nname:one,two\nid=demo/tiny\ntag!=x', 'license:MIT,ISC\nlicense:M*\nlicense=MIT', 'created<2026-03\nexpires>=2026',
                              'parameters<1.5e9\nbytes<=4GiB\nrevision>1\nblock_count>=12\ncontext-length>32Ki\nparameters=7B', f'sha256:{sha(b"x")}\nreason:x')):
        open(os.path.join(folder, f'patterns-{i}'), 'w').write(text)


def main(action, *rest):
    if action == 'manifest':
        out, publisher, name, revision, key_id, *changes = rest
        os.makedirs(os.path.dirname(out) or '.', exist_ok=True)
        open(out, 'w').write(manifest(publisher, name, int(revision), key_id, [change.split('=', 1) for change in changes]))
    elif action == 'many':
        os.makedirs(rest[0], exist_ok=True)
        for i in range(int(rest[1])):
            open(f'{rest[0]}/{i:06}.manifest', 'w').write(manifest('demo', f'model-{i:06}', 1 + i % 3, 'none'))
    elif action == 'forge':
        forge(*rest)
    elif action == 'seeds':
        seeds(*rest)
        query_seeds(*rest)
    else:
        sys.exit(__doc__)


if __name__ == '__main__':
    main(*sys.argv[1:])
