"""Checks a SARIF document of --sarif, and prints what the scenario compares.

    sarif.py check DOCUMENT EXIT [SCHEMA]   what SARIF 2.1.0 demands of the members that are written; SCHEMA: the standard's
    sarif.py results DOCUMENT               URI-OR-INDEX LINE:COLUMN or @OFFSET or -, LEVEL, RULE; one result a line
    sarif.py run DOCUMENT                   what the run is called
    sarif.py messages DOCUMENT              the messages, as a viewer shows them
    sarif.py columns DOCUMENT FINDINGS      the same call's --json: the same findings, and columns in characters
"""
import json
import re
import sys
from urllib.parse import unquote_to_bytes

# RFC 3986: URI-reference without authority but for file:///, where no segment holds anything to be encoded
URI = re.compile(r"(file:///)?([A-Za-z0-9._~-]|%[0-9A-F]{2})+(/([A-Za-z0-9._~-]|%[0-9A-F]{2})+)*\Z|file:///\Z")


def no_twice(pairs):
    names = [name for name, _ in pairs]
    assert len(set(names)) == len(names), f"a member stands twice: {names}"
    return dict(pairs)


def load(path):
    text = open(path, encoding="utf-8").read()
    assert text.endswith("]}]}\n"), "expected one document and LF"
    return json.loads(text, object_pairs_hook=no_twice)


def only(value, required, optional=()):
    names = set(value)
    assert set(required) <= names <= set(required) | set(optional), f"members {sorted(names)}"


def message(value):
    only(value, ["text"])
    text = value["text"]
    assert isinstance(text, str) and text
    assert "{" not in text.replace("{{", "") and "}" not in text.replace("}}", ""), f"a placeholder: {text}"
    assert "](" not in text, f"a link: {text}"
    assert not re.search("[\0-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]", text), f"control characters: {text!r}"


def location(value, run):
    only(value, ["physicalLocation"])
    only(value["physicalLocation"], ["artifactLocation"], ["region"])
    where = value["physicalLocation"]["artifactLocation"]
    if "index" in where:
        only(where, ["index"])
        assert 0 <= where["index"] < len(run["artifacts"])
    else:
        only(where, ["uri"])
        assert URI.match(where["uri"]), f"no URI reference: {where['uri']}"
    region = value["physicalLocation"].get("region")
    if region is not None and "byteOffset" in region:
        only(region, ["byteOffset"])
        assert region["byteOffset"] >= 0
    elif region is not None:
        only(region, ["startLine"], ["startColumn"])
        assert region["startLine"] >= 1 and region.get("startColumn", 1) >= 1


def check(document, exit_code, schema=None):
    only(document, ["$schema", "version", "runs"])
    assert document["version"] == "2.1.0" and document["$schema"].endswith("/sarif-schema-2.1.0.json")
    [run] = document["runs"]
    only(run, ["tool", "automationDetails", "columnKind", "results", "invocations"], ["artifacts"])
    assert run["columnKind"] == "unicodeCodePoints"
    only(run["tool"], ["driver"])
    only(run["automationDetails"], ["id"])
    parts = run["automationDetails"]["id"].split("/")
    assert parts[0] == run["tool"]["driver"]["name"] and parts[-1] == "" and all(parts[:-1])
    driver = run["tool"]["driver"]
    only(driver, ["name", "version", "rules"])
    rules = [rule["id"] for rule in driver["rules"]]
    assert rules and len(set(rules)) == len(rules)
    for rule in driver["rules"]:
        only(rule, ["id", "shortDescription"])
        message(rule["shortDescription"])
    for result in run["results"]:
        only(result, ["ruleId", "ruleIndex", "level", "message"], ["locations"])
        assert rules[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        message(result["message"])
        assert len(result.get("locations", [None])) == 1
        for value in result.get("locations", []):
            location(value, run)
    for artifact in run.get("artifacts", []):
        only(artifact, ["description", "roles"])
        message(artifact["description"])
        assert artifact["roles"] == ["standardStream"]
    [invocation] = run["invocations"]
    only(invocation, ["exitCode", "exitCodeDescription", "executionSuccessful"])
    assert invocation["exitCode"] == exit_code, f"expected exit code {exit_code}, found {invocation['exitCode']}"
    assert isinstance(invocation["executionSuccessful"], bool)
    assert exit_code != 3 or not invocation["executionSuccessful"]
    errors = [result for result in run["results"] if result["level"] == "error"]
    assert bool(errors) == (exit_code != 0), f"{len(errors)} errors, but exit code {exit_code}"
    if schema:
        import jsonschema

        jsonschema.validate(document, json.load(open(schema, encoding="utf-8")))


def place(result):
    if "locations" not in result:
        return "-", "-"
    physical = result["locations"][0]["physicalLocation"]
    region = physical.get("region", {})
    where = physical["artifactLocation"]
    name = where.get("uri", f"#{where.get('index')}")
    if "byteOffset" in region:
        return name, f"@{region['byteOffset']}"
    return name, f"{region['startLine']}:{region.get('startColumn', '-')}" if region else "-"


def columns(document, findings):
    """What is at a finding's byte column in the file is at the result's column in its characters."""
    results = document["runs"][0]["results"]
    found = [json.loads(line) for line in open(findings, encoding="utf-8")]
    assert len(results) == len(found), f"{len(found)} findings, {len(results)} results"
    for result, finding in zip(results, found):
        uri, at = place(result)
        assert unquote_to_bytes(uri).decode() == finding["file"]
        assert (result["ruleId"], result["level"]) == (finding["rule"], finding["severity"])
        lines = open(finding["file"], "rb").read().split(b"\n")
        line = lines[finding["line"] - 1] if finding["line"] <= len(lines) else b""
        wanted = len(line[: finding["column"] - 1].decode("utf-8", "replace")) + 1
        assert at == f"{finding['line']}:{wanted}", f"{finding}: {at}, expected column {wanted}"
    print(len(results))


def main():
    document = load(sys.argv[2])
    results = document["runs"][0]["results"]
    if sys.argv[1] == "check":
        check(document, int(sys.argv[3]), *sys.argv[4:5])
    elif sys.argv[1] == "run":
        print(document["runs"][0]["automationDetails"]["id"])
    elif sys.argv[1] == "columns":
        columns(document, sys.argv[3])
    else:
        for result in results:
            text = result["message"]["text"].replace("{{", "{").replace("}}", "}")
            print(text if sys.argv[1] == "messages" else " ".join((*place(result), result["level"], result["ruleId"])))


main()
