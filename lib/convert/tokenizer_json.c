/* tokenizer.json of Hugging Face's tokenizers. Vocabulary and merges, which are large, are read as a stream and kept as texts
 * with places; all else is a tree. What follows from the whole (kinds, ids, merges as pairs) is made at the end, since the
 * members of an object come in any order. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/number.h"
#include "convert/merge_scores.h"
#include "convert/pipeline.h"
#include "convert/sources.h"
#include "convert/special.h"
#include "model/piece_index.h"

struct text {
    size_t at;
    uint32_t length;
};

struct entry {
    struct text text;
    uint32_t id;
    float score;
};

struct pair {
    struct text left, right;
    uint64_t offset; /* in the file */
};

struct reading {
    struct mm_tokenizer *tokenizer;
    struct mm_diags *diags;
    struct mm_json json;
    struct mm_json_tree tree;
    int parts[4];    /* normalizer, pre_tokenizer, post_processor, decoder: indices of values, -1 for absent */
    int added, type; /* likewise: added_tokens, model.type */
    int unknown;     /* model.unk_token */
    int unknown_id;  /* model.unk_id, which Unigram models have */
    bool byte_fallback, ignore_merges, has_model, has_vocab, has_merges, scored;
    struct mm_buf texts; /* of entries and pairs */
    struct entry *entries;
    size_t entry_count, entry_capacity;
    struct pair *pairs;
    size_t pair_count, pair_capacity;
};

static const struct mm_json_value *part(const struct reading *r, int index)
{
    return index < 0 ? NULL : &r->tree.values[index];
}

static bool refuse(struct reading *r, const char *expected, const char *where)
{
    char shown[MM_SHOWN];
    bool text = r->json.length > 0;
    mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, r->json.offset, "expected %s in %s%s%s", expected, where,
                   text ? ", at or behind " : "",
                   text ? mm_show(shown, r->json.text, r->json.length < 64 ? r->json.length : 64) : "");
    return false;
}

/* Keeps the scanner's present string. */
static bool keep(struct reading *r, const char *from, size_t length, struct text *text)
{
    *text = (struct text){r->texts.length, (uint32_t)length};
    if (r->texts.length > MM_TOKENIZER_TEXTS_MAX - length)
        return mm_diag_offset(r->diags, MM_RULE_IO_LIMIT, r->json.offset,
                              "expected at most %d bytes of pieces and merges, found more",
                              MM_TOKENIZER_TEXTS_MAX) == 0;
    mm_buf_add(&r->texts, from, length);
    return !r->texts.failed || mm_diag_memory(r->diags) == 0;
}

static bool keep_string(struct reading *r, struct text *text, const char *where)
{
    if (r->json.cut)
        return refuse(r, "strings of at most 4096 bytes", where);
    return keep(r, r->json.text, r->json.length, text);
}

/* ---- the model's vocabulary ---- */

static bool add_entry(struct reading *r, struct entry entry)
{
    if (r->entry_count == MM_TOKENIZER_PIECES_MAX)
        return mm_diag(r->diags, MM_RULE_IO_LIMIT, "expected at most %d pieces", MM_TOKENIZER_PIECES_MAX) == 0;
    if (!mm_grow(&r->entries, r->entry_count, &r->entry_capacity, sizeof *r->entries))
        return mm_diag_memory(r->diags) == 0;
    r->entries[r->entry_count++] = entry;
    return true;
}

/* {"piece": id, ...} */
static bool read_vocabulary(struct reading *r)
{
    enum mm_json_event event;
    struct entry entry = {0};
    uint64_t id;
    while ((event = mm_json_next(&r->json)) == MM_JSON_KEY) {
        if (!keep_string(r, &entry.text, "model.vocab"))
            return false;
        event = mm_json_next(&r->json);
        if (event == MM_JSON_ERROR)
            return false;
        if (event != MM_JSON_NUMBER || !mm_number(r->json.text, r->json.length, MM_TOKENIZER_PIECES_MAX - 1, &id))
            return refuse(r, "a piece's id from 0 to 1048575", "model.vocab");
        entry.id = (uint32_t)id;
        if (!add_entry(r, entry))
            return false;
    }
    return event != MM_JSON_ERROR;
}

