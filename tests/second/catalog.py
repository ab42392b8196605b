"""Catalogs, with SHA-256 and RFC 6962 alone (catalog.md): lines from manifests, roots and proofs by recursion, the history of heads.

usage: catalog.py lines MANIFEST...      catalog.jsonl of these manifests
       catalog.py check FOLDER           says what is wrong; nothing where all is right
       catalog.py prove FOLDER INDEX     the proof of entry INDEX
       catalog.py consistency FOLDER M   the proof that the present head continues head M
       catalog.py verify PROOF           says whether a proof of either kind holds
"""
import hashlib
import json
import os
import sys

INTEGERS = {"parameters", "revision"}
LISTS = {"tag": "tags", "source": "source_summary", "evidence": "evidence_status"}
PLAIN = {"architecture", "created", "display-name", "expires", "key-id", "license", "license-route", "model-card-route", "model-id", "peer-hint",
         "previous-manifest", "publisher-id", "quantization", "source-lane", "takedown-route", "version"}
ARTIFACT = {"artifact": "path", "artifact-role": "role", "artifact-format": "format", "artifact-sha256": "sha256", "merkle-root": "merkle_root",
            "tokenizer-sha256": "tokenizer_sha256", "chat-template-sha256": "chat_template_sha256", "tensor-layout-sha256": "tensor_layout_sha256"}


def sha(data):
    return hashlib.sha256(data).digest()


def read(path):
    with open(path, "rb") as file:
        return file.read()


# --- lines ---

def entry_of(text):
    entry = {"artifacts": [], "artifact_bytes": 0, "manifest_sha256": sha(text).hex()}
    route = None
    for line in text.decode().split("\n")[1:-1]:
        key, value = line.split(": ", 1)
        if key == "artifact":
            entry["artifacts"].append({})
        if key in ARTIFACT:
            entry["artifacts"][-1][ARTIFACT[key]] = value
        elif key == "artifact-bytes":
            entry["artifacts"][-1]["bytes"] = int(value)
            entry["artifact_bytes"] += int(value)
        elif key in LISTS:
            entry.setdefault(LISTS[key], []).append(value)
        elif key in INTEGERS:
            entry[key] = int(value)
        elif key == "model-shape":
            entry["model_shape"] = {name: int(number) for name, number in (fact.split("=") for fact in value.split(" "))}
        elif key == "manifest-route":
            route = value
        elif key in PLAIN:
            entry[key.replace("-", "_")] = value
    entry["manifest_route"] = route or f"manifests/{entry['model_id']}/{entry['revision']}.manifest"
    if entry["key_id"] != "none":
        entry["manifest_signature_route"] = entry["manifest_route"] + ".minisig"
    return entry


