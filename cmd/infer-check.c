/* infer-check: whether a model still answers as it did. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/utf8.h"
#include "cli_answers.h"
#include "cli_asked.h"
#include "cli_deadline.h"
#include "cli_devices.h"
#include "cli_evidence.h"
#include "cli_store.h"
#include "cli_threads.h"
#include "cli_traces.h"
#include "cli_trust.h"
#include "infer/cases.h"
#include "infer/pace.h"
#include "infer/permitted.h"
#include "text/path.h"

enum {
    RECORD,
    EXPECT,
    PROMPT,
    TOKENS,
    NO_RECEIPT,
    MODEL_ID,
    TOKENIZER,
    DEVICE,
    LIST_DEVICES,
    THREADS,
    INSTRUCTIONS,
    FAST,
    BENCH,
    MAX_MEMORY,
    TIMEOUT,
    TRACE,
    TRACE_AGAINST,
    VERBOSE,
    REQUIRE_SIGNATURE,
    KEYRING,
    POLICY,
    HOME_DIR,
    FORCE
};

static const struct cli_option options[] = {
    [RECORD] = {'r', "record", "FILE", "write what the model answers to FILE, as evidence"},
    [EXPECT] = {'e', "expect", "FILE", "compare with the evidence FILE (default: the one that the manifest names)"},
    [PROMPT] = {0, "prompt", "TEXT", "continue TEXT instead of the prompts that are built in; may be given again"},
    [TOKENS] = {'n', "tokens", "N", "continue each prompt by N tokens (default 32)"},
    [NO_RECEIPT] = {0, "no-receipt", NULL, "the operands are files or a folder, and nobody has to permit to run them"},
    [MODEL_ID] = {0, "model-id", "ID",
                  "with --no-receipt: the PUBLISHER/NAME that evidence states (default: local/FILE)"},
    [TOKENIZER] = {0, "tokenizer", "FILE", "with --no-receipt: take the tokenizer from FILE"},
    [DEVICE] = {0, "device", "DEVICES", CLI_DEVICE_HELP},
    [LIST_DEVICES] = {0, "list-devices", NULL, "print the devices of this machine"},
    [THREADS] = {0, "threads", "N", CLI_THREADS_HELP},
    [INSTRUCTIONS] = {0, "instructions", "NAME",
                      "compute with avx512, avx2, neon or portable (default: the best one here)"},
    [FAST] = {0, "fast", NULL, "round activations to 8 bits, as other engines do; nothing is decided then"},
    [BENCH] = {0, "bench", NULL, "print how many tokens a second are computed, and compare nothing"},
    [MAX_MEMORY] = {0, "max-memory", "SIZE",
                    "refuse a model that needs more beside its weights (default: half of this machine's)"},
    [TIMEOUT] = {0, "timeout", "SECONDS", "give up after so long (default: never)"},
    [TRACE] = {0, "trace", "FILE", "write a hash and norm of what each layer leaves to FILE"},
    [TRACE_AGAINST] = {0, "trace-against", "FILE", "name the first layer that departs from the trace FILE"},
    [VERBOSE] = {0, "verbose", NULL,
                 "print prompts, tokens and differences too; with --version: libraries and sandbox"},
    [REQUIRE_SIGNATURE] = {0, "require-signature", NULL, "an unsigned manifest is a failure, whoever publishes it"},
    [KEYRING] = {0, "keyring", "DIR", "the keyring (default: MINIMODEL_KEYRING)"},
    [POLICY] = {0, "policy", "FILE", CLI_POLICY_HELP},
    [HOME_DIR] = {0, "home", "DIR", "the store (default: MINIMODEL_HOME)"},
    [FORCE] = {0, "force", NULL, "replace existing files of --record and --trace"},
};

static const struct cli_command command = {
    "infer-check",
    "MODEL-ID[@REVISION] | --no-receipt FILE...",
    "Continue prompts with a model, greedily, and compare tokens and logits with what was recorded.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_CHUNK | MM_GROUP_MODEL | MM_GROUP_VERIFY | MM_GROUP_PACK |
        MM_GROUP_RECEIPT | MM_GROUP_STORE | MM_GROUP_TRUST | MM_GROUP_POLICY | MM_GROUP_INFER,
};

#define TOKENS_DEFAULT 32
#define BENCH_PROMPT 128 /* tokens of --bench: of the prompt, and those that follow */
#define BENCH_TOKENS 64
#define TOKENS_MAX 1000000
#define SECONDS_MAX 86400000

