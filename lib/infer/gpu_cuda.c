/* CUDA by the driver's interface and NVRTC (NVIDIA: CUDA Driver API, NVRTC; the numbers are those of cuda.h). */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "infer/gpu_parts.h"
#include "infer_sources.h"

#define ITEMS 128

enum { ATTRIBUTE_MAJOR = 75, ATTRIBUTE_MINOR = 76 };

static struct {
    int (*init)(unsigned);
    int (*driver_version)(int *);
    int (*device_count)(int *);
    int (*device_get)(int *, int);
    int (*device_name)(char *, int, int);
    int (*device_memory)(size_t *, int);
    int (*device_attribute)(int *, int, int);
    int (*create_context)(void **, unsigned, int);
    int (*destroy_context)(void *);
    int (*set_context)(void *);
    int (*load_module)(void **, const void *);
    int (*unload_module)(void *);
    int (*get_function)(void **, void *, const char *);
    int (*allocate)(uint64_t *, size_t);
    int (*release)(uint64_t);
    int (*copy_to)(uint64_t, const void *, size_t);
    int (*copy_from)(void *, uint64_t, size_t);
    int (*launch)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **,
                  void **);
    int (*synchronize)(void);
    int (*error_name)(int, const char **);
} cu;

static const char *const names[] = {
    "cuInit",
    "cuDriverGetVersion",
    "cuDeviceGetCount",
    "cuDeviceGet",
    "cuDeviceGetName",
    "cuDeviceTotalMem_v2",
    "cuDeviceGetAttribute",
    "cuCtxCreate_v2",
    "cuCtxDestroy_v2",
    "cuCtxSetCurrent",
    "cuModuleLoadData",
    "cuModuleUnload",
    "cuModuleGetFunction",
    "cuMemAlloc_v2",
    "cuMemFree_v2",
    "cuMemcpyHtoD_v2",
    "cuMemcpyDtoH_v2",
    "cuLaunchKernel",
    "cuCtxSynchronize",
    "cuGetErrorName",
};
_Static_assert(sizeof names / sizeof *names == sizeof cu / sizeof(void *), "a name for each function");

static struct {
    int (*create)(void **, const char *, const char *, int, const char *const *, const char *const *);
    int (*compile)(void *, int, const char *const *);
    int (*log_size)(void *, size_t *);
    int (*log)(void *, char *);
    int (*ptx_size)(void *, size_t *);
    int (*ptx)(void *, char *);
    int (*destroy)(void **);
} rtc;

static const char *const rtc_names[] = {
    "nvrtcCreateProgram", "nvrtcCompileProgram", "nvrtcGetProgramLogSize", "nvrtcGetProgramLog",
    "nvrtcGetPTXSize",    "nvrtcGetPTX",         "nvrtcDestroyProgram",
};
_Static_assert(sizeof rtc_names / sizeof *rtc_names == sizeof rtc / sizeof(void *), "a name for each function");

struct cuda {
    struct mm_gpu gpu;
    int major, minor; /* compute capability */
    void *context, *module;
    struct mm_buf ptx; /* of the program */
};

static int failed(const struct cuda *c, const char *call, int error, struct mm_diags *diags)
{
    const char *name = NULL;
    if (cu.error_name(error, &name) != 0 || !name)
        name = "see cuda.h";
    return mm_diag(diags, MM_RULE_INFER_DEVICE, "%s: %s gives error %d (%s)", c->gpu.device.name, call, error, name);
}

/* ---- devices ---- */

static bool driver, compiler;
static void open_libraries(void)
{
    static const char *const files[] = {"libcuda.so.1", NULL};
    static const char *const rtc_files[] = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so",
                                            NULL};
    driver = mm_gpu_library(files, names, (void **)&cu, sizeof names / sizeof *names) && cu.init(0) == 0;
    compiler = driver && mm_gpu_library(rtc_files, rtc_names, (void **)&rtc, sizeof rtc_names / sizeof *rtc_names);
}

