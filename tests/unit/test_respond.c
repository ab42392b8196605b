#include "exchange_store.h"

#include <errno.h>
#include <sys/resource.h>

#include "base/tree.h"
#include "exchange/have.h"
#include "exchange/resource.h"
#include "exchange/response.h"

#define NOW 1767225599 /* 2025-12-31T23:59:59Z, a Wednesday */

struct stage {
    char *top;
    int home;
    struct mm_diags diags;
    struct mm_trust trust;
    struct fixture_model model;
    struct mm_responder who;
};

static const size_t lengths[] = {3 * FIXTURE_CHUNK + 1000, 0, 77};

static void share(struct stage *s, const char *const *names, size_t count, bool all)
{
    struct mm_shares_wanted wanted = {.models = names, .count = count, .all = all};
    mm_shares_drop(s->who.shares);
    s->who.shares = mm_shares_new(s->home, &wanted, &s->trust, &s->diags);
    assert_non_null(s->who.shares);
}

static int set_up(void **state)
{
    static struct stage stage;
    static const char *const names[] = {"local/fixture"};
    stage = (struct stage){.top = make_folder(), .who = {.listing = true, .key = {1}, .limits = MM_LIMITS_DEFAULT}};
    mm_diags_init(&stage.diags);
    stage.home = fixture_store(stage.top, "store");
    stage.trust = fixture_trust(stage.home);
    fixture_make(&stage.model, "fixture", 3, "available", lengths, COUNT_OF(lengths), 5);
    fixture_import(&stage.model, stage.top, stage.home, false);
    share(&stage, names, 1, false);
    *state = &stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *s = *state;
    mm_shares_drop(s->who.shares);
    fixture_release(&s->model);
    mm_diags_release(&s->diags);
    close(s->home);
    remove_folder(s->top);
    return 0;
}

static const char *header(const struct mm_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++)
        if (strcmp(response->headers[i].name, name) == 0)
            return response->headers[i].value;
    return "";
}

/* The body into BYTES, which has room for it. */
static void take_body(const struct mm_response *response, unsigned char *bytes)
{
    if (response->fd >= 0)
        assert_int_equal(pread(response->fd, bytes, response->length, (off_t)response->offset), response->length);
    else if (response->length)
        memcpy(bytes, response->bytes, response->length);
}

/* Asks for RESOURCE with HASH, and checks status and body: LENGTH bytes at EXPECTED. */
static void check_get(struct stage *s, enum mm_resource resource, const unsigned char *hash, const char *range, int status,
                      const void *expected, size_t length)
{
    char path[MM_RESOURCE_PATH];
    struct mm_response response;
    struct mm_request request = {.method = "GET", .path = mm_resource_write(path, resource, hash), .range = range};
    unsigned char *bytes = malloc(length + 1);
    mm_respond(&s->who, &request, NOW, &response);
    check_number(path, (uint64_t)response.status, (uint64_t)status);
    check_number("body", response.length, length);
    take_body(&response, bytes);
    if (length)
        assert_memory_equal(bytes, expected, length);
    check_text("date", header(&response, "date"), "Wed, 31 Dec 2025 23:59:59 GMT");
    free(bytes);
    mm_response_done(response.hold);
}

static void everything_of_a_model_is_served(void **state)
{
    struct stage *s = *state;
    const struct fixture_model *m = &s->model;
    unsigned char have[1] = {0xf0};
    struct mm_buf list = {0};
    check_get(s, MM_RESOURCE_MANIFEST, m->sha256, NULL, 200, m->manifest.data, m->manifest.length);
    check_get(s, MM_RESOURCE_SIGNATURE, m->sha256, NULL, 404, NULL, 0);
    for (size_t i = 0; i < m->count; i++) {
        const struct mm_chunk_facts *facts = &m->lists[i].facts;
        check_get(s, MM_RESOURCE_ARTIFACT, facts->sha256, NULL, 200, m->bytes[i], m->lengths[i]);
        mm_buf_clear(&list);
        mm_chunk_list_write(facts, &m->lists[i].hashes, &list);
        check_get(s, MM_RESOURCE_CHUNK_LIST, facts->root, NULL, 200, list.data, list.length);
    }
    mm_buf_release(&list);
    check_get(s, MM_RESOURCE_HAVE, m->lists[0].facts.root, NULL, 200, have, 1);
    check_get(s, MM_RESOURCE_HAVE, m->lists[1].facts.root, NULL, 200, NULL, 0);
    have[0] = 0x80;
    check_get(s, MM_RESOURCE_HAVE, m->lists[2].facts.root, NULL, 200, have, 1);
}

