# SHA-256 in lanes on arm64, through an emulator: the files of lib/hash that no test on another processor runs.
. "$(dirname "$0")/harness.sh"
TARGET=aarch64-linux-gnu
need 'arm64' $TARGET-gcc || exit 0
need 'arm64' qemu-aarch64 || exit 0

# for_arm64 FLAGS...: a static program out of the library's files and the checks
for_arm64() {
    for file in hash/sha256_lanes base/processor hash/sha256_portable hash/sha256_neon hash/sha256_armv8; do
        [ $file = hash/sha256_armv8 ] && march=armv8-a+crypto || march=armv8-a
        $TARGET-gcc -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 "$@" -march=$march -I"$ROOT/lib" \
            -c -o "${file#*/}.o" "$ROOT/lib/$file.c" || return 1
    done
    $TARGET-gcc -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 "$@" -I"$ROOT/lib" -I"$ROOT/tests/unit" -static \
        -o program "$ROOT/tests/cmd/sha256_arm64.c" sha256_*.o processor.o
}

# the checks say what they find; a trap ends the program where the sanitizer finds something
for flags in '' '-fsanitize=undefined -fsanitize-undefined-trap-on-error'; do
    how="arm64${flags:+, its behaviour checked}"
    # shellcheck disable=SC2086
    run for_arm64 $flags
    expect "$how: the program is built" 0
    [ "$status" -eq 0 ] || continue
    run qemu-aarch64 -cpu max ./program
    printf '%s\n' "$out" | sed "s/SHA-256 by/$how: &/"
    same "$how: all kinds of instructions were tried" '0 4 0' \
        "$status $(printf '%s\n' "$out" | grep -c '^ok\|^not ok') $(printf '%s\n' "$out" | grep -c '^skip')"
done
