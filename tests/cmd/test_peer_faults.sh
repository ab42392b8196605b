#!/bin/sh
# peer-fetch with a disk that fails, is full, or stops with the machine, while chunks land and their digests grow: nothing wrong is ever under
# models/, and the next call goes on from what is on the disk, whatever became of it meanwhile.
[ -n "${TMPDIR:-}" ] || [ ! -w /dev/shm ] || export TMPDIR=/dev/shm # stores are flushed many times
. "$(dirname "$0")/harness.sh"
need "a fetch whose disk fails" peer-fetch || exit 0
faulty=$BUILD/fault/peer-fetch
[ -x "$faulty" ] || { skip "a fetch whose disk fails" "the commands with faults are not built"; exit 0; }
. "$ROOT/tests/cmd/peers.sh"
FAULTS=${FAULTS:-5} # calls of each kind that fail, evenly chosen

serve honest
[ -n "$address" ] || exit 1

# fetch [FAULT]: into the store to, with that fault if there is one; the harness's run
fetch() {
    program=peer-fetch
    [ -z "${1:-}" ] || program=$faulty
    run env FAULT="${1:-}" FAULT_COUNT="$WORK/count" "$program" -q -y --home to --allow-unsigned keeper.manifest "$address"
}
# gone: the store to is no more
gone() { chmod -R u+rwx to 2>/dev/null; rm -rf to; }
# whole: what is under models/ is right, if anything is
whole() {
    [ ! -e to/models ] || find to/models -name manifest | while read -r found; do
        slm-verify -q "$found" "$(dirname "$found")/files" >/dev/null || echo "$found is not whole"
    done
}

# each KIND ERRNO: calls of KIND fail, one at a time; ERRNO 0 stops the program there
each() {
    gone
    fetch "$1:0:0"
    count=$(cat count) wrong='' at=1
    [ "${count:-0}" -gt 0 ] || { not_ok "a fetch has calls of the kind $1" "none"; return; }
    step=$(((count + FAULTS - 1) / FAULTS))
    while [ "$at" -le "$count" ]; do
        gone
        fetch "$1:$at:$2"
        case $2:$status in
        0:137 | [1-9]*:[03]) ;;
        0:0) ;; # it was not called so often this time
        *) wrong="$wrong $1 $at ended with $status;" ;;
        esac
        left=$(whole)
        [ -z "$left" ] || wrong="$wrong $1 $at: $left;"
        fetch
        [ "$status" = 0 ] && [ -z "$(whole)" ] && [ -n "$(ls to/models)" ] || wrong="$wrong $1 $at: the next one ended with $status;"
        at=$((at + step))
    done
    same "$1 fails with $2: no answer but yes and don't know, and the next call mends it" "" "$wrong"
}
each write 28
each write 5
each read 5
each open 5
each stat 5
each writeback 5
each fsync 5
each rename 28
each memory 12
each change 0

# ---- what was landed is looked at again, not believed ----

# half: a store that a fetch left when the last writes but $1 were done
half() {
    gone
    fetch write:0:0
    gone
    fetch "write:$(($(cat count) - $1)):0"
    landed=$(find to/store/partial -name "$weights" | head -n 1)
    [ -n "$landed" ] || not_ok "a fetch that was killed leaves what it has" "nothing"
}
half 12
fetch
expect "after kill -9 a fetch goes on" 0 "state: imported"
if [ "$(field fetched-bytes)" -lt "$total" ]; then ok "and does not fetch all again"; else not_ok "and does not fetch all again" "$(field fetched-bytes) of $total"; fi
# damage NAME COMMAND...: of the landed file, before the next call
damage() {
    name=$1
    shift
    half 12
    "$@"
    fetch
    expect "$name" 0 "state: imported"
    same "$name: what is in the store is right" "" "$(whole)"
}
byte_at() { printf X | dd of="$landed" bs=1 seek="$1" conv=notrunc 2>/dev/null; }
damage "a byte of the first chunk changed meanwhile" byte_at 100
damage "one in the middle" byte_at 200000
damage "one of the last that is there" byte_at $(($(wc -c <model/$weights) - 1))
damage "it was cut off" truncate -s 70000 "$landed"
damage "it was emptied" truncate -s 0 "$landed"
punch() { dd if=/dev/zero of="$landed" bs=65536 seek=1 count=1 conv=notrunc 2>/dev/null; }
damage "a hole was made" punch
damage "it was removed" rm -f "$landed"
exit 0 # not what became of the servers
