#!/bin/sh
# catalog-build stopped before each call that changes its folder: readers see the old catalog, the new one or what is wrong, and the next build, whichever it is, leaves
# nothing behind.
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || export TMPDIR=/dev/shm # hundreds of catalogs are flushed
. "$(dirname "$0")/harness.sh"
FAULTY=$BUILD/fault
[ -x "$FAULTY/catalog-build" ] || { skip 'stopped builders' 'the commands with faults are not built'; exit 0; }
need 'stopped builders' python3 || exit 0
PYTHONDONTWRITEBYTECODE=1
SOURCE_DATE_EPOCH=$(($(date +%s) - 86400))
MINIMODEL_KEYRING=$WORK/ring
export PYTHONDONTWRITEBYTECODE SOURCE_DATE_EPOCH MINIMODEL_KEYRING
case $BUILD in *address* | *thread*) STOPS=${STOPS:-6} ;; esac

key=$(key-make -q --no-password keeper | sed -n 's/^key-id: //p')
mkdir -p ring/keeper && cp keeper.pub "ring/keeper/$key.pub"
for name in a b c d; do
    python3 "$ROOT/tests/cmd/catalogs.py" manifest $name.manifest keeper $name 1 "$key" && manifest-sign -q -s keeper.key $name.manifest >/dev/null 2>&1
done
build="catalog-build -q -o o -s keeper.key --catalog-id keeper --publisher keeper"
fault="$FAULTY/$build"
catalog-build -q -o one -s keeper.key --catalog-id keeper --publisher keeper a.manifest b.manifest >/dev/null || not_ok 'a catalog'

# stop NAME ARGUMENTS...: nothing is wrong wherever the builder is stopped
stop() {
    name=$1
    shift
    same "$name is stopped anywhere" '' "$(python3 "$ROOT/tests/cmd/catalog_stops.py" "$@" 2>&1 | head -n 8)"
}

stop 'a first build' - o $fault a.manifest b.manifest -- "$build a.manifest b.manifest" "$build c.manifest"
stop 'another model' one o $fault c.manifest -- "$build c.manifest" "$build d.manifest" "$build" "$build -w keeper/a --reason r"
stop 'a withdrawal' one o $fault -w keeper/b --reason r -- "$build -w keeper/b --reason r" "$build c.manifest" "$build" "$build --renew"
stop 'a new head' one o $fault --renew -- "$build --renew" "$build c.manifest" "$build"
rm -rf torn && cp -a one torn && rm torn/manifests/keeper/a/1.manifest torn/index.html && echo x >torn/manifests/keeper/b/1.manifest.minisig
stop 'a build that mends' torn o $fault a.manifest b.manifest -- "$build a.manifest b.manifest" "$build a.manifest b.manifest c.manifest"
STOPS=${STOPS:-9}
export STOPS
stop 'a withdrawal and the build behind it' --twice "$fault c.manifest" one o $fault -w keeper/b --reason r -- "$build d.manifest" "$build"
