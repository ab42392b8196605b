#!/bin/sh
# key-make: the files, their modes, passwords from everywhere, succession, and minisign with the same keys.
. "$(dirname "$0")/harness.sh"
need key-make python3 || exit 0
umask 022

# their_id PUB: the id that minisign wrote into its comment, where it leaves leading zeros out
their_id() { printf '%16s' "$(sed -n '1s/.* //p' "$1")" | tr ' ' 0; }

# field NAME: of the facts of the last run
field() { printf '%s\n' "$out" | sed -n "s/^$1: //p"; }

# ---- what is made ----

run key-make --no-password
expect "a key without password" 0 "key-id: " "fingerprint: " "[key-backup]"
id=$(field key-id)
same "four files" "$id.revoked $id.revoked.minisig minimodel.key minimodel.pub" "$(echo [!.]*)"
same "the secret key is its owner's alone" "600 644" "$(stat -c %a minimodel.key minimodel.pub | tr '\n' ' ' | sed 's/ $//')"
same "the fingerprint is the hash of the decoded key" "$(sed -n 2p minimodel.pub | base64 -d | sha256sum | cut -c1-64 | sed 's/..../& /g;s/ $//')" "$(field fingerprint)"
same "the revocation is one of compromise" "minimodel-revocation 0|key-id: $id|reason: compromised or lost; signed in advance by key-make" \
    "$(sed -n '1p;2p;4p' "$id.revoked" | tr '\n' '|' | sed 's/|$//')"
run manifest-sign --any --check -p minimodel.pub "$id.revoked"
expect "and signed by the key" 0 "verified	$id"
run key-make -q --no-password --json -o . other
same "--json has the same facts" "fingerprint key-id public-key revocation revocation-signature secret-key" \
    "$(printf '%s' "$out" | python3 -c 'import json, sys; print(" ".join(sorted(json.load(sys.stdin))))')"
same "-q keeps the advice back" "" "$err"
same "SOURCE_DATE_EPOCH is the time of the revocation" "revoked: 2023-11-14T22:13:20Z" \
    "$(mkdir e && SOURCE_DATE_EPOCH=1700000000 key-make -q --no-password -o e >/dev/null && grep revoked: e/*.revoked)"

# ---- nothing is replaced ----

before=$(cat minimodel.key)
run key-make --no-password
expect "a key is not replaced" 3 "minimodel.key" "[io-exists]"
same "it is what it was" "$before" "$(cat minimodel.key)"
mkdir half && : >half/minimodel.pub
run key-make --no-password -o half
expect "nor a public key" 3 "[io-exists]"
same "and no secret key stands beside it" "minimodel.pub" "$(ls -A half)"
mkdir force && echo wide >force/minimodel.key
run key-make -q --no-password --force -o force
expect "--force replaces it" 0 "secret-key: force/minimodel.key"
same "with a file of its owner's alone" 600 "$(stat -c %a force/minimodel.key)"
run key-make --no-password -o no-such-folder
expect "a folder that is not there" 3 "no-such-folder"
(umask 0 && key-make -q --no-password -o e open >/dev/null)
same "a wide umask does not widen the secret key" 600 "$(stat -c %a e/open.key)"
mkdir listed && cat >access.py <<'PY'
# a default access list: the owner, user 65534, the group and others may all read and write what is made in the folder
import os, struct, sys
entries = [(1, 7, 0xffffffff), (2, 7, 65534), (4, 7, 0xffffffff), (16, 7, 0xffffffff), (32, 7, 0xffffffff)]
try:
    os.setxattr(sys.argv[1], 'system.posix_acl_default', struct.pack('<I', 2) + b''.join(struct.pack('<HHI', *e) for e in entries))
except OSError as error:
    sys.exit(str(error))
PY
if python3 access.py listed 2>why; then
    key-make -q --no-password -o listed a >/dev/null
    same "nor does a folder's default access list" "600 666" "$(stat -c %a listed/a.key listed/a.pub | tr '\n' ' ' | sed 's/ $//')"
    run manifest-sign --any -s listed/a.key listed/a.pub
    expect "and the key signs" 0
else
    skip "a folder with a default access list" "$(cat why)"
fi
(umask 0777 && key-make -q --no-password -o e narrow >/dev/null)
same "a narrow umask does not lock its owner out" 600 "$(stat -c %a e/narrow.key)"

# ---- calls ----

for call in "a b" "a/b" "--public-of minimodel.key --no-password" "--password-fd x" "--password-fd -1" "--password-fd 3 --password-file f" ""; do
    [ -n "$call" ] || set -- "" # an empty name
    run key-make $call "$@"
    expect "usage: key-make $call" 2 "usage: key-make"
