/* Blocks of a dtype from standard input, their elements as f32 of this machine to standard output: what dequantized.py compares.
 *
 * Usage: dequantize DTYPE */
#include <stdio.h>
#include <string.h>

#include "model/dtype.h"
#include "model/quantize.h"

int main(int argc, char **argv)
{
    unsigned char bytes[512];
    float values[256];
    int dtype = -1;
    for (int i = 0; argc == 2 && i < MM_DTYPE_COUNT; i++)
        if (strcmp(mm_dtypes[i].name, argv[1]) == 0)
            dtype = i;
    if (dtype < 0 || !mm_dequantize_knows(dtype))
        return 2;
    const struct mm_dtype *of = &mm_dtypes[dtype];
    while (fread(bytes, of->bytes, 1, stdin) == 1) {
        mm_dequantize(dtype, bytes, of->block, values);
        if (fwrite(values, sizeof *values, of->block, stdout) != of->block)
            return 1;
    }
    return ferror(stdin) || fflush(stdout) != 0;
}
