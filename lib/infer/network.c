#include "infer/network.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/checked.h"
#include "base/mapped.h"
#include "infer/stages.h"
#include "model/quantize.h"

/* A file of the checkpoint as it lies in memory, or a tensor that was read. */
struct place {
    int fd;
    unsigned char *start; /* of the mapping, or what malloc gave */
    size_t length;        /* of the mapping; 0: memory */
    int watch;            /* of the mapping, -1 for none */
};

struct places {
    struct place *items;
    size_t count, capacity;
    float *vectors; /* norms and biases, one after the other */
    size_t vector_count, vector_capacity;
};

struct binding {
    struct mm_network *network;
    struct mm_checkpoint *checkpoint;
    struct places *places;
    struct mm_diags *diags;
};

/* ---- what it takes ---- */

/* The elements of a matrix or vector; false where they cannot be told. */
static bool elements_of(const struct mm_llama *llama, enum mm_llama_tensor_id which, uint64_t *elements)
{
    uint64_t dims[4];
    unsigned rank = mm_llama_dimensions(llama, which, dims);
    *elements = 1;
    for (unsigned i = 0; i < rank; i++)
        if (dims[i] == 0 || !mm_mul(*elements, dims[i], elements))
            return false;
    return true;
}

/* Norms and biases of LLAMA, as if there were every bias. */
static bool count_vectors(const struct mm_llama *llama, uint64_t *count)
{
    *count = 0;
    for (int i = 0; i < MM_LLAMA_TENSORS; i++) {
        uint64_t elements, times = mm_llama_tensors[i].blocks ? llama->numbers[MM_LLAMA_BLOCK_COUNT] : 1;
        if (strchr(mm_llama_tensors[i].dimensions, ','))
            continue;
        if (!elements_of(llama, (enum mm_llama_tensor_id)i, &elements) || !mm_mul(elements, times, &elements) ||
            !mm_add(*count, elements, count))
            return false;
    }
    return true;
}

uint64_t mm_network_memory(const struct mm_llama *llama, uint64_t context, uint64_t batch)
{
    const uint32_t *n = llama->numbers;
    uint64_t floats, room, value;
    uint64_t embedding = n[MM_LLAMA_EMBEDDING_LENGTH], feed = n[MM_LLAMA_FEED_FORWARD_LENGTH];
    uint64_t heads = n[MM_LLAMA_HEAD_COUNT], kv = n[MM_LLAMA_HEAD_COUNT_KV], key = n[MM_LLAMA_KEY_LENGTH];
    bool told = count_vectors(llama, &floats) && mm_align(context, MM_STAGE_LANES, &room) &&
                mm_align(n[MM_LLAMA_VALUE_LENGTH], MM_STAGE_LANES, &value) && mm_mul(kv, n[MM_LLAMA_BLOCK_COUNT], &kv);
    /* the cache; scores; activations, and once more for the fast kernels' copy of them; logits */
    told = told && mm_add_product(&floats, kv, room, key) && mm_add_product(&floats, kv, room, value) &&
           mm_add_product(&floats, heads, room, 1) && mm_add_product(&floats, batch, embedding, 3) &&
           mm_add_product(&floats, batch, 2 * heads, key) && mm_add_product(&floats, batch, 2 * heads, key) &&
           mm_add_product(&floats, batch, 3 * heads, n[MM_LLAMA_VALUE_LENGTH]) &&
           mm_add_product(&floats, batch, feed, 3) && mm_add_product(&floats, batch, n[MM_LLAMA_ROPE_DIMENSIONS], 1) &&
           mm_add_product(&floats, 1, n[MM_LLAMA_VOCAB_SIZE], 1) && mm_mul(floats, sizeof(float), &floats);
    return told ? floats : UINT64_MAX;
}

uint64_t mm_network_work(const struct mm_llama *llama)
{
    uint64_t sum = 0;
    for (int i = 0; i < MM_LLAMA_TENSORS; i++) {
        uint64_t elements, times = mm_llama_tensors[i].blocks ? llama->numbers[MM_LLAMA_BLOCK_COUNT] : 1;
        if (i == MM_LLAMA_T_TOKEN_EMBD || !strchr(mm_llama_tensors[i].dimensions, ','))
            continue;
        if (!elements_of(llama, (enum mm_llama_tensor_id)i, &elements) || !mm_add_product(&sum, elements, times, 1))
            return UINT64_MAX;
    }
    return sum;
}

