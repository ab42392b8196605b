/* Fetching a model from peers into the store (peer.md, Fetching): its texts first, then what lacks of its files, and then the importer's
 * checks, which are those of any import. */
#ifndef MM_PEER_FETCH_H
#define MM_PEER_FETCH_H

#include "act/import.h"
#include "peer/client.h"

/* Who is asked: peers 0 to COUNT - 1 of CLIENT, with their keys. One that gave a wrong answer is not asked again. */
struct mm_peer_fetch {
    struct mm_peer_client *client;
    unsigned char (*keys)[MM_PEER_KEY_BYTES];
    bool wrong[MM_PLAN_PEERS];
    size_t count;
    struct mm_plan_options options;
    mm_progress_fn *progress; /* may be NULL */
    void *progress_context;
    /* what happened */
    uint64_t fetched; /* bytes of chunks that landed */
    struct mm_peer_gave {
        uint64_t chunks, copied; /* that were written, and their bytes */
        uint64_t read;           /* bytes that came, thrown away ones too */
    } gave[MM_PLAN_PEERS];
};

/* Gets the manifest with this SHA256 from the first peer that has it. Returns 0, or -1 with PEER_LACKS. */
int mm_peer_fetch_manifest(struct mm_peer_fetch *fetch, const unsigned char sha256[static MM_HASH_BYTES],
                           struct mm_buf *text, struct mm_diags *diags);

/* Asks for what will be needed of MANIFEST's model besides chunks: its signature, the chunk lists that HOME does not have, and what each peer
 * holds, all in one round trip, as far as it is little. What fails will fail again for those who wait for it; what is wrong with the transport is
 * among DIAGS, with IO_READ. */
void mm_peer_fetch_ahead(struct mm_peer_fetch *fetch, int home, const struct mm_manifest *manifest,
                         struct mm_diags *diags);

/* Is one of SIGNATURES good: OTHER of the countersignatures, or the publisher's? */
#define MM_PEER_OWN_SIGNATURE SIZE_MAX
typedef bool mm_peer_judge_fn(void *context, const struct mm_signatures *signatures, size_t other);

/* Gets the signature of the manifest with this SHA256, and the countersignatures that TRUST's policies ask for, each from a peer for which
 * JUDGE returns true; where there is none, the last one that came. What nobody has is left out. Returns 0, or -1 with IO_MEMORY; release
 * SIGNATURES, which are empty before, in every case. */
int mm_peer_fetch_signatures(struct mm_peer_fetch *fetch, const unsigned char sha256[static MM_HASH_BYTES],
                             const struct mm_trust *trust, mm_peer_judge_fn *judge, void *context,
                             struct mm_signatures *signatures, struct mm_diags *diags);

/* Brings the model of the valid MANIFEST, with SIGNATURES, into the store HOME, whose path is HOME_PATH, as mm_import does by HOW.
 * What came stays for the next call, whatever ends this one. Returns 0, or -1 with findings: those of an import, PEER_LACKS (nobody has
 * what lacks, or nobody is left), PEER_SLOW. */
int mm_peer_fetch_model(struct mm_peer_fetch *fetch, int home, const char *home_path,
                        const struct mm_manifest *manifest, const struct mm_signatures *signatures,
                        const struct mm_import_options *how, struct mm_import_facts *facts, struct mm_diags *diags);

#endif
