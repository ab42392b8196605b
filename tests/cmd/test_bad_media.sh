#!/bin/sh
# Media that cannot be read, are pulled out, change, fold names, are full or cannot be written: nothing half-done counts, and the next call goes on.
. "$(dirname "$0")/harness.sh"
need 'bad media' python3 || exit 0
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE MINIMODEL_HOME="$WORK/home" MINIMODEL_KEYRING="$WORK/ring"
HELP=$ROOT/tests/cmd/media.py
FAULTY=$BUILD/fault

key-make -q --no-password me >/dev/null && key-trust -q add --trust-on-first-use me me.pub >/dev/null
mkdir src && cp "$MODEL" src/model.gguf && chmod u+w src/model.gguf && echo licence >src/notes.txt
python3 -c 'import random; open("src/large.bin", "wb").write(random.Random(7).randbytes(1500000))'
manifest-make -q -s 64K --model-id me/tiny --version 1 --license MIT --takedown-route mailto:a@example.org --source-lane original \
    --key-id "$(basename ./*.revoked .revoked)" --license-route notes.txt --model-card-route notes.txt src >m.manifest && mv m.manifest src/m.manifest &&
    manifest-sign -q -s me.key src/m.manifest >/dev/null || not_ok 'a signed manifest'
TOTAL=$(cat src/large.bin src/model.gguf src/notes.txt | wc -c)
media-export -q stick src/m.manifest >/dev/null && media-export -q --chunkset cut src/m.manifest >/dev/null || not_ok 'two sticks'
LARGE=models/me/tiny/1/files/large.bin

fact() { sed -n "s/^$1: //p" "$WORK/.out"; }
inode() { stat -c %i "$1"; }
# stored NAME: the store has the model as it is in src/
stored() {
    for file in large.bin model.gguf notes.txt; do
        cmp -s "src/$file" "$MINIMODEL_HOME/models/me/tiny/1/files/$file" || { not_ok "$1" "$file differs"; return; }
    done
    ok "$1"
}
nothing() { same "$1" '' "$(ls "$MINIMODEL_HOME/models" 2>/dev/null)"; }

# ---- sectors that cannot be read ----

