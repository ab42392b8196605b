/* The chat templates of two models. An .slm holds none and the comparison in its terms does not see them, but a template is
 * code: one that was exchanged is what a derived model is poisoned with first. Each is known by its name and the SHA-256 of its
 * text, wherever it stands, so that a folder and a GGUF file made from it can be compared. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/diff_parts.h"
#include "base/checked.h"
#include "model/gguf_head.h"
#include "text/json.h"
#include "text/path.h"

/* The one that has no name of its own, and the list of the names of all others. */
#define DEFAULT "chat_template"
#define LIST "chat_templates"

/* Behind this prefix the keys of GGUF are the names that are used here. */
#define GGUF_PREFIX "tokenizer."

/* Bytes of a name in a list of templates; converters make keys of them. */
#define NAME_MAX_BYTES 255

/* Templates of one model; real ones have up to three. */
#define TEMPLATES_MAX 1000

/* What is known of the file that is read. */
struct collecting {
    struct mm_templates *templates;
    struct mm_diffing *d;
    const struct mm_derived_files *listed; /* the folder's files, whose hashes the evidence states */
};

void mm_templates_release(struct mm_templates *templates)
{
    for (size_t i = 0; i < templates->count; i++)
        free(templates->items[i].name);
    free(templates->items);
    *templates = (struct mm_templates){0};
}

/* Adds the template NAME. One that stands in two places is the same in both: else programs would take either. */
static int add(struct collecting *c, const char *name, size_t length, const unsigned char sha256[static MM_HASH_BYTES])
{
    struct mm_templates *templates = c->templates;
    char shown[MM_SHOWN];
    for (size_t i = 0; i < templates->count; i++)
        if (mm_bytes_compare(templates->items[i].name, strlen(templates->items[i].name), name, length) == 0)
            return memcmp(templates->items[i].sha256, sha256, MM_HASH_BYTES) == 0
                       ? 0
                       : mm_diag(c->d->diags, MM_RULE_DIFF_TERMS,
                                 "expected the '%s' that stands elsewhere in the model, found another one",
                                 mm_show(shown, name, length));
    if (templates->count >= TEMPLATES_MAX)
        return mm_diag(c->d->diags, MM_RULE_IO_LIMIT, "at most %d chat templates of one model are read", TEMPLATES_MAX);
    struct mm_template item = {.name = strndup(name, length)};
    if (!item.name || !mm_grow(&templates->items, templates->count, &templates->capacity, sizeof item)) {
        free(item.name);
        return mm_diag_memory(c->d->diags);
    }
    memcpy(item.sha256, sha256, MM_HASH_BYTES);
    templates->items[templates->count++] = item;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct mm_template *)a)->name, ((const struct mm_template *)b)->name);
}

/* ---- GGUF ---- */

/* One name of the list, its NUL included, so that two lists of other names differ. The list has no order of its own: its digest
 * is the sum, byte by byte, of those of its names. */
static void add_to_list(struct mm_sha256 *sha, const char *name, size_t length,
                        unsigned char list[static MM_HASH_BYTES])
{
    unsigned char digest[MM_HASH_BYTES];
    mm_sha256_update(sha, name, length);
    mm_sha256_update(sha, "", 1);
    mm_sha256_take(sha, digest);
    for (size_t i = 0; i < MM_HASH_BYTES; i++)
        list[i] = (unsigned char)(list[i] + digest[i]);
}

/* A text is known by its bytes; any other value, which no converter writes, by its type and bytes. */
static int add_pair(struct collecting *c, const struct mm_gguf_pair *pair, const char *name, size_t length)
{
    unsigned char digest[MM_HASH_BYTES] = {0};
    const unsigned char *at = NULL;
    const char *text;
    size_t size;
    if (length == strlen(LIST) && memcmp(name, LIST, length) == 0 && mm_gguf_pair_array(pair, MM_GGUF_STRING)) {
        while (mm_gguf_pair_string(pair, &at, &text, &size))
            add_to_list(c->d->sha_a, text, size, digest);
        return add(c, name, length, digest);
    }
    if (pair->type != MM_GGUF_STRING) {
        mm_sha256_update(c->d->sha_a, &pair->type, sizeof pair->type);
        mm_sha256_update(c->d->sha_a, &pair->element, sizeof pair->element);
    }
    mm_sha256_update(c->d->sha_a, pair->value, pair->size);
    mm_sha256_take(c->d->sha_a, digest);
    return add(c, name, length, digest);
}

