#include "cli_sarif.h"

#include <inttypes.h>
#include <string.h>

#include "base/utf8.h"

#define SCHEMA "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

void cli_sarif_check_usage(const struct cli *cli)
{
    if (cli->sarif.asked && cli->json)
        cli_usage(cli, "--sarif and --json exclude each other");
}

/* ---- strings ---- */

/* TEXT as a message that is nothing but text (SARIF 2.1.0, 3.11.5 and 3.11.6): braces are doubled, as they would stand for
 * arguments, and what would be a link is none. Control and direction-changing characters are escaped as on a terminal. */
static void add_message(struct mm_buf *out, const char *text)
{
    struct mm_buf shown = {0}, message = {0};
    mm_buf_printable(&shown, text, strlen(text));
    for (size_t i = 0; i < shown.length; i++) {
        char c = shown.data[i];
        if (c == '(' && i > 0 && shown.data[i - 1] == ']')
            mm_buf_str(&message, "\\x28");
        else
            mm_buf_char(&message, c);
        if (c == '{' || c == '}')
            mm_buf_char(&message, c);
    }
    mm_buf_str(out, "{\"text\":");
    mm_buf_json_str(out, mm_buf_text(&message) ? mm_buf_text(&message) : "");
    mm_buf_char(out, '}');
    out->failed = out->failed || shown.failed || message.failed;
    mm_buf_release(&shown);
    mm_buf_release(&message);
}

static bool stands_for_itself(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-._~", c));
}

/* Adds the LENGTH bytes of PATH as segments of a URI, empty and "." ones left out. */
static void add_segments(struct mm_buf *uri, const char *path, size_t length)
{
    for (const char *end = path + length; path < end; path++) {
        const char *slash = memchr(path, '/', (size_t)(end - path));
        size_t size = (size_t)((slash ? slash : end) - path);
        bool named = size > 0 && !(size == 1 && path[0] == '.');
        if (named && uri->length && uri->data[uri->length - 1] != '/')
            mm_buf_char(uri, '/');
        for (size_t i = 0; named && i < size; i++)
            if (stands_for_itself((unsigned char)path[i]))
                mm_buf_char(uri, path[i]);
            else
                mm_buf_printf(uri, "%%%02X", (unsigned char)path[i]);
        path += size;
    }
}

/* A file's name as a URI reference: absolute names as file:///..., others relative to the working folder. */
static void add_uri(struct mm_buf *out, const struct cli_sarif_about *about, const char *path)
{
    struct mm_buf uri = {0};
    bool beneath = about->folder && !(about->operand && strcmp(path, about->operand) == 0);
    size_t folder = beneath ? about->folder_length : 0;
    if ((folder ? about->folder : path)[0] == '/')
        mm_buf_str(&uri, "file:///");
    if (folder)
        add_segments(&uri, about->folder, folder);
    add_segments(&uri, path, strlen(path));
    if (uri.length == 0)
        mm_buf_char(&uri, '.');
    mm_buf_json_str(out, mm_buf_text(&uri) ? mm_buf_text(&uri) : "");
    out->failed = out->failed || uri.failed;
    mm_buf_release(&uri);
}

/* ---- the head: the tool and its rules ---- */

/* Which of the runs of a pipeline this is, so that hosts keep their results apart: COMMAND/SUBJECT/ */
static void add_run(const struct cli *cli, struct mm_buf *out)
{
    struct mm_buf run = {0};
    const char *subject = cli->sarif.subject;
    mm_buf_printf(&run, "%s/", cli->command->name);
    if (subject && strcmp(subject, "-") != 0) {
        add_segments(&run, subject, strlen(subject));
        mm_buf_char(&run, '/');
    }
    mm_buf_str(out, "\"automationDetails\":{\"id\":");
    mm_buf_json_str(out, mm_buf_text(&run) ? mm_buf_text(&run) : "");
    mm_buf_str(out, "},");
    out->failed = out->failed || run.failed;
    mm_buf_release(&run);
}

