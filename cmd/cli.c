#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "cli_sarif.h"

/* getopt's answers: letters as themselves, the command's own long options from OWN, the common ones from COMMON. */
enum { OWN = 1000, COMMON = 2000, HELP = COMMON, VERSION, VERBOSE, RULES, JSON, QUIET, NO_PROGRESS };

/* Options of every command, after its own. */
static const struct cli_option common[] = {
    {0, "help", NULL, "show this help"},
    {0, "version", NULL, "show the version"},
    {0, "verbose", NULL, "with --version: libraries and sandbox too"},
    {0, "rules", NULL, "list the rules that findings name"},
    {0, "json", NULL, "print the result as JSON Lines"},
    {'q', "quiet", NULL, "print errors only, no notes"},
    {0, "no-progress", NULL, "draw no progress line"},
};
#define COMMON_COUNT (sizeof common / sizeof *common)
#define OPTION_MAX 64

void cli_many_files(void)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0 || files.rlim_cur == files.rlim_max)
        return;
    files.rlim_cur = files.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &files); /* without it, what does not fit is a finding */
}

void cli_init(struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
    *cli = (struct cli){.command = command, .argc = argc, .argv = argv};
    mm_diags_init(&cli->diags);
    /* What libcrypto is configured to load on this machine has no part in an answer; to look for it takes half a millisecond of every command. */
    (void)OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    signal(SIGPIPE,
           SIG_IGN); /* a closed pipe, or a file grown to its limit, is a failed write, told and answered with 3 */
    signal(SIGXFSZ, SIG_IGN);
    opterr = 0;
}

static void print_usage(const struct cli_command *command, FILE *out)
{
    fprintf(out, "usage: %s [OPTION]...%s%s\n", command->name, command->operands[0] ? " " : "", command->operands);
}

static void print_option(const struct cli_option *option)
{
    char letter[5] = "    ", name[80];
    if (option->letter)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    snprintf(name, sizeof name, "--%s%s%s", option->name, option->argument ? " " : "",
             option->argument ? option->argument : "");
    printf("  %s%-28s %s\n", letter, name, option->help);
}

/* True if the command has an option of its own called NAME, which then stands for more than the common one. */
static bool has_own(const struct cli_command *command, const char *name)
{
    for (size_t i = 0; i < command->option_count; i++)
        if (strcmp(command->options[i].name, name) == 0)
            return true;
    return false;
}

static void print_help(const struct cli_command *command)
{
    print_usage(command, stdout);
    printf("%s\n\n", command->purpose);
    for (size_t i = 0; i < command->option_count; i++)
        print_option(&command->options[i]);
    for (size_t i = 0; i < COMMON_COUNT; i++)
        if (!has_own(command, common[i].name))
            print_option(&common[i]);
    printf("\nExit: 0 yes, 1 no, 2 usage, 3 could not find out. See %s(1).\n", command->name);
}

static void print_version(const struct cli_command *command, bool verbose)
{
    printf("%s (MiniModel tools) %s\n", command->name, MM_VERSION);
    if (!verbose)
        return;
    int abi = mm_sandbox_landlock_abi();
    printf("libcrypto: %s\nlibsodium: %s\nzlib: %s\n", OpenSSL_version(OPENSSL_VERSION), sodium_version_string(),
           zlibVersion());
#ifdef __linux__
    printf("no_new_privs: in force\n");
#else
    printf("no_new_privs: not on this system\n");
#endif
    if (abi)
        printf("landlock: in force, ABI %d\n", abi);
    else
        printf("landlock: not in this kernel\n");
    printf("seccomp: not used\n");
}

bool cli_rule_listed(const struct cli_command *command, enum mm_rule rule)
{
    return mm_rule_info(rule)->group & (command->rule_groups | MM_GROUP_IO);
}

static void print_rules(const struct cli_command *command)
{
    for (int rule = 0; rule < MM_RULE_COUNT; rule++)
        if (cli_rule_listed(command, (enum mm_rule)rule))
            printf("%s\t%s\n", mm_rule_info(rule)->name, mm_rule_info(rule)->sentence);
}

_Noreturn static void end_of_output(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) /* what is longer than the buffer failed before */
        exit(0);
    fprintf(stderr, "error: cannot write standard output: %s [io-write]\n", strerror(errno));
    exit(MM_UNKNOWN);
}

_Noreturn void cli_usage(const struct cli *cli, const char *format, ...)
{
    va_list arguments;
    char *text;
    struct mm_buf shown = {0};
    va_start(arguments, format);
    if (vasprintf(&text, format, arguments) >= 0)
        mm_buf_printable(&shown, text, strlen(text));
    va_end(arguments);
    fprintf(stderr, "%s: %s\n", cli->command->name, mm_buf_text(&shown) ? mm_buf_text(&shown) : "out of memory");
    print_usage(cli->command, stderr);
    exit(CLI_USAGE);
}

