#include "convert/pipeline.h"

#include <inttypes.h>
#include <string.h>

#include "convert/special.h"

#define STEPS_MAX 8
#define COUNT_OF(table) (sizeof(table) / sizeof *(table))

/* The steps of one of the four parts. */
struct steps {
    const struct mm_json_value *at[STEPS_MAX];
    size_t count;
};

/* How bytes-as-letters tokenizers cut a text, by the names that GGUF files give the ways (tokenizer.ggml.pre). Where several names
 * stand for one way, the first model's that was known for it. */
static const struct cut {
    const char *pre;
    bool digits;         /* each digit by itself first */
    const char *pattern; /* what is a word: a regular expression, or NULL for ByteLevel's own */
    bool ignore_merges;
    enum { AS_IS, COMPOSED, EITHER } text; /* whether Unicode's form NFC comes before */
} cuts[] = {
    {"gpt-2", false, NULL, false, AS_IS},
    {"gpt-2", false, "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+", false,
     AS_IS},
    {"mpt", false, NULL, false, COMPOSED},
    {"smollm", true, NULL, false, AS_IS},
    {"llama-bpe", false,
     "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
     "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
     true, AS_IS},
    {"dbrx", false,
     "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
     "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
     false, AS_IS},
    {"qwen2", false,
     "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|"
     "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
     false, EITHER},
    {"tekken", false,
     "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+|"
     "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*|"
     "\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
     true, AS_IS},
    {"gpt-4o", false,
     "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'"
     "ll|'d)?|"
     "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*(?i:'s|'t|'re|'ve|'m|'"
     "ll|'d)?|"
     "\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
     false, AS_IS},
};

/* ---- steps ---- */

static int refuse(const struct mm_pipeline *p, const char *part, const struct mm_json_value *at, const char *expected,
                  struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    const struct mm_json_value *type = mm_json_member(p->tree, at, "type");
    return mm_diag_offset(diags, MM_RULE_PACK_TOKENIZER, at ? at->offset : 0, "expected %s as %s, found %s%s", expected,
                          part, type ? "a step of type " : "", mm_json_shown(p->tree, type ? type : at, shown));
}

/* PART is null, one step, or a Sequence that has a list of them under LIST. */
static int take_steps(const struct mm_pipeline *p, const struct mm_json_value *part, const char *name, const char *list,
                      struct steps *steps, struct mm_diags *diags)
{
    steps->count = 0;
    if (mm_json_absent(part))
        return 0;
    if (!mm_json_is(p->tree, mm_json_member(p->tree, part, "type"), "Sequence")) {
        steps->at[steps->count++] = part;
        return 0;
    }
    const struct mm_json_value *items = mm_json_member(p->tree, part, list);
    if (!mm_json_kind(items, MM_JSON_ARRAY))
        return refuse(p, name, part, "a Sequence with a list of steps", diags);
    for (const struct mm_json_value *v = mm_json_first(p->tree, items); v; v = mm_json_following(p->tree, v)) {
        if (steps->count == STEPS_MAX)
            return refuse(p, name, part, "at most 8 steps", diags);
        steps->at[steps->count++] = v;
    }
    return 0;
}

static bool is_step(const struct mm_pipeline *p, const struct steps *steps, size_t index, const char *type)
{
    return index < steps->count && mm_json_is(p->tree, mm_json_member(p->tree, steps->at[index], "type"), type);
}

/* True if STEP has no members but "type" and those of NAMES, a list parted by spaces. */
static bool only(const struct mm_pipeline *p, const struct mm_json_value *step, const char *names)
{
    for (const struct mm_json_value *v = mm_json_first(p->tree, step); v; v = mm_json_following(p->tree, v)) {
        bool known = mm_json_named(p->tree, v, "type");
        for (const char *at = names; !known && *at; at += strspn(at, " ")) {
            size_t length = strcspn(at, " ");
            known = v->name_length == length && memcmp(mm_json_name(p->tree, v), at, length) == 0;
            at += length;
        }
        if (!known)
            return false;
    }
    return true;
}

