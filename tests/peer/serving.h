/* Servers of tests: one address on this machine, until a signal says that it is enough. */
#ifndef TESTS_PEER_SERVING_H
#define TESTS_PEER_SERVING_H

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>

#include "base/number.h"
#include "peer/h3.h"

/* "bytes=A-B" with both numbers. */
static inline bool asked_range(const char *text, uint64_t size, uint64_t *from, uint64_t *to)
{
    size_t digits;
    if (strncmp(text, "bytes=", 6) != 0)
        return false;
    text += 6;
    digits = strspn(text, "0123456789");
    if (text[digits] != '-' || !mm_number(text, digits, MM_NUMBER_MAX, from))
        return false;
    text += digits + 1;
    return mm_number(text, strlen(text), MM_NUMBER_MAX, to) && *from <= *to && *to < size;
}

static void stop_serving(void *h3)
{
    mm_h3_stop(h3);
}

/* Serves with H3 (NULL: it could not be made) at LOCAL, told by TELL with its port as soon as it can be reached, until SIGTERM or SIGINT and
 * what is being sent is. Prints what was found, and frees H3 and DIAGS. Returns the exit status. */
static inline int serve_until_told(struct mm_h3 *h3, union mm_udp_address *local,
                                   void (*tell)(const struct mm_peer_identity *identity, unsigned port),
                                   struct mm_peer_identity *identity, struct mm_diags *diags)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK), result = 3;
    if (h3 && mm_quic_listen(mm_h3_quic(h3), local, diags) == 0 &&
        mm_quic_watch(mm_h3_quic(h3), signal_fd, stop_serving, h3, diags) == 0) {
        mm_quic_address(mm_h3_quic(h3), 0, local);
        tell(identity, ntohs(local->v4.sin_port));
        fflush(stdout);
        result = 0;
        while (!mm_h3_drained(h3) && result == 0)
            result = mm_h3_run(h3, -1, diags) < 0 ? 3 : 0;
    }
    for (size_t i = 0; i < diags->count; i++)
        fprintf(stderr, "%s\n", diags->items[i].text);
    mm_h3_free(h3);
    mm_peer_identity_free(identity);
    mm_diags_release(diags);
    return result;
}

#endif
