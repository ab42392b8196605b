# Completion of slm-check for fish.
# Written by `make generate` from the option tables.

complete -c slm-check -l quick -d 'leave out whole-file hashes; chunk hashes and roots stay'
complete -c slm-check -l keyring -x -a '(__fish_complete_directories)' -d 'the keyring (default: MINIMODEL_KEYRING)'
complete -c slm-check -s a -l anchor -r -F -d 'the chain of receipts has to hold the head of this signed anchor'
complete -c slm-check -l expect-head -x -d 'the chain of receipts has to hold the one with this SHA-256'
complete -c slm-check -s p -l public-key -r -F -d 'a key that anchor and receipts have to be signed with; may be given again'
complete -c slm-check -l home -x -a '(__fish_complete_directories)' -d 'the store (default: MINIMODEL_HOME)'
complete -c slm-check -l threads -x -d 'work with N threads (default: one a processor)'
complete -c slm-check -l help -d 'show this help'
complete -c slm-check -l version -d 'show the version'
complete -c slm-check -l verbose -d 'with --version: libraries and sandbox too'
complete -c slm-check -l rules -d 'list the rules that findings name'
complete -c slm-check -l json -d 'print the result as JSON Lines'
complete -c slm-check -s q -l quiet -d 'print errors only, no notes'
complete -c slm-check -l no-progress -d 'draw no progress line'
complete -c slm-check -f -a '(slm-list 2>/dev/null | cut -d@ -f1 | sort -u)'
