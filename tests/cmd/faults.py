"""Lets each call of a kind fail, one at a time, and looks at what a command says and leaves behind.

usage: faults.py KIND ERRNO FOLDER COMMAND...    FOLDER is made empty before each run; outputs go there
       faults.py --store SETUP AFTER KIND ERRNO FOLDER COMMAND...    FOLDER is a store, a copy of SETUP before each run; what COMMAND
                           leaves of it has to serve: the shell command AFTER, without faults, has to end with 0
Prints nothing where all is well; otherwise a line for each wrong end.
"""
import os
import shutil
import subprocess
import sys

MOST = int(os.environ.get('FAULTS', '400'))  # calls of one kind that are made to fail; more are passed over evenly


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
    if code == 3 and not errors and b'"level":"error"' not in out:  # of --sarif
        return 'answered 3 without a word'
    for name, data in left.items():
        if name not in good[3] or data != good[3][name]:
            return f'left {name} behind'
    return None


def run_on_store(setup, after, command, folder, fault):
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(setup, folder, symlinks=True)
    env = dict(os.environ, FAULT_COUNT=folder + '.count', FAULT=fault)
    done = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    calls = int(open(folder + '.count').read() or 0)  # none where it died
    then = subprocess.run(['sh', '-c', after], env=dict(os.environ, ANSWER=str(done.returncode)), stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    return done, calls, then


def judge_store(done, then):
    if done.returncode < 0:
        return f'died of signal {-done.returncode}'
    if done.returncode not in (0, 3):
        return f'answered {done.returncode}: {done.stderr.decode()[:200]}'
    if done.returncode == 3 and not done.stderr:
        return 'answered 3 without a word'
    if then.returncode:
        said = done.stderr.decode()[:200].strip()
        return f'answered {done.returncode} ({said}), and left what does not serve: {then.stdout.decode()[-200:]} {then.stderr.decode()[-300:]}'
    return None


def try_store(setup, after, kind, error, folder, *command):
    done, calls, then = run_on_store(setup, after, command, folder, f'{kind}:-1:{error}')
    if done.returncode or then.returncode:
        print(f'without a fault: {judge_store(done, then) or done.stderr.decode()}')
    for n in range(1, calls + 1, max(1, calls // MOST)):
        done, _, then = run_on_store(setup, after, command, folder, f'{kind}:{n}:{error}')
        wrong = judge_store(done, then)
        if wrong:
            print(f'{kind} call {n} of {calls}: {wrong}')


def main():
    if sys.argv[1] == '--store':
        try_store(*sys.argv[2:])
        return
    kind, error, folder, *command = sys.argv[1:]
    good = run(command, folder, f'{kind}:-1:{error}')
    calls = int(open(folder + '.count').read())
    step = max(1, calls // MOST)
    for n in range(1, calls + 1, step):
        wrong = judge(good, run(command, folder, f'{kind}:{n}:{error}'))
        if wrong:
            print(f'{kind} call {n} of {calls}: {wrong}')


main()
