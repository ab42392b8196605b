#!/bin/sh
# Catalogs of strangers and of publishers who err: what a merge takes of others, what is kept of older heads, proofs that come with an older head,
# the time that expiry goes by, keys that lock out, and the pages' commands followed as they stand.
. "$(dirname "$0")/harness.sh"
need 'catalogs of strangers' python3 || exit 0
HELP=$ROOT/tests/cmd/catalogs.py
PYTHONDONTWRITEBYTECODE=1
MINIMODEL_KEYRING=$WORK/ring
MINIMODEL_HOME=$WORK/nowhere
now=$(date +%s)
SOURCE_DATE_EPOCH=$((now - 86400))
export PYTHONDONTWRITEBYTECODE MINIMODEL_KEYRING MINIMODEL_HOME SOURCE_DATE_EPOCH

# new_key NAME: a key that the keyring has for the publisher of that name
new_key() {
    id=$(key-make -q --no-password "$1" | sed -n 's/^key-id: //p')
    mkdir -p "ring/$1" && cp "$1.pub" "ring/$1/$id.pub"
}
new_key me && me_id=$id
new_key good && good_id=$id
new_key evil && evil_id=$id
mkdir blind && cp -a ring/evil blind/

# describe FILE PUBLISHER NAME REVISION KEYID [CHANGE]...
describe() { python3 "$HELP" manifest "$@"; }
sign() { manifest-sign -q -s "$2.key" "$1" >/dev/null 2>&1; }
# publish FOLDER NAME [ARGUMENT]...: a build by that key, which goes well
publish() {
    folder=$1 name=$2
    shift 2
    set -- -q -o "$folder" -s "$name.key" "$@"
    [ -e "$folder/catalog.head" ] || set -- "$@" --catalog-id "$name" --publisher "$name"
    catalog-build "$@" >.made 2>&1 || not_ok "building $folder" "$(cat .made)"
}
describe g1.manifest good model 1 "$good_id" && sign g1.manifest good
describe away.manifest good away 1 "$good_id" manifest-route=https://example.org/away.manifest && sign away.manifest good
publish goodweb good g1.manifest away.manifest

# ---- what a stranger lists ----

merge() { # FOLDER [ARGUMENT]...
    folder=$1
    shift
    run catalog-build -q -o "$folder" -s me.key --catalog-id all --publisher me --merge "$@"
}
listed() { # FOLDER MANIFEST: a catalog of evil's, who knows nobody else's keys
    MINIMODEL_KEYRING=blind publish "$1" evil --allow-unsigned "$2"
}
describe fake.manifest good fake 999 none
listed unsigned fake.manifest
merge m1 unsigned
expect 'an unsigned manifest of a publisher who is known' 1 '[catalog-unsigned]'
merge m1 --allow-unsigned unsigned
expect 'is not taken where unsigned ones may pass' 1 '[catalog-unsigned]'
same 'and nothing is built' '' "$(ls m1)"
describe mine.manifest me fake 999 none
listed of-me mine.manifest
mkdir elsewhere && mv ring/me elsewhere/
merge m1 --allow-unsigned of-me
expect 'nor is one in the name of the one who merges' 1 '[catalog-unsigned]'
mv elsewhere/me ring/
describe nobody.manifest nobody model 1 none
listed unknown nobody.manifest
merge m1 unknown
expect 'an unsigned manifest of a publisher who is not known' 1 '[catalog-unsigned]'
merge m1 --allow-unsigned unknown
expect 'is taken where such may pass' 0 'entry-count: 1'
new_key thief && mv ring/thief thief.ring
describe other.manifest good model 5 "$id" && sign other.manifest thief
describe e1.manifest evil own 1 "$evil_id" && sign e1.manifest evil
mkdir tricked && cp -a ring/evil tricked/ && mkdir tricked/good && cp thief.pub "tricked/good/$id.pub"
MINIMODEL_KEYRING=tricked publish stolen evil e1.manifest other.manifest
merge m2 stolen
expect 'a manifest by a key that is none of its publisher' 1 '[signature-unknown-key]'

# ---- what stands elsewhere ----

