# Every read, write, allocation, open, stat, flush, link and rename fails once: the answer is then 3, never another result,
# and nothing half-written is left.
. "$(dirname "$0")/harness.sh"
FAULTY=$BUILD/fault
[ -x "$FAULTY/slm-info" ] || { skip 'faults' 'the commands with faults are not built'; exit 0; }
PYTHONDONTWRITEBYTECODE=1
export PYTHONDONTWRITEBYTECODE SOURCE_DATE_EPOCH=1700000000
cp -r "$ROOT/share/model" model && chmod -R u+w model
(cd model && manifest-make -q -p -s 64K --chunk-lists . ./*.txt ./*.md ./*.gguf) >good.manifest && mv good.manifest model/m.manifest
head -c 300000 "$MODEL" >broken.gguf
python3 -B -c 'import sys; sys.path.insert(0, sys.argv[1]); import slm_file; sys.stdout.buffer.write(slm_file.Slm().file())' "$ROOT/scripts" >tiny.slm
cp tiny.slm broken.slm && changed broken.slm 300
python3 "$ROOT/tests/cmd/build.py" shards shards 2>/dev/null || mkdir shards && python3 "$ROOT/tests/cmd/build.py" shards shards
manifest-make -q -p shards >shards.manifest
chunk-merkle -s 64K -l list "$MODEL" >/dev/null
gzip -c list >list.gz

each() {
    name=$1
    shift
    for fault in read:5 write:28 memory:12 open:24 stat:5 fsync:5 link:5 rename:5 thread:11; do
        wrong=$(python3 "$ROOT/tests/cmd/faults.py" "${fault%%:*}" "${fault##*:}" "$WORK/o" "$@" 2>&1)
        same "$name: ${fault%%:*} fails" '' "$wrong"
    done
}
each 'slm-info' "$FAULTY/slm-info" "$MODEL"
each 'slm-info of a broken file' "$FAULTY/slm-info" broken.gguf
each 'slm-info of an .slm' "$FAULTY/slm-info" tiny.slm
each 'slm-info --metadata of an .slm' "$FAULTY/slm-info" --metadata tiny.slm
each 'slm-info of a broken .slm' "$FAULTY/slm-info" broken.slm
each 'slm-info of shards' "$FAULTY/slm-info" shards/model-00001-of-00002.safetensors
each 'slm-info --metadata' "$FAULTY/slm-info" --metadata "$MODEL"
slm-pack -q -o packed.slm --drop tokenizer.chat_template "$MODEL" >/dev/null
each 'slm-pack' "$FAULTY/slm-pack" -o "$WORK/o/out.slm" --quantize q4_0 --drop tokenizer.chat_template "$MODEL"
each 'slm-pack of .slm' "$FAULTY/slm-pack" -o "$WORK/o/out.slm" packed.slm
python3 "$ROOT/tests/cmd/folder.py" make folder token_shards
each 'slm-pack of a folder' "$FAULTY/slm-pack" -o "$WORK/o/out.slm" folder
each 'slm-unpack' "$FAULTY/slm-unpack" -o "$WORK/o/out.gguf" packed.slm
slm-unpack -q -o packed.gguf packed.slm >/dev/null
slm-diff -q -d -o packed.ev packed.slm packed.gguf >/dev/null
each 'slm-diff' "$FAULTY/slm-diff" packed.gguf "$MODEL"
each 'slm-diff of folders' "$FAULTY/slm-diff" model shards
each 'slm-diff in the terms of .slm' "$FAULTY/slm-diff" --drop tokenizer.chat_template packed.slm "$MODEL"
each 'slm-diff --derived' "$FAULTY/slm-diff" --derived -o "$WORK/o/evidence" packed.slm packed.gguf
each 'slm-diff --derived of a template' "$FAULTY/slm-diff" --derived -o "$WORK/o/evidence" --drop tokenizer.chat_template "$MODEL" packed.slm
cp -r folder talks && printf '{"chat_template":[{"name":"default","template":"a"},{"name":"b","template":"c"}]}' >talks/tokenizer_config.json
cp talks/tokenizer_config.json talks/chat_template.json && slm-pack -q -o talks.slm --drop chat_template talks >/dev/null
each 'slm-diff --derived of a folder with templates' "$FAULTY/slm-diff" --derived -o "$WORK/o/evidence" --drop chat_template talks talks.slm
cp "$MODEL" same.gguf
each 'slm-diff --derived of equal files' "$FAULTY/slm-diff" --derived -o "$WORK/o/evidence" "$MODEL" same.gguf
each 'slm-diff --check' "$FAULTY/slm-diff" --check packed.ev packed.slm packed.gguf
each 'manifest-lint' "$FAULTY/manifest-lint" model/m.manifest
printf 'model/m.manifest\n%s\nmodel/m.manifest\n' model/README.md >names
each 'manifest-lint of many' "$FAULTY/manifest-lint" --threads 3 --files-from names
each 'manifest-lint --sha256sums of many' "$FAULTY/manifest-lint" --threads 3 --sha256sums --files-from names
each 'manifest-lint --canonical' "$FAULTY/manifest-lint" --canonical model/m.manifest
each 'manifest-lint --sarif' "$FAULTY/manifest-lint" --sarif model/m.manifest
each 'slm-verify --sarif' "$FAULTY/slm-verify" --sarif shards.manifest shards
each 'slm-verify' "$FAULTY/slm-verify" --strict model/m.manifest
(umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out oms.key 2>/dev/null)
openssl pkey -in oms.key -pubout -out oms.pub
openssl req -x509 -new -key oms.key -subj /CN=signer -addext keyUsage=digitalSignature,keyCertSign -out oms.pem 2>/dev/null
manifest-sign --oms key.sig --key oms.key shards >/dev/null
manifest-sign --oms certificate.sig --key oms.key --certificate oms.pem shards >/dev/null
each 'slm-verify --oms' "$FAULTY/slm-verify" --oms key.sig --key oms.pub shards
each 'slm-verify --oms of another folder' "$FAULTY/slm-verify" --oms key.sig --key oms.pub model
each 'slm-verify --oms with certificates' "$FAULTY/slm-verify" --oms certificate.sig --certificate oms.pem shards
mkdir none
for fault in read:5 write:28 memory:12 open:24 stat:5 fsync:5 link:5 rename:5; do # two signatures are never alike
    wrong=$(python3 "$ROOT/tests/cmd/faults.py" --store none "
        if [ -e o/out.sig ]; then slm-verify -q --oms o/out.sig --key oms.pub shards; else [ \$ANSWER -ne 0 ] && [ -z \"\$(ls -A o)\" ]; fi" \
        "${fault%%:*}" "${fault##*:}" "$WORK/o" "$FAULTY/manifest-sign" --oms o/out.sig --key oms.key shards 2>&1)
    same "manifest-sign --oms: ${fault%%:*} fails" '' "$wrong"
done
key-make -q --no-password own >own.made && key-make -q --no-password other >other.made
own=$(sed -n 's/^key-id: //p' own.made) other=$(sed -n 's/^key-id: //p' other.made)
mkdir -p keyring/org keyring/lab signed && cp own.pub "keyring/org/$own.pub" && cp other.pub "keyring/lab/$other.pub" && cp "$MODEL" signed/model.gguf
manifest-make -q --model-id org/m --version 1 --license MIT --license-route https://example.org/l --model-card-route https://example.org/c \
    --takedown-route mailto:a@example.org --source-lane original --key-id "$own" signed/model.gguf >signed/m.manifest
manifest-sign -q -s own.key signed/m.manifest >/dev/null && manifest-sign -q --countersign -s other.key signed/m.manifest >/dev/null
printf 'minimodel-policy 0\nname: x\nsignature: required\ncountersignatures: 1\ncountersigner: lab %s\nlicense: MIT\nevidence: derived\n' "$other" >broken.policy
grep -v '^evidence' broken.policy >held.policy
each 'slm-verify under a policy' "$FAULTY/slm-verify" --keyring keyring --policy held.policy signed/m.manifest
each 'slm-verify under a policy that is broken' "$FAULTY/slm-verify" --keyring keyring --policy broken.policy signed/m.manifest
each 'slm-verify of shards' "$FAULTY/slm-verify" shards.manifest shards
each 'chunk-merkle -l' "$FAULTY/chunk-merkle" -l "$WORK/o/list" "$MODEL"
each 'chunk-merkle --check' "$FAULTY/chunk-merkle" --check list.gz "$MODEL"
each 'manifest-make' "$FAULTY/manifest-make" -p -o "$WORK/o/manifest" model
cp -r model attested && python3 -B "$ROOT/tests/cmd/attest.py" metadata attested README.md LICENSE.txt >/dev/null
(cd model && sha256sum ./*) >attested.sums
python3 -B "$ROOT/tests/cmd/attest.py" ollama "$MODEL" >attested.ollama
each 'manifest-make --attest' "$FAULTY/manifest-make" -p --attest attested.sums --attest attested --attest attested.ollama -o "$WORK/o/manifest" attested
each 'manifest-make --from' "$FAULTY/manifest-make" --json --from model/m.manifest model
