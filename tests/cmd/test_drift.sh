# What follows from a table is what the table says: schemas, man pages, docs, help.
. "$(dirname "$0")/harness.sh"

run sh "$ROOT/scripts/generate.sh" --check
expect 'schema, man page and docs follow from the field table' 0

# peer_lacks NAME: true for what belongs to a command that needs HTTP/3 or avahi-core and is not built here
peer_lacks() {
    case $1 in peer-key) return 1 ;; peer-find) [ ! -x "$BIN/peer-find" ] ;; peer-*) [ ! -x "$BIN/peer-serve" ] ;; *) return 1 ;; esac
}

for page in "$ROOT"/man/*.1; do
    command=$(basename "$page" .1)
    if peer_lacks "$command"; then
        skip "$command: the man page lists the options of --help" 'no HTTP/3 or no avahi-core here'
        continue
    fi
    $command --help | grep -oE '(^| )--[a-z0-9-]+' | tr -d ' ' | sort -u >help-options
    sed -n 's/^\.It .*Fl -\([a-z0-9-]*\).*/--\1/p' "$page" | sort -u >man-options
    same "$command: the man page lists the options of --help" "$(cat help-options)" "$(cat man-options)"
    $command --help | sed -n 's/^  -\(.\), --.*/-\1/p' | sort -u >help-letters
    sed -n 's/^\.It Fl \(.\) .*/-\1/p' "$page" | sort -u >man-letters
    same "$command: the man page lists the letters of --help" "$(cat help-letters)" "$(cat man-letters)"
    if need "$command: the man page is sound mdoc" mandoc; then
        run mandoc -T lint -W warning "$page"
        expect "$command: the man page is sound mdoc" 0
    fi
