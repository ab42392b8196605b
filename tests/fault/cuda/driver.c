/* libcuda.so.1 without a card: what lib/infer/gpu_cuda.c calls of the driver, and kernels that the processor runs (fibers.c) as programs of nvrtc.c. It is stricter than a driver:
 * what would go well by luck is written down as a complaint. Built by tests/cmd/test_infer_cuda.sh.
 *
 *   CUDA_FAULT=CALL:N:WHAT   the Nth call of CALL gives the error WHAT (a number), reads wrong bytes ("wrong"), never returns ("hang"), or goes well while the device is lost
 *                            with it ("lost")
 *   CUDA_COMPLAINTS=FILE     where what was done wrong is appended, a line each; it is opened by cuInit, as later nothing may be
 *   CUDA_COUNTS=FILE         where the numbers of launches and copies are appended at the end
 *   CUDA_MEMORY=BYTES        of a device (1 GiB)
 *   CUDA_BACKWARDS=1         threads of a block run in the other order
 *
 * Compiled with WITHOUT_GRAPHS it is a driver of the days before there were any.
 *
 * There are two devices, of compute capability 9.0 and 7.0. An address of theirs is no address here, as with a card: it is translated where kernels and copies get it. What was launched runs
 * when something waits for it. Memory is full of NaN at first, and so are the ends of allocations; behind those is a page that nobody may touch. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../plan.h"
#include "standin.h"

#define EXPORT __attribute__((visibility("default")))
#define ADDRESSES 0x4000000000000000u /* where the devices' begin */
#define ALIGNMENT 256
#define QUEUE 256

enum {
    INVALID_VALUE = 1,
    OUT_OF_MEMORY = 2,
    NOT_INITIALIZED = 3,
    INVALID_DEVICE = 101,
    INVALID_IMAGE = 200,
    INVALID_CONTEXT = 201,
    NO_IMAGE = 209,
    INVALID_PTX = 218,
    INVALID_HANDLE = 400,
    ILLEGAL_STATE = 401,
    NOT_FOUND = 500,
    ILLEGAL_ADDRESS = 700,
    LAUNCH_FAILED = 719,
    CAPTURE_UNSUPPORTED = 900,
    CAPTURE_INVALIDATED = 901,
    CAPTURE_IMPLICIT = 906,
    CAPTURE_WRONG_THREAD = 908,
    DEVICES = 2,
};

struct context {
    int device;
    int lost; /* the error that every call gives from now on */
    size_t modules, memory;
    struct stream *streams;
    struct graph *graphs;
    struct context *before; /* that was current when this was made */
};

struct allocation {
    uint64_t address;
    size_t size, mapped;
    unsigned char *bytes, *mapping;
    struct context *context;
    struct allocation *next;
};

struct module {
    struct context *context;
    void *library;
    const struct standin_kernel *kernels;
    size_t count;
    struct standin_program *program;
    struct function {
        struct module *module;
        const struct standin_kernel *kernel;
    } * functions;
};

struct launch {
    struct function *function;
    unsigned grid[3], block[3];
    unsigned char values[STANDIN_ARGUMENTS][STANDIN_SIZE];
};

/* Launches in a row, with the arguments as they were given: of a graph, or of what is made of it to be launched. */
struct graph {
    struct context *context;
    struct graph *next; /* of the context */
    bool executable;
    size_t count;
    struct launch *launches;
};

struct stream {
    struct context *context;
    struct stream *next;    /* of the context */
    struct graph *captured; /* NULL where nothing is */
    bool invalidated;
};

static __thread struct context *current;
static __thread struct stream *capturing; /* by this thread */
static struct allocation *allocations;
static uint64_t next_address = ADDRESSES;
static struct launch queue[QUEUE];
static size_t queued, contexts, launches, copies, blocks_run, replays;
static int complaints = -1, counts = -1;
static bool begun;

/* ---- what is said ---- */

