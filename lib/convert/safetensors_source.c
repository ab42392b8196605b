/* A model from a folder as Hugging Face's transformers write it: config.json, model.safetensors or the shards that an index
 * names, and a tokenizer. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/number.h"
#include "convert/llama_config.h"
#include "convert/sources.h"
#include "model/set.h"
#include "text/json_tree.h"
#include "text/path.h"

#define INDEX_NAME "model.safetensors.index.json"
#define WHOLE_NAME "model.safetensors"

/* Each shard is an open file; the largest models have 200. */
#define SHARDS_MAX 1000

/* As many as config.json can state, and 0. */
#define BLOCKS 65536

struct shard {
    struct mm_artifact artifact;
    const char *path; /* the checkpoint's */
    int fd;
};

struct reading {
    struct mm_checkpoint *checkpoint;
    const char *folder;
    const struct mm_checkpoint_options *options;
    struct mm_diags *diags;
    struct mm_llama_config config;
    struct shard *shards;
    size_t shard_count, shard_capacity;
    uint64_t found[MM_LLAMA_TENSORS]; /* how many blocks have each */
    unsigned char *has;               /* for each, a bit for each of BLOCKS blocks */
    uint64_t rotations;               /* tensors that follow from the facts */
    const struct shard *head_shard;   /* of an output matrix that has to be the embedding */
    const struct mm_tensor *head;
    bool failed; /* a finding was added, and the next can still be looked for */
};

/* FOLDER/NAME, which the caller frees, or NULL with a finding. */
static char *path_of(const struct reading *r, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", r->folder, name) >= 0)
        return path;
    mm_diag_memory(r->diags);
    return NULL;
}

/* 1 if FOLDER/NAME is there, 0 if not; -1 with a finding. What cannot be looked up counts as there: opening it says why. */
static int is_there(const struct reading *r, const char *name)
{
    char *path = path_of(r, name);
    int there = !path ? -1 : access(path, F_OK) == 0 || errno != ENOENT;
    free(path);
    return there;
}

/* Opens FOLDER/NAME and validates it; diags->file names it from here on. */
static int add_file(struct reading *r, const char *name, int format, struct mm_artifact *artifact)
{
    char *path = path_of(r, name);
    *artifact = (struct mm_artifact){0};
    if (!path)
        return -1;
    int fd = mm_checkpoint_add_file(r->checkpoint, path, format, artifact, r->diags);
    free(path);
    if (fd >= 0)
        r->diags->file = r->checkpoint->files[r->checkpoint->file_count - 1].path;
    return fd;
}

/* ---- config.json ---- */

static int read_config(struct reading *r)
{
    struct mm_artifact artifact;
    const char *shown = r->diags->file;
    int there = is_there(r, "config.json");
    if (there <= 0)
        return there < 0 ? -1
                         : mm_diag(r->diags, MM_RULE_PACK_SOURCE,
                                   "expected the folder of a model, found one without config.json");
    int fd = add_file(r, "config.json", MM_FORMAT_JSON, &artifact);
    int result = fd < 0 ? -1 : mm_llama_config_read(&r->config, fd, r->options, r->diags);
    r->diags->file = shown;
    mm_artifact_release(&artifact);
    mm_llama_defaults(&r->config.llama);
    return result;
}

/* ---- templates, which are code and have no place in an .slm ---- */

static void refuse_template(struct reading *r, const char *where)
{
    if (r->options->run || mm_checkpoint_drops(r->options, "chat_template", r->diags))
        return;
    mm_diag(r->diags, MM_RULE_PACK_KEY, "expected no chat_template, found %s; --drop chat_template leaves it out",
            where);
    r->failed = true;
}

/* tokenizer_config.json may have one. */
static int look_at_tokenizer_config(struct reading *r)
{
    static const char name[] = "tokenizer_config.json";
    struct mm_json_tree tree = {0};
    struct mm_artifact artifact = {0};
    const char *shown = r->diags->file;
    int there = is_there(r, name), result = there < 0 ? -1 : 0;
    if (there > 0) {
        int fd = add_file(r, name, MM_FORMAT_JSON, &artifact);
        result = fd < 0 ? -1 : mm_json_tree_read(&tree, fd, r->diags);
        if (result == 0 && !mm_json_absent(mm_json_member(&tree, tree.values, "chat_template")))
            refuse_template(r, "one here");
    }
    r->diags->file = shown;
    mm_json_tree_release(&tree);
    mm_artifact_release(&artifact);
    return result;
}