/* Programs look for templates in the first part of a split model alone. */
static int take_pairs(struct collecting *c, const unsigned char *head, size_t length)
{
    struct mm_gguf_head walk;
    struct mm_gguf_pair pair;
    size_t before = c->templates->count, behind;
    uint64_t part = 0;
    int more = 0, result = mm_gguf_head_begin(&walk, head, length, c->d->diags);
    while (result == 0 && (more = mm_gguf_head_next(&walk, &pair, c->d->diags)) > 0) {
        const char *name = mm_gguf_pair_behind(&pair, GGUF_PREFIX, &behind);
        if (name && behind >= strlen(DEFAULT) && memcmp(name, DEFAULT, strlen(DEFAULT)) == 0)
            result = add_pair(c, &pair, name, behind);
        else if (mm_gguf_pair_is(&pair, "split.no") && !mm_gguf_pair_whole(&pair, &part))
            part = 0;
    }
    if (result == 0 && part > 0 && c->templates->count > before)
        result = mm_diag(c->d->diags, MM_RULE_DIFF_TERMS, "expected chat templates in the first part alone");
    return more < 0 ? -1 : result;
}

/* The header ends where the first of the file's tensors begins, or with the file. */
static uint64_t head_length(const struct mm_checkpoint *checkpoint, const struct mm_checkpoint_file *file)
{
    uint64_t length = (uint64_t)file->before.st_size;
    for (size_t i = 0; i < checkpoint->slm.tensor_count; i++)
        if (checkpoint->stored[i].fd == file->fd && checkpoint->stored[i].offset < length)
            length = checkpoint->stored[i].offset;
    return length;
}

static int take_gguf(struct collecting *c, const struct mm_checkpoint *checkpoint,
                     const struct mm_checkpoint_file *file)
{
    uint64_t length = head_length(checkpoint, file);
    unsigned char magic[4] = {0};
    if (file->fd < 0 || length < sizeof magic)
        return 0;
    if (mm_file_read_at(file->fd, 0, magic, sizeof magic, c->d->diags) < 0)
        return -1;
    if (memcmp(magic, "GGUF", sizeof magic) != 0)
        return 0;
    unsigned char *head = malloc(length);
    if (!head)
        return mm_diag_memory(c->d->diags);
    int result = mm_file_read_at(file->fd, 0, head, length, c->d->diags);
    if (result == 0)
        result = take_pairs(c, head, length);
    free(head);
    return result;
}

/* ---- folders ---- */