static bool read_vocab(struct reading *r)
{
    enum mm_json_event event = mm_json_next(&r->json);
    r->has_vocab = true;
    if (event == MM_JSON_OBJECT)
        return read_vocabulary(r);
    if (event == MM_JSON_ARRAY) { /* a Unigram model's, which is refused by its type */
        r->scored = true;
        return mm_json_skip(&r->json, event);
    }
    return event != MM_JSON_ERROR && refuse(r, "an object of pieces", "model.vocab");
}

/* ---- its merges ---- */

/* "left right" */
static bool part_merge(struct reading *r, struct pair *pair)
{
    const char *text = r->json.text, *space = memchr(text, ' ', r->json.length);
    if (r->json.cut || !space || memchr(space + 1, ' ', r->json.length - (size_t)(space + 1 - text)))
        return refuse(r, "two pieces parted by one space", "model.merges");
    size_t left = (size_t)(space - text);
    return keep(r, text, left, &pair->left) && keep(r, space + 1, r->json.length - left - 1, &pair->right);
}

/* ["left", "right"], of which the bracket was read */
static bool read_pair(struct reading *r, struct pair *pair)
{
    struct text *const halves[] = {&pair->left, &pair->right};
    for (int i = 0; i < 2; i++) {
        if (mm_json_next(&r->json) != MM_JSON_STRING)
            return !r->json.failed && refuse(r, "two pieces", "model.merges");
        if (!keep_string(r, halves[i], "model.merges"))
            return false;
    }
    return mm_json_next(&r->json) == MM_JSON_ARRAY_END || (!r->json.failed && refuse(r, "two pieces", "model.merges"));
}

static bool read_merges(struct reading *r)
{
    enum mm_json_event event = mm_json_next(&r->json);
    r->has_merges = true;
    if (event != MM_JSON_ARRAY)
        return event != MM_JSON_ERROR && refuse(r, "an array", "model.merges");
    while ((event = mm_json_next(&r->json)) == MM_JSON_STRING || event == MM_JSON_ARRAY) {
        struct pair pair = {.offset = r->json.offset};
        if (!(event == MM_JSON_STRING ? part_merge(r, &pair) : read_pair(r, &pair)))
            return false;
        if (r->pair_count == MM_TOKENIZER_MERGES_MAX)
            return mm_diag(r->diags, MM_RULE_IO_LIMIT, "expected at most %d merges", MM_TOKENIZER_MERGES_MAX) == 0;
        if (!mm_grow(&r->pairs, r->pair_count, &r->pair_capacity, sizeof *r->pairs))
            return mm_diag_memory(r->diags) == 0;
        r->pairs[r->pair_count++] = pair;
    }
    return event == MM_JSON_ARRAY_END || (event != MM_JSON_ERROR && refuse(r, "merges", "model.merges"));
}

/* ---- members ---- */

static bool name_is(const struct reading *r, const char *name)
{
    return !r->json.cut && r->json.length == strlen(name) && memcmp(r->json.text, name, r->json.length) == 0;
}

static bool take(struct reading *r, int *index)
{
    *index = mm_json_tree_take(&r->tree, &r->json, mm_json_next(&r->json));
    return *index >= 0;
}

/* Settings of the model that change nothing at these values, and whatever else they say is refused by name. */
static bool read_idle(struct reading *r, const char *name)
{
    char shown[MM_SHOWN];
    int index;
    if (!take(r, &index))
        return false;
    const struct mm_json_value *v = &r->tree.values[index];
    float value;
    bool idle = v->kind == MM_JSON_NULL || v->kind == MM_JSON_FALSE || mm_json_is(&r->tree, v, "") ||
                (v->kind == MM_JSON_NUMBER && mm_json_real(mm_json_text(&r->tree, v), v->length, &value) && value == 0);
    if (idle)
        return true;
    mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, v->offset, "expected no %s in model, found %s", name,
                   mm_json_shown(&r->tree, v, shown));
    return false;
}

