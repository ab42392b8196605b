#!/usr/bin/env python3
"""Changes a file while a command reads it: the command is stopped half-way, the file changed, the command goes on.

    meddle.py grow|shrink|write|replace chunk-merkle|verify|make|info
    meddle.py term chunk-merkle|verify|make     ends the command half-way, with an output file asked for

Exit 0: the command said so as it should. 1: it did not (printed). 2: it could not be stopped half-way (printed).
"""

import os
import signal
import subprocess
import sys
import tempfile
import time

SIZE = 640 << 20
ZEROS = SIZE // 65536


def mapped(pid, inode):
    """The offset of the last part of the file that the process has mapped, 0 for none."""
    with open(f"/proc/{pid}/maps") as maps:
        parts = [line.split() for line in maps]
    return max((int(part[2], 16) for part in parts if part[4] == str(inode)), default=0)


def position(pid, inode):
    """How far the process has read the file, -1 if it has it not open."""
    try:
        for number in os.listdir(f"/proc/{pid}/fd"):
            if os.stat(f"/proc/{pid}/fd/{number}").st_ino == inode:
                with open(f"/proc/{pid}/fdinfo/{number}") as info:
                    return max(int(info.readline().split()[1]), mapped(pid, inode))
    except OSError:
        pass
    return -1


def change(how, path):
    if how == "grow":
        os.truncate(path, SIZE + 1)
    elif how == "shrink":
        os.truncate(path, SIZE - 65536)
    elif how == "write":
        with open(path, "r+b") as file:
            file.write(b"x")
    elif how == "replace":
        os.truncate(path + ".new", 0) if os.path.exists(path + ".new") else open(path + ".new", "wb").close()
        os.rename(path + ".new", path)


MANIFEST = """minimodel-manifest 0
model-id: local/big
version: 0
revision: 1
display-name: big
publisher-id: local
key-id: none
signature-scheme: none
created: 2026-01-01T00:00:00Z
license: MIT
license-route: none
model-card-route: none
takedown-route: none
source-lane: original
architecture: unknown
quantization: unknown
peer-hint: none
artifact: big
artifact-role: weights
artifact-format: opaque
artifact-bytes: {0}
artifact-sha256: {1}
chunk-scheme: fixed-size-merkle-v0
chunk-size: 65536
chunk-count: {2}
merkle-root: {1}
"""


def main():
    how, what = sys.argv[1:]
    with tempfile.TemporaryDirectory(dir=".") as folder:
        path, output = os.path.join(folder, "big"), os.path.join(folder, "output")
        open(path, "wb").close()
        os.truncate(path, SIZE)
        with open(os.path.join(folder, "m.manifest"), "w") as file:
            file.write(MANIFEST.format(SIZE, "00" * 32, ZEROS))
        term = how == "term"
        command = {"chunk-merkle": ["chunk-merkle", "-s", "65536"] + (["-l", output] if term else []) + [path],
                   "verify": ["slm-verify"] + (["-b", output] if term else []) + [os.path.join(folder, "m.manifest")],
                   "make": ["manifest-make", "-p", "--role", "big=weights"] + (["-o", output] if term else []) + [path],
                   "info": ["slm-info", path]}[what]
        inode, before = os.stat(path).st_ino, sorted(os.listdir(folder))
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while position(process.pid, inode) <= 0 and process.poll() is None:
            time.sleep(0.001)
        if process.poll() is None:
            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        if not 0 < position(process.pid, inode) < SIZE - 65536:
            process.kill()
            print("the command was not caught while it read")
            return 2
        if term:
            process.send_signal(signal.SIGTERM)
        else:
            change(how, path)
        process.send_signal(signal.SIGCONT)
        try:
            out, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            print("the command does not end")
            return 1
        if term:
            good = process.returncode == -signal.SIGTERM and sorted(os.listdir(folder)) == before
        elif what == "verify":  # whatever the manifest says of the file, its bytes were not judged
            good = process.returncode == 3 and b"[io-changed]" in err and b"check: sha256 skip" in out and b"verdict: partial" in out
        else:
            good = process.returncode == 3 and b"[io-changed]" in err and not out
        if not good:
            print(f"exit {process.returncode}, {sorted(os.listdir(folder))}, {out[:300]!r}, {err[:300]!r}")
        return 0 if good else 1


sys.exit(main())
