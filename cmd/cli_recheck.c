#include "cli_recheck.h"

#include "act/recheck.h"
#include "cli_store.h"

/* The files are looked at. */
static int look(struct cli *cli, const struct cli_recheck *how, const struct mm_held *held, int home)
{
    struct mm_recheck recheck = {0};
    struct mm_recheck_options options = {.require_signature = how->require_signature};
    struct mm_buf out = {0};
    int answer = MM_UNKNOWN;
    if (mm_recheck(held, home, &options, &recheck, &cli->diags) == 0) {
        answer = (int)mm_diags_answer(&cli->diags);
        (cli->json ? mm_recheck_write_json : mm_recheck_write)(&recheck, (enum mm_answer)answer, &out);
        if (cli_print(cli, &out) < 0)
            answer = cli_worse(answer, MM_UNKNOWN);
    }
    mm_buf_release(&out);
    mm_recheck_release(&recheck);
    return answer;
}

/* The files are read, as slm-verify --strict does. */
static int read_all(struct cli *cli, const struct cli_recheck *how, const struct mm_held *held)
{
    struct mm_report report = {0};
    struct mm_buf out = {0};
    struct mm_verify_options options = {
        .trusted = &held->trusted,
        .quick = how->quick,
        .strict = true,
        .require_signature = how->require_signature,
        .links = mm_held_links(held),
        .means = how->means,
        .progress = cli_progress,
        .progress_context = cli,
    };
    int answer = MM_UNKNOWN;
    if (mm_verify(&held->manifest, held->files, &options, &report, &cli->diags) == 0) {
        enum mm_verdict verdict = mm_report_verdict(&report);
        answer = verdict == MM_VERDICT_PASS ? MM_YES : verdict == MM_VERDICT_FAIL ? MM_NO : MM_UNKNOWN;
        (cli->json ? mm_report_write_json : mm_report_write)(&report, &out);
        if (cli_print(cli, &out) < 0)
            answer = cli_worse(answer, MM_UNKNOWN);
    }
    mm_buf_release(&out);
    mm_report_release(&report);
    return answer;
}

static int run(struct cli *cli, const struct cli_recheck *how, struct cli_trust *trust, int home)
{
    struct mm_store_model model;
    struct mm_held held = MM_HELD_NONE;
    int answer = MM_UNKNOWN;
    cli->diags.file = "";
    if (cli_trust_read_policies(cli, trust) == 0 && mm_store_find(home, how->model, &model, &cli->diags) == 0 &&
        mm_held_open(&held, home, &model, &trust->trust, &cli->diags) == 0)
        answer = how->full ? read_all(cli, how, &held) : look(cli, how, &held, home);
    else
        answer = cli_failed(cli);
    cli->diags.file = ""; /* it was HELD's */
    mm_held_release(&held);
    return answer;
}

int cli_recheck(struct cli *cli, const struct cli_recheck *how, struct cli_trust *trust)
{
    struct cli_store store;
    int answer = MM_UNKNOWN;
    if (cli_store_open(cli, &store, how->home) == 0) {
        cli_trust_open(cli, trust, how->keyring);
        trust->trust.home = store.home;
        trust->trust.store_optional = true; /* the model's receipts are read by themselves, and have to be sound */
        if (cli_trust_open_policies(cli, trust) == 0 && cli_sandbox_read_only(cli) == 0)
            answer = run(cli, how, trust, store.home);
    }
    cli->diags.file = "";
    trust->trust.home = -1;
    cli_store_release(&store);
    return answer;
}
