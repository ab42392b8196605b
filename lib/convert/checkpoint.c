#include "convert/checkpoint.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/checked.h"
#include "convert/sources.h"
#include "model/quantize.h"
#include "text/path.h"

/* Bytes of one row; rows are read whole. Real ones have at most a megabyte. */
#define ROW_BYTES_MAX (64u * 1024 * 1024)

/* Parts of a split model; each is an open file. */
#define PARTS_MAX 1000

/* ---- what the sources share ---- */

int mm_checkpoint_keep_file(struct mm_checkpoint *checkpoint, const char *path, struct mm_diags *diags)
{
    struct mm_checkpoint_file file = {.fd = -1, .path = strdup(path)};
    const char *shown = diags->file;
    if (!file.path || !mm_grow(&checkpoint->files, checkpoint->file_count, &checkpoint->file_capacity, sizeof file)) {
        free(file.path);
        return mm_diag_memory(diags);
    }
    diags->file = file.path;
    file.fd = mm_file_open(path, diags);
    bool ready = file.fd >= 0;
    if (ready && fstat(file.fd, &file.before) < 0) {
        mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read", errno);
        ready = false;
    }
    checkpoint->files[checkpoint->file_count++] = file;
    diags->file = shown;
    return ready ? file.fd : -1;
}

int mm_checkpoint_add_file(struct mm_checkpoint *checkpoint, const char *path, int format, struct mm_artifact *artifact,
                           struct mm_diags *diags)
{
    const char *shown = diags->file;
    *artifact = (struct mm_artifact){0};
    int fd = mm_checkpoint_keep_file(checkpoint, path, diags);
    if (fd < 0)
        return -1;
    const struct mm_checkpoint_file *file = &checkpoint->files[checkpoint->file_count - 1];
    /* nobody asks for the hashes: of a file whose size is told nothing is hashed */
    const struct mm_chunk_facts known = {.bytes = (uint64_t)file->before.st_size, .size = MM_CHUNK_SIZE_MAX};
    const struct mm_artifact_options how = {
        .format = format, .chunk_size = MM_CHUNK_SIZE_MAX, .known = S_ISREG(file->before.st_mode) ? &known : NULL};
    diags->file = file->path;
    bool valid = mm_artifact_read(fd, path, &how, artifact, diags) == 0 && artifact->valid;
    diags->file = shown;
    return valid ? fd : -1;
}

static bool dimensions_fit(const uint64_t *dims, unsigned rank, int dtype, const char *name, struct mm_diags *diags)
{
    uint64_t elements = 1, bytes;
    bool counted = rank >= 1 && rank <= 4;
    for (unsigned i = 0; counted && i < rank; i++)
        counted = dims[i] > 0 && mm_mul(elements, dims[i], &elements);
    if (!counted || dims[0] % mm_dtypes[dtype].block != 0) {
        mm_diag(diags, MM_RULE_PACK_TENSOR,
                "expected one to four dimensions from 1, in whole blocks, for %s, found others", name);
        return false;
    }
    if (mm_mul(dims[0] / mm_dtypes[dtype].block, mm_dtypes[dtype].bytes, &bytes) && bytes <= ROW_BYTES_MAX)
        return true;
    mm_diag(diags, MM_RULE_IO_LIMIT, "rows of at most %u bytes are read, %s has %" PRIu64 " elements in one",
            ROW_BYTES_MAX, name, dims[0]);
    return false;
}

/* Rows (or, of a bias, elements) in halves need heads of an even number of them. */
static bool heads_fit(const uint64_t *dims, unsigned rank, uint32_t heads, const char *name, struct mm_diags *diags)
{
    uint64_t rows = dims[rank - 1];
    if (heads == 0 || (rank <= 2 && rows % heads == 0 && rows / heads % 2 == 0))
        return true;
    mm_diag(diags, MM_RULE_PACK_TENSOR,
            "expected %" PRIu32 " heads of an even number of rows in %s, found %" PRIu64 " rows", heads, name, rows);
    return false;
}

