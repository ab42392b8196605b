/* receipt-write: keeps a report that passed as a receipt, in the store's chain; checks, anchors, restarts and reads that chain. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/chain_sign.h"
#include "act/consent.h"
#include "act/home.h"
#include "act/now.h"
#include "base/file.h"
#include "cli.h"
#include "cli_anchor.h"
#include "cli_secret.h"
#include "doc/manifest_field.h"
#include "text/line.h"

/* What a call does; those that are no WRITE have options of the same names. */
enum {
    CHECK,
    HEAD,
    NEW_CHAIN,
    GRANT_EXECUTION,
    ANCHOR, /* with CHECK it is what the chain is compared with */
    EXPECT_HEAD,
    FORCE,
    HOME,
    HOST_LABEL,
    MEDIUM,
    PASSWORD_FD,
    PASSWORD_FILE,
    PUBLIC_KEY,
    REQUIRE_SIGNATURE,
    ROOT,
    SECRET_KEY,
    WRITE
};

static const struct cli_option options[] = {
    [CHECK] = {'c', "check", NULL, "check the whole chain of receipts"},
    [HEAD] = {0, "head", NULL, "print the hash of the newest receipt"},
    [NEW_CHAIN] = {0, "new-chain", "REASON", "end a damaged chain; the next receipt begins a new one"},
    [GRANT_EXECUTION] = {0, "grant-execution", "MODEL", "write a consent to run MODEL, PUBLISHER/NAME[@REVISION]"},
    [ANCHOR] = {'a', "anchor", "FILE",
                "write the head as a signed anchor; with --check: an anchor's head has to be in the chain"},
    [EXPECT_HEAD] = {0, "expect-head", "HEX", "with --check: this receipt has to be in the chain"},
    [FORCE] = {'f', "force", NULL, "replace an anchor that is there"},
    [HOME] = {0, "home", "DIR", "the store, instead of MINIMODEL_HOME"},
    [HOST_LABEL] = {0, "host-label", "TEXT", "note TEXT as the name of this machine"},
    [MEDIUM] = {'m', "medium", "WORD", "file, usb, chunkset, peer or in-place (default), and perhaps a detail"},
    [PASSWORD_FD] = {0, "password-fd", "N", "read the secret key's password from the open file N"},
    [PASSWORD_FILE] = {0, "password-file", "FILE", "read it from FILE, which is the user's own and mode 0600"},
    [PUBLIC_KEY] = {'p', "public-key", "FILE", "with --check: a key that signatures have to be of; may be given again"},
    [REQUIRE_SIGNATURE] = {0, "require-signature", NULL, "with --check and keys: every receipt has to be signed"},
    [ROOT] = {'r', "root", "DIR", "the folder that was verified: note which files are there"},
    [SECRET_KEY] = {'s', "secret-key", "FILE", "sign the receipt or the anchor with this key"},
};

static const struct cli_command command = {
    "receipt-write",
    "[REPORT]",
    "Keep a report whose verdict is pass (default: standard input) as a receipt.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_VERIFY | MM_GROUP_RECEIPT | MM_GROUP_STORE | MM_GROUP_TRUST,
};

struct call {
    struct cli cli;
    int mode;
    const char *home, *root, *host_label, *medium, *reason;
    char model_id[160];
    uint64_t revision; /* 0: any */
    bool expects, force;
    unsigned char expected[MM_HASH_BYTES];
    struct cli_signer signer;
    struct mm_chain_keys keys;
    struct cli_anchor anchor;
    struct mm_writer anchor_file, signature_file; /* of the anchor that is written */
};

/* ---- printing ---- */

static int print_facts(struct call *c, struct mm_buf *out)
{
    if (c->cli.json)
        mm_buf_str(out, out->length ? "}\n" : "{}\n");
    int result = cli_print(&c->cli, out);
    mm_buf_release(out);
    return result;
}

/* The path and hash of a new receipt. */
static int print_receipt(struct call *c, const char *path, const unsigned char *head)
{
    struct mm_buf out = {0}, shown = {0};
    char hex[MM_HASH_HEX + 1];
    char *home = mm_home_path(c->home, &c->cli.diags);
    if (!home)
        return -1;
    if (c->cli.json)
        mm_buf_str(&shown, home);
    else
        mm_buf_printable(&shown, home, strlen(home));
    mm_buf_printf(&shown, "/%s", path);
    free(home);
    if (!mm_buf_text(&shown))
        return mm_diag_memory(&c->cli.diags);
    mm_hex(hex, head, MM_HASH_BYTES);
    cli_fact(&c->cli, &out, "receipt", shown.data, false);
    cli_fact(&c->cli, &out, "sha256", hex, false);
    mm_buf_release(&shown);
    return print_facts(c, &out);
}

