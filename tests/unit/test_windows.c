#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "base/mapped.h"
#include "base/source.h"

#define WINDOW MM_SOURCE_WINDOW

/* Where the bytes come from, and how. */
enum way {
    MAPPED,
    READ,  /* a file that may not be mapped */
    AHEAD, /* the same, by a thread */
    PIPE,
    PIPE_AHEAD,
    ORIGIN,
    ORIGIN_AHEAD,
    WAYS,
};

static const char *const way_names[WAYS] = {
    "mapped", "read", "read ahead", "a pipe", "a pipe, ahead", "an origin", "an origin, ahead",
};

static bool is_pipe(enum way way)
{
    return way == PIPE || way == PIPE_AHEAD;
}

static bool is_origin(enum way way)
{
    return way == ORIGIN || way == ORIGIN_AHEAD;
}

static bool is_ahead(enum way way)
{
    return way == AHEAD || way == PIPE_AHEAD || way == ORIGIN_AHEAD;
}

/* An extent that the sink was shown. */
struct shown {
    uint64_t offset;
    const unsigned char *bytes;
    size_t length;
};

/* Memory that an origin put bytes into. */
struct lent {
    struct lent *next;
    uint64_t offset;
    const unsigned char *out;
    size_t length;
};

struct scene {
    char what[160];
    enum way way;
    struct mm_source_shape shape;
    unsigned char *bytes; /* of the whole file */
    size_t start, length; /* from START on it is read, LENGTH bytes */
    int fd;
    pid_t child; /* that writes the pipe, or 0 */
    struct mm_origin origin;
    size_t origin_most; /* that it gives at once */
    uint64_t fails_at;  /* from this offset on it fails */
    atomic_uint readers;
    struct lent *lent; /* what it still looks at, under the lock */
    pthread_mutex_t lock;
    struct mm_source source;
    struct mm_diags diags;
    struct shown *shown;
    size_t shown_count, settles;
    uint64_t seen, settled, progress;
    bool wrong;
};

/* Reports that SCENE went wrong; not by failing at once, since a sink may be called from deep within. */
static void wrong(struct scene *s, const char *what)
{
    print_error("%s: %s\n", s->what, what);
    s->wrong = true;
}

static void check_shown(struct scene *s, const struct shown *shown)
{
    if (memcmp(shown->bytes, s->bytes + s->start + shown->offset, shown->length) != 0)
        wrong(s, "what was shown is not what the file holds");
}

static void see(void *context, const unsigned char *bytes, size_t length)
{
    struct scene *s = context;
    struct shown shown = {s->seen, bytes, length};
    const struct shown *last = s->shown_count > 0 ? &s->shown[s->shown_count - 1] : NULL;
    if (length == 0 || length > s->length - s->seen)
        return wrong(s, "as many bytes cannot come");
    if (s->seen % s->shape.window + length > s->shape.window)
        wrong(s, "an extent goes beyond its window");
    if (s->seen % s->shape.window != 0 && (!last || last->bytes + last->length != bytes))
        wrong(s, "an extent does not lie behind the one before");
    check_shown(s, &shown);
    s->seen += length;
    s->shown = realloc(s->shown, (s->shown_count + 1) * sizeof shown);
    s->shown[s->shown_count++] = shown;
}

/* Everything below OFFSET still has to stand there. */
static void settle(void *context, uint64_t offset)
{
    struct scene *s = context;
    size_t kept = 0;
    if (offset <= s->settled || offset > s->seen)
        wrong(s, "offsets of settling do not go forward to what was shown");
    if (offset != s->seen && offset % s->shape.window != 0)
        wrong(s, "half a window ends");
    if (s->seen - offset > (uint64_t)(s->shape.count - 1) * s->shape.window && offset != s->seen)
        wrong(s, "more windows stay than were asked for");
    for (size_t i = 0; i < s->shown_count; i++)
        if (s->shown[i].offset < offset)
            check_shown(s, &s->shown[i]);
        else
            s->shown[kept++] = s->shown[i];
    s->shown_count = kept;
    s->settled = offset;
    s->settles++;
}

static void note_progress(void *context, uint64_t done, uint64_t total)
{
    struct scene *s = context;
    if (done <= s->progress || done != s->seen || total != (is_pipe(s->way) ? 0 : s->length))
        wrong(s, "progress is of something else");
    s->progress = done;
}

