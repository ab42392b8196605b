"""Manifests of 40 lines for the measurement of manifest-lint."""
import os

from catalogs import manifest


def make(count):
    """COUNT of them beneath ../lint, apart from the model, whose folder slm-verify looks through; their names in lint.list and, ended by NUL, in lint.list0."""
    names = []
    for number in range(count):
        folder = f'../lint/{number // 1000:04}'
        os.makedirs(folder, exist_ok=True)
        text = manifest(number, 'none', tags=(), license_route='README.md', papers=(('README.md', 'card'),))
        assert text.count('\n') == 40
        names.append(f'{folder}/{number:06}.manifest')
        with open(names[-1], 'w') as file:
            file.write(text)
    for path, end in (('lint.list', '\n'), ('lint.list0', '\0')):
        with open(path, 'w') as file:
            file.write(''.join(name + end for name in names))
