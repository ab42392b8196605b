/* sentencepiece's tokenizer.model: a protocol buffer with pieces, what its trainer was told, and what is done to text before. */
#include <inttypes.h>
#include <string.h>

#include "convert/protobuf.h"
#include "convert/sources.h"
#include "convert/special.h"

/* The largest known have 5 MB. */
#define FILE_MAX (64u * 1024 * 1024)

#define COUNT_OF(table) (sizeof(table) / sizeof *(table))

enum { MODEL_PIECES = 1, MODEL_TRAINER, MODEL_NORMALIZER, MODEL_SELF_TEST, MODEL_DENORMALIZER };
static const struct mm_proto_known model_fields[] = {
    {MODEL_PIECES, MM_WIRE_BYTES, true, "pieces"},
    {MODEL_TRAINER, MM_WIRE_BYTES, false, "trainer_spec"},
    {MODEL_NORMALIZER, MM_WIRE_BYTES, false, "normalizer_spec"},
    {MODEL_SELF_TEST, MM_WIRE_BYTES, false, "self_test_data"}, /* for its makers: nothing follows from it */
    {MODEL_DENORMALIZER, MM_WIRE_BYTES, false, "denormalizer_spec"},
};

enum { PIECE_TEXT = 1, PIECE_SCORE, PIECE_TYPE };
static const struct mm_proto_known piece_fields[] = {
    {PIECE_TEXT, MM_WIRE_BYTES, false, "piece"},
    {PIECE_SCORE, MM_WIRE_FOUR, false, "score"},
    {PIECE_TYPE, MM_WIRE_VARINT, false, "type"},
};

enum {
    TRAINER_TYPE = 3,
    TRAINER_SUFFIX = 24,
    TRAINER_BYTES = 35,
    TRAINER_UNKNOWN = 40, /* the next three: what begins, what ends a text, padding */
    TRAINER_PADDING = 43,
    TRAINER_UNKNOWN_PIECE = 45, /* likewise */
    TRAINER_PADDING_PIECE = 48,
};
static const struct mm_proto_known trainer_fields[] = {
    {1, MM_WIRE_BYTES, true, "input"},
    {2, MM_WIRE_BYTES, false, "model_prefix"},
    {TRAINER_TYPE, MM_WIRE_VARINT, false, "model_type"},
    {4, MM_WIRE_VARINT, false, "vocab_size"},
    {5, MM_WIRE_BYTES, true, "accept_language"},
    {6, MM_WIRE_VARINT, false, "self_test_sample_size"},
    {7, MM_WIRE_BYTES, false, "input_format"},
    {10, MM_WIRE_FOUR, false, "character_coverage"},
    {11, MM_WIRE_VARINT, false, "input_sentence_size"},
    {12, MM_WIRE_VARINT, false, "mining_sentence_size"},
    {13, MM_WIRE_VARINT, false, "training_sentence_size"},
    {14, MM_WIRE_VARINT, false, "seed_sentencepiece_size"},
    {15, MM_WIRE_FOUR, false, "shrinking_factor"},
    {16, MM_WIRE_VARINT, false, "num_threads"},
    {17, MM_WIRE_VARINT, false, "num_sub_iterations"},
    {18, MM_WIRE_VARINT, false, "max_sentence_length"},
    {19, MM_WIRE_VARINT, false, "shuffle_input_sentence"},
    {20, MM_WIRE_VARINT, false, "max_sentencepiece_length"},
    {21, MM_WIRE_VARINT, false, "split_by_unicode_script"},
    {22, MM_WIRE_VARINT, false, "split_by_whitespace"},
    {23, MM_WIRE_VARINT, false, "split_by_number"},
    {TRAINER_SUFFIX, MM_WIRE_VARINT, false, "treat_whitespace_as_suffix"},
    {25, MM_WIRE_VARINT, false, "split_digits"},
    {26, MM_WIRE_VARINT, false, "allow_whitespace_only_pieces"},
    {30, MM_WIRE_BYTES, true, "control_symbols"},
    {31, MM_WIRE_BYTES, true, "user_defined_symbols"},
    {32, MM_WIRE_VARINT, false, "vocabulary_output_piece_score"},
    {33, MM_WIRE_VARINT, false, "hard_vocab_limit"},
    {34, MM_WIRE_VARINT, false, "use_all_vocab"},
    {TRAINER_BYTES, MM_WIRE_VARINT, false, "byte_fallback"},
    {36, MM_WIRE_BYTES, false, "required_chars"},
    {TRAINER_UNKNOWN, MM_WIRE_VARINT, false, "unk_id"},
    {41, MM_WIRE_VARINT, false, "bos_id"},
    {42, MM_WIRE_VARINT, false, "eos_id"},
    {TRAINER_PADDING, MM_WIRE_VARINT, false, "pad_id"},
    {44, MM_WIRE_BYTES, false, "unk_surface"},
    {TRAINER_UNKNOWN_PIECE, MM_WIRE_BYTES, false, "unk_piece"},
    {46, MM_WIRE_BYTES, false, "bos_piece"},
    {47, MM_WIRE_BYTES, false, "eos_piece"},
    {TRAINER_PADDING_PIECE, MM_WIRE_BYTES, false, "pad_piece"},
    {49, MM_WIRE_VARINT, false, "train_extremely_large_corpus"},
    {50, MM_WIRE_VARINT, false, "enable_differential_privacy"},
    {51, MM_WIRE_FOUR, false, "differential_privacy_noise_level"},
    {52, MM_WIRE_VARINT, false, "differential_privacy_clipping_threshold"},
    {53, MM_WIRE_BYTES, false, "pretokenization_delimiter"},
    {54, MM_WIRE_BYTES, false, "seed_sentencepieces_file"},
    {55, MM_WIRE_VARINT, false, "auto_character_coverage"},
};

