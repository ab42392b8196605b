/* What a peer serves: models of the store, each judged and held against its receipts, found by the hashes in their manifests; and, where that
 * is wanted, the chunks that fetches in progress have. Shares do not change once they are made, but for chunks that come; a reload makes
 * others, and those before stay as long as a response needs them. Nothing is written to the store. */
#ifndef MM_EXCHANGE_SHARES_H
#define MM_EXCHANGE_SHARES_H

#include <sys/types.h>

#include "act/trust.h"
#include "doc/receipt.h"

#define MM_SHARES_OPEN 64            /* files that stay open though nobody reads them just now */
#define MM_SHARES_TEXTS (256u << 20) /* bytes of manifests and signatures in memory at most */
#define MM_SHARES_LISTING                                                                                              \
    (1u << 20) /* bytes of the listing at most: clients take no more; models that do not fit are left out of it */

/* Bytes that can be served: in memory, or a file of the store that is opened when it is asked for. */
struct mm_share_blob {
    uint64_t bytes;
    unsigned char sha256[MM_HASH_BYTES];
    char *memory;                      /* or NULL */
    char *path;                        /* beneath the home, or NULL */
    struct mm_fingerprint fingerprint; /* of the file: another one is not served */
    bool grows;                        /* it is being fetched: device and inode alone say whether it is another */
    int fd;                            /* -1 while it is closed */
    unsigned readers;                  /* responses that need it open */
    uint64_t used;                     /* when it was asked for last, as a count */
};

struct mm_share_part; /* what has to be known of one that is held in part */

/* An artifact. Chunks that are not held are told by HAVE; NULL: all are. */
struct mm_share_file {
    struct mm_chunk_facts chunks;
    struct mm_share_blob content, list;
    unsigned char *have;
    struct mm_share_part *part; /* NULL: it is held whole */
};

/* A countersignature, by the key that made it. */
struct mm_share_other {
    char key_id[MM_KEY_ID_TEXT];
    struct mm_share_blob text;
};

struct mm_share_model {
    struct mm_share_blob manifest, signature; /* no signature: bytes 0 */
    struct mm_share_other *others;
    size_t other_count, other_capacity;
};

struct mm_shares; /* counted: whoever keeps one drops it */

/* What is to be shared. */
struct mm_shares_wanted {
    const char *const *models; /* PUBLISHER/NAME[@REVISION]; without a revision the highest that is there */
    size_t count;
    bool all;     /* and every model whose manifest's peer-hint is `available` */
    bool partial; /* of these also what fetches have that did not end: they keep the manifest with what came */
};

/* Takes the models that WANTED names from the store beneath the open folder HOME, which has to stay open. One whose manifest, signature,
 * receipt or files are not as they should be is left out, and is a finding; so is one in place, whose files anybody may change, and one
 * without a chunk list (PEER_SHARE). Returns NULL with a finding where nothing at all can be made (IO_MEMORY, IO_READ, IO_LIMIT). */
struct mm_shares *mm_shares_new(int home, const struct mm_shares_wanted *wanted, const struct mm_trust *trust,
                                struct mm_diags *diags);
void mm_shares_keep(struct mm_shares *shares);
void mm_shares_drop(struct mm_shares *shares); /* NULL is fine */

size_t mm_shares_models(const struct mm_shares *shares);

/* By the manifest's SHA-256, the artifact's, the artifact's Merkle root; NULL where there is none. */
struct mm_share_model *mm_shares_manifest(struct mm_shares *shares, const unsigned char sha256[static MM_HASH_BYTES]);
struct mm_share_file *mm_shares_artifact(struct mm_shares *shares, const unsigned char sha256[static MM_HASH_BYTES]);
struct mm_share_file *mm_shares_root(struct mm_shares *shares, const unsigned char root[static MM_HASH_BYTES]);

/* The lines of /v0/models. */
const struct mm_buf *mm_shares_listing(const struct mm_shares *shares);

/* Looks for chunks that came to fetches in progress since the last look: each is served once its hash was compared. Reads about BYTES at
 * most; what it did not come to is looked at by the next call. Returns true where a file is gone that was there at the last one: its fetch has
 * ended, one way or the other. */
bool mm_shares_look(struct mm_shares *shares, uint64_t bytes);

/* Opens BLOB, which is a file: its descriptor, to be read at offsets, or -1 with errno where it is not the file any more that it was (ESTALE)
 * or cannot be opened. Close what was opened. */
int mm_shares_open(struct mm_shares *shares, struct mm_share_blob *blob);
void mm_shares_close(struct mm_shares *shares, struct mm_share_blob *blob);

#endif
