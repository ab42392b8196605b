/* In place of lan.c and its parts where avahi-core is missing. */
#include "peer/lan.h"

int mm_lan_announcer(struct mm_lan *lan, struct mm_diags *diags)
{
    *lan = MM_LAN_NONE;
    return mm_diag(diags, MM_RULE_IO_OPEN, "built without avahi-core: nothing can be announced in the local network");
}

int mm_lan_browser(struct mm_lan *lan, struct mm_diags *diags)
{
    *lan = MM_LAN_NONE;
    return mm_diag(diags, MM_RULE_IO_OPEN, "built without avahi-core: nothing can be found in the local network");
}

int mm_lan_announce(struct mm_lan *lan, const struct mm_lan_announcement *what, struct mm_diags *diags)
{
    (void)lan, (void)what, (void)diags;
    return 0;
}

int mm_lan_announced(struct mm_lan *lan, struct mm_diags *diags)
{
    (void)lan, (void)diags;
    return 0;
}

int mm_lan_found(struct mm_lan *lan, int timeout, struct mm_discovered *found, struct mm_diags *diags)
{
    (void)lan, (void)timeout, (void)found, (void)diags;
    return 0;
}

void mm_lan_end(struct mm_lan *lan)
{
    (void)lan;
}
