/* One artifact read once: its hashes, its format, and what it says of itself. */
#ifndef MM_MODEL_ARTIFACT_H
#define MM_MODEL_ARTIFACT_H

#include "hash/chunk.h"
#include "hash/git_blob.h"
#include "model/model.h"

enum mm_role {
    MM_ROLE_WEIGHTS,
    MM_ROLE_ADAPTER,
    MM_ROLE_TOKENIZER,
    MM_ROLE_CONFIG,
    MM_ROLE_LICENSE,
    MM_ROLE_CARD,
    MM_ROLE_OTHER,
    MM_ROLE_COUNT
};

/* The roles' words in manifests. */
extern const char *const mm_role_names[MM_ROLE_COUNT];

/* Index of a role's word, or -1. */
int mm_role_of(const char *word, size_t length);

/* The role that a file's name and content suggest. MODEL is NULL while the file was not read: then weights, which a name
 * does not tell, are not guessed. */
enum mm_role mm_role_guess(const char *path, const struct mm_model *model);

/* True for a format that says of every byte whose it is: none of what it holds is looked at but its header and what lies between tensors. */
bool mm_format_holds_tensors(enum mm_format format);

#define MM_FORMAT_DETECT (-1)

struct mm_artifact_options {
    int format; /* what the file has to be (enum mm_format), or MM_FORMAT_DETECT */
    uint64_t chunk_size;
    bool whole; /* take the SHA-256 of the whole file */
    struct mm_hash_means means;
    bool git;                       /* take git's id of the file too, which has to be a regular one */
    const struct mm_origin *origin; /* where the bytes come from instead of the descriptor, or NULL */
    /* What is known of these very bytes, hashed when they were written; then nothing is hashed and EACH not called. NULL: nothing. */
    const struct mm_chunk_facts *known;
    mm_chunk_fn *each; /* called for each chunk, may be NULL */
    void *each_context;
    struct mm_buf *keep; /* the first bytes of the file are appended, KEEP_MOST at most; NULL: none */
    size_t keep_most;
    bool keep_pairs;          /* keep key-value pairs for display */
    bool refusal_is_note;     /* an archive or pickle is a note, and `refused`, not an error */
    mm_progress_fn *progress; /* may be NULL */
    void *progress_context;
};

struct mm_artifact {
    struct mm_chunk_facts chunks;
    bool has_git;
    unsigned char git[MM_GIT_BYTES];
    struct mm_model model; /* its format is the one found or asked for */
    bool valid;            /* the format's rules hold */
    bool unsupported;      /* not valid, and all that speaks against it is a version or type not known here */
    bool refused;          /* an archive or pickle */
};

/* Reads the file FD, called PATH, from its present position to its end. Findings about the format go to DIAGS at their
 * offsets. Returns 0 if the file could be read, valid or not; -1 where reading failed (a finding says why).
 * Release ARTIFACT in every case. Where FD stands afterwards is not told. */
int mm_artifact_read(int fd, const char *path, const struct mm_artifact_options *options, struct mm_artifact *artifact,
                     struct mm_diags *diags);
void mm_artifact_release(struct mm_artifact *artifact);

#endif
