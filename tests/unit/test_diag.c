#include "unit.h"

#include <errno.h>

static void no_wins_over_unknown(void **state)
{
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_diags_answer(&diags), MM_YES);
    assert_int_equal(mm_diag(&diags, MM_RULE_IO_READ, "x"), -1);
    assert_int_equal(mm_diags_answer(&diags), MM_UNKNOWN);
    assert_int_equal(mm_diag_line(&diags, MM_RULE_TEXT_UTF8, 3, 4, "y"), -1);
    assert_int_equal(mm_diags_answer(&diags), MM_NO);
    assert_int_equal(mm_diag_offset(&diags, MM_RULE_GGUF_VERSION, 4, "z"), -1);
    assert_int_equal(mm_diags_answer(&diags), MM_NO);
    assert_int_equal(diags.errors, 3);
    mm_diags_release(&diags);
    assert_int_equal(mm_diags_answer(&diags), MM_YES);
}

static void answers_are_exit_codes(void **state)
{
    (void)state;
    assert_int_equal(MM_YES, 0);
    assert_int_equal(MM_NO, 1);
    assert_int_equal(MM_UNKNOWN, 3);
}

static void notes_change_no_answer(void **state)
{
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    mm_note(&diags, MM_RULE_GGUF_TEMPLATE, "a template");
    mm_note_offset(&diags, MM_RULE_GGUF_KEY_STYLE, 24, "a key");
    assert_int_equal(mm_diags_answer(&diags), MM_YES);
    assert_int_equal(diags.errors, 0);
    check_findings("notes", &diags, "note:gguf-chat-template note:gguf-key-style@#24");
    mm_diags_release(&diags);
}

static void findings_keep_where_and_what(void **state)
{
    struct mm_diags diags;
    char name[] = "a.manifest";
    (void)state;
    mm_diags_init(&diags);
    diags.file = name;
    mm_diag_line(&diags, MM_RULE_VALUE_HASH, 7, 19, "expected %d, found '%s'", 64, "q");
    name[0] = 'b';
    diags.file = NULL;
    mm_diag_offset(&diags, MM_RULE_GGUF_MAGIC, 0, "expected GGUF");
    mm_diag(&diags, MM_RULE_IO_OPEN, "cannot open");
    assert_int_equal(diags.count, 3);
    assert_string_equal(diags.items[0].file, "a.manifest");
    assert_string_equal(diags.items[0].text, "expected 64, found 'q'");
    assert_int_equal(diags.items[0].line, 7);
    assert_int_equal(diags.items[0].column, 19);
    assert_false(diags.items[0].at_offset);
    assert_string_equal(diags.items[1].file, "");
    assert_true(diags.items[1].at_offset);
    assert_int_equal(diags.items[1].line, 0);
    assert_int_equal(diags.items[2].line, 0);
    assert_false(diags.items[2].at_offset);
    mm_diags_release(&diags);
}

static void findings_beyond_the_limit_still_decide(void **state)
{
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(diags.limit, MM_DIAGS_LIMIT);
    diags.limit = 2;
    for (int i = 0; i < 5; i++)
        mm_diag(&diags, MM_RULE_IO_READ, "%d", i);
    assert_int_equal(diags.count, 2);
    assert_int_equal(diags.dropped, 3);
    assert_int_equal(diags.errors, 5);
    assert_int_equal(mm_diags_answer(&diags), MM_UNKNOWN);
    assert_int_equal(mm_diag(&diags, MM_RULE_VERIFY_SHA256, "wrong"), -1);
    assert_int_equal(mm_diags_answer(&diags), MM_NO);
    mm_note(&diags, MM_RULE_MAKE_SKIPPED, "note");
    assert_int_equal(diags.dropped, 5);
    assert_int_equal(diags.errors, 6);
    mm_diags_release(&diags);
}

static void thousands_of_findings_are_kept(void **state)
{
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    for (uint64_t i = 0; i < MM_DIAGS_LIMIT + 7; i++)
        mm_diag_line(&diags, MM_RULE_TEXT_CONTROL, i + 1, 1, "line %" PRIu64, i);
    assert_int_equal(diags.count, MM_DIAGS_LIMIT);
    assert_int_equal(diags.dropped, 7);
    for (size_t i = 0; i < diags.count; i++)
        assert_int_equal(diags.items[i].line, i + 1);
    mm_diags_release(&diags);
}

static void clearing_forgets_everything(void **state)
{
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    diags.limit = 1;
    mm_diag(&diags, MM_RULE_TEXT_BOM, "x");
    mm_diag(&diags, MM_RULE_IO_READ, "x");
    mm_diags_clear(&diags);
    assert_int_equal(diags.count, 0);
    assert_int_equal(diags.dropped, 0);
    assert_int_equal(diags.errors, 0);
    assert_int_equal(mm_diags_answer(&diags), MM_YES);
    assert_int_equal(diags.limit, 1);
    mm_diags_release(&diags);
}

