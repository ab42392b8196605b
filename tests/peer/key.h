/* A peer's identity for tests and measurements of HTTP/3, made of a number. */
#ifndef MM_TESTS_PEER_KEY_H
#define MM_TESTS_PEER_KEY_H

#include "peer/identity.h"

/* Ends the process where that cannot be. */
struct mm_peer_identity *key_make(unsigned number);

#endif
