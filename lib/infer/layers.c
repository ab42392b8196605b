#include "infer/layers.h"

#include <stdio.h>

#include "infer/elementary.h"
#include "model/quantize.h"

const char *mm_layer_name(const struct mm_network *network, int layer, char out[static MM_LAYER_NAME])
{
    int blocks = (int)network->llama.numbers[MM_LLAMA_BLOCK_COUNT];
    if (layer < 0)
        return "embedding";
    if (layer >= blocks)
        return layer == blocks ? "output_norm" : "logits";
    snprintf(out, MM_LAYER_NAME, "blk.%d", layer);
    return out;
}

double mm_layer_frequency(const struct mm_llama *llama, uint64_t pair)
{
    double pairs = (double)(llama->numbers[MM_LLAMA_ROPE_DIMENSIONS] / 2);
    double frequency = mm_exponential(-(double)pair / pairs * mm_natural_logarithm((double)llama->rope_base));
    return llama->rope_factor > 0 ? frequency / (double)llama->rope_factor : frequency;
}

void mm_layer_embed(const struct mm_network *network, const uint32_t *tokens, size_t count, float *out)
{
    const struct mm_matrix *matrix = &network->embedding;
    for (size_t i = 0; i < count; i++)
        mm_dequantize(matrix->dtype, matrix->bytes + tokens[i] * matrix->row_bytes, matrix->columns,
                      out + i * matrix->columns);
}

int mm_layers_feed(void *self, mm_layers_batch_fn *batch, size_t most, size_t vocabulary, const uint32_t *tokens,
                   size_t count, bool every, float *logits, const struct mm_watching *watching)
{
    for (size_t at = 0; at < count;) {
        size_t now = count - at < most ? count - at : most;
        if (batch(self, watching, tokens + at, now, every ? now : at + now == count ? 1 : 0, logits) < 0)
            return -1;
        at += now;
        logits += every ? now * vocabulary : 0;
    }
    return 0;
}