static int look_for_templates(struct reading *r)
{
    static const char *const names[] = {"chat_template.jinja", "chat_template.json", "additional_chat_templates"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        int there = is_there(r, names[i]);
        if (there < 0)
            return -1;
        if (there)
            refuse_template(r, names[i]);
    }
    return look_at_tokenizer_config(r);
}

/* ---- files with tensors ---- */

static int add_shard(struct reading *r, const char *name)
{
    struct shard shard;
    const char *shown = r->diags->file;
    shard.fd = add_file(r, name, MM_FORMAT_SAFETENSORS, &shard.artifact);
    shard.path = r->diags->file;
    r->diags->file = shown;
    if (shard.fd < 0 || !mm_grow(&r->shards, r->shard_count, &r->shard_capacity, sizeof shard)) {
        mm_artifact_release(&shard.artifact);
        return shard.fd < 0 ? -1 : mm_diag_memory(r->diags);
    }
    r->shards[r->shard_count++] = shard;
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Adds the file NAME of the index, whose name is to lead nowhere else. */
static int add_named_shard(struct reading *r, const char *name)
{
    char shown[MM_SHOWN];
    mm_show(shown, name, strlen(name));
    if (strchr(name, '/') || !mm_path_ends_in(name, ".safetensors"))
        return mm_diag(r->diags, MM_RULE_SET_INDEX, "expected names of safetensors files in this folder, found '%s'",
                       shown);
    if (r->shard_count == SHARDS_MAX)
        return mm_diag(r->diags, MM_RULE_IO_LIMIT, "at most %d shards are read", SHARDS_MAX);
    int there = is_there(r, name);
    if (there == 0)
        return mm_diag(r->diags, MM_RULE_SET_INDEX, "expected files that are there, found '%s'", shown);
    return there < 0 ? -1 : add_shard(r, name);
}

/* Adds each file that the index names, once. */
static int add_named_shards(struct reading *r, const struct mm_model *index)
{
    const char **names = mm_realloc_array(NULL, index->shard_count, sizeof *names);
    if (!names)
        return mm_diag_memory(r->diags);
    int result = 0;
    for (size_t i = 0; i < index->shard_count; i++)
        names[i] = index->words.data + index->shards[i].file;
    qsort(names, index->shard_count, sizeof *names, compare_names);
    for (size_t i = 0; result == 0 && i < index->shard_count; i++)
        if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
            result = add_named_shard(r, names[i]);
    free(names);
    return result;
}

static int compare_members(const void *a, const void *b)
{
    return strcmp(((const struct mm_member *)a)->path, ((const struct mm_member *)b)->path);
}

/* The index names exactly the tensors of the files. */
static int check_index(struct reading *r, const char *path, const struct mm_artifact *index)
{
    size_t count = r->shard_count + 1;
    struct mm_member *members = mm_realloc_array(NULL, count, sizeof *members);
    bool checked;
    if (!members)
        return mm_diag_memory(r->diags);
    for (size_t i = 0; i < r->shard_count; i++)
        members[i] = (struct mm_member){r->shards[i].path, MM_ROLE_WEIGHTS, &r->shards[i].artifact, NULL};
    members[count - 1] = (struct mm_member){path, MM_ROLE_OTHER, index, NULL};
    qsort(members, count, sizeof *members, compare_members);
    int result = mm_set_check(members, count, &checked, r->diags);
    free(members);
    return result;
}

static int add_indexed_shards(struct reading *r)
{
    struct mm_artifact index;
    const char *shown = r->diags->file;
    int result = add_file(r, INDEX_NAME, MM_FORMAT_JSON, &index) < 0 ? -1 : add_named_shards(r, &index.model);
    const char *path = r->diags->file;
    r->diags->file = shown; /* the findings about the index have its name */
    if (result == 0)
        result = check_index(r, path, &index);
    mm_artifact_release(&index);
    return result;
}

/* Where both are there, some programs take the one and some the other, so the index has to name the whole file alone. */
static int add_shards(struct reading *r)
{
    int whole = is_there(r, WHOLE_NAME), index = is_there(r, INDEX_NAME);
    if (whole < 0 || index < 0)
        return -1;
    if (!whole && !index)
        return mm_diag(r->diags, MM_RULE_PACK_SOURCE,
                       "expected " WHOLE_NAME " or " INDEX_NAME " in the folder, found none");
    int result = index ? add_indexed_shards(r) : add_shard(r, WHOLE_NAME);
    if (result == 0 && whole && index &&
        (r->shard_count != 1 || strcmp(mm_path_name(r->shards[0].path), WHOLE_NAME) != 0))
        return mm_diag(r->diags, MM_RULE_PACK_SOURCE,
                       "expected " WHOLE_NAME " or " INDEX_NAME
                       " in the folder, found both, of which programs take either");
    return result;
}

/* ---- tensors ---- */

/* The dimensions as the reader wrote them, "512,64", the slowest first; here the fastest comes first. Returns their number. */
static unsigned read_dimensions(const char *text, uint64_t dims[static 4])
{
    uint64_t stored[4];
    unsigned rank = 0;
    while (*text && rank < 4) {
        size_t length = strcspn(text, ",");
        if (!mm_number(text, length, MM_NUMBER_MAX, &stored[rank]))
            return 0;
        rank++;
        text += length + (text[length] == ',');
    }
    for (unsigned i = 0; i < rank; i++)
        dims[i] = stored[rank - 1 - i];
    return *text ? 0 : rank;
}

/* Angles of rotation that old files hold: model.rotary_emb.inv_freq, or one in each layer. */
static bool is_rotation(const char *name)
{
    return strncmp(name, "model.", 6) == 0 && mm_path_ends_in(name, "rotary_emb.inv_freq");
}

/* A finding unless the dimensions are those that follow from config.json. */
static bool dimensions_follow(struct reading *r, const struct shard *shard, const struct mm_tensor *tensor, int which,
                              const uint64_t dims[static 4])
{
    uint64_t wanted[4];
    char shown[MM_SHOWN];
    const struct mm_buf *words = &shard->artifact.model.tensors.words;
    const char *name = words->data + tensor->name;
    unsigned rank = mm_llama_dimensions(&r->config.llama, (enum mm_llama_tensor_id)which, wanted);
    if (memcmp(wanted, dims, sizeof wanted) == 0)
        return true;
    mm_show(shown, name, strlen(name));
    if (rank == 1)
        mm_diag(r->diags, MM_RULE_PACK_TENSOR, "expected dimension %" PRIu64 " of '%s', found %s", wanted[0], shown,
                words->data + tensor->dims);
    else
        mm_diag(r->diags, MM_RULE_PACK_TENSOR, "expected dimensions %" PRIu64 ",%" PRIu64 " of '%s', found %s",
                wanted[1], wanted[0], shown, words->data + tensor->dims);
    return false;
}

static unsigned char *block_bits(const struct reading *r, int which, uint32_t block)
{
    return &r->has[(size_t)which * (BLOCKS / 8) + block / 8];
}

static void add_tensor(struct reading *r, const struct shard *shard, const struct mm_tensor *tensor, int which,
                       uint32_t block)
{
    const uint32_t *numbers = r->config.llama.numbers;
    const struct mm_model *model = &shard->artifact.model;
    enum mm_llama_order order = mm_llama_tensors[which].order;
    char name[MM_LLAMA_NAME_MAX];
    uint64_t dims[4] = {0};
    unsigned rank = read_dimensions(model->tensors.words.data + tensor->dims, dims);
    struct mm_stored stored = {.fd = shard->fd,
                               .offset = model->data_offset + tensor->offset,
                               .dtype = tensor->dtype,
                               .heads = order == MM_LLAMA_HEADS      ? numbers[MM_LLAMA_HEAD_COUNT]
                                        : order == MM_LLAMA_HEADS_KV ? numbers[MM_LLAMA_HEAD_COUNT_KV]
                                                                     : 0};
    r->found[which]++;
    *block_bits(r, which, block) |= (unsigned char)(1u << block % 8);
    if (!dimensions_follow(r, shard, tensor, which, dims) ||
        mm_checkpoint_add_tensor(r->checkpoint, mm_llama_name((enum mm_llama_tensor_id)which, block, name), dims, rank,
                                 &stored, r->diags) < 0)
        r->failed = true;
}

static void take_tensor(struct reading *r, const struct shard *shard, size_t index)
{
    const struct mm_tensors *tensors = &shard->artifact.model.tensors;
    const struct mm_tensor *tensor = &tensors->items[index];
    const char *name = mm_tensor_name(tensors, index), *dtype = mm_dtypes[tensor->dtype].name;
    char shown[MM_SHOWN];
    uint32_t block;
    if (is_rotation(name)) {
        r->rotations++;
        return;
    }
    mm_show(shown, name, strlen(name));
    int which = mm_llama_tensor_of_safetensors(name, strlen(name), &block);
    if (which < 0 || (mm_llama_tensors[which].blocks && block >= r->config.llama.numbers[MM_LLAMA_BLOCK_COUNT])) {
        mm_diag(r->diags, MM_RULE_PACK_TENSOR,
                "expected tensors that a llama model of %" PRIu32 " layers has, found '%s'",
                r->config.llama.numbers[MM_LLAMA_BLOCK_COUNT], shown);
        r->failed = true;
    } else if (strcmp(dtype, "f32") != 0 && strcmp(dtype, "f16") != 0 && strcmp(dtype, "bf16") != 0) {
        mm_diag(r->diags, MM_RULE_PACK_TENSOR, "expected f32, f16 or bf16 for '%s', found %s", shown, dtype);
        r->failed = true;
    } else if (which == MM_LLAMA_T_OUTPUT && r->config.tied) {
        r->head_shard = shard;
        r->head = tensor;
    } else {
        add_tensor(r, shard, tensor, which, block);
    }
}

static void take_tensors(struct reading *r)
{
    const char *shown = r->diags->file;
    for (size_t i = 0; i < r->shard_count; i++) {
        r->diags->file = r->shards[i].path;
        for (size_t j = 0; j < r->shards[i].artifact.model.tensors.count; j++)
            take_tensor(r, &r->shards[i], j);
    }
    r->diags->file = shown;
    if (r->rotations)
        mm_note(r->diags, MM_RULE_PACK_TENSOR,
                "leaves out %" PRIu64
                " tensors rotary_emb.inv_freq without a look at their values: rope_theta says them",
                r->rotations);
}

/* ---- what config.json and the tensors say of each other ---- */

/* Names the first layer that lacks WHICH. */
static void name_lacking(struct reading *r, enum mm_llama_tensor_id which)
{
    char name[MM_LLAMA_NAME_MAX];
    uint32_t block = 0;
    while (*block_bits(r, which, block) & 1u << block % 8)
        block++;
    mm_diag(r->diags, MM_RULE_PACK_TENSOR, "expected %s, found none", mm_llama_safetensors_name(which, block, name));
    r->failed = true;
}

static void check_complete(struct reading *r)
{
    for (int i = 0; i < MM_LLAMA_TENSORS; i++) {
        const struct mm_llama_tensor *tensor = &mm_llama_tensors[i];
        uint64_t expected = tensor->blocks ? r->config.llama.numbers[MM_LLAMA_BLOCK_COUNT] : 1;
        if (tensor->once && r->found[i] < expected)
            name_lacking(r, (enum mm_llama_tensor_id)i);
    }
}

/* Programs use biases only where config.json says so, whatever tensors there are. */
static void check_biases(struct reading *r, bool used, const enum mm_llama_tensor_id *which, size_t count,
                         const char *key)
{
    uint64_t expected = used ? r->config.llama.numbers[MM_LLAMA_BLOCK_COUNT] : 0;
    for (size_t i = 0; i < count; i++) {
        if (r->found[which[i]] == expected)
            continue;
        mm_diag(r->diags, MM_RULE_PACK_TENSOR, "expected %s in %" PRIu64 " layers, as %s is %s, found it in %" PRIu64,
                strstr(mm_llama_tensors[which[i]].safetensors, "%u") + 3, expected, key,
                strcmp(key, "model_type") == 0 ? "qwen2"
                : used                         ? "true"
                                               : "false",
                r->found[which[i]]);
        r->failed = true;
    }
}

static int equal_bytes(struct reading *r, const struct mm_stored *a, int fd, uint64_t offset, uint64_t length,
                       bool *equal)
{
    char left[32768], right[32768];
    *equal = true;
    for (uint64_t at = 0; *equal && at < length;) {
        size_t size = length - at < sizeof left ? (size_t)(length - at) : sizeof left;
        if (mm_file_read_at(a->fd, a->offset + at, left, size, r->diags) < 0 ||
            mm_file_read_at(fd, offset + at, right, size, r->diags) < 0)
            return -1;
        *equal = memcmp(left, right, size) == 0;
        at += size;
    }
    return 0;
}

/* A second copy of the embedding as output matrix may be left out, another matrix may not: some programs would use it. */
static int check_tied_head(struct reading *r)
{
    const struct mm_slm *slm = &r->checkpoint->slm;
    const char *name = mm_llama_tensors[MM_LLAMA_T_TOKEN_EMBD].name;
    const struct mm_model *model = &r->head_shard->artifact.model;
    uint64_t dims[4] = {0};
    bool equal = false;
    size_t i = 0;
    while (i < slm->tensor_count && strcmp(slm->tensors[i].name, name) != 0)
        i++;
    unsigned rank = read_dimensions(model->tensors.words.data + r->head->dims, dims);
    if (i < slm->tensor_count && slm->tensors[i].dtype == r->head->dtype && slm->tensors[i].rank == rank &&
        mm_checkpoint_row_bytes(r->checkpoint, i) * mm_checkpoint_rows(r->checkpoint, i) == r->head->bytes &&
        memcmp(slm->tensors[i].dims, dims, sizeof dims) == 0 &&
        equal_bytes(r, &r->checkpoint->stored[i], r->head_shard->fd, model->data_offset + r->head->offset,
                    r->head->bytes, &equal) < 0)
        return -1;
    if (!equal)
        return mm_diag(r->diags, MM_RULE_PACK_TENSOR,
                       "expected lm_head.weight to be model.embed_tokens.weight bit for bit, as tie_word_embeddings is "
                       "true, found another");
    mm_note(r->diags, MM_RULE_PACK_TENSOR, "leaves out lm_head.weight, a copy of model.embed_tokens.weight");
    return 0;
}

static void check_together(struct reading *r)
{
    static const enum mm_llama_tensor_id attention[] = {MM_LLAMA_T_ATTN_Q_BIAS, MM_LLAMA_T_ATTN_K_BIAS,
                                                        MM_LLAMA_T_ATTN_V_BIAS},
                                         output[] = {MM_LLAMA_T_ATTN_OUT_BIAS};
    static const enum mm_llama_tensor_id feed[] = {MM_LLAMA_T_FFN_GATE_BIAS, MM_LLAMA_T_FFN_UP_BIAS,
                                                   MM_LLAMA_T_FFN_DOWN_BIAS};
    check_complete(r);
    check_biases(r, r->config.attention_bias, attention, sizeof attention / sizeof *attention, r->config.bias_key);
    check_biases(r, r->config.output_bias, output, sizeof output / sizeof *output, r->config.bias_key);
    check_biases(r, r->config.feed_bias, feed, sizeof feed / sizeof *feed, "mlp_bias");
    if (!r->config.tied && r->found[MM_LLAMA_T_OUTPUT] == 0) {
        mm_diag(r->diags, MM_RULE_PACK_TENSOR,
                "expected lm_head.weight, as tie_word_embeddings is not true, found none");
        r->failed = true;
    }
    if (r->head && check_tied_head(r) < 0)
        r->failed = true;
}

/* ---- the tokenizer ---- */

static int take_tokenizer(struct reading *r)
{
    static const char *const names[] = {"tokenizer.json", "tokenizer.model"};
    int there = 0, result = 0;
    if (r->options->tokenizer)
        return 0;
    for (size_t i = 0; there == 0 && i < sizeof names / sizeof *names; i++) {
        there = is_there(r, names[i]);
        char *path = there > 0 ? path_of(r, names[i]) : NULL;
        if (path)
            result = mm_tokenizer_open(r->checkpoint, path, r->config.llama.numbers[MM_LLAMA_VOCAB_SIZE], r->folder,
                                       r->diags);
        else if (there > 0)
            result = -1;
        free(path);
    }
    if (there == 0)
        return mm_diag(r->diags, MM_RULE_PACK_TOKENIZER,
                       "expected tokenizer.json or tokenizer.model in the folder, found none; --tokenizer names one");
    return there < 0 ? -1 : result;
}

int mm_source_safetensors(struct mm_checkpoint *checkpoint, const char *folder,
                          const struct mm_checkpoint_options *options, struct mm_diags *diags)
{
    struct reading r = {.checkpoint = checkpoint,
                        .folder = folder,
                        .options = options,
                        .diags = diags,
                        .has = calloc(MM_LLAMA_TENSORS, BLOCKS / 8)};
    int result = r.has ? read_config(&r) : mm_diag_memory(diags);
    if (r.has && look_for_templates(&r) < 0)
        result = -1;
    if (result == 0)
        result = add_shards(&r);
    if (result == 0) {
        checkpoint->slm.llama = r.config.llama;
        take_tensors(&r);
        if (!r.failed)
            check_together(&r);
        result = take_tokenizer(&r);
    }
    for (size_t i = 0; i < r.shard_count; i++)
        mm_artifact_release(&r.shards[i].artifact);
    free(r.shards);
    free(r.has);
    return r.failed ? -1 : result;
}
