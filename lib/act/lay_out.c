#include "act/lay_out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/tree.h"
#include "text/path.h"

/* A folder that the environment's VARIABLE names, NULL where it names none or one that is not absolute. */
static const char *folder_of(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value == '/' ? value : NULL;
}

int mm_layout_make(struct mm_layout *layout, struct mm_diags *diags)
{
    const char *parent = folder_of("XDG_RUNTIME_DIR");
    *layout = (struct mm_layout)MM_LAYOUT_NONE;
    if (!parent)
        parent = folder_of("TMPDIR");
    if (asprintf(&layout->path, "%s/minimodel-exec.XXXXXX", parent ? parent : "/tmp") < 0) {
        layout->path = NULL;
        return mm_diag_memory(diags);
    }
    if (!mkdtemp(layout->path)) { /* 0700, and nobody else's */
        mm_diag(diags, MM_RULE_IO_WRITE, "cannot make a private folder like %s: %s", layout->path, strerror(errno));
        free(layout->path);
        layout->path = NULL;
        return -1;
    }
    layout->folder = open(layout->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (layout->folder < 0)
        return mm_diag(diags, MM_RULE_IO_WRITE, "cannot open %s: %s", layout->path, strerror(errno));
    return 0;
}

int mm_layout_add(struct mm_layout *layout, const char *path, int fd, struct mm_diags *diags)
{
    char target[64], shown[MM_SHOWN];
    size_t at;
    if (mm_path_check(path, strlen(path), &at))
        return mm_diag(diags, MM_RULE_VALUE_PATH, "expected a portable path, found '%s'",
                       mm_show(shown, path, strlen(path)));
    /* not /proc/self: programs that the program starts have to reach it too, and need not inherit it */
    snprintf(target, sizeof target, "/proc/%ld/fd/%d", (long)getpid(), fd);
    if (mm_tree_make_for(layout->folder, path, diags) < 0)
        return -1;
    if (symlinkat(target, layout->folder, path) < 0)
        return mm_diag(diags, MM_RULE_IO_WRITE, "cannot make %s/%s: %s", layout->path, path, strerror(errno));
    return 0;
}

int mm_layout_remove(struct mm_layout *layout, struct mm_diags *diags)
{
    int result = 0;
    if (!layout->path)
        return 0;
    char *slash = strrchr(layout->path, '/');
    if (layout->folder >= 0)
        close(layout->folder);
    *slash = '\0'; /* of what mkdtemp made, so there is one */
    int parent = open(layout->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *slash = '/';
    if (parent < 0)
        result = mm_diag(diags, MM_RULE_IO_WRITE, "cannot remove %s: %s", layout->path, strerror(errno));
    else
        result = mm_tree_remove(parent, slash + 1, diags);
    if (parent >= 0)
        close(parent);
    free(layout->path);
    *layout = (struct mm_layout)MM_LAYOUT_NONE;
    return result;
}
