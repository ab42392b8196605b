/* .slm: the facts section, a text in the grammar of all documents. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "model/facts.h"
#include "model/slm_parts.h"
#include "text/line.h"

#define FACTS_TYPE "minimodel-facts"

static const char *const words[MM_SLM_FACT_COUNT] = {
    [MM_SLM_FACT_ARCHITECTURE] = "architecture", [MM_SLM_FACT_NAME] = "name",
    [MM_SLM_FACT_LICENSE] = "license",           [MM_SLM_FACT_ROPE_BASE] = "rope-base",
    [MM_SLM_FACT_ROPE_SCALING] = "rope-scaling", [MM_SLM_FACT_NORM_EPSILON] = "norm-epsilon",
    [MM_SLM_FACT_QUANTIZATION] = "quantization",
};

static bool is_number(enum mm_slm_fact fact)
{
    return fact >= MM_SLM_FACT_NUMBERS && fact < MM_SLM_FACT_NUMBERS + MM_LLAMA_NUMBERS;
}

const char *mm_slm_fact_key(enum mm_slm_fact fact)
{
    return is_number(fact) ? mm_llama_numbers[fact - MM_SLM_FACT_NUMBERS].slm : words[fact];
}

/* ---- writing ---- */

static void write_real(struct mm_buf *out, enum mm_slm_fact fact, const char *before, float value)
{
    char text[MM_REAL_TEXT];
    mm_buf_printf(out, "%s: %s%s\n", words[fact], before, mm_real_write(text, value));
}

void mm_slm_write_facts(const struct mm_slm *slm, struct mm_buf *out)
{
    mm_buf_str(out, FACTS_TYPE " 0\narchitecture: llama\n");
    if (slm->name)
        mm_buf_printf(out, "name: %s\n", slm->name);
    if (slm->license)
        mm_buf_printf(out, "license: %s\n", slm->license);
    for (int i = 0; i < MM_LLAMA_NUMBERS; i++)
        mm_buf_printf(out, "%s: %" PRIu32 "\n", mm_llama_numbers[i].slm, slm->llama.numbers[i]);
    write_real(out, MM_SLM_FACT_ROPE_BASE, "", slm->llama.rope_base);
    if (slm->llama.rope_factor == 0)
        mm_buf_str(out, "rope-scaling: none\n");
    else
        write_real(out, MM_SLM_FACT_ROPE_SCALING, "linear ", slm->llama.rope_factor);
    write_real(out, MM_SLM_FACT_NORM_EPSILON, "", slm->llama.norm_epsilon);
    mm_buf_printf(out, "quantization: %s\n", mm_slm_quantization(slm));
}

/* ---- text in lines ---- */

/* Passes on what the line grammar FOUND, at offsets of the file: TEXT stands at OFFSET. */
static void pass_on(const struct mm_diags *found, const char *text, size_t length, uint64_t offset,
                    struct mm_diags *diags)
{
    const char *line = text, *end = text + length;
    uint64_t number = 1;
    if (found->dropped > 0 && found->count < found->limit)
        mm_diag_memory(diags);
    for (size_t i = 0; i < found->count; i++) {
        const struct mm_diag *diag = &found->items[i];
        if (mm_rule_info(diag->rule)->group == MM_GROUP_IO) {
            mm_diag(diags, diag->rule, "%s", diag->text);
            continue;
        }
        while (number < diag->line && line < end) { /* findings come line by line */
            const char *feed = memchr(line, '\n', (size_t)(end - line));
            line = feed ? feed + 1 : end;
            number++;
        }
        mm_diag_offset(diags, MM_RULE_SLM_FACTS, offset + (uint64_t)(line - text) + diag->column - 1, "%s", diag->text);
    }
}

