#include "unit.h"

#include "doc/policy.h"

#define HEAD "minimodel-policy 0\nname: Example\n"
#define A "0123456789ABCDEF"
#define B "FEDCBA9876543210"

/* Reads TEXT, which has EXPECTED findings. */
static void check(const char *text, const char *expected)
{
    struct mm_policy policy;
    struct mm_diags diags;
    mm_diags_init(&diags);
    int fd = file_of(text, strlen(text));
    int result = mm_policy_read(&policy, fd, &diags);
    check_findings(text, &diags, expected);
    check_number(text, (uint64_t)(result + 1), !*expected);
    close(fd);
    mm_policy_release(&policy);
    mm_diags_release(&diags);
}

static void each_rule_may_stand_alone(void **state)
{
    (void)state;
    check(HEAD "publisher: acme\n", "");
    check(HEAD "key: " A "\n", "");
    check(HEAD "signature: required\n", "");
    check(HEAD "countersignatures: 1\ncountersigner: acme " A "\n", "");
    check(HEAD "countersignatures: 2\ncountersigner: acme " A "\ncountersigner: other " B "\n", "");
    check(HEAD "license: MIT\n", "");
    check(HEAD "license: GPL-2.0+\nlicense: GPL-2.0-only WITH Classpath-exception-2.0\nlicense: LicenseRef-x\n", "");
    check(HEAD "format: slm\n", "");
    check(HEAD "lane: original\n", "");
    check(HEAD "max-bytes: 0\n", "");
    check(HEAD "max-artifact-bytes: 9223372036854775807\n", "");
    check(HEAD "evidence: derived\nevidence: infer-check\nevidence: x-a-b\n", "");
    check(HEAD "max-age-days: 0\n", "");
}

static void wrong_lines_are_found_where_they_stand(void **state)
{
    (void)state;
    check("", "text-first-line@1:1");
    check("minimodel-manifest 0\n", "text-first-line@1:1");
    check("minimodel-policy 1\n", "text-version-unsupported@1:18");
    check("minimodel-policy 0\n", "text-field-order@2:1 policy-form@2:1");
    check(HEAD, "policy-form@3:1");
    check("minimodel-policy 0\nlane: merged\n", "text-field-order@2:1");
    check(HEAD "name: Again\nlane: merged\n", "text-field-order@3:1");
    check(HEAD "lane: merged", "text-last-line@3:13");
    check(HEAD "lane: merged\r\n", "text-line-end@3:13");
    check(HEAD "# comment\nlane: merged\n", "text-key@3:1");
    check(HEAD "\nlane: merged\n", "text-blank-line@3:1");
    check(HEAD "lane: merged \n", "text-value-space@3:13");
    check(HEAD "lane: mer\xC2\xADged\n", "text-invisible@3:10");
    check(HEAD "x-rule: y\nlane: merged\n", "policy-form@3:1");
    check(HEAD "Lane: merged\n", "text-key@3:1 policy-form@4:1");
    check(HEAD "lane: merged\nformat: slm\n", "text-field-order@4:1");
    check(HEAD "signature: required\nsignature: required\n", "text-field-order@4:1");
    check(HEAD "max-bytes: 1\nmax-bytes: 2\n", "text-field-order@4:1");
    check(HEAD "lane: merged\nlane: merged\n", "policy-form@4:1");
    check(HEAD "lane: original\nlane: merged\n", "policy-form@4:1");
    check(HEAD "license: MIT\npublisher: a\nlicense: ISC\n", "text-field-order@4:1");
}

static void wrong_values_are_found_where_they_stand(void **state)
{
    (void)state;
    check(HEAD "publisher: Acme\n", "value-pattern@3:12");
    check(HEAD "publisher: con\n", "value-pattern@3:12");
    check(HEAD "publisher: a/b\n", "value-pattern@3:13");
    check(HEAD "key: none\n", "value-pattern@3:6");
    check(HEAD "key: 0123456789abcdef\n", "value-pattern@3:6");
    check(HEAD "key: " A "0\n", "value-pattern@3:6");
    check(HEAD "signature: optional\n", "value-word@3:12");
    check(HEAD "license: MIT OR ISC\n", "value-license@3:10");
    check(HEAD "license: (MIT)\n", "value-license@3:10");
    check(HEAD "license: MIT WITH\n", "value-license@3:13");
    check(HEAD "license: MIT, ISC\n", "value-license@3:13");
    check(HEAD "format: onnx\n", "value-word@3:9");
    check(HEAD "lane: stolen\n", "value-word@3:7");
    check(HEAD "max-bytes: 1G\n", "value-number@3:12");
    check(HEAD "max-bytes: 9223372036854775808\n", "value-number@3:12");
    check(HEAD "max-artifact-bytes: -1\n", "value-number@3:21");
    check(HEAD "max-age-days: 01\n", "value-number@3:15");
    check(HEAD "evidence: trust-me\n", "value-word@3:11");
    check(HEAD "evidence: derived pass\n", "value-word@3:11");
    check(HEAD "evidence: x-\n", "value-word@3:11");
    check(HEAD "evidence: x-01234567890123456789012345678901234567890123456789012345678901234567890\n", "value-word@3:11");
}

