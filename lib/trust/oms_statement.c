#include "trust/oms_statement.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"
#include "hash/sha256.h"
#include "trust/oms_json.h"

#define STATEMENT_TYPE "https://in-toto.io/Statement/v1"
#define PREDICATE_TYPE "https://model_signing/signature/v1.0"
#define PREDICATE_BEFORE "https://model_signing/Digests/v0.1"
#define NAME_MAX_BYTES 4096
#define WORD_MAX 64
#define IGNORED_MAX 1000 /* each is compared with every file of a folder */

const char *const mm_oms_hash_names[MM_OMS_HASH_COUNT] = {"sha256", "blake2b"};

/* What git keeps at the top of a folder is no part of a model. */
static const char *const always_ignored[] = {".git", ".gitattributes", ".github", ".gitignore"};
#define ALWAYS_IGNORED (sizeof always_ignored / sizeof *always_ignored)

enum {
    TYPE = 1,
    SUBJECT = 2,
    PREDICATE_IS = 4,
    PREDICATE = 8,
    RESOURCES = 16,
    SERIALIZATION = 32,
    ROOT = 64,
    HASH = 128,
    METHOD = 256,
    LINKS = 512,
    NAME = 1024,
    DIGEST = 2048,
    ALGORITHM = 4096
};

struct reading {
    struct mm_oms_statement *statement;
    unsigned seen;
    bool shards;
    size_t ignored;               /* paths that are left out, whether they can be or not */
    bool by_bytes, by_components; /* how the resources are sorted so far */
    size_t digest_size;           /* of every resource */
    char algorithm[WORD_MAX];     /* of every resource; "" before the first */
    unsigned char root[MM_HASH_BYTES];
};

size_t mm_oms_digest_size(enum mm_oms_hash hash)
{
    return hash == MM_OMS_SHA256 ? 32 : 64;
}

void mm_oms_statement_release(struct mm_oms_statement *statement)
{
    for (size_t i = 0; i < statement->count; i++)
        free(statement->resources[i].name);
    for (size_t i = 0; i < statement->ignored_count; i++)
        free(statement->ignored[i]);
    free(statement->resources);
    free(statement->ignored);
    free(statement->model);
    *statement = (struct mm_oms_statement){0};
}

/* ---- names ---- */

static bool component_sound(const char *text, size_t length)
{
    return length > 0 && !(length == 1 && text[0] == '.') && !(length == 2 && memcmp(text, "..", 2) == 0);
}

bool mm_oms_name_sound(const char *name)
{
    size_t length = strlen(name), at;
    if (length > NAME_MAX_BYTES || !mm_utf8_valid(name, length, &at))
        return false;
    for (at = 0; at < length;) {
        uint32_t code;
        at += mm_utf8_decode((const unsigned char *)name + at, length - at, &code);
        if (code == '\\' || mm_utf8_control(code))
            return false;
    }
    for (const char *part = name;; part += strcspn(part, "/") + 1) {
        size_t size = strcspn(part, "/");
        if (!component_sound(part, size))
            return false;
        if (!part[size])
            return true;
    }
}

/* PATH without `./` before it and slashes behind it, as people and other programs write paths; false where the rest is no sound name. */
static bool trim(const char *path, char out[static NAME_MAX_BYTES + 1])
{
    while (path[0] == '.' && path[1] == '/')
        path += 1 + strspn(path + 1, "/");
    size_t length = strlen(path);
    while (length > 0 && path[length - 1] == '/')
        length--;
    if (length > NAME_MAX_BYTES)
        return false;
    memcpy(out, path, length);
    out[length] = '\0';
    return mm_oms_name_sound(out);
}

bool mm_oms_ignorable(const char *path)
{
    char trimmed[NAME_MAX_BYTES + 1];
    return trim(path, trimmed);
}

/* Is PATH, or a folder above it, FOLDER? */
static bool is_beneath(const char *path, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(path, folder, length) == 0 && (path[length] == '\0' || path[length] == '/');
}

bool mm_oms_ignored(const struct mm_oms_statement *statement, const char *path)
{
    for (size_t i = 0; i < ALWAYS_IGNORED; i++)
        if (is_beneath(path, always_ignored[i]))
            return true;
    for (size_t i = 0; i < statement->ignored_count; i++)
        if (is_beneath(path, statement->ignored[i]))
            return true;
    return false;
}

