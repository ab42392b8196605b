"""Kills builders of a catalog at random moments, beside a reader who checks it all the time.

usage: catalog_kill.py FOLDER ROUNDS NAMES...    builds with each name of a manifest in turn, or withdraws @MODEL-ID; each of ROUNDS builds is killed, and behind
                                                 every third one is let live
Every catalog that passes has to be one that some head tells of: the entries that the head counted when it was complete. What was interrupted may be
refused until the next build ends it; then everything passes again. Prints what is wrong, or nothing.
"""
import os
import random
import signal
import subprocess
import sys
import threading
import time

folder, rounds, *manifests = sys.argv[1:]
random.seed(7)
passed, wrong, done = {}, [], threading.Event()


def facts(text):
    return dict(line.split(': ', 1) for line in text.splitlines() if ': ' in line)


def check(*more):
    found = subprocess.run(['catalog-build', '-q', '--check', *more, folder], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if found.returncode < 0 or found.returncode == 2:
        wrong.append(f'a check ended with {found.returncode}: {found.stderr}')
    if found.returncode == 0:
        now = facts(found.stdout)
        before = passed.setdefault(now['sequence'], now['head-sha256'])
        if before != now['head-sha256']:
            wrong.append(f'two heads of sequence {now["sequence"]} passed')
    elif not any(rule in found.stderr for rule in ('[catalog-file]', '[catalog-changing]', '[catalog-surplus]', '[signature-bad]', '[catalog-history]')):
        wrong.append(f'refused for another reason: {found.stderr}')
    return found


def read():
    last = 0
    while not done.is_set():
        found = check()
        if found.returncode == 0:
            sequence = int(facts(found.stdout)['sequence'])
            if sequence < last:
                wrong.append(f'sequence {sequence} was seen behind {last}')
            last = sequence


def build(manifest, delay):
    what = ['-w', manifest[1:], '--reason', 'gone'] if manifest.startswith('@') else [manifest]
    builder = subprocess.Popen(['catalog-build', '-q', '-s', 'keeper.key', '-o', folder, *what], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if delay is not None:
        time.sleep(delay)
        builder.send_signal(signal.SIGKILL)
    errors = builder.communicate()[1].decode()
    if builder.returncode not in (0, -signal.SIGKILL):
        wrong.append(f'a build ended with {builder.returncode}: {errors}')
    return builder.returncode


start = time.monotonic()
build(manifests[0], None)
longest = time.monotonic() - start
reader = threading.Thread(target=read)
reader.start()
killed = 0
for i in range(int(rounds)):
    killed += build(manifests[1 + i % (len(manifests) - 1)], random.uniform(0, 1.5 * longest)) != 0
    if i % 3 == 2:
        if build(manifests[0], None) == 0 and check('--since', 'seen').returncode:
            wrong.append(f'after a build that was not killed: {check("--since", "seen").stderr}')
done.set()
reader.join()
for line in sorted(set(wrong))[:8]:
    print(line)
if killed == 0:
    print('no build was killed')
if not passed:
    print('no check passed')