static bool read_switch(struct reading *r, const char *name, bool *value)
{
    enum mm_json_event event = mm_json_next(&r->json);
    *value = event == MM_JSON_TRUE;
    if (event == MM_JSON_TRUE || event == MM_JSON_FALSE || event == MM_JSON_NULL)
        return true;
    return event != MM_JSON_ERROR && refuse(r, "true or false", name);
}

static bool read_model_member(struct reading *r)
{
    bool fuse;
    if (name_is(r, "vocab"))
        return read_vocab(r);
    if (name_is(r, "merges"))
        return read_merges(r);
    if (name_is(r, "type"))
        return take(r, &r->type);
    if (name_is(r, "unk_token"))
        return take(r, &r->unknown);
    if (name_is(r, "unk_id"))
        return take(r, &r->unknown_id);
    if (name_is(r, "byte_fallback"))
        return read_switch(r, "model.byte_fallback", &r->byte_fallback);
    if (name_is(r, "ignore_merges"))
        return read_switch(r, "model.ignore_merges", &r->ignore_merges);
    if (name_is(r, "fuse_unk")) /* bytes stand for what is unknown, so there is nothing to fuse */
        return read_switch(r, "model.fuse_unk", &fuse);
    static const char *const idle[] = {"dropout", "continuing_subword_prefix", "end_of_word_suffix"};
    for (size_t i = 0; i < sizeof idle / sizeof *idle; i++)
        if (name_is(r, idle[i]))
            return read_idle(r, idle[i]);
    if (name_is(r, "max_input_chars_per_word")) /* WordPiece has it, which is refused by its type */
        return mm_json_skip(&r->json, mm_json_next(&r->json));
    return refuse(r, "members that are known", "model");
}

static bool read_model(struct reading *r)
{
    enum mm_json_event event = mm_json_next(&r->json);
    r->has_model = true;
    if (event != MM_JSON_OBJECT)
        return event != MM_JSON_ERROR && refuse(r, "an object", "model");
    while ((event = mm_json_next(&r->json)) == MM_JSON_KEY)
        if (!read_model_member(r))
            return false;
    return event != MM_JSON_ERROR;
}

/* Options of a call, which programs leave behind. */
static bool read_call_option(struct reading *r, const char *name)
{
    int index;
    if (!take(r, &index))
        return false;
    if (r->tree.values[index].kind != MM_JSON_NULL)
        mm_note_offset(r->diags, MM_RULE_PACK_TOKENIZER, r->tree.values[index].offset,
                       "%s is an option of a call, not of a tokenizer, and is left out", name);
    return true;
}

static bool read_member(struct reading *r)
{
    static const char *const parts[] = {"normalizer", "pre_tokenizer", "post_processor", "decoder"};
    int version;
    for (int i = 0; i < 4; i++)
        if (name_is(r, parts[i]))
            return take(r, &r->parts[i]);
    if (name_is(r, "model"))
        return read_model(r);
    if (name_is(r, "added_tokens"))
        return take(r, &r->added);
    if (name_is(r, "truncation"))
        return read_call_option(r, "truncation");
    if (name_is(r, "padding"))
        return read_call_option(r, "padding");
    if (!name_is(r, "version"))
        return refuse(r, "members that are known", "a tokenizer");
    return take(r, &version) &&
           (mm_json_is(&r->tree, part(r, version), "1.0") || refuse(r, "version \"1.0\"", "a tokenizer"));
}

