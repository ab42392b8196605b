/* The jobs of chunk-merkle: a file's chunks hashed, proved, and compared with a list, each from one reading. */
#ifndef MM_ACT_CHUNKS_H
#define MM_ACT_CHUNKS_H

#include "base/source.h"
#include "doc/chunk_list.h"

struct mm_chunks_options {
    uint64_t size; /* of a chunk */
    bool whole;    /* take the whole-file hash too */
    struct mm_hash_means means;
    mm_progress_fn *progress; /* may be NULL */
    void *progress_context;
};

/* Hashes the file behind FD; its chunks' hashes go to HASHES unless that is NULL. Returns 0, or -1 with a finding. */
int mm_chunks_hash(int fd, const struct mm_chunks_options *options, struct mm_hashes *hashes,
                   struct mm_chunk_facts *facts, struct mm_diags *diags);

/* Makes the proof of chunk INDEX. Returns 0, or -1 with a finding (CHUNK_INDEX: the file has fewer chunks). */
int mm_chunks_prove(int fd, const struct mm_chunks_options *options, uint64_t index, struct mm_proof *proof,
                    struct mm_diags *diags);

/* Compares the file with LIST, whose chunk size counts. Wrong chunks are findings (CHUNK_WRONG) and stand in COMPARE; a
 * truncated file, a longer one, and one whose whole-file hash alone differs are told apart. Returns 0 where the file is
 * as listed, or -1 with findings. Release COMPARE in every case. */
int mm_chunks_check(int fd, const struct mm_chunks_options *options, const struct mm_chunk_list *list,
                    struct mm_chunk_compare *compare, struct mm_diags *diags);

#endif
