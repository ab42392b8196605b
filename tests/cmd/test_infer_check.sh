#!/bin/sh
# infer-check: what a model answers is recorded and held against it; damage is found and named; what may not be run is not.
. "$(dirname "$0")/harness.sh"
need 'checking answers' python3 || exit 0
answers() { python3 "$ROOT/tests/cmd/answers.py" "$@"; }
cp "$MODEL" model.gguf && chmod u+w model.gguf
file="--no-receipt model.gguf"
story='The keeper of the small library'
# without -q, notes are printed; templates are code, and the model has one
check() { run infer-check -q "$@"; }

# ---- recording, and the same again ----

# shellcheck disable=SC2086 # two words
{
check --record first.evidence $file
expect 'answers are recorded' 0 'case: story' 'case: letters' 'verdict: recorded' "artifact-sha256: $(sha256sum <model.gguf | cut -d' ' -f1)"
check --expect first.evidence $file
expect 'the same model answers the same' 0 'result: equal' 'largest-difference: 0' 'verdict: pass'
same 'each of the four prompts' 4 "$(grep -c '^result: equal' "$WORK/.out")"
check --record again.evidence $file
expect 'and again' 0
same 'byte by byte' "$(cat first.evidence)" "$(cat again.evidence)"
check --record one.evidence --threads 1 $file
same 'with one thread too, but for its name' "$(grep -v '^device' first.evidence)" "$(grep -v '^device' one.evidence)"
for set in avx512 avx2 neon portable; do
    check --instructions $set --record set.evidence --force --threads 1 $file
    if [ "$status" -eq 2 ]; then
        skip "instructions $set" 'this processor lacks them'
    else
        same "instructions $set give the same bits" "$(grep -v '^device' first.evidence)" "$(grep -v '^device' set.evidence)"
    fi
done
# cases of a tiny model go side by side: what is found stands in their order all the same
awk '/^tokens: / && ++n % 2 == 0 { $3 = $3 == 9 ? 8 : 9 } { print }' first.evidence >wrong.evidence
check --threads 1 --expect wrong.evidence $file
expect 'two of four cases differ' 1 'infer-answer' 'verdict: fail'
same 'and each is named' 2 "$(grep -c 'infer-answer' "$WORK/.err")"
cp "$WORK/.err" one.findings && grep -vE '^(device|memory-bytes): ' "$WORK/.out" >one.answers
for threads in 2 3 7; do
    check --threads $threads --expect wrong.evidence $file
    same "findings of $threads threads" "$(cat one.findings)" "$(cat "$WORK/.err")"
    same "answers of $threads threads" "$(cat one.answers)" "$(grep -vE '^(device|memory-bytes): ' "$WORK/.out")"
done
check --threads 1 --expect first.evidence $file
least=$(sed -n 's/^memory-bytes: //p' "$WORK/.out")
check --threads 2 --expect first.evidence $file
same 'two sequences take more memory than one' yes "$([ "$(sed -n 's/^memory-bytes: //p' "$WORK/.out")" -gt "$least" ] && echo yes)"
check --threads 2 --max-memory "$least" --expect first.evidence $file
expect 'where there is memory for one, cases go one after the other' 0 "memory-bytes: $least" 'verdict: pass'
MINIMODEL_KERNELS=portable check --expect first.evidence $file
expect 'MINIMODEL_KERNELS' 0 'device: cpu portable' 'verdict: pass'
MINIMODEL_KERNELS=mmx check $file
expect 'instructions that nobody has' 2 "found 'mmx'"
check --device cpu,cpu --expect first.evidence $file
expect 'two devices are compared with each other' 0 'compared-with: cpu'
same 'and each has a verdict' 2 "$(grep -c '^verdict: pass' "$WORK/.out")"
check --prompt "$story" -n 24 --record keeper.evidence $file
expect 'the training text goes on as it does' 0 'case: prompt-1' 'had one rule. Count first, then check the seal'
check --prompt a --prompt b -n 3 -r - $file
expect 'a record on standard output' 0 'minimodel-evidence 0' 'case: prompt-2' 'verdict: recorded'
same 'and nothing else there' 0 "$(grep -c '^result' "$WORK/.out")"
check --expect - $file <first.evidence
expect 'evidence on standard input' 0 'verdict: pass'
check --expect first.evidence --record both.evidence --model-id me/tiny $file
expect 'compared and recorded' 0
same 'the verdict is in the record' 'model-id: me/tiny verdict: pass' "$(grep -E '^(model-id|verdict)' both.evidence | tr '\n' ' ' | sed 's/ $//')"
check --json --expect first.evidence $file
expect '--json' 0 '"result":"equal"' '"verdict":"pass"'
check --verbose --prompt "$(printf 'a\033[31mb\302\205')" -n 4 $file
expect 'what a terminal would obey is escaped' 0 '"a\u001b[31mb\u0085"'
same 'and no control character is printed' 0 "$(LC_ALL=C tr -d '\n\40-\176\200-\377' <"$WORK/.out" | wc -c)"

# ---- files ----

check --record first.evidence $file
expect 'no file is replaced' 3 io-exists
check --record nowhere/x $file
expect 'nor written where nothing is' 3 nowhere
check --record first.evidence --force $file
expect 'unless it is forced' 0
check --record cut.evidence --trace cut.trace --no-receipt first.evidence
expect 'what is no model' 3
same 'and nothing is left behind' '' "$(find . -name 'cut*' -o -name '.minimodel*')"
run sh -c 'infer-check -q --no-receipt model.gguf >/dev/full'
expect 'a full device is an error' 3 'standard output'

# ---- what differs ----

cp first.evidence edited && answers edit edited tokens ' ' ' 1 '
check --expect edited $file
expect 'another token' 1 infer-answer 'verdict: fail' 'result: differs'
cp first.evidence edited && answers edit edited prompt-tokens ' ' ' 1 '
check --expect edited $file
expect 'another token of the prompt' 1 infer-prompt 'verdict: fail'
cp first.evidence edited
token=$(sed -n 's/^top-logits: 0 [0-9]*=[^ ]* \([0-9]*\)=.*/\1/p' first.evidence | head -n 1)
answers edit edited top-logits " $token=" " $token=1"
check --expect edited $file
expect 'another logit' 1 infer-logits "of token $token" 'verdict: fail'
check --expect model.gguf $file
expect 'evidence that is none' 1 text-first-line
cp first.evidence edited && answers edit edited verdict recorded perhaps
check --expect edited $file
expect 'evidence with another word' 1 evidence-form
cp first.evidence edited && answers edit edited model-id local/ other/ && answers edit edited artifact-sha256 ' ' ' ' &&
    sed -i 's/^artifact-sha256: .*/artifact-sha256: '"$(sha256sum <edited | cut -d' ' -f1)/" edited
run infer-check --expect edited --model-id me/tiny $file
expect 'evidence of something else is compared, and that is said' 0 'recorded with other/' 'another artifact' 'verdict: pass'

# ---- damage ----

check --trace good.trace --expect first.evidence $file
expect 'a trace of a comparison' 0
check --trace-against good.trace $file
expect 'is that of a recording' 0
check --trace-against good.trace --threads 1 --instructions portable $file
expect 'whatever computes' 0
cp model.gguf good.gguf
answers weight model.gguf blk.2.attn_v.weight 70 9.5
check --expect first.evidence $file
expect 'a weight that changed' 1 infer-logits 'verdict: fail'
check --trace-against good.trace $file
expect 'and its layer' 1 'blk.2 is the first layer that departs' infer-trace
cp good.gguf model.gguf && answers weight model.gguf token_embd.weight 0 0.5
check --trace-against good.trace $file
expect 'the embedding is the output too' 1 infer-trace
cp good.gguf model.gguf && answers weight model.gguf blk.1.ffn_down.weight 3 nan
check --expect first.evidence --record nan.evidence $file
expect 'NaN is found, and its layer' 1 infer-number blk.1
cp good.gguf model.gguf && answers weight model.gguf blk.3.ffn_down.weight 3 inf
check $file
expect 'infinity too' 1 infer-number blk.3
[ -e nan.evidence ] && not_ok 'no evidence is left of that' || ok 'no evidence is left of that'
cp good.gguf model.gguf
python3 - <<'PY'
data = open('model.gguf', 'rb').read()
one = lambda c: b'\x01' + bytes(7) + c
swapped = data.replace(one(b'O') + one(b'P'), one(b'P') + one(b'O'), 1)
assert swapped != data
open('model.gguf', 'wb').write(swapped)
PY
check --expect first.evidence $file
expect 'a swapped tokenizer' 1 infer-prompt
cp good.gguf model.gguf

# ---- limits ----

check --max-memory 1K $file
expect 'memory is known beforehand' 3 infer-memory 'at most 1024 bytes'
check -n 100000 $file
expect 'as many positions as the model was made for' 3 io-limit 256
check --prompt "$(head -c 4000 "$ROOT/share/model/corpus.txt" | tr '\n' ' ')" $file
expect 'a prompt that is too long' 3 io-limit
mkfifo never
(sleep 20 >never) &
sleeper=$!
check --timeout 1 --expect - $file <never
expect 'time is limited' 3 infer-timeout 'within 1 s'
kill $sleeper 2>/dev/null
check --device opencl,tpu $file
case $status in 2 | 3) ok 'devices that are not here are refused' ;; *) not_ok 'devices that are not here are refused' "exit $status" ;; esac
check --device tpu $file
expect 'devices that nobody knows' 2 "found 'tpu'"
check --bench -n 8 $file
expect '--bench' 0 'tokens-a-second: ' 'bandwidth-share: '
check --fast $file
if [ "$status" -eq 3 ]; then skip '--fast' 'no such kernels here'; else expect '--fast' 0 'verdict: recorded'; fi
for wrong in '--fast --expect first.evidence' '--fast --record x' '--expect first.evidence -n 3' '--expect first.evidence --prompt x' '--bench --record x' '-n 0' '--model-id X' '--timeout 0'; do
    check $wrong $file
    expect "usage: $wrong" 2
