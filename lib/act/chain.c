#include "act/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/chain_parts.h"
#include "act/chain_sign.h"
#include "act/home.h"
#include "base/beneath.h"
#include "base/checked.h"
#include "base/file.h"

/* Receipts that the log does not name and that an append looks at; an interrupted append leaves one. */
#define UNNAMED_MAX 16384

/* A receipt that the log does not name. */
struct unnamed {
    unsigned char hash[MM_HASH_BYTES];
    struct mm_digest previous;
    char name[MM_RECEIPT_NAME];
};

struct append {
    struct mm_chain chain;
    struct mm_name_set names; /* what the log names */
    uint64_t receipts;        /* of the present chain */
    struct mm_digest head;    /* of the present chain; not known: it has no receipt yet */
    struct mm_digest last;    /* the last receipt of the log, in whatever chain */
    char head_name[MM_RECEIPT_NAME];
    char created[MM_TIME_SIZE]; /* the latest time in the present chain, "" for none */
    struct unnamed *unnamed;
    size_t unnamed_count, unnamed_capacity;
    const struct mm_secret_key *key; /* which signs the new receipt; NULL: none does */
};

static void close_append(struct append *a)
{
    mm_name_set_release(&a->names);
    free(a->unnamed);
    mm_chain_close(&a->chain);
}

/* ---- what the log says ---- */

static void take_time(struct append *a, const char *name)
{
    char time[MM_TIME_SIZE];
    mm_receipt_name_time(time, name);
    if (strcmp(time, a->created) > 0)
        memcpy(a->created, time, sizeof a->created);
}

static int collect_line(void *context, const struct mm_log_line *line, struct mm_diags *diags)
{
    struct append *a = context;
    if (line->kind == MM_LOG_NEW_CHAIN) {
        a->head.known = false;
        a->receipts = 0;
        a->created[0] = '\0';
        return 0;
    }
    if (line->hash.known)
        a->last = line->hash;
    if (!line->sound)
        return 0;
    a->head = line->hash;
    a->receipts++;
    memcpy(a->head_name, line->name, sizeof a->head_name);
    take_time(a, line->name);
    if (mm_name_set_add_text(&a->names, a->chain.sha, line->name, strlen(line->name)) == MM_NAME_MEMORY)
        return mm_diag_memory(diags);
    return 0;
}

/* The newest receipt has to be there and sound, or else a new one would continue what nobody can check. */
static int check_newest(struct append *a)
{
    struct mm_receipt receipt = {0};
    unsigned char hash[MM_HASH_BYTES];
    if (!a->head.known)
        return 0;
    int result = mm_chain_load(&a->chain, a->head_name, a->head.bytes, hash, &receipt, a->chain.diags);
    mm_receipt_release(&receipt);
    return result;
}

/* Reads the log of the present chain, which has to be sound, and its newest receipt. */
static int read_log(struct append *a)
{
    struct mm_diags *diags = a->chain.diags;
    uint64_t errors = diags->errors;
    int result = mm_chain_walk(&a->chain, collect_line, a);
    if (result == 0)
        result = check_newest(a);
    if (result == 0 && diags->errors == errors)
        return 0;
    if (diags->no)
        mm_note(
            diags, MM_RULE_RECEIPT_ORDER,
            "a damaged chain is not continued; receipt-write --check says all that is wrong, and --new-chain REASON "
            "begins a new chain");
    return -1;
}

/* ---- writing the log ---- */