uint64_t mm_network_copied(const struct mm_checkpoint *checkpoint)
{
    uint64_t sum = 0;
    int fd = -1; /* the file of the tensor before, mostly of this one too */
    bool sound = false;
    for (size_t i = 0; i < checkpoint->slm.tensor_count; i++) {
        if (checkpoint->slm.tensors[i].rank < 2)
            continue;
        if (checkpoint->stored[i].fd != fd) {
            fd = checkpoint->stored[i].fd;
            sound = mm_mapped_sound(fd);
        }
        if (!sound &&
            !mm_add_product(&sum, mm_checkpoint_rows(checkpoint, i), mm_checkpoint_row_bytes(checkpoint, i), 1))
            return UINT64_MAX;
    }
    return sum;
}

/* ---- places ---- */

static struct place *find_mapping(const struct places *places, int fd)
{
    for (size_t i = 0; i < places->count; i++)
        if (places->items[i].length > 0 && places->items[i].fd == fd)
            return &places->items[i];
    return NULL;
}

/* The mapping of the file FD, made now if there is none yet. NULL where it is better read: nothing is said then. */
static struct place *map_file(struct places *places, int fd)
{
    struct place *known = find_mapping(places, fd);
    uint64_t size = known ? 0 : mm_file_size(fd);
    if (known || size == 0 || size > SIZE_MAX || !mm_mapped_sound(fd) ||
        !mm_grow(&places->items, places->count, &places->capacity, sizeof *places->items))
        return known;
    void *start = mmap(NULL, (size_t)size, PROT_READ, MAP_SHARED, fd, 0);
    if (start == MAP_FAILED)
        return NULL;
    int watch = mm_mapped_watch(start, (size_t)size);
    if (watch < 0) {
        munmap(start, (size_t)size);
        return NULL;
    }
    places->items[places->count] = (struct place){.fd = fd, .start = start, .length = (size_t)size, .watch = watch};
    return &places->items[places->count++];
}

static unsigned char *read_tensor(struct binding *b, int fd, uint64_t offset, uint64_t bytes)
{
    if (bytes > SIZE_MAX ||
        !mm_grow(&b->places->items, b->places->count, &b->places->capacity, sizeof *b->places->items)) {
        mm_diag_memory(b->diags);
        return NULL;
    }
    unsigned char *memory = malloc((size_t)bytes);
    if (!memory) {
        mm_diag_memory(b->diags);
        return NULL;
    }
    b->places->items[b->places->count++] = (struct place){.fd = -1, .start = memory, .watch = -1};
    return mm_file_read_at(fd, offset, memory, (size_t)bytes, b->diags) < 0 ? NULL : memory;
}

/* The BYTES from OFFSET of the file FD, mapped or read. NULL with a finding. */
static const unsigned char *bytes_at(struct binding *b, int fd, uint64_t offset, uint64_t bytes)
{
    uint64_t end;
    const struct place *mapping = map_file(b->places, fd);
    if (!mapping)
        return read_tensor(b, fd, offset, bytes);
    if (mm_add(offset, bytes, &end) && end <= mapping->length)
        return mapping->start + offset;
    mm_diag(b->diags, MM_RULE_IO_CHANGED, "the file changed while it was read");
    return NULL;
}

/* ---- binding ---- */

static int compare_name(const void *key, const void *tensor)
{
    return strcmp(key, ((const struct mm_slm_tensor *)tensor)->name);
}

/* The index of tensor WHICH of BLOCK, whose dimensions follow from the facts; -1 with a finding, -2 where there is none and none has to be. */
static int find_tensor(struct binding *b, enum mm_llama_tensor_id which, uint32_t block)
{
    const struct mm_slm *slm = &b->checkpoint->slm;
    char name[MM_LLAMA_NAME_MAX];
    uint64_t dims[4];
    mm_llama_name(which, block, name);
    const struct mm_slm_tensor *tensor =
        slm->tensor_count > 0 ? bsearch(name, slm->tensors, slm->tensor_count, sizeof *slm->tensors, compare_name)
                              : NULL;
    if (!tensor)
        return !mm_llama_tensors[which].once
                   ? -2
                   : mm_diag(b->diags, MM_RULE_INFER_UNSUPPORTED, "expected tensor %s, found none", name);
    unsigned rank = mm_llama_dimensions(&b->network->llama, which, dims);
    if (tensor->rank != rank || memcmp(tensor->dims, dims, sizeof dims) != 0 || dims[0] == 0)
        return mm_diag(b->diags, MM_RULE_INFER_UNSUPPORTED,
                       "expected %" PRIu64 " rows of %" PRIu64 " elements in %s, found %" PRIu64 " of %" PRIu64,
                       rank > 1 ? dims[1] : 1, dims[0], name, tensor->rank > 1 ? tensor->dims[1] : 1, tensor->dims[0]);
    if (!mm_kernels_know(tensor->dtype))
        return mm_diag(b->diags, MM_RULE_INFER_UNSUPPORTED, "expected a dtype that is computed with for %s, found %s",
                       name, mm_dtypes[tensor->dtype].name);
    return (int)(tensor - slm->tensors);
}

