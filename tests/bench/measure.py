"""Commands as whole processes, in turns: what each run took, medians, and ratios to a peer."""
import collections
import ctypes
import mmap
import os
import shlex
import shutil
import signal
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILT = os.path.join(ROOT, os.environ.get('BUILD', 'build'), 'bench')
TIMED = os.path.join(BUILT, 'timed')

Run = collections.namedtuple('Run', 'seconds cpu kib')  # wall, user and system of the command and its children, largest process


SPARE = 1 << 30  # of the free memory, left alone


def memory_in_hand(size):
    """SIZE bytes of the memory that is free have been written once. A virtual machine gives free memory back to its host after some seconds; its
    next writer then waits for the host, up to ten times as long as a copy takes, and would be measured for that."""
    with open('/proc/meminfo') as file:
        free = next(int(line.split()[1]) for line in file if line.startswith('MemFree:')) * 1024
    size = min(size, free - SPARE)
    if size <= 0:
        return
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        first = ctypes.c_char.from_buffer(memory)
        ctypes.memset(ctypes.addressof(first), 1, size)
        del first


class Failed(Exception):
    """A command ended badly: nothing that it took means anything."""


class Job:
    """COMMAND is as one types it; one of several programs is a shell's, and NEEDS names them. BEFORE is called before each run, outside the
    measurement."""

    def __init__(self, command, needs=(), before=None):
        self.command, self.before = command, before
        self.words = ['sh', '-c', command] if needs else shlex.split(command)
        self.needs = needs or self.words[:1]

    def through(self, prefix):
        """The same started by another program."""
        job = Job(f'{prefix} {self.command}', before=self.before)
        job.needs = job.needs + self.needs
        return job

    def lacks(self):
        """The programs that are not there."""
        return ', '.join(program for program in self.needs if not shutil.which(program))

    def once(self):
        if self.before:
            self.before()
        child = subprocess.Popen([TIMED] + self.words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 errors='replace', start_new_session=True)
        try:
            out, errors = child.communicate()
        except BaseException:  # a signal: nobody writes any more when the folder is removed
            os.killpg(child.pid, signal.SIGTERM)
            child.wait()
            raise
        if child.returncode:
            raise Failed(f'{self.command}: ended with {child.returncode}: {errors.strip()[:400]}')
        seconds, cpu, kib = out.split()
        return Run(float(seconds), float(cpu), int(kib))


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def middle(runs):
    """The Run of medians."""
    return Run(*(median(values) for values in zip(*runs)))


def alternate(jobs, runs):
    """Each job once in each turn, every other turn in reverse; a turn that is not counted comes first. A list of Runs for each job."""
    found = {job: [] for job in jobs}
    for turn in range(runs + 1):
        for job in jobs if turn % 2 else list(reversed(jobs)):
            run = job.once()
            if turn:
                found[job].append(run)
    return found


def ratio(ours, theirs, figure):
    """Of the medians, and the median of the ratios turn by turn."""
    pairs = [(getattr(a, figure), getattr(b, figure)) for a, b in zip(ours, theirs)]
    return (median(a for a, _ in pairs) / max(median(b for _, b in pairs), 1e-6), median(a / max(b, 1e-6) for a, b in pairs))
