#!/usr/bin/env python3
"""Draws how cost grows with a file's size, from the figures of `make bench-growth`: what a GiB costs, and peak memory.

usage: plot.py FIGURES.tsv [PLOT.svg]   without PLOT.svg to standard output; the same figures make the same bytes"""
import math
import sys
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 860, 400
TOP, FLOOR = 46, 300          # of both panels
PANELS = ((62, 412), (500, 842))  # left and right ends
MARKS = ('circle', 'square', 'diamond', 'up', 'ring', 'down')
GIB, MIB = 1 << 30, 1 << 20

# Readable on white and on black; a mark of its own beside each colour.
STYLE = '''
text { font: 12px sans-serif; fill: #333 }
.name { font-size: 13px; font-weight: bold }
.grid { stroke: #ddd } .axis { stroke: #888 }
.s0 { --c: #1664c0 } .s1 { --c: #b3500b } .s2 { --c: #1a7f4b } .s3 { --c: #777 } .s4 { --c: #8a3fb0 } .s5 { --c: #a33050 }
.line { fill: none; stroke: var(--c); stroke-width: 2 } .mark { fill: var(--c); stroke: var(--c) } .ring { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
text { fill: #ddd } .grid { stroke: #3a3a3a }
.s0 { --c: #6cb0ff } .s1 { --c: #f0a050 } .s2 { --c: #5cd090 } .s3 { --c: #aaa } .s4 { --c: #cf9cf0 } .s5 { --c: #ff8ca8 }
}
'''


def read(path):
    """Names in their order, and for each a list of (bytes, seconds, MiB of memory)."""
    series = {}
    with open(path) as file:
        fields = file.readline().rstrip('\n').split('\t')
        for line in file:
            row = dict(zip(fields, line.rstrip('\n').split('\t')))
            series.setdefault(row['name'], []).append((int(row['bytes']), float(row['seconds']), int(row['kib']) / 1024))
    if not series:
        sys.exit(f'plot: {path} holds no figures')
    return {name: sorted(points) for name, points in series.items()}


def size_name(size):
    return f'{size // GIB} GiB' if size % GIB == 0 else f'{size / MIB:g} MiB'


def step_of(most):
    """The distance of lines, a round number, so that there are about five below MOST."""
    power = 10 ** math.floor(math.log10(most / 5))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor * 5 >= most)


def mark(kind, x, y):
    if kind in ('circle', 'ring'):
        return f'<circle class="mark{" ring" if kind == "ring" else ""}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
    corners = {'square': ((-4, -4), (4, -4), (4, 4), (-4, 4)), 'diamond': ((0, -5), (5, 0), (0, 5), (-5, 0)),
               'up': ((0, -5), (5, 4), (-5, 4)), 'down': ((0, 5), (5, -4), (-5, -4))}[kind]
    return '<polygon class="mark" points="' + ' '.join(f'{x + dx:.1f},{y + dy:.1f}' for dx, dy in corners) + '"/>'


def panel(ends, title, series):
    """SERIES: for each name a list of (bytes, value)."""
    left, right = ends
    sizes = sorted({size for points in series.values() for size, _ in points})
    step = step_of(max(value for points in series.values() for _, value in points))
    lines = math.ceil(max(value for points in series.values() for _, value in points) / step)
    breadth = math.log2(sizes[-1] / sizes[0]) or 1

    def across(size):
        return left + 14 + (right - left - 28) * math.log2(size / sizes[0]) / breadth

    def up(value):
        return FLOOR - (FLOOR - TOP) * value / (step * lines)
    yield f'<text class="name" x="{left - 40}" y="{TOP - 20}">{escape(title)}</text>'
    for i in range(lines + 1):
        y = up(i * step)
        yield f'<line class="{"grid" if i else "axis"}" x1="{left}" y1="{y:.1f}" x2="{right}" y2="{y:.1f}"/>'
        yield f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{i * step:g}</text>'
    for size in sizes:
        yield f'<line class="axis" x1="{across(size):.1f}" y1="{FLOOR}" x2="{across(size):.1f}" y2="{FLOOR + 5}"/>'
        yield f'<text x="{across(size):.1f}" y="{FLOOR + 20}" text-anchor="middle">{size_name(size)}</text>'
    for i, points in enumerate(series.values()):
        places = [(across(size), up(value)) for size, value in points]
        yield f'<g class="s{i % len(MARKS)}"><polyline class="line" points="' + ' '.join(f'{x:.1f},{y:.1f}' for x, y in places) + '"/>'
        yield ''.join(mark(MARKS[i % len(MARKS)], x, y) for x, y in places) + '</g>'


def legend(names):
    for i, name in enumerate(names):
        x, y = PANELS[0][0] + i % 3 * 250, FLOOR + 52 + i // 3 * 22
        yield f'<g class="s{i % len(MARKS)}"><line class="line" x1="{x}" y1="{y}" x2="{x + 28}" y2="{y}"/>{mark(MARKS[i % len(MARKS)], x + 14, y)}</g>'
        yield f'<text x="{x + 36}" y="{y + 4}">{escape(name)}</text>'


def described(series):
    """What the plot shows, for who hears it."""
    return ' '.join(f'{name}: {points[0][1] / points[0][0] * GIB:.3f} seconds a GiB at {size_name(points[0][0])}, '
                    f'{points[-1][1] / points[-1][0] * GIB:.3f} at {size_name(points[-1][0])}; '
                    f'at most {max(peak for _, _, peak in points):.1f} MiB of memory.' for name, points in series.items())


def drawn(series):
    costs = {name: [(size, seconds / size * GIB) for size, seconds, _ in points] for name, points in series.items()}
    peaks = {name: [(size, peak) for size, _, peak in points] for name, points in series.items()}
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="title desc">',
             '<title id="title">Cost and memory by the size of the file</title>', f'<desc id="desc">{escape(described(series))}</desc>',
             f'<style>{STYLE}</style>', *panel(PANELS[0], 'seconds for each GiB, by file size', costs),
             *panel(PANELS[1], 'peak memory in MiB, by file size', peaks), *legend(series), '</svg>']
    return '\n'.join(parts) + '\n'


if __name__ == '__main__':
    if not 2 <= len(sys.argv) <= 3:
        sys.exit(__doc__)
    with open(sys.argv[2], 'w') if len(sys.argv) == 3 else sys.stdout as file:
        file.write(drawn(read(sys.argv[1])))
