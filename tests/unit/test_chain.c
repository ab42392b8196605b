/* The chain of receipts: appended, checked, damaged in every way, mended, restarted; and the consent that follows from it. */
#include "unit.h"

#include <errno.h>
#include <sys/wait.h>

#include "act/chain.h"
#include "act/consent.h"
#include "act/home.h"
#include "base/beneath.h"

#define HEX64 "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct store {
    char *folder;
    int home;
    struct mm_diags diags;
    char paths[8][MM_RECEIPT_PATH]; /* of what was appended */
    unsigned char heads[8][MM_HASH_BYTES];
    int count;
};

static void open_store(struct store *s)
{
    *s = (struct store){.folder = make_folder()};
    mm_diags_init(&s->diags);
    s->home = mm_home_open(s->folder, true, &s->diags);
    assert_true(s->home >= 0);
}

static void close_store(struct store *s)
{
    close(s->home);
    mm_diags_release(&s->diags);
    remove_folder(s->folder);
}

/* A receipt of ACTION on REVISION of MODEL_ID, as who made it has it before it is appended. */
static void make_receipt(struct mm_receipt *receipt, enum mm_action action, const char *model_id, int revision)
{
    struct mm_buf text = {0};
    struct mm_diags diags;
    mm_diags_init(&diags);
    mm_buf_printf(&text,
                  "minimodel-report 0\ntool: slm-verify 0.1.0\nmanifest-sha256: " HEX64
                  "\nmodel-id: %s\nversion: 1\nrevision: %d\n"
                  "signature: unsigned\ncheck: manifest pass\ncheck: signature pass\ncheck: expiry pass\ncheck: policy "
                  "skip none\ncheck: set skip none\n"
                  "artifact: a\nartifact-bytes: 5\nartifact-sha256: " HEX64
                  "\ncheck: bytes pass\ncheck: sha256 pass\ncheck: merkle pass\n"
                  "check: chunk-list skip none\ncheck: format pass\ncheck: tensor-layout skip none\ncheck: tokenizer "
                  "skip none\ncheck: chat-template skip none\n"
                  "check: facts skip none\nverdict: pass\n",
                  model_id, revision);
    assert_int_equal(mm_receipt_read_report(receipt, text.data, text.length, &diags), 0);
    receipt->action = action;
    receipt->execution_consent = action == MM_ACTION_CONSENTED;
    receipt->artifacts[0].fingerprint =
        (struct mm_fingerprint){.known = true, .device = 1, .inode = (uint64_t)revision, .size = 5};
    mm_buf_release(&text);
    mm_diags_release(&diags);
}

/* Appends such a receipt; returns what mm_chain_append does. */
static int append(struct store *s, enum mm_action action, const char *model_id, int revision)
{
    struct mm_receipt receipt;
    make_receipt(&receipt, action, model_id, revision);
    int result = mm_chain_append(s->home, &receipt, NULL, s->paths[s->count], s->heads[s->count], &s->diags);
    mm_receipt_release(&receipt);
    s->count += result == 0;
    return result;
}

static void append_some(struct store *s, int count)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(append(s, MM_ACTION_VERIFIED, i % 2 ? "local/one" : "local/two", i + 1), 0);
    check_findings("appending", &s->diags, "");
}

/* "receipt-changed PATH" for each error, sorted as found; notes are left out. */
static void check_chain(struct store *s, const char *what, const unsigned char *expected, const char *found)
{
    struct mm_chain_facts facts;
    struct mm_buf list = {0};
    int result = mm_chain_check(s->home, expected, NULL, &facts, &s->diags);
    for (size_t i = 0; i < s->diags.count; i++)
        if (s->diags.items[i].severity == MM_ERROR)
            mm_buf_printf(&list, "%s%s", list.length ? " " : "", mm_rule_info(s->diags.items[i].rule)->name);
    if (strcmp(mm_buf_text(&list), found) != 0)
        for (size_t i = 0; i < s->diags.count; i++)
            print_error("  %s: %s\n", s->diags.items[i].file, s->diags.items[i].text);
    check_text(what, mm_buf_text(&list), found);
    check_number(what, (uint64_t)(result + 1), !*found);
    mm_buf_release(&list);
    mm_diags_clear(&s->diags);
}

