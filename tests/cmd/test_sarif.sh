# --sarif of manifest-lint and slm-verify: one document, valid by the standard, with what the text says; hostile names and
# values stay text.
. "$(dirname "$0")/harness.sh"
need 'SARIF documents' python3 || exit 0
python=python3
SCHEMA=$ROOT/build/sarif/schema.json # scripts/peers.sh puts it there
if ! [ -f "$SCHEMA" ]; then
    skip "documents follow the standard's schema" 'it is not here'
    SCHEMA=
elif /usr/bin/python3 -c 'import jsonschema' 2>/dev/null; then
    python=/usr/bin/python3
else
    skip "documents follow the standard's schema" 'no python3-jsonschema'
    SCHEMA=
fi

# sound NAME STATUS: the last run ended with STATUS and printed a sound document
sound() {
    cp "$WORK/.out" document
    name=$1 wanted=$2
    same "$name: exit code" "$wanted" "$status"
    run $python "$ROOT/tests/cmd/sarif.py" check document "$wanted" $SCHEMA
    expect "$name: a sound document" 0
}
results() { $python "$ROOT/tests/cmd/sarif.py" results document; }
messages() { $python "$ROOT/tests/cmd/sarif.py" messages document; }

cp -r "$ROOT/share/model" model && chmod -R u+w model && mkdir models && mv model models/tiny
manifest-make -q -p -s 64K --display-name 'Grüße, 你好' models/tiny >models/tiny/m.manifest
sed 's/^version: .*/version: é !/; s/^display-name: .*/display-name: Grüße 你好 !/; s/^license: .*/license: {0} or [a](https:\/\/example.org\/x)/' \
    models/tiny/m.manifest >bad.manifest
printf 'display-name: \303\251\377\342\200\256x \n' >>bad.manifest

# ---- manifest-lint ----

run manifest-lint --sarif models/tiny/m.manifest
sound 'a manifest without a fault' 0
same 'has no results' '' "$(results)"
run manifest-lint --sarif bad.manifest models/tiny/m.manifest
same 'findings are not printed twice' '' "$err"
sound 'a manifest with faults' 1
manifest-lint --json bad.manifest >findings.json
run $python "$ROOT/tests/cmd/sarif.py" columns document findings.json
expect 'has the findings of --json, with columns in characters' 0
same 'of which there are some' "$(wc -l <findings.json)" "$out"
messages >shown
run grep -c '^expected .*{0} or' shown
expect 'braces are no placeholders' 0
run grep -F '[a]\x28https://example.org/x)' shown
expect 'nor are brackets a link' 0
manifest-lint bad.manifest 2>text
same 'messages are those of the text' "$(sed 's/^[^ ]* error: \(.*\) \[[a-z0-9-]*\]$/\1/; s/\](/]\\x28/g' text)" "$(cat shown)"
run manifest-lint --sarif - bad.manifest <bad.manifest
sound 'standard input' 1
same 'is an artifact without a name' "$(results | grep -c '^bad.manifest ')" "$(results | grep -c '^#0 ')"
printf 'x\n' >'(standard input)'
run manifest-lint --sarif '(standard input)'
sound 'a file that is called so' 1
same 'is a file' '%28standard%20input%29 1:1 error text-first-line' "$(results)"

same 'the run of many files is called by the command' manifest-lint/ "$($python "$ROOT/tests/cmd/sarif.py" run document)"

# ---- names ----

mkdir names && cd names || exit 1
odd=$(printf 'a\nb\033[31m\377é{0}[x](y)')
for name in 'a b' 'a:b' '#?&%41' '[x](https:' "$odd" '"quoted"\' '~-_.'; do
    printf 'x\n' >"./$name"
