"""The machine's memory, which measurements of much writing depend on."""
import contextlib
import ctypes
import mmap
import os
import shlex

SPARE = 1 << 30  # bytes of the free memory that are left alone
GROUPS = ('/sys/fs/cgroup/memory', '/sys/fs/cgroup')  # version 1, version 2
PAGES = 5 << 29  # bytes for a command that makes a large file, and for what it writes
LIMITS = ('memory.limit_in_bytes', 'memory.max')


def in_hand(size):
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


def read_in(path):
    """The file PATH has been read twice, so that the system keeps its pages as ones that are used, where they fit: what is served from it then
    costs no device, and not whatever the machine did with its pages since they were written. False where they do not fit beside PAGES."""
    block = bytearray(1 << 20)
    for _ in range(2):
        with open(path, 'rb', buffering=0) as file:
            while file.readinto(block):
                pass
    with open('/proc/meminfo') as file:
        total = next(int(line.split()[1]) for line in file if line.startswith('MemTotal:')) * 1024
    return os.path.getsize(path) + PAGES + SPARE <= total


@contextlib.contextmanager
def bounded(size):
    """What starts a command, to be put before it, whose memory and whose pages in the cache of files are SIZE bytes at most, so that a large file
    is written through the same memory over and over; empty where no control group can be made."""
    for folder, limit in zip(GROUPS, LIMITS):
        group = os.path.join(folder, f'minimodel-bench-{os.getpid()}')
        try:
            os.mkdir(group)
        except OSError:
            continue
        try:
            with open(os.path.join(group, limit), 'w') as file:
                file.write(str(size))
        except OSError:
            os.rmdir(group)
            continue
        try:
            yield 'sh -c ' + shlex.quote(f'echo $$ > {group}/cgroup.procs && exec "$@"') + ' sh'
        finally:
            os.rmdir(group)
        return
    yield ''
