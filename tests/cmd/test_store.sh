#!/bin/sh
# slm-list, slm-path, slm-remove, slm-gc and slm-check: on a store that is well, and on stores that somebody meddled with.
. "$(dirname "$0")/harness.sh"
need 'the store' python3 || exit 0
HELP=$ROOT/tests/cmd/imports.py
MINIMODEL_HOME=$WORK/case/home
export MINIMODEL_HOME

# A store to copy: local/model in two revisions, local/parts with two weights, local/linked in place
mkdir src parts linked
cp "$MODEL" src/model.gguf && chmod u+w src/model.gguf
seq 1 30000 >src/notes.txt
(cd src && manifest-make -q -p -s 64K --model-id local/model --chunk-lists . model.gguf notes.txt >m.manifest)
cp -r src next && (cd next && echo more >>notes.txt && rm ./*.chunks && manifest-make -q -p -f m.manifest -s 64K --chunk-lists . model.gguf notes.txt >n.manifest && mv n.manifest m.manifest)
python3 "$ROOT/tests/cmd/build.py" shards parts && (cd parts && manifest-make -q -p --model-id local/parts . >../parts.manifest) && mv parts.manifest parts/m.manifest
cp "$MODEL" linked/model.gguf && (cd linked && manifest-make -q -p --model-id local/linked model.gguf >m.manifest)
{
    slm-import -q --allow-unsigned --home whole src next parts && slm-import -q --allow-unsigned --home whole --in-place linked
} >/dev/null || not_ok 'a store to meddle with'

# fresh: home/ is that store again
fresh() {
    cd "$WORK" && chmod -R u+rwx case 2>/dev/null
    rm -rf case && mkdir case && cp -a whole case/home && cd case && chmod -R u+w home || exit 1
}

one=home/models/local/model/1

# ---- slm-list ----

fresh
run slm-list -q
expect 'slm-list' 0
same 'lists every model, by id and revision' 'local/linked@1 local/model@1 local/model@2 local/parts@1' "$(cut -f1 "$WORK/.out" | tr '\n' ' ' | sed 's/ $//')"
same 'with its bytes' "$(($(wc -c <"$MODEL") + $(wc -c <"$WORK/src/notes.txt")))" "$(sed -n 's/^local.model@1	[^	]*	\([0-9]*\).*/\1/p' "$WORK/.out")"
same 'and its manifest hash' "$(sha256sum <$one/manifest | cut -d' ' -f1)" "$(grep '^local/model@1' "$WORK/.out" | cut -f6)"
run slm-list -q local/model
same 'slm-list ID lists its revisions' 2 "$(wc -l <"$WORK/.out" | tr -d ' ')"
run slm-list --json
same '--json has its keys' 4 "$(python3 "$HELP" lines model-id revision version bytes quantization license manifest-sha256 <"$WORK/.out" 2>&1)"
for wrong in nothing local/nothing '' local/model@1 ../local/model 'local/*' "$(printf 'a\033[31m/b')"; do
    run slm-list -q "$wrong"
    expect "slm-list of '$(printf %s "$wrong" | tr -d '\033')'" 1 '[store-model]'
done
case $err in *"$(printf '\033')"*) not_ok 'names are shown escaped' ;; *) ok 'names are shown escaped' ;; esac
run slm-list a b
expect 'slm-list of two' 2 'usage:'
run slm-list --home "$WORK/nowhere"
expect 'slm-list of no store' 3 '[store-home]'
mkdir empty && run slm-list --home empty
expect 'slm-list of an empty store' 0
same 'prints nothing' '' "$out"
run sh -c 'slm-list >/dev/full'
expect 'slm-list to a full device' 3

# ---- slm-path ----

run slm-path local/model
expect 'slm-path prints the only weights of the highest revision' 0 "$MINIMODEL_HOME/models/local/model/2/files/model.gguf"
run slm-path local/model@1 notes.txt
expect 'slm-path of an artifact' 0 "/models/local/model/1/files/notes.txt"
run slm-path --manifest local/model@1
if cmp -s "$out" "$WORK/src/m.manifest"; then ok 'slm-path --manifest'; else not_ok 'slm-path --manifest' "$out" "$err"; fi
run slm-path --folder local/model@1
if [ -f "$out/model.gguf" ]; then ok 'slm-path --folder'; else not_ok 'slm-path --folder' "$out"; fi
run slm-path local/parts
if [ -f "$out/config.json" ]; then ok 'slm-path of several weights prints their folder'; else not_ok 'slm-path of several weights prints their folder' "$out" "$err"; fi
run slm-path --json local/model
same 'slm-path --json' 1 "$(python3 "$HELP" lines path <"$WORK/.out" 2>&1)"
for wrong in local/model@3 local/model@0 local/model@01 local/model@ local/model@18446744073709551617 local/model@1@1 model ../x /etc local/model/1 ''; do
    run slm-path -q "$wrong"
    expect "slm-path of '$wrong'" 1 '[store-model]'
