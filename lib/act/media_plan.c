/* What goes on which medium. Sizes are counted in whole clusters, as the file systems of sticks do, so that what is planned fits. */
#include <inttypes.h>

#include "act/media_parts.h"
#include "base/checked.h"

#define CLUSTER MM_MEDIA_CLUSTER
#define FILE_LINES                                                                                                     \
    1408u /* a line of SHA256SUMS and a name in a folder, at most: 2 + 64 + MM_MEDIA_PATH, 21 entries of 32 bytes */
#define DIGITS 256u         /* folders of a chunk set, at most */
#define READ_ME_MODEL 8192u /* what the read-me says of a model, with the numbers of MM_MEDIA_MAX media */
#define READ_ME_LINE 384u   /* and of each of its artifacts */
#define LIST_LINE 65u
#define LIST_HEAD 4096u

uint64_t mm_media_cost(uint64_t bytes)
{
    return bytes / CLUSTER * CLUSTER + (bytes % CLUSTER ? CLUSTER : 0) + FILE_LINES;
}

static uint64_t room(const struct mm_media *media, const struct mm_medium_folder *medium)
{
    uint64_t capacity = media->options->capacity;
    if (capacity == 0)
        return UINT64_MAX;
    return medium->planned < capacity ? capacity - medium->planned : 0;
}

bool mm_media_carries(const struct mm_media *media, size_t medium, size_t model)
{
    const struct mm_media_model *carried = &media->models[model];
    for (size_t i = 0; i < carried->piece_count; i++)
        if (media->pieces[carried->first_piece + i].medium == medium)
            return true;
    return false;
}

/* The folders that the path of an artifact goes through. */
static uint64_t cost_of_folders(const char *path)
{
    uint64_t cost = 0;
    for (; *path; path++)
        cost += *path == '/' ? CLUSTER + FILE_LINES : 0;
    return cost;
}

/* What a medium takes for a model, whatever it carries of it: manifest, signatures, chunk lists, the folders of all that, and what the
 * read-me says. */
static uint64_t cost_of_model(const struct mm_media_model *model)
{
    uint64_t cost = 5 * (CLUSTER + FILE_LINES) + READ_ME_MODEL;
    for (size_t i = 0; i < model->file_count; i++)
        cost += mm_media_cost(model->files[i].text.length);
    for (size_t i = 0; i < model->claim_count; i++)
        cost +=
            READ_ME_LINE + cost_of_folders(model->claims[i].path) +
            (model->claims[i].chunks.count > 1 ? mm_media_cost(model->claims[i].chunks.count * LIST_LINE + LIST_HEAD)
                                               : 0);
    return cost;
}

static uint64_t first_cost(const struct mm_media *media, size_t medium, size_t model)
{
    return mm_media_carries(media, medium, model) ? 0 : cost_of_model(&media->models[model]);
}

static int add_piece(struct mm_media *media, const struct mm_media_piece *piece, uint64_t cost, struct mm_diags *diags)
{
    if (!mm_grow(&media->pieces, media->piece_count, &media->piece_capacity, sizeof *media->pieces))
        return mm_diag_memory(diags);
    struct mm_medium_folder *medium = &media->media[piece->medium];
    struct mm_media_model *model = &media->models[piece->model];
    struct mm_media_model_facts *facts = &model->facts;
    bool first = !mm_media_carries(media, piece->medium, piece->model);
    medium->planned += cost + first_cost(media, piece->medium, piece->model);
    medium->models += first;
    facts->first = facts->first == 0 || piece->medium + 1 < facts->first ? piece->medium + 1 : facts->first;
    facts->last = piece->medium + 1 > facts->last ? piece->medium + 1 : facts->last;
    if (model->piece_count++ == 0)
        model->first_piece = media->piece_count;
    media->pieces[media->piece_count++] = *piece;
    return 0;
}

static int add_medium(struct mm_media *media, uint64_t base, struct mm_diags *diags)
{
    if (media->medium_count >= MM_MEDIA_MAX)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "expected at most %d media, found more: give a larger --capacity",
                       MM_MEDIA_MAX);
    if (!mm_grow(&media->media, media->medium_count, &media->medium_capacity, sizeof *media->media))
        return mm_diag_memory(diags);
    media->media[media->medium_count++] =
        (struct mm_medium_folder){.folder = -1, .planned = base, .index = {.fd = -1, .folder = -1}};
    return 0;
}

