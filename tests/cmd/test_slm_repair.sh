#!/bin/sh
# slm-repair: right chunks stay, wrong ones are replaced by right ones only, whatever the copies are and whenever it ends.
. "$(dirname "$0")/harness.sh"
need slm-repair python3 || exit 0
HELP=$ROOT/tests/cmd/repairs.py
SETS=$ROOT/tests/cmd/imports.py
FAULTY=$BUILD/fault
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE

# fresh: whole/ with a file of 21 chunks and its list, d/ (to be mended), a/ and b/ (copies) the same
fresh() {
    cd "$WORK" && chmod -R u+rwx case 2>/dev/null
    rm -rf case && mkdir -p case/whole && cd case || exit 1
    python3 "$HELP" noise whole/m.bin 1311954
    chunk-merkle -q -s 64K -l whole/m.bin.chunks whole/m.bin >/dev/null
    cp -r whole d
    mkdir a b && cp whole/m.bin a && cp whole/m.bin b
}

ruin() { file=$1; shift; python3 "$HELP" ruin "$file" 65536 "$@"; }
damage() { file=$1; shift; python3 "$HELP" damage "$file" 65536 "$@"; }
fact() { sed -n "s/^$1: //p" "$WORK/.out"; }
from() { sed -n "s/^from: \(.*\) $1\$/\1/p" "$WORK/.out"; }
good() { python3 "$HELP" good "$1" whole/m.bin 65536; }
work() { echo ".minimodel-repair-$(sha256sum <"$1" | cut -c 1-64)"; } # the name of a file that is made anew, until it is whole
is_whole() { if cmp -s "$2" whole/m.bin; then ok "$1"; else not_ok "$1" "$(cmp "$2" whole/m.bin 2>&1)"; fi; }
everything='0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20'

# model: src/ with a manifest of three files and their lists, d/ the same
model() {
    cd "$WORK" && chmod -R u+rwx case 2>/dev/null
    rm -rf case && mkdir -p case/src/sub && cd case || exit 1
    cp "$MODEL" src/model.gguf && chmod u+w src/model.gguf
    echo '{"a": 1}' >src/config.json
    seq 1 30000 >src/sub/big.txt
    (cd src && manifest-make -q -p -s 64K --model-id local/model --chunk-lists . . >../m.manifest)
    mv m.manifest src
    cp -r src d
}
passes() { run slm-verify -q "$2"; expect "$1" 0 'verdict: pass'; }

# ---- two copies that are damaged elsewhere ----

fresh
damage d/m.bin 3 5 9 20
damage a/m.bin 5 9 1
damage b/m.bin 3 20 2
run slm-repair --from a --from b d/m.bin
expect 'two damaged copies make a whole file' 0 'state: repaired' 'wrong-chunks: 4' 'mended-chunks: 4' 'lacking-chunks: 0'
is_whole 'and it is the file' d/m.bin
same 'what each gave is counted' 'chunks=2 copied-bytes=66770 read-bytes=197842 wrong-chunks=2 unreadable-chunks=0' "$(from a)"
same 'in turn: the second is read for what the first has not' 'chunks=2 copied-bytes=131072 read-bytes=131072 wrong-chunks=0 unreadable-chunks=0' "$(from b)"
same 'kept and copied bytes make the file' "$(fact total-bytes)" "$(($(fact kept-bytes) + $(fact copied-bytes)))"
run slm-repair --from a --from b d/m.bin
expect 'a file that is whole is left alone' 0 'state: whole' 'copied-bytes: 0'
same 'and no copy is read' 'chunks=0 copied-bytes=0 read-bytes=0 wrong-chunks=0 unreadable-chunks=0' "$(from a)"

fresh
damage d/m.bin 0 7 20
damage a/m.bin 7
before=$(stat -c '%i %a' d/m.bin)
run slm-repair --from a -b lacks d/m.bin
expect 'what no copy has is named' 1 'state: lacks' 'chunk 7 bytes 458752-524287 is in no copy' '[store-chunk]' 'mended-chunks: 2' 'lacking-chunks: 1'
same 'and listed' "$(printf '7\t458752\t65536\td/m.bin')" "$(cat lacks)"
same 'all else is right' '0 1 2 3 4 5 6 8 9 10 11 12 13 14 15 16 17 18 19 20' "$(good d/m.bin)"
same 'it is the same file as before' "$before" "$(stat -c '%i %a' d/m.bin)"
run slm-repair --ranges lacks -b lacks --force --from b d/m.bin
expect 'the next round begins with that list, and writes the next' 0 'state: repaired' 'copied-bytes: 65536' 'wrong-chunks: 1'
same 'which is empty now' '' "$(cat lacks)"
is_whole 'the file is whole' d/m.bin

# ---- bad ranges of other commands ----

fresh
damage d/m.bin 4 6
chunk-merkle -q -c d/m.bin.chunks d/m.bin >bad 2>/dev/null
run slm-repair --ranges bad --from a d/m.bin
expect 'bad ranges of chunk-merkle are read' 0 'state: repaired' 'wrong-chunks: 2'
is_whole 'and mended' d/m.bin
(cd d && damage m.bin 4 6 && chunk-merkle -q -c m.bin.chunks m.bin >../bad 2>/dev/null)
damage d/m.bin 11
run slm-repair --ranges bad --from a d/m.bin
expect 'those of another folder too; what they do not name is found in the end' 0 'state: repaired' 'wrong-chunks: 3' 'copied-bytes: 196608'
is_whole 'all three are right' d/m.bin
damage d/m.bin 2
run slm-repair --ranges bad --from a d/m.bin
expect 'a list of yesterday does no harm' 0 'wrong-chunks: 1' 'copied-bytes: 65536'
is_whole 'the right one is mended' d/m.bin
run slm-repair --ranges bad --from a d/m.bin
expect 'and a whole file is one' 0 'state: whole' 'wrong-chunks: 0'
printf 'more' >>d/m.bin
run slm-repair --ranges bad --from a d/m.bin
expect 'bytes too many, which no list names' 0 'state: repaired' 'wrong-chunks: 0'
is_whole 'are cut off' d/m.bin
damage d/m.bin 2
while IFS= read -r line; do
    printf '%b' "$line" >bad
    run slm-repair --ranges bad --from a d/m.bin
    expect "no bad ranges: $line" 1 '[chunk-ranges]' 'bad:1:'
