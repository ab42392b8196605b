/* UDP as QUIC wants it: many datagrams a system call in both directions (recvmmsg, sendmmsg, and where the kernel has them GRO and
 * GSO), the address that a datagram came to, its ECN mark, no fragmentation, large buffers. */
#ifndef MM_PEER_UDP_H
#define MM_PEER_UDP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/diag.h"

#define MM_UDP_PAYLOAD_MAX 65507 /* over IPv4 */
#define MM_UDP_BATCH_MAX 65000   /* bytes of datagrams that are sent as one message */
#define MM_UDP_SEGMENTS_MAX 64   /* datagrams in it; the kernel's limit */
#define MM_UDP_TEXT 64           /* "[address]:port" and NUL */

union mm_udp_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Takes what FROM of LENGTH bytes says. Returns false for a family other than IPv4 and IPv6. */
bool mm_udp_address(union mm_udp_address *address, const struct sockaddr *from, socklen_t length);

/* Bytes of ADDRESS that its family uses. */
socklen_t mm_udp_address_length(const union mm_udp_address *address);

/* As it is written, numbers only. Returns OUT. */
const char *mm_udp_text(char out[static MM_UDP_TEXT], const union mm_udp_address *address);

struct mm_udp {
    int fd;
    union mm_udp_address local; /* with the port that was bound; a wildcard stays one */
    bool wildcard;
    bool segments; /* the kernel cuts a message into datagrams (GSO) */
};

/* A socket bound to LOCAL (port 0: any free one), IPv6 sockets for IPv6 alone. Returns 0, or -1 with IO_OPEN and nothing to close. */
int mm_udp_open(struct mm_udp *udp, const union mm_udp_address *local, struct mm_diags *diags);
void mm_udp_close(struct mm_udp *udp);

/* ---- receiving ---- */

struct mm_udp_datagram {
    union mm_udp_address from, to; /* TO with the socket's port */
    const unsigned char *bytes;
    size_t length;
    uint8_t ecn; /* the two bits */
};

struct mm_udp_inbox; /* buffers of one batch */

/* Returns NULL where memory is exhausted. */
struct mm_udp_inbox *mm_udp_inbox_new(void);
void mm_udp_inbox_free(struct mm_udp_inbox *inbox);

/* Takes what is there, one batch at most, and calls EACH for every datagram of it, in order. Never waits. Returns how many bytes there
 * were, 0 for nothing. */
size_t mm_udp_receive(struct mm_udp *udp, struct mm_udp_inbox *inbox,
                      void (*each)(void *context, struct mm_udp *udp, const struct mm_udp_datagram *datagram),
                      void *context);

/* ---- sending ---- */

struct mm_udp_outbox; /* messages on their way to one system call */

/* Returns NULL where memory is exhausted. */
struct mm_udp_outbox *mm_udp_outbox_new(void);
void mm_udp_outbox_free(struct mm_udp_outbox *outbox);

/* Room for two messages, MM_UDP_ROOM bytes in all, or NULL while what was put cannot be sent: then mm_udp_send is called when the socket
 * that it names can be written to. */
#define MM_UDP_ROOM (MM_UDP_BATCH_MAX + MM_UDP_PAYLOAD_MAX)
unsigned char *mm_udp_room(struct mm_udp_outbox *outbox);

/* Puts the LENGTH bytes at BYTES, which stand in the room that was given last: datagrams of SEGMENT bytes, the last one may be shorter.
 * FROM, a local address, is NULL or a wildcard for the kernel's choice. */
void mm_udp_put(struct mm_udp_outbox *outbox, struct mm_udp *udp, const union mm_udp_address *from,
                const union mm_udp_address *to, uint8_t ecn, const unsigned char *bytes, size_t length, size_t segment);

/* Sends what was put. What cannot be sent at all (no route, larger than the path takes) is dropped as a network drops it. Returns NULL, or
 * the socket whose buffer is full; the rest waits. */
struct mm_udp *mm_udp_send(struct mm_udp_outbox *outbox);

/* Forgets what was put for UDP, which is about to be closed. */
void mm_udp_forget(struct mm_udp_outbox *outbox, const struct mm_udp *udp);

#endif
