# The shells' completions: options with what they take, operands, models of the store. Each shell is asked itself.
. "$(dirname "$0")/harness.sh"
share=$ROOT/share/completions
mkdir -p tree/folder && : >tree/file && : >tree/folder/in && mkdir 'tree/odd $(touch hit)'
MINIMODEL_HOME=$WORK/home
export MINIMODEL_HOME
mkdir model && cp "$MODEL" model/ && manifest-make -q -p --model-id local/keeper model >model/m.manifest 2>/dev/null
slm-import -q --allow-unsigned model >/dev/null 2>&1

# ---- every command, every option ----

for command in "$BIN"/*; do
    command=$(basename "$command")
    $command --help | sed -n 's/^  \(-.\), \(--[a-z0-9-]*\).*/\1 \2/p; s/^      \(--[a-z0-9-]*\).*/\1/p' | tr ' ' '\n' | sort -u >wanted
    sed -n "/^    $command)/,/^        ;;/s/^        options='\(.*\)'/\1/p" "$share/bash/minimodel" | tr ' ' '\n' | sort -u >bash-options
    same "bash knows the options of $command" "$(cat wanted)" "$(cat bash-options)"
    sed -n "/^$command)/,/^    ;;/p" "$share/zsh/_minimodel" |
        sed -n "s/.*{\(-.\),\(--[a-z0-9-]*\)}.*/\1 \2/p; s/^        '\**\(--[a-z0-9-]*\)\[.*/\1/p" | tr ' ' '\n' | sort -u >zsh-options
    same "zsh knows the options of $command" "$(cat wanted)" "$(cat zsh-options)"
    sed -n 's/^complete -c [a-z-]* -s \(.\) -l \([a-z0-9-]*\).*/-\1 --\2/p; s/^complete -c [a-z-]* -l \([a-z0-9-]*\).*/--\1/p' "$share/fish/$command.fish" |
        tr ' ' '\n' | sort -u >fish-options
    same "fish knows the options of $command" "$(cat wanted)" "$(cat fish-options)"
done

# ---- bash ----