/* The name under which converters write the template NAME of a list: letters, digits and '_'. Returns OUT. */
static const char *name_in_gguf(char out[static NAME_MAX_BYTES + 32], const char *name)
{
    if (strcmp(name, "default") == 0)
        return strcpy(out, DEFAULT);
    int at = snprintf(out, NAME_MAX_BYTES + 32, DEFAULT ".%.*s", NAME_MAX_BYTES, name);
    for (char *c = out + strlen(DEFAULT) + 1; c < out + at; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9')))
            *c = '_';
    return out;
}

static int unknown_form(struct collecting *c)
{
    return mm_diag(
        c->d->diags, MM_RULE_DIFF_TERMS,
        "expected a text as chat_template, or a list of objects with name and template, found another value");
}

/* True if the name that was just read is NAME; it may hold NUL. */
static bool is_member(const struct mm_json *json, const char *name)
{
    return json->length == strlen(name) && memcmp(json->text, name, json->length) == 0;
}

/* One object of a list. Its first brace was read. */
static int take_named(struct collecting *c, struct mm_json *json, unsigned char list[static MM_HASH_BYTES])
{
    char name[NAME_MAX_BYTES + 1] = "", out[NAME_MAX_BYTES + 32];
    unsigned char digest[MM_HASH_BYTES];
    bool has_name = false, has_text = false;
    enum mm_json_event event;
    while ((event = mm_json_next(json)) == MM_JSON_KEY) {
        bool is_name = is_member(json, "name"), is_text = is_member(json, "template");
        json->strings = is_text ? c->d->sha_a : NULL;
        event = mm_json_next(json);
        json->strings = NULL;
        if (is_text && event == MM_JSON_STRING) {
            mm_sha256_take(c->d->sha_a, digest);
            has_text = true;
        } else if (is_name && event == MM_JSON_STRING && json->length <= NAME_MAX_BYTES) {
            has_name = json->length > 0 && strlen(json->text) == json->length;
            snprintf(name, sizeof name, "%s", json->text);
        } else if (is_name || is_text) {
            return event == MM_JSON_ERROR ? -1 : unknown_form(c);
        } else if (!mm_json_skip(json, event)) {
            return -1;
        }
    }
    if (event != MM_JSON_OBJECT_END)
        return -1;
    if (!has_name || !has_text)
        return unknown_form(c);
    name_in_gguf(out, name);
    if (strcmp(out, DEFAULT) != 0)
        add_to_list(c->d->sha_b, out + strlen(DEFAULT) + 1, strlen(out) - strlen(DEFAULT) - 1, list);
    return add(c, out, strlen(out), digest);
}

static int take_list(struct collecting *c, struct mm_json *json)
{
    static const unsigned char empty[MM_HASH_BYTES];
    unsigned char list[MM_HASH_BYTES] = {0};
    enum mm_json_event event;
    while ((event = mm_json_next(json)) == MM_JSON_OBJECT)
        if (take_named(c, json, list) < 0)
            return -1;
    if (event != MM_JSON_ARRAY_END)
        return event == MM_JSON_ERROR ? -1 : unknown_form(c);
    return memcmp(list, empty, sizeof list) == 0 ? 0 : add(c, LIST, strlen(LIST), list);
}

/* The value of chat_template, wherever it stands in a file. */
static int take_value(struct collecting *c, struct mm_json *json)
{
    unsigned char digest[MM_HASH_BYTES];
    json->strings = c->d->sha_a;
    enum mm_json_event event = mm_json_next(json);
    json->strings = NULL;
    if (event == MM_JSON_STRING) {
        mm_sha256_take(c->d->sha_a, digest);
        return add(c, DEFAULT, strlen(DEFAULT), digest);
    }
    if (event == MM_JSON_ARRAY)
        return take_list(c, json);
    return event == MM_JSON_NULL ? 0 : event == MM_JSON_ERROR ? -1 : unknown_form(c);
}

/* The members of one object; what is none has no templates. */
static int take_members(struct collecting *c, struct mm_json *json)
{
    enum mm_json_event event = mm_json_next(json);
    if (event != MM_JSON_OBJECT)
        return mm_json_skip(json, event) ? 0 : -1;
    while ((event = mm_json_next(json)) == MM_JSON_KEY) {
        if (is_member(json, DEFAULT) ? take_value(c, json) < 0 : !mm_json_skip(json, mm_json_next(json)))
            return -1;
    }
    return event == MM_JSON_OBJECT_END && mm_json_next(json) == MM_JSON_END ? 0 : -1;
}

static void hash_bytes(void *sha, const unsigned char *bytes, size_t length)
{
    mm_sha256_update(sha, bytes, length);
}

static int take_source(struct collecting *c, int fd, const unsigned char sha256[static MM_HASH_BYTES])
{
    struct mm_sha256 *sha = mm_sha256_new();
    struct mm_source source = {0};
    struct mm_json json = {0};
    unsigned char digest[MM_HASH_BYTES];
    int result = sha ? mm_source_open(&source, fd, c->d->diags) : mm_diag_memory(c->d->diags);
    source.sink = hash_bytes;
    source.sink_context = sha;
    if (result == 0)
        result = mm_json_init(&json, &source, MM_JSON_FILE_MAX, MM_JSON_DEPTH, c->d->diags);
    if (result == 0)
        result = take_members(c, &json);
    if (result == 0 || source.error)
        result = mm_source_finish(&source, c->d->diags);
    if (result == 0) {
        mm_sha256_take(sha, digest);
        if (memcmp(digest, sha256, MM_HASH_BYTES) != 0)
            result = mm_diag(c->d->diags, MM_RULE_IO_CHANGED, "the file changed while it was read");
    }
    mm_json_release(&json);
    mm_source_release(&source);
    mm_sha256_free(sha);
    return result;
}

static int take_json(struct collecting *c, const char *folder, const struct mm_derived_file *file)
{
    char *path = NULL;
    const char *shown = c->d->diags->file;
    if (asprintf(&path, "%s/%s", folder, file->name) < 0)
        return mm_diag_memory(c->d->diags);
    c->d->diags->file = path;
    int fd = mm_file_open(path, c->d->diags);
    int result = fd < 0 ? -1 : take_source(c, fd, file->sha256);
    if (fd >= 0)
        close(fd);
    c->d->diags->file = shown;
    free(path);
    return result;
}

/* The files of a folder that can hold templates, as the evidence lists them. */
static int take_folder(struct collecting *c, const char *folder)
{
    char *path = NULL;
    if (asprintf(&path, "%s/additional_chat_templates", folder) < 0)
        return mm_diag_memory(c->d->diags);
    bool more = access(path, F_OK) == 0;
    free(path);
    if (more)
        return mm_diag(c->d->diags, MM_RULE_DIFF_TERMS,
                       "expected chat templates in files of the folder itself, found additional_chat_templates in it");
    for (size_t i = 0; i < c->listed->count; i++) {
        const struct mm_derived_file *file = &c->listed->items[i];
        int result = 0;
        if (strcmp(file->name, "chat_template.jinja") == 0)
            result = add(c, DEFAULT, strlen(DEFAULT), file->sha256);
        else if (strcmp(file->name, "chat_template.json") == 0 || strcmp(file->name, "tokenizer_config.json") == 0 ||
                 strcmp(file->name, "config.json") == 0)
            result = take_json(c, folder, file);
        if (result < 0)
            return -1;
    }
    return 0;
}

int mm_templates_read(struct mm_diffing *d, struct mm_templates *templates, const char *path, bool folder,
                      const struct mm_checkpoint *checkpoint, const struct mm_derived_files *listed)
{
    struct collecting c = {.templates = templates, .d = d, .listed = listed};
    const char *shown = d->diags->file;
    int result = 0;
    for (size_t i = 0; result == 0 && i < checkpoint->file_count; i++) {
        d->diags->file = checkpoint->files[i].path;
        result = take_gguf(&c, checkpoint, &checkpoint->files[i]);
    }
    d->diags->file = path;
    if (result == 0 && folder)
        result = take_folder(&c, path);
    d->diags->file = shown;
    if (templates->count)
        qsort(templates->items, templates->count, sizeof *templates->items, by_name);
    return result;
}

/* ---- comparing ---- */

/* 1 if a --drop names the template NAME, as GGUF calls it or as folders call all of them; 0 if not; -1 with a finding. */
static int is_dropped(struct mm_diffing *d, const char *name)
{
    char *key = NULL;
    int dropped = 0;
    if (asprintf(&key, GGUF_PREFIX "%s", name) < 0)
        return mm_diag_memory(d->diags);
    for (size_t i = 0; i < d->options->drop_count && !dropped; i++)
        dropped =
            mm_derived_drop_names(d->options->drop[i], key) || mm_derived_drop_names(d->options->drop[i], DEFAULT);
    free(key);
    return dropped;
}

static void show(struct mm_buf *buf, const struct mm_template *item)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, item->sha256, MM_HASH_BYTES);
    mm_buf_printf(buf, "sha256:%s", hex);
}

