/* A thread that hashes chunks and writes those that are right, so that whoever takes them from the network need not wait for it. Results come
 * in the order in which chunks were given. */
#ifndef MM_EXCHANGE_JUDGE_H
#define MM_EXCHANGE_JUDGE_H

#include "exchange/landing.h"

#define MM_JUDGE_BYTES (16u << 20) /* of chunks that wait, at most, unless a single one has more */
#define MM_JUDGE_CHUNKS 64         /* that wait, at most */

/* A chunk, and what became of it. */
struct mm_judged {
    size_t item; /* of the landing */
    uint64_t chunk;
    unsigned char *bytes; /* from malloc; whoever has the struct has them */
    size_t length;
    bool needed;    /* false: nobody looks at it any more, and it is right */
    uint64_t order; /* the giver's own, as is PEER */
    size_t peer;
    int result; /* of mm_landing_put: 0 right and written, 1 wrong, -1 this machine failed */
};

struct mm_judge; /* opaque */

/* A thread for LANDING, which nobody else puts anything into meanwhile; it carries the digests that follow, too. Returns NULL where there is none to be had, or no memory. */
struct mm_judge *mm_judge_new(struct mm_landing *landing);

/* Gives a chunk, and its bytes. Waits while too much waits. */
void mm_judge_give(struct mm_judge *judge, const struct mm_judged *chunk);

/* Takes the oldest chunk that was judged. Findings of it go to DIAGS. Returns false where there is none, or, if WAITING, where nothing
 * was given that was not taken. */
bool mm_judge_take(struct mm_judge *judge, bool waiting, struct mm_judged *chunk, struct mm_diags *diags);

/* Waits for the chunk that is being judged, forgets the others, ends the thread. NULL is fine. */
void mm_judge_free(struct mm_judge *judge);

#endif
