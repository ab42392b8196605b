"""Stops a builder of a catalog before each call that changes its folder, one at a time, and looks at what readers see and what the next builds make of it.

usage: catalog_stops.py SETUP FOLDER COMMAND... -- NEXT...    COMMAND is a program with faults that builds in FOLDER, each time a copy of SETUP ("-": none);
                                                             each NEXT is a shell command that builds in FOLDER after the stop
       catalog_stops.py --twice SECOND SETUP FOLDER COMMAND... -- NEXT...    SECOND, a shell command whose program has faults, is stopped too, everywhere,
                                                             after each stop of COMMAND
A reader sees the old catalog, the new one, or a refusal that says what is wrong. Behind a NEXT that ends with 0 everything is as it should be, the old
head is part of the history, and nothing is left behind. Prints what is wrong, or nothing.
"""
import os
import shutil
import signal
import subprocess
import sys

CLEAR = ('[catalog-file]', '[catalog-surplus]', '[catalog-page]', '[signature-bad]', '[signature-comment]', '[signature-form]', '[catalog-history]', '[catalog-unsigned]')
MOST = int(os.environ.get('STOPS', '400'))  # of one program; more are passed over evenly
setup = folder = None
wrong = []


def sh(command, **more):
    return subprocess.run(command, shell=isinstance(command, str), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, env=dict(os.environ, **more))


def restore(source):
    shutil.rmtree(folder, ignore_errors=True)
    if source:
        shutil.copytree(source, folder, symlinks=True)


def sequence(text):
    return int(next((line.split(': ')[1] for line in text.splitlines() if line.startswith('sequence: ')), 0))


def look(where, old):
    """What a reader says of a catalog whose builder was stopped."""
    if not os.path.exists(folder):
        return
    found = sh(['catalog-build', '-q', '--check', folder])
    if found.returncode == 0 and sequence(found.stdout) not in (old, old + 1):
        wrong.append(f'{where}: sequence {sequence(found.stdout)} passed')
    if found.returncode not in (0, 1) or (found.returncode == 1 and not any(rule in found.stderr for rule in CLEAR)):
        wrong.append(f'{where}: a reader is told {found.returncode} {found.stderr[-300:]}')


def go_on(where, command, since):
    then = sh(command)
    if then.returncode:
        wrong.append(f'{where}, then {command}: {then.returncode} {then.stderr[-300:]}')
        return
    found = sh(['catalog-build', '-q', '--check', *since, folder])
    if found.returncode:
        wrong.append(f'{where}, then {command}, then --check: {found.returncode} {found.stderr[-300:]}')


def stops(source, command):
    """Yields the name of each stop, with FOLDER as it was left."""
    restore(source)
    count = os.path.abspath(folder) + '.count'
    whole = sh(command, FAULT='change:-1:0', FAULT_COUNT=count)
    if whole.returncode:
        wrong.append(f'without a stop: {whole.returncode} {whole.stderr[-300:]}')
    calls = int(open(count).read() or 0)
    if calls == 0:
        wrong.append('no call changes anything')
    for n in range(1, calls + 1, max(1, calls // MOST)):
        restore(source)
        done = sh(command, FAULT=f'change:{n}:0')
        if done.returncode not in (-signal.SIGKILL, 128 + signal.SIGKILL, 0):
            wrong.append(f'stop {n} of {calls}: ended with {done.returncode} {done.stderr[-300:]}')
        yield f'stop {n} of {calls}'


def main(*arguments):
    global setup, folder
    second = arguments[1] if arguments[0] == '--twice' else None
    arguments = arguments[2:] if second else arguments
    at = arguments.index('--')
    setup, folder, command, nexts = arguments[0], arguments[1], list(arguments[2:at]), arguments[at + 1:]
    setup = None if setup == '-' else setup
    old = sequence(sh(['catalog-build', '-q', '--check', setup]).stdout) if setup else 0
    since = ['--since', os.path.join(setup, 'catalog.head')] if setup else []
    first = folder + '.stopped'
    for where in stops(setup, command):
        look(where, old)
        shutil.rmtree(first, ignore_errors=True)
        if os.path.exists(folder):
            shutil.copytree(folder, first, symlinks=True)
        source = first if os.path.exists(first) else None
        for again in stops(source, second) if second else ['']:
            left = folder + '.left'
            shutil.rmtree(left, ignore_errors=True)
            if os.path.exists(folder):
                shutil.copytree(folder, left, symlinks=True)
            for i, command_after in enumerate(nexts):
                if i or not second:
                    restore(left if os.path.exists(left) else None)
                go_on(f'{where} {again}'.strip(), command_after, since)
            if len(wrong) > 20:
                break
        if len(wrong) > 20:
            break
    for line in dict.fromkeys(wrong):
        print(line.replace('\n', ' '))


main(*sys.argv[1:])
