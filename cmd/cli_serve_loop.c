/* What peer-serve does while it serves: it takes models anew, hears signals, and comes to its end. */
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli_serve.h"

#define FIRST_LOOK (256u << 20) /* bytes of fetches in progress that are looked at before anything is served, */
#define NEXT_LOOK (64u << 20)   /* and each second */
#define RELOAD_SECONDS 2        /* after a fetch in progress has ended: its receipt comes behind its files */
#define DRAIN_SECONDS 30        /* in which what is being sent may be sent to its end */

struct mm_shares *cli_serve_take_shares(struct cli_serve *c)
{
    struct mm_shares *shares = mm_shares_new(c->store.home, &c->wanted, &c->trust.trust, &c->cli.diags);
    c->cli.diags.file = "";
    if (shares)
        mm_shares_look(shares, FIRST_LOOK);
    return shares;
}

static void reload(struct cli_serve *c)
{
    struct mm_shares *shares = cli_serve_take_shares(c);
    if (shares) {
        mm_peer_server_share(c->server, shares);
        mm_shares_drop(c->shares);
        c->shares = shares;
        c->reloads++;
    }
    cli_report(&c->cli);
}

/* ---- signals ---- */

static void on_signal(void *context)
{
    struct cli_serve *c = context;
    struct signalfd_siginfo info;
    while (read(c->signals, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            reload(c);
        } else if (c->stopping) { /* told twice: at once */
            c->drain_until = 0;
        } else {
            cli_serve_end_announcing(c);
            mm_h3_stop(mm_peer_server_h3(c->server));
            c->stopping = true;
            c->drain_until = mm_quic_now(mm_h3_quic(mm_peer_server_h3(c->server))) + DRAIN_SECONDS * MM_SECOND;
        }
    }
}

static void tick(void *context)
{
    struct cli_serve *c = context; /* the time of a drain passes by it too */
    uint64_t now = mm_quic_now(mm_h3_quic(mm_peer_server_h3(c->server)));
    if (mm_shares_look(c->shares, NEXT_LOOK))
        c->reload_at = now + RELOAD_SECONDS * MM_SECOND;
    if (c->reload_at == 0 || now < c->reload_at)
        return;
    c->reload_at = 0;
    reload(c);
}

/* SIGHUP and SIGTERM come as descriptors do; SIGINT ends the process as it always does. */
int cli_serve_watch_signals(struct cli_serve *c)
{
    struct mm_quic *quic = mm_h3_quic(mm_peer_server_h3(c->server));
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    c->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (c->signals < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return mm_diag(&c->cli.diags, MM_RULE_IO_OPEN, "cannot wait for signals");
    mm_quic_every(quic, 1000, tick, c);
    return mm_quic_watch(quic, c->signals, on_signal, c, &c->cli.diags);
}

int cli_serve_run(struct cli_serve *c)
{
    struct mm_h3 *h3 = mm_peer_server_h3(c->server);
    int result = 0;
    while (result == 0 && !mm_h3_drained(h3) && !(c->stopping && mm_quic_now(mm_h3_quic(h3)) >= c->drain_until))
        result = mm_h3_run(h3, -1, &c->cli.diags);
    return result;
}
