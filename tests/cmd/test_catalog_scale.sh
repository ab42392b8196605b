#!/bin/sh
# catalog-build with many models: threads that nobody sees, what one more model writes, and builds that are killed.
. "$(dirname "$0")/harness.sh"
need 'many models' python3 || exit 0
HELP=$ROOT/tests/cmd/catalogs.py
PYTHONDONTWRITEBYTECODE=1
SOURCE_DATE_EPOCH=$(($(date +%s) - 86400))
MINIMODEL_KEYRING=$WORK/keyring
export PYTHONDONTWRITEBYTECODE SOURCE_DATE_EPOCH MINIMODEL_KEYRING
mkdir -m 700 keyring
COUNT=300
names='--catalog-id demo --publisher demo'
python3 "$HELP" many many $COUNT
find many -type f | sort >list
head -n $((COUNT - 1)) list >fewer
tail -n 1 list >last
traced() { strace -f -qq "$@" 2>/dev/null; }
can_trace() { need "$1" strace && { traced -o /dev/null -e trace=none true || { skip "$1" 'processes cannot be traced here'; false; }; }; }

# ---- threads ----

catalog-build -q -o all $names --allow-unsigned --files-from list >/dev/null || not_ok 'a catalog of many'
run catalog-build --check --allow-unsigned all
expect 'a catalog of many passes' 0 'verdict: pass' "entry-count: $COUNT" "manifests: $COUNT"
if need 'one processor' taskset; then
    alone="taskset -c $(taskset -pc $$ | sed 's/.*: //; s/[-,].*//')"
    $alone catalog-build -q -o alone $names --allow-unsigned --files-from list >/dev/null
    same 'one thread makes the same catalog' '' "$(diff -r all alone 2>&1)"
    mkdir bad
    i=0
    for file in $(head -n 60 list); do # every seventh is wrong in a way of its own, and what is behind it is looked at still
        i=$((i + 1))
        case $((i % 7)) in
        0) sed "s/^license: .*/license: nonsense$i!/" "$file" >bad/$i.manifest ;;
        3) head -c $((100 + i)) "$file" >bad/$i.manifest ;;
        *) cp "$file" bad/$i.manifest ;;
        esac
    done
    ls bad/*.manifest >bad.list
    catalog-build -o none $names --allow-unsigned --files-from bad.list >/dev/null 2>many.err
    same 'wrong ones are refused' 1 $?
    $alone catalog-build -o none $names --allow-unsigned --files-from bad.list >/dev/null 2>one.err
    same 'findings come in the order of the files' "$(cat one.err)" "$(cat many.err)"
    same 'of all that are wrong' 17 "$(cut -d: -f1 many.err | grep -c '^bad/' >/dev/null; sed -n 's/^\(bad\/[0-9]*\).*/\1/p' many.err | sort -u | wc -l | tr -d ' ')"
    same 'nothing was written' 'none' "$(find none | tr '\n' ' ' | sed 's/ $//')"
    cp -a all lying
    for file in 000003 000100 000200; do rm lying/manifests/demo/model-$file/*.manifest; done
    for file in 000007 000150; do printf 'x' >>"$(find lying/manifests/demo/model-$file -name '*.manifest')"; done
    touch lying/manifests/demo/model-000020/9.manifest lying/manifests/demo/model-000007/index.htm
    catalog-build --check --allow-unsigned lying >many.out 2>many.err
    $alone catalog-build --check --allow-unsigned lying >one.out 2>one.err
    same 'a check says the same with one thread' "$(cat one.out one.err)" "$(cat many.out many.err)"
    same 'and names each fault' 7 "$(grep -c ': error: ' many.err)"
fi
if can_trace 'threads are in the sandbox too'; then
    traced -o trace -e trace=landlock_restrict_self,landlock_create_ruleset,clone,clone3 catalog-build -q --check --allow-unsigned all >/dev/null
    if ! grep -q 'landlock_restrict_self(.*= 0' trace; then
        skip 'threads are in the sandbox too' 'no Landlock here'
    elif ! grep -q 'clone' trace; then
        skip 'threads are in the sandbox too' 'one processor here'
    else
        same 'threads are in the sandbox too' landlock_restrict_self "$(sed -n 's/^[0-9]* *\(landlock_restrict_self\|clone3\{0,1\}\)(.*/\1/p' trace | head -n 1)"
    fi
fi

# ---- one more ----

