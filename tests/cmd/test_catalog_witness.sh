#!/bin/sh
# Witnesses of catalogs: what they sign and what they never sign, what a reader makes of it, and what builds do with it.
. "$(dirname "$0")/harness.sh"
need 'witnesses of catalogs' python3 || exit 0
HELP=$ROOT/tests/cmd/catalogs.py
SECOND=$ROOT/tests/second/catalog.py
PYTHONDONTWRITEBYTECODE=1
MINIMODEL_KEYRING=$WORK/ring
SOURCE_DATE_EPOCH=$(($(date +%s) - 86400))
export PYTHONDONTWRITEBYTECODE MINIMODEL_KEYRING SOURCE_DATE_EPOCH

# new_key NAME PUBLISHER: an open key that the keyring trusts; $id is its id
new_key() {
    id=$(key-make -q --no-password "$1" | sed -n 's/^key-id: //p')
    mkdir -p "ring/$2" && cp "$1.pub" "ring/$2/$id.pub"
}
new_key keeper keeper && keeper=$id
new_key wendy wendy && wendy=$id
new_key wim wim && wim=$id
stranger=$(key-make -q --no-password stranger | sed -n 's/^key-id: //p')
for i in 1 2 3 4 5 6; do
    python3 "$HELP" manifest "a$i.manifest" keeper alpha $i "$keeper" && manifest-sign -q -s keeper.key "a$i.manifest" >/dev/null 2>&1
done
build() { run catalog-build -q -o "$@" -s keeper.key; }
check() { run catalog-build --check "$@"; }
# witness NAME ARGUMENT...: signs with NAME's key and state
witness() {
    who=$1
    shift
    run catalog-build --countersign -s "$who.key" --witness-state "$who.seen" "$@"
}
files() { (cd "$1" && find . -type f -exec sha256sum {} + | sort -k 2); }
# refused NAME STATUS RULE WHO ARGUMENT...: and nothing is written, neither the state nor a signature
refused() {
    name=$1 wanted=$2 rule=$3 who=$4
    shift 4
    before=$(cat "$who.seen" 2>/dev/null; find . -name '*.minisig' | sort | xargs sha256sum)
    witness "$who" "$@"
    expect "$name" "$wanted" "[$rule]"
    same "$name: nothing was signed or kept" "$before" "$(cat "$who.seen" 2>/dev/null; find . -name '*.minisig' | sort | xargs sha256sum)"
}

# ---- the first head ----

build web --catalog-id keeper --publisher keeper a1.manifest
expect 'a catalog' 0
refused 'a witness who has seen nothing says so' 1 catalog-witness wendy web
witness wendy --first web
expect 'a first head is signed' 0 'state: countersigned' "witness: $wendy" 'sequence: 1' "key-id: $keeper" "signature: web/catalog.head.$wendy.minisig"
same 'the state' "minimodel-witness 0
catalog-id: keeper
publisher-id: keeper
sequence: 1
head-sha256: $(sha256sum <web/catalog.head | cut -c1-64)
log-root: $(python3 "$SECOND" consistency web 1 | sed -n 's/^new-log-root: //p')" "$(cat wendy.seen)"
same 'the trusted comment is that of the publisher' "$(sed -n 3p web/catalog.head.minisig)" "$(sed -n 3p "web/catalog.head.$wendy.minisig")"
if need 'minisign verifies a witness' minisign; then
    run minisign -V -p wendy.pub -m web/catalog.head -x "web/catalog.head.$wendy.minisig"
    expect 'minisign verifies a witness' 0 'catalog:keeper sequence:1'
fi
refused 'a state is not begun again' 1 catalog-witness wendy --first web
before=$(files web)
witness wendy web
expect 'the same head is signed again' 0 'sequence: 1' 'since: 1'
same 'with the same bytes' "$before" "$(files web)"
rm "web/catalog.head.$wendy.minisig"
witness wendy web/catalog.head
expect 'a signature that was lost comes back, by the head alone' 0
same 'the same one' "$before" "$(files web)"
witness wim --first web/catalog.head
expect 'a first head needs no catalog' 0 "witness: $wim"
same 'both have seen the same' "$(cat wendy.seen)" "$(cat wim.seen)"

# ---- what a reader makes of it ----

