/* The CPU's engine beside the equations written down once more, in double and without any care for time; and equal bits whatever computes them. */
#include "../unit/unit.h"

#include <math.h>

#include "infer/cpu.h"

#define TOKENS 75 /* more than two batches, and more than one tile of sixteens */

/* Facts of a network whose weights are made up. */
struct shape {
    const char *name;
    uint32_t blocks, embedding, feed, heads, groups, key, value, rope, vocabulary;
    bool halves, biases, tied;
    float base, factor;
};

static const struct shape shapes[] = {
    {"as stories", 2, 64, 172, 8, 4, 8, 8, 8, 96, false, false, true, 10000, 0},
    {"one head", 1, 16, 24, 1, 1, 16, 16, 16, 40, false, false, false, 10000, 0},
    {"halves and biases", 2, 48, 80, 6, 2, 8, 8, 8, 50, true, true, false, 1e6f, 0},
    {"heads of odd lengths", 2, 40, 56, 4, 4, 10, 23, 6, 33, false, true, false, 500, 0},
    {"linear scaling", 1, 32, 64, 2, 1, 16, 80, 16, 64, false, false, true, 10000, 4},
    {"wide enough to be shared", 2, 256, 512, 4, 2, 64, 64, 64, 600, false, false, false, 10000, 0},
};

struct made {
    struct mm_network network;
    float *weights;
    size_t used, room;
    uint64_t state;
};

static float uniform(struct made *m)
{
    m->state = m->state * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(m->state >> 32) / 2147483648.0f;
}

static float *numbers(struct made *m, size_t count, float around, float spread)
{
    float *out = m->weights + m->used;
    assert_true(m->used + count <= m->room);
    for (size_t i = 0; i < count; i++)
        out[i] = around + spread * uniform(m);
    m->used += count;
    return out;
}

static struct mm_matrix matrix(struct made *m, uint64_t columns, uint64_t rows)
{
    const float *weights = numbers(m, (size_t)(columns * rows), 0, 1.7f / sqrtf((float)columns));
    return (struct mm_matrix){.bytes = (const unsigned char *)weights,
                              .rows = rows,
                              .columns = columns,
                              .row_bytes = 4 * columns,
                              .dtype = mm_dtype_of_ggml(0)};
}

static void make(struct made *m, const struct shape *s)
{
    *m = (struct made){.room = 4u << 20, .state = 7};
    m->weights = calloc(m->room, sizeof *m->weights);
    m->network.blocks = calloc(s->blocks, sizeof *m->network.blocks);
    assert_true(m->weights && m->network.blocks);
    uint32_t *n = m->network.llama.numbers, e = s->embedding, f = s->feed, hk = s->heads * s->key,
             gk = s->groups * s->key;
    n[MM_LLAMA_BLOCK_COUNT] = s->blocks, n[MM_LLAMA_EMBEDDING_LENGTH] = e, n[MM_LLAMA_FEED_FORWARD_LENGTH] = f;
    n[MM_LLAMA_HEAD_COUNT] = s->heads, n[MM_LLAMA_HEAD_COUNT_KV] = s->groups, n[MM_LLAMA_KEY_LENGTH] = s->key;
    n[MM_LLAMA_VALUE_LENGTH] = s->value, n[MM_LLAMA_VOCAB_SIZE] = s->vocabulary, n[MM_LLAMA_CONTEXT_LENGTH] = 128;
    n[MM_LLAMA_ROPE_DIMENSIONS] = s->rope;
    m->network.llama.rope_base = s->base, m->network.llama.rope_factor = s->factor,
    m->network.llama.norm_epsilon = 1e-5f;
    m->network.rotates_halves = s->halves;
    m->network.embedding = matrix(m, e, s->vocabulary);
    m->network.output = s->tied ? m->network.embedding : matrix(m, e, s->vocabulary);
    m->network.output_norm = numbers(m, e, 1, 0.3f);
    for (uint32_t i = 0; i < s->blocks; i++) {
        struct mm_network_block *b = &m->network.blocks[i];
        b->query = matrix(m, e, hk), b->key = matrix(m, e, gk), b->value = matrix(m, e, s->groups * s->value);
        b->attention_out = matrix(m, s->heads * s->value, e);
        b->gate = matrix(m, e, f), b->up = matrix(m, e, f), b->down = matrix(m, f, e);
        b->attention_norm = numbers(m, e, 1, 0.3f), b->feed_forward_norm = numbers(m, e, 1, 0.3f);
        if (!s->biases)
            continue;
        b->query_bias = numbers(m, hk, 0, 1), b->key_bias = numbers(m, gk, 0, 1),
        b->value_bias = numbers(m, s->groups * s->value, 0, 1);
        b->attention_out_bias = numbers(m, e, 0, 1), b->gate_bias = numbers(m, f, 0, 1),
        b->up_bias = numbers(m, f, 0, 1), b->down_bias = numbers(m, e, 0, 1);
    }
}

