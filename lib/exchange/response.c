#include "exchange/response.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "exchange/have.h"
#include "exchange/range.h"
#include "exchange/resource.h"

#define IMMUTABLE "public, max-age=31536000, immutable"
#define ETAG_TEXT (MM_HASH_HEX + 3) /* in quotes */
#define TAGS_MAX 64                 /* of an If-None-Match that are compared */

struct mm_response_hold {
    struct mm_shares *shares;
    struct mm_share_blob *open;       /* a file's, or NULL */
    char *memory;                     /* or NULL */
    struct mm_catalog_share *catalog; /* whose file FD is, or NULL */
    int fd;
};

/* ---- parts of a response ---- */

MM_PRINTF(3)
static void add_header(struct mm_response *response, const char *name, const char *format, ...)
{
    va_list arguments;
    struct mm_response_header *header = &response->headers[response->header_count++];
    header->name = name;
    va_start(arguments, format);
    vsnprintf(header->value, sizeof header->value, format, arguments);
    va_end(arguments);
}

/* As IMF-fixdate, whatever the locale. */
static void add_date(struct mm_response *response, int64_t now)
{
    static const char days[] = "SunMonTueWedThuFriSat", months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct tm t;
    time_t seconds = (time_t)now;
    if (now < 0 || !gmtime_r(&seconds, &t) || t.tm_year > 9999 - 1900)
        return;
    add_header(response, "date", "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT", days + 3 * t.tm_wday, t.tm_mday,
               months + 3 * t.tm_mon, t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

static void begin(struct mm_response *response, int status, int64_t now)
{
    *response = (struct mm_response){.status = status, .fd = -1};
    add_date(response, now);
}

static void empty(struct mm_response *response, int status, int64_t now)
{
    begin(response, status, now);
    add_header(response, "cache-control", "no-store");
}

void mm_respond_refuse(struct mm_response *response, int status, int64_t now)
{
    empty(response, status, now);
}

void mm_response_done(void *context)
{
    struct mm_response_hold *hold = context;
    if (!hold)
        return;
    if (hold->open)
        mm_shares_close(hold->shares, hold->open);
    if (hold->catalog)
        mm_catalog_share_close(hold->catalog, hold->fd);
    mm_shares_drop(hold->shares);
    free(hold->memory);
    free(hold);
}

/* Keeps SHARES, and MEMORY, which is taken over. False where there is no memory for it. GCC's analyzer does not see that whoever sends the
 * response gives it back. */
#pragma GCC diagnostic push
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif
static bool hold(struct mm_response *response, struct mm_shares *shares, char *memory)
{
    struct mm_response_hold *held = calloc(1, sizeof *held);
    if (!held) {
        free(memory);
        return false;
    }
    held->shares = shares;
    held->memory = memory;
    mm_shares_keep(shares);
    response->hold = held;
    return true;
}
#pragma GCC diagnostic pop

/* ---- conditions ---- */

/* True if LIST, an If-None-Match, has the tag ETAG, weak or not, or is `*`. What is no list of tags matches nothing. */
static bool matches(const char *list, const char *etag)
{
    size_t length = strlen(etag);
    if (!list)
        return false;
    if (strcmp(list, "*") == 0)
        return true;
    for (int tags = 0; *list && tags < TAGS_MAX; tags++) {
        list += strspn(list, " \t,");
        if (strncmp(list, "W/", 2) == 0)
            list += 2;
        if (strncmp(list, etag, length) == 0 && strchr(" \t,", list[length]))
            return true;
        const char *close = *list == '"' ? strchr(list + 1, '"') : NULL;
        if (!close)
            return false;
        list = close + 1;
    }
    return false;
}

/* ---- bodies ---- */

struct turn {
    const struct mm_responder *who;
    const struct mm_request *request;
    int64_t now;
    bool head; /* the method is HEAD */
    struct mm_response *response;
};

/* Texts that change, or are made for this response alone: no cache keeps them. MEMORY is taken over, and may be NULL: then the bytes are the
 * shares' own. */
static void send_passing(struct turn *t, const char *type, const void *bytes, size_t length, char *memory)
{
    if (!hold(t->response, t->who->shares, memory)) {
        empty(t->response, 500, t->now);
        return;
    }
    add_header(t->response, "content-type", "%s", type);
    add_header(t->response, "cache-control", "no-store");
    t->response->length = length;
    if (!t->head)
        t->response->bytes = bytes;
}

/* Opens or points at BLOB for the body. */
static void send_bytes(struct turn *t, struct mm_share_blob *blob, uint64_t offset, uint64_t length)
{
    struct mm_response *response = t->response;
    response->length = length;
    if (t->head)
        return;
    if (!hold(response, t->who->shares, NULL)) {
        empty(response, 500, t->now);
        return;
    }
    response->offset = offset;
    if (blob->memory) {
        response->bytes = (const unsigned char *)blob->memory + offset;
        response->offset = 0;
        return;
    }
    response->fd = mm_shares_open(t->who->shares, blob);
    if (response->fd >= 0) {
        response->hold->open = blob;
    } else { /* it is gone, or another file; or this process has too many open, which passes */
        int status = errno == EMFILE || errno == ENFILE || errno == ENOMEM ? 503 : 404;
        mm_response_done(response->hold);
        empty(response, status, t->now);
    }
}

/* What never changes under its name. CHUNK_SIZE and HAVE say which parts are held, 0 for a body without parts. */
static void send_immutable(struct turn *t, const char *type, struct mm_share_blob *blob, uint64_t chunk_size,
                           const unsigned char *have)
{
    struct mm_response *response = t->response;
    char hex[MM_HASH_HEX + 1], etag[ETAG_TEXT];
    uint64_t offset = 0, length = blob->bytes;
    mm_hex(hex, blob->sha256, MM_HASH_BYTES);
    snprintf(etag, sizeof etag, "\"%s\"", hex);
    const struct mm_request *request = t->request;
    bool parts = chunk_size > 0 && !t->head && (!request->if_range || strcmp(request->if_range, etag) == 0);
    enum mm_range range = parts ? mm_range_read(request->range, blob->bytes, &offset, &length) : MM_RANGE_NONE;
    bool matched = matches(request->if_none_match, etag);
    if (have && !matched && range != MM_RANGE_UNSATISFIABLE &&
        (length == 0 || !mm_have_all(have, offset / chunk_size, (offset + length - 1) / chunk_size))) {
        empty(response, 404, t->now);
        return;
    }
    if (matched || range == MM_RANGE_PART)
        response->status = matched ? 304 : 206;
    if (!matched && range == MM_RANGE_UNSATISFIABLE) {
        empty(response, 416, t->now);
        add_header(response, "content-range", "bytes */%" PRIu64, blob->bytes);
        return;
    }
    add_header(response, "etag", "%s", etag);
    add_header(response, "cache-control", IMMUTABLE);
    if (matched)
        return;
    add_header(response, "content-type", "%s", type);
    if (chunk_size > 0)
        add_header(response, "accept-ranges", "bytes");
    if (response->status == 206)
        add_header(response, "content-range", "bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, offset, offset + length - 1,
                   blob->bytes);
    send_bytes(t, blob, offset, length);
}

/* ---- resources ---- */

static void send_about(struct turn *t)
{
    const struct mm_limits_options *limits = &t->who->limits;
    struct mm_buf text = {0};
    char id[MM_PEER_ID_TEXT];
    mm_buf_printf(&text, "{\"protocol\":\"minimodel\",\"versions\":[0],\"peer-id\":\"%s\",\"listing\":%s",
                  mm_peer_id_write(id, t->who->key), t->who->listing ? "true" : "false");
    if (t->who->catalog)
        mm_buf_str(&text, ",\"catalog\":\"" MM_CATALOG_SHARE_PATH "\"");
    mm_buf_printf(&text, ",\"limits\":{\"upload-rate\":%" PRIu64 ",\"bytes-a-day\":%" PRIu64 ",\"streams\":%u",
                  limits->upload_rate, limits->bytes_a_day, limits->streams);
    mm_buf_printf(&text, ",\"connections\":%u,\"connections-an-address\":%u}}\n", limits->connections,
                  limits->connections_an_address);
    if (text.failed) {
        mm_buf_release(&text);
        empty(t->response, 500, t->now);
    } else {
        send_passing(t, "application/json", text.data, text.length, text.data);
    }
}

static void send_models(struct turn *t)
{
    const struct mm_buf *listing = mm_shares_listing(t->who->shares);
    if (!t->who->listing)
        empty(t->response, 403, t->now);
    else
        send_passing(t, "application/jsonl", listing->data, listing->length, NULL);
}

static void send_have(struct turn *t, const struct mm_share_file *file)
{
    uint64_t count = file->chunks.count;
    size_t size = mm_have_size(count);
    unsigned char *have = file->have ? NULL : malloc(size ? size : 1);
    if (!file->have && !have) {
        empty(t->response, 500, t->now);
        return;
    }
    if (have)
        mm_have_fill(have, count);
    send_passing(t, "application/octet-stream", have ? have : file->have, size, (char *)have);
}

/* A manifest or its signature, which may come and go. */
static void send_text(struct turn *t, struct mm_share_model *model, bool signature)
{
    static const char type[] = "text/plain; charset=utf-8";
    if (!model || (signature && model->signature.bytes == 0))
        empty(t->response, 404, t->now);
    else if (signature)
        send_passing(t, type, model->signature.memory, (size_t)model->signature.bytes, NULL);
    else
        send_immutable(t, type, &model->manifest, 0, NULL);
}

/* The countersignature of MODEL by the key KEY_ID, which may come and go too. */
static void send_other(struct turn *t, const struct mm_share_model *model, const char *key_id)
{
    for (size_t i = 0; model && i < model->other_count; i++)
        if (strcmp(model->others[i].key_id, key_id) == 0) {
            const struct mm_share_blob *text = &model->others[i].text;
            send_passing(t, "text/plain; charset=utf-8", text->memory, (size_t)text->bytes, NULL);
            return;
        }
    empty(t->response, 404, t->now);
}

static void send_file(struct turn *t, enum mm_resource resource, struct mm_share_file *file)
{
    if (!file)
        empty(t->response, 404, t->now);
    else if (resource == MM_RESOURCE_HAVE)
        send_have(t, file);
    else if (resource == MM_RESOURCE_CHUNK_LIST)
        send_immutable(t, "text/plain; charset=utf-8", &file->list, 0, NULL);
    else
        send_immutable(t, "application/octet-stream", &file->content, file->chunks.size, file->have);
}

/* A file of the catalog, whose names are no hashes: no cache keeps it, and no browser takes it for something else than it is. */
static void send_catalog(struct turn *t, const char *name)
{
    struct mm_response *response = t->response;
    const char *type = mm_catalog_share_type(name);
    int fd = type ? mm_catalog_share_open(t->who->catalog, name, &response->length) : -1;
    if (fd < 0 || t->head || !hold(response, t->who->shares, NULL)) {
        int status = !type ? 404 : fd >= 0 ? t->head ? 200 : 500 : errno == EMFILE || errno == ENFILE ? 503 : 404;
        uint64_t length = response->length;
        if (fd >= 0)
            mm_catalog_share_close(t->who->catalog, fd);
        empty(response, status, t->now);
        response->length = status == 200 ? length : 0;
        if (status == 503)
            add_header(response, "retry-after", "1");
        if (status != 200)
            return;
    } else {
        response->hold->catalog = t->who->catalog;
        response->hold->fd = response->fd = fd;
        add_header(response, "cache-control", "no-store");
    }
    add_header(response, "content-type", "%s", type);
    add_header(response, "x-content-type-options", "nosniff");
}

void mm_respond(const struct mm_responder *who, const struct mm_request *request, int64_t now,
                struct mm_response *response)
{
    struct turn t = {who, request, now, strcmp(request->method, "HEAD") == 0, response};
    unsigned char hash[MM_HASH_BYTES];
    char key_id[MM_KEY_ID_TEXT];
    begin(response, 200, now);
    if (!t.head && strcmp(request->method, "GET") != 0) {
        empty(response, 405, now);
        add_header(response, "allow", "GET, HEAD");
        return;
    }
    const size_t prefix = sizeof MM_CATALOG_SHARE_PATH - 1;
    if (who->catalog && strncmp(request->path, MM_CATALOG_SHARE_PATH, prefix) == 0) {
        send_catalog(&t, request->path + prefix);
        return;
    }
    enum mm_resource resource = mm_resource_read(request->path, strlen(request->path), hash);
    switch (resource) {
    case MM_RESOURCE_NONE:
        if (mm_resource_read_countersignature(request->path, strlen(request->path), hash, key_id))
            send_other(&t, mm_shares_manifest(who->shares, hash), key_id);
        else
            empty(response, 404, now);
        break;
    case MM_RESOURCE_ABOUT: send_about(&t); break;
    case MM_RESOURCE_MODELS: send_models(&t); break;
    case MM_RESOURCE_MANIFEST:
    case MM_RESOURCE_SIGNATURE:
        send_text(&t, mm_shares_manifest(who->shares, hash), resource == MM_RESOURCE_SIGNATURE);
        break;
    case MM_RESOURCE_ARTIFACT: send_file(&t, resource, mm_shares_artifact(who->shares, hash)); break;
    case MM_RESOURCE_CHUNK_LIST:
    case MM_RESOURCE_HAVE: send_file(&t, resource, mm_shares_root(who->shares, hash)); break;
    }
}