static void lend(struct scene *s, uint64_t offset, const unsigned char *out, size_t length)
{
    struct lent *lent = malloc(sizeof *lent);
    pthread_mutex_lock(&s->lock);
    *lent = (struct lent){s->lent, offset, out, length};
    s->lent = lent;
    pthread_mutex_unlock(&s->lock);
}

/* What goes away is still what it was. */
static void settle_origin(void *context, uint64_t offset)
{
    struct scene *s = context;
    pthread_mutex_lock(&s->lock);
    for (struct lent **at = &s->lent; *at;) {
        struct lent *lent = *at;
        if (memcmp(lent->out, s->bytes + s->start + lent->offset, lent->length) != 0)
            wrong(s, "what an origin looks at was overwritten before it was settled");
        if (lent->offset < offset) {
            *at = lent->next;
            free(lent);
        } else {
            at = &lent->next;
        }
    }
    pthread_mutex_unlock(&s->lock);
}

static ssize_t read_origin(void *context, uint64_t offset, void *out, size_t length)
{
    struct scene *s = context;
    if (atomic_fetch_add(&s->readers, 1) != 0)
        wrong(s, "an origin is read twice at once");
    size_t left = s->length - (size_t)offset, part = length < left ? length : left;
    part = part < s->origin_most ? part : s->origin_most;
    bool fails = offset >= s->fails_at;
    if (!fails && part > 0) {
        memcpy(out, s->bytes + s->start + offset, part);
        lend(s, offset, out, part);
    }
    atomic_fetch_sub(&s->readers, 1);
    errno = EIO;
    return fails ? -1 : (ssize_t)part;
}

static unsigned char *make_bytes(size_t length)
{
    unsigned char *bytes = test_malloc(length + 1);
    uint32_t noise = 7;
    for (size_t i = 0; i < length; i++) {
        noise = noise * 1664525 + 1013904223;
        bytes[i] = (unsigned char)(noise >> 24);
    }
    return bytes;
}

/* Writes the bytes into a pipe from another process, in uneven pieces. */
static void open_pipe(struct scene *s)
{
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    s->child = fork();
    assert_true(s->child >= 0);
    if (s->child == 0) {
        signal(SIGPIPE, SIG_DFL);
        close(ends[0]);
        for (size_t at = 0, piece = 1; at < s->length; piece = piece * 7 % 70001 + 1) {
            size_t left = s->length - at;
            ssize_t got = write(ends[1], s->bytes + s->start + at, piece < left ? piece : left);
            if (got < 0)
                _exit(1);
            at += (size_t)got;
        }
        _exit(0);
    }
    close(ends[1]);
    s->fd = ends[0];
}

/* A thread that has SIGBUS blocked maps nothing. */
static void forbid_mapping(bool forbid)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGBUS);
    assert_int_equal(pthread_sigmask(forbid ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL), 0);
}

/* The test framework installs a handler of its own before each test. */
static void use_watch(void)
{
    static struct sigaction ours;
    static bool known;
    if (known) {
        assert_int_equal(sigaction(SIGBUS, &ours, NULL), 0);
        return;
    }
    mm_mapped_unwatch(mm_mapped_watch(&ours, 1));
    assert_int_equal(sigaction(SIGBUS, NULL, &ours), 0);
    known = true;
}

static void open_scene(struct scene *s)
{
    use_watch();
    mm_diags_init(&s->diags);
    s->origin = (struct mm_origin){.read = read_origin, .context = s, .size = s->length, .settle = settle_origin};
    s->shape.ahead = is_ahead(s->way);
    forbid_mapping(s->way != MAPPED);
    int result = mm_source_open_wide(&s->source, s->fd, is_origin(s->way) ? &s->origin : NULL, &s->shape, &s->diags);
    forbid_mapping(false);
    assert_int_equal(result, 0);
    s->source.sink = see;
    s->source.settle = settle;
    s->source.sink_context = s;
    s->source.progress = note_progress;
    s->source.progress_context = s;
}

/* LENGTH bytes behind the first START ones of a file, by WAY. */
static void begin(struct scene *s, enum way way, size_t window, unsigned count, size_t start, size_t length)
{
    *s = (struct scene){.way = way, .shape = {window, count, false}, .start = start, .length = length, .fd = -1};
    snprintf(s->what, sizeof s->what, "%s, %zu bytes from %zu in %u windows of %zu", way_names[way], length, start,
             count, window);
    s->bytes = make_bytes(start + length);
    pthread_mutex_init(&s->lock, NULL);
    s->origin_most = SIZE_MAX;
    s->fails_at = UINT64_MAX;
    if (is_pipe(way)) {
        open_pipe(s);
    } else if (!is_origin(way)) {
        s->fd = file_of(s->bytes, start + length);
        assert_int_equal(lseek(s->fd, (off_t)start, SEEK_SET), start);
    }
    open_scene(s);
}

