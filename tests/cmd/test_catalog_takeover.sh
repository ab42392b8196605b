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
bounded catalog-build -q -o all --catalog-id all --publisher merger --allow-unsigned --merge many
expect '200,000 withdrawals are merged' 0 'withdrawn-count: 200000'
cp -a all twice
bounded catalog-build -q -o twice --allow-unsigned --merge many
expect 'and found again' 0 'state: unchanged'
