#!/bin/sh
# peer-serve: what it shares and what not, parts, keys, limits, signals, and its log.
. "$(dirname "$0")/harness.sh"
need peer-serve peer-serve || exit 0
need peer-serve python3 || exit 0
fetch=$BUILD/peer/fetch # a client of the same library; others come with independent programs
[ -x "$fetch" ] || { skip peer-serve "no client here: make unit"; exit 0; }
MINIMODEL_HOME=$WORK/home
export MINIMODEL_HOME

cp -r "$ROOT/share/model" model && chmod -R u+w model
manifest-make -q --private --model-id local/keeper --peer-hint available -s 64K -o keeper.manifest model 2>/dev/null
cp keeper.manifest model/m.manifest
slm-import -q --allow-unsigned model >/dev/null
peer-key >key-made
id=$(sed -n 's/^peer-id: //p' key-made)
hex=$(python3 -c 'import base64, sys; print(base64.b32decode(sys.argv[1].upper() + "====").hex())' "$id")
manifest=$(sha256sum <keeper.manifest | cut -c1-64)
artifact=$(sed -n 's/^artifact: //p' keeper.manifest | head -n 1)
sha256=$(sed -n 's/^artifact-sha256: //p' keeper.manifest | head -n 1)
root=$(sed -n 's/^merkle-root: //p' keeper.manifest | head -n 1)

# serve OPTION...: in the background; $port is where
serve() {
    : >served # what the last one said is not this one's
    peer-serve -s peer.key --listen 127.0.0.1:0 "$@" >served 2>complained &
    server=$!
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        port=$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\)#.*/\1/p' served)
        [ -n "$port" ] && return
        sleep 0.3
    done
    not_ok "peer-serve listens" "$(cat complained)"
}

# stop: ends it; $status is how
stop() {
    kill -TERM "$server"
    wait "$server"
    status=$?
}

# get NAME STATUS PATH [RANGE]: the answer's status; the body is in the file body
get() {
    "$fetch" 127.0.0.1 "$port" "$hex" -o body ${4:+-r "$4"} "$3" >told 2>/dev/null
    same "$1" "$2" "$(cut -d ' ' -f 1 told)"
}

# ---- what there is ----

serve --share local/keeper --log
get "a peer tells of itself" 200 /.well-known/minimodel
cp body about
get "and what it shares" 200 /v0/models
cp body listing
same "the model is listed" "$manifest" "$(sed -n 's/.*"manifest-sha256":"\([0-9a-f]*\)".*/\1/p' listing)"
get "a manifest" 200 "/v0/manifests/$manifest"
same "is what was imported" "$manifest" "$(sha256sum <body | cut -c1-64)"
get "it has no signature" 404 "/v0/manifests/$manifest.minisig"
get "a file" 200 "/v0/artifacts/$sha256"
same "is what was imported" "$sha256" "$(sha256sum <body | cut -c1-64)"
get "a part of it" 206 "/v0/artifacts/$sha256" bytes=10-19
same "is that part" "$(tail -c +11 "model/$artifact" | head -c 10 | sha256sum)" "$(sha256sum <body)"
get "a part behind the end" 416 "/v0/artifacts/$sha256" bytes=999999999-
get "its chunk list" 200 "/v0/chunk-lists/$root"
run chunk-merkle --check body "model/$artifact"
expect "fits the file" 0
get "its bitmap" 200 "/v0/chunks/$root/have"
get "what is not shared" 404 "/v0/manifests/$sha256"
get "a path of the store" 404 /v0/artifacts/../../models/local/keeper/1/manifest
kill -HUP "$server"
get "a reload changes nothing where nothing changed" 200 "/v0/manifests/$manifest"
stop
same "it ends well on SIGTERM" 0 "$status"
same "each request has a line" 12 "$(grep -c '	GET	' served)"
if grep -q '127\.0\.0\.1.*GET\|GET.*127\.0\.0\.1' served; then not_ok "the log does not tell who asked"; else ok "the log does not tell who asked"; fi

# ---- what is being sent, and the end ----

