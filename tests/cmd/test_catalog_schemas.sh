#!/bin/sh
# The JSON Schemas of catalogs, before a validator that others wrote: what passes, what is refused, and what no schema can say.
. "$(dirname "$0")/harness.sh"
python=/usr/bin/python3
if ! "$python" -c 'import jsonschema' 2>/dev/null; then
    skip 'the schemas of catalogs' 'no python3-jsonschema'
    exit 0
fi
HELP=$ROOT/tests/cmd/catalogs.py
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE
for name in alpha beta gamma; do
    python3 "$HELP" manifest $name.manifest demo $name 1 none "manifest-route=https://example.org/$name.manifest"
done
sed -i "s/^revision: .*/revision: 2\nprevious-manifest: $(printf %064d 7)/; /^created: /s/\$/\nexpires: 2126-01-01T00:00:00Z/" alpha.manifest
run catalog-build -q -o web --catalog-id demo --publisher demo --allow-unsigned alpha.manifest beta.manifest gamma.manifest
expect 'a catalog' 0 'entry-count: 3'
run catalog-build -q -o web --allow-unsigned -w demo/beta -w demo/gamma@1 --reason 'no more' --notice https://example.org/why
expect 'with withdrawals' 0 'entry-count: 1' 'withdrawn-count: 2'
"$python" "$ROOT/tests/cmd/catalog_schemas.py" "$ROOT/schemas" web
