#!/bin/sh
# catalog-find: the same selections as jq makes, wrong patterns, what heads are worth, withdrawals, catalogs that lie, and large ones.
. "$(dirname "$0")/harness.sh"
need catalog-find python3 || exit 0
HELP=$ROOT/tests/cmd/catalogs.py
FINDING=$ROOT/tests/cmd/finding.py
PYTHONDONTWRITEBYTECODE=1
MINIMODEL_KEYRING=$WORK/keyring
export PYTHONDONTWRITEBYTECODE MINIMODEL_KEYRING
DAY=86400
now=$(date +%s)
SOURCE_DATE_EPOCH=$((now - 10 * DAY))
export SOURCE_DATE_EPOCH

# new_key NAME PUBLISHER: an open key that the keyring trusts; $id is its id
new_key() {
    id=$(key-make -q --no-password "$1" | sed -n 's/^key-id: //p')
    mkdir -p "keyring/$2" && cp "$1.pub" "keyring/$2/$id.pub"
}
mkdir keyring && chmod 700 keyring
new_key keeper keeper
python3 "$FINDING" made none >list
sort -R list >mixed
mkdir none
run catalog-build -q -o web --catalog-id keeper --publisher keeper --allow-unsigned --keyring none --files-from mixed
expect 'a catalog to search' 0 'entry-count: '
catalog-build -q -o web -s keeper.key --keyring none --allow-unsigned --renew >/dev/null
find_in() { run catalog-find "$@"; }
ids() { cut -f1 "$WORK/.out"; }

# ---- selections, jq being the judge ----

