/* Folders and what is beneath them: made, flushed and removed as a whole. No symbolic link is followed, unless one stands above a folder that is made or
 * pruned. */
#ifndef MM_BASE_TREE_H
#define MM_BASE_TREE_H

#include "base/diag.h"

/* How deep mm_tree_flush and mm_tree_remove go. */
#define MM_TREE_DEPTH 128

/* Makes the folders of PATH, which is relative to the open folder ROOT; those that are there stay. Returns 0, or -1 with IO_WRITE. */
int mm_tree_make(int root, const char *path, struct mm_diags *diags);

/* The same for the folders in which the file PATH is to stand. */
int mm_tree_make_for(int root, const char *path, struct mm_diags *diags);

/* Opens the folder PATH beneath ROOT. Adds no finding: returns the descriptor, or -1 with errno set. */
int mm_tree_open(int root, const char *path);

/* Calls EACH for every NAME in the open FOLDER but . and .., from where it stands; KIND is DT_REG and so on, DT_UNKNOWN where the file system does not
 * tell. Returns 0; -1 where the folder cannot be read, or once EACH returned that. */
typedef int mm_tree_name_fn(void *context, const char *name, int kind);
int mm_tree_names(int folder, mm_tree_name_fn *each, void *context);

/* Flushes the folder PATH and everything beneath it to the device, and gives regular files the mode 0444. */
int mm_tree_seal(int root, const char *path, struct mm_diags *diags);

/* Flushes the folder PATH itself, the names in it. */
int mm_tree_flush(int root, const char *path, struct mm_diags *diags);

/* Removes PATH and everything beneath it; what is not there is no failure. Returns 0, or -1 with IO_WRITE. */
int mm_tree_remove(int root, const char *path, struct mm_diags *diags);

/* Removes every empty folder beneath the open folder ROOT. Returns 0, or -1 with IO_WRITE. */
int mm_tree_remove_empty(int root, struct mm_diags *diags);

/* Removes regular files with temporary names (base/file.h) beneath the folder PATH of ROOT, where it is there; with NULL those in ROOT
 * itself, not in its folders. Beneath PATH there is to be no symbolic link, through which something might be written elsewhere.
 * Returns 0, or -1 with IO_NOT_REGULAR, IO_WRITE or IO_LIMIT. */
int mm_tree_sweep(int root, const char *path, struct mm_diags *diags);

/* Removes the folders of PATH from the last one up to where one is not empty. */
void mm_tree_prune(int root, const char *path);

#endif
