/* A model from a GGUF file: each key is carried over, or follows from what is, or is refused by name. */
#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "convert/sources.h"
#include "model/gguf_head.h"
#include "text/line.h"

#define ARCHITECTURE "llama"
#define KIN "qwen2"            /* which is computed the same way, of rows in halves: to be run alone */
#define QUANTIZATION_VERSION 2 /* of the block dtypes as slm.md describes them */

struct taking {
    struct mm_checkpoint *checkpoint;
    const struct mm_artifact *artifact;
    const struct mm_checkpoint_options *options;
    struct mm_diags *diags;
    bool first;                           /* a whole file, or the first part of a split one */
    bool run;                             /* not to be written: see checkpoint.h */
    char prefix[MM_ARCHITECTURE_MAX + 2]; /* of the keys of the architecture: "llama." */
    bool foreign;                         /* another architecture was refused */
    bool has_epsilon, has_factor;
    bool scaling_none, scaling_linear, scaling_dropped; /* what llama.rope.scaling.type says */
    bool failed; /* a finding was added; the next pair is looked at all the same */
};

/* ---- keys ---- */

/* PAIR cannot be carried over: a finding, unless it may be left out. EXPECTED begins a sentence about it. */
static void refuse(struct taking *t, const struct mm_gguf_pair *pair, const char *expected)
{
    char shown[MM_SHOWN];
    char *key = strndup(pair->key, pair->key_length);
    if (!key) {
        t->failed = true;
        mm_diag_memory(t->diags);
        return;
    }
    if (!mm_checkpoint_drops(t->options, key, t->diags)) {
        t->failed = true;
        mm_show(shown, pair->key, pair->key_length);
        if (t->run)
            mm_diag_offset(t->diags, MM_RULE_PACK_KEY, pair->offset, "expected %s, found key '%s'", expected, shown);
        else
            mm_diag_offset(t->diags, MM_RULE_PACK_KEY, pair->offset,
                           "expected %s, found key '%s'; --drop %s leaves it out", expected, shown, shown);
    }
    free(key);
}

/* A number that does not fit is not taken, so that a key that is dropped counts as absent. */
static bool take_real(const struct mm_gguf_pair *pair, bool or_zero, float *number)
{
    float value;
    if (!mm_gguf_pair_real(pair, &value) || !(or_zero ? value >= 0 : value > 0) || value > FLT_MAX)
        return false;
    *number = value;
    return true;
}

static bool text_is(const struct mm_gguf_pair *pair, const char *text)
{
    return pair->type == MM_GGUF_STRING && pair->size == strlen(text) && memcmp(pair->value, text, pair->size) == 0;
}

/* True for what a text document takes as a value, and what leads nowhere. DOCUMENT holds it alone. */
static bool is_value(const struct mm_buf *document, size_t length)
{
    struct mm_diags ignored;
    struct mm_lines lines;
    struct mm_line line;
    mm_diags_init(&ignored);
    bool sound = mm_lines_begin(&lines, document->data, document->length, "value", &ignored) == 0 &&
                 mm_lines_next(&lines, &line, &ignored) && line.sound && line.value_length == length &&
                 !memmem(line.value, line.value_length, "://", 3);
    mm_diags_release(&ignored);
    return sound;
}

static void take_text(struct taking *t, const struct mm_gguf_pair *pair, char **out)
{
    struct mm_buf document = {0};
    mm_buf_str(&document, "value 0\nvalue: ");
    if (pair->type == MM_GGUF_STRING)
        mm_buf_add(&document, pair->value, pair->size);
    mm_buf_char(&document, '\n');
    if (document.failed) {
        t->failed = true;
        mm_diag_memory(t->diags);
    } else if (pair->type != MM_GGUF_STRING || !is_value(&document, pair->size)) {
        if (!t->run) /* a model that is run need not have a name */
            refuse(t, pair, "a line of 1 to 1024 bytes that names no address");
    } else {
        *out = strndup((const char *)pair->value, pair->size);
        if (!*out) {
            t->failed = true;
            mm_diag_memory(t->diags);
        }
    }
    mm_buf_release(&document);
}

