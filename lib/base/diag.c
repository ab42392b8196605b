#include "base/diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/checked.h"
#include "base/utf8.h"

static const struct mm_rule_info rules[MM_RULE_COUNT] = {
#define RULE(id, name, answer, group, sentence) {name, sentence, MM_##answer, MM_GROUP_##group},
#include "base/rule.def"
#undef RULE
};

const struct mm_rule_info *mm_rule_info(enum mm_rule rule)
{
    return &rules[rule];
}

void mm_diags_init(struct mm_diags *diags)
{
    memset(diags, 0, sizeof *diags);
    diags->limit = MM_DIAGS_LIMIT;
}

void mm_diags_rewind(struct mm_diags *diags, const struct mm_diags *mark)
{
    while (diags->count > mark->count) {
        free(diags->items[--diags->count].file);
        free(diags->items[diags->count].text);
    }
    diags->notes = mark->notes;
    diags->dropped = mark->dropped;
    diags->errors = mark->errors;
    diags->no = mark->no;
    diags->unknown = mark->unknown;
}

/* What the findings since MARK answer, after some of them were changed. */
static void answer_again(struct mm_diags *diags, const struct mm_diags *mark)
{
    bool lost = diags->dropped > mark->dropped; /* what those were is not known */
    bool no = mark->no || (lost && diags->no);
    bool unknown = mark->unknown || (lost && diags->unknown);
    for (size_t i = mark->count; i < diags->count; i++) {
        const struct mm_diag *diag = &diags->items[i];
        if (diag->severity != MM_ERROR)
            continue;
        no = no || rules[diag->rule].answer == MM_NO;
        unknown = unknown || rules[diag->rule].answer == MM_UNKNOWN;
    }
    diags->no = no;
    diags->unknown = unknown;
}

void mm_diags_turn(struct mm_diags *diags, const struct mm_diags *mark, enum mm_rule_group group, enum mm_rule rule)
{
    for (size_t i = mark->count; i < diags->count; i++) {
        struct mm_diag *diag = &diags->items[i];
        if (diag->severity == MM_ERROR && rules[diag->rule].group == group)
            diag->rule = rule;
    }
    answer_again(diags, mark);
}

void mm_diags_soften(struct mm_diags *diags, const struct mm_diags *mark, bool all)
{
    for (size_t i = mark->count; i < diags->count; i++) {
        struct mm_diag *diag = &diags->items[i];
        if (diag->severity == MM_ERROR && (all || rules[diag->rule].answer == MM_NO)) {
            diag->severity = MM_NOTE;
            diags->notes++;
            diags->errors--;
        }
    }
    answer_again(diags, mark);
}

void mm_diags_clear(struct mm_diags *diags)
{
    mm_diags_rewind(diags, &(struct mm_diags){0});
}

void mm_diags_release(struct mm_diags *diags)
{
    mm_diags_clear(diags);
    free(diags->items);
    mm_diags_init(diags);
}

enum mm_answer mm_diags_answer(const struct mm_diags *diags)
{
    return diags->no ? MM_NO : diags->unknown ? MM_UNKNOWN : MM_YES;
}

static struct mm_diag *next_item(struct mm_diags *diags)
{
    bool room = mm_grow(&diags->items, diags->count, &diags->capacity, sizeof *diags->items);
    return room ? &diags->items[diags->count] : NULL;
}

/* Room for one more finding, or NULL. */
static struct mm_diag *room_for(struct mm_diags *diags, bool note)
{
    bool room = diags->count < diags->limit && (!note || diags->notes < MM_DIAGS_NOTES);
    return room ? next_item(diags) : NULL;
}

void mm_diags_move(struct mm_diags *to, struct mm_diags *from)
{
    for (size_t i = 0; i < from->count; i++) {
        bool note = from->items[i].severity == MM_NOTE;
        struct mm_diag *item = room_for(to, note);
        if (item) {
            *item = from->items[i];
            to->count++;
            to->notes += note;
        } else {
            free(from->items[i].file);
            free(from->items[i].text);
            to->dropped++;
        }
    }
    to->dropped += from->dropped;
    to->errors += from->errors;
    to->no = to->no || from->no;
    to->unknown = to->unknown || from->unknown;
    from->count = 0; /* they are TO's now */
    mm_diags_clear(from);
}

/* Where memory fails, the finding's words are lost but its answer is kept. */
__attribute__((format(printf, 3, 0))) static void add(struct mm_diags *diags, struct mm_diag diag, const char *format,
                                                      va_list arguments)
{
    if (diag.severity == MM_ERROR) {
        diags->errors++;
        if (rules[diag.rule].answer == MM_NO)
            diags->no = true;
        else
            diags->unknown = true;
    }
    bool note = diag.severity == MM_NOTE;
    struct mm_diag *item = room_for(diags, note);
    if (!item) {
        diags->dropped++;
        return;
    }
    diag.file = strdup(diags->file ? diags->file : "");
    if (!diag.file || vasprintf(&diag.text, format, arguments) < 0) {
        free(diag.file);
        diags->dropped++;
        return;
    }
    *item = diag;
    diags->count++;
    diags->notes += note;
}

#define ADD(...)                                                                                                       \
    do {                                                                                                               \
        va_list arguments;                                                                                             \
        va_start(arguments, format);                                                                                   \
        add(diags, (struct mm_diag){__VA_ARGS__}, format, arguments);                                                  \
        va_end(arguments);                                                                                             \
    } while (0)

int mm_diag(struct mm_diags *diags, enum mm_rule rule, const char *format, ...)
{
    ADD(.severity = MM_ERROR, .rule = rule);
    return -1;
}

int mm_diag_line(struct mm_diags *diags, enum mm_rule rule, uint64_t line, uint64_t column, const char *format, ...)
{
    ADD(.severity = MM_ERROR, .rule = rule, .line = line, .column = column);
    return -1;
}

int mm_diag_offset(struct mm_diags *diags, enum mm_rule rule, uint64_t offset, const char *format, ...)
{
    ADD(.severity = MM_ERROR, .rule = rule, .offset = offset, .at_offset = true);
    return -1;
}

void mm_note(struct mm_diags *diags, enum mm_rule rule, const char *format, ...)
{
    ADD(.severity = MM_NOTE, .rule = rule);
}

void mm_note_offset(struct mm_diags *diags, enum mm_rule rule, uint64_t offset, const char *format, ...)
{
    ADD(.severity = MM_NOTE, .rule = rule, .offset = offset, .at_offset = true);
}

int mm_diag_errno(struct mm_diags *diags, enum mm_rule rule, const char *what, int error)
{
    return mm_diag(diags, rule, "%s: %s", what, strerror(error));
}

int mm_diag_memory(struct mm_diags *diags)
{
    return mm_diag(diags, MM_RULE_IO_MEMORY, "out of memory");
}

const char *mm_show(char out[static MM_SHOWN], const void *bytes, size_t length)
{
    const unsigned char *at = bytes;
    size_t used = 0;
    while (length > 0) {
        char piece[MM_UTF8_ESCAPED];
        size_t taken = mm_utf8_escape(piece, at, length);
        size_t size = strlen(piece);
        if (used + size > MM_SHOWN - 4) { /* room for "..." and the NUL */
            memcpy(out + used, "...", 4);
            return out;
        }
        memcpy(out + used, piece, size);
        used += size;
        at += taken;
        length -= taken;
    }
    out[used] = '\0';
    return out;
}
