/* Reading a gzip file through a cap: one member, nothing after it, never more output than asked for. */
#ifndef MM_BASE_INFLATE_H
#define MM_BASE_INFLATE_H

#include "base/buf.h"

/* Inflates DATA (a whole .gz file) into OUT, at most LIMIT bytes. Returns 0, or -1 with CHUNK_GZIP (not one gzip member,
 * bytes behind it, checksum wrong, larger than LIMIT) or IO_MEMORY. */
int mm_inflate_gzip(const void *data, size_t length, size_t limit, struct mm_buf *out, struct mm_diags *diags);

#endif
