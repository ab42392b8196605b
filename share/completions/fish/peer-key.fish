# Completion of peer-key for fish.
# Written by `make generate` from the option tables.

complete -c peer-key -l show -d 'make no key, print the peer id of the one in FILE'
complete -c peer-key -l password -d 'put the new key under a password, which whoever serves with it has to give'
complete -c peer-key -l password-fd -x -d 'read the password from the open file N'
complete -c peer-key -l password-file -r -F -d 'read it from FILE, which is the user\'s own and mode 0600'
complete -c peer-key -l force -d 'replace an existing key'
complete -c peer-key -l help -d 'show this help'
complete -c peer-key -l version -d 'show the version'
complete -c peer-key -l verbose -d 'with --version: libraries and sandbox too'
complete -c peer-key -l rules -d 'list the rules that findings name'
complete -c peer-key -l json -d 'print the result as JSON Lines'
complete -c peer-key -s q -l quiet -d 'print errors only, no notes'
complete -c peer-key -l no-progress -d 'draw no progress line'
