# HTTP/3 of this project beside one that others wrote (aioquic), in both directions, and over a bad line.
. "$(dirname "$0")/harness.sh"
. "$ROOT/tests/cmd/aioquic.sh"
if ! [ -x "$BUILD/peer/serve" ]; then
    skip 'HTTP/3' 'built without ngtcp2 and nghttp3'
    exit 0
fi

mkdir web
: >web/empty
printf x >web/one
head -c 16384 /dev/urandom >web/small
head -c 8000000 /dev/urandom >web/large

# begin FILE COMMAND...: starts COMMAND, waits for its first line in FILE; leaves $pid
begin() {
    first=$1
    shift
    "$@" >"$first" 2>errors &
    pid=$!
    for _ in $(seq 100); do
        [ -s "$first" ] && return 0
        sleep 0.1
    done
    cat errors >&2
    return 1
}

# hash FILE: its SHA-256
hash() { sha256sum "$1" | cut -d ' ' -f 1; }

begin ours "$BUILD/peer/serve" 0 web || not_ok 'the server starts'
server=$pid
read -r port key <ours

# ---- over a bad line, with the own client ----

mkfifo hold
"$BUILD/peer/wire" "$port" delay=10 loss=200 late=200 largest=1472 seed=5 <hold >line 2>/dev/null &
exec 3>hold
for _ in $(seq 50); do [ -s line ] && break; sleep 0.1; done
run timeout 120 "$BUILD/peer/fetch" 127.0.0.1 "$(cat line)" "$key" -o got /large
expect 'a file comes over a line that loses datagrams' 0 '200 8000000 complete /large'
same 'every byte of it' "$(hash web/large)" "$(hash got)"
exec 3>&-
run timeout 20 "$BUILD/peer/fetch" 127.0.0.1 "$port" "$(printf %s "$key" | sed 's/^../00/')" /one
expect 'a server with another key is refused' 3 'lost' 'another key'

# ---- aioquic as client ----

if [ -n "$aioquic" ]; then
    run timeout 60 "$aioquic" "$ROOT/tests/peer/aio.py" client "$port" --check "$key" /empty /one /small /large /nothing
    expect 'aioquic downloads' 0 "200 0 $(hash web/empty) /empty" "200 1 $(hash web/one) /one" "200 16384 $(hash web/small) /small" \
        "200 8000000 $(hash web/large) /large" '404 0 '
    run timeout 60 "$aioquic" "$ROOT/tests/peer/aio.py" client "$port" --range 1000-4095 /small
    tail -c +1001 web/small | head -c 3096 >part
    expect 'aioquic asks for a part' 0 "206 3096 $(hash part) /small"
    run timeout 60 "$aioquic" "$ROOT/tests/peer/aio.py" client "$port" --version2 /small
    expect 'aioquic speaks the second version of QUIC' 0 "200 16384 $(hash web/small)"
    run timeout 60 "$aioquic" "$ROOT/tests/peer/aio.py" client "$port" /
    expect 'aioquic lists' 0 '200 '
else
    skip 'aioquic as client' "$no_aioquic"
fi

kill -TERM "$server"
wait "$server"
same 'the server drains when it is told to end' 0 $?

# ---- aioquic as server ----

if [ -n "$aioquic" ]; then
    begin theirs "$aioquic" "$ROOT/tests/peer/aio.py" server web || not_ok 'aioquic starts'
    read -r port <theirs
    run timeout 60 "$BUILD/peer/fetch" 127.0.0.1 "$port" any /empty /one /small /nothing
    expect 'requests to aioquic' 0 '200 0 complete /empty' '200 1 complete /one' '200 16384 complete /small' '404 0 complete /nothing'
    run timeout 100 "$BUILD/peer/fetch" 127.0.0.1 "$port" any -o got /large
    expect 'a download from aioquic' 0 '200 8000000 complete /large'
    same 'every byte of that' "$(hash web/large)" "$(hash got)"
    run timeout 60 "$BUILD/peer/fetch" 127.0.0.1 "$port" any -r bytes=0-99 -o got /large
    expect 'a part from aioquic' 0 '206 100 complete /large'
    run timeout 60 "$BUILD/peer/fetch" 127.0.0.1 "$port" "$key" /one
    expect 'a certificate without an Ed25519 key is refused' 3 'no Ed25519 key'
    kill "$pid"
    wait "$pid" 2>/dev/null
else
    skip 'aioquic as server' "$no_aioquic"
fi
exit 0 # not what became of the server, which was ended
