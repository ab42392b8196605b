/* Contents that are refused in every role: zip, tar, gzip, 7z and pickle (artifacts.md, All formats). They are known by
 * what they hold, not by what they are called. */
#ifndef MM_MODEL_REFUSED_H
#define MM_MODEL_REFUSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes from the start of a file that mm_refused_head wants to see, if the file has them. */
#define MM_REFUSED_HEAD 512

/* What the first bytes of a file show it to be ("a zip archive", ...), or NULL. Pickles without a magic are mm_pickle's. */
const char *mm_refused_head(const unsigned char *bytes, size_t length);

/* The end of a file, where a zip archive keeps its directory whatever stands before it. Fed with the file's bytes in order. */
#define MM_REFUSED_TAIL 65557 /* end record of 22 bytes and a comment of at most 65535 */
struct mm_refused_tail {
    unsigned char bytes[2 * MM_REFUSED_TAIL];
    size_t length;
    uint64_t total; /* bytes fed */
};
void mm_refused_tail_add(struct mm_refused_tail *tail, const unsigned char *bytes, size_t length);

/* True if a zip archive's end record stands in the last MM_REFUSED_TAIL bytes. */
bool mm_refused_tail_is_zip(const struct mm_refused_tail *tail);

#endif
