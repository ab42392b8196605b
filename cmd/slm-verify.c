/* slm-verify: are these the files that the manifest describes? Prints a report. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/home.h"
#include "act/verify.h"
#include "cli.h"
#include "cli_files.h"
#include "cli_oms.h"
#include "cli_ranges.h"
#include "cli_recheck.h"
#include "cli_sarif.h"
#include "cli_threads.h"
#include "cli_trust.h"
#include "text/path.h"

enum {
    QUICK,
    STRICT,
    REQUIRE_SIGNATURE,
    SIGNATURE,
    KEYRING,
    HOME_DIR,
    POLICY,
    MANIFEST_SHA256,
    ONLY,
    BAD_RANGES,
    FOLLOW_LINKS,
    FORCE,
    RECEIPT,
    FULL,
    OMS,
    KEY,
    CERTIFICATE,
    IGNORE_PATH,
    IGNORE_UNSIGNED,
    SARIF,
    THREADS,
    FILES_FROM,
    NUL
};

static const struct cli_option options[] = {
    [QUICK] = {0, "quick", NULL, "leave out whole-file hashes; chunk hashes and roots stay"},
    [STRICT] = {0, "strict", NULL, "files that the manifest does not name are a failure"},
    [REQUIRE_SIGNATURE] = {0, "require-signature", NULL, "an unsigned manifest is a failure, whoever publishes it"},
    [SIGNATURE] = {0, "signature", "FILE", "the manifest's signature, instead of MANIFEST.minisig; it is required"},
    [KEYRING] = {0, "keyring", "DIR", "the keyring (default: MINIMODEL_KEYRING)"},
    [HOME_DIR] = {0, "home", "DIR", "the store, for what its receipts remember (default: MINIMODEL_HOME)"},
    [POLICY] = {0, "policy", "FILE", CLI_POLICY_HELP},
    [MANIFEST_SHA256] = {'m', "manifest-sha256", "HEX", "the manifest has to be the one with this SHA-256"},
    [ONLY] = {'o', "only", "PATH", "check this artifact alone; may be given again"},
    [BAD_RANGES] = {'b', "bad-ranges", "FILE", "write wrong chunks to FILE, for a repair"},
    [FOLLOW_LINKS] = {'L', "follow-links", NULL, "follow symbolic links that lead out of ROOT"},
    [FORCE] = {0, "force", NULL, "replace an existing bad-ranges FILE"},
    [RECEIPT] = {0, "receipt", "MODEL-ID[@REVISION]",
                 "look whether a model of the store is untouched since its receipt, and read no byte of it"},
    [FULL] = {0, "full", NULL, "with --receipt: read the bytes, and print a report of them"},
    [OMS] = {0, "oms", "BUNDLE", "verify a model by its OpenSSF model-signing bundle instead: --oms BUNDLE MODEL"},
    [KEY] = {0, "key", "FILE", "with --oms: the public key (PEM) that has to have signed"},
    [CERTIFICATE] = {0, "certificate", "FILE", "with --oms: trusted certificates (PEM) that vouch for the signer's"},
    [IGNORE_PATH] = {0, "ignore-path", "PATH", "with --oms: leave out PATH and what is beneath it; may be given again"},
    [IGNORE_UNSIGNED] = {0, "ignore-unsigned-files", NULL, "with --oms: files that were not signed are no failure"},
    [SARIF] = {0, "sarif", NULL, "print the findings as one SARIF 2.1.0 document instead of the report"},
    [THREADS] = {0, "threads", "N", CLI_THREADS_HELP},
    [FILES_FROM] = {0, "files-from", "FILE", "verify the manifests that FILE names, one a line; - is standard input"},
    [NUL] = {'0', "null", NULL, "names in --files-from end in NUL"},
};

static const struct cli_command command = {
    "slm-verify",
    "MANIFEST [ROOT]",
    "Check the files under ROOT (default: the manifest's folder) and print a report.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_CHUNK | MM_GROUP_MODEL | MM_GROUP_VERIFY | MM_GROUP_RECEIPT |
        MM_GROUP_STORE | MM_GROUP_TRUST | MM_GROUP_POLICY | MM_GROUP_ATTEST,
};

struct call {
    struct cli cli;
    struct mm_verify_options how;
    struct cli_trust trust;
    const char *manifest, *root; /* as they are called; root: NULL for the manifest's folder */
    const char *files_from;
    bool nul;
    bool unprinted; /* a report */
    int answer;     /* of the manifests of files_from so far */
    const char *threads, *keyring, *home, *signature;
    int folder;         /* the manifest's, for signatures beside it; -1: it has none */
    int signature_file; /* --signature, -1 for none */
    unsigned char pin[MM_HASH_BYTES];
    const char *bad_ranges;
    bool force;
    struct cli_oms oms;
    struct cli_recheck recheck;
    struct mm_buf bad;
    struct mm_writer writer;
};

