/* What infer-check writes as evidence, and says of where evidence comes from. */
#ifndef CLI_EVIDENCE_H
#define CLI_EVIDENCE_H

#include "base/file.h"
#include "cli.h"
#include "doc/evidence.h"

/* A model-id for the file or folder PATH, that says nothing of it. */
void cli_evidence_name(const char *path, char out[static MM_EVIDENCE_MODEL_ID + 1]);

/* Notes where EXPECTED was recorded with another model or artifact than FOUND. */
void cli_evidence_heads(struct cli *cli, const struct mm_evidence *expected, const struct mm_evidence *found);

/* Writes FOUND to WRITER, which is open for PATH, or to the output where that is "-". Returns 0, or -1 with findings: of mm_evidence_read too, as nothing is written
 * that could not be read. */
int cli_evidence_write(struct cli *cli, const char *path, struct mm_writer *writer, const struct mm_evidence *found);

#endif
