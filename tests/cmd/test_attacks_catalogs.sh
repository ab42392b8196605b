#!/bin/sh
# Attacks on Merkle trees and catalogs, on the commands as a user runs them: by whoever carries a catalog and has no key, and by a publisher who lies.
. "$(dirname "$0")/harness.sh"
need 'attacks on catalogs' python3 || exit 0
HELP=$ROOT/tests/cmd/catalogs.py
ATTACK=$ROOT/tests/cmd/catalog_attacks.py
SECOND=$ROOT/tests/second/catalog.py
PYTHONDONTWRITEBYTECODE=1
MINIMODEL_KEYRING=$WORK/ring
DAY=86400
now=$(date +%s)
SOURCE_DATE_EPOCH=$((now - 2 * DAY))
export PYTHONDONTWRITEBYTECODE MINIMODEL_KEYRING SOURCE_DATE_EPOCH
case $BUILD in *address* | *thread*) sanitized=true ;; *) sanitized=false ;; esac

id=$(key-make -q --no-password keeper | sed -n 's/^key-id: //p')
mkdir -p ring/keeper && cp keeper.pub "ring/keeper/$id.pub"
for i in 1 2 3 4 5; do
    python3 "$HELP" manifest "m$i.manifest" keeper "model-$i" 1 "$id" && manifest-sign -q -s keeper.key "m$i.manifest" >/dev/null 2>&1
done
build() { catalog-build -q -s keeper.key -o "$@" >/dev/null 2>&1 || not_ok "building $*" "$(cat .err)"; }
build web --catalog-id keeper --publisher keeper m1.manifest m2.manifest m3.manifest
cp -a web old
build web m4.manifest
build web -w keeper/model-2 --reason gone
build web m5.manifest
cp web/heads/4 seen4
run catalog-build --check --since old/catalog.head web
expect 'the catalog as it should be' 0 'verdict: pass'
# a publisher of whom nobody has a key: his heads are made anew with each lie
python3 "$HELP" many many 7
for i in 0 1 2 3; do
    names=; [ $i = 0 ] && names='--catalog-id demo --publisher demo'
    catalog-build -q --allow-unsigned -o demo $names many/00000$i.manifest >/dev/null 2>&1
done
catalog-build -q --allow-unsigned --prove demo/model-000000 demo >demo.proof

# refused NAME RULE FOLDER [ARGUMENT]...: --check answers 1 with the rule, in bounded time and memory
refused() {
    name=$1 rule=$2 folder=$3
    shift 3
    in_memory 1000000 timeout 120 catalog-build --check --allow-unsigned "$@" "$folder"
    expect "$name" 1 "[$rule]" 'verdict: fail'
}
# broken NAME RULE FOLDER: the same where there is no head to tell of
broken() {
    in_memory 1000000 timeout 120 catalog-build --check --allow-unsigned "$3"
    expect "$1" 1 "[$2]"
}
# refused_proof NAME RULE PROOF HEAD [ARGUMENT]...
refused_proof() {
    name=$1 rule=$2 proof=$3 head=$4
    shift 4
    in_memory 1000000 timeout 120 catalog-build --check-proof "$proof" --allow-unsigned "$@" "$head"
    expect "$name" 1 "[$rule]"
}
# fresh FROM: lying becomes a copy of it
fresh() { rm -rf lying && cp -a "$1" lying; }

# ---- leaf and node confusion ----

python3 "$ATTACK" node-as-entry demo p
refused_proof 'an inner node as an entry' catalog-entry p demo/catalog.head
python3 "$ATTACK" node-as-head demo p
refused_proof 'inner nodes as heads of a shorter log' catalog-proof p demo/catalog.head
same 'the second implementation says so too' 'does not hold' "$(python3 "$SECOND" verify p)"
fresh demo && python3 "$ATTACK" no-prefixes lying
refused 'a tree whose leaves and nodes are hashed alike' catalog-file lying

# ---- duplicated last leaf ----

catalog-build -q --allow-unsigned -o three --catalog-id demo --publisher demo many/000000.manifest many/000001.manifest many/000002.manifest >/dev/null 2>&1
fresh three && python3 "$ATTACK" duplicated lying
refused 'a root of a tree that repeats its last leaf' catalog-file lying
fresh three && tail -n 1 three/catalog.jsonl >>lying/catalog.jsonl && python3 "$ATTACK" again lying
refused 'the last line twice' catalog-order lying
python3 "$ATTACK" duplicated-proof three p
refused_proof 'a proof of the leaf behind the last' catalog-proof p three/catalog.head
fresh three && python3 "$ATTACK" duplicated lying && python3 "$ATTACK" duplicated-proof lying p
refused_proof 'even under a head with such a root' catalog-proof p lying/catalog.head

