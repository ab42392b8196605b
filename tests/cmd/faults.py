"""Lets each call of a kind fail, one at a time, and looks at what a command says and leaves behind.

usage: faults.py KIND ERRNO FOLDER COMMAND...    FOLDER is made empty before each run; outputs go there
Prints nothing where all is well; otherwise a line for each wrong end.
"""
import os
import shutil
import subprocess
import sys

MOST = 400  # calls of one kind that are made to fail; more are passed over evenly


def run(command, folder, fault):
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder)
    env = dict(os.environ, FAULT_COUNT=folder + '.count', FAULT=fault)
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    left = {name: open(os.path.join(folder, name), 'rb').read() for name in os.listdir(folder)}
    return done.returncode, done.stdout, done.stderr, left


def judge(good, found):
    code, out, errors, left = found
    if code < 0:
        return f'died of signal {-code}'
    if code == 2:
        return 'answered 2'
    if code == 0 and (out, left) != (good[1], good[3]):
        return 'answered 0 with another result'
    if good[0] == 0 and code == 1:
        return 'answered 1 for a fault'
    if good[0] == 1 and code == 0:
        return 'answered 0 for a bad input'
    if code == 3 and not errors:
        return 'answered 3 without a word'
    for name, data in left.items():
        if name not in good[3] or data != good[3][name]:
            return f'left {name} behind'
    return None


def main():
    kind, error, folder, *command = sys.argv[1:]
    good = run(command, folder, f'{kind}:-1:{error}')
    calls = int(open(folder + '.count').read())
    step = max(1, calls // MOST)
    for n in range(1, calls + 1, step):
        wrong = judge(good, run(command, folder, f'{kind}:{n}:{error}'))
        if wrong:
            print(f'{kind} call {n} of {calls}: {wrong}')


main()
