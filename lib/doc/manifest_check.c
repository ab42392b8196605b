/* Rules across fields (manifest.md, "Rules across fields" and the sentences below the tables). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "doc/manifest.h"
#include "text/line.h"
#include "text/path.h"
#include "text/route.h"

/* Bytes of the manifest's text. */
struct name {
    const char *text;
    size_t length;
};

struct check {
    const struct mm_manifest *manifest;
    struct mm_diags *diags;
    struct mm_sha256 *sha;
    struct name *paths;   /* of all artifacts, sorted by their bytes */
    struct name *weights; /* file names of weights and adapters, sorted likewise but for letter case (ASCII) */
    size_t path_count, weights_count;
};

static const struct mm_entry *get(const struct check *c, size_t group, enum mm_field field)
{
    return mm_manifest_get(c->manifest, group, field);
}

static void fail(const struct check *c, enum mm_rule rule, const struct mm_entry *entry, size_t at,
                 const char *expected)
{
    char shown[MM_SHOWN];
    mm_diag_line(c->diags, rule, entry->line, entry->key_length + 3 + at, "expected %s, found '%s'", expected,
                 mm_show(shown, entry->value + at, entry->value_length - at));
}

/* ---- the model's fields ---- */

/* The first line of FIELD in the model's section, sound or not, or NULL. */
static const struct mm_entry *first_line(const struct check *c, enum mm_field field)
{
    const struct mm_group *model = &c->manifest->groups[0];
    for (size_t i = model->first; i < model->first + model->count; i++)
        if (c->manifest->entries[i].field == (int)field)
            return &c->manifest->entries[i];
    return NULL;
}

/* The publisher is what stands before model-id's slash, even where the name behind it is wrong. 0 where it is none. */
static size_t publisher_of(const struct check *c, const char **publisher)
{
    const struct mm_entry *id = first_line(c, MM_FIELD_MODEL_ID);
    const char *slash = id ? memchr(id->value, '/', id->value_length) : NULL;
    size_t length = slash ? (size_t)(slash - id->value) : 0;
    struct mm_value_fault fault = {0};
    *publisher = id ? id->value : NULL;
    return length && mm_field_check(MM_FIELD_PUBLISHER_ID, id->value, length, &fault) ? length : 0;
}

static bool is_local(const struct check *c)
{
    const char *publisher;
    return publisher_of(c, &publisher) == 5 && memcmp(publisher, "local", 5) == 0;
}

static void check_publisher(const struct check *c)
{
    const char *publisher;
    const struct mm_entry *stated = get(c, 0, MM_FIELD_PUBLISHER_ID);
    size_t length = publisher_of(c, &publisher);
    if (stated && length && (stated->value_length != length || memcmp(stated->value, publisher, length) != 0))
        fail(c, MM_RULE_MANIFEST_PUBLISHER, stated, 0, "the publisher part of model-id");
}

static void check_signature(const struct check *c)
{
    const struct mm_entry *key = get(c, 0, MM_FIELD_KEY_ID), *scheme = get(c, 0, MM_FIELD_SIGNATURE_SCHEME);
    if (key && scheme && mm_entry_is(key, "none") != mm_entry_is(scheme, "none"))
        fail(c, MM_RULE_MANIFEST_SIGNATURE, scheme, 0,
             mm_entry_is(key, "none") ? "none, as key-id is none" : "minisign, as key-id names a key");
}

static void check_expires(const struct check *c)
{
    const struct mm_entry *created = get(c, 0, MM_FIELD_CREATED), *expires = get(c, 0, MM_FIELD_EXPIRES);
    if (created && expires && memcmp(expires->value, created->value, expires->value_length) <= 0)
        fail(c, MM_RULE_MANIFEST_EXPIRES, expires, 0, "a time later than created");
}

static void check_lane(const struct check *c)
{
    const struct mm_entry *lane = get(c, 0, MM_FIELD_SOURCE_LANE), *source = first_line(c, MM_FIELD_SOURCE);
    if (!lane)
        return;
    bool original = mm_entry_is(lane, "original");
    if (original && source)
        mm_diag_line(c->diags, MM_RULE_MANIFEST_LANE, source->line, 1,
                     "expected no source, as source-lane is original");
    if (!original && !source)
        mm_diag_line(c->diags, MM_RULE_MANIFEST_LANE, lane->line + 1, 1,
                     "expected a source here, as source-lane is not original");
}

