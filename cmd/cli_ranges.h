/* The files for --bad-ranges and --ranges. */
#ifndef CLI_RANGES_H
#define CLI_RANGES_H

#include "base/file.h"
#include "cli.h"

/* Opens PATH for WRITER. FORCE replaces a file that is there only if it holds bad ranges or nothing: whoever names a model, a key
 * or a log by mistake loses none. Returns 0, or -1 with a finding. */
int cli_ranges_open(struct cli *cli, struct mm_writer *writer, const char *path, bool force);

/* Reads the bad ranges behind FD, which is the operand NAME, into TEXT. Returns 0, or -1 with TEXT_SIZE, CHUNK_RANGES or IO_READ. */
int cli_ranges_read(struct cli *cli, int fd, const char *name, struct mm_buf *text);

#endif
