#!/bin/sh
# slm-repair with each call failing once: no right chunk is lost, and the next call mends the file.
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || export TMPDIR=/dev/shm # hundreds of files are flushed
. "$(dirname "$0")/harness.sh"
FAULTY=$BUILD/fault
[ -x "$FAULTY/slm-repair" ] || { skip 'faults of a repair' 'the commands with faults are not built'; exit 0; }
need 'faults of a repair' python3 || exit 0
HELP=$ROOT/tests/cmd/repairs.py
PYTHONDONTWRITEBYTECODE=1
FAULTS=${FAULTS:-8} # calls of each kind that fail, evenly chosen; 400 is all of them, and takes minutes
export PYTHONDONTWRITEBYTECODE FAULTS

mkdir whole
seq 1 60000 >whole/big.txt
python3 "$ROOT/tests/cmd/build.py" gguf 3 whole/model.gguf
(cd whole && manifest-make -q -p -s 64K --model-id local/model --role model.gguf=weights --chunk-lists . . >../m.manifest) && mv m.manifest whole
mkdir copies copies/a copies/b && cp whole/big.txt whole/model.gguf copies/a && python3 "$ROOT/tests/cmd/imports.py" set whole/big.txt 65536 copies/b/big.txt.chunkset
python3 "$HELP" damage copies/a/big.txt 65536 1
cp -r whole damaged && python3 "$HELP" damage damaged/big.txt 65536 0 1 3 && truncate -s 340000 damaged/big.txt && python3 "$HELP" damage damaged/model.gguf 65536 0
cp -r damaged locked && chmod a-w locked/big.txt locked/model.gguf
cp -r damaged absent && rm absent/big.txt absent/model.gguf
cp -r damaged listless && rm listless/*.chunks

# The right chunks of what is there now are those that were right before, and others.
cat >kept <<END
for name in big.txt model.gguf; do
    before=\$(python3 "$HELP" good "$WORK/\$1/\$name" "$WORK/whole/\$name" 65536)
    now=" \$(python3 "$HELP" good "$WORK/o/\$name" "$WORK/whole/\$name" 65536) "
    for chunk in \$before; do
        case \$now in *" \$chunk "*) ;; *) echo "chunk \$chunk of \$name was right and is not"; exit 1 ;; esac
    done
done
END

# each NAME SETUP COMMAND...
each() {
    name=$1 setup=$2
    shift 2
    after="sh $WORK/kept $setup && slm-repair -q --force --from $WORK/copies/a --from $WORK/copies/b --from $WORK/whole/big.txt $WORK/o/m.manifest >/dev/null && slm-verify -q --strict $WORK/o/m.manifest >/dev/null"
    for fault in read:5 write:28 memory:12 open:13 stat:5 fsync:5 link:31 rename:5 folder:28 remove:5 mode:30; do
        wrong=$(python3 "$ROOT/tests/cmd/faults.py" --store "$setup" "$after" "${fault%%:*}" "${fault##*:}" "$WORK/o" "$@" 2>&1 | head -n 8)
        same "$name: ${fault%%:*} fails" '' "$wrong"
    done
}

each 'in place' damaged "$FAULTY/slm-repair" -q --force --from copies/a --from copies/b o/m.manifest
each 'made anew' locked "$FAULTY/slm-repair" -q --force --from copies/a --from copies/b o/m.manifest
each 'not there' absent "$FAULTY/slm-repair" -q --force --from copies/a --from copies/b o/m.manifest
each 'without lists' listless "$FAULTY/slm-repair" -q --force --from whole/big.txt --from copies/a o/m.manifest