/* The order of lists of components, which is the reference program's: a slash comes before every other byte. */
static int compare_components(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    int x = *a == '/' ? 1 : *a ? 1 + (unsigned char)*a : 0;
    int y = *b == '/' ? 1 : *b ? 1 + (unsigned char)*b : 0;
    return x - y;
}

static int by_name(const void *a, const void *b)
{
    const struct mm_oms_resource *x = a, *y = b;
    int order = strcmp(x->name, y->name);
    return order ? order : x->start < y->start ? -1 : x->start > y->start;
}

/* A copy of TEXT, to be freed, or NULL. */
static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = mm_realloc_array(NULL, size, 1);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

/* ---- making one ---- */

int mm_oms_statement_add(struct mm_oms_statement *statement, const char *name, const unsigned char *digest,
                         struct mm_diags *diags)
{
    struct mm_oms_resource resource = {0};
    if (statement->count == MM_OMS_RESOURCES_MAX)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "at most %d files of one model are signed", MM_OMS_RESOURCES_MAX);
    if (!mm_grow(&statement->resources, statement->count, &statement->capacity, sizeof resource) ||
        !(resource.name = copy_text(name)))
        return mm_diag_memory(diags);
    memcpy(resource.digest, digest, mm_oms_digest_size(statement->hash));
    statement->resources[statement->count++] = resource;
    return 0;
}

int mm_oms_statement_ignore(struct mm_oms_statement *statement, const char *path, struct mm_diags *diags)
{
    if (!mm_grow(&statement->ignored, statement->ignored_count, &statement->ignored_capacity,
                 sizeof *statement->ignored))
        return mm_diag_memory(diags);
    char trimmed[NAME_MAX_BYTES + 1];
    char *copy = copy_text(trim(path, trimmed) ? trimmed : path);
    if (!copy)
        return mm_diag_memory(diags);
    statement->ignored[statement->ignored_count++] = copy;
    return 0;
}

static int hash_digests(const struct mm_oms_statement *statement, unsigned char root[static MM_HASH_BYTES],
                        struct mm_diags *diags)
{
    struct mm_sha256 *sha = mm_sha256_new();
    if (!sha)
        return mm_diag_memory(diags);
    for (size_t i = 0; i < statement->count; i++)
        mm_sha256_update(sha, statement->resources[i].digest, mm_oms_digest_size(statement->hash));
    mm_sha256_take(sha, root);
    mm_sha256_free(sha);
    return 0;
}

int mm_oms_statement_finish(struct mm_oms_statement *statement, struct mm_diags *diags)
{
    if (statement->count)
        qsort(statement->resources, statement->count, sizeof *statement->resources, by_name);
    return hash_digests(statement, statement->root, diags);
}

void mm_oms_statement_write(const struct mm_oms_statement *statement, struct mm_buf *out)
{
    const char *hash = mm_oms_hash_names[statement->hash];
    char hex[2 * MM_OMS_DIGEST_MAX + 1];
    mm_hex(hex, statement->root, MM_HASH_BYTES);
    mm_buf_str(out, "{\"_type\":\"" STATEMENT_TYPE "\",\"subject\":[{\"name\":");
    mm_buf_json_str(out, statement->model);
    mm_buf_printf(out, ",\"digest\":{\"sha256\":\"%s\"}}],\"predicateType\":\"" PREDICATE_TYPE "\"", hex);
    mm_buf_printf(out, ",\"predicate\":{\"serialization\":{\"method\":\"files\",\"hash_type\":\"%s\"", hash);
    mm_buf_printf(out, ",\"allow_symlinks\":%s,\"ignore_paths\":[", statement->allow_symlinks ? "true" : "false");
    for (size_t i = 0; i < ALWAYS_IGNORED; i++)
        mm_buf_printf(out, "%s\"%s\"", i ? "," : "", always_ignored[i]);
    for (size_t i = 0; i < statement->ignored_count; i++) {
        mm_buf_char(out, ',');
        mm_buf_json_str(out, statement->ignored[i]);
    }
    mm_buf_str(out, "]},\"resources\":[");
    for (size_t i = 0; i < statement->count; i++) {
        mm_hex(hex, statement->resources[i].digest, mm_oms_digest_size(statement->hash));
        mm_buf_str(out, i ? ",{\"name\":" : "{\"name\":");
        mm_buf_json_str(out, statement->resources[i].name);
        mm_buf_printf(out, ",\"digest\":\"%s\",\"algorithm\":\"%s\"}", hex, hash);
    }
    mm_buf_str(out, "]}}");
}

