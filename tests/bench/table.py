"""Tables for a terminal and for a page."""


class Lacks(Exception):
    """A page without the place for a table."""


def plain(head, rows):
    """A row that begins with `= ` begins a group."""
    widths = [max(len(row[i]) for row in [head] + rows) for i in range(len(head))]
    numbers = [all(row[i][:1].isdigit() or not row[i] for row in rows) for i in range(len(head))]

    def line(row):
        return ('\n' if row[0].startswith('= ') else '') + '  '.join(cell.rjust(width) if number else cell.ljust(width) for cell, width, number in zip(row, widths, numbers)).rstrip()
    return '\n'.join(line(row) for row in [head] + rows) + '\n'


def quoted(command):
    mark = '= ' if command.startswith('= ') else ''
    return f'{mark}`{command[len(mark):]}`'


def markdown(head, rows, code=0):
    """The first CODE cells of a row are commands."""
    lines = ['| ' + ' | '.join(head) + ' |', '| ' + ' | '.join('---' for _ in head) + ' |']
    for row in rows:
        cells = [quoted(cell) if i < code else cell for i, cell in enumerate(row)]
        lines.append('| ' + ' | '.join(cell.replace('|', '\\|') for cell in cells) + ' |')
    return '\n'.join(lines) + '\n'


def around(path, name):
    """What stands before and after the place for NAME in the page PATH, its marks included."""
    begin, end = f'<!-- {name} begin -->\n', f'<!-- {name} end -->\n'
    with open(path) as file:
        before, first, rest = file.read().partition(begin)
    _, last, after = rest.partition(end)
    if not first or not last:
        raise Lacks(f'{path} has no place for {name}: the lines {begin.strip()} and {end.strip()}')
    return before + begin, end + after


def into(path, name, text):
    """Puts TEXT there."""
    before, after = around(path, name)
    with open(path, 'w') as file:
        file.write(before + '\n' + text + '\n' + after)
