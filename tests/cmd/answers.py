#!/usr/bin/env python3
"""What tests of infer-check change and make.

  answers.py weight MODEL TENSOR INDEX VALUE    sets an element of an f16 tensor; VALUE may be nan
  answers.py golden GOLDEN SHA256               prints evidence of the answers that another engine recorded
  answers.py edit EVIDENCE KEY FROM TO          replaces FROM by TO in the first line with KEY where it stands
"""

import json
import struct
import subprocess
import sys


def weight(model, tensor, index, value):
    lines = subprocess.run(["slm-info", "-q", "--json", "--tensors", model], check=True, capture_output=True, text=True).stdout
    tensors = list(map(json.loads, lines.splitlines()))
    place = next(line for line in tensors if line["name"] == tensor)
    assert place["dtype"] == "f16", place
    data = max(line["offset"] + line["bytes"] for line in tensors)
    with open(model, "r+b") as file:
        start = (file.seek(0, 2) - data) // 32 * 32  # offsets count from the data section
        file.seek(start + place["offset"] + 2 * int(index))
        file.write(struct.pack("<e", float(value)))


def real(value):
    """The first of %.6g to %.9g that reads back as the same f32."""
    value = struct.unpack("<f", struct.pack("<f", value))[0]
    for digits in range(6, 10):
        text = f"{value:.{digits}g}"
        if struct.unpack("<f", struct.pack("<f", float(text)))[0] == value:
            return text
    raise ValueError(value)


def golden(path, sha256):
    with open(path, encoding="utf-8") as file:
        recorded = json.load(file)
    print(f"minimodel-evidence 0\nmodel-id: local/golden\nartifact-sha256: {sha256}\nengine: numpy 64\ndevice: cpu float64")
    for number, case in enumerate(recorded["cases"]):
        tokens, margins = case["tokens_ref64"], case["ref64_margins"]
        sure = next((i for i, margin in enumerate(margins) if margin <= 1e-3), len(tokens))
        tokens = tokens[:min(sure, len(tokens))]
        print(f"case: case-{number}\nprompt: {json.dumps(case['prompt'])}")
        print("prompt-tokens:", *case["prompt_tokens"])
        print("tokens:", *tokens)
        print('text: ""')
        for step, found in enumerate(case["steps"][:len(tokens)]):
            print(f"top-logits: {step}", *[f"{token}={real(value)}" for token, value in found["ref64_top5"]])
    print("verdict: recorded")


def edit(path, key, old, new):
    with open(path, encoding="utf-8") as file:
        lines = file.read().split("\n")
    for number, line in enumerate(lines):
        if line.startswith(key + ": ") and old in line:
            lines[number] = line.replace(old, new, 1)
            break
    else:
        sys.exit(f"no line {key} with {old}")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines))


if __name__ == "__main__":
    {"weight": weight, "golden": golden, "edit": edit}[sys.argv[1]](*sys.argv[2:])