# send_and_stop: a client takes the weights at 100 KB a second, and meanwhile the server is told to end
send_and_stop() {
    serve --share local/keeper --upload-rate 100K --log
    timeout 100 "$fetch" 127.0.0.1 "$port" "$hex" -o taken "/v0/artifacts/$weights" >took 2>/dev/null &
    taking=$!
    for _ in $(seq 100); do [ -s taken ] && break; sleep 0.1; done
    kill -TERM "$server"
}
weights=$(sha256sum <"$MODEL" | cut -c1-64)
send_and_stop
run timeout 60 "$fetch" 127.0.0.1 "$port" "$hex" /v0/models
expect "who comes after SIGTERM is refused" 3
wait "$taking"
same "what is being sent is sent to its end" "200 $(wc -c <"$MODEL") complete /v0/artifacts/$weights" "$(cat took)"
wait "$server"
same "and then the server ends well" 0 $?
same "its last line tells of that" 1 "$(tail -n 1 served | grep -c "	200	.*/v0/artifacts/$weights")"
rm -f taken
send_and_stop
sleep 0.5 # two that come at once are one
kill -TERM "$server"
wait "$server"
same "a second SIGTERM ends it at once, and well" 0 $?
wait "$taking"
same "what was being sent is cut off, and known to be" lost "$(cut -d ' ' -f 3 took)"

# ---- what is shared, and what not ----

serve --share-all --no-listing --log-clients --json
get "--share-all takes what publishers offer" 200 "/v0/manifests/$manifest"
get "--no-listing tells nobody" 403 /v0/models
slm-remove -q local/keeper >/dev/null
kill -HUP "$server"
sleep 0.5
get "after a reload a removed model is gone" 404 "/v0/manifests/$manifest"
stop
tail -n +2 served >lines
same "--log-clients tells who asked" 3 "$(grep -c '"peer-id":"-","from":"127.0.0.1:' lines)"
if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
    head -n 1 served >first
    for pair in peer-serve:first peer-served:lines peer-about:about peer-model:listing; do
        run /usr/bin/python3 "$ROOT/tests/cmd/lines_follow.py" "$ROOT/schemas/${pair%:*}.schema.json" "${pair#*:}"
        expect "${pair#*:} follows ${pair%:*}.schema.json" 0
    done
else
    skip 'what peer-serve says follows the schemas' 'no python3-jsonschema'
fi

run peer-serve -s peer.key --share local/keeper --listen 127.0.0.1:0
expect "a model that is not there cannot be shared" 1 "[store-model]"
run peer-serve -s peer.key --share-all --listen 127.0.0.1:0
expect "nor nothing" 1 "[peer-share]"
slm-import -q --allow-unsigned model >/dev/null
chmod u+w "home/models/local/keeper/1/files/$artifact" && touch "home/models/local/keeper/1/files/$artifact"
run peer-serve -s peer.key --share local/keeper --listen 127.0.0.1:0
expect "nor one whose files were touched" 3 "[receipt-touched]"
rm -rf home && slm-import -q --allow-unsigned --in-place model >/dev/null
run peer-serve -s peer.key --share local/keeper --listen 127.0.0.1:0
expect "nor one in place" 1 "[peer-share]"
rm -rf home && slm-import -q --allow-unsigned model >/dev/null

# ---- who is served, and how much ----

serve --share local/keeper --admit "$id" --log # the client has another key
"$fetch" 127.0.0.1 "$port" "$hex" /v0/models >told 2>/dev/null
if grep -q '^200' told; then not_ok "a client that is not admitted gets nothing"; else ok "a client that is not admitted gets nothing"; fi
stop
serve --share local/keeper
other=$(printf '%064d' 0)
"$fetch" 127.0.0.1 "$port" "$other" /v0/models >told 2>/dev/null
if grep -q '^200' told; then not_ok "a server with another key is refused"; else ok "a server with another key is refused"; fi
stop
serve --share local/keeper --bytes-a-day 1000
get "a day's bytes" 200 "/v0/chunk-lists/$root"
for _ in 1 2 3 4 5 6; do "$fetch" 127.0.0.1 "$port" "$hex" -o body "/v0/manifests/$manifest" >told 2>/dev/null; done
get "have an end" 429 "/v0/manifests/$manifest"
stop
serve --share local/keeper --upload-rate 1M --cubic
get "a rate" 200 "/v0/artifacts/$sha256"
same "changes no byte" "$sha256" "$(sha256sum <body | cut -c1-64)"
stop

# ---- calls ----

chmod 644 peer.key
run peer-serve -s peer.key --share local/keeper --listen 127.0.0.1:0
expect "a key that others can read is refused" 1 "[key-mode]"
chmod 600 peer.key
run peer-serve -s peer.key --share local/keeper --listen 192.0.2.1:4433
expect "an address that is not here" 3
for wrong in '' '-s peer.key' '--share a/b' '-s peer.key --share a/b c' '-s peer.key --share-all --listen localhost:1' \
    '-s peer.key --share-all --listen 127.0.0.1' '-s peer.key --share-all --admit abc' '-s peer.key --share-all --upload-rate 0' \
    '-s peer.key --share-all --streams x' '--share-all --password-file x'; do
    # shellcheck disable=SC2086 # several words
    run peer-serve $wrong
    expect "peer-serve $wrong is a wrong call" 2 usage
done
