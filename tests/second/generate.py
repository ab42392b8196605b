"""Valid manifests, varied and at the edges of the rules; writes both sets to folders."""

import hashlib
import os
import random

from common import EMPTY_SHA256, MAX_NUMBER
from manifest import ARTIFACT, LANES, MAX_BYTES, MODEL

ROUTES = ("license-route", "model-card-route", "takedown-route")
WEIGHT_FORMATS = ("gguf", "safetensors", "slm", "opaque")
NAME_PARTS = "tiny stories nano a 7 q4 base chat v2 z0".split()
LICENSES = """MIT|Apache-2.0|GPL-2.0+|LicenseRef-Acme|DocumentRef-spdx-tool-1.2:LicenseRef-MIT-Style-2
MIT OR Apache-2.0|GPL-2.0-or-later WITH Classpath-exception-2.0|(MIT)|((MIT OR 0BSD))|LicenseRef-a.b-C
MIT AND (LGPL-2.1-only OR BSD-3-Clause)|(MIT OR Apache-2.0) AND CC-BY-4.0 OR GPL-3.0+ WITH x-1.0
LicenseRef-x WITH y|no-such-licence-id-7.7|MIT AND MIT AND MIT|(((A AND B) OR (C)) AND D)"""
URLS = """https://example.org/a|https://example.org/a/b/c.html|https://example.org:8443/models/readme.md
https://example.org/%C3%A9t%C3%A9/%e2%82%ac.txt|https://example.org/a%20b|https://example.org/dir/
https://example.org/%7Euser/x|https://example.org/@org/x:y|https://192.0.2.7/notes
https://localhost/x|https://xn--bcher-kva.example/x|https://example.org/!$&'()*+,=~_-/q
https://example.org/model.gguf.html|https://example.org/v1.bin/readme|https://example.org/gguf
https://example.org/x.binary|https://example.org/.well-known/x|https://example.org/%F0%9F%98%80
https://example.org/a.b.c|https://a-b.example.org:65535/x|https://example.org/zip|https://example.org/...x
https://example.org/x.md%5F|https://example.org/x.chunks"""
DISPLAY_NAMES = [
    "Tiny Stories", "x", "\u0928\u094d\u200d\u092e", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "family \U0001f468\u200d\U0001f469\u200d\U0001f467", "a" * 120, "\u00e9" * 60, "\U0001f600" * 30,
    "\u00ac\u00ae\u061b\u061d\u200a\u2010\u2027\u202f\u205f\u206a\u206f", "\ufefe\uff00\ufffd",
    "\ufdcf\ufdf0\ud7ff\ue000\U000e0080\U0010fffd\U0001fffd", "nfd e\u0301 nfc \u00e9", "a: b # c",
    "'quoted' \"twice\" <b>&amp; \\n %s", "\u4e2d\u200d\u6587", "\u00a0x\u00a0", "a  b", "~ ! @ \u2122"]
IDENTITIES = ["hf://org/name", "x", "i" * 256, "\u00e9" * 128, "https://example.org/models/tiny",
              "see https://example.org/a and hf://org/m.gguf", "git:abc http s", "a  b",
              "s3://bucket/model.safetensors", "paper doi:10.1000/182"]
X_VALUES = IDENTITIES + ["v" * 1024, "\u00e9" * 512, "shttp://x", "-", "none", "0", "{\"a\": 1}",
                         "x https://example.org/x.chunks"]
PATHS = ["README.md", "a/b/c/d/e.txt", "c" * 127 + "/x", "/".join(["d" * 58] * 4) + "/file", ".hidden",
         "a b.txt", "x [1]+(2)=,@~.txt", "com10.txt", "console.txt", "nul-x", ".con", "x/.aux/y.txt", "_",
         "a...b", "x -.txt", "auxiliary/prnt", "0", "COMx", "lpt", "z.chunks", "y/model.GGUF.txt",
         "con_/x", "x.con", "A/B", "none", "p" * 112 + "/" + "q" * 127]
