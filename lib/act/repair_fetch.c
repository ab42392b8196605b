/* One chunk from wherever it is: a damaged copy gives what it has (act/repair_parts.h). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/repair_parts.h"
#include "base/checked.h"

#define BLOCK 262144   /* bytes that are read at once */
#define TRIES 3        /* of a sector that cannot be read */
#define FAILED_MAX 64  /* sectors of a chunk after which a place is believed to have no more of it */
#define FILLED 0x8000u /* mark of a sector that is being filled in on trial */

static size_t sectors_of(size_t length)
{
    return (length + MM_SECTOR - 1) / MM_SECTOR;
}

/* ---- room ---- */

int mm_fetch_begin(struct mm_fetch *fetch, struct mm_diags *diags)
{
    size_t size = (size_t)(fetch->chunks->bytes < fetch->chunks->size ? fetch->chunks->bytes : fetch->chunks->size);
    struct mm_piece *const pieces[] = {&fetch->fresh, &fetch->joined};
    fetch->sha = mm_sha256_new();
    bool room = fetch->sha != NULL;
    for (int i = 0; i < 2; i++) {
        pieces[i]->bytes = malloc(size ? size : 1);
        pieces[i]->from = mm_realloc_array(NULL, sectors_of(size) + 1, sizeof *pieces[i]->from);
        room = room && pieces[i]->bytes && pieces[i]->from;
    }
    return room ? 0 : mm_diag_memory(diags);
}

void mm_fetch_release(struct mm_fetch *fetch)
{
    for (size_t i = 0; i < fetch->count; i++)
        if (!fetch->places[i].target)
            close(fetch->places[i].fd);
    free(fetch->places);
    free(fetch->fresh.bytes);
    free(fetch->fresh.from);
    free(fetch->joined.bytes);
    free(fetch->joined.from);
    mm_sha256_free(fetch->sha);
    *fetch = (struct mm_fetch){0};
}

/* ---- reading ---- */

/* Reads LENGTH bytes at OFFSET, tried again where that fails. Returns false, with errno, where they are not to be had; errno is 0 where the
 * file ends before. */
static bool read_sector(int fd, unsigned char *out, size_t length, uint64_t offset, uint64_t *read)
{
    size_t done = 0;
    int failed = 0;
    while (done < length) {
        ssize_t got = pread(fd, out + done, length - done, (off_t)(offset + done));
        if (got < 0 && errno != EINTR && ++failed == TRIES)
            return false;
        if (got == 0) {
            errno = 0;
            return false;
        }
        if (got > 0) {
            done += (size_t)got;
            *read += (uint64_t)got;
        }
    }
    return true;
}

/* A reading of a chunk: where it stands, and the sectors that it has so far. */
struct reading {
    int fd;
    uint64_t offset; /* in FD, of the chunk */
    size_t length, at;
    size_t run;    /* everything from here to `at` was read */
    size_t single; /* up to here sectors are read alone */
    size_t failed;
};

static void mark_read(const struct reading *reading, struct mm_piece *piece, uint16_t number)
{
    for (size_t sector = sectors_of(reading->run); sector < sectors_of(reading->length); sector++) {
        size_t end = (sector + 1) * MM_SECTOR < reading->length ? (sector + 1) * MM_SECTOR : reading->length;
        if (end > reading->at)
            return;
        if (!piece->from[sector]) {
            piece->from[sector] = number;
            piece->lacking--;
        }
    }
}

/* Passes over the sector at hand if it cannot be read. Returns false where it is not worth going on. */
static bool step_sector(struct reading *reading, struct mm_piece *piece, uint64_t *read, int *error)
{
    size_t end = reading->at / MM_SECTOR * MM_SECTOR + MM_SECTOR;
    if (end > reading->length)
        end = reading->length;
    bool got =
        read_sector(reading->fd, piece->bytes + reading->at, end - reading->at, reading->offset + reading->at, read);
    if (!got && errno == 0)
        return false;
    reading->at = end;
    if (!got) {
        *error = errno;
        reading->run = end;
        reading->failed++;
    }
    return reading->failed < FAILED_MAX;
}

/* Reads what there is of a chunk of LENGTH bytes at OFFSET of FD. Returns errno of what could not be read, 0 for nothing of the kind. */
static int read_piece(int fd, uint64_t offset, size_t length, struct mm_piece *piece, uint16_t number, uint64_t *read)
{
    struct reading reading = {.fd = fd, .offset = offset, .length = length};
    int error = 0;
    memset(piece->from, 0, sectors_of(length) * sizeof *piece->from);
    piece->lacking = sectors_of(length);
    piece->used = true;
    while (reading.at < length) {
        size_t block = length - reading.at < BLOCK ? length - reading.at : BLOCK;
        ssize_t got = -1;
        if (reading.at >= reading.single)
            got = pread(fd, piece->bytes + reading.at, block, (off_t)(offset + reading.at));
        if (got == 0)
            break;
        if (got > 0) {
            reading.at += (size_t)got;
            *read += (uint64_t)got;
        } else {
            if (reading.at >= reading.single)
                reading.single = reading.at + block;
            if (!step_sector(&reading, piece, read, &error))
                break;
        }
        mark_read(&reading, piece, number);
    }
    return error;
}

/* Opens the chunk that the set FOLDER has under its hash. */
static int open_in_set(const struct mm_fetch *fetch, int folder, uint64_t index)
{
    char hex[MM_HASH_HEX + 1], path[MM_HASH_HEX + 4];
    mm_hex(hex, fetch->list->hashes.items[index], MM_HASH_BYTES);
    snprintf(path, sizeof path, "%.2s/%s", hex, hex);
    return mm_file_open_beneath(folder, path, fetch->links);
}

