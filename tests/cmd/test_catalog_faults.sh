#!/bin/sh
# catalog-build with each call failing once: the answer is 0 or 3, and what is left is a catalog that the next build continues.
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || export TMPDIR=/dev/shm # hundreds of catalogs are flushed
. "$(dirname "$0")/harness.sh"
FAULTY=$BUILD/fault
[ -x "$FAULTY/catalog-build" ] || { skip 'faults of catalogs' 'the commands with faults are not built'; exit 0; }
need 'faults of catalogs' python3 || exit 0
PYTHONDONTWRITEBYTECODE=1
SOURCE_DATE_EPOCH=$(($(date +%s) - 86400))
MINIMODEL_KEYRING=$WORK/ring
FAULTS=${FAULTS:-12} # calls of each kind that fail, evenly chosen
export PYTHONDONTWRITEBYTECODE SOURCE_DATE_EPOCH MINIMODEL_KEYRING FAULTS

key=$(key-make -q --no-password keeper | sed -n 's/^key-id: //p')
mkdir -p ring/keeper empty && cp keeper.pub "ring/keeper/$key.pub"
for name in a b c; do
    python3 "$ROOT/tests/cmd/catalogs.py" manifest $name.manifest keeper $name 1 "$key" && manifest-sign -q -s keeper.key $name.manifest >/dev/null 2>&1
done
names='--catalog-id keeper --publisher keeper'
catalog-build -q -o one -s keeper.key $names a.manifest b.manifest >/dev/null || not_ok 'a catalog'

# each NAME SETUP AFTER COMMAND...
each() {
    name=$1 setup=$2 after=$3
    shift 3
    for fault in read:5 write:28 memory:12 open:24 stat:5 fsync:5 link:31 rename:5 folder:28 remove:5 mode:30 thread:11; do
        wrong=$(python3 "$ROOT/tests/cmd/faults.py" --store "$setup" "$after" "${fault%%:*}" "${fault##*:}" "$WORK/o" "$@" 2>&1 | head -n 8)
        same "$name: ${fault%%:*} fails" '' "$wrong"
    done
}

# The present head and what it names are whole before the next build mends anything, or the next build does it; then all of it passes.
mend="catalog-build -q -o o -s keeper.key $names"
tidy='find o -name ".minimodel-*" -delete' # a file that could not be removed
each 'a first build' empty "$tidy; $mend a.manifest b.manifest && catalog-build -q --check o" "$FAULTY/catalog-build" -q -o o -s keeper.key $names a.manifest b.manifest
each 'another model' one "$tidy; $mend c.manifest && catalog-build -q --check --since one/catalog.head o" "$FAULTY/catalog-build" -q -o o -s keeper.key c.manifest
each 'a withdrawal' one "$tidy; $mend --withdraw keeper/b --reason r && catalog-build -q --check --since one/catalog.head o" \
    "$FAULTY/catalog-build" -q -o o -s keeper.key --withdraw keeper/b --reason r
cp -a one witnessed && witness=$(key-make -q --no-password witness | sed -n 's/^key-id: //p')
catalog-build -q --countersign --first --witness-state seen -s witness.key witnessed >/dev/null || not_ok 'a witness'
each 'a head with a witness' witnessed "$tidy; $mend c.manifest && catalog-build -q --check o && [ -f o/heads/1.$witness.minisig ] && [ ! -e o/catalog.head.$witness.minisig ]" \
    "$FAULTY/catalog-build" -q -o o -s keeper.key c.manifest
each 'nothing new' one "diff -r one o && catalog-build -q --check o" "$FAULTY/catalog-build" -q -o o -s keeper.key a.manifest
each 'a check' one "diff -r one o && catalog-build -q --check o" "$FAULTY/catalog-build" -q --check --since one/catalog.head o
each 'a proof' one "diff -r one o" "$FAULTY/catalog-build" -q --prove keeper/a o
each 'a merge' empty "$tidy; catalog-build -q -o o -s keeper.key --catalog-id all --publisher keeper --merge one && catalog-build -q --check o" \
    "$FAULTY/catalog-build" -q -o o -s keeper.key --catalog-id all --publisher keeper --merge one
