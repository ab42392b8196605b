# Sourced by tests of peers that serve the shipped model, behind harness.sh: the model with a manifest of chunks of 64 KiB, and what peers_listen.sh has.
cp -r "$ROOT/share/model" model && chmod -R u+w model
manifest-make -q --private --model-id local/keeper --peer-hint available -s 64K -o keeper.manifest model 2>/dev/null
cp keeper.manifest model/m.manifest
weights=mini-keeper-200k-f16.gguf
manifest=$(sha256sum <keeper.manifest | cut -c1-64)
total=$(sed -n 's/^artifact-bytes: //p' keeper.manifest | awk '{ n += $1 } END { print n }')
. "$ROOT/tests/cmd/peers_listen.sh"

# serve NAME OPTION...: the same with the model in the store, shared
serve() {
    [ -d "$1" ] || slm-import -q --home "$1" --allow-unsigned model >/dev/null
    listen "$@" --share local/keeper
}

# field NAME: of the facts of the last run
field() { printf '%s\n' "$out" | sed -n "s/^$1: //p"; }

# spoil STORE: changes a byte of every chunk of the weights, and leaves size and times as they were
spoil() {
    python3 - "$1/models/local/keeper/1/files/$weights" <<'PY'
import os, sys
path = sys.argv[1]
info = os.stat(path)
os.chmod(path, 0o644)
with open(path, 'r+b') as f:
    for at in range(7, info.st_size, 65536):
        f.seek(at)
        byte = f.read(1)
        f.seek(at)
        f.write(bytes([byte[0] ^ 1]))
os.utime(path, ns=(info.st_atime_ns, info.st_mtime_ns))
os.chmod(path, 0o444)
PY
}
