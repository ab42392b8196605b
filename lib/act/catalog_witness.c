#include "act/catalog_witness.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"

const char *const mm_witness_words[] = {
    [MM_WITNESS_VERIFIED] = "verified",   [MM_WITNESS_OTHER_HEAD] = "other-head", [MM_WITNESS_OWN] = "publisher",
    [MM_WITNESS_REVOKED] = "revoked-key", [MM_WITNESS_UNKNOWN] = "unknown-key",   [MM_WITNESS_BAD] = "bad-signature",
};

static const char *const reasons[] = {
    [MM_WITNESS_VERIFIED] = "the key has signed under another id too",
    [MM_WITNESS_OTHER_HEAD] = "its trusted comment is not that of this head",
    [MM_WITNESS_OWN] = "it is by the catalog's own publisher",
    [MM_WITNESS_REVOKED] = "the key is revoked",
    [MM_WITNESS_UNKNOWN] = "the keyring has no such key",
    [MM_WITNESS_BAD] = "it is no signature of this head by the key of that id",
};

/* ---- which there are ---- */

const char *mm_catalog_witness_name(char out[static MM_CATALOG_NAME], const char *key_id)
{
    snprintf(out, MM_CATALOG_NAME, MM_CATALOG_HEAD ".%.16s" MM_SIGNATURE_SUFFIX, key_id);
    return out;
}

bool mm_catalog_is_witness_name(const char *name, char key_id[static MM_KEY_ID_TEXT])
{
    const size_t before = sizeof MM_CATALOG_HEAD ".", id = MM_KEY_ID_TEXT - 1;
    unsigned char bytes[MM_KEY_ID_BYTES];
    if (strlen(name) != before - 1 + id + sizeof MM_SIGNATURE_SUFFIX - 1 ||
        memcmp(name, MM_CATALOG_HEAD ".", before - 1) != 0 ||
        strcmp(name + before - 1 + id, MM_SIGNATURE_SUFFIX) != 0 || !mm_key_id_read(name + before - 1, id, bytes))
        return false;
    mm_key_id_text(key_id, bytes);
    return true;
}

static int compare_ids(const void *a, const void *b)
{
    const struct mm_catalog_witness *x = a, *y = b;
    return strcmp(x->key_id, y->key_id);
}

/* Lists the key ids of what stands there, as far as there is room. Returns 0; 1 where there are more; -1 with IO_READ. */
static int list(struct mm_catalog_witnesses *found, struct mm_catalog_folder *folder, struct mm_diags *diags)
{
    int copy = openat(folder->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), result = 0;
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    struct dirent *entry = NULL;
    char key_id[MM_KEY_ID_TEXT];
    found->count = 0;
    errno = dir ? 0 : errno;
    while (dir && (entry = readdir(dir))) {
        if (mm_catalog_is_witness_name(entry->d_name, key_id)) {
            if (found->count == MM_CATALOG_WITNESSES) {
                result = 1;
                break;
            }
            struct mm_catalog_witness *witness = &found->items[found->count++];
            *witness = (struct mm_catalog_witness){.outcome = MM_WITNESS_BAD};
            memcpy(witness->key_id, key_id, sizeof key_id);
        }
        errno = 0;
    }
    if (!entry && errno)
        result = mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read the folder", errno);
    if (dir)
        closedir(dir);
    else if (copy >= 0)
        close(copy);
    if (found->count)
        qsort(found->items, found->count, sizeof *found->items, compare_ids);
    return result;
}

/* ---- what they are worth ---- */

/* A key that may have made one of them. */
struct candidate {
    struct mm_public_key key;
    char publisher[MM_PUBLISHER_MAX + 1];
    bool own, revoked;
};

struct judging {
    struct mm_catalog_folder *folder;
    const struct mm_signed_head *head;
    const struct mm_witness_trust *trust;
    struct mm_catalog_witnesses *found;
    struct mm_diags *diags;
    struct candidate *candidates; /* those of the ids that are there, and all of the publisher */
    size_t candidate_count, candidate_capacity;
    struct mm_public_key counted[MM_CATALOG_WITNESSES];
    struct mm_signature *signature; /* it holds a whole file */
    struct mm_buf text, comment;
    unsigned char prehash[MM_PREHASH_BYTES];
};

