/* From bytes to entries and groups, with the rules that one line or its neighbours break. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/file.h"
#include "doc/manifest.h"
#include "hash/name_set.h"
#include "text/line.h"

#define KEY_SHOWN(entry) (int)(entry)->key_length, (entry)->key

void mm_manifest_release(struct mm_manifest *manifest)
{
    free(manifest->text);
    free(manifest->entries);
    free(manifest->groups);
    mm_sha256_free(manifest->sha);
    *manifest = (struct mm_manifest){0};
}

/* The kind of LINE, which stands behind a line of the kind BEFORE. */
static int key_kind(const struct mm_line *line, int before)
{
    if (line->key_length > 2 && memcmp(line->key, "x-", 2) == 0)
        return MM_ENTRY_X;
    return mm_field_of_from((enum mm_field)(before < 0 ? 0 : before), line->key, line->key_length);
}

static void check_value(const struct mm_line *line, struct mm_entry *entry, struct mm_diags *diags)
{
    struct mm_value_fault fault = {0};
    char shown[MM_SHOWN];
    if (entry->field == MM_ENTRY_UNKNOWN) {
        mm_diag_line(diags, MM_RULE_MANIFEST_FIELD_UNKNOWN, line->number, 1,
                     "expected a key of the table or one that begins with x-, found '%s'",
                     mm_show(shown, line->key, line->key_length));
        return;
    }
    if (entry->field < 0 || !entry->sound || mm_field_check(entry->field, line->value, line->value_length, &fault))
        return;
    entry->sound = false;
    mm_diag_line(diags, fault.rule, line->number, mm_line_value_column(line) + fault.at, "expected %s, found '%s'",
                 fault.expected, mm_show(shown, line->value + fault.at, line->value_length - fault.at));
}

static int add_group(struct mm_manifest *manifest, struct mm_diags *diags)
{
    if (!mm_grow(&manifest->groups, manifest->group_count, &manifest->group_capacity, sizeof *manifest->groups))
        return mm_diag_memory(diags);
    manifest->groups[manifest->group_count++] = (struct mm_group){manifest->count, 0};
    return 0;
}

static int add_entry(struct mm_manifest *manifest, const struct mm_line *line, struct mm_diags *diags)
{
    int before = manifest->count ? manifest->entries[manifest->count - 1].field : 0;
    struct mm_entry entry = {.field = key_kind(line, before),
                             .key = line->key,
                             .value = line->value,
                             .key_length = line->key_length,
                             .value_length = line->value_length,
                             .line = line->number,
                             .sound = line->sound};
    if (line->key_length == 0)
        return 0;
    if (entry.field == MM_FIELD_ARTIFACT && add_group(manifest, diags) < 0)
        return -1;
    check_value(line, &entry, diags);
    if (!mm_grow(&manifest->entries, manifest->count, &manifest->capacity, sizeof *manifest->entries))
        return mm_diag_memory(diags);
    manifest->entries[manifest->count++] = entry;
    manifest->groups[manifest->group_count - 1].count++;
    return 0;
}

static bool in_section(const struct mm_entry *entry, bool artifact)
{
    return entry->field == MM_ENTRY_X ? !artifact : mm_field_is_artifact(entry->field) == artifact;
}

static int compare_keys(const struct mm_entry *a, const struct mm_entry *b)
{
    return mm_bytes_compare(a->key, a->key_length, b->key, b->key_length);
}

static int compare_values(const struct mm_entry *a, const struct mm_entry *b)
{
    return mm_bytes_compare(a->value, a->value_length, b->value, b->value_length);
}

/* True if ENTRY has to stand behind BEFORE, both of one section, and is not its equal. */
static bool belongs_behind(const struct mm_entry *before, const struct mm_entry *entry)
{
    int rank = mm_entry_rank(entry), rank_before = mm_entry_rank(before);
    if (rank != rank_before)
        return rank > rank_before;
    if (entry->field == MM_ENTRY_X)
        return compare_keys(before, entry) < 0;
    return mm_entry_is_many(entry) && compare_values(before, entry) < 0;
}

/* True if each line of the group belongs to its section and behind the line before it: then no two of them are equal either, and
 * check_order and check_equal have nothing to find. */
static bool in_strict_order(const struct mm_manifest *manifest, size_t which)
{
    const struct mm_group *group = &manifest->groups[which];
    for (size_t i = group->first; i < group->first + group->count; i++) {
        const struct mm_entry *entry = &manifest->entries[i];
        if (entry->field == MM_ENTRY_UNKNOWN || !in_section(entry, which > 0) ||
            (i > group->first && !belongs_behind(entry - 1, entry)))
            return false;
    }
    return true;
}

