# Completion of manifest-lint for fish.
# Written by `make generate` from the option tables.

complete -c manifest-lint -s c -l canonical -d 'print the canonical form of a manifest that lacks only order'
complete -c manifest-lint -s s -l sha256sums -d 'print lines for sha256sum -c'
complete -c manifest-lint -l sarif -d 'print the findings as one SARIF 2.1.0 document'
complete -c manifest-lint -l files-from -r -F -d 'take manifests\' names from FILE, one a line; - is standard input'
complete -c manifest-lint -s 0 -l null -d 'names in --files-from end in NUL'
complete -c manifest-lint -l threads -x -d 'work with N threads (default: one a processor)'
complete -c manifest-lint -l help -d 'show this help'
complete -c manifest-lint -l version -d 'show the version'
complete -c manifest-lint -l verbose -d 'with --version: libraries and sandbox too'
complete -c manifest-lint -l rules -d 'list the rules that findings name'
complete -c manifest-lint -l json -d 'print the result as JSON Lines'
complete -c manifest-lint -s q -l quiet -d 'print errors only, no notes'
complete -c manifest-lint -l no-progress -d 'draw no progress line'
