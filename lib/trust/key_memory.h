/* What was found in a keyring a moment ago, for commands that ask the same of thousands of manifests (trust/keyring.h). Bounded: what is
 * asked for less often makes room. Several threads may use one at once. */
#ifndef MM_TRUST_KEY_MEMORY_H
#define MM_TRUST_KEY_MEMORY_H

#include "trust/keyring.h"

struct mm_key_memory; /* opaque */

/* NULL when memory is exhausted. */
struct mm_key_memory *mm_key_memory_new(void);
void mm_key_memory_free(struct mm_key_memory *memory);

/* What was found of the key ID of PUBLISHER, which KEY then gets, or with ID NULL whether the publisher is known. False where that is not
 * remembered. */
bool mm_key_memory_get(struct mm_key_memory *memory, const char *publisher, const unsigned char *id,
                       enum mm_found *found, struct mm_known_key *key);

/* Remembers it; without memory it does not. PUBLISHER has the form of one; KEY is NULL where ID is. */
void mm_key_memory_put(struct mm_key_memory *memory, const char *publisher, const unsigned char *id,
                       enum mm_found found, const struct mm_known_key *key);

#endif
