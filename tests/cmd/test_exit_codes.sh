#!/bin/sh
# The conventions of every command: exit codes, usage, help, version, rules, JSON, full disks, closed pipes, unreadable
# files, signals, existing outputs, and what reaches the terminal.
. "$(dirname "$0")/harness.sh"
need "exit codes" python3 || exit 0
HERE=$ROOT/tests/cmd
COMMANDS="chunk-merkle manifest-lint manifest-make slm-info slm-verify"
cp "$MODEL" model.gguf && chmod 644 model.gguf
manifest-make -q -p -s 65536 --chunk-lists . model.gguf >m.manifest
cp model.gguf.chunks list
root=$(sed -n 's/^merkle-root: //p' list)
chunk-merkle -s 65536 --prove 2 model.gguf >proof

# call COMMAND: an operand line that answers 0 and prints something
call() {
    case $1 in
    chunk-merkle | slm-info) echo "$1 model.gguf" ;;
    manifest-lint) echo "$1 --sha256sums m.manifest" ;;
    manifest-make) echo "$1 -p model.gguf" ;;
    slm-verify) echo "$1 m.manifest" ;;
    esac
}

# ---- every command ----

for command in $COMMANDS; do
    run $command --help
    expect "$command --help answers 0 on standard output" 0 "usage: $command"
    same "$command --help prints nothing on standard error" "" "$err"
    run $command --version
    expect "$command --version answers 0" 0 "$command (MiniModel tools) $(cat "$ROOT/VERSION")"
    run $command --version --verbose
    expect "$command --version --verbose says what is in force" 0 "landlock: " "seccomp: " "no_new_privs: "
    run $command --rules
    same "$command --rules lists NAME<TAB>sentence" "" "$(printf '%s\n' "$out" | grep -vE '^[a-z0-9-]+	[A-Z].*\.$|^[a-z0-9-]+	.*[.)]$')"
    expect "$command --rules answers 0" 0 "io-open"
    run $command --no-such-option
    expect "$command refuses an unknown option with its usage" 2 "unknown option '--no-such-option'" "usage: $command"
    same "and prints no result" "" "$out"
    run $command -Zq x
    expect "$command names an unknown short option" 2 "unknown option '-Z" "usage: $command"
    run $command
    expect "$command without operands answers 2 with its usage" 2 "usage: $command"
    same "$command without operands prints no result" "" "$out"
    run $command no-such-file
    expect "$command of a file that is not there answers 3" 3 "no-such-file" "[io-open]"
    run $command -q no-such-file
    expect "$command -q still prints errors" 3 "[io-open]"
    run $command -- --help
    expect "$command takes what follows -- as a file" 3 "--help"
    run $(call $command)
    expect "$command answers 0" 0
    run $(call $command) -q
    same "$command -q prints no notes" "" "$err"
    run $(call $command) --no-progress
    expect "$command knows --no-progress" 0

    $(call $command) >/dev/full 2>err
    same "$command on a full disk answers 3" "3 1" "$? $(grep -c '\[io-write\]' err)"
    $(call $command) 2>err >&-
    same "$command without a standard output answers 3" "3 1" "$? $(grep -c 'error:' err)"
    $command --help >/dev/full 2>err
    same "$command --help on a full disk answers 3" "3 1" "$? $(grep -c '\[io-write\]' err)"
    same "$command into a closed pipe answers 3" "3 True" "$(python3 - $(call $command) <<'PY'
import os, subprocess, sys
r, w = os.pipe()
os.close(r)
done = subprocess.run(sys.argv[1:], stdout=w, stderr=subprocess.PIPE, restore_signals=True)
print(done.returncode, b'[io-write]' in done.stderr)
PY
)"
done
run slm-verify m.manifest . more
expect "slm-verify refuses a third operand" 2 "usage:"
run slm-info model.gguf model.gguf
expect "slm-info refuses a second operand" 2 "usage:"
run manifest-lint --json --sha256sums m.manifest
expect "manifest-lint refuses --sha256sums under --json" 2 "usage:"
run slm-info --tensors --metadata model.gguf
expect "slm-info refuses two results at once" 2 "usage:"
for option in "-s 65537" "-s 32768" "-s 134217728" "-s 0" "-s -65536" "-s +65536" "-s 0x10000" "-s 18446744073709617152" "-s 1e6" "--root 00" "--prove -1" "--prove +1" \
    "--prove 0x1" "--prove 18446744073709551616" "--check list --list x" "--filter list" "--list x --no-sha256"; do
    run chunk-merkle $option model.gguf
    expect "chunk-merkle $option answers 2" 2 "usage:"
