#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/file.h"
#include "peer/quic_parts.h"

#define EVENTS 32
#define BATCHES 4 /* that are read from one socket before anything is written */
#define WATCH_BIT ((uint64_t)1 << 32)

/* ---- the time, and who is due ---- */

static uint64_t read_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NGTCP2_SECONDS + (uint64_t)now.tv_nsec;
}

uint64_t mm_quic_clock(struct mm_quic *quic)
{
    quic->now = read_clock();
    return quic->now;
}

uint64_t mm_quic_now(const struct mm_quic *quic)
{
    return quic->now;
}

static void put_at(struct mm_quic *quic, size_t place, struct mm_quic_connection *connection)
{
    quic->heap[place] = connection;
    connection->place = place;
}

/* Moves CONNECTION from its place to where its time belongs. */
static void sift(struct mm_quic *quic, struct mm_quic_connection *connection)
{
    size_t place = connection->place;
    for (; place > 0 && connection->due < quic->heap[(place - 1) / 2]->due; place = (place - 1) / 2)
        put_at(quic, place, quic->heap[(place - 1) / 2]);
    for (size_t child; (child = 2 * place + 1) < quic->heap_count; place = child) {
        if (child + 1 < quic->heap_count && quic->heap[child + 1]->due < quic->heap[child]->due)
            child++;
        if (connection->due <= quic->heap[child]->due)
            break;
        put_at(quic, place, quic->heap[child]);
    }
    put_at(quic, place, connection);
}

bool mm_quic_heap_add(struct mm_quic *quic, struct mm_quic_connection *connection)
{
    if (!mm_grow(&quic->heap, quic->heap_count, &quic->heap_capacity, sizeof *quic->heap))
        return false;
    connection->due = MM_QUIC_NEVER;
    put_at(quic, quic->heap_count++, connection);
    return true;
}

void mm_quic_heap_remove(struct mm_quic *quic, struct mm_quic_connection *connection)
{
    size_t place = connection->place;
    struct mm_quic_connection *last = quic->heap[--quic->heap_count];
    if (last == connection)
        return;
    put_at(quic, place, last);
    sift(quic, last);
}

void mm_quic_set_due(struct mm_quic_connection *connection, uint64_t due)
{
    if (connection->due == due)
        return;
    connection->due = due;
    sift(connection->quic, connection);
}

void mm_quic_wake(struct mm_quic_connection *connection)
{
    struct mm_quic *quic = connection->quic;
    if (connection->woken || connection->state >= MM_QUIC_CLOSING)
        return;
    connection->woken = true;
    connection->next_woken = NULL;
    *quic->woken_end = connection;
    quic->woken_end = &connection->next_woken;
    quic->woken_count++;
}

void mm_quic_unwake(struct mm_quic_connection *connection)
{
    struct mm_quic *quic = connection->quic;
    struct mm_quic_connection **at = &quic->woken;
    if (!connection->woken)
        return;
    while (*at != connection)
        at = &(*at)->next_woken;
    *at = connection->next_woken;
    if (quic->woken_end == &connection->next_woken)
        quic->woken_end = at;
    quic->woken_count--;
    connection->woken = false;
}

/* ---- beginning and end ---- */

static void set_default(uint64_t *number, uint64_t usual)
{
    if (*number == 0)
        *number = usual;
}

static void fill_defaults(struct mm_quic_settings *settings)
{
    uint64_t connections = settings->connections, handshakes = settings->handshakes, streams = settings->streams;
    uint64_t idle = settings->idle, handshake = settings->handshake, keep_alive = settings->keep_alive;
    uint64_t datagram = settings->datagram;
    set_default(&connections, 200);
    set_default(&handshakes, 32);
    set_default(&streams, 100);
    set_default(&settings->window, 24 * 1024 * 1024);
    set_default(&settings->stream_window, 16 * 1024 * 1024);
    set_default(&idle, 30000);
    set_default(&handshake, 10000);
    set_default(&keep_alive, 10000);
    set_default(&datagram, MM_UDP_PAYLOAD_MAX);
    settings->connections = connections;
    settings->handshakes = handshakes;
    settings->streams = (uint32_t)streams;
    settings->idle = (uint32_t)idle;
    settings->handshake = (uint32_t)handshake;
    settings->keep_alive = (uint32_t)keep_alive;
    settings->datagram = (uint16_t)(datagram < NGTCP2_MAX_UDP_PAYLOAD_SIZE ? NGTCP2_MAX_UDP_PAYLOAD_SIZE : datagram);
}

