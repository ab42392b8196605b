#!/bin/sh
# manifest-make: a canonical manifest of files and folders, from options, an earlier revision and the publisher's file.
. "$(dirname "$0")/harness.sh"
need manifest-make python3 || exit 0
HERE=$ROOT/tests/cmd
SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH
cp "$MODEL" model.gguf
mkdir folder && cp model.gguf folder && echo '# Card' >folder/README.md && echo MIT >folder/LICENSE && echo '{}' >folder/config.json
facts() { sed -n "s/^$1: //p"; }
GIVEN="--model-id acme/tiny --version 1.0 --license MIT --takedown-route mailto:abuse@acme.org --source-lane original"

# ---- what lacks ----

run manifest-make model.gguf
expect "without options it says all that lacks" 2 "model-id" "version" "license" "license-route" "model-card-route" "takedown-route" "source-lane"
same "in one go" 7 "$(printf '%s\n' "$err" | grep -c 'error: .*\[make-lacks\]$')"
same "and prints no manifest" "" "$out"
run manifest-make folder
same "a licence and a card in the folder are routes" 5 "$(printf '%s\n' "$err" | grep -c 'error: .*\[make-lacks\]$')"
sample=$(printf '%s\n' "$err" | sed -n 's/^note: for example: \(manifest-make .*\) \[make-lacks\]$/\1/p')
same "with a sample command" 1 "$(printf '%s\n' "$sample" | grep -c '^manifest-make .* folder$')"
sh -c "$(printf '%s' "$sample" | sed 's#PUBLISHER/NAME#acme/tiny#')" >made 2>err
same "that works once PUBLISHER/NAME is filled in" 0 $?
run manifest-lint made
expect "and makes a good manifest" 0
run manifest-make --source-lane merged $GIVEN --source-lane merged folder
expect "a lane that has sources wants one" 2 "--source"
mkdir 'a folder' && cp folder/* 'a folder'
run manifest-make 'a folder'
sample=$(printf '%s\n' "$err" | sed -n 's/^note: for example: \(manifest-make .*\) \[make-lacks\]$/\1/p')
sh -c "$(printf '%s' "$sample" | sed 's#PUBLISHER/NAME#acme/tiny#')" >made 2>err
same "the sample command of a folder with a space works" 0 $?

# ---- options ----

run manifest-make $GIVEN folder
expect "a folder with licence and card" 0 "license-route: LICENSE" "model-card-route: README.md" "publisher-id: acme" "revision: 1" "display-name: tiny" "created: 2023-11-14T22:13:20Z"
plain=$out
printf '%s\n' "$out" >plain.manifest
same "the paths are those in the folder, sorted" "LICENSE README.md config.json model.gguf" "$(facts artifact <plain.manifest | tr '\n' ' ' | sed 's/ $//')"
same "the roles follow from the names" "license card config weights" "$(facts artifact-role <plain.manifest | tr '\n' ' ' | sed 's/ $//')"
run manifest-lint plain.manifest
expect "the linter finds nothing" 0
run slm-verify plain.manifest folder
expect "slm-verify passes it" 0 "verdict: pass"
same "the same call makes the same bytes" "$plain" "$(manifest-make -q $GIVEN folder)"
same "a slash behind the folder changes nothing" "$plain" "$(manifest-make -q $GIVEN folder/)"
same "nor does the order of operands" "$plain" "$(manifest-make -q $GIVEN folder/model.gguf folder/README.md folder/config.json folder/LICENSE)"
same "without SOURCE_DATE_EPOCH the time is now" 1 "$(unset SOURCE_DATE_EPOCH; manifest-make -q $GIVEN folder | facts created | grep -cE '^2[0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z$')"
same "SOURCE_DATE_EPOCH=0 is 1970" 1970-01-01T00:00:00Z "$(SOURCE_DATE_EPOCH=0 manifest-make -q $GIVEN folder | facts created)"

while IFS='|' read -r key value; do
    run manifest-make -q $GIVEN "--$key" "$value" folder
    expect "--$key sets $key" 0 "$key: $value"
    cp "$WORK/.out" made && run manifest-lint made
    expect "and --$key makes a good manifest" 0
done <<'EOF'
model-id|acme/other
version|2.0-rc.1+x
revision|9223372036854775807
previous-manifest|0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
display-name|Größe – 小さい
tag|small
key-id|0123456789ABCDEF
created|2020-02-29T12:00:00Z
expires|2999-01-01T00:00:00Z
license|MIT OR (Apache-2.0 AND LicenseRef-x)
license-route|https://example.org/license
model-card-route|config.json
manifest-route|https://example.org/tiny.manifest
takedown-route|https://example.org/takedown
source-lane|original
evidence|infer-check pass - -
peer-hint|available
EOF
run manifest-make -q $GIVEN --key-id 0123456789ABCDEF folder
expect "a key-id sets the signature scheme" 0 "signature-scheme: minisign"
run manifest-make -q $GIVEN --tag b --tag a --tag c folder
same "repeated options are sorted" "a b c" "$(printf '%s\n' "$out" | facts tag | tr '\n' ' ' | sed 's/ $//')"
run manifest-make -q $GIVEN --source-lane merged --source "- b" --source "- a" folder
same "so are sources" "- a - b" "$(printf '%s\n' "$out" | facts source | tr '\n' ' ' | sed 's/ $//')"
run manifest-make $GIVEN --source "- a" folder
expect "an original has no source" 1 "[manifest-lane]"
run manifest-make $GIVEN --tag a --tag a folder
expect "equal tags are refused" 1 "[manifest-many-equal]"
run manifest-make -q -s 64K $GIVEN folder
expect "-s sets the chunk size" 0 "chunk-size: 65536" "chunk-count: 7"

while IFS='|' read -r key value; do
    run manifest-make $GIVEN "--$key" "$value" folder
    expect "--$key '$value' is refused before anything is read" 2 "--$key" "usage:"
done <<'EOF'
model-id|Acme/tiny
model-id|acme/tiny/x
version|a b
revision|0
revision|+1
revision|01
revision|-1
revision|0x1
revision| 1
previous-manifest|0123
previous-manifest|0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
display-name| x
tag|Big
key-id|0123456789abcdef
created|yesterday
created|2023-02-29T00:00:00Z
license|mit or x
license-route|http://example.org/
manifest-route|README.md
takedown-route|mailto:x
source-lane|stolen
source|x
evidence|infer-check maybe - -
peer-hint|yes
EOF
run manifest-make $GIVEN --display-name "$(printf 'a\nversion: 2')" folder
expect "a line feed in a value is refused" 2 "--display-name"
run manifest-make $GIVEN --display-name "$(printf 'a\342\200\256b')" folder
expect "a direction override in a value is refused" 2 "--display-name"
run manifest-make $GIVEN --license-route https://example.org/model.gguf folder
expect "a route that leads to weights is refused" 1 "[value-boundary]"
same "and no manifest is printed" "" "$out"

# ---- roles ----

run manifest-make -q $GIVEN --role config.json=other --role LICENSE=license folder
same "--role sets a role" "license card other weights" "$(printf '%s\n' "$out" | facts artifact-role | tr '\n' ' ' | sed 's/ $//')"
run manifest-make $GIVEN --role config.json=thing folder
expect "a role that nobody knows is refused" 2 "--role"
run manifest-make $GIVEN --role nothing.json=other folder
if [ "$status" -ne 0 ]; then ok "a role of no file is refused"; else not_ok "a role of no file is refused"; fi
run manifest-make -p folder/config.json
expect "a manifest without weights is refused" 1 "[manifest-weights]"
run manifest-make -q -p --role config.json=adapter folder/config.json
expect "an adapter is enough" 0 "architecture: unknown"

# ---- --private ----

run manifest-make -q -p folder
expect "--private fills in what lacks" 0 "model-id: local/folder" "publisher-id: local" "takedown-route: none" "license: LicenseRef-unknown"
printf '%s\n' "$out" >private.manifest
run manifest-lint private.manifest
expect "and the linter finds nothing" 0
run manifest-make -q -p --license MIT --version 3 folder
expect "what is given counts" 0 "license: MIT" "version: 3" "model-id: local/folder"
for odd in aux.d 'Some Model (v1.5)_Q8' '---' 'x..y' 'con' "$(printf '%0100d' 7)"; do
    mkdir -p "odd/$odd" && cp model.gguf "odd/$odd/"
    run manifest-make -q -p "odd/$odd"
    expect "--private finds a name for a folder called '$odd'" 0 "model-id: local/"
done
run sh -c 'cd folder && manifest-make -q -p .'
expect "--private finds a name for ." 0 "model-id: local/"

# ---- --from ----

manifest-make -q $GIVEN --tag x --expires 2999-01-01T00:00:00Z --evidence "infer-check pass - -" -s 65536 --role config.json=other folder >old.manifest
sed 's/^peer-hint.*/&\
x-note: kept/' old.manifest >old2 && mv old2 old.manifest
run manifest-make --from old.manifest --version 1.1 folder
expect "--from takes over what is not given" 0 "version: 1.1" "revision: 2" "model-id: acme/tiny" "tag: x" "x-note: kept" "license: MIT" "chunk-size: 65536" \
    "previous-manifest: $(sha256sum <old.manifest | cut -d' ' -f1)"
