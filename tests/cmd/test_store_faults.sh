#!/bin/sh
# The commands of the store with each call failing once: the answer is 0 or 3, what is under models/ is whole, and the next call mends
# what is left.
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || export TMPDIR=/dev/shm # hundreds of stores are flushed
. "$(dirname "$0")/harness.sh"
FAULTY=$BUILD/fault
[ -x "$FAULTY/slm-import" ] || { skip 'faults of the store' 'the commands with faults are not built'; exit 0; }
need 'faults of the store' python3 || exit 0
PYTHONDONTWRITEBYTECODE=1
SOURCE_DATE_EPOCH=1700000000
MINIMODEL_HOME=$WORK/o
FAULTS=${FAULTS:-12} # calls of each kind that fail, evenly chosen; 400 is all of them, and takes minutes
export PYTHONDONTWRITEBYTECODE SOURCE_DATE_EPOCH MINIMODEL_HOME FAULTS

mkdir src empty
seq 1 30000 >src/big.txt
python3 "$ROOT/tests/cmd/build.py" gguf 3 src/model.gguf
(cd src && manifest-make -q -p -s 64K --model-id local/model --role model.gguf=weights --chunk-lists . model.gguf big.txt >m.manifest) || not_ok 'a manifest'
cp -r src next && (cd next && sed '20000s/.*/-----/' big.txt >x && mv x big.txt && rm ./*.chunks && manifest-make -q -p -f m.manifest -s 64K --chunk-lists . model.gguf big.txt >n.manifest && mv n.manifest m.manifest)
cp -r src wrong && changed wrong/big.txt 70000
slm-import -q --allow-unsigned --home one src >/dev/null || not_ok 'a store with a model'
mkdir half && slm-import -q --allow-unsigned --home half wrong >/dev/null 2>&1
cp -r one littered && mkdir -p littered/store/trash/0123456789abcdef/files littered/store/partial && cp src/big.txt littered/store/trash/0123456789abcdef/files
cp src/model.gguf.chunks "littered/store/chunks/$(printf '%064d' 1).chunks" 2>/dev/null || cp src/big.txt.chunks "littered/store/chunks/$(printf '%064d' 1).chunks"
key=$(key-make -q --no-password keeper | sed -n 's/^key-id: //p')
MINIMODEL_KEYRING=$WORK/ring
export MINIMODEL_KEYRING
mkdir -p ring/org && cp keeper.pub "ring/org/$key.pub"
cp -r src signed && (cd signed && rm m.manifest && manifest-make -q -p -s 64K --model-id org/model --key-id "$key" --role model.gguf=weights --license-route https://example.org/l \
    --model-card-route https://example.org/c --takedown-route https://example.org/t model.gguf big.txt >m.new && mv m.new m.manifest)
manifest-sign -q -s keeper.key signed/m.manifest >/dev/null || not_ok 'a signed manifest'
slm-import -q --home trusted signed >/dev/null || not_ok 'a store with a signed model'

# each NAME SETUP AFTER COMMAND...
each() {
    name=$1 setup=$2 after=$3
    shift 3
    for fault in read:5 write:28 memory:12 open:24 stat:5 fsync:5 link:31 rename:5 folder:28 remove:5 mode:30; do
        wrong=$(python3 "$ROOT/tests/cmd/faults.py" --store "$setup" "$after" "${fault%%:*}" "${fault##*:}" "$WORK/o" "$@" 2>&1 | head -n 8)
        same "$name: ${fault%%:*} fails" '' "$wrong"
    done
}

# Whatever stands under models/ passes before anything mends it, but for a receipt that a crash kept from being written.
cat >whole <<'EOF'
if [ -e "$MINIMODEL_HOME/models" ]; then
    for folder in "$MINIMODEL_HOME"/models/*/*/*; do
        [ ! -e "$folder" ] || slm-verify -q --follow-links "$folder/manifest" "$folder/files" | grep -q '^verdict: pass$' || { echo "$folder is not whole"; exit 1; }
    done
fi
EOF
# a lock of a model that could not be removed stays until the next import that takes it, or slm-gc
mended='[ -z "$(ls "$MINIMODEL_HOME/store/partial" | grep -v @)" ] && slm-check -q && slm-gc -q && [ -z "$(ls "$MINIMODEL_HOME/store/partial")" ]'

each 'slm-import' empty "sh $WORK/whole && slm-import -q --allow-unsigned src && $mended" "$FAULTY/slm-import" -q --allow-unsigned src
each 'slm-import --link' empty "sh $WORK/whole && slm-import -q --allow-unsigned --link src && $mended" "$FAULTY/slm-import" -q --allow-unsigned --link src
each 'slm-import --in-place' empty "sh $WORK/whole && slm-import -q --allow-unsigned --in-place src && $mended" "$FAULTY/slm-import" -q --allow-unsigned --in-place src
each 'slm-import of the next revision' one "sh $WORK/whole && slm-import -q --allow-unsigned next && $mended" "$FAULTY/slm-import" -q --allow-unsigned next
each 'slm-import that goes on' half "sh $WORK/whole && slm-import -q --allow-unsigned src && $mended" "$FAULTY/slm-import" -q --allow-unsigned src
each 'slm-import that mends' empty "sh $WORK/whole && slm-import -q --allow-unsigned src && $mended" "$FAULTY/slm-import" -q --allow-unsigned wrong src
each 'slm-import of a signed model' empty "sh $WORK/whole && slm-import -q signed && $mended" "$FAULTY/slm-import" -q signed
each 'slm-remove' one "{ ! slm-list -q | grep -q . || slm-remove -q local/model; } && sh $WORK/whole && slm-gc -q && slm-check -q" "$FAULTY/slm-remove" -q local/model
each 'slm-gc' littered "sh $WORK/whole && slm-gc -q && [ -z \"\$(ls o/store/trash)\" ] && slm-check -q" "$FAULTY/slm-gc" -q
each 'slm-check' one "diff -r one o && slm-check -q" "$FAULTY/slm-check" -q
each 'slm-check of a signed model' trusted "diff -r trusted o && slm-check -q" "$FAULTY/slm-check" -q
each 'slm-list' one "diff -r one o" "$FAULTY/slm-list" -q
each 'slm-path' one "diff -r one o" "$FAULTY/slm-path" -q local/model