def line_of(text):
    return json.dumps(entry_of(text), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def lines(paths):
    entries = [read(path) for path in paths]
    entries.sort(key=lambda text: (entry_of(text)["model_id"], entry_of(text)["revision"]))
    return b"".join(line_of(text) + b"\n" for text in entries)


# --- trees, as RFC 6962 writes them ---

def split_of(count):
    split = 1
    while split * 2 < count:
        split *= 2
    return split


def root(data):
    if not data:
        return sha(b"")
    if len(data) == 1:
        return sha(b"\0" + data[0])
    k = split_of(len(data))
    return sha(b"\1" + root(data[:k]) + root(data[k:]))


def path(index, data):
    if len(data) == 1:
        return []
    k = split_of(len(data))
    if index < k:
        return path(index, data[:k]) + [root(data[k:])]
    return path(index - k, data[k:]) + [root(data[:k])]


def subproof(m, data, whole):
    if m == len(data):
        return [] if whole else [root(data)]
    k = split_of(len(data))
    if m <= k:
        return subproof(m, data[:k], whole) + [root(data[k:])]
    return subproof(m - k, data[k:], False) + [root(data[:k])]


def root_from_path(leaf, index, count, siblings):
    """Top down: which half the leaf is in decides on which side the last sibling stands. None where there are too many or too few."""
    if count == 1:
        return leaf if not siblings else None
    if not siblings:
        return None
    k = split_of(count)
    if index < k:
        below = root_from_path(leaf, index, k, siblings[:-1])
        return below and sha(b"\1" + below + siblings[-1])
    below = root_from_path(leaf, index - k, count - k, siblings[:-1])
    return below and sha(b"\1" + siblings[-1] + below)


def roots_from_subproof(m, count, whole, old, nodes):
    """The two roots that the nodes lead to, the old one being known where its tree is whole; None where they do not fit."""
    if m == count:
        if whole:
            return (old, old) if not nodes else None
        return (nodes[0], nodes[0]) if len(nodes) == 1 else None
    if not nodes:
        return None
    k, last = split_of(count), nodes[-1]
    if m <= k:
        below = roots_from_subproof(m, k, whole, old, nodes[:-1])
        return below and (below[0], sha(b"\1" + below[1] + last))
    below = roots_from_subproof(m - k, count - k, False, old, nodes[:-1])
    return below and (sha(b"\1" + last + below[0]), sha(b"\1" + last + below[1]))


# --- heads and proofs ---

def fields(text):
    pairs = [line.split(b": ", 1) for line in text.split(b"\n")[1:-1]]
    return [(key.decode(), value) for key, value in pairs]


def head_of(text):
    return {key: value.decode() for key, value in fields(text)}


def split_lines(text):
    return text.split(b"\n")[:-1]


def prove(folder, index):
    head, data = read(os.path.join(folder, "catalog.head")), split_lines(read(os.path.join(folder, "catalog.jsonl")))
    out = b"minimodel-entry-proof 0\nhead-sha256: %s\nmerkle-root: %s\nentry-count: %d\nentry-index: %d\nentry: %s\n" % (
        sha(head).hex().encode(), root(data).hex().encode(), len(data), index, data[index])
    return out + b"".join(b"sibling: %s\n" % node.hex().encode() for node in path(index, data))


def log_of(folder):
    head = head_of(read(os.path.join(folder, "catalog.head")))
    return [sha(read(os.path.join(folder, "heads", str(i)))) for i in range(1, int(head["sequence"]) + 1)]


def consistency(folder, old):
    log = log_of(folder)
    out = "minimodel-consistency 0\n"
    for name, count in (("old", old), ("new", len(log))):
        out += f"{name}-sequence: {count}\n{name}-head-sha256: {log[count - 1].hex()}\n{name}-log-root: {root(log[:count]).hex()}\n"
    for name, nodes in (("old-sibling", path(old - 1, log[:old])), ("new-sibling", path(len(log) - 1, log)), ("node", subproof(old, log, True))):
        out += "".join(f"{name}: {node.hex()}\n" for node in nodes)
    return out.encode()


def verify(text):
    pairs = fields(text)
    value = dict(pairs)

    def hashes(name):
        return [bytes.fromhex(item.decode()) for key, item in pairs if key == name]
    if text.startswith(b"minimodel-entry-proof 0\n"):
        found = root_from_path(sha(b"\0" + value["entry"]), int(value["entry-index"]), int(value["entry-count"]), hashes("sibling"))
        return found == hashes("merkle-root")[0]
    for name in ("old", "new"):
        count = int(value[f"{name}-sequence"])
        leaf = sha(b"\0" + hashes(f"{name}-head-sha256")[0])
        if root_from_path(leaf, count - 1, count, hashes(f"{name}-sibling")) != hashes(f"{name}-log-root")[0]:
            return False
    old, new = hashes("old-log-root")[0], hashes("new-log-root")[0]
    return roots_from_subproof(int(value["old-sequence"]), int(value["new-sequence"]), True, old, hashes("node")) == (old, new)


def check(folder):
    text = read(os.path.join(folder, "catalog.head"))
    head, data = head_of(text), read(os.path.join(folder, "catalog.jsonl"))
    withdrawn = read(os.path.join(folder, "withdrawn.jsonl"))
    said = {"entry-count": str(data.count(b"\n")), "entries-sha256": sha(data).hex(), "merkle-root": root(split_lines(data)).hex(),
            "withdrawn-count": str(withdrawn.count(b"\n")), "withdrawn-sha256": sha(withdrawn).hex()}
    for key, value in said.items():
        if head[key] != value:
            yield f"{key}: {head[key]} and not {value}"
    for line in split_lines(data) + split_lines(withdrawn):
        if json.dumps(json.loads(line), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode() != line:
            yield "a line is not canonical"
    for line in split_lines(data):
        route = json.loads(line)["manifest_route"]
        if not route.startswith("https://") and line_of(read(os.path.join(folder, route))) != line:
            yield f"the entry does not follow from {route}"
    previous = "none"
    for i in range(1, int(head["sequence"]) + 1):
        one = read(os.path.join(folder, "heads", str(i)))
        if head_of(one)["previous-head-sha256"] != previous or head_of(one)["sequence"] != str(i):
            yield f"head {i} does not follow"
        previous = sha(one).hex()
    if previous != sha(text).hex():
        yield "the head is not the last one"


def main(action, *rest):
    if action == "lines":
        sys.stdout.buffer.write(lines(rest))
    elif action == "check":
        for fault in check(rest[0]):
            print(fault)
    elif action == "prove":
        sys.stdout.buffer.write(prove(rest[0], int(rest[1])))
    elif action == "consistency":
        sys.stdout.buffer.write(consistency(rest[0], int(rest[1])))
    elif action == "verify":
        print("holds" if verify(read(rest[0])) else "does not hold")
    else:
        sys.exit(__doc__)


main(*sys.argv[1:])
