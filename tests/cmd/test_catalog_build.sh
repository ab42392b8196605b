#!/bin/sh
# catalog-build: what gets in and what does not, the history of heads, proofs, merging, interruptions, and catalogs that lie.
. "$(dirname "$0")/harness.sh"
need catalog-build python3 || exit 0
HELP=$ROOT/tests/cmd/catalogs.py
SECOND=$ROOT/tests/second/catalog.py
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
new_key other other && other=$id
new_key keeper keeper

# describe FILE NAME REVISION [CHANGE]...: a signed manifest of keeper
describe() {
    file=$1 name=$2 revision=$3
    shift 3
    python3 "$HELP" manifest "$file" keeper "$name" "$revision" "$id" "$@" && manifest-sign -q -s keeper.key --force "$file" >/dev/null 2>&1
}
build() { run catalog-build -q -o web -s keeper.key "$@"; }
first() { build --catalog-id keeper --publisher keeper "$@"; }
check() { run catalog-build --check "$@"; }
fact() { sed -n "s/^$1: //p" "$WORK/.out"; }

# files FOLDER: every file, with what would change if it were written again
files() { (cd "$1" && find . -type f -printf '%p %i %T@ %s\n' | sort); }
texts() { (cd "$1" && find . -type f -exec sha256sum {} + | sort -k 2); }

# sound NAME [FOLDER]: the catalog passes, here and in the second implementation
sound() {
    check "${2:-web}"
    expect "$1: it passes" 0 'verdict: pass'
    same "$1: the second implementation agrees" '' "$(python3 "$SECOND" check "${2:-web}" 2>&1)"
}
unchanged() { same "$1: nothing was written" "$before" "$(files web)"; }

describe a1.manifest alpha 1
describe a2.manifest alpha 2
describe a10.manifest alpha 10
describe b1.manifest beta 1
describe own.manifest gamma 1 manifest-route=https://example.org/gamma.manifest

# ---- building ----

build a1.manifest
expect 'a first head needs names' 1 '[catalog-head]'
first a1.manifest b1.manifest
expect 'a first build' 0 'state: built' 'sequence: 1' 'entry-count: 2' 'added: 2' 'manifests: 2'
sound 'a first build'
cp web/catalog.head seen1
run sh -c 'cd web && find . -type f | sort | tr "\n" " "'
same 'its files' "./catalog.head ./catalog.head.minisig ./catalog.jsonl ./heads/1 ./heads/1.changes ./heads/1.minisig ./index.html ./manifests/keeper/alpha/1.manifest ./manifests/keeper/alpha/1.manifest.minisig ./manifests/keeper/alpha/index.html ./manifests/keeper/beta/1.manifest ./manifests/keeper/beta/1.manifest.minisig ./manifests/keeper/beta/index.html ./page.css ./page.js ./withdrawn.jsonl " "$out"
same 'manifests are copied as they are' "$(sha256sum <a1.manifest)" "$(sha256sum <web/manifests/keeper/alpha/1.manifest)"
same 'the trusted comment is the page'"'"'s' "trusted comment: catalog:keeper sequence:1 sha256:$(sha256sum <web/catalog.head | cut -c1-64)" "$(sed -n 3p web/catalog.head.minisig)"
python3 "$SECOND" lines a1.manifest b1.manifest >lines
same 'the second implementation writes the same lines' '' "$(cmp lines web/catalog.jsonl 2>&1)"
if need 'jq finds the same canonical lines' jq; then
    same 'jq finds the same canonical lines' "$(jq -cS . web/catalog.jsonl)" "$(cat web/catalog.jsonl)"
fi
if need 'minisign verifies the head' minisign; then
    run minisign -V -p keeper.pub -m web/catalog.head -x web/catalog.head.minisig
    expect 'minisign verifies the head' 0 'catalog:keeper sequence:1'
fi