selected=0
# as_jq FILTER PATTERN...: all revisions that jq selects, in the same order; and of each model the highest of them
as_jq() {
    filter=$1
    shift
    find_in -q --all web "$@"
    jq -r "select($filter) | \"\(.model_id)@\(.revision)\"" web/catalog.jsonl >wanted
    same "all with $*" "$(cat wanted)" "$(ids)"
    [ -s wanted ] && selected=$((selected + 1))
    same "all with $*: exit code" "$([ -s wanted ] && echo 0 || echo 1)" "$status"
    find_in -q web -- "$@"
    jq -rs "[.[] | select($filter)] | group_by(.model_id) | .[] | max_by(.revision) | \"\(.model_id)@\(.revision)\"" web/catalog.jsonl >wanted
    same "the highest with $*" "$(cat wanted)" "$(ids)"
    find_in -q --count web "$@"
    same "how many with $*" "$(wc -l <wanted | tr -d ' ')" "$out"
}
if need 'selections as jq makes them' jq; then
    # what a word is looked for in, ASCII letters in lower case
    words='[.model_id,.display_name,.license,.architecture,.quantization,(.tags//[])[],(.source_summary//[])[]]|map(ascii_downcase)'
    as_jq true
    as_jq '.architecture=="llama"' arch=llama
    as_jq '.architecture=="llama"' architecture:LLAMA
    as_jq '.architecture!="llama"' 'arch!=llama'
    as_jq '.architecture!="llama"' '!arch:llama'
    as_jq "$words | any(contains(\"tiny\"))" tiny
    as_jq "$words | any(contains(\"tiny\"))" TINY
    as_jq "$words | any(contains(\"tiny\")) | not" '!tiny'
    as_jq "$words | any(contains(\"größe\") or contains(\"größe\"))" größe
    as_jq "$words | any(contains(\"\\\"xl\\\" \\\\ \"))" '"XL" \ '
    as_jq '.display_name=="ŁÓDŹ"' name=ŁÓDŹ
    as_jq '.display_name | ascii_downcase | startswith("tiny")' 'name:tiny *'
    as_jq '.display_name | ascii_downcase | test("(^| )(claims|talker)$")' 'name:claims,talker'
    as_jq '(.tags//[])|index("chat")' tag=chat
    as_jq '(.tags//[])|any(startswith("c"))' 'tag:c*'
    as_jq '(.tags//[])|length==0' '!tag:*'
    as_jq '(.tags//[])|length>0 and (index("chat")|not)' 'tag!=chat'
    as_jq '.model_id|test("^keeper/model-[0-4]7$")' 'id:model-?7' '!id:model-57'
    as_jq '.model_id=="keeper/model-00"' id=Keeper/Model-00
    as_jq '(.source_summary//[])|any(test("/base-[1-3]$"))' 'source:base-1,base-2,BASE-3'
    as_jq '(.source_summary//[])|any(test("/base-[0-9]$"))' 'base-?'
    as_jq '.source_lane=="original"' lane:orig
    as_jq '.publisher_id=="keeper"' publisher=keeper key=none
    as_jq '.quantization|test("^q4_")' 'quant:q4_*'
    as_jq '.quantization=="q4_k" or .quantization=="f16"' quantization:Q4_K,F16
    as_jq '.version=="2.12"' version=2.12
    as_jq '((.evidence_status//[])|any(startswith("derived pass"))) and .revision==1' 'evidence:derived pass' revision=1
    as_jq '.license|IN("Apache-2.0","Apache-2.0 OR MIT")' license:apache-2.0
    as_jq '.license|IN("MIT","Apache-2.0 OR MIT")' license:MIT
    as_jq '.license|IN("MIT","Apache-2.0 OR MIT","MIT AND BSD-3-Clause","BSD-2-Clause")' 'license:MIT,BSD-*'
    as_jq '.license|IN("MIT","Apache-2.0 OR MIT","(MIT OR Apache-2.0) AND CC-BY-4.0")' license:MIT,CC-BY-4.0
    as_jq '.license=="(MIT OR Apache-2.0) AND CC-BY-4.0"' 'license=(mit or apache-2.0) and cc-by-4.0'
    as_jq '.license=="GPL-2.0-only WITH Classpath-exception-2.0"' 'license:GPL-2.0-only WITH Classpath-exception-2.0'
    as_jq '.license!="MIT"' 'license!=MIT'
    as_jq '.license|test("apache";"i")' apache
    as_jq '.parameters!=null and .parameters<1000000000' 'parameters<1e9'
    as_jq '.parameters!=null and .parameters>=7000000000' 'parameters>=7B'
    as_jq '(.parameters!=null and .parameters>=7000000000)|not' '!parameters>=7B'
    as_jq '.parameters==null' '!parameters>=0'
    as_jq '.parameters==70000' parameters=70k
    as_jq '.parameters==70000' parameters:0.07M
    as_jq '.parameters!=null and .parameters!=70000' 'parameters!=70k'
    as_jq '.artifact_bytes<=4294967296' 'bytes<=4GiB'
    as_jq '.artifact_bytes>4000000000' 'bytes>4GB'
    as_jq '.artifact_bytes>4000000000' 'artifact-bytes>4e9'
    as_jq '(.artifacts|length)==2' artifacts=2
    as_jq '.model_shape.block_count>=12' 'block_count>=12'
    as_jq '.model_shape.context_length>32000' 'context_length>32k'
    as_jq '.model_shape.context_length>32768' 'context-length>32Ki'
    as_jq '.model_shape.head_count_kv!=null and .model_shape.head_count_kv<=2' 'head_count_kv<=2'
    as_jq '.revision>1' 'revision>1'
    as_jq '.created|startswith("2023")' created=2023
    as_jq '.created>"2023-99"' 'created>2023'
    as_jq '.created<="2023-06-15T00:00:00Z"' 'created<=2023-06'
    as_jq '.created<"2023-06-15T00:00:00Z"' 'created<2023-06-15T00:00:00Z'
    as_jq '.created>="2022-03-15"' 'created>=2022-03-15'
    as_jq false 'expires!=2024' # none of them says when
    as_jq '.architecture=="qwen2" and .parameters!=null and .parameters<1e9 and (.license|IN("MIT","Apache-2.0 OR MIT"))' arch:qwen2 'parameters<1G' license:MIT
    hash=$(jq -r 'select(.model_id=="keeper/model-09").manifest_sha256' web/catalog.jsonl | head -n 1)
    as_jq ".manifest_sha256==\"$hash\"" "sha256:$hash"
    hash=$(jq -r 'select(.model_id=="keeper/model-09" and .revision==1).artifacts[1].tokenizer_sha256' web/catalog.jsonl)
    as_jq ".artifacts|any(.tokenizer_sha256==\"$hash\")" "sha256=$hash"
    as_jq 'false' no-such-word
    same 'nearly all of them select something' true "$([ "$selected" -ge 57 ] && echo true || echo "$selected")"

    # order
    for key in parameters artifact_bytes created; do
        word=${key#artifact_}
        find_in -q --json --sort "$word" web
        same "sorted by $word" "$(jq -c ".entry.$key" "$WORK/.out" | sed '/null/d' | { [ $key = created ] && sort || sort -n; })" "$(jq -c ".entry.$key" "$WORK/.out" | sed '/null/d')"
        find_in -q --json --sort "$word" --reverse web
        same "sorted by $word, reversed" "$(jq -c ".entry.$key" "$WORK/.out" | sed '/null/d' | { [ $key = created ] && sort -r || sort -nr; })" "$(jq -c ".entry.$key" "$WORK/.out" | sed '/null/d')"
    done
    find_in -q --json --sort parameters -r web
    same 'what says nothing comes last' null "$(jq -c .entry.parameters "$WORK/.out" | uniq | tail -n 1)"
    find_in -q --sort id -r web
    same 'sorted by id, reversed' "$(ids | sort -r)" "$(ids)"
    find_in -q --sort bytes -n 3 web
    cp "$WORK/.out" three
    find_in -q --sort bytes web
    same 'a limit takes the first' "$(head -n 3 "$WORK/.out")" "$(cat three)"

    for n in 1 2 7 59 60 61; do
        find_in -q -n $n web
        same "the first $n of them" "$(jq -rs "group_by(.model_id)|.[]|max_by(.revision)|\"\(.model_id)@\(.revision)\"" web/catalog.jsonl | head -n $n)" "$(ids)"
    done
    find_in -q -n 61 -c web -c web
    same 'a limit counts over all catalogs' 'keeper/model-59@1 keeper/model-00@10' "$(ids | tail -n 2 | tr '\n' ' ' | sed 's/ $//')"

    # the fields of a line are those of the entry
    find_in -q --all web
    jq -r '[.model_id+"@\(.revision)",.version,.artifact_bytes,.quantization,.license,.manifest_sha256,.parameters//"-",.architecture,"offered","verified","fresh","trusted","web",
        (.display_name|gsub("\\\\";"\\\\"))]|map(tostring)|join("\t")' web/catalog.jsonl >wanted
    same 'the fields of a line' "$(cat wanted)" "$out"
    find_in -q --all --json web
    same 'entries are the lines of the catalog' "$(cat web/catalog.jsonl)" "$(jq -cS .entry "$WORK/.out")"
