/* The store of models beneath $MINIMODEL_HOME (docs/formats/store.md): which models are there, where, and who may change it. */
#ifndef MM_ACT_STORE_H
#define MM_ACT_STORE_H

#include "doc/manifest.h"

/* Paths beneath the home. */
#define MM_STORE_MODELS "models"
#define MM_STORE_MANIFEST "manifest"     /* in a model's folder; its signatures beside it */
#define MM_STORE_OFFER "offer"           /* in the partial import of a fetch: its manifest and signature */
#define MM_STORE_PARTIAL "store/partial" /* MANIFEST-SHA256: a model on its way in; locks beside it */
#define MM_STORE_CHUNKS "store/chunks"   /* MERKLE-ROOT.chunks: chunk lists of what was imported */
#define MM_STORE_TRASH "store/trash"     /* models on their way out */
#define MM_STORE_PATH 192                /* room for models/PUBLISHER/NAME/REVISION, and for the others */

struct mm_store_model {
    char id[132]; /* PUBLISHER/NAME */
    uint64_t revision;
    char path[MM_STORE_PATH]; /* models/PUBLISHER/NAME/REVISION */
};

#define MM_STORE_LIST_MAX 100000 /* models of a list */

struct mm_store_list {
    struct mm_store_model *models; /* by id, then revision */
    size_t count, capacity;
};

/* Lists the models beneath the open folder HOME; names that are none are passed over, or are findings (STORE_SURPLUS) if STRICT.
 * Returns 0, or -1 with IO_OPEN, IO_READ, IO_LIMIT or IO_MEMORY. Release LIST in every case. */
int mm_store_list(int home, bool strict, struct mm_store_list *list, struct mm_diags *diags);
void mm_store_list_release(struct mm_store_list *list);

/* The model of LIST with the id and revision of MODEL, or NULL. */
const struct mm_store_model *mm_store_in(const struct mm_store_list *list, const struct mm_store_model *model);

/* Fills MODEL for ID and REVISION, both valid, whether it is there or not. */
void mm_store_model(struct mm_store_model *model, const char *id, uint64_t revision);

/* Finds `PUBLISHER/NAME[@REVISION]`, without a revision the highest that is there. Returns 0, or -1 with STORE_MODEL. */
int mm_store_find(int home, const char *name, struct mm_store_model *model, struct mm_diags *diags);

/* Reads and checks the manifest of MODEL. Returns 0, or -1 with findings; release MANIFEST in every case. */
int mm_store_manifest(int home, const struct mm_store_model *model, struct mm_manifest *manifest,
                      struct mm_diags *diags);

/* Takes the lock file PATH beneath HOME, which is made if it is not there. If another process has it, *WAITED is set
 * and, if WAIT, it is waited for. Returns the descriptor, whose closing releases the lock; -1 with errno EWOULDBLOCK, without a
 * finding, where it is taken and WAIT is false; -1 with STORE_HOME. */
int mm_store_lock(int home, const char *path, bool wait, bool *waited, struct mm_diags *diags);

/* Moves the folder PATH beneath HOME out of sight, to TRASH, in one step. Returns 0, or -1 with IO_WRITE. */
#define MM_STORE_TRASH_PATH 64
int mm_store_hide(int home, const char *path, char trash[static MM_STORE_TRASH_PATH], struct mm_diags *diags);

/* Moves it there and removes it: it is there whole or not at all. */
int mm_store_discard(int home, const char *path, struct mm_diags *diags);

#endif
