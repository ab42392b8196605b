/* What a peer answers: a request in, the description of a response out (peer.md). Nothing is sent or waited for here. */
#ifndef MM_EXCHANGE_RESPONSE_H
#define MM_EXCHANGE_RESPONSE_H

#include "exchange/catalog_share.h"
#include "exchange/limits.h"
#include "exchange/shares.h"

/* A request. Texts are NUL-terminated, bounded by the transport, and NULL where the header is absent. */
struct mm_request {
    const char *method, *path;
    const char *range, *if_range, *if_none_match;
};

/* Who answers. */
struct mm_responder {
    struct mm_shares *shares;
    bool listing;                     /* /v0/models tells what there is */
    struct mm_catalog_share *catalog; /* that is served too, or NULL */
    unsigned char key[MM_PEER_KEY_BYTES];
    struct mm_limits_options limits; /* for /.well-known/minimodel */
};

#define MM_RESPONSE_HEADERS 8
struct mm_response_header {
    const char *name; /* in lower case, a constant */
    char value[120];
};

/* What a body needs as long as it is sent. */
struct mm_response_hold;

/* The body is LENGTH bytes at OFFSET of the open file FD or, where that is -1, at BYTES; the transport states the length. A response to HEAD has
 * neither, and the length that GET would have; one with status 304 has length 0, which is not stated. */
struct mm_response {
    int status;
    struct mm_response_header headers[MM_RESPONSE_HEADERS];
    size_t header_count;
    int fd;
    uint64_t offset, length;
    const unsigned char *bytes;
    struct mm_response_hold *hold; /* NULL for nothing */
};

/* Answers REQUEST as of the time NOW (in seconds since 1970; below 0: the response has no date). RESPONSE can always be sent; whoever got it
 * calls mm_response_done with its hold once the body was sent or given up. */
void mm_respond(const struct mm_responder *who, const struct mm_request *request, int64_t now,
                struct mm_response *response);

/* An empty response with STATUS, 400 to 599, which no cache keeps: for what is refused before it is looked at. */
void mm_respond_refuse(struct mm_response *response, int status, int64_t now);

/* Gives back what HOLD has; NULL is fine. */
void mm_response_done(void *hold);

#endif