MINIMODEL_KEYRING=blind publish lying evil e1.manifest
cp -a lying honest
python3 - lying goodweb evil <<'PY' # evil's line of good's manifest: another licence, the same hash
import hashlib, json, sys
folder, good, key = sys.argv[1:]
canonical = lambda value: json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(',', ':')).encode()
line = [json.loads(l) for l in open(good + '/catalog.jsonl', 'rb') if b'good/away' in l][0]
line['license'] = 'MIT'
lines = [l for l in open(folder + '/catalog.jsonl', 'rb').read().split(b'\n') if l] + [canonical(line)]
text = b''.join(l + b'\n' for l in lines)
leaf = [hashlib.sha256(b'\0' + l).digest() for l in lines]
root = hashlib.sha256(b'\1' + leaf[0] + leaf[1]).hexdigest()
open(folder + '/catalog.jsonl', 'wb').write(text)
head = open(folder + '/catalog.head').read().split('\n')
changed = {'entry-count': '2', 'entries-sha256': hashlib.sha256(text).hexdigest(), 'merkle-root': root}
head = '\n'.join(f"{l.split(': ')[0]}: {changed[l.split(': ')[0]]}" if l.split(': ')[0] in changed else l for l in head)
open(folder + '/catalog.head', 'w').write(head)
open(folder + '/heads/1', 'w').write(head)
open(folder + '/comment', 'w').write('catalog:evil sequence:1 sha256:' + hashlib.sha256(head.encode()).hexdigest())
PY
rm -rf lying/index.html lying/models
if need 'a line that lies' minisign; then
    minisign -S -q -W -s evil.key -m lying/catalog.head -x lying/catalog.head.minisig -t "$(cat lying/comment)" >.signed 2>&1 || not_ok 'a head by hand' "$(cat .signed)"
    rm lying/comment && cp lying/catalog.head.minisig lying/heads/1.minisig
    run catalog-build -q --check lying
    expect 'a line of what stands elsewhere passes by itself' 0 'verdict: pass'
    merge m3 lying
    expect 'and is not taken from a stranger' 1 '[catalog-unsigned]'
    merge m3 goodweb
    expect 'but from its own publisher' 0 'entry-count: 2'
    merge m3 lying
    expect 'what is there already has to be the same line' 1 '[catalog-duplicate]' 'the entry that the catalog has of good/away'
    mkdir few && cp -a ring/me ring/evil few/
    run env MINIMODEL_KEYRING=few catalog-build -q -o m4 -s me.key --catalog-id all --publisher me --allow-unsigned --merge lying honest
    expect 'where its publisher is not known a stranger may be believed' 0 'entry-count: 2'
    cp -a ring/good few/
    run env MINIMODEL_KEYRING=few catalog-build -q -o m4 -s me.key --merge goodweb
    expect 'until the publisher says otherwise' 1 '[catalog-duplicate]'
    run catalog-build -q -o m4 -s me.key -w good/away@1 --reason 'a lie'
    expect 'who merged takes out what is listed of others' 0 'removed: 1' 'withdrawn-count: 1'
    merge m4 goodweb
    expect 'and it is not taken in again' 0 'entry-count: 2'
    same 'in whatever line' 0 "$(grep -c good/away m4/catalog.jsonl)"
    run catalog-build -q --check m4
    expect 'the catalog is sound' 0 'verdict: pass'
    run catalog-find -c m4 -c goodweb id:good/away
    expect 'nobody else is bound by it' 0 'good/away@1' '	offered	'
fi
run catalog-build -q -o m3 -s me.key -w good/model --reason all
expect 'all that others publish is not withdrawn here' 1 '[catalog-model]'
run catalog-build -q -o m3 -s me.key -w good/model@7 --reason none
expect 'nor a revision that is not listed' 1 '[catalog-model]'

# ---- what is kept of each head ----

