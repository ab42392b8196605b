#!/bin/sh
# chunk-merkle: lists, checks, proofs, the filter, and pins.
. "$(dirname "$0")/harness.sh"
need chunk-merkle python3 || exit 0
cp "$MODEL" model.gguf
facts() { sed -n "s/^$1: //p"; }

# ---- lines and lists ----

run chunk-merkle model.gguf
expect "the manifest lines, with chunks of 1 MiB" 0
same "in their order" "artifact-bytes artifact-sha256 chunk-scheme chunk-size chunk-count merkle-root" "$(printf '%s\n' "$out" | sed 's/:.*//' | tr '\n' ' ' | sed 's/ $//')"
same "1 MiB is the default" 1048576 "$(printf '%s\n' "$out" | facts chunk-size)"
same "standard input gives the same lines" "$out" "$(chunk-merkle - <model.gguf)"
same "a pipe too" "$out" "$(cat model.gguf | chunk-merkle -)"
same "-s takes 1M" "$out" "$(chunk-merkle -s 1M model.gguf)"
same "-s takes 64K" "$(chunk-merkle -s 65536 model.gguf)" "$(chunk-merkle --size=64K model.gguf)"
same "--no-sha256 leaves out that line alone" "$(printf '%s\n' "$out" | grep -v artifact-sha256)" "$(chunk-merkle --no-sha256 model.gguf)"
chunk-merkle -s 65536 -l list model.gguf >lines
same "-l prints the lines too" "$(chunk-merkle -s 65536 model.gguf)" "$(cat lines)"
same "the list has a hash for each chunk" 7 "$(grep -cE '^[0-9a-f]{64}$' list)"
root=$(facts merkle-root <lines)
run chunk-merkle --check list model.gguf
expect "--check finds the file good" 0
same "and prints nothing" "" "$out$err"
run chunk-merkle --check list - <model.gguf
expect "--check reads standard input" 0
run chunk-merkle --check - model.gguf <list
expect "--check reads the list from standard input" 0

cp model.gguf wrong && changed wrong 0 && changed wrong 65536 && changed wrong 131071 && changed wrong 406015
run chunk-merkle --check list wrong
expect "--check names each wrong chunk" 1 "wrong:@0: error: chunk 0 bytes 0-65535" "wrong:@65536: error: chunk 1 bytes 65536-131071" "wrong:@393216: error: chunk 6 bytes 393216-406015" "[chunk-wrong]"
same "and prints bad ranges" "$(printf '0\t0\t65536\twrong\n1\t65536\t65536\twrong\n6\t393216\t12800\twrong')" "$out"
run chunk-merkle --check list --no-sha256 wrong
expect "--no-sha256 does not make it good" 1 "[chunk-wrong]"
head -c 405000 model.gguf >short
run chunk-merkle --check list short
expect "a truncated file is told apart" 1 "short:@405000: error: expected 406016 bytes, found 405000 [chunk-truncated]"
same "and its missing end is a bad range" "$(printf '6\t393216\t12800\tshort')" "$out"
head -c 65536 model.gguf >short
run chunk-merkle --check list short
expect "a file cut at a chunk's edge is told apart" 1 "[chunk-truncated]"
same "and lacks six chunks" 6 "$(wc -l <"$WORK/.out" | tr -d ' ')"
: >nothing
run chunk-merkle --check list nothing
expect "an empty file is truncated" 1 "nothing:@0: error:" "[chunk-truncated]"
cp model.gguf long && printf x >>long
run chunk-merkle --check list long
expect "a longer file is told apart" 1 "long:@406016: error:" "[chunk-longer]"
chunk-merkle -l empty.list nothing >/dev/null
run chunk-merkle --check empty.list nothing
expect "an empty file has a list" 0
run chunk-merkle --check empty.list model.gguf
expect "which is no list of any other" 1 "[chunk-longer]"

# ---- lists that lie ----

while IFS='|' read -r what script; do
    sed "$script" list >lie
    run chunk-merkle --check lie model.gguf
    expect "a list with $what is refused" 1 "lie:"
    run chunk-merkle --filter lie --root "$root" - <model.gguf
    expect "the filter refuses a list with $what" 1 "lie:"
    same "and passes nothing" 0 "$(wc -c <"$WORK/.out" | tr -d ' ')"
