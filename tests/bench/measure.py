"""Commands as whole processes, in turns: what each run took, medians, and ratios to a peer."""
import collections
import os
import shlex
import shutil
import signal
import subprocess

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILT = os.path.join(ROOT, os.environ.get('BUILD', 'build'), 'bench')
TIMED = os.path.join(BUILT, 'timed')

Run = collections.namedtuple('Run', 'seconds cpu kib')  # wall, user and system of the command and its children, largest process


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
        """The same started by another program; by none where PREFIX is empty."""
        if not prefix:
            return self
        job = Job(f'{prefix} {shlex.join(self.words)}', before=self.before)
        job.needs = [*job.needs, *self.needs]
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
