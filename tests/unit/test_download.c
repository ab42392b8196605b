/* A whole fetch without a socket: peers that answer as peer-serve does, from a store, through a carrier that this file is, with faults of every
 * kind; and at the end the importer, which believes nobody. */
#include "exchange_store.h"

#include "base/tree.h"
#include "exchange/download.h"
#include "exchange/have.h"
#include "exchange/resource.h"
#include "exchange/response.h"

#define STEP (MM_SECOND / 50)
#define START (50 * MM_SECOND)
#define ASKED_MAX 160
#define PEERS_MAX 8

enum fault {
    HONEST,
    FLIPS,      /* a bit of every third chunk's worth of bytes */
    ALL_WRONG,  /* every byte */
    TRUNCATES,  /* bodies end in the middle, and are said to be complete */
    TOO_LONG,   /* a byte more than asked for */
    REDIRECTS,  /* 302 */
    CODES,      /* content-encoding */
    SHIFTS,     /* another part than asked for, and says so */
    WHOLE,      /* 200 to every range, with the whole body */
    ERRORS,     /* 500 */
    SPENT,      /* 429 */
    RESETS,     /* streams break off */
    LEAVES,     /* the connection breaks, again and again */
    STALLS,     /* nothing comes after the head */
    NO_BITMAP,  /* its bitmap is too long by a byte */
    DEAD,       /* it cannot be reached */
    FAULT_COUNT
};

struct asked {
    bool open, head_told;
    uint64_t id, most;
    size_t peer;
    struct mm_response response;
    bool is_part;
    uint64_t sent, length;
};

struct stage {
    char *top;
    int from, to;
    struct mm_diags diags;
    struct mm_trust trust, to_trust;
    struct fixture_model model;
    struct mm_responder who;
    struct mm_landing landing;
    struct mm_download *download;
    struct asked asked[ASKED_MAX];
    enum fault faults[PEERS_MAX];
    bool connected[PEERS_MAX];
    uint64_t rates[PEERS_MAX];
    size_t peer_count;
    uint64_t now, carried;
    unsigned requests[PEERS_MAX];
    unsigned opened;
    bool behind; /* chunks are judged by a thread */
};

static const size_t lengths[] = {37 * FIXTURE_CHUNK + 1000, 0, 77, 3 * FIXTURE_CHUNK};

/* ---- the carrier ---- */

static void dial(void *context, size_t peer)
{
    struct stage *s = context;
    s->connected[peer] = s->faults[peer] != DEAD;
    if (s->connected[peer])
        mm_download_ready(s->download, peer, s->now);
    else
        mm_download_away(s->download, peer, s->now);
}

static void end_asked(struct asked *asked)
{
    mm_response_done(asked->response.hold);
    *asked = (struct asked){0};
}

static void hang_up(void *context, size_t peer)
{
    struct stage *s = context;
    s->connected[peer] = false;
    for (size_t i = 0; i < ASKED_MAX; i++)
        if (s->asked[i].open && s->asked[i].peer == peer)
            end_asked(&s->asked[i]);
}

static bool get(void *context, size_t peer, uint64_t id, const char *path, const char *range, uint64_t most)
{
    struct stage *s = context;
    struct asked *asked = s->asked;
    struct mm_request request = {.method = "GET", .path = path, .range = range};
    assert_true(s->connected[peer]);
    while (asked->open)
        asked++;
    assert_true(asked < s->asked + ASKED_MAX);
    *asked = (struct asked){.open = true, .id = id, .peer = peer, .most = most, .is_part = range != NULL};
    mm_respond(&s->who, &request, -1, &asked->response);
    assert_true(asked->response.status == (range ? 206 : 200));
    asked->length = asked->response.length;
    s->requests[peer]++;
    return true;
}

static void cancel(void *context, size_t peer, uint64_t id)
{
    struct stage *s = context;
    for (size_t i = 0; i < ASKED_MAX; i++)
        if (s->asked[i].open && s->asked[i].id == id && s->asked[i].peer == peer)
            end_asked(&s->asked[i]);
}

