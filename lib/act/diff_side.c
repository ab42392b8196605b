/* A model as it is stored, to be compared: its files, read and validated; keys, tensors and other files by name. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/diff_parts.h"
#include "base/checked.h"
#include "text/json_tree.h"
#include "text/path.h"

/* Files of one folder at most; real models have 200. */
#define FILES_MAX 10000

/* ---- folders ---- */

void mm_names_release(struct mm_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    *names = (struct mm_names){0};
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* True if NAME in the open folder DIR is a file, or a link to one. What cannot be looked up counts as one: opening it says
 * why. */
static bool is_file(DIR *dir, const char *name)
{
    struct stat info;
    return fstatat(dirfd(dir), name, &info, 0) < 0 || S_ISREG(info.st_mode);
}

static int add_name(struct mm_names *names, const char *name, struct mm_diags *diags)
{
    if (names->count >= FILES_MAX)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "at most %d files of one folder are read", FILES_MAX);
    char *copy = NULL;
    if (!mm_grow(&names->items, names->count, &names->capacity, sizeof *names->items) ||
        asprintf(&copy, "%s", name) < 0)
        return mm_diag_memory(diags);
    names->items[names->count++] = copy;
    return 0;
}

int mm_names_list(struct mm_names *names, const char *path, struct mm_diags *diags)
{
    *names = (struct mm_names){0};
    DIR *dir = opendir(path);
    int result = 0;
    if (!dir)
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open the folder", errno);
    errno = 0;
    for (const struct dirent *entry; result == 0 && (entry = readdir(dir)); errno = 0)
        if (entry->d_name[0] != '.' && is_file(dir, entry->d_name))
            result = add_name(names, entry->d_name, diags);
    if (result == 0 && errno)
        result = mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read the folder", errno);
    closedir(dir);
    if (names->count)
        qsort(names->items, names->count, sizeof *names->items, by_text);
    return result;
}

/* The number of NAMES that end in SUFFIX, the last one in *LAST. */
static size_t count_suffix(const struct mm_names *names, const char *suffix, const char **last)
{
    size_t count = 0;
    for (size_t i = 0; i < names->count; i++)
        if (mm_path_ends_in_any_case(names->items[i], suffix)) {
            *last = names->items[i];
            count++;
        }
    return count;
}

static char *join(const char *folder, const char *name, struct mm_diags *diags)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) >= 0)
        return path;
    mm_diag_memory(diags);
    return NULL;
}

/* The path of what is to be read of the folder PATH: its one GGUF or .slm file, or itself. */
static char *locate_in_folder(const char *path, bool *folder, struct mm_diags *diags)
{
    struct mm_names names;
    const char *model = NULL;
    char *located = NULL;
    if (mm_names_list(&names, path, diags) == 0) {
        *folder = count_suffix(&names, ".safetensors", &model) > 0 ||
                  count_suffix(&names, ".gguf", &model) + count_suffix(&names, ".slm", &model) != 1;
        located = *folder ? strdup(path) : join(path, model, diags);
        if (*folder && !located)
            mm_diag_memory(diags);
    }
    mm_names_release(&names);
    return located;
}

/* 1 if the file PATH is of a format that holds a tokenizer, 0 if not; -1 with a finding. */
static int holds_tokenizer(const char *path, struct mm_diags *diags)
{
    unsigned char head[4] = {0};
    int fd = mm_file_open(path, diags);
    if (fd < 0)
        return -1;
    ssize_t length = pread(fd, head, sizeof head, 0);
    int holds = memcmp(head, "GGUF", sizeof head) == 0 || memcmp(head, mm_slm_magic, sizeof head) == 0;
    if (length < 0)
        holds = mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read", errno);
    close(fd);
    return holds;
}

/* The same for a folder that is no single file's. */
static int folder_holds_tokenizer(const char *path, struct mm_diags *diags)
{
    struct mm_names names;
    const char *ignored;
    int holds = mm_names_list(&names, path, diags);
    if (holds == 0)
        holds = count_suffix(&names, "tokenizer.json", &ignored) > 0 ||
                count_suffix(&names, "tokenizer.model", &ignored) > 0 || count_suffix(&names, ".gguf", &ignored) > 0;
    mm_names_release(&names);
    return holds;
}