# ---- lies about size or count ----

for lie in 'entry-count 3' 'entry-count 5' 'entry-count 9223372036854775807' 'withdrawn-count 1'; do
    fresh demo && python3 "$ATTACK" field lying ${lie% *} "${lie#* }"
    case $lie in withdrawn*) broken "a head that says $lie" catalog-head lying ;; *) refused "a head that says $lie" catalog-file lying ;; esac
done
for lie in 'entry-count 9223372036854775808' 'entry-count 04' 'entry-count -1' 'entry-count 4294967300' 'sequence 0' 'sequence 18446744073709551617'; do
    fresh demo && python3 "$ATTACK" field lying ${lie% *} "${lie#* }"
    in_memory 1000000 timeout 120 catalog-build --check --allow-unsigned lying
    expect "a head that says $lie" 1
done
fresh demo && python3 "$ATTACK" entry lying artifact_bytes 1
refused 'a sum that is none' catalog-entry lying
fresh demo && python3 "$ATTACK" entry lying artifact_bytes 9007199254740993
refused 'a number that no JSON reader keeps' catalog-entry lying
fresh demo && python3 "$ATTACK" entry lying parameters 5
refused 'another number than its manifest says' catalog-entry lying
for lie in 'entry-count: 5' 'entry-count: 3' 'entry-count: 9223372036854775807' 'entry-count: 0' 'entry-index: 1' 'entry-index: 4' 'entry-index: 9223372036854775807'; do
    sed "s/^${lie%: *}: .*/$lie/" demo.proof >p
    refused_proof "a proof that says $lie" catalog-proof p demo/catalog.head
done
{ cat demo.proof; for i in $(seq 70); do echo "sibling: $(printf '%064d' 0)"; done; } >p
refused_proof 'a proof of more steps than any tree has' catalog-proof p demo/catalog.head
head -n -1 demo.proof >p
refused_proof 'a proof of a step less' catalog-proof p demo/catalog.head

# ---- proofs of an unrelated entry ----

catalog-build -q --prove keeper/model-1 web >one.proof
run catalog-build --check-proof one.proof --prove keeper/model-1 web/catalog.head
expect 'a proof of the model that was asked for' 0 'model-id: keeper/model-1'
run catalog-build --check-proof one.proof --prove keeper/model-1@1 web/catalog.head
expect 'and of its revision' 0
run catalog-build --check-proof one.proof --prove keeper/model-3 web/catalog.head
expect 'a proof of another model' 1 '[catalog-proof]' 'expected a proof of keeper/model-3, found one of keeper/model-1'
run catalog-build --check-proof one.proof --prove keeper/model-1@2 web/catalog.head
expect 'a proof of another revision' 1 '[catalog-proof]'
catalog-build -q --prove-since seen4 web >log.proof
run catalog-build --check-proof log.proof --prove keeper/model-1 web/catalog.head
expect 'a proof of a history' 1 '[catalog-proof]'
refused_proof 'a sound proof under another head' catalog-proof one.proof old/catalog.head
refused_proof 'a sound proof of another catalog' catalog-proof demo.proof web/catalog.head
refused_proof 'a proof of a history that begins elsewhere' catalog-proof log.proof web/catalog.head --since old/catalog.head
catalog-build -q --prove keeper/model-2 old >gone.proof
refused_proof 'a proof of what was withdrawn, under the head of now' catalog-proof gone.proof web/catalog.head

# ---- dropped, renamed, swapped, reordered entries; extra files ----

for how in drop rename swap repeat bytes; do
    fresh web && python3 "$HELP" forge lying $how
    refused "$how, by whoever has no key" signature-bad lying
done
for lie in 'drop catalog-surplus' 'rename catalog-entry' 'swap catalog-order' 'repeat catalog-order' 'bytes catalog-entry'; do
    fresh demo && python3 "$HELP" forge lying "${lie% *}"
    refused "${lie% *}, by the publisher" "${lie#* }" lying
done
fresh demo && python3 "$HELP" forge lying drop && rm -r lying/manifests/demo/model-000000
cp demo/heads/3 seen3
refused 'an entry that vanished' catalog-history lying --since seen3
for line in 1d 's/"display_name":"[^"]*"/"display_name":"x"/'; do
    fresh web && sed -i "$line" lying/catalog.jsonl
    in_memory 1000000 timeout 120 catalog-build --check lying
    expect "lines that were changed ($line), under a sound head" 1 'verdict: fail'
