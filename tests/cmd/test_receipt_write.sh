#!/bin/sh
# receipt-write: what passed is kept, and every tampering with the chain is found; whatever ends an append, the next one goes on.
. "$(dirname "$0")/harness.sh"
need receipt-write python3 || exit 0
MINIMODEL_HOME=$WORK/home
export MINIMODEL_HOME
mkdir tiny && cp "$MODEL" tiny/model.gguf
(cd tiny && manifest-make -q -p --model-id local/tiny model.gguf) >m.manifest 2>/dev/null || exit 1
slm-verify -q m.manifest tiny >report || exit 1

# says NAME LINE: the last result has this line
says() {
    if grep -qxF -e "$2" "$WORK/.out"; then ok "$1"; else not_ok "$1" "expected the line '$2'" "$(cat "$WORK/.out")"; fi
}

# fresh COUNT: a store with COUNT receipts, each of another second; receipt N is $(nth N)
fresh() {
    chmod -R u+rwx home 2>/dev/null
    rm -rf home
    for number in $(seq "$1"); do
        SOURCE_DATE_EPOCH=$((1700000000 + number)) receipt-write report >/dev/null || not_ok "receipt $number of a fresh store"
    done
}
nth() { sed -n "$(($1 + 1))s/^receipt: [0-9a-f]* //p" home/receipts.log; }
hash_of() { sed -n "$(($1 + 1))s/^receipt: \([0-9a-f]*\) .*/\1/p" home/receipts.log; }

# ---- writing ----

