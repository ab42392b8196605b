/* Static binaries on a medium, by the architecture that their ELF headers name. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "act/folder.h"
#include "act/media_parts.h"
#include "base/file.h"
#include "base/number.h"

#define TOOL_MAX (64u * 1024 * 1024)
#define TOOLS_MAX 128

/* e_machine of ELF headers, little-endian, 64 bits. */
static const char *architecture(const unsigned char *elf, size_t length)
{
    static const unsigned char magic[] = {0x7f, 'E', 'L', 'F', 2, 1};
    if (length < 64 || memcmp(elf, magic, sizeof magic) != 0)
        return NULL;
    unsigned machine = elf[18] | (unsigned)elf[19] << 8;
    return machine == 62 ? "x86_64" : machine == 183 ? "aarch64" : machine == 243 ? "riscv64" : NULL;
}

/* Whether a program header asks for an interpreter: then it needs libraries of the machine. */
static bool is_static(const unsigned char *elf, size_t length)
{
    enum { PT_INTERP_TYPE = 3, HEADER = 56 };
    uint64_t at = mm_little_endian(elf + 32, 8), size = mm_little_endian(elf + 54, 2),
             count = mm_little_endian(elf + 56, 2);
    for (uint64_t i = 0; i < count; i++) {
        if (size < HEADER || at > length || length - at < HEADER)
            return false;
        if (mm_little_endian(elf + at, 4) == PT_INTERP_TYPE)
            return false;
        at += size;
    }
    return true;
}

static int put_tool(struct mm_media *media, struct mm_medium_folder *medium, const char *name,
                    const struct mm_buf *text, uint64_t *bytes, struct mm_diags *diags)
{
    char path[MM_MEDIA_PATH];
    const unsigned char *elf = (const unsigned char *)text->data;
    const char *machine = architecture(elf, text->length);
    if (!machine || !is_static(elf, text->length))
        return mm_diag(diags, MM_RULE_MEDIA_TOOL, "expected a static ELF binary of 64 bits, found another file: %s",
                       name);
    if (bytes) {
        *bytes += mm_media_cost(text->length);
        return 0;
    }
    snprintf(path, sizeof path, "tools/%s/%s", machine, name);
    if (mm_media_put(media, medium, path, text->data, text->length, NULL, diags) < 0)
        return -1;
    bool done = fchmodat(medium->folder, path, 0755, 0) == 0;
    if (!done && errno != EPERM &&
        errno != ENOTSUP) /* file systems without modes refuse, and call everything executable */
        return mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot make a tool executable", errno);
    return 0;
}

int mm_media_put_tools(struct mm_media *media, struct mm_medium_folder *medium, uint64_t *bytes, struct mm_diags *diags)
{
    struct mm_folder names = {0};
    if (media->tools < 0)
        return 0;
    int result = mm_folder_list_names(&names, media->tools, diags);
    if (result == 0 && names.count > TOOLS_MAX)
        result = mm_diag(diags, MM_RULE_IO_LIMIT, "expected at most %d tools, found more", TOOLS_MAX);
    for (size_t i = 0; result == 0 && i < names.count; i++) {
        const char *name = names.entries[i].path;
        int fd = mm_file_open_beneath(media->tools, name, MM_LINKS_BENEATH);
        mm_buf_clear(&media->text);
        if (fd < 0)
            result = mm_diag(diags, MM_RULE_IO_OPEN, "cannot open the tool %s: %s", name, strerror(errno));
        else if ((result = mm_file_read_all(fd, TOOL_MAX, &media->text, diags)) > 0)
            result =
                mm_diag(diags, MM_RULE_IO_LIMIT, "expected a tool of at most %u bytes, found more: %s", TOOL_MAX, name);
        if (fd >= 0)
            close(fd);
        if (result == 0)
            result = put_tool(media, medium, name, &media->text, bytes, diags);
    }
    mm_folder_release(&names);
    return result;
}
