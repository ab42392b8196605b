"""Manifests for the measurements of catalogs, and those measurements.

usage: catalogs.py manifests COUNT KIND KEYID   COUNT manifests of publisher demo beneath the folder KIND, signed by KEYID or none; their names in
                                                KIND.list, and KIND.more is one more
       catalogs.py measure RUNS                 what catalogs.sh put here
"""
import hashlib
import os
import subprocess
import sys
import time

import memory

SHAPE = 'block_count=12 embedding_length=768 feed_forward_length=2048 head_count=12 head_count_kv=12 vocab_size=32000 context_length=1024'


def artifact(path, role, form, size, digest, more=''):
    return (f'artifact: {path}\nartifact-role: {role}\nartifact-format: {form}\nartifact-bytes: {size}\nartifact-sha256: {digest}\n{more}'
            f'chunk-scheme: fixed-size-merkle-v0\nchunk-size: 1048576\nchunk-count: {-(-size // 1048576)}\nmerkle-root: ')


def manifest(number, key_id, tags=('llama', 'tiny'), license_route='LICENSE', papers=(('LICENSE', 'license'), ('README.md', 'card'))):
    digest = hashlib.sha256(str(number).encode()).hexdigest()
    leaf = hashlib.sha256(b'\0' + bytes.fromhex(digest)).hexdigest()
    text = (f'minimodel-manifest 0\nmodel-id: demo/model-{number:06}\nversion: 1.{number}\nrevision: 1\ndisplay-name: Model number {number} "of" many\n'
            + ''.join(f'tag: {tag}\n' for tag in tags) +
            f'publisher-id: demo\nkey-id: {key_id}\nsignature-scheme: {"none" if key_id == "none" else "minisign"}\n'
            f'created: 2026-01-01T00:00:00Z\nlicense: Apache-2.0\nlicense-route: {license_route}\nmodel-card-route: README.md\n'
            f'takedown-route: mailto:takedown@example.org\nsource-lane: quantized\nsource: - hf://demo/model-{number:06}\narchitecture: llama\n'
            f'parameters: {1000000 + number}\nquantization: q8_0\nmodel-shape: {SHAPE}\npeer-hint: available\n')
    for path, role in papers:
        text += artifact(path, role, 'text', 1000, digest) + leaf + '\n'
    more = f'tokenizer-sha256: {digest}\ntensor-layout-sha256: {digest}\n'
    return text + artifact('model-q8_0.gguf', 'weights', 'gguf', 10000000000 + number, digest, more) + digest + '\n'


def make(count, kind, key_id):
    with open(f'{kind}.list', 'w') as names:
        for number in range(count + 1):
            folder = f'{kind}/{number // 1000:04}'
            os.makedirs(folder, exist_ok=True)
            path = f'{folder}/{number:06}.manifest'
            open(path, 'w').write(manifest(number, key_id))
            if number < count:
                names.write(path + '\n')
            else:
                open(f'{kind}.more', 'w').write(path + '\n')
    if key_id != 'none':
        with open(f'{kind}.list', 'a') as names:
            names.write(path + '\n')  # to be signed with the others; measure() leaves it out


def once(command):
    start = time.monotonic()
    child = subprocess.Popen(command, shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    errors = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f'bench: {command} failed: {errors.decode()[:300]}')
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss


def median(values):
    return sorted(values)[len(values) // 2]


def measure(runs):
    for kind in ('signed', 'unsigned'):
        names = open(f'{kind}.list').read().splitlines()
        more = open(f'{kind}.more').read().strip()
        open(f'{kind}.list', 'w').write(''.join(name + '\n' for name in names if name != more))
    first = '-q --catalog-id demo --publisher demo --expires-in 365 --files-from'
    rows = [('sha256sum of the manifests', 'xargs sha256sum <unsigned.list', None),
            ('jq -c . of the lines', 'exec jq -c . u1/catalog.jsonl', None),
            ('catalog-build, first', f'exec catalog-build -o uN --keyring nobody --allow-unsigned {first} unsigned.list', 'uN'),
            ('catalog-build, nothing new', 'exec catalog-build -q -o uN --keyring nobody --allow-unsigned --files-from unsigned.list', 'uN'),
            ('catalog-build, one more', 'exec catalog-build -q -o uN --keyring nobody --allow-unsigned --files-from unsigned.more', 'uN'),
            ('catalog-build --check', 'exec catalog-build -q --check --keyring nobody --allow-unsigned uN', 'uN'),
            ('catalog-find', "exec catalog-find -q --keyring nobody uN 'parameters<1000100'", 'uN'),
            ('catalog-build, first, signed', f'exec catalog-build -o sN -s demo.key --keyring keyring {first} signed.list', 'sN'),
            ('catalog-build --check, signed', 'exec catalog-build -q --check --keyring keyring sN', 'sN')]
    found = {name: [] for name, _, _ in rows}
    once(rows[0][1])  # the manifests are in the page cache from here on
    once('xargs sha256sum <signed.list')
    # Folders are new in each turn, and none is removed before the end: ext4 is slow to give out what was freed a moment ago.
    for turn in range(1, runs + 1):
        for name, command, folder in [rows[0]] + rows[2:] + [rows[1]]:
            command = command.replace('uN', f'u{turn}').replace('sN', f's{turn}')
            os.sync()  # what the command before left to be written is none of this one's
            memory.in_hand(4 << 30)
            found[name].append(once(command))
    middle = {name: median([seconds for seconds, _, _ in found[name]]) for name, _, _ in rows}
    both = sum(middle[name] for name, _, _ in rows[:2])
    together = sum(middle[name] for name in ('catalog-build, first', 'catalog-build --check', 'catalog-find'))
    print(f'{"command":34} {"seconds":>8} {"ratio":>6} {"CPU":>7} {"KiB":>8}')
    for name, _, _ in rows:
        seconds, processor, kib = (median([run[i] for run in found[name]]) for i in range(3))
        print(f'{name:34} {seconds:8.2f} {seconds / both:6.2f} {processor:7.2f} {kib:8}')
    for name, seconds in (('sha256sum and jq together', both), ('build, check and find together', together)):
        print(f'{name:34} {seconds:8.2f} {seconds / both:6.2f}')


if __name__ == '__main__':
    if sys.argv[1] == 'manifests':
        make(int(sys.argv[2]), sys.argv[3], sys.argv[4])
    else:
        measure(int(sys.argv[2]))
