/* What fetches in progress have: partial imports that keep their manifest, and of them the chunks whose hash was compared. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "act/folder.h"
#include "act/held.h"
#include "act/verify.h"
#include "base/file.h"
#include "base/tree.h"
#include "exchange/have.h"
#include "exchange/shares_parts.h"

#define BLOCK 65536       /* bytes that are read at once */
#define SETTLED 2         /* seconds after its last change in which a file may change again and show the same time */
#define SECOND 1000000000 /* nanoseconds */
#define PARTIAL_MAX 256   /* fetches in progress that are looked at */

struct mm_share_part {
    struct mm_hashes hashes; /* that the chunks have to have */
    uint64_t next;           /* the chunk that is looked at next; 0: all were */
    bool seen;               /* all were looked at while the file had this size and time */
    uint64_t size;
    int64_t mtime;
    bool gone; /* the file, or another one has its name: nothing of it is served any more */
};

void mm_share_part_release(struct mm_share_part *part)
{
    if (part)
        mm_hashes_release(&part->hashes);
    free(part);
}

/* ---- one artifact ---- */

/* The list that the fetch put beside the file, or that of a model which has the same artifact. */
static int find_list(struct mm_shares *shares, struct mm_share_file *file, const char *root, const char *path,
                     struct mm_diags *diags)
{
    char hex[MM_HASH_HEX + 1];
    struct mm_chunk_list list = {0};
    struct mm_diags mark = *diags;
    int result = -1;
    mm_hex(hex, file->chunks.root, MM_HASH_BYTES);
    for (int where = 0; where < 2 && result < 0; where++) {
        mm_chunk_list_release(&list);
        mm_diags_rewind(diags, &mark);
        free(file->list.path);
        if ((where == 0 ? asprintf(&file->list.path, "%s/%s.chunks", root, path)
                        : asprintf(&file->list.path, MM_STORE_CHUNKS "/%s.chunks", hex)) < 0) {
            file->list.path = NULL;
            return mm_diag_memory(diags);
        }
        result = mm_share_take_list(shares, file, &list, diags);
    }
    if (result == 0) {
        file->part->hashes = list.hashes;
        list.hashes = (struct mm_hashes){0};
    }
    mm_chunk_list_release(&list);
    return result;
}

/* An artifact of one chunk has its own hash, and its list follows. */
static int imply_list(struct mm_shares *shares, struct mm_share_file *file, struct mm_diags *diags)
{
    if (file->chunks.count == 1)
        mm_hashes_add(&file->part->hashes, 0, file->chunks.sha256);
    return file->part->hashes.failed ? mm_diag_memory(diags) : mm_share_make_list(shares, file, diags);
}

/* The artifact of CLAIM, whose file stands beneath ROOT, as far as it came. */
static int add_file(struct mm_shares *shares, const char *root, const struct mm_claim *claim, struct mm_diags *diags)
{
    struct mm_share_file file = {.chunks = claim->chunks, .content = {.fd = -1, .grows = true}, .list.fd = -1};
    file.chunks.has_sha256 = true;
    file.content.bytes = claim->chunks.bytes;
    memcpy(file.content.sha256, claim->chunks.sha256, MM_HASH_BYTES);
    file.part = calloc(1, sizeof *file.part);
    file.have = calloc(1, mm_have_size(claim->chunks.count) + 1);
    if (asprintf(&file.content.path, "%s/%s", root, claim->path) < 0)
        file.content.path = NULL;
    int result = file.part && file.have && file.content.path ? 0 : mm_diag_memory(diags);
    if (result == 0)
        result = claim->chunks.count <= 1 ? imply_list(shares, &file, diags)
                                          : find_list(shares, &file, root, claim->path, diags);
    if (result == 0)
        return mm_share_add_file(shares, &file, diags);
    mm_share_file_release(&file);
    return -1;
}

/* ---- one fetch ---- */

/* True if NAME, PUBLISHER/NAME[@REVISION], is the model of MANIFEST. */
static bool is_called(const struct mm_manifest *manifest, const char *name)
{
    char id[MM_VALUE_MAX + 1], revision[MM_VALUE_MAX + 1];
    mm_manifest_text(manifest, 0, MM_FIELD_MODEL_ID, id);
    mm_manifest_text(manifest, 0, MM_FIELD_REVISION, revision);
    size_t length = strlen(id);
    return strncmp(name, id, length) == 0 &&
           (name[length] == '\0' || (name[length] == '@' && strcmp(name + length + 1, revision) == 0));
}

/* Reads the manifest in the open FOLDER, which has to have the hash HEX. A text that is none, or another, is no finding: somebody may be writing
 * it just now. */