struct mm_quic *mm_quic_new(const struct mm_quic_settings *settings, const struct mm_quic_application *application,
                            struct mm_diags *diags)
{
    struct mm_quic *quic = calloc(1, sizeof *quic);
    if (!quic) {
        mm_diag_memory(diags);
        return NULL;
    }
    quic->settings = *settings;
    fill_defaults(&quic->settings);
    quic->application = application;
    quic->tick_due = MM_QUIC_NEVER;
    quic->woken_end = &quic->woken;
    for (size_t i = 0; i < MM_QUIC_WATCHES; i++)
        quic->watches[i].fd = -1;
    mm_quic_clock(quic);
    quic->epoll = epoll_create1(EPOLL_CLOEXEC);
    quic->inbox = mm_udp_inbox_new();
    quic->outbox = mm_udp_outbox_new();
    if (settings->secret)
        memcpy(quic->secret, settings->secret, sizeof quic->secret);
    if (quic->epoll < 0) {
        mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot wait for datagrams", errno);
    } else if (!quic->inbox || !quic->outbox || !mm_quic_ids_init(&quic->ids)) {
        mm_diag_memory(diags);
    } else if (!settings->secret && mm_random(quic->secret, sizeof quic->secret) < 0) {
        mm_diag(diags, MM_RULE_IO_READ, "the system gives no random bytes");
    } else if (mm_tls_credentials(&quic->credentials, settings->identity, diags) == 0) {
        return quic;
    }
    mm_quic_free(quic);
    return NULL;
}

static struct mm_quic_connection *any_open(const struct mm_quic *quic)
{
    for (size_t i = 0; i < quic->heap_count; i++)
        if (quic->heap[i]->state < MM_QUIC_CLOSING)
            return quic->heap[i];
    return NULL;
}

void mm_quic_free(struct mm_quic *quic)
{
    struct mm_quic_connection *connection;
    if (!quic)
        return;
    quic->closing = true;
    while ((connection = any_open(quic))) {
        connection->ending = true;
        mm_quic_note_why(connection, "closed");
        mm_quic_end(connection);
    }
    while (quic->heap_count > 0)
        mm_quic_drop(quic->heap[0], "closed");
    if (quic->outbox)
        mm_udp_send(quic->outbox);
    for (size_t i = 0; i < quic->socket_count; i++) {
        mm_udp_close(quic->sockets[i]);
        free(quic->sockets[i]);
    }
    if (quic->epoll >= 0)
        close(quic->epoll);
    if (quic->credentials)
        gnutls_certificate_free_credentials(quic->credentials);
    mm_quic_ids_release(&quic->ids);
    mm_udp_inbox_free(quic->inbox);
    mm_udp_outbox_free(quic->outbox);
    sodium_memzero(quic->secret, sizeof quic->secret);
    free(quic->heap);
    free(quic);
}

/* ---- sockets and other descriptors ---- */

static int await(struct mm_quic *quic, int operation, int fd, uint64_t name, bool writable, struct mm_diags *diags)
{
    struct epoll_event event = {.events = EPOLLIN | (writable ? (uint32_t)EPOLLOUT : 0), .data.u64 = name};
    return epoll_ctl(quic->epoll, operation, fd, &event) < 0
               ? mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot wait for a descriptor", errno)
               : 0;
}

