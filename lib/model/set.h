/* The files of one model together: facts that follow from all of them, split GGUF parts, shard indexes, tokenizers that
 * stand beside weights (artifacts.md). */
#ifndef MM_MODEL_SET_H
#define MM_MODEL_SET_H

#include "model/artifact.h"

/* One file of the model. */
struct mm_member {
    const char *path;
    enum mm_role role;
    const struct mm_artifact
        *artifact;               /* NULL where the file was not read or is not valid: facts are then incomplete */
    const unsigned char *sha256; /* of the file, NULL if not known */
};

struct mm_set_facts {
    bool complete;    /* every such file took part */
    size_t stated_by; /* the member that the model's facts are reported at; SIZE_MAX without weights */
    char architecture[MM_ARCHITECTURE_MAX + 1];
    bool has_parameters;
    uint64_t parameters;
    const char *quantization;
    bool failed; /* memory was exhausted: the shape is not known */
    bool has_shape;
    char shape[320];
};

/* MEMBERS are sorted by path bytes. */
void mm_set_facts(const struct mm_member *members, size_t count, struct mm_set_facts *facts);

/* The tokenizer's digest of member WHICH: what a GGUF file holds, or, for the first safetensors file of a folder, the
 * tokenizer.json or else tokenizer.model beside it. False where that cannot be said, as not all was read. */
bool mm_set_tokenizer(const struct mm_member *members, size_t count, size_t which, struct mm_digest *digest);

/* Checks split parts and shard indexes. *CHECKED says whether there were any. Returns 0, or -1 with SET_SPLIT,
 * SET_INDEX or IO_MEMORY. */
int mm_set_check(const struct mm_member *members, size_t count, bool *checked, struct mm_diags *diags);

#endif
