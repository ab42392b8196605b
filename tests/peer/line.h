/* A bad line for tests and measurements: what is put on it comes off later, or not at all, by a seeded generator. It delays, drops, reorders
 * and mangles, passes so many bytes a second and nothing above a size; both directions alike, each with a rate of its own. */
#ifndef MM_TESTS_PEER_LINE_H
#define MM_TESTS_PEER_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_NEVER UINT64_MAX
#define LINE_LABEL 16

struct line_kind {
    uint64_t seed;
    uint64_t delay;   /* nanoseconds, one way */
    uint32_t loss;    /* of 10,000 packets */
    uint32_t mangled; /* of 10,000 packets, those that come with one byte changed */
    uint32_t late;    /* of 10,000 packets, those that come 3 ms later than their neighbours */
    uint32_t again;   /* of 10,000 packets, those that come once more 60 ms later */
    uint64_t rate;    /* bytes a second; 0: as they come */
    uint64_t queue;   /* bytes that wait for their turn at that rate; 0: 100 ms of it */
    size_t largest;   /* bytes; 0: any */
    bool cut;         /* nothing passes */
};

/* What comes off: BYTES are the line's until the next call of line_take. FD and LABEL are what they were put on with. */
struct line_packet {
    int fd;
    _Alignas(8) unsigned char label[LINE_LABEL];
    unsigned char *bytes;
    size_t length;
};

struct line; /* opaque */

/* Ends the process where there is no memory, as everything here does. */
struct line *line_new(void);
void line_free(struct line *line);

/* What it is like from now on. */
struct line_kind *line_kind(struct line *line);

/* Sets what WORD says of KIND: delay=MS loss=PER-10000 late=PER-10000 mangled=PER-10000 again=PER-10000 rate=BYTES-A-SECOND queue=BYTES largest=BYTES seed=N
 * cut=0 cut=1. Returns false for anything else. */
bool line_read_word(struct line_kind *kind, const char *word);

/* Reads such words, one a line, from FD as far as they are there. Returns false at its end, or where a word says nothing. */
bool line_read_words(struct line_kind *kind, int fd);

/* Puts PACKET, whose bytes are copied, on the line in one of its directions; BESIDE: bytes that it takes besides its own. */
void line_put(struct line *line, bool direction, const struct line_packet *packet, size_t beside);

/* The next packet that is due, or false and, in *LEFT, nanoseconds until one is, or LINE_NEVER. */
bool line_take(struct line *line, struct line_packet *packet, uint64_t *left);

/* Packets that came, and that were dropped for whatever reason. */
void line_counts(const struct line *line, uint64_t *came, uint64_t *dropped);

#endif
