#include "convert/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/quantize.h"

#define BATCH_BYTES (1024u * 1024) /* of rows that are read together; one row may be longer */
#define PIECE 16384u               /* elements that are converted together; whole blocks of every dtype */

/* ---- tensors ---- */

struct conversion {
    float values[PIECE];
    unsigned char out[PIECE * sizeof(float)];
};

/* Hands COUNT elements stored as FROM at BYTES to TAKE as TO. */
static int convert(struct conversion *c, const unsigned char *bytes, uint64_t count, int from, int to,
                   const struct mm_slm_tensor *tensor, mm_rows_fn *take, void *context, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    for (uint64_t done = 0; done < count;) {
        size_t some = count - done < PIECE ? (size_t)(count - done) : PIECE;
        mm_dequantize(from, bytes + done / mm_dtypes[from].block * mm_dtypes[from].bytes, some, c->values);
        if (!mm_quantize(to, c->values, some, c->out))
            return mm_diag(diags, MM_RULE_PACK_TENSOR,
                           "expected values that %s can hold in tensor '%s', found one that is too large or not finite",
                           mm_dtypes[to].name, mm_show(shown, tensor->name, strlen(tensor->name)));
        if (take(context, c->out, some / mm_dtypes[to].block * mm_dtypes[to].bytes) < 0)
            return -1;
        done += some;
    }
    return 0;
}

int mm_rows_each(struct mm_checkpoint *checkpoint, size_t which, int dtype, mm_rows_fn *take, void *context,
                 struct mm_diags *diags)
{
    const struct mm_slm_tensor *tensor = &checkpoint->slm.tensors[which];
    int stored = checkpoint->stored[which].dtype, result = 0;
    uint64_t rows = mm_checkpoint_rows(checkpoint, which), bytes = mm_checkpoint_row_bytes(checkpoint, which);
    uint64_t batch = bytes < BATCH_BYTES ? BATCH_BYTES / bytes : 1;
    if (batch > rows)
        batch = rows;
    unsigned char *read = malloc(batch * bytes);
    struct conversion *conversion = stored == dtype ? NULL : malloc(sizeof *conversion);
    if (!read || (stored != dtype && !conversion))
        result = mm_diag_memory(diags);
    for (uint64_t row = 0; result == 0 && row < rows; row += batch) {
        uint64_t some = rows - row < batch ? rows - row : batch;
        result = mm_checkpoint_read(checkpoint, which, row, some, read, diags);
        if (result == 0 && stored == dtype)
            result = take(context, read, some * bytes);
        else if (result == 0)
            result = convert(conversion, read, some * tensor->dims[0], stored, dtype, tensor, take, context, diags);
    }
    free(conversion);
    free(read);
    return result;
}

/* ---- files ---- */

int mm_rows_read_back(struct mm_writer *writer, enum mm_format format, const struct mm_checkpoint *checkpoint,
                      struct mm_artifact *artifact, struct mm_diags *diags)
{
    const struct mm_artifact_options how = {.format = format, .chunk_size = MM_CHUNK_SIZE_MAX, .whole = true};
    const char *shown = diags->file;
    if (mm_checkpoint_finish(checkpoint, diags) < 0)
        return -1;
    if (lseek(writer->fd, 0, SEEK_SET) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read back", errno);
    diags->file = writer->path;
    int result = mm_artifact_read(writer->fd, writer->path, &how, artifact, diags);
    diags->file = shown;
    return result == 0 && artifact->valid ? 0 : -1;
}
