# Completion of slm-remove for fish.
# Written by `make generate` from the option tables.

complete -c slm-remove -s a -l all -d 'remove every revision of a MODEL-ID that names none'
complete -c slm-remove -l force -d 'remove a model of whose import there is no receipt'
complete -c slm-remove -l home -x -a '(__fish_complete_directories)' -d 'the store (default: MINIMODEL_HOME)'
complete -c slm-remove -l password-fd -x -d 'read the secret key\'s password from the open file N'
complete -c slm-remove -l password-file -r -F -d 'read it from FILE, which is the user\'s own and mode 0600'
complete -c slm-remove -s s -l secret-key -r -F -d 'sign the receipt with this key'
complete -c slm-remove -l help -d 'show this help'
complete -c slm-remove -l version -d 'show the version'
complete -c slm-remove -l verbose -d 'with --version: libraries and sandbox too'
complete -c slm-remove -l rules -d 'list the rules that findings name'
complete -c slm-remove -l json -d 'print the result as JSON Lines'
complete -c slm-remove -s q -l quiet -d 'print errors only, no notes'
complete -c slm-remove -l no-progress -d 'draw no progress line'
complete -c slm-remove -f -a '(slm-list 2>/dev/null | cut -d@ -f1 | sort -u)'
