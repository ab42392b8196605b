/* Building a catalog: what stands in its folder, manifests that are to be in it too, models that are taken back; then a new head
 * (docs/formats/catalog.md). Nothing is written before all of it is right, and nothing where nothing changes. */
#ifndef MM_ACT_CATALOG_BUILD_H
#define MM_ACT_CATALOG_BUILD_H

#include "act/catalog_folder.h"
#include "trust/secret_key.h"

#define MM_CATALOG_DAYS 90 /* until a head expires, where nothing else is said */

struct mm_catalog_build_options {
    const char *catalog_id, *publisher_id; /* NULL: those of the head that is there */
    uint64_t days;                         /* until the head expires */
    bool renew;                            /* a new head even where nothing changed */
    const struct mm_secret_key *key;       /* signs the head; NULL for none */
    struct mm_catalog_trust trust;         /* of manifests, and of the head that is there */
    const char *expiry;                    /* the time that expiry of merged catalogs goes by; NULL: the clock's */
    const unsigned char *adopt; /* the SHA-256 of a head that is continued though its key was revoked; NULL for none */
};

enum mm_catalog_state { MM_CATALOG_UNCHANGED, MM_CATALOG_BUILT };

/* What a build did. */
struct mm_catalog_built {
    enum mm_catalog_state state;
    struct mm_catalog_head head; /* the one that stands there now */
    uint64_t added, withdrawn;   /* entries */
    uint64_t manifests;          /* that were written beneath the catalog */
};

struct mm_catalog_build; /* opaque */

/* Begins to build in the folder PATH, made where it lacks, and locks it for this process. What a build that was interrupted left behind is
 * brought to its end or taken back. Returns NULL with findings. OPTIONS are borrowed. */
struct mm_catalog_build *mm_catalog_build_new(const char *path, const struct mm_catalog_build_options *options,
                                              struct mm_diags *diags);
void mm_catalog_build_free(struct mm_catalog_build *build);

/* The open folder, for the sandbox. */
int mm_catalog_build_folder(const struct mm_catalog_build *build);

/* Reads what stands there. Returns 0, or -1 with findings. */
int mm_catalog_build_read(struct mm_catalog_build *build, struct mm_diags *diags);

/* Adds the manifest in the file PATH. Several are looked at at once, so findings may be of one that was added before; they come in order.
 * What is withdrawn and merged comes before. Returns 0, or -1 with findings; others can still be added, to find more. */
int mm_catalog_build_add(struct mm_catalog_build *build, const char *path, struct mm_diags *diags);

/* Waits until all that were added were looked at. Returns 0, or -1 with findings. */
int mm_catalog_build_await(struct mm_catalog_build *build, struct mm_diags *diags);

/* Adds what the catalog in the folder PATH holds, which is checked whole: its publisher's own withdrawals, or its ENTRIES. Withdrawals of
 * all catalogs come first. Returns 0, or -1 with findings. */
int mm_catalog_build_merge(struct mm_catalog_build *build, const char *path, bool entries, struct mm_diags *diags);

/* Takes REVISION of MODEL_ID back (0: all that there were and will be), with a REASON and, unless NULL, a NOTICE, an https URL. */
int mm_catalog_build_withdraw(struct mm_catalog_build *build, const char *model_id, uint64_t revision,
                              const char *reason, const char *notice, struct mm_diags *diags);

/* Writes the new catalog. Returns 0, or -1 with findings. */
int mm_catalog_build_finish(struct mm_catalog_build *build, struct mm_catalog_built *built, struct mm_diags *diags);

#endif
