/* What the files of the builder share. */
#ifndef MM_ACT_CATALOG_BUILD_PARTS_H
#define MM_ACT_CATALOG_BUILD_PARTS_H

#include "act/catalog_build.h"
#include "act/catalog_pages.h"
#include "act/catalog_rows.h"
#include "base/place.h"
#include "base/pool.h"

/* A line of withdrawn.jsonl, which is kept in memory. */
struct mm_withdrawn_row {
    char *model_id;
    uint64_t revision;
    size_t at, length; /* in `withdrawn_text` */
    bool fresh;
    bool taken_back; /* no head names it: it goes out of the list at once */
};

/* A file that is to stand beneath the catalog; its bytes are in the spool. */
struct mm_catalog_staged {
    char *path;
    uint64_t at;
    uint32_t length;
    bool known; /* the head that stands there names it: whoever reads it now must not see half of it */
};

/* Where a first build writes files of models while others are still judged: a folder with a temporary name, which becomes "manifests" once all of
 * them are right. */
#define MM_CATALOG_AHEAD 40
struct mm_catalog_ahead {
    int fd; /* of that folder; -1: there is none */
    char name[MM_CATALOG_AHEAD];
    struct mm_page_frames frames;
    uint64_t manifests; /* that were written there */
    bool published;     /* it has its name */
};

/* What one thread needs to write there. A zeroed one begins. */
struct mm_catalog_ahead_means {
    struct mm_catalog_entry entry;
    struct mm_catalog_page_alone page;
    struct mm_buf listed; /* the model's row in the lists, where the manifest's row has such a one */
};

#define MM_CATALOG_THREADS 8 /* at most: the largest manifests need 64 MiB each while they are read */

/* What was read and is to be written, in a file without a name. */
struct mm_catalog_spool {
    int fd; /* -1: there is none */
    uint64_t length;
    struct mm_buf rest;    /* the end of it, which is not written yet */
    struct mm_sha256 *sha; /* of all of it; NULL: nobody asks */
    bool unnamed;          /* it never had a name, and can be given one */
    bool published;        /* it has got one */
};

struct mm_catalog_build {
    const struct mm_catalog_build_options *options;
    struct mm_catalog_folder folder;
    bool has_head;                 /* there is a catalog already */
    struct mm_signed_head present; /* its head */
    int entries;                   /* its catalog.jsonl, -1 for none */
    struct mm_catalog_rows standing, fresh;
    const struct mm_catalog_row **by_hash; /* the standing ones, by the hashes of their manifests */
    struct mm_withdrawn_row *withdrawn;    /* sorted, but for fresh ones behind */
    size_t withdrawn_count, withdrawn_capacity;
    struct mm_buf withdrawn_text;
    bool mend_withdrawn; /* the file has lines that no head names */
    bool adopted;        /* the head's key is revoked: another one follows in any case */
    char now[MM_TIME_SIZE];
    struct mm_catalog_spool
        spool; /* texts of manifests and signatures, lines: where these are all, in order, it becomes catalog.jsonl */
    struct mm_catalog_spool listed; /* rows of models in the lists for people */
    struct mm_catalog_staged *staged;
    size_t staged_count, staged_capacity;
    struct mm_sha256 *sha;
    struct mm_buf text, signature, line; /* of the manifest in hand */
    struct mm_place_flusher flusher;     /* of what is placed */
    bool unflushed;                      /* files of models are placed, and not flushed yet */
    struct mm_catalog_ahead ahead;
    struct mm_pool *admissions;          /* of manifests that were added; NULL for none */
    struct mm_catalog_page_counts pages; /* lists that were placed */
    char swept[MM_MODEL_ID_MAX + 1];     /* the model whose countersignatures were looked at last */
    bool refused;                        /* something that was added cannot be: nothing is written */
};

/* Where the sorted withdrawals of MODEL_ID begin, or would. */
size_t mm_catalog_withdrawn_first(const struct mm_catalog_build *build, const char *model_id);

/* The withdrawal that this revision falls under, or NULL. */
const struct mm_withdrawn_row *mm_catalog_withdrawn_find(const struct mm_catalog_build *build, const char *model_id,
                                                         uint64_t revision);

/* The withdrawal of just this name among the first COUNT, which are sorted, or NULL. */
struct mm_withdrawn_row *mm_catalog_withdrawn_one(const struct mm_catalog_build *build, size_t count,
                                                  const char *model_id, uint64_t revision);

/* Marks the standing rows of MODEL_ID with REVISION, or with any for 0, as gone, and returns how many they are. *LAST (may be NULL) gets the last one. */
size_t mm_catalog_mark_gone(struct mm_catalog_build *build, const char *model_id, uint64_t revision,
                            const struct mm_catalog_row **last);

/* Adds a withdrawal. Returns 0, or -1 with IO_MEMORY or IO_LIMIT. */
int mm_catalog_withdrawn_add(struct mm_catalog_build *build, const struct mm_withdrawal *withdrawal, bool fresh,
                             struct mm_diags *diags);
void mm_catalog_withdrawn_sort(struct mm_catalog_build *build);

/* Appends BYTES to SPOOL; *AT gets where. Returns 0, or -1 with IO_WRITE. */
int mm_catalog_spool(struct mm_catalog_spool *spool, const void *bytes, size_t length, uint64_t *at,
                     struct mm_diags *diags);

/* Writes what is held back, before anything is read from the spools. */
int mm_catalog_spool_flush(struct mm_catalog_build *build, struct mm_diags *diags);

/* Puts the manifest in build->text, and the signature in build->signature, among the files that are to stand beneath the catalog. KNOWN: the
 * head that is there names them already. */
