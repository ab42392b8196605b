/* What the parts of shares have in common: shares.c (finding and opening) and shares_make.c (taking models in). Nobody else includes this. */
#ifndef MM_EXCHANGE_SHARES_PARTS_H
#define MM_EXCHANGE_SHARES_PARTS_H

#include "exchange/shares.h"

struct mm_shares {
    int home;
    unsigned users;
    struct mm_share_model *models; /* by the manifest's SHA-256 */
    size_t model_count, model_capacity;
    struct mm_share_file *files; /* by the artifact's SHA-256, each once */
    size_t file_count, file_capacity;
    struct mm_share_file **by_root; /* the same */
    struct mm_share_blob **open;    /* those with a descriptor */
    size_t open_count, open_capacity;
    uint64_t clock; /* files that were asked for */
    uint64_t texts; /* bytes of manifests and signatures */
    struct mm_buf listing;
};

void mm_share_file_release(struct mm_share_file *file);
void mm_share_model_release(struct mm_share_model *model);

#endif
