"""Lines of catalogs, whole and broken, before the JSON Schemas and before catalog-build.

usage: catalog_schemas.py SCHEMAS FOLDER     FOLDER is an unsigned catalog whose entries are read by their lines alone (their manifests lie
                                             elsewhere), the first of them with every member, and with two withdrawals: one of all, one of a revision

The schemas are judged by python3-jsonschema. Every line of FOLDER passes them. Every broken line below is refused by the schema, or is one
of which a schema cannot say what is wrong; catalog-build refuses all of them, in a catalog whose head was made to fit. One test a line."""
import copy
import glob
import json
import os
import re
import shutil
import subprocess
import sys

import jsonschema

import catalogs

SCHEMA, COMMAND = 'refused by the schema', 'beyond a schema'
H = 'ab' * 32


def put(*path_and_value):
    """A change that sets the member at the path, or takes it away where the value is None."""
    *path, value = path_and_value

    def change(line):
        at = line
        for step in path[:-1]:
            at = at[step]
        if value is None:
            del at[path[-1]]
        else:
            at[path[-1]] = value(at[path[-1]]) if callable(value) else value
    return change


def swapped(values):
    return [values[1], values[0]] + values[2:]


ENTRIES = [
    ('no model_id', SCHEMA, put('model_id', None)),
    ('no revision', SCHEMA, put('revision', None)),
    ('no manifest_sha256', SCHEMA, put('manifest_sha256', None)),
    ('no license', SCHEMA, put('license', None)),
    ('no takedown_route', SCHEMA, put('takedown_route', None)),
    ('no artifacts', SCHEMA, put('artifacts', None)),
    ('an empty list of artifacts', SCHEMA, put('artifacts', [])),
    ('an empty list of tags', SCHEMA, put('tags', [])),
    ('a member that nobody knows', SCHEMA, put('weights', 'https://example.org/m.gguf')),
    ('a member of an artifact that nobody knows', SCHEMA, put('artifacts', 0, 'url', 'https://example.org/m.gguf')),
    ('a member of the shape that nobody knows', SCHEMA, put('model_shape', 'layers', 1)),
    ('a shape that lacks a member', SCHEMA, put('model_shape', 'head_count', None)),
    ('an artifact without its hash', SCHEMA, put('artifacts', 0, 'sha256', None)),
    ('an artifact without its root', SCHEMA, put('artifacts', 0, 'merkle_root', None)),
    ('a revision of 0', SCHEMA, put('revision', 0)),
    ('a revision below 0', SCHEMA, put('revision', -1)),
    ('a revision in quotes', SCHEMA, put('revision', '1')),
    ('a real number', SCHEMA, put('parameters', 1.5)),
    ('a number that JSON readers lose', SCHEMA, put('parameters', 2**53)),
    ('null', SCHEMA, put('version', lambda _: None)),
    ('true for a number', SCHEMA, put('parameters', True)),
    ('a text for a list', SCHEMA, put('tags', 'llama')),
    ('a list for a text', SCHEMA, put('license', ['MIT'])),
    ('a hash of 63 digits', SCHEMA, put('manifest_sha256', H[:63])),
    ('a hash of 65 digits', SCHEMA, put('manifest_sha256', H + 'a')),
    ('a hash in capitals', SCHEMA, put('artifacts', 0, 'sha256', H.upper())),
    ('a hash with an LF', SCHEMA, put('manifest_sha256', H[:63] + '\n')),
    ('a key id in small letters', SCHEMA, put('key_id', '0123456789abcdef')),
    ('a model_id without publisher', SCHEMA, put('model_id', 'model')),
    ('a model_id in capitals', SCHEMA, put('model_id', 'Demo/Model')),
    ('a model_id that climbs', SCHEMA, put('model_id', '../model')),
    ('a role that is none', SCHEMA, put('artifacts', 0, 'role', 'code')),
    ('a format that is none', SCHEMA, put('artifacts', 0, 'format', 'pickle')),
    ('a lane that is none', SCHEMA, put('source_lane', 'stolen')),
    ('a peer hint that is none', SCHEMA, put('peer_hint', 'always')),
    ('a time without Z', SCHEMA, put('created', '2026-01-01T00:00:00')),
    ('a day alone', SCHEMA, put('created', '2026-01-01')),
    ('a tag with a space', SCHEMA, put('tags', ['a b'])),
    ('a tag twice', SCHEMA, put('tags', ['a', 'a'])),
    ('seventeen tags', SCHEMA, put('tags', [f't{i:02}' for i in range(17)])),
    ('a takedown route of http', SCHEMA, put('takedown_route', 'http://example.org/x')),
    ('a signature route of something else', SCHEMA, put('manifest_signature_route', 'https://example.org/x')),
    ('an empty name', SCHEMA, put('display_name', '')),
    ('a name of 121 bytes', SCHEMA, put('display_name', 'x' * 121)),
    ('an empty path', SCHEMA, put('artifacts', 0, 'path', '')),
    ('a path of 241 bytes', SCHEMA, put('artifacts', 0, 'path', 'x' * 241)),
    ('tags that are not sorted', COMMAND, put('tags', swapped)),
    ('artifacts that are not sorted', COMMAND, put('artifacts', swapped)),
    ('a sum that is wrong', COMMAND, put('artifact_bytes', lambda n: n + 1)),
    ('a publisher who is not that of the model_id', COMMAND, put('publisher_id', 'other')),
    ('two dots in a row in a model_id', COMMAND, put('model_id', 'demo/a..b')),
    ('a model_id that Windows reserves', COMMAND, put('model_id', 'demo/con')),
    ('a day that does not exist', COMMAND, put('created', '2026-02-30T00:00:00Z')),
    ('an expiry before the beginning', COMMAND, put('expires', '2025-01-01T00:00:00Z')),
    ('a licence that is no expression', COMMAND, put('license', 'MIT or BSD')),
    ('a licence route to weights', COMMAND, put('license_route', 'https://example.org/model.gguf')),
    ('a card route to an archive', COMMAND, put('model_card_route', 'https://example.org/card.zip')),
    ('a takedown route to weights', COMMAND, put('takedown_route', 'https://example.org/model.safetensors')),
    ('a route of http', COMMAND, put('license_route', 'http://example.org/l')),
    ('a signature that is not beside its manifest', COMMAND, put('manifest_signature_route', 'https://example.org/other.minisig')),
    ('an original made from something', COMMAND, put('source_lane', 'original')),
    ('a source without its form', COMMAND, put('source_summary', ['hf://demo/x'])),
    ('evidence without its form', COMMAND, put('evidence_status', ['passed'])),
    ('a path that climbs', COMMAND, put('artifacts', 1, 'path', 'x/../../model.gguf')),
    ('a name with a character that changes the direction of text', COMMAND, put('display_name', 'a\u202eb')),
    ('a name of 121 bytes in fewer characters', COMMAND, put('display_name', '\u00e9' * 61)),
    ('an artifact twice', COMMAND, lambda line: line['artifacts'].insert(0, line['artifacts'][0])),
]

