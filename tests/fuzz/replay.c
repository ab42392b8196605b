/* The main() of a harness without a fuzzer: feeds it every file named, or found beneath a folder, and with --mutate N
 * as many changed copies of them, the same ones on every run. */
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "base/checked.h"
#include "source.h"

#define FILE_MAX (16 << 20) /* what is larger tests a limit, not a parser */

struct input {
    char *path;
    uint8_t *bytes;
    size_t size;
};

static struct input *inputs;
static size_t input_count, input_capacity;
static uint64_t state;

/* xorshift64*, so that mutations are the same everywhere. */
static uint64_t next(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 0x2545F4914F6CDD1D;
}

static size_t below(size_t limit)
{
    return limit ? (size_t)(next() % limit) : 0;
}

static uint8_t *read_file(const char *path, size_t size)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(size + 1);
    must(file && bytes && fread(bytes, 1, size, file) == size);
    fclose(file);
    return bytes;
}

static int add_file(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
    (void)ftw;
    if (kind != FTW_F || !S_ISREG(info->st_mode) || info->st_size > FILE_MAX)
        return kind == FTW_NS || kind == FTW_DNR;
    must(mm_grow(&inputs, input_count, &input_capacity, sizeof *inputs));
    size_t size = (size_t)info->st_size;
    inputs[input_count++] = (struct input){strdup(path), read_file(path, size), size};
    return 0;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct input *)a)->path, ((const struct input *)b)->path);
}

/* Overwrites 1, 2, 4 or 8 bytes with a number that breaks arithmetic. */
static void put_number(uint8_t *bytes, size_t size)
{
    static const uint64_t numbers[] = {0, 1, 2, 31, 127, 128, 255, 256, 32767, 65535, 65536, INT32_MAX, UINT32_MAX, 1ull << 32,
                                       1ull << 60, 1ull << 61, 1ull << 62, INT64_MAX, 1ull << 63, UINT64_MAX};
    uint64_t number = numbers[below(sizeof numbers / sizeof *numbers)];
    size_t width = (size_t)1 << below(4);
    if (width > size)
        return;
    size_t at = below(size - width + 1);
    for (size_t i = 0; i < width; i++)
        bytes[at + i] = (uint8_t)(number >> 8 * i);
}

/* Copies a piece of another input, or of this one, over or into BYTES (which have room); returns the new size. */
static size_t put_piece(uint8_t *bytes, size_t size, bool insert)
{
    const struct input *from = &inputs[below(input_count)];
    size_t length = below(from->size < 256 ? from->size + 1 : 256), start = below(from->size - length + 1), at = below(size + 1);
    if (insert) {
        memmove(bytes + at + length, bytes + at, size - at);
        size += length;
    } else if (length > size - at) {
        length = size - at;
    }
    memcpy(bytes + at, from->bytes + start, length);
    return size;
}

static size_t cut_piece(uint8_t *bytes, size_t size)
{
    size_t at = below(size), length = below(size - at < 64 ? size - at + 1 : 64);
    memmove(bytes + at, bytes + at + length, size - at - length);
    return size - length;
}

static size_t mutate(uint8_t *bytes, size_t size)
{
    switch (below(7)) {
    case 0:
        if (size)
            bytes[below(size)] ^= (uint8_t)(1u << below(8));
        return size;
    case 1:
        if (size)
            bytes[below(size)] = (uint8_t)next();
        return size;
    case 2:
        put_number(bytes, size);
        return size;
    case 3:
        return put_piece(bytes, size, true);
    case 4:
        return put_piece(bytes, size, false);
    case 5:
        return cut_piece(bytes, size);
    default:
        return below(8) ? size : below(size + 1);
    }
}

#define CHANGES 4

static void run_mutant(uint64_t number)
{
    const struct input *input = &inputs[number % input_count];
    state = 0x9E3779B97F4A7C15 ^ (number + 1) * 0xD1342543DE82EF95;
    uint8_t *bytes = malloc(input->size + CHANGES * 256 + 1);
    must(bytes);
    memcpy(bytes, input->bytes, input->size);
    size_t size = input->size;
    for (size_t changes = 1 + below(CHANGES); changes > 0; changes--)
        size = mutate(bytes, size);
    uint8_t *exact = realloc(bytes, size ? size : 1); /* so that a byte too many is seen */
    must(exact);
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
}

int main(int argc, char **argv)
{
    uint64_t mutants = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--mutate") == 0 && i + 1 < argc) {
            mutants = strtoull(argv[++i], NULL, 10);
        } else if (nftw(argv[i], add_file, 16, FTW_PHYS) != 0) {
            fprintf(stderr, "%s: cannot be read\n", argv[i]);
            return 1;
        }
    }
    if (input_count == 0) {
        fprintf(stderr, "usage: %s [--mutate N] FILE|FOLDER...\n", argv[0]);
        return 2;
    }
    qsort(inputs, input_count, sizeof *inputs, by_path);
    for (size_t i = 0; i < input_count; i++)
        LLVMFuzzerTestOneInput(inputs[i].bytes, inputs[i].size);
    for (uint64_t i = 0; i < mutants; i++)
        run_mutant(i);
    for (size_t i = 0; i < input_count; i++) {
        free(inputs[i].path);
        free(inputs[i].bytes);
    }
    free(inputs);
    printf("%zu files, %llu mutants\n", input_count, (unsigned long long)mutants);
    return 0;
}
