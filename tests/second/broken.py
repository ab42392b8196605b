"""Manifests that are broken in one way each. A way says where a finding is acceptable."""

from generate import Document, Field, hex64
from manifest import ARTIFACT, MAX_BYTES, MODEL

WAYS = []
# Ways that rest on a reading in README.md; their reason begins with "reading:".
READINGS = {"url-port-huge", "url-http-upper", "url-no-slash", "file-too-large", "tokenizer-second-shard"}
SHA = "0123456789abcdef" * 4
BIG = str(2**63)


class Way:
    def __init__(self, name, reason, run):
        self.name, self.reason, self.run = name, reason, run


def add(name, reason, run):
    assert all(name != way.name for way in WAYS), name
    resting = name in READINGS or "-of-" in name and name != "count-of-empty"
    WAYS.append(Way(name, "reading: " + reason if resting else reason, run))


def broken(way, rng):
    """Bytes, acceptable lines (None: any) and reason."""
    data, lines = way.run(Document(rng, full=True), rng)
    return data, lines, way.reason


def as_text(value):
    """A value from text, or from bytes that are not UTF-8."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def result(document, *fields):
    return document.data(), {document.line_of(field) for field in fields}


# --- setting one field to a bad value ---

def set_field(document, key, value):
    """Sets the field of this key; the fields that stand beside it."""
    value = as_text(value)
    if key.startswith("x-"):
        document.extra = [Field(key, value)]
        return [document.extra[0]]
    if key in ("tag", "source", "evidence"):
        document.model.drop(key)
    if key in ("model-id", "publisher-id"):
        return [document.model.set(key, value), document.model.get("model-id"),
                document.model.get("publisher-id")]
    if key in ("key-id", "signature-scheme"):
        document.model.set("key-id", "0123456789ABCDEF")
        document.model.set("signature-scheme", "minisign")
    if key in MODEL:
        return [document.model.set(key, value, MODEL)]
    group = document.groups[0]
    return [group.set(key, value)] + [group.get(other) for other in
                                      ("chunk-count", "merkle-root") if key == "chunk-size"]


def values(key, reason, **bad):
    """One way for each bad value of a field."""
    for name, value in bad.items():
        add(f"{key}-{name.replace('_', '-')}", f"{key}: {reason}: {name.replace('_', ' ')}",
            lambda document, rng, value=value: result(document, *set_field(document, key, value)))


NAME = "a name of [a-z0-9._-] with rules"
values("model-id", NAME, no_slash="tiny", two_slashes="a/b/c", empty_name="a/", empty_publisher="/a",
       upper="a/Tiny", space="a/b c", long_name="a/" + "n" * 65, long_publisher="p" * 65 + "/a",
       dot_first="a/.b", dash_last="a/b-", underscore_first="a/_b", double_dot="a/b..c",
       mixed_double="a/b-_c", plus="a/b+c", accent="a/\u00e9", reserved="a/con", reserved_dot="a/nul.x",
       reserved_com0="a/com0", reserved_lpt9="lpt9/a", reserved_publisher_dot="aux.b/c")
values("publisher-id", "the publisher of model-id", other="somebody-else", upper="A", with_name="a/tiny")
values("version", "[0-9A-Za-z][0-9A-Za-z.+-]{0,63}", long="v" * 65, dash_first="-1", dot_first=".1",
       plus_first="+1", space="1 0", underscore="1_0", slash="1/0", accent="1\u00e9")
NUMBER = dict(negative="-1", plus="+7", leading_zero="07", hex="0x10", exponent="1e3", comma="1,000",
              fraction="1.0", too_big=BIG, huge="9" * 30, word="many", two="1 2", arabic_digits="\u0661",
              full_width="\uff11", double_zero="00", minus_zero="-0", underscore="1_000")
values("revision", "a whole number from 1", zero="0", **NUMBER)
values("parameters", "a number", **NUMBER)
values("artifact-bytes", "a number", **NUMBER)
values("chunk-count", "a number", **NUMBER)
HASH = dict(short=SHA[:-1], long=SHA + "0", upper=SHA.upper(), letter="g" + SHA[1:], prefix="sha256:" + SHA,
            dash="-", inner_space=SHA[:32] + " " + SHA[33:], hex_prefix="0x" + SHA[2:])
for hash_key in ("previous-manifest", "artifact-sha256", "merkle-root", "tokenizer-sha256",
                 "tensor-layout-sha256", "chunk-list-sha256"):
    values(hash_key, "64 lower-case hex digits", **HASH)
values("display-name", "at most 120 bytes", long="a" * 121, long_in_bytes="\u00e9" * 60 + "a")
values("tag", "[a-z0-9][a-z0-9.-]{0,31}", long="t" * 33, upper="Tag", underscore="a_b", dash_first="-a",
       dot_first=".a", space="a b", slash="a/b", plus="a+b")
values("key-id", "16 upper-case hex digits or none", lower="0123456789abcdef", short="0123456789ABCDE",
       long="0123456789ABCDEF0", letter="0123456789ABCDEG", upper_none="NONE", prefix="0x23456789ABCDEF")
values("signature-scheme", "minisign or none", other="gpg", upper="Minisign", legacy="minisign-legacy")
TIME = dict(february_30="2026-02-30T00:00:00Z", february_29="2025-02-29T00:00:00Z", april_31="2026-04-31T00:00:00Z",
            century_leap="2100-02-29T00:00:00Z", month_0="2026-00-10T00:00:00Z", month_13="2026-13-10T00:00:00Z",
            day_0="2026-01-00T00:00:00Z", day_32="2026-01-32T00:00:00Z", hour_24="2026-01-01T24:00:00Z",
            minute_60="2026-01-01T00:60:00Z", second_60="2026-12-31T23:59:60Z", no_zone="2026-01-01T00:00:00",
            offset="2026-01-01T00:00:00+00:00", lower_t="2026-01-01t00:00:00Z", lower_z="2026-01-01T00:00:00z",
            space="2026-01-01 00:00:00Z", fraction="2026-01-01T00:00:00.5Z", short_year="26-01-01T00:00:00Z",
            long_year="12026-01-01T00:00:00Z", plus_year="+2026-01-01T00:00:00Z", one_digit="2026-1-01T00:00:00Z",
            date_only="2026-01-01", compact="20260101T000000Z", unix="1767225600", blank_digit="2026-01- 1T00:00:00Z")
values("created", "a real time", **TIME)
values("expires", "a real time", february_31="2999-02-31T00:00:00Z", second_60="2999-12-31T23:59:60Z",
       date_only="2999-12-31", never="never")
values("license", "SPDX 2.3 expression syntax", lower_or="MIT or Apache-2.0", lower_and="MIT and X",
       lower_with="GPL-2.0 with x", mixed_or="MIT Or X", missing_right="MIT OR", missing_left="AND MIT",
       two_ids="MIT Apache-2.0", double_space="MIT  OR X", open="(MIT", closed="MIT)", empty_parens="()",
       parens_space="( MIT )", parens_space_right="(MIT )", no_space="(MIT)OR X", tight_and="MIT AND(X)",
       slash="MIT/Apache-2.0", comma="MIT, X", underscore="my_licence", with_ref="GPL-2.0 WITH LicenseRef-x",
       with_parens="(MIT) WITH x", double_with="GPL-2.0 WITH x WITH y", with_alone="MIT WITH", plus_alone="+",
       double_plus="GPL-2.0++", plus_space="GPL-2.0 +", ref_empty="LicenseRef-", ref_plus="LicenseRef-x+",
       document_alone="DocumentRef-x", document_empty="DocumentRef-:LicenseRef-x", document_id="DocumentRef-x:MIT",
       operator_only="OR", double_operator="MIT AND OR X", with_plus="GPL-2.0 WITH x+", accent="MIT\u00e9",
       colon="a:b", with_group="GPL-2.0 WITH (x)", adjacent_groups="(MIT)(X)", quoted='"MIT"')
values("source-lane", "one of six words", other="copied", upper="Original", underscore="fine_tuned", two="merged mirrored")
values("source", "SHA256 IDENTITY", only_hash=SHA, only_dash="-", short_hash=SHA[1:] + " x", upper_hash=SHA.upper() + " x",
       no_hash="hf://org/name", long_identity="- " + "i" * 257, long_in_bytes="- " + "\u00e9" * 128 + "a")
values("architecture", "[a-z0-9._-]{1,64}", upper="LLaMA", long="a" * 65, space="a b", slash="a/b", plus="a+")
values("quantization", "[a-z0-9_]{1,32}", upper="Q4_K", long="q" * 33, dash="q4-k", dot="q4.k", two="f32 f16")
SHAPE = ("block_count=1 embedding_length=2 feed_forward_length=3 head_count=4 head_count_kv=5 "
         "vocab_size=6 context_length=7")
values("model-shape", "seven numbers in order", missing_last=SHAPE[:-17], missing_first=SHAPE[14:],
       swapped=SHAPE.replace("head_count=4 head_count_kv=5", "head_count_kv=5 head_count=4"), extra=SHAPE + " x=1",
       double_space=SHAPE.replace(" ", "  ", 1), comma=SHAPE.replace(" ", ","), negative=SHAPE.replace("=4", "=-4"),
       leading_zero=SHAPE.replace("=4", "=04"), array=SHAPE.replace("=4", "=[4]"), too_big=SHAPE.replace("=4", "=" + BIG),
       empty_number=SHAPE.replace("=4", "="), upper=SHAPE.replace("vocab", "Vocab"), equals=SHAPE.replace("=4", "==4"),
       question=SHAPE.replace("=4", "=?"), twice=SHAPE + " context_length=7")
values("evidence", "KIND STATUS SHA256 ROUTE", three="derived pass -", kind="other pass - -", upper="Derived pass - -",
       x_empty="x- pass - -", x_long="x-" + "e" * 33 + " pass - -", x_upper="x-A pass - -", status="derived done - -",
       hash="derived pass abc -", upper_hash=f"derived pass {SHA.upper()} -", route="derived pass - nowhere.txt",
       none="derived pass - none", x_underscore="x-a_b pass - -", double_space="derived  pass - -")
values("peer-hint", "one of three words", other="always", upper="None")
values("artifact-role", "one of seven words", other="model", upper="Weights", two="weights other")
values("artifact-format", "one of six words", other="onnx", upper="GGUF", pickle="pickle")
values("chunk-scheme", "fixed-size-merkle-v0", other="fixed-size-merkle-v1", upper="Fixed-size-merkle-v0")
values("chunk-size", "a power of two from 65536 to 67108864", small="32768", big="134217728", odd="65537",
       three_times="196608", zero="0", leading_zero="065536", unit="64K", negative="-65536", plus="+65536")
values("takedown-route", "mailto or https", no_at="mailto:abuse", no_local="mailto:@example.org",
       no_host="mailto:abuse@", query="mailto:a@example.org?subject=x", two_at="mailto:a@b@example.org",
       accent="mailto:\u00e9@example.org", accent_host="mailto:a@\u00e9.example", space="mailto:a b@example.org",
       upper_scheme="MAILTO:a@example.org", bare="a@example.org", path="CARD.md", none_public="none", tel="tel:+15550100")
values("license-route", "a route", none_public="none", plain="see the card", mailto="mailto:a@example.org")
values("model-card-route", "a route", none_public="none", hub="hf://org/name")
values("manifest-route", "an https URL", none="none", path="CARD.md", file="file:///etc/passwd")

# --- URLs: the form of a route and the catalog boundary, in every field that has routes ---

ROUTE_KEYS = ["license-route", "model-card-route", "manifest-route", "takedown-route"]
TEXT_KEYS = ["evidence", "x-see", "source"]


def set_url(document, rng, url, keys):
    key = rng.choice(keys)
    prefix = {"evidence": "derived pass - ", "source": "- ", "x-see": rng.choice(["", "see "])}.get(key, "")
    return result(document, *set_field(document, key, prefix + as_text(url)))


def urls(reason, keys, **bad):
    for name, url in bad.items():
        name = name.replace("_", "-")
        add(f"url-{name}", f"route: {reason}: {name}",
            lambda document, rng, url=url: set_url(document, rng, url, keys))


HTTPS = "https://example.org/"
EVERY = ROUTE_KEYS + TEXT_KEYS
urls("scheme", ROUTE_KEYS, upper_scheme="HTTPS://example.org/x", mixed_scheme="Https://example.org/x", relative="//example.org/x",
     one_slash="https:/example.org/x", hub_scheme="hf://org/name", file_scheme="file:///x", data_scheme="data:text/plain,x")
urls("scheme", EVERY, http="http://example.org/x", ftp="ftp://example.org/x", magnet="magnet:?xt=urn:btih:0123456789abcdef",
     ipfs="ipfs://bafybeigdyrzt/x", http_upper="HTTP://example.org/x")
urls("without user, query, fragment", EVERY, user="https://user@example.org/x", password="https://u:p@example.org/x",
     empty_user="https://@example.org/x", query=HTTPS + "x?y=1", empty_query=HTTPS + "x?", fragment=HTTPS + "x#y",
     empty_fragment=HTTPS + "x#", query_on_host="https://example.org/?x")
urls("host and port", EVERY, empty_host="https:///x", only_port="https://:443/x", port_word="https://example.org:port/x",
     port_negative="https://example.org:-1/x", port_hex="https://example.org:0x50/x", two_ports="https://example.org:1:2/x",
     no_slash="https://example.org", bare_v6="https://2001:db8::1/x", port_huge="https://example.org:" + "9" * 30 + "/x")
urls("RFC 3986 characters", ROUTE_KEYS, space=HTTPS + "a b", quote=HTTPS + 'a"b', angle=HTTPS + "a<b", back_slash=HTTPS + "a\\b",
     caret=HTTPS + "a^b", brace=HTTPS + "a{b", bar=HTTPS + "a|b", back_quote=HTTPS + "a`b", bracket=HTTPS + "a[b]",
     accent=HTTPS + "\u00e9", accent_host="https://\u00e9.example/x", host_space="https://exam ple.org/x",
     host_back_slash="https://example.org\\@evil.example/x")
urls("escapes", EVERY, escape_bare=HTTPS + "a%", escape_one_digit=HTTPS + "a%4", escape_letter=HTTPS + "a%4g",
     escape_sign=HTTPS + "a%+4b", escape_percent=HTTPS + "a%25b", escape_double=HTTPS + "model%252egguf",
     escape_slash=HTTPS + "a%2Fb", escape_slash_lower=HTTPS + "a%2fmodel", escape_nul=HTTPS + "a%00b", escape_lf=HTTPS + "a%0Ab",
     escape_escape=HTTPS + "a%1Bb", escape_delete=HTTPS + "a%7Fb", escape_c1=HTTPS + "a%C2%85b", escape_lone=HTTPS + "a%80b",
     escape_overlong=HTTPS + "a%C0%AFb", escape_cut=HTTPS + "a%E2%82", escape_surrogate=HTTPS + "a%ED%A0%80b",
     escape_latin1=HTTPS + "caf%E9", escape_too_high=HTTPS + "%F4%90%80%80")
urls("segments", EVERY, empty_segment=HTTPS + "a//b", empty_first="https://example.org//a", empty_two_last=HTTPS + "a//",
     dot=HTTPS + "./a", dot_dot=HTTPS + "a/../b", dot_last=HTTPS + "a/.", dot_dot_last=HTTPS + "a/..", dot_escaped=HTTPS + "a/%2e%2E/b",
     dot_half_escaped=HTTPS + "a/.%2e/b", semicolon=HTTPS + "a;v=1", semicolon_middle=HTTPS + "a;b/c", semicolon_escaped=HTTPS + "a%3Bb",
     end_dot=HTTPS + "a.", end_dot_middle=HTTPS + "a./b", end_dot_escaped=HTTPS + "a%2E", end_space=HTTPS + "a%20",
     end_space_middle=HTTPS + "a%20/b", end_weights_dot=HTTPS + "model.gguf.", end_weights_space=HTTPS + "model.gguf%20",
     three_dots=HTTPS + ".../a")
for ending in ("slm gguf ggml safetensors bin pt pth ckpt onnx tflite npz h5 pkl zip tar gz tgz xz zst 7z "
               "torrent").split():
    urls("catalog boundary", EVERY, **{f"ending_{ending}": HTTPS + f"a/model.{ending}"})
urls("catalog boundary", EVERY, ending_upper=HTTPS + "model.GGUF", ending_mixed=HTTPS + "model.SafeTensors", ending_escaped=HTTPS + "model.%67guf",
     ending_dot_escaped=HTTPS + "model%2Egguf", ending_upper_escaped=HTTPS + "model%2E%47GUF", ending_slash=HTTPS + "model.gguf/",
     ending_only=HTTPS + ".gguf", ending_double=HTTPS + "model.tar.gz", ending_chunks_gz=HTTPS + "x.chunks.gz", ending_port="https://example.org:8443/model.bin",
     weights_name=HTTPS + "files/adapter", weights_name_upper=HTTPS + "ADAPTER", weights_name_escaped=HTTPS + "%61dapter",
     weights_name_slash=HTTPS + "adapter/")

# --- path routes ---

values("model-card-route", "a path that names an artifact, no weights", unknown="MISSING.md", other_case="card.md", absolute="/CARD.md",
       dot="./CARD.md", parent="extra/../CARD.md", weights="lora/adapter", folder="extra", slash="CARD.md/", back_slash="extra\\notes 1.txt",
       drive="C:/CARD.md", escaped="CARD%2Emd", own_folder="extra/")


def archive_route(document, rng):
    document.add_group("docs.zip", "other", "opaque", True)
    return result(document, document.model.set("license-route", "docs.zip"))


def chunk_list(document, rng, make):
    group = rng.choice(document.groups)
    return result(document, group.set("chunk-list-route", make(group[0].value, document)))


add("route-to-archive", "a path route to an artifact that ends in .zip", archive_route)
for list_name, maker in {
        "other": lambda path, d: next(g[0].value for g in d.groups if g[0].value != path) + ".chunks",
        "bare": lambda path, d: path, "ending": lambda path, d: path + ".chunk", "xz": lambda path, d: path + ".chunks.xz",
        "none": lambda path, d: "none", "url-ending": lambda path, d: HTTPS + "list.txt", "url-gz": lambda path, d: HTTPS + "list.gz",
        "url-http": lambda path, d: "http://example.org/x.chunks", "url-query": lambda path, d: HTTPS + "x.chunks?y",
        "url-weights": lambda path, d: HTTPS + "model.gguf", "url-folder": lambda path, d: HTTPS + "x.chunks/y",
        "case": lambda path, d: path + ".CHUNKS", "unknown": lambda path, d: "elsewhere.chunks",
        "parent": lambda path, d: "./" + path + ".chunks"}.items():
    add(f"chunk-list-route-{list_name}", f"chunk-list-route: own path or URL with the ending: {list_name}",
        lambda document, rng, maker=maker: chunk_list(document, rng, maker))

# --- artifact paths ---


def bad_path(document, rng, path):
    group = document.add_group("z", "other", "opaque", True)
    group.drop("chunk-list-route")
    group.drop("chunk-list-sha256")
    group[0].value = as_text(path)
    return result(document, group[0])


def paths(reason, **bad):
    for name, path in bad.items():
        name = name.replace("_", "-")
        add(f"path-{name}", f"artifact: {reason}: {name}",
            lambda document, rng, path=path: bad_path(document, rng, path))


paths("components", absolute="/z", parent="../z", parent_middle="z/../y", parent_last="z/..", dot="./z", dot_middle="z/./y",
      empty_component="z//y", slash_last="z/", three_dots="...", end_dot="z.", end_space_folder="z /y", end_dot_folder="z./y",
      dash_first="-z", dash_component="z/-y", plus_first="+z", space_component="z/ y", back_slash="z\\y", drive="C:z", colon="z:y",
      unc="//server/z", tilde_first="~z", bang="z!", hash="z#y", ampersand="z&y", single_quote="z'y", double_quote='z"y', percent="z%41",
      dollar="z$y", star="z*", question="z?", angle="z<y", bar="z|y", semicolon="z;y", caret="z^y", back_quote="z`y", brace="z{y}",
      accent="z\u00e9", emoji="\U0001f600", bracket_first="[z]", parens_first="(z)", at_first="@z", equals_first="=z", comma_first=",z")
paths("lengths", component_128="z" * 128, folder_128="z" * 128 + "/y", total_241="z" * 120 + "/" + "y" * 120)
paths("names that Windows reserves", con="con", prn="PRN", aux="aux.txt", nul="NUL.tar.x", com0="com0", com9="z/COM9.log", lpt0="lpt0.x",
      lpt9="Lpt9", folder="con/z", middle="z/aux/y", spaces="nul .txt", many_spaces="com1   .a.b", middle_ending="z/prn.d/y")


def clash(document, rng, one, two):
    first = document.add_group(one, "other", "opaque", True)
    second = document.add_group(two, "other", "opaque", True)
    for group in (first, second):
        group.drop("chunk-list-route")
        group.drop("chunk-list-sha256")
    return result(document, first[0], second[0])


for clash_name, pair in {"case": ("z/a.txt", "z/A.TXT"), "equal": ("z/a", "z/a"), "folder-case": ("z/a", "Z/b"),
                         "deep-folder-case": ("z/y/a", "z/Y/b"), "file-and-folder": ("z", "z/a"),
                         "file-and-folder-case": ("Z", "z/a"), "deep-file-and-folder": ("z/y", "z/y/x/w"),
                         "case-in-folder": ("z/Readme", "z/readme")}.items():
    add(f"paths-{clash_name}", f"two artifact paths that clash: {clash_name}",
        lambda document, rng, pair=pair: clash(document, rng, *pair))


def list_clash(document, rng, ending):
    group = document.groups[0]
    group.set("chunk-list-route", group[0].value + ending)
    other = document.add_group(group[0].value + ending, "other", "opaque", True)
    other.set("chunk-list-route", HTTPS + "x.chunks")
    other.set("chunk-list-sha256", hex64(rng))
    return result(document, group[0], group.get("chunk-list-route"), other[0])


for list_ending in (".chunks", ".chunks.gz"):
    add("paths-chunk-list" + list_ending.replace(".", "-"), "an artifact at another's chunk list",
        lambda document, rng, ending=list_ending: list_clash(document, rng, ending))

# --- characters and bytes ---


def put_character(document, rng, text, keys=("display-name", "x-note", "source")):
    key = rng.choice(keys)
    prefix = "- " if key == "source" else ""
    before, after = rng.choice([("a", "b"), ("\u00e9", "\u00e9"), ("a ", " b")])
    return result(document, *set_field(document, key, prefix + before + as_text(text) + after))


def character_ways():
    codes = [0x01, 0x07, 0x08, 0x0B, 0x0C, 0x1B, 0x1F, 0x7F, 0x80, 0x85, 0x9F, 0xAD, 0x61C, 0x200B, 0x200E, 0x200F,
             0x2028, 0x2029, 0x202A, 0x202E, 0x2060, 0x2065, 0x2066, 0x2069, 0xFEFF, 0xE0000, 0xE0001, 0xE0041, 0xE007F,
             0xFDD0, 0xFDEF, 0xFFFE, 0xFFFF, 0x1FFFE, 0x7FFFF, 0x10FFFE, 0x10FFFF]
    for name, code in [("nul", 0), ("tab", 9), ("cr", 13)] + [(f"u{code:04x}", code) for code in codes]:
        add(f"character-{name}", f"refused character U+{code:04X}",
            lambda document, rng, code=code: put_character(document, rng, chr(code)))
    for name, data in dict(overlong_slash=b"\xc0\xaf", overlong_nul=b"\xc0\x80", overlong_c1=b"\xc1\xbf", overlong_3=b"\xe0\x80\xaf",
                           overlong_4=b"\xf0\x80\x80\xaf", surrogate_low=b"\xed\xa0\x80", surrogate_high=b"\xed\xbf\xbf",
                           surrogate_pair=b"\xed\xa0\xbd\xed\xb8\x80", lone_tail=b"\x80", cut_2=b"\xc3", cut_3=b"\xe2\x82", cut_4=b"\xf0\x9f\x98",
                           above=b"\xf4\x90\x80\x80", f5=b"\xf5\x80\x80\x80", five=b"\xf8\x88\x80\x80\x80", fe=b"\xfe", ff=b"\xff",
                           latin1=b"caf\xe9").items():
        add("utf8-" + name.replace("_", "-"), f"not well-formed UTF-8: {name.replace('_', ' ')}",
            lambda document, rng, data=data: put_character(document, rng, data))


def joiner_ways():
    for code, joiner in (("200c", "\u200c"), ("200d", "\u200d")):
        for name, text in dict(first=joiner + "\u0915", last="\u0915" + joiner, between_ascii=f"a{joiner}b", after_ascii=f"a{joiner}\u0915",
                               before_ascii=f"\u0915{joiner}b", alone=joiner, before_space=f"\u0915{joiner} \u0915").items():
            add(f"joiner-{code}-{name.replace('_', '-')}", f"U+{code.upper()} not between two non-ASCII characters: {name.replace('_', ' ')}",
                lambda document, rng, text=text: result(document, *set_field(document, "display-name", text)))
        for key, prefix in (("x-note", ""), ("source", "- ")):
            add(f"joiner-{code}-in-{key}", f"U+{code.upper()} in another field than display-name",
                lambda document, rng, key=key, text=f"{prefix}\u0915{joiner}\u0937": result(document, *set_field(document, key, text)))


character_ways()
joiner_ways()

# --- lines ---


def on_line(document, rng, change, first=1):
    """Changes the bytes of one line, which gets a finding."""
    lines = document.lines()
    at = rng.randrange(first, len(lines))
    lines[at] = change(lines[at])
    return b"\n".join(lines) + b"\n", {at + 1}


def insert_line(document, rng, text):
    lines = document.lines()
    at = rng.randrange(1, len(lines))
    lines.insert(at, text)
    return b"\n".join(lines) + b"\n", {at + 1}


def first(document, rng, text):
    return b"\n".join([text] + document.lines()[1:]) + b"\n", {1}


def whole(document, rng, change, lines):
    return change(document.data()), lines


for line_name, change in {
        "cr": lambda line: line + b"\r", "trailing-space": lambda line: line + b" ", "leading-space": lambda line: b" " + line,
        "two-spaces": lambda line: line.replace(b": ", b":  ", 1), "no-space": lambda line: line.replace(b": ", b":", 1),
        "no-colon": lambda line: line.replace(b": ", b" ", 1), "space-before-colon": lambda line: line.replace(b": ", b" : ", 1),
        "empty-value": lambda line: line.partition(b":")[0] + b": ", "key-only": lambda line: line.partition(b":")[0],
        "tab-separator": lambda line: line.replace(b": ", b":\t", 1), "trailing-tab": lambda line: line + b"\t",
        "trailing-nul": lambda line: line + b"\0", "upper-key": lambda line: line[:1].upper() + line[1:],
        "all-upper-key": lambda line: line.partition(b":")[0].upper() + b":" + line.partition(b":")[2], "empty-key": lambda line: line[line.index(b":"):],
        "equals": lambda line: line.replace(b": ", b"=", 1), "bom": lambda line: b"\xef\xbb\xbf" + line,
        "colon-only": lambda line: line.partition(b":")[0] + b":", "value-space": lambda line: line.partition(b":")[0] + b":  "}.items():
    add(f"line-{line_name}", f"line syntax: {line_name}", lambda document, rng, change=change: on_line(document, rng, change))
for line_name, text in {
        "blank": b"", "space": b" ", "comment": b"# note", "unknown-key": b"colour: red", "x-alone": b"x-: 1", "long-key": b"x-" + b"k" * 63 + b": 1",
        "underscore-key": b"x_a: 1", "digit-key": b"0: 1", "dash-key": b"-a: 1", "upper-x": b"X-a: 1", "dot-key": b"x-a.b: 1", "x-underscore": b"x-a_b: 1",
        "accent-key": "x-\u00e9: 1".encode(), "second-header": b"minimodel-manifest 0", "separator": b"---", "known-typo": b"licence: MIT",
        "xkey": b"xnote: 1"}.items():
    add(f"insert-{line_name}", f"a line that may not stand there: {line_name}",
        lambda document, rng, text=text: insert_line(document, rng, text))
for first_name, text in {
        "bom": b"\xef\xbb\xbfminimodel-manifest 0", "upper": b"Minimodel-manifest 0", "no-version": b"minimodel-manifest", "space": b"minimodel-manifest 0 ",
        "two-spaces": b"minimodel-manifest  0", "leading-zero": b"minimodel-manifest 00", "colon": b"minimodel-manifest: 0", "other": b"minimodel-report 0",
        "cr": b"minimodel-manifest 0\r", "empty": b"", "tab": b"minimodel-manifest\t0", "negative": b"minimodel-manifest -0", "word": b"minimodel-manifest v0",
        "more": b"minimodel-manifest 0 1", "point": b"minimodel-manifest 0.0"}.items():
    add(f"first-{first_name}", f"line 1 is not minimodel-manifest 0: {first_name}",
        lambda document, rng, text=text: first(document, rng, text))
for version in (b"1", b"2", b"10"):
    add(f"unsupported-version-{version.decode()}", "unsupported (exit 3): another version in line 1",
        lambda document, rng, version=version: first(document, rng, b"minimodel-manifest " + version))
add("no-first-line", "line 1 is missing", lambda d, rng: whole(d, rng, lambda data: data.partition(b"\n")[2], {1}))
add("file-crlf", "CR LF line ends", lambda d, rng: whole(d, rng, lambda data: data.replace(b"\n", b"\r\n"), None))
add("file-cr", "CR line ends", lambda d, rng: whole(d, rng, lambda data: data.replace(b"\n", b"\r"), None))
add("file-utf16", "UTF-16", lambda d, rng: whole(d, rng, lambda data: data.decode().encode("utf-16"), None))
add("file-empty", "an empty file", lambda d, rng: (b"", None))
add("file-lf", "one line end only", lambda d, rng: (b"\n", None))
add("file-only-first", "nothing after line 1", lambda d, rng: (b"minimodel-manifest 0\n", None))
add("file-no-last-lf", "no line end after the last line",
    lambda d, rng: (d.data()[:-1], {len(d.lines())}))
add("file-two-last-lf", "a blank last line", lambda d, rng: (d.data() + b"\n", {len(d.lines()) + 1}))
add("file-last-nul", "NUL after the last line", lambda d, rng: (d.data() + b"\0", {len(d.lines()) + 1}))
add("file-signature", "something after the last field", lambda d, rng: (d.data() + b"untrusted comment: x\n", {len(d.lines()) + 1}))
values("x-note", "a value of 1 to 1024 bytes", long="v" * 1025, long_in_bytes="\u00e9" * 512 + "a", very_long="v" * 100000)


def too_large(document, rng):
    document.fill(MAX_BYTES + 1)
    return document.data(), None


add("file-too-large", "one byte more than 1 MiB", too_large)

# --- occurrence and order ---


def owner(document, rng, key):
    """The list of fields that holds a key."""
    return document.model if key in MODEL else rng.choice([g for g in document.groups if g.get(key)])


def missing(document, rng, key):
    section = owner(document, rng, key)
    at = document.line_of(section.get(key))
    section.drop(key)
    last = len(document.fields()) + 1
    return document.data(), {at, last, last + 1} if at > last else {at}


def missing_artifact(document, rng):
    lines = document.lines()
    at = rng.choice([at for at, line in enumerate(lines) if line.startswith(b"artifact: ")])
    route = lines.pop(at).partition(b" ")[2]
    routes = {number for number, line in enumerate(lines, 1) if line.endswith(b": " + route)}
    return b"\n".join(lines) + b"\n", {at + 1} | routes


def twice(document, rng, key):
    section = owner(document, rng, key)
    field = section.get(key)
    section.insert(section.index(field) + 1, Field(key, field.value))
    at = document.line_of(field)
    return document.data(), {at, at + 1}


def move_last(document, rng, key):
    """A field at the end of its section: it stands too late there."""
    section = owner(document, rng, key)
    field = section.get(key)
    section.remove(field)
    section.append(field)
    return result(document, field)


for table in (MODEL, ARTIFACT):
    for field_key, often in table.items():
        if often == "once" and field_key != "artifact":
            add(f"missing-{field_key}", f"{field_key} is missing", lambda d, rng, key=field_key: missing(d, rng, key))
        if field_key != "artifact":
            add(f"twice-{field_key}", f"{field_key} with an equal line after it", lambda d, rng, key=field_key: twice(d, rng, key))
        if field_key not in ("artifact", "peer-hint", "chunk-list-sha256"):
            add(f"late-{field_key}", f"{field_key} stands at the end of its section", lambda d, rng, key=field_key: move_last(d, rng, key))
add("missing-artifact", "a group without its first line", missing_artifact)


def swap(lines, one, two):
    """Lines (from 1) change places; the findings stand at the second or right after."""
    lines[one - 1], lines[two - 1] = lines[two - 1], lines[one - 1]
    return b"\n".join(lines) + b"\n"


def unsorted_lines(document, rng, key):
    at = document.line_of(document.model.get(key))
    return swap(document.lines(), at, at + 1), {at + 1}


def swap_next(document, rng):
    fields = document.fields()
    at = rng.choice([at for at in range(len(fields) - 1) if fields[at].key != fields[at + 1].key
                     and "artifact" not in (fields[at].key, fields[at + 1].key) and not fields[at].key.startswith("x-")])
    return swap(document.lines(), at + 2, at + 3), {at + 3}


def swap_artifact(document, rng):
    fields = document.fields()
    at = rng.choice([at for at in range(len(fields) - 1) if fields[at].key == "artifact"])
    return swap(document.lines(), at + 2, at + 3), {at + 2, at + 3}


def swap_extra(document, rng):
    at = len(document.model) + 2
    return swap(document.lines(), at, at + 1), {at + 1}


def extra_twice(document, rng):
    document.extra.insert(0, Field(document.extra[0].key, "again"))
    key = document.extra[0].key
    return document.data(), {at for at, field in enumerate(document.fields(), 2) if field.key == key}


def move_line(document, rng, source, target):
    """Takes a line (index from 0) out and puts it elsewhere."""
    lines = document.lines()
    lines.insert(target, lines.pop(source))
    return b"\n".join(lines) + b"\n"


def extra_in(document, rng, place):
    """An x- field among model fields, between groups, inside a group or at the end."""
    lines, fields = document.lines(), document.fields()
    starts = [at for at, field in enumerate(fields, 1) if field.key == "artifact"]
    at = {"model": 3, "before-last": len(document.model), "groups": starts[1], "group": starts[0] + 2, "end": len(lines)}[place]
    lines.insert(at, b"x-aaa: 1")
    return b"\n".join(lines) + b"\n", {at + 1, at + 2}


def groups_unsorted(document, rng):
    lines = document.lines()
    starts = [at for at, line in enumerate(lines) if line.startswith(b"artifact: ")]
    one, two = starts[0], starts[1]
    end = starts[2]
    swapped = lines[:one] + lines[two:end] + lines[one:two] + lines[end:]
    return b"\n".join(swapped) + b"\n", {one + end - two + 1}


def model_after_artifacts(document, rng):
    key = rng.choice(["peer-hint", "license", "created", "tag"])
    at = document.line_of(document.model.get(key)) - 1
    total = len(document.lines())
    return move_line(document, rng, at, total), {total}


def first_and_last(document, rng):
    """model-id after version and peer-hint before evidence: order at the section's ends."""
    return swap(document.lines(), 2, 3), {3}


