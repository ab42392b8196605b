/* What the commands share that write a model file: where it goes, and what is printed of it. */
#ifndef CLI_WRITTEN_H
#define CLI_WRITTEN_H

#include "base/file.h"
#include "cli.h"
#include "convert/checkpoint.h"
#include "model/artifact.h"

/* Opens OUTPUT for WRITER, then keeps the rights to write there and to read, before anything is parsed. Returns 0, or -1 with
 * a finding. */
int cli_written_begin(struct cli *cli, struct mm_writer *writer, const char *output, bool force);

/* A finding, and -1, where OUTPUT is one of the files that CHECKPOINT reads. */
int cli_written_check(struct cli *cli, const char *output, const struct mm_checkpoint *checkpoint);

/* Prints the facts of the file that was written. Returns 0, or -1 with a finding. */
int cli_written_print(struct cli *cli, const struct mm_artifact *artifact);

#endif
