#!/usr/bin/env python3
"""Prints completions for a shell from what the commands' --help says, which is their option tables.

usage: completions.py bash|zsh|fish BIN COMMAND...     fish loads a file for each command: one COMMAND
"""
import re
import subprocess
import sys

# What the words for arguments and operands stand for; the others are values that nobody can complete.
FILES = {"BUNDLE", "CATALOG", "CHUNKSET", "FILE", "HEAD", "LIST", "MANIFEST", "OLDHEAD", "OLDKEY", "OUT", "PATH", "PROOF",
         "REPORT", "SECRETKEY", "SOURCE"}
FILE_OPERANDS = FILES | {"A", "B", "TARGET"}
FOLDERS = {"DIR", "ROOT"}
MODELS = {"MODEL", "MODEL-ID"}
LIST_MODELS = "slm-list 2>/dev/null | cut -d@ -f1 | sort -u"
WRITTEN = "# Written by `make generate` from the option tables."


def kind_of(word, files):
    """file, folder, model or value, for FILE, DIR, MODEL-ID[@REVISION], N"""
    names = set(re.findall(r"[A-Z]+(?:-[A-Z]+)*", re.sub(r"\[@[A-Z]+\]", "", word)))
    for kind, words in (("model", MODELS), ("file", files), ("folder", FOLDERS)):
        if names & words:
            return kind
    return "value"


class Option:
    def __init__(self, line):
        # the columns of print_option in cmd/cli.c; a name of more than 28 characters pushes its help to the right
        fits = line[6:34].rstrip() if len(line) > 34 and line[34] == " " else None
        match = re.fullmatch(r"  (?:-(.), |    )--([a-z0-9-]+)(?: (\S+))?", line[:6] + fits) if fits else \
            re.fullmatch(r"  (?:-(.), |    )--([a-z0-9-]+)(?: ([A-Z]\S*))? (.*)", line)
        if not match:
            sys.exit(f"expected an option as --help prints it, found: {line}")
        self.letter, self.name, self.argument = match[1], match[2], match[3]
        self.help = line[35:] if fits else match[4]
        self.kind = kind_of(self.argument, FILES) if self.argument else None
        self.again = "may be given again" in self.help

    def names(self):
        return ([f"-{self.letter}"] if self.letter else []) + [f"--{self.name}"]


class Command:
    def __init__(self, folder, name):
        self.name = name
        text = subprocess.run([f"{folder}/{name}", "--help"], check=True, capture_output=True, text=True).stdout
        usage = text.split("\n", 1)[0].removeprefix(f"usage: {name} [OPTION]...").strip()
        self.options = [Option(line) for line in text.split("\n") if line.startswith(("  -", "      --"))]
        # key-trust's operands begin with a word that says what to do
        self.words = [part.split()[0] for part in usage.split(" | ") if re.match(r"[a-z]+\b", part)]
        kinds = [kind_of(word, FILE_OPERANDS) for word in usage.split()]
        self.runs = " -- " in usage  # another program stands behind --
        self.operands = ("model" if "model" in kinds[:1] else "file" if {"file", "folder"} & set(kinds) else "value")


# ---- bash ----

BASH_RULES = r"""
    # "--name value", "--name=value" (bash splits it at the =), "-n value", "-qn value"
    if [[ $current == '=' ]]; then
        current=''
    elif [[ $before == '=' ]]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $before == -[!-]* ]]; then
        before=-${before: -1}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
        --) ended=yes ;;
        [a-z]*) [[ " $words " == *" ${COMP_WORDS[i]} "* ]] && words='' ;;
        esac
    done
    kind=$operands
    [[ $ended && $runs ]] && kind=file
    if [[ ! $ended ]]; then
        for i in $takes; do
            if [[ ${i%:*} == "$before" ]]; then
                kind=${i##*:} words=''
                ended=yes
            fi
        done
    fi
    if [[ ! $ended && $current == -* ]]; then
        compopt +o default 2>/dev/null
        COMPREPLY=($(compgen -W "$options" -- "$current"))
        return
    fi
    if [[ $words ]]; then
        compopt +o default 2>/dev/null
        COMPREPLY=($(compgen -W "$words" -- "$current"))
        return
    fi
    case $kind in
    file) ;; # as bash completes names of files
    folder) compopt +o default -o dirnames 2>/dev/null ;;
    model)
        compopt +o default 2>/dev/null
        while IFS= read -r i; do
            [[ $i == "$current"* ]] && COMPREPLY+=("$i")
        done < <(LIST_MODELS)
        ;;
    *) compopt +o default 2>/dev/null ;;
    esac
}
"""


