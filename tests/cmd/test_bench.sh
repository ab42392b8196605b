# The measurements measure: every row is there with its figures, what lacks is named, what fails makes them fail. No time is looked at.
. "$(dirname "$0")/harness.sh"
python=$(python3 -c 'import sys; print(sys.executable)') || { skip 'measurements' 'no python3 here'; exit 0; }
for program in openssl taskset; do need 'measurements' $program || exit 0; done
[ -x "$BUILD/bench/timed" ] || { skip 'measurements' 'no programs for it; make benches'; exit 0; }
export BUILD BENCH_MIB=1 BENCH_MANIFESTS=20 BENCH_RUNS=1 BENCH_SIZES='1M 2M' BENCH_PATHS=
mkdir tools tmp
for program in sh cat cp sync openssl sha256sum taskset env xargs wc; do ln -s "$(command -v $program)" tools/; done
TMPDIR=$WORK/tmp
export TMPDIR

# bench FOLDER... -- ARGUMENT...: with the programs of those folders alone
bench() {
    folders=
    while [ "$1" != -- ]; do folders=$folders$1: && shift; done
    shift
    run env PATH="${folders%:}" "$python" -B "$ROOT/tests/bench/bench.py" "$@"
}

# ---- ratios ----

bench "$BIN" "$WORK/tools" -- ratios
expect 'ratios are measured' 0
for fact in date processor processors instructions 'SHA-256 path' kernel 'load before' compiler openssl sha256sum b3sum minisign; do
    grep -q "^$fact  *[^ ]" .out || not_ok "the head says which $fact"
done
same 'programs that lack are named in the head' 'b3sum minisign' "$(sed -n 's/^\(b3sum\|minisign\)  *lacks$/\1/p' .out | tr '\n' ' ' | sed 's/ $//')"
sed '1,/^command/d; /rows have a limit/,$d' .out >table
number='[0-9][0-9]*\.[0-9]*'
measured="  *$number  *$number  *$number"
grep -E '^(taskset|slm-|chunk-merkle|cat |cp |manifest-lint)' table | grep -v '^= ' >rows
same 'rows that have their peers have figures, ratios, and a verdict where there is a limit' '' \
    "$(grep -v lacks rows | grep -vE "$measured  *(wall|CPU)  *$number  *$number( *| *$number( *$number)?  *(ok|above))$")"
same 'rows whose peer lacks have no figures' '' "$(grep lacks rows | grep -E "$measured")"
same 'two peers lack, one of them with other threads and the other with another signature too' 4 "$(grep -cE '^= (b3sum|minisign) .*lacks (b3sum|minisign)$' table)"
for limit in '0.95  *0.88' '1.30  *1.25' '0.24  *0.20' '1.38' '1.60  *1.40' '0.85  *0.70' '6.00  *3.00'; do
    grep -qE "(wall|CPU) .* $limit" rows || not_ok "a row has the limit $limit"
done
same 'a row that lacks is not within its limit' "$(grep -c ' ok$' rows) $(grep -c ' above$' rows) $(grep -cE '[0-9]  *lacks b3sum$' rows)" \
    "$(sed -n 's/.*limit: \([0-9]*\) within it, \([0-9]*\) above, \([0-9]*\) not measured\.$/\1 \2 \3/p' .out)"
same 'nothing stays behind' '' "$(ls tmp)"

if command -v minisign >/dev/null; then
    mkdir more && ln -s "$(command -v minisign)" more/
    bench "$BIN" "$WORK/tools" "$WORK/more" -- ratios --markdown
    expect 'with minisign, as a page' 0
    grep -E '^\| `slm-verify --keyring' .out >rows
    same 'signatures are measured' 2 "$(grep -cE '^\| `[^`]*` \| [0-9.]* \| [0-9.]* \| [0-9.]* \| wall \| [0-9.]* \| [0-9.]* \|  \|  \|  \|$' rows)"
    same 'each row of the page has as many cells' 11 "$(grep '^| [=`]' .out | sed 's,[\\]|,,g' | tr -cd '|\n' | awk '{ print length }' | sort -u)"
else
    skip 'signatures are measured' 'no minisign here'
fi

# ---- what is made of figures ----

same 'verdicts, ratios, growth' "$(printf '%s\n' "ok above ''" '3.0 2.5' '0.5 2.0' 'ok start above' '1.30 1.30' 2.5)" "$(cd "$ROOT/tests/bench" && "$python" -B - <<'PY'
import growth, measure, ratios
Run = measure.Run
limit, none = ratios.row(None, 0.9), ratios.row(None)
print(ratios.verdict(limit, 0.9), ratios.verdict(limit, 0.91), repr(ratios.verdict(none, 5)))
ours, theirs = [Run(3, 1, 1), Run(9, 1, 1), Run(2, 1, 1)], [Run(1, 2, 1), Run(1, 2, 1), Run(1, 2, 1)]
print(*measure.ratio(ours, [Run(1, 2, 1), Run(9, 2, 1), Run(0.8, 2, 1)], 'seconds'))
print(measure.ratio(ours, theirs, 'cpu')[0], measure.ratio(theirs, ours, 'cpu')[1])
print(growth.shape([1, 1.05, 0.99])[2], growth.shape([2, 1, 1.05])[2], growth.shape([1, 1.2, 1.3])[2])
print(*('%.2f' % figure for figure in growth.shape([1, 1.2, 1.3])[:2]))
print(measure.median([4, 1, 2, 3]))
PY
)"

