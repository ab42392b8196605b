#!/bin/sh
# slm-exec: a program gets the bytes that were verified, or is not started; consent, swaps at every moment, what is inherited, how it ends.
. "$(dirname "$0")/harness.sh"
need 'handing a model to a program' python3 || exit 0
[ -d /proc/self/fd ] || { skip 'handing a model to a program' 'no /proc here'; exit 0; }
MINIMODEL_HOME=$WORK/case/home
TMPDIR=$WORK/left # folders of those that are killed, or cannot remove theirs
export MINIMODEL_HOME TMPDIR
unset XDG_RUNTIME_DIR
mkdir "$TMPDIR"
FAULTY=$BUILD/fault

mkdir src parts
cp "$MODEL" src/model.gguf && chmod u+w src/model.gguf
mkdir src/more && seq 1 30000 >src/more/notes.txt
(cd src && manifest-make -q -p -s 64K --model-id local/model . >../m.manifest && mv ../m.manifest .)
cp -r src next && (cd next && echo more >>more/notes.txt && mv m.manifest ../m && manifest-make -q -p -f ../m -s 64K . >../n && mv ../n m.manifest)
python3 "$ROOT/tests/cmd/build.py" shards parts && (cd parts && manifest-make -q -p --model-id local/parts . >../p.manifest && mv ../p.manifest m.manifest)
good=$(sha256sum <src/model.gguf | cut -d' ' -f1)
notes=$(sha256sum <src/more/notes.txt | cut -d' ' -f1)
cp src/model.gguf evil.gguf && changed evil.gguf 200000
evil=$(sha256sum <evil.gguf | cut -d' ' -f1)

# prepare: a store with consents; fresh: a copy of it. Copies keep times; inodes are no matter here.
mkdir case && (cd case && {
    slm-import -q --allow-unsigned ../src && slm-import -q --allow-unsigned ../parts && receipt-write -q --grant-execution local/model@1 && receipt-write -q --grant-execution local/parts
} >/dev/null) || not_ok 'a store with consents'
mv case whole
fresh() {
    cd "$WORK" && chmod -R u+rwx case 2>/dev/null
    rm -rf case && cp -a whole case && cd case || exit 1
}
file=home/models/local/model/1/files/model.gguf

# refused WHAT STATUS TEXT [OPTION]...: the program is not started
refused() {
    what=$1 wanted=$2 text=$3
    shift 3
    rm -f started
    run slm-exec -q "$@" -- sh -c 'touch started; : "$1"' sh {}
    expect "$what" "$wanted" "$text"
    if [ -e started ]; then not_ok "$what: nothing is started"; else ok "$what: nothing is started"; fi
}

# ---- what the program is told ----

