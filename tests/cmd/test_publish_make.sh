#!/bin/sh
# share/minimodel.mk: what a publisher's make does when nothing changed, when something did, and when it cannot.
. "$(dirname "$0")/harness.sh"
need 'publishing with make' make || exit 0
need 'publishing with make' python3 || exit 0
unset MAKEFLAGS MAKELEVEL MFLAGS MAKEOVERRIDES MAKEFILES
printf '$(info $(filter grouped-target,$(.FEATURES)))\nall:;@:\n' >probe.mk
if [ "$(make -f probe.mk 2>/dev/null | head -n 1)" != grouped-target ]; then
    skip 'publishing with make' 'no GNU make 4.3 here'
    exit 0
fi

# in a copy, so that a command of the page that fails leaves the next ones nothing to spoil
mkdir source && cp -r "$ROOT/share" source/
(cd source && python3 "$ROOT/tests/cmd/tutorial.py" share/example-publisher/README.md "$WORK/example" "the example's page")

MINIMODEL_KEYRING=$WORK/keyring
MINIMODEL_MK=$ROOT/share/minimodel.mk
export MINIMODEL_KEYRING MINIMODEL_MK
mkdir pub && cd pub || exit 1
key-make -q --no-password me >/dev/null
key-trust -q add --trust-on-first-use me me.pub >/dev/null
for model in tiny small; do
    mkdir $model
    cp "$MODEL" "$ROOT/share/model/LICENSE.txt" "$ROOT/share/model/README.md" $model
done
chmod -R u+w tiny small
cat >Makefile <<'MAKE'
MM_PUBLISHER  := me
MM_SECRET_KEY := me.key
MM_CATALOG    := web
MM_MODELS     := tiny small/
MM_VERSION     = 1.0
MM_LICENSE     = CC0-1.0
MM_TAKEDOWN    = mailto:me@example.org
MM_LANE        = original
small/small.manifest: MM_LICENSE = MIT
small/small.manifest: MM_TAGS = tiny llama
small/small.manifest: MM_DISPLAY_NAME = The publisher's "small" $$HOME `id` model
include $(MINIMODEL_MK)
MAKE

built() { run make "$@"; }
field() { sed -n "s/^$1: //p" "$2"; }
texts() { find . -type f -exec sha256sum {} + | sort -k 2; }
stamps() { find . -type f -printf '%p %i %T@\n' | sort; }
nothing() { # NAME: the next run has nothing to do, and does nothing
    before=$(stamps)
    run make -q
    expect "$1: make -q has nothing to do" 0
    built
    expect "$1: make has nothing to do" 0 "Nothing to be done for 'catalog'"
    same "$1: nothing was written" "$before" "$(stamps)"
}

# ---- the first run, one at a time and side by side ----

SOURCE_DATE_EPOCH=$(date +%s) # so that the second one writes the same times
export SOURCE_DATE_EPOCH
cp -a . ../other
built
expect 'the first run' 0 'state: built' 'sequence: 1' 'entry-count: 2'
same 'the first target is the catalog, whatever is said of manifests before' 2 "$(grep -c . web/catalog.jsonl)"
(cd ../other && make -j8 >/dev/null 2>&1)
same 'side by side it is the same' "$(texts)" "$(cd ../other && texts)"
unset SOURCE_DATE_EPOCH
nothing 'after the first run'
same 'a value of one manifest is that one'"'"'s' 'MIT CC0-1.0' "$(field license small/small.manifest) $(field license tiny/tiny.manifest)"
same 'a value is text, whatever the shell would make of it' "The publisher's \"small\" \$HOME \`id\` model" "$(field display-name small/small.manifest)"
same 'tags are words' 'llama tiny' "$(field tag small/small.manifest | tr '\n' ' ' | sed 's/ $//')"
run slm-verify -q --strict tiny/tiny.manifest
expect 'a reader verifies' 0 'signature: verified' 'verdict: pass'
run slm-import -q --home "$WORK/store" small
expect 'a reader imports' 0 'state: imported'
run catalog-build --check web
expect 'the catalog passes' 0 'verdict: pass'

# ---- changes ----