add("swap-neighbours", "two neighbours of one section in the wrong order", swap_next)
add("swap-artifact", "artifact and the line after it in the wrong order", swap_artifact)
add("swap-first", "model-id after version", first_and_last)
add("swap-extra", "x- fields not sorted by key", swap_extra)
add("twice-extra", "an x- field twice", extra_twice)
add("swap-groups", "groups not sorted by path", groups_unsorted)
add("late-model-field", "a model field after the artifacts", model_after_artifacts)
for many_key in ("tag", "source", "evidence"):
    add(f"unsorted-{many_key}", f"{many_key} lines not sorted bytewise", lambda d, rng, key=many_key: unsorted_lines(d, rng, key))
for where in ("model", "before-last", "groups", "group", "end"):
    add(f"extra-in-{where}", f"an x- field in the wrong place: {where}", lambda d, rng, where=where: extra_in(d, rng, where))


def split_many(document, rng, key):
    """The last of many lines stands one field later."""
    model = document.model
    field = [field for field in model if field.key == key][-1]
    at = model.index(field)
    model.insert(at + 1, model.pop(at))
    return result(document, field)


for many_key in ("tag", "source", "evidence"):
    add(f"split-{many_key}", f"{many_key} lines not in a row", lambda d, rng, key=many_key: split_many(d, rng, key))