/* Appends the LINE, or takes back what was written of it. An empty log gets its first line too. */
static int append_line(struct append *a, const char *line, size_t length)
{
    struct mm_diags *diags = a->chain.diags;
    struct mm_buf text = {0};
    const char *shown = diags->file;
    diags->file = MM_CHAIN_LOG;
    if (a->chain.whole == 0 && !a->chain.torn)
        mm_buf_str(&text, MM_RECEIPT_LOG_TYPE " 0\n");
    mm_buf_add(&text, line, length);
    int result = mm_buf_text(&text) ? 0 : mm_diag_memory(diags);
    if (result == 0)
        result = mm_file_write_all(a->chain.log, text.data, text.length, "the log of receipts", diags);
    if (result == 0 && fsync(a->chain.log) < 0)
        result = mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot flush the log of receipts", errno);
    if (result == 0)
        a->chain.whole += text.length;
    else if (text.length && !a->chain.torn && ftruncate(a->chain.log, (off_t)a->chain.whole) < 0)
        mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot take back a line of the log", errno);
    mm_buf_release(&text);
    diags->file = shown;
    return result;
}

/* A last line whose writing was interrupted is taken away; its receipt, if it is there, gets its line again. */
static int mend_log(struct append *a)
{
    struct mm_diags *diags = a->chain.diags;
    const char *shown = diags->file;
    int result = 0;
    if (!a->chain.torn)
        return 0;
    diags->file = MM_CHAIN_LOG;
    if (!a->chain.mendable)
        result = mm_diag(diags, MM_RULE_TEXT_LAST_LINE,
                         "expected LF at the end, or the beginning of a line whose writing was interrupted");
    else if (ftruncate(a->chain.log, (off_t)a->chain.whole) < 0)
        result = mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot mend the log's last line", errno);
    else
        a->chain.torn = false;
    diags->file = shown;
    return result;
}

/* ---- what an interrupted append left ---- */

/* The signature NAME was written, and its receipt was not. */
static int drop_signature(struct append *a, const char *name)
{
    struct mm_diags *diags = a->chain.diags;
    char parent[MM_RECEIPT_PATH];
    snprintf(parent, sizeof parent, MM_CHAIN_FOLDER "/%.*s", (int)(strrchr(name, '/') - name), name);
    int folder = mm_beneath_folder(a->chain.home, parent, false);
    int result = folder < 0 ? -1 : unlinkat(folder, strrchr(name, '/') + 1, 0);
    if (result < 0)
        mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot take away a signature without its receipt", errno);
    else
        mm_note(diags, MM_RULE_RECEIPT_SURPLUS, "%s, whose receipt was never written, is taken away", name);
    if (folder >= 0)
        close(folder);
    return result;
}

static int collect_unnamed(void *context, const char *name, bool unfinished)
{
    struct append *a = context;
    if (!unfinished && mm_chain_signs(&a->chain, &a->names, name) == MM_CHAIN_SIGNS_ABSENT)
        return drop_signature(a, name);
    struct mm_receipt receipt;
    struct mm_diags ignored;
    int result = 0;
    if (unfinished || !mm_receipt_name_valid(name, strlen(name)))
        return 0;
    if (a->unnamed_count >= UNNAMED_MAX)
        return mm_diag(a->chain.diags, MM_RULE_IO_LIMIT,
                       "at most %d receipts that the log does not name are read; move some of them away", UNNAMED_MAX);
    if (!mm_grow(&a->unnamed, a->unnamed_count, &a->unnamed_capacity, sizeof *a->unnamed))
        return mm_diag_memory(a->chain.diags);
    struct unnamed *unnamed = &a->unnamed[a->unnamed_count];
    mm_diags_init(&ignored);
    if (mm_chain_load(&a->chain, name, NULL, unnamed->hash, &receipt, &ignored) == 0) {
        unnamed->previous = receipt.previous;
        snprintf(unnamed->name, sizeof unnamed->name, "%s", name);
        a->unnamed_count++;
    } else if (ignored.unknown && !ignored.no) { /* it may be the one that comes next */
        result = mm_diag(a->chain.diags, MM_RULE_IO_READ, "cannot read the receipt %s", name);
    }
    mm_receipt_release(&receipt);
    mm_diags_release(&ignored);
    return result;
}