char *mm_side_locate(const char *path, bool *folder, bool *lacks_tokenizer, struct mm_diags *diags)
{
    struct stat info;
    *folder = *lacks_tokenizer = false;
    if (stat(path, &info) < 0) {
        mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open", errno);
        return NULL;
    }
    char *located = S_ISDIR(info.st_mode) ? locate_in_folder(path, folder, diags) : strdup(path);
    if (!located && !S_ISDIR(info.st_mode))
        mm_diag_memory(diags);
    if (!located)
        return NULL;
    int holds = (*folder ? folder_holds_tokenizer : holds_tokenizer)(located, diags);
    *lacks_tokenizer = holds == 0;
    if (holds >= 0)
        return located;
    free(located);
    return NULL;
}

bool mm_side_is_safetensors(const char *path)
{
    struct mm_names names = {0};
    struct mm_diags ignored;
    const char *last;
    mm_diags_init(&ignored);
    size_t shards = mm_names_list(&names, path, &ignored) < 0 ? 0 : count_suffix(&names, ".safetensors", &last);
    mm_names_release(&names);
    mm_diags_release(&ignored);
    return shards > 0;
}

/* ---- files ---- */

static bool holds_tensors(enum mm_format format)
{
    return format == MM_FORMAT_GGUF || format == MM_FORMAT_SAFETENSORS || format == MM_FORMAT_SLM;
}

