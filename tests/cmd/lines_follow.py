"""lines_follow.py SCHEMA FILE: the schema is one, and each line of FILE, of which there has to be one, follows it."""
import json, sys, jsonschema
schema = json.load(open(sys.argv[1]))
jsonschema.Draft202012Validator.check_schema(schema)
lines = open(sys.argv[2]).read().splitlines()
assert lines, 'no output'
for line in lines:
    jsonschema.validate(json.loads(line), schema)
