#!/bin/sh
# How bytes flow through slm-import: from slow sources, past a memory that has no room for them, to the device before the model appears,
# and not at all where files can share them.
. "$(dirname "$0")/harness.sh"
need 'the flow of an import' python3 || exit 0
HELP=$ROOT/tests/cmd/imports.py
FAULTY=$BUILD/fault
MINIMODEL_HOME=$WORK/case/home
export MINIMODEL_HOME

# fresh [OPTION]...: an empty store, and src/ with a model: a small GGUF, and 12 MiB and some bytes beside it
fresh() {
    cd "$WORK" && chmod -R u+rwx case 2>/dev/null
    rm -rf case && mkdir -p case/src && cd case || exit 1
    cp "$MODEL" src/model.gguf && chmod u+w src/model.gguf
    python3 -c "import random; open('src/noise.bin', 'wb').write(random.Random(5).randbytes((12 << 20) + 1234))"
    (cd src && manifest-make -q -p -s 64K --model-id local/model "$@" --role noise.bin=other model.gguf noise.bin >m.manifest)
}
. "$ROOT/tests/cmd/imports.sh"

# ---- many small files ----

fresh
mkdir -p src/parts && for i in $(seq 150); do printf '%s\n' "$i" >"src/parts/$i.txt"; done
(cd src && rm m.manifest && manifest-make -q -p --model-id local/many --role noise.bin=other . >all.manifest && mv all.manifest m.manifest)
if need 'files are on the device before the model appears' strace; then
    if strace -f -y -e trace=fsync,renameat,rename,renameat2,openat -o trace slm-import -q --allow-unsigned src >/dev/null 2>&1; then
        python3 - trace >found <<'PY'
import re, sys
flushed, made, waits = set(), [], {}  # a call that others come between is told on two lines
for line in open(sys.argv[1], errors='replace'):
    opened = re.search(r'openat\(\d+<[^>]*>, "([^"]*)", [^)]*O_CREAT[^)]*\) = \d+<([^>]*)>', line)
    if opened and '/store/partial/' in opened[2] and not opened[2].endswith('.lock'):
        made.append(opened[2])
    thread = line.split(None, 1)[0]
    done = re.search(r'fsync\(\d+<([^>]*)>(\)\s+= 0| <unfinished)', line)
    if done and 'unfinished' in done[2]:
        waits[thread] = done[1]
    elif done:
        flushed.add(done[1])
    elif re.search(r'<... fsync resumed>\)\s+= 0', line):
        flushed.add(waits.pop(thread))
    if re.search(r'rename\w*\(.*store/partial/[0-9a-f]{64}".*"models/', line):
        break
else:
    print('the model never appeared')
print(sum(path.endswith('.txt') for path in set(made)), 'files,', sorted(set(made) - flushed)[:3], 'not flushed')
PY
        same 'every file is on the device before the model appears' "150 files, [] not flushed" "$(cat found)"
        same 'no list is made a file of for one chunk' 0 "$(grep -c 'txt.chunks.*O_CREAT' trace)"
    else
        skip 'files are on the device before the model appears' 'strace may not trace here'
    fi
fi
rm -rf home
take src
expect 'a model of many files comes in' 0 'state: imported'
sound 'many files'
same 'with the chunk lists that have more than one chunk' 1 "$(find home/store/chunks -type f | wc -l | tr -d ' ')"
rm -rf home
printf x >src/parts/77.txt
take src
expect 'a wrong file of one chunk is named, as is its chunk' 1 'parts/77.txt' 'chunk 0 bytes 0-2'
none 'a wrong file'
printf '77\n' >src/parts/77.txt
take src
expect 'the right one completes the import' 0 'state: imported' 'copied-bytes: 3'
sound 'the right file'

if ! [ -x "$FAULTY/slm-import" ]; then
    skip 'slow sources, floods, reflinks' 'the commands with faults are not built'
    exit 0
fi

# ---- slow sources ----