def tags(document, rng, count):
    document.model.drop("tag")
    at = document.line_of(document.model.get("publisher-id"))
    document.model[at - 2:at - 2] = [Field("tag", f"t{n:02}") for n in range(count)]
    return document.data(), set(range(at, at + count + 1))


add("tags-17", "17 tags", lambda d, rng: tags(d, rng, 17))
add("tags-100", "100 tags", lambda d, rng: tags(d, rng, 100))

# --- rules across fields ---


def cross(name, reason):
    """Decorator: the function changes the document and returns the fields to blame."""
    def keep(change):
        add(name, reason, lambda document, rng: result(document, *change(document, rng)))
        return change
    return keep


@cross("key-none", "key-id none, signature-scheme minisign")
def key_none(document, rng):
    return [document.model.set("key-id", "none"), document.model.set("signature-scheme", "minisign")]


@cross("scheme-none", "signature-scheme none with a key-id")
def scheme_none(document, rng):
    return [document.model.set("key-id", "0123456789ABCDEF"), document.model.set("signature-scheme", "none")]


def expires(document, created, ends):
    document.model.set("created", created)
    return [document.model.get("created"), document.model.set("expires", ends)]


@cross("expires-equal", "expires equal to created")
def expires_equal(document, rng):
    return expires(document, "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z")