struct call {
    struct cli cli;
    struct cli_store store;
    struct cli_trust trust;
    struct cli_deadline deadline;
    const char *record, *expect, *tokenizer, *threads, *keyring, *home, *model_id, *device;
    struct cli_asked asked;
    struct cli_traces traces;
    struct cli_devices devices;
    uint64_t seconds;
    bool list_devices, no_receipt, require_signature, verbose, force, bench;
    struct mm_loading how;
    int expect_file; /* -1: none */
    struct mm_writer record_writer;
    struct mm_permitted permitted;
    struct mm_loaded model;
    struct mm_evidence expected; /* no cases: nothing is */
    struct mm_evidence found[MM_LOADED_ENGINES];
    struct mm_smoke_result total[MM_LOADED_ENGINES];
    struct mm_buf out;
};

/* ---- what is opened before anything is parsed ---- */

static int open_files(struct call *c)
{
    if (c->expect && (c->expect_file = cli_open(&c->cli, c->expect)) < 0)
        return -1;
    if (c->record && strcmp(c->record, "-") != 0 &&
        mm_writer_open(&c->record_writer, c->record, c->force, &c->cli.diags) < 0)
        return -1;
    return cli_traces_open(&c->cli, &c->traces, c->force);
}

static int open_trust(struct call *c)
{
    if (cli_store_open(&c->cli, &c->store, c->home) < 0)
        return -1;
    cli_trust_open(&c->cli, &c->trust, c->keyring);
    c->trust.trust.home = c->store.home;
    c->trust.trust.store_optional = true; /* the model's receipts are read by themselves, and have to be sound */
    return cli_trust_open_policies(&c->cli, &c->trust);
}

/* Files are read, and written where the output goes, and where drivers of devices keep what they made; nothing else. */
static int enter_sandbox(struct call *c)
{
    struct mm_sandbox_rule rules[4];
    size_t count = cli_devices_rules(&c->devices, rules);
    int all = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (all >= 0)
        rules[count++] = (struct mm_sandbox_rule){all, MM_SANDBOX_READ};
    if (c->record_writer.folder >= 0)
        rules[count++] = (struct mm_sandbox_rule){c->record_writer.folder, MM_SANDBOX_WRITE};
    if (c->traces.writer.folder >= 0)
        rules[count++] = (struct mm_sandbox_rule){c->traces.writer.folder, MM_SANDBOX_WRITE};
    int result = cli_sandbox(&c->cli, rules, count);
    if (all >= 0)
        close(all);
    return result;
}

/* ---- the model ---- */

static int open_paths(struct call *c, const char *const *paths, size_t count, const char *tokenizer)
{
    const struct mm_checkpoint_options from = {.tokenizer = tokenizer, .run = true};
    c->cli.diags.file = cli_shown(paths[0]);
    return mm_loaded_open(&c->model, paths, count, &from, &c->cli.diags);
}

static int open_named(struct call *c)
{
    struct mm_evidence *found = &c->found[0];
    if (open_paths(c, (const char *const *)c->cli.argv, (size_t)c->cli.argc, c->tokenizer) < 0)
        return -1;
    if (c->model_id || c->expected.case_count > 0)
        snprintf(found->model_id, sizeof found->model_id, "%s", c->model_id ? c->model_id : c->expected.model_id);
    else
        cli_evidence_name(c->cli.argv[0], found->model_id);
    return mm_loaded_hash(&c->model, found->artifact_sha256, &c->cli.diags);
}

