/* The files that a manifest is made of: each is read once, several at the same time. */
#include <string.h>
#include <unistd.h>

#include "act/make_parts.h"
#include "base/pool.h"
#include "base/tally.h"
#include "trust/secret_form.h"

struct reading {
    struct mm_making *making;
    struct mm_tally *tally;
    struct mm_hash_means means;
    int result;
};

/* What a cache's or a store's name of a file says of its bytes. */
static int check_blob(const struct mm_made *made, struct mm_diags *diags)
{
    char hex[MM_HASH_HEX + 1];
    const struct mm_input *input = made->input;
    mm_hex(hex, made->artifact.chunks.sha256, MM_HASH_BYTES);
    if (input->digest == MM_BLOB_SHA256 && strcmp(hex, input->hex) != 0)
        return mm_diag(diags, MM_RULE_MAKE_BLOB, "expected the SHA-256 that the blob is named after, found %s", hex);
    mm_hex(hex, made->artifact.git, MM_GIT_BYTES);
    if (input->digest == MM_BLOB_GIT && strcmp(hex, input->hex) != 0)
        return mm_diag(diags, MM_RULE_MAKE_BLOB, "expected the git object that the blob is named after, found %s", hex);
    return 0;
}

/* The list's own hash, which the manifest states before the list is written. */
static int hash_list(struct mm_made *made, struct mm_diags *diags)
{
    struct mm_buf text = {0};
    struct mm_sha256 *sha = mm_sha256_new();
    mm_chunk_list_write(&made->artifact.chunks, &made->hashes, &text);
    bool failed = !sha || text.failed || made->hashes.failed;
    if (!failed)
        mm_sha256_once(sha, text.data, text.length, made->list_sha256);
    mm_sha256_free(sha);
    mm_buf_release(&text);
    return failed ? mm_diag_memory(diags) : 0;
}

/* A file that is no model file, though it calls itself JSON. */
static void note_format(const struct mm_made *made, struct mm_diags *diags)
{
    size_t length = strlen(made->input->path);
    bool json = length > 5 && strcmp(made->input->path + length - 5, ".json") == 0;
    if (json && made->artifact.valid && made->artifact.model.format != MM_FORMAT_JSON)
        mm_note(diags, MM_RULE_MAKE_TEXT, "calls itself .json and is not JSON: described as %s",
                mm_format_names[made->artifact.model.format]);
}

/* Reads one input, on any thread. */
static int read_input(const struct reading *reading, struct mm_made *made, struct mm_diags *diags)
{
    const struct mm_making *m = reading->making;
    struct mm_tally_part part = {reading->tally, 0};
    diags->file = made->input->path;
    int fd = mm_input_open(made->input, diags);
    if (fd < 0)
        return -1;
    struct mm_artifact_options how = {
        .format = MM_FORMAT_DETECT,
        .chunk_size = m->chunk_size,
        .whole = true,
        .means = reading->means,
        .git = made->input->digest == MM_BLOB_GIT || mm_attest_needs_git(m->options->attest, (size_t)(made - m->made)),
        .each = m->options->chunk_lists ? mm_hashes_add : NULL,
        .each_context = &made->hashes,
        .progress = mm_tally_tell,
        .progress_context = &part,
        .refusal_is_note = !made->input->named, /* archives found in a folder are left out */
    };
    int result = mm_secret_form_refuse(fd, diags);
    if (result == 0)
        result = mm_artifact_read(fd, made->input->path, &how, &made->artifact, diags);
    bool left_out = result == 0 && made->artifact.refused && !made->input->named;
    if (result == 0 && !left_out) {
        result = made->artifact.valid ? check_blob(made, diags) : -1;
        note_format(made, diags);
        if (result == 0 && m->options->chunk_lists)
            result = hash_list(made, diags);
        made->used = result == 0;
    }
    close(fd);
    return result;
}

static int read_job(const void *context, void *slot, struct mm_diags *diags)
{
    struct mm_made *const *made = slot;
    return read_input(context, *made, diags);
}

/* The other files' findings are worth having too. */
static int take_job(void *context, void *slot, int result, struct mm_diags *diags)
{
    struct reading *reading = context;
    (void)slot, (void)diags;
    if (result < 0)
        reading->result = -1;
    return 0;
}

static const struct mm_pool_kind readers = {sizeof(struct mm_made *), read_job, take_job, NULL, 1};

static int read_all(struct reading *reading)
{
    struct mm_making *m = reading->making;
    struct mm_pool *pool = mm_pool_new(&readers, reading, m->options->means.threads, m->diags);
    if (!pool)
        return -1;
    for (size_t i = 0; i < m->gather->count; i++) {
        struct mm_made **made = mm_pool_slot(pool, m->diags);
        *made = &m->made[i];
        mm_pool_give(pool);
    }
    mm_pool_settle(pool, m->diags);
    mm_pool_free(pool);
    return reading->result;
}

int mm_make_read(struct mm_making *m)
{
    struct mm_tally tally = {
        .progress = m->options->progress, .context = m->options->progress_context, .lock = PTHREAD_MUTEX_INITIALIZER};
    size_t count = m->gather->count;
    struct reading reading = {.making = m, .tally = &tally, .means = mm_hash_means_share(m->options->means, count)};
    int result = count > 1 ? read_all(&reading) : count == 1 ? read_input(&reading, m->made, m->diags) : 0;
    m->diags->file = "";
    for (size_t i = 0; i < count; i++) {
        struct mm_made *made = &m->made[i];
        mm_make_choose_role(m, made, &made->artifact.model);
        if (made->used) {
            m->member_made[m->member_count] = i;
            m->members[m->member_count++] =
                (struct mm_member){made->input->path, made->role, &made->artifact, made->artifact.chunks.sha256};
        }
    }
    return result;
}
