#include "doc/catalog_entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/checked.h"
#include "text/line.h"
#include "text/path.h"
#include "text/route.h"

enum kind {
    KIND_TEXT,
    KIND_NUMBER,
    KIND_SUM,
    KIND_LIST,
    KIND_ARTIFACTS,
    KIND_SHAPE,
    KIND_SHA256,
    KIND_ROUTE,
    KIND_SIGNATURE
};
enum need { SOMETIMES, ALWAYS };

const char *const mm_catalog_members[MM_CATALOG_MEMBER_COUNT] = {
#define MEMBER(id, name, kind, field, need) [MM_CATALOG_##id] = name,
#include "doc/catalog_entry.def"
};

static const struct {
    enum kind kind;
    enum mm_field field;
    enum need need;
} members[MM_CATALOG_MEMBER_COUNT] = {
#define MEMBER(id, name, kind, field, need) [MM_CATALOG_##id] = {KIND_##kind, MM_FIELD_##field, need},
#include "doc/catalog_entry.def"
};

/* The members of an artifact, sorted too. */
static const struct {
    const char *name;
    enum mm_field field;
    enum need need;
} artifact_members[] = {
    {"bytes", MM_FIELD_ARTIFACT_BYTES, ALWAYS},
    {"chat_template_sha256", MM_FIELD_CHAT_TEMPLATE_SHA256, SOMETIMES},
    {"format", MM_FIELD_ARTIFACT_FORMAT, ALWAYS},
    {"merkle_root", MM_FIELD_MERKLE_ROOT, ALWAYS},
    {"path", MM_FIELD_ARTIFACT, ALWAYS},
    {"role", MM_FIELD_ARTIFACT_ROLE, ALWAYS},
    {"sha256", MM_FIELD_ARTIFACT_SHA256, ALWAYS},
    {"tensor_layout_sha256", MM_FIELD_TENSOR_LAYOUT_SHA256, SOMETIMES},
    {"tokenizer_sha256", MM_FIELD_TOKENIZER_SHA256, SOMETIMES},
};
#define ARTIFACT_MEMBERS (sizeof artifact_members / sizeof *artifact_members)

/* The facts of a shape in the order of their names. */
static const enum mm_shape shape_order[MM_SHAPE_COUNT] = {
    MM_SHAPE_BLOCK_COUNT, MM_SHAPE_CONTEXT_LENGTH, MM_SHAPE_EMBEDDING_LENGTH, MM_SHAPE_FEED_FORWARD_LENGTH,
    MM_SHAPE_HEAD_COUNT,  MM_SHAPE_HEAD_COUNT_KV,  MM_SHAPE_VOCAB_SIZE,
};

void mm_catalog_manifest_path(char out[static MM_CATALOG_MANIFEST_PATH], const char *model_id, uint64_t revision)
{
    size_t length = strnlen(model_id, MM_MODEL_ID_MAX), at = sizeof MM_CATALOG_MANIFESTS - 1;
    memcpy(out, MM_CATALOG_MANIFESTS, at);
    memcpy(out + at, model_id, length);
    at += length;
    out[at++] = '/';
    at += mm_decimal_write(out + at, revision);
    strcpy(out + at, MM_CATALOG_MANIFEST_SUFFIX);
}

int mm_catalog_compare(const char *a, uint64_t a_revision, const char *b, uint64_t b_revision)
{
    int order = strcmp(a, b);
    return order ? order : (a_revision > b_revision) - (a_revision < b_revision);
}

bool mm_catalog_model_id(const char *text, size_t length, char out[static MM_MODEL_ID_MAX + 1])
{
    struct mm_value_fault fault = {0};
    if (length > MM_MODEL_ID_MAX || !mm_field_check(MM_FIELD_MODEL_ID, text, length, &fault))
        return false;
    memcpy(out, text, length);
    out[length] = '\0';
    return true;
}

/* ---- writing ---- */

static uint64_t number_of(const struct mm_entry *entry)
{
    uint64_t number = 0;
    mm_number(entry->value, entry->value_length, MM_NUMBER_MAX, &number);
    return number;
}

