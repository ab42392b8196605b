/* Searching catalogs: every one is read whole and compared with its head before the first of its entries is told (docs/formats/catalog.md,
 * Searching). */
#ifndef MM_ACT_CATALOG_FIND_H
#define MM_ACT_CATALOG_FIND_H

#include "act/catalog_folder.h"
#include "doc/catalog_query.h"

/* What the signature of a head is worth here, from the least on. All else is an error, and the catalog is not searched. */
enum mm_head_signature {
    MM_HEAD_NONE,        /* there is no head: nobody says whose lines these are */
    MM_HEAD_UNSIGNED,    /* and no key of its publisher is known */
    MM_HEAD_UNKNOWN_KEY, /* signed by a key that the keyring has not for this publisher */
    MM_HEAD_VERIFIED,
    MM_HEAD_SIGNATURES
};
extern const char *const mm_head_signature_words[MM_HEAD_SIGNATURES];

/* How a head stands to the time. */
enum mm_head_age { MM_HEAD_AGELESS, MM_HEAD_FRESH, MM_HEAD_EXPIRED, MM_HEAD_FUTURE, MM_HEAD_AGES };
extern const char *const mm_head_age_words[MM_HEAD_AGES];

/* A catalog, as it is told beside what was found there. */
struct mm_catalog_source {
    const char *path; /* as it was given */
    enum mm_head_signature signature;
    enum mm_head_age age;
    struct mm_catalog_head head; /* zeroed where there is none */
    char key_id[MM_KEY_ID_TEXT]; /* of a verified signature, else "" */
};

enum mm_catalog_sort { MM_SORT_NOT, MM_SORT_ID, MM_SORT_PARAMETERS, MM_SORT_BYTES, MM_SORT_CREATED };

struct mm_catalog_find_options {
    const struct mm_catalog_query *query;
    struct mm_catalog_trust trust; /* of heads; allow_unsigned plays no part */
    char now[MM_TIME_SIZE];        /* unless a trusted head is newer */
    bool trusted;                  /* a head that is not verified and good still is an error */
    bool all_revisions;            /* not only the highest of each model that meets the query */
    bool withdrawn;                /* lines of withdrawn.jsonl too */
    bool count;                    /* they are counted only */
    enum mm_catalog_sort sort;
    bool reverse;
    uint64_t limit; /* of what is told */
};

/* Something that was found: an entry or a withdrawal. */
struct mm_catalog_found {
    const struct mm_catalog_source *source;
    const struct mm_catalog_entry *entry;   /* NULL: a withdrawal */
    const struct mm_withdrawal *withdrawal; /* NULL: an entry */
    const char *line;                       /* as it stands there, without LF */
    size_t length;
    const struct mm_catalog_source *withdrawn_by; /* where the entry's own publisher took it back; NULL for nowhere */
};

#define MM_CATALOG_FOUND_MAX 1000000             /* results that are held, 48 bytes each */
#define MM_CATALOG_FOUND_IDS (64u * 1024 * 1024) /* bytes of their names, to sort by them */

struct mm_catalog_find; /* opaque */

/* OPTIONS, and the texts that they name, are borrowed. NULL when memory is exhausted. */
struct mm_catalog_find *mm_catalog_find_new(const struct mm_catalog_find_options *options);
void mm_catalog_find_free(struct mm_catalog_find *find);

/* Adds the catalog in PATH: its folder, or a file of entries, which the head beside it speaks for where it is named catalog.jsonl. Returns the
 * descriptor of the folder, beneath which everything is read later, or -1 with IO_OPEN or IO_MEMORY. */
int mm_catalog_find_add(struct mm_catalog_find *find, const char *path, struct mm_diags *diags);

/* Reads all catalogs, each again where it is written meanwhile. What is wrong with one (CATALOG_..., SIGNATURE_..., IO_...) does not hide the
 * others. A head that is unsigned, unknown, expired, from the future or not there is a note. Nothing found is CATALOG_MODEL. Returns 0, or
 * -1 with findings. *MATCHES gets the number of what was found. */
int mm_catalog_find_search(struct mm_catalog_find *find, uint64_t *matches, struct mm_diags *diags);

/* Calls EACH with what was found, in the order asked for, otherwise in that of catalogs and lines. EACH returns 0 to go on, -1 with a finding to end.
 * Returns 0, or -1 with a finding: that of EACH, IO_READ, IO_CHANGED where a line is not any more what was checked. */
typedef int mm_catalog_found_fn(void *context, const struct mm_catalog_found *found);
int mm_catalog_find_each(struct mm_catalog_find *find, mm_catalog_found_fn *each, void *context,
                         struct mm_diags *diags);

#endif
