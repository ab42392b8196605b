/* The folder of a model beneath a catalog, opened once for all that is looked at in it. What is not as it mostly is there, is not told here: it is
 * looked at again by its whole path, and that says what is wrong. */
#ifndef MM_ACT_CATALOG_MODEL_H
#define MM_ACT_CATALOG_MODEL_H

#include "doc/catalog_entry.h"

/* A zeroed one begins; it serves one model after the other, and keeps the folder of their publisher open. */
struct mm_catalog_model {
    bool begun;    /* the descriptors mean something */
    int publisher; /* its publisher's folder, */
    int folder;    /* and its own; -1 each where it is not there, or no folder */
    char publisher_id[MM_MODEL_ID_MAX + 1];
};

/* Opens the folder of MODEL_ID beneath the catalog ROOT, the same for every model. No link is followed. */
void mm_catalog_model_open(struct mm_catalog_model *model, int root, const char *model_id);

/* Reads the file NAME in it, of at most LIMIT bytes, into TEXT. Returns false where that is not to be had. */
bool mm_catalog_model_text(const struct mm_catalog_model *model, const char *name, size_t limit, struct mm_buf *text);

/* True if nothing is in it but what belongs to this one ENTRY: its manifest, its signature where it has one, and the page. */
bool mm_catalog_model_alone(const struct mm_catalog_model *model, const struct mm_catalog_entry *entry);
void mm_catalog_model_release(struct mm_catalog_model *model);

#endif