bool mm_slm_check_text(const char *key, const char *value, uint64_t place, struct mm_diags *diags)
{
    struct mm_diags found;
    struct mm_buf text = {0};
    struct mm_line line = {0};
    mm_buf_printf(&text, "%s: %s\n", key, value);
    struct mm_lines lines = {.text = text.data, .at = text.data, .end = text.data + text.length};
    mm_diags_init(&found);
    bool sound = !text.failed && mm_lines_next(&lines, &line, &found) && line.sound && lines.at == lines.end;
    bool leads = strstr(value, "://") != NULL;
    char shown[MM_SHOWN];
    if (text.failed || found.unknown)
        mm_diag_memory(diags);
    else if (!sound)
        mm_diag_offset(diags, MM_RULE_SLM_FACTS, place, "%s: %s", key,
                       found.count ? found.items[0].text : "expected one line, found more");
    else if (leads)
        mm_diag_offset(diags, MM_RULE_SLM_FACTS, place, "expected no '://' in %s, found '%s'", key,
                       mm_show(shown, value, strlen(value)));
    mm_diags_release(&found);
    mm_buf_release(&text);
    return sound && !leads;
}

/* ---- reading ---- */

struct reading {
    struct mm_slm *slm;
    struct mm_slm_places *places;
    char *quantization;
    uint64_t offset; /* of the section in the file */
    struct mm_lines lines;
    struct mm_line line;
    struct mm_diags *diags;
};

/* The present value's offset in the file. */
static uint64_t here(const struct reading *r)
{
    return r->offset + (uint64_t)(r->line.value - r->lines.text);
}

static int wrong(struct reading *r, const char *expected)
{
    char shown[MM_SHOWN];
    return mm_diag_offset(r->diags, MM_RULE_SLM_FACTS, here(r), "expected %s as %.*s, found '%s'", expected,
                          (int)r->line.key_length, r->line.key, mm_show(shown, r->line.value, r->line.value_length));
}

static int read_architecture(struct reading *r)
{
    const char *value = r->line.value;
    size_t length = r->line.value_length;
    struct mm_facts judged = {0};
    mm_facts_set_architecture(&judged, value, length);
    if (strlen(judged.architecture) != length || memcmp(judged.architecture, value, length) != 0)
        return wrong(r, "1 to 64 of a-z, 0-9, '.', '_' and '-'");
    if (strcmp(judged.architecture, "llama") == 0)
        return 0;
    return mm_diag_offset(r->diags, MM_RULE_SLM_ARCHITECTURE, here(r), "expected architecture llama, found '%s'",
                          judged.architecture);
}

static int read_number(struct reading *r, enum mm_llama_number which)
{
    uint64_t number;
    const struct mm_llama_number_info *info = &mm_llama_numbers[which];
    if (!mm_number(r->line.value, r->line.value_length, info->most, &number) || number < info->least)
        return wrong(r, info->most < (uint32_t)INT32_MAX ? "a number from 1 to 65535"
                        : info->least > 1                ? "a number from 2 to 2^31-1"
                                                         : "a number from 1 to 2^31-1");
    r->slm->llama.numbers[which] = (uint32_t)number;
    return 0;
}

static int read_real(struct reading *r, size_t skip, const char *expected, float *value)
{
    const char *text = r->line.value + skip;
    return mm_real_read(text, r->line.value_length - skip, value) ? 0 : wrong(r, expected);
}

static int read_scaling(struct reading *r)
{
    static const char linear[] = "linear ",
                      expected[] = "'none', or 'linear' and a real number above 0 in its one spelling";
    size_t size = sizeof linear - 1;
    float *factor = &r->slm->llama.rope_factor;
    if (r->line.value_length == 4 && memcmp(r->line.value, "none", 4) == 0)
        return 0;
    if (r->line.value_length <= size || memcmp(r->line.value, linear, size) != 0)
        return wrong(r, expected);
    if (read_real(r, size, expected, factor) < 0)
        return -1;
    return *factor > 0 ? 0 : wrong(r, expected);
}

