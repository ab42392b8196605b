/* Who a peer is, and where (peer.md): a peer id is the lower-case base32 of its Ed25519 key, an address says where it listens. */
#ifndef MM_EXCHANGE_PEER_ID_H
#define MM_EXCHANGE_PEER_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/diag.h"

#define MM_PEER_KEY_BYTES 32
#define MM_PEER_ID_LENGTH 52 /* five bits a character; four bits of the last one are spare */
#define MM_PEER_ID_TEXT (MM_PEER_ID_LENGTH + 1)
#define MM_PEER_HOST_MAX 253    /* a DNS name at most */
#define MM_PEER_ADDRESS_MAX 330 /* characters of an address, brackets and port included */
#define MM_PEER_SCHEME "h3://"

/* The id of KEY. Returns OUT. */
const char *mm_peer_id_write(char out[static MM_PEER_ID_TEXT], const unsigned char key[static MM_PEER_KEY_BYTES]);

/* True if TEXT is the id of a sound key (trust/minisign.h): 52 characters of a-z and 2-7, the spare bits zero. Otherwise KEY holds
 * nothing of use. */
bool mm_peer_id_read(const char *text, size_t length, unsigned char key[static MM_PEER_KEY_BYTES]);

struct mm_peer_address {
    char host[MM_PEER_HOST_MAX + 1]; /* a name in lower case or an IPv4 or IPv6 address, without brackets */
    bool is_ipv6;
    uint16_t port; /* from 1 */
    unsigned char key[MM_PEER_KEY_BYTES];
};

/* Reads h3://HOST:PORT#PEERID, an IPv6 HOST in brackets and without a zone. Returns 0, or -1 with PEER_ADDRESS. */
int mm_peer_address_read(struct mm_peer_address *address, const char *text, size_t length, struct mm_diags *diags);

/* Appends the address. */
void mm_peer_address_write(const struct mm_peer_address *address, struct mm_buf *out);

#endif