static int add_number(const char *name, uint64_t number, struct mm_buf *out, struct mm_diags *diags)
{
    if (number > MM_CANONICAL_MAX)
        return mm_diag(diags, MM_RULE_CATALOG_NUMBER, "expected at most %" PRIu64 " as %s, found %" PRIu64,
                       MM_CANONICAL_MAX, name, number);
    mm_buf_number(out, number);
    return 0;
}

static void add_name(const char *name, bool *first, struct mm_buf *out)
{
    mm_buf_str(out, *first ? "\"" : ",\"");
    mm_buf_str(out, name);
    mm_buf_str(out, "\":");
    *first = false;
}

static int write_artifact(const struct mm_manifest *manifest, size_t group, struct mm_buf *out, struct mm_diags *diags)
{
    bool first = true;
    mm_buf_str(out, group > 1 ? ",{" : "{");
    for (size_t i = 0; i < ARTIFACT_MEMBERS; i++) {
        enum mm_field field = artifact_members[i].field;
        const struct mm_entry *entry = mm_manifest_get(manifest, group, field);
        if (!entry)
            continue;
        add_name(artifact_members[i].name, &first, out);
        if (field != MM_FIELD_ARTIFACT_BYTES)
            mm_canonical_add(out, entry->value, entry->value_length);
        else if (add_number("bytes", number_of(entry), out, diags) < 0)
            return -1;
    }
    mm_buf_char(out, '}');
    return 0;
}

static int write_artifacts(const struct mm_manifest *manifest, struct mm_buf *out, struct mm_diags *diags)
{
    mm_buf_char(out, '[');
    for (size_t group = 1; group <= mm_manifest_artifacts(manifest); group++)
        if (write_artifact(manifest, group, out, diags) < 0)
            return -1;
    mm_buf_char(out, ']');
    return 0;
}

static void write_list(const struct mm_manifest *manifest, enum mm_field field, struct mm_buf *out)
{
    const struct mm_group *group = &manifest->groups[0];
    bool first = true;
    mm_buf_char(out, '[');
    for (size_t i = group->first; i < group->first + group->count; i++) {
        const struct mm_entry *entry = &manifest->entries[i];
        if (entry->field != (int)field)
            continue;
        mm_buf_str(out, first ? "" : ",");
        mm_canonical_add(out, entry->value, entry->value_length);
        first = false;
    }
    mm_buf_char(out, ']');
}

/* The number behind NAME= in a sound model-shape. */
static uint64_t shape_fact(const struct mm_entry *shape, const char *name)
{
    const char *at = shape->value, *end = at + shape->value_length;
    size_t length = strlen(name);
    uint64_t number = 0;
    while (at < end) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        const char *stop = space ? space : end;
        if ((size_t)(stop - at) > length && memcmp(at, name, length) == 0 && at[length] == '=')
            mm_number(at + length + 1, (size_t)(stop - at) - length - 1, MM_NUMBER_MAX, &number);
        at = space ? space + 1 : end;
    }
    return number;
}

static int write_shape(const struct mm_entry *shape, struct mm_buf *out, struct mm_diags *diags)
{
    bool first = true;
    mm_buf_char(out, '{');
    for (int i = 0; i < MM_SHAPE_COUNT; i++) {
        const char *name = mm_shape_names[shape_order[i]].manifest;
        add_name(name, &first, out);
        if (add_number(name, shape_fact(shape, name), out, diags) < 0)
            return -1;
    }
    mm_buf_char(out, '}');
    return 0;
}

static uint64_t sum_of(const struct mm_manifest *manifest)
{
    uint64_t sum = 0;
    for (size_t group = 1; group <= mm_manifest_artifacts(manifest); group++)
        sum += number_of(
            mm_manifest_get(manifest, group, MM_FIELD_ARTIFACT_BYTES)); /* a valid manifest's does not overflow */
    return sum;
}

