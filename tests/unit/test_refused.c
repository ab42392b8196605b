#include "unit.h"

#include "model/pickle.h"
#include "model/refused.h"

/* Fed in pieces of SIZE, the whole is found or not whatever the size is. */
static bool is_pickle(const char *bytes, size_t length, size_t size)
{
    struct mm_pickle pickle = {0};
    for (size_t at = 0; at < length; at += size)
        mm_pickle_feed(&pickle, (const unsigned char *)bytes + at, size < length - at ? size : length - at);
    return mm_pickle_found(&pickle);
}

static void check_head(const char *bytes, size_t length, const char *expected)
{
    const char *found = mm_refused_head((const unsigned char *)bytes, length);
    if (!found && is_pickle(bytes, length, length ? length : 1))
        found = "a pickle";
    check_text(bytes, found ? found : "", expected);
    assert_int_equal(is_pickle(bytes, length, 1), is_pickle(bytes, length, length ? length : 1));
}

static void archives_are_known_by_their_first_bytes(void **state)
{
    (void)state;
    check_head(BYTES("PK\3\4rest"), "a zip archive");
    check_head(BYTES("PK\5\6"), "a zip archive");
    check_head(BYTES("PK\7\10rest"), "a zip archive");
    check_head(BYTES("\x1f\x8b\x08"), "gzip data");
    check_head(BYTES("7z\xBC\xAF\x27\x1C\0\4"), "a 7z archive");
    check_head(BYTES("PK\1\2"), "");
    check_head(BYTES("PK"), "");
    check_head(BYTES("7z\xBC\xAF\x27"), "");
    check_head(BYTES("\x1f"), "");
    check_head(BYTES(""), "");
    check_head(BYTES("GGUF\3\0\0\0"), "");
    check_head(BYTES("{\"a\": 1}"), "");
}

/* ---- tar ---- */

