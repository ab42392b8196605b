"""Reports, receipts and their chain (report.md, receipt.md). Whole documents in memory; a finding is a sentence."""

import hashlib
import os
import re

from common import first_line, is_sha256, number, parse_line, split_lines
from manifest import SIMPLE, time_fault

MODEL_CHECKS = ["manifest", "signature", "expiry", "policy", "set"]
ARTIFACT_CHECKS = ["bytes", "sha256", "merkle", "chunk-list", "format", "tensor-layout", "tokenizer", "chat-template", "facts"]
NEEDED = {"manifest", "signature", "expiry", "bytes", "merkle", "format"}
OWN = [("created", lambda v: not time_fault(v)),
       ("action", re.compile("verified|imported|removed|consented").fullmatch),
       ("host-label", None),
       ("medium", re.compile("(file|usb|chunkset|peer|in-place)( [^ ].*)?").fullmatch),
       ("transfer-consent", re.compile("yes|not-asked").fullmatch),
       ("execution-consent", re.compile("yes|no").fullmatch),
       ("previous-receipt", re.compile("[0-9a-f]{64}|none").fullmatch)]
HEAD = [("tool", re.compile("[a-z0-9-]+ [^ ]+").fullmatch), ("manifest-sha256", is_sha256)]
HEAD += [(key, lambda v, key=key: not SIMPLE[key](v)) for key in ("model-id", "version", "revision")]
HEAD += [("signature", re.compile("[a-z-]{1,39}( [0-9A-F]{16})?").fullmatch)]
GROUP = [(key, lambda v, key=key: not SIMPLE[key](v)) for key in ("artifact", "artifact-bytes", "artifact-sha256")]
LOG_NAME = re.compile(r"([^/]+/[^/]+)/(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\dZ)-([0-9a-f]{16})\.receipt", re.ASCII)


class Wrong(Exception):
    pass


class Document:
    def __init__(self, data, kind):
        faults = []
        if len(data) > 16777216:
            raise Wrong("more than 16 MiB")
        raw = split_lines(data, faults)
        if not first_line(raw[0], kind, faults) or faults:
            raise Wrong(faults[0].message)
        self.lines = [parse_line(text, at, faults) for at, text in enumerate(raw[1:], 2)]
        if faults:
            raise Wrong(faults[0].message)
        self.at = 0

    def peek(self):
        return self.lines[self.at].key if self.at < len(self.lines) else None

    def take(self, key, accepts=None):
        if self.peek() != key:
            raise Wrong(f"expected {key}, found {self.peek()}")
        value = self.lines[self.at].value
        self.at += 1
        if accepts and not accepts(value):
            raise Wrong(f"{key}: {value}")
        return value


def take_checks(doc, names, results):
    left = list(names)
    while left:
        match = re.fullmatch(r"([a-z0-9-]+) (pass|fail|skip)(?: ([^ ].*))?", doc.take("check"), re.DOTALL)
        if not match:
            raise Wrong("no check")
        name, result, detail = match.groups()
        if result == "skip" and not re.match(r"(quick|only|none|unsupported)(?![a-z-])", detail or ""):
            raise Wrong("a skip without its reason")
        if not (name == "policy" and left[0] == "set"):
            if name != left[0]:
                raise Wrong(f"expected the check {left[0]}")
            left.pop(0)
        results.append((name, result, detail or ""))


def verdict_of(results):
    if any(result == "fail" for _, result, _ in results):
        return "fail"
    passes = all(result == "pass" or not (name in NEEDED or name == "sha256" and not detail.startswith("quick")
                                          or name == "policy" and detail != "none")
                 for name, result, detail in results)
    return "pass" if passes else "partial"


def fingerprint_holds(value, size):
    words = value.split(" ")
    return value == "none" or (len(words) == 6 and all(number(word) is not None for word in words[:5])
                               and number(words[2]) == size and (words[5] == "-" or is_sha256(words[5])))


def read(data, kind):
    """The fields of a report or receipt; raises Wrong."""
    doc, fields, results, path = Document(data, kind), {}, [], ""
    own = kind == "minimodel-receipt"
    for key, accepts in (OWN if own else []) + HEAD:
        if key != "host-label" or doc.peek() == key:
            fields[key] = doc.take(key, accepts)
    take_checks(doc, MODEL_CHECKS, results)
    while doc.peek() == "artifact" or not path:
        before = path
        path, size, _ = (doc.take(key, accepts) for key, accepts in GROUP)
        if before and before.encode() >= path.encode():
            raise Wrong("artifacts out of order")
        take_checks(doc, ARTIFACT_CHECKS, results)
        if own:
            doc.take("fingerprint", lambda value, size=int(size): fingerprint_holds(value, size))
    verdict = verdict_of(results)
    doc.take("verdict", lambda value: value == verdict)
    if doc.peek() or (own and verdict != "pass"):
        raise Wrong("the end, or the verdict")
    if own and (fields["action"] == "consented") != (fields["execution-consent"] == "yes"):
        raise Wrong("consent")
    return fields


def check_name(name, digest):
    match = LOG_NAME.fullmatch(name)
    if not match or SIMPLE["model-id"](match[1]) or match[7] != digest[:16]:
        raise Wrong("a receipt's name")
    time = f"{match[2]}-{match[3]}-{match[4]}:{match[5]}:{match[6]}"
    if time_fault(time):
        raise Wrong("a name's time")
    return match[1], time


def check_line(home, value, previous, named):
    """A `receipt` line and its file; returns its hash."""
    digest, _, name = value.partition(" ")
    if not is_sha256(digest) or name in named:
        raise Wrong("a line of the log")
    model, time = check_name(name, digest)
    path = os.path.join(home, "receipts", name)
    if os.path.islink(path) or not os.path.isfile(path):
        raise Wrong("no receipt")
    with open(path, "rb") as file:
        data = file.read()
    fields = read(data, "minimodel-receipt")
    if (hashlib.sha256(data).hexdigest(), fields["model-id"], fields["created"], fields["previous-receipt"]) != \
            (digest, model, time, previous):
        raise Wrong("another receipt")
    named.add(name)
    return digest


def check_chain(home):
    """The sentences on what is wrong with a chain without restarts; none: it is sound."""
    named, previous, found = set(), "none", []
    try:
        log = os.path.join(home, "receipts.log")
        if os.path.exists(log) and os.path.getsize(log):
            with open(log, "rb") as file:
                doc = Document(file.read(), "minimodel-receipts")
            while doc.peek():
                previous = check_line(home, doc.take("receipt"), previous, named)
    except Wrong as wrong:
        found.append(str(wrong))
    for folder, _, files in os.walk(os.path.join(home, "receipts")):
        for file in files:
            name = os.path.relpath(os.path.join(folder, file), os.path.join(home, "receipts"))
            if name.removesuffix(".minisig") not in named and not file.startswith(".minimodel-"):
                found.append(f"surplus: {name}")
    return found