static void add_route(const struct mm_manifest *manifest, const char *suffix, struct mm_buf *out)
{
    const struct mm_entry *own = mm_manifest_get(manifest, 0, MM_FIELD_MANIFEST_ROUTE);
    char path[MM_CATALOG_MANIFEST_PATH], id[MM_VALUE_MAX + 1];
    mm_catalog_manifest_path(path, mm_manifest_text(manifest, 0, MM_FIELD_MODEL_ID, id),
                             number_of(mm_manifest_get(manifest, 0, MM_FIELD_REVISION)));
    struct mm_buf route = {0};
    if (own)
        mm_buf_add(&route, own->value, own->value_length);
    else
        mm_buf_str(&route, path);
    mm_buf_str(&route, suffix);
    mm_canonical_add(out, mm_buf_text(&route) ? route.data : "", route.length);
    out->failed = out->failed || route.failed;
    mm_buf_release(&route);
}

/* True if the member stands in the entry of this manifest. */
static bool has_member(const struct mm_manifest *manifest, enum mm_catalog_member member)
{
    switch (members[member].kind) {
    case KIND_SIGNATURE: return !mm_entry_is(mm_manifest_get(manifest, 0, MM_FIELD_SIGNATURE_SCHEME), "none");
    case KIND_ROUTE:
    case KIND_SHA256:
    case KIND_SUM:
    case KIND_ARTIFACTS: return true;
    default: return mm_manifest_get(manifest, 0, members[member].field) != NULL;
    }
}

static int write_member(const struct mm_manifest *manifest, enum mm_catalog_member member, struct mm_buf *out,
                        struct mm_diags *diags)
{
    const struct mm_entry *entry = mm_manifest_get(manifest, 0, members[member].field);
    const char *name = mm_catalog_members[member];
    char hex[MM_HASH_HEX + 1];
    switch (members[member].kind) {
    case KIND_TEXT: mm_canonical_add(out, entry->value, entry->value_length); return 0;
    case KIND_NUMBER: return add_number(name, number_of(entry), out, diags);
    case KIND_SUM: return add_number(name, sum_of(manifest), out, diags);
    case KIND_LIST: write_list(manifest, members[member].field, out); return 0;
    case KIND_ARTIFACTS: return write_artifacts(manifest, out, diags);
    case KIND_SHAPE: return write_shape(entry, out, diags);
    case KIND_ROUTE: add_route(manifest, "", out); return 0;
    case KIND_SIGNATURE: add_route(manifest, ".minisig", out); return 0;
    default:
        mm_hex(hex, manifest->sha256, MM_HASH_BYTES);
        mm_canonical_add(out, hex, MM_HASH_HEX);
        return 0;
    }
}

int mm_catalog_entry_write(const struct mm_manifest *manifest, struct mm_buf *out, struct mm_diags *diags)
{
    size_t start = out->length;
    bool first = true;
    if (mm_entry_is(mm_manifest_get(manifest, 0, MM_FIELD_PUBLISHER_ID), "local"))
        return mm_diag(diags, MM_RULE_CATALOG_LOCAL,
                       "expected a manifest that may be published, found one of publisher local");
    mm_buf_char(out, '{');
    for (int member = 0; member < MM_CATALOG_MEMBER_COUNT; member++) {
        if (!has_member(manifest, (enum mm_catalog_member)member))
            continue;
        add_name(mm_catalog_members[member], &first, out);
        if (write_member(manifest, (enum mm_catalog_member)member, out, diags) < 0)
            return -1;
    }
    mm_buf_char(out, '}');
    if (out->failed)
        return mm_diag_memory(diags);
    if (out->length - start > MM_CATALOG_ENTRY_MAX)
        return mm_diag(diags, MM_RULE_CATALOG_ENTRY, "expected an entry of at most %d bytes, found %zu",
                       MM_CATALOG_ENTRY_MAX, out->length - start);
    return 0;
}

/* ---- reading ---- */

struct reading {
    struct mm_canonical json;
    struct mm_catalog_entry *entry;
    char value[MM_VALUE_MAX + 1], before[MM_VALUE_MAX + 1]; /* decoded: a value, and the one before it in its list */
    size_t length;
};