/* Under --head the bare hash, for another call's --expect-head. */
static int print_chain(struct call *c, const struct mm_chain_facts *facts)
{
    struct mm_buf out = {0};
    char hex[MM_HASH_HEX + 1] = "none", number[24];
    if (facts->head.known)
        mm_hex(hex, facts->head.bytes, MM_HASH_BYTES);
    if (c->mode == HEAD && !c->cli.json) {
        mm_buf_printf(&out, "%s\n", hex);
        return print_facts(c, &out);
    }
    snprintf(number, sizeof number, "%" PRIu64, facts->receipts);
    cli_fact(&c->cli, &out, "receipts", number, true);
    cli_fact(&c->cli, &out, "head", hex, false);
    if (c->keys.count) {
        snprintf(number, sizeof number, "%" PRIu64, facts->verified);
        cli_fact(&c->cli, &out, "signatures", number, true);
    }
    return print_facts(c, &out);
}

static int print_anchor(struct call *c, const struct mm_anchor *anchor)
{
    struct mm_buf out = {0}, shown = {0};
    char hex[MM_HASH_HEX + 1], number[24];
    if (c->cli.json)
        mm_buf_str(&shown, c->anchor.path);
    else
        mm_buf_printable(&shown, c->anchor.path, strlen(c->anchor.path));
    if (!mm_buf_text(&shown))
        return mm_diag_memory(&c->cli.diags);
    mm_hex(hex, anchor->head, MM_HASH_BYTES);
    snprintf(number, sizeof number, "%" PRIu64, anchor->receipts);
    cli_fact(&c->cli, &out, "anchor", shown.data, false);
    cli_fact(&c->cli, &out, "receipts", number, true);
    cli_fact(&c->cli, &out, "head", hex, false);
    mm_buf_release(&shown);
    return print_facts(c, &out);
}

/* ---- writing ---- */

static int copy_text(char **to, const char *from, struct mm_diags *diags)
{
    *to = from ? strdup(from) : NULL;
    return from && !*to ? mm_diag_memory(diags) : 0;
}

/* A receipt is never older than the one before it, whatever the clock says. */
static void note_clock(struct call *c, const struct mm_receipt *receipt)
{
    char now[MM_TIME_SIZE];
    if (mm_time_written(now)) /* the environment says what is written */
        return;
    mm_time_now(now);
    if (strcmp(receipt->created, now) > 0)
        mm_now_note_behind(receipt->created, &c->cli.diags);
}

static int append(struct call *c, int home, struct mm_receipt *receipt)
{
    char path[MM_RECEIPT_PATH];
    unsigned char head[MM_HASH_BYTES];
    if (copy_text(&receipt->host_label, c->host_label, &c->cli.diags) < 0)
        return -1;
    if (mm_chain_append(home, receipt, c->signer.key, path, head, &c->cli.diags) < 0)
        return -1;
    note_clock(c, receipt);
    return print_receipt(c, path, head);
}

/* The detail stands behind the medium's word and a space; the word was checked when the option was read. */
static int take_medium(struct call *c, struct mm_receipt *receipt)
{
    receipt->medium = MM_MEDIUM_IN_PLACE;
    if (!c->medium)
        return 0;
    size_t length = strcspn(c->medium, " ");
    for (int medium = 0; medium < MM_MEDIUM_COUNT; medium++)
        if (strlen(mm_medium_names[medium]) == length && memcmp(mm_medium_names[medium], c->medium, length) == 0)
            receipt->medium = medium;
    return copy_text(&receipt->detail, c->medium[length] ? c->medium + length + 1 : NULL, &c->cli.diags);
}

static int write_receipt(struct call *c, int home, int report, int root)
{
    struct mm_diags *diags = &c->cli.diags;
    struct mm_receipt receipt = {0};
    struct mm_buf text = {0};
    int result = mm_file_read_all(report, MM_RECEIPT_MAX, &text, diags);
    if (result > 0)
        result = mm_diag_line(diags, MM_RULE_TEXT_SIZE, 1, 1, "expected at most %d bytes, found more", MM_RECEIPT_MAX);
    if (result == 0)
        result = mm_receipt_read_report(&receipt, mm_buf_text(&text), text.length, diags);
    if (result == 0 && root >= 0 && receipt.verdict == MM_VERDICT_PASS)
        result = mm_receipt_take_fingerprints(&receipt, root, diags);
    if (result == 0) {
        receipt.action = MM_ACTION_VERIFIED;
        result = take_medium(c, &receipt);
    }
    if (result == 0)
        result = append(c, home, &receipt);
    mm_buf_release(&text);
    mm_receipt_release(&receipt);
    return result;
}