done <<'END'
x\t0\t65536\tm.bin\n
0\t0\t65536\tm.bin
0\t0\t65536\t\n
0\t0\t65536\n
-1\t0\t65536\tm.bin\n
0 0 65536 m.bin\n
0\t0\t65536\tm.bin\t\n
\n
END
for line in '21\t1376256\t65536\tm.bin\n' '0\t1\t65536\tm.bin\n' '20\t1310720\t65536\tm.bin\n' '0\t0\t65535\tm.bin\n' '9223372036854775807\t0\t65536\tm.bin\n'; do
    printf '%b' "$line" >bad
    run slm-repair --ranges bad --from a d/m.bin
    expect "bad ranges of another list: $line" 1 'bad:1:1: error: expected a chunk of d/m.bin' '[chunk-ranges]'
done
printf '3\t196608\t65536\tother.bin\n' >bad
run slm-repair --ranges bad --from a d/m.bin
expect 'bad ranges of another file say nothing of this one' 0 'state: repaired'

# ---- lengths ----

for size in 0 65536 458760 1311953; do
    fresh
    truncate -s $size d/m.bin
    run slm-repair --from a d/m.bin
    expect "a file of $size bytes is filled up" 0 'state: repaired'
    is_whole "and whole ($size)" d/m.bin
done
fresh
truncate -s 100 d/m.bin
run slm-repair --from a d/m.bin
expect 'what is shorter than a chunk may be anything' 1 '[chunk-wrong]'
run slm-repair --force --from a d/m.bin
expect 'and needs --force' 0 'state: repaired'
fresh
truncate -s 700000 d/m.bin
damage a/m.bin 19 2
run slm-repair --from a d/m.bin
expect 'where a chunk lacks the others come in all the same' 1 'lacking-chunks: 1'
same 'and stand where they have to' '0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 20' "$(good d/m.bin)"
run slm-repair --from b d/m.bin
expect 'and the rest another time' 0 'copied-bytes: 65536'
for more in 1 65536 1000000; do
    fresh
    head -c $more /dev/urandom >>d/m.bin
    run slm-repair --from a d/m.bin
    expect "$more bytes too many are cut off" 0 'state: repaired' 'copied-bytes: 0'
    is_whole "the rest is the file ($more)" d/m.bin
done
fresh
printf x >>d/m.bin && damage d/m.bin 8 && damage a/m.bin 8
run slm-repair --from a d/m.bin
expect 'nothing is cut off before all else is right' 1 'lacking-chunks: 1'
same 'so the surplus is there still' 1311955 "$(wc -c <d/m.bin | tr -d ' ')"

# ---- copies of all kinds ----

