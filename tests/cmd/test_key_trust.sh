#!/bin/sh
# key-trust: who becomes trusted and why, succession, revocation, hostile files in the keyring, writers beside each other, crashes.
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || export TMPDIR=/dev/shm # hundreds of keyrings are flushed
. "$(dirname "$0")/harness.sh"
need key-trust python3 || exit 0
MINIMODEL_KEYRING=$WORK/ring
export MINIMODEL_KEYRING
R=$MINIMODEL_KEYRING
alias_of() { sed -n 's/^key-id: //p' "$1.facts"; }
print_of() { sed -n 's/^fingerprint: //p' "$1.facts"; }
for name in one two three four; do
    mkdir $name && key-make -q --no-password -o $name $name >$name.facts || not_ok "a key" "$name"
done
ONE=$(alias_of one) TWO=$(alias_of two) THREE=$(alias_of three) FOUR=$(alias_of four)
# succeed OLD NEW: NEW's folder gets OLD's signature over the key NEW
succeed() { key-make -q --force -o "$2" --succeed "$1/$1.key" --public-of "$2/$2.key" >"$2.facts" 2>err || not_ok "succession" "$(cat err)"; }
fresh() { chmod -R u+rwx "$R" 2>/dev/null; rm -rf "$R"; }
states() { key-trust list -q "$@" 2>/dev/null | cut -f1,2,4; }
# typed ANSWER COMMAND...: runs it on a terminal of its own, where ANSWER is typed once something was asked
# pasted ANSWER COMMAND...: the same, typed before it, and an empty line afterwards
typed() { on_terminal typed "$@"; }
pasted() { on_terminal pasted "$@"; }
on_terminal() {
    python3 - "$@" <<'PY'
import os, pty, sys
how, answer, *command = sys.argv[1:]
begin, go = os.pipe()
pid, fd = pty.fork()
if pid == 0:
    os.close(go)
    os.read(begin, 1)
    os.execvp(command[0], command)
os.close(begin)
if how == 'pasted':
    os.write(fd, answer.encode() + b'\n')
    answer = ''
os.close(go)
seen, asked = b'', False
while True:
    try:
        more = os.read(fd, 65536)
    except OSError:
        break
    if not more:
        break
    seen += more
    if not asked and b'trust the key: ' in seen:
        asked = True
        os.write(fd, answer.encode() + b'\n')
os.write(1, seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
}

# ---- usage ----

for call in '' 'trust' 'add' 'add acme' 'add acme a b' 'add Acme one/one.pub' 'add ../x one/one.pub' 'remove acme' 'remove acme 123' "revoke acme $ONE" \
    'list a b' 'check a b' "list --reason x" "revoke acme $ONE --reason x --time now" 'add acme one/one.pub --fingerprint x --trust-on-first-use' \
    'add acme nonsense.successor' "add --trust-on-first-use acme $ONE.successor" "list --fingerprint x" "revoke acme x.revoked --reason x"; do
    run key-trust $call
    expect "usage: key-trust $call" 2 "usage: key-trust"
done
run key-trust revoke acme "$ONE" --reason ' x'
expect 'a reason is a line of text' 2 'expected a reason'
[ ! -e "$R" ] && ok 'a wrong call makes no keyring' || not_ok 'a wrong call makes no keyring'
run key-trust list
expect 'a keyring that is not there is empty' 0
run key-trust list --keyring "$WORK/nowhere"
expect 'one that is named has to be there' 3 '[keyring-open]'
run env -u MINIMODEL_KEYRING -u XDG_CONFIG_HOME -u HOME key-trust list
expect 'without any variable there is none, and that is said' 0 '[keyring-open]'
run env -u MINIMODEL_KEYRING -u XDG_CONFIG_HOME -u HOME key-trust add --trust-on-first-use acme one/one.pub
expect 'and none to add to' 3 '[keyring-open]'
run env -u MINIMODEL_KEYRING HOME="$WORK/home" XDG_CONFIG_HOME=relative key-trust add --trust-on-first-use acme one/one.pub
same 'the default is in HOME' "0 $ONE.pub" "$status $(ls home/.config/minimodel/keyring/acme)"

run env MINIMODEL_KEYRING="$WORK/nowhere" key-trust revoke acme "one/$ONE.revoked"
expect 'a revocation, and no keyring' 1 '[revocation-signature]' 'of acme'

# ---- adding ----

run setsid key-trust add acme one/one.pub </dev/null
expect 'without a terminal nobody is asked, and nothing trusted' 3 'give its --fingerprint'
same 'nothing is there' '' "$(states)"
run key-trust add acme one/one.pub --fingerprint "$(print_of two)"
expect 'another fingerprint' 1 '[key-fingerprint]' "$(print_of one)"
same 'nothing is there' '' "$(states)"
run key-trust add acme one/one.pub --fingerprint ''
expect 'an empty fingerprint' 1 '[key-fingerprint]'
run key-trust add acme one/one.pub --fingerprint "$(print_of one | cut -c1-74)"
expect 'a part of the fingerprint' 1 '[key-fingerprint]'
run key-trust add acme one/one.pub --fingerprint "$(print_of one)"
expect 'the fingerprint that was given' 0 'publisher: acme' "key-id: $ONE" "fingerprint: $(print_of one)" 'state: trusted' 'because: it has the fingerprint that was given'
same 'it is trusted' "$ONE	acme	trusted" "$(states)"
same 'as a file that others may read' '-rw-r--r-- drwx------' "$(stat -c %A "$R/acme/$ONE.pub" "$R/acme" | tr '\n' ' ' | sed 's/ $//')"
run key-trust add acme one/one.pub --fingerprint "$(print_of one | tr -d ' ' | tr a-f A-F)"
expect 'once more, as people type it' 0 'state: trusted'
run typed no key-trust add acme two/two.pub
expect 'who does not type yes' 1 "$(print_of two)" '[key-fingerprint]'
run typed '' key-trust add acme two/two.pub
expect 'nothing typed' 1 '[key-fingerprint]'
run pasted yes key-trust add acme two/two.pub
expect 'what was typed before the question' 1 "found ''" '[key-fingerprint]'
run typed yes key-trust add acme two/two.pub
expect 'who types yes' 0 "$(print_of two)" 'because: its fingerprint was confirmed'
run key-trust add --trust-on-first-use acme three/three.pub
expect 'no first use where keys are known' 1 '[keyring-first-use]'
run key-trust add --trust-on-first-use other three/three.pub
expect 'first use of another publisher, and it is said' 0 'note: trusted on first use' '[keyring-first-use]' 'because: it is the publisher'
run key-trust add --trust-on-first-use other three/three.pub
expect 'first use is once' 1 '[keyring-first-use]'
same 'a key speaks for its publisher' "$(printf '%s\n' "$ONE	acme	trusted" "$TWO	acme	trusted" | sort)
$THREE	other	trusted" "$(states)"
same 'one publisher alone' "$THREE	other	trusted" "$(states other)"
run key-trust list nobody
expect 'no key of a publisher' 1 '[keyring-key]'
same '--json has the same facts' "other $THREE $(print_of three) trusted" "$(key-trust list --json other | python3 -c 'import json, sys; k = json.load(sys.stdin); print(k["publisher"], k["key-id"], k["fingerprint"], k["state"])')"
run key-trust add acme no-such.pub
expect 'a file that is not there' 3 '[io-open]'
echo nonsense >bad.pub
run key-trust add --trust-on-first-use new bad.pub
expect 'a file that is no key' 1 '[key-form]'
run key-trust add --trust-on-first-use new one/one.key
expect 'a secret key' 1 '[key-form]'
head -c 20000 /dev/zero >big.pub
run key-trust add --trust-on-first-use new big.pub
expect 'a file that is too long' 1 '[key-form]'
run key-trust add --trust-on-first-use new - <four/four.pub
expect 'a key from standard input' 0 "key-id: $FOUR"
run key-trust check
expect 'the keyring is sound' 0

# ---- succession ----

fresh
succeed one two && succeed two three
key-trust add -q --trust-on-first-use acme one/one.pub >/dev/null 2>&1
run key-trust add acme "three/$TWO.successor"
expect 'the successor of a key that is not trusted' 1 '[key-successor]'
run key-trust add acme "two/$ONE.successor" --fingerprint "$(print_of three)"
expect 'a successor of another fingerprint' 1 '[key-fingerprint]'
same 'nothing has changed' "$ONE	acme	trusted" "$(states)"
cp "two/$ONE.successor" . && cp "three/$TWO.successor.minisig" "$ONE.successor.minisig"
run key-trust add acme "$ONE.successor"
expect 'a successor with another signature' 1 '[key-successor]'
rm "$ONE.successor.minisig"
run key-trust add acme "$ONE.successor"
expect 'a successor without a signature' 3 '[io-open]'
cp "three/three.pub" "$ONE.successor" && cp "two/$ONE.successor.minisig" .
run key-trust add acme "$ONE.successor"
expect 'another key with that signature' 1 '[key-successor]'
cp two/two.pub "$ONE.successor" && manifest-sign -q --any --force -s one/one.key "$ONE.successor" >/dev/null
run key-trust add acme "$ONE.successor"
expect 'a key that was signed as any other file' 1 '[key-successor]' 'expected the trusted comment'
run key-trust add acme "two/$ONE.successor"
expect 'a successor that the old key signed' 0 "key-id: $TWO" "because: $ONE, which is trusted, signed it"
run key-trust add acme "three/$TWO.successor"
expect 'and its successor' 0 "key-id: $THREE"
run key-trust add acme "three/$TWO.successor"
expect 'once more' 0 "key-id: $THREE"
succeed one four
run key-trust add acme "four/$ONE.successor"
expect 'a second successor of one key' 1 '[key-successor]'
rm "$R/acme/$THREE.pub"
run key-trust list
expect 'the list says who named whom' 0 "$TWO names it as its successor" "$ONE.pub is in the keyring"
run key-trust check
expect 'a key by succession alone is sound' 0
run key-trust revoke acme "$TWO" --reason 'lost'
expect 'the one in between is revoked' 0 'state: revoked' 'reason: lost'
same 'who was its successor alone is trusted no more' "$(printf '%s\n' "$ONE	acme	trusted" "$TWO	acme	revoked" | sort)" "$(states)"
run key-trust check
expect 'and the check says why' 0 'names no successor any more'
run key-trust add acme "three/$TWO.successor"
expect 'a revoked key names nobody' 1 '[key-successor]'
run key-trust remove acme "$ONE"
expect 'a key is removed' 0 "key-id: $ONE" 'state: removed'
run key-trust remove acme "$ONE"
expect 'once' 1 '[keyring-key]'
same 'its word on its successor too' '' "$(ls "$R/acme" | grep "$ONE")"

# ---- revocation ----

fresh
for key in one two; do key-trust add -q acme $key/$key.pub --fingerprint "$(print_of $key)" >/dev/null; done
run key-trust revoke acme "$THREE" --reason lost
expect 'a key that is not there cannot be revoked by mistake' 1 '[keyring-key]'
run key-trust revoke acme "$ONE" --reason 'compromised: a test' --time 2026-03-01T00:00:00Z
expect "the owner's own word" 0 'state: revoked' 'revoked: 2026-03-01T00:00:00Z' 'reason: compromised: a test'
run key-trust list
expect 'the list says since when and why' 0 "revoked	2026-03-01T00:00:00Z compromised: a test"
run key-trust add acme one/one.pub --fingerprint "$(print_of one)"
expect 'a revoked key is not added back' 1 '[keyring-revoked]'
key-trust remove -q acme "$ONE" >/dev/null
run key-trust add acme one/one.pub --fingerprint "$(print_of one)"
expect 'nor after it was removed' 1 '[keyring-revoked]'
rm "$R/acme/$ONE.revoked" && key-trust add -q acme one/one.pub --fingerprint "$(print_of one)" >/dev/null
same 'unless its owner takes the revocation away by hand' "$ONE	acme	trusted" "$(states | grep "$ONE")"
run key-trust revoke acme "$ONE" --reason 'Compromised?'
expect 'capital letters are said to be none of the word' 0 '[revocation-form]'
rm "$R/acme/$ONE.revoked"

# revocation KEYID TIME REASON SIGNER FILE
revocation() {
    printf 'minimodel-revocation 0\nkey-id: %s\nrevoked: %s\nreason: %s\n' "$1" "$2" "$3" >"$5"
    manifest-sign -q --any --force -s "$4/$4.key" "$5" >/dev/null 2>err || not_ok 'a signed revocation' "$(cat err)"
}
revocation "$ONE" 2026-05-01T00:00:00Z lost three r.revoked
run key-trust revoke acme r.revoked
expect 'a revocation by a stranger' 1 '[revocation-signature]'
revocation "$ONE" 2026-05-01T00:00:00Z lost two r.revoked
mv r.revoked.minisig kept
run key-trust revoke acme r.revoked
expect 'a revocation without a signature' 3 '[io-open]'
mv kept r.revoked.minisig && sed -i 's/05-01/06-01/' r.revoked
run key-trust revoke acme r.revoked
expect 'a revocation that was changed' 1 '[revocation-signature]'
same 'none of that revoked anything' 'trusted trusted' "$(states | cut -f3 | tr '\n' ' ' | sed 's/ $//')"
revocation "$ONE" 2026-05-01T00:00:00Z lost two r.revoked
run key-trust revoke acme r.revoked
expect 'a revocation by another key of the publisher' 0 'revoked: 2026-05-01T00:00:00Z' 'reason: lost'
same 'is kept with its signature' "$(cat r.revoked r.revoked.minisig)" "$(cat "$R/acme/$ONE.revoked" "$R/acme/$ONE.revoked.minisig")"
revocation "$ONE" 2099-01-01T00:00:00Z 'not so bad' two mild.revoked
run key-trust revoke acme mild.revoked
expect 'a milder one' 0 'revoked: 2026-05-01T00:00:00Z' 'reason: lost'
same 'changes nothing' "$(cat r.revoked r.revoked.minisig)" "$(cat "$R/acme/$ONE.revoked" "$R/acme/$ONE.revoked.minisig")"
revocation "$TWO" 2026-05-01T00:00:00Z revenge one back.revoked
run key-trust revoke acme back.revoked
expect 'a revoked key revokes no other' 1 '[revocation-signature]'
run key-trust revoke acme "one/$ONE.revoked"
expect 'what key-make signed in advance' 0 'revoked: 2026-05-01T00:00:00Z' 'reason: compromised or lost'
run key-trust revoke acme r.revoked
expect 'compromised stays' 0 'reason: compromised or lost'
run key-trust check
expect 'all of it is sound' 0
echo damaged >"$R/acme/$ONE.revoked"
run key-trust list
expect 'what cannot be read revokes' 0 "revoked	its revocation cannot be read"
run key-trust revoke acme r.revoked
expect 'and nothing milder takes its place' 0 'state: revoked' 'is stricter, and stays'
same 'it stays' damaged "$(cat "$R/acme/$ONE.revoked")"
run key-trust check
expect 'the check names it' 1 '[text-first-line]'

# ---- hostile files ----

fresh
key-trust add -q acme two/two.pub --fingerprint "$(print_of two)" >/dev/null
# hostile NAME RULE: with what stands as one.pub or beside it, two is trusted and one is not, and a check says RULE
hostile() {
    same "$1: nobody else is trusted" "$TWO	acme	trusted" "$(states)"
    run key-trust check
    expect "$1: the check names it" 1 "[$2]"
    rm -rf "$R/acme/$ONE".* "$R/acme/other"
}
P=$R/acme/$ONE.pub
: >"$P" && hostile 'an empty key' key-form
cp three/three.pub "$P" && hostile 'a key of another name' key-name
ln -s "$WORK/one/one.pub" "$P" && hostile 'a link' key-form
mkdir "$P" && hostile 'a folder' key-form
mkfifo "$P" && hostile 'a FIFO' key-form
truncate -s 1T "$P" && hostile 'a file of a terabyte' key-form
tr -d '\n' <one/one.pub >"$P" && hostile 'a key on one line' key-form
sed 's/$/\r/' one/one.pub >"$P" && hostile 'CR LF' key-form
{ cat one/one.pub && echo more; } >"$P" && hostile 'a third line' key-form
cp one/one.pub "$R/acme/$(echo "$ONE" | tr A-F a-f)x.pub" && hostile 'a name in small letters' keyring-surplus
rm -f "$R"/acme/*x.pub
cp one/one.pub "$R/acme/other" && hostile 'a file that does not belong' keyring-surplus
cp one/one.pub "$R/acme/$THREE.successor" && hostile "a stranger's successor" key-successor
rm -f "$R/acme/$THREE.successor"
cp one/one.pub "$R/acme/$TWO.successor" && hostile 'a successor without a signature' key-successor
rm -f "$R/acme/$TWO.successor"
cp "two/$ONE.successor.minisig" "$R/acme/$TWO.successor.minisig" && hostile 'a signature of nothing' keyring-surplus
rm -f "$R/acme/$TWO.successor.minisig"
printf 'x\033[31m' >"$R/acme/$(printf 'other\033[31m')" && run key-trust check && rm -f "$R"/acme/other*
case $err in *"$(printf '\033')"*) not_ok 'no control code reaches the terminal' ;; *) expect 'no control code reaches the terminal' 1 '\u{1b}' ;; esac
for wrong in link folder fifo; do
    case $wrong in link) ln -s nowhere "$R/acme/$TWO.revoked" ;; folder) mkdir "$R/acme/$TWO.revoked" ;; fifo) mkfifo "$R/acme/$TWO.revoked" ;; esac
    same "a .revoked that is a $wrong revokes" "$TWO	acme	revoked" "$(states)"
    run key-trust check
    expect "and the check names the $wrong" 1 '[revocation-form]'
    rm -rf "$R/acme/$TWO.revoked"
done
ln -s acme "$R/linked"
run key-trust list linked
expect 'a linked publisher is not read' 3 '[keyring-open]'
for action in list check; do
    run key-trust $action
    expect "nor passed over: $action" 3 '[keyring-open]' "$R/linked"
done
run key-trust add --trust-on-first-use linked one/one.pub
expect 'nor written to' 3 '[keyring-open]'
rm "$R/linked"
if [ "$(id -u)" != 0 ] || need 'what may not be read' setpriv; then
    as_other() { if [ "$(id -u)" = 0 ]; then setpriv --reuid 65534 --clear-groups "$@"; else "$@"; fi; }
    chmod 755 "$WORK" "$R" "$R/acme" && cp one/one.pub "$P" && chmod 000 "$P"
    run as_other "$BIN/key-trust" list
    expect 'a key that may not be read: do not know' 3 '[keyring-open]' "$TWO"
    chmod 000 "$R/acme"
    run as_other "$BIN/key-trust" list acme
    expect 'a publisher that may not be read: do not know' 3 '[keyring-open]'
    chmod 755 "$R/acme" && echo >"$R/acme/$TWO.revoked" && chmod 000 "$R/acme/$TWO.revoked"
    run as_other "$BIN/key-trust" list
    expect 'a .revoked that may not be read revokes' 3 "$TWO	acme" 'revoked	its revocation cannot be read'
fi

# ---- beside each other ----

fresh
mkdir many
i=0
while [ $i -lt 12 ]; do
    key-make -q --no-password -o many k$i >/dev/null 2>&1
    i=$((i + 1))
done
for key in many/k*.pub; do key-trust add -q acme "$key" --fingerprint "$(key-make --json --public-of "${key%.pub}.key" --force -o many "$(basename "$key" .pub)" 2>/dev/null | python3 -c 'import json, sys; print(json.load(sys.stdin)["fingerprint"])')" >/dev/null 2>>together & done
wait
same 'twelve at once are all added' '12' "$(states | wc -l)"
for key in many/k*.pub; do key-trust add -q --trust-on-first-use first "$key" >/dev/null 2>&1 & done
wait
same 'of twelve first uses at once one is the first' '1' "$(states first | wc -l)"
key=$(states acme | head -n 1 | cut -f1)
for month in 09 03 11 01 07 05; do key-trust revoke -q acme "$key" --reason "month $month" --time 2026-$month-01T00:00:00Z >/dev/null & done
key-trust revoke -q acme "$key" --reason 'compromised: at once' --time 2026-12-01T00:00:00Z >/dev/null &
wait
same 'of revocations at once the strictest stays' 'revoked: 2026-01-01T00:00:00Z reason: compromised: at once' "$(tail -n 2 "$R/acme/$key.revoked" | tr '\n' ' ' | sed 's/ $//')"
run key-trust check
expect 'and the keyring is sound' 0

# ---- killed, and with every call failing once ----

fresh
succeed one two
key-trust add -q acme one/one.pub --fingerprint "$(print_of one)" >/dev/null
cp -r "$R" before
wrong=
for delay in 0 1 2 3 4 5 6 7 8 9 10 12 14 17 20; do
    fresh && cp -r before "$R"
    key-trust add -q acme "two/$ONE.successor" >/dev/null 2>&1 &
    child=$!
    sleep "0.00$delay"
    kill -9 $child 2>/dev/null
    wait $child 2>/dev/null
    rm -f "$R"/acme/.minimodel-*
    bad=$(key-trust check -q 2>&1 >/dev/null | grep -v 'keyring-surplus')
    [ -z "$bad" ] && key-trust add -q acme "two/$ONE.successor" >/dev/null && key-trust check -q >/dev/null || wrong="$wrong $delay: $bad"
done
same 'who is killed leaves whole files, and the next call goes on' '' "$wrong"

FAULTY=$BUILD/fault
if [ -x "$FAULTY/key-trust" ]; then
    PYTHONDONTWRITEBYTECODE=1 FAULTS=${FAULTS:-12} MINIMODEL_KEYRING=$WORK/o
    export PYTHONDONTWRITEBYTECODE FAULTS MINIMODEL_KEYRING
    mkdir none
    # each NAME SETUP AFTER COMMAND...: AFTER is the command once more, or what else mends
    each() {
        name=$1 setup=$2 after=$3
        shift 3
        for fault in read:5 write:28 memory:12 open:24 stat:5 fsync:5 link:31 rename:5 folder:28 remove:5 mode:30; do
            wrong=$(python3 "$ROOT/tests/cmd/faults.py" --store "$setup" "$after" "${fault%%:*}" "${fault##*:}" "$WORK/o" "$@" 2>&1 | head -n 8)
            same "$name: ${fault%%:*} fails" '' "$wrong"
        done
    }
    sound='key-trust check -q'
    again() { echo "key-trust $* && $sound"; }
    each 'add' none "key-trust add -q acme $WORK/one/one.pub --fingerprint '$(print_of one)' && $sound" "$FAULTY/key-trust" add -q acme one/one.pub --fingerprint "$(print_of one)"
    each 'add a successor' before "$(again add -q acme "$WORK/two/$ONE.successor")" "$FAULTY/key-trust" add -q acme "two/$ONE.successor"
    each 'revoke' before "$(again revoke -q acme "$ONE" --reason x --time 2026-01-01T00:00:00Z)" "$FAULTY/key-trust" revoke -q acme "$ONE" --reason x --time 2026-01-01T00:00:00Z
    cp -r before revoked && key-trust revoke -q --keyring revoked acme "$ONE" --reason x --time 2026-01-01T00:00:00Z >/dev/null
    each 'import a revocation' revoked "$(again revoke -q acme "$WORK/one/$ONE.revoked")" "$FAULTY/key-trust" revoke -q acme "one/$ONE.revoked"
    cp -r before pair && key-trust add -q --keyring pair acme "two/$ONE.successor" >/dev/null
    each 'remove' pair "{ key-trust remove -q acme $TWO || [ \$? = 1 ]; } && $sound && ! key-trust list -q | grep -q ^$TWO" "$FAULTY/key-trust" remove -q acme "$TWO"
    # whatever fails, who is told that the key is revoked so has it so
    cat >told.py <<'PY'
import os, shutil, subprocess, sys
before, has, *command = sys.argv[1:]
def run(fault):
    shutil.rmtree('o', ignore_errors=True)
    shutil.copytree(before, 'o')
    return subprocess.run(command, env=dict(os.environ, FAULT=fault, FAULT_COUNT='count'), capture_output=True, timeout=60)
for kind, error in ('open', 5), ('open', 24), ('memory', 12), ('read', 5), ('stat', 5):
    run(f'{kind}:-1:{error}')
    for n in range(1, int(open('count').read()) + 1):
        done = run(f'{kind}:{n}:{error}')
        listed = subprocess.run(['key-trust', 'list', '-q'], capture_output=True, text=True).stdout
        if done.returncode not in (0, 3) or done.returncode == 0 and has not in listed:
            print(kind, error, n, done.returncode, listed, done.stderr.decode())
PY
    told() {
        name=$1
        shift
        same "$name, told so" '' "$(python3 told.py "$@" 2>&1 | head -n 8)"
    }
    told 'revoke' before revoked "$FAULTY/key-trust" revoke -q acme "$ONE" --reason lost --time 2026-01-01T00:00:00Z
    told 'revoke more strictly' revoked compromised "$FAULTY/key-trust" revoke -q acme "$ONE" --reason compromised
    told 'import a revocation' before revoked "$FAULTY/key-trust" revoke -q acme "one/$ONE.revoked"
    told 'import a stricter one' revoked compromised "$FAULTY/key-trust" revoke -q acme "one/$ONE.revoked"
    each 'list' pair "diff -r $WORK/pair $WORK/o" "$FAULTY/key-trust" list -q
    each 'check' pair "diff -r $WORK/pair $WORK/o" "$FAULTY/key-trust" check -q
else
    skip 'faults of the keyring' 'the commands with faults are not built'
fi
