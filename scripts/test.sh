#!/bin/sh
# Installs what the tests need, builds, and runs all tests; the last line counts them.
set -eu
cd "$(dirname "$0")/.."
sh scripts/bootstrap.sh test
sh scripts/peers.sh
make -s -j"$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)" all unit replayers faulty benches build/tables >/dev/null
BUILD=build exec sh tests/run.sh
