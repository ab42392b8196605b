#!/bin/sh
# slm-import in bad times: killed, out of space, on broken disks, several at once; and what it costs.
. "$(dirname "$0")/harness.sh"
need 'imports in bad times' python3 || exit 0
HELP=$ROOT/tests/cmd/imports.py
FAULTY=$BUILD/fault
MINIMODEL_HOME=$WORK/case/home
export MINIMODEL_HOME
case $BUILD in *address* | *thread*) SLOW=1 ;; *) SLOW= ;; esac

# fresh [MIB]: an empty store, and src/ with a model: a small GGUF, and MIB of random bytes and as many of zeros beside it
fresh() {
    cd "$WORK" && chmod -R u+rwx case 2>/dev/null
    rm -rf case && mkdir -p case/src && cd case || exit 1
    cp "$MODEL" src/model.gguf && chmod u+w src/model.gguf
    if [ $# -gt 0 ]; then
        python3 - "$1" <<'PY'
import random, sys
source = random.Random(7)
with open('src/noise.bin', 'wb') as out:
    for _ in range(int(sys.argv[1])):
        out.write(source.randbytes(1 << 20))
with open('src/zeros.bin', 'wb') as out:
    out.truncate(int(sys.argv[1]) << 20)
PY
        (cd src && manifest-make -q -p -s 64K --model-id local/model --chunk-lists . --role noise.bin=other --role zeros.bin=other model.gguf noise.bin zeros.bin >m.manifest)
    else
        (cd src && manifest-make -q -p -s 64K --model-id local/model --chunk-lists . model.gguf >m.manifest)
    fi
}

. "$ROOT/tests/cmd/imports.sh"

# ---- kill -9 at any moment ----

fresh "${KILL_MIB:-16}"
killed=$(python3 "$HELP" kill "$WORK/case/home" "${KILLS:-60}" slm-import -q --allow-unsigned --home "$WORK/case/home" src)
case $killed in
*'
'* | '') not_ok 'killed imports leave nothing half-done' "$killed" ;;
*) ok "killed imports leave nothing half-done ($killed)" ;;
esac
# shellcheck disable=SC2086
set -- $killed
if [ "${2:-0}" -ge "${KILLS:-60}" ]; then ok 'as many were killed as were meant to be'; else skip 'as many were killed as were meant to be' "only ${2:-0}: imports are too fast here"; fi
if [ "${6:-0}" -ge 3 ]; then ok "bytes of killed imports were taken up ${6:-0} times"; else not_ok 'bytes of killed imports were taken up' "$killed"; fi
take src
expect 'and after all that the import ends well' 0
sound 'killed imports'

# what one killed run has, the next does not copy
rm -rf home
slm-import -q --allow-unsigned src >/dev/null 2>&1 &
importer=$!
while kill -0 "$importer" 2>/dev/null && ! [ -s "$(echo home/store/partial/*/files/zeros.bin)" ]; do :; done
kill -9 "$importer" 2>/dev/null
wait "$importer" 2>/dev/null
had=$(find home/store/partial -type f ! -name '*.chunks' ! -name '*.lock' -exec stat -c %s {} + 2>/dev/null | awk '{ sum += int($1 / 65536) * 65536 } END { print sum + 0 }')
take src
expect 'a killed import is continued' 0 'state: '
if [ "$(fact state)" = imported ]; then
    if [ "$(fact kept-bytes)" -ge "$had" ] && [ "$had" -gt 0 ]; then ok "verified bytes are not copied again ($had kept)"; else not_ok 'verified bytes are not copied again' "$had were there, kept $(fact kept-bytes)"; fi
    same 'kept and copied bytes make the model' "$(fact total-bytes)" "$(($(fact kept-bytes) + $(fact copied-bytes)))"
    same 'and no more was read than was copied' "$(fact copied-bytes)" "$(fact read-bytes)"
else
    skip 'verified bytes are not copied again' 'the import was faster'
fi
sound 'a killed import'

for signal in 15 2; do
    rm -rf home
    end=$(python3 "$HELP" end home $signal slm-import -q --allow-unsigned src)
    if [ "$end" = '0 at once' ]; then
        skip "signal $signal ends it at once, by that signal" 'the import was faster'
    else
        same "signal $signal ends it at once, by that signal" "-$signal at once" "$end"
        none "signal $signal"
    fi
    take src
    expect "and signal $signal leaves what can be continued" 0
done