check web
expect 'a reader is told' 0 'verdict: pass' "witness: $wendy verified wendy" "witness: $wim verified wim" 'countersigned: 2'
check --witnesses 2 web
expect 'as many as are asked for' 0 'verdict: pass'
check --witnesses 3 web
expect 'fewer than are asked for' 1 'verdict: fail' '[catalog-witness]' 'expected countersignatures by 3 trusted keys, found 2'
run catalog-build -q --check --json web
expect 'as JSON' 0 "\"witnesses\":[{\"key-id\":\"$(printf '%s\n' "$wendy" "$wim" | sort | head -n 1)\",\"outcome\":\"verified\",\"publisher\":" '"countersigned":2'
mkdir -p alone/keeper && cp "keeper.pub" "alone/keeper/$keeper.pub"
check --keyring alone web
expect 'keys that nobody trusts do not count' 0 "witness: $wendy unknown-key" 'countersigned: 0' 'note: the countersignature does not count'
check --keyring alone --witnesses 1 web
expect 'and fail a check that asks for them' 1 '[catalog-witness]'
check --keyring alone --witness-key wim.pub --witnesses 1 web
expect 'a key that is given counts' 0 "witness: $wim verified" 'countersigned: 1'
check --keyring alone --witness-key wim.pub --witness-key wim.pub --witnesses 2 web
expect 'once' 1 '[catalog-witness]'
check --keyring alone --witness-key keeper.pub --witness-key wendy.pub --witnesses 2 web
expect 'the publisher does not count' 1 '[catalog-witness]'
cp -a web odd && cp odd/catalog.head.minisig "odd/catalog.head.$keeper.minisig"
check --witness-key keeper.pub odd
expect 'nor does his own signature under a witness'"'"'s name' 0 "witness: $keeper publisher keeper" 'countersigned: 2'
cp "odd/catalog.head.$wendy.minisig" "odd/catalog.head.$stranger.minisig"
check --witness-key stranger.pub odd
expect 'nor a signature under another id' 0 "witness: $stranger bad-signature" 'countersigned: 2'
: >"odd/catalog.head.$stranger.minisig"
check --witness-key stranger.pub odd
expect 'nor an empty one' 0 "witness: $stranger bad-signature"
run catalog-build --countersign --first --witness-state stranger.seen -s stranger.key odd
expect 'a stranger signs' 0
changed "odd/catalog.head.$stranger.minisig" 200
check --witness-key stranger.pub odd
expect 'a signature that was changed' 0 "witness: $stranger bad-signature" 'countersigned: 2'
# The id stands beside the signature and is no part of what is signed, so anybody can give his key two of them.
python3 - "$wendy" <<'END'
import base64, sys
other = "00000000DEADBEEF"
def renamed(path, out, line):
    lines = open(path).read().split("\n")
    data = bytearray(base64.b64decode(lines[line]))
    data[2:10] = bytes.fromhex(other)[::-1]
    lines[line] = base64.b64encode(bytes(data)).decode()
    open(out, "w").write("\n".join(lines))
renamed("wendy.pub", "twice.pub", 1)
renamed(f"odd/catalog.head.{sys.argv[1]}.minisig", f"odd/catalog.head.{other}.minisig", 1)
END
check --witness-key twice.pub odd
expect 'a key under two ids counts once' 0 'witness: 00000000DEADBEEF verified' "witness: $wendy verified wendy" 'countersigned: 2'
rm -rf revoking && cp -a ring revoking
run env MINIMODEL_KEYRING="$WORK/revoking" key-trust revoke wim "$wim" --reason lost
expect 'a witness is revoked' 0
check --keyring revoking --witnesses 1 web
expect 'a key that is revoked counts no more' 0 "witness: $wim revoked-key wim" 'countersigned: 1'
check --keyring revoking --witness-key wim.pub --witnesses 2 web
expect 'not even if it is given' 1 "witness: $wim revoked-key" '[catalog-witness]'
for i in $(seq 10 73); do : >"odd/catalog.head.00000000000000$i.minisig"; done
check odd
expect 'more than 64 of them' 1 '[catalog-surplus]' 'expected at most 64 countersignatures'
rm -rf odd && cp -a web odd && rm "odd/catalog.head.$wim.minisig" && mkfifo "odd/catalog.head.$wim.minisig"
check odd
expect 'a pipe in the place of one' 1 '[catalog-file]'
rm "odd/catalog.head.$wim.minisig" && ln -s "catalog.head.$wendy.minisig" "odd/catalog.head.$wim.minisig"
check odd
expect 'a link in the place of one' 1 '[catalog-surplus]'
rm "odd/catalog.head.$wim.minisig" && truncate -s 1T "odd/catalog.head.$wim.minisig"
check odd
expect 'an endless one' 1 "catalog.head.$wim.minisig" '[catalog-file]'
rm -rf odd