/* The template NAME of A, of B, or of both. */
static int compare_one(struct mm_diffing *d, const struct mm_template *a, const struct mm_template *b,
                       enum mm_derived_template *word)
{
    const char *name = a ? a->name : b ? b->name : "";
    enum mm_diff_how how = !a ? MM_DIFF_ADDED : MM_DIFF_CHANGED;
    if (a && b && memcmp(a->sha256, b->sha256, MM_HASH_BYTES) == 0) {
        if (*word == MM_DERIVED_TEMPLATE_NONE)
            *word = MM_DERIVED_TEMPLATE_EQUAL;
        return 0;
    }
    if (!b) {
        int dropped = is_dropped(d, name);
        if (dropped < 0)
            return -1;
        how = dropped ? MM_DIFF_LEFT_OUT : MM_DIFF_MISSING;
    }
    if (how != MM_DIFF_LEFT_OUT)
        *word = MM_DERIVED_TEMPLATE_DIFFERS;
    else if (*word != MM_DERIVED_TEMPLATE_DIFFERS)
        *word = MM_DERIVED_TEMPLATE_LEFT_OUT;
    if (a)
        show(&d->a, a);
    if (b)
        show(&d->b, b);
    return mm_diff_add(d, MM_DIFF_TEMPLATE, name, how);
}

int mm_templates_compare(struct mm_diffing *d, const struct mm_templates *a, const struct mm_templates *b,
                         enum mm_derived_template *word)
{
    int result = 0;
    *word = MM_DERIVED_TEMPLATE_NONE;
    for (size_t i = 0, k = 0; result == 0 && (i < a->count || k < b->count);) {
        int order = i == a->count ? 1 : k == b->count ? -1 : strcmp(a->items[i].name, b->items[k].name);
        result = compare_one(d, order <= 0 ? &a->items[i] : NULL, order >= 0 ? &b->items[k] : NULL, word);
        i += order <= 0;
        k += order >= 0;
    }
    return result;
}
