#!/bin/sh
# slm-verify --receipt: a look at a model of the store by what its receipts recorded, told as what it is; --full reads the bytes.
. "$(dirname "$0")/harness.sh"
need 'a look at a model of the store' python3 || exit 0
MINIMODEL_HOME=$WORK/case/home
export MINIMODEL_HOME
FAULTY=$BUILD/fault

mkdir src linked
cp "$MODEL" src/model.gguf && chmod u+w src/model.gguf
seq 1 30000 >src/notes.txt
(cd src && manifest-make -q -p -s 64K --model-id local/model --chunk-lists . model.gguf notes.txt >m.manifest)
cp -r src next && (cd next && echo more >>notes.txt && rm ./*.chunks && manifest-make -q -p -f m.manifest -s 64K --chunk-lists . model.gguf notes.txt >n.manifest && mv n.manifest m.manifest)
cp -r src other && (cd other && rm ./*.chunks notes.txt && manifest-make -q -p --model-id local/other model.gguf >m.manifest)
cp -r other linked && (cd linked/other && sed 's|local/other|local/linked|' m.manifest >x && mv x m.manifest)

# fresh: a store with one model, imported anew, as a copy would have other inodes
fresh() {
    cd "$WORK" && chmod -R u+rwx case 2>/dev/null
    rm -rf case && mkdir case && cd case && slm-import -q --allow-unsigned "$WORK/src" >/dev/null || exit 1
}
stat_of() { awk -v path="$1" '$1 == "artifact:" { at = $2 } $1 == "stat:" && at == path { print $2 }' "$WORK/.out"; }
files=home/models/local/model/1/files

# ---- untouched ----

fresh
run slm-verify -q --receipt local/model
expect 'a model as it was imported' 0 'minimodel-recheck 0' 'stat: same' 'bytes-read: none' 'result: unchanged' 'check: signature pass unsigned'
same 'every artifact was looked at' 2 "$(grep -c '^stat: same$' "$WORK/.out")"
same 'no word of it can be taken for a verdict' '' "$(grep -E '^verdict|minimodel-report|sha256: [0-9a-f]*$' "$WORK/.out" | grep -v '^manifest-sha256')"
cp "$WORK/.out" looked
run receipt-write looked
expect 'it is no report that a receipt could be written of' 1 '[text-first-line]'
run slm-verify -q --receipt local/model@1 --json
same '--json tells the same' 'same same none unchanged' "$(python3 -c 'import json, sys; d = json.loads(sys.stdin.read()); print(*[a["stat"] for a in d["artifacts"]], d["bytes-read"], d["result"])' <"$WORK/.out" 2>&1)"
if need 'no byte of an artifact is read' strace; then
    strace -f -y -e trace=read,pread64,mmap -o trace slm-verify -q --receipt local/model >/dev/null 2>&1
    same 'no byte of an artifact is read' '' "$(grep -E 'read.*/files/(model.gguf|notes.txt)>' trace | head -n 3)"
    strace -f -y -e trace=read,pread64 -o trace slm-verify -q --receipt local/model --full >/dev/null 2>&1
    if grep -q '/files/model.gguf>' trace; then ok 'with --full they are'; else not_ok 'with --full they are'; fi
fi
run slm-verify -q --receipt local/model --full
expect '--full prints a report' 0 'minimodel-report 0' 'check: sha256 pass' 'verdict: pass'
run slm-verify -q --receipt local/model --full --quick
expect '--full --quick leaves out whole-file hashes' 0 'check: sha256 skip quick' 'verdict: pass'
run slm-verify -q --receipt local/nothing
expect 'a model that is not there' 1 '[store-model]'
run slm-verify -q --receipt local/model@2
expect 'a revision that is not there' 1 '[store-model]'
run slm-verify -q --home nowhere --receipt local/model
expect 'a store that is not there' 3 '[store-home]'
for wrong in '--full' '--receipt local/model m.manifest' '--receipt local/model --strict' '--receipt local/model --quick' '--receipt local/model -o x' \
    '--receipt local/model --oms x --key y' '--receipt local/model -b x' '--receipt local/model --sarif' '--receipt'; do
    run slm-verify $wrong
    expect "slm-verify $wrong" 2 'usage:'
done
run sh -c 'slm-verify --receipt local/model >/dev/full'
expect 'onto a full disk' 3 '[io-write]'

# ---- touched, changed, gone ----

# after WHAT STATUS WORD RULE COMMAND...: COMMAND is done to notes.txt
after() {
    what=$1 wanted=$2 word=$3 rule=$4
    shift 4
    fresh
    "$@" || not_ok "$what: the deed itself"
    run slm-verify -q --receipt local/model
    expect "$what" "$wanted" "$rule"
    same "$what: the word" "$word" "$(stat_of notes.txt)"
    same "$what: the other file" same "$(stat_of model.gguf)"
}
in_place() { chmod u+w "$1" && changed "$1" 70000; }
restored() { touch -r "$1" stamp && in_place "$1" && touch -r stamp "$1"; }
after 'a byte that was written in place' 3 touched '[receipt-touched]' in_place $files/notes.txt
run slm-verify -q --receipt local/model --full
expect 'and --full finds it' 1 'verdict: fail' '[verify-merkle]'
after 'a byte that was written, and the time set back' 3 touched 'another ctime: a link, a mode or an owner changed, or bytes' restored $files/notes.txt
after 'another mode' 3 touched 'another ctime:' chmod u+w $files/notes.txt
run slm-verify -q --receipt local/model --full
expect 'and --full finds nothing wrong' 0 'verdict: pass'
after 'another link' 3 touched 'another ctime:' ln $files/notes.txt elsewhere
after 'a copy in its place' 3 touched 'inode' sh -c "cp -p $files/notes.txt x && mv -f x $files/notes.txt"
after 'a cut file' 1 changed '[verify-bytes]' sh -c "chmod u+w $files/notes.txt && truncate -s 1000 $files/notes.txt"
after 'a longer file' 1 changed '[verify-bytes]' sh -c "chmod u+w $files/notes.txt && echo >>$files/notes.txt"
after 'a removed file' 1 absent '[verify-absent]' rm -f $files/notes.txt
after 'a link in its place' 1 absent 'a link that leads out' sh -c "rm -f $files/notes.txt && ln -s $WORK/src/notes.txt $files/notes.txt"
after 'a FIFO in its place' 1 absent 'no regular file' sh -c "rm -f $files/notes.txt && mkfifo $files/notes.txt"
after 'a folder in its place' 1 absent 'no regular file' sh -c "rm -f $files/notes.txt && mkdir $files/notes.txt"
after 'a time before 1970' 3 unknown '[receipt-touched]' sh -c "chmod u+w $files/notes.txt && touch -d 1960-01-01 $files/notes.txt"
fresh && chmod u+w $files/notes.txt && truncate -s 5 $files/notes.txt && chmod u+w $files/model.gguf
run slm-verify -q --receipt local/model
expect 'a no wins over a do-not-know' 1 'stat: touched' 'stat: changed' 'result: wrong'
fresh && chmod u+w home/models/local/model/1/manifest && printf 'x' >>home/models/local/model/1/manifest
run slm-verify -q --receipt local/model
expect 'a changed manifest' 1 '[text-'

# ---- receipts ----

fresh && slm-import -q --allow-unsigned "$WORK/next" >/dev/null
run slm-verify -q --receipt local/model@1
expect 'a file that another revision took over: its import vouches' 0 'says (imported)' 'result: unchanged'
slm-import -q --allow-unsigned "$WORK/other" >/dev/null
run slm-verify -q --receipt local/model@1
expect 'and that of another model' 0 'says (imported)' 'result: unchanged'
slm-remove -q local/other >/dev/null
run slm-verify -q --receipt local/model@1
expect 'after its removal nobody knows the new change time' 3 'stat: touched ctime' 'result: unknown'
slm-verify -q --receipt local/model@1 --full | receipt-write -q --root "$(slm-path --folder local/model@1)" >/dev/null
run slm-verify -q --receipt local/model@1
expect 'until a receipt of the bytes as they are is written' 0 'says (verified)' 'result: unchanged'
in_place $files/model.gguf
run slm-verify -q --receipt local/model@1
expect 'which vouches for nothing later' 3 'stat: touched' 'result: unknown'

fresh && slm-verify -q --receipt local/model --full >report && in_place $files/model.gguf
sed "s/^artifact-sha256: $(sha256sum <"$MODEL" | cut -c1-64)/artifact-sha256: $(sha256sum <$files/model.gguf | cut -c1-64)/" report >forged
receipt-write -q --root $files forged >/dev/null || not_ok 'a forged receipt'
run slm-verify -q --receipt local/model
expect 'nor does one of other bytes that names the same manifest' 3 'stat: touched' 'result: unknown'

fresh && rm -rf home/receipts home/receipts.log
run slm-verify -q --receipt local/model
expect 'without a receipt' 1 '[receipt-none]'
fresh && receipt=$(find home/receipts -name '*.receipt') && chmod u+w "$receipt" && sed -i 's/^medium: file/medium: usb/' "$receipt"
run slm-verify -q --receipt local/model
expect 'with a changed receipt' 1 '[receipt-changed]'
fresh && cp -a home/models kept && slm-remove -q local/model >/dev/null && mkdir -p home/models && mv kept/local home/models/
run slm-verify -q --receipt local/model
expect 'of a model that the receipts say is gone' 1 '[receipt-none]'

# ---- trust, judged now ----

MINIMODEL_KEYRING=$WORK/ring
export MINIMODEL_KEYRING
cd "$WORK" && key=$(key-make -q --no-password keeper | sed -n 's/^key-id: //p') && mkdir -p ring/org && cp keeper.pub "ring/org/$key.pub"
cp -r other signed && (cd signed && rm m.manifest && manifest-make -q -p --model-id org/model --key-id "$key" --license-route https://example.org/l \
    --model-card-route https://example.org/c --takedown-route https://example.org/t model.gguf >m.new && mv m.new m.manifest)
manifest-sign -q -s keeper.key signed/m.manifest >/dev/null
fresh && slm-import -q "$WORK/signed" >/dev/null
run slm-verify -q --receipt org/model
expect 'a signed model' 0 'signature: verified' 'result: unchanged'
rm -f home/models/org/model/1/manifest.minisig
run slm-verify -q --receipt org/model
expect 'whose signature was taken away' 1 'signature: missing-signature' '[signature-missing]' 'stat: same' 'result: wrong'
fresh && slm-import -q "$WORK/signed" >/dev/null
key-trust -q revoke org "$key" --reason 'compromised: stolen' >/dev/null 2>&1
run slm-verify -q --receipt org/model
expect 'whose key was revoked since' 1 'signature: revoked-key' 'result: wrong'
run slm-verify -q --receipt local/model --require-signature
expect 'an unsigned one with --require-signature' 1 '[verify-signature]' 'result: wrong'
printf 'minimodel-policy 0\nname: strict\nlicense: MIT\n' >p.policy
run slm-verify -q --receipt local/model --policy p.policy
expect 'against a policy' 1 '[policy-rule]' 'check: policy fail' 'result: wrong'
unset MINIMODEL_KEYRING

# ---- in place ----

cd "$WORK" && chmod -R u+rwx case && rm -rf case && mkdir case && cd case && slm-import -q --allow-unsigned --in-place "$WORK/linked/other" >/dev/null
run slm-verify -q --receipt local/linked
expect 'a model in place' 0 'stat: same'
touch "$WORK/linked/other/model.gguf"
run slm-verify -q --receipt local/linked
expect 'whose source was touched' 3 'stat: touched mtime ctime'

# ---- fs-verity, as a program linked with another kernel's answers has it ----

if [ -x "$FAULTY/slm-import" ]; then
    fresh && slm-remove -q local/model >/dev/null
    FAULT_VERITY=ab "$FAULTY/slm-import" -q --allow-unsigned "$WORK/src" >/dev/null
    chmod u+w $files/notes.txt && touch $files/notes.txt
    run env FAULT_VERITY=ab "$FAULTY/slm-verify" -q --receipt local/model
    expect 'fs-verity vouches whatever the times say' 0 'stat: sealed' 'result: unchanged'
    run env FAULT_VERITY=cd "$FAULTY/slm-verify" -q --receipt local/model
    expect 'another measurement proves nothing' 3 'stat: touched mtime ctime fs-verity' 'stat: touched fs-verity'
    run slm-verify -q --receipt local/model
    expect 'nor do times where a measurement was recorded' 3 'fs-verity'
    truncate -s 3 $files/notes.txt
    run env FAULT_VERITY=ab "$FAULTY/slm-verify" -q --receipt local/model
    expect 'a size that differs is a no in any case' 1 'stat: changed'
    fresh
    run env FAULT_VERITY=ab "$FAULTY/slm-verify" -q --receipt local/model
    expect 'a file that got its measurement later is the same by its times' 0 'stat: same'
    fresh && slm-verify -q --receipt local/model >told
    for kind in memory read open stat write; do
        wrong='' met=0
        for number in 1 2 3 4 5 6 8 11 15 20 27 37 50 68 92 125 170; do
            FAULT=$kind:$number:$([ $kind = memory ] && echo 12 || echo 5) "$FAULTY/slm-verify" -q --receipt local/model >faulted 2>err
            status=$?
            case $status in
            0) cmp -s faulted told || wrong="$wrong $kind:$number" ;;
            1 | 3) met=$((met + 1)) && [ -s err ] && ! grep -q '^result: unchanged' faulted || wrong="$wrong $kind:$number:$status" ;;
            *) wrong="$wrong $kind:$number:$status" ;;
            esac
        done
        same "$kind fails: the same answer, or none" '' "$wrong"
        [ $met -gt 0 ] || not_ok "$kind fails: no call of that kind was met"
    done
else
    skip 'fs-verity' 'the commands with faults are not built'
fi