done
a=lying/manifests/keeper/model-1/1.manifest b=lying/manifests/keeper/model-3/1.manifest
fresh web && mv $a t && mv $b $a && mv t $b
refused 'manifests that changed places' catalog-file lying
fresh web && mv $a.minisig t && mv $b.minisig $a.minisig && mv t $b.minisig
refused 'signatures that changed places' signature-comment lying
fresh web && rm $a
refused 'a manifest that lacks' catalog-file lying
fresh web && rm $a.minisig
refused 'a signature that lacks' catalog-file lying
for extra in .hidden x.gguf catalog.jsonl.gz heads/7 heads/4.changes~ heads/x heads/0 heads/04 manifests/keeper/model-1/2.manifest manifests/keeper/model-2 manifests/x \
    page.css.map index-0.html catalog.head.minisig.gz catalog.head.0123456789abcdef.minisig heads/7.0123456789ABCDEF.minisig; do
    fresh web && echo x >"lying/$extra"
    refused "a file too many: $extra" catalog-surplus lying
done
fresh web && mkdir -p lying/a/b/c/d/e/f
refused 'folders too many' catalog-surplus lying
fresh web && (cd lying && for i in $(seq 20000); do : >"x$i"; done)
refused '20000 files too many' catalog-surplus lying

# ---- rollback, freeze, fast-forward, mix-and-match ----

cp web/catalog.head seen
refused 'rollback: an older catalog, whole and signed' catalog-history old --since seen
fresh web && rm -rf lying/heads/[2-9]* && cp old/catalog.* old/withdrawn.jsonl lying && rm -rf lying/manifests && cp -a old/manifests lying
refused 'rollback: put together again from its files' catalog-history lying --since seen
refused_proof 'rollback: a proof under the older head' catalog-proof one.proof old/catalog.head --since seen
run env SOURCE_DATE_EPOCH=$((now - 100 * DAY)) catalog-build -q -o frozen -s keeper.key --catalog-id keeper --publisher keeper m1.manifest m2.manifest
refused 'freeze: a head that nobody renews' catalog-expired frozen
catalog-build -q --prove keeper/model-1 frozen >p
refused_proof 'freeze: a proof under it' catalog-expired p frozen/catalog.head
fresh demo && python3 "$ATTACK" field lying sequence 9223372036854775807 && cp lying/catalog.head lying/heads/9223372036854775807 2>/dev/null
refused 'fast-forward: a sequence without the heads before it' catalog-history lying
fresh demo && sed 's/^sequence: 4/sequence: 5/' lying/heads/4 >lying/heads/5 && cp lying/heads/5 lying/catalog.head && cp lying/heads/4.changes lying/heads/5.changes
refused 'fast-forward: a head that names the wrong one before it' catalog-history lying
fresh web && sed -i 's/^sequence: .*/sequence: 400/' lying/catalog.head
refused 'fast-forward: by whoever has no key' signature-bad lying
for file in catalog.head catalog.head.minisig catalog.jsonl withdrawn.jsonl heads/3 heads/2.minisig; do
    fresh web && case $file in heads/3) cp web/heads/2 lying/heads/3 ;; heads/2.minisig) cp web/heads/1.minisig lying/heads/2.minisig ;; *) cp old/$file lying/$file ;; esac
    case $file in
    catalog.head*) rule=signature-bad ;;
    heads/2.minisig) rule= ;;
    heads/3) rule=catalog-history ;;
    *) rule=catalog-file ;;
    esac
    [ -n "$rule" ] && refused "mix-and-match: $file of another time" $rule lying
done
build second --catalog-id second --publisher keeper m1.manifest m2.manifest m3.manifest
for file in catalog.head.minisig heads/1; do
    fresh old && cp second/$file lying/$file
    case $file in heads/1) rule=catalog-history ;; *) rule=signature-bad ;; esac
    refused "mix-and-match: $file of another catalog of the same publisher" $rule lying
done
refused 'mix-and-match: another catalog of the same publisher' catalog-history second --since seen
fresh old && cp m1.manifest.minisig lying/catalog.head.minisig
refused 'mix-and-match: a signature of a manifest' signature-bad lying
fresh demo && cp second/catalog.head.minisig lying
refused "mix-and-match: somebody else's signature" signature-unknown-key lying

# ---- clock set back ----