# slm-remove killed: the model is there whole or not at all
fresh
mkdir -p src/many && for i in $(seq 200); do echo "$i" >"src/many/$i.txt"; done
(rm src/m.manifest src/*.chunks && manifest-make -q -p --model-id local/many src >all.manifest && mv all.manifest src/m.manifest)
wrong= killed=0
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do
    take src
    timeout -s KILL "0.0$((10 + i * 4))" slm-remove -q local/many >/dev/null 2>&1
    [ $? -eq 137 ] && killed=$((killed + 1))
    slm-check -q >"$WORK/.check" 2>&1
    # behind its receipt the model is there whole, and the next call finishes the removal
    grep -q 'slm-remove finishes the removal' "$WORK/.check" && slm-remove -q local/many >/dev/null && slm-check -q >"$WORK/.check" 2>&1
    grep -q '@[0-9]*	pass$' "$WORK/.check" || ! grep -q '@' "$WORK/.check" || wrong="$wrong $i: $(head -c 200 "$WORK/.check")"
done
same "a killed slm-remove leaves a model or none ($killed killed)" '' "$wrong"
run slm-gc -q
expect 'slm-gc removes what it left' 0
same 'all of it' '' "$(find home/store/trash -mindepth 1)"
take src
expect 'and the model comes in again' 0
sound 'a killed slm-remove'

# a source that changes while it is read: wrong bytes do not come in
fresh 24
wrong=
for i in 1 2 3 4; do
    rm -rf home
    (for at in $(seq 100); do printf x | dd of=src/noise.bin bs=1 seek=$((at * 250000)) conv=notrunc 2>/dev/null; done) &
    writer=$!
    take src
    wait "$writer"
    if [ "$status" -eq 0 ]; then
        slm-check -q >/dev/null 2>&1 || wrong="$wrong $i: a wrong model is in the store"
    elif [ -e home/models ]; then
        wrong="$wrong $i: ended with $status, and something is under models/"
    fi
done
same 'a source that changes while it is read' '' "$wrong"

# ---- several at once ----

fresh 4
wrong=
for round in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    rm -rf home
    python3 "$HELP" same-time 2 slm-import -q --allow-unsigned src >"$WORK/.both"
    answers=$(head -n 1 "$WORK/.both")
    states=$(sed -n 's/^state: //p' "$WORK/.both" | sort | tr '\n' ' ')
    [ "$answers" = '0 0' ] && [ "$states" = 'imported there ' ] || wrong="$wrong round $round: $answers $states"
    [ "$(find home/receipts -name '*.receipt' | wc -l)" -eq 1 ] || wrong="$wrong round $round: receipts"
done
same 'two imports of one model: one does it, the other finds it there' '' "$wrong"
sound 'two imports of one model'
rm -rf home
python3 "$HELP" same-time 2 slm-import --allow-unsigned src >"$WORK/.both"
if grep -q 'store-waits' "$WORK/.both"; then ok 'the one that waits says so'; else skip 'the one that waits says so' 'they did not meet'; fi

rm -rf home
for n in 0 1 2 3 4 5 6 7; do
    mkdir "m$n" && cp src/*.gguf src/noise.bin "m$n" && printf '%s\n' "$n" >"m$n/n.txt"
    (cd "m$n" && manifest-make -q -p -s 64K --model-id "local/model-$n" --role noise.bin=other model.gguf noise.bin n.txt >m.manifest)
done
python3 "$HELP" same-time 8 slm-import -q --allow-unsigned 'm{}' >"$WORK/.both"
same 'eight models come in side by side' '0 0 0 0 0 0 0 0' "$(head -n 1 "$WORK/.both")"
sound 'eight models'
same 'each is there' 8 "$(slm-list -q | wc -l | tr -d ' ')"
run receipt-write --check
expect 'and their receipts are one chain' 0

# readers see a model whole or not at all, whatever goes on
cat >"$WORK/.reader" <<'EOF'
home=$1
for i in $(seq 60); do
    for folder in "$home"/models/*/*/*; do
        [ -d "$folder" ] || continue
        exec 3<"$folder/manifest" 2>/dev/null || continue
        grep -q '^merkle-root' <&3 || echo "half a manifest in $folder"
    done
    slm-list -q --home "$home" >/dev/null 2>"$home.err"
    status=$?
    [ "$status" -eq 0 ] || [ "$status" -eq 3 ] || { echo "slm-list ended with $status"; cat "$home.err"; }
done
EOF
sh "$WORK/.reader" "$WORK/case/home" >"$WORK/.readers" 2>/dev/null &
reader=$!
for n in 0 1 2 3 4 5 6 7; do
    slm-remove -q "local/model-$n" >/dev/null || echo "slm-remove $n failed" >>"$WORK/.writers"
    slm-import -q --allow-unsigned "m$n" >/dev/null || echo "slm-import $n failed" >>"$WORK/.writers"
done
wait "$reader"
same 'readers see whole models while they come and go' '' "$(cat "$WORK/.readers" "$WORK/.writers" 2>/dev/null | head -n 5)"

# slm-gc beside imports and removals takes nothing away that is needed
rm -f "$WORK/.writers"
(for i in $(seq 40); do slm-gc -q --partial >/dev/null 2>"$WORK/.gc-error" || { echo "slm-gc: $(cat "$WORK/.gc-error")" >>"$WORK/.gc"; }; done) &
collector=$!
for n in 0 1 2 3 4 5 6 7; do
    slm-remove -q "local/model-$n" >/dev/null 2>"$WORK/.error" || echo "slm-remove $n: $(cat "$WORK/.error")" >>"$WORK/.writers"
    slm-import -q --allow-unsigned "m$n" >/dev/null 2>"$WORK/.error" || echo "slm-import $n: $(cat "$WORK/.error")" >>"$WORK/.writers"
done
wait "$collector"
same 'slm-gc disturbs no import and no removal' '' "$(head -n 5 "$WORK/.writers" 2>/dev/null)"
same 'and is not disturbed' '' "$(head -n 5 "$WORK/.gc" 2>/dev/null)"
sound 'slm-gc beside imports'

# ---- no space ----

# A file system of its own, which goes with the shell.
cat >"$WORK/.full" <<'EOF'
mount -t tmpfs -o size="$1" none "$2" || exit 77
shift 2
"$@"
EOF
if unshare -m sh "$WORK/.full" 1m "$WORK" true 2>/dev/null; then
    fresh 8
    mkdir home
    run unshare -m sh "$WORK/.full" 8m "$WORK/case/home" sh -c 'slm-import -q --allow-unsigned src; echo "ended: $?"; find home/models -type f 2>/dev/null; echo "blocks: $(du -s home/store | cut -f1)"'
    expect 'free space is looked at first' 0 'ended: 3' '[store-space]'
    same 'and nothing was copied' '' "$(sed -n 's/^blocks: //p' "$WORK/.out" | awk '$1 > 1100')"
    # room for the model when the import begins, taken away while it runs
    cat >"$WORK/.race" <<'EOF'
(while [ ! -s home/store/partial/*/files/noise.bin ]; do :; done; head -c 40m /dev/zero >home/filler 2>/dev/null) 2>/dev/null &
slm-import -q --allow-unsigned src
echo "ended: $?"
find home/models -type f 2>/dev/null
wait
rm -f home/filler
slm-import -q --allow-unsigned src
echo "then: $?"
slm-check -q
EOF
    run unshare -m sh "$WORK/.full" 30m "$WORK/case/home" sh "$WORK/.race"
    case $out in
    *'ended: 0'*) skip 'an import that runs out of space' 'it was faster' ;;
    *)
        expect 'an import that runs out of space ends with 3' 0 'ended: 3' 'No space left on device'
        expect 'and goes on when there is some again' 0 'then: 0' 'pass'
        ;;
    esac