int mm_checkpoint_add_tensor(struct mm_checkpoint *checkpoint, const char *name, const uint64_t *dims, unsigned rank,
                             const struct mm_stored *stored, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    uint32_t block;
    mm_show(shown, name, strlen(name));
    if (mm_llama_tensor_of(name, strlen(name), &block) < 0)
        return mm_diag(diags, MM_RULE_PACK_TENSOR, "expected tensors that %s has, found '%s'",
                       checkpoint->run ? "a network of llama" : "an .slm of llama", shown);
    if (checkpoint->run && !mm_dequantize_knows(stored->dtype))
        return mm_diag(diags, MM_RULE_PACK_TENSOR, "expected a dtype that is computed with for %s, found %s", shown,
                       mm_dtypes[stored->dtype].name);
    if (!checkpoint->run && !mm_quantize_knows(stored->dtype))
        return mm_diag(diags, MM_RULE_PACK_TENSOR, "expected f32, f16, bf16, q8_0 or q4_0 for %s, found %s", shown,
                       mm_dtypes[stored->dtype].name);
    if (!dimensions_fit(dims, rank, stored->dtype, shown, diags) || !heads_fit(dims, rank, stored->heads, shown, diags))
        return -1;
    size_t count = checkpoint->slm.tensor_count;
    if (!mm_grow(&checkpoint->stored, count, &checkpoint->stored_capacity, sizeof *checkpoint->stored))
        return mm_diag_memory(diags);
    checkpoint->stored[count] = *stored;
    struct mm_slm_tensor *tensor = mm_slm_add_tensor(&checkpoint->slm, name, strlen(name), diags);
    if (!tensor)
        return -1;
    tensor->rank = rank;
    tensor->dtype = stored->dtype;
    memcpy(tensor->dims, dims, rank * sizeof *dims);
    return 0;
}

/* A final * stands for any rest. */
static bool matches(const char *pattern, const char *key)
{
    size_t length = strlen(pattern);
    if (length > 0 && pattern[length - 1] == '*')
        return strncmp(pattern, key, length - 1) == 0;
    return strcmp(pattern, key) == 0;
}

bool mm_checkpoint_drops(const struct mm_checkpoint_options *options, const char *key, struct mm_diags *diags)
{
    char shown[MM_SHOWN];
    for (size_t i = 0; options && i < options->drop_count; i++)
        if (matches(options->drop[i], key)) {
            mm_note(diags, MM_RULE_PACK_DROPPED, "leaves out %s", mm_show(shown, key, strlen(key)));
            return true;
        }
    return false;
}

/* ---- opening ---- */

static int open_gguf(struct mm_checkpoint *checkpoint, int fd, const struct mm_artifact *artifact,
                     const struct mm_checkpoint_options *options, struct mm_diags *diags)
{
    if (artifact->model.facts.split_count > 1)
        return mm_diag(diags, MM_RULE_PACK_SOURCE,
                       "expected a whole model, or the folder with all its parts, found a part of %" PRIu64,
                       artifact->model.facts.split_count);
    return mm_source_gguf(checkpoint, fd, artifact, options, diags);
}

static int open_file(struct mm_checkpoint *checkpoint, const char *path, const struct mm_checkpoint_options *options,
                     struct mm_diags *diags)
{
    struct mm_artifact artifact;
    int fd = mm_checkpoint_add_file(checkpoint, path, MM_FORMAT_DETECT, &artifact, diags), result = -1;
    if (fd >= 0)
        switch (artifact.model.format) {
        case MM_FORMAT_GGUF: result = open_gguf(checkpoint, fd, &artifact, options, diags); break;
        case MM_FORMAT_SLM: result = mm_source_slm(checkpoint, fd, &artifact, options, diags); break;
        case MM_FORMAT_SAFETENSORS:
            mm_diag(diags, MM_RULE_PACK_SOURCE,
                    "expected the folder that the safetensors file stands in, found the file alone");
            break;
        case MM_FORMAT_OPAQUE:
        case MM_FORMAT_TEXT: result = mm_source_llama2c(checkpoint, fd, options, diags); break;
        default:
            mm_diag(diags, MM_RULE_PACK_SOURCE, "expected a model file or the folder of one, found %s",
                    mm_format_names[artifact.model.format]);
        }
    mm_artifact_release(&artifact);
    return result;
}

