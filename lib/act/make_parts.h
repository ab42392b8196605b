/* What the parts of manifest-make's job share: make.c (fields, roles, the text) and make_read.c (the files that are described). Nobody else
 * includes this. */
#ifndef MM_ACT_MAKE_PARTS_H
#define MM_ACT_MAKE_PARTS_H

#include "act/make.h"
#include "doc/chunk_list.h"
#include "model/set.h"

/* One input on its way into the manifest. */
struct mm_made {
    const struct mm_input *input;
    enum mm_role role;
    bool used; /* not left out */
    struct mm_artifact artifact;
    struct mm_hashes hashes; /* of its chunks, where lists are written */
    unsigned char list_sha256[MM_HASH_BYTES];
};

struct mm_making {
    const struct mm_gather *gather;
    const struct mm_make_options *options;
    struct mm_diags *diags;
    uint64_t chunk_size;
    struct mm_made *made;      /* as many as the gathering's inputs */
    struct mm_member *members; /* those that are used */
    size_t *member_made;       /* their places in `made` */
    size_t member_count;
    struct mm_buf text; /* the manifest's lines, in any order */
    bool read;          /* the inputs were read: what is left out is known */
};

/* The role of an input; MODEL is NULL while it is not read, when licence and card alone matter. */
void mm_make_choose_role(struct mm_making *m, struct mm_made *made, const struct mm_model *model);

/* Reads all inputs, several at once, and finds the members among them. Returns 0, or -1 with findings, which come in the order of the inputs. */
int mm_make_read(struct mm_making *m);

#endif
