#!/bin/sh
# Signed receipts and anchors: who stands behind a chain is told, what was changed or taken away is found, and an interruption
# leaves no receipt without the signature that it was to have.
. "$(dirname "$0")/harness.sh"
need receipt-write python3 || exit 0
MINIMODEL_HOME=$WORK/home
export MINIMODEL_HOME
mkdir tiny keys && cp "$MODEL" tiny/model.gguf
(cd tiny && manifest-make -q -p --model-id local/tiny model.gguf) >m.manifest 2>/dev/null || exit 1
slm-verify -q m.manifest tiny >report || exit 1
for key in a b; do key-make -q --no-password -o keys $key >/dev/null || exit 1; done

# fresh KEY...: a store with a receipt signed by each KEY, - for none; they are of different seconds
fresh() {
    chmod -R u+rwx home 2>/dev/null
    rm -rf home
    second=1700000000
    for signer in "$@"; do
        second=$((second + 1))
        if [ "$signer" = - ]; then set --; else set -- -s "keys/$signer.key"; fi
        SOURCE_DATE_EPOCH=$second receipt-write "$@" report >/dev/null || not_ok "a receipt of a fresh store"
    done
}
nth() { echo "home/receipts/$(sed -n "$(($1 + 1))s/^receipt: [0-9a-f]* //p" home/receipts.log)"; }
says() { if grep -qxF -e "$2" "$WORK/.out"; then ok "$1"; else not_ok "$1" "expected the line '$2'" "$(cat "$WORK/.out")"; fi; }

# ---- signing ----

fresh a - b
path=$(nth 1)
same "the signature stands beside its receipt, read-only" "444 444" "$(stat -c %a "$path" "$path.minisig" | tr '\n' ' ' | sed 's/ $//')"
same "its trusted comment tells the receipt" "trusted comment: receipt:local/tiny created:2023-11-14T22:13:21Z sha256:$(sha256sum <"$path" | cut -d' ' -f1)" "$(sed -n 3p "$path.minisig")"
same "an unsigned receipt has none" "2" "$(find home -name '*.minisig' | wc -l)"
if need "the minisign program verifies it" minisign; then
    run minisign -V -p keys/a.pub -m "$path"
    expect "the minisign program verifies it" 0 "receipt:local/tiny"
    cp "$path" elsewhere && minisign -S -s keys/a.key -m elsewhere -t "$(sed -n '3s/^trusted comment: //p' "$path.minisig")" >/dev/null 2>&1
    chmod u+w "$path.minisig" && cp elsewhere.minisig "$path.minisig"
    run receipt-write --check -p keys/a.pub -p keys/b.pub
    expect "and what it signs is verified" 0 "signatures: 2"
fi
run receipt-write --check
expect "without keys signed receipts are said" 0 "receipts: 3" "2 of the receipts are signed"
run receipt-write --check -p keys/a.pub -p keys/b.pub
expect "with both keys the chain is sound" 0 "receipts: 3" "signatures: 2"
run receipt-write --check --json -p keys/a.pub -p keys/b.pub
same "--json tells it too" 2 "$(printf '%s\n' "$out" | python3 -c 'import json, sys; print(json.load(sys.stdin)["signatures"])')"
run receipt-write --check -p keys/a.pub
expect "a signature by a key that was not given is none" 1 "$(nth 3 | sed 's/^home.//').minisig: error: " "[receipt-signature]"
run receipt-write --check -p keys/a.pub -p keys/b.pub --require-signature
expect "--require-signature finds what is not signed" 1 "$(nth 2 | sed 's/^home.//').minisig: error: " "[receipt-signature]"
fresh a a
run receipt-write --check -p keys/a.pub --require-signature
expect "and is content where all are" 0 "signatures: 2"

# ---- what is changed ----

# wrong NAME TEXT...: the chain answers 1 with its key, and names each TEXT
wrong() {
    what=$1
    shift
    run receipt-write --check -p keys/a.pub
    expect "$what" 1 "$@"
}
while IFS='|' read -r what script; do
    fresh a a
    chmod u+w "$(nth 1).minisig"
    sed -i "$script" "$(nth 1).minisig"
    wrong "$what" "[receipt-signature]"
done <<'END'
a changed signature|2s/\(.\{40\}\)./\1=/
a changed trusted comment|3s/tiny/tinz/
another receipt's time in it|3s/22:13:21/22:13:22/
a second signature that is changed|4s/^..../AAAA/
bytes behind it|$s/$/\nmore/
a line that lacks|3d
lines that end in CR|s/$/\r/
END
fresh a a
chmod u+w "$(nth 1).minisig" && python3 - "$(nth 1).minisig" <<'END'
import base64, sys
lines = open(sys.argv[1]).read().split("\n")
data = base64.b64decode(lines[1])
lines[1] = base64.b64encode(b"Ed" + data[2:]).decode()
open(sys.argv[1], "w").write("\n".join(lines))
END
wrong "a legacy signature" "[receipt-signature]"
fresh a a
chmod u+w "$(nth 1).minisig" && cp "$(nth 2).minisig" "$(nth 1).minisig"
wrong "the signature of another receipt" "[receipt-signature]"
fresh a a
chmod u+w "$(nth 1).minisig" && head -c 20000 /dev/zero | tr '\0' a >"$(nth 1).minisig"
wrong "a signature that is too long" "[receipt-signature]"
fresh a a
rm -f "$(nth 1).minisig" && mkfifo "$(nth 1).minisig"
wrong "a FIFO in its place" "[receipt-signature]"
fresh a a
cp "$(nth 1).minisig" good && rm -f "$(nth 1).minisig" && ln -s "$WORK/good" "$(nth 1).minisig"
wrong "a link in its place" "[receipt-signature]"
fresh a a
rm -f "$(nth 1).minisig"
run receipt-write --check -p keys/a.pub
expect "a signature that was taken away is not missed" 0 "signatures: 1"
run receipt-write --check -p keys/a.pub --require-signature
expect "but by --require-signature" 1 "[receipt-signature]"
fresh a a
last=$(nth 2)
rm -f "$last" && sed -i '$d' home/receipts.log
wrong "a newest receipt that was cut off without its signature" "[receipt-surplus]" "expected the receipt that this signs"
run receipt-write -s keys/a.key report
expect "the next receipt takes that signature away" 0 "is taken away [receipt-surplus]"
run receipt-write --check -p keys/a.pub --require-signature
expect "and the chain is sound" 0 "receipts: 2" "signatures: 2"

# ---- anchors ----

fresh a - b
run receipt-write --anchor anchor -s keys/a.key --host-label 'my desk'
expect "an anchor is written" 0 "anchor: anchor" "receipts: 3" "head: $(tail -n 1 home/receipts.log | cut -d' ' -f2)"
same "with the lines of its page" "minimodel-anchor 0 host-label: my desk receipts: 3 head: $(receipt-write --head)" "$(grep -v '^created: ' anchor | tr '\n' ' ' | sed 's/ $//')"
same "and its trusted comment" "trusted comment: anchor:$(receipt-write --head) receipts:3 sha256:$(sha256sum <anchor | cut -d' ' -f1)" "$(sed -n 3p anchor.minisig)"
if need "the minisign program verifies an anchor" minisign; then
    run minisign -V -p keys/a.pub -m anchor
    expect "the minisign program verifies an anchor" 0 "anchor:"
fi
run receipt-write --anchor anchor -s keys/a.key
expect "it is not replaced" 3 "[io-exists]"
cp anchor first && cp anchor.minisig first.minisig
receipt-write report >/dev/null
cp keys/a.key mine.key && cp keys/a.key mine.minisig
for anchor in mine.key mine; do
    key=$anchor
    [ -f "$key" ] || key=mine.minisig
    run receipt-write --anchor $anchor --force -s $key
    expect "an anchor does not replace the key that signs it: $anchor" 3 "[io-exists]"
done
same 'it is what it was' "$(cat keys/a.key keys/a.key)" "$(cat mine.key mine.minisig)"
run receipt-write --anchor anchor --force -s keys/a.key --json
same "but with --force" 4 "$(printf '%s\n' "$out" | python3 -c 'import json, sys; print(json.load(sys.stdin)["receipts"])')"
for anchor in first anchor; do
    run receipt-write --check --anchor $anchor -p keys/a.pub -p keys/b.pub
    expect "the chain has the head of the $anchor" 0 "receipts: 4"
    run slm-check -q --anchor $anchor -p keys/a.pub -p keys/b.pub
    expect "slm-check says so too ($anchor)" 0 "receipts=4	pass"
done
run receipt-write --check --anchor anchor -p keys/b.pub
expect "an anchor of another key is none" 1 "anchor: error: expected a signature by a key that was given" "[receipt-anchor]"
sed 's/^receipts: 4/receipts: 3/' anchor >changed && cp anchor.minisig changed.minisig
run receipt-write --check --anchor changed -p keys/a.pub -p keys/b.pub
expect "a changed anchor is found" 1 "[receipt-anchor]"
sed 's/^head: .*/head: none/' anchor >changed
run receipt-write --check --anchor changed -p keys/a.pub -p keys/b.pub
expect "one without a head too" 1 "changed:" "[receipt-anchor]"
cp first changed
run receipt-write --check --anchor changed -p keys/a.pub -p keys/b.pub
expect "and one beside another's signature" 1 "[receipt-anchor]"
sed '3s/receipts:4/receipts:5/' anchor.minisig >changed.minisig && cp anchor changed
run receipt-write --check --anchor changed -p keys/a.pub -p keys/b.pub
expect "and a changed comment" 1 "[receipt-anchor]"
if command -v minisign >/dev/null; then
    rm changed.minisig && minisign -S -s keys/a.key -m changed -t 'receipt:local/tiny' >/dev/null 2>&1
    run receipt-write --check --anchor changed -p keys/a.pub -p keys/b.pub
    expect "and a signature that says it is of something else" 1 "expected the trusted comment 'anchor:" "[receipt-anchor]"
    sed 's/^receipts: 4/receipts: 3/' anchor >changed
    minisign -S -s keys/a.key -m changed -t "$(sed -n '3s/^trusted comment: //p' anchor.minisig | sed "s/receipts:4 sha256:.*/receipts:3 sha256:$(sha256sum <changed | cut -d' ' -f1)/")" >/dev/null 2>&1
    run receipt-write --check --anchor changed -p keys/a.pub -p keys/b.pub
    expect "and a signed one whose head is another receipt than it says" 1 "changed: error: expected the head to be receipt 3" "[receipt-anchor]"
    run slm-check -q --anchor changed -p keys/a.pub -p keys/b.pub
    expect "slm-check finds that too" 1 "[receipt-anchor]"
fi
rm -f "$(nth 4)" && sed -i '$d' home/receipts.log
run receipt-write --check -p keys/a.pub -p keys/b.pub
expect "cutting the newest receipt off is not seen from inside" 0
run receipt-write --check --anchor anchor -p keys/a.pub -p keys/b.pub
expect "an anchor shows it" 1 "[receipt-head]"
run receipt-write --check --anchor first -p keys/a.pub -p keys/b.pub
expect "an older anchor does not" 0
run slm-check -q --anchor anchor -p keys/a.pub -p keys/b.pub
expect "slm-check compares too" 1 "[receipt-head]" "fail"
run slm-check -q --anchor first -p keys/b.pub
expect "and believes no anchor of another key" 1 "[receipt-anchor]"
run slm-check -q --anchor first
expect "nor one without any key" 2 "usage:"
receipt-write --new-chain 'a test'
run receipt-write --check --anchor first -p keys/a.pub -p keys/b.pub
expect "a chain that was restarted does not lead to it" 1 "[receipt-head]"
run receipt-write --anchor new -s keys/a.key
expect "and has nothing to anchor yet" 1 "[receipt-none]"
same "so that nothing is written" "" "$(ls -A | grep -e '^new' -e minimodel-)"

# ---- a clock that was set back ----

fresh a
SOURCE_DATE_EPOCH=4000000000 receipt-write -s keys/a.key report >/dev/null
run receipt-write -s keys/a.key report
expect "a receipt says that the clock is behind" 0 "of 2096-10-02T07:06:40Z, whose time counts [clock-behind]"
run receipt-write --anchor late -s keys/a.key
expect "and so does an anchor" 0 "[clock-behind]"
same "which is not older than its head" "created: 2096-10-02T07:06:40Z" "$(sed -n 2p late)"
run receipt-write --check --anchor late -p keys/a.pub --require-signature
expect "and holds" 0 "signatures: 3"
SOURCE_DATE_EPOCH=1700000000 run receipt-write --anchor early -s keys/a.key
same "but for a time that is given" "created: 2023-11-14T22:13:20Z" "$(sed -n 2p early)"

# ---- what an anchor does not replace ----

fresh a
cp keys/b.key lost.key && cp lost.key kept && cp home/receipts.log log
run receipt-write --force --anchor lost.key -s lost.key
expect "--force replaces anchors alone" 3 "will not replace lost.key, which is no anchor" "[io-exists]"
cmp -s lost.key kept && ok "and no key" || not_ok "and no key"
run receipt-write --force --anchor home/receipts.log -s keys/a.key
expect "nor the log" 3 "[io-exists]"
cmp -s home/receipts.log log && ok "which is what it was" || not_ok "which is what it was"
cp kept over.minisig
run receipt-write --force --anchor over -s keys/a.key
expect "nor what is called like its signature" 3 "over.minisig, which is no signature"
same "and nothing is written" "" "$(ls over 2>/dev/null)"
rm -f over.minisig && receipt-write --anchor over -s keys/a.key >/dev/null
run receipt-write --force --anchor over -s keys/b.key
expect "an anchor it does replace" 0 "anchor: over"

# ---- keys, and wrong calls ----

fresh a
chmod 0644 keys/a.key
run receipt-write -s keys/a.key report
expect "a secret key that others can read is refused" 1 "keys/a.key: error: " "[key-mode]"
chmod 0600 keys/a.key
run receipt-write -s keys/none.key report
expect "one that is not there answers 3" 3 "keys/none.key"
run receipt-write -s keys/a.pub report
expect "a public key is no secret one" 1
run receipt-write --check -p keys/a.key
expect "and a secret one no public one" 1 "[key-form]"
run receipt-write --check --anchor nowhere -p keys/a.pub
expect "an anchor that is not there answers 3" 3 "nowhere"
run receipt-write --check
expect "none of this reached the chain" 0 "receipts: 1"
for call in "--anchor x" "--check --anchor x" "--check -s keys/a.key" "--head -p keys/a.pub" "-p keys/a.pub report" "--check --require-signature" "--force report" \
    "--password-fd 3 report" "--anchor x -s keys/a.key report" "--check --anchor x -p keys/a.pub --expect-head $(printf '%064d' 0)" "--head --anchor x" \
    "-s keys/a.key --password-fd 3 --password-file keys/p report" "-s keys/a.key --password-fd x report"; do
    run sh -c "receipt-write $call </dev/null"
    expect "wrong call: $call" 2 "usage:"
done
if [ -z "${BUILD##*address*}" ] || [ -z "${BUILD##*thread*}" ]; then
    skip "a key with a password" "scrypt is slow here"
else
    echo 'a password' >keys/p && chmod 0600 keys/p
    key-make -q -o keys --password-file keys/p locked >/dev/null
    run receipt-write -s keys/locked.key --password-file keys/p report
    expect "a key with a password signs" 0 "receipt: "
    run receipt-write --check -p keys/a.pub -p keys/locked.pub --require-signature
    expect "as good as any" 0 "signatures: 2"
fi

# ---- consent ----

MINIMODEL_HOME=$WORK/store
cp "$MODEL" model.gguf && manifest-make -q -p --model-id local/other -o other.manifest model.gguf 2>/dev/null
if slm-import -q --allow-unsigned other.manifest >/dev/null 2>&1; then
    run receipt-write --grant-execution local/other -s keys/a.key
    expect "a consent is signed too" 0 "receipt: "
    run receipt-write --check -p keys/a.pub
    expect "and verified" 0 "signatures: 1"
else
    not_ok "a model to consent to" "slm-import failed"
fi

# ---- imports and removals ----

MINIMODEL_HOME=$WORK/whole
run slm-import -q --allow-unsigned -s keys/a.key other.manifest
expect "an import's receipt is signed" 0 "state: imported"
run slm-remove -s keys/a.key local/other
expect "and a removal's" 0 "removed: local/other"
run slm-import -q --allow-unsigned --in-place --secret-key keys/a.key other.manifest
expect "and that of an import in place" 0 "state: imported"
run slm-import -q --allow-unsigned -s keys/b.key other.manifest
expect "what is there gets no new receipt" 0 "state: there"
receipt-write --grant-execution local/other -s keys/a.key >/dev/null
run receipt-write --check -p keys/a.pub --require-signature
expect "so that a whole store can be signed" 0 "receipts: 4" "signatures: 4"
same "each by the words of its page" 4 "$(grep -l '^trusted comment: receipt:local/other created:' "$WORK"/whole/receipts/local/other/*.minisig | wc -l)"
slm-remove -q local/other >/dev/null
run receipt-write --check -p keys/a.pub --require-signature
expect "and a removal without a key is found" 1 "[receipt-signature]"
for command in "slm-import --allow-unsigned other.manifest" "slm-remove local/other"; do
    run $command -s keys/a.pub
    expect "a public key does not sign: $command" 1
    run $command -s keys/none.key
    expect "nor one that is not there: $command" 3 "keys/none.key"
    run $command --password-fd 5 5</dev/null
    expect "a password belongs to a key: $command" 2 "usage:"
done
run receipt-write --check
expect "none of this reached the chain" 0 "receipts: 5"
MINIMODEL_HOME=$WORK/home

# ---- ends ----

fresh a
python3 - receipt-write <<'END' >kills
import random, signal, subprocess, sys, time
source = random.Random(7)
sign = [sys.argv[1], "-s", "keys/a.key", "report"]
for n in range(60):
    p = subprocess.Popen(sign, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(source.random() * 0.02)
    p.send_signal(signal.SIGKILL)
    p.wait()
    if n % 10 == 9:
        end = subprocess.run(sign, capture_output=True, text=True)
        check = subprocess.run([sys.argv[1], "--check", "-p", "keys/a.pub", "--require-signature"], capture_output=True, text=True)
        if end.returncode or check.returncode:
            print("after", n, end.returncode, end.stderr, check.returncode, check.stderr)
END
same "no kill -9 leaves a receipt without its signature" "" "$(cat kills)"
if [ -x "$BUILD/fault/receipt-write" ]; then
    PYTHONDONTWRITEBYTECODE=1 python3 - "$BUILD/fault/receipt-write" <<'END' >faults
import os, shutil, subprocess, sys
command = sys.argv[1]
for kind, error in (("write", 28), ("fsync", 5), ("link", 1), ("rename", 5), ("open", 24), ("read", 5), ("stat", 5), ("mode", 1), ("memory", 12)):
    for n in range(1, 400):
        shutil.rmtree("faulty", ignore_errors=True)
        shutil.copytree("home", "faulty")
        env = dict(os.environ, FAULT=f"{kind}:{n}:{error}", FAULT_COUNT="count", MINIMODEL_HOME="faulty")
        end = subprocess.run([command, "-s", "keys/a.key", "report"], env=env, capture_output=True, text=True, timeout=60)
        if int(open("count").read()) < n:
            break
        env = dict(os.environ, MINIMODEL_HOME="faulty")
        if end.returncode not in (0, 3):
            print(kind, n, "answered", end.returncode, end.stderr)
        left = [f for _, _, files in os.walk("faulty") for f in files if f.endswith(".minisig")]
        whole = [f for _, _, files in os.walk("faulty") for f in files if f.endswith(".receipt")]
        if sorted(left) != sorted(f + ".minisig" for f in whole):
            print(kind, n, "left", left, whole)
        again = subprocess.run(["receipt-write", "-s", "keys/a.key", "report"], env=env, capture_output=True, text=True)
        check = subprocess.run(["receipt-write", "--check", "-p", "keys/a.pub", "--require-signature"], env=env, capture_output=True, text=True)
        if again.returncode or check.returncode:
            print(kind, n, "then", again.returncode, again.stderr, check.returncode, check.stderr)
for kind, error in (("write", 28), ("fsync", 5), ("link", 1), ("rename", 5), ("open", 24), ("read", 5), ("stat", 5), ("memory", 12)):
    for n in range(1, 400):
        shutil.rmtree("anchors", ignore_errors=True)
        os.mkdir("anchors")
        env = dict(os.environ, FAULT=f"{kind}:{n}:{error}", FAULT_COUNT="count")
        end = subprocess.run([command, "-s", "keys/a.key", "--anchor", "anchors/x"], env=env, capture_output=True, text=True, timeout=60)
        if int(open("count").read()) < n:
            break
        there = sorted(os.listdir("anchors"))
        if end.returncode not in (0, 3) or there not in ([], ["x.minisig"], ["x", "x.minisig"]):
            print("anchor", kind, n, end.returncode, there, end.stderr)
END
    same "whatever fails, no receipt and no anchor stands there without its signature" "" "$(head -n 5 faults)"
    rm -rf outset && mkdir outset && slm-import -q --home outset --allow-unsigned -s keys/a.key other.manifest >/dev/null
    PYTHONDONTWRITEBYTECODE=1 python3 - "$BUILD/fault" <<'END' >faults
import os, shutil, subprocess, sys
store = os.path.join(os.getcwd(), "faulty")
sign = ["--home", store, "-s", "keys/a.key"]
steps = {"slm-import": ["slm-import", "-q", "--allow-unsigned", *sign, "other.manifest"], "slm-remove": ["slm-remove", "-q", *sign, "local/other"]}
for name, step in steps.items():
    for kind, error in (("write", 28), ("fsync", 5), ("link", 1), ("rename", 5), ("open", 24), ("mode", 1), ("memory", 12)):
        for n in range(1, 400, 1 if kind != "memory" else 7):
            subprocess.run(["chmod", "-R", "u+rwx", store], stderr=subprocess.DEVNULL)
            shutil.rmtree(store, ignore_errors=True)
            if name == "slm-remove":
                shutil.copytree("outset", store)
            env = dict(os.environ, FAULT=f"{kind}:{n}:{error}", FAULT_COUNT="count")
            end = subprocess.run([os.path.join(sys.argv[1], name), *step[1:]], env=env, capture_output=True, text=True, timeout=60)
            if int(open("count").read()) < n:
                break
            again = subprocess.run(step, capture_output=True, text=True)
            check = subprocess.run(["receipt-write", "--home", store, "--check", "-p", "keys/a.pub", "--require-signature"], capture_output=True, text=True)
            if end.returncode not in (0, 3) or check.returncode:
                print(name, kind, n, end.returncode, again.returncode, again.stderr, check.returncode, check.stderr)
END
    same "nor one of an import or a removal" "" "$(head -n 5 faults)"
else
    skip "whatever fails, no receipt and no anchor stands there without its signature" "the commands with faults are not built"
fi
