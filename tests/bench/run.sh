#!/bin/sh
# make bench: the commands beside those that people use for the same job, each as a whole process, alternating, median of
# BENCH_RUNS (5) runs. Prints seconds, the ratio to the peer, and peak memory. BENCH_MIB (1024) is the file's size.
set -eu
cd "$(dirname "$0")/../.."
PATH=$PWD/${BUILD:-build}/bin:$PATH
mib=${BENCH_MIB:-1024}
runs=${BENCH_RUNS:-5}
work=$(mktemp -d "${TMPDIR:-/tmp}/minimodel-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
cp -r share/model "$work/small"
head -c "${mib}M" /dev/urandom >"$work/big.bin"
cd "$work"
manifest-make -q --private --role big.bin=weights big.bin >big.manifest
python3 - "$runs" <<'PY'
import os, resource, subprocess, sys, time

def once(command):
    start = time.monotonic()
    child = subprocess.Popen(command, shell=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        sys.exit(f'bench: {command} failed')
    return time.monotonic() - start, usage.ru_maxrss

def median(values):
    return sorted(values)[len(values) // 2]

PEER = 'exec sha256sum big.bin'
ROWS = ['exec sha256sum big.bin', 'exec openssl dgst -sha256 big.bin', 'exec chunk-merkle big.bin', 'exec chunk-merkle --no-sha256 big.bin',
        'exec slm-verify big.manifest', 'exec slm-verify --quick big.manifest', 'exec cat big.bin',
        'cp big.bin copy.bin && exec sync copy.bin', 'exec slm-import -q --allow-unsigned --home store big.manifest',
        'exec slm-import -q --allow-unsigned --link --home store big.manifest']
runs = int(sys.argv[1])
times = {row: [] for row in ROWS}
memory = dict.fromkeys(ROWS, 0)
for turn in range(runs + 1):  # the first turn warms the page cache
    for row in ROWS:
        subprocess.run('rm -rf store copy.bin && chmod u+w big.bin', shell=True, check=True)
        seconds, peak = once(row)
        if turn:
            times[row].append(seconds)
        memory[row] = max(memory[row], peak)
print(f'{"command":66} {"seconds":>8} {"ratio":>6} {"KiB":>8}')
for row in ROWS:
    seconds = median(times[row])
    print(f'{row.replace("exec ", ""):66} {seconds:8.3f} {seconds / median(times[PEER]):6.2f} {memory[row]:8}')
PY