@cross("expires-before", "expires one second before created")
def expires_before(document, rng):
    return expires(document, "2026-01-01T00:00:00Z", "2025-12-31T23:59:59Z")


@cross("original-with-source", "lane original with a source")
def original_with_source(document, rng):
    return [document.model.set("source-lane", "original")] + [f for f in document.model if f.key == "source"]


def no_source(lane):
    def change(document, rng):
        document.model.drop("source")
        return [document.model.set("source-lane", lane), document.model.get("architecture")]
    return change


for lane_name in ("converted", "quantized", "fine-tuned", "merged", "mirrored"):
    cross(f"no-source-{lane_name}", f"lane {lane_name} without a source")(no_source(lane_name))


def chunk_counts(name, reason, total, size, count):
    def change(document, rng):
        group = document.groups[0]
        group.set("chunk-size", str(size))
        group.set("artifact-bytes", str(total))
        group.seal()
        group.set("chunk-count", str(count))
        if count == 0 or total > size:
            group.set("merkle-root", hex64(rng))
        return [group.get(key) for key in ("artifact-bytes", "chunk-size", "chunk-count", "merkle-root")]
    cross(name, reason)(change)


chunk_counts("count-low", "one chunk fewer than the bytes need", 65537, 65536, 1)
chunk_counts("count-high", "one chunk more than the bytes need", 131072, 65536, 3)
chunk_counts("count-zero", "no chunk for some bytes", 1000000, 65536, 0)
chunk_counts("count-of-empty", "a chunk for no bytes", 0, 65536, 1)
chunk_counts("count-limit", "8000001 chunks", 8000000 * 65536 + 1, 65536, 8000001)
chunk_counts("count-wraps", "more bytes than chunks can hold", 2**62, 67108864, 0)