enum { NORMALIZER_MAP = 2, NORMALIZER_PREFIX, NORMALIZER_EXTRA, NORMALIZER_ESCAPE };
static const struct mm_proto_known normalizer_fields[] = {
    {1, MM_WIRE_BYTES, false, "name"}, /* what was asked for; what is done stands in the map */
    {NORMALIZER_MAP, MM_WIRE_BYTES, false, "precompiled_charsmap"},
    {NORMALIZER_PREFIX, MM_WIRE_VARINT, false, "add_dummy_prefix"},
    {NORMALIZER_EXTRA, MM_WIRE_VARINT, false, "remove_extra_whitespaces"},
    {NORMALIZER_ESCAPE, MM_WIRE_VARINT, false, "escape_whitespaces"},
    {6, MM_WIRE_BYTES, false, "normalization_rule_tsv"},
};

enum { UNIGRAM = 1, BPE = 2 }; /* model_type */
enum { ROLES = 4 };            /* unk, bos, eos, pad */

struct word {
    const char *text;
    size_t length;
};

struct reading {
    struct mm_tokenizer *tokenizer;
    const unsigned char *bytes;
    struct mm_diags *diags;
    bool trained, byte_pieces, byte_fallback;
    uint64_t model_type;
    int64_t roles[ROLES]; /* indices of pieces, negative for none */
    struct word names[ROLES];
};

static struct mm_proto message(const struct reading *r, const char *name, const struct mm_proto_known *known,
                               size_t count, size_t at, size_t length)
{
    return (struct mm_proto){.message = name,
                             .known = known,
                             .known_count = count,
                             .bytes = r->bytes,
                             .at = at,
                             .end = at + length,
                             .diags = r->diags};
}

/* The pieces that are matched in the raw text have plain spaces there, as in GGUF. */
static int add_piece(struct reading *r, struct word text, float score, uint8_t type)
{
    struct mm_buf plain = {0};
    size_t blank = strlen(MM_PIECE_SPACE);
    if (type != MM_PIECE_USER_DEFINED)
        return mm_tokenizer_add_piece(r->tokenizer, text.text, text.length, score, type, r->diags);
    for (size_t i = 0; i < text.length;) {
        bool space = text.length - i >= blank && memcmp(text.text + i, MM_PIECE_SPACE, blank) == 0;
        mm_buf_char(&plain, space ? ' ' : text.text[i]);
        i += space ? blank : 1;
    }
    int result = plain.failed
                     ? mm_diag_memory(r->diags)
                     : mm_tokenizer_add_piece(r->tokenizer, mm_buf_text(&plain), plain.length, score, type, r->diags);
    mm_buf_release(&plain);
    return result;
}

