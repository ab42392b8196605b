#include "convert/special.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"
#include "base/number.h"

/* Capitals alone: readers look a byte's piece up in this spelling, and each byte has one piece. */
static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F');
}

bool mm_piece_is_byte(const char *text, size_t length)
{
    return length == 6 && memcmp(text, "<0x", 3) == 0 && is_hex(text[3]) && is_hex(text[4]) && text[5] == '>';
}

int mm_convert_read_file(int fd, size_t limit, struct mm_buf *out, struct mm_diags *diags)
{
    if (lseek(fd, 0, SEEK_SET) < 0)
        return mm_diag(diags, MM_RULE_IO_READ, "cannot go back to the first byte");
    int result = mm_file_read_all(fd, limit, out, diags);
    return result > 0 ? mm_diag(diags, MM_RULE_IO_LIMIT, "expected at most %zu bytes, found more", limit) : result;
}

/* ---- added tokens ---- */

/* The member NAME of ENTRY, a switch that is false unless stated. */
static int read_switch(const struct mm_json_tree *tree, const struct mm_json_value *entry, const char *name,
                       bool *value, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    const struct mm_json_value *member = mm_json_member(tree, entry, name);
    *value = mm_json_kind(member, MM_JSON_TRUE);
    if (member && !*value && member->kind != MM_JSON_FALSE)
        return mm_diag_offset(diags, MM_RULE_PACK_TOKENIZER, member->offset, "expected true or false for %s, found %s",
                              name, mm_json_shown(tree, member, shown));
    return 0;
}

static int refuse_token(const struct mm_json_tree *tree, const struct mm_json_value *content, const char *why,
                        struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    return mm_diag_offset(diags, MM_RULE_PACK_TOKENIZER, content->offset,
                          "expected added tokens that are matched as they stand, found %s true for %s", why,
                          mm_json_shown(tree, content, shown));
}

/* GGUF's readers, and so .slm's, look for a special token in the raw text, letter by letter: what stands beside it stays, and
 * no normalizer came before. A token that is not special and asks for a normalizer, where there is one that changes letters,
 * would be found in other places. */
static int read_flags(const struct mm_json_tree *tree, const struct mm_json_value *entry,
                      const struct mm_json_value *content, bool normalizes, bool *special, struct mm_diags *diags)
{
    static const char *const refused[] = {"lstrip", "rstrip", "single_word"};
    bool value;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        if (read_switch(tree, entry, refused[i], &value, diags) < 0)
            return -1;
        if (value)
            return refuse_token(tree, content, refused[i], diags);
    }
    if (read_switch(tree, entry, "special", special, diags) < 0 ||
        read_switch(tree, entry, "normalized", &value, diags) < 0)
        return -1;
    return value && normalizes && !*special ? refuse_token(tree, content, "normalized", diags) : 0;
}

int mm_added_token_read(const struct mm_json_tree *tree, const struct mm_json_value *entry, bool normalizes,
                        struct mm_added_token *token, struct mm_diags *diags)
{
    static const char *const known[] = {"id",     "content",    "single_word", "lstrip",
                                        "rstrip", "normalized", "special",     "__type"};
    char shown[MM_SHOWN];
    uint64_t id;
    const struct mm_json_value *content = mm_json_member(tree, entry, "content"),
                               *number = mm_json_member(tree, entry, "id");
    if (!mm_json_kind(content, MM_JSON_STRING) || content->cut || content->length == 0)
        return mm_diag_offset(diags, MM_RULE_PACK_TOKENIZER, entry->offset,
                              "expected an added token's content, a string of 1 to %d bytes, found %s", MM_JSON_TEXT,
                              mm_json_shown(tree, content, shown));
    bool whole = number ? mm_json_whole(tree, number, MM_TOKENIZER_PIECES_MAX - 1, &id)
                        : mm_number(mm_json_name(tree, entry), entry->name_length, MM_TOKENIZER_PIECES_MAX - 1, &id);
    if (!whole)
        return mm_diag_offset(diags, MM_RULE_PACK_TOKENIZER, entry->offset,
                              "expected an id from 0 to %d for the added token %s, found another or none",
                              MM_TOKENIZER_PIECES_MAX - 1, mm_json_shown(tree, content, shown));
    for (const struct mm_json_value *v = mm_json_first(tree, entry); v; v = mm_json_following(tree, v)) {
        size_t i = 0;
        while (i < sizeof known / sizeof *known && !mm_json_named(tree, v, known[i]))
            i++;
        if (i == sizeof known / sizeof *known)
            return mm_diag_offset(diags, MM_RULE_PACK_TOKENIZER, v->offset,
                                  "expected members of an added token that are known, found '%s'",
                                  mm_show(shown, mm_json_name(tree, v), v->name_length));
    }
    *token =
        (struct mm_added_token){.id = (uint32_t)id, .text = mm_json_text(tree, content), .length = content->length};
    return read_flags(tree, entry, content, normalizes, &token->special, diags);
}

