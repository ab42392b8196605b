/* Peers of the local network, as DNS-SD tells of them (RFC 6763): what an announcement says, and which ones were found. Everything here comes from
 * whoever is in that network. It gives addresses and never trust: a peer is known by its key, which the connection proves. */
#ifndef MM_EXCHANGE_DISCOVERY_H
#define MM_EXCHANGE_DISCOVERY_H

#include "exchange/peer_id.h"

#define MM_DISCOVERY_TYPE "_minimodel._udp"
#define MM_DISCOVERY_KEY "peer-id"     /* of the string in TXT that has the peer id */
#define MM_DISCOVERY_NAME 64           /* an instance's name, 63 bytes at most, and NUL */
#define MM_DISCOVERY_STRING_MAX 255    /* bytes of a string in TXT */
#define MM_DISCOVERY_FOUND 256         /* addresses that are kept; more are counted */
#define MM_DISCOVERY_ADDRESSES_EACH 8u /* of one peer id, so that nobody's many leave no room for others */

/* One address of one instance. Bytes that are not used are 0. */
struct mm_discovered {
    unsigned char key[MM_PEER_KEY_BYTES];
    unsigned char is_ipv6;
    unsigned char address[16]; /* the first four of them for IPv4 */
    uint16_t port;
    char name[MM_DISCOVERY_NAME]; /* any bytes: not to be printed as they are */
};

/* The string that an announcement has in TXT. Returns OUT. */
#define MM_DISCOVERY_TEXT (sizeof MM_DISCOVERY_KEY + MM_PEER_ID_TEXT)
const char *mm_discovery_text(char out[static MM_DISCOVERY_TEXT], const unsigned char key[static MM_PEER_KEY_BYTES]);

/* Reads one string of TXT. Returns 1 and its peer in KEY, 0 for a string of another key, and -1 for a peer id that is none. The
 * name of that key is compared without regard to case; an announcement has one such string. */
int mm_discovery_read(const unsigned char *string, size_t length, unsigned char key[static MM_PEER_KEY_BYTES]);

/* The name of an instance of KEY: of nobody's machine or user. Returns OUT. */
const char *mm_discovery_name(char out[static MM_DISCOVERY_NAME], const unsigned char key[static MM_PEER_KEY_BYTES]);

/* True if FOUND can be what somebody announces: a sound key, a port, an ended name, and an address that a datagram can be sent to from another
 * machine and that can be written without a zone: not of loopback, not of many, not an IPv6 address of a link. */
bool mm_discovered_is_sound(const struct mm_discovered *found);

struct mm_discoveries {
    struct mm_discovered *items;
    size_t count, capacity;
    uint64_t left_out; /* sound ones that there was no room for */
};

/* Takes FOUND in, unless it is not sound or is there already. Returns true if it is new and was taken in; failing memory leaves it out. */
bool mm_discoveries_add(struct mm_discoveries *all, const struct mm_discovered *found);

/* In the order of their peer ids, IPv4 first, then of addresses and ports. */
void mm_discoveries_sort(struct mm_discoveries *all);
void mm_discoveries_release(struct mm_discoveries *all);

/* FOUND as an address of a peer: what mm_peer_address_write takes. */
void mm_discovered_address(const struct mm_discovered *found, struct mm_peer_address *address);

#endif
