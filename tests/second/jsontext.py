"""A strict RFC 8259 scanner with a stack of its own. Objects become lists of (key, value)."""

import re

SPACE = re.compile(rb"[ \t\n\r]*")
STRING = re.compile(rb'"((?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*)"')
NUMBER = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
LITERAL = re.compile(rb"true|false|null")
LITERALS = {b"true": True, b"false": False, b"null": None}
ESCAPE = re.compile(r'\\(?:u([0-9A-Fa-f]{4})|(.))')
SIMPLE_ESCAPES = dict(zip('"\\/bfnrt', '"\\/\b\f\n\r\t'))


class JsonError(Exception):
    def __init__(self, offset, message):
        super().__init__(message)
        self.offset, self.message = offset, message


class Number(str):
    """A number as it is written; its size has no limit."""


class Object(list):
    """(key, value) pairs in their order."""

    def get(self, name):
        return next((value for key, value in self if key == name), None)


def unescape(raw):
    """Decodes a string's inside; pairs of surrogate escapes become one character."""
    def one(match):
        return chr(int(match[1], 16)) if match[1] else SIMPLE_ESCAPES[match[2]]
    text = ESCAPE.sub(one, raw.decode("utf-8"))
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


def is_scalar_text(text):
    """No lone surrogate is left."""
    return not any(0xD800 <= ord(char) <= 0xDFFF for char in text)


class Scanner:
    def __init__(self, data, max_depth, strict):
        """strict: no duplicate keys, no lone surrogates (safetensors headers)."""
        self.data, self.at = data, 0
        self.max_depth, self.strict = max_depth, strict
        self.stack = []  # of [container, its keys, closing byte, key that waits for a value]

    def fail(self, message, offset=None):
        raise JsonError(self.at if offset is None else offset, message)

    def space(self):
        self.at = SPACE.match(self.data, self.at).end()

    def peek(self):
        return self.data[self.at:self.at + 1]

    def take(self, char):
        if self.peek() != char:
            self.fail(f"expected '{char.decode()}'")
        self.at += 1

    def string(self):
        match = STRING.match(self.data, self.at)
        if not match:
            self.fail("expected a well-formed string")
        text = unescape(match[1])
        if self.strict and not is_scalar_text(text):
            self.fail("a lone surrogate in a string")
        self.at = match.end()
        return text

    def scalar(self):
        if self.peek() == b'"':
            return self.string()
        match = LITERAL.match(self.data, self.at) or NUMBER.match(self.data, self.at)
        if not match:
            self.fail("expected a value")
        self.at = match.end()
        return LITERALS[match[0]] if match[0] in LITERALS else Number(match[0].decode())

    def key(self):
        """A key and its colon, where an object goes on."""
        self.space()
        start, name = self.at, self.string()
        keys = self.stack[-1][1]
        if self.strict and name in keys:
            self.fail(f"duplicate key {name!r}", start)
        keys.add(name)
        self.space()
        self.take(b":")
        self.space()
        return name

    def open(self, close):
        """Opens a container; true when it is not empty."""
        self.at += 1
        if len(self.stack) + 1 > self.max_depth:
            self.fail(f"deeper than {self.max_depth}")
        self.stack.append([Object() if close == b"}" else [], set(), close, None])
        self.space()
        if self.peek() == close:
            return False
        if close == b"}":
            self.stack[-1][3] = self.key()
        return True

    def close(self):
        self.at += 1
        return self.stack.pop()[0]

    def value(self):
        """One value, without recursion."""
        while True:
            start = self.peek()
            if start in (b"{", b"["):
                if self.open(b"}" if start == b"{" else b"]"):
                    continue
                done = self.close()
            else:
                done = self.scalar()
            while self.stack and self.attach(done):
                done = self.close()
            if not self.stack:
                return done

    def attach(self, done):
        """Adds a value to its container; true when the container ends here."""
        container, _, close, name = self.stack[-1]
        container.append((name, done) if close == b"}" else done)
        self.space()
        if self.peek() == close:
            return True
        self.take(b",")
        self.space()
        if close == b"}":
            self.stack[-1][3] = self.key()
        return False


def parse(data, max_depth=64, strict=False, padding=SPACE):
    """The value, or JsonError with the byte offset."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonError(error.start, "not well-formed UTF-8") from error
    scanner = Scanner(data, max_depth, strict)
    scanner.space()
    value = scanner.value()
    scanner.at = padding.match(data, scanner.at).end()
    if scanner.at != len(data):
        scanner.fail("something after the value")
    return value
