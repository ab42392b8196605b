/* What a model-signing bundle states: the names and hashes of a model's files (docs/formats/oms.md). Read after the
 * signature was found good. */
#ifndef MM_TRUST_OMS_STATEMENT_H
#define MM_TRUST_OMS_STATEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/number.h"

#define MM_OMS_DIGEST_MAX 64
#define MM_OMS_RESOURCES_MAX 200000
#define MM_OMS_SHARD_MAX (UINT64_C(1) << 50) /* bytes of a shard */

enum mm_oms_hash { MM_OMS_SHA256, MM_OMS_BLAKE2B, MM_OMS_HASH_COUNT };
extern const char *const mm_oms_hash_names[MM_OMS_HASH_COUNT];

/* Bytes of HASH's digest. */
size_t mm_oms_digest_size(enum mm_oms_hash hash);

/* A file, or a range of one. */
struct mm_oms_resource {
    char *name;          /* mm_oms_name_sound, the range split off; or "." alone, where the model is one file */
    uint64_t start, end; /* of a shard; 0 otherwise */
    unsigned char digest[MM_OMS_DIGEST_MAX];
};

struct mm_oms_statement {
    char *model; /* what the signer called it; proves nothing */
    enum mm_oms_hash hash;
    uint64_t shard_size; /* 0: whole files */
    bool allow_symlinks;
    struct mm_oms_resource *resources; /* sorted by name bytes, then by start; no two alike */
    size_t count, capacity;
    char **ignored; /* paths that were left out, with what is beneath them */
    size_t ignored_count, ignored_capacity;
    unsigned char root[MM_HASH_BYTES]; /* SHA-256 over all digests in the statement's order */
};

/* Reads the payload of a bundle. Returns 0, or -1 with OMS_FORM, OMS_UNSUPPORTED or JSON rules, in which offsets are the payload's.
 * Release STATEMENT in every case. */
int mm_oms_statement_read(struct mm_oms_statement *statement, const char *text, size_t length, struct mm_diags *diags);
void mm_oms_statement_release(struct mm_oms_statement *statement);

/* Adds copies. Return 0, or -1 with IO_MEMORY or IO_LIMIT. */
int mm_oms_statement_add(struct mm_oms_statement *statement, const char *name, const unsigned char *digest,
                         struct mm_diags *diags);
int mm_oms_statement_ignore(struct mm_oms_statement *statement, const char *path, struct mm_diags *diags);

/* True if NAME can stand in a statement: relative, of components that are neither "." nor "..", without backslashes and control
 * characters, UTF-8, at most 4096 bytes. */
bool mm_oms_name_sound(const char *name);

/* Can PATH be left out: is it such a name, `./` before it and slashes behind it apart? */
bool mm_oms_ignorable(const char *path);

/* True if PATH is one that is always left out (.git, .gitignore, .gitattributes, .github), or one that STATEMENT leaves out, or
 * lies beneath one. */
bool mm_oms_ignored(const struct mm_oms_statement *statement, const char *path);

/* After the last addition: sorts, and computes `root`. Returns 0, or -1 with IO_MEMORY. */
int mm_oms_statement_finish(struct mm_oms_statement *statement, struct mm_diags *diags);

/* Appends the payload of a finished statement of whole files. */
void mm_oms_statement_write(const struct mm_oms_statement *statement, struct mm_buf *out);

#endif
