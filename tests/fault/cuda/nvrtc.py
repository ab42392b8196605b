"""Compiles kernels in CUDA C++ for the processor: nvrtc.py OPTION... reads the source, and writes what the stand-in for the driver loads, a shared object in hex behind a line that
names the architecture. What the options do not say is not so: without --fmad=false products and sums are contracted."""
import os, re, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
HALF = 'asm("cvt.f32.f16 %0, %1;" :'


def closing(text, at):
    """Where the parenthesis that opens at AT is closed."""
    depth = 0
    for i in range(at, len(text)):
        depth += {'(': 1, ')': -1}.get(text[i], 0)
        if depth == 0:
            return i
    sys.exit('expected a closing parenthesis, found the end')


def without_assembly(text):
    """The one instruction of PTX that is known, in words of C++."""
    while 'asm(' in text:
        at = text.index('asm(')
        if not text.startswith(HALF, at):
            sys.exit('expected cvt.f32.f16, found ' + text[at:at + 60])
        out = text.index('"=f"(', at) + 4
        value = text.index('"h"(', at) + 3
        text = '%s%s = standin_half%s%s' % (text[:at], text[out:closing(text, out) + 1], text[value:closing(text, value) + 1],
                                            text[closing(text, at + 3) + 1:])
    return text


def compiled(source, flags, folder):
    compiler = os.environ.get('CXX', 'c++')
    text = subprocess.run([compiler, '-E', '-P', '-x', 'c++', '-'], input=source, stdout=subprocess.PIPE, text=True, check=True).stdout
    names = re.findall(r'__global__\s+void\s+(?:__launch_bounds__\([^)]*\)\s*)?(\w+)\s*\(', text)
    path = os.path.join(folder, 'kernels')
    with open(path + '.cc', 'w') as out:
        out.write('#include "dialect.h"\n' + without_assembly(text))
        out.write('extern "C" { extern unsigned char __start_standin_shared[], __stop_standin_shared[];\n')
        out.write('extern const standin_kernel standin_kernels[] = {')
        out.write(','.join('standin_entry<%s>::describe("%s")' % (name, name) for name in names))
        out.write('};\nextern const size_t standin_kernel_count = %d; }\n' % len(names))
        out.write('__attribute__((constructor)) static void standin_begin() { standin_program.shared = __start_standin_shared;'
                  'standin_program.shared_end = __stop_standin_shared; }\n')
    # an address that is not aligned traps, as on a card
    subprocess.run([compiler, '-std=c++17', '-O2', '-shared', '-fPIC', '-w', '-U_FORTIFY_SOURCE', '-fno-exceptions', '-fno-stack-protector',
                    '-fcf-protection=none', '-fsanitize=alignment', '-fsanitize-undefined-trap-on-error', '-I', HERE, *flags,
                    '-o', path + '.so', path + '.cc'], check=True)
    with open(path + '.so', 'rb') as made:
        return made.read()


def main(options):
    wanted = [re.fullmatch('--gpu-architecture=(sm|compute)_([0-9]+)', o) for o in options if o != '--fmad=false']
    if len(wanted) != 1 or not wanted[0]:
        sys.exit('expected one architecture and no unknown option, found ' + ' '.join(options))
    flags = ['-ffp-contract=off'] if '--fmad=false' in options else ['-ffp-contract=fast', '-march=native']
    with tempfile.TemporaryDirectory() as folder:
        try:
            made = compiled(sys.stdin.read(), flags, folder)
        except subprocess.CalledProcessError as failed:
            sys.exit('the compiler ends with %d' % failed.returncode)
    # "// compute_70" is PTX, "\177ELF sm_90" for one device alone
    begin = '// ' if wanted[0][1] == 'compute' else '\177ELF '
    sys.stdout.write('%s%s_%s\n%s\n' % (begin, wanted[0][1], wanted[0][2], made.hex()))


main(sys.argv[1:])