static void countersigners_and_their_number_belong_together(void **state)
{
    (void)state;
    check(HEAD "countersignatures: 1\n", "policy-form@3:1");
    check(HEAD "countersigner: acme " A "\n", "policy-form@3:1");
    check(HEAD "countersignatures: 0\ncountersigner: acme " A "\n", "value-range@3:20");
    check(HEAD "countersignatures: 2\ncountersigner: acme " A "\n", "policy-form@3:20");
    check(HEAD "countersignatures: 2\ncountersigner: acme\n", "value-pattern@4:16 policy-form@3:20");
    check(HEAD "countersignatures: 1\ncountersigner: acme  " A "\n", "value-pattern@4:21");
    check(HEAD "countersignatures: 1\ncountersigner: acme none\n", "value-pattern@4:21");
    check(HEAD "countersignatures: 1\ncountersigner: Acme " A "\n", "value-pattern@4:16");
    check(HEAD "countersignatures: 1\ncountersigner: a " A "\ncountersigner: a " A "\n", "policy-form@5:1");
    check(HEAD "countersignatures: 1\ncountersigner: a " A "\ncountersigner: b " A "\n", "policy-form@5:1");
}

static void there_are_64_countersigners_at_most(void **state)
{
    struct mm_buf text = {0};
    (void)state;
    mm_buf_str(&text, HEAD "countersignatures: 64\n");
    for (int i = 0; i < 64; i++)
        mm_buf_printf(&text, "countersigner: a %016X\n", i);
    check(text.data, "");
    mm_buf_printf(&text, "countersigner: a %016X\n", 64);
    check(text.data, "policy-form@4:1");
    mm_buf_release(&text);
}

static void every_fault_is_found(void **state)
{
    (void)state;
    check("minimodel-policy 0\nlane: stolen\nkey: x\nlicense: a b\nfoo: bar\n",
          "value-word@2:7 text-field-order@3:1 value-pattern@3:6 text-field-order@4:1 value-license@4:11 policy-form@5:1 "
          "text-field-order@2:1");
}

static void lines_are_told_by_their_keys(void **state)
{
    static const char text[] = HEAD "publisher: a\npublisher: b\npublisher: c.d\ncountersignatures: 1\ncountersigner: a.b " A "\nlicense: A\nlicense: B\nmax-bytes: 77\n";
    struct mm_policy policy;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    int fd = file_of(BYTES(text));
    assert_int_equal(mm_policy_read(&policy, fd, &diags), 0);
    close(fd);
    check_text("name", mm_policy_name(&policy), "Example");
    assert_int_equal(policy.counts[MM_POLICY_PUBLISHER], 3);
    assert_int_equal(policy.first[MM_POLICY_PUBLISHER], 1);
    assert_int_equal(policy.lines[2].line, 4);
    check_text("a value", policy.lines[3].value, "c.d");
    assert_int_equal(policy.counts[MM_POLICY_LANE], 0);
    assert_int_equal(policy.lines[policy.first[MM_POLICY_MAX_BYTES]].number, 77);
    assert_int_equal(mm_policy_publisher_length(&policy.lines[policy.first[MM_POLICY_COUNTERSIGNER]]), 3);
    assert_ptr_equal(mm_policy_find(&policy, MM_POLICY_PUBLISHER, "a", 1), &policy.lines[1]);
    assert_ptr_equal(mm_policy_find(&policy, MM_POLICY_PUBLISHER, "b", 1), &policy.lines[2]);
    assert_ptr_equal(mm_policy_find(&policy, MM_POLICY_PUBLISHER, "c.dx", 3), &policy.lines[3]);
    assert_null(mm_policy_find(&policy, MM_POLICY_PUBLISHER, "c", 1));
    assert_null(mm_policy_find(&policy, MM_POLICY_PUBLISHER, "A", 1));
    assert_null(mm_policy_find(&policy, MM_POLICY_PUBLISHER, "", 0));
    assert_null(mm_policy_find(&policy, MM_POLICY_LANE, "a", 1));
    mm_policy_release(&policy);
    mm_diags_release(&diags);
}

static void a_policy_has_a_largest_size(void **state)
{
    struct mm_policy policy;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    int fd = file_of(BYTES("minimodel-policy 0\n"));
    assert_int_equal(ftruncate(fd, MM_POLICY_MAX + 1), 0);
    assert_int_equal(mm_policy_read(&policy, fd, &diags), -1);
    check_findings("one byte more", &diags, "text-size@1:1");
    close(fd);
    mm_policy_release(&policy);
    mm_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_rule_may_stand_alone),
        cmocka_unit_test(wrong_lines_are_found_where_they_stand),
        cmocka_unit_test(wrong_values_are_found_where_they_stand),
        cmocka_unit_test(countersigners_and_their_number_belong_together),
        cmocka_unit_test(there_are_64_countersigners_at_most),
        cmocka_unit_test(every_fault_is_found),
        cmocka_unit_test(lines_are_told_by_their_keys),
        cmocka_unit_test(a_policy_has_a_largest_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
