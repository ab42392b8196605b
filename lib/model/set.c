#include "model/set.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "hash/name_set.h"
#include "text/path.h"

static bool same_folder(const char *a, const char *b)
{
    size_t length = mm_path_folder_length(a);
    return length == mm_path_folder_length(b) && memcmp(a, b, length) == 0;
}

/* The member called NAME in the folder of PATH, or NULL. Members are sorted by path. */
static const struct mm_member *beside(const struct mm_member *members, size_t count, const char *path, const char *name)
{
    size_t length = mm_path_folder_length(path), low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strncmp(members[middle].path, path, length);
        if (order == 0)
            order = strcmp(members[middle].path + length, name);
        if (order == 0)
            return &members[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool is_format(const struct mm_member *member, enum mm_format format)
{
    return member->artifact && member->artifact->model.format == format;
}

/* ---- facts ---- */

/* Whose architecture and shape count for a weights file: its own, or for safetensors those of config.json beside it. One
 * that was not read leaves the facts incomplete. */
static const struct mm_facts *shape_source(const struct mm_member *members, size_t count,
                                           const struct mm_member *weights, bool *complete)
{
    if (!is_format(weights, MM_FORMAT_SAFETENSORS))
        return &weights->artifact->model.facts;
    const struct mm_member *config = beside(members, count, weights->path, "config.json");
    if (config && !config->artifact)
        *complete = false;
    return config && config->artifact ? &config->artifact->model.facts : NULL;
}

static void state_shape(const struct mm_facts *source, struct mm_set_facts *facts)
{
    struct mm_buf shape = {0};
    strcpy(facts->architecture, source->architecture);
    facts->has_shape = mm_facts_shape(source, &shape) && shape.length < sizeof facts->shape;
    facts->failed = shape.failed;
    if (facts->has_shape && !shape.failed)
        memcpy(facts->shape, shape.data, shape.length + 1);
    mm_buf_release(&shape);
}

static void count_tensors(const struct mm_facts *own, struct mm_dtype_use dtypes[static MM_DTYPE_COUNT],
                          struct mm_set_facts *facts, bool *counted)
{
    *counted = *counted && mm_add(facts->parameters, own->parameters, &facts->parameters);
    for (int dtype = 0; dtype < MM_DTYPE_COUNT; dtype++) {
        dtypes[dtype].tensors += own->dtypes[dtype].tensors;
        dtypes[dtype].bytes += own->dtypes[dtype].bytes;
        facts->has_parameters = facts->has_parameters || own->dtypes[dtype].tensors > 0;
    }
}

/* Whose facts are the model's: the weights, or the adapters of a model that has no weights of its own. */
static enum mm_role speaking_role(const struct mm_member *members, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (members[i].role == MM_ROLE_WEIGHTS)
            return MM_ROLE_WEIGHTS;
    return MM_ROLE_ADAPTER;
}

void mm_set_facts(const struct mm_member *members, size_t count, struct mm_set_facts *facts)
{
    struct mm_dtype_use dtypes[MM_DTYPE_COUNT] = {0};
    bool stated = false, counted = true;
    enum mm_role role = speaking_role(members, count);
    *facts = (struct mm_set_facts){.complete = true, .stated_by = SIZE_MAX, .architecture = "unknown"};
    for (size_t i = 0; i < count; i++) {
        const struct mm_member *member = &members[i];
        if (member->role != role)
            continue;
        if (facts->stated_by == SIZE_MAX)
            facts->stated_by = i;
        if (!member->artifact) {
            facts->complete = false;
            continue;
        }
        const struct mm_facts *source = shape_source(members, count, member, &facts->complete);
        if (!stated && source && source->states_architecture) {
            stated = true;
            state_shape(source, facts);
        }
        if (role == MM_ROLE_WEIGHTS) /* parameters and quantization are the weights' alone */
            count_tensors(&member->artifact->model.facts, dtypes, facts, &counted);
    }
    facts->has_parameters = facts->has_parameters && counted;
    facts->quantization = mm_facts_quantization(dtypes);
}

/* ---- tokenizers ---- */

bool mm_set_tokenizer(const struct mm_member *members, size_t count, size_t which, struct mm_digest *digest)
{
    const struct mm_member *member = &members[which];
    *digest = (struct mm_digest){0};
    if (!member->artifact)
        return false;
    if (!is_format(member, MM_FORMAT_SAFETENSORS)) {
        *digest = member->artifact->model.facts.tokenizer;
        return true;
    }
    for (size_t i = 0; i < which; i++)
        if (is_format(&members[i], MM_FORMAT_SAFETENSORS) && same_folder(members[i].path, member->path))
            return true;
    const struct mm_member *tokenizer = beside(members, count, member->path, "tokenizer.json");
    if (!tokenizer)
        tokenizer = beside(members, count, member->path, "tokenizer.model");
    if (!tokenizer)
        return true;
    if (tokenizer->sha256) {
        digest->known = true;
        memcpy(digest->bytes, tokenizer->sha256, MM_HASH_BYTES);
    }
    return tokenizer->sha256 != NULL;
}

/* ---- split GGUF models ---- */

/* A merged model keeps the keys with a count of 0; it is no part. */
static bool is_part(const struct mm_member *member)
{
    return member->role == MM_ROLE_WEIGHTS && is_format(member, MM_FORMAT_GGUF) &&
           member->artifact->model.facts.split && member->artifact->model.facts.split_count > 1;
}

static int split_fails(struct mm_diags *diags, const struct mm_member *member, const char *expected, uint64_t found)
{
    return mm_diag(diags, MM_RULE_SET_SPLIT, "expected %s, found %" PRIu64 " in %s", expected, found, member->path);
}

/* Numbers of the parts: the same count in each, and each number once. */
static int check_numbers(const struct mm_member *members, size_t count, const struct mm_facts *first,
                         struct mm_diags *diags)
{
    uint64_t parts = 0;
    unsigned char *seen = calloc(1, count);
    int result = seen ? 0 : mm_diag_memory(diags);
    for (size_t i = 0; result == 0 && i < count; i++) {
        const struct mm_facts *facts = is_part(&members[i]) ? &members[i].artifact->model.facts : NULL;
        if (!facts)
            continue;
        parts++;
        if (facts->split_count != first->split_count)
            result = split_fails(diags, &members[i], "one split.count in all parts", facts->split_count);
        else if (facts->split_tensors != first->split_tensors)
            result = split_fails(diags, &members[i], "one split.tensors.count in all parts", facts->split_tensors);
        else if (facts->split_no >= facts->split_count)
            result = split_fails(diags, &members[i], "a split.no below split.count", facts->split_no);
        else if (facts->split_no < count && seen[facts->split_no]++)
            result = split_fails(diags, &members[i], "each split.no once", facts->split_no);
    }
    free(seen);
    if (result == 0 && parts != first->split_count)
        result =
            mm_diag(diags, MM_RULE_SET_SPLIT, "expected %" PRIu64 " parts, found %" PRIu64, first->split_count, parts);
    return result;
}

static int check_part_names(const struct mm_member *member, struct mm_name_set *names, struct mm_sha256 *sha,
                            struct mm_diags *diags)
{
    const struct mm_tensors *tensors = &member->artifact->model.tensors;
    char shown[MM_SHOWN];
    for (size_t i = 0; i < tensors->count; i++) {
        const char *name = mm_tensor_name(tensors, i);
        enum mm_name_added added = mm_name_set_add_text(names, sha, name, strlen(name));
        if (added == MM_NAME_KNOWN)
            return mm_diag(diags, MM_RULE_SET_SPLIT,
                           "expected tensor names that differ across parts, found '%s' again in %s",
                           mm_show(shown, name, strlen(name)), member->path);
        if (added == MM_NAME_MEMORY)
            return mm_diag_memory(diags);
    }
    return 0;
}

static int check_part_tensors(const struct mm_member *members, size_t count, const struct mm_facts *first,
                              struct mm_diags *diags)
{
    struct mm_name_set names = {0};
    struct mm_sha256 *sha = mm_sha256_new();
    int result = sha ? 0 : mm_diag_memory(diags);
    for (size_t i = 0; result == 0 && i < count; i++)
        if (is_part(&members[i]))
            result = check_part_names(&members[i], &names, sha, diags);
    if (result == 0 && names.count != first->split_tensors)
        result = mm_diag(diags, MM_RULE_SET_SPLIT, "expected %" PRIu64 " tensors in all parts, found %zu",
                         first->split_tensors, names.count);
    mm_name_set_release(&names);
    mm_sha256_free(sha);
    return result;
}

static int check_split(const struct mm_member *members, size_t count, bool *checked, struct mm_diags *diags)
{
    for (size_t i = 0; i < count; i++) {
        if (!is_part(&members[i]))
            continue;
        const struct mm_facts *first = &members[i].artifact->model.facts;
        *checked = true;
        return check_numbers(members, count, first, diags) < 0 ? -1 : check_part_tensors(members, count, first, diags);
    }
    return 0;
}

/* ---- shard indexes ---- */

/* Puts FILE-prefixed tensor names, "FILE<NUL>TENSOR", into one set, so that both sides compare by membership. */
static enum mm_name_added add_place(struct mm_name_set *set, struct mm_sha256 *sha, const char *file,
                                    const char *tensor)
{
    unsigned char digest[MM_HASH_BYTES];
    mm_sha256_update(sha, file, strlen(file) + 1);
    mm_sha256_update(sha, tensor, strlen(tensor));
    mm_sha256_take(sha, digest);
    return mm_name_set_add(set, digest, 0);
}

static bool is_shard(const struct mm_member *member, const char *index_path)
{
    return member->role == MM_ROLE_WEIGHTS && same_folder(member->path, index_path) &&
           (member->artifact ? is_format(member, MM_FORMAT_SAFETENSORS) : strstr(member->path, ".safetensors") != NULL);
}

static int index_fails(struct mm_diags *diags, const struct mm_member *index, const char *expected, const char *found)
{
    char shown[MM_SHOWN];
    return mm_diag(diags, MM_RULE_SET_INDEX, "%s: expected %s, found '%s'", index->path, expected,
                   mm_show(shown, found, strlen(found)));
}

/* Every tensor of the shards, as the files have them. */
static int add_shard(const struct mm_member *shard, struct mm_name_set *places, struct mm_sha256 *sha,
                     struct mm_diags *diags)
{
    const struct mm_tensors *tensors = &shard->artifact->model.tensors;
    for (size_t i = 0; i < tensors->count; i++)
        if (add_place(places, sha, shard->path + mm_path_folder_length(shard->path), mm_tensor_name(tensors, i)) ==
            MM_NAME_MEMORY)
            return mm_diag_memory(diags);
    return 0;
}

/* Takes the index's lines out of the shards' set, so to say: each has to be there, and together they have to be all. */
static int compare_index(const struct mm_member *members, size_t count, const struct mm_member *index,
                         struct mm_name_set *places, struct mm_sha256 *sha, struct mm_diags *diags)
{
    const struct mm_model *model = &index->artifact->model;
    size_t held = places->count;
    for (size_t i = 0; i < model->shard_count; i++) {
        const char *file = model->words.data + model->shards[i].file,
                   *tensor = model->words.data + model->shards[i].tensor;
        const struct mm_member *shard = beside(members, count, index->path, file);
        if (!shard || !is_shard(shard, index->path))
            return index_fails(diags, index, "files that are there", file);
        enum mm_name_added added = add_place(places, sha, file, tensor);
        if (added == MM_NAME_MEMORY)
            return mm_diag_memory(diags);
        if (added == MM_NAME_NEW)
            return index_fails(diags, index, "tensors that their file holds", tensor);
    }
    if (model->shard_count < held) /* names of the index differ, so fewer lines than tensors leave tensors out */
        return mm_diag(diags, MM_RULE_SET_INDEX, "%s: expected the %zu tensors of the files, found %zu", index->path,
                       held, model->shard_count);
    return 0;
}

/* The files that the index names, as a set. */
static int collect_files(const struct mm_model *index, struct mm_name_set *files, struct mm_sha256 *sha,
                         struct mm_diags *diags)
{
    for (size_t i = 0; i < index->shard_count; i++) {
        const char *file = index->words.data + index->shards[i].file;
        if (mm_name_set_add_text(files, sha, file, strlen(file)) == MM_NAME_MEMORY)
            return mm_diag_memory(diags);
    }
    return 0;
}

static int check_index(const struct mm_member *members, size_t count, const struct mm_member *index,
                       struct mm_diags *diags)
{
    struct mm_name_set places = {0}, files = {0};
    struct mm_sha256 *sha = mm_sha256_new();
    int result = sha ? collect_files(&index->artifact->model, &files, sha, diags) : mm_diag_memory(diags);
    for (size_t i = 0; result == 0 && i < count; i++) {
        const char *file = members[i].path + mm_path_folder_length(members[i].path);
        if (!is_shard(&members[i], index->path))
            continue;
        if (!mm_name_set_has(&files, sha, file, strlen(file)))
            result = index_fails(diags, index, "every weights file of its folder named", file);
        else if (members[i].artifact)
            result = add_shard(&members[i], &places, sha, diags);
    }
    if (result == 0)
        result = compare_index(members, count, index, &places, sha, diags);
    mm_name_set_release(&places);
    mm_name_set_release(&files);
    mm_sha256_free(sha);
    return result;
}

int mm_set_check(const struct mm_member *members, size_t count, bool *checked, struct mm_diags *diags)
{
    *checked = false;
    int result = check_split(members, count, checked, diags);
    for (size_t i = 0; i < count; i++) {
        if (!members[i].artifact || !members[i].artifact->model.is_index)
            continue;
        *checked = true;
        if (check_index(members, count, &members[i], diags) < 0)
            result = -1;
    }
    return result;
}
