#!/bin/sh
# infer-check on CUDA without a card: tests/fault/cuda stands in for the driver and for NVRTC, and runs the kernels, in CUDA's dialect, on the processor. It looks for what a driver lets
# pass by luck too: each run has to leave it without a complaint. What only a card shows (its speed, its compiler's faults) it does not.
# shellcheck disable=SC2015 # ok and not_ok never fail
. "$(dirname "$0")/harness.sh"
need 'CUDA without a card' python3 || exit 0
need 'CUDA without a card' "${CXX:-c++}" || exit 0
PYTHONDONTWRITEBYTECODE=1 MINIMODEL_CACHE=$WORK/cache
export PYTHONDONTWRITEBYTECODE MINIMODEL_CACHE
STANDIN=$ROOT/tests/fault/cuda
mkdir card old
# without the sanitizers of what is tested: threads that are no threads are more than they bear
if ! ${CC:-cc} -O2 -std=gnu17 -shared -fPIC -fvisibility=hidden -D_GNU_SOURCE -o card/libcuda.so.1 "$STANDIN/driver.c" "$STANDIN/fibers.c" -ldl 2>.err ||
    ! ${CC:-cc} -O2 -std=gnu17 -shared -fPIC -fvisibility=hidden -D_GNU_SOURCE -DSTANDIN_FOLDER="\"$STANDIN\"" -o card/libnvrtc.so.12 "$STANDIN/nvrtc.c" 2>>.err; then
    skip 'CUDA without a card' "no compiler that makes the stand-in: $(head -n 1 .err)"
    exit 0
fi
${CC:-cc} -O2 -std=gnu17 -shared -fPIC -fvisibility=hidden -D_GNU_SOURCE -DWITHOUT_GRAPHS -o old/libcuda.so.1 "$STANDIN/driver.c" "$STANDIN/fibers.c" -ldl
LD_LIBRARY_PATH=$WORK/card${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} CUDA_COMPLAINTS=$WORK/complaints CUDA_COUNTS=$WORK/counts
export LD_LIBRARY_PATH CUDA_COMPLAINTS CUDA_COUNTS
check() { run infer-check -q -n 6 --prompt 'The keeper' --no-receipt "$@"; }
# well NAME STATUS [TEXT]...: as expected, and nothing was done wrong with the card
well() {
    expect "$@"
    [ ! -s complaints ] || not_ok "$1: without a complaint" "$(head -n 3 complaints)"
    rm -f complaints
}

run infer-check --list-devices
well 'cards are devices' 0 'cuda:0	1073741824	Processor as card 0	CUDA 12.4' 'cuda:1	'
run infer-check --list-devices --json
well 'and so they are as JSON' 0 '"device":"cuda:0"'
if ! grep -q '"device":"cuda:0"' .out; then
    exit 0 # said above
fi

# ---- what is computed ----

if [ -x "$BUILD/infer/device" ]; then
    for plan in forward backward; do
        [ $plan = forward ] || export CUDA_BACKWARDS=1
        run "$BUILD/infer/device" cuda
        sed "s/^\(ok\|not ok\): \(.*\) on .*/\1 products with \2, threads $plan/" .out
        same "products of every dtype, threads $plan" '15 0' "$(grep -c '^ok' .out) $(grep -c '^not ok' .out)"
        well "and nothing is wrong with them, threads $plan" 0
        unset CUDA_BACKWARDS
    done
else
    not_ok 'products of every dtype' "expected $BUILD/infer/device, found none"
fi
check --device cpu,cuda:0,cuda:1 --record first.evidence "$MODEL"
well 'two cards answer as the CPU does' 0 'compared-with: cpu' 'device: cuda Processor as card 1, cuda:1' 'verdict: pass'
check --device cuda --record one.evidence "$MODEL"
CUDA_BACKWARDS=1
export CUDA_BACKWARDS
check --device cuda --record two.evidence "$MODEL"
unset CUDA_BACKWARDS
well 'a card answers' 0 'device: cuda Processor as card 0'
same 'and alike whichever threads come first, bit for bit' "$(cat one.evidence)" "$(cat two.evidence)"
hold() { run infer-check -q --no-receipt --device cuda --expect one.evidence "$MODEL"; }
hold
well 'it passes its own evidence' 0 'largest-difference: 0'
run infer-check -q --no-receipt --device cuda --expect first.evidence "$MODEL"
well "and the CPU's" 0 'verdict: pass'
# counted WHAT: how many there were in the last run
counted() { sed -n "s/.*$1 \([0-9]*\).*/\1/p" counts; }
# asked N [LIBRARIES]: N tokens behind a prompt
asked() {
    rm -f counts
    run env LD_LIBRARY_PATH="${2:+$2:}$LD_LIBRARY_PATH" infer-check -q -n "$1" --prompt 'The keeper' --no-receipt --device cuda "$MODEL"
}
asked 2 "$WORK/old" && two=$(counted launches)
asked 6 "$WORK/old" && six=$(counted launches)
same 'a token takes eight launches for each of four blocks, and four' 144 $((six - two))
check --device cuda,cuda "$MODEL"
well 'a card twice is two devices' 0 'largest-difference: 0' 'verdict: pass'
check --device auto "$MODEL"
well 'auto takes the card' 0 'device: cuda'
run infer-check -q --no-receipt --bench --device cuda "$MODEL"
well '--bench tells how fast it is' 0 'read-bytes-a-second: ' 'bandwidth-share: '
python3 - "$MODEL" nan.gguf <<'PY'
import sys
model = bytearray(open(sys.argv[1], 'rb').read())
at = len(model) - 4096
model[at:at + 2048] = b'\xff' * 2048  # NaN as f32 and as f16
open(sys.argv[2], 'wb').write(model)
PY
check nan.gguf
found=$(sed -n 's/.*in layer \([a-z0-9_.]*\) at.*/\1/p' .err)
check --device cuda nan.gguf
well 'a weight that is no number' 1 infer-number
same 'is found in the same layer as on the CPU' "$found" "$(sed -n 's/.*in layer \([a-z0-9_.]*\) at.*/\1/p' .err)"