static void tell(int device, unsigned index, struct mm_gpu_device *out)
{
    char name[MM_GPU_WHAT] = "";
    size_t memory = 0;
    int version = 0;
    snprintf(out->name, sizeof out->name, "cuda:%u", index);
    if (cu.device_name(name, sizeof name, device) == 0)
        mm_gpu_say(out->what, name, strnlen(name, sizeof name));
    if (cu.driver_version(&version) == 0)
        snprintf(out->driver, sizeof out->driver, "CUDA %d.%d", version / 1000, version % 1000 / 10);
    if (cu.device_memory(&memory, device) == 0)
        out->memory = out->largest = memory;
}

static int describe(unsigned index, struct mm_gpu_device *out, const char **why)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int count = 0, device = 0;
    pthread_once(&once, open_libraries);
    *why = driver ? "no libnvrtc.so here" : "no libcuda.so.1 with a device here";
    if (!driver || !compiler)
        return -1;
    *why = "no CUDA device here";
    if (cu.device_count(&count) != 0 || count < 1)
        return -1;
    if (index >= (unsigned)count || cu.device_get(&device, (int)index) != 0)
        return 0;
    tell(device, index, out);
    return 1;
}

static void end(struct mm_gpu *gpu)
{
    struct cuda *c = (struct cuda *)gpu;
    if (c->module)
        cu.unload_module(c->module);
    if (c->context)
        cu.destroy_context(c->context);
    mm_buf_release(&c->ptx);
    free(c);
}

static struct mm_gpu *begin(unsigned index, struct mm_diags *diags)
{
    struct cuda *c = calloc(1, sizeof *c);
    int device = 0;
    if (!c) {
        mm_diag_memory(diags);
        return NULL;
    }
    c->gpu.dialect = &mm_gpu_cuda;
    c->gpu.items = ITEMS;
    int error = cu.device_get(&device, (int)index);
    tell(device, index, &c->gpu.device);
    if (error == 0)
        error = cu.device_attribute(&c->major, ATTRIBUTE_MAJOR, device);
    if (error == 0)
        error = cu.device_attribute(&c->minor, ATTRIBUTE_MINOR, device);
    if (error == 0)
        error = cu.create_context(&c->context, 0, device);
    if (error) {
        failed(c, "opening the device", error, diags);
        end(&c->gpu);
        return NULL;
    }
    return &c->gpu;
}

/* ---- the program ---- */

static int not_built(struct cuda *c, void *program, int error, struct mm_diags *diags)
{
    size_t length = 0;
    char shown[MM_SHOWN], *log = rtc.log_size(program, &length) == 0 ? calloc(1, length + 1) : NULL;
    if (log && rtc.log(program, log) == 0)
        mm_diag(diags, MM_RULE_INFER_DEVICE, "%s: the kernels do not build (error %d): %s", c->gpu.device.name, error,
                mm_show(shown, log, strlen(log)));
    else
        mm_diag(diags, MM_RULE_INFER_DEVICE, "%s: the kernels do not build (error %d)", c->gpu.device.name, error);
    free(log);
    return -1;
}

/* PTX, which the driver translates for its device. */
static int compile(struct cuda *c, void *program, struct mm_diags *diags)
{
    char target[48];
    const char *options[] = {target, "--fmad=false"};
    size_t length = 0;
    snprintf(target, sizeof target, "--gpu-architecture=compute_%d%d", c->major, c->minor);
    int error = rtc.compile(program, 2, options);
    if (error)
        return not_built(c, program, error, diags);
    if (rtc.ptx_size(program, &length) != 0 || length == 0)
        return mm_diag(diags, MM_RULE_INFER_DEVICE, "%s: NVRTC made no program", c->gpu.device.name);
    char *ptx = malloc(length);
    if (!ptx)
        return mm_diag_memory(diags);
    c->ptx.length = 0;
    if (rtc.ptx(program, ptx) == 0)
        mm_buf_add(&c->ptx, ptx, length); /* its NUL too */
    free(ptx);
    return c->ptx.failed ? mm_diag_memory(diags) : 0;
}

