#include "text/line.h"

#include <string.h>

#include "base/utf8.h"

/* Takes the raw next line: without its LF, and without the CR of a CR LF. Line ends are checked here. */
static bool take_raw(struct mm_lines *lines, const char **start, size_t *length, struct mm_diags *diags)
{
    if (lines->at == lines->end)
        return false;
    const char *line = lines->at;
    const char *feed = memchr(line, '\n', (size_t)(lines->end - line));
    const char *stop = feed ? feed : lines->end;
    lines->number++;
    lines->at = feed ? feed + 1 : lines->end;
    if (stop > line && stop[-1] == '\r') {
        stop--;
        mm_diag_line(diags, MM_RULE_TEXT_LINE_END, lines->number, (uint64_t)(stop - line) + 1,
                     "expected LF alone at the end of the line, found CR");
    }
    if (!feed)
        mm_diag_line(diags, MM_RULE_TEXT_LAST_LINE, lines->number, (uint64_t)(stop - line) + 1,
                     "expected LF at the end of the last line, found the end of the file");
    *start = line;
    *length = (size_t)(stop - line);
    return true;
}

static bool begins(const char *text, size_t length, const char *prefix)
{
    size_t size = strlen(prefix);
    return length >= size && memcmp(text, prefix, size) == 0;
}

int mm_lines_begin(struct mm_lines *lines, const char *text, size_t length, const char *type, struct mm_diags *diags)
{
    *lines = (struct mm_lines){.text = text, .end = text + length, .at = text};
    char shown[MM_SHOWN];
    const char *line;
    size_t size, type_size = strlen(type);
    if (begins(text, length, "\xEF\xBB\xBF")) {
        mm_diag_line(diags, MM_RULE_TEXT_BOM, 1, 1, "expected '%s 0' at the very start, found a byte order mark", type);
        lines->at += 3;
    }
    if (!take_raw(lines, &line, &size, diags))
        return mm_diag_line(diags, MM_RULE_TEXT_FIRST_LINE, 1, 1, "expected '%s 0', found an empty file", type);
    if (!begins(line, size, type) || size < type_size + 2 || line[type_size] != ' ')
        return mm_diag_line(diags, MM_RULE_TEXT_FIRST_LINE, 1, 1, "expected '%s 0', found '%s'", type,
                            mm_show(shown, line, size));
    if (size == type_size + 2 && line[type_size + 1] == '0')
        return 0;
    bool number = line[type_size + 1] != '0';
    for (size_t i = type_size + 1; i < size; i++)
        number = number && line[i] >= '0' && line[i] <= '9';
    return mm_diag_line(diags, number ? MM_RULE_TEXT_VERSION : MM_RULE_TEXT_FIRST_LINE, 1, type_size + 2,
                        "expected version 0, found '%s'", mm_show(shown, line + type_size + 1, size - type_size - 1));
}

/* U+200C and U+200D may stand between two non-ASCII characters of a display-name. */
static bool joiner_allowed(const char *key, size_t key_length, const unsigned char *value, size_t at, size_t size,
                           size_t length, uint32_t code)
{
    if ((code != 0x200C && code != 0x200D) || key_length != 12 || memcmp(key, "display-name", 12) != 0)
        return false;
    return at > 0 && value[at - 1] >= 0x80 && at + size < length && value[at + size] >= 0x80;
}

/* How many bytes of TEXT from its start are printable ASCII, as far as eight at a time can tell: nearly all are, and they need no other
 * look. The sums find bytes from 0x7F on and the differences those below 0x20; what a byte carries into the next one is such a find more. */
static size_t skip_printable(const char *text, size_t length)
{
    const uint64_t high = 0x8080808080808080, one = 0x0101010101010101, space = 0x2020202020202020;
    size_t i = 0;
    for (uint64_t eight; i + sizeof eight <= length; i += sizeof eight) {
        memcpy(&eight, text + i, sizeof eight);
        if ((eight | (eight + one) | (eight - space)) & high)
            break;
    }
    return i;
}

