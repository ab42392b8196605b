/* tokenizer.model and tok.bin byte by byte, scores from merges, and how files are told apart. tokenizer.json has its tests in
 * tests/cmd/test_slm_pack_folder.sh. */
#include "unit.h"

#include "convert/merge_scores.h"
#include "convert/protobuf.h"
#include "convert/sources.h"
#include "convert/special.h"

/* ---- protocol buffers ---- */

static const struct mm_proto_known known[] = {
    {1, MM_WIRE_BYTES, true, "words"}, {2, MM_WIRE_VARINT, false, "number"}, {3, MM_WIRE_FOUR, false, "real"}};

static int read_message(const char *bytes, size_t length, struct mm_proto_field *last, struct mm_diags *diags)
{
    struct mm_proto proto = {
        .message = "Test", .known = known, .known_count = 3, .bytes = (const unsigned char *)bytes, .end = length, .diags = diags};
    struct mm_proto_field field;
    int more;
    while ((more = mm_proto_next(&proto, &field)) > 0)
        *last = field;
    return more;
}

static void fields_are_read(void **state)
{
    struct mm_diags diags;
    struct mm_proto_field last = {0};
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(read_message(BYTES("\x10\xac\x02"), &last, &diags), 0);
    check_number("varint", last.number, 300);
    assert_int_equal(read_message(BYTES("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), &last, &diags), 0);
    check_true("minus one has ten bytes", last.number == UINT64_MAX);
    assert_int_equal(read_message(BYTES("\x1d\0\0\x80\x3f"), &last, &diags), 0);
    assert_true(last.real == 1);
    assert_int_equal(read_message(BYTES("\x0a\2ab\x0a\0"), &last, &diags), 0);
    check_number("length", last.length, 0);
    check_number("place", last.at, 6);
    check_findings("sound messages", &diags, "");
    mm_diags_release(&diags);
}

static void other_forms_are_refused(void **state)
{
    static const struct {
        const char *what, *bytes;
        size_t length;
        const char *findings;
    } cases[] = {
        {"a field that is not known", BYTES("\x20\1"), "pack-tokenizer@#0"},
        {"field 0", BYTES("\x02\0"), "pack-tokenizer@#0"},
        {"another wire type", BYTES("\x12\0"), "pack-tokenizer@#0"},
        {"a group", BYTES("\x13\x14"), "pack-tokenizer@#0"},
        {"a number twice", BYTES("\x10\1\x10\1"), "pack-tokenizer@#2"},
        {"a number longer than it has to be", BYTES("\x10\x81\0"), "pack-tokenizer@#1"},
        {"a tag longer than it has to be", BYTES("\x90\0\1"), "pack-tokenizer@#0"},
        {"65 bits", BYTES("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"), "pack-tokenizer@#1"},
        {"eleven bytes", BYTES("\x10\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\1"), "pack-tokenizer@#1"},
        {"the end in a number", BYTES("\x10\x80"), "pack-tokenizer@#1"},
        {"the end in a float", BYTES("\x1d\0\0"), "pack-tokenizer@#1"},
        {"more bytes than there are", BYTES("\x0a\3ab"), "pack-tokenizer@#1"},
        {"a length of 64 bits", BYTES("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "pack-tokenizer@#1"},
    };
    struct mm_diags diags;
    struct mm_proto_field last;
    (void)state;
    mm_diags_init(&diags);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(read_message(cases[i].bytes, cases[i].length, &last, &diags), -1);
        check_findings(cases[i].what, &diags, cases[i].findings);
    }
    mm_diags_release(&diags);
}

/* ---- tokenizer.model ---- */

#define UNKNOWN "\x0a\x09\x0a\5<unk>\x18\2"
#define BEGINS "\x0a\x07\x0a\3<s>\x18\3"
#define ENDS "\x0a\x08\x0a\4</s>\x18\3"
#define WORD "\x0a\x0b\x0a\4\xe2\x96\x81" "a\x15\0\0\x80\xbf"
#define TRAINER_BPE "\x12\2\x18\2"
#define NORMALIZER "\x1a\2\x20\0"

static void check_file(const char *what, const char *bytes, size_t length, const char *findings)
{
    struct mm_diags diags;
    struct mm_tokenizer tokenizer = {0};
    int fd = file_of(bytes, length);
    mm_diags_init(&diags);
    assert_int_equal(mm_tokenizer_from_model(&tokenizer, fd, &diags), *findings && *findings != 'n' ? -1 : 0);
    check_findings(what, &diags, findings);
    mm_tokenizer_release(&tokenizer);
    mm_diags_release(&diags);
    close(fd);
}

static void a_model_is_taken_over(void **state)
{
    struct mm_diags diags;
    struct mm_tokenizer t = {0};
    uint32_t value;
    int fd = file_of(BYTES(UNKNOWN BEGINS ENDS WORD TRAINER_BPE NORMALIZER));
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_tokenizer_from_model(&t, fd, &diags), 0);
    check_number("pieces", t.piece_count, 4);
    assert_true(t.pieces[3].type == MM_PIECE_NORMAL && t.pieces[3].score == -1 && t.pieces[3].length == 4);
    assert_memory_equal(mm_piece_text(&t, 3), MM_PIECE_SPACE "a", 4);
    assert_true(t.pieces[0].type == MM_PIECE_UNKNOWN && t.pieces[1].type == MM_PIECE_CONTROL);
    assert_true(mm_tokenizer_get(&t, MM_SETTING_BOS, &value) && value == 1);
    assert_true(mm_tokenizer_get(&t, MM_SETTING_EOS, &value) && value == 2);
    assert_true(mm_tokenizer_get(&t, MM_SETTING_UNKNOWN, &value) && value == 0);
    assert_false(mm_tokenizer_get(&t, MM_SETTING_PADDING, &value));
    assert_true(mm_tokenizer_get(&t, MM_SETTING_SPACE_PREFIX, &value) && value == 1);
    assert_true(mm_tokenizer_get(&t, MM_SETTING_REMOVE_SPACES, &value) && value == 0);
    assert_int_equal(mm_tokenizer_check(&t, 0, &diags), 0);
    check_findings("a model", &diags, "");
    mm_tokenizer_release(&t);
    mm_diags_release(&diags);
    close(fd);
}

static void models_that_no_slm_tells_of_are_refused(void **state)
{
    (void)state;
    check_file("unigram", BYTES(UNKNOWN BEGINS ENDS "\x12\0" NORMALIZER), "pack-tokenizer");
    check_file("nothing", BYTES(""), "pack-tokenizer@#0");
    check_file("no trainer_spec", BYTES(UNKNOWN BEGINS ENDS NORMALIZER), "pack-tokenizer@#0");
    check_file("no normalizer_spec", BYTES(UNKNOWN BEGINS ENDS TRAINER_BPE), "pack-tokenizer@#0");
    check_file("no pieces", BYTES(TRAINER_BPE NORMALIZER), "pack-tokenizer@#0");
    check_file("words", BYTES(UNKNOWN BEGINS ENDS "\x12\2\x18\3" NORMALIZER), "pack-tokenizer");
    check_file("a type of 0", BYTES("\x0a\4\x0a\0\x18\0" TRAINER_BPE NORMALIZER), "pack-tokenizer@#2");
    check_file("a type of 7", BYTES("\x0a\4\x0a\0\x18\7" TRAINER_BPE NORMALIZER), "pack-tokenizer@#2");
    check_file("a table of characters", BYTES(UNKNOWN BEGINS ENDS TRAINER_BPE "\x1a\3\x12\1x"), "pack-tokenizer@#38");
    check_file("a table for output", BYTES(UNKNOWN BEGINS ENDS TRAINER_BPE NORMALIZER "\x2a\3\x12\1x"), "pack-tokenizer@#42");
    check_file("spaces as they are", BYTES(UNKNOWN BEGINS ENDS TRAINER_BPE "\x1a\2\x28\0"), "pack-tokenizer@#37");
    check_file("spaces behind words", BYTES(UNKNOWN BEGINS ENDS "\x12\5\x18\2\xc0\1\1" NORMALIZER), "pack-tokenizer@#36");
    check_file("byte_fallback without bytes", BYTES(UNKNOWN BEGINS ENDS "\x12\5\x18\2\x98\2\1" NORMALIZER), "pack-tokenizer");
    check_file("bytes without byte_fallback", BYTES("\x0a\x0a\x0a\6<0x00>\x18\6" TRAINER_BPE NORMALIZER), "pack-tokenizer");
    check_file("bos_id elsewhere", BYTES(UNKNOWN BEGINS ENDS "\x12\5\x18\2\xc8\2\2" NORMALIZER), "pack-tokenizer");
    check_file("bos_id beyond", BYTES(UNKNOWN BEGINS ENDS "\x12\5\x18\2\xc8\2\7" NORMALIZER), "pack-tokenizer");
    check_file("trainer_spec twice", BYTES(UNKNOWN TRAINER_BPE TRAINER_BPE), "pack-tokenizer@#15");
    check_file("no bos", BYTES(UNKNOWN ENDS "\x12\x13\x18\2\xc8\2\xff\xff\xff\xff\xff\xff\xff\xff\xff\1\xd0\2\1" "\x30\1" NORMALIZER), "");
}

/* ---- tok.bin ---- */

#define FIVE(score, length) "\0\0" score length "\0\0\0"
#define BIN_HEAD "\5\0\0\0" FIVE("\0\0", "\5") "<unk>"
#define BIN_BEGINS FIVE("\0\0", "\5") "\n<s>\n"
#define BIN_ENDS FIVE("\0\0", "\4") "</s>"

static int read_bin(const char *bytes, size_t length, uint32_t pieces, struct mm_tokenizer *t, struct mm_diags *diags)
{
    int fd = file_of(bytes, length);
    *t = (struct mm_tokenizer){0};
    int result = mm_tokenizer_from_bin(t, fd, pieces, diags);
    close(fd);
    return result;
}

static void tok_bin_is_taken_over(void **state)
{
    struct mm_diags diags;
    struct mm_tokenizer t;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(read_bin(BYTES(BIN_HEAD BIN_BEGINS BIN_ENDS FIVE("\x80\xbf", "\2") " a"), 4, &t, &diags), 0);
    check_number("pieces", t.piece_count, 4);
    assert_true(t.pieces[1].length == 3 && t.pieces[2].length == 4 && t.pieces[3].length == 4);
    assert_memory_equal(mm_piece_text(&t, 3), MM_PIECE_SPACE "a", 4);
    assert_true(t.pieces[3].score == -1);
    mm_tokenizer_release(&t);
    check_findings("tok.bin", &diags, "");
    mm_diags_release(&diags);
}

static void other_tok_bins_are_refused(void **state)
{
    static const struct {
        const char *what, *bytes;
        size_t length;
        uint32_t pieces;
        const char *findings;
    } cases[] = {
        {"nothing", BYTES(""), 0, "pack-tokenizer@#0"},
        {"no pieces", BYTES("\5\0\0\0"), 0, "pack-tokenizer@#0"},
        {"two pieces", BYTES(BIN_HEAD BIN_BEGINS), 0, "pack-tokenizer@#30"},
        {"a piece cut", BYTES("\5\0\0\0" FIVE("\0\0", "\5") "<un"), 0, "pack-tokenizer@#8"},
        {"a length cut", BYTES(BIN_HEAD "\0\0\0\0\1"), 0, "pack-tokenizer@#21"},
        {"a length of 4 GiB", BYTES(BIN_HEAD "\0\0\0\0\xff\xff\xff\xff"), 0, "pack-tokenizer@#21"},
        {"another longest piece", BYTES("\6\0\0\0" FIVE("\0\0", "\5") "<unk>" BIN_BEGINS BIN_ENDS), 0, "pack-tokenizer@#0"},
        {"more than the model has", BYTES(BIN_HEAD BIN_BEGINS BIN_ENDS), 2, "pack-tokenizer@#30"},
    };
    struct mm_diags diags;
    struct mm_tokenizer t;
    (void)state;
    mm_diags_init(&diags);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(read_bin(cases[i].bytes, cases[i].length, cases[i].pieces, &t, &diags), -1);
        check_findings(cases[i].what, &diags, cases[i].findings);
        mm_tokenizer_release(&t);
    }
    mm_diags_release(&diags);
}

/* ---- scores from merges ---- */

/* Pieces "a" "b" "c" "ab" "bc" "abc" are 0 to 5. */
static int score(struct mm_tokenizer *t, const struct mm_merge *merges, const uint32_t *made, size_t count, struct mm_diags *diags)
{
    static const char *const pieces[] = {"a", "b", "c", "ab", "bc", "abc"};
    *t = (struct mm_tokenizer){.kind = MM_TOKENIZER_LLAMA, .has_types = true};
    for (size_t i = 0; i < COUNT_OF(pieces); i++)
        assert_int_equal(mm_tokenizer_add_piece(t, pieces[i], strlen(pieces[i]), 0, MM_PIECE_NORMAL, diags), 0);
    return mm_merge_scores(t, merges, made, count, diags);
}

static void scores_follow_from_merges(void **state)
{
    static const struct mm_merge merges[] = {{1, 2}, {0, 1}, {0, 4}, {3, 2}};
    static const uint32_t made[] = {4, 3, 5, 5};
    static const struct mm_merge apart[] = {{0, 4}, {0, 1}, {3, 2}, {1, 2}};
    static const uint32_t made_apart[] = {5, 3, 5, 4};
    static const float scores[] = {-3, -4, -5, -1, 0, -2};
    struct mm_diags diags;
    struct mm_tokenizer t;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(score(&t, merges, made, 4, &diags), 0);
    for (size_t i = 0; i < COUNT_OF(scores); i++)
        assert_true(t.has_scores && t.pieces[i].score == scores[i]);
    mm_tokenizer_release(&t);
    check_findings("merges", &diags, "");
    assert_int_equal(score(&t, merges, made, 3, &diags), -1);
    mm_tokenizer_release(&t);
    check_findings("a parting that is no merge", &diags, "pack-tokenizer");
    assert_int_equal(score(&t, apart, made_apart, 4, &diags), -1);
    mm_tokenizer_release(&t);
    check_findings("merges of a piece apart", &diags, "pack-tokenizer");
    mm_diags_release(&diags);
}

/* ---- files told apart ---- */

static void check_opened(const char *folder, const char *bytes, size_t length, uint32_t pieces, size_t expected, const char *findings)
{
    struct mm_diags diags;
    struct mm_checkpoint checkpoint = {0};
    const struct mm_tokenizer *t = &checkpoint.slm.tokenizer;
    const char *path = in_folder(folder, "file");
    mm_diags_init(&diags);
    write_file(path, bytes, length);
    int result = mm_tokenizer_open(&checkpoint, path, pieces, NULL, &diags);
    check_findings(bytes, &diags, findings);
    check_number("pieces", result == 0 ? t->piece_count : 0, expected);
    if (expected > 4)
        assert_true(t->pieces[4].type == MM_PIECE_UNUSED && memcmp(mm_piece_text(t, 4), "[PAD4]", 6) == 0);
    mm_checkpoint_release(&checkpoint);
    mm_diags_release(&diags);
}

static void files_are_told_apart_by_content(void **state)
{
    char *folder = make_folder();
    (void)state;
    check_opened(folder, BYTES(UNKNOWN BEGINS ENDS WORD TRAINER_BPE NORMALIZER), 0, 4, "");
    check_opened(folder, BYTES(UNKNOWN BEGINS ENDS WORD TRAINER_BPE NORMALIZER), 6, 6, "note:pack-tokenizer");
    check_opened(folder, BYTES(UNKNOWN BEGINS ENDS WORD TRAINER_BPE NORMALIZER), 3, 0, "pack-tokenizer");
    check_opened(folder, BYTES(BIN_HEAD BIN_BEGINS BIN_ENDS), 3, 3, "");
    check_opened(folder, BYTES(" \n{}"), 0, 0, "pack-tokenizer@#0");
    check_opened(folder, BYTES("GGUF"), 0, 0, "gguf-truncated@#4");
    check_opened(folder, BYTES("\x89SLM"), 0, 0, "slm-magic@#0");
    check_opened(folder, BYTES("some text"), 0, 0, "pack-tokenizer");
    check_opened(folder, BYTES(""), 0, 0, "pack-tokenizer");
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(a_model_is_taken_over),
        cmocka_unit_test(models_that_no_slm_tells_of_are_refused),
        cmocka_unit_test(tok_bin_is_taken_over),
        cmocka_unit_test(other_tok_bins_are_refused),
        cmocka_unit_test(scores_follow_from_merges),
        cmocka_unit_test(files_are_told_apart_by_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