static void unmake(struct made *m)
{
    free(m->weights);
    free(m->network.blocks);
}

/* ---- the equations, in double ---- */

static void times(const struct mm_matrix *matrix, const float *bias, const double *x, double *out)
{
    const float *w = (const float *)matrix->bytes;
    for (uint64_t r = 0; r < matrix->rows; r++) {
        out[r] = bias ? (double)bias[r] : 0;
        for (uint64_t c = 0; c < matrix->columns; c++)
            out[r] += (double)w[r * matrix->columns + c] * x[c];
    }
}

static void norm(const float *weights, const double *x, size_t count, double *out)
{
    double square = 0;
    for (size_t i = 0; i < count; i++)
        square += x[i] * x[i];
    for (size_t i = 0; i < count; i++)
        out[i] = x[i] / sqrt(square / (double)count + (double)1e-5f) * (double)weights[i];
}

static void turn(const struct shape *s, double *head, size_t position)
{
    for (uint32_t i = 0; i < s->rope / 2; i++) {
        double angle =
            (double)position * pow((double)s->base, -2.0 * i / s->rope) / (s->factor > 0 ? (double)s->factor : 1);
        double *a = s->halves ? &head[i] : &head[2 * i], *b = s->halves ? &head[i + s->rope / 2] : &head[2 * i + 1];
        double x = *a, y = *b;
        *a = x * cos(angle) - y * sin(angle);
        *b = x * sin(angle) + y * cos(angle);
    }
}

#define WIDE 1024

struct reference {
    const struct shape *shape;
    const struct mm_network *network;
    double keys[4][128][WIDE], values[4][128][WIDE];
};

static void attention(struct reference *r, uint32_t number, size_t position, const double *x, double *out)
{
    const struct shape *s = r->shape;
    const struct mm_network_block *b = &r->network->blocks[number];
    double q[WIDE], *k = r->keys[number][position];
    times(&b->query, b->query_bias, x, q);
    times(&b->key, b->key_bias, x, k);
    times(&b->value, b->value_bias, x, r->values[number][position]);
    for (uint32_t h = 0; h < s->heads; h++)
        turn(s, q + h * s->key, position);
    for (uint32_t g = 0; g < s->groups; g++)
        turn(s, k + g * s->key, position);
    for (uint32_t h = 0; h < s->heads; h++) {
        uint32_t g = h / (s->heads / s->groups);
        double scores[128], sum = 0;
        for (size_t t = 0; t <= position; t++) {
            scores[t] = 0;
            for (uint32_t i = 0; i < s->key; i++)
                scores[t] += q[h * s->key + i] * r->keys[number][t][g * s->key + i];
            scores[t] = exp(scores[t] / sqrt(s->key));
            sum += scores[t];
        }
        for (uint32_t i = 0; i < s->value; i++) {
            out[h * s->value + i] = 0;
            for (size_t t = 0; t <= position; t++)
                out[h * s->value + i] += scores[t] / sum * r->values[number][t][g * s->value + i];
        }
    }
}

static void reference_logits(struct reference *r, uint32_t token, size_t position, double *logits)
{
    const struct shape *s = r->shape;
    double x[WIDE], normed[WIDE], part[WIDE], up[WIDE], add[WIDE];
    for (uint32_t i = 0; i < s->embedding; i++)
        x[i] = (double)((const float *)r->network->embedding.bytes)[token * s->embedding + i];
    for (uint32_t n = 0; n < s->blocks; n++) {
        const struct mm_network_block *b = &r->network->blocks[n];
        norm(b->attention_norm, x, s->embedding, normed);
        attention(r, n, position, normed, part);
        times(&b->attention_out, b->attention_out_bias, part, add);
        for (uint32_t i = 0; i < s->embedding; i++)
            x[i] += add[i];
        norm(b->feed_forward_norm, x, s->embedding, normed);
        times(&b->gate, b->gate_bias, normed, part);
        times(&b->up, b->up_bias, normed, up);
        for (uint32_t i = 0; i < s->feed; i++)
            part[i] = part[i] / (1 + exp(-part[i])) * up[i];
        times(&b->down, b->down_bias, part, add);
        for (uint32_t i = 0; i < s->embedding; i++)
            x[i] += add[i];
    }
    norm(r->network->output_norm, x, s->embedding, normed);
    times(&r->network->output, NULL, normed, logits);
}

