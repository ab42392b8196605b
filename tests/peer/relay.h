/* A bad line between clients and one server on loopback: a relay of their UDP datagrams. */
#ifndef MM_TESTS_PEER_RELAY_H
#define MM_TESTS_PEER_RELAY_H

#include "line.h"

#define RELAY_FLOWS 128
#define RELAY_NEVER LINE_NEVER

struct relay;

/* A relay from a free port of 127.0.0.1 (or PORT, unless 0) to SERVER, a port there. Ends the process where that cannot be. */
struct relay *relay_new(uint16_t port, uint16_t server);
void relay_free(struct relay *relay);
uint16_t relay_port(const struct relay *relay);

/* What the line is like from now on. */
struct line_kind *relay_line(struct relay *relay);

/* Clients get new addresses, as behind a router that was restarted. */
void relay_forget(struct relay *relay);

/* Passes on what came and is due. Returns nanoseconds until something is due, or RELAY_NEVER. */
uint64_t relay_run(struct relay *relay);

/* A descriptor that is readable when datagrams are there. */
int relay_fd(const struct relay *relay);

/* Datagrams that came, and that were dropped for whatever reason. */
void relay_counts(const struct relay *relay, uint64_t *came, uint64_t *dropped);

#endif
