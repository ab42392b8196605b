/* A network's weights: bound where they lie in files, or refused; and the memory that is told beforehand. */
#include "../unit/unit.h"

#include <malloc.h>
#include <math.h>
#include <signal.h>

#include "base/mapped.h"
#include "convert/sources.h"
#include "infer/cpu.h"
#include "model/quantize.h"

#define BLOCKS 2
#define VOCABULARY 24
#define NAMES 64

/* What a test changes of a sound checkpoint. */
struct change {
    const char *without; /* a tensor */
    const char *other;   /* a tensor with one row, or element, more than its dimensions say */
    const char *halves;  /* a tensor whose rows are said to be in halves; "*": all of them */
    bool tied, hole;     /* no output matrix; a file that has a hole at its end */
};

struct stood {
    struct mm_checkpoint checkpoint;
    int fd;
};

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

static struct mm_llama facts(void)
{
    struct mm_llama llama = {.norm_epsilon = 1e-5f};
    static const uint32_t values[MM_LLAMA_NUMBERS] = {
        [MM_LLAMA_BLOCK_COUNT] = BLOCKS, [MM_LLAMA_EMBEDDING_LENGTH] = 32,   [MM_LLAMA_FEED_FORWARD_LENGTH] = 48,
        [MM_LLAMA_HEAD_COUNT] = 4,       [MM_LLAMA_HEAD_COUNT_KV] = 2,       [MM_LLAMA_KEY_LENGTH] = 8,
        [MM_LLAMA_VALUE_LENGTH] = 8,     [MM_LLAMA_VOCAB_SIZE] = VOCABULARY, [MM_LLAMA_CONTEXT_LENGTH] = 64,
    };
    memcpy(llama.numbers, values, sizeof values);
    mm_llama_defaults(&llama);
    return llama;
}

/* The test framework installs a handler of its own before each test. */
static void use_watch(void)
{
    static struct sigaction ours;
    static bool known;
    if (known) {
        assert_int_equal(sigaction(SIGBUS, &ours, NULL), 0);
        return;
    }
    mm_mapped_unwatch(mm_mapped_watch(&ours, 1));
    assert_int_equal(sigaction(SIGBUS, NULL, &ours), 0);
    known = true;
}

/* A number that a tensor's name gives. */
static size_t number_of(const char *name)
{
    size_t number = 7;
    while (*name)
        number = (number * 31 + (unsigned char)*name++) % 10007;
    return number;
}

/* The value of element I of the tensor with number N: any, and not too large. */
static float value_of(size_t n, size_t i)
{
    return sinf((float)(n * 131 + i)) * 0.4f + (n % 3 == 0 ? 0.1f : 0);
}

/* Writes COUNT elements at the end of the file FD. Vectors are f16, matrices f32. */
static void write_tensor(int fd, size_t number, size_t count, bool vector)
{
    for (size_t i = 0; i < count; i++) {
        float value = value_of(number, i);
        uint16_t half = mm_f32_to_f16(value);
        assert_true(vector ? write(fd, &half, 2) == 2 : write(fd, &value, 4) == 4);
    }
}

static bool is(const char *name, const char *wanted)
{
    return wanted && strcmp(name, wanted) == 0;
}

static void add_tensor(struct stood *s, const char *name, const struct change *change)
{
    uint64_t dims[4];
    uint32_t block;
    struct mm_diags diags;
    int which = mm_llama_tensor_of(name, strlen(name), &block);
    unsigned rank = mm_llama_dimensions(&s->checkpoint.slm.llama, (enum mm_llama_tensor_id)which, dims);
    struct mm_stored stored = {.fd = s->fd, .dtype = mm_dtype_of_ggml(rank == 1)};
    bool turned = mm_llama_tensors[which].order != MM_LLAMA_PLAIN;
    off_t end = lseek(s->fd, 0, SEEK_END);
    if (is(name, change->other))
        dims[rank - 1] += 2;
    if (turned && (is(name, change->halves) || is("*", change->halves)))
        stored.heads = 2;
    stored.offset = (uint64_t)end;
    write_tensor(s->fd, number_of(name), (size_t)(dims[0] * (rank > 1 ? dims[1] : 1)), rank == 1);
    mm_diags_init(&diags);
    assert_int_equal(mm_checkpoint_add_tensor(&s->checkpoint, name, dims, rank, &stored, &diags), 0);
    mm_diags_release(&diags);
}