/* ---- the engine ---- */

struct how {
    const char *kernels;
    unsigned threads;
    size_t step; /* tokens of one call */
};

/* All logits of TOKENS tokens; the caller frees them. */
static float *run(const struct mm_network *network, const struct how *how)
{
    struct mm_engine engine;
    struct mm_diags diags;
    mm_diags_init(&diags);
    struct mm_crew *crew = mm_crew_new(how->threads, &diags);
    float *logits = calloc((size_t)TOKENS * network->output.rows, sizeof *logits);
    assert_true(crew && logits);
    assert_int_equal(mm_cpu_engine(&engine, network, mm_kernels_find(how->kernels, false), crew, TOKENS, &diags), 0);
    assert_int_equal(engine.vocabulary, network->output.rows);
    for (size_t at = 0, count; at < TOKENS; at += count) {
        uint32_t tokens[TOKENS];
        count = TOKENS - at < how->step ? TOKENS - at : how->step;
        for (size_t i = 0; i < count; i++)
            tokens[i] = (uint32_t)(((at + i) * 7 + 3) % network->output.rows);
        assert_int_equal(
            engine.feed(engine.self, tokens, count, true, logits + at * network->output.rows, NULL, NULL, &diags), 0);
    }
    assert_int_equal(diags.count, 0);
    engine.free(engine.self);
    mm_crew_free(crew);
    mm_diags_release(&diags);
    return logits;
}

static void logits_are_those_of_the_equations(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        struct made m;
        make(&m, &shapes[i]);
        struct reference *r = calloc(1, sizeof *r);
        float *found = run(&m.network, &(struct how){"portable", 1, TOKENS});
        double worst = 0, largest = 0, expected[WIDE];
        *r = (struct reference){.shape = &shapes[i], .network = &m.network};
        for (size_t t = 0; t < TOKENS; t++) {
            reference_logits(r, (uint32_t)((t * 7 + 3) % shapes[i].vocabulary), t, expected);
            for (uint32_t w = 0; w < shapes[i].vocabulary; w++) {
                worst = fmax(worst, fabs(expected[w] - (double)found[t * shapes[i].vocabulary + w]));
                largest = fmax(largest, fabs(expected[w]));
            }
        }
        if (!(worst < 1e-4) || !(largest > 1))
            fail_msg("%s: largest distance %g, largest logit %g", shapes[i].name, worst, largest);
        free(found);
        free(r);
        unmake(&m);
    }
}

static void bits_hang_on_nothing_but_the_model(void **state)
{
    size_t sets;
    const char *const *names = mm_kernels_names(&sets);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(shapes); i++) {
        struct made m;
        make(&m, &shapes[i]);
        float *expected = run(&m.network, &(struct how){"portable", 1, 1});
        for (size_t set = 0; set < sets; set++)
            for (unsigned threads = 1; threads <= 3; threads++) {
                static const size_t steps[] = {1, 5, 32, 33, TOKENS};
                for (size_t step = 0; step < COUNT_OF(steps); step++) {
                    float *found = run(&m.network, &(struct how){names[set], threads, steps[step]});
                    if (memcmp(found, expected, (size_t)TOKENS * shapes[i].vocabulary * sizeof *found) != 0)
                        fail_msg("%s: %s, %u threads, %zu tokens at once: other bits", shapes[i].name, names[set],
                                 threads, steps[step]);
                    free(found);
                }
            }
        free(expected);
        unmake(&m);
    }
}

/* What layers leave, one line each. */
struct seen {
    char lines[4096];
    size_t count;
};