/* Characters that the line grammar refuses, and the lengths that it allows. */
static bool text_sound(enum mm_field field, const char *value, size_t length)
{
    bool plain = length > 0 && length <= MM_VALUE_MAX && value[0] != ' ' && value[length - 1] != ' ';
    for (size_t i = 0; plain && i < length; i++)
        plain = value[i] >= 0x20 && value[i] < 0x7F;
    if (plain || field != MM_FIELD_DISPLAY_NAME)
        return plain || mm_value_sound(value, length);
    char text[MM_VALUE_MAX + 32]; /* two more characters may stand in a name for people */
    struct mm_diags ignored;
    struct mm_line line;
    int size = snprintf(text, sizeof text, "%s: %s\n", mm_fields[field].key, value);
    if (size < 0 || (size_t)size >= sizeof text || strlen(value) != length)
        return false;
    mm_diags_init(&ignored);
    struct mm_lines lines = {.text = text, .at = text, .end = text + size};
    bool sound = mm_lines_next(&lines, &line, &ignored) && line.sound && line.value_length == length;
    mm_diags_release(&ignored);
    return sound;
}

bool mm_catalog_value_sound(enum mm_field field, const char *value, size_t length)
{
    struct mm_value_fault fault = {0};
    return text_sound(field, value, length) && mm_field_check(field, value, length, &fault);
}

static int check_value(struct reading *r, enum mm_field field, const struct mm_canonical_text *text)
{
    struct mm_value_fault fault = {.expected = "a value of the manifest's grammar"};
    bool sound = mm_canonical_decode(text, r->value, sizeof r->value, &r->length) &&
                 text_sound(field, r->value, r->length) && mm_field_check(field, r->value, r->length, &fault);
    return sound ? 0 : mm_canonical_fails(&r->json, text->at, fault.expected);
}

static int read_value(struct reading *r, enum mm_field field, struct mm_canonical_text *text)
{
    return mm_canonical_text(&r->json, text) < 0 ? -1 : check_value(r, field, text);
}

static bool value_is(const struct reading *r, const char *word)
{
    return strcmp(r->value, word) == 0;
}

/* What a route ends in; whose file it may not be is looked at once the artifacts are known. */
static int check_ending(struct reading *r, const char *at, const char *route)
{
    char segment[MM_ROUTE_SEGMENT];
    size_t length = mm_route_last_segment(route, strlen(route), segment);
    if (!mm_route_refused_ending(segment, length))
        return 0;
    return mm_diag_line(r->json.diags, MM_RULE_VALUE_BOUNDARY, r->json.line, (uint64_t)(at - r->json.start) + 1,
                        "expected a route that does not end like weights or an archive, found '%s'", segment);
}

/* Evidence may have a route; a source's identity may be a URL. */
static int check_item_boundary(struct reading *r, enum mm_field field, const char *at)
{
    const char *route = r->value;
    if (field == MM_FIELD_EVIDENCE)
        route += mm_evidence_route(r->value, r->length);
    else if (field == MM_FIELD_SOURCE)
        route += mm_source_identity(r->value, r->length);
    if (field == MM_FIELD_TAG || strcmp(route, "-") == 0 ||
        (field == MM_FIELD_SOURCE && !mm_route_is_url(route, strlen(route))))
        return 0;
    return check_ending(r, at, route);
}

/* Values of a field that may stand many times: sorted, no two equal. */
static int read_list(struct reading *r, enum mm_field field, struct mm_canonical_text *list)
{
    struct mm_canonical_text item;
    size_t before = 0, count = 0;
    if (mm_canonical_list(&r->json, list) < 0)
        return -1;
    for (struct mm_canonical_text rest = *list; mm_canonical_next(&rest, &item); count++) {
        if (check_value(r, field, &item) < 0 || check_item_boundary(r, field, item.at) < 0)
            return -1;
        if (count > 0 && mm_bytes_compare(r->before, before, r->value, r->length) >= 0)
            return mm_canonical_fails(&r->json, item.at, "values sorted bytewise, no two equal");
        if (field == MM_FIELD_TAG && count == 16)
            return mm_canonical_fails(&r->json, item.at, "at most 16 tags");
        memcpy(r->before, r->value, r->length + 1);
        before = r->length;
    }
    return 0;
}