fi

# ---- wrong patterns are wrong calls ----

while IFS='|' read -r pattern expected; do
    find_in web tiny "$pattern"
    expect "a wrong pattern: $pattern" 2 "$expected" "found '$pattern'" 'usage: catalog-find'
    same "a wrong pattern prints no result: $pattern" '' "$out"
done <<'LIST'
parameters<1.5|a whole number below 2^63
parameters<9223372036854775808|a whole number below 2^63
parameters<1e19|a whole number below 2^63
parameters<007|a whole number below 2^63
parameters<-1|a whole number below 2^63
parameters<0x10|a whole number below 2^63
parameters<1GiB|a whole number below 2^63
bytes<1BB|a whole number below 2^63
revision>1e|a whole number below 2^63
context_length>|a value behind the comparison
parameter<1|a word, or any, id
colour:red|a word, or any, id
https://example.org|any:WORD
a.b<c|any:WORD
tag<x|one of : = !=
id>=x|one of : = !=
license:|a value behind
license:MIT,,BSD|SPDX licence ids
license:MIT OR BSD|SPDX licence ids
created<yesterday|a time: YYYY
created<2026-13|a time: YYYY
created<2026-02-30|a time: YYYY
sha256:abc|64 lower-case hex digits
any=x|any:WORD
!|a pattern behind one !
!!x|a pattern behind one !
LIST
find_in web ''
expect 'an empty pattern' 2 'expected a pattern'
for call in "" "-r web" "--count --limit 1 web" "--sort size web" "--limit 0 web" "-0 web" "--limit x web"; do
    run catalog-find $call
    expect "usage: catalog-find $call" 2 'usage: catalog-find'
done

# ---- which operand is what ----

