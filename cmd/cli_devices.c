#include "cli_devices.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/beneath.h"

#define CACHE "minimodel/devices"

/* ---- names ---- */

void cli_devices_take(const struct cli *cli, struct cli_devices *devices, const char *list)
{
    const char *at = list ? list : "cpu";
    for (;; at++) {
        size_t length = strcspn(at, ",");
        if (devices->count == MM_LOADED_ENGINES)
            cli_usage(cli, "--device: expected at most %d devices, found more", MM_LOADED_ENGINES);
        char *name = devices->names[devices->count++];
        if (length < MM_GPU_NAME)
            memcpy(name, at, length);
        if (strcmp(name, "cpu") != 0 && strcmp(name, "auto") != 0 && !mm_gpu_is(name))
            cli_usage(cli,
                      "--device: expected cpu, opencl, opencl:N, cuda, cuda:N or auto, separated by commas, found '%s'",
                      list);
        at += length;
        if (!*at)
            return;
    }
}

/* ---- where programs are kept ---- */

/* Opens MINIMODEL_CACHE, else $XDG_CACHE_HOME/minimodel/devices, made if need be. Where that cannot be, programs are built each time. */
static int open_cache(void)
{
    char *path = NULL;
    int folder = -1;
    if (mm_user_path(&path, NULL, "MINIMODEL_CACHE", "XDG_CACHE_HOME", ".cache", CACHE) > 0) {
        folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder < 0 && mm_beneath_make(path) == 0)
            folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    if (folder >= 0)
        setenv("POCL_CACHE_DIR", path, 0); /* PoCL writes while kernels run: there it may */
    free(path);
    return folder;
}

size_t cli_devices_rules(const struct cli_devices *devices, struct mm_sandbox_rule *rules)
{
    if (devices->cache < 0)
        return 0;
    *rules = (struct mm_sandbox_rule){devices->cache, MM_SANDBOX_STORE};
    return 1;
}

/* ---- opening ---- */

bool cli_devices_drivers(const struct cli_devices *devices)
{
    for (size_t i = 0; i < devices->count; i++)
        if (strcmp(devices->names[i], "cpu") != 0)
            return true;
    return false;
}

static int take_first(void *context, const struct mm_gpu_device *device)
{
    memcpy(context, device->name, MM_GPU_NAME);
    return 1;
}

/* What auto is here. */
static void choose(struct cli *cli, char name[static MM_GPU_NAME])
{
    struct mm_diags ignored;
    strcpy(name, "cpu");
    mm_diags_init(&ignored);
    mm_gpu_list("cuda", take_first, name, &ignored);
    if (strcmp(name, "cpu") == 0)
        mm_gpu_list("opencl", take_first, name, &ignored);
    mm_diags_release(&ignored);
    if (strcmp(name, "cpu") == 0)
        mm_note(&cli->diags, MM_RULE_INFER_DEVICE, "no device is here but the CPU");
}

int cli_devices_open(struct cli *cli, struct cli_devices *devices)
{
    for (size_t i = 0; i < devices->count; i++) {
        if (strcmp(devices->names[i], "auto") == 0)
            choose(cli, devices->names[i]);
        if (strcmp(devices->names[i], "cpu") == 0)
            continue;
        if (devices->cache < 0)
            devices->cache = open_cache();
        devices->gpus[i] = mm_gpu_open(devices->names[i], devices->cache, &cli->diags);
        if (!devices->gpus[i])
            return -1;
    }
    return 0;
}

void cli_devices_release(struct cli_devices *devices)
{
    for (size_t i = 0; i < devices->count; i++)
        mm_gpu_close(devices->gpus[i]);
    if (devices->cache >= 0)
        close(devices->cache);
}

/* ---- the list ---- */

struct listing {
    const struct cli *cli;
    struct mm_buf out;
};

static int list_device(void *context, const struct mm_gpu_device *device)
{
    struct listing *l = context;
    if (!l->cli->json) {
        mm_buf_printf(&l->out, "%s\t%llu\t%s\t%s\n", device->name, (unsigned long long)device->memory, device->what,
                      device->driver[0] ? device->driver : "-");
        return 0;
    }
    mm_buf_printf(&l->out, "{\"device\":\"%s\",\"name\":", device->name);
    mm_buf_json_str(&l->out, device->what);
    mm_buf_printf(&l->out, ",\"memory_bytes\":%llu,\"driver\":", (unsigned long long)device->memory);
    mm_buf_json_str(&l->out, device->driver);
    mm_buf_str(&l->out, "}\n");
    return 0;
}

int cli_devices_list(struct cli *cli)
{
    struct listing l = {.cli = cli};
    struct mm_gpu_device cpu = {.name = "cpu"};
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    cpu.memory = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
    snprintf(cpu.what, sizeof cpu.what, "%s", mm_kernels_name(mm_kernels_find(NULL, false)));
    list_device(&l, &cpu);
    mm_gpu_list(NULL, list_device, &l, &cli->diags);
    int result = cli_print(cli, &l.out);
    mm_buf_release(&l.out);
    return result < 0 ? cli_failed(cli) : MM_YES;
}
