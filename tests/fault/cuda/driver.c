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
    NOT_FOUND = 500,
    ILLEGAL_ADDRESS = 700,
    LAUNCH_FAILED = 719,
    DEVICES = 2,
};

struct context {
    int device;
    int lost; /* the error that every call gives from now on */
    size_t modules, memory;
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

static __thread struct context *current;
static struct allocation *allocations;
static uint64_t next_address = ADDRESSES;
static struct launch queue[QUEUE];
static size_t queued, contexts, launches, copies, blocks_run;
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
    int length = snprintf(line, sizeof line, "launches %zu blocks %zu copies %zu\n", launches, blocks_run, copies);
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

/* What the context still has goes with it; where nothing can be released any more, nobody is to blame. */
static void release_all(struct context *context)
{
    if (context->memory > 0 && !context->lost)
        complain(0, "cuCtxDestroy with %zu bytes that are not released", context->memory);
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

/* Takes the argument I of KERNEL from VALUE; an address of a device becomes one of here. */
static int take(struct launch *launch, const struct standin_kernel *kernel, unsigned i, const void *value)
{
    uint64_t address;
    if (kernel->sizes[i] > STANDIN_SIZE)
        return complain(INVALID_VALUE, "kernel %s: argument %u has %u bytes", kernel->name, i, kernel->sizes[i]);
    memcpy(launch->values[i], value, kernel->sizes[i]);
    if (!kernel->pointers[i])
        return 0;
    memcpy(&address, value, sizeof address);
    struct allocation *a = find(address, 1);
    if (!a || a->context != current)
        return complain(INVALID_VALUE, "kernel %s: argument %u points into no memory of this context", kernel->name, i);
    unsigned char *bytes = a->bytes + (address - a->address);
    memcpy(launch->values[i], &bytes, sizeof bytes);
    return 0;
}

EXPORT int cuLaunchKernel(struct function *function, unsigned grid_x, unsigned grid_y, unsigned grid_z,
                          unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared, void *stream,
                          void **values, void **extra)
{
    BEGIN_CALL(true);
    if (function->module->context != current)
        return complain(INVALID_HANDLE, "cuLaunchKernel of another context's kernel");
    if (grid_x == 0 || grid_x > 0x7fffffff || grid_y == 0 || grid_y > 65535 || grid_z != 1 || block_x == 0 ||
        block_x > STANDIN_THREADS || block_y != 1 || block_z != 1 || shared > 0 || stream || extra || !values)
        return complain(INVALID_VALUE, "cuLaunchKernel of %s with %u x %u blocks of %u", function->kernel->name, grid_x,
                        grid_y, block_x);
    int error = queued == QUEUE ? flush() : 0;
    struct launch *launch = &queue[queued];
    *launch = (struct launch){function, {grid_x, grid_y, grid_z}, {block_x, block_y, block_z}, {{0}}};
    for (unsigned i = 0; error == 0 && i < function->kernel->count; i++)
        error = take(launch, function->kernel, i, values[i]);
    launches++;
    queued += error == 0;
    return error;
}

EXPORT int cuCtxSynchronize(void)
{
    BEGIN_CALL(true);
    return flush();
}

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