files() { (cd "$1" && find . -type f -printf '%p %i %T@ %C@ %s\n' | sort); }
catalog-build -q -o web $names --allow-unsigned --files-from fewer >/dev/null
files web >before
run catalog-build -q -o web --allow-unsigned --files-from fewer
expect 'nothing new' 0 'state: unchanged'
files web >after
same 'nothing new: nothing is written' '' "$(diff before after)"
model=$(sed -n 's/^model-id: demo\///p' "$(cat last)")
revision=$(sed -n 's/^revision: //p' "$(cat last)")
wanted="./catalog.head ./catalog.jsonl ./heads/2 ./heads/2.changes ./index.html ./manifests/demo/$model/$revision.manifest ./manifests/demo/$model/index.html"
more() { catalog-build -q -o web --allow-unsigned --files-from last; }
if can_trace 'one more: what is opened to be written'; then
    traced -y -o trace -e trace=openat,open,creat,openat2,renameat,renameat2,rename,linkat,link,mkdirat,mkdir,unlinkat,unlink \
        catalog-build -q -o web --allow-unsigned --files-from last >/dev/null
    same 'one more: what is opened to be written' "$(printf '%s\n' catalog.head catalog.jsonl heads/2 heads/2.changes index.html "manifests/demo/$model/$revision.manifest" "manifests/demo/$model/index.html")" \
        "$(python3 - trace <<'PY'
import re, sys
# final names: of files that are created under them, and of those to which others are renamed; names that begin with .minimodel- are temporary
found = set()
for line in open(sys.argv[1]):
    names = re.findall(r'<([^>]*)>, "([^"]*)"', line)
    if '= -1' in line or not names:
        continue
    folder, name = names[-1]
    path = (folder.split('/web', 1)[1] + '/' if '/web' in folder else '/') + name
    written = re.search(r'O_(WRONLY|RDWR|CREAT)', line) and 'O_TMPFILE' not in line
    if (written or 'rename' in line) and '.minimodel-' not in name and '/web' in folder:
        found.add(path.lstrip('/'))
print('\n'.join(sorted(found)))
PY
)"
else
    more >/dev/null
fi
files web >after
same 'one more: what is another file now' "$wanted" "$(diff before after | sed -n 's/^> \([^ ]*\).*/\1/p' | sort | tr '\n' ' ' | sed 's/ $//')"
run catalog-build -q --check --allow-unsigned web
expect 'one more: it passes' 0 'verdict: pass'

# ---- killed ----

# killed NAME CALL NUMBER COMMAND...: kills the build at its NUMBERth CALL in any of its threads; $status tells
killed() {
    call=$2 number=$3
    shift 3
    run strace -f -qq -o /dev/null -e trace="$call" -e inject="$call:signal=SIGKILL:when=$number" "$@"
}
if can_trace 'builds that are killed'; then
    torn=0 died=0 wrong=
    for at in write:3 write:40 write:120 mkdirat:1 mkdirat:80 openat:20 pread64:90 linkat:1 renameat:2 renameat:4 syncfs:1 syncfs:2 fsync:2 ftruncate:1; do
        rm -rf o
        killed x "${at%:*}" "${at#*:}" catalog-build -q -o o $names --allow-unsigned --files-from list
        [ "$status" -eq 0 ] || died=$((died + 1))
        [ -z "$(find o -name '*.manifest' -size 0 2>/dev/null)" ] || torn=$((torn + 1))
        find o -name '.minimodel-*' -delete 2>/dev/null
        catalog-build -q -o o $names --allow-unsigned --files-from list >/dev/null 2>&1 || wrong="$wrong $at: the next build;"
        catalog-build -q --check --allow-unsigned o >/dev/null 2>&1 || wrong="$wrong $at: the check;"
        cmp -s o/catalog.jsonl all/catalog.jsonl || wrong="$wrong $at: the entries;"
    done
    same 'a first build that was killed is ended by the next' '' "$wrong"
    if [ $died -ge 8 ]; then ok 'builds were killed'; else not_ok 'builds were killed' "$died of 14"; fi
    if [ $torn -ge 1 ]; then ok 'some left a part of a manifest'; else skip 'some left a part of a manifest' 'no kill came between the making of one and its filling'; fi
    wrong=
    head -n 150 list >half
    catalog-build -q -o begun $names --allow-unsigned --files-from half >/dev/null
    for at in write:5 write:60 mkdirat:20 renameat:1 renameat:3 renameat:5 renameat:7 syncfs:1 syncfs:2 fsync:3; do
        rm -rf o && cp -a begun o
        killed x "${at%:*}" "${at#*:}" catalog-build -q -o o --allow-unsigned --files-from list
        find o -name '.minimodel-*' -delete
        # whoever reads it meanwhile finds the old models and the new ones, or the old ones
        for name in $(sed -n 's/.*"manifest_route":"\([^"]*\)".*/\1/p' o/catalog.jsonl); do
            [ -s "o/$name" ] || wrong="$wrong $at: $name lacks;"
        done
        catalog-build -q -o o --allow-unsigned --files-from list >/dev/null 2>&1 || wrong="$wrong $at: the next build;"
        run catalog-build -q --check --since begun/catalog.head --allow-unsigned o
        [ "$status" -eq 0 ] || wrong="$wrong $at: the check ($err);"
    done
    same 'a later build that was killed is ended by the next' '' "$wrong"
fi
