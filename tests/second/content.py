"""Which format a file has, and what is refused by content (artifacts.md, All formats)."""

import io
import mmap
import os
import pickletools

import jsontext
from common import Finding, open_regular
from gguf import Gguf
from layout import Facts
from safetensors import MAX_JSON, Safetensors, header_length
from slm import MAGIC, Slm

RUNS_CODE = {"GLOBAL", "STACK_GLOBAL", "INST", "OBJ", "REDUCE", "NEWOBJ", "NEWOBJ_EX", "BUILD"}
OLD_PICKLE_LIMIT = 1 << 20


def is_tar(data):
    """The first block's checksum is right: what any tar reader looks for."""
    block = bytes(data[:512])
    field = block[148:156].strip(b" \0")
    if len(block) < 512 or not field or field.strip(b"01234567"):
        return False
    return sum(block[:148]) + 8 * 32 + sum(block[156:]) == int(field, 8)


def is_pickle(data):
    """Protocol 2 and later by its first two bytes; 0 and 1 when all of it reads as opcodes."""
    if data[:1] == b"\x80":
        return 2 <= data[1] <= 5 if len(data) > 1 else False
    if len(data) > OLD_PICKLE_LIMIT:
        return False
    stream, names = io.BytesIO(bytes(data)), set()
    try:
        names = {code.name for code, _, _ in pickletools.genops(stream)}
    except Exception:  # genops raises whatever the bytes make it raise
        return False
    return not stream.read().strip() and bool(names & RUNS_CODE)


def archive_kind(data):
    """The name of refused content, or None."""
    if data[:4] in (b"PK\3\4", b"PK\5\6", b"PK\7\x08"):
        return "zip"
    if data[:3] == b"\x1f\x8b\x08":
        return "gzip"
    if data[:6] == b"7z\xbc\xaf\x27\x1c":
        return "7z"
    if is_tar(data):
        return "tar"
    return "pickle" if is_pickle(data) else None


def map_file(path):
    """The file's bytes, read-only."""
    with open_regular(path) as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def is_text(data):
    try:
        return "\0" not in bytes(data).decode("utf-8")
    except UnicodeDecodeError:
        return False


def plain_facts(path, data, findings):
    """json, text or opaque."""
    form = "text" if is_text(data) else "opaque"
    if path.lower().endswith(".json"):
        try:
            if len(data) > MAX_JSON:
                raise jsontext.JsonError(MAX_JSON, "larger than 256 MiB")
            jsontext.parse(bytes(data))
            form = "json"
        except jsontext.JsonError as error:
            findings.append(Finding(f"@{error.offset}", f"not JSON: {error.message}",
                                    "json-syntax", "note"))
    return Facts(form, len(data))


def examine(path):
    """Facts (None when there are none to tell) and findings of one file."""
    data, name = map_file(path), path.lower()
    if data[:4] == MAGIC[:4] or name.endswith(".slm") and data[:4] != b"GGUF":
        file = Slm(data)
        findings = file.read()
        return file.facts(), findings
    if name.endswith(".safetensors") and (header_length(data) or not archive_kind(data)):
        file = Safetensors(data)
        findings = file.read()
        return file.facts(os.path.dirname(path)), findings
    if kind := archive_kind(data):
        return None, [Finding("@0", f"{kind} content is refused", "archive")]
    if name.endswith(".gguf") or data[:4] == b"GGUF":
        file = Gguf(data)
        findings = file.read()
        return file.facts(), findings
    findings = []
    return plain_facts(path, data, findings), findings
