#include "unit.h"

#include <math.h>

#include "base/source.h"
#include "model/model.h"
#include "model/slm.h"

/* ---- a small model ---- */

static const char *const names[] = {"token_embd.weight",        "output_norm.weight",    "blk.0.attn_norm.weight", "blk.0.attn_q.weight",
                                    "blk.0.attn_k.weight",      "blk.0.attn_v.weight",   "blk.0.attn_output.weight", "blk.0.ffn_norm.weight",
                                    "blk.0.ffn_gate.weight",    "blk.0.ffn_up.weight",   "blk.0.ffn_down.weight"};

static void add_named(struct mm_slm *slm, const char *name, int dtype)
{
    struct mm_diags diags;
    uint32_t block;
    mm_diags_init(&diags);
    struct mm_slm_tensor *tensor = mm_slm_add_tensor(slm, name, strlen(name), &diags);
    assert_non_null(tensor);
    tensor->dtype = dtype;
    int which = mm_llama_tensor_of(name, strlen(name), &block);
    if (which >= 0)
        tensor->rank = mm_llama_dimensions(&slm->llama, which, tensor->dims);
    else
        tensor->rank = (unsigned)(tensor->dims[0] = 1);
    mm_diags_release(&diags);
}

static void add_piece(struct mm_slm *slm, const char *text, uint8_t type)
{
    struct mm_diags diags;
    mm_diags_init(&diags);
    assert_int_equal(mm_tokenizer_add_piece(&slm->tokenizer, text, strlen(text), -1.5F, type, &diags), 0);
    mm_diags_release(&diags);
}

/* Facts and tokenizer, no tensors. */
static struct mm_slm without_tensors(void)
{
    struct mm_slm slm = {
        .name = strdup("Mini"),
        .license = strdup("MIT"),
        .llama = {.numbers = {1, 4, 6, 2, 1, 2, 2, 3, 64, 2}, .rope_base = 10000, .rope_factor = 0.25F, .norm_epsilon = 1e-5F},
        .tokenizer = {.kind = MM_TOKENIZER_LLAMA, .has_scores = true, .has_types = true},
    };
    struct mm_diags diags;
    mm_diags_init(&diags);
    add_piece(&slm, "<unk>", MM_PIECE_UNKNOWN);
    add_piece(&slm, "<0x0A>", MM_PIECE_BYTE);
    add_piece(&slm, "a", MM_PIECE_NORMAL);
    assert_int_equal(mm_tokenizer_set(&slm.tokenizer, 3, 0, &diags), 0);
    mm_diags_release(&diags);
    return slm;
}

static struct mm_slm sample(void)
{
    struct mm_slm slm = without_tensors();
    for (size_t i = 0; i < COUNT_OF(names); i++)
        add_named(&slm, names[i], 0);
    return slm;
}

static uint8_t byte_of(const struct mm_slm_tensor *tensor, uint64_t at)
{
    return (uint8_t)(tensor->name[at % strlen(tensor->name)] + at + 1);
}

/* Settles and writes SLM with data of a pattern; releases it. */
static struct mm_buf file_of_model(struct mm_slm *slm)
{
    struct mm_diags diags;
    struct mm_buf out = {0};
    struct mm_sha256 *sha = mm_sha256_new();
    mm_diags_init(&diags);
    assert_int_equal(mm_slm_settle(slm, &diags), 0);
    for (size_t i = 0; i < slm->tensor_count; i++) {
        struct mm_slm_tensor *tensor = &slm->tensors[i];
        for (uint64_t k = 0; k < tensor->bytes; k++)
            mm_sha256_update(sha, &(uint8_t){byte_of(tensor, k)}, 1);
        mm_sha256_take(sha, tensor->sha256);
    }
    assert_int_equal(mm_slm_write_head(slm, &out, &diags), 0);
    check_number("the bytes before the data", out.length, slm->data_offset);
    for (size_t i = 0; i < slm->tensor_count; i++) {
        while (out.length < slm->data_offset + slm->tensors[i].offset)
            mm_buf_char(&out, 0);
        for (uint64_t k = 0; k < slm->tensors[i].bytes; k++)
            mm_buf_char(&out, (char)byte_of(&slm->tensors[i], k));
    }
    check_number("the size", out.length, slm->data_offset + slm->data_size);
    mm_sha256_free(sha);
    mm_slm_release(slm);
    mm_diags_release(&diags);
    return out;
}

