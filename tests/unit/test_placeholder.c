#include "unit.h"

#include "text/placeholder.h"

static int show(void *context, const struct mm_placeholder *found, struct mm_buf *out)
{
    (void)context;
    switch (found->kind) {
    case MM_PLACEHOLDER_MODEL: mm_buf_str(out, "<model>"); break;
    case MM_PLACEHOLDER_FOLDER: mm_buf_str(out, "<{dir}>"); break;
    default: mm_buf_printf(out, "<%.*s>", (int)found->path_length, found->path);
    }
    return 0;
}

static void check(const char *text, const char *expected)
{
    struct mm_buf out = {0};
    assert_int_equal(mm_placeholder_replace(text, show, NULL, &out), 0);
    check_text(text, mm_buf_text(&out), expected);
    mm_buf_release(&out);
}

static void placeholders_are_replaced_wherever_they_stand(void **state)
{
    (void)state;
    check("", "");
    check("{}", "<model>");
    check("-m={}", "-m=<model>");
    check("{}{}x{}", "<model><model>x<model>");
    check("{dir}", "<{dir}>");
    check("{dir}/a-00001-of-00003.gguf", "<{dir}>/a-00001-of-00003.gguf");
    check("{file:a.json}", "<a.json>");
    check("x{file:a/b c.json}y{}", "x<a/b c.json>y<model>");
    check("{file:{}", "<{>");
    check("{file:a}}", "<a>}");
}

static void other_braces_are_text(void **state)
{
    static const char *const texts[] = {"{",      "}",       "{ }",     "{x}",   "{dir",  "{dirs}",
                                        "{file}", "{file:}", "{file:a", "{DIR}", "{Dir}", "{\"a\":[1]}",
                                        "{file",  "$x}{y",   "{{x}}",   "{di{r}"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        check(texts[i], texts[i]);
    check("{{}}", "{<model>}");
    check("{{dir}", "{<{dir}>");
}

static int refuse(void *context, const struct mm_placeholder *found, struct mm_buf *out)
{
    int *calls = context;
    (void)found, (void)out;
    return ++*calls == 2 ? -7 : 0;
}

static void who_replaces_can_refuse(void **state)
{
    struct mm_buf out = {0};
    int calls = 0;
    (void)state;
    assert_int_equal(mm_placeholder_replace("{} {} {}", refuse, &calls, &out), -7);
    assert_int_equal(calls, 2);
    mm_buf_release(&out);
}

static void the_first_one_is_found(void **state)
{
    struct mm_placeholder found;
    const char *text = "a{b}{file:c}{}";
    (void)state;
    assert_ptr_equal(mm_placeholder_find(text, &found), text + 4);
    assert_int_equal(found.kind, MM_PLACEHOLDER_FILE);
    assert_int_equal(found.length, 8);
    assert_int_equal(found.path_length, 1);
    assert_ptr_equal(found.path, text + 10);
    assert_null(mm_placeholder_find("nothing {here}", &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(placeholders_are_replaced_wherever_they_stand),
        cmocka_unit_test(other_braces_are_text),
        cmocka_unit_test(who_replaces_can_refuse),
        cmocka_unit_test(the_first_one_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