static void read_all(const char *path, struct mm_buf *out)
{
    char block[4096];
    ssize_t got;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    while ((got = read(fd, block, sizeof block)) > 0)
        mm_buf_add(out, block, (size_t)got);
    close(fd);
}

/* The log's line NUMBER (from 1) is put in front of line BEFORE; 0 drops it. */
static void move_line(struct store *s, int number, int before)
{
    struct mm_buf log = {0}, out = {0};
    const char *lines[16], *path = in_folder(s->folder, "receipts.log");
    int count = 0;
    read_all(path, &log);
    for (const char *at = log.data; *at; at = strchr(at, '\n') + 1)
        lines[count++] = at;
    lines[count] = log.data + log.length;
    for (int i = 1; i <= count + 1; i++) {
        if (i == before)
            mm_buf_add(&out, lines[number - 1], (size_t)(lines[number] - lines[number - 1]));
        if (i != number && i <= count)
            mm_buf_add(&out, lines[i - 1], (size_t)(lines[i] - lines[i - 1]));
    }
    write_file(path, out.data, out.length);
    mm_buf_release(&log);
    mm_buf_release(&out);
}

/* Adds the line that LINE begins with to the log. */
static void append_line(struct store *s, const char *line)
{
    size_t length = (size_t)(strchr(line, '\n') + 1 - line);
    int fd = open(in_folder(s->folder, "receipts.log"), O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, line, length), length);
    close(fd);
}

static void an_empty_store_has_an_empty_chain(void **state)
{
    struct store s;
    struct mm_chain_facts facts;
    (void)state;
    open_store(&s);
    assert_int_equal(mm_chain_check(s.home, NULL, NULL, &facts, &s.diags), 0);
    assert_true(facts.receipts == 0 && !facts.head.known);
    assert_int_equal(mm_chain_head(s.home, &facts, &s.diags), 0);
    check_chain(&s, "a head in an empty chain", s.heads[0], "receipt-head");
    close_store(&s);
}

