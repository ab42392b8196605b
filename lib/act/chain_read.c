/* Reading a chain: its log line by line, its receipts one by one, and the files that no line names. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "act/chain_parts.h"
#include "act/home.h"
#include "base/beneath.h"
#include "base/file.h"
#include "trust/minisign.h"

bool mm_chain_same(const struct mm_digest *a, const struct mm_digest *b)
{
    return a->known == b->known && (!a->known || memcmp(a->bytes, b->bytes, MM_HASH_BYTES) == 0);
}

/* ---- opening ---- */

static int open_log(struct mm_chain *chain, bool write)
{
    struct stat info;
    int flags = (write ? O_RDWR | O_APPEND : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    chain->log = openat(chain->home, MM_CHAIN_LOG, flags);
    if (chain->log < 0 && errno == ENOENT && !write)
        return 0;
    if (chain->log < 0 && errno == ENOENT) {
        chain->log = openat(chain->home, MM_CHAIN_LOG, flags | O_CREAT, 0600);
        if (chain->log >= 0 && fsync(chain->home) < 0 && errno != EINVAL)
            return mm_diag_errno(chain->diags, MM_RULE_IO_WRITE, "cannot flush the store's folder", errno);
    }
    if (chain->log < 0)
        return mm_diag_errno(chain->diags, MM_RULE_IO_OPEN, "cannot open", errno);
    if (fstat(chain->log, &info) < 0)
        return mm_diag_errno(chain->diags, MM_RULE_IO_READ, "cannot look at the file", errno);
    if (!S_ISREG(info.st_mode))
        return mm_diag(chain->diags, MM_RULE_IO_NOT_REGULAR, "expected a regular file, found another kind");
    return 0;
}

/* Puts the log's descriptor at its start and begins to read. */
static int begin(struct mm_chain *chain, struct mm_receipt_log *log)
{
    *log = (struct mm_receipt_log){0};
    if (lseek(chain->log, 0, SEEK_SET) < 0)
        return mm_diag_errno(chain->diags, MM_RULE_IO_READ, "cannot read", errno);
    return mm_receipt_log_open(log, chain->log, chain->diags);
}

/* A first reading: where the last restart is, and how the log ends. What is wrong is found by the second. */
static int find_restart(struct mm_chain *chain)
{
    struct mm_receipt_log log;
    struct mm_log_line line;
    struct mm_diags ignored;
    if (chain->log < 0)
        return 0;
    mm_diags_init(&ignored);
    int result = begin(chain, &log);
    log.restarts = true;
    while (result == 0 && mm_receipt_log_next(&log, &line, &ignored)) {
        if (line.sound && line.kind == MM_LOG_NEW_CHAIN)
            chain->restart = line.number;
        mm_diags_clear(&ignored);
    }
    chain->whole = log.whole;
    chain->torn = log.torn;
    chain->mendable = log.torn && mm_receipt_log_mendable(&log);
    if (mm_receipt_log_close(&log, chain->diags) < 0)
        result = -1;
    mm_diags_release(&ignored);
    return result;
}

int mm_chain_open(struct mm_chain *chain, int home, bool write, struct mm_diags *diags)
{
    const char *shown = diags->file;
    *chain = (struct mm_chain){.home = home, .lock = -1, .log = -1, .diags = diags};
    mm_diags_init(&chain->closed);
    diags->file = MM_CHAIN_LOG;
    chain->lock = mm_home_lock(home, write, diags);
    int result = chain->lock < 0 ? -1 : 0;
    if (result == 0 && !(chain->sha = mm_sha256_new()))
        result = mm_diag_memory(diags);
    if (result == 0)
        result = open_log(chain, write);
    if (result == 0)
        result = find_restart(chain);
    diags->file = shown;
    return result;
}

void mm_chain_close(struct mm_chain *chain)
{
    if (chain->log >= 0)
        close(chain->log);
    if (chain->lock >= 0)
        close(chain->lock);
    mm_sha256_free(chain->sha);
    mm_buf_release(&chain->text);
    mm_diags_release(&chain->closed);
    *chain = (struct mm_chain){.home = -1, .lock = -1, .log = -1};
}

/* ---- the log ---- */

/* What is wrong before a restart was known when the chain was restarted; what could not be found out stays an error. */
static void settle_closed(struct mm_chain *chain)
{
    const char *shown = chain->diags->file;
    if (chain->closed.errors == 0 && chain->closed.count == 0)
        return;
    for (size_t i = 0; i < chain->closed.count; i++) {
        const struct mm_diag *item = &chain->closed.items[i];
        chain->diags->file = item->file;
        if (item->severity == MM_ERROR && mm_rule_info(item->rule)->answer == MM_UNKNOWN)
            mm_diag(chain->diags, item->rule, "%s", item->text);
        else if (item->line)
            mm_note(chain->diags, item->rule, "before the restart, line %llu: %s", (unsigned long long)item->line,
                    item->text);
        else
            mm_note(chain->diags, item->rule, "before the restart: %s", item->text);
    }
    if (chain->closed.dropped && chain->closed.unknown)
        mm_diag_memory(chain->diags);
    chain->diags->file = shown;
    mm_diags_clear(&chain->closed);
}

int mm_chain_walk(struct mm_chain *chain, mm_chain_line_fn *each, void *context)
{
    struct mm_receipt_log log;
    struct mm_log_line line;
    const char *shown = chain->diags->file;
    bool more = true;
    if (chain->log < 0)
        return 0;
    chain->diags->file = chain->closed.file = MM_CHAIN_LOG;
    int result = begin(chain, &log);
    while (result == 0 && more) {
        bool closed = log.number + 1 < chain->restart;
        struct mm_diags *diags = closed ? &chain->closed : chain->diags;
        more = mm_receipt_log_next(&log, &line, diags);
        if (more)
            result = each(context, &line, line.number < chain->restart ? &chain->closed : chain->diags);
        settle_closed(chain);
    }
    if (result != 0) { /* whoever stopped the walk does not ask for the rest */
        mm_source_release(&log.source);
    } else if (mm_receipt_log_close(&log, chain->diags) < 0) {
        result = -1;
    }
    chain->diags->file = shown;
    return result;
}

/* ---- receipts ---- */

/* What stands in the place of a receipt that cannot be opened. */
static int not_opened(int error, struct mm_diags *diags)
{
    const char *found = error == ENOENT || error == ENOTDIR ? "nothing there"
                        : error == ELOOP                    ? "a symbolic link"
                        : error == EISDIR || error == ENXIO ? "no regular file"
                                                            : NULL;
    if (!found)
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open", error);
    return mm_diag(diags, MM_RULE_RECEIPT_REMOVED, "expected the receipt that the log names, found %s", found);
}

/* The digits of a receipt's hash in its name. */
static const char *hash_in(const char *name)
{
    return strrchr(name, '-') + 1;
}

static int check_hash(struct mm_chain *chain, const char *name, const unsigned char *expected,
                      unsigned char hash[static MM_HASH_BYTES], struct mm_diags *diags)
{
    char found[MM_HASH_HEX + 1], wanted[MM_HASH_HEX + 1];
    mm_sha256_once(chain->sha, mm_buf_text(&chain->text), chain->text.length, hash);
    mm_hex(found, hash, MM_HASH_BYTES);
    if (expected && memcmp(hash, expected, MM_HASH_BYTES) != 0) {
        mm_hex(wanted, expected, MM_HASH_BYTES);
        return mm_diag(diags, MM_RULE_RECEIPT_CHANGED, "expected the SHA-256 that the log states, %s, found %s", wanted,
                       found);
    }
    if (strncmp(hash_in(name), found, strcspn(hash_in(name), ".")) != 0)
        return mm_diag(diags, MM_RULE_RECEIPT_CHANGED, "expected the SHA-256 that the name begins, found %s", found);
    return 0;
}

static int read_text(struct mm_chain *chain, const char *path, struct mm_diags *diags)
{
    int fd = mm_beneath_file(chain->home, path);
    if (fd < 0)
        return not_opened(errno, diags);
    mm_buf_clear(&chain->text);
    int result = mm_file_read_all(fd, MM_RECEIPT_MAX, &chain->text, diags);
    close(fd);
    if (result > 0)
        return mm_diag(diags, MM_RULE_RECEIPT_CHANGED, "expected at most %d bytes, found more", MM_RECEIPT_MAX);
    return result;
}

int mm_chain_load(struct mm_chain *chain, const char *name, const unsigned char *expected,
                  unsigned char hash[static MM_HASH_BYTES], struct mm_receipt *receipt, struct mm_diags *diags)
{
    char path[MM_RECEIPT_PATH], stated[MM_RECEIPT_NAME];
    const char *shown = diags->file;
    *receipt = (struct mm_receipt){0};
    snprintf(path, sizeof path, MM_CHAIN_FOLDER "/%s", name);
    diags->file = path;
    int result = read_text(chain, path, diags);
    if (result == 0)
        result = check_hash(chain, name, expected, hash, diags);
    if (result == 0)
        result = mm_receipt_read(receipt, mm_buf_text(&chain->text), chain->text.length, diags);
    if (result == 0) {
        mm_receipt_name(stated, receipt->model_id, receipt->created, hash);
        if (strcmp(stated, name) != 0)
            result =
                mm_diag(diags, MM_RULE_RECEIPT_CHANGED, "expected the name that follows from its lines, %s", stated);
    }
    diags->file = shown;
    return result;
}

/* ---- files ---- */

struct files {
    struct mm_chain *chain;
    const struct mm_name_set *names;
    mm_chain_file_fn *each;
    void *context;
    char name[3 * (NAME_MAX + 1)]; /* PUBLISHER/NAME/FILE */
};

enum { PUBLISHERS, MODELS, RECEIPTS }; /* what a folder holds */

static int list_folder(struct files *f, int fd, size_t length, int holds);

/* The entry is the last component of f->name, whose length is LENGTH. */
static int list_entry(struct files *f, int folder, const char *entry, size_t length, int holds)
{
    int below = holds < RECEIPTS ? openat(folder, entry, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
    if (below >= 0)
        return list_folder(f, below, length, holds + 1);
    if (holds < RECEIPTS && errno != ENOTDIR && errno != ELOOP)
        return mm_diag_errno(f->chain->diags, MM_RULE_IO_OPEN, "cannot open a folder of receipts", errno);
    if (holds == RECEIPTS && mm_name_set_has(f->names, f->chain->sha, f->name, length))
        return 0;
    return f->each(f->context, f->name, strncmp(entry, MM_WRITER_TEMPORARY, strlen(MM_WRITER_TEMPORARY)) == 0);
}

/* Takes FD over, the folder whose name, of LENGTH bytes, is in f->name. */
static int list_folder(struct files *f, int fd, size_t length, int holds)
{
    DIR *dir = fdopendir(fd);
    struct dirent *entry;
    int result = 0;
    if (!dir) {
        mm_diag_errno(f->chain->diags, MM_RULE_IO_OPEN, "cannot read a folder of receipts", errno);
        close(fd);
        return -1;
    }
    errno = 0;
    while (result == 0 && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            int used = snprintf(f->name + length, sizeof f->name - length, "%s%s", length ? "/" : "", entry->d_name);
            result = list_entry(f, dirfd(dir), entry->d_name, length + (size_t)used, holds);
        }
        errno = 0;
    }
    if (result == 0 && errno)
        result = mm_diag_errno(f->chain->diags, MM_RULE_IO_READ, "cannot read a folder of receipts", errno);
    closedir(dir);
    f->name[length] = '\0';
    return result;
}

int mm_chain_each_unnamed(struct mm_chain *chain, const struct mm_name_set *names, mm_chain_file_fn *each,
                          void *context)
{
    struct files files = {.chain = chain, .names = names, .each = each, .context = context};
    const char *shown = chain->diags->file;
    int result = 0;
    chain->diags->file = MM_CHAIN_FOLDER;
    int fd = mm_beneath_folder(chain->home, MM_CHAIN_FOLDER, false);
    if (fd >= 0)
        result = list_folder(&files, fd, 0, PUBLISHERS);
    else if (errno != ENOENT)
        result = mm_diag_errno(chain->diags, MM_RULE_IO_OPEN, "cannot open the folder of receipts", errno);
    chain->diags->file = shown;
    return result;
}

enum mm_chain_signs mm_chain_signs(struct mm_chain *chain, const struct mm_name_set *names, const char *name)
{
    char path[MM_RECEIPT_PATH];
    size_t length = strlen(name), suffix = strlen(MM_SIGNATURE_SUFFIX);
    if (length <= suffix || strcmp(name + length - suffix, MM_SIGNATURE_SUFFIX) != 0 ||
        !mm_receipt_name_valid(name, length - suffix))
        return MM_CHAIN_SIGNS_NOTHING;
    if (mm_name_set_has(names, chain->sha, name, length - suffix))
        return MM_CHAIN_SIGNS_RECEIPT;
    snprintf(path, sizeof path, MM_CHAIN_FOLDER "/%.*s", (int)(length - suffix), name);
    int fd = mm_beneath_file(chain->home, path);
    if (fd >= 0)
        close(fd);
    return fd < 0 && errno == ENOENT ? MM_CHAIN_SIGNS_ABSENT : MM_CHAIN_SIGNS_RECEIPT;
}

/* ---- every receipt ---- */

struct each {
    struct mm_chain chain;
    const char *model_id; /* NULL: receipts of all models */
    bool present;         /* those of the present chain alone */
    mm_chain_fn *each;
    void *context;
};

/* A receipt's name begins with the model's; mm_chain_load compares it with what is inside. */
static bool is_of(const char *name, const char *model_id)
{
    size_t length = strlen(model_id);
    return strncmp(name, model_id, length) == 0 && name[length] == '/';
}

static int each_receipt(void *context, const struct mm_log_line *line, struct mm_diags *diags)
{
    struct each *e = context;
    struct mm_receipt receipt;
    unsigned char hash[MM_HASH_BYTES];
    char path[MM_RECEIPT_PATH];
    int result = 0;
    if (!line->sound || line->kind != MM_LOG_RECEIPT || (e->model_id && !is_of(line->name, e->model_id)) ||
        (e->present && line->number < e->chain.restart))
        return 0;
    if (mm_chain_load(&e->chain, line->name, line->hash.bytes, hash, &receipt, diags) == 0) {
        snprintf(path, sizeof path, MM_CHAIN_FOLDER "/%s", line->name);
        result = e->each(e->context, &receipt, path);
    }
    mm_receipt_release(&receipt);
    return result;
}

static int walk_receipts(int home, struct each *e, struct mm_diags *diags)
{
    int result = mm_chain_open(&e->chain, home, false, diags);
    if (result == 0)
        result = mm_chain_walk(&e->chain, each_receipt, e);
    mm_chain_close(&e->chain);
    return result;
}

int mm_chain_each_of(int home, const char *model_id, mm_chain_fn *each, void *context, struct mm_diags *diags)
{
    struct each e = {.model_id = model_id, .each = each, .context = context};
    return walk_receipts(home, &e, diags);
}

int mm_chain_each_present(int home, const char *model_id, mm_chain_fn *each, void *context, struct mm_diags *diags)
{
    struct each e = {.model_id = model_id, .present = true, .each = each, .context = context};
    return walk_receipts(home, &e, diags);
}

int mm_chain_each(int home, mm_chain_fn *each, void *context, struct mm_diags *diags)
{
    return mm_chain_each_of(home, NULL, each, context, diags);
}
