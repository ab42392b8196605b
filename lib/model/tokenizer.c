#include "model/tokenizer.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "hash/name_set.h"

enum { MEANS_SWITCH, MEANS_TOKEN };

const struct mm_setting_info mm_tokenizer_settings[MM_TOKENIZER_SETTING_COUNT] = {
#define SETTING(number, gguf, what, meaning) {number, gguf, MEANS_##what, meaning},
#include "model/tokenizer.def"
};

const struct mm_setting_info *mm_tokenizer_setting(uint32_t number)
{
    for (size_t i = 0; i < MM_TOKENIZER_SETTING_COUNT; i++)
        if (mm_tokenizer_settings[i].number == number)
            return &mm_tokenizer_settings[i];
    return NULL;
}

const struct mm_setting_info *mm_tokenizer_setting_of(const char *gguf)
{
    for (size_t i = 0; i < MM_TOKENIZER_SETTING_COUNT; i++)
        if (strcmp(mm_tokenizer_settings[i].gguf, gguf) == 0)
            return &mm_tokenizer_settings[i];
    return NULL;
}

void mm_tokenizer_release(struct mm_tokenizer *tokenizer)
{
    free(tokenizer->pieces);
    free(tokenizer->merges);
    mm_buf_release(&tokenizer->texts);
    *tokenizer = (struct mm_tokenizer){0};
}

/* ---- adding ---- */

int mm_tokenizer_add_piece(struct mm_tokenizer *tokenizer, const void *text, size_t length, float score, uint8_t type,
                           struct mm_diags *diags)
{
    if (tokenizer->piece_count >= MM_TOKENIZER_PIECES_MAX)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "at most %d pieces of a tokenizer are read", MM_TOKENIZER_PIECES_MAX);
    if (length > MM_TOKENIZER_PIECE_MAX)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "pieces of at most %d bytes are read, found %zu in piece %zu",
                       MM_TOKENIZER_PIECE_MAX, length, tokenizer->piece_count);
    if (tokenizer->texts.length + length > MM_TOKENIZER_TEXTS_MAX)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "at most %d bytes of pieces are read", MM_TOKENIZER_TEXTS_MAX);
    if (!mm_grow(&tokenizer->pieces, tokenizer->piece_count, &tokenizer->piece_capacity, sizeof *tokenizer->pieces))
        return mm_diag_memory(diags);
    size_t at = tokenizer->texts.length;
    mm_buf_add(&tokenizer->texts, text, length);
    if (tokenizer->texts.failed)
        return mm_diag_memory(diags);
    tokenizer->pieces[tokenizer->piece_count++] =
        (struct mm_piece){.at = at, .length = (uint16_t)length, .type = type, .score = score};
    return 0;
}

int mm_tokenizer_add_merge(struct mm_tokenizer *tokenizer, uint32_t left, uint32_t right, struct mm_diags *diags)
{
    if (tokenizer->merge_count >= MM_TOKENIZER_MERGES_MAX)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "at most %d merges of a tokenizer are read", MM_TOKENIZER_MERGES_MAX);
    if (!mm_grow(&tokenizer->merges, tokenizer->merge_count, &tokenizer->merge_capacity, sizeof *tokenizer->merges))
        return mm_diag_memory(diags);
    tokenizer->merges[tokenizer->merge_count++] = (struct mm_merge){left, right};
    return 0;
}

int mm_tokenizer_set(struct mm_tokenizer *tokenizer, uint32_t number, uint32_t value, struct mm_diags *diags)
{
    struct mm_setting *settings = tokenizer->settings;
    size_t at = 0, count = tokenizer->setting_count;
    while (at < count && settings[at].number < number)
        at++;
    if (at == count || settings[at].number != number) {
        if (count == MM_TOKENIZER_SETTINGS_MAX)
            return mm_diag(diags, MM_RULE_IO_LIMIT, "at most %d settings of a tokenizer are read",
                           MM_TOKENIZER_SETTINGS_MAX);
        memmove(settings + at + 1, settings + at, (count - at) * sizeof *settings);
        tokenizer->setting_count++;
    }
    settings[at] = (struct mm_setting){number, value};
    return 0;
}

