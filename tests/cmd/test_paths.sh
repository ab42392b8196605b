#!/bin/sh
# Paths and files: no path of a manifest leads out of its folder, nothing but regular files is read, files that change
# while they are read are told, archives and pickles are refused by content.
. "$(dirname "$0")/harness.sh"
need paths python3 || exit 0
HERE=$ROOT/tests/cmd
mkdir root outside && cd root || exit 1
cp "$MODEL" model.gguf && chmod 644 model.gguf
manifest-make -q -p model.gguf >good.manifest
cp "$MODEL" ../outside/model.gguf

# ---- names in manifests ----

# a_path PATH: good.manifest with PATH for its artifact
a_path() { awk -v path="$1" '/^artifact: / { $0 = "artifact: " path } { print }' good.manifest >x.manifest; }

while IFS= read -r path; do
    awk -v path="$(printf '%s' "$path" | sed 's/\\/\\\\/g')" '/^artifact: / { $0 = "artifact: " path } { print }' good.manifest >x.manifest
    run slm-verify x.manifest
    expect "slm-verify refuses the path $path" 1 "x.manifest:21:" "[value-path]"
    run manifest-lint x.manifest
    expect "manifest-lint refuses the path $path" 1 "x.manifest:21:" "[value-path]"
done <<'EOF'
../outside/model.gguf
a/../../outside/model.gguf
./model.gguf
.
..
a/..
/etc/passwd
//server/share/model.gguf
\\server\share\model.gguf
..\outside\model.gguf
C:\model.gguf
C:model.gguf
c:/model.gguf
model.gguf:stream
CON
nul.gguf
aux .txt
a/COM1.gguf
lpt0
a//b
a/
model.gguf.
~root?/x
-rf
mödel.gguf
a&b
'quoted'
%2e%2e/model.gguf
EOF
a_path 'model.gguf '
run slm-verify x.manifest
expect "slm-verify refuses a path that ends in a space" 1 "x.manifest:21:"
rm x.manifest
run env -C / slm-verify "$PWD/good.manifest"
expect "the root is the manifest's folder, wherever the command starts" 0 "verdict: pass"

# ---- links ----

mv model.gguf kept
ln -s ../outside/model.gguf model.gguf
run slm-verify good.manifest
expect "a link that leads out of the folder fails" 1 "a link that leads out of the folder" "verdict: fail"
run slm-verify --follow-links good.manifest
expect "--follow-links follows it" 0 "verdict: pass"
rm model.gguf && ln -s "$PWD/kept" model.gguf
run slm-verify good.manifest
expect "an absolute link fails" 1 "verdict: fail"
rm model.gguf && ln -s kept model.gguf
run slm-verify good.manifest
expect "a link within the folder is followed" 0 "verdict: pass"
rm model.gguf && ln -s one model.gguf && ln -s two one && ln -s kept two
run slm-verify good.manifest
expect "a chain of links within the folder is followed" 0 "verdict: pass"
rm two && ln -s ../root/kept two
run slm-verify good.manifest
expect "a chain that leaves the folder and comes back fails" 1 "verdict: fail"
rm two && ln -s ../outside/model.gguf two
run slm-verify good.manifest
expect "a chain that ends outside fails" 1 "verdict: fail"
rm two && ln -s model.gguf two
run timeout 60 slm-verify good.manifest
expect "a loop of links fails" 1 "verdict: fail"
run timeout 60 slm-verify --follow-links good.manifest
expect "a loop of links fails under --follow-links" 1 "verdict: fail"
rm model.gguf one two && ln -s nowhere model.gguf
run slm-verify good.manifest
expect "a link to nothing is an absent artifact" 1 "verdict: fail"
rm model.gguf && ln -s /proc/self/fd/0 model.gguf
run sh -c 'slm-verify good.manifest <kept'
expect "a link into /proc fails" 1 "verdict: fail"
rm model.gguf
ln kept model.gguf
run slm-verify good.manifest
expect "a hard link is a file like any other" 0 "verdict: pass"
rm model.gguf