static int read_shape(struct reading *r)
{
    bool first = true;
    if (mm_canonical_expect(&r->json, "{") < 0)
        return -1;
    for (int i = 0; i < MM_SHAPE_COUNT; i++) {
        const char *name = mm_shape_names[shape_order[i]].manifest;
        if (!mm_canonical_member(&r->json, name, &first))
            return mm_canonical_fails(&r->json, r->json.at, name);
        if (mm_canonical_number(&r->json, &r->entry->shape[shape_order[i]]) < 0)
            return -1;
    }
    r->entry->has_shape = true;
    return mm_canonical_expect(&r->json, "}");
}

static bool holds_weights(const char *role)
{
    return strcmp(role, "weights") == 0 || strcmp(role, "adapter") == 0;
}

/* Adds its bytes to *SUM; *WEIGHTS gets true for weights and adapters. */
static int read_artifact(struct reading *r, uint64_t *sum, bool *weights)
{
    struct mm_canonical_text text;
    uint64_t bytes;
    bool first = true;
    const char *start = r->json.at;
    if (mm_canonical_expect(&r->json, "{") < 0)
        return -1;
    for (size_t i = 0; i < ARTIFACT_MEMBERS; i++) {
        enum mm_field field = artifact_members[i].field;
        if (!mm_canonical_member(&r->json, artifact_members[i].name, &first)) {
            if (artifact_members[i].need == ALWAYS)
                return mm_canonical_fails(&r->json, r->json.at, artifact_members[i].name);
            continue;
        }
        if (field == MM_FIELD_ARTIFACT_BYTES) {
            if (mm_canonical_number(&r->json, &bytes) < 0)
                return -1;
            if (!mm_add(*sum, bytes, sum))
                return mm_canonical_fails(&r->json, start, "artifacts below 2^63 bytes together");
        } else if (read_value(r, field, &text) < 0) {
            return -1;
        }
        if (field == MM_FIELD_ARTIFACT) {
            if (strcmp(r->before, r->value) >= 0)
                return mm_canonical_fails(&r->json, text.at, "artifacts sorted by path, no two of one path");
            memcpy(r->before, r->value, r->length + 1);
        }
        if (field == MM_FIELD_ARTIFACT_ROLE)
            *weights = *weights || holds_weights(r->value);
    }
    return mm_canonical_expect(&r->json, "}");
}

static int read_artifacts(struct reading *r, struct mm_canonical_text *list)
{
    uint64_t sum = 0;
    bool weights = false;
    r->before[0] = '\0';
    if (mm_canonical_expect(&r->json, "[") < 0)
        return -1;
    list->at = r->json.at;
    do {
        if (read_artifact(r, &sum, &weights) < 0)
            return -1;
        r->entry->artifact_count++;
    } while (mm_canonical_take(&r->json, ","));
    list->length = (size_t)(r->json.at - list->at);
    if (mm_canonical_expect(&r->json, "]") < 0)
        return -1;
    if (!weights)
        return mm_canonical_fails(&r->json, list->at, "weights or an adapter among the artifacts");
    if (sum != r->entry->artifact_bytes)
        return mm_canonical_fails(&r->json, list->at, "artifacts with artifact_bytes bytes together");
    return 0;
}