static struct asked *still(struct stage *s, uint64_t id, size_t peer)
{
    for (size_t i = 0; i < ASKED_MAX; i++)
        if (s->asked[i].open && s->asked[i].id == id && s->asked[i].peer == peer)
            return &s->asked[i];
    return NULL;
}

/* The head, as the peer's fault has it. */
static void tell_head(struct stage *s, struct asked *asked)
{
    struct mm_reply_header headers[MM_RESPONSE_HEADERS + 2];
    const struct mm_response *r = &asked->response;
    char length[24], shifted[100];
    enum fault fault = s->faults[asked->peer];
    size_t count = 0;
    int status = r->status;
    uint64_t id = asked->id;
    size_t peer = asked->peer;
    for (size_t i = 0; i < r->header_count; i++)
        headers[count++] = (struct mm_reply_header){r->headers[i].name, r->headers[i].value};
    if (fault != TRUNCATES && fault != TOO_LONG && fault != NO_BITMAP && fault != WHOLE) {
        snprintf(length, sizeof length, "%" PRIu64, asked->length);
        headers[count++] = (struct mm_reply_header){"content-length", length};
    }
    if (fault == CODES)
        headers[count++] = (struct mm_reply_header){"content-encoding", "gzip"};
    if (fault == SHIFTS && asked->is_part) {
        snprintf(shifted, sizeof shifted, "bytes 1-%" PRIu64 "/%zu", asked->length, lengths[0]);
        for (size_t i = 0; i < count; i++)
            if (strcmp(headers[i].name, "content-range") == 0)
                headers[i].value = shifted;
    }
    if (asked->is_part || fault == REDIRECTS || fault == ERRORS || fault == SPENT)
        status = fault == REDIRECTS ? 302 : fault == ERRORS ? 500 : fault == SPENT ? 429 : fault == WHOLE ? 200 : status;
    asked->head_told = true;
    if (!mm_download_head(s->download, id, status, headers, count, s->now) && (asked = still(s, id, peer)))
        end_asked(asked);
}

static void spoil(struct stage *s, const struct asked *asked, unsigned char *bytes, size_t length)
{
    enum fault fault = s->faults[asked->peer];
    for (size_t i = 0; i < length && asked->is_part; i++)
        if (fault == ALL_WRONG || (fault == FLIPS && (asked->response.offset + asked->sent + i) % (3 * FIXTURE_CHUNK) == 999))
            bytes[i] ^= 4;
}

/* Some bytes of the body. Returns false where the request is no more. */
static bool tell_body(struct stage *s, struct asked *asked, size_t some)
{
    unsigned char *bytes = malloc(some + 1);
    const struct mm_response *r = &asked->response;
    uint64_t id = asked->id;
    size_t peer = asked->peer;
    enum fault fault = s->faults[peer];
    if (r->fd >= 0)
        assert_int_equal(pread(r->fd, bytes, some, (off_t)(r->offset + asked->sent)), some);
    else if (some)
        memcpy(bytes, r->bytes + asked->sent, some);
    spoil(s, asked, bytes, some);
    asked->sent += some;
    s->carried += some;
    if (asked->sent == asked->length && ((fault == TOO_LONG && asked->is_part) || (fault == NO_BITMAP && !asked->is_part)))
        bytes[some++] = 0;
    bool wanted = some == 0 || mm_download_body(s->download, id, bytes, some, s->now);
    free(bytes);
    asked = still(s, id, peer);
    if (asked && !wanted)
        end_asked(asked);
    return asked && wanted;
}

static void tell_end(struct stage *s, struct asked *asked, bool complete)
{
    uint64_t id = asked->id;
    end_asked(asked);
    mm_download_end(s->download, id, complete, s->now);
}

static void serve_one(struct stage *s, struct asked *asked, uint64_t *credit)
{
    enum fault fault = s->faults[asked->peer];
    uint64_t id = asked->id, stop = asked->length;
    size_t peer = asked->peer;
    if (!asked->head_told) {
        tell_head(s, asked);
        if (!(asked = still(s, id, peer)))
            return;
    }
    if (asked->is_part && (fault == TRUNCATES || fault == RESETS || fault == LEAVES))
        stop = asked->length * 2 / 3;
    if (asked->is_part && fault == STALLS)
        return;
    size_t some = (size_t)(stop - asked->sent < *credit ? stop - asked->sent : *credit);
    *credit -= some;
    if (!tell_body(s, asked, some) || asked->sent < stop)
        return;
    if (asked->is_part && fault == LEAVES) {
        hang_up(s, peer);
        mm_download_away(s->download, peer, s->now);
    } else {
        tell_end(s, asked, stop == asked->length || fault == TRUNCATES);
    }
}