fresh --chunk-lists .
slow=$(stat -c %i src/noise.bin)
run env FAULT_SLOW="$slow:30000000" "$FAULTY/slm-import" -q --allow-unsigned src
expect 'a slow source in small pieces is imported' 0 'state: imported'
same 'all of it was read, once' "$(fact total-bytes)" "$(fact read-bytes)"
sound 'a slow source'
rm -rf home
env FAULT_SLOW="$slow:3000000" "$FAULTY/slm-import" -q --allow-unsigned src >/dev/null 2>&1 &
importer=$!
while kill -0 "$importer" 2>/dev/null && [ "$(stat -c %s home/store/partial/*/files/noise.bin 2>/dev/null || echo 0)" -lt 1000000 ]; do sleep 0.05; done
kill -TERM "$importer"
wait "$importer" 2>/dev/null
same 'a signal ends it in the midst of a read' 143 "$?"
none 'a signal'
had=$(stat -c %s home/store/partial/*/files/noise.bin)
had=$((had / 65536 * 65536))
take src
expect 'and it is continued' 0 'state: imported'
same 'with every whole chunk that was written' "$((had + $(stat -c %s src/model.gguf)))" "$(fact kept-bytes)"
sound 'a signal'
rm -rf home
cp -r src slow && changed slow/noise.bin 3000000
slow=$(stat -c %i slow/noise.bin)
run env FAULT_SLOW="$slow:30000000" "$FAULTY/slm-import" -q --allow-unsigned slow src
expect 'a wrong chunk of a slow source is taken from another' 0 'state: imported'
sound 'two sources'
rm -rf home
run env FAULT_SLOW="$slow:30000000" FAULT_SECTOR="$slow:5000000" "$FAULTY/slm-import" -q --allow-unsigned slow
expect 'a wrong chunk and an unreadable one are both named' 1 'chunk 45 bytes 2949120-3014655 is in no source' 'chunk 76 bytes 4980736-5046271 cannot be read'
none 'both'
rm -rf home
run env FAULT_SLOW="$slow:30000000" FAULT=thread:1:11 "$FAULTY/slm-import" -q --allow-unsigned src
expect 'without a thread to read ahead it takes longer, and that is all' 0 'state: imported'
sound 'without a thread'

# ---- writing back ----

FAULT_COUNT=$WORK/.count
export FAULT_COUNT
rm -rf home
run env FAULT=writeback:0:5 "$FAULTY/slm-import" -q --allow-unsigned src
expect 'how often bytes are handed to the device is counted' 0
calls=$(cat "$WORK/.count")
if [ "$calls" -ge 3 ]; then ok "bytes are on their way before the end ($calls times)"; else not_ok 'bytes are on their way before the end' "$calls times"; fi
wrong=
for n in $(seq "$calls"); do
    rm -rf home
    run env FAULT="writeback:$n:5" "$FAULTY/slm-import" -q --allow-unsigned src
    [ "$status" -eq 3 ] && grep -qF '[io-write]' "$WORK/.err" || wrong="$wrong $n: exit $status $(head -c 100 "$WORK/.err")"
    [ -z "$(find home/models -type f 2>/dev/null)" ] || wrong="$wrong $n: something appeared"
    take src
    [ "$status" -eq 0 ] || wrong="$wrong $n: not continued"
done
same 'a device that fails then is told, and nothing appears' '' "$wrong"
rm -rf home
run env FAULT=writeback:1:38 "$FAULTY/slm-import" -q --allow-unsigned src
expect 'a system that knows no such call is no failure' 0 'state: imported'
unset FAULT_COUNT

# ---- a model larger than memory ----

# resident FILE: how many of its pages are in memory
resident() {
    python3 - "$1" <<'PY'
import ctypes, mmap, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
with open(sys.argv[1], 'rb') as f:
    size = os.fstat(f.fileno()).st_size
    at = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, f.fileno(), 0)
    pages = ctypes.create_string_buffer((size + mmap.PAGESIZE - 1) // mmap.PAGESIZE)
    if libc.mincore(at, size, pages):
        sys.exit('mincore failed')
    print(sum(byte & 1 for byte in pages.raw))
PY
}
rm -rf home
sync src/noise.bin && cat src/noise.bin >/dev/null # what is not on its device yet stays in memory
take src
there=$(resident home/models/local/model/1/files/noise.bin)
rm -rf home
run env FAULT_PAGES=1000 "$FAULTY/slm-import" -q --allow-unsigned src
expect 'a model that memory has no room for is imported' 0 'state: imported' "copied-bytes: $(fact total-bytes)"
gone=$(resident home/models/local/model/1/files/noise.bin)
if [ "$(stat -f -c %T .)" = tmpfs ]; then
    skip 'and leaves nothing in the page cache' 'files of a tmpfs stand there alone'
else
    if [ "$there" -gt 1000 ]; then ok "any other model stays there ($there pages)"; else skip 'any other model stays there' "$there pages: memory is short"; fi
    same 'and leaves nothing of the store in the page cache' 0 "$gone"
    same 'nor of the source' 0 "$(resident src/noise.bin)"
fi
sound 'a model larger than memory'
rm -rf home
truncate -s 5000000 src/noise.bin
run env FAULT_PAGES=1000 "$FAULTY/slm-import" -q --allow-unsigned src
expect 'a short source of such a model is told' 1 'is in no source'
cp slow/noise.bin src/noise.bin && changed src/noise.bin 3000000
run env FAULT_PAGES=1000 "$FAULTY/slm-import" -q --allow-unsigned src
expect 'and continued' 0 'state: imported'
sound 'a short source'

# ---- files that share their bytes ----

rm -rf home
run env FAULT_REFLINK=1 "$FAULTY/slm-import" -q --allow-unsigned src
expect 'what can be shared is not copied' 0 'copied-bytes: 0' "linked-bytes: $(($(stat -c %s src/noise.bin) + $(stat -c %s src/model.gguf)))"
same 'the receipt says so' 'medium: file reflinked=2' "$(grep -h '^medium' home/receipts/*/*/*)"
sound 'shared files'
rm -rf home
changed src/noise.bin 1000000
run env FAULT_REFLINK=1 "$FAULTY/slm-import" -q --allow-unsigned src
expect 'what is shared is read, and found to be wrong' 1 'chunk 15 bytes 983040-1048575 is in no source'
none 'a wrong shared file'
cp slow/noise.bin src/noise.bin && changed src/noise.bin 3000000
run env FAULT_REFLINK=1 "$FAULTY/slm-import" -q --allow-unsigned src
expect 'and the import goes on with the right one' 0 'state: imported'
sound 'the right shared file'
if need 'a shared file is read once' strace; then
    rm -rf home
    if FAULT_REFLINK=1 strace -f -y -e trace=pread64,read,mmap -o trace "$FAULTY/slm-import" -q --allow-unsigned src >/dev/null 2>&1; then
        # shellcheck disable=SC2016
        total=$(grep 'store/partial/.*/noise.bin>' trace | sed -n 's/^.*= \([0-9]*\)$/\1/p' | awk '{ sum += $1 } END { printf "%d\n", sum }')
        same 'the clone is what is read, once' "$(stat -c %s src/noise.bin)" "$total"
    else
        skip 'a shared file is read once' 'strace may not trace here'
    fi
fi