/* ---- resources ---- */

/* An even number of lower-case digits into at most MM_OMS_DIGEST_MAX bytes. Returns how many bytes, 0 for none. */
static size_t read_hex(const char *text, size_t length, unsigned char out[static MM_OMS_DIGEST_MAX])
{
    static const char digits[] = "0123456789abcdef";
    if (length % 2 || length > 2 * (size_t)MM_OMS_DIGEST_MAX || strspn(text, digits) != length)
        return 0;
    for (size_t i = 0; i < length; i += 2)
        out[i / 2] = (unsigned char)((strchr(digits, text[i]) - digits) << 4 | (strchr(digits, text[i + 1]) - digits));
    return length / 2;
}

static int take_digest(struct reading *r, struct mm_oms_json *j, enum mm_json_event event)
{
    struct mm_oms_resource *resource = &r->statement->resources[r->statement->count - 1];
    if (mm_oms_json_string(j, event, "digest") < 0)
        return -1;
    size_t size = read_hex(j->json.text, j->json.length, resource->digest);
    if (!size || (r->digest_size && size != r->digest_size))
        return mm_diag_offset(j->diags, MM_RULE_OMS_FORM, j->json.offset,
                              "expected a digest in lower-case hex, as long as the others, found something else");
    r->digest_size = size;
    r->seen |= DIGEST;
    return 0;
}

static int take_algorithm(struct reading *r, struct mm_oms_json *j, enum mm_json_event event)
{
    char shown[MM_SHOWN];
    if (mm_oms_json_string(j, event, "algorithm") < 0)
        return -1;
    if (j->json.length >= sizeof r->algorithm || (r->algorithm[0] && strcmp(r->algorithm, j->json.text) != 0))
        return mm_diag_offset(j->diags, MM_RULE_OMS_FORM, j->json.offset,
                              "expected one algorithm for all resources, found '%s'",
                              mm_show(shown, j->json.text, j->json.length));
    memcpy(r->algorithm, j->json.text, j->json.length + 1);
    r->seen |= ALGORITHM;
    return 0;
}

static int take_resource_member(void *context, struct mm_oms_json *j, enum mm_json_event event)
{
    struct reading *r = context;
    if (strcmp(j->name, "digest") == 0)
        return take_digest(r, j, event);
    if (strcmp(j->name, "algorithm") == 0)
        return take_algorithm(r, j, event);
    if (strcmp(j->name, "name") != 0)
        return mm_oms_json_pass(j, event); /* resource descriptors may say more */
    struct mm_oms_resource *resource = &r->statement->resources[r->statement->count - 1];
    if (mm_oms_json_string(j, event, "name") < 0)
        return -1;
    char *name = copy_text(j->json.text);
    if (!name)
        return mm_diag_memory(j->diags);
    resource->name = name;
    r->seen |= NAME;
    return 0;
}

static int take_resource(void *context, struct mm_oms_json *j, enum mm_json_event event)
{
    struct reading *r = context;
    struct mm_oms_statement *s = r->statement;
    if (s->count == MM_OMS_RESOURCES_MAX)
        return mm_diag(j->diags, MM_RULE_IO_LIMIT, "at most %d resources are read", MM_OMS_RESOURCES_MAX);
    if (!mm_grow(&s->resources, s->count, &s->capacity, sizeof *s->resources))
        return mm_diag_memory(j->diags);
    s->resources[s->count++] = (struct mm_oms_resource){0};
    r->seen &= ~(unsigned)(NAME | DIGEST | ALGORITHM);
    if (mm_oms_json_object(j, event, "a resource", take_resource_member, r) < 0)
        return -1;
    if ((r->seen & (NAME | DIGEST | ALGORITHM)) != (NAME | DIGEST | ALGORITHM))
        return mm_diag_offset(j->diags, MM_RULE_OMS_FORM, j->json.offset,
                              "expected a resource with name, digest and algorithm, found one without");
    if (s->count > 1) {
        const char *before = s->resources[s->count - 2].name, *name = s->resources[s->count - 1].name;
        r->by_bytes = r->by_bytes && strcmp(before, name) < 0;
        r->by_components = r->by_components && compare_components(before, name) < 0;
    }
    return 0;
}

/* ---- the other members ---- */