static void check_tags(const struct check *c)
{
    const struct mm_group *model = &c->manifest->groups[0];
    size_t tags = 0;
    for (size_t i = model->first; i < model->first + model->count; i++)
        if (c->manifest->entries[i].field == MM_FIELD_TAG && ++tags == 17)
            mm_diag_line(c->diags, MM_RULE_MANIFEST_TAGS, c->manifest->entries[i].line, 1,
                         "expected at most 16 tags, found more");
}

/* ---- routes ---- */

static int by_bytes(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    return mm_bytes_compare(x->text, x->length, y->text, y->length);
}

static unsigned char lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

static int by_lower_case(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    for (size_t i = 0; i < x->length && i < y->length; i++)
        if (lower(x->text[i]) != lower(y->text[i]))
            return (int)lower(x->text[i]) - (int)lower(y->text[i]);
    return (x->length > y->length) - (x->length < y->length);
}

static bool is_artifact_path(const struct check *c, const char *path, size_t length)
{
    const struct name wanted = {path, length};
    return bsearch(&wanted, c->paths, c->path_count, sizeof wanted, by_bytes) != NULL;
}

static bool holds_weights(const struct check *c, size_t group)
{
    const struct mm_entry *role = get(c, group, MM_FIELD_ARTIFACT_ROLE);
    return role && (mm_entry_is(role, "weights") || mm_entry_is(role, "adapter"));
}

static bool names_weights(const struct check *c, const char *segment, size_t length)
{
    const struct name wanted = {segment, length};
    return bsearch(&wanted, c->weights, c->weights_count, sizeof wanted, by_lower_case) != NULL;
}

/* Collects the names that routes are compared with. */
static int collect_names(struct check *c)
{
    size_t groups = c->manifest->group_count;
    c->paths = mm_realloc_array(NULL, groups, 2 * sizeof *c->paths);
    if (!c->paths)
        return mm_diag_memory(c->diags);
    c->weights = c->paths + groups;
    for (size_t group = 1; group < groups; group++) {
        const struct mm_entry *first = &c->manifest->entries[c->manifest->groups[group].first],
                              *path = get(c, group, MM_FIELD_ARTIFACT);
        c->paths[c->path_count++] = (struct name){first->value, first->value_length};
        if (path && holds_weights(c, group)) {
            size_t length = path->value_length;
            const char *base = mm_path_base(path->value, &length);
            c->weights[c->weights_count++] = (struct name){base, length};
        }
    }
    qsort(c->paths, c->path_count, sizeof *c->paths, by_bytes);
    qsort(c->weights, c->weights_count, sizeof *c->weights, by_lower_case);
    return 0;
}

/* The catalog boundary, for a route of sound form that stands at offset AT of the entry's value. */
static void check_boundary(const struct check *c, const struct mm_entry *entry, size_t at, size_t length)
{
    char segment[MM_ROUTE_SEGMENT];
    size_t size = mm_route_last_segment(entry->value + at, length, segment);
    if (names_weights(c, segment, size)) {
        fail(c, MM_RULE_VALUE_BOUNDARY, entry, at, "a route that does not lead to the file name of weights");
        return;
    }
    bool list = entry->field == MM_FIELD_CHUNK_LIST_ROUTE && mm_route_is_chunk_list(segment, size);
    if (!list && mm_route_refused_ending(segment, size))
        fail(c, MM_RULE_VALUE_BOUNDARY, entry, at, "a route that does not end like weights or an archive");
}

/* A route that stands at offset AT: a path names an artifact, and nothing leads to weights. */
static void check_route(const struct check *c, const struct mm_entry *entry, size_t at)
{
    const char *route = entry->value + at;
    size_t length = entry->value_length - at;
    if (!mm_route_is_url(route, length) && !is_artifact_path(c, route, length))
        fail(c, MM_RULE_MANIFEST_ROUTE, entry, at, "the path of an artifact of this manifest, or an https URL");
    check_boundary(c, entry, at, length);
}

