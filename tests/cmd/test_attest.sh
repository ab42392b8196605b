#!/bin/sh
# manifest-make --attest: what others say of files is compared while they are described, each kind agreeing, disagreeing, foreign and
# damaged.
. "$(dirname "$0")/harness.sh"
need attest python3 || exit 0
SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH
mkdir -p m/sub elsewhere && cp "$MODEL" m/model.gguf && echo '# Card' >m/README.md && echo '{}' >m/sub/config.json
FILES="model.gguf README.md sub/config.json"
ZEROS=$(printf %064d 0)
say() { python3 -B "$ROOT/tests/cmd/attest.py" "$@"; }
hash_of() { sha256sum <"$1" | cut -d' ' -f1; }
make() { run manifest-make -p "$@"; }
evidence() { printf '%s\n' "$out" | sed -n 's/^evidence: //p'; }
make m
plain=$out

# agrees NAME KIND FILE N ARGUMENT...: FILE agrees with N artifacts of m, and is recorded
agrees() {
    name=$1 kind=$2 file=$3 count=$4
    shift 4
    make "$@" --attest "$file" m
    expect "$name" 0 "$file: note: agrees with $count of 3 artifacts [attest-agrees]"
    same "$name: it is recorded" "x-$kind pass $(hash_of "$file") -" "$(evidence)"
}

# refused NAME RULE FILE TEXT...: with FILE no manifest is made
refused() {
    name=$1 rule=$2 file=$3
    shift 3
    make --attest "$file" m
    expect "$name" 1 "$@" "[$rule]"
    same "$name: nothing is made" "" "$out"
    same "$name: that rule alone" "[$rule]" "$(printf '%s\n' "$err" | sed -n 's/.*: error: .* \(\[.*\]\)$/\1/p' | sort -u)"
}

# ---- the option ----

run manifest-make --attest
expect "--attest takes a file" 2
make --attest nothing m
expect "an attestation that is not there is no answer" 3 "[io-open]"
mkfifo pipe
make --attest pipe m
expect "nor is a pipe" 3 "[io-not-regular]"
make --attest-key x m
expect "--attest-key goes with --attest" 2
make --attest m m
expect "a folder without download metadata is no attestation" 1 "m: error: " "[attest-form]"
: >empty
refused "an empty file says nothing" attest-form empty
same "its rules are listed" 6 "$(manifest-make --rules | grep -c '^attest-')"

# ---- SHA256SUMS ----

# shellcheck disable=SC2086 # names without spaces
say sums m $FILES >SUMS
agrees "SHA256SUMS" sha256sums SUMS 3
same "but for its line the manifest is the same" "$plain" "$(printf '%s\n' "$out" | grep -v '^evidence: ')"
printf '%s\n' "$out" >made && run manifest-lint made
expect "the manifest is good" 0
run slm-verify made m
expect "and verifies" 0 "verdict: pass"
make -q --attest SUMS m
same "-q says nothing of what agrees" "" "$err"
make --attest SUMS --attest SUMS m
same "one file given twice is recorded once" "x-sha256sums pass $(hash_of SUMS) -" "$(evidence)"
make --attest SUMS --evidence "x-sha256sums pass $(hash_of SUMS) -" --evidence "derived pass - -" m
same "and beside evidence that is given" "derived pass - -
x-sha256sums pass $(hash_of SUMS) -" "$(evidence)"
run manifest-make -p --json --attest SUMS m
expect "--json has it too" 0 "\"evidence\":[\"x-sha256sums pass $(hash_of SUMS) -\"]"

(cd m && sha256sum $FILES) >plain.sums
same "the recipe writes what sha256sum does" "$(cat SUMS)" "$(cat plain.sums)"
(cd m && sha256sum -b $FILES) >binary.sums
agrees "sha256sum --binary" sha256sums binary.sums 3
(cd m && sha256sum --tag $FILES) >tag.sums
agrees "sha256sum --tag" sha256sums tag.sums 3
if need "shasum" shasum; then
    (cd m && shasum -a 256 $FILES) >shasum.sums
    agrees "shasum" sha256sums shasum.sums 3
fi
if need "openssl dgst" openssl; then
    (cd m && openssl dgst -sha256 $FILES) >openssl.sums
    agrees "openssl dgst" sha256sums openssl.sums 3
    (cd m && openssl dgst -sha256 -r $FILES) >openssl-r.sums
    agrees "openssl dgst -r" sha256sums openssl-r.sums 3
