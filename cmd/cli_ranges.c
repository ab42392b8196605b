#include "cli_ranges.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doc/chunk_list.h"

#define LOOKED_AT 4096 /* bytes: longer than a line can be */

/* True if nothing is at PATH that would be missed; what mm_writer_open refuses anyway is its business. */
static bool is_spare(const char *path)
{
    char text[LOOKED_AT];
    struct stat info;
    if (stat(path, &info) < 0 || !S_ISREG(info.st_mode))
        return true;
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text);
    if (fd >= 0)
        close(fd);
    return got >= 0 && mm_bad_ranges_begin(text, (size_t)got);
}

int cli_ranges_open(struct cli *cli, struct mm_writer *writer, const char *path, bool force)
{
    if (force && !is_spare(path))
        return mm_diag(&cli->diags, MM_RULE_IO_EXISTS,
                       "will not replace %s: expected bad ranges there, found something else", path);
    return mm_writer_open(writer, path, force, &cli->diags);
}
