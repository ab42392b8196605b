#!/bin/sh
# Signatures from peers: the publisher's, countersignatures that a policy asks for, and those of liars beside the right ones.
. "$(dirname "$0")/harness.sh"
need "signatures from peers" peer-fetch || exit 0
MINIMODEL_KEYRING=$WORK/keyring
SOURCE_DATE_EPOCH=1700000000
export MINIMODEL_KEYRING SOURCE_DATE_EPOCH
. "$ROOT/tests/cmd/peers_listen.sh"

# make_key NAME PUBLISHER: NAME.key, and its public half in the keyring; NAME.id tells its id
make_key() {
    key-make -q --no-password "$1" >"$1.made" || not_ok "a key $1"
    sed -n 's/^key-id: //p' "$1.made" >"$1.id"
    mkdir -p "keyring/$2" && cp "$1.pub" "keyring/$2/$(cat "$1.id").pub"
}

# serve NAME: the store NAME; $address is where
serve() { listen "$1" --share acme/m; }

mkdir src && cp "$MODEL" src/model.gguf && chmod u+w src/model.gguf
make_key acme acme
make_key one aud
make_key two lab
ONE=$(cat one.id) TWO=$(cat two.id)
(cd src && manifest-make -q --model-id acme/m --version 1 --license MIT --license-route https://example.org/l \
    --model-card-route https://example.org/c --takedown-route mailto:a@example.org --source-lane original \
    --peer-hint available --key-id "$(cat ../acme.id)" model.gguf >m.manifest) || not_ok "a manifest"
manifest-sign -q -s acme.key src/m.manifest >/dev/null || not_ok "a signature"
for who in one two; do manifest-sign -q --countersign -s $who.key src/m.manifest >/dev/null || not_ok "a countersignature"; done
manifest=$(sha256sum <src/m.manifest | cut -c1-64)
printf 'minimodel-policy 0\nname: House rules\ncountersignatures: 2\n%s\n' \
    "$(printf 'countersigner: aud %s\ncountersigner: lab %s\n' "$ONE" "$TWO" | LC_ALL=C sort)" >p
run slm-import -q --policy p --home whole src
expect "the store of the first peer has both countersignatures" 0
serve whole && whole=$address

run peer-fetch -y --home signed "$manifest" "$whole"
expect "a signed model needs no option" 0 "state: imported"
run slm-check -q --home signed
expect "its signature came along" 0
run peer-fetch -y --home ruled --policy p "$manifest" "$whole"
expect "countersignatures that a policy asks for come too" 0 "state: imported"
same "and are kept" "$(sha256sum <"src/m.manifest.$ONE.minisig")" "$(sha256sum <"ruled/models/acme/m/1/manifest.$ONE.minisig")"

# a peer with one of them, and one whose store was tampered with
slm-import -q --home bare src >/dev/null
serve bare && bare=$address
run peer-fetch -y --home none --policy p "$manifest" "$bare"
expect "where nobody has them the policy is not held" 1 "[policy-rule]"
same "and nothing is fetched" "" "$(ls none/models 2>/dev/null)"
slm-import -q --home liar src >/dev/null; chmod u+w liar/models/acme/m/1
for who in $ONE $TWO; do cp src/m.manifest.minisig "liar/models/acme/m/1/manifest.$who.minisig"; done
head -c 40 /dev/urandom | od -An -tx1 >liar/models/acme/m/1/manifest.0123456789ABCDEF.minisig
serve liar && liar=$address
run peer-fetch -y --home none --policy p "$manifest" "$liar"
expect "countersignatures that are none do not count" 1 "[policy-rule]"
run peer-fetch -y --home beside --policy p "$manifest" "$liar" "$bare" "$whole"
expect "right ones beside them do" 0 "state: imported"

. "$ROOT/tests/cmd/aioquic.sh"
if [ -n "$aioquic" ]; then
    port=${whole#h3://127.0.0.1:} port=${port%%#*}
    # theirs NAME STATUS PATH [RANGE [HEADER...]]
    theirs() {
        name=$1 wanted=$2
        shift 2
        "$aioquic" "$ROOT/tests/cmd/aioquic_peer.py" get 127.0.0.1 "$port" body "$@" >told 2>why
        same "$name" ":status: $wanted" "$(head -n 1 told)"
    }
    theirs "a countersignature is served by its key" 200 "/v0/manifests/$manifest.$ONE.minisig"
    same "as it is, and for no cache" "$(sha256sum <"src/m.manifest.$ONE.minisig") cache-control: no-store" \
        "$(sha256sum <body) $(grep '^cache-control' told)"
    theirs "that of another key is absent" 404 "/v0/manifests/$manifest.0123456789ABCDEF.minisig"
    theirs "a key has one spelling" 404 "/v0/manifests/$manifest.$(printf %s "$ONE" | tr A-F a-f | sed 's/^[0-9]*$/&x/').minisig"
    # conditions
    hash=$(sed -n 's/^artifact-sha256: //p' src/m.manifest)
    theirs "what a client has is not sent again" 304 "/v0/artifacts/$hash" "" "if-none-match: \"$hash\""
    same "nothing of it" 0 "$(wc -c <body)"
    theirs "what it has otherwise is" 200 "/v0/manifests/$manifest" "" "if-none-match: \"$hash\""
    theirs "a part of what it knows" 206 "/v0/artifacts/$hash" bytes=0-9 "if-range: \"$hash\""
    theirs "or the whole of what it does not" 200 "/v0/artifacts/$hash" bytes=0-9 "if-range: \"$manifest\""
    theirs "a date is no tag" 200 "/v0/artifacts/$hash" bytes=0-9 "if-range: Sun, 22 Nov 2026 00:00:00 GMT"
else
    skip "conditional requests" "$no_aioquic"
fi
exit 0 # not what became of the servers