static void release(struct scene *s)
{
    mm_source_release(&s->source);
    if (s->settled != s->seen)
        wrong(s, "not all was settled");
    if (s->lent)
        wrong(s, "not all that an origin looks at was settled");
    if (s->fd >= 0)
        close(s->fd);
    if (s->child > 0)
        assert_int_equal(waitpid(s->child, NULL, 0), s->child);
    free(s->shown);
    test_free(s->bytes);
    mm_diags_release(&s->diags);
    if (s->wrong)
        fail_msg("%s", s->what);
}

static void end(struct scene *s)
{
    check_number(s->what, (uint64_t)mm_source_finish(&s->source, &s->diags), 0);
    check_findings(s->what, &s->diags, "");
    check_number(s->what, s->seen, s->length);
    check_number(s->what, s->progress, s->length);
    check_number(s->what, s->settled, s->length);
    release(s);
}

static const size_t lengths[] = {0,
                                 1,
                                 100,
                                 65535,
                                 65536,
                                 WINDOW - 1,
                                 WINDOW,
                                 WINDOW + 1,
                                 2 * WINDOW,
                                 2 * WINDOW + 1,
                                 4 * WINDOW - 1,
                                 4 * WINDOW,
                                 5 * WINDOW,
                                 9 * WINDOW + 4097};

/* Files that end where a window does, none of which has to go before the end is seen. */
static void files_that_fit_end(void **state)
{
    (void)state;
    for (enum way way = 0; way < WAYS; way++)
        for (unsigned count = 7; count <= 9; count++) {
            struct scene s;
            begin(&s, way, WINDOW, count, 0, 8 * WINDOW);
            end(&s);
        }
}

static void every_way_shows_every_byte(void **state)
{
    static const size_t starts[] = {0, 1, 4096, 5000, WINDOW + 7};
    (void)state;
    for (enum way way = 0; way < WAYS; way++)
        for (unsigned count = 1; count <= 4; count += way == MAPPED ? 1 : 3)
            for (size_t k = 0; k < (is_pipe(way) || is_origin(way) ? 1 : COUNT_OF(starts)); k++)
                for (size_t i = 0; i < COUNT_OF(lengths); i++) {
                    struct scene s;
                    begin(&s, way, WINDOW, count, starts[k], lengths[i]);
                    end(&s);
                }
}

/* Reads and skips by turns, as parsers do. */
static void walk(struct scene *s, uint32_t noise)
{
    static const size_t steps[] = {1, 17, 300, 4096, 5000, 70000, WINDOW - 1, WINDOW, 3 * WINDOW};
    unsigned char *out = test_malloc(3 * WINDOW);
    size_t at = 0;
    for (;;) {
        noise = noise * 1664525 + 1013904223;
        size_t step = steps[(noise >> 8) % COUNT_OF(steps)];
        check_number("offset", mm_source_offset(&s->source), at);
        if (step > s->length - at)
            break;
        if (noise >> 31) {
            check_true("skip", mm_source_skip(&s->source, step));
        } else {
            check_true("read", mm_source_read(&s->source, out, step));
            if (memcmp(out, s->bytes + s->start + at, step) != 0)
                wrong(s, "a parser got other bytes");
        }
        at += step;
    }
    test_free(out);
}

static void parsers_read_and_skip(void **state)
{
    (void)state;
    for (enum way way = 0; way < WAYS; way++)
        for (uint32_t noise = 0; noise < (is_pipe(way) ? 3 : 12); noise++) {
            struct scene s;
            begin(&s, way, WINDOW << noise % 4, 1 + noise % 4, is_pipe(way) || is_origin(way) ? 0 : noise * 1000,
                  40 * WINDOW + 77 * noise);
            walk(&s, noise);
            end(&s);
        }
}