static int bind_matrix(struct binding *b, struct mm_matrix *matrix, enum mm_llama_tensor_id which, uint32_t block)
{
    int index = find_tensor(b, which, block);
    if (index < 0)
        return index == -2 ? 0 : -1;
    const struct mm_stored *stored = &b->checkpoint->stored[index];
    uint64_t rows = mm_checkpoint_rows(b->checkpoint, (size_t)index), bytes;
    *matrix = (struct mm_matrix){.rows = rows,
                                 .columns = b->checkpoint->slm.tensors[index].dims[0],
                                 .row_bytes = mm_checkpoint_row_bytes(b->checkpoint, (size_t)index),
                                 .dtype = stored->dtype};
    if (!mm_mul(rows, matrix->row_bytes, &bytes))
        return mm_diag(b->diags, MM_RULE_TENSOR_OVERFLOW, "expected fewer than 2^63 bytes in tensor '%s', found more",
                       b->checkpoint->slm.tensors[index].name);
    matrix->bytes = bytes_at(b, stored->fd, stored->offset, bytes);
    return matrix->bytes ? 0 : -1;
}

/* Vectors are taken over into f32: they are small, and read by every position. */
static int bind_vector(struct binding *b, const float **vector, enum mm_llama_tensor_id which, uint32_t block)
{
    int index = find_tensor(b, which, block);
    if (index < 0)
        return index == -2 ? 0 : -1;
    const struct mm_stored *stored = &b->checkpoint->stored[index];
    size_t count = (size_t)b->checkpoint->slm.tensors[index].dims[0];
    size_t bytes = (size_t)mm_checkpoint_row_bytes(b->checkpoint, (size_t)index);
    if (count > b->places->vector_capacity - b->places->vector_count)
        return mm_diag_memory(b->diags);
    unsigned char *row = malloc(bytes);
    if (!row)
        return mm_diag_memory(b->diags);
    float *out = b->places->vectors + b->places->vector_count;
    int result = mm_file_read_at(stored->fd, stored->offset, row, bytes, b->diags);
    if (result == 0)
        mm_dequantize(stored->dtype, row, count, out);
    free(row);
    b->places->vector_count += count;
    *vector = out;
    return result;
}

static int bind_block(struct binding *b, uint32_t number)
{
    struct mm_network_block *block = &b->network->blocks[number];
    const struct {
        struct mm_matrix *matrix;
        enum mm_llama_tensor_id which;
    } matrices[] = {
        {&block->query, MM_LLAMA_T_ATTN_Q},  {&block->key, MM_LLAMA_T_ATTN_K},
        {&block->value, MM_LLAMA_T_ATTN_V},  {&block->attention_out, MM_LLAMA_T_ATTN_OUT},
        {&block->gate, MM_LLAMA_T_FFN_GATE}, {&block->up, MM_LLAMA_T_FFN_UP},
        {&block->down, MM_LLAMA_T_FFN_DOWN},
    };
    const struct {
        const float **vector;
        enum mm_llama_tensor_id which;
    } vectors[] = {
        {&block->attention_norm, MM_LLAMA_T_ATTN_NORM}, {&block->feed_forward_norm, MM_LLAMA_T_FFN_NORM},
        {&block->query_bias, MM_LLAMA_T_ATTN_Q_BIAS},   {&block->key_bias, MM_LLAMA_T_ATTN_K_BIAS},
        {&block->value_bias, MM_LLAMA_T_ATTN_V_BIAS},   {&block->attention_out_bias, MM_LLAMA_T_ATTN_OUT_BIAS},
        {&block->gate_bias, MM_LLAMA_T_FFN_GATE_BIAS},  {&block->up_bias, MM_LLAMA_T_FFN_UP_BIAS},
        {&block->down_bias, MM_LLAMA_T_FFN_DOWN_BIAS},
    };
    for (size_t i = 0; i < sizeof matrices / sizeof *matrices; i++)
        if (bind_matrix(b, matrices[i].matrix, matrices[i].which, number) < 0)
            return -1;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++)
        if (bind_vector(b, vectors[i].vector, vectors[i].which, number) < 0)
            return -1;
    return 0;
}