done
for wrong in ../manifest model.gguf.chunks nothing /etc/passwd '' . files/model.gguf; do
    run slm-path -q local/model "$wrong"
    expect "slm-path of the artifact '$wrong'" 1 '[store-model]'
done
run slm-path
expect 'slm-path of nothing' 2 'usage:'
run slm-path --manifest --folder local/model
expect 'slm-path --manifest --folder' 2 'usage:'
run slm-path --folder local/model model.gguf
expect 'slm-path --folder with an artifact' 2 'usage:'
run slm-path a b c
expect 'slm-path of three' 2 'usage:'

# ---- slm-check: a store that is well ----

run slm-check -q
expect 'slm-check' 0 'local/linked@1	pass' 'local/model@1	pass' 'local/model@2	pass' 'local/parts@1	pass' 'receipts=4	pass'
run slm-check -q --quick
expect 'slm-check --quick' 0 'receipts=4	pass'
run slm-check -q local/model@2
expect 'slm-check of one revision' 0 'local/model@2	pass'
same 'checks no other' 1 "$(grep -c '@' "$WORK/.out")"
run slm-check -q local/model local/parts
same 'slm-check of two models' 3 "$(grep -c '@' "$WORK/.out")"
run slm-check -q local/model local/nothing
expect 'slm-check of a model that is not there' 1 'local/model@1	pass' '[store-model]'
run slm-check -q --json
same 'slm-check --json is JSON' 5 "$(python3 -c 'import json, sys; print(len([json.loads(line) for line in sys.stdin]))' <"$WORK/.out" 2>&1)"
head=$(receipt-write --head | grep -o '[0-9a-f]\{64\}' | head -n 1)
run slm-check -q --expect-head "$head"
expect 'slm-check --expect-head' 0
run slm-check -q --expect-head "$(printf '%064d' 1)"
expect 'slm-check with another head' 1 '[receipt-head]'
run slm-check --expect-head x
expect 'slm-check with a head that is none' 2
diff -r "$WORK/whole" home >"$WORK/.diff" 2>&1
same 'none of that changed anything' '' "$(head -n 3 "$WORK/.diff")"

# ---- slm-check: meddled with ----

# meddled WHAT RULE COMMAND...: after COMMAND slm-check answers 1 and names RULE
meddled() {
    what=$1 rule=$2
    shift 2
    fresh
    "$@" || not_ok "$what: the damage itself"
    run slm-check -q
    expect "found: $what" 1 "$rule"
    case $out$err in *"$(printf '\033')"*) not_ok "$what: shown escaped" ;; esac
}
text() { python3 "$HELP" edit "$@"; }
receipt() { find home/receipts/local/model -name '*.receipt' | sort | head -n 1; }