fresh
run slm-exec -q local/model -- sha256sum {}
expect '{} is the verified file' 0 "$good  /dev/fd/"
run slm-exec -q local/model@1 -- sh -c 'echo "$@"; cat "$2" | sha256sum' sh --model={} {file:more/notes.txt} -m '{}{}' '{x} {dirs} {file:} { } {"a":1}'
expect 'placeholders stand anywhere in an argument, as often as they do' 0 "$notes"
same 'and other braces are left alone' '--model=/dev/fd/N /dev/fd/N -m /dev/fd/N/dev/fd/N {x} {dirs} {file:} { } {"a":1}' "$(head -n 1 "$WORK/.out" | sed 's|/dev/fd/[0-9]*|/dev/fd/N|g')"
run slm-exec -q -e MODEL={} --env TEXTS=x:{file:more/notes.txt}:y local/model -- sh -c 'sha256sum <"$MODEL"; echo "$TEXTS"'
expect '--env' 0 "$good" 'x:/dev/fd/'
run slm-exec -q -e 'A=' -e B=b=c -e 'C=x {file:more/notes.txt} y' -e A=last local/model -- sh -c 'echo "$A|$B|${C%%/*}|$#"' sh ''
same '--env: empty, with a sign of its own, given again' 'last|b=c|x |1' "$out"
run slm-exec -q local/model -- sh -c 'cd "$1" && find . -type l | sort && sha256sum model.gguf more/notes.txt && stat -c %a "$1"' sh {dir}
expect '{dir} holds all artifacts under their names' 0 "$good  model.gguf" "$notes  more/notes.txt" './more/notes.txt' 700
run slm-exec -q local/model -- sh -c 'sha256sum <"$1"; sha256sum <"$2/model.gguf"; sha256sum <"$3"' sh {} {dir} {file:more/notes.txt}
same 'all three at once' "$good $good $notes" "$(cut -d' ' -f1 "$WORK/.out" | tr '\n' ' ' | sed 's/ $//')"
run slm-exec -q local/parts -- sh -c 'cd "$1" && sha256sum *' sh {dir}
expect 'a model of several parts as a folder' 0
same 'each part is there' "$(cd "$WORK/parts" && sha256sum *.safetensors *.json | sort -k2)" "$(grep -E '(safetensors|json)$' "$WORK/.out" | sort -k2)"
run slm-exec -q local/parts -- cat {}
expect '{} of a model with several weights' 1 '[store-model]' '{dir}'
run slm-exec -q local/model -- cat {file:nothing}
expect 'an artifact that the model does not have' 1 '[store-model]' "'nothing'"
run slm-exec -q local/model -- cat {file:../manifest}
expect 'nor the manifest' 1 '[store-model]'
run env POSIXLY_CORRECT=1 slm-exec -q local/model -- sha256sum {}
expect 'with POSIXLY_CORRECT' 0 "$good"
run slm-exec -q local/model -- printf '%s|' a '' ' b' {} -- --json -q
same 'arguments arrive as they were' 'a|| b|/dev/fd/N|--|--json|-q|' "$(sed 's|/dev/fd/[0-9]*|/dev/fd/N|' "$WORK/.out")"
for wrong in '' local/model 'local/model sha256sum {}' 'local/model --' '-- sha256sum {}' 'local/model more -- sha256sum {}' 'local/model -- sha256sum' '--json local/model -- cat {}' \
    '-e x local/model -- cat {}' '-e =x local/model -- cat {}' '--no-such local/model -- cat {}'; do
    run slm-exec $wrong
    expect "slm-exec $wrong" 2 'usage:'
done

# ---- programs that cannot be started ----

echo text >plain
for program in no-such-program ./plain . ./no/such; do
    run slm-exec -q local/model -- "$program" {}
    expect "a program that cannot be started: $program" 3 '[store-program]'
    run slm-exec -q local/model -- "$program" {dir}
    expect "and with {dir}: $program" 3 '[store-program]'
done
run slm-exec -q local/model -- "$(printf 'a\033[31m')" {}
case $err in *"$(printf '\033')"*) not_ok 'its name is shown escaped' ;; *) ok 'its name is shown escaped' ;; esac

# ---- consent ----

