"""What an attacker makes of a catalog.

usage: catalog_attacks.py node-as-entry FOLDER OUT      a proof whose entry is an inner node: the two hashes beneath it
       catalog_attacks.py node-as-head FOLDER OUT       a proof of a log of half as many heads, whose leaves are inner nodes
       catalog_attacks.py no-prefixes FOLDER            a head whose root is of a tree without prefixes of leaves and nodes
       catalog_attacks.py duplicated FOLDER             a head whose root is of a tree that repeats its last leaf on every level
       catalog_attacks.py duplicated-proof FOLDER OUT   a proof of the leaf behind the last in such a tree
       catalog_attacks.py field FOLDER KEY VALUE        sets a field of the head
       catalog_attacks.py entry FOLDER KEY VALUE        sets a member of the first entry (JSON), and makes the head fit
       catalog_attacks.py again FOLDER                  makes the head fit the lists
The heads are unsigned.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'second'))
import catalog  # noqa: E402


def plain_root(nodes):
    while len(nodes) > 1:
        nodes = [catalog.sha(nodes[i] + nodes[i + 1]) if i + 1 < len(nodes) else nodes[i] for i in range(0, len(nodes), 2)]
    return nodes[0]


def doubling_levels(data):
    levels = [[catalog.sha(b'\0' + item) for item in data]]
    while len(levels[-1]) > 1:
        nodes = levels[-1] + (levels[-1][-1:] if len(levels[-1]) % 2 else [])
        levels.append([catalog.sha(b'\1' + nodes[i] + nodes[i + 1]) for i in range(0, len(nodes), 2)])
    return levels


def lines_of(folder):
    return catalog.split_lines(catalog.read(f'{folder}/catalog.jsonl'))


def set_fields(folder, values):
    head = catalog.read(f'{folder}/catalog.head').decode().split('\n')
    sequence = next(line.split(': ')[1] for line in head if line.startswith('sequence: '))
    changed = '\n'.join(f'{line.split(": ")[0]}: {values[line.split(": ")[0]]}' if line.split(': ')[0] in values else line for line in head)
    for name in ('catalog.head', f'heads/{sequence}'):
        open(os.path.join(folder, name), 'w').write(changed)


def again(folder):
    text, withdrawn = catalog.read(f'{folder}/catalog.jsonl'), catalog.read(f'{folder}/withdrawn.jsonl')
    set_fields(folder, {'entry-count': text.count(b'\n'), 'entries-sha256': catalog.sha(text).hex(), 'merkle-root': catalog.root(catalog.split_lines(text)).hex(),
                        'withdrawn-count': withdrawn.count(b'\n'), 'withdrawn-sha256': catalog.sha(withdrawn).hex()})


def proof(folder, count, index, entry, siblings, root=None):
    head = catalog.read(f'{folder}/catalog.head')
    root = root or bytes.fromhex(catalog.head_of(head)['merkle-root'])
    out = b'minimodel-entry-proof 0\nhead-sha256: %s\nmerkle-root: %s\nentry-count: %d\nentry-index: %d\nentry: %s\n' % (
        catalog.sha(head).hex().encode(), root.hex().encode(), count, index, entry)
    return out + b''.join(b'sibling: %s\n' % node.hex().encode() for node in siblings)


def node_as_entry(folder):
    """Four leaves: with no prefixes the left inner node would be the leaf of 64 bytes that are the leaves beneath it."""
    leaves = [catalog.sha(b'\0' + line) for line in lines_of(folder)[:4]]
    return proof(folder, 2, 0, leaves[0] + leaves[1], [catalog.sha(b'\1' + leaves[2] + leaves[3])])


def node_as_head(folder):
    """Four heads: the root over them is also that of two leaves that are inner nodes."""
    log = catalog.log_of(folder)[:4]
    nodes = [catalog.root(log[:2]), catalog.root(log[2:])]
    value = catalog.root(log).hex()
    return (f'minimodel-consistency 0\nold-sequence: 2\nold-head-sha256: {nodes[1].hex()}\nold-log-root: {value}\n'
            f'new-sequence: 2\nnew-head-sha256: {nodes[1].hex()}\nnew-log-root: {value}\nold-sibling: {nodes[0].hex()}\nnew-sibling: {nodes[0].hex()}\n').encode()


def main(action, folder, *rest):
    if action == 'node-as-entry':
        open(rest[0], 'wb').write(node_as_entry(folder))
    elif action == 'node-as-head':
        open(rest[0], 'wb').write(node_as_head(folder))
    elif action == 'no-prefixes':
        set_fields(folder, {'merkle-root': plain_root([catalog.sha(line) for line in lines_of(folder)]).hex()})
    elif action == 'duplicated':
        set_fields(folder, {'merkle-root': doubling_levels(lines_of(folder))[-1][0].hex()})
    elif action == 'duplicated-proof':
        data, siblings, at = lines_of(folder), [], len(lines_of(folder))
        for level in doubling_levels(data)[:-1]:
            siblings.append(level[min(at ^ 1, len(level) - 1)])
            at //= 2
        open(rest[0], 'wb').write(proof(folder, len(data) + 1, len(data), data[-1], siblings))
    elif action == 'field':
        set_fields(folder, {rest[0]: rest[1]})
    elif action == 'entry':
        lines = lines_of(folder)
        entry = json.loads(lines[0])
        entry[rest[0]] = json.loads(rest[1])
        lines[0] = json.dumps(entry, sort_keys=True, ensure_ascii=False, separators=(',', ':')).encode()
        open(f'{folder}/catalog.jsonl', 'wb').write(b''.join(line + b'\n' for line in lines))
        again(folder)
    elif action == 'again':
        again(folder)
    else:
        sys.exit(__doc__)


main(*sys.argv[1:])