static void peeking_takes_nothing(void **state)
{
    static const size_t wants[] = {1, 512, WINDOW};
    const unsigned char *bytes;
    (void)state;
    for (enum way way = 0; way < WAYS; way++)
        for (size_t i = 0; i < COUNT_OF(lengths); i++)
            for (size_t k = 0; k < COUNT_OF(wants); k++) {
                struct scene s;
                begin(&s, way, 2 * WINDOW, 2, 0, lengths[i]);
                size_t expected = wants[k] < lengths[i] ? wants[k] : lengths[i];
                check_number(s.what, mm_source_peek(&s.source, wants[k], &bytes), expected);
                if (expected)
                    assert_memory_equal(bytes, s.bytes, expected);
                check_number(s.what, mm_source_offset(&s.source), 0);
                walk(&s, (uint32_t)i);
                end(&s);
            }
}

static void an_origin_may_give_little_at_once(void **state)
{
    static const size_t most[] = {1000, 4096, 100000};
    (void)state;
    for (enum way way = ORIGIN; way <= ORIGIN_AHEAD; way++)
        for (size_t i = 0; i < COUNT_OF(most); i++) {
            struct scene s;
            begin(&s, way, WINDOW, 2, 0, 8 * WINDOW + 5);
            mm_source_release(&s.source); /* nothing was shown */
            s.origin_most = most[i];
            open_scene(&s);
            walk(&s, (uint32_t)i);
            end(&s);
        }
}

static void what_came_before_an_error_is_shown(void **state)
{
    static const uint64_t fails[] = {0, WINDOW, 5 * WINDOW - 1000};
    (void)state;
    for (enum way way = ORIGIN; way <= ORIGIN_AHEAD; way++)
        for (size_t i = 0; i < COUNT_OF(fails); i++) {
            struct scene s;
            begin(&s, way, WINDOW, 2, 0, 8 * WINDOW);
            mm_source_release(&s.source);
            s.fails_at = fails[i];
            s.origin_most = 1000;
            open_scene(&s);
            assert_int_equal(mm_source_finish(&s.source, &s.diags), -1);
            assert_int_equal(s.source.error, EIO);
            check_findings(s.what, &s.diags, "io-read");
            check_true("all before the error was shown", s.seen >= fails[i] && s.seen - fails[i] < 1000);
            release(&s);
        }
}

static void reading_may_end_early(void **state)
{
    (void)state;
    for (enum way way = 0; way < WAYS; way++)
        for (unsigned part = 0; part < 3; part++) {
            struct scene s;
            begin(&s, way, WINDOW, 3, 0, 7 * WINDOW);
            assert_true(mm_source_skip(&s.source, part * 2 * WINDOW + part));
            release(&s);
        }
}

/* A pipe into which nobody writes any more, but which somebody holds open. */
static void a_silent_pipe_holds_nobody_up(void **state)
{
    struct scene s = {.way = PIPE_AHEAD, .shape = {WINDOW, 2, true}, .origin_most = SIZE_MAX};
    int ends[2];
    unsigned char out[5];
    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], "hello", 5), 5);
    s.fd = ends[0];
    s.bytes = test_malloc(6);
    memcpy(s.bytes, "hello", 5);
    s.length = 5;
    open_scene(&s);
    assert_true(mm_source_read(&s.source, out, 5));
    assert_memory_equal(out, "hello", 5);
    release(&s);
    close(ends[1]);
}

/* Files are mapped in the file systems that the tests run in; otherwise the tests of it would test nothing. */
static void what_can_be_mapped(void **state)
{
    int ends[2], folder = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), file = file_of("x", 1);
    (void)state;
    assert_true(mm_mapped_sound(file));
    assert_false(mm_mapped_sound(folder));
    assert_int_equal(pipe(ends), 0);
    assert_false(mm_mapped_sound(ends[0]));
    assert_false(mm_mapped_sound(-1));
    assert_int_equal(ftruncate(file, 1 << 20), 0); /* a hole */
    assert_false(mm_mapped_sound(file));
    close(folder);
    close(file);
    close(ends[0]);
    close(ends[1]);
}

static void a_mapped_window_is_shown_at_once(void **state)
{
    struct scene s;
    (void)state;
    begin(&s, MAPPED, 16 * WINDOW, 2, 0, 40 * WINDOW);
    assert_true(mm_source_skip(&s.source, 16 * WINDOW));
    check_number("extents", s.shown_count, 1);
    check_number("bytes", s.seen, 16 * WINDOW);
    end(&s);
}

