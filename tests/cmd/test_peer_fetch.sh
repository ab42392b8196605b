#!/bin/sh
# peer-fetch: from honest peers and from others, after a kill, with consent and without.
. "$(dirname "$0")/harness.sh"
need peer-fetch peer-fetch || exit 0
need peer-fetch python3 || exit 0

. "$ROOT/tests/cmd/peers.sh"

serve one && one=$address first=$server
run peer-fetch -y --home to --allow-unsigned "$manifest" "$one"
expect "a model is fetched" 0 "state: imported" "total-bytes: $total" "fetched-bytes: $total"
same "its receipt says how it came" "medium: peer copied=4" "$(grep ^medium: "$(field receipt)")"
run slm-check -q --home to
expect "the store finds it whole" 0
run cmp "to/models/local/keeper/1/files/$weights" "model/$weights"
expect "its bytes are those of the source" 0
run peer-fetch -y --home to --allow-unsigned --json keeper.manifest "$one"
expect "what is there is not fetched again" 0 '"state":"there"' '"fetched-bytes":0'
if /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
    printf '%s\n' "$out" >fetched
    run /usr/bin/python3 "$ROOT/tests/cmd/lines_follow.py" "$ROOT/schemas/peer-fetched.schema.json" fetched
    expect "--json follows its schema" 0
else
    skip "--json follows its schema" "no python3-jsonschema"
fi
run sh -c "printf '%s\tits name\n' '$one' | peer-fetch -y --home lines --allow-unsigned $manifest -"
expect "peers come on standard input too" 0 "state: imported"

# ---- consent ----

run setsid peer-fetch --home none --allow-unsigned "$manifest" "$one"
expect "without a terminal there is no consent" 2 "--yes"
cat >ask.py <<'PY'
# answers at a terminal of its own
import os, pty, sys
answer, command = sys.argv[1], sys.argv[2:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
seen = b''
while b'[y/N]' not in seen:
    seen += os.read(fd, 4096)
os.write(fd, answer.encode() + b'\n')
try:
    while True:
        more = os.read(fd, 4096)
        if not more:
            break
        seen += more
except OSError:
    pass
print(seen.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
run python3 ask.py n peer-fetch --home none --allow-unsigned "$manifest" "$one"
expect "a no is one" 1 "model: local/keeper" "license-route: " "bytes: $total" "signature: unsigned" "[peer-consent]"
same "and nothing is there" absent "$([ -e none/store/partial ] && echo there || echo absent)"
run python3 ask.py yes peer-fetch --home asked --allow-unsigned "$manifest" "$one"
expect "a yes is one" 0 "state: imported"

# ---- what does not pass ----

run peer-fetch -y --home none "$manifest" "$one"
expect "an unsigned model needs --allow-unsigned" 1 "[store-unsigned]"
run peer-fetch -y --home none --allow-unsigned --max-bytes 1000 "$manifest" "$one"
expect "--max-bytes holds" 3 "[store-max-bytes]"
run peer-fetch -y --home none --allow-unsigned "$(printf '%064d' 1)" "$one"
expect "a manifest that nobody has" 3 "[peer-lacks]"
serve two && two=$address second=$server
other=${one%%#*}#${two#*#}
run peer-fetch -y --home none --allow-unsigned "$manifest" "$other"
expect "a peer with another key is not spoken to" 3 "[peer-lacks]"
run peer-fetch -y --home none --allow-unsigned "$manifest" 'h3://127.0.0.1:9'
expect "an address without a peer id" 1 "[peer-address]"
run peer-fetch -y --home none --allow-unsigned "$manifest" "$other" "$two"
expect "an honest one beside it completes the fetch" 0 "state: imported"

run peer-fetch -y --home limited --allow-unsigned --max-rate 400K "$manifest" "$one" "$two"
expect "with a limit of the rate it ends as without" 0 "state: imported" "fetched-bytes: $total"
dead=h3://127.0.0.1:9#${two#*#}
run peer-fetch -y --home dead --allow-unsigned "$manifest" "$dead" "$one"
expect "a peer that is not there holds nothing up" 0 "state: imported"
run peer-fetch -y --home name --allow-unsigned "$manifest" "h3://localhost:${one#h3://127.0.0.1:}"
expect "a peer is found by a name too" 0 "state: imported"

# ---- a liar ----

spoil two
run peer-fetch -y --home lied --allow-unsigned "$manifest" "$two"
expect "a liar alone is named, and the fetch fails" 3 "${two#*#}" "[peer-wrong]" "[peer-lacks]"
same "no model is there" "" "$(ls lied/models 2>/dev/null)"
run python3 - "lied/store/partial/$manifest/files/$weights" "model/$weights" <<'PY'
import os, sys
there = open(sys.argv[1], 'rb').read() if os.path.exists(sys.argv[1]) else b''
assert all(a in (0, b) for a, b in zip(there, open(sys.argv[2], 'rb').read()))
PY
expect "and no wrong byte was written" 0
run peer-fetch -y --home lied --allow-unsigned "$manifest" "$two" "$one"
expect "an honest peer beside it completes it" 0 "state: imported"
run slm-check -q --home lied
expect "and it is whole" 0
kill "$second"

# ---- kill -9 ----

kill "$first"
serve one --upload-rate 100K && one=$address
peer-fetch -y --home killed --allow-unsigned "$manifest" "$one" >/dev/null 2>&1 &
fetching=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    sleep 0.3
    there=$(du -k "killed/store/partial/$manifest/files/$weights" 2>/dev/null | cut -f1)
    [ "${there:-0}" -ge 120 ] && break
done
kill -9 "$fetching"
wait "$fetching" 2>/dev/null
kill "$server"
serve one && one=$address
run peer-fetch -y --home killed --allow-unsigned "$manifest" "$one"
expect "a fetch that was killed goes on" 0 "state: imported"
fetched=$(field fetched-bytes)
if [ "$fetched" -gt 0 ] && [ "$fetched" -lt $((total - 60000)) ]; then ok "with what lacks alone"; else not_ok "with what lacks alone" "fetched $fetched of $total"; fi

# ---- memory ----

case $BUILD in
*address* | *thread*) skip "memory does not grow with a model" "sanitizers take their own" ;;
*)
    mkdir long && cp -r model/. long && rm long/m.manifest && truncate -s 200M long/long.txt
    (cd long && manifest-make -q --private --model-id local/long --peer-hint available -o ../long.manifest . 2>/dev/null)
    cp long.manifest long/m.manifest
    slm-import -q --link --home longer --allow-unsigned long >/dev/null 2>&1
    cp one.key longer.key
    listen longer --share local/long && long=$address
    run python3 -c 'import resource, subprocess, sys
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
print("state", done.returncode, "KiB", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)' \
        peer-fetch -q -y --home long-to --allow-unsigned long.manifest "$long"
    expect "a long model is fetched" 0 "state 0"
    if [ "${out##*KiB }" -lt 131072 ]; then ok "in less memory than it has bytes: below 128 MiB"; else not_ok "in less memory than it has bytes" "$out"; fi
    chmod -R u+w long-to longer && rm -rf long-to longer long
    ;;
esac

# ---- calls ----

for wrong in '' "$manifest" "$manifest --least-rate x h3://a" "$manifest --max-bytes 0 h3://a" "$manifest --max-rate 0 h3://a" "--password-file x $manifest h3://a"; do
    # shellcheck disable=SC2086 # several words
    run peer-fetch -y $wrong
    expect "peer-fetch $wrong is a wrong call" 2 usage
done
