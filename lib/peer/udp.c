#include "peer/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define SOCKET_BUFFER (8 * 1024 * 1024)
#define IN_MESSAGES 8
#define IN_BYTES 65536 /* of a message; GRO makes none that is longer */
#define OUT_MESSAGES 16
#define OUT_BYTES (4 * MM_UDP_ROOM) /* of the messages of one call */
#define CONTROL_BYTES 256
#define ECN_BITS 3

bool mm_udp_address(union mm_udp_address *address, const struct sockaddr *from, socklen_t length)
{
    memset(address, 0, sizeof *address);
    if (from->sa_family == AF_INET && length >= sizeof address->v4)
        memcpy(&address->v4, from, sizeof address->v4);
    else if (from->sa_family == AF_INET6 && length >= sizeof address->v6)
        memcpy(&address->v6, from, sizeof address->v6);
    else
        return false;
    return true;
}

socklen_t mm_udp_address_length(const union mm_udp_address *address)
{
    return address->any.sa_family == AF_INET ? sizeof address->v4 : sizeof address->v6;
}

const char *mm_udp_text(char out[static MM_UDP_TEXT], const union mm_udp_address *address)
{
    char text[INET6_ADDRSTRLEN] = "?";
    if (address->any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->v4.sin_addr, text, sizeof text);
        snprintf(out, MM_UDP_TEXT, "%s:%u", text, ntohs(address->v4.sin_port));
    } else {
        inet_ntop(AF_INET6, &address->v6.sin6_addr, text, sizeof text);
        snprintf(out, MM_UDP_TEXT, "[%s]:%u", text, ntohs(address->v6.sin6_port));
    }
    return out;
}

static bool is_wildcard(const union mm_udp_address *address)
{
    return address->any.sa_family == AF_INET ? address->v4.sin_addr.s_addr == htonl(INADDR_ANY)
                                             : IN6_IS_ADDR_UNSPECIFIED(&address->v6.sin6_addr);
}

/* ---- sockets ---- */

static void set(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

/* What a kernel does not know is done without: each of these has a way round, or a price in speed alone. */
static void prepare(struct mm_udp *udp)
{
    int fd = udp->fd, size = SOCKET_BUFFER, gso;
    socklen_t length = sizeof gso;
    /* more than the system's limit where this process may, else the limit */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
        set(fd, SOL_SOCKET, SO_RCVBUF, size);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size) < 0)
        set(fd, SOL_SOCKET, SO_SNDBUF, size);
    if (udp->local.any.sa_family == AF_INET) {
        set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
        set(fd, IPPROTO_IP, IP_PKTINFO, 1);
        set(fd, IPPROTO_IP, IP_RECVTOS, 1);
    } else {
        set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
        set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1);
    }
    set(fd, IPPROTO_UDP, UDP_GRO, 1);
    udp->segments = getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &gso, &length) == 0;
}

int mm_udp_open(struct mm_udp *udp, const union mm_udp_address *local, struct mm_diags *diags)
{
    char text[MM_UDP_TEXT], what[MM_UDP_TEXT + 40];
    socklen_t length = sizeof udp->local;
    int error, on = 1;
    *udp = (struct mm_udp){.fd = -1, .local = *local, .wildcard = is_wildcard(local)};
    udp->fd = socket(local->any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (udp->fd < 0)
        goto failed;
    if (local->any.sa_family == AF_INET6 && setsockopt(udp->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
        goto failed;
    if (bind(udp->fd, &local->any, mm_udp_address_length(local)) < 0 ||
        getsockname(udp->fd, &udp->local.any, &length) < 0)
        goto failed;
    prepare(udp);
    return 0;

failed:
    error = errno;
    mm_udp_close(udp);
    snprintf(what, sizeof what, "cannot have the UDP port %s", mm_udp_text(text, local));
    return mm_diag_errno(diags, MM_RULE_IO_OPEN, what, error);
}

void mm_udp_close(struct mm_udp *udp)
{
    if (udp->fd >= 0)
        close(udp->fd);
    udp->fd = -1;
}

/* ---- receiving ---- */

struct mm_udp_inbox {
    struct mmsghdr messages[IN_MESSAGES];
    struct iovec vectors[IN_MESSAGES];
    union mm_udp_address from[IN_MESSAGES];
    _Alignas(struct cmsghdr) unsigned char control[IN_MESSAGES][CONTROL_BYTES];
    unsigned char bytes[IN_MESSAGES][IN_BYTES];
};

struct mm_udp_inbox *mm_udp_inbox_new(void)
{
    struct mm_udp_inbox *inbox = malloc(sizeof *inbox);
    if (!inbox)
        return NULL;
    memset(inbox->messages, 0, sizeof inbox->messages);
    for (size_t i = 0; i < IN_MESSAGES; i++) {
        inbox->vectors[i] = (struct iovec){inbox->bytes[i], IN_BYTES};
        inbox->messages[i].msg_hdr.msg_iov = &inbox->vectors[i];
        inbox->messages[i].msg_hdr.msg_iovlen = 1;
        inbox->messages[i].msg_hdr.msg_name = &inbox->from[i];
        inbox->messages[i].msg_hdr.msg_control = inbox->control[i];
    }
    return inbox;
}

void mm_udp_inbox_free(struct mm_udp_inbox *inbox)
{
    free(inbox);
}

/* What the kernel says beside a message: where it came to, its mark, and how long each datagram is; *SEGMENT stays where there is one. */
static void read_control(struct msghdr *header, struct mm_udp_datagram *datagram, size_t *segment)
{
    for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at; at = CMSG_NXTHDR(header, at)) {
        const unsigned char *data = CMSG_DATA(at);
        int number;
        if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, data, sizeof info);
            datagram->to.v4.sin_addr = info.ipi_addr;
        } else if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, data, sizeof info);
            datagram->to.v6.sin6_addr = info.ipi6_addr;
            if (IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr))
                datagram->to.v6.sin6_scope_id = info.ipi6_ifindex;
        } else if (at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_TOS) {
            datagram->ecn = *data & ECN_BITS;
        } else if (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_TCLASS) {
            memcpy(&number, data, sizeof number);
            datagram->ecn = (uint8_t)(number & ECN_BITS);
        } else if (at->cmsg_level == IPPROTO_UDP && at->cmsg_type == UDP_GRO) {
            memcpy(&number, data, sizeof number);
            if (number > 0)
                *segment = (size_t)number;
        }
    }
}