else
    skip 'a full file system' 'mounting is not allowed here'
fi
fresh 2
run sh -c 'ulimit -f 1000; trap "" XFSZ; exec slm-import -q --allow-unsigned src'
expect 'a file that may not grow further is an error of the store' 3 '[io-write]'
none 'a limit on files'
take src
expect 'and the import is continued' 0 'state: imported'
sound 'a limit on files'

# ---- reflinks ----

cat >"$WORK/.reflink" <<'EOF'
mount -o loop "$1" "$2" || exit 77
shift 2
"$@"
EOF
reflinks() {
    fresh 4
    truncate -s 400M disk
    mkdir far
    "$@" disk >/dev/null 2>&1 || { skip "reflinks on $1" 'no such file system can be made'; return; }
    cat >"$WORK/.inside" <<'EOF'
cp -r src far/ && cd far || exit 1
MINIMODEL_HOME=$PWD/home slm-import -q --allow-unsigned --link src
echo "ended: $?"
grep -h '^medium' home/receipts/*/*/*
printf x | dd of=src/noise.bin bs=1 seek=1000 conv=notrunc 2>/dev/null
MINIMODEL_HOME=$PWD/home slm-check -q
echo "check: $?"
MINIMODEL_HOME=$PWD/home2 slm-import -q --allow-unsigned --link src
echo "wrong source: $?"
EOF
    run unshare -m sh "$WORK/.reflink" "$WORK/case/disk" "$WORK/case/far" sh "$WORK/.inside"
    [ "$status" -eq 77 ] && { skip "reflinks on $1" 'mounting is not allowed here'; return; }
    expect "--link on $1 shares blocks" 0 'ended: 0' 'medium: file reflinked=3' 'copied-bytes: 0'
    expect "on $1 a change of the source does not reach the store" 0 'check: 0'
    expect "on $1 a reflink of a wrong file is found out" 0 'wrong source: 1' '[store-chunk]'
}
for maker in mkfs.btrfs mkfs.xfs; do
    PATH=$PATH:/usr/sbin:/sbin
    if command -v $maker >/dev/null 2>&1; then reflinks $maker; else skip "reflinks on $maker" "no $maker here"; fi
