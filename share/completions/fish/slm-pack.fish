# Completion of slm-pack for fish.
# Written by `make generate` from the option tables.

complete -c slm-pack -s o -l output -r -F -d 'the .slm file to write'
complete -c slm-pack -l tokenizer -r -F -d 'take the tokenizer from FILE instead'
complete -c slm-pack -l quantize -x -d 'turn matrices into DTYPE: q8_0 or q4_0'
complete -c slm-pack -l drop -x -d 'leave KEY out where it cannot be carried over; a final * stands for any rest'
complete -c slm-pack -l name -x -d 'the model\'s name, instead of the source\'s'
complete -c slm-pack -l license -x -d 'what its maker calls its licence, instead of what the source says'
complete -c slm-pack -l force -d 'replace an existing OUT'
complete -c slm-pack -l help -d 'show this help'
complete -c slm-pack -l version -d 'show the version'
complete -c slm-pack -l verbose -d 'with --version: libraries and sandbox too'
complete -c slm-pack -l rules -d 'list the rules that findings name'
complete -c slm-pack -l json -d 'print the result as JSON Lines'
complete -c slm-pack -s q -l quiet -d 'print errors only, no notes'
complete -c slm-pack -l no-progress -d 'draw no progress line'
