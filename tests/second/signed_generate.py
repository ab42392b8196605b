"""Keyrings, and manifests with signatures, sound ones and all others: case-NNNNN/{keyring,m.manifest,m.manifest.minisig}."""

import base64
import hashlib
import os
import random

import ed25519
from signatures import key_id_text, trusted_comment

HERE, THERE = "alpha", "beta"  # the manifest's publisher, and another one


class Key:
    def __init__(self, source, id_bytes=None):
        self.secret = ed25519.Secret(source.randbytes(32))
        self.id_bytes = id_bytes or source.randbytes(8)
        self.id = key_id_text(self.id_bytes)

    def public(self, point=None):
        return b"untrusted comment: key\n" + base64.b64encode(b"Ed" + self.id_bytes + (point or self.secret.public)) + b"\n"

    def sign(self, message, comment, kind=b"ED"):
        first = self.secret.sign(hashlib.blake2b(message, digest_size=64).digest() if kind == b"ED" else message)
        return self.file(first, comment, self.secret.sign(first + comment), kind)

    def file(self, first, comment, last, kind=b"ED"):
        return b"untrusted comment: signature\n%b\ntrusted comment: %b\n%b\n" % (
            base64.b64encode(kind + self.id_bytes + first), comment, base64.b64encode(last))


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


def small_point(source):
    """A point of small order: eight times less of any point times the order of the group."""
    while True:
        point = ed25519.decode(source.randbytes(32))
        if point and not ed25519.same(small := ed25519.times(ed25519.ORDER, point), ed25519.NEUTRAL):
            return small


# --- keys as they are damaged ---

def damaged_keys(source, key):
    good = key.public()
    point = ed25519.decode(key.secret.public)
    mixed = ed25519.encode(ed25519.add(point, small_point(source)))
    line = good.split(b"\n")[1]
    yield key.public(ed25519.encode(small_point(source)))
    yield key.public(mixed)
    yield key.public((ed25519.P + 1).to_bytes(32, "little"))
    yield key.public(b"\xff" * 32)
    yield good.replace(b"\n", b"\r\n")
    yield good + b"more\n"
    yield good[:-1]  # the last LF may lack
    yield good.replace(b"comment: key", b"comment: \xe9")  # which nobody reads
    yield line + b"\n"
    yield b"untrusted comment: key\n" + line[:-1] + b"\n"
    yield b"untrusted comment: key\n" + line.replace(b"R", b" R", 1) + b"\n"
    yield b"untrusted comment: key\n" + base64.b64encode(b"ED" + key.id_bytes + key.secret.public) + b"\n"
    yield good + b"a" * 20000
    yield b""


def put_key(source, folder, key, damage):
    if damage is None:
        write(f"{folder}/{key.id}.pub", key.public())
    else:
        ways = list(damaged_keys(source, key))
        write(f"{folder}/{key.id}.pub", ways[damage % len(ways)])


# --- signatures as they are damaged ---

def other_bits(text):
    """The same bytes in base64 whose unused bits are not zero."""
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    at = len(text.rstrip(b"=")) - 1
    return text[:at] + letters[letters.index(text[at]) + 1:][:1] + text[at + 1:]


def signatures_of(source, key, stranger, manifest):
    """NAME, FILE or None for no file: what may stand beside a manifest that names KEY."""
    comment = trusted_comment(manifest)
    good = key.sign(manifest, comment)
    lines = good.split(b"\n")
    first, last = base64.b64decode(lines[1])[10:], base64.b64decode(lines[3])
    large = first[:32] + (int.from_bytes(first[32:], "little") + ed25519.ORDER).to_bytes(32, "little")
    large_last = last[:32] + (int.from_bytes(last[32:], "little") + ed25519.ORDER).to_bytes(32, "little")
    flipped = bytearray(good)
    at = source.randrange(len(lines[0]) + 1, len(good) - 1)
    flipped[at] ^= 1 << source.randrange(8)
    collision = Key(source, key.id_bytes)
    small = ed25519.encode(small_point(source))
    yield "good", good
    yield "no-last-lf", good[:-1]
    yield "absent", None
    yield "empty", b""
    yield "stranger", stranger.sign(manifest, comment)
    yield "collision", collision.sign(manifest, comment)
    yield "flipped", bytes(flipped)
    yield "legacy", key.sign(manifest, comment, b"Ed")
    yield "trailing", good + b"more\n"
    yield "trailing-lf", good + b"\n"
    yield "large-s", key.file(large, comment, key.secret.sign(large + comment))
    yield "large-s-last", key.file(first, comment, large_last)
    yield "small-r", key.file(small + bytes(32), comment, key.secret.sign(small + bytes(32) + comment))
    yield "zero", key.file(bytes(64), comment, bytes(64))
    yield "comment", key.sign(manifest, comment.replace(b"revision:", b"revision:1"))
    yield "comment-longer", key.sign(manifest, comment + b" ")
    yield "comment-other-file", key.sign(manifest, b"file:m.manifest sha256:" + hashlib.sha256(manifest).hexdigest().encode())
    yield "comment-changed", good.replace(b"version:", b"version:1")
    yield "other-manifest", key.sign(manifest + b"x", comment)
    yield "unused-bits", good.replace(lines[1], other_bits(lines[1])) if lines[1].endswith(b"=") else good.replace(lines[3], other_bits(lines[3]))
    yield "crlf", good.replace(b"\n", b"\r\n")
    yield "not-utf8-unsigned", good.replace(b"comment: signature", b"comment: sign\xe9", 1)
    yield "not-utf8", key.sign(manifest, comment + b"\xff")
    yield "plus-high-bit", good.replace(b"+", b"\xab").replace(b"/", b"\xaf") if b"+" in lines[1] + lines[3] or b"/" in lines[1] + lines[3] else good + b"x"
    yield "lines-swapped", b"\n".join([lines[0], lines[3], lines[2], lines[1]]) + b"\n"
    yield "huge", good.replace(b"signature\n", b"a" * 17000 + b"\n", 1)


