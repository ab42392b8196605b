#include "relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LATE 3000000ull
#define DATAGRAM 65536

struct waiting {
    uint64_t due, order;
    int fd;
    struct sockaddr_in to;
    size_t length;
    unsigned char *bytes;
};

struct flow {
    int fd; /* towards the server */
    struct sockaddr_in client;
};

struct relay {
    struct relay_line line;
    int epoll, front;
    uint16_t port;
    struct sockaddr_in server;
    struct flow flows[RELAY_FLOWS];
    size_t flow_count, first_flow; /* those before FIRST_FLOW are forgotten for clients, and drained */
    struct waiting *queue;         /* a heap by DUE, then ORDER */
    size_t count, capacity;
    uint64_t order, free_at[2], came, dropped;
    unsigned char buffer[DATAGRAM];
};

static void die(const char *what)
{
    perror(what);
    exit(3);
}

static uint64_t clock_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint32_t chance(struct relay *relay)
{
    relay->line.seed = relay->line.seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((relay->line.seed >> 33) % 10000);
}

static int open_socket(uint16_t port, uint16_t *bound)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    socklen_t length = sizeof at;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), size = 8 * 1024 * 1024;
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &length) < 0)
        die("relay");
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if (bound)
        *bound = ntohs(at.sin_port);
    return fd;
}

static void await(struct relay *relay, int fd, uint64_t name)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = name};
    if (epoll_ctl(relay->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        die("relay");
}

struct relay *relay_new(uint16_t port, uint16_t server)
{
    struct relay *relay = calloc(1, sizeof *relay);
    if (!relay || (relay->epoll = epoll_create1(EPOLL_CLOEXEC)) < 0)
        die("relay");
    relay->line.seed = 1;
    relay->front = open_socket(port, &relay->port);
    relay->server = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(server)};
    await(relay, relay->front, RELAY_FLOWS);
    return relay;
}

void relay_free(struct relay *relay)
{
    for (size_t i = 0; i < relay->count; i++)
        free(relay->queue[i].bytes);
    for (size_t i = 0; i < relay->flow_count; i++)
        close(relay->flows[i].fd);
    close(relay->front);
    close(relay->epoll);
    free(relay->queue);
    free(relay);
}

uint16_t relay_port(const struct relay *relay)
{
    return relay->port;
}

struct relay_line *relay_line(struct relay *relay)
{
    return &relay->line;
}

void relay_forget(struct relay *relay)
{
    relay->first_flow = relay->flow_count;
}

int relay_fd(const struct relay *relay)
{
    return relay->epoll;
}

void relay_counts(const struct relay *relay, uint64_t *came, uint64_t *dropped)
{
    *came = relay->came;
    *dropped = relay->dropped;
}

static bool before(const struct waiting *a, const struct waiting *b)
{
    return a->due != b->due ? a->due < b->due : a->order < b->order;
}

static void enqueue(struct relay *relay, struct waiting waiting)
{
    size_t at = relay->count++;
    if (relay->count > relay->capacity) {
        relay->capacity = relay->capacity ? 2 * relay->capacity : 256;
        relay->queue = realloc(relay->queue, relay->capacity * sizeof *relay->queue);
        if (!relay->queue)
            die("relay");
    }
    for (; at > 0 && before(&waiting, &relay->queue[(at - 1) / 2]); at = (at - 1) / 2)
        relay->queue[at] = relay->queue[(at - 1) / 2];
    relay->queue[at] = waiting;
}

static struct waiting dequeue(struct relay *relay)
{
    struct waiting first = relay->queue[0], last = relay->queue[--relay->count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < relay->count; at = child) {
        if (child + 1 < relay->count && before(&relay->queue[child + 1], &relay->queue[child]))
            child++;
        if (before(&last, &relay->queue[child]))
            break;
        relay->queue[at] = relay->queue[child];
    }
    relay->queue[at] = last;
    return first;
}

/* What becomes of a datagram of LENGTH bytes in the buffer. */
static void pass(struct relay *relay, bool to_server, int fd, const struct sockaddr_in *to, size_t length)
{
    const struct relay_line *line = &relay->line;
    uint64_t now = clock_now(), due = now, *free_at = &relay->free_at[to_server];
    bool lost = chance(relay) < line->loss, late = chance(relay) < line->late;
    bool mangled = chance(relay) < line->mangled;
    relay->came++;
    if (line->rate) {
        uint64_t most = line->queue ? line->queue : line->rate / 10;
        uint64_t backlog = *free_at > now ? (*free_at - now) / 1000 * line->rate / 1000000 : 0;
        lost = lost || backlog + length > most;
        due = *free_at > now ? *free_at : now;
    }
    if (lost || line->cut || (line->largest && length > line->largest)) {
        relay->dropped++;
        return;
    }
    if (line->rate) {
        due += (length + 28) * 1000000000u / line->rate;
        *free_at = due;
    }
    struct waiting waiting = {
        due + line->delay + (late ? LATE : 0), relay->order++, fd, *to, length, malloc(length ? length : 1)};
    if (!waiting.bytes)
        die("relay");
    memcpy(waiting.bytes, relay->buffer, length);
    if (mangled && length)
        waiting.bytes[relay->came % length] ^= (unsigned char)(1u << (relay->came / length % 8));
    enqueue(relay, waiting);
}

static struct flow *flow_of(struct relay *relay, const struct sockaddr_in *client)
{
    for (size_t i = relay->first_flow; i < relay->flow_count; i++)
        if (relay->flows[i].client.sin_port == client->sin_port)
            return &relay->flows[i];
    if (relay->flow_count == RELAY_FLOWS)
        return NULL;
    struct flow *flow = &relay->flows[relay->flow_count];
    *flow = (struct flow){open_socket(0, NULL), *client};
    await(relay, flow->fd, relay->flow_count++);
    return flow;
}

static void take(struct relay *relay, uint64_t name)
{
    struct sockaddr_in from;
    int fd = name == RELAY_FLOWS ? relay->front : relay->flows[name].fd;
    for (int i = 0; i < 256; i++) {
        socklen_t length = sizeof from;
        ssize_t got = recvfrom(fd, relay->buffer, sizeof relay->buffer, 0, (struct sockaddr *)&from, &length);
        if (got < 0)
            return;
        if (name != RELAY_FLOWS) {
            if (name >= relay->first_flow)
                pass(relay, false, relay->front, &relay->flows[name].client, (size_t)got);
            continue;
        }
        struct flow *flow = flow_of(relay, &from);
        if (flow)
            pass(relay, true, flow->fd, &relay->server, (size_t)got);
    }
}

uint64_t relay_run(struct relay *relay)
{
    struct epoll_event events[32];
    int count = epoll_wait(relay->epoll, events, 32, 0);
    for (int i = 0; i < count; i++)
        take(relay, events[i].data.u64);
    uint64_t now = clock_now();
    while (relay->count && relay->queue[0].due <= now) {
        struct waiting waiting = dequeue(relay);
        (void)sendto(waiting.fd, waiting.bytes, waiting.length, 0, (struct sockaddr *)&waiting.to, sizeof waiting.to);
        free(waiting.bytes);
    }
    return relay->count ? relay->queue[0].due - now : RELAY_NEVER;
}
