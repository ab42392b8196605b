#!/bin/sh
# The main job on a real, tiny model: describe, lint, verify; then four lies, each refused by name.
set -eu
cd "$(dirname "$0")/.."
sh scripts/bootstrap.sh
make -s -j"$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)" >/dev/null
PATH=$PWD/build/bin:$PATH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r share/model "$work/model"
cd "$work"
gguf=model/mini-keeper-200k-f16.gguf

say() { printf '\n# %s\n' "$1"; }
show() { printf '$ %s\n' "$*"; "$@"; }

# refused EXPECTED COMMAND...: runs a command that has to answer "no" and name EXPECTED
refused() {
    expected=$1
    shift
    printf '$ %s\n' "$*"
    status=0
    "$@" >report 2>findings || status=$?
    grep -E 'error:' findings | head -n 4
    grep -E '^verdict:' report || true
    if [ "$status" -ne 1 ] || ! grep -qF "$expected" findings; then
        printf 'demo: expected a refusal that names %s, found exit %s\n' "$expected" "$status" >&2
        exit 1
    fi
}

say 'What do the bytes say of themselves?'
show slm-info -q $gguf

say 'The publisher describes the model'
printf '$ manifest-make --model-id keeper/mini-keeper --version 1.0 ... model > model/model.manifest\n'
manifest-make -q --model-id keeper/mini-keeper --version 1.0 --display-name 'Mini Keeper 200K' --license CC0-1.0 \
    --takedown-route mailto:keeper@example.org --source-lane original --peer-hint available -s 64K \
    --chunk-lists model model >model/model.manifest
head -n 24 model/model.manifest

say 'Anyone can lint the manifest, and sha256sum understands it'
show manifest-lint model/model.manifest
(cd model && manifest-lint --sha256sums model.manifest | sha256sum -c)

say 'A reader verifies what arrived'
show slm-verify -q model/model.manifest

pin=$(sha256sum model/model.manifest | cut -d' ' -f1)

say 'Lie 1: one flipped bit'
cp $gguf good.gguf
python3 -c "
import sys
f = open(sys.argv[1], 'r+b')
f.seek(200000)
byte = f.read(1)[0]
f.seek(200000)
f.write(bytes([byte ^ 1]))" $gguf
refused 'chunk 3 bytes 196608-262143' slm-verify -q model/model.manifest
cp good.gguf $gguf

say 'Lie 2: a truncated file'
head -c 300000 good.gguf >$gguf
refused 'the file is truncated' slm-verify -q model/model.manifest
cp good.gguf $gguf

say 'Lie 3: a reordered manifest'
cp model/model.manifest good.manifest
awk 'NR == 3 { held = $0; next } { print } NR == 4 { print held }' good.manifest >model/model.manifest
refused 'manifest-field-order' slm-verify -q model/model.manifest
refused 'verify-manifest-sha256' slm-verify -q --manifest-sha256 "$pin" model/model.manifest
cp good.manifest model/model.manifest

say 'Lie 4: a swapped tokenizer in a file whose hashes were made to fit'
python3 -c "
import sys
data = open(sys.argv[1], 'rb').read()
one = lambda c: b'\x01' + bytes(7) + c
old, new = one(b'!') + one(b'\"'), one(b'\"') + one(b'!')
assert old in data
open(sys.argv[1], 'wb').write(data.replace(old, new, 1))" $gguf
manifest-make -q --model-id keeper/mini-keeper --version 1.0 --license CC0-1.0 --takedown-route mailto:keeper@example.org \
    --source-lane original model >swapped.manifest
tokenizer=$(grep '^tokenizer-sha256' good.manifest)
sed "s/^tokenizer-sha256: .*/$tokenizer/" swapped.manifest >model/model.manifest
refused 'verify-tokenizer' slm-verify -q model/model.manifest

printf '\nAll four were refused by name.\n'
