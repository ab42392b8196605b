#!/bin/sh
# run.sh ratios|growth [OPTION]...: tests/bench/bench.py, which says more, with what was built in BUILD (build), and with the b3sum that
# scripts/peers.sh may have put there.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$root/$BUILD ;; esac
PATH=$BUILD/bin:$root/build/b3sum/bin:$PATH
export PATH BUILD
exec "${PYTHON:-python3}" -B "$root/tests/bench/bench.py" "${@:-ratios}"
