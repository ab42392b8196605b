#!/bin/sh
# Programs that others wrote and tests compare with, from PyPI into build/peers. None of it is needed to build or to run anything:
# where it cannot be had within some minutes that is said, and the tests that want it skip.
set -u
cd "$(dirname "$0")/.."
peers=build/peers
[ -e $peers/complete ] && exit 0
rm -rf $peers
mkdir -p build
if python3 -m venv $peers >/dev/null 2>&1 &&
    timeout 300 $peers/bin/pip install -q --disable-pip-version-check model-signing pyOpenSSL sentencepiece tokenizers >/dev/null 2>&1 &&
    $peers/bin/model_signing --version >/dev/null 2>&1; then
    : >$peers/complete
else
    rm -rf $peers
    echo 'not to be had from PyPI: model-signing, sentencepiece, tokenizers; the tests that compare with them skip' >&2
fi