/* Checks every character of the line; returns whether all may stand in a document. */
static bool check_characters(const struct mm_lines *lines, const char *line, size_t length, size_t key_length,
                             struct mm_diags *diags)
{
    const unsigned char *bytes = (const unsigned char *)line;
    bool sound = true;
    for (size_t i = skip_printable(line, length); i < length;) {
        uint32_t code = 0;
        if (bytes[i] >= 0x20 && bytes[i] < 0x7F) {
            i++;
            continue;
        }
        size_t size = mm_utf8_decode(bytes + i, length - i, &code);
        uint64_t column = i + 1;
        if (size == 0) {
            mm_diag_line(diags, MM_RULE_TEXT_UTF8, lines->number, column,
                         "expected well-formed UTF-8, found byte 0x%02x", bytes[i]);
            sound = false;
            size = 1;
        } else if (mm_utf8_control(code)) {
            mm_diag_line(diags, MM_RULE_TEXT_CONTROL, lines->number, column,
                         "expected no control character, found U+%04X", (unsigned)code);
            sound = false;
        } else if (mm_utf8_noncharacter(code)) {
            mm_diag_line(diags, MM_RULE_TEXT_NONCHARACTER, lines->number, column,
                         "expected no noncharacter, found U+%04X", (unsigned)code);
            sound = false;
        } else if (mm_utf8_invisible(code) && !joiner_allowed(line, key_length, bytes, i, size, length, code)) {
            mm_diag_line(diags, MM_RULE_TEXT_INVISIBLE, lines->number, column,
                         "expected no invisible character, found U+%04X", (unsigned)code);
            sound = false;
        }
        i += size;
    }
    return sound;
}

/* How many bytes of LINE from its start have the form of a key: [a-z][a-z0-9-]* */
static size_t key_size(const char *line, size_t length)
{
    size_t size = 0;
    for (; size < length; size++) {
        unsigned char c = (unsigned char)line[size];
        bool letter = (unsigned)c - 'a' < 26, other = (unsigned)c - '0' < 10 || c == '-';
        if (!letter && !(other && size > 0))
            break;
    }
    return size;
}

/* The key's length if LINE begins with a key, a colon and a space; otherwise a finding and 0. */
static size_t check_key(const struct mm_lines *lines, const char *line, size_t length, struct mm_diags *diags)
{
    size_t size = key_size(line, length);
    char shown[MM_SHOWN];
    if (size > MM_KEY_MAX) {
        mm_diag_line(diags, MM_RULE_TEXT_KEY, lines->number, MM_KEY_MAX + 1,
                     "expected a key of at most %d bytes, found %zu", MM_KEY_MAX, size);
        return 0;
    }
    if (size == 0 || size == length || line[size] != ':') {
        mm_diag_line(diags, MM_RULE_TEXT_KEY, lines->number, size + 1, "expected 'KEY: VALUE', found '%s'",
                     mm_show(shown, line, length));
        return 0;
    }
    if (size + 1 == length || line[size + 1] != ' ') {
        mm_diag_line(diags, MM_RULE_TEXT_KEY, lines->number, size + 2, "expected one space after the colon, found '%s'",
                     mm_show(shown, line, length));
        return 0;
    }
    return size;
}

static bool check_value(const struct mm_lines *lines, const struct mm_line *line, struct mm_diags *diags)
{
    uint64_t column = mm_line_value_column(line);
    size_t most = lines->value_max ? lines->value_max : MM_VALUE_MAX;
    if (line->value_length == 0 || line->value_length > most) {
        mm_diag_line(diags, MM_RULE_TEXT_VALUE_LENGTH, lines->number, column,
                     "expected a value of 1 to %zu bytes, found %zu", most, line->value_length);
        return false;
    }
    if (line->value[0] == ' ') {
        mm_diag_line(diags, MM_RULE_TEXT_VALUE_SPACE, lines->number, column,
                     "expected one space after the colon, found more");
        return false;
    }
    if (line->value[line->value_length - 1] == ' ') {
        mm_diag_line(diags, MM_RULE_TEXT_VALUE_SPACE, lines->number, column + line->value_length - 1,
                     "expected no space at the end of the value, found one");
        return false;
    }
    return true;
}

