/* Chunk lists and proofs (chunks.md). */
#ifndef MM_DOC_CHUNK_LIST_H
#define MM_DOC_CHUNK_LIST_H

#include "base/buf.h"
#include "hash/chunk.h"

#define MM_CHUNK_LIST_TYPE "minimodel-chunk-list"
#define MM_PROOF_TYPE "minimodel-proof"

/* The hashes of a file's chunks in order, 32 bytes a chunk. */
struct mm_hashes {
    unsigned char (*items)[MM_HASH_BYTES];
    size_t count, capacity;
    bool failed; /* memory was exhausted */
};

void mm_hashes_release(struct mm_hashes *hashes);

/* Has the shape of mm_chunk_fn, HASHES being the context. */
void mm_hashes_add(void *hashes, uint64_t index, const unsigned char hash[static MM_HASH_BYTES]);

struct mm_chunk_list {
    struct mm_chunk_facts facts;
    struct mm_hashes hashes;
    unsigned char file_sha256[MM_HASH_BYTES]; /* of the list as stored */
};

/* Reads a list, gzip-compressed or not, from FD, and checks that it is what its page says: strict text, counts that
 * agree, hashes that lead to its root. COUNT: the number of chunks that a manifest states and that caps the list's size,
 * or MM_CHUNK_COUNT_MAX. Returns 0, or -1 with findings; release LIST in every case. */
int mm_chunk_list_read(struct mm_chunk_list *list, int fd, uint64_t count, struct mm_diags *diags);
void mm_chunk_list_release(struct mm_chunk_list *list);

/* LIST becomes that of a file of one chunk, or of none, as FACTS describe it: its only hash is the file's own, so that it follows from them.
 * Returns false if they do not lead to their root, or memory is exhausted; release LIST in every case. */
bool mm_chunk_list_imply(struct mm_chunk_list *list, const struct mm_chunk_facts *facts);

/* The same for a list that is not compressed, in memory; file_sha256 stays empty. */
int mm_chunk_list_read_text(struct mm_chunk_list *list, const char *text, size_t length, uint64_t count,
                            struct mm_diags *diags);

/* Appends the list's text. FACTS hold the whole-file hash. */
void mm_chunk_list_write(const struct mm_chunk_facts *facts, const struct mm_hashes *hashes, struct mm_buf *out);

/* A file's chunk that is not as listed. */
struct mm_bad_range {
    uint64_t index, offset, bytes;
};

/* Compares the chunks of a file, as they are hashed, with a list. */
struct mm_chunk_compare {
    const struct mm_chunk_list *list;
    uint64_t seen;
    struct mm_bad_range *bad;
    size_t bad_count, bad_capacity;
    bool failed; /* memory was exhausted */
};

/* Has the shape of mm_chunk_fn, COMPARE being the context. */
void mm_chunk_compare_add(void *compare, uint64_t index, const unsigned char hash[static MM_HASH_BYTES]);

/* After the file's last chunk: chunks that are listed and did not come are bad too. Returns 0, or -1 with IO_MEMORY. */
int mm_chunk_compare_finish(struct mm_chunk_compare *compare, struct mm_diags *diags);
void mm_chunk_compare_release(struct mm_chunk_compare *compare);

/* Appends `INDEX<TAB>OFFSET<TAB>BYTES<TAB>PATH` for each bad range. */
void mm_bad_ranges_write(const struct mm_chunk_compare *compare, const char *path, struct mm_buf *out);

/* True if a file of bad ranges can begin with TEXT: with a line of three numbers and a path between tabs, or nothing. */
bool mm_bad_ranges_begin(const char *text, size_t length);

struct mm_proof {
    unsigned char root[MM_HASH_BYTES], chunk[MM_HASH_BYTES];
    uint64_t count, index;
    struct mm_merkle_path path;
};

void mm_proof_write(const struct mm_proof *proof, struct mm_buf *out);

/* Reads a proof from TEXT and checks that it leads from its chunk to its root. Returns 0, or -1 with findings. */
int mm_proof_read(struct mm_proof *proof, const char *text, size_t length, struct mm_diags *diags);

#endif
