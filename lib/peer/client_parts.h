/* What the parts of the client share: client.c has the connections and the download's requests, client_ask.c the questions. Nobody else includes
 * this. */
#ifndef MM_PEER_CLIENT_PARTS_H
#define MM_PEER_CLIENT_PARTS_H

#include "peer/client.h"

struct question; /* of client_ask.c */

/* A peer, and its connection if it has one. */
struct peer {
    struct mm_peer_client *client;
    size_t number;
    union mm_udp_address to;
    unsigned char key[MM_PEER_KEY_BYTES];
    char authority[MM_PEER_ADDRESS_MAX];
    struct mm_h3_connection *connection;
    bool ready, dropped;
    char why[120];          /* the last connection was lost */
    struct question *ahead; /* that nobody waits for yet */
    size_t ahead_count;
};

/* A request of the download's. */
struct carried {
    struct carried *next;
    struct mm_peer_client *client;
    struct mm_h3_stream *stream;
    uint64_t id;
};

struct mm_peer_client {
    struct mm_h3 *h3;
    struct peer *peers[MM_PLAN_PEERS];
    size_t peer_count;
    struct mm_carrier carrier;
    struct mm_download *download;
    struct carried *carried;
    /* a limit of the rate */
    uint64_t window; /* that each connection begins with */
    struct mm_bucket bucket;
    uint64_t debt; /* bytes that were allowed in advance, by windows */
    size_t turn;   /* who is paid first */
};

_Static_assert(sizeof(struct mm_reply_header) == sizeof(struct mm_h3_header), "headers are judged as they come");

/* client.c: what became of CARRIED, a request of the download's. */
bool mm_peer_carried_head(void *carried, int status, const struct mm_h3_header *headers, size_t count);
bool mm_peer_carried_body(void *carried, const unsigned char *bytes, size_t length);
void mm_peer_carried_end(void *carried, enum mm_h3_end how);

/* client_ask.c: PATH was asked of PEER ahead. If the answer is there, it becomes that of CARRIED, which is over then; if it is on its way, it
 * will; false where neither is so. */
bool mm_peer_question_carry(struct peer *peer, const char *path, struct carried *carried);

/* client_ask.c: forgets what was asked of PEER ahead. */
void mm_peer_questions_forget(struct peer *peer);

#endif