done
}
check model.gguf
expect 'a file needs --no-receipt' 2 --no-receipt
check --no-receipt nothing.gguf
expect 'a file that is not there' 3
check
expect 'usage: no operand' 2 usage:
run infer-check --rules
expect '--rules' 0 infer-answer evidence-form receipt-consent

# ---- the store, and manifests that name evidence ----

MINIMODEL_HOME=$WORK/home
export MINIMODEL_HOME
mkdir src && cp model.gguf "$ROOT"/share/model/*.txt "$ROOT"/share/model/README.md src/
infer-check -q --no-receipt --model-id local/keeper -r src/answers.evidence model.gguf >/dev/null
hash=$(sha256sum <src/answers.evidence | cut -d' ' -f1)
# manifest STATUS HASH: describes src
manifest() {
    rm -f src/m.manifest
    manifest-make -q -p --model-id local/keeper --evidence "infer-check $1 $2 answers.evidence" src >m.manifest && mv m.manifest src/
}
manifest pass "$hash"
run slm-verify -q src/m.manifest
expect 'evidence belongs to the model' 0 'verdict: pass'
check local/keeper
expect 'a store that is not there' 3 store-home
slm-import -q --allow-unsigned src >/dev/null
check local/other
expect 'a model that the store has not' 1 store-model
check local/keeper
expect 'without a consent nothing is run' 1 receipt-consent
receipt-write -q --grant-execution local/keeper >/dev/null
check local/keeper
expect 'with it, the evidence that the manifest names is what is expected' 0 'result: equal' 'verdict: pass' 'model-id: local/keeper'
check local/keeper@1 --prompt "$story" -n 5
expect 'or other prompts' 0 'verdict: recorded' 'had one'
check local/keeper --tokenizer model.gguf
expect 'a tokenizer from elsewhere was not verified' 2
cp -a home whole
chmod u+w home/models/local/keeper/1/files/model.gguf && answers weight home/models/local/keeper/1/files/model.gguf blk.0.ffn_up.weight 0 0.25
check local/keeper
expect 'a file of the store that changed is not run' 1 verify-
same 'and nothing is printed' '' "$out"
chmod -R u+w home && rm -rf home && mv whole home

# refused WHAT RULE: slm-verify and slm-import refuse src
refused() {
    run slm-verify -q src/m.manifest
    expect "slm-verify: $1" 1 "$2" 'check: set fail' 'verdict: fail'
    (MINIMODEL_HOME=$WORK/other && export MINIMODEL_HOME && run slm-import -q --allow-unsigned src && expect "slm-import: $1" 1 "$2")
}
manifest fail "$hash"
refused 'a status that the verdict does not bear out' verify-evidence
manifest pending "$hash"
run slm-verify -q src/m.manifest
expect 'what is recorded may be pending' 0
manifest pass -
run slm-verify -q src/m.manifest
expect 'no hash is stated twice' 0
manifest pass "$(sha256sum <model.gguf | cut -d' ' -f1)"
refused 'another hash' verify-evidence
sed -i 's|^model-id: .*|model-id: local/other|' src/answers.evidence && manifest pass -
refused 'evidence of another model' verify-evidence
sed -i "s|^model-id: .*|model-id: local/keeper|; s|^artifact-sha256: .*|artifact-sha256: $hash|" src/answers.evidence && manifest pass -
refused 'evidence of a file that is no artifact' verify-evidence
sed -i "s|^artifact-sha256: .*|artifact-sha256: $(sha256sum <model.gguf | cut -d' ' -f1)|; s/^verdict: .*/verdict: fail/" src/answers.evidence && manifest pass -
refused 'a verdict that failed' verify-evidence
manifest fail -
run slm-verify -q src/m.manifest
expect 'which is no lie where the status says so' 0
sed -i 's/^verdict: .*/verdict: pass/' src/answers.evidence && manifest pending -
refused 'what passed is not pending' verify-evidence
sed -i 's/^verdict: .*/verdict: maybe/' src/answers.evidence && manifest pass -
run slm-verify -q src/m.manifest
expect 'slm-verify: a file that is no evidence' 1 evidence-form
rm -f src/m.manifest && manifest-make -q -p --model-id local/keeper --evidence 'x-own pass - answers.evidence' src >m.manifest && mv m.manifest src/
run slm-verify -q src/m.manifest
expect 'evidence of other kinds is not looked at' 0

# ---- answers that others recorded ----

DATA=$ROOT/../shared/data
for golden in "$DATA"/golden/greedy-*.json; do
    name=$(basename "$golden" .json)
    if [ ! -f "$golden" ]; then
        skip 'answers of another engine' 'no shared data here'
        break
    fi
    case $name in *-hf) model=$DATA/hf/stories260K-bf16 tokenizer="--tokenizer $DATA/llama2c/tok512.bin" ;; *) model=$DATA/gguf/${name#greedy-}.gguf tokenizer= ;; esac
    answers golden "$golden" "$(printf x | sha256sum | cut -d' ' -f1)" >golden.evidence
    # shellcheck disable=SC2086 # two words or none
    check --expect golden.evidence --threads 2 $tokenizer --no-receipt "$model"
    expect "answers of another engine: $name" 0 'verdict: pass'
done