static void serve_all(struct stage *s)
{
    for (size_t peer = 0; peer < s->peer_count; peer++) {
        uint64_t credit = s->rates[peer] / (MM_SECOND / STEP);
        for (size_t i = 0; i < ASKED_MAX; i++)
            if (s->asked[i].open && s->asked[i].peer == peer)
                serve_one(s, &s->asked[i], &credit);
    }
}

static const struct mm_carrier *carrier_of(struct stage *s)
{
    static struct mm_carrier carrier;
    carrier = (struct mm_carrier){s, dial, hang_up, get, cancel};
    return &carrier;
}

/* ---- the stage ---- */

static int set_up(void **state)
{
    static struct stage stage;
    struct mm_shares_wanted all = {.all = true};
    stage = (struct stage){.top = make_folder(), .landing = MM_LANDING_NONE, .who = {.listing = true}};
    mm_diags_init(&stage.diags);
    stage.from = fixture_store(stage.top, "from");
    stage.to = fixture_store(stage.top, "to");
    stage.trust = fixture_trust(stage.from);
    stage.to_trust = fixture_trust(stage.to);
    fixture_make(&stage.model, "fixture", 3, "available", lengths, COUNT_OF(lengths), 5);
    fixture_import(&stage.model, stage.top, stage.from, false);
    stage.who.shares = mm_shares_new(stage.from, &all, &stage.trust, &stage.diags);
    assert_int_equal(mm_shares_models(stage.who.shares), 1);
    assert_int_equal(mkdir(in_folder(stage.top, "offer"), 0700), 0);
    write_file(in_folder(stage.top, "offer/manifest"), stage.model.manifest.data, stage.model.manifest.length);
    stage.now = START;
    *state = &stage;
    return 0;
}

static int set_up_behind(void **state)
{
    int result = set_up(state);
    ((struct stage *)*state)->behind = true;
    return result;
}

static int tear_down(void **state)
{
    struct stage *s = *state;
    mm_download_free(s->download);
    for (size_t i = 0; i < ASKED_MAX; i++)
        if (s->asked[i].open)
            end_asked(&s->asked[i]);
    mm_landing_release(&s->landing);
    mm_shares_drop(s->who.shares);
    fixture_release(&s->model);
    mm_diags_release(&s->diags);
    close(s->from);
    close(s->to);
    remove_folder(s->top);
    return 0;
}

/* The importer, with nothing but the manifest as its source. */
static int import(struct stage *s, struct mm_import_facts *facts)
{
    struct mm_supply supply = {0};
    struct mm_import_options how = {.trust = &s->to_trust, .allow_unsigned = true, .medium = MM_MEDIUM_PEER};
    assert_int_equal(mm_supply_add(&supply, in_folder(s->top, "offer/manifest"), &s->diags), 0);
    int result = mm_import(s->to, &supply, 0, &how, facts, &s->diags);
    mm_supply_release(&supply);
    return result;
}

static void read_manifest(struct stage *s, struct mm_manifest *manifest)
{
    assert_int_equal(mm_manifest_read(manifest, s->model.manifest.data, s->model.manifest.length, &s->diags), 0);
}

/* Lists as a peer gives them, then an import that finds what lacks, then a landing for it. */
static void begin(struct stage *s)
{
    struct mm_manifest manifest;
    struct mm_import_facts facts;
    read_manifest(s, &manifest);
    for (size_t i = 0; i < s->model.count; i++) {
        struct mm_claim claim;
        struct mm_buf text = {0};
        mm_manifest_claim(&manifest, i + 1, &claim);
        mm_chunk_list_write(&s->model.lists[i].facts, &s->model.lists[i].hashes, &text);
        if (!mm_landing_has_list(s->to, &manifest, &claim))
            assert_int_equal(mm_landing_put_list(s->to, &manifest, &claim, text.data, text.length, &s->diags), 0);
        assert_true(mm_landing_has_list(s->to, &manifest, &claim));
        mm_buf_release(&text);
    }
    assert_int_equal(import(s, &facts), -1);
    assert_int_equal(mm_diags_answer(&s->diags), MM_NO);
    mm_diags_clear(&s->diags);
    if (mm_landing_open(&s->landing, s->to, &manifest, &s->diags) < 0)
        check_findings("landing", &s->diags, "");
    mm_manifest_release(&manifest);
}

