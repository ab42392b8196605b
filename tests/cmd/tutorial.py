"""Runs the commands of a page and compares what they say with what stands there; one test for each section.

    tutorial.py PAGE FOLDER NAME [--with-network]     FOLDER stands for /tmp/try; run in the root of the repository, commands in PATH; NAME is said in the tests' names

The section "Build" builds nothing: what it would build is there. `unshare -rn sh` and `exit` open and leave a shell without a network;
with --with-network it is one like any other.

Commands are the lines that begin with "$ ", with the lines behind a final "|" or "\\". What follows is their output, both streams as
they come. "…" stands for the rest of a word, or as a line for any lines. Times are any times; from the heading "# Five more"
on, where receipts are written, hashes are any hashes too, and so are key ids and fingerprints."""
import re
import subprocess
import sys
import time

SKIPPED = ("make", "PATH=")


def sections(text):
    """(heading, store, [(command, [line of output])])"""
    heading, store, found, lines = "", False, [], None
    for line in text.split("\n"):
        if line.startswith("#"):
            store = store or line.startswith("# Five more")
            heading, lines = line.lstrip("# "), None
            found.append((heading, store, []))
        elif line.startswith("    $ "):
            lines = []
            found[-1][2].append([line[6:], lines])
        elif line.startswith("    ") and lines is not None:
            if not lines and found[-1][2][-1][0].endswith(("|", "\\")):
                found[-1][2][-1][0] = found[-1][2][-1][0].removesuffix("\\") + line[4:]
            else:
                lines.append(line[4:])
        elif line:
            lines = None
    return [section for section in found if section[2]]


def pattern(line, store):
    text = re.escape(line).replace("…", r"\S*")
    text = re.sub(r"\d{8}T\d{6}Z", r"\\d{8}T\\d{6}Z", text)
    text = re.sub(r"\d{4}\\-\d\d\\-\d\dT[\d:]{8}Z", r"\\d{4}-\\d\\d-\\d\\dT[\\d:]{8}Z", text)
    if store:
        text = re.sub(r"[0-9A-F]{16}", "[0-9A-F]{16}", text)
        text = re.sub(r"([0-9a-f]{4}\\ ){15}[0-9a-f]{4}", r"([0-9a-f]{4} ?){16}", text)
        text = re.sub(r"[0-9a-f]{16,64}", "[0-9a-f]{16,64}", text)
        text = re.sub(r"[0-9a-f]{4,8}(?=\\S)", "[0-9a-f]{4,8}", text)
    return text + r"\Z"


def differs(wanted, found, store):
    """The first line that is not as expected, or None. The two streams may come in any order."""
    left = list(found)
    for line in wanted:
        if line == "…":
            continue
        match = next((other for other in left if re.match(pattern(line, store), other)), None)
        if match is None:
            return f"expected: {line}, found {left}"
        left.remove(match)
    return f"found:    {left[0]}" if left and "…" not in wanted else None


def children(shell):
    with open(f"/proc/{shell.pid}/task/{shell.pid}/children") as file:
        return file.read().split()


def enter_or_leave(shell, command):
    """A shell in the shell reads what comes next, once it is there; what was sent before would be the outer one's."""
    there = bool(children(shell))
    shell.stdin.write(command + "\n")
    shell.stdin.flush()
    while bool(children(shell)) == there:
        time.sleep(0.01)


def main():
    text = open(sys.argv[1], encoding="utf-8").read().replace("/tmp/try", sys.argv[2])
    shell = subprocess.Popen(["sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for heading, store, commands in sections(text):
        wrong = []
        for command, wanted in commands:
            if heading == "Build" and command.startswith(SKIPPED):
                continue
            if "--with-network" in sys.argv and "/proc/net/" in command:
                continue
            if command in ("unshare -rn sh", "exit"):
                enter_or_leave(shell, "sh" if command != "exit" and "--with-network" in sys.argv else command)
                command = ":"
            shell.stdin.write(f"{command}\nprintf '\\n%s\\n' --end--\n")
            shell.stdin.flush()
            found = []
            while (line := shell.stdout.readline()) and line != "--end--\n":
                found.append(line.rstrip("\n"))
            if found and not found[-1]:
                found.pop()
            fault = differs(wanted, found, store)
            if fault:
                wrong += [f"$ {command}", fault]
        print(f"{'not ' if wrong else ''}ok {sys.argv[3]} is true: {heading}")
        for line in wrong:
            print(f"# {line}")


main()
