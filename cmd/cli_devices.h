/* The devices of --device: named, opened before the sandbox is entered, and listed. */
#ifndef CLI_DEVICES_H
#define CLI_DEVICES_H

#include "base/sandbox.h"
#include "cli.h"
#include "infer/gpu.h"
#include "infer/loaded.h"

#define CLI_DEVICE_HELP                                                                                                \
    "run on each of DEVICES and compare them with the first: cpu, opencl[:N], cuda[:N], auto (default cpu)"

struct cli_devices {
    char names[MM_LOADED_ENGINES][MM_GPU_NAME];
    struct mm_gpu *gpus[MM_LOADED_ENGINES]; /* NULL: the CPU */
    size_t count;
    int cache; /* the folder of programs, where drivers may write too; -1: none */
};
#define CLI_DEVICES_NONE                                                                                               \
    {                                                                                                                  \
        .cache = -1                                                                                                    \
    }

/* Reads LIST (NULL: cpu). What is no name of a device ends the process. */
void cli_devices_take(const struct cli *cli, struct cli_devices *devices, const char *list);

/* True if a driver may be opened: one of them is not the CPU. */
bool cli_devices_drivers(const struct cli_devices *devices);

/* Opens those that are not the CPU, and builds their programs; auto becomes the first device that is there, of cuda, then opencl, or the CPU, with a note.
 * Returns 0, or -1 with INFER_DEVICE or IO_MEMORY; release DEVICES in every case, behind the engines that were made on them. */
int cli_devices_open(struct cli *cli, struct cli_devices *devices);
void cli_devices_release(struct cli_devices *devices);

/* What they still have to write once the sandbox is entered: up to one rule into RULES. Returns their number. */
size_t cli_devices_rules(const struct cli_devices *devices, struct mm_sandbox_rule *rules);

/* Prints a line for every device of this machine (--list-devices). Returns the answer. */
int cli_devices_list(struct cli *cli);

#endif