/* The first medium with room for COST of MODEL, a new one where an empty one has it; SIZE_MAX where none ever has. */
static int find_medium(struct mm_media *media, size_t model, uint64_t cost, uint64_t base, size_t *found,
                       struct mm_diags *diags)
{
    uint64_t all = cost + cost_of_model(&media->models[model]);
    for (*found = 0; *found < media->medium_count; ++*found)
        if (room(media, &media->media[*found]) >= cost + first_cost(media, *found, model))
            return 0;
    if (media->options->capacity && (base > media->options->capacity || media->options->capacity - base < all)) {
        *found = SIZE_MAX;
        return 0;
    }
    return add_medium(media, base, diags);
}

/* A set of COUNT chunks: its folder, one for each of their first two digits, and the chunks. */
static uint64_t cost_of_set(uint64_t count, uint64_t chunk_size)
{
    return CLUSTER * (1 + (count < DIGITS ? count : DIGITS)) + count * mm_media_cost(chunk_size);
}

/* Chunks of the artifact that ROOM has room for. */
static uint64_t chunks_for(uint64_t room, const struct mm_claim *claim, uint64_t left)
{
    uint64_t size = claim->chunks.size, each = mm_media_cost(size),
             few = room > CLUSTER ? (room - CLUSTER) / (each + CLUSTER) : 0;
    uint64_t fit = few < DIGITS ? few : (room - CLUSTER * (DIGITS + 1)) / each;
    return fit < left ? fit : left;
}

/* Cuts an artifact over the media that have room, from the last one on, and new ones. */
static int cut(struct mm_media *media, struct mm_media_piece piece, uint64_t base, struct mm_diags *diags)
{
    const struct mm_claim *claim = &media->models[piece.model].claims[piece.artifact];
    uint64_t left = claim->chunks.count;
    piece.medium = media->medium_count ? media->medium_count - 1 : 0;
    for (piece.first = 0; left > 0; piece.first += piece.count, left -= piece.count) {
        bool fresh = piece.medium == media->medium_count;
        if (fresh && add_medium(media, base, diags) < 0)
            return -1;
        uint64_t has = room(media, &media->media[piece.medium]);
        uint64_t first = first_cost(media, piece.medium, piece.model);
        piece.count = chunks_for(has > first ? has - first : 0, claim, left);
        uint64_t cost = cost_of_set(piece.count, claim->chunks.size);
        if (piece.count == 0 && fresh)
            return mm_diag(diags, MM_RULE_IO_LIMIT,
                           "expected media with room for a chunk of %" PRIu64
                           " bytes of %s and what belongs to it, found --capacity %" PRIu64,
                           claim->chunks.size, claim->path, media->options->capacity);
        if (piece.count > 0 && add_piece(media, &piece, cost, diags) < 0)
            return -1;
        piece.medium++;
    }
    return 0;
}

static int place_artifact(struct mm_media *media, size_t model, size_t artifact, uint64_t base, struct mm_diags *diags)
{
    const struct mm_claim *claim = &media->models[model].claims[artifact];
    struct mm_media_piece piece = {.model = model, .artifact = artifact, .count = claim->chunks.count, .whole = true};
    uint64_t cost = mm_media_cost(claim->chunks.bytes);
    bool may_be_whole = !media->options->sets && claim->chunks.bytes <= media->file_limit;
    if (may_be_whole || claim->chunks.count == 0) {
        if (find_medium(media, model, cost, base, &piece.medium, diags) < 0)
            return -1;
        if (piece.medium != SIZE_MAX)
            return add_piece(media, &piece, cost, diags);
    }
    piece.whole = false;
    return cut(media, piece, base, diags);
}

int mm_media_place_all(struct mm_media *media, uint64_t base, struct mm_diags *diags)
{
    for (size_t i = 0; i < media->model_count; i++)
        for (size_t k = 0; k < media->models[i].claim_count; k++)
            if (place_artifact(media, i, k, base, diags) < 0)
                return -1;
    return media->medium_count > 0 ? 0 : add_medium(media, base, diags);
}