done
run chunk-merkle -s " 65536" model.gguf
expect "chunk-merkle -s ' 65536' answers 2" 2 "usage:"
run chunk-merkle --root "$(printf '%064d' 0)" model.gguf
if [ "$status" -eq 1 ] || [ "$status" -eq 2 ]; then ok "chunk-merkle does not pass over a --root that is not the file's"; else not_ok "chunk-merkle does not pass over a --root that is not the file's" "exit $status"; fi
run chunk-merkle --manifest no-such-file model.gguf
if [ "$status" -ge 1 ]; then ok "chunk-merkle does not pass over a --manifest"; else not_ok "chunk-merkle does not pass over a --manifest" "exit $status"; fi
run chunk-merkle --siblings-only model.gguf
expect "chunk-merkle --siblings-only without --prove answers 2" 2 "usage:"

# ---- written files ----

for call in "chunk-merkle -l out model.gguf" "manifest-make -q -p -o out model.gguf" "slm-verify -q -b out m.manifest"; do
    echo mine >out
    run $call
    expect "'$call' does not replace an existing file" 3 "[io-exists]"
    same "'$call' leaves its bytes alone" mine "$(cat out)"
    case $call in slm-verify*) printf '0\t0\t1\tmodel.gguf\n' >out ;; esac # --force replaces bad ranges alone there
    run $call --force
    expect "'$call --force' replaces it" 0
    if [ "$(cat out)" = mine ]; then not_ok "'$call --force' wrote it"; else ok "'$call --force' wrote it"; fi
    rm out && ln -s elsewhere out
    run $call
    expect "'$call' does not write through a dangling link" 3 "[io-exists]"
    [ -e elsewhere ] && not_ok "'$call' created the link's target"
    rm -f out elsewhere && mkdir out
    run $call --force
    expect "'$call --force' does not replace a folder" 3 "error:"
    rmdir out
    run $(echo "$call" | sed 's#out#no/such/folder/out#')
    expect "'$call' into a folder that is not there answers 3" 3 "error:"
    ls -A >before
    (ulimit -f 0; exec $call) >/dev/null 2>err
    case $? in
    3) ok "'$call' at a file size limit answers 3" ;;
    0) ok "'$call' had nothing to write" ;;
    *) not_ok "'$call' at a file size limit answers 3" "found $?" "$(cat err)" ;;
    esac
    [ -e out ] && [ ! -s out ] && rm out
    same "'$call' at a file size limit leaves nothing behind" "$(cat before)" "$(ls -A)"
    rm -f out
done
# What is being read is no output, even with --force.
while IFS='|' read -r file call; do
    cp "$MODEL" model.gguf && cp m.manifest kept
    run $call
    if [ "$status" -ne 0 ]; then ok "'$call' does not replace what it reads"; else not_ok "'$call' does not replace what it reads"; fi
    case $file in
    model.gguf) same "'$call' leaves the model alone" "$(sha256sum <"$MODEL")" "$(sha256sum <model.gguf)" ;;
    *) same "'$call' leaves the manifest alone" "$(sha256sum <kept)" "$(sha256sum <m.manifest)" ;;
    esac
    rm -f model.gguf && cp "$MODEL" model.gguf && cp kept m.manifest
done <<'EOF'
model.gguf|chunk-merkle -s 65536 --force -l model.gguf model.gguf
model.gguf|manifest-make -q -p --force -o model.gguf model.gguf
model.gguf|slm-verify -q --force -b model.gguf m.manifest
m.manifest|slm-verify -q --force -b m.manifest m.manifest
EOF
mkfifo out
for call in "chunk-merkle --force -l out model.gguf" "manifest-make -q -p --force -o out model.gguf" "slm-verify -q --force -b out m.manifest"; do
    run timeout 60 $call
    if [ "$status" -ne 0 ] && [ -p out ]; then ok "'$call' does not replace a FIFO"; else not_ok "'$call' does not replace a FIFO" "exit $status"; rm out && mkfifo out; fi