same "roles too" "license card other weights" "$(printf '%s\n' "$out" | facts artifact-role | tr '\n' ' ' | sed 's/ $//')"
same "expiry and evidence are not" "" "$(printf '%s\n' "$out" | grep -E '^(expires|evidence):')"
expect "and it says so" 0 "expires is not taken over" "evidence is not taken over"
cp "$WORK/.out" made && run manifest-lint made
expect "and makes a good manifest" 0
run manifest-make -q --from old.manifest --tag '' folder
same "an empty --tag drops the tags" "" "$(printf '%s\n' "$out" | grep '^tag')"
sed 's/^version: .*/version: !/' old.manifest >broken.manifest
run manifest-make --from broken.manifest folder
expect "an earlier revision that is broken is refused" 1 "broken.manifest:3:"
sed 's/^revision: .*/revision: 9223372036854775807/' old.manifest >last.manifest
run manifest-make -q --from last.manifest folder
if [ "$status" -ne 0 ]; then ok "after the last revision there is none"; else not_ok "after the last revision there is none" "$(printf '%s\n' "$out" | grep revision)"; fi

# ---- the publisher's file ----

mkdir -p "$XDG_CONFIG_HOME/minimodel"
publisher=$XDG_CONFIG_HOME/minimodel/publisher
cat >"$publisher" <<'EOF'
minimodel-publisher 0
publisher-id: acme
key-id: 0123456789ABCDEF
license: Apache-2.0
license-route: https://acme.org/license
model-card-route: https://acme.org/card
takedown-route: mailto:abuse@acme.org
source-lane: original
peer-hint: available
EOF
run manifest-make -q --model-id tiny --version 1 model.gguf
expect "the publisher's file completes a manifest" 0 "model-id: acme/tiny" "publisher-id: acme" "key-id: 0123456789ABCDEF" "signature-scheme: minisign" "license: Apache-2.0" \
    "license-route: https://acme.org/license" "model-card-route: https://acme.org/card" "takedown-route: mailto:abuse@acme.org" "peer-hint: available"