/* What can lie nowhere beneath the model leaves nothing out: other programs write there what somebody typed. */
static int take_ignored(void *context, struct mm_oms_json *j, enum mm_json_event event)
{
    struct reading *r = context;
    char shown[MM_SHOWN];
    if (mm_oms_json_string(j, event, "ignore_paths") < 0)
        return -1;
    if (r->ignored++ == IGNORED_MAX)
        return mm_diag(j->diags, MM_RULE_IO_LIMIT, "at most %d ignored paths are read", IGNORED_MAX);
    if (!mm_oms_ignorable(j->json.text)) {
        mm_note(j->diags, MM_RULE_OMS_FORM, "leaves out '%s', which is no path beneath the model",
                mm_show(shown, j->json.text, j->json.length));
        return 0;
    }
    return mm_oms_statement_ignore(r->statement, j->json.text, j->diags);
}

static int take_hash_type(struct reading *r, struct mm_oms_json *j, enum mm_json_event event)
{
    char shown[MM_SHOWN];
    if (mm_oms_json_string(j, event, "hash_type") < 0)
        return -1;
    for (int hash = 0; hash < MM_OMS_HASH_COUNT; hash++)
        if (strcmp(j->json.text, mm_oms_hash_names[hash]) == 0) {
            r->statement->hash = (enum mm_oms_hash)hash;
            r->seen |= HASH;
            return 0;
        }
    return mm_diag_offset(j->diags, MM_RULE_OMS_UNSUPPORTED, j->json.offset,
                          "expected the hash_type sha256 or blake2b, found '%s'",
                          mm_show(shown, j->json.text, j->json.length));
}

static int take_method(struct reading *r, struct mm_oms_json *j, enum mm_json_event event)
{
    char shown[MM_SHOWN];
    if (mm_oms_json_string(j, event, "method") < 0)
        return -1;
    r->seen |= METHOD;
    r->shards = strcmp(j->json.text, "shards") == 0;
    if (r->shards || strcmp(j->json.text, "files") == 0)
        return 0;
    return mm_diag_offset(j->diags, MM_RULE_OMS_UNSUPPORTED, j->json.offset,
                          "expected the method files or shards, found '%s'",
                          mm_show(shown, j->json.text, j->json.length));
}

static int take_serialization(void *context, struct mm_oms_json *j, enum mm_json_event event)
{
    struct reading *r = context;
    if (strcmp(j->name, "method") == 0)
        return take_method(r, j, event);
    if (strcmp(j->name, "hash_type") == 0)
        return take_hash_type(r, j, event);
    if (strcmp(j->name, "ignore_paths") == 0)
        return mm_oms_json_array(j, event, "ignore_paths", take_ignored, r);
    if (strcmp(j->name, "allow_symlinks") == 0) {
        r->seen |= LINKS;
        r->statement->allow_symlinks = event == MM_JSON_TRUE;
        if (event == MM_JSON_TRUE || event == MM_JSON_FALSE)
            return 0;
        return mm_diag_offset(j->diags, MM_RULE_OMS_FORM, j->json.offset,
                              "expected allow_symlinks to be true or false, found something else");
    }
    if (strcmp(j->name, "shard_size") != 0)
        return mm_oms_json_unknown(j, "serialization");
    return mm_oms_json_whole(j, event, "shard_size", MM_OMS_SHARD_MAX, &r->statement->shard_size);
}

static int take_predicate(void *context, struct mm_oms_json *j, enum mm_json_event event)
{
    struct reading *r = context;
    if (strcmp(j->name, "resources") == 0) {
        r->seen |= RESOURCES;
        return mm_oms_json_array(j, event, "resources", take_resource, r);
    }
    if (strcmp(j->name, "serialization") == 0) {
        r->seen |= SERIALIZATION;
        return mm_oms_json_object(j, event, "serialization", take_serialization, r);
    }
    return mm_oms_json_unknown(j, "the predicate");
}

static int take_subject_digest(void *context, struct mm_oms_json *j, enum mm_json_event event)
{
    struct reading *r = context;
    if (strcmp(j->name, "sha256") != 0)
        return mm_oms_json_pass(j, event);
    r->seen |= ROOT;
    if (mm_oms_json_string(j, event, "the subject's digest") < 0)
        return -1;
    return mm_hex_hash(j->json.text, j->json.length, r->root)
               ? 0
               : mm_diag_offset(j->diags, MM_RULE_OMS_FORM, j->json.offset,
                                "expected the subject's digest to be 64 lower-case hex digits, found something else");
}

