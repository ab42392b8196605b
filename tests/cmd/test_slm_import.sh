#!/bin/sh
# slm-import: nothing wrong gets in, whatever the source is, and nothing appears under models/ before all of it is right.
. "$(dirname "$0")/harness.sh"
need slm-import python3 || exit 0
HELP=$ROOT/tests/cmd/imports.py
MINIMODEL_HOME=$WORK/case/home
SOURCE_DATE_EPOCH=1700000000
export MINIMODEL_HOME SOURCE_DATE_EPOCH

# fresh: an empty store, and src/ with a model in 64 KiB chunks, its list and its manifest
fresh() {
    cd "$WORK" && chmod -R u+rwx case 2>/dev/null
    rm -rf case && mkdir -p case/src && cd case || exit 1
    cp "$MODEL" src/model.gguf && chmod u+w src/model.gguf
    describe src model.gguf
}

# describe FOLDER FILE...: writes FOLDER/m.manifest and chunk lists
describe() {
    (cd "$1" && shift && rm -f m.manifest && manifest-make --force -q -p -s 64K --model-id local/model --chunk-lists . "$@" >m.manifest) || not_ok "a manifest of $*"
}

# unlisted FOLDER: the manifest names no chunk list, and there is none
unlisted() {
    grep -v '^chunk-list' "$1/m.manifest" >"$1/m.new" && mv "$1/m.new" "$1/m.manifest" && rm -f "$1"/*.chunks "$1"/*.chunks.gz
}

. "$ROOT/tests/cmd/imports.sh"

# ---- where a model comes from ----

fresh
take src/m.manifest
expect 'a manifest is a source' 0 'state: imported' 'copied-bytes: 406016'
same 'the path that is printed holds the manifest' "$(sha256sum <src/m.manifest)" "$(sha256sum <"$(fact path)/manifest")"
same 'and the artifact' "$(sha256sum <src/model.gguf)" "$(sha256sum <"$(fact path)/files/model.gguf")"
same 'files are read-only' 0 "$(find home/models -type f -perm /222 | wc -l | tr -d ' ')"
sound 'from a manifest'
same 'the receipt that is printed is there' 1 "$(find home/receipts -name '*.receipt' | wc -l | tr -d ' ')"
take src
expect 'a second time it is there' 0 'state: there' 'read-bytes: 0'
same 'and no receipt was written' 1 "$(find home/receipts -name '*.receipt' | wc -l | tr -d ' ')"
run slm-import -q --allow-unsigned --home other home/models/local/model/1
expect "a model's folder of a store is a source" 0 'state: imported'
run slm-import -q --allow-unsigned --home third home/models/local/model/1/manifest
expect 'and so is its manifest' 0 'state: imported'

fresh
take src
expect 'a folder is a source' 0 'state: imported'
sound 'from a folder'
fresh
(cd src && slm-import -q --allow-unsigned . >/dev/null)
same 'the folder may be where one stands' 0 "$?"
fresh
chmod -R a-w src
take src
expect 'a read-only folder is a source' 0 'state: imported'
chmod -R u+w src
sound 'from a read-only folder'

fresh
mkdir model-side && mv src/model.gguf model-side
take src model-side
expect 'manifest and artifact may come from two sources' 0 'state: imported'
sound 'from two sources'
fresh
mkdir model-side && mv src/model.gguf model-side
take model-side
expect 'a source without a manifest is none' 1 '[store-source]'
none 'no manifest'
fresh
cp src/m.manifest src/second.manifest
take src
expect 'of two manifests in a folder one has to be named' 1 '[store-source]'
take src/m.manifest
expect 'and then it is taken' 0 'state: imported'
fresh
cp -r src twin
take src twin
expect 'the same manifest twice is one import' 0 'state: imported'
same 'and one receipt' 1 "$(find home/receipts -name '*.receipt' | wc -l | tr -d ' ')"

fresh
mkdir two && cp src/model.gguf two/ && (cd two && manifest-make -q -p --model-id local/second -s 64K model.gguf >m.manifest)
take --json src two
same '--json has its keys' 2 "$(python3 "$HELP" lines state model-id revision manifest-sha256 total-bytes read-bytes copied-bytes kept-bytes reused-bytes linked-bytes path receipt <"$WORK/.out" 2>&1)"
expect 'two models are imported in one call' 0 '"model-id":"local/model"' '"model-id":"local/second"'
same 'the equal artifact of the second is reused' '"reused-bytes":406016' "$(tail -n 1 "$WORK/.out" | grep -o '"reused-bytes":[0-9]*')"
same 'and is one file' 2 "$(stat -c %h home/models/local/second/1/files/model.gguf 2>/dev/null || stat -f %l home/models/local/second/1/files/model.gguf)"
sound 'two models'

for wrong in nothing /dev/null '' src/model.gguf; do
    fresh
    take "$wrong"
    if [ "$status" = 1 ] || [ "$status" = 3 ]; then ok "'$wrong' is no source"; else not_ok "'$wrong' is no source" "exit $status"; fi
    none "'$wrong'"
done
run slm-import
expect 'an import needs a source' 2 'usage:'
run slm-import --link --in-place src
expect '--link and --in-place exclude each other' 2 'usage:'
for option in --max-bytes=0 --max-bytes=-1 --max-bytes=x --medium=peer --bad-ranges=- --nonsense; do
    run slm-import "$option" src
    expect "$option is a usage error" 2 'usage:'
done

# ---- what has to be said, and when the answer is no before anything is read ----

fresh
run slm-import -q src
expect 'an unsigned manifest needs --allow-unsigned' 1 '[store-unsigned]'
none 'unsigned'
fresh
python3 "$HELP" edit src/m.manifest 'key-id: none' 'key-id: 0123456789ABCDEF'
python3 "$HELP" edit src/m.manifest 'signature-scheme: none' 'signature-scheme: minisign-ed25519-prehashed'
take src
if [ "$status" -eq 3 ] || [ "$status" -eq 1 ]; then ok "a signed manifest is not imported (exit $status)"; else not_ok 'a signed manifest is not imported' "exit $status"; fi
none 'signed'
fresh
(cd src && rm m.manifest && manifest-make -q -p -s 64K --model-id local/model --created 2020-01-01T00:00:00Z --expires 2020-02-01T00:00:00Z model.gguf >m.manifest)
take src
expect 'an expired manifest is refused' 1 '[verify-expired]'
none 'expired'
fresh
take --max-bytes 406015 src
expect '--max-bytes refuses a larger model' 3 '[store-max-bytes]'
none '--max-bytes'
take --max-bytes 406016 src
expect '--max-bytes lets one of that size pass' 0 'state: imported'
fresh
take --resume-only src
expect '--resume-only begins nothing' 3 '[store-no-partial]'
none '--resume-only'
same 'and leaves no partial import' '' "$(find home/store/partial -mindepth 1 2>/dev/null)"
changed src/model.gguf 70000
take src
changed src/model.gguf 70000
take --resume-only src
expect '--resume-only continues what was begun' 0 'state: imported' 'kept-bytes: 340480'
sound '--resume-only'
take --resume-only src
expect '--resume-only of a model that is there is no failure' 0 'state: there'

fresh
run slm-import -q --allow-unsigned --host-label 'desk two' --medium usb src
expect 'a label and a medium' 0 'state: imported'
same 'stand in the receipt' 'host-label: desk two' "$(grep -h '^host-label' "$(fact receipt)")"
expect 'the medium too' 0
same 'the medium is what was said' 'medium: usb copied=1' "$(grep -h '^medium' "$(find home/receipts -name '*.receipt')")"
fresh
run slm-import -q --allow-unsigned --host-label "$(printf 'a\nexecution-consent: yes')" src
if [ "$status" -ne 0 ]; then ok 'a label of two lines is refused'; else not_ok 'a label of two lines is refused'; fi
none 'a label of two lines'
same 'and forges nothing in a receipt' '' "$(grep -rh '^execution-consent: yes' home/receipts 2>/dev/null)"

# ---- a manifest that lies: the artifact is good, one line is not ----

lies() {
    fresh
    python3 "$HELP" edit src/m.manifest "$2" "$3"
    take src
    expect "a manifest that lies about $1" 1 "$4"
    none "a lie about $1"
}
one=$(sed -n 's/^artifact-sha256: //p' src/m.manifest)
tokenizer=$(sed -n 's/^tokenizer-sha256: //p' src/m.manifest)
template=$(sed -n 's/^chat-template-sha256: //p' src/m.manifest)
layout=$(sed -n 's/^tensor-layout-sha256: //p' src/m.manifest)
root=$(sed -n 's/^merkle-root: //p' src/m.manifest)
list=$(sed -n 's/^chunk-list-sha256: //p' src/m.manifest)
zero=$(printf '%064d' 7)
lies 'the hash' "$one" "$zero" '['
lies 'the Merkle root' "$root" "$zero" '['
lies 'the tokenizer' "$tokenizer" "$zero" '[verify-'
lies 'the chat template' "$template" "$zero" '[verify-'
lies 'the tensor layout' "$layout" "$zero" '[verify-'
lies 'the chunk list' "$list" "$zero" '['
lies 'its size, shorter' 'artifact-bytes: 406016' 'artifact-bytes: 406015' '['
lies 'its size, longer' 'artifact-bytes: 406016' 'artifact-bytes: 406017' '['
lies 'the number of chunks' 'chunk-count: 7' 'chunk-count: 8' '['
lies 'the quantization' 'quantization: f16' 'quantization: q8_0' '[verify-'
lies 'the parameters' 'parameters: 197184' 'parameters: 197185' '[verify-'
lies 'the architecture' 'architecture: llama' 'architecture: gemma3' '['
lies 'the shape' 'block_count=4' 'block_count=5' '[verify-'
lies 'the format' 'artifact-format: gguf' 'artifact-format: opaque' '['
lies 'its own grammar' 'revision: 1' 'revision: 01' '['
lies 'a path out of the source' 'artifact: model.gguf' 'artifact: ../model.gguf' '['

fresh
python3 "$ROOT/tests/cmd/build.py" refused src/refused && mv src/refused/pickle-4/README.md src/README.md && rm -rf src/refused
echo fine >src/fine.txt && describe src model.gguf fine.txt
cp src/README.md src/fine.txt && python3 "$ROOT/tests/cmd/build.py" rehash src/m.manifest src
take src/m.manifest
expect 'a pickle is refused though the manifest vouches for it' 1 '['
none 'a pickle'
same 'what is proved wrong for good is not kept' '' "$(find home/store/partial -mindepth 1 -name files 2>/dev/null)"

# ---- files that are not what the manifest has ----

for size in 0 1 65536 100000 406015; do
    fresh
    truncate -s $size src/model.gguf
    take src
    expect "a file cut to $size bytes is not imported" 1 '[store-chunk]'
    none "cut to $size"
    cp "$MODEL" src/model.gguf
    take src
    expect "the rest of $size bytes is taken from the whole file" 0 "kept-bytes: $((size / 65536 * 65536))"
    sound "after $size bytes"
done
fresh
printf x >>src/model.gguf
take src
expect 'a longer file is no source' 1
none 'longer'
rm src/model.gguf
take src
expect 'an absent file lacks' 1 '[store-chunk]'
none 'absent'
cp "$MODEL" src/model.gguf
take src
expect 'and comes later' 0 'state: imported'
sound 'absent first'

fresh
changed src/model.gguf 70000
changed src/model.gguf 400000
take --bad-ranges bad src
expect 'wrong chunks are named' 1 'chunk 1 bytes 65536-131071' 'chunk 6 bytes 393216-406015'
none 'wrong chunks'
same '--bad-ranges lists them' "$(printf '1\t65536\t65536\tmodel.gguf\n6\t393216\t12800\tmodel.gguf')" "$(cat bad)"
take --bad-ranges bad src
expect 'an existing bad-ranges file stays' 3 '[io-exists]'
take --bad-ranges bad --force src
expect 'unless --force' 1
mkdir good && cp "$MODEL" good/model.gguf
before=$(cat src/m.manifest)
take --bad-ranges src/m.manifest --force src
expect 'though nothing that holds something else' 3 '[io-exists]'
same 'which stays' "$before" "$(cat src/m.manifest)"
take --bad-ranges bad --force src good
expect 'a second source fills in what the first has wrong' 0 'state: imported' 'kept-bytes: 327680'
same 'and then no range is bad' 0 "$(wc -c <bad | tr -d ' ')"
sound 'wrong chunks, second source'
fresh
changed src/model.gguf 70000
mkdir good && cp "$MODEL" good/model.gguf
take src good
expect 'both sources in one call do the same' 0 'state: imported'
sound 'two sources at once'
fresh
changed src/model.gguf 70000
mkdir good && cp "$MODEL" good/model.gguf && changed good/model.gguf 300000
take src good
expect 'two files, each wrong elsewhere, make one' 0 'state: imported'
sound 'two wrong files'
fresh
changed src/model.gguf 70000
take src
cp "$MODEL" src/model.gguf
take src
expect 'the file of the same source, once right, is taken up' 0 'read-bytes: 65536' 'kept-bytes: 340480'
sound 'mended source'

fresh
unlisted src
changed src/model.gguf 70000
take src
expect 'without a list a wrong file is wrong as a whole' 1 '[verify-sha256]'
none 'no list'
cp "$MODEL" src/model.gguf
take src
expect 'and is read anew' 0 'state: imported'
sound 'no list'
fresh
unlisted src
truncate -s 200000 src/model.gguf
take src
none 'no list, cut'
cp "$MODEL" src/model.gguf
changed src/model.gguf 300000
take src
expect 'without a list kept bytes and others that do not fit fail' 1
none 'no list, cut and changed'
cp "$MODEL" src/model.gguf
take src
expect 'and a right file mends them' 0 'state: imported'
sound 'no list, mended'
fresh
unlisted src
mkdir two && cp "$MODEL" two/model.gguf && changed two/model.gguf 70000
head -c 100000 /dev/zero | tr '\0' a >src/a.txt
describe src a.txt model.gguf && unlisted src && mv src/model.gguf .
take src/m.manifest two
none 'one artifact of two is wrong'
mv model.gguf src/
take src
expect 'an artifact that was right stays for the next run' 0 'kept-bytes: 100000'
sound 'one of two wrong'

# ---- things that are no files ----

fresh
mv src/model.gguf outside && ln -s ../outside src/model.gguf
take src
expect 'a link out of the source is not followed' 1
none 'link out'
take --follow-links src
expect '--follow-links follows it' 0 'state: imported'
same 'and the store has a file, no link' '' "$(find home/models -type l)"
sound 'link out'
fresh
mv src/model.gguf src/real && ln -s real src/model.gguf
take src
expect 'a link within the source is followed' 0 'state: imported'
fresh
rm src/model.gguf && mkfifo src/model.gguf
run timeout 10 slm-import -q --allow-unsigned src
expect 'a FIFO is no file, and nothing waits for it' 1
none 'FIFO'
fresh
rm src/model.gguf && mkdir src/model.gguf
take src
expect 'a folder is no file' 1
none 'folder'
fresh
rm src/m.manifest && mkfifo src/m.manifest
run timeout 10 slm-import -q --allow-unsigned src
if [ "$status" = 1 ] || [ "$status" = 3 ]; then ok 'a FIFO is no manifest'; else not_ok 'a FIFO is no manifest' "exit $status"; fi
fresh
ln -s model.gguf src/loop && rm src/model.gguf && ln -s loop src/model.gguf
take src
expect 'a loop of links is no file' 1
none 'loop'

# ---- chunk sets ----

# set_of: src/ has a set instead of the file
set_of() { python3 "$HELP" set src/model.gguf 65536 src/model.gguf.chunkset "$@" && rm src/model.gguf; }

fresh
set_of
take src
expect 'a chunk set is a source' 0 'state: imported'
same 'the receipt says so' 'medium: chunkset copied=1' "$(grep -h '^medium' "$(fact receipt)")"
sound 'a chunk set'
fresh
set_of 2 5
take --bad-ranges bad src
expect 'a set that lacks chunks is not enough' 1 'chunk 2 bytes' 'chunk 5 bytes'
same 'they are listed' '2 5' "$(cut -f1 bad | tr '\n' ' ' | sed 's/ $//')"
none 'a set that lacks'
mkdir stick && python3 "$HELP" set "$MODEL" 65536 stick/model.gguf.chunkset 0 1 3 4
take src stick
expect 'another set has the rest' 0 'read-bytes: 131072' 'kept-bytes: 274944'
sound 'two half sets, one after the other'
fresh
set_of 0 2 4 6
mkdir stick && python3 "$HELP" set "$MODEL" 65536 stick/model.gguf.chunkset 1 3 5
take src stick
expect 'two half sets at once make one' 0 'copied-bytes: 406016'
sound 'two half sets'
fresh
set_of
mv src/model.gguf.chunkset there.chunkset
take src there.chunkset
expect 'a set may be given by itself' 0 'state: imported'
sound 'a set by itself'
fresh
set_of
mv src/model.gguf.chunkset there.chunkset
take src there.chunkset/
expect 'with a slash too' 0 'state: imported'
fresh
set_of
piece=$(find src/model.gguf.chunkset -type f | sort | head -n 1)
changed "$piece" 100
take src
expect 'a wrong chunk of a set is named' 1 '[store-chunk]'
none 'wrong chunk of a set'
changed "$piece" 100
take src
expect 'and is taken once it is right' 0 'read-bytes:' 'state: imported'
sound 'a wrong chunk of a set'
fresh
set_of
piece=$(find src/model.gguf.chunkset -type f | sort | head -n 1)
printf x >>"$piece"
take src
case $status in 0) sound 'a chunk with more behind it' ;; 1) none 'a chunk with more behind it' ;; *) not_ok 'a chunk with more behind it' "exit $status" ;; esac
fresh
set_of
: >"$(find src/model.gguf.chunkset -type f | sort | head -n 1)"
take src
expect 'an empty chunk lacks' 1 '[store-chunk]'
none 'an empty chunk'
fresh
set_of
piece=$(find src/model.gguf.chunkset -type f | sort | head -n 1)
mv "$piece" outside && ln -s "$WORK/case/outside" "$piece"
take src
expect 'a chunk that is a link out of the set lacks' 1 '[store-chunk]'
rm "$piece" && mkfifo "$piece"
run timeout 10 slm-import -q --allow-unsigned src
expect 'a chunk that is a FIFO lacks' 1 '[store-chunk]'
none 'no chunks'
fresh
set_of
mkdir elsewhere && mv src/model.gguf.chunkset elsewhere && ln -s ../elsewhere/model.gguf.chunkset src/model.gguf.chunkset
take src
expect 'a set that is a link out of the source is none' 1
none 'a set that is a link'

fresh
set_of
unlisted src
take src
expect 'without a list a set cannot be used' 1
none 'a set without a list'
chunk-merkle -q -s 64K -l src/model.gguf.chunks "$MODEL" >/dev/null
take src
expect 'a list that the manifest does not name serves too' 0 'state: imported'
same 'and is not published' '' "$(find home/models -name '*.chunks*')"
sound 'a list that is not named'
fresh
set_of
unlisted src
chunk-merkle -q -s 64K -l src/model.gguf.chunks "$MODEL" >/dev/null && gzip -n src/model.gguf.chunks
take src
expect 'a gzip list serves as well' 0 'state: imported'
same 'and is not published' '' "$(find home/models -name '*.chunks*')"
sound 'a gzip list'
fresh
set_of
gzip -n src/model.gguf.chunks
python3 "$HELP" edit src/m.manifest 'model.gguf.chunks' 'model.gguf.chunks.gz'
python3 "$HELP" edit src/m.manifest "$list" "$(sha256sum <src/model.gguf.chunks.gz | cut -d' ' -f1)"
take src
expect 'a gzip list that the manifest names' 0 'state: imported'
same 'is published as it is' "$(sha256sum <src/model.gguf.chunks.gz)" "$(sha256sum <home/models/local/model/1/files/model.gguf.chunks.gz)"
sound 'a named gzip list'
fresh
set_of
sed '$d' src/model.gguf.chunks >x && mv x src/model.gguf.chunks
take src
expect 'a list that was cut is none' 1
none 'a cut list'
fresh
set_of
tail -n 1 src/model.gguf.chunks >last && sed 's/^.*$/&/;7,8{h;d;}' src/model.gguf.chunks >x && mv x src/model.gguf.chunks
take src
expect 'a list without its first hashes is none' 1
none 'a list without hashes'

fresh
unlisted src
gzip -c "$MODEL" >/dev/null
changed src/model.gguf 70000
chunk-merkle -q -s 64K -l src/model.gguf.chunks "$MODEL" >/dev/null && gzip -n src/model.gguf.chunks
mkdir good && cp "$MODEL" good/
cp "$MODEL" good/model.gguf
take src
expect 'a gzip list that is not named tells the wrong chunk' 1 'chunk 1 bytes 65536-131071'
none 'a gzip list, wrong file'
take src good
expect 'and another source fills it in' 0 'state: imported'
sound 'a gzip list, two sources'
fresh
unlisted src
mkdir good && cp src/* good/ && chunk-merkle -q -s 64K -l good/model.gguf.chunks "$MODEL" >/dev/null
cp good/model.gguf.chunks src/ && gzip -n src/model.gguf.chunks
changed src/model.gguf 70000
take src
take good
expect 'a list of the first run and another of the second' 0 'state: imported'
same 'neither is published' '' "$(find home/models -name '*.chunks*')"
sound 'two kinds of lists'

fresh
truncate -s 1M src/zeros.bin
describe src --role zeros.bin=weights zeros.bin && rm src/model.gguf
python3 "$HELP" set src/zeros.bin 65536 src/zeros.bin.chunkset && rm src/zeros.bin
same 'equal chunks are one in a set' 1 "$(find src/zeros.bin.chunkset -type f | wc -l | tr -d ' ')"
take src
if [ "$status" = 0 ]; then ok 'a set of equal chunks is whole'; else not_ok 'a set of equal chunks is whole' "$err"; fi
sound 'equal chunks'

# a file that was cut, and a set that has the rest
fresh
python3 "$HELP" set src/model.gguf 65536 src/model.gguf.chunkset 0 1 2 && truncate -s 220000 src/model.gguf
take src
expect 'a cut file and a set make one' 0 'state: imported'
sound 'a cut file and a set'

# ---- links ----

fresh
take --link src
expect '--link on one file system' 0 'state: imported' 'linked-bytes: 406016' 'copied-bytes: 0'
case $(grep -h '^medium' "$(fact receipt)") in
*hard-linked=1)
    same 'is a second name' "$(stat -c %i src/model.gguf)" "$(stat -c %i home/models/local/model/1/files/model.gguf)"
    same 'and read-only' 444 "$(stat -c %a src/model.gguf)" ;;
*reflinked=1) ok 'is a reflink here' ;;
*) not_ok 'is a link' "$(grep -h '^medium' "$(fact receipt)")" ;;
esac
sound '--link'
chmod u+w src/model.gguf && changed src/model.gguf 5000
run slm-check -q
case $(grep -h '^medium' home/receipts/local/model/*) in
*hard-linked*) expect 'slm-check finds a change through the other name' 1 'fail' ;;
*) expect 'a reflinked file does not follow a change' 0 ;;
esac
fresh
changed src/model.gguf 70000
mkdir good && cp "$MODEL" good/model.gguf
wrong=$(sha256sum <src/model.gguf)
take --link src good
expect '--link of a wrong file is mended by a copy' 0 'state: imported'
same 'and the wrong source is left as it was' "$wrong" "$(sha256sum <src/model.gguf)"
sound '--link of a wrong file'
fresh
changed src/model.gguf 70000
mode=$(stat -c %a src/model.gguf)
take --link src
expect '--link of a wrong file alone fails' 1
none '--link of a wrong file'
same 'and the source keeps its mode' "$mode" "$(stat -c %a src/model.gguf)"
fresh
hash=$(sha256sum <src/m.manifest | cut -d' ' -f1)
mkdir -p home/store/partial/"$hash"/files && ln src/model.gguf home/store/partial/"$hash"/files/model.gguf
truncate -s 100000 src/model.gguf
mkdir good && cp "$MODEL" good/model.gguf
take src good
expect 'a link of an earlier run whose file was cut is no obstacle' 0 'state: imported'
same 'and the file is not written to' 100000 "$(wc -c <src/model.gguf | tr -d ' ')"
sound 'a link of an earlier run'

elsewhere=
for folder in /dev/shm /tmp /var/tmp; do
    if [ -w $folder ] && [ "$(stat -c %d $folder)" != "$(stat -c %d .)" ]; then elsewhere=$folder; fi
done
if [ "$elsewhere" ]; then
    fresh
    far=$(mktemp -d "$elsewhere/minimodel-test.XXXXXX")
    cp src/* "$far"
    run slm-import --allow-unsigned --link "$far"
    expect '--link from another file system copies' 0 'copied-bytes: 406016' '[store-not-linked]'
    rm -rf "$far"
    sound '--link from another file system'
else
    skip '--link from another file system' 'there is no other one'
fi

# ---- in place ----

fresh
take --in-place src
expect '--in-place copies nothing' 0 'copied-bytes: 0' 'linked-bytes: 406016'
same 'the artifact is a link' "$(readlink -f src/model.gguf)" "$(readlink home/models/local/model/1/files/model.gguf)"
same 'the receipt says where' "medium: in-place $(readlink -f src)" "$(grep -h '^medium' "$(fact receipt)")"
same 'and which file it is' "$(stat -c '%i %s' src/model.gguf)" "$(sed -n 's/^fingerprint: [0-9]* \([0-9]* [0-9]*\) .*/\1/p' "$(fact receipt)")"
sound '--in-place'
run slm-path local/model
expect 'slm-path names it' 0 'files/model.gguf'
changed src/model.gguf 5000
run slm-check -q
expect 'slm-check finds a change of the source' 1 'fail' '[verify-'
changed src/model.gguf 5000
run slm-check -q
expect 'and is content when it is undone' 0
rm src/model.gguf
run slm-check -q
if [ "$status" = 1 ] || [ "$status" = 3 ]; then ok 'slm-check finds that the source is gone'; else not_ok 'slm-check finds that the source is gone' "exit $status"; fi
run slm-path local/model
expect 'and slm-path does not name what is gone' 3 '[io-open]'
run slm-remove -q local/model
expect 'a model in place can be removed' 0
fresh
take --in-place src
run slm-remove -q local/model
if cmp -s "$MODEL" src/model.gguf; then ok 'removing it leaves the source alone'; else not_ok 'removing it leaves the source alone'; fi
for what in cut changed absent set; do
    fresh
    mkdir other
    case $what in
    cut) truncate -s 100000 src/model.gguf ;;
    changed) changed src/model.gguf 100000 ;;
    absent) rm src/model.gguf ;;
    set) set_of ;;
    esac
    take --in-place src other
    expect "--in-place of what is not there whole ($what)" 1
    none "--in-place ($what)"