done <<'EOF'
a digest of 63 digits|8s/.$//
a digest of 65 digits|8s/$/0/
an upper-case digest|8s/.*/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/
a space before a digest|8s/^./ /
another digest|8s/^../ff/
a digest less|8d
two digests swapped|8{h;d};9{G}
a digest more|$p
a size with a sign|s/^artifact-bytes: /&+/
a size with a leading zero|s/^artifact-bytes: /&0/
a size with a space|s/^artifact-bytes: /& /
a hexadecimal size|s/^artifact-bytes: .*/artifact-bytes: 0x63200/
a negative size|s/^artifact-bytes: .*/artifact-bytes: -1/
a size of 2^64 more|s/^artifact-bytes: .*/artifact-bytes: 18446744073709957632/
a size of 2^63|s/^artifact-bytes: .*/artifact-bytes: 9223372036854775808/
a lie about the count|s/^chunk-count: .*/chunk-count: 8/
a huge count|s/^chunk-count: .*/chunk-count: 9223372036854775807/
an odd chunk size|s/^chunk-size: .*/chunk-size: 65537/
another root|s/^merkle-root: ../merkle-root: ff/
a field twice|s/^chunk-size: .*/&\n&/
a field less|/^chunk-size/d
two fields swapped|3{h;d};4{G}
CR LF|s/$/\r/
a blank line|8s/^/\n/
a line of another kind|s/^chunk-size/x-&/
another first line|1s/list/lost/
EOF
printf '%s' "$(cat list)" >lie
run chunk-merkle --check lie model.gguf
expect "a list without a last LF is refused" 1 "lie:"
{ cat list; printf '\0'; } >lie
run chunk-merkle --check lie model.gguf
expect "a list with a NUL behind it is refused" 1 "lie:"
sed '1s/0$/1/' list >lie
run chunk-merkle --check lie model.gguf
expect "a list of another version answers 3" 3 "[text-version-unsupported]"
if command -v gzip >/dev/null 2>&1; then
    gzip -nc list >lie.gz
    run chunk-merkle --check lie.gz wrong
    expect "a compressed list names wrong chunks" 1 "[chunk-wrong]"
    head -c 100 lie.gz >cut.gz
    run chunk-merkle --check cut.gz model.gguf
    expect "a compressed list that is cut is refused" 1 "[chunk-list-gzip]"
    { cat lie.gz; printf x; } >more.gz
    run chunk-merkle --check more.gz model.gguf
    expect "bytes behind a compressed list are refused" 1 "[chunk-list-gzip]"
    { cat list; head -c 600000000 /dev/zero; } | gzip -1nc >bomb.gz
    in_memory 400000 timeout 60 chunk-merkle --check bomb.gz model.gguf
    if [ "$status" -eq 1 ] || [ "$status" -eq 3 ]; then ok "a gzip bomb takes no memory"; else not_ok "a gzip bomb takes no memory" "exit $status" "$err"; fi
else
    skip "compressed lists" "no gzip here"
fi

# ---- proofs ----

for index in 0 3 6; do
    chunk-merkle -s 65536 --prove $index model.gguf >proof
    run chunk-merkle --check-proof proof
    expect "the proof of chunk $index is good" 0
    run chunk-merkle --check-proof proof --root "$root"
    expect "and leads to the root" 0
    same "--siblings-only prints its bare hashes" "$(facts sibling <proof)" "$(chunk-merkle -s 65536 --prove $index --siblings-only model.gguf)"
    same "and is what a reader of standard input gets" "$(cat proof)" "$(chunk-merkle -s 65536 -p $index - <model.gguf)"
done
chunk-merkle -s 65536 --prove 3 model.gguf >proof
run chunk-merkle --check-proof - <proof
expect "a proof is read from standard input" 0
run chunk-merkle --check-proof proof --root "$(printf '%064d' 0)"
expect "a proof of another root than the pinned one is refused" 1 "[chunk-root]"
manifest-make -q -p -s 65536 model.gguf >m.manifest
manifest-make -q -p model.gguf >other.manifest
run chunk-merkle --check-proof proof --manifest m.manifest
expect "a proof of a manifest's artifact is good" 0
run chunk-merkle --check-proof proof --manifest other.manifest
expect "a proof of no artifact of the manifest is refused" 1 "[chunk-root]"
run chunk-merkle --check-proof proof --manifest no.manifest
expect "a manifest that is not there answers 3" 3 "[io-open]"
run chunk-merkle --check-proof proof --manifest list
expect "a manifest that is none is refused" 1 "list:1:"
run chunk-merkle -s 65536 --prove 7 model.gguf
expect "there is no proof of a chunk that is not there" 1 "[chunk-index]"
run chunk-merkle --prove 0 nothing
expect "an empty file has no proof" 1 "[chunk-index]"
while IFS='|' read -r what script; do
    sed "$script" proof >lie
    run chunk-merkle --check-proof lie
    expect "a proof with $what is refused" 1 "lie"