# One edge for each document in turn: (field, value that is still good).
EDGES = [("version", "0"), ("version", "v" * 64), ("version", "1.0.0-rc.1+build"), ("revision", "1"),
         ("revision", str(MAX_NUMBER)), ("parameters", "0"), ("parameters", str(MAX_NUMBER)),
         ("previous-manifest", "0" * 64), ("architecture", "unknown"), ("architecture", "a" * 64),
         ("architecture", "-._"), ("quantization", "q" * 32), ("quantization", "_"), ("quantization", "unknown"),
         ("created", "2000-02-29T23:59:59Z"), ("created", "1970-01-01T00:00:00Z"),
         ("created", "2024-02-29T00:00:00Z"), ("created", "1999-12-31T23:59:59Z"),
         ("created", "2026-04-30T12:00:00Z"), ("expires", "9999-12-31T23:59:59Z"),
         ("takedown-route", "mailto:a@b.example"), ("takedown-route", "mailto:take.down+x_1@example.org"),
         ("model-shape", " ".join(f"{name}={MAX_NUMBER}" for name in (
             "block_count embedding_length feed_forward_length head_count head_count_kv vocab_size "
             "context_length").split())), ("license", "A" * 1024), ("license", "(" * 510 + "MIT" + ")" * 510),
         ("license", " OR ".join(["MIT"] * 146)), ("license-route", "https://h/" + "p" * 1014),
         ("tag", "t" * 32), ("tag", "0"), ("tag", "a.-"), ("x-" + "k" * 62, "v"), ("x--", "v"), ("x-0", "1")]
EDGES += [("license", value) for value in LICENSES.replace("\n", "|").split("|")]
EDGES += [("model-card-route", value) for value in URLS.replace("\n", "|").split("|")]
EDGES += [("display-name", value) for value in DISPLAY_NAMES]
EDGES += [("source", "- " + value) for value in IDENTITIES] + [("x-edge", value) for value in X_VALUES]
EDGES += [("artifact", value) for value in PATHS if value != "none"]
EDGES += [("model-id", value) for value in (
    "a/b", "p" * 64 + "/" + "n" * 64, "0/9", "a.b-c_d/e.f-g_h", "com10/x", "conx/nul-x", "x.con/y.nul")]
EDGES += [("artifact-bytes", value) for value in (
    (0, 65536), (1, 65536), (65536, 65536), (65537, 65536), (131072, 65536), (67108864, 67108864),
    (8000000 * 65536, 65536), (8000000 * 67108864, 67108864), (8000000 * 65536 - 65535, 65536))]


def hex64(rng):
    return f"{rng.getrandbits(256):064x}"


class Field:
    """One line, which can be found again after the document was put in order."""

    def __init__(self, key, value):
        self.key, self.value = key, value


class Group(list):
    """The fields of one artifact."""

    def get(self, key):
        return next((field for field in self if field.key == key), None)

    def set(self, key, value, rules=ARTIFACT):
        """Sets a field, or puts it where it belongs."""
        field = self.get(key)
        if field is None:
            ranks = list(rules)
            at = sum(ranks.index(other.key) <= ranks.index(key) for other in self)
            field = Field(key, value)
            self.insert(at, field)
        field.value = value
        return field

    def drop(self, key):
        self[:] = [field for field in self if field.key != key]

    def seal(self):
        """Count, hash and root that follow from the size."""
        size, total = int(self.get("chunk-size").value), int(self.get("artifact-bytes").value)
        count = (total + size - 1) // size
        self.set("chunk-count", str(count))
        if count == 0:
            self.set("artifact-sha256", EMPTY_SHA256)
            self.set("merkle-root", EMPTY_SHA256)
        if count == 1:
            digest = bytes.fromhex(self.get("artifact-sha256").value)
            self.set("merkle-root", hashlib.sha256(b"\0" + digest).hexdigest())


