#!/bin/sh
# Files that are mapped: one that shrinks, or cannot be read, ends in a finding, and never in a signal or in a verdict.
. "$(dirname "$0")/harness.sh"
FAULTY=$BUILD/fault
[ -x "$FAULTY/chunk-merkle" ] || { skip 'mapped files' 'the commands with faults are not built'; exit 0; }

# tensors SIZE: a safetensors file with two tensors of SIZE bytes each, and a small one between them
tensors() {
    python3 - "$1" <<'PY'
import json, random, struct, sys
size = int(sys.argv[1])
ends = [size, size + 40, size + 40 + size]
header = json.dumps({name: {'dtype': 'U8', 'shape': [to - at], 'data_offsets': [at, to]}
                     for name, at, to in zip('abc', [0] + ends, ends)}).encode()
header += b' ' * (-len(header) % 8)
sys.stdout.buffer.write(struct.pack('<Q', len(header)) + header + random.Random(1).randbytes(ends[-1]))
PY
}
tensors 11000000 >whole.safetensors
cp whole.safetensors m.safetensors
SIZE=$(wc -c <m.safetensors)
manifest-make -q --private -s 64K m.safetensors >m.manifest || not_ok 'a manifest'
good=$(chunk-merkle m.safetensors)

# maps COMMAND...: how many times it maps something
maps() {
    FAULT=map:1000000:1 FAULT_COUNT=$WORK/count "$@" >/dev/null 2>&1
    cat "$WORK/count"
}
mapped=$(maps "$FAULTY/chunk-merkle" m.safetensors)
[ "$mapped" -gt 1 ] || { skip 'mapped files' 'files are not mapped in this file system'; exit 0; }
same 'small files are not mapped' 0 "$(maps "$FAULTY/chunk-merkle" m.manifest)"

each_command() { # NAME ENVIRONMENT STATUS TEXT...
    name=$1 fault=$2
    shift 2
    for command in "chunk-merkle --threads 1" "chunk-merkle --threads 2" "chunk-merkle --no-sha256 --threads 1" \
        "chunk-merkle --no-sha256 --threads 2" slm-info; do
        cp whole.safetensors m.safetensors
        # shellcheck disable=SC2086
        run env "$(eval "printf '%s' \"$fault\"")" "$FAULTY/"$command m.safetensors
        expect "$name: $command" "$@"
    done
    for command in "slm-verify --threads 1" "slm-verify --threads 2" "slm-verify --quick"; do
        cp whole.safetensors m.safetensors
        # shellcheck disable=SC2086
        run env "$(eval "printf '%s' \"$fault\"")" "$FAULTY/"$command m.manifest
        expect "$name: $command" "$@"
        case $out in *'verdict: fail'* | *'verdict: pass'*) not_ok "$name: $command proves nothing" "$out" ;; esac
    done
}
for cut in 1:0 1:1 1:4096 1:200000 1:$((SIZE - 1)) 2:0 2:4000000 3:12345678; do
    each_command "cut at $cut" "FAULT_CUT=$cut:m.safetensors" 3 io-changed 'shrank while it was read'
done
for sector in 0 3000000 $((SIZE - 1)); do
    each_command "a sector at $sector" "FAULT_SECTOR=\$(stat -c %i m.safetensors):$sector" 3 io-read
done

# what cannot be mapped is read
for command in "chunk-merkle --threads 1" "chunk-merkle --threads 2" "chunk-merkle --no-sha256 --threads 2" "slm-info"; do
    cp whole.safetensors m.safetensors
    # shellcheck disable=SC2086
    wrong=$(python3 "$ROOT/tests/cmd/faults.py" map 12 "$WORK/o" "$FAULTY/"$command m.safetensors 2>&1)
    same "$command where a mapping fails" '' "$wrong"
done
cp whole.safetensors m.safetensors
run env FAULT=map:2:12 "$FAULTY/chunk-merkle" --threads 1 m.safetensors
same "the same facts where the first mapping of the file fails" "$good" "$out"

# bytes that come through a pipe, by a thread of their own or not
for command in "chunk-merkle --threads 1" "chunk-merkle --threads 2" "chunk-merkle --threads 2 --no-sha256"; do
    # shellcheck disable=SC2086
    same "a pipe: $command" "$($command whole.safetensors)" "$(cat whole.safetensors | $command -)"
    # shellcheck disable=SC2086
    same "standard input that was read in part: $command" "$(tail -c +700001 whole.safetensors | $command -)" \
        "$(python3 -c 'import os, sys
os.lseek(0, 700000, os.SEEK_SET)
os.execvp(sys.argv[1], sys.argv[1:])' $command - <whole.safetensors)"
done

# a handler that others have set, or a mask that keeps the signal away, is no danger
run python3 -c 'import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGBUS])
os.execvp(sys.argv[1], sys.argv[1:])' "$FAULTY/chunk-merkle" m.safetensors
same 'the same facts where SIGBUS is blocked' "$good" "$out"
for cut in 1:0 2:4000000; do
    cp whole.safetensors m.safetensors
    run env "FAULT_CUT=$cut:m.safetensors" python3 -c 'import os, signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGBUS])
os.execvp(sys.argv[1], sys.argv[1:])' "$FAULTY/chunk-merkle" m.safetensors
    expect "cut at $cut where SIGBUS is blocked" 3 io-changed 'shrank while it was read'
done