/* The unnamed receipts that name the head as the one before them are counted; the last of them is left in *NEXT. */
static size_t followers(const struct append *a, const struct unnamed **next)
{
    size_t count = 0;
    for (size_t i = 0; i < a->unnamed_count; i++)
        if (mm_chain_same(&a->unnamed[i].previous, &a->head)) {
            *next = &a->unnamed[i];
            count++;
        }
    return count;
}

static int name_receipt(struct append *a, const unsigned char *hash, const char *name)
{
    struct mm_buf line = {0};
    mm_receipt_log_write(&line, hash, name);
    int result = mm_buf_text(&line) ? append_line(a, line.data, line.length) : mm_diag_memory(a->chain.diags);
    mm_buf_release(&line);
    if (result == 0) {
        a->head.known = true;
        memcpy(a->head.bytes, hash, MM_HASH_BYTES);
    }
    return result;
}

/* Receipts that continue the chain and lack nothing but their lines get them. */
static int settle(struct append *a)
{
    struct mm_diags *diags = a->chain.diags;
    const struct unnamed *next = NULL;
    if (mm_chain_each_unnamed(&a->chain, &a->names, collect_unnamed, a) != 0)
        return -1;
    for (size_t settled = 0; settled < a->unnamed_count; settled++) {
        size_t count = followers(a, &next);
        if (count == 0)
            return 0;
        if (count > 1)
            return mm_diag(diags, MM_RULE_RECEIPT_ORDER,
                           "expected one receipt behind the head, found %zu, of which the log names none: the chain is "
                           "forked, see receipt-write --check",
                           count);
        if (name_receipt(a, next->hash, next->name) < 0)
            return -1;
        take_time(a, next->name);
        mm_note(diags, MM_RULE_RECEIPT_SURPLUS, "the log lacked the line of %s, and has it again", next->name);
    }
    return 0;
}

/* ---- appending ---- */

/* The receipt's text as it will stand in the store, read once more, so that nothing gets there that cannot be read. */
static int write_text(struct append *a, struct mm_receipt *receipt, struct mm_buf *text)
{
    struct mm_receipt again = {0};
    if (!mm_time_written(receipt->created) && strcmp(receipt->created, a->created) < 0)
        memcpy(receipt->created, a->created, sizeof receipt->created);
    receipt->previous = a->head;
    mm_receipt_write(receipt, text);
    if (!mm_buf_text(text))
        return mm_diag_memory(a->chain.diags);
    int result = mm_receipt_read(&again, text->data, text->length, a->chain.diags);
    mm_receipt_release(&again);
    return result;
}

/* The folder of the file PATH, made where it lacks; -1 with a finding. */
static int open_folder(struct append *a, const char *path)
{
    char parent[MM_RECEIPT_PATH];
    snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(path, '/') - path), path);
    int folder = mm_beneath_folder(a->chain.home, parent, true);
    if (folder < 0)
        mm_diag(a->chain.diags, MM_RULE_IO_WRITE, "cannot make the folder %s: %s", parent, strerror(errno));
    return folder;
}

