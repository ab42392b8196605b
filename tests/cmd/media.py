#!/usr/bin/env python3
"""What the scenarios of media need and a shell is clumsy at.

    media.py state FOLDER SOURCE            "complete" or "incomplete" for each medium in FOLDER that is sound: a file under an artifact's name is SOURCE's, a chunk has its
                                            name's hash, a complete medium has all that its index names; otherwise what is wrong
    media.py kill FOLDER SOURCE N COMMAND...   runs COMMAND, which exports to FOLDER, and kills it at N random moments; then once more to its end
    media.py many FOLDER N MANIFEST         N folders with a manifest each, of models that differ by name alone, and their file as a hard link
    media.py short FOLDER                   names as a file system without long names leaves them
    media.py calls FOLDER ERRNO COMMAND...  COMMAND with the device of FOLDER gone after more and more calls: "N STATUS" for each, until it answers 0
"""
import hashlib
import os
import random
import signal
import subprocess
import sys
import time


def sha256(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def files(folder):
    return [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]


def fault_of(medium, source):
    for path in files(medium):
        name, below = os.path.basename(path), os.path.relpath(path, medium)
        if name.startswith(".minimodel-"):
            continue
        if ".chunkset/" in below:
            if sha256(path) != name:
                return f"{below} is no chunk of its name"
        elif "/files/" in below and not name.endswith((".chunks", ".chunks.gz")):
            if sha256(path) != sha256(os.path.join(source, below.split("/files/")[1])):
                return f"{below} is not the source's"
    return None


def state(folder, source):
    media = [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.isdigit()] or [folder]
    for medium in media:
        fault = fault_of(medium, source)
        index = os.path.join(medium, "SHA256SUMS")
        if os.path.exists(index):
            done = subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=medium, capture_output=True)
            left = [path for path in files(medium) if os.path.basename(path).startswith(".minimodel-")]
            fault = fault or done.stdout.decode()[:300] or (f"left {left[0]}" if left else None)
        print(fault or ("complete" if os.path.exists(index) else "incomplete"))


def kill(folder, source, times, *command):
    chance, killed, began = random.Random(int(times)), 0, time.monotonic()
    subprocess.run(command, capture_output=True, check=True)
    took = time.monotonic() - began
    subprocess.run(["rm", "-rf", folder], check=True)
    for _ in range(int(times)):
        if os.path.exists(os.path.join(folder, "SHA256SUMS")) or os.path.exists(os.path.join(folder, "1", "SHA256SUMS")):
            subprocess.run(["rm", "-rf", folder], check=True)
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            child.wait(timeout=chance.uniform(0, took))
        except subprocess.TimeoutExpired:
            child.kill()
        errors = child.communicate()[1]
        killed += child.returncode == -signal.SIGKILL
        if child.returncode not in (0, -signal.SIGKILL):
            print(f"ended with {child.returncode}: {errors.decode()[:200]}")
        if os.path.exists(folder):
            fault = fault_of(folder, source)
            if fault:
                print(fault)
    print(f"killed {'some' if killed else 'none'}")
    done = subprocess.run([*command, "--force"], capture_output=True)
    print(f"then {done.returncode}{done.stderr.decode()[:200]}")


def many(folder, count, manifest):
    text = open(manifest).read()
    source = os.path.dirname(manifest)
    name = next(line.split("/", 1)[1] for line in text.splitlines() if line.startswith("model-id: "))
    for number in range(int(count)):
        at = os.path.join(folder, str(number))
        os.makedirs(at)
        with open(os.path.join(at, "m.manifest"), "w") as out:
            out.write(text.replace(f"/{name}\n", f"/{name}-{number}\n"))
        for path in os.listdir(source):
            if path != os.path.basename(manifest):
                os.link(os.path.join(source, path), os.path.join(at, path))


def short(folder):
    for at, folders, names in os.walk(folder, topdown=False):
        for number, name in enumerate(sorted(folders + names)):
            stem, dot, ending = name.upper().partition(".")
            stem = stem if len(stem) <= 8 and "." not in ending and len(ending) <= 3 else f"{stem[:6]}~{number + 1}"
            os.rename(os.path.join(at, name), os.path.join(at, stem + dot + ending.split(".")[-1][:3]))


def calls(folder, error, *command):
    device, number = os.stat(folder).st_dev, 1
    while number < 200000:
        env = dict(os.environ, FAULT_GONE=f"{device}:{number}:{error}")
        done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
        print(number, done.returncode)
        if done.returncode == 0:
            return
        number = number + 1 + number // 2


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    {"state": state, "kill": kill, "many": many, "short": short, "calls": calls}[what](*rest)
