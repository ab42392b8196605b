/* One artifact onto the media that carry it: read once, checked meanwhile, whole files and chunks alike. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/chunks.h"
#include "act/media_parts.h"
#include "base/checked.h"
#include "base/file.h"
#include "base/tree.h"

struct copying {
    struct mm_media *media;
    struct mm_media_model *model;
    const struct mm_claim *claim;
    const struct mm_media_piece *pieces;
    size_t count;
    struct mm_diags *diags;
    struct mm_intake intake;
    struct mm_chunk_list list; /* of a source, to name a wrong chunk by and to read chunk sets */
    bool has_list, compressed;
    struct mm_buf stored; /* that list as it is */
    struct mm_hashes hashes;
    struct mm_chunker *chunker;
    unsigned char *chunk;  /* the one in hand, whole: its name is its hash */
    struct mm_writer file; /* of an artifact in one file */
    char path[MM_MEDIA_PATH];
};

/* ---- where it goes ---- */

static const char *path_of(struct copying *c, const char *ending)
{
    int length = snprintf(c->path, sizeof c->path, "%s/files/%s%s", c->model->facts.model.path, c->claim->path, ending);
    return length < (int)sizeof c->path ? c->path : NULL; /* a model's folder and an artifact's path are short enough */
}

static struct mm_medium_folder *medium_of(struct copying *c, const struct mm_media_piece *piece)
{
    return &c->media->media[piece->medium];
}

static const struct mm_media_piece *piece_of(const struct copying *c, uint64_t index)
{
    for (size_t i = 0; i < c->count; i++)
        if (index - c->pieces[i].first < c->pieces[i].count)
            return &c->pieces[i];
    return &c->pieces[c->count - 1];
}

/* ---- chunks ---- */

static int read_chunk(struct copying *c, uint64_t index, size_t bytes)
{
    uint64_t at = index * c->claim->chunks.size;
    enum mm_intake_from from;
    for (size_t filled = 0; filled < bytes;) {
        ssize_t got = mm_intake_read(&c->intake, at + filled, c->chunk + filled, bytes - filled, &from);
        if (got < 0 && errno == ENODATA)
            return mm_diag(c->diags, MM_RULE_VERIFY_ABSENT,
                           "expected chunk %" PRIu64 " of %s, found that the sources lack it", index, c->claim->path);
        if (got <= 0)
            return mm_diag(c->diags, MM_RULE_IO_READ, "cannot read chunk %" PRIu64 " of %s: %s", index, c->claim->path,
                           strerror(got < 0 ? errno : EIO));
        filled += (size_t)got;
    }
    return 0;
}

static void progress(struct copying *c, uint64_t bytes)
{
    c->media->done += bytes;
    if (c->media->options->progress)
        c->media->options->progress(c->media->options->progress_context, c->media->done, c->media->total);
}

/* The chunk goes into the artifact's file, or into a file of its own, named by its hash. */
static int put_chunk(struct copying *c, const struct mm_media_piece *piece, const unsigned char *hash, size_t bytes)
{
    char hex[MM_HASH_HEX + 1], ending[MM_HASH_HEX + 24];
    bool kept = false;
    if (piece->whole) {
        c->model->facts.copied += bytes;
        return mm_writer_write(&c->file, c->chunk, bytes, c->diags);
    }
    mm_hex(hex, hash, MM_HASH_BYTES);
    snprintf(ending, sizeof ending, MM_MEDIA_SET "/%.2s/%s", hex, hex);
    if (mm_media_put(c->media, medium_of(c, piece), path_of(c, ending), c->chunk, bytes, &kept, c->diags) < 0)
        return -1;
    *(kept ? &c->model->facts.kept : &c->model->facts.copied) += bytes;
    return 0;
}

