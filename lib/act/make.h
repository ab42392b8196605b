/* Describing files in a manifest. */
#ifndef MM_ACT_MAKE_H
#define MM_ACT_MAKE_H

#include "act/attest.h"
#include "doc/manifest.h"

/* A field's value as it was given. */
struct mm_given {
    enum mm_field field;
    const char *value;
};

/* --role PATH=ROLE */
struct mm_role_given {
    const char *path;
    size_t path_length;
    enum mm_role role;
    bool used;
};

struct mm_make_options {
    const struct mm_given *given; /* of the call */
    size_t given_count;
    struct mm_role_given *roles;
    size_t role_count;
    uint64_t chunk_size;                 /* 0: that of `from`, else the default */
    const struct mm_manifest *from;      /* an earlier revision, or NULL */
    const struct mm_manifest *publisher; /* defaults of the publisher file, or NULL */
    bool is_private;                     /* --private: everything that lacks is filled for publisher local */
    const char *private_name;            /* NAME of local/NAME where no model-id is given */
    const char *chunk_lists;             /* folder for chunk lists, or NULL */
    const struct mm_attest *attest;      /* what others say of the gathered files, or NULL */
    bool force;                          /* replace chunk lists that are there */
    const char *call;           /* the arguments as a shell takes them, each after a blank, for the sample command */
    struct mm_hash_means means; /* its threads read several files at once, too */
    mm_progress_fn *progress;   /* may be NULL; called by any thread, never by two at once */
    void *progress_context;
};

/* Files that a manifest of 1 MiB can describe: a group has at least 301 bytes. */
#define MM_MAKE_FILES_MAX 3483

/* Reads every input once and appends the canonical manifest that describes them to OUT. What lacks is found before
 * anything is read, all at once (MAKE_LACKS): then the answer is 1. Otherwise 0, or -1 with findings. */
int mm_make(const struct mm_gather *gather, const struct mm_make_options *options, struct mm_buf *out,
            struct mm_diags *diags);

/* Creates the folders beneath options->chunk_lists that the lists of GATHER need. Before mm_make, while that is allowed. */
int mm_make_folders(const struct mm_gather *gather, const char *chunk_lists, struct mm_diags *diags);

#endif