static int read_file(struct mm_side_file *file, bool folder, const struct mm_diff_options *options,
                     struct mm_diags *diags)
{
    const struct mm_artifact_options how = {
        .format = MM_FORMAT_DETECT,
        .chunk_size = MM_CHUNK_SIZE_MAX,
        .whole = true,
        .keep_pairs = true,
        .refusal_is_note = folder, /* a folder may hold one beside the model; its bytes are compared all the same */
        .progress = options->progress,
        .progress_context = options->progress_context,
    };
    file->fd = mm_file_open(file->path, diags);
    if (file->fd < 0)
        return -1;
    if (fstat(file->fd, &file->before) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read", errno);
    if (mm_artifact_read(file->fd, file->path, &how, &file->artifact, diags) < 0)
        return -1;
    if (file->artifact.model.pairs_lost)
        return mm_diag_memory(diags);
    file->tensors = holds_tensors(file->artifact.model.format);
    return file->artifact.valid || (folder && file->artifact.refused) ? 0 : -1;
}

/* Adds the file NAME of the folder, or the one file where NAME is NULL. */
static int add_file(struct mm_side *side, const char *name, const struct mm_diff_options *options,
                    struct mm_diags *diags)
{
    const char *shown = diags->file;
    struct mm_side_file added = {.name = "", .fd = -1};
    bool named =
        name ? asprintf(&added.path, "%s/%s", side->path, name) >= 0 : asprintf(&added.path, "%s", side->path) >= 0;
    if (!named)
        return mm_diag_memory(diags);
    if (!mm_grow(&side->files, side->file_count, &side->file_capacity, sizeof added)) {
        free(added.path);
        return mm_diag_memory(diags);
    }
    if (name)
        added.name = mm_path_name(added.path);
    struct mm_side_file *file = &side->files[side->file_count++];
    *file = added;
    diags->file = file->path;
    int result = read_file(file, side->folder, options, diags);
    diags->file = shown;
    if (file->fd >= 0 && !file->tensors) {
        close(file->fd);
        file->fd = -1;
    }
    return result;
}

static int add_folder(struct mm_side *side, const struct mm_diff_options *options, struct mm_diags *diags)
{
    struct mm_names names;
    int result = mm_names_list(&names, side->path, diags);
    for (size_t i = 0; result == 0 && i < names.count; i++)
        result = add_file(side, names.items[i], options, diags);
    mm_names_release(&names);
    return result;
}

/* ---- keys ---- */

/* Adds PAIR under its key, behind FILE and a colon unless that is "". */
static int add_key(struct mm_side *side, const char *file, const struct mm_pair *pair, struct mm_diags *diags)
{
    struct mm_side_key key = {.pair = pair};
    if (asprintf(&key.name, "%s%s%s", file, *file ? ":" : "", pair->key) < 0)
        return mm_diag_memory(diags);
    if (!mm_grow(&side->keys, side->key_count, &side->key_capacity, sizeof key)) {
        free(key.name);
        return mm_diag_memory(diags);
    }
    side->keys[side->key_count++] = key;
    return pair->value.failed ? mm_diag_memory(diags) : 0;
}

/* Appends VALUE as JSON, without white space. Trees are at most MM_JSON_DEPTH deep. */
static void render(const struct mm_json_tree *tree, const struct mm_json_value *value, struct mm_buf *out)
{
    bool object = value->kind == MM_JSON_OBJECT;
    switch (value->kind) {
    case MM_JSON_STRING: mm_buf_json(out, mm_json_text(tree, value), value->length); return;
    case MM_JSON_NUMBER: mm_buf_add(out, mm_json_text(tree, value), value->length); return;
    case MM_JSON_TRUE: mm_buf_str(out, "true"); return;
    case MM_JSON_FALSE: mm_buf_str(out, "false"); return;
    case MM_JSON_NULL: mm_buf_str(out, "null"); return;
    default: break;
    }
    mm_buf_char(out, object ? '{' : '[');
    const struct mm_json_value *child = mm_json_first(tree, value);
    for (const char *comma = ""; child; child = mm_json_following(tree, child), comma = ",") {
        mm_buf_str(out, comma);
        if (object) {
            mm_buf_json(out, mm_json_name(tree, child), child->name_length);
            mm_buf_char(out, ':');
        }
        render(tree, child, out);
    }
    mm_buf_char(out, object ? '}' : ']');
}

/* Passes on what says that a file could not be read, not what says that it is too large. Returns 0 if there is nothing. */
static int pass_on(const struct mm_diags *found, struct mm_diags *diags)
{
    for (size_t i = 0; i < found->count; i++)
        if (mm_rule_info(found->items[i].rule)->group == MM_GROUP_IO && found->items[i].rule != MM_RULE_IO_LIMIT)
            return mm_diag(diags, found->items[i].rule, "%s", found->items[i].text);
    return found->dropped ? mm_diag_memory(diags) : 0;
}

/* The members of config.json as pairs. What is no object, or too large for a tree, is compared as a file alone. */
static int take_settings(struct mm_side *side, const struct mm_side_file *file, struct mm_diags *diags)
{
    struct mm_json_tree tree = {0};
    struct mm_diags ignored;
    mm_diags_init(&ignored);
    int fd = mm_file_open(file->path, &ignored);
    const struct mm_json_value *child = NULL;
    if (fd >= 0 && mm_json_tree_read(&tree, fd, &ignored) == 0 && tree.values[0].kind == MM_JSON_OBJECT)
        child = mm_json_first(&tree, tree.values);
    for (; child; child = mm_json_following(&tree, child)) {
        struct mm_buf *value =
            mm_model_add_pair(&side->settings, mm_json_name(&tree, child), child->name_length, "json");
        if (value)
            render(&tree, child, value);
    }
    if (fd >= 0)
        close(fd);
    mm_json_tree_release(&tree);
    int result = pass_on(&ignored, diags);
    mm_diags_release(&ignored);
    return side->settings.pairs_lost ? mm_diag_memory(diags) : result;
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct mm_side_key *)a)->name, ((const struct mm_side_key *)b)->name);
}

static bool is_settings(const struct mm_side_file *file)
{
    return strcmp(mm_path_name(file->path), "config.json") == 0 && file->artifact.model.format == MM_FORMAT_JSON;
}

