#!/bin/sh
# The pages of a catalog: what they say, which of them a build writes, and what a check finds in them.
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || export TMPDIR=/dev/shm # many catalogs are flushed
. "$(dirname "$0")/harness.sh"
need pages python3 || exit 0
HELP=$ROOT/tests/cmd/catalogs.py
PAGES=$ROOT/tests/cmd/pages.py
PYTHONDONTWRITEBYTECODE=1
MINIMODEL_KEYRING=$WORK/keyring
SOURCE_DATE_EPOCH=$(($(date +%s) - 86400))
export PYTHONDONTWRITEBYTECODE MINIMODEL_KEYRING SOURCE_DATE_EPOCH
mkdir keyring && chmod 700 keyring
key-make -q --no-password keeper >key.facts
id=$(sed -n 's/^key-id: //p' key.facts)
fingerprint=$(sed -n 's/^fingerprint: //p' key.facts)
mkdir -p keyring/keeper && cp keeper.pub "keyring/keeper/$id.pub"

# describe FILE NAME REVISION [CHANGE]...: a signed manifest of keeper
describe() {
    file=$1 name=$2 revision=$3
    shift 3
    python3 "$HELP" manifest "$file" keeper "$name" "$revision" "$id" "$@" && manifest-sign -q -s keeper.key --force "$file" >/dev/null 2>&1
}
build() { run catalog-build -q -o web -s keeper.key "$@"; }
first() { # FOLDER MANIFEST...
    folder=$1
    shift
    run catalog-build -q -o "$folder" -s keeper.key --catalog-id keeper --publisher keeper "$@"
}
check() { run catalog-build --check "$@"; }
fact() { sed -n "s/^$1: //p" "$WORK/.out"; }
files() { (cd "$1" && find . -name '*.html' -printf '%p %i %T@ %s\n' | sort); }
# touched NAME FILES: exactly these pages were written since `files web >before`
touched() { same "$1" "$2" "$(files web | comm -13 before - | cut -d' ' -f1 | tr '\n' ' ' | sed 's/ $//')"; }
# sound NAME [FOLDER]
sound() {
    check "${2:-web}"
    expect "$1: it passes" 0 'verdict: pass'
    same "$1: pages say what the lines say" '' "$(python3 "$PAGES" check "${2:-web}" 2>&1)"
}

# ---- what they say ----

hostile='<script>document.title="x"</script><img src=x onerror=x> &lt; </h1>'
describe a1.manifest alpha 1 "display-name=$hostile"
describe a2.manifest alpha 2 "display-name=$hostile" "source=- \"><svg onload=alert(1)> & 'one' \\ </bdi>" "previous-manifest=$(sha256sum <a1.manifest | cut -c1-64)" \
    "evidence=x-seen fail - https://example.org/it's&(so)" 'license=LicenseRef-a.b AND (MIT OR CC0-1.0)' expires=2099-01-01T00:00:00Z
describe a10.manifest alpha 10 'display-name=שלום "עולם" </bdi>' model-shape=- parameters=- evidence=- tag=- bytes=1 expires=2098-12-31T23:59:58Z
describe b1.manifest beta 1 "manifest-route=https://example.org/it's,\$(touch%20owned)&x/beta.manifest" bytes=9007199254740
first web a1.manifest b1.manifest
expect 'a first build' 0 'state: built'
sound 'a first build'
first again b1.manifest a1.manifest
same 'equal input, equal pages' '' "$(diff -r web again 2>&1 | head -n 5)"
cp web/manifests/keeper/alpha/index.html alone.html
build a2.manifest a10.manifest
sound 'more revisions'
same 'until when it is good' 1 "$(grep -c '2098-12-31 23:59:58 UTC' web/manifests/keeper/alpha/index.html)"
cp web/manifests/keeper/alpha/index.html three.html
cp alone.html web/manifests/keeper/alpha/index.html
check web
expect 'a page that tells of the first revision alone' 1 "web/manifests/keeper/alpha/index.html: error: expected the page that follows from the catalog's lines, found another [catalog-page]"
same 'it is named once' 1 "$(grep -c 'web/manifests/keeper/alpha/index.html: error: ' "$WORK/.err")"
mv three.html web/manifests/keeper/alpha/index.html
same 'the highest revision comes first, the others below it' '10 2 1' \
    "$(grep -oE 'revision [0-9]+,|<li>Revision [0-9]+' web/manifests/keeper/alpha/index.html | grep -oE '[0-9]+' | tr '\n' ' ' | sed 's/ $//')"
