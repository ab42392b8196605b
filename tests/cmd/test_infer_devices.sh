#!/bin/sh
# infer-check on devices: OpenCL's answers are the CPU's, for every dtype and model at hand, and whatever goes wrong with a device ends clearly.
. "$(dirname "$0")/harness.sh"
need 'running on devices' python3 || exit 0
MINIMODEL_CACHE=$WORK/cache POCL_CACHE_DIR=$WORK/pocl
export MINIMODEL_CACHE POCL_CACHE_DIR
mkdir pocl
file="--no-receipt $MODEL"
check() { run infer-check -q -n 6 --prompt 'The keeper' "$@"; }
hold() { run infer-check -q "$@"; } # against evidence, whose prompts these are

# ---- no device ----

run infer-check --list-devices
expect 'the CPU is a device' 0 'cpu	'
opencl=$(grep '^opencl:0	' "$WORK/.out")
# shellcheck disable=SC2086 # two words
{
check --device gpu $file
expect 'a name that no device has' 2 "found 'gpu'"
check --device opencl:64 $file
expect 'a number that is too large' 2 "found 'opencl:64'"
check --device cpu,cpu,cpu,cpu,cpu $file
expect 'five devices' 2 'at most 4'
check --device opencl:63 $file
expect 'a device that is not there' 3 infer-device
check --device cuda:63 $file
expect 'a CUDA device that is not there' 3 infer-device
run env LD_LIBRARY_PATH="$WORK/none" infer-check --device auto -n 6 --prompt 'The keeper' $file
expect 'auto is always something' 0 'device: '
}
if [ -z "$opencl" ]; then
    skip 'OpenCL' 'no OpenCL device here: pocl-opencl-icd and ocl-icd-libopencl1 are one'
    exit 0
fi
echo "# $opencl"

# ---- what is computed ----

if [ -x "$BUILD/infer/device" ]; then
    "$BUILD/infer/device" opencl >.products 2>.err
    sed 's/^\(ok\|not ok\): /\1 products with /' .products
    same 'products of every dtype' '15 0' "$(grep -c '^ok' .products) $(grep -c '^not ok' .products)"
else
    not_ok 'products of every dtype' "expected $BUILD/infer/device, found none"
fi

# shellcheck disable=SC2086 # two words
{
check --device cpu,opencl --record first.evidence $file
expect 'OpenCL answers as the CPU does' 0 'compared-with: cpu' 'result: equal' 'verdict: pass'
hold --device opencl --expect first.evidence $file
expect 'what the CPU answered holds on OpenCL' 0 'device: opencl ' 'verdict: pass'
check --device opencl --record one.evidence $file
check --device opencl --record two.evidence $file
same 'a device answers twice alike, bit for bit' "$(cat one.evidence)" "$(cat two.evidence)"
hold --device opencl --expect one.evidence --force --record back.evidence $file
expect 'and passes its own evidence' 0 'largest-difference: 0'
check --device auto $file
expect 'auto takes a device that is there' 0 'device: '

# ---- programs that are kept ----

kept=$(find "$MINIMODEL_CACHE" -name '*.bin')
same 'one program is kept' 1 "$(echo "$kept" | grep -c .)"
for damage in cut flipped empty; do
    case $damage in
    cut) truncate -s 1000 "$kept" ;;
    flipped) changed "$kept" 5000 ;;
    empty) : >"$kept" ;;
    esac
    hold --device opencl --expect one.evidence $file
    expect "a kept program that is $damage is not believed" 0 'verdict: pass' 'largest-difference: 0'
    python3 -c "
import hashlib, sys
text = open(sys.argv[1], 'rb').read()
sys.exit(hashlib.sha256(text[32:]).digest() != text[:32])" "$kept"
    same "and is made again after it was $damage" 0 $?
done
rm -f "$kept"
for seconds in 0.05 0.3 0.8; do # while it is built
    timeout -s KILL $seconds infer-check -q --device opencl $file >/dev/null 2>&1
done
hold --device opencl --expect one.evidence $file
expect 'after kills in the middle it is made' 0 'verdict: pass'
same 'and nothing half is left' '' "$(find "$MINIMODEL_CACHE" -name '*.bin' -size -32c)"
rm -rf "$MINIMODEL_CACHE"
: >"$MINIMODEL_CACHE" # no folder
hold --device opencl --expect one.evidence $file
expect 'without a place for programs it runs too' 0 'verdict: pass'
rm -f "$MINIMODEL_CACHE"

# ---- numbers that are none ----