# ---- from head to head ----

build web a2.manifest
expect 'a second head' 0
same 'the signatures went with their head' "$(printf '%s\n' heads/1 "heads/1.$wendy.minisig" "heads/1.$wim.minisig" heads/1.changes heads/1.minisig | sort)" "$(cd web && ls -d heads/1* catalog.head.[0-9A-F]* 2>/dev/null | sort)"
check web
expect 'the new one has none yet' 0 'verdict: pass' 'countersigned: 0'
check --witnesses 1 web
expect 'which is no' 1 '[catalog-witness]'
cp "web/heads/1.$wendy.minisig" "web/catalog.head.$wendy.minisig"
check --witnesses 1 web
expect 'that of an older head does not count' 1 "witness: $wendy other-head" '[catalog-witness]'
echo x >"web/catalog.head.$stranger.minisig"
before=$(files web)
build web
expect 'a build finds what an interruption left' 0 'state: unchanged'
same 'and only that' "$(printf '%s\n' "$before" | grep -v "  ./catalog.head.$wendy")" "$(files web)"
rm "web/catalog.head.$stranger.minisig"
build web && before=$(find web -type f -printf '%p %i %T@\n' | sort)
build web
same 'then it writes nothing' "$before" "$(find web -type f -printf '%p %i %T@\n' | sort)"
witness wendy web
expect 'a witness goes on' 0 'sequence: 2' 'since: 1'
check --witnesses 1 --since web/heads/1 web
expect 'a reader finds both' 0 "witness: $wendy verified wendy" 'since: 1'

cp -a web seen2 && cp wendy.seen wendy.seen2
for i in 3 4 5; do build web "a$i.manifest"; done
run catalog-build --prove-since seen2/catalog.head web
expect 'a proof of three steps' 0
cp .out log.proof
refused 'a proof alone says nothing of the heads between' 1 catalog-history wendy --check-proof log.proof web/catalog.head
refused 'nor do heads alone of the log' 1 catalog-proof wendy web/heads/3 web/heads/4 web/catalog.head
refused 'one head of them lacks' 1 catalog-history wendy --check-proof log.proof web/heads/3 web/catalog.head
refused 'another order' 1 catalog-history wendy --check-proof log.proof web/heads/4 web/heads/3 web/catalog.head
refused 'the last one is not the last' 1 catalog-proof wendy --check-proof log.proof web/heads/3 web/heads/4
run catalog-build --prove-since web/heads/1 web
cp .out other.proof
refused 'a proof from another head' 1 catalog-proof wendy --check-proof other.proof web/heads/3 web/heads/4 web/catalog.head
witness wendy --check-proof log.proof web/heads/3 web/heads/4 web/catalog.head
expect 'every head and the proof' 0 'sequence: 5' 'since: 2'
same 'the state is what the catalog itself leads to' "$(python3 "$SECOND" consistency web 5 | sed -n 's/^new-log-root: //p')" "$(sed -n 's/^log-root: //p' wendy.seen)"
witness wim web
expect 'by the catalog the same steps' 0 'sequence: 5' 'since: 1'
same 'and the same state' "$(cat wendy.seen)" "$(cat wim.seen)"
check --witnesses 2 web
expect 'two witnesses of one head' 0 'countersigned: 2'

# ---- two histories ----

