"""Manifests for the measurement of manifest-lint, and that measurement.

usage: lint.py manifests COUNT   COUNT manifests of 40 lines beneath the folder lint; their names in lint.list and, ended by NUL, in lint.list0
       lint.py measure RUNS      the commands beside `cat` of the same files through `wc`, in turn
"""
import os
import sys

from catalogs import manifest, median, once

PEER = 'xargs -0 cat <lint.list0 | wc'
ROWS = [PEER, 'exec manifest-lint --files-from lint.list', 'exec manifest-lint --threads 1 --files-from lint.list', 'exec manifest-lint -0 --files-from lint.list0 --json']


def make(count):
    names = []
    for number in range(count):
        folder = f'lint/{number // 1000:04}'
        os.makedirs(folder, exist_ok=True)
        text = manifest(number, 'none', tags=(), license_route='README.md', papers=(('README.md', 'card'),))
        assert text.count('\n') == 40
        names.append(f'{folder}/{number:06}.manifest')
        open(names[-1], 'w').write(text)
    open('lint.list', 'w').write(''.join(name + '\n' for name in names))
    open('lint.list0', 'w').write(''.join(name + '\0' for name in names))


def measure(runs):
    found = {row: [] for row in ROWS}
    for turn in range(runs + 1):  # the first turn fills the page cache
        for row in ROWS:
            result = once(row)
            if turn:
                found[row].append(result)
    peer = median([seconds for seconds, _, _ in found[PEER]])
    print(f'{"command":66} {"seconds":>8} {"ratio":>6} {"CPU":>7} {"KiB":>8}')
    for row in ROWS:
        seconds, processor, memory = (median([run[i] for run in found[row]]) for i in range(3))
        print(f'{row.replace("exec ", ""):66} {seconds:8.3f} {seconds / peer:6.2f} {processor:7.3f} {memory:8}')


if sys.argv[1] == 'manifests':
    make(int(sys.argv[2]))
else:
    measure(int(sys.argv[2]))