static int open_permitted(struct call *c)
{
    const struct mm_hand_over_options how = {.trust = &c->trust.trust,
                                             .require_signature = c->require_signature,
                                             .progress = cli_progress,
                                             .progress_context = &c->cli};
    struct mm_buf folder = {0};
    c->cli.diags.file = "";
    int count = -1, result = cli_trust_read_policies(&c->cli, &c->trust);
    if (result == 0)
        result = mm_permitted_open(&c->permitted, c->store.home, c->store.path, c->cli.argv[0], how, &c->cli.diags);
    c->cli.diags.file = ""; /* it was the model's */
    const char **paths = calloc(c->permitted.count + 1, sizeof *paths);
    if (result == 0)
        count =
            paths ? mm_permitted_paths(&c->permitted, paths, &folder, &c->cli.diags) : mm_diag_memory(&c->cli.diags);
    result = count > 0 ? open_paths(c, paths, (size_t)count, NULL) : -1;
    if (result == 0)
        result = mm_permitted_check(&c->permitted, &c->model.checkpoint, c->model.artifact, c->found[0].artifact_sha256,
                                    &c->cli.diags);
    c->cli.diags.file = "";
    snprintf(c->found[0].model_id, sizeof c->found[0].model_id, "%s", c->permitted.model.id);
    free(paths);
    mm_buf_release(&folder);
    return result;
}

/* ---- what is expected ---- */

static int read_expected(struct call *c)
{
    struct mm_buf text = {0};
    c->cli.diags.file = c->expect ? cli_shown(c->expect) : "";
    int result = c->expect ? mm_file_read_all(c->expect_file, MM_EVIDENCE_MAX, &text, &c->cli.diags) : 0;
    if (c->expect && result >= 0)
        result = mm_evidence_read(&c->expected, text.data ? text.data : "", text.length, &c->cli.diags);
    mm_buf_release(&text);
    return result;
}

/* The evidence that the model's own manifest names is expected where nothing else is said. */
static int take_shipped(struct call *c)
{
    const struct mm_permitted *permitted = &c->permitted;
    if (c->no_receipt || c->expect || c->record || c->asked.prompt_count > 0 || c->asked.tokens_given || c->how.fast ||
        c->bench)
        return 0;
    if (!permitted->evidence_path[0]) {
        mm_note(&c->cli.diags, MM_RULE_INFER_OTHER,
                "the manifest names no evidence of infer-check that is one of its artifacts: "
                "nothing is compared");
        return 0;
    }
    c->cli.diags.file = permitted->evidence_path;
    return mm_evidence_read(&c->expected, permitted->evidence.data ? permitted->evidence.data : "",
                            permitted->evidence.length, &c->cli.diags);
}

/* ---- running ---- */

/* Prints the cases that engine WHICH ran, and adds RESULTS up. */
static void tell_cases(struct call *c, size_t which, bool compared, const struct mm_smoke_result *results)
{
    struct mm_smoke_result *total = &c->total[which];
    for (size_t i = 0; i < c->found[which].case_count; i++) {
        const struct mm_smoke_result *result = &results[i];
        total->differs = total->differs || result->differs;
        total->near_ties += result->near_ties;
        total->logits += result->logits;
        total->largest = result->largest > total->largest ? result->largest : total->largest;
        const struct cli_answer answer = {&c->found[which].cases[i], compared ? result : NULL,
                                          c->devices.count > 1 ? c->model.engines[which].device : NULL, c->verbose};
        cli_answer(&c->cli, &c->out, &answer);
    }
}

static int run_cases(struct call *c, size_t which, bool compared)
{
    struct mm_evidence *found = &c->found[which];
    bool traced = which == 0 && cli_traces_wanted(&c->traces);
    const struct mm_cases cases = {.expected = which > 0 ? &c->found[0] : &c->expected,
                                   .tokens = c->asked.tokens,
                                   .tracing = traced ? &c->traces.tracing : NULL};
    struct mm_smoke_result *results = calloc(found->case_count + 1, sizeof *results);
    int result =
        results ? mm_cases_run(&c->model, which, &cases, found, results, &c->cli.diags) : mm_diag_memory(&c->cli.diags);
    if (result == 0)
        tell_cases(c, which, compared, results);
    free(results);
    return result;
}

