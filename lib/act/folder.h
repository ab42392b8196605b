/* The files beneath a folder, as they are found. */
#ifndef MM_ACT_FOLDER_H
#define MM_ACT_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"

/* Entries of one folder tree at most, and how deep it may be. */
#define MM_FOLDER_MAX 200000
#define MM_FOLDER_DEPTH 64

enum mm_entry_kind {
    MM_ENTRY_FILE,
    MM_ENTRY_LINK,
    MM_ENTRY_OTHER,
    MM_ENTRY_UNLISTED /* a folder that could not be listed, or not to its end: of mm_folder_list_readable alone */
};

struct mm_folder_entry {
    char *path; /* beneath the folder, components joined by '/'; any bytes but NUL */
    enum mm_entry_kind kind;
};

/* Has the folder PATH to be listed? */
typedef bool mm_folder_fn(void *context, const char *path);

struct mm_folder {
    struct mm_folder_entry *entries; /* sorted by path bytes */
    size_t count, capacity;
    bool names_only;
    /* of mm_folder_list_readable */
    bool goes_on;
    mm_folder_fn *matters;
    void *context;
    bool full; /* nothing more can be listed */
};

/* Lists files, links and the like beneath the open folder FD; folders themselves are walked, links are not followed.
 * Returns 0, or -1 with IO_READ, IO_LIMIT or IO_MEMORY. Release FOLDER in every case. */
int mm_folder_list(struct mm_folder *folder, int fd, struct mm_diags *diags);

/* The same, but a folder that cannot be listed does not end it: it stands in the list itself, and is a finding where it MATTERS. Returns 0, or -1 with findings; FOLDER has what could be listed in both cases. */
int mm_folder_list_readable(struct mm_folder *folder, int fd, mm_folder_fn *matters, void *context,
                            struct mm_diags *diags);

/* Like mm_folder_list, for the names in the folder itself: what is beneath folders is not looked at, which are MM_ENTRY_OTHER. */
int mm_folder_list_names(struct mm_folder *folder, int fd, struct mm_diags *diags);
void mm_folder_release(struct mm_folder *folder);

#endif