done
rm out
for call in "chunk-merkle -l - model.gguf" "manifest-make -q -p -o - model.gguf" "slm-verify -q -b - m.manifest"; do
    run $call
    if [ -e ./- ]; then not_ok "'$call' makes no file called -"; rm ./-; else ok "'$call' makes no file called -"; fi
done

name="a full disk answers 3"
if [ "$(id -u)" -eq 0 ] && command -v unshare >/dev/null 2>&1 && unshare -m true 2>/dev/null; then
    unshare -m sh -c 'mkdir -p small && mount -t tmpfs -o size=8k none small && cd small && head -c 8192 /dev/zero >full 2>/dev/null
        chunk-merkle -l list ../model.gguf; echo "$? $(ls -A | tr "\n" " ")"
        manifest-make -p -q -o made ../model.gguf; echo "$? $(ls -A | tr "\n" " ")"' >full 2>err
    if grep -q 'full' full; then
        same "$name, and leaves nothing behind" "3 full 3 full" "$(grep '^[0-9]' full | tr -d '\n' | sed 's/full 3/full 3/;s/ $//')"
        same "and says so" 2 "$(grep -c 'No space left.*\[io-write\]' err)"
    else
        skip "$name" "no tmpfs here"
    fi
else
    skip "$name" "needs root and mount namespaces"
fi

# ---- files that may not be read ----

name="an unreadable file answers 3"
if [ "$(id -u)" -ne 0 ]; then
    as_nobody() { "$@"; }
