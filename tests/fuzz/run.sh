#!/bin/sh
# tests/fuzz/run.sh "NAMES" SECONDS: runs libFuzzer on each harness for SECONDS, with the corpus as its seeds. Binaries,
# what the fuzzers found worth keeping, and inputs that crash are left in build/fuzzing/. Needs clang (14 and 19 are known).
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/fuzz/corpus.sh
names=$1 seconds=${2:-30} CC=${CC:-clang} out=build/fuzzing
command -v "$CC" >/dev/null || { echo "no $CC here" >&2; exit 3; }
mkdir -p $out/corpus && rm -rf $out/testdata && python3 scripts/make-testdata.py $out/testdata &&
    python3 tests/cmd/models.py seeds $out/testdata && python3 tests/cmd/folder.py seeds $out/testdata &&
    python3 tests/cmd/keys.py seeds $out/testdata && python3 tests/cmd/oms.py seeds $out/testdata &&
    python3 tests/cmd/catalogs.py seeds $out/testdata && python3 tests/cmd/repairs.py seeds $out/testdata &&
        python3 tests/cmd/peers.py seeds $out/testdata || exit 1
# Everything is built as always, with the fuzzer's counters in it; the sanitizers' own runtime stands in for hardening.
built() {
    make -s BUILD=$out CC="$CC" CFLAGS='-O1 -g' SANITIZE=address,undefined EXTRA_CFLAGS=-fsanitize=fuzzer-no-link "$@"
}

# build NAME: the harness and both libraries, linked with the fuzzer's main
build() {
    # shellcheck disable=SC2046 # pkg-config prints words
    built $out/obj/tests/fuzz/"fuzz_$1".o $out/libminimodel-infer.a $out/libminimodel.a &&
        "$CC" -fsanitize=fuzzer,address,undefined -pie -pthread -o "$out/fuzz_$1" $out/obj/tests/fuzz/"fuzz_$1".o \
            $out/libminimodel-infer.a $out/libminimodel.a $(pkg-config --libs libcrypto libsodium zlib) -lm
}

# seeds NAME: the corpus folders of a harness as one flat folder; large files would only slow the fuzzer
seeds() {
    rm -rf "$out/seeds/$1" && mkdir -p "$out/seeds/$1" "$out/corpus/$1" "$out/found/$1"
    for folder in $(folders_of "$1"); do
        find "$out/testdata/$folder" -type f -size -128k
    done | while read -r file; do
        cp "$file" "$out/seeds/$1/$(printf '%s' "${file#"$out/testdata/"}" | tr / _)"
    done
}

# Freed memory that the sanitizer keeps back must not look like the parser's.
ASAN_OPTIONS=${ASAN_OPTIONS:-quarantine_size_mb=64}
export ASAN_OPTIONS

failed=0
for name in $names; do
    printf 'fuzz %s for %s s\n' "$name" "$seconds"
    if ! build "$name" || ! seeds "$name"; then
        failed=1
        continue
    fi
    "$out/fuzz_$name" -max_total_time="$seconds" -max_len=131072 -rss_limit_mb=512 -timeout=10 -print_final_stats=1 \
        -artifact_prefix="$out/found/$name/" "$out/corpus/$name" "$out/seeds/$name" >"$out/$name.log" 2>&1
    status=$?
    grep -E '^stat::(number_of_executed_units|average_exec|peak_rss)' "$out/$name.log"
    if [ "$status" -ne 0 ]; then
        printf 'not ok fuzz %s: see %s and %s\n' "$name" "$out/$name.log" "$out/found/$name/"
        tail -n 40 "$out/$name.log"
        failed=1
    fi
done
exit $failed