static void add_peer(struct stage *s, enum fault fault, uint64_t rate)
{
    unsigned char key[MM_PEER_KEY_BYTES] = {(unsigned char)(s->peer_count + 1)};
    s->faults[s->peer_count] = fault;
    s->rates[s->peer_count] = rate;
    if (!s->download) {
        struct mm_plan_options options = MM_PLAN_DEFAULT;
        s->download = mm_download_new(&s->landing, carrier_of(s), &options, s->now, &s->diags);
        assert_non_null(s->download);
    }
    if (s->behind)
        mm_download_judge_behind(s->download);
    assert_int_equal(mm_plan_peer_add(mm_download_plan(s->download), key, s->now), s->peer_count);
    s->peer_count++;
}

static enum mm_plan_state run(struct stage *s, uint64_t seconds)
{
    enum mm_plan_state state = MM_PLAN_GOING;
    for (uint64_t last = s->now + seconds * MM_SECOND; s->now < last && state == MM_PLAN_GOING; s->now += STEP) {
        assert_int_equal(mm_download_turn(s->download, s->now, &s->diags), 0);
        serve_all(s);
        state = mm_plan_state(mm_download_plan(s->download), s->now);
    }
    mm_download_settle(s->download, s->now);
    return state;
}

static enum mm_plan_fate fate(struct stage *s, size_t peer)
{
    struct mm_plan_peer_facts facts;
    mm_plan_peer_facts(mm_download_plan(s->download), peer, &facts);
    return facts.fate;
}

/* Everything that was written so far is right or zeros, chunk by chunk. */
static void check_no_wrong_byte(struct stage *s)
{
    unsigned char *found = malloc(FIXTURE_CHUNK);
    for (size_t i = 0; i < s->landing.count; i++)
        for (uint64_t c = 0; s->landing.items[i].fd >= 0 && c < s->model.lists[i].facts.count; c++) {
            size_t at = (size_t)c * FIXTURE_CHUNK, length = s->model.lengths[i] - at < FIXTURE_CHUNK ? s->model.lengths[i] - at : FIXTURE_CHUNK;
            memset(found, 0, length);
            assert_true(pread(s->landing.items[i].fd, found, length, (off_t)at) >= 0);
            bool right = memcmp(found, s->model.bytes[i] + at, length) == 0, zeros = true;
            for (size_t k = 0; k < length; k++)
                zeros = zeros && found[k] == 0;
            assert_true(right || zeros);
            assert_true(right || mm_have_has(s->landing.items[i].need, c));
        }
    free(found);
}

static void stop(struct stage *s)
{
    mm_download_free(s->download);
    s->download = NULL;
    mm_landing_release(&s->landing);
    for (size_t i = 0; i < ASKED_MAX; i++)
        if (s->asked[i].open)
            end_asked(&s->asked[i]);
    s->peer_count = 0;
}

/* The importer takes it all, and the store has the model. */
static void check_imported(struct stage *s)
{
    struct mm_import_facts facts;
    char path[200];
    stop(s);
    mm_diags_clear(&s->diags);
    int result = import(s, &facts);
    check_findings("the import", &s->diags, "");
    assert_int_equal(result, 0);
    assert_int_equal(facts.state, MM_IMPORT_DONE);
    assert_int_equal(facts.read, 0); /* all of it was there */
    for (size_t i = 0; i < s->model.count; i++) {
        snprintf(path, sizeof path, "models/local/fixture/3/files/%c", (char)('a' + i));
        int fd = openat(s->to, path, O_RDONLY | O_CLOEXEC);
        unsigned char *found = malloc(s->model.lengths[i] + 2);
        assert_true(fd >= 0);
        assert_int_equal(read(fd, found, s->model.lengths[i] + 1), s->model.lengths[i]);
        assert_memory_equal(found, s->model.bytes[i], s->model.lengths[i]);
        close(fd);
        free(found);
    }
}

