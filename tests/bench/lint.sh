#!/bin/sh
# make bench, third part: BENCH_MANIFESTS (100000) manifests of 40 lines through manifest-lint beside `cat` of them through `wc`, all of them in the
# page cache. Alternating, median of BENCH_RUNS (5) runs. BENCH_FOLDER (TMPDIR) is where they stand.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
PATH=$PWD/${BUILD:-build}/bin:$PATH
PYTHONDONTWRITEBYTECODE=1
LC_ALL=C
export PYTHONDONTWRITEBYTECODE LC_ALL
work=$(mktemp -d "${BENCH_FOLDER:-${TMPDIR:-/tmp}}/minimodel-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 "$root/tests/bench/lint.py" manifests "${BENCH_MANIFESTS:-100000}"
python3 "$root/tests/bench/lint.py" measure "${BENCH_RUNS:-5}"
