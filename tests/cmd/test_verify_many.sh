#!/bin/sh
# slm-verify --files-from: each manifest gets the report and the findings that it has alone, and the worst answer is the answer.
. "$(dirname "$0")/harness.sh"
need 'many manifests' python3 || exit 0
SOURCE_DATE_EPOCH=1700000000
MINIMODEL_KEYRING=$WORK/ring
export SOURCE_DATE_EPOCH MINIMODEL_KEYRING

# model NAME [OPTION]...: a model of two files and its manifest, in a folder of that name
model() {
    folder=$1
    shift
    mkdir "$folder" && echo "a card of $folder" >"$folder/card.md" && head -c 200000 /dev/zero | tr '\0' "$folder" >"$folder/weights.dat"
    (cd "$folder" && manifest-make -q -p -s 64K --role weights.dat=weights "$@" weights.dat card.md >../new) && mv new "$folder/m.manifest"
}
model a
model b
model 'odd
name'
key-make -q --no-password org >key
id=$(sed -n 's/^key-id: //p' key)
model c --model-id org/c --key-id "$id" --license-route https://example.org/l --model-card-route https://example.org/c --takedown-route https://example.org/t
manifest-sign -q -s org.key c/m.manifest >/dev/null
mkdir -m 700 ring && mkdir ring/org && cp org.pub "ring/org/$id.pub"
model d && echo more >>d/card.md && changed d/weights.dat 70000
model e && rm e/card.md
model f && sed 's/^version: .*/version: !/' f/m.manifest >new && mv new f/m.manifest
cp -r c g && sed 's/^display-name: .*/&!/' g/m.manifest >new && mv new g/m.manifest # not what was signed
model h && echo surplus >h/surplus && mkdir h/m2 && cp h/m.manifest h/m2/m.manifest # without its files

printf '%s/m.manifest\n' a b c >good
for name in a b c d e absent f g h h/m2 . a; do echo "$name/m.manifest"; done >all
while read -r name; do slm-verify "$name" 2>>each.err; done <all >each.out
for threads in 1 2 5; do
    run slm-verify --threads "$threads" --files-from all
    expect "$threads threads: the worst answer is the answer" 1
    cmp -s each.out "$WORK/.out" && ok 'the reports are those of each alone' || not_ok 'the reports are those of each alone' "$(diff each.out "$WORK/.out" | head -n 4)"
    cmp -s each.err "$WORK/.err" && ok 'and so are the findings' || not_ok 'and so are the findings' "$(diff each.err "$WORK/.err" | head -n 4)"
done
same 'some of them pass, and one is signed by whom the keyring names' '5 1' "$(grep -c '^verdict: pass' each.out) $(grep -cx "signature: verified $id" each.out)"
run slm-verify --files-from good
expect 'good manifests pass' 0
same 'with a report for each' 3 "$(grep -c '^minimodel-report 0$' "$WORK/.out")"
run slm-verify --require-signature --files-from good
expect 'options are for each of them' 1 'verdict: fail'
same 'and judge each by itself' 'fail fail pass' "$(sed -n 's/^verdict: //p' "$WORK/.out" | tr '\n' ' ' | sed 's/ $//')"
{ cat good && echo absent/m.manifest; } >list
run slm-verify --files-from list
expect 'one that is not there answers 3' 3 'absent/m.manifest: error:' '[io-open]'
run slm-verify --files-from - <good
expect 'names come from standard input' 0
printf 'a/m.manifest\0odd\nname/m.manifest\0' >names
run slm-verify -0 --files-from names
expect 'or end in NUL' 0
same 'and may be odd then' 2 "$(grep -c '^verdict: pass' "$WORK/.out")"
run slm-verify --files-from /dev/null
expect 'no names are no fault' 0
same 'and no report' '' "$out"
run slm-verify --files-from nothing
expect 'a list that is not there answers 3' 3 'nothing: error:'

run slm-verify --json --files-from all
expect '--json answers the same' 1
while read -r name; do slm-verify --json "$name" 2>/dev/null; done <all >each.json
same 'and prints a report a line' "$(cat each.json)" "$out"
while read -r name; do slm-verify --sarif "$name" >document 2>/dev/null; python3 "$ROOT/tests/cmd/sarif.py" results document; done <all >each.results
run slm-verify --sarif --files-from all
cp "$WORK/.out" document
run python3 "$ROOT/tests/cmd/sarif.py" check document 1
expect '--sarif prints one sound document' 0
same 'with the results of each' "$(cat each.results)" "$(python3 "$ROOT/tests/cmd/sarif.py" results document)"
same 'of a run that is called by the command alone' slm-verify/ "$(python3 "$ROOT/tests/cmd/sarif.py" run document)"

for turn in 1 2 3 4 5 6 7 8 9 10; do cat all all all; done >long
run sh -c 'ulimit -n 40; exec slm-verify --files-from long >/dev/null'
same 'no file stays open' "$(grep -c . each.err)" "$(($(grep -c . "$WORK/.err") / 30))"
run sh -c 'exec slm-verify --files-from long >/dev/full'
expect 'a full device ends the work' 3 '[io-write]' # nobody knows of d
same 'at once' 1 "$(grep -c 'io-write' "$WORK/.err")"

while IFS='|' read -r what call; do
    # shellcheck disable=SC2086
    run slm-verify $call
    expect "$what is refused" 2 'usage:'
done <<'EOF'
a manifest beside the names|--files-from good a/m.manifest
--null alone|-0 a/m.manifest
--signature|--files-from good --signature c/m.manifest.minisig
--only|--files-from good --only card.md
--bad-ranges|--files-from good --bad-ranges bad
--receipt|--files-from good --receipt org/c
--oms|--files-from good --oms b --key k
standard input for names and a policy|--files-from - --policy -
EOF
run slm-verify --files-from good -m "$(sha256sum <a/m.manifest | cut -d' ' -f1)"
expect 'a pinned hash is refused' 2 'usage:'
