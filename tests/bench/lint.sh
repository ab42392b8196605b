#!/bin/sh
# make bench, third part: BENCH_MANIFESTS (100000) manifests of 40 lines through manifest-lint beside `cat` of them through `wc`, and
# BENCH_SMALL (5000) models of 20 KB through slm-verify beside sha256sum of their files, all of them in the page cache. Alternating, medians of
# BENCH_RUNS (5) runs. BENCH_FOLDER (TMPDIR) is where they stand.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$root/$BUILD ;; esac
PATH=$BUILD/bin:$PATH
LC_ALL=C
export BUILD PATH LC_ALL
work=$(mktemp -d "${BENCH_FOLDER:-${TMPDIR:-/tmp}}/minimodel-bench.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -m 700 "$work/none" && mkdir "$work/empty"
MINIMODEL_KEYRING=$work/none
MINIMODEL_HOME=$work/empty/none
export MINIMODEL_KEYRING MINIMODEL_HOME
mkdir "$work/files" && cd "$work/files"
"${PYTHON:-python3}" -B "$root/tests/bench/lint.py" "${BENCH_MANIFESTS:-100000}" "${BENCH_SMALL:-5000}" "${BENCH_RUNS:-5}"
