/* Where chunks from peers land: the partial import of their manifest (docs/formats/store.md), in the form in which any import leaves it, so
 * that whatever ends a fetch, the next import finds what is there, hashes it, and goes on; or a file that is mended. Nothing is written
 * whose hash is not the listed one. */
#ifndef MM_EXCHANGE_LANDING_H
#define MM_EXCHANGE_LANDING_H

#include "base/bits.h"
#include "doc/chunk_list.h"
#include "doc/manifest.h"
#include "exchange/prefix.h"

struct mm_landing_file {
    struct mm_claim claim;
    struct mm_chunk_list list;
    unsigned char *need; /* the chunks that lack, as a bitmap (exchange/have.h) */
    uint64_t needed;
    int fd;                   /* the partial file; -1 where nothing lacks */
    bool borrowed;            /* list and fd are another's */
    struct mm_prefix *prefix; /* digests that follow what lands, or NULL */
};

struct mm_landing {
    int lock;  /* held against other imports of the manifest, -1: not */
    int files; /* the folder of the partial files, -1: not open */
    struct mm_sha256 *sha;
    struct mm_landing_file *items; /* in the manifest's order */
    size_t count;
    uint64_t written; /* bytes that lacked */
};

/* For a struct mm_landing that nothing was opened for yet. */
#define MM_LANDING_NONE                                                                                                \
    {                                                                                                                  \
        .lock = -1, .files = -1                                                                                        \
    }

/* Reads TEXT, which has to be a chunk list of CLAIM, into LIST. Returns 0, or -1 with CHUNK_ROOT and the rules of lists; release LIST in
 * every case. */
int mm_landing_read_list(const struct mm_claim *claim, const char *text, size_t length, struct mm_chunk_list *list,
                         struct mm_diags *diags);

/* Puts the text of a chunk list, which leads to CLAIM's root or is refused (CHUNK_ROOT and the rules of lists), beside the partial file, where
 * an import of MANIFEST finds it. Returns 0, or -1 with findings; IO_WRITE and STORE_HOME are this machine's fault. */
int mm_landing_put_list(int home, const struct mm_manifest *manifest, const struct mm_claim *claim, const char *text,
                        size_t length, struct mm_diags *diags);

/* True if an import of MANIFEST would find a chunk list of CLAIM already, or needs none. One that cannot be read is none: mm_landing_put_list puts
 * another in its place. */
bool mm_landing_has_list(int home, const struct mm_manifest *manifest, const struct mm_claim *claim);

/* After an import of MANIFEST found chunks that no source has: opens its partial files for them. From here on the note of what lacks is gone,
 * as what is written would not be found behind it. Waits for no other import. Returns 0, or -1 with IO_CHANGED (one works on
 * it), STORE_PARTIAL (nothing lacks, or nobody noted it), CHUNK rules, or IO rules. Release LANDING in every case. */
int mm_landing_open(struct mm_landing *landing, int home, const struct mm_manifest *manifest, struct mm_diags *diags);

/* The same for one file of CLAIM that is open as FD, which is written to, and of which the chunks LACKS lack. LIST, CLAIM's own, and FD are
 * borrowed. Returns 0, or -1 with IO_MEMORY. Release LANDING in every case. */
int mm_landing_open_file(struct mm_landing *landing, const struct mm_claim *claim, const struct mm_chunk_list *list,
                         int fd, const struct mm_bits *lacks, struct mm_diags *diags);
void mm_landing_release(struct mm_landing *landing);

/* From here on the files of tensors that lack chunks are hashed as a whole as well, in their order, as far as chunks land through
 * mm_landing_put_next and mm_landing_put. Where there is no memory for that, it is not done. */
void mm_landing_follow(struct mm_landing *landing);

/* Reads one chunk back that is in the way of such a hash. Returns false where there is none. Nobody else puts anything meanwhile. */
bool mm_landing_catch_up(struct mm_landing *landing);

/* Ends those hashes: fills KNOWN, which has room for landing->count, for the importer. Returns how many files are there whole and right. */
size_t mm_landing_end(struct mm_landing *landing, struct mm_import_known *known);

/* Writes chunk INDEX of ITEM, LENGTH bytes, if its hash is the listed one. Returns 0; 1 where it is not, and nothing was written; -1 with
 * IO_WRITE. */
int mm_landing_take(struct mm_landing *landing, size_t item, uint64_t index, const void *bytes, size_t length,
                    struct mm_diags *diags);

/* The parts of it behind the hash: the first returns as it does for a chunk that has HASH, and may be called by a thread of its own; the
 * second notes that chunk INDEX is written. */
int mm_landing_put(const struct mm_landing *landing, size_t item, uint64_t index, const void *bytes, size_t length,
                   const unsigned char hash[static MM_HASH_BYTES], struct mm_diags *diags);
void mm_landing_note(struct mm_landing *landing, size_t item, uint64_t index, size_t length);

/* If chunk INDEX of ITEM is the next one for the digests that follow: takes it into them, from which its hash comes, and writes it as mm_landing_put
 * does. *RESULT is what that returns. False: it is not, and nothing was done. */
bool mm_landing_put_next(const struct mm_landing *landing, size_t item, uint64_t index, const void *bytes,
                         size_t length, int *result, struct mm_diags *diags);

#endif
