#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "act/store.h"
#include "base/tree.h"

struct place {
    char *top;
    int home;
    struct mm_diags diags;
};

static int set_up(void **state)
{
    static struct place place;
    place.top = make_folder();
    place.home = open(place.top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(place.home >= 0);
    mm_diags_init(&place.diags);
    *state = &place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    mm_diags_release(&place->diags);
    close(place->home);
    remove_folder(place->top);
    return 0;
}

static void folder(struct place *place, const char *path)
{
    assert_int_equal(mm_tree_make(place->home, path, &place->diags), 0);
}

/* "ID@REVISION ID@REVISION" of what is listed. */
static void check_list(struct place *place, bool strict, const char *expected, const char *findings)
{
    struct mm_store_list list;
    struct mm_buf found = {0};
    assert_int_equal(mm_store_list(place->home, strict, &list, &place->diags), 0);
    for (size_t i = 0; i < list.count; i++)
        mm_buf_printf(&found, "%s%s@%" PRIu64, i ? " " : "", list.models[i].id, list.models[i].revision);
    check_text("the list", mm_buf_text(&found), expected);
    check_findings("the list", &place->diags, findings);
    mm_buf_release(&found);
    mm_store_list_release(&list);
}

static void a_model_has_one_path(void **state)
{
    struct mm_store_model model;
    char id[132];
    (void)state;
    mm_store_model(&model, "local/model", 7);
    check_text("its path", model.path, "models/local/model/7");
    memset(id, 'a', sizeof id - 1);
    id[64] = '/';
    id[129] = '\0';
    mm_store_model(&model, id, MM_NUMBER_MAX);
    check_number("the longest path", strlen(model.path), strlen("models/") + 129 + 1 + 19);
    check_text("the longest id", model.id, id);
}

static void models_are_listed_by_id_and_number(void **state)
{
    struct place *place = *state;
    check_list(place, true, "", "");
    folder(place, "models");
    check_list(place, true, "", "");
    folder(place, "models/local/b/10");
    folder(place, "models/local/b/9");
    folder(place, "models/local/a/2");
    folder(place, "models/also/z/1");
    folder(place, "models/local/none");
    check_list(place, true, "also/z@1 local/a@2 local/b@9 local/b@10", "");
}

static void names_that_are_no_models_are_surplus(void **state)
{
    struct place *place = *state;
    folder(place, "models/local/a/1");
    folder(place, "models/local/a/0");
    check_list(place, true, "local/a@1", "store-surplus");
    folder(place, "models/local/a/01");
    folder(place, "models/local/a/x");
    folder(place, "models/local/a/9223372036854775808");
    folder(place, "models/UP/a/1");
    folder(place, "models/local/.hidden/1");
    assert_int_equal(symlinkat("1", place->home, "models/local/a/3"), 0);
    assert_int_equal(symlinkat("local", place->home, "models/link"), 0);
    write_file(in_folder(place->top, "models/file"), BYTES("x"));
    check_list(place, false, "local/a@1", "");
    check_list(place, true, "local/a@1",
               "store-surplus store-surplus store-surplus store-surplus store-surplus store-surplus store-surplus "
               "store-surplus "
               "store-surplus");
}

static void models_that_are_no_folder_are_a_failure(void **state)
{
    struct place *place = *state;
    struct mm_store_list list;
    write_file(in_folder(place->top, "models"), BYTES("x"));
    assert_int_equal(mm_store_list(place->home, true, &list, &place->diags), -1);
    check_findings("a file", &place->diags, "io-open");
    mm_store_list_release(&list);
}

static void a_model_is_found_by_name(void **state)
{
    static const char *const wrong[] = {"",
                                        "@",
                                        "local",
                                        "local/",
                                        "/a",
                                        "local/a@",
                                        "local/a@0",
                                        "local/a@01",
                                        "local/a@3",
                                        "local/a@1@1",
                                        "local/a@18446744073709551616",
                                        "local/b",
                                        "../a",
                                        "local/a/1",
                                        "LOCAL/a",
                                        "local/a "};
    struct place *place = *state;
    struct mm_store_model model;
    folder(place, "models/local/a/1");
    folder(place, "models/local/a/12");
    folder(place, "models/local/a/2");
    assert_int_equal(mm_store_find(place->home, "local/a", &model, &place->diags), 0);
    check_number("the highest", model.revision, 12);
    assert_int_equal(mm_store_find(place->home, "local/a@2", &model, &place->diags), 0);
    check_text("the one that is named", model.path, "models/local/a/2");
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        if (mm_store_find(place->home, wrong[i], &model, &place->diags) != -1)
            fail_msg("found: '%s'", wrong[i]);
        check_findings(wrong[i], &place->diags, "store-model");
    }
}

static void a_name_of_any_length_is_refused(void **state)
{
    struct place *place = *state;
    struct mm_store_model model;
    char *name = malloc(100001);
    assert_non_null(name);
    memset(name, 'a', 100000);
    name[100000] = '\0';
    name[50] = '/';
    assert_int_equal(mm_store_find(place->home, name, &model, &place->diags), -1);
    check_findings("a long name", &place->diags, "store-model");
    free(name);
}

