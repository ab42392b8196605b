"""The commands beside what people use for the same job: which with which, the most that may be, and what was found.

Limits are asked of files of 1 GiB and more on two processors with AVX-512; elsewhere the ratios stand as they are."""
import collections
import os
import shutil

import machine
import measure
import memory
import table

Row = collections.namedtuple('Row', 'job figure most aim')  # FIGURE is a field of measure.Run; MOST and AIM are ratios, or None
Group = collections.namedtuple('Group', 'peer rows')        # measured in turns
Result = collections.namedtuple('Result', 'row peer ours theirs ratio turn verdict')


HEAD = ('command (= the peer)', 'seconds', 'CPU', 'MiB', 'of', 'ratio', 'by turn', 'at most', 'aim', '')
WITHOUT_SHA = 'OPENSSL_ia32cap=:~0x20000000'  # libcrypto looks away from the processor's SHA instructions (x86)
SHA_INSTRUCTIONS = ('shani', 'armv8')  # paths that take them
FIGURES = {'seconds': 'wall', 'cpu': 'CPU'}


def row(job, most=None, aim=None, figure='seconds'):
    return Row(job, figure, most, aim)


def cleared():
    """Nothing of an earlier run is there, and nothing is left to be written."""
    shutil.rmtree('store', ignore_errors=True)
    if os.path.exists('copy.gguf'):
        os.remove('copy.gguf')
    if os.path.exists('big.gguf'):
        os.chmod('big.gguf', 0o644)  # a store that shares it takes that away
    os.sync()


def room_for_a_copy():
    """As cleared(), and there is memory for the pages of a copy."""
    cleared()
    memory.in_hand(os.path.getsize('big.gguf') * 5 // 4)


def one_processor(job):
    return job.through(f'taskset -c {min(os.sched_getaffinity(0))}')


def checks():
    """Hashing a file that is in the page cache."""
    openssl = measure.Job('openssl dgst -sha256 big.gguf')
    full, quick = measure.Job('slm-verify big.manifest'), measure.Job('slm-verify --quick big.manifest')
    chunks = measure.Job('chunk-merkle --no-sha256 big.gguf')
    single = [measure.Job('slm-verify --quick --threads 1 big.manifest'), measure.Job('chunk-merkle --no-sha256 --threads 1 big.gguf')]
    signed = measure.Job('slm-verify --keyring keyring signed.manifest')
    slow = (None, None) if machine.links_libcrypto('sha256sum') else (0.06, 0.05)  # the limit is beside the one with code of its own
    return [
        Group(openssl, [row(full, 0.95, 0.88), row(full, 1.3, 1.25, 'cpu'), row(quick, 0.24, 0.20), row(quick, figure='cpu'),
                        row(chunks, 0.24, 0.20), row(measure.Job('chunk-merkle big.gguf')), row(measure.Job('cat big.gguf'))]),
        Group(one_processor(openssl), [row(one_processor(full), 1.38), row(one_processor(quick))]),
        Group(measure.Job('sha256sum big.gguf'), [row(quick, *slow), row(chunks, *slow), row(full)]),
        Group(measure.Job('b3sum --num-threads 1 big.gguf'), [row(job, 1.6, 1.4) for job in single]),
        Group(measure.Job('b3sum big.gguf'), [row(quick), row(chunks)]),
        Group(measure.Job('minisign -V -q -p demo.pub -m big.gguf -x hashed.minisig'), [row(signed)]),
        Group(measure.Job('minisign -V -q -p demo.pub -m big.gguf -x legacy.minisig'), [row(signed)]),
    ]


def stored(command, needs=()):
    return measure.Job(command, needs, room_for_a_copy)


def copied_and_hashed():
    return stored('cp big.gguf copy.gguf && sync copy.gguf && openssl dgst -sha256 copy.gguf', ('cp', 'sync', 'openssl'))


def imports():
    """From the page cache to the same file system, checked and flushed."""
    rows = [row(stored('slm-import -q --allow-unsigned --home store big.manifest'), 0.85, 0.7),
            row(stored('slm-import -q --allow-unsigned --link --home store big.manifest')),
            row(stored('cp big.gguf copy.gguf && sync copy.gguf', ('cp', 'sync')))]
    return [Group(copied_and_hashed(), rows)]


def manifests():
    """Many small files, as tests/bench/lint.py makes them."""
    return [Group(measure.Job('xargs -0 cat <lint.list0 | wc', ('xargs', 'cat', 'wc')), [
        row(measure.Job('manifest-lint --files-from lint.list'), 6, 3), row(measure.Job('manifest-lint --threads 1 --files-from lint.list')),
        row(measure.Job('manifest-lint -0 --files-from lint.list0 --json'))])]


def with_set(job, *settings):
    return job.through(' '.join(['env', *settings]))


def forced(names):
    """Each of the paths NAMES; then those that take no SHA instructions where libcrypto has none either, neither the peer's nor ours."""
    openssl, full, quick = (measure.Job(command) for command in ('openssl dgst -sha256 big.gguf', 'slm-verify big.manifest', 'slm-verify --quick big.manifest'))

    def group(settings, among):
        return Group(with_set(openssl, *settings) if settings else openssl,
                     [row(with_set(job, *settings, f'MINIMODEL_SHA256={name}')) for name in among for job in (full, quick)])
    without = [name for name in names if name not in SHA_INSTRUCTIONS]
    groups = [group([], names)]
    if 'sha_ni' in machine.instructions().split(', ') and without:
        groups.append(group([WITHOUT_SHA], without))
    return groups


def verdict(row, ratio):
    return '' if row.most is None else 'ok' if ratio <= row.most else 'above'


def results(group, runs):
    """A Result for each row of GROUP. One whose peer is not there, or which cannot be started itself, says so and has no figures."""
    jobs = list(dict.fromkeys(row.job for row in group.rows if not row.job.lacks()))
    absent = group.peer.lacks()
    runs_of = {} if absent or not jobs else measure.alternate([group.peer] + jobs, runs)
    found = []
    for row in group.rows:
        lacks = absent or row.job.lacks()
        if lacks:
            found.append(Result(row, group.peer, None, None, None, None, f'lacks {lacks}'))
            continue
        ours, theirs = runs_of[row.job], runs_of[group.peer]
        whole, turn = measure.ratio(ours, theirs, row.figure)
        found.append(Result(row, group.peer, measure.middle(ours), measure.middle(theirs), whole, turn, verdict(row, whole)))
    return found


def taken(run):
    return [f'{run.seconds:.3f}', f'{run.cpu:.3f}', f'{run.kib / 1024:.1f}'] if run else [''] * 3


def lines(found):
    """Cells: the peer first, then the rows of its group."""
    first = found[0]
    yield ['= ' + first.peer.command] + taken(first.theirs) + ['', '', '', '', '', f'lacks {first.peer.lacks()}' if first.peer.lacks() else '']
    for result in found:
        ratios = ['', ''] if result.ours is None else [f'{result.ratio:.3f}', f'{result.turn:.3f}']
        limits = ['' if limit is None else f'{limit:.2f}' for limit in (result.row.most, result.row.aim)]
        yield [result.row.job.command] + taken(result.ours) + [FIGURES[result.row.figure]] + ratios + limits + [result.verdict]


def summary(found):
    """One sentence: how the rows with a limit came out."""
    limited = [result.verdict for result in found if result.row.most is not None]
    within, above = limited.count('ok'), limited.count('above')
    return f'{len(limited)} rows have a limit: {within} within it, {above} above, {len(limited) - within - above} not measured.'
