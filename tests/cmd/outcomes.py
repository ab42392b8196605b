"""Compares what slm-verify says of signatures with the second implementation. Prints a line for each difference, and at last how often each
outcome was found.

usage: outcomes.py SECOND SEED COUNT MANIFEST ROOT FOLDER
       MANIFEST: a sound and unsigned one of a model alpha/NAME, whose files are beneath ROOT; FOLDER: for the cases
"""
import collections
import glob
import os
import random
import re
import shutil
import subprocess
import sys

sys.path.insert(0, sys.argv[1])
import receipts  # noqa: E402
import signatures  # noqa: E402
import signed_generate  # noqa: E402

second, seed, count, manifest, root, folder = sys.argv[1:]
found = collections.Counter()


def read(path):
    if not os.path.exists(path):
        return None
    with open(path, "rb") as file:
        return file.read()


def compare(name, path, keyring, home, since=None):
    """The manifest at PATH, its signature beside it; SINCE as signatures.outcome has it."""
    call = ["slm-verify", "--keyring", keyring, "--home", home, path, root]
    ours = subprocess.run(call, capture_output=True, timeout=60)
    report = ours.stdout.decode()
    word = re.search(r"(?m)^signature: ([a-z-]+)", report)
    passed = re.search(r"(?m)^check: signature (pass|fail|skip)", report)
    theirs = signatures.outcome(read(path), read(path + ".minisig"), keyring, since)
    said = (word and word[1], ours.returncode == 0)
    found[theirs[0]] += 1
    if said != theirs or ours.returncode > 1 or (passed[1] == "pass") != theirs[1]:
        print(f"{name}: {said} {passed and passed[1]}, exit {ours.returncode}, second: {theirs}")


def remembered(home, text, key_id):
    """The time of the oldest receipt that records the manifest as verified by the key."""
    times = [None]
    for path in glob.glob(home + "/receipts/*/*/*.receipt"):
        fields = receipts.read(read(path), "minimodel-receipt")
        if fields["signature"] == f"verified {key_id}" and fields["manifest-sha256"] == signatures.hashlib.sha256(text).hexdigest():
            times.append(fields["created"])
    return min(times[1:], default=None)


def compare_memory(text):
    """A model was imported, verified, at half past ten; its key is revoked in all ways and as of all times."""
    key = signed_generate.Key(random.Random(seed))
    source, keyring, home = (f"{folder}/{name}" for name in ("source", "ring", "home"))
    shutil.copytree(root, source)
    text = text.replace(b"\nkey-id: none\n", b"\nkey-id: " + key.id.encode() + b"\n").replace(b"\nsignature-scheme: none\n", b"\nsignature-scheme: minisign\n")
    signed_generate.write(f"{source}/m.manifest", text)
    signed_generate.write(f"{source}/m.manifest.minisig", key.sign(text, signatures.trusted_comment(text)))
    signed_generate.write(f"{keyring}/alpha/{key.id}.pub", key.public())
    call = ["slm-import", "-q", "--home", home, "--keyring", keyring, source]
    done = subprocess.run(call, env=dict(os.environ, SOURCE_DATE_EPOCH="1767263400"), capture_output=True)
    if done.returncode:
        print("import:", done.stderr.decode())
    since = remembered(home, text, key.id)
    for time in ("2026-01-01T10:29:59Z", "2026-01-01T10:30:00Z", "2026-01-01T10:30:01Z", "2025-01-01T00:00:00Z", "2030-01-01T00:00:00Z"):
        for reason in ("lost", "compromised", "compromised: stolen", "Compromised", "compromise", "not compromised", "compromisedness"):
            signed_generate.write(f"{keyring}/alpha/{key.id}.revoked", signed_generate.revocation(key, time, reason))
            for name, store in (("with receipts", home), ("without", f"{folder}/nowhere")):
                os.makedirs(store, exist_ok=True)
                compare(f"revoked as of {time}, {reason}, {name}", f"{source}/m.manifest", keyring, store, since if store == home else None)
    for data in (b"", b"minimodel-revocation 1\n", signed_generate.revocation(key, "2030-01-01T00:00:00").replace(b"Z", b""),
                 signed_generate.revocation(key, "2030-01-01T00:00:00Z") + b"x: y\n"):
        signed_generate.write(f"{keyring}/alpha/{key.id}.revoked", data)
        compare(f"revoked by {data!r}", f"{source}/m.manifest", keyring, home, since)


os.makedirs(folder)
os.makedirs(f"{folder}/empty")
signed_generate.generate(int(seed), int(count), f"{folder}/cases", read(manifest))
for case in sorted(os.listdir(f"{folder}/cases")):
    at = f"{folder}/cases/{case}"
    compare(f"{case} ({read(at + '/what').decode().strip()})", f"{at}/m.manifest", f"{at}/keyring", f"{folder}/empty")
compare_memory(read(manifest))
print(" ".join(f"{word}={found[word]}" for word in sorted(found)))