mkdir sub && mv kept sub/model.gguf
sed 's#^artifact: .*#artifact: sub/model.gguf#' good.manifest >sub.manifest
run slm-verify sub.manifest
expect "an artifact in a folder passes" 0 "verdict: pass"
mv sub real && ln -s ../outside sub
run slm-verify sub.manifest
expect "a link to a folder outside, in an ancestor, fails" 1 "a link that leads out of the folder" "verdict: fail"
run slm-verify --follow-links sub.manifest
expect "--follow-links follows links in ancestors" 0 "verdict: pass"
rm sub && ln -s real sub
run slm-verify sub.manifest
expect "a link to a folder within is followed" 0 "verdict: pass"
rm sub && ln -s "$PWD/real" sub
run slm-verify sub.manifest
expect "an absolute link in an ancestor fails" 1 "verdict: fail"
rm sub && mv real/model.gguf model.gguf && rmdir real
cd .. && ln -s root link && cd root || exit 1
run slm-verify ../link/good.manifest
expect "the root itself may be reached through a link" 0 "verdict: pass"

chunk-merkle -l ../outside/model.gguf.chunks model.gguf >/dev/null
ln -s ../outside/model.gguf.chunks model.gguf.chunks
awk -v hash="$(sha256sum <../outside/model.gguf.chunks | cut -d' ' -f1)" '{ print } /^merkle-root/ { print "chunk-list-route: model.gguf.chunks"; print "chunk-list-sha256: " hash }' good.manifest >list.manifest
run slm-verify list.manifest
expect "a chunk list behind a link that leads out is not read" 3 "check: chunk-list skip none"
rm model.gguf.chunks

mkfifo model.gguf.chunks
run timeout 60 slm-verify list.manifest
expect "a FIFO in the place of a chunk list does not hang it" 3 "check: chunk-list skip none"
rm model.gguf.chunks

# manifest-make and links
mkdir ../source && cp model.gguf ../source/weights.gguf
ln -s ../outside/model.gguf ../source/linked.gguf
run manifest-make -p ../source
expect "manifest-make refuses a link that leads out of the folder" 1 "linked.gguf" "[make-link]"
same "and prints no manifest" "" "$out"
run manifest-make -q -p --follow-links ../source
expect "--follow-links describes what it leads to" 0 "artifact: linked.gguf" "artifact: weights.gguf"
rm ../source/linked.gguf && ln -s weights.gguf ../source/linked.gguf
run manifest-make -q -p ../source
expect "manifest-make follows a link within the folder" 0 "artifact: linked.gguf"
rm ../source/linked.gguf && ln -s nowhere ../source/linked.gguf
run manifest-make -p ../source
expect "manifest-make answers 3 for a link to nothing" 3 "linked.gguf"
rm ../source/linked.gguf && mkdir ../source/folder && echo text >../source/folder/a.txt && ln -s folder ../source/again
run manifest-make -p ../source
expect "manifest-make refuses a link to a folder" 1 "again" "[make-link]"
rm ../source/again
run manifest-make -q -p ../link/model.gguf
expect "a file that the user names may be reached through a link" 0 "artifact: model.gguf"

# ---- what is no regular file ----

mkfifo fifo
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
mkdir folder
for command in "chunk-merkle" "slm-info" "manifest-lint" "slm-verify" "chunk-merkle --check" "chunk-merkle --check-proof" "manifest-make -p"; do
    for file in fifo socket folder /dev/zero /dev/null; do
        [ "$command $file" = "manifest-make -p folder" ] && continue
        case $command in
        *--check) run timeout 60 $command $file model.gguf ;;
        *) run timeout 60 $command $file ;;
        esac
        expect "$command $file answers 3 and does not wait" 3 "error:"
    done
done
run timeout 60 manifest-make -p folder
expect "manifest-make of an empty folder finds nothing to describe" 2 "[make-lacks]"
run timeout 60 chunk-merkle - <folder
expect "a folder as standard input answers 3" 3 "[io-read]"

