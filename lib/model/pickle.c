#include "model/pickle.h"

/* How an opcode's argument is read. */
enum argument { NONE, LINE, NUMBER, QUOTED, NAMES, B1, B2, B4, B8, COUNT1, COUNT4, COUNT8 };

/* What it does to the stack: takes POPS values and leaves PUSHES; MARKED ones take everything down to the last mark too. */
struct effect {
    unsigned char known, argument, pops, pushes, marked;
};

#define OP(argument, pops, pushes)                                                                                     \
    {                                                                                                                  \
        1, argument, pops, pushes, 0                                                                                   \
    }
#define MARKED(argument, pops, pushes)                                                                                 \
    {                                                                                                                  \
        1, argument, pops, pushes, 1                                                                                   \
    }

static const struct effect effects[256] = {
    ['('] = OP(NONE, 0, 0), /* MARK */
    ['.'] = OP(NONE, 1, 0),     ['0'] = OP(NONE, 1, 0),     ['1'] = MARKED(NONE, 0, 0),  ['2'] = OP(NONE, 1, 2),
    ['F'] = OP(NUMBER, 0, 1),   ['I'] = OP(NUMBER, 0, 1),   ['L'] = OP(NUMBER, 0, 1),    ['J'] = OP(B4, 0, 1),
    ['K'] = OP(B1, 0, 1),       ['M'] = OP(B2, 0, 1),       ['G'] = OP(B8, 0, 1),        ['N'] = OP(NONE, 0, 1),
    ['P'] = OP(LINE, 0, 1),     ['Q'] = OP(NONE, 1, 1),     ['S'] = OP(QUOTED, 0, 1),    ['V'] = OP(LINE, 0, 1),
    ['T'] = OP(COUNT4, 0, 1),   ['U'] = OP(COUNT1, 0, 1),   ['X'] = OP(COUNT4, 0, 1),    ['B'] = OP(COUNT4, 0, 1),
    ['C'] = OP(COUNT1, 0, 1),   ['c'] = OP(NAMES, 0, 1),    ['i'] = MARKED(NAMES, 0, 1), ['R'] = OP(NONE, 2, 1),
    ['b'] = OP(NONE, 2, 1),     ['o'] = MARKED(NONE, 0, 1), ['a'] = OP(NONE, 2, 1),      ['e'] = MARKED(NONE, 1, 1),
    ['s'] = OP(NONE, 3, 1),     ['u'] = MARKED(NONE, 1, 1), ['d'] = MARKED(NONE, 0, 1),  ['l'] = MARKED(NONE, 0, 1),
    ['t'] = MARKED(NONE, 0, 1), ['}'] = OP(NONE, 0, 1),     [']'] = OP(NONE, 0, 1),      [')'] = OP(NONE, 0, 1),
    ['g'] = OP(NUMBER, 0, 1),   ['h'] = OP(B1, 0, 1),       ['j'] = OP(B4, 0, 1),        ['p'] = OP(NUMBER, 1, 1),
    ['q'] = OP(B1, 1, 1),       ['r'] = OP(B4, 1, 1),       [0x80] = OP(B1, 0, 0),       [0x81] = OP(NONE, 2, 1),
    [0x82] = OP(B1, 0, 1),      [0x83] = OP(B2, 0, 1),      [0x84] = OP(B4, 0, 1),       [0x85] = OP(NONE, 1, 1),
    [0x86] = OP(NONE, 2, 1),    [0x87] = OP(NONE, 3, 1),    [0x88] = OP(NONE, 0, 1),     [0x89] = OP(NONE, 0, 1),
    [0x8a] = OP(COUNT1, 0, 1),  [0x8b] = OP(COUNT4, 0, 1),  [0x8c] = OP(COUNT1, 0, 1),   [0x8d] = OP(COUNT8, 0, 1),
    [0x8e] = OP(COUNT8, 0, 1),  [0x8f] = OP(NONE, 0, 1),    [0x90] = MARKED(NONE, 1, 1), [0x91] = MARKED(NONE, 0, 1),
    [0x92] = OP(NONE, 3, 1),    [0x93] = OP(NONE, 2, 1),    [0x94] = OP(NONE, 1, 1),     [0x95] = OP(B8, 0, 0),
    [0x96] = OP(COUNT8, 0, 1),  [0x97] = OP(NONE, 0, 1),    [0x98] = OP(NONE, 1, 1),
};

/* Opcodes that look a name up, and those that call what was looked up. */
static bool names(unsigned char opcode)
{
    return opcode == 'c' || opcode == 'i' || opcode == 0x93 || (opcode >= 0x82 && opcode <= 0x84);
}

static bool calls(unsigned char opcode)
{
    return opcode == 'R' || opcode == 'o' || opcode == 'i' || opcode == 'b' || opcode == 0x81 || opcode == 0x92;
}

static void note_names(struct mm_pickle *p)
{
    p->name = p->name || names(p->opcode);
    p->call = p->call || (p->name && calls(p->opcode));
}

