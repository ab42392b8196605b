/* Tokenizer files, told apart by their first bytes. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "convert/sources.h"
#include "convert/special.h"

/* Score of a piece that no text has, as converters to GGUF give it. */
#define PADDING_SCORE (-10000.0f)

/* Heads of GGUF and .slm files: pairs or sections with a tokenizer in them. */
#define HEAD_MAX (512u * 1024 * 1024)

enum kind { KIND_GGUF, KIND_SLM, KIND_JSON, KIND_MODEL, KIND_BIN, KIND_NONE };

/* A tok.bin begins with a small number of four bytes; a message of protocol buffers, whose first field is one of bytes, has no
 * zeros there: they would be the tag of no field. */
static enum kind kind_of(const unsigned char *head, size_t length)
{
    size_t at = 0;
    if (length >= 4 && memcmp(head, "GGUF", 4) == 0)
        return KIND_GGUF;
    if (length >= 4 && memcmp(head, mm_slm_magic, 4) == 0)
        return KIND_SLM;
    while (at < length && strchr(" \t\r\n", head[at]) && head[at])
        at++;
    if (at < length && head[at] == '{')
        return KIND_JSON;
    if (length >= 4 && head[2] == 0 && head[3] == 0)
        return KIND_BIN;
    return length > 0 && head[0] >> 3 >= 1 && head[0] >> 3 <= 5 && (head[0] & 7) == 2 ? KIND_MODEL : KIND_NONE;
}

/* The first LENGTH bytes of FD. */
static int read_head(int fd, uint64_t length, struct mm_buf *head, struct mm_diags *diags)
{
    char block[65536];
    if (length > HEAD_MAX)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "heads of at most %u bytes are read, found %" PRIu64, HEAD_MAX, length);
    for (uint64_t at = 0; at < length;) {
        size_t size = length - at < sizeof block ? (size_t)(length - at) : sizeof block;
        if (mm_file_read_at(fd, at, block, size, diags) < 0)
            return -1;
        mm_buf_add(head, block, size);
        at += size;
    }
    return head->failed ? mm_diag_memory(diags) : 0;
}

/* A model file that is asked for its tokenizer alone; whatever else it says is not looked at. */
static int from_model_file(struct mm_tokenizer *tokenizer, int fd, const char *path, enum kind kind, bool run,
                           struct mm_diags *diags)
{
    const struct mm_checkpoint_options options = {.run = run};
    const struct mm_artifact_options how = {.format = kind == KIND_SLM ? MM_FORMAT_SLM : MM_FORMAT_GGUF,
                                            .chunk_size = MM_CHUNK_SIZE_MAX};
    struct mm_artifact artifact = {0};
    struct mm_buf head = {0};
    struct mm_slm slm = {0};
    struct stat info;
    int result = mm_artifact_read(fd, path, &how, &artifact, diags) == 0 && artifact.valid ? 0 : -1;
    if (result == 0 && fstat(fd, &info) < 0)
        result = mm_diag(diags, MM_RULE_IO_READ, "cannot read");
    uint64_t size = result == 0 ? (uint64_t)info.st_size : 0, begin = artifact.model.data_offset;
    if (result == 0)
        result = read_head(fd, begin && begin < size ? begin : size, &head, diags);
    const unsigned char *bytes = (const unsigned char *)mm_buf_text(&head);
    if (result == 0 && kind == KIND_GGUF) {
        result = mm_tokenizer_from_gguf(tokenizer, bytes, head.length, &options, diags);
    } else if (result == 0) {
        result = mm_slm_read_head(&slm, bytes, head.length, size, diags);
        *tokenizer = slm.tokenizer;
        slm.tokenizer = (struct mm_tokenizer){0};
    }
    mm_slm_release(&slm);
    mm_buf_release(&head);
    mm_artifact_release(&artifact);
    return result;
}