/* The manifest's name beneath the open folder ROOT, if that is the folder it stands in. What cannot be looked at is taken
 * for the manifest, rather than for a surplus file. */
static const char *name_in(const char *manifest, int fd, int root)
{
    struct stat a, b;
    const char *slash = strrchr(manifest, '/');
    const char *base = slash ? slash + 1 : manifest;
    if (fstatat(root, base, &b, 0) < 0)
        return errno == ENOENT ? NULL : base;
    return fstat(fd, &a) < 0 || (a.st_dev == b.st_dev && a.st_ino == b.st_ino) ? base : NULL;
}

/* Opens the folder PATH, whose name is the caller's. */
static int open_folder(struct call *c, const char *path, size_t length)
{
    const char *shown = c->cli.diags.file;
    char *folder = length ? strndup(path, length) : strdup(".");
    if (!folder)
        return mm_diag_memory(&c->cli.diags);
    c->cli.diags.file = folder;
    int fd = mm_file_open_folder(folder, &c->cli.diags);
    c->cli.diags.file = shown;
    free(folder);
    return fd;
}

static int open_root(struct call *c)
{
    return c->root ? open_folder(c, c->root, strlen(c->root))
                   : open_folder(c, c->manifest, mm_path_folder_length(c->manifest));
}

/* The store serves where it is there; what is wrong with it is a note. */
static void open_home(struct call *c)
{
    struct mm_diags aside;
    mm_diags_init(&aside);
    char *path = mm_home_path(c->home, &aside);
    if (path && (c->home || access(path, F_OK) == 0 || errno != ENOENT))
        c->trust.trust.home = mm_home_open(c->home, false, &aside);
    for (size_t i = 0; path && i < aside.count; i++)
        mm_note(&c->cli.diags, aside.items[i].rule, "the store is left aside: %s", aside.items[i].text);
    c->trust.trust.store_optional = true;
    mm_diags_release(&aside);
    free(path);
}

/* Opens all that signatures are judged by, whichever manifest they are of. Returns 0, or -1 with a finding. */
static int open_trust(struct call *c)
{
    cli_trust_open(&c->cli, &c->trust, c->keyring);
    open_home(c);
    return cli_trust_open_policies(&c->cli, &c->trust);
}

/* Opens where the manifest's signatures stand. Likewise. */
static int open_signatures(struct call *c)
{
    const char *shown = c->cli.diags.file, *manifest = c->manifest;
    if (strcmp(manifest, "-") != 0 && (c->folder = open_folder(c, manifest, mm_path_folder_length(manifest))) < 0)
        return -1;
    if (c->signature && (c->signature_file = cli_open(&c->cli, c->signature)) < 0)
        return -1;
    c->cli.diags.file = shown;
    return 0;
}

static int check_pin(struct call *c, const struct mm_manifest *manifest)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, manifest->sha256, MM_HASH_BYTES);
    if (!c->how.pin || memcmp(c->how.pin, manifest->sha256, MM_HASH_BYTES) == 0)
        return 0;
    return mm_diag(&c->cli.diags, MM_RULE_VERIFY_PIN, "expected the pinned SHA-256, found %s", hex);
}

