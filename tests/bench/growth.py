"""What larger files cost: seconds, seconds a GiB, peak memory."""
import collections
import os
import shutil

import measure
import model
import ratios
import table

Point = collections.namedtuple('Point', 'name bytes run')  # RUN is a measure.Run of medians

FIELDS = ('name', 'bytes', 'seconds', 'cpu', 'kib')
GIB = 1 << 30
MARGIN = 1.1      # what a GiB costs is as good as the same within this
ROOM = 256 << 20  # left on the device


def jobs(within):
    """By the names that the plot has for them; those that copy are started by WITHIN."""
    every = {'slm-verify': measure.Job('slm-verify big.manifest'),
             'slm-verify --quick': measure.Job('slm-verify --quick big.manifest'),
             'chunk-merkle --no-sha256': measure.Job('chunk-merkle --no-sha256 big.gguf'),
             'openssl dgst -sha256': measure.Job('openssl dgst -sha256 big.gguf'),
             'slm-import': ratios.stored('slm-import -q --allow-unsigned --home store big.manifest').through(within),
             'cp, sync, openssl dgst': ratios.copied_and_hashed().through(within)}
    return {name: job for name, job in every.items() if not job.lacks()}


def measured(sizes, runs, say, within):
    """Points of each size, one file that grows. Those for which the device has no room, for the file and one copy, are left out, and it is said."""
    points, named = [], jobs(within)
    for size in sizes:
        there = os.path.getsize('big.gguf') if os.path.exists('big.gguf') else 0
        ratios.cleared()
        if shutil.disk_usage('.').free < 2 * size - there + ROOM:
            say(f'{size >> 20} MiB is not measured: no room for the file and its copy', always=True)
            continue
        say(f'{size >> 20} MiB')
        model.grow('big.gguf', size)
        model.describe('big.gguf', 'big.manifest')
        found = measure.alternate(list(named.values()), runs)
        points += [Point(name, size, measure.middle(found[job])) for name, job in named.items()]
    return sorted(points, key=lambda point: list(named).index(point.name))


def tsv(points):
    lines = ['\t'.join(FIELDS)]
    for point in points:
        lines.append(f'{point.name}\t{point.bytes}\t{point.run.seconds:.6f}\t{point.run.cpu:.6f}\t{point.run.kib}')
    return '\n'.join(lines) + '\n'


def named_size(size):
    return f'{size // GIB} GiB' if size % GIB == 0 else f'{size / (1 << 20):g} MiB'


def shape(costs):
    """How the COSTS of a GiB, smaller files first, are far from one number: the most that a larger file's is above a smaller one's, the most that
    any is above any other, and a word for it."""
    rise = max([later / earlier for i, earlier in enumerate(costs) for later in costs[i + 1:]] or [1])
    spread = max(costs) / min(costs)
    return rise, spread, 'ok' if spread <= MARGIN else 'start' if rise <= MARGIN else 'above'


def tables(points, markdown):
    """Seconds a GiB, and peak memory."""
    if not points:
        return 'nothing was measured\n'
    sizes = sorted({point.bytes for point in points})
    costs, peaks = [], []
    for name in dict.fromkeys(point.name for point in points):
        own = [point for point in points if point.name == name]
        each = [point.run.seconds / point.bytes * GIB for point in own]
        rise, spread, word = shape(each)
        costs.append([name] + [f'{cost:.3f}' for cost in each] + [f'{rise:.2f}', f'{spread:.2f}', word])
        peaks.append([name] + [f'{point.run.kib / 1024:.1f}' for point in own])
    head = [''] + [named_size(size) for size in sizes]
    made = table.markdown if markdown else table.plain
    return ('Seconds for each GiB of the file:\n\n' + made(head + ['rise', 'spread', ''], costs) +
            '\nMiB of memory at the peak:\n\n' + made(head, peaks))