run manifest-make -q --model-id tiny --version 1 --license MIT --key-id none model.gguf
expect "what is given wins over it" 0 "license: MIT" "key-id: none" "signature-scheme: none"
run manifest-make -q --model-id other/tiny --version 1 model.gguf
expect "a model-id with a publisher wins over it" 0 "publisher-id: other"
run manifest-make -q --from old.manifest folder
expect "an earlier revision wins over it" 0 "license: MIT" "key-id: none" "model-id: acme/tiny"
run manifest-make -q -p model.gguf
expect "--private stays local" 0 "model-id: local/model-gguf" "publisher-id: local"
while IFS='|' read -r what script line; do
    cp "$publisher" kept && sed "$script" kept >"$publisher"
    run manifest-make --model-id tiny --version 1 model.gguf
    expect "a publisher's file with $what is refused" 1 "publisher:$line:"
    cp kept "$publisher"
done <<'EOF'
an unknown key|2s/^/color: red\n/|2
a key of the manifest that is none of its own|2s/^/version: 1\n/|2
a bad value|s/^key-id: .*/key-id: abc/|3
a field twice|3s/.*/&\n&/|4
two fields swapped|3{h;d};4{G}|4
CR LF|3s/$/\r/|3
another first line|1s/publisher/manifest/|1
a blank line|3s/^/\n/|3
EOF
sed '1s/0$/1/' "$publisher" >kept2 && cp "$publisher" kept && cp kept2 "$publisher"
run manifest-make --model-id tiny --version 1 model.gguf
expect "a publisher's file of another version answers 3" 3 "[text-version-unsupported]"
rm "$publisher" && mkdir "$publisher"
run manifest-make --model-id tiny --version 1 model.gguf
expect "a folder in its place answers 3" 3
rmdir "$publisher"