static bool read_members(struct reading *r)
{
    enum mm_json_event event = mm_json_next(&r->json);
    if (event != MM_JSON_OBJECT)
        return event != MM_JSON_ERROR && refuse(r, "an object", "a tokenizer");
    while ((event = mm_json_next(&r->json)) == MM_JSON_KEY)
        if (!read_member(r))
            return false;
    if (event == MM_JSON_ERROR || mm_json_next(&r->json) != MM_JSON_END)
        return false;
    if (!r->has_model || !r->has_vocab)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, 0, "expected a model with a vocab, found none") == 0;
    return true;
}

/* ---- making the tokenizer ---- */

/* BPE by name or, in old files, by what is there. A Unigram model cuts a text where the scores of all its pieces are best together;
 * neither kind of .slm does that. */
static int judge_type(struct reading *r)
{
    char shown[MM_SHOWN];
    const struct mm_json_value *type = part(r, r->type);
    bool known = mm_json_is(&r->tree, type, "BPE") || (!type && r->has_merges);
    if (!known)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, type ? type->offset : 0,
                              "expected a model of type BPE, found %s", mm_json_shown(&r->tree, type, shown));
    if (r->unknown_id >= 0)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, part(r, r->unknown_id)->offset,
                              "expected members that a BPE model has in model, found unk_id");
    return r->scored || !r->has_merges
               ? mm_diag(r->diags, MM_RULE_PACK_TOKENIZER, "expected ids and merges in a BPE model, found otherwise")
               : 0;
}

static int compare_ids(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* Every id from 0 on once; the vocabulary may leave gaps that added tokens fill. */
static int add_pieces(struct reading *r, const struct mm_added_token *added, size_t added_count)
{
    char shown[MM_SHOWN];
    struct mm_tokenizer *t = r->tokenizer;
    size_t next = 0;
    qsort(r->entries, r->entry_count, sizeof *r->entries, compare_ids);
    for (size_t i = 0; i < r->entry_count; i++) {
        const struct entry *entry = &r->entries[i];
        const char *text = r->texts.data + entry->text.at;
        for (; next < added_count && added[next].id < entry->id; next++)
            if (mm_added_token_put(t, &added[next], r->diags) < 0)
                return -1;
        if (entry->id != t->piece_count)
            return mm_diag(r->diags, MM_RULE_PACK_TOKENIZER,
                           "expected every id once and without gaps, found %" PRIu32 " for '%s' behind %zu pieces",
                           entry->id, mm_show(shown, text, entry->text.length), t->piece_count);
        bool byte = r->byte_fallback && mm_piece_is_byte(text, entry->text.length);
        if (mm_tokenizer_add_piece(t, text, entry->text.length, entry->score, byte ? MM_PIECE_BYTE : MM_PIECE_NORMAL,
                                   r->diags) < 0)
            return -1;
    }
    for (; next < added_count; next++)
        if (mm_added_token_put(t, &added[next], r->diags) < 0)
            return -1;
    return 0;
}

/* Without a piece for each byte the unknown piece stands for some letters, and programs differ in how many of them. */
static int check_bytes(const struct reading *r)
{
    const struct mm_tokenizer *t = r->tokenizer;
    size_t bytes = 0;
    for (size_t i = 0; i < t->piece_count; i++)
        bytes += t->pieces[i].type == MM_PIECE_BYTE;
    return !r->byte_fallback || bytes == 256
               ? 0
               : mm_diag(r->diags, MM_RULE_PACK_TOKENIZER,
                         "expected 256 pieces for bytes, as byte_fallback is true, found %zu", bytes);
}

/* An added token that is in the vocabulary too gives its piece a type; one that is not comes where its id says. */
static int make_pieces(struct reading *r, bool normalizes)
{
    struct mm_added_token *added = NULL;
    size_t count = 0, fresh = 0;
    const struct mm_json_value *list = part(r, r->added);
    int result = 0;
    if (!mm_json_absent(list) && list->kind != MM_JSON_ARRAY)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, list->offset, "expected an array as added_tokens");
    if (!mm_json_absent(list))
        result = mm_added_tokens_read(&r->tree, list, normalizes, &added, &count, r->diags);
    unsigned char *known = result == 0 ? calloc(MM_TOKENIZER_PIECES_MAX / 8, 1) : NULL;
    if (result == 0 && !known)
        result = mm_diag_memory(r->diags);
    for (size_t i = 0; result == 0 && i < r->entry_count; i++)
        known[r->entries[i].id / 8] |= (unsigned char)(1u << r->entries[i].id % 8);
    struct mm_added_token *apart = result == 0 && count ? mm_realloc_array(NULL, count, sizeof *apart) : NULL;
    if (result == 0 && count && !apart)
        result = mm_diag_memory(r->diags);
    for (size_t i = 0; result == 0 && i < count; i++)
        if (!(known[added[i].id / 8] & 1u << added[i].id % 8))
            apart[fresh++] = added[i];
    if (result == 0)
        result = add_pieces(r, apart, fresh);
    for (size_t i = 0; result == 0 && i < count; i++)
        result = mm_added_token_put(r->tokenizer, &added[i], r->diags);
    free(added);
    free(apart);
    free(known);
    return result;
}

