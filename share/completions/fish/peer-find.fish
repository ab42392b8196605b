# Completion of peer-find for fish.
# Written by `make generate` from the option tables.

complete -c peer-find -s w -l wait -x -d 'listen so long, unless every PEERID is found before (default: 3)'
complete -c peer-find -l help -d 'show this help'
complete -c peer-find -l version -d 'show the version'
complete -c peer-find -l verbose -d 'with --version: libraries and sandbox too'
complete -c peer-find -l rules -d 'list the rules that findings name'
complete -c peer-find -l json -d 'print the result as JSON Lines'
complete -c peer-find -s q -l quiet -d 'print errors only, no notes'
complete -c peer-find -l no-progress -d 'draw no progress line'
complete -c peer-find -f