static bool is_list_of(const char *path, int root, const struct mm_claim *claim)
{
    char list[sizeof claim->path + 16], compressed[sizeof claim->path + 16];
    snprintf(list, sizeof list, "%s.chunks", claim->path);
    snprintf(compressed, sizeof compressed, "%s.chunks.gz", claim->path);
    return mm_file_is(path, root, list) || mm_file_is(path, root, compressed);
}

/* The bad-ranges file must be none that is read. */
static int check_output(struct call *c, const struct mm_manifest *manifest, int root)
{
    bool read = mm_file_is(c->bad_ranges, AT_FDCWD, c->manifest);
    for (size_t group = 1; group <= mm_manifest_artifacts(manifest) && !read; group++) {
        struct mm_claim claim;
        mm_manifest_claim(manifest, group, &claim);
        read = mm_file_is(c->bad_ranges, root, claim.path) || is_list_of(c->bad_ranges, root, &claim);
    }
    return read ? mm_diag(&c->cli.diags, MM_RULE_IO_EXISTS, "will not replace %s, which is read", c->bad_ranges) : 0;
}

static int enter_sandbox(struct call *c, int root)
{
    struct mm_sandbox_rule rules[6];
    size_t count = cli_trust_rules(&c->trust, rules, 0);
    int all = c->how.links == MM_LINKS_FOLLOW ? open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (all >= 0 || root >= 0)
        rules[count++] = (struct mm_sandbox_rule){all >= 0 ? all : root, MM_SANDBOX_READ};
    if (c->trust.trust.home >= 0)
        rules[count++] = (struct mm_sandbox_rule){c->trust.trust.home, MM_SANDBOX_READ};
    if (c->folder >= 0)
        rules[count++] = (struct mm_sandbox_rule){c->folder, MM_SANDBOX_READ};
    if (c->bad_ranges)
        rules[count++] = (struct mm_sandbox_rule){c->writer.folder, MM_SANDBOX_WRITE};
    int result = cli_sandbox(&c->cli, rules, count);
    if (all >= 0)
        close(all);
    return result;
}

static int write_bad_ranges(struct call *c)
{
    if (!c->bad_ranges)
        return 0;
    if (c->cli.diags.unknown) /* an empty file would say that there is nothing to repair */
        return -1;
    if (!mm_buf_text(&c->bad))
        return mm_diag_memory(&c->cli.diags);
    if (mm_writer_write(&c->writer, mm_buf_text(&c->bad), c->bad.length, &c->cli.diags) < 0)
        return -1;
    return mm_writer_commit(&c->writer, &c->cli.diags);
}

/* Exit codes: a partial verdict is a yes where it was asked for with --only and all that was asked for passed. */
static int answer_of(const struct call *c, const struct mm_report *report)
{
    switch (mm_report_verdict(report)) {
    case MM_VERDICT_PASS: return MM_YES;
    case MM_VERDICT_FAIL: return MM_NO;
    default: return mm_report_only_partial(report) && c->how.only_count > 0 ? MM_YES : MM_UNKNOWN;
    }
}

/* The new findings go into the document of --sarif: names of files are as given, or beneath FOLDER of LENGTH bytes. */
static void take_findings(struct call *c, const struct mm_manifest *manifest, const char *folder, size_t length)
{
    cli_sarif_take(&c->cli, &(struct cli_sarif_about){.folder = folder,
                                                      .folder_length = length,
                                                      .operand = c->manifest,
                                                      .text = manifest->text,
                                                      .length = manifest->length});
}

static int verify(struct call *c, const struct mm_manifest *manifest, int root)
{
    struct mm_report report = {0};
    struct mm_buf out = {0};
    const char *folder = c->root ? c->root : c->manifest;
    int answer = MM_UNKNOWN;
    if (mm_verify(manifest, root, &c->how, &report, &c->cli.diags) == 0) {
        answer = answer_of(c, &report);
        if (!c->cli.sarif.asked)
            (c->cli.json ? mm_report_write_json : mm_report_write)(&report, &out);
        c->unprinted = write_bad_ranges(c) < 0 || cli_print(&c->cli, &out) < 0;
        if (c->unprinted)
            answer = cli_worse(answer, MM_UNKNOWN);
    }
    take_findings(c, manifest, folder, c->root ? strlen(folder) : mm_path_folder_length(folder));
    mm_buf_release(&out);
    mm_report_release(&report);
    return answer;
}

