/* The publisher file: defaults that are the same for all of a publisher's models (docs/formats/publisher.md). */
#ifndef MM_DOC_PUBLISHER_H
#define MM_DOC_PUBLISHER_H

#include "doc/manifest.h"

#define MM_PUBLISHER_TYPE "minimodel-publisher"

/* Reads `minimodel-publisher 0` and its fields, each at most once, in the manifest's order, from FD into the model group of
 * MANIFEST, which is no whole manifest: mm_manifest_get and mm_manifest_text are what it is good for.
 * Returns 0, or -1 with findings; release MANIFEST in every case. */
int mm_publisher_read(struct mm_manifest *manifest, int fd, struct mm_diags *diags);

#endif
