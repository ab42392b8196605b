/* The public keys that a call names for a chain of receipts, and an anchor that one of them has to have signed. */
#ifndef CLI_ANCHOR_H
#define CLI_ANCHOR_H

#include "act/chain_sign.h"
#include "cli.h"

#define CLI_ANCHOR_KEYS 64

struct cli_anchor {
    const char *path; /* --anchor; NULL for none */
    const char *key_paths[CLI_ANCHOR_KEYS];
    struct mm_public_key keys[CLI_ANCHOR_KEYS];
    struct mm_buf document, signature;
    struct mm_anchor anchor;
};

/* Takes the value of a --public-key; too many of them end the process. */
void cli_anchor_key(const struct cli *cli, struct cli_anchor *anchor, struct mm_chain_keys *keys, const char *path);

/* Reads the keys into KEYS, and the anchor's two files, before the sandbox is entered. Returns 0, or -1 with findings; release
 * ANCHOR in every case. */
int cli_anchor_read(struct cli *cli, struct cli_anchor *anchor, struct mm_chain_keys *keys);

/* Verifies what was read. Returns 0, or -1 with findings at the anchor's files. */
int cli_anchor_verify(struct cli *cli, struct cli_anchor *anchor, const struct mm_chain_keys *keys);

/* Compares what the anchor, if one was verified, says of its head with the FACTS of the chain. Returns 0, or -1 with a finding. */
int cli_anchor_compare(struct cli *cli, const struct cli_anchor *anchor, const struct mm_chain_facts *facts);
void cli_anchor_release(struct cli_anchor *anchor);

/* The name of the signature of PATH, to be freed; NULL with a finding. */
char *cli_anchor_signature(struct cli *cli, const char *path);

#endif
