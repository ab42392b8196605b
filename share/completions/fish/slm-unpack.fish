# Completion of slm-unpack for fish.
# Written by `make generate` from the option tables.

complete -c slm-unpack -s o -l output -r -F -d 'the GGUF file to write'
complete -c slm-unpack -l force -d 'replace an existing OUT'
complete -c slm-unpack -l help -d 'show this help'
complete -c slm-unpack -l version -d 'show the version'
complete -c slm-unpack -l verbose -d 'with --version: libraries and sandbox too'
complete -c slm-unpack -l rules -d 'list the rules that findings name'
complete -c slm-unpack -l json -d 'print the result as JSON Lines'
complete -c slm-unpack -s q -l quiet -d 'print errors only, no notes'
complete -c slm-unpack -l no-progress -d 'draw no progress line'
