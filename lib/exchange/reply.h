/* What a client makes of an answer's head (peer.md, Fetching): no redirects, no content codings, no part that was not asked for, no more bytes
 * than the manifest implies. */
#ifndef MM_EXCHANGE_REPLY_H
#define MM_EXCHANGE_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MM_REPLY_JSON_MAX (1u << 20) /* bytes of a JSON body */

struct mm_reply_header {
    const char *name, *value; /* the name in lower case */
};

/* What was asked for. */
struct mm_reply_wanted {
    uint64_t most;                 /* bytes of the body */
    bool part;                     /* by a Range: */
    uint64_t offset, length, size; /* of how many in all; the body has LENGTH bytes exactly */
};

enum mm_reply {
    MM_REPLY_BODY,    /* what was asked for follows */
    MM_REPLY_ABSENT,  /* the peer does not have it */
    MM_REPLY_LATER,   /* it cannot, or does not want to, now */
    MM_REPLY_REFUSED, /* it answers otherwise than the protocol has it */
};

/* Judges an answer by its STATUS and headers. *WHY says what was expected where it is refused, and why it has to wait otherwise; a constant. */
enum mm_reply mm_reply_judge(const struct mm_reply_wanted *wanted, int status, const struct mm_reply_header *headers,
                             size_t count, const char **why);

#endif