done

# ---- passwords, before they cost anything ----

run sh -c 'printf "" | key-make --password-fd 0 -o e p1'
expect "no password on the descriptor" 1 "[key-password]"
run sh -c 'printf "\n" | key-make --password-fd 0 -o e p1'
expect "an empty password" 1 "[key-password]"
run sh -c 'printf "a\0b\n" | key-make --password-fd 0 -o e p1'
expect "a password with NUL" 1 "[key-password]"
run sh -c 'head -c 2000 /dev/zero | tr "\0" a | key-make --password-fd 0 -o e p1'
expect "a password of 2000 bytes" 3 "[io-limit]"
for fd in 3 5 7; do
    run sh -c "exec key-make --password-fd $fd -o e p1 $fd>&-"
    expect "descriptor $fd, which is not open" 2 "expected the number of an open file, found '$fd'"
done
run sh -c 'key-make --password-fd 3 -o e p1 3>e/written'
expect "a descriptor that cannot be read" 3 "[io-read]"
rm -f e/written
printf 'secret\n' >wide && chmod 644 wide
run key-make --password-file wide -o e p1
expect "a password's file that others can read" 1 "wide: error: " "0644" "[key-mode]"
mkfifo pipe && chmod 600 pipe
run key-make --password-file pipe -o e p1
expect "a password's file that is a pipe" 3 "[io-not-regular]"
run key-make --password-file no-such-file -o e p1
expect "a password's file that is not there" 3 "no-such-file" "[io-open]"
if need "no terminal" setsid; then
    run setsid -w key-make -o e p1 </dev/null
    expect "without a terminal" 3 "--password-fd or --password-file" "[io-open]"
fi
same "none of them left a file" "" "$(ls e | grep p1)"

# ---- the terminal ----

cat >terminal.py <<'PY'
import fcntl, os, pty, signal, struct, termios
def child(*call):
    pid, fd = pty.fork()
    if pid == 0:
        os.execvp('key-make', ['key-make', '-o', 'e', *(call or ['p2'])])
    return pid, fd
def other_end(fd):  # stays open when the command ends
    number, = struct.unpack('i', fcntl.ioctl(fd, 0x80045430, bytes(4)))
    return os.open(f'/dev/pts/{number}', os.O_RDWR | os.O_NOCTTY)
def until(fd, text):
    seen = b''
    while text not in seen:
        try:
            seen += os.read(fd, 1024)
        except OSError:
            break
    return seen.decode(errors='replace')
def echoes(fd):
    return bool(termios.tcgetattr(fd)[3] & termios.ECHO)
def quiet(fd):  # the prompt is written when the echo is off
    return not echoes(fd)
pid, fd = child()
first = until(fd, b'p2.key: ')
off = quiet(fd)
os.write(fd, b'qwert\n')
second = until(fd, b'p2.key: ')
os.write(fd, b'asdfg\n')
rest = until(fd, b'key-password]')
_, status = os.waitpid(pid, 0)
print('differ', os.waitstatus_to_exitcode(status), off, 'new password' in first, 'qwert' in second or 'asdfg' in rest)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    pid, fd = child()
    slave = other_end(fd)
    until(fd, b'p2.key: ')
    off = quiet(fd)
    os.kill(pid, number)
    _, status = os.waitpid(pid, 0)
    print('signal', os.waitstatus_to_exitcode(status) == -number, off, echoes(slave))
pid, fd = child()
slave = other_end(fd)
until(fd, b'p2.key: ')
os.write(fd, b'\x03')
_, status = os.waitpid(pid, 0)
print('key', os.waitstatus_to_exitcode(status), echoes(slave))
pid, fd = child()
slave = other_end(fd)
until(fd, b'p2.key: ')
os.write(fd, b'\n')
rest = until(fd, b'key-password]')
_, status = os.waitpid(pid, 0)
print('empty', os.waitstatus_to_exitcode(status), echoes(slave))
pid, fd = child()
for i in range(2):
    until(fd, b'p2.key: ')
    os.write(fd, b'a sound one\n')
rest = until(fd, b'key-backup]')
_, status = os.waitpid(pid, 0)
print('made', os.waitstatus_to_exitcode(status), 'secret-key: e/p2.key' in rest)
pid, fd = child('--force', '--public-of', 'e/p2.key')
until(fd, b'password of e/p2.key: ')
os.write(fd, b'a sound one\n')
rest = until(fd, b'key-backup]')
_, status = os.waitpid(pid, 0)
print('opened', os.waitstatus_to_exitcode(status), 'public-key: e/p2.pub' in rest)
PY
run timeout 60 python3 terminal.py
same "the terminal is asked twice without echo, and echoes again whatever ends it" \
    'differ 1 True True False|signal True True True|signal True True True|signal True True True|key -2 True|empty 1 True|made 0 True|opened 0 True' \
    "$(printf '%s' "$out" | tr '\n' '|')"

