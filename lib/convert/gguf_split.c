/* A model from the parts of a split GGUF model, which stand in one folder. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "convert/sources.h"

/* What is known of the parts that were read. */
struct joining {
    struct mm_checkpoint *checkpoint;
    const struct mm_checkpoint_options *options;
    struct mm_diags *diags;
    size_t count;    /* files */
    bool *seen;      /* by split.no */
    uint64_t stated; /* split.tensors.count of the part read first */
};

/* There are as many parts as files, and each number once, so that all are there. */
static int check_part(struct joining *j, const struct mm_facts *facts)
{
    if (!facts->split || facts->split_count != j->count)
        return mm_diag(
            j->diags, MM_RULE_PACK_SOURCE,
            "expected one GGUF file in the folder, or all parts of one model, found %zu files of which one has "
            "%" PRIu64 " as its split.count",
            j->count, facts->split_count);
    if (facts->split_no >= j->count || j->seen[facts->split_no])
        return mm_diag(j->diags, MM_RULE_PACK_SOURCE,
                       "expected parts numbered from 0 to %zu, each once, found split.no %" PRIu64 "%s", j->count - 1,
                       facts->split_no, facts->split_no < j->count ? " twice" : "");
    if (j->stated && facts->split_tensors != j->stated)
        return mm_diag(j->diags, MM_RULE_PACK_SOURCE,
                       "expected the split.tensors.count of the other parts, %" PRIu64 ", found %" PRIu64, j->stated,
                       facts->split_tensors);
    j->stated = facts->split_tensors;
    j->seen[facts->split_no] = true;
    return 0;
}

static int join_part(struct joining *j, const char *path)
{
    struct mm_artifact artifact;
    int fd = mm_checkpoint_add_file(j->checkpoint, path, MM_FORMAT_GGUF, &artifact, j->diags);
    j->diags->file = path;
    int result = fd < 0 ? -1 : check_part(j, &artifact.model.facts);
    if (result == 0)
        result = mm_source_gguf(j->checkpoint, fd, &artifact, j->options, j->diags);
    mm_artifact_release(&artifact);
    return result;
}

int mm_source_gguf_parts(struct mm_checkpoint *checkpoint, char *const *paths, size_t count,
                         const struct mm_checkpoint_options *options, struct mm_diags *diags)
{
    struct joining j = {.checkpoint = checkpoint, .options = options, .diags = diags, .count = count};
    const char *shown = diags->file;
    int result = 0;
    j.seen = calloc(count, sizeof *j.seen);
    if (!j.seen)
        return mm_diag_memory(diags);
    for (size_t i = 0; i < count; i++)
        if (join_part(&j, paths[i]) < 0)
            result = -1;
    diags->file = shown;
    free(j.seen);
    if (result == 0 && checkpoint->slm.tensor_count != j.stated)
        return mm_diag(diags, MM_RULE_PACK_SOURCE,
                       "expected %" PRIu64 " tensors in all parts, as split.tensors.count says, found %zu", j.stated,
                       checkpoint->slm.tensor_count);
    return result;
}
