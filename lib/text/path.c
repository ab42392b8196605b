#include "text/path.h"

#include <string.h>
#include <strings.h>

static bool path_character(char c, bool first)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
        return true;
    return c != '\0' && strchr(first ? "_." : "_. +()=,@~[]-", c) != NULL;
}

bool mm_path_reserved(const char *name, size_t length)
{
    static const char plain[][4] = {"con", "prn", "aux", "nul"};
    const char *dot = memchr(name, '.', length);
    if (dot)
        length = (size_t)(dot - name);
    while (length > 0 && name[length - 1] == ' ')
        length--;
    if (length == 4 && name[3] >= '0' && name[3] <= '9')
        return strncasecmp(name, "com", 3) == 0 || strncasecmp(name, "lpt", 3) == 0;
    for (size_t i = 0; length == 3 && i < sizeof plain / sizeof *plain; i++)
        if (strncasecmp(name, plain[i], 3) == 0)
            return true;
    return false;
}

static const char *check_component(const char *name, size_t length, size_t *at)
{
    *at = 0;
    if (length == 0)
        return "a name between slashes";
    for (size_t i = 0; i < length; i++) {
        *at = i;
        if (!path_character(name[i], i == 0))
            return i == 0 ? "a name that begins with a letter, a digit, '_' or '.'"
                          : "a letter, a digit, a space or one of ._+()=,@~[]-";
    }
    if (length > MM_PATH_COMPONENT_MAX) {
        *at = MM_PATH_COMPONENT_MAX;
        return "names of at most 127 bytes";
    }
    *at = length - 1;
    if (name[length - 1] == '.' || name[length - 1] == ' ')
        return "no dot or space at the end of a name";
    *at = 0;
    if (mm_path_reserved(name, length))
        return "a name that Windows does not reserve";
    return NULL;
}

const char *mm_path_check(const char *text, size_t length, size_t *at)
{
    if (length > MM_PATH_MAX) {
        *at = MM_PATH_MAX;
        return "a path of at most 240 bytes";
    }
    for (size_t start = 0; start <= length;) {
        const char *slash = memchr(text + start, '/', length - start);
        size_t end = slash ? (size_t)(slash - text) : length;
        const char *expected = check_component(text + start, end - start, at);
        if (expected) {
            *at += start;
            return expected;
        }
        start = end + 1;
    }
    return NULL;
}

const char *mm_path_base(const char *path, size_t *length)
{
    size_t start = *length;
    while (start > 0 && path[start - 1] != '/')
        start--;
    *length -= start;
    return path + start;
}

const char *mm_path_name(const char *path)
{
    return path + mm_path_folder_length(path);
}

size_t mm_path_folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

static const char *tail_of(const char *name, const char *ending)
{
    size_t length = strlen(name), size = strlen(ending);
    return length >= size ? name + length - size : NULL;
}

bool mm_path_ends_in(const char *name, const char *ending)
{
    const char *tail = tail_of(name, ending);
    return tail && strcmp(tail, ending) == 0;
}

bool mm_path_ends_in_any_case(const char *name, const char *ending)
{
    const char *tail = tail_of(name, ending);
    return tail && strcasecmp(tail, ending) == 0;
}

static unsigned char fold(char c)
{
    return c == '/' ? 1 : (unsigned char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* The length of the longest common prefix after folding. */
static size_t common_prefix(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t i = 0;
    while (i < a_length && i < b_length && fold(a[i]) == fold(b[i]))
        i++;
    return i;
}

int mm_path_fold_compare(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t i = common_prefix(a, a_length, b, b_length);
    if (i == a_length || i == b_length)
        return (a_length > b_length) - (a_length < b_length);
    return (int)fold(a[i]) - (int)fold(b[i]);
}

enum mm_path_clash mm_path_clash(const char *a, size_t a_length, const char *b, size_t b_length)
{
    size_t i = common_prefix(a, a_length, b, b_length);
    if (i == a_length && i == b_length)
        return MM_PATH_EQUAL;
    if ((i == a_length && b[i] == '/') || (i == b_length && a[i] == '/'))
        return MM_PATH_FOLDER;
    while (i > 0 && a[i - 1] != '/')
        i--;
    return memcmp(a, b, i) == 0 ? MM_PATH_APART : MM_PATH_FOLDER_CASE;
}
