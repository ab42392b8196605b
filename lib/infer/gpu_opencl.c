/* OpenCL 1.2 by the ICD loader (Khronos: The OpenCL Specification 1.2, and CL/cl.h for the numbers). */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "infer/gpu_parts.h"
#include "infer_sources.h"

#define PLATFORMS 16
#define KERNELS 128

typedef void *handle; /* of any object */

enum {
    DEVICE_MAX_WORK_GROUP_SIZE = 0x1004,
    DEVICE_MAX_MEM_ALLOC_SIZE = 0x1010,
    DEVICE_GLOBAL_MEM_SIZE = 0x101F,
    DEVICE_ENDIAN_LITTLE = 0x1026,
    DEVICE_AVAILABLE = 0x1027,
    DEVICE_COMPILER_AVAILABLE = 0x1028,
    DEVICE_NAME = 0x102B,
    DRIVER_VERSION = 0x102D,
    PROGRAM_BINARY_SIZES = 0x1165,
    PROGRAM_BINARIES = 0x1166,
    PROGRAM_BUILD_LOG = 0x1183,
    KERNEL_WORK_GROUP_SIZE = 0x11B0,
    MEM_READ_WRITE = 1,
    LEAST_ITEMS = 32,
    MOST_ITEMS = 128,
};
#define DEVICE_TYPE_ALL 0xFFFFFFFFu

/* The functions that are needed, in the order of `names`. */
static struct {
    int (*get_platforms)(uint32_t, handle *, uint32_t *);
    int (*get_devices)(handle, uint64_t, uint32_t, handle *, uint32_t *);
    int (*device_info)(handle, uint32_t, size_t, void *, size_t *);
    handle (*create_context)(const intptr_t *, uint32_t, const handle *, void *, void *, int *);
    handle (*create_queue)(handle, handle, uint64_t, int *);
    handle (*create_program)(handle, uint32_t, const char **, const size_t *, int *);
    handle (*create_program_binary)(handle, uint32_t, const handle *, const size_t *, const unsigned char **, int *,
                                    int *);
    int (*build_program)(handle, uint32_t, const handle *, const char *, void *, void *);
    int (*program_info)(handle, uint32_t, size_t, void *, size_t *);
    int (*build_info)(handle, handle, uint32_t, size_t, void *, size_t *);
    handle (*create_kernel)(handle, const char *, int *);
    int (*kernel_group_info)(handle, handle, uint32_t, size_t, void *, size_t *);
    int (*set_argument)(handle, uint32_t, size_t, const void *);
    handle (*create_buffer)(handle, uint64_t, size_t, void *, int *);
    int (*write_buffer)(handle, handle, uint32_t, size_t, size_t, const void *, uint32_t, const handle *, handle *);
    int (*read_buffer)(handle, handle, uint32_t, size_t, size_t, void *, uint32_t, const handle *, handle *);
    int (*launch)(handle, handle, uint32_t, const size_t *, const size_t *, const size_t *, uint32_t, const handle *,
                  handle *);
    int (*finish)(handle);
    int (*release_kernel)(handle);
    int (*release_program)(handle);
    int (*release_memory)(handle);
    int (*release_queue)(handle);
    int (*release_context)(handle);
} cl;

static const char *const names[] = {
    "clGetPlatformIDs",
    "clGetDeviceIDs",
    "clGetDeviceInfo",
    "clCreateContext",
    "clCreateCommandQueue",
    "clCreateProgramWithSource",
    "clCreateProgramWithBinary",
    "clBuildProgram",
    "clGetProgramInfo",
    "clGetProgramBuildInfo",
    "clCreateKernel",
    "clGetKernelWorkGroupInfo",
    "clSetKernelArg",
    "clCreateBuffer",
    "clEnqueueWriteBuffer",
    "clEnqueueReadBuffer",
    "clEnqueueNDRangeKernel",
    "clFinish",
    "clReleaseKernel",
    "clReleaseProgram",
    "clReleaseMemObject",
    "clReleaseCommandQueue",
    "clReleaseContext",
};
_Static_assert(sizeof names / sizeof *names == sizeof cl / sizeof(void *), "a name for each function");

