/* What the parts of lan share: lan.c is the process and what it says, lan_announce.c and lan_browse.c are what it does. */
#ifndef MM_PEER_LAN_PARTS_H
#define MM_PEER_LAN_PARTS_H

#include <avahi-core/core.h>
#include <avahi-common/simple-watch.h>

#include "peer/lan.h"

/* What the process says, in one packet each. */
enum mm_lan_kind { MM_LAN_FAILED = 1, MM_LAN_ANNOUNCED, MM_LAN_FOUND };

#define MM_LAN_TEXT 160
struct mm_lan_message {
    unsigned char kind;
    struct mm_discovered found;
    char text[MM_LAN_TEXT]; /* of what failed */
};

/* The process itself, as its work sees it. */
struct mm_lan_work {
    int fd;
    AvahiSimplePoll *poll;
    AvahiServer *server;
    void *context;
};

/* Says that there is nothing more to do for WHAT and why, and ends the loop. */
void mm_lan_fail(struct mm_lan_work *work, const char *what, int error);
void mm_lan_say(struct mm_lan_work *work, const struct mm_lan_message *message);

/* A server of CONFIG, which has its defaults but for what the work set: no names or records of this machine, no loopback, nothing beyond the link. Returns
 * 0, or -1 after mm_lan_fail. */
int mm_lan_serve(struct mm_lan_work *work, AvahiServerConfig *config, AvahiServerCallback callback);

/* Does what there is to do until the other side is gone. */
void mm_lan_run(struct mm_lan_work *work);

/* The two works, which free what they made, the server too. */
void mm_lan_announce_work(struct mm_lan_work *work);
void mm_lan_browse_work(struct mm_lan_work *work);

#endif
