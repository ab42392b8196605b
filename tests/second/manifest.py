"""The check of a manifest (manifest.md). Reports every broken rule it sees."""

import hashlib
import re

import spdx
from common import (EMPTY_SHA256, MAX_NUMBER, Finding, first_line, is_sha256, number,
                    parse_line, show, split_lines)
from routes import Boundary, is_reserved, mailto_faults, path_faults

MAX_BYTES = 1024 * 1024
MODEL = """model-id once|version once|revision once|previous-manifest opt|display-name once|tag many
publisher-id once|key-id once|signature-scheme once|created once|expires opt|license once
license-route once|model-card-route once|manifest-route opt|takedown-route once|source-lane once
source many|architecture once|parameters opt|quantization once|model-shape opt|evidence many
peer-hint once"""
ARTIFACT = """artifact once|artifact-role once|artifact-format once|artifact-bytes once
artifact-sha256 once|tokenizer-sha256 opt|chat-template-sha256 opt|tensor-layout-sha256 opt
chunk-scheme once|chunk-size once|chunk-count once|merkle-root once|chunk-list-route opt
chunk-list-sha256 opt"""


def table(text):
    return dict(item.split() for item in text.replace("\n", "|").split("|"))


MODEL, ARTIFACT = table(MODEL), table(ARTIFACT)
MODEL_RANK = {key: rank for rank, key in enumerate(MODEL)}
ARTIFACT_RANK = {key: rank for rank, key in enumerate(ARTIFACT)}
LANES = "original converted quantized fine-tuned merged mirrored".split()
ROLES = "weights adapter tokenizer config license card other".split()
FORMATS = "slm gguf safetensors json text opaque".split()
SHAPE = ("block_count embedding_length feed_forward_length head_count head_count_kv "
         "vocab_size context_length").split()
MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]


# --- simple values: each function returns None or what is wrong ---

def pattern(text, what=None):
    compiled = re.compile(text)
    return lambda value: None if compiled.fullmatch(value) else \
        f"expected {what or text}, found {show(value)}"


def one_of(*words):
    return lambda value: None if value in words else \
        f"expected one of {', '.join(words)}; found {show(value)}"


def whole(low, high=MAX_NUMBER):
    def check(value):
        found = number(value)
        if found is None or not low <= found <= high:
            return f"expected a number from {low} to {high}, found {show(value)}"
        return None
    return check


def time_fault(value):
    """YYYY-MM-DDTHH:MM:SSZ, a real date (conventions.md, Times)."""
    match = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z", value)
    if not match:
        return f"expected YYYY-MM-DDTHH:MM:SSZ, found {show(value)}"
    year, month, day, hour, minute, second = map(int, match.groups())
    leap = month == 2 and (year % 4 == 0 and year % 100 != 0 or year % 400 == 0)
    real = 1 <= month <= 12 and 1 <= day <= MONTH_DAYS[month - 1] + leap
    if not (real and hour < 24 and minute < 60 and second < 60):
        return f"{show(value)} is not a real time"
    return None