if [ -x "$FAULTY/slm-import" ] && [ -x "$FAULTY/media-export" ]; then
    MINIMODEL_HOME=$WORK/sectors
    run env FAULT_SECTOR="$(inode stick/$LARGE):200000" "$FAULTY/slm-import" -q --bad-ranges lacks stick
    expect 'a sector that cannot be read' 3 'chunk 3 ' '[io-read]' 'state: failed'
    same 'the chunk is named' "3 196608 65536 large.bin" "$(tr '\t' ' ' <lacks)"
    nothing 'and nothing is imported'
    run slm-import -q cut
    expect 'another stick has it' 0 'state: imported' 'copied-bytes: 65536'
    stored 'and the model is right'
    MINIMODEL_HOME=$WORK/both
    run env FAULT_SECTOR="$(inode stick/$LARGE):200000" "$FAULTY/slm-import" -q stick cut
    expect 'both at once make it in one go' 0 'state: imported' "copied-bytes: $TOTAL"
    stored 'rightly'
    MINIMODEL_HOME=$WORK/tired
    run env FAULT_SECTOR="$(inode stick/$LARGE):200000:2" "$FAULTY/slm-import" -q stick
    expect 'a sector that can be read at the third time' 0 'state: imported'
    stored 'is read'

    run env FAULT_SECTOR="$(inode src/large.bin):200000" "$FAULTY/media-export" -q out src/m.manifest
    expect 'a sector of a source that cannot be read' 3 'chunk 3 of large.bin' '[io-read]' 'state: incomplete'
    same 'leaves no index and no such file' incomplete "$([ -e out/$LARGE ] && echo 'large.bin is there'; python3 "$HELP" state out src)"
    run env FAULT_SECTOR="$(inode src/large.bin):200000" "$FAULTY/media-export" -q out src/m.manifest cut
    expect 'a second source has it' 0 'state: complete'
    same 'and the medium is whole' complete "$(python3 "$HELP" state out src)"

    # ---- what changes between two readings ----

    MINIMODEL_HOME=$WORK/flip
    run env FAULT_FLIP="$(inode stick/$LARGE):200000:1" "$FAULTY/slm-import" -q stick
    expect 'a stick that reads wrongly once is read again' 0 'state: imported' "copied-bytes: $TOTAL"
    stored 'and what is stored is right'
    MINIMODEL_HOME=$WORK/flips
    run env FAULT_FLIP="$(inode stick/$LARGE):200000:1000" "$FAULTY/slm-import" -q stick
    expect 'one that always does is not believed' 1 '[store-chunk]' 'chunk 3 '
    nothing 'so nothing is imported'
    run env FAULT_FLIP="$(inode src/large.bin):200000:1" "$FAULTY/media-export" -q wrong src/m.manifest
    expect 'a source that reads wrongly is no export' 1 '[verify-sha256]' 'state: incomplete'
    same 'and its file does not appear' incomplete "$([ -e wrong/$LARGE ] && echo 'large.bin is there'; python3 "$HELP" state wrong src)"
    run media-export -q wrong src/m.manifest
    expect 'the same call goes on' 0 'state: complete'
    same 'to a whole medium' complete "$(python3 "$HELP" state wrong src)"
    run env FAULT_FLIP="$(inode wrong/$LARGE):200000:1" "$FAULTY/media-export" -q --force wrong src/m.manifest
    expect 'what reads wrongly on the medium is written again' 0 'copied-bytes: 1500000'
    same 'rightly' complete "$(python3 "$HELP" state wrong src)"

    # ---- pulled out ----

    if [ -w /dev/shm ] && [ "$(stat -c %d /dev/shm)" != "$(stat -c %d "$WORK")" ]; then
        AWAY=$(mktemp -d /dev/shm/minimodel-test.XXXXXX)
        trap 'rm -rf "$AWAY"; chmod -R u+rwx "$WORK" 2>/dev/null; rm -rf "$WORK"' EXIT
        for error in 5:EIO 19:ENODEV 2:ENOENT; do
            MINIMODEL_HOME=$WORK/pulled-${error%%:*}
            rm -rf "$AWAY/stick" && cp -r stick "$AWAY/stick"
            python3 "$HELP" calls "$AWAY" "${error%%:*}" "$FAULTY/slm-import" -q --home "$MINIMODEL_HOME" "$AWAY/stick" >answers
            same "a stick that is pulled out, ${error##*:}: no answer but 1 and 3, until it stays" '' "$(grep -vE ' (0|1|3)$' answers)"
            if [ "$(wc -l <answers)" -gt 8 ] && [ "$(tail -n 1 answers | cut -d ' ' -f 2)" = 0 ]; then ok 'at many moments'; else not_ok 'at many moments' "$(cat answers)"; fi
            stored 'then the model is right'

            MINIMODEL_HOME=$WORK/continued-${error%%:*}
            calls=$(tail -n 4 answers | head -n 1 | cut -d ' ' -f 1)
            run env FAULT_GONE="$(stat -c %d "$AWAY"):$calls:${error%%:*}" "$FAULTY/slm-import" -q "$AWAY/stick"
            [ "$status" -ne 0 ] && ok 'pulled out half-way' || not_ok 'pulled out half-way'
            nothing 'nothing is half-imported'
            run slm-import -q "$AWAY/stick"
            expect 'put in again, the import goes on' 0 'state: imported'
            same 'kept and copied are all there is' "$TOTAL" "$(($(fact kept-bytes) + $(fact copied-bytes)))"
            stored 'and right'

            rm -rf "$AWAY/out"
            python3 "$HELP" calls "$AWAY" "${error%%:*}" "$FAULTY/media-export" -q --force "$AWAY/out" src/m.manifest >answers
            same "a medium that is pulled out while it is written, ${error##*:}" '' "$(grep -vE ' (0|3)$' answers)"
            same 'is complete once it stays' complete "$(python3 "$HELP" state "$AWAY/out" src)"
            rm -rf "$AWAY/out" && calls=$(tail -n 2 answers | head -n 1 | cut -d ' ' -f 1)
            run env FAULT_GONE="$(stat -c %d "$AWAY"):$calls:${error%%:*}" "$FAULTY/media-export" -q "$AWAY/out" src/m.manifest
            expect 'pulled out near the end' 3
            same 'it is no complete one' incomplete "$(python3 "$HELP" state "$AWAY/out" src)"
            run media-export -q "$AWAY/out" src/m.manifest
            expect 'and the same call goes on' 0 'state: complete'
            same 'to its end' complete "$(python3 "$HELP" state "$AWAY/out" src)"
        done
    else
        skip 'a stick that is pulled out' 'no second file system to stand for it'
    fi
else
    skip 'media that fail' 'the commands with faults are not built'
fi

# ---- killed ----

for how in '' --chunkset '--capacity 1500K'; do
    rm -rf killed
    # shellcheck disable=SC2086
    same "killed at any moment, $how" "killed some then 0" "$(python3 "$HELP" kill killed src 12 media-export -q $how killed src/m.manifest | tr '\n' ' ' | sed 's/ $//')"
    same 'the next call ends it' complete "$(python3 "$HELP" state killed src | sort -u)"
done

# ---- FAT ----

