# Completion of slm-gc for fish.
# Written by `make generate` from the option tables.

complete -c slm-gc -l partial -d 'unfinished imports go too, and cannot be continued'
complete -c slm-gc -s n -l dry-run -d 'remove nothing, print what would go'
complete -c slm-gc -l home -x -a '(__fish_complete_directories)' -d 'the store (default: MINIMODEL_HOME)'
complete -c slm-gc -l help -d 'show this help'
complete -c slm-gc -l version -d 'show the version'
complete -c slm-gc -l verbose -d 'with --version: libraries and sandbox too'
complete -c slm-gc -l rules -d 'list the rules that findings name'
complete -c slm-gc -l json -d 'print the result as JSON Lines'
complete -c slm-gc -s q -l quiet -d 'print errors only, no notes'
complete -c slm-gc -l no-progress -d 'draw no progress line'
complete -c slm-gc -f