bool mm_lines_next(struct mm_lines *lines, struct mm_line *line, struct mm_diags *diags)
{
    const char *text;
    size_t length;
    if (!take_raw(lines, &text, &length, diags))
        return false;
    *line = (struct mm_line){.number = lines->number, .key = text, .value = text};
    if (length == 0) {
        mm_diag_line(diags, MM_RULE_TEXT_BLANK_LINE, lines->number, 1, "expected 'KEY: VALUE', found a blank line");
        return true;
    }
    line->key_length = check_key(lines, text, length, diags);
    if (line->key_length) {
        line->value = text + line->key_length + 2;
        line->value_length = length - line->key_length - 2;
    }
    bool characters = check_characters(lines, text, length, line->key_length, diags);
    line->sound = line->key_length && check_value(lines, line, diags) && characters;
    return true;
}

int mm_line_refuse(const struct mm_line *line, enum mm_rule rule, size_t at, const char *expected,
                   struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    return mm_diag_line(diags, rule, line->number, mm_line_value_column(line) + at, "expected %s, found '%s'", expected,
                        mm_show(shown, line->value, line->value_length));
}

bool mm_value_sound(const char *value, size_t length)
{
    struct mm_diags ignored;
    struct mm_lines lines = {0};
    struct mm_line line = {.key = value, .value = value, .value_length = length};
    mm_diags_init(&ignored);
    bool sound = check_characters(&lines, value, length, 0, &ignored) && check_value(&lines, &line, &ignored);
    mm_diags_release(&ignored);
    return sound;
}

bool mm_line_is(const struct mm_line *line, const char *key)
{
    size_t length = strlen(key);
    return line->key_length == length && memcmp(line->key, key, length) == 0;
}

int mm_lines_step(struct mm_lines *lines, struct mm_line *line, struct mm_diags *diags)
{
    uint64_t errors = diags->errors;
    if (!mm_lines_next(lines, line, diags))
        *line = (struct mm_line){0};
    return diags->errors > errors ? -1 : 0;
}

int mm_lines_misplaced(const struct mm_lines *lines, const struct mm_line *line, const char *expected,
                       struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    if (!line->key)
        return mm_diag_line(diags, MM_RULE_TEXT_FIELD_ORDER, lines->number + 1, 1, "expected '%s' here, found the end",
                            expected);
    return mm_diag_line(diags, MM_RULE_TEXT_FIELD_ORDER, line->number, 1, "expected '%s' here, found '%s'", expected,
                        mm_show(shown, line->key, line->key_length));
}

int mm_lines_field(struct mm_lines *lines, const char *key, struct mm_line *line, struct mm_diags *diags)
{
    int result = mm_lines_step(lines, line, diags);
    bool other = !line->key || (line->key_length && !mm_line_is(line, key));
    return other ? mm_lines_misplaced(lines, line, key, diags) : result;
}

int mm_lines_number(struct mm_lines *lines, const char *key, uint64_t max, uint64_t *value, struct mm_diags *diags)
{
    struct mm_line line;
    char shown[MM_SHOWN];
    if (mm_lines_field(lines, key, &line, diags) < 0)
        return -1;
    if (!mm_number(line.value, line.value_length, max, value))
        return mm_diag_line(diags, MM_RULE_VALUE_NUMBER, line.number, mm_line_value_column(&line),
                            "expected a decimal number up to %llu, found '%s'", (unsigned long long)max,
                            mm_show(shown, line.value, line.value_length));
    return 0;
}

int mm_lines_hash(struct mm_lines *lines, const char *key, unsigned char hash[MM_HASH_BYTES], struct mm_diags *diags)
{
    struct mm_line line;
    char shown[MM_SHOWN];
    if (mm_lines_field(lines, key, &line, diags) < 0)
        return -1;
    if (!mm_hex_hash(line.value, line.value_length, hash))
        return mm_diag_line(diags, MM_RULE_VALUE_HASH, line.number, mm_line_value_column(&line),
                            "expected 64 lower-case hex digits, found '%s'",
                            mm_show(shown, line.value, line.value_length));
    return 0;
}