static int grant_execution(struct call *c, int home)
{
    struct mm_receipt receipt;
    int result = mm_consent_prepare(home, c->model_id, c->revision, &receipt, &c->cli.diags);
    if (result == 0)
        result = append(c, home, &receipt);
    mm_receipt_release(&receipt);
    return result;
}

/* ---- anchors ---- */

/* The signature appears first, so that an anchor never stands there without one; what failed to be flushed may stand there whole. */
static int publish_anchor(struct call *c, const struct mm_buf *document, const struct mm_buf *signature)
{
    struct mm_diags *diags = &c->cli.diags;
    if (mm_writer_write(&c->signature_file, signature->data, signature->length, diags) < 0 ||
        mm_writer_write(&c->anchor_file, document->data, document->length, diags) < 0 ||
        mm_writer_commit(&c->signature_file, diags) < 0)
        return -1;
    return mm_writer_commit(&c->anchor_file, diags);
}

static int write_anchor(struct call *c, int home)
{
    struct mm_buf document = {0}, signature = {0};
    struct mm_anchor anchor;
    int result = mm_anchor_make(&anchor, home, c->host_label, c->signer.key, &document, &signature, &c->cli.diags);
    if (result == 0)
        result = publish_anchor(c, &document, &signature);
    if (result == 0)
        result = print_anchor(c, &anchor);
    mm_buf_release(&document);
    mm_buf_release(&signature);
    return result;
}

static bool is_anchor(const struct mm_buf *text, struct mm_diags *findings)
{
    struct mm_anchor anchor;
    return mm_anchor_read(&anchor, text->data ? text->data : "", text->length, findings) == 0;
}

static bool is_signature(const struct mm_buf *text, struct mm_diags *findings)
{
    struct mm_signature signature;
    return mm_signature_read(&signature, text->data ? text->data : "", text->length, findings) == 0;
}

/* --force is for what IS says: a key or a log that is named by mistake would be lost. */
static int check_replaced(struct call *c, const char *path, bool (*is)(const struct mm_buf *, struct mm_diags *),
                          const char *what)
{
    struct stat info;
    struct mm_buf text = {0};
    struct mm_diags findings;
    if (!c->force || (stat(path, &info) < 0 && errno == ENOENT))
        return 0;
    mm_diags_init(&findings);
    int fd = mm_file_open(path, &findings);
    bool sound = fd >= 0 && mm_file_read_all(fd, MM_SIGNATURE_MAX, &text, &findings) == 0 && is(&text, &findings);
    if (fd >= 0)
        close(fd);
    mm_buf_release(&text);
    mm_diags_release(&findings);
    return sound ? 0 : mm_diag(&c->cli.diags, MM_RULE_IO_EXISTS, "will not replace %s, which is no %s", path, what);
}

static int open_anchor(struct call *c)
{
    char *signature = cli_anchor_signature(&c->cli, c->anchor.path);
    int result = signature ? check_replaced(c, c->anchor.path, is_anchor, "anchor") : -1;
    if (result == 0)
        result = check_replaced(c, signature, is_signature, "signature");
    if (result == 0)
        result = mm_writer_open(&c->anchor_file, c->anchor.path, c->force, &c->cli.diags);
    if (result == 0)
        result = mm_writer_open(&c->signature_file, signature, c->force, &c->cli.diags);
    free(signature);
    return result;
}

/* ---- the call ---- */

/* The receipt that has to be in the chain, NULL for none. An anchor that is not to be believed is a finding, and names none. */
static const unsigned char *expected_head(struct call *c)
{
    if (c->expects)
        return c->expected;
    if (c->anchor.path && cli_anchor_verify(&c->cli, &c->anchor, &c->keys) == 0)
        return c->anchor.anchor.head;
    return NULL;
}