/* ---- the tests ---- */

static void a_model_comes_from_a_peer(void **state)
{
    struct stage *s = *state;
    begin(s);
    assert_int_equal(s->landing.items[0].needed, 38);
    assert_int_equal(s->landing.items[1].needed, 0);
    add_peer(s, HONEST, 2000000);
    assert_int_equal(run(s, 60), MM_PLAN_DONE);
    check_no_wrong_byte(s);
    assert_int_equal(s->landing.written, lengths[0] + lengths[2] + lengths[3]);
    check_imported(s);
}

static void every_fault_beside_an_honest_peer(void **state)
{
    struct stage *s = *state;
    static const enum mm_plan_fate expected[FAULT_COUNT] = {
        [FLIPS] = MM_PEER_WRONG, [ALL_WRONG] = MM_PEER_WRONG, [TOO_LONG] = MM_PEER_GONE, [REDIRECTS] = MM_PEER_GONE,
        [CODES] = MM_PEER_GONE,  [SHIFTS] = MM_PEER_GONE,     [WHOLE] = MM_PEER_GONE,
    };
    for (enum fault fault = HONEST; fault < FAULT_COUNT; fault++) {
        begin(s);
        add_peer(s, HONEST, 400000);
        add_peer(s, fault, 4000000);
        enum mm_plan_state ended = run(s, 100);
        if (ended != MM_PLAN_DONE)
            fail_msg("fault %d: ended as %d", fault, ended);
        check_no_wrong_byte(s);
        check_number("the honest one's fate", fate(s, 0), MM_PEER_KEPT);
        if (expected[fault] || fault == HONEST)
            check_number("the other's fate", fate(s, 1), expected[fault]);
        if (expected[fault]) /* it is named */
            assert_true(s->diags.notes >= 1 && strstr(s->diags.items[0].text, "peer aiaaaaaa"));
        check_imported(s);
        assert_int_equal(mm_tree_remove(s->to, "models", &s->diags), 0);
        assert_int_equal(mm_tree_remove(s->to, "receipts", &s->diags), 0);
        assert_int_equal(unlinkat(s->to, "receipts.log", 0), 0);
        assert_int_equal(mm_tree_remove(s->to, "store", &s->diags), 0);
    }
}

static void faults_alone_end_without_a_wrong_byte(void **state)
{
    struct stage *s = *state;
    for (enum fault fault = FLIPS; fault < FAULT_COUNT; fault++) {
        begin(s);
        add_peer(s, fault, 4000000);
        enum mm_plan_state ended = run(s, 400);
        bool whole = fault == RESETS || fault == LEAVES || fault == TRUNCATES || fault == WHOLE; /* chunk by chunk, or not; WHOLE was asked for */
        if (ended == MM_PLAN_GOING || (ended == MM_PLAN_DONE && !whole))
            fail_msg("fault %d: ended as %d", fault, ended);
        check_no_wrong_byte(s);
        stop(s);
        assert_int_equal(mm_tree_remove(s->to, "store", &s->diags), 0);
        mm_diags_clear(&s->diags);
    }
}

/* What was there is not fetched again, whenever it was stopped. */
static void a_fetch_that_was_killed_goes_on(void **state)
{
    struct stage *s = *state;
    uint64_t written = 0;
    begin(s);
    for (int part = 0; part < 3; part++) {
        add_peer(s, HONEST, 700000);
        assert_int_equal(run(s, 1), MM_PLAN_GOING);
        written += s->landing.written;
        assert_true(s->landing.written > 0);
        stop(s); /* as a kill leaves it */
        begin(s);
        uint64_t needed = 0;
        for (size_t i = 0; i < s->landing.count; i++)
            for (uint64_t c = 0; c < s->model.lists[i].facts.count; c++)
                needed += mm_have_has(s->landing.items[i].need, c) ? (c + 1 < s->model.lists[i].facts.count || lengths[i] % FIXTURE_CHUNK == 0 ? FIXTURE_CHUNK : lengths[i] % FIXTURE_CHUNK) : 0;
        assert_int_equal(needed + written, lengths[0] + lengths[2] + lengths[3]);
    }
    add_peer(s, HONEST, 1000000);
    assert_int_equal(run(s, 60), MM_PLAN_DONE);
    assert_int_equal(written + s->landing.written, lengths[0] + lengths[2] + lengths[3]);
    check_imported(s);
}

