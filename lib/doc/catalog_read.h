/* catalog.jsonl and withdrawn.jsonl from the first line to the last, a few in memory: each line canonical, all of them in order. */
#ifndef MM_DOC_CATALOG_READ_H
#define MM_DOC_CATALOG_READ_H

#include "doc/catalog_entry.h"
#include "doc/withdrawn.h"
#include "hash/merkle.h"

/* More than these are not read, so that what is kept of each line has a bound. */
#define MM_CATALOG_ENTRIES_MAX 1048576
#define MM_WITHDRAWN_FILE_MAX (64u * 1024 * 1024) /* bytes of withdrawn.jsonl */

/* What a head says of such a file. */
struct mm_catalog_sums {
    uint64_t count;
    unsigned char sha256[MM_HASH_BYTES];
    unsigned char root[MM_HASH_BYTES]; /* of the Merkle tree over the lines */
};

/* A line, without LF, that begins at byte OFFSET of its file. */
struct mm_catalog_line {
    const char *text;
    size_t length;
    uint64_t offset, number;
};

/* Called for each line in order. Returns 0 to go on, -1 (with a finding) to end the reading. */
typedef int mm_catalog_entry_fn(void *context, const struct mm_catalog_entry *entry,
                                const struct mm_catalog_line *line);
typedef int mm_withdrawal_fn(void *context, const struct mm_withdrawal *withdrawal, const struct mm_catalog_line *line);

/* Each reads the file FD from where it stands. EACH may be NULL; PATH (NULL for none) gets the audit path of entry TRACKED. Returns 0, or -1
 * with findings (CATALOG_ENTRY, CATALOG_ORDER, ..., IO_LIMIT). */
int mm_catalog_entries_read(int fd, mm_catalog_entry_fn *each, void *context, uint64_t tracked,
                            struct mm_merkle_path *path, struct mm_catalog_sums *sums, struct mm_diags *diags);
int mm_withdrawals_read(int fd, mm_withdrawal_fn *each, void *context, struct mm_catalog_sums *sums,
                        struct mm_diags *diags);

/* More to be done with each entry, by several threads at once, with means that one entry after the other has, MEANS_SIZE bytes that begin as
 * zeros; and TAKE, which gets each entry in order, as an mm_catalog_entry_fn does, with what WORK left in its means. */
struct mm_catalog_work {
    size_t means_size;
    int (*work)(const void *context, void *means, const struct mm_catalog_entry *entry,
                const struct mm_catalog_line *line, struct mm_diags *diags); /* 0, or -1 to end the reading */
    int (*take)(void *context, void *means, const struct mm_catalog_entry *entry, const struct mm_catalog_line *line);
    void (*release)(void *means); /* NULL for nothing to release */
};

/* The same as mm_catalog_entries_read, with WORK, of no entry in particular. CONTEXT is of all its functions. */
int mm_catalog_entries_work(int fd, const struct mm_catalog_work *work, void *context, struct mm_catalog_sums *sums,
                            struct mm_diags *diags);

#endif
