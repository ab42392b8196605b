#include "unit.h"

#include "base/place.h"

struct fixture {
    char *path;
    int root;
    struct mm_place place;
    struct mm_diags diags;
};

static void begin(struct fixture *f)
{
    *f = (struct fixture){.path = make_folder()};
    f->root = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(f->root >= 0);
    mm_diags_init(&f->diags);
}

static void end(struct fixture *f)
{
    mm_diags_release(&f->diags);
    close(f->root);
    remove_folder(f->path);
}

static ino_t inode_of(const struct fixture *f, const char *name)
{
    struct stat info;
    assert_int_equal(fstatat(f->root, name, &info, AT_SYMLINK_NOFOLLOW), 0);
    return info.st_ino;
}

static int file(struct fixture *f, const char *path, const char *text)
{
    return mm_place_file(&f->place, f->root, path, text, strlen(text), &f->diags);
}

static int unknown(struct fixture *f, const char *path, const char *text)
{
    return mm_place_unknown(&f->place, f->root, path, text, strlen(text), &f->diags);
}

static void both_make_folders(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    assert_int_equal(file(&f, "a/b/one", "1"), 0);
    assert_int_equal(file(&f, "a/b/two", "2"), 0);
    assert_int_equal(unknown(&f, "c/d/three", "3"), 0);
    assert_int_equal(unknown(&f, "c/d/four", ""), 0);
    assert_int_equal(unknown(&f, "five", "5"), 0);
    assert_true(file_holds(in_folder(f.path, "a/b/one"), "1"));
    assert_true(file_holds(in_folder(f.path, "a/b/two"), "2"));
    assert_true(file_holds(in_folder(f.path, "c/d/three"), "3"));
    assert_true(file_holds(in_folder(f.path, "c/d/four"), ""));
    assert_true(file_holds(in_folder(f.path, "five"), "5"));
    assert_int_equal(mm_place_flush(f.root, &f.diags), 0);
    check_number("errors", f.diags.errors, 0);
    end(&f);
}

static void the_first_one_stays(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    assert_int_equal(mkdirat(f.root, "b", 0777), 0);
    assert_int_equal(mm_place_first_in(f.root, "a/one", "1", 1, &f.diags), 1);
    assert_int_equal(mm_place_first_in(f.root, "a/one", "22", 2, &f.diags), 0);
    assert_int_equal(mm_place_first_in(f.root, "a/b", "3", 1, &f.diags), 0);
    assert_true(file_holds(in_folder(f.path, "one"), "1"));
    check_number("errors", f.diags.errors, 0);
    end(&f);
}

static void no_folder_is_reached_through_a_link(void **state)
{
    struct fixture f;
    char *other = make_folder();
    (void)state;
    begin(&f);
    assert_int_equal(mkdirat(f.root, "a", 0777), 0);
    assert_int_equal(symlinkat(other, f.root, "a/b"), 0);
    assert_int_equal(file(&f, "a/b/one", "1"), -1);
    assert_int_equal(unknown(&f, "a/b/one", "1"), -1);
    assert_int_equal(file(&f, "a/b/c/one", "1"), -1);
    assert_int_equal(unknown(&f, "a/b/c/one", "1"), -1);
    check_number("errors", f.diags.errors, 4);
    assert_int_equal(rmdir(other), 0); /* nothing came into it */
    free(other);
    end(&f);
}

static void flushing_begins_behind_many_files(void **state)
{
    struct fixture f;
    struct mm_place_flusher flusher = {0};
    (void)state;
    begin(&f);
    for (int i = 1; i < MM_PLACE_FLUSH_FILES; i++)
        mm_place_flush_beside(&flusher, f.root);
    assert_false(flusher.started);
    mm_place_flush_await(&flusher); /* there is nothing to wait for */
    mm_place_flush_beside(&flusher, f.root);
    assert_true(flusher.started);
    check_number("they are counted anew", flusher.files, 0);
    mm_place_flush_await(&flusher);
    assert_false(flusher.started);
    flusher.files = MM_PLACE_FLUSH_FILES;
    mm_place_flush_beside(&flusher, -1); /* a folder that cannot be opened: whoever flushes in the end is told */
    assert_false(flusher.started);
    end(&f);
}

static void what_is_there_is_replaced(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    assert_int_equal(file(&f, "a/one", "old"), 0);
    ino_t before = inode_of(&f, "a/one");
    assert_int_equal(file(&f, "a/one", "old"), 0);
    assert_true(inode_of(&f, "a/one") != before);
    assert_int_equal(file(&f, "a/one", "new"), 0);
    assert_true(file_holds(in_folder(f.path, "a/one"), "new"));
    end(&f);
}

/* What an interrupted build left: nothing, a part, all of it, more than that. */
static void an_unknown_one_stays_where_it_is_whole(void **state)
{
    static const char *const left[] = {"", "tex", "tEXt", "texts", "other and longer"};
    struct fixture f;
    (void)state;
    begin(&f);
    assert_int_equal(unknown(&f, "a/one", "text"), 0);
    ino_t before = inode_of(&f, "a/one");
    assert_int_equal(unknown(&f, "a/one", "text"), 0);
    assert_true(inode_of(&f, "a/one") == before);
    for (size_t i = 0; i < COUNT_OF(left); i++) {
        write_file(in_folder(f.path, "a/one"), left[i], strlen(left[i]));
        before = inode_of(&f, "a/one");
        assert_int_equal(unknown(&f, "a/one", "text"), 0);
        assert_true(file_holds(in_folder(f.path, "a/one"), "text"));
        assert_true(inode_of(&f, "a/one") != before);
    }
    check_number("errors", f.diags.errors, 0);
    end(&f);
}

static void a_link_is_replaced_and_what_it_leads_to_stays(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    write_file(in_folder(f.path, "elsewhere"), "text", 4);
    assert_int_equal(symlinkat("elsewhere", f.root, "link"), 0);
    assert_int_equal(symlinkat("elsewhere", f.root, "link2"), 0);
    assert_int_equal(unknown(&f, "link", "text"), 0);
    assert_int_equal(file(&f, "link2", "new"), 0);
    assert_true(inode_of(&f, "link") != inode_of(&f, "elsewhere"));
    assert_true(file_holds(in_folder(f.path, "elsewhere"), "text"));
    assert_true(file_holds(in_folder(f.path, "link2"), "new"));
    end(&f);
}

static void a_folder_in_the_way_is_a_finding(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f);
    assert_int_equal(mkdirat(f.root, "one", 0700), 0);
    assert_int_equal(unknown(&f, "one", "text"), -1);
    check_findings("unknown", &f.diags, "io-write");
    assert_int_equal(file(&f, "one", "text"), -1);
    check_findings("file", &f.diags, "io-write");
    assert_int_equal(unlinkat(f.root, "one", AT_REMOVEDIR), 0); /* nothing was left in it */
    write_file(in_folder(f.path, "two"), "x", 1);
    assert_int_equal(unknown(&f, "two/three", "text"), -1);
    check_findings("a file for a folder", &f.diags, "io-write");
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_make_folders),
        cmocka_unit_test(the_first_one_stays),
        cmocka_unit_test(no_folder_is_reached_through_a_link),
        cmocka_unit_test(flushing_begins_behind_many_files),
        cmocka_unit_test(what_is_there_is_replaced),
        cmocka_unit_test(an_unknown_one_stays_where_it_is_whole),
        cmocka_unit_test(a_link_is_replaced_and_what_it_leads_to_stays),
        cmocka_unit_test(a_folder_in_the_way_is_a_finding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