size_t mm_udp_receive(struct mm_udp *udp, struct mm_udp_inbox *inbox,
                      void (*each)(void *context, struct mm_udp *udp, const struct mm_udp_datagram *datagram),
                      void *context)
{
    size_t bytes = 0;
    for (size_t i = 0; i < IN_MESSAGES; i++) {
        inbox->messages[i].msg_hdr.msg_namelen = sizeof inbox->from[i];
        inbox->messages[i].msg_hdr.msg_controllen = CONTROL_BYTES;
    }
    int count = recvmmsg(udp->fd, inbox->messages, IN_MESSAGES, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++) {
        struct msghdr *header = &inbox->messages[i].msg_hdr;
        size_t left = inbox->messages[i].msg_len, segment = left;
        struct mm_udp_datagram datagram = {.to = udp->local, .bytes = inbox->bytes[i]};
        if (left == 0 || header->msg_flags & MSG_TRUNC ||
            !mm_udp_address(&datagram.from, &inbox->from[i].any, header->msg_namelen))
            continue;
        read_control(header, &datagram, &segment);
        bytes += left;
        for (; left > 0; left -= datagram.length, datagram.bytes += datagram.length) {
            datagram.length = left < segment ? left : segment;
            each(context, udp, &datagram);
        }
    }
    return bytes;
}

/* ---- sending ---- */

struct message {
    struct mm_udp *udp;
    union mm_udp_address from, to;
    size_t start, length, segment;
    uint8_t ecn;
    bool has_from;
};

struct mm_udp_outbox {
    size_t count, sent; /* messages; the first SENT of them are gone */
    size_t used;        /* of BYTES */
    struct message messages[OUT_MESSAGES];
    struct mmsghdr headers[OUT_MESSAGES];
    struct iovec vectors[OUT_MESSAGES];
    _Alignas(struct cmsghdr) unsigned char control[OUT_MESSAGES][CONTROL_BYTES];
    unsigned char bytes[OUT_BYTES];
};

struct mm_udp_outbox *mm_udp_outbox_new(void)
{
    struct mm_udp_outbox *outbox = malloc(sizeof *outbox);
    if (outbox)
        outbox->count = outbox->sent = outbox->used = 0;
    return outbox;
}

void mm_udp_outbox_free(struct mm_udp_outbox *outbox)
{
    free(outbox);
}

static bool is_full(const struct mm_udp_outbox *outbox)
{
    return outbox->count + 2 > OUT_MESSAGES || OUT_BYTES - outbox->used < MM_UDP_ROOM;
}

unsigned char *mm_udp_room(struct mm_udp_outbox *outbox)
{
    if (is_full(outbox))
        mm_udp_send(outbox);
    return is_full(outbox) ? NULL : outbox->bytes + outbox->used;
}

void mm_udp_put(struct mm_udp_outbox *outbox, struct mm_udp *udp, const union mm_udp_address *from,
                const union mm_udp_address *to, uint8_t ecn, const unsigned char *bytes, size_t length, size_t segment)
{
    struct message *message = &outbox->messages[outbox->count++];
    *message = (struct message){.udp = udp,
                                .to = *to,
                                .start = (size_t)(bytes - outbox->bytes),
                                .length = length,
                                .segment = segment,
                                .ecn = ecn};
    outbox->used = message->start + length;
    if (from && !is_wildcard(from)) {
        message->from = *from;
        message->has_from = true;
    }
}