static int compare(const void *a, const void *b)
{
    const struct mm_added_token *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

int mm_added_tokens_read(const struct mm_json_tree *tree, const struct mm_json_value *list, bool normalizes,
                         struct mm_added_token **out, size_t *count, struct mm_diags *diags)
{
    size_t capacity = 0;
    *out = NULL;
    *count = 0;
    for (const struct mm_json_value *v = mm_json_first(tree, list); v; v = mm_json_following(tree, v)) {
        if (!mm_grow(out, *count, &capacity, sizeof **out))
            return mm_diag_memory(diags);
        if (mm_added_token_read(tree, v, normalizes, *out + *count, diags) < 0)
            return -1;
        ++*count;
    }
    if (*count)
        qsort(*out, *count, sizeof **out, compare);
    return 0;
}

/* Gives PIECE the type of TOKEN, which has its text. */
static int type_piece(struct mm_piece *piece, const struct mm_added_token *token, uint8_t type, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    bool added = piece->type == MM_PIECE_CONTROL || piece->type == MM_PIECE_USER_DEFINED;
    mm_show(shown, token->text, token->length);
    if (added && piece->type != type)
        return mm_diag(diags, MM_RULE_PACK_TOKENIZER, "expected special %s for '%s', as the tokenizer has it, found %s",
                       token->special ? "false" : "true", shown, token->special ? "true" : "false");
    if (piece->type == MM_PIECE_BYTE)
        return mm_diag(diags, MM_RULE_PACK_TOKENIZER, "expected added tokens that stand for no byte, found '%s'",
                       shown);
    if (piece->type != MM_PIECE_UNKNOWN)
        piece->type = type;
    return 0;
}

int mm_added_token_put(struct mm_tokenizer *tokenizer, const struct mm_added_token *token, struct mm_diags *diags)
{
    char shown[MM_SHOWN], other[MM_SHOWN];
    uint8_t type = token->special ? MM_PIECE_CONTROL : MM_PIECE_USER_DEFINED;
    if (token->id > tokenizer->piece_count)
        return mm_diag(diags, MM_RULE_PACK_TOKENIZER,
                       "expected ids without gaps, found the added token '%s' at %" PRIu32 " behind %zu pieces",
                       mm_show(shown, token->text, token->length), token->id, tokenizer->piece_count);
    if (tokenizer->kind == MM_TOKENIZER_LLAMA && !token->special &&
        memmem(token->text, token->length, MM_PIECE_SPACE, strlen(MM_PIECE_SPACE)))
        return mm_diag(
            diags, MM_RULE_PACK_TOKENIZER,
            "expected no U+2581 in an added token that is not special, found '%s', which some programs look for "
            "as it stands and some with spaces instead",
            mm_show(shown, token->text, token->length));
    if (token->id == tokenizer->piece_count)
        return mm_tokenizer_add_piece(tokenizer, token->text, token->length, 0, type, diags);
    struct mm_piece *piece = &tokenizer->pieces[token->id];
    if (piece->length != token->length || memcmp(mm_piece_text(tokenizer, token->id), token->text, token->length) != 0)
        return mm_diag(diags, MM_RULE_PACK_TOKENIZER,
                       "expected the added token '%s' at %" PRIu32 ", where the piece '%s' stands",
                       mm_show(shown, token->text, token->length), token->id,
                       mm_show(other, mm_piece_text(tokenizer, token->id), piece->length));
    return type_piece(piece, token, type, diags);
}
