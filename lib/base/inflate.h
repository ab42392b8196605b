/* Reading a gzip file through a cap: one member, nothing after it, never more output than asked for. */
#ifndef MM_BASE_INFLATE_H
#define MM_BASE_INFLATE_H

#include "base/buf.h"

/* Takes the next inflated bytes. Anything but 0 ends the inflating, a finding having been added. */
typedef int mm_inflate_fn(void *context, const char *bytes, size_t length);

/* Inflates DATA (a whole .gz file) piece by piece into EACH, at most LIMIT bytes. Returns 0, or -1 with CHUNK_GZIP (not
 * one gzip member, bytes behind it, checksum wrong, larger than LIMIT), IO_MEMORY, or what EACH found. */
int mm_inflate_gzip(const void *data, size_t length, size_t limit, mm_inflate_fn *each, void *context,
                    struct mm_diags *diags);

#endif
