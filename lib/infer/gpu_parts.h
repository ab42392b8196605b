/* What the parts of infer/gpu share: the dialects, each a library that is opened at run time. */
#ifndef MM_INFER_GPU_PARTS_H
#define MM_INFER_GPU_PARTS_H

#include "infer/gpu.h"

/* Memory of a device. */
union mm_gpu_memory {
    void *handle;     /* cl_mem */
    uint64_t address; /* CUdeviceptr */
};

struct mm_gpu_argument {
    const void *value;
    size_t size;
};

struct mm_gpu {
    const struct mm_gpu_dialect *dialect;
    struct mm_gpu_device device;
    unsigned items; /* work items of a group: a power of two from 32 to 128 */
};

/* What a dialect does. Where diags is given, -1 or NULL comes with a finding. A GPU is the dialect's own struct that begins with a struct mm_gpu. */
struct mm_gpu_dialect {
    const char *name, *words; /* "opencl"; the source that stands before the kernels */

    /* Describes device INDEX. Returns 1, 0 behind the last one, or -1 (*WHY: in a few words) where the library is of no use. */
    int (*describe)(unsigned index, struct mm_gpu_device *device, const char **why);
    struct mm_gpu *(*open)(unsigned index, struct mm_diags *diags);
    void (*close)(struct mm_gpu *gpu);

    /* Makes the program from SOURCE, or from BINARY, which an earlier call of `binary` gave; from that it fails without a finding. */
    int (*build)(struct mm_gpu *gpu, const char *source, struct mm_diags *diags);
    int (*load)(struct mm_gpu *gpu, const void *binary, size_t length);
    int (*binary)(struct mm_gpu *gpu, struct mm_buf *binary); /* appends it; -1 where there is none */

    /* The kernel NAME of the program, for launch. It lasts as long as the program. */
    void *(*kernel)(struct mm_gpu *gpu, const char *name, struct mm_diags *diags);

    int (*allocate)(struct mm_gpu *gpu, uint64_t bytes, union mm_gpu_memory *memory, struct mm_diags *diags);
    void (*release)(struct mm_gpu *gpu, union mm_gpu_memory memory); /* zeros are fine */

    /* Both wait until the bytes are where they belong; what was launched before is done then. */
    int (*write)(struct mm_gpu *gpu, union mm_gpu_memory memory, uint64_t offset, const void *bytes, size_t length,
                 struct mm_diags *diags);
    int (*read)(struct mm_gpu *gpu, union mm_gpu_memory memory, uint64_t offset, void *bytes, size_t length,
                struct mm_diags *diags);

    /* Gives the device GROUPS_X × GROUPS_Y groups to compute, behind what it was given before. */
    int (*launch)(struct mm_gpu *gpu, void *kernel, unsigned groups_x, unsigned groups_y,
                  const struct mm_gpu_argument *arguments, unsigned count, struct mm_diags *diags);

    /* Launches that are given again and again; NULL, all four, where a dialect cannot. `record`: what is launched from now on is kept and not run, arguments as they are then, and nothing else may be
     * asked of the device until `recorded` gives the launches, or NULL where they could not be kept. -1 where it cannot record: no finding says so, and single launches go
     * on as ever. `replay` gives them to the device, behind what it was given before. `forget` is before the memory is released that they have as arguments. */
    int (*record)(struct mm_gpu *gpu);
    void *(*recorded)(struct mm_gpu *gpu);
    int (*replay)(struct mm_gpu *gpu, void *launches, struct mm_diags *diags);
    void (*forget)(struct mm_gpu *gpu, void *launches);
};

extern const struct mm_gpu_dialect mm_gpu_opencl, mm_gpu_cuda;

#define MM_GPU_ARGUMENTS 16 /* of a kernel, at most */

/* Opens the first of the libraries NAMES (ending in NULL) that is there, and fills COUNT functions by SYMBOLS. Returns false where one lacks. */
bool mm_gpu_library(const char *const *names, const char *const *symbols, void **functions, size_t count);

/* Copies what a driver says, LENGTH bytes, as printable ASCII. */
void mm_gpu_say(char out[static MM_GPU_WHAT], const char *text, size_t length);

/* gpu_program.c: builds the program of GPU, or takes it from CACHE. */
int mm_gpu_build(struct mm_gpu *gpu, int cache, struct mm_diags *diags);

#endif
