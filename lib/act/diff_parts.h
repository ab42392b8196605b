/* What the parts of the comparison share: diff.c (as stored), diff_side.c (a model as stored), diff_terms.c (in the terms of
 * .slm), diff_templates.c (chat templates) and derive.c. Nobody else includes this. */
#ifndef MM_ACT_DIFF_PARTS_H
#define MM_ACT_DIFF_PARTS_H

#include "act/diff.h"
#include "convert/checkpoint.h"
#include "model/set.h"

/* Bytes of data that are compared at once. */
#define MM_DIFF_BLOCK (1024u * 1024)

struct mm_diffing {
    const struct mm_diff_options *options;
    struct mm_diags *diags;
    struct mm_buf a, b; /* the values of the next difference */
    bool differ;        /* there was one */
    bool derivation;    /* what a conversion may change is passed over, and the rest is an error */
    struct mm_sha256 *sha_a, *sha_b;
    unsigned char *block_a, *block_b; /* MM_DIFF_BLOCK bytes each */
    uint64_t done, total;             /* bytes, for the progress */
};

/* Returns 0, or -1 with IO_MEMORY; end DIFFING in every case. */
int mm_diff_begin(struct mm_diffing *d, const struct mm_diff_options *options, struct mm_diags *diags);
void mm_diff_end(struct mm_diffing *d);

/* Passes on a difference, whose values are in d->a and d->b (by HOW: one of them or both), and empties those. Returns 0, or -1
 * with a finding. */
int mm_diff_add(struct mm_diffing *d, enum mm_diff_what what, const char *name, enum mm_diff_how how);

/* Appends a value's first bytes to BUF, cut where it is long. */
void mm_diff_show(struct mm_buf *buf, const void *bytes, size_t length);

/* Whether two files have the same bytes, whatever they are. What cannot be read is not the same, without a finding. */
bool mm_diff_same_bytes(struct mm_diffing *d, const char *path_a, const char *path_b);

/* COUNT more bytes of both sides are done. */
void mm_diff_progress(struct mm_diffing *d, uint64_t count);

/* ---- diff_side.c: a model as stored ---- */

struct mm_side_file {
    char *path;
    const char *name; /* in path: behind the folder; "" where the operand is the file */
    int fd;
    struct stat before;
    struct mm_artifact artifact;
    bool tensors; /* it holds tensors; then fd stays open */
};

struct mm_side_key {
    char *name;
    const struct mm_pair *pair;
};

struct mm_side_tensor {
    const char *name;
    const struct mm_side_file *file;
    size_t which; /* in its tensors */
};

struct mm_side {
    char *path; /* of the folder, or of the one file */
    bool folder;
    struct mm_side_file *files; /* by name */
    size_t file_count, file_capacity;
    struct mm_model settings; /* pairs of config.json */
    struct mm_side_key *keys; /* by name */
    size_t key_count, key_capacity;
    struct mm_side_tensor *tensors; /* by name */
    size_t tensor_count;
};

/* Opens and reads the model PATH: a file, or a folder's files without its folders. Returns 0, or -1 with findings; release in
 * every case. */
int mm_side_open(struct mm_side *side, const char *path, const struct mm_diff_options *options, struct mm_diags *diags);
void mm_side_release(struct mm_side *side);

/* The format of its tensors, or of its one file; MM_FORMAT_OPAQUE for a folder without tensors. */
enum mm_format mm_side_format(const struct mm_side *side);

/* Returns 0, or -1 with IO_CHANGED where a file with tensors changed since it was opened. */
int mm_side_finish(const struct mm_side *side, struct mm_diags *diags);

/* The path of the model that the operand PATH names, which is the one GGUF or .slm file of a folder that holds no other model.
 * The caller frees it. *FOLDER: it is a folder. *LACKS: it comes without a tokenizer. Returns NULL with a finding. */
char *mm_side_locate(const char *path, bool *folder, bool *lacks_tokenizer, struct mm_diags *diags);

/* True if PATH is a folder with safetensors files in it. */
bool mm_side_is_safetensors(const char *path);

/* The names of the files in the folder PATH, without hidden ones, in order. */
struct mm_names {
    char **items;
    size_t count, capacity;
};
int mm_names_list(struct mm_names *names, const char *path, struct mm_diags *diags);
void mm_names_release(struct mm_names *names);

/* ---- diff_terms.c: models told in the terms of .slm ---- */

/* Opens the model at PATH, which mm_side_locate found. What .slm does not tell is DIFF_TERMS. */
int mm_terms_open(struct mm_diffing *d, struct mm_checkpoint *checkpoint, const char *path, bool lacks_tokenizer);

/* Compares facts; tokenizers; tensors as they are. Each returns 0, or -1 with a finding. */
int mm_terms_facts(struct mm_diffing *d, const struct mm_slm *a, const struct mm_slm *b);
int mm_terms_tokenizers(struct mm_diffing *d, const struct mm_tokenizer *a, const struct mm_tokenizer *b);
int mm_terms_tensors(struct mm_diffing *d, struct mm_checkpoint *a, struct mm_checkpoint *b);

/* Appends dtype and dimensions of TENSOR: "f32 64,512". */
void mm_terms_show_tensor(struct mm_buf *buf, const struct mm_slm_tensor *tensor);

/* The index of tensor NAME of SLM, or SIZE_MAX. */
size_t mm_terms_find(const struct mm_slm *slm, const char *name);

/* Bytes of all tensors. */
uint64_t mm_terms_bytes(const struct mm_checkpoint *checkpoint);

/* ---- diff_templates.c: what an .slm does not hold and a derivation keeps all the same ---- */

struct mm_template {
    char *name;                          /* chat_template, chat_template.NAME, or chat_templates: the list of names */
    unsigned char sha256[MM_HASH_BYTES]; /* of its text */
};

/* A zeroed list is empty. */
struct mm_templates {
    struct mm_template *items; /* by name */
    size_t count, capacity;
};

/* Reads the chat templates of the model at PATH, which CHECKPOINT was opened from: those in its GGUF files, and those of a FOLDER,
 * whose files LISTED names. Returns 0, or -1 with findings (DIFF_TERMS: which templates it has cannot be told; IO_CHANGED: a
 * file is not the listed one); release in every case. */
int mm_templates_read(struct mm_diffing *d, struct mm_templates *templates, const char *path, bool folder,
                      const struct mm_checkpoint *checkpoint, const struct mm_derived_files *listed);
void mm_templates_release(struct mm_templates *templates);

/* Compares them, and says in *WORD what became of A's. Returns 0, or -1 with a finding. */
int mm_templates_compare(struct mm_diffing *d, const struct mm_templates *a, const struct mm_templates *b,
                         enum mm_derived_template *word);

#endif
