#!/bin/sh
# What peer-fetch asks for ahead, before it is known to be needed, and a peer whose first answers cannot be used: absent, another, too long, too
# short, elsewhere, in a coding. The fetch says so or goes on; nothing wrong is taken, and a peer beside the liar, or the next call, ends it.
. "$(dirname "$0")/harness.sh"
need "answers to what was asked ahead" peer-fetch || exit 0
liar=$BUILD/peer/liar
[ -x "$liar" ] || { skip "answers to what was asked ahead" "the tests' tools are not built"; exit 0; }
. "$ROOT/tests/cmd/peers.sh"
serve honest
[ -n "$address" ] || exit 1
honest=$address

mkdir -p web/v0/manifests web/v0/artifacts web/v0/chunk-lists web/v0/chunks
cp keeper.manifest "web/v0/manifests/$manifest"
sed -n 's/^artifact: //p' keeper.manifest >paths
sed -n 's/^artifact-sha256: //p' keeper.manifest >hashes
sed -n 's/^merkle-root: //p' keeper.manifest >roots
paste hashes roots paths >files
while IFS='	' read -r hash root path; do
    cp "model/$path" "web/v0/artifacts/$hash"
    chunk-merkle -q -s 64K -l "web/v0/chunk-lists/$root" "model/$path" >/dev/null
    mkdir -p "web/v0/chunks/$root"
    count=$(sed -n 's/^chunk-count: //p' "web/v0/chunk-lists/$root")
    python3 -c 'import sys; n = int(sys.argv[1]); sys.stdout.buffer.write(((2**n - 1) << -n % 8).to_bytes((n + 7) // 8, "big"))' "$count" >"web/v0/chunks/$root/have"
done <files

# lies LIE: a liar, whose address is in $lied
lies() {
    : >liar.address # what an earlier one said is not this one's
    "$liar" web "$1" >liar.address 2>liar.complained &
    liar_pid=$!
    servers="$servers $liar_pid"
    for _ in $(seq 50); do [ -s liar.address ] && break; sleep 0.1; done
    lied=$(cat liar.address)
}
no_more() {
    kill "$liar_pid"
    wait "$liar_pid"
}
# fetch PEER...: into the store to
fetch() { run timeout 100 peer-fetch -q -y --home to --allow-unsigned "$what" "$@"; }
gone() { chmod -R u+rwx to 2>/dev/null; rm -rf to; }

for lie in absent wrong long short moved coded; do
    for what in keeper.manifest "$manifest"; do
        how="a manifest at hand"
        [ "$what" = keeper.manifest ] || how="by its hash"
        gone
        lies "$lie"
        fetch "$lied" "$honest"
        expect "first answers that are $lie, an honest peer beside, $how" 0
        run slm-check -q --home to
        expect "$lie, $how: what came is right" 0
        no_more
        gone
        lies "$lie"
        fetch "$lied"
        case $status in
        0 | 3) ok "first answers that are $lie, nobody beside, $how: yes or don't know" ;;
        *) not_ok "first answers that are $lie, nobody beside, $how: yes or don't know" "exit $status" "$err" ;;
        esac
        for _ in 1 2 3 4 5 6; do # of what is asked for in turn, each is lied about once
            [ "$status" = 0 ] || fetch "$lied"
        done
        expect "$lie, $how: a later call ends it" 0
        run slm-check -q --home to
        expect "$lie, $how: and that is right" 0
        no_more
    done
done
exit 0 # not what became of the servers
