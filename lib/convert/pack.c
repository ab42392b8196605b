#include "convert/pack.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "convert/rows.h"

struct packing {
    struct mm_checkpoint *checkpoint;
    const struct mm_pack_options *options;
    struct mm_writer *writer;
    struct mm_diags *diags;
    struct mm_sha256 *sha; /* of the tensor that is being written */
    uint64_t at;           /* where its next byte goes */
};

/* ---- what becomes of each tensor ---- */

static void choose_dtype(const struct mm_stored *stored, struct mm_slm_tensor *tensor, int wanted,
                         struct mm_diags *diags)
{
    const struct mm_dtype *from = &mm_dtypes[stored->dtype], *to = &mm_dtypes[wanted];
    char shown[MM_SHOWN];
    if (tensor->rank < 2 || stored->dtype == wanted)
        return;
    mm_show(shown, tensor->name, strlen(tensor->name));
    if (tensor->dims[0] % to->block != 0) {
        mm_note(diags, MM_RULE_PACK_KEPT, "%s stays %s: its rows of %" PRIu64 " elements are no whole blocks of %u",
                shown, from->name, tensor->dims[0], to->block);
        return;
    }
    if (from->block > 1)
        mm_note(diags, MM_RULE_PACK_REQUANTIZED, "%s was %s and becomes %s: it loses twice", shown, from->name,
                to->name);
    tensor->dtype = wanted;
}

/* WITH instead of TEXT, which is taken over, unless WITH is NULL. */
static char *replaced(char *text, const char *with, bool *failed)
{
    if (!with)
        return text;
    free(text);
    text = strdup(with);
    *failed = *failed || !text;
    return text;
}

static int prepare(struct packing *p)
{
    struct mm_slm *slm = &p->checkpoint->slm;
    bool failed = false;
    slm->name = replaced(slm->name, p->options->name, &failed);
    slm->license = replaced(slm->license, p->options->license, &failed);
    if (failed)
        return mm_diag_memory(p->diags);
    for (size_t i = 0; p->options->dtype != MM_PACK_KEEP && i < slm->tensor_count; i++)
        choose_dtype(&p->checkpoint->stored[i], &slm->tensors[i], p->options->dtype, p->diags);
    return mm_slm_settle(slm, p->diags);
}

/* ---- writing ---- */

static int put(void *context, const void *bytes, size_t length)
{
    struct packing *p = context;
    const struct mm_slm *slm = &p->checkpoint->slm;
    mm_sha256_update(p->sha, bytes, length);
    if (mm_writer_write_at(p->writer, p->at, bytes, length, p->diags) < 0)
        return -1;
    p->at += length;
    if (p->options->progress)
        p->options->progress(p->options->progress_context, p->at - slm->data_offset, slm->data_size);
    return 0;
}

/* The data come first, since the table holds their hashes; the padding between them is what nobody wrote: zeros. */
static int write_data(struct packing *p)
{
    struct mm_slm *slm = &p->checkpoint->slm;
    for (size_t i = 0; i < slm->tensor_count; i++) {
        p->at = slm->data_offset + slm->tensors[i].offset;
        if (mm_rows_each(p->checkpoint, i, slm->tensors[i].dtype, put, p, p->diags) < 0)
            return -1;
        mm_sha256_take(p->sha, slm->tensors[i].sha256);
    }
    return 0;
}

static int write_head(struct packing *p)
{
    struct mm_buf head = {0};
    int result = mm_slm_write_head(&p->checkpoint->slm, &head, p->diags);
    if (result == 0)
        result = mm_writer_write_at(p->writer, 0, head.data, head.length, p->diags);
    mm_buf_release(&head);
    return result;
}

int mm_pack(struct mm_checkpoint *checkpoint, const struct mm_pack_options *options, struct mm_writer *writer,
            struct mm_artifact *artifact, struct mm_diags *diags)
{
    struct packing p = {
        .checkpoint = checkpoint, .options = options, .writer = writer, .diags = diags, .sha = mm_sha256_new()};
    *artifact = (struct mm_artifact){0};
    int result = p.sha ? prepare(&p) : mm_diag_memory(diags);
    if (result == 0)
        result = write_data(&p);
    if (result == 0)
        result = write_head(&p);
    mm_sha256_free(p.sha);
    return result < 0 ? -1 : mm_rows_read_back(writer, MM_FORMAT_SLM, checkpoint, artifact, diags);
}