fi
sed 's/^\(.*\)  \(.*\)$/SHA256(\2)= \1/' SUMS >old-openssl.sums
agrees "the form of older openssl" sha256sums old-openssl.sums 3
sed 's/$/\r/' SUMS >crlf.sums
agrees "CR LF" sha256sums crlf.sums 3
sed 's/  /  .\//' SUMS >dot.sums
agrees "./ before names" sha256sums dot.sums 3
{ echo '# hashes'; echo; sed 's/^\([0-9a-f]*\)/\U\1/' SUMS; } >upper.sums
agrees "comments, an empty line and digits in upper case" sha256sums upper.sums 3
head -c -1 SUMS >no-feed.sums
agrees "no LF at the end" sha256sums no-feed.sums 3
sed -n 1p SUMS >one.sums
agrees "one of three" sha256sums one.sums 1

printf '%s  other.bin\n' "$ZEROS" >>one.sums
make --attest one.sums m
expect "other files are a note" 0 "one.sums: note: speaks of 'other.bin', which is not described [attest-other]" "agrees with 1 of 3"
seq 1 40 | sed "s/.*/$ZEROS  other-&/" >many.sums && cat SUMS >>many.sums
make --attest many.sums m
expect "many of them are counted" 0 "speaks of 24 more files that are not described"
same "sixteen are named" 17 "$(printf '%s\n' "$err" | grep -c attest-other)"
printf '%s  other.bin\n' "$ZEROS" >other.sums
refused "only other files is nothing" attest-nothing other.sums "one of 3 described files"

sed '2s/^./x/;2s/^x/0/' SUMS >differs.sums
[ "$(sed -n 2p SUMS | cut -c1)" = 0 ] && sed '2s/^./1/' SUMS >differs.sums
refused "another hash" attest-differs differs.sums "differs.sums:2:1: error: expected the SHA-256 $(sed -n 2p differs.sums | cut -c1-64) of 'README.md', found $(hash_of m/README.md)"
run manifest-make -p -o made.manifest --attest differs.sums m
if [ -e made.manifest ]; then not_ok "no output stands there"; else ok "no output stands there"; fi
cp differs.sums kept && cp SUMS m/.sums
for file in SUMS m/.sums; do
    cp $file before
    run manifest-make -p -o $file --force --attest $file m
    expect "an attestation is not replaced: $file" 3 "will not replace $file" "[io-exists]"
    same "it is what it was: $file" "$(cat before)" "$(cat $file)"
done
rm m/.sums
mkdir lists
run manifest-make -p --chunk-lists lists --attest differs.sums m
same "nor a chunk list" "" "$(find lists -type f)"
make --attest SUMS --attest differs.sums m
expect "one that agrees does not help" 1 "[attest-differs]"
sed "s/^[0-9a-f]*/$ZEROS/" SUMS >all.sums
make --attest all.sums m
same "every difference is named" 3 "$(printf '%s\n' "$err" | grep -c attest-differs)"

{ cat SUMS; sed "1s/^[0-9a-f]*/$ZEROS/;q" SUMS; } >twice.sums
refused "two hashes of one file" attest-form twice.sums "twice.sums:4:1: error: " "two different ones of 'model.gguf'"
{ cat SUMS; sed "1s/^[0-9a-f]*  /$ZEROS  .\//;q" SUMS; } >dotted.sums
refused "also under ./" attest-form dotted.sums "'model.gguf'"
for slashes in .// .//// ././/; do
    { cat SUMS; sed "1s:^[0-9a-f]*  :$ZEROS  $slashes:;q" SUMS; } >dotted.sums
    refused "and under $slashes" attest-form dotted.sums "'model.gguf'"
done
{ cat SUMS; cat SUMS; } >doubled.sums
agrees "the same said twice" sha256sums doubled.sums 3
while IFS='|' read -r name line; do
    { printf '%s' "$line" | tr '~' ' '; echo; } >bad.sums
    refused "$name" attest-form bad.sums "bad.sums:1:1: error: "