describe a1.manifest me a 1 "$me_id" && sign a1.manifest me
describe b1.manifest me b 1 "$me_id" && sign b1.manifest me
publish web me a1.manifest
publish web me b1.manifest
cp -a web before
publish web me --renew
publish web me -w me/b@1 --reason r
run catalog-build -q --check web
expect 'a catalog of four heads' 0 'verdict: pass' 'sequence: 4'
damaged() { # NAME RULE COMMAND: in a copy
    rm -rf hurt && cp -a web hurt && (cd hurt/heads && eval "$3")
    run catalog-build -q --check hurt
    expect "$1" 1 "[$2]" 'verdict: fail'
}
damaged 'the signature of the first head lacks' catalog-file 'rm 1.minisig'
damaged 'that of the present one lacks' catalog-file 'rm 4.minisig'
damaged 'it is no signature' signature-form 'echo x >1.minisig'
damaged 'it is one of another head' signature-comment 'cp 2.minisig 1.minisig'
damaged 'changes lack' catalog-file 'rm 2.changes'
damaged 'changes are no text of that kind' catalog-history 'echo garbage >2.changes'
damaged 'changes are of another head' catalog-history 'cp 3.changes 2.changes'
damaged 'the last changes go on behind their end' catalog-history 'echo x >>4.changes'
rm -rf hurt && cp -a web hurt
changed hurt/heads/2.minisig 200
run catalog-build -q --check hurt
expect 'a signature was changed' 1 'hurt/heads/2.minisig'
catalog-build -q -o late --allow-unsigned --catalog-id later --publisher later nobody.manifest >/dev/null 2>&1
new_key later && mv ring/later later.ring # an unsigned head is continued where no key of its publisher is known
catalog-build -q -o late -s later.key --allow-unsigned --renew >.made 2>&1 || not_ok 'a second head, signed' "$(cat .made)"
mv later.ring ring/later
run catalog-build -q --check late
expect 'a first head that nobody signed' 1 '[catalog-file]' 'late/heads/1.minisig'
run catalog-build -q --check --allow-unsigned late
expect 'is let pass as such' 0 'verdict: pass' 'sequence: 2'
rm late/heads/2.minisig
run catalog-build -q --check --allow-unsigned late
expect 'but none behind a head that is signed' 1 '[catalog-file]' 'late/heads/2.minisig'

# ---- proofs and older heads ----

catalog-build -q --prove me/a before >entry.proof
catalog-build -q --prove-since before/heads/1 before >log.proof
run catalog-build --check-proof entry.proof --since before/heads/1 before/catalog.head
expect 'a proof under a later head' 0 'proof: entry'
run catalog-build --check-proof entry.proof --since web/catalog.head before/catalog.head
expect 'a proof under an earlier head than was seen' 1 '[catalog-history]' 'expected a sequence from 4'
run catalog-build --check-proof entry.proof --since goodweb/catalog.head before/catalog.head
expect 'a head of another catalog was seen' 1 '[catalog-history]' 'expected a head of catalog good of good'
run catalog-build --check-proof log.proof --since before/heads/1 before/catalog.head
expect 'a proof from the head that was seen' 0 'proof: consistency'
python3 - goodweb/catalog.head before/heads/2 >mixed.proof <<'PY' # a log of good's head and of mine
import hashlib, sys
a, b = (hashlib.sha256(open(f, 'rb').read()).hexdigest() for f in sys.argv[1:])
leaf = [hashlib.sha256(b'\0' + bytes.fromhex(x)).digest() for x in (a, b)]
root = hashlib.sha256(b'\1' + leaf[0] + leaf[1]).hexdigest()
print(f'minimodel-consistency 0\nold-sequence: 1\nold-head-sha256: {a}\nold-log-root: {leaf[0].hex()}\nnew-sequence: 2\nnew-head-sha256: {b}\nnew-log-root: {root}\n'
      f'new-sibling: {leaf[0].hex()}\nnode: {leaf[1].hex()}')
PY
run catalog-build --check-proof mixed.proof before/catalog.head
expect 'a log may hold any hashes' 0 'proof: consistency'
run catalog-build --check-proof mixed.proof --since goodweb/catalog.head before/catalog.head
expect 'but no head continues one of another catalog' 1 '[catalog-history]'

# ---- a key that is revoked ----

next_id=$(key-make -q --no-password next | sed -n 's/^key-id: //p') && cp next.pub "ring/me/$next_id.pub"
cp -a web kept
publish kept next -w me/a@1 --reason r
cp -a ring revoked && catalog-build -q --check kept >/dev/null || not_ok 'a head by another key of the publisher'
key-trust revoke --keyring revoked me "$me_id" --reason compromised >/dev/null 2>.err || not_ok 'a revocation' "$(cat .err)"
texts=$(cd kept && find . -type f -exec sha256sum {} + | sort)
run catalog-build -q --keyring revoked -o kept -s me.key --renew
expect 'it signs no head more' 1 '[signature-revoked-key]'
same 'and nothing is written' "$texts" "$(cd kept && find . -type f -exec sha256sum {} + | sort)"
run catalog-build -q --keyring revoked -o kept -s next.key --renew
expect 'so that the good one can go on' 0 'state: built' 'sequence: 6'
run catalog-build -q --keyring revoked --check kept
expect 'older heads by it stay good' 0 'verdict: pass'
run catalog-build -q --keyring revoked -o gone -s me.key --catalog-id me --publisher me
expect 'nor a first one' 1 '[signature-revoked-key]'

# ---- the time that expiry goes by ----