static struct mm_buf sample_file(void)
{
    struct mm_slm slm = sample();
    return file_of_model(&slm);
}

static int read_bytes(const void *bytes, size_t length, struct mm_model *model, struct mm_diags *diags)
{
    struct mm_source source;
    int fd = file_of(bytes, length);
    assert_int_equal(mm_source_open(&source, fd, diags), 0);
    int result = mm_slm_read(&source, model, diags);
    assert_int_equal(mm_source_finish(&source, diags), 0);
    mm_source_release(&source);
    close(fd);
    return result;
}

/* ---- settling and writing ---- */

static void what_is_written_is_read(void **state)
{
    struct mm_buf file = sample_file(), again = {0}, shape = {0};
    struct mm_model model = {.keep_pairs = true};
    struct mm_diags diags;
    struct mm_slm slm;
    (void)state;
    mm_diags_init(&diags);
    check_number("read", (uint64_t)read_bytes(file.data, file.length, &model, &diags), 0);
    check_findings("read", &diags, "");
    check_text("architecture", model.facts.architecture, "llama");
    check_text("quantization", mm_facts_quantization(model.facts.dtypes), "f32");
    check_number("tensors", model.tensors.count, COUNT_OF(names));
    check_number("tokens", model.facts.token_count, 3);
    check_number("parameters", model.facts.parameters, 4 * 3 + 4 + 4 + 16 + 8 + 8 + 16 + 4 + 24 + 24 + 24);
    check_true("digests", model.facts.tokenizer.known && model.facts.layout.known && !model.facts.chat_template.known);
    check_true("tokenizer", memcmp(model.facts.tokenizer.bytes, file.data + 128, MM_HASH_BYTES) == 0);
    check_true("shape", mm_facts_shape(&model.facts, &shape));
    check_text("shape", mm_buf_text(&shape), "block_count=1 embedding_length=4 feed_forward_length=6 head_count=2 head_count_kv=1 vocab_size=3 context_length=64");
    check_text("a pair", model.pairs[1].key, "name");
    check_text("its value", mm_buf_text(&model.pairs[1].value), "Mini");
    assert_int_equal(mm_slm_read_head(&slm, file.data, file.length, file.length, &diags), 0);
    check_text("name", slm.name, "Mini");
    check_text("license", slm.license, "MIT");
    check_true("factor", slm.llama.rope_factor == 0.25F);
    assert_int_equal(mm_slm_write_head(&slm, &again, &diags), 0);
    check_true("the same bytes again", again.length == slm.data_offset && memcmp(again.data, file.data, again.length) == 0);
    mm_slm_release(&slm);
    mm_model_release(&model);
    mm_diags_release(&diags);
    mm_buf_release(&again);
    mm_buf_release(&shape);
    mm_buf_release(&file);
}

static void one_model_has_one_byte_sequence(void **state)
{
    struct mm_slm turned = without_tensors();
    struct mm_buf file = sample_file();
    (void)state;
    for (size_t i = COUNT_OF(names); i-- > 0;)
        add_named(&turned, names[i], 0);
    struct mm_buf other = file_of_model(&turned);
    check_true("in any order", file.length == other.length && memcmp(file.data, other.data, file.length) == 0);
    mm_buf_release(&file);
    mm_buf_release(&other);
}

/* Settles SLM, which is then released, and compares the findings. */
static void check_settle(const char *what, struct mm_slm *slm, const char *expected)
{
    struct mm_diags diags;
    mm_diags_init(&diags);
    check_number(what, (uint64_t)(mm_slm_settle(slm, &diags) == 0), *expected == '\0');
    check_findings(what, &diags, expected);
    mm_diags_release(&diags);
    mm_slm_release(slm);
}