static void a_listed_model_is_found_again(void **state)
{
    struct place *place = *state;
    struct mm_store_list list;
    struct mm_store_model model;
    folder(place, "models/local/a/1");
    folder(place, "models/local/b/1");
    assert_int_equal(mm_store_list(place->home, false, &list, &place->diags), 0);
    mm_store_model(&model, "local/b", 1);
    assert_ptr_equal(mm_store_in(&list, &model), &list.models[1]);
    mm_store_model(&model, "local/b", 2);
    assert_null(mm_store_in(&list, &model));
    mm_store_list_release(&list);
    assert_null(mm_store_in(&list, &model));
}

static void a_manifest_that_lacks_or_is_none_is_a_finding(void **state)
{
    struct place *place = *state;
    struct mm_store_model model;
    struct mm_manifest manifest;
    mm_store_model(&model, "local/a", 1);
    assert_int_equal(mm_store_manifest(place->home, &model, &manifest, &place->diags), -1);
    check_findings("no manifest", &place->diags, "io-open");
    mm_manifest_release(&manifest);
    folder(place, "models/local/a/1");
    write_file(in_folder(place->top, "models/local/a/1/manifest"), BYTES("x\n"));
    assert_int_equal(mm_store_manifest(place->home, &model, &manifest, &place->diags), -1);
    check_findings("another text", &place->diags, "text-first-line@1:1");
    mm_manifest_release(&manifest);
    assert_int_equal(unlinkat(place->home, "models/local/a/1/manifest", 0), 0);
    assert_int_equal(mkfifo(in_folder(place->top, "models/local/a/1/manifest"), 0600), 0);
    assert_int_equal(mm_store_manifest(place->home, &model, &manifest, &place->diags), -1);
    check_findings("a FIFO", &place->diags, "io-open");
    mm_manifest_release(&manifest);
}

static void a_lock_is_held_by_one(void **state)
{
    struct place *place = *state;
    bool waited = false;
    int first = mm_store_lock(place->home, "store/partial/x.lock", false, &waited, &place->diags);
    assert_true(first >= 0 && !waited);
    assert_int_equal(mm_store_lock(place->home, "store/partial/x.lock", false, &waited, &place->diags), -1);
    assert_true(waited);
    waited = false;
    int other = mm_store_lock(place->home, "store/partial/y.lock", false, &waited, &place->diags);
    assert_true(other >= 0 && !waited);
    close(other);
    close(first);
    first = mm_store_lock(place->home, "store/partial/x.lock", false, &waited, &place->diags);
    assert_true(first >= 0);
    close(first);
    check_findings("locks", &place->diags, "");
}

/* Who waits gets the lock of the name, not of a file that was removed meanwhile. */
static void a_removed_lock_is_taken_anew(void **state)
{
    struct place *place = *state;
    bool waited = false;
    int held = mm_store_lock(place->home, "x.lock", false, &waited, &place->diags), status;
    pid_t child = fork();
    if (child == 0) {
        close(held);
        int fd = mm_store_lock(place->home, "x.lock", true, &waited, &place->diags);
        struct stat mine, named;
        bool same = fd >= 0 && fstat(fd, &mine) == 0 && fstatat(place->home, "x.lock", &named, 0) == 0 &&
                    mine.st_ino == named.st_ino;
        _exit(same ? 0 : 1);
    }
    assert_true(child > 0);
    usleep(100000); /* so that it waits, as a rule; what it gets is right in either case */
    assert_int_equal(unlinkat(place->home, "x.lock", 0), 0);
    close(held);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    check_number("the child's answer", (uint64_t)WEXITSTATUS(status), 0);
}

static void a_lock_that_cannot_be_is_a_failure(void **state)
{
    struct place *place = *state;
    bool waited = false;
    folder(place, "folder.lock");
    assert_int_equal(mm_store_lock(place->home, "folder.lock", false, &waited, &place->diags), -1);
    check_findings("a folder", &place->diags, "store-home");
    assert_int_equal(symlinkat("elsewhere", place->home, "link.lock"), 0);
    assert_int_equal(mm_store_lock(place->home, "link.lock", false, &waited, &place->diags), -1);
    check_findings("a link", &place->diags, "store-home");
    assert_int_equal(faccessat(place->home, "elsewhere", F_OK, 0), -1);
}

static void what_is_discarded_is_gone(void **state)
{
    struct place *place = *state;
    folder(place, "store/partial/x/files/sub");
    write_file(in_folder(place->top, "store/partial/x/files/sub/a"), BYTES("x"));
    assert_int_equal(mm_store_discard(place->home, "store/partial/x", &place->diags), 0);
    assert_int_equal(faccessat(place->home, "store/partial/x", F_OK, 0), -1);
    assert_int_equal(unlinkat(place->home, MM_STORE_TRASH, AT_REMOVEDIR), 0); /* it is empty */
    assert_int_equal(mm_store_discard(place->home, "store/partial/x", &place->diags), -1);
    check_findings("nothing to discard", &place->diags, "io-write");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_model_has_one_path),
        TEST(models_are_listed_by_id_and_number),
        TEST(names_that_are_no_models_are_surplus),
        TEST(models_that_are_no_folder_are_a_failure),
        TEST(a_model_is_found_by_name),
        TEST(a_name_of_any_length_is_refused),
        TEST(a_listed_model_is_found_again),
        TEST(a_manifest_that_lacks_or_is_none_is_a_finding),
        TEST(a_lock_is_held_by_one),
        TEST(a_removed_lock_is_taken_anew),
        TEST(a_lock_that_cannot_be_is_a_failure),
        TEST(what_is_discarded_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
