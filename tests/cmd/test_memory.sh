# Memory does not grow with the artifact, and each byte is read once.
. "$(dirname "$0")/harness.sh"

# peak COMMAND...: the largest resident set of a command, in KiB
peak() {
    python3 - "$@" <<'PY'
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
PY
}

below() {
    case $BUILD in *address* | *thread*) skip "$1" 'sanitizers need memory of their own'; return ;; esac
    if [ "$2" -lt 65536 ]; then ok "$1"; else not_ok "$1" "expected less than 65536 KiB, found $2"; fi
}

truncate -s 1G big.bin
manifest-make -q --private -s 64K --chunk-lists . --role big.bin=weights big.bin >big.manifest || not_ok 'a manifest of 1 GiB'
below 'chunk-merkle of 1 GiB stays below 64 MiB' "$(peak chunk-merkle -s 64K big.bin)"
below 'chunk-merkle --check of 1 GiB in 16384 chunks stays below 64 MiB' "$(peak chunk-merkle --check big.bin.chunks big.bin)"
below 'slm-verify of 1 GiB stays below 64 MiB' "$(peak slm-verify big.manifest)"
below 'slm-verify --quick of 1 GiB stays below 64 MiB' "$(peak slm-verify --quick big.manifest)"

python3 -c '
open("short", "w").write("minimodel-manifest 0\n" + "a: b\n" * 13000)
open("shorter", "w").write("minimodel-manifest 0\n" + "x-a: b\n" * 9000)
open("odd", "wb").write(b"minimodel-manifest 0\n" + b"\xff" * 60000)
open("whole", "w").write("minimodel-manifest 0\n" + "".join("x-%06d: b\n" % i for i in range(80000)))
open("names", "w").write("short\nshorter\nodd\nwhole\nshort\nshort\n" * 30)'
below 'manifest-lint of many bad manifests stays below 64 MiB' "$(peak sh -c '! manifest-lint --threads 16 --files-from names')"

if need 'each byte is read once' strace; then
    truncate -s 16M small.bin
    manifest-make -q --private --role small.bin=weights small.bin >small.manifest
    for command in 'chunk-merkle small.bin' 'slm-verify small.manifest'; do
        # shellcheck disable=SC2086
        if strace -f -P small.bin -e trace=read,pread64,readv,mmap -o trace $command >/dev/null 2>&1; then
            total=$(sed -n -e 's/^.*read[0-9]*(.*= \([0-9]*\)$/\1/p' -e 's/^.*mmap([^,]*, \([0-9]*\), .*= 0x.*$/\1/p' trace |
                awk '{ sum += $1 } END { print sum + 0 }')
            same "$command reads each byte once" 16777216 "$total"
        else
            skip "$command reads each byte once" 'strace may not trace here'
        fi
    done
fi