/* The stack after the opcode and its argument. False where it lacks what the opcode takes. */
static bool apply(struct mm_pickle *p)
{
    const struct effect *effect = &effects[p->opcode];
    if (p->opcode == '(') {
        if (p->mark_count == MM_PICKLE_MARKS)
            p->more_marks++;
        else
            p->marks[p->mark_count++] = p->depth;
        return true;
    }
    if (p->more_marks > 0 && (effect->marked || p->opcode == '0')) {
        p->more_marks -=
            effect->marked; /* what stood above the mark stays counted: too deep a stack accuses, too shallow acquits */
        p->depth += effect->pushes;
        note_names(p);
        return true;
    }
    uint64_t floor = p->mark_count ? p->marks[p->mark_count - 1] : 0;
    if (effect->marked) {
        if (p->mark_count == 0)
            return false;
        p->depth = floor;
        p->mark_count--;
        floor = p->mark_count ? p->marks[p->mark_count - 1] : 0;
    }
    if (p->opcode == '0' && p->depth == floor && p->mark_count) { /* POP takes a mark where nothing stands above it */
        p->mark_count--;
        return true;
    }
    if (p->depth - floor < effect->pops)
        return false;
    p->depth += effect->pushes;
    p->depth -= effect->pops;
    note_names(p);
    return true;
}

static void finish_opcode(struct mm_pickle *p)
{
    p->state = MM_PICKLE_OPCODES;
    p->opcodes++;
    if (!apply(p))
        p->state = MM_PICKLE_DEAD;
    else if (p->opcode == '.')
        p->state = MM_PICKLE_STOPPED;
}

static void expect_bytes(struct mm_pickle *p, uint64_t count)
{
    p->left = count;
    p->state = MM_PICKLE_BYTES;
    if (count == 0)
        finish_opcode(p);
}

static void expect_count(struct mm_pickle *p, unsigned size)
{
    p->state = MM_PICKLE_COUNT;
    p->left = p->count_size = size;
    p->count = 0;
}

static void begin_opcode(struct mm_pickle *p, unsigned char opcode)
{
    p->opcode = opcode;
    p->line_length = 0;
    if (!effects[opcode].known) {
        p->state = MM_PICKLE_DEAD;
        return;
    }
    switch (effects[opcode].argument) {
    case NONE: finish_opcode(p); break;
    case B1: expect_bytes(p, 1); break;
    case B2: expect_bytes(p, 2); break;
    case B4: expect_bytes(p, 4); break;
    case B8: expect_bytes(p, 8); break;
    case COUNT1: expect_count(p, 1); break;
    case COUNT4: expect_count(p, 4); break;
    case COUNT8: expect_count(p, 8); break;
    default: p->state = MM_PICKLE_LINE; p->lines = effects[opcode].argument == NAMES ? 2 : 1;
    }
}

/* What may stand in a line: names are dotted identifiers; numbers are what int() and float() read; quotes come first. */
static bool line_byte(const struct mm_pickle *p, unsigned char byte)
{
    bool word = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                byte == '_' || byte == '.';
    switch (effects[p->opcode].argument) {
    case NAMES: return word || byte >= 0x80;
    case NUMBER:
        return word || byte == '+' || byte == '-' || byte == ' ' ||
               (byte >= '\t' && byte <= '\r'); /* what C and Python skip as white space */
    case QUOTED: return p->line_length > 0 || byte == '\'' || byte == '"';
    default: return true;
    }
}

static void take_line_byte(struct mm_pickle *p, unsigned char byte)
{
    if (byte != '\n') {
        if (!line_byte(p, byte))
            p->state = MM_PICKLE_DEAD;
        p->line_length++;
        return;
    }
    unsigned least = effects[p->opcode].argument == QUOTED ? 2 : effects[p->opcode].argument == LINE ? 0 : 1;
    if (p->line_length < least)
        p->state = MM_PICKLE_DEAD;
    else if (--p->lines == 0)
        finish_opcode(p);
    p->line_length = 0;
}

static void take_count_byte(struct mm_pickle *p, unsigned char byte)
{
    p->count |= (uint64_t)byte << 8 * (p->count_size - p->left);
    if (--p->left == 0)
        expect_bytes(p, p->count);
}

static size_t take_bytes(struct mm_pickle *p, size_t length)
{
    size_t part = length < p->left ? length : (size_t)p->left;
    p->left -= part;
    if (p->left == 0)
        finish_opcode(p);
    return part;
}

static void look_behind(struct mm_pickle *p, const unsigned char *bytes, size_t length)
{
    if (p->behind == 0)
        p->only_feed_behind = true;
    p->behind += length;
    for (size_t i = 0; i < length && p->only_feed_behind; i++)
        p->only_feed_behind = bytes[i] == '\n' || bytes[i] == '\r';
}

void mm_pickle_feed(struct mm_pickle *p, const unsigned char *bytes, size_t length)
{
    for (size_t i = 0; i < length && p->state != MM_PICKLE_DEAD;) {
        switch (p->state) {
        case MM_PICKLE_OPCODES: begin_opcode(p, bytes[i++]); break;
        case MM_PICKLE_LINE: take_line_byte(p, bytes[i++]); break;
        case MM_PICKLE_COUNT: take_count_byte(p, bytes[i++]); break;
        case MM_PICKLE_BYTES: i += take_bytes(p, length - i); break;
        default: look_behind(p, bytes + i, length - i); i = length;
        }
    }
}

bool mm_pickle_found(const struct mm_pickle *p)
{
    bool stopped = p->state == MM_PICKLE_STOPPED && p->opcodes > 1;
    return p->call || (stopped && (p->name || p->behind == 0 || p->only_feed_behind));
}