static void what_is_not_shared_is_absent(void **state)
{
    struct stage *s = *state;
    unsigned char hash[MM_HASH_BYTES];
    memcpy(hash, s->model.sha256, sizeof hash);
    hash[31] ^= 1;
    for (enum mm_resource r = MM_RESOURCE_MANIFEST; r <= MM_RESOURCE_HAVE; r++)
        check_get(s, r, hash, NULL, 404, NULL, 0);
    check_get(s, MM_RESOURCE_ARTIFACT, s->model.sha256, NULL, 404, NULL, 0); /* a manifest is no artifact */
    check_get(s, MM_RESOURCE_ARTIFACT, s->model.lists[0].facts.root, NULL, 404, NULL, 0);
}

static void parts_are_served(void **state)
{
    struct stage *s = *state;
    const unsigned char *sha256 = s->model.lists[0].facts.sha256, *bytes = s->model.bytes[0];
    size_t size = lengths[0];
    check_get(s, MM_RESOURCE_ARTIFACT, sha256, "bytes=0-0", 206, bytes, 1);
    check_get(s, MM_RESOURCE_ARTIFACT, sha256, "bytes=65536-131071", 206, bytes + 65536, 65536);
    check_get(s, MM_RESOURCE_ARTIFACT, sha256, "bytes=-10", 206, bytes + size - 10, 10);
    check_get(s, MM_RESOURCE_ARTIFACT, sha256, "bytes=10-", 206, bytes + 10, size - 10);
    check_get(s, MM_RESOURCE_ARTIFACT, sha256, "bytes=99999999-", 416, NULL, 0);
    check_get(s, MM_RESOURCE_ARTIFACT, sha256, "bytes=0-1,5-6", 200, bytes, size);
    check_get(s, MM_RESOURCE_ARTIFACT, s->model.lists[1].facts.sha256, "bytes=0-", 416, NULL, 0);
    check_get(s, MM_RESOURCE_MANIFEST, s->model.sha256, "bytes=0-0", 200, s->model.manifest.data, s->model.manifest.length);
}

/* Asks for the first artifact and returns the response; whoever asks gives it back. */
static struct mm_response ask(struct stage *s, struct mm_request request)
{
    static char path[MM_RESOURCE_PATH];
    struct mm_response response;
    if (!request.path)
        request.path = mm_resource_write(path, MM_RESOURCE_ARTIFACT, s->model.lists[0].facts.sha256);
    mm_respond(&s->who, &request, -1, &response);
    return response;
}

static void headers_say_what_a_cache_may_do(void **state)
{
    struct stage *s = *state;
    char hex[MM_HASH_HEX + 1], tag[80], weak[400];
    struct mm_response r = ask(s, (struct mm_request){.method = "GET", .range = "bytes=10-19"});
    mm_hex(hex, s->model.lists[0].facts.sha256, MM_HASH_BYTES);
    snprintf(tag, sizeof tag, "\"%s\"", hex);
    assert_string_equal(header(&r, "etag"), tag);
    assert_string_equal(header(&r, "cache-control"), "public, max-age=31536000, immutable");
    assert_string_equal(header(&r, "accept-ranges"), "bytes");
    assert_string_equal(header(&r, "content-range"), "bytes 10-19/197608");
    assert_string_equal(header(&r, "content-type"), "application/octet-stream");
    assert_string_equal(header(&r, "date"), "");
    assert_string_equal(header(&r, "content-encoding"), "");
    mm_response_done(r.hold);
    r = ask(s, (struct mm_request){.method = "GET", .range = "bytes=999999-"});
    assert_string_equal(header(&r, "content-range"), "bytes */197608");
    assert_string_equal(header(&r, "cache-control"), "no-store");
    mm_response_done(r.hold);
    snprintf(weak, sizeof weak, "\"x\", W/%s", tag);
    const char *const matching[] = {tag, weak, "*"};
    for (size_t i = 0; i < COUNT_OF(matching); i++) {
        r = ask(s, (struct mm_request){.method = "GET", .if_none_match = matching[i], .range = "bytes=0-9"});
        assert_int_equal(r.status, 304);
        assert_int_equal(r.length, 0);
        assert_string_equal(header(&r, "etag"), tag);
        assert_null(r.hold);
    }
    static const char *const others[] = {"\"x\"", "", "x", "\"", "W/", ", ,", "\"*\""};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        r = ask(s, (struct mm_request){.method = "GET", .if_none_match = others[i]});
        assert_int_equal(r.status, 200);
        mm_response_done(r.hold);
    }
    r = ask(s, (struct mm_request){.method = "GET", .if_range = "\"x\"", .range = "bytes=0-9"});
    assert_int_equal(r.status, 200);
    mm_response_done(r.hold);
    r = ask(s, (struct mm_request){.method = "GET", .if_range = tag, .range = "bytes=0-9"});
    assert_int_equal(r.status, 206);
    mm_response_done(r.hold);
}