static int take_subject_member(void *context, struct mm_oms_json *j, enum mm_json_event event)
{
    struct reading *r = context;
    if (strcmp(j->name, "digest") == 0)
        return mm_oms_json_object(j, event, "the subject's digest", take_subject_digest, r);
    if (strcmp(j->name, "name") != 0)
        return mm_oms_json_pass(j, event);
    if (mm_oms_json_string(j, event, "the subject's name") < 0)
        return -1;
    char *name = copy_text(j->json.text);
    if (!name)
        return mm_diag_memory(j->diags);
    r->statement->model = name;
    return 0;
}

static int take_subject(void *context, struct mm_oms_json *j, enum mm_json_event event)
{
    struct reading *r = context;
    if (r->seen & SUBJECT)
        return mm_diag_offset(j->diags, MM_RULE_OMS_FORM, j->json.offset, "expected one subject, found more");
    r->seen |= SUBJECT;
    return mm_oms_json_object(j, event, "the subject", take_subject_member, r);
}

static int take_predicate_type(struct mm_oms_json *j, enum mm_json_event event)
{
    if (event == MM_JSON_STRING && strcmp(j->json.text, PREDICATE_BEFORE) == 0)
        return mm_diag_offset(j->diags, MM_RULE_OMS_UNSUPPORTED, j->json.offset,
                              "expected the predicateType '%s', found that of version 0.2", PREDICATE_TYPE);
    return mm_oms_json_exactly(j, event, "predicateType", PREDICATE_TYPE);
}

static int take_member(void *context, struct mm_oms_json *j, enum mm_json_event event)
{
    struct reading *r = context;
    if (strcmp(j->name, "_type") == 0) {
        r->seen |= TYPE;
        return mm_oms_json_exactly(j, event, "_type", STATEMENT_TYPE);
    }
    if (strcmp(j->name, "subject") == 0)
        return mm_oms_json_array(j, event, "subject", take_subject, r);
    if (strcmp(j->name, "predicateType") == 0) {
        r->seen |= PREDICATE_IS;
        return take_predicate_type(j, event);
    }
    if (strcmp(j->name, "predicate") == 0) {
        r->seen |= PREDICATE;
        return mm_oms_json_object(j, event, "predicate", take_predicate, r);
    }
    return mm_oms_json_unknown(j, "a statement");
}

/* ---- what has to hold of the whole ---- */

static int check_members(const struct reading *r, struct mm_diags *diags)
{
    static const struct mm_oms_needed needed[] = {{TYPE, "_type"},
                                                  {SUBJECT, "subject"},
                                                  {ROOT, "subject digest sha256"},
                                                  {PREDICATE_IS, "predicateType"},
                                                  {PREDICATE, "predicate"},
                                                  {RESOURCES, "resources"},
                                                  {SERIALIZATION, "serialization"},
                                                  {METHOD, "method"},
                                                  {HASH, "hash_type"},
                                                  {LINKS, "allow_symlinks"}};
    if (mm_oms_json_check_seen(r->seen, needed, sizeof needed / sizeof *needed, "statement", diags) < 0)
        return -1;
    if (!r->statement->model)
        return mm_diag(diags, MM_RULE_OMS_FORM, "expected a subject with a name, found none");
    if (!r->statement->count)
        return mm_diag(diags, MM_RULE_OMS_FORM, "expected at least one resource, found none");
    if (r->shards != (r->statement->shard_size > 0))
        return mm_diag(diags, MM_RULE_OMS_FORM, "expected a shard_size exactly for shards, found %s",
                       r->shards ? "none" : "one");
    return 0;
}

/* The reference program writes "sha256-sharded-1000000" for a shard's algorithm. */
static int check_algorithm(const struct reading *r, struct mm_diags *diags)
{
    const struct mm_oms_statement *s = r->statement;
    const char *hash = mm_oms_hash_names[s->hash];
    size_t length = strlen(hash);
    char sharded[WORD_MAX];
    snprintf(sharded, sizeof sharded, "-sharded-%" PRIu64, s->shard_size);
    bool known = strncmp(r->algorithm, hash, length) == 0 &&
                 (!r->algorithm[length] || (r->shards && strcmp(r->algorithm + length, sharded) == 0));
    if (known && r->digest_size == mm_oms_digest_size(s->hash))
        return 0;
    char shown[MM_SHOWN];
    return mm_diag(diags, MM_RULE_OMS_FORM, "expected %s digests of %zu bytes, found '%s' of %zu", hash,
                   mm_oms_digest_size(s->hash), mm_show(shown, r->algorithm, strlen(r->algorithm)), r->digest_size);
}