static int complain(int error, const char *format, ...)
{
    char line[256] = "";
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(line, sizeof line - 1, format, arguments);
    va_end(arguments);
    length = length < (int)sizeof line - 2 ? length : (int)sizeof line - 2;
    line[length++] = '\n';
    ssize_t written = write(complaints >= 0 ? complaints : STDERR_FILENO, line, (size_t)length);
    (void)written;
    return error;
}

static int open_named(const char *variable)
{
    const char *path = getenv(variable);
    return path ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
}

__attribute__((destructor)) static void end(void)
{
    char line[128];
    if (contexts > 0)
        complain(0, "%zu contexts are not destroyed", contexts);
    int length = snprintf(line, sizeof line, "launches %zu blocks %zu copies %zu replays %zu\n", launches, blocks_run,
                          copies, replays);
    if (counts >= 0 && begun && write(counts, line, (size_t)length) != length)
        complain(0, "the counts cannot be written");
}

/* What is to become of this call of NAME: NULL for nothing. */
static const char *fault(const char *name)
{
    const char *what = fault_planned("CUDA_FAULT", name);
    if (what && strcmp(what, "lost") == 0 && current)
        current->lost = LAUNCH_FAILED;
    return what;
}

/* The error that a fault plan has for this function, or that a lost device or a missing context gives; else 0. */
#define BEGIN_CALL(needs_context)                                                                                      \
    const char *planned = fault(__func__);                                                                             \
    int was_lost = planned && strcmp(planned, "lost") == 0;                                                            \
    if (planned && atoi(planned) != 0)                                                                                 \
        return atoi(planned);                                                                                          \
    if (!begun)                                                                                                        \
        return complain(NOT_INITIALIZED, "%s before cuInit", __func__);                                                \
    if ((needs_context) && !current)                                                                                   \
        return complain(INVALID_CONTEXT, "%s without a current context", __func__);                                    \
    if ((needs_context) && current->lost && !was_lost)                                                                 \
    return current->lost

/* The error of a CALL that may not be while this thread captures what it launches, for which a driver spoils the capture; else 0. */
static int not_captured(const char *call)
{
    if (!capturing || capturing->context != current)
        return 0;
    capturing->invalidated = true;
    return complain(CAPTURE_UNSUPPORTED, "%s while launches are captured", call);
}

/* ---- devices ---- */

EXPORT int cuInit(unsigned flags)
{
    const char *planned = fault(__func__);
    if (planned && atoi(planned) != 0)
        return atoi(planned);
    complaints = open_named("CUDA_COMPLAINTS");
    counts = open_named("CUDA_COUNTS");
    begun = true;
    return flags == 0 ? 0 : complain(INVALID_VALUE, "cuInit with flags");
}

EXPORT int cuDriverGetVersion(int *version)
{
    BEGIN_CALL(false);
    *version = 12040;
    return 0;
}

EXPORT int cuDeviceGetCount(int *count)
{
    BEGIN_CALL(false);
    *count = DEVICES;
    return 0;
}

EXPORT int cuDeviceGet(int *device, int index)
{
    BEGIN_CALL(false);
    *device = index + 40; /* a handle need not be the index */
    return index >= 0 && index < DEVICES ? 0 : INVALID_DEVICE;
}

static bool is_device(int device)
{
    return device >= 40 && device < 40 + DEVICES;
}

EXPORT int cuDeviceGetName(char *name, int size, int device)
{
    BEGIN_CALL(false);
    if (!is_device(device))
        return complain(INVALID_DEVICE, "cuDeviceGetName of no device");
    snprintf(name, (size_t)size, "Processor as card %d", device - 40);
    return 0;
}

static size_t memory_of_device(void)
{
    const char *given = getenv("CUDA_MEMORY");
    return given ? (size_t)strtoull(given, NULL, 10) : (size_t)1 << 30;
}