done <<EOT
a hash of 63 digits|${ZEROS#0}~~model.gguf
a hash of 65|0$ZEROS~~model.gguf
of SHA-512|$ZEROS$ZEROS~~model.gguf
of MD5|d41d8cd98f00b204e9800998ecf8427e~~model.gguf
MD5 with a tag|MD5~(model.gguf)~=~d41d8cd98f00b204e9800998ecf8427e
SHA512 with a tag|SHA512~(model.gguf)~=~$ZEROS$ZEROS
one space|$ZEROS~model.gguf
no name|$ZEROS~~
a tag without name|SHA256~()~=~$ZEROS
a tag without hash|SHA256~(model.gguf)~=~
no digits|${ZEROS#0}g~~model.gguf
an escape that is none|\\$ZEROS~~a\\qb
an escape that ends|\\$ZEROS~~a\\
words|hello
XML|<html>
EOT
printf '%s  a\0b\n' "$ZEROS" >nul.sums
refused "NUL" attest-form nul.sums "found NUL"
printf '%s  \033[31m\n' "$ZEROS" | cat SUMS - >escape.sums
make --attest escape.sums m
expect "control characters in names are shown escaped" 0 "speaks of '\\u{1b}[31m'"
printf '\\%s  a\\\\b\\nc\\rd\n' "$ZEROS" | cat SUMS - >escaped.sums
make --attest escaped.sums m
expect "escaped names are read" 0 "speaks of 'a\\\\b\\u{a}c\\u{d}d'" "agrees with 3 of 3"
printf '%s  /etc/passwd\n%s  ../m/model.gguf\n%s  sub/../model.gguf\n%s  ..\n' "$ZEROS" "$ZEROS" "$ZEROS" "$ZEROS" | cat SUMS - >far.sums
make --attest far.sums m
expect "absolute names and .. mean no file" 0 "speaks of '/etc/passwd'" "speaks of '../m/model.gguf'" "speaks of 'sub/../model.gguf'" "agrees with 3 of 3"
python3 -c "import sys; sys.stdout.write('$ZEROS  ' + 'a/' * 100000 + 'x\n' + '$ZEROS  ' + 'y' * 5000 + '\n')" | cat SUMS - >long.sums
make --attest long.sums m
expect "names without end" 0 "agrees with 3 of 3"
python3 -c "
import sys
for i in range(230000): sys.stdout.write('%064d  f%d\n' % (i, i))" >large.sums
cat SUMS >>large.sums
run timeout 60 manifest-make -p --attest large.sums m
expect "230000 names" 1 "[attest-form]"
head -n 200000 large.sums | cat - SUMS >large2.sums
in_memory 300000 timeout 60 manifest-make -p --attest large2.sums m
expect "200000 names in bounded memory" 0 "agrees with 3 of 3"
head -c 20000000 /dev/zero | tr '\0' '#' >huge.sums
refused "more than 16 MiB" attest-form huge.sums

run sh -c 'manifest-make -p --attest - m <SUMS'
expect "standard input" 0 "(standard input): note: agrees with 3 of 3 artifacts"
same "it is recorded by its bytes" "x-sha256sums pass $(hash_of SUMS) -" "$(evidence)"
run sh -c 'cat differs.sums | manifest-make -p --attest - m'
expect "a pipe that disagrees" 1 "(standard input):2:1: error: " "[attest-differs]"
run sh -c 'manifest-make -p --attest - --attest SUMS m <SUMS'
same "the same from there and from a file is one" "x-sha256sums pass $(hash_of SUMS) -" "$(evidence)"
run sh -c 'manifest-make -p --attest - m <&-'
expect "a closed one is no answer" 3

# ---- where names count from ----

sed 's/  /  m\//' SUMS >above.sums
agrees "names from the folder above" sha256sums above.sums 3
cp SUMS elsewhere/SUMS
agrees "names of the described folder, from elsewhere" sha256sums elsewhere/SUMS 3
cp SUMS elsewhere/with.sums && echo other >elsewhere/README.md
agrees "though a file of that name lies there" sha256sums elsewhere/with.sums 3
cp m/README.md m/sub/README.md && echo more >>m/sub/README.md
(cd m/sub && sha256sum README.md) >m.sub.sums && cp m.sub.sums m/sub/.sums
make --attest m/sub/.sums m
expect "in a subfolder its own files are meant first" 0 "agrees with 1 of 4"
rm m/sub/README.md m/sub/.sums
make --attest SUMS m/model.gguf
expect "a file alone is known by its path" 0 "agrees with 1 of 1"
(cd m && sha256sum sub/config.json model.gguf) >m/.sums
make --attest m/.sums m/sub/config.json m/model.gguf
expect "or by being the one" 0 "agrees with 2 of 2"
rm m/.sums
ln -s ../SUMS elsewhere/link.sums
agrees "the attestation itself may be a link" sha256sums elsewhere/link.sums 3
cp SUMS m/SHA256SUMS
make --attest m/SHA256SUMS m
expect "within the folder it is an artifact like others" 0 "artifact: SHA256SUMS" "agrees with 3 of 4"
rm m/SHA256SUMS
mkdir -p repo/m repo/other && cp m/README.md m/model.gguf repo/m && echo 'of the repository' >repo/README.md && echo 'of another model' >repo/other/README.md
(cd repo && sha256sum README.md */README.md m/model.gguf) >repo/SUMS
make --attest repo/SUMS repo/m
expect "a file above is not the model's of that name" 0 "speaks of 'README.md', which is not described" "agrees with 2 of 2"
cp repo/m/README.md repo/README.md && (cd repo && sha256sum README.md m/model.gguf) >repo/SUMS
make --attest repo/SUMS repo/m
expect "nor where it is equal" 0 "speaks of 'README.md', which is not described" "agrees with 1 of 2"
rm repo/README.md
make --attest repo/SUMS repo/m
expect "nor where it is gone" 0 "speaks of 'README.md', which is not described" "agrees with 1 of 2"
cp -r repo/m linked && ln linked/README.md linked/COPY.md && (cd linked && sha256sum *.md model.gguf) >linked/.sums
sed 's/  /  linked\//' linked/.sums >linked.sums
for file in linked/.sums linked.sums; do
    make --attest $file linked
    expect "several names of one file are told apart: $file" 0 "agrees with 3 of 3"
done
rm -r linked linked.sums repo
commit=0123456789012345678901234567890123456789
mkdir -p hub/models--a--b/blobs hub/models--a--b/refs hub/models--a--b/snapshots/$commit && printf %s $commit >hub/models--a--b/refs/main
for file in m/model.gguf SUMS; do
    cp $file "hub/models--a--b/blobs/$(hash_of $file)" && ln -s "../../blobs/$(hash_of $file)" "hub/models--a--b/snapshots/$commit/$(basename $file)"
done
for folder in hub/models--a--b hub/models--a--b/snapshots/$commit; do
    make --attest hub/models--a--b/snapshots/$commit/SUMS $folder
    expect "a snapshot's own links are followed: $folder" 0 "artifact: model.gguf" "agrees with 1 of 2"
done
python3 "$ROOT/tests/cmd/build.py" refused archives 2>/dev/null
zip=$(find archives -type f | sort | head -n 1) && cp "$zip" m/left.bin && (cd m && sha256sum model.gguf left.bin) >left.sums
make --attest left.sums m
expect "what is left out is not described" 0 "speaks of 'left.bin', which is left out"
rm m/left.bin

# ---- Git LFS pointers ----

mkdir clone && say pointer m/model.gguf >clone/model.gguf
agrees "a pointer" lfs-pointer clone/model.gguf 1
cp clone/model.gguf elsewhere/model.gguf.pointer
agrees "a pointer with the ending .pointer" lfs-pointer elsewhere/model.gguf.pointer 1
sed 's/git-lfs/hawser/' clone/model.gguf >elsewhere/model.gguf
agrees "a pointer with the older name" lfs-pointer elsewhere/model.gguf 1
if need "git-lfs" git-lfs; then
    mkdir lfs && git lfs pointer --file=m/model.gguf >lfs/model.gguf 2>/dev/null
    same "the recipe writes what git-lfs does" "$(cat clone/model.gguf)" "$(cat lfs/model.gguf)"
fi
pointed() { # NAME RULE SED TEXT...
    name=$1 rule=$2 change=$3
    shift 3
    mkdir -p changed && sed "$change" clone/model.gguf >changed/model.gguf
    refused "$name" "$rule" changed/model.gguf "$@"
}
pointed "a pointer to other bytes" attest-differs "s/sha256:.*/sha256:$ZEROS/" "changed/model.gguf:2:1: error: expected the SHA-256 $ZEROS of 'model.gguf'"
pointed "a pointer to another size" attest-differs 's/^size .*/size 7/' "expected the size 7 of 'model.gguf', found $(wc -c <m/model.gguf)"
pointed "a pointer with an extension" attest-form "1a ext-0-x sha256:$ZEROS" ":2:1: error: "
pointed "a pointer of another version" attest-form '1s/v1/v9/' ":1:1: error: "
pointed "a pointer with another hash" attest-form 's/sha256:/sha512:/' ":2:1: error: "
pointed "a pointer in upper case" attest-form "s/sha256:.*/sha256:$(printf %064d 0 | tr 0 A)/" ":2:1: error: "
pointed "a pointer without size" attest-form '/^size/d' ":3:1: error: "
pointed "a pointer with a size in words" attest-form 's/^size .*/size 0x10/' ":3:1: error: "
pointed "a pointer with a size beyond 63 bits" attest-form 's/^size .*/size 9223372036854775808/' ":3:1: error: "
pointed "a pointer with a line behind" attest-form '$a x' ":4:1: error: "
pointed "a pointer with CR LF" attest-form 's/$/\r/' ":1:1: error: "
head -c -1 clone/model.gguf >changed/model.gguf
refused "a pointer without its last LF" attest-form changed/model.gguf
cp clone/model.gguf elsewhere/strange.gguf
refused "a pointer of another name" attest-nothing elsewhere/strange.gguf
mkdir two two/a two/b two/c clone/b && cp m/model.gguf two/a && cp m/model.gguf two/b && cp clone/model.gguf clone/b/model.gguf
run manifest-make -p --attest clone/b/model.gguf two
expect "of several files of the name the path tells" 0 "agrees with 1 of 2"
run manifest-make -p --attest clone/model.gguf two
expect "where it does not, that is said" 1 "[attest-form]" "found 2"
mkdir three three/a three/b clone/d && cp m/model.gguf three && echo top >three/note.md && echo a >three/a/note.md && echo b >three/b/note.md
say pointer three/b/note.md >clone/b/note.md
run manifest-make -p --attest clone/b/note.md three
expect "the longest path is meant" 0 "agrees with 1 of 4"
say pointer three/note.md >clone/d/note.md
run manifest-make -p --attest clone/d/note.md three
expect "and that of the top elsewhere" 0 "agrees with 1 of 4"
cp clone/d/note.md clone/b/note.md
run manifest-make -p --attest clone/b/note.md three
expect "so that a pointer to the top's bytes is none of the subfolder's" 1 "expected the SHA-256 $(hash_of three/note.md) of 'b/note.md'" "[attest-differs]"
cp clone/model.gguf pointed.gguf
run manifest-make -q -p -r pointed.gguf=weights --attest pointed.gguf m/README.md pointed.gguf
if [ "$status" -ne 0 ]; then ok "a pointer in place of the model is found out"; else not_ok "a pointer in place of the model is found out" "$out"; fi

run sh -c 'manifest-make -p --attest - m <clone/model.gguf'
expect "a pointer without a name" 1 "(standard input): error: " "[attest-form]"

# ---- Hugging Face's download metadata ----

# shellcheck disable=SC2086
say metadata m $FILES
DOWNLOAD=m/.cache/huggingface/download
agrees "metadata with a SHA-256" hf-metadata $DOWNLOAD/model.gguf.metadata 1
agrees "metadata with git's id" hf-metadata $DOWNLOAD/README.md.metadata 1
agrees "metadata in a subfolder" hf-metadata $DOWNLOAD/sub/config.json.metadata 1
if need "git" git; then
    same "the recipe computes git's id" "$(git hash-object m/README.md)" "$(sed -n 2p $DOWNLOAD/README.md.metadata)"
fi
mkdir -p top/sub && echo 'of the top' >top/config.json && echo 'beneath it' >top/sub/config.json && cp m/README.md m/model.gguf top/sub
say metadata top config.json sub/config.json sub/README.md
run manifest-make -p --attest top top/sub
expect "names of downloads count from one place" 0 "speaks of 'config.json', which is not described" "agrees with 2 of 3"
for folder in m $DOWNLOAD $DOWNLOAD/; do
    make --attest $folder m
    expect "all of them as $folder" 0 "$folder: note: agrees with 3 of 3 artifacts"
    same "each is recorded, as $folder" "$(for f in $(find $DOWNLOAD -name '*.metadata'); do echo "x-hf-metadata pass $(hash_of "$f") -"; done | sort)" "$(evidence)"
done
make --attest $DOWNLOAD m/model.gguf
expect "files that are not described are notes" 0 "README.md.metadata: note: speaks of 'README.md'" "agrees with 1 of 1"
(cd m && manifest-make -q -p --attest .cache/huggingface/download/model.gguf.metadata model.gguf) >made
same "from within the folder too" 1 "$(grep -c '^evidence: ' made)"
cp -r m copy && rm -r copy/.cache
run manifest-make -p --attest m copy
expect "the files may have been copied" 0 "agrees with 3 of 3"
cp $DOWNLOAD/model.gguf.metadata elsewhere
agrees "metadata that was moved" hf-metadata elsewhere/model.gguf.metadata 1
mkdir -p old/.huggingface/download && cp $DOWNLOAD/model.gguf.metadata old/.huggingface/download
agrees "metadata of the older folder" hf-metadata old/.huggingface/download/model.gguf.metadata 1
sed 's/$/\r/' $DOWNLOAD/README.md.metadata >elsewhere/README.md.metadata
agrees "metadata written on Windows" hf-metadata elsewhere/README.md.metadata 1
noted() { # NAME RULE FILE SED TEXT...
    name=$1 rule=$2 file=$3 change=$4
    shift 4
    sed "$change" "$DOWNLOAD/$file.metadata" >"changed/$file.metadata"
    refused "$name" "$rule" "changed/$file.metadata" "$@"
}
noted "metadata of other bytes" attest-differs model.gguf "2s/.*/$ZEROS/" "expected the SHA-256 $ZEROS of 'model.gguf'"
noted "metadata of another git id" attest-differs README.md "2s/.*/$(printf %040d 0)/" "expected the git id $(printf %040d 0) of 'README.md', found $(sed -n 2p $DOWNLOAD/README.md.metadata)"
noted "metadata with another etag" attest-form model.gguf '2s/.*/"abc-12"/' ":2:1: error: "
noted "metadata without etag" attest-form model.gguf '2d' ":2:1: error: "
noted "metadata without time" attest-form model.gguf '3d' ":3:1: error: "
noted "metadata with words for a time" attest-form model.gguf '3s/.*/today/' ":3:1: error: "
noted "metadata with four lines" attest-form model.gguf '$a x' ":4:1: error: "
sed 1q $DOWNLOAD/model.gguf.metadata >changed/model.gguf.metadata
refused "metadata that ends behind the commit" attest-form changed/model.gguf.metadata ":2:1: error: "
cp $DOWNLOAD/model.gguf.metadata elsewhere/stranger.metadata
refused "metadata of another file" attest-nothing elsewhere/stranger.metadata
cp -r m spoilt && sed -i "2s/.*/$ZEROS/" spoilt/.cache/huggingface/download/model.gguf.metadata
run manifest-make -p --attest spoilt spoilt
expect "one wrong one in the folder is enough" 1 "model.gguf.metadata:2:1: error: " "[attest-differs]"
echo half >spoilt/.cache/huggingface/download/model.gguf.metadata
run manifest-make -p --attest spoilt spoilt
expect "or a damaged one" 1 "model.gguf.metadata:1:1: error: " "[attest-form]"
cp SUMS spoilt/.cache/huggingface/download/model.gguf.metadata
run manifest-make -p --attest spoilt spoilt
expect "or one that is something else" 1 "expected download metadata"
ln -sf /etc/hostname spoilt/.cache/huggingface/download/model.gguf.metadata
run manifest-make -p --attest spoilt spoilt
expect "links in the folder are passed over" 0 "agrees with 2 of 3"
mkdir -p bare/.cache/huggingface/download
run manifest-make -p --attest bare m
expect "a folder without any" 1 "[attest-nothing]"
rm -r m/.cache

# ---- Ollama manifests ----

say ollama m/model.gguf m/README.md >ollama
make --attest ollama m
expect "an Ollama manifest" 0 "ollama: note: agrees with 2 of 3 artifacts" "speaks of a layer that is not described, sha256:"
same "it is recorded" "x-ollama pass $(hash_of ollama) -" "$(evidence)"
mkdir -p store/blobs store/manifests/registry.ollama.ai/library/tiny && printf '{}' >config
for file in m/model.gguf m/README.md config; do cp $file "store/blobs/sha256-$(hash_of $file)"; done
cp ollama store/manifests/registry.ollama.ai/library/tiny/latest
run manifest-make -p --attest store/manifests/registry.ollama.ai/library/tiny/latest store
expect "a store and its manifest" 0 "agrees with 3 of 3"
run manifest-make -p --attest ollama "store/blobs/sha256-$(hash_of m/model.gguf)"
expect "a blob of the store" 0 "agrees with 1 of 1"
mkdir loose && cp m/model.gguf "loose/sha256-$ZEROS"
sed "s/$(hash_of m/model.gguf)/$ZEROS/" ollama >ollama-zeros
run manifest-make -p --attest ollama-zeros m/README.md "loose/sha256-$ZEROS"
expect "a blob that is not what its name says" 1 "expected the SHA-256 $ZEROS of 'sha256-$ZEROS'" "[attest-differs]"
layered() { # NAME RULE SED TEXT...
    name=$1 rule=$2 change=$3
    shift 3
    sed "$change" ollama >ollama-changed
    refused "$name" "$rule" ollama-changed "$@"
}
layered "another size" attest-differs "s/\"size\": $(wc -c <m/model.gguf)/\"size\": 7/" "expected the size 7 of 'model.gguf'"
layered "another model beside a layer that is here" attest-differs "s/$(hash_of m/model.gguf)/$ZEROS/" "the model's layer, with SHA-256 $ZEROS"
layered "no layer that is here" attest-nothing "s/\"sha256:/\"sha256:/g;s/sha256:[0-9a-f]*/sha256:$ZEROS/g;s/\"size\": [0-9]*/\"size\": 1/g"
layered "one digest with two sizes" attest-form "s/sha256:[0-9a-f]*/sha256:$ZEROS/g" "one size of one digest"
layered "another digest" attest-form 's/sha256:/sha512:/' "ollama-changed:@"
layered "no digest" attest-form 's/"digest"/"digits"/' "found nothing"
layered "a size in text" attest-form 's/"size": \([0-9]*\)/"size": "\1"/'
layered "a size below 0" attest-form 's/"size": /"size": -/'
layered "a size with an exponent" attest-form 's/"size": \([0-9]*\)/"size": \1e0/'
layered "another schema" attest-form 's/"schemaVersion": 2/"schemaVersion": 3/'
layered "no config" attest-form 's/"config"/"settings"/' "expected a config, found nothing"
layered "layers that are none" attest-form 's/"layers": .*/"layers": []}/'
layered "layers of numbers" attest-form 's/"layers": .*/"layers": [1]}/'
layered "other JSON" attest-form 's/layers/leaves/' "found other JSON"
layered "a name twice" json-duplicate 's/"schemaVersion": 2,/"schemaVersion": 2, "schemaVersion": 2,/'
layered "JSON that ends" json-syntax 's/}$//'
layered "JSON with more behind" json-syntax 's/}$/} {}/'
python3 -c 'print("{\"layers\":" + "[" * 100000)' >bomb
refused "JSON without bottom" json-depth bomb
python3 -c 'print("{\"layers\":[" + "[],"*400000 + "[]]}")' >bomb
make --attest bomb m
expect "JSON of many values" 3 "[io-limit]"
python3 -c "
import json
m = json.load(open('ollama')); m['layers'] *= 1000; print(json.dumps(m))" >bomb
make --attest bomb m
expect "a manifest of many layers" 3 "[io-limit]"

# ---- model-signing bundles ----

if need "bundles" openssl; then
    for key in key other; do
        openssl ecparam -name prime256v1 -genkey -noout -out $key.pem 2>/dev/null && openssl pkey -in $key.pem -pubout -out $key.pub 2>/dev/null
    done
    # shellcheck disable=SC2086
    say bundle key.pem m $FILES >bundle
    agrees "a bundle with its key" oms bundle 3 --attest-key key.pub
    cp bundle elsewhere/model.sig
    agrees "it may lie elsewhere" oms elsewhere/model.sig 3 --attest-key key.pub
    make --attest bundle m
    expect "without a key it is compared" 0 "bundle: note: its signature is not checked" "[attest-unchecked]" "agrees with 3 of 3"
    same "and not recorded" "$plain" "$out"
    make --attest bundle --attest-key other.pub m
    expect "another key" 1 "[oms-key]"
    same "another key: nothing is made" "" "$out"
    make --attest bundle --attest-key m/README.md m
    expect "a key that is none" 1 "[oms-key]"
    make --attest bundle --attest-certificate key.pub m
    expect "certificates that are none" 1 "[oms-certificate]"
    make --attest bundle --attest-key nothing m
    expect "a key that is not there" 3 "[io-open]"
    openssl req -x509 -key other.pem -subj /CN=root -days 2 -out root.pem 2>/dev/null
    make --attest bundle --attest-certificate root.pem m
    expect "a bundle of a key where certificates are asked for" 1 "[oms-"
    same "a bundle of a key where certificates are asked for: nothing is made" "" "$out"
    printf 'basicConstraints=CA:FALSE\nkeyUsage=critical,digitalSignature\n' >extensions
    openssl req -new -key key.pem -subj /CN=signer -out request 2>/dev/null
    openssl x509 -req -in request -CA root.pem -CAkey other.pem -set_serial 2 -days 2 -extfile extensions -out signer.pem 2>/dev/null
    chmod 600 key.pem
    manifest-sign --oms certified --key key.pem --certificate signer.pem m >/dev/null
    agrees "a bundle that certificates vouch for" oms certified 3 --attest-certificate root.pem
    agrees "where a key is given too the bundle's kind decides" oms certified 3 --attest-certificate root.pem --attest-key other.pub
    agrees "either way" oms bundle 3 --attest-certificate root.pem --attest-key key.pub
    make --attest certified --attest-key key.pub m
    expect "a bundle with certificates where a key is asked for" 1 "[oms-key]"
    make --attest certified m
    expect "one with certificates and nobody to vouch is compared" 0 "[attest-unchecked]" "agrees with 3 of 3"
    openssl req -x509 -key other.pem -subj /CN=stranger -days 2 -out stranger.pem 2>/dev/null
    make --attest certified --attest-certificate stranger.pem m
    expect "another root" 1 "[oms-certificate]"
    same "another root: nothing is made" "" "$out"
    sed '/CERT/!s/A/B/' signer.pem >m/README.md
    make --attest certified --attest-certificate root.pem m
    expect "a changed file under certificates" 1 "of 'README.md'" "[attest-differs]"
    echo '# Card' >m/README.md
    say bundle key.pem m/model.gguf >single
    run manifest-make -p --attest single --attest-key key.pub m/model.gguf
    expect "a bundle of a single file without name" 0 "agrees with 1 of 1"
    run manifest-make -p --attest single --attest-key key.pub m
    expect "where more are described it speaks of none" 1 "expected one described file" "[attest-form]"
    run manifest-make -p --attest single --attest-key key.pub m/README.md
    expect "another single file" 1 "of 'README.md'" "[attest-differs]"
    python3 - <<'PY'
import base64, json
b = json.load(open("bundle"))
e = b["dsseEnvelope"]
text = base64.b64decode(e["payload"])
e["payload"] = base64.b64encode(text.replace(b'"model"', b'"m0del"', 1)).decode()
json.dump(b, open("altered", "w"))
PY
    make --attest altered --attest-key key.pub m
    expect "a statement that was altered" 1 "[oms-signature]"
    echo more >>m/README.md
    make --attest bundle --attest-key key.pub m
    expect "a file that was changed" 1 "bundle: error: expected the SHA-256 " "of 'README.md'" "[attest-differs]"
    make --attest bundle m
    expect "also without a key" 1 "[attest-differs]"
    echo '# Card' >m/README.md && mkdir strange && cp m/model.gguf strange/strange.gguf
    run manifest-make -p --attest bundle --attest-key key.pub strange
    expect "a bundle of other files" 1 "[attest-nothing]"
    say bundle key.pem m model.gguf README.md >part
    make --attest part --attest-key key.pub m
    expect "a bundle of some of the files" 0 "agrees with 2 of 3"
fi

# ---- several ----

# shellcheck disable=SC2086
say metadata m $FILES
make --attest SUMS --attest clone/model.gguf --attest m --attest ollama m
expect "several kinds at once" 0 "SUMS: note: agrees with 3" "clone/model.gguf: note: agrees with 1" "m: note: agrees with 3" "ollama: note: agrees with 2"
same "each is recorded" "x-hf-metadata x-lfs-pointer x-ollama x-sha256sums" "$(evidence | cut -d' ' -f1 | sort -u | tr '\n' ' ' | sed 's/ $//')"
