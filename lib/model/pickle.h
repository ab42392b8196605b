/* Knowing a Python pickle by what it holds. Protocols 0 and 1 have no magic, so the bytes are read as a pickle machine
 * reads them: opcodes with their arguments, and a stack that must hold what they take (Python's pickletools). */
#ifndef MM_MODEL_PICKLE_H
#define MM_MODEL_PICKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MM_PICKLE_MARKS 256

struct mm_pickle {
    enum {
        MM_PICKLE_OPCODES,
        MM_PICKLE_LINE,
        MM_PICKLE_COUNT,
        MM_PICKLE_BYTES,
        MM_PICKLE_STOPPED,
        MM_PICKLE_DEAD
    } state;
    unsigned char opcode;
    unsigned lines;      /* still to come in LINE */
    uint64_t left;       /* bytes still to come in COUNT and BYTES */
    unsigned count_size; /* of the count field; its bytes gather in count */
    uint64_t count;
    uint64_t line_length;
    uint64_t depth;                  /* of the machine's stack */
    uint64_t marks[MM_PICKLE_MARKS]; /* depths at which marks stand */
    unsigned mark_count;
    uint64_t more_marks; /* above those that are kept; how deep they stand is not known */
    uint64_t opcodes;
    bool name, call;       /* something was looked up by name; it was called */
    uint64_t behind;       /* bytes behind the end */
    bool only_feed_behind; /* and they are line feeds */
};

/* A zeroed state begins. Bytes come in order; it costs nothing once they are no pickle's. */
void mm_pickle_feed(struct mm_pickle *pickle, const unsigned char *bytes, size_t length);

/* After the last byte: true for a pickle that ends where the file ends, and for anything that would call a function
 * before the machine finds fault with the rest. */
bool mm_pickle_found(const struct mm_pickle *pickle);

#endif