struct mm_udp *mm_quic_socket(struct mm_quic *quic, const union mm_udp_address *local, bool listening,
                              struct mm_diags *diags)
{
    if (quic->socket_count == MM_QUIC_SOCKETS) {
        mm_diag(diags, MM_RULE_IO_LIMIT, "expected at most %d UDP ports", MM_QUIC_SOCKETS);
        return NULL;
    }
    struct mm_udp *udp = malloc(sizeof *udp);
    if (!udp) {
        mm_diag_memory(diags);
        return NULL;
    }
    if (mm_udp_open(udp, local, diags) < 0) {
        free(udp);
        return NULL;
    }
    if (await(quic, EPOLL_CTL_ADD, udp->fd, quic->socket_count, false, diags) < 0) {
        mm_udp_close(udp);
        free(udp);
        return NULL;
    }
    quic->listening[quic->socket_count] = listening;
    quic->sockets[quic->socket_count++] = udp;
    return udp;
}

int mm_quic_listen(struct mm_quic *quic, const union mm_udp_address *local, struct mm_diags *diags)
{
    return mm_quic_socket(quic, local, true, diags) ? 0 : -1;
}

bool mm_quic_address(const struct mm_quic *quic, size_t index, union mm_udp_address *address)
{
    for (size_t i = 0; i < quic->socket_count; i++) {
        if (quic->listening[i] && index-- == 0) {
            *address = quic->sockets[i]->local;
            return true;
        }
    }
    return false;
}

void mm_quic_refuse(struct mm_quic *quic)
{
    quic->refusing = true;
}

int mm_quic_watch(struct mm_quic *quic, int fd, void (*ready)(void *context), void *context, struct mm_diags *diags)
{
    size_t at = MM_QUIC_WATCHES;
    for (size_t i = MM_QUIC_WATCHES; i-- > 0;)
        if (quic->watches[i].fd == fd ||
            (quic->watches[i].fd < 0 && (at == MM_QUIC_WATCHES || quic->watches[at].fd != fd)))
            at = i;
    if (at < MM_QUIC_WATCHES && quic->watches[at].fd == fd)
        (void)epoll_ctl(quic->epoll, EPOLL_CTL_DEL, fd, NULL);
    if (!ready) {
        if (at < MM_QUIC_WATCHES && quic->watches[at].fd == fd)
            quic->watches[at].fd = -1;
        return 0;
    }
    if (at == MM_QUIC_WATCHES)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "expected at most %d descriptors to wait for", MM_QUIC_WATCHES);
    quic->watches[at] = (struct mm_quic_watch){-1, ready, context};
    if (await(quic, EPOLL_CTL_ADD, fd, WATCH_BIT | at, false, diags) < 0)
        return -1;
    quic->watches[at].fd = fd;
    return 0;
}

void mm_quic_every(struct mm_quic *quic, uint32_t milliseconds, void (*tick)(void *context), void *context)
{
    quic->tick = tick;
    quic->tick_context = context;
    quic->tick_every = milliseconds * MM_QUIC_MILLISECOND;
    quic->tick_due = tick && milliseconds ? mm_quic_clock(quic) + quic->tick_every : MM_QUIC_NEVER;
}

int mm_quic_fd(const struct mm_quic *quic)
{
    return quic->epoll;
}

/* ---- the loop ---- */

/* Nanoseconds until something is to be done without a datagram. */
static uint64_t idle_time(const struct mm_quic *quic)
{
    uint64_t due = quic->heap_count ? quic->heap[0]->due : MM_QUIC_NEVER;
    if (quic->woken && !quic->full)
        return 0;
    if (quic->tick_due < due)
        due = quic->tick_due;
    return due == MM_QUIC_NEVER ? MM_QUIC_NEVER : due <= quic->now ? 0 : due - quic->now;
}

int mm_quic_timeout(const struct mm_quic *quic)
{
    uint64_t passed = read_clock() - quic->now, left = idle_time(quic);
    if (left == MM_QUIC_NEVER)
        return -1;
    left = left > passed ? left - passed + MM_QUIC_MILLISECOND - 1 : 0;
    return left / MM_QUIC_MILLISECOND > 3600000 ? 3600000 : (int)(left / MM_QUIC_MILLISECOND);
}

