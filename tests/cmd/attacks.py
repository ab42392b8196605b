"""Makes a signed model and whatever an attacker would put in its place, with keys and signatures of tests/second.

usage: attacks.py SECOND MANIFEST OUT    MANIFEST: a sound and unsigned one of a model alpha/NAME
OUT gets signed.manifest, alpha.pub and KIND.minisig for each kind of signature, and KIND.pub for each key that is none.
"""
import base64
import hashlib
import random
import sys

sys.path.insert(0, sys.argv[1])
import ed25519  # noqa: E402
from signatures import trusted_comment  # noqa: E402
from signed_generate import Key, small_point, write  # noqa: E402

with open(sys.argv[2], "rb") as file:
    manifest = file.read()
out, source = sys.argv[3], random.Random(11)
key, mallory = Key(source), Key(source)
manifest = manifest.replace(b"\nkey-id: none\n", b"\nkey-id: " + key.id.encode() + b"\n").replace(b"\nsignature-scheme: none\n", b"\nsignature-scheme: minisign\n")
comment = trusted_comment(manifest)
prehash = hashlib.blake2b(manifest, digest_size=64).digest()
good = key.sign(manifest, comment)
lines = good.split(b"\n")
first, last = base64.b64decode(lines[1])[10:], base64.b64decode(lines[3])


def above_order(signature):
    return signature[:32] + (int.from_bytes(signature[32:], "little") + ed25519.ORDER).to_bytes(32, "little")


small = ed25519.encode(small_point(source))
signatures = {
    "good": good,
    "large-s": key.file(above_order(first), comment, key.secret.sign(above_order(first) + comment)),
    "large-s-of-comment": key.file(first, comment, above_order(last)),
    "small-r": key.file(small + bytes(32), comment, key.secret.sign(small + bytes(32) + comment)),
    "identity-r": key.file(bytes([1]) + bytes(63), comment, key.secret.sign(bytes([1]) + bytes(63) + comment)),
    "collision": Key(source, key.id_bytes).sign(manifest, comment),
    "stranger": mallory.sign(manifest, comment),
    "comment-altered": good.replace(b"revision:", b"revision:9"),
    "comment-of-another": key.sign(manifest, comment.replace(b"sha256:", b"sha256:0")),
    "comment-of-a-file": key.sign(manifest, b"file:signed.manifest sha256:" + hashlib.sha256(manifest).hexdigest().encode()),
    "legacy": key.sign(manifest, comment, b"Ed"),
    "legacy-as-new": key.sign(manifest, comment, b"Ed").replace(base64.b64encode(b"Ed" + key.id_bytes)[:4], base64.b64encode(b"ED" + key.id_bytes)[:4]),
    "trailing": good + b"untrusted comment: more\n",
    "of-another-file": key.sign(manifest + b"\n", comment),
    "comment-unsigned": b"\n".join(lines[:3]) + b"\n",
}
for name, data in signatures.items():
    write(f"{out}/{name}.minisig", data)
write(f"{out}/signed.manifest", manifest)
write(f"{out}/alpha.pub", key.public())
write(f"{out}/mallory.pub", mallory.public())
write(f"{out}/id", key.id.encode())
write(f"{out}/mallory.id", mallory.id.encode())
write(f"{out}/collision.pub", Key(source, key.id_bytes).public())
# keys that any signature fits, or that have another spelling
for name, point in (("neutral", bytes([1]) + bytes(31)), ("small-order", small), ("zero", bytes(32)),
                    ("mixed-order", ed25519.encode(ed25519.add(ed25519.decode(key.secret.public), small_point(source)))),
                    ("above-p", (ed25519.P + 1).to_bytes(32, "little")), ("no-point", bytes([2]) + bytes(31))):
    write(f"{out}/{name}.pub", key.public(point))
# a key of order one takes any message with R = S*B
forged = ed25519.encode(ed25519.times(5, ed25519.BASE)) + (5).to_bytes(32, "little")
write(f"{out}/forged-by-neutral.minisig", key.file(forged, comment, forged))
