#include "exchange/landing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "act/store.h"
#include "act/supply.h"
#include "base/file.h"
#include "base/tree.h"
#include "doc/bad_ranges.h"
#include "exchange/have.h"
#include "model/artifact.h"

#define LACKS "lacks" /* the importer's note, in the partial import */

static void partial_path(char out[static MM_STORE_PATH], const struct mm_manifest *manifest, const char *name)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, manifest->sha256, MM_HASH_BYTES);
    snprintf(out, MM_STORE_PATH, MM_STORE_PARTIAL "/%s%s", hex, name);
}

/* ---- chunk lists ---- */

/* Reads the list of CLAIM that an import would find: an earlier run's, or that of a model that has the same artifact. Returns 1; 0 if there is none;
 * -1 with findings where none was found but one could not be read. */
static int find_list(int home, const struct mm_manifest *manifest, const struct mm_claim *claim, struct mm_buf *stored,
                     struct mm_buf *text, bool *compressed, struct mm_diags *diags)
{
    char folder[MM_STORE_PATH], path[MM_STORE_PATH + 300], root[MM_HASH_HEX + 1];
    static const char *const endings[] = {".chunks", ".chunks.gz"};
    struct mm_diags mark = *diags;
    bool stated;
    int found = 0;
    partial_path(folder, manifest, "/files");
    for (int i = 0; found <= 0 && i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s%s", folder, claim->path, endings[i]);
        *compressed = i == 1;
        found = mm_supply_read_list(home, path, MM_LINKS_NONE, claim, stored, text, &stated, diags);
    }
    if (found <= 0) {
        mm_hex(root, claim->chunks.root, MM_HASH_BYTES);
        snprintf(path, sizeof path, MM_STORE_CHUNKS "/%s.chunks", root);
        *compressed = false;
        found = mm_supply_read_list(home, path, MM_LINKS_NONE, claim, stored, text, &stated, diags);
    }
    if (found > 0)
        mm_diags_rewind(diags, &mark);
    return found > 0 ? 1 : diags->errors > mark.errors ? -1 : 0;
}

bool mm_landing_has_list(int home, const struct mm_manifest *manifest, const struct mm_claim *claim)
{
    struct mm_buf stored = {0}, text = {0};
    struct mm_diags ignored;
    bool compressed;
    mm_diags_init(&ignored);
    bool found =
        claim->chunks.count <= 1 || find_list(home, manifest, claim, &stored, &text, &compressed, &ignored) > 0;
    mm_diags_release(&ignored);
    mm_buf_release(&stored);
    mm_buf_release(&text);
    return found;
}

int mm_landing_read_list(const struct mm_claim *claim, const char *text, size_t length, struct mm_chunk_list *list,
                         struct mm_diags *diags)
{
    int result = mm_chunk_list_read_text(list, text, length, claim->chunks.count, diags);
    const struct mm_chunk_facts *a = &list->facts, *b = &claim->chunks;
    bool fits = result == 0 && a->bytes == b->bytes && a->size == b->size && a->count == b->count &&
                memcmp(a->root, b->root, MM_HASH_BYTES) == 0 && memcmp(a->sha256, b->sha256, MM_HASH_BYTES) == 0;
    if (result == 0 && !fits)
        result =
            mm_diag(diags, MM_RULE_CHUNK_ROOT, "expected the chunk list of the manifest's artifact, found another");
    return result;
}

static int check_list(const struct mm_claim *claim, const char *text, size_t length, struct mm_diags *diags)
{
    struct mm_chunk_list list = {0};
    int result = mm_landing_read_list(claim, text, length, &list, diags);
    mm_chunk_list_release(&list);
    return result;
}

