/* A model from a checkpoint as llama2.c's first export writes it: seven i32 (dim, hidden_dim, layers, heads, key-value heads,
 * vocabulary, sequence length), then f32 tensors, grouped by kind over the layers. A negative vocabulary says that the output
 * has a matrix of its own, which stands last. */
#include <errno.h>
#include <inttypes.h>

#include "base/checked.h"
#include "convert/sources.h"

#define HEADER_BYTES 28
#define MAGIC 0x616b3432   /* what later exports of llama2.c begin with */
#define NORM_EPSILON 1e-5f /* fixed in llama2.c, as is the rotation's base */
#define ROPE_BASE 10000.0f

enum { DIM, HIDDEN, LAYERS, HEADS, HEADS_KV, VOCABULARY, LENGTH, NUMBERS };
static const enum mm_llama_number places[NUMBERS] = {
    [DIM] = MM_LLAMA_EMBEDDING_LENGTH,  [HIDDEN] = MM_LLAMA_FEED_FORWARD_LENGTH, [LAYERS] = MM_LLAMA_BLOCK_COUNT,
    [HEADS] = MM_LLAMA_HEAD_COUNT,      [HEADS_KV] = MM_LLAMA_HEAD_COUNT_KV,     [VOCABULARY] = MM_LLAMA_VOCAB_SIZE,
    [LENGTH] = MM_LLAMA_CONTEXT_LENGTH,
};
static const char *const names[NUMBERS] = {
    [DIM] = "dim",        [HIDDEN] = "hidden_dim",   [LAYERS] = "n_layers",
    [HEADS] = "n_heads",  [HEADS_KV] = "n_kv_heads", [VOCABULARY] = "vocab_size",
    [LENGTH] = "seq_len",
};

struct reading {
    struct mm_checkpoint *checkpoint;
    int fd;
    uint64_t at, size; /* offset of the next tensor, size of the file */
    struct mm_diags *diags;
};

static int no_checkpoint(struct reading *r, const char *found)
{
    return mm_diag_offset(r->diags, MM_RULE_PACK_SOURCE, 0,
                          "expected GGUF, .slm, a folder of safetensors or a checkpoint of llama2.c, found %s", found);
}

static int read_header(struct reading *r, bool *own_output)
{
    unsigned char bytes[HEADER_BYTES];
    struct mm_llama *llama = &r->checkpoint->slm.llama;
    if (r->size < HEADER_BYTES)
        return no_checkpoint(r, "a file shorter than the header of any");
    if (mm_file_read_at(r->fd, 0, bytes, sizeof bytes, r->diags) < 0)
        return -1;
    if (mm_little_endian(bytes, 4) == MAGIC)
        return no_checkpoint(r, "a later export of llama2.c; its legacy export can be packed");
    for (int i = 0; i < NUMBERS; i++) {
        const struct mm_llama_number_info *info = &mm_llama_numbers[places[i]];
        int64_t value = (int32_t)(uint32_t)mm_little_endian(bytes + 4 * i, 4);
        if (i == VOCABULARY) {
            *own_output = value < 0;
            value = value < 0 ? -value : value;
        }
        if (value < info->least || value > info->most)
            return mm_diag_offset(
                r->diags, MM_RULE_PACK_SOURCE, 4 * (uint64_t)i,
                "expected GGUF, .slm, a folder of safetensors or a checkpoint of llama2.c, whose %s is "
                "from %" PRIu32 " to %" PRIu32 ", found %" PRId64,
                names[i], info->least, info->most, value);
        llama->numbers[places[i]] = (uint32_t)value;
    }
    if (llama->numbers[MM_LLAMA_EMBEDDING_LENGTH] % llama->numbers[MM_LLAMA_HEAD_COUNT] != 0)
        return no_checkpoint(r, "a dim that is no multiple of n_heads");
    llama->rope_base = ROPE_BASE;
    llama->norm_epsilon = NORM_EPSILON;
    mm_llama_defaults(llama);
    return 0;
}