elif command -v setpriv >/dev/null 2>&1; then
    as_nobody() { setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
else
    as_nobody() { return 99; }
fi
mkdir private bin && cp "$BIN"/* bin/ && cp model.gguf m.manifest list proof private/ && chmod 755 . bin && chmod 0 private/* && chmod 755 private
as_nobody true 2>/dev/null
if [ $? -eq 0 ]; then
    for call in "chunk-merkle private/model.gguf" "slm-info private/model.gguf" "manifest-lint private/m.manifest" "slm-verify private/m.manifest" "manifest-make -p private/model.gguf" \
        "manifest-make -p private" "chunk-merkle --check private/list model.gguf" "chunk-merkle --check-proof private/proof" "slm-verify m.manifest private" "manifest-make -p --from private/m.manifest model.gguf" \
        "manifest-lint --files-from private/list"; do
        run as_nobody "$PWD/bin/"$call
        expect "$name: $call" 3 "Permission denied"
    done
    run as_nobody "$PWD/bin/chunk-merkle" -l private/new model.gguf
    expect "a folder that may not be written answers 3" 3 "Permission denied"
    chmod 700 private
    run as_nobody "$PWD/bin/slm-verify" m.manifest private
    expect "a folder that may not be entered answers 3" 3 "Permission denied"
else
    skip "$name" "cannot become another user"
fi
chmod 755 private && chmod 644 private/*

# ---- signals ----

for what in chunk-merkle verify make; do
    python3 "$HERE/meddle.py" term "$what" >.meddled 2>&1
    case $? in
    0) ok "SIGTERM ends '$what' and leaves no file" ;;
    2) skip "SIGTERM ends '$what' and leaves no file" "$(cat .meddled)" ;;
    *) not_ok "SIGTERM ends '$what' and leaves no file" "$(head -c 300 .meddled)" ;;
    esac
done

# ---- JSON ----

sed 's/^model-id: .*/model-id: no/' m.manifest >bad.manifest
cp model.gguf changed.gguf && changed changed.gguf 70000
mkdir changed && cp changed.gguf changed/model.gguf
sed 's/^key-id: .*/key-id: 0123456789ABCDEF/;s/^signature-scheme: .*/signature-scheme: minisign/' m.manifest >signed.manifest
python3 "$HERE/build.py" hostile hostile.gguf
while IFS='|' read -r wanted call; do
    run $call
    expect "'$call' answers $wanted" "$wanted"
    same "'$call' prints JSON Lines" "" "$(python3 -c '
import json, sys
raw = open(sys.argv[1], "rb").read()
assert raw.endswith(b"\n"), "no line"
for line in raw.decode("utf-8").split("\n")[:-1]:
    assert isinstance(json.loads(line), dict)' "$WORK/.out" 2>&1 | tail -n 1)"
    if command -v jq >/dev/null 2>&1; then
        same "jq reads '$call'" "$(wc -l <"$WORK/.out" | tr -d ' ')" "$(jq -c . <"$WORK/.out" 2>&1 | wc -l | tr -d ' ')"
    else
        skip "jq reads '$call'" "no jq here"
    fi
done <<'EOF'
0|chunk-merkle --json model.gguf
0|chunk-merkle --json --no-sha256 -s 65536 model.gguf
0|chunk-merkle --json -s 65536 --prove 2 model.gguf
1|chunk-merkle --json --check list changed.gguf
0|slm-info --json model.gguf
0|slm-info --json --tensors model.gguf
0|slm-info --json --metadata model.gguf
0|slm-info --json hostile.gguf
0|slm-info --json --metadata hostile.gguf
0|manifest-make --json -p -q model.gguf
1|manifest-lint --json bad.manifest
3|manifest-lint --json no-such-file
1|manifest-lint --json bad.manifest m.manifest no-such-file
0|slm-verify --json m.manifest
1|slm-verify --json m.manifest changed
1|slm-verify --json signed.manifest
EOF

# ---- terminals ----

# clean NAME: neither output of the last run has control characters but LF and TAB, or bytes that are no UTF-8
clean() {
    if python3 -c '
import re, sys, unicodedata
for path in sys.argv[1:]:
    text = open(path, "rb").read().decode("utf-8")
    bad = [c for c in text if c not in "\n\t" and (unicodedata.category(c) in ("Cc", "Cf"))]
    assert not bad, bad' "$WORK/.out" "$WORK/.err" 2>"$WORK/.clean"; then ok "$1"; else not_ok "$1" "$(tail -n 1 "$WORK/.clean")" "$(cat -v "$WORK/.err" | head -c 300)"; fi
}

evil=$(printf 'evil\033]0;owned\007\r\377\342\200\256')
cp model.gguf "$evil" && mkdir "$evil.d" && cp model.gguf "$evil.d/a.gguf"
cp m.manifest "$evil.manifest" && cp bad.manifest "$evil.bad"
cp list "$evil.list"
for command in $COMMANDS; do
    for operand in "$evil" "$evil.none" "$evil.bad" "$evil.d"; do
        run $command "$operand"
        clean "$command shows a hostile file name escaped (${operand#"$evil"})"
    done
    run $command "--$evil"
    clean "$command shows a hostile option escaped"
    run $command "-$evil"
    clean "$command shows a hostile short option escaped"
done
mkdir odd && cp model.gguf "odd/$evil" && cp model.gguf odd/model.gguf && cp m.manifest odd
run manifest-make -p odd
clean "manifest-make names hostile names of a folder escaped"
expect "and refuses them with advice" 1 "rename it" "[make-name]"
run manifest-make -p "$evil.d"
clean "manifest-make -p of a hostile folder"
run manifest-make "$evil.d"
clean "the sample command shows a hostile folder escaped"
run manifest-make -p --role "$evil=weights" model.gguf
clean "manifest-make --role shows a hostile path escaped"
run manifest-make -p --version "$evil" model.gguf
clean "manifest-make shows a hostile value escaped"
run manifest-make -p -o "$evil.manifest" model.gguf
clean "manifest-make -o shows a hostile name escaped"
run manifest-make -p -l "$evil.none" model.gguf
clean "manifest-make -l shows a hostile name escaped"
run manifest-make -p --from "$evil.bad" model.gguf
clean "manifest-make --from shows a hostile name escaped"
run slm-verify odd/m.manifest
clean "slm-verify shows hostile surplus names escaped"
run slm-verify --strict odd/m.manifest
clean "slm-verify --strict shows hostile surplus names escaped"
run slm-verify --only "$evil" m.manifest
clean "slm-verify --only shows a hostile path escaped"
run slm-verify m.manifest "$evil.none"
clean "slm-verify shows a hostile root escaped"
run slm-verify -b "$evil.manifest" m.manifest
clean "slm-verify -b shows a hostile name escaped"
run chunk-merkle -l "$evil.list" model.gguf
clean "chunk-merkle -l shows a hostile name escaped"
run chunk-merkle -s "$evil" model.gguf
clean "chunk-merkle -s shows a hostile size escaped"
run chunk-merkle --check "$evil.list" model.gguf
clean "chunk-merkle --check shows a hostile list escaped"
changed "$evil" 70000
run chunk-merkle --check list "$evil"
clean "chunk-merkle --check shows a hostile file escaped"
expect "and finds what is wrong with it" 1 "[chunk-wrong]"
run chunk-merkle --check-proof proof --manifest "$evil.manifest"
clean "chunk-merkle --manifest shows a hostile name escaped"
sed 's/^merkle-root: ./&f/;s/^\(merkle-root: .\{64\}\).*/\1/' m.manifest >"$evil.other"
run chunk-merkle --check-proof proof --manifest "$evil.other"
clean "chunk-merkle --manifest of another root shows a hostile name escaped"
for option in "" --tensors --metadata; do
    run slm-info $option hostile.gguf
    expect "slm-info $option reads hostile metadata" 0
    clean "slm-info $option shows hostile metadata escaped"
done
python3 "$HERE/build.py" hostile-name hostile-name.gguf
run slm-info hostile-name.gguf
expect "a control character in a tensor's name is refused" 1 "[tensor-name]"
clean "and shown escaped"
mkdir hostile && cp hostile.gguf hostile/ && manifest-make -q -p hostile >hostile.manifest
run slm-verify hostile.manifest hostile
expect "hostile metadata is no reason to fail" 0
clean "slm-verify shows hostile metadata escaped"
printf 'minimodel-manifest 0\nmodel-id: a\033[31m\342\200\256b/\233c\nx\033y: z\n\033\n' >escape.manifest
run manifest-lint escape.manifest
expect "a manifest with control characters is refused" 1 "[text-control]"
clean "manifest-lint shows them escaped"
run manifest-lint --json escape.manifest
clean "manifest-lint --json shows them escaped"

cat >terminal.py <<'PY'
import os, pty, sys
def talk(command):
    parts = []
    def read(fd):
        data = os.read(fd, 65536)
        parts.append(data)
        return data
    code = os.waitstatus_to_exitcode(pty.spawn(command, read))
    return code, b"".join(parts)
os.environ.pop("NO_COLOR", None)
code, coloured = talk(sys.argv[1:])
os.environ["NO_COLOR"] = "1"
plain = talk(sys.argv[1:])[1]
print(code, coloured.count(b"\x1b[1;31merror:\x1b[0m"), coloured.count(b"\x1b"), plain.count(b"\x1b"), plain.count(b"error:"))
PY
if python3 -c 'import pty; pty.openpty()' 2>/dev/null; then
    same "on a terminal an error is coloured, unless NO_COLOR is set, and a hostile name is escaped" "3 1 2 0 1" "$(python3 terminal.py slm-info "$evil.none" </dev/null 2>&1 | tail -n 1)"
else
    skip "on a terminal an error is coloured" "no pseudo-terminals here"
fi

# ---- the sandbox ----

name="after entering its sandbox chunk-merkle opens nothing"
if command -v strace >/dev/null 2>&1 && strace -o trace -e trace=openat,open,openat2,landlock_restrict_self chunk-merkle model.gguf >/dev/null 2>&1; then
    if grep -q '^landlock_restrict_self.* = 0' trace; then
        same "$name" "" "$(sed '1,/^landlock_restrict_self/d;/^+++/d;/ = -1 /d' trace)"
        strace -o trace -e trace=openat,open,openat2,landlock_restrict_self slm-verify m.manifest >/dev/null 2>&1
        same "slm-verify opens only beneath its root" "" "$(sed '1,/^landlock_restrict_self/d;/^+++/d;/ = -1 /d' trace | grep -v '^openat2*([0-9]*, "[^/]')"
    else
        skip "$name" "no Landlock here"
    fi
else
    skip "$name" "no strace here"
fi
if [ -r /proc/self/status ]; then
    mkfifo pipe
    chunk-merkle - <pipe >/dev/null &
    pid=$!
    exec 3>pipe
    tries=0
    while ! grep -q '^NoNewPrivs:.1' /proc/$pid/status && [ $tries -lt 200 ]; do tries=$((tries + 1)); sleep 0.05; done
    same "a command that reads can gain no privileges" 1 "$(sed -n 's/^NoNewPrivs:.//p' /proc/$pid/status)"
    exec 3>&-
    wait $pid
    same "and ends with its input" 0 $?
else
    skip "a command that reads can gain no privileges" "no /proc here"
fi