/* Routes that may be `none`, for publisher local. */
static void check_optional_route(const struct check *c, const struct mm_entry *entry)
{
    if (mm_entry_is(entry, "none")) {
        if (!is_local(c))
            fail(c, MM_RULE_MANIFEST_LOCAL, entry, 0, "a route, as the publisher is not local");
    } else if (entry->value_length < 7 || memcmp(entry->value, "mailto:", 7) != 0) {
        check_route(c, entry, 0);
    }
}

/* The length of a URL without what a sentence may put behind it. */
static size_t without_punctuation(const char *url, size_t length)
{
    while (length > 0 && memchr(")],.!'", url[length - 1], 6))
        length--;
    return length;
}

/* X- values and IDENTITY: URLs in free text obey the same rules. */
static void check_free_text(const struct check *c, const struct mm_entry *entry, size_t start)
{
    const char *text = entry->value + start;
    size_t at = 0, length, found, text_length = entry->value_length - start;
    bool https;
    while ((found = mm_route_find_url(text, text_length, &at, &length, &https)) != SIZE_MAX) {
        size_t wrong;
        const char *expected = https ? mm_route_check_url(text + found, length, &wrong) : NULL;
        if (!https)
            fail(c, MM_RULE_VALUE_BOUNDARY, entry, start + found, "no http:, ftp:, magnet: or ipfs: URL");
        else if (expected)
            fail(c, MM_RULE_VALUE_ROUTE, entry, start + found + wrong, expected);
        else
            check_boundary(c, entry, start + found, without_punctuation(text + found, length));
    }
}

/* `PATH.chunks` or `PATH.chunks.gz` of the entry's own artifact, or a URL. */
static void check_chunk_list_route(const struct check *c, const struct mm_entry *entry, const struct mm_entry *artifact)
{
    if (!mm_route_is_url(entry->value, entry->value_length)) {
        size_t base = artifact ? artifact->value_length : 0;
        size_t rest = entry->value_length - (base < entry->value_length ? base : 0);
        const char *ending = entry->value + entry->value_length - rest;
        bool own =
            artifact && base < entry->value_length && memcmp(entry->value, artifact->value, base) == 0 &&
            ((rest == 7 && memcmp(ending, ".chunks", 7) == 0) || (rest == 10 && memcmp(ending, ".chunks.gz", 10) == 0));
        if (!own && artifact)
            fail(c, MM_RULE_MANIFEST_CHUNK_LIST, entry, 0, "the artifact's own path with .chunks or .chunks.gz added");
    }
    check_boundary(c, entry, 0, entry->value_length);
}

static void check_entry_routes(const struct check *c, const struct mm_entry *entry)
{
    if (!entry->sound)
        return;
    if (entry->field == MM_ENTRY_X) {
        check_free_text(c, entry, 0);
        return;
    }
    switch (mm_fields[entry->field].kind) {
    case MM_KIND_ROUTE:
    case MM_KIND_TAKEDOWN: check_optional_route(c, entry); break;
    case MM_KIND_URL: check_route(c, entry, 0); break;
    case MM_KIND_SOURCE: check_free_text(c, entry, mm_source_identity(entry->value, entry->value_length)); break;
    case MM_KIND_EVIDENCE: {
        size_t route = mm_evidence_route(entry->value, entry->value_length);
        if (entry->value_length - route != 1 || entry->value[route] != '-')
            check_route(c, entry, route);
        break;
    }
    default: break;
    }
}

static void check_routes(const struct check *c)
{
    for (size_t i = 0; i < c->manifest->count; i++)
        if (c->manifest->entries[i].field != MM_ENTRY_UNKNOWN)
            check_entry_routes(c, &c->manifest->entries[i]);
    for (size_t group = 1; group < c->manifest->group_count; group++) {
        const struct mm_entry *route = get(c, group, MM_FIELD_CHUNK_LIST_ROUTE);
        if (route)
            check_chunk_list_route(c, route, get(c, group, MM_FIELD_ARTIFACT));
    }
}

/* ---- artifacts ---- */

