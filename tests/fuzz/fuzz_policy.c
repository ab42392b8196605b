/* Policies: what is accepted has its lines in order, and licence expressions are met alike by the reader's rule. */
#include <string.h>

#include "doc/policy.h"
#include "source.h"
#include "text/spdx.h"

static void check_lines(const struct mm_policy *policy)
{
    size_t lines = 0;
    must(policy->counts[MM_POLICY_NAME] == 1 && policy->count > 1);
    must(!policy->counts[MM_POLICY_COUNTERSIGNATURES] == !policy->counts[MM_POLICY_COUNTERSIGNER]);
    must(policy->counts[MM_POLICY_COUNTERSIGNER] <= MM_POLICY_COUNTERSIGNERS);
    for (int key = 0; key < MM_POLICY_KEY_COUNT; key++) {
        must(policy->counts[key] == 0 || policy->first[key] == lines);
        lines += policy->counts[key];
    }
    must(lines == policy->count);
    for (size_t i = 0; i < policy->count; i++) {
        const struct mm_policy_line *line = &policy->lines[i];
        must(line->value[0] && line->line == i + 2);
        if (line->key != MM_POLICY_COUNTERSIGNATURES && line->key != MM_POLICY_NAME)
            must(mm_policy_find(policy, line->key, line->value, strlen(line->value)) == line);
        must(line->key != MM_POLICY_LICENSE || mm_spdx_is_one(line->value, strlen(line->value)));
    }
}

static bool always(void *context, const char *text, size_t length)
{
    (void)context;
    must(mm_spdx_is_one(text, length));
    return true;
}

static bool never(void *context, const char *text, size_t length)
{
    (void)context;
    must(mm_spdx_is_one(text, length));
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_policy policy;
    struct mm_diags diags;
    size_t at, start = 0;
    mm_diags_init(&diags);
    int fd = source_fd(data, size);
    int result = mm_policy_read(&policy, fd, &diags);
    must((result == 0) == (diags.errors == 0));
    if (result == 0)
        check_lines(&policy);
    mm_policy_release(&policy);
    mm_diags_release(&diags);
    close(fd);
    for (size_t i = 0; i <= size; i++)
        if (i == size || data[i] == '\n') {
            const char *text = (const char *)data + start;
            bool sound = !mm_spdx_check(text, i - start, &at);
            must(mm_spdx_met(text, i - start, always, NULL) <= sound && !mm_spdx_met(text, i - start, never, NULL));
            start = i + 1;
        }
    return 0;
}
