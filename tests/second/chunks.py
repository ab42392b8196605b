"""Chunk hashes, Merkle roots, chunk lists and proofs (chunks.md)."""

import hashlib

from common import CannotTell, Finding, first_line, is_sha256, number, open_regular, parse_line, \
    split_lines

MAX_CHUNKS = 8000000
MAX_DOCUMENT = 16 * 1024 * 1024
PROOF_FIELDS = ["merkle-root", "chunk-count", "chunk-index", "chunk-sha256"]


def sha256(data):
    return hashlib.sha256(data).digest()


def node(left, right):
    return sha256(b"\1" + left + right)


def split_point(count):
    """The largest power of two smaller than count."""
    return 1 << ((count - 1).bit_length() - 1)


def tree_levels(hashes):
    """The tree from the leaves up; an odd last node moves up unchanged, as RFC 6962 splits."""
    level = [sha256(b"\0" + chunk) for chunk in hashes]
    levels = [level]
    while len(level) > 1:
        pairs = [node(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = pairs + (level[-1:] if len(level) % 2 else [])
        levels.append(level)
    return levels


def root_of(hashes):
    return tree_levels(hashes)[-1][0] if hashes else sha256(b"")


def audit_path(index, hashes):
    """RFC 6962, section 2.1.1, from the leaf up."""
    path = []
    for level in tree_levels(hashes)[:-1]:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        index //= 2
    return path


def root_from_path(leaf, index, count, path):
    """The root that a path leads to (recursive definition of RFC 6962), or None."""
    if count == 1:
        return leaf if not path else None
    if not path:
        return None
    half = split_point(count)
    if index < half:
        left, right = root_from_path(leaf, index, half, path[:-1]), path[-1]
    else:
        left, right = path[-1], root_from_path(leaf, index - half, count - half, path[:-1])
    return None if left is None or right is None else node(left, right)


class Chunked:
    """One reading of a file: whole hash and chunk hashes."""

    def __init__(self, path, size):
        self.size, self.bytes, self.hashes = size, 0, []
        whole = hashlib.sha256()
        with open_regular(path) as file:
            while data := file.read(size):
                self.bytes += len(data)
                self.hashes.append(sha256(data))
                whole.update(data)
        if len(self.hashes) > MAX_CHUNKS:
            raise CannotTell(f"{path}: more than {MAX_CHUNKS} chunks")
        self.sha256 = whole.hexdigest()
        self.root = root_of(self.hashes).hex()

    def manifest_lines(self):
        return [f"artifact-bytes: {self.bytes}", f"artifact-sha256: {self.sha256}",
                "chunk-scheme: fixed-size-merkle-v0", f"chunk-size: {self.size}",
                f"chunk-count: {len(self.hashes)}", f"merkle-root: {self.root}"]

    def list_lines(self):
        fields = [line for line in self.manifest_lines() if not line.startswith("chunk-scheme")]
        return ["minimodel-chunk-list 0"] + fields + [chunk.hex() for chunk in self.hashes]

    def proof_lines(self, index):
        return ["minimodel-proof 0", f"merkle-root: {self.root}",
                f"chunk-count: {len(self.hashes)}", f"chunk-index: {index}",
                f"chunk-sha256: {self.hashes[index].hex()}"] + \
            [f"sibling: {item.hex()}" for item in audit_path(index, self.hashes)]


def check_proof(data):
    """Findings of a proof document; none means that it holds."""
    findings = []
    if len(data) > MAX_DOCUMENT:
        return [Finding("1:1", "a proof has at most 16 MiB", "size")]
    raw = split_lines(data, findings)
    if not first_line(raw[0], "minimodel-proof", findings):
        return findings
    lines = [parse_line(text, at, findings) for at, text in enumerate(raw[1:], 2)]
    keys = [line.key if line else "" for line in lines]
    if keys[:4] != PROOF_FIELDS or any(key != "sibling" for key in keys[4:]):
        findings.append(Finding(f"{len(raw)}:1", "expected " + ", ".join(PROOF_FIELDS)
                                + " and sibling lines", "proof-fields"))
    return findings or check_proof_values([line.value for line in lines])


def check_proof_values(values):
    root, count, index, chunk = values[0], number(values[1]), number(values[2]), values[3]
    for at, value in enumerate(values, 2):
        if at not in (3, 4) and not is_sha256(value):
            return [Finding(f"{at}:1", "expected 64 lower-case hex digits", "proof-hash")]
    if count is None or not 1 <= count <= MAX_CHUNKS:
        return [Finding("3:1", f"expected a count from 1 to {MAX_CHUNKS}", "proof-count")]
    if index is None or index >= count:
        return [Finding("4:1", "expected an index below the count", "proof-index")]
    leaf = sha256(b"\0" + bytes.fromhex(chunk))
    found = root_from_path(leaf, index, count, [bytes.fromhex(item) for item in values[4:]])
    if found is None or found.hex() != root:
        return [Finding("2:1", "the siblings do not lead to this root", "proof-root")]
    return []