static int run_engine(struct call *c, size_t which)
{
    struct mm_evidence *found = &c->found[which];
    bool compared = which > 0 || c->expected.case_count > 0;
    snprintf(found->engine, sizeof found->engine, "infer-check " MM_VERSION);
    snprintf(found->device, sizeof found->device, "%s", c->model.engines[which].device);
    if ((which > 0 && cli_asked_again(&c->cli, &c->found[0], found) < 0) || run_cases(c, which, compared) < 0)
        return -1;
    found->verdict = !compared ? MM_EVIDENCE_RECORDED : c->total[which].differs ? MM_EVIDENCE_FAIL : MM_EVIDENCE_PASS;
    const struct cli_answers answers = {found, compared ? &c->total[which] : NULL, MM_SMOKE_TOLERANCE,
                                        mm_loaded_memory(&c->model, &c->how, c->devices.count),
                                        which > 0 ? c->found[0].device : NULL};
    cli_answers(&c->cli, &c->out, &answers);
    return 0;
}

/* ---- the whole ---- */

/* As many positions as the model was made for, and --bench wants. */
static void bench_positions(struct call *c)
{
    uint64_t most = mm_loaded_context(&c->model), tokens = c->asked.tokens_given ? c->asked.tokens : BENCH_TOKENS;
    c->asked.tokens = tokens < most ? tokens : most > 1 ? most - 1 : 1;
    c->how.context = c->asked.tokens + BENCH_PROMPT < most ? c->asked.tokens + BENCH_PROMPT : most;
    c->how.beside = MM_PACE_READ;
}

static int bench(struct call *c)
{
    struct mm_pace pace;
    if (mm_pace_run(&c->model, c->how.context - c->asked.tokens, c->asked.tokens, &pace, &c->cli.diags) < 0)
        return -1;
    cli_pace(&c->cli, &c->out, c->model.engines[0].device, &pace);
    return mm_loaded_finish(&c->model, &c->cli.diags);
}

static int load(struct call *c)
{
    if (read_expected(c) < 0 || (c->no_receipt ? open_named(c) : open_permitted(c)) < 0 || take_shipped(c) < 0)
        return -1;
    c->cli.diags.file = c->cli.argv[0];
    cli_evidence_heads(&c->cli, &c->expected, &c->found[0]);
    if (c->bench)
        bench_positions(c);
    else if (cli_asked_cases(&c->cli, &c->asked, &c->model, &c->expected, &c->found[0]) < 0 ||
             cli_asked_positions(&c->cli, &c->asked, &c->model, &c->expected, &c->found[0], &c->how.context) < 0)
        return -1;
    else {
        c->how.beside = mm_smoke_memory(c->model.checkpoint.slm.tokenizer.piece_count);
        c->how.sequences = cli_traces_wanted(&c->traces) ? 1 : c->found[0].case_count;
    }
    return mm_loaded_start(&c->model, &c->how, c->devices.count, &c->cli.diags);
}

static int run_engines(struct call *c)
{
    int result = 0;
    for (size_t i = 0; i < c->devices.count && result == 0; i++)
        result = run_engine(c, i);
    return result == 0 ? mm_loaded_finish(&c->model, &c->cli.diags) : -1;
}

static int run(struct call *c)
{
    int result = cli_traces_wanted(&c->traces) ? mm_tracing_begin(&c->traces.tracing, &c->cli.diags) : 0;
    if (result == 0)
        result = load(c);
    if (result == 0)
        result = c->bench ? bench(c) : run_engines(c);
    cli_deadline_end(&c->deadline);
    if (result == 0 && c->record)
        result = cli_evidence_write(&c->cli, c->record, &c->record_writer, &c->found[0]);
    if (result == 0 && cli_traces_wanted(&c->traces))
        result = cli_traces_finish(&c->cli, &c->traces, &c->found[0]);
    if (result == 0 && !(c->record && strcmp(c->record, "-") == 0))
        result = cli_print(&c->cli, &c->out);
    return result;
}

