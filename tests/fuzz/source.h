/* What the harnesses share: a fuzzer's bytes as a file, and assertions that hold in every build. */
#ifndef TESTS_FUZZ_SOURCE_H
#define TESTS_FUZZ_SOURCE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/source.h"
#include "model/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the process, which is what fuzzers look for, unless HOLDS. */
#define must(HOLDS)                                                                    \
    do {                                                                               \
        if (!(HOLDS)) {                                                                \
            fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #HOLDS);       \
            abort();                                                                   \
        }                                                                              \
    } while (0)

/* A descriptor of a regular file without a name that holds DATA; the caller closes it. */
static inline int source_fd(const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    must(fd >= 0);
    for (size_t done = 0; done < size;) {
        ssize_t wrote = write(fd, data + done, size - done);
        must(wrote > 0);
        done += (size_t)wrote;
    }
    must(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

/* What holds for every model that was found valid: its tensors lie inside the file, one behind the other, and what was
 * not taken by them is little. */
static inline void model_must_fit(const struct mm_model *model, size_t size)
{
    const struct mm_tensors *tensors = &model->tensors;
    uint64_t end = 0;
    for (size_t i = 0; i < tensors->count; i++) {
        const struct mm_tensor *tensor = &tensors->items[i];
        must(tensor->offset <= size && tensor->bytes <= size - tensor->offset);
        must(tensor->offset >= end || tensor->bytes == 0);
        must(tensor->name < tensors->words.length && tensor->dims < tensors->words.length);
        must(mm_tensor_name(tensors, i)[0] != '\0');
        if (tensor->bytes)
            end = tensor->offset + tensor->bytes;
    }
    must(model->facts.layout.known == (tensors->count > 0));
}

#endif
