/* catalog-find: which models of which catalogs meet every pattern, and what the heads of those catalogs are worth here. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/catalog_find.h"
#include "act/now.h"
#include "base/number.h"
#include "cli.h"
#include "cli_files.h"

enum { CATALOG, FILES_FROM, NUL, ALL, WITHDRAWN, TRUSTED, SORT, REVERSE, LIMIT, COUNT, KEYRING, HOME_DIR };

static const struct cli_option options[] = {
    [CATALOG] = {'c', "catalog", "DIR|FILE", "search this catalog; may be given again; all operands are patterns then"},
    [FILES_FROM] = {0, "files-from", "FILE", "and those that FILE names, one a line; - is standard input"},
    [NUL] = {'0', "null", NULL, "names in --files-from end in NUL"},
    [ALL] = {'a', "all", NULL, "all revisions, not only the highest of each model that matches"},
    [WITHDRAWN] = {'w', "withdrawn", NULL, "what was taken back too"},
    [TRUSTED] = {'t', "trusted", NULL, "refuse catalogs whose head is not signed by a trusted key, or has expired"},
    [SORT] = {0, "sort", "KEY", "by id, parameters, bytes or created (default: as catalogs and lines come)"},
    [REVERSE] = {'r', "reverse", NULL, "with --sort: the other way round"},
    [LIMIT] = {'n', "limit", "N", "print N results at most"},
    [COUNT] = {0, "count", NULL, "print only how many there are"},
    [KEYRING] = {0, "keyring", "DIR", "the keyring (default: MINIMODEL_KEYRING)"},
    [HOME_DIR] = {0, "home", "DIR",
                  "the store, whose newest receipt the clock is compared with (default: MINIMODEL_HOME)"},
};

static const struct cli_command command = {
    "catalog-find",
    "[DIR|FILE] [PATTERN]...",
    "Search catalogs of models, and tell what each catalog's head is worth.",
    options,
    sizeof options / sizeof *options,
    MM_GROUP_TEXT | MM_GROUP_MANIFEST | MM_GROUP_TRUST | MM_GROUP_RECEIPT | MM_GROUP_STORE | MM_GROUP_CATALOG,
};

struct call {
    struct cli cli;
    const char *keyring_path, *home, *files_from;
    const char **catalogs;
    size_t catalog_count;
    bool nul;
    struct mm_keyring keyring;
    struct mm_catalog_query query;
    struct mm_catalog_find_options how;
    struct mm_catalog_find *find;
    struct mm_sandbox_rule *rules;
    size_t rule_count;
    int answer;
    struct mm_buf out;
};

#define FLUSH 65536 /* bytes of results that are held before they are written */

/* ---- results ---- */

static void add_member(struct mm_buf *out, const char *key, const char *value)
{
    mm_buf_printf(out, ",\"%s\":", key);
    mm_buf_json_str(out, value);
}

static void add_head(struct mm_buf *out, const struct mm_catalog_source *source)
{
    const struct mm_catalog_head *head = &source->head;
    char hex[MM_HASH_HEX + 1];
    mm_buf_printf(out, ",\"head\":{\"signature\":\"%s\",\"age\":\"%s\",\"trusted\":%s",
                  mm_head_signature_words[source->signature], mm_head_age_words[source->age],
                  source->signature == MM_HEAD_VERIFIED ? "true" : "false");
    if (head->sequence > 0) {
        mm_hex(hex, head->sha256, MM_HASH_BYTES);
        add_member(out, "catalog-id", head->catalog_id);
        add_member(out, "publisher-id", head->publisher_id);
        mm_buf_printf(out, ",\"sequence\":%" PRIu64, head->sequence);
        add_member(out, "created", head->created);
        add_member(out, "expires", head->expires);
        add_member(out, "head-sha256", hex);
    }
    if (source->key_id[0])
        add_member(out, "key-id", source->key_id);
    mm_buf_char(out, '}');
}

static void add_json(struct mm_buf *out, const struct mm_catalog_found *found)
{
    mm_buf_str(out, "{\"catalog\":");
    mm_buf_json_str(out, found->source->path);
    add_head(out, found->source);
    if (found->withdrawn_by)
        add_member(out, "withdrawn-by", found->withdrawn_by->path);
    mm_buf_str(out, found->entry ? ",\"entry\":" : ",\"withdrawal\":");
    mm_buf_add(out, found->line, found->length); /* canonical JSON, which was read as such */
    mm_buf_str(out, "}\n");
}

static void add_value(struct mm_buf *out, const struct mm_canonical_text *text)
{
    char value[MM_VALUE_MAX + 1];
    size_t length = 0;
    mm_canonical_decode(text, value, sizeof value, &length);
    mm_buf_char(out, '\t');
    mm_buf_escaped(out, value, length);
}

static void add_number(struct mm_buf *out, bool has, uint64_t number)
{
    if (has)
        mm_buf_printf(out, "\t%" PRIu64, number);
    else
        mm_buf_str(out, "\t-");
}

