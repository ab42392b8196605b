/* A tokenizer and a text: any pieces, merges and settings give tokens that are pieces, the same that a slow and simple way gives, or a finding.
 *
 * Bytes: kind and pre-tokenizer; how many pieces; how many merges; flags of encoding; switches; then for each piece its type, score and length and
 * its bytes, for each merge two numbers; the rest is the text. */
#include <string.h>

#include "infer/encoder.h"
#include "infer/encoder_parts.h"
#include "source.h"

#define TEXT_MAX 160 /* bytes that the slow way is asked for */

struct input {
    const uint8_t *data;
    size_t size;
};

static unsigned take(struct input *input)
{
    if (input->size == 0)
        return 0;
    input->size--;
    return *input->data++;
}

static void take_pieces(struct mm_tokenizer *t, struct input *input, unsigned count, struct mm_diags *diags)
{
    unsigned char letter[4];
    for (unsigned byte = 0; t->kind == MM_TOKENIZER_GPT2 && byte < 256; byte++) {
        uint32_t code = mm_byte_letter((uint8_t)byte);
        letter[0] = code < 0x80 ? (unsigned char)code : (unsigned char)(0xc0 | code >> 6);
        letter[1] = (unsigned char)(0x80 | (code & 63));
        must(mm_letter_byte(code) == (int)byte);
        must(mm_tokenizer_add_piece(t, letter, code < 0x80 ? 1 : 2, 0, MM_PIECE_NORMAL, diags) == 0);
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned type = take(input), score = take(input), length = take(input) % 12;
        length = length < input->size ? length : (unsigned)input->size;
        must(mm_tokenizer_add_piece(t, input->data, length, (float)(score % 16) - 8, (uint8_t)(1 + type % 6), diags) ==
             0);
        input->data += length;
        input->size -= length;
    }
}

static void make_tokenizer(struct mm_tokenizer *t, struct input *input, unsigned *flags, struct mm_diags *diags)
{
    static const char *const ways[] = {"",       "gpt-2",  "starcoder", "falcon",       "llama-bpe",      "qwen2",
                                       "qwen35", "tekken", "gpt-4o",    "deepseek-llm", "deepseek-coder", "deepseek-v3",
                                       "bloom",  "viking", "laguna",    "minicpm5"};
    unsigned kind = take(input), pieces = take(input), merges = take(input), switches;
    *flags = take(input) & 3;
    switches = take(input);
    t->kind = kind & 1 ? MM_TOKENIZER_GPT2 : MM_TOKENIZER_LLAMA;
    t->has_types = true;
    t->has_scores = t->kind == MM_TOKENIZER_LLAMA;
    if (kind & 1)
        strcpy(t->pre, ways[kind / 2 % 16]);
    take_pieces(t, input, pieces, diags);
    for (unsigned i = 0; t->kind == MM_TOKENIZER_GPT2 && i < merges; i++) {
        uint32_t left = take(input) | (take(input) & 1) << 8, right = take(input) | (take(input) & 1) << 8;
        if (left < t->piece_count && right < t->piece_count)
            must(mm_tokenizer_add_merge(t, left, right, diags) == 0);
    }
    for (uint32_t number = 32; number <= 36; number++)
        if (switches & 1u << (number - 32) && number != 34)
            must(mm_tokenizer_set(t, number, switches >> 7, diags) == 0);
}

/* ---- the slow way: every pair is looked at for each merge, every added token for each part of a text ---- */

struct slow {
    const struct mm_encoder *encoder;
    const struct mm_tokenizer *t;
    uint32_t ids[8 * TEXT_MAX];
    size_t count;
    bool unspelled;
};

static uint32_t find(const struct mm_tokenizer *t, const char *text, size_t length)
{
    for (uint32_t i = 0; i < t->piece_count; i++)
        if (t->pieces[i].length == length && length && memcmp(mm_piece_text(t, i), text, length) == 0)
            return i;
    return MM_TOKEN_NONE;
}

/* How good it is to join the bytes from A to B with those from B to C: lower is better; UINT32_MAX: not at all. */
static double rank_of(const struct slow *s, const char *text, size_t a, size_t b, size_t c)
{
    uint32_t whole = find(s->t, text + a, c - a), left = find(s->t, text + a, b - a),
             right = find(s->t, text + b, c - b);
    if (s->t->kind == MM_TOKENIZER_LLAMA)
        return whole == MM_TOKEN_NONE ? UINT32_MAX : -(double)s->t->pieces[whole].score;
    for (size_t i = 0; i < s->t->merge_count; i++)
        if (s->t->merges[i].left == left && s->t->merges[i].right == right)
            return (double)i;
    return UINT32_MAX;
}