/* Passes BYTES of the file. */
static int pass(struct reading *r, uint64_t bytes, const char *what)
{
    uint64_t end;
    if (mm_add(r->at, bytes, &end) && end <= r->size) {
        r->at = end;
        return 0;
    }
    return mm_diag_offset(r->diags, MM_RULE_PACK_SOURCE, r->at,
                          "expected a checkpoint of llama2.c with %" PRIu64 " bytes of %s, found %" PRIu64
                          " bytes to the end of the file",
                          bytes, what, r->size - r->at);
}

static int take_tensor(struct reading *r, enum mm_llama_tensor_id which, uint32_t block)
{
    char name[MM_LLAMA_NAME_MAX];
    const struct mm_stored stored = {.fd = r->fd, .offset = r->at, .dtype = mm_dtype_of_ggml(0)};
    uint64_t dims[4] = {0}, bytes = 4;
    unsigned rank = mm_llama_dimensions(&r->checkpoint->slm.llama, which, dims);
    mm_llama_name(which, block, name);
    for (unsigned i = 0; i < rank; i++)
        if (!mm_mul(bytes, dims[i], &bytes))
            bytes = MM_SIZE_LIMIT; /* which no file holds */
    if (pass(r, bytes, name) < 0)
        return -1;
    return mm_checkpoint_add_tensor(r->checkpoint, name, dims, rank, &stored, r->diags);
}

static int take_tensors(struct reading *r, bool own_output)
{
    static const enum mm_llama_tensor_id order[] = {
        MM_LLAMA_T_TOKEN_EMBD, MM_LLAMA_T_ATTN_NORM, MM_LLAMA_T_ATTN_Q,      MM_LLAMA_T_ATTN_K,
        MM_LLAMA_T_ATTN_V,     MM_LLAMA_T_ATTN_OUT,  MM_LLAMA_T_FFN_NORM,    MM_LLAMA_T_FFN_GATE,
        MM_LLAMA_T_FFN_DOWN,   MM_LLAMA_T_FFN_UP,    MM_LLAMA_T_OUTPUT_NORM,
    };
    const uint32_t *numbers = r->checkpoint->slm.llama.numbers;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        uint32_t count = mm_llama_tensors[order[i]].blocks ? numbers[MM_LLAMA_BLOCK_COUNT] : 1;
        for (uint32_t block = 0; block < count; block++)
            if (take_tensor(r, order[i], block) < 0)
                return -1;
    }
    /* cosines and sines of the rotation, for half of a head each: they follow from its base, and nobody reads them */
    uint64_t table = (uint64_t)numbers[MM_LLAMA_CONTEXT_LENGTH] * (numbers[MM_LLAMA_KEY_LENGTH] / 2) * 4;
    if (pass(r, table, "freq_cis_real") < 0 || pass(r, table, "freq_cis_imag") < 0)
        return -1;
    return own_output ? take_tensor(r, MM_LLAMA_T_OUTPUT, 0) : 0;
}

int mm_source_llama2c(struct mm_checkpoint *checkpoint, int fd, const struct mm_checkpoint_options *options,
                      struct mm_diags *diags)
{
    struct reading r = {.checkpoint = checkpoint, .fd = fd, .at = HEADER_BYTES, .diags = diags};
    bool own_output = false;
    struct stat info;
    (void)options; /* there are no keys, and --tokenizer is seen to by whoever opens the checkpoint */
    if (fstat(fd, &info) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read", errno);
    r.size = (uint64_t)info.st_size;
    if (read_header(&r, &own_output) < 0 || take_tensors(&r, own_output) < 0)
        return -1;
    if (r.at != r.size)
        return mm_diag_offset(diags, MM_RULE_PACK_SOURCE, r.at,
                              "expected the end of the checkpoint of llama2.c, found %" PRIu64 " more bytes",
                              r.size - r.at);
    return 0;
}
