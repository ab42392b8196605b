#!/bin/sh
# Catalogs that others try to take over or to stop: a key that was stolen, a lock that somebody keeps, lists that are made to cost time.
. "$(dirname "$0")/harness.sh"
need 'catalogs that others try to stop' python3 || exit 0
HELP=$ROOT/tests/cmd/catalogs.py
PYTHONDONTWRITEBYTECODE=1
MINIMODEL_KEYRING=$WORK/ring
now=$(date +%s)
SOURCE_DATE_EPOCH=$((now - 86400))
export PYTHONDONTWRITEBYTECODE MINIMODEL_KEYRING SOURCE_DATE_EPOCH

# ---- a key that was stolen ----

id=$(key-make -q --no-password keeper | sed -n 's/^key-id: //p')
new=$(key-make -q --no-password newer | sed -n 's/^key-id: //p')
mkdir -p ring/keeper && cp keeper.pub "ring/keeper/$id.pub" && cp newer.pub "ring/keeper/$new.pub"
for name in a b; do
    python3 "$HELP" manifest $name.manifest keeper $name 1 "$id" && manifest-sign -q -s keeper.key $name.manifest >/dev/null 2>&1
done
catalog-build -q -o web -s keeper.key --catalog-id keeper --publisher keeper a.manifest b.manifest >/dev/null || not_ok 'a catalog'
cp web/catalog.head seen
cp -a web early
key-trust revoke keeper "$id" --reason compromised >/dev/null || not_ok 'a revocation'
hash=$(sha256sum <web/catalog.head | cut -d' ' -f1)
run catalog-build -q -o web -s newer.key --renew
expect 'a head by a revoked key is not continued unasked' 1 '[signature-revoked-key]' "--adopt $hash"
run catalog-build -q -o web -s newer.key --renew --adopt "$(echo x | sha256sum | cut -d' ' -f1)"
expect 'nor where another one is meant' 1 '[signature-revoked-key]'
run catalog-build -q -o web -s newer.key --adopt XYZ
expect 'a hash is a hash' 2
run catalog-build -q --check --adopt "$hash" web
expect 'and belongs to builds' 2
run catalog-build -q -o web -s newer.key --adopt "$hash"
expect 'its publisher continues it, though nothing else changes' 0 'state: built' 'sequence: 2'
run catalog-build -q --check --since seen web
expect 'readers see one history' 0 'verdict: pass' "key-id: $new" 'revoked-entries: 2'
run catalog-build -q -o web -s newer.key --adopt "$hash"
expect 'a head by a good key needs no consent' 0 'state: unchanged'
changed early/catalog.head.minisig 200
run catalog-build -q -o early -s newer.key --adopt "$hash"
expect 'a signature that does not hold is not adopted' 1
if [ -x "$BUILD/fault/catalog-build" ]; then
    rm "ring/keeper/$id.revoked"*
    rm -rf early && catalog-build -q -o early -s keeper.key --catalog-id keeper --publisher keeper a.manifest >/dev/null
    cp -a early whole
    cp early/catalog.jsonl list
    for n in $(seq 1 60); do # until the lists are the next head's
        rm -rf early && cp -a whole early
        FAULT=change:$n:0 "$BUILD/fault/catalog-build" -q -o early -s keeper.key b.manifest >/dev/null 2>&1
        cmp -s early/catalog.jsonl list || break
    done
    key-trust revoke keeper "$id" --reason compromised >/dev/null
    next=$(sha256sum <early/heads/2 | cut -d' ' -f1)
    run catalog-build -q -o early -s newer.key
    expect 'a build that was interrupted before' 1 "--adopt $next"
    run catalog-build -q -o early -s newer.key --adopt "$next"
    expect 'is ended with consent' 0 'sequence: 3'
    run catalog-build -q --check --since whole/catalog.head early
    expect 'and is one history' 0 'entry-count: 2'
else
    skip 'a build that was interrupted before' 'the commands with faults are not built'
fi

# ---- signatures that another catalog brings ----