/* TEXT, cut at ENDS[0] < ENDS[1] < ... < ENDS[COUNT - 1], the last being its end. */
static void merge(struct slow *s, const char *text, size_t *ends, size_t count)
{
    for (;;) {
        double best = UINT32_MAX;
        size_t at = 0;
        for (size_t i = 0; i + 1 < count; i++) {
            double rank = rank_of(s, text, i ? ends[i - 1] : 0, ends[i], ends[i + 1]);
            if (rank < best) {
                best = rank;
                at = i;
            }
        }
        if (best == UINT32_MAX)
            break;
        memmove(ends + at, ends + at + 1, (count - at - 1) * sizeof *ends);
        count--;
    }
    for (size_t i = 0; i < count; i++) {
        size_t from = i ? ends[i - 1] : 0;
        uint32_t piece = find(s->t, text + from, ends[i] - from);
        if (piece != MM_TOKEN_NONE)
            s->ids[s->count++] = piece;
        for (size_t j = from; piece == MM_TOKEN_NONE && j < ends[i]; j++) {
            unsigned byte = (unsigned char)text[j];
            s->unspelled = s->unspelled || s->t->kind == MM_TOKENIZER_GPT2 || s->encoder->bytes[byte] == MM_TOKEN_NONE;
            s->ids[s->count++] = s->encoder->bytes[byte];
        }
    }
}

static void merge_llama(struct slow *s, const char *text, size_t length, bool prefix)
{
    char spelled[3 * TEXT_MAX + 3];
    size_t size = 0, ends[3 * TEXT_MAX + 3], count = 0;
    for (size_t i = 0; i < length + prefix; i++) {
        bool space = prefix && i == 0;
        char byte = space ? ' ' : text[i - prefix];
        memcpy(spelled + size, byte == ' ' ? "\xe2\x96\x81" : &byte, byte == ' ' ? 3 : 1);
        size += byte == ' ' ? 3 : 1;
    }
    for (size_t at = 0; at < size; count++) {
        unsigned char first = (unsigned char)spelled[at];
        at += first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
        ends[count] = at < size ? at : size;
    }
    merge(s, spelled, ends, count);
}

/* The added token that comes first in a text, as programs do it: all of them by length, each at all places. Encodes what is before and behind. */
static void encode_slow(struct slow *s, const char *text, size_t length, unsigned flags, size_t most, uint32_t from,
                        bool *behind_token)
{
    if (length == 0)
        return;
    for (; most > 0; most--, from = 0)
        for (uint32_t i = from; i < s->t->piece_count; i++) {
            uint8_t type = mm_encoder_type(s->encoder, i);
            if (s->t->pieces[i].length != most ||
                !(type == MM_PIECE_USER_DEFINED ||
                  (flags & MM_ENCODE_SPECIAL && (type == MM_PIECE_CONTROL || type == MM_PIECE_UNKNOWN))))
                continue;
            const char *at = memmem(text, length, mm_piece_text(s->t, i), most);
            if (!at)
                continue;
            encode_slow(s, text, (size_t)(at - text), flags, most, i + 1, behind_token);
            s->ids[s->count++] = i;
            *behind_token = true;
            encode_slow(s, at + most, length - (size_t)(at - text) - most, flags, most, i, behind_token);
            return;
        }
    merge_llama(s, text, length, s->encoder->space_prefix && *behind_token);
    *behind_token = false;
}

static void compare_slow(const struct mm_encoder *encoder, const char *text, size_t length, unsigned flags,
                         const struct mm_tokens *tokens, bool made)
{
    static struct slow slow;
    bool behind_token = true;
    if (length > TEXT_MAX || encoder->joins_spaces || encoder->tokenizer->kind != MM_TOKENIZER_LLAMA)
        return;
    slow = (struct slow){.encoder = encoder, .t = encoder->tokenizer};
    encode_slow(&slow, text, length, flags, 12, 0, &behind_token);
    must(made == !slow.unspelled);
    must(!made || tokens->count == slow.count);
    for (size_t i = 0; made && i < slow.count; i++)
        must(tokens->ids[i] == slow.ids[i]);
}

/* ---- */

static void encode(const struct mm_encoder *encoder, const struct input *input, unsigned flags, struct mm_diags *diags)
{
    struct mm_tokens tokens = {0};
    struct mm_buf text = {0};
    uint64_t errors = diags->errors;
    int result = mm_encode(encoder, (const char *)input->data, input->size, flags, &tokens, diags);
    must((result == 0) == (diags->errors == errors));
    for (size_t i = 0; i < tokens.count; i++)
        must(tokens.ids[i] < encoder->tokenizer->piece_count);
    if (!(flags & MM_ENCODE_AROUND))
        compare_slow(encoder, (const char *)input->data, input->size, flags, &tokens, result == 0);
    must(mm_decode(encoder, tokens.ids, tokens.count, true, flags & MM_ENCODE_SPECIAL, &text, diags) == 0);
    mm_buf_release(&text);
    mm_tokens_release(&tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_tokenizer tokenizer = {0};
    struct mm_encoder *encoder = NULL;
    struct input input = {data, size};
    struct mm_diags diags;
    unsigned flags;
    mm_diags_init(&diags);
    make_tokenizer(&tokenizer, &input, &flags, &diags);
    if (tokenizer.piece_count && mm_tokenizer_check(&tokenizer, 0, &diags) == 0) {
        must(mm_encoder_new(&encoder, &tokenizer, &diags) == 0);
        mm_encoder_named(encoder, flags & MM_ENCODE_AROUND ? "phi-3" : ""); /* the slow way knows nothing of it */
        encode(encoder, &input, flags, &diags);
    }
    mm_encoder_free(encoder);
    mm_tokenizer_release(&tokenizer);
    mm_diags_release(&diags);
    return 0;
}
