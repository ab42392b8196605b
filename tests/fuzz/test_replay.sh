#!/bin/sh
# The corpus and changed copies of it through every harness that is built; in a sanitized build that is a fuzzing run of
# a few seconds, the same one each time.
. "$(dirname "$0")/../cmd/harness.sh"
. "$ROOT/tests/fuzz/corpus.sh"
need replay python3 || exit 0
python3 "$ROOT/scripts/make-testdata.py" corpus && python3 "$ROOT/tests/cmd/models.py" seeds corpus &&
    python3 "$ROOT/tests/cmd/folder.py" seeds corpus && python3 "$ROOT/tests/cmd/keys.py" seeds corpus &&
    python3 "$ROOT/tests/cmd/oms.py" seeds corpus && python3 "$ROOT/tests/cmd/catalogs.py" seeds corpus &&
    python3 "$ROOT/tests/cmd/repairs.py" seeds corpus && python3 "$ROOT/tests/cmd/peers.py" seeds corpus || { not_ok replay "the corpus cannot be made"; exit 1; }

any=false
for replay in "$BUILD"/fuzz/replay-*; do
    [ -f "$replay" ] && [ -x "$replay" ] || continue
    any=true harness=${replay##*/replay-} folders=
    for folder in $(folders_of "$harness"); do
        folders="$folders corpus/$folder"
    done
    # shellcheck disable=SC2086 # several folders
    run "$replay" $folders
    expect "replay $harness, the corpus" 0 "files, 0 mutants"
    # shellcheck disable=SC2086
    run "$replay" --mutate 2000 $folders
    expect "replay $harness, changed copies" 0 "2000 mutants"
done
$any || skip replay "no harness is built: make replayers"
