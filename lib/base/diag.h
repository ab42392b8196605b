/* The one error type: a finding says which rule of which file is broken, where, and how.
 *
 * Every function of the library that can fail takes a `struct mm_diags *` and adds one finding or more to it
 * before it returns -1. The library never prints; commands do. */
#ifndef MM_BASE_DIAG_H
#define MM_BASE_DIAG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mm_severity { MM_ERROR, MM_WARNING, MM_NOTE };

/* What the findings say of the input as a whole; the values are the exit codes of every command. */
enum mm_answer { MM_YES = 0, MM_NO = 1, MM_UNKNOWN = 3 };

enum mm_rule {
#define RULE(id, name, answer, group, sentence) MM_RULE_##id,
#include "base/rule.def"
#undef RULE
    MM_RULE_COUNT
};

/* Groups of rules, as bits: a command lists the groups that it can report. */
enum mm_rule_group {
    MM_GROUP_IO = 1,
    MM_GROUP_TEXT = 2,
    MM_GROUP_MANIFEST = 4,
    MM_GROUP_CHUNK = 8,
    MM_GROUP_MODEL = 16,
    MM_GROUP_VERIFY = 32,
    MM_GROUP_MAKE = 64,
    MM_GROUP_PACK = 128,
    MM_GROUP_RECEIPT = 256,
    MM_GROUP_STORE = 512,
    MM_GROUP_DIFF = 1024,
    MM_GROUP_TRUST = 2048,
    MM_GROUP_POLICY = 4096,
    MM_GROUP_ATTEST = 8192,
    MM_GROUP_CATALOG = 16384,
    MM_GROUP_MEDIA = 32768,
    MM_GROUP_PEER = 65536,
    MM_GROUP_INFER = 131072,
};

struct mm_rule_info {
    const char *name;
    const char *sentence;
    enum mm_answer answer;
    enum mm_rule_group group;
};

/* Facts of RULE; never NULL for a rule below MM_RULE_COUNT. */
const struct mm_rule_info *mm_rule_info(enum mm_rule rule);

struct mm_diag {
    enum mm_severity severity;
    enum mm_rule rule;
    char *file;      /* as the user named it; "" where no file is meant */
    uint64_t line;   /* from 1; 0 where the finding has no line */
    uint64_t column; /* in bytes, from 1; 0 likewise */
    uint64_t offset; /* in bytes, from 0; meaningful only if at_offset */
    bool at_offset;
    char *text; /* what was expected and what was found; printable */
};

/* A bounded list of findings. `file` names what is being read now and is borrowed: whoever sets it keeps the
 * string alive until the next change. Findings beyond `limit` are counted in `dropped`, and still decide the answer. */
struct mm_diags {
    const char *file;
    struct mm_diag *items;
    size_t count, capacity, limit;
    size_t notes; /* of `count` */
    uint64_t dropped;
    uint64_t errors; /* errors of any answer, dropped ones included */
    bool no, unknown;
};

#define MM_DIAGS_LIMIT 10000
#define MM_DIAGS_NOTES 1000 /* of them may be notes, so that errors find room */

void mm_diags_init(struct mm_diags *diags);
void mm_diags_release(struct mm_diags *diags);

/* Forgets all findings and keeps the memory. */
void mm_diags_clear(struct mm_diags *diags);

/* Forgets the findings since a copy of DIAGS, MARK, was taken: what was tried in vain and then done otherwise. */
void mm_diags_rewind(struct mm_diags *diags, const struct mm_diags *mark);

/* Errors since the copy MARK was taken whose rules are of GROUP become errors of RULE: what is a "no" to one question may be a
 * "don't know" to another. */
void mm_diags_turn(struct mm_diags *diags, const struct mm_diags *mark, enum mm_rule_group group, enum mm_rule rule);

/* Errors since the copy MARK was taken become notes: those that answer "no", or ALL. What is damaged somewhere need not be in the way of
 * the question that was asked. */
void mm_diags_soften(struct mm_diags *diags, const struct mm_diags *mark, bool all);

/* Moves the findings of FROM to the end of TO, as if they had been made there, and leaves FROM without any. */
void mm_diags_move(struct mm_diags *to, struct mm_diags *from);

/* "No" wins over "don't know" (conventions: exit codes). */
enum mm_answer mm_diags_answer(const struct mm_diags *diags);

#define MM_PRINTF(at) __attribute__((format(printf, at, (at) + 1)))

/* Each adds one error and returns -1, so that reporting and failing are one `return`. */
int mm_diag(struct mm_diags *diags, enum mm_rule rule, const char *format, ...) MM_PRINTF(3);
int mm_diag_line(struct mm_diags *diags, enum mm_rule rule, uint64_t line, uint64_t column, const char *format, ...)
    MM_PRINTF(5);
int mm_diag_offset(struct mm_diags *diags, enum mm_rule rule, uint64_t offset, const char *format, ...) MM_PRINTF(4);

/* Notes never change the answer. */
void mm_note(struct mm_diags *diags, enum mm_rule rule, const char *format, ...) MM_PRINTF(3);
void mm_note_offset(struct mm_diags *diags, enum mm_rule rule, uint64_t offset, const char *format, ...) MM_PRINTF(4);

/* Adds "WHAT: strerror(ERROR)" under RULE. */
int mm_diag_errno(struct mm_diags *diags, enum mm_rule rule, const char *what, int error);
int mm_diag_memory(struct mm_diags *diags);

/* Bytes of a file as they may be shown: printable text stays, the rest is escaped as \xHH or \u{H}, and what is longer
 * than fits is cut with "...". Returns OUT. */
#define MM_SHOWN 132
const char *mm_show(char out[static MM_SHOWN], const void *bytes, size_t length);

#endif