static void add_head(const struct cli *cli, struct mm_buf *out)
{
    const char *separator = "\n";
    mm_buf_printf(out,
                  "{\"$schema\":\"" SCHEMA "\",\"version\":\"2.1.0\",\"runs\":[{\"tool\":{\"driver\":{\"name\":\"%s\","
                  "\"version\":\"" MM_VERSION "\",\"rules\":[",
                  cli->command->name);
    for (int rule = 0; rule < MM_RULE_COUNT; rule++) {
        if (!cli_rule_listed(cli->command, (enum mm_rule)rule))
            continue;
        mm_buf_printf(out, "%s{\"id\":\"%s\",\"shortDescription\":", separator, mm_rule_info(rule)->name);
        add_message(out, mm_rule_info(rule)->sentence);
        mm_buf_char(out, '}');
        separator = ",\n";
    }
    mm_buf_str(out, "\n]}},");
    add_run(cli, out);
    mm_buf_str(out, "\"columnKind\":\"unicodeCodePoints\",\"results\":[");
}

static void begin(struct cli *cli)
{
    if (!cli->sarif.begun)
        add_head(cli, &cli->sarif.out);
    cli->sarif.begun = true;
}

/* ---- results ---- */

/* Where the search for lines in a text is: findings mostly come in the order of their lines. */
struct place {
    const char *at;
    uint64_t line;
};

/* The column in characters, from 1, of the byte in column COLUMN of line LINE; a malformed byte counts as one. 0 where
 * the text has no such place. */
static uint64_t characters(const struct cli_sarif_about *about, struct place *place, uint64_t line, uint64_t column)
{
    const char *end = about->text + about->length;
    if (!place->at || line < place->line)
        *place = (struct place){about->text, 1};
    while (place->line < line) {
        const char *stop = memchr(place->at, '\n', (size_t)(end - place->at));
        if (!stop)
            return 0;
        *place = (struct place){stop + 1, place->line + 1};
    }
    if (column == 0 || column - 1 > (uint64_t)(end - place->at))
        return 0;
    uint64_t count = 1;
    for (const char *at = place->at, *stop = at + (column - 1); at < stop; count++) {
        uint32_t code;
        size_t size = mm_utf8_decode((const unsigned char *)at, (size_t)(stop - at), &code);
        at += size ? size : 1;
    }
    return count;
}

static void add_region(struct mm_buf *out, const struct mm_diag *diag, uint64_t column)
{
    if (diag->line) {
        mm_buf_printf(out, ",\"region\":{\"startLine\":%" PRIu64, diag->line);
        if (column)
            mm_buf_printf(out, ",\"startColumn\":%" PRIu64, column);
        mm_buf_char(out, '}');
    } else if (diag->at_offset) {
        mm_buf_printf(out, ",\"region\":{\"byteOffset\":%" PRIu64 "}", diag->offset);
    }
}

static bool is_standard_input(const struct cli *cli, const char *file)
{
    return cli->sarif.standard_input && strcmp(file, cli_shown("-")) == 0;
}

/* Standard input has no URI: it is the run's only listed artifact. */
static void add_location(const struct cli *cli, struct mm_buf *out, const struct mm_diag *diag,
                         const struct cli_sarif_about *about, uint64_t column)
{
    mm_buf_str(out, "{\"physicalLocation\":{\"artifactLocation\":{");
    if (is_standard_input(cli, diag->file)) {
        mm_buf_str(out, "\"index\":0");
    } else {
        mm_buf_str(out, "\"uri\":");
        add_uri(out, about, diag->file);
    }
    mm_buf_char(out, '}');
    add_region(out, diag, column);
    mm_buf_str(out, "}}");
}

