#!/bin/sh
# peer-serve --directory: a catalog by its files' names, and nothing else that lies there.
. "$(dirname "$0")/harness.sh"
need peer-serve peer-serve || exit 0
need peer-serve python3 || exit 0
fetch=$BUILD/peer/fetch
[ -x "$fetch" ] || { skip peer-serve "no client here: make unit"; exit 0; }

cp -r "$ROOT/share/model" model && chmod -R u+w model
manifest-make -q --private --model-id demo/keeper --license-route https://example.org/l --takedown-route mailto:a@example.org \
    --model-card-route https://example.org/c --source-lane original --peer-hint available -s 64K -o keeper.manifest model 2>why ||
    not_ok "the model's manifest" "$(cat why)"
run catalog-build -q -o web --catalog-id demo --publisher demo --allow-unsigned keeper.manifest
expect "a catalog" 0
peer-key >/dev/null
id=$(peer-key --show | sed -n 's/^peer-id: //p')
hex=$(python3 -c 'import base64, sys; print(base64.b32decode(sys.argv[1].upper() + "====").hex())' "$id")
trap 'kill "$server" 2>/dev/null; wait; chmod -R u+rwx "$WORK"; rm -rf "$WORK"' EXIT

# serve OPTION...: in the background; $port is where
serve() {
    : >served
    peer-serve -s peer.key --listen 127.0.0.1:0 "$@" >served 2>complained &
    server=$!
    port=
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        port=$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\)#.*/\1/p' served)
        [ -n "$port" ] && return
        sleep 0.3
    done
    not_ok "peer-serve listens" "$(cat complained)"
}

# get NAME STATUS PATH: the answer's status; the body is in the file body
get() {
    "$fetch" 127.0.0.1 "$port" "$hex" -o body "$3" >told 2>/dev/null
    same "$1" "$2" "$(cut -d ' ' -f 1 told)"
}

# ---- what a catalog has ----

serve --directory web
same "it needs no model" "models: 0" "$(grep ^models served)"
same "and says which catalog it serves" "catalog: demo" "$(grep ^catalog served)"
(cd web && find . -type f | sed 's|^\./||' | sort) >files
while read -r file; do
    get "$file is served" 200 "/v0/catalog/$file"
    run cmp body "web/$file"
    expect "$file is what stands there" 0
done <files
if [ "$(wc -l <files)" -ge 9 ]; then ok "that is the whole catalog"; else not_ok "that is the whole catalog" "$(cat files)"; fi
get "the folder's own name leads to the first page" 200 /v0/catalog/
run cmp body web/index.html
expect "that page" 0
get "the peer tells of it" 200 /.well-known/minimodel
same "where it is" '"/v0/catalog/"' "$(jq -c .catalog body 2>/dev/null || sed -n 's/.*"catalog":\("[^"]*"\).*/\1/p' body)"
if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
    run /usr/bin/python3 "$ROOT/tests/cmd/lines_follow.py" "$ROOT/schemas/peer-about.schema.json" body
    expect "and follows the schema" 0
else
    skip "and follows the schema" "no python3-jsonschema"
fi

# ---- what else lies there ----

echo secret >outside
echo secret >web/notes.txt
echo secret >web/weights.gguf
echo secret >web/manifests/demo/keeper/weights.gguf
echo secret >web/heads/1.changes.old
ln -s ../outside web/withdrawn-2.html
mkdir web/heads/7 web/index-3.html
mkfifo web/index-4.html
ln -s ../../../../outside web/manifests/demo/keeper/9.manifest
mv web/manifests/demo real && ln -s "$WORK/real" web/manifests/other
mkdir web/manifests/demo && cp -r real/keeper web/manifests/demo/
for path in notes.txt weights.gguf manifests/demo/keeper/weights.gguf heads/1.changes.old withdrawn-2.html heads/7 heads index-3.html index-4.html \
    manifests/demo/keeper/9.manifest manifests/other/keeper/1.manifest ../outside manifests/../../outside manifests/demo/keeper/../../../../outside \
    /etc/passwd //catalog.head ./catalog.head catalog.head/ catalog.head%00 %63atalog.head 'catalog.head?x' heads/0 heads/01 heads/-1 index-1.html index-02.html \
    heads/99999999999999999999 manifests/demo/keeper/1.manifest.exe manifests/demo/keeper/1 catalog.head.xyz.minisig; do
    get "no $path" 404 "/v0/catalog/$path"
    if grep -q secret body 2>/dev/null; then not_ok "nothing of it" "$path"; fi
done
get "the other paths are what they were" 200 /v0/models

# ---- it changes ----

manifest-make -q --private --model-id demo/second --license-route https://example.org/l --takedown-route mailto:a@example.org \
    --model-card-route https://example.org/c --source-lane original -o second.manifest model 2>/dev/null
rm -rf web/notes.txt web/weights.gguf web/manifests/demo/keeper/weights.gguf web/heads/1.changes.old web/withdrawn-2.html web/heads/7 web/index-[34].html \
    web/manifests/demo/keeper/9.manifest web/manifests/other
run catalog-build -q -o web --allow-unsigned second.manifest
expect "the catalog is built anew" 0
get "and its new head is served at once" 200 /v0/catalog/catalog.head
run cmp body web/catalog.head
expect "the new one" 0
get "beside the old one" 200 /v0/catalog/heads/1
kill "$server"
wait "$server"
same "it ends well" 0 $?

# ---- and with others' programs ----

. "$ROOT/tests/cmd/aioquic.sh"
if [ -n "$aioquic" ]; then
    serve --directory web --log
    # theirs PATH TYPE: aioquic gets it, with that type, and what no cache keeps
    theirs() {
        # shellcheck disable=SC2086 # two words
        $aioquic "$ROOT/tests/cmd/aioquic_peer.py" get 127.0.0.1 "$port" body "/v0/catalog/$1" >told 2>why
        same "aioquic gets $1" ":status: 200" "$(head -n 1 told)"
        same "as $2" "content-type: $2" "$(grep '^content-type' told)"
        same "which no cache keeps" "cache-control: no-store" "$(grep '^cache-control' told)"
        run cmp body "web/$1"
        expect "$1 is whole" 0
    }
    theirs catalog.jsonl application/jsonl
    theirs catalog.head 'text/plain; charset=utf-8'
    theirs index.html 'text/html; charset=utf-8'
    theirs manifests/demo/keeper/1.manifest 'text/plain; charset=utf-8'
    theirs page.css 'text/css; charset=utf-8'
    theirs page.js 'text/javascript; charset=utf-8'
    kill "$server" && wait "$server"
else
    skip "aioquic gets a catalog" "$no_aioquic"
fi

# ---- calls ----

run peer-serve -s peer.key --listen 127.0.0.1:0 --directory model
expect "a folder without a head is no catalog" 3 "[io-open]"
run peer-serve -s peer.key --listen 127.0.0.1:0 --directory absent
expect "nor is one that is not there" 3 "absent"
echo 'minimodel-catalog 1' >model/catalog.head
run peer-serve -s peer.key --listen 127.0.0.1:0 --directory model
expect "nor one with another head" 3
