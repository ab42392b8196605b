/* A bad line for tests and measurements: a relay of UDP datagrams between clients and one server on loopback that delays, drops and reorders
 * them by a seeded generator, passes so many bytes a second and none above a size. Each direction is treated alike. */
#ifndef MM_TESTS_PEER_RELAY_H
#define MM_TESTS_PEER_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_FLOWS 128
#define RELAY_NEVER UINT64_MAX

struct relay_line {
    uint64_t seed;
    uint64_t delay;   /* nanoseconds, one way */
    uint32_t loss;    /* of 10,000 datagrams */
    uint32_t mangled; /* of 10,000 datagrams, those that come with one byte changed */
    uint32_t late;    /* of 10,000 datagrams, those that come 3 ms later than their neighbours */
    uint64_t rate;    /* bytes a second; 0: as they come */
    uint64_t queue;   /* bytes that wait for their turn at that rate; 0: 100 ms of it */
    size_t largest;   /* bytes of UDP payload; 0: any */
    bool cut;         /* nothing passes */
};

struct relay;

/* A relay from a free port of 127.0.0.1 (or PORT, unless 0) to SERVER, a port there. Ends the process where that cannot be. */
struct relay *relay_new(uint16_t port, uint16_t server);
void relay_free(struct relay *relay);
uint16_t relay_port(const struct relay *relay);

/* What the line is like from now on. */
struct relay_line *relay_line(struct relay *relay);

/* Clients get new addresses, as behind a router that was restarted. */
void relay_forget(struct relay *relay);

/* Passes on what came and is due. Returns nanoseconds until something is due, or RELAY_NEVER. */
uint64_t relay_run(struct relay *relay);

/* A descriptor that is readable when datagrams are there. */
int relay_fd(const struct relay *relay);

/* Datagrams that came, and that were dropped for whatever reason. */
void relay_counts(const struct relay *relay, uint64_t *came, uint64_t *dropped);

#endif