/* Returns the answer, before that of the findings. */
static int check(struct call *c)
{
    int result = open_files(c);
    if (result == 0 && !c->no_receipt)
        result = open_trust(c);
    bool drivers = cli_devices_drivers(&c->devices); /* which may hang; else no thread begins outside the sandbox */
    if (result == 0 && drivers)
        result = cli_deadline_begin(&c->cli, &c->deadline, c->seconds);
    if (result == 0)
        result = cli_devices_open(&c->cli, &c->devices);
    if (result == 0)
        result = enter_sandbox(c);
    if (result == 0 && !drivers)
        result = cli_deadline_begin(&c->cli, &c->deadline, c->seconds);
    if (result == 0)
        result = run(c);
    cli_deadline_end(&c->deadline);
    return result < 0 ? cli_failed(&c->cli) : MM_YES;
}

/* ---- the command line ---- */

static uint64_t number(const struct call *c, const char *option, const char *value, uint64_t most)
{
    uint64_t count;
    if (!mm_number(value, strlen(value), most, &count) || count == 0)
        cli_usage(&c->cli, "%s: expected a number from 1 to %llu, found '%s'", option, (unsigned long long)most, value);
    return count;
}

static void take_prompt(struct call *c, const char *value)
{
    size_t at;
    if (!mm_utf8_valid(value, strlen(value), &at) || strlen(value) > MM_EVIDENCE_VALUE_MAX / 8)
        cli_usage(&c->cli, "--prompt: expected at most %d bytes of UTF-8, found something else",
                  MM_EVIDENCE_VALUE_MAX / 8);
    c->asked.prompts[c->asked.prompt_count++] = value; /* there is room for as many as there are arguments */
}

static void take_option(struct call *c, int option, const char *value)
{
    switch (option) {
    case RECORD: c->record = value; break;
    case EXPECT: c->expect = value; break;
    case PROMPT: take_prompt(c, value); break;
    case TOKENS:
        c->asked.tokens = number(c, "--tokens", value, TOKENS_MAX);
        c->asked.tokens_given = true;
        break;
    case NO_RECEIPT: c->no_receipt = true; break;
    case MODEL_ID: c->model_id = value; break;
    case TOKENIZER: c->tokenizer = value; break;
    case DEVICE: c->device = value; break;
    case LIST_DEVICES: c->list_devices = true; break;
    case THREADS: c->threads = value; break;
    case INSTRUCTIONS: c->how.instructions = value; break;
    case FAST: c->how.fast = true; break;
    case BENCH: c->bench = true; break;
    case MAX_MEMORY:
        if (!mm_number_size(value, MM_NUMBER_MAX, &c->how.max_memory))
            cli_usage(&c->cli, "--max-memory: expected a size such as 512M, found '%s'", value);
        break;
    case TIMEOUT: c->seconds = number(c, "--timeout", value, SECONDS_MAX); break;
    case TRACE: c->traces.path = value; break;
    case TRACE_AGAINST: c->traces.against = value; break;
    case VERBOSE: c->verbose = true; break;
    case REQUIRE_SIGNATURE: c->require_signature = true; break;
    case KEYRING: c->keyring = value; break;
    case POLICY: cli_policies_add(&c->trust.policies, value); break;
    case HOME_DIR: c->home = value; break;
    default: c->force = true; break;
    }
}

