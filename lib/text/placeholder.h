/* Placeholders in the words of a command line, which stand for artifacts of a model: {}, {dir} and {file:PATH}. Anything else in
 * braces is text. */
#ifndef MM_TEXT_PLACEHOLDER_H
#define MM_TEXT_PLACEHOLDER_H

#include "base/buf.h"

enum mm_placeholder_kind {
    MM_PLACEHOLDER_MODEL,  /* {}: the model's only weights */
    MM_PLACEHOLDER_FOLDER, /* {dir}: a folder with all artifacts */
    MM_PLACEHOLDER_FILE,   /* {file:PATH}: the artifact PATH, which is not empty and holds no `}` */
};

struct mm_placeholder {
    enum mm_placeholder_kind kind;
    const char *path; /* of a FILE, within the text; NULL otherwise */
    size_t path_length;
    size_t length; /* of the placeholder, braces included */
};

/* The first placeholder in TEXT: its place, and what it is in FOUND; NULL where there is none. */
const char *mm_placeholder_find(const char *text, struct mm_placeholder *found);

/* Appends TEXT with each placeholder replaced by what EACH appends for it. What is put in is not looked at again. Returns 0, or what
 * EACH returned other than 0. */
typedef int mm_placeholder_fn(void *context, const struct mm_placeholder *found, struct mm_buf *out);
int mm_placeholder_replace(const char *text, mm_placeholder_fn *each, void *context, struct mm_buf *out);

#endif