cp -a seen2 fork
SOURCE_DATE_EPOCH=$((SOURCE_DATE_EPOCH + 60))
for i in 3 4 5; do build fork "a$i.manifest" --expires-in 100; done
refused 'another head of the same sequence' 1 catalog-history wendy fork
refused 'by the head alone too' 1 catalog-history wendy fork/catalog.head
refused 'an older head' 1 catalog-history wendy seen2
refused 'the older head alone' 1 catalog-history wendy seen2/catalog.head
build fork a6.manifest
refused 'a head that continues another history' 1 catalog-history wendy fork
run catalog-build --prove-since fork/heads/5 fork
cp .out fork.proof
refused 'by its head and a proof' 1 catalog-history wendy --check-proof fork.proof fork/catalog.head
# a log of the heads that were seen and the fork's last, which are no chain: RFC 6962 alone has nothing against it
mkdir -p forged/heads && cp web/heads/[1-5] forged/heads && cp fork/heads/6 forged/heads && cp fork/catalog.head forged
python3 "$SECOND" consistency forged 5 >forged.proof
same 'a log that is no history is a log' holds "$(python3 "$SECOND" verify forged.proof)"
refused 'and is not signed' 1 catalog-history wendy --check-proof forged.proof fork/catalog.head
run catalog-build --check-proof forged.proof --since web/catalog.head fork/catalog.head
expect 'nor does it hold for a reader who has the head before' 1 '[catalog-history]'
cp wendy.seen wendy.seen5 && cp wendy.seen2 wendy.seen
mkdir -p mixed/heads && cp fork/heads/[1-6] mixed/heads && cp web/heads/4 mixed/heads/4 && cp fork/catalog.head mixed
python3 "$SECOND" consistency mixed 2 >mixed.proof
refused 'a log with another head in the middle' 1 catalog-proof wendy --check-proof mixed.proof fork/heads/3 fork/heads/4 fork/heads/5 fork/catalog.head
cp wendy.seen5 wendy.seen
cp -a web other && python3 - <<'END'
import re
for name in ("other/heads/1", "other/catalog.head"):
    text = open(name).read()
    open(name, "w").write(text.replace("catalog-id: keeper", "catalog-id: another"))
END
refused 'a head that nobody signed so' 1 catalog-history wendy other
mkdir others && run catalog-build -q -o others/web --catalog-id another --publisher keeper -s keeper.key a1.manifest
cp wendy.seen kept.seen && sed 's/^catalog-id: .*/catalog-id: another/' kept.seen >wendy.seen
refused 'another catalog' 1 catalog-witness wendy web
sed 's/^log-root: .*/log-root: 0000000000000000000000000000000000000000000000000000000000000000/' kept.seen >wendy.seen
refused 'a state whose log root is not that of its head' 1 catalog-witness wendy web
printf 'minimodel-witness 0\n' >wendy.seen
refused 'a state that was cut' 1 text-field-order wendy web
printf 'minimodel-witness 1\n' >wendy.seen
refused 'a state of a later version' 3 text-version-unsupported wendy web
cp kept.seen wendy.seen

# one state, two callers, two histories: one of them is signed
cp -a web left && cp -a web right && build left a6.manifest && SOURCE_DATE_EPOCH=$((SOURCE_DATE_EPOCH + 60)) build right a6.manifest --expires-in 7
for round in 1 2 3 4 5; do
    cp kept.seen wendy.seen && rm -f left/catalog.head.[0-9A-F]* right/catalog.head.[0-9A-F]*
    catalog-build -q --countersign -s wendy.key --witness-state wendy.seen left >/dev/null 2>&1 &
    one=$!
    catalog-build -q --countersign -s wendy.key --witness-state wendy.seen right >/dev/null 2>&1 &
    two=$!
    wait $one; a=$?
    wait $two; b=$?
    same "two at once, round $round: one answers yes" 1 "$((a + b))"
    same "two at once, round $round: one signature" 1 "$(ls left/catalog.head.[0-9A-F]* right/catalog.head.[0-9A-F]* 2>/dev/null | wc -l)"
done
cp kept.seen wendy.seen

# ---- what is not signed ----

cp -a left lying && rm -f lying/catalog.head.[0-9A-F]* && changed lying/catalog.jsonl 100
refused 'a catalog that is not what its head says' 1 catalog-entry wendy lying
rm -rf lying && cp -a left lying && rm -f lying/catalog.head.[0-9A-F]* && echo x >lying/surplus
refused 'a file too many' 1 catalog-surplus wendy lying
rm -rf lying && cp -a left lying && rm -f lying/catalog.head.[0-9A-F]* lying/catalog.head.minisig
refused 'a head that nobody signed' 1 catalog-unsigned wendy lying