/* Rows of queries and keys are all in halves, or none is: a source has one order for all. */
static int take_order(struct binding *b)
{
    const struct mm_checkpoint *checkpoint = b->checkpoint;
    uint64_t halves = 0, all = 0;
    uint32_t block;
    for (size_t i = 0; i < checkpoint->slm.tensor_count; i++) {
        const char *name = checkpoint->slm.tensors[i].name;
        int which = mm_llama_tensor_of(name, strlen(name), &block);
        if (which < 0 || mm_llama_tensors[which].order == MM_LLAMA_PLAIN)
            continue;
        all++;
        halves += checkpoint->stored[i].heads > 0;
    }
    b->network->rotates_halves = halves > 0;
    if (halves > 0 && (halves < all || b->network->llama.numbers[MM_LLAMA_ROPE_DIMENSIONS] !=
                                           b->network->llama.numbers[MM_LLAMA_KEY_LENGTH]))
        return mm_diag(b->diags, MM_RULE_INFER_UNSUPPORTED,
                       "expected heads that are rotated whole where their rows stand in halves, found others");
    return 0;
}

static int bind_all(struct binding *b)
{
    struct mm_network *network = b->network;
    const char *key, *fault = mm_llama_fault(&network->llama, &key);
    uint32_t count = network->llama.numbers[MM_LLAMA_BLOCK_COUNT];
    uint64_t vectors;
    if (fault)
        return mm_diag(b->diags, MM_RULE_INFER_UNSUPPORTED, "expected %s as %s", fault, key);
    if (count > b->checkpoint->slm.tensor_count)
        return mm_diag(b->diags, MM_RULE_INFER_UNSUPPORTED, "expected tensors of %" PRIu32 " blocks, found fewer",
                       count);
    if (take_order(b) < 0)
        return -1;
    /* the norms at least are there, so that a header alone cannot ask for more than 16 times the file's bytes */
    network->blocks = calloc(count, sizeof *network->blocks);
    if (!network->blocks || !count_vectors(&network->llama, &vectors) || vectors > SIZE_MAX / sizeof(float))
        return mm_diag_memory(b->diags);
    b->places->vectors = mm_realloc_array(NULL, (size_t)vectors, sizeof(float));
    b->places->vector_capacity = (size_t)vectors;
    if (!b->places->vectors)
        return mm_diag_memory(b->diags);
    if (bind_matrix(b, &network->embedding, MM_LLAMA_T_TOKEN_EMBD, 0) < 0 ||
        bind_matrix(b, &network->output, MM_LLAMA_T_OUTPUT, 0) < 0 ||
        bind_vector(b, &network->output_norm, MM_LLAMA_T_OUTPUT_NORM, 0) < 0)
        return -1;
    if (!network->output.bytes)
        network->output = network->embedding;
    for (uint32_t i = 0; i < count; i++)
        if (bind_block(b, i) < 0)
            return -1;
    return 0;
}

int mm_network_open(struct mm_network *network, struct mm_checkpoint *checkpoint, struct mm_diags *diags)
{
    struct places *places = calloc(1, sizeof *places);
    *network = (struct mm_network){.llama = checkpoint->slm.llama, .self = places};
    if (!places)
        return mm_diag_memory(diags);
    mm_llama_defaults(&network->llama);
    struct binding binding = {network, checkpoint, places, diags};
    return bind_all(&binding);
}

int mm_network_finish(const struct mm_network *network, struct mm_diags *diags)
{
    const struct places *places = network->self;
    for (size_t i = 0; places && i < places->count; i++)
        if (places->items[i].watch >= 0 && mm_mapped_lost(places->items[i].watch))
            return mm_diag(diags, MM_RULE_IO_CHANGED, "the file changed, or could not be read, while it was looked at");
    return 0;
}

void mm_network_release(struct mm_network *network)
{
    struct places *places = network->self;
    for (size_t i = 0; places && i < places->count; i++) {
        struct place *place = &places->items[i];
        if (place->watch >= 0)
            mm_mapped_unwatch(place->watch);
        if (place->length > 0)
            munmap(place->start, place->length);
        else
            free(place->start);
    }
    if (places) {
        free(places->items);
        free(places->vectors);
    }
    free(places);
    free(network->blocks);
    *network = (struct mm_network){0};
}
