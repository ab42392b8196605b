#!/bin/sh
# peer-fetch --repair: a damaged file gets its wrong chunks from peers, as slm-repair gets them from second copies.
. "$(dirname "$0")/harness.sh"
need "peer-fetch --repair" peer-fetch || exit 0
need "peer-fetch --repair" python3 || exit 0

. "$ROOT/tests/cmd/peers.sh"
size=$(stat -c %s "model/$weights")

# damage: a copy of the weights with two chunks wrong, 1 and 4
damage() {
    rm -f "$weights"
    cp "model/$weights" "$weights"
    changed "$weights" 70000
    changed "$weights" 300000
}

# mend OPTION...: with the peers that are served
mend() { run peer-fetch -y --home none --repair "$weights" "$@"; }

serve one && one=$address first=$server
damage
inode=$(stat -c %i "$weights")
mend "$manifest" "$one"
expect "wrong chunks come from a peer" 0 "target: $weights" "state: repaired" "wrong-chunks: 2" "mended-chunks: 2" \
    "copied-bytes: 131072" "kept-bytes: $((size - 131072))" "from: chunks=2 copied-bytes=131072" "$one"
run cmp "$weights" "model/$weights"
expect "the file is right" 0
same "it was mended in place" "$inode" "$(stat -c %i "$weights")"
same "nothing else is left" "" "$(ls -A | grep minimodel-)"
same "and no store was made" absent "$([ -e none ] && echo there || echo absent)"
mend keeper.manifest "$one"
expect "what is whole is left alone" 0 "state: whole" "copied-bytes: 0" "from: chunks=0 copied-bytes=0 read-bytes=0"

rm "$weights"
mend "$manifest" "$one"
expect "a file that is not there is made" 0 "state: repaired" "copied-bytes: $size"
run cmp "$weights" "model/$weights"
expect "whole" 0
cut=100000
truncate -s $cut "$weights"
mend "$manifest" "$one"
expect "a file that was cut off is completed" 0 "state: repaired"
run cmp "$weights" "model/$weights"
expect "to its end" 0

damage
ln "$weights" other-name
mend "$manifest" "$one"
expect "a file of several names is made anew" 0 "state: repaired" "[repair-anew]"
run cmp "$weights" "model/$weights"
expect "under the one that was given" 0
same "the other stays as it was" 2 "$(cmp -l other-name "model/$weights" | wc -l)"
rm other-name

damage
cp "$weights" renamed.bin
run peer-fetch -y --home none --repair renamed.bin "$manifest" "$one"
expect "a file of another name has to be told" 1 "[verify-only]" "--only"
run peer-fetch -y --home none --repair renamed.bin --only "$weights" "$manifest" "$one"
expect "--only tells it" 0 "state: repaired"
run cmp renamed.bin "model/$weights"
expect "and it is right" 0

head -c "$size" /dev/zero | tr '\0' x >"$weights"
sum=$(sha256sum <"$weights")
mend "$manifest" "$one"
expect "a file without one right chunk is taken for another" 1 "[chunk-wrong]" "--force"
same "and stays" "$sum" "$(sha256sum <"$weights")"
mend --force "$manifest" "$one"
expect "--force mends it" 0 "state: repaired"
run cmp "$weights" "model/$weights"
expect "all of it" 0

# ---- bad ranges ----

damage
chunk-merkle -q -s 64K -l "list" "model/$weights" >/dev/null
run sh -c "chunk-merkle --check list '$weights' >bad"
expect "chunk-merkle names what is wrong" 1
same "two chunks" 2 "$(wc -l <bad)"
mend --ranges bad "$manifest" "$one"
expect "bad ranges are read" 0 "state: repaired" "wrong-chunks: 2" "copied-bytes: 131072"
run cmp "$weights" "model/$weights"
expect "and what they name is mended" 0
damage
head -n 1 bad >half
mend --ranges half "$manifest" "$one"
expect "what they do not name is found all the same" 0 "state: repaired" "copied-bytes: 131072"
run cmp "$weights" "model/$weights"
expect "and mended" 0
printf '1\t2\t3\n' >nonsense
mend --ranges nonsense "$manifest" "$one"
expect "what are no bad ranges is refused" 1 "[chunk-ranges]"

# ---- --json ----

damage
mend --json "$manifest" "$one"
expect "--json" 0 '"state":"repaired"' '"path":"'"$one"
if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
    printf '%s\n' "$out" >mended
    run /usr/bin/python3 "$ROOT/tests/cmd/lines_follow.py" "$ROOT/schemas/repaired.schema.json" mended
    expect "--json follows the schema of repairs" 0
else
    skip "--json follows the schema of repairs" "no python3-jsonschema"
fi

# ---- liars ----

serve two && two=$address second=$server
spoil two
damage
sum=$(sha256sum <"$weights")
mend "$manifest" "$two"
expect "a liar alone is named, and mends nothing" 3 "state: lacks" "[peer-wrong]" "[peer-lacks]" "lacking-chunks: 2"
same "not a byte of the file changed" "$sum" "$(sha256sum <"$weights")"
mend "$manifest" "$two" "$one"
expect "an honest peer beside it completes the file" 0 "state: repaired"
run cmp "$weights" "model/$weights"
expect "with right bytes" 0
kill "$second"

# ---- kill -9 ----

kill "$first"
serve one --upload-rate 60K && one=$address
head -c "$size" /dev/zero >"$weights"
head -c 65536 "model/$weights" | dd of="$weights" conv=notrunc status=none
peer-fetch -y --home none --repair "$weights" "$manifest" "$one" >/dev/null 2>&1 &
mending=$!
# the file changes while it is mended
for _ in $(seq 40); do
    sleep 0.2
    [ "$(head -c 131072 "$weights" | tail -c 65536 | tr -d '\0' | wc -c)" -gt 0 ] && break
done
kill -9 "$mending"
wait "$mending" 2>/dev/null
kill "$server"
run python3 - "$weights" "model/$weights" <<'PY'
import sys
a, b = (open(name, 'rb').read() for name in sys.argv[1:])
zero = bytes(65536)
assert len(a) == len(b)
for at in range(0, len(b), 65536):
    there, right = a[at:at + 65536], b[at:at + 65536]
    assert there == right or not there.strip(b'\0') or there in right, at
PY
expect "after a kill each chunk is as it was, or right" 0
serve one && one=$address
mend "$manifest" "$one"
expect "another call goes on" 0 "state: repaired"
if [ "$(field copied-bytes)" -lt $((size - 65536)) ]; then ok "with what lacks alone"; else not_ok "with what lacks alone" "$out"; fi
run cmp "$weights" "model/$weights"
expect "to the end" 0

# ---- calls ----

for wrong in "--only x $manifest h3://a" "--ranges x $manifest h3://a" "--force $manifest h3://a" "--repair x $manifest"; do
    # shellcheck disable=SC2086 # several words
    run peer-fetch -y $wrong
    expect "peer-fetch $wrong is a wrong call" 2 usage
done
exit 0 # not what became of the servers
