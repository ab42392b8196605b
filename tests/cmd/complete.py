"""Types into an interactive shell on a terminal of its own and presses the tabulator key, as a person does.

    complete.py SHELL SETUP TYPED EXPECTED     SETUP is run first; EXPECTED is what the line has to become

Prints nothing where that happens, else what the shell's screen shows."""
import os
import pty
import re
import select
import sys
import time

PATIENCE = 20  # seconds until a shell that says nothing has had its chance


def read_until(fd, seen, wanted, ends):
    """SEEN and what comes until WANTED, a pattern, is in it."""
    while not re.search(wanted, seen) and time.monotonic() < ends:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                seen += os.read(fd, 65536)
            except OSError:
                break
    return seen


def main():
    shell, setup, typed, expected = sys.argv[1:]
    arguments = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}[shell]
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update(PS1="ready> ", TERM="dumb", INPUTRC="/dev/null", HISTFILE="/dev/null", COLUMNS="200")
        os.execvp(arguments[0], arguments)
    ends = time.monotonic() + PATIENCE
    os.write(fd, f"{setup}; printf 'set-%s\\n' up\n".encode())
    seen = read_until(fd, b"", rb"set-up\r(?s:.)*ready> ", ends)
    os.write(fd, typed.encode() + b"\t")
    answer = read_until(fd, b"", re.escape(expected.encode()), ends)
    if expected.encode() not in answer:
        print((seen + answer).decode("utf-8", "replace"))
    os.write(fd, b"\x03\x04")  # drop the line, leave
    os.close(fd)
    os.waitpid(pid, 0)


main()
