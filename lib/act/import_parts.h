/* What the parts of the importer share: import.c (the course of an import), import_file.c (the file that an artifact goes
 * to), import_item.c (its bytes), import_mend.c (what is wrong of them) and import_publish.c (a model that passed). Nobody else includes this. */
#ifndef MM_ACT_IMPORT_PARTS_H
#define MM_ACT_IMPORT_PARTS_H

#include "act/import.h"
#include "act/shelf.h"
#include "base/behind.h"
#include "base/bits.h"
#include "base/writeback.h"

/* In the partial import: chunks that no source had, as bad ranges. */
#define MM_IMPORT_LACKS "lacks"

/* How an artifact's file came to be in the partial import. */
enum mm_item_how { MM_ITEM_COPIED, MM_ITEM_REUSED, MM_ITEM_REFLINKED, MM_ITEM_HARD_LINKED, MM_ITEM_IN_PLACE };

/* What a first check's reading of an artifact came to. Only the thread that reads writes it, which may be another one than that which
 * checks; it counts once that thread is done. */
struct mm_reading {
    struct mm_behind *behind;      /* writes, on a thread of its own; NULL: who reads writes too */
    struct mm_writeback writeback; /* of the partial file */
    uint64_t kept;                 /* bytes that were in the partial file before */
    uint64_t taken[MM_FROM_COUNT]; /* bytes by where they came from */
    uint64_t chunks_reused;
    uint64_t part;   /* bytes of the next chunk that were taken before its reading failed */
    int write_error; /* errno of a write into the store that failed, 0 */
};

/* While its bytes are read for the first check, the reading thread has `reading` and `intake` to itself; what else it looks at (claim, how,
 * fd, kept, holes) does not change meanwhile. */
struct mm_item {
    struct mm_claim claim;
    char list_path[272]; /* beneath files/ */
    bool listed;         /* a chunk list stands there, or is implied */
    bool implied;        /* it follows from the manifest alone, and no file has it */
    bool list_unread;    /* none does, but one could not be read: it might have told what no chunk tells now */
    bool list_stated;    /* where the manifest names one: it is judged, and published too */
    enum mm_item_how how;
    size_t root;                       /* the source whose file stays in place */
    struct mm_fingerprint fingerprint; /* which file that is, or the one that has a link */
    int fd;                            /* the partial file, -1 while it is closed */
    uint64_t kept;                     /* bytes that were there when the import began: whole chunks from the start */
    uint64_t needed;                   /* bytes that are still to be written */
    struct mm_bits holes;              /* chunks below `kept` that an earlier run could not get */
    struct mm_intake intake;
    struct mm_reading reading;
    size_t first_root;       /* sources before it had a wrong file, for what stays in place */
    uint64_t counted;        /* bytes of it that were counted as found, before it turned out to be wrong */
    size_t choices;          /* sources that have a file of it */
    uint64_t seen;           /* chunks that were hashed */
    bool read;               /* to the last */
    bool judged;             /* by a list: `bad` has the wrong ones among them */
    struct mm_bits bad;      /* wrong ones among them, where a list tells */
    struct mm_bits lacks;    /* chunks that no source has */
    uint64_t chunks_reused;  /* taken from other revisions */
    struct mm_hashes hashes; /* of the chunks, where there is no list */
};

struct mm_import {
    int home;
    const struct mm_supply *supply;
    size_t which;
    const struct mm_import_options *options;
    struct mm_import_facts *facts;
    struct mm_diags *diags;
    struct mm_manifest manifest;
    struct mm_signatures signatures; /* of the manifest; what was judged is what is stored */
    struct mm_trusted trusted;
    char partial[MM_STORE_PATH]; /* store/partial/MANIFEST-SHA256 */
    int files;                   /* its folder files/, open */
    struct mm_item *items;
    size_t count;
    struct mm_item *current; /* the one that is being read */
    bool used_set;           /* bytes came from a chunk set */
    bool floods;             /* the model has no room in memory: what was read and written leaves the page cache */
    bool changed;            /* a file that is to stay in place changed while it was read */
    bool found;              /* the model was there, without a receipt */
    int write_error;         /* errno of a write into the store that failed, 0 */
    struct mm_shelf shelf;   /* what the store had when the import began */
    enum mm_medium medium;
};

/* import_file.c */

/* Removes the partial file of ITEM if it has other names: what shares it is found anew. */
int mm_item_unlink_shared(struct mm_import *import, struct mm_item *item);

/* Finds or makes the partial file of ITEM: what is there, the same file of another model, a link to the source's. */
int mm_item_prepare(struct mm_import *import, struct mm_item *item);

/* Opens it, to be written unless it is shared, as item->fd. Returns the descriptor, or -1 with a finding. */
int mm_item_open_file(struct mm_import *import, struct mm_item *item);

/* The first source's file, of the intake that is open, that has the artifact's size; or -1. */
int mm_item_whole_file(const struct mm_item *item);

/* import_item.c */

/* For the first check: opens ITEM and says how its bytes are read; what comes from a source is written meanwhile. */
int mm_item_open(struct mm_import *import, struct mm_item *item, const struct mm_chunk_list *list,
                 struct mm_origin *origin);
void mm_item_close(struct mm_import *import, struct mm_item *item, const struct mm_chunk_compare *compare, bool read);

/* True if a source from item->first_root on has a whole file of it. */
bool mm_item_has_choice(struct mm_import *import, struct mm_item *item);

/* True if the partial file had chunk CHUNK, as far as its size tells, when the import began. */
bool mm_item_is_kept(const struct mm_item *item, uint64_t chunk);

/* Count GOT bytes that were in the partial file before, or were taken in; the second takes the former back. */
void mm_item_count_kept(struct mm_import *import, struct mm_item *item, uint64_t got);
void mm_item_count_nothing(struct mm_import *import, struct mm_item *item);
void mm_item_count_taken(struct mm_import *import, enum mm_intake_from from, uint64_t got);

void mm_item_release(struct mm_item *item);

/* import_mend.c */

/* True if the first check found the bytes of ITEM wrong or lacking. */
bool mm_item_is_wrong(const struct mm_import *import, const struct mm_item *item,
                      const struct mm_artifact_report *report);

/* Fetches what is wrong or lacking, chunk by chunk. Returns 0, or -1 with findings; what no source has stands in item->lacks. */
int mm_item_mend(struct mm_import *import, struct mm_item *item);

/* Chunks that lack, for the next run (`lacks` in the partial import, bad-ranges lines) and for --bad-ranges. */
int mm_import_read_lacks(struct mm_import *import);
int mm_import_write_lacks(struct mm_import *import);

/* import_publish.c */

/* Removes the list with this ENDING beside the partial file of ITEM, if there is one. Returns 0, or -1 with IO_WRITE. */
int mm_import_remove_list(const struct mm_import *import, const struct mm_item *item, const char *ending);

/* Completes the partial import and makes it the model's folder, all at once. */
int mm_import_publish(struct mm_import *import);

/* Sets import->medium and appends its detail: how each artifact came here. */
void mm_import_medium(struct mm_import *import, struct mm_buf *detail);

#endif