def model_id_fault(value):
    parts = value.split("/")
    if len(parts) != 2:
        return f"expected PUBLISHER/NAME, found {show(value)}"
    for part in parts:
        if not re.fullmatch(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?", part):
            return f"bad name {show(part)}"
        if re.search(r"[._-]{2}", part):
            return f"two of ._- in a row in {show(part)}"
        if is_reserved(part):
            return f"Windows reserves the name {show(part)}"
    return None


def shape_fault(value):
    parts = value.split(" ")
    names = [part.split("=")[0] for part in parts]
    if names != SHAPE or any(part.count("=") != 1 or number(part.split("=")[1]) is None
                             for part in parts):
        return f"expected {'=N '.join(SHAPE)}=N, found {show(value)}"
    return None


def chunk_size_fault(value):
    size = number(value)
    if size is None or not 65536 <= size <= 67108864 or size & (size - 1):
        return f"expected a power of two from 65536 to 67108864, found {show(value)}"
    return None


def length_fault(limit):
    return lambda value: None if len(value.encode()) <= limit else f"longer than {limit} bytes"


def path_fault(value):
    return next(iter(path_faults(value)), None)


HASH = pattern(r"[0-9a-f]{64}", "64 lower-case hex digits")
SIMPLE = {
    "model-id": model_id_fault,
    "version": pattern(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,63}"),
    "revision": whole(1),
    "previous-manifest": HASH,
    "display-name": length_fault(120),
    "tag": pattern(r"[a-z0-9][a-z0-9.-]{0,31}"),
    "key-id": pattern(r"[0-9A-F]{16}|none", "16 upper-case hex digits or none"),
    "signature-scheme": one_of("minisign", "none"),
    "created": time_fault,
    "expires": time_fault,
    "license": spdx.fault,
    "source-lane": one_of(*LANES),
    "architecture": pattern(r"[a-z0-9._-]{1,64}"),
    "parameters": whole(0),
    "quantization": pattern(r"[a-z0-9_]{1,32}"),
    "model-shape": shape_fault,
    "peer-hint": one_of("none", "available", "restricted"),
    "artifact": path_fault,
    "artifact-role": one_of(*ROLES),
    "artifact-format": one_of(*FORMATS),
    "artifact-bytes": whole(0),
    "artifact-sha256": HASH,
    "tokenizer-sha256": HASH,
    "chat-template-sha256": HASH,
    "tensor-layout-sha256": HASH,
    "chunk-scheme": one_of("fixed-size-merkle-v0"),
    "chunk-size": chunk_size_fault,
    "chunk-count": whole(0, 8000000),
    "merkle-root": HASH,
    "chunk-list-sha256": HASH,
}


class Section:
    """The model fields, or one artifact group: lines by key, in file order."""

    def __init__(self, rules):
        self.rules, self.lines = rules, []

    def get(self, key):
        return [line for line in self.lines if line.key == key]

    def line(self, key):
        return next(iter(self.get(key)), None)

    def value(self, key):
        """The value of a field that is there and good in itself, else None."""
        line = self.line(key)
        if line is None or not line.ok or (key in SIMPLE and SIMPLE[key](line.value)):
            return None
        return line.value

    def number(self, key):
        value = self.value(key)
        return None if value is None else number(value)


class Lint:
    def __init__(self, data):
        self.data, self.findings = data, []
        self.model, self.extra, self.groups = Section(MODEL), [], []
        self.end = 1

    def report(self, line, message, rule):
        """line: a Line, or a line number."""
        place = f"{line}:1" if isinstance(line, int) else f"{line.number}:{line.column}"
        self.findings.append(Finding(place, message, rule))

    def run(self):
        if len(self.data) > MAX_BYTES:
            self.report(1, f"a manifest has at most {MAX_BYTES} bytes", "size")
            return self.findings
        raw = split_lines(self.data, self.findings)
        if not first_line(raw[0], "minimodel-manifest", self.findings):
            return self.findings
        self.end = len(raw) + 1
        parsed = [parse_line(text, at, self.findings, "display-name")
                  for at, text in enumerate(raw[1:], 2)]
        self.arrange([line for line in parsed if line])
        self.check_sections()
        self.boundary = Boundary({path: group.value("artifact-role")
                                  for group in self.groups if (path := group.value("artifact"))})
        self.check_values()
        self.check_model()
        self.check_groups()
        return self.findings

    # -- which line belongs where; order --

    def arrange(self, lines):
        previous = (0, -1)
        for line in lines:
            rank = self.place(line)
            if rank is None:
                continue
            if rank < previous and line.key != "artifact":
                self.report(line.number, f"{line.key} stands too late", "order")
            previous = rank

    def place(self, line):
        """Puts a line into its section; returns its rank."""
        if line.key in MODEL_RANK:
            self.model.lines.append(line)
            return (0, MODEL_RANK[line.key])
        if re.fullmatch(r"x-.+", line.key):
            self.extra.append(line)
            return (1, 0)
        if line.key not in ARTIFACT_RANK:
            return self.report(line.number, f"unknown field {show(line.key)}", "unknown-field")
        if line.key == "artifact":
            self.groups.append(Section(ARTIFACT))
        elif not self.groups:
            return self.report(line.number, f"{line.key} before the first artifact", "order")
        self.groups[-1].lines.append(line)
        return (2, ARTIFACT_RANK[line.key])

    def check_sections(self):
        for section in [self.model] + self.groups:
            self.check_occurrence(section)
        for one, two in zip(self.extra, self.extra[1:]):
            if two.key <= one.key:
                self.report(two.number, "x- fields are sorted, each stands once", "x-order")

    def check_occurrence(self, section):
        for key, often in section.rules.items():
            lines = section.get(key)
            if often == "once" and not lines:
                self.report(self.follower(section, key), f"{key} is missing", "missing")
            if often != "many":
                for line in lines[1:]:
                    self.report(line.number, f"{key} stands more than once", "duplicate")
            elif len(lines) > 1:
                self.check_sorted(lines)

    def check_sorted(self, lines):
        for one, two in zip(lines, lines[1:]):
            if one.ok and two.ok and two.value.encode() <= one.value.encode():
                self.report(two.number, f"{two.key} lines are sorted bytewise, no two equal",
                            "many-order")

    def follower(self, section, key):
        """Number of the line that should follow a missing field."""
        rank = list(section.rules).index(key)
        later = [line.number for line in section.lines
                 if list(section.rules).index(line.key) > rank]
        if later:
            return later[0]
        if section is self.model:
            rest = self.extra + [group.lines[0] for group in self.groups]
        else:
            rest = [group.lines[0] for group in self.groups[self.groups.index(section) + 1:]]
        return rest[0].number if rest else self.end

    # -- values --

    def check_values(self):
        for section in [self.model] + self.groups:
            for line in section.lines:
                if line.ok:
                    self.check_value(line, section)
        for line in self.extra:
            if line.ok:
                self.report_all(line, self.boundary.text_faults(line.value), "catalog-boundary")

    def report_all(self, line, faults, rule):
        for fault in faults:
            self.report(line, fault, rule)

    def check_value(self, line, section):
        if line.key in SIMPLE:
            fault = SIMPLE[line.key](line.value)
            return self.report_all(line, [fault] if fault else [], line.key)
        if line.key.endswith("-route"):
            return self.report_all(line, self.route_faults(line, section), line.key)
        if line.key == "source":
            return self.report_all(line, self.source_faults(line.value), line.key)
        if line.key == "evidence":
            return self.report_all(line, self.evidence_faults(line.value), line.key)
        return None

    def is_local(self):
        model_id = self.model.line("model-id")
        return model_id is not None and model_id.value.split("/")[0] == "local"

    def route_faults(self, line, section):
        if line.key == "chunk-list-route":
            path = section.value("artifact")
            return self.boundary.chunk_list_faults(line.value, path) if path else []
        if line.value == "none" and line.key != "manifest-route":
            return [] if self.is_local() else ["none is for publisher local only"]
        if line.key == "manifest-route":
            return self.boundary.url_faults(line.value)
        if line.key == "takedown-route":
            if line.value.startswith("mailto:"):
                return mailto_faults(line.value)
            return self.boundary.url_faults(line.value)
        return self.boundary.route_faults(line.value)

    def source_faults(self, value):
        digest, _, identity = value.partition(" ")
        faults = []
        if digest != "-" and not is_sha256(digest):
            faults.append("expected 64 lower-case hex digits or - before the identity")
        if not 1 <= len(identity.encode()) <= 256 or identity[0] == " ":
            faults.append("expected one space and an identity of 1 to 256 bytes")
        return faults + self.boundary.text_faults(identity)

    def evidence_faults(self, value):
        parts = value.split(" ")
        if len(parts) < 4:
            return ["expected KIND STATUS SHA256 ROUTE"]
        kind, status, digest = parts[:3]
        route = " ".join(parts[3:])  # a path may have spaces
        faults = []
        if kind not in ("infer-check", "derived") and not re.fullmatch(r"x-[a-z0-9-]{1,32}", kind):
            faults.append(f"unknown kind {show(kind)}")
        if status not in ("pass", "fail", "pending"):
            faults.append(f"unknown status {show(status)}")
        if digest != "-" and not is_sha256(digest):
            faults.append("expected 64 lower-case hex digits or -")
        return faults + ([] if route == "-" else self.boundary.route_faults(route))

    # -- rules across fields --

    def check_model(self):
        model = self.model
        if len(model.get("tag")) > 16:
            self.report(model.get("tag")[16], "more than 16 tags", "tag")
        model_id, publisher = model.value("model-id"), model.value("publisher-id")
        if model_id and publisher and publisher != model_id.split("/")[0]:
            self.report(model.line("publisher-id"), "not the publisher of model-id", "publisher-id")
        key_id, scheme = model.value("key-id"), model.value("signature-scheme")
        if key_id and scheme and (key_id == "none") != (scheme == "none"):
            self.report(model.line("signature-scheme"), "none exactly when key-id is none",
                        "signature-scheme")
        created, expires = model.value("created"), model.value("expires")
        if created and expires and expires <= created:
            self.report(model.line("expires"), "not later than created", "expires")
        self.check_lane()

    def check_lane(self):
        lane, sources = self.model.value("source-lane"), self.model.get("source")
        if lane == "original" and sources:
            self.report(sources[0], "original has no source", "source-lane")
        if lane not in (None, "original") and not sources:
            self.report(self.follower(self.model, "source"), f"{lane} needs a source", "source-lane")

    def check_groups(self):
        for group in self.groups:
            self.check_group(group)
        self.check_paths()
        self.check_tokenizer_groups()
        roles = [group.line("artifact-role") for group in self.groups]
        if not any(role and role.value in ("weights", "adapter") for role in roles):
            at = self.groups[0].lines[0].number if self.groups else self.end
            self.report(at, "no artifact of role weights or adapter", "no-weights")
        self.check_sum()

    def check_sum(self):
        total = 0
        for group in self.groups:
            total += group.number("artifact-bytes") or 0
            if total > MAX_NUMBER:
                return self.report(group.line("artifact-bytes"),
                                   "the sum of all artifact-bytes reaches 2^63", "sum")
        return None

    def check_group(self, group):
        self.check_chunks(group)
        route, digest = group.line("chunk-list-route"), group.line("chunk-list-sha256")
        if (route is None) != (digest is None):
            self.report(route or digest, "chunk-list-route and chunk-list-sha256 go together",
                        "chunk-list-pair")
        holders = {"tokenizer-sha256": ("gguf", "slm", "safetensors"),
                   "chat-template-sha256": ("gguf",),
                   "tensor-layout-sha256": ("gguf", "slm", "safetensors")}
        form = group.value("artifact-format")
        for key, formats in holders.items():
            if form and group.line(key) and form not in formats:
                self.report(group.line(key), f"format {form} holds no such thing", key)

    def check_chunks(self, group):
        size, total, count = map(group.number, ("chunk-size", "artifact-bytes", "chunk-count"))
        if None not in (size, total, count) and count != (total + size - 1) // size:
            self.report(group.line("chunk-count"),
                        f"expected {(total + size - 1) // size}, found {count}", "chunk-count")
        digest, root = group.value("artifact-sha256"), group.value("merkle-root")
        if total == 0 and digest and digest != EMPTY_SHA256:
            self.report(group.line("artifact-sha256"), "not the hash of nothing", "empty-hash")
        if total == 0 and root and root != EMPTY_SHA256:
            self.report(group.line("merkle-root"), "not the hash of nothing", "empty-hash")
        if None not in (total, size, digest, root) and 0 < total <= size:
            leaf = hashlib.sha256(b"\0" + bytes.fromhex(digest)).hexdigest()
            if root != leaf:
                self.report(group.line("merkle-root"), f"one chunk: expected {leaf}", "single-root")

    def check_tokenizer_groups(self):
        """tokenizer-sha256 stands on the first safetensors group of a folder."""
        seen = set()
        for group in self.groups:
            path = group.value("artifact")
            if path is None or group.value("artifact-format") != "safetensors":
                continue
            folder = path.rpartition("/")[0]
            if folder in seen and group.line("tokenizer-sha256"):
                self.report(group.line("tokenizer-sha256"),
                            "not the first safetensors group of its folder", "tokenizer-sha256")
            seen.add(folder)

    def check_paths(self):
        lines = [line for group in self.groups if (line := group.line("artifact")) and line.ok]
        for one, two in zip(lines, lines[1:]):
            if two.value.encode() < one.value.encode():
                self.report(two.number, "groups are sorted by path", "artifact-order")
        files = {}
        for line in lines:
            if line.value.lower() in files:
                self.report(line, "a second artifact of this path, case ignored", "path-clash")
            files.setdefault(line.value.lower(), line)
        self.check_folders(lines, files)
        for line in lines:
            for ending in (".chunks", ".chunks.gz"):
                other = line.value.lower()
                if other.endswith(ending) and other[:-len(ending)] in files:
                    self.report(line, "this is the path of another artifact's chunk list",
                                "path-clash")
                parts = other.split("/")
                for depth in range(1, len(parts)):
                    folder = "/".join(parts[:depth])
                    if folder.endswith(ending) and folder[:-len(ending)] in files:
                        self.report(line, "this folder has the path of another artifact's chunk list",
                                    "path-clash")

    def check_folders(self, lines, files):
        folders = {}
        for line in lines:
            parts = line.value.split("/")
            for depth in range(1, len(parts)):
                folder = "/".join(parts[:depth])
                known = folders.setdefault(folder.lower(), folder)
                if known != folder:
                    self.report(line, f"folder {show(folder)} differs by case only", "path-clash")
                if folder.lower() in files:
                    self.report(line, f"{show(folder)} is a file too", "path-clash")


def lint(data):
    return Lint(data).run()