# ---- launches that are recorded ----

asked 6
well 'the launches of a token are recorded' 0
same 'from the second one on: the prompt and the first token are launched' "$two" "$(counted launches)"
same 'and given to the card again for each' 4 "$(counted replays)"
# four sequences one behind the other, of one token too
printf '%s\n' 'greedy 12 1 9 7 8' 'forced 1 5 6' 'greedy 9 1' 'greedy 3 1 9' >sequences
"$BUILD/infer/logits" "$MODEL" --device cuda <sequences >with.json 2>.err
same 'they were' 1 "$(tail -n 1 counts | grep -c 'replays [1-9]')"
LD_LIBRARY_PATH=$WORK/old:$LD_LIBRARY_PATH "$BUILD/infer/logits" "$MODEL" --device cuda <sequences >without.json 2>.err
same 'which a driver without graphs does not' 1 "$(tail -n 1 counts | grep -c 'replays 0')"
[ -s with.json ] && cmp -s with.json without.json && ok 'all logits are those of single launches, bit for bit' ||
    not_ok 'all logits are those of single launches, bit for bit' "$(cmp with.json without.json 2>&1)"
[ ! -s complaints ] && ok 'and nothing is wrong with either' || not_ok 'and nothing is wrong with either' "$(head -n 3 complaints)"
for plan in cuStreamCreate:1:2 cuStreamBeginCapture_v2:1:401 "cuLaunchKernel:$((two + 7)):1" cuStreamEndCapture:1:901 cuGraphInstantiateWithFlags:1:2; do
    rm -f counts
    run env CUDA_FAULT="$plan" infer-check -q -n 6 --prompt 'The keeper' --no-receipt --device cuda --force --record single.evidence "$MODEL"
    well "$plan is no harm" 0
    same "as single launches follow $plan" "$(cat one.evidence) $((six))" "$(cat single.evidence) $(counted launches)"
done
for plan in cuGraphLaunch:1:719 cuGraphLaunch:3:700 cuGraphLaunch:3:lost "cuLaunchKernel:$((two + 7)):lost" cuStreamEndCapture:1:lost cuGraphInstantiateWithFlags:1:lost; do
    run env CUDA_FAULT="$plan" infer-check -q --no-receipt -n 6 --prompt 'The keeper' --device cuda "$MODEL"
    well "$plan" 3 infer-device
done
run env CUDA_FAULT=cuGraphLaunch:2:hang infer-check -q --no-receipt -n 6 --prompt 'The keeper' --device cuda --timeout 2 "$MODEL"
well 'cuGraphLaunch:2:hang' 3 infer-timeout

# ---- programs that are kept ----