static bool same_point(const struct mm_public_key *a, const struct mm_public_key *b)
{
    return memcmp(a->point, b->point, sizeof a->point) == 0;
}

static bool is_wanted(const struct judging *j, const struct mm_public_key *key)
{
    char id[MM_KEY_ID_TEXT];
    mm_key_id_text(id, key->id);
    for (size_t i = 0; i < j->found->count; i++)
        if (strcmp(j->found->items[i].key_id, id) == 0)
            return true;
    for (size_t i = 0; i < j->trust->key_count; i++) /* under another id it may be revoked */
        if (same_point(&j->trust->keys[i], key))
            return true;
    return false;
}

static int add_candidate(struct judging *j, const struct mm_public_key *key, const char *publisher, bool own,
                         bool revoked)
{
    if (!mm_grow(&j->candidates, j->candidate_count, &j->candidate_capacity, sizeof *j->candidates))
        return mm_diag_memory(j->diags);
    struct candidate *candidate = &j->candidates[j->candidate_count++];
    *candidate = (struct candidate){.key = *key, .own = own, .revoked = revoked};
    snprintf(candidate->publisher, sizeof candidate->publisher, "%s", publisher);
    return 0;
}

static int take_key(void *context, const struct mm_known_key *key)
{
    struct judging *j = context;
    bool own = strcmp(key->publisher, j->head->head.publisher_id) == 0;
    return own || is_wanted(j, &key->key) ? add_candidate(j, &key->key, key->publisher, own, key->revoked) : 0;
}

/* A key that was given is what the keyring says of it, if it says anything; and whatever is the publisher's own or revoked under one name is
 * so under all. */
static void spread(struct judging *j)
{
    for (size_t i = 0; i < j->candidate_count; i++)
        for (size_t k = 0; k < j->candidate_count; k++)
            if (same_point(&j->candidates[i].key, &j->candidates[k].key)) {
                j->candidates[i].own = j->candidates[i].own || j->candidates[k].own;
                j->candidates[i].revoked = j->candidates[i].revoked || j->candidates[k].revoked;
            }
}

static int gather(struct judging *j)
{
    int result = j->trust->keyring ? mm_keyring_each(j->trust->keyring, NULL, false, take_key, j, j->diags) : 0;
    for (size_t i = 0; i < j->trust->key_count; i++) /* behind the keyring's, which say whose they are */
        if (add_candidate(j, &j->trust->keys[i], "", false, false) < 0)
            result = -1;
    spread(j);
    return result;
}

/* The signature in j->text, whose file is named by KEY_ID; WITNESS gets whose it is. */
static enum mm_witness_outcome judge_text(struct judging *j, struct mm_catalog_witness *witness,
                                          struct mm_public_key *by)
{
    char id[MM_KEY_ID_TEXT];
    struct mm_diags ignored; /* the outcome is what is told */
    bool known = false;
    mm_diags_init(&ignored);
    int read = mm_signature_read(j->signature, mm_buf_text(&j->text), j->text.length, &ignored);
    mm_diags_release(&ignored);
    if (read < 0 || strcmp(mm_key_id_text(id, j->signature->key_id), witness->key_id) != 0)
        return MM_WITNESS_BAD;
    if (strcmp(j->signature->comment, mm_buf_text(&j->comment)) != 0)
        return MM_WITNESS_OTHER_HEAD;
    for (size_t i = 0; i < j->candidate_count; i++) {
        const struct candidate *candidate = &j->candidates[i];
        if (memcmp(candidate->key.id, j->signature->key_id, MM_KEY_ID_BYTES) != 0)
            continue;
        known = true;
        if (!mm_signature_holds(j->signature, &candidate->key, j->prehash))
            continue;
        memcpy(witness->publisher, candidate->publisher, sizeof witness->publisher);
        *by = candidate->key;
        return candidate->own ? MM_WITNESS_OWN : candidate->revoked ? MM_WITNESS_REVOKED : MM_WITNESS_VERIFIED;
    }
    return known ? MM_WITNESS_BAD : MM_WITNESS_UNKNOWN;
}

