# Completion of slm-diff for fish.
# Written by `make generate` from the option tables.

complete -c slm-diff -s d -l derived -d 'find out whether B is A converted or requantised, tensor by tensor'
complete -c slm-diff -s o -l output -r -F -d 'with --derived: write the evidence to FILE'
complete -c slm-diff -l force -d 'replace an existing FILE'
complete -c slm-diff -s c -l check -r -F -d 'check that the evidence FILE is what --derived finds'
complete -c slm-diff -l tokenizer -r -F -d 'lend the tokenizer of FILE to a model that comes without one'
complete -c slm-diff -l drop -x -d 'leave KEY out where .slm cannot tell it; a final * stands for any rest'
complete -c slm-diff -l help -d 'show this help'
complete -c slm-diff -l version -d 'show the version'
complete -c slm-diff -l verbose -d 'with --version: libraries and sandbox too'
complete -c slm-diff -l rules -d 'list the rules that findings name'
complete -c slm-diff -l json -d 'print the result as JSON Lines'
complete -c slm-diff -s q -l quiet -d 'print errors only, no notes'
complete -c slm-diff -l no-progress -d 'draw no progress line'