static int read_piece(struct reading *r, const struct mm_proto_field *outer)
{
    struct mm_proto proto = message(r, "SentencePiece", piece_fields, COUNT_OF(piece_fields), outer->at, outer->length);
    struct mm_proto_field field;
    struct word text = {"", 0};
    float score = 0;
    uint64_t type = MM_PIECE_NORMAL;
    int more;
    while ((more = mm_proto_next(&proto, &field)) > 0) {
        if (field.known->number == PIECE_TEXT)
            text = (struct word){(const char *)r->bytes + field.at, field.length};
        else if (field.known->number == PIECE_SCORE)
            score = field.real;
        else
            type = field.number;
    }
    if (more < 0)
        return -1;
    if (type < MM_PIECE_NORMAL || type > MM_PIECE_BYTE)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, outer->at,
                              "expected a type from 1 to 6 for piece %zu, found %" PRIu64, r->tokenizer->piece_count,
                              type);
    r->byte_pieces = r->byte_pieces || type == MM_PIECE_BYTE;
    return add_piece(r, text, score, (uint8_t)type);
}

static int read_trainer(struct reading *r, const struct mm_proto_field *outer)
{
    struct mm_proto proto =
        message(r, "TrainerSpec", trainer_fields, COUNT_OF(trainer_fields), outer->at, outer->length);
    struct mm_proto_field field;
    int more;
    r->trained = true;
    while ((more = mm_proto_next(&proto, &field)) > 0) {
        unsigned number = field.known->number;
        if (number == TRAINER_TYPE)
            r->model_type = field.number;
        else if (number == TRAINER_BYTES)
            r->byte_fallback = field.number != 0;
        else if (number >= TRAINER_UNKNOWN && number <= TRAINER_PADDING)
            r->roles[number - TRAINER_UNKNOWN] = (int32_t)(uint32_t)field.number; /* an int32, so its low half counts */
        else if (number >= TRAINER_UNKNOWN_PIECE && number <= TRAINER_PADDING_PIECE)
            r->names[number - TRAINER_UNKNOWN_PIECE] = (struct word){(const char *)r->bytes + field.at, field.length};
        else if (number == TRAINER_SUFFIX && field.number != 0)
            return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, field.at,
                                  "expected treat_whitespace_as_suffix false, found true: no .slm tells of it");
    }
    return more;
}

static int read_normalizer(struct reading *r, const struct mm_proto_field *outer, bool of_output)
{
    struct mm_proto proto =
        message(r, "NormalizerSpec", normalizer_fields, COUNT_OF(normalizer_fields), outer->at, outer->length);
    struct mm_proto_field field;
    bool prefix = true, extra = true; /* where nothing is said */
    int more;
    while ((more = mm_proto_next(&proto, &field)) > 0) {
        switch (field.known->number) {
        case NORMALIZER_MAP:
            if (field.length > 0)
                return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, field.at,
                                      "expected an empty precompiled_charsmap in the %s, found %zu bytes: text is "
                                      "normalized by a table, which no .slm holds",
                                      of_output ? "denormalizer_spec" : "normalizer_spec", field.length);
            break;
        case NORMALIZER_PREFIX: prefix = field.number != 0; break;
        case NORMALIZER_EXTRA: extra = field.number != 0; break;
        case NORMALIZER_ESCAPE:
            if (field.number == 0 && !of_output)
                return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, field.at,
                                      "expected escape_whitespaces true, found false: pieces of kind llama spell "
                                      "spaces as U+2581");
            break;
        }
    }
    if (more < 0 || of_output)
        return more;
    return mm_tokenizer_set(r->tokenizer, MM_SETTING_SPACE_PREFIX, prefix, r->diags) < 0
               ? -1
               : mm_tokenizer_set(r->tokenizer, MM_SETTING_REMOVE_SPACES, extra, r->diags);
}