/* Bytes that changed on the disk between two calls are found, and fetched. */
static void what_was_damaged_meanwhile_is_fetched_again(void **state)
{
    struct stage *s = *state;
    begin(s);
    add_peer(s, HONEST, 1000000);
    run(s, 1);
    uint64_t first = s->landing.written;
    int fd = dup(s->landing.items[0].fd);
    stop(s);
    assert_int_equal(pwrite(fd, "x", 1, 5), 1);
    close(fd);
    begin(s);
    assert_true(mm_have_has(s->landing.items[0].need, 0));
    add_peer(s, HONEST, 1000000);
    assert_int_equal(run(s, 60), MM_PLAN_DONE);
    assert_int_equal(first + s->landing.written, lengths[0] + lengths[2] + lengths[3] + FIXTURE_CHUNK);
    check_imported(s);
}

static void a_landing_is_strict(void **state)
{
    struct stage *s = *state;
    struct mm_manifest manifest;
    struct mm_landing other = MM_LANDING_NONE;
    struct mm_claim claim;
    struct mm_buf text = {0};
    read_manifest(s, &manifest);
    assert_int_equal(mm_landing_open(&other, s->to, &manifest, &s->diags), -1);
    mm_landing_release(&other);
    mm_diags_clear(&s->diags);
    mm_manifest_claim(&manifest, 1, &claim);
    mm_chunk_list_write(&s->model.lists[3].facts, &s->model.lists[3].hashes, &text); /* another file's */
    assert_int_equal(mm_landing_put_list(s->to, &manifest, &claim, text.data, text.length, &s->diags), -1);
    check_findings("another's list", &s->diags, "chunk-root");
    assert_int_equal(mm_landing_put_list(s->to, &manifest, &claim, text.data, text.length - 1, &s->diags), -1);
    assert_true(s->diags.no);
    mm_diags_clear(&s->diags);
    mm_buf_release(&text);
    begin(s);
    assert_int_equal(mm_landing_open(&other, s->to, &manifest, &s->diags), -1);
    check_findings("a second one", &s->diags, "io-changed");
    mm_landing_release(&other);
    assert_int_equal(mm_landing_take(&s->landing, 0, 1, s->model.bytes[0], FIXTURE_CHUNK, &s->diags), 1); /* chunk 0 */
    assert_int_equal(mm_landing_take(&s->landing, 0, 0, s->model.bytes[0], FIXTURE_CHUNK - 1, &s->diags), 1);
    assert_int_equal(mm_landing_take(&s->landing, 0, 38, s->model.bytes[0], FIXTURE_CHUNK, &s->diags), 1);
    assert_int_equal(mm_landing_take(&s->landing, 0, 0, s->model.bytes[0], FIXTURE_CHUNK, &s->diags), 0);
    assert_int_equal(s->landing.items[0].needed, 37);
    mm_manifest_release(&manifest);
}

/* A file of the partial import that is a link, or has another name, is not written to. */
static void nothing_is_written_through_links(void **state)
{
    struct stage *s = *state;
    struct mm_manifest manifest;
    char hex[MM_HASH_HEX + 1], path[200];
    begin(s);
    stop(s);
    read_manifest(s, &manifest);
    mm_hex(hex, manifest.sha256, MM_HASH_BYTES);
    snprintf(path, sizeof path, "store/partial/%s/lacks", hex);
    int fd = openat(s->to, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, BYTES("0\t0\t65536\ta\n")), 12);
    close(fd);
    write_file(in_folder(s->top, "victim"), "v", 1);
    snprintf(path, sizeof path, "store/partial/%s/files/a", hex);
    unlinkat(s->to, path, 0);
    assert_int_equal(symlinkat(in_folder(s->top, "victim"), s->to, path), 0);
    assert_int_equal(mm_landing_open(&s->landing, s->to, &manifest, &s->diags), -1);
    check_findings("a symbolic link", &s->diags, "io-write");
    mm_landing_release(&s->landing);
    unlinkat(s->to, path, 0);
    assert_int_equal(linkat(AT_FDCWD, in_folder(s->top, "victim"), s->to, path, 0), 0);
    assert_int_equal(mm_landing_open(&s->landing, s->to, &manifest, &s->diags), -1);
    check_findings("a second name", &s->diags, "io-not-regular");
    assert_true(file_holds(in_folder(s->top, "victim"), "v"));
    mm_manifest_release(&manifest);
}