static void methods_and_paths_are_strict(void **state)
{
    struct stage *s = *state;
    static const char *const methods[] = {"POST", "PUT", "DELETE", "get", "CONNECT", "OPTIONS", ""};
    char path[200], hex[MM_HASH_HEX + 1];
    struct mm_response r;
    for (size_t i = 0; i < COUNT_OF(methods); i++) {
        r = ask(s, (struct mm_request){.method = methods[i]});
        check_number(methods[i], (uint64_t)r.status, 405);
        assert_string_equal(header(&r, "allow"), "GET, HEAD");
        mm_response_done(r.hold);
    }
    mm_hex(hex, s->model.lists[0].facts.sha256, MM_HASH_BYTES);
    static const char *const forms[] = {"/v0/artifacts/%s/", "/v0/artifacts/%s?a=b", "//v0/artifacts/%s", "/v0/artifacts//%s", "/v0/artifacts/../artifacts/%s",
                                        "/V0/artifacts/%s",  "v0/artifacts/%s",     "/v0/artifacts/%s.minisig", "/v0/artifacts/%%61%s", "/v0/chunks/%s",
                                        "/v0/chunks/%s/have/", "/v1/artifacts/%s", "/v0/artifacts/xx/etc/passwd", "/", "", "*", "/v0/models/", "/.well-known/minimodel?"};
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(path, sizeof path, forms[i], hex);
#pragma GCC diagnostic pop
        r = ask(s, (struct mm_request){.method = "GET", .path = path});
        check_number(path, (uint64_t)r.status, 404);
        mm_response_done(r.hold);
    }
    r = ask(s, (struct mm_request){.method = "HEAD", .range = "bytes=0-9"});
    assert_int_equal(r.status, 200); /* ranges are for GET */
    assert_int_equal(r.length, 197608);
    assert_true(r.fd < 0 && !r.bytes);
    mm_response_done(r.hold);
}

static void the_listing_is_there_if_allowed(void **state)
{
    struct stage *s = *state;
    struct mm_response r = ask(s, (struct mm_request){.method = "GET", .path = "/v0/models"});
    char hex[MM_HASH_HEX + 1], expected[400];
    mm_hex(hex, s->model.sha256, MM_HASH_BYTES);
    snprintf(expected, sizeof expected,
             "{\"model-id\":\"local/fixture\",\"revision\":3,\"version\":\"1.3\",\"quantization\":\"unknown\",\"license\":\"MIT\","
             "\"bytes\":197685,\"manifest-sha256\":\"%s\"}\n",
             hex);
    assert_int_equal(r.status, 200);
    assert_int_equal(r.length, strlen(expected));
    assert_memory_equal(r.bytes, expected, r.length);
    assert_string_equal(header(&r, "cache-control"), "no-store");
    mm_response_done(r.hold);
    s->who.listing = false;
    r = ask(s, (struct mm_request){.method = "GET", .path = "/v0/models"});
    assert_int_equal(r.status, 403);
    mm_response_done(r.hold);
    r = ask(s, (struct mm_request){.method = "GET", .path = "/.well-known/minimodel"});
    assert_int_equal(r.status, 200);
    assert_non_null(memmem(r.bytes, r.length, "\"listing\":false", 15));
    assert_non_null(memmem(r.bytes, r.length, "\"versions\":[0]", 14));
    mm_response_done(r.hold);
}