# --- keyrings ---

def succeed(folder, old, new, signer=None, comment=None):
    comment = comment or f"successor:{new.id} of:{old.id} sha256:{hashlib.sha256(new.public()).hexdigest()}"
    write(f"{folder}/{old.id}.successor", new.public())
    write(f"{folder}/{old.id}.successor.minisig", (signer or old).sign(new.public(), comment.encode()))


def revocation(key, time="2026-01-01T00:00:00Z", reason="lost"):
    return f"minimodel-revocation 0\nkey-id: {key.id}\nrevoked: {time}\nreason: {reason}\n".encode()


def keyrings(source, ring, key, others):
    """NAME of each way to fill the folder RING for KEY, done when it is asked for."""
    here, there = f"{ring}/{HERE}", f"{ring}/{THERE}"
    root = others[0]

    def plain():
        put_key(source, here, key, None)

    def chain(length):
        chained = [root, *others[1:length], key]
        put_key(source, here, root, None)
        for old, new in zip(chained, chained[1:]):
            succeed(here, old, new)

    def revoked(data, name=None):
        plain()
        write(f"{here}/{(name or key).id}.revoked", data)

    def forged():
        put_key(source, here, root, None)
        succeed(here, root, key, others[1])

    def other_comment():
        put_key(source, here, root, None)
        succeed(here, root, key, comment=f"file:{key.id}.pub sha256:{hashlib.sha256(key.public()).hexdigest()}")

    def of_revoked():
        chain(1)
        write(f"{here}/{root.id}.revoked", revocation(root))

    def misnamed():
        write(f"{here}/{root.id}.pub", key.public())

    def link():
        plain()
        os.rename(f"{here}/{key.id}.pub", f"{ring}/elsewhere")
        os.symlink("../elsewhere", f"{here}/{key.id}.pub")

    def folder():
        plain()
        os.makedirs(f"{here}/{key.id}.revoked")

    def both():
        plain()
        put_key(source, there, key, None)

    def collision():
        plain()
        put_key(source, there, Key(source, key.id_bytes), None)

    def collision_here():
        put_key(source, here, Key(source, key.id_bytes), None)
        put_key(source, there, key, None)

    def loop():
        chain(2)
        succeed(here, others[1], root)

    def no_signature():
        chain(1)
        os.unlink(f"{here}/{root.id}.successor.minisig")

    return {
        "plain": plain, "empty": lambda: os.makedirs(here), "none": lambda: os.makedirs(ring), "other-key": lambda: put_key(source, here, root, None),
        "there": lambda: put_key(source, there, key, None), "both": both, "collision-there": collision, "collision-here": collision_here,
        "damaged": lambda: put_key(source, here, key, source.randrange(13)), "damaged-too": lambda: put_key(source, here, key, source.randrange(13)),
        "misnamed": misnamed, "link": link, "revoked": lambda: revoked(revocation(key)), "revoked-garbage": lambda: revoked(b"?"),
        "revoked-empty": lambda: revoked(b""), "revoked-folder": folder, "revoked-other": lambda: revoked(revocation(root), root),
        "revoked-misnamed": lambda: revoked(revocation(root)), "compromised": lambda: revoked(revocation(key, reason="compromised: stolen")),
        "revoked-only": lambda: write(f"{here}/{key.id}.revoked", revocation(key)), "chain-1": lambda: chain(1), "chain-2": lambda: chain(2),
        "chain-16": lambda: chain(16), "chain-17": lambda: chain(17), "forged": forged, "other-comment": other_comment, "of-revoked": of_revoked, "loop": loop,
        "successor-unsigned": no_signature, "unfinished": lambda: write(f"{here}/{key.id}.pub.part", key.public()),
    }


def generate(seed, count, out, manifest):
    """COUNT cases from the sound text MANIFEST of a model of HERE; each way with keyrings and with signatures at least once if COUNT allows."""
    source = random.Random(seed)
    others = [Key(source) for _ in range(18)]
    for number in range(count):
        case, key = f"{out}/case-{number:05}", Key(source)
        names = list(keyrings(source, f"{case}/keyring", key, others))
        text = manifest.replace(b"\nkey-id: none\n", b"\nkey-id: " + key.id.encode() + b"\n").replace(b"\nsignature-scheme: none\n", b"\nsignature-scheme: minisign\n")
        signed = list(signatures_of(source, key, others[17], text))
        name = names[number % len(names)] if number % 2 else "plain"
        what, data = signed[number // 2 % len(signed)] if number % 2 == 0 else signed[0] if number % 3 else source.choice(signed)
        if number % 17 == 16:
            what, text = "unsigned", manifest
        keyrings(source, f"{case}/keyring", key, others)[name]()
        write(f"{case}/m.manifest", text)
        write(f"{case}/what", f"{name} {what}\n".encode())
        if data is not None:
            write(f"{case}/m.manifest.minisig", data)
