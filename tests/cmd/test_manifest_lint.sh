#!/bin/sh
# manifest-lint: every finding with line, column and rule; the canonical form; sums; lists of files.
. "$(dirname "$0")/harness.sh"
need manifest-lint python3 || exit 0
HERE=$ROOT/tests/cmd
SOURCE_DATE_EPOCH=1700000000
export SOURCE_DATE_EPOCH
cp "$MODEL" model.gguf && echo text >card.md
manifest-make -q -p --tag b --tag a --source '- hf://org/name' --display-name 'Kleine Größe' model.gguf card.md >good.manifest
run manifest-lint good.manifest
expect "a good manifest passes" 0
same "without a word" "" "$out$err"
run manifest-lint - <good.manifest
expect "standard input is read" 0

# ---- findings ----

# Each line: what|a sed script|LINE:COLUMN|rule
while IFS='|' read -r what script position rule; do
    sed "$script" good.manifest >bad.manifest
    run manifest-lint bad.manifest
    case $position in *:) ;; *) position="$position: error: " ;; esac
    expect "$what" 1 "bad.manifest:$position" "[$rule"
done <<'EOF'
a digest of 63 digits|s/^\(artifact-sha256: .*\).$/\1/|27:18|value-hash
a digest of 65 digits|s/^\(artifact-sha256: .*\)$/\10/|27:|value-hash
an upper-case digest|/^merkle-root/s/[a-f0-9]*$/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA/|31:14|value-hash
a digest with 0x|s/^\(artifact-sha256: \)../\10x/|27:|value-hash
a digest of letters behind f|s/^\(artifact-sha256: \)./\1g/|27:18|value-hash
a size of +7|s/^artifact-bytes: .*/artifact-bytes: +7/|26:17|value-number
a size of 0x10|s/^artifact-bytes: .*/artifact-bytes: 0x10/|26:17|value-number
a size of -1|s/^artifact-bytes: .*/artifact-bytes: -1/|26:17|value-number
a size behind two spaces|s/^artifact-bytes: .*/artifact-bytes:  42/|26:17|text-value-space
a size with a zero before it|s/^artifact-bytes: .*/artifact-bytes: 042/|26:17|value-number
a size with separators|s/^artifact-bytes: .*/artifact-bytes: 1_000/|26:17|value-number
a size of 2^63|s/^artifact-bytes: .*/artifact-bytes: 9223372036854775808/|26:|value-number
a size of 2^64 and 5|s/^artifact-bytes: .*/artifact-bytes: 18446744073709551621/|26:|value-number
a revision of 0|s/^revision: .*/revision: 0/|4:11|value-range
CR in a value|s/^version: 0/version: 0\rx/|3:11|text-
CR LF|3s/$/\r/|3:11|text-line-end
NUL in a value|s/^version: 0/version: 0\x00x/|3:11|text-control
a tab|s/^version: 0/version: 0\t0/|3:11|text-control
ESC in a value|s/^display-name: K/display-name: K\x1b[31m/|5:16|text-control
a direction override|s/^display-name: K/display-name: K\xe2\x80\xae/|5:16|text-invisible
a zero-width space|s/^display-name: K/display-name: K\xe2\x80\x8b/|5:16|text-invisible
a zero-width joiner among ASCII|s/^display-name: K/display-name: K\xe2\x80\x8d/|5:16|text-invisible
a soft hyphen|s/^display-name: K/display-name: K\xc2\xad/|5:16|text-invisible
a tag character|s/^display-name: K/display-name: K\xf3\xa0\x81\x81/|5:16|text-invisible
C1 control|s/^display-name: K/display-name: K\xc2\x9b/|5:16|text-control
a surrogate|s/^display-name: K/display-name: K\xed\xa0\x80/|5:16|text-utf8
an overlong form|s/^display-name: K/display-name: K\xc0\xaf/|5:16|text-utf8
a lone byte|s/^display-name: K/display-name: K\xff/|5:16|text-utf8
a noncharacter|s/^display-name: K/display-name: K\xef\xbf\xbe/|5:16|text-noncharacter
a byte order mark|1s/^/\xef\xbb\xbf/|1:1|text-
a blank line|5s/^/\n/|5:1|text-blank-line
a comment|5s/^/# note\n/|5:1|text-key
no space behind the colon|s/^version: /version:/|3:|text-key
a space at the end|s/^version: 0/version: 0 /|3:|text-value-space
an empty value|s/^version: 0/version: /|3:|text-value
a long key|5s/^/x-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: 1\n/|5:65|text-key
an unknown key|5s/^/color: red\n/|5:1|manifest-field-unknown
a Cyrillic letter in a key|5s/^/versi\xd0\xben: 1\n/|5:|text-key
a field twice|s/^version: 0/&\n&/|4:1|manifest-field-repeated
a field less|/^version: /d|3:1|manifest-field-missing
two fields swapped|3{h;d};4{G}|4:1|manifest-field-order
tags out of order|s/^tag: a/tag: c/|7:1|manifest-many-order
a tag twice|s/^tag: b/tag: a/|7:1|manifest-many-equal
a role that nobody knows|s/^artifact-role: weights/artifact-role: model/|33:16|value-word
a format that nobody knows|s/^artifact-format: text/artifact-format: exe/|25:18|value-word
no artifact of weights|s/^artifact-role: weights/artifact-role: other/|23:1|manifest-weights
paths that differ by case alone|s/^artifact: card.md/artifact: MODEL.gguf/|32:11|manifest-paths
a path that is another's folder|s/^artifact: model.gguf/artifact: card.md\/x/|32:11|manifest-paths
a wrong chunk count|s/^chunk-count: 1/chunk-count: 2/|30:14|manifest-chunk-count
a route that leads to weights|s/^model-card-route: .*/model-card-route: https:\/\/x.org\/MODEL.GGUF/|14:19|value-boundary
a route that hides its ending|s/^model-card-route: .*/model-card-route: https:\/\/x.org\/a.%67guf/|14:|value-boundary
a route with a user|s/^model-card-route: .*/model-card-route: https:\/\/a@x.org\/a/|14:28|value-route
a date that does not exist|s/^created: .*/created: 2023-02-29T00:00:00Z/|11:10|value-time
EOF
{ cat good.manifest; printf 'x'; } >bad.manifest
run manifest-lint bad.manifest
expect "a last line without LF" 1 "[text-last-line]"
awk '{ print } /^peer-hint/ { for (i = 0; i < 1100; i++) v = v "a"; print "x-long: " v }' good.manifest >bad.manifest
run manifest-lint bad.manifest
expect "a value of more than 1024 bytes" 1 "bad.manifest:23:" "[text-value-length]"
awk '{ print } /^peer-hint/ { for (i = 0; i < 1000; i++) v = v "a"; for (i = 0; i < 1100; i++) printf "x-%04d: %s\n", i, v }' good.manifest >bad.manifest
run manifest-lint bad.manifest
expect "a manifest of more than 1 MiB" 1 "[text-size]"
for text in "" "\n" "\0" "minimodel-manifest" "minimodel-manifest 00\n" "minimodel-manifest -1\n" "MINIMODEL-MANIFEST 0\n" " minimodel-manifest 0\n" "minimodel-manifest 0 \n" "minimodel-chunk-list 0\n"; do
    printf "$text" >bad.manifest
    run manifest-lint bad.manifest
    expect "a first line of '$(printf %s "$text" | tr -d '\\')' is refused" 1 "bad.manifest:1:" "[text-"
done
for version in 1 2 9223372036854775807; do
    sed "1s/0$/$version/" good.manifest >bad.manifest
    run manifest-lint bad.manifest
    expect "version $version answers 3" 3 "bad.manifest:1:" "[text-version-unsupported]"
done
sed 's/^version: .*/version: !/;s/^revision: .*/revision: -1/;s/^license: .*/license: mit or x/;s/^peer-hint: .*/peer-hint: yes/;s/^chunk-size: .*/chunk-size: 3/' good.manifest >bad.manifest
run manifest-lint bad.manifest
expect "several broken rules answer 1" 1
for line in 3 4 12 22 29 41; do
    case $err in *"bad.manifest:$line:"*) ok "every broken rule is reported: line $line" ;; *) not_ok "every broken rule is reported: line $line" "$err" ;; esac