/* ENTRY stands right behind BEFORE, both of one section. */
static void check_neighbours(const struct mm_entry *before, const struct mm_entry *entry, struct mm_diags *diags)
{
    if (mm_entry_rank(entry) < mm_entry_rank(before)) {
        mm_diag_line(diags, MM_RULE_MANIFEST_FIELD_ORDER, entry->line, 1, "expected '%.*s' above '%.*s'",
                     KEY_SHOWN(entry), KEY_SHOWN(before));
        return;
    }
    if (mm_entry_rank(entry) > mm_entry_rank(before))
        return;
    bool many = mm_entry_is_many(entry);
    if (!many && entry->field != MM_ENTRY_X)
        return; /* a repeated field, reported as such */
    int order = many ? compare_values(before, entry) : compare_keys(before, entry);
    if (order > 0)
        mm_diag_line(diags, MM_RULE_MANIFEST_MANY_ORDER, entry->line, 1, "expected lines of '%.*s' sorted bytewise",
                     KEY_SHOWN(entry));
}

/* Equal lines of a repeated field, wherever they stand in the group. */
static void check_equal(const struct mm_manifest *manifest, const struct mm_group *group, struct mm_diags *diags)
{
    struct mm_name_set lines = {0};
    struct mm_sha256 *sha = mm_sha256_new();
    for (size_t i = group->first; sha && i < group->first + group->count; i++) {
        const struct mm_entry *entry = &manifest->entries[i];
        if (!mm_entry_is_many(entry))
            continue;
        size_t length = (size_t)(entry->value + entry->value_length - entry->key);
        enum mm_name_added added = mm_name_set_add_text(&lines, sha, entry->key, length);
        if (added == MM_NAME_MEMORY)
            mm_diag_memory(diags);
        if (added == MM_NAME_KNOWN)
            mm_diag_line(diags, MM_RULE_MANIFEST_MANY_EQUAL, entry->line, 1,
                         "expected lines of '%.*s' that differ, found two equal ones", KEY_SHOWN(entry));
    }
    if (!sha)
        mm_diag_memory(diags);
    mm_sha256_free(sha);
    mm_name_set_release(&lines);
}

/* What stood in a group so far: the first line of each field, and the keys of x- fields. */
struct seen {
    uint64_t line[MM_FIELD_COUNT];
    struct mm_name_set keys;
    struct mm_sha256 *sha;
};

static void check_repeated(const struct mm_entry *entry, struct seen *seen, struct mm_diags *diags)
{
    if (entry->field == MM_ENTRY_X) {
        enum mm_name_added added = mm_name_set_add_text(&seen->keys, seen->sha, entry->key, entry->key_length);
        if (added == MM_NAME_MEMORY)
            mm_diag_memory(diags);
        if (added == MM_NAME_KNOWN)
            mm_diag_line(diags, MM_RULE_MANIFEST_FIELD_REPEATED, entry->line, 1, "expected '%.*s' once, found it again",
                         KEY_SHOWN(entry));
        return;
    }
    if (mm_entry_is_many(entry))
        return;
    if (seen->line[entry->field])
        mm_diag_line(diags, MM_RULE_MANIFEST_FIELD_REPEATED, entry->line, 1,
                     "expected '%.*s' once, found it again (first in line %" PRIu64 ")", KEY_SHOWN(entry),
                     seen->line[entry->field]);
    else
        seen->line[entry->field] = entry->line;
}

static void check_group(const struct mm_manifest *manifest, size_t which, struct seen *seen, struct mm_diags *diags)
{
    const struct mm_group *group = &manifest->groups[which];
    const struct mm_entry *before = NULL;
    for (size_t i = group->first; i < group->first + group->count; i++) {
        const struct mm_entry *entry = &manifest->entries[i];
        if (entry->field == MM_ENTRY_UNKNOWN)
            continue;
        if (!in_section(entry, which > 0)) {
            mm_diag_line(diags, MM_RULE_MANIFEST_FIELD_SECTION, entry->line, 1, "expected '%.*s' %s", KEY_SHOWN(entry),
                         which > 0 ? "before the first artifact" : "behind an artifact");
            continue;
        }
        check_repeated(entry, seen, diags);
        if (before)
            check_neighbours(before, entry, diags);
        before = entry;
    }
}

static void check_order(const struct mm_manifest *manifest, size_t which, struct mm_diags *diags)
{
    struct seen seen = {.sha = mm_sha256_new()};
    if (seen.sha)
        check_group(manifest, which, &seen, diags);
    else
        mm_diag_memory(diags);
    mm_name_set_release(&seen.keys);
    mm_sha256_free(seen.sha);
}

