/* Files against what others say of them (docs/formats/attestations.md): each entry of an attestation finds its file among those that are
 * gathered, and is compared once they are read. */
#ifndef MM_ACT_ATTEST_H
#define MM_ACT_ATTEST_H

#include "act/gather.h"
#include "doc/attestation.h"
#include "hash/git_blob.h"
#include "trust/oms_key.h"

/* Attestations at most, and entries that speak of gathered files. */
#define MM_ATTEST_FILES_MAX 4000
#define MM_ATTEST_CLAIMS_MAX 1000000

struct mm_attest_identity {
    uint64_t device, inode;
    size_t input;
    bool known;
};

/* One file that attests. */
struct mm_attest_file {
    char *path;
    enum mm_attestation_kind kind;
    bool stream;    /* it came from a pipe and has no name */
    bool unchecked; /* a bundle, and who made it is not known: it is compared and not recorded */
    unsigned char sha256[MM_HASH_BYTES];
    size_t first, count; /* its claims */
};

/* What the user named: a file, or a folder of them. */
struct mm_attest_operand {
    const char *path; /* the caller's */
    size_t first, count;
    size_t others; /* entries that speak of no file here */
    bool
        here; /* a folder of metadata whose names count from the folder of downloads, as one of them leads to an input */
};

struct mm_attest_claim {
    size_t input; /* of the gathering, SIZE_MAX where the digest will tell */
    struct mm_attested said;
};

struct mm_attest {
    const struct mm_gather *gather;
    const struct mm_oms_key
        *key; /* that signs bundles, NULL: none was given. The caller's, set after mm_attest_begin */
    const struct mm_oms_roots *roots;      /* that vouch for those who sign bundles, likewise, */
    char now[MM_TIME_SIZE];                /* and the time for which they do */
    struct mm_attest_identity *identities; /* as many as inputs, in their order */
    struct mm_attest_identity *sorted;     /* those that are known, by device and inode */
    size_t sorted_count;
    bool *git; /* as many as inputs: git's id is needed */
    struct mm_attest_file *files;
    size_t file_count, file_capacity;
    struct mm_attest_operand *operands;
    size_t operand_count, operand_capacity;
    struct mm_attest_claim *claims;
    size_t claim_count, claim_capacity;
};

/* What the reading of an input found. */
struct mm_attest_found {
    bool used; /* it is part of the model */
    uint64_t bytes;
    const unsigned char *sha256;
    const unsigned char *git; /* NULL where it was not asked for */
};

/* For the files of GATHER, which is finished and stays. Returns 0, or -1 with IO_MEMORY or IO_READ. Release ATTEST in every case. */
int mm_attest_begin(struct mm_attest *attest, const struct mm_gather *gather, struct mm_diags *diags);
void mm_attest_release(struct mm_attest *attest);

/* Reads OPERAND, which is kept: an attestation, or a folder of Hugging Face's download metadata. What it says of files that are
 * not gathered is a note. Returns 0, or -1 with findings. */
int mm_attest_add(struct mm_attest *attest, const char *operand, struct mm_diags *diags);

/* The same for what comes from FD, called SHOWN, which is kept; its names count from the working folder. */
int mm_attest_add_stream(struct mm_attest *attest, int fd, const char *shown, struct mm_diags *diags);

/* True if git's id of input WHICH is needed. */
static inline bool mm_attest_needs_git(const struct mm_attest *attest, size_t which)
{
    return attest && attest->git[which];
}

/* Compares with what was found of each input. Appends `x-KIND pass SHA256 -` and LF for each attestation that agreed, no line twice.
 * Returns 0, or -1 with ATTEST_DIFFERS, ATTEST_NOTHING or IO_MEMORY. */
int mm_attest_compare(const struct mm_attest *attest, const struct mm_attest_found *found, struct mm_buf *evidence,
                      struct mm_diags *diags);

#endif
