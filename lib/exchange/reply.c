#include "exchange/reply.h"

#include <string.h>
#include <strings.h>

#include "base/number.h"
#include "exchange/range.h"

static const char *find(const struct mm_reply_header *headers, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(headers[i].name, name) == 0)
            return headers[i].value;
    return NULL;
}

/* The parts of the head that have to fit the body. */
static const char *judge_body(const struct mm_reply_wanted *wanted, int status, const struct mm_reply_header *headers,
                              size_t count)
{
    const char *coding = find(headers, count, "content-encoding"), *length = find(headers, count, "content-length");
    uint64_t bytes = 0, offset, part, size;
    if (coding && strcasecmp(coding, "identity") != 0)
        return "a body without content coding";
    if (length && !mm_number(length, strlen(length), MM_NUMBER_MAX, &bytes))
        return "a content-length that is a number";
    if (length && (bytes > wanted->most || (wanted->part && bytes != wanted->length)))
        return "a body of the size that was asked for";
    if (!wanted->part)
        return status == 200 ? NULL : "the whole, as no part was asked for";
    if (status == 200)
        return wanted->offset == 0 && wanted->length == wanted->size ? NULL
                                                                     : "the part that was asked for, not the whole";
    if (!mm_range_read_content(find(headers, count, "content-range"), &offset, &part, &size) ||
        offset != wanted->offset || part != wanted->length || size != wanted->size)
        return "the part that was asked for, not another";
    return NULL;
}

enum mm_reply mm_reply_judge(const struct mm_reply_wanted *wanted, int status, const struct mm_reply_header *headers,
                             size_t count, const char **why)
{
    if (status == 200 || status == 206) {
        *why = judge_body(wanted, status, headers, count);
        return *why ? MM_REPLY_REFUSED : MM_REPLY_BODY;
    }
    *why = "an answer, not an error of the peer's";
    if (status == 429 || status == 503)
        *why = "a peer that has something left to give today";
    if (status == 404 || status == 410 || status == 416)
        return MM_REPLY_ABSENT;
    if (status == 429 || (status >= 500 && status <= 599))
        return MM_REPLY_LATER;
    *why = status >= 300 && status <= 399 ? "an answer, not a redirect" : "status 200, 206 or 404";
    return MM_REPLY_REFUSED;
}
