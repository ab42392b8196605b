# docs/ci.md is true: its scripts do what it says in a repository as it describes, and notice what they should.
. "$(dirname "$0")/harness.sh"
need 'the page of pipelines' git && need 'the page of pipelines' jq && need 'the page of pipelines' python3 || exit 0
page=$ROOT/docs/ci.md
blocks() { python3 "$ROOT/tests/cmd/blocks.py" "$@"; }
GIT_CONFIG_GLOBAL=/dev/null
export GIT_CONFIG_GLOBAL

# ---- a repository with a signed model ----

git init -q -b main repository && cd repository || exit 1
mkdir keys models ci
key-make -q --no-password -o "$WORK" acme >/dev/null 2>&1
cp "$WORK/acme.pub" keys/
key_id=$(sed -n '1s/.* //p' keys/acme.pub)
for name in tiny other; do
    mkdir "models/$name" && cp "$MODEL" "$ROOT/share/model/README.md" "$ROOT/share/model/LICENSE.txt" "models/$name/" && chmod -R u+w models
    manifest-make -q --model-id "acme/$name" --version 1 --license CC0-1.0 --takedown-route mailto:me@example.org --source-lane original \
        --model-card-route README.md --key-id "$key_id" -o "models/$name/$name.manifest" "models/$name" 2>errors || cat errors
    manifest-sign -q -s "$WORK/acme.key" "models/$name/$name.manifest" >/dev/null
done
same 'the page has the scripts that it names' './ci/check-models.sh
./ci/code-quality.sh' "$(blocks save "$page" .)"
git add -A
ACME_FINGERPRINT=$(MINIMODEL_KEYRING=$WORK/ours key-trust add --json --trust-on-first-use acme keys/acme.pub 2>/dev/null | jq -r .fingerprint)
export ACME_FINGERPRINT

# checked NAME STATUS [RULE]: the job ends so, its documents are sound and name RULE
checked() {
    run sh ci/check-models.sh
    same "$1: exit code" "$2" "$status"
    for file in sarif/*.sarif; do
        python3 "$ROOT/tests/cmd/sarif.py" check "$file" "$(jq '.runs[].invocations[].exitCode' "$file")" 2>&1 | sed "s|^|$file: |"
    done >wrong
    same "$1: sound documents" '' "$(cat wrong)"
    [ $# -lt 3 ] || same "$1: what is wrong" "$3" "$(jq -r '.runs[].results[] | select(.level == "error") | .ruleId' sarif/*.sarif | sort -u | tr '\n' ' ' | sed 's/ $//')"
}
checked 'a sound repository' 0 ''
same 'a document for the linter, and one for each model' 'lint.sarif
verify-1.sarif
verify-2.sarif' "$(ls sarif)"
same 'their runs have names of their own' 3 "$(jq -r '.runs[].automationDetails.id' sarif/*.sarif | sort -u | wc -l)"
cp -r . ../sound

# ---- what has to be noticed ----

printf X | dd of=models/tiny/README.md conv=notrunc 2>/dev/null
checked 'a changed file' 1 'verify-merkle verify-sha256'
blocks sh "$page" >commands
run sh -e commands
expect 'the other commands of the page run' 0
same 'one run of all models' "$(jq -s '[.[].runs[].results[]] | length' sarif/verify-*.sarif)" "$(jq '.runs[].results | length' models.sarif)"
same 'with what became of each call' "$(jq -s '[.[].runs[].invocations[].exitCode] | length' sarif/verify-*.sarif)" "$(jq '.runs[].invocations | length' models.sarif)"
run sh -c 'slm-verify --sarif --keyring /dev/null models/tiny/tiny.manifest | sh ci/code-quality.sh'
expect 'what is about no file is in the report of code quality too' 0 '"path": "-"'
run sh ci/code-quality.sh sarif/*.sarif
expect 'a report of code quality' 0
cp "$WORK/.out" quality.json
same 'which names the file' models/tiny/README.md "$(jq -r '.[] | select(.severity == "major") | .location.path' quality.json | sort -u)"
same 'has what GitLab asks for' 0 "$(jq '[.[] | select((.description and .check_name and .fingerprint and (.severity | IN("info", "minor", "major")) and .location.path and (.location.lines.begin >= 1)) | not)] | length' quality.json)"
same 'and a fingerprint for each' 0 "$(jq '([.[].fingerprint] | length) - ([.[].fingerprint] | unique | length)' quality.json)"
again() { cd .. && rm -rf repository && cp -r sound repository && cd repository; }

again
sed -i 's/^version: .*/version: !/' models/tiny/tiny.manifest
checked 'a manifest that breaks a rule' 1
same 'which is in both documents' 2 "$(jq -r '.runs[].results[] | select(.ruleId == "value-pattern") | .locations[].physicalLocation.artifactLocation.uri' sarif/*.sarif | grep -c '^models/tiny/tiny.manifest$')"
again
rm models/tiny/tiny.manifest.minisig
checked 'a signature that is gone' 1 signature-missing
again
key-make -q --no-password -o "$WORK" evil >/dev/null 2>&1
cp "$WORK/evil.pub" keys/acme.pub
run sh ci/check-models.sh
same 'another key under the same name is no yes' 1 "$status"
again
rm models/tiny/*.gguf
checked 'a file that is gone' 1
again
git rm -q -r --cached models
run sh ci/check-models.sh
same 'no manifests at all are no yes' 3 "$status"
again
rm models/tiny/tiny.manifest
run sh ci/check-models.sh
expect 'a manifest that is gone from the folder' 3
again
git rm -q --cached models/tiny/tiny.manifest && rm models/tiny/tiny.manifest && printf X | dd of=models/tiny/README.md conv=notrunc 2>/dev/null
run sh ci/check-models.sh
same 'a manifest that was taken away with its model changed is no yes' 3 "$status"
again
git mv models/tiny/tiny.manifest models/tiny/.tiny.manifest && printf X | dd of=models/tiny/README.md conv=notrunc 2>/dev/null
run sh ci/check-models.sh
same 'nor is one that was hidden' 3 "$status"
again
cp "$MODEL" models/tiny/more.gguf && git add -A
checked 'a file that no manifest names' 1 set-surplus
again
cp "$MODEL" models/more.gguf && git add -A
checked 'one that is in no model' 1 ''
again
name=$(printf 'models/tiny/odd \n[a](b).manifest') && echo x >"$name" && git add -A
checked 'a manifest with an odd name' 1

# ---- the hosts' files ----

again
same 'both hosts run the job' 'sh ci/check-models.sh
sh ci/check-models.sh' "$(blocks run "$page" 1 run | grep ci/; blocks run "$page" 2 script)"
same 'nothing decisive is kept between jobs' '' "$(for host in 1 2; do blocks yaml "$page" $host; done | grep -iE 'cache|pull_request_target')"
sh ci/check-models.sh 2>/dev/null
run sh -c "$(blocks run "$page" 2 after_script)"
expect "GitLab's last step runs" 0
same 'and leaves its report' array "$(jq -r type code-quality.json)"
for host in 1 2; do
    if python3 -c 'import yaml' 2>/dev/null; then
        run sh -c 'python3 "$1" yaml "$2" "$3" | python3 -c "import sys, yaml; assert isinstance(yaml.safe_load(sys.stdin), dict)"' sh "$ROOT/tests/cmd/blocks.py" "$page" $host
        expect "the file of host $host is YAML" 0
    else
        skip "the file of host $host is YAML" 'no python3-yaml here'
    fi
done
