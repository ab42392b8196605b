/* Keeping the store: taking models out of it, clearing away what nobody needs, and checking all of it (docs/formats/store.md). */
#ifndef MM_ACT_KEEP_H
#define MM_ACT_KEEP_H

#include "act/store.h"
#include "act/trust.h"
#include "base/source.h"
#include "doc/receipt.h"
#include "trust/secret_key.h"

/* Takes MODEL out of the store: a receipt, signed by KEY (NULL: by none), says `removed`, its folder goes out of sight at once, then its bytes are deleted. RECEIPT is
 * the path of that receipt, "" where a call before wrote it and was interrupted. A model that no receipt says was imported is
 * taken out without one if FORCE, and is refused otherwise (RECEIPT_NONE). Returns 0, or -1 with findings. */
int mm_keep_remove(int home, const struct mm_store_model *model, bool force, const struct mm_secret_key *key,
                   char receipt[static 320], struct mm_diags *diags);

struct mm_keep_options {
    bool partial; /* unfinished imports go too */
    bool dry_run; /* remove nothing, only tell */
};

/* Called for each thing that goes: its path beneath the home and the bytes that it takes up. */
typedef void mm_keep_fn(void *context, const char *path, uint64_t bytes);

/* Removes what nothing needs. What another process works on is left. Returns 0, or -1 with findings. */
int mm_keep_clear(int home, const struct mm_keep_options *options, mm_keep_fn *each, void *context,
                  struct mm_diags *diags);

struct mm_keep_check {
    const struct mm_trust *trust; /* by which signatures are judged again */
    bool quick;                   /* leave out whole-file hashes */
    struct mm_hash_means means;
    mm_progress_fn *progress; /* may be NULL */
    void *progress_context;
};

/* What the newest receipts say of a model's import. */
struct mm_keep_import {
    struct mm_digest manifest; /* not known: it was not imported, or removed since */
    bool removed;              /* it was imported, and removed since */
    bool in_place;             /* its files are links to where they were */
    bool unread;               /* the receipts could not be read */
};

/* Fills IMPORTS, zeroed, one for each of MODELS. Returns 0, or -1 with findings. */
int mm_keep_imports(int home, const struct mm_store_list *models, struct mm_keep_import *imports,
                    struct mm_diags *diags);

/* The same for one MODEL: receipts of others are not opened. */
int mm_keep_import(int home, const struct mm_store_model *model, struct mm_keep_import *import, struct mm_diags *diags);

/* Checks MODEL: its manifest, its signature (unless IMPORT says that there was none), every artifact as slm-verify does, nothing beside them, links only where IMPORT says that it is in place,
 * and that its manifest is the one of IMPORT. Findings name files beneath the home. Returns what is known then: MM_YES, MM_NO or
 * MM_UNKNOWN. */
enum mm_answer mm_keep_check_model(int home, const struct mm_store_model *model, const struct mm_keep_import *import,
                                   const struct mm_keep_check *options, struct mm_diags *diags);

/* Checks that the home holds what its page names and nothing else. Returns 0, or -1 with STORE_SURPLUS or IO_READ. */
int mm_keep_check_home(int home, struct mm_diags *diags);

#endif
