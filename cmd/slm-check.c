/* slm-check: is the store what its receipts say? Every model, every receipt. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act/chain.h"
#include "act/keep.h"
#include "cli_anchor.h"
#include "cli_store.h"
#include "cli_threads.h"
#include "cli_trust.h"

enum { QUICK, KEYRING, ANCHOR, EXPECT_HEAD, PUBLIC_KEY, HOME_DIR, THREADS };

static const struct cli_option options[] = {
    [QUICK] = {0, "quick", NULL, "leave out whole-file hashes; chunk hashes and roots stay"},
    [KEYRING] = {0, "keyring", "DIR", "the keyring (default: MINIMODEL_KEYRING)"},
    [ANCHOR] = {'a', "anchor", "FILE", "the chain of receipts has to hold the head of this signed anchor"},
    [EXPECT_HEAD] = {0, "expect-head", "HEX", "the chain of receipts has to hold the one with this SHA-256"},
    [PUBLIC_KEY] = {'p', "public-key", "FILE",
                    "a key that anchor and receipts have to be signed with; may be given again"},
    [HOME_DIR] = {0, "home", "DIR", "the store (default: MINIMODEL_HOME)"},
    [THREADS] = {0, "threads", "N", CLI_THREADS_HELP},
};

static const struct cli_command command = {
    "slm-check",
    "[MODEL-ID[@REVISION]]...",
    "Check the store: every model (or those named) against its manifest and receipt, and the chain of receipts.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_CHUNK | MM_GROUP_MODEL | MM_GROUP_VERIFY | MM_GROUP_RECEIPT |
        MM_GROUP_STORE | MM_GROUP_TRUST,
};

struct call {
    struct cli cli;
    struct cli_store store;
    struct cli_trust trust;
    const char *threads, *home, *keyring;
    struct mm_keep_check how;
    unsigned char head[MM_HASH_BYTES];
    bool expects_head;
    struct mm_chain_keys keys;
    struct cli_anchor anchor;
};

static const char *word_of(enum mm_answer answer)
{
    return answer == MM_YES ? "pass" : answer == MM_NO ? "fail" : "unknown";
}

static int print_line(struct call *c, const char *what, uint64_t number, enum mm_answer answer)
{
    struct mm_buf out = {0};
    const char *key = strcmp(what, "receipts") == 0 ? "receipts" : "revision";
    if (c->cli.json && strcmp(key, "receipts") == 0)
        mm_buf_printf(&out, "{\"receipts\":%" PRIu64 ",\"result\":\"%s\"}\n", number, word_of(answer));
    else if (c->cli.json)
        mm_buf_printf(&out, "{\"model-id\":\"%s\",\"revision\":%" PRIu64 ",\"result\":\"%s\"}\n", what, number,
                      word_of(answer));
    else
        mm_buf_printf(&out, "%s%s%" PRIu64 "\t%s\n", what, strcmp(key, "receipts") == 0 ? "=" : "@", number,
                      word_of(answer));
    int result = cli_print(&c->cli, &out);
    mm_buf_release(&out);
    return result;
}

/* True if NAME, ID or ID@REVISION, is MODEL. */
static bool names(const char *name, const struct mm_store_model *model)
{
    char whole[sizeof model->id + 24];
    snprintf(whole, sizeof whole, "%s@%" PRIu64, model->id, model->revision);
    return strcmp(name, model->id) == 0 || strcmp(name, whole) == 0;
}

static bool is_wanted(struct call *c, const struct mm_store_model *model, bool *named)
{
    bool wanted = c->cli.argc == 0;
    for (int i = 0; i < c->cli.argc; i++)
        if (names(c->cli.argv[i], model))
            wanted = named[i] = true;
    return wanted;
}

static int check_models(struct call *c, const struct mm_store_list *models, const struct mm_keep_import *imported,
                        bool *named)
{
    int answer = MM_YES;
    for (size_t i = 0; i < models->count; i++) {
        const struct mm_store_model *model = &models->models[i];
        if (!is_wanted(c, model, named))
            continue;
        enum mm_answer one = mm_keep_check_model(c->store.home, model, &imported[i], &c->how, &c->cli.diags);
        if (print_line(c, model->id, model->revision, one) < 0)
            answer = cli_worse(answer, MM_UNKNOWN);
        answer = cli_worse(answer, cli_report(&c->cli));
    }
    c->cli.diags.file = "";
    for (int i = 0; i < c->cli.argc; i++)
        if (!named[i])
            mm_diag(&c->cli.diags, MM_RULE_STORE_MODEL, "expected a model of the store, found nothing called '%s'",
                    c->cli.argv[i]);
    return answer;
}

