#!/bin/sh
# The pages of a catalog in a real browser: search, order, layout, keyboard, and that hostile values stay text.
. "$(dirname "$0")/harness.sh"
need 'pages in a browser' python3 || exit 0
need 'pages in a browser' chromedriver || exit 0
command -v chromium >/dev/null 2>&1 || need 'pages in a browser' chromium-browser || exit 0
HELP=$ROOT/tests/cmd/catalogs.py
PYTHONDONTWRITEBYTECODE=1
MINIMODEL_KEYRING=$WORK/keyring
export PYTHONDONTWRITEBYTECODE MINIMODEL_KEYRING
mkdir keyring && chmod 700 keyring

describe() { # FILE NAME REVISION [CHANGE]...: an unsigned manifest of keeper
    file=$1 name=$2 revision=$3
    shift 3
    python3 "$HELP" manifest "$file" keeper "$name" "$revision" none "$@"
}
describe a1.manifest alpha 1 display-name=Alpha parameters=999
describe a10.manifest alpha 10 display-name=Alpha parameters=1500 created=2026-03-01T00:00:00Z
describe b.manifest beta 2 display-name=Beta parameters=- quantization=f16 created=2026-02-01T00:00:00Z
describe h.manifest hostile 1 'display-name=<script>owned=1</script><img src=x onerror=owned=1>"'\'' onmouseover=owned=1 &lt; </h1>' parameters=15000000 \
    'source=- "><svg onload=owned=1> \ </bdi>' "evidence=x-seen fail - https://example.org/a'b&(c)"
long=$(printf 'x%.0s' $(seq 1 63))
describe l.manifest long 1 "display-name=$(printf 'W%.0s' $(seq 1 120))" parameters=2000 "license=LicenseRef-$(printf 'L%.0s' $(seq 1 200))" "version=$(printf '1%.0s' $(seq 1 64))" \
    "model-card-route=https://example.org/$(printf 'long%.0s' $(seq 1 200))" "architecture=$long" "source=- $(printf 's%.0s' $(seq 1 250))" \
    "evidence=x-$(printf 'e%.0s' $(seq 1 30)) pending - https://example.org/$(printf 'e%.0s' $(seq 1 300))"
describe z.manifest zeta 1 'display-name=שלום עולם' parameters=7000000000
describe g.manifest gone 1
run catalog-build -q -o web --catalog-id keeper --publisher keeper --allow-unsigned a1.manifest a10.manifest b.manifest h.manifest l.manifest z.manifest g.manifest
expect 'a catalog to look at' 0 'state: built'
run catalog-build -q -o web --allow-unsigned -w keeper/gone --reason '<img src=x onerror=owned=1>' --notice https://example.org/notice
expect 'one model of it is withdrawn' 0 'withdrawn-count: 1'
mkdir profile
python3 "$ROOT/tests/cmd/browser.py" test web "$WORK/profile" 2>"$WORK/.err" || not_ok 'all of it was looked at' "$(tail -n 3 "$WORK/.err")"