static int copy_chunk(struct copying *c, uint64_t index)
{
    unsigned char own[MM_HASH_BYTES];
    size_t bytes = (size_t)mm_chunk_bytes(&c->claim->chunks, index);
    if (read_chunk(c, index, bytes) < 0)
        return -1;
    mm_chunker_update(c->chunker, c->chunk, bytes);
    if (c->hashes.failed)
        return mm_diag_memory(c->diags);
    const unsigned char *hash = own;
    if (c->hashes.count == index + 1) /* otherwise it is a short last one, which the chunker still holds open */
        hash = c->hashes.items[index];
    else
        mm_sha256_once(c->media->sha, c->chunk, bytes, own);
    if (c->has_list && memcmp(hash, c->list.hashes.items[index], MM_HASH_BYTES) != 0)
        return mm_diag(c->diags, MM_RULE_CHUNK_WRONG,
                       "expected chunk %" PRIu64 " of %s as listed, found another at bytes %" PRIu64 "-%" PRIu64, index,
                       c->claim->path, index * c->claim->chunks.size, index * c->claim->chunks.size + bytes);
    progress(c, bytes);
    return put_chunk(c, piece_of(c, index), hash, bytes);
}

/* ---- the whole ---- */

static int compare_facts(struct copying *c, const struct mm_chunk_facts *facts)
{
    if (memcmp(facts->sha256, c->claim->chunks.sha256, MM_HASH_BYTES) != 0)
        return mm_diag(c->diags, MM_RULE_VERIFY_SHA256,
                       "expected the SHA-256 that the manifest states of %s, found another", c->claim->path);
    if (memcmp(facts->root, c->claim->chunks.root, MM_HASH_BYTES) != 0)
        return mm_diag(c->diags, MM_RULE_VERIFY_MERKLE,
                       "expected the Merkle root that the manifest states of %s, found another", c->claim->path);
    return 0;
}

static int begin_chunker(struct copying *c)
{
    mm_chunker_free(c->chunker);
    mm_hashes_release(&c->hashes);
    c->chunker = mm_chunker_new(
        &(struct mm_chunker_options){
            .size = c->claim->chunks.size, .whole = true, .each = mm_hashes_add, .context = &c->hashes},
        c->diags);
    return c->chunker ? 0 : -1;
}

static int open_file(struct copying *c)
{
    struct mm_medium_folder *medium = medium_of(c, c->pieces);
    char folder[MM_MEDIA_PATH];
    const char *path = path_of(c, "");
    if (mm_media_change(medium, c->diags) < 0 || mm_tree_make_for(medium->folder, path, c->diags) < 0)
        return -1;
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    int fd = mm_tree_open(medium->folder, folder);
    if (fd < 0)
        return mm_diag_errno(c->diags, MM_RULE_IO_WRITE, "cannot open the folder", errno);
    int result = mm_writer_open_in(&c->file, fd, path, true, c->diags);
    close(fd);
    return result;
}

static int copy_all(struct copying *c)
{
    struct mm_chunk_facts facts;
    if (begin_chunker(c) < 0 || (c->pieces->whole && open_file(c) < 0))
        return -1;
    for (uint64_t i = 0; i < c->claim->chunks.count; i++)
        if (copy_chunk(c, i) < 0)
            return -1;
    if (mm_chunker_finish(c->chunker, &facts, c->diags) < 0 || compare_facts(c, &facts) < 0 ||
        mm_intake_finish(&c->intake, c->diags) < 0)
        return -1;
    if (!c->pieces->whole)
        return 0;
    if (mm_writer_commit(&c->file, c->diags) < 0)
        return -1;
    return mm_media_index(c->media, medium_of(c, c->pieces), path_of(c, ""), c->claim->chunks.sha256,
                          c->claim->chunks.bytes, c->diags);
}

/* Is the artifact's file on the medium, with the right bytes? What is wrong or cannot be read is written again. */
static bool is_there(struct copying *c)
{
    const struct mm_chunk_facts *stated = &c->claim->chunks;
    struct mm_chunks_options how = {.size = stated->size, .whole = true};
    struct mm_chunk_facts facts;
    struct mm_diags ignored;
    int fd = mm_file_open_beneath(medium_of(c, c->pieces)->folder, path_of(c, ""), MM_LINKS_BENEATH);
    if (fd < 0)
        return false;
    mm_diags_init(&ignored);
    bool right = mm_chunks_hash(fd, &how, &c->hashes, &facts, &ignored) == 0 && facts.bytes == stated->bytes &&
                 memcmp(facts.sha256, stated->sha256, MM_HASH_BYTES) == 0 &&
                 memcmp(facts.root, stated->root, MM_HASH_BYTES) == 0;
    mm_diags_release(&ignored);
    close(fd);
    return right;
}