/* Ids are no proof, so a key that signs under two of them counts once. */
static bool counts(struct judging *j, const struct mm_public_key *key)
{
    for (uint64_t i = 0; i < j->found->counted; i++)
        if (same_point(&j->counted[i], key))
            return false;
    j->counted[j->found->counted++] = *key;
    return true;
}

/* Returns 1; 0 where the file is gone; -1 with findings. */
static int judge_one(struct judging *j, struct mm_catalog_witness *witness)
{
    char name[MM_CATALOG_NAME];
    struct mm_public_key by = {0};
    int there = mm_catalog_text(j->folder, mm_catalog_witness_name(name, witness->key_id), MM_SIGNATURE_MAX, &j->text,
                                j->diags);
    if (there <= 0)
        return there;
    witness->outcome = judge_text(j, witness, &by);
    if (witness->outcome != MM_WITNESS_VERIFIED || !counts(j, &by))
        mm_note(j->diags, MM_RULE_CATALOG_WITNESS, "the countersignature does not count: %s",
                reasons[witness->outcome]);
    return 1;
}

static int judge_all(struct judging *j)
{
    size_t kept = 0;
    int result = 0;
    for (size_t i = 0; i < j->found->count; i++) {
        struct mm_catalog_witness *witness = &j->found->items[i];
        int there = judge_one(j, witness);
        result = there < 0 ? -1 : result;
        if (there != 0)
            j->found->items[kept++] = *witness;
    }
    j->found->count = kept;
    return result;
}

static int judge(struct judging *j)
{
    int more = list(j->found, j->folder, j->diags), result = more < 0 ? -1 : 0;
    if (more > 0)
        result = mm_diag(j->diags, MM_RULE_CATALOG_SURPLUS,
                         "expected at most %d countersignatures of the head, found more", MM_CATALOG_WITNESSES);
    struct mm_diags mark = *j->diags;
    bool complete = j->trust->keyring && (j->found->count == 0 || gather(j) == 0);
    if (judge_all(j) < 0)
        return -1;
    if (j->found->counted >= j->trust->wanted) {
        if (j->trust->keyring)
            mm_diags_soften(j->diags, &mark, true); /* what of other keys cannot be read changes nothing */
        return result;
    }
    mm_catalog_at(j->folder, MM_CATALOG_HEAD, j->diags);
    if (!complete)
        return -1; /* a finding says why it is not known */
    return mm_diag(j->diags, MM_RULE_CATALOG_WITNESS,
                   "expected countersignatures by %" PRIu64 " trusted keys, found %" PRIu64, j->trust->wanted,
                   j->found->counted);
}

int mm_catalog_judge_witnesses(struct mm_catalog_witnesses *found, struct mm_catalog_folder *folder,
                               const struct mm_signed_head *head, const struct mm_witness_trust *trust,
                               struct mm_diags *diags)
{
    struct judging *j = calloc(1, sizeof *j);
    *found = (struct mm_catalog_witnesses){0};
    if (!j)
        return mm_diag_memory(diags);
    *j = (struct judging){.folder = folder, .head = head, .trust = trust, .found = found, .diags = diags};
    j->signature = malloc(sizeof *j->signature);
    mm_catalog_head_comment(&head->head, &j->comment);
    mm_catalog_at(folder, NULL, diags);
    mm_prehash(mm_buf_text(&head->text), head->text.length, j->prehash);
    int result = j->signature && mm_buf_text(&j->comment) ? judge(j) : mm_diag_memory(diags);
    free(j->candidates);
    free(j->signature);
    mm_buf_release(&j->text);
    mm_buf_release(&j->comment);
    free(j);
    return result;
}

/* ---- the publisher's own ---- */

struct own {
    const struct mm_public_key *key;
    bool found;
};

static int look_at_own(void *context, const struct mm_known_key *known)
{
    struct own *own = context;
    own->found = own->found || same_point(own->key, &known->key);
    return 0;
}

int mm_catalog_is_publishers_key(const struct mm_keyring *keyring, const char *publisher,
                                 const struct mm_public_key *key, struct mm_diags *diags)
{
    struct own own = {.key = key};
    int result = mm_keyring_each(keyring, publisher, false, look_at_own, &own, diags);
    return own.found ? 1 : result;
}

/* ---- from head to head ---- */