/* The switch NAME of STEP, or UNSTATED where it is not there. */
static bool has(const struct mm_pipeline *p, const struct mm_json_value *step, const char *name, bool unstated)
{
    const struct mm_json_value *value = mm_json_member(p->tree, step, name);
    return value ? value->kind == MM_JSON_TRUE : unstated;
}

static const struct mm_json_value *member(const struct mm_pipeline *p, const struct mm_json_value *step,
                                          const char *name)
{
    return mm_json_member(p->tree, step, name);
}

/* ---- kind gpt2: bytes as letters ---- */

/* A Split that keeps what its pattern finds: as pieces apart, or by dropping all else where the pattern finds everything. */
static const struct mm_json_value *split_pattern(const struct mm_pipeline *p, const struct mm_json_value *step)
{
    bool invert = has(p, step, "invert", false);
    if (!only(p, step, "pattern behavior invert") || !only(p, member(p, step, "pattern"), "Regex") ||
        !mm_json_is(p->tree, member(p, step, "behavior"), invert ? "Removed" : "Isolated"))
        return NULL;
    const struct mm_json_value *pattern = member(p, member(p, step, "pattern"), "Regex");
    return mm_json_kind(pattern, MM_JSON_STRING) ? pattern : NULL;
}

static const struct cut *find_cut(const struct mm_pipeline *p, const struct steps *pre, bool composed)
{
    const struct mm_json_value *last = pre->at[pre->count - 1], *pattern = NULL;
    bool digits = pre->count == 2 && is_step(p, pre, 0, "Digits") && only(p, pre->at[0], "individual_digits") &&
                  has(p, pre->at[0], "individual_digits", false);
    if (pre->count == 2 && is_step(p, pre, 0, "Split"))
        pattern = split_pattern(p, pre->at[0]);
    bool plain = pre->count == 1 || digits, known = plain || pattern;
    if (!known || !only(p, last, "add_prefix_space trim_offsets use_regex") || has(p, last, "add_prefix_space", true) ||
        has(p, last, "use_regex", true) != plain)
        return NULL;
    for (size_t i = 0; i < COUNT_OF(cuts); i++) {
        const struct cut *cut = &cuts[i];
        bool same = pattern ? cut->pattern && mm_json_is(p->tree, pattern, cut->pattern) : !cut->pattern;
        if (same && cut->digits == digits && cut->ignore_merges == p->ignore_merges &&
            (cut->text == EITHER || (cut->text == COMPOSED) == composed))
            return cut;
    }
    return NULL;
}

static int judge_bytes(struct mm_pipeline *p, const struct steps *normalizer, const struct steps *pre,
                       const struct steps *decoder, struct mm_tokenizer *tokenizer, struct mm_diags *diags)
{
    bool composed = normalizer->count == 1 && is_step(p, normalizer, 0, "NFC") && only(p, normalizer->at[0], "");
    if (p->byte_fallback)
        return mm_diag_offset(diags, MM_RULE_PACK_TOKENIZER, p->pre_tokenizer->offset,
                              "expected a BPE model without byte_fallback behind a pre_tokenizer of type ByteLevel");
    if (normalizer->count && !composed)
        return refuse(p, "normalizer", normalizer->at[0], "none, or NFC,", diags);
    if (decoder->count != 1 || !is_step(p, decoder, 0, "ByteLevel"))
        return refuse(p, "decoder", p->decoder, "ByteLevel", diags);
    const struct cut *cut = find_cut(p, pre, composed);
    if (!cut)
        return mm_diag_offset(
            diags, MM_RULE_PACK_TOKENIZER, p->pre_tokenizer->offset,
            "expected a pre_tokenizer that GGUF files have a name for (gpt-2, mpt, smollm, llama-bpe, "
            "dbrx, qwen2, tekken, gpt-4o; with the normalizer and ignore_merges that belong to it), "
            "found another");
    tokenizer->kind = MM_TOKENIZER_GPT2;
    strcpy(tokenizer->pre, cut->pre);
    if (composed)
        mm_note(diags, MM_RULE_PACK_TOKENIZER,
                "leaves out the normalizer NFC: text that is not composed is to be composed before it is cut");
    return 0;
}