static int read_model(struct reading *r, size_t length)
{
    struct mm_proto proto = message(r, "ModelProto", model_fields, COUNT_OF(model_fields), 0, length);
    struct mm_proto_field field;
    bool normalizes = false;
    int more;
    while ((more = mm_proto_next(&proto, &field)) > 0) {
        int result = 0;
        switch (field.known->number) {
        case MODEL_PIECES: result = read_piece(r, &field); break;
        case MODEL_TRAINER: result = read_trainer(r, &field); break;
        case MODEL_NORMALIZER:
            normalizes = true;
            result = read_normalizer(r, &field, false);
            break;
        case MODEL_DENORMALIZER: result = read_normalizer(r, &field, true); break;
        }
        if (result < 0)
            return -1;
    }
    if (more < 0)
        return -1;
    if (!r->trained || !normalizes || r->tokenizer->piece_count == 0)
        return mm_diag_offset(r->diags, MM_RULE_PACK_TOKENIZER, 0,
                              "expected pieces, trainer_spec and normalizer_spec in ModelProto, found no %s",
                              !r->trained   ? "trainer_spec"
                              : !normalizes ? "normalizer_spec"
                                            : "pieces");
    return 0;
}

/* What trainer_spec says of kinds, bytes and the four pieces with a role, against the pieces. */
static int judge(struct reading *r)
{
    static const uint32_t settings[ROLES] = {MM_SETTING_UNKNOWN, MM_SETTING_BOS, MM_SETTING_EOS, MM_SETTING_PADDING};
    static const char *const keys[ROLES] = {"unk_id", "bos_id", "eos_id", "pad_id"};
    struct mm_tokenizer *t = r->tokenizer;
    char shown[MM_SHOWN];
    if (r->model_type != UNIGRAM && r->model_type != BPE)
        return mm_diag(r->diags, MM_RULE_PACK_TOKENIZER,
                       "expected model_type 1 (unigram) or 2 (bpe) in trainer_spec, found %" PRIu64, r->model_type);
    if (r->byte_fallback != r->byte_pieces)
        return mm_diag(r->diags, MM_RULE_PACK_TOKENIZER, "expected %s, as byte_fallback is %s, found %s",
                       r->byte_fallback ? "pieces for bytes" : "no pieces for bytes",
                       r->byte_fallback ? "true" : "false", r->byte_pieces ? "some" : "none");
    for (int i = 0; i < ROLES; i++) {
        int64_t id = r->roles[i];
        if (id < 0)
            continue;
        struct word name = r->names[i];
        if ((uint64_t)id >= t->piece_count || t->pieces[id].length != name.length ||
            memcmp(mm_piece_text(t, (size_t)id), name.text, name.length) != 0)
            return mm_diag(r->diags, MM_RULE_PACK_TOKENIZER,
                           "expected the piece '%s' at %s of trainer_spec, found none or another at %" PRId64,
                           mm_show(shown, name.text, name.length), keys[i], id);
        if (mm_tokenizer_set(t, settings[i], (uint32_t)id, r->diags) < 0)
            return -1;
    }
    if (r->model_type == UNIGRAM)
        mm_note(r->diags, MM_RULE_PACK_TOKENIZER,
                "the pieces are a unigram model's; kind llama merges them by score, which may cut a text otherwise");
    return 0;
}

int mm_tokenizer_from_model(struct mm_tokenizer *tokenizer, int fd, struct mm_diags *diags)
{
    struct mm_buf file = {0};
    int result = mm_convert_read_file(fd, FILE_MAX, &file, diags);
    struct reading r = {.tokenizer = tokenizer,
                        .bytes = (const unsigned char *)mm_buf_text(&file),
                        .diags = diags,
                        .model_type = UNIGRAM, /* the defaults of sentencepiece_model.proto */
                        .roles = {0, 1, 2, -1},
                        .names = {{"<unk>", 5}, {"<s>", 3}, {"</s>", 4}, {"<pad>", 5}}};
    tokenizer->kind = MM_TOKENIZER_LLAMA;
    tokenizer->has_scores = tokenizer->has_types = true;
    if (result == 0 && (read_model(&r, file.length) < 0 || judge(&r) < 0))
        result = -1;
    mm_buf_release(&file);
    return result;
}