static int take_keys(struct mm_side *side, struct mm_diags *diags)
{
    size_t with_tensors = 0;
    int result = 0;
    for (size_t i = 0; i < side->file_count; i++)
        with_tensors += side->files[i].tensors;
    side->settings.keep_pairs = true;
    for (size_t i = 0; result == 0 && i < side->file_count; i++) {
        const struct mm_side_file *file = &side->files[i];
        const struct mm_model *model = &file->artifact.model;
        for (size_t k = 0; result == 0 && file->tensors && k < model->pair_count; k++)
            result = add_key(side, with_tensors > 1 ? file->name : "", &model->pairs[k], diags);
        if (result == 0 && is_settings(file))
            result = take_settings(side, file, diags);
    }
    for (size_t k = 0; result == 0 && k < side->settings.pair_count; k++)
        result = add_key(side, side->folder ? "config.json" : "", &side->settings.pairs[k], diags);
    if (side->key_count)
        qsort(side->keys, side->key_count, sizeof *side->keys, by_key);
    return result;
}

/* ---- tensors ---- */

static int by_tensor(const void *a, const void *b)
{
    return strcmp(((const struct mm_side_tensor *)a)->name, ((const struct mm_side_tensor *)b)->name);
}

static int take_tensors(struct mm_side *side, struct mm_diags *diags)
{
    size_t count = 0;
    for (size_t i = 0; i < side->file_count; i++)
        count += side->files[i].artifact.model.tensors.count;
    if (count == 0)
        return 0;
    side->tensors = mm_realloc_array(NULL, count, sizeof *side->tensors);
    if (!side->tensors)
        return mm_diag_memory(diags);
    for (size_t i = 0; i < side->file_count; i++) {
        const struct mm_tensors *tensors = &side->files[i].artifact.model.tensors;
        for (size_t k = 0; k < tensors->count; k++)
            side->tensors[side->tensor_count++] =
                (struct mm_side_tensor){mm_tensor_name(tensors, k), &side->files[i], k};
    }
    qsort(side->tensors, side->tensor_count, sizeof *side->tensors, by_tensor);
    return 0;
}

/* ---- all of it ---- */

int mm_side_open(struct mm_side *side, const char *path, const struct mm_diff_options *options, struct mm_diags *diags)
{
    bool ignored;
    *side = (struct mm_side){0};
    side->path = mm_side_locate(path, &side->folder, &ignored, diags);
    if (!side->path)
        return -1;
    int result = side->folder ? add_folder(side, options, diags) : add_file(side, NULL, options, diags);
    return result < 0 || take_keys(side, diags) < 0 ? -1 : take_tensors(side, diags);
}

void mm_side_release(struct mm_side *side)
{
    for (size_t i = 0; i < side->file_count; i++) {
        if (side->files[i].fd >= 0)
            close(side->files[i].fd);
        free(side->files[i].path);
        mm_artifact_release(&side->files[i].artifact);
    }
    for (size_t i = 0; i < side->key_count; i++)
        free(side->keys[i].name);
    free(side->path);
    free(side->files);
    free(side->keys);
    free(side->tensors);
    mm_model_release(&side->settings);
    *side = (struct mm_side){0};
}

enum mm_format mm_side_format(const struct mm_side *side)
{
    for (size_t i = 0; i < side->file_count; i++)
        if (side->files[i].tensors || !side->folder)
            return side->files[i].artifact.model.format;
    return MM_FORMAT_OPAQUE;
}

int mm_side_finish(const struct mm_side *side, struct mm_diags *diags)
{
    const char *shown = diags->file;
    int result = 0;
    for (size_t i = 0; i < side->file_count; i++) {
        const struct mm_side_file *file = &side->files[i];
        struct stat after;
        diags->file = file->path;
        if (file->fd >= 0 && (fstat(file->fd, &after) < 0 || !mm_file_same(&file->before, &after)))
            result = mm_diag(diags, MM_RULE_IO_CHANGED, "the file changed while it was read");
    }
    diags->file = shown;
    return result;
}
