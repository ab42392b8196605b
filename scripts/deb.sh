#!/bin/sh
# Puts the built commands into a Debian package, minimodel-tools, and library and headers into another, libminimodel-dev.
# `make deb` calls it. The same sources, compiler and libraries give the same bytes, wherever and whenever it is called.
#
#   BUILD=build           where the commands are; the packages go to $BUILD/deb, or to the folder in $1
#   DEBFULLNAME= DEBEMAIL=  who answers for the packages
#   SOURCE_DATE_EPOCH=    their time; by default the newest commit's
set -eu
cd "$(dirname "$0")/.."
build=${BUILD:-build}
out=${1:-$build/deb}
make=${MAKE:-make}
for program in dpkg-deb dpkg-shlibdeps dpkg-architecture strip gzip md5sum; do
    command -v $program >/dev/null || { echo "no $program here: Debian packages are made on Debian, with dpkg-dev and binutils" >&2; exit 3; }
done
version=$(cat VERSION)
architecture=$(dpkg-architecture -qDEB_HOST_ARCH)
triplet=$(dpkg-architecture -qDEB_HOST_MULTIARCH)
maintainer="${DEBFULLNAME:-MiniModel tools} <${DEBEMAIL:-minimodel-tools@localhost}>"
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || stat -c %Y VERSION)}
export SOURCE_DATE_EPOCH
LC_ALL=C TZ=UTC DPKG_DEB_THREADS_MAX=1 # more threads could pack otherwise
export LC_ALL TZ DPKG_DEB_THREADS_MAX
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# installed PACKAGE TARGET: what `make TARGET` installs, where Debian has it
installed() {
    mkdir -p "$work/$1/DEBIAN"
    $make -s BUILD="$build" DESTDIR="$work/$1" PREFIX=/usr LIBDIR="/usr/lib/$triplet" ZSHCOMPDIR=/usr/share/zsh/vendor-completions "$2" >&2
}

# documented PACKAGE: changelog and copyright
documented() {
    doc=$work/$1/usr/share/doc/$1
    mkdir -p "$doc"
    {
        printf 'minimodel-tools (%s) unstable; urgency=medium\n\n  * Version %s.\n\n' "$version" "$version"
        printf ' -- %s  %s\n' "$maintainer" "$(date -d "@$SOURCE_DATE_EPOCH" '+%a, %d %b %Y %H:%M:%S +0000')"
    } | gzip -9n >"$doc/changelog.gz"
    if [ -f LICENSE ]; then
        cp LICENSE "$doc/copyright"
    else
        printf '%s\n' 'Copyright (C) 2026 the authors of the MiniModel tools' '' \
            'The authors have stated no licence yet: ask them before you pass these files on.' >"$doc/copyright"
    fi
}

# depends FILE...: the packages of the libraries that the programs FILE need, as dpkg-shlibdeps finds them
depends() {
    mkdir -p "$work/source/debian"
    printf 'Source: minimodel-tools\n\nPackage: minimodel-tools\nArchitecture: any\n' >"$work/source/debian/control"
    (cd "$work/source" && dpkg-shlibdeps -O "$@") | sed -n 's/^shlibs:Depends=//p'
}

# finished PACKAGE SECTION DEPENDS SUMMARY DESCRIPTION: the control files, and the package itself
finished() {
    tree=$work/$1
    gzip -9n "$tree"/usr/share/man/man*/* 2>/dev/null || true
    (cd "$tree" && find usr -type f | sort | xargs -d '\n' md5sum) >"$tree/DEBIAN/md5sums"
    {
        printf '%s: %s\n' Package "$1" Version "$version" Architecture "$architecture" Maintainer "$maintainer" \
            Section "$2" Priority optional Depends "$3" \
            Installed-Size "$(du -k -s --apparent-size "$tree/usr" | cut -f1)"
        [ "$1" = minimodel-tools ] || printf '%s: %s\n' Source minimodel-tools Multi-Arch same
        printf 'Description: %s\n%s\n' "$4" "$5"
    } >"$tree/DEBIAN/control"
    find "$tree" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    find "$tree" -type d -exec chmod 755 {} +
    dpkg-deb --root-owner-group -Zxz --build "$tree" "$out/$1_${version}_$architecture.deb" >&2
    printf '%s\n' "$out/$1_${version}_$architecture.deb"
}

mkdir -p "$out"
installed minimodel-tools install-tools
strip --strip-unneeded --remove-section=.comment --remove-section=.note "$work"/minimodel-tools/usr/bin/*
documented minimodel-tools
finished minimodel-tools utils "$(depends "$work"/minimodel-tools/usr/bin/*)" 'verify model files against signed manifests' \
    ' Small commands that answer, on this machine and without a network: is this
 model file (.slm, GGUF, safetensors) what its publisher says it is, may it be
 imported, and does it still behave? A publisher describes files in a manifest
 and signs it; a reader checks them and gets a report that names every lie.'

installed libminimodel-dev install-dev
strip --strip-debug --enable-deterministic-archives "$work/libminimodel-dev/usr/lib/$triplet/libminimodel.a"
documented libminimodel-dev
finished libminimodel-dev libdevel 'libc6-dev | libc-dev, libsodium-dev, libssl-dev, zlib1g-dev' 'verify model files (library and headers)' \
    ' The static library behind the commands of minimodel-tools, with its headers:
 manifests, chunk lists, signatures, reports, and readers of model files.'
