#!/usr/bin/env python3
"""Changes one byte after the other and asks slm-verify what it says of each. Prints one line for each wrong answer.

    sweep.py artifact MANIFEST FILE STEP [OPTION...]    every STEP-th byte of FILE
    sweep.py manifest MANIFEST                          every byte of MANIFEST, its SHA-256 being pinned
"""

import hashlib
import subprocess
import sys


def verify(*arguments):
    done = subprocess.run(["slm-verify", *arguments], capture_output=True, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def artifact(manifest, path, step, *options):
    with open(manifest) as file:
        size = int(next(line.split(": ")[1] for line in file if line.startswith("chunk-size: ")))
    with open(path, "r+b", buffering=0) as file:
        data = file.read()
        for at in [*range(0, len(data), int(step)), len(data) - 1]:
            file.seek(at)
            file.write(bytes([data[at] ^ 1]))
            code, out, err = verify(*options, manifest)
            begin = at // size * size
            chunk = f"chunk {at // size} bytes {begin}-{min(begin + size, len(data)) - 1}"
            if code != 1 or "verdict: fail\n" not in out or chunk not in out or chunk not in err:
                print(f"byte {at}: exit {code}, without '{chunk}' or a failing verdict: {err[:200]!r}")
            file.seek(at)
            file.write(data[at:at + 1])


def manifest(path):
    with open(path, "r+b", buffering=0) as file:
        data = file.read()
        pin = "--manifest-sha256=" + hashlib.sha256(data).hexdigest()
        if verify(pin, path)[0] != 0:
            print("the unchanged manifest does not pass")
        for at in range(len(data)):
            for flip in (1, 0x80):
                file.seek(at)
                file.write(bytes([data[at] ^ flip]))
                code, _, err = verify(*(["--quick"] if flip == 1 else []), pin, path)
                if code != 1 or "[verify-manifest-sha256]" not in err:
                    print(f"byte {at} ^ {flip}: exit {code}: {err[:200]!r}")
            file.seek(at)
            file.write(data[at:at + 1])


def main():
    {"artifact": artifact, "manifest": manifest}[sys.argv[1]](*sys.argv[2:])


main()