static void texts_are_lines_that_lead_nowhere(void **state)
{
    static const char *const good[] = {"x", "a: b", "Ma\xC3\xAEtre", "http:/x", "a  b"};
    static const char *const bad[] = {"", " x", "x ", "x\nlicense: MIT", "x\ry", "x\ty", "\x1B[31m", "\xFF", "1\xE2\x80\xAE", "https://x", "see ftp://x", "://",
                                      "x\n"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good) + COUNT_OF(bad); i++)
        for (int which = 0; which < 2; which++) {
            struct mm_slm slm = sample();
            char **text = which ? &slm.name : &slm.license;
            free(*text);
            *text = strdup(i < COUNT_OF(good) ? good[i] : bad[i - COUNT_OF(good)]);
            check_settle(*text, &slm, i < COUNT_OF(good) ? "" : "slm-facts@#0");
        }
    struct mm_slm slm = sample();
    free(slm.name);
    free(slm.license);
    slm.name = slm.license = NULL;
    check_settle("neither", &slm, "");
    slm = sample();
    free(slm.name);
    slm.name = calloc(1, 1026);
    memset(slm.name, 'n', 1025);
    check_settle("long", &slm, "slm-facts@#0");
}

static void facts_are_judged(void **state)
{
    struct mm_slm slm = sample();
    (void)state;
    slm.llama.numbers[MM_LLAMA_VOCAB_SIZE] = 0;
    check_settle("not stated, and not the number of pieces", &slm, "slm-facts@#0 slm-facts@#0");
    slm = sample();
    slm.llama.rope_base = NAN;
    check_settle("no number", &slm, "slm-facts@#0");
    slm = sample();
    slm.llama.numbers[MM_LLAMA_CONTEXT_LENGTH] = INT32_MAX;
    check_settle("a long context", &slm, "");
    slm = sample();
    add_piece(&slm, "b", MM_PIECE_NORMAL);
    check_settle("a piece too many", &slm, "slm-facts@#0");
}

static void tensors_are_judged(void **state)
{
    struct mm_slm slm = sample();
    (void)state;
    slm.tensor_count--;
    check_settle("one lacks", &slm, "slm-table@#0");
    slm = without_tensors();
    check_settle("all lack", &slm,
                 "slm-table@#0 slm-table@#0 slm-table@#0 slm-table@#0 slm-table@#0 slm-table@#0 slm-table@#0 slm-table@#0 slm-table@#0 slm-table@#0 "
                 "slm-table@#0");
    slm = sample();
    add_named(&slm, "output.weight", 0);
    add_named(&slm, "blk.0.attn_q.bias", 0);
    check_settle("optional ones", &slm, "");
    slm = sample();
    add_named(&slm, "blk.1.attn_q.bias", 0);
    check_settle("of a block that is not there", &slm, "slm-table@#0");
    slm = sample();
    add_named(&slm, "rope_freqs.weight", 0);
    check_settle("unknown", &slm, "slm-table@#0");
    slm = sample();
    add_named(&slm, "output.weight", 0);
    add_named(&slm, "output.weight", 0);
    check_settle("twice", &slm, "tensor-duplicate@#0");
    slm = sample();
    slm.tensors[0].dims[1]++;
    check_settle("another dimension", &slm, "slm-table@#0");
    slm = sample();
    slm.tensors[1].rank = 0;
    check_settle("no rank", &slm, "slm-table@#0");
    slm = sample();
    slm.tensors[1].rank = 5;
    check_settle("rank 5", &slm, "slm-table@#0");
}