struct opencl {
    struct mm_gpu gpu;
    handle device, context, queue, program;
    handle kernels[KERNELS];
    unsigned kernel_count;
};

/* ---- errors ---- */

static const char *meaning(int error)
{
    static const struct {
        int error;
        const char *text;
    } texts[] = {
        {-1, "device not found"},
        {-2, "device not available"},
        {-3, "compiler not available"},
        {-4, "memory object failed"},
        {-5, "out of resources"},
        {-6, "out of host memory"},
        {-11, "the program does not build"},
        {-14, "a command before failed"},
        {-36, "invalid queue"},
        {-54, "invalid size of a group"},
        {-61, "invalid size of a buffer"},
        {-9999, "illegal access by a kernel"},
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i].error == error)
            return texts[i].text;
    return "see CL/cl.h";
}

static int failed(const struct opencl *o, const char *call, int error, struct mm_diags *diags)
{
    return mm_diag(diags, MM_RULE_INFER_DEVICE, "%s: %s gives error %d (%s)", o->gpu.device.name, call, error,
                   meaning(error));
}

/* ---- devices ---- */

static bool opened;
static void open_library(void)
{
    static const char *const files[] = {"libOpenCL.so.1", "libOpenCL.so", NULL};
    opened = mm_gpu_library(files, names, (void **)&cl, sizeof names / sizeof *names);
}

static bool loaded(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    return pthread_once(&once, open_library) == 0 && opened;
}

/* Device INDEX over all platforms, or NULL. */
static handle device_at(unsigned index)
{
    handle platforms[PLATFORMS], devices[MM_GPU_DEVICES];
    uint32_t count = 0, found;
    if (cl.get_platforms(PLATFORMS, platforms, &count) != 0)
        return NULL;
    for (uint32_t i = 0; i < count && i < PLATFORMS; i++) {
        found = 0;
        if (cl.get_devices(platforms[i], DEVICE_TYPE_ALL, MM_GPU_DEVICES, devices, &found) != 0)
            continue;
        found = found < MM_GPU_DEVICES ? found : MM_GPU_DEVICES;
        if (index < found)
            return devices[index];
        index -= found;
    }
    return NULL;
}

static uint64_t number_of(handle device, uint32_t what, size_t size)
{
    uint64_t number = 0;
    return cl.device_info(device, what, size, &number, NULL) == 0 ? number : 0;
}

static void text_of(handle device, uint32_t what, char out[static MM_GPU_WHAT])
{
    char text[1024] = "";
    size_t length = 0;
    if (cl.device_info(device, what, sizeof text, text, &length) == 0)
        mm_gpu_say(out, text, length < sizeof text ? length : sizeof text);
}

static void tell(handle device, unsigned index, struct mm_gpu_device *out)
{
    snprintf(out->name, sizeof out->name, "opencl:%u", index);
    text_of(device, DEVICE_NAME, out->what);
    text_of(device, DRIVER_VERSION, out->driver);
    out->memory = number_of(device, DEVICE_GLOBAL_MEM_SIZE, sizeof(uint64_t));
    out->largest = number_of(device, DEVICE_MAX_MEM_ALLOC_SIZE, sizeof(uint64_t));
}

static int describe(unsigned index, struct mm_gpu_device *out, const char **why)
{
    *why = "no libOpenCL.so.1 here";
    if (!loaded())
        return -1;
    *why = "no OpenCL device here";
    handle device = device_at(index);
    if (device)
        tell(device, index, out);
    return device ? 1 : index > 0 ? 0 : -1;
}

/* ---- a device ---- */

static void end(struct mm_gpu *gpu)
{
    struct opencl *o = (struct opencl *)gpu;
    if (o->queue)
        cl.finish(o->queue);
    for (unsigned i = 0; i < o->kernel_count; i++)
        cl.release_kernel(o->kernels[i]);
    if (o->program)
        cl.release_program(o->program);
    if (o->queue)
        cl.release_queue(o->queue);
    if (o->context)
        cl.release_context(o->context);
    free(o);
}