python3 - "$MODEL" nan.gguf <<'PY'
import sys
model = bytearray(open(sys.argv[1], 'rb').read())
at = len(model) - 4096
model[at:at + 2048] = b'\xff' * 2048  # NaN as f32 and as f16
open(sys.argv[2], 'wb').write(model)
PY
check --no-receipt nan.gguf
found=$(sed -n 's/.*in layer \([a-z0-9_.]*\) at.*/\1/p' "$WORK/.err")
expect 'a weight that is no number, on the CPU' 1 infer-number
check --device opencl --no-receipt nan.gguf
expect 'and on OpenCL' 1 infer-number
same 'in the same layer' "$found" "$(sed -n 's/.*in layer \([a-z0-9_.]*\) at.*/\1/p' "$WORK/.err")"
}

# ---- a library that fails ----

real=$(ldconfig -p 2>/dev/null | sed -n 's/^.*libOpenCL\.so\.1 .*x86-64.*=> //p; s/^.*libOpenCL\.so\.1 .*AArch64.*=> //p' | head -n 1)
mkdir broken
if [ -n "$real" ] && ${CC:-cc} -shared -fPIC -o broken/libOpenCL.so.1 "$ROOT/tests/fault/opencl.c" -ldl 2>.err; then
    # shellcheck disable=SC2086 # words
    # fault CALL:N:WHAT ARGUMENT...
    fault() {
        plan=$1 && shift
        run env LD_LIBRARY_PATH="$WORK/broken" OPENCL="$real" OPENCL_FAULT="$plan" infer-check -q --no-receipt "$@" "$MODEL"
    }
    asked="-n 6 --prompt The"
    fault :: --device opencl --expect one.evidence
    expect 'a library in between changes nothing' 0 'verdict: pass'
    for plan in clGetPlatformIDs:1:-1001 clGetDeviceIDs:1:-1 clCreateContext:1:-2 clCreateCommandQueue:1:-6 clCreateKernel:3:-46 \
        clCreateBuffer:1:-61 clCreateBuffer:20:-4 clEnqueueWriteBuffer:1:-5 clEnqueueWriteBuffer:30:-5 clSetKernelArg:50:-51 \
        clEnqueueNDRangeKernel:1:-54 clEnqueueNDRangeKernel:40:-14 clEnqueueReadBuffer:1:-36 clEnqueueReadBuffer:4:-14; do
        fault $plan --device opencl $asked
        expect "$plan" 3 infer-device
    done
    fault clGetDeviceInfo:7:-30 --device opencl $asked # its memory cannot be told: there is none
    expect 'a device without memory' 3 'infer-memory'
    rm -rf "$MINIMODEL_CACHE"
    fault clBuildProgram:1:-11 --device opencl $asked
    expect 'a compiler that fails' 3 infer-device
    fault clCreateProgramWithSource:1:-6 --device opencl $asked
    expect 'a program that cannot be made' 3 infer-device
    fault clGetProgramInfo:1:-5 --device opencl --expect one.evidence
    expect 'a program that cannot be kept' 0 'verdict: pass'
    fault clEnqueueReadBuffer:1:wrong --device cpu,opencl $asked
    expect 'wrong numbers from a device' 1 'verdict: fail'
    fault clGetPlatformIDs:1:hang --device opencl --timeout 2 $asked
    expect 'a driver that hangs while it is opened' 3 infer-timeout
    fault clEnqueueReadBuffer:2:hang --device opencl --timeout 2 $asked
    expect 'a device that does not answer' 3 infer-timeout
else
    skip 'a library that fails' 'no libOpenCL.so.1 in the list of libraries, or no compiler'
fi

# ---- real models ----

DATA=$ROOT/../shared/data
if [ -d "$DATA/golden" ] && [ -x "$BUILD/infer/logits" ]; then
    for answers in "$DATA"/golden/greedy-*.json; do
        name=$(basename "$answers" .json)
        name=${name#greedy-}
        case $name in
        *-hf) model="$DATA/hf/${name%-hf} --tokenizer $DATA/gguf/stories260K-f32.gguf" ;;
        *) model=$DATA/gguf/$name.gguf ;;
        esac
        # shellcheck disable=SC2086 # words
        found=$(python3 "$ROOT/tests/infer/golden.py" "$answers" "$BUILD/infer/logits" $model --device opencl 2>&1) &&
            ok "$name on OpenCL: ${found##*yes: }" || not_ok "$name on OpenCL" "$found"
    done
else
    skip 'real models on OpenCL' 'no ../shared/data here'
fi
