#!/bin/sh
# peers.sh [OPTION]... [WHAT]...: tests/bench/peers.py, which says more, with what was built in BUILD (build). Whoever is not root measures in a
# namespace of his own, where that is allowed.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
BUILD=${BUILD:-build}
case $BUILD in /*) ;; *) BUILD=$root/$BUILD ;; esac
PATH=$BUILD/bin:$PATH
export PATH BUILD
[ -x "$BUILD/bin/peer-serve" ] || { echo 'bench: nothing passes between machines: built without ngtcp2 and nghttp3'; exit 0; }
if [ "$(id -u)" != 0 ] && unshare -Urnm true 2>/dev/null; then
    exec unshare -Urnm sh -c 'mount -t tmpfs none /run && ip link set lo up; exec "$@"' sh "${PYTHON:-python3}" -B "$root/tests/bench/peers.py" "$@"
fi
exec "${PYTHON:-python3}" -B "$root/tests/bench/peers.py" "$@"
