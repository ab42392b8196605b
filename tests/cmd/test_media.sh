#!/bin/sh
# Media: models that travel on sticks, whole or in chunks, on one or several; taken in any order, and never trusted.
. "$(dirname "$0")/harness.sh"
need media-export python3 || exit 0
export MINIMODEL_HOME="$WORK/home" MINIMODEL_KEYRING="$WORK/ring" SOURCE_DATE_EPOCH=1700000000

key-make -q --no-password me >/dev/null && mkdir ring && key-trust -q add --trust-on-first-use me me.pub >/dev/null
KEY=$(basename ./*.revoked .revoked)
mkdir src && cp "$MODEL" src/model.gguf && chmod u+w src/model.gguf
head -c 3000000 /dev/urandom >src/large.bin
head -c 100000 "$ROOT/share/model/corpus.txt" >src/notes.txt && : >src/empty.txt

# describe NAME: a signed manifest of src/ as model me/NAME
describe() {
    rm -f src/m.manifest*
    manifest-make -q -s 64K --model-id "me/$1" --version 1 --license MIT --takedown-route mailto:a@example.org --source-lane original \
        --key-id "$KEY" --license-route notes.txt --model-card-route notes.txt src >m.manifest 2>/dev/null && mv m.manifest src/m.manifest &&
        manifest-sign -q -s me.key src/m.manifest >/dev/null || not_ok "a signed manifest $1"
}

# fact KEY: its values in the last output
fact() { sed -n "s/^$1: //p" "$WORK/.out"; }

# sums FOLDER: the index holds, and names every other file
sums() {
    (cd "$1" && sha256sum --quiet -c SHA256SUMS && find . -type f ! -name SHA256SUMS | sed 's|^\./||' | sort >"$WORK/there" &&
        cut -c 67- SHA256SUMS | sort >"$WORK/named" && cmp -s "$WORK/there" "$WORK/named")
}

# stored NAME: me/NAME is in the store, and is what src/ has
stored() {
    for file in model.gguf large.bin notes.txt empty.txt; do
        cmp -s "src/$file" "$MINIMODEL_HOME/models/me/$1/1/files/$file" || { not_ok "$2" "$file differs"; return; }
    done
    ok "$2"
}

# ---- one medium ----

describe one
run media-export stick src/m.manifest
expect 'a model goes onto a stick' 0 'signature: verified' 'cut-artifacts: 0' 'state: complete'
same 'every byte was copied' "$(cat src/model.gguf src/large.bin src/notes.txt src/empty.txt | wc -c)" "$(fact copied-bytes)"
sums stick && ok 'SHA256SUMS names every file, and sha256sum agrees' || not_ok 'SHA256SUMS names every file, and sha256sum agrees'
same 'the key is there, and the read-me says what it is worth' 1 "$([ -f "stick/keys/me/$KEY.pub" ] && grep -c 'Nothing here is trusted by being here' stick/READ-ME-FIRST.txt)"
for word in 'sha256sum -c' 'shasum -a 256' Get-FileHash certutil 'minisign -V'; do
    run grep -F "$word" stick/READ-ME-FIRST.txt
    expect "the read-me has a recipe with $word" 0
done
run slm-verify -q stick/models/me/one/1/manifest stick/models/me/one/1/files
expect 'what is there can be verified where it stands' 0
run slm-import -q stick
expect 'the stick is imported' 0 'state: imported'
stored one 'and the store has it'
run media-export stick src/m.manifest
expect 'a complete medium is left alone' 1 '[media-complete]'
rm stick/SHA256SUMS stick/models/me/one/1/files/notes.txt && changed stick/models/me/one/1/files/large.bin 70000
run media-export stick src/m.manifest
expect 'an incomplete one is completed' 0 'state: complete'
same 'what was right is kept' "$(cat src/large.bin src/notes.txt | wc -c)" "$(fact copied-bytes)"
sums stick && ok 'and it is whole' || not_ok 'and it is whole'
cp -r stick before && run media-export -q --force stick src/m.manifest
expect '--force writes it again' 0 'copied-bytes: 0'
run diff -r before stick
expect 'with the same bytes' 0
run media-export -q again src/m.manifest
run diff -r again stick
expect 'and so does another export' 0

# ---- sources of other kinds ----

run media-export -q from-store home/models/me/one/1
run diff -r from-store/models stick/models
expect "a store's model is a source" 0
run media-export -q from-stick stick
run diff -r from-stick stick
expect 'and so is a medium' 0

# ---- several media ----

describe two
run media-export --capacity 2560K sticks src/m.manifest
expect 'a model is spread over media' 0 'cut-artifacts: 1' 'medium: sticks/2' 'first-medium: 1' 'last-medium: 3'
same 'no chunk was copied twice' "$(cat src/model.gguf src/large.bin src/notes.txt src/empty.txt | wc -c)" "$(fact copied-bytes)"
for i in 1 2 3; do
    sums "sticks/$i" && ok "medium $i is complete" || not_ok "medium $i is complete"
    size=$(find "sticks/$i" -printf '%s\n' | awk '{ n += int(($1 + 32767) / 32768) * 32768 } END { print n }')
    if [ "$size" -le 2621440 ]; then ok "medium $i fits, clusters of 32 KiB counted"; else not_ok "medium $i fits" "$size"; fi
done
same 'each has the manifest' 3 "$(find sticks -name manifest | wc -l | tr -d ' ')"
MINIMODEL_HOME=$WORK/second
run slm-import -q sticks/3
expect 'the last alone does not make the model' 1 '[store-chunk]' 'state: failed'
first=$(fact copied-bytes)
run slm-import -q sticks/1
expect 'nor does the first' 1 'state: failed'
second=$(fact copied-bytes)
run slm-import -q sticks/2
expect 'with the second it is whole' 0 'state: imported'
stored two 'and right'
same 'nothing came twice' "$(cat src/model.gguf src/large.bin src/notes.txt src/empty.txt | wc -c)" "$((first + second + $(fact copied-bytes)))"
MINIMODEL_HOME=$WORK/third
run slm-import -q sticks/2 sticks/3 sticks/1
expect 'all at once, in another order' 0 'state: imported'
stored two 'are the same'
MINIMODEL_HOME=$WORK/home

# ---- chunk sets ----

describe three
run media-export -q --chunkset cut src/m.manifest
expect 'everything in chunks' 0 'cut-artifacts: 3' 'whole-artifacts: 1'
same 'but for the empty file there are no whole ones' "$(find cut/models/me/three/1/files -maxdepth 1 -type f ! -name '*.chunks' | sed 's|.*/||')" empty.txt
MINIMODEL_HOME=$WORK/fourth
run slm-import -q cut
expect 'is imported too' 0 'state: imported'
stored three 'with the same bytes'
MINIMODEL_HOME=$WORK/home
(sed 1,6d cut/models/me/three/1/files/large.bin.chunks | while read -r hash; do cat "cut/models/me/three/1/files/large.bin.chunkset/$(echo "$hash" | cut -c 1-2)/$hash"; done) >joined
run cmp joined src/large.bin
expect 'and cat joins them as the read-me says' 0
run media-export -q --file-limit 1MB limited src/m.manifest
expect '--file-limit cuts what is larger' 0 'cut-artifacts: 1'

# ---- chunk sets as sources ----

run media-export -q from-cut cut
expect 'a medium in chunks is a source, small artifacts too' 0 'state: complete'
for file in model.gguf large.bin notes.txt; do cmp "src/$file" "from-cut/models/me/three/1/files/$file"; done >cmp.out 2>&1
same 'with the same bytes' '' "$(cat cmp.out)"
mkdir one-chunk && cp src/model.gguf src/notes.txt one-chunk/
manifest-make -q -s 4M --model-id me/small --version 1 --license MIT --takedown-route mailto:a@example.org --source-lane original \
    --key-id "$KEY" --license-route notes.txt --model-card-route notes.txt one-chunk >small.manifest 2>/dev/null && mv small.manifest one-chunk/m.manifest &&
    manifest-sign -q -s me.key one-chunk/m.manifest >/dev/null || not_ok 'a signed manifest'
media-export -q --chunkset small-cut one-chunk/m.manifest >/dev/null
run media-export -q --chunkset small-again small-cut/models/me/small/1/manifest
expect 'so is its model, all of one chunk' 0 'state: complete'
run diff -r small-cut small-again
expect 'and nothing differs' 0
changed "$(find small-cut -path '*model.gguf.chunkset*' -type f)" 5
run media-export -q small-wrong small-cut
expect 'a wrong only chunk is no export' 1 '[verify-sha256]' 'state: incomplete'

# ---- what is not complete does not say so ----

mkdir linked && ln -s /tmp linked/keys
run media-export -q linked src/m.manifest
expect 'a medium that cannot be begun is incomplete' 3 '[io-not-regular]' 'state: incomplete'
same 'and has no index' '' "$(ls linked/SHA256SUMS 2>/dev/null)"
mkdir -p unindexed/SHA256SUMS/full
run media-export -q --force unindexed src/m.manifest
expect 'nor is one whose index cannot be written' 3 'state: incomplete'

# ---- some media complete, others not ----

run media-export -q --capacity 2560K partly src/m.manifest
expect 'an export on several media' 0 'medium: partly/3'
rm partly/2/SHA256SUMS partly/2/models/me/three/1/manifest && before=$(stat -c %i partly/1/models/me/three/1/manifest)
run media-export -q --capacity 2560K partly src/m.manifest
expect 'that was interrupted between two is gone on with' 0 'copied-bytes: 0'
same 'all are complete then, and what was right is kept' "3 $before" "$(grep -c 'state: complete' "$WORK/.out") $(stat -c %i partly/1/models/me/three/1/manifest)"
sums partly/1 && sums partly/2 && sums partly/3 && ok 'as their indexes say' || not_ok 'as their indexes say'
run media-export -q --capacity 2560K partly src/m.manifest
expect 'and left alone when all of it is there' 1 '[media-complete]'
rm partly/1/SHA256SUMS && cp -r src partly.src && rm partly.src/large.bin && changed partly/3/READ-ME-FIRST.txt 5
run media-export -q --capacity 2560K partly src/m.manifest
expect 'a complete one of another export is not touched' 1 'partly/3: error:' 'of another export' '[media-complete]'
rm partly/3/SHA256SUMS && media-export -q --capacity 2560K partly src/m.manifest >/dev/null && rm partly/1/SHA256SUMS
find partly/1 -name '*.bin' -exec rm {} + && find partly -path '*large.bin.chunkset*' -type f -exec rm {} +
run media-export -q --capacity 2560K partly partly.src/m.manifest
expect 'what lacks is no complete medium' 1 '[verify-absent]' 'medium: partly/1'

# ---- another export over it ----

describe three-b
mkdir three-b && cp -r src/. three-b/ && describe three
media-export -q over three-b/m.manifest >/dev/null && mkdir -p over/models/mine && echo mine >over/models/mine/own.txt && echo text >over/letter.txt
mkdir outside && echo kept >outside/kept && cp outside/kept kept
for path in letter.txt ../kept models/../letter.txt "$WORK/kept" models/me/./own models//own 'models/mine/own.txt\' SHA256SUMS/x; do
    printf '%064d  %s\n' 0 "$path"
done >>over/SHA256SUMS
run media-export -q --force over src/m.manifest
expect '--force with another model' 0 'state: complete'
same 'takes the earlier one away' 'three ' "$(ls over/models/me | tr '\n' ' ')"
same 'and nothing that an index may not name' 'kept mine text' "$(echo "$(cat kept) $(cat over/models/mine/own.txt) $(cat over/letter.txt)")"
rm -r over/models/mine over/letter.txt
sums over && ok 'the index names all that is there' || not_ok 'the index names all that is there'
run media-export -q fresh src/m.manifest
run diff -r over fresh
expect 'as on an empty medium' 0
run media-export -q --force --chunkset over over
expect 'a medium is written again from itself' 0 'state: complete'
sums over && ok 'whole files are gone when chunks are there' || not_ok 'whole files are gone when chunks are there'
run diff -r over cut
expect 'as if it had been cut at first' 0
mkdir -p over/models/me/three/1/files && ln -s "$WORK/outside" over/models/me/link && printf '%064d  models/me/link/kept\n' 0 >>over/SHA256SUMS
run media-export -q --force over src/m.manifest
expect 'a link on it is refused' 3 '[io-not-regular]' 'state: incomplete'
rm over/models/me/link
run media-export -q over src/m.manifest
expect 'what was begun with --force is gone on with' 0 'state: complete'
sums over && ok 'to its end' || not_ok 'to its end'
run diff -r over fresh
expect 'with the same bytes as ever' 0
same 'behind no link was anything removed' kept "$(cat outside/kept)"
media-export -q --capacity 2560K behind src/m.manifest >/dev/null
run media-export -q --force --capacity 8M behind src/m.manifest
expect 'media behind the last one are named' 1 'found 2 of an earlier export' '[media-surplus]'
same 'and nothing was changed' 3 "$(find behind -name SHA256SUMS | wc -l | tr -d ' ')"
rm -r behind/2 behind/3
run media-export -q --force --capacity 8M behind src/m.manifest
expect 'without them it is written' 0 'state: complete'
sums behind/1 && ok 'and has what its index names' || not_ok 'and has what its index names'
if [ -w /dev/shm ] && [ "$(stat -c %d /dev/shm)" != "$(stat -c %d "$WORK")" ]; then
    shm=$(mktemp -d /dev/shm/media.XXXXXX)
    media-export -q "$shm/m" three-b/m.manifest >/dev/null
    run media-export -q --force "$shm/m" partly.src/m.manifest
    expect 'on another device room is made first' 1 '[verify-absent]'
    same 'before anything is copied' 'three ' "$(ls "$shm/m/models/me" | tr '\n' ' ')"
    run media-export -q "$shm/m" src/m.manifest
    expect 'and the export is gone on with' 0 'state: complete'
    run diff -r "$shm/m" fresh
    expect 'to the same medium' 0
    rm -rf "$shm"
else
    skip 'room on another device' '/dev/shm is none'
fi

# ---- two models with files of the same names ----

describe four
cp src/m.manifest four.manifest
cp src/m.manifest.minisig four.manifest.minisig
mkdir other && cp four.manifest* other/ && cp src/*.gguf src/*.bin src/*.txt other/
changed src/large.bin 5 && describe five
run media-export -q both other/four.manifest src/m.manifest
expect 'two models go onto one stick' 0 'models: 2'
run slm-import -q both
expect 'and come from it' 0 'state: imported'
same 'each with its own files' "$(cat other/large.bin src/large.bin | sha256sum)" "$(cat home/models/me/four/1/files/large.bin home/models/me/five/1/files/large.bin | sha256sum)"
same 'the second from its own folder alone' "$(wc -c <src/large.bin)" "$(fact read-bytes | sort -n | tail -n 1)"

# ---- what is wrong ----

describe six
cp -r src broken && changed broken/large.bin 70000
run media-export -q wrong broken/m.manifest
expect 'a wrong byte is no export' 1 '[verify-sha256]' 'state: incomplete'
same 'the file does not appear, nor an index' '' "$(ls wrong/SHA256SUMS wrong/models/me/six/1/files/large.bin 2>/dev/null)"
cp -r src listed && chunk-merkle -s 64K -l listed/large.bin.chunks listed/large.bin >/dev/null && changed listed/large.bin 70000
run media-export -q wrong2 listed/m.manifest
expect 'with a chunk list the chunk is named' 1 'expected chunk 1 of large.bin' '[chunk-wrong]'
cp -r src forged && sed 's/^version: 1/version: 2/' src/m.manifest >forged/m.manifest
run media-export -q wrong3 forged/m.manifest
expect 'a wrong signature is not exported' 1 '[signature-'
same 'and nothing is written' '' "$(find wrong3 -type f)"
rm -rf lacking && cp -r src lacking && rm lacking/notes.txt
run media-export -q wrong4 lacking/m.manifest
expect 'nor is a model that lacks a file' 1 '[verify-absent]'
run media-export -q --capacity 100K tiny src/m.manifest
expect 'media too small for anything are refused' 3 '[io-limit]'
run media-export -q none.d nothing.manifest
expect 'a manifest that is not there' 3
cp "$BIN/slm-verify" . && mkdir dynamic && cp slm-verify dynamic/
run media-export -q --tools dynamic wrong5 src/m.manifest
expect 'binaries that need libraries are no tools' 1 '[media-tool]'

# ---- damaged on the way ----

describe seven
media-export -q damaged src/m.manifest >/dev/null
changed damaged/models/me/seven/1/files/large.bin 70000
MINIMODEL_HOME=$WORK/fifth
run slm-import -q damaged
expect 'damage on the way is found' 1 '[store-chunk]' 'chunk 1 '
media-export -q --chunkset second src/m.manifest >/dev/null
run slm-import -q second
expect 'and a second stick mends it' 0 'state: imported' 'copied-bytes: 65536'
stored seven 'rightly'

MINIMODEL_HOME=$WORK/home

# ---- signatures and revocations ----

describe eight
media-export -q unsigned src/m.manifest >/dev/null && media-export -q signed src/m.manifest >/dev/null
rm unsigned/models/me/eight/1/manifest.minisig
run slm-import -q unsigned
expect 'a signature that was lost is missed' 1 '[signature-missing]'
run slm-import -q unsigned signed
expect 'and found on the other stick' 0 'state: imported'
run env MINIMODEL_KEYRING="$WORK/nobody" slm-import -q --home elsewhere signed
expect 'keys on a stick are not trusted by being there' 1 '[signature-unknown-key]'
describe nine
media-export -q revoked src/m.manifest >/dev/null
mkdir -p revoked/revocations/me revoked/revocations/stranger && cp "$KEY.revoked" "$KEY.revoked.minisig" revoked/revocations/me/
cp "$KEY.revoked" "$KEY.revoked.minisig" revoked/revocations/stranger/
cp "$KEY.revoked" revoked/revocations/me/0000000000000000.revoked && echo none >revoked/revocations/me/0000000000000000.revoked.minisig
run slm-import revoked
expect 'a revocation on the stick counts at once' 1 'is revoked from now on' '[signature-revoked-key]' 'revoked/revocations/me/0000000000000000.revoked'
same 'the keyring has it, and nothing else' "$KEY.pub $KEY.revoked $KEY.revoked.minisig" "$(ls ring/me | tr '\n' ' ' | sed 's/ $//')"
same 'and knows no stranger' me "$(ls ring)"
run media-export -q late src/m.manifest
expect 'what a revoked key signed is not exported any more' 1 '[signature-revoked-key]'
# ---- media that are not what they ought to be ----

MINIMODEL_KEYRING=$WORK/ring2 MINIMODEL_HOME=$WORK/home2
mkdir ring2 && key-trust -q add --trust-on-first-use me me.pub >/dev/null
mkdir plain && cp src/notes.txt plain/ && printf 'minimodel' >plain/w.bin
# plain NAME: a small signed model me/NAME on the stick st
plain() {
    rm -f plain/m.manifest*
    manifest-make -q --model-id "me/$1" --version 1 --license MIT --takedown-route mailto:a@example.org --source-lane original -r w.bin=weights \
        --key-id "$KEY" --license-route notes.txt --model-card-route notes.txt plain >p.manifest 2>/dev/null && mv p.manifest plain/m.manifest && manifest-sign -q -s me.key plain/m.manifest >/dev/null
    media-export -q "st.$1" plain/m.manifest >/dev/null && mkdir -p st && cp -r "st.$1/." st/
}
plain a && plain b && plain c
# bring FOLDER: the key's own revocation
bring() { mkdir -p "$1/revocations/me" && cp "$KEY.revoked" "$KEY.revoked.minisig" "$1/revocations/me/"; }
# imported NAME EXIT TEXT...: what slm-import says of the stick try, with a new store
imported() {
    name=$1 wanted=$2
    shift 2
    chmod -R u+w home2 2>/dev/null
    rm -rf home2
    run slm-import try
    expect "$name" "$wanted" "$@"
}
stick() { rm -rf try && cp -r st try; }

stick && cp try/models/me/b/1/manifest try/models/me/b/1/x.manifest
imported 'a model that cannot be used is named' 1 'try/models/me/b/1: error: expected one manifest' 'model-id: me/a' 'model-id: me/c'
same 'and hides no other' 2 "$(grep -c '^state: imported' "$WORK/.out")"
bring try
imported 'nor a revocation' 1 'is revoked from now on' '[signature-revoked-key]'
same 'so that nothing comes in' 0 "$(grep -c '^state: imported' "$WORK/.out")"

rm -rf ring2/me/*.revoked*
key-trust -q revoke me "$KEY" --reason 'no longer used' --time 2030-01-01T00:00:00Z >/dev/null
stick && bring try
imported 'a stricter revocation takes the place of a milder one' 1 'is revoked from now on: compromised'
same 'in the keyring too' 1 "$(grep -c '^reason: compromised' "ring2/me/$KEY.revoked")"

rm -rf ring2/me/*.revoked*
stick && bring try && rm "try/revocations/me/$KEY.revoked.minisig"
imported 'a revocation that nobody signed counts nothing, and is named' 0 "try/revocations/me/$KEY.revoked: note: cannot open $KEY.revoked.minisig" 'state: imported'
mkfifo "try/revocations/me/$KEY.revoked.minisig"
imported 'one that cannot be read may be right: nothing is imported' 3 '[io-open]'
stick && bring try && cp plain/m.manifest plain/m.manifest.minisig try/
imported 'a manifest beside models does not hide what is revoked' 1 'is revoked from now on'
rm -rf ring2/me/*.revoked*
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
    stick && bring try
    run unshare -m sh -c 'mount --bind ring2 ring2 && mount -o remount,ro,bind ring2 && slm-import -q --home home3 try'
    expect 'where a revocation cannot be kept nothing is imported' 3
    same 'nothing' '' "$(find home3/models -type f 2>/dev/null)"
else
    skip 'where a revocation cannot be kept nothing is imported' 'no mount namespace here'
fi

stick && rm -rf other.st && cp -r try other.st
cp try/models/me/b/1/manifest.minisig try/models/me/a/1/manifest.minisig
chmod -R u+w home2 2>/dev/null; rm -rf home2
run slm-import -q try other.st
expect 'a signature that does not hold, on the first medium' 0
same 'is passed over where another one has it' 3 "$(grep -c '^state: imported' "$WORK/.out")"
run slm-import -q --home home4 try
expect 'and refused where none has' 1 '[signature-'
