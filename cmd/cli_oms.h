/* Bundles of OpenSSF model signing: what slm-verify --oms and manifest-sign --oms do. */
#ifndef CLI_OMS_H
#define CLI_OMS_H

#include "cli.h"
#include "cli_secret.h"

#define CLI_OMS_IGNORED 64

struct cli_oms {
    const char *bundle;                   /* --oms; NULL: it is not asked for */
    const char *key;                      /* PEM: public to verify, private to sign */
    const char *certificate;              /* PEM: trusted ones to verify, the key's own and those above it to sign */
    const char *ignored[CLI_OMS_IGNORED]; /* paths beneath the model that are left out */
    size_t ignored_count;
    const char *home; /* the store, whose newest receipt's time counts for certificates; NULL: the default one */
    bool ignore_unsigned_files, follow_links, force;
    struct cli_password password;
};

/* The value of --ignore-path; a wrong one ends the process. */
void cli_oms_ignore(const struct cli *cli, struct cli_oms *how, const char *path);

/* Ends the process unless HOW and the operands are whole: to verify, a key or certificates; to sign, a key; in both cases one model. */
void cli_oms_check_usage(const struct cli *cli, const struct cli_oms *how, bool sign);

/* Verifies the bundle, and the folder or file MODEL against it, and prints what was found. Returns the answer. */
int cli_oms_verify(struct cli *cli, const struct cli_oms *how, const char *model);

/* Signs MODEL and writes the bundle, which is no part of it. Returns the answer. */
int cli_oms_sign(struct cli *cli, struct cli_oms *how, const char *model);

#endif