/* Files of a folder by name. */
struct listing {
    char **paths;
    size_t count, capacity;
};

static void release_listing(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        free(listing->paths[i]);
    free(listing->paths);
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int list_file(struct listing *listing, const char *folder, const char *name, struct mm_diags *diags)
{
    char *path = NULL;
    if (listing->count >= PARTS_MAX)
        return mm_diag(diags, MM_RULE_IO_LIMIT, "at most %d files of one model are read", PARTS_MAX);
    if (!mm_grow(&listing->paths, listing->count, &listing->capacity, sizeof *listing->paths) ||
        asprintf(&path, "%s/%s", folder, name) < 0)
        return mm_diag_memory(diags);
    listing->paths[listing->count++] = path;
    return 0;
}

/* The files of FOLDER whose names end in SUFFIX, hidden ones left aside. */
static int list_files(struct listing *listing, const char *folder, const char *suffix, struct mm_diags *diags)
{
    DIR *dir = opendir(folder);
    int result = 0;
    if (!dir)
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open the folder", errno);
    errno = 0; /* an end of the folder that is an error would be a smaller folder */
    for (const struct dirent *entry; result == 0 && (entry = readdir(dir)); errno = 0)
        if (entry->d_name[0] != '.' && mm_path_ends_in_any_case(entry->d_name, suffix))
            result = list_file(listing, folder, entry->d_name, diags);
    if (result == 0 && errno != 0)
        result = mm_diag_errno(diags, MM_RULE_IO_READ, "cannot read the folder", errno);
    closedir(dir);
    if (listing->count > 0)
        qsort(listing->paths, listing->count, sizeof *listing->paths, compare_paths);
    return result;
}

/* A folder is one of safetensors, unless all it holds are GGUF files, or one .slm file. */
static int open_folder(struct mm_checkpoint *checkpoint, const char *path, const struct mm_checkpoint_options *options,
                       struct mm_diags *diags)
{
    struct listing safetensors = {0}, gguf = {0}, slm = {0};
    int result = -1;
    if (list_files(&safetensors, path, ".safetensors", diags) == 0 && list_files(&gguf, path, ".gguf", diags) == 0 &&
        list_files(&slm, path, ".slm", diags) == 0) {
        if (safetensors.count > 0 || gguf.count + slm.count == 0)
            result = mm_source_safetensors(checkpoint, path, options, diags);
        else if (gguf.count > 1 && slm.count == 0)
            result = mm_source_gguf_parts(checkpoint, (const char *const *)gguf.paths, gguf.count, options, diags);
        else if (gguf.count + slm.count == 1)
            result = open_file(checkpoint, gguf.count ? gguf.paths[0] : slm.paths[0], options, diags);
        else
            mm_diag(diags, MM_RULE_PACK_SOURCE, "expected one model in the folder, found %zu GGUF and %zu .slm files",
                    gguf.count, slm.count);
    }
    release_listing(&safetensors);
    release_listing(&gguf);
    release_listing(&slm);
    return result;
}

/* ---- settling ---- */

struct placed {
    const char *name; /* in the tensors, not sorted yet */
    struct mm_stored stored;
};

static int compare_placed(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    return strcmp(x->name, y->name);
}

/* Brings `stored` into the order in which mm_slm_settle puts the tensors: by name. */
static int sort_stored(struct mm_checkpoint *checkpoint, struct mm_diags *diags)
{
    size_t count = checkpoint->slm.tensor_count;
    if (count == 0)
        return 0;
    struct placed *placed = mm_realloc_array(NULL, count, sizeof *placed);
    if (!placed)
        return mm_diag_memory(diags);
    for (size_t i = 0; i < count; i++)
        placed[i] = (struct placed){checkpoint->slm.tensors[i].name, checkpoint->stored[i]};
    qsort(placed, count, sizeof *placed, compare_placed);
    for (size_t i = 0; i < count; i++)
        checkpoint->stored[i] = placed[i].stored;
    free(placed);
    return 0;
}

/* The number of pieces that the embedding has, 0 where that is no piece count. */
static uint32_t embedding_rows(const struct mm_slm *slm)
{
    const char *name = mm_llama_tensors[MM_LLAMA_T_TOKEN_EMBD].name;
    for (size_t i = 0; i < slm->tensor_count; i++)
        if (strcmp(slm->tensors[i].name, name) == 0)
            return slm->tensors[i].rank == 2 && slm->tensors[i].dims[1] <= MM_TOKENIZER_PIECES_MAX
                       ? (uint32_t)slm->tensors[i].dims[1]
                       : 0;
    return 0;
}

static int take_tokenizer(struct mm_checkpoint *checkpoint, const char *folder,
                          const struct mm_checkpoint_options *options, struct mm_diags *diags)
{
    struct mm_tokenizer *tokenizer = &checkpoint->slm.tokenizer;
    const char *shown = diags->file;
    if (!options->tokenizer)
        return tokenizer->piece_count > 0
                   ? 0
                   : mm_diag(diags, MM_RULE_PACK_TOKENIZER, "expected a tokenizer, found none; --tokenizer names one");
    if (tokenizer->piece_count > 0)
        mm_note(diags, MM_RULE_PACK_DROPPED, "leaves out the source's tokenizer, as --tokenizer names another");
    mm_tokenizer_release(tokenizer);
    diags->file = options->tokenizer;
    int result = mm_tokenizer_open(checkpoint, options->tokenizer, embedding_rows(&checkpoint->slm), folder, diags);
    diags->file = shown;
    return result;
}

/* Rows of queries and keys stand in halves, as many heads as the facts say. */
static int set_halves(struct mm_checkpoint *checkpoint, struct mm_diags *diags)
{
    const uint32_t *numbers = checkpoint->slm.llama.numbers;
    uint32_t block;
    if (numbers[MM_LLAMA_ROPE_DIMENSIONS] != numbers[MM_LLAMA_KEY_LENGTH])
        return mm_diag(diags, MM_RULE_PACK_SOURCE,
                       "expected heads that are rotated whole, found rope-dimension-count %" PRIu32
                       " and key-length %" PRIu32,
                       numbers[MM_LLAMA_ROPE_DIMENSIONS], numbers[MM_LLAMA_KEY_LENGTH]);
    for (size_t i = 0; i < checkpoint->slm.tensor_count; i++) {
        const struct mm_slm_tensor *tensor = &checkpoint->slm.tensors[i];
        int which = mm_llama_tensor_of(tensor->name, strlen(tensor->name), &block);
        enum mm_llama_order order = which < 0 ? MM_LLAMA_PLAIN : mm_llama_tensors[which].order;
        uint32_t heads = order == MM_LLAMA_HEADS      ? numbers[MM_LLAMA_HEAD_COUNT]
                         : order == MM_LLAMA_HEADS_KV ? numbers[MM_LLAMA_HEAD_COUNT_KV]
                                                      : 0;
        if (!heads_fit(tensor->dims, tensor->rank, heads, tensor->name, diags))
            return -1;
        checkpoint->stored[i].heads = heads;
    }
    return 0;
}

/* After the source's facts and tensors are in: its tokenizer, what follows from the rest, and every rule of .slm. FOLDER: where
 * more is said of the tokenizer, or NULL. */
static int complete_facts(struct mm_checkpoint *checkpoint, const char *folder,
                          const struct mm_checkpoint_options *options, struct mm_diags *diags)
{
    if (take_tokenizer(checkpoint, folder, options, diags) < 0)
        return -1;
    uint32_t *vocabulary = &checkpoint->slm.llama.numbers[MM_LLAMA_VOCAB_SIZE];
    if (*vocabulary == 0)
        *vocabulary = embedding_rows(&checkpoint->slm);
    mm_llama_defaults(&checkpoint->slm.llama);
    if (checkpoint->halves && set_halves(checkpoint, diags) < 0)
        return -1;
    return sort_stored(checkpoint, diags) < 0 ? -1 : mm_slm_settle(&checkpoint->slm, diags);
}

static void begin(struct mm_checkpoint *checkpoint, const struct mm_checkpoint_options *options)
{
    *checkpoint = (struct mm_checkpoint){.run = options->run};
    checkpoint->slm.any_dtype = options->run;
}

/* RESULT of opening a source, and then the rest. MARK was taken before the opening. */
static int complete(struct mm_checkpoint *checkpoint, int result, const char *folder,
                    const struct mm_checkpoint_options *options, const struct mm_diags *mark, struct mm_diags *diags)
{
    if (result == 0)
        result = complete_facts(checkpoint, folder, options, diags);
    if (options->run) /* what has no place in an .slm is not wrong, but not known here */
        mm_diags_turn(diags, mark, MM_GROUP_PACK, MM_RULE_INFER_UNSUPPORTED);
    return result;
}

int mm_checkpoint_open(struct mm_checkpoint *checkpoint, const char *path, const struct mm_checkpoint_options *options,
                       struct mm_diags *diags)
{
    struct stat info;
    const struct mm_diags mark = *diags;
    begin(checkpoint, options);
    if (stat(path, &info) < 0)
        return mm_diag_errno(diags, MM_RULE_IO_OPEN, "cannot open", errno);
    bool folder = S_ISDIR(info.st_mode);
    int result = (folder ? open_folder : open_file)(checkpoint, path, options, diags);
    return complete(checkpoint, result, folder ? path : NULL, options, &mark, diags);
}

/* ---- several files of one model ---- */

static bool all_end_in(const char *const *paths, size_t count, const char *ending)
{
    for (size_t i = 0; i < count; i++)
        if (!mm_path_ends_in_any_case(paths[i], ending))
            return false;
    return true;
}

static bool is_named(const struct mm_checkpoint_file *file, const char *const *paths, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (mm_file_is_open(paths[i], file->fd))
            return true;
    return false;
}

/* The shards that are named are those that the folder's model has. */
static int check_shards(const struct mm_checkpoint *checkpoint, const char *const *paths, size_t count,
                        struct mm_diags *diags)
{
    size_t shards = 0;
    for (size_t i = 0; i < checkpoint->file_count; i++)
        if (mm_path_ends_in(checkpoint->files[i].path, ".safetensors")) {
            shards++;
            if (!is_named(&checkpoint->files[i], paths, count))
                return mm_diag(diags, MM_RULE_PACK_SOURCE, "expected every shard of the model, found none called %s",
                               checkpoint->files[i].path);
        }
    return shards == count ? 0
                           : mm_diag(diags, MM_RULE_PACK_SOURCE,
                                     "expected the %zu shards of the model, found %zu files", shards, count);
}

static int open_shards(struct mm_checkpoint *checkpoint, const char *const *paths, size_t count,
                       const struct mm_checkpoint_options *options, struct mm_diags *diags)
{
    size_t length = mm_path_folder_length(paths[0]);
    char *folder = length ? strndup(paths[0], length) : strdup(".");
    if (!folder)
        return mm_diag_memory(diags);
    const struct mm_diags mark = *diags;
    int result = open_folder(checkpoint, folder, options, diags);
    if (result == 0)
        result = check_shards(checkpoint, paths, count, diags);
    result = complete(checkpoint, result, folder, options, &mark, diags);
    free(folder);
    return result;
}

int mm_checkpoint_open_files(struct mm_checkpoint *checkpoint, const char *const *paths, size_t count,
                             const struct mm_checkpoint_options *options, struct mm_diags *diags)
{
    if (count == 1)
        return mm_checkpoint_open(checkpoint, paths[0], options, diags);
    const struct mm_diags mark = *diags;
    begin(checkpoint, options);
    if (all_end_in(paths, count, ".safetensors"))
        return open_shards(checkpoint, paths, count, options, diags);
    if (!all_end_in(paths, count, ".gguf"))
        return mm_diag(diags, MM_RULE_PACK_SOURCE,
                       "expected the parts of a split GGUF or the shards of a safetensors model, found other files");
    int result = mm_source_gguf_parts(checkpoint, paths, count, options, diags);
    return complete(checkpoint, result, NULL, options, &mark, diags);
}

int mm_checkpoint_open_slm(struct mm_checkpoint *checkpoint, const char *path, struct mm_diags *diags)
{
    static const struct mm_checkpoint_options as_it_is;
    struct mm_artifact artifact;
    *checkpoint = (struct mm_checkpoint){0};
    int fd = mm_checkpoint_add_file(checkpoint, path, MM_FORMAT_SLM, &artifact, diags);
    int result = fd < 0 ? -1 : mm_source_slm(checkpoint, fd, &artifact, &as_it_is, diags);
    mm_artifact_release(&artifact);
    return result;
}

void mm_checkpoint_release(struct mm_checkpoint *checkpoint)
{
    for (size_t i = 0; i < checkpoint->file_count; i++) {
        if (checkpoint->files[i].fd >= 0)
            close(checkpoint->files[i].fd);
        free(checkpoint->files[i].path);
    }
    free(checkpoint->files);
    free(checkpoint->stored);
    mm_slm_release(&checkpoint->slm);
    *checkpoint = (struct mm_checkpoint){0};
}

int mm_checkpoint_finish(const struct mm_checkpoint *checkpoint, struct mm_diags *diags)
{
    const char *shown = diags->file;
    int result = 0;
    for (size_t i = 0; i < checkpoint->file_count; i++) {
        struct stat after;
        diags->file = checkpoint->files[i].path;
        if (fstat(checkpoint->files[i].fd, &after) < 0 || !mm_file_same(&checkpoint->files[i].before, &after))
            result = mm_diag(diags, MM_RULE_IO_CHANGED, "the file changed while it was read");
    }
    diags->file = shown;
    return result;
}

/* ---- reading rows ---- */

uint64_t mm_checkpoint_row_bytes(const struct mm_checkpoint *checkpoint, size_t which)
{
    const struct mm_dtype *dtype = &mm_dtypes[checkpoint->stored[which].dtype];
    return checkpoint->slm.tensors[which].dims[0] / dtype->block * dtype->bytes;
}

uint64_t mm_checkpoint_rows(const struct mm_checkpoint *checkpoint, size_t which)
{
    const struct mm_slm_tensor *tensor = &checkpoint->slm.tensors[which];
    uint64_t rows = 1;
    for (unsigned i = 1; i < tensor->rank; i++)
        rows *= tensor->dims[i];
    return rows;
}

/* Where a row in .slm's order stands in a file that keeps each head in two halves: neighbours 2i and 2i + 1 of a head of N
 * are i and i + N / 2 there. */
static uint64_t row_in_halves(uint64_t row, uint64_t head)
{
    uint64_t in_head = row % head;
    return row - in_head + in_head / 2 + in_head % 2 * (head / 2);
}

/* A bias is one row, whose elements stand in halves. */
static int read_bias(const struct mm_checkpoint *checkpoint, size_t which, unsigned char *out, struct mm_diags *diags)
{
    const struct mm_stored *stored = &checkpoint->stored[which];
    uint64_t count = checkpoint->slm.tensors[which].dims[0], head = count / stored->heads;
    size_t size = mm_dtypes[stored->dtype].bytes;
    unsigned char *halves = malloc(count * size);
    if (!halves)
        return mm_diag_memory(diags);
    int result = mm_file_read_at(stored->fd, stored->offset, halves, count * size, diags);
    for (uint64_t i = 0; result == 0 && i < count; i++)
        memcpy(out + i * size, halves + row_in_halves(i, head) * size, size);
    free(halves);
    return result;
}

int mm_checkpoint_read(struct mm_checkpoint *checkpoint, size_t which, uint64_t first, uint64_t count, void *out,
                       struct mm_diags *diags)
{
    const struct mm_stored *stored = &checkpoint->stored[which];
    uint64_t bytes = mm_checkpoint_row_bytes(checkpoint, which), rows = mm_checkpoint_rows(checkpoint, which);
    if (stored->heads == 0)
        return mm_file_read_at(stored->fd, stored->offset + first * bytes, out, count * bytes, diags);
    if (checkpoint->slm.tensors[which].rank == 1)
        return count == 1 ? read_bias(checkpoint, which, out, diags) : 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t row = row_in_halves(first + i, rows / stored->heads);
        if (mm_file_read_at(stored->fd, stored->offset + row * bytes, (char *)out + i * bytes, bytes, diags) < 0)
            return -1;
    }
    return 0;
}