static void dtypes_are_judged(void **state)
{
    static const struct { int ggml; const char *expected; } cases[] = {
        {1, ""}, {30, ""}, {8, "tensor-block@#0"}, {2, "tensor-block@#0"}, {12, "tensor-dtype-unsupported@#0"}, {28, "tensor-dtype-unsupported@#0"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_slm slm = sample();
        slm.tensors[0].dtype = mm_dtype_of_ggml((uint32_t)cases[i].ggml);
        check_settle(mm_dtypes[slm.tensors[0].dtype].name, &slm, cases[i].expected);
    }
    struct mm_slm slm = sample();
    slm.tensors[0].dtype = -1;
    check_settle("none", &slm, "tensor-dtype-unsupported@#0");
    slm = sample();
    slm.tensors[0].dims[0] = slm.tensors[0].dims[1] = UINT64_C(1) << 33;
    check_settle("more than 2^63", &slm, "tensor-overflow@#0");
    slm = sample();
    slm.tensors[0].dims[0] = slm.tensors[1].dims[0] = UINT64_C(1) << 60;
    slm.tensors[0].dims[1] = 1;
    check_settle("more than 2^63 in all", &slm, "tensor-overflow@#0");
}

static void names_are_judged_at_once(void **state)
{
    struct mm_slm slm = {0};
    struct mm_diags diags;
    char name[257];
    (void)state;
    memset(name, 'n', sizeof name);
    mm_diags_init(&diags);
    assert_null(mm_slm_add_tensor(&slm, "", 0, &diags));
    assert_null(mm_slm_add_tensor(&slm, name, 256, &diags));
    assert_null(mm_slm_add_tensor(&slm, "a\0b", 3, &diags));
    assert_null(mm_slm_add_tensor(&slm, "\xFF", 1, &diags));
    check_findings("names", &diags, "tensor-name@#0 tensor-name@#0 tensor-name@#0 tensor-name@#0");
    assert_non_null(mm_slm_add_tensor(&slm, name, 255, &diags));
    check_number("one is there", slm.tensor_count, 1);
    mm_slm_release(&slm);
    mm_diags_release(&diags);
}

/* ---- damage ---- */

/* What a finding has to name if the byte AT of FILE was changed: "RULE@#OFFSET" or a rule alone, and a word of the text. */
struct damage {
    char place[64];
    const char *word;
};

static struct damage damage_at(const struct mm_slm *slm, const struct mm_buf *file, uint64_t at)
{
    static const char *const words[] = {"the facts section", "the tokenizer section", "the table section"};
    struct damage damage = {"slm-header", "header"};
    if (at < 8)
        return at < 4 ? (struct damage){"slm-magic@#0", "magic"} : (struct damage){"slm-magic@#4", "magic"};
    if (at < 12)
        return (struct damage){"slm-version-unsupported@#8", "header"};
    for (int i = 0; at >= MM_SLM_HEADER && at < slm->data_offset; i++) {
        uint64_t begin = mm_little_endian((const unsigned char *)file->data + 24 + 16 * i, 8);
        uint64_t end = begin + mm_little_endian((const unsigned char *)file->data + 32 + 16 * i, 8);
        uint64_t next = mm_little_endian((const unsigned char *)file->data + 40 + 16 * i, 8);
        if (at < next) {
            snprintf(damage.place, sizeof damage.place, at < end ? "slm-section@#%" PRIu64 : "data-padding@#%" PRIu64, at < end ? begin : at);
            damage.word = at < end ? words[i] : "padding";
            return damage;
        }
    }
    for (size_t i = slm->tensor_count; at >= slm->data_offset && i-- > 0;) {
        uint64_t begin = slm->data_offset + slm->tensors[i].offset, end = begin + slm->tensors[i].bytes;
        if (at < begin)
            continue;
        snprintf(damage.place, sizeof damage.place, at < end ? "slm-tensor@#%" PRIu64 : "data-padding@#%" PRIu64, at < end ? begin : at);
        damage.word = at < end ? slm->tensors[i].name : "padding";
        return damage;
    }
    return damage;
}

static void check_damage(struct damage damage, const struct mm_buf *file, uint64_t at, struct mm_diags *diags)
{
    struct mm_model model = {0};
    struct mm_buf found = {0};
    char what[48];
    snprintf(what, sizeof what, "byte %" PRIu64, at);
    check_true(what, read_bytes(file->data, file->length, &model, diags) == -1);
    list_findings(diags, &found);
    bool exact = strchr(damage.place, '#') != NULL; /* of the header, any field */
    bool there = exact ? strcmp(mm_buf_text(&found), damage.place) == 0 : strncmp(mm_buf_text(&found), damage.place, strlen(damage.place)) == 0;
    if (diags->count != 1 || !there || !strstr(diags->items[0].text, damage.word))
        fail_msg("%s: expected %s with '%s', found %s '%s'", what, damage.place, damage.word, mm_buf_text(&found),
                 diags->count ? diags->items[0].text : "");
    mm_buf_release(&found);
    mm_model_release(&model);
    mm_diags_clear(diags);
}

/* Every bit of a file; each change is one finding that names the place. */
static void every_changed_bit_is_found(void **state)
{
    struct mm_buf file = sample_file();
    struct mm_diags diags;
    struct mm_slm slm;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_slm_read_head(&slm, file.data, file.length, file.length, &diags), 0);
    struct mm_buf changed = {0};
    mm_buf_add(&changed, file.data, file.length);
    for (size_t at = 0; at < file.length; at++)
        for (unsigned bit = 0; bit <= 8; bit++) {
            changed.data[at] = (char)(file.data[at] ^ (bit < 8 ? 1 << bit : 0xFF));
            check_damage(damage_at(&slm, &file, at), &changed, at, &diags);
            changed.data[at] = file.data[at];
        }
    mm_buf_release(&changed);
    mm_buf_release(&file);
    mm_slm_release(&slm);
    mm_diags_release(&diags);
}

