# Completion of slm-info for fish.
# Written by `make generate` from the option tables.

complete -c slm-info -s t -l tensors -d 'print the tensors, as the layout\'s digest is taken over them'
complete -c slm-info -s m -l metadata -d 'print the key-value pairs'
complete -c slm-info -l help -d 'show this help'
complete -c slm-info -l version -d 'show the version'
complete -c slm-info -l verbose -d 'with --version: libraries and sandbox too'
complete -c slm-info -l rules -d 'list the rules that findings name'
complete -c slm-info -l json -d 'print the result as JSON Lines'
complete -c slm-info -s q -l quiet -d 'print errors only, no notes'
complete -c slm-info -l no-progress -d 'draw no progress line'
