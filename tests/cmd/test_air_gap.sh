#!/bin/sh
# The page on the air gap, word for word: both sides on one machine, the room in a network namespace without interfaces.
. "$(dirname "$0")/harness.sh"
need 'the air gap' python3 || exit 0

# what `make static` builds, of it what the page uses
tools='key-make key-trust receipt-write slm-exec slm-import slm-repair slm-verify'
cd "$ROOT" || exit 1
for tool in $tools; do set -- "$@" "build/static/$tool"; done
if ! env -u BUILD -u SANITIZE -u MAKEFLAGS -u MAKELEVEL make -s "$@" >"$WORK/.make" 2>&1; then
    skip 'the page on the air gap' "no static binaries: $(grep -m 1 -E 'cannot find|error' "$WORK/.make")"
    exit 0
fi
for tool in $tools; do # a dynamic one would pass on this machine alone
    if LC_ALL=C grep -q '/lib64/ld-linux\|/lib/ld-' "build/static/$tool"; then not_ok "$tool is static"; else ok "$tool is static"; fi
done

how=
unshare -rn true 2>/dev/null || { how=--with-network && skip 'the room has no network' 'no user namespaces here'; }
python3 "$ROOT/tests/cmd/tutorial.py" "$ROOT/docs/air-gap.md" "$WORK/try" 'the page on the air gap' $how
if [ -n "$(find "$WORK/try/room/store/receipts/me/keeper" -name '*.receipt' 2>/dev/null)" ]; then ok 'it ends with a receipt'; else not_ok 'it ends with a receipt'; fi
if [ -z "$how" ]; then
    run unshare -rn sh -c 'tail -n +2 /proc/net/route; tail -n +3 /proc/net/dev | grep -v "^ *lo:"'
    same 'the room has no network' '' "$out"
fi
