#include "text/placeholder.h"

#include <string.h>

static const char dir_word[] = "{dir}", file_word[] = "{file:";

/* True if a placeholder begins at the brace AT. */
static bool begins(const char *at, struct mm_placeholder *found)
{
    *found = (struct mm_placeholder){0};
    if (at[1] == '}') {
        found->kind = MM_PLACEHOLDER_MODEL;
        found->length = 2;
        return true;
    }
    if (strncmp(at, dir_word, strlen(dir_word)) == 0) {
        found->kind = MM_PLACEHOLDER_FOLDER;
        found->length = strlen(dir_word);
        return true;
    }
    const char *path = at + strlen(file_word), *end;
    if (strncmp(at, file_word, strlen(file_word)) != 0 || !(end = strchr(path, '}')) || end == path)
        return false;
    *found = (struct mm_placeholder){MM_PLACEHOLDER_FILE, path, (size_t)(end - path), (size_t)(end - at) + 1};
    return true;
}

const char *mm_placeholder_find(const char *text, struct mm_placeholder *found)
{
    for (const char *at = strchr(text, '{'); at; at = strchr(at + 1, '{'))
        if (begins(at, found))
            return at;
    return NULL;
}

int mm_placeholder_replace(const char *text, mm_placeholder_fn *each, void *context, struct mm_buf *out)
{
    struct mm_placeholder found;
    for (const char *at; (at = mm_placeholder_find(text, &found)); text = at + found.length) {
        mm_buf_add(out, text, (size_t)(at - text));
        int result = each(context, &found, out);
        if (result != 0)
            return result;
    }
    mm_buf_str(out, text);
    return 0;
}