for file in fifo socket folder; do
    mv model.gguf kept && mv "$file" model.gguf
    run timeout 60 slm-verify good.manifest
    expect "a $file where an artifact is expected fails" 1 "verdict: fail" "[verify-absent]"
    run timeout 60 slm-verify --follow-links good.manifest
    expect "and under --follow-links too" 1 "verdict: fail"
    mv model.gguf "$file" && mv kept model.gguf
done
mv model.gguf kept && ln -s /dev/zero model.gguf
run timeout 60 slm-verify --follow-links good.manifest
expect "a link to a device fails under --follow-links" 1 "verdict: fail"
rm model.gguf && truncate -s 406016 model.gguf
run slm-verify good.manifest
expect "a sparse file of the right size fails" 1 "verdict: fail" "[verify-merkle]"
rm model.gguf && mv kept model.gguf
mkfifo ../source/pipe.txt
run timeout 60 manifest-make -p ../source
expect "a FIFO in a folder is left out and named" 0 "left out: pipe.txt"
rm ../source/pipe.txt

# ---- files that change while they are read ----

for how in grow shrink write replace; do
    for command in chunk-merkle verify "make" info; do
        python3 "$HERE/meddle.py" "$how" "$command" >../.meddled 2>&1
        case $? in
        0) ok "a file that meets '$how' while '$command' reads it is an error" ;;
        2) skip "a file that meets '$how' while '$command' reads it is an error" "$(cat ../.meddled)" ;;
        *) not_ok "a file that meets '$how' while '$command' reads it is an error" "$(head -c 400 ../.meddled)" ;;
        esac
    done
done

# ---- archives and pickles ----

mkdir ../refused && python3 "$HERE/build.py" refused ../refused
for folder in ../refused/*; do
    what=$(basename "$folder")
    run manifest-make -p "$folder/README.md"
    expect "manifest-make refuses $what called README.md" 1 "README.md:@0: error:" "[artifact-refused]"
    same "and prints no manifest of $what" "" "$out"
    cp model.gguf "$folder"
    run manifest-make -p --model-card-route none "$folder"
    expect "manifest-make leaves $what out of a folder and names it" 0 "README.md:@0: note:" "[artifact-refused]" "artifact: model.gguf"
    case $out in *README.md*) not_ok "$what is not in the manifest" ;; *) ok "$what is not in the manifest" ;; esac
    run slm-info "$folder/README.md"
    expect "slm-info refuses $what" 1 "[artifact-refused]"
    mv "$folder/README.md" "$folder/kept"
    roles="weights other"
    case $what in zip | pickle-2) roles="weights adapter tokenizer config license card other" ;; esac
    for role in $roles; do
        echo text >"$folder/README.md"
        manifest-make -q -p --role "README.md=$role" "$folder/README.md" "$folder/model.gguf" >"$folder/m.manifest" 2>/dev/null
        cp "$folder/kept" "$folder/README.md"
        [ "$role" = other ] && sed '/^artifact: README/,/^artifact: /s/^artifact-format: text/artifact-format: opaque/' "$folder/m.manifest" >"$folder/o" && mv "$folder/o" "$folder/m.manifest"
        python3 "$HERE/build.py" rehash "$folder/m.manifest" "$folder"
        run slm-verify "$folder/m.manifest"
        expect "slm-verify refuses $what as $role, whatever its hashes" 1 "[artifact-refused]" "check: format fail" "verdict: fail"
    done
done
cp ../refused/zip/kept ../refused/zip/README.md
run manifest-make -p ../refused/zip
expect "a card that is left out is not the route to the card" 0 "model-card-route: none"
cp ../refused/zip/kept ../refused/zip/LICENSE
run manifest-make -p --model-card-route none ../refused/zip
expect "a licence that is left out is not the route to the licence" 0 "license-route: none"
for text in 'a.' '0.' 'bad.' 'Nd.' '1.'; do
    printf '%s\n' "$text" >short.txt
    run slm-info short.txt
    expect "a text of '$text' is no pickle" 0 "artifact-format: text"
done