static void take_architecture(struct taking *t, const struct mm_gguf_pair *pair)
{
    char shown[MM_SHOWN];
    if (text_is(pair, ARCHITECTURE) || (t->run && text_is(pair, KIN)))
        return;
    t->failed = t->foreign = true;
    mm_diag_offset(t->diags, MM_RULE_PACK_SOURCE, pair->offset, "expected the architecture llama%s, found '%s'",
                   t->run ? " or " KIN : "",
                   pair->type == MM_GGUF_STRING ? mm_show(shown, pair->value, pair->size) : "another type");
}

static void take_general(struct taking *t, const struct mm_gguf_pair *pair)
{
    uint64_t value;
    if (mm_gguf_pair_is(pair, "general.architecture"))
        take_architecture(t, pair);
    else if (mm_gguf_pair_is(pair, "general.name"))
        take_text(t, pair, &t->checkpoint->slm.name);
    else if (mm_gguf_pair_is(pair, "general.license") && !t->run)
        take_text(t, pair, &t->checkpoint->slm.license);
    else if (mm_gguf_pair_is(pair, "general.quantization_version")) {
        if (!mm_gguf_pair_whole(pair, &value) || value != QUANTIZATION_VERSION)
            refuse(t, pair, "version 2 of the quantization");
    } else if (mm_gguf_pair_is(pair, "general.type")) {
        if (!text_is(pair, "model"))
            refuse(t, pair, "a model");
    } else if (!t->run && !mm_gguf_pair_is(pair, "general.alignment") && !mm_gguf_pair_is(pair, "general.file_type")) {
        refuse(t, pair, "keys that an .slm holds");
    }
}

/* What a file says of its parts follows from there being all of them, which whoever opened it has seen to. */
static void take_split(struct taking *t, const struct mm_gguf_pair *pair)
{
    const struct mm_facts *facts = &t->artifact->model.facts;
    uint64_t value;
    bool whole = mm_gguf_pair_whole(pair, &value), in_parts = facts->split_count > 1;
    bool follows =
        whole &&
        (mm_gguf_pair_is(pair, "split.count") || (mm_gguf_pair_is(pair, "split.no") && (in_parts || value == 0)) ||
         (mm_gguf_pair_is(pair, "split.tensors.count") && (in_parts || value == t->artifact->model.tensors.count)));
    if (!follows)
        refuse(t, pair, "what the parts of the model show");
}

static void take_scaling(struct taking *t, const struct mm_gguf_pair *pair)
{
    t->scaling_none = text_is(pair, "none");
    t->scaling_linear = text_is(pair, "linear");
    t->scaling_dropped = !t->scaling_none && !t->scaling_linear;
    if (t->scaling_dropped)
        refuse(t, pair, "rope scaling of type none or linear");
}

static void take_number(struct taking *t, const struct mm_gguf_pair *pair, const struct mm_llama_number_info *info,
                        uint32_t *number)
{
    char expected[64];
    uint64_t value;
    if (mm_gguf_pair_whole(pair, &value) && value >= info->least && value <= info->most) {
        *number = (uint32_t)value;
        return;
    }
    snprintf(expected, sizeof expected, "one whole number from %" PRIu32 " to %" PRIu32, info->least, info->most);
    refuse(t, pair, expected);
}

static bool name_is(const char *name, size_t length, const char *wanted)
{
    return strlen(wanted) == length && memcmp(name, wanted, length) == 0;
}

static void take_factor(struct taking *t, const struct mm_gguf_pair *pair)
{
    t->has_factor = take_real(pair, false, &t->checkpoint->slm.llama.rope_factor);
    if (!t->has_factor)
        refuse(t, pair, "a finite f32 above 0");
}