done
find . -type f -print0 | sort -z >../names.list
cd ..
run sh -c 'cd names && exec manifest-lint --sarif -0 --files-from ../names.list'
sound 'odd names' 1
same 'are percent-encoded, each byte' '' "$(results | cut -d' ' -f1 | $python -c '
import sys
from urllib.parse import unquote_to_bytes
found = [unquote_to_bytes(line.rstrip("\n")) for line in sys.stdin]
wanted = [name.removeprefix(b"./") for name in open("names.list", "rb").read().split(b"\0")[:-1]]
print(*(name for name in wanted if name not in found), *(name for name in found if name not in wanted), end="")')"
same 'a colon does not begin a scheme' 1 "$(results | grep -c '^a%3Ab ')"
run manifest-lint --sarif .//names/./a%20b "$WORK//names/./a b" ../nothing
sound 'paths' 1
same 'lose what says nothing, and absolute ones have a scheme' "names/a%2520b - error io-open
file://$(printf '%s' "$WORK" | sed 's/%/%25/g')/names/a%20b 1:1 error text-first-line
../nothing - error io-open" "$(results)"

# ---- limits and failures ----

{ echo 'minimodel-manifest 0' && yes x | head -n 20000; } >many.manifest
run manifest-lint --sarif many.manifest
sound 'more findings than are kept' 1
same 'are counted in a last result' '- - note io-findings' "$(results | tail -n 1)"
run manifest-lint --sarif -q many.manifest
sound 'with --quiet' 1
run manifest-lint --sarif absent
sound 'an absent file' 3
same 'is an error without a region' 'absent - error io-open' "$(results)"
run manifest-lint --sarif absent bad.manifest
sound 'an absent file beside a wrong one' 1
same 'is not a success' 1 "$(grep -c '"executionSuccessful":false' document)"
if [ -e /dev/full ]; then
    manifest-lint --sarif bad.manifest >/dev/full 2>errors
    same 'a full disk is told on standard error, and a no stays one' '1 1' "$? $(grep -c 'error: .*\[io-write\]' errors)"
    slm-verify --sarif models/tiny/m.manifest >/dev/full 2>errors
    same 'by slm-verify too' '3 1' "$? $(grep -c 'error: .*\[io-write\]' errors)"
fi
for call in 'manifest-lint --json' 'manifest-lint --sha256sums' 'manifest-lint --canonical' 'slm-verify --json'; do
    run $call --sarif models/tiny/m.manifest
    expect "$call and --sarif are a wrong call" 2 'usage:'
    same 'which prints nothing' '' "$out"
done

run slm-verify --sarif --receipt local/tiny
expect 'a model of the store is in no repository: --receipt and --sarif are a wrong call' 2 'usage:'

# ---- slm-verify ----

