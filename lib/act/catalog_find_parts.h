/* What the files of searching share. */
#ifndef MM_ACT_CATALOG_FIND_PARTS_H
#define MM_ACT_CATALOG_FIND_PARTS_H

#include "act/catalog_find.h"
#include "act/catalog_rows.h"
#include "hash/sha256.h"

#define MM_HIT_FINGERPRINT 16

/* A line that was found, without the line. */
struct mm_catalog_hit {
    uint64_t at;  /* in its file */
    uint64_t key; /* to sort by: a number, or where the name stands in `ids` */
    uint32_t length;
    uint32_t catalog;                              /* which of them */
    bool withdrawal;                               /* of withdrawn.jsonl */
    bool keyless;                                  /* it does not say what is sorted by, and comes last */
    unsigned char fingerprint[MM_HIT_FINGERPRINT]; /* how its SHA-256 begins */
};

struct mm_catalog_searched {
    struct mm_catalog_source source;
    struct mm_catalog_folder folder;
    char *path;          /* as given */
    char *file, *parent; /* where a list is that was given, and its folder; else NULL */
    const char *name;    /* of the list, pointing into `file` where that is given */
    bool beside_head;    /* its name is the one that a head speaks of */
    int entries, withdrawn;
    bool whole;                     /* it was read and is what its head says */
    struct mm_catalog_rows binding; /* withdrawals of the head's own publisher, sorted */
};

struct mm_catalog_find {
    const struct mm_catalog_find_options *options;
    struct mm_catalog_searched *catalogs;
    size_t count, capacity;
    struct mm_catalog_hit *hits;
    size_t hit_count, hit_capacity;
    uint64_t matches;
    char now[MM_TIME_SIZE];
    struct mm_buf ids; /* each ends in NUL */
    struct mm_sha256 *sha;
    char model_id[MM_MODEL_ID_MAX + 1]; /* of the entry that was found last in the present catalog, "" for none */
    bool held;                          /* it is the last of `hits`: otherwise it is behind the limit */
};

/* Notes the ENTRY or the WITHDRAWAL in LINE of catalog number CATALOG as found; the other one is NULL. Returns 0, or -1 with IO_LIMIT or
 * IO_MEMORY. */
int mm_catalog_hit_add(struct mm_catalog_find *find, uint32_t catalog, const struct mm_catalog_entry *entry,
                       const struct mm_withdrawal *withdrawal, const struct mm_catalog_line *line,
                       struct mm_diags *diags);

#endif
