/* The store's folder, MINIMODEL_HOME: where it is. Files beneath it are opened as base/beneath.h does; the folder itself may be
 * reached by a symbolic link, as its name comes from the user. */
#ifndef MM_ACT_HOME_H
#define MM_ACT_HOME_H

#include <stdbool.h>

#include "base/diag.h"

/* Where the store is: GIVEN if not NULL, else the environment's MINIMODEL_HOME, else $XDG_DATA_HOME/minimodel, else
 * $HOME/.local/share/minimodel. Empty variables count as absent, and so does an XDG_DATA_HOME that is not absolute.
 * Returns a name to be freed, or NULL with STORE_HOME or IO_MEMORY. */
char *mm_home_path(const char *given, struct mm_diags *diags);

/* Opens that folder. CREATE makes it, and the folders above it, for the user alone (0700). Returns the descriptor, or -1
 * with STORE_HOME. */
int mm_home_open(const char *given, bool create, struct mm_diags *diags);

/* Locks the store, HOME/store/lock, and waits for it: EXCLUSIVE to write, otherwise to read. The lock file is made where
 * it lacks. A reader who may not make it needs no lock: who could write would have made it. Returns a descriptor whose
 * closing unlocks, or -1 with STORE_HOME. The lock is not recursive: whoever holds it calls nothing that takes it. */
int mm_home_lock(int home, bool exclusive, struct mm_diags *diags);

#endif