/* Is COMMENT, a trusted comment, the one of an older head in FOLDER? *SEQUENCE gets that head's. */
static bool is_of_older(struct mm_catalog_folder *folder, const struct mm_catalog_head *present, const char *comment,
                        uint64_t *sequence)
{
    struct mm_signed_head older = {0};
    struct mm_buf expected = {0};
    struct mm_diags ignored; /* what is damaged stays where it is, for --check to name */
    char name[MM_CATALOG_NAME];
    const char *number = strstr(comment, " sequence:"), *end = number ? strchr(number + 1, ' ') : NULL;
    if (!end)
        return false;
    number += strlen(" sequence:");
    if (!mm_number(number, (size_t)(end - number), MM_NUMBER_MAX, sequence) || *sequence >= present->sequence)
        return false;
    mm_diags_init(&ignored);
    bool there = mm_signed_head_read(&older, folder, mm_catalog_head_name(name, *sequence, ""), &ignored) > 0;
    if (there)
        mm_catalog_head_comment(&older.head, &expected);
    bool same = there && mm_buf_text(&expected) && strcmp(expected.data, comment) == 0;
    mm_diags_release(&ignored);
    mm_buf_release(&expected);
    mm_signed_head_release(&older);
    return same;
}

/* What stands in the place already came first, and stays. */
static int move(struct mm_catalog_folder *folder, const char *from, const char *to, struct mm_diags *diags)
{
    mm_catalog_at(folder, from, diags);
    bool there = faccessat(folder->fd, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
    int failed = there ? unlinkat(folder->fd, from, 0) : renameat(folder->fd, from, folder->fd, to);
    return failed ? mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot move it to the older head", errno) : 0;
}

/* Returns 1 where the file was moved, 0 where it stays, -1 with a finding. */
static int carry(struct mm_catalog_folder *folder, const struct mm_catalog_head *present, const char *key_id,
                 struct mm_signature *signature, struct mm_buf *text, struct mm_diags *diags)
{
    char from[MM_CATALOG_NAME], to[MM_CATALOG_NAME], suffix[MM_CATALOG_NAME];
    uint64_t sequence;
    struct mm_diags mark = *diags;
    bool read = mm_catalog_text(folder, mm_catalog_witness_name(from, key_id), MM_SIGNATURE_MAX, text, diags) > 0 &&
                mm_signature_read(signature, mm_buf_text(text), text->length, diags) == 0;
    mm_diags_rewind(diags, &mark);
    if (!read || !is_of_older(folder, present, signature->comment, &sequence))
        return 0;
    snprintf(suffix, sizeof suffix, ".%.16s" MM_SIGNATURE_SUFFIX, key_id);
    return move(folder, from, mm_catalog_head_name(to, sequence, suffix), diags) < 0 ? -1 : 1;
}

/* Both folders, as a file left the one for the other. */
static int flush(struct mm_catalog_folder *folder, struct mm_diags *diags)
{
    mm_catalog_at(folder, MM_CATALOG_HEADS, diags);
    int heads = openat(folder->fd, MM_CATALOG_HEADS, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int failed = heads < 0 || fsync(heads) < 0 || fsync(folder->fd) < 0, error = errno;
    if (heads >= 0)
        close(heads);
    return failed ? mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot flush the folder", error) : 0;
}

int mm_catalog_carry_witnesses(struct mm_catalog_folder *folder, const struct mm_catalog_head *present,
                               struct mm_diags *diags)
{
    struct mm_catalog_witnesses *found = calloc(1, sizeof *found);
    struct mm_signature *signature = malloc(sizeof *signature);
    struct mm_buf text = {0};
    int result = found && signature ? 0 : mm_diag_memory(diags);
    bool moved = false;
    mm_catalog_at(folder, NULL, diags);
    if (result == 0 && list(found, folder, diags) < 0)
        result = -1;
    for (size_t i = 0; result == 0 && i < found->count; i++) {
        int one = carry(folder, present, found->items[i].key_id, signature, &text, diags);
        moved = moved || one > 0;
        result = one < 0 ? -1 : 0;
    }
    if (result == 0 && moved)
        result = flush(folder, diags);
    mm_buf_release(&text);
    free(signature);
    free(found);
    return result;
}
