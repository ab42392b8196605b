#!/bin/sh
# manifest-make reads the folders of Hugging Face and Ollama, and nothing beyond their own blobs.
. "$(dirname "$0")/harness.sh"
need caches python3 || exit 0
HERE=$ROOT/tests/cmd
LAYOUTS=$ROOT/scripts/make-layouts.py
COMMIT=0123456789abcdef0123456789abcdef01234567
SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH
mkdir files outside && python3 "$HERE/build.py" shards files && cp files/tokenizer.json files/merges.txt
printf 'MIT License\n' >files/LICENSE
echo '# Card' >files/README.md
echo outside >outside/secret.txt

# hub: a fresh cache; $cache and $snapshot are its folders
hub() {
    rm -rf hub
    snapshot=$(python3 "$LAYOUTS" hf hub acme/tiny files/*.safetensors files/*.json files/LICENSE files/README.md files/merges.txt=sub/merges.txt)
    cache=hub/models--acme--tiny
}
make() { run manifest-make -p --model-id local/tiny "$@"; }
# blob NAME: the blob that the snapshot's NAME leads to
blob() { echo "$cache/blobs/$(basename "$(readlink "$snapshot/$1")")"; }

# ---- Hugging Face ----

hub
make "$cache"
expect "a cache is described by its refs/main" 0 "artifact: model-00001-of-00002.safetensors" "artifact: sub/merges.txt" "artifact: config.json"
by_cache=$out
make "$snapshot"
expect "a snapshot is described" 0
same "the same as its cache" "$by_cache" "$out"
make "$snapshot/"
same "with a slash at its end too" "$by_cache" "$out"
run sh -c "cd $snapshot && manifest-make -p --model-id local/tiny ."
same "and from within" "$by_cache" "$out"
cp -RL "$snapshot" plain
make plain
same "a plain copy of the files makes the same manifest" "$by_cache" "$out"
case $by_cache in *blobs/*) not_ok "blobs do not appear as paths" ;; *) ok "blobs do not appear as paths" ;; esac
same "roles follow from the names" "card config license tokenizer weights" "$(printf '%s\n' "$by_cache" | sed -n 's/^artifact-role: //p' | grep -v other | sort -u | tr '\n' ' ' | sed 's/ $//')"
printf '%s\n' "$by_cache" >m.manifest
run slm-verify --follow-links m.manifest "$snapshot"
expect "slm-verify --follow-links checks the snapshot in place" 0 "verdict: pass"
run slm-verify m.manifest "$snapshot"
expect "without it links that leave the snapshot fail" 1 "verdict: fail"

for file in model-00001-of-00002.safetensors config.json; do
    hub
    changed "$(blob $file)" $(($(wc -c <"$(blob $file)") - 1))
    make "$cache"
    expect "a changed blob of $file is refused" 1 "$file" "[make-blob]"
    same "and nothing is printed" "" "$out"
done
hub
truncate -s -1 "$(blob README.md)"
make "$cache"
expect "a blob cut by one byte is refused" 1 "README.md" "[make-blob]"
hub
echo more >"$cache/blobs/etag-of-old-times"
ln -s ../../blobs/etag-of-old-times "$snapshot/old.txt"
make "$cache"
expect "a blob whose name is no digest is described without that check" 0 "artifact: old.txt"

hub
echo hidden >"$snapshot/.gitattributes"
mkdir "$snapshot/.cache" && echo x >"$snapshot/.cache/y"
echo half >"$snapshot/model-00003-of-00003.safetensors.incomplete"
echo half >"$cache/blobs/0123.incomplete"
make "$cache"
expect "dot-files and unfinished downloads are left out with a note" 0 "left out: .gitattributes" "left out: .cache/y" "model-00003-of-00003.safetensors.incomplete, an unfinished download"
same "and nothing else changes" "$by_cache" "$out"
ln -s ../../blobs/0123.incomplete "$snapshot/half.txt"
make "$cache"
if [ "$status" -eq 0 ] && printf '%s\n' "$out" | grep -q half.txt; then not_ok "a link to an unfinished download is not described"; else ok "a link to an unfinished download is not described"; fi

while read -r target; do
    hub
    ln -s "$target" "$snapshot/evil.txt"
    make "$cache"
    expect "a link to $target is refused" 1 "evil.txt" "[make-link]"
    same "and nothing of it is printed" "" "$out"
done <<'EOF'
../../../../outside/secret.txt
../../blobs/../../../outside/secret.txt
../../blobs/..
../../blobs/
../../refs/main
../../blobs/./x
../../../models--acme--other/blobs/0123456789abcdef0123456789abcdef01234567
/etc/passwd
config.json
EOF
hub
ln -s "$PWD/outside/secret.txt" "$cache/blobs/$(sha256sum <outside/secret.txt | cut -d' ' -f1)"
ln -s "../../blobs/$(sha256sum <outside/secret.txt | cut -d' ' -f1)" "$snapshot/evil.txt"
make "$cache"
expect "a blob that is itself a link out of blobs is refused" 1 "[make-link]"
hub
ln -s ../../../outside "$snapshot/folder"
make "$cache"
expect "a link to a folder in a snapshot is refused" 1 "folder" "[make-link]"
make --follow-links "$cache"
if [ "$status" -ne 0 ]; then ok "also with --follow-links"; else not_ok "also with --follow-links"; fi
hub
mv "$snapshot" "$cache/kept" && mkdir stray 2>/dev/null; cp "$MODEL" stray/model.gguf && ln -s "$PWD/stray" "$snapshot"
make "$cache"
if [ "$status" -ne 0 ]; then ok "a snapshot that is itself a link out of the cache is refused"; else not_ok "a snapshot that is itself a link out of the cache is refused" "$out"; fi
for commit in ../../../outside /etc . .. '' nowhere; do
    hub
    printf '%s' "$commit" >"$cache/refs/main"
    make "$cache"
    if [ "$status" -ne 0 ] && [ -z "$out" ]; then ok "refs/main that says '$commit' is refused"; else not_ok "refs/main that says '$commit' is refused" "exit $status" "$err"; fi
done
hub
rm "$cache/refs/main"
make "$cache"
expect "a cache without refs/main answers 3" 3 "refs/main"
make "$snapshot"
expect "its snapshot can be given" 0
rm "$(blob config.json)"
make "$snapshot"
expect "a snapshot whose blob is gone answers 3" 3 "config.json"
hub
printf '%s\n' $COMMIT >"$cache/refs/main"
make "$cache"
expect "refs/main may end in LF" 0

# ---- Ollama ----

store() {
    rm -rf store
    tag=$(python3 "$LAYOUTS" ollama store tiny:1b "$MODEL" files/LICENSE)
}
store
make "$tag"
expect "a model of an Ollama store is described by its manifest" 0 "artifact: blobs/sha256-$(sha256sum <"$MODEL" | cut -d' ' -f1)" "artifact-format: gguf"
by_tag=$out
same "its layers' types are roles" "config config license weights" "$(printf '%s\n' "$out" | sed -n 's/^artifact-role: //p' | sort | tr '\n' ' ' | sed 's/ $//')"
make store
same "a store of one model is described as a whole" "$by_tag" "$out"
printf '%s\n' "$by_tag" >m.manifest
run slm-verify m.manifest store
expect "slm-verify checks the store in place" 0 "verdict: pass"
python3 "$LAYOUTS" ollama store other "$MODEL" >/dev/null
make store
expect "a store of two models wants one to be named" 1 "manifests/registry.ollama.ai/library/tiny/1b"
make "$tag"
same "and then describes that one" "$by_tag" "$out"

store
changed "store/blobs/sha256-$(sha256sum <"$MODEL" | cut -d' ' -f1)" 300000
make "$tag"
expect "a changed layer is refused" 1 "[make-blob]"
same "and nothing is printed" "" "$out"
store
rm store/blobs/sha256-"$(sha256sum <files/LICENSE | cut -d' ' -f1)"
make "$tag"
expect "a layer that is not there answers 3" 3 "[io-open]"
store
licence=store/blobs/sha256-$(sha256sum <files/LICENSE | cut -d' ' -f1)
mv "$licence" outside/licence && ln -s "$PWD/outside/licence" "$licence"
make "$tag"
expect "a layer that is a link out of the store is refused" 1 "[make-link]"
store
mv "$licence" store/other && ln -s ../other "$licence"
make "$tag"
expect "a layer that is a link out of blobs is refused" 1 "[make-link]"
digest=$(sha256sum <files/LICENSE | cut -d' ' -f1)
upper=$(printf %s "$digest" | tr a-f A-F)
for wrong in ../../outside/secret.txt "${digest%?}" "${digest}0" "$upper" "sha256:$digest" "${digest%??}/x" "" "$(printf '%s' "$digest" | sed 's/../..\//')"; do
    store
    sed "s#sha256:$digest#sha256:$wrong#" "$tag" >x && cp x "$tag"
    make "$tag"
    expect "a layer of digest '$wrong' is refused" 1 "[make-blob]"
    same "and nothing is printed for it" "" "$out"
done
store
sed "s#sha256:$digest#sha512:$digest#" "$tag" >x && cp x "$tag"
make "$tag"
expect "a digest of another kind is refused" 1 "[make-blob]"
store
echo '{"layers":[]}' >"$tag"
make "$tag"
expect "a manifest without layers is refused" 1 "[make-blob]"
store
echo '{"layers":[' >"$tag"
make "$tag"
expect "a manifest that is no JSON is refused" 1 "[json-syntax]"
store
python3 - "$tag" "$digest" <<'PY'
import json, sys
path, digest = sys.argv[1:]
manifest = json.load(open(path))
manifest["layers"][0] = dict(reversed(manifest["layers"][0].items()), annotations={"x": {"y": "z"}})
manifest["layers"].append(manifest["layers"][-1])
json.dump(manifest, open(path, "w"))
PY
make "$tag"
same "the order of members, annotations and a layer named twice change nothing" "$by_tag" "$out"
store
mkdir partial && cp -R store/. partial && echo half >"partial/blobs/sha256-$digest-partial"
make partial/manifests/registry.ollama.ai/library/tiny/1b
same "unfinished blobs are no part of the model" "$by_tag" "$out"