/* Keys that an .slm does not hold, and that change nothing if they say that nothing is changed. */
static bool is_idle(const struct mm_gguf_pair *pair, const char *name, size_t length)
{
    static const char *const idle[] = {"tensor_data_layout", "rope.scaling.original_context_length",
                                       "rope.scaling.finetuned"};
    static const char *const off[] = {"expert_count", "expert_used_count", "attention.sliding_window"};
    uint64_t whole;
    float real;
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
        if (name_is(name, length, idle[i]))
            return true;
    for (size_t i = 0; i < sizeof off / sizeof *off; i++)
        if (name_is(name, length, off[i]))
            return mm_gguf_pair_whole(pair, &whole) && whole == 0;
    if (name_is(name, length, "attention.causal"))
        return pair->type == MM_GGUF_BOOL && pair->value[0] == 1;
    return name_is(name, length, "rope.scaling.attn_factor") && mm_gguf_pair_real(pair, &real) && real == 1;
}

/* A key of the architecture, NAME being what stands behind its prefix. */
static void take_llama(struct taking *t, const struct mm_gguf_pair *pair, const char *name, size_t length)
{
    struct mm_llama *llama = &t->checkpoint->slm.llama;
    for (int i = 0; i < MM_LLAMA_NUMBERS; i++)
        if (name_is(name, length, mm_llama_numbers[i].gguf)) {
            if (i != MM_LLAMA_VOCAB_SIZE || !t->run) /* there, the embedding says it */
                take_number(t, pair, &mm_llama_numbers[i], &llama->numbers[i]);
            return;
        }
    if (name_is(name, length, "attention.layer_norm_rms_epsilon")) {
        t->has_epsilon = take_real(pair, true, &llama->norm_epsilon);
        if (!t->has_epsilon)
            refuse(t, pair, "a finite f32 not below 0");
    } else if (name_is(name, length, "rope.freq_base")) {
        if (!take_real(pair, false, &llama->rope_base))
            refuse(t, pair, "a finite f32 above 0");
    } else if (name_is(name, length, "rope.scaling.factor")) {
        take_factor(t, pair);
    } else if (name_is(name, length, "rope.scaling.type")) {
        take_scaling(t, pair);
    } else if (t->run && name_is(name, length, "rope.scale_linear")) { /* the factor's name in the first files */
        if (!t->has_factor)
            take_factor(t, pair);
    } else if (!t->run || !is_idle(pair, name, length)) {
        refuse(t, pair, t->run ? "keys that are computed with" : "keys that an .slm holds");
    }
}

static void take_pair(struct taking *t, const struct mm_gguf_pair *pair)
{
    size_t length;
    const char *name;
    if (mm_gguf_pair_behind(pair, "split.", &length))
        take_split(t, pair);
    else if (!t->first && !mm_gguf_pair_is(pair, "general.architecture") && !mm_gguf_pair_is(pair, "general.alignment"))
        refuse(t, pair, "facts and tokenizer in the first part alone");
    else if (mm_gguf_pair_behind(pair, "general.", &length))
        take_general(t, pair);
    else if ((name = mm_gguf_pair_behind(pair, t->prefix, &length)))
        take_llama(t, pair, name, length);
    else if (!t->run && !mm_gguf_pair_behind(pair, "tokenizer.ggml.", &length)) /* which are the tokenizer's */
        refuse(t, pair, "keys that an .slm holds");
}

/* A factor without a type is linear to readers of the format; the factor of a type that was left out is not. */
static void check_scaling(struct taking *t)
{
    if (t->scaling_dropped && t->run)
        return; /* the type was refused */
    if (t->scaling_dropped && t->has_factor) {
        t->checkpoint->slm.llama.rope_factor = 0;
        if (mm_checkpoint_drops(t->options, "llama.rope.scaling.factor", t->diags))
            return;
        t->failed = true;
        mm_diag(t->diags, MM_RULE_PACK_KEY,
                "expected no llama.rope.scaling.factor beside a type that cannot be carried over, found one; "
                "--drop llama.rope.scaling.factor leaves it out");
    } else if (t->scaling_linear && !t->has_factor) {
        t->failed = true;
        mm_diag(t->diags, MM_RULE_PACK_KEY,
                "expected %srope.scaling.factor beside %srope.scaling.type linear, found none", t->prefix, t->prefix);
    } else if (t->scaling_none && t->run) {
        t->checkpoint->slm.llama.rope_factor = 0;
    } else if (t->scaling_none && t->has_factor) {
        t->failed = true;
        mm_diag(t->diags, MM_RULE_PACK_KEY,
                "expected no llama.rope.scaling.factor beside llama.rope.scaling.type none, found one");
    }
}

