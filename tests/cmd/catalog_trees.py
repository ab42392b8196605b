"""catalog-build and the second implementation side by side, on catalogs of 1 to N models and histories of 1 to N heads.

usage: catalog_trees.py grow FOLDER N     builds them, and compares every proof of an entry and of a history, byte by byte
       catalog_trees.py mutate FOLDER     changes proofs of FOLDER's present head in every way it knows: both refuse each
       catalog_trees.py changes FOLDER    the same with heads/*.changes, which --check --since reads
Prints nothing where they agree; otherwise a line for each difference.
"""
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'second'))
import catalog  # noqa: E402


def run(*arguments):
    done = subprocess.run(['catalog-build', '-q', '--allow-unsigned', *arguments], stdin=subprocess.DEVNULL, capture_output=True)
    return done.returncode, done.stdout, done.stderr.decode()


def compare_entry(folder, index, name):
    status, proof, errors = run('--prove', name, folder)
    if status or proof != catalog.prove(folder, index):
        return f'entry {index} of {folder}: another proof ({errors.strip()})'
    return None if catalog.verify(proof) else f'entry {index} of {folder}: it does not hold'


def compare_history(folder, old):
    status, proof, errors = run('--prove-since', f'{folder}/heads/{old}', folder)
    if status or proof != catalog.consistency(folder, old):
        return f'from head {old} of {folder}: another proof ({errors.strip()})'
    return None if catalog.verify(proof) else f'from head {old} of {folder}: it does not hold'


def names_of(folder):
    return ['{model_id}@{revision}'.format(**json.loads(line)) for line in catalog.split_lines(catalog.read(f'{folder}/catalog.jsonl'))]