/* A file that ends early is never valid, and the last finding stands where it ends. */
static void every_cut_is_found(void **state)
{
    struct mm_buf file = sample_file();
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    for (size_t length = 0; length < file.length; length++) {
        struct mm_model model = {0};
        check_true("a cut", read_bytes(file.data, length, &model, &diags) == -1 && diags.no);
        const struct mm_diag *last = &diags.items[diags.count - 1];
        if (length >= 8)
            check_number("it ends there", last->offset, length);
        mm_model_release(&model);
        mm_diags_clear(&diags);
    }
    struct mm_model model = {0};
    mm_buf_char(&file, 0);
    check_true("a byte too many", read_bytes(file.data, file.length, &model, &diags) == -1);
    check_findings("a byte too many", &diags, "slm-header@#16");
    mm_model_release(&model);
    mm_buf_release(&file);
    mm_diags_release(&diags);
}

/* The head's own reader, from memory: nothing of the data is needed. */
static void a_head_is_read_without_data(void **state)
{
    struct mm_buf file = sample_file();
    struct mm_diags diags;
    struct mm_slm slm;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_slm_read_head(&slm, file.data, file.length, file.length, &diags), 0);
    size_t head = (size_t)slm.data_offset;
    mm_slm_release(&slm);
    char *exact = malloc(head);
    assert_non_null(exact);
    memcpy(exact, file.data, head);
    assert_int_equal(mm_slm_read_head(&slm, exact, head, file.length, &diags), 0);
    check_number("tensors", slm.tensor_count, COUNT_OF(names));
    mm_slm_release(&slm);
    assert_int_equal(mm_slm_read_head(&slm, exact, head - 1, file.length, &diags), -1);
    mm_slm_release(&slm);
    check_number("one finding", diags.count, 1);
    mm_diags_clear(&diags);
    assert_int_equal(mm_slm_read_head(&slm, "", 0, 0, &diags), -1);
    check_findings("nothing", &diags, "slm-magic@#0");
    mm_slm_release(&slm);
    free(exact);
    mm_buf_release(&file);
    mm_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(one_model_has_one_byte_sequence),
        cmocka_unit_test(texts_are_lines_that_lead_nowhere),
        cmocka_unit_test(facts_are_judged),
        cmocka_unit_test(tensors_are_judged),
        cmocka_unit_test(dtypes_are_judged),
        cmocka_unit_test(names_are_judged_at_once),
        cmocka_unit_test(every_changed_bit_is_found),
        cmocka_unit_test(every_cut_is_found),
        cmocka_unit_test(a_head_is_read_without_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