/* The signature that was given, or the one beside the manifest, and the countersignatures there. */
static int read_signatures(struct call *c, struct mm_signatures *signatures)
{
    const struct mm_trust *trust = &c->trust.trust;
    const char *name = mm_path_name(c->manifest);
    int result = c->signature_file >= 0 ? mm_signatures_read_file(signatures, c->signature_file, &c->cli.diags)
                 : c->folder >= 0       ? mm_signatures_read(signatures, c->folder, name, c->how.links, &c->cli.diags)
                                        : 0;
    signatures->shown = c->signature ? cli_shown(c->signature) : NULL;
    if (result == 0 && c->folder >= 0)
        result = mm_signatures_read_others(signatures, c->folder, name, c->how.links, trust->policies,
                                           trust->policy_count, &c->cli.diags);
    return result;
}

/* Reads and judges the signatures, which are named beneath the manifest's folder while they are read. */
static int judge_signatures(struct call *c, const struct mm_manifest *manifest, struct mm_signatures *signatures,
                            struct mm_trusted *trusted)
{
    const char *path = c->manifest;
    int result = read_signatures(c, signatures);
    take_findings(c, manifest, c->signature ? NULL : path, mm_path_folder_length(path));
    if (result == 0)
        result = mm_trust_judge(trusted, &c->trust.trust, manifest, signatures, &c->cli.diags);
    take_findings(c, manifest, NULL, 0);
    return result;
}

/* Decides about the manifest, then looks at what it names. */
static int judge(struct call *c, const struct mm_manifest *manifest, int root)
{
    struct mm_signatures signatures = {0};
    struct mm_trusted trusted = {0};
    int answer = MM_UNKNOWN;
    if (judge_signatures(c, manifest, &signatures, &trusted) == 0) {
        c->how.trusted = &trusted;
        answer = verify(c, manifest, root);
    }
    mm_trusted_release(&trusted);
    mm_signatures_release(&signatures);
    return answer;
}

/* Behind the sandbox: the manifest, and unless what it is judged by is not READY what it names beneath ROOT (-1: not there). Returns the
 * answer. */
static int run_inside(struct call *c, int fd, int root, bool ready)
{
    struct mm_manifest manifest = {0};
    int answer = MM_UNKNOWN;
    bool sound = mm_manifest_read_file(&manifest, fd, &c->cli.diags) == 0 && ready;
    if (manifest.text)
        check_pin(c, &manifest);
    take_findings(c, &manifest, NULL, 0);
    if (sound && root >= 0 && (!c->bad_ranges || check_output(c, &manifest, root) == 0)) {
        c->how.manifest_path = name_in(c->manifest, fd, root);
        c->how.signature = c->signature_file >= 0 ? &c->signature_file : NULL;
        c->how.bad_ranges = c->bad_ranges ? &c->bad : NULL;
        answer = judge(c, &manifest, root);
    } else {
        answer = cli_failed(&c->cli);
    }
    mm_manifest_release(&manifest);
    return answer;
}

static int run(struct call *c)
{
    int fd = cli_open(&c->cli, c->manifest), answer = MM_UNKNOWN;
    int root = fd < 0 ? -1 : open_root(c);
    bool ready = fd >= 0 && open_trust(c) == 0 && open_signatures(c) == 0 &&
                 (!c->bad_ranges || cli_ranges_open(&c->cli, &c->writer, c->bad_ranges, c->force) == 0);
    if (ready && enter_sandbox(c, root) == 0)
        answer = run_inside(c, fd, root, cli_trust_read_policies(&c->cli, &c->trust) == 0);
    mm_writer_abandon(&c->writer);
    mm_buf_release(&c->bad);
    cli_trust_release(&c->trust);
    return answer;
}