done
fresh
mkdir other && mv src/model.gguf other
take --in-place src other
expect '--in-place of what another source has' 0 'copied-bytes: 0'
same 'leads there' "$(readlink -f other/model.gguf)" "$(readlink home/models/local/model/1/files/model.gguf)"
sound '--in-place from another source'
fresh
changed src/model.gguf 70000
take src
changed src/model.gguf 70000
take --in-place src
expect 'in place after a partial import' 0 'copied-bytes: 0'
sound 'in place after a partial import'

# ---- revisions ----

fresh
seq 1 150000 >src/big.txt
describe src big.txt model.gguf
take src
expect 'revision 1' 0 'state: imported'
cp -r src second && (cd second && sed '70000s/^.*$/-----/' big.txt >x && mv x big.txt && rm ./*.chunks &&
    manifest-make -q -p -f m.manifest -s 64K --chunk-lists . big.txt model.gguf >n.manifest && mv n.manifest m.manifest)
take second
expect 'revision 2' 0 'revision: 2' 'copied-bytes: 65536'
same 'takes only the chunk that is new' '65536' "$(fact read-bytes)"
same 'the rest is the store'\''s' "$(($(fact total-bytes) - 65536))" "$(fact reused-bytes)"
same 'the receipt counts' 'medium: file copied=1 reused=1 reused-chunks=14' "$(grep -h '^medium' "$(fact receipt)")"
sound 'two revisions'
cp -r src third && (cd third && rm m.manifest ./*.chunks && manifest-make -q -p -s 64K --model-id local/model --display-name other big.txt model.gguf >m.manifest)
take third
expect 'another manifest of a revision that is there is refused' 1 '[store-revision]'
sound 'another manifest'
python3 - home/models/local/model/1/files/big.txt <<'PY'
import os, sys
os.chmod(sys.argv[1], 0o644)
with open(sys.argv[1], 'r+b') as f:
    f.seek(10)
    f.write(b'xxx')
os.chmod(sys.argv[1], 0o444)
PY
run slm-remove -q local/model@2
take second
expect 'damaged chunks of the store are fetched from the source' 0 'state: imported'
run slm-check -q local/model@2
expect 'and what was imported is right' 0

# ---- what an earlier run left, and somebody meddled with ----

# begun: src/ was imported with a wrong chunk and is right again; $begun is the partial import
begun() {
    fresh
    changed src/model.gguf 70000
    take src
    changed src/model.gguf 70000
    begun=home/store/partial/$(sha256sum <src/m.manifest | cut -d' ' -f1)
}
for lacks in '' 'garbage' '5\t1\t1\tmodel.gguf\n3\t1\t1\tmodel.gguf\n3\t\t\tmodel.gguf\n' '99999999\t0\t0\tmodel.gguf\n' '1\t0\t0\t../../x\n' \
    '18446744073709551616\t0\t0\tmodel.gguf\n' '1\tmodel.gguf' '\t\t\t\n\n\n' '6\t0\t0\tmodel.gguf\n'; do
    begun
    # shellcheck disable=SC2059
    printf "$lacks" >"$begun/lacks"
    take src
    expect "whatever lacks says, the bytes decide: '$lacks'" 0 'state: imported'
    sound "lacks: '$lacks'"
done
begun
rm "$begun/lacks" && mkfifo "$begun/lacks"
run timeout 20 slm-import -q --allow-unsigned src
expect 'a FIFO that is called lacks' 0 'state: imported'
sound 'a FIFO that is called lacks'
begun
changed "$begun/files/model.gguf" 300000
take src
expect 'a kept chunk that changed is fetched again' 0 'state: imported'
sound 'a changed partial file'
begun
head -c 500000 /dev/zero >"$begun/files/model.gguf"
take src
expect 'a partial file that is too long is begun anew' 0 'kept-bytes: 0'
sound 'a long partial file'
begun
echo victim >victim
rm "$begun/files/model.gguf" && ln -s "$WORK/case/victim" "$begun/files/model.gguf"
take src
expect 'a partial file that is a link is not written through' 0 'state: imported'
same 'what it leads to stays' victim "$(cat victim)"
sound 'a partial file that is a link'
begun
mkdir elsewhere && rm -rf "$begun/files" && ln -s "$WORK/case/elsewhere" "$begun/files"
take src
expect 'a partial folder that is a link is refused' 3
same 'and nothing is written there' '' "$(ls elsewhere)"
none 'a partial folder that is a link'
begun
rm -rf home/store/partial && ln -s "$WORK/case/elsewhere" home/store/partial && mkdir elsewhere
take src
if [ "$status" -eq 3 ] || [ -z "$(ls elsewhere)" ]; then ok 'store/partial may not lead out of the store'; else skip 'store/partial may not lead out of the store' 'there is no sandbox here'; fi

# ---- folders in a model, users without rights ----

fresh
mkdir -p src/sub/deep && seq 1 30000 >src/sub/deep/a.txt && echo x >src/sub/b.txt
(rm src/m.manifest src/*.chunks && manifest-make -q -p -s 64K --model-id local/model --chunk-lists src src >all.manifest && mv all.manifest src/m.manifest) || not_ok 'a manifest of folders'
take src
expect 'a model with folders' 0 'state: imported'
sound 'a model with folders'
take --home other --in-place src
expect 'a model with folders, in place' 0 'state: imported'
run slm-check -q --home other
expect 'passes too' 0
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null 2>&1; then
    as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
    fresh
    mkdir -m 777 home && chmod a+rx "$WORK" && chmod -R a+rX src && chmod 000 src/model.gguf
    if as_nobody "$BIN/slm-list" -q >/dev/null 2>&1; then
        run as_nobody "$BIN/slm-import" -q --allow-unsigned src
        expect 'a file that may not be read is a do-not-know' 3 'Permission denied' '[io-read]'
        none 'a file that may not be read'
        chmod 444 src/model.gguf && chmod 555 home
        run as_nobody "$BIN/slm-import" -q --allow-unsigned src
        expect 'a store that may not be written to' 3
        chmod 777 home
        wrong=
        for fault in rename:1 rename:2 rename:3 fsync:4 fsync:8 fsync:10 mode:2 mode:3; do
            [ -x "$BUILD/fault/slm-import" ] || continue
            rm -rf home && mkdir -m 777 home
            FAULT=$fault:5 as_nobody "$BUILD/fault/slm-import" -q --allow-unsigned src >/dev/null 2>&1
            as_nobody "$BIN/slm-import" -q --allow-unsigned src >/dev/null 2>&1 || wrong="$wrong $fault"
        done
        same 'files that are read-only already do not keep their owner from going on' '' "$wrong"
    else
        skip 'a user without rights' 'nobody cannot run the commands here'
    fi
else
    skip 'a user without rights' 'this needs root and setpriv'
fi

# ---- a store that cannot be had ----

fresh
echo >home
take src
expect 'a store that is a file' 3 '[store-home]'
rm home && mkdir home && echo >home/models
take src
if [ "$status" = 3 ] || [ "$status" = 1 ]; then ok 'models as a file fails'; else not_ok 'models as a file fails' "exit $status"; fi
rm home/models && mkdir -p home/models/local/model/1/files
take src
if [ "$status" = 3 ] || [ "$status" = 1 ]; then ok 'a model folder without a manifest is not overwritten'; else not_ok 'a model folder without a manifest is not overwritten' "exit $status"; fi
run env -u MINIMODEL_HOME HOME="$WORK/case/person" XDG_DATA_HOME= slm-import -q --allow-unsigned src
expect 'without MINIMODEL_HOME the store is in HOME' 0 "$WORK/case/person/.local/share/minimodel/models"
run env -u MINIMODEL_HOME HOME="$WORK/case/person" XDG_DATA_HOME="$WORK/case/data" slm-import -q --allow-unsigned src
expect 'or in XDG_DATA_HOME' 0 "$WORK/case/data/minimodel/models"
