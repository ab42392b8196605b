/* What the files of the exporter share: media.c (its course), media_plan.c (what goes where), media_model.c (a model's small files),
 * media_copy.c (its artifacts), media_old.c (what an earlier export left), media_text.c (what people read). Nobody else includes this. */
#ifndef MM_ACT_MEDIA_PARTS_H
#define MM_ACT_MEDIA_PARTS_H

#include "act/media.h"
#include "act/trust.h"
#include "base/place.h"
#include "hash/name_set.h"

/* Room for a file beneath a medium: MM_STORE_PATH, /files/, an artifact's path of 255 bytes, .chunkset/HH/HEX. */
#define MM_MEDIA_PATH 640
#define MM_MEDIA_MODELS "models"
#define MM_MEDIA_INDEX "SHA256SUMS"
#define MM_MEDIA_OLD_INDEX "SHA256SUMS.old" /* of a medium that is being written again */
#define MM_MEDIA_SET ".chunkset"

/* A small file of a model: its manifest, a signature. */
struct mm_media_file {
    char name[64];
    struct mm_buf text;
};

struct mm_media_model {
    size_t which;            /* manifest of the supply */
    struct mm_supply supply; /* what serves it, a view */
    struct mm_manifest manifest;
    struct mm_media_file *files;
    size_t file_count, file_capacity;
    struct mm_claim *claims;
    size_t claim_count;
    size_t first_piece, piece_count; /* of the plan, which has them one after the other */
    struct mm_media_model_facts facts;
    bool failed;
};

/* Chunks [first, first + count) of an artifact, on one medium. */
struct mm_media_piece {
    size_t medium, model, artifact;
    uint64_t first, count;
    bool whole; /* one file, of all chunks */
};

/* One medium. */
struct mm_medium_folder {
    char *path; /* for people */
    int folder;
    struct mm_place place;
    uint64_t planned;       /* bytes that it takes, in whole clusters */
    struct mm_writer index; /* SHA256SUMS */
    struct mm_buf pending;  /* lines of it */
    uint64_t files, bytes;
    size_t models;
    bool failed;              /* it carries a model that failed */
    bool done;                /* an earlier call of this export completed it, and nothing was changed since */
    bool written;             /* its index was */
    bool old;                 /* the index of an earlier export lies beside it */
    struct mm_name_set named; /* then: what the new one names, letters in lower case */
};

struct mm_media {
    const struct mm_media_options *options;
    const struct mm_supply *supply;
    char *dir;
    int folder, tools;
    uint64_t file_limit;
    struct mm_medium_folder *media;
    size_t medium_count, medium_capacity;
    struct mm_media_model *models;
    size_t model_count;
    struct mm_media_piece *pieces; /* in the order of models, artifacts and chunks */
    size_t piece_count, piece_capacity;
    struct mm_sha256 *sha;
    struct mm_buf text;
    bool resumed;         /* something of an export is there already */
    uint64_t done, total; /* bytes of artifacts, for the progress */
};

/* media_plan.c: fills media and pieces. BASE: the bytes that every medium takes. Returns 0, or -1 with IO_LIMIT or IO_MEMORY. */
int mm_media_place_all(struct mm_media *media, uint64_t base, struct mm_diags *diags);

/* True if the medium carries something of the model. */
bool mm_media_carries(const struct mm_media *media, size_t medium, size_t model);

/* What a file of BYTES takes, in whole clusters, and a folder. */
uint64_t mm_media_cost(uint64_t bytes);
#define MM_MEDIA_CLUSTER UINT64_C(32768) /* of FAT32 up to 32 GB and more; those of smaller ones are smaller */

/* media_model.c: reads manifest WHICH of the supply, its signatures, and judges it. Returns 0, or -1 with findings. Release MODEL in every
 * case. */
int mm_media_model_read(struct mm_media *media, struct mm_media_model *model, size_t which, struct mm_diags *diags);
void mm_media_model_release(struct mm_media_model *model);

/* media_copy.c: copies the artifact that PIECES[0 .. COUNT) are of, all its pieces. Returns 0, or -1 with findings. */
int mm_media_copy(struct mm_media *media, const struct mm_media_piece *pieces, size_t count, struct mm_diags *diags);

/* media.c: puts BYTES under PATH beneath MEDIUM unless they stand there, and names them in the index. *KEPT (may be NULL) tells which. */
int mm_media_put(struct mm_media *media, struct mm_medium_folder *medium, const char *path, const void *bytes,
                 size_t length, bool *kept, struct mm_diags *diags);

/* Names a file in the index. */
int mm_media_index(struct mm_media *media, struct mm_medium_folder *medium, const char *path,
                   const unsigned char sha256[static MM_HASH_BYTES], uint64_t bytes, struct mm_diags *diags);

/* To be called before a file of MEDIUM is changed: one that an earlier call completed is not complete from here on. */
int mm_media_change(struct mm_medium_folder *medium, struct mm_diags *diags);

/* media_old.c: an index that stands on MEDIUM, which is written again, goes aside, until what it names and this export does not is gone.
 * Returns 0, or -1 with IO_WRITE. */
int mm_media_set_aside(struct mm_medium_folder *medium, struct mm_diags *diags);

/* Keeps PATH, which the new index names, from mm_media_remove_old. Returns 0, or -1 with IO_MEMORY. */
int mm_media_name(struct mm_media *media, struct mm_medium_folder *medium, const char *path, struct mm_diags *diags);

/* Removes, at the beginning of an export, models of the old index that it has no part of, to make room, unless sources lie on the same
 * device: they may be those. Returns 0, or -1 with IO_READ or IO_WRITE. */
int mm_media_make_room(struct mm_media *media, struct mm_medium_folder *medium, struct mm_diags *diags);

/* Removes, at its end, all that the old index names and the new one does not, and then the old index. Returns likewise. */
int mm_media_remove_old(struct mm_media *media, struct mm_medium_folder *medium, struct mm_diags *diags);

/* Refuses media of an earlier export behind the last one of this. Returns 0, or -1 with MEDIA_SURPLUS. */
int mm_media_check_surplus(const struct mm_media *media, struct mm_diags *diags);

/* media_text.c: what READ-ME-FIRST.txt of medium INDEX says. */
void mm_media_read_me(const struct mm_media *media, size_t index, struct mm_buf *out);

/* media_keys.c: keys and revocations of the publishers, onto MEDIUM. *BYTES (may be NULL) gets what they take, and then nothing is written. */
int mm_media_keys(struct mm_media *media, struct mm_medium_folder *medium, uint64_t *bytes, struct mm_diags *diags);

/* media_tools.c: static binaries, likewise. */
int mm_media_put_tools(struct mm_media *media, struct mm_medium_folder *medium, uint64_t *bytes,
                       struct mm_diags *diags);

#endif