done
for page in "$ROOT"/man/*.[57]; do
    name=$(basename "$page")
    if need "$name is sound mdoc" mandoc; then
        run mandoc -T lint -W warning "$page"
        expect "$name is sound mdoc" 0
    fi
done

ls "$BIN" >commands
(cd "$ROOT/man" && ls *.1 | sed 's/\.1$//') | while read -r command; do peer_lacks "$command" || echo "$command"; done >pages
same 'every command has a man page, and every page a command' "$(cat commands)" "$(cat pages)"
(cd "$ROOT/schemas" && ls) >schemas
grep -oE '[a-z-]+\.schema\.json' "$ROOT/docs/formats/json-output.md" | sort -u >named-schemas
same 'json-output.md names every schema' "$(cat schemas)" "$(cat named-schemas)"

python=/usr/bin/python3
if "$python" -c 'import jsonschema' 2>/dev/null; then
    cp -r "$ROOT/share/model" model
    chmod -R u+w model
    manifest-make -q --private --tag a --tag b model >model/m.manifest 2>/dev/null
    manifest-make -q --json --private --tag a --tag b model >manifest.json 2>/dev/null
    slm-info --json "$MODEL" >facts.json 2>/dev/null
    slm-info --json --tensors "$MODEL" >tensor.json 2>/dev/null
    slm-info --json --metadata "$MODEL" >pair.json 2>/dev/null
    chunk-merkle --json "$MODEL" >chunks.json
    chunk-merkle -s 64K --json --prove 1 "$MODEL" >proof.json
    chunk-merkle -s 64K -l list "$MODEL" >/dev/null
    cp "$MODEL" changed.gguf && changed changed.gguf 70000
    chunk-merkle --json --check list changed.gguf >bad-range.json 2>/dev/null
    key-make -q --json --no-password key >key.json
    key-make -q --json --no-password --succeed key.key next >>key.json
    peer-key --json >peer-key.json
    peer-key --json --show >>peer-key.json
    manifest-make -q --private --key-id "$(sed -n '1s/.*"key-id":"\([^"]*\).*/\1/p' key.json)" model >s.manifest 2>/dev/null
    manifest-sign -q --json -s key.key s.manifest model/m.manifest >signed.json 2>/dev/null # one of them names no key
    manifest-sign -q --json -c -p next.pub s.manifest >>signed.json 2>/dev/null
    manifest-sign -q --json -c -p key.pub s.manifest >>signed.json
    slm-pack --json --drop tokenizer.chat_template -o model.slm "$MODEL" >packed.json 2>/dev/null
    slm-unpack --json -o model.gguf model.slm >>packed.json 2>/dev/null
    slm-diff -q --json "$MODEL" model.gguf >difference.json
    slm-diff -q --json --derived --drop tokenizer.chat_template "$MODEL" model.slm >>difference.json
    slm-diff -q --json model.slm model.gguf >>difference.json
    slm-verify --json model/m.manifest >report.json 2>/dev/null
    slm-verify model/m.manifest 2>/dev/null | receipt-write --home home --root model --json >receipt-written.json
    { receipt-write --home home --check --json; receipt-write --home home --head --json; } >chain.json
    key-make -q --no-password signer >/dev/null
    receipt-write --home home --check --json --public-key signer.pub >>chain.json
    receipt-write --home home --anchor today.anchor --secret-key signer.key --json >anchor.json
    echo 'minimodel-manifest 0' >bad.manifest
    manifest-lint --json bad.manifest >finding.json
    MINIMODEL_HOME=$WORK/store
    export MINIMODEL_HOME
    manifest-make -q --private --model-id local/text -s 64K --chunk-lists model -o model/m.manifest --force model 2>/dev/null
    slm-import -q --json model >import.json 2>/dev/null # unsigned: failed
    slm-import -q --json --allow-unsigned model >>import.json
    slm-import -q --json --allow-unsigned model >>import.json # there
    cp -r model broken && changed broken/README.md 0
    slm-repair -q --json --force --from broken/config.json broken/m.manifest >repaired.json 2>/dev/null # it lacks
    slm-repair -q --json --force --from model broken/m.manifest >>repaired.json
    slm-repair -q --json --from model broken/m.manifest >>repaired.json # whole
    slm-list --json >model.json
    slm-path --json local/text >path.json
    receipt-write -q --grant-execution local/text >/dev/null
    slm-exec -q --json --dry-run local/text -- program {} >handed-over.json
    slm-exec -q --json --dry-run local/text >>handed-over.json
    infer-check -q --json --no-receipt -r - "$MODEL" >/dev/null
    infer-check -q --json --no-receipt -r answers.evidence "$MODEL" >answered.json 2>/dev/null
    infer-check -q --json --no-receipt --device cpu,cpu -e answers.evidence "$MODEL" >>answered.json
    sed 's/^tokens: /&9 /' answers.evidence >other.evidence
    infer-check -q --json --no-receipt -e other.evidence "$MODEL" >>answered.json 2>/dev/null # differs
    grep '^{"case"' answered.json >answer.json
    grep '^{"model-id"' answered.json >answers.json
    infer-check -q --json --no-receipt --bench -n 4 "$MODEL" >pace.json
    infer-check -q --json --list-devices >device.json
    slm-path --json --manifest local/text >>path.json
    slm-check -q --json >checked.json
    chmod u+w store/models/local/text/1/files/README.md && changed store/models/local/text/1/files/README.md 0
    slm-check -q --json >>checked.json 2>/dev/null
    slm-verify -q --json --receipt local/text >recheck.json 2>/dev/null # touched
    slm-remove --json local/text >removed.json
    slm-gc --json >cleared.json
    key-make -q --no-password first >/dev/null && key-make -q --no-password --succeed first.key second >/dev/null 2>&1
    {
        key-trust -q --json add --trust-on-first-use keeper first.pub
        key-trust --json add keeper ./*.successor
        key-trust --json list
        key-trust --json revoke keeper "$(key-trust list | cut -f1 | head -n 1)" --reason 'a test'
        key-trust --json check
        key-trust --json remove keeper "$(key-trust list | cut -f1 | tail -n 1)"
    } >trust.json 2>/dev/null
    (umask 077 && openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out oms.key 2>/dev/null)
    openssl pkey -in oms.key -pubout -out oms.pub
    manifest-sign --json --oms oms.sig --key oms.key model >oms-signed.json
    slm-verify --json --oms oms.sig --key oms.pub model >oms.json
    : >model/surplus
    slm-verify --json --oms oms.sig --key oms.pub model >>oms.json 2>/dev/null
    sed 's|^model-id: local/|model-id: demo/|; s|^publisher-id: local|publisher-id: demo|; s|^\([a-z-]*-route\): none|\1: https://example.org/x|' model/m.manifest |
        sed '/^takedown-route/s|.*|takedown-route: mailto:a@example.org|' >demo.manifest
    catalog-build --json -o web --catalog-id demo --publisher demo --allow-unsigned demo.manifest >catalog-built.json
    catalog-build --json -o web --allow-unsigned demo.manifest >>catalog-built.json # unchanged
    catalog-build --json --allow-unsigned --check web >catalog-checked.json
    catalog-build --json --allow-unsigned --check --since web/heads/1 web >>catalog-checked.json
    key-make -q --no-password witness >/dev/null
    catalog-build --json --allow-unsigned --countersign --first --witness-state witness.seen -s witness.key web >catalog-countersigned.json
    catalog-build --json --allow-unsigned --countersign --witness-state witness.seen -s witness.key web >>catalog-countersigned.json 2>/dev/null
    catalog-build --json --allow-unsigned --check --witness-key witness.pub web >>catalog-checked.json 2>/dev/null
    catalog-build --allow-unsigned --prove demo/text web >entry.proof
    catalog-build --json --allow-unsigned --check-proof entry.proof web/catalog.head >catalog-proved.json
    catalog-build --allow-unsigned --prove-since web/heads/1 web >log.proof
    catalog-build --json --allow-unsigned --check-proof log.proof web/catalog.head >>catalog-proved.json
    cp web/catalog.jsonl catalog-entry.json
    media-export -q --json stick model >media.json
    grep '"model-id"' media.json >exported.json
    grep '"medium"' media.json >medium.json
    catalog-find -q --json web >catalog-found.json
    catalog-find -q --json web/catalog.jsonl 'revision>=1' >>catalog-found.json
    catalog-find -q --json --count web >catalog-count.json
    catalog-build -q -o web --allow-unsigned -w demo/text --reason why --notice https://example.org/n >/dev/null
    cp web/withdrawn.jsonl catalog-withdrawn.json
    catalog-find -q --json --withdrawn web >>catalog-found.json
    for schema in "$ROOT"/schemas/*.json; do
        name=$(basename "$schema" .schema.json)
        case $name in peer-fetched | peer-found | peer-serve | peer-served | peer-about | peer-model) continue ;; esac # tests that have a peer look at those
        run "$python" "$ROOT/tests/cmd/lines_follow.py" "$schema" "$name.json"
        expect "--json output follows $name.schema.json" 0
    done
else
    skip '--json output follows the schemas' 'no python3-jsonschema'
fi

# every rule that docs name exists
for page in "$ROOT"/man/*.1; do peer_lacks "$(basename "$page" .1)" || "$(basename "$page" .1)" --rules; done | cut -f1 | sort -u >rules
grep -hoE '\[(io|text|value|manifest|chunk|artifact|tensor|data|gguf|safetensors|json|set|verify|make|slm|pack|receipt|store|diff|key|keyring|revocation|signature|sign|clock|policy|attest|oms|catalog|repair|peer|infer|evidence)-[a-z0-9-]+\]' "$ROOT"/docs/*.md "$ROOT"/docs/formats/*.md "$ROOT"/README.md |
    tr -d '[]' | sort -u >named
same 'rules that the docs name exist' '' "$(comm -13 rules named)"
