/* Paths of artifacts (manifest.md: "A path is relative ..."): portable to every file system that people carry models on. */
#ifndef MM_TEXT_PATH_H
#define MM_TEXT_PATH_H

#include <stdbool.h>
#include <stddef.h>

#define MM_PATH_MAX 240
#define MM_PATH_COMPONENT_MAX 127

/* Returns NULL if TEXT is a path, otherwise what was expected, and *AT is the offset where. */
const char *mm_path_check(const char *text, size_t length, size_t *at);

/* True if Windows reserves NAME: what stands before its first dot, trailing spaces dropped, is a device's name. */
bool mm_path_reserved(const char *name, size_t length);

/* The last component of PATH, and its length in *LENGTH (in: PATH's length). */
const char *mm_path_base(const char *path, size_t *length);

/* The last component of NUL-terminated PATH, and the length of what stands before it, the slash included. */
const char *mm_path_name(const char *path);
size_t mm_path_folder_length(const char *path);

/* True if NAME ends in ENDING; the second whatever the letter case. */
bool mm_path_ends_in(const char *name, const char *ending);
bool mm_path_ends_in_any_case(const char *name, const char *ending);

/* Order of paths with ASCII letters lowered and '/' below every other byte, so that a folder's contents stand together. */
int mm_path_fold_compare(const char *a, size_t a_length, const char *b, size_t b_length);

/* How two paths of one manifest collide on a file system that ignores letter case. */
enum mm_path_clash {
    MM_PATH_APART,
    MM_PATH_EQUAL,       /* the same file */
    MM_PATH_FOLDER,      /* A is a folder of B, or B of A */
    MM_PATH_FOLDER_CASE, /* folders that differ by letter case only */
};
enum mm_path_clash mm_path_clash(const char *a, size_t a_length, const char *b, size_t b_length);

#endif