PATH=$PATH:/sbin:/usr/sbin
if command -v mkfs.fat >/dev/null 2>&1 && command -v mcopy >/dev/null 2>&1; then
    for media in stick cut; do
        MINIMODEL_HOME=$WORK/fat-$media
        rm -f fat.img && rm -rf back && mkdir back
        mkfs.fat -C -F 32 -s 1 fat.img 40000 >/dev/null 2>&1 && mcopy -s -i fat.img "$media"/* ::/ && mcopy -s -n -i fat.img '::/*' back/ || not_ok "$media through FAT"
        run diff -r "$media" back
        expect "$media crosses a FAT file system unchanged" 0
        run slm-import -q back
        expect 'and is imported' 0 'state: imported'
        stored 'rightly'
    done
else
    skip 'FAT' 'no mkfs.fat or mcopy here'
fi
MINIMODEL_HOME=$WORK/short
cp -r stick short && python3 "$HELP" short short
run slm-import -q short
expect 'names that lost their case and length are said to be so' 1 'expected a folder models, found one with its name in another case' '[store-source]'
nothing 'and nothing is guessed'
same 'no two names of a folder differ by case alone' '' "$(find stick cut | tr '[:upper:]' '[:lower:]' | sort | uniq -d)"

# ---- full, and read-only ----

if unshare -rm true 2>/dev/null; then
    cat >full.sh <<'END'
mount -t tmpfs -o size=1M none full || exit 9
media-export -q full src/m.manifest; echo "answer $?"
mkdir full/models # as if it was begun: then nobody knows what fits
media-export -q full src/m.manifest; echo "answer $?"
python3 "$HELP" state full src
mount -o remount,size=20M full && media-export -q full src/m.manifest >/dev/null; echo "answer $?"
python3 "$HELP" state full src
mount -o remount,ro full
media-export -q --force full src/m.manifest; echo "answer $?"
python3 "$HELP" state full src
slm-import -q full | head -n 1
END
    mkdir full && export HELP && MINIMODEL_HOME=$WORK/read-only
    run unshare -rm sh full.sh
    expect 'a full stick, and one that cannot be written' 0 '[media-space]' 'No space left' 'Read-only'
    same 'each with its answer' 'answer 3 answer 3 incomplete answer 0 complete answer 3 complete state: imported' \
        "$(grep -E '^(answer|complete|incomplete|state: imported)|large' .out | tr '\n' ' ' | sed 's/ $//')"
else
    skip 'a full stick' 'no mount namespaces here'
fi

# ---- many models ----

mkdir few && cp src/model.gguf few/ && echo licence >few/notes.txt
manifest-make -q -p -s 64K --model-id local/few few >m.manifest && mv m.manifest few/few.manifest
MANY=${MEDIA_MANY:-80} # 500 was tried; each import is flushed
python3 "$HELP" many many "$MANY" few/few.manifest
run sh -c "ulimit -Sn 64; find many -name m.manifest | media-export -q --chunkset --files-from - lots"
expect "$MANY models with few files open at first" 0 "models: $MANY" 'state: complete'
run sh -c "find many -name m.manifest | media-export -q --capacity 8M --files-from - spread"
expect 'and over many media' 0 'state: complete'
MINIMODEL_HOME=$WORK/lots-home
run sh -c "ulimit -Sn 64; slm-import -q --allow-unsigned lots"
same 'and all come from one' "0 $MANY" "$status $(grep -c 'state: imported' .out)"

# ---- hostile media ----

hostile() {
    name=$1 wanted=$2
    shift 2
    MINIMODEL_HOME=$WORK/hostile
    run timeout 60 slm-import -q "$@" hostile
    expect "$name" "$wanted" || true
    rm -rf hostile && cp -r stick hostile
}
cp -r stick hostile && rm -rf hostile/models && echo x >hostile/models
hostile 'models is a file' 1
rm -rf hostile/models && mkfifo hostile/models
hostile 'models is a FIFO' 1
rm -rf hostile/models && ln -s "$WORK/stick/models" hostile/models
hostile 'models is a link' 1
rm -rf hostile/models/me && ln -s "$WORK/stick/models/me" hostile/models/me
hostile 'a publisher is a link' 1
rm -f hostile/models/me/tiny/1/manifest && mkfifo hostile/models/me/tiny/1/manifest
hostile 'a manifest is a FIFO' 1
rm -f hostile/$LARGE && mkfifo hostile/$LARGE
hostile 'an artifact is a FIFO' 1
rm -f hostile/$LARGE && ln -s /dev/zero hostile/$LARGE
[ "$(uname)" = Linux ] && hostile 'an artifact is a link to a device' 3
python3 - <<'PY'
import os
for name in (b"\xff\xfe", b"a\nb", b"\x1b[31m", b"..a", b"CON", b"\xc3("):
    os.makedirs(b"hostile/models/" + name + b"/tiny/1")
    os.makedirs(b"hostile/revocations/" + name)
    open(b"hostile/revocations/" + name + b"/0123456789ABCDEF.revoked", "wb").write(b"\xff")
for number in range(20000):
    os.mkdir(b"hostile/models/x%d" % number)
PY
hostile 'names that are none, and 20,000 folders' 0
python3 - <<'PY'
import os
os.makedirs("hostile/revocations/me", exist_ok=True)
for number in range(20000):
    for ending in (".revoked", ".revoked.minisig"):
        open(f"hostile/revocations/me/{number:016X}{ending}", "w").write("untrusted comment: x\n")
PY
hostile '20,000 revocations that are none' 0
rm -f out.d && mkdir out.d && mkdir elsewhere && ln -s "$WORK/elsewhere" out.d/models
run media-export -q out.d src/m.manifest
expect 'a link on the medium leads nowhere' 3 'symbolic link'
same 'and nothing is written through it' '' "$(ls elsewhere)"