static int check_chain(struct call *c, int home, struct mm_chain_facts *facts)
{
    struct mm_diags *diags = &c->cli.diags;
    uint64_t errors = diags->errors;
    const unsigned char *expected = expected_head(c);
    int result = mm_chain_check(home, expected, c->keys.count ? &c->keys : NULL, facts, diags);
    result |= cli_anchor_compare(&c->cli, &c->anchor, facts);
    if (facts->signatures && !c->keys.count)
        mm_note(diags, MM_RULE_RECEIPT_SIGNATURE,
                "%" PRIu64 " of the receipts are signed; which key signed them is not checked without --public-key",
                facts->signatures);
    return result < 0 || diags->errors > errors ? -1 : 0;
}

static int run_chain(struct call *c, int home)
{
    struct mm_chain_facts facts;
    int result = c->mode == CHECK ? check_chain(c, home, &facts) : mm_chain_head(home, &facts, &c->cli.diags);
    if (result == 0 ||
        (c->mode == CHECK && !c->cli.diags.unknown)) /* what a damaged chain has, not what was not read */
        result |= print_chain(c, &facts);
    return result;
}

static int run_inside(struct call *c, int home, int report, int root)
{
    switch (c->mode) {
    case CHECK:
    case HEAD: return run_chain(c, home);
    case NEW_CHAIN: return mm_chain_restart(home, c->reason, &c->cli.diags);
    case GRANT_EXECUTION: return grant_execution(c, home);
    case ANCHOR: return write_anchor(c, home);
    default: return write_receipt(c, home, report, root);
    }
}

static int open_root(struct call *c)
{
    const char *shown = c->cli.diags.file;
    c->cli.diags.file = c->root;
    int root = mm_file_open_folder(c->root, &c->cli.diags);
    c->cli.diags.file = shown;
    return root;
}

/* Keys, and the files of an anchor. */
static int open_signed(struct call *c)
{
    if (c->mode == CHECK && cli_anchor_read(&c->cli, &c->anchor, &c->keys) < 0)
        return -1;
    if (c->mode == ANCHOR && open_anchor(c) < 0)
        return -1;
    return cli_signer_open(&c->cli, &c->signer);
}

static int enter(struct call *c, int home, int root)
{
    bool reads = c->mode == CHECK || c->mode == HEAD || c->mode == ANCHOR;
    struct mm_sandbox_rule rules[3] = {{home, reads ? MM_SANDBOX_READ : MM_SANDBOX_WRITE}};
    size_t count = 1;
    if (root >= 0)
        rules[count++] = (struct mm_sandbox_rule){root, MM_SANDBOX_READ};
    if (c->mode == ANCHOR)
        rules[count++] = (struct mm_sandbox_rule){c->anchor_file.folder, MM_SANDBOX_WRITE};
    return cli_sandbox(&c->cli, rules, count);
}

static int run(struct call *c)
{
    int report = -1, root = -1, result = -1;
    if (c->mode == WRITE && (report = cli_open(&c->cli, c->cli.argc ? c->cli.argv[0] : "-")) < 0)
        return -1;
    if (c->root && (root = open_root(c)) < 0)
        return -1;
    if (open_signed(c) < 0)
        return -1;
    int home = mm_home_open(c->home, c->mode == WRITE, &c->cli.diags);
    if (home < 0)
        return -1;
    if (enter(c, home, root) == 0)
        result = run_inside(c, home, report, root);
    close(home);
    return result;
}

static void release(struct call *c)
{
    cli_signer_release(&c->signer);
    cli_anchor_release(&c->anchor);
    mm_writer_abandon(&c->anchor_file);
    mm_writer_abandon(&c->signature_file);
}

/* ---- options ---- */

/* PUBLISHER/NAME[@REVISION] */
static void take_model(struct call *c, const char *value)
{
    struct mm_value_fault fault = {0};
    size_t length = strcspn(value, "@");
    bool sound = length < sizeof c->model_id && mm_field_check(MM_FIELD_MODEL_ID, value, length, &fault);
    if (sound && value[length])
        sound =
            mm_number(value + length + 1, strlen(value + length + 1), MM_NUMBER_MAX, &c->revision) && c->revision > 0;
    if (!sound)
        cli_usage(&c->cli, "expected PUBLISHER/NAME or PUBLISHER/NAME@REVISION, found '%s'", value);
    memcpy(c->model_id, value, length);
    c->model_id[length] = '\0';
}