slm-verify -q m.manifest tiny 2>/dev/null | SOURCE_DATE_EPOCH=1700000000 receipt-write --root tiny >"$WORK/.out" 2>"$WORK/.err"
status=$?
out=$(cat "$WORK/.out")
expect "a report from a pipe becomes a receipt" 0 "receipt: $WORK/home/receipts/local/tiny/20231114T221320Z-"
path=$(sed -n 's/^receipt: //p' "$WORK/.out")
sha=$(sha256sum <"$path" | cut -d' ' -f1)
says "its hash is printed" "sha256: $sha"
case $path in */20231114T221320Z-"$(printf %.16s "$sha")".receipt) ok "its name is its time and hash" ;; *) not_ok "its name is its time and hash" "$path" ;; esac
same "it is read-only, in folders of the user's own" "444 700 700 700" "$(stat -c %a "$path" "${path%/*}" home/receipts home | tr '\n' ' ' | sed 's/ $//')"
same "it begins as its page says" "minimodel-receipt 0 created: 2023-11-14T22:13:20Z action: verified medium: in-place transfer-consent: not-asked execution-consent: no previous-receipt: none" "$(head -n 7 "$path" | tr '\n' ' ' | sed 's/ $//')"
same "it holds the report's lines" "$(sed 1d report)" "$(sed 1,7d "$path" | grep -v '^fingerprint: ')"
same "and the file's fingerprint" "fingerprint: $(stat -c '%d %i %s' tiny/model.gguf)" "$(sed -n 's/^\(fingerprint: [0-9]* [0-9]* [0-9]*\) [0-9]* [0-9]* -$/\1/p' "$path")"
same "the log names it" "receipt: $sha ${path#"$WORK/home/receipts/"}" "$(tail -n 1 home/receipts.log)"
run receipt-write --medium 'usb the blue one' --host-label 'my desk' report
expect "medium and label are noted" 0
path=$(sed -n 's/^receipt: //p' "$WORK/.out")
same "in their lines" "host-label: my desk medium: usb the blue one" "$(grep -E '^(host-label|medium): ' "$path" | tr '\n' ' ' | sed 's/ $//')"
same "and the receipt before" "previous-receipt: $sha" "$(grep '^previous' "$path")"
same "without --root there is no fingerprint" "fingerprint: none" "$(grep '^fingerprint' "$path")"
run receipt-write --json report
same "--json prints an object" "$(tail -n 1 home/receipts.log | cut -d' ' -f2)" "$(printf '%s\n' "$out" | python3 -c 'import json, sys; f = json.load(sys.stdin); assert open(f["receipt"]); print(f["sha256"])')"
run receipt-write --check
expect "the chain is sound" 0 "receipts: 3"
says "its head is the newest receipt" "head: $(tail -n 1 home/receipts.log | cut -d' ' -f2)"
run receipt-write --head
same "--head prints the head" "$(tail -n 1 home/receipts.log | cut -d' ' -f2)" "$out"
run receipt-write --check --json
same "--check --json has the same facts" "3" "$(printf '%s\n' "$out" | python3 -c 'import json, sys; print(json.load(sys.stdin)["receipts"])')"
same "the hash of a receipt is sha256sum's" "" "$(sed -n 's/^receipt: \([0-9a-f]*\) \(.*\)/\1  home\/receipts\/\2/p' home/receipts.log | sha256sum --quiet -c 2>&1)"

# ---- what is refused ----

cp home/receipts.log before.log
while IFS='|' read -r what script wanted rule; do
    sed "$script" report >bad.report
    run receipt-write bad.report
    expect "$what" "$wanted" "bad.report:" "[$rule]"
done <<'END'
a failed check|s/^check: merkle pass/check: merkle fail/;s/^verdict: pass/verdict: fail/|1|receipt-verdict
a partial verdict|s/^check: expiry pass/check: expiry skip none/;s/^verdict: pass/verdict: partial/|1|receipt-verdict
a verdict that does not follow|s/^check: merkle pass/check: merkle fail/|1|receipt-verdict
a worse verdict than follows|s/^verdict: pass/verdict: fail/|1|receipt-verdict
a check left out|/^check: format/d|1|receipt-report
a check twice|s/^check: format.*/&\n&/|1|receipt-report
an unknown result|s/^check: format pass/check: format fine/|1|receipt-report
a model-id that leads out|s/^model-id: .*/model-id: ..\/../|1|receipt-report
no artifact|/^artifact/,/^check: facts/d|1|text-field-order
an end too early|/^verdict/d|1|text-field-order
a line too many|s/^verdict: pass/&\nx: y/|1|text-field-order
another document|1s/report/receipt/|1|text-first-line
another version|1s/0/1/|3|text-version-unsupported
a control character|s/^tool: .*/tool: slm-verify \x1b[31m/|1|text-control
END
run receipt-write no.report
expect "a report that is not there answers 3" 3 "no.report"
run receipt-write . 
expect "a folder as report answers 3" 3
run sh -c ': | receipt-write'
expect "nothing on standard input is no report" 1 "(standard input):1:1:"
head -c 17000000 /dev/zero | tr '\0' 'a' >huge
run receipt-write huge
expect "a report of more than 16 MiB is refused" 1 "[text-size]"
same "nothing of all that reached the log" "" "$(cmp before.log home/receipts.log 2>&1)"
mkdir empty
run receipt-write --root empty report
expect "a root without the files is refused" 1 "model.gguf: error:" "[verify-absent]"
echo short >empty/model.gguf
run receipt-write --root empty report
expect "a root with another size too" 1 "[verify-bytes]"
run receipt-write --root nowhere report
expect "a root that is not there answers 3" 3
for call in "--medium tape" "--medium usb\ \ x" "--host-label \ x" "--expect-head abc --check" "--expect-head $sha" "--check --head" "--check report" "--grant-execution tiny" "--grant-execution local/tiny@0" "--grant-execution local/tiny@x" "--new-chain why --root ." "a b"; do
    run sh -c "receipt-write $call </dev/null"
    expect "wrong call: $call" 2 "usage:"
done
run receipt-write --home "$WORK/none" --check
expect "a store that is not there answers 3" 3 "[store-home]"
run env -u MINIMODEL_HOME -u XDG_DATA_HOME -u HOME receipt-write report
expect "no place for a store answers 3" 3 "[store-home]"
run env -u MINIMODEL_HOME XDG_DATA_HOME="$WORK/data" receipt-write report
expect "XDG_DATA_HOME is the second choice" 0 "receipt: $WORK/data/minimodel/receipts/"
run env -u MINIMODEL_HOME -u XDG_DATA_HOME HOME="$WORK/user" receipt-write report
expect "and HOME the third" 0 "receipt: $WORK/user/.local/share/minimodel/receipts/"

# Reports of random results, the verdict computed here by the rule of report.md.
python3 - <<'END' >verdicts
import random, subprocess
source = random.Random(3)
lines = open("report").read().splitlines()
needed = {"manifest", "signature", "expiry", "bytes", "merkle", "format"}
counts = {"pass": 0, "partial": 0, "fail": 0}
for n in range(300):
    out, results, likely = [], {}, source.random() * 0.1
    for line in lines[:-1]:
        if line.startswith("check: "):
            name = line.split(" ")[1]
            word = source.choice(["fail", "skip quick", "skip only", "skip none", "skip none: x", "skip unsupported"]) if source.random() < likely else "pass"
            results[name] = word
            line = f"check: {name} {word}"
        out.append(line)
    passes = all(results[name] == "pass" for name in needed) and results["sha256"] in ("pass", "skip quick") and \
        results["policy"] in ("pass", "skip none")
    verdict = "fail" if "fail" in results.values() else "pass" if passes else "partial"
    counts[verdict] += 1
    stated = source.choice([verdict, verdict, "pass", "partial", "fail"])
    text = "\n".join(out + [f"verdict: {stated}"]) + "\n"
    end = subprocess.run(["receipt-write", "--home", "verdicts.home"], input=text, capture_output=True, text=True)
    wanted = 0 if verdict == stated == "pass" else 1
    if end.returncode != wanted or (wanted and "[receipt-verdict]" not in end.stderr):
        print(verdict, stated, end.returncode, end.stderr)
assert all(count > 20 for count in counts.values()), counts
END
same "300 reports of random results have the verdict that another program computes" "" "$(head -n 3 verdicts)"
run receipt-write --home verdicts.home --check
expect "and those that passed make a chain" 0

# ---- tampering ----

# broken WHAT TEXT...: --check answers 1 and says each TEXT
broken() {
    what=$1
    shift
    run receipt-write --check
    expect "$what" 1 "$@"
}
fresh 5
chmod u+w "home/receipts/$(nth 3)" && sed -i 's/^version: .*/version: 9/' "home/receipts/$(nth 3)"
broken "an edited receipt" "receipts/$(nth 3): error: " "[receipt-changed]"
same "is the only finding" 1 "$(printf '%s\n' "$err" | grep -c error:)"
fresh 5
rm -f "home/receipts/$(nth 2)"
broken "a removed receipt" "receipts/$(nth 2): error: " "[receipt-removed]"
run receipt-write report
expect "in the middle it does not hinder the next one" 0
fresh 5
rm -f "home/receipts/$(nth 5)"
run receipt-write report
expect "but the newest has to be there" 1 "[receipt-removed]" "--new-chain"
fresh 5
sed -i '4{h;d};5{G}' home/receipts.log
broken "reordered lines" "[receipt-order]" "$(nth 3)"
fresh 5
sed -i '3p' home/receipts.log
broken "a repeated line" "receipts.log:4:1: error:" "[receipt-surplus]"
fresh 5
sed -i '4d' home/receipts.log
broken "a removed line" "[receipt-surplus]" "[receipt-order]"
fresh 5
kept=$(nth 4) && sed -i '5d' home/receipts.log && rm -f "home/receipts/$kept"
broken "a line removed with its receipt" "[receipt-order]"
fresh 5
cp "home/receipts/$(nth 1)" home/receipts/local/tiny/20230101T000000Z-0123456789abcdef.receipt
broken "a surplus receipt" "receipts/local/tiny/20230101T000000Z-0123456789abcdef.receipt: error:" "[receipt-surplus]"
fresh 5
echo x >home/receipts/local/tiny/note
broken "a surplus file" "receipts/local/tiny/note: error:" "[receipt-surplus]"
mv home/receipts/local/tiny/note "$(printf 'home/receipts/a\033[31mb')"
broken "a surplus name is shown escaped" 'receipts/a\u{1b}[31mb'
fresh 5
mv "home/receipts/$(nth 2)" kept && mv "home/receipts/$(nth 3)" "home/receipts/$(nth 2)" && mv kept "home/receipts/$(nth 3)"
broken "swapped names" "receipts/$(nth 2): error:" "receipts/$(nth 3): error:" "[receipt-changed]"
fresh 5
two=$(nth 2) three=$(nth 3)
sed -i "s|$two|X|;s|$three|$two|;s|X|$three|" home/receipts.log
broken "swapped names in the log" "receipts.log:3:" "receipts.log:4:" "[receipt-changed]"
fresh 3
cp home/receipts.log two.log && cp -r home/receipts two.receipts
SOURCE_DATE_EPOCH=1800000000 receipt-write report >/dev/null
forked=$(nth 4)
mv "home/receipts/$forked" kept && cp two.log home/receipts.log
SOURCE_DATE_EPOCH=1900000000 receipt-write report >/dev/null
mv kept "home/receipts/$forked"
broken "a fork outside the log" "receipts/$forked: error:" "forked" "[receipt-surplus]"
printf 'receipt: %s %s\n' "$(sha256sum <"home/receipts/$forked" | cut -d' ' -f1)" "$forked" >>home/receipts.log
broken "a fork inside the log" "receipts/$forked: error:" "forked" "[receipt-order]"
fresh 5
kept=$(hash_of 5) older=$(hash_of 2)
rm -f "home/receipts/$(nth 5)" "home/receipts/$(nth 4)" && sed -i '5,6d' home/receipts.log
run receipt-write --check
expect "the newest cut off is not seen from inside" 0 "receipts: 3"
run receipt-write --check --expect-head "$kept"
expect "but with a head that was kept elsewhere" 1 "[receipt-head]"
run receipt-write --check --expect-head "$older"
expect "an older head is in the chain" 0
fresh 2
rm -rf home/receipts home/receipts.log
run receipt-write --check
expect "an empty chain is sound" 0 "receipts: 0" "head: none"
fresh 3
mv "home/receipts/$(nth 2)" kept && ln -s "$WORK/kept" "home/receipts/$(nth 2)"
broken "a link in the place of a receipt" "symbolic link" "[receipt-removed]"
fresh 2
mv home/receipts elsewhere && ln -s ../elsewhere home/receipts
run receipt-write --check
expect "a link in the place of the folder is not followed" 1 "[receipt-removed]" "[io-open]"
fresh 2
sed -i 's|local/tiny|../tiny|' home/receipts.log
broken "a path that leads out" "receipts.log:2:10: error:" "[receipt-report]"
fresh 1
{ cat home/receipts.log; head -c 300000 /dev/urandom; } >noise && cp noise home/receipts.log
run receipt-write --check
expect "noise in the log is found" 1 "receipts.log:"
run receipt-write report
expect "and not appended to" 1

fresh 5
PYTHONDONTWRITEBYTECODE=1 python3 "$ROOT/tests/cmd/chains.py" "$ROOT/tests/second" home 5 150 >opinions
same "a second implementation finds the same of 150 chains tampered with" "sound: some" "$(head -n 5 opinions)"

# ---- restart ----

fresh 3
head=$(hash_of 3)
rm -f "home/receipts/$(nth 3)"
run receipt-write --new-chain 'a bad disk'
expect "a damaged chain is restarted" 0
same "with a line that names the old head and the reason" "new-chain: $head a bad disk" "$(tail -n 1 home/receipts.log)"
run receipt-write report
expect "the next receipt" 0
same "begins a new chain" "previous-receipt: none" "$(grep '^previous' "$(sed -n 's/^receipt: //p' "$WORK/.out")")"
run receipt-write --check
expect "which is sound" 0 "receipts: 1"
expect "and the old damage a note" 0 "receipt: note: before the restart: " "restarted behind $head: a bad disk"
run receipt-write --check --expect-head "$head"
expect "the old head is not in the new chain" 1 "[receipt-head]"
run receipt-write --new-chain ''
expect "a restart needs a reason" 1 "[receipt-report]"

# ---- consent ----

fresh 1
run receipt-write --grant-execution local/tiny
expect "a verified receipt is no ground for consent" 1 "[receipt-none]"

# given ACTION REVISION: a receipt as an importer writes it, made here from the last one
given() {
    python3 - "$1" "$2" <<'END'
import hashlib, os, re, sys
log = open("home/receipts.log").read()
last = log.splitlines()[-1].split(" ")
text = open("home/receipts/" + last[2]).read()
for key, value in (("action", sys.argv[1]), ("revision", sys.argv[2]), ("previous-receipt", last[1]), ("execution-consent", "no"), ("medium", "usb a stick"),
                   ("fingerprint", "1 2 406016 3 4 -")):
    text = re.sub(f"^{key}: .*$", f"{key}: {value}", text, flags=re.M)
digest = hashlib.sha256(text.encode()).hexdigest()
stamp = re.search("^created: (.*)$", text, flags=re.M)[1].replace("-", "").replace(":", "")
name = f"local/tiny/{stamp}-{digest[:16]}.receipt"
open("home/receipts/" + name, "w").write(text)
open("home/receipts.log", "a").write(f"receipt: {digest} {name}\n")
END
}
given imported 1
given imported 2
run receipt-write --check
expect "receipts that another program wrote make a sound chain" 0 "receipts: 3"
run receipt-write --grant-execution local/tiny
expect "an import is ground for consent" 0 "receipt: $WORK/home/receipts/local/tiny/"
path=$(sed -n 's/^receipt: //p' "$WORK/.out")
same "which repeats the newest one" "action: consented medium: usb a stick execution-consent: yes revision: 2 fingerprint: 1 2 406016 3 4 -" \
    "$(grep -E '^(action|medium|execution|revision|fingerprint)' "$path" | tr '\n' ' ' | sed 's/ $//')"
run receipt-write --grant-execution local/tiny@1
expect "a revision can be named" 0
same "and is the one that is taken" "revision: 1" "$(grep '^revision' "$(sed -n 's/^receipt: //p' "$WORK/.out")")"
given removed 2
run receipt-write --grant-execution local/tiny@2
expect "what was removed cannot be consented to" 1 "[receipt-none]" "local/tiny, revision 2"
run receipt-write --grant-execution local/other
expect "nor what was never there" 1 "[receipt-none]" "local/other"
run receipt-write --check
expect "and the chain is sound" 0 "receipts: 6"

# ---- ends ----

fresh 3
python3 - <<'END'
import os
data = open("home/receipts.log", "rb").read()
os.truncate("home/receipts.log", len(data) - 70)
END
broken "a torn last line" "[text-last-line]" "the next one mends that"
run receipt-write report
expect "is mended by the next receipt" 0 "the log lacked the line of"
run receipt-write --check
expect "and the chain is sound" 0 "receipts: 4"

fresh 0
pids=
for number in $(seq 20); do
    receipt-write report >/dev/null 2>"err.$number" &
    pids="$pids $!"
done
failed=0
for number in 1 2 3 4 5; do receipt-write --check >/dev/null 2>&1 || failed=$((failed + 1)); done
for pid in $pids; do wait "$pid" || failed=$((failed + 1)); done
same "twenty at the same time all succeed, and checks between them" 0 "$failed"
run receipt-write --check
expect "and make one chain" 0 "receipts: 20"

fresh 1
python3 - receipt-write <<'END' >kills
import os, random, signal, subprocess, sys, time
source = random.Random(7)
killed = done = 0
for n in range(60):
    p = subprocess.Popen([sys.argv[1], "report"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(source.random() * 0.02)
    p.send_signal(signal.SIGKILL)
    if p.wait() == -signal.SIGKILL:
        killed += 1
    else:
        done += 1
    if n % 10 == 9:
        end = subprocess.run([sys.argv[1], "report"], capture_output=True, text=True)
        check = subprocess.run([sys.argv[1], "--check"], capture_output=True, text=True)
        if end.returncode or check.returncode:
            print("after", n, end.returncode, end.stderr, check.returncode, check.stderr)
print("killed", killed, "done", done, file=sys.stderr)
END
same "a chain survives kill -9 at any moment" "" "$(cat kills)"

# Every moment once, not by chance: the process ends before its Nth call of a kind that writes.
if [ -x "$BUILD/fault/receipt-write" ]; then
    PYTHONDONTWRITEBYTECODE=1 python3 - "$BUILD/fault/receipt-write" <<'END' >faults
import os, shutil, subprocess, sys
command = sys.argv[1]
for kind, error in (("write", 28), ("fsync", 5), ("link", 1), ("open", 24), ("read", 5), ("stat", 5), ("memory", 12)):
    for n in range(1, 400):
        shutil.rmtree("faulty", ignore_errors=True)
        shutil.copytree("home", "faulty")
        before = open("faulty/receipts.log").read()
        env = dict(os.environ, FAULT=f"{kind}:{n}:{error}", FAULT_COUNT="count", MINIMODEL_HOME="faulty")
        end = subprocess.run([command, "report"], env=env, capture_output=True, text=True, timeout=60)
        if int(open("count").read()) < n:
            break
        env = dict(os.environ, MINIMODEL_HOME="faulty")
        if end.returncode not in (0, 3):
            print(kind, n, "answered", end.returncode, end.stderr)
        again = subprocess.run(["receipt-write", "report"], env=env, capture_output=True, text=True)
        check = subprocess.run(["receipt-write", "--check"], env=env, capture_output=True, text=True)
        if again.returncode or check.returncode:
            print(kind, n, "then", again.returncode, again.stderr, check.returncode, check.stderr)
END
    same "whatever fails, the answer is 3 and the next receipt goes on" "" "$(head -n 5 faults)"
else
    skip "whatever fails, the answer is 3 and the next receipt goes on" "the commands with faults are not built"
fi

receipt-write --head >/dev/full 2>err
same "a result that cannot be printed answers 3" "3 1" "$? $(grep -c '\[io-write\]' err)"

# ---- disks ----

fresh 2
cp home/receipts.log before.log
run sh -c 'ulimit -f 0; exec receipt-write report'
expect "a full disk answers 3" 3
same "and leaves the log as it was" "" "$(cmp before.log home/receipts.log 2>&1)"
run receipt-write --check
expect "and the chain sound" 0 "receipts: 2"
mkdir small
if mount -t tmpfs -o size=64k none small 2>/dev/null; then
    for number in $(seq 200); do MINIMODEL_HOME=small receipt-write report >/dev/null 2>"$WORK/.err" || break; done
    same "a small file system fills up" "yes" "$(grep -q 'io-write' "$WORK/.err" && echo yes)"
    MINIMODEL_HOME=small run receipt-write --check
    expect "and its chain stays sound" 0
    umount small
else
    skip "a small file system fills up" "mounting is not allowed here"
fi
if [ "$(id -u)" -ne 0 ]; then
    chmod -R a-w home
    run receipt-write report
    expect "a read-only store answers 3" 3
    run receipt-write --check
    expect "and can be checked" 0 "receipts: 2"
elif mkdir ro && mount --bind home ro 2>/dev/null && mount -o remount,bind,ro ro 2>/dev/null; then
    MINIMODEL_HOME=ro run receipt-write report
    expect "a read-only store answers 3" 3
    MINIMODEL_HOME=ro run receipt-write --check
    expect "and can be checked" 0 "receipts: 2"
    umount ro
else
    umount ro 2>/dev/null
    skip "a read-only store" "root writes everywhere, and mounting is not allowed here"
fi
mkdir noroom && : >noroom/home
MINIMODEL_HOME=noroom/home run receipt-write report
expect "a file in the place of the store answers 3" 3 "[store-home]"
fresh 1
rm -f home/store/lock && mkdir home/store/lock
run receipt-write report
expect "a folder in the place of the lock answers 3" 3 "[store-home]"
rm -rf home/store && ln -s "$WORK" home/store
run receipt-write report
expect "a link in the place of the lock's folder answers 3" 3 "[store-home]"

# ---- a restart after the log was lost ----

fresh 1
run receipt-write --new-chain one
run receipt-write report
rm home/receipts.log
run receipt-write report
expect "two beginnings and no log are a fork" 1 "[receipt-order]"
run receipt-write --new-chain 'the log was lost'
expect "which a restart ends" 0
sleep 1 # a receipt of the same second would be the same file
same "each receipt having its line" 2 "$(grep -c '^receipt: ' home/receipts.log)"
run receipt-write report
expect "so that the chain goes on" 0
run receipt-write --check
expect "and is sound" 0 "receipts: 1"