describe late.manifest late 1 expires=2026-01-02T00:00:00Z
run catalog-build -o ended -s keeper.key --catalog-id keeper --publisher keeper late.manifest
expect 'an expired manifest is listed' 0 'state: built' 'added: 1'
expect 'and noted' 0 'late.manifest: note: expected a manifest that has not expired, found one that expired at 2026-01-02T00:00:00Z [catalog-expired]'
run catalog-build -o ended -s keeper.key late.manifest
same 'once, when it comes in' '' "$err"
sound 'an expired manifest' ended
python3 "$SECOND" lines late.manifest >lines
same 'the second implementation writes the same line of it' '' "$(cmp lines ended/catalog.jsonl 2>&1)"
same 'it says when' 1 "$(grep -c '"expires":"2026-01-02T00:00:00Z"' ended/catalog.jsonl)"

before=$(files web)
build
expect 'without manifests nothing changes' 0 'state: unchanged' 'sequence: 1'
unchanged 'without manifests'
build b1.manifest a1.manifest
expect 'the same manifests change nothing' 0 'state: unchanged' 'added: 0' 'manifests: 0'
unchanged 'the same manifests'
printf '%s\n' a10.manifest a2.manifest own.manifest >list
touch -d '2 days ago' web/manifests/keeper/alpha/1.manifest
inode=$(stat -c %i web/manifests/keeper/alpha/1.manifest web/withdrawn.jsonl web/heads/1)
build --files-from list
expect 'more of them' 0 'sequence: 2' 'entry-count: 5' 'added: 3' 'manifests: 2'
sound 'more of them'
same 'what did not change is not written' "$inode" "$(stat -c %i web/manifests/keeper/alpha/1.manifest web/withdrawn.jsonl web/heads/1)"
same 'lines are sorted by revision as a number' '1 2 10 1 1' "$(jq -r .revision web/catalog.jsonl 2>/dev/null | tr '\n' ' ' | sed 's/ $//')"
same 'a manifest with its own route is not copied' '' "$(find web/manifests -path '*gamma*' -name '*.manifest*')"
cp web/catalog.head seen2
build --renew --expires-in 400
expect '--renew makes a head of the same entries' 0 'state: built' 'sequence: 3' 'added: 0'
sound '--renew'

cp -a web again && rm -rf web && first a1.manifest b1.manifest && build a2.manifest own.manifest a10.manifest && build --renew --expires-in 400
same 'equal input, equal bytes' "$(texts again)" "$(texts web)"
run catalog-build -q -o once -s keeper.key --catalog-id keeper --publisher keeper a10.manifest b1.manifest own.manifest a1.manifest a2.manifest
expect 'a first build of several revisions' 0 'entry-count: 5' 'manifests: 4'
sound 'a first build of several revisions' once
same 'they have the pages that come of several builds' "$(cd web && find manifests -type f -exec sha256sum {} + | sort)" "$(cd once && find manifests -type f -exec sha256sum {} + | sort)"
mkdir -p left/.minimodel-ahead-0123456789abcdef/keeper/zeta && cp b1.manifest left/.minimodel-ahead-0123456789abcdef/keeper/zeta/1.manifest
run catalog-build -q -o left -s keeper.key --catalog-id keeper --publisher keeper a1.manifest b1.manifest bad-is-not-there
expect 'a first build that is refused' 3 '[io-open]'
same 'leaves nothing of its own' './.minimodel-ahead-0123456789abcdef/keeper/zeta/1.manifest' "$(cd left && find . -type f)"
run catalog-build -q -o left -s keeper.key --catalog-id keeper --publisher keeper a1.manifest
expect 'a first build behind one that was stopped' 0 'manifests: 1'
sound 'what was stopped left nothing' left
mkdir -p taken/manifests && run catalog-build -q -o taken -s keeper.key --catalog-id keeper --publisher keeper b1.manifest a1.manifest
expect 'a first build beside a folder of manifests' 0 'manifests: 2'
sound 'a first build beside a folder of manifests' taken
rm -rf once left taken
rm web/manifests/keeper/beta/1.manifest
check web
expect 'a manifest that lacks' 1 'web/manifests/keeper/beta/1.manifest: error: ' '[catalog-file]' 'verdict: fail'
build b1.manifest
expect 'is put back without a new head' 0 'state: unchanged' 'manifests: 1'
sound 'what was put back'

