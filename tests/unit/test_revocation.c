#include "unit.h"

#include "trust/revocation.h"

#define FIRST "minimodel-revocation 0\n"
#define KEY "key-id: 0123456789ABCDEF\n"
#define WHEN "revoked: 2026-01-01T00:00:00Z\n"
#define WHY "reason: lost\n"

static void check_refused(const char *what, const char *text, const char *findings)
{
    struct mm_diags diags;
    struct mm_revocation revocation;
    mm_diags_init(&diags);
    check_number(what, (uint64_t)mm_revocation_read(&revocation, text, strlen(text), &diags), (uint64_t)-1);
    check_findings(what, &diags, findings);
    mm_diags_release(&diags);
}

static void what_is_read_is_what_is_written(void **state)
{
    static const char text[] = FIRST KEY WHEN WHY;
    struct mm_diags diags;
    struct mm_revocation revocation;
    struct mm_buf again = {0};
    char id[MM_KEY_ID_TEXT];
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_revocation_read(&revocation, text, strlen(text), &diags), 0);
    check_text("its key", mm_key_id_text(id, revocation.key_id), "0123456789ABCDEF");
    check_text("its time", revocation.revoked, "2026-01-01T00:00:00Z");
    check_text("its reason", revocation.reason, "lost");
    mm_revocation_write(&revocation, &again);
    check_text("written", mm_buf_text(&again), text);
    check_findings("a revocation", &diags, "");
    mm_buf_release(&again);
    mm_diags_release(&diags);
}

static void what_is_none_is_refused(void **state)
{
    (void)state;
    check_refused("nothing", "", "text-first-line@1:1");
    check_refused("another document", "minimodel-receipt 0\n" KEY WHEN WHY, "text-first-line@1:1");
    check_refused("another version", "minimodel-revocation 1\n" KEY WHEN WHY, "text-version-unsupported@1:22");
    check_refused("no key", FIRST WHEN WHY, "text-field-order@2:1");
    check_refused("a key in small letters", FIRST "key-id: 0123456789abcdef\n" WHEN WHY, "revocation-form@2:9");
    check_refused("a short key", FIRST "key-id: 0123456789ABCDE\n" WHEN WHY, "revocation-form@2:9");
    check_refused("no such day", FIRST KEY "revoked: 2026-02-30T00:00:00Z\n" WHY, "revocation-form@3:10");
    check_refused("no reason", FIRST KEY WHEN, "text-field-order@4:1");
    check_refused("a space behind it", FIRST KEY WHEN "reason: lost \n", "text-value-space@4:13");
    check_refused("CR LF", FIRST KEY WHEN "reason: lost\r\n", "text-line-end@4:13");
    check_refused("more lines", FIRST KEY WHEN WHY WHY, "revocation-form@5:1");
    check_refused("no LF", FIRST KEY WHEN "reason: lost", "text-last-line@4:13");
}

static void a_compromise_is_told_by_how_its_reason_begins(void **state)
{
    struct mm_revocation revocation = {.reason = "compromised"};
    (void)state;
    check_true("the word alone", mm_revocation_is_compromise(&revocation));
    strcpy(revocation.reason, "compromised: stolen");
    check_true("and more", mm_revocation_is_compromise(&revocation));
    static const char *const others[] = {"compromise", "not compromised", "Compromised", "lost"};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        strcpy(revocation.reason, others[i]);
        check_true(others[i], !mm_revocation_is_compromise(&revocation));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_read_is_what_is_written),
        cmocka_unit_test(what_is_none_is_refused),
        cmocka_unit_test(a_compromise_is_told_by_how_its_reason_begins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