static void system_errors_are_named(void **state)
{
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_diag_errno(&diags, MM_RULE_IO_OPEN, "cannot open", ENOENT), -1);
    assert_string_equal(diags.items[0].text, "cannot open: No such file or directory");
    assert_int_equal(mm_diag_memory(&diags), -1);
    check_findings("errors", &diags, "io-open io-memory");
    mm_diags_release(&diags);
}

static bool is_rule_name(const char *name)
{
    if (name[0] < 'a' || name[0] > 'z')
        return false;
    for (; *name; name++)
        if (!((*name >= 'a' && *name <= 'z') || (*name >= '0' && *name <= '9') ||
              (*name == '-' && name[1] && name[1] != '-')))
            return false;
    return true;
}

static void every_rule_has_a_name_of_its_own_and_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; i < MM_RULE_COUNT; i++) {
        const struct mm_rule_info *info = mm_rule_info((enum mm_rule)i);
        size_t length = strlen(info->sentence);
        check_true(info->name, is_rule_name(info->name));
        check_true(info->name, length > 10 && info->sentence[length - 1] == '.');
        check_true(info->name, info->answer == MM_NO || info->answer == MM_UNKNOWN);
        for (int k = 0; k < i; k++)
            check_true(info->name, strcmp(info->name, mm_rule_info((enum mm_rule)k)->name) != 0);
    }
}

/* conventions.md: only I/O, limits and what is not supported mean "don't know". */
static void unknown_is_kept_for_io_and_the_unsupported(void **state)
{
    (void)state;
    for (int i = 0; i < MM_RULE_COUNT; i++) {
        const struct mm_rule_info *info = mm_rule_info((enum mm_rule)i);
        const char *ending = strstr(info->name, "-unsupported");
        bool unsupported = ending && strlen(ending) == strlen("-unsupported");
        bool limit = i == MM_RULE_CHUNK_LIMIT || i == MM_RULE_STORE_SPACE || i == MM_RULE_STORE_MAX ||
                     i == MM_RULE_CATALOG_CHANGING || i == MM_RULE_MEDIA_SPACE || i == MM_RULE_INFER_MEMORY ||
                     i == MM_RULE_INFER_TIMEOUT || i == MM_RULE_INFER_DEVICE;
        bool store = i == MM_RULE_STORE_HOME || i == MM_RULE_STORE_PARTIAL || i == MM_RULE_KEYRING_OPEN;
        bool looked = i == MM_RULE_RECEIPT_TOUCHED || i == MM_RULE_STORE_PROGRAM;
        bool peer = i == MM_RULE_PEER_ANSWER || i == MM_RULE_PEER_WRONG || i == MM_RULE_PEER_SLOW || i == MM_RULE_PEER_LACKS;
        bool unknown = unsupported || limit || store || looked || peer || info->group == MM_GROUP_IO;
        check_number(info->name, info->answer, unknown ? MM_UNKNOWN : MM_NO);
    }
}

static void shown_bytes_are_printable_and_short(void **state)
{
    char shown[MM_SHOWN], bytes[4096];
    (void)state;
    assert_string_equal(mm_show(shown, "", 0), "");
    assert_string_equal(mm_show(shown, BYTES("a\x1B\xFF\\")), "a\\u{1b}\\xff\\\\");
    memset(bytes, 'x', sizeof bytes);
    assert_int_equal(strlen(mm_show(shown, bytes, 128)), 128);
    mm_show(shown, bytes, 129);
    assert_true(strlen(shown) < MM_SHOWN);
    mm_show(shown, bytes, sizeof bytes);
    assert_true(strlen(shown) < MM_SHOWN);
    assert_string_equal(shown + strlen(shown) - 4, "x...");
    for (size_t phase = 0; phase < 12; phase++) {
        memset(bytes, '\x01', sizeof bytes);
        memset(bytes, 'x', phase);
        mm_show(shown, bytes, sizeof bytes);
        assert_true(strlen(shown) < MM_SHOWN);
        assert_string_equal(shown + strlen(shown) - 4, "}...");
    }
}