# ---- what does not get in ----

# refused NAME STATUS RULE ARGUMENT...: and the catalog stays as it is
refused() {
    name=$1 wanted=$2 rule=$3
    shift 3
    before=$(files web)
    build "$@"
    expect "$name" "$wanted" "[$rule]"
    unchanged "$name"
}
describe other2.manifest alpha 2 license=MIT
refused 'another manifest of a revision' 1 catalog-duplicate other2.manifest
describe c1.manifest delta 1
describe c1b.manifest delta 1 license=MIT
refused 'two new ones of one revision' 1 catalog-duplicate c1.manifest c1b.manifest
refused 'one of them twice' 1 catalog-duplicate c1.manifest ./c1.manifest
cp c1.manifest plain.manifest
refused 'a manifest without its signature' 1 signature-missing plain.manifest
cp a1.manifest.minisig plain.manifest.minisig
refused 'with another signature' 1 signature-bad plain.manifest
python3 "$HELP" manifest u.manifest keeper delta 1 none
refused 'an unsigned manifest' 1 catalog-unsigned u.manifest
refused 'an unsigned manifest of a known publisher' 1 catalog-unsigned --allow-unsigned u.manifest
python3 "$HELP" manifest local.manifest local delta 1 none
refused 'a manifest of publisher local' 1 catalog-local --allow-unsigned local.manifest
describe bad.manifest delta 2 license-route=https://example.org/model.gguf
refused 'a route to weights' 1 value-boundary bad.manifest
describe large.manifest delta 3 parameters=9007199254740992
refused 'a number that JSON readers lose' 1 catalog-number large.manifest
describe bad.manifest delta 4 license=nonsense!
refused 'an invalid manifest' 1 value-license bad.manifest
refused 'one good, one bad' 1 value-license c1.manifest bad.manifest
refused 'a manifest that is not there' 3 io-open no-such.manifest
refused 'another catalog-id' 1 catalog-head --catalog-id another c1.manifest
before=$(files web)
run catalog-build -o web --allow-unsigned c1.manifest
expect 'a signed catalog is not continued without a key' 1 '[catalog-unsigned]'
unchanged 'without a key'
refused_with() {
    name=$1 rule=$2 key=$3
    shift 3
    run catalog-build -o web -s "$key" "$@"
    expect "$name" 1 "[$rule]"
    unchanged "$name"
}
refused_with 'a key that readers refuse does not sign, as it would lock the publisher out' signature-unknown-key other.key c1.manifest
refused_with 'nor does it renew' signature-unknown-key other.key --renew
cp web/catalog.head.minisig kept
cp web/heads/1.minisig web/catalog.head.minisig
refused 'a head with another signature is not continued' 1 signature-bad c1.manifest
rm web/catalog.head.minisig
refused 'nor one whose signature lacks' 1 catalog-unsigned c1.manifest
cp kept web/catalog.head.minisig
printf 'x' >>web/catalog.jsonl
refused 'nor entries that were changed' 1 catalog-entry c1.manifest
rm -rf web && cp -a again web

# ---- withdrawals ----

