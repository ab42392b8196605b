# The Debian packages: what is in them, that they are the same each time, that they install, run and go away.
. "$(dirname "$0")/harness.sh"
need 'Debian packages' dpkg-deb && need 'Debian packages' dpkg-shlibdeps && need 'Debian packages' make && need 'Debian packages' strip || exit 0
case $BUILD in *address* | *thread*) skip 'Debian packages' 'commands with sanitizers are not packed'; exit 0 ;; esac
export BUILD
SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH
version=$(cat "$ROOT/VERSION")
architecture=$(dpkg --print-architecture)

run sh "$ROOT/scripts/deb.sh" "$WORK/one"
expect 'packages are made' 0
same 'two of them, which are named' "$WORK/one/minimodel-tools_${version}_$architecture.deb
$WORK/one/libminimodel-dev_${version}_$architecture.deb" "$out"
tools=$WORK/one/minimodel-tools_${version}_$architecture.deb
dev=$WORK/one/libminimodel-dev_${version}_$architecture.deb
run env TZ=Asia/Tokyo LC_ALL=C.UTF-8 sh -c 'umask 077; sleep 1; exec sh "$1" "$2"' sh "$ROOT/scripts/deb.sh" "$WORK/two"
expect 'and again, another second, umask and time zone' 0
for package in "$tools" "$dev"; do
    run cmp "$package" "$WORK/two/$(basename "$package")"
    expect "$(basename "$package" "_${version}_$architecture.deb") is the same each time" 0
done

# ---- what is in them ----

field() { dpkg-deb -f "$1" "$2"; }
same 'the version is the project'"'"'s' "$version $version" "$(field "$tools" Version) $(field "$dev" Version)"
same 'the libraries are depended on, each with a version' "$(ldd "$BIN/slm-verify" | grep -cE '^	lib(c|crypto|sodium|z)\.so')" "$(field "$tools" Depends | tr ',' '\n' | grep -cE '^ *(libc6|libssl3|libssl3t64|libsodium23|zlib1g) \(>= ')"
dpkg-deb -x "$tools" tools && dpkg-deb -x "$dev" dev
same 'every command' "$(ls "$BIN")" "$(ls tools/usr/bin)"
same 'every man page, compressed' "$(cd "$ROOT/man" && ls | sed 's/$/.gz/')" "$(cd tools/usr/share/man && ls man1 man5 man7 | grep '\.' | sort)"
same 'what Debian asks for' 'changelog.gz
copyright' "$(cd tools/usr/share/doc/minimodel-tools && ls changelog.gz copyright)"
same 'the changelog is of this version' 1 "$(gzip -dc tools/usr/share/doc/minimodel-tools/changelog.gz | grep -c "^minimodel-tools ($version) ")"
dpkg-deb -e "$tools" control
same 'every file has its sum' "$(cd tools && find usr -type f | sort)" "$(sed 's/^[^ ]*  //' control/md5sums)"
run sh -c 'cd tools && md5sum --quiet -c ../control/md5sums'
expect 'which is right' 0
same 'no scripts are run as root' 'control
md5sums' "$(ls control)"
same 'nothing is of anybody else, or for anybody to write' '' "$(dpkg-deb -c "$tools" | grep -vE '^(-rwxr-xr-x|-rw-r--r--|drwxr-xr-x|lrwxrwxrwx) root/root ')"
same 'no path of this machine is in the commands' '' "$(grep -rlF -e "$ROOT" -e "$WORK" tools dev)"
run tools/usr/bin/manifest-lint --version
expect 'a command runs' 0 "manifest-lint (MiniModel tools) $version"
run tools/usr/bin/slm-info "$MODEL"
expect 'and does its work' 0 'architecture: llama'

# ---- installed by dpkg into a root of its own ----

if [ "$(id -u)" -ne 0 ]; then
    skip 'dpkg installs and removes them' 'only root may'
else
    mkdir -p root/var/lib/dpkg/updates root/var/lib/dpkg/info root/var/lib/dpkg/triggers && : >root/var/lib/dpkg/status && : >root/var/lib/dpkg/available
    PATH=$PATH:/usr/sbin:/sbin # dpkg asks for ldconfig
    run dpkg --root="$WORK/root" --force-depends --log=/dev/null -i "$tools" "$dev"
    expect 'dpkg installs them' 0
    run root/usr/bin/manifest-lint --version
    expect 'an installed command runs' 0 "$version"
    run dpkg --root="$WORK/root" --verify minimodel-tools
    same 'they are as they were packed' '0 ' "$status $out"
    run dpkg --root="$WORK/root" --force-depends --log=/dev/null -P minimodel-tools libminimodel-dev
    expect 'dpkg removes them' 0
    same 'and nothing is left' '' "$(find root -mindepth 1 ! -path 'root/var*')"
fi
if need 'lintian has nothing to say' lintian; then
    same 'lintian has nothing to say' '' "$(lintian --allow-root --suppress-tags bogus-mail-host,bogus-mail-host-in-debian-changelog "$tools" "$dev" 2>&1)"
fi
