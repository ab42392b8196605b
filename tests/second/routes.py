"""Paths, routes and the catalog boundary (manifest.md, below the artifact table)."""

import ipaddress
import re

from common import is_control, show

COMPONENT = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9 ._+()=,@~\[\]-]{0,126}")
RESERVED = {"con", "prn", "aux", "nul"} | {f"{d}{n}" for d in ("com", "lpt") for n in range(10)}
WEIGHT_ENDINGS = tuple(".slm .gguf .ggml .safetensors .bin .pt .pth .ckpt .onnx .tflite .npz .h5 "
                       ".pkl .zip .tar .gz .tgz .xz .zst .7z .torrent".split())
LIST_ENDINGS = (".chunks", ".chunks.gz")
PCHARS = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%-]*")
HOST_NAME = re.compile(r"[A-Za-z0-9._~!$&'()*+,=-]+")
SCHEME_IN_TEXT = re.compile(r"(?<![A-Za-z0-9+.-])(https://|http:|ftp:|magnet:|ipfs:)", re.IGNORECASE)


def is_reserved(name):
    """A name that Windows reserves: what stands before the first dot, trailing spaces dropped."""
    return name.split(".")[0].rstrip(" ").lower() in RESERVED


def component_fault(part):
    if part in ("", ".", ".."):
        return f"component {show(part)} is not allowed"
    if not COMPONENT.fullmatch(part):
        return f"component {show(part)} is not made of 1 to 127 allowed bytes"
    if part[-1] in ". ":
        return f"component {show(part)} ends in a dot or space"
    if is_reserved(part):
        return f"component {show(part)} is a name that Windows reserves"
    return None


def path_faults(path):
    faults = [fault for fault in map(component_fault, path.split("/")) if fault]
    if len(path.encode()) > 240:
        faults.append("a path has at most 240 bytes")
    return faults


class Boundary:
    """What a route may not lead to: the weights of this manifest."""

    def __init__(self, roles):
        self.roles = roles  # path -> role
        self.weights = {path.rsplit("/", 1)[-1].lower() for path, role in roles.items()
                        if role in ("weights", "adapter")}

    def segment_faults(self, segment, chunk_list):
        name = segment.lower()
        faults = []
        if name in self.weights:
            faults.append(f"leads to the weights file {show(segment)}")
        if chunk_list:
            if not segment.endswith(LIST_ENDINGS):
                faults.append("a chunk list's route ends in .chunks or .chunks.gz")
        elif name.endswith(WEIGHT_ENDINGS):
            faults.append(f"{show(segment)} has the ending of a weights or archive file")
        return faults

    def url_faults(self, url, chunk_list=False):
        """Every fault of an https URL; none means that it is a route."""
        if not url.startswith("https://"):
            return [f"expected a URL that begins with https://, found {show(url)}"]
        authority, slash, path = url[len("https://"):].partition("/")
        if any(char in url for char in "?#"):
            return ["a route has no query and no fragment"]
        faults = authority_faults(authority)
        if not slash:
            return faults + ["a route has a slash after the host"]
        segments = path.split("/")
        faults += [fault for index, raw in enumerate(segments)
                   for fault in url_segment_faults(raw, index == len(segments) - 1)]
        filled = [segment for segment in segments if segment]
        if filled and not faults:
            faults += self.segment_faults(decode_segment(filled[-1]), chunk_list)
        elif chunk_list and not filled:
            faults.append("a chunk list's route ends in .chunks or .chunks.gz")
        return faults

    def path_route_faults(self, path):
        faults = path_faults(path)
        if faults:
            return [f"neither an https:// URL nor a path: {faults[0]}"]
        if path not in self.roles:
            return [f"the path {show(path)} names no artifact of this manifest"]
        return self.segment_faults(path.rsplit("/", 1)[-1], False)

    def route_faults(self, route):
        if route.startswith("https://"):
            return self.url_faults(route)
        return self.path_route_faults(route)

    def chunk_list_faults(self, route, artifact):
        """chunk-list-route: a URL, or the artifact's own path with an ending added."""
        if route.startswith("https://"):
            return self.url_faults(route, True)
        if route not in [artifact + ending for ending in LIST_ENDINGS]:
            return [f"expected {show(artifact)} with .chunks or .chunks.gz added"]
        return path_faults(route) + self.segment_faults(route.rsplit("/", 1)[-1], True)

    def text_faults(self, text):
        """URLs inside x- values and IDENTITY."""
        faults = []
        for match in SCHEME_IN_TEXT.finditer(text):
            if match[1].lower() != "https://":
                faults.append(f"{match[1]} URLs are refused")
            else:
                faults += self.url_faults(text[match.start():].split(" ")[0])
        return faults


def authority_faults(authority):
    if "@" in authority:
        return ["a route has no user"]
    bracketed = re.fullmatch(r"\[([^\]]*)\](?::(.*))?", authority)
    if bracketed:
        host_ok, port = is_ipv6(bracketed[1]), bracketed[2]
    else:
        host, colon, port_text = authority.partition(":")
        host_ok, port = HOST_NAME.fullmatch(host), port_text if colon else None
    faults = [] if host_ok else [f"bad host in {show(authority)}"]
    if port is not None and not (re.fullmatch(r"[1-9][0-9]{0,4}", port) and int(port) < 65536):
        faults.append(f"bad port {show(port)}")
    return faults


def is_ipv6(text):
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return "%" not in text


def decode_segment(raw):
    """Decodes % escapes once; ValueError when the bytes are not UTF-8."""
    data = re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), raw.encode())
    return data.decode("utf-8")


def url_segment_faults(raw, is_last):
    if raw == "":
        return [] if is_last else ["empty segment"]
    if not PCHARS.fullmatch(raw):
        return [f"{show(raw)} has a character that RFC 3986 does not allow in a segment"]
    if re.search(r"%(?![0-9A-Fa-f]{2})", raw):
        return [f"{show(raw)} has a malformed escape"]
    try:
        text = decode_segment(raw)
    except ValueError:
        return [f"{show(raw)} is not UTF-8 once decoded"]
    if "%" in text or "/" in text or any(map(is_control, text)):
        return [f"{show(raw)} decodes to a percent sign, a slash or a control character"]
    if ";" in text:
        return [f"{show(raw)} has a semicolon"]
    if text[-1] in ". ":
        return [f"{show(raw)} is a dot segment or ends in a dot or space"]
    return []


def mailto_faults(value):
    """mailto:LOCAL@HOST, ASCII, no question mark (manifest.md, takedown-route)."""
    match = re.fullmatch(r"mailto:([!-~]+)@([!-~]+)", value)
    if not match or "?" in value or value.count("@") != 1:
        return [f"expected mailto:LOCAL@HOST, found {show(value)}"]
    if not re.fullmatch(r"[A-Za-z0-9.!$%&'*+/=^_`{|}~-]+", match[1]):
        return [f"bad local part {show(match[1])}"]
    return [] if re.fullmatch(r"[A-Za-z0-9.-]+", match[2]) else [f"bad host {show(match[2])}"]