def digests(name, reason, total, key, value):
    def change(document, rng):
        group = document.groups[0]
        group.set("chunk-size", "65536")
        group.set("artifact-bytes", str(total))
        group.seal()
        return [group.set(key, value(group))]
    cross(name, reason)(change)


digests("empty-sha256", "an empty artifact's hash is not that of nothing", 0, "artifact-sha256", lambda group: SHA)
digests("empty-root", "an empty artifact's root is not that of nothing", 0, "merkle-root", lambda group: SHA)
digests("single-root", "the root of a single chunk is not its leaf", 65536, "merkle-root", lambda group: SHA)
digests("single-root-bare", "the root of a single chunk is its hash, not the leaf", 1, "merkle-root",
        lambda group: group.get("artifact-sha256").value)


@cross("sum-overflow", "the sum of artifact-bytes reaches 2^63")
def sum_overflow(document, rng):
    blamed = []
    for group in document.groups[:2]:
        blamed += [group.set("artifact-bytes", str(2**62)), group.get("chunk-count")]
    return blamed


@cross("list-route-only", "chunk-list-route without its checksum")
def list_route_only(document, rng):
    group = rng.choice(document.groups)
    group.drop("chunk-list-sha256")
    return [group.get("chunk-list-route")] + next_field(document, group)


