#include "model/refused.h"

#include <string.h>

#include "base/number.h"

static bool begins(const unsigned char *bytes, size_t length, const char *magic, size_t size)
{
    return length >= size && memcmp(bytes, magic, size) == 0;
}

/* ---- tar ---- */

#define TAR_BLOCK 512
#define TAR_SUM_AT 148
#define TAR_SUM_SIZE 8

/* The header's own checksum (POSIX ustar, and every tar before it): octal digits up to a NUL or a space. The field itself
 * counts as spaces; old writers summed signed bytes. */
static bool is_tar(const unsigned char *bytes, size_t length)
{
    long stated = 0, sum = 0, signed_sum = 0;
    size_t at = TAR_SUM_AT, end = TAR_SUM_AT + TAR_SUM_SIZE, first;
    if (length < TAR_BLOCK)
        return false;
    while (at < end && bytes[at] == ' ')
        at++;
    for (first = at; at < end && bytes[at] >= '0' && bytes[at] <= '7'; at++)
        stated = stated * 8 + (bytes[at] - '0');
    if (at == first || (at < end && bytes[at] != ' ' && bytes[at] != 0))
        return false;
    for (size_t i = 0; i < TAR_BLOCK; i++) {
        bool field = i >= TAR_SUM_AT && i < end;
        sum += field ? ' ' : bytes[i];
        signed_sum += field ? ' ' : (signed char)bytes[i];
    }
    return sum == stated || signed_sum == stated;
}

/* ---- pickle, protocols with a magic ---- */

/* PROTO and a version, then FRAME or whatever opcode comes first; the rest is mm_pickle's business. */
static bool is_marked_pickle(const unsigned char *bytes, size_t length)
{
    return length >= 3 && bytes[0] == 0x80 && bytes[1] >= 1 && bytes[1] <= 6 && bytes[2] &&
           (bytes[2] >= 0x80 || strchr("(})]NcKMJIFGXUTVSBCL", bytes[2]));
}

const char *mm_refused_head(const unsigned char *bytes, size_t length)
{
    if (begins(bytes, length, "PK\3\4", 4) || begins(bytes, length, "PK\5\6", 4) || begins(bytes, length, "PK\7\10", 4))
        return "a zip archive";
    if (begins(bytes, length, "\x1f\x8b", 2))
        return "gzip data";
    if (begins(bytes, length, "7z\xBC\xAF\x27\x1C", 6))
        return "a 7z archive";
    if (is_tar(bytes, length))
        return "a tar archive";
    if (is_marked_pickle(bytes, length))
        return "a pickle";
    return NULL;
}

/* ---- zip behind other bytes ---- */

#define ZIP_END_SIZE 22

void mm_refused_tail_add(struct mm_refused_tail *tail, const unsigned char *bytes, size_t length)
{
    tail->total += length;
    if (length >= MM_REFUSED_TAIL) {
        memcpy(tail->bytes, bytes + length - MM_REFUSED_TAIL, MM_REFUSED_TAIL);
        tail->length = MM_REFUSED_TAIL;
        return;
    }
    if (tail->length + length > sizeof tail->bytes) {
        memmove(tail->bytes, tail->bytes + tail->length - MM_REFUSED_TAIL, MM_REFUSED_TAIL);
        tail->length = MM_REFUSED_TAIL;
    }
    memcpy(tail->bytes + tail->length, bytes, length);
    tail->length += length;
}

/* An end record that makes sense where it stands: one disk, entries that fit the directory, a directory before it. Readers
 * differ on bytes behind the record and its comment, so those do not matter here. */
static bool is_end_record(const unsigned char *record, uint64_t offset)
{
    uint64_t entries = mm_little_endian(record + 10, 2), size = mm_little_endian(record + 12, 4),
             start = mm_little_endian(record + 16, 4);
    if (memcmp(record, "PK\5\6", 4) != 0 || mm_little_endian(record + 4, 4) != 0 ||
        mm_little_endian(record + 8, 2) != entries)
        return false;
    bool zip64 = entries == 0xFFFF || size == 0xFFFFFFFF || start == 0xFFFFFFFF;
    return zip64 || (size >= entries * 46u && size + start <= offset);
}

bool mm_refused_tail_is_zip(const struct mm_refused_tail *tail)
{
    uint64_t before = tail->total - tail->length;
    size_t from = tail->length > MM_REFUSED_TAIL ? tail->length - MM_REFUSED_TAIL : 0;
    for (size_t at = from; at + ZIP_END_SIZE <= tail->length; at++)
        if (tail->bytes[at] == 'P' && is_end_record(tail->bytes + at, before + at))
            return true;
    return false;
}
