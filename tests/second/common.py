"""What all parts share: findings, exit codes, escaping, the line rules of text documents."""

import os
import re
import stat

MAX_NUMBER = 2**63 - 1
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


class CannotTell(Exception):
    """I/O errors and limits: exit code 3 (conventions.md, Exit codes)."""


class Fatal(Exception):
    """A finding after which the rest of a binary file cannot be read."""

    def __init__(self, offset, message, rule):
        super().__init__(message)
        self.finding = Finding(f"@{offset}", message, rule)


class Finding:
    def __init__(self, place, message, rule, level="error"):
        self.place = place  # "LINE:COLUMN" or "@OFFSET"
        self.message = message
        self.rule = rule
        self.level = level

    def text(self, name):
        return f"{name}:{self.place}: {self.level}: {self.message} [{self.rule}]"


def exit_code(findings):
    """1 when anything is wrong, else 3 when anything is unsupported, else 0."""
    errors = [f for f in findings if f.level == "error"]
    if any(not f.rule.endswith("-unsupported") for f in errors):
        return 1
    return 3 if errors else 0


def open_regular(path):
    """Opens a regular file for reading (conventions.md, Reading)."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise CannotTell(f"{path}: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise CannotTell(f"{path}: not a regular file")
    return os.fdopen(fd, "rb")


# --- characters (manifest.md, Grammar) ---

REFUSED_RANGES = [(0xAD, 0xAD), (0x61C, 0x61C), (0x200B, 0x200F), (0x2028, 0x202E),
                  (0x2060, 0x2069), (0xFEFF, 0xFEFF), (0xE0000, 0xE007F)]


def is_control(char):
    """The general category Cc: C0, DEL and C1."""
    return ord(char) < 0x20 or 0x7F <= ord(char) <= 0x9F


def is_refused(char):
    code = ord(char)
    return (is_control(char) or 0xD800 <= code <= 0xDFFF
            or 0xFDD0 <= code <= 0xFDEF or code & 0xFFFE == 0xFFFE
            or any(low <= code <= high for low, high in REFUSED_RANGES))


def is_joiner_between(text, index):
    """U+200C and U+200D between two non-ASCII characters."""
    return (text[index] in "\u200c\u200d" and 0 < index < len(text) - 1
            and ord(text[index - 1]) > 127 and ord(text[index + 1]) > 127)


def first_refused(text, joiners=False):
    """Index of the first refused character, or -1."""
    for index, char in enumerate(text):
        if is_refused(char) and not (joiners and is_joiner_between(text, index)):
            return index
    return -1


def show(value):
    """Escapes what must not reach a terminal; cuts what is long."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    shown = "".join(f"\\u{{{ord(c):X}}}" if is_refused(c) else c for c in value)
    return "'" + (shown if len(shown) <= 80 else shown[:77] + "...") + "'"


# --- numbers, hashes (conventions.md) ---

def number(text):
    """The value of a number, or None when it is not written as one."""
    if re.fullmatch(r"0|[1-9][0-9]{0,18}", text) and int(text) <= MAX_NUMBER:
        return int(text)
    return None


def is_sha256(text):
    return re.fullmatch(r"[0-9a-f]{64}", text) is not None


# --- lines of a text document ---

KEY = re.compile(rb"[a-z][a-z0-9-]{0,63}")


class Line:
    """One KEY: VALUE line; ok is false when its value cannot be judged further."""

    def __init__(self, number_, key, value, ok):
        self.number, self.key, self.value, self.ok = number_, key, value, ok

    @property
    def column(self):
        return len(self.key) + 3


def first_line(raw, name, findings):
    """Checks line 1; returns false when the version is one that is not known."""
    match = re.fullmatch(name.encode() + rb" (0|[1-9][0-9]{0,18})", raw)
    if match and match[1] != b"0":
        findings.append(Finding("1:1", f"version {match[1].decode()} is not known, only 0 is",
                                f"{name}-unsupported"))
        return False
    if not match:
        findings.append(Finding("1:1", f"expected '{name} 0', found {show(raw)}", "first-line"))
    return True


def split_lines(data, findings):
    """Cuts at LF; complains when the last line has none."""
    lines = data.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    else:
        findings.append(Finding(f"{len(lines)}:{len(lines[-1]) + 1}",
                                "the last line has no line end", "last-line-end"))
    return lines or [b""]


def parse_line(raw, number_, findings, joiner_key=""):
    """KEY: VALUE, or None with findings where not even the key can be told."""
    def report(column, message, rule):
        findings.append(Finding(f"{number_}:{column}", message, rule))

    if raw == b"":
        return report(1, "blank line", "blank-line")
    match = KEY.match(raw)
    if not match or raw[match.end():match.end() + 1] != b":":
        return report(1, f"expected KEY: VALUE, found {show(raw)}", "line-syntax")
    key, rest = match[0].decode(), raw[match.end() + 1:]
    value_at = match.end() + 3
    if rest[:1] != b" ":
        report(match.end() + 2, "expected one space after the colon", "line-syntax")
        return Line(number_, key, "", False)
    value = rest[1:]
    before = len(findings)
    if not 1 <= len(value) <= 1024:
        report(value_at, f"a value has 1 to 1024 bytes, found {len(value)}", "value-length")
    if value[:1] == b" " or value[-1:] == b" ":
        report(value_at, "leading or trailing space", "value-space")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        report(value_at + error.start, "not well-formed UTF-8", "value-utf8")
        return Line(number_, key, "", False)
    bad = first_refused(text, key == joiner_key)
    if bad >= 0:
        report(value_at + len(text[:bad].encode()),
               f"character U+{ord(text[bad]):04X} is refused", "value-character")
    return Line(number_, key, text, len(findings) == before)