EXPORT int cuDeviceTotalMem_v2(size_t *bytes, int device)
{
    BEGIN_CALL(false);
    *bytes = memory_of_device();
    return is_device(device) ? 0 : complain(INVALID_DEVICE, "cuDeviceTotalMem of no device");
}

EXPORT int cuDeviceGetAttribute(int *value, int attribute, int device)
{
    BEGIN_CALL(false);
    if (!is_device(device) || (attribute != 75 && attribute != 76))
        return complain(INVALID_VALUE, "cuDeviceGetAttribute %d of %d", attribute, device);
    *value = attribute == 76 ? 0 : device == 40 ? 9 : 7; /* as capability() has it */
    return 0;
}

static int capability(int device)
{
    return device == 0 ? 90 : 70;
}

/* ---- contexts ---- */

EXPORT int cuCtxCreate_v2(struct context **out, unsigned flags, int device)
{
    BEGIN_CALL(false);
    if (!is_device(device) || flags > 7)
        return complain(INVALID_VALUE, "cuCtxCreate of device %d with flags %u", device, flags);
    struct context *context = calloc(1, sizeof *context);
    if (!context)
        return OUT_OF_MEMORY;
    context->device = device - 40;
    context->before = current;
    current = context;
    contexts++;
    *out = context;
    return 0;
}

static int flush(void);

static void release_graph(struct graph *g)
{
    free(g->launches);
    free(g);
}

/* What the context still has goes with it; where nothing can be released any more, nobody is to blame. */
static void release_all(struct context *context)
{
    if (context->memory > 0 && !context->lost)
        complain(0, "cuCtxDestroy with %zu bytes that are not released", context->memory);
    if ((context->streams || context->graphs) && !context->lost)
        complain(0, "cuCtxDestroy with a %s that is not destroyed", context->graphs ? "graph" : "stream");
    for (struct stream *stream; (stream = context->streams);) {
        context->streams = stream->next;
        free(stream);
    }
    for (struct graph *g; (g = context->graphs);) {
        context->graphs = g->next;
        release_graph(g);
    }
    for (struct allocation **at = &allocations; *at;) {
        struct allocation *a = *at;
        if (a->context == context) {
            *at = a->next;
            munmap(a->mapping, a->mapped);
            free(a);
        } else {
            at = &a->next;
        }
    }
}

EXPORT int cuCtxDestroy_v2(struct context *context)
{
    BEGIN_CALL(false);
    flush();
    release_all(context);
    if (context->modules > 0 && !context->lost)
        complain(0, "cuCtxDestroy with %zu modules", context->modules);
    if (current == context)
        current = context->before;
    for (struct context *c = current; c; c = c->before)
        if (c->before == context)
            c->before = context->before;
    free(context);
    contexts--;
    return 0;
}

EXPORT int cuCtxSetCurrent(struct context *context)
{
    BEGIN_CALL(false);
    current = context;
    return 0;
}

/* ---- modules ---- */

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The library whose bytes stand in TEXT in hex behind its first line, as nvrtc.py writes them. */
static void *library_of(const char *text)
{
    char name[64];
    const char *at = strchr(text, '\n');
    int fd = at ? memfd_create("kernels", MFD_CLOEXEC) : -1;
    bool whole = fd >= 0;
    unsigned char bytes[4096];
    size_t count = 0;
    for (at = at ? at + 1 : ""; whole && digit(*at) >= 0 && digit(at[1]) >= 0; at += 2) {
        bytes[count++] = (unsigned char)(digit(*at) << 4 | digit(at[1]));
        if (count == sizeof bytes || digit(at[2]) < 0)
            whole = write(fd, bytes, count) == (ssize_t)count, count = 0;
    }
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    void *library = whole && *at == '\n' ? dlopen(name, RTLD_NOW | RTLD_LOCAL) : NULL;
    if (fd >= 0)
        close(fd);
    return library;
}

