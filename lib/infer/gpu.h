/* Networks run by graphics processors, or by whatever else speaks OpenCL 1.2 or CUDA. Their libraries are opened at run time, so that programs need none of them to
 * start; one kernel source (share/infer) serves both. */
#ifndef MM_INFER_GPU_H
#define MM_INFER_GPU_H

#include "infer/engine.h"
#include "infer/network.h"

#define MM_GPU_NAME 32
#define MM_GPU_WHAT 128
#define MM_GPU_DEVICES 64 /* of one library, that are listed */
#define MM_GPU_BATCH 32   /* positions that are computed at once, at most */

struct mm_gpu_device {
    char name[MM_GPU_NAME];                      /* "opencl:0", "cuda:1" */
    char what[MM_GPU_WHAT], driver[MM_GPU_WHAT]; /* as the driver has them, printable ASCII */
    uint64_t memory, largest;                    /* bytes: all, and of one allocation */
};

/* Calls EACH for every device of the library DIALECT ("opencl", "cuda", NULL: of both) until it returns other than 0. A library that is not there, or
 * that has no device, is a note. Returns 0. */
typedef int mm_gpu_device_fn(void *context, const struct mm_gpu_device *device);
int mm_gpu_list(const char *dialect, mm_gpu_device_fn *each, void *context, struct mm_diags *diags);

/* True for the names of devices: a dialect, or one with a colon and a number. */
bool mm_gpu_is(const char *name);

struct mm_gpu; /* opaque: a device, with its program */

/* Opens the device NAME ("opencl" is "opencl:0") and builds the program, or takes it from the folder CACHE (-1: none), where a file's name is the hash of
 * device, driver and source, and its bytes are believed only if they have the hash that they begin with. What cannot be written there is no failure. Returns NULL with INFER_DEVICE or
 * IO_MEMORY. */
struct mm_gpu *mm_gpu_open(const char *name, int cache, struct mm_diags *diags);
void mm_gpu_close(struct mm_gpu *gpu); /* NULL is fine */
const struct mm_gpu_device *mm_gpu_device(const struct mm_gpu *gpu);

/* The bytes that NETWORK and a sequence of CONTEXT positions take on a device. UINT64_MAX where it is more than can be told. */
uint64_t mm_gpu_memory(const struct mm_network *network, uint64_t context);

/* Fills ENGINE for sequences of at most CONTEXT positions: weights go to the device as they are stored. NETWORK and GPU are borrowed, and the network's weights are looked at during this
 * call alone, but for the embedding's rows. Returns 0, or -1 with INFER_MEMORY where the device has too little, INFER_DEVICE, IO_MEMORY. */
int mm_gpu_engine(struct mm_engine *engine, const struct mm_network *network, struct mm_gpu *gpu, size_t context,
                  struct mm_diags *diags);

#endif