int mm_landing_put_list(int home, const struct mm_manifest *manifest, const struct mm_claim *claim, const char *text,
                        size_t length, struct mm_diags *diags)
{
    char path[MM_STORE_PATH], name[sizeof claim->path + 16];
    struct mm_writer writer;
    if (check_list(claim, text, length, diags) < 0)
        return -1;
    partial_path(path, manifest, "/files");
    snprintf(name, sizeof name, "%s.chunks", claim->path);
    if (mm_tree_make(home, path, diags) < 0)
        return -1;
    int files = mm_tree_open(home, path);
    if (files < 0)
        return mm_diag(diags, MM_RULE_STORE_HOME, "cannot open %s: %s", path, strerror(errno));
    int result = mm_tree_make_for(files, name, diags);
    const char *slash = strrchr(name, '/');
    char above[sizeof name];
    snprintf(above, sizeof above, "%.*s", slash ? (int)(slash - name) : 1, slash ? name : ".");
    int folder = result == 0 ? mm_tree_open(files, above) : -1;
    if (result == 0 && folder < 0)
        result = mm_diag(diags, MM_RULE_STORE_HOME, "cannot open %s: %s", path, strerror(errno));
    if (result == 0 && (result = mm_writer_open_in(&writer, folder, name, true, diags)) == 0) {
        result = mm_writer_write(&writer, text, length, diags);
        if (result == 0)
            result = mm_writer_commit(&writer, diags);
        mm_writer_abandon(&writer);
    }
    if (folder >= 0)
        close(folder);
    close(files);
    return result;
}

/* Fills item->list. */
static int take_list(struct mm_landing_file *item, int home, const struct mm_manifest *manifest, struct mm_diags *diags)
{
    struct mm_buf stored = {0}, text = {0};
    const struct mm_claim *claim = &item->claim;
    bool compressed = false;
    if (claim->chunks.count <= 1) {
        item->list.facts = claim->chunks;
        if (claim->chunks.count == 1)
            mm_hashes_add(&item->list.hashes, 0, claim->chunks.sha256);
        return item->list.hashes.failed ? mm_diag_memory(diags) : 0;
    }
    int result = find_list(home, manifest, claim, &stored, &text, &compressed, diags);
    if (result == 0)
        result = mm_diag(diags, MM_RULE_CHUNK_ROOT, "expected a chunk list of %s, found none", claim->path);
    const struct mm_buf *plain = compressed ? &text : &stored;
    if (result > 0)
        result = mm_chunk_list_read_text(&item->list, plain->data, plain->length, claim->chunks.count, diags);
    mm_buf_release(&stored);
    mm_buf_release(&text);
    return result;
}

/* ---- what lacks ---- */

/* A line of the importer's note. One of a file that is not the manifest's says nothing. */
static int note_lack(void *context, const struct mm_bad_line *line)
{
    struct mm_landing *landing = context;
    for (size_t i = 0; i < landing->count; i++) {
        struct mm_landing_file *item = &landing->items[i];
        if (!mm_bad_line_names(line, item->claim.path) || !mm_bad_range_fits(&line->range, &item->claim.chunks) ||
            mm_have_has(item->need, line->range.index))
            continue;
        mm_have_add(item->need, line->range.index);
        item->needed++;
    }
    return 0;
}

/* Reads the note, which may be as long as a bad range for each chunk, piece by piece. */
static int read_lacks(struct mm_landing *landing, int fd, struct mm_diags *diags)
{
    FILE *file = fdopen(fd, "r");
    char *line = NULL;
    size_t capacity = 0;
    ssize_t length;
    int result = 0;
    if (!file) {
        close(fd);
        return mm_diag_memory(diags);
    }
    while (result == 0 && (length = getline(&line, &capacity, file)) > 0)
        result = mm_bad_ranges_read(line, (size_t)length, note_lack, landing, diags);
    int error = errno;
    if (result == 0 && !feof(file)) /* a note that ends early would leave chunks out that nobody asks for then */
        result = mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read the note of what lacks", error);
    free(line);
    fclose(file);
    return result;
}