EXPORT int cuModuleLoadData(struct module **out, const void *image)
{
    char wanted[32];
    int architecture;
    BEGIN_CALL(true);
    snprintf(wanted, sizeof wanted, "\177ELF sm_%d\n", capability(current->device));
    if (not_captured(__func__))
        return CAPTURE_UNSUPPORTED;
    bool own = strncmp(image, wanted, strlen(wanted)) == 0;
    if (!own && (sscanf(image, "// compute_%d\n", &architecture) != 1 || architecture > capability(current->device)))
        return complain(NO_IMAGE, "a program for '%.14s' on a device of %d", (const char *)image + 1,
                        capability(current->device));
    struct module *module = calloc(1, sizeof *module);
    void *library = module ? library_of(image) : NULL;
    const size_t *count = library ? dlsym(library, "standin_kernel_count") : NULL;
    if (!count) {
        free(module);
        return INVALID_PTX;
    }
    module->library = library;
    module->context = current;
    module->kernels = dlsym(library, "standin_kernels");
    module->program = dlsym(library, "standin_program");
    module->count = *count;
    module->functions = calloc(module->count, sizeof *module->functions);
    current->modules++;
    *out = module;
    return 0;
}

EXPORT int cuModuleUnload(struct module *module)
{
    BEGIN_CALL(true);
    if (not_captured(__func__))
        return CAPTURE_UNSUPPORTED;
    flush();
    if (module->context != current)
        return complain(INVALID_CONTEXT, "cuModuleUnload of another context");
    current->modules--;
    dlclose(module->library);
    free(module->functions);
    free(module);
    return 0;
}

EXPORT int cuModuleGetFunction(struct function **out, struct module *module, const char *name)
{
    BEGIN_CALL(true);
    if (module->context != current)
        return complain(INVALID_CONTEXT, "cuModuleGetFunction of another context");
    for (size_t i = 0; i < module->count; i++)
        if (strcmp(module->kernels[i].name, name) == 0) {
            module->functions[i] = (struct function){module, &module->kernels[i]};
            *out = &module->functions[i];
            return 0;
        }
    return NOT_FOUND;
}

/* ---- memory ---- */

static struct allocation *find(uint64_t address, size_t size)
{
    for (struct allocation *a = allocations; a; a = a->next)
        if (address >= a->address && address - a->address <= a->size && size <= a->size - (address - a->address))
            return a;
    return NULL;
}

EXPORT int cuMemAlloc_v2(uint64_t *address, size_t size)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    BEGIN_CALL(true);
    if (not_captured(__func__))
        return CAPTURE_UNSUPPORTED;
    if (size == 0)
        return complain(INVALID_VALUE, "cuMemAlloc of nothing");
    if (size > memory_of_device() - current->memory)
        return OUT_OF_MEMORY;
    struct allocation *a = calloc(1, sizeof *a);
    size_t room = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT, pages = (room + page - 1) / page * page;
    void *mapping = a ? mmap(NULL, pages + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
    if (mapping == MAP_FAILED || mprotect((char *)mapping + page, pages, PROT_READ | PROT_WRITE) != 0) {
        free(a);
        return OUT_OF_MEMORY;
    }
    *a = (struct allocation){next_address, size,    pages + 2 * page, (unsigned char *)mapping + page + pages - room,
                             mapping,      current, allocations};
    memset(a->bytes, 0xff, room);
    next_address += (room + 0x100000u) / 0x100000u * 0x100000u;
    allocations = a;
    current->memory += size;
    *address = a->address;
    return 0;
}

EXPORT int cuMemGetInfo_v2(size_t *left, size_t *all)
{
    BEGIN_CALL(true);
    *all = memory_of_device();
    *left = *all - current->memory;
    return 0;
}

