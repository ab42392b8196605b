"""Tampers with a chain of receipts in ways that keep hashes right, or not, and compares two opinions of it.

usage: chains.py SECOND HOME SEED COUNT    HOME: a sound chain; prints a line for each disagreement, and how many were sound
"""
import hashlib
import os
import random
import re
import shutil
import subprocess
import sys

sys.path.insert(0, sys.argv[1])
import receipts  # noqa: E402

WORDS = [b"pass", b"fail", b"skip", b"skip none", b"skip quick", b"none", b"yes", b"no", b"not-asked", b"consented", b"imported", b"removed", b"usb",
         b"local/tiny", b"local/other", b"0", b"1", b"-", b" ", b"\n", b"a" * 64, b"verified", b"partial", b"check: policy pass x\n", b"\xc2\xad"]


def change(source, data):
    """One edit of a text: a line dropped, doubled or moved, a word or a byte exchanged."""
    lines = data.split(b"\n")
    at, way = source.randrange(len(lines) - 1), source.randrange(6)
    if way == 0:
        del lines[at]
    elif way == 1:
        lines.insert(at, lines[at])
    elif way == 2:
        lines.insert(source.randrange(len(lines) - 1), lines.pop(at))
    elif way == 3:
        words = lines[at].split(b" ")
        words[source.randrange(len(words))] = source.choice(WORDS)
        lines[at] = b" ".join(words)
    elif way == 4:
        lines[at] = lines[at] + source.choice(WORDS)
    elif lines[at]:
        spot = source.randrange(len(lines[at]))
        lines[at] = lines[at][:spot] + bytes([source.choice(b"\0\t\r :/0aZ\xff")]) + lines[at][spot + 1:]
    return b"\n".join(lines)


def rechain(home, texts):
    """Writes receipts and a log in which every hash is right."""
    shutil.rmtree(home)
    os.makedirs(home + "/receipts")
    os.mkdir(home + "/store")
    previous, log = b"none", b"minimodel-receipts 0\n"
    for text in texts:
        text = re.sub(rb"(?m)^previous-receipt: [0-9a-f]{64}$", b"previous-receipt: " + previous, text)
        digest = hashlib.sha256(text).hexdigest()
        model = re.search(rb"(?m)^model-id: ([a-z]+/[a-z]+)$", text)
        time = re.search(rb"(?m)^created: (\d{4})-(\d\d)-(\d\dT\d\d):(\d\d):(\d\dZ)$", text)
        name = f"{(model[1] if model else b'local/tiny').decode()}/{(b''.join(time.groups()) if time else b'20260101T000000Z').decode()}-{digest[:16]}.receipt"
        os.makedirs(os.path.dirname(f"{home}/receipts/{name}"), exist_ok=True)
        open(f"{home}/receipts/{name}", "wb").write(text)
        log += f"receipt: {digest} {name}\n".encode()
        previous = digest.encode()
    open(home + "/receipts.log", "wb").write(log)


def files_of(home):
    log = open(home + "/receipts.log", "rb").read()
    return [home + "/receipts/" + line.split(b" ")[2].decode() for line in log.split(b"\n")[1:-1]]


def tamper(source, home):
    files, way = files_of(home), source.randrange(5)
    one, other = source.sample(files, 2)
    if way <= 1:
        texts = [open(file, "rb").read() for file in files]
        at = source.randrange(len(texts))
        texts[at] = change(source, texts[at])
        rechain(home, texts)
    elif way == 2:
        log = open(home + "/receipts.log", "rb").read()
        open(home + "/receipts.log", "wb").write(change(source, log))
    elif way == 3:
        os.chmod(one, 0o644)
        data = open(one, "rb").read()
        open(one, "wb").write(change(source, data))
    elif source.random() < 0.5:
        os.rename(one, other)
    else:
        os.unlink(one)


def main():
    _, home, seed, count = sys.argv[1:]
    sound = 0
    for n in range(int(count)):
        source, copy = random.Random(f"{seed} {n}"), home + ".copy"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(home, copy)
        tamper(source, copy)
        found = receipts.check_chain(copy)
        end = subprocess.run(["receipt-write", "--home", copy, "--check"], capture_output=True)
        sound += not found
        if end.returncode == 3 and found and b"-unsupported]" in end.stderr:
            continue  # of another version: a don't-know for the one, and no more than wrong for the other
        if end.returncode not in (0, 1) or (end.returncode == 1) != bool(found):
            print(n, "receipt-write:", end.returncode, end.stderr.decode("utf-8", "replace")[:300], "second:", found[:2])
    print("sound:", "some" if 0 < sound < int(count) else sound)


main()