static int read_member(struct reading *r, enum mm_catalog_member member)
{
    struct mm_catalog_entry *entry = r->entry;
    struct mm_canonical_text *text = &entry->texts[member];
    switch (members[member].kind) {
    case KIND_TEXT: return read_value(r, members[member].field, text);
    case KIND_NUMBER:
        entry->has_parameters = entry->has_parameters || member == MM_CATALOG_PARAMETERS;
        return mm_canonical_number(&r->json, member == MM_CATALOG_REVISION ? &entry->revision : &entry->parameters);
    case KIND_SUM: return mm_canonical_number(&r->json, &entry->artifact_bytes);
    case KIND_LIST: return read_list(r, members[member].field, text);
    case KIND_ARTIFACTS: return read_artifacts(r, text);
    case KIND_SHAPE: return read_shape(r);
    case KIND_SHA256:
        if (read_value(r, members[member].field, text) < 0)
            return -1;
        mm_hex_hash(r->value, r->length, entry->manifest_sha256);
        return 0;
    default: return mm_canonical_text(&r->json, text); /* judged with the others */
    }
}

/* ---- what holds between members ---- */

static bool same_text(const struct mm_canonical_text *text, const char *word)
{
    return text->length == strlen(word) && memcmp(text->at, word, text->length) == 0;
}

static int check_ids(struct reading *r)
{
    struct mm_catalog_entry *entry = r->entry;
    const struct mm_canonical_text *id = &entry->texts[MM_CATALOG_MODEL_ID],
                                   *publisher = &entry->texts[MM_CATALOG_PUBLISHER_ID];
    if (entry->revision == 0)
        return mm_canonical_fails(&r->json, r->json.start, "a revision from 1");
    if (id->length <= publisher->length || id->at[publisher->length] != '/' ||
        memcmp(id->at, publisher->at, publisher->length) != 0)
        return mm_canonical_fails(&r->json, publisher->at, "the publisher part of model_id");
    if (same_text(publisher, "local"))
        return mm_diag_line(r->json.diags, MM_RULE_CATALOG_LOCAL, r->json.line,
                            (uint64_t)(publisher->at - r->json.start) + 1,
                            "expected a publisher that may be published, found 'local'");
    mm_catalog_model_id(id->at, id->length, entry->model_id); /* its form was checked */
    return 0;
}

/* The manifest is in its place beneath the catalog, or at a URL of its own; its signature stands beside it. */
static int check_manifest_routes(struct reading *r)
{
    struct mm_catalog_entry *entry = r->entry;
    const struct mm_canonical_text *route = &entry->texts[MM_CATALOG_MANIFEST_ROUTE];
    const struct mm_canonical_text *signature = &entry->texts[MM_CATALOG_SIGNATURE_ROUTE];
    bool unsigned_one = same_text(&entry->texts[MM_CATALOG_KEY_ID], "none");
    char path[MM_CATALOG_MANIFEST_PATH];
    static const char suffix[] = ".minisig";
    mm_catalog_manifest_path(path, entry->model_id, entry->revision);
    entry->beneath = same_text(route, path);
    if (!entry->beneath && check_value(r, MM_FIELD_MANIFEST_ROUTE, route) < 0)
        return -1;
    if (!entry->beneath && check_ending(r, route->at, r->value) < 0)
        return -1;
    if ((signature->at == NULL) != unsigned_one)
        return mm_canonical_fails(&r->json, route->at, "manifest_signature_route exactly where key_id is not none");
    if (signature->at && (signature->length != route->length + sizeof suffix - 1 ||
                          memcmp(signature->at, route->at, route->length) != 0 ||
                          memcmp(signature->at + route->length, suffix, sizeof suffix - 1) != 0))
        return mm_canonical_fails(&r->json, signature->at, "manifest_route and .minisig");
    return 0;
}

/* True if SEGMENT is the name of an artifact that holds weights. The list was read; paths hold no escapes. */
static bool names_weights(const struct mm_catalog_entry *entry, const char *segment)
{
    const struct mm_canonical_text *list = &entry->texts[MM_CATALOG_ARTIFACTS];
    static const char path_is[] = "\"path\":\"", role_is[] = "\",\"role\":\"";
    const char *at = list->at, *end = at + list->length;
    while ((at = memmem(at, (size_t)(end - at), path_is, sizeof path_is - 1))) {
        const char *path = at + sizeof path_is - 1;
        const char *stop = memchr(path, '"', (size_t)(end - path));
        const char *role = stop + sizeof role_is - 1;
        size_t length = (size_t)(stop - path);
        const char *base = mm_path_base(path, &length);
        if ((strncmp(role, "weights\"", 8) == 0 || strncmp(role, "adapter\"", 8) == 0) && strlen(segment) == length &&
            strncasecmp(base, segment, length) == 0)
            return true;
        at = role;
    }
    return false;
}

