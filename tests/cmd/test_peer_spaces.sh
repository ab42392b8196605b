#!/bin/sh
# Peers in two network namespaces with a bad cable between them: loss, a narrow way, a cut, addresses that change, IPv6, a way that takes
# small packets alone and does not say so.
. "$(dirname "$0")/harness.sh"
need 'peers in namespaces' peer-fetch || exit 0
need 'peers in namespaces' ip || exit 0
if [ "${SPACES:-}" != inside ]; then
    # a place of its own for names of namespaces, so that whoever is not root can have them, and nobody's are met
    if ! unshare -Urnm sh -c 'mount -t tmpfs none /run && ip netns add tried && : <>/dev/net/tun' 2>/dev/null; then
        skip 'peers in namespaces' 'no network namespaces or no /dev/net/tun here'
        exit 0
    fi
    SPACES=inside BUILD=$BUILD unshare -Urnm sh "$ROOT/tests/cmd/test_peer_spaces.sh"
    exit
fi
mount -t tmpfs none /run

cp -r "$ROOT/share/model" model && chmod -R u+w model
head -c 3000000 /dev/urandom >model/data.bin
manifest-make -q --private --model-id local/keeper --peer-hint available -s 64K -o keeper.manifest model 2>/dev/null
cp keeper.manifest model/m.manifest
manifest=$(sha256sum <keeper.manifest | cut -c1-64)
slm-import -q --home home --allow-unsigned model >/dev/null
servers=
trap 'for server in $servers; do kill "$server" 2>/dev/null; done; exec 3>&-; wait; chmod -R u+rwx "$WORK"; rm -rf "$WORK"' EXIT

ip netns add a && ip netns add b && mkfifo words
"$BUILD/peer/cable" /run/netns/a /run/netns/b delay=5 seed=3 <words >ready &
exec 3>words
for _ in $(seq 50); do [ -s ready ] && break; sleep 0.1; done
for side in a b; do
    ip -n $side link set lo up
    ip -n $side link set cable up
done
ip -n a addr add 10.77.0.1/24 dev cable
ip -n b addr add 10.77.0.2/24 dev cable
ip -n a addr add fd77::1/64 dev cable nodad
ip -n b addr add fd77::2/64 dev cable nodad

addresses=
for number in 1 2 3 4; do
    peer-key key$number >/dev/null
    ip netns exec a peer-serve --home home -s key$number --share local/keeper --listen "10.77.0.1:443$number" --listen "[fd77::1]:443$number" \
        >served$number 2>complained &
    servers="$servers $!"
done
for number in 1 2 3 4; do
    for _ in $(seq 50); do [ "$(grep -c ^address: served$number)" = 2 ] && break; sleep 0.1; done
    addresses="$addresses $(sed -n 's/^address: \(h3:..10.*\)/\1/p' served$number)"
done
six=$(sed -n 's/^address: \(h3:..\[.*\)/\1/p' served1)
four=$(sed -n 's/^address: \(h3:..10.*\)/\1/p' served1)

# fetch NAME ADDRESS...: into the store NAME, in the other namespace
fetch() {
    store=$1
    shift
    run ip netns exec b timeout 120 peer-fetch -q -y --home "$store" --allow-unsigned "$manifest" "$@"
}

# begin NAME ADDRESS...: the same in the background, a moment ahead; finish: until it ends
begin() {
    store=$1
    shift
    ip netns exec b timeout 120 peer-fetch -q -y --home "$store" --allow-unsigned "$manifest" "$@" >"$WORK/.out" 2>"$WORK/.err" &
    begun=$!
    sleep 1.5
}
finish() {
    wait "$begun"
    status=$?
}

echo loss=100 >&3
fetch six "$six"
expect 'over IPv6, one packet of a hundred lost' 0 'state: imported'
same 'every byte of it' "$(sha256sum <model/data.bin)" "$(sha256sum <six/models/local/keeper/1/files/data.bin)"

printf 'largest=1300\n' >&3
fetch narrow "$four"
expect 'over a way that drops what is larger than 1300 bytes' 0 'state: imported'
printf 'largest=0\nloss=0\nrate=600000\n' >&3

# four peers through one narrow way, which is cut meanwhile
# shellcheck disable=SC2086 # an address a word
begin cut $addresses
echo cut=1 >&3
sleep 3
echo cut=0 >&3
finish
expect 'from four peers through a bottleneck that was cut' 0 'state: imported'
same 'every byte of that' "$(sha256sum <model/data.bin)" "$(sha256sum <cut/models/local/keeper/1/files/data.bin)"

# the laptop is carried to another network while it fetches
begin moved "$four"
ip -n b addr add 10.77.0.9/24 dev cable
ip -n b addr del 10.77.0.2/24 dev cable
ip -n b addr show dev cable | grep -q 10.77.0.9 || ip -n b addr add 10.77.0.9/24 dev cable
finish
expect 'while the address of who fetches changes' 0 'state: imported'
same 'every byte of that too' "$(sha256sum <model/data.bin)" "$(sha256sum <moved/models/local/keeper/1/files/data.bin)"