static void close_all(const int *files, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (files[i] > STDERR_FILENO)
            close(files[i]);
}

/* One manifest of many, beneath the folder it stands in. Returns 0 to go on, or -1 where its report cannot be printed. */
static int run_listed(void *context, const char *path)
{
    struct call *c = context;
    int answer = MM_UNKNOWN;
    c->manifest = path;
    int fd = cli_open(&c->cli, path), root = fd < 0 ? -1 : open_root(c);
    if (fd >= 0 && open_signatures(c) == 0)
        answer = run_inside(c, fd, root, true);
    close_all((const int[]){fd, root, c->folder}, 3);
    c->folder = -1;
    bool printed = !c->unprinted;
    c->answer = cli_worse(c->answer, cli_worse(answer, cli_report(&c->cli)));
    return printed ? 0 : -1;
}

/* The names may come late, so that nothing can be opened before the sandbox but what all manifests have in common. */
static int run_list(struct call *c)
{
    if (open_trust(c) < 0 || mm_keyring_remember(&c->trust.keyring, &c->cli.diags) < 0 ||
        cli_sandbox_read_only(&c->cli) < 0 || cli_trust_read_policies(&c->cli, &c->trust) < 0)
        c->answer = cli_failed(&c->cli);
    else
        cli_each_file(&c->cli, c->files_from, c->nul, run_listed, c);
    cli_trust_release(&c->trust);
    return c->answer;
}

static void take_option(struct call *c, int option, const char *value)
{
    switch (option) {
    case QUICK: c->how.quick = true; break;
    case STRICT: c->how.strict = true; break;
    case REQUIRE_SIGNATURE: c->how.require_signature = true; break;
    case SIGNATURE:
        c->signature = value;
        c->how.require_signature = true; /* who names one wants it verified */
        break;
    case KEYRING: c->keyring = value; break;
    case HOME_DIR: c->home = c->oms.home = value; break;
    case POLICY: cli_policies_add(&c->trust.policies, value); break;
    case MANIFEST_SHA256:
        if (!mm_hex_hash(value, strlen(value), c->pin))
            cli_usage(&c->cli, "expected 64 lower-case hex digits, found '%s'", value);
        c->how.pin = c->pin;
        break;
    case BAD_RANGES:
        if (strcmp(value, "-") == 0)
            cli_usage(&c->cli, "--bad-ranges: standard output is the report's, give a file");
        c->bad_ranges = value;
        break;
    case FOLLOW_LINKS:
        c->how.links = MM_LINKS_FOLLOW;
        c->oms.follow_links = true;
        break;
    case RECEIPT: c->recheck.model = value; break;
    case FULL: c->recheck.full = true; break;
    case OMS: c->oms.bundle = value; break;
    case KEY: c->oms.key = value; break;
    case CERTIFICATE: c->oms.certificate = value; break;
    case IGNORE_PATH: cli_oms_ignore(&c->cli, &c->oms, value); break;
    case SARIF: c->cli.sarif.asked = true; break;
    case THREADS: c->threads = value; break;
    case FILES_FROM: c->files_from = value; break;
    case NUL: c->nul = true; break;
    case IGNORE_UNSIGNED: c->oms.ignore_unsigned_files = true; break;
    default: c->force = true; break;
    }
}

/* A bundle is another question than a manifest: what belongs to the one must not seem to hold for the other. */
static void check_oms_alone(const struct call *c)
{
    const struct mm_verify_options *how = &c->how;
    if (how->quick || how->strict || how->require_signature || how->pin || how->only_count || c->signature ||
        c->threads || c->keyring || c->trust.policies.file_count || c->trust.policies.failed || c->bad_ranges ||
        c->force)
        cli_usage(&c->cli, "--oms goes with --key, --certificate, --home, --ignore-path, --ignore-unsigned-files and "
                           "--follow-links alone");
}

