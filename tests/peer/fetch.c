/* Fetches paths over HTTP/3, all over one connection and at once: a client for servers that others wrote, and for measurements.
 * Usage: fetch ADDRESS PORT KEY|any [-o FILE] [-r RANGE] [--cubic] PATH...
 * Prints "STATUS LENGTH END PATH" for each path, in the order of their ends, and then the rate to standard error. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/number.h"
#include "key.h"
#include "peer/h3.h"

struct fetching {
    size_t left;
    bool lost;
    int out;
};

struct one {
    struct fetching *fetching;
    const char *path;
    int status;
    uint64_t length;
};

static bool head(void *context, int status, const struct mm_h3_header *headers, size_t count)
{
    (void)headers, (void)count;
    ((struct one *)context)->status = status;
    return true;
}

static bool body(void *context, const unsigned char *bytes, size_t length)
{
    struct one *one = context;
    one->length += length;
    return one->fetching->out < 0 || write(one->fetching->out, bytes, length) == (ssize_t)length;
}

static void end(void *context, enum mm_h3_end how)
{
    static const char *const words[] = {"complete", "reset", "too-long", "refused-header", "lost", "given-up"};
    struct one *one = context;
    printf("%d %" PRIu64 " %s %s\n", one->status, one->length, words[how], one->path);
    one->fetching->left--;
}

static void lost(void *context, const char *why)
{
    struct fetching *fetching = context;
    fprintf(stderr, "lost: %s\n", why);
    fetching->lost = true;
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int count, char **words)
{
    unsigned char key[MM_PEER_KEY_BYTES];
    struct mm_peer_identity *identity = key_make(2);
    struct fetching fetching = {.out = -1};
    struct mm_h3_settings settings = {.quic = {.identity = identity}};
    union mm_udp_address to = {0};
    struct one *ones = calloc((size_t)count, sizeof *ones);
    struct mm_diags diags;
    const char *range = NULL;
    char authority[80];
    uint64_t port = 0, bytes = 0;
    int at = 4;
    mm_diags_init(&diags);
    if (count < 5 || !ones || !mm_number(words[2], strlen(words[2]), 65535, &port))
        return 2;
    if (inet_pton(AF_INET, words[1], &to.v4.sin_addr) == 1) {
        to.v4.sin_family = AF_INET;
        to.v4.sin_port = htons((uint16_t)port);
    } else if (inet_pton(AF_INET6, words[1], &to.v6.sin6_addr) == 1) {
        to.v6.sin6_family = AF_INET6;
        to.v6.sin6_port = htons((uint16_t)port);
    } else {
        return 2;
    }
    bool any = strcmp(words[3], "any") == 0;
    if (!any && (strlen(words[3]) != 2 * sizeof key))
        return 2;
    for (size_t i = 0; !any && i < sizeof key; i++)
        if (sscanf(words[3] + 2 * i, "%2hhx", &key[i]) != 1)
            return 2;
    for (; at < count && words[at][0] == '-'; at++) {
        if (strcmp(words[at], "--cubic") == 0)
            settings.quic.congestion = MM_QUIC_CUBIC;
        else if (strcmp(words[at], "-o") == 0)
            fetching.out = open(words[++at], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        else if (strcmp(words[at], "-r") == 0)
            range = words[++at];
    }
    snprintf(authority, sizeof authority, "%s:%" PRIu64, words[1], port);
    struct mm_h3 *h3 = mm_h3_new(&settings, NULL, &diags);
    struct mm_h3_target target = {to, any ? NULL : key, authority};
    struct mm_h3_client client = {&fetching, NULL, lost};
    struct mm_h3_connection *connection = h3 ? mm_h3_connect(h3, &target, &client, &diags) : NULL;
    double begun = seconds();
    for (int i = at; connection && i < count; i++) {
        ones[i] = (struct one){&fetching, words[i], 0, 0};
        struct mm_h3_get get = {.path = words[i],
                                .range = range,
                                .body_max = MM_NUMBER_MAX,
                                .context = &ones[i],
                                .head = head,
                                .body = body,
                                .end = end};
        fetching.left += mm_h3_get(connection, &get) != NULL;
    }
    int result = connection ? 0 : 3;
    while (result == 0 && fetching.left > 0 && !fetching.lost)
        result = mm_h3_run(h3, -1, &diags) < 0 ? 3 : 0;
    bool refused = fetching.lost;
    double took = seconds() - begun;
    for (int i = at; i < count; i++)
        bytes += ones[i].length;
    if (connection && !fetching.lost) {
        struct mm_quic_figures figures;
        struct mm_quic_counts counts;
        mm_quic_figures(mm_h3_quic_connection(connection), &figures);
        mm_quic_counts(mm_h3_quic(h3), &counts);
        fprintf(stderr, "%.1f MB/s, %.3f s, round trip %.3f ms, %" PRIu64 " datagrams of %.0f bytes\n",
                (double)bytes / 1e6 / took, took, (double)figures.round_trip / 1e6, counts.datagrams_in,
                (double)counts.bytes_in / (double)(counts.datagrams_in + 1));
        mm_h3_close(connection);
        while (!fetching.lost && mm_h3_run(h3, 1000, &diags) == 0)
            ;
    }
    result = fetching.left > 0 || refused ? 3 : result;
    for (size_t i = 0; i < diags.count; i++)
        fprintf(stderr, "%s\n", diags.items[i].text);
    mm_h3_free(h3);
    mm_peer_identity_free(identity);
    mm_diags_release(&diags);
    free(ones);
    return result;
}