# in_bash WORD...: what bash offers where the last word is being typed, and how it goes on where nothing is offered
in_bash() {
    bash --norc --noprofile -c '
        source "$1" && shift
        compopt() { printf "compopt %s\n" "$*"; }
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _minimodel
        [ ${#COMPREPLY[@]} = 0 ] || printf "%s\n" "${COMPREPLY[@]}"' bash "$share/bash/minimodel" "$@" 2>&1
}
if need 'completion in bash' bash; then
    run bash -n "$share/bash/minimodel"
    expect 'the bash completion is sound bash' 0
    same 'an option' --sarif "$(in_bash manifest-lint --sa | grep -v compopt)"
    same 'options' "$(printf '%s\n' --follow-links --force --from)" "$(in_bash manifest-make --private --f | grep -v compopt | grep -v files | sort)"
    same 'no option of another command' '' "$(in_bash slm-list --sarif | grep -v compopt)"
    same 'a path to the command' --sarif "$(in_bash /usr/bin/manifest-lint --sa | grep -v compopt)"
    same 'files behind an option that takes one' '' "$(in_bash manifest-lint --files-from t)"
    same 'behind its letter' '' "$(in_bash manifest-sign -qs t)"
    same 'behind a = too' '' "$(in_bash manifest-lint --files-from = t)"
    same 'folders behind one that takes a folder' 'compopt +o default -o dirnames' "$(in_bash slm-list --home t)"
    same 'nothing behind one that takes a number' 'compopt +o default' "$(in_bash chunk-merkle --size 6)"
    same 'options are values behind one that takes a value' 'compopt +o default' "$(in_bash chunk-merkle --size --r)"
    same 'models of the store' "compopt +o default
local/keeper" "$(in_bash slm-path l)"
    same 'and no others' 'compopt +o default' "$(in_bash slm-path x)"
    same 'words' 'compopt +o default
remove
revoke' "$(in_bash key-trust re)"
    same 'which come once' '' "$(in_bash key-trust add re)"
    same 'a model to run' local/keeper "$(in_bash slm-exec l | grep -v compopt)"
    same 'and what stands behind -- is of another program' '' "$(in_bash slm-exec local/keeper -- l)"
    same 'no options behind --' '' "$(in_bash manifest-lint -- --sa)"
    if need 'bash on a terminal' python3; then
        # typed NAME TYPED EXPECTED
        typed() { same "$1" '' "$(cd tree && PATH=$BIN:$PATH python3 "$ROOT/tests/cmd/complete.py" bash "source '$share/bash/minimodel'" "$2" "$3")"; }
        typed 'on a terminal: an option' 'manifest-lint --sa' 'manifest-lint --sarif '
        typed 'on a terminal: a file' 'manifest-lint --sarif fi' 'manifest-lint --sarif file '
        typed 'on a terminal: an odd name' 'manifest-lint odd' "manifest-lint odd\\ \\\$\\(touch\\ hit\\)/"
        typed 'on a terminal: a folder' 'slm-list --home f' 'slm-list --home folder/'
        typed 'on a terminal: a model' 'slm-path lo' 'slm-path local/keeper '
        same 'nothing of it was run' '' "$(find . -name hit)"
    fi
fi

# ---- zsh ----

if need 'completion in zsh' zsh; then
    run zsh -f -n "$share/zsh/_minimodel"
    expect 'the zsh completion is sound zsh' 0
    if need 'zsh on a terminal' python3; then
        typed() {
            same "$1" '' "$(cd tree && PATH=$BIN:$PATH python3 "$ROOT/tests/cmd/complete.py" zsh \
                "fpath=('$share/zsh' \$fpath); autoload -Uz compinit; compinit -u -d '$WORK/zcompdump'" "$2" "$3")"
        }
        typed 'in zsh: an option' 'manifest-lint --sa' 'manifest-lint --sarif '
        typed 'in zsh: a file' 'manifest-lint --sarif fi' 'manifest-lint --sarif file '
        typed 'in zsh: a folder' 'slm-list --home f' 'slm-list --home folder/'
        typed 'in zsh: a model' 'slm-path lo' 'slm-path local/keeper '
        typed 'in zsh: a model to run' 'slm-exec lo' 'slm-exec local/keeper '
        typed 'in zsh: the program behind --' 'slm-exec local/keeper -- manifest-li' 'slm-exec local/keeper -- manifest-lint '
        typed 'in zsh: a word' 'key-trust rem' 'key-trust remove '
    fi
fi

# ---- fish ----

if need 'completion in fish' fish; then
    HOME=$WORK
    export HOME
    for file in "$share"/fish/*.fish; do
        run fish --no-execute "$file"
        expect "$(basename "$file") is sound fish" 0
    done
    # in_fish LINE: what fish offers at its end
    in_fish() { (cd tree && fish --no-config -c 'set fish_complete_path $argv[1]; complete -C "$argv[2]"' "$share/fish" "$1" | cut -f1); }
    same 'in fish: an option' --sarif "$(in_fish 'manifest-lint --sa')"
    same 'in fish: with its help' 1 "$(cd tree && fish --no-config -c 'set fish_complete_path $argv[1]; complete -C "manifest-lint --sa"' "$share/fish" | grep -c 'print the findings as one SARIF')"
    same 'in fish: a file' file "$(in_fish 'manifest-lint --files-from fil')"
    same 'in fish: a folder, and no file' folder/ "$(in_fish 'slm-list --home f')"
    same 'in fish: a value' '' "$(in_fish 'chunk-merkle --size f')"
    same 'in fish: a model' local/keeper "$(in_fish 'slm-path l')"
    same 'in fish: a file behind --' file "$(in_fish 'slm-exec local/keeper -- fil')"
    same 'in fish: words' 'remove
revoke' "$(in_fish 'key-trust re')"
fi