run env SOURCE_DATE_EPOCH=$((now - 400 * DAY)) catalog-build -q -o frozen -s keeper.key --renew
same 'a publisher whose clock was set back makes no earlier head' "$(sed -n 's/^created: //p' frozen/heads/1)" "$(sed -n 's/^created: //p' frozen/catalog.head)"
fresh frozen && sed -i 's/^created: .*/created: 2001-01-01T00:00:00Z/' lying/catalog.head lying/heads/2 && rm -f lying/*.minisig
run catalog-build --check lying
expect 'nor is one followed' 1 '[catalog-history]'
run env SOURCE_DATE_EPOCH=253402300799 catalog-build -o end -s keeper.key --catalog-id end --publisher keeper m1.manifest
expect 'a clock at the end of all years makes no head' 1 '[catalog-head]'
if $sanitized || ! need 'a reader whose clock was set back' cc; then
    $sanitized && skip 'a reader whose clock was set back' 'sanitizers do not let clocks be set'
else
    cat >clock.c <<'END'
#include <stdlib.h>
#include <time.h>
time_t time(time_t *out);
time_t time(time_t *out)
{
    time_t now = (time_t)atoll(getenv("CLOCK"));
    if (out)
        *out = now;
    return now;
}
END
    cc -shared -fPIC -o clock.so clock.c
    at() { run env LD_PRELOAD="$WORK/clock.so" CLOCK="$@"; }
    at $((now + 89 * DAY)) catalog-build --check web
    expect 'a clock that is later, and not too late' 1 '[catalog-expired]'
    at $((now + 80 * DAY)) catalog-build --check web
    expect 'a clock that is later' 0 'verdict: pass'
    at $((now - 1000 * DAY)) catalog-build --check web
    expect 'a clock that was set back: what the head says counts, and it is told' 0 'note: the clock says' '[clock-behind]'
    at $((now - 1000 * DAY)) catalog-build --check --since seen old
    expect 'an older catalog is one all the same' 1 '[catalog-history]'
    at 0 catalog-build --check --since seen4 web
    expect 'a clock that never ran' 0 '[clock-behind]'
fi

# ---- endless data ----

for file in catalog.head catalog.head.minisig catalog.jsonl withdrawn.jsonl heads/2 heads/2.minisig heads/2.changes manifests/keeper/model-1/1.manifest manifests/keeper/model-1/1.manifest.minisig; do
    fresh web && truncate -s 1T "lying/$file" 2>/dev/null || { skip "a file of 1 TiB: $file" 'no such files here'; continue; }
    in_memory 1000000 timeout 120 catalog-build --check --since old/catalog.head lying
    expect "a file of 1 TiB: $file" 1 "lying/$file"
    in_memory 1000000 timeout 120 catalog-build -q -o lying -s keeper.key m1.manifest
    case $file in
    heads/*) if [ "$status" -le 1 ]; then ok "a build over it: $file"; else not_ok "a build over it: $file" "$status" "$err"; fi ;;
    *) expect "a build over it: $file" 1 ;;
    esac
done
fresh web && head -c 5000000 /dev/zero | tr '\0' 'a' >>lying/catalog.jsonl
refused 'a line without an end' catalog-entry lying
fresh web && python3 - <<'END'
import json
lines = open("lying/catalog.jsonl").read().splitlines()
entry = json.loads(lines[-1])
with open("lying/catalog.jsonl", "a") as out:
    for i in range(20000):
        name = f"keeper/z{i:06}"
        more = dict(entry, model_id=name, manifest_route=f"manifests/{name}/1.manifest", manifest_signature_route=f"manifests/{name}/1.manifest.minisig")
        out.write(json.dumps(more, sort_keys=True, ensure_ascii=False, separators=(",", ":")) + "\n")
END
in_memory 1000000 timeout 120 catalog-build --check lying
expect 'more entries than the head counts' 1 '[catalog-file]' 'as the head says, found more'
if [ "$(grep -c z0 .err)" -lt 5000 ]; then ok 'are not all looked at'; else not_ok 'are not all looked at' "$(grep -c z0 .err) findings"; fi
# nobody signs what is said of a step; it says that 2,500,000 models were withdrawn, or added, in each
for kind in withdrawn added; do
    fresh demo && for step in 3 4; do
        { printf 'minimodel-catalog-changes 0\nsequence: %s\n' $step && seq -f "$kind: a/%07.0f 1" 2500000; } >lying/heads/$step.changes
    done
    in_memory 1000000 timeout 120 catalog-build --check --allow-unsigned --since demo/heads/2 lying
    expect "steps of more changes than there is room for: $kind" 3 '[io-limit]' 'verdict: unknown'
done
fresh demo && python3 "$HELP" forge lying full-withdrawn
in_memory 1000000 timeout 120 catalog-find -q --count lying demo
expect 'as many withdrawals as there may be' 0 4
in_memory 1000000 timeout 120 catalog-build -q --allow-unsigned -o lying -w demo/model-000003 --reason x
expect 'one more is refused, as a check would refuse the catalog' 3 'expected withdrawals of at most 67108864 bytes, found more [io-limit]'
same 'and nothing is written' 67108864 "$(wc -c <lying/withdrawn.jsonl)"
printf '{"model_id":"demo/z","reason":"x","revision":"*","time":"2026-01-01T00:00:00Z"}\n' >>lying/withdrawn.jsonl && python3 "$ATTACK" again lying
in_memory 1000000 timeout 120 catalog-find -q --count lying demo
expect 'one more is not read' 3 '[io-limit]'
truncate -s 1T endless.proof
refused_proof 'a proof of 1 TiB' text-size endless.proof web/catalog.head
in_memory 1000000 timeout 120 sh -c 'yes "sibling: 0000000000000000000000000000000000000000000000000000000000000000" | catalog-build --check-proof - web/catalog.head'
expect 'a proof that does not end' 1 '[text-'
in_memory 1000000 timeout 120 sh -c 'yes | catalog-build --check-proof one.proof -'
expect 'a head that does not end' 1 '[text-'

# ---- gzip bombs, concatenated members, header tricks ----

head -c 300000 /dev/urandom >data && chunk-merkle -s 64K -l list data >/dev/null
python3 - <<'END'
import gzip, struct, zlib
data = open("list", "rb").read()
good = gzip.compress(data, mtime=0)
body, tail = good[10:-8], good[-8:]
def header(flags, more=b"", method=8):
    return b"\x1f\x8b" + bytes([method, flags]) + b"\0\0\0\0\0\xff" + more
files = {
    "good": good, "named": header(8, b"../../../etc/passwd\0") + body + tail, "noted": header(16, b"\x1b[2Jnote\0") + body + tail,
    "extra": header(4, struct.pack("<H", 65535) + b"x" * 65535) + body + tail, "reserved": header(0x20) + body + tail, "all-reserved": header(0xE0) + body + tail,
    "method": header(0, method=7) + body + tail, "header-crc": header(2, b"\0\0") + body + tail, "crc": good[:-8] + bytes([tail[0] ^ 1]) + tail[1:],
    "size": good[:-4] + struct.pack("<I", len(data) + 1), "two": good + good, "empty-behind": good + gzip.compress(b"", mtime=0), "zeros-behind": good + b"\0" * 512,
    "before": b"\0" + good, "twice": gzip.compress(good, mtime=0), "zlib": zlib.compress(data), "raw": body, "nothing": b"", "magic": b"\x1f\x8b", "cut": good[:-1],
    "halves": gzip.compress(data[:100], mtime=0) + gzip.compress(data[100:], mtime=0), "no-name": header(8, b"x" * 70000),
    "bomb": gzip.compress(data + b"\0" * 200000000, 9, mtime=0), "bomb-alone": gzip.compress(b"\n" * 200000000, 9, mtime=0),
}
for name, content in files.items():
    open(name + ".gz", "wb").write(content)
END
for name in good named noted extra; do
    run chunk-merkle --check $name.gz data
    expect "a compressed list: $name" 0
done
same 'a name in a header is no path' '' "$(find . -name passwd)"
for name in reserved all-reserved method header-crc crc size two empty-behind zeros-behind before twice zlib raw nothing magic cut halves no-name bomb bomb-alone; do
    in_memory 400000 timeout 120 chunk-merkle --check $name.gz data
    if [ "$status" -eq 1 ]; then ok "a compressed list: $name"; else not_ok "a compressed list: $name" "exit $status" "$err"; fi
done
# nothing of a catalog may be compressed
for file in catalog.head catalog.head.minisig catalog.jsonl withdrawn.jsonl heads/2 manifests/keeper/model-1/1.manifest; do
    fresh web && gzip -nc "web/$file" >"lying/$file" 2>/dev/null || { skip "compressed: $file" 'no gzip here'; continue; }
    in_memory 1000000 timeout 120 catalog-build --check lying
    expect "compressed: $file" 1 "lying/${file%.minisig}"
done
gzip -nc one.proof >p 2>/dev/null && refused_proof 'compressed: a proof' text-first-line p web/catalog.head
