#!/bin/sh
# --threads and MINIMODEL_SHA256: whatever hashes, and with however many threads, what is found is the same.
. "$(dirname "$0")/harness.sh"
need threads python3 || exit 0
unset MINIMODEL_SHA256

# ---- a file larger than several windows, with a damaged twin ----

python3 - <<'PY'
import random
noise = random.Random(5).randbytes(1 << 20)
with open('big.bin', 'wb') as file:
    for i in range(45):
        file.write(i.to_bytes(64, 'big') + noise[64:])
    file.write(noise[:12345])
PY
cp big.bin damaged.bin
for at in 0 17000000 40000001 47198264; do printf X | dd of=damaged.bin bs=1 seek=$at conv=notrunc status=none; done
chunk-merkle -s 64K -l small.list big.bin >facts
chunk-merkle -l large.list big.bin >facts.1M
same 'sha256sum agrees' "$(sha256sum big.bin | cut -d' ' -f1)" "$(sed -n 's/^artifact-sha256: //p' facts)"

same_everywhere() { # NAME COMMAND...: the output, the findings and the exit status are those of one thread
    name=$1
    shift
    "$@" --threads 1 >one.out 2>one.err
    echo $? >one.status
    for threads in 2 3 5 16 1000; do
        "$@" --threads $threads >many.out 2>many.err
        echo $? >many.status
        if cmp -s one.out many.out && cmp -s one.err many.err && cmp -s one.status many.status; then
            ok "$name: $threads threads"
        else
            not_ok "$name: $threads threads" "$(diff one.out many.out | head -3)" "$(diff one.err many.err | head -3)"
        fi
    done
}
same_everywhere 'chunk-merkle' chunk-merkle big.bin
same_everywhere 'chunk-merkle --no-sha256' chunk-merkle --no-sha256 big.bin
same_everywhere 'small chunks' chunk-merkle -s 64K --no-sha256 big.bin
same_everywhere 'large chunks' chunk-merkle -s 16M --no-sha256 big.bin
same_everywhere 'a proof' chunk-merkle -s 64K -p 700 big.bin
same_everywhere 'a damaged file' chunk-merkle -c small.list damaged.bin
same_everywhere 'a damaged file, without the whole hash' chunk-merkle -c large.list --no-sha256 damaged.bin
run chunk-merkle -c large.list --no-sha256 --threads 3 damaged.bin
same 'its chunks are the four' "0 16 38 45" "$(printf '%s\n' "$out" | cut -f1 | tr '\n' ' ' | sed 's/ $//')"
same 'a pipe gives the same' "$(chunk-merkle big.bin)" "$(cat big.bin | chunk-merkle --threads 3 -)"

# ---- each kind of instructions ----

paths=$(sed -n 's/^ *{"\([a-z0-9]*\)", *[0-9]*, .*/\1/p' "$ROOT/lib/hash/sha256_lanes.c")
ran=0
for path in $paths; do
    MINIMODEL_SHA256=$path run chunk-merkle -s 64K big.bin
    if [ "$status" -eq 2 ]; then
        skip "$path" 'this processor lacks it'
        continue
    fi
    ran=$((ran + 1))
    same "$path: the same facts" "$(cat facts)" "$out"
    for threads in 1 3; do
        same "$path: the same chunks, $threads threads" "$(grep -v artifact-sha256 facts.1M)" \
            "$(MINIMODEL_SHA256=$path chunk-merkle --no-sha256 --threads $threads big.bin)"
        MINIMODEL_SHA256=$path run chunk-merkle -c small.list --threads $threads damaged.bin
        same "$path: the same wrong chunks, $threads threads" "0 259 610 720" "$(printf '%s\n' "$out" | cut -f1 | tr '\n' ' ' | sed 's/ $//')"
    done
done
[ "$ran" -ge 2 ] && ok 'portable code and libcrypto run everywhere' || not_ok 'portable code and libcrypto run everywhere' "$paths"

# ---- a folder of many files, some of them wrong ----

mkdir many
for i in $(seq 60); do head -c $((i * 7001)) big.bin >many/$i.bin; done
cp big.bin many/big.bin
mkdir lists
same_everywhere 'manifest-make of many files' env SOURCE_DATE_EPOCH=0 manifest-make --private --role big.bin=weights many
manifest-make -q --private --role big.bin=weights -s 64K --chunk-lists lists many >many.manifest
cp lists/*.chunks many/
same_everywhere 'a whole model' slm-verify many.manifest many
printf X | dd of=many/40.bin bs=1 seek=70000 conv=notrunc status=none
printf X >>many/7.bin
rm many/33.bin
cp damaged.bin many/big.bin
same_everywhere 'a damaged model' slm-verify many.manifest many
same_everywhere 'a damaged model, --quick' slm-verify --quick many.manifest many
same_everywhere 'a damaged model, --json' slm-verify --json many.manifest many
same_everywhere 'a damaged model, --sarif' slm-verify --sarif many.manifest many
slm-verify -q --threads 1 -b one.ranges many.manifest many >/dev/null 2>&1
slm-verify -q --threads 4 -b many.ranges many.manifest many >/dev/null 2>&1
same 'bad ranges come in the same order' "$(cat one.ranges)" "$(cat many.ranges)"
same 'and are six' 6 "$(grep -c . many.ranges)"

# ---- calls that cannot be meant ----

for threads in 0 -1 x '' 1.5 99999999999999999999; do
    run chunk-merkle --threads="$threads" big.bin
    expect "--threads='$threads' is refused" 2 'expected a number from 1 on'
done
MINIMODEL_SHA256=md5 run chunk-merkle big.bin
expect 'unknown instructions are refused' 2 'MINIMODEL_SHA256'
MINIMODEL_SHA256='' run chunk-merkle big.bin
expect 'an empty value is none' 0
run slm-verify --oms bundle --key key --threads 2 model
expect '--oms has no threads' 2