static void check_medium(struct call *c)
{
    size_t length = strcspn(c->medium, " ");
    for (int medium = 0; medium < MM_MEDIUM_COUNT; medium++)
        if (strlen(mm_medium_names[medium]) == length && memcmp(mm_medium_names[medium], c->medium, length) == 0 &&
            mm_value_sound(c->medium, strlen(c->medium)) && c->medium[length + (c->medium[length] == ' ')] != ' ')
            return;
    cli_usage(&c->cli, "expected file, usb, chunkset, peer or in-place, and perhaps a detail, found '%s'", c->medium);
}

static void take_mode(struct call *c, int mode)
{
    if (c->mode != WRITE && c->mode != mode)
        cli_usage(&c->cli, "--%s and --%s exclude each other", options[c->mode].name, options[mode].name);
    c->mode = mode;
}

static void take_option(struct call *c, int option, const char *value)
{
    switch (option) {
    case EXPECT_HEAD:
        c->expects = mm_hex_hash(value, strlen(value), c->expected);
        if (!c->expects)
            cli_usage(&c->cli, "expected 64 lower-case hex digits, found '%s'", value);
        break;
    case HOME: c->home = value; break;
    case HOST_LABEL:
        if (!mm_value_sound(value, strlen(value)))
            cli_usage(&c->cli, "expected a label of printable text without spaces around it, found '%s'", value);
        c->host_label = value;
        break;
    case MEDIUM:
        c->medium = value;
        check_medium(c);
        break;
    case ROOT: c->root = value; break;
    case ANCHOR: c->anchor.path = value; break;
    case FORCE: c->force = true; break;
    case PASSWORD_FD: cli_password_fd(&c->cli, &c->signer.password, value); break;
    case PASSWORD_FILE: c->signer.password.file = value; break;
    case PUBLIC_KEY: cli_anchor_key(&c->cli, &c->anchor, &c->keys, value); break;
    case REQUIRE_SIGNATURE: c->keys.required = true; break;
    case SECRET_KEY: c->signer.path = value; break;
    default:
        take_mode(c, option);
        if (option == NEW_CHAIN)
            c->reason = value;
        else if (option == GRANT_EXECUTION)
            take_model(c, value);
    }
}

/* Which options go together. */
static void check_signing(struct call *c)
{
    bool signs = c->mode == WRITE || c->mode == GRANT_EXECUTION || c->mode == ANCHOR;
    if (c->mode == ANCHOR && !c->signer.path)
        cli_usage(&c->cli, "--anchor needs --secret-key, or --check and --public-key");
    if (c->signer.path && !signs)
        cli_usage(&c->cli, "--secret-key goes with a REPORT, --grant-execution or --anchor");
    cli_signer_check(&c->cli, &c->signer);
    if (c->keys.count && c->mode != CHECK)
        cli_usage(&c->cli, "--public-key goes with --check");
    if (!c->keys.count && (c->keys.required || (c->mode == CHECK && c->anchor.path)))
        cli_usage(&c->cli, "--require-signature, and --anchor with --check, need --public-key");
    if (c->force && c->mode != ANCHOR)
        cli_usage(&c->cli, "--force goes with --anchor");
}

static void check_options(struct call *c)
{
    if (c->anchor.path && c->mode == WRITE)
        c->mode = ANCHOR;
    if (c->anchor.path && c->mode != ANCHOR && c->mode != CHECK)
        cli_usage(&c->cli, "--anchor and --%s exclude each other", options[c->mode].name);
    if (c->cli.argc > (c->mode == WRITE))
        cli_usage(&c->cli, c->mode == WRITE ? "expected one REPORT" : "expected no REPORT with that option");
    if (c->expects && (c->mode != CHECK || c->anchor.path))
        cli_usage(&c->cli, "--expect-head goes with --check, and without --anchor");
    if (c->mode != WRITE && (c->root || c->medium))
        cli_usage(&c->cli, "--root and --medium go with a REPORT");
    if (c->mode != WRITE && c->host_label && c->mode != GRANT_EXECUTION && c->mode != ANCHOR)
        cli_usage(&c->cli, "--host-label goes with a REPORT, --grant-execution or --anchor");
    check_signing(c);
}

int main(int argc, char **argv)
{
    struct call c = {.mode = WRITE,
                     .signer = CLI_NO_SIGNER,
                     .anchor_file = {.fd = -1, .folder = -1},
                     .signature_file = {.fd = -1, .folder = -1}};
    const char *value;
    int option;
    cli_init(&c.cli, &command, argc, argv);
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    check_options(&c);
    int answer = run(&c) < 0 ? cli_failed(&c.cli) : MM_YES;
    release(&c);
    return cli_finish(&c.cli, answer);
}
