#include "cli_ranges.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doc/bad_ranges.h"

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

static int pass_line(void *context, const struct mm_bad_line *line)
{
    (void)context, (void)line;
    return 0;
}

int cli_ranges_read(struct cli *cli, int fd, const char *name, struct mm_buf *text)
{
    cli->diags.file = cli_shown(name);
    int result = mm_file_read_all(fd, MM_BAD_RANGES_MAX, text, &cli->diags);
    if (result > 0)
        return mm_diag_line(&cli->diags, MM_RULE_TEXT_SIZE, 1, 1, "expected bad ranges of at most %d bytes, found more",
                            MM_BAD_RANGES_MAX);
    if (result == 0 && text->length)
        result = mm_bad_ranges_read(text->data, text->length, pass_line, NULL, &cli->diags);
    return result;
}