/* Nor is a model of the store, whose manifest, signature and files are where the store has them. */
static void check_recheck_alone(const struct call *c)
{
    const struct mm_verify_options *how = &c->how;
    if (!c->recheck.model && !c->recheck.full)
        return;
    if (!c->recheck.model)
        cli_usage(&c->cli, "--full goes with --receipt");
    if (c->cli.argc > 0 || how->strict || how->pin || how->only_count || how->links || c->signature || c->bad_ranges ||
        c->force || c->oms.bundle || c->cli.sarif.asked || ((how->quick || c->threads) && !c->recheck.full))
        cli_usage(&c->cli, "--receipt goes with --keyring, --home, --policy, --require-signature, and with --full and "
                           "then --quick and --threads, alone");
}

/* Nor are many manifests, each of which has files, a signature and wrong chunks of its own. */
static void check_list_alone(const struct call *c)
{
    if (c->nul && !c->files_from)
        cli_usage(&c->cli, "--null goes with --files-from");
    if (c->files_from && (c->cli.argc > 0 || c->how.pin || c->how.only_count || c->signature || c->bad_ranges ||
                          c->force || c->oms.bundle || c->recheck.model))
        cli_usage(&c->cli, "--files-from takes no MANIFEST beside it, and no --signature, --manifest-sha256, --only, "
                           "--bad-ranges, --oms or --receipt");
}

static int run_recheck(struct call *c)
{
    struct cli_recheck how = c->recheck;
    how.quick = c->how.quick;
    how.require_signature = c->how.require_signature;
    how.home = c->home;
    how.keyring = c->keyring;
    int answer = cli_recheck(&c->cli, &how, &c->trust);
    cli_trust_release(&c->trust);
    return answer;
}

/* Standard input is one file. */
static void check_standard_input(const struct call *c)
{
    const struct cli_policies *policies = &c->trust.policies;
    const char *const files[] = {c->manifest, c->signature, c->files_from};
    size_t named = 0;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        named += files[i] && strcmp(files[i], "-") == 0;
    for (size_t i = 0; i < policies->file_count; i++)
        named += strcmp(policies->files[i].path, "-") == 0;
    if (named > 1)
        cli_usage(&c->cli, "standard input can be one of manifest, signature, names and policies, found %zu", named);
}

int main(int argc, char **argv)
{
    struct call c = {.trust = CLI_TRUST_NONE, .folder = -1, .signature_file = -1, .writer = {.fd = -1, .folder = -1}};
    const char *value;
    int option;
    const char **only = calloc((size_t)argc, sizeof *only); /* no more of them than arguments */
    if (!only)
        return cli_no_memory(command.name);
    c.how.only = only;
    cli_init(&c.cli, &command, argc, argv);
    c.how.progress = cli_progress;
    c.how.progress_context = &c.cli;
    while ((option = cli_next(&c.cli, &value)) >= 0)
        if (option == ONLY)
            only[c.how.only_count++] = value;
        else
            take_option(&c, option, value);
    c.how.means = c.recheck.means = cli_hash_means(&c.cli, c.threads);
    cli_oms_check_usage(&c.cli, &c.oms, false);
    if (c.oms.bundle)
        check_oms_alone(&c);
    check_recheck_alone(&c);
    check_list_alone(&c);
    if (!c.recheck.model && !c.files_from && (c.cli.argc < 1 || c.cli.argc > 2))
        cli_usage(&c.cli, "expected MANIFEST and perhaps ROOT, or --files-from");
    c.manifest = c.cli.argc > 0 ? c.cli.argv[0] : NULL;
    c.root = c.cli.argc > 1 ? c.cli.argv[1] : NULL;
    check_standard_input(&c);
    cli_sarif_check_usage(&c.cli);
    c.cli.sarif.subject = c.manifest;
    int answer = cli_finish(&c.cli, c.recheck.model ? run_recheck(&c)
                                    : c.oms.bundle  ? cli_oms_verify(&c.cli, &c.oms, c.manifest)
                                    : c.files_from  ? run_list(&c)
                                                    : run(&c));
    free(only);
    return answer;
}
