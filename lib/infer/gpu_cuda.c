/* CUDA by the driver's interface and NVRTC (NVIDIA: CUDA Driver API, NVRTC; the numbers are those of cuda.h). */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "infer/gpu_parts.h"
#include "infer_sources.h"

#define ITEMS 128
#define ARCHITECTURES 64 /* that a compiler knows, at most */

enum { ATTRIBUTE_MAJOR = 75, ATTRIBUTE_MINOR = 76, OUT_OF_MEMORY = 2, CAPTURE_OF_THREAD = 1 };

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
    int (*memory_left)(size_t *, size_t *);
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
    "cuMemGetInfo_v2",
    "cuMemcpyHtoD_v2",
    "cuMemcpyDtoH_v2",
    "cuLaunchKernel",
    "cuCtxSynchronize",
    "cuGetErrorName",
};
_Static_assert(sizeof names / sizeof *names == sizeof cu / sizeof(void *), "a name for each function");

/* Graphs are younger than what is needed otherwise, and a driver without them is as good, but for its speed. */
static struct {
    int (*create_stream)(void **, unsigned);
    int (*destroy_stream)(void *);
    int (*begin_capture)(void *, int);
    int (*end_capture)(void *, void **);
    int (*instantiate)(void **, void *, unsigned long long);
    int (*launch)(void *, void *);
    int (*destroy)(void *);
    int (*destroy_plan)(void *);
} graph;

static const char *const graph_names[] = {
    "cuStreamCreate",
    "cuStreamDestroy_v2",
    "cuStreamBeginCapture_v2",
    "cuStreamEndCapture",
    "cuGraphInstantiateWithFlags",
    "cuGraphLaunch",
    "cuGraphExecDestroy",
    "cuGraphDestroy",
};
_Static_assert(sizeof graph_names / sizeof *graph_names == sizeof graph / sizeof(void *), "a name for each function");

static struct {
    int (*create)(void **, const char *, const char *, int, const char *const *, const char *const *);
    int (*compile)(void *, int, const char *const *);
    int (*log_size)(void *, size_t *);
    int (*log)(void *, char *);
    int (*ptx_size)(void *, size_t *);
    int (*ptx)(void *, char *);
    int (*cubin_size)(void *, size_t *);
    int (*cubin)(void *, char *);
    int (*architecture_count)(int *);
    int (*architectures)(int *);
    int (*destroy)(void **);
} rtc;

static const char *const rtc_names[] = {
    "nvrtcCreateProgram",     "nvrtcCompileProgram", "nvrtcGetProgramLogSize",
    "nvrtcGetProgramLog",     "nvrtcGetPTXSize",     "nvrtcGetPTX",
    "nvrtcGetCUBINSize",      "nvrtcGetCUBIN",       "nvrtcGetNumSupportedArchs",
    "nvrtcGetSupportedArchs", "nvrtcDestroyProgram",
};
_Static_assert(sizeof rtc_names / sizeof *rtc_names == sizeof rtc / sizeof(void *), "a name for each function");

struct cuda {
    struct mm_gpu gpu;
    int capability; /* 90 for 9.0 */
    void *context, *module;
    struct mm_buf program; /* for the device, or PTX with its NUL */
    void *stream;          /* for graphs, which the default one does not take; NULL until it is wanted */
    bool recording;
};

static int failed(const struct cuda *c, const char *call, int error, struct mm_diags *diags)
{
    const char *name = NULL;
    if (cu.error_name(error, &name) != 0 || !name)
        name = "see cuda.h";
    return mm_diag(diags, MM_RULE_INFER_DEVICE, "%s: %s gives error %d (%s)", c->gpu.device.name, call, error, name);
}

/* Calls of the driver are about the context that is current: of the device that was opened last, if nobody says which. */
static int enter(const struct cuda *c)
{
    return cu.set_context(c->context);
}

/* ---- devices ---- */

static bool driver, compiler, graphs;

/* A compiler that is newer than the driver may make what that does not take: those that are as old come first. */
static bool open_compiler(void)
{
    static const char *const files[] = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so", NULL};
    static const char *const older[] = {"libnvrtc.so.12", "libnvrtc.so.11.2", "libnvrtc.so", "libnvrtc.so.13", NULL};
    int version = 0;
    return mm_gpu_library(cu.driver_version(&version) == 0 && version < 13000 ? older : files, rtc_names, (void **)&rtc,
                          sizeof rtc_names / sizeof *rtc_names);
}