same 'a program a device is kept' 2 "$(find cache -name '*.bin' | wc -l)"
same 'made for the device itself' 2 "$(grep -alE '^.{32}.ELF sm_(90|70)$' cache/*.bin | wc -l)"
run env CUDA_FAULT=nvrtcCompileProgram:1:6 infer-check -q --no-receipt --device cuda --expect one.evidence "$MODEL"
well 'a kept program needs no compiler' 0 'largest-difference: 0'
for kept in cache/*.bin; do
    changed "$kept" 5000
done
hold
well 'one that was changed is not believed' 0 'largest-difference: 0'
rm -rf cache
CUDA_ARCHITECTURES='60 75' # of compilers older than the first card, and younger than the second
export CUDA_ARCHITECTURES
hold
well 'a compiler that is older than the card makes PTX' 0 'largest-difference: 0'
same 'which is kept' 1 "$(grep -alE '^.{32}// compute_75$' cache/*.bin | wc -l)"
rm -rf cache
CUDA_ARCHITECTURES='100 120'
check --device cuda "$MODEL"
well 'a compiler without the card' 3 'compute capability 9.0' infer-device
unset CUDA_ARCHITECTURES

# ---- a card that fails ----

hold # its program is kept again
for plan in cuInit:1:100 cuDeviceGetCount:1:100 cuDeviceGet:1:101 cuDeviceGet:2:101 cuCtxCreate_v2:1:2 cuDeviceGetAttribute:2:1 cuModuleGetFunction:3:500 \
    cuMemAlloc_v2:1:700 cuMemAlloc_v2:20:719 cuMemcpyHtoD_v2:1:700 cuMemcpyHtoD_v2:30:719 cuLaunchKernel:1:701 cuLaunchKernel:20:719 cuLaunchKernel:7:lost \
    cuMemcpyDtoH_v2:1:700 cuMemcpyDtoH_v2:2:lost; do
    run env CUDA_FAULT=$plan infer-check -q --no-receipt -n 6 --prompt The --device cuda "$MODEL"
    well "$plan" 3 infer-device
done
run env CUDA_FAULT=cuDeviceTotalMem_v2:2:1 infer-check -q --no-receipt -n 6 --prompt The --device cuda "$MODEL"
well 'a card whose memory cannot be told' 3 infer-memory
run env CUDA_FAULT=cuMemAlloc_v2:9:2 infer-check -q --no-receipt -n 6 --prompt The --device cuda "$MODEL"
well 'a card whose memory others have' 3 infer-memory 'bytes are free'
run env CUDA_MEMORY=100000 infer-check -q --no-receipt -n 6 --prompt The --device cuda "$MODEL"
well 'a card that is too small' 3 infer-memory 'cuda:0 (Processor as card 0) has 100000 bytes, the model needs '
run env CUDA_FAULT=cuMemcpyDtoH_v2:1:wrong infer-check -q --no-receipt -n 6 --prompt The --device cpu,cuda "$MODEL"
well 'wrong numbers from a card' 1 'verdict: fail'
for plan in cuInit:1:hang cuMemcpyDtoH_v2:2:hang; do
    run env CUDA_FAULT=$plan infer-check -q --no-receipt -n 6 --prompt The --device cuda --timeout 2 "$MODEL"
    well "$plan" 3 infer-timeout
done
run env CUDA_FAULT=cuModuleLoadData:1:209 infer-check -q --no-receipt --device cuda --expect one.evidence "$MODEL"
well 'a kept program that the driver does not take is made again' 0 'largest-difference: 0'
rm -rf cache
for plan in nvrtcCreateProgram:1:1 nvrtcCompileProgram:1:6 nvrtcGetCUBINSize:1:4 nvrtcGetCUBIN:1:4 nvrtcGetNumSupportedArchs:1:4 cuModuleLoadData:1:209; do
    run env CUDA_FAULT=$plan infer-check -q --no-receipt -n 6 --prompt The --device cuda "$MODEL"
    well "$plan without a kept program" 3 infer-device
done

# ---- whole models, one of each kind of kernel, and a real one: each dtype alone has its products in `infer/device`, and on PoCL its models ----

PYTHON=
for python in python3 "$PEERS/python3" ${GGUF_PYTHON:+"$GGUF_PYTHON"}; do
    "$python" -c 'import gguf, numpy' 2>/dev/null && PYTHON=$python
done
if [ -n "$PYTHON" ] && "$PYTHON" "$ROOT/tests/infer/reference.py" make models 2>.err; then
    "$PYTHON" "$ROOT/tests/infer/reference.py" ask >ask
    for name in f16 q8_0 q4_k iq4_xs qwen2 wide-base; do
        file=models/$name.gguf
        "$BUILD/infer/logits" "$file" --device cuda <ask >answer 2>.err &&
            found=$("$PYTHON" "$ROOT/tests/infer/reference.py" compare models "$name" <answer 2>&1) && ok "$name on CUDA: $found" ||
            not_ok "$name on CUDA" "$found" "$(cat .err)"
    done
else
    skip 'whole models on CUDA' 'no Python modules gguf and numpy here'
fi
DATA=$ROOT/../shared/data real=stories260K-q8_0
if [ -d "$DATA/golden" ] && [ -x "$BUILD/infer/logits" ]; then
    found=$(python3 "$ROOT/tests/infer/golden.py" "$DATA/golden/greedy-$real.json" "$BUILD/infer/logits" "$DATA/gguf/$real.gguf" --device cuda 2>&1) &&
        ok "$real on CUDA: ${found##*yes: }" || not_ok "$real on CUDA" "$found"
else
    skip 'a real model on CUDA' 'no ../shared/data here'
fi
[ ! -s complaints ] && ok 'and nothing is wrong with any of them' || not_ok 'and nothing is wrong with any of them' "$(head -n 3 complaints)"

# ---- a driver alone ----

rm -f card/libnvrtc.so.12
check --device cuda "$MODEL"
expect 'a driver without its compiler' 3 infer-device
