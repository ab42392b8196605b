#include "text/spdx.h"

#include <string.h>
#include <strings.h>

struct expression {
    const char *text;
    size_t length, at;
    size_t depth; /* open parentheses */
    const char *expected;
};

/* idstring = 1*(ALPHA / DIGIT / "-" / "."); returns its length. */
static size_t take_idstring(struct expression *e)
{
    size_t start = e->at;
    while (e->at < e->length) {
        char c = e->text[e->at];
        bool part = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
        if (!part)
            break;
        e->at++;
    }
    return e->at - start;
}

static bool take(struct expression *e, const char *word)
{
    size_t size = strlen(word);
    if (e->length - e->at < size || memcmp(e->text + e->at, word, size) != 0)
        return false;
    e->at += size;
    return true;
}

static bool is_operator(const char *text, size_t length)
{
    return (length == 3 && strncasecmp(text, "AND", 3) == 0) || (length == 2 && strncasecmp(text, "OR", 2) == 0) ||
           (length == 4 && strncasecmp(text, "WITH", 4) == 0);
}

static bool fail(struct expression *e, size_t at, const char *expected)
{
    e->at = at;
    e->expected = expected;
    return false;
}

static bool take_id(struct expression *e, const char *expected)
{
    size_t start = e->at, size = take_idstring(e);
    if (size == 0 || is_operator(e->text + start, size))
        return fail(e, start, expected);
    return true;
}

/* An exception's id, which is no reference of the document's own. */
static bool take_exception(struct expression *e)
{
    size_t start = e->at;
    if (take(e, "LicenseRef-") || take(e, "DocumentRef-"))
        return fail(e, start, "an exception id");
    return take_id(e, "an exception id");
}

/* [DocumentRef-ID:]LicenseRef-ID, or a licence id with an optional +. */
static bool take_simple(struct expression *e)
{
    size_t start = e->at;
    if (take(e, "DocumentRef-")) {
        if (take_idstring(e) == 0 || !take(e, ":LicenseRef-"))
            return fail(e, e->at, "DocumentRef-ID:LicenseRef-ID");
        return take_idstring(e) > 0 || fail(e, e->at, "an id after LicenseRef-");
    }
    if (take(e, "LicenseRef-"))
        return take_idstring(e) > 0 || fail(e, e->at, "an id after LicenseRef-");
    if (!take_id(e, "a licence id"))
        return fail(e, start, "a licence id");
    take(e, "+");
    return true;
}

/* A licence as it stands between operators and parentheses. */
static bool take_one(struct expression *e)
{
    return take_simple(e) && (!take(e, " WITH ") || take_exception(e));
}

/* The expression as a flat alternation of operands and operators: nesting is a counter, not recursion. */
static bool take_expression(struct expression *e)
{
    for (;;) {
        while (take(e, "("))
            e->depth++;
        if (!take_one(e))
            return false;
        while (e->depth > 0 && take(e, ")"))
            e->depth--;
        if (e->at == e->length)
            return e->depth == 0 || fail(e, e->at, "a closing parenthesis");
        if (!take(e, " AND ") && !take(e, " OR "))
            return fail(e, e->at, "' AND ', ' OR ' or the end");
    }
}

const char *mm_spdx_check(const char *text, size_t length, size_t *at)
{
    struct expression e = {.text = text, .length = length};
    if (take_expression(&e))
        return NULL;
    *at = e.at;
    return e.expected;
}

bool mm_spdx_is_one(const char *text, size_t length)
{
    struct expression e = {.text = text, .length = length};
    return take_one(&e) && e.at == length;
}

/* What is known of one level of parentheses: an OR of ANDs. */
struct level {
    bool met; /* one of the sides before the last OR is */
    bool all; /* everything since is */
};

/* What stands between two operators, with its parentheses: LEVELS[e->depth] is the one that is open. */
static void meet(struct expression *e, struct level *levels, mm_spdx_allowed_fn *allowed, void *context)
{
    while (take(e, "("))
        levels[++e->depth] = (struct level){false, true};
    size_t start = e->at;
    take_one(e);
    bool met = allowed(context, e->text + start, e->at - start);
    levels[e->depth].all = levels[e->depth].all && met;
    while (e->depth > 0 && take(e, ")")) {
        met = levels[e->depth].met || levels[e->depth].all;
        e->depth--;
        levels[e->depth].all = levels[e->depth].all && met;
    }
}

bool mm_spdx_met(const char *text, size_t length, mm_spdx_allowed_fn *allowed, void *context)
{
    struct level levels[MM_SPDX_DEPTH + 1] = {{false, true}};
    struct expression e = {.text = text, .length = length};
    size_t open = 0, at;
    if (mm_spdx_check(text, length, &at))
        return false;
    for (size_t i = 0; i < length; i++) {
        open += text[i] == '(';
        open -= text[i] == ')';
        if (open > MM_SPDX_DEPTH)
            return false;
    }
    for (;;) {
        meet(&e, levels, allowed, context);
        if (e.at == length)
            return levels[0].met || levels[0].all;
        if (take(&e, " OR ")) {
            levels[e.depth].met = levels[e.depth].met || levels[e.depth].all;
            levels[e.depth].all = true;
        } else {
            take(&e, " AND ");
        }
    }
}
