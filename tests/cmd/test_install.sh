# make install and make uninstall: what is installed is complete, works where it lands, and is taken away again.
. "$(dirname "$0")/harness.sh"
need 'installation' make || exit 0

# made ARGUMENT...: make in the root of the repository, of the commands that are built
made() { run make -s -C "$ROOT" BUILD="$BUILD" "$@"; }
files() { (cd "$1" && find . ! -type d | sort); }

made install DESTDIR="$WORK/root"
expect 'make install' 0
place=$WORK/root/usr/local
same 'every command is installed' "$(ls "$BIN")" "$(ls "$place/bin")"
same 'every man page' "$(cd "$ROOT/man" && ls)" "$(cd "$place/share/man" && ls man1 man5 man7 | grep '\.' | sort)"
same 'every schema' "$(ls "$ROOT/schemas")" "$(ls "$place/share/minimodel/schemas")"
same 'every document' "$( (cd "$ROOT/docs" && find . -name '*.md' -o -name '*.svg'; cd "$ROOT/share" && find ./example-publisher -type f) | sort)" "$(cd "$place/share/doc/minimodel-tools" && find . -type f | sort)"
run cmp "$ROOT/share/minimodel.mk" "$place/share/minimodel/minimodel.mk"
expect 'the rules for a publisher'"'"'s make' 0
same 'every header' "$(cd "$ROOT/lib" && find . -name '*.h' -o -name '*.def' | sort)" "$(cd "$place/include/minimodel" && find . -type f | sort)"
same 'completions for each command' '' "$(for command in $(ls "$BIN"); do
    [ -e "$place/share/bash-completion/completions/$command" ] && [ -e "$place/share/fish/vendor_completions.d/$command.fish" ] &&
        grep -q "^#compdef.* $command\b" "$place/share/zsh/site-functions/_minimodel" || echo "$command"
done)"
run "$place/bin/manifest-lint" --version
expect 'an installed command runs' 0 "manifest-lint (MiniModel tools) $(cat "$ROOT/VERSION")"
same 'nothing else is written' usr "$(ls "$WORK/root")"

if need 'the installed library' pkg-config && need 'the installed library' cc; then
    cat >program.c <<'END'
#include <doc/manifest.h>
#include <hash/sha256.h>
#include <stdio.h>
int main(void)
{
    struct mm_diags diags;
    struct mm_manifest manifest = {0};
    mm_diags_init(&diags);
    int result = mm_manifest_read(&manifest, "x\n", 2, &diags);
    printf("%d %s\n", result, diags.count ? mm_rule_info(diags.items[0].rule)->name : "");
    mm_manifest_release(&manifest);
    mm_diags_release(&diags);
    return 0;
}
END
    case $BUILD in *address* | *thread*) skip 'a program of somebody else is linked' 'this library needs a sanitizer' ;; *)
        PKG_CONFIG_PATH=$place/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$WORK/root
        export PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
        run cc -std=c17 -D_GNU_SOURCE -o program program.c $(pkg-config --cflags --libs minimodel) -pthread $(PKG_CONFIG_SYSROOT_DIR='' pkg-config --libs libcrypto libsodium zlib)
        expect 'a program of somebody else is linked' 0
        run ./program
        same 'and runs' '-1 text-first-line' "$out"
        same 'the version is the project'"'"'s' "$(cat "$ROOT/VERSION")" "$(pkg-config --modversion minimodel)"
        unset PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR ;;
    esac
fi

# ---- and away again ----

echo mine >"$place/share/minimodel/mine"
echo mine >"$place/bin/mine"
made uninstall DESTDIR="$WORK/root"
expect 'make uninstall' 0
same 'takes away all that was installed, and nothing else' './usr/local/bin/mine
./usr/local/share/minimodel/mine' "$(files "$WORK/root")"
same 'also the folders that were its own' '' "$(find "$WORK/root" -type d -name '*minimodel*' | grep -v '/share/minimodel$')"
made uninstall DESTDIR="$WORK/root"
expect 'make uninstall where nothing is' 0

# ---- other places ----

made install DESTDIR="$WORK/other root" PREFIX=/opt/mini LIBDIR=/opt/mini/lib64 MANDIR=/usr/man BASHCOMPDIR=/etc/bash DOCDIR=/opt/mini/doc
expect 'make install elsewhere' 0
same 'each kind of file where it was asked for' 'etc/bash/slm-verify
opt/mini/bin/slm-verify
opt/mini/doc/threat-model.md
opt/mini/lib64/pkgconfig/minimodel.pc
usr/man/man1/slm-verify.1' "$(cd "$WORK/other root" && ls -d etc/bash/slm-verify opt/mini/bin/slm-verify opt/mini/doc/threat-model.md opt/mini/lib64/pkgconfig/minimodel.pc usr/man/man1/slm-verify.1)"
same 'which the library tells' 'libdir=${prefix}/lib64' "$(grep ^libdir "$WORK/other root/opt/mini/lib64/pkgconfig/minimodel.pc")"
made uninstall DESTDIR="$WORK/other root" PREFIX=/opt/mini LIBDIR=/opt/mini/lib64 MANDIR=/usr/man BASHCOMPDIR=/etc/bash DOCDIR=/opt/mini/doc
expect 'make uninstall elsewhere' 0
same 'leaves nothing' '' "$(files "$WORK/other root")"