/* ---- kind llama: spaces as U+2581 ---- */

/* Replace of a plain text by another, in either direction. */
static bool replaces(const struct mm_pipeline *p, const struct mm_json_value *step, const char *from, const char *to)
{
    return only(p, step, "pattern content") && only(p, member(p, step, "pattern"), "String") &&
           mm_json_is(p->tree, member(p, member(p, step, "pattern"), "String"), from) &&
           mm_json_is(p->tree, member(p, step, "content"), to);
}

/* Normalizers that spell spaces: Prepend and Replace, or Replace alone. */
static int judge_spelling(const struct mm_pipeline *p, const struct steps *normalizer, bool *spelled, bool *prefix,
                          struct mm_diags *diags)
{
    size_t at = 0;
    *prefix = is_step(p, normalizer, 0, "Prepend") && only(p, normalizer->at[0], "prepend") &&
              mm_json_is(p->tree, member(p, normalizer->at[0], "prepend"), MM_PIECE_SPACE);
    at += *prefix;
    *spelled = is_step(p, normalizer, at, "Replace") && replaces(p, normalizer->at[at], " ", MM_PIECE_SPACE);
    at += *spelled;
    if (at < normalizer->count || (*prefix && !*spelled))
        return refuse(p, "normalizer", normalizer->at[at < normalizer->count ? at : 0],
                      "Prepend and Replace of spaces by U+2581, or Replace alone, or none,", diags);
    return 0;
}

/* Metaspace spells spaces too. It puts a space only where a text does not begin with one, and "first" not behind special tokens
 * inside a text, of which the setting cannot tell. */
static int judge_metaspace(struct mm_pipeline *p, const struct mm_json_value *step, bool *prefix,
                           struct mm_diags *diags)
{
    const struct mm_json_value *scheme = member(p, step, "prepend_scheme");
    bool never = mm_json_is(p->tree, scheme, "never");
    if (!only(p, step, "replacement str_rep add_prefix_space prepend_scheme split") ||
        !mm_json_is(p->tree, member(p, step, "replacement"), MM_PIECE_SPACE) ||
        (scheme && !never && !mm_json_is(p->tree, scheme, "first") && !mm_json_is(p->tree, scheme, "always")))
        return refuse(p, "pre_tokenizer", step, "Metaspace with U+2581 and a prepend_scheme that is known", diags);
    *prefix = scheme ? !never : has(p, step, "add_prefix_space", true);
    p->words = has(p, step, "split", true);
    if (*prefix)
        mm_note(diags, MM_RULE_PACK_TOKENIZER,
                "the pre_tokenizer puts no second space before a text that begins with one; add_space_prefix says that "
                "one is put before every text");
    return 0;
}

/* What was put before is taken away again: Replace, ByteFallback and Fuse, with a Strip of one space where one was put there; or
 * ByteFallback and Metaspace. In another order, or with a step less, pieces become another text. */
static bool undoes(const struct mm_pipeline *p, const struct steps *steps, bool prefix)
{
    static const char *const plain[] = {"Replace", "ByteFallback", "Fuse", "Strip"};
    for (size_t i = 0; i < COUNT_OF(plain) && i < steps->count; i++)
        if (!is_step(p, steps, i, plain[i]))
            return false;
    if (steps->count != (prefix ? 4 : 3) || !replaces(p, steps->at[0], MM_PIECE_SPACE, " ") ||
        !only(p, steps->at[1], "") || !only(p, steps->at[2], ""))
        return false;
    uint64_t start, stop;
    return !prefix || (only(p, steps->at[3], "content start stop") &&
                       mm_json_is(p->tree, member(p, steps->at[3], "content"), " ") &&
                       mm_json_whole(p->tree, member(p, steps->at[3], "start"), 1, &start) && start == 1 &&
                       mm_json_whole(p->tree, member(p, steps->at[3], "stop"), 0, &stop));
}