done

# ---- several files ----

run manifest-lint good.manifest bad.manifest no.manifest
expect "of a no and a don't-know the no wins" 1 "no.manifest" "bad.manifest:3:"
run manifest-lint good.manifest no.manifest
expect "a file that is not there answers 3" 3 "no.manifest"
printf 'good.manifest\n\nbad.manifest' >names
run manifest-lint --files-from names
expect "--files-from reads names" 1 "bad.manifest:3:"
printf 'good.manifest\0new\nline.manifest\0' >names
cp bad.manifest "$(printf 'new\nline.manifest')"
run manifest-lint -0 --files-from - <names
expect "-0 takes names with line feeds" 1 'new\u{a}line.manifest:3:'
run manifest-lint --files-from no-names
expect "a list of names that is not there answers 3" 3 "no-names"
run manifest-lint --files-from . good.manifest
expect "a folder as list of names answers 3" 3 "error:"
printf 'good.manifest\0good.manifest\n' >names
run manifest-lint --files-from names
expect "a name with NUL answers 3" 3
run manifest-lint --files-from /dev/null
expect "a list of no names is no fault" 0

# ---- several threads ----

# The list names good and bad manifests, ones too large or too bad to be held until their turn, and what is no manifest.
sed 's/^model-id: .*/model-id: org\/x/' good.manifest >other.manifest
awk '{ print } /^peer-hint/ { for (i = 0; i < 1000; i++) v = v "a"; for (i = 0; i < 90; i++) printf "x-%04d: %s\n", i, v }' good.manifest >large.manifest
sed 's/^version: .*/version: !/' large.manifest >large-bad.manifest
{ head -n 3 good.manifest && head -c 3000 /dev/zero | tr '\0' '\377'; } >worst.manifest
awk '{ print } /^peer-hint/ { for (i = 0; i < 1000; i++) v = v "a"; for (i = 0; i < 1100; i++) printf "x-%04d: %s\n", i, v }' good.manifest >huge.manifest
: >empty.manifest
mkfifo fifo.manifest
cp good.manifest private.manifest && chmod 000 private.manifest
for turn in 1 2 3 4 5 6 7 8 9 10; do
    printf '%s\n' good.manifest bad.manifest absent.manifest . other.manifest private.manifest "bad$turn.manifest" large.manifest large-bad.manifest good.manifest worst.manifest empty.manifest \
        fifo.manifest huge.manifest bad.manifest good.manifest good.manifest other.manifest good.manifest