static struct cmsghdr *add_control(struct msghdr *header, struct cmsghdr *at, int level, int type, const void *data,
                                   size_t size)
{
    at->cmsg_level = level;
    at->cmsg_type = type;
    at->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(at), data, size);
    header->msg_controllen += CMSG_SPACE(size);
    return (struct cmsghdr *)(void *)((unsigned char *)at + CMSG_SPACE(size));
}

/* The header of LENGTH bytes at OFFSET of MESSAGE, in datagrams of its segment where CUT. */
static void make_header(struct mm_udp_outbox *outbox, size_t index, size_t offset, size_t length, bool cut)
{
    struct message *message = &outbox->messages[index];
    struct msghdr *header = &outbox->headers[index].msg_hdr;
    struct cmsghdr *at = (struct cmsghdr *)(void *)outbox->control[index];
    bool v4 = message->to.any.sa_family == AF_INET;
    int ecn = message->ecn;
    memset(outbox->control[index], 0, CONTROL_BYTES);
    outbox->vectors[index] = (struct iovec){outbox->bytes + message->start + offset, length};
    *header = (struct msghdr){.msg_name = &message->to,
                              .msg_namelen = mm_udp_address_length(&message->to),
                              .msg_iov = &outbox->vectors[index],
                              .msg_iovlen = 1,
                              .msg_control = at};
    if (message->has_from && v4) {
        struct in_pktinfo info = {.ipi_spec_dst = message->from.v4.sin_addr};
        at = add_control(header, at, IPPROTO_IP, IP_PKTINFO, &info, sizeof info);
    } else if (message->has_from) {
        struct in6_pktinfo info = {.ipi6_addr = message->from.v6.sin6_addr,
                                   .ipi6_ifindex = message->from.v6.sin6_scope_id};
        at = add_control(header, at, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof info);
    }
    if (ecn)
        at = add_control(header, at, v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_TOS : IPV6_TCLASS, &ecn, sizeof ecn);
    if (cut && length > message->segment) {
        uint16_t segment = (uint16_t)message->segment;
        add_control(header, at, IPPROTO_UDP, UDP_SEGMENT, &segment, sizeof segment);
    }
    if (header->msg_controllen == 0)
        header->msg_control = NULL;
}

/* One datagram after another. Returns false where the socket's buffer is full; what is sent is taken off the message. */
static bool send_singly(struct mm_udp_outbox *outbox, size_t index)
{
    struct message *message = &outbox->messages[index];
    while (message->length > 0) {
        size_t length = message->length < message->segment ? message->length : message->segment;
        make_header(outbox, index, 0, length, false);
        if (sendmsg(message->udp->fd, &outbox->headers[index].msg_hdr, MSG_DONTWAIT) < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK)
                return false;
            if (errno == EINTR)
                continue;
        }
        message->start += length;
        message->length -= length;
    }
    return true;
}

/* The messages from FIRST on that go through one socket as they are. */
static size_t run_of(const struct mm_udp_outbox *outbox, size_t first)
{
    const struct mm_udp *udp = outbox->messages[first].udp;
    size_t end = first;
    while (end < outbox->count && outbox->messages[end].udp == udp &&
           (udp->segments || outbox->messages[end].length <= outbox->messages[end].segment))
        end++;
    return end - first;
}

struct mm_udp *mm_udp_send(struct mm_udp_outbox *outbox)
{
    while (outbox->sent < outbox->count) {
        size_t first = outbox->sent, run = run_of(outbox, first);
        struct message *message = &outbox->messages[first];
        for (size_t i = first; i < first + run; i++)
            make_header(outbox, i, 0, outbox->messages[i].length, true);
        int sent = run ? sendmmsg(message->udp->fd, outbox->headers + first, (unsigned)run, MSG_DONTWAIT) : 0;
        if (sent > 0) {
            outbox->sent += (size_t)sent;
            continue;
        }
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return message->udp;
        /* a device without checksums of its own cannot cut messages; others cannot cut these, whose path has narrowed */
        if (sent < 0 && errno == EIO && message->length > message->segment)
            message->udp->segments = false;
        if (message->length > message->segment && !send_singly(outbox, first))
            return message->udp;
        outbox->sent++;
    }
    outbox->count = outbox->sent = outbox->used = 0;
    return NULL;
}

void mm_udp_forget(struct mm_udp_outbox *outbox, const struct mm_udp *udp)
{
    size_t kept = outbox->sent;
    for (size_t i = outbox->sent; i < outbox->count; i++)
        if (outbox->messages[i].udp != udp)
            outbox->messages[kept++] = outbox->messages[i];
    outbox->count = kept;
}
