# Completion of slm-exec for fish.
# Written by `make generate` from the option tables.

complete -c slm-exec -l memfd -d 'hand over copies in sealed memory, which nobody can write to'
complete -c slm-exec -s e -l env -x -d 'set NAME in the program\'s environment; placeholders count; may be given again'
complete -c slm-exec -s n -l dry-run -d 'verify, print what would be handed over, and start nothing'
complete -c slm-exec -l quick -d 'leave out whole-file hashes; chunk hashes and roots stay'
complete -c slm-exec -l require-signature -d 'an unsigned manifest is a failure, whoever publishes it'
complete -c slm-exec -l keyring -x -a '(__fish_complete_directories)' -d 'the keyring (default: MINIMODEL_KEYRING)'
complete -c slm-exec -l policy -r -F -d 'the model has to fulfil this policy too; may be given again'
complete -c slm-exec -l home -x -a '(__fish_complete_directories)' -d 'the store (default: MINIMODEL_HOME)'
complete -c slm-exec -l help -d 'show this help'
complete -c slm-exec -l version -d 'show the version'
complete -c slm-exec -l verbose -d 'with --version: libraries and sandbox too'
complete -c slm-exec -l rules -d 'list the rules that findings name'
complete -c slm-exec -l json -d 'print the result as JSON Lines'
complete -c slm-exec -s q -l quiet -d 'print errors only, no notes'
complete -c slm-exec -l no-progress -d 'draw no progress line'
complete -c slm-exec -n 'not contains -- -- (commandline -opc)' -f -a '(slm-list 2>/dev/null | cut -d@ -f1 | sort -u)'
