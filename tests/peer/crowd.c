/* Many connections of HTTP/3 to one server, for measurements of what they cost it: some idle, the others asking for one path again and again.
 * Usage: crowd ADDRESS PORT KEY|any IDLE BUSY PATH [REQUESTS-AT-A-TIME]
 * Prints "connected N" when nobody shakes hands any more, and ends when standard input does: "requests N bytes N lost N". */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/number.h"
#include "key.h"
#include "peer/h3.h"

#define MEMBERS_MAX 4000
#define SHAKING_MAX 16 /* hands at a time */
#define WINDOW (1024 * 1024)

struct crowd;

struct member {
    struct crowd *crowd;
    struct mm_h3_connection *connection; /* NULL: lost, or not begun */
    bool busy, is_ready;
};

struct crowd {
    struct mm_h3 *h3;
    struct member members[MEMBERS_MAX];
    size_t count, begun, shaking, ready, lost, at_a_time;
    const char *path;
    uint64_t requests, bytes;
    bool over;
};

static void ask(struct member *member);

static bool head(void *context, int status, const struct mm_h3_header *headers, size_t count)
{
    (void)context, (void)headers, (void)count;
    return status == 200;
}

static bool body(void *context, const unsigned char *bytes, size_t length)
{
    (void)bytes;
    ((struct member *)context)->crowd->bytes += length;
    return true;
}

static void end(void *context, enum mm_h3_end how)
{
    struct member *member = context;
    member->crowd->requests += how == MM_H3_COMPLETE;
    if (how == MM_H3_COMPLETE && !member->crowd->over)
        ask(member);
}

static void ask(struct member *member)
{
    struct mm_h3_get get = {.path = member->crowd->path,
                            .body_max = MM_NUMBER_MAX,
                            .context = member,
                            .head = head,
                            .body = body,
                            .end = end};
    if (member->connection)
        mm_h3_get(member->connection, &get);
}

static void ready(void *context)
{
    struct member *member = context;
    member->is_ready = true;
    member->crowd->shaking--;
    member->crowd->ready++;
    for (size_t i = 0; member->busy && i < member->crowd->at_a_time; i++)
        ask(member);
}

static void lost(void *context, const char *why)
{
    struct member *member = context;
    if (!member->crowd->over)
        fprintf(stderr, "lost: %s\n", why);
    member->crowd->lost += !member->crowd->over;
    member->crowd->shaking -= !member->is_ready;
    member->connection = NULL;
}

static void input(void *context)
{
    char ignored[16];
    struct crowd *crowd = context;
    if (read(STDIN_FILENO, ignored, sizeof ignored) <= 0)
        crowd->over = true;
}

static bool is_number(const char *text, uint64_t max, uint64_t *number)
{
    return mm_number(text, strlen(text), max, number);
}

/* The key's raw bytes from hex; false for what is none. */
static bool read_key(const char *text, unsigned char key[static MM_PEER_KEY_BYTES])
{
    for (size_t i = 0; i < MM_PEER_KEY_BYTES; i++)
        if (sscanf(text + 2 * i, "%2hhx", &key[i]) != 1)
            return false;
    return strlen(text) == 2 * MM_PEER_KEY_BYTES;
}

static int run(struct crowd *crowd, const struct mm_h3_target *target, struct mm_diags *diags)
{
    bool told = false;
    while (!crowd->over) {
        while (crowd->begun < crowd->count && crowd->shaking < SHAKING_MAX) {
            struct member *member = &crowd->members[crowd->begun++];
            struct mm_h3_client client = {member, ready, lost};
            member->connection = mm_h3_connect(crowd->h3, target, &client, diags);
            if (!member->connection)
                return -1;
            crowd->shaking++;
        }
        if (!told && crowd->begun == crowd->count && crowd->shaking == 0) {
            told = true;
            printf("connected %zu\n", crowd->ready);
            fflush(stdout);
        }
        if (mm_h3_run(crowd->h3, -1, diags) < 0)
            return -1;
    }
    return 0;
}

int main(int count, char **words)
{
    static struct crowd crowd;
    unsigned char key[MM_PEER_KEY_BYTES];
    struct mm_peer_identity *identity = key_make(2);
    struct mm_h3_settings settings = {
        .quic = {.identity = identity, .window = WINDOW, .stream_window = WINDOW, .keep_alive = 5000}};
    struct mm_h3_target target = {.authority = "crowd"};
    struct mm_diags diags;
    uint64_t port = 0, idle = 0, busy = 0, at_a_time = 1;
    mm_diags_init(&diags);
    bool any = count > 3 && strcmp(words[3], "any") == 0;
    if (count < 7 || !is_number(words[2], 65535, &port) || !is_number(words[4], MEMBERS_MAX / 2, &idle) ||
        !is_number(words[5], MEMBERS_MAX / 2, &busy) || (count > 7 && !is_number(words[7], 1000, &at_a_time)) ||
        inet_pton(AF_INET, words[1], &target.address.v4.sin_addr) != 1 || (!any && !read_key(words[3], key)))
        return 2;
    target.address.v4.sin_family = AF_INET;
    target.address.v4.sin_port = htons((uint16_t)port);
    target.key = any ? NULL : key;
    crowd.count = (size_t)(idle + busy);
    crowd.path = words[6];
    crowd.at_a_time = (size_t)at_a_time;
    for (size_t i = 0; i < crowd.count; i++)
        crowd.members[i] = (struct member){.crowd = &crowd, .busy = i >= idle};
    crowd.h3 = mm_h3_new(&settings, NULL, &diags);
    int result = crowd.h3 && mm_quic_watch(mm_h3_quic(crowd.h3), STDIN_FILENO, input, &crowd, &diags) == 0 ? 0 : -1;
    if (result == 0)
        result = run(&crowd, &target, &diags);
    printf("requests %" PRIu64 " bytes %" PRIu64 " lost %zu\n", crowd.requests, crowd.bytes, crowd.lost);
    for (size_t i = 0; i < diags.count; i++)
        fprintf(stderr, "%s\n", diags.items[i].text);
    crowd.over = true;
    mm_h3_free(crowd.h3);
    mm_peer_identity_free(identity);
    mm_diags_release(&diags);
    return result < 0 ? 3 : 0;
}
