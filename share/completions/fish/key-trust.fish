# Completion of key-trust for fish.
# Written by `make generate` from the option tables.

complete -c key-trust -l fingerprint -x -d 'add: trust the key if it has this fingerprint, without asking'
complete -c key-trust -l keyring -x -a '(__fish_complete_directories)' -d 'the keyring (default: MINIMODEL_KEYRING)'
complete -c key-trust -l reason -x -d 'revoke KEYID: why; \'compromised...\' takes earlier imports along'
complete -c key-trust -l time -x -d 'revoke KEYID: since when, YYYY-MM-DDTHH:MM:SSZ (default: now)'
complete -c key-trust -l trust-on-first-use -d 'add: trust the key unseen if the publisher has none here'
complete -c key-trust -l help -d 'show this help'
complete -c key-trust -l version -d 'show the version'
complete -c key-trust -l verbose -d 'with --version: libraries and sandbox too'
complete -c key-trust -l rules -d 'list the rules that findings name'
complete -c key-trust -l json -d 'print the result as JSON Lines'
complete -c key-trust -s q -l quiet -d 'print errors only, no notes'
complete -c key-trust -l no-progress -d 'draw no progress line'
complete -c key-trust -n __fish_use_subcommand -f -a 'add list remove revoke check'
