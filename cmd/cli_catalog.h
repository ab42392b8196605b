/* What the commands of catalogs share: heads in files that the user names, and their facts. */
#ifndef CLI_CATALOG_H
#define CLI_CATALOG_H

#include "act/catalog_folder.h"
#include "cli.h"

/* Reads the head in the file PATH, and with SIGNATURE also what stands beside it as PATH.minisig. Returns 0, or -1 with findings; release
 * HEAD in every case. */
int cli_catalog_head(struct cli *cli, const char *path, bool signature, struct mm_signed_head *head);

/* Adds the facts of a head; KEY_ID (NULL: nothing is said of it) is whose signature it has, "" for none. */
void cli_catalog_facts(const struct cli *cli, struct mm_buf *out, const struct mm_catalog_head *head,
                       const char *key_id);

void cli_catalog_hash(const struct cli *cli, struct mm_buf *out, const char *key, const unsigned char *hash);

/* Prints what was added to OUT, and releases it. Returns 0, or -1 with IO_WRITE. */
int cli_catalog_print(struct cli *cli, struct mm_buf *out);

#endif
