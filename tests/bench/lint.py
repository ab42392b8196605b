"""What many small things cost: manifests through manifest-lint, and small models through slm-verify.

usage: lint.py COUNT MODELS RUNS   in an empty folder: COUNT manifests of 40 lines beside `cat` of them through `wc`, and MODELS models of 20 KB beside
                                   sha256sum of their files
"""
import hashlib
import os
import re
import sys

from catalogs import artifact, manifest
from measure import Job, alternate, median, ratio
from table import plain

STATED = re.compile(r'^(architecture|quantization): .*\n', re.M)  # what weights that are opaque leave unknown
UNSTATED = re.compile(r'^(parameters|model-shape): .*\n', re.M)  # and what they leave out


def text_of(number):
    return manifest(number, 'none', tags=(), license_route='README.md', papers=(('README.md', 'card'),))


def write_list(name, paths):
    for path, end in ((name, '\n'), (name + '0', '\0')):
        with open(path, 'w') as file:
            file.write(''.join(entry + end for entry in paths))


def make_manifests(count):
    names = []
    for number in range(count):
        folder = f'manifests/{number // 1000:04}'
        os.makedirs(folder, exist_ok=True)
        text = text_of(number)
        assert text.count('\n') == 40
        names.append(f'{folder}/{number:06}.manifest')
        with open(names[-1], 'w') as file:
            file.write(text)
    write_list('manifests.list', names)


def make_models(count):
    names, files = [], []
    for number in range(count):
        folder = f'models/{number // 1000:04}/{number:06}'
        os.makedirs(folder)
        text = STATED.sub(r'\1: unknown\n', UNSTATED.sub('', text_of(number).partition('artifact: ')[0]))
        for path, role, form, data in (('README.md', 'card', 'text', b'a card\n' * 300), ('weights.dat', 'weights', 'opaque', os.urandom(18000))):
            digest = hashlib.sha256(data)
            text += artifact(path, role, form, len(data), digest.hexdigest()) + hashlib.sha256(b'\0' + digest.digest()).hexdigest() + '\n'
            files.append(f'{folder}/{path}')
            with open(files[-1], 'wb') as file:
                file.write(data)
        names.append(f'{folder}/m.manifest')
        with open(names[-1], 'w') as file:
            file.write(text)
    write_list('models.list', names)
    write_list('files.list', files)


def measure(jobs, runs):
    """The first of JOBS is the peer."""
    found = alternate(jobs, runs)
    rows = [[job.command, f'{median(run.seconds for run in taken):.3f}', f'{ratio(taken, found[jobs[0]], "seconds")[0]:.2f}',
             f'{median(run.cpu for run in taken):.3f}', f'{ratio(taken, found[jobs[0]], "cpu")[0]:.2f}', str(max(run.kib for run in taken))]
            for job, taken in found.items()]
    print(plain(['command', 'seconds', 'ratio', 'CPU', 'ratio', 'KiB'], rows))


def main():
    count, models, runs = (int(argument) for argument in sys.argv[1:])
    make_manifests(count)
    make_models(models)
    measure([Job('xargs -0 cat <manifests.list0 | wc', ['xargs', 'cat', 'wc']), Job('manifest-lint --files-from manifests.list'),
             Job('manifest-lint --threads 1 --files-from manifests.list'), Job('manifest-lint --json -0 --files-from manifests.list0')], runs)
    measure([Job('xargs -0 sha256sum <files.list0', ['xargs', 'sha256sum']), Job('slm-verify --files-from models.list'),
             Job('slm-verify --threads 1 --files-from models.list')], runs)


main()