def bash(commands):
    lines = ["# Completion of the MiniModel tools for bash.", WRITTEN, "", "_minimodel() {",
             "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}",
             "    local options='' takes='' operands='' words='' runs='' ended='' kind i", "    COMPREPLY=()",
             "    case ${COMP_WORDS[0]##*/} in"]
    for command in commands:
        lines.append(f"    {command.name})")
        names = [name for option in command.options for name in option.names()]
        takes = [f"{name}:{option.kind}" for option in command.options if option.kind for name in option.names()]
        lines.append(f"        options='{' '.join(names)}'")
        if takes:
            lines.append(f"        takes='{' '.join(takes)}'")
        lines.append(f"        operands='{command.operands}'")
        if command.words:
            lines.append(f"        words='{' '.join(command.words)}'")
        if command.runs:
            lines.append("        runs=yes")
        lines.append("        ;;")
    lines.append("    esac")
    text = "\n".join(lines) + BASH_RULES.replace("LIST_MODELS", LIST_MODELS)
    return text + f"\ncomplete -o default -F _minimodel {' '.join(command.name for command in commands)}\n"


# ---- zsh ----

def zsh_quoted(text):
    return re.sub(r"([\[\]:\\])", r"\\\1", text).replace("'", "'\\''")


def zsh_action(kind, word):
    action = {"file": "_files", "folder": "_files -/", "model": "_minimodel_models"}.get(kind, " ")
    return f":{zsh_quoted(word)}:{action}"


def zsh_option(option):
    names = option.names()
    help_text = f"[{zsh_quoted(option.help)}]" + (zsh_action(option.kind, option.argument) if option.kind else "")
    if len(names) == 1:
        return f"'{'*' if option.again else ''}{names[0]}{help_text}'"
    alone = "'*'" if option.again else f"'({' '.join(names)})'"
    return f"{alone}{{{','.join(names)}}}'{help_text}'"


# behind --, what that program completes
ZSH_PROGRAM = ["    local behind=${words[(i)--]}", "    if (( behind < CURRENT )); then", "        shift $behind words",
               "        (( CURRENT -= behind ))", "        _normal", "        return", "    fi"]


def zsh(commands):
    lines = ["#compdef " + " ".join(command.name for command in commands), "# Completion of the MiniModel tools for zsh.",
             WRITTEN, "", "(( $+functions[_minimodel_models] )) || _minimodel_models() {", "    local -a models",
             f'    models=(${{(f)"$({LIST_MODELS})"}})', "    _wanted models expl model compadd -a models", "}", "",
             "case $service in"]
    for command in commands:
        lines.append(f"{command.name})")
        lines += ZSH_PROGRAM if command.runs else []
        lines.append("    _arguments -s -S \\")
        specs = [zsh_option(option) for option in command.options]
        if command.words:
            specs += [f"'1:what to do:({' '.join(command.words)})'", "'*:operand:_files'"]
        elif command.operands != "value":
            specs.append(f"'*{zsh_action(command.operands, command.operands)}'")
        lines += [f"        {spec} \\" for spec in specs[:-1]] + [f"        {specs[-1]}", "    ;;"]
    return "\n".join(lines + ["esac", ""])


# ---- fish ----

def fish_quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish(commands):
    [command] = commands
    takes = {None: "", "file": " -r -F", "value": " -x", "folder": " -x -a '(__fish_complete_directories)'",
             "model": f" -x -a '({LIST_MODELS})'"}
    lines = [f"# Completion of {command.name} for fish.", WRITTEN, ""]
    for option in command.options:
        letter = f" -s {option.letter}" if option.letter else ""
        lines.append(f"complete -c {command.name}{letter} -l {option.name}{takes[option.kind]} -d {fish_quoted(option.help)}")
    if command.words:
        lines.append(f"complete -c {command.name} -n __fish_use_subcommand -f -a '{' '.join(command.words)}'")
    elif command.operands == "model":
        where = " -n 'not contains -- -- (commandline -opc)'" if command.runs else ""
        lines.append(f"complete -c {command.name}{where} -f -a '({LIST_MODELS})'")
    elif command.operands == "value":
        lines.append(f"complete -c {command.name} -f")
    return "\n".join(lines + [""])


def main():
    if len(sys.argv) < 4 or sys.argv[1] not in ("bash", "zsh", "fish"):
        sys.exit(__doc__)
    commands = [Command(sys.argv[2], name) for name in sys.argv[3:]]
    sys.stdout.write({"bash": bash, "zsh": zsh, "fish": fish}[sys.argv[1]](commands))


main()
