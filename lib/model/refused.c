#include "model/refused.h"

#include <string.h>

static bool begins(const unsigned char *bytes, size_t length, const char *magic, size_t size)
{
    return length >= size && memcmp(bytes, magic, size) == 0;
}

/* ---- tar ---- */

#define TAR_BLOCK 512
#define TAR_SUM_AT 148
#define TAR_SUM_SIZE 8

/* The header's own checksum (POSIX ustar, and every tar before it): octal, the field itself counted as spaces. */
static bool is_tar(const unsigned char *bytes, size_t length)
{
    unsigned long stated = 0, sum = 0;
    bool digit = false;
    if (length < TAR_BLOCK || bytes[0] == 0)
        return false;
    for (size_t i = TAR_SUM_AT; i < TAR_SUM_AT + TAR_SUM_SIZE; i++) {
        if (bytes[i] >= '0' && bytes[i] <= '7') {
            stated = stated * 8 + (unsigned long)(bytes[i] - '0');
            digit = true;
        } else if (bytes[i] != ' ' && bytes[i] != 0) {
            return false;
        }
    }
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += i >= TAR_SUM_AT && i < TAR_SUM_AT + TAR_SUM_SIZE ? ' ' : bytes[i];
    return digit && sum == stated;
}

/* ---- pickle ---- */

/* How an opcode's argument is read (Python's pickletools). '\0' marks bytes that are no opcode. */
enum {
    NO_OPCODE, PLAIN, LINE, TWO_LINES, NUMBER_LINE, QUOTED_LINE, BYTES1, BYTES2, BYTES4, BYTES8, COUNTED1, COUNTED4, COUNTED8
};

static int argument_of(unsigned char opcode)
{
    static const unsigned char arguments[256] = {
        ['('] = PLAIN, ['.'] = PLAIN, ['0'] = PLAIN, ['1'] = PLAIN, ['2'] = PLAIN, ['F'] = NUMBER_LINE, ['I'] = NUMBER_LINE,
        ['J'] = BYTES4, ['K'] = BYTES1, ['L'] = NUMBER_LINE, ['M'] = BYTES2, ['N'] = PLAIN, ['P'] = LINE, ['Q'] = PLAIN,
        ['R'] = PLAIN, ['S'] = QUOTED_LINE, ['T'] = COUNTED4, ['U'] = COUNTED1, ['V'] = LINE, ['X'] = COUNTED4, ['a'] = PLAIN,
        ['b'] = PLAIN, ['c'] = TWO_LINES, ['d'] = PLAIN, ['e'] = PLAIN, ['g'] = NUMBER_LINE, ['h'] = BYTES1, ['i'] = TWO_LINES,
        ['j'] = BYTES4, ['l'] = PLAIN, ['o'] = PLAIN, ['p'] = NUMBER_LINE, ['q'] = BYTES1, ['r'] = BYTES4, ['s'] = PLAIN,
        ['t'] = PLAIN, ['u'] = PLAIN, ['}'] = PLAIN, [']'] = PLAIN, [')'] = PLAIN, ['G'] = BYTES8, ['B'] = COUNTED4,
        ['C'] = COUNTED1, [0x80] = BYTES1, [0x81] = PLAIN, [0x82] = BYTES1, [0x83] = BYTES2, [0x84] = BYTES4, [0x85] = PLAIN,
        [0x86] = PLAIN, [0x87] = PLAIN, [0x88] = PLAIN, [0x89] = PLAIN, [0x8a] = COUNTED1, [0x8b] = COUNTED4, [0x8c] = COUNTED1,
        [0x8d] = COUNTED8, [0x8e] = COUNTED8, [0x8f] = PLAIN, [0x90] = PLAIN, [0x91] = PLAIN, [0x92] = PLAIN, [0x93] = PLAIN,
        [0x94] = PLAIN, [0x95] = BYTES8, [0x96] = COUNTED8, [0x97] = PLAIN, [0x98] = PLAIN,
    };
    return arguments[opcode];
}

struct pickle {
    const unsigned char *bytes;
    size_t length, at;
};

static bool skip_bytes(struct pickle *p, uint64_t count)
{
    if (count > p->length - p->at)
        return false;
    p->at += (size_t)count;
    return true;
}

/* A line of up to 1024 bytes; *START is where it began. */
static bool skip_line(struct pickle *p, size_t *start, size_t *size)
{
    const unsigned char *feed = memchr(p->bytes + p->at, '\n', p->length - p->at);
    *start = p->at;
    if (!feed)
        return false;
    *size = (size_t)(feed - p->bytes) - p->at;
    p->at += *size + 1;
    return *size <= 1024;
}

