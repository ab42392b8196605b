/* JSON as any file, as a config.json and as a shard index: what the stricter readers accept is JSON. */
#include "source.h"

static int read_as(const char *base, const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_source source;
    struct mm_model model = {0};
    int fd = source_fd(data, size);
    mm_diags_init(&diags);
    must(mm_source_open(&source, fd, &diags) == 0);
    int result = mm_config_read(&source, base, &model, &diags);
    must((result == 0) == (diags.errors == 0));
    must(result < 0 || mm_source_fill(&source) == 0);
    for (size_t i = 0; i < model.shard_count; i++)
        must(model.shards[i].tensor < model.words.length && model.shards[i].file < model.words.length);
    for (int i = 0; i < MM_SHAPE_COUNT; i++)
        must(model.facts.shape[i].state != MM_FACT_VALUE || model.facts.shape[i].value <= INT64_MAX);
    must(mm_source_finish(&source, &diags) == 0);
    mm_source_release(&source);
    mm_model_release(&model);
    mm_diags_release(&diags);
    close(fd);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int any = read_as("any.json", data, size);
    must(read_as("config.json", data, size) < 0 || any == 0);
    must(read_as("model.safetensors.index.json", data, size) < 0 || any == 0);
    return 0;
}