other=$(key-make -q --no-password other | sed -n 's/^key-id: //p')
key-make -q --no-password merger >merger.made && mid=$(sed -n 's/^key-id: //p' merger.made)
mkdir -p ring/other ring/merger && cp other.pub "ring/other/$other.pub" && cp merger.pub "ring/merger/$mid.pub"
python3 "$HELP" manifest good.manifest other omega 1 "$other" && manifest-sign -q -s other.key good.manifest >/dev/null 2>&1
python3 "$HELP" manifest n.manifest keeper n 1 "$new" && manifest-sign -q -s newer.key n.manifest >/dev/null 2>&1
catalog-build -q -o true -s other.key --catalog-id other --publisher other good.manifest >/dev/null || not_ok 'a catalog of another publisher'
catalog-build -q -o liar -s newer.key --catalog-id liar --publisher keeper good.manifest n.manifest >/dev/null || not_ok 'a catalog that lists his model'
python3 - liar/manifests/other/omega/1.manifest.minisig good.manifest.minisig <<'PY'
import base64, sys
lines = open(sys.argv[2]).read().split('\n')
blob = bytearray(base64.b64decode(lines[1]))
blob[20] ^= 1
lines[1] = base64.b64encode(bytes(blob)).decode()
open(sys.argv[1], 'w').write('\n'.join(lines))
PY
run catalog-build -q --check liar
expect 'no head covers the bytes of a signature' 0
merge="catalog-build -q -s merger.key --catalog-id all --publisher merger --merge"
run $merge -o merged liar true
expect 'one that does not hold is not taken over' 1 '[signature-bad]' 'liar/manifests/other/omega/1.manifest'
mv ring/other elsewhere && mkdir empty-ring && cp -a ring/keeper ring/merger empty-ring
cp good.manifest.minisig true-signature
cp -a liar second && cp true-signature second/manifests/other/omega/1.manifest.minisig
run env MINIMODEL_KEYRING=empty-ring $merge -o first second liar
expect 'what cannot be judged is left to readers, and placed once' 0 'manifests: 2' 'added: 2'
same 'the first of two signatures is taken' "$(sha256sum <true-signature)" "$(sha256sum <first/manifests/other/omega/1.manifest.minisig)"
mv elsewhere ring/other
run $merge -o other-way true
expect 'a true one is taken' 0 'manifests: 1'
same 'as it is' "$(sha256sum <true-signature)" "$(sha256sum <other-way/manifests/other/omega/1.manifest.minisig)"
run $merge -o other-way liar
expect 'what is there already is not judged again' 0 'added: 1'
same 'and stays' "$(sha256sum <true-signature)" "$(sha256sum <other-way/manifests/other/omega/1.manifest.minisig)"

# ---- what is said ----

run catalog-build -q --check --keyring empty-ring true
expect 'an unknown key is named' 1 "key-id: $other" '[signature-unknown-key]'
run catalog-build -q --prove keeper/a@7 web
expect 'no proof of a revision that is not there' 1 'keeper/a revision 7, found other revisions alone'
run catalog-build -q --prove keeper/zz web
expect 'nor of a model' 1 'keeper/zz, found none'
run env SOURCE_DATE_EPOCH=abc catalog-build -q -o web -s newer.key --renew
expect 'a time that is none' 2 'SOURCE_DATE_EPOCH'
catalog-build -q -o web -s newer.key -w keeper/b@1 --reason r >/dev/null || not_ok 'a withdrawal'
run catalog-build -q --prove keeper/b@1 web
expect 'nor of one that was withdrawn' 1 'found that it was withdrawn'

# ---- a clock that was set back ----

mkdir later && cp "$MODEL" later/m.gguf
if (unset SOURCE_DATE_EPOCH && manifest-make -q --model-id local/x --version 1 --license MIT --license-route https://example.org/l --source-lane original --model-card-route https://example.org/c --takedown-route mailto:a@example.org later >x.manifest 2>x.err &&
    slm-verify -q x.manifest later >x.report && SOURCE_DATE_EPOCH=$((now + 200 * 86400)) receipt-write -q --home store --root later x.report) >/dev/null 2>>x.err; then
    run catalog-build --check --home store web
    expect 'the newest receipt says what time it is' 1 '[catalog-expired]' 'note: ' '[clock-behind]'
    run env MINIMODEL_HOME=store catalog-build --check web
    expect 'in the store of the environment too' 1 '[catalog-expired]'
    run catalog-build --check --home nowhere web
    expect 'a store that is not there says nothing, but for a note' 0 'verdict: pass' 'note: '
else
    not_ok 'a receipt of a later day' "$(cat x.err)"
fi
run catalog-build --prove keeper/a --home store web
expect '--home goes with --check' 2

# ---- a lock that somebody keeps ----

if need 'a lock that somebody keeps' flock; then
    flock -x web sleep 300 &
    holder=$!
    while flock -n -s web true; do sleep 0.1; done
    run timeout 120 catalog-build --check web
    expect 'a reader goes on' 0 'verdict: pass' 'note: ' '[catalog-changing]'
    run timeout 120 catalog-find web keeper
    expect 'so does a search' 0 'keeper/a@1' '[catalog-changing]'
    run timeout 120 catalog-build --prove keeper/a web
    expect 'and a proof' 0 'minimodel-entry-proof 0' '[catalog-changing]'
    before=$(find web -printf '%p %T@\n' | sort)
    run timeout 200 catalog-build -o web -s newer.key --renew
    expect 'a builder gives up, and says why' 3 '[catalog-changing]'
    same 'and has changed nothing' "$before" "$(find web -printf '%p %T@\n' | sort)"
    kill "$holder" 2>/dev/null
    wait "$holder" 2>/dev/null
fi

# ---- lists that cost time ----

python3 "$HELP" many made 2
catalog-build -q -o many --catalog-id many --publisher demo --allow-unsigned made/000000.manifest >/dev/null || not_ok 'an unsigned catalog'
rm -rf many/index.html many/models && python3 "$HELP" forge many many-withdrawn
case $BUILD in *address* | *thread*) seconds=unlimited ;; *) seconds=40 ;; esac
bounded() { run sh -c 'ulimit -t "$1"; shift; exec "$@"' sh "$seconds" "$@"; }
bounded catalog-build -q -o all --catalog-id all --publisher nobody --allow-unsigned --merge many
expect '200,000 withdrawals are merged' 0 'withdrawn-count: 200000'
cp -a all twice
bounded catalog-build -q -o twice --allow-unsigned --merge many
expect 'and found again' 0 'state: unchanged'