for page in web/index.html web/manifests/keeper/alpha/index.html web/manifests/keeper/beta/index.html; do
    same "no resource from elsewhere: $page" 0 "$(grep -vE '^(<link rel="stylesheet" href="[.][.]/[.][.]/[.][.]/page[.]css">|<script src="[.][.]/[.][.]/[.][.]/page[.]js"></script>)$' "$page" |
        grep -cE '<(link|img|iframe|object|embed|base|form|source)|@import|url\(|<[a-z]+ [^>]*src=|<script [^>]')"
done
same 'nor do style and script lead there' 0 "$(cat web/page.css web/page.js | grep -cE '@import|url\(|http|import|fetch|//')"
same 'one policy, of hashes, in a list' 1 "$(grep -c "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'sha256-" web/index.html)"
for model in alpha beta; do
    same "one policy, of the catalog's own files: $model" 1 \
        "$(grep -cF "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'\">" web/manifests/keeper/$model/index.html)"
    same "its style and script: $model" 2 "$(grep -cE '^(<link rel="stylesheet" href="../../../page.css">|<script src="../../../page.js"></script>)$' web/manifests/keeper/$model/index.html)"
done
for tag in style:style-src script:script-src; do
    python3 - web/index.html "${tag%%:*}" "${tag##*:}" >found <<'PY'
import base64, hashlib, re, sys
page = open(sys.argv[1], encoding='utf-8').read()
inside = re.search(f'<{sys.argv[2]}>(.*?)</{sys.argv[2]}>', page, re.S).group(1)
print(f"{sys.argv[3]} 'sha256-{base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()}'" in page)
PY
    same "the policy has the hash of the ${tag%%:*}" True "$(cat found)"
done

# a simple model's page stays small
python3 "$HELP" manifest small.manifest demo small 1 none
run catalog-build -q -o small --catalog-id demo --publisher demo --allow-unsigned small.manifest
expect 'a catalog of one' 0 'state: built'
same 'a simple page is small' yes "$([ "$(wc -c <small/manifests/demo/small/index.html)" -le 4096 ] && echo yes || wc -c small/manifests/demo/small/index.html)"
same 'nobody is said to have signed' 1 "$(grep -c 'Unsigned' small/manifests/demo/small/index.html)"

# ---- the commands on a page do what they say ----

mkdir real && cp "$MODEL" real/model.gguf
(cd real && manifest-make -q -s 64K --model-id keeper/real --version 1.0 --license CC0-1.0 --license-route https://example.org/license --model-card-route https://example.org/card \
    --takedown-route mailto:a@example.org --source-lane original --key-id "$id" model.gguf >../real.manifest) || not_ok 'a manifest of files'
manifest-sign -q -s keeper.key real.manifest >/dev/null
first commands real.manifest
cp keeper.pub "$id.pub" && rm -rf keyring/keeper # a reader who trusts nobody yet
python3 "$PAGES" commands commands/manifests/keeper/real/index.html "FINGERPRINT=$fingerprint" "FOLDER=$WORK/real" "PATH=$WORK" >script
run sh -ec "cd commands; export MINIMODEL_HOME=$WORK/home; $(cat script)"
expect 'the commands of a page' 0 'verdict: pass' 'minimodel-entry-proof 0' 'model-id: keeper/real'
same 'each kind of command was there' 'key-trust catalog-build slm-verify cp slm-import' "$(cut -d' ' -f1 script | uniq | tr '\n' ' ' | sed 's/ $//')"
mkdir -p keyring/keeper && cp keeper.pub "keyring/keeper/$id.pub"
python3 "$PAGES" commands web/manifests/keeper/beta/index.html >script
mkdir bin && printf '#!/bin/sh\nprintf "%%s\\n" "$@"\n' >bin/curl && chmod 755 bin/curl
run env PATH="$WORK/bin:$PATH" sh -ec "$(grep '^curl' script)"
expect 'a route is one word of a command' 0
same 'and nothing else' "-fLo
FOLDER/beta-1.manifest
https://example.org/it's,\$(touch%20owned)&x/beta.manifest
-fLo
FOLDER/beta-1.manifest.minisig
https://example.org/it's,\$(touch%20owned)&x/beta.manifest.minisig" "$out"

