/* Checking the files beneath a folder against a manifest. */
#ifndef MM_ACT_VERIFY_H
#define MM_ACT_VERIFY_H

#include "act/trust.h"
#include "base/file.h"
#include "doc/chunk_list.h"
#include "doc/report.h"

/* Where artifacts come from, if not from files beneath the folder: an importer that copies what is verified. */
struct mm_verify_supply {
    void *context;
    /* Opens artifact WHICH, whose chunk list is LIST (NULL for none), and says how its bytes are read. Returns 0, or -1 where it is
     * not there, with a finding. */
    int (*open)(void *context, size_t which, const struct mm_claim *claim, const struct mm_chunk_list *list,
                struct mm_origin *origin, struct mm_diags *diags);
    /* The hash of each chunk, as it was read. */
    mm_chunk_fn *each;
    /* After the last byte: COMPARE tells wrong chunks where there was a list, NULL otherwise; READ is false where the
     * bytes could not be read to their end. */
    void (*close)(void *context, size_t which, const struct mm_chunk_compare *compare, bool read);
};

/* What is known already of the bytes of artifact WHICH, open as FD: that is said of them, and nothing is hashed. NULL: nothing is. Called by any
 * thread. */
typedef const struct mm_chunk_facts *mm_verify_known_fn(void *context, size_t which, int fd);

struct mm_verify_options {
    const struct mm_trusted *trusted;      /* what was decided about the manifest; its findings are told already */
    const struct mm_verify_supply *supply; /* NULL: files beneath the folder; chunk lists are sought there anyway */
    mm_verify_known_fn *known;             /* without a supply; NULL: all is read and hashed */
    void *known_context;
    bool implied;             /* an artifact of one chunk has its list from the manifest, where none stands there */
    bool early;               /* a manifest that fails by itself is enough: read no artifact */
    bool quick;               /* leave out whole-file hashes */
    bool strict;              /* surplus files fail */
    bool own;                 /* the folder is the caller's own, who knows what else stands there */
    bool require_signature;   /* an unsigned manifest fails, whoever publishes it */
    const unsigned char *pin; /* the manifest's SHA-256, or NULL */
    const char *const *only;  /* paths to check alone; none: all */
    size_t only_count;
    enum mm_links links;
    /* where the manifest stands beneath the folder, or NULL: it and its signatures are no surplus */
    const char *manifest_path;
    const int *signature; /* the open file of a signature that stands elsewhere, or NULL: it is no surplus either */
    struct mm_hash_means means; /* its threads read several artifacts at once, too */
    struct mm_buf *bad_ranges;  /* wrong chunks are appended, or NULL */
    mm_progress_fn *progress;   /* may be NULL; called by any thread, never by two at once */
    void *progress_context;
};

/* Whether TRUSTED lets a model pass, as far as that is decided already: its signature's outcome is an allowed one and
 * every rule of every policy holds. An unsigned manifest that is not allowed is a finding here; everything else was one when it was
 * judged. */
bool mm_trusted_passes(const struct mm_trusted *trusted, bool require_signature, struct mm_diags *diags);

/* True if MANIFEST has not expired by the time that TRUSTED goes by; otherwise VERIFY_EXPIRY. */
bool mm_trusted_in_time(const struct mm_trusted *trusted, const struct mm_manifest *manifest, struct mm_diags *diags);

/* Fills the part of REPORT that is about the valid MANIFEST as a whole, without the set: TRUSTED, `pin` and
 * `require_signature` of OPTIONS count. No artifact is looked at. Returns and release as for mm_verify. */
int mm_verify_manifest(const struct mm_manifest *manifest, const struct mm_verify_options *options,
                       struct mm_report *report, struct mm_diags *diags);

/* Checks the artifacts of the valid MANIFEST beneath the open folder ROOT, each read once, several at the same time, and fills REPORT. What fails
 * is a finding too. Returns 0 if the checks could be made, whatever they found; -1 with a finding where they could not.
 * Release REPORT in every case. */
int mm_verify(const struct mm_manifest *manifest, int root, const struct mm_verify_options *options,
              struct mm_report *report, struct mm_diags *diags);

#endif
