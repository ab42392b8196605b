# Sourced by tests of peers that serve the shipped model, behind harness.sh: the model with a manifest of chunks of 64 KiB, and servers in the background, which end with the test.
cp -r "$ROOT/share/model" model && chmod -R u+w model
manifest-make -q --private --model-id local/keeper --peer-hint available -s 64K -o keeper.manifest model 2>/dev/null
cp keeper.manifest model/m.manifest
weights=mini-keeper-200k-f16.gguf
manifest=$(sha256sum <keeper.manifest | cut -c1-64)
total=$(sed -n 's/^artifact-bytes: //p' keeper.manifest | awk '{ n += $1 } END { print n }')
servers=
trap 'for server in $servers; do kill -9 "$server" 2>/dev/null; done; wait; chmod -R u+rwx "$WORK"; rm -rf "$WORK"' EXIT

# listen NAME OPTION...: peer-serve with the store NAME in the background; $address is where, $server who
listen() {
    name=$1
    shift
    [ -f "$name.key" ] || peer-key "$name.key" >/dev/null
    : >"$name.served" # what an earlier one said is not this one's
    peer-serve --home "$name" -s "$name.key" --listen 127.0.0.1:0 "$@" >"$name.served" 2>"$name.complained" &
    server=$!
    servers="$servers $server"
    for _ in $(seq 20); do
        address=$(sed -n 's/^address: //p' "$name.served")
        [ -n "$address" ] && return
        sleep 0.2
    done
    not_ok "peer-serve listens" "$(cat "$name.complained")"
}

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