static bool read_manifest(struct mm_manifest *manifest, int folder, const char *hex)
{
    char found[MM_HASH_HEX + 1] = "";
    struct mm_diags ignored;
    int fd = mm_file_open_beneath(folder, MM_STORE_MANIFEST, MM_LINKS_NONE);
    if (fd < 0)
        return false;
    mm_diags_init(&ignored);
    bool read = mm_manifest_read_file(manifest, fd, &ignored) == 0;
    if (read)
        mm_hex(found, manifest->sha256, MM_HASH_BYTES);
    mm_diags_release(&ignored);
    close(fd);
    return read && strcmp(found, hex) == 0;
}

/* Judges MANIFEST as the import at the end of its fetch will; a signature that was verified goes into MODEL. */
static int judge(struct mm_shares *shares, struct mm_share_model *model, int folder, const struct mm_manifest *manifest,
                 const struct mm_trust *trust, struct mm_diags *diags)
{
    struct mm_trusted trusted = {0};
    struct mm_signatures signatures = {0};
    int result = mm_held_judge(&trusted, folder, manifest, trust, diags);
    if (result == 0 && (!mm_trusted_passes(&trusted, false, diags) || !mm_trusted_in_time(&trusted, manifest, diags)))
        result = -1;
    if (result == 0 && trusted.signature.outcome == MM_SIGNED_VERIFIED) {
        result = mm_signatures_read(&signatures, folder, MM_STORE_MANIFEST, MM_LINKS_NONE, diags);
        if (result == 0)
            result = mm_share_keep_text(shares, &model->signature, signatures.own.data, signatures.own.length, diags);
    }
    mm_signatures_release(&signatures);
    mm_trusted_release(&trusted);
    return result;
}

static int add_texts(struct mm_shares *shares, int folder, const struct mm_manifest *manifest,
                     const struct mm_trust *trust, struct mm_diags *diags)
{
    struct mm_share_model model = {.manifest.fd = -1, .signature.fd = -1};
    if (judge(shares, &model, folder, manifest, trust, diags) < 0 ||
        mm_share_keep_text(shares, &model.manifest, manifest->text, manifest->length, diags) < 0 ||
        mm_share_add_others(shares, &model, folder, diags) < 0) {
        mm_share_model_release(&model);
        return -1;
    }
    return mm_share_add_model(shares, &model, diags);
}

static int add_files(struct mm_shares *shares, const char *hex, const struct mm_manifest *manifest,
                     struct mm_diags *diags)
{
    char root[MM_STORE_PATH];
    size_t first = shares->file_count;
    snprintf(root, sizeof root, MM_STORE_PARTIAL "/%s/files", hex);
    for (size_t group = 1; group <= mm_manifest_artifacts(manifest); group++) {
        struct mm_claim claim;
        mm_manifest_claim(manifest, group, &claim);
        if (add_file(shares, root, &claim, diags) < 0) {
            mm_share_cut_files(shares, first);
            return -1;
        }
    }
    return 0;
}

/* The fetch of the manifest HEX, if it is of a model that is wanted. Returns 1 if it is shared, 0 otherwise. */
static int add_fetch(struct mm_shares *shares, const char *hex, const char *name, const struct mm_trust *trust,
                     struct mm_diags *diags)
{
    char path[MM_STORE_PATH];
    struct mm_manifest manifest = {0};
    const char *shown = diags->file;
    snprintf(path, sizeof path, MM_STORE_PARTIAL "/%s/" MM_STORE_OFFER, hex);
    int folder = mm_tree_open(shares->home, path), shared = 0;
    diags->file = path;
    if (folder >= 0 && read_manifest(&manifest, folder, hex) && (!name || is_called(&manifest, name)) &&
        mm_share_is_offered(&manifest, name != NULL, diags)) {
        size_t first = shares->file_count;
        shared = add_files(shares, hex, &manifest, diags) == 0;
        if (shared && add_texts(shares, folder, &manifest, trust, diags) < 0) {
            mm_share_cut_files(shares, first);
            shared = 0;
        }
    }
    mm_manifest_release(&manifest);
    if (folder >= 0)
        close(folder);
    diags->file = shown;
    return shared;
}

int mm_shares_add_partial(struct mm_shares *shares, const char *name, const struct mm_trust *trust,
                          struct mm_diags *diags)
{
    struct mm_folder folder = {0};
    unsigned char hash[MM_HASH_BYTES];
    int fd = mm_tree_open(shares->home, MM_STORE_PARTIAL), added = 0, looked = 0;
    if (fd < 0)
        return errno == ENOENT ? 0 : mm_diag(diags, MM_RULE_IO_READ, "cannot open %s", MM_STORE_PARTIAL);
    int result = mm_folder_list_names(&folder, fd, diags);
    for (size_t i = 0; result == 0 && i < folder.count && looked < PARTIAL_MAX; i++) {
        const char *path = folder.entries[i].path;
        if (!mm_hex_hash(path, strlen(path), hash))
            continue;
        looked++;
        added += add_fetch(shares, path, name, trust, diags);
    }
    mm_folder_release(&folder);
    close(fd);
    return result < 0 ? -1 : added;
}

