# Completion of slm-repair for fish.
# Written by `make generate` from the option tables.

complete -c slm-repair -s f -l from -r -F -d 'a second copy: a file, a folder of files or chunk sets, a manifest\'s; may be given again'
complete -c slm-repair -l root -x -a '(__fish_complete_directories)' -d 'the files of a manifest are beneath DIR (default: the manifest\'s folder)'
complete -c slm-repair -l only -r -F -d 'mend this artifact of a manifest alone; may be given again'
complete -c slm-repair -s l -l list -r -F -d 'the chunk list of the one file to mend (default: TARGET.chunks, TARGET.chunks.gz)'
complete -c slm-repair -l ranges -r -F -d 'bad ranges, for a start: chunks that are not named are looked at in the end alone'
complete -c slm-repair -s b -l bad-ranges -r -F -d 'write chunks that are wrong still to FILE'
complete -c slm-repair -s o -l output -r -F -d 'leave the one file to mend as it is and write the whole one to OUT'
complete -c slm-repair -s L -l follow-links -d 'follow symbolic links that lead out of ROOT or a source'
complete -c slm-repair -l force -d 'replace a file of which no chunk is known to be right, an existing OUT, an existing bad-ranges FILE'
complete -c slm-repair -l help -d 'show this help'
complete -c slm-repair -l version -d 'show the version'
complete -c slm-repair -l verbose -d 'with --version: libraries and sandbox too'
complete -c slm-repair -l rules -d 'list the rules that findings name'
complete -c slm-repair -l json -d 'print the result as JSON Lines'
complete -c slm-repair -s q -l quiet -d 'print errors only, no notes'
complete -c slm-repair -l no-progress -d 'draw no progress line'