bool mm_fetch_is_trouble(int error)
{
    return error != ENOENT && error != ENOTDIR && error != ELOOP && error != EXDEV && error != EISDIR && error != ENXIO;
}

/* Reads chunk INDEX from place NUMBER into fetch->fresh. Returns false where it has nothing of it. */
static bool read_place(struct mm_fetch *fetch, size_t number, uint64_t index)
{
    const struct mm_place *place = &fetch->places[number];
    size_t length = (size_t)mm_chunk_bytes(fetch->chunks, index);
    uint64_t ignored = 0, *read = place->target ? &ignored : &fetch->counts[place->copy].read;
    int fd = place->is_set ? open_in_set(fetch, place->fd, index) : place->fd, error = 0;
    fetch->fresh.used = false;
    if (fd >= 0)
        error = read_piece(fd, place->is_set ? 0 : index * fetch->chunks->size, length, &fetch->fresh,
                           (uint16_t)(number + 1), read);
    else if (mm_fetch_is_trouble(errno))
        error = errno;
    if (fd >= 0 && place->is_set)
        close(fd);
    if (error) {
        fetch->error = error;
        if (!place->target)
            fetch->counts[place->copy].unreadable++;
    }
    return fetch->fresh.used && fetch->fresh.lacking < sectors_of(length);
}

/* ---- putting together ---- */

static bool is_right(struct mm_fetch *fetch, const struct mm_piece *piece, uint64_t index)
{
    unsigned char hash[MM_HASH_BYTES];
    if (piece->lacking > 0)
        return false;
    mm_sha256_once(fetch->sha, piece->bytes, (size_t)mm_chunk_bytes(fetch->chunks, index), hash);
    return memcmp(hash, fetch->list->hashes.items[index], MM_HASH_BYTES) == 0;
}

/* Fills the sectors that PIECE lacks from OTHER. Returns true if PIECE is the chunk then; where it is complete and is not, it is as it was
 * before. */
static bool join(struct mm_fetch *fetch, struct mm_piece *piece, const struct mm_piece *other, uint64_t index)
{
    size_t length = (size_t)mm_chunk_bytes(fetch->chunks, index), sectors = sectors_of(length);
    for (size_t sector = 0; sector < sectors; sector++) {
        size_t at = sector * MM_SECTOR;
        if (piece->from[sector] || !other->from[sector])
            continue;
        memcpy(piece->bytes + at, other->bytes + at, length - at < MM_SECTOR ? length - at : MM_SECTOR);
        piece->from[sector] = (uint16_t)(other->from[sector] | FILLED);
        piece->lacking--;
    }
    bool complete = piece->lacking == 0, right = is_right(fetch, piece, index);
    for (size_t sector = 0; sector < sectors; sector++) {
        if (!(piece->from[sector] & FILLED))
            continue;
        bool stays = right || !complete;
        piece->from[sector] = stays ? (uint16_t)(piece->from[sector] & ~FILLED) : 0;
        piece->lacking += !stays;
    }
    return right;
}

static void swap_pieces(struct mm_fetch *fetch)
{
    struct mm_piece held = fetch->fresh;
    fetch->fresh = fetch->joined;
    fetch->joined = held;
}

/* Takes what place NUMBER has of chunk INDEX. Returns true if that completes it. */
static bool take_place(struct mm_fetch *fetch, size_t number, uint64_t index)
{
    const struct mm_place *place = &fetch->places[number];
    if (!read_place(fetch, number, index))
        return false;
    fetch->completed = number;
    fetch->taken = &fetch->fresh;
    if (is_right(fetch, &fetch->fresh, index))
        return true;
    bool complete = fetch->fresh.lacking == 0;
    if (complete && !place->target)
        fetch->counts[place->copy].wrong++;
    if (!fetch->joined.used) {
        swap_pieces(fetch);
        return false;
    }
    if (fetch->joined.lacking == 0) { /* complete and wrong: it may have what this one lacks */
        if (!complete && join(fetch, &fetch->fresh, &fetch->joined, index))
            return true;
        if (!complete)
            swap_pieces(fetch);
        return false;
    }
    fetch->taken = &fetch->joined;
    return join(fetch, &fetch->joined, &fetch->fresh, index);
}

static bool take_target(struct mm_fetch *fetch, uint64_t index)
{
    for (size_t i = 0; i < fetch->count; i++)
        if (fetch->places[i].target)
            return take_place(fetch, i, index);
    return false;
}

bool mm_fetch_own(struct mm_fetch *fetch, uint64_t index)
{
    fetch->joined.used = false;
    return take_target(fetch, index);
}

bool mm_fetch_chunk(struct mm_fetch *fetch, uint64_t index, bool own)
{
    fetch->error = 0;
    fetch->joined.used = false;
    if (own && take_target(fetch, index))
        return true;
    for (size_t i = 0; i < fetch->count; i++)
        if (!fetch->places[i].target && take_place(fetch, i, index))
            return true;
    return !own && take_target(fetch, index);
}

uint64_t mm_fetch_count(struct mm_fetch *fetch, uint64_t index)
{
    size_t length = (size_t)mm_chunk_bytes(fetch->chunks, index);
    uint64_t copied = 0;
    for (size_t sector = 0; sector < sectors_of(length); sector++) {
        const struct mm_place *place = &fetch->places[fetch->taken->from[sector] - 1];
        size_t left = length - sector * MM_SECTOR, part = left < MM_SECTOR ? left : MM_SECTOR;
        if (place->target)
            continue;
        fetch->counts[place->copy].copied += part;
        copied += part;
    }
    if (!fetch->places[fetch->completed].target)
        fetch->counts[fetch->places[fetch->completed].copy].chunks++;
    return copied;
}