static int judge_decoder(struct mm_pipeline *p, const struct steps *steps, bool prefix, struct mm_diags *diags)
{
    bool metaspace = steps->count == 2 && is_step(p, steps, 0, "ByteFallback") && only(p, steps->at[0], "") &&
                     is_step(p, steps, 1, "Metaspace");
    bool before = false, words = p->words;
    if (metaspace) {
        if (judge_metaspace(p, steps->at[1], &before, diags) < 0)
            return -1;
        p->words = words; /* the pre-tokenizer's affair */
    }
    if (metaspace ? before == prefix : undoes(p, steps, prefix))
        return 0;
    return refuse(p, "decoder", p->decoder,
                  prefix ? "Replace of U+2581 by spaces, ByteFallback, Fuse and a Strip of one space at the start"
                         : "Replace of U+2581 by spaces, ByteFallback and Fuse, as no space is put before a text,",
                  diags);
}

static int judge_spaces(struct mm_pipeline *p, const struct steps *normalizer, const struct steps *pre,
                        const struct steps *decoder, struct mm_tokenizer *tokenizer, struct mm_diags *diags)
{
    bool spelled = false, prefix = false;
    if (judge_spelling(p, normalizer, &spelled, &prefix, diags) < 0)
        return -1;
    p->normalizes = spelled;
    if (!spelled && pre->count == 1 && is_step(p, pre, 0, "Metaspace")) {
        if (judge_metaspace(p, pre->at[0], &prefix, diags) < 0)
            return -1;
    } else if (!spelled) {
        return refuse(p, "pre_tokenizer", p->pre_tokenizer, "ByteLevel, Metaspace, or a normalizer that spells spaces",
                      diags);
    } else if (pre->count > 1 || (pre->count == 1 && /* cuts at spaces, of which the normalizer left none */
                                  !(is_step(p, pre, 0, "Split") &&
                                    mm_json_is(p->tree, member(p, member(p, pre->at[0], "pattern"), "String"), " ")))) {
        return refuse(p, "pre_tokenizer", pre->at[0], "none behind a normalizer that spells spaces", diags);
    }
    if (!p->byte_fallback)
        return mm_diag(diags, MM_RULE_PACK_TOKENIZER,
                       "expected byte_fallback true in a BPE model whose pieces spell spaces as U+2581, found false");
    if (p->ignore_merges)
        return mm_diag(
            diags, MM_RULE_PACK_TOKENIZER,
            "expected ignore_merges false in a BPE model whose pieces spell spaces as U+2581, found true: no "
            ".slm of kind llama takes whole words that no merges make");
    if (judge_decoder(p, decoder, prefix, diags) < 0)
        return -1;
    tokenizer->kind = MM_TOKENIZER_LLAMA;
    return mm_tokenizer_set(tokenizer, MM_SETTING_SPACE_PREFIX, prefix, diags);
}

int mm_pipeline_judge(struct mm_pipeline *p, struct mm_tokenizer *tokenizer, struct mm_diags *diags)
{
    struct steps normalizer, pre, decoder;
    if (take_steps(p, p->normalizer, "normalizer", "normalizers", &normalizer, diags) < 0 ||
        take_steps(p, p->pre_tokenizer, "pre_tokenizer", "pretokenizers", &pre, diags) < 0 ||
        take_steps(p, p->decoder, "decoder", "decoders", &decoder, diags) < 0)
        return -1;
    p->normalizes = p->words = false;
    return pre.count && is_step(p, &pre, pre.count - 1, "ByteLevel")
               ? judge_bytes(p, &normalizer, &pre, &decoder, tokenizer, diags)
               : judge_spaces(p, &normalizer, &pre, &decoder, tokenizer, diags);
}