WITHDRAWALS = [
    ('no model_id', SCHEMA, put('model_id', None)),
    ('no reason', SCHEMA, put('reason', None)),
    ('no time', SCHEMA, put('time', None)),
    ('no revision', SCHEMA, put('revision', None)),
    ('a revision without its manifest', SCHEMA, put('manifest_sha256', None)),
    ('all revisions, with a manifest', SCHEMA, put('revision', '*')),
    ('a revision of another text', SCHEMA, put('revision', 'all')),
    ('a revision of 0', SCHEMA, put('revision', 0)),
    ('a member that nobody knows', SCHEMA, put('by', 'me')),
    ('an empty reason', SCHEMA, put('reason', '')),
    ('a notice of http', SCHEMA, put('notice_route', 'http://example.org/x')),
    ('a day that does not exist', COMMAND, put('time', '2026-02-30T00:00:00Z')),
    ('a notice that leads to weights', COMMAND, put('notice_route', 'https://example.org/x.gguf')),
    ('a reason with an LF', COMMAND, put('reason', 'a\nb')),
]


def write_fitting(folder, name, lines):
    """The lines into the file, and a head that fits, under its own number too."""
    with open(os.path.join(folder, name), 'wb') as file:
        file.write(b''.join(catalogs.canonical(line) + b'\n' for line in lines))
    catalogs.forge(folder, 'as it is')
    for page in glob.glob(os.path.join(folder, '**/*.html'), recursive=True):  # of these lines others would follow
        os.remove(page)


def verdict(folder):
    done = subprocess.run(['catalog-build', '--check', '--allow-unsigned', folder], capture_output=True, text=True, check=False)
    rules = [rule for rule in re.findall(r'error: .*\[([a-z0-9-]+)\]$', done.stderr, re.M) if rule != 'catalog-page']  # pages are of no line
    return done.returncode, ' '.join(rules), done.stderr


def said(name, faults):
    print(f'{"not " if faults else ""}ok {name}')
    for fault in faults:
        print(f'# {fault}')


def main(schemas, folder):
    for name, schema_name, changes, which in (('catalog.jsonl', 'catalog-entry', ENTRIES, 0), ('withdrawn.jsonl', 'catalog-withdrawn', WITHDRAWALS, -1)):
        with open(os.path.join(schemas, f'{schema_name}.schema.json'), encoding='utf-8') as file:
            schema = json.load(file)
        jsonschema.Draft202012Validator.check_schema(schema)
        judge = jsonschema.Draft202012Validator(schema)
        with open(os.path.join(folder, name), encoding='utf-8') as file:
            lines = [json.loads(line) for line in file]
        if which == 0 and lines: # the signature's members, which only a signed manifest has, for the schema to see
            lines[0].update(key_id='0123456789ABCDEF', manifest_signature_route=lines[0]['manifest_route'] + '.minisig')
            lacking = sorted(set(schema['properties']) - set(lines[0]))
            said(f'{name}: the first line has every member', [f'it lacks {lacking}'] if lacking else [])
        said(f'{name}: all of its lines pass', [error.message for line in lines for error in judge.iter_errors(line)] if lines else ['no lines'])
        forged = folder + '.forged'
        shutil.copytree(folder, forged)
        write_fitting(forged, name, lines)
        status, rules, text = verdict(forged)
        said(f'{name}: made to fit, the same lines pass', [] if status == 0 else [text])
        shutil.rmtree(forged)
        for title, by, change in changes:
            broken = copy.deepcopy(lines)
            change(broken[which])
            passes = judge.is_valid(broken[which])
            shutil.copytree(folder, forged)
            write_fitting(forged, name, broken)
            status, rules, text = verdict(forged)
            shutil.rmtree(forged)
            faults = [] if passes == (by == COMMAND) else [f'expected it {by}; the schema {"passes" if passes else "refuses"} it']
            faults += [] if status == 1 and rules else [f'expected catalog-build to refuse it, found exit {status}', text]
            said(f'{name}: {title}: {by}, by catalog-build as {rules}', faults)


main(*sys.argv[1:])