EXPORT int cuMemFree_v2(uint64_t address)
{
    BEGIN_CALL(true);
    if (not_captured(__func__))
        return CAPTURE_UNSUPPORTED;
    flush();
    for (struct allocation **at = &allocations; *at; at = &(*at)->next) {
        struct allocation *a = *at;
        if (a->address != address)
            continue;
        if (a->context != current)
            return complain(INVALID_CONTEXT, "cuMemFree of another context's memory");
        for (size_t i = a->size; i < (a->size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; i++)
            if (a->bytes[i] != 0xff)
                return complain(INVALID_VALUE, "something was written behind the end of %zu bytes", a->size);
        current->memory -= a->size;
        *at = a->next;
        munmap(a->mapping, a->mapped);
        free(a);
        return current->lost;
    }
    return complain(INVALID_VALUE, "cuMemFree of what is not allocated");
}

/* The bytes of a copy, once everything that was launched is done; NULL with an error. */
static unsigned char *of_copy(uint64_t address, size_t length, const char *call, int *error)
{
    struct allocation *a = find(address, length);
    copies++;
    *error = not_captured(call);
    if (*error == 0)
        *error = flush();
    if (*error)
        return NULL;
    if (!a || a->context != current) {
        *error = complain(INVALID_VALUE, "%s of %zu bytes, not all of one allocation of this context", call, length);
        return NULL;
    }
    return a->bytes + (address - a->address);
}

EXPORT int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t length)
{
    int error;
    BEGIN_CALL(true);
    unsigned char *bytes = of_copy(to, length, __func__, &error);
    if (bytes)
        memcpy(bytes, from, length);
    return error;
}

EXPORT int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t length)
{
    int error;
    BEGIN_CALL(true);
    unsigned char *bytes = of_copy(from, length, __func__, &error);
    if (bytes)
        memcpy(to, bytes, length);
    if (bytes && planned && strcmp(planned, "wrong") == 0)
        for (size_t n = 0; n < length; n += 4)
            ((unsigned char *)to)[n + 1] ^= 0x55;
    return error;
}

/* ---- launches ---- */

static int run(const struct launch *launch)
{
    struct module *module = launch->function->module;
    const struct standin_kernel *kernel = launch->function->kernel;
    void *values[STANDIN_ARGUMENTS];
    for (unsigned i = 0; i < kernel->count; i++)
        values[i] = (void *)(uintptr_t)launch->values[i];
    const char *wrong = standin_run(module->program, kernel, values, launch->grid, launch->block);
    blocks_run += (size_t)launch->grid[0] * launch->grid[1];
    if (!wrong)
        return 0;
    return complain(module->context->lost = ILLEGAL_ADDRESS, "kernel %s: %s", kernel->name, wrong);
}

/* Runs what was launched. */
static int flush(void)
{
    int error = 0;
    for (size_t i = 0; i < queued && error == 0; i++)
        error = queue[i].function->module->context->lost ? 0 : run(&queue[i]);
    queued = 0;
    return error;
}

/* Makes an address of here out of the argument I, where it is one of a device. */
static int translate(struct launch *launch, unsigned i)
{
    const struct standin_kernel *kernel = launch->function->kernel;
    uint64_t address;
    if (!kernel->pointers[i])
        return 0;
    memcpy(&address, launch->values[i], sizeof address);
    struct allocation *a = find(address, 1);
    if (!a || a->context != current)
        return complain(INVALID_VALUE, "kernel %s: argument %u points into no memory of this context", kernel->name, i);
    unsigned char *bytes = a->bytes + (address - a->address);
    memcpy(launch->values[i], &bytes, sizeof bytes);
    return 0;
}

/* Puts LAUNCH behind those that wait to be run. */
static int put_in_queue(const struct launch *launch)
{
    int error = queued == QUEUE ? flush() : 0;
    queue[queued] = *launch;
    for (unsigned i = 0; error == 0 && i < launch->function->kernel->count; i++)
        error = translate(&queue[queued], i);
    queued += error == 0;
    return error;
}