class Document:
    def __init__(self, rng, full=False):
        """full: every optional field is there, every many field at least twice."""
        self.rng, self.full = rng, full
        self.model, self.extra, self.groups = Group(), [], []
        self.make_groups()
        self.make_model()
        for key in self.some(["x-note", "x-a", "x-a-b", "x-a0", "x-zz9"], 2):
            self.extra.append(Field(key, rng.choice(X_VALUES)))

    def maybe(self):
        return self.full or self.rng.random() < 0.5

    def some(self, values, least):
        count = self.rng.randint(least if self.full else 0, len(values))
        return self.rng.sample(values, count)

    # -- the parts --

    def make_groups(self):
        rng = self.rng
        folder = rng.choice(["", "m/", "deep/er/"])
        form = rng.choice(WEIGHT_FORMATS[:2] if self.full else WEIGHT_FORMATS)
        parts = rng.randint(1, 3)
        for part in range(parts):
            self.add_group(f"{folder}weights-{part}.{form}", "weights", form, part == 0)
        others = [("CARD.md", "card", "text"), ("LICENSE", "license", "text"),
                  (f"{folder}config.json", "config", "json"), (f"{folder}tok", "tokenizer", "opaque"),
                  ("extra/notes 1.txt", "other", "text"), ("lora/adapter", "adapter", "gguf")]
        for path, role, form in others if self.full else self.some(others, 0):
            self.add_group(path, role, form, True)

    def add_group(self, path, role, form, first):
        rng, group = self.rng, Group([Field("artifact", path)])
        size = 65536 << rng.randint(0, 10)
        for key, value in [("artifact-role", role), ("artifact-format", form),
                           ("artifact-bytes", str(rng.choice([rng.randint(0, size), rng.randint(0, 10**10)]))),
                           ("artifact-sha256", hex64(rng)), ("chunk-scheme", "fixed-size-merkle-v0"),
                           ("chunk-size", str(size)), ("chunk-count", "0"), ("merkle-root", hex64(rng))]:
            group.append(Field(key, value))
        if form in WEIGHT_FORMATS[:3] and self.maybe():
            group.set("tensor-layout-sha256", hex64(rng))
        if form in WEIGHT_FORMATS[:3] and first and self.maybe():
            group.set("tokenizer-sha256", hex64(rng))
        if form == "gguf" and self.maybe():
            group.set("chat-template-sha256", hex64(rng))
        if self.maybe():
            url = f"https://example.org/lists/{rng.randint(0, 9)}.chunks.gz"
            own = path + rng.choice([".chunks", ".chunks.gz"])
            fits = len(own) <= 240 and len(own.split("/")[-1]) <= 127
            group.set("chunk-list-route", rng.choice([own, url]) if fits else url)
            group.set("chunk-list-sha256", hex64(rng))
        group.seal()
        self.groups.append(group)
        return group

    def route(self, key):
        """A good value for one of the route fields."""
        paths = [group[0].value for group in self.groups if group[1].value in ("card", "license")]
        choices = [self.rng.choice(URLS.replace("\n", "|").split("|"))]
        if paths and key in ROUTES[:2]:
            choices.append(self.rng.choice(paths))
        if key == "takedown-route":
            choices.append("mailto:abuse@example.org")
        return self.rng.choice(choices)

    def make_model(self):
        rng = self.rng
        publisher = "local" if not self.full and rng.random() < 0.2 else rng.choice(NAME_PARTS)
        name = rng.choice(["-", ".", "_"]).join(rng.sample(NAME_PARTS, rng.randint(1, 4)))
        signed = rng.random() < 0.7
        year = rng.randint(1971, 2200)
        put = lambda key, value: self.model.append(Field(key, value))
        put("model-id", f"{publisher}/{name}")
        put("version", rng.choice(["1", "1.0.0", "2026-01-01", "a+b-c.D"]))
        put("revision", str(rng.randint(2, 10**rng.randint(1, 18))))
        if self.maybe():
            put("previous-manifest", hex64(rng))
        put("display-name", rng.choice(DISPLAY_NAMES))
        for tag in sorted(self.some([f"tag-{n:x}" for n in range(14)] + ["9", "z" * 32], 3)):
            put("tag", tag)
        put("publisher-id", publisher)
        put("key-id", f"{rng.getrandbits(64):016X}" if signed else "none")
        put("signature-scheme", "minisign" if signed else "none")
        put("created", f"{year}-{rng.randint(1, 12):02}-{rng.randint(1, 28):02}T{rng.randint(0, 23):02}:00:59Z")
        if self.maybe():
            put("expires", f"{year + rng.randint(1, 90)}-01-31T00:00:00Z")
        put("license", rng.choice(LICENSES.replace("\n", "|").split("|")))
        for key in ROUTES[:2] + ("manifest-route",) + ROUTES[2:]:
            if key != "manifest-route":
                put(key, "none" if publisher == "local" and rng.random() < 0.6 else self.route(key))
            elif self.maybe():
                put(key, "https://example.org/x.manifest")
        self.make_sources()
        self.make_facts()

    def make_sources(self):
        lane = self.rng.choice(LANES[1:] if self.full else LANES)
        self.model.append(Field("source-lane", lane))
        if lane == "original":
            return
        values = {f"{self.rng.choice(['-', hex64(self.rng)])} {identity}"
                  for identity in self.some(IDENTITIES, 3) or ["one"]}
        self.model += [Field("source", value) for value in sorted(values, key=str.encode)]

    def make_facts(self):
        rng = self.rng
        put = lambda key, value: self.model.append(Field(key, value))
        put("architecture", rng.choice(["llama", "qwen2", "gpt-neox", "unknown"]))
        if self.maybe():
            put("parameters", str(rng.randint(0, MAX_NUMBER)))
        put("quantization", rng.choice(["f32", "q4_k", "bf16", "f8_e4m3", "unknown"]))
        if self.maybe():
            put("model-shape", "block_count=5 embedding_length=64 feed_forward_length=0 head_count=8 "
                f"head_count_kv=4 vocab_size={rng.randint(0, 10**6)} context_length=2048")
        card = [group[0].value for group in self.groups if group[1].value == "card"]
        evidence = [f"{kind} {status} {digest} {route}" for kind in ("infer-check", "derived", "x-" + "e" * 32)
                    for status in ("pass", "fail", "pending") for digest in ("-", hex64(rng))
                    for route in ["-", "https://example.org/run.evidence"] + card]
        for value in sorted(self.some(evidence, 3)):
            put("evidence", value)
        put("peer-hint", rng.choice(["none", "available", "restricted"]))

    # -- lines and bytes --

    def fields(self):
        """All lines after the first, sections and groups in order."""
        groups = sorted(self.groups, key=lambda group: group[0].value.encode("utf-8", "surrogateescape"))
        extra = sorted(self.extra, key=lambda field: field.key)
        return self.model + extra + [field for group in groups for field in group]

    def line_of(self, field):
        return next(at for at, other in enumerate(self.fields(), 2) if other is field)

    def lines(self):
        return [b"minimodel-manifest 0"] + [
            f"{field.key}: {field.value}".encode("utf-8", "surrogateescape") for field in self.fields()]

    def data(self):
        return b"\n".join(self.lines()) + b"\n"

    # -- edges --

    def apply(self, key, value):
        """Puts one edge in, with what must go with it."""
        if key == "artifact":
            self.add_group(value, "other", "opaque", True)
        elif key == "artifact-bytes":
            group = self.groups[0]
            group.set("chunk-size", str(value[1]))
            group.set(key, str(value[0]))
            group.seal()
        elif key.startswith("x-"):
            self.extra = [field for field in self.extra if field.key != key] + [Field(key, value)]
        elif key in ("tag", "source"):
            self.model.drop(key)
            if key == "source":
                self.model.set("source-lane", "merged", MODEL)
            self.model.set(key, value, MODEL)
        else:
            self.apply_model(key, value)

    def apply_model(self, key, value):
        self.model.set(key, value, MODEL)
        if key == "model-id":
            self.model.set("publisher-id", value.split("/")[0], MODEL)
            for route in ROUTES:
                self.model.set(route, "https://example.org/x", MODEL)
        if (key, value) == ("revision", "1"):
            self.model.drop("previous-manifest")
        if key == "created":
            self.model.set("expires", value[:-2] + "9Z" if value[-2] != "9" else f"{int(value[:4]) + 1}-01-01T00:00:00Z",
                           MODEL)

    def fill(self, total):
        """Adds x- fields until the manifest has so many bytes."""
        self.extra = []
        need, at = total - len(self.data()), 0
        while need > 0:
            length = min(need - len("x-fill-0000: \n"), 1024)
            if 0 < need - len("x-fill-0000: \n") - length < 40:
                length -= 40
            self.extra.append(Field(f"x-fill-{at:04}", "f" * length))
            need, at = need - len("x-fill-0000: \n") - length, at + 1


def valid(seed, index):
    rng = random.Random(f"{seed}:{index}")
    document = Document(rng, full=index % 4 == 3)
    document.apply(*EDGES[index % len(EDGES)])
    if index % 64 == 63:
        document.fill(MAX_BYTES)
    return document


def write_file(folder, name, data):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def write_valid(seed, count, folder):
    os.makedirs(folder, exist_ok=True)
    for index in range(count):
        write_file(folder, f"valid-{index:05}.manifest", valid(seed, index).data())


def write_broken(seed, count, folder):
    from broken import WAYS, broken  # it builds on this module
    os.makedirs(folder, exist_ok=True)
    table = []
    for index in range(count):
        way = WAYS[index % len(WAYS)]
        data, lines, reason = broken(way, random.Random(f"{seed}:{index}"))
        name = f"{way.name}-{index:05}.manifest"
        write_file(folder, name, data)
        where = "-" if lines is None else ",".join(map(str, sorted(lines)))
        table.append(f"{name}\t{where}\t{reason}\n")
    write_file(folder, "expect.tsv", "".join(table).encode())