static void add_rule(const struct cli *cli, struct mm_buf *out, enum mm_rule rule)
{
    int index = 0;
    for (int i = 0; i < (int)rule; i++)
        index += cli_rule_listed(cli->command, (enum mm_rule)i);
    mm_buf_printf(out, "%s{\"ruleId\":\"%s\",", cli->sarif.results ? ",\n" : "\n", mm_rule_info(rule)->name);
    if (cli_rule_listed(cli->command, rule))
        mm_buf_printf(out, "\"ruleIndex\":%d,", index);
}

static void add_result(struct cli *cli, const struct mm_diag *diag, const struct cli_sarif_about *about,
                       struct place *place)
{
    static const char *const levels[] = {"error", "warning", "note"};
    struct mm_buf *out = &cli->sarif.out;
    bool counted = about->text && cli->diags.file && strcmp(diag->file, cli->diags.file) == 0;
    uint64_t column = counted && diag->line ? characters(about, place, diag->line, diag->column) : 0;
    add_rule(cli, out, diag->rule);
    mm_buf_printf(out, "\"level\":\"%s\",\"message\":", levels[diag->severity]);
    add_message(out, diag->text);
    if (diag->file[0]) {
        mm_buf_str(out, ",\"locations\":[");
        add_location(cli, out, diag, about, column);
        mm_buf_char(out, ']');
    }
    mm_buf_char(out, '}');
    cli->sarif.results = true;
}

void cli_sarif_take(struct cli *cli, const struct cli_sarif_about *about)
{
    struct place place = {0};
    if (!cli->sarif.asked)
        return;
    begin(cli);
    for (; cli->sarif.taken < cli->diags.count; cli->sarif.taken++) {
        const struct mm_diag *diag = &cli->diags.items[cli->sarif.taken];
        if (!cli->quiet || diag->severity == MM_ERROR)
            add_result(cli, diag, about, &place);
    }
}

/* Findings that were too many to be kept are a result without a place. */
static void add_dropped(struct cli *cli)
{
    struct mm_buf *out = &cli->sarif.out;
    add_rule(cli, out, MM_RULE_IO_FINDINGS);
    mm_buf_printf(out, "\"level\":\"note\",\"message\":{\"text\":\"%" PRIu64 " more findings are not shown\"}}",
                  cli->diags.dropped);
    cli->sarif.results = true;
}

/* ---- printing ---- */

static int print(struct cli *cli)
{
    if (cli_print(cli, &cli->sarif.out) == 0)
        return 0;
    mm_buf_release(&cli->sarif.out);
    cli->sarif.asked = false;
    return -1;
}

int cli_sarif_print(struct cli *cli)
{
    cli_sarif_take(cli, &(struct cli_sarif_about){0});
    if (cli->diags.dropped)
        add_dropped(cli);
    cli->sarif.unknown = cli->sarif.unknown || cli->diags.unknown;
    if (print(cli) < 0)
        return -1;
    cli->sarif.taken = 0; /* the findings are forgotten now */
    return 0;
}

/* Execution was a success where all that was asked for could be found out. */
int cli_sarif_end(struct cli *cli, int answer)
{
    static const char *const meanings[] = {
        [MM_YES] = "yes", [MM_NO] = "no", [CLI_USAGE] = "usage", [MM_UNKNOWN] = "could not find out"};
    struct mm_buf *out = &cli->sarif.out;
    bool successful = answer != MM_UNKNOWN && !cli->sarif.unknown;
    begin(cli);
    mm_buf_str(out, "\n],");
    if (cli->sarif.standard_input)
        mm_buf_str(out, "\"artifacts\":[{\"description\":{\"text\":\"standard input\"},"
                        "\"roles\":[\"standardStream\"]}],");
    mm_buf_printf(out,
                  "\"invocations\":[{\"exitCode\":%d,\"exitCodeDescription\":\"%s\",\"executionSuccessful\":%s}]}]}\n",
                  answer, meanings[answer], successful ? "true" : "false");
    int result = print(cli);
    mm_buf_release(out);
    return result;
}