# ---- chunk lists ----

mkdir lists && mkdir folder/sub && cp folder/README.md folder/sub/notes.txt
run manifest-make -q $GIVEN --chunk-lists lists folder
expect "--chunk-lists names the lists" 0 "chunk-list-route: model.gguf.chunks" "chunk-list-route: sub/notes.txt.chunks"
printf '%s\n' "$out" >listed.manifest
run chunk-merkle --check lists/model.gguf.chunks model.gguf
expect "and writes them" 0
same "with the stated hash" "$(sha256sum <lists/sub/notes.txt.chunks | cut -d' ' -f1)" "$(sed -n '/^artifact: sub/,$p' listed.manifest | facts chunk-list-sha256)"
run manifest-lint listed.manifest
expect "in a good manifest" 0
cp -R lists/. folder/
run slm-verify --strict listed.manifest folder
expect "slm-verify finds the lists good" 0 "check: chunk-list pass" "verdict: pass"
same "lists in the folder are left out of the next manifest" "$(grep -v '^chunk-list' listed.manifest)" "$(manifest-make -q $GIVEN folder)"
run manifest-make -q $GIVEN --chunk-lists lists folder
expect "existing lists are not replaced" 3 "[io-exists]"
run manifest-make -q $GIVEN --force --chunk-lists lists folder
expect "--force replaces them" 0
run manifest-make $GIVEN --chunk-lists nowhere folder
expect "a folder for lists that is not there answers 3" 3 "nowhere"

# ---- what a folder holds ----

cp listed.manifest folder/x.manifest && echo >folder/x.manifest.minisig && echo >folder/.hidden && echo >folder/model.part && printf '{"a": Infinity}' >folder/generation_config.json
run manifest-make $GIVEN folder
expect "what is no part of the model is left out and named" 0 "left out: x.manifest" "left out: x.manifest.minisig" "left out: .hidden" "left out: model.part"
expect "a .json that is none is text, with a note" 0 "generation_config.json: note:" "[make-not-json]"
rm folder/x.manifest* folder/.hidden folder/model.part folder/generation_config.json
for odd in 'a&b.txt' 'ä.txt' '-x.txt' '#x' "it's" 'con.txt' 'x.' 'back\slash' "$(printf 'new\nline')" "$(printf '\377')"; do
    echo x >"folder/$odd"
    run manifest-make $GIVEN folder
    expect "a file called '$(printf %s "$odd" | tr -cd ' -~')' is named, with what to rename" 1 "[make-name]" "rename it"
    same "and nothing is printed" "" "$out"
    rm "folder/$odd"
done
echo x >folder/A.txt && echo x >folder/a.txt
if [ "$(ls folder | grep -ci '^a.txt$')" -eq 2 ]; then
    run manifest-make $GIVEN folder
    expect "names that differ by case alone are refused" 1 "[manifest-paths]"
fi
rm -f folder/A.txt folder/a.txt
run manifest-make $GIVEN model.gguf folder
expect "two files of one path are refused" 1 "model.gguf" "[manifest-paths]"
run manifest-make $GIVEN folder nowhere
expect "an operand that is not there answers 3" 3 "nowhere"
mkdir bad && cp folder/* bad 2>/dev/null
truncate -s -1 bad/model.gguf && printf '{' >bad/config.json && cp bad/model.gguf bad/second.gguf
run manifest-make $GIVEN bad
expect "an invalid model is refused, with all findings" 1 "model.gguf:@" "second.gguf:@"
same "and nothing is printed" "" "$out"
run manifest-make -o out.manifest $GIVEN bad
same "nor written" "1 no" "$status $([ -e out.manifest ] && echo yes || echo no)"
run manifest-make -q -o out.manifest $GIVEN folder
same "-o writes the same bytes" "$(manifest-make -q $GIVEN folder)" "$(cat out.manifest)"
same "and prints nothing" "" "$out"