/* The first six as slm-list has them. */
static void add_entry(struct mm_buf *out, const struct mm_catalog_entry *entry)
{
    const struct mm_canonical_text *texts = entry->texts;
    mm_buf_printf(out, "%s@%" PRIu64, entry->model_id, entry->revision);
    add_value(out, &texts[MM_CATALOG_VERSION]);
    add_number(out, true, entry->artifact_bytes);
    add_value(out, &texts[MM_CATALOG_QUANTIZATION]);
    add_value(out, &texts[MM_CATALOG_LICENSE]);
    add_value(out, &texts[MM_CATALOG_MANIFEST_SHA256]);
    add_number(out, entry->has_parameters, entry->parameters);
    add_value(out, &texts[MM_CATALOG_ARCHITECTURE]);
}

static void add_withdrawal(struct mm_buf *out, const struct mm_withdrawal *withdrawal)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, withdrawal->manifest_sha256, MM_HASH_BYTES);
    if (withdrawal->revision > 0)
        mm_buf_printf(out, "%s@%" PRIu64, withdrawal->model_id, withdrawal->revision);
    else
        mm_buf_printf(out, "%s@*", withdrawal->model_id);
    mm_buf_printf(out, "\t-\t-\t-\t-\t%s\t-\t-", withdrawal->revision > 0 ? hex : "-");
}

static void add_line(struct mm_buf *out, const struct mm_catalog_found *found)
{
    const struct mm_catalog_source *source = found->source;
    const struct mm_withdrawal *withdrawal = found->withdrawal;
    if (withdrawal)
        add_withdrawal(out, withdrawal);
    else
        add_entry(out, found->entry);
    mm_buf_printf(out, "\t%s\t%s\t%s\t%s\t", withdrawal || found->withdrawn_by ? "withdrawn" : "offered",
                  mm_head_signature_words[source->signature], mm_head_age_words[source->age],
                  source->signature == MM_HEAD_VERIFIED ? "trusted" : "untrusted");
    mm_buf_escaped(out, source->path, strlen(source->path));
    if (!withdrawal) {
        add_value(out, &found->entry->texts[MM_CATALOG_DISPLAY_NAME]);
    } else {
        mm_buf_char(out, '\t');
        mm_buf_escaped(out, withdrawal->reason, strlen(withdrawal->reason));
    }
    mm_buf_char(out, '\n');
}

static int print(void *context, const struct mm_catalog_found *found)
{
    struct call *c = context;
    if (c->cli.json)
        add_json(&c->out, found);
    else
        add_line(&c->out, found);
    return c->out.length < FLUSH && !c->out.failed ? 0 : cli_print(&c->cli, &c->out);
}

static int print_count(struct call *c, uint64_t matches)
{
    mm_buf_printf(&c->out, c->cli.json ? "{\"matches\":%" PRIu64 "}\n" : "%" PRIu64 "\n", matches);
    return cli_print(&c->cli, &c->out);
}

/* ---- what is searched ---- */

static int add_catalog(void *context, const char *path)
{
    struct call *c = context;
    struct mm_sandbox_rule *rules = realloc(c->rules, (c->rule_count + 2) * sizeof *rules);
    if (!rules)
        return mm_diag_memory(&c->cli.diags);
    c->rules = rules;
    c->cli.diags.file = path;
    int folder = mm_catalog_find_add(c->find, path, &c->cli.diags);
    if (folder >= 0)
        c->rules[c->rule_count++] = (struct mm_sandbox_rule){folder, MM_SANDBOX_READ};
    else
        c->answer = cli_worse(c->answer, cli_failed(&c->cli));
    c->cli.diags.file = "";
    return 0;
}

/* The catalogs of the options, or the first operand; other operands are patterns. */
static void add_catalogs(struct call *c)
{
    for (size_t i = 0; i < c->catalog_count; i++)
        add_catalog(c, c->catalogs[i]);
    if (c->files_from) {
        int operands = c->cli.argc;
        c->cli.argc = 0;
        cli_each_file(&c->cli, c->files_from, c->nul, add_catalog, c);
        c->cli.argc = operands;
    }
}

/* A pattern that is a catalog's folder or its list, too, may have been meant as that. */
static void note_folder(struct call *c, const char *pattern)
{
    struct mm_buf path = {0};
    char shown[MM_SHOWN];
    const char *slash = strrchr(pattern, '/');
    bool list = strcmp(slash ? slash + 1 : pattern, MM_CATALOG_ENTRIES) == 0;
    mm_buf_printf(&path, "%s%s", pattern, list ? "" : "/" MM_CATALOG_ENTRIES);
    if (mm_buf_text(&path) && access(path.data, F_OK) == 0)
        mm_note(&c->cli.diags, MM_RULE_CATALOG_FILE,
                "'%s' is a pattern here, though there is a catalog of that name, which --catalog would search",
                mm_show(shown, pattern, strlen(pattern)));
    mm_buf_release(&path);
}

