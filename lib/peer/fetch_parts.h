/* What fetching a model (fetch.c), its texts (fetch_texts.c) and mending a file (mend.c) share. Nobody else includes this. */
#ifndef MM_PEER_FETCH_PARTS_H
#define MM_PEER_FETCH_PARTS_H

#include "peer/fetch.h"

#define MM_PEER_TURN 20 /* milliseconds that the transport may take before anything else is looked at */

/* What is made of a text that claims to be a chunk list. Returns 0; -1 with findings, which are of a no where the text is at fault. */
typedef int mm_peer_list_fn(void *context, const struct mm_claim *claim, const char *text, size_t length,
                            struct mm_diags *diags);

/* Gets the chunk list of CLAIM from the first peer whose text TAKE takes. Returns 0, or -1 with PEER_LACKS or this machine's fault. */
int mm_peer_fetch_list(struct mm_peer_fetch *fetch, const struct mm_claim *claim, mm_peer_list_fn *take, void *context,
                       struct mm_diags *diags);

/* Gets what LANDING lacks, as far as peers have it. Returns 0; 1 with PEER_LACKS or PEER_SLOW where chunks lack still; -1 where this
 * machine failed. */
int mm_peer_fetch_land(struct mm_peer_fetch *fetch, struct mm_landing *landing, struct mm_diags *diags);

#endif