# ---- what is written ----

files web >before
build a1.manifest
expect 'an unchanged build' 0 'state: unchanged'
touched 'an unchanged build writes no page' ''
describe c1.manifest gamma 1
build c1.manifest
touched 'one more model: its page and the list' './index.html ./manifests/keeper/gamma/index.html'
files web >before
build --renew
touched 'a new head: the first list' ./index.html
files web >before
build -w keeper/alpha@2 --reason 'it </td> "lies" & more' --notice https://example.org/notice
touched 'a revision withdrawn: its model, lists' './index.html ./manifests/keeper/alpha/index.html ./withdrawn.html'
sound 'a revision withdrawn'
files web >before
build -w keeper/gamma --reason 'all of it'
touched 'a model withdrawn: lists' './index.html ./withdrawn.html'
same 'its page is gone' no "$([ -e web/manifests/keeper/gamma/index.html ] && echo yes || echo no)"
sound 'a model withdrawn'
build -w keeper/alpha --reason z -w keeper/beta --reason y
expect 'everything withdrawn' 0 'entry-count: 0'
same 'no folder of pages is left' no "$([ -e web/manifests ] && echo yes || echo no)"
sound 'everything withdrawn'

# ---- many models ----

python3 "$HELP" many many 1101
run catalog-build -q -o big --catalog-id demo --publisher demo --allow-unsigned many/*
expect 'many models' 0 'entry-count: 1101'
run catalog-build -q --check --allow-unsigned big
expect 'many models pass' 0 'verdict: pass'
same 'many models: pages say what the lines say' '' "$(python3 "$PAGES" check big 2>&1)"
same 'lists of 500' '500 500 101' "$(for list in index index-2 index-3; do grep -c '<tr><th scope="row">' big/$list.html; done | tr '\n' ' ' | sed 's/ $//')"
rm -rf web && cp -a big web && files web >before
python3 "$HELP" manifest z.manifest demo zeta 1 none && run catalog-build -q -o web --allow-unsigned z.manifest
touched 'a last model: its page, the first list and the last' './index-3.html ./index.html ./manifests/demo/zeta/index.html'
files web >before
python3 "$HELP" manifest y.manifest demo model-000600 9 none && run catalog-build -q -o web --allow-unsigned y.manifest
touched 'a new revision: its page and its list' './index-2.html ./index.html ./manifests/demo/model-000600/index.html'
run catalog-build -q -o web --allow-unsigned $(seq -f '-w demo/model-%06.0f' 0 601) --reason r
expect 'many are withdrawn' 0 'removed: 603'
run catalog-build -q --check --allow-unsigned web
expect 'lists that are not needed any more are gone' 0 'verdict: pass'
same 'two lists of withdrawals' '500 102' "$(for list in withdrawn withdrawn-2; do grep -c '<tr><th scope="row">' web/$list.html; done | tr '\n' ' ' | sed 's/ $//')"
same 'many are withdrawn: pages say what the lines say' '' "$(python3 "$PAGES" check web 2>&1)"

# ---- what a check finds, and the next build mends ----

rm -rf good && cp -a web good
for page in index.html page.css page.js withdrawn.html withdrawn-2.html manifests/demo/zeta/index.html manifests/demo/model-000700/index.html; do
    rm -rf bad && cp -a good bad && changed "bad/$page" 400
    check --allow-unsigned bad
    expect "a page that was changed: $page" 1 "bad/$page: error: expected the page that follows from the catalog's lines, found another [catalog-page]" 'verdict: fail'
    [ "$page" = index.html ] && continue
    rm bad/$page
    check --allow-unsigned bad
    expect "a page that lacks: $page" 1 "bad/$page: error: expected the page that follows from the catalog's lines, found none [catalog-page]"
    run catalog-build -q -o bad --allow-unsigned
    expect "the next build: $page" 0 'state: unchanged'
    same "it is mended: $page" '' "$(diff -r good bad)"
done
rm -rf bad && cp -a good bad && printf x >>bad/manifests/demo/zeta/index.html && : >bad/manifests/demo/model-000700/index.html && rm bad/withdrawn.html
check --allow-unsigned bad
same 'each page is told' 3 "$(grep -c '\[catalog-page\]' "$WORK/.err")"
run catalog-build -q -o bad --allow-unsigned && same 'all of them are mended' '' "$(diff -r good bad)"
printf '<p>hello</p>' >bad/index.html
check --allow-unsigned bad
expect 'a page that says of no layout that it is its own' 1 '[catalog-page]'
sed -i 1,5s/.*content=\"minimodel-catalog\ pages\ .*/'<meta name="generator" content="minimodel-catalog pages 3">/' good/index.html
printf x >>good/manifests/demo/zeta/index.html
check --allow-unsigned good
expect 'pages of another layout' 0 'note: expected pages of layout 2, found layout 3' 'verdict: pass'
find good -name '*.html' -delete && rm good/page.css good/page.js
check --allow-unsigned good
expect 'no pages' 0 'note: expected pages for people, found none' 'verdict: pass'
run catalog-build -q -o good --allow-unsigned
same 'the next build makes them' '' "$(run catalog-build -q -o bad --allow-unsigned && diff -r good bad)"
for extra in manifests/demo/model-000001/index.html manifests/demo/nothing/index.html manifests/demo/index.html manifests/demo/zeta/other.html models/x.html index-1.html index-9.html withdrawn-1.html withdrawn-3.html page.html; do
    rm -rf bad && cp -a good bad
    case $extra in */*) mkdir -p "bad/${extra%/*}" ;; esac
    cp good/index.html "bad/$extra"
    check --allow-unsigned bad
    expect "a page too many: $extra" 1 '[catalog-surplus]' "$extra"
done
rm -rf bad && cp -a good bad && ln -sf ../zeta/index.html bad/manifests/demo/model-000700/index.html
check --allow-unsigned bad
expect 'a link is no page' 1 '[catalog-surplus]'

# ---- interrupted ----

# Pages of a head that was never published, beside the traces of its build: the next one puts the old ones back.
rm -rf next torn && cp -a good next && python3 "$HELP" manifest w.manifest demo zeta 2 none && run catalog-build -q -o next --allow-unsigned w.manifest
sequence=$(fact sequence)
cp -a good torn && cp next/heads/$sequence* torn/heads/ && cp next/manifests/demo/zeta/index.html torn/manifests/demo/zeta/
run catalog-build -q -o torn --allow-unsigned
expect 'interrupted among the pages' 0 'state: unchanged'
same 'the pages are those of the head that is there' '' "$(diff -r good torn | grep -v '^Only in torn/heads: ')"
run catalog-build -q -o torn --allow-unsigned many/001100.manifest w.manifest
run catalog-build -q --check --allow-unsigned torn
expect 'and the build after it is whole' 0 "sequence: $sequence"
# the same, and a build of another model comes next: the page that it has no business with is put right too
rm -rf torn && cp -a good torn && cp next/heads/$sequence* torn/heads/ && cp next/manifests/demo/zeta/index.html torn/manifests/demo/zeta/
python3 "$HELP" manifest x.manifest demo eta 1 none && run catalog-build -q -o torn --allow-unsigned x.manifest
run catalog-build -q --check --allow-unsigned torn
expect 'interrupted among the pages: another build is whole' 0 "sequence: $sequence"
# index.html is of an older head: it is not known what the pages are of
rm -rf torn && cp -a next torn && cp good/index.html torn/ && cp good/manifests/demo/zeta/index.html torn/manifests/demo/zeta/
run catalog-build -q -o torn --allow-unsigned x.manifest
run catalog-build -q --check --allow-unsigned torn
expect 'pages of an older head: another build is whole' 0 "sequence: $((sequence + 1))"
# killed at any moment
rm -rf torn && cp -a good torn
for i in 1 2 3 4 5 6 7 8; do
    python3 "$HELP" manifest "k$i.manifest" demo "kill-$i" 1 none
    timeout -s KILL "0.0$((i * 7 % 10))$i" catalog-build -q -o torn --allow-unsigned k*.manifest >/dev/null 2>&1
done
run catalog-build -q -o torn --allow-unsigned k*.manifest
expect 'killed again and again: the next build' 0
find torn -name '.minimodel-*' -delete
run catalog-build -q --check --allow-unsigned torn
expect 'killed again and again: it passes' 0 'verdict: pass'
same 'killed again and again: pages say what the lines say' '' "$(python3 "$PAGES" check torn 2>&1)"