# ---- secret keys of others ----

for mode in 644 640 604 660 700; do
    cp minimodel.key wide.key && chmod $mode wide.key
    run key-make --public-of wide.key -o e
    expect "a secret key with mode $mode" 1 "wide.key: error: " "0$mode" "[key-mode]"
done
chmod 400 wide.key
run key-make -q --public-of wide.key -o e
expect "one with mode 400" 0 "key-id: $id"
if [ "$(id -u)" -eq 0 ] && cp minimodel.key foreign.key && chown 12345 foreign.key 2>/dev/null; then
    run key-make --public-of foreign.key -o e foreign
    expect "a secret key of another user" 1 "12345" "[key-mode]"
else
    skip "a secret key of another user" "only root can make one"
fi
sed 's/^\(R.\{100\}\)./\1x/' minimodel.key >damaged.key && chmod 600 damaged.key
run key-make --public-of damaged.key -o e
expect "a damaged secret key" 1 "damaged.key" "[key-damaged]"
run key-make --public-of minimodel.pub -o e
expect "a public key where a secret one is expected" 1 "[key-"

# ---- memory ----

# unlocked COMMAND...: runs a copy of it as who may lock no memory
unlocked() {
    cp "$BIN/$1" all/ && chmod 755 "all/$1"
    if [ "$(id -u)" -eq 0 ]; then
        run setpriv --reuid 65534 --clear-groups sh -c 'ulimit -l 0; exec "$@"' sh "all/$@"
    else
        run sh -c 'ulimit -l 0; exec "$@"' sh "all/$@"
    fi
}
mkdir all && chmod 777 all && chmod 755 .
if ldd "$BIN/key-make" 2>/dev/null | grep -q asan; then
    skip "memory that cannot be locked" "the sanitizer locks none"
elif [ "$(id -u)" -ne 0 ] || need "memory that cannot be locked" setpriv; then
    unlocked key-make --no-password -o all swapped
    expect "memory that cannot be locked is said" 0 "secret-key: all/swapped.key" "note: secrets cannot be locked in memory" "[key-memory]"
    same "once" 1 "$(grep -c 'key-memory' "$WORK/.err")"
    unlocked manifest-sign --any -s all/swapped.key all/swapped.pub
    expect "and by who signs" 0 "signed	" "[key-memory]"
fi

echo secret >word && chmod 600 word
case $BUILD in
*address* | *thread*) skip "a password where memory lacks" "sanitizers get all memory" ;;
*)
    in_memory 150000 key-make --password-file word -o e weak
    expect "where memory lacks a password costs less, which is said" 0 "secret-key: e/weak.key" "MiB instead of 1024" "[key-memory]"
    ;;
esac

# ---- again, and succession ----

mkdir again && cp minimodel.key again/mine.key
run key-make -q --public-of again/mine.key -o again
expect "--public-of writes the other files" 0 "public-key: again/mine.pub" "revocation: again/$id.revoked"
same "the public key is the same" "$(cat minimodel.pub)" "$(cat again/mine.pub)"
same "the revocation is as of the beginning of time" "revoked: 1970-01-01T00:00:00Z" "$(grep revoked: "again/$id.revoked")"
same "no secret key is printed" "" "$(field secret-key)"
run key-make -q --no-password --succeed minimodel.key -o again new
expect "--succeed" 0 "successor: again/$id.successor"
new=$(field key-id)
same "the successor is the new public key" "$(cat again/new.pub)" "$(cat "again/$id.successor")"
run manifest-sign --any --check -p minimodel.pub "again/$id.successor"
expect "signed by the old key" 0 "verified	$id"
same "under the comment of the page" "successor:$new of:$id sha256:$(sha256sum <again/new.pub | cut -c1-64)" "$(sed -n 's/^trusted comment: //p' "again/$id.successor.minisig")"
mkdir spare && cp minimodel.key spare/old.key && echo secret >spare/word.pub && chmod 600 spare/word.pub
run key-make -q --force --no-password --succeed spare/old.key -o spare old
expect "--force does not replace the key that signs" 3 "[io-exists]" "spare/old.key"
run key-make -q --force --password-file spare/word.pub -o spare word
expect "nor the file of the password" 3 "[io-exists]" "spare/word.pub"
same "they stay, alone" "$(sha256sum <minimodel.key) secret old.key word.pub" "$(sha256sum <spare/old.key) $(cat spare/word.pub) $(ls -A spare | tr '\n' ' ' | sed 's/ $//')"
run key-make -q --public-of minimodel.key --succeed minimodel.key -o e self
expect "a key does not follow itself" 1 "[sign-refused]"

