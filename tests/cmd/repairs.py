#!/usr/bin/env python3
"""What the scenarios of slm-repair need and a shell is clumsy at.

    repairs.py noise FILE BYTES [SEED]          random bytes, the same each time
    repairs.py damage FILE SIZE INDEX...        changes a byte in the middle of each of these chunks
    repairs.py ruin FILE SIZE INDEX...          changes every byte of each of these chunks
    repairs.py good FILE WHOLE SIZE             the numbers of the chunks that both files have alike
    repairs.py kill FOLDER KILLS COMMAND...     FOLDER/whole is the file as it should be, FOLDER/damaged what COMMAND, which mends FOLDER/target,
                                                begins with; COMMAND is killed at random moments, KILLS times. Prints what was wrong, then counts
    repairs.py sectors ROUNDS PROGRAM           whole/m.bin, d/m.bin and the copies a/, b/ and c/: sectors of the copies are broken at random. What some
                                                copy can give of each sector has to be in the file then. Prints what is wrong
    repairs.py seeds FOLDER                     bad ranges for the fuzzers, in FOLDER/bad_ranges
    repairs.py swap TARGET OTHER COMMAND...     puts OTHER in TARGET's place while COMMAND runs; prints how it ended
"""
import os
import random
import signal
import subprocess
import sys
import time


def noise(path, count, seed="1"):
    source = random.Random(seed)
    with open(path, "wb") as out:
        left = int(count)
        while left:
            part = min(left, 1 << 20)
            out.write(source.randbytes(part))
            left -= part


def damage(path, size, *indexes):
    length = os.path.getsize(path)
    with open(path, "r+b") as file:
        for index in indexes:
            begin, end = int(index) * int(size), min((int(index) + 1) * int(size), length)
            file.seek((begin + end) // 2)
            byte = file.read(1)
            file.seek((begin + end) // 2)
            file.write(bytes([byte[0] ^ 0x55]))


def ruin(path, size, *indexes):
    length = os.path.getsize(path)
    with open(path, "r+b") as file:
        for index in indexes:
            begin, end = int(index) * int(size), min((int(index) + 1) * int(size), length)
            file.seek(begin)
            old = file.read(end - begin)
            file.seek(begin)
            file.write(bytes(byte ^ 0x55 for byte in old))


def chunks(path, size):
    if not os.path.exists(path):
        return []
    with open(path, "rb") as file:
        return list(iter(lambda: file.read(int(size)), b""))


def good_chunks(path, whole, size):
    return {i for i, (a, b) in enumerate(zip(chunks(path, size), chunks(whole, size))) if a == b}


def good(path, whole, size):
    print(*sorted(good_chunks(path, whole, size)))


def fresh(folder):
    for name in os.listdir(folder):
        if name == "target" or name.startswith(".minimodel-repair-"):
            os.unlink(os.path.join(folder, name))
    with open(os.path.join(folder, "damaged"), "rb") as old, open(os.path.join(folder, "target"), "wb") as new:
        new.write(old.read())


def kill(folder, kills, *command):
    target, whole = os.path.join(folder, "target"), os.path.join(folder, "whole")
    source, killed, ended, went_on, wrong, number = random.Random(int(kills)), 0, 0, 0, [], 0
    fresh(folder)
    began = time.monotonic()
    subprocess.run(command, capture_output=True, check=False)
    took = time.monotonic() - began
    fresh(folder)
    before = good_chunks(target, whole, 65536)
    first = before
    while killed < int(kills) and number < 6 * int(kills) and not wrong:
        number += 1
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            child.wait(timeout=source.uniform(0, took))
        except subprocess.TimeoutExpired:
            child.kill()
        _, errors = child.communicate()
        now = good_chunks(target, whole, 65536)
        if not before <= now:
            wrong.append(f"round {number}: chunks {sorted(before - now)} were right and are not")
        if child.returncode == -signal.SIGKILL:
            killed += 1
            went_on += first < now and len(now) < len(chunks(whole, 65536))
            before = now
        elif child.returncode == 0:
            ended += 1
            if chunks(target, 65536) != chunks(whole, 65536):
                wrong.append(f"round {number}: ended with 0, and the file is not whole")
            fresh(folder)
            before = first
        else:
            wrong.append(f"round {number}: ended with {child.returncode}: {errors.decode()[:300]}")
    last = subprocess.run(command, capture_output=True, check=False)
    if last.returncode or chunks(target, 65536) != chunks(whole, 65536):
        wrong.append(f"after all that: {last.returncode} {last.stderr.decode()[:300]}")
    print("\n".join(wrong[:5] + [f"killed {killed} ended {ended} half-way {went_on}"]))


def swap(target, other, *command):
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with open(target, "rb") as file:
        begin = file.read()
    while child.poll() is None:
        with open(target, "rb") as file:
            if file.read() != begin:
                os.rename(other, target)
                break
    _, errors = child.communicate()
    print(child.returncode, "io-changed" if b"[io-changed]" in errors else errors.decode()[:200])


def sectors(rounds, program):
    chance, names, count = random.Random(5), "abc", 21
    for number in range(int(rounds)):
        with open("whole/m.bin", "rb") as whole, open("d/m.bin", "wb") as target:
            target.write(whole.read())
        ruined = sorted(chance.sample(range(count - 1), 6))
        ruin("d/m.bin", 65536, *ruined)
        broken = {name: {(c, s) for c in ruined for s in range(16) if chance.random() < 0.2} for name in names}
        fault = ",".join(f"{os.stat(name + '/m.bin').st_ino}:{c * 65536 + s * 4096 + chance.randrange(4096)}" for name in names for c, s in sorted(broken[name]))
        done = subprocess.run([program, "-q", "--force", "--from", "a", "--from", "b", "--from", "c", "d/m.bin"], env=dict(os.environ, FAULT_SECTOR=fault), capture_output=True, check=False)
        lost = {c for c in ruined if any(all((c, s) in broken[name] for name in names) for s in range(16))}
        found = set(range(count)) - good_chunks("d/m.bin", "whole/m.bin", 65536)
        if found != lost or done.returncode != (3 if lost else 0):
            print(f"round {number}: expected {sorted(lost)}, found {sorted(found)}, exit {done.returncode} {done.stderr.decode()[:200]}")


def seeds(folder):
    folder = os.path.join(folder, "bad_ranges")
    os.makedirs(folder, exist_ok=True)
    texts = ["", "0\t0\t65536\tm.bin\n", "1\t65536\t65536\ta/b c.gguf\n3\t196608\t3393\ta/b c.gguf\n", "0\t0\t1\t\\x09\n", "9223372036854775807\t0\t0\t\u00e9\n",
             "0\t0\t65536\tm.bin", "0\t0\t65536\t\n", "00\t0\t1\tm\n", "\n"]
    for number, text in enumerate(texts):
        with open(os.path.join(folder, f"{number}"), "w", encoding="utf-8", newline="") as out:
            out.write(text)


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    {"noise": noise, "damage": damage, "ruin": ruin, "good": good, "kill": kill, "swap": swap, "seeds": seeds, "sectors": sectors}[what](*rest)
