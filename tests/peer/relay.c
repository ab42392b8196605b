#include "relay.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define DATAGRAM 65536
#define HEADERS 28 /* bytes of IPv4 and UDP */

_Static_assert(sizeof(struct sockaddr_in) <= LINE_LABEL, "a packet knows where it goes");

struct flow {
    int fd; /* towards the server */
    struct sockaddr_in client;
};

struct relay {
    struct line *line;
    int epoll, front;
    uint16_t port;
    struct sockaddr_in server;
    struct flow flows[RELAY_FLOWS];
    size_t flow_count, first_flow; /* those before FIRST_FLOW are forgotten for clients, and drained */
    unsigned char buffer[DATAGRAM];
};

static void die(const char *what)
{
    perror(what);
    exit(3);
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
    relay->line = line_new();
    relay->front = open_socket(port, &relay->port);
    relay->server = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(server)};
    await(relay, relay->front, RELAY_FLOWS);
    return relay;
}

void relay_free(struct relay *relay)
{
    for (size_t i = 0; i < relay->flow_count; i++)
        close(relay->flows[i].fd);
    close(relay->front);
    close(relay->epoll);
    line_free(relay->line);
    free(relay);
}

uint16_t relay_port(const struct relay *relay)
{
    return relay->port;
}

struct line_kind *relay_line(struct relay *relay)
{
    return line_kind(relay->line);
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
    line_counts(relay->line, came, dropped);
}

/* Puts the datagram of LENGTH bytes in the buffer on the line. */
static void pass(struct relay *relay, bool to_server, int fd, const struct sockaddr_in *to, size_t length)
{
    struct line_packet packet = {.fd = fd, .bytes = relay->buffer, .length = length};
    memcpy(packet.label, to, sizeof *to);
    line_put(relay->line, to_server, &packet, HEADERS);
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
    struct line_packet packet;
    uint64_t left;
    while (line_take(relay->line, &packet, &left))
        (void)sendto(packet.fd, packet.bytes, packet.length, 0, (struct sockaddr *)packet.label,
                     sizeof(struct sockaddr_in));
    return left;
}