static int read_quantization(struct reading *r)
{
    if (r->line.value_length > MM_SLM_WORD_MAX)
        return wrong(r, "a dtype's name");
    memcpy(r->quantization, r->line.value, r->line.value_length);
    r->quantization[r->line.value_length] = '\0';
    return 0;
}

static int read_value(struct reading *r, enum mm_slm_fact fact)
{
    r->places->facts[fact] = here(r);
    switch (fact) {
    case MM_SLM_FACT_ARCHITECTURE: return read_architecture(r);
    case MM_SLM_FACT_NAME: return mm_slm_keep_text(&r->slm->name, r->line.value, r->line.value_length, r->diags);
    case MM_SLM_FACT_LICENSE: return mm_slm_keep_text(&r->slm->license, r->line.value, r->line.value_length, r->diags);
    case MM_SLM_FACT_ROPE_BASE: return read_real(r, 0, "a real number in its one spelling", &r->slm->llama.rope_base);
    case MM_SLM_FACT_ROPE_SCALING: return read_scaling(r);
    case MM_SLM_FACT_NORM_EPSILON:
        return read_real(r, 0, "a real number in its one spelling", &r->slm->llama.norm_epsilon);
    case MM_SLM_FACT_QUANTIZATION: return read_quantization(r);
    default: return read_number(r, fact - MM_SLM_FACT_NUMBERS);
    }
}

static bool is_optional(enum mm_slm_fact fact)
{
    return fact == MM_SLM_FACT_NAME || fact == MM_SLM_FACT_LICENSE;
}

/* Every line in its place; a wrong value does not keep the others from being read. */
static int read_lines(struct reading *r, struct mm_diags *found)
{
    char shown[MM_SHOWN];
    int fact = 0;
    uint64_t errors = r->diags->errors;
    while (mm_lines_next(&r->lines, &r->line, found)) {
        if (r->line.key_length == 0)
            return -1;
        while (fact < MM_SLM_FACT_COUNT && is_optional(fact) && !mm_line_is(&r->line, mm_slm_fact_key(fact)))
            fact++;
        if (fact == MM_SLM_FACT_COUNT || !mm_line_is(&r->line, mm_slm_fact_key(fact)))
            return mm_diag_offset(r->diags, MM_RULE_SLM_FACTS, r->offset + (uint64_t)(r->line.key - r->lines.text),
                                  "expected %s here, found '%s'",
                                  fact == MM_SLM_FACT_COUNT ? "the end of the facts" : mm_slm_fact_key(fact),
                                  mm_show(shown, r->line.key, r->line.key_length));
        if (r->line.sound && read_value(r, fact) < 0 && fact == MM_SLM_FACT_ARCHITECTURE)
            return -1; /* another architecture has other facts */
        fact++;
    }
    if (fact < MM_SLM_FACT_COUNT)
        return mm_diag_offset(r->diags, MM_RULE_SLM_FACTS, r->offset + (uint64_t)(r->lines.end - r->lines.text),
                              "expected %s here, found the end of the facts", mm_slm_fact_key(fact));
    return r->diags->errors > errors ? -1 : 0;
}

int mm_slm_read_facts(struct mm_slm *slm, const char *text, size_t length, uint64_t offset,
                      struct mm_slm_places *places, char quantization[static MM_SLM_WORD_MAX + 1],
                      struct mm_diags *diags)
{
    struct mm_diags found;
    struct reading r = {.slm = slm, .places = places, .quantization = quantization, .offset = offset, .diags = diags};
    mm_diags_init(&found);
    int result = mm_lines_begin(&r.lines, text, length, FACTS_TYPE, &found);
    if (result == 0)
        result = read_lines(&r, &found);
    if (found.errors > 0) {
        pass_on(&found, text, length, offset, diags);
        result = -1;
    }
    mm_diags_release(&found);
    return result == 0 ? mm_slm_check_facts(slm, places, diags) : -1;
}
