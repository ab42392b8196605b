/* The transport of a fetch: connections to peers, by the numbers that the plan has for them, and requests over them. */
#ifndef MM_PEER_CLIENT_H
#define MM_PEER_CLIENT_H

#include "exchange/download.h"
#include "peer/h3.h"
#include "peer/identity.h"

struct mm_peer_client; /* opaque */

struct mm_peer_client_options {
    const struct mm_peer_identity *identity; /* shown to servers that ask for one; NULL for none; borrowed */
    enum mm_quic_congestion congestion;
    size_t peers;      /* that will be added, and share the memory for what comes out of its order */
    uint64_t max_rate; /* bytes a second, of all peers together; 0 for no limit */
};

/* Returns NULL with IO_MEMORY, IO_OPEN or IO_LIMIT. */
struct mm_peer_client *mm_peer_client_new(const struct mm_peer_client_options *options, struct mm_diags *diags);

/* Ends connections. NULL is fine. */
void mm_peer_client_free(struct mm_peer_client *client);

/* Adds a peer at TO, known by KEY, and begins to connect; AUTHORITY is what it is told that it was called. Returns its number, from 0 on, or
 * SIZE_MAX with IO_LIMIT or IO_MEMORY. */
size_t mm_peer_client_add(struct mm_peer_client *client, const union mm_udp_address *to,
                          const unsigned char key[static MM_PEER_KEY_BYTES], const char *authority,
                          struct mm_diags *diags);

/* Asks PEER for PATH, MOST bytes at most, and waits for SECONDS at most. Returns 0, OUT having the body; 1 where
 * the peer does not have it; -1 where it was not to be had, which is a note (PEER_ANSWER) that names the peer. */
int mm_peer_client_ask(struct mm_peer_client *client, size_t peer, const char *path, uint64_t most, unsigned seconds,
                       struct mm_buf *out, struct mm_diags *diags);

/* Asks PEER for PATH before anybody waits for it, so that its answer is on its way with others, also before the handshake is done: it is
 * that of the next mm_peer_client_ask, or of the next request of the download, for PATH. Nothing is done where PEER has no connection, was asked
 * that already, or has been asked 16 such questions. */
void mm_peer_client_ask_ahead(struct mm_peer_client *client, size_t peer, const char *path, uint64_t most);

/* How it stands with the connection to PEER. */
enum mm_peer_standing { MM_PEER_LOST, MM_PEER_COMING, MM_PEER_READY };
enum mm_peer_standing mm_peer_client_standing(const struct mm_peer_client *client, size_t peer);

/* PEER is not asked any more. */
void mm_peer_client_drop(struct mm_peer_client *client, size_t peer);

/* The carrier for a download, which is told what happens from now on; NULL for none. Peers have the same numbers there. */
const struct mm_carrier *mm_peer_client_carry(struct mm_peer_client *client, struct mm_download *download);

/* Lets what happens happen, for MILLISECONDS at most. Returns 0, or -1 with IO_READ. */
int mm_peer_client_run(struct mm_peer_client *client, int milliseconds, struct mm_diags *diags);

/* The time that the download goes by. */
uint64_t mm_peer_client_now(const struct mm_peer_client *client);

#endif