static void heads_are_judged(void **state)
{
    static const struct mm_reply_header part[] = {{"content-range", "bytes 10-19/100"}, {"content-length", "10"}},
                                        other[] = {{"content-range", "bytes 10-19/101"}}, shorter[] = {{"content-range", "bytes 10-18/100"}},
                                        longer[] = {{"content-range", "bytes 10-19/100"}, {"content-length", "11"}},
                                        coded[] = {{"content-encoding", "br"}}, plain[] = {{"content-encoding", "Identity"}},
                                        odd[] = {{"content-length", "+5"}}, much[] = {{"content-length", "101"}};
    struct mm_reply_wanted wanted = {10, true, 10, 10, 100}, whole = {.most = 100}, all = {100, true, 0, 100, 100};
    const char *why;
    (void)state;
    assert_int_equal(mm_reply_judge(&wanted, 206, part, 2, &why), MM_REPLY_BODY);
    assert_int_equal(mm_reply_judge(&wanted, 206, NULL, 0, &why), MM_REPLY_REFUSED);
    assert_int_equal(mm_reply_judge(&wanted, 206, other, 1, &why), MM_REPLY_REFUSED);
    assert_int_equal(mm_reply_judge(&wanted, 206, shorter, 1, &why), MM_REPLY_REFUSED);
    assert_int_equal(mm_reply_judge(&wanted, 206, longer, 2, &why), MM_REPLY_REFUSED);
    assert_int_equal(mm_reply_judge(&wanted, 200, NULL, 0, &why), MM_REPLY_REFUSED);
    assert_int_equal(mm_reply_judge(&all, 200, NULL, 0, &why), MM_REPLY_BODY);
    assert_int_equal(mm_reply_judge(&whole, 200, NULL, 0, &why), MM_REPLY_BODY);
    assert_int_equal(mm_reply_judge(&whole, 200, plain, 1, &why), MM_REPLY_BODY);
    assert_int_equal(mm_reply_judge(&whole, 200, coded, 1, &why), MM_REPLY_REFUSED);
    assert_int_equal(mm_reply_judge(&whole, 200, odd, 1, &why), MM_REPLY_REFUSED);
    assert_int_equal(mm_reply_judge(&whole, 200, much, 1, &why), MM_REPLY_REFUSED);
    assert_int_equal(mm_reply_judge(&whole, 206, part, 2, &why), MM_REPLY_REFUSED);
    for (int status = 0; status < 700; status++) {
        enum mm_reply reply = mm_reply_judge(&whole, status, NULL, 0, &why);
        bool absent = status == 404 || status == 410 || status == 416, later = status == 429 || (status >= 500 && status < 600);
        check_number("status", reply, status == 200 ? MM_REPLY_BODY : absent ? MM_REPLY_ABSENT : later ? MM_REPLY_LATER : MM_REPLY_REFUSED);
    }
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down), {#test ", judged behind", test, set_up_behind, tear_down, NULL}
    const struct CMUnitTest tests[] = {
        CASE(a_model_comes_from_a_peer),
        CASE(every_fault_beside_an_honest_peer),
        CASE(faults_alone_end_without_a_wrong_byte),
        CASE(a_fetch_that_was_killed_goes_on),
        CASE(what_was_damaged_meanwhile_is_fetched_again),
        CASE(a_landing_is_strict),
        CASE(nothing_is_written_through_links),
        cmocka_unit_test(heads_are_judged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
