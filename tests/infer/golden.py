#!/usr/bin/env python3
"""Holds an engine against answers that others recorded: golden.py ANSWERS.json COMMAND... (a call of tests/infer/logits, model included).

Greedy tokens are those of the float64 model as long as its margins exceed 1e-3; each listed logit, and all logits where they are listed, lie within 1e-3 of it;
so does the likelihood of each token of a given text. With --fast as first argument: the marks for activations of 8 bits.
Prints what was found wrong, a line each, then one line of figures."""
import json
import math
import subprocess
import sys

LOGIT_ERROR = 1e-3
MARGIN = 1e-3


def ask(command, lines):
    done = subprocess.run(command, input="".join(line + "\n" for line in lines), stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{command}: exit {done.returncode}: {done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines()]


def likelihood(row, token):
    most = max(row)
    return row[token] - most - math.log(math.fsum(math.exp(x - most) for x in row))


def numbers(tokens):
    return " ".join(str(token) for token in tokens)


class Checks:
    def __init__(self):
        self.wrong, self.worst, self.logits, self.tokens = [], 0.0, 0, 0

    def near(self, what, found, expected, limit=LOGIT_ERROR):
        self.logits += 1
        self.worst = max(self.worst, abs(found - expected))
        if not abs(found - expected) <= limit:
            self.wrong.append(f"{what}: expected {expected}, found {found}")

    def greedy(self, case, answer):
        expected, margins = case["tokens_ref64"], case["ref64_margins"]
        sure = next((i for i, margin in enumerate(margins) if margin <= MARGIN), len(expected))
        self.tokens += sure
        if answer["tokens"][:sure] != expected[:sure]:
            at = next(i for i in range(sure) if answer["tokens"][i:i + 1] != expected[i:i + 1])
            self.wrong.append(f"prompt {case['prompt']!r}: token {at}: expected {expected[at]}, found {answer['tokens'][at:at + 1]}")
        elif sure == len(expected) and case["stop_ref64"] == "length" and len(answer["tokens"]) != sure:
            self.wrong.append(f"prompt {case['prompt']!r}: expected {sure} tokens, found {len(answer['tokens'])}")
        history = 0
        for i, step in enumerate(case["steps"]):
            if answer["tokens"][:i] != expected[:i]:
                break
            history += 1
            for token, value in step["ref64_top5"]:
                self.near(f"prompt {case['prompt']!r}: step {i}: logit {token}", answer["logits"][i][token], value)


def forced_rows(golden, command):
    return ask(command, ["forced " + numbers(golden["teacher_forced"]["tokens"])])[0]["logits"]


def main():
    fast = sys.argv[1] == "--fast"
    path, command = sys.argv[1 + fast], sys.argv[2 + fast:]
    with open(path, encoding="utf-8") as file:
        golden = json.load(file)
    forced, checks = golden["teacher_forced"], Checks()
    rows = forced_rows(golden, command)
    found = [likelihood(row, token) for row, token in zip(rows, forced["tokens"][1:])]
    mean = -math.fsum(found) / len(found)
    argmax = [row.index(max(row)) for row in rows]
    agree = sum(a == b for a, b in zip(argmax, forced["argmax_ref64"]))
    if fast:
        checks.near("mean likelihood", mean, forced["mean_nll_ref64"], 0.015)
        if agree < 0.96 * len(argmax):
            checks.wrong.append(f"expected the same first token at 96 % of the positions, found {agree} of {len(argmax)}")
        figures = f"mean {mean:.6f} for {forced['mean_nll_ref64']:.6f}, {agree} of {len(argmax)} first tokens"
    else:
        cases = golden["cases"]
        asked = [f"greedy {golden['conventions']['n_total'] - len(c['prompt_tokens'])} {numbers(c['prompt_tokens'])}" for c in cases]
        answers = ask(command, asked)
        for case, answer in zip(cases, answers):
            checks.greedy(case, answer)
        full = golden["full_logits"]
        case = cases[full["case"]]
        tokens = (case["prompt_tokens"] + case["tokens_ref64"])[:full["pos"] + 1]
        row = ask(command, ["forced " + numbers(tokens)])[0]["logits"][full["pos"]]
        for i, value in enumerate(full["ref64"]):
            checks.near(f"full logits: {i}", row[i], value)
        for i, (value, expected) in enumerate(zip(found, forced["logprobs_ref64"])):
            checks.near(f"likelihood of token {i + 1}", value, expected)
        checks.near("mean likelihood", mean, forced["mean_nll_ref64"], 1e-4)
        figures = f"{checks.tokens} tokens, {checks.logits} numbers, largest distance {checks.worst:.2e}"
    for line in checks.wrong[:20]:
        print("# " + line)
    print(("no: " if checks.wrong else "yes: ") + figures)
    return 1 if checks.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
