/* Revocations of keys: `minimodel-revocation 0` (signatures.md; docs/formats/signatures.md). */
#ifndef MM_TRUST_REVOCATION_H
#define MM_TRUST_REVOCATION_H

#include "base/clock.h"
#include "text/line.h"
#include "trust/minisign.h"

#define MM_REVOCATION_TYPE "minimodel-revocation"
#define MM_REVOCATION_MAX 16384
#define MM_REVOCATION_COMPROMISED "compromised"

struct mm_revocation {
    unsigned char key_id[MM_KEY_ID_BYTES];
    char revoked[MM_TIME_SIZE];
    char reason[MM_VALUE_MAX + 1];
};

/* Reads a revocation's TEXT. Returns 0, or -1 with REVOCATION_FORM and text rules. */
int mm_revocation_read(struct mm_revocation *revocation, const char *text, size_t length, struct mm_diags *diags);
void mm_revocation_write(const struct mm_revocation *revocation, struct mm_buf *out);

/* True if its reason begins with `compromised`: what the key signed before is no better than what it signed after. */
bool mm_revocation_is_compromise(const struct mm_revocation *revocation);

#endif