bool mm_tokenizer_get(const struct mm_tokenizer *tokenizer, uint32_t number, uint32_t *value)
{
    for (size_t i = 0; i < tokenizer->setting_count; i++)
        if (tokenizer->settings[i].number == number) {
            *value = tokenizer->settings[i].value;
            return true;
        }
    return false;
}

/* ---- checking ---- */

struct check {
    const struct mm_tokenizer *tokenizer;
    uint64_t offset;
    struct mm_diags *diags;
};

#define WRONG(check, ...) mm_diag_offset((check)->diags, MM_RULE_SLM_TOKENIZER, (check)->offset, __VA_ARGS__)

static void check_counts(struct check *c)
{
    const struct mm_tokenizer *t = c->tokenizer;
    if (t->kind != MM_TOKENIZER_LLAMA && t->kind != MM_TOKENIZER_GPT2)
        WRONG(c, "expected tokenizer kind 1 (llama) or 2 (gpt2), found %u", (unsigned)t->kind);
    if (t->piece_count == 0 || t->piece_count > MM_TOKENIZER_PIECES_MAX)
        WRONG(c, "expected 1 to %d pieces, found %zu", MM_TOKENIZER_PIECES_MAX, t->piece_count);
    if (t->merge_count > MM_TOKENIZER_MERGES_MAX)
        WRONG(c, "expected at most %d merges, found %zu", MM_TOKENIZER_MERGES_MAX, t->merge_count);
    if (t->kind == MM_TOKENIZER_LLAMA && t->merge_count > 0)
        WRONG(c, "expected no merges in a tokenizer of kind 1 (llama), found %zu", t->merge_count);
}