/* ---- what came ---- */

/* True if chunk CHUNK of the open file FD has its hash. */
static bool is_right(const struct mm_share_file *file, int fd, uint64_t chunk, struct mm_sha256 *sha)
{
    unsigned char hash[MM_HASH_BYTES], block[BLOCK];
    uint64_t at = chunk * file->chunks.size, end = at + file->chunks.size;
    if (end > file->chunks.bytes)
        end = file->chunks.bytes;
    while (at < end) {
        ssize_t got = pread(fd, block, end - at < BLOCK ? (size_t)(end - at) : BLOCK, (off_t)at);
        if (got <= 0)
            break;
        mm_sha256_update(sha, block, (size_t)got);
        at += (uint64_t)got;
    }
    mm_sha256_take(sha, hash);
    return at == end && memcmp(hash, file->part->hashes.items[chunk], MM_HASH_BYTES) == 0;
}

/* The first chunk from CHUNK on that is not held and in which FD, of SIZE bytes, has anything; the number of chunks where there is none. */
static uint64_t next_chunk(const struct mm_share_file *file, int fd, uint64_t chunk, uint64_t size)
{
    uint64_t count = file->part->hashes.count, step = file->chunks.size;
    while (chunk < count) {
        if (mm_have_has(file->have, chunk)) {
            chunk++;
            continue;
        }
        off_t data = lseek(fd, (off_t)(chunk * step), SEEK_DATA);
        if (data < 0 || (uint64_t)data >= size)
            return count;
        if ((uint64_t)data / step == chunk)
            return chunk;
        chunk = (uint64_t)data / step;
    }
    return count;
}

/* Compares chunks of FD until about BYTES were read. Returns how many were. */
static uint64_t compare(struct mm_share_file *file, int fd, uint64_t size, uint64_t bytes, struct mm_sha256 *sha)
{
    struct mm_share_part *part = file->part;
    uint64_t read = 0;
    while (read < bytes && (part->next = next_chunk(file, fd, part->next, size)) < part->hashes.count) {
        if (is_right(file, fd, part->next, sha))
            mm_have_add(file->have, part->next);
        read += file->chunks.size;
        part->next++;
    }
    if (part->next >= part->hashes.count)
        part->next = 0;
    return read;
}

/* Opens the file, which has to be the one that chunks were found in; NOW is what it is like. -1 where it is not. */
static int open_same(struct mm_shares *shares, struct mm_share_file *file, struct mm_fingerprint *now)
{
    struct mm_fingerprint *first = &file->content.fingerprint;
    struct mm_diags ignored;
    int fd = mm_file_open_beneath(shares->home, file->content.path, MM_LINKS_NONE);
    if (fd < 0)
        return -1;
    mm_diags_init(&ignored);
    bool taken = mm_fingerprint_take(now, fd, &ignored) == 0 && now->known;
    mm_diags_release(&ignored);
    if (taken && !first->known)
        *first = *now;
    if (taken && first->device == now->device && first->inode == now->inode)
        return fd;
    close(fd);
    return -1;
}

/* Looks at one file. Returns the bytes that were read. */
static uint64_t look_at(struct mm_shares *shares, struct mm_share_file *file, uint64_t bytes, struct mm_sha256 *sha)
{
    struct mm_share_part *part = file->part;
    struct mm_fingerprint now = {0};
    uint64_t read = 0;
    int fd = open_same(shares, file, &now);
    if (fd < 0) {
        if (file->content.fingerprint.known) { /* published, removed or made anew: a reload sees what is there */
            part->gone = true;
            memset(file->have, 0, mm_have_size(file->chunks.count));
        }
        return 0;
    }
    if (part->next > 0 || !part->seen || part->mtime != now.mtime || part->size != now.size) {
        if (part->next == 0) { /* from its beginning */
            part->seen = now.mtime / SECOND + SETTLED < (int64_t)time(NULL);
            part->mtime = now.mtime;
            part->size = now.size;
        }
        read = compare(file, fd, now.size, bytes, sha);
    }
    close(fd);
    return read;
}

bool mm_shares_look(struct mm_shares *shares, uint64_t bytes)
{
    struct mm_sha256 *sha = NULL;
    bool gone = false;
    for (size_t i = 0; i < shares->file_count && bytes > 0; i++) {
        struct mm_share_file *file = &shares->files[shares->look_at++ % shares->file_count];
        if (!file->part || file->part->gone || (!sha && !(sha = mm_sha256_new())))
            continue;
        uint64_t read = look_at(shares, file, bytes, sha);
        bytes -= read < bytes ? read : bytes;
        gone = gone || file->part->gone;
    }
    mm_sha256_free(sha);
    return gone;
}
