/* JSON artifacts: any, with two that say something of a model: config.json and a shard index. */
#include <string.h>

#include "base/checked.h"
#include "model/model.h"
#include "text/json.h"
#include "text/path.h"

#define INDEX_SUFFIX ".safetensors.index.json"

struct config {
    struct mm_model *model;
    struct mm_diags *diags;
    struct mm_json json;
};

static bool name_is(const struct mm_json *json, const char *name)
{
    return !json->cut && json->length == strlen(name) && memcmp(json->text, name, json->length) == 0;
}

static bool out_of_range(struct config *c, const char *name, const char *expected, enum mm_json_event event)
{
    mm_diag_offset(c->diags, MM_RULE_JSON_FACT, c->json.offset, "expected %s for %s", expected, name);
    return mm_json_skip(&c->json, event);
}

static bool read_architecture(struct config *c)
{
    enum mm_json_event event = mm_json_next(&c->json);
    if (event == MM_JSON_ERROR || event == MM_JSON_NULL)
        return event == MM_JSON_NULL;
    if (event != MM_JSON_STRING)
        return out_of_range(c, "model_type", "a string", event);
    mm_facts_set_architecture(&c->model->facts, c->json.text, c->json.cut ? 0 : c->json.length);
    return true;
}

static bool read_shape_fact(struct config *c, enum mm_shape which)
{
    struct mm_fact *fact = &c->model->facts.shape[which];
    enum mm_json_event event = mm_json_next(&c->json);
    if (event == MM_JSON_NUMBER) {
        if (!mm_number(c->json.text, c->json.length, MM_NUMBER_MAX, &fact->value))
            return out_of_range(c, mm_shape_names[which].config, "a whole number from 0 to 2^63-1", event);
        fact->state = MM_FACT_VALUE;
    } else if (event == MM_JSON_ARRAY) {
        fact->state = MM_FACT_ARRAY;
    } else if (event != MM_JSON_NULL && event != MM_JSON_ERROR) {
        return out_of_range(c, mm_shape_names[which].config, "a whole number", event);
    }
    return mm_json_skip(&c->json, event);
}

/* A member of config.json's outermost object; its name was just read. */
static bool read_fact(struct config *c)
{
    if (name_is(&c->json, "model_type"))
        return read_architecture(c);
    for (int i = 0; i < MM_SHAPE_COUNT; i++)
        if (name_is(&c->json, mm_shape_names[i].config))
            return read_shape_fact(c, i);
    return mm_json_skip(&c->json, mm_json_next(&c->json));
}

static size_t add_word(struct mm_model *model, const struct mm_json *json)
{
    size_t at = model->words.length;
    mm_buf_add(&model->words, json->text, json->length);
    mm_buf_char(&model->words, '\0');
    return at;
}

static bool wrong_index(struct config *c, const char *expected)
{
    mm_diag_offset(c->diags, MM_RULE_SET_INDEX, c->json.offset, "expected %s in a shard index", expected);
    return false;
}

/* "TENSOR": "FILE" pairs. */
static bool read_weight_map(struct config *c)
{
    struct mm_model *model = c->model;
    enum mm_json_event event = mm_json_next(&c->json);
    if (event != MM_JSON_OBJECT)
        return event != MM_JSON_ERROR && wrong_index(c, "an object as weight_map");
    while ((event = mm_json_next(&c->json)) == MM_JSON_KEY) {
        if (c->json.cut || strlen(c->json.text) != c->json.length)
            return wrong_index(c, "tensor names");
        if (!mm_grow(&model->shards, model->shard_count, &model->shard_capacity, sizeof *model->shards))
            return mm_diag_memory(c->diags) == 0;
        size_t tensor = add_word(model, &c->json);
        event = mm_json_next(&c->json);
        if (event != MM_JSON_STRING || c->json.cut || strlen(c->json.text) != c->json.length)
            return event != MM_JSON_ERROR && wrong_index(c, "file names");
        model->shards[model->shard_count++] = (struct mm_shard_entry){tensor, add_word(model, &c->json)};
        if (model->words.failed)
            return mm_diag_memory(c->diags) == 0;
    }
    return event != MM_JSON_ERROR;
}

static bool read_index_member(struct config *c)
{
    return name_is(&c->json, "weight_map") ? read_weight_map(c) : mm_json_skip(&c->json, mm_json_next(&c->json));
}

/* The outermost value: an object's members go to READ, anything else is passed over. */
static bool read_members(struct config *c, bool (*read)(struct config *))
{
    enum mm_json_event event = mm_json_next(&c->json);
    if (event != MM_JSON_OBJECT || !read) {
        if (!mm_json_skip(&c->json, event))
            return false;
    } else {
        while ((event = mm_json_next(&c->json)) == MM_JSON_KEY)
            if (!read(c))
                return false;
        if (event == MM_JSON_ERROR)
            return false;
    }
    return mm_json_next(&c->json) == MM_JSON_END;
}

bool mm_config_speaks(const char *base)
{
    return strcmp(base, "config.json") == 0 || mm_path_ends_in(base, INDEX_SUFFIX);
}

int mm_config_read(struct mm_source *source, const char *base, struct mm_model *model, struct mm_diags *diags)
{
    struct config c = {.model = model, .diags = diags};
    uint64_t errors = diags->errors, left = mm_source_left(source);
    bool (*read)(struct config *) = NULL;
    unsigned unique_depth = 0;
    model->format = MM_FORMAT_JSON;
    if (source->regular && left > MM_JSON_FILE_MAX)
        return mm_diag_offset(diags, MM_RULE_JSON_SIZE, MM_JSON_FILE_MAX,
                              "expected at most %u bytes of JSON, found %llu", MM_JSON_FILE_MAX,
                              (unsigned long long)left);
    if (strcmp(base, "config.json") == 0) {
        unique_depth = 1;
        read = read_fact;
    } else if (mm_path_ends_in(base, INDEX_SUFFIX)) {
        unique_depth = 2;
        read = read_index_member;
        model->is_index = true;
    }
    bool sound = mm_json_init(&c.json, source, MM_JSON_FILE_MAX, unique_depth, diags) == 0 && read_members(&c, read);
    if (sound && model->is_index && model->shard_count == 0)
        sound = wrong_index(&c, "a weight_map");
    mm_json_release(&c.json);
    return sound && diags->errors == errors ? 0 : -1;
}
