/* What others say of files: SHA256SUMS, Git LFS pointers, Hugging Face's download metadata, Ollama manifests
 * (docs/formats/attestations.md). Here stands what such a file says; act/attest.h compares it with the files. */
#ifndef MM_DOC_ATTESTATION_H
#define MM_DOC_ATTESTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"
#include "base/number.h"

/* Bytes of an attestation at most, and of the small kinds. */
#define MM_ATTESTATION_MAX (16u * 1024 * 1024)
#define MM_LFS_POINTER_MAX 1023
#define MM_HF_METADATA_MAX 4096
#define MM_OLLAMA_MAX (1u << 20)
#define MM_OLLAMA_LAYERS 1024

enum mm_attestation_kind {
    MM_ATTEST_SHA256SUMS,
    MM_ATTEST_LFS_POINTER, /* speaks of the one file that its own name tells */
    MM_ATTEST_HF_METADATA, /* likewise */
    MM_ATTEST_OLLAMA,      /* names files by their digests */
    MM_ATTEST_OMS,         /* a model-signing bundle, which mm_attestation_read tells and does not read */
    MM_ATTEST_KINDS
};

/* The kinds' words, KIND of `evidence: x-KIND`. */
extern const char *const mm_attestation_words[MM_ATTEST_KINDS];

/* What is said of one file. */
struct mm_attested {
    size_t name; /* where it begins in the attestation's names, NUL-terminated; "" where the kind names no files */
    size_t name_length;
    unsigned char digest[MM_HASH_BYTES]; /* SHA-256, or git's id in the first 20 bytes */
    bool git;
    bool has_size;
    bool weights;  /* the layer of an Ollama manifest that is the model */
    uint64_t size; /* bytes */
    uint64_t line; /* where it stands; 0 in JSON */
};

struct mm_attestation {
    enum mm_attestation_kind kind;
    struct mm_attested *items; /* in the order in which they stand */
    size_t count, capacity;
    struct mm_buf names;
};

/* Reads an attestation's LENGTH bytes at TEXT; its content tells the kind. A name comes without "./" before it; no two items of one
 * name or digest contradict each other. Returns 0, or -1 with ATTEST_FORM, JSON rules, IO_MEMORY or IO_LIMIT. Release ATTESTATION
 * in every case. */
int mm_attestation_read(struct mm_attestation *attestation, const char *text, size_t length, struct mm_diags *diags);
void mm_attestation_release(struct mm_attestation *attestation);

/* Appends an item whose other members ITEM has. Returns 0, or -1 with IO_MEMORY. */
int mm_attestation_add(struct mm_attestation *attestation, const char *name, size_t name_length,
                       struct mm_attested item, struct mm_diags *diags);

/* Refuses two items of one name with different digests (ATTEST_FORM). Returns 0 or -1. */
int mm_attestation_check_names(const struct mm_attestation *attestation, struct mm_diags *diags);

static inline const char *mm_attested_name(const struct mm_attestation *attestation, const struct mm_attested *item)
{
    return attestation->names.data + item->name;
}

#endif