/* The file that the importer left for ITEM: this user's own, without another name through which a model of the store could be written to. */
static int open_file(struct mm_landing *landing, struct mm_landing_file *item, struct mm_diags *diags)
{
    struct stat info;
    if (mm_tree_make_for(landing->files, item->claim.path, diags) < 0)
        return -1;
    item->fd = openat(landing->files, item->claim.path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    if (item->fd < 0 || fstat(item->fd, &info) < 0)
        return mm_diag(diags, MM_RULE_IO_WRITE, "cannot write %s: %s", item->claim.path, strerror(errno));
    if (!S_ISREG(info.st_mode) || info.st_nlink != 1 || info.st_uid != geteuid())
        return mm_diag(diags, MM_RULE_IO_NOT_REGULAR, "expected a file of the import's own at %s, found another",
                       item->claim.path);
    return 0;
}

/* ---- the landing ---- */

void mm_landing_release(struct mm_landing *landing)
{
    for (size_t i = 0; landing->items && i < landing->count; i++) {
        free(landing->items[i].need);
        mm_prefix_free(landing->items[i].prefix);
        if (landing->items[i].borrowed)
            continue;
        mm_chunk_list_release(&landing->items[i].list);
        if (landing->items[i].fd >= 0)
            close(landing->items[i].fd);
    }
    free(landing->items);
    mm_sha256_free(landing->sha);
    if (landing->files >= 0)
        close(landing->files);
    if (landing->lock >= 0)
        close(landing->lock);
    *landing = (struct mm_landing)MM_LANDING_NONE;
}

/* GCC's analyzer loses sight of what an element of the array holds. */
#pragma GCC diagnostic push
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wanalyzer-malloc-leak"
#endif
static int make_items(struct mm_landing *landing, int home, const struct mm_manifest *manifest, struct mm_diags *diags)
{
    landing->count = mm_manifest_artifacts(manifest);
    landing->items = calloc(landing->count ? landing->count : 1, sizeof *landing->items);
    landing->sha = mm_sha256_new();
    if (!landing->items || !landing->sha)
        return mm_diag_memory(diags);
    for (size_t i = 0; i < landing->count; i++)
        landing->items[i].fd = -1;
    for (size_t i = 0; i < landing->count; i++) {
        struct mm_landing_file *item = &landing->items[i];
        mm_manifest_claim(manifest, i + 1, &item->claim);
        if (!(item->need = calloc(1, mm_have_size(item->claim.chunks.count) + 1)))
            return mm_diag_memory(diags);
        if (take_list(item, home, manifest, diags) < 0)
            return -1;
    }
    return 0;
}
#pragma GCC diagnostic pop

static int open_locked(struct mm_landing *landing, int home, const struct mm_manifest *manifest, struct mm_diags *diags)
{
    char path[MM_STORE_PATH];
    partial_path(path, manifest, "/files");
    landing->files = mm_tree_open(home, path);
    partial_path(path, manifest, "/" LACKS);
    int lacks = landing->files < 0 ? -1 : mm_file_open_beneath(home, path, MM_LINKS_NONE);
    if (lacks < 0)
        return mm_diag(diags, MM_RULE_STORE_PARTIAL, "expected an import that lacks chunks, found none");
    if (make_items(landing, home, manifest, diags) < 0) {
        close(lacks);
        return -1;
    }
    if (read_lacks(landing, lacks, diags) < 0)
        return -1;
    for (size_t i = 0; i < landing->count; i++)
        if (landing->items[i].needed && open_file(landing, &landing->items[i], diags) < 0)
            return -1;
    if (unlinkat(home, path, 0) < 0)
        return mm_diag(diags, MM_RULE_IO_WRITE, "cannot remove %s: %s", path, strerror(errno));
    return 0;
}

int mm_landing_open(struct mm_landing *landing, int home, const struct mm_manifest *manifest, struct mm_diags *diags)
{
    char path[MM_STORE_PATH];
    bool waited = false;
    *landing = (struct mm_landing)MM_LANDING_NONE;
    partial_path(path, manifest, ".lock");
    landing->lock = mm_store_lock(home, path, false, &waited, diags);
    if (landing->lock < 0)
        return waited ? mm_diag(diags, MM_RULE_IO_CHANGED, "another import of this model runs") : -1;
    return open_locked(landing, home, manifest, diags);
}

int mm_landing_open_file(struct mm_landing *landing, const struct mm_claim *claim, const struct mm_chunk_list *list,
                         int fd, const struct mm_bits *lacks, struct mm_diags *diags)
{
    *landing = (struct mm_landing)MM_LANDING_NONE;
    landing->items = calloc(1, sizeof *landing->items);
    landing->sha = mm_sha256_new();
    if (!landing->items || !landing->sha)
        return mm_diag_memory(diags);
    struct mm_landing_file *item = landing->items;
    *item = (struct mm_landing_file){.claim = *claim, .list = *list, .fd = fd, .borrowed = true};
    landing->count = 1;
    if (!(item->need = calloc(1, mm_have_size(claim->chunks.count) + 1)))
        return mm_diag_memory(diags);
    for (uint64_t chunk = 0; chunk < claim->chunks.count; chunk++)
        if (mm_bits_has(lacks, chunk)) {
            mm_have_add(item->need, chunk);
            item->needed++;
        }
    return 0;
}

/* ---- digests that follow ---- */

void mm_landing_follow(struct mm_landing *landing)
{
    for (size_t i = 0; i < landing->count; i++) {
        struct mm_landing_file *item = &landing->items[i];
        if (item->needed && !item->prefix && mm_format_holds_tensors(item->claim.format))
            item->prefix = mm_prefix_new(&item->claim.chunks, &item->list, item->fd, item->need);
    }
}

bool mm_landing_catch_up(struct mm_landing *landing)
{
    for (size_t i = 0; i < landing->count; i++)
        if (landing->items[i].prefix && mm_prefix_is_behind(landing->items[i].prefix)) {
            mm_prefix_catch_up(landing->items[i].prefix);
            return true;
        }
    return false;
}

size_t mm_landing_end(struct mm_landing *landing, struct mm_import_known *known)
{
    size_t count = 0;
    for (size_t i = 0; i < landing->count; i++)
        if (landing->items[i].prefix && mm_prefix_end(landing->items[i].prefix, i, &known[count]))
            count++;
    return count;
}

/* ---- chunks ---- */

int mm_landing_put(const struct mm_landing *landing, size_t which, uint64_t index, const void *bytes, size_t length,
                   const unsigned char hash[static MM_HASH_BYTES], struct mm_diags *diags)
{
    const struct mm_landing_file *item = &landing->items[which];
    uint64_t offset = index * item->claim.chunks.size;
    if (index >= item->list.hashes.count || memcmp(hash, item->list.hashes.items[index], MM_HASH_BYTES) != 0)
        return 1;
    if (mm_file_write_at(item->fd, bytes, length, offset) < 0)
        return mm_diag(diags, MM_RULE_IO_WRITE, "cannot write %s: %s", item->claim.path, strerror(errno));
    if (item->prefix && mm_prefix_wrote(item->prefix, index) < 0)
        return mm_diag(diags, MM_RULE_IO_WRITE, "cannot write %s: %s", item->claim.path, strerror(errno));
    return 0;
}

bool mm_landing_put_next(const struct mm_landing *landing, size_t which, uint64_t index, const void *bytes,
                         size_t length, int *result, struct mm_diags *diags)
{
    const struct mm_landing_file *item = &landing->items[which];
    unsigned char hash[MM_HASH_BYTES];
    if (!item->prefix || !mm_prefix_is_next(item->prefix, index))
        return false;
    *result = mm_prefix_take(item->prefix, bytes, length, hash)
                  ? mm_landing_put(landing, which, index, bytes, length, hash, diags)
                  : 1;
    return true;
}

void mm_landing_note(struct mm_landing *landing, size_t which, uint64_t index, size_t length)
{
    struct mm_landing_file *item = &landing->items[which];
    if (!mm_have_has(item->need, index)) /* it came from two peers, and the other one's was judged meanwhile */
        return;
    mm_have_remove(item->need, index);
    item->needed--;
    landing->written += length;
}

int mm_landing_take(struct mm_landing *landing, size_t which, uint64_t index, const void *bytes, size_t length,
                    struct mm_diags *diags)
{
    unsigned char hash[MM_HASH_BYTES];
    mm_sha256_once(landing->sha, bytes, length, hash);
    int result = mm_landing_put(landing, which, index, bytes, length, hash, diags);
    if (result == 0)
        mm_landing_note(landing, which, index, length);
    return result;
}
