/* The table of the manifest's fields (manifest.md) and the check of each kind of value. */
#ifndef MM_DOC_MANIFEST_FIELD_H
#define MM_DOC_MANIFEST_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/number.h"

enum mm_field {
#define MODEL(id, ...) MM_FIELD_##id,
#define ARTIFACT(id, ...) MM_FIELD_##id,
#include "doc/manifest_field.def"
    MM_FIELD_COUNT,
    MM_FIELD_FIRST_OF_ARTIFACT = MM_FIELD_ARTIFACT,
};

enum mm_often { MM_OFTEN_ONCE, MM_OFTEN_OPT, MM_OFTEN_MANY };

enum mm_kind {
    MM_KIND_MODEL_ID,         /* PUBLISHER/NAME */
    MM_KIND_VERSION,          /* [0-9A-Za-z][0-9A-Za-z.+-]{0,63} */
    MM_KIND_NUMBER,           /* min to max */
    MM_KIND_HASH,             /* 64 lower-case hex digits */
    MM_KIND_TEXT,             /* up to max bytes */
    MM_KIND_TAG,              /* [a-z0-9][a-z0-9.-]{0,31} */
    MM_KIND_PUBLISHER,        /* a part of a model-id */
    MM_KIND_KEY_ID,           /* 16 upper-case hex digits, or none */
    MM_KIND_WORD,             /* one of words */
    MM_KIND_TIME,             /* YYYY-MM-DDTHH:MM:SSZ */
    MM_KIND_LICENSE,          /* SPDX expression */
    MM_KIND_ROUTE,            /* path or https URL, or none */
    MM_KIND_URL,              /* https URL */
    MM_KIND_TAKEDOWN,         /* mailto: or https URL, or none */
    MM_KIND_SOURCE,           /* SHA256 or -, a space, up to 256 bytes */
    MM_KIND_ARCHITECTURE,     /* [a-z0-9._-]{1,64} */
    MM_KIND_QUANTIZATION,     /* [a-z0-9_]{1,32} */
    MM_KIND_SHAPE,            /* seven KEY=NUMBER */
    MM_KIND_EVIDENCE,         /* KIND STATUS SHA256 ROUTE */
    MM_KIND_PATH,             /* an artifact's path */
    MM_KIND_CHUNK_SIZE,       /* a power of two from 65536 to 67108864 */
    MM_KIND_CHUNK_LIST_ROUTE, /* path or https URL that ends in .chunks or .chunks.gz */
    MM_KIND_COUNT
};

struct mm_field_info {
    const char *key;
    size_t key_length;
    enum mm_often often;
    enum mm_kind kind;
    uint64_t min, max;
    const char *words;   /* separated by spaces */
    const char *meaning; /* for people */
};

extern const struct mm_field_info mm_fields[MM_FIELD_COUNT];

/* The field with this key, or -1. */
int mm_field_of(const char *key, size_t length);

/* The same, sought from FIRST on and then from the first one: keys mostly come in the table's order. */
int mm_field_of_from(enum mm_field first, const char *key, size_t length);

static inline bool mm_field_is_artifact(enum mm_field field)
{
    return field >= MM_FIELD_FIRST_OF_ARTIFACT;
}

/* Where and how a value breaks its kind's form. */
struct mm_value_fault {
    enum mm_rule rule;
    size_t at; /* offset in the value */
    const char *expected;
};

/* True if VALUE has the form that FIELD asks for; what other fields say is not looked at. */
bool mm_field_check(enum mm_field field, const char *value, size_t length, struct mm_value_fault *fault);

/* The regular expression (ECMA 262, as JSON Schema has it) that bounds a kind's form from outside, or NULL. */
const char *mm_kind_pattern(enum mm_kind kind);

/* Parts of an evidence value that mm_field_check accepted: the offset of ROUTE, which may be "-". */
size_t mm_evidence_route(const char *value, size_t length);

/* The offset of IDENTITY in a source value that mm_field_check accepted. */
size_t mm_source_identity(const char *value, size_t length);

#endif