run slm-verify --sarif models/tiny/m.manifest
sound 'a model as its manifest says' 0
same 'has notes alone' note "$(results | cut -d' ' -f3 | sort -u)"
cp -r models damaged && cd damaged/tiny || exit 1
printf X | dd of=README.md conv=notrunc 2>/dev/null
changed mini-keeper-200k-f16.gguf 200000
: >'surplus [a](b){0}'
cd ../..
run slm-verify --sarif damaged/tiny/m.manifest
same 'findings are printed too, as without --sarif' "$(slm-verify damaged/tiny/m.manifest 2>&1 >/dev/null)" "$err"
sound 'a damaged model' 1
same 'the run is called by its manifest' slm-verify/damaged/tiny/m.manifest/ "$($python "$ROOT/tests/cmd/sarif.py" run document)"
same 'names its files from the working folder on' 'damaged/tiny/README.md
damaged/tiny/mini-keeper-200k-f16.gguf
damaged/tiny/m.manifest' "$(results | cut -d' ' -f1 | uniq)"
same 'and what is wrong as the text does' "$(slm-verify damaged/tiny/m.manifest 2>&1 >/dev/null | sed 's/.*\[\(.*\)\]/\1/')" "$(results | cut -d' ' -f4)"
run slm-verify --sarif -q damaged/tiny/m.manifest
sound 'without notes' 1
same 'has only errors' error "$(results | cut -d' ' -f3 | sort -u)"
cd damaged || exit 1
run slm-verify --sarif ../models/tiny/m.manifest ./tiny
cp "$WORK/.out" ../document && cd ..
same 'files are beneath ROOT where one is given' 'tiny/README.md
tiny/mini-keeper-200k-f16.gguf
../models/tiny/m.manifest' "$(results | cut -d' ' -f1 | uniq)"
chunk-merkle -s 64K -l models/tiny/mini-keeper-200k-f16.gguf.chunks models/tiny/mini-keeper-200k-f16.gguf >/dev/null
run slm-verify --sarif --bad-ranges ranges models/tiny/m.manifest damaged/tiny
same 'bad ranges are written as ever' 0 "$(wc -l <ranges)" # the list is not in that ROOT
cp models/tiny/*.chunks damaged/tiny/
run slm-verify --sarif --bad-ranges ranges --force models/tiny/m.manifest damaged/tiny
sound 'a wrong chunk' 1
same 'is a region of bytes' 1 "$(results | grep -c '^damaged/tiny/mini-keeper-200k-f16.gguf @196608 error verify-merkle')"
same 'and in the bad ranges' 1 "$(wc -l <ranges)"
run slm-verify --sarif bad.manifest models/tiny
sound 'a manifest that breaks rules' 1
same 'has their lines and columns' "$(wc -l <findings.json)" "$(results | grep -c '^bad.manifest [0-9]*:[0-9]* error')"

# every way to fail is an error in the document, and every way not to know
# fails NAME STATUS ARGUMENT...
fails() {
    name=$1 wanted=$2
    shift 2
    run slm-verify --sarif "$@"
    sound "$name" "$wanted"
}
fails 'a signature that has to be there' 1 --require-signature models/tiny/m.manifest
fails 'another manifest than the pinned one' 1 --manifest-sha256 "$(printf x | sha256sum | cut -d' ' -f1)" models/tiny/m.manifest
fails 'a surplus file under --strict' 1 --strict models/tiny/m.manifest damaged/tiny
fails 'an artifact that is not named' 1 --only nothing models/tiny/m.manifest
sed 's/^created: .*/created: 2020-01-01T00:00:00Z\nexpires: 2020-01-02T00:00:00Z/' models/tiny/m.manifest >expired.manifest
fails 'an expired manifest' 1 expired.manifest models/tiny
sed 's/^parameters: .*/parameters: 5/' models/tiny/m.manifest >lies.manifest
fails 'wrong facts' 1 lies.manifest models/tiny
printf 'minimodel-policy 0\nname: strict\nlicenses: MIT\n' >strict.policy
fails 'a policy that is not fulfilled' 1 --policy strict.policy models/tiny/m.manifest
printf 'minimodel-policy 0\nnäme: x\n' >wrong.policy
fails 'a policy that breaks rules' "$(slm-verify --policy wrong.policy models/tiny/m.manifest >/dev/null 2>&1; echo $?)" --policy wrong.policy models/tiny/m.manifest
fails 'an absent manifest' 3 absent.manifest
fails 'an absent root' 3 models/tiny/m.manifest absent
key-make -q --no-password signer >/dev/null
manifest-make -q -p --key-id "$(sed -n '1s/.* //p' signer.pub)" models/tiny >signed.manifest 2>/dev/null
fails 'a missing signature' 1 signed.manifest models/tiny
printf 'x\n' >signed.manifest.minisig
fails 'a signature that is none' "$(slm-verify signed.manifest models/tiny >/dev/null 2>&1; echo $?)" signed.manifest models/tiny
same 'is named from the working folder on' 1 "$(results | grep -c '^signed.manifest.minisig ')"
cp signed.manifest signed.manifest.minisig models/
run slm-verify --sarif models/signed.manifest models/tiny
cp "$WORK/.out" document
same 'wherever the manifest is' 1 "$(results | grep -c '^models/signed.manifest.minisig ')"

# ---- model-signing bundles ----

if need 'bundles' openssl; then
    (umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out oms.key 2>/dev/null)
    openssl pkey -in oms.key -pubout -out oms.pub
    manifest-sign -q --oms oms.sig --key oms.key models/tiny >/dev/null
    run slm-verify --sarif --oms oms.sig --key oms.pub models/tiny
    sound 'a bundle' 0
    run slm-verify --sarif --oms oms.sig --key oms.pub damaged/tiny
    sound 'a damaged model and its bundle' 1
    same 'names the file from the working folder on' 1 "$(results | grep -c '^damaged/tiny/README.md - error oms-')"
fi
