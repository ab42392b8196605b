#include "doc/derived.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "text/line.h"

const char *const mm_derivation_names[MM_DERIVATION_COUNT] = {
    [MM_DERIVATION_EXACT] = "exact",
    [MM_DERIVATION_REQUANTISED] = "requantised",
    [MM_DERIVATION_DIFFERS] = "differs",
};

const char *const mm_derived_template_names[MM_DERIVED_TEMPLATE_COUNT] = {
    [MM_DERIVED_TEMPLATE_NONE] = "none",
    [MM_DERIVED_TEMPLATE_EQUAL] = "equal",
    [MM_DERIVED_TEMPLATE_LEFT_OUT] = "left-out",
    [MM_DERIVED_TEMPLATE_DIFFERS] = "differ",
};

static void release_files(struct mm_derived_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->items[i].name);
    free(files->items);
}

void mm_derived_release(struct mm_derived *derived)
{
    release_files(&derived->source);
    release_files(&derived->artifact);
    for (size_t i = 0; i < derived->drop_count; i++)
        free(derived->drops[i]);
    free(derived->drops);
    for (size_t i = 0; i < derived->tensor_count; i++)
        free(derived->tensors[i].name);
    free(derived->tensors);
    *derived = (struct mm_derived){0};
}

int mm_derived_add_file(struct mm_derived_files *files, const char *name,
                        const unsigned char sha256[static MM_HASH_BYTES], struct mm_diags *diags)
{
    struct mm_derived_file file = {.name = name ? strdup(name) : NULL};
    if ((name && !file.name) || !mm_grow(&files->items, files->count, &files->capacity, sizeof file)) {
        free(file.name);
        return mm_diag_memory(diags);
    }
    memcpy(file.sha256, sha256, MM_HASH_BYTES);
    files->items[files->count++] = file;
    return 0;
}

int mm_derived_add_drop(struct mm_derived *derived, const char *key, size_t length, struct mm_diags *diags)
{
    char *copy = strndup(key, length);
    if (!copy || !mm_grow(&derived->drops, derived->drop_count, &derived->drop_capacity, sizeof *derived->drops)) {
        free(copy);
        return mm_diag_memory(diags);
    }
    derived->drops[derived->drop_count++] = copy;
    return 0;
}

int mm_derived_add_tensor(struct mm_derived *derived, enum mm_derivation how, const char *name, size_t length,
                          struct mm_diags *diags)
{
    struct mm_derived_tensor tensor = {how, strndup(name, length)};
    if (!tensor.name || !mm_grow(&derived->tensors, derived->tensor_count, &derived->tensor_capacity, sizeof tensor)) {
        free(tensor.name);
        return mm_diag_memory(diags);
    }
    derived->tensors[derived->tensor_count++] = tensor;
    derived->counts[how]++;
    return 0;
}

bool mm_derived_drop_names(const char *key, const char *name)
{
    size_t length = strlen(key);
    if (length > 0 && key[length - 1] == '*')
        return strncmp(key, name, length - 1) == 0;
    return strcmp(key, name) == 0;
}

bool mm_derived_drop_is_template(const char *key)
{
    static const char gguf[] = "tokenizer.chat_template"; /* and what begins so */
    return strncmp(key, gguf, sizeof gguf - 1) == 0 || mm_derived_drop_names(key, gguf) ||
           mm_derived_drop_names(key, "chat_template");
}

bool mm_derived_passes(const struct mm_derived *derived)
{
    return derived->counts[MM_DERIVATION_DIFFERS] == 0 && !derived->facts_differ && !derived->tokenizer_differs &&
           derived->chat_template != MM_DERIVED_TEMPLATE_DIFFERS;
}

/* ---- writing ---- */