int mm_catalog_stage(struct mm_catalog_build *build, const char *model_id, uint64_t revision, bool has_signature,
                     bool known, struct mm_diags *diags);

/* Of what is staged for one path leaves what came first. */
void mm_catalog_stage_once(struct mm_catalog_build *build);

/* How many manifests the build writes. */
uint64_t mm_catalog_count_manifests(const struct mm_catalog_build *build);

/* The spools were read for the last time, and need not go to the device with the rest. Returns 0, or -1 with IO_WRITE. */
int mm_catalog_spool_empty(struct mm_catalog_build *build, struct mm_diags *diags);

/* Writes what is staged, unflushed; pages may be in the spool still. Returns 0, or -1 with findings. */
int mm_catalog_place_files(struct mm_catalog_build *build, struct mm_diags *diags);

/* The next of the rows that are there and those that come, in their order; those that are gone are passed over. Both counters begin with 0.
 * Returns NULL behind the last. */
const struct mm_catalog_row *mm_catalog_next_row(const struct mm_catalog_build *build, size_t *standing, size_t *fresh);

/* Reads the line of ROW into build->line. Returns 0, or -1 with IO_ rules. */
int mm_catalog_row_line(struct mm_catalog_build *build, const struct mm_catalog_row *row, struct mm_diags *diags);

/* The same for its row in the lists. */
int mm_catalog_row_listed(struct mm_catalog_build *build, const struct mm_catalog_row *row, struct mm_diags *diags);

/* Begins to write files of models ahead where that can be done: there is no head, and nothing where they are to stand. */
void mm_catalog_ahead_begin(struct mm_catalog_build *build);

/* Writes the manifest TEXT of ROW, its SIGNATURE (NULL for none), and, where it is the first one of its model, the page that follows from
 * LINE: then the row is `listed`. Any thread may call it, with MEANS of its own. Returns 0, or -1 with IO_WRITE. */
int mm_catalog_ahead_put(const struct mm_catalog_build *build, struct mm_catalog_ahead_means *means,
                         struct mm_catalog_row *row, const struct mm_buf *text, const struct mm_buf *signature,
                         const struct mm_buf *line, struct mm_diags *diags);
void mm_catalog_ahead_means_release(struct mm_catalog_ahead_means *means);

/* True if the page of MODEL_ID was written ahead, and is what the sorted rows make of it. */
bool mm_catalog_ahead_has_page(const struct mm_catalog_build *build, const char *model_id);

/* Gives the folder its name. Returns 0, or -1 with IO_WRITE. */
int mm_catalog_ahead_publish(struct mm_catalog_build *build, struct mm_diags *diags);

/* Ends it: without its name the folder goes away. */
void mm_catalog_ahead_end(struct mm_catalog_build *build);

/* Removes such folders of builds that were interrupted. Returns 0, or -1 with IO_WRITE. */
int mm_catalog_ahead_sweep(struct mm_catalog_build *build, struct mm_diags *diags);

/* True if the pages are those of the present head, as far as that can be seen without looking at each. */
bool mm_catalog_pages_whole(struct mm_catalog_build *build);

/* Makes the pages of the catalog that HEAD names, whose lines are in the file FD, and places those that are others than what stands there: those of models that change now,
 * or, with ALL, of each model, and all lists. Then what was written is flushed, files of models that were placed before too. Returns 0, or -1 with findings. */
int mm_catalog_pages_place(struct mm_catalog_build *build, int fd, const struct mm_catalog_head *head, bool all,
                           struct mm_diags *diags);

/* Removes the page of MODEL_ID where it has no entry any more. */
int mm_catalog_page_remove(struct mm_catalog_build *build, const char *model_id, struct mm_diags *diags);

/* Removes temporary files in the folder of the file PATH, where no other thread writes. */
int mm_catalog_sweep_beside(const struct mm_catalog_build *build, const char *path, struct mm_diags *diags);

/* Removes lists of pages behind the last one. */
int mm_catalog_lists_remove(struct mm_catalog_build *build, struct mm_diags *diags);

/* Removes the manifest of a revision, and its signature. */
int mm_catalog_manifest_remove(struct mm_catalog_build *build, const char *model_id, uint64_t revision,
                               struct mm_diags *diags);

/* Removes what the present head took back, and an interrupted build did not remove. */
int mm_catalog_gone_remove(struct mm_catalog_build *build, struct mm_diags *diags);

/* Removes what an interrupted build left behind that no head names: temporary files, and manifests that it was to add and this build does
 * not. The head that it was to make, and its changes, stay until pages were compared. */
int mm_catalog_traces_remove(struct mm_catalog_build *build, struct mm_diags *diags);

/* Removes the head behind the present one, which did not come to be, where this build makes none; its changes last. */
int mm_catalog_next_remove(struct mm_catalog_build *build, struct mm_diags *diags);

/* Removes a file beneath the catalog, and its folders where they are empty. */
int mm_catalog_remove_file(struct mm_catalog_build *build, const char *path, struct mm_diags *diags);

/* Removes countersignatures beside manifests of MODEL_ID that the catalog lists no more. Once for all revisions, which are taken one behind the
 * other. */
int mm_catalog_countersignatures_remove(struct mm_catalog_build *build, const char *model_id, struct mm_diags *diags);

/* Publishes TEXT under NAME, flushed, in place of what stands there. */
int mm_catalog_publish(struct mm_catalog_build *build, const char *name, const struct mm_buf *text,
                       struct mm_diags *diags);

/* The head's signature and the head itself, the last two files of a build. */
int mm_catalog_publish_head(struct mm_catalog_build *build, const struct mm_signed_head *head, struct mm_diags *diags);

#endif