meddled 'a changed byte' '[verify-' changed $one/files/notes.txt 70000
meddled 'a changed byte of the last chunk' '[verify-' changed $one/files/model.gguf 406015
meddled 'a cut file' '[verify-bytes]' truncate -s 1000 $one/files/model.gguf
meddled 'a longer file' '[verify-bytes]' sh -c "echo >>$one/files/notes.txt"
meddled 'a removed file' '[verify-absent]' rm $one/files/notes.txt
meddled 'a changed chunk list' '[' changed $one/files/notes.txt.chunks 100
meddled 'an added file' '[' sh -c "echo >$one/files/more.txt"
meddled 'an added file beside the manifest' '[store-surplus]' sh -c "echo >$one/more"
meddled 'an added folder' '[' sh -c "mkdir $one/files/more && echo >$one/files/more/x"
meddled 'an added link' '[' ln -s /etc/passwd $one/files/link
meddled 'an added FIFO' '[' mkfifo $one/files/fifo
meddled 'a file that became a FIFO' '[' sh -c "rm $one/files/notes.txt && mkfifo $one/files/notes.txt"
meddled 'a file that became a folder' '[' sh -c "rm $one/files/notes.txt && mkdir $one/files/notes.txt"
meddled 'a file that became a link to its like' '[' sh -c "rm $one/files/notes.txt && ln -s $WORK/src/notes.txt $one/files/notes.txt"
meddled 'a manifest with a line more' '[' sh -c "echo 'x-note: hello' >>$one/manifest"
meddled 'a manifest with a control character' '[' sh -c "printf 'x\033[31m\n' >>$one/manifest"
meddled 'an empty manifest' '[' sh -c ": >$one/manifest"
meddled 'a manifest of another revision' '[' cp "$WORK/next/m.manifest" $one/manifest
meddled 'a manifest and files of another revision' '[' sh -c "rm -rf $one && cp -r home/models/local/model/2 $one"
meddled 'a revision under another number' '[' mv $one home/models/local/model/7
meddled 'a model under another name' '[' mv home/models/local/model home/models/local/other
meddled 'a model of another publisher' '[' sh -c "mkdir home/models/other && mv home/models/local/parts home/models/other/parts"
meddled 'two revisions exchanged' '[' sh -c "mv $one x && mv home/models/local/model/2 $one && mv x home/models/local/model/2"
meddled 'a model that no receipt knows' '[receipt-none]' sh -c "mkdir -p home/models/local/new && cp -r $one home/models/local/new/1 && sed -i 's,local/model,local/new,' home/models/local/new/1/manifest"
meddled 'a model folder that is a link' '[store-surplus]' sh -c "mv home/models/local/model ../moved.$$ && ln -s ../../../../moved.$$ home/models/local/model"
meddled 'a revision that is a link' '[store-surplus]' ln -s 1 home/models/local/model/3
meddled 'a file among the publishers' '[store-surplus]' sh -c "echo >home/models/file"
meddled 'a folder with a name that is no model' '[store-surplus]' mkdir -p "$(printf 'home/models/\033[31mred/\n/1')"
meddled 'revision 0' '[store-surplus]' mkdir home/models/local/model/0
meddled 'revision 01' '[store-surplus]' mkdir home/models/local/model/01
meddled 'a revision beyond all numbers' '[store-surplus]' mkdir home/models/local/model/99999999999999999999
meddled 'a changed source of a model in place' '[verify-' changed "$WORK/linked/model.gguf" 5000
changed "$WORK/linked/model.gguf" 5000
meddled 'a link of a model in place that leads elsewhere' '[' sh -c "ln -sfn $WORK/src/notes.txt home/models/local/linked/1/files/model.gguf"
meddled 'a changed receipt' '[receipt-changed]' sh -c "sed -i 's/^medium: file/medium: usb/' $(cd "$WORK/whole/.." && echo "home/receipts/local/model/*.receipt")"
meddled 'a removed receipt' '[receipt-removed]' sh -c 'rm "$(find home/receipts/local/model -name "*.receipt" | head -n 1)"'
meddled 'a receipt twice' '[receipt-' sh -c 'f=$(find home/receipts/local/model -name "*.receipt" | head -n 1); cp "$f" "${f%??????????.receipt}0000000000.receipt"'
meddled 'receipts in another order' '[receipt-' sh -c '{ tail -n 1 home/receipts.log; head -n 3 home/receipts.log; } >x && cp x home/receipts.log'
meddled 'no log' '[receipt-' rm home/receipts.log
fresh
rm -rf home/receipts home/receipts.log
run slm-check -q
expect 'found: no receipts at all' 1 '[receipt-none]'
fresh
truncate -s 0 home/receipts.log
run slm-check -q
expect 'found: an empty log' 1 '[receipt-'
fresh
chmod 666 $one/files/notes.txt && touch $one/files/notes.txt
run slm-check -q local/model@1
expect 'a file that could be written to, and was not, is no fault' 0 'pass'

# a user who may not read
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null 2>&1; then
    fresh
    chmod 711 "$WORK" && chmod 000 $one/files/notes.txt && chown -R 65534 home && chmod -R a+rX "$WORK/linked" "$BUILD" 2>/dev/null
    run setpriv --reuid 65534 --regid 65534 --clear-groups "$BIN/slm-check" -q local/model@1
    expect 'what cannot be read is a do-not-know' 3 '[io-'
    chmod 444 $one/files/notes.txt && chmod 000 $one
    run setpriv --reuid 65534 --regid 65534 --clear-groups "$BIN/slm-check" -q
    if [ "$status" = 3 ]; then ok 'a model folder that cannot be read is a do-not-know'; else not_ok 'a model folder that cannot be read is a do-not-know' "exit $status" "$out" "$err"; fi
    chmod 755 $one
else
    skip 'what cannot be read' 'this needs root and setpriv'
fi

# ---- slm-list, slm-path, slm-gc and slm-remove on damaged stores ----

fresh
: >$one/manifest
run slm-list -q
expect 'slm-list names a damaged manifest and lists the rest' 1 'local/model@2' 'local/parts@1'
run slm-path -q local/model@1
if [ "$status" = 1 ] || [ "$status" = 3 ]; then ok 'slm-path of a damaged manifest'; else not_ok 'slm-path of a damaged manifest' "exit $status"; fi
find home/store | sort >before
run slm-gc -q
if [ "$status" = 1 ] || [ "$status" = 3 ]; then ok 'slm-gc beside a damaged manifest says so'; else not_ok 'slm-gc beside a damaged manifest says so' "exit $status"; fi
same 'and removes nothing' '' "$(find home/store | sort | diff before - | head -n 3)"
run slm-remove -q local/model@1
expect 'a damaged model can be removed' 0 'removed: local/model'
run slm-check -q
expect 'and the store is well again' 0

# ---- slm-remove ----

fresh
run slm-remove
expect 'slm-remove of nothing' 2 'usage:'
run slm-remove -q local/model
expect 'slm-remove does not choose among revisions' 1 '[store-model]' '--all'
for wrong in local/nothing local/model@3 ../../etc local/model@ '' /; do
    run slm-remove -q "$wrong"
    expect "slm-remove of '$wrong'" 1 '[store-model]'
done
run slm-remove -q local/model@1
expect 'slm-remove of a revision' 0 'removed: local/model' 'revision: 1' 'receipt: '
same 'it is gone' '' "$(find home/models/local/model/1 2>/dev/null)"
same 'the receipt says so' 'action: removed' "$(grep -h '^action' "$(sed -n 's/^receipt: //p' "$WORK/.out")")"
same 'and the trash is empty' '' "$(find home/store/trash -mindepth 1)"
run slm-check -q
expect 'the other revision stays well' 0 'local/model@2	pass' 'receipts=5	pass'
run slm-remove -q local/model@1
expect 'it cannot be removed twice' 1 '[store-model]'
run slm-remove -q --json local/model local/parts
expect 'slm-remove of two models' 0
same '--json has its keys' 2 "$(python3 "$HELP" lines removed revision receipt <"$WORK/.out" 2>&1)"
run slm-remove -q local/linked
expect 'slm-remove of a model in place' 0
if cmp -s "$MODEL" "$WORK/linked/model.gguf"; then ok 'its files stay'; else not_ok 'its files stay'; fi
same 'nothing is left under models/' '' "$(find home/models -mindepth 1 2>/dev/null)"
run slm-check -q
expect 'and the receipts are whole' 0 'receipts=8	pass'
fresh
run slm-remove -q --all local/model
expect 'slm-remove --all' 0
same 'removes every revision' '' "$(find home/models/local/model 2>/dev/null)"
fresh
rm -rf home/receipts home/receipts.log
run slm-remove -q local/parts
expect 'a model without a receipt is not removed' 1 '[receipt-none]'
run slm-remove -q --force local/parts
expect 'unless --force' 0
same 'then it is gone' '' "$(find home/models/local/parts 2>/dev/null)"
fresh
rm -rf home/store/trash && ln -s "$WORK/src" home/store/trash
run slm-remove -q local/parts
if [ -f "$WORK/src/m.manifest" ]; then ok "a trash that is a link: what it leads to stays (exit $status)"; else not_ok 'a trash that is a link: what it leads to stays'; fi
fresh
mkdir -p home/models/local/model/1/files/a/b && ln -s "$WORK/src" home/models/local/model/1/files/a/b/link
run slm-remove -q local/model@1
expect 'a link in a model that is removed' 0
if [ -f "$WORK/src/m.manifest" ]; then ok 'is removed, not what it leads to'; else not_ok 'is removed, not what it leads to'; fi
fresh
python3 - home/models/local/model/1/files <<'PY'
import os, sys
os.chdir(sys.argv[1])
for _ in range(150):
    os.mkdir('d')
    os.chdir('d')
PY
run slm-remove -q local/model@1
if [ "$status" = 3 ] || [ "$status" = 0 ]; then ok "a very deep folder ends (exit $status)"; else not_ok 'a very deep folder ends' "exit $status" "$err"; fi

# ---- slm-gc ----

fresh
run slm-gc -q
expect 'slm-gc of a store that needs all it has' 0
same 'removes nothing' '' "$out"
mkdir -p home/store/trash/00ff/files home/store/partial && cp "$MODEL" home/store/trash/00ff/files/model.gguf
cp "$WORK/src/notes.txt.chunks" "home/store/chunks/$(printf '%064d' 5).chunks"
: >home/store/chunks/.interrupted && touch -d '2 days ago' home/store/chunks/.interrupted
mkdir broken && seq 5 40000 >broken/notes.txt && cp "$MODEL" broken/model.gguf
(cd broken && manifest-make -q -p -s 64K --model-id local/other model.gguf notes.txt >m.manifest) && truncate -s 100000 broken/notes.txt
slm-import -q --allow-unsigned broken >/dev/null 2>&1
: >"home/store/partial/$(printf '%064d' 6).lock"
run slm-gc -q --dry-run
expect 'slm-gc --dry-run names what would go' 0 'store/trash/00ff' '.chunks'
same 'with its bytes' 406016 "$(sed -n 's/^\([0-9]*\)	store.trash.00ff$/\1/p' "$WORK/.out")"
same 'and removes nothing' 1 "$(find home/store/trash -name model.gguf | wc -l | tr -d ' ')"
run slm-gc --json -n
same '--json has its keys' "$(slm-gc -q -n | wc -l | tr -d ' ')" "$(python3 "$HELP" lines bytes path <"$WORK/.out" 2>&1)"
run slm-gc -q
expect 'slm-gc' 0 'store/trash/00ff'
same 'empties the trash' '' "$(find home/store/trash -mindepth 1)"
same 'removes lists that nothing needs' '' "$(find home/store/chunks -name '0000*' -o -name '.int*')"
same 'removes locks that nobody holds' '' "$(find home/store/partial -name '*.lock')"
same 'keeps partial imports' 1 "$(find home/store/partial -mindepth 1 -maxdepth 1 | wc -l | tr -d ' ')"
run slm-gc -q --partial
expect 'slm-gc --partial' 0 'store/partial/'
same 'removes them too' '' "$(find home/store/partial -mindepth 1)"
run slm-check -q
expect 'and the models are well' 0
run slm-gc x
expect 'slm-gc of something' 2 'usage:'
fresh
mkdir -p home/store/partial/"$(printf '%064d' 7)"/files
: >home/store/partial/"$(printf '%064d' 7)".lock
run flock home/store/partial/"$(printf '%064d' 7)".lock slm-gc -q --partial
expect 'what a process works on' 0
same 'is left to it' 2 "$(find home/store/partial -mindepth 1 -maxdepth 1 | wc -l | tr -d ' ')"
fresh
mkdir -p home/store/trash && ln -s "$WORK/src" home/store/trash/link && ln -s "$WORK/src" "home/store/partial/$(printf '%064d' 8)"
run slm-gc -q --partial
if [ -f "$WORK/src/m.manifest" ]; then ok "links in trash and partial: what they lead to stays (exit $status)"; else not_ok 'links in trash and partial: what they lead to stays'; fi
fresh
mkdir -p home/store/trash && touch "home/store/trash/$(printf 'a\033[31m\nb')" "home/store/chunks/$(python3 -c 'print("n" * 250)')"
run slm-gc -q
expect 'odd names are removed' 0
case $out in *"$(printf '\033')"*) not_ok 'and shown escaped' ;; *) ok 'and shown escaped' ;; esac
same 'one a line' 2 "$(wc -l <"$WORK/.out" | tr -d ' ')"

# ---- what every command says of itself ----

for command in slm-import slm-list slm-path slm-remove slm-gc slm-check; do
    run $command --help
    expect "$command --help" 0 "usage: $command"
    run $command --version
    expect "$command --version" 0 "$(cat "$ROOT/VERSION")"
    run $command --rules
    expect "$command --rules" 0 "store-home	"
    run $command --nonsense
    expect "$command --nonsense" 2 'usage:'
    run sh -c "$command --rules >/dev/full"
    expect "$command: a full device" 3
done