/* Takes ":START:END" off the name's end. */
static bool split_range(struct mm_oms_resource *resource)
{
    char *end = strrchr(resource->name, ':');
    if (!end || !mm_number(end + 1, strlen(end + 1), MM_NUMBER_MAX, &resource->end))
        return false;
    *end = '\0';
    char *start = strrchr(resource->name, ':');
    if (!start || !mm_number(start + 1, strlen(start + 1), MM_NUMBER_MAX, &resource->start))
        return false;
    *start = '\0';
    return true;
}

static int check_names(const struct reading *r, struct mm_diags *diags)
{
    struct mm_oms_statement *s = r->statement;
    char shown[MM_SHOWN];
    size_t dots = 0;
    for (size_t i = 0; i < s->count; i++) {
        bool sound = !r->shards || split_range(&s->resources[i]);
        bool alone = strcmp(s->resources[i].name, ".") == 0; /* a model of one file, of which there is no other name */
        dots += alone;
        if (!sound || (!alone && !mm_oms_name_sound(s->resources[i].name)) || (dots && dots != i + 1))
            return mm_diag(diags, MM_RULE_OMS_FORM, "expected the name of a file beneath the model%s, found '%s'",
                           r->shards ? " and a range" : "",
                           mm_show(shown, s->resources[i].name, strlen(s->resources[i].name)));
    }
    return 0;
}

static bool sorted_ranges(const struct mm_oms_statement *s)
{
    for (size_t i = 1; i < s->count; i++) {
        const struct mm_oms_resource *a = &s->resources[i - 1], *b = &s->resources[i];
        int order = compare_components(a->name, b->name);
        if (order > 0 || (order == 0 && a->start >= b->start))
            return false;
    }
    return true;
}

/* Sorted resources: whole files that differ, or for each file ranges of shard_size from 0 on, of which the last may be shorter. */
static int check_distinct(const struct mm_oms_statement *s, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    for (size_t i = 0; i < s->count; i++) {
        const struct mm_oms_resource *now = &s->resources[i];
        bool same = i && strcmp(now[-1].name, now->name) == 0;
        bool last = i + 1 == s->count || strcmp(now->name, now[1].name) != 0;
        const char *name = mm_show(shown, now->name, strlen(now->name));
        if (!s->shard_size && same)
            return mm_diag(diags, MM_RULE_OMS_FORM, "expected names that differ, found '%s' twice", name);
        if (!s->shard_size)
            continue;
        uint64_t length = now->end > now->start ? now->end - now->start : 0;
        if (now->start != (same ? now[-1].end : 0) || length == 0 || length > s->shard_size ||
            (!last && length != s->shard_size))
            return mm_diag(diags, MM_RULE_OMS_FORM, "expected ranges of '%s' that follow each other, found others",
                           name);
    }
    return 0;
}

static int check_whole(const struct reading *r, struct mm_diags *diags)
{
    struct mm_oms_statement *s = r->statement;
    if (check_members(r, diags) < 0 || check_algorithm(r, diags) < 0 || check_names(r, diags) < 0)
        return -1;
    if (!r->by_bytes && !(r->shards ? sorted_ranges(s) : r->by_components))
        return mm_diag(diags, MM_RULE_OMS_FORM, "expected resources that differ, sorted by name, found another order");
    if (hash_digests(s, s->root, diags) < 0)
        return -1;
    if (memcmp(s->root, r->root, sizeof s->root) != 0)
        return mm_diag(diags, MM_RULE_OMS_FORM,
                       "expected the subject's digest to be that of the resources, found another");
    qsort(s->resources, s->count, sizeof *s->resources, by_name);
    return check_distinct(s, diags);
}

int mm_oms_statement_read(struct mm_oms_statement *statement, const char *text, size_t length, struct mm_diags *diags)
{
    struct reading r = {.statement = statement, .by_bytes = true, .by_components = true};
    *statement = (struct mm_oms_statement){0};
    return mm_oms_json_read(text, length, take_member, &r, diags) < 0 ? -1 : check_whole(&r, diags);
}
