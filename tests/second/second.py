"""A second implementation of the project's formats: the command line. See README.md."""

import argparse
import sys

import chunks
import content
import generate
import manifest
import slm
import slm_generate
from common import CannotTell, Finding, exit_code, open_regular
from layout import layout_lines


def read_all(path, limit):
    with open_regular(path) as file:
        return file.read(limit + 1)


def print_findings(name, findings):
    for finding in findings:
        print(finding.text(name), file=sys.stderr)


def report(name, findings, lines):
    """Prints the result when it is a good one; the exit code."""
    print_findings(name, findings)
    code = exit_code(findings)
    if code == 0:
        sys.stdout.buffer.write(b"".join(lines))
    return code


def encode(lines):
    return [line.encode() + b"\n" for line in lines]


def do_info(args):
    facts, findings = content.examine(args.file)
    return report(args.file, findings, encode(facts.lines() if facts else []))


def do_tensors(args):
    facts, findings = content.examine(args.file)
    return report(args.file, findings, layout_lines(facts.tensors or []) if facts else [])


def do_slm_dump(args):
    file = slm.Slm(content.map_file(args.file))
    findings = file.read()
    return report(args.file, findings, encode(file.dump_lines()) if exit_code(findings) == 0 else [])


def do_chunks(args):
    return report(args.file, [], encode(chunks.Chunked(args.file, args.size).manifest_lines()))


def do_list(args):
    return report(args.file, [], encode(chunks.Chunked(args.file, args.size).list_lines()))


def do_prove(args):
    chunked = chunks.Chunked(args.file, args.size)
    if not 0 <= args.index < len(chunked.hashes):
        finding = Finding("@0", f"no chunk {args.index}", "chunk-index")
        return report(args.file, [finding], [])
    return report(args.file, [], encode(chunked.proof_lines(args.index)))


def do_check_proof(args):
    return report(args.file, chunks.check_proof(read_all(args.file, chunks.MAX_DOCUMENT)), [])


def do_lint(args):
    codes = [report(name, manifest.lint(read_all(name, manifest.MAX_BYTES)), [])
             for name in args.files]
    return 1 if 1 in codes else max(codes)


def do_generate_valid(args):
    generate.write_valid(args.seed, args.count, args.folder)
    return 0


def do_generate_broken(args):
    generate.write_broken(args.seed, args.count, args.folder)
    return 0


def do_generate_slm(args):
    slm_generate.write_valid(args.seed, args.count, args.folder)
    return 0


def do_generate_broken_slm(args):
    slm_generate.write_broken(args.seed, args.count, args.folder)
    return 0


def chunk_size(text):
    if manifest.chunk_size_fault(text):
        raise argparse.ArgumentTypeError("a power of two from 65536 to 67108864")
    return int(text)


def command_line():
    parser = argparse.ArgumentParser(prog="second.py")
    commands = parser.add_subparsers(required=True)

    def command(name, run, *operands, sized=False):
        sub = commands.add_parser(name)
        sub.set_defaults(run=run)
        if sized:
            sub.add_argument("-s", dest="size", type=chunk_size, default=1048576)
        for operand, kind in operands:
            sub.add_argument(operand, type=kind)
        return sub

    command("info", do_info, ("file", str))
    command("tensors", do_tensors, ("file", str))
    command("slm-dump", do_slm_dump, ("file", str))
    command("chunks", do_chunks, ("file", str), sized=True)
    command("list", do_list, ("file", str), sized=True)
    command("prove", do_prove, ("index", int), ("file", str), sized=True)
    command("check-proof", do_check_proof, ("file", str))
    command("lint", do_lint).add_argument("files", nargs="+")
    for name, run in (("generate-valid", do_generate_valid),
                      ("generate-broken", do_generate_broken),
                      ("generate-slm", do_generate_slm),
                      ("generate-broken-slm", do_generate_broken_slm)):
        command(name, run, ("seed", str), ("count", int), ("folder", str))
    return parser


def main():
    args = command_line().parse_args()
    try:
        return args.run(args)
    except (CannotTell, OSError) as error:
        print(f"second.py: error: {error}", file=sys.stderr)
        return 3


if __name__ == "__main__":
    sys.exit(main())