@cross("list-sha256-only", "chunk-list-sha256 without a route")
def list_sha256_only(document, rng):
    group = rng.choice(document.groups)
    group.drop("chunk-list-route")
    return [group.get("chunk-list-sha256")]


def next_field(document, group):
    """The line after a group, where something missing may be reported."""
    fields = document.fields()
    at = fields.index(group[-1]) + 1
    return fields[at:at + 1]


def no_weights(document, rng):
    for group in document.groups:
        if group.get("artifact-role").value in ("weights", "adapter"):
            group.set("artifact-role", "other")
    return document.data(), None


def no_artifacts(document, rng):
    document.groups = []
    for key in ("license-route", "model-card-route"):
        document.model.set(key, HTTPS + "x")
    return document.data(), None


add("no-weights", "no artifact of role weights or adapter", no_weights)
add("no-artifacts", "no artifact at all", no_artifacts)


def digest_of_format(key, form):
    def change(document, rng):
        group = document.add_group("zz", "other", form, False)
        return [group.set(key, SHA)]
    cross(f"{key}-of-{form}", f"{key} on a group of format {form}")(change)


for digest_key in ("tokenizer-sha256", "chat-template-sha256", "tensor-layout-sha256"):
    for plain_format in ("json", "text", "opaque"):
        digest_of_format(digest_key, plain_format)


@cross("tokenizer-second-shard", "tokenizer-sha256 on the second safetensors group of a folder")
def tokenizer_second_shard(document, rng):
    document.add_group("shards/a.safetensors", "weights", "safetensors", True)
    group = document.add_group("shards/b.safetensors", "weights", "safetensors", False)
    return [group.set("tokenizer-sha256", SHA)]
