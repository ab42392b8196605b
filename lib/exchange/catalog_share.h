/* A catalog's folder as a peer serves it: by names that a catalog has, and nothing else that may lie there. Catalogs carry metadata only, so no model's bytes
 * leave this way. Files are looked up when they are asked for: a catalog that is built anew is served anew. */
#ifndef MM_EXCHANGE_CATALOG_SHARE_H
#define MM_EXCHANGE_CATALOG_SHARE_H

#include <stdint.h>

#include "base/diag.h"

#define MM_CATALOG_SHARE_PATH "/v0/catalog/" /* before the names of files */
#define MM_CATALOG_SHARE_OPEN 64             /* files that are sent at a time */

struct mm_catalog_share {
    int folder;    /* borrowed */
    unsigned open; /* files that are being sent */
};

/* The type of the file NAME beneath a catalog's folder, as HTTP names it; NULL for what no catalog has. An empty NAME is that of the first page. */
const char *mm_catalog_share_type(const char *name);

/* Opens what mm_catalog_share_type knows, no link followed: its descriptor, to be read at offsets, and its size in BYTES; -1 with errno where it cannot be
 * opened, is no regular file (ENXIO, EISDIR), or where too many are open (EMFILE). Close it with mm_catalog_share_close. */
int mm_catalog_share_open(struct mm_catalog_share *share, const char *name, uint64_t *bytes);
void mm_catalog_share_close(struct mm_catalog_share *share, int fd);

/* Reads the head that is in FOLDER: what has none is no catalog. Its catalog-id goes to ID. Returns 0, or -1 with IO_OPEN, IO_READ, CATALOG_HEAD,
 * VALUE_NUMBER, VALUE_HASH or text rules. */
#define MM_CATALOG_SHARE_ID 65
int mm_catalog_share_check(int folder, char id[static MM_CATALOG_SHARE_ID], struct mm_diags *diags);

#endif
