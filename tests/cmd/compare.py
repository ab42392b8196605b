#!/usr/bin/env python3
"""Compares the commands with the second implementation (tests/second), file by file. Prints one line for each difference.

    compare.py SECOND chunks FILE...     manifest lines, list, proofs, at 64 KiB and 1 MiB
    compare.py SECOND info FILE...       facts and layout lines of model files
    compare.py SECOND broken FOLDER      manifest-lint against FOLDER/expect.tsv
    compare.py SECOND broken-slm FOLDER  slm-info against FOLDER/expect.tsv
"""

import contextlib
import io
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, sys.argv[1])
import second as implementation  # noqa: E402


def ask(*command):
    done = subprocess.run(command, capture_output=True, timeout=120)
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def second(*arguments):
    out, err, arguments = io.TextIOWrapper(io.BytesIO()), io.StringIO(), list(arguments)
    sys.argv[:] = ["second.py", *arguments]
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = implementation.main()
    out.flush()
    return code, out.buffer.getvalue(), err.getvalue()


def differ(what, ours, theirs):
    if ours[:2] != theirs[:2]:
        print(f"{what}: {ours[0]} {ours[1][:300]!r} {ours[2][:200]!r}, second: {theirs[0]} {theirs[1][:300]!r} {theirs[2][:200]!r}")


def chunks(path):
    for size in ("65536", "1048576"):
        theirs = second("list", "-s", size, path)
        with tempfile.TemporaryDirectory() as folder:
            name = os.path.join(folder, "list")
            differ(f"{path} -s {size}", ask("chunk-merkle", "-s", size, "-l", name, path), second("chunks", "-s", size, path))
            with open(name, "rb") as file:
                differ(f"{path} list {size}", (0, file.read(), ""), theirs)
            code, _, err = ask("chunk-merkle", "--check", name, path)
            if code:
                print(f"{path}: --check of its own list answers {code}: {err}")
            count = len(theirs[1].splitlines()) - 6
            for index in sorted({0, 1, count // 2, count - 1, count}):
                if index < 0:
                    continue
                ours = ask("chunk-merkle", "-s", size, "--prove", str(index), path)
                differ(f"{path} --prove {index} {size}", ours, second("prove", "-s", size, str(index), path))
                proof = os.path.join(folder, "proof")
                with open(proof, "wb") as file:
                    file.write(ours[1])
                if ours[0] == 0:
                    for code in (ask("chunk-merkle", "--check-proof", proof)[0], second("check-proof", proof)[0]):
                        if code:
                            print(f"{path}: the proof of {index} is refused with {code}")


def info(path):
    ours, theirs = ask("slm-info", path), second("info", path)
    if ours[0] != 0 or theirs[0] != 0:
        if ours[0] != theirs[0]:
            differ(f"slm-info {path}", ours, theirs)
        return
    differ(f"slm-info {path}", (0, known(ours[1]), ours[2]), (0, known(theirs[1]), theirs[2]))
    differ(f"slm-info --tensors {path}", ask("slm-info", "--tensors", path), second("tensors", path))


def known(lines):
    """The lines that both print: facts, format, size and digests."""
    keys = rb"(architecture|parameters|quantization|model-shape|artifact-format|artifact-bytes|[a-z-]*-sha256): "
    return b"".join(sorted(line for line in lines.splitlines(True) if re.match(keys, line) and not line.startswith(b"artifact-sha256")))


def broken(folder):
    with open(os.path.join(folder, "expect.tsv")) as file:
        for line in file:
            name, lines, reason = line.rstrip("\n").split("\t")
            path = os.path.join(folder, name)
            code, _, err = ask("manifest-lint", path)
            wanted = 3 if reason.startswith("unsupported") else 1
            found = set(re.findall(re.escape(path) + r":(\d+):\d+: error", err))
            if code != wanted:
                print(f"{name}: exit {code}, not {wanted} ({reason}): {err[:300]}")
            elif lines != "-" and not found & set(lines.split(",")):
                print(f"{name}: no finding at line {lines} ({reason}): {err[:300]}")


def broken_slm(folder):
    with open(os.path.join(folder, "expect.tsv")) as file:
        for line in file:
            name, places, reason = line.rstrip("\n").split("\t")
            path = os.path.join(folder, name)
            code, out, err = ask("slm-info", path)
            wanted = 3 if reason.startswith("unsupported") else 1
            if code != wanted:
                print(f"{name}: exit {code}, not {wanted} ({reason}): {err[:300]}")
            elif out:
                print(f"{name}: facts are printed in spite of a finding")
            elif name.startswith(NAMED) and not any(names(err, place) for place in places.split(",")):
                print(f"{name}: the finding does not name {places}: {err[:300]}")


NAMED = ("flip-in-facts", "flip-in-tokenizer", "flip-in-table", "flip-in-tensor", "flip-in-first-tensor", "flip-in-last-tensor", "flip-in-header",
         "flip-in-a-", "flip-in-padding", "hash-")


def names(err, place):
    """Whether a finding of slm-info names this place; the header is named by an offset in it."""
    if place == "header":
        return re.search(r":@(1?\d?\d|2[0-4]\d|25[0-5]): error", err)
    if place == "padding":
        return "[data-padding]" in err
    return (place[len("tensor "):] if place.startswith("tensor ") else f"the {place}") in err


def main():
    _, _, what, *paths = sys.argv
    for path in paths:
        {"chunks": chunks, "info": info, "broken": broken, "broken-slm": broken_slm}[what](path)


main()