static void open_libraries(void)
{
    static const char *const files[] = {"libcuda.so.1", NULL};
    driver = mm_gpu_library(files, names, (void **)&cu, sizeof names / sizeof *names) && cu.init(0) == 0;
    compiler = driver && open_compiler();
    graphs = driver && mm_gpu_library(files, graph_names, (void **)&graph, sizeof graph_names / sizeof *graph_names);
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

static void drop_stream(struct cuda *c)
{
    if (c->stream && enter(c) == 0)
        graph.destroy_stream(c->stream);
    c->stream = NULL;
}

static void end(struct mm_gpu *gpu)
{
    struct cuda *c = (struct cuda *)gpu;
    drop_stream(c);
    if (c->module && enter(c) == 0)
        cu.unload_module(c->module);
    if (c->context)
        cu.destroy_context(c->context);
    mm_buf_release(&c->program);
    free(c);
}

static struct mm_gpu *begin(unsigned index, struct mm_diags *diags)
{
    struct cuda *c = calloc(1, sizeof *c);
    int device = 0, major = 0, minor = 0;
    if (!c) {
        mm_diag_memory(diags);
        return NULL;
    }
    c->gpu.dialect = &mm_gpu_cuda;
    c->gpu.items = ITEMS;
    int error = cu.device_get(&device, (int)index);
    snprintf(c->gpu.device.name, sizeof c->gpu.device.name, "cuda:%u", index);
    if (error == 0)
        tell(device, index, &c->gpu.device);
    if (error == 0)
        error = cu.device_attribute(&major, ATTRIBUTE_MAJOR, device);
    if (error == 0)
        error = cu.device_attribute(&minor, ATTRIBUTE_MINOR, device);
    c->capability = 10 * major + minor;
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

/* The newest architecture that the compiler knows and the device can run. 0 for none. */
static int architecture(const struct cuda *c)
{
    int known[ARCHITECTURES], count = 0, best = 0;
    if (rtc.architecture_count(&count) != 0 || count < 1 || count > ARCHITECTURES || rtc.architectures(known) != 0)
        return 0;
    for (int i = 0; i < count; i++)
        if (known[i] <= c->capability && known[i] > best)
            best = known[i];
    return best;
}

/* Appends what the compiler made, PTX or what the device runs, to the program. */
static int take_program(struct cuda *c, void *program, bool ptx, struct mm_diags *diags)
{
    size_t length = 0;
    if ((ptx ? rtc.ptx_size : rtc.cubin_size)(program, &length) != 0 || length == 0)
        return mm_diag(diags, MM_RULE_INFER_DEVICE, "%s: NVRTC made no program", c->gpu.device.name);
    char *bytes = malloc(length);
    if (!bytes)
        return mm_diag_memory(diags);
    int error = (ptx ? rtc.ptx : rtc.cubin)(program, bytes);
    if (error == 0)
        mm_buf_add(&c->program, bytes, length); /* with PTX its NUL too */
    free(bytes);
    if (error)
        return mm_diag(diags, MM_RULE_INFER_DEVICE, "%s: NVRTC does not give its program (error %d)",
                       c->gpu.device.name, error);
    return c->program.failed ? mm_diag_memory(diags) : 0;
}

/* What the device runs; or, where the compiler is older than the device, PTX for an older one, which the driver translates. The driver takes either from compilers of
 * its own major version, but PTX from none that is newer than itself. */
static int compile(struct cuda *c, void *program, struct mm_diags *diags)
{
    char target[48];
    const char *options[] = {target, "--fmad=false"};
    int known = architecture(c);
    if (known == 0)
        return mm_diag(diags, MM_RULE_INFER_DEVICE,
                       "%s: expected a compiler for devices of compute capability %d.%d, found NVRTC without it",
                       c->gpu.device.name, c->capability / 10, c->capability % 10);
    bool ptx = known != c->capability;
    snprintf(target, sizeof target, "--gpu-architecture=%s_%d", ptx ? "compute" : "sm", known);
    int error = rtc.compile(program, 2, options);
    return error ? not_built(c, program, error, diags) : take_program(c, program, ptx, diags);
}

static int load(struct mm_gpu *gpu, const void *program, size_t length)
{
    struct cuda *c = (struct cuda *)gpu;
    const char *bytes = program;
    bool own = length > 64 && memcmp(bytes, "\177ELF", 4) == 0; /* else a text */
    if (length == 0 || (!own && bytes[length - 1] != '\0') || enter(c) != 0)
        return -1;
    return cu.load_module(&c->module, program) == 0 ? 0 : -1;
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
    if (result == 0 && ((error = enter(c)) != 0 || (error = cu.load_module(&c->module, c->program.data)) != 0))
        return failed(c, "cuModuleLoadData", error, diags);
    return result;
}

static int binary(struct mm_gpu *gpu, struct mm_buf *out)
{
    struct cuda *c = (struct cuda *)gpu;
    mm_buf_add(out, c->program.data, c->program.length);
    return out->failed || c->program.length == 0 ? -1 : 0;
}

static void *kernel(struct mm_gpu *gpu, const char *name, struct mm_diags *diags)
{
    struct cuda *c = (struct cuda *)gpu;
    void *function = NULL;
    int error = enter(c);
    if (error == 0)
        error = cu.get_function(&function, c->module, name);
    if (error == 0)
        return function;
    failed(c, "cuModuleGetFunction", error, diags);
    return NULL;
}

/* ---- work ---- */

static int allocate(struct mm_gpu *gpu, uint64_t bytes, union mm_gpu_memory *memory, struct mm_diags *diags)
{
    struct cuda *c = (struct cuda *)gpu;
    size_t left = 0, all = 0;
    int error = enter(c);
    memory->address = 0;
    if (error == 0)
        error = bytes <= SIZE_MAX ? cu.allocate(&memory->address, (size_t)bytes) : OUT_OF_MEMORY;
    if (error == 0)
        return 0;
    memory->address = 0;
    if (error == OUT_OF_MEMORY && cu.memory_left(&left, &all) == 0)
        return mm_diag(diags, MM_RULE_INFER_MEMORY, "%s: %zu of %zu bytes are free, the model needs %" PRIu64 " more",
                       gpu->device.name, left, all, bytes);
    return failed(c, "cuMemAlloc", error, diags);
}

static void release(struct mm_gpu *gpu, union mm_gpu_memory memory)
{
    if (memory.address && enter((struct cuda *)gpu) == 0)
        cu.release(memory.address);
}

static int write_memory(struct mm_gpu *gpu, union mm_gpu_memory memory, uint64_t offset, const void *bytes,
                        size_t length, struct mm_diags *diags)
{
    struct cuda *c = (struct cuda *)gpu;
    int error = enter(c);
    if (error == 0)
        error = cu.copy_to(memory.address + offset, bytes, length);
    return error == 0 ? 0 : failed(c, "cuMemcpyHtoD", error, diags);
}

static int read_memory(struct mm_gpu *gpu, union mm_gpu_memory memory, uint64_t offset, void *bytes, size_t length,
                       struct mm_diags *diags)
{
    struct cuda *c = (struct cuda *)gpu;
    int error = enter(c);
    if (error == 0)
        error = cu.copy_from(bytes, memory.address + offset, length);
    return error == 0 ? 0 : failed(c, "cuMemcpyDtoH", error, diags);
}

static int launch(struct mm_gpu *gpu, void *function, unsigned groups_x, unsigned groups_y,
                  const struct mm_gpu_argument *arguments, unsigned count, struct mm_diags *diags)
{
    struct cuda *c = (struct cuda *)gpu;
    void *values[MM_GPU_ARGUMENTS];
    for (unsigned i = 0; i < count; i++)
        values[i] = (void *)(uintptr_t)arguments[i].value;
    int error = enter(c);
    if (error == 0)
        error = cu.launch(function, groups_x, groups_y, 1, gpu->items, 1, 1, 0, c->recording ? c->stream : NULL, values,
                          NULL);
    return error == 0 ? 0 : failed(c, "cuLaunchKernel", error, diags);
}

/* ---- launches that are recorded ---- */

/* The stream is one that keeps order with the default one, where everything else goes. Others of its kind are not minded while a thread records. */
static int record(struct mm_gpu *gpu)
{
    struct cuda *c = (struct cuda *)gpu;
    if (!graphs || enter(c) != 0)
        return -1;
    if (!c->stream && graph.create_stream(&c->stream, 0) != 0)
        c->stream = NULL;
    if (!c->stream || graph.begin_capture(c->stream, CAPTURE_OF_THREAD) != 0)
        return -1;
    c->recording = true;
    return 0;
}

/* What went wrong while it recorded ends with its stream. */
static void *recorded(struct mm_gpu *gpu)
{
    struct cuda *c = (struct cuda *)gpu;
    void *plan = NULL, *launches = NULL;
    c->recording = false;
    if (enter(c) == 0 && graph.end_capture(c->stream, &plan) == 0 && graph.instantiate(&launches, plan, 0) != 0)
        launches = NULL;
    if (plan)
        graph.destroy_plan(plan);
    if (!launches)
        drop_stream(c);
    return launches;
}

static int replay(struct mm_gpu *gpu, void *launches, struct mm_diags *diags)
{
    struct cuda *c = (struct cuda *)gpu;
    int error = enter(c);
    if (error == 0)
        error = graph.launch(launches, c->stream);
    return error == 0 ? 0 : failed(c, "cuGraphLaunch", error, diags);
}

static void forget(struct mm_gpu *gpu, void *launches)
{
    if (enter((struct cuda *)gpu) == 0)
        graph.destroy(launches);
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
    .record = record,
    .recorded = recorded,
    .replay = replay,
    .forget = forget,
};