/* Both tables in getopt's terms; LETTERS gets room for every letter and colon. */
static void build_options(const struct cli_command *command, struct option *options, char *letters)
{
    size_t count = 0;
    *letters++ = ':';
    for (size_t i = 0; i < command->option_count + COMMON_COUNT; i++) {
        bool own = i < command->option_count;
        const struct cli_option *option = own ? &command->options[i] : &common[i - command->option_count];
        if (!own && has_own(command, option->name))
            continue;
        int value = own ? OWN + (int)i : COMMON + (int)(i - command->option_count);
        options[count++] =
            (struct option){option->name, option->argument ? required_argument : no_argument, NULL, value};
        if (option->letter)
            *letters++ = option->letter;
        if (option->letter && option->argument)
            *letters++ = ':';
    }
    options[count] = (struct option){0};
    *letters = '\0';
}

static int of_letter(const struct cli_command *command, int letter)
{
    for (size_t i = 0; i < command->option_count; i++)
        if (command->options[i].letter == letter)
            return OWN + (int)i;
    return QUIET; /* the one common option that has a letter */
}

static bool has_verbose(const struct cli *cli)
{
    for (int i = 1; i < cli->argc; i++)
        if (strcmp(cli->argv[i], "--verbose") == 0)
            return true;
    return false;
}

static void common_option(struct cli *cli, int option)
{
    switch (option) {
    case HELP: print_help(cli->command); end_of_output();
    case VERSION: print_version(cli->command, has_verbose(cli)); end_of_output();
    case RULES: print_rules(cli->command); end_of_output();
    case JSON: cli->json = true; break;
    case QUIET: cli->quiet = true; break;
    case NO_PROGRESS: cli->no_progress = true; break;
    default: break; /* --verbose says more only beside --version */
    }
}

_Noreturn static void wrong_option(const struct cli *cli, int what)
{
    char letter[3] = {'-', (char)optopt, '\0'};
    const char *option = optopt > 0 && optopt < OWN ? letter : cli->argv[optind - 1];
    if (what == '?')
        cli_usage(cli, "unknown option '%s'", option);
    cli_usage(cli, "option '%s' needs an argument", option);
}

/* A command whose --version takes a value prints its own version where nothing else is said. */
static bool asks_for_version(const struct cli *cli)
{
    return cli->argc >= 2 && cli->argc <= 2 + has_verbose(cli) &&
           (strcmp(cli->argv[1], "--version") == 0 || strcmp(cli->argv[cli->argc - 1], "--version") == 0);
}

int cli_next(struct cli *cli, const char **value)
{
    if (asks_for_version(cli))
        common_option(cli, VERSION);
    struct option options[OPTION_MAX];
    char letters[2 * OPTION_MAX];
    build_options(cli->command, options, letters);
    for (;;) {
        int option = getopt_long(cli->argc, cli->argv, letters, options, NULL);
        if (option == -1)
            break;
        if (option == '?' || option == ':')
            wrong_option(cli, option);
        if (option < OWN)
            option = of_letter(cli->command, option);
        if (option < COMMON) {
            *value = optarg;
            return option - OWN;
        }
        common_option(cli, option);
    }
    cli->argc -= optind;
    cli->argv += optind;
    return -1;
}

const char *cli_shown(const char *path)
{
    return strcmp(path, "-") == 0 ? "(standard input)" : path;
}

int cli_open(struct cli *cli, const char *path)
{
    bool standard_input = strcmp(path, "-") == 0;
    cli->diags.file = cli_shown(path);
    cli->sarif.standard_input = cli->sarif.standard_input || standard_input;
    return standard_input ? STDIN_FILENO : mm_file_open(path, &cli->diags);
}

int cli_sandbox(struct cli *cli, const struct mm_sandbox_rule *rules, size_t count)
{
    return mm_sandbox_enter(rules, count, &cli->diags);
}

int cli_sandbox_read_only(struct cli *cli)
{
    struct mm_sandbox_rule rule = {open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), MM_SANDBOX_READ};
    int result = cli_sandbox(cli, &rule, rule.folder >= 0);
    if (rule.folder >= 0)
        close(rule.folder);
    return result;
}

void cli_fact(const struct cli *cli, struct mm_buf *out, const char *key, const char *value, bool number)
{
    if (!cli->json) {
        mm_buf_printf(out, "%s: %s\n", key, value);
        return;
    }
    mm_buf_printf(out, "%s\"%s\":", out->length ? "," : "{", key);
    if (number)
        mm_buf_str(out, value);
    else
        mm_buf_json_str(out, value);
}

void cli_number(const struct cli *cli, struct mm_buf *out, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    cli_fact(cli, out, key, text, true);
}

int cli_print(struct cli *cli, struct mm_buf *buf)
{
    const char *file = cli->diags.file;
    int result;
    cli->diags.file = "";
    cli_progress_end(cli);
    if (!mm_buf_text(buf))
        result = mm_diag_memory(&cli->diags);
    else
        result = mm_file_write_all(STDOUT_FILENO, mm_buf_text(buf), buf->length, "standard output", &cli->diags);
    mm_buf_clear(buf);
    cli->diags.file = file;
    return result;
}