static int put_in_graph(struct graph *g, const struct launch *launch)
{
    struct launch *grown = realloc(g->launches, (g->count + 1) * sizeof *grown);
    if (!grown)
        return OUT_OF_MEMORY;
    g->launches = grown;
    g->launches[g->count++] = *launch;
    return 0;
}

/* Fills LAUNCH with copies of what VALUES point to. */
static int take(struct launch *launch, void **values)
{
    const struct standin_kernel *kernel = launch->function->kernel;
    for (unsigned i = 0; i < kernel->count; i++) {
        if (kernel->sizes[i] > STANDIN_SIZE)
            return complain(INVALID_VALUE, "kernel %s: argument %u has %u bytes", kernel->name, i, kernel->sizes[i]);
        memcpy(launch->values[i], values[i], kernel->sizes[i]);
    }
    return 0;
}

EXPORT int cuLaunchKernel(struct function *function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                          unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared, struct stream *stream,
                          void **values, void **extra)
{
    BEGIN_CALL(true);
    if (function->module->context != current || (stream && stream->context != current))
        return complain(INVALID_HANDLE, "cuLaunchKernel of another context's kernel, or on its stream");
    if (grid_x == 0 || grid_x > 0x7fffffff || grid_y == 0 || grid_y > 65535 || grid_z != 1 || block_x == 0 ||
        block_x > STANDIN_THREADS || block_y != 1 || block_z != 1 || shared > 0 || extra || !values)
        return complain(INVALID_VALUE, "cuLaunchKernel of %s with %u x %u blocks of %u", function->kernel->name, grid_x,
                        grid_y, block_x);
    if (capturing && capturing->context == current && stream != capturing) {
        capturing->invalidated = true;
        return complain(CAPTURE_IMPLICIT, "cuLaunchKernel of %s on another stream while launches are captured",
                        function->kernel->name);
    }
    struct launch launch = {function, {grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, {{0}}};
    int error = take(&launch, values);
    if (error == 0 && stream && stream->captured)
        return put_in_graph(stream->captured, &launch);
    launches++;
    return error ? error : put_in_queue(&launch);
}

EXPORT int cuCtxSynchronize(void)
{
    BEGIN_CALL(true);
    return not_captured(__func__) ? CAPTURE_UNSUPPORTED : flush();
}

/* ---- graphs ---- */

#ifndef WITHOUT_GRAPHS

EXPORT int cuStreamCreate(struct stream **out, unsigned flags)
{
    BEGIN_CALL(true);
    if (flags != 0)
        return complain(INVALID_VALUE, "cuStreamCreate of a stream that keeps no order with copies");
    struct stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return OUT_OF_MEMORY;
    stream->context = current;
    stream->next = current->streams;
    current->streams = stream;
    *out = stream;
    return 0;
}

static struct graph *new_graph(bool executable, const struct graph *from)
{
    struct graph *g = calloc(1, sizeof *g);
    if (!g)
        abort();
    g->context = current;
    g->executable = executable;
    g->count = from ? from->count : 0;
    if (g->count > 0 && !(g->launches = malloc(g->count * sizeof *g->launches)))
        abort();
    if (g->count > 0)
        memcpy(g->launches, from->launches, g->count * sizeof *g->launches);
    return g;
}

EXPORT int cuStreamDestroy_v2(struct stream *stream)
{
    BEGIN_CALL(true);
    flush();
    if (stream->context != current)
        return complain(INVALID_CONTEXT, "cuStreamDestroy of another context's stream");
    if (stream->captured) {
        complain(0, "cuStreamDestroy while launches are captured");
        release_graph(stream->captured);
    }
    if (capturing == stream)
        capturing = NULL;
    for (struct stream **at = &current->streams; *at; at = &(*at)->next)
        if (*at == stream) {
            *at = stream->next;
            break;
        }
    free(stream);
    return 0;
}

/* MODE: 0 minds what other threads do too, 1 does not, 2 minds nothing. */
EXPORT int cuStreamBeginCapture_v2(struct stream *stream, int mode)
{
    BEGIN_CALL(true);
    if (!stream || stream->context != current || mode != 1)
        return complain(INVALID_VALUE, "cuStreamBeginCapture of no stream of this context, or in mode %d", mode);
    if (stream->captured || capturing)
        return complain(ILLEGAL_STATE, "cuStreamBeginCapture while launches are captured");
    stream->captured = new_graph(false, NULL);
    stream->invalidated = false;
    capturing = stream;
    return 0;
}

/* However it ends, nothing is captured any more. */
EXPORT int cuStreamEndCapture(struct stream *stream, struct graph **out)
{
    struct graph *captured = capturing == stream ? stream->captured : NULL;
    if (captured)
        stream->captured = NULL, capturing = NULL;
    const char *planned = fault(__func__);
    int error = planned && atoi(planned) != 0 ? atoi(planned) : current ? current->lost : INVALID_CONTEXT;
    *out = NULL;
    if (error == 0 && !captured)
        return complain(stream->captured ? CAPTURE_WRONG_THREAD : ILLEGAL_STATE,
                        "cuStreamEndCapture where this thread captures nothing");
    if (error == 0 && stream->invalidated)
        error = CAPTURE_INVALIDATED;
    if (error) {
        if (captured)
            release_graph(captured);
        return error;
    }
    captured->next = current->graphs;
    current->graphs = captured;
    *out = captured;
    return 0;
}

EXPORT int cuGraphInstantiateWithFlags(struct graph **out, struct graph *from, unsigned long long flags)
{
    BEGIN_CALL(true);
    if (not_captured(__func__))
        return CAPTURE_UNSUPPORTED;
    if (!from || from->executable || from->context != current || from->count == 0 || flags != 0)
        return complain(INVALID_VALUE, "cuGraphInstantiate of no graph of this context, or with flags");
    *out = new_graph(true, from);
    (*out)->next = current->graphs;
    current->graphs = *out;
    return 0;
}

static int destroy(struct graph *g, bool executable, const char *call)
{
    if (!g || g->executable != executable || g->context != current)
        return complain(INVALID_HANDLE, "%s of none of this context", call);
    for (struct graph **at = &current->graphs; *at; at = &(*at)->next)
        if (*at == g) {
            *at = g->next;
            break;
        }
    release_graph(g);
    return 0;
}

EXPORT int cuGraphExecDestroy(struct graph *g)
{
    BEGIN_CALL(true);
    return destroy(g, true, __func__);
}

EXPORT int cuGraphDestroy(struct graph *g)
{
    BEGIN_CALL(true);
    return destroy(g, false, __func__);
}

/* What arguments point to has to be there still. */
EXPORT int cuGraphLaunch(struct graph *g, struct stream *stream)
{
    BEGIN_CALL(true);
    if (!g || !g->executable || g->context != current || !stream || stream->context != current)
        return complain(INVALID_HANDLE, "cuGraphLaunch of none of this context, or on no stream");
    if (not_captured(__func__))
        return CAPTURE_UNSUPPORTED;
    for (size_t i = 0; i < g->count; i++) {
        int error = put_in_queue(&g->launches[i]);
        if (error)
            return error;
    }
    replays++;
    return 0;
}

#endif

EXPORT int cuGetErrorName(int error, const char **name)
{
    static const struct {
        int error;
        const char *name;
    } names[] = {{INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE"},
                 {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY"},
                 {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT"},
                 {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE"},
                 {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE"},
                 {INVALID_PTX, "CUDA_ERROR_INVALID_PTX"},
                 {NOT_FOUND, "CUDA_ERROR_NOT_FOUND"},
                 {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS"},
                 {LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED"}};
    *name = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].error == error)
            *name = names[i].name;
    return *name ? 0 : INVALID_VALUE;
}
