#include "unit.h"

#include <dirent.h>
#include <errno.h>

#include "base/tree.h"

struct place {
    char *top;
    int root;
    struct mm_diags diags;
};

static int set_up(void **state)
{
    static struct place place;
    place.top = make_folder();
    place.root = open(place.top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(place.root >= 0);
    mm_diags_init(&place.diags);
    *state = &place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    mm_diags_release(&place->diags);
    close(place->root);
    remove_folder(place->top);
    return 0;
}

static bool is_folder(const struct place *place, const char *path)
{
    struct stat info;
    return fstatat(place->root, path, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode);
}

static bool is_there(const struct place *place, const char *path)
{
    struct stat info;
    return fstatat(place->root, path, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

static mode_t mode_of(const struct place *place, const char *path)
{
    struct stat info;
    assert_int_equal(fstatat(place->root, path, &info, AT_SYMLINK_NOFOLLOW), 0);
    return info.st_mode & 07777;
}

static void folders_are_made_and_those_that_are_there_stay(void **state)
{
    struct place *place = *state;
    assert_int_equal(mm_tree_make(place->root, "a/b/c", &place->diags), 0);
    assert_true(is_folder(place, "a/b/c"));
    write_file(in_folder(place->top, "a/b/file"), BYTES("x"));
    assert_int_equal(mm_tree_make(place->root, "a/b/c/d", &place->diags), 0);
    assert_true(is_folder(place, "a/b/c/d") && is_there(place, "a/b/file"));
    assert_int_equal(mm_tree_make(place->root, "", &place->diags), 0);
    check_findings("folders", &place->diags, "");
}

static void a_file_gets_the_folders_above_it_alone(void **state)
{
    struct place *place = *state;
    assert_int_equal(mm_tree_make_for(place->root, "a/b/file", &place->diags), 0);
    assert_true(is_folder(place, "a/b") && !is_there(place, "a/b/file"));
    assert_int_equal(mm_tree_make_for(place->root, "file", &place->diags), 0);
    assert_false(is_there(place, "file"));
}

static void a_file_in_the_way_and_an_endless_path_are_failures(void **state)
{
    struct place *place = *state;
    char *path = malloc(10001);
    assert_non_null(path);
    memset(path, 'a', 10000);
    path[10000] = '\0';
    write_file(in_folder(place->top, "file"), BYTES("x"));
    assert_int_equal(mm_tree_make(place->root, "file/below", &place->diags), -1);
    check_findings("a file in the way", &place->diags, "io-write");
    assert_int_equal(mm_tree_make(place->root, path, &place->diags), -1);
    check_findings("an endless path", &place->diags, "io-write");
    path[300] = '\0';
    assert_int_equal(mm_tree_make(place->root, path, &place->diags), -1);
    check_findings("an endless name", &place->diags, "io-write");
    free(path);
}

static void a_link_is_not_opened(void **state)
{
    struct place *place = *state;
    assert_int_equal(mkdir(in_folder(place->top, "real"), 0700), 0);
    assert_int_equal(symlink("real", in_folder(place->top, "link")), 0);
    assert_int_equal(mm_tree_open(place->root, "link"), -1);
    assert_int_equal(mm_tree_open(place->root, "nothing"), -1);
    assert_int_equal(errno, ENOENT);
    int fd = mm_tree_open(place->root, "real");
    assert_true(fd >= 0);
    close(fd);
}

/* tree/: file, sub/deep/file, links to outside, a FIFO */
static void fill(struct place *place)
{
    assert_int_equal(mm_tree_make(place->root, "tree/sub/deep", &place->diags), 0);
    assert_int_equal(mm_tree_make(place->root, "outside", &place->diags), 0);
    write_file(in_folder(place->top, "tree/file"), BYTES("x"));
    write_file(in_folder(place->top, "tree/sub/deep/file"), BYTES("y"));
    write_file(in_folder(place->top, "outside/file"), BYTES("z"));
    assert_int_equal(symlink("../outside", in_folder(place->top, "tree/folder-link")), 0);
    assert_int_equal(symlink("../../outside/file", in_folder(place->top, "tree/sub/file-link")), 0);
}

static void removing_takes_all_beneath_and_nothing_that_links_lead_to(void **state)
{
    struct place *place = *state;
    fill(place);
    assert_int_equal(mkfifo(in_folder(place->top, "tree/fifo"), 0600), 0);
    assert_int_equal(mm_tree_remove(place->root, "tree", &place->diags), 0);
    assert_false(is_there(place, "tree"));
    assert_true(file_holds(in_folder(place->top, "outside/file"), "z"));
    assert_int_equal(mm_tree_remove(place->root, "tree", &place->diags), 0);
    assert_int_equal(symlink("outside", in_folder(place->top, "link")), 0);
    assert_int_equal(mm_tree_remove(place->root, "link", &place->diags), 0);
    assert_true(!is_there(place, "link") && is_there(place, "outside/file"));
    assert_int_equal(mm_tree_remove(place->root, "outside/file", &place->diags), 0);
    assert_false(is_there(place, "outside/file"));
    check_findings("removing", &place->diags, "");
}

static void what_is_too_deep_is_a_limit(void **state)
{
    struct place *place = *state;
    struct mm_buf path = {0};
    mm_buf_str(&path, "d");
    for (int i = 1; i < MM_TREE_DEPTH + 2; i++)
        mm_buf_str(&path, "/d");
    assert_int_equal(mm_tree_make(place->root, mm_buf_text(&path), &place->diags), 0);
    assert_int_equal(mm_tree_remove(place->root, "d", &place->diags), -1);
    check_findings("too deep to remove", &place->diags, "io-limit");
    assert_int_equal(mm_tree_seal(place->root, "d", &place->diags), -1);
    check_findings("too deep to seal", &place->diags, "io-limit");
    mm_buf_release(&path);
}

static void sealed_files_are_read_only_and_links_are_left_alone(void **state)
{
    struct place *place = *state;
    fill(place);
    mode_t outside = mode_of(place, "outside/file");
    assert_int_equal(mm_tree_seal(place->root, "tree", &place->diags), 0);
    check_number("mode of a file", mode_of(place, "tree/file"), 0444);
    check_number("mode of a file below", mode_of(place, "tree/sub/deep/file"), 0444);
    check_number("mode of a file outside", mode_of(place, "outside/file"), outside);
    check_true("folders can still be written to", mode_of(place, "tree/sub") & S_IWUSR);
    assert_int_equal(mm_tree_seal(place->root, "nothing", &place->diags), -1);
    check_findings("nothing to seal", &place->diags, "io-write");
}

static void what_is_no_file_cannot_be_sealed(void **state)
{
    struct place *place = *state;
    assert_int_equal(mm_tree_make(place->root, "tree", &place->diags), 0);
    assert_int_equal(mkfifo(in_folder(place->top, "tree/fifo"), 0600), 0);
    assert_int_equal(mm_tree_seal(place->root, "tree", &place->diags), -1);
    check_findings("a FIFO", &place->diags, "io-write");
}

static void a_folder_is_flushed_and_nothing_else(void **state)
{
    struct place *place = *state;
    write_file(in_folder(place->top, "file"), BYTES("x"));
    assert_int_equal(mkdir(in_folder(place->top, "folder"), 0700), 0);
    assert_int_equal(mm_tree_flush(place->root, "folder", &place->diags), 0);
    assert_int_equal(mm_tree_flush(place->root, ".", &place->diags), 0);
    assert_int_equal(mm_tree_flush(place->root, "file", &place->diags), -1);
    assert_int_equal(mm_tree_flush(place->root, "nothing", &place->diags), -1);
    check_findings("flushing", &place->diags, "io-write io-write");
}

static void empty_folders_are_pruned_up_to_one_that_is_not(void **state)
{
    struct place *place = *state;
    assert_int_equal(mm_tree_make(place->root, "a/b/c/d", &place->diags), 0);
    write_file(in_folder(place->top, "a/file"), BYTES("x"));
    mm_tree_prune(place->root, "a/b/c/d");
    assert_true(is_there(place, "a/file") && !is_there(place, "a/b"));
    mm_tree_prune(place->root, "a");
    mm_tree_prune(place->root, "a/file");
    mm_tree_prune(place->root, "nothing");
    assert_true(is_there(place, "a/file"));
    assert_int_equal(unlinkat(place->root, "a/file", 0), 0);
    mm_tree_prune(place->root, "a");
    assert_false(is_there(place, "a"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static void what_a_killed_writer_left_is_swept(void **state)
{
    struct place *place = *state;
    assert_int_equal(mm_tree_make(place->root, "models/a", &place->diags), 0);
    write_file(in_folder(place->top, "models/a/.minimodel-12-3"), BYTES("x"));
    write_file(in_folder(place->top, "models/a/file"), BYTES("x"));
    write_file(in_folder(place->top, ".minimodel-4"), BYTES("x"));
    assert_int_equal(mm_tree_make(place->root, "models/.minimodel-folder", &place->diags), 0);
    assert_int_equal(mm_tree_sweep(place->root, "models", &place->diags), 0);
    assert_false(is_there(place, "models/a/.minimodel-12-3"));
    assert_true(is_there(place, "models/a/file") && is_there(place, "models/.minimodel-folder"));
    assert_true(is_there(place, ".minimodel-4"));
    assert_int_equal(mm_tree_sweep(place->root, NULL, &place->diags), 0);
    assert_false(is_there(place, ".minimodel-4"));
    assert_int_equal(mm_tree_sweep(place->root, "absent", &place->diags), 0);
}

static void no_link_is_left_to_write_through(void **state)
{
    struct place *place = *state;
    assert_int_equal(mm_tree_make(place->root, "models/a", &place->diags), 0);
    assert_int_equal(symlinkat("/", place->root, "models/a/link"), 0);
    assert_int_equal(symlinkat("models", place->root, "keys"), 0);
    assert_int_equal(mm_tree_sweep(place->root, NULL, &place->diags), 0); /* what else stands there is its owner's */
    assert_int_equal(mm_tree_sweep(place->root, "models", &place->diags), -1);
    assert_int_equal(mm_tree_sweep(place->root, "keys", &place->diags), -1);
    assert_int_equal(place->diags.items[0].rule, MM_RULE_IO_NOT_REGULAR);
    assert_int_equal(place->diags.items[1].rule, MM_RULE_IO_NOT_REGULAR);
}

struct names {
    size_t count, links, most;
};

static int take_name(void *context, const char *name, int kind)
{
    struct names *names = context;
    assert_true(name[0] == 'n' || name[0] == 'l');
    names->links += kind == DT_LNK || (kind == DT_UNKNOWN && name[0] == 'l');
    return ++names->count == names->most ? -1 : 0;
}

/* More than one block of them, links as what they are, and not . and .. */
static void all_names_of_a_folder_are_told(void **state)
{
    struct place *place = *state;
    struct names all = {0}, some = {.most = 3};
    char name[64];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "name-%040d", i);
        close(openat(place->root, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    }
    assert_int_equal(symlinkat("nowhere", place->root, "link"), 0);
    assert_int_equal(mm_tree_names(place->root, take_name, &all), 0);
    assert_int_equal(all.count, 501);
    assert_int_equal(all.links, 1);
    lseek(place->root, 0, SEEK_SET);
    assert_int_equal(mm_tree_names(place->root, take_name, &some), -1);
    assert_int_equal(some.count, 3);
    assert_int_equal(mm_tree_names(-1, take_name, &all), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(folders_are_made_and_those_that_are_there_stay),
        TEST(a_file_gets_the_folders_above_it_alone),
        TEST(a_file_in_the_way_and_an_endless_path_are_failures),
        TEST(a_link_is_not_opened),
        TEST(removing_takes_all_beneath_and_nothing_that_links_lead_to),
        TEST(what_is_too_deep_is_a_limit),
        TEST(sealed_files_are_read_only_and_links_are_left_alone),
        TEST(what_is_no_file_cannot_be_sealed),
        TEST(a_folder_is_flushed_and_nothing_else),
        TEST(empty_folders_are_pruned_up_to_one_that_is_not),
        TEST(what_a_killed_writer_left_is_swept),
        TEST(no_link_is_left_to_write_through),
        TEST(all_names_of_a_folder_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