static int load(struct mm_gpu *gpu, const void *ptx, size_t length)
{
    struct cuda *c = (struct cuda *)gpu;
    if (length == 0 || ((const char *)ptx)[length - 1] != '\0')
        return -1;
    return cu.load_module(&c->module, ptx) == 0 ? 0 : -1;
}

static int build(struct mm_gpu *gpu, const char *source, struct mm_diags *diags)
{
    struct cuda *c = (struct cuda *)gpu;
    void *program = NULL;
    int error = rtc.create(&program, source, "kernels.cl", 0, NULL, NULL);
    if (error)
        return mm_diag(diags, MM_RULE_INFER_DEVICE, "%s: nvrtcCreateProgram gives error %d", gpu->device.name, error);
    int result = compile(c, program, diags);
    rtc.destroy(&program);
    if (result == 0 && (error = cu.load_module(&c->module, c->ptx.data)) != 0)
        return failed(c, "cuModuleLoadData", error, diags);
    return result;
}

static int binary(struct mm_gpu *gpu, struct mm_buf *out)
{
    struct cuda *c = (struct cuda *)gpu;
    mm_buf_add(out, c->ptx.data, c->ptx.length);
    return out->failed || c->ptx.length == 0 ? -1 : 0;
}

static void *kernel(struct mm_gpu *gpu, const char *name, struct mm_diags *diags)
{
    struct cuda *c = (struct cuda *)gpu;
    void *function = NULL;
    int error = cu.get_function(&function, c->module, name);
    if (error == 0)
        return function;
    failed(c, "cuModuleGetFunction", error, diags);
    return NULL;
}

/* ---- work ---- */

static int allocate(struct mm_gpu *gpu, uint64_t bytes, union mm_gpu_memory *memory, struct mm_diags *diags)
{
    int error = cu.allocate(&memory->address, (size_t)bytes);
    if (error)
        memory->address = 0;
    return error == 0 ? 0 : failed((struct cuda *)gpu, "cuMemAlloc", error, diags);
}

static void release(struct mm_gpu *gpu, union mm_gpu_memory memory)
{
    (void)gpu;
    if (memory.address)
        cu.release(memory.address);
}

static int write_memory(struct mm_gpu *gpu, union mm_gpu_memory memory, uint64_t offset, const void *bytes,
                        size_t length, struct mm_diags *diags)
{
    int error = cu.copy_to(memory.address + offset, bytes, length);
    return error == 0 ? 0 : failed((struct cuda *)gpu, "cuMemcpyHtoD", error, diags);
}

static int read_memory(struct mm_gpu *gpu, union mm_gpu_memory memory, uint64_t offset, void *bytes, size_t length,
                       struct mm_diags *diags)
{
    int error = cu.copy_from(bytes, memory.address + offset, length);
    return error == 0 ? 0 : failed((struct cuda *)gpu, "cuMemcpyDtoH", error, diags);
}

static int launch(struct mm_gpu *gpu, void *function, unsigned groups_x, unsigned groups_y,
                  const struct mm_gpu_argument *arguments, unsigned count, struct mm_diags *diags)
{
    void *values[MM_GPU_ARGUMENTS];
    for (unsigned i = 0; i < count; i++)
        values[i] = (void *)(uintptr_t)arguments[i].value;
    int error = cu.launch(function, groups_x, groups_y, 1, gpu->items, 1, 1, 0, NULL, values, NULL);
    return error == 0 ? 0 : failed((struct cuda *)gpu, "cuLaunchKernel", error, diags);
}

const struct mm_gpu_dialect mm_gpu_cuda = {
    .name = "cuda",
    .words = MM_CUDA_H,
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