/* Memory that holds the file's own pages shows what others write; a parser's copy does not. */
static void parsers_get_a_copy(void **state)
{
    const unsigned char *bytes;
    struct scene s;
    (void)state;
    begin(&s, MAPPED, WINDOW, 2, 0, 8 * WINDOW);
    assert_true(mm_source_skip(&s.source, WINDOW)); /* mapped */
    assert_true(mm_source_some(&s.source, &bytes) > 0);
    const unsigned char *shown = s.shown[0].bytes;
    unsigned char before = bytes[0], before_shown = shown[0], byte = (unsigned char)~before;
    assert_int_equal(pwrite(s.fd, &byte, 1, WINDOW), 1);
    assert_int_equal(bytes[0], before);
    byte = (unsigned char)~before_shown;
    assert_int_equal(pwrite(s.fd, &byte, 1, 0), 1);
    assert_int_equal(shown[0], byte); /* what is compared with here is a mapping, so that the test can fail */
    s.bytes[0] = byte;
    mm_source_advance(&s.source, 1);
    assert_int_equal(mm_source_finish(&s.source, &s.diags), -1);
    check_findings(s.what, &s.diags, "io-changed");
    release(&s);
}

/* Nor does it once the rest of its page is mapped. */
static void a_copy_stays_one(void **state)
{
    struct scene s;
    unsigned char byte, before;
    (void)state;
    begin(&s, MAPPED, 16 * WINDOW, 2, 5000, 20 * WINDOW);
    assert_true(mm_source_read(&s.source, &byte, 1));
    assert_true(mm_source_skip(&s.source, 10 * WINDOW));
    check_number("extents: read, up to the next page, mapped, read", s.shown_count, 4);
    const struct shown *read = &s.shown[0];
    before = read->bytes[read->length - 1];
    byte = (unsigned char)~before;
    assert_int_equal(pwrite(s.fd, &byte, 1, (off_t)(s.start + read->length - 1)), 1);
    assert_int_equal(read->bytes[read->length - 1], before);
    assert_int_equal(mm_source_finish(&s.source, &s.diags), -1);
    check_findings(s.what, &s.diags, "io-changed");
    release(&s);
}

/* A sink that looks at the last byte of each window when it is settled, as a thread does that hashes it later. */
struct late {
    const unsigned char *last[64];
    size_t count;
    unsigned sum;
};

static void note_last(void *context, const unsigned char *bytes, size_t length)
{
    struct late *late = context;
    assert_true(late->count < COUNT_OF(late->last));
    late->last[late->count++] = bytes + length - 1;
}

static void look_at_last(void *context, uint64_t offset)
{
    struct late *late = context;
    (void)offset;
    for (size_t i = 0; i < late->count; i++)
        late->sum += *(const volatile unsigned char *)late->last[i];
    late->count = 0;
}

/* A file of 8 windows is cut to KEPT bytes when SKIPPED bytes were passed over. */
static void cut_while_read(size_t skipped, size_t kept, bool grows_again)
{
    const struct mm_source_shape shape = {WINDOW, 2, false};
    struct mm_source source;
    struct mm_diags diags;
    struct late late = {0};
    use_watch();
    unsigned char *bytes = make_bytes(8 * WINDOW);
    int fd = file_of(bytes, 8 * WINDOW);
    mm_diags_init(&diags);
    assert_int_equal(mm_source_open_wide(&source, fd, NULL, &shape, &diags), 0);
    source.sink = note_last;
    source.settle = look_at_last;
    source.sink_context = &late;
    assert_true(mm_source_skip(&source, skipped));
    assert_int_equal(ftruncate(fd, (off_t)kept), 0);
    if (grows_again)
        assert_int_equal(ftruncate(fd, 8 * WINDOW), 0);
    mm_source_skip(&source, WINDOW);
    assert_int_equal(mm_source_finish(&source, &diags), -1);
    check_true("what was found is said", strstr(diags.items[0].text, grows_again ? "changed while" : "shrank while"));
    check_findings("cut", &diags, "io-changed");
    mm_source_release(&source);
    mm_diags_release(&diags);
    close(fd);
    test_free(bytes);
}

static void a_mapped_file_may_shrink(void **state)
{
    static const size_t skipped[] = {WINDOW, 2 * WINDOW, 3 * WINDOW + 5, 8 * WINDOW};
    static const size_t kept[] = {0, 1, 4096, WINDOW, 2 * WINDOW + 1, 7 * WINDOW};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(skipped); i++)
        for (size_t k = 0; k < COUNT_OF(kept); k++) {
            cut_while_read(skipped[i], kept[k], false);
            cut_while_read(skipped[i], kept[k], true);
        }
}

/* Runs FAULT in a process of its own: returns how it ended, as wait does. */
static int ended(void (*fault)(void))
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(20);
        fault();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

