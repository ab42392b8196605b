#!/bin/sh
# Programs that others wrote and tests compare with, from PyPI into build/peers; `peers.sh bench`: the one that is measured beside, from crates.io
# into build/b3sum. None of it is needed to build or to run anything: where it cannot be had within some minutes that is said, and the tests that
# want it skip, the rows that want it say that it lacks.
set -u
cd "$(dirname "$0")/.." || exit 1

# The one of the system is as good. What cargo builds in goes away again.
b3sum_here() {
    command -v b3sum >/dev/null || [ -x build/b3sum/bin/b3sum ] && return
    command -v cargo >/dev/null || { echo 'no b3sum here, and no cargo to build it: rows beside it say that it lacks' >&2; return; }
    mkdir -p build
    timeout 600 cargo install -q --locked --root build/b3sum --target-dir build/b3sum/made b3sum >/dev/null 2>&1 ||
        echo 'not to be had from crates.io: b3sum; rows beside it say that it lacks' >&2
    rm -rf build/b3sum/made
}
if [ "${1:-}" = bench ]; then
    b3sum_here
    exit 0
fi

# The schema of SARIF 2.1.0, which is its standard's and not ours to ship, from the npm package that carries it.
sarif=build/sarif
if ! [ -f $sarif/schema.json ]; then
    mkdir -p $sarif
    if ! (cd $sarif && command -v npm >/dev/null && timeout 120 npm pack --silent @microsoft/jest-sarif@1.0.0-beta.0 >/dev/null 2>&1 &&
        tar -xzOf microsoft-jest-sarif-1.0.0-beta.0.tgz package/lib/schemas/sarif-2.1.0-rtm.5.json >schema.part &&
        mv schema.part schema.json); then
        echo "not to be had from npm: the schema of SARIF; that documents follow it is not tested" >&2
    fi
    rm -f $sarif/schema.part $sarif/*.tgz
fi

# HTTP/3 by other people, in an environment of its own: its dependencies are none of the others' business.
aioquic=build/aioquic
if ! [ -e $aioquic/complete ]; then
    rm -rf $aioquic
    if python3 -m venv $aioquic >/dev/null 2>&1 &&
        timeout 300 $aioquic/bin/pip install -q --disable-pip-version-check aioquic >/dev/null 2>&1 &&
        $aioquic/bin/python -c 'import aioquic.h3.connection' >/dev/null 2>&1; then
        : >$aioquic/complete
    else
        rm -rf $aioquic
        echo 'not to be had from PyPI: aioquic; the tests that speak HTTP/3 with it skip' >&2
    fi
fi

peers=build/peers
[ -e $peers/complete ] && exit 0
rm -rf $peers
mkdir -p build
if python3 -m venv $peers >/dev/null 2>&1 &&
    timeout 300 $peers/bin/pip install -q --disable-pip-version-check model-signing pyOpenSSL sentencepiece tokenizers gguf >/dev/null 2>&1 &&
    $peers/bin/model_signing --version >/dev/null 2>&1; then
    : >$peers/complete
else
    rm -rf $peers
    echo 'not to be had from PyPI: model-signing, sentencepiece, tokenizers, gguf; the tests that compare with them skip' >&2
fi