static void stand(struct stood *s, const struct change *change)
{
    char names[NAMES][MM_LLAMA_NAME_MAX];
    size_t count = 0;
    use_watch();
    *s = (struct stood){.fd = memfd_create("network", MFD_CLOEXEC)};
    s->checkpoint.slm.llama = facts();
    assert_true(s->fd >= 0);
    assert_int_equal(write(s->fd, "head\n", 5), 5); /* so that nothing is aligned */
    for (int which = 0; which < MM_LLAMA_TENSORS; which++)
        for (uint32_t block = 0; block < (mm_llama_tensors[which].blocks ? BLOCKS : 1); block++)
            mm_llama_name((enum mm_llama_tensor_id)which, block, names[count++]);
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++)
        if (!is(names[i], change->without) && !(change->tied && is(names[i], "output.weight")))
            add_tensor(s, names[i], change);
    if (change->hole)
        assert_int_equal(ftruncate(s->fd, lseek(s->fd, 0, SEEK_END) + (1 << 20)), 0);
}

static void leave(struct stood *s)
{
    mm_checkpoint_release(&s->checkpoint);
    close(s->fd);
}

/* Where a tensor stands among all. */
static size_t index_of(const struct stood *s, const char *name)
{
    size_t i = 0;
    while (strcmp(s->checkpoint.slm.tensors[i].name, name) != 0)
        i++;
    return i;
}

static void check_matrix(const struct stood *s, const struct mm_matrix *matrix, const char *name)
{
    size_t number = number_of(name), index = index_of(s, name);
    check_number(name, matrix->columns, s->checkpoint.slm.tensors[index].dims[0]);
    check_number(name, matrix->rows, s->checkpoint.slm.tensors[index].dims[1]);
    check_number(name, matrix->row_bytes, 4 * matrix->columns);
    for (size_t i = 0; i < matrix->rows * matrix->columns; i++) {
        float value;
        memcpy(&value, matrix->bytes + 4 * i, 4);
        check_true(name, value == value_of(number, i));
    }
}

static void check_vector(const struct stood *s, const float *vector, const char *name)
{
    size_t number = number_of(name);
    for (size_t i = 0; i < s->checkpoint.slm.tensors[index_of(s, name)].dims[0]; i++)
        check_true(name, vector[i] == mm_f16_to_f32(mm_f32_to_f16(value_of(number, i))));
}

static void weights_are_bound_where_they_lie(void **state)
{
    (void)state;
    for (int hole = 0; hole <= 1; hole++) {
        struct stood s;
        struct mm_network network;
        struct mm_diags diags;
        mm_diags_init(&diags);
        stand(&s, &(struct change){.hole = hole});
        assert_int_equal(mm_network_open(&network, &s.checkpoint, &diags), 0);
        check_matrix(&s, &network.embedding, "token_embd.weight");
        check_matrix(&s, &network.output, "output.weight");
        check_matrix(&s, &network.blocks[1].query, "blk.1.attn_q.weight");
        check_matrix(&s, &network.blocks[0].down, "blk.0.ffn_down.weight");
        check_matrix(&s, &network.blocks[1].attention_out, "blk.1.attn_output.weight");
        check_vector(&s, network.output_norm, "output_norm.weight");
        check_vector(&s, network.blocks[1].attention_norm, "blk.1.attn_norm.weight");
        check_vector(&s, network.blocks[0].feed_forward_norm, "blk.0.ffn_norm.weight");
        check_vector(&s, network.blocks[1].key_bias, "blk.1.attn_k.bias");
        check_vector(&s, network.blocks[0].down_bias, "blk.0.ffn_down.bias");
        assert_false(network.rotates_halves);
        /* what has holes is read, and told beforehand */
        assert_true((mm_network_copied(&s.checkpoint) > 0) == (hole == 1));
        assert_int_equal(mm_network_finish(&network, &diags), 0);
        assert_int_equal(diags.count, 0);
        mm_network_release(&network);
        mm_diags_release(&diags);
        leave(&s);
    }
}

static void what_need_not_be_there_may_lack(void **state)
{
    struct stood s;
    struct mm_network network;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    stand(&s, &(struct change){.tied = true, .without = "blk.0.attn_q.bias", .halves = "*"});
    assert_int_equal(mm_network_open(&network, &s.checkpoint, &diags), 0);
    check_matrix(&s, &network.output, "token_embd.weight");
    assert_null(network.blocks[0].query_bias);
    assert_true(network.rotates_halves);
    mm_network_release(&network);
    mm_diags_release(&diags);
    leave(&s);
}

