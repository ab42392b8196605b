# Sourced by every scenario: `. "$(dirname "$0")/harness.sh"`. Each test prints one line, `ok NAME`, `not ok NAME` or
# `skip NAME (why)`; tests/run.sh counts them. Scenarios run in an empty folder of their own.
set -u
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$ROOT/$BUILD ;; esac
BIN=$BUILD/bin
PATH=$BIN:$PATH
PEERS=$ROOT/build/peers/bin # scripts/peers.sh puts them there
export PATH LC_ALL=C
# a sandboxed process cannot open what LeakSanitizer needs; the unit tests and fuzzers look for leaks
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=0}"
unset MINIMODEL_HOME MINIMODEL_KEYRING MINIMODEL_POLICY SOURCE_DATE_EPOCH NO_COLOR
WORK=$(mktemp -d "${TMPDIR:-/tmp}/minimodel-test.XXXXXX") || exit 1
trap 'chmod -R u+rwx "$WORK" 2>/dev/null; rm -rf "$WORK"' EXIT
XDG_CONFIG_HOME=$WORK/.config
export XDG_CONFIG_HOME
cd "$WORK" || exit 1
MODEL=$ROOT/share/model/mini-keeper-200k-f16.gguf

ok() { printf 'ok %s\n' "$1"; }
not_ok() { printf 'not ok %s\n' "$1"; shift; for line in "$@"; do printf '# %s\n' "$line"; done; }
skip() { printf 'skip %s (%s)\n' "$1" "$2"; }

# run COMMAND...: leaves $status, $out (standard output) and $err (standard error); the raw bytes are in files out and err
run() {
    "$@" >"$WORK/.out" 2>"$WORK/.err"
    status=$?
    out=$(cat "$WORK/.out")
    err=$(cat "$WORK/.err")
}

# expect NAME STATUS [TEXT]...: the last run ended with STATUS, and each TEXT stands in its output or errors
expect() {
    name=$1 wanted=$2
    shift 2
    if [ "$status" -ne "$wanted" ]; then
        not_ok "$name" "expected exit $wanted, found $status" "$(head -c 600 "$WORK/.err")"
        return
    fi
    for text in "$@"; do
        if ! grep -qF -e "$text" "$WORK/.out" "$WORK/.err"; then
            not_ok "$name" "expected '$text'" "$(head -c 600 "$WORK/.out" "$WORK/.err")"
            return
        fi
    done
    ok "$name"
}

# same NAME A B: two texts are equal
same() {
    if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "expected: $2" "found:    $3"; fi
}

# need NAME PROGRAM: true if PROGRAM is there; otherwise the test is skipped, and says so
need() {
    command -v "$2" >/dev/null 2>&1 && return 0
    skip "$1" "no $2 here"
    return 1
}

# in_memory KIB COMMAND...: runs with that much address space; sanitizers, which map terabytes, get all they want
in_memory() {
    limit=$1
    shift
    case $BUILD in *address* | *thread*) limit=unlimited ;; esac
    run sh -c "ulimit -v $limit; exec \"\$@\"" sh "$@"
}

# changed FILE OFFSET: flips the bits of one byte
changed() {
    python3 - "$1" "$2" <<'PY'
import sys
with open(sys.argv[1], 'r+b') as f:
    f.seek(int(sys.argv[2]))
    byte = f.read(1)
    f.seek(int(sys.argv[2]))
    f.write(bytes([byte[0] ^ 0xff]))
PY
}