static int check_boundary(struct reading *r)
{
    static const enum mm_catalog_member routes[] = {MM_CATALOG_LICENSE_ROUTE, MM_CATALOG_MODEL_CARD_ROUTE,
                                                    MM_CATALOG_TAKEDOWN_ROUTE, MM_CATALOG_MANIFEST_ROUTE};
    char segment[MM_ROUTE_SEGMENT];
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        const struct mm_canonical_text *text = &r->entry->texts[routes[i]];
        if (!mm_canonical_decode(text, r->value, sizeof r->value, &r->length))
            return mm_canonical_fails(&r->json, text->at, "a route of at most 1024 bytes");
        if (value_is(r, "none"))
            return mm_canonical_fails(&r->json, text->at, "a route, as the publisher is not local");
        if (strncmp(r->value, "mailto:", 7) == 0)
            continue;
        if (check_ending(r, text->at, r->value) < 0)
            return -1;
        mm_route_last_segment(r->value, r->length, segment);
        if (names_weights(r->entry, segment))
            return mm_diag_line(r->json.diags, MM_RULE_VALUE_BOUNDARY, r->json.line,
                                (uint64_t)(text->at - r->json.start) + 1,
                                "expected a route that does not lead to the file name of weights, found '%s'", segment);
    }
    return 0;
}

static int check_rest(struct reading *r)
{
    const struct mm_canonical_text *texts = r->entry->texts;
    bool original = same_text(&texts[MM_CATALOG_SOURCE_LANE], "original");
    if (texts[MM_CATALOG_EXPIRES].at &&
        memcmp(texts[MM_CATALOG_CREATED].at, texts[MM_CATALOG_EXPIRES].at, texts[MM_CATALOG_EXPIRES].length) >= 0)
        return mm_canonical_fails(&r->json, texts[MM_CATALOG_EXPIRES].at, "a time later than created");
    if (original != (texts[MM_CATALOG_SOURCE_SUMMARY].at == NULL))
        return mm_canonical_fails(&r->json, texts[MM_CATALOG_SOURCE_LANE].at,
                                  "a source_summary exactly where the lane is not original");
    return check_boundary(r);
}

static int read_members(struct reading *r)
{
    bool first = true;
    if (mm_canonical_expect(&r->json, "{") < 0)
        return -1;
    for (int member = 0; member < MM_CATALOG_MEMBER_COUNT; member++) {
        if (mm_canonical_member(&r->json, mm_catalog_members[member], &first)) {
            if (read_member(r, (enum mm_catalog_member)member) < 0)
                return -1;
        } else if (members[member].need == ALWAYS) {
            return mm_canonical_fails(&r->json, r->json.at, mm_catalog_members[member]);
        }
    }
    if (mm_canonical_expect(&r->json, "}") < 0)
        return -1;
    return r->json.at == r->json.end ? 0 : mm_canonical_fails(&r->json, r->json.at, "the end of the line");
}

int mm_catalog_entry_read(struct mm_catalog_entry *entry, const char *line, size_t length, uint64_t number,
                          struct mm_diags *diags)
{
    struct reading r = {.json = {line, line, line + length, number, MM_RULE_CATALOG_ENTRY, diags}, .entry = entry};
    *entry = (struct mm_catalog_entry){0};
    if (length > MM_CATALOG_ENTRY_MAX)
        return mm_diag_line(diags, MM_RULE_CATALOG_ENTRY, number, 1, "expected an entry of at most %d bytes, found %zu",
                            MM_CATALOG_ENTRY_MAX, length);
    return read_members(&r) < 0 || check_ids(&r) < 0 || check_manifest_routes(&r) < 0 || check_rest(&r) < 0 ? -1 : 0;
}
