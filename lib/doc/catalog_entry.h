/* An entry of a catalog: what a line of catalog.jsonl says of one manifest (docs/formats/catalog.md). It follows from the manifest
 * alone, and has one spelling. */
#ifndef MM_DOC_CATALOG_ENTRY_H
#define MM_DOC_CATALOG_ENTRY_H

#include "doc/manifest.h"
#include "model/facts.h"
#include "text/canonical.h"

#define MM_CATALOG_ENTRY_MAX 4194304 /* bytes of a line, without its LF */
#define MM_MODEL_ID_MAX 129          /* PUBLISHER/NAME, 64 bytes each */
#define MM_CATALOG_ROUTE_MAX 1024
#define MM_CATALOG_MANIFESTS "manifests/"
#define MM_CATALOG_MANIFEST_SUFFIX ".manifest"

enum mm_catalog_member {
#define MEMBER(id, ...) MM_CATALOG_##id,
#include "doc/catalog_entry.def"
    MM_CATALOG_MEMBER_COUNT
};
extern const char *const mm_catalog_members[MM_CATALOG_MEMBER_COUNT];

/* What a line says. The texts point into the line. */
struct mm_catalog_entry {
    struct mm_canonical_text
        texts[MM_CATALOG_MEMBER_COUNT]; /* of strings, lists and artifacts; AT is NULL where absent */
    char model_id[MM_MODEL_ID_MAX + 1];
    uint64_t revision, artifact_bytes, artifact_count;
    bool has_parameters, has_shape;
    uint64_t parameters, shape[MM_SHAPE_COUNT];
    unsigned char manifest_sha256[MM_HASH_BYTES];
    bool beneath; /* its manifest stands beneath the catalog */
};

/* Where the manifest of a revision stands beneath a catalog. */
#define MM_CATALOG_MANIFEST_PATH                                                                                       \
    (sizeof MM_CATALOG_MANIFESTS + MM_MODEL_ID_MAX + sizeof MM_CATALOG_MANIFEST_SUFFIX + 24)
void mm_catalog_manifest_path(char out[static MM_CATALOG_MANIFEST_PATH], const char *model_id, uint64_t revision);

/* Appends the line, without LF, of a valid manifest. Returns 0, or -1 with CATALOG_LOCAL, CATALOG_NUMBER, CATALOG_ENTRY (longer than a line
 * may be) or IO_MEMORY. */
int mm_catalog_entry_write(const struct mm_manifest *manifest, struct mm_buf *out, struct mm_diags *diags);

/* Reads LINE, number NUMBER of its file: canonical, every value as the manifest has to have it, and no route that leads to weights.
 * Returns 0, or -1 with CATALOG_ENTRY, CATALOG_LOCAL or VALUE_BOUNDARY. */
int mm_catalog_entry_read(struct mm_catalog_entry *entry, const char *line, size_t length, uint64_t number,
                          struct mm_diags *diags);

/* Order of entries: by model_id, then by revision. */
int mm_catalog_compare(const char *a, uint64_t a_revision, const char *b, uint64_t b_revision);

/* Reads "MODEL-ID". True if it is one, which OUT then gets. */
bool mm_catalog_model_id(const char *text, size_t length, char out[static MM_MODEL_ID_MAX + 1]);

/* True if VALUE may stand where a manifest has FIELD: its form, and the rules of all text. */
bool mm_catalog_value_sound(enum mm_field field, const char *value, size_t length);

#endif
