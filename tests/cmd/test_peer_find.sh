#!/bin/sh
# peer-find and peer-serve --announce, between two network namespaces that a pair of virtual interfaces connects.
. "$(dirname "$0")/harness.sh"
need peer-find peer-find || exit 0
if [ "${1:-}" != inside ]; then
    for wrong in '--wait 0' '--wait x' '--wait 601' abc 'ABC --wait 1'; do
        # shellcheck disable=SC2086 # several words
        run peer-find $wrong
        expect "peer-find $wrong is a wrong call" 2 usage
    done
    for program in peer-serve ip unshare nsenter python3; do need "announced and found" $program || exit 0; done
    unshare -rn true 2>/dev/null || { skip "announced and found" "no network namespaces for this user"; exit 0; }
    unshare -rn sh "$ROOT/tests/cmd/test_peer_find.sh" inside
    exit
fi

# ---- two networks, one wire ----

unshare -n sleep 300 &
second=$!
servers=
trap 'for server in $servers; do kill "$server" 2>/dev/null; done; kill "$second"; wait; chmod -R u+rwx "$WORK"; rm -rf "$WORK"' EXIT
there() { nsenter -t "$second" -n "$@"; }
for _ in 1 2 3 4 5 6 7 8 9 10; do
    [ "$(readlink "/proc/$second/ns/net")" != "$(readlink /proc/self/ns/net)" ] && break
    sleep 0.1
done
ip link set lo up && there ip link set lo up
if ! ip link add name veth0 type veth peer name veth1 netns "$second" 2>why; then
    skip "announced and found" "no virtual interfaces: $(cat why)"
    exit 0
fi
ip address add 10.77.0.1/24 dev veth0 && ip address add fd77::1/64 dev veth0 nodad && ip link set veth0 up
there ip address add 10.77.0.2/24 dev veth1 && there ip address add fd77::2/64 dev veth1 nodad && there ip link set veth1 up

cp -r "$ROOT/share/model" model && chmod -R u+w model
manifest-make -q --private --model-id local/keeper --peer-hint available -s 64K -o keeper.manifest model 2>/dev/null
cp keeper.manifest model/m.manifest
manifest=$(sha256sum <keeper.manifest | cut -c1-64)
slm-import -q --home home --allow-unsigned model >/dev/null
peer-key >/dev/null
id=$(peer-key --show | sed -n 's/^peer-id: //p')
instance=minimodel-$(printf %s "$id" | cut -c1-12)

# serve OPTION...: in the background; $server is its process
serve() {
    peer-serve --home home -s peer.key --share local/keeper "$@" >served 2>complained &
    server=$!
    servers="$servers $server"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        grep -q '^address' served && return
        sleep 0.3
    done
    not_ok "peer-serve listens" "$(cat complained)"
}

# ---- nothing by default ----

serve
run there peer-find --wait 2
expect "who does not announce is not found" 1
same "and nothing is printed" "" "$out"
kill "$server" && wait "$server"

# ---- announced ----

serve --announce
run there peer-find --wait 20 "$id"
expect "who announces is found by peer id" 0
same "with all addresses, but for those of the link" "h3://10.77.0.1:4433#$id	$instance
h3://[fd77::1]:4433#$id	$instance" "$out"
run there peer-find --wait 4
expect "and by everybody who looks" 0 "h3://10.77.0.1:4433#$id	$instance"
run peer-find --wait 20 "$id"
expect "on the same machine too" 0 "h3://10.77.0.1:4433#$id	$instance"
run there peer-find --wait 20 --json "$id"
expect "--json has the same facts" 0 "{\"address\":\"h3://10.77.0.1:4433#$id\",\"peer-id\":\"$id\",\"name\":\"$instance\"}"
if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
    printf '%s\n' "$out" >found
    run /usr/bin/python3 "$ROOT/tests/cmd/lines_follow.py" "$ROOT/schemas/peer-found.schema.json" found
    expect "it follows its schema" 0
else
    skip "it follows its schema" "no python3-jsonschema"
fi
peer-key other.key >/dev/null
run there peer-find --wait 2 "$id" "$(peer-key --show other.key | sed -n 's/^peer-id: //p')"
expect "one that lacks is a no" 1 "$id"
there sh -c "peer-find --wait 20 $id | peer-fetch -y --home to --allow-unsigned $manifest -" >fetched 2>why
same "peer-fetch takes the lines" "state: imported" "$(head -n 1 fetched)"

# ---- hostile neighbours ----

there peer-find --wait 9 >found 2>why &
finding=$!
there peer-find --json --wait 9 >found.json 2>/dev/null &
finding_too=$!
sleep 1
there timeout 60 python3 "$ROOT/tests/cmd/mdns.py" 10.77.0.2 "$id"
wait "$finding"
same "a flood of lies does not end it" 0 $?
wait "$finding_too"
same "nor under --json" 0 $?
run sh -c 'LC_ALL=C grep -c "[^ -~	]" found'
same "names are shown escaped" 0 "$out"
same "a strange name is among them" 1 "$(grep -cF '10.77.0.9:4433#' found)"
same "what names no peer is not" "" "$(grep -F 10.77.0.66 found)"
same "no peer id has more than eight addresses" "" "$(sed 's/.*#\([a-z2-7]*\).*/\1/' found | sort | uniq -c | awk '$1 > 8')"
same "no address that nobody can reach" "" "$(grep -E '//(127|0|224|255)\.|//\[(::|fe80|ff)' found)"
same "every line is one that peer-fetch takes" "" "$(grep -vE '^h3://([0-9.]+|\[[0-9a-f:]+\]):[0-9]+#[a-z2-7]{52}	' found)"
run python3 -c 'import json, sys
for line in open("found.json", encoding="utf-8"): assert set(json.loads(line)) == {"address", "peer-id", "name"}'
expect "and JSON stays JSON" 0
if kill -0 "$server" 2>/dev/null; then ok "who announces is still there"; else not_ok "who announces is still there" "$(cat complained)"; fi
same "and has nothing to complain of" "" "$(cat complained)"
run there peer-fetch -y --home after --allow-unsigned "$manifest" "h3://10.77.0.1:4433#$id"
expect "and serves" 0 "state: imported"

# ---- and no more ----

announcer=$(ps -o pid= --ppid "$server" | tr -d ' ')
kill "$server"
wait "$server"
same "it ends well" 0 $?
if [ -n "$announcer" ] && ! kill -0 "$announcer" 2>/dev/null; then ok "and so does what announced"; else not_ok "and so does what announced" "$announcer"; fi
run there peer-find --wait 2 "$id"
expect "what was taken back is not found" 1

serve --announce --listen 127.0.0.1:0 --listen 10.77.0.1:4444
run there peer-find --wait 20 "$id"
expect "an address that was named is the one that is announced" 0
same "and no other" "h3://10.77.0.1:4444#$id	$instance" "$out"
announcer=$(ps -o pid= --ppid "$server" | tr -d ' ')
kill -9 "$announcer"
for _ in 1 2 3 4 5 6 7 8 9 10; do [ -s complained ] && break; sleep 0.3; done
same "where the announcer is killed, that is said" 1 "$(grep -c 'not announced any more' complained)"
run there peer-fetch -y --home yet --allow-unsigned "$manifest" "h3://10.77.0.1:4444#$id"
expect "and the server serves on" 0 "state: imported"
kill "$server" && wait "$server"
same "and ends well" 0 $?
run peer-serve --home home -s peer.key --share local/keeper --announce --listen 127.0.0.1:0
expect "loopback alone cannot be announced" 3 "[io-open]"