done <<'EOF'
another chunk hash|s/^chunk-sha256: ../chunk-sha256: ff/
another root|s/^merkle-root: ../merkle-root: ff/
another index|s/^chunk-index: .*/chunk-index: 2/
an index that is too large|s/^chunk-index: .*/chunk-index: 7/
an index with a sign|s/^chunk-index: /&+/
a negative index|s/^chunk-index: .*/chunk-index: -1/
an index of 2^64 more|s/^chunk-index: .*/chunk-index: 18446744073709551619/
another count|s/^chunk-count: .*/chunk-count: 9/
a count of none|s/^chunk-count: .*/chunk-count: 0/
a sibling less|$d
a sibling more|$p
another sibling|$s/: ../: ff/
a sibling of 63 digits|$s/.$//
two siblings swapped|6{h;d};7{G}
an inner node as chunk|s/^chunk-sha256: .*/chunk-sha256: 0000000000000000000000000000000000000000000000000000000000000000/
a field more|$s/$/\nx-more: 1/
EOF
python3 - "$root" >lie <<'PY'
# the two halves of the tree as a "chunk": a node is no leaf
import subprocess, sys
siblings = subprocess.run(["chunk-merkle", "-s", "65536", "--prove", "0", "--siblings-only", "model.gguf"], capture_output=True, text=True).stdout.split()
print(f"minimodel-proof 0\nmerkle-root: {sys.argv[1]}\nchunk-count: 2\nchunk-index: 1\nchunk-sha256: {siblings[-1]}\nsibling: {siblings[-1]}")
PY
run chunk-merkle --check-proof lie
expect "a node of the tree is no chunk" 1 "[chunk-proof]"

# ---- the filter ----

run chunk-merkle --filter list --root "$root" <model.gguf
same "the filter passes a good stream" "0 $(sha256sum <model.gguf)" "$status $(sha256sum <"$WORK/.out")"
run chunk-merkle --filter list --manifest m.manifest - <model.gguf
same "pinned by a manifest too" "0 $(sha256sum <model.gguf)" "$status $(sha256sum <"$WORK/.out")"
run chunk-merkle --filter list <model.gguf
expect "the filter wants a pin" 2 "usage:"
run chunk-merkle --filter list --root "$root" model.gguf
expect "the filter takes no file" 2 "usage:"
run chunk-merkle --filter list --root "$(printf '%064d' 0)" <model.gguf
expect "the filter refuses a list of another root" 1 "[chunk-root]"
same "and passes nothing" 0 "$(wc -c <"$WORK/.out" | tr -d ' ')"
run chunk-merkle --filter list --manifest other.manifest <model.gguf
expect "the filter refuses a list of no artifact" 1 "[chunk-root]"
same "and passes nothing of it" 0 "$(wc -c <"$WORK/.out" | tr -d ' ')"
run chunk-merkle --filter list --root "$root" --manifest other.manifest <model.gguf
expect "both pins count" 1 "[chunk-root]"
for at in 0 65535 65536 200000 406015; do
    cp model.gguf wrong && changed wrong $at
    run chunk-merkle --filter list --root "$root" <wrong
    expect "the filter stops at a wrong byte $at" 1 "[chunk-wrong]"
    same "and has passed the chunks before it alone" "$(head -c $((at / 65536 * 65536)) model.gguf | sha256sum)" "$(sha256sum <"$WORK/.out")"
done
head -c 200000 model.gguf >short
run chunk-merkle --filter list --root "$root" <short
expect "the filter says that the stream ended early" 1 "[chunk-truncated]"
same "and has passed whole chunks alone" "$(head -c 196608 model.gguf | sha256sum)" "$(sha256sum <"$WORK/.out")"
run chunk-merkle --filter list --root "$root" <long
expect "the filter says that more follows" 1 "[chunk-longer]"
same "and does not pass it" "$(sha256sum <model.gguf)" "$(sha256sum <"$WORK/.out")"
run sh -c '(head -c 70000 model.gguf; sleep 0.2; tail -c +70001 model.gguf) | chunk-merkle --filter list --root '"$root"
same "a slow pipe is passed whole" "0 $(sha256sum <model.gguf)" "$status $(sha256sum <"$WORK/.out")"
chunk-merkle --filter list --root "$root" <model.gguf >/dev/full 2>err
same "the filter on a full disk answers 3" "3 1" "$? $(grep -c '\[io-write\]' err)"
run chunk-merkle --filter list --root "$root" <.
expect "a folder as the filter's input answers 3" 3 "[io-read]"
run chunk-merkle --filter empty.list --root "$(facts merkle-root <empty.list)" </dev/null
expect "an empty stream passes as an empty file" 0