fresh
damage d/m.bin 3 12
run slm-repair --from a/m.bin d/m.bin
expect 'a file is a copy' 0 'state: repaired'
damage d/m.bin 3 12
mv a/m.bin a/otherwise
run slm-repair --from a/otherwise d/m.bin
expect 'whatever it is called' 0 'state: repaired'
damage d/m.bin 3 12
python3 "$SETS" set whole/m.bin 65536 s/m.bin.chunkset 12
run slm-repair --from s d/m.bin
expect 'a folder with a chunk set gives what it has' 1 'mended-chunks: 1' 'lacking-chunks: 1'
mkdir two && mv s/m.bin.chunkset elsewhere && python3 "$SETS" set whole/m.bin 65536 two 3
run slm-repair --from elsewhere --from two d/m.bin
expect 'a chunk set under any name is a copy' 0 'state: repaired'
same 'and only the chunk that was lacking is read' 'chunks=1 copied-bytes=65536 read-bytes=65536 wrong-chunks=0 unreadable-chunks=0' "$(from two)"
is_whole 'made of two sets' d/m.bin
damage d/m.bin 3
for chunk in two/*/*; do changed "$chunk" 7; done
run slm-repair --from two d/m.bin
expect 'a set with wrong chunks gives none' 1 'lacking-chunks: 1'
run slm-repair --from two --from b d/m.bin
expect 'another copy does' 0 'state: repaired'

fresh
damage d/m.bin 3 12
truncate -s 300000 a/m.bin
cat whole/m.bin whole/m.bin >b/m.bin
run slm-repair --from a d/m.bin
expect 'a shorter copy gives what it has' 1 'mended-chunks: 1'
run slm-repair --from b d/m.bin
expect 'and a longer one too' 0 'state: repaired'
fresh
damage d/m.bin 3 12
python3 "$HELP" noise a/m.bin 1311954 2
run slm-repair --from a d/m.bin
expect 'a copy of something else gives nothing' 1 'mended-chunks: 0' 'lacking-chunks: 2'
same 'what was right is right' '0 1 2 4 5 6 7 8 9 10 11 13 14 15 16 17 18 19 20' "$(good d/m.bin)"
same 'nothing of it was written' 'chunks=0 copied-bytes=0 read-bytes=131072 wrong-chunks=2 unreadable-chunks=0' "$(from a)"
run slm-repair --from d --from d/m.bin d/m.bin
expect 'the file itself is no copy of it' 1 'no second copy'
run slm-repair --from nowhere --from b d/m.bin
expect 'a copy that is not there is a note where the others do' 0 'note: cannot open' 'state: repaired'
damage d/m.bin 3
run slm-repair --from nowhere --from a d/m.bin
expect 'and a reason not to know where they do not' 3 'error: cannot open' 'lacking-chunks: 1' '[io-read]'
mkdir fifo && mkfifo fifo/m.bin
run timeout 60 slm-repair --from fifo d/m.bin
expect 'a copy that has a FIFO of that name has no copy, and it is told' 1 'fifo has something of that name that is no regular file' '[store-chunk]'
run slm-repair --from b d/m.bin
if [ "$(id -u)" = 0 ] && ! need 'a copy whose file may not be opened' setpriv; then
    :
else
    as() { if [ "$(id -u)" = 0 ]; then setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; else "$@"; fi; }
    chmod 755 "$WORK" "$WORK/case" && chmod 777 d && chmod 666 d/m.bin && damage d/m.bin 3 && mkdir -m 755 closed && cp whole/m.bin closed && chmod 000 closed/m.bin
    if as slm-repair --version >/dev/null 2>&1; then
        run as slm-repair --from closed d/m.bin
        expect 'a copy whose file may not be opened is named' 3 'closed: cannot open what it has of that name: Permission denied' '[io-open]' '[io-read]'
    else
        skip 'a copy whose file may not be opened' 'the commands cannot be run by another user'
    fi
fi
cp whole/m.bin d/m.bin && damage d/m.bin 3
mkfifo a/pipe
run timeout 60 slm-repair --from a/pipe --from b d/m.bin
expect 'a FIFO is no copy' 0 'io-not-regular'
mkdir l && ln -s ../b/m.bin l/m.bin && damage d/m.bin 3
run slm-repair --from l d/m.bin
expect 'a link that leads out of a copy is not followed, and told' 3 'lacking-chunks: 1' 'leads out of it' '--follow-links' '[io-read]'
run slm-repair -L --from l d/m.bin
expect 'but with -L' 0 'state: repaired'

# ---- a copy that cannot be read everywhere ----

if [ -x "$FAULTY/slm-repair" ]; then
    fresh
    ruin d/m.bin 2 4
    one=$(stat -c %i a/m.bin) two=$(stat -c %i b/m.bin)
    run env FAULT_SECTOR="$one:140000" "$FAULTY/slm-repair" --from a d/m.bin
    expect 'around a sector that cannot be read' 3 'mended-chunks: 1' 'lacking-chunks: 1' 'as far as they can be read' '[io-read]'
    same 'the chunk of it is not taken' 'chunks=1 copied-bytes=65536 read-bytes=126976 wrong-chunks=0 unreadable-chunks=1' "$(from a)"
    run env FAULT_SECTOR="$one:140000,$two:150000" "$FAULTY/slm-repair" --from a --from b d/m.bin
    expect 'one chunk of two copies that both cannot be read whole' 0 'state: repaired'
    same 'each counts for what it gave' 'chunks=0 copied-bytes=61440 read-bytes=61440 wrong-chunks=0 unreadable-chunks=1' "$(from a)"
    same 'the other for the rest' 'chunks=1 copied-bytes=4096 read-bytes=61440 wrong-chunks=0 unreadable-chunks=1' "$(from b)"
    is_whole 'and it is the file' d/m.bin
    ruin d/m.bin 2
    run env FAULT_SECTOR="$one:140000,$two:140100" "$FAULTY/slm-repair" --from a --from b d/m.bin
    expect 'the same sector in both stays lacking' 3 'lacking-chunks: 1'
    same 'and nothing was written' '0 1 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20' "$(good d/m.bin)"
    python3 - <<'PY'
with open('d/m.bin', 'r+b') as target, open('whole/m.bin', 'rb') as whole: # the middle is wrong, the rest right
    target.seek(2 * 65536)
    whole.seek(2 * 65536)
    target.write(whole.read(65536))
    target.seek(2 * 65536 + 60000)
    target.write(b'wrong')
PY
    run env FAULT_SECTOR="$one:140000" "$FAULTY/slm-repair" --from a d/m.bin
    expect 'what a copy lacks the damaged file itself may have' 0 'state: repaired' 'copied-bytes: 61440'
    is_whole 'and it is the file again' d/m.bin
    ruin d/m.bin 2
    damage b/m.bin 2 && changed b/m.bin 131080
    run env FAULT_SECTOR="$one:140000" "$FAULTY/slm-repair" --from b --from a d/m.bin
    expect 'a wrong copy fills in what it has right' 0 'state: repaired'
    is_whole 'and the hash decides' d/m.bin
    damage d/m.bin 2
    run env FAULT_SECTOR="$one:140000:3" "$FAULTY/slm-repair" --from a d/m.bin
    expect 'a sector that is read at the third time is no failure' 0 'unreadable-chunks=0'
    me=$(stat -c %i d/m.bin)
    run env FAULT_SECTOR="$me:700000:100" "$FAULTY/slm-repair" --from a -b lacks --force d/m.bin
    expect 'a sector of the file itself that stays unreadable' 3 'wrong-chunks: 1' 'mended-chunks: 0' 'cannot be read back' '[io-read]'
    run env FAULT_SECTOR="$me:700000:5" "$FAULTY/slm-repair" --from a d/m.bin
    expect 'when it can be read once it was written, all is well' 0 'state: repaired' 'copied-bytes: 65536'
    cp -r a c
    cp whole/m.bin b
    same 'three copies with broken sectors give all that one of them can read' '' "$(python3 "$HELP" sectors 20 "$FAULTY/slm-repair" 2>&1 | head -n 5)"
    cp whole/m.bin d
    rm -rf s && python3 "$SETS" set whole/m.bin 65536 s && damage d/m.bin 2
    piece=$(stat -c %i "$(find s -name "$(sed -n '9p' whole/m.bin.chunks)")")
    run env FAULT_SECTOR="$piece:100" "$FAULTY/slm-repair" --from s --from a d/m.bin
    expect 'a chunk of a set that cannot be read comes from elsewhere' 0 'state: repaired' 'unreadable-chunks=1'
else
    skip 'copies that cannot be read everywhere' 'the commands with faults are not built'
fi

# ---- what the file is ----

fresh
damage d/m.bin 3
ln d/m.bin second
run slm-repair --from a d/m.bin
expect 'a file with two names is made anew' 0 'state: repaired' '2 names' '[repair-anew]' 'copied-bytes: 65536'
is_whole 'under its name' d/m.bin
same 'the other name has what it had' '0 1 2 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20' "$(good second)"
same 'nothing is left beside it' 'm.bin m.bin.chunks' "$(echo $(ls -A d))"
damage d/m.bin 3 && chmod 440 d/m.bin
run slm-repair --from a d/m.bin
expect 'a file that may not be written is made anew' 0 'state: repaired' '[repair-anew]'
same 'with its mode' 440 "$(stat -c %a d/m.bin)"
is_whole 'and whole' d/m.bin
chmod 640 d/m.bin && damage d/m.bin 3 4 && damage a/m.bin 4 && ln d/m.bin third
run slm-repair --from a d/m.bin
expect 'what is made anew gets its name once it is whole' 1 "$(work whole/m.bin)" 'lacking-chunks: 1'
same 'until then the file is as it was' '0 1 2 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20' "$(good d/m.bin)"
same 'and beside it what there is' '0 1 2 3 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20' "$(good "d/$(work whole/m.bin)")"
damage "d/$(work whole/m.bin)" 10
run slm-repair --from b d/m.bin
expect 'the next call goes on, and believes nothing of it' 0 'state: repaired' 'copied-bytes: 65536'
is_whole 'the file is whole' d/m.bin
same 'with its mode too' 640 "$(stat -c %a d/m.bin)"

if [ "$(id -u)" = 0 ] && need "another user's file" setpriv; then
    fresh
    damage d/m.bin 3 && chmod 444 d/m.bin && chown 12345:54321 d/m.bin
    run slm-repair --from a d/m.bin
    expect "another user's file is made anew by who may give files away" 0 'state: repaired'
    same 'and is his still' '12345 54321 444' "$(stat -c '%u %g %a' d/m.bin)"
    chmod 777 d && damage d/m.bin 3 && chmod 755 "$WORK" "$WORK/case"
    if setpriv --reuid=65534 --regid=65534 --clear-groups slm-repair --version >/dev/null 2>&1; then
        cp whole/m.bin a
        chmod 644 d/m.bin
        run setpriv --reuid=65534 --regid=65534 --clear-groups slm-repair --from a d/m.bin
        expect 'nobody else takes it away from him' 3 "another user's" '[io-write]'
        same 'nor leaves anything beside it' '' "$(find d -name '.minimodel*')"
        chmod 666 d/m.bin
        run setpriv --reuid=65534 --regid=65534 --clear-groups slm-repair --from a d/m.bin
        expect 'but who may write it mends it in place' 0 'state: repaired'
    else
        skip "another user's file, by somebody else" 'the commands cannot be run by another user'
    fi
fi

fresh
rm d/m.bin
damage a/m.bin 4
run slm-repair --from a d/m.bin
expect 'a file that is not there is made' 1 'lacking-chunks: 1'
same 'under its name once it is whole' "$(work whole/m.bin) m.bin.chunks" "$(echo $(ls -A d))"
run slm-repair --from b d/m.bin
expect 'with what a second copy has' 0 'copied-bytes: 65536'
is_whole 'and there it is' d/m.bin
rm d/m.bin && ln -s ../elsewhere "d/$(work whole/m.bin)"
run slm-repair --from b d/m.bin
expect 'a link in the way is not followed' 3 '[io-write]'
[ -e elsewhere ] && not_ok 'something was written through the link'
rm "d/$(work whole/m.bin)" && echo mine >x && ln x "d/$(work whole/m.bin)"
run slm-repair --from b d/m.bin
expect 'nor is a file with another name overwritten' 3 '[io-exists]'
same 'which stays' mine "$(cat x)"
rm "d/$(work whole/m.bin)"

fresh
mkdir links && mv d/m.bin links/real && ln -s ../links/real d/m.bin
damage links/real 5
run slm-repair --from a d/m.bin
expect 'a link on the command line leads to the file' 0 'state: repaired'
is_whole 'which is mended' links/real
damage links/real 5 && chmod a-w links/real
run slm-repair --from a d/m.bin
expect 'or made anew there' 0 'state: repaired'
is_whole 'as a file' links/real
if [ -L d/m.bin ]; then ok 'and the link is one still'; else not_ok 'and the link is one still'; fi
ln -sf nowhere d/m.bin
run slm-repair --from a d/m.bin
expect 'a link that leads nowhere is not replaced' 3 'symbolic link'

fresh
python3 "$HELP" noise d/m.bin 1311954 3
run slm-repair --from a -b lacks d/m.bin
expect 'a file without one right chunk is likely to be another' 1 '[chunk-wrong]' '--force'
same 'and stays' '' "$(good d/m.bin)"
same 'all of it is listed' 21 "$(wc -l <lacks | tr -d ' ')"
run slm-repair --force --from a d/m.bin
expect '--force replaces it' 0 'state: repaired'
is_whole 'chunk by chunk' d/m.bin

fresh
run slm-repair --from a d
expect 'a folder is no target' 3 '[io-not-regular]'
run slm-repair --from a nowhere/m.bin
expect 'nor is what stands nowhere' 3 '[io-open]'
run slm-repair --from a no.manifest
expect 'nor a name without file and list' 3 'no.manifest: error: cannot open it, nor a chunk list' 'No such file'
rm d/m.bin.chunks
run slm-repair --from a d/m.bin
expect 'a file needs a chunk list' 3 'chunk list' '[io-open]'
cp whole/m.bin.chunks a
run slm-repair --from a d/m.bin
expect 'and a copy may not say what the file is' 3 'chunk list'
damage d/m.bin 5
run slm-repair -l a/m.bin.chunks --from a d/m.bin
expect 'but --list does' 0 'state: repaired'
gzip -k whole/m.bin.chunks 2>/dev/null && mv whole/m.bin.chunks.gz d && damage d/m.bin 5
run slm-repair --from a d/m.bin
expect 'a compressed list does too' 0 'state: repaired'
rm d/m.bin.chunks.gz && cp whole/m.bin.chunks d && changed d/m.bin.chunks 500
run slm-repair --from a d/m.bin
expect 'a list that does not hold together is none' 1 'm.bin.chunks:'

# ---- what is nobody's but the user's ----

fresh
python3 "$HELP" noise d/m.bin 1311954 4
cp d/m.bin other
printf '0\t0\t65536\tm.bin\n20\t1310720\t1234\tm.bin\n' >bad
run slm-repair --ranges bad --from a d/m.bin
expect 'bad ranges do not make another file the one that is meant' 1 '[chunk-wrong]' '--force' 'copied-bytes: 0' 'wrong-chunks: 21'
if cmp -s d/m.bin other; then ok 'which stays as it is'; else not_ok 'which stays as it is'; fi
python3 -c 'import sys; f = open("d/m.bin", "r+b"); w = open("whole/m.bin", "rb"); f.seek(20 * 65536); w.seek(20 * 65536); f.write(w.read())'
run slm-repair --ranges bad --from a d/m.bin
expect 'one right chunk does, named or not' 0 'state: repaired' 'wrong-chunks: 20'
is_whole 'and it is mended' d/m.bin
for i in $everything; do printf '%s\t%s\t%s\tm.bin\n' $i $((i * 65536)) $((i == 20 ? 1234 : 65536)); done >all
run slm-repair --ranges all --from b d/m.bin
expect 'nor do they make a whole file another' 0 'state: whole' 'wrong-chunks: 0'
damage d/m.bin 2
run slm-repair --ranges all --from b d/m.bin
expect 'or one that is nearly so' 0 'state: repaired' 'wrong-chunks: 1' 'copied-bytes: 65536'
python3 "$HELP" noise d/m.bin 1311954 4
run slm-repair --force --ranges bad --from a d/m.bin
expect 'and so does --force' 0 'state: repaired'

# names that repairs once took, or take, are no leave to write there
fresh
for name in m.bin.repair out.bin.repair; do echo "$name" >d/$name; done
rm d/m.bin
run slm-repair --from a d/m.bin
expect 'a file beside it is not taken for what an earlier call left' 0 'state: repaired'
run slm-repair --from a -o d/out.bin d/m.bin
expect 'nor beside what --output makes' 0
same 'both are as they were' 'm.bin.repair out.bin.repair' "$(cat d/m.bin.repair d/out.bin.repair | tr '\n' ' ' | sed 's/ $//')"
damage d/m.bin 3 && mv d/m.bin "d/$(work whole/m.bin)" && cp "d/$(work whole/m.bin)" as-it-was
run slm-repair --from a -l d/m.bin.chunks -o d/m.bin "d/$(work whole/m.bin)"
expect 'TARGET is not taken for it' 3 'will not write' '[io-exists]'
if cmp -s "d/$(work whole/m.bin)" as-it-was; then ok 'and stays'; else not_ok 'and stays'; fi
mv "d/$(work whole/m.bin)" held && cp whole/m.bin "d/$(work whole/m.bin)"
run slm-repair --from "d/$(work whole/m.bin)" d/m.bin
expect 'nor is a source' 3 'will not write' '[io-exists]'
if cmp -s "d/$(work whole/m.bin)" whole/m.bin; then ok 'which is there still'; else not_ok 'which is there still'; fi
run slm-repair --from a d/m.bin
expect 'without being named it is what an earlier call left' 0 'copied-bytes: 0'
: >"d/$(work whole/m.bin)"
run slm-repair --from a d/m.bin
expect 'which a whole file has no use for' 0 'state: whole' 'is no longer needed' '[repair-anew]'
damage d/m.bin 3
run slm-repair --from a d/m.bin
expect 'nor has one that is mended in place' 0 'state: repaired' 'is no longer needed'
rm "d/$(work whole/m.bin)"
rm d/m.bin && mv d/m.bin.chunks "d/$(work whole/m.bin)"
run slm-repair --from a -l "d/$(work whole/m.bin)" d/m.bin
expect 'nor is the list' 3 'will not write' '[io-exists]'
if cmp -s "d/$(work whole/m.bin)" whole/m.bin.chunks; then ok 'which is a list still'; else not_ok 'which is a list still'; fi
rm "d/$(work whole/m.bin)" && cp held d/m.bin && cp whole/m.bin.chunks d
run slm-repair --from a -o "d/$(work whole/m.bin)" d/m.bin
expect 'and OUT has another name' 3 '[io-exists]'

# two artifacts, each a number of chunks: NAME CHUNK...
made_of() {
    python3 - "$@" <<'PY'
import random, sys
with open(sys.argv[1], "wb") as out:
    for number in sys.argv[2:]:
        out.write(random.Random(int(number)).randbytes(65536))
PY
}
pair() { # pair X Y: manifest, lists and both files in src and d
    cd "$WORK" && chmod -R u+rwx case 2>/dev/null
    rm -rf case && mkdir -p case/src && cd case/src || exit 1
    made_of "$1" 0 1 2 && made_of "$2" 0 3 4
    manifest-make -q -p -s 64K --model-id local/pair --version 1 --role "$1=weights" --role "$2=other" --chunk-lists . "$1" "$2" >../m.manifest
    mv ../m.manifest . && cd .. && cp -r src d
}
made_of first 0 1 2
own=$(work first)
pair x.bin "$own"
rm d/x.bin
run slm-repair -q --from src d/m.manifest
expect 'an artifact that has the name of the work file is not taken for it' 3 'will not write' '[io-exists]'
if cmp -s "d/$own" "src/$own"; then ok 'and stays whole'; else not_ok 'and stays whole'; fi
pair x x.repair
rm d/x && chmod a-w d/x.repair
run slm-repair -q --from src d/m.manifest
expect 'nor one that has a name of old' 0 'state: whole' 'state: repaired'
passes 'both are whole' d/m.manifest

# links: what one artifact's name leads to may be another artifact
pair x.bin y.bin
rm d/x.bin && ln -s y.bin d/x.bin
run slm-repair -q --from src --only x.bin d/m.manifest
expect 'an artifact behind a link is not written' 3 '[io-not-regular]' 'symbolic link' 'copied-bytes: 0'
if cmp -s d/y.bin src/y.bin; then ok 'the one that it leads to stays'; else not_ok 'the one that it leads to stays'; fi
run slm-repair -q -L --from src d/m.manifest
expect 'with -L neither' 3 '[io-not-regular]'
if cmp -s d/y.bin src/y.bin; then ok 'and it is whole still'; else not_ok 'and it is whole still'; fi
rm d/x.bin && mv d/y.bin d/x.bin && ln -s x.bin d/y.bin
run slm-repair -q --from src --only x.bin d/m.manifest
expect 'nor is the file to which another artifact leads' 3 '[io-not-regular]' 'another artifact'
if cmp -s d/x.bin src/y.bin; then ok 'which keeps what that one has'; else not_ok 'which keeps what that one has'; fi
rm d/y.bin
run slm-repair -q --from src d/m.manifest
expect 'without the link both come' 0
passes 'and pass' d/m.manifest
rm d/x.bin && ln d/y.bin d/x.bin
run slm-repair -q --from src d/m.manifest
expect 'two names of one file become two files' 0 'state: whole' 'state: repaired'
passes 'each what it has to be' d/m.manifest
model
mv d/sub d/elsewhere && ln -s elsewhere d/sub && damage d/elsewhere/big.txt 1
run slm-repair -q --from src d/m.manifest
expect 'nor is a file in a folder that is a link' 3 '[io-not-regular]' 'symbolic link'
rm d/sub && mv d/elsewhere d/sub
run slm-repair -q --from src d/m.manifest
expect 'a folder is no link' 0

# without a list what an earlier call left is looked at
model
rm d/*.chunks src/*.chunks && mkdir none
rm d/model.gguf && cp src/model.gguf "d/$(work src/model.gguf)"
run slm-repair -q --from none --only model.gguf d/m.manifest
expect 'what an earlier call left whole is taken, list or not' 0 'state: repaired' 'copied-bytes: 0'
passes 'and passes' d/m.manifest
own=$(work src/model.gguf)
mv d/model.gguf "d/$own" && damage "d/$own" 2 && cp "d/$own" left && damage src/model.gguf 3
run slm-repair -q --from src --only model.gguf d/m.manifest
expect 'what is not whole' 1 'no copy is right as a whole'
if cmp -s left "d/$own"; then ok 'stays for a call that has a list'; else not_ok 'stays for a call that has a list'; fi
damage src/model.gguf 3
run slm-repair -q --from src --only model.gguf d/m.manifest
expect 'and makes room for a copy that is right' 0 'state: repaired' 'copied-bytes: 406016'
passes 'which passes' d/m.manifest

# ---- to another file ----

fresh
damage d/m.bin 3
cp d/m.bin as-it-was
run slm-repair --from a -o out/m.bin d/m.bin
expect '--output in a folder that is not there' 3 '[io-open]'
run slm-repair --from a -o out.bin d/m.bin
expect '--output writes the whole file elsewhere' 0 'state: repaired' 'copied-bytes: 65536'
is_whole 'there it is' out.bin
same 'and the damaged one is as it was' "$(sha256sum <as-it-was)" "$(sha256sum <d/m.bin)"
run slm-repair --from a -o out.bin d/m.bin
expect 'what is there is not replaced' 3 '[io-exists]'
run slm-repair --force --from a -o out.bin d/m.bin
expect 'but with --force' 0 'state: repaired'
run slm-repair --from a -o copy.bin whole/m.bin
expect 'a whole file is copied, and checked' 0 'state: whole' 'copied-bytes: 0'
is_whole 'as it is' copy.bin
same 'nothing else is left' 'a as-it-was b copy.bin d out.bin whole' "$(echo $(ls -A))"

# ---- manifests ----

model
damage d/model.gguf 2 && damage d/sub/big.txt 1 && changed d/config.json 3
cp d/config.json edited
run slm-repair -q --from src d/m.manifest
expect 'a file of one chunk that is not right may be another' 1 'config.json: error:' '[chunk-wrong]' '--force'
same 'and stays' "$(cat edited)" "$(cat d/config.json)"
same 'the others are mended' 2 "$(grep -c '^state: repaired' "$WORK/.out")"
truncate -s 9 d/config.json && printf '1234567890123' >>d/config.json
run slm-repair -q --from src --only config.json d/m.manifest
expect 'one that is longer too' 1 '[chunk-wrong]'
: >d/config.json
run slm-repair -q --from src --only config.json d/m.manifest
expect 'an empty one is filled' 0 'state: repaired'
cp edited d/config.json && damage d/model.gguf 2 && damage d/sub/big.txt 1
run slm-repair -q --force --from src d/m.manifest
expect 'all files of a manifest are mended' 0 'target: config.json' 'target: model.gguf' 'target: sub/big.txt'
same 'each of them' 3 "$(grep -c '^state: repaired' "$WORK/.out")"
passes 'and pass' d/m.manifest
rm -rf d/sub d/config.json
run slm-repair -q --from src d/m.manifest
expect 'what is not there is made, with its folders' 0 'state: repaired'
passes 'and it passes again' d/m.manifest
mkdir lists && mv d/*.chunks lists
damage d/model.gguf 2
run slm-repair -q --from src d/m.manifest
expect 'a list of a copy serves, as the manifest has its root' 0 'state: repaired'
rm src/*.chunks src/sub/*.chunks && python3 "$HELP" noise d/model.gguf 500000 7 && cp d/model.gguf other
run slm-repair -q --from src d/m.manifest
expect 'without a list nobody knows whether the file is another' 1 '[chunk-wrong]' '--force'
same 'so it stays' "$(sha256sum <other)" "$(sha256sum <d/model.gguf)"
run slm-repair -q --force --from src d/m.manifest
expect 'without a list a copy that is right as a whole takes the place' 0 'state: repaired' 'copied-bytes: 406016'
passes 'and passes' d/m.manifest
damage d/model.gguf 2 && damage src/model.gguf 4
run slm-repair -q --force --from src -b lacks d/m.manifest
expect 'where no copy is, the answer says why' 1 'without a chunk list no chunk can be told from another'
same 'all chunks may be wrong then' 7 "$(wc -l <lacks | tr -d ' ')"
same 'and nothing is left beside it' '' "$(find . -name '.minimodel*')"
run slm-repair -q --from src --only model.gguf -l lists/model.gguf.chunks d/m.manifest
expect '--list gives one' 0 'state: repaired'
run slm-repair -q --from src --only config.json -l lists/model.gguf.chunks d/m.manifest
expect 'one of another artifact is none' 1 '[chunk-root]'
run slm-repair -q --from src --only nothing d/m.manifest
expect '--only names an artifact' 1 '[verify-only]'
damage src/model.gguf 4
mkdir far && mv d/m.manifest far && damage d/model.gguf 2 && mv lists/model.gguf.chunks d
run slm-repair -q --from src --root d far/m.manifest
expect '--root says where the files are' 0 'state: repaired'
damage d/model.gguf 2
run slm-repair -q --from src/m.manifest --root d far/m.manifest
expect "a manifest's folder is a copy" 0 'state: repaired'
damage d/model.gguf 2 && ln -s ../src/config.json d/l
run slm-repair -q --from src/model.gguf --root d far/m.manifest
expect 'a file is the copy of what has its name' 0 'state: repaired'
rm d/config.json && ln -s ../src/config.json d/config.json
run slm-repair -q --from src --root d far/m.manifest
expect 'an artifact behind a link that leads out is not touched' 3 '[io-not-regular]' 'link that leads out'
run slm-repair -q -L --from src --root d far/m.manifest
expect 'but with -L' 0
printf 'minimodel-manifest 0\n' >bad.manifest
run slm-repair --from src bad.manifest
expect 'a manifest that breaks a rule is not gone by' 1 '[manifest-field-missing]'

# two sticks with a part of the chunks each, and nothing on the disk but the manifest
model
for half in 0 1; do
    for file in model.gguf big.txt config.json; do
        path=$file && [ $file = big.txt ] && path=sub/big.txt
        lacks=$(seq $half 2 6) && [ $file = config.json ] && [ $half = 0 ] && lacks=
        python3 "$SETS" set "src/$path" 65536 "stick$half/$path.chunkset" $lacks
    done
done
rm -rf d && mkdir d && cp src/m.manifest d && mkdir stick1/sub 2>/dev/null
for path in model.gguf sub/big.txt; do cp "src/$path.chunks" "stick1/$path.chunks"; done
run slm-repair -q --from stick0 --from stick1 d/m.manifest
expect 'two sets with half the chunks each make the model' 0 'target: sub/big.txt'
same 'no chunk is read twice' "$(sed -n 's/^total-bytes: //p' "$WORK/.out" | awk '{ sum += $1 } END { print sum }')" "$(sed -n 's/^from: .*read-bytes=\([0-9]*\) .*/\1/p' "$WORK/.out" | awk '{ sum += $1 } END { print sum }')"
passes 'and it passes' d/m.manifest

