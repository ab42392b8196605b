# SHA-256 in lanes and the kernels of inference on arm64, through an emulator: files that no test on another processor runs.
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

# kernels FLAGS...: the sets of lib/infer and what compares them
kernels() {
    for file in infer/kernels infer/kernels_portable infer/kernels_fast_portable infer/kernels_neon infer/kernels_fast_dotprod \
        base/processor model/dtype model/quantize model/dequantize; do
        [ "${file%_dotprod}" = "$file" ] && march=armv8-a || march=armv8.2-a+dotprod
        $TARGET-gcc -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -O3 -ffp-contract=off "$@" -march=$march -I"$ROOT/lib" \
            -c -o "kernels-${file#*/}.o" "$ROOT/lib/$file.c" || return 1
    done
    $TARGET-gcc -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 "$@" -I"$ROOT/lib" -static -o kernels \
        "$ROOT/tests/cmd/kernels_arm64.c" kernels-*.o -lm
}

for flags in '' '-fsanitize=undefined -fsanitize-undefined-trap-on-error'; do
    how="arm64${flags:+, its behaviour checked}"
    # shellcheck disable=SC2086
    run kernels $flags
    expect "$how: kernels are built" 0
    [ "$status" -eq 0 ] || continue
    run qemu-aarch64 -cpu max ./kernels
    printf '%s\n' "$out" | sed "s/products by/$how: &/"
    same "$how: exact and fast sets of two kinds were tried" '0 4' "$status $(printf '%s\n' "$out" | grep -c '^ok')"
done
# a processor without dot products of bytes
run qemu-aarch64 -cpu cortex-a53 ./kernels
same "arm64 without dot products: there is no fast set of NEON" '1 not ok products by neon, fast' "$status $(printf '%s\n' "$out" | grep '^not ok')"

# stages FLAGS...: what lies between products; its sums have the same bits here and there
stages() {
    $TARGET-gcc -std=c17 -D_GNU_SOURCE -Wall -Wextra -Werror -O2 -ffp-contract=off "$@" -I"$ROOT/lib" -static -o stages "$ROOT/tests/infer/stages.c" \
        "$ROOT/lib/infer/stages_portable.c" "$ROOT/lib/infer/elementary.c" -lm
}
for flags in '' '-fsanitize=undefined -fsanitize-undefined-trap-on-error'; do
    how="arm64${flags:+, its behaviour checked}"
    # shellcheck disable=SC2086
    run stages $flags
    expect "$how: stages are built" 0
    [ "$status" -eq 0 ] || continue
    run qemu-aarch64 -cpu max ./stages
    same "$how: stages have the bits that they have here" "$("$BUILD/infer/stages")" "$out"
done