static void errors_of_a_group_become_another_rule(void **state)
{
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    mm_diag(&diags, MM_RULE_IO_READ, "before");
    struct mm_diags mark = diags;
    mm_diag(&diags, MM_RULE_PACK_KEY, "a key");
    mm_note(&diags, MM_RULE_PACK_DROPPED, "left out");
    mm_diag_offset(&diags, MM_RULE_PACK_TENSOR, 7, "a tensor");
    assert_int_equal(mm_diags_answer(&diags), MM_NO);
    mm_diags_turn(&diags, &mark, MM_GROUP_PACK, MM_RULE_DIFF_TERMS);
    assert_int_equal(mm_diags_answer(&diags), MM_UNKNOWN);
    mm_diag(&diags, MM_RULE_GGUF_MAGIC, "another group");
    mm_diags_turn(&diags, &mark, MM_GROUP_PACK, MM_RULE_DIFF_TERMS);
    assert_int_equal(mm_diags_answer(&diags), MM_NO);
    check_findings("turned", &diags,
                   "io-read diff-terms-unsupported note:pack-dropped diff-terms-unsupported@#7 gguf-magic");
    diags.limit = 1; /* what is not kept stays what it was */
    mark = diags;
    mm_diag(&diags, MM_RULE_IO_READ, "kept");
    mm_diag(&diags, MM_RULE_PACK_KEY, "lost");
    mm_diags_turn(&diags, &mark, MM_GROUP_PACK, MM_RULE_DIFF_TERMS);
    assert_int_equal(mm_diags_answer(&diags), MM_NO);
    mm_diags_release(&diags);
}

static void errors_that_do_not_matter_become_notes(void **state)
{
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    mm_diag(&diags, MM_RULE_IO_OPEN, "before");
    struct mm_diags mark = diags;
    mm_diag(&diags, MM_RULE_KEY_FORM, "damaged");
    mm_diag(&diags, MM_RULE_IO_READ, "unread");
    mm_diags_soften(&diags, &mark, false);
    assert_int_equal(mm_diags_answer(&diags), MM_UNKNOWN);
    assert_int_equal(diags.errors, 2);
    mm_diags_soften(&diags, &mark, true);
    assert_int_equal(diags.errors, 1);
    assert_int_equal(diags.notes, 2);
    assert_int_equal(mm_diags_answer(&diags), MM_UNKNOWN); /* by what was there before */
    check_findings("softened", &diags, "io-open note:key-form note:io-read");
    mark = diags;
    mm_diag(&diags, MM_RULE_KEY_FORM, "damaged");
    mm_diags_soften(&diags, &mark, false);
    assert_int_equal(mm_diags_answer(&diags), MM_YES);
    mm_diags_clear(&diags);
    diags.limit = 1;
    mark = diags;
    mm_diag(&diags, MM_RULE_KEY_FORM, "damaged");
    mm_diag(&diags, MM_RULE_KEY_FORM, "and not kept");
    mm_diags_soften(&diags, &mark, true);
    assert_int_equal(mm_diags_answer(&diags), MM_NO); /* what that was is not known */
    mm_diags_release(&diags);
}

static void moved_findings_are_those_of_the_other_list(void **state)
{
    struct mm_diags to, from;
    (void)state;
    mm_diags_init(&to);
    mm_diags_init(&from);
    to.limit = 3;
    mm_diag(&to, MM_RULE_IO_READ, "one");
    from.file = "other";
    mm_note(&from, MM_RULE_GGUF_TEMPLATE, "two");
    mm_diag_line(&from, MM_RULE_TEXT_UTF8, 3, 4, "three");
    mm_diag(&from, MM_RULE_IO_READ, "four");
    from.dropped = 2;
    mm_diags_move(&to, &from);
    check_number("dropped", to.dropped, 3);
    check_number("errors", to.errors, 3);
    check_number("notes", to.notes, 1);
    assert_int_equal(mm_diags_answer(&to), MM_NO);
    assert_string_equal(to.items[1].file, "other");
    check_findings("moved", &to, "io-read note:gguf-chat-template text-utf8@3:4");
    check_number("left", from.count + from.errors + from.notes + from.dropped, 0);
    assert_int_equal(mm_diags_answer(&from), MM_YES);
    mm_diag(&from, MM_RULE_IO_READ, "it can be used again");
    mm_diags_move(&to, &from);
    check_findings("moved again", &to, "io-read");
    mm_diags_release(&to);
    mm_diags_release(&from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors_of_a_group_become_another_rule),
        cmocka_unit_test(errors_that_do_not_matter_become_notes),
        cmocka_unit_test(no_wins_over_unknown),
        cmocka_unit_test(answers_are_exit_codes),
        cmocka_unit_test(notes_change_no_answer),
        cmocka_unit_test(findings_keep_where_and_what),
        cmocka_unit_test(findings_beyond_the_limit_still_decide),
        cmocka_unit_test(thousands_of_findings_are_kept),
        cmocka_unit_test(clearing_forgets_everything),
        cmocka_unit_test(system_errors_are_named),
        cmocka_unit_test(every_rule_has_a_name_of_its_own_and_a_sentence),
        cmocka_unit_test(unknown_is_kept_for_io_and_the_unsupported),
        cmocka_unit_test(shown_bytes_are_printable_and_short),
        cmocka_unit_test(moved_findings_are_those_of_the_other_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
