#!/bin/sh
# peer-serve --metrics: figures at a socket, who may ask, and askers that do not behave.
. "$(dirname "$0")/harness.sh"
need peer-serve peer-serve || exit 0
need peer-serve python3 || exit 0
fetch=$BUILD/peer/fetch
[ -x "$fetch" ] || { skip peer-serve "no client here: make unit"; exit 0; }
MINIMODEL_HOME=$WORK/home
export MINIMODEL_HOME
umask 000 # which must not show in the socket's mode

cp -r "$ROOT/share/model" model && chmod -R u+w model
manifest-make -q --private --model-id local/keeper --peer-hint available -s 64K -o keeper.manifest model 2>/dev/null
cp keeper.manifest model/m.manifest
slm-import -q --allow-unsigned model >/dev/null
(umask 077 && peer-key >/dev/null)
id=$(peer-key --show | sed -n 's/^peer-id: //p')
hex=$(python3 -c 'import base64, sys; print(base64.b32decode(sys.argv[1].upper() + "====").hex())' "$id")
manifest=$(sha256sum <keeper.manifest | cut -c1-64)
server=
trap 'kill "$server" 2>/dev/null; wait; chmod -R u+rwx "$WORK"; rm -rf "$WORK"' EXIT

cat >ask.py <<'PY'
# sends its second argument to the socket, prints what comes back
import socket, sys
asking = socket.socket(socket.AF_UNIX)
asking.settimeout(20)
asking.connect(sys.argv[1])
asking.sendall(sys.argv[2].encode().decode('unicode_escape').encode())
got = b''
while True:
    more = asking.recv(65536)
    if not more:
        break
    got += more
sys.stdout.buffer.write(got.replace(b'\r', b''))
PY
ask() { run python3 ask.py metrics.socket "$1"; }
get() { "$fetch" 127.0.0.1 "$port" "$hex" -o body "$1" 2>/dev/null | cut -d ' ' -f 1; }
# figure NAME: its value now
figure() { python3 ask.py metrics.socket 'GET /metrics HTTP/1.1\r\n\r\n' | sed -n "s/^minimodel_peer_$1 //p"; }

# serve: in the background; $port is where
serve() {
    : >served
    peer-serve -s peer.key --listen 127.0.0.1:0 --share local/keeper --metrics metrics.socket >served 2>complained &
    server=$!
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        port=$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\)#.*/\1/p' served)
        [ -n "$port" ] && return
        sleep 0.3
    done
    not_ok "peer-serve listens" "$(cat complained)"
}

serve
same "the socket is its user's alone" 'srw-------' "$(stat -c %A metrics.socket)"
ask 'GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'
expect "figures" 0 "HTTP/1.1 200 OK" "text/plain; version=0.0.4" "minimodel_peer_models 1" "minimodel_peer_connections_total 0"
printf '%s\n' "$out" | sed '1,/^$/d' >text
same "the length is what was said" "$(sed -n 's/^Content-Length: //p' "$WORK/.out")" "$(wc -c <text)"
run python3 - text "$ROOT/docs/formats/metrics.md" <<'PY'
import re, sys
seen, kinds = [], {}
for line in open(sys.argv[1]):
    if line.startswith('# HELP '):
        assert re.fullmatch(r'# HELP [a-z_]+ \S.*\n', line), line
    elif line.startswith('# TYPE '):
        name, kind = line.split()[2:]
        assert name not in kinds and kind in ('gauge', 'counter'), line
        kinds[name] = kind
    else:
        name, labels, value = re.fullmatch(r'([a-z_]+)(\{[a-z]+="[a-z0-9]+"\})? (\d+)\n', line).groups()
        assert name in kinds and (kinds[name] == 'counter') == name.endswith('_total'), line
        seen.append(name + (labels or ''))