# every chunk is the stated one, and the format is wrong: nothing that a copy could mend
model
sed 's/^artifact-format: text/artifact-format: json/' src/m.manifest >d/m.manifest
if grep -q '^artifact-format: json' d/m.manifest; then
    run slm-repair -q --from src d/m.manifest
    expect 'bytes that are right and break the format are no case for copies' 1 'state: failed' '[json-syntax]'
fi
model
run slm-repair -q --from src --from src d/m.manifest
expect 'a model that is whole' 0 'state: whole'

# the store: files are read-only there, equal ones may be one file
model
MINIMODEL_HOME=$WORK/case/home slm-import -q --allow-unsigned src >/dev/null
stored=home/models/local/model/1
chmod u+w $stored/files/model.gguf && damage $stored/files/model.gguf 3 && chmod a-w $stored/files/model.gguf
run slm-repair -q --from src $stored/manifest
expect "a model's folder of a store is a target" 0 'state: repaired'
same 'its files are read-only again' 444 "$(stat -c %a $stored/files/model.gguf)"
MINIMODEL_HOME=$WORK/case/home run slm-check -q
expect 'and slm-check passes' 0 'pass'
damage d/model.gguf 3 && rm d/*.chunks
run slm-repair -q --from $stored/manifest --from src d/m.manifest
expect 'and a copy' 0 'state: repaired'

# ---- the end ----

fresh
damage d/m.bin 3
run slm-repair d/m.bin
expect 'no copy is a usage error' 2 'usage:'
run slm-repair --from a
expect 'and so is no target' 2 'usage:'
for wrong in '--from a -' '--from a -b - d/m.bin' '--from a --root d x y' '--from a --root d d/m.bin' '--from a -o x d/m.bin d/m.bin' '--from a -o - d/m.bin'; do
    run slm-repair $wrong
    expect "slm-repair $wrong" 2 'usage:'
done
slm-repair --from a d/m.bin >/dev/full 2>err
same 'a full standard output' '3 1' "$? $(grep -c '\[io-write\]' err)"
damage d/m.bin 3
run slm-repair --from a -b d/m.bin.chunks --force d/m.bin
expect '--bad-ranges replaces nothing else' 3 '[io-exists]'
run slm-repair --json --from a --from nowhere d/m.bin
same '--json has its keys' 1 "$(python3 "$SETS" lines target state total-bytes kept-bytes copied-bytes wrong-chunks mended-chunks lacking-chunks from <"$WORK/.out" 2>&1)"
damage d/m.bin 3
(ulimit -f 100; exec slm-repair -q --from a d/m.bin) >/dev/null 2>err
same 'a file that may not grow further is an error' '3 1' "$? $(grep -c '\[io-write\]' err)"
same 'and what was right is right' '0 1 2 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20' "$(good d/m.bin)"
exec 9<>d/m.bin
if need 'a file that is locked' flock && flock -n 9; then
    run slm-repair --from a d/m.bin
    expect 'a file that another process has locked is left alone' 3 'has it locked'
fi
exec 9<&-

# ---- killed ----

fresh
mkdir k && python3 "$HELP" noise k/whole "$((${KILL_MIB:-16} * 1048576))" 9 && chunk-merkle -q -s 64K -l k/target.chunks k/whole >/dev/null
cp k/whole k/damaged && python3 "$HELP" damage k/damaged 65536 $(seq 0 2 $((${KILL_MIB:-16} * 16 - 1))) && cp k/whole k/copy
for how in in-place anew; do
    set --
    [ $how = anew ] && set -- -o k/target.out
    if [ $how = in-place ]; then
        killed=$(python3 "$HELP" kill k "${KILLS:-25}" slm-repair -q --from k/copy k/target)
        case $killed in
        killed*) ok "kills leave every right chunk right ($killed)" ;;
        *) not_ok 'kills leave every right chunk right' "$killed" ;;
        esac
        [ "${killed##* }" -gt 0 ] && ok 'some of them half-way' || skip 'some of them half-way' "$killed"
    else
        cp k/damaged k/target && wrong=
        for i in $(seq 12); do
            timeout -s KILL "0.0$((i * 4 + 10))" slm-repair -q --from k/copy -o k/target.out k/target >/dev/null 2>&1
            [ -e k/target.out ] && { cmp -s k/target.out k/whole || wrong="$wrong $i"; rm k/target.out; }
            cmp -s k/target k/damaged || wrong="$wrong $i: the file changed"
        done
        same 'a killed repair to another file leaves that one whole or none' '' "$wrong"
        run slm-repair -q --from k/copy -o k/target.out k/target
        expect 'and the next call ends it' 0
        if cmp -s k/target.out k/whole; then ok 'with the whole file'; else not_ok 'with the whole file'; fi
    fi
done
cp k/damaged k/target && cp k/damaged k/other
ended=$(python3 "$HELP" swap k/target k/other slm-repair -q --from k/copy k/target)
case $ended in
'3 io-changed') ok 'a file that is replaced meanwhile is not called whole' ;;
0*) skip 'a file that is replaced meanwhile is not called whole' 'the repair was faster' ;;
*) not_ok 'a file that is replaced meanwhile is not called whole' "$ended" ;;
esac

# ---- what it costs ----

if need 'copies are read once' strace; then
    cp k/damaged k/target
    if strace -f -y -e trace=read,pread64,readv,preadv,copy_file_range,sendfile,mmap -o trace slm-repair -q --from k/copy k/target >/dev/null 2>&1; then
        total=$(grep "k/copy>" trace | grep -v ', 19, 0)' | sed -n 's/^.*= \([0-9]*\)$/\1/p' | awk '{ sum += $1 } END { printf "%d\n", sum }')
        same 'of a copy only what lacks is read, and once' "$((${KILL_MIB:-16} * 8 * 65536))" "$total"
    else
        skip 'copies are read once' 'strace may not trace here'
    fi
fi
case $BUILD in
*address* | *thread*) skip 'memory of a repair' 'sanitizers need memory of their own' ;;
*)
    truncate -s 600M big && chunk-merkle -q -s 64K -l big.chunks big >/dev/null && cp --sparse=always big copy && printf x | dd of=big bs=1 seek=300000000 conv=notrunc 2>/dev/null
    set -- $(python3 "$SETS" peak slm-repair -q --from copy big)
    if [ "$1" -lt 32768 ] && [ "$2" = 0 ]; then ok "a repair stays below 32 MiB ($1 KiB)"; else not_ok 'a repair stays below 32 MiB' "$1 KiB, exit $2"; fi
    ;;
esac
