#!/bin/sh
# Runs every unit test, every scenario and every fuzz corpus; the last line counts them.
# Usage: tests/run.sh [PATTERN]   (only test programs whose path matches PATTERN)
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build}
export BUILD
pattern=${1:-.}
results=$BUILD/test-results
mkdir -p "$BUILD" && : >"$results" || exit 1

# record NAME COMMAND...: appends the ok / not ok / skip lines that COMMAND prints; one that ends badly without a
# `not ok`, or prints no line at all, is a failure of its own.
record() {
    name=$1
    shift
    printf '== %s\n' "$name"
    "$@" >"$BUILD/test-output" 2>&1
    status=$?
    grep -E '^(ok|not ok|skip|#)' "$BUILD/test-output" | tee -a "$results" | grep -vE '^ok' || true
    if ! grep -qE '^(ok|not ok|skip)' "$BUILD/test-output" || { [ "$status" -ne 0 ] && ! grep -q '^not ok' "$BUILD/test-output"; }; then
        printf 'not ok %s ended with %s\n' "$name" "$status" | tee -a "$results"
        tail -n 20 "$BUILD/test-output"
    fi
}

for test in "$BUILD"/unit/*; do
    [ -x "$test" ] && [ -f "$test" ] && printf '%s' "$test" | grep -q "$pattern" && CMOCKA_MESSAGE_OUTPUT=TAP record "$test" "$test"
done
for test in tests/cmd/test_*.sh tests/fuzz/test_*.sh; do
    [ -f "$test" ] && printf '%s' "$test" | grep -q "$pattern" && record "$test" sh "$test"
done

passed=$(grep -c '^ok' "$results")
failed=$(grep -c '^not ok' "$results")
skipped=$(grep -c '^skip' "$results")
printf '%s passed, %s failed, %s skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