static bool number_of(const struct mm_entry *entry, uint64_t *value)
{
    return entry && mm_number(entry->value, entry->value_length, MM_NUMBER_MAX, value);
}

static bool hash_of(const struct mm_entry *entry, unsigned char hash[MM_HASH_BYTES])
{
    return entry && mm_hex_hash(entry->value, entry->value_length, hash);
}

static void check_chunk_count(const struct check *c, size_t group)
{
    const struct mm_entry *count_entry = get(c, group, MM_FIELD_CHUNK_COUNT);
    uint64_t bytes, size, count;
    char expected[80];
    if (!number_of(get(c, group, MM_FIELD_ARTIFACT_BYTES), &bytes) ||
        !number_of(get(c, group, MM_FIELD_CHUNK_SIZE), &size) || !number_of(count_entry, &count) ||
        count == mm_chunk_count(bytes, size))
        return;
    snprintf(expected, sizeof expected, "%" PRIu64 ", as artifact-bytes and chunk-size say",
             mm_chunk_count(bytes, size));
    fail(c, MM_RULE_MANIFEST_CHUNK_COUNT, count_entry, 0, expected);
}

/* An empty file and a file of one chunk leave no choice of hashes. */
static void check_hashes(const struct check *c, size_t group)
{
    const struct mm_entry *sha_entry = get(c, group, MM_FIELD_ARTIFACT_SHA256),
                          *root_entry = get(c, group, MM_FIELD_MERKLE_ROOT);
    unsigned char hash[MM_HASH_BYTES], root[MM_HASH_BYTES], leaf[MM_HASH_BYTES];
    uint64_t bytes, size;
    bool has_hash = hash_of(sha_entry, hash), has_root = hash_of(root_entry, root);
    if (!number_of(get(c, group, MM_FIELD_ARTIFACT_BYTES), &bytes))
        return;
    if (bytes == 0) {
        if (has_hash && memcmp(hash, mm_sha256_empty, MM_HASH_BYTES) != 0)
            fail(c, MM_RULE_MANIFEST_HASHES, sha_entry, 0, "the SHA-256 of nothing for an empty artifact");
        if (has_root && memcmp(root, mm_sha256_empty, MM_HASH_BYTES) != 0)
            fail(c, MM_RULE_MANIFEST_HASHES, root_entry, 0, "the SHA-256 of nothing for an empty artifact");
    } else if (has_hash && has_root && number_of(get(c, group, MM_FIELD_CHUNK_SIZE), &size) && bytes <= size) {
        mm_merkle_leaf(c->sha, hash, leaf);
        if (memcmp(root, leaf, MM_HASH_BYTES) != 0)
            fail(c, MM_RULE_MANIFEST_HASHES, root_entry, 0, "the leaf of artifact-sha256, as there is one chunk");
    }
}

static bool format_is(const struct check *c, size_t group, const char *word)
{
    const struct mm_entry *format = get(c, group, MM_FIELD_ARTIFACT_FORMAT);
    return format && mm_entry_is(format, word);
}

/* Digests stand where the format can hold what they are taken over (manifest.md, Artifact fields). */
static void check_digests(const struct check *c, size_t group)
{
    if (!get(c, group, MM_FIELD_ARTIFACT_FORMAT))
        return;
    bool tensors = format_is(c, group, "gguf") || format_is(c, group, "slm") || format_is(c, group, "safetensors");
    const struct {
        enum mm_field field;
        bool allowed;
    } digests[] = {
        {MM_FIELD_TOKENIZER_SHA256, tensors},
        {MM_FIELD_CHAT_TEMPLATE_SHA256, format_is(c, group, "gguf")},
        {MM_FIELD_TENSOR_LAYOUT_SHA256, tensors},
    };
    for (size_t i = 0; i < sizeof digests / sizeof *digests; i++) {
        const struct mm_entry *entry = get(c, group, digests[i].field);
        if (entry && !digests[i].allowed)
            mm_diag_line(c->diags, MM_RULE_MANIFEST_DIGESTS, entry->line, 1,
                         "expected no %s, as the artifact's format cannot hold one", mm_fields[entry->field].key);
    }
}