# changed_to NAME TINY SMALL: after a run the manifests have these revisions, and the catalog is sound
changed_to() {
    built -j4
    expect "$1: a run" 0
    same "$1: the revisions" "$2 $3" "$(field revision tiny/tiny.manifest) $(field revision small/small.manifest)"
    run make check
    expect "$1: the catalog passes" 0 'verdict: pass' 'since: '
    nothing "$1"
}
inode=$(stat -c '%i %Y' small/small.manifest web/manifests/me/small/1.manifest)
touch tiny/README.md
changed_to 'a file that was touched' 1 1
first=$(sha256sum <tiny/tiny.manifest | cut -c1-64)
echo more >>tiny/README.md
changed_to 'a file that changed' 2 1
same 'it names the one before' "$first" "$(field previous-manifest tiny/tiny.manifest)"
same 'the other model is left alone' "$inode" "$(stat -c '%i %Y' small/small.manifest web/manifests/me/small/1.manifest)"
echo same >'tiny/a name with spaces.txt'
touch -d '2001-01-01' 'tiny/a name with spaces.txt'
changed_to 'a new file, old, with spaces in its name' 3 1
mv 'tiny/a name with spaces.txt' tiny/other.txt
changed_to 'a file that was renamed' 4 1
rm tiny/other.txt
changed_to 'a file that went away' 5 1
sed -i 's/^MM_LICENSE .*/MM_LICENSE = Apache-2.0/' Makefile
changed_to 'a value that changed' 6 1
sed -i '/MM_TAGS/d' Makefile
changed_to 'a value that was taken away' 6 2
same 'the tags are gone' '' "$(field tag small/small.manifest)"
printf '\n# a comment\n' >>Makefile
nothing 'a comment in the Makefile'
rm -r .minimodel/*.inputs
changed_to 'the records of what was described went away' 6 2
rm tiny/tiny.manifest tiny/tiny.manifest.minisig
changed_to 'a manifest went away' 6 2
same 'it is the published one again' '' "$(cmp tiny/tiny.manifest web/manifests/me/tiny/6.manifest 2>&1)"
rm small/small.manifest.minisig
changed_to 'a signature went away' 6 2
rm web/manifests/me/small/2.manifest && touch small/README.md
changed_to 'a file of the catalog went away' 6 2
run make verify
expect 'make verify' 0 'pass	tiny/tiny.manifest' 'pass	small/small.manifest'
cp small/README.md kept && echo x >>small/README.md
run make verify
expect 'make verify, with a model that was changed since' 2 'pass	tiny/tiny.manifest' 'fail	small/small.manifest'
cp -p kept small/README.md

# ---- what fails leaves what was there, and the next run goes on ----

echo x >>small/README.md
cp -a web ../web.before
printf 'no key' >bad.key && chmod 600 bad.key
built MM_SECRET_KEY=bad.key MM_PUBLIC_KEY=me.pub
expect 'a key that is none' 2
same 'the catalog is as it was' '' "$(diff -r web ../web.before)"
same 'no temporary file is left beside the model' '' "$(find tiny small -name '*.new' -o -name '.?*')"
changed_to 'with the right key' 6 3
cp Makefile kept && sed -i 's/^MM_LICENSE .*/MM_LICENSE = no licence!/' Makefile
built
expect 'a value that is wrong' 2 "found 'no licence!'"
same 'leaves the manifest' 6 "$(field revision tiny/tiny.manifest)"
cp kept Makefile
changed_to 'a value that is right again' 6 3

# ---- withdrawals ----

run make withdraw
expect 'what is withdrawn has to be said' 2 'expected MODEL='
run make withdraw MODEL=me/tiny@6 REASON="it's \"wrong\" \`id\`" NOTICE=https://example.org/why
expect 'a revision is withdrawn' 0 'removed: 1' 'withdrawn	me/tiny@6'
same 'its reason is text' 1 "$(grep -cF '"reason":"it'"'"'s \"wrong\" `id`"' web/withdrawn.jsonl)"
nothing 'after a withdrawal'
echo y >>small/README.md
built
expect 'it does not come back' 2 'tiny/tiny.manifest: error: ' '[catalog-withdrawn]'
echo y >>tiny/README.md
changed_to 'its successor' 7 4
run make withdraw MODEL=me/tiny REASON=ended
expect 'a model is withdrawn' 0 'withdrawn-count: '
sed -i 's/^MM_MODELS .*/MM_MODELS := small/' Makefile
nothing 'a model that is published no more'
run make renew
expect 'make renew' 0 'state: built' 'added: 0'
nothing 'after make renew'