/* A body that is being sent outlives a reload. */
static void a_reload_leaves_bodies_alone(void **state)
{
    struct stage *s = *state;
    unsigned char bytes[100];
    struct mm_response r = ask(s, (struct mm_request){.method = "GET", .range = "bytes=0-99"});
    char path[MM_RESOURCE_PATH];
    struct mm_response text = ask(s, (struct mm_request){.method = "GET", .path = mm_resource_write(path, MM_RESOURCE_MANIFEST, s->model.sha256)});
    share(s, NULL, 0, false);
    assert_int_equal(mm_shares_models(s->who.shares), 0);
    take_body(&r, bytes);
    assert_memory_equal(bytes, s->model.bytes[0], 100);
    assert_memory_equal(text.bytes, s->model.manifest.data, text.length);
    check_get(s, MM_RESOURCE_ARTIFACT, s->model.lists[0].facts.sha256, NULL, 404, NULL, 0);
    mm_response_done(r.hold);
    mm_response_done(text.hold);
}

static void another_file_in_its_place_is_not_served(void **state)
{
    struct stage *s = *state;
    static const char path[] = "models/local/fixture/3/files/a";
    assert_int_equal(fchmodat(s->home, path, 0644, 0), 0); /* touches no byte */
    check_get(s, MM_RESOURCE_ARTIFACT, s->model.lists[0].facts.sha256, "bytes=0-9", 206, s->model.bytes[0], 10);
    static const char *const names[] = {"local/fixture"};
    mm_diags_clear(&s->diags);
    share(s, names, 1, false);
    check_findings("a file whose times moved", &s->diags, "receipt-touched");
    assert_int_equal(mm_shares_models(s->who.shares), 0);
}

static void a_file_that_is_replaced_is_absent(void **state)
{
    struct stage *s = *state;
    static const char path[] = "models/local/fixture/3/files/a";
    assert_int_equal(unlinkat(s->home, path, 0), 0);
    int fd = openat(s->home, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    s->model.bytes[0][0] ^= 1;
    assert_int_equal(write(fd, s->model.bytes[0], lengths[0]), lengths[0]);
    close(fd);
    check_get(s, MM_RESOURCE_ARTIFACT, s->model.lists[0].facts.sha256, "bytes=0-9", 404, NULL, 0);
    unlinkat(s->home, path, 0);
    check_get(s, MM_RESOURCE_ARTIFACT, s->model.lists[0].facts.sha256, NULL, 404, NULL, 0);
    assert_int_equal(symlinkat("b", s->home, path), 0);
    check_get(s, MM_RESOURCE_ARTIFACT, s->model.lists[0].facts.sha256, NULL, 404, NULL, 0);
}

static void parts_that_are_not_held_are_absent(void **state)
{
    struct stage *s = *state;
    struct mm_share_file *file = mm_shares_artifact(s->who.shares, s->model.lists[0].facts.sha256);
    const unsigned char *sha256 = file->chunks.sha256;
    file->have = calloc(1, 1);
    mm_have_add(file->have, 1);
    mm_have_add(file->have, 3);
    check_get(s, MM_RESOURCE_HAVE, file->chunks.root, NULL, 200, "\x50", 1);
    check_get(s, MM_RESOURCE_ARTIFACT, sha256, NULL, 404, NULL, 0);
    check_get(s, MM_RESOURCE_ARTIFACT, sha256, "bytes=65536-131071", 206, s->model.bytes[0] + 65536, 65536);
    check_get(s, MM_RESOURCE_ARTIFACT, sha256, "bytes=65535-131071", 404, NULL, 0);
    check_get(s, MM_RESOURCE_ARTIFACT, sha256, "bytes=65536-131072", 404, NULL, 0);
    check_get(s, MM_RESOURCE_ARTIFACT, sha256, "bytes=-1000", 206, s->model.bytes[0] + 3 * 65536, 1000);
    check_get(s, MM_RESOURCE_ARTIFACT, sha256, "bytes=999999-", 416, NULL, 0);
}

static void all_are_those_that_publishers_offer(void **state)
{
    struct stage *s = *state;
    static const size_t small[] = {10};
    static const char *const hints[] = {"none", "restricted", "available"};
    static const char *const named[] = {"local/model-none@1", "local/model-none", "local/absent"};
    struct fixture_model models[3];
    char name[32];
    for (unsigned i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "model-%s", hints[i]);
        fixture_make(&models[i], name, 1, hints[i], small, 1, 100 + i);
        fixture_import(&models[i], s->top, s->home, false);
    }
    share(s, NULL, 0, true);
    check_findings("all", &s->diags, "");
    assert_int_equal(mm_shares_models(s->who.shares), 2);
    assert_non_null(mm_shares_manifest(s->who.shares, models[2].sha256));
    assert_null(mm_shares_manifest(s->who.shares, models[1].sha256));
    share(s, named, 3, false);
    check_findings("by name", &s->diags, "note:peer-share store-model");
    assert_int_equal(mm_shares_models(s->who.shares), 1);
    share(s, named, 1, true);
    mm_diags_clear(&s->diags);
    assert_int_equal(mm_shares_models(s->who.shares), 3);
    for (unsigned i = 0; i < 3; i++)
        fixture_release(&models[i]);
}

