/* What peers and those who name them say, on each line of the input: ids, addresses, paths, ranges, conditions, heads of answers, bitmaps. Each line is
 * a copy of its exact size, so that one byte too many is seen. */
#include <string.h>

#include "exchange/have.h"
#include "exchange/peer_id.h"
#include "exchange/range.h"
#include "exchange/reply.h"
#include "exchange/resource.h"
#include "exchange/response.h"
#include "source.h"

/* What is read is written in the same way. */
static void check_address(const char *text, size_t length)
{
    struct mm_peer_address address;
    struct mm_diags diags;
    struct mm_buf again = {0};
    mm_diags_init(&diags);
    if (mm_peer_address_read(&address, text, length, &diags) == 0) {
        must(address.port > 0 && address.host[0]);
        mm_peer_address_write(&address, &again);
        must(again.length == length && memcmp(again.data, text, length) == 0 && length <= MM_PEER_ADDRESS_MAX);
    } else {
        must(diags.errors == 1);
    }
    mm_buf_release(&again);
    mm_diags_release(&diags);
}

static void check_resource(const char *text, size_t length)
{
    unsigned char hash[MM_HASH_BYTES];
    char path[MM_RESOURCE_PATH], key_id[MM_KEY_ID_TEXT];
    enum mm_resource resource = mm_resource_read(text, length, hash);
    if (resource != MM_RESOURCE_NONE)
        must(strlen(mm_resource_write(path, resource, hash)) == length && memcmp(path, text, length) == 0);
    if (!mm_resource_read_countersignature(text, length, hash, key_id))
        return;
    must(resource == MM_RESOURCE_NONE);
    must(strlen(mm_resource_write_countersignature(path, hash, key_id)) == length && memcmp(path, text, length) == 0);
}

/* What a catalog has are names beneath it. */
static void check_catalog(const char *text)
{
    if (mm_catalog_share_type(text))
        must(text[0] != '/' && !strstr(text, "//") && !strstr(text, "./") && !strstr(text, "..") && !strpbrk(text, "\\%?\r\n"));
}

static void check_range(const char *text)
{
    static const uint64_t sizes[] = {0, 1, 100, 65536, INT64_MAX};
    uint64_t offset, length, size;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        if (mm_range_read(text, sizes[i], &offset, &length) == MM_RANGE_PART)
            must(length > 0 && length <= sizes[i] && offset <= sizes[i] - length);
    if (mm_range_read_content(text, &offset, &length, &size))
        must(length > 0 && length <= size && offset <= size - length);
}

/* The line as each header of an answer, and as those of a request for nothing that there is. */
static void check_heads(const char *text)
{
    const struct mm_reply_header headers[] = {{"content-range", text}, {"content-length", text}, {"content-encoding", text}};
    const struct mm_reply_wanted part = {10, true, 10, 10, 100}, whole = {.most = 100};
    const char *why;
    for (size_t first = 0; first < 3; first++)
        for (int status = 200; status <= 206; status += 6) {
            mm_reply_judge(&part, status, headers + first, 3 - first, &why);
            mm_reply_judge(&whole, status, headers + first, 1, &why);
        }
}

static void check_bitmap(const unsigned char *bytes, size_t length)
{
    for (uint64_t count = length > 0 ? 8 * (uint64_t)length - 7 : 0; count <= 8 * (uint64_t)length; count++) {
        uint64_t found = 0, at = 0;
        if (!mm_have_is_sound(bytes, length, count))
            continue;
        while ((at = mm_have_next(bytes, at, count)) < count) {
            must(mm_have_has(bytes, at));
            found++;
            at++;
        }
        must(found == mm_have_count(bytes, count));
    }
}

static struct mm_shares *no_shares(void)
{
    static const struct mm_shares_wanted nothing = {0};
    static const struct mm_trust trust = {.home = -1};
    struct mm_diags diags;
    mm_diags_init(&diags);
    struct mm_shares *shares = mm_shares_new(-1, &nothing, &trust, &diags);
    must(shares);
    mm_diags_release(&diags);
    return shares;
}

static void check_request(struct mm_shares *shares, const char *text)
{
    const struct mm_responder who = {.shares = shares, .listing = true};
    const struct mm_request requests[] = {{.method = text, .path = "/v0/models"},
                                          {.method = "GET", .path = text, .range = text, .if_range = text, .if_none_match = text},
                                          {.method = "GET", .path = "/.well-known/minimodel", .if_none_match = text}};
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        struct mm_response response;
        mm_respond(&who, &requests[i], 0, &response);
        must(response.status >= 200 && response.header_count <= MM_RESPONSE_HEADERS && response.fd < 0);
        mm_response_done(response.hold);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *at = data, *end = data + size;
    struct mm_shares *shares = no_shares();
    while (at < end) {
        const uint8_t *feed = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((feed ? feed : end) - at);
        char *text = malloc(length + 1), *exact = malloc(length ? length : 1);
        must(text && exact);
        memcpy(text, at, length);
        memcpy(exact, at, length);
        text[length] = '\0';
        check_address(exact, length);
        check_resource(exact, length);
        check_bitmap((unsigned char *)exact, length);
        check_range(text);
        check_heads(text);
        check_request(shares, text);
        check_catalog(text);
        free(text);
        free(exact);
        at += length + (feed != NULL);
    }
    mm_shares_drop(shares);
    return 0;
}
