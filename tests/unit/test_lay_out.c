#include "unit.h"

#include "act/lay_out.h"

static void descriptors_get_names(void **state)
{
    struct mm_layout layout = MM_LAYOUT_NONE;
    struct mm_diags diags;
    struct stat info;
    char *top = make_folder(), path[4096], found[8] = {0};
    int fd = memfd_create("unit", MFD_CLOEXEC);
    (void)state;
    mm_diags_init(&diags);
    setenv("XDG_RUNTIME_DIR", top, 1);
    assert_int_equal(write(fd, "bytes", 5), 5);
    assert_int_equal(mm_layout_make(&layout, &diags), 0);
    assert_int_equal(strncmp(layout.path, top, strlen(top)), 0);
    assert_int_equal(stat(layout.path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0700);
    assert_int_equal(mm_layout_add(&layout, "a.gguf", fd, &diags), 0);
    assert_int_equal(mm_layout_add(&layout, "b/c/d.json", fd, &diags), 0);
    snprintf(path, sizeof path, "%s/b/c/d.json", layout.path);
    int named = open(path, O_RDONLY | O_CLOEXEC);
    assert_int_equal(read(named, found, sizeof found), 5);
    assert_string_equal(found, "bytes");
    close(named);
    assert_int_equal(mm_layout_add(&layout, "a.gguf", fd, &diags), -1);
    check_findings("a name that is there", &diags, "io-write");
    snprintf(path, sizeof path, "%s", layout.path);
    assert_int_equal(mm_layout_remove(&layout, &diags), 0);
    assert_int_equal(stat(path, &info), -1);
    assert_int_equal(mm_layout_remove(&layout, &diags), 0);
    mm_diags_release(&diags);
    close(fd);
    remove_folder(top);
}

static void names_stay_beneath(void **state)
{
    static const char *const names[] = {"../x", "/x", "a/../../x", "", "a//b", "."};
    struct mm_layout layout = MM_LAYOUT_NONE;
    struct mm_diags diags;
    char *top = make_folder();
    (void)state;
    mm_diags_init(&diags);
    setenv("XDG_RUNTIME_DIR", top, 1);
    assert_int_equal(mm_layout_make(&layout, &diags), 0);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_int_equal(mm_layout_add(&layout, names[i], 0, &diags), -1);
        check_findings(names[i], &diags, "value-path");
        mm_diags_clear(&diags);
    }
    assert_int_equal(mm_layout_remove(&layout, &diags), 0);
    mm_diags_release(&diags);
    remove_folder(top);
}

static void a_folder_that_cannot_be_made_is_a_finding(void **state)
{
    struct mm_layout layout = MM_LAYOUT_NONE;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    setenv("XDG_RUNTIME_DIR", "/no/such/folder", 1);
    assert_int_equal(mm_layout_make(&layout, &diags), -1);
    check_findings("no folder", &diags, "io-write");
    assert_null(layout.path);
    assert_int_equal(mm_layout_remove(&layout, &diags), 0);
    mm_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(descriptors_get_names),
        cmocka_unit_test(names_stay_beneath),
        cmocka_unit_test(a_folder_that_cannot_be_made_is_a_finding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