static void what_cannot_be_vouched_for_is_left_out(void **state)
{
    struct stage *s = *state;
    static const size_t small[] = {2 * FIXTURE_CHUNK};
    struct fixture_model in_place, listless;
    char path[200], root[MM_HASH_HEX + 1];
    fixture_make(&in_place, "in-place", 1, "available", small, 1, 21);
    fixture_import(&in_place, s->top, s->home, true);
    share(s, NULL, 0, true);
    check_findings("in place", &s->diags, "peer-share");
    assert_int_equal(mm_shares_models(s->who.shares), 1);
    fixture_make(&listless, "listless", 1, "available", small, 1, 22);
    fixture_import(&listless, s->top, s->home, false);
    mm_hex(root, listless.lists[0].facts.root, MM_HASH_BYTES);
    snprintf(path, sizeof path, "store/chunks/%s.chunks", root);
    assert_int_equal(unlinkat(s->home, path, 0), 0);
    share(s, NULL, 0, true);
    check_findings("without a list", &s->diags, "peer-share peer-share");
    int fd = openat(s->home, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(write(fd, "minimodel-chunk-list 0\n", 23), 23);
    close(fd);
    share(s, NULL, 0, true);
    assert_true(s->diags.no && s->diags.errors >= 2);
    mm_diags_clear(&s->diags);
    assert_int_equal(mm_shares_models(s->who.shares), 1);
    fixture_release(&in_place);
    fixture_release(&listless);
}

/* Many more files than stay open. */
static void descriptors_are_returned(void **state)
{
    struct stage *s = *state;
    struct mm_response held[3];
    int lowest = dup(s->home);
    close(lowest);
    for (unsigned i = 0; i < MM_SHARES_OPEN + 20; i++) {
        struct fixture_model model;
        char name[16];
        size_t length[] = {i + 1};
        snprintf(name, sizeof name, "many-%u", i);
        fixture_make(&model, name, 1, "available", length, 1, 9);
        fixture_import(&model, s->top, s->home, false);
        fixture_release(&model);
    }
    share(s, NULL, 0, true);
    check_findings("many", &s->diags, "");
    for (int round = 0; round < 3; round++)
        for (unsigned i = 0; i < MM_SHARES_OPEN + 20; i++) {
            struct fixture_model model;
            size_t length[] = {i + 1};
            fixture_make(&model, "any", 1, "available", length, 1, 9);
            check_get(s, MM_RESOURCE_ARTIFACT, model.lists[0].facts.sha256, NULL, 200, model.bytes[0], i + 1);
            fixture_release(&model);
        }
    int next = dup(s->home);
    close(next);
    assert_true(next <= lowest + MM_SHARES_OPEN + 1);
    for (size_t i = 0; i < COUNT_OF(held); i++)
        held[i] = ask(s, (struct mm_request){.method = "GET"});
    assert_int_equal(held[0].fd, held[2].fd);
    for (size_t i = 0; i < COUNT_OF(held); i++)
        mm_response_done(held[i].hold);
    share(s, NULL, 0, false);
    next = dup(s->home);
    close(next);
    assert_int_equal(next, lowest);
}

/* Where this process may open nothing more a file is not absent: who asks may ask again. */
static void too_many_open_files_pass(void **state)
{
    struct stage *s = *state;
    struct rlimit before, none;
    const struct mm_chunk_facts *facts = &s->model.lists[0].facts;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = before;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    check_get(s, MM_RESOURCE_ARTIFACT, facts->sha256, NULL, 503, NULL, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    check_get(s, MM_RESOURCE_ARTIFACT, facts->sha256, NULL, 200, s->model.bytes[0], lengths[0]);
}

/* One that is open and that nobody reads makes room for another. */
static void idle_files_make_room(void **state)
{
    struct stage *s = *state;
    struct rlimit before, full;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    full = before;
    check_get(s, MM_RESOURCE_ARTIFACT, s->model.lists[0].facts.sha256, NULL, 200, s->model.bytes[0], lengths[0]);
    int next = dup(s->home);
    close(next);
    full.rlim_cur = (rlim_t)next;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &full), 0);
    check_get(s, MM_RESOURCE_ARTIFACT, s->model.lists[2].facts.sha256, NULL, 200, s->model.bytes[2], lengths[2]);
    check_get(s, MM_RESOURCE_ARTIFACT, s->model.lists[0].facts.sha256, NULL, 200, s->model.bytes[0], lengths[0]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

static const struct {
    const char *path, *type;
} catalog_cases[] = {{"catalog.jsonl", "application/jsonl"},
                     {"index.html", "text/html; charset=utf-8"},
                     {"", "text/html; charset=utf-8"},
                     {"notes.txt", NULL},
                     {"catalog.head", NULL}, /* of that name, but not there */
                     {"heads/1", NULL}};

/* A folder as a catalog: what it has by names that catalogs have, with types. */
static void catalogs_are_served_by_name(void **state)
{
    struct stage *s = *state;
    struct mm_catalog_share share = {.folder = open(s->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    write_file(in_folder(s->top, "catalog.jsonl"), "{}\n", 3);
    write_file(in_folder(s->top, "index.html"), "<p>", 3);
    write_file(in_folder(s->top, "notes.txt"), "no!", 3);
    for (size_t i = 0; i < COUNT_OF(catalog_cases); i++) {
        const char *type = catalog_cases[i].type;
        char path[64];
        struct mm_response response;
        snprintf(path, sizeof path, MM_CATALOG_SHARE_PATH "%s", catalog_cases[i].path);
        struct mm_request request = {.method = "GET", .path = path};
        s->who.catalog = NULL;
        mm_respond(&s->who, &request, NOW, &response);
        check_number("no catalog, no files", (uint64_t)response.status, 404);
        s->who.catalog = &share;
        for (int head = 0; head < 2; head++) {
            request.method = head ? "HEAD" : "GET";
            mm_respond(&s->who, &request, NOW, &response);
            check_number(path, (uint64_t)response.status, type ? 200 : 404);
            check_number(path, response.length, type ? 3 : 0);
            check_text(path, header(&response, "content-type"), type ? type : "");
            check_text(path, header(&response, "cache-control"), "no-store");
            assert_int_equal(response.fd >= 0, type && !head);
            mm_response_done(response.hold);
        }
    }
    check_number("all are closed", share.open, 0);
    close(share.folder);
    s->who.catalog = NULL;
}

static void few_files_of_a_catalog_are_open(void **state)
{
    struct stage *s = *state;
    struct mm_catalog_share share = {.folder = open(s->top, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    struct mm_response held[MM_CATALOG_SHARE_OPEN + 1];
    write_file(in_folder(s->top, "index.html"), "<p>", 3);
    s->who.catalog = &share;
    for (size_t i = 0; i < COUNT_OF(held); i++) {
        struct mm_request request = {.method = "GET", .path = MM_CATALOG_SHARE_PATH "index.html"};
        mm_respond(&s->who, &request, NOW, &held[i]);
        check_number("as many as may be", (uint64_t)held[i].status, i < MM_CATALOG_SHARE_OPEN ? 200 : 503);
    }
    for (size_t i = 0; i < COUNT_OF(held); i++)
        mm_response_done(held[i].hold);
    check_number("all are closed", share.open, 0);
    close(share.folder);
    s->who.catalog = NULL;
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(everything_of_a_model_is_served),
        CASE(what_is_not_shared_is_absent),
        CASE(parts_are_served),
        CASE(too_many_open_files_pass),
        CASE(idle_files_make_room),
        CASE(catalogs_are_served_by_name),
        CASE(few_files_of_a_catalog_are_open),
        CASE(headers_say_what_a_cache_may_do),
        CASE(methods_and_paths_are_strict),
        CASE(the_listing_is_there_if_allowed),
        CASE(a_reload_leaves_bodies_alone),
        CASE(another_file_in_its_place_is_not_served),
        CASE(a_file_that_is_replaced_is_absent),
        CASE(parts_that_are_not_held_are_absent),
        CASE(all_are_those_that_publishers_offer),
        CASE(what_cannot_be_vouched_for_is_left_out),
        CASE(descriptors_are_returned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
