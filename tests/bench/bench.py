"""make bench: this project's commands beside others' programs, in turns, as whole processes.

usage: bench.py ratios [--markdown] [--into FILE]            tables of ratios
       bench.py growth [--markdown] [--into FILE] [-o FILE]  what files of 64 MiB to 8 GiB cost; -o: the figures, tab-separated

--markdown prints tables for a page, --into puts them into one. Environment: BENCH_MIB (1024), BENCH_MANIFESTS (100000), BENCH_RUNS (5; growth: 3),
BENCH_SIZES (64M 256M 1G 2G 4G 8G), BENCH_PATHS (all that the processor can take). A folder in TMPDIR holds the files meanwhile: three times BENCH_MIB,
and the manifests; twice the largest of BENCH_SIZES. Exit: 0 measured, whatever came out, 2 usage, 3 not measured."""
import argparse
import os
import signal
import subprocess
import sys
import tempfile

import growth
import lint
import machine
import measure
import memory
import model
import ratios
import table

DIGITS = '0123456789'


def usage(text):
    print(f'bench: {text}', file=sys.stderr)
    sys.exit(2)


def number(word, what):
    if not word or word.strip(DIGITS) or not int(word):
        usage(f'{what}: expected a number, found {word!r}')
    return int(word)


def setting(name, otherwise):
    return number(os.environ.get(name, otherwise), name)


def bytes_of(word):
    unit = {'K': 10, 'M': 20, 'G': 30}.get(word[-1:], 0)
    return number(word[:-1] if unit else word, 'BENCH_SIZES') << unit


def sha256_paths():
    """The ways to compute SHA-256 that this processor can take, as tests/bench/paths.c has them: name, and how many pieces at once."""
    return [tuple(line.split()) for line in machine.printed(os.path.join(measure.BUILT, 'paths')).splitlines()]


def path_of(paths):
    """Those that are taken unless one is forced, for the head: of chunks, and of a file together with its chunks."""
    if 'MINIMODEL_SHA256' in os.environ:
        return f'{os.environ["MINIMODEL_SHA256"]}, forced'
    names = [name for name, _ in paths]
    both = next((name for name in names if name in ratios.SHA_INSTRUCTIONS), None)
    return (f'chunks alone: {names[0]}, {paths[0][1]} at once; with the whole file: ' +
            (f'{both}, one schedule for both' if both else f'libcrypto beside {names[0]}') + f'; runs here: {", ".join(names)}')


def prepare(mib, count):
    """The model, its manifest, and the same signed, by minisign over the whole file too where it is there; COUNT small manifests."""
    os.mkdir('model')
    os.chdir('model')
    model.grow('big.gguf', mib << 20)
    model.describe('big.gguf', 'big.manifest')
    made = subprocess.run(['key-make', '-q', '--no-password', 'demo'], stdout=subprocess.PIPE, text=True, check=True).stdout
    key_id = made.partition('key-id: ')[2].split()[0]
    model.describe('big.gguf', 'signed.manifest', '--key-id', key_id)
    os.makedirs('keyring/local', 0o700)
    os.chmod('keyring', 0o700)
    os.link('demo.pub', f'keyring/local/{key_id}.pub')
    commands = ['manifest-sign -q -s demo.key signed.manifest']
    if not measure.Job('minisign').lacks():
        commands += [f'minisign -S -W {option} -s demo.key -m big.gguf -x {name}.minisig' for option, name in (('-H', 'hashed'), ('-l', 'legacy'))]
    for command in commands:
        measure.Job(command).once()
    lint.make(count)


def say(what, always=False):
    """For who waits; ALWAYS, for who reads the results."""
    if always or sys.stderr.isatty():
        print(f'bench: {what}', file=sys.stderr)


def show(text, options):
    if options.into:
        table.into(options.into, options.what, text)
    else:
        print(text, end='')


def head(path, markdown):
    rows = [list(pair) for pair in machine.facts('.', path)]
    return table.markdown(('', ''), rows) if markdown else table.plain(('', ''), rows).lstrip()


def run_ratios(options):
    mib, runs, count = setting('BENCH_MIB', '1024'), setting('BENCH_RUNS', '5'), setting('BENCH_MANIFESTS', '100000')
    paths = sha256_paths()
    names = os.environ.get('BENCH_PATHS', ' '.join(name for name, _ in paths)).split()
    text = head(path_of(paths), options.markdown) + '\n'
    prepare(mib, count)
    parts = [(f'{mib} MiB and {count} manifests; medians of {runs} runs in turns, after one that is not counted.',
              ratios.checks() + ratios.imports() + ratios.manifests())]
    if names:
        parts.append(('The same by each path.', ratios.forced(names)))
    for sentence, groups in parts:
        rows, found = [], []
        for group in groups:
            say(group.peer.command)
            results = ratios.results(group, runs)
            rows += ratios.lines(results)
            found += results
        text += sentence + '\n\n' + (table.markdown(ratios.HEAD, rows, 1) if options.markdown else table.plain(ratios.HEAD, rows)) + '\n'
        if any(result.row.most is not None for result in found):
            text += ratios.summary(found) + '\n\n'
    show(text + f'Load after: {machine.load()}.\n', options)


def run_growth(options):
    sizes = sorted(map(bytes_of, os.environ.get('BENCH_SIZES', '64M 256M 1G 2G 4G 8G').split()))
    runs, before = setting('BENCH_RUNS', '3'), machine.load()
    with memory.bounded(memory.PAGES) as within:
        points = growth.measured(sizes, runs, say, within)
    if options.output:
        with open(options.output, 'w') as file:
            file.write(growth.tsv(points))
    sentence = f'Medians of {runs} runs in turns, after one that is not counted. Load before: {before}; after: {machine.load()}.\n\n'
    show(sentence + growth.tables(points, options.markdown), options)


def main():
    parser = argparse.ArgumentParser(prog='bench.py', usage=__doc__, add_help=False)
    parser.add_argument('what', choices=('ratios', 'growth'))
    parser.add_argument('--markdown', action='store_true')
    parser.add_argument('--into')
    parser.add_argument('-o', dest='output')
    options = parser.parse_args()
    options.markdown = options.markdown or bool(options.into)
    options.into, options.output = (path and os.path.abspath(path) for path in (options.into, options.output))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and the folder is removed
    try:
        if options.into:
            table.around(options.into, options.what)  # rather now than after an hour
        with tempfile.TemporaryDirectory(prefix='minimodel-bench.') as folder:
            os.chdir(folder)
            os.environ.update(LC_ALL='C', MINIMODEL_HOME=f'{folder}/home', MINIMODEL_KEYRING=f'{folder}/nobody')
            for name in ('MINIMODEL_POLICY', 'SOURCE_DATE_EPOCH'):
                os.environ.pop(name, None)
            {'ratios': run_ratios, 'growth': run_growth}[options.what](options)
            os.chdir('/')
    except (measure.Failed, table.Lacks, OSError, subprocess.CalledProcessError) as failure:
        print(f'bench: {failure}', file=sys.stderr)
        sys.exit(3)


main()