/* Embeddings are often rounded up; what is not reached by a piece is given a name that says so. */
static int pad(struct mm_tokenizer *tokenizer, uint32_t pieces, struct mm_diags *diags)
{
    char name[32];
    if (pieces && tokenizer->piece_count > pieces)
        return mm_diag(diags, MM_RULE_PACK_TOKENIZER,
                       "expected at most %" PRIu32 " pieces, as many as the model's embedding has, found %zu", pieces,
                       tokenizer->piece_count);
    if (pieces > tokenizer->piece_count)
        mm_note(diags, MM_RULE_PACK_TOKENIZER, "adds %" PRIu32 " unused pieces, as the model's embedding has more",
                pieces - (uint32_t)tokenizer->piece_count);
    while (tokenizer->piece_count < pieces) {
        snprintf(name, sizeof name, "[PAD%zu]", tokenizer->piece_count);
        if (mm_tokenizer_add_piece(tokenizer, name, strlen(name), PADDING_SCORE, MM_PIECE_UNUSED, diags) < 0)
            return -1;
    }
    return 0;
}

/* A tokenizer.json that has no template puts nothing around a text, unless a file beside it says so. */
static int settle(struct mm_checkpoint *checkpoint, enum kind kind, uint32_t pieces, const char *config_folder,
                  bool normalizes, struct mm_diags *diags)
{
    static const uint32_t additions[] = {MM_SETTING_ADD_BOS, MM_SETTING_ADD_EOS};
    struct mm_tokenizer *tokenizer = &checkpoint->slm.tokenizer;
    uint32_t value;
    bool complete = kind == KIND_GGUF || kind == KIND_SLM; /* these say all of themselves */
    if (config_folder && !complete &&
        mm_special_tokens(checkpoint, config_folder, normalizes, kind == KIND_BIN, diags) < 0)
        return -1;
    for (size_t i = 0; kind == KIND_JSON && i < sizeof additions / sizeof *additions; i++)
        if (!mm_tokenizer_get(tokenizer, additions[i], &value) &&
            mm_tokenizer_set(tokenizer, additions[i], 0, diags) < 0)
            return -1;
    return pad(tokenizer, pieces, diags) < 0 ? -1 : mm_tokenizer_check(tokenizer, 0, diags);
}

static int read_kind(struct mm_checkpoint *checkpoint, int fd, const char *path, enum kind kind, uint32_t pieces,
                     bool *normalizes, struct mm_diags *diags)
{
    struct mm_tokenizer *tokenizer = &checkpoint->slm.tokenizer;
    switch (kind) {
    case KIND_GGUF:
    case KIND_SLM: return from_model_file(tokenizer, fd, path, kind, checkpoint->run, diags);
    case KIND_JSON: return mm_tokenizer_from_json(tokenizer, fd, normalizes, diags);
    case KIND_MODEL: return mm_tokenizer_from_model(tokenizer, fd, diags);
    case KIND_BIN: return mm_tokenizer_from_bin(tokenizer, fd, pieces, diags);
    default:
        return mm_diag(
            diags, MM_RULE_PACK_TOKENIZER,
            "expected a tokenizer: GGUF, .slm, tokenizer.json, sentencepiece's tokenizer.model or llama2.c's "
            "tok.bin, found a file that begins like none");
    }
}

int mm_tokenizer_open(struct mm_checkpoint *checkpoint, const char *path, uint32_t pieces, const char *config_folder,
                      struct mm_diags *diags)
{
    const char *shown = diags->file;
    unsigned char head[64];
    diags->file = path;
    int fd = mm_checkpoint_keep_file(checkpoint, path, diags), result = fd < 0 ? -1 : 0;
    ssize_t length = fd < 0 ? 0 : pread(fd, head, sizeof head, 0);
    if (length < 0)
        result = mm_diag(diags, MM_RULE_IO_READ, "cannot read");
    if (result == 0) {
        enum kind kind = kind_of(head, (size_t)length);
        bool normalizes = true;
        result = read_kind(checkpoint, fd, path, kind, pieces, &normalizes, diags);
        if (result == 0)
            result = settle(checkpoint, kind, pieces, config_folder, normalizes, diags);
    }
    diags->file = shown;
    return result;
}
