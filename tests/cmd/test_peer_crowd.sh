#!/bin/sh
# peer-serve among many: what idle and busy connections cost it, that descriptors come back, and that limits hold while others are served.
. "$(dirname "$0")/harness.sh"
need peer-serve peer-serve || exit 0
need peer-serve python3 || exit 0
crowd=$BUILD/peer/crowd fetch=$BUILD/peer/fetch
[ -x "$crowd" ] || { skip peer-serve "no client here: make unit"; exit 0; }
MINIMODEL_HOME=$WORK/home
export MINIMODEL_HOME

mkdir model && head -c 20000000 /dev/urandom >model/large.txt
for i in $(seq 60); do echo "text $i" >"model/part-$i.txt"; done
cp "$ROOT"/share/model/* model/ && chmod -R u+w model
manifest-make -q --private --model-id local/many --peer-hint available -s 1M -o many.manifest model 2>/dev/null
cp many.manifest model/m.manifest
run slm-import -q --allow-unsigned model
expect "a model of many files" 0
peer-key >/dev/null
id=$(peer-key --show | sed -n 's/^peer-id: //p')
hex=$(python3 -c 'import base64, sys; print(base64.b32decode(sys.argv[1].upper() + "====").hex())' "$id")
large=$(sha256sum <model/large.txt | cut -c1-64)
server='' many=''
trap 'kill "$server" $many 2>/dev/null; wait; chmod -R u+rwx "$WORK"; rm -rf "$WORK"' EXIT
mkfifo hold

# serve OPTION...: in the background; $port is where
serve() {
    : >served
    peer-serve -s peer.key --listen 127.0.0.1:0 --share local/many --metrics metrics.socket "$@" >served 2>complained &
    server=$!
    for _ in $(seq 30); do
        port=$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\)#.*/\1/p' served)
        [ -n "$port" ] && return
        sleep 0.3
    done
    not_ok "peer-serve listens" "$(cat complained)"
}
open_files() { find "/proc/$server/fd" -mindepth 1 2>/dev/null | wc -l; }
peak() { sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$server/status"; }
# figure NAME: its value now
figure() {
    python3 - "$1" <<'PY'
import socket, sys
asking = socket.socket(socket.AF_UNIX)
asking.settimeout(20)
asking.connect('metrics.socket')
asking.sendall(b'GET /metrics HTTP/1.1\r\n\r\n')
text = asking.makefile().read()
print(text.split('\nminimodel_peer_' + sys.argv[1] + ' ')[1].split('\n')[0])
PY
}
# come IDLE BUSY PATH...: so many clients in the background
come() {
    : >came
    "$crowd" 127.0.0.1 "$port" "$hex" "$@" <hold >came 2>lost &
    many=$!
    exec 9>hold
    for _ in $(seq 300); do
        grep -q connected came && break
        sleep 0.2
    done
}
# leave: they are gone
leave() {
    exec 9>&-
    wait "$many"
    many=
}

# ---- 200 idle, 50 busy ----

serve --connections 250 --connections-an-address 250 --handshakes 100000
before=$(peak) files=$(open_files)
come 200 50 "/v0/artifacts/$large"
same "they are all connected" "connected 250" "$(head -n 1 came)"
for _ in $(seq 100); do [ "$(figure body_bytes_total)" -gt 100000000 ] && break; sleep 0.2; done
each=$((($(peak) - before) / 250))
case $BUILD in
*address* | *thread*) skip "a connection costs at most 200 KiB" "a sanitizer's memory is its own" ;;
*) if [ "$each" -le 200 ]; then ok "a connection costs at most 200 KiB"; else not_ok "a connection costs at most 200 KiB" "$each KiB each"; fi ;;
esac
if [ "$(open_files)" -le $((files + 8)) ]; then ok "no connection needs a descriptor of its own"; else not_ok "no connection needs a descriptor of its own" "$(open_files), $files before"; fi
leave
same "nobody was lost" "lost 0" "$(tail -n 1 came | grep -o 'lost.*')"
for _ in $(seq 100); do [ "$(figure connections)" = 0 ] && break; sleep 0.2; done
same "when they have left nothing is left of them" "0 0 0" "$(figure connections) $(figure handshakes) $(figure send_memory_bytes)"
if [ "$(open_files)" -le $((files + 2)) ]; then ok "and descriptors are as they were"; else not_ok "and descriptors are as they were" "$(open_files), $files before"; fi
kill "$server"
wait "$server"
same "it ends well" 0 $?

serve --connections 250 --connections-an-address 250 --handshakes 100000
before=$(peak)
come 0 50 "/v0/artifacts/$large"
for _ in $(seq 100); do [ "$(figure body_bytes_total)" -gt 100000000 ] && break; sleep 0.2; done
each=$((($(peak) - before) / 50))
case $BUILD in
*address* | *thread*) skip "fifty that take all they can cost at most 300 KiB each" "a sanitizer's memory is its own" ;;
*) if [ "$each" -le 300 ]; then ok "fifty that take all they can cost at most 300 KiB each"; else not_ok "fifty that take all they can cost at most 300 KiB each" "$each KiB each"; fi ;;
esac
leave
kill "$server"
wait "$server"

# ---- more than there is room for ----

serve --connections 20 --connections-an-address 1000 --handshakes 100000
come 60 0 /none
same "as many as may are connected" "connected 20" "$(head -n 1 came)"
same "the others are refused" "40 40" "$(figure 'refused_total{why="full"}') $(grep -c '^lost:' lost)"
run timeout 30 "$fetch" 127.0.0.1 "$port" "$hex" /v0/models
expect "and so is who comes then" 3
if [ "$(figure retries_total)" -ge 10 ]; then ok "from half of them on newcomers prove their address first"; else not_ok "from half of them on newcomers prove their address first" "$(figure retries_total)"; fi
leave
for _ in $(seq 100); do [ "$(figure connections)" = 0 ] && break; sleep 0.2; done
run timeout 30 "$fetch" 127.0.0.1 "$port" "$hex" /v0/models
expect "who comes when there is room is served" 0 200
kill "$server" && wait "$server"

serve --connections-an-address 5 --handshakes 100000
come 12 0 /none
for _ in $(seq 100); do [ "$(figure connections)" = 5 ] && break; sleep 0.2; done
same "so many of one address" "5 7" "$(figure connections) $(figure 'refused_total{why="address"}')"
leave
kill "$server" && wait "$server"

# ---- few descriptors ----

most=$(ulimit -Sn)
ulimit -Sn 24
serve
ulimit -Sn "$most"
paths=$(sed -n 's/^artifact-sha256: /\/v0\/artifacts\//p' many.manifest)
# shellcheck disable=SC2086 # many words
run timeout 60 "$fetch" 127.0.0.1 "$port" "$hex" $paths
expect "many files with few descriptors" 0
same "each is whole, or not to be had now" "" "$(printf '%s\n' "$out" | grep -vE '^(200 [0-9]+|503 0) complete ')"
run timeout 60 "$fetch" 127.0.0.1 "$port" "$hex" -o got "/v0/artifacts/$large"
expect "and the server serves on" 0 "200 20000000 complete"
kill "$server"