/* The line that should follow FIELD, were it there. */
static uint64_t line_after(const struct mm_manifest *manifest, size_t which, enum mm_field field)
{
    const struct mm_group *group = &manifest->groups[which];
    for (size_t i = group->first; i < group->first + group->count; i++) {
        const struct mm_entry *entry = &manifest->entries[i];
        if (entry->field != MM_ENTRY_UNKNOWN && in_section(entry, which > 0) && mm_entry_rank(entry) > (int)field)
            return entry->line;
    }
    size_t next = group->first + group->count;
    return next < manifest->count ? manifest->entries[next].line : manifest->last_line + 1;
}

static void check_missing(const struct mm_manifest *manifest, size_t which, struct mm_diags *diags)
{
    const struct mm_group *group = &manifest->groups[which];
    bool seen[MM_FIELD_COUNT] = {false};
    for (size_t i = group->first; i < group->first + group->count; i++)
        if (manifest->entries[i].field >= 0)
            seen[manifest->entries[i].field] = true;
    for (int field = which ? MM_FIELD_FIRST_OF_ARTIFACT : 0;
         field < (which ? MM_FIELD_COUNT : MM_FIELD_FIRST_OF_ARTIFACT); field++)
        if (mm_fields[field].often == MM_OFTEN_ONCE && !seen[field])
            mm_diag_line(diags, MM_RULE_MANIFEST_FIELD_MISSING, line_after(manifest, which, field), 1,
                         "expected '%s' here, found none", mm_fields[field].key);
}

static int read_lines(struct mm_manifest *manifest, struct mm_diags *diags)
{
    struct mm_lines lines;
    struct mm_line line;
    if (mm_lines_begin(&lines, manifest->text, manifest->length, MM_MANIFEST_TYPE, diags) < 0 ||
        add_group(manifest, diags) < 0)
        return -1;
    while (mm_lines_next(&lines, &line, diags))
        if (add_entry(manifest, &line, diags) < 0)
            return -1;
    manifest->last_line = lines.number;
    for (size_t i = 0; i < manifest->group_count; i++) {
        if (!in_strict_order(manifest, i)) {
            check_order(manifest, i, diags);
            check_equal(manifest, &manifest->groups[i], diags);
        }
        check_missing(manifest, i, diags);
    }
    if (manifest->group_count == 1)
        mm_diag_line(diags, MM_RULE_MANIFEST_FIELD_MISSING, manifest->last_line + 1, 1,
                     "expected 'artifact' here, found none");
    return 0;
}

static int by_position(const void *a, const void *b)
{
    const struct mm_diag *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    return x->column < y->column ? -1 : x->column > y->column;
}

/* Takes TEXT over into MANIFEST, whose memory is used again, and makes sure of its means to hash. */
static int copy_text(struct mm_manifest *manifest, const char *text, size_t length, struct mm_diags *diags)
{
    if (length >= manifest->text_capacity) {
        free(manifest->text);
        manifest->text = malloc(length + 1);
        manifest->text_capacity = manifest->text ? length + 1 : 0;
    }
    if (!manifest->sha)
        manifest->sha = mm_sha256_new();
    if (!manifest->text || !manifest->sha)
        return mm_diag_memory(diags);
    memcpy(manifest->text, text, length);
    manifest->text[length] = '\0';
    manifest->length = length;
    return 0;
}

static int read_text(struct mm_manifest *manifest, struct mm_diags *diags)
{
    uint64_t errors = diags->errors;
    size_t first = diags->count;
    if (manifest->length > MM_MANIFEST_MAX)
        return mm_diag_line(diags, MM_RULE_TEXT_SIZE, 1, 1, "expected a manifest of at most %d bytes, found %zu",
                            MM_MANIFEST_MAX, manifest->length);
    if (read_lines(manifest, diags) == 0)
        mm_manifest_check(manifest, manifest->sha, diags);
    if (diags->count > first)
        qsort(diags->items + first, diags->count - first, sizeof *diags->items, by_position);
    manifest->valid = diags->errors == errors;
    return manifest->valid ? 0 : -1;
}

int mm_manifest_lint(struct mm_manifest *manifest, const char *text, size_t length, struct mm_diags *diags)
{
    manifest->length = manifest->count = manifest->group_count = 0;
    manifest->last_line = 0;
    manifest->valid = false;
    return copy_text(manifest, text, length, diags) < 0 ? -1 : read_text(manifest, diags);
}

int mm_manifest_read(struct mm_manifest *manifest, const char *text, size_t length, struct mm_diags *diags)
{
    *manifest = (struct mm_manifest){0};
    if (copy_text(manifest, text, length, diags) < 0)
        return -1;
    mm_sha256_once(manifest->sha, text, length, manifest->sha256);
    int result = read_text(manifest, diags);
    mm_sha256_free(manifest->sha); /* many may be held */
    manifest->sha = NULL;
    return result;
}

