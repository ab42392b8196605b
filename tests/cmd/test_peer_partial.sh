#!/bin/sh
# Peers that hold parts of a model: what fetches in progress have is served, and put together elsewhere.
. "$(dirname "$0")/harness.sh"
need "peers that hold parts" peer-fetch || exit 0
need "peers that hold parts" python3 || exit 0

. "$ROOT/tests/cmd/peers.sh"
chunk-merkle -q -s 64K -l list "model/$weights" >/dev/null
root=$(sed -n 's/^merkle-root: //p' list)
hash=$(sed -n 's/^artifact-sha256: //p' list)

# hold STORE CHUNK...: what a fetch that was interrupted leaves: manifest, chunk list, these chunks of the weights
hold() {
    partial=$1/store/partial/$manifest store=$1
    shift
    mkdir -p "$partial/offer" "$partial/files" "$store/models" "$store/receipts"
    cp keeper.manifest "$partial/offer/manifest"
    cp list "$partial/files/$weights.chunks"
    truncate -s "$(stat -c %s "model/$weights")" "$partial/files/$weights"
    for chunk; do dd if="model/$weights" of="$partial/files/$weights" bs=65536 skip="$chunk" seek="$chunk" count=1 conv=notrunc status=none; done
}

# small files are one chunk each: the first has two of them, the second the other
hold even 0 2 4 6
cp model/LICENSE.txt model/README.md "even/store/partial/$manifest/files/"
hold odd 1 3 5
cp model/corpus.txt "odd/store/partial/$manifest/files/"

peer-key none.key >/dev/null
run peer-serve --home even -s none.key --share local/keeper --listen 127.0.0.1:0
expect "without --partial nothing of it is shared" 1 "[store-model]"
run peer-serve --home even -s none.key --partial --share local/other --listen 127.0.0.1:0
expect "nor another model" 1 "[store-model]"
run peer-serve --home even -s none.key --partial --share local/keeper@2 --listen 127.0.0.1:0
expect "nor another revision" 1 "[store-model]"

listen even --partial --share local/keeper && even=$address first=$server
same "an import in progress is a model to share" 1 "$(sed -n 's/^models: //p' even.served)"
listen odd --partial --share-all && odd=$address
same "with --share-all too, where the publisher offers it" 1 "$(sed -n 's/^models: //p' odd.served)"

run peer-fetch -y --home half --allow-unsigned "$manifest" "$even"
expect "one that holds a part does not make a model" 3 "[peer-lacks]"
run peer-fetch -y --home half --allow-unsigned "$manifest" "$odd"
expect "another with the rest completes it" 0 "state: imported"
run peer-fetch -y --home both --allow-unsigned "$manifest" "$even" "$odd"
expect "both at once make it whole" 0 "state: imported" "fetched-bytes: $total"
run slm-check -q --home both
expect "and it is right" 0
rm -f "$weights"
run peer-fetch -y --home none --repair "$weights" "$manifest" "$even" "$odd"
expect "a file is mended from parts as well" 0 "state: repaired"
run cmp "$weights" "model/$weights"
expect "rightly" 0

. "$ROOT/tests/cmd/aioquic.sh"
if [ -n "$aioquic" ]; then
    port=${even#h3://127.0.0.1:} port=${port%%#*}
    # theirs NAME STATUS PATH [RANGE]
    theirs() {
        # shellcheck disable=SC2086 # two words
        "$aioquic" "$ROOT/tests/cmd/aioquic_peer.py" get 127.0.0.1 "$port" body "$3" ${4:+"$4"} >told 2>why
        same "$1" ":status: $2" "$(head -n 1 told)"
    }
    theirs "the bitmap says what is held" 200 "/v0/chunks/$root/have"
    same "chunks 0, 2, 4 and 6" aa "$(od -An -tx1 body | tr -d ' ')"
    theirs "a chunk that is held is served" 206 "/v0/artifacts/$hash" bytes=131072-196607
    same "that one" "$(tail -c +131073 "model/$weights" | head -c 65536 | sha256sum)" "$(sha256sum <body)"
    theirs "one that is not is absent" 404 "/v0/artifacts/$hash" bytes=65536-131071
    theirs "so is a range that goes beyond it" 404 "/v0/artifacts/$hash" bytes=131072-196608
    theirs "and the whole" 404 "/v0/artifacts/$hash"
    # what comes meanwhile, right or wrong
    dd if="model/$weights" of="even/store/partial/$manifest/files/$weights" bs=65536 skip=1 seek=1 count=1 conv=notrunc status=none
    head -c 65536 /dev/urandom | dd of="even/store/partial/$manifest/files/$weights" bs=65536 seek=3 count=1 conv=notrunc status=none
    for _ in $(seq 30); do
        sleep 0.3
        theirs "" 200 "/v0/chunks/$root/have" >/dev/null
        [ "$(od -An -tx1 body | tr -d ' ')" = ea ] && break
    done
    same "a chunk that came is held, a wrong one is not" ea "$(od -An -tx1 body | tr -d ' ')"
    rm "even/store/partial/$manifest/files/$weights"
    for _ in $(seq 30); do
        sleep 0.3
        theirs "" 200 "/v0/chunks/$root/have" >/dev/null
        [ "$(od -An -tx1 body | tr -d ' ')" = 00 ] && break
    done
    same "of a file that is gone nothing is held" 00 "$(od -An -tx1 body | tr -d ' ')"
else
    skip "what a peer says that holds a part" "$no_aioquic"
fi
kill -9 "$first"

# ---- a fetch that ends while it is served ----

hold comes 0
cp model/LICENSE.txt model/README.md model/corpus.txt "comes/store/partial/$manifest/files/"
listen comes --partial --share local/keeper && comes=$address
run slm-import -q --home rest --allow-unsigned model
listen rest --share local/keeper && rest=$address
run peer-fetch -y --home comes --allow-unsigned "$manifest" "$rest"
expect "the fetch of a store that is served ends" 0 "state: imported"
for _ in $(seq 30); do
    sleep 0.3
    run peer-fetch -y --home after --allow-unsigned "$manifest" "$comes"
    [ "$status" = 0 ] && break
done
expect "what it came to is served whole before long" 0 "state: imported"

# ---- what is not as it should be ----

printf 'x' >>"odd/store/partial/$manifest/offer/manifest"
run peer-serve --home odd -s none.key --partial --share local/keeper --listen 127.0.0.1:0
expect "a manifest that is not the one of its folder is none" 1 "[store-model]"
cp keeper.manifest "odd/store/partial/$manifest/offer/manifest"
sed -i '$d' "odd/store/partial/$manifest/files/$weights.chunks"
run peer-serve --home odd -s none.key --partial --share local/keeper --listen 127.0.0.1:0
expect "nor is a fetch whose chunk list is broken" 1 "error:"
exit 0 # not what became of the servers
