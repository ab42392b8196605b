#!/bin/sh
# Catalogs in a world that is not kind: builders that are killed or meet, things that are no files, media that cannot be written, keys that were revoked since.
. "$(dirname "$0")/harness.sh"
need 'catalogs in hardship' python3 || exit 0
HELP=$ROOT/tests/cmd/catalogs.py
PYTHONDONTWRITEBYTECODE=1
MINIMODEL_KEYRING=$WORK/ring
SOURCE_DATE_EPOCH=$(($(date +%s) - 86400))
export PYTHONDONTWRITEBYTECODE MINIMODEL_KEYRING SOURCE_DATE_EPOCH

id=$(key-make -q --no-password keeper | sed -n 's/^key-id: //p')
other=$(key-make -q --no-password other | sed -n 's/^key-id: //p')
mkdir -p ring/keeper ring/other && cp keeper.pub "ring/keeper/$id.pub" && cp other.pub "ring/other/$other.pub"
describe() { python3 "$HELP" manifest "$1.manifest" "$2" "$3" "$4" "$5" && manifest-sign -q -s "$2.key" "$1.manifest" >/dev/null 2>&1; }
for i in $(seq 1 24); do describe "m$i" keeper "model-$i" 1 "$id"; done
describe o1 other omega 1 "$other" && describe o2 other omega 2 "$other"
build() { run timeout 120 catalog-build -q -s keeper.key -o "$@"; }
names='--catalog-id keeper --publisher keeper'
build web $names m1.manifest m2.manifest o1.manifest o2.manifest
expect 'a catalog' 0
cp web/catalog.head seen
build web -w keeper/model-2 --reason gone
expect 'with a withdrawal' 0

# ---- keys that were revoked since ----

run catalog-build --check web
expect 'nothing is revoked' 0 'revoked-entries: 0'
cp -a ring later && run env MINIMODEL_KEYRING="$WORK/later" key-trust revoke other "$other" --reason compromised
expect 'a key is revoked' 0
run catalog-build --check --keyring later web
expect 'entries that name it are counted' 0 'verdict: pass' 'revoked-entries: 2' "note: the key $other of other, which 2 of the entries name, is revoked" '[signature-revoked-key]'
rm "later/other/$other.pub"
run catalog-build --check --keyring later web
expect 'even where the key itself is not there' 0 'revoked-entries: 2'
mkdir later/keeper2 && mv later/other "later/elsewhere"
run catalog-build --check --keyring later web
expect 'a revocation under another publisher is none' 0 'revoked-entries: 0'
cp -a ring own && run env MINIMODEL_KEYRING="$WORK/own" key-trust revoke keeper "$id" --reason compromised
run catalog-build --check --keyring own web
expect 'a head by a revoked key is refused' 1 '[signature-revoked-key]' 'revoked-entries: 1'

# ---- things that are no files ----

all='catalog.head catalog.head.minisig catalog.jsonl withdrawn.jsonl heads/1 heads/1.minisig heads/2 heads/2.minisig heads/2.changes manifests/keeper/model-1/1.manifest
    manifests/keeper/model-1/1.manifest.minisig index.html'
for kind in link away folder pipe socket device; do
    for file in $all; do
        rm -rf odd outside && cp -a web odd && [ -e "odd/$file" ] || continue
        mv "odd/$file" outside
        case $kind in
        link) mv outside odd/.target && ln -s "$(printf '%s' "$file" | sed 's|[^/]*/|../|g; s|[^/]*$||').target" "odd/$file" ;;
        away) ln -s "$WORK/outside" "odd/$file" ;;
        folder) mkdir "odd/$file" ;;
        pipe) mkfifo "odd/$file" ;;
        socket) (cd "$(dirname "odd/$file")" && python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$(basename "$file")") ;;
        device) mknod "odd/$file" c 1 5 2>/dev/null || { skip "a device in the place of $file" 'no devices here'; continue; } ;;
        esac
        in_memory 1000000 timeout 60 catalog-build --check --since seen odd
        expect "a $kind in the place of $file" 1 'error: '
        before=$(find odd -printf '%p %y %l\n' | sort)
        in_memory 1000000 timeout 60 catalog-build -q -o odd -s keeper.key m1.manifest
        if [ "$status" -le 1 ] || [ "$status" -eq 3 ]; then ok "a build with a $kind in the place of $file ends"; else not_ok "a build with a $kind in the place of $file ends" "exit $status" "$err"; fi
        [ "$kind" != away ] || same "and nothing is written through it" "$(cat "web/$file" | sha256sum)" "$(sha256sum <outside)"
        [ "$status" -eq 0 ] || same 'nor changed where it is refused' "$before" "$(find odd -printf '%p %y %l\n' | sort)"
    done