cp -a web tiny
find_in -q tiny tiny
cp "$WORK/.out" wanted
find_in -q -c web tiny
same 'the first operand is the catalog' "$(cut -f1 wanted)" "$(ids)"
find_in web tiny
expect 'a pattern that is a catalog too is told' 0 "'tiny' is a pattern here" '[catalog-file]'
find_in web tiny/catalog.jsonl
expect 'and one that is its list' 1 "'tiny/catalog.jsonl' is a pattern here" '[catalog-model]'
mkdir links && ln -s ../web/catalog.jsonl links/one && ln -s ../web links/two
find_in -q -c links/one -c links/two model-07
same 'links that are given are followed' 'links/one verified links/two verified' "$(cut -f10,13 "$WORK/.out" | sed 's/\(.*\)\t\(.*\)/\2 \1/' | tr '\n' ' ' | sed 's/ $//')"
find_in -q no-such tiny
expect 'a word is not taken for a catalog' 3 'no-such' '[io-open]'
find_in -q -c web -c tiny model-07
same 'with --catalog all are searched, in order' 'web tiny' "$(cut -f13 "$WORK/.out" | tr '\n' ' ' | sed 's/ $//')"
printf 'tiny\nweb\n' >catalogs
find_in -q --files-from catalogs model-07
same 'and with --files-from' 'tiny web' "$(cut -f13 "$WORK/.out" | tr '\n' ' ' | sed 's/ $//')"
printf 'tiny\0web\0' | catalog-find -q -0 --files-from - model-07 | cut -f13 >names
same 'from standard input, ended by NUL' 'tiny web' "$(tr '\n' ' ' <names | sed 's/ $//')"
find_in -q --sort id -c web -c tiny
same 'one order over all' "$(ids | sort)" "$(ids)"
find_in -q -c web -c no-such model-07
expect 'a catalog that is not there does not hide the others' 3 'keeper/model-07@1' '[io-open]'
(cd web && catalog-find -q . model-07 && catalog-find -q catalog.jsonl model-07) >names
same 'a folder and its file' '2 verified' "$(wc -l <names | tr -d ' ') $(cut -f10 names | uniq)"
rm -rf tiny

# ---- what the head is worth ----

