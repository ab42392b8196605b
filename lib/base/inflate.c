#include "base/inflate.h"

#include <limits.h>
#include <zlib.h>

/* zlib's own word for "gzip wrapper only, window of 32 KiB". */
#define GZIP_ONLY (15 + 16)

static int inflate_all(z_stream *stream, size_t limit, mm_inflate_fn *each, void *context, struct mm_diags *diags)
{
    unsigned char block[16384];
    size_t total = 0;
    int state = Z_OK;
    while (state != Z_STREAM_END) {
        stream->next_out = block;
        stream->avail_out = sizeof block;
        state = inflate(stream, Z_NO_FLUSH);
        size_t made = sizeof block - stream->avail_out;
        if (state == Z_MEM_ERROR)
            return mm_diag_memory(diags);
        if (state != Z_OK && state != Z_STREAM_END)
            return mm_diag_offset(diags, MM_RULE_CHUNK_GZIP, stream->total_in, "expected one gzip member, found %s",
                                  stream->msg ? stream->msg : "an early end");
        if (made > limit - total)
            return mm_diag_offset(diags, MM_RULE_CHUNK_GZIP, stream->total_in,
                                  "expected at most %zu bytes when inflated, found more", limit);
        total += made;
        if (each(context, (const char *)block, made) != 0)
            return -1;
    }
    if (stream->avail_in > 0)
        return mm_diag_offset(diags, MM_RULE_CHUNK_GZIP, stream->total_in,
                              "expected the end of the file after one gzip member, found %u more bytes",
                              stream->avail_in);
    return 0;
}

int mm_inflate_gzip(const void *data, size_t length, size_t limit, mm_inflate_fn *each, void *context,
                    struct mm_diags *diags)
{
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)data, .avail_in = (uInt)length};
    if (length > UINT_MAX)
        return mm_diag(diags, MM_RULE_CHUNK_GZIP, "expected a compressed list below 4 GiB, found %zu bytes", length);
    if (inflateInit2(&stream, GZIP_ONLY) != Z_OK)
        return mm_diag_memory(diags);
    int result = inflate_all(&stream, limit, each, context, diags);
    inflateEnd(&stream);
    return result;
}