build --withdraw keeper/alpha@2 --reason 'wrong "tokenizer"' --notice https://example.org/why
expect 'a revision is withdrawn' 0 'sequence: 4' 'removed: 1' 'withdrawn-count: 1' 'entry-count: 4'
sound 'a revision that was withdrawn'
same 'it stays named' "{\"manifest_sha256\":\"$(sha256sum <a2.manifest | cut -c1-64)\",\"model_id\":\"keeper/alpha\",\"notice_route\":\"https://example.org/why\",\"reason\":\"wrong \\\"tokenizer\\\"\",\"revision\":2,\"time\":\"$(sed -n 's/^created: //p' web/catalog.head)\"}" "$(cat web/withdrawn.jsonl)"
same 'its manifest is gone' '' "$(find web -path '*alpha/2*')"
refused 'it does not come back' 1 catalog-withdrawn a2.manifest
build --withdraw keeper/beta --reason gone
expect 'a model is withdrawn' 0 'sequence: 5' 'removed: 1' 'withdrawn-count: 2'
same 'its folder is gone' '' "$(find web -path '*beta*')"
describe b9.manifest beta 9
refused 'none of its revisions comes back' 1 catalog-withdrawn b9.manifest
before=$(files web)
build --withdraw keeper/beta --reason again
expect 'what is withdrawn is so already' 0 'state: unchanged'
unchanged 'what is withdrawn'
refused 'a model that is not there' 1 catalog-model --withdraw keeper/nobody --reason x
refused 'a revision that is not there' 1 catalog-model --withdraw keeper/alpha@77 --reason x
refused 'a model of somebody else' 1 catalog-model --withdraw other/alpha --reason x

# ---- history ----

for old in seen1 seen2 web/catalog.head; do
    check --since "$old" web
    expect "nothing vanished since $old" 0 'verdict: pass' 'since: '
done
check --since web/catalog.head again
expect 'a lower sequence than one seen' 1 '[catalog-history]' 'expected a sequence from 5'
sed 's/^expires: .*/expires: 2099-01-01T00:00:00Z/' web/catalog.head >fork
check --since fork web
expect 'an equal sequence with another head' 1 '[catalog-history]'
sed 's/^expires: .*/expires: 2099-01-01T00:00:00Z/' seen1 >fork
check --since fork web
expect 'another history' 1 '[catalog-history]'
cp -a web lying && grep -v '"revision":2' web/withdrawn.jsonl >lying/withdrawn.jsonl
python3 "$HELP" forge lying count && python3 "$HELP" forge lying rename
check --allow-unsigned --since seen2 lying
expect 'a forged head is not the signed one' 1 '[signature-bad]'
rm -rf lying
cp -a web lying && sed -i '/^withdrawn: /d' lying/heads/4.changes
check --since seen2 lying
expect 'changes that do not lead back' 1 '[catalog-history]'
rm -rf lying && cp -a web lying && rm lying/heads/4.changes
check --since seen2 lying
expect 'changes that lack' 1 'heads/4.changes' '[catalog-file]'
rm -rf lying && cp -a web lying && rm lying/heads/2
check lying
expect 'a head that lacks' 1 '[catalog-history]'
rm -rf lying && cp -a web lying && cp lying/heads/1 lying/heads/3
check lying
expect 'a head in another place' 1 '[catalog-history]'
rm -rf lying

# ---- proofs ----

run catalog-build --prove keeper/alpha web
expect 'a proof of the highest revision' 0 'minimodel-entry-proof 0' '"revision":10'
cp .out proof
same 'the second implementation makes the same' '' "$(python3 "$SECOND" prove web 1 | cmp - proof 2>&1)"
same 'and finds that it holds' holds "$(python3 "$SECOND" verify proof)"
run catalog-build --check-proof proof web/catalog.head
expect 'it leads to the head' 0 'proof: entry' 'model-id: keeper/alpha' 'revision: 10' "key-id: $id"
run catalog-build --check-proof proof again/catalog.head
expect 'to no other one' 1 '[catalog-proof]'
cp web/catalog.head alone.head
run catalog-build --check-proof proof alone.head
expect 'the head has to be signed' 1 '[catalog-unsigned]'
sed 's/"revision":10/"revision":11/; s/10\.manifest/11.manifest/g' proof >other.proof
run catalog-build --check-proof other.proof web/catalog.head
expect 'a proof of another entry' 1 '[catalog-proof]'
sed 's/^entry-index: 1/entry-index: 0/' proof >other.proof
run catalog-build --check-proof other.proof web/catalog.head
expect 'a proof of another place' 1 '[catalog-proof]'
run catalog-build --prove keeper/alpha@1 web
expect 'a proof of one revision' 0 '"revision":1,'
run catalog-build --prove keeper/beta web
expect 'no proof of what was withdrawn' 1 '[catalog-model]'
for old in seen1 seen2 web/catalog.head; do
    run catalog-build --prove-since "$old" web
    expect "a proof that the head continues $old" 0 'minimodel-consistency 0'
    cp .out log.proof
    m=$(sed -n 's/^sequence: //p' $old)
    same "the second implementation makes the same from $old" '' "$(python3 "$SECOND" consistency web "$m" | cmp - log.proof 2>&1)"
    same "and finds that it holds from $old" holds "$(python3 "$SECOND" verify log.proof)"
    run catalog-build --check-proof log.proof --since "$old" web/catalog.head
    expect "it holds from $old" 0 'proof: consistency' "old-sequence: $m" 'new-sequence: 5'