# ---- minisign ----

if need "keys of both programs" minisign; then
    echo text >text
    run minisign -S -s minimodel.key -m text
    expect "minisign signs with an open key of ours" 0
    run minisign -V -p minimodel.pub -m text
    expect "and verifies with the public one" 0 "verified"
    run minisign -V -p minimodel.pub -m "$id.revoked"
    expect "minisign verifies the revocation" 0 "revocation:$id revoked:"
    run minisign -V -p minimodel.pub -m "again/$id.successor"
    expect "minisign verifies the successor" 0 "successor:$new of:$id"
    run minisign -G -W -p theirs.pub -s theirs.key
    run key-make -q --public-of theirs.key -o again
    expect "an open key of minisign's is read" 0 "key-id: $(their_id theirs.pub)"
    same "its public half is the same" "$(sed -n 2p theirs.pub)" "$(sed -n 2p again/theirs.pub)"
    # each of these costs a gibibyte and seconds
    run sh -c 'printf "secret\n" | key-make -q --password-fd 0 closed'
    expect "a key with a password" 0 "secret-key: closed.key"
    same "it is under scrypt" "Sc" "$(sed -n 2p closed.key | base64 -d | cut -b3-4 | head -c 2)"
    run sh -c 'printf "secret\n" | minisign -S -s closed.key -m text -x by-closed'
    expect "minisign signs with it" 0
    run minisign -V -p closed.pub -m text -x by-closed
    expect "and verifies" 0 "verified"
    run sh -c 'printf "wrong\n" | key-make -q --password-fd 0 --public-of closed.key -o again'
    expect "a wrong password" 1 "closed.key: error: " "[key-password]"
    printf 'pass word\npass word\n' | minisign -G -p their-closed.pub -s their-closed.key >/dev/null 2>&1
    printf 'pass word\nunused\n' >password && chmod 600 password
    run key-make -q --password-file password --public-of their-closed.key -o again
    expect "a key of minisign's with a password, from a file" 0 "key-id: $(their_id their-closed.pub)"
fi

# ---- faults ----

if [ -x "$BUILD/fault/key-make" ]; then
    PYTHONDONTWRITEBYTECODE=1
    export PYTHONDONTWRITEBYTECODE
    for fault in read:5 write:28 memory:12 open:24 stat:5 fsync:5 link:5 rename:5; do
        wrong=$(python3 "$ROOT/tests/cmd/faults.py" "${fault%%:*}" "${fault##*:}" "$WORK/o" "$BUILD/fault/key-make" --public-of minimodel.key --succeed theirs.key -o "$WORK/o" 2>&1)
        same "key-make --public-of: ${fault%%:*} fails" '' "$wrong"
    done
    cat >new.py <<'PY'
import os, shutil, subprocess, sys
command, opener = sys.argv[1:]
def run(fault):
    shutil.rmtree('o', ignore_errors=True)
    os.mkdir('o')
    return subprocess.run([command, '--no-password', '-o', 'o'], env=dict(os.environ, FAULT=fault, FAULT_COUNT='count'), capture_output=True, timeout=60)
def sound(name):  # each file that is there is whole
    if name.endswith('.key'):
        mode = os.stat('o/' + name).st_mode & 0o777
        return mode == 0o600 and subprocess.run([opener, '-q', '--public-of', 'o/' + name, '-o', 'e', '--force'], capture_output=True).returncode == 0
    return open('o/' + name, 'rb').read().endswith(b'\n')
for kind, error in ('memory', 12), ('write', 28), ('open', 24), ('fsync', 5), ('link', 5), ('stat', 5):
    run(f'{kind}:-1:{error}')
    for n in range(1, int(open('count').read()) + 1):
        done = run(f'{kind}:{n}:{error}')
        wrong = [name for name in os.listdir('o') if not sound(name)]
        if done.returncode not in (0, 3) or wrong or done.returncode == 3 and not done.stderr or done.returncode == 0 and len(os.listdir('o')) != 4:
            print(kind, n, done.returncode, wrong, os.listdir('o'))
PY
    same "key-make of a new key: whatever fails, what is there is whole" "" "$(python3 new.py "$BUILD/fault/key-make" key-make 2>&1)"
else
    skip 'faults' 'the commands with faults are not built'
fi