static bool same_folder(const struct mm_entry *a, const struct mm_entry *b)
{
    size_t a_base = a->value_length, b_base = b->value_length;
    size_t a_folder = (size_t)(mm_path_base(a->value, &a_base) - a->value),
           b_folder = (size_t)(mm_path_base(b->value, &b_base) - b->value);
    return a_folder == b_folder && memcmp(a->value, b->value, a_folder) == 0;
}

/* A folder's tokenizer is stated by its first safetensors group alone. */
static void check_first_safetensors(const struct check *c, size_t group)
{
    const struct mm_entry *digest = get(c, group, MM_FIELD_TOKENIZER_SHA256), *path = get(c, group, MM_FIELD_ARTIFACT);
    if (!digest || !path || !format_is(c, group, "safetensors"))
        return;
    for (size_t i = 1; i < group; i++) {
        const struct mm_entry *other = get(c, i, MM_FIELD_ARTIFACT);
        if (other && format_is(c, i, "safetensors") && same_folder(other, path)) {
            mm_diag_line(c->diags, MM_RULE_MANIFEST_DIGESTS, digest->line, 1,
                         "expected the tokenizer-sha256 of a folder at its first safetensors artifact");
            return;
        }
    }
}

static void check_chunk_list_pair(const struct check *c, size_t group)
{
    const struct mm_entry *route = NULL, *hash = NULL;
    const struct mm_group *entries = &c->manifest->groups[group];
    for (size_t i = entries->first; i < entries->first + entries->count; i++) {
        if (c->manifest->entries[i].field == MM_FIELD_CHUNK_LIST_ROUTE)
            route = &c->manifest->entries[i];
        if (c->manifest->entries[i].field == MM_FIELD_CHUNK_LIST_SHA256)
            hash = &c->manifest->entries[i];
    }
    if (route && !hash)
        mm_diag_line(c->diags, MM_RULE_MANIFEST_CHUNK_LIST, route->line, 1,
                     "expected 'chunk-list-sha256' too, as the route is given");
    if (hash && !route)
        mm_diag_line(c->diags, MM_RULE_MANIFEST_CHUNK_LIST, hash->line, 1,
                     "expected 'chunk-list-route' too, as the hash is given");
}

static void check_sum(const struct check *c)
{
    uint64_t sum = 0, bytes;
    for (size_t group = 1; group < c->manifest->group_count; group++) {
        const struct mm_entry *entry = get(c, group, MM_FIELD_ARTIFACT_BYTES);
        if (number_of(entry, &bytes) && !mm_add(sum, bytes, &sum)) {
            fail(c, MM_RULE_MANIFEST_BYTES, entry, 0, "a sum of all artifact-bytes below 2^63");
            return;
        }
    }
}

static void check_weights(const struct check *c)
{
    for (size_t group = 1; group < c->manifest->group_count; group++)
        if (holds_weights(c, group) || !get(c, group, MM_FIELD_ARTIFACT_ROLE))
            return; /* a role that could not be read may have been it */
    if (c->manifest->group_count > 1)
        mm_diag_line(c->diags, MM_RULE_MANIFEST_WEIGHTS, c->manifest->entries[c->manifest->groups[1].first].line, 1,
                     "expected at least one artifact of role weights or adapter, found none");
}

static void check_group_order(const struct check *c)
{
    for (size_t group = 2; group < c->manifest->group_count; group++) {
        const struct mm_entry *before = get(c, group - 1, MM_FIELD_ARTIFACT), *entry = get(c, group, MM_FIELD_ARTIFACT);
        if (!before || !entry)
            continue;
        if (mm_bytes_compare(before->value, before->value_length, entry->value, entry->value_length) > 0)
            fail(c, MM_RULE_MANIFEST_ARTIFACT_ORDER, entry, 0, "artifacts sorted by the bytes of their paths");
    }
}

/* ---- paths that collide ---- */

static int by_folded_path(const void *a, const void *b)
{
    const struct mm_entry *const *x = a, *const *y = b;
    int order = mm_path_fold_compare((*x)->value, (*x)->value_length, (*y)->value, (*y)->value_length);
    return order ? order : ((*x)->line > (*y)->line) - ((*x)->line < (*y)->line);
}

