/* What slm-verify --receipt does: a model of the store, looked at or read again. */
#ifndef CLI_RECHECK_H
#define CLI_RECHECK_H

#include "cli_trust.h"
#include "hash/chunk.h"

struct cli_recheck {
    const char *model;          /* MODEL-ID[@REVISION]; NULL: it is not asked for */
    const char *home, *keyring; /* NULL: the default ones */
    bool full;                  /* read the bytes */
    bool quick;                 /* then leave out whole-file hashes */
    bool require_signature;
    struct mm_hash_means means;
};

/* Looks at the model, or reads it, and prints what was found. TRUST, whose policies are named already, is opened here and the caller's
 * to release. Returns the answer. */
int cli_recheck(struct cli *cli, const struct cli_recheck *how, struct cli_trust *trust);

#endif