static int see(void *context, int layer, const char *name, uint64_t position, const float *values, size_t count,
               struct mm_diags *diags)
{
    struct seen *seen = context;
    (void)values, (void)diags;
    int length = snprintf(seen->lines + seen->count, sizeof seen->lines - seen->count, "%d %s %d %zu\n", layer, name,
                          (int)position, count);
    seen->count += (size_t)length;
    return position == 5 ? -1 : 0;
}

static void layers_are_shown_in_order(void **state)
{
    struct made m;
    struct mm_engine engine;
    struct mm_diags diags;
    struct seen seen = {0};
    float logits[96], again[96];
    const uint32_t tokens[] = {3, 4, 5, 6, 7};
    (void)state;
    make(&m, &shapes[0]);
    mm_diags_init(&diags);
    struct mm_crew *crew = mm_crew_new(1, &diags);
    assert_int_equal(mm_cpu_engine(&engine, &m.network, mm_kernels_find(NULL, false), crew, 8, &diags), 0);
    assert_int_equal(engine.feed(engine.self, tokens, 2, false, logits, see, &seen, &diags), 0);
    assert_string_equal(seen.lines,
                        "-1 embedding 0 64\n-1 embedding 1 64\n0 blk.0 0 64\n0 blk.0 1 64\n1 blk.1 0 64\n1 blk.1 1 64\n"
                        "2 output_norm 0 64\n2 output_norm 1 64\n3 logits 1 96\n");
    /* back, and on another way, and back again: as if it had never been elsewhere */
    assert_int_equal(engine.feed(engine.self, tokens + 2, 2, false, again, NULL, NULL, &diags), 0);
    engine.rewind(engine.self, 1);
    assert_int_equal(engine.feed(engine.self, tokens + 1, 1, false, again, NULL, NULL, &diags), 0);
    assert_memory_equal(logits, again, sizeof logits);
    /* who asks to end is heard */
    seen.count = 0;
    assert_int_equal(engine.feed(engine.self, tokens, 5, false, again, see, &seen, &diags), -1);
    assert_int_equal(diags.count, 0);
    engine.free(engine.self);
    mm_crew_free(crew);
    mm_diags_release(&diags);
    unmake(&m);
}

/* One weight is NaN or infinite: the first layer that it reaches is named. */
static void numbers_that_are_none_are_found(void **state)
{
    static const struct {
        int what;
        float value;
        const char *found;
    } cases[] = {
        {0, NAN, "expected finite numbers in layer embedding at position 1, found NaN as number 0"},
        {0, -INFINITY, "expected finite numbers in layer embedding at position 1, found -infinity as number 0"},
        {1, NAN, "expected finite numbers in layer blk.1 at position 0, found NaN as number 0"},
        {2, INFINITY, "expected finite numbers in layer output_norm at position 0, found infinity as number 3"},
        {3, NAN, "expected finite numbers in layer logits at position 1, found NaN as number 11"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct made m;
        struct mm_engine engine;
        struct mm_diags diags;
        float logits[40];
        const uint32_t tokens[] = {3, 4};
        struct shape shape = shapes[1];
        shape.blocks = 2;
        make(&m, &shape);
        float *at = cases[i].what == 0   ? (float *)m.network.embedding.bytes + 4 * shape.embedding
                    : cases[i].what == 1 ? (float *)m.network.blocks[1].down.bytes
                    : cases[i].what == 2 ? (float *)m.network.output_norm + 3
                                         : (float *)m.network.output.bytes + 11 * shape.embedding;
        *at = cases[i].value;
        mm_diags_init(&diags);
        struct mm_crew *crew = mm_crew_new(1, &diags);
        assert_int_equal(mm_cpu_engine(&engine, &m.network, mm_kernels_find(NULL, false), crew, 8, &diags), 0);
        assert_int_equal(engine.feed(engine.self, tokens, 2, false, logits, NULL, NULL, &diags), -1);
        assert_int_equal(diags.count, 1);
        assert_int_equal(diags.items[0].rule, MM_RULE_INFER_NUMBER);
        check_text("finding", diags.items[0].text, cases[i].found);
        engine.free(engine.self);
        mm_crew_free(crew);
        mm_diags_release(&diags);
        unmake(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logits_are_those_of_the_equations),
        cmocka_unit_test(bits_hang_on_nothing_but_the_model),
        cmocka_unit_test(layers_are_shown_in_order),
        cmocka_unit_test(numbers_that_are_none_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