done >many
for turn in 3 5 8; do sed "s/^revision: .*/revision: -$turn/" other.manifest >"bad$turn.manifest"; done
for mode in '' --json --sarif --sha256sums -q; do
    # shellcheck disable=SC2086 # no option is none
    run manifest-lint $mode --threads 1 --files-from many bad.manifest
    mv "$WORK/.out" out.1 && mv "$WORK/.err" err.1
    expected=$status
    same "one thread answers 1 to '$mode'" 1 "$expected"
    for threads in 2 5 16 1000; do
        # shellcheck disable=SC2086
        run manifest-lint $mode --threads "$threads" --files-from many bad.manifest
        same "$threads threads answer the same to '$mode'" "$expected" "$status"
        cmp -s out.1 "$WORK/.out" && cmp -s err.1 "$WORK/.err" && ok "and print the same" || not_ok "and print the same: $threads threads, '$mode'" "$(diff err.1 "$WORK/.err" | head -n 4)"
    done
done
while read -r name; do manifest-lint "$name"; done <many 2>each.1
run manifest-lint --files-from many
cmp -s each.1 "$WORK/.err" && ok 'which is what each of them has alone' || not_ok 'which is what each of them has alone' "$(diff each.1 "$WORK/.err" | head -n 4)"
same 'every finding of the worst is told' 30000 "$(grep -c '^worst.manifest:.*text-utf8' "$WORK/.err")"
chmod 600 private.manifest
{ head -n 40 many && printf '%5000s\n' x | tr ' ' x; } >long
run manifest-lint --threads 5 --files-from long
expect 'a name that is too long is told' 1 'long: error: expected file names'
same 'behind what the names before it have' 'long: error' "$(tail -n 1 "$WORK/.err" | cut -d: -f1,2)"
{ echo good.manifest && echo - && echo bad.manifest; } >dash
run manifest-lint --threads 5 --files-from dash <bad.manifest
expect 'standard input has its turn among them' 1 '(standard input):3:' 'bad.manifest:3:'
same 'before the name behind it' '(standard input)' "$(head -n 1 "$WORK/.err" | cut -d: -f1)"
run manifest-lint --threads 5 - --files-from - <bad.manifest
expect 'nor are names read from it before' 1 '(standard input):3:'
run sh -c 'exec manifest-lint --json --threads 5 --files-from many >/dev/full'
expect 'a full device ends the work' 1 '[io-write]'
for wrong in 0 -1 x '' 1.5 99999999999999999999; do
    run manifest-lint --threads "$wrong" good.manifest
    expect "--threads '$wrong' is refused" 2 'usage:'