done
mkdir -p real && mv odd/heads real/heads 2>/dev/null
rm -rf odd && cp -a web odd && rm -rf real && mv odd/heads real && ln -s "$WORK/real" odd/heads
run timeout 60 catalog-build --check odd
expect 'a link in the place of the folder of heads' 1
before=$(find real -printf '%p %T@\n' | sort)
build odd m3.manifest
if [ "$status" -ne 0 ]; then ok 'no build goes through it'; else not_ok 'no build goes through it'; fi
same 'and nothing is written there' "$before" "$(find real -printf '%p %T@\n' | sort)"
rm -rf odd && ln -s web odd
run timeout 60 catalog-build --check odd
expect 'the catalog itself may be named by a link' 0
for kind in file pipe; do
    rm -rf odd && case $kind in file) : >odd ;; pipe) mkfifo odd ;; esac
    run timeout 60 catalog-build --check odd
    expect "a $kind is no catalog" 3 '[io-open]'
done

# ---- media that cannot be written ----

rm -rf medium && mkdir medium
if unshare -m sh -c 'mount -t tmpfs tmpfs medium && cp -a web medium/web && mount -o remount,ro medium && ! touch medium/web/x' 2>/dev/null; then
    on_medium() {
        run timeout 120 unshare -m sh -c 'mount -t tmpfs tmpfs medium && cp -a web medium/web && mount -o remount,ro medium || exit 99
            shift 0
            exec "$@"' sh "$@"
    }
    on_medium catalog-build --check --since seen medium/web
    expect 'a catalog on a medium that cannot be written is checked' 0 'verdict: pass'
    on_medium catalog-build --prove keeper/model-1 medium/web
    expect 'and proves' 0 'minimodel-entry-proof 0'
    on_medium catalog-build --prove-since seen medium/web
    expect 'its history too' 0 'minimodel-consistency 0'
    on_medium catalog-build -q -o medium/web -s keeper.key m3.manifest
    expect 'a build says that it cannot' 3 '[io-write]'
else
    skip 'a medium that cannot be written' 'no mount here'
fi

# ---- two builders at once ----

build meet $names m1.manifest
cp meet/catalog.head met
pids=
for i in $(seq 2 13); do
    catalog-build -q -s keeper.key -o meet "m$i.manifest" >/dev/null 2>"err$i" &
    pids="$pids $!"
done
wrong=
for pid in $pids; do wait "$pid" || wrong="$wrong $?"; done
same 'twelve builders at once' '' "$wrong$(cat err[0-9]*)"
run catalog-build --check --since met meet
expect 'lose nothing of each other' 0 'verdict: pass' 'entry-count: 13' 'sequence: 13'
pids=
for i in 1 2; do
    catalog-build -q -s keeper.key -o meet m14.manifest >/dev/null 2>&1 &
    pids="$pids $!"
done
wrong=
for pid in $pids; do wait "$pid" || wrong="$wrong $?"; done
same 'two with the same manifest' '' "$wrong"
run catalog-build --check --since met meet
expect 'make one head of it' 0 'verdict: pass' 'entry-count: 14' 'sequence: 14'

# ---- killed at any moment ----

gone=$(for i in 1 2 3 4 5 6 7 8; do describe "g$i" keeper "gone-$i" 1 "$id" && echo "g$i.manifest"; done)
build killed $names m1.manifest $gone && cp killed/catalog.head seen
rounds=${KILLS:-32}
case $BUILD in *address* | *thread*) rounds=${KILLS:-9} ;; esac
turns=$(for i in $(seq 1 24); do echo "m$i.manifest"; [ $((i % 3)) -ne 0 ] || echo "@keeper/gone-$((i / 3))"; done)
same "$rounds builders are killed beside a reader" '' "$(timeout 600 python3 "$ROOT/tests/cmd/catalog_kill.py" killed "$rounds" $turns 2>&1 | head -n 12)"
build killed $(for i in $(seq 1 24); do echo "m$i.manifest"; done)
expect 'the next build ends what they began' 0
build killed --reason gone $(for i in 1 2 3 4 5 6 7 8; do echo "-w keeper/gone-$i"; done)
expect 'and the withdrawals' 0
run catalog-build --check --since seen killed
expect 'and everything is there' 0 'verdict: pass' 'entry-count: 24' 'withdrawn-count: 8'
same 'no traces are left' '' "$(find killed -name '.minimodel-*')"