static int take_facts(struct taking *t, const unsigned char *head, size_t length)
{
    struct mm_gguf_head walk;
    struct mm_gguf_pair pair;
    int more;
    if (mm_gguf_head_begin(&walk, head, length, t->diags) < 0)
        return -1;
    while ((more = mm_gguf_head_next(&walk, &pair, t->diags)) > 0)
        take_pair(t, &pair);
    if (more < 0 || !t->first)
        return more < 0 ? -1 : 0;
    check_scaling(t);
    if (t->artifact->model.facts.architecture[0] == '\0') {
        t->failed = true;
        mm_diag(t->diags, MM_RULE_PACK_KEY, "expected general.architecture, found none");
    }
    if (!t->has_epsilon && !(t->run && t->foreign)) {
        t->failed = true;
        mm_diag(t->diags, MM_RULE_PACK_KEY, "expected %sattention.layer_norm_rms_epsilon, found none", t->prefix);
    }
    return 0;
}

/* ---- tensors ---- */

/* The dimensions as the reader wrote them, "64,512". */
static unsigned read_dimensions(const char *text, uint64_t dims[static 4])
{
    unsigned rank = 0;
    while (*text && rank < 4) {
        size_t length = strcspn(text, ",");
        if (!mm_number(text, length, MM_NUMBER_MAX, &dims[rank]))
            return 0;
        rank++;
        text += length + (text[length] == ',');
    }
    return rank;
}

static void take_tensors(struct taking *t, int fd)
{
    const struct mm_model *model = &t->artifact->model;
    for (size_t i = 0; i < model->tensors.count; i++) {
        const struct mm_tensor *tensor = &model->tensors.items[i];
        const struct mm_stored stored = {
            .fd = fd, .offset = model->data_offset + tensor->offset, .dtype = tensor->dtype};
        uint64_t dims[4] = {0};
        unsigned rank = read_dimensions(model->tensors.words.data + tensor->dims, dims);
        if (mm_checkpoint_add_tensor(t->checkpoint, mm_tensor_name(&model->tensors, i), dims, rank, &stored, t->diags) <
            0)
            t->failed = true;
    }
}

int mm_source_gguf(struct mm_checkpoint *checkpoint, int fd, const struct mm_artifact *artifact,
                   const struct mm_checkpoint_options *options, struct mm_diags *diags)
{
    struct taking t = {.checkpoint = checkpoint, .artifact = artifact, .options = options, .diags = diags};
    bool kin = options->run && strcmp(artifact->model.facts.architecture, KIN) == 0;
    t.run = options->run;
    snprintf(t.prefix, sizeof t.prefix, "%s.", kin ? KIN : ARCHITECTURE);
    t.first = artifact->model.facts.split_count < 2 || artifact->model.facts.split_no == 0;
    if (t.first)
        checkpoint->halves = kin;
    uint64_t offset = artifact->model.data_offset, bytes = artifact->chunks.bytes;
    size_t length = (size_t)(offset < bytes ? offset : bytes); /* a header without tensors may end unpadded */
    if (artifact->model.tensors.count == 0 && artifact->model.facts.split_count < 2)
        return mm_diag(diags, MM_RULE_PACK_SOURCE, "expected a model, found a GGUF file without tensors");
    unsigned char *head = malloc(length);
    if (!head)
        return mm_diag_memory(diags);
    int result = mm_file_read_at(fd, 0, head, length, diags);
    if (result == 0)
        result = take_facts(&t, head, length);
    if (result == 0)
        take_tensors(&t, fd);
    if (result == 0 && t.first && options->tokenizer)
        mm_note(diags, MM_RULE_PACK_DROPPED, "leaves out the source's tokenizer, as --tokenizer names another");
    else if (result == 0 && t.first)
        result = mm_tokenizer_from_gguf(&checkpoint->slm.tokenizer, head, length, options, diags);
    free(head);
    return t.failed ? -1 : result;
}
