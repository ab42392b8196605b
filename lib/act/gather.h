/* Which files a manifest is made of: operands are files, folders, snapshots of a Hugging Face cache, or models of an
 * Ollama store. */
#ifndef MM_ACT_GATHER_H
#define MM_ACT_GATHER_H

#include "base/file.h"

enum mm_blob_digest { MM_BLOB_NONE, MM_BLOB_SHA256, MM_BLOB_GIT };

/* One file to describe. */
struct mm_input {
    char *path; /* in the manifest */
    char *name; /* beneath `folder` */
    int folder; /* open folder, kept by the gathering */
    enum mm_links links;
    bool named;                 /* an operand itself, not found in a folder */
    int role;                   /* enum mm_role where the store says it, or -1 */
    enum mm_blob_digest digest; /* what the blob's name says of its bytes */
    char hex[65];
};

struct mm_gather {
    struct mm_input *inputs; /* sorted by path */
    size_t count, capacity;
    int *folders;
    size_t folder_count, folder_capacity;
    bool follow_links;
};

void mm_gather_release(struct mm_gather *gather);

/* Adds what OPERAND names. Files that are left out (dot-files, unfinished downloads, manifests, signatures, chunk lists)
 * are notes; names that are no portable paths and links that lead astray are errors. Returns 0, or -1 with findings. */
int mm_gather_add(struct mm_gather *gather, const char *operand, struct mm_diags *diags);

/* After the last operand: sorts. Returns 0; 1 with MAKE_LACKS where nothing was found; -1 with another finding. */
int mm_gather_finish(struct mm_gather *gather, struct mm_diags *diags);

/* Opens INPUT. Returns the descriptor, or -1 with a finding. */
int mm_input_open(const struct mm_input *input, struct mm_diags *diags);

#endif
