/* A model of the store that may be run: verified whole, with a consent, and no other file in place of a verified one. */
#ifndef MM_INFER_PERMITTED_H
#define MM_INFER_PERMITTED_H

#include <sys/stat.h>

#include "act/hand_over.h"
#include "convert/checkpoint.h"

/* An artifact that was verified. */
struct mm_permitted_file {
    char *path; /* as it is opened: STORE/models/…/files/PATH */
    unsigned char sha256[MM_HASH_BYTES];
    bool weights, safetensors;
    struct stat status; /* of the file that was read */
};

struct mm_permitted {
    struct mm_store_model model;
    struct mm_hand_over over;
    struct mm_permitted_file *files;
    size_t count, capacity;
    struct mm_buf
        evidence; /* the text of the first infer-check evidence that the manifest names and that is one of the files; empty: there is none */
    char evidence_path[256];
};

/* For a struct mm_permitted that nothing was opened for yet. */
#define MM_PERMITTED_NONE                                                                                              \
    {                                                                                                                  \
        .over = MM_HAND_OVER_NONE                                                                                      \
    }

/* Finds MODEL (PUBLISHER/NAME[@REVISION]) in the store that is open as HOME and called STORE, and has all of it verified as mm_hand_over does with OPTIONS, of which
 * `all` is set here. Returns 0, or -1 with findings; release PERMITTED in every case. */
int mm_permitted_open(struct mm_permitted *permitted, int home, const char *store, const char *model,
                      struct mm_hand_over_options options, struct mm_diags *diags);
void mm_permitted_release(struct mm_permitted *permitted);

/* Fills PATHS, which has room for all files, with what mm_checkpoint_open_files takes: the files of role weights, or the one
 * folder of safetensors files, which is then FOLDER's. Returns their number, or -1 with STORE_MODEL where there is none, or IO_MEMORY. */
int mm_permitted_paths(const struct mm_permitted *permitted, const char **paths, struct mm_buf *folder,
                       struct mm_diags *diags);

/* Every file of CHECKPOINT has to be one that was verified, unchanged since (IO_CHANGED). WHICH of its files gets its SHA-256 in SHA256. Returns 0 or -1. */
int mm_permitted_check(const struct mm_permitted *permitted, const struct mm_checkpoint *checkpoint, size_t which,
                       unsigned char sha256[static MM_HASH_BYTES], struct mm_diags *diags);

#endif