/* ---- what is put around a text ---- */

/* The token that a template's step stands for; its id is in the template's special_tokens. */
static int around_token(const struct mm_pipeline *p, const struct mm_json_value *processor,
                        const struct mm_json_value *step, const struct mm_tokenizer *tokenizer, uint32_t *id,
                        struct mm_diags *diags)
{
    uint64_t number;
    const struct mm_json_value *name = member(p, member(p, step, "SpecialToken"), "id");
    const struct mm_json_value *ids = NULL;
    if (mm_json_kind(name, MM_JSON_STRING))
        ids = member(p, member(p, member(p, processor, "special_tokens"), mm_json_text(p->tree, name)), "ids");
    const struct mm_json_value *first = mm_json_kind(ids, MM_JSON_ARRAY) ? mm_json_first(p->tree, ids) : NULL;
    if (!first || mm_json_following(p->tree, first) || tokenizer->piece_count == 0 ||
        !mm_json_whole(p->tree, first, tokenizer->piece_count - 1, &number))
        return refuse(p, "post_processor", processor, "a template whose special_tokens have one id each", diags);
    *id = (uint32_t)number;
    return 0;
}

/* The template for one text: at most one token, the text, at most one token. */
static int around(const struct mm_pipeline *p, const struct mm_json_value *processor, struct mm_tokenizer *tokenizer,
                  struct mm_diags *diags)
{
    const struct mm_json_value *single = member(p, processor, "single");
    const struct mm_json_value *step = mm_json_kind(single, MM_JSON_ARRAY) ? mm_json_first(p->tree, single) : NULL;
    uint32_t id;
    bool before = member(p, step, "SpecialToken") != NULL, after = false;
    if (before) {
        if (around_token(p, processor, step, tokenizer, &id, diags) < 0 ||
            mm_tokenizer_set(tokenizer, MM_SETTING_BOS, id, diags) < 0)
            return -1;
        step = mm_json_following(p->tree, step);
    }
    if (!step || !mm_json_is(p->tree, member(p, member(p, step, "Sequence"), "id"), "A"))
        return refuse(p, "post_processor", processor, "a template of one token, the text, and one token, at most,",
                      diags);
    step = mm_json_following(p->tree, step);
    if (step && member(p, step, "SpecialToken")) {
        after = true;
        if (around_token(p, processor, step, tokenizer, &id, diags) < 0 ||
            mm_tokenizer_set(tokenizer, MM_SETTING_EOS, id, diags) < 0)
            return -1;
        step = mm_json_following(p->tree, step);
    }
    if (step)
        return refuse(p, "post_processor", processor, "a template of one token, the text, and one token, at most,",
                      diags);
    return mm_tokenizer_set(tokenizer, MM_SETTING_ADD_BOS, before, diags) < 0
               ? -1
               : mm_tokenizer_set(tokenizer, MM_SETTING_ADD_EOS, after, diags);
}

int mm_pipeline_around(const struct mm_pipeline *p, struct mm_tokenizer *tokenizer, struct mm_diags *diags)
{
    struct steps steps;
    bool found = false;
    if (take_steps(p, p->post_processor, "post_processor", "processors", &steps, diags) < 0)
        return -1;
    for (size_t i = 0; i < steps.count; i++) {
        if (is_step(p, &steps, i, "ByteLevel")) /* trims offsets, no tokens */
            continue;
        if (found || !is_step(p, &steps, i, "TemplateProcessing"))
            return refuse(p, "post_processor", steps.at[i], "ByteLevel, or one TemplateProcessing,", diags);
        found = true;
        if (around(p, steps.at[i], tokenizer, diags) < 0)
            return -1;
    }
    return 0;
}