/* What the kernels ask of a device. */
static int check_device(struct opencl *o, struct mm_diags *diags)
{
    uint64_t most = number_of(o->device, DEVICE_MAX_WORK_GROUP_SIZE, sizeof(size_t));
    if (!number_of(o->device, DEVICE_AVAILABLE, sizeof(uint32_t)) ||
        !number_of(o->device, DEVICE_COMPILER_AVAILABLE, sizeof(uint32_t)))
        return mm_diag(diags, MM_RULE_INFER_DEVICE, "expected a device with a compiler, found %s without one",
                       o->gpu.device.name);
    if (!number_of(o->device, DEVICE_ENDIAN_LITTLE, sizeof(uint32_t)))
        return mm_diag(diags, MM_RULE_INFER_DEVICE, "expected a little-endian device, found a big-endian one");
    if (most < LEAST_ITEMS)
        return mm_diag(diags, MM_RULE_INFER_DEVICE, "expected groups of %d work items, %s has %u at most", LEAST_ITEMS,
                       o->gpu.device.name, (unsigned)most);
    for (o->gpu.items = MOST_ITEMS; o->gpu.items > most;)
        o->gpu.items /= 2;
    return 0;
}

static struct mm_gpu *begin(unsigned index, struct mm_diags *diags)
{
    struct opencl *o = calloc(1, sizeof *o);
    int error = 0;
    if (!o) {
        mm_diag_memory(diags);
        return NULL;
    }
    o->gpu.dialect = &mm_gpu_opencl;
    o->device = device_at(index);
    tell(o->device, index, &o->gpu.device);
    if (check_device(o, diags) < 0) {
        end(&o->gpu);
        return NULL;
    }
    o->context = cl.create_context(NULL, 1, &o->device, NULL, NULL, &error);
    if (o->context)
        o->queue = cl.create_queue(o->context, o->device, 0, &error);
    if (!o->queue) {
        failed(o, o->context ? "clCreateCommandQueue" : "clCreateContext", error, diags);
        end(&o->gpu);
        return NULL;
    }
    return &o->gpu;
}

/* ---- the program ---- */

static void forget_program(struct opencl *o)
{
    if (o->program)
        cl.release_program(o->program);
    o->program = NULL;
}

/* What the compiler said, as far as a finding has room. */
static int not_built(struct opencl *o, int error, struct mm_diags *diags)
{
    char log[2048] = "", shown[MM_SHOWN];
    size_t length = 0;
    if (cl.build_info(o->program, o->device, PROGRAM_BUILD_LOG, sizeof log, log, &length) == 0 && log[0])
        return mm_diag(diags, MM_RULE_INFER_DEVICE, "%s: the kernels do not build (error %d): %s", o->gpu.device.name,
                       error, mm_show(shown, log, strnlen(log, sizeof log)));
    return failed(o, "clBuildProgram", error, diags);
}

static int build(struct mm_gpu *gpu, const char *source, struct mm_diags *diags)
{
    struct opencl *o = (struct opencl *)gpu;
    int error = 0;
    o->program = cl.create_program(o->context, 1, &source, NULL, &error);
    if (!o->program)
        return failed(o, "clCreateProgramWithSource", error, diags);
    error = cl.build_program(o->program, 1, &o->device, "", NULL, NULL);
    if (error == 0)
        return 0;
    not_built(o, error, diags);
    forget_program(o);
    return -1;
}

static int load(struct mm_gpu *gpu, const void *binary, size_t length)
{
    struct opencl *o = (struct opencl *)gpu;
    const unsigned char *bytes = binary;
    int error = 0, status = 0;
    o->program = cl.create_program_binary(o->context, 1, &o->device, &length, &bytes, &status, &error);
    if (o->program && status == 0 && cl.build_program(o->program, 1, &o->device, "", NULL, NULL) == 0)
        return 0;
    forget_program(o);
    return -1;
}