static void each_receipt_names_the_one_before(void **state)
{
    struct store s;
    struct mm_chain_facts facts;
    struct stat info;
    (void)state;
    open_store(&s);
    append_some(&s, 5);
    assert_int_equal(mm_chain_check(s.home, s.heads[0], NULL, &facts, &s.diags), 0);
    assert_int_equal(facts.receipts, 5);
    assert_memory_equal(facts.head.bytes, s.heads[4], MM_HASH_BYTES);
    assert_int_equal(mm_chain_head(s.home, &facts, &s.diags), 0);
    assert_memory_equal(facts.head.bytes, s.heads[4], MM_HASH_BYTES);
    assert_int_equal(stat(in_folder(s.folder, s.paths[0]), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0444);
    assert_int_equal(stat(in_folder(s.folder, "receipts/local"), &info), 0);
    assert_int_equal(info.st_mode & 07777, 0700);
    check_chain(&s, "whole", NULL, "");
    close_store(&s);
}

static void log_is_tampered_with(void **state)
{
    struct store s;
    (void)state;
    for (int what = 0; what < 6; what++) {
        open_store(&s);
        append_some(&s, 4);
        struct mm_buf log = {0};
        read_all(in_folder(s.folder, "receipts.log"), &log);
        switch (what) {
        case 0:
            move_line(&s, 3, 5);
            check_chain(&s, "two lines swapped", NULL, "receipt-order receipt-order receipt-order");
            break;
        case 1:
            move_line(&s, 3, 0);
            check_chain(&s, "a line dropped", NULL, "receipt-order receipt-surplus");
            break;
        case 2:
            write_file(in_folder(s.folder, "receipts.log"), log.data, log.length);
            append_line(&s, strchr(log.data, '\n') + 1);
            check_chain(&s, "a line repeated", NULL, "receipt-surplus receipt-order");
            break;
        case 3:
            write_file(in_folder(s.folder, "receipts.log"), log.data, log.length - 1);
            check_chain(&s, "no last LF", NULL, "receipt-surplus text-last-line");
            break;
        case 4:
            log.data[0] = 'M';
            write_file(in_folder(s.folder, "receipts.log"), log.data, log.length);
            check_chain(&s, "another first line", NULL, "text-first-line");
            break;
        default:
            assert_int_equal(unlink(in_folder(s.folder, "receipts.log")), 0);
            check_chain(&s, "no log", NULL, "receipt-surplus receipt-surplus receipt-surplus receipt-surplus");
        }
        mm_buf_release(&log);
        close_store(&s);
    }
}

static void receipts_are_tampered_with(void **state)
{
    struct store s;
    (void)state;
    for (int what = 0; what < 7; what++) {
        char path[512], other[512];
        open_store(&s);
        append_some(&s, 4);
        snprintf(path, sizeof path, "%s/%s", s.folder, s.paths[1]);
        snprintf(other, sizeof other, "%s/%s", s.folder, s.paths[3]);
        switch (what) {
        case 0:
            assert_int_equal(unlink(path), 0);
            check_chain(&s, "removed", NULL, "receipt-removed");
            break;
        case 1:
            assert_int_equal(chmod(path, 0644) | truncate(path, 100), 0);
            check_chain(&s, "cut", NULL, "receipt-changed");
            break;
        case 2:
            assert_int_equal(unlink(path) | symlink(other, path), 0);
            check_chain(&s, "a link", NULL, "receipt-removed");
            break;
        case 3:
            assert_int_equal(unlink(path) | mkfifo(path, 0600), 0);
            check_chain(&s, "a pipe", NULL, "receipt-removed");
            break;
        case 4:
            assert_int_equal(renameat2(AT_FDCWD, path, AT_FDCWD, other, RENAME_EXCHANGE), 0);
            check_chain(&s, "contents exchanged", NULL, "receipt-changed receipt-changed");
            break;
        case 5:
            write_file(in_folder(s.folder, "receipts/local/two/note"), "x", 1);
            write_file(in_folder(s.folder, "receipts/local/two/.minimodel-00"), "x", 1);
            write_file(in_folder(s.folder, "receipts/note"), "x", 1);
            check_chain(&s, "surplus", NULL, "receipt-surplus receipt-surplus");
            break;
        default:
            assert_int_equal(unlink(in_folder(s.folder, s.paths[3])), 0);
            move_line(&s, 5, 0);
            check_chain(&s, "the newest is cut off", NULL, "");
            check_chain(&s, "the newest is cut off, and known", s.heads[3], "receipt-head");
            check_chain(&s, "an older one is known", s.heads[1], "");
        }
        close_store(&s);
    }
}

/* Appending to a chain whose newest receipt is damaged would hide the damage. */
static void damaged_chains_are_not_continued(void **state)
{
    struct store s;
    (void)state;
    open_store(&s);
    append_some(&s, 2);
    assert_int_equal(unlink(in_folder(s.folder, s.paths[1])), 0);
    assert_int_equal(append(&s, MM_ACTION_VERIFIED, "local/one", 1), -1);
    check_findings("removed", &s.diags, "receipt-removed note:receipt-order");
    write_file(in_folder(s.folder, s.paths[1]), "x", 1);
    assert_int_equal(append(&s, MM_ACTION_VERIFIED, "local/one", 1), -1);
    check_findings("changed", &s.diags, "receipt-changed note:receipt-order");
    assert_int_equal(mm_chain_restart(s.home, "a disk lost it", &s.diags), 0);
    assert_int_equal(append(&s, MM_ACTION_VERIFIED, "local/one", 1), 0);
    check_findings("restarted", &s.diags, "");
    check_chain(&s, "restarted", s.heads[2], "");
    check_chain(&s, "the old chain is another", s.heads[0], "receipt-head");
    assert_int_equal(mm_chain_restart(s.home, " spaces", &s.diags), -1);
    check_findings("a reason that is no value", &s.diags, "receipt-report");
    close_store(&s);
}

static void any_log_can_be_restarted(void **state)
{
    static const struct {
        const char *what, *log, *found;
    } cases[] = {
        {"no log", NULL, ""},
        {"empty", "", ""},
        {"a foreign file", "hello", ""},
        {"a foreign line", "minimodel-receipts 0\nhello\n", ""},
        {"a torn first line", "minimodel-rec", ""},
        {"a torn line", "minimodel-receipts 0\nreceipt: 0011", ""},
        {"NUL", "minimodel-receipts 0\nreceipt: \1\n", ""},
        {"another version", "minimodel-receipts 1\n", "io-read"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct store s;
        open_store(&s);
        if (cases[i].log)
            write_file(in_folder(s.folder, "receipts.log"), cases[i].log, strlen(cases[i].log));
        int result = mm_chain_restart(s.home, "again", &s.diags);
        check_findings(cases[i].what, &s.diags, cases[i].found);
        check_number(cases[i].what, (uint64_t)(result + 1), !*cases[i].found);
        if (result == 0) {
            check_number(cases[i].what, (uint64_t)append(&s, MM_ACTION_VERIFIED, "local/one", 1), 0);
            check_chain(&s, cases[i].what, s.heads[0], "");
        }
        close_store(&s);
    }
}

/* The log as it is when an append was ended after CUT bytes of its line: the next one settles that. */
static void interrupted_appends_are_settled(void **state)
{
    struct store s;
    struct mm_buf log = {0};
    (void)state;
    open_store(&s);
    append_some(&s, 3);
    read_all(in_folder(s.folder, "receipts.log"), &log);
    size_t start =
        (size_t)(strstr(strchr(strchr(log.data, '\n') + 1, '\n') + 1, "\n") + 1 - log.data); /* of the last line */
    close_store(&s);
    for (size_t cut = 0; cut < log.length - start; cut += 17) {
        open_store(&s);
        append_some(&s, 3);
        assert_int_equal(truncate(in_folder(s.folder, "receipts.log"), (off_t)(start + cut)), 0);
        assert_int_equal(append(&s, MM_ACTION_VERIFIED, "local/one", 9), 0);
        check_findings("settling", &s.diags, "note:receipt-surplus");
        check_chain(&s, "settled", s.heads[2], "");
        close_store(&s);
    }
    mm_buf_release(&log);
}

/* The same for the first receipt of a store, whose line comes with the log's first one. */
static void the_first_append_may_be_interrupted(void **state)
{
    struct store s;
    struct stat info;
    (void)state;
    open_store(&s);
    append_some(&s, 1);
    assert_int_equal(stat(in_folder(s.folder, "receipts.log"), &info), 0);
    close_store(&s);
    for (off_t cut = 0; cut < info.st_size; cut += 3) {
        open_store(&s);
        append_some(&s, 1);
        assert_int_equal(truncate(in_folder(s.folder, "receipts.log"), cut), 0);
        assert_int_equal(append(&s, MM_ACTION_VERIFIED, "local/one", 9), 0);
        check_findings("settling", &s.diags, "note:receipt-surplus");
        check_chain(&s, "settled", s.heads[0], "");
        close_store(&s);
    }
}

static void a_lost_log_is_found_again(void **state)
{
    struct store s;
    (void)state;
    open_store(&s);
    append_some(&s, 4);
    assert_int_equal(unlink(in_folder(s.folder, "receipts.log")), 0);
    assert_int_equal(append(&s, MM_ACTION_VERIFIED, "local/one", 9), 0);
    check_findings("settling", &s.diags,
                   "note:receipt-surplus note:receipt-surplus note:receipt-surplus note:receipt-surplus");
    check_chain(&s, "settled", s.heads[3], "");
    close_store(&s);
}

/* Two receipts that follow one head, of which the log names one or none. */
static void forks_are_found(void **state)
{
    struct store s;
    struct mm_buf log = {0};
    char aside[512], back[512];
    (void)state;
    open_store(&s);
    append_some(&s, 2);
    read_all(in_folder(s.folder, "receipts.log"), &log);
    assert_int_equal(append(&s, MM_ACTION_VERIFIED, "local/one", 3), 0);
    snprintf(back, sizeof back, "%s/%s", s.folder, s.paths[2]);
    snprintf(aside, sizeof aside, "%s/aside", s.folder);
    assert_int_equal(rename(back, aside), 0);
    write_file(in_folder(s.folder, "receipts.log"), log.data, log.length);
    assert_int_equal(append(&s, MM_ACTION_VERIFIED, "local/one", 4), 0);
    assert_int_equal(rename(aside, back), 0);
    check_chain(&s, "one is named", NULL, "receipt-surplus");
    assert_int_equal(append(&s, MM_ACTION_VERIFIED, "local/one", 5),
                     0); /* what does not follow the head is left alone */
    check_chain(&s, "it is still found", NULL, "receipt-surplus");
    assert_int_equal(unlink(in_folder(s.folder, s.paths[4])), 0);
    write_file(in_folder(s.folder, "receipts.log"), log.data, log.length);
    check_chain(&s, "none is named", NULL, "receipt-surplus receipt-surplus");
    assert_int_equal(append(&s, MM_ACTION_VERIFIED, "local/one", 6), -1);
    check_findings("none is named", &s.diags, "receipt-order");
    mm_buf_release(&log);
    close_store(&s);
}

static void links_are_not_followed(void **state)
{
    struct store s;
    (void)state;
    open_store(&s);
    assert_int_equal(
        mkdir(in_folder(s.folder, "elsewhere"), 0700) | symlink("elsewhere", in_folder(s.folder, "receipts")), 0);
    assert_int_equal(append(&s, MM_ACTION_VERIFIED, "local/one", 1), -1);
    assert_true(s.diags.errors > 0);
    mm_diags_clear(&s.diags);
    assert_int_equal(unlink(in_folder(s.folder, "receipts")) | unlink(in_folder(s.folder, "receipts.log")), 0);
    write_file(in_folder(s.folder, "elsewhere/log"), "", 0);
    assert_int_equal(symlink("elsewhere/log", in_folder(s.folder, "receipts.log")), 0);
    assert_int_equal(append(&s, MM_ACTION_VERIFIED, "local/one", 1), -1);
    check_findings("the log is a link", &s.diags, "io-open");
    assert_true(file_holds(in_folder(s.folder, "elsewhere/log"), ""));
    close_store(&s);
}

/* Processes that append at the same time: one chain of all their receipts. */
static void appends_wait_for_each_other(void **state)
{
    struct store s;
    struct mm_chain_facts facts;
    (void)state;
    open_store(&s);
    for (int i = 0; i < 8; i++)
        if (fork() == 0) {
            int failed = 0;
            for (int k = 0; k < 5; k++)
                failed |= append(&s, MM_ACTION_VERIFIED, "local/one", i * 5 + k + 1);
            _exit(failed != 0);
        }
    for (int i = 0, status; i < 8; i++)
        assert_true(wait(&status) > 0 && status == 0);
    assert_int_equal(mm_chain_check(s.home, NULL, NULL, &facts, &s.diags), 0);
    assert_int_equal(facts.receipts, 40);
    close_store(&s);
}

/* ---- consent ---- */

static void check_consent(struct store *s, const char *what, const char *model_id, uint64_t revision, uint64_t found)
{
    struct mm_receipt receipt;
    int result = mm_consent_prepare(s->home, model_id, revision, &receipt, &s->diags);
    check_findings(what, &s->diags, found ? "" : "receipt-none");
    check_number(what, (uint64_t)(result + 1), found != 0);
    if (found) {
        check_number(what, receipt.revision, found);
        check_number(what, receipt.artifacts[0].fingerprint.inode, found);
        check_number(what, receipt.execution_consent && receipt.action == MM_ACTION_CONSENTED, true);
    }
    mm_receipt_release(&receipt);
}

static void only_imports_feed_consent(void **state)
{
    struct store s;
    struct mm_receipt receipt;
    (void)state;
    open_store(&s);
    check_consent(&s, "an empty store", "local/one", 0, 0);
    append(&s, MM_ACTION_VERIFIED, "local/one", 9);
    check_consent(&s, "verified alone", "local/one", 0, 0);
    append(&s, MM_ACTION_IMPORTED, "local/one", 2);
    append(&s, MM_ACTION_IMPORTED, "local/one", 1);
    check_consent(&s, "the newest import", "local/one", 0, 1);
    check_consent(&s, "a revision", "local/one", 2, 2);
    check_consent(&s, "another revision", "local/one", 9, 0);
    check_consent(&s, "another model", "local/two", 0, 0);
    append(&s, MM_ACTION_REMOVED, "local/one", 1);
    check_consent(&s, "the newest was removed", "local/one", 0, 2);
    check_consent(&s, "that revision", "local/one", 1, 0);
    append(&s, MM_ACTION_REMOVED, "local/one", 2);
    check_consent(&s, "all were removed", "local/one", 0, 0);
    append(&s, MM_ACTION_IMPORTED, "local/one", 1);
    check_consent(&s, "imported again", "local/one", 0, 1);
    assert_int_equal(mm_consent_prepare(s.home, "local/one", 0, &receipt, &s.diags), 0);
    assert_int_equal(mm_chain_append(s.home, &receipt, NULL, s.paths[7], s.heads[7], &s.diags), 0);
    mm_receipt_release(&receipt);
    check_chain(&s, "with a consent", s.heads[7], "");
    check_consent(&s, "a consent is no import", "local/one", 1, 1);
    close_store(&s);
}

static void damaged_chains_feed_nothing(void **state)
{
    struct store s;
    struct mm_receipt receipt;
    (void)state;
    open_store(&s);
    append(&s, MM_ACTION_IMPORTED, "local/one", 1);
    append(&s, MM_ACTION_VERIFIED, "local/two", 1);
    assert_int_equal(unlink(in_folder(s.folder, s.paths[1])), 0);
    assert_int_equal(mm_consent_prepare(s.home, "local/one", 0, &receipt, &s.diags), -1);
    check_findings("damaged", &s.diags, "receipt-removed");
    mm_receipt_release(&receipt);
    close_store(&s);
}

/* ---- the home ---- */

static void the_home_is_looked_up(void **state)
{
    struct mm_diags diags;
    char *path;
    (void)state;
    mm_diags_init(&diags);
    setenv("HOME", "/h", 1);
    unsetenv("MINIMODEL_HOME");
    setenv("XDG_DATA_HOME", "", 1);
    path = mm_home_path(NULL, &diags);
    assert_string_equal(path, "/h/.local/share/minimodel");
    free(path);
    setenv("XDG_DATA_HOME", "relative", 1);
    path = mm_home_path(NULL, &diags);
    assert_string_equal(path, "/h/.local/share/minimodel");
    free(path);
    setenv("XDG_DATA_HOME", "/x", 1);
    path = mm_home_path(NULL, &diags);
    assert_string_equal(path, "/x/minimodel");
    free(path);
    setenv("MINIMODEL_HOME", "m", 1);
    path = mm_home_path(NULL, &diags);
    assert_string_equal(path, "m");
    free(path);
    path = mm_home_path("given", &diags);
    assert_string_equal(path, "given");
    free(path);
    assert_null(mm_home_path("", &diags));
    check_findings("an empty name", &diags, "store-home");
    unsetenv("MINIMODEL_HOME"), unsetenv("XDG_DATA_HOME"), unsetenv("HOME");
    assert_null(mm_home_path(NULL, &diags));
    check_findings("nothing set", &diags, "store-home");
    mm_diags_release(&diags);
}

static void folders_are_made_on_request(void **state)
{
    struct mm_diags diags;
    struct stat info;
    char *folder = make_folder(), path[512];
    (void)state;
    mm_diags_init(&diags);
    snprintf(path, sizeof path, "%s/a/b//c/", folder);
    assert_int_equal(mm_home_open(path, false, &diags), -1);
    check_findings("not there", &diags, "store-home");
    int home = mm_home_open(path, true, &diags);
    assert_true(home >= 0);
    assert_int_equal(fstat(home, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0700);
    assert_int_equal(mm_beneath_folder(home, "../x", true), -1);
    assert_int_equal(mm_beneath_file(home, "x/y"), -1);
    int below = mm_beneath_folder(home, "x/y", true);
    assert_true(below >= 0);
    close(below);
    assert_int_equal(mm_beneath_file(home, "x/y"), -1);
    assert_int_equal(errno, EISDIR);
    close(home);
    mm_diags_release(&diags);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_store_has_an_empty_chain),
        cmocka_unit_test(each_receipt_names_the_one_before),
        cmocka_unit_test(log_is_tampered_with),
        cmocka_unit_test(receipts_are_tampered_with),
        cmocka_unit_test(damaged_chains_are_not_continued),
        cmocka_unit_test(any_log_can_be_restarted),
        cmocka_unit_test(interrupted_appends_are_settled),
        cmocka_unit_test(the_first_append_may_be_interrupted),
        cmocka_unit_test(a_lost_log_is_found_again),
        cmocka_unit_test(forks_are_found),
        cmocka_unit_test(links_are_not_followed),
        cmocka_unit_test(appends_wait_for_each_other),
        cmocka_unit_test(only_imports_feed_consent),
        cmocka_unit_test(damaged_chains_feed_nothing),
        cmocka_unit_test(the_home_is_looked_up),
        cmocka_unit_test(folders_are_made_on_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
