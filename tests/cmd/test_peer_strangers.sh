#!/bin/sh
# Peers and HTTP/3 programs that others wrote: aioquic's client reads from peer-serve, peer-fetch reads from aioquic's server.
. "$(dirname "$0")/harness.sh"
need "peers and strangers" peer-serve || exit 0
. "$ROOT/tests/cmd/aioquic.sh"
[ -n "$aioquic" ] || { skip "peers and strangers" "$no_aioquic"; exit 0; }
stranger="$aioquic $ROOT/tests/cmd/aioquic_peer.py"

cp -r "$ROOT/share/model" model && chmod -R u+w model
manifest-make -q --private --model-id local/keeper --peer-hint available -s 64K -o keeper.manifest model 2>/dev/null
cp keeper.manifest model/m.manifest
manifest=$(sha256sum <keeper.manifest | cut -c1-64)
slm-import -q --home home --allow-unsigned model >/dev/null
peer-key >/dev/null

# ---- their client ----

: >served
peer-serve --home home -s peer.key --share local/keeper --listen 127.0.0.1:0 --listen '[::1]:0' >served 2>complained &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do
    port=$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\)#.*/\1/p' served)
    port6=$(sed -n 's/.*\[::1\]:\([0-9]*\)#.*/\1/p' served)
    [ -n "$port6" ] && break
    sleep 0.3
done
# theirs NAME STATUS PATH [RANGE]
theirs() {
    # shellcheck disable=SC2086 # two words
    $stranger get "${host:-127.0.0.1}" "$port" body "$3" ${4:+"$4"} >told 2>why
    same "$1" ":status: $2" "$(head -n 1 told)"
}
theirs "aioquic lists" 200 /v0/models
same "what there is" "$manifest" "$(sed -n 's/.*"manifest-sha256":"\([0-9a-f]*\)".*/\1/p' body)"
theirs "aioquic gets a manifest" 200 "/v0/manifests/$manifest"
run cmp body keeper.manifest
expect "whole" 0
same "with its hash as the tag" "etag: \"$manifest\"" "$(grep '^etag' told)"
grep '^artifact: ' keeper.manifest | sed 's/^artifact: //' >paths
grep '^artifact-sha256: ' keeper.manifest | sed 's/^artifact-sha256: //' >hashes
paste hashes paths >files
while IFS='	' read -r hash path; do
    theirs "aioquic gets $path" 200 "/v0/artifacts/$hash"
    run cmp body "model/$path"
    expect "whole, $path" 0
done <files
weights=$(grep gguf files | cut -f1)
theirs "aioquic gets a part" 206 "/v0/artifacts/$weights" bytes=65536-70000
same "that part" "$(tail -c +65537 model/*.gguf | head -c 4465 | sha256sum)" "$(sha256sum <body)"
theirs "nothing else is there" 404 /v0/artifacts/../../etc/passwd
port=$port6 host=::1
theirs "aioquic gets a manifest over IPv6" 200 "/v0/manifests/$manifest"
kill "$server"
wait "$server"

# ---- their server ----

mkdir -p web/v0/manifests web/v0/artifacts web/v0/chunk-lists web/v0/chunks
cp keeper.manifest "web/v0/manifests/$manifest"
while IFS='	' read -r hash path; do cp "model/$path" "web/v0/artifacts/$hash"; done <files
grep '^merkle-root: ' keeper.manifest | sed 's/^merkle-root: //' >roots
paste roots paths >listed
while IFS='	' read -r root path; do
    chunk-merkle -q -s 64K -l "web/v0/chunk-lists/$root" "model/$path" >/dev/null
    mkdir "web/v0/chunks/$root"
    count=$(sed -n 's/^chunk-count: //p' "web/v0/chunk-lists/$root")
    python3 -c 'import sys; n = int(sys.argv[1]); sys.stdout.buffer.write(((2**n - 1) << -n % 8).to_bytes((n + 7) // 8, "big"))' "$count" >"web/v0/chunks/$root/have"
done <listed
id=$(peer-key --show | sed -n 's/^peer-id: //p')
# shellcheck disable=SC2086
$stranger serve peer.key web >port 2>why &
server=$!
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s port ] && break; sleep 0.3; done
run peer-fetch -y --home to --allow-unsigned "$manifest" "h3://127.0.0.1:$(cat port)#$id"
expect "peer-fetch fetches from aioquic" 0 "state: imported"
run slm-check -q --home to
expect "and it is whole" 0
peer-key other.key >/dev/null
other=$(peer-key --show other.key | sed -n 's/^peer-id: //p')
run peer-fetch -y --home none --allow-unsigned "$manifest" "h3://127.0.0.1:$(cat port)#$other"
expect "but not where another peer was named" 3 "[peer-lacks]"
kill "$server"