# ---- what fails ----

mkdir broken
printf '#!/bin/sh\necho it broke >&2\nexit 1\n' >broken/program && chmod +x broken/program
for program in openssl slm-verify slm-import; do
    mv broken/* broken/$program
    bench "$WORK/broken" "$BIN" "$WORK/tools" -- ratios
    expect "$program fails, and so does the measurement" 3 "$program" 'it broke'
    same "$program fails: no table" '' "$out"
done
run env BENCH_MIB=no "$python" -B "$ROOT/tests/bench/bench.py" ratios
expect 'a size that is none' 2 BENCH_MIB
bench "$BIN" "$WORK/tools" -- ratios --into nowhere
expect 'a page that is not there' 3 nowhere
same 'nothing stays behind of what failed' '' "$(ls tmp)"

PATH=$BIN:$WORK/tools:$PATH BENCH_MIB=64 "$python" -B "$ROOT/tests/bench/bench.py" ratios >/dev/null 2>&1 &
waited=0
while [ "$(find tmp -name big.manifest)" = '' ] && [ $waited -lt 300 ]; do sleep 0.1 && waited=$((waited + 1)); done
kill -TERM $!
wait $!
same 'a signal ends it' 143 $?
same 'nothing stays behind of what was ended' '' "$(ls tmp)"

# ---- growth ----

printf 'before\n<!-- growth begin -->\nold\n<!-- growth end -->\nafter\n' >page
bench "$BIN" "$WORK/tools" -- growth -o figures.tsv --into page
expect 'growth is measured' 0
same 'its table stands where it has to' 'before after 0 12' \
    "$(head -n 1 page) $(tail -n 1 page) $(grep -c old page) $(grep -cE '^\| (slm|chunk|openssl|cp)' page)"
same 'its figures are numbers, two sizes for each of six' 'name	bytes	seconds	cpu	kib 1048576:6 2097152:6' \
    "$(head -n 1 figures.tsv) $(sed 1d figures.tsv | grep -E '^[^	]+	[0-9]+	[0-9]+\.[0-9]{6}	[0-9]+\.[0-9]{6}	[1-9][0-9]*$' | cut -f2 | sort | uniq -c | awk '{ print $2 ":" $1 }' | tr '\n' ' ' | sed 's/ $//')"
cp page before
bench "$BIN" "$WORK/tools" -- growth --into .out
expect 'a page without a place for it' 3 'no place for growth'
BENCH_SIZES='1M none' bench "$BIN" "$WORK/tools" -- growth
expect 'a size that is none' 2 none
BENCH_SIZES='1M 1000000G' bench "$BIN" "$WORK/tools" -- growth
expect 'a size for which there is no room is left out, and named' 0 'no room' '1 MiB'

# ---- the plot ----

plot() { "$python" -B "$ROOT/scripts/plot.py" "$@"; }
run plot figures.tsv
expect 'a plot' 0 '1 MiB' '2 MiB' 'slm-verify --quick' 'chunk-merkle --no-sha256' 'slm-import' 'openssl dgst'
same 'the same figures make the same plot' "$out" "$(plot figures.tsv)"
same 'it is an image with a title and a description, as many lines as commands in both panels' 'img True True 12' "$("$python" - .out <<'PY'
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
svg = '{http://www.w3.org/2000/svg}'
print(root.get('role'), bool(root.find(svg + 'title').text), 'MiB of memory' in root.find(svg + 'desc').text, len(root.findall(f'.//{svg}polyline')))
PY
)"
head -n 1 figures.tsv >none.tsv
run plot none.tsv
expect 'no figures, no plot' 1 'no figures'
run plot "$ROOT/docs/performance.tsv"
expect 'the figures of the page are drawn' 0
same 'the plot of the page is the one of its figures' "$(cat "$ROOT/docs/performance.svg")" "$out"
cp "$ROOT/docs/performance.md" copied || not_ok "there is a page"
bench "$BIN" "$WORK/tools" -- growth --into copied
expect 'the page has a place for growth' 0
same 'and one for ratios' '<!-- ratios begin --> <!-- ratios end -->' "$(grep -F '<!-- ratios ' copied | tr '\n' ' ' | sed 's/ $//')"
same 'the page tells of what the plot shows' "$(cut -f1 "$ROOT/docs/performance.tsv" | sed 1d | sort -u)" \
    "$(sed -n '/growth begin/,/growth end/s/^| \([a-z][^|]*\) |.*/\1/p' "$ROOT/docs/performance.md" | sort -u)"