/* Waits with the precision of pacing where the kernel can. */
static int await_events(struct mm_quic *quic, struct epoll_event *events, uint64_t nanoseconds)
{
    struct timespec time = {.tv_sec = (time_t)(nanoseconds / NGTCP2_SECONDS),
                            .tv_nsec = (long)(nanoseconds % NGTCP2_SECONDS)};
    int count = epoll_pwait2(quic->epoll, events, EVENTS, nanoseconds == MM_QUIC_NEVER ? NULL : &time, NULL);
    if (count >= 0 || (errno != ENOSYS && errno != EPERM))
        return count;
    uint64_t left = nanoseconds == MM_QUIC_NEVER ? 0 : (nanoseconds + MM_QUIC_MILLISECOND - 1) / MM_QUIC_MILLISECOND;
    return epoll_wait(quic->epoll, events, EVENTS,
                      nanoseconds == MM_QUIC_NEVER ? -1
                      : left > 3600000             ? 3600000
                                                   : (int)left);
}

/* From now on the socket that is FULL is waited for, or none. */
static void set_full(struct mm_quic *quic, struct mm_udp *full)
{
    struct mm_diags unheard;
    mm_diags_init(&unheard);
    for (size_t i = 0; i < quic->socket_count; i++)
        if (quic->sockets[i] == quic->full || quic->sockets[i] == full)
            (void)await(quic, EPOLL_CTL_MOD, quic->sockets[i]->fd, i, quic->sockets[i] == full, &unheard);
    mm_diags_release(&unheard);
    quic->full = full;
}

/* Sends what was written. Where everything went out, everybody who had no room may go on. */
static void flush(struct mm_quic *quic)
{
    struct mm_udp *full = mm_udp_send(quic->outbox);
    if (full != quic->full)
        set_full(quic, full);
    if (full || !quic->starved)
        return;
    quic->starved = false;
    for (size_t i = 0; i < quic->heap_count; i++)
        mm_quic_wake(quic->heap[i]);
}

static void take_event(struct mm_quic *quic, const struct epoll_event *event)
{
    uint64_t name = event->data.u64;
    if (name & WATCH_BIT) {
        struct mm_quic_watch *watch = &quic->watches[name & ~WATCH_BIT];
        if (watch->fd >= 0)
            watch->ready(watch->context);
        return;
    }
    struct mm_udp *udp = quic->sockets[name];
    if (event->events & EPOLLOUT)
        flush(quic);
    for (int i = 0; i < BATCHES && event->events & (EPOLLIN | EPOLLERR); i++) {
        mm_quic_clock(quic);
        if (mm_udp_receive(udp, quic->inbox, mm_quic_arrive, quic) == 0)
            break;
    }
}

/* Those that were due or woken at this moment; who is so again afterwards comes next time. */
static void serve_connections(struct mm_quic *quic)
{
    for (size_t count = quic->heap_count; count > 0 && quic->heap_count > 0 && quic->heap[0]->due <= quic->now;
         count--) {
        struct mm_quic_connection *connection = quic->heap[0];
        mm_quic_set_due(connection, MM_QUIC_NEVER);
        mm_quic_expire(connection);
    }
    for (size_t count = quic->woken_count; count > 0 && quic->woken; count--) {
        struct mm_quic_connection *connection = quic->woken;
        mm_quic_unwake(connection);
        mm_quic_write(connection);
    }
}

int mm_quic_run(struct mm_quic *quic, int timeout, struct mm_diags *diags)
{
    struct epoll_event events[EVENTS];
    mm_quic_clock(quic);
    uint64_t wait = idle_time(quic), most = timeout < 0 ? MM_QUIC_NEVER : (uint64_t)timeout * MM_QUIC_MILLISECOND;
    int count = await_events(quic, events, wait < most ? wait : most);
    if (count < 0 && errno != EINTR)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot wait for datagrams", errno);
    mm_quic_clock(quic);
    for (int i = 0; i < count; i++)
        take_event(quic, &events[i]);
    if (quic->tick_due <= quic->now) {
        quic->tick_due = quic->now + quic->tick_every;
        quic->tick(quic->tick_context);
    }
    serve_connections(quic);
    flush(quic);
    return 0;
}

void mm_quic_counts(const struct mm_quic *quic, struct mm_quic_counts *counts)
{
    *counts = quic->counts;
}
