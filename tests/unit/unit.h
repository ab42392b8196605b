/* What the unit tests share: the test framework in its order, findings as one line of text, and folders to work in. */
#ifndef MM_TESTS_UNIT_H
#define MM_TESTS_UNIT_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/diag.h"

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

/* A string literal with its length, NULs included. */
#define BYTES(literal) (literal), (sizeof(literal) - 1)

/* ---- findings ---- */

/* "RULE@LINE:COLUMN RULE@#OFFSET RULE": all findings in order, notes as "note:RULE...". */
static inline void list_findings(const struct mm_diags *diags, struct mm_buf *out)
{
    for (size_t i = 0; i < diags->count; i++) {
        const struct mm_diag *diag = &diags->items[i];
        mm_buf_printf(out, "%s%s%s", i ? " " : "", diag->severity == MM_NOTE ? "note:" : "", mm_rule_info(diag->rule)->name);
        if (diag->at_offset)
            mm_buf_printf(out, "@#%" PRIu64, diag->offset);
        else if (diag->line)
            mm_buf_printf(out, "@%" PRIu64 ":%" PRIu64, diag->line, diag->column);
    }
}

/* Fails, naming the case WHAT, unless ACTUAL is EXPECTED. */
static inline void check_text(const char *what, const char *actual, const char *expected)
{
    if (strcmp(actual, expected) != 0)
        fail_msg("%s: expected '%s', found '%s'", what, expected, actual);
}

static inline void check_number(const char *what, uint64_t actual, uint64_t expected)
{
    if (actual != expected)
        fail_msg("%s: expected %" PRIu64 ", found %" PRIu64, what, expected, actual);
}

static inline void check_true(const char *what, bool holds)
{
    if (!holds)
        fail_msg("does not hold: %s", what);
}

/* Fails unless DIAGS are exactly EXPECTED (list_findings), each with words; forgets them. */
static inline void check_findings(const char *what, struct mm_diags *diags, const char *expected)
{
    struct mm_buf found = {0};
    list_findings(diags, &found);
    if (strcmp(mm_buf_text(&found), expected) != 0) {
        for (size_t i = 0; i < diags->count; i++)
            print_error("  %s\n", diags->items[i].text);
        fail_msg("%s: expected '%s', found '%s'", what, expected, mm_buf_text(&found));
    }
    for (size_t i = 0; i < diags->count; i++)
        assert_true(strlen(diags->items[i].text) > 0);
    mm_buf_release(&found);
    mm_diags_clear(diags);
}

/* ---- files ---- */

/* A descriptor at the start of a new file that holds BYTES. */
static inline int file_of(const void *bytes, size_t length)
{
    int fd = memfd_create("unit", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

/* A new empty folder; free the name with remove_folder. */
static inline char *make_folder(void)
{
    const char *parent = getenv("TMPDIR");
    char *path = NULL;
    assert_true(asprintf(&path, "%s/mm-unit-XXXXXX", parent ? parent : "/tmp") > 0);
    assert_non_null(mkdtemp(path));
    return path;
}

static inline int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info, (void)type, (void)walk;
    return remove(path);
}

static inline void remove_folder(char *path)
{
    assert_int_equal(nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(path);
}

/* FOLDER/NAME in a buffer that lives until the next four calls. */
static inline const char *in_folder(const char *folder, const char *name)
{
    static char paths[4][512];
    static unsigned next;
    char *path = paths[next++ % 4];
    assert_true(snprintf(path, sizeof paths[0], "%s/%s", folder, name) < (int)sizeof paths[0]);
    return path;
}

static inline void write_file(const char *path, const void *bytes, size_t length)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, length), length);
    assert_int_equal(close(fd), 0);
}

/* True if the file PATH holds exactly TEXT. */
static inline bool file_holds(const char *path, const char *text)
{
    char found[4096];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, found, sizeof found);
    close(fd);
    return got == (ssize_t)strlen(text) && memcmp(found, text, strlen(text)) == 0;
}

#endif
