"""SPDX 2.3 licence expressions, Annex D, syntax only (manifest.md, license)."""

import re

TOKEN = re.compile(r"[()]|[^ ()]+")
ID = re.compile(r"[A-Za-z0-9.-]+")
REF = re.compile(r"(DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+")
OPERATORS = ("AND", "OR", "WITH")


def is_licence(token):
    """license-id, license-id+ or license-ref; ids are not looked up."""
    if token.startswith(("LicenseRef-", "DocumentRef-")):
        return REF.fullmatch(token) is not None
    name = token[:-1] if token.endswith("+") else token
    return ID.fullmatch(name) is not None and name not in OPERATORS


def is_exception(token):
    return (ID.fullmatch(token) is not None and token not in OPERATORS
            and not token.startswith(("LicenseRef-", "DocumentRef-")))


def spacing(tokens):
    """The one way to write the tokens: a space beside operators, none inside parentheses."""
    text = ""
    for token in tokens:
        text += f" {token} " if token in OPERATORS else token
    return text


def fault(expression):
    """None, or what is wrong. A walk that expects a licence or an operator in turn."""
    tokens = TOKEN.findall(expression)
    depth, want, plain = 0, "licence", False  # plain: WITH may follow
    for token in tokens:
        if want == "licence" and token == "(":
            depth += 1
        elif want == "licence" and is_licence(token):
            want, plain = "operator", True
        elif want == "exception" and is_exception(token):
            want, plain = "operator", False
        elif want == "operator" and token == ")" and depth > 0:
            depth, plain = depth - 1, False
        elif want == "operator" and token in ("AND", "OR"):
            want = "licence"
        elif want == "operator" and token == "WITH" and plain:
            want = "exception"
        else:
            return f"'{token}' where a licence expression expects {want}"
    if want != "operator" or depth:
        return "the licence expression is not complete"
    if spacing(tokens) != expression:
        return "one space beside operators, none inside parentheses"
    return None