assert len(set(seen)) == len(seen)
told = re.findall(r'^\| `(minimodel_peer_[^`]*)` ', open(sys.argv[2]).read(), re.M)
assert told == seen, set(told) ^ set(seen)
PY
expect "in the form of Prometheus, each of them in the docs" 0
if need "curl reads them" curl; then
    run curl -s -m 20 --unix-socket metrics.socket http://localhost/metrics
    expect "curl reads them" 0 "minimodel_peer_models 1"
fi
same "a manifest" 200 "$(get "/v0/manifests/$manifest")"
same "nothing" 404 "$(get /nothing)"
for _ in 1 2 3 4 5 6 7 8 9 10; do [ "$(figure 'responses_total{status="4xx"}')" = 1 ] && break; sleep 0.2; done
same "requests are counted" "2 1 1" "$(figure requests_total) $(figure 'responses_total{status="2xx"}') $(figure 'responses_total{status="4xx"}')"
same "so are bytes of bodies" "$(wc -c <keeper.manifest)" "$(figure body_bytes_total)"
same "and connections" 2 "$(figure connections_total)"
kill -HUP "$server"
for _ in 1 2 3 4 5 6 7 8 9 10; do [ "$(figure reloads_total)" = 1 ] && break; sleep 0.2; done
same "and reloads" 1 "$(figure reloads_total)"

# ---- askers that do not behave ----

ask 'GET / HTTP/1.1\r\n\r\n'
expect "another path" 0 "HTTP/1.1 404"
ask 'POST /metrics HTTP/1.1\r\n\r\n'
expect "another method" 0 "HTTP/1.1 405"
ask '\n\n'
expect "no request at all" 0 "HTTP/1.1 405"
ask "$(printf '%8000s' | tr ' ' x)"
same "one without an end is parted from" "" "$out"
cat >crowd.py <<'PY'
# many who say nothing, take nothing, or go away; then one who asks as it should be
import socket, sys
many = []
for i in range(300):
    one = socket.socket(socket.AF_UNIX)
    one.connect(sys.argv[1])
    if i % 3 == 1:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        try:
            one.send(b'GET /metrics HTTP/1.1\r\n\r\n')
        except OSError:
            pass
    if i % 3 == 2:
        one.close()
    else:
        many.append(one)
PY
run timeout 60 python3 crowd.py metrics.socket
expect "a crowd at the socket" 0
ask 'GET /metrics HTTP/1.1\r\n\r\n'
expect "does not keep others from asking" 0 "minimodel_peer_models 1"
same "nor from fetching" 200 "$(get "/v0/manifests/$manifest")"
open=$(find "/proc/$server/fd" 2>/dev/null | wc -l)
if [ "$open" -lt 40 ]; then ok "and its descriptors are closed"; else not_ok "and its descriptors are closed" "$open are open"; fi

# ---- its name ----

run timeout 60 peer-serve -s peer.key --listen 127.0.0.1:0 --share local/keeper --metrics metrics.socket
expect "a socket where somebody listens is not taken" 3 "[io-exists]"
kill -9 "$server"
wait "$server" 2>/dev/null
serve
ask 'GET /metrics HTTP/1.1\r\n\r\n'
expect "one that was left behind is" 0 "minimodel_peer_models 1"
kill "$server"
wait "$server"
same "it ends well" 0 $?
echo text >file
run timeout 60 peer-serve -s peer.key --listen 127.0.0.1:0 --share local/keeper --metrics file
expect "a file is not replaced" 3 "[io-exists]"
same "and stays" text "$(cat file)"
ln -s metrics.socket link
run timeout 60 peer-serve -s peer.key --listen 127.0.0.1:0 --share local/keeper --metrics link
expect "nor is a link" 3 "[io-exists]"
run timeout 60 peer-serve -s peer.key --listen 127.0.0.1:0 --share local/keeper --metrics "$(printf '%200s' | tr ' ' x)"
expect "a path that is too long for a socket" 3 "[io-open]"
