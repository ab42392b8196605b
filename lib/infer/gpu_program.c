/* Libraries that are opened at run time, devices by name, and the program of a device: built from source, or taken from where it was kept. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/number.h"
#include "hash/sha256.h"
#include "infer/gpu_parts.h"
#include "infer_sources.h"

#define KEPT_MAX ((size_t)64 * 1024 * 1024) /* bytes of a program that is kept */

static const struct mm_gpu_dialect *const dialects[] = {&mm_gpu_opencl, &mm_gpu_cuda};
#define DIALECTS (sizeof dialects / sizeof *dialects)

/* ---- libraries ---- */

bool mm_gpu_library(const char *const *names, const char *const *symbols, void **functions, size_t count)
{
    void *library = NULL;
    for (size_t i = 0; !library && names[i]; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    for (size_t i = 0; library && i < count; i++)
        if (!(functions[i] = dlsym(library, symbols[i]))) {
            dlclose(library);
            return false;
        }
    return library;
}

void mm_gpu_say(char out[static MM_GPU_WHAT], const char *text, size_t length)
{
    size_t at = 0;
    for (size_t i = 0; i < length && text[i] && at < MM_GPU_WHAT - 1; i++)
        if (text[i] >= ' ' && text[i] <= '~')
            out[at++] = text[i];
    while (at > 0 && out[at - 1] == ' ')
        at--;
    out[at] = '\0';
}

/* ---- names ---- */

/* The dialect that NAME begins with and the number behind it; NULL for no name of a device. */
static const struct mm_gpu_dialect *read_name(const char *name, unsigned *index)
{
    uint64_t number = 0;
    for (size_t i = 0; i < DIALECTS; i++) {
        size_t length = strlen(dialects[i]->name);
        if (strncmp(name, dialects[i]->name, length) != 0)
            continue;
        const char *rest = name + length;
        if (*rest && (*rest != ':' || !mm_number(rest + 1, strlen(rest + 1), MM_GPU_DEVICES - 1, &number)))
            continue;
        *index = (unsigned)number;
        return dialects[i];
    }
    return NULL;
}

bool mm_gpu_is(const char *name)
{
    unsigned index;
    return read_name(name, &index);
}

int mm_gpu_list(const char *dialect, mm_gpu_device_fn *each, void *context, struct mm_diags *diags)
{
    for (size_t i = 0; i < DIALECTS; i++) {
        struct mm_gpu_device device = {0};
        const char *why;
        int found;
        if (dialect && strcmp(dialect, dialects[i]->name) != 0)
            continue;
        for (unsigned index = 0; (found = dialects[i]->describe(index, &device, &why)) > 0; index++)
            if (each(context, &device) != 0)
                return 0;
        if (found < 0)
            mm_note(diags, MM_RULE_INFER_DEVICE, "%s: %s", dialects[i]->name, why);
    }
    return 0;
}

/* ---- devices ---- */

struct mm_gpu *mm_gpu_open(const char *name, int cache, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    struct mm_gpu_device device = {0};
    const char *why = "there is none with this number";
    unsigned index = 0;
    const struct mm_gpu_dialect *dialect = read_name(name, &index);
    if (!dialect || dialect->describe(index, &device, &why) <= 0) {
        mm_diag(diags, MM_RULE_INFER_DEVICE, "expected a device, found '%s': %s", mm_show(shown, name, strlen(name)),
                dialect ? why : "no name of one");
        return NULL;
    }
    struct mm_gpu *gpu = dialect->open(index, diags);
    if (gpu && mm_gpu_build(gpu, cache, diags) < 0) {
        dialect->close(gpu);
        return NULL;
    }
    return gpu;
}

void mm_gpu_close(struct mm_gpu *gpu)
{
    if (gpu)
        gpu->dialect->close(gpu);
}

const struct mm_gpu_device *mm_gpu_device(const struct mm_gpu *gpu)
{
    return &gpu->device;
}

/* ---- programs ---- */

/* The file of a program, its bytes behind their SHA-256: whoever stopped in the middle of writing it, or wrote other things there, is not believed. */
static int load_kept(struct mm_gpu *gpu, int cache, const char *name, struct mm_sha256 *sha)
{
    struct mm_diags ignored;
    struct mm_buf kept = {0};
    unsigned char digest[MM_HASH_BYTES];
    int result = -1, fd = mm_file_open_beneath(cache, name, MM_LINKS_NONE);
    if (fd < 0)
        return -1;
    mm_diags_init(&ignored);
    if (mm_file_read_all(fd, KEPT_MAX, &kept, &ignored) == 0 && kept.length > MM_HASH_BYTES) {
        mm_sha256_once(sha, kept.data + MM_HASH_BYTES, kept.length - MM_HASH_BYTES, digest);
        if (memcmp(digest, kept.data, MM_HASH_BYTES) == 0)
            result = gpu->dialect->load(gpu, kept.data + MM_HASH_BYTES, kept.length - MM_HASH_BYTES);
    }
    close(fd);
    mm_buf_release(&kept);
    mm_diags_release(&ignored);
    return result;
}

static void keep(struct mm_gpu *gpu, int cache, const char *name, struct mm_sha256 *sha)
{
    struct mm_diags ignored; /* without it the next call builds again */
    struct mm_buf binary = {0};
    struct mm_writer writer;
    unsigned char digest[MM_HASH_BYTES];
    mm_diags_init(&ignored);
    if (gpu->dialect->binary(gpu, &binary) == 0 && binary.length + MM_HASH_BYTES <= KEPT_MAX &&
        mm_writer_open_in(&writer, cache, name, true, &ignored) == 0) {
        mm_sha256_once(sha, binary.data, binary.length, digest);
        if (mm_writer_write(&writer, digest, sizeof digest, &ignored) < 0 ||
            mm_writer_write(&writer, binary.data, binary.length, &ignored) < 0)
            mm_writer_abandon(&writer);
        else
            mm_writer_commit(&writer, &ignored);
    }
    mm_buf_release(&binary);
    mm_diags_release(&ignored);
}

/* The name of the file for what GPU makes of SOURCE. */
static void name_of(const struct mm_gpu *gpu, const struct mm_buf *source, struct mm_sha256 *sha,
                    char out[static 2 * MM_HASH_BYTES + 8])
{
    unsigned char digest[MM_HASH_BYTES];
    const struct mm_gpu_device *device = &gpu->device;
    mm_sha256_update(sha, gpu->dialect->name, strlen(gpu->dialect->name) + 1);
    mm_sha256_update(sha, device->what, strlen(device->what) + 1);
    mm_sha256_update(sha, device->driver, strlen(device->driver) + 1);
    mm_sha256_update(sha, source->data, source->length);
    mm_sha256_take(sha, digest);
    mm_hex(out, digest, sizeof digest);
    strcpy(out + 2 * MM_HASH_BYTES, ".bin");
}

int mm_gpu_build(struct mm_gpu *gpu, int cache, struct mm_diags *diags)
{
    char name[2 * MM_HASH_BYTES + 8];
    struct mm_buf source = {0};
    struct mm_sha256 *sha = mm_sha256_new();
    int result = -1;
    mm_buf_printf(&source, "#define GROUP_ITEMS %u\n", gpu->items);
    mm_buf_str(&source, gpu->dialect->words);
    mm_buf_str(&source, MM_KERNELS_CL);
    if (!sha || source.failed) {
        mm_diag_memory(diags);
    } else {
        name_of(gpu, &source, sha, name);
        result = cache < 0 ? -1 : load_kept(gpu, cache, name, sha);
        if (result < 0 && (result = gpu->dialect->build(gpu, source.data, diags)) == 0 && cache >= 0)
            keep(gpu, cache, name, sha);
    }
    mm_sha256_free(sha);
    mm_buf_release(&source);
    return result;
}
