#include <avahi-common/error.h>
#include <avahi-common/malloc.h>
#include <avahi-core/log.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/sandbox.h"
#include "peer/lan_parts.h"

#define CACHE_ENTRIES 1024 /* of each interface: records that others have */
#define PATIENCE 100       /* times 10 ms, for the process to end */

/* ---- in the process: what it says ---- */

void mm_lan_say(struct mm_lan_work *work, const struct mm_lan_message *message)
{
    while (send(work->fd, message, sizeof *message, MSG_NOSIGNAL) < 0 && errno == EINTR)
        ;
}

void mm_lan_fail(struct mm_lan_work *work, const char *what, int error)
{
    struct mm_lan_message message = {.kind = MM_LAN_FAILED};
    snprintf(message.text, sizeof message.text, "%s: %s", what, avahi_strerror(error));
    mm_lan_say(work, &message);
    if (work->poll)
        avahi_simple_poll_quit(work->poll);
}

/* ---- in the process: its server and its loop ---- */

int mm_lan_serve(struct mm_lan_work *work, AvahiServerConfig *config, AvahiServerCallback callback)
{
    int error = AVAHI_ERR_NO_MEMORY;
    config->publish_hinfo = config->publish_workstation = config->publish_domain = 0;
    config->enable_wide_area = config->enable_reflector = config->add_service_cookie = 0;
    config->disallow_other_stacks = 0;
    config->n_cache_entries_max = CACHE_ENTRIES;
    config->deny_interfaces = avahi_string_list_add(config->deny_interfaces, "lo");
    work->poll = avahi_simple_poll_new();
    work->server = work->poll && config->deny_interfaces
                       ? avahi_server_new(avahi_simple_poll_get(work->poll), config, callback, work, &error)
                       : NULL;
    if (work->server)
        return 0;
    mm_lan_fail(work, "multicast DNS", error);
    return -1;
}

/* The other side says nothing more: what can be read is its end. */
static void gone(AvahiWatch *watch, int fd, AvahiWatchEvent event, void *context)
{
    struct mm_lan_work *work = context;
    (void)watch, (void)fd, (void)event;
    avahi_simple_poll_quit(work->poll);
}

void mm_lan_run(struct mm_lan_work *work)
{
    const AvahiPoll *api = avahi_simple_poll_get(work->poll);
    AvahiWatch *watch = api->watch_new(api, work->fd, AVAHI_WATCH_IN | AVAHI_WATCH_HUP, gone, work);
    if (!watch)
        mm_lan_fail(work, "multicast DNS", AVAHI_ERR_NO_MEMORY);
    while (watch && avahi_simple_poll_iterate(work->poll, -1) == 0)
        ;
    if (watch)
        api->watch_free(watch);
}

static void say_nothing(AvahiLogLevel level, const char *text)
{
    (void)level, (void)text;
}

/* Leaves the process with nothing but FD, and with no signal but those that nobody can pass over: the other side's end is its own. */
static int shed(int fd, pid_t parent)
{
    struct mm_diags unheard;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int stream = 0; stream <= 2 && null >= 0; stream++)
        if (dup2(null, stream) < 0)
            return -1;
    if (fd > 3)
        (void)close_range(3, (unsigned)fd - 1, 0);
    (void)close_range((unsigned)fd + 1, ~0u, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (null < 0 || getppid() != parent)
        return -1;
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    mm_diags_init(&unheard);
    int result = mm_sandbox_enter(NULL, 0, &unheard);
    mm_diags_release(&unheard);
    return result;
}

static _Noreturn void become(int fd, pid_t parent, void (*does)(struct mm_lan_work *work))
{
    struct mm_lan_work work = {.fd = fd};
    avahi_set_log_function(say_nothing);
    if (shed(fd, parent) == 0)
        does(&work);
    _exit(0);
}

/* ---- the other side ---- */

static int begin(struct mm_lan *lan, void (*does)(struct mm_lan_work *work), struct mm_diags *diags)
{
    int ends[2];
    pid_t parent = getpid();
    *lan = MM_LAN_NONE;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot speak with a process for the local network", errno);
    lan->process = fork();
    if (lan->process == 0) {
        close(ends[0]);
        become(ends[1], parent, does);
    }
    int error = errno;
    close(ends[1]);
    lan->fd = ends[0];
    if (lan->process > 0)
        return 0;
    mm_lan_end(lan);
    return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot have a process for the local network", error);
}

int mm_lan_announcer(struct mm_lan *lan, struct mm_diags *diags)
{
    return begin(lan, mm_lan_announce_work, diags);
}

int mm_lan_browser(struct mm_lan *lan, struct mm_diags *diags)
{
    return begin(lan, mm_lan_browse_work, diags);
}

int mm_lan_announce(struct mm_lan *lan, const struct mm_lan_announcement *what, struct mm_diags *diags)
{
    if (send(lan->fd, what, sizeof *what, MSG_NOSIGNAL) == (ssize_t)sizeof *what)
        return 0;
    return mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot speak with the process for the local network", errno);
}

/* Takes a message if there is one. Returns 1, 0, or -1 with RULE after the process has failed or gone. */
static int hear(struct mm_lan *lan, struct mm_lan_message *message, enum mm_rule rule, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    ssize_t length = recv(lan->fd, message, sizeof *message, MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (length == (ssize_t)sizeof *message && message->kind != MM_LAN_FAILED)
        return 1;
    if (length == (ssize_t)sizeof *message)
        mm_diag(diags, rule, "the local network: %s",
                mm_show(shown, message->text, strnlen(message->text, sizeof message->text)));
    else
        mm_diag(diags, rule, "the process for the local network has ended");
    mm_lan_end(lan);
    return -1;
}

int mm_lan_announced(struct mm_lan *lan, struct mm_diags *diags)
{
    struct mm_lan_message message;
    return hear(lan, &message, MM_RULE_IO_OPEN, diags);
}

int mm_lan_found(struct mm_lan *lan, int timeout, struct mm_discovered *found, struct mm_diags *diags)
{
    struct pollfd wait = {.fd = lan->fd, .events = POLLIN};
    struct mm_lan_message message;
    int ready = poll(&wait, 1, timeout);
    if (ready < 0 && errno != EINTR)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot wait for the local network", errno);
    int result = ready > 0 ? hear(lan, &message, MM_RULE_IO_READ, diags) : 0;
    if (result > 0)
        *found = message.found;
    return result;
}

void mm_lan_end(struct mm_lan *lan)
{
    const struct timespec moment = {.tv_nsec = 10000000};
    if (lan->fd >= 0)
        close(lan->fd);
    /* one that does not end by itself is killed by the kernel when this process ends */
    for (int i = 0; lan->process > 0 && i < PATIENCE && waitpid(lan->process, NULL, WNOHANG) == 0; i++)
        nanosleep(&moment, NULL);
    *lan = MM_LAN_NONE;
}
