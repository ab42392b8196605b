#!/bin/sh
# Writes what follows from the tables: the manifest's JSON schema, the field lists in man page and docs between their
# markers, and the shells' completions from the commands' options. `scripts/generate.sh --check` writes nothing and fails where a file would change.
set -eu
cd "$(dirname "$0")/.."
tables=${BUILD:-build}/tables
check=${1:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
changed=0

# settle FILE: the new text of FILE is in $work/new
settle() {
    if [ -f "$1" ] && cmp -s "$work/new" "$1"; then return; fi
    if [ "$check" = --check ]; then
        printf '%s does not follow from the tables; run make generate\n' "$1"
        changed=1
    else
        cp "$work/new" "$1"
        printf 'wrote %s\n' "$1"
    fi
}

# between FILE BEGIN END WHAT: replaces the lines between the lines BEGIN and END
between() {
    "$tables" "$4" >"$work/part"
    begin=$2 end=$3 part=$work/part awk '
        $0 == ENVIRON["begin"] { print; while ((getline line < ENVIRON["part"]) > 0) print line; inside = 1; next }
        $0 == ENVIRON["end"] { inside = 0 }
        !inside { print }' "$1" >"$work/new"
    grep -qxF -e "$2" "$1" || { printf '%s lacks its marker\n' "$1"; changed=1; }
    settle "$1"
}

"$tables" schema >"$work/new"
settle schemas/manifest.schema.json
between man/minimodel-manifest.5 '.\" fields begin' '.\" fields end' man
between docs/formats/manifest.md '<!-- fields begin -->' '<!-- fields end -->' docs
between docs/formats/dtypes.md '<!-- dtypes begin -->' '<!-- dtypes end -->' dtypes
between docs/formats/slm.md '<!-- settings begin -->' '<!-- settings end -->' settings
between docs/formats/slm.md '<!-- llama begin -->' '<!-- llama end -->' llama

# completions: one file for bash, one for zsh, and one for each command for fish, which looks for it by that name
commands=$(cd cmd && for source in *-*.c; do echo "${source%.c}"; done)
for command in $commands; do
    [ -x "${BUILD:-build}/bin/$command" ] && continue
    printf '%s is not built: completions are left as they are\n' "$command" >&2
    exit $changed
done
# shellcheck disable=SC2086 # a word for each command
completed() { ${PYTHON:-python3} -B scripts/completions.py "$1" "${BUILD:-build}/bin" $2 >"$work/new" || exit 3; }
mkdir -p share/completions/bash share/completions/zsh share/completions/fish
completed bash "$commands"
settle share/completions/bash/minimodel
completed zsh "$commands"
settle share/completions/zsh/_minimodel
for command in $commands; do
    completed fish "$command"
    settle "share/completions/fish/$command.fish"
done
for file in share/completions/fish/*.fish; do
    command=$(basename "$file" .fish)
    [ -f "cmd/$command.c" ] && continue
    printf '%s is of no command; remove it\n' "$file"
    changed=1
done
exit $changed