mkdir later && cp "$MODEL" later/m.gguf
if (unset SOURCE_DATE_EPOCH && manifest-make -q --model-id local/x --version 1 --license MIT --license-route https://example.org/l --source-lane original --model-card-route https://example.org/c --takedown-route mailto:a@example.org later >x.manifest 2>x.err &&
    slm-verify -q x.manifest later >x.report && SOURCE_DATE_EPOCH=$((now + 200 * 86400)) receipt-write -q --home store --root later x.report) >/dev/null 2>>x.err; then
    run catalog-build --check-proof entry.proof before/catalog.head
    expect 'by the clock a head is good' 0
    run catalog-build --check-proof entry.proof --home store before/catalog.head
    expect 'a proof goes by the newest receipt' 1 '[catalog-expired]' '[clock-behind]'
    merge m5 --home store goodweb
    expect 'so does a merge' 1 '[catalog-expired]'
    key-make -q --no-password witness >/dev/null
    run catalog-build --countersign -s witness.key --witness-state seen --first --home store web
    expect 'and a witness of a folder' 1 '[catalog-expired]'
    run catalog-build --countersign -s witness.key --witness-state seen --first --home store goodweb/catalog.head
    expect 'and of a head' 1 '[catalog-expired]'
    same 'who has signed nothing' '' "$(ls seen web/catalog.head.*.minisig goodweb/catalog.head.*.minisig 2>/dev/null)"
else
    not_ok 'a receipt of a later day' "$(cat x.err)"
fi

# ---- countersignatures beside manifests ----

publish noted me a1.manifest b1.manifest
cp a1.manifest.minisig "noted/manifests/me/a/1.manifest.$good_id.minisig"
cp b1.manifest.minisig "noted/manifests/me/b/1.manifest.$good_id.minisig"
publish noted me -w me/a --reason r
run catalog-build -q --check noted
expect 'they go with what is withdrawn' 0 'verdict: pass'
same 'and no others do' "noted/manifests/me/b/1.manifest.$good_id.minisig" "$(find noted -name "*.$good_id.minisig")"

# ---- a file that is called like a hash ----

hash=$(jq -r 'select(.model_id=="good/model").artifacts[0].sha256' goodweb/catalog.jsonl 2>/dev/null)
if need 'a file that is called like a hash' jq; then
    sed "s/^artifact: model.gguf\$/artifact: $hash/" e1.manifest | awk '/^artifact: /{print; next} {print}' >named.manifest
    python3 - named.manifest "$hash" <<'PY' # artifacts in the order of their paths
import sys
path, digest = sys.argv[1:]
text = open(path).read()
head, *parts = text.split('artifact: ')
open(path, 'w').write(head + ''.join('artifact: ' + p for p in sorted(parts)))
PY
    sign named.manifest evil
    MINIMODEL_KEYRING=blind publish named evil named.manifest
    run catalog-find named "id:evil/own"
    expect 'it can be found by its name' 0 'evil/own@1'
    run catalog-find -c goodweb -c named "sha256:$hash"
    expect 'the file of that hash is found' 0 'good/model@1'
    same 'and not the one of that name' 0 "$(grep -c evil/own .out)"
fi

# ---- the pages' commands, as they stand ----

if need 'the commands of a page' jq; then
    mkdir F && cp "$MODEL" F/m.gguf && echo text >F/LICENSE
    (unset SOURCE_DATE_EPOCH && manifest-make -q --model-id me/page --version 1 --key-id "$me_id" --license MIT --license-route LICENSE --source-lane original --model-card-route https://example.org/c \
        --takedown-route mailto:a@example.org F >page.manifest 2>page.err) || not_ok 'a manifest' "$(cat page.err)"
    sign page.manifest me
    publish paged me page.manifest
    cp page.manifest F/page.manifest && echo other >>F/page.manifest && cp page.manifest.minisig F/page.manifest.minisig
    python3 - paged/manifests/me/page/index.html >commands <<'PY'
import html, re, sys
for block in re.findall(r'<pre>(.*?)</pre>', open(sys.argv[1]).read(), re.S):
    print('\n'.join(line for line in html.unescape(block).split('\n') if not line.startswith('key-trust')))
PY
    sed "s|FOLDER|$WORK/F|g" commands >commands.sh
    run sh -c 'cd paged && MINIMODEL_HOME="$1/imported" sh -e ../commands.sh' sh "$WORK"
    expect 'they work where the folder has a manifest of its own' 0 'verdict: pass' 'state: imported'
    run catalog-build -q --check paged
    expect 'and leave the catalog as it was' 0 'verdict: pass'
fi