static void format_json(const struct mm_diag *diag, const char *severity, struct mm_buf *buf)
{
    mm_buf_str(buf, "{\"file\":");
    mm_buf_json_str(buf, diag->file);
    if (diag->line)
        mm_buf_printf(buf, ",\"line\":%" PRIu64 ",\"column\":%" PRIu64, diag->line, diag->column);
    if (diag->at_offset)
        mm_buf_printf(buf, ",\"offset\":%" PRIu64, diag->offset);
    mm_buf_printf(buf, ",\"severity\":\"%s\",\"rule\":\"%s\",\"message\":", severity, mm_rule_info(diag->rule)->name);
    mm_buf_json_str(buf, diag->text);
    mm_buf_str(buf, "}\n");
}

void cli_format_diag(const struct mm_diag *diag, bool json, bool colour, struct mm_buf *buf)
{
    static const char *const severities[] = {"error", "warning", "note"};
    static const char *const colours[] = {"\033[1;31m", "\033[1;35m", "\033[1;36m"};
    const char *severity = severities[diag->severity];
    if (json) {
        format_json(diag, severity, buf);
        return;
    }
    mm_buf_printable(buf, diag->file, strlen(diag->file));
    if (diag->line)
        mm_buf_printf(buf, ":%" PRIu64 ":%" PRIu64, diag->line, diag->column);
    if (diag->at_offset)
        mm_buf_printf(buf, ":@%" PRIu64, diag->offset);
    mm_buf_printf(buf, "%s%s%s:%s ", diag->file[0] ? ": " : "", colour ? colours[diag->severity] : "", severity,
                  colour ? "\033[0m" : "");
    mm_buf_printable(buf, diag->text, strlen(diag->text));
    mm_buf_printf(buf, " [%s]\n", mm_rule_info(diag->rule)->name);
}

static void print_findings(struct cli *cli)
{
    struct mm_buf buf = {0};
    cli_progress_end(cli);
    if (cli->diags.count == 0 && cli->diags.dropped == 0)
        return;
    const char *no_colour = getenv("NO_COLOR");
    bool colour = isatty(STDERR_FILENO) && !(no_colour && *no_colour);
    for (size_t i = 0; i < cli->diags.count; i++)
        if (!cli->quiet || cli->diags.items[i].severity == MM_ERROR)
            cli_format_diag(&cli->diags.items[i], false, colour, &buf);
    if (cli->diags.dropped)
        mm_buf_printf(&buf, "note: %" PRIu64 " more findings are not shown [%s]\n", cli->diags.dropped,
                      mm_rule_info(MM_RULE_IO_FINDINGS)->name);
    if (mm_buf_text(&buf))
        fputs(mm_buf_text(&buf), stderr);
    else
        fputs("error: out of memory [io-memory]\n", stderr);
    mm_buf_release(&buf);
}

int cli_report(struct cli *cli)
{
    bool done = cli->sarif.asked && cli_sarif_print(cli) == 0 && cli->sarif.alone;
    if (!done)
        print_findings(cli);
    int answer = (int)mm_diags_answer(&cli->diags);
    mm_diags_clear(&cli->diags);
    return answer;
}

int cli_worse(int a, int b)
{
    return a == MM_NO || b == MM_NO ? MM_NO : a > b ? a : b;
}

int cli_no_memory(const char *name)
{
    fprintf(stderr, "%s: error: out of memory [%s]\n", name, mm_rule_info(MM_RULE_IO_MEMORY)->name);
    return MM_UNKNOWN;
}

int cli_failed(const struct cli *cli)
{
    int answer = (int)mm_diags_answer(&cli->diags);
    return answer == MM_YES ? MM_UNKNOWN : answer;
}

int cli_finish(struct cli *cli, int answer)
{
    answer = cli_worse(answer, cli_report(cli));
    if (cli->sarif.asked && cli_sarif_end(cli, answer) < 0)
        answer = cli_worse(answer, cli_report(cli));
    mm_diags_release(&cli->diags);
    return answer;
}

#define MIB 1048576.0

void cli_progress(void *context, uint64_t done, uint64_t total)
{
    struct cli *cli = context;
    if (cli->no_progress || cli->quiet || !isatty(STDERR_FILENO))
        return;
    double time = mm_clock_seconds();
    if (cli->progress_start == 0)
        cli->progress_start = time;
    double elapsed = time - cli->progress_start;
    if (elapsed < 0.5 || time - cli->progress_drawn < 0.1)
        return;
    cli->progress_drawn = time;
    cli->progress_shown = true;
    double rate = (double)done / elapsed;
    fprintf(stderr, "\r%.0f MiB", (double)done / MIB);
    if (total)
        fprintf(stderr, " of %.0f", (double)total / MIB);
    fprintf(stderr, ", %.0f MiB/s", rate / MIB);
    if (total > done && rate > 0)
        fprintf(stderr, ", %.0f s left", (double)(total - done) / rate);
    fputs("\033[K", stderr);
}

void cli_progress_end(struct cli *cli)
{
    if (cli->progress_shown)
        fputs("\r\033[K", stderr);
    cli->progress_shown = false;
    cli->progress_start = 0;
}
