# Completion of slm-path for fish.
# Written by `make generate` from the option tables.

complete -c slm-path -l manifest -d 'print the path of the manifest'
complete -c slm-path -l folder -d 'print the path of the folder that holds the artifacts'
complete -c slm-path -l home -x -a '(__fish_complete_directories)' -d 'the store (default: MINIMODEL_HOME)'
complete -c slm-path -l help -d 'show this help'
complete -c slm-path -l version -d 'show the version'
complete -c slm-path -l verbose -d 'with --version: libraries and sandbox too'
complete -c slm-path -l rules -d 'list the rules that findings name'
complete -c slm-path -l json -d 'print the result as JSON Lines'
complete -c slm-path -s q -l quiet -d 'print errors only, no notes'
complete -c slm-path -l no-progress -d 'draw no progress line'
complete -c slm-path -f -a '(slm-list 2>/dev/null | cut -d@ -f1 | sort -u)'