/* model.unk_token: the piece for what no piece spells. */
static int make_unknown(struct reading *r, const struct mm_piece_index *index)
{
    char shown[MM_SHOWN];
    const struct mm_json_value *v = part(r, r->unknown);
    if (mm_json_absent(v))
        return 0;
    uint32_t piece = v->kind == MM_JSON_STRING && !v->cut
                         ? mm_piece_index_find(index, mm_json_text(&r->tree, v), v->length)
                         : MM_TOKEN_NONE;
    if (piece == MM_TOKEN_NONE)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, v->offset,
                              "expected a piece as model.unk_token, found %s", mm_json_shown(&r->tree, v, shown));
    if (r->tokenizer->kind == MM_TOKENIZER_LLAMA)
        r->tokenizer->pieces[piece].type = MM_PIECE_UNKNOWN;
    return mm_tokenizer_set(r->tokenizer, MM_SETTING_UNKNOWN, piece, r->diags);
}

/* The merge of PAIR as indices of pieces, and the piece that it makes. */
static int make_merge(struct reading *r, const struct mm_piece_index *index, const struct pair *pair,
                      struct mm_merge *merge, uint32_t *made)
{
    char left_shown[MM_SHOWN], right_shown[MM_SHOWN], whole[2 * MM_JSON_TEXT];
    const char *left = r->texts.data + pair->left.at, *right = r->texts.data + pair->right.at;
    merge->left = mm_piece_index_find(index, left, pair->left.length);
    merge->right = mm_piece_index_find(index, right, pair->right.length);
    memcpy(whole, left, pair->left.length);
    memcpy(whole + pair->left.length, right, pair->right.length);
    *made = mm_piece_index_find(index, whole, pair->left.length + pair->right.length);
    if (merge->left == MM_TOKEN_NONE || merge->right == MM_TOKEN_NONE || *made == MM_TOKEN_NONE ||
        pair->left.length == 0 || pair->right.length == 0)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, pair->offset,
                              "expected a merge of two pieces that makes a piece, found '%s' and '%s'",
                              mm_show(left_shown, left, pair->left.length),
                              mm_show(right_shown, right, pair->right.length));
    return 0;
}

static int make_merges(struct reading *r, const struct mm_piece_index *index)
{
    struct mm_merge *merges = mm_realloc_array(NULL, r->pair_count, sizeof *merges);
    uint32_t *made = mm_realloc_array(NULL, r->pair_count, sizeof *made);
    int result = merges && made ? 0 : mm_diag_memory(r->diags);
    for (size_t i = 0; result == 0 && i < r->pair_count; i++)
        result = make_merge(r, index, &r->pairs[i], &merges[i], &made[i]);
    if (result == 0 && r->tokenizer->kind == MM_TOKENIZER_LLAMA)
        result = mm_merge_scores(r->tokenizer, merges, made, r->pair_count, r->diags);
    for (size_t i = 0; result == 0 && r->tokenizer->kind == MM_TOKENIZER_GPT2 && i < r->pair_count; i++)
        result = mm_tokenizer_add_merge(r->tokenizer, merges[i].left, merges[i].right, r->diags);
    free(merges);
    free(made);
    return result;
}

