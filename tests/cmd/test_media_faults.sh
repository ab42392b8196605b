#!/bin/sh
# media-export with each call failing once: it says so, no medium is complete that is not, and the same call ends it.
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || export TMPDIR=/dev/shm # hundreds of files are flushed
. "$(dirname "$0")/harness.sh"
FAULTY=$BUILD/fault
[ -x "$FAULTY/media-export" ] || { skip 'faults of an export' 'the commands with faults are not built'; exit 0; }
need 'faults of an export' python3 || exit 0
PYTHONDONTWRITEBYTECODE=1
FAULTS=${FAULTS:-8} # calls of each kind that fail, evenly chosen; 400 is all of them, and takes minutes
export PYTHONDONTWRITEBYTECODE FAULTS MINIMODEL_KEYRING="$WORK/ring"

key-make -q --no-password me >/dev/null && key-trust -q add --trust-on-first-use me me.pub >/dev/null
mkdir src && cp "$MODEL" src/model.gguf && seq 1 60000 >src/big.txt && : >src/empty.txt && echo licence >src/notes.txt
manifest-make -q -s 64K --model-id me/tiny --version 1 --license MIT --takedown-route mailto:a@example.org --source-lane original \
    --key-id "$(basename ./*.revoked .revoked)" --license-route notes.txt --model-card-route notes.txt src >m.manifest 2>/dev/null && mv m.manifest src/m.manifest && manifest-sign -q -s me.key src/m.manifest >/dev/null || not_ok 'a signed manifest'
mkdir begun && media-export -q begun/medium src/m.manifest >/dev/null && rm begun/medium/SHA256SUMS begun/medium/models/me/tiny/1/files/big.txt
mkdir fresh
mkdir other earlier && cp src/* other/ && sed 's|^model-id: me/tiny|model-id: me/other|' src/m.manifest >other/m.manifest && manifest-sign -q --force -s me.key other/m.manifest >/dev/null &&
    media-export -q earlier/medium other/m.manifest >/dev/null || not_ok 'an earlier export'

# What is there now is sound whatever the answer was, and complete where it was 0; then the same call ends it.
cat >sound <<END
shift
if [ -e "$WORK/o/medium" ]; then
    said=\$(python3 "$ROOT/tests/cmd/media.py" state "$WORK/o/medium" "$WORK/src" | sort -u | tr '\n' ' ')
    case \$ANSWER.\$said in '0.complete ' | '3.incomplete ' | '3.complete ' | '3.complete incomplete ' | 3.) ;; *) echo "answer \$ANSWER: \$said"; exit 1 ;; esac
fi
media-export -q --force "\$@" >/dev/null && [ "\$(python3 "$ROOT/tests/cmd/media.py" state "$WORK/o/medium" "$WORK/src" | sort -u)" = complete ] && [ -z "\$(find "$WORK/o" -path '*/me/other/*' -type f)" ]
END

# each NAME SETUP OPTION...
each() {
    name=$1 setup=$2
    shift 2
    for fault in read:5 write:28 memory:12 open:13 stat:5 fsync:5 link:31 rename:5 folder:28 remove:5 mode:30; do
        wrong=$(python3 "$ROOT/tests/cmd/faults.py" --store "$setup" "sh $WORK/sound x $* $WORK/o/medium $WORK/src/m.manifest" "${fault%%:*}" "${fault##*:}" \
            "$WORK/o" "$FAULTY/media-export" -q "$@" o/medium src/m.manifest 2>&1 | head -n 8)
        same "$name: ${fault%%:*} fails" '' "$wrong"
    done
}

each 'a medium' fresh
each 'one that was begun' begun
each 'in chunks' fresh --chunkset
each 'on several' fresh --capacity 1400K
each 'over an earlier export' earlier --force