static int search(struct call *c)
{
    uint64_t matches = 0;
    if (mm_catalog_find_search(c->find, &matches, &c->cli.diags) < 0)
        c->answer = cli_worse(c->answer, cli_failed(&c->cli));
    int result = c->how.count ? print_count(c, matches) : mm_catalog_find_each(c->find, print, c, &c->cli.diags);
    if (c->out.length > 0 && cli_print(&c->cli, &c->out) < 0) /* what came before a fault is right */
        result = -1;
    return result < 0 ? cli_worse(c->answer, cli_failed(&c->cli)) : c->answer;
}

static int run(struct call *c)
{
    mm_now_read(c->how.now, c->home, &c->cli.diags);
    if (mm_keyring_open(&c->keyring, c->keyring_path, false, &c->cli.diags) == 0)
        c->how.trust.keyring = &c->keyring;
    c->how.query = &c->query;
    c->find = mm_catalog_find_new(&c->how);
    if (!c->find)
        return cli_no_memory(command.name);
    for (int i = 0; i < c->cli.argc; i++)
        note_folder(c, c->cli.argv[i]);
    add_catalogs(c);
    if (c->rule_count > 0 && c->keyring.folder >= 0)
        c->rules[c->rule_count++] = (struct mm_sandbox_rule){c->keyring.folder, MM_SANDBOX_READ};
    if (cli_sandbox(&c->cli, c->rules, c->rule_count) < 0)
        return cli_failed(&c->cli);
    return c->rule_count > 0 ? search(c) : cli_worse(c->answer, cli_failed(&c->cli));
}

/* ---- the call ---- */

static enum mm_catalog_sort sort_option(const struct call *c, const char *value)
{
    static const char *const words[] = {[MM_SORT_ID] = "id",
                                        [MM_SORT_PARAMETERS] = "parameters",
                                        [MM_SORT_BYTES] = "bytes",
                                        [MM_SORT_CREATED] = "created"};
    for (int i = MM_SORT_ID; i <= MM_SORT_CREATED; i++)
        if (strcmp(value, words[i]) == 0)
            return (enum mm_catalog_sort)i;
    cli_usage(&c->cli, "--sort: expected id, parameters, bytes or created, found '%s'", value);
}

static void take_option(struct call *c, int option, const char *value)
{
    switch (option) {
    case CATALOG: c->catalogs[c->catalog_count++] = value; break;
    case FILES_FROM: c->files_from = value; break;
    case NUL: c->nul = true; break;
    case ALL: c->how.all_revisions = true; break;
    case WITHDRAWN: c->how.withdrawn = true; break;
    case TRUSTED: c->how.trusted = true; break;
    case SORT: c->how.sort = sort_option(c, value); break;
    case REVERSE: c->how.reverse = true; break;
    case LIMIT:
        if (!mm_number(value, strlen(value), MM_NUMBER_MAX, &c->how.limit) || c->how.limit == 0)
            cli_usage(&c->cli, "--limit: expected a number from 1, found '%s'", value);
        break;
    case COUNT: c->how.count = true; break;
    case KEYRING: c->keyring_path = value; break;
    default: c->home = value; break;
    }
}

static void check_options(struct call *c)
{
    const struct cli *cli = &c->cli;
    if (c->nul && !c->files_from)
        cli_usage(cli, "--null goes with --files-from");
    if (c->how.reverse && c->how.sort == MM_SORT_NOT)
        cli_usage(cli, "--reverse goes with --sort");
    if (c->how.count && (c->how.sort != MM_SORT_NOT || c->how.limit != UINT64_MAX))
        cli_usage(cli, "--count prints no results, so --sort and --limit do not go with it");
    if (c->catalog_count == 0 && !c->files_from) {
        if (cli->argc == 0)
            cli_usage(cli, "expected a catalog: DIR or FILE, --catalog or --files-from");
        c->catalogs[c->catalog_count++] = c->cli.argv[0];
        c->cli.argv++;
        c->cli.argc--;
    }
    for (int i = 0; i < cli->argc; i++) {
        const char *expected = mm_catalog_query_add(&c->query, cli->argv[i]);
        if (expected)
            cli_usage(cli, "pattern: expected %s, found '%s'", expected, cli->argv[i]);
    }
}

int main(int argc, char **argv)
{
    struct call c = {.keyring = {.folder = -1}, .how = {.limit = UINT64_MAX}};
    const char *value;
    int option;
    cli_init(&c.cli, &command, argc, argv);
    c.catalogs = calloc((size_t)argc + 1, sizeof *c.catalogs); /* no more than there are arguments */
    if (!c.catalogs)
        return cli_no_memory(command.name);
    while ((option = cli_next(&c.cli, &value)) >= 0)
        take_option(&c, option, value);
    check_options(&c);
    int answer = run(&c);
    mm_catalog_find_free(c.find);
    mm_catalog_query_release(&c.query);
    mm_keyring_release(&c.keyring);
    mm_buf_release(&c.out);
    free(c.rules);
    free(c.catalogs);
    return cli_finish(&c.cli, answer);
}