static void make_tar(char header[512], const char *name, const char *magic)
{
    unsigned sum = 0;
    memset(header, 0, 512);
    memcpy(header, name, strlen(name));
    memcpy(header + 100, "0000644", 7);
    memcpy(header + 124, "00000000003", 11);
    memcpy(header + 136, "00000000000", 11);
    header[156] = '0';
    memcpy(header + 257, magic, strlen(magic));
    memset(header + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += (unsigned char)header[i];
    snprintf(header + 148, 8, "%06o", sum);
    header[155] = ' ';
}

static void tar_is_known_by_its_checksum(void **state)
{
    char header[512];
    (void)state;
    make_tar(header, "file.txt", "ustar");
    check_head(header, 512, "a tar archive");
    check_head(header, 511, "");
    make_tar(header, "old.txt", "");
    check_head(header, 512, "a tar archive");
    make_tar(header, "caf\xC3\xA9", "ustar  ");
    check_head(header, 512, "a tar archive");
    header[0] ^= 1;
    check_head(header, 512, "");
    header[0] ^= 1;
    header[150] = '9';
    check_head(header, 512, "");
    memset(header, 0, sizeof header);
    check_head(header, 512, "");
    memset(header, 'x', sizeof header);
    check_head(header, 512, "");
}

/* tar and Python's tarfile read the checksum up to its NUL. */
static void a_checksum_of_tar_ends_at_its_nul(void **state)
{
    char header[512];
    (void)state;
    make_tar(header, "file.txt", "ustar");
    header[155] = '7';
    check_head(header, 512, "a tar archive");
}

/* ---- pickle, made with python3's pickle ---- */

static void pickles_of_every_protocol_are_known(void **state)
{
    static const struct { const char *bytes; size_t length; } cases[] = {
        {BYTES("\116\056")},
        {BYTES("\116\056")},
        {BYTES("\200\002\116\056")},
        {BYTES("\200\003\116\056")},
        {BYTES("\200\004\116\056")},
        {BYTES("\200\005\116\056")},
        {BYTES("\050\144\160\060\012\126\141\012\160\061\012\050\154\160\062\012\111\061\012\141\106\062\056\065\012\141\126\170\012\160\063\012\141\143\137\143\157\144\145\143\163\012\145\156\143\157\144\145\012\160\064\012\050\126\171\012\160\065\012\126\154\141\164\151\156\061\012\160\066\012\164\160\067\012\122\160\070\012\141\163\056")},
        {BYTES("\175\161\000\130\001\000\000\000\141\161\001\135\161\002\050\113\001\107\100\004\000\000\000\000\000\000\130\001\000\000\000\170\161\003\143\137\143\157\144\145\143\163\012\145\156\143\157\144\145\012\161\004\050\130\001\000\000\000\171\161\005\130\006\000\000\000\154\141\164\151\156\061\161\006\164\161\007\122\161\010\145\163\056")},
        {BYTES("\200\002\175\161\000\130\001\000\000\000\141\161\001\135\161\002\050\113\001\107\100\004\000\000\000\000\000\000\130\001\000\000\000\170\161\003\143\137\143\157\144\145\143\163\012\145\156\143\157\144\145\012\161\004\130\001\000\000\000\171\161\005\130\006\000\000\000\154\141\164\151\156\061\161\006\206\161\007\122\161\010\145\163\056")},
        {BYTES("\200\003\175\161\000\130\001\000\000\000\141\161\001\135\161\002\050\113\001\107\100\004\000\000\000\000\000\000\130\001\000\000\000\170\161\003\103\001\171\161\004\145\163\056")},
        {BYTES("\200\004\225\037\000\000\000\000\000\000\000\175\224\214\001\141\224\135\224\050\113\001\107\100\004\000\000\000\000\000\000\214\001\170\224\103\001\171\224\145\163\056")},
        {BYTES("\200\005\225\037\000\000\000\000\000\000\000\175\224\214\001\141\224\135\224\050\113\001\107\100\004\000\000\000\000\000\000\214\001\170\224\103\001\171\224\145\163\056")},
        {BYTES("\143\143\157\154\154\145\143\164\151\157\156\163\012\117\162\144\145\162\145\144\104\151\143\164\012\160\060\012\050\164\122\160\061\012\126\141\012\160\062\012\111\061\012\163\056")},
        {BYTES("\143\143\157\154\154\145\143\164\151\157\156\163\012\117\162\144\145\162\145\144\104\151\143\164\012\161\000\051\122\161\001\130\001\000\000\000\141\161\002\113\001\163\056")},
        {BYTES("\200\002\143\143\157\154\154\145\143\164\151\157\156\163\012\117\162\144\145\162\145\144\104\151\143\164\012\161\000\051\122\161\001\130\001\000\000\000\141\161\002\113\001\163\056")},
        {BYTES("\200\003\143\143\157\154\154\145\143\164\151\157\156\163\012\117\162\144\145\162\145\144\104\151\143\164\012\161\000\051\122\161\001\130\001\000\000\000\141\161\002\113\001\163\056")},
        {BYTES("\200\004\225\051\000\000\000\000\000\000\000\214\013\143\157\154\154\145\143\164\151\157\156\163\224\214\013\117\162\144\145\162\145\144\104\151\143\164\224\223\224\051\122\224\214\001\141\224\113\001\163\056")},
        {BYTES("\200\005\225\051\000\000\000\000\000\000\000\214\013\143\157\154\154\145\143\164\151\157\156\163\224\214\013\117\162\144\145\162\145\144\104\151\143\164\224\223\224\051\122\224\214\001\141\224\113\001\163\056")},
        {BYTES("\114\061\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\114\012\056")},
        {BYTES("\114\061\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\060\114\012\056")},
        {BYTES("\200\002\212\015\000\000\000\100\352\355\164\106\320\234\054\237\014\056")},
        {BYTES("\200\003\212\015\000\000\000\100\352\355\164\106\320\234\054\237\014\056")},
        {BYTES("\200\004\225\020\000\000\000\000\000\000\000\212\015\000\000\000\100\352\355\164\106\320\234\054\237\014\056")},
        {BYTES("\200\005\225\020\000\000\000\000\000\000\000\212\015\000\000\000\100\352\355\164\106\320\234\054\237\014\056")},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_head(cases[i].bytes, cases[i].length, "a pickle");
}

static void bytes_behind_a_call_change_nothing(void **state)
{
    static const struct { const char *bytes; size_t length; } cases[] = {
        {BYTES("cos\nsystem\n(S'id'\ntR.trailing bytes")}, {BYTES("(S'id'\nios\nsystem\n.more")}, {BYTES("cos\nsystem\n(S'id'\ntR.\n\n")}, {BYTES("(lp0\n0cos\nsystem\n(Vid\ntR.x")},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_head(cases[i].bytes, cases[i].length, "a pickle");
        check_head(cases[i].bytes, cases[i].length, "a pickle");
    }
}

/* STACK_GLOBAL looks names up as GLOBAL does, and needs no protocol before it; bytes behind STOP change nothing. */
static void names_from_the_stack_count_too(void **state)
{
    (void)state;
    check_head(BYTES("\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R."), "a pickle");
    check_head(BYTES("\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.trailing"), "a pickle");
    check_head(BYTES("\x80\x00\x8c\x02os\x8c\x06system\x93\x8c\x02id\x85R.trailing"), "a pickle");
}

/* Python reads these numbers with int() and float(), which take more than digits. */
static void numbers_are_those_that_python_reads(void **state)
{
    (void)state;
    check_head(BYTES("I 1\n0cos\nsystem\n(S'id'\ntR."), "a pickle");
    check_head(BYTES("Finfinity\n0cos\nsystem\n(S'id'\ntR."), "a pickle");
    check_head(BYTES("L0x10L\n0cos\nsystem\n(S'id'\ntR."), "a pickle");
}

static void long_lines_hide_nothing(void **state)
{
    struct mm_buf bytes = {0};
    (void)state;
    mm_buf_char(&bytes, 'V');
    for (int i = 0; i < 2000; i++)
        mm_buf_char(&bytes, 'x');
    mm_buf_str(&bytes, "\n0cos\nsystem\n(S'id'\ntR.");
    check_head(bytes.data, bytes.length, "a pickle");
    mm_buf_release(&bytes);
}

static void text_is_no_pickle(void **state)
{
    static const char *const cases[] = {
        "hello world\n", "# A model card\n\nIt is small.\n", "MIT License\n\nCopyright\n", "{\"a\": [1, 2.5, \"x.\"]}", "[]", "{}", "0", "1\n", "12.5\n", "I am here.\n", "code.\n", "...", ".", "a", "N", "<xml/>",
        "The end.", "Some text. More text.", "K", "(c) 2026 by someone.\n", "import os\n", "cat\ndog\n", "Paris.\n", "",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        check_head(cases[i], strlen(cases[i]), "");
        check_head(cases[i], strlen(cases[i]), "");
    }
}

/* Words of letters that are opcodes too: no pickle begins by taking from its empty stack. */
static void short_sentences_are_no_pickles(void **state)
{
    static const char *const cases[] = {"test.\n", "data.\n", "Rest.", "table.", "a.\n", "0.", "2.\n"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_head(cases[i], strlen(cases[i]), "");
}

/* ---- zip behind other bytes ---- */

/* One entry: a directory of 46 bytes that begins 34 bytes into the archive, so 80 bytes stand before the record. */
static const char end_record[] = "PK\5\6\0\0\0\0\1\0\1\0\x2e\0\0\0\x22\0\0\0";

static void add(struct mm_refused_tail *tail, const void *bytes, size_t length, size_t piece)
{
    for (size_t at = 0; at < length; at += piece)
        mm_refused_tail_add(tail, (const unsigned char *)bytes + at, piece < length - at ? piece : length - at);
}

/* BEFORE bytes, the end record, and a comment of SIZE bytes that the record states as STATED. */
static bool is_zip(size_t before, size_t size, size_t stated, size_t piece)
{
    struct mm_refused_tail *tail = test_calloc(1, sizeof *tail);
    char *bytes = test_malloc(before + 22 + size);
    memset(bytes, 'x', before + 22 + size);
    memcpy(bytes + before, end_record, 20);
    bytes[before + 20] = (char)(stated & 0xFF);
    bytes[before + 21] = (char)(stated >> 8);
    add(tail, bytes, before + 22 + size, piece);
    bool found = mm_refused_tail_is_zip(tail);
    test_free(bytes);
    test_free(tail);
    return found;
}

static void a_zip_is_found_behind_anything(void **state)
{
    static const size_t before[] = {80, 81, 100, 65535, 65536, 65557, 131072, 300000}, comments[] = {0, 1, 1000, 65535}, pieces[] = {1, 1000, 65556, 65557, 65558, 262144};
    (void)state;
    for (size_t b = 0; b < COUNT_OF(before); b++)
        for (size_t c = 0; c < COUNT_OF(comments); c++)
            for (size_t p = before[b] > 1000 ? 1 : 0; p < COUNT_OF(pieces); p++)
                if (!is_zip(before[b], comments[c], comments[c], pieces[p]))
                    fail_msg("%zu bytes, comment of %zu, pieces of %zu", before[b], comments[c], pieces[p]);
}

static void other_ends_are_no_zip(void **state)
{
    struct mm_refused_tail *tail = test_calloc(1, sizeof *tail);
    (void)state;
    assert_false(mm_refused_tail_is_zip(tail));
    add(tail, BYTES("PK\5\6"), 4);
    assert_false(mm_refused_tail_is_zip(tail));
    char *bytes = test_calloc(1, 200000);
    add(tail, bytes, 200000, 4096);
    assert_false(mm_refused_tail_is_zip(tail));
    test_free(bytes);
    test_free(tail);
}

/* unzip and Python's zipfile read archives with bytes behind the end record all the same. */
static void bytes_behind_the_end_record_do_not_hide_it(void **state)
{
    (void)state;
    assert_true(is_zip(90, 1, 0, 100));
    assert_true(is_zip(90, 500, 0, 100));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(archives_are_known_by_their_first_bytes),
        cmocka_unit_test(tar_is_known_by_its_checksum),
        cmocka_unit_test(a_checksum_of_tar_ends_at_its_nul),
        cmocka_unit_test(pickles_of_every_protocol_are_known),
        cmocka_unit_test(bytes_behind_a_call_change_nothing),
        cmocka_unit_test(names_from_the_stack_count_too),
        cmocka_unit_test(numbers_are_those_that_python_reads),
        cmocka_unit_test(long_lines_hide_nothing),
        cmocka_unit_test(text_is_no_pickle),
        cmocka_unit_test(short_sentences_are_no_pickles),
        cmocka_unit_test(a_zip_is_found_behind_anything),
        cmocka_unit_test(other_ends_are_no_zip),
        cmocka_unit_test(bytes_behind_the_end_record_do_not_hide_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
