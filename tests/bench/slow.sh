#!/bin/sh
# An import from a slow medium beside `cp` alone from it: what computes is to hide behind what reads. The medium is made slow by a
# library that is preloaded into both. BENCH_SLOW_MIB (128) is the model's size, BENCH_SLOW_RATE (30000000) bytes a second, BENCH_SLOW_RUNS (3) how often.
set -eu
cd "$(dirname "$0")/../.."
bench=$PWD/tests/bench
case ${BUILD:-build} in /*) PATH=${BUILD}/bin:$PATH ;; *) PATH=$PWD/${BUILD:-build}/bin:$PATH ;; esac
mib=${BENCH_SLOW_MIB:-128}
rate=${BENCH_SLOW_RATE:-30000000}
runs=${BENCH_SLOW_RUNS:-3}
work=$(mktemp -d "${TMPDIR:-/tmp}/minimodel-slow.XXXXXX")
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
${CC:-cc} -O2 -shared -fPIC -o "$work/slow.so" "$bench/preload/slow.c" -ldl
cd "$work"
mkdir slow-medium
head -c "${mib}M" /dev/urandom >slow-medium/big.bin
(cd slow-medium && manifest-make -q --private --chunk-lists . --role big.bin=weights big.bin >big.manifest)
python3 - "$runs" "$rate" "$((mib << 20))" <<'PY'
import os, subprocess, sys, time

runs, rate, size = (int(argument) for argument in sys.argv[1:])
ROWS = ['cp slow-medium/big.bin copy.bin', 'slm-import -q --allow-unsigned --home store slow-medium']
times = {row: [] for row in ROWS}
slowed = dict(os.environ, LD_PRELOAD=os.path.abspath('slow.so'), SLOW_WORD='/slow-medium/', SLOW_RATE=str(rate))
for _ in range(runs):
    for row in ROWS:
        subprocess.run('rm -rf store copy.bin', shell=True, check=True)
        start = time.monotonic()
        subprocess.run(row.split(), env=slowed, stdout=subprocess.DEVNULL, check=True)
        times[row].append(time.monotonic() - start)
median = {row: sorted(times[row])[len(times[row]) // 2] for row in ROWS}
print(f'{"from " + str(rate // 1000000) + " MB a second, " + str(size >> 20) + " MiB":66} {"seconds":>8} {"ratio":>6}')
for row in ROWS:
    print(f'{row:66} {median[row]:8.3f} {median[row] / median[ROWS[0]]:6.3f}')
if median[ROWS[0]] < 0.9 * size / rate:
    sys.exit('slow: cp was not slowed down, so that this says nothing')
PY
