/* Evidence that one model is another one converted or requantised, tensor by tensor (docs/formats/derived.md). */
#ifndef MM_DOC_DERIVED_H
#define MM_DOC_DERIVED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/number.h"

#define MM_DERIVED_TYPE "minimodel-derived"
#define MM_DERIVED_MAX 16777216 /* bytes of one document */
#define MM_DERIVED_TOOL 64

/* What became of the chat templates, which are compared though no .slm holds them. */
enum mm_derived_template {
    MM_DERIVED_TEMPLATE_NONE,     /* neither model has one */
    MM_DERIVED_TEMPLATE_EQUAL,    /* the artifact has the source's */
    MM_DERIVED_TEMPLATE_LEFT_OUT, /* it lacks one that a drop names, and has no other */
    MM_DERIVED_TEMPLATE_DIFFERS,
    MM_DERIVED_TEMPLATE_COUNT
};
extern const char *const mm_derived_template_names[MM_DERIVED_TEMPLATE_COUNT];

/* How a tensor of the artifact follows from the source. */
enum mm_derivation {
    MM_DERIVATION_EXACT,       /* its values are the source's */
    MM_DERIVATION_REQUANTISED, /* its bytes are the source's values, rounded */
    MM_DERIVATION_DIFFERS,
    MM_DERIVATION_COUNT
};
extern const char *const mm_derivation_names[MM_DERIVATION_COUNT];

/* A file of a model; one that is the whole model has no name here. */
struct mm_derived_file {
    char *name; /* NULL for none */
    unsigned char sha256[MM_HASH_BYTES];
};

struct mm_derived_files {
    struct mm_derived_file *items; /* by name */
    size_t count, capacity;
};

struct mm_derived_tensor {
    enum mm_derivation how;
    char *name; /* .slm's */
};

/* A zeroed document is empty. */
struct mm_derived {
    char tool[MM_DERIVED_TOOL + 1];
    struct mm_derived_files source, artifact;
    bool lent_tokenizer; /* a model that came without one was given this file's */
    unsigned char tokenizer_sha256[MM_HASH_BYTES];
    char **drops; /* keys that were left out of the comparison, as they were asked for */
    size_t drop_count, drop_capacity;
    bool facts_differ, tokenizer_differs;
    enum mm_derived_template chat_template;
    struct mm_derived_tensor *tensors; /* by name */
    size_t tensor_count, tensor_capacity;
    uint64_t counts[MM_DERIVATION_COUNT];
};

void mm_derived_release(struct mm_derived *derived);

/* Each adds one thing, behind those that are there; NAME is copied (NULL: none). Returns 0, or -1 with IO_MEMORY. */
int mm_derived_add_file(struct mm_derived_files *files, const char *name,
                        const unsigned char sha256[static MM_HASH_BYTES], struct mm_diags *diags);
int mm_derived_add_drop(struct mm_derived *derived, const char *key, size_t length, struct mm_diags *diags);
int mm_derived_add_tensor(struct mm_derived *derived, enum mm_derivation how, const char *name, size_t length,
                          struct mm_diags *diags);

/* True if the --drop KEY, in which a final * stands for any rest, names the key NAME; if it can name a chat template, by a key of
 * GGUF or as the chat_template of a folder. */
bool mm_derived_drop_names(const char *key, const char *name);
bool mm_derived_drop_is_template(const char *key);

/* True if nothing differs. */
bool mm_derived_passes(const struct mm_derived *derived);

/* Appends the document. Its files and tensors are sorted by name, and names are values of the line grammar. */
void mm_derived_write(const struct mm_derived *derived, struct mm_buf *out);

/* Reads TEXT: every line in its place, names sorted, counts and verdict as the lines have it. What is not so is a finding (text
 * rules, VALUE_NUMBER, VALUE_HASH, DIFF_EVIDENCE). Returns 0, or -1; release DERIVED in every case. */
int mm_derived_read(struct mm_derived *derived, const char *text, size_t length, struct mm_diags *diags);

#endif