int mm_manifest_read_file(struct mm_manifest *manifest, int fd, struct mm_diags *diags)
{
    struct mm_buf text = {0};
    *manifest = (struct mm_manifest){0};
    int result = mm_file_read_all(fd, MM_MANIFEST_MAX, &text, diags);
    if (result > 0)
        result = mm_diag_line(diags, MM_RULE_TEXT_SIZE, 1, 1, "expected a manifest of at most %d bytes, found more",
                              MM_MANIFEST_MAX);
    else if (result == 0)
        result = mm_manifest_read(manifest, text.data ? text.data : "", text.length, diags);
    mm_buf_release(&text);
    return result;
}

const struct mm_entry *mm_manifest_get(const struct mm_manifest *manifest, size_t which, enum mm_field field)
{
    if (which >= manifest->group_count)
        return NULL;
    const struct mm_group *group = &manifest->groups[which];
    for (size_t i = group->first; i < group->first + group->count; i++)
        if (manifest->entries[i].field == (int)field && manifest->entries[i].sound)
            return &manifest->entries[i];
    return NULL;
}

const char *mm_manifest_text(const struct mm_manifest *manifest, size_t group, enum mm_field field, char *out)
{
    const struct mm_entry *entry = mm_manifest_get(manifest, group, field);
    size_t length = entry ? entry->value_length : 0;
    if (length)
        memcpy(out, entry->value, length);
    out[length] = '\0';
    return out;
}

bool mm_entry_is(const struct mm_entry *entry, const char *word)
{
    return entry->value_length == strlen(word) && memcmp(entry->value, word, entry->value_length) == 0;
}

static uint64_t number_of(const struct mm_manifest *manifest, size_t group, enum mm_field field)
{
    const struct mm_entry *entry = mm_manifest_get(manifest, group, field);
    uint64_t value = 0;
    if (entry)
        mm_number(entry->value, entry->value_length, MM_NUMBER_MAX, &value);
    return value;
}

static struct mm_digest digest_of(const struct mm_manifest *manifest, size_t group, enum mm_field field)
{
    const struct mm_entry *entry = mm_manifest_get(manifest, group, field);
    struct mm_digest digest = {0};
    if (entry)
        digest.known = mm_hex_hash(entry->value, entry->value_length, digest.bytes);
    return digest;
}

void mm_manifest_claim(const struct mm_manifest *manifest, size_t group, struct mm_claim *claim)
{
    char text[MM_VALUE_MAX + 1];
    *claim = (struct mm_claim){
        .tokenizer = digest_of(manifest, group, MM_FIELD_TOKENIZER_SHA256),
        .chat_template = digest_of(manifest, group, MM_FIELD_CHAT_TEMPLATE_SHA256),
        .layout = digest_of(manifest, group, MM_FIELD_TENSOR_LAYOUT_SHA256),
        .chunk_list = digest_of(manifest, group, MM_FIELD_CHUNK_LIST_SHA256),
        .chunk_list_route = mm_manifest_get(manifest, group, MM_FIELD_CHUNK_LIST_ROUTE),
        .chunks = {.bytes = number_of(manifest, group, MM_FIELD_ARTIFACT_BYTES),
                   .size = number_of(manifest, group, MM_FIELD_CHUNK_SIZE),
                   .count = number_of(manifest, group, MM_FIELD_CHUNK_COUNT),
                   .has_sha256 = true},
    };
    struct mm_digest sha256 = digest_of(manifest, group, MM_FIELD_ARTIFACT_SHA256);
    struct mm_digest root = digest_of(manifest, group, MM_FIELD_MERKLE_ROOT);
    memcpy(claim->chunks.sha256, sha256.bytes, MM_HASH_BYTES);
    memcpy(claim->chunks.root, root.bytes, MM_HASH_BYTES);
    mm_manifest_text(manifest, group, MM_FIELD_ARTIFACT, text);
    memcpy(claim->path, text, strlen(text) < sizeof claim->path ? strlen(text) : sizeof claim->path - 1);
    mm_manifest_text(manifest, group, MM_FIELD_ARTIFACT_ROLE, text);
    claim->role = (enum mm_role)mm_role_of(text, strlen(text));
    mm_manifest_text(manifest, group, MM_FIELD_ARTIFACT_FORMAT, text);
    claim->format = (enum mm_format)mm_format_of(text, strlen(text));
}

bool mm_claim_list_ends_in(const struct mm_claim *claim, const char *ending)
{
    const struct mm_entry *route = claim->chunk_list_route;
    size_t length = strlen(ending);
    return route && route->value_length > length &&
           memcmp(route->value + route->value_length - length, ending, length) == 0;
}
