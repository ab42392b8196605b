/* A JSON value kept as a tree, for what is small and has to be looked at from several sides: settings, pipelines. Large lists
 * are read as a stream (text/json.h) instead. */
#ifndef MM_TEXT_JSON_TREE_H
#define MM_TEXT_JSON_TREE_H

#include "base/buf.h"
#include "text/json.h"

/* Bounds memory to about 32 MiB whatever the file's size. */
#define MM_JSON_TREE_VALUES 262144
#define MM_JSON_TREE_TEXT (16u * 1024 * 1024)

#define MM_JSON_NOWHERE UINT32_MAX

struct mm_json_value {
    enum mm_json_event kind; /* MM_JSON_OBJECT, _ARRAY, _STRING, _NUMBER, _TRUE, _FALSE or _NULL */
    bool cut;                /* a string longer than MM_JSON_TEXT: only its beginning is kept */
    uint32_t first, next;    /* first child, next sibling: indices, or MM_JSON_NOWHERE */
    uint32_t name, text;     /* where both begin in texts, NUL-terminated; "" where there is none */
    uint32_t name_length, length;
    uint64_t offset; /* in the file */
};

/* A zeroed tree is empty. */
struct mm_json_tree {
    struct mm_json_value *values;
    size_t count, capacity;
    struct mm_buf texts;
};

void mm_json_tree_release(struct mm_json_tree *tree);

/* Adds the value whose first event EVENT was, nested ones included. Returns its index, or -1 with a finding (or on
 * MM_JSON_ERROR, which has one already). */
int mm_json_tree_take(struct mm_json_tree *tree, struct mm_json *json, enum mm_json_event event);

/* Reads the file FD from its first byte on: one value, the tree's first, in which no object has a name twice. Returns 0, or -1
 * with a finding. */
int mm_json_tree_read(struct mm_json_tree *tree, int fd, struct mm_diags *diags);

/* The same for LENGTH bytes at TEXT. */
int mm_json_tree_read_text(struct mm_json_tree *tree, const char *text, size_t length, struct mm_diags *diags);

/* The member NAME of OBJECT, or NULL: also where OBJECT is NULL or no object. */
const struct mm_json_value *mm_json_member(const struct mm_json_tree *tree, const struct mm_json_value *object,
                                           const char *name);

/* The first child of VALUE (NULL: none), and the one behind VALUE. */
const struct mm_json_value *mm_json_first(const struct mm_json_tree *tree, const struct mm_json_value *value);
const struct mm_json_value *mm_json_following(const struct mm_json_tree *tree, const struct mm_json_value *value);

static inline const char *mm_json_name(const struct mm_json_tree *tree, const struct mm_json_value *value)
{
    return tree->texts.data + value->name;
}

static inline const char *mm_json_text(const struct mm_json_tree *tree, const struct mm_json_value *value)
{
    return tree->texts.data + value->text;
}

/* True if VALUE is a member of this name. A name in a file may hold NUL. */
bool mm_json_named(const struct mm_json_tree *tree, const struct mm_json_value *value, const char *name);

/* True if VALUE is there and is the string TEXT; is a whole number of at most MAX; has KIND. */
bool mm_json_is(const struct mm_json_tree *tree, const struct mm_json_value *value, const char *text);
bool mm_json_whole(const struct mm_json_tree *tree, const struct mm_json_value *value, uint64_t max, uint64_t *number);

static inline bool mm_json_kind(const struct mm_json_value *value, enum mm_json_event kind)
{
    return value && value->kind == kind;
}

/* True if VALUE is absent or null. */
static inline bool mm_json_absent(const struct mm_json_value *value)
{
    return !value || value->kind == MM_JSON_NULL;
}

/* VALUE as it may be shown: a string in quotes, a number's digits, "an object". Returns OUT. */
const char *mm_json_shown(const struct mm_json_tree *tree, const struct mm_json_value *value,
                          char out[static MM_SHOWN]);

/* A JSON number as the nearest f32, whatever the process's locale. False where TEXT is none or what it says is beyond f32. */
bool mm_json_real(const char *text, size_t length, float *value);

#endif