static void write_files(const struct mm_derived_files *files, const char *key, struct mm_buf *out)
{
    char hex[MM_HASH_HEX + 1];
    for (size_t i = 0; i < files->count; i++) {
        const struct mm_derived_file *file = &files->items[i];
        mm_hex(hex, file->sha256, MM_HASH_BYTES);
        mm_buf_printf(out, "%s: %s%s%s\n", key, hex, file->name ? " " : "", file->name ? file->name : "");
    }
}

static const char *equal_or_not(bool differs)
{
    return differs ? "differ" : "equal";
}

void mm_derived_write(const struct mm_derived *derived, struct mm_buf *out)
{
    char hex[MM_HASH_HEX + 1];
    mm_buf_printf(out, MM_DERIVED_TYPE " 0\ntool: %s\n", derived->tool);
    write_files(&derived->source, "source-sha256", out);
    write_files(&derived->artifact, "artifact-sha256", out);
    if (derived->lent_tokenizer) {
        mm_hex(hex, derived->tokenizer_sha256, MM_HASH_BYTES);
        mm_buf_printf(out, "lent-tokenizer-sha256: %s\n", hex);
    }
    for (size_t i = 0; i < derived->drop_count; i++)
        mm_buf_printf(out, "drop: %s\n", derived->drops[i]);
    mm_buf_printf(out, "facts: %s\ntokenizer: %s\nchat-template: %s\n", equal_or_not(derived->facts_differ),
                  equal_or_not(derived->tokenizer_differs), mm_derived_template_names[derived->chat_template]);
    for (int how = 0; how < MM_DERIVATION_COUNT; how++)
        mm_buf_printf(out, "%s: %" PRIu64 "\n", mm_derivation_names[how], derived->counts[how]);
    for (size_t i = 0; i < derived->tensor_count; i++)
        mm_buf_printf(out, "tensor: %s %s\n", mm_derivation_names[derived->tensors[i].how], derived->tensors[i].name);
    mm_buf_printf(out, "verdict: %s\n", mm_derived_passes(derived) ? "pass" : "fail");
}

/* ---- reading ---- */

struct reading {
    struct mm_derived *derived;
    struct mm_lines lines;
    struct mm_line line; /* the one that is looked at; zeroed behind the last */
    uint64_t stated[MM_DERIVATION_COUNT];
    struct mm_diags *diags;
};

static int wrong(struct reading *r, enum mm_rule rule, size_t at, const char *expected)
{
    return mm_line_refuse(&r->line, rule, at, expected, r->diags);
}

static int step(struct reading *r)
{
    return mm_lines_step(&r->lines, &r->line, r->diags);
}

static int expect(struct reading *r, const char *key)
{
    return mm_line_is(&r->line, key) ? 0 : mm_lines_misplaced(&r->lines, &r->line, key, r->diags);
}

static bool value_is(const struct reading *r, const char *word)
{
    return r->line.value_length == strlen(word) && memcmp(r->line.value, word, r->line.value_length) == 0;
}

static int read_tool(struct reading *r)
{
    if (expect(r, "tool") < 0)
        return -1;
    const char *space = memchr(r->line.value, ' ', r->line.value_length);
    if (!space || r->line.value_length > MM_DERIVED_TOOL ||
        memchr(space + 1, ' ', r->line.value_length - (size_t)(space + 1 - r->line.value)))
        return wrong(r, MM_RULE_DIFF_EVIDENCE, 0, "the name of a command and its version");
    memcpy(r->derived->tool, r->line.value, r->line.value_length);
    return step(r);
}

