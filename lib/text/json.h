/* JSON (RFC 8259) read as a stream: a scanner that needs no tree, for headers of 100 MB and files of 256 MiB.
 * One value and nothing behind it but white space, well-formed UTF-8, at most 64 levels. Numbers keep their text; their
 * size is the caller's business. Where a reader relies on names, it says to which depth they must differ. */
#ifndef MM_TEXT_JSON_H
#define MM_TEXT_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/source.h"
#include "hash/name_set.h"
#include "hash/sha256.h"

#define MM_JSON_DEPTH 64
#define MM_JSON_FILE_MAX (256u * 1024 * 1024)

/* Strings and numbers are kept up to here; longer ones are checked, and `cut` says so. */
#define MM_JSON_TEXT 4096

enum mm_json_event {
    MM_JSON_OBJECT,
    MM_JSON_OBJECT_END,
    MM_JSON_ARRAY,
    MM_JSON_ARRAY_END,
    MM_JSON_KEY,
    MM_JSON_STRING,
    MM_JSON_NUMBER,
    MM_JSON_TRUE,
    MM_JSON_FALSE,
    MM_JSON_NULL,
    MM_JSON_END,   /* the value ended */
    MM_JSON_ERROR, /* a finding was added, or reading failed, which mm_source_finish reports; nothing more comes */
};

struct mm_json {
    struct mm_source *source;
    uint64_t limit; /* offset in the source at which the JSON text ends at the latest */
    struct mm_diags *diags;
    unsigned unique_depth; /* objects nested up to here have no two members of one name; readers disagree on them */
    uint64_t offset;       /* of the present event's first byte */
    char text[MM_JSON_TEXT + 1]; /* decoded string or name, or a number's digits; NUL-terminated */
    size_t length;               /* of text; a string may hold NUL */
    bool cut;
    unsigned depth;             /* objects and arrays open */
    bool object[MM_JSON_DEPTH]; /* which of them are objects */
    bool value_read;            /* a value stands here: comma or end comes next */
    bool awaiting_value;        /* a name was read, its value comes next */
    bool failed;
    struct mm_sha256 *sha;
    struct mm_sha256 *strings; /* set by the caller, or NULL: gets every byte of strings that are no names */
    struct mm_name_set names;  /* of the objects that are open; the level is the depth */
};

/* Reads from SOURCE, which is at the first byte, up to offset LIMIT. UNIQUE_DEPTH: 0 compares no names and lets half a
 * surrogate pair pass, as the RFC's grammar does; MM_JSON_DEPTH compares all. Returns 0, or -1 with a finding; release in every case. */
int mm_json_init(struct mm_json *json, struct mm_source *source, uint64_t limit, unsigned unique_depth,
                 struct mm_diags *diags);
void mm_json_release(struct mm_json *json);

enum mm_json_event mm_json_next(struct mm_json *json);

/* Reads the rest of the value whose first event EVENT was, nested ones included. False on MM_JSON_ERROR. */
bool mm_json_skip(struct mm_json *json, enum mm_json_event event);

#endif
