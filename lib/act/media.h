/* Filling media with models (docs/formats/media.md): folders that carry everything to where no network is. Artifacts are checked while they
 * are copied, and what a medium's index names stands there whole. */
#ifndef MM_ACT_MEDIA_H
#define MM_ACT_MEDIA_H

#include "act/supply.h"
#include "trust/judgement.h"

#define MM_MEDIA_MAX 1000 /* media of one export */

struct mm_media_options {
    const struct mm_keyring *keyring;
    uint64_t capacity;   /* bytes that a medium may take; 0: one medium, DIR itself, without a limit */
    uint64_t file_limit; /* the largest file; 0: what the file system of DIR says */
    bool sets;           /* every artifact as a chunk set */
    bool force;          /* media that are complete are written again, and what else their indexes name goes */
    const char *tools;   /* folder of static binaries, or NULL */
    mm_progress_fn *progress;
    void *progress_context;
};

/* A model that was exported, or not. */
struct mm_media_model_facts {
    struct mm_store_model model; /* as a store and a medium name it */
    char manifest_sha256[MM_HASH_HEX + 1];
    enum mm_signed signature;
    char key_id[MM_KEY_ID_TEXT];
    uint64_t total;     /* bytes of its artifacts */
    uint64_t copied;    /* bytes that were written of them */
    uint64_t kept;      /* bytes that were there already */
    size_t whole, cut;  /* artifacts: in one file, as chunks */
    size_t first, last; /* media, from 1, that carry something of it */
};

/* A medium that was filled. */
struct mm_media_facts {
    const char *path;
    uint64_t files, bytes; /* in its index */
    size_t models;
    bool complete; /* its index was written, by this call or by an earlier one of the same export */
};

struct mm_media; /* opaque */

/* Begins an export into the folder DIR, which is made where it lacks. Returns NULL with findings. OPTIONS are borrowed. */
struct mm_media *mm_media_new(const char *dir, const struct mm_media_options *options, struct mm_diags *diags);
void mm_media_free(struct mm_media *media);

/* The open folder DIR and that of the tools (-1 for none), for the sandbox. */
int mm_media_folder(const struct mm_media *media);
int mm_media_tools(const struct mm_media *media);

/* Reads the manifests of SUPPLY, judges their signatures, and says what goes where. Nothing is written. Returns 0, or -1 with findings: then
 * nothing is exported. */
int mm_media_plan(struct mm_media *media, const struct mm_supply *supply, struct mm_diags *diags);

/* Writes all of it. Returns 0, or -1 with findings: media that carry a model that failed are incomplete. */
int mm_media_write(struct mm_media *media, struct mm_diags *diags);

/* What was done, after mm_media_plan. */
size_t mm_media_model_count(const struct mm_media *media);
const struct mm_media_model_facts *mm_media_model_facts(const struct mm_media *media, size_t index);
size_t mm_media_count(const struct mm_media *media);
struct mm_media_facts mm_media_facts(const struct mm_media *media, size_t index);

/* Takes the revocations of the open folder MEDIUM (PATH for people) into KEYRING, of publishers whom it knows, each as
 * mm_keyring_import_revocation does. What was taken in is a note, and so is what is not right, which hinders nothing. Returns 0, or -1 with
 * findings where a revocation could not be read or kept: then it is not known whose keys count. */
int mm_media_revocations(int medium, const char *path, const struct mm_keyring *keyring, struct mm_diags *diags);

#endif
