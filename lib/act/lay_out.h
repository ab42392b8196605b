/* A private folder in which open descriptors of this process have the names of a model's artifacts, for programs that read a folder. */
#ifndef MM_ACT_LAY_OUT_H
#define MM_ACT_LAY_OUT_H

#include "base/diag.h"

struct mm_layout {
    char *path; /* NULL: there is none */
    int folder;
};

/* For a struct mm_layout that was not made yet. */
#define MM_LAYOUT_NONE                                                                                                 \
    {                                                                                                                  \
        .folder = -1                                                                                                   \
    }

/* Makes the folder, mode 0700, in $XDG_RUNTIME_DIR, else $TMPDIR, else /tmp. Returns 0, or -1 with IO_WRITE; remove it in every case. */
int mm_layout_make(struct mm_layout *layout, struct mm_diags *diags);

/* Gives the descriptor FD the name PATH, which is relative and portable (VALUE_PATH otherwise), by a link that leads to it as long as this
 * process has it open, whatever other names the file has or loses. Returns 0, or -1 with a finding. */
int mm_layout_add(struct mm_layout *layout, const char *path, int fd, struct mm_diags *diags);

/* Removes the folder and what is in it; harmless where there is none. Returns 0, or -1 with IO_WRITE. */
int mm_layout_remove(struct mm_layout *layout, struct mm_diags *diags);

#endif