# ---- another key ----

built MM_SECRET_KEY=lost.key
expect 'a key without its public half' 2 "expected MM_KEY_ID, or the public key in MM_PUBLIC_KEY, found neither ('lost.pub')"
key-make -q --no-password --succeed me.key next >/dev/null 2>&1
key-trust -q add me ./*.successor >/dev/null
sed -i 's/^MM_SECRET_KEY .*/MM_SECRET_KEY := next.key/' Makefile
changed_to 'a successor of the key' 7 5
same 'signs' "$(sed -n '1s/.* //p' next.pub)" "$(field key-id small/small.manifest)"
run make verify
expect 'and is trusted' 0 'pass	small/small.manifest'

# ---- a catalog that is not the one published last ----

mv web elsewhere
built
expect 'the catalog is gone' 2 'minimodel.mk: error: ' 'found head none'
cp -a ../web.before web && touch small/README.md
built
expect 'the catalog is an old copy' 2 'minimodel.mk: error: '
run make check
expect 'make check finds the old copy' 2 '[catalog-history]'
rm -rf web && mv elsewhere web
changed_to 'the right one is back' 7 5
rm -rf .minimodel small/small.manifest*
built
expect 'a fresh copy of web and models' 0 'as published	small/small.manifest	revision 5' 'state: unchanged'
nothing 'a fresh copy'

# ---- a fork of the one published last, and numbers that are used up ----

cp -a web fork && run make renew
expect 'a head is published' 0 'state: built'
cp -a web published
rm -r web && mv fork web && catalog-build -q -o web -s next.key --renew --expires-in 80 >/dev/null 2>&1
run make renew
expect 'a fork with as many heads is not continued' 2 'minimodel.mk: error: ' 'went another way'
rm -r web && mv published web
run make withdraw MODEL="me/small@$(field revision small/small.manifest)" REASON=wrong
expect 'the highest revision is withdrawn' 0 'removed: 1'
rm -rf .minimodel small/small.manifest* && echo z >>small/README.md
run make
expect 'in a fresh copy its number stays used up' 0 'described	small/small.manifest	revision 6' 'state: built'
mkdir away && mv web/manifests/me/small/6.manifest* small/small.manifest* away/ && echo zz >>small/README.md
run make
expect 'a manifest that is listed and not at hand is asked for' 2 'minimodel.mk: error: ' 'with revision 6, which the catalog names'
cp away/6.manifest away/6.manifest.minisig web/manifests/me/small/

# ---- single files ----

echo text >note.txt
built note.txt.minisig note.txt.chunks
expect 'a signature and a chunk list of any file' 0
run manifest-sign -q -c -a -p next.pub note.txt
expect 'the signature is good' 0
run chunk-merkle -q --check note.txt.chunks note.txt
expect 'the chunk list is right' 0
run make -q note.txt.minisig note.txt.chunks
expect 'both are up to date' 0
touch note.txt
run make -q note.txt.minisig
expect 'and are not once the file is newer' 1
mkdir third && cp tiny/*.gguf tiny/LICENSE.txt tiny/README.md third
built third.manifest.minisig
expect 'a manifest beside its folder' 0 'described	third.manifest	revision 1' 'signed	'
run slm-verify -q third.manifest third
expect 'it is of that folder' 0 'verdict: pass'
run make -q third.manifest.minisig
expect 'it is up to date' 0

# ---- what make cannot hold ----

mkdir 'sp ace'
run make MM_MODELS='sp ace'
expect 'a folder with a space' 2 'minimodel.mk: error: expected sp, found nothing of that name' 'counts as several'
run make MM_CATALOG='a b'
expect 'a catalog with a space' 2 'expected one word as MM_CATALOG'
mkdir ../other-find && printf '#!/bin/sh\nexit 1\n' >../other-find/find && chmod +x ../other-find/find
run env PATH="$WORK/other-find:$PATH" make
expect 'a find that does not tell times' 2 'expected GNU find'
for name in MM_PUBLISHER MM_SECRET_KEY MM_MODELS; do
    run make $name=
    expect "no $name" 2 "expected a value of $name"
done
same 'nothing of a is left' '' "$(ls -d a b 2>/dev/null)"