/* Writes a file that is read-only; FORCE replaces what an interrupted call left there. Where it fails nothing new stands there. */
static int write_file(struct append *a, const struct mm_buf *text, const char *path, int folder, bool force)
{
    struct mm_diags *diags = a->chain.diags;
    struct mm_writer writer;
    const char *base = strrchr(path, '/') + 1;
    struct stat there;
    bool fresh = fstatat(folder, base, &there, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
    if (mm_writer_open_in(&writer, folder, path, force, diags) < 0)
        return -1;
    int result = mm_writer_write(&writer, text->data, text->length, diags);
    if (result == 0 && fchmod(writer.fd, 0444) < 0)
        result = mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot make the receipt read-only", errno);
    if (result == 0) {
        result = mm_writer_commit(&writer, diags);
        if (result < 0 && fresh) /* it may stand there, with a folder that could not be flushed */
            unlinkat(folder, base, 0);
        return result;
    }
    mm_writer_abandon(&writer);
    return result;
}

static void take_back(struct append *a, int folder, const char *path, const char *suffix)
{
    char name[MM_RECEIPT_PATH];
    snprintf(name, sizeof name, "%s%s", strrchr(path, '/') + 1, suffix);
    if (unlinkat(folder, name, 0) < 0)
        mm_diag_errno(a->chain.diags, MM_RULE_IO_WRITE, "cannot take back the receipt", errno);
}

/* The signature of the receipt PATH, whose TEXT has the hash HEAD. */
static int write_signature(struct append *a, const struct mm_receipt *receipt, const struct mm_buf *text,
                           const char *path, const unsigned char *head, int folder)
{
    struct mm_buf comment = {0}, signature = {0};
    unsigned char prehash[MM_PREHASH_BYTES];
    char name[MM_RECEIPT_PATH];
    mm_receipt_trusted_comment(receipt, head, &comment);
    int result = mm_buf_text(&comment) ? 0 : mm_diag_memory(a->chain.diags);
    if (result == 0) {
        mm_prehash(text->data, text->length, prehash);
        result = mm_secret_key_sign(a->key, prehash, comment.data, &signature, a->chain.diags);
    }
    if (result == 0) {
        snprintf(name, sizeof name, "%s" MM_SIGNATURE_SUFFIX, path);
        result = write_file(a, &signature, name, folder, true);
    }
    mm_buf_release(&comment);
    mm_buf_release(&signature);
    return result;
}

/* The signature goes first, so that a receipt that was to be signed never stands there without it; but none is touched of a
 * receipt that is there already, the same one of a chain that was restarted this very second. */
static int write_files(struct append *a, const struct mm_receipt *receipt, const struct mm_buf *text, const char *path,
                       const unsigned char *head, int folder)
{
    struct stat there;
    bool fresh = fstatat(folder, strrchr(path, '/') + 1, &there, AT_SYMLINK_NOFOLLOW) < 0;
    bool sign = fresh && a->key;
    if (sign && write_signature(a, receipt, text, path, head, folder) < 0)
        return -1;
    int result = write_file(a, text, path, folder, false);
    if (result < 0 && sign)
        take_back(a, folder, path, MM_SIGNATURE_SUFFIX);
    return result;
}

static int append(struct append *a, struct mm_receipt *receipt, char path[static MM_RECEIPT_PATH],
                  unsigned char head[static MM_HASH_BYTES])
{
    struct mm_buf text = {0};
    char name[MM_RECEIPT_NAME];
    int folder = -1, result = write_text(a, receipt, &text);
    if (result == 0) {
        mm_sha256_once(a->chain.sha, text.data, text.length, head);
        mm_receipt_name(name, receipt->model_id, receipt->created, head);
        snprintf(path, MM_RECEIPT_PATH, MM_CHAIN_FOLDER "/%s", name);
        folder = open_folder(a, path);
        result = folder < 0 ? -1 : write_files(a, receipt, &text, path, head, folder);
    }
    if (result == 0) {
        result = name_receipt(a, head, name);
        if (result < 0)
            take_back(a, folder, path, "");
        if (result < 0 && a->key)
            take_back(a, folder, path, MM_SIGNATURE_SUFFIX);
    }
    if (folder >= 0)
        close(folder);
    mm_buf_release(&text);
    return result;
}

/* Opens the chain to write, sound and settled. Returns 0, or -1; close_append(A) in every case. */
static int begin_append(struct append *a, int home, struct mm_diags *diags)
{
    if (mm_chain_open(&a->chain, home, true, diags) < 0 || read_log(a) < 0 || mend_log(a) < 0)
        return -1;
    return settle(a);
}

int mm_chain_settle(int home, struct mm_diags *diags)
{
    struct append a = {0};
    struct stat info;
    if (fstatat(home, MM_CHAIN_LOG, &info, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT &&
        fstatat(home, MM_CHAIN_FOLDER, &info, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT)
        return 0;
    int result = begin_append(&a, home, diags);
    close_append(&a);
    return result;
}

int mm_chain_append(int home, struct mm_receipt *receipt, const struct mm_secret_key *key,
                    char path[static MM_RECEIPT_PATH], unsigned char head[static MM_HASH_BYTES], struct mm_diags *diags)
{
    struct append a = {.key = key};
    if (receipt->verdict != MM_VERDICT_PASS)
        return mm_diag(diags, MM_RULE_RECEIPT_VERDICT, "expected the verdict 'pass', found '%s'",
                       mm_verdict_names[receipt->verdict]);
    int result = begin_append(&a, home, diags);
    if (result == 0)
        result = append(&a, receipt, path, head);
    close_append(&a);
    return result;
}

/* ---- restarting ---- */

static int by_time(const void *a, const void *b)
{
    const struct unnamed *left = a, *right = b;
    char time[MM_TIME_SIZE], other[MM_TIME_SIZE];
    mm_receipt_name_time(time, left->name);
    mm_receipt_name_time(other, right->name);
    int order = strcmp(time, other);
    return order ? order : strcmp(left->name, right->name);
}

/* Appends to LINES one for each sound receipt that the log does not name: they belong to the chain that ends, as nothing may
 * be taken for the next one's beginning. */
static int name_all(struct append *a, struct mm_buf *lines)
{
    if (mm_chain_each_unnamed(&a->chain, &a->names, collect_unnamed, a) != 0)
        return -1;
    if (a->unnamed_count)
        qsort(a->unnamed, a->unnamed_count, sizeof *a->unnamed, by_time);
    for (size_t i = 0; i < a->unnamed_count; i++) {
        mm_receipt_log_write(lines, a->unnamed[i].hash, a->unnamed[i].name);
        a->last.known = true;
        memcpy(a->last.bytes, a->unnamed[i].hash, MM_HASH_BYTES);
    }
    return 0;
}

int mm_chain_restart(int home, const char *reason, struct mm_diags *diags)
{
    struct append a = {0};
    struct mm_buf line = {0};
    struct mm_diags ignored;
    if (!mm_value_sound(reason, strlen(reason)) || strlen(reason) > MM_VALUE_MAX - MM_HASH_HEX - 1)
        return mm_diag(diags, MM_RULE_RECEIPT_REPORT,
                       "expected a reason of 1 to %d printable bytes without spaces around it, found something else",
                       MM_VALUE_MAX - MM_HASH_HEX - 1);
    mm_diags_init(&ignored);
    int result = mm_chain_open(&a.chain, home, true, diags);
    a.chain.diags = &ignored;
    if (result == 0)
        mm_chain_walk(&a.chain, collect_line, &a);
    a.chain.diags = diags;
    if (result == 0 && ignored.unknown)
        result = mm_diag(diags, MM_RULE_IO_READ, "%s cannot be read, or is of another version", MM_CHAIN_LOG);
    if (result == 0) {
        if (a.chain.torn) /* it is kept, as a line of the chain that ends here */
            mm_buf_char(&line, '\n');
        result = name_all(&a, &line);
    }
    if (result == 0) {
        mm_receipt_log_write_new_chain(&line, &a.last, reason);
        result = mm_buf_text(&line) ? append_line(&a, line.data, line.length) : mm_diag_memory(diags);
    }
    mm_buf_release(&line);
    mm_diags_release(&ignored);
    close_append(&a);
    return result;
}

/* ---- the head ---- */

int mm_chain_head(int home, struct mm_chain_facts *facts, struct mm_diags *diags)
{
    struct append a = {0};
    int result = mm_chain_open(&a.chain, home, false, diags);
    if (result == 0)
        result = read_log(&a);
    *facts = (struct mm_chain_facts){.receipts = a.receipts, .head = a.head};
    memcpy(facts->created, a.created, sizeof facts->created);
    close_append(&a);
    return result;
}