static void what_does_not_fit_is_refused(void **state)
{
    static const struct change changes[] = {
        {.without = "blk.1.ffn_up.weight"}, {.without = "token_embd.weight"}, {.without = "blk.0.attn_norm.weight"},
        {.other = "blk.1.attn_v.weight"},   {.other = "blk.0.ffn_gate.bias"}, {.other = "output.weight"},
        {.halves = "blk.1.attn_q.weight"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(changes) + 2; i++) {
        struct stood s;
        struct mm_network network;
        struct mm_diags diags;
        const struct change *change = i < COUNT_OF(changes) ? &changes[i] : &(struct change){0};
        mm_diags_init(&diags);
        stand(&s, change);
        if (i == COUNT_OF(changes)) /* more blocks than any file has tensors for */
            s.checkpoint.slm.llama.numbers[MM_LLAMA_BLOCK_COUNT] = 65535;
        if (i == COUNT_OF(changes) + 1) /* which does not divide the heads */
            s.checkpoint.slm.llama.numbers[MM_LLAMA_HEAD_COUNT_KV] = 3;
        assert_int_equal(mm_network_open(&network, &s.checkpoint, &diags), -1);
        check_findings("a change", &diags, "infer-unsupported");
        mm_network_release(&network);
        mm_diags_release(&diags);
        leave(&s);
    }
}

static void a_file_that_shrinks_is_noticed(void **state)
{
    struct stood s;
    struct mm_network network;
    struct mm_engine engine;
    struct mm_diags diags;
    float logits[VOCABULARY];
    const uint32_t tokens[] = {1, 2};
    (void)state;
    mm_diags_init(&diags);
    stand(&s, &(struct change){0});
    struct mm_crew *crew = mm_crew_new(1, &diags);
    assert_int_equal(mm_network_open(&network, &s.checkpoint, &diags), 0);
    assert_int_equal(mm_cpu_engine(&engine, &network, mm_kernels_find(NULL, false), crew, 8, &diags), 0);
    assert_int_equal(engine.feed(engine.self, tokens, 1, false, logits, NULL, NULL, &diags), 0);
    assert_int_equal(mm_network_finish(&network, &diags), 0);
    assert_int_equal(ftruncate(s.fd, 4096), 0);
    engine.feed(engine.self, tokens + 1, 1, false, logits, NULL, NULL, &diags);
    mm_diags_clear(&diags); /* of numbers that were never there */
    assert_int_equal(mm_network_finish(&network, &diags), -1);
    check_findings("shrank", &diags, "io-changed");
    engine.free(engine.self);
    mm_crew_free(crew);
    mm_network_release(&network);
    mm_diags_release(&diags);
    leave(&s);
}

/* What an engine takes is no more than what was told; slack for what malloc keeps of itself. */
static void memory_is_told_beforehand(void **state)
{
    static const size_t contexts[] = {1, 64, 5000, 200000};
    struct stood s;
    struct mm_network network;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    stand(&s, &(struct change){0});
    struct mm_crew *crew = mm_crew_new(1, &diags);
    assert_int_equal(mm_network_open(&network, &s.checkpoint, &diags), 0);
    for (size_t i = 0; i < COUNT_OF(contexts); i++) {
        struct mm_engine engine;
        struct mallinfo2 before = mallinfo2();
        assert_int_equal(mm_cpu_engine(&engine, &network, mm_kernels_find(NULL, false), crew, contexts[i], &diags), 0);
        struct mallinfo2 after = mallinfo2();
        uint64_t taken = after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
        uint64_t told = mm_network_memory(&network.llama, contexts[i], MM_CPU_BATCH);
        if (taken > told + 16384)
            fail_msg("%zu positions: %" PRIu64 " bytes were told, %" PRIu64 " are taken", contexts[i], told, taken);
        check_true("told for nothing", told < 65536 + contexts[i] * 2048 + MM_CPU_BATCH * 4096);
        engine.free(engine.self);
    }
    struct mm_llama vast = network.llama;
    for (int i = 0; i < MM_LLAMA_NUMBERS; i++)
        vast.numbers[i] = mm_llama_numbers[i].most;
    assert_true(mm_network_memory(&vast, 1, 1) == UINT64_MAX);
    assert_true(mm_network_memory(&network.llama, UINT64_MAX, 1) == UINT64_MAX);
    assert_true(mm_network_memory(&network.llama, 1, UINT64_MAX / 2) == UINT64_MAX);
    mm_crew_free(crew);
    mm_network_release(&network);
    mm_diags_release(&diags);
    leave(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(weights_are_bound_where_they_lie), cmocka_unit_test(what_need_not_be_there_may_lack),
        cmocka_unit_test(what_does_not_fit_is_refused),     cmocka_unit_test(a_file_that_shrinks_is_noticed),
        cmocka_unit_test(memory_is_told_beforehand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