/* One line of a dotted Python name. */
static bool skip_name(struct pickle *p)
{
    size_t start, size;
    if (!skip_line(p, &start, &size) || size == 0)
        return false;
    for (size_t i = start; i < start + size; i++) {
        unsigned char c = p->bytes[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' || c >= 0x80))
            return false;
    }
    return true;
}

static bool skip_number(struct pickle *p)
{
    size_t start, size;
    if (!skip_line(p, &start, &size) || size == 0)
        return false;
    for (size_t i = start; i < start + size; i++)
        if (!memchr("0123456789+-.eELinfa", p->bytes[i], 20))
            return false;
    return true;
}

static bool skip_counted(struct pickle *p, size_t field)
{
    uint64_t count = 0;
    if (field > p->length - p->at)
        return false;
    for (size_t i = field; i-- > 0;)
        count = count << 8 | p->bytes[p->at + i];
    p->at += field;
    return skip_bytes(p, count);
}

static bool skip_argument(struct pickle *p, int argument)
{
    size_t start, size;
    switch (argument) {
    case PLAIN:
        return true;
    case LINE:
        return skip_line(p, &start, &size);
    case QUOTED_LINE:
        return skip_line(p, &start, &size) && size >= 2 && strchr("'\"", p->bytes[start]) && p->bytes[start] == p->bytes[start + size - 1];
    case TWO_LINES:
        return skip_name(p) && skip_name(p);
    case NUMBER_LINE:
        return skip_number(p);
    case BYTES1:
        return skip_bytes(p, 1);
    case BYTES2:
        return skip_bytes(p, 2);
    case BYTES4:
        return skip_bytes(p, 4);
    case BYTES8:
        return skip_bytes(p, 8);
    case COUNTED1:
        return skip_counted(p, 1);
    case COUNTED4:
        return skip_counted(p, 4);
    case COUNTED8:
        return skip_counted(p, 8);
    default:
        return false;
    }
}

/* Protocols 0 and 1 have no magic: a file is a pickle if it reads as opcodes up to a STOP that ends it, or up to a STOP
 * with a name looked up on the way, which is how pickles run code. */
static bool is_unmarked_pickle(const unsigned char *bytes, size_t length, bool whole)
{
    struct pickle p = {bytes, length, 0};
    bool names = false;
    while (p.at < length) {
        unsigned char opcode = bytes[p.at++];
        if (opcode == '.')
            return p.at > 1 && (names || (whole && (p.at == length || (p.at + 1 == length && bytes[p.at] == '\n'))));
        if (!skip_argument(&p, argument_of(opcode)))
            return names && !whole && p.at >= length;
        names = names || opcode == 'c' || opcode == 'i';
    }
    return false;
}

static bool is_marked_pickle(const unsigned char *bytes, size_t length)
{
    return length >= 3 && bytes[0] == 0x80 && bytes[1] >= 1 && bytes[1] <= 6 && argument_of(bytes[2]) != NO_OPCODE;
}

const char *mm_refused_head(const unsigned char *bytes, size_t length, bool whole)
{
    if (begins(bytes, length, "PK\3\4", 4) || begins(bytes, length, "PK\5\6", 4) || begins(bytes, length, "PK\7\10", 4))
        return "a zip archive";
    if (begins(bytes, length, "\x1f\x8b", 2))
        return "gzip data";
    if (begins(bytes, length, "7z\xBC\xAF\x27\x1C", 6))
        return "a 7z archive";
    if (is_tar(bytes, length))
        return "a tar archive";
    if (is_marked_pickle(bytes, length) || is_unmarked_pickle(bytes, length, whole))
        return "a pickle";
    return NULL;
}

/* ---- zip behind other bytes ---- */

#define ZIP_END_SIZE 22

void mm_refused_tail_add(struct mm_refused_tail *tail, const unsigned char *bytes, size_t length)
{
    if (length >= MM_REFUSED_TAIL) {
        memcpy(tail->bytes, bytes + length - MM_REFUSED_TAIL, MM_REFUSED_TAIL);
        tail->length = MM_REFUSED_TAIL;
        return;
    }
    if (tail->length + length > sizeof tail->bytes) {
        memmove(tail->bytes, tail->bytes + tail->length - MM_REFUSED_TAIL, MM_REFUSED_TAIL);
        tail->length = MM_REFUSED_TAIL;
    }
    memcpy(tail->bytes + tail->length, bytes, length);
    tail->length += length;
}

bool mm_refused_tail_is_zip(const struct mm_refused_tail *tail)
{
    const unsigned char *bytes = tail->bytes;
    for (size_t comment = 0; comment <= 65535 && comment + ZIP_END_SIZE <= tail->length; comment++) {
        const unsigned char *end = bytes + tail->length - comment - ZIP_END_SIZE;
        if (memcmp(end, "PK\5\6", 4) == 0 && (size_t)(end[20] | end[21] << 8) == comment)
            return true;
    }
    return false;
}
