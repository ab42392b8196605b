#!/bin/sh
# A model of 6 GiB crosses on two sticks of 4 GB whose file system ends at 4 GiB, one of them with 20 damaged chunks, and is whole after slm-repair
# from a third. All sizes are divided by MEDIA_SCALE: `MEDIA_SCALE=1 TMPDIR=/large sh tests/cmd/test_crossing.sh` is the real one, and takes
# 30 GB and minutes.
. "$(dirname "$0")/harness.sh"
need 'the crossing' openssl && need 'the crossing' python3 || exit 0
SCALE=${MEDIA_SCALE:-64}
MODEL_BYTES=$((6442450944 / SCALE)) CAPACITY=$((4000000000 / SCALE)) FILE_LIMIT=$((4294967295 / SCALE)) CHUNK=$((1048576 / SCALE))
[ "$CHUNK" -ge 65536 ] || CHUNK=65536
export MINIMODEL_HOME="$WORK/home" MINIMODEL_KEYRING="$WORK/ring"

fact() { sed -n "s/^$1: //p" "$WORK/.out"; }
sum() { awk '{ n += $1 } END { printf "%.0f\n", n }'; }
# said: how long it took, where somebody looks
said() { [ "$SCALE" -gt 1 ] || printf '# %s %s\n' "$(date +%T)" "$*"; }

said begin
key-make -q --no-password me >/dev/null && key-trust -q add --trust-on-first-use me me.pub >/dev/null
mkdir src && cp "$MODEL" src/model.gguf
head -c "$MODEL_BYTES" /dev/zero | openssl enc -aes-128-ctr -K 00112233445566778899aabbccddeeff -iv 00000000000000000000000000000000 >src/large.bin
echo licence >src/notes.txt
manifest-make -q -s "$CHUNK" --model-id me/large --version 1 --license MIT --takedown-route mailto:a@example.org --source-lane original \
    --key-id "$(basename ./*.revoked .revoked)" --license-route notes.txt --model-card-route notes.txt src >m.manifest && mv m.manifest src/m.manifest &&
    manifest-sign -q -s me.key src/m.manifest >/dev/null || not_ok 'a signed manifest'
TOTAL=$(cat src/large.bin src/model.gguf src/notes.txt | wc -c)
said described

run media-export -q --capacity "$CAPACITY" --file-limit "$FILE_LIMIT" sticks src/m.manifest
expect 'the model goes onto two sticks' 0 'medium: sticks/2' 'cut-artifacts: 1'
same 'and not onto a third' '1 2' "$(ls sticks | tr '\n' ' ' | sed 's/ $//')"
same 'each byte was written once' "$TOTAL" "$(fact copied-bytes)"
for i in 1 2; do
    size=$(find "sticks/$i" -printf '%s\n' | awk '{ n += int(($1 + 32767) / 32768) * 32768 } END { printf "%.0f\n", n }')
    if [ "$size" -le "$CAPACITY" ]; then ok "stick $i is full at most, clusters of 32 KiB counted"; else not_ok "stick $i is full at most" "$size"; fi
done
largest=$(find sticks -type f -printf '%s\n' | sort -n | tail -n 1)
if [ "$largest" -le "$FILE_LIMIT" ]; then ok 'no file is larger than the file system allows'; else not_ok 'no file is larger than the file system allows' "$largest"; fi
same 'no chunk is on both' '' "$(find sticks -path '*.chunkset/*' -type f -printf '%f\n' | sort | uniq -d)"
said exported
run media-export -q --chunkset third src/m.manifest
expect 'a third stick has all of it' 0
rm -f src/large.bin
said 'third exported'

# damage: 18 chunks with one wrong byte, one cut short, one lost
damaged=$(find sticks/1 -path '*.chunkset/*' -type f | sort | awk 'NR % 13 == 0 { print } NR == 260 { exit }')
same '20 chunks are damaged' 20 "$(echo "$damaged" | wc -l | tr -d ' ')"
number=0
for chunk in $damaged; do
    number=$((number + 1))
    case $number in
    1) truncate -s 1000 "$chunk" ;;
    2) rm "$chunk" ;;
    *) changed "$chunk" $((number * 100)) ;;
    esac
done
LOST=$((20 * CHUNK))

# ---- the importer: what is right stays, the third stick brings the rest ----

run slm-import -q --bad-ranges lacks sticks/2 sticks/1
expect 'two sticks are not enough' 1 '[store-chunk]' 'state: failed'
same 'exactly the damaged chunks lack' 20 "$(wc -l <lacks | tr -d ' ')"
same 'the others came' "$((TOTAL - LOST))" "$(fact copied-bytes)"
said 'imported from two'
run slm-import -q third
expect 'with the third it is whole' 0 'state: imported'
same 'which brought no other chunk' "$LOST $LOST $((TOTAL - LOST))" "$(fact copied-bytes) $(fact read-bytes) $(fact kept-bytes)"
said 'imported from the third'
[ "$SCALE" -gt 1 ] || rm -rf home

# ---- slm-repair: the same, without a store ----

first=sticks/1/models/me/large/1 second=sticks/2/models/me/large/1 whole=third/models/me/large/1
mkdir room && cp $first/manifest $first/manifest.minisig room/
run slm-repair -q --root room --from $first --from $second room/manifest
expect 'slm-repair puts it together from two sticks' 1 'lacking-chunks: 20' 'state: lacks'
same 'all of what they have' "$((TOTAL - LOST))" "$(fact copied-bytes | sum)"
said 'put together from two'
run slm-repair -q --root room --from $whole room/manifest
expect 'the third makes it whole' 0 'from: chunks=20 ' 'state: repaired'
same 'with the 20 chunks, and no other' "$LOST $((TOTAL - LOST))" "$(fact copied-bytes | sum) $(fact kept-bytes | sum)"
said 'repaired from the third'
MINIMODEL_HOME=$WORK/linked
run slm-import -q --link room/manifest
expect 'and the store takes it' 0 'state: imported' 'copied-bytes: 0'
run slm-verify -q --receipt me/large
expect 'with a receipt' 0 'result: unchanged'
said 'imported with links'
