"""Catalogs, with SHA-256 and RFC 6962 alone (catalog.md): lines from manifests, roots and proofs by recursion, the history of heads.

usage: catalog.py lines MANIFEST...      catalog.jsonl of these manifests
       catalog.py check FOLDER           says what is wrong; nothing where all is right
       catalog.py prove FOLDER INDEX     the proof of entry INDEX
       catalog.py consistency FOLDER M   the proof that the present head continues head M
       catalog.py since FOLDER M         says what became of the entries of head M that ought not to; nothing where all is right
       catalog.py verify PROOF           says whether a proof of either kind holds
"""
import hashlib
import json
import os
import re
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


ENTRY_FIELDS = ["head-sha256", "merkle-root", "entry-count", "entry-index", "entry", "sibling*"]
LOG_FIELDS = ["old-sequence", "old-head-sha256", "old-log-root", "new-sequence", "new-head-sha256", "new-log-root", "old-sibling*", "new-sibling*", "node*"]


def strict_fields(text, wanted):
    """The fields, where they are exactly those that are WANTED, in their order and spelling ("*": any number); None otherwise."""
    if not text.endswith(b"\n") or b"\r" in text or b"\0" in text:
        return None
    pairs, at = [], 0
    for line in text.split(b"\n")[1:-1]:
        key, colon, value = line.partition(b": ")
        while at < len(wanted) and wanted[at].endswith("*") and wanted[at][:-1].encode() != key:
            at += 1
        if not colon or at == len(wanted) or wanted[at].rstrip("*").encode() != key:
            return None
        number = key.endswith((b"count", b"index", b"sequence"))
        if key != b"entry" and not re.fullmatch(rb"0|[1-9][0-9]{0,18}" if number else rb"[0-9a-f]{64}", value):
            return None
        at += not wanted[at].endswith("*")
        pairs.append((key.decode(), value))
    return pairs if all(name.endswith("*") for name in wanted[at:]) else None


def verify(text):
    of_entry = text.startswith(b"minimodel-entry-proof 0\n")
    if not of_entry and not text.startswith(b"minimodel-consistency 0\n"):
        return False
    pairs = strict_fields(text, ENTRY_FIELDS if of_entry else LOG_FIELDS)
    if pairs is None:
        return False
    value = dict(pairs)

    def hashes(name):
        return [bytes.fromhex(item.decode()) for key, item in pairs if key == name]
    if of_entry:
        index, count = int(value["entry-index"]), int(value["entry-count"])
        return index < count and root_from_path(sha(b"\0" + value["entry"]), index, count, hashes("sibling")) == hashes("merkle-root")[0]
    for name in ("old", "new"):
        count = int(value[f"{name}-sequence"])
        leaf = sha(b"\0" + hashes(f"{name}-head-sha256")[0])
        if count == 0 or root_from_path(leaf, count - 1, count, hashes(f"{name}-sibling")) != hashes(f"{name}-log-root")[0]:
            return False
    before, after = int(value["old-sequence"]), int(value["new-sequence"])
    old, new = hashes("old-log-root")[0], hashes("new-log-root")[0]
    return before <= after and roots_from_subproof(before, after, True, old, hashes("node")) == (old, new)


# --- what became of the entries of an old head ---

def changes_of(text, sequence):
    """What one step says: removed lines, names that were added, names that were withdrawn. None where it is not of that step or has other lines."""
    first, second, *rest = text.split(b"\n")
    if first != b"minimodel-catalog-changes 0" or second != b"sequence: %d" % sequence or not text.endswith(b"\n"):
        return None
    kinds = {b"removed": [], b"added": [], b"withdrawn": []}
    seen = []
    for line in rest[:-1]:
        kind, colon, value = line.partition(b": ")
        if not colon or kind not in kinds or kind in seen[:-1]:
            return None
        if not seen or seen[-1] != kind:
            seen.append(kind)
        kinds[kind].append(value)
    if seen != [kind for kind in kinds if kind in seen]:
        return None
    return kinds


def name_of(line):
    entry = json.loads(line)
    return entry["model_id"].encode(), entry["revision"]


def split_name(text):
    model_id, revision = text.rsplit(b" ", 1)
    return model_id, "*" if revision == b"*" else int(revision)


def since(folder, old):
    """Back from the present lines to those of head OLD, step by step."""
    now = head_of(read(os.path.join(folder, "catalog.head")))
    then = head_of(read(os.path.join(folder, "heads", str(old))))
    entries = {name_of(line): line for line in split_lines(read(os.path.join(folder, "catalog.jsonl")))}
    withdrawn = split_lines(read(os.path.join(folder, "withdrawn.jsonl")))
    present, gone, fresh = dict(entries), {name_of(line) for line in withdrawn}, set()
    for sequence in range(int(now["sequence"]), old, -1):
        step = changes_of(read(os.path.join(folder, "heads", f"{sequence}.changes")), sequence)
        if step is None:
            yield f"heads/{sequence}.changes is none of that step"
            return
        for name in map(split_name, step[b"added"]):
            if entries.pop(name, None) is None:
                yield f"added in step {sequence}, and not there: {name}"
        for line in step[b"removed"]:
            if entries.setdefault(name_of(line), line) is not line:
                yield f"removed in step {sequence}, and there: {line}"
        fresh |= set(map(split_name, step[b"withdrawn"]))
    before = b"".join(entries[name] + b"\n" for name in sorted(entries))
    if sha(before).hex() != then["entries-sha256"] or root(split_lines(before)).hex() != then["merkle-root"]:
        yield f"the steps do not lead back to head {old}"
    kept = b"".join(line + b"\n" for line in withdrawn if name_of(line) not in fresh)
    if sha(kept).hex() != then["withdrawn-sha256"]:
        yield f"the withdrawals are not those of head {old} and new ones"
    for name, line in entries.items():
        if present.get(name, line) != line:
            yield f"changed: {name}"
        if name not in present and name not in gone and (name[0], "*") not in gone:
            yield f"gone without a withdrawal: {name}"


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
    elif action == "since":
        for fault in since(rest[0], int(rest[1])):
            print(fault)
    elif action == "consistency":
        sys.stdout.buffer.write(consistency(rest[0], int(rest[1])))
    elif action == "verify":
        print("holds" if verify(read(rest[0])) else "does not hold")
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(*sys.argv[1:])