refused 'a model that is not there' 1 '[store-model]' local/nothing
refused 'a store that is not there' 3 '[store-home]' --home nowhere local/model
slm-import -q --allow-unsigned "$WORK/next" >/dev/null
refused 'a newer revision has no consent' 1 'one for another import of it' local/model
run slm-exec -q local/model@1 -- sha256sum {}
expect 'the one that has it keeps it' 0 "$good"
receipt-write -q --grant-execution local/model@2 >/dev/null
run slm-exec -q local/model -- sha256sum {file:more/notes.txt}
expect 'and the newer one once it is given' 0 "$(sha256sum <"$WORK/next/more/notes.txt" | cut -d' ' -f1)"
fresh && slm-remove -q local/model >/dev/null
refused 'a model that was removed' 1 '[store-model]' local/model
slm-import -q --allow-unsigned "$WORK/src" >/dev/null
refused 'and imported again: the consent ended with the removal' 1 '[receipt-consent]' local/model
receipt-write -q --grant-execution local/model >/dev/null
run slm-exec -q local/model -- sha256sum {}
expect 'until it is given again' 0 "$good"
fresh && chmod -R u+w home/models && rm -rf home/models/local && slm-import -q --allow-unsigned "$WORK/src" >/dev/null
refused 'a model that was taken away by hand and imported again: the consent is older' 1 '[receipt-consent]' local/model
fresh && receipt-write -q --new-chain 'a test' >/dev/null
refused 'a consent from before a restart of the chain' 1 '[receipt-consent]' local/model
receipt-write -q --grant-execution local/model >/dev/null
run slm-exec -q local/model -- sha256sum {}
expect 'and one since' 0 "$good"
fresh && consent=$(grep -l '^action: consented' home/receipts/local/model/*) && chmod u+w "$consent" && sed -i 's/^created: 2/created: 3/' "$consent"
refused 'a consent that was changed' 1 '[receipt-changed]' local/model
fresh && rm -f "$(grep -l '^action: consented' home/receipts/local/model/*)"
refused 'a consent that was taken away' 1 '[receipt-removed]' local/model
fresh && slm-verify -q --receipt local/model --full | sed 's/^revision: 1/revision: 2/' | receipt-write -q >/dev/null
run slm-exec -q local/model@1 -- sha256sum {}
expect 'a report that somebody piped changes nothing' 0 "$good"

# ---- models that do not pass ----

# broken WHAT TEXT COMMAND...
broken() {
    what=$1 text=$2
    shift 2
    fresh && chmod u+w "$file"
    "$@" || not_ok "$what: the deed itself"
    refused "$what" 1 "$text" local/model
    refused "$what, with --memfd" 1 "$text" --memfd local/model
}
broken 'a changed byte' '[verify-' changed $file 200000
broken 'a changed byte of an artifact that is not asked for' '[verify-' sh -c "chmod u+w home/models/local/model/1/files/more/notes.txt && echo x >home/models/local/model/1/files/more/notes.txt"
broken 'a cut file' '[verify-bytes]' truncate -s 100000 $file
broken 'a longer file' '[verify-' sh -c "echo >>$file"
broken 'another file in its place' '[verify-' cp ../evil.gguf $file
broken 'a removed file' '[verify-absent]' rm -f $file
broken 'a link in its place' '[verify-absent]' sh -c "rm -f $file && ln -s $WORK/src/model.gguf $file"
broken 'a FIFO in its place' '[verify-absent]' sh -c "rm -f $file && mkfifo $file"
broken 'a folder in its place' '[verify-absent]' sh -c "rm -f $file && mkdir $file"
broken 'a surplus file' '[set-surplus]' sh -c "echo >home/models/local/model/1/files/more.txt"
broken 'a changed manifest' '[' sh -c "chmod u+w home/models/local/model/1/manifest && echo >>home/models/local/model/1/manifest"
fresh
printf 'minimodel-policy 0\nname: strict\nlicense: MIT\n' >p.policy
refused 'a policy that is not fulfilled' 1 '[policy-rule]' --policy p.policy local/model
refused 'an unsigned model with --require-signature' 1 '[verify-signature]' --require-signature local/model

MINIMODEL_KEYRING=$WORK/ring
export MINIMODEL_KEYRING
cd "$WORK" && key=$(key-make -q --no-password keeper | sed -n 's/^key-id: //p') && mkdir -p ring/org && cp keeper.pub "ring/org/$key.pub"
cp -r src signed && (cd signed && rm m.manifest && manifest-make -q -p --model-id org/model --key-id "$key" --license-route https://example.org/l \
    --model-card-route https://example.org/c --takedown-route https://example.org/t model.gguf >m.new && mv m.new m.manifest)
manifest-sign -q -s keeper.key signed/m.manifest >/dev/null
fresh && slm-import -q ../signed >/dev/null && receipt-write -q --grant-execution org/model >/dev/null
run slm-exec -q org/model -- sha256sum {}
expect 'a signed model' 0 "$good"
cp -a home kept && rm -f home/models/org/model/1/manifest.minisig
refused 'whose signature was taken away' 1 '[signature-missing]' org/model
rm -rf home && mv kept home
key-trust -q revoke org "$key" --reason 'compromised: stolen' >/dev/null 2>&1
refused 'whose key was revoked since' 1 '[signature-revoked-key]' org/model
unset MINIMODEL_KEYRING

# ---- swaps after the check: the program sees the verified bytes ----

# swapped WHAT COMMAND: COMMAND runs between the check and the program's reading
swapped() {
    for option in '' --memfd; do
        fresh && cp ../evil.gguf evil
        run slm-exec -q $option local/model -- sh -c "$2"' && sha256sum <"$1"' sh {}
        same "$1${option:+, $option}" "0 $good" "$status $(cut -d' ' -f1 "$WORK/.out")"
        fresh && cp ../evil.gguf evil
        run slm-exec -q $option local/model -- sh -c "$2"' && sha256sum <"$1/model.gguf"' sh {dir}
        same "$1, {dir}${option:+, $option}" "0 $good" "$status $(cut -d' ' -f1 "$WORK/.out")"
    done
}
swapped 'the file is replaced' "mv -f evil $file"
swapped 'the file is removed' "rm -f $file"
swapped 'the file is renamed, a link in its place' "mv $file other && ln -s \$PWD/evil $file"
swapped 'the model is removed' 'slm-remove -q local/model >/dev/null'
swapped 'the whole store is moved away' 'mv home elsewhere && mkdir home'
in_place="chmod u+w $file && cat evil >$file"
fresh && cp ../evil.gguf evil
run slm-exec -q --memfd local/model -- sh -c "$in_place"' && sha256sum <"$1"' sh {}
same 'the file is written to in place, --memfd' "0 $good" "$status $(cut -d' ' -f1 "$WORK/.out")"
fresh && cp ../evil.gguf evil
run slm-exec -q --memfd local/model -- sh -c "$in_place"' && sha256sum <"$1/model.gguf"' sh {dir}
same 'the same with {dir}' "0 $good" "$status $(cut -d' ' -f1 "$WORK/.out")"
fresh && cp ../evil.gguf evil
run slm-exec -q local/model -- sh -c "$in_place"' && sha256sum <"$1"' sh {}
same 'without --memfd that is seen, as the threat model says' "0 $evil" "$status $(cut -d' ' -f1 "$WORK/.out")"

# what was handed over cannot be written to, not even by root
cat >"$WORK/write.py" <<'PY'
import mmap, os, sys
def tries(what, act):
    try:
        act()
        print(what, 'worked')
    except (OSError, ValueError) as error:
        print(what, 'refused')
number = int(sys.argv[1].rsplit('/', 1)[1])
tries('write', lambda: os.write(number, b'x'))
def again():
    fd = os.open(sys.argv[1], os.O_RDWR)
    os.pwrite(fd, b'x', 0)
tries('reopened', again)
tries('truncate', lambda: os.truncate(sys.argv[1], 0))
tries('grow', lambda: os.truncate(sys.argv[1], 1 << 30))
def shared():
    fd = os.open(sys.argv[1], os.O_RDWR)
    mmap.mmap(fd, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE)
tries('mapped for writing', shared)
fd = os.open(sys.argv[1], os.O_RDONLY)
print('mapped', mmap.mmap(fd, 4, prot=mmap.PROT_READ, flags=mmap.MAP_SHARED)[:4].decode())
PY
fresh
run slm-exec -q --memfd local/model -- python3 "$WORK/write.py" {}
expect 'a copy in memory cannot be written to' 0 'write refused' 'reopened refused' 'truncate refused' 'grow refused' 'mapped for writing refused' 'mapped GGUF'
run slm-exec -q local/model -- python3 -c 'import os, sys; os.write(int(sys.argv[1].rsplit("/", 1)[1]), b"x")' {}
same 'the descriptor of a file is for reading' 1 "$status"
run slm-exec -q --memfd local/parts -- sh -c 'cd "$1" && sha256sum *' sh {dir}
same 'a folder out of memory' "$(cd "$WORK/parts" && sha256sum *.safetensors *.json | sort -k2)" "$(grep -E '(safetensors|json)$' "$WORK/.out" | sort -k2)"
run slm-exec -q --memfd local/parts -- sh -c 'cat "$(readlink -f "$1/config.json")"' sh {dir}
if [ "$status" -ne 0 ]; then ok 'whose links lead to no name of the store'; else not_ok 'whose links lead to no name of the store' "$out"; fi

# ---- swaps while it is checked: the verified bytes or nothing ----

# racing WHAT OPTION COMMAND: COMMAND changes the file again and again, while programs are started
racing() {
    fresh && cp "$file" kept.gguf && cp ../evil.gguf evil.gguf && chmod u+w "$file"
    (while :; do eval "$3"; done) 2>/dev/null &
    meddler=$!
    : >seen
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        slm-exec -q $2 local/model -- sha256sum {} >>seen 2>/dev/null
        status=$?
        case $status in 0 | 1 | 3) ;; *) not_ok "$1: the status" "$status" ;; esac
    done
    kill $meddler 2>/dev/null
    wait $meddler 2>/dev/null
    same "$1: no other bytes were seen" '' "$(grep -v "^$good " seen | head -n 3)"
}
racing 'a file that is exchanged all the time' '' "cp evil.gguf x; mv -f x $file; cp kept.gguf x; mv -f x $file"
racing 'the same with --memfd' --memfd "cp evil.gguf x; mv -f x $file; cp kept.gguf x; mv -f x $file"
racing 'a file that is written to all the time, --memfd' --memfd "cat evil.gguf >$file; sleep 0.01; cat kept.gguf >$file; sleep 0.03"
racing 'a file that is cut and mended all the time, --memfd' --memfd "truncate -s 100000 $file; sleep 0.01; cat kept.gguf >$file; sleep 0.03"

# ---- what is inherited ----

fresh
before=$(sh -c 'ls /proc/self/fd' | wc -l)
run slm-exec -q local/model -- sh -c ': "$1"; ls /proc/self/fd' sh {}
same 'the file and nothing else of the command is open' "$((before + 1))" "$(wc -l <"$WORK/.out" | tr -d ' ')"
run slm-exec -q local/model -- sh -c ': "$1"; ls /proc/self/fd' sh {dir}
same 'with {dir} not even that' "$before" "$(wc -l <"$WORK/.out" | tr -d ' ')"
exec 8<"$WORK/src/more/notes.txt"
run slm-exec -q local/model -- sh -c ': "$1"; head -n 1 <&8' sh {}
exec 8<&-
same 'what the caller has open stays open' "0 1" "$status $out"
run sh -c 'echo words | slm-exec -q local/model -- sh -c "cat; : \"\$1\"" sh {}'
expect 'standard input is left to the program' 0 words
same 'and standard output, alone' words "$out"
cat >state.sh <<'SH'
grep -E '^(Sig(Ign|Blk)|NoNewPrivs|Seccomp):' /proc/self/status
SH
state=$(sh state.sh)
run slm-exec -q local/model -- sh state.sh {}
same 'signals and privileges are what they are without it' "$state" "$out"
run slm-exec -q local/model -- sh state.sh {dir}
same 'with {dir} too' "$state" "$out"
run slm-exec -q local/model -- sh -c 'touch written && exec ls -l "$1"' sh {}
expect 'the program is in no sandbox' 0
if [ -e written ]; then ok 'and can write'; else not_ok 'and can write'; fi
run env -u HOME A=b slm-exec -q local/model -- sh -c 'echo "$A ${HOME-none}"; : "$1"' sh {}
same 'the environment is what the caller has' 'b none' "$out"
sh -c 'exec slm-exec -q local/model -- sh -c "echo \$\$; : \"\$1\"" sh {}' >pid &
pid=$!
wait $pid
same 'the program has the process of the command' "$pid" "$(cat pid)"
for closed in '<&-' '>&-' '2>&-' '<&- >&- 2>&-'; do
    eval "slm-exec -q local/model -- sh -c 'sha256sum <\"\$1\" >sum' sh {} $closed"
    same "with closed $closed" "0 $good" "$? $(cut -d' ' -f1 sum)"
done

# ---- how it ends ----

for place in {} {dir}; do
    for code in 0 1 2 3 7 255; do
        run slm-exec -q local/model -- sh -c "exit $code" sh $place
        same "$place: the status $code of the program" "$code" "$status"
    done
    python3 - $place >ends 2>&1 <<'PY'
import signal, subprocess, sys
signal.signal(signal.SIGINT, signal.SIG_DFL) # a suite in the background was started without
place = sys.argv[1]
def run(script, **more):
    return subprocess.Popen(['slm-exec', '-q', 'local/model', '--', 'sh', '-c', script, 'sh', place], stdout=subprocess.PIPE, **more)
for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV, signal.SIGPIPE):
    done = run('kill -%d $$' % number)
    done.communicate()
    assert done.returncode == -number, (number, done.returncode)
for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1):
    done = run('echo ready; exec sleep 30')
    assert done.stdout.readline() == b'ready\n'
    done.send_signal(number)
    done.communicate(timeout=20)
    assert done.returncode == -number, (number, done.returncode)
done = run('trap "echo caught; exit 5" TERM; echo ready; while :; do sleep 0.1; done')
assert done.stdout.readline() == b'ready\n'
done.send_signal(signal.SIGTERM)
assert done.stdout.read() == b'caught\n' and done.wait(20) == 5
done = run('exit 4', preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
done.communicate()
assert done.returncode == 4, done.returncode
print('well')
PY
    same "$place: signals reach the program, and the command ends as it does" well "$(tail -n 1 ends)"
done

mkdir run tmp
run env XDG_RUNTIME_DIR="$PWD/run" TMPDIR="$PWD/tmp" slm-exec -q local/model -- echo {dir}
expect 'the folder is made in XDG_RUNTIME_DIR' 0 "$PWD/run/minimodel-exec."
run env -u XDG_RUNTIME_DIR TMPDIR="$PWD/tmp" slm-exec -q local/model -- sh -c 'echo "$1"; echo mine >"$1/cache"; mkdir "$1/more/deep"' sh {dir}
expect 'else in TMPDIR' 0 "$PWD/tmp/minimodel-exec."
env XDG_RUNTIME_DIR="$PWD/run" slm-exec -q local/model -- no-such-program {dir} 2>/dev/null
env XDG_RUNTIME_DIR="$PWD/run" sh -c "slm-exec -q local/model -- sh -c 'kill -9 \$\$' sh {dir}" >/dev/null 2>&1
same 'and is gone in the end, with what the program left there' '' "$(ls run tmp | grep minimodel)"
run env XDG_RUNTIME_DIR="$PWD/nowhere" slm-exec -q local/model -- echo {dir}
expect 'where it cannot be made nothing is started' 3 '[io-write]'
same 'nothing at all' '' "$out"

# a signal that comes while the folder is made ends the command once the folder is removed, and the program is not started
if need 'a signal while the folder is made' strace; then
    mkdir -p signal && rm -f pid started
    XDG_RUNTIME_DIR=$PWD/signal strace -f -o /dev/null -e trace=symlinkat -e inject=symlinkat:delay_exit=700000 \
        sh -c 'echo $$ >pid; exec slm-exec -q local/model -- sh -c "echo >started" sh {dir}' >/dev/null 2>&1 &
    traced=$! tries=0
    while [ -z "$(ls signal)" ] && kill -0 $traced 2>/dev/null && [ $tries -lt 600 ]; do sleep 0.05; tries=$((tries + 1)); done
    if [ -n "$(ls signal)" ]; then
        kill -TERM "$(cat pid)"
        { wait $traced; ended=$?; } 2>/dev/null
        same 'a signal while the folder is made ends the command' 143 $ended
        same 'which leaves nothing behind' '' "$(ls signal)"
        if [ -e started ]; then not_ok 'nor starts the program'; else ok 'nor starts the program'; fi
    else
        wait $traced
        skip 'a signal while the folder is made' 'strace may not trace here'
    fi
fi

# ---- a verifier that is stopped ----

mkdir large && cp "$WORK/src/model.gguf" large && truncate -s 400M large/zeros && (cd large && manifest-make -q -p --model-id local/large model.gguf zeros >../l && mv ../l m.manifest)
slm-import -q --allow-unsigned --in-place large >/dev/null && receipt-write -q --grant-execution local/large >/dev/null
python3 - >stopped 2>&1 <<'PY'
import glob, os, signal, subprocess, time
signal.signal(signal.SIGINT, signal.SIG_DFL)
home = os.getcwd() + '/home'
def started(name):
    done = subprocess.Popen(['slm-exec', '-q', '--home', home, 'local/large', '--', 'touch', name, '{}'], stderr=subprocess.PIPE)
    for _ in range(400):
        if len(verifiers()) == 2:
            break
        time.sleep(0.002)
    return done
def verifiers():
    found = []
    for path in glob.glob('/proc/[0-9]*/cmdline'):
        try:
            words = open(path, 'rb').read().split(b'\0')
            state = open(path[:-7] + 'stat').read().rsplit(')', 1)[1].split()[0]
        except OSError:
            continue
        if words[0] == b'slm-exec' and home.encode() in words and state != 'Z':
            found.append(int(path.split('/')[2]))
    return found
def stopped(number):
    for _ in range(8): # one that had verified everything before it was met is started again
        done = started('started')
        for pid in verifiers(): # it stands still, so that nothing but its parent's end can end it
            if pid != done.pid:
                os.kill(pid, signal.SIGSTOP)
        done.send_signal(number)
        ended = done.wait(20)
        if ended != 0:
            return ended
        os.unlink('started')
for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
    ended = stopped(number)
    for _ in range(1000):
        if not verifiers():
            break
        time.sleep(0.01)
    left = verifiers()
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left, ('left', left)
    assert ended == -number and not os.path.exists('started'), ended
for _ in range(8):
    done = started('again')
    for pid in verifiers():
        if pid != done.pid:
            os.kill(pid, signal.SIGKILL)
    message = done.stderr.read()
    if done.wait() != 0:
        break
    os.unlink('again')
assert done.wait() == 3 and b'was ended by signal 9' in message and not os.path.exists('again'), (done.returncode, message)
print('well')
PY
same 'a command that is stopped leaves no verifier, and a verifier that is stopped starts no program' well "$(tail -n 1 stopped)"
rm -rf large

# ---- in place ----

cp -r "$WORK/parts" linked && (cd linked && sed 's|local/parts|local/linked|' m.manifest >../l && mv ../l m.manifest)
slm-import -q --allow-unsigned --in-place linked >/dev/null && receipt-write -q --grant-execution local/linked >/dev/null
run slm-exec -q local/linked -- sh -c 'rm -rf linked; cd "$1" && sha256sum *' sh {dir}
same 'a model in place, whose source goes meanwhile' "$(cd "$WORK/parts" && sha256sum *.safetensors *.json | sort -k2)" "$(grep -E '(safetensors|json)$' "$WORK/.out" | sort -k2)"

# ---- --dry-run ----

rm -f started
run slm-exec -q -n local/model -- touch started {}
expect '--dry-run tells what would be handed over' 0 'model-id: local/model' 'consent: receipts/local/model/' 'artifact: model.gguf' "artifact-sha256: $good"
same 'that alone' 1 "$(grep -c '^artifact: ' "$WORK/.out")"
if [ -e started ]; then not_ok 'and starts nothing'; else ok 'and starts nothing'; fi
run slm-exec -q --dry-run --memfd local/model
same 'without a program all of it' 2 "$(grep -c '^artifact: ' "$WORK/.out")"
run slm-exec -q --json -n local/model
same 'as JSON too' 'local/model 2' "$(python3 -c 'import json, sys; d = json.loads(sys.stdin.read()); print(d["model-id"], len(d["artifacts"]))' <"$WORK/.out" 2>&1)"
run sh -c 'slm-exec -q -n local/model >/dev/full'
expect 'onto a full disk' 3 '[io-write]'
fresh && cp -a home was
slm-exec -q local/model -- true {} && slm-exec -q --memfd local/model -- true {dir}
diff -r was home >changes 2>&1
same 'nothing in the store was changed' '' "$(cat changes)"

# ---- faults ----

if [ -x "$FAULTY/slm-exec" ]; then
    for kind in memory read open stat write link folder remove; do
        wrong='' met=0
        for number in 1 2 3 5 8 13 21 34 55 89 144 233 377; do
            for place in {} {dir}; do
                rm -f sum
                FAULT=$kind:$number:$([ $kind = memory ] && echo 12 || echo 5) "$FAULTY/slm-exec" -q --memfd local/model -- sh -c 'sha256sum <"$1" >sum 2>/dev/null || sha256sum <"$1/model.gguf" >sum; exit 9' sh $place 2>err
                status=$?
                case $status in
                9) [ "$(cut -d' ' -f1 sum)" = "$good" ] || wrong="$wrong $kind:$number:$place:$(cat sum)" ;;
                1 | 3) met=$((met + 1)) && { [ ! -e sum ] && [ -s err ]; } || wrong="$wrong $kind:$number:$place:$status" ;;
                *) wrong="$wrong $kind:$number:$place:$status" ;;
                esac
            done
        done
        same "$kind fails: the verified bytes, or nothing and a finding" '' "$wrong"
        [ $met -gt 0 ] || [ $kind = remove ] || not_ok "$kind fails: no call of that kind was met"
    done
else
    skip 'handing over with faults' 'the commands with faults are not built'
fi
