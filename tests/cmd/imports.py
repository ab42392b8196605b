#!/usr/bin/env python3
"""What the scenarios of the importer and the store need and a shell is clumsy at.

    imports.py set FILE SIZE FOLDER [SKIPPED]...   the chunks of FILE as a chunk set, without those of these numbers
    imports.py edit FILE OLD NEW                   replaces text; it has to be there
    imports.py kill HOME KILLS COMMAND...          runs COMMAND and kills it at random moments, KILLS times
    imports.py end HOME SIGNAL COMMAND...          sends a signal once the command has begun to write, prints how it ended
    imports.py peak COMMAND...                     its largest resident set in KiB, and its exit status
    imports.py same-time N COMMAND...              N processes of COMMAND at once; {} in it is the number of each. Prints the statuses
    imports.py lines KEY...                        standard input is JSON Lines; each has exactly these keys
"""

import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import time


def chunk_set(path, size, folder, *skipped):
    with open(path, "rb") as file:
        for number, chunk in enumerate(iter(lambda: file.read(int(size)), b"")):
            if str(number) in skipped:
                continue
            name = hashlib.sha256(chunk).hexdigest()
            os.makedirs(os.path.join(folder, name[:2]), exist_ok=True)
            with open(os.path.join(folder, name[:2], name), "wb") as out:
                out.write(chunk)


def edit(path, old, new):
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    if old not in text:
        sys.exit(f"{old!r} is not in {path}")
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write(text.replace(old, new))


def start(command):
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def models(home):
    """The files under models/ by path; the one model of the loop has to be there whole or not at all."""
    found = {}
    for folder, _, names in os.walk(os.path.join(home, "models")):
        for name in names:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, home)] = os.path.getsize(path)
    return found


def facts_of(text):
    return dict(line.split(": ", 1) for line in text.decode().splitlines() if ": " in line)


def timed(command):
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, check=False)
    return done, time.monotonic() - began


def clear(home, command, number, wrong):
    """What came in is whole, with a receipt after one more call; then it is removed."""
    again = subprocess.run(command, capture_output=True, check=False)
    check = subprocess.run(["slm-check", "-q", "--home", home], capture_output=True, check=False)
    if again.returncode or check.returncode:
        wrong.append(f"round {number}: {check.stdout.decode()[:200]} {check.stderr.decode()[:200]} {again.stderr.decode()[:200]}")
    name = facts_of(again.stdout).get("model-id", "")
    subprocess.run(["slm-remove", "-q", "--home", home, name], capture_output=True, check=False)


def kill(home, kills, *command):
    """Nothing is ever under models/ that is not whole, and what was kept and what was copied make the model. Prints what was wrong, then
    how many were killed, how many imports came in, and how many of those took bytes up that an earlier one had left."""
    source, killed, came, resumed, number, wrong = random.Random(int(kills)), 0, 0, 0, 0, []
    done, took = timed(command)
    clear(home, command, number, wrong)
    while killed < int(kills) and number < 5 * int(kills) and not wrong:
        number += 1
        child = start(command)
        try:
            child.wait(timeout=source.uniform(0, took))
        except subprocess.TimeoutExpired:
            child.kill()
        out, errors = child.communicate()
        if child.returncode == -signal.SIGKILL:
            killed += 1
        elif child.returncode == 0:
            facts = facts_of(out)
            parts = [int(facts[key + "-bytes"]) for key in ("copied", "kept", "reused", "linked")]
            if facts["state"] == "imported" and sum(parts) != int(facts["total-bytes"]):
                wrong.append(f"round {number}: {parts} do not make {facts['total-bytes']} bytes")
            came += facts["state"] == "imported"
            resumed += facts["state"] == "imported" and parts[1] > 0
        else:
            wrong.append(f"round {number}: ended with {child.returncode}: {errors.decode()[:200]}")
        if models(home):
            clear(home, command, number, wrong)
    print("\n".join(wrong[:5] + [f"killed {killed} imported {came} resumed {resumed}"]))


def end(home, number, *command):
    child = start(command)
    partial = os.path.join(home, "store", "partial")
    while child.poll() is None:
        if any(os.path.basename(folder) == "files" and names for folder, _, names in os.walk(partial)):
            break
    asked = time.monotonic()
    child.send_signal(int(number))
    child.communicate()
    late = "late" if time.monotonic() - asked > 1 else "at once"
    print(f"{child.returncode} {late}")


def peak(*command):
    done = subprocess.run(command, stdout=subprocess.DEVNULL, check=False)
    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, done.returncode)


def same_time(count, *command):
    children = [start([word.replace("{}", str(number)) for word in command]) for number in range(int(count))]
    texts = [child.communicate() for child in children]
    print(" ".join(str(child.returncode) for child in children))
    for out, errors in texts:
        print((out + errors).decode(errors="replace"), end="")


def lines(*keys):
    count = 0
    for line in sys.stdin:
        value = json.loads(line)
        count += 1
        if sorted(value) != sorted(keys):
            print(f"line {count} has {sorted(value)}")
    print(count)


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    {"set": chunk_set, "edit": edit, "kill": kill, "end": end, "peak": peak, "same-time": same_time, "lines": lines}[what](*rest)