done

# ---- a broken disk ----

if [ -x "$FAULTY/slm-import" ]; then
    fresh
    bad=$(stat -c %i src/model.gguf)
    run env FAULT_SECTOR="$bad:70000" "$FAULTY/slm-import" -q --allow-unsigned --bad-ranges bad src
    expect 'an unreadable chunk is named' 3 'chunk 1 bytes 65536-131071 cannot be read' '[io-read]'
    same 'listed, and the rest goes on' "$(printf '1\t65536\t65536\tmodel.gguf')" "$(cat bad)"
    same 'all else was copied' 340480 "$(fact copied-bytes)"
    none 'an unreadable chunk'
    mkdir good && cp src/model.gguf good
    run env FAULT_SECTOR="$bad:70000" "$FAULTY/slm-import" -q --allow-unsigned src good
    expect 'a second source has it' 0 'kept-bytes: 340480' 'copied-bytes: 65536'
    sound 'an unreadable chunk'
    rm -rf home
    run env FAULT_SECTOR="$bad:70000" "$FAULTY/slm-import" -q --allow-unsigned src good
    expect 'both sources at once do the same' 0 'state: imported'
    sound 'an unreadable chunk, two sources'
    rm -rf home
    run env FAULT_SECTOR="$bad:70000:2" "$FAULTY/slm-import" -q --allow-unsigned src
    expect 'a read that fails twice and then works is no failure' 0 'read-bytes: 406016'
    sound 'a read that fails twice'
    rm -rf home && rm src/model.gguf.chunks && grep -v '^chunk-list' src/m.manifest >x && mv x src/m.manifest
    run env FAULT_SECTOR="$bad:70000" "$FAULTY/slm-import" -q --allow-unsigned src
    expect 'without a list an unreadable chunk is named too' 3 'chunk 1 bytes 65536-131071 cannot be read'
    none 'an unreadable chunk, no list'
    run env FAULT_SECTOR="$bad:70000" "$FAULTY/slm-import" -q --allow-unsigned src good
    expect 'and filled in' 0 'state: imported'
    sound 'an unreadable chunk, no list'
else
    skip 'a broken disk' 'the commands with faults are not built'
fi

# ---- what it costs ----

fresh 16
if need 'the source is read once' strace; then
    for how in '' --in-place; do
        rm -rf home
        # shellcheck disable=SC2086
        if strace -f -y -e trace=read,pread64,readv,preadv,copy_file_range,sendfile,mmap -o trace slm-import -q --allow-unsigned $how src >/dev/null 2>&1; then
            for file in noise.bin zeros.bin model.gguf; do
                total=$(grep "src/$file>" trace | sed -n 's/^.*= \([0-9]*\)$/\1/p' | awk '{ sum += $1 } END { printf "%d\n", sum }')
                same "$file is read once ${how:-copied}" "$(wc -c <src/$file | tr -d ' ')" "$total"
            done
        else
            skip 'the source is read once' 'strace may not trace here'
        fi
    done
fi
if [ "$SLOW" ]; then
    skip 'memory of an import' 'sanitizers need memory of their own'
else
    rm -rf home src && mkdir src
    truncate -s "${IMPORT_SIZE:-256M}" src/big.bin
    (cd src && manifest-make -q -p -s 64K --model-id local/big --role big.bin=weights big.bin --chunk-lists . >m.manifest)
    set -- $(python3 "$HELP" peak slm-import -q --allow-unsigned src)
    same "an import of ${IMPORT_SIZE:-256M} ends well" 0 "$2"
    if [ "$1" -lt 65536 ]; then ok "and stays below 64 MiB ($1 KiB)"; else not_ok 'and stays below 64 MiB' "$1 KiB"; fi
    printf x | dd of=src/big.bin bs=1 seek=1000000 conv=notrunc 2>/dev/null
    rm -rf home
    set -- $(python3 "$HELP" peak slm-import -q --allow-unsigned src 2>/dev/null)
    if [ "$1" -lt 65536 ] && [ "$2" = 1 ]; then ok "mending stays below 64 MiB ($1 KiB)"; else not_ok 'mending stays below 64 MiB' "$1 KiB, exit $2"; fi
fi