/* A and B are neighbours once folded; the finding stands at the later line. */
static void check_clash(const struct check *c, const struct mm_entry *a, const struct mm_entry *b)
{
    static const char *const expected[] = {
        [MM_PATH_EQUAL] = "paths that differ in more than letter case",
        [MM_PATH_FOLDER] = "no path that is another's folder",
        [MM_PATH_FOLDER_CASE] = "folders that differ in more than letter case",
    };
    enum mm_path_clash clash = mm_path_clash(a->value, a->value_length, b->value, b->value_length);
    if (clash != MM_PATH_APART)
        fail(c, MM_RULE_MANIFEST_PATHS, a->line > b->line ? a : b, 0, expected[clash]);
}

static const struct mm_entry *find_folded(const struct mm_entry **paths, size_t count, const char *path, size_t length)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = mm_path_fold_compare(paths[middle]->value, paths[middle]->value_length, path, length);
        if (order == 0)
            return paths[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* PATH.chunks and PATH.chunks.gz are kept free for PATH's chunk list. */
static void check_chunk_list_paths(const struct check *c, const struct mm_entry **paths, size_t count)
{
    static const char *const endings[] = {".chunks", ".chunks.gz"};
    char list[MM_PATH_MAX + 16];
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < 2; k++) {
            size_t size = strlen(endings[k]);
            memcpy(list, paths[i]->value, paths[i]->value_length);
            memcpy(list + paths[i]->value_length, endings[k], size);
            const struct mm_entry *other = find_folded(paths, count, list, paths[i]->value_length + size);
            if (other)
                fail(c, MM_RULE_MANIFEST_CHUNK_LIST, other, 0,
                     "a path that is not that of another artifact's chunk list");
        }
}

/* Nor is that path a folder: PATH stands in no folder that is another's chunk list. */
static void check_list_folders(const struct check *c, const struct mm_entry **paths, size_t count)
{
    static const char *const endings[] = {".chunks", ".chunks.gz"};
    for (size_t i = 0; i < count; i++)
        for (size_t length = 0; length < paths[i]->value_length; length++)
            for (size_t k = 0; k < 2 && paths[i]->value[length] == '/'; k++) {
                size_t size = strlen(endings[k]);
                if (length > size && strncasecmp(paths[i]->value + length - size, endings[k], size) == 0 &&
                    find_folded(paths, count, paths[i]->value, length - size))
                    fail(c, MM_RULE_MANIFEST_CHUNK_LIST, paths[i], length - size,
                         "a folder that is not the path of another artifact's chunk list");
            }
}

static void check_paths(const struct check *c)
{
    size_t count = 0, groups = c->manifest->group_count;
    const struct mm_entry **paths = mm_realloc_array(NULL, groups, sizeof *paths);
    if (!paths) {
        mm_diag_memory(c->diags);
        return;
    }
    for (size_t group = 1; group < groups; group++) {
        const struct mm_entry *path = get(c, group, MM_FIELD_ARTIFACT);
        if (path)
            paths[count++] = path;
    }
    qsort(paths, count, sizeof *paths, by_folded_path);
    for (size_t i = 1; i < count; i++)
        check_clash(c, paths[i - 1], paths[i]);
    check_chunk_list_paths(c, paths, count);
    check_list_folders(c, paths, count);
    free(paths);
}

void mm_manifest_check(const struct mm_manifest *manifest, struct mm_sha256 *sha, struct mm_diags *diags)
{
    struct check c = {.manifest = manifest, .diags = diags, .sha = sha};
    bool named = collect_names(&c) == 0;
    check_publisher(&c);
    check_signature(&c);
    check_expires(&c);
    check_lane(&c);
    check_tags(&c);
    if (named)
        check_routes(&c);
    for (size_t group = 1; group < manifest->group_count; group++) {
        check_chunk_count(&c, group);
        check_hashes(&c, group);
        check_digests(&c, group);
        check_first_safetensors(&c, group);
        check_chunk_list_pair(&c, group);
    }
    check_sum(&c);
    check_weights(&c);
    check_group_order(&c);
    check_paths(&c);
    free(c.paths);
}
