#!/bin/sh
# Sees to what the build needs (`bootstrap.sh`), and the tests too (`bootstrap.sh test`). What is there already is left
# alone. Installs Debian packages only as root or through a sudo that asks nothing; otherwise says what is missing.
set -eu
purpose=${1:-build}

# Prints the package that is missing for each need.
missing() {
    command -v cc >/dev/null 2>&1 || echo gcc
    [ -e /usr/include/stdio.h ] || [ -e /usr/include/sys/cdefs.h ] || echo libc6-dev
    command -v make >/dev/null 2>&1 || echo make
    if command -v pkg-config >/dev/null 2>&1; then
        pkg-config --exists libcrypto || echo libssl-dev
        pkg-config --exists zlib || echo zlib1g-dev
        pkg-config --exists libsodium || echo libsodium-dev
    else
        echo pkg-config libssl-dev zlib1g-dev libsodium-dev
    fi
    command -v python3 >/dev/null 2>&1 || echo python3
    [ "$purpose" = test ] || return 0
    command -v pkg-config >/dev/null 2>&1 && pkg-config --exists cmocka || echo libcmocka-dev
    for pair in jq:jq minisign:minisign openssl:openssl mandoc:mandoc git:git strace:strace setpriv:util-linux ps:procps gzip:gzip zsh:zsh fish:fish dpkg-shlibdeps:dpkg-dev; do
        command -v "${pair%%:*}" >/dev/null 2>&1 || echo "${pair##*:}"
    done
    python3 -c 'import ensurepip, venv' 2>/dev/null || echo python3-venv
    [ -x /usr/bin/python3 ] && /usr/bin/python3 -c 'import jsonschema' 2>/dev/null || echo python3 python3-jsonschema
}

# Prints what tests can do without: those that need it are skipped.
wanted() {
    [ "$purpose" = test ] || return 0
    command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || echo chromium
    command -v chromedriver >/dev/null 2>&1 || echo chromium-driver
    command -v mcopy >/dev/null 2>&1 || echo mtools
    command -v aarch64-linux-gnu-gcc >/dev/null 2>&1 || echo gcc-aarch64-linux-gnu libc6-dev-arm64-cross
    command -v qemu-aarch64 >/dev/null 2>&1 || echo qemu-user
    [ -x /sbin/mkfs.fat ] || command -v mkfs.fat >/dev/null 2>&1 || echo dosfstools
}

packages=$(missing | tr '\n' ' ')
optional=$(wanted | tr '\n' ' ')
[ -n "$packages$optional" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    [ -n "$packages" ] || exit 0
    echo "missing: $packages(Debian's names); install them, this is no Debian system" >&2
    exit 3
fi
if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root='sudo -n'
else
    [ -n "$packages" ] || exit 0
    echo "missing: $packages- install them as root: apt-get install $packages" >&2
    exit 3
fi
echo "installing: $packages$optional"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q >/dev/null || [ -z "$packages" ]
# shellcheck disable=SC2086
[ -z "$packages" ] || $as_root apt-get install -y -q --no-install-recommends $packages >/dev/null
# shellcheck disable=SC2086
[ -z "$optional" ] || $as_root apt-get install -y -q --no-install-recommends $optional >/dev/null || echo "not installed: $optional- tests that need it are skipped"