/* `KEY: HEX [NAME]`, once without a name, or sorted by names that differ. */
static int read_file(struct reading *r, struct mm_derived_files *files)
{
    unsigned char hash[MM_HASH_BYTES];
    const char *value = r->line.value;
    size_t length = r->line.value_length;
    bool named = length > MM_HASH_HEX;
    if (length < MM_HASH_HEX || !mm_hex_hash(value, MM_HASH_HEX, hash))
        return wrong(r, MM_RULE_VALUE_HASH, 0, "64 lower-case hex digits");
    const char *name = value + MM_HASH_HEX + 1;
    size_t name_length = named ? length - MM_HASH_HEX - 1 : 0;
    if (named && (value[MM_HASH_HEX] != ' ' || *name == ' ' || memchr(name, '/', name_length)))
        return wrong(r, MM_RULE_DIFF_EVIDENCE, MM_HASH_HEX, "one space and the name of a file behind the hash");
    const char *last = files->count ? files->items[files->count - 1].name : NULL;
    if (files->count > 0 && (!named || !last || mm_bytes_compare(last, strlen(last), name, name_length) >= 0))
        return wrong(r, MM_RULE_DIFF_EVIDENCE, 0, "one file without a name, or files in the order of their names");
    char *copy = named ? strndup(name, name_length) : NULL;
    if (named && !copy)
        return mm_diag_memory(r->diags);
    int result = mm_derived_add_file(files, copy, hash, r->diags);
    free(copy);
    return result;
}

static int read_files(struct reading *r, const char *key, struct mm_derived_files *files)
{
    if (expect(r, key) < 0)
        return -1;
    while (mm_line_is(&r->line, key))
        if (read_file(r, files) < 0 || step(r) < 0)
            return -1;
    return 0;
}

static int read_lent(struct reading *r)
{
    if (!mm_line_is(&r->line, "lent-tokenizer-sha256"))
        return 0;
    if (!mm_hex_hash(r->line.value, r->line.value_length, r->derived->tokenizer_sha256))
        return wrong(r, MM_RULE_VALUE_HASH, 0, "64 lower-case hex digits");
    r->derived->lent_tokenizer = true;
    return step(r);
}

static int read_drops(struct reading *r)
{
    while (mm_line_is(&r->line, "drop"))
        if (mm_derived_add_drop(r->derived, r->line.value, r->line.value_length, r->diags) < 0 || step(r) < 0)
            return -1;
    return 0;
}

static int read_equal(struct reading *r, const char *key, bool *differs)
{
    if (expect(r, key) < 0)
        return -1;
    *differs = value_is(r, "differ");
    if (!*differs && !value_is(r, "equal"))
        return wrong(r, MM_RULE_DIFF_EVIDENCE, 0, "'equal' or 'differ'");
    return step(r);
}

/* A template is left out only where that was asked for. */
static int read_template(struct reading *r)
{
    const struct mm_derived *derived = r->derived;
    int word = MM_DERIVED_TEMPLATE_COUNT;
    bool asked = false;
    if (expect(r, "chat-template") < 0)
        return -1;
    while (word-- > 0 && !value_is(r, mm_derived_template_names[word]))
        ;
    if (word < 0)
        return wrong(r, MM_RULE_DIFF_EVIDENCE, 0, "'equal', 'left-out', 'none' or 'differ'");
    for (size_t i = 0; i < derived->drop_count && !asked; i++)
        asked = mm_derived_drop_is_template(derived->drops[i]);
    if (word == MM_DERIVED_TEMPLATE_LEFT_OUT && !asked)
        return wrong(r, MM_RULE_DIFF_EVIDENCE, 0, "a drop line that names the template which was left out");
    r->derived->chat_template = (enum mm_derived_template)word;
    return step(r);
}

static int read_count(struct reading *r, enum mm_derivation how)
{
    if (expect(r, mm_derivation_names[how]) < 0)
        return -1;
    if (!mm_number(r->line.value, r->line.value_length, MM_NUMBER_MAX, &r->stated[how]))
        return wrong(r, MM_RULE_VALUE_NUMBER, 0, "a decimal number");
    return step(r);
}

