/* Mending a damaged file from peers (peer.md, Fetching): what is wrong of it is found, fetched and written as any repair does it. */
#ifndef MM_PEER_MEND_H
#define MM_PEER_MEND_H

#include "act/repair.h"
#include "peer/fetch.h"

/* Mends TARGET, whose claim is a manifest's, by HOW, whose copies may be none and whose `bring` is filled in. Its chunk list, where it has
 * none, comes from a peer. Returns 0 where it is whole, or -1 with findings: those of mm_repair, PEER_LACKS, PEER_SLOW. Release FACTS in
 * every case. */
int mm_peer_mend(struct mm_peer_fetch *fetch, struct mm_repair_target *target, struct mm_repair_options *how,
                 struct mm_repair_facts *facts, struct mm_diags *diags);

#endif