done
same 'a signal ends the work at once' '-2 True' "$(python3 - <<'PY'
import signal, subprocess
signal.signal(signal.SIGINT, signal.SIG_DFL)  # a suite in the background was started without
names = subprocess.Popen(['sh', '-c', 'while :; do cat many; done'], stdout=subprocess.PIPE)
lint = subprocess.Popen(['manifest-lint', '--threads', '5', '--files-from', '-'], stdin=names.stdout, stderr=subprocess.PIPE)
names.stdout.close()
found = lint.stderr.read(1000)
lint.send_signal(signal.SIGINT)
lint.stderr.read()
print(lint.wait(timeout=60), len(found) == 1000)
names.kill()
names.wait()
PY
)"

# ---- the canonical form ----

run manifest-lint --canonical good.manifest
same "a good manifest is its own canonical form" "0 $(sha256sum <good.manifest)" "$status $(sha256sum <"$WORK/.out")"
python3 - <<'PY'
import random
lines = open("good.manifest").read().split("\n")[:-1]
at = next(i for i, line in enumerate(lines) if line.startswith("artifact: "))
head, rest = lines[1:at], "\n".join(lines[at:]).split("\nartifact: ")
groups = [rest[0]] + ["artifact: " + group for group in rest[1:]]
head.append("x-b: 1"), head.append("x-a: 2")
open("wanted", "w").write("\n".join([lines[0]] + lines[1:at] + ["x-a: 2", "x-b: 1"] + groups) + "\n")
for seed in range(20):
    source = random.Random(seed)
    source.shuffle(head)
    source.shuffle(groups)
    mixed = []
    for group in groups:
        first, *others = group.split("\n")
        source.shuffle(others)
        mixed += [first] + others
    end = source.choice(["\n", "\r\n"])
    text = end.join([lines[0]] + head + mixed) + source.choice(["", end])
    open(f"mixed-{seed}", "w", newline="").write(text)
PY
same "any order of fields and groups, and any line ends, lead to it" "" "$(for file in mixed-*; do manifest-lint --canonical "$file" 2>&1 | cmp - wanted || echo "$file"; done 2>&1 | head -n 4)"
run manifest-lint mixed-0
expect "but are findings" 1 "[manifest-field-order]"
sed 's/^tag: a/tag: b/' good.manifest >bad.manifest
run manifest-lint --canonical bad.manifest
expect "equal lines are not repaired" 1 "[manifest-many-equal]"
same "and nothing is printed" "" "$out"
sed 's/^version: .*/version: !/' mixed-1 >bad.manifest
run manifest-lint --canonical bad.manifest
expect "nor is a bad value" 1 "[value-"
same "and nothing is printed of it" "" "$out"
run manifest-lint --canonical good.manifest bad.manifest
expect "--canonical takes one file" 2 "usage:"

# ---- sums and JSON ----

run manifest-lint --sha256sums good.manifest
same "--sha256sums prints a line for each artifact" "$(sha256sum card.md model.gguf)" "$out"
run manifest-lint --sha256sums bad.manifest
expect "--sha256sums of a broken manifest answers 1" 1
same "and prints no sums" "" "$out"
sed 's/^version: .*/version: !/;s/^revision: .*/revision: 0/' good.manifest >bad.manifest
run manifest-lint --json bad.manifest
expect "--json answers 1" 1
same "and states file, line, column, rule and message of each" "bad.manifest 3 10 error, bad.manifest 4 11 error" "$(printf '%s\n' "$out" | python3 -c '
import json, sys
found = [json.loads(line) for line in sys.stdin]
assert all(f["rule"] and f["message"] for f in found)
print(", ".join("%s %d %d %s" % (f["file"], f["line"], f["column"], f["severity"]) for f in found))')"
same "on standard output alone" "" "$err"
run manifest-lint --json good.manifest
same "--json of a good manifest is empty" "0" "$status$out"
same "each rule of a finding is in --rules" "" "$(for rule in $(sed -n 's/^.*\[\([a-z0-9-]*\)\]$/\1/p' "$WORK/.err" | sort -u); do manifest-lint --rules | grep -q "^$rule	" || echo "$rule"; done)"
