# Completion of slm-list for fish.
# Written by `make generate` from the option tables.

complete -c slm-list -l home -x -a '(__fish_complete_directories)' -d 'the store (default: MINIMODEL_HOME)'
complete -c slm-list -l help -d 'show this help'
complete -c slm-list -l version -d 'show the version'
complete -c slm-list -l verbose -d 'with --version: libraries and sandbox too'
complete -c slm-list -l rules -d 'list the rules that findings name'
complete -c slm-list -l json -d 'print the result as JSON Lines'
complete -c slm-list -s q -l quiet -d 'print errors only, no notes'
complete -c slm-list -l no-progress -d 'draw no progress line'
complete -c slm-list -f -a '(slm-list 2>/dev/null | cut -d@ -f1 | sort -u)'