/* A pre-tokenizer that cuts before each space never lets a piece with a space inside come about; scores would. */
static int check_words(const struct reading *r)
{
    char shown[MM_SHOWN];
    const struct mm_tokenizer *t = r->tokenizer;
    for (size_t i = 0; i < t->piece_count; i++) {
        const char *text = mm_piece_text(t, i);
        size_t length = t->pieces[i].length;
        if (t->pieces[i].type == MM_PIECE_NORMAL && length > 1 &&
            memmem(text + 1, length - 1, MM_PIECE_SPACE, strlen(MM_PIECE_SPACE)))
            return mm_diag(r->diags, MM_RULE_PACK_TOKENIZER,
                           "expected no piece with a space inside, as the pre_tokenizer cuts before spaces, found '%s'",
                           mm_show(shown, text, length));
    }
    return 0;
}

static int make(struct reading *r, bool *normalizes)
{
    struct mm_pipeline pipeline = {&r->tree,
                                   part(r, r->parts[0]),
                                   part(r, r->parts[1]),
                                   part(r, r->parts[2]),
                                   part(r, r->parts[3]),
                                   r->byte_fallback,
                                   r->ignore_merges,
                                   false,
                                   false};
    struct mm_piece_index index = {0};
    r->tokenizer->has_types = true;
    if (judge_type(r) < 0 || mm_pipeline_judge(&pipeline, r->tokenizer, r->diags) < 0 ||
        make_pieces(r, pipeline.normalizes) < 0)
        return -1;
    *normalizes = pipeline.normalizes;
    int result = mm_piece_index_build(&index, r->tokenizer, r->diags);
    if (result == 0)
        result = make_unknown(r, &index);
    if (result == 0)
        result = check_bytes(r);
    if (result == 0)
        result = make_merges(r, &index);
    if (result == 0 && pipeline.words)
        result = check_words(r);
    if (result == 0)
        result = mm_pipeline_around(&pipeline, r->tokenizer, r->diags);
    mm_piece_index_release(&index);
    return result;
}

static void release(struct reading *r)
{
    mm_json_release(&r->json);
    mm_json_tree_release(&r->tree);
    mm_buf_release(&r->texts);
    free(r->entries);
    free(r->pairs);
}

int mm_tokenizer_from_json(struct mm_tokenizer *tokenizer, int fd, bool *normalizes, struct mm_diags *diags)
{
    struct reading *r = calloc(1, sizeof *r);
    struct mm_source source = {0};
    if (!r)
        return mm_diag_memory(diags);
    *r = (struct reading){.tokenizer = tokenizer,
                          .diags = diags,
                          .parts = {-1, -1, -1, -1},
                          .added = -1,
                          .type = -1,
                          .unknown = -1,
                          .unknown_id = -1};
    int result = lseek(fd, 0, SEEK_SET) < 0 ? mm_diag(diags, MM_RULE_IO_READ, "cannot go back to the first byte")
                                            : mm_source_open(&source, fd, diags);
    if (result == 0)
        result = mm_json_init(&r->json, &source, MM_JSON_FILE_MAX, MM_JSON_DEPTH, diags);
    if (result == 0 && !read_members(r))
        result = -1;
    if (result == 0 || source.error)
        result = mm_source_finish(&source, diags);
    if (result == 0)
        result = make(r, normalizes);
    release(r);
    mm_source_release(&source);
    free(r);
    return result;
}
