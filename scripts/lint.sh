#!/bin/sh
# Static checks, each where its program is there: both compilers with -Werror, every header by itself, gcc's analyser,
# cppcheck, shellcheck, mandoc. `make lint` calls it.
set -u
cd "$(dirname "$0")/.." || exit 1
failed=0
have() { command -v "$1" >/dev/null 2>&1 || { echo "skipped: no $1"; return 1; }; }
step() {
    printf '%s\n' "$1"
    shift
    "$@" || failed=1
}
for cc in gcc clang; do
    have $cc && step "$cc -Werror" make -s BUILD=build/lint-$cc CC=$cc EXTRA_CFLAGS=-Werror all build/lint-$cc/tables
done
for header in lib/*/*.h cmd/*.h; do
    # what needs the libraries of HTTP/3 is looked at where they are
    case $header in lib/peer/lan_parts.h) pkg-config --exists avahi-core || continue ;; lib/peer/lan.h) ;; lib/peer/*) pkg-config --exists 'libngtcp2 >= 1.11' 'libnghttp3 >= 1.8' gnutls || continue ;; esac
    echo "#include \"$header\"" | cc -std=c17 -D_GNU_SOURCE -Ilib -Icmd -I. -fsyntax-only -Wall -Wextra -x c - || failed=1
done
have gcc && step 'gcc -fanalyzer' make -s BUILD=build/lint-analyzer CC=gcc EXTRA_CFLAGS='-fanalyzer -Werror' all
have cppcheck && step cppcheck cppcheck -q --std=c11 --enable=warning,portability --error-exitcode=1 --inline-suppr \
    --suppress=missingIncludeSystem -D_GNU_SOURCE -DMM_VERSION='""' -Ilib -Icmd lib cmd
have shellcheck && step shellcheck shellcheck -s sh -e SC1091,SC2016,SC2034,SC2154 scripts/*.sh tests/run.sh
have mandoc && step mandoc mandoc -T lint -W warning man/*.[157]
exit $failed
