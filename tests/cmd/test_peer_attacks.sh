#!/bin/sh
# peer-serve and clients that do what they should not, by a program that others wrote: each is put off, and the next one is served.
. "$(dirname "$0")/harness.sh"
need "clients that attack" peer-serve || exit 0
. "$ROOT/tests/cmd/aioquic.sh"
[ -n "$aioquic" ] || { skip "clients that attack" "$no_aioquic"; exit 0; }
MINIMODEL_HOME=$WORK/home
export MINIMODEL_HOME

cp -r "$ROOT/share/model" model && chmod -R u+w model
manifest-make -q --private --model-id local/keeper --peer-hint available -s 64K -o keeper.manifest model 2>/dev/null
cp keeper.manifest model/m.manifest
slm-import -q --allow-unsigned model >/dev/null
peer-key >/dev/null
weights=$(sha256sum <"$MODEL" | cut -c1-64)
size=$(wc -c <"$MODEL")
peer-serve -s peer.key --share local/keeper --listen 127.0.0.1:0 --handshakes 1000 --metrics metrics.socket --log >served 2>complained &
server=$!
trap 'kill "$server" 2>/dev/null; wait; chmod -R u+rwx "$WORK"; rm -rf "$WORK"' EXIT
port=
for _ in $(seq 30); do
    port=$(sed -n 's/.*127\.0\.0\.1:\([0-9]*\)#.*/\1/p' served)
    [ -n "$port" ] && break
    sleep 0.3
done
files=$(find "/proc/$server/fd" -mindepth 1 | wc -l)
before=$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$server/status")

# shellcheck disable=SC2086 # two words
run timeout 300 $aioquic "$ROOT/tests/cmd/aioquic_attacks.py" "$port" /v0/models "/v0/artifacts/$weights"
expect "after each attack an honest client is served" 0
cp "$WORK/.out" outcomes
# came_to NAME WHAT OUTCOME: an extended regular expression
came_to() {
    found=$(sed -n "s/^$1: //p" outcomes)
    if printf '%s\n' "$found" | grep -qE "^($3)\$"; then ok "$2"; else not_ok "$2" "expected: $3" "found:    $found"; fi
}
came_to many_fields "300 fields" 'reset 0x107|431 0'
came_to large_field "a field of 60,000 bytes" 'reset 0x107|431 0'
came_to fields_without_end "fields without end" 'reset 0x107|closed|200 [0-9]+'
came_to two_paths "two paths" 'reset 0x10e|400 [0-9]+|closed'
came_to lengths_that_overflow "frames of 2^62-1 bytes" '200 [0-9]+|closed'
came_to data_before_fields "data before fields" 'closed 0x105'
came_to body_without_end "a body without end" '405|reset'
came_to half_a_request "requests that are never whole" '200 [0-9]+'
came_to second_control_stream "a second control stream" 'closed 0x103'
came_to many_ranges "a thousand ranges at once" "200 $size"
came_to flood_of_ranges "two thousand ranges one by one" '2000 of 2000'
came_to early_data "no ticket is given, so nothing is sent early" 'tickets 0'
if kill -0 "$server" 2>/dev/null; then ok "the server is there"; else not_ok "the server is there" "$(cat complained)"; fi
after=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$server/status")
case $BUILD in
*address* | *thread*) skip "in little memory" "a sanitizer's memory is its own" ;;
*) if [ $((after - before)) -lt 16384 ]; then ok "in little memory"; else not_ok "in little memory" "$((after - before)) KiB more than before"; fi ;;
esac
if [ "$(find "/proc/$server/fd" -mindepth 1 | wc -l)" -le $((files + 2)) ]; then ok "with as many descriptors"; else not_ok "with as many descriptors" "more than $files"; fi
same "and has nothing to complain of" "" "$(cat complained)"
kill "$server"
wait "$server"
same "it ends well" 0 $?