done
run catalog-build --check-proof log.proof --since seen1 web/catalog.head
expect 'from another head it does not' 1 '[catalog-proof]'
run catalog-build --prove-since fork web
expect 'no proof from a head that is none of these' 1 '[catalog-history]'

# ---- catalogs that lie, of a publisher whom nobody knows ----

python3 "$HELP" many many 9
run catalog-build -q -o true --catalog-id demo --publisher demo --allow-unsigned many/*
expect 'an unsigned catalog is built if asked for' 0 'entry-count: 9'
run catalog-build -q -o true --allow-unsigned -w demo/model-000008 --reason x
check --allow-unsigned true
expect 'an unsigned catalog passes if asked for' 0 'key-id: none'
check true
expect 'and not otherwise' 1 '[catalog-unsigned]'
for lie in "rename catalog-entry" "bytes catalog-entry" "drop catalog-surplus" "swap catalog-order" "repeat catalog-order" "count catalog-file" "root catalog-file" \
    "local catalog-local" "boundary value-boundary"; do
    rm -rf lying && cp -a true lying && python3 "$HELP" forge lying "${lie% *}"
    check --allow-unsigned lying
    expect "a catalog that lies: $lie" 1 "[${lie#* }]" 'verdict: fail'
done
rm -rf lying && cp -a true lying && cp true/heads/1 seen && cp true/heads/2 seen-now
python3 "$HELP" forge lying drop && rm -r lying/manifests/demo/model-000000 lying/index.html
check --allow-unsigned lying
expect 'an entry that vanished is not seen by one head' 0 'verdict: pass'
check --allow-unsigned --since seen lying
expect 'but by whoever has an older one' 1 '[catalog-history]'
rm -rf lying && cp -a true lying && python3 "$HELP" forge lying empty-withdrawn
check --allow-unsigned --since seen lying
expect 'a withdrawal that vanished' 1 '[catalog-history]'
check --allow-unsigned --since seen-now lying
expect 'and an equal sequence' 1 '[catalog-history]'
for extra in surplus heads/9 manifests/demo/model-000000/9.manifest manifests/surplus manifests/demo/index.html page.html .hidden; do
    rm -rf lying && cp -a true lying && echo x >"lying/$extra"
    check --allow-unsigned lying
    expect "a file too many: $extra" 1 '[catalog-surplus]' "$extra"
done
rm -rf lying && cp -a true lying && ln -sf /etc/passwd lying/index.html
check --allow-unsigned lying
expect 'a link is no file' 1 '[catalog-surplus]'
rm -rf lying && cp -a true lying && touch lying/catalog.head.0123456789ABCDEF.minisig lying/manifests/demo/model-000000/1.manifest.0123456789ABCDEF.minisig
check --allow-unsigned lying
expect 'countersignatures belong there' 0 'verdict: pass'
rm lying/withdrawn.jsonl && mkfifo lying/withdrawn.jsonl
check --allow-unsigned lying
expect 'a pipe is no file' 1 '[catalog-file]'
rm -rf lying && cp -a true lying && head -c 5000000 /dev/zero | tr '\0' a >>lying/catalog.jsonl
check --allow-unsigned lying
expect 'a line that does not end' 1 'lying/catalog.jsonl:9:1: error: ' '[catalog-entry]'
rm -rf lying && cp -a true lying && : >lying/catalog.head
check --allow-unsigned lying
expect 'an empty head' 1 '[text-first-line]'
run env SOURCE_DATE_EPOCH=$((now - 300 * DAY)) catalog-build -q -o old --catalog-id demo --publisher demo --allow-unsigned many/000000.manifest
check --allow-unsigned old
expect 'a head that expired' 1 '[catalog-expired]'
run env SOURCE_DATE_EPOCH=$((now - 400 * DAY)) catalog-build -q -o old --renew --allow-unsigned
same 'a clock that was set back does not show in a head' "$(sed -n 's/^created: //p' old/heads/1)" "$(sed -n 's/^created: //p' old/catalog.head)"

# ---- what the publisher is told before his readers find it ----

SOURCE_DATE_EPOCH=$((now - 300 * DAY)) catalog-build -q -o late -s keeper.key --catalog-id keeper --publisher keeper a1.manifest >/dev/null
run catalog-build -o late -s keeper.key a1.manifest
expect 'a head that expired is said, where nothing else changed' 0 'state: unchanged' 'note: the head expired at ' '[catalog-expired]'
run catalog-build -o late -s keeper.key --renew
same 'and is not once it is renewed' '' "$err"
SOURCE_DATE_EPOCH=$((now + 300 * DAY)) catalog-build -o late -s keeper.key --renew >.out 2>.err
status=$?
expect 'a head of the future is said' 0 '[clock-behind]'
run catalog-build -o foreign -s other.key --catalog-id keeper --publisher keeper a1.manifest
expect 'a key that does not speak for a known publisher makes no first head' 1 '[signature-unknown-key]'
same 'and leaves nothing' '' "$(ls foreign)"
run catalog-build -o foreign -s other.key --catalog-id stranger --publisher stranger a1.manifest
expect 'where none of a publisher is known, it is said' 0 'note: the keyring has no key ' '[signature-unknown-key]'

# ---- interrupted between any two files: the next build ends or takes back what was begun ----

rm -rf begun steps && cp -a true begun && run catalog-build -q -o true --allow-unsigned --renew && rm -rf true && cp -a begun true
describe_step() { run catalog-build -q -o steps --allow-unsigned -w demo/model-000001 --reason y; }
cp -a begun steps && describe_step && expect 'a step' 0 'sequence: 3'
done_files='heads/3.changes heads/3 withdrawn.jsonl catalog.jsonl catalog.head'
placed=
for file in $done_files; do
    placed="$placed $file"
    rm -rf torn && cp -a begun torn
    for one in $placed; do cp steps/$one torn/$one; done
    run catalog-build -q -o torn --allow-unsigned many/000000.manifest
    expect "after$placed: the next build" 0
    [ -e torn/manifests/demo/model-000001 ] && [ "$(fact sequence)" = 3 ] && rm -rf torn/manifests/demo/model-000001
    [ "$(fact sequence)" = 3 ] || rm -f torn/heads/3 torn/heads/3.changes
    check --allow-unsigned torn
    expect "after$placed: a sound catalog" 0 'verdict: pass'
    run catalog-build -q -o torn --allow-unsigned -w demo/model-000001 --reason y
    check --allow-unsigned --since seen torn
    expect "after$placed: and it goes on" 0 'sequence: 3'
done

# ---- readers see the old or the new ----

(for i in 1 2 3 4 5 6 7 8; do
    python3 "$HELP" manifest "more$i.manifest" demo "more-$i" 1 none
    catalog-build -q -o true --allow-unsigned "more$i.manifest" >/dev/null
done) &
wrong=0
while kill -0 $! 2>/dev/null; do
    catalog-build -q --allow-unsigned --check true >/dev/null 2>"$WORK/race" || wrong=$(cat "$WORK/race")
    catalog-build -q --allow-unsigned --prove demo/model-000000 true >/dev/null 2>"$WORK/race" || wrong=$(cat "$WORK/race")
done
wait
same 'a reader beside a builder sees one catalog' 0 "$wrong"
check --allow-unsigned --since seen true
expect 'and so does who comes later' 0 'verdict: pass'

# ---- merging ----

id_keeper=$id
python3 "$HELP" manifest o1.manifest other omega 1 "$other" && manifest-sign -q -s other.key o1.manifest >/dev/null
python3 "$HELP" manifest o2.manifest other omega 2 "$other" && manifest-sign -q -s other.key o2.manifest >/dev/null
run catalog-build -q -o others -s other.key --catalog-id other --publisher other o1.manifest o2.manifest a1.manifest
expect 'a catalog may list models of others' 0 'entry-count: 3'
new_key merger merger
merge() { run catalog-build -q -o all -s merger.key --catalog-id all --publisher merger --merge "$@"; }
merge others web
expect 'two catalogs are merged' 0 'entry-count: 5' 'withdrawn-count: 2'
sound 'what was merged' all
same 'entries keep their own signatures' "$(sha256sum <o1.manifest.minisig)" "$(sha256sum <all/manifests/other/omega/1.manifest.minisig)"
before=$(files all)
merge web others
expect 'again nothing changes' 0 'state: unchanged'
same 'again: nothing was written' "$before" "$(files all)"
run catalog-build -q -o others -s other.key -w other/omega@1 --reason old
merge web others
expect 'what a publisher takes back is taken back' 0 'removed: 1' 'withdrawn-count: 3'
sound 'after that' all
one=$(cd web && find manifests/keeper -name '*.manifest' | sort | head -n 1)
run catalog-build -q --countersign -s merger.key --witness-state web.seen --first web
expect 'a head that is merged is countersigned' 0 'state: countersigned'
manifest-sign -q --countersign -s merger.key "web/$one" >/dev/null || not_ok 'a manifest that is merged is countersigned'
rm -rf fresh && run catalog-build -q -o fresh -s merger.key --catalog-id all --publisher merger --merge web
expect 'what is countersigned is merged' 0 'state: built'
sound 'what is countersigned is merged' fresh
same 'a merged catalog has no countersignatures of others' '' "$(find fresh -name "*.$id.minisig")"
cp "web/$one.$id.minisig" "fresh/$one.$id.minisig"
run catalog-build -q -o fresh -s merger.key --merge others web
expect 'a later merge' 0 'state: built'
sound 'a later merge leaves what was put there' fresh
same 'it is as it was' "$(sha256sum <"web/$one.$id.minisig")" "$(sha256sum <"fresh/$one.$id.minisig")"
cp -a others lying2 && printf x >lying2/surplus
merge lying2
expect 'a catalog that does not pass is not merged' 1 '[catalog-surplus]'
merge all
expect 'a catalog is not merged into itself' 1 '[catalog-head]'
run catalog-build -q -o all --renew --merge true
expect 'nor one that nobody signed' 1 '[catalog-unsigned]'

# ---- calls ----

for call in "" "a1.manifest" "-o web --check web" "--check" "--check a b" "--check -s k web" "-o web --since seen1" "--prove keeper web" "--prove keeper/alpha@0 web" \
    "-o web -w keeper/alpha" "-o web -w keeper/alpha@x --reason r" "-o web --reason r" "-o web --expires-in 0" "-o web --merge" "-o web --catalog-id local" "-o web -0" \
    "-o web -w keeper/alpha --reason r --notice http://example.org/" "--check-proof proof" "--prove-since seen1"; do
    run catalog-build $call
    expect "usage: catalog-build $call" 2 'usage: catalog-build'
done