def grow(folder, most):
    """Model I is in the catalog from head I on, so that both trees have 1 to N leaves."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for count in range(1, int(most) + 1):
            names = ['--catalog-id', 'demo', '--publisher', 'demo'] if count == 1 else []
            status, _, errors = run('-o', folder, *names, f'many/{count - 1:06}.manifest')
            if status:
                yield f'building {count}: {errors}'
                return
            yield from filter(None, pool.map(lambda item: compare_entry(folder, *item), enumerate(names_of(folder))))
            yield from filter(None, pool.map(lambda old: compare_history(folder, old), range(1, count + 1)))


# --- proofs that are none ---

def flip(value):
    return ('0' if value[0] != '0' else '1') + value[1:]


def mutants(text):
    """Each line dropped, doubled, exchanged with the next, its value changed; numbers moved; lines added."""
    lines = text.decode().split('\n')[:-1]

    def joined(changed):
        return ('\n'.join(changed) + '\n').encode()
    for i, line in enumerate(lines):
        yield f'line {i} dropped', joined(lines[:i] + lines[i + 1:])
        yield f'line {i} doubled', joined(lines[:i + 1] + lines[i:])
        if i + 1 < len(lines) and lines[i] != lines[i + 1]:
            yield f'line {i} exchanged', joined(lines[:i] + [lines[i + 1], line] + lines[i + 2:])
        key, colon, value = line.partition(': ')
        if not colon or key == 'entry':
            continue
        if value.isdigit():
            for other in {int(value) + 1, max(int(value) - 1, 0), int(value) * 2, 0, 2**63 - 1} - {int(value)}:
                yield f'{key} {other}', joined(lines[:i] + [f'{key}: {other}'] + lines[i + 1:])
            for other in (f'0{value}', f'+{value}', f' {value}', f'{value} ', '-1', str(2**64 + int(value)), '0x1'):
                yield f'{key} "{other}"', joined(lines[:i] + [f'{key}: {other}'] + lines[i + 1:])
        else:
            for other in (flip(value), value.upper() if value != value.upper() else flip(value), value[:-1], value + '0', value[2:]):
                yield f'{key} {other[:8]} in line {i}', joined(lines[:i] + [f'{key}: {other}'] + lines[i + 1:])
            for j in range(i + 1, len(lines)):
                if lines[j].partition(': ')[2] not in ('', value) and not lines[j].startswith('entry') and len(lines[j].partition(': ')[2]) == 64:
                    a, b = lines[j].partition(': ')[2], value
                    changed = list(lines)
                    changed[i], changed[j] = f'{key}: {a}', lines[j].partition(': ')[0] + f': {b}'
                    yield f'values of lines {i} and {j} exchanged', joined(changed)
    for extra in ('sibling', 'node', 'old-sibling', 'new-sibling', 'x-more'):
        yield f'{extra} added', text + f'{extra}: {"0" * 64}\n'.encode()
    yield 'the last LF dropped', text[:-1]
    yield 'CR LF', text.replace(b'\n', b'\r\n')
    yield 'an entry of other bytes', text.replace(b'"revision":', b'"revision" :', 1) if b'entry: ' in text else text + b'\n'
    yield 'a NUL', text + b'\0'
    yield 'nothing', b''


def refused_by_both(folder, number, what, proof, old):
    path = f'mutant-{number}.proof'
    open(path, 'wb').write(proof)
    status = run('--check-proof', path, *(['--since', old] if old else []), f'{folder}/catalog.head')[0]
    os.remove(path)
    text = catalog.read(f'{folder}/catalog.head')
    head = catalog.head_of(text)
    holds = catalog.verify(proof)
    if holds:  # then it is of another head, or from another one, which its reader compares
        value = dict(catalog.fields(proof))
        if old:
            seen = catalog.read(old)
            holds = all(value[f'{name}-head-sha256'].decode() == catalog.sha(one).hex() and value[f'{name}-sequence'].decode() == catalog.head_of(one)['sequence']
                        for name, one in (('new', text), ('old', seen)))  # a path alone does not bind the number of leaves
        else:
            holds = (value['head-sha256'].decode(), value['merkle-root'].decode(), value['entry-count'].decode()) == (
                catalog.sha(text).hex(), head['merkle-root'], head['entry-count'])
    if status == 1 and not holds:
        return None
    return f'{what}: the command answers {status}, the second implementation {"that it holds" if holds else "that it does not"}'


def mutate(folder):
    names = names_of(folder)
    count = int(catalog.head_of(catalog.read(f'{folder}/catalog.head'))['sequence'])
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        tasks = [(what, proof, None) for index in (0, len(names) // 2, len(names) - 1) for what, proof in mutants(catalog.prove(folder, index))]
        for old in sorted({1, max(1, count - 6), count // 2, count - 1, count} - {0}):
            tasks += [(what, proof, f'{folder}/heads/{old}') for what, proof in mutants(catalog.consistency(folder, old))]
        yield from filter(None, pool.map(lambda task: refused_by_both(folder, task[0], *task[1]), enumerate(tasks)))
        if len(tasks) < 300:
            yield f'only {len(tasks)} changed proofs'


# --- steps that were changed ---

def changed_steps(text):
    lines = text.split(b'\n')[:-1]
    for i in range(2, len(lines)):
        yield f'line {i} dropped', b'\n'.join(lines[:i] + lines[i + 1:]) + b'\n'
        kind, _, value = lines[i].partition(b': ')
        for other in (b'added', b'withdrawn'):
            if kind != other and kind != b'removed':
                yield f'line {i} as {other.decode()}', b'\n'.join(lines[:i] + [other + b': ' + value] + lines[i + 1:]) + b'\n'
        if kind == b'removed':
            yield f'line {i} of other bytes', b'\n'.join(lines[:i] + [lines[i].replace(b'"license":"Apache-2.0"', b'"license":"MIT"')] + lines[i + 1:]) + b'\n'
        else:
            yield f'line {i} of another revision', b'\n'.join(lines[:i] + [lines[i] + b'7'] + lines[i + 1:]) + b'\n'
    yield 'another step', text.replace(b'sequence: ', b'sequence: 1', 1)
    yield 'another name', text + b'added: demo/model-999999 1\n'
    yield 'nothing', b''


def changes(folder):
    count = int(catalog.head_of(catalog.read(f'{folder}/catalog.head'))['sequence'])
    tried = 0
    for old in range(1, count + 1):
        status, _, errors = run('--check', '--since', f'{folder}/heads/{old}', folder)
        faults = list(catalog.since(folder, old))
        if status or faults:
            yield f'since head {old}: {status} {errors} {faults}'
    for sequence in range(2, count + 1):
        for what, text in changed_steps(catalog.read(f'{folder}/heads/{sequence}.changes')):
            shutil.rmtree('lying', ignore_errors=True)
            shutil.copytree(folder, 'lying')
            open(f'lying/heads/{sequence}.changes', 'wb').write(text)
            for old in {1, sequence - 1}:
                tried += 1
                status = run('--check', '--since', f'{folder}/heads/{old}', 'lying')[0]
                try:
                    faults = list(catalog.since('lying', old))
                except (ValueError, KeyError) as error:
                    faults = [error]
                # what came and went between two heads is bound by none of them; by the head before its step it is
                if status != (1 if faults else 0) or (old == sequence - 1 and not faults):
                    yield f'since head {old}, step {sequence}, {what}: the command answers {status}, the second implementation {faults}'
    if tried < 10:
        yield f'only {tried} changed steps'


for fault in {'grow': grow, 'mutate': mutate, 'changes': changes}[sys.argv[1]](*sys.argv[2:]):
    print(fault)
