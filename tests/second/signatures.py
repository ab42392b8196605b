"""Key files, signatures, keyrings and outcomes (signatures.md), for one manifest at a time."""

import base64
import hashlib
import os
import re
import stat

import ed25519
from common import first_line, parse_line, split_lines
from manifest import time_fault

LIMIT = 16384
STEPS = 16
KEY_NAME = re.compile(r"([0-9A-F]{16})\.(pub|successor|revoked)")


class Wrong(Exception):
    pass


def from_base64(text, size):
    """Exactly SIZE bytes in the one spelling that they have."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError as error:
        raise Wrong("no base64") from error
    if len(data) != size or base64.b64encode(data) != text:
        raise Wrong("another length, or another spelling")
    return data


def take_line(data, prefix, signed=False):
    """What stands behind PREFIX in the first line, and the rest. What is signed is text."""
    line, found, rest = data.partition(b"\n")
    if not found or not line.startswith(prefix) or b"\0" in line or b"\r" in line:
        raise Wrong("another line than " + prefix.decode())
    try:
        line.decode("utf-8" if signed else "latin-1")
    except UnicodeDecodeError as error:
        raise Wrong("no UTF-8") from error
    return line[len(prefix):], rest


def key_id_text(data):
    return f"{int.from_bytes(data, 'little'):016X}"


def read_public_key(data):
    """The key's id as text, and its point."""
    if len(data) > LIMIT:
        raise Wrong("too long")
    line = take_line(data, b"untrusted comment: ")[1]
    decoded = from_base64(line[:-1] if line.endswith(b"\n") else line, 42)
    if decoded[:2] != b"Ed" or not ed25519.is_good_key(decoded[10:]):
        raise Wrong("no key, or a weak one")
    return key_id_text(decoded[2:10]), decoded[10:]


class Signature:
    def __init__(self, data):
        if len(data) > LIMIT:
            raise Wrong("too long")
        rest = take_line(data, b"untrusted comment: ")[1]
        line, _, rest = rest.partition(b"\n")
        decoded = from_base64(line, 74)
        if decoded[:2] != b"ED":
            raise Wrong("legacy, or of another kind")
        self.key_id, self.bytes = key_id_text(decoded[2:10]), decoded[10:]
        self.comment, rest = take_line(rest, b"trusted comment: ", signed=True)
        self.last = from_base64(rest[:-1] if rest.endswith(b"\n") else rest, 64)

    def made_by(self, point, message):
        prehash = hashlib.blake2b(message, digest_size=64).digest()
        return ed25519.verify(point, prehash, self.bytes) and ed25519.verify(point, self.bytes + self.comment, self.last)


class Revocation:
    """Whatever it holds, it revokes; TIME and REASON are None where it cannot be read."""

    def __init__(self, data, key_id):
        self.time = self.reason = None
        faults = []
        if data is None or len(data) > LIMIT:
            return
        raw = split_lines(data, faults)
        if not first_line(raw[0], "minimodel-revocation", faults):
            return
        lines = [parse_line(text, at, faults) for at, text in enumerate(raw[1:], 2)]
        if faults or [line.key for line in lines] != ["key-id", "revoked", "reason"]:
            return
        if lines[0].value == key_id and not time_fault(lines[1].value):
            self.time, self.reason = lines[1].value, lines[2].value

    def excepts(self, since):
        """SINCE: the time of the oldest receipt that records the manifest as verified by the key, or None."""
        if self.time is None or since is None or self.reason.startswith("compromised"):
            return False
        return since < self.time


def read_plain(path):
    """A regular file's bytes; None where it is another thing, or cannot be read."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return None
        with open(path, "rb") as file:
            return file.read(LIMIT + 1)
    except OSError:
        return None


def successor_comment(new, old, data):
    return f"successor:{new} of:{old} sha256:{hashlib.sha256(data).hexdigest()}".encode()


class Publisher:
    """The folder of one publisher: `keys`, by id, the points that speak for it; `revoked`, by id."""

    def __init__(self, folder):
        self.folder, self.keys, self.revoked, self.known = folder, {}, {}, False
        self.successors = []
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) and not os.path.islink(folder) else []:
            if name.endswith((".pub", ".successor", ".revoked")):
                self.known = True
            match = KEY_NAME.fullmatch(name)
            if match:
                self.take(match[1], match[2], os.path.join(folder, name))
        for _ in range(STEPS):
            self.keys |= self.next_keys()

    def take(self, key_id, kind, path):
        data = read_plain(path)
        if kind == "revoked":
            self.revoked[key_id] = Revocation(data, key_id)
        elif data is not None:
            try:
                found, point = read_public_key(data)
                if kind == "pub" and found == key_id:
                    self.keys[found] = point
                if kind == "successor":
                    self.successors.append((key_id, found, point, data, Signature(read_plain(path + ".minisig") or b"")))
            except Wrong:
                pass

    def next_keys(self):
        """The keys that follow those which are trusted by now."""
        return {new: point for old, new, point, data, signature in self.successors
                if old in self.keys and old not in self.revoked and new not in self.keys and signature.key_id == old
                and signature.made_by(self.keys[old], data) and signature.comment == successor_comment(new, old, data)}


def fields_of(manifest):
    """The fields of a valid manifest that matter here."""
    lines = [line.partition(": ") for line in manifest.decode().split("\n")]
    return {key: value for key, found, value in reversed(lines) if found}


def trusted_comment(manifest):
    field = fields_of(manifest)
    return (f"model:{field['model-id']} version:{field['version']} revision:{field['revision']} "
            f"sha256:{hashlib.sha256(manifest).hexdigest()}").encode()


def outcome(manifest, signature, keyring, since=None):
    """The outcome's word, and whether it passes in slm-verify. SIGNATURE: bytes, or None for no file."""
    field = fields_of(manifest)
    publisher = Publisher(os.path.join(keyring, field["publisher-id"]))
    if field["signature-scheme"] == "none":
        return "unsigned", not publisher.known
    if signature is None:
        return "missing-signature", False
    try:
        read = Signature(signature)
    except Wrong:
        return "bad-signature", False
    word = judge(manifest, read, field, publisher, keyring, since)
    return word, word == "verified"


def judge(manifest, read, field, publisher, keyring, since):
    if read.key_id != field["key-id"]:
        return "wrong-key"
    if read.key_id not in publisher.keys:
        others = (Publisher(os.path.join(keyring, name)) for name in sorted(os.listdir(keyring)) if name != field["publisher-id"]) \
            if os.path.isdir(keyring) else ()
        found = any(read.key_id in other.keys and read.made_by(other.keys[read.key_id], manifest) for other in others)
        return "wrong-key" if found else "unknown-key"
    if not read.made_by(publisher.keys[read.key_id], manifest):
        return "bad-signature"
    if read.comment != trusted_comment(manifest):
        return "wrong-comment"
    revocation = publisher.revoked.get(read.key_id)
    return "revoked-key" if revocation and not revocation.excepts(since) else "verified"