static int check_chain(struct call *c)
{
    struct mm_chain_facts facts = {0};
    uint64_t errors = c->cli.diags.errors;
    const unsigned char *head = c->expects_head ? c->head : NULL;
    c->cli.diags.file = "";
    if (c->anchor.path && cli_anchor_verify(&c->cli, &c->anchor, &c->keys) == 0)
        head = c->anchor.anchor.head;
    mm_chain_check(c->store.home, head, c->keys.count ? &c->keys : NULL, &facts, &c->cli.diags);
    cli_anchor_compare(&c->cli, &c->anchor, &facts);
    enum mm_answer answer = c->cli.diags.errors == errors ? MM_YES : mm_diags_answer(&c->cli.diags);
    return print_line(c, "receipts", facts.receipts, answer) < 0 ? MM_UNKNOWN : (int)answer;
}

static int check_all(struct call *c)
{
    struct mm_store_list models = {0};
    struct mm_diags ignored; /* what is wrong with the chain is said when the chain is checked */
    int answer = MM_UNKNOWN;
    mm_diags_init(&ignored);
    if (mm_store_list(c->store.home, c->cli.argc == 0, &models, &c->cli.diags) == 0) {
        struct mm_keep_import *imported = calloc(models.count ? models.count : 1, sizeof *imported);
        bool *named = calloc((size_t)c->cli.argc + 1, sizeof *named);
        if (imported && named) {
            mm_keep_imports(c->store.home, &models, imported, &ignored);
            if (c->cli.argc == 0)
                mm_keep_check_home(c->store.home, &c->cli.diags);
            answer = check_models(c, &models, imported, named);
        } else {
            mm_diag_memory(&c->cli.diags);
        }
        free(imported);
        free(named);
    }
    mm_diags_release(&ignored);
    mm_store_list_release(&models);
    return cli_worse(answer, check_chain(c));
}

static void take_option(struct call *c, int option, const char *value)
{
    switch (option) {
    case QUICK: c->how.quick = true; break;
    case KEYRING: c->keyring = value; break;
    case ANCHOR: c->anchor.path = value; break;
    case PUBLIC_KEY: cli_anchor_key(&c->cli, &c->anchor, &c->keys, value); break;
    case HOME_DIR: c->home = value; break;
    case THREADS: c->threads = value; break;
    default:
        c->expects_head = true;
        if (!mm_hex_hash(value, strlen(value), c->head))
            cli_usage(&c->cli, "expected 64 lower-case hex digits, found '%s'", value);
    }
}

int main(int argc, char **argv)
{
    struct call c = {.store = {NULL, -1}, .trust = CLI_TRUST_NONE};
    const char *value;
    int option, answer = MM_UNKNOWN;
    cli_init(&c.cli, &command, argc, argv);
    c.how.progress = cli_progress;
    c.how.progress_context = &c.cli;
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    if (c.anchor.path && (c.expects_head || !c.keys.count))
        cli_usage(&c.cli, "--anchor needs --public-key, and goes without --expect-head");
    c.how.means = cli_hash_means(&c.cli, c.threads);
    c.how.trust = &c.trust.trust;
    if (cli_anchor_read(&c.cli, &c.anchor, &c.keys) == 0 && cli_store_open(&c.cli, &c.store, c.home) == 0) {
        cli_trust_open(&c.cli, &c.trust, c.keyring);
        c.trust.trust.home = c.store.home;
        c.trust.trust.store_optional = true; /* the receipts are checked by themselves */
        if (cli_sandbox_read_only(&c.cli) == 0)
            answer = check_all(&c);
    }
    cli_anchor_release(&c.anchor);
    cli_trust_release(&c.trust);
    cli_store_release(&c.store);
    return cli_finish(&c.cli, answer);
}