rm -rf lying
run env SOURCE_DATE_EPOCH=1700000000 catalog-build -q -o past --catalog-id past --publisher keeper -s keeper.key a1.manifest
refused 'a head that expired' 1 catalog-expired stranger --witness-state past.seen --first past
refused 'by the head alone: a head that expired' 1 catalog-expired stranger --witness-state past.seen --first past/catalog.head
refused 'the publisher for himself' 1 catalog-witness keeper --first web
python3 "$HELP" many many 3
run catalog-build -q -o free --catalog-id demo --publisher demo --allow-unsigned many/*
refused 'an unsigned catalog' 1 catalog-unsigned stranger --witness-state free.seen --first free
run catalog-build --countersign --first --witness-state free.seen -s stranger.key --allow-unsigned free
expect 'unless that is asked for' 0 'key-id: none'
run catalog-build -q -o free --allow-unsigned --renew
python3 "$HELP" forge free drop && rm -r free/manifests/demo/model-000000
run catalog-build --countersign --witness-state free.seen -s stranger.key --allow-unsigned free
expect 'an entry that vanished' 1 '[catalog-history]'

# ---- files that are none ----

for kind in link folder pipe; do
    rm -rf odd.seen
    case $kind in link) ln -s wendy.seen odd.seen ;; folder) mkdir odd.seen ;; pipe) mkfifo odd.seen ;; esac
    run catalog-build --countersign -s wendy.key --witness-state odd.seen web
    expect "a $kind is no state" 3 '[io-open]'
    run catalog-build --countersign --first -s wendy.key --witness-state odd.seen web
    if [ "$status" -ne 0 ] && [ "$(stat -c %F odd.seen)" != 'regular file' ]; then ok "a $kind is not replaced by one"; else not_ok "a $kind is not replaced by one" "exit $status"; fi
done
rm -rf odd.seen && truncate -s 1T odd.seen
run catalog-build --countersign -s wendy.key --witness-state odd.seen web
expect 'an endless state' 1 '[text-size]'
run catalog-build --countersign -s wendy.key --witness-state nowhere/x.seen web
expect 'a folder that is not there' 3 '[io-open]'
run catalog-build --countersign -s wendy.key --witness-state wendy.seen nowhere
expect 'a head that is not there' 3 '[io-open]'
for call in "web" "-s wendy.key web" "--witness-state wendy.seen web" "-s wendy.key --witness-state wendy.seen" "-s wendy.key --witness-state wendy.seen --check web" \
    "-s wendy.key --witness-state wendy.seen -o web" "-s wendy.key --witness-state wendy.seen --since web/heads/1 web" "-s wendy.key --witness-state wendy.seen --renew web" \
    "-s wendy.key --witness-state wendy.seen -"; do
    run catalog-build --countersign $call
    expect "usage: --countersign $call" 2 'usage: catalog-build'
done
for call in "--check --first web" "--check --witness-state x web" "--prove keeper/alpha --witnesses 1 web" "--check --witnesses 0 web" "--check --witnesses 65 web" "--check -s wendy.key web"; do
    run catalog-build $call
    expect "usage: $call" 2 'usage: catalog-build'
done

# ---- the state is there before the signature ----

FAULTY=$BUILD/fault
if [ -x "$FAULTY/catalog-build" ]; then
    mkdir before && cp -a left before/web && rm -f before/web/catalog.head.[0-9A-F]* && cp kept.seen before/seen
    present=$(sha256sum <left/catalog.head | cut -c1-64)
    # a signature is there only with its state; and the next call ends what was begun
    after="if [ -e o/web/catalog.head.$wendy.minisig ]; then grep -q 'head-sha256: $present' o/seen || exit 1; fi; find o -name '.minimodel-*' -delete
        catalog-build -q --countersign -s wendy.key --witness-state o/seen o/web >/dev/null && catalog-build -q --check --witnesses 1 o/web >/dev/null"
    for fault in read:5 write:28 memory:12 open:24 stat:5 fsync:5 link:31 rename:5; do
        wrong=$(FAULTS=${FAULTS:-12} python3 "$ROOT/tests/cmd/faults.py" --store before "$after" "${fault%%:*}" "${fault##*:}" "$WORK/o" \
            "$FAULTY/catalog-build" -q --countersign -s wendy.key --witness-state o/seen o/web 2>&1 | head -n 8)
        same "a witness: ${fault%%:*} fails" '' "$wrong"
    done
else
    skip 'faults of witnesses' 'the commands with faults are not built'
fi
