/* The local network, by multicast DNS (avahi-core, no daemon needed; one beside it is no harm). What comes from there is parsed by a process of its
 * own, forked before any secret was read: it has no files, no keys, and no way to say more than the messages below. So whatever becomes of
 * it, whoever asked goes on. */
#ifndef MM_PEER_LAN_H
#define MM_PEER_LAN_H

#include <sys/types.h>

#include "base/diag.h"
#include "exchange/discovery.h"

#define MM_LAN_ADDRESSES 8

struct mm_lan {
    int fd; /* to wait at; -1: there is no such process */
    pid_t process;
};
#define MM_LAN_NONE ((struct mm_lan){-1, -1})

/* A peer that listens at PORT of every address of a family, or of those that are named. */
struct mm_lan_announcement {
    unsigned char key[MM_PEER_KEY_BYTES];
    uint16_t port;
    bool ipv4, ipv6; /* every address */
    size_t count;    /* of addresses that are named; 0 where IPV4 or IPV6 is true */
    struct mm_lan_address {
        unsigned char is_ipv6, bytes[16];
    } addresses[MM_LAN_ADDRESSES];
};

/* Starts the process that will announce something; nothing is sent yet. The calling process has one thread. Returns 0, or -1 with IO_OPEN,
 * also where this was built without avahi-core, and LAN as MM_LAN_NONE. */
int mm_lan_announcer(struct mm_lan *lan, struct mm_diags *diags);

/* Has it announce WHAT, until mm_lan_end or the end of this process. Returns 0, or -1 with IO_WRITE. */
int mm_lan_announce(struct mm_lan *lan, const struct mm_lan_announcement *what, struct mm_diags *diags);

/* To be called when FD is readable. Returns 1 where it says that it has announced, 0 where there is nothing, and -1 with IO_OPEN where it could
 * not or is no more; then it has been ended. */
int mm_lan_announced(struct mm_lan *lan, struct mm_diags *diags);

/* Starts the process that looks for peers, until mm_lan_end. Conditions and results as for mm_lan_announcer. */
int mm_lan_browser(struct mm_lan *lan, struct mm_diags *diags);

/* Waits at most TIMEOUT milliseconds for the next address. Returns 1 and it in FOUND, which need not be sound; 0 where none came; -1 with IO_READ where
 * it could not look, or is no more; then it has been ended. */
int mm_lan_found(struct mm_lan *lan, int timeout, struct mm_discovered *found, struct mm_diags *diags);

/* Takes back what was announced and ends the process, for which it waits a second at most. */
void mm_lan_end(struct mm_lan *lan);

#endif
