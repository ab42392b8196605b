#!/bin/sh
# make bench, second part: catalogs of BENCH_MODELS (100000) models beside what others need for the same bytes: sha256sum of the manifests, and
# `jq -c .` of the lines. Alternating, median of BENCH_RUNS (3) runs; the ratio is that to both together, which may be 2; the last lines are those
# sums, and of a first build, a check and a search together. BENCH_FOLDER (TMPDIR) is where all of it stands: 3 GB and 10 files a model while it runs.
set -eu
cd "$(dirname "$0")/../.."
root=$PWD
PATH=$PWD/${BUILD:-build}/bin:$PATH
work=$(mktemp -d "${BENCH_FOLDER:-${TMPDIR:-/tmp}}/minimodel-bench.XXXXXX")
quick=$work # where flushing costs nothing, if there is such a place
[ ! -w /dev/shm ] || quick=$(mktemp -d /dev/shm/minimodel-bench.XXXXXX)
trap 'rm -rf "$work" "$quick"' EXIT
command -v jq >/dev/null || { echo "bench: catalogs are not measured, as jq is not installed"; exit 0; }
cd "$quick"
id=$(key-make -q --no-password demo | sed -n 's/^key-id: //p')
python3 "$root/tests/bench/catalogs.py" manifests "${BENCH_MODELS:-100000}" unsigned none
python3 "$root/tests/bench/catalogs.py" manifests "${BENCH_MODELS:-100000}" signed "$id"
manifest-sign -q -s demo.key --files-from signed.list >/dev/null 2>&1
[ "$quick" = "$work" ] || cp -r "$quick/." "$work"
cd "$work"
mkdir -m 700 nobody keyring && mkdir keyring/demo && cp demo.pub "keyring/demo/$id.pub"
sync
python3 "$root/tests/bench/catalogs.py" measure "${BENCH_RUNS:-3}"