static void check_pre(struct check *c)
{
    char shown[MM_SHOWN];
    const char *pre = c->tokenizer->pre;
    for (const char *at = pre; *at; at++)
        if (!((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || strchr("._-", *at))) {
            WRONG(c, "expected a pre-tokenizer's name of a-z, 0-9, '.', '_' and '-', found '%s'",
                  mm_show(shown, pre, strlen(pre)));
            return;
        }
}

static void check_settings(struct check *c)
{
    const struct mm_tokenizer *t = c->tokenizer;
    for (size_t i = 0; i < t->setting_count; i++) {
        struct mm_setting setting = t->settings[i];
        const struct mm_setting_info *info = mm_tokenizer_setting(setting.number);
        if (i > 0 && t->settings[i - 1].number >= setting.number)
            WRONG(c, "expected settings by number, each once, found %" PRIu32 " behind %" PRIu32, setting.number,
                  t->settings[i - 1].number);
        if (!info)
            WRONG(c, "expected a setting that slm.md lists, found number %" PRIu32, setting.number);
        else if (info->token && setting.value >= t->piece_count && setting.value != MM_TOKEN_NONE)
            WRONG(c, "expected a piece below %zu or 4294967295 for %s, found %" PRIu32, t->piece_count, info->gguf,
                  setting.value);
        else if (!info->token && setting.value > 1)
            WRONG(c, "expected 0 or 1 for %s, found %" PRIu32, info->gguf, setting.value);
    }
}

/* Capitals alone: readers look a byte's piece up in this spelling, and each byte has one piece. */
static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

static bool spells_byte(const char *text, size_t length)
{
    return length == 6 && memcmp(text, "<0x", 3) == 0 && is_hex(text[3]) && is_hex(text[4]) && text[5] == '>';
}

static void check_piece(struct check *c, size_t index)
{
    char shown[MM_SHOWN];
    const struct mm_tokenizer *t = c->tokenizer;
    const struct mm_piece *piece = &t->pieces[index];
    const char *text = mm_piece_text(t, index);
    if (t->has_scores && !isfinite(piece->score))
        WRONG(c, "expected a finite score for piece %zu '%s', found %s", index, mm_show(shown, text, piece->length),
              isnan(piece->score) ? "no number" : "infinity");
    if (t->has_types && (piece->type < MM_PIECE_NORMAL || piece->type > MM_PIECE_BYTE))
        WRONG(c, "expected a type from 1 to 6 for piece %zu '%s', found %u", index, mm_show(shown, text, piece->length),
              (unsigned)piece->type);
    if (t->has_types && piece->type == MM_PIECE_BYTE && t->kind == MM_TOKENIZER_LLAMA &&
        !spells_byte(text, piece->length))
        WRONG(c, "expected <0xHH> as piece %zu of type 6 (byte), found '%s'", index,
              mm_show(shown, text, piece->length));
}

static int check_pieces(struct check *c)
{
    char shown[MM_SHOWN];
    const struct mm_tokenizer *t = c->tokenizer;
    struct mm_name_set set = {0};
    struct mm_sha256 *sha = mm_sha256_new();
    bool memory = sha != NULL;
    for (size_t i = 0; memory && i < t->piece_count; i++) {
        const char *text = mm_piece_text(t, i);
        check_piece(c, i);
        if (t->pieces[i].length == 0)
            continue;
        enum mm_name_added added = mm_name_set_add_text(&set, sha, text, t->pieces[i].length);
        if (added == MM_NAME_KNOWN)
            WRONG(c, "expected pieces that differ, found piece %zu '%s' twice", i,
                  mm_show(shown, text, t->pieces[i].length));
        memory = added != MM_NAME_MEMORY;
    }
    mm_name_set_release(&set);
    mm_sha256_free(sha);
    return memory ? 0 : mm_diag_memory(c->diags);
}

static int compare(const void *a, const void *b)
{
    const struct mm_merge *x = a, *y = b;
    if (x->left != y->left)
        return x->left < y->left ? -1 : 1;
    return (x->right > y->right) - (x->right < y->right);
}

/* Equal merges are found as neighbours in a sorted copy. */
static int check_merges(struct check *c)
{
    const struct mm_tokenizer *t = c->tokenizer;
    if (t->merge_count == 0)
        return 0;
    for (size_t i = 0; i < t->merge_count; i++) {
        struct mm_merge merge = t->merges[i];
        if (merge.left >= t->piece_count || merge.right >= t->piece_count)
            WRONG(c, "expected pieces below %zu in merge %zu, found %" PRIu32 " and %" PRIu32, t->piece_count, i,
                  merge.left, merge.right);
        else if (t->pieces[merge.left].length == 0 || t->pieces[merge.right].length == 0)
            WRONG(c, "expected pieces that are not empty in merge %zu, found %" PRIu32 " and %" PRIu32, i, merge.left,
                  merge.right);
    }
    struct mm_merge *sorted = mm_realloc_array(NULL, t->merge_count, sizeof *sorted);
    if (!sorted)
        return mm_diag_memory(c->diags);
    memcpy(sorted, t->merges, t->merge_count * sizeof *sorted);
    qsort(sorted, t->merge_count, sizeof *sorted, compare);
    for (size_t i = 1; i < t->merge_count; i++)
        if (compare(&sorted[i - 1], &sorted[i]) == 0)
            WRONG(c, "expected merges that differ, found the one of pieces %" PRIu32 " and %" PRIu32 " twice",
                  sorted[i].left, sorted[i].right);
    free(sorted);
    return 0;
}

int mm_tokenizer_check(const struct mm_tokenizer *tokenizer, uint64_t offset, struct mm_diags *diags)
{
    struct check check = {tokenizer, offset, diags};
    uint64_t errors = diags->errors;
    check_counts(&check);
    check_pre(&check);
    check_settings(&check);
    if (check_pieces(&check) < 0 || check_merges(&check) < 0)
        return -1;
    return diags->errors > errors ? -1 : 0;
}
