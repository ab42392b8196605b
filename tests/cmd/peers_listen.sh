# Sourced by tests of peers, behind harness.sh: servers in the background, which end with the test.
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
    for _ in $(seq 100); do
        address=$(sed -n 's/^address: //p' "$name.served")
        [ -z "$address" ] || return 0
        sleep 0.2
    done
    not_ok "peer-serve listens" "$(cat "$name.complained")"
}
