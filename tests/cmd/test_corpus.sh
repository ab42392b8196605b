#!/bin/sh
# Every file of the corpus (scripts/make-testdata.py) through the command that judges it: the exit code, and for a file
# that is not good a finding with the rule and the position that the recipe knows.
. "$(dirname "$0")/harness.sh"
need corpus python3 || exit 0
# Commands give up /proc with their other rights, and LeakSanitizer fails without it; the replayers look for leaks.
ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0}
export ASAN_OPTIONS
python3 "$ROOT/scripts/make-testdata.py" corpus || { not_ok corpus "scripts/make-testdata.py failed"; exit 1; }

# judge PATH: runs the command for the file's format; $shown is the name that findings give it
judge() {
    folder=${1%/*} shown=$1
    case $1 in
    corpus/json/*.index.json) run slm-info "$1" ;;
    corpus/json/* | corpus/text/* | corpus/opaque/*) run slm-verify "$folder/told.manifest"; shown=${1##*/} ;;
    corpus/manifest/*) run manifest-lint "$1" ;;
    corpus/chunk-list/*.gz) [ -e "$folder/data" ] || : >"$folder/data"; run chunk-merkle --check "$1" "$folder/data" ;;
    corpus/chunk-list/*) [ -e "$folder/data" ] || : >"$folder/data"; run chunk-merkle --check "$folder/data.chunks" "$folder/data" ;;
    corpus/report/*) run receipt-write --home home "$1" ;;
    corpus/derived/*) run slm-diff --check "$1" "$MODEL" "$MODEL" ;; # what is wrong is found before a model is opened
    corpus/evidence/*) run infer-check -q --no-receipt --expect "$1" "$MODEL" ;; # likewise
    corpus/policy/*) run slm-verify --policy "$1" corpus/manifest/good-empty-artifact/mini.manifest ;; # no artifact is sought
    corpus/attestation/*) run manifest-make -p --attest "$1" "$MODEL" ;;
    corpus/proof/*) run chunk-merkle --check-proof "$1" ;;
    *) run slm-info "$1" ;;
    esac
}

# found RULE POSITION: a line of the last run's errors names both for the file $shown
found() {
    if [ "$2" = - ]; then prefix=$shown; else prefix=$shown:${2}; fi
    awk -v begin="$prefix: error: " -v end=" [$1]" '
        index($0, begin) == 1 && substr($0, length($0) - length(end) + 1) == end { found = 1 }
        END { exit !found }' "$WORK/.err"
}

# alone RULE: no error of the last run names another rule; what a manifest says beside the format does not count
alone() {
    awk -v end=" [$1]" '
        / error: / && substr($0, length($0) - length(end) + 1) != end && !/\[verify-[a-z0-9-]*\]$/ { other = 1 }
        END { exit other }' "$WORK/.err"
}

: >broken_alone
while IFS='	' read -r path verdict rule position; do
    judge "corpus/$path"
    case $verdict in good) wanted=0 ;; bad) wanted=1 ;; *) wanted=3 ;; esac
    if [ "$status" -ne "$wanted" ]; then
        not_ok "$path" "expected exit $wanted, found $status" "$(head -n 5 "$WORK/.err")"
    elif [ "$verdict" != good ] && ! found "$rule" "$position"; then
        not_ok "$path" "expected [$rule] at $position" "$(head -n 5 "$WORK/.err")"
    else
        ok "$path"
        if [ "$verdict" != good ] && alone "$rule"; then echo "$rule" >>broken_alone; fi
    fi
done <corpus/expect.tsv

# Every rule that a file can break has a file that breaks this one alone; the others are named in make-testdata.py.
for command in slm-info manifest-lint chunk-merkle; do
    "$command" --rules
done | cut -f 1 | sort -u | grep -vE '^(io|set|verify)-' |
    grep -vxE 'chunk-limit|chunk-root|chunk-wrong|manifest-bytes|gguf-(key-style|file-type|chat-template)' >rules
while read -r rule; do
    if grep -qx "$rule" broken_alone; then ok "a file for $rule"; else not_ok "a file for $rule" "no file breaks it alone"; fi
done <rules
