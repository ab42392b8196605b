#include "unit.h"

#include "hash/git_blob.h"
#include "base/number.h"

static void check(const char *text, const char *expected)
{
    unsigned char id[MM_GIT_BYTES];
    char hex[MM_GIT_HEX + 1];
    struct mm_git_blob *blob = mm_git_blob_new(strlen(text));
    assert_non_null(blob);
    for (const char *at = text; *at; at++)
        mm_git_blob_update(blob, at, 1);
    mm_git_blob_take(blob, id);
    mm_hex(hex, id, sizeof id);
    check_text(text, hex, expected);
    mm_git_blob_free(blob);
}

/* As `git hash-object` says. */
static void ids_are_those_of_git(void **state)
{
    (void)state;
    check("", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391");
    check("hello\n", "ce013625030ba8dba906f756967f9e9ca394464a");
    mm_git_blob_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ids_are_those_of_git)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
