"""slm_damage.py COMMAND STEP DTYPE KIND: changes every STEPth byte of a small .slm in turn, lets COMMAND (slm-info) read it, and
prints one line for each answer that is not what it has to be: another exit code, or a finding that names the wrong place."""

import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../scripts"))
import slm_file


def place_of(model, data, at):
    """What has to stand in the one line of errors if byte AT was changed."""
    if at < 8:
        return [":@0: error:" if at < 4 else ":@4: error:", "magic", "[slm-magic]"]
    if at < 12:
        return [":@8: error:", "header", "[slm-version-unsupported]"]
    if at < slm_file.HEADER:
        return ["header", "[slm-header]"]
    spans = slm_file.spans_of(data)
    for name, (start, size) in zip(slm_file.SECTIONS[:3], spans):
        if start <= at < start + size:
            return [f":@{start}: error:", f"the {name} section", "[slm-section]"]
    for name in model.tensors:
        start = model.at[name + ":data"]
        if start <= at < start + model.size(name):
            return [f":@{start}: error:", f"'{name}'", "[slm-tensor]"]
    return [f":@{at}: error:", "padding", "[data-padding]"]


def main():
    command, step, dtype, kind = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    number = next(n for n, (name, _, _) in slm_file.DTYPES.items() if name == dtype)
    model = slm_file.Slm(dtype=number)
    if kind == "gpt2":
        model.gpt2()
    data = model.file()
    # every field of the header, and one byte of everything else that has a place of its own
    wanted = set(range(0, len(data), step)) | set(range(0, slm_file.HEADER, 4)) | {0, 3, 4, 7, 8, 11, len(data) - 1}
    wanted |= {at for at in model.at.values() if at < len(data)}
    wanted |= {start - 1 for start, _ in slm_file.spans_of(data)[1:]}
    for i, at in enumerate(sorted(wanted)):
        changed = bytearray(data)
        changed[at] ^= (0xFF, 1, 0x80, 0x20)[i % 4]
        with open("damaged.slm", "wb") as out:
            out.write(changed)
        done = subprocess.run([command, "damaged.slm"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace", check=False)
        errors = [line for line in done.stderr.splitlines() if " error: " in line]
        place = place_of(model, data, at)
        status = 3 if 8 <= at < 12 else 1
        if done.returncode != status or len(errors) != 1 or done.stdout or not all(part in errors[0] for part in place):
            print(f"byte {at}: expected exit {status} and {place}, found exit {done.returncode} and {done.stderr!r}")
    print(f"{len(wanted)} of {len(data)} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