static void take_instructions(struct call *c)
{
    const char *named = getenv("MINIMODEL_KERNELS"),
               *from = c->how.instructions ? "--instructions" : "MINIMODEL_KERNELS";
    if (!c->how.instructions && named && *named)
        c->how.instructions = named;
    if (c->how.instructions && !mm_kernels_find(c->how.instructions, c->how.fast))
        cli_usage(&c->cli, "%s: expected instructions that this processor has, found '%s'", from, c->how.instructions);
    unsigned threads = cli_threads(&c->cli, c->threads);
    c->how.threads = threads < MM_CREW_THREADS ? threads : MM_CREW_THREADS;
}

static void check_model_id(const struct call *c)
{
    struct mm_value_fault fault = {0};
    if (c->model_id && !mm_field_check(MM_FIELD_MODEL_ID, c->model_id, strlen(c->model_id), &fault))
        cli_usage(&c->cli, "--model-id: expected PUBLISHER/NAME, found '%s'", c->model_id);
}

static void check_call(const struct call *c)
{
    if (c->cli.argc < 1 || (c->cli.argc > 1 && !c->no_receipt))
        cli_usage(&c->cli, "expected one MODEL-ID, or --no-receipt and files");
    if (!c->no_receipt && (c->tokenizer || c->model_id))
        cli_usage(&c->cli, "--tokenizer and --model-id go with --no-receipt");
    if (!c->no_receipt && access(c->cli.argv[0], F_OK) == 0 && strchr(c->cli.argv[0], '.'))
        cli_usage(&c->cli,
                  "expected the MODEL-ID of a model in the store; --no-receipt runs the file '%s' all the same",
                  c->cli.argv[0]);
    if (c->expect && (c->asked.prompt_count > 0 || c->asked.tokens_given))
        cli_usage(&c->cli, "--prompt and --tokens are those of the evidence with --expect");
    if (c->how.fast && (c->expect || c->record))
        cli_usage(&c->cli, "--fast decides nothing: it goes neither with --expect nor with --record");
    if (c->bench && (c->expect || c->record || cli_traces_wanted(&c->traces) || c->asked.prompt_count > 0))
        cli_usage(&c->cli, "--bench compares nothing and writes nothing");
    for (int i = 0; i < c->cli.argc; i++)
        if (strcmp(c->cli.argv[i], "-") == 0)
            cli_usage(&c->cli, "expected names of files: models are read in no order");
    check_model_id(c);
}

/* Half of the memory that the machine has. */
static uint64_t default_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size / 2 : (uint64_t)1 << 30;
}

static void release(struct call *c)
{
    mm_writer_abandon(&c->record_writer);
    for (size_t i = 0; i < MM_LOADED_ENGINES; i++)
        mm_evidence_release(&c->found[i]);
    mm_evidence_release(&c->expected);
    cli_traces_release(&c->traces);
    mm_loaded_release(&c->model);
    cli_devices_release(&c->devices);
    mm_permitted_release(&c->permitted);
    cli_trust_release(&c->trust);
    cli_store_release(&c->store);
    mm_buf_release(&c->out);
    free(c->asked.prompts);
}

int main(int argc, char **argv)
{
    struct call c = {.store = {NULL, -1},
                     .trust = CLI_TRUST_NONE,
                     .permitted = MM_PERMITTED_NONE,
                     .devices = CLI_DEVICES_NONE,
                     .asked = {.tokens = TOKENS_DEFAULT},
                     .traces = CLI_TRACES_NONE,
                     .expect_file = -1,
                     .record_writer = {.fd = -1, .folder = -1}};
    const char *value;
    int option;
    c.asked.prompts = calloc((size_t)argc + 1, sizeof *c.asked.prompts);
    if (!c.asked.prompts)
        return cli_no_memory(command.name);
    cli_init(&c.cli, &command, argc, argv);
    c.how.max_memory = default_memory();
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    if (!c.list_devices)
        check_call(&c);
    take_instructions(&c);
    cli_devices_take(&c.cli, &c.devices, c.device);
    c.how.gpus = c.devices.gpus;
    int answer = c.list_devices ? cli_devices_list(&c.cli) : check(&c);
    answer = cli_finish(&c.cli, answer);
    release(&c);
    return answer;
}