/* ---- its chunk list ---- */

/* The list as a source has it, else made of the hashes. Every medium that carries something of the model gets it. */
static int put_list(struct copying *c)
{
    struct mm_buf text = {0};
    bool stored = c->has_list && c->stored.length > 0;
    if (c->claim->chunks.count < 2)
        return 0;
    if (!stored)
        mm_chunk_list_write(&c->claim->chunks, &c->hashes, &text);
    const struct mm_buf *list = stored ? &c->stored : &text;
    int result = text.failed || c->hashes.failed ? mm_diag_memory(c->diags) : 0;
    const char *path = path_of(c, stored && c->compressed ? ".chunks.gz" : ".chunks");
    for (size_t i = 0; result == 0 && i < c->media->medium_count; i++)
        if (mm_media_carries(c->media, i, c->pieces->model))
            result = mm_media_put(c->media, &c->media->media[i], path, list->data, list->length, NULL, c->diags);
    mm_buf_release(&text);
    return result;
}

/* ---- beginning and end ---- */

/* An artifact of one chunk has no list: the chunk's hash is the artifact's. Sets are read by it; a wrong file is told by the manifest. */
static int read_list(struct copying *c)
{
    struct mm_buf text = {0};
    struct mm_diags ignored;
    if (c->claim->chunks.count == 1) {
        mm_hashes_add(&c->list.hashes, 0, c->claim->chunks.sha256);
        return c->list.hashes.failed ? mm_diag_memory(c->diags) : 0;
    }
    mm_diags_init(&ignored); /* one that cannot be read is none: media can do without */
    bool found = c->claim->chunks.count > 0 &&
                 mm_supply_chunk_list(&c->model->supply, c->claim, &c->stored, &text, &c->compressed, &ignored) > 0;
    const struct mm_buf *plain = c->compressed ? &text : &c->stored;
    c->has_list =
        found && mm_chunk_list_read_text(&c->list, plain->data, plain->length, c->claim->chunks.count, &ignored) == 0;
    mm_diags_release(&ignored);
    mm_buf_release(&text);
    return 0;
}

static int begin(struct copying *c)
{
    if (read_list(c) < 0 || mm_intake_open(&c->intake, &c->model->supply, c->claim, c->diags) < 0)
        return -1;
    c->intake.list = c->has_list || c->claim->chunks.count == 1 ? &c->list : NULL;
    c->chunk = malloc(c->claim->chunks.bytes < c->claim->chunks.size ? (size_t)c->claim->chunks.bytes + 1
                                                                     : (size_t)c->claim->chunks.size);
    return c->chunk ? 0 : mm_diag_memory(c->diags);
}

static void release(struct copying *c)
{
    c->intake.list = NULL;
    mm_intake_release(&c->intake);
    mm_chunk_list_release(&c->list);
    mm_buf_release(&c->stored);
    mm_hashes_release(&c->hashes);
    mm_chunker_free(c->chunker);
    mm_writer_abandon(&c->file);
    free(c->chunk);
}

int mm_media_copy(struct mm_media *media, const struct mm_media_piece *pieces, size_t count, struct mm_diags *diags)
{
    struct mm_media_model *model = &media->models[pieces->model];
    struct copying c = {.media = media,
                        .model = model,
                        .claim = &model->claims[pieces->artifact],
                        .pieces = pieces,
                        .count = count,
                        .diags = diags,
                        .intake = {.piece = -1},
                        .file = {.fd = -1, .folder = -1}};
    int result = begin(&c);
    *(pieces->whole ? &model->facts.whole : &model->facts.cut) += 1;
    if (result == 0 && pieces->whole && is_there(&c)) {
        model->facts.kept += c.claim->chunks.bytes;
        progress(&c, c.claim->chunks.bytes);
        result = mm_media_index(media, medium_of(&c, pieces), path_of(&c, ""), c.claim->chunks.sha256,
                                c.claim->chunks.bytes, diags);
    } else if (result == 0) {
        result = copy_all(&c);
    }
    if (result == 0)
        result = put_list(&c);
    release(&c);
    return result;
}
