#include "trust/secret_form.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "trust/revocation.h"

#define MINISIGN_LINE 212 /* base64 of 158 bytes */

static bool begins(const char *line, size_t length, const char *with)
{
    size_t size = strlen(with);
    return length >= size && memcmp(line, with, size) == 0;
}

/* `Ed`, `Sc` or two zero bytes, `B2`: six bytes, which are eight characters of their own. */
static bool is_minisign(const char *line, size_t length)
{
    return length == MINISIGN_LINE && (begins(line, length, "RWRTY0Iy") || begins(line, length, "RWQAAEIy"));
}

/* -----BEGIN PRIVATE KEY-----, with whatever stands between BEGIN and PRIVATE: RSA, EC, ENCRYPTED, OPENSSH, PGP. */
static bool is_pem(const char *line, size_t length)
{
    static const char begin[] = "-----BEGIN ", word[] = "PRIVATE KEY", end[] = "-----";
    while (length && (line[length - 1] == ' ' || line[length - 1] == '\t'))
        length--;
    return begins(line, length, begin) && length >= sizeof begin - 1 + sizeof word - 1 + sizeof end - 1 &&
           memcmp(line + length - (sizeof end - 1), end, sizeof end - 1) == 0 &&
           memmem(line, length, word, sizeof word - 1) != NULL;
}

/* A revocation that was signed in advance, beside its signature, ends the key on the day on which others get it. */
static const char revocation[] = "a revocation";

const char *mm_secret_form(const char *bytes, size_t length)
{
    const char *end = bytes + length;
    if (begins(bytes, length, MM_REVOCATION_TYPE " 0\n"))
        return revocation;
    for (const char *line = bytes; line < end;) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t size = (size_t)((stop ? stop : end) - line);
        if (size && line[size - 1] == '\r')
            size--;
        if (is_minisign(line, size))
            return "a secret key of minisign";
        if (is_pem(line, size))
            return "a private key in PEM";
        line = stop ? stop + 1 : end;
    }
    return NULL;
}

int mm_secret_form_refuse(int fd, struct mm_diags *diags)
{
    struct stat info;
    char *head = malloc(MM_SECRET_FORM_HEAD);
    int result = head ? 0 : mm_diag_memory(diags);
    if (result == 0 && fstat(fd, &info) < 0)
        result = mm_diag_errno(diags, MM_RULE_IO_READ, "cannot look at the file", errno);
    if (result == 0) {
        size_t length = info.st_size < MM_SECRET_FORM_HEAD ? (size_t)info.st_size : MM_SECRET_FORM_HEAD;
        result = mm_file_read_at(fd, 0, head, length, diags);
        const char *found = result == 0 ? mm_secret_form(head, length) : NULL;
        if (found)
            result =
                mm_diag(diags, MM_RULE_MAKE_SECRET, "expected files to share, found %s: move it elsewhere%s", found,
                        found == revocation ? ", as it takes all trust from its key"
                                            : ", and if others could read it, revoke it");
    }
    free(head);
    return result;
}
