/* A fetch of chunks: the plan says what to ask of whom, a carrier asks, and what comes lands if its hash is right. */
#ifndef MM_EXCHANGE_DOWNLOAD_H
#define MM_EXCHANGE_DOWNLOAD_H

#include "exchange/carrier.h"
#include "exchange/landing.h"
#include "exchange/plan.h"

struct mm_download; /* opaque */

/* Fetches what LANDING lacks, which it borrows, like CARRIER. Returns NULL with IO_MEMORY. */
struct mm_download *mm_download_new(struct mm_landing *landing, const struct mm_carrier *carrier,
                                    const struct mm_plan_options *options, uint64_t now, struct mm_diags *diags);

/* Ends what is open without a word to the carrier. */
void mm_download_free(struct mm_download *download);

/* From here on chunks are hashed and written by a thread, where there is one to be had, and what became of them is known a moment later. Nobody
 * else puts anything into the landing until the download is freed. */
void mm_download_judge_behind(struct mm_download *download);

/* Waits until it is known what became of all chunks that came. */
void mm_download_settle(struct mm_download *download, uint64_t now);

/* Its plan: for mm_plan_peer_add, whose numbers the carrier gets, and to look at. */
struct mm_plan *mm_download_plan(struct mm_download *download);

/* Does what there is to do, until mm_plan_state says other than MM_PLAN_GOING. Returns 0, or -1 where this machine failed (IO_WRITE,
 * IO_MEMORY); a fetch that failed so is over. Due after each event, and MM_PLAN_TICK after the last call. What peers did wrong is a note
 * (PEER_WRONG, PEER_ANSWER, PEER_SLOW), that names them. */
int mm_download_turn(struct mm_download *download, uint64_t now, struct mm_diags *diags);

/* What the carrier tells. Of a request that is no more nothing is heard. HEAD and BODY return false to have it given up; its end need not be
 * told then. */
void mm_download_ready(struct mm_download *download, size_t peer, uint64_t now);
void mm_download_away(struct mm_download *download, size_t peer, uint64_t now);
bool mm_download_head(struct mm_download *download, uint64_t id, int status, const struct mm_reply_header *headers,
                      size_t count, uint64_t now);
bool mm_download_body(struct mm_download *download, uint64_t id, const unsigned char *bytes, size_t length,
                      uint64_t now);
void mm_download_end(struct mm_download *download, uint64_t id, bool complete, uint64_t now);

#endif