/* `tensor: HOW NAME`, in the order of names. */
static int read_tensor(struct reading *r)
{
    const struct mm_derived *derived = r->derived;
    const char *space = memchr(r->line.value, ' ', r->line.value_length);
    size_t word = space ? (size_t)(space - r->line.value) : 0;
    int how = MM_DERIVATION_COUNT;
    while (how-- > 0)
        if (word == strlen(mm_derivation_names[how]) && memcmp(r->line.value, mm_derivation_names[how], word) == 0)
            break;
    if (how < 0 || space[1] == ' ')
        return wrong(r, MM_RULE_DIFF_EVIDENCE, 0, "exact, requantised or differs, one space and a tensor's name");
    size_t length = r->line.value_length - word - 1;
    const char *last = derived->tensor_count ? derived->tensors[derived->tensor_count - 1].name : "";
    if (mm_bytes_compare(last, strlen(last), space + 1, length) >= 0)
        return wrong(r, MM_RULE_DIFF_EVIDENCE, word + 1, "tensors in the order of their names");
    return mm_derived_add_tensor(r->derived, how, space + 1, length, r->diags);
}

/* Counts are compared with the tensors at their end, where both are known. */
static int check_counts(struct reading *r)
{
    int result = 0;
    for (int how = 0; how < MM_DERIVATION_COUNT; how++)
        if (r->stated[how] != r->derived->counts[how])
            result = mm_diag(r->diags, MM_RULE_DIFF_EVIDENCE,
                             "expected the count '%s: %" PRIu64 "' that the tensors have, found %" PRIu64,
                             mm_derivation_names[how], r->derived->counts[how], r->stated[how]);
    return result;
}

static int read_verdict(struct reading *r)
{
    const char *computed = mm_derived_passes(r->derived) ? "pass" : "fail";
    if (!mm_line_is(&r->line, "verdict"))
        return mm_lines_misplaced(&r->lines, &r->line, "tensor' or 'verdict", r->diags);
    if (!value_is(r, computed))
        return wrong(r, MM_RULE_DIFF_EVIDENCE, 0,
                     mm_derived_passes(r->derived) ? "'pass', which follows from the lines"
                                                   : "'fail', which follows from the lines");
    if (step(r) < 0)
        return -1;
    char shown[MM_SHOWN];
    if (!r->line.key)
        return 0;
    return mm_diag_line(r->diags, MM_RULE_TEXT_FIELD_ORDER, r->line.number, 1,
                        "expected the end behind the verdict, found '%s'",
                        mm_show(shown, r->line.key, r->line.key_length));
}

static int read_document(struct reading *r)
{
    if (step(r) < 0 || read_tool(r) < 0 || read_files(r, "source-sha256", &r->derived->source) < 0 ||
        read_files(r, "artifact-sha256", &r->derived->artifact) < 0 || read_lent(r) < 0 || read_drops(r) < 0 ||
        read_equal(r, "facts", &r->derived->facts_differ) < 0 ||
        read_equal(r, "tokenizer", &r->derived->tokenizer_differs) < 0 || read_template(r) < 0)
        return -1;
    for (int how = 0; how < MM_DERIVATION_COUNT; how++)
        if (read_count(r, how) < 0)
            return -1;
    while (mm_line_is(&r->line, "tensor"))
        if (read_tensor(r) < 0 || step(r) < 0)
            return -1;
    return check_counts(r) < 0 ? -1 : read_verdict(r);
}

int mm_derived_read(struct mm_derived *derived, const char *text, size_t length, struct mm_diags *diags)
{
    struct reading r = {.derived = derived, .diags = diags};
    uint64_t errors = diags->errors;
    *derived = (struct mm_derived){0};
    if (length > MM_DERIVED_MAX)
        return mm_diag(diags, MM_RULE_TEXT_SIZE, "expected an evidence file of at most %d bytes, found more",
                       MM_DERIVED_MAX);
    if (mm_lines_begin(&r.lines, text, length, MM_DERIVED_TYPE, diags) < 0)
        return -1;
    return read_document(&r) < 0 || diags->errors > errors ? -1 : 0;
}