/* A page behind the end of a file. */
static unsigned char *beyond(void)
{
    return mmap(NULL, 4096, PROT_READ, MAP_SHARED, file_of("", 0), 0);
}

static void look_where_nobody_watches(void)
{
    unsigned char *memory = beyond();
    int watch = mm_mapped_watch(&watch, sizeof watch);
    (void)*(volatile unsigned char *)memory;
    _exit(0);
}

static void look_where_somebody_watched(void)
{
    unsigned char *memory = beyond();
    mm_mapped_unwatch(mm_mapped_watch(memory, 4096));
    (void)*(volatile unsigned char *)memory;
    _exit(0);
}

static void send_the_signal(void)
{
    mm_mapped_watch(beyond(), 4096);
    raise(SIGBUS);
    _exit(0);
}

static void end_well(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    _exit(42);
}

static void look_where_another_handler_was(void)
{
    struct sigaction action = {.sa_sigaction = end_well, .sa_flags = SA_SIGINFO};
    sigaction(SIGBUS, &action, NULL);
    look_where_nobody_watches();
}

static void look_where_it_is_watched(void)
{
    unsigned char *memory = beyond();
    int watch = mm_mapped_watch(memory, 4096);
    bool before = mm_mapped_lost(watch), zero = ((volatile unsigned char *)memory)[77] == 0;
    _exit(!before && zero && mm_mapped_lost(watch) == memory ? 43 : 1);
}

/* The default again, whatever a sanitizer made of it. */
static void with_default(void (*fault)(void), int expected)
{
    struct sigaction plain = {.sa_handler = SIG_DFL}, before;
    sigaction(SIGBUS, &plain, &before);
    int status = ended(fault);
    sigaction(SIGBUS, &before, NULL);
    check_number("signal", WIFSIGNALED(status) ? (uint64_t)WTERMSIG(status) : 0, (uint64_t)expected);
}

/* Runs first: in this process no watch was set yet, so that its children install the handler. */
static void other_faults_are_what_they_were(void **state)
{
    (void)state;
    with_default(look_where_nobody_watches, SIGBUS);
    with_default(look_where_somebody_watched, SIGBUS);
    with_default(send_the_signal, SIGBUS);
    with_default(look_where_it_is_watched, 0);
    int status = ended(look_where_another_handler_was);
    check_number("the handler of before", (uint64_t)WEXITSTATUS(status), 42);
    status = ended(look_where_it_is_watched);
    check_number("a watch", (uint64_t)WEXITSTATUS(status), 43);
}

static void there_are_only_so_many_watches(void **state)
{
    int watches[MM_MAPPED_WATCHES];
    unsigned char byte;
    (void)state;
    use_watch();
    for (size_t i = 0; i < COUNT_OF(watches); i++)
        assert_true((watches[i] = mm_mapped_watch(&byte, 1)) >= 0);
    assert_int_equal(mm_mapped_watch(&byte, 1), -1);
    struct scene s; /* is read then */
    begin(&s, MAPPED, WINDOW, 2, 0, 3 * WINDOW);
    end(&s);
    for (size_t i = 0; i < COUNT_OF(watches); i++)
        mm_mapped_unwatch(watches[i]);
    forbid_mapping(true);
    assert_int_equal(mm_mapped_watch(&byte, 1), -1);
    forbid_mapping(false);
    int watch = mm_mapped_watch(&byte, 1);
    assert_true(watch >= 0);
    mm_mapped_unwatch(watch);
    signal(SIGBUS, SIG_DFL);
    assert_int_equal(mm_mapped_watch(&byte, 1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_faults_are_what_they_were),
        cmocka_unit_test(every_way_shows_every_byte),
        cmocka_unit_test(files_that_fit_end),
        cmocka_unit_test(parsers_read_and_skip),
        cmocka_unit_test(peeking_takes_nothing),
        cmocka_unit_test(an_origin_may_give_little_at_once),
        cmocka_unit_test(what_came_before_an_error_is_shown),
        cmocka_unit_test(reading_may_end_early),
        cmocka_unit_test(a_silent_pipe_holds_nobody_up),
        cmocka_unit_test(what_can_be_mapped),
        cmocka_unit_test(a_mapped_window_is_shown_at_once),
        cmocka_unit_test(parsers_get_a_copy),
        cmocka_unit_test(a_copy_stays_one),
        cmocka_unit_test(a_mapped_file_may_shrink),
        cmocka_unit_test(there_are_only_so_many_watches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
