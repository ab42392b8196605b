# Completion of key-make for fish.
# Written by `make generate` from the option tables.

complete -c key-make -s o -l output -x -a '(__fish_complete_directories)' -d 'the folder for the files, instead of the present one'
complete -c key-make -l no-password -d 'make a key that whoever has the file can use'
complete -c key-make -l public-of -r -F -d 'make no key, write the other files of this one again'
complete -c key-make -l succeed -r -F -d 'also sign the key as the one that follows this secret key'
complete -c key-make -l password-fd -x -d 'read passwords from descriptor N, one a line'
complete -c key-make -l password-file -r -F -d 'read passwords from FILE, which nobody else can read'
complete -c key-make -l force -d 'replace existing files, secret keys too'
complete -c key-make -l help -d 'show this help'
complete -c key-make -l version -d 'show the version'
complete -c key-make -l verbose -d 'with --version: libraries and sandbox too'
complete -c key-make -l rules -d 'list the rules that findings name'
complete -c key-make -l json -d 'print the result as JSON Lines'
complete -c key-make -s q -l quiet -d 'print errors only, no notes'
complete -c key-make -l no-progress -d 'draw no progress line'
complete -c key-make -f
