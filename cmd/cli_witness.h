/* Witnesses of catalogs on the command line: their keys, what a check found of them, and signing as one. */
#ifndef CLI_WITNESS_H
#define CLI_WITNESS_H

#include "act/catalog_countersign.h"
#include "act/catalog_witness.h"
#include "cli.h"

struct cli_witness {
    const char **key_paths; /* --witness-key, each */
    size_t key_count;
    struct mm_public_key *keys;
    uint64_t wanted; /* --witnesses */
    bool countersign, first;
    const char *state; /* --witness-state */
};

/* Reads the keys. Returns 0, or -1 with findings. */
int cli_witness_keys(struct cli *cli, struct cli_witness *witness);
void cli_witness_release(struct cli_witness *witness);

/* Adds what a check found of them. */
void cli_witness_facts(const struct cli *cli, struct mm_buf *out, const struct mm_catalog_witnesses *found);

/* Signs as a witness: the operand is a catalog's folder, or the operands are heads, with the proof in PROOF_PATH unless that is NULL. KEYRING is
 * its open folder or -1, NOW the time that expiry goes by. Prints what was signed. Returns an exit code. */
int cli_countersign(struct cli *cli, const struct cli_witness *witness, const struct mm_catalog_trust *trust,
                    const struct mm_secret_key *key, int keyring, const char *now, const char *proof_path);

#endif
