"""What was measured on, and with what: the head of every table."""
import os
import platform
import shutil
import subprocess
import time

# what SHA-256 is computed with, where it is there
INSTRUCTIONS = {'x86_64': ('ssse3', 'avx2', 'avx512f', 'avx512bw', 'sha_ni'), 'aarch64': ('asimd', 'sha2')}


def printed(*words):
    """What a command prints, its errors included; empty where it is not there."""
    try:
        return subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ''


def first_line(*words):
    return (printed(*words).splitlines() or ['lacks'])[0]


def processor_facts():
    """The fields of the first processor; names as on x86, which other kinds have others for."""
    facts = {}
    with open('/proc/cpuinfo') as lines:
        for line in lines:
            name, _, value = line.partition(':')
            facts.setdefault(name.strip(), value.strip())
    return facts


def processor():
    facts = processor_facts()
    name = facts.get('model name')
    if not name:  # arm64
        name = ' '.join(f'{field} {facts[field]}' for field in ('CPU implementer', 'CPU part') if field in facts) or platform.machine()
    return f'{name}, family {facts["cpu family"]} model {facts["model"]}' if 'cpu family' in facts and 'model' in facts else name


def instructions():
    facts = processor_facts()
    there = (facts.get('flags') or facts.get('Features') or '').split()
    known = INSTRUCTIONS.get(platform.machine(), ())
    return ', '.join(name if name in there else f'no {name}' for name in known) or 'not known here'


def links_libcrypto(program):
    path = shutil.which(program)
    return bool(path) and 'libcrypto' in printed('ldd', path)


def memory_gib():
    return os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30


def file_system(folder):
    device = os.stat(folder).st_dev
    with open('/proc/self/mountinfo') as mounts:
        for fields in map(str.split, mounts):
            if fields[2] == f'{os.major(device)}:{os.minor(device)}':
                return fields[fields.index('-') + 1]
    return 'not known'


def sha256sum():
    """The version, and whose code computes: Debian 12's is its own, later ones ask libcrypto."""
    return f'{first_line("sha256sum", "--version")}, {"through libcrypto" if links_libcrypto("sha256sum") else "its own code"}'


def load():
    return ' '.join(f'{load:.2f}' for load in os.getloadavg())


def facts(folder, path):
    """Pairs of name and value. FOLDER is where the files lie, PATH the way SHA-256 is computed."""
    return [('date', time.strftime('%Y-%m-%d', time.gmtime())), ('processor', processor()),
            ('processors', str(len(os.sched_getaffinity(0)))), ('instructions', instructions()), ('SHA-256 path', path),
            ('memory', f'{memory_gib():.0f} GiB'), ('kernel', f'{platform.system()} {platform.release().split("-")[0]}'),
            ('file system', file_system(folder)), ('load before', load()),
            ('compiler', first_line(*os.environ.get('CC', 'cc').split(), '--version')), ('openssl', first_line('openssl', 'version')),
            ('sha256sum', sha256sum()), ('b3sum', first_line('b3sum', '--version')), ('minisign', first_line('minisign', '-v')),
            ('cp, sync', first_line('cp', '--version'))]
