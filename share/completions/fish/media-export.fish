# Completion of media-export for fish.
# Written by `make generate` from the option tables.

complete -c media-export -s c -l capacity -x -d 'spread it over DIR/1, DIR/2 ..., none larger than SIZE (4GB, 3.5GiB)'
complete -c media-export -l chunkset -d 'every artifact as a set of chunks, whatever the medium can hold'
complete -c media-export -l file-limit -x -d 'larger artifacts as sets of chunks (default: what DIR\'s file system says)'
complete -c media-export -s t -l tools -x -a '(__fish_complete_directories)' -d 'static binaries to put beside the models'
complete -c media-export -l keyring -x -a '(__fish_complete_directories)' -d 'the keyring (default: MINIMODEL_KEYRING)'
complete -c media-export -l follow-links -d 'symbolic links in the sources may lead anywhere'
complete -c media-export -s f -l force -d 'write media again that are complete; what else they had goes'
complete -c media-export -l files-from -r -F -d 'take names of manifests from FILE, one a line; - is standard input'
complete -c media-export -s 0 -l null -d 'names in --files-from end in NUL'
complete -c media-export -l help -d 'show this help'
complete -c media-export -l version -d 'show the version'
complete -c media-export -l verbose -d 'with --version: libraries and sandbox too'
complete -c media-export -l rules -d 'list the rules that findings name'
complete -c media-export -l json -d 'print the result as JSON Lines'
complete -c media-export -s q -l quiet -d 'print errors only, no notes'
complete -c media-export -l no-progress -d 'draw no progress line'
