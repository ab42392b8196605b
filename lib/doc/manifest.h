/* The manifest: what a model is, where it comes from and which bytes it consists of (manifest.md). */
#ifndef MM_DOC_MANIFEST_H
#define MM_DOC_MANIFEST_H

#include "base/buf.h"
#include "doc/manifest_field.h"
#include "hash/sha256.h"
#include "model/artifact.h"

#define MM_MANIFEST_TYPE "minimodel-manifest"
#define MM_MANIFEST_MAX 1048576

/* What an entry's key is, beside the fields of the table. */
enum { MM_ENTRY_UNKNOWN = -1, MM_ENTRY_X = -2 };

/* A line of a manifest. Key and value point into the manifest's text. */
struct mm_entry {
    int field; /* enum mm_field, MM_ENTRY_X or MM_ENTRY_UNKNOWN */
    const char *key, *value;
    size_t key_length, value_length;
    uint64_t line;
    bool sound; /* grammar and value form hold */
};

/* A line's place in its section: x- fields follow the model's fields. Not for MM_ENTRY_UNKNOWN. */
static inline int mm_entry_rank(const struct mm_entry *entry)
{
    return entry->field == MM_ENTRY_X ? (int)MM_FIELD_FIRST_OF_ARTIFACT : entry->field;
}

/* True for a field that may stand many times. */
static inline bool mm_entry_is_many(const struct mm_entry *entry)
{
    return entry->field >= 0 && mm_fields[entry->field].often == MM_OFTEN_MANY;
}

/* The entries [first, first + count); group 0 is the model, the others are artifacts in the order they stand. */
struct mm_group {
    size_t first, count;
};

struct mm_manifest {
    char *text;
    size_t length, text_capacity;
    struct mm_entry *entries;
    size_t count, capacity;
    struct mm_group *groups;
    size_t group_count, group_capacity; /* from 1 once read */
    uint64_t last_line;
    bool valid;
    unsigned char sha256[MM_HASH_BYTES]; /* of the text */
    struct mm_sha256 *sha;               /* between two calls of mm_manifest_lint */
};

/* Reads and checks LENGTH bytes at TEXT, which are copied. Every broken rule is a finding with line and column.
 * Returns 0 if it is a valid manifest, -1 otherwise; release MANIFEST in every case. */
int mm_manifest_read(struct mm_manifest *manifest, const char *text, size_t length, struct mm_diags *diags);

/* The same for the file FD. */
int mm_manifest_read_file(struct mm_manifest *manifest, int fd, struct mm_diags *diags);

/* The same as mm_manifest_read for who asks for the rules of many manifests alone: MANIFEST is zeroed, or one that this was called with
 * before, whose memory serves again; its sha256 is left out. Release it after the last one. */
int mm_manifest_lint(struct mm_manifest *manifest, const char *text, size_t length, struct mm_diags *diags);
void mm_manifest_release(struct mm_manifest *manifest);

/* Every rule across fields, for a manifest whose lines are read; mm_manifest_read calls it. SHA holds nothing, before and after. */
void mm_manifest_check(const struct mm_manifest *manifest, struct mm_sha256 *sha, struct mm_diags *diags);

/* Appends the canonical form: fields in order, many lines and x- fields and groups sorted. For a valid manifest these are
 * its own bytes. */
int mm_manifest_write(const struct mm_manifest *manifest, struct mm_buf *out, struct mm_diags *diags);

/* Appends a valid manifest as one JSON object and LF (schemas/manifest.schema.json). */
void mm_manifest_write_json(const struct mm_manifest *manifest, struct mm_buf *out);

/* True if DIAGS names only what mm_manifest_write mends: order and line ends. */
bool mm_manifest_repairable(const struct mm_diags *diags);

/* The first sound entry of FIELD in GROUP, or NULL. */
const struct mm_entry *mm_manifest_get(const struct mm_manifest *manifest, size_t group, enum mm_field field);

/* A copy of that entry's value for printing, into OUT (MM_VALUE_MAX + 1 bytes); "" if there is none. */
const char *mm_manifest_text(const struct mm_manifest *manifest, size_t group, enum mm_field field, char *out);

/* True if the value is exactly WORD. */
bool mm_entry_is(const struct mm_entry *entry, const char *word);

/* What a valid manifest claims of an artifact. */
struct mm_claim {
    char path[256];
    enum mm_role role;
    enum mm_format format;
    struct mm_chunk_facts chunks;
    struct mm_digest tokenizer, chat_template, layout, chunk_list;
    const struct mm_entry *chunk_list_route; /* NULL for none */
};

static inline size_t mm_manifest_artifacts(const struct mm_manifest *manifest)
{
    return manifest->group_count ? manifest->group_count - 1 : 0;
}

/* True if the manifest names a chunk list of the artifact whose route ends in ENDING. */
bool mm_claim_list_ends_in(const struct mm_claim *claim, const char *ending);

/* Fills CLAIM from artifact GROUP (from 1) of a valid manifest. */
void mm_manifest_claim(const struct mm_manifest *manifest, size_t group, struct mm_claim *claim);

#endif