static int binary(struct mm_gpu *gpu, struct mm_buf *out)
{
    struct opencl *o = (struct opencl *)gpu;
    size_t length = 0;
    if (cl.program_info(o->program, PROGRAM_BINARY_SIZES, sizeof length, &length, NULL) != 0 || length == 0)
        return -1;
    unsigned char *bytes = malloc(length);
    int result = bytes && cl.program_info(o->program, PROGRAM_BINARIES, sizeof bytes, &bytes, NULL) == 0 ? 0 : -1;
    if (result == 0)
        mm_buf_add(out, bytes, length);
    free(bytes);
    return out->failed ? -1 : result;
}

static void *kernel(struct mm_gpu *gpu, const char *name, struct mm_diags *diags)
{
    struct opencl *o = (struct opencl *)gpu;
    int error = 0;
    size_t most = 0;
    handle made = o->kernel_count < KERNELS ? cl.create_kernel(o->program, name, &error) : NULL;
    if (!made) {
        mm_diag(diags, MM_RULE_INFER_DEVICE, "%s: clCreateKernel of %s gives error %d", gpu->device.name, name, error);
        return NULL;
    }
    o->kernels[o->kernel_count++] = made;
    if (cl.kernel_group_info(made, o->device, KERNEL_WORK_GROUP_SIZE, sizeof most, &most, NULL) == 0 &&
        most < gpu->items) {
        mm_diag(diags, MM_RULE_INFER_DEVICE, "%s: expected room for %u work items in %s, found %zu", gpu->device.name,
                gpu->items, name, most);
        return NULL;
    }
    return made;
}

/* ---- work ---- */

static int allocate(struct mm_gpu *gpu, uint64_t bytes, union mm_gpu_memory *memory, struct mm_diags *diags)
{
    struct opencl *o = (struct opencl *)gpu;
    int error = 0;
    memory->handle = cl.create_buffer(o->context, MEM_READ_WRITE, (size_t)bytes, NULL, &error);
    return memory->handle ? 0 : failed(o, "clCreateBuffer", error, diags);
}

static void release(struct mm_gpu *gpu, union mm_gpu_memory memory)
{
    (void)gpu;
    if (memory.handle)
        cl.release_memory(memory.handle);
}

static int write_memory(struct mm_gpu *gpu, union mm_gpu_memory memory, uint64_t offset, const void *bytes,
                        size_t length, struct mm_diags *diags)
{
    struct opencl *o = (struct opencl *)gpu;
    int error = cl.write_buffer(o->queue, memory.handle, 1, (size_t)offset, length, bytes, 0, NULL, NULL);
    return error == 0 ? 0 : failed(o, "clEnqueueWriteBuffer", error, diags);
}

static int read_memory(struct mm_gpu *gpu, union mm_gpu_memory memory, uint64_t offset, void *bytes, size_t length,
                       struct mm_diags *diags)
{
    struct opencl *o = (struct opencl *)gpu;
    int error = cl.read_buffer(o->queue, memory.handle, 1, (size_t)offset, length, bytes, 0, NULL, NULL);
    return error == 0 ? 0 : failed(o, "clEnqueueReadBuffer", error, diags);
}

static int launch(struct mm_gpu *gpu, void *which, unsigned groups_x, unsigned groups_y,
                  const struct mm_gpu_argument *arguments, unsigned count, struct mm_diags *diags)
{
    struct opencl *o = (struct opencl *)gpu;
    size_t items[2] = {(size_t)groups_x * gpu->items, groups_y}, group[2] = {gpu->items, 1};
    int error = 0;
    for (unsigned i = 0; i < count && error == 0; i++)
        error = cl.set_argument(which, i, arguments[i].size, arguments[i].value);
    if (error)
        return failed(o, "clSetKernelArg", error, diags);
    error = cl.launch(o->queue, which, 2, NULL, items, group, 0, NULL, NULL);
    return error == 0 ? 0 : failed(o, "clEnqueueNDRangeKernel", error, diags);
}

const struct mm_gpu_dialect mm_gpu_opencl = {
    .name = "opencl",
    .words = MM_OPENCL_H,
    .describe = describe,
    .open = begin,
    .close = end,
    .build = build,
    .load = load,
    .binary = binary,
    .kernel = kernel,
    .allocate = allocate,
    .release = release,
    .write = write_memory,
    .read = read_memory,
    .launch = launch,
};
