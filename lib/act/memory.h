/* What the receipts of a store remember of a model, so that nobody can serve an older one as new (receipts.md, Rollback memory). */
#ifndef MM_ACT_MEMORY_H
#define MM_ACT_MEMORY_H

#include "act/chain.h"

struct mm_memory {
    char newest[MM_TIME_SIZE]; /* `created` of the newest receipt of the present chain, "" for none */
    uint64_t
        revision; /* the highest of this model in an `imported` receipt whose signature was `verified`, 0 for none */
    unsigned char manifest_sha256[MM_HASH_BYTES]; /* the first such receipt's of that revision */
    struct mm_verified {                          /* receipts that record this manifest as verified, by key */
        char key_id[17], since[MM_TIME_SIZE];     /* the oldest one's time */
    } * verified;
    size_t verified_count, verified_capacity;
};

/* Reads the memory of the model MODEL_ID and its manifest SHA256 from the chain beneath the open folder HOME, -1 for none. Receipts of
 * other models are not opened, but for the newest. Damaged ones are findings (before a restart: notes); what is sound is remembered
 * all the same. Returns 0, or -1 with findings. Release MEMORY in every case. */
int mm_memory_read(struct mm_memory *memory, int home, const char *model_id,
                   const unsigned char sha256[static MM_HASH_BYTES], struct mm_diags *diags);
void mm_memory_release(struct mm_memory *memory);

/* The time of the oldest receipt that records the manifest as verified by KEY_ID, or NULL. */
const char *mm_memory_verified(const struct mm_memory *memory, const char *key_id);

/* A revision below the highest, or another manifest of that one. Returns 0, or -1 with STORE_ROLLBACK. */
int mm_memory_check_rollback(const struct mm_memory *memory, uint64_t revision,
                             const unsigned char sha256[static MM_HASH_BYTES], struct mm_diags *diags);

/* The time that comparisons go by: the clock's or the newest receipt's, whichever is later. Returns true where the clock is behind. */
bool mm_memory_now(const struct mm_memory *memory, char now[static MM_TIME_SIZE]);

#endif
