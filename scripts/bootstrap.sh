#!/bin/sh
# Sees to what the build needs (`bootstrap.sh`), and the tests too (`bootstrap.sh test`). What is there already is left
# alone. Installs Debian packages only as root or through a sudo that asks nothing; otherwise says what is missing.
# What the exchange between peers needs is had from Debian's backports where Debian 12 has it too old; a system that has none of it
# builds everything but the peer commands.
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
    command -v ip >/dev/null 2>&1 || echo iproute2
    ls /etc/OpenCL/vendors/*.icd >/dev/null 2>&1 || echo pocl-opencl-icd ocl-icd-libopencl1
    [ -x /sbin/mkfs.fat ] || command -v mkfs.fat >/dev/null 2>&1 || echo dosfstools
}

# Prints the packages of HTTP/3 where what is there lacks or is older than what the Makefile asks for.
for_peers() {
    command -v pkg-config >/dev/null 2>&1 &&
        pkg-config --exists 'libngtcp2_crypto_gnutls >= 1.11' 'libngtcp2 >= 1.11' 'libnghttp3 >= 1.8' gnutls ||
        echo libngtcp2-crypto-gnutls-dev libngtcp2-dev libnghttp3-dev libgnutls28-dev
}

# Prints the package that finds and announces peers in the local network.
for_lan() {
    command -v pkg-config >/dev/null 2>&1 && pkg-config --exists 'avahi-core >= 0.8' || echo libavahi-core-dev
}

# Makes the backports of Debian 12 known, from the mirror that this machine uses, for ngtcp2 and nghttp3 and nothing else.
backports() {
    code_name=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release 2>/dev/null)
    [ "$code_name" = bookworm ] || return 0
    ! apt-get indextargets --format '$(CODENAME)' 'Created-By: Packages' | grep -qx bookworm-backports || pinned=yes
    site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' 'Label: Debian' 'Component: main' | head -n 1)
    [ -n "$site" ] || return 1
    [ "${pinned:-}" = yes ] ||
        printf '%s\n' 'Types: deb' "URIs: $site" 'Suites: bookworm-backports' 'Components: main' \
            'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' |
        $as_root tee /etc/apt/sources.list.d/minimodel-backports.sources >/dev/null || return 1
    printf '%s\n' 'Package: src:ngtcp2 src:nghttp3' 'Pin: release n=bookworm-backports' 'Pin-Priority: 500' |
        $as_root tee /etc/apt/preferences.d/minimodel-backports >/dev/null &&
        $as_root apt-get update -q >/dev/null && return 0
    # a mirror without backports is no reason for later updates to fail
    [ "${pinned:-}" = yes ] || $as_root rm -f /etc/apt/sources.list.d/minimodel-backports.sources
    return 1
}

packages=$(missing | tr '\n' ' ')
optional=$(wanted | tr '\n' ' ')
peers=$(for_peers)
lan=$(for_lan)
[ -n "$packages$optional$peers$lan" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    [ -z "$peers" ] || echo "no HTTP/3 here (ngtcp2 1.11 with its GnuTLS part, nghttp3 1.8, GnuTLS): the peer commands are not built" >&2
    [ -z "$lan" ] || echo "no avahi-core here: peer-find and peer-serve --announce are not built" >&2
    [ -n "$packages" ] || exit 0
    echo "missing: $packages(Debian's names); install them, this is no Debian system" >&2
    exit 3
fi
if [ "$(id -u)" -eq 0 ]; then
    as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    as_root='sudo -n'
else
    [ -z "$peers" ] || echo "not installed: $peers (Debian 12: from its backports); the peer commands are not built" >&2
    [ -z "$lan" ] || echo "not installed: $lan; peer-find and peer-serve --announce are not built" >&2
    [ -n "$packages" ] || exit 0
    echo "missing: $packages- install them as root: apt-get install $packages" >&2
    exit 3
fi
echo "installing: $packages$optional$peers${lan:+ $lan}"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q >/dev/null || [ -z "$packages" ]
# shellcheck disable=SC2086
[ -z "$packages" ] || $as_root apt-get install -y -q --no-install-recommends $packages >/dev/null
# shellcheck disable=SC2086
[ -z "$optional" ] || $as_root apt-get install -y -q --no-install-recommends $optional >/dev/null || echo "not installed: $optional- tests that need it are skipped"
# shellcheck disable=SC2086
[ -z "$peers" ] || { backports && $as_root apt-get install -y -q --no-install-recommends $peers >/dev/null && [ -z "$(for_peers)" ]; } ||
    echo "not installed in the versions that HTTP/3 needs: $peers; the peer commands are not built"
# shellcheck disable=SC2086
[ -z "$lan" ] || $as_root apt-get install -y -q --no-install-recommends $lan >/dev/null || echo "not installed: $lan; peer-find and peer-serve --announce are not built"
