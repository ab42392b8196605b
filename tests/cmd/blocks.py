"""Takes a page's fenced blocks apart.

    blocks.py save PAGE FOLDER      blocks that begin with #!/bin/sh, each under the name in `...`: above it
    blocks.py sh PAGE               the other blocks of shell, one after the other
    blocks.py yaml PAGE NUMBER      the block of YAML of that number, from 1
    blocks.py run PAGE NUMBER KEY   what a host runs of it: the commands behind "run:", or in the list behind KEY
"""
import os
import re
import sys


def blocks(page):
    text = open(page, encoding="utf-8").read()
    return [(above.strip().split("\n")[-1], language, body)
            for above, language, body in re.findall(r"((?:.*\n)*?)```([a-z]+)\n((?:.*\n)*?)```\n", text)]


def commands(yaml, key):
    found, lines = [], yaml.split("\n")
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        match = re.fullmatch(rf" *{key}: *(.*)", line)
        if not match:
            continue
        if match[1] and match[1] != "|":
            found.append(match[1])
            continue
        for below in lines[number + 1:]:
            if not below.startswith(" " * (indent + 2)):
                break
            found.append(below.strip().removeprefix("- "))
    return found


def main():
    what, page = sys.argv[1:3]
    if what == "save":
        for above, language, body in blocks(page):
            if language == "sh" and body.startswith("#!/bin/sh"):
                name = os.path.join(sys.argv[3], re.fullmatch(r"`([\w/.-]+)`:", above)[1])
                os.makedirs(os.path.dirname(name), exist_ok=True)
                with open(name, "w") as out:
                    out.write(body)
                print(name)
        return
    if what == "sh":
        print("".join(body for _, language, body in blocks(page) if language == "sh" and not body.startswith("#!")), end="")
        return
    yaml = [body for _, language, body in blocks(page) if language == "yaml"][int(sys.argv[3]) - 1]
    print(yaml if what == "yaml" else "\n".join(commands(yaml, sys.argv[4])), end="" if what == "yaml" else "\n")


main()