# worth NAME STATUS WORDS RULE ARGUMENT...: the words of the first result, and the rule of what is said
worth() {
    name=$1 wanted=$2 words=$3 rule=$4
    shift 4
    find_in "$@" model-07
    expect "$name" "$wanted" ${rule:+"[$rule]"}
    same "$name: the words" "$words" "$(head -n 1 "$WORK/.out" | cut -f10-12 | tr '\t' ' ')"
}
worth 'a trusted head' 0 'verified fresh trusted' '' web
same 'nothing is said of it' '' "$err"
worth 'and so with --trusted' 0 'verified fresh trusted' '' -t web
worth 'a key that is not known' 0 'unknown-key fresh untrusted' signature-unknown-key --keyring none web
worth 'is refused with --trusted' 1 '' signature-unknown-key -t --keyring none web
cp -a web bare && rm bare/catalog.head.minisig bare/heads/*.minisig
worth 'an unsigned head' 0 'unsigned fresh untrusted' catalog-unsigned --keyring none bare
worth 'is refused with --trusted, too' 1 '' catalog-unsigned -t --keyring none bare
worth 'a signature that was taken away' 1 '' catalog-unsigned bare
cp web/catalog.jsonl alone.jsonl
worth 'entries without a head' 0 'none none untrusted' catalog-file alone.jsonl
worth 'they are refused with --trusted' 1 '' catalog-file -t alone.jsonl
cp web/heads/1 old-head && cp -a bare wrong && cp web/heads/2.minisig wrong/catalog.head.minisig && cp web/heads/1 wrong/catalog.head
worth 'a signature of another head' 1 '' signature-bad wrong
cp -a keyring revoked && key-trust --keyring revoked revoke keeper "$id" --reason test >/dev/null 2>&1
worth 'a key that is revoked' 1 '' signature-revoked-key --keyring revoked web
env SOURCE_DATE_EPOCH=$((now - 300 * DAY)) catalog-build -q -o expired -s keeper.key --keyring none --catalog-id keeper --publisher keeper --allow-unsigned made/07-1.manifest >/dev/null 2>&1
worth 'a head that expired' 0 'verified expired trusted' catalog-expired expired
worth 'is refused with --trusted as well' 1 '' catalog-expired -t expired
env SOURCE_DATE_EPOCH=$((now + 20 * DAY)) catalog-build -q -o future -s keeper.key --keyring none --catalog-id keeper --publisher keeper --allow-unsigned made/07-1.manifest >/dev/null 2>&1
worth 'a trusted head that the clock is behind' 0 'verified fresh trusted' clock-behind future
worth 'its time counts' 0 'verified fresh trusted' clock-behind -t future
worth 'another head from the future' 0 'unknown-key future untrusted' clock-behind --keyring none future
catalog-build -q -o soon -s keeper.key --keyring none --catalog-id soon --publisher keeper --allow-unsigned --expires-in 15 made/07-1.manifest >/dev/null 2>&1
worth 'a head that expires soon' 0 'verified fresh trusted' '' soon
worth 'has expired where a trusted one is newer' 0 'verified expired trusted' catalog-expired -c soon -c future
worth 'not where one that is not trusted says so' 0 'unknown-key fresh untrusted' clock-behind --keyring none -c soon -c future
find_in -q -t -c expired -c web model-07
expect 'one that is refused does not hide the others' 1 'keeper/model-07@1' '[catalog-expired]'
same 'and is not printed' 'web' "$(cut -f13 "$WORK/.out")"
find_in --json web id=keeper/model-07
if need 'the head in JSON' jq; then
    same 'the head in JSON' "verified fresh true keeper keeper 2 $id $(sha256sum <web/catalog.head | cut -c1-64)" \
        "$(jq -r '.head|[.signature,.age,.trusted,."catalog-id",."publisher-id",.sequence,."key-id",."head-sha256"]|map(tostring)|join(" ")' "$WORK/.out")"
fi

# ---- catalogs that lie: nothing of them is printed ----

# lie NAME RULE COMMAND...: the command changes a copy, `lying`
lie() {
    name=$1 rule=$2
    shift 2
    rm -rf lying && cp -a web lying
    "$@"
    find_in -q lying
    expect "$name" 1 "lying" "[$rule]"
    same "$name: nothing is printed" '' "$out"
}
lie 'an entry that was changed' catalog-file sed -i '3s/"version":"\(.\)/"version":"9\1/' lying/catalog.jsonl
lie 'an entry that lacks' catalog-file sed -i 2d lying/catalog.jsonl
lie 'the last line changed' catalog-file sed -i '$s/"version":"\(.\)/"version":"9\1/' lying/catalog.jsonl
lie 'withdrawals that lack' catalog-file rm lying/withdrawn.jsonl
lie 'withdrawals that are none' catalog-entry sh -c 'echo {} >lying/withdrawn.jsonl'
lie 'a list that is no file' catalog-file sh -c 'rm lying/catalog.jsonl && mkfifo lying/catalog.jsonl'
lie 'a list that leads out' catalog-file sh -c 'rm lying/catalog.jsonl && ln -s ../web/catalog.jsonl lying/catalog.jsonl'
lie 'a head that is none' text-first-line sh -c 'echo x >lying/catalog.head'
python3 "$HELP" many many 9
catalog-build -q -o true --keyring none --catalog-id demo --publisher demo --allow-unsigned many/* >/dev/null
for one in "swap catalog-order" "repeat catalog-order" "count catalog-file" "root catalog-file" "local catalog-local" "boundary value-boundary"; do
    rm -rf lying && cp -a true lying && python3 "$HELP" forge lying "${one% *}"
    find_in -q lying
    expect "a catalog that lies: $one" 1 "[${one#* }]"
    same "a catalog that lies: $one: nothing is printed" '' "$out"
    find_in -q lying no-such-word
    expect "nor is it said that nothing was found: $one" 1 "[${one#* }]"
    same "only what is wrong: $one" 0 "$(printf '%s\n' "$err" | grep -c 'catalog-model')"
done
find_in -q true no-such-word
expect 'nothing found' 1 '[catalog-model]'
find_in -q --count true no-such-word
expect 'nothing found is 0 of them' 1 '[catalog-model]'
same 'nothing found: the count' 0 "$out"
find_in --count --json -q true
same 'the count in JSON' '{"matches":9}' "$out"

# ---- withdrawals ----

cp -a web before
catalog-build -q -o web -s keeper.key -w keeper/model-06@2 --reason 'wrong "tokenizer"' >/dev/null
catalog-build -q -o web -s keeper.key -w keeper/model-07 --reason "$(printf 'a\\b')" >/dev/null
lie 'the head before a withdrawal' catalog-file sh -c 'cp before/catalog.head before/catalog.head.minisig lying'
find_in -q --all web id:model-06,model-07
same 'what was withdrawn does not stand there' 'keeper/model-06@1' "$(ids)"
find_in -q --all -w web id:model-06,model-07
same 'with --withdrawn it is named' 'keeper/model-06@1 offered keeper/model-06@2 withdrawn keeper/model-07@* withdrawn' "$(cut -f1,9 "$WORK/.out" | tr '\t\n' '  ' | sed 's/ $//')"
same 'and why' 'wrong "tokenizer"|a\\b|' "$(cut -f14 "$WORK/.out" | sed 1d | tr '\n' '|')"
find_in -q -w web reason:TOKEN
same 'found by its reason' 'keeper/model-06@2' "$(ids)"
find_in -q -w web tokenizer
same 'or a word of it' 'keeper/model-06@2' "$(ids)"
find_in -q -w web 'revision>5' id:model-07
same '* is all revisions' 'keeper/model-07@*' "$(ids)"
find_in -q -w web license:MIT publisher=keeper '!id:model-0[0-9]'
same 'a withdrawal says nothing of a licence' 0 "$(cut -f9 "$WORK/.out" | grep -c withdrawn)"
marks() { cut -f1,9,13 "$WORK/.out" | tr '\t\n' '  ' | sed 's/ $//'; }
find_in -q --all -c before -c web id:model-06,model-07
same 'what another catalog withdrew is marked' 'keeper/model-06@1 offered before keeper/model-06@2 withdrawn before keeper/model-07@1 withdrawn before keeper/model-06@1 offered web' "$(marks)"
find_in -q --json -c before -c web id=keeper/model-07
expect 'and by whom' 0 '"withdrawn-by":"web"'
rm -rf bare && cp -a web bare && rm bare/catalog.head.minisig
find_in -q --keyring none -c before -c bare id=keeper/model-07
same 'an unsigned head does not take back what a better one offers' 'keeper/model-07@1 offered before' "$(marks)"
rm -rf bare-before && cp -a before bare-before && rm bare-before/catalog.head.minisig
find_in -q --keyring none -c bare-before -c bare id=keeper/model-07
same 'but what one of its kind offers' 'keeper/model-07@1 withdrawn bare-before' "$(marks)"
new_key merger merger
catalog-build -q -o merged -s merger.key --catalog-id all --publisher merger --merge web >/dev/null
find_in -q -c before -c merged id=keeper/model-07
same 'a withdrawal of somebody else binds nobody' 'keeper/model-07@1 offered before' "$(marks)"

# ---- what reaches the terminal ----

odd=$(printf 'a\tb\033[31m')
mkdir "$odd" && cp -a web/. "$odd"
find_in "$odd" model-08
expect 'a catalog with an odd name' 0 'a\u{9}b\u{1b}[31m'
same 'no control character is printed' 0 "$(tr -d '\t\n -~' <"$WORK/.out" | LC_ALL=C tr -d '\200-\377' | wc -c | tr -d ' ')"
find_in web "$(printf 'x\033[31m:y')"
expect 'a wrong pattern is shown escaped' 2 'x\u{1b}[31m:y'
same 'on standard error, too' 0 "$(LC_ALL=C tr -d '\n -~' <"$WORK/.err" | wc -c | tr -d ' ')"
catalog-find -q web >/dev/full 2>err
same 'a full disk is told' '3 1' "$? $(grep -c '\[io-write\]' err)"

# ---- beside a builder: the old or the new ----

cp -a true busy
(for i in 1 2 3 4 5 6 7 8; do
    python3 "$HELP" manifest "more$i.manifest" demo "more-$i" 1 none
    catalog-build -q -o busy --keyring none --allow-unsigned "more$i.manifest" >/dev/null
done) &
wrong=0 last=0
while kill -0 $! 2>/dev/null; do
    catalog-find -q --keyring none busy id:more-,model-000000 >race 2>race.err || wrong=$(cat race.err)
    lines=$(wc -l <race)
    [ "$lines" -ge "$last" ] || wrong="$lines results after $last"
    last=$lines
done
wait
same 'a search beside a builder sees one catalog' 0 "$wrong"
same 'and the next one the new' 9 "$(catalog-find -q --keyring none --count busy id:more-,model-000000)"

# ---- large ones ----

head -n 1 true/catalog.jsonl >line
mkdir large && python3 - large <<'PY'
import json, sys
entry = json.loads(open('line').read())
with open(sys.argv[1] + '/catalog.jsonl', 'w') as out:
    for i in range(30000):
        entry['model_id'] = f'demo/model-{i:06}'
        entry['manifest_route'] = f'manifests/demo/model-{i:06}/{entry["revision"]}.manifest'
        out.write(json.dumps(entry, sort_keys=True, separators=(',', ':'), ensure_ascii=False) + '\n')
PY
in_memory 65536 catalog-find -q large
expect '30,000 results within 64 MiB' 0
same '30,000 results: all of them' 30000 "$(wc -l <"$WORK/.out" | tr -d ' ')"
in_memory 65536 catalog-find -q --sort id -r -n 1 large
expect 'sorted within 64 MiB' 0 'demo/model-029999@1'

# ---- a line that changes after it was checked ----

same 'a line that changes after it was checked is not printed' '3 io-changed True' "$(python3 - <<'PY'
import subprocess
path = 'large/catalog.jsonl'
found = subprocess.Popen(['catalog-find', '-q', 'large'], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
first = found.stdout.readline()  # the list was read whole; some megabytes wait behind the pipe
size = len(open(path, 'rb').read())
with open(path, 'r+b') as f:
    f.seek(size - 4)  # in the version of the last entry
    f.write(b'7')
rest, errors = found.communicate()
print(found.returncode, 'io-changed' if b'[io-changed]' in errors else errors, b'model-029999' not in rest and b'model-029998' in rest)
PY
)"

# ---- schemas ----

python=/usr/bin/python3
if "$python" -c 'import jsonschema' 2>/dev/null; then
    {
        catalog-find -q --json -w -c web -c before -c merged
        catalog-find -q --json --keyring none -c bare -c future
        catalog-find -q --json -c expired -c alone.jsonl
    } >found.json 2>/dev/null
    run "$python" - "$ROOT/schemas" <<'PY'
import json, sys, jsonschema
found, entry, withdrawn = (jsonschema.Draft202012Validator(json.load(open(f'{sys.argv[1]}/catalog-{name}.schema.json'))) for name in ('found', 'entry', 'withdrawn'))
seen = set()
for line in open('found.json'):
    value = json.loads(line)
    found.validate(value)
    entry.validate(value['entry']) if 'entry' in value else withdrawn.validate(value['withdrawal'])
    seen |= {'entry' if 'entry' in value else 'withdrawal', value['head']['signature'], value['head']['age'], 'withdrawn-by' in value}
print(*sorted(map(str, seen)))
PY
    same 'all kinds of results follow their schemas' '0 False True entry expired fresh future none unknown-key unsigned verified withdrawal' "$status $out"
else
    skip 'all kinds of results follow their schemas' 'no python3-jsonschema'
fi

# ---- two histories of one catalog ----

cp -a web left && cp -a web right
for side in left right; do # head N+1 in both, of other lists
    python3 "$HELP" manifest $side.manifest keeper "only-$side" 1 none
    catalog-build -q -o $side -s keeper.key --keyring none --allow-unsigned $side.manifest >/dev/null || not_ok "a history on the $side"
done
find_in -q -c left -c right --count model-0
expect 'two heads of one number contradict each other' 1 'right/catalog.head: error: expected the head' 'of catalog keeper of keeper that is in left, found another [catalog-history]'
find_in -q -c left -c web --count model-0
expect 'an older head does not' 0
cp -a left same && find_in -q -c left -c same --count model-0
expect 'nor does a copy' 0
(cd right && rm catalog.head.minisig) && find_in -q --keyring none -c left -c right --count model-0
same 'nor one whose signature is worth less' 0 "$(grep -c 'catalog-history' "$WORK/.err")"

# ---- each call failing once ----

FAULTY=$BUILD/fault/catalog-find
if [ -x "$FAULTY" ]; then
    catalog-build -q -o web -s keeper.key -w keeper/model-09 --reason x >/dev/null
    FAULTS=${FAULTS:-40}
    export FAULTS
    for fault in read:5 write:28 memory:12 open:24 stat:5; do
        for call in '-q --sort id -w -c web -c before model-0' '-q --json -w web/catalog.jsonl license:MIT'; do
            wrong=$(python3 "$ROOT/tests/cmd/faults.py" "${fault%%:*}" "${fault##*:}" "$WORK/o" "$FAULTY" $call 2>&1 | head -n 8)
            same "catalog-find $call: ${fault%%:*} fails" '' "$wrong"
        done
    done
else
    skip 'faults while searching' 'the commands with faults are not built'
fi
