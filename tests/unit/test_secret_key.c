#include "unit.h"

#include <sodium.h>

#include "base/number.h"
#include "trust/secret_key.h"

static struct mm_diags diags;

static int begin(void **state)
{
    (void)state;
    assert_true(sodium_init() >= 0);
    mm_diags_init(&diags);
    return 0;
}

static int end(void **state)
{
    (void)state;
    mm_diags_release(&diags);
    return 0;
}

/* ---- files as they are stored ---- */

/* A secret key's file in minisign's terms. */
struct file {
    unsigned char algorithm[2], kdf[2], check[2], salt[32], operations[8], memory[8], id[8], secret[64], sum[32];
};

static const struct file *fresh(void)
{
    static struct file file;
    unsigned char seed[32] = {9}, point[32];
    file = (struct file){.algorithm = "Ed", .check = "B2", .id = {1, 2, 3, 4, 5, 6, 7, 8}};
    crypto_sign_seed_keypair(point, file.secret, seed);
    return &file;
}

static void add_checksum(struct file *file)
{
    crypto_generichash_state sum;
    crypto_generichash_init(&sum, NULL, 0, 32);
    crypto_generichash_update(&sum, file->algorithm, 2);
    crypto_generichash_update(&sum, file->id, 8);
    crypto_generichash_update(&sum, file->secret, 64);
    crypto_generichash_final(&sum, file->sum, 32);
}

static void write_number(unsigned char out[8], uint64_t number)
{
    for (int i = 0; i < 8; i++)
        out[i] = (unsigned char)(number >> 8 * i);
}

/* Puts PASSWORD over it, for as little work as there can be. */
static void add_password(struct file *file, const char *password)
{
    unsigned char stream[104], *sealed = file->id;
    memcpy(file->kdf, "Sc", 2);
    memset(file->salt, 5, sizeof file->salt);
    write_number(file->operations, 32768);
    write_number(file->memory, 16777216);
    assert_int_equal(crypto_pwhash_scryptsalsa208sha256(stream, sizeof stream, password, strlen(password), file->salt, 32768, 16777216), 0);
    for (size_t i = 0; i < sizeof stream; i++)
        sealed[i] ^= stream[i];
}

static int fd_of(const struct file *file)
{
    char text[512] = "untrusted comment: of a test\n";
    sodium_bin2base64(text + strlen(text), 256, (const unsigned char *)file, sizeof *file, sodium_base64_VARIANT_ORIGINAL);
    int fd = file_of(text, strlen(text));
    assert_int_equal(fchmod(fd, 0600), 0);
    return fd;
}

/* Answers with the text in CONTEXT, counting in ASKED; NULL is a failure. */
static int asked;
static int answer(void *context, struct mm_secret *password, struct mm_diags *found)
{
    const char *text = context;
    asked++;
    if (!text)
        return mm_diag(found, MM_RULE_IO_OPEN, "nobody answers");
    memcpy(password->bytes, text, strlen(text));
    password->length = strlen(text);
    return 0;
}

/* Reads FD, closes it, and checks findings and how often the password was asked for. */
static struct mm_secret_key *read_key(const char *what, int fd, const char *password, const char *expected, int times)
{
    asked = 0;
    struct mm_secret_key *key = mm_secret_key_read(fd, answer, (void *)(uintptr_t)password, &diags);
    close(fd);
    check_true(what, (key != NULL) == !*expected);
    check_findings(what, &diags, expected);
    check_number(what, asked, times);
    return key;
}

static void refuse_file(const char *what, const struct file *file, const char *expected)
{
    assert_null(read_key(what, fd_of(file), "password", expected, 0));
}

static void check_public(const char *what, const struct mm_secret_key *key)
{
    const struct file *file = fresh();
    const struct mm_public_key *public = mm_secret_key_public(key);
    check_true(what, memcmp(public->id, file->id, 8) == 0 && memcmp(public->point, file->secret + 32, 32) == 0);
}

/* ---- reading ---- */

static void an_open_key_needs_no_password(void **state)
{
    struct file file = *fresh();
    (void)state;
    add_checksum(&file);
    struct mm_secret_key *key = read_key("an open key", fd_of(&file), NULL, "", 0);
    check_public("it is the one", key);
    mm_secret_key_free(key);
    key = read_key("one without checksum, as minisign writes it", fd_of(fresh()), NULL, "", 0);
    check_public("it is the one", key);
    mm_secret_key_free(key);
    mm_secret_key_free(NULL);
}

static void a_password_is_asked_for_once(void **state)
{
    struct file file = *fresh();
    (void)state;
    add_checksum(&file);
    add_password(&file, "pass");
    struct mm_secret_key *key = read_key("the password", fd_of(&file), "pass", "", 1);
    check_public("it opens the key", key);
    mm_secret_key_free(key);
    assert_null(read_key("another password", fd_of(&file), "pas", "key-password", 1));
    assert_null(read_key("none", fd_of(&file), "", "key-password", 1));
    assert_null(read_key("no answer", fd_of(&file), NULL, "io-open", 1));
    file.sum[3] ^= 1;
    assert_null(read_key("a damaged file", fd_of(&file), "pass", "key-password", 1));
}

static void what_does_not_hold_together_is_no_key(void **state)
{
    struct file file = *fresh();
    (void)state;
    file.secret[40] ^= 1;
    refuse_file("another public half without checksum", &file, "key-damaged");
    file = *fresh();
    add_password(&file, "password"); /* over a checksum of zeros */
    assert_null(read_key("no checksum under a password", fd_of(&file), "password", "key-password", 1));
    file = *fresh();
    add_checksum(&file);
    file.secret[0] ^= 1;
    refuse_file("another seed", &file, "key-damaged");
    add_checksum(&file);
    refuse_file("another seed with a checksum: the public half is not its own", &file, "key-damaged");
    file = *fresh();
    file.secret[40] ^= 1;
    add_checksum(&file);
    refuse_file("another public half with a checksum", &file, "key-damaged");
    file = *fresh();
    add_checksum(&file);
    file.id[0] ^= 1;
    refuse_file("another id", &file, "key-damaged");
}

static void other_algorithms_are_no_keys(void **state)
{
    struct file file = *fresh();
    (void)state;
    add_checksum(&file);
    memcpy(file.algorithm, "ED", 2);
    refuse_file("the algorithm", &file, "key-form@2:1");
    memcpy(file.algorithm, "Ed", 2);
    memcpy(file.kdf, "Ar", 2);
    refuse_file("the password's", &file, "key-form@2:1");
    memcpy(file.kdf, "S\0", 2);
    refuse_file("half of the password's", &file, "key-form@2:1");
    memcpy(file.kdf, "\0\0", 2);
    memcpy(file.check, "B3", 2);
    refuse_file("the checksum's", &file, "key-form@2:1");
}

static void the_work_for_a_password_is_bounded(void **state)
{
    static const struct { uint64_t operations, memory; } cases[] = {
        {67108865, 16777216}, {32768, 1073741825}, {UINT64_MAX, UINT64_MAX}, {32768, UINT64_C(1) << 32}, {UINT64_C(1) << 32, 16777216}};
    struct file file = *fresh();
    (void)state;
    add_checksum(&file);
    memcpy(file.kdf, "Sc", 2);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        write_number(file.operations, cases[i].operations);
        write_number(file.memory, cases[i].memory);
        refuse_file("too much work", &file, "io-limit");
    }
}

static void a_changed_bit_never_gives_another_key(void **state)
{
    struct file file = *fresh();
    char text[512] = "untrusted comment: of a test\n", changed[512];
    (void)state;
    add_checksum(&file);
    size_t begins = strlen(text);
    sodium_bin2base64(text + begins, 256, (const unsigned char *)&file, sizeof file, sodium_base64_VARIANT_ORIGINAL);
    for (size_t i = begins - 1; i < strlen(text); i++)
        for (int bit = 0; bit < 8; bit++) {
            memcpy(changed, text, sizeof changed);
            changed[i] = (char)(changed[i] ^ 1 << bit);
            int fd = file_of(changed, strlen(text));
            assert_int_equal(fchmod(fd, 0600), 0);
            struct mm_secret_key *key = mm_secret_key_read(fd, answer, NULL, &diags);
            if (key) /* salt, operations and memory mean nothing without a password */
                check_public("a changed file", key);
            mm_secret_key_free(key);
            mm_diags_clear(&diags);
            close(fd);
        }
}

static void only_its_owner_may_read_it(void **state)
{
    static const mode_t wide[] = {0640, 0604, 0644, 0620, 0602, 0610, 0601, 0700, 0666, 0777};
    struct file file = *fresh();
    int ends[2], fd;
    (void)state;
    add_checksum(&file);
    for (size_t i = 0; i < COUNT_OF(wide); i++) {
        fd = fd_of(&file);
        assert_int_equal(fchmod(fd, wide[i]), 0);
        assert_null(read_key("a wide mode", fd, NULL, "key-mode", 0));
    }
    fd = fd_of(&file);
    assert_int_equal(fchmod(fd, 0400), 0);
    mm_secret_key_free(read_key("0400", fd, NULL, "", 0));
    fd = fd_of(&file);
    if (fchown(fd, geteuid() + 1, (gid_t)-1) == 0) /* for root alone */
        assert_null(read_key("another owner", fd, NULL, "key-mode", 0));
    else
        close(fd);
    assert_null(read_key("a folder", open("/", O_RDONLY | O_DIRECTORY), NULL, "io-not-regular", 0));
    assert_int_equal(pipe(ends), 0);
    close(ends[1]);
    assert_null(read_key("a pipe", ends[0], NULL, "io-not-regular", 0));
}

static void other_files_are_no_keys(void **state)
{
    static const struct { const char *text, *expected; } cases[] = {
        {"", "key-form@1:1"}, {"untrusted comment: x\n", "key-form@2:1"}, {"untrusted comment: x\nRWQ=\n", "key-form@2:1"},
        {"-----BEGIN PRIVATE KEY-----\n", "key-form@1:1"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        int fd = file_of(cases[i].text, strlen(cases[i].text));
        assert_int_equal(fchmod(fd, 0600), 0);
        assert_null(read_key(cases[i].text, fd, NULL, cases[i].expected, 0));
    }
    char *large = calloc(1, MM_SIGNATURE_MAX + 2);
    assert_non_null(large);
    int fd = file_of(large, MM_SIGNATURE_MAX + 1);
    assert_int_equal(fchmod(fd, 0600), 0);
    assert_null(read_key("a large file", fd, NULL, "key-form", 0));
    free(large);
}

/* ---- writing and signing ---- */

static void a_new_key_reads_back(void **state)
{
    struct mm_secret text;
    struct mm_secret_key *a = mm_secret_key_new(&diags), *b = mm_secret_key_new(&diags);
    (void)state;
    assert_true(a && b);
    check_true("two keys differ", memcmp(mm_secret_key_public(a)->id, mm_secret_key_public(b)->id, 8) != 0 &&
                                      memcmp(mm_secret_key_public(a)->point, mm_secret_key_public(b)->point, 32) != 0);
    assert_int_equal(mm_secret_key_write(a, NULL, &text, &diags), 0);
    int fd = file_of(text.bytes, text.length);
    assert_int_equal(fchmod(fd, 0600), 0);
    struct mm_secret_key *again = read_key("what was written", fd, NULL, "", 0);
    check_true("it is the same", mm_public_key_same(mm_secret_key_public(a), mm_secret_key_public(again)));
    mm_secret_release(&text);
    mm_secret_key_free(again);
    mm_secret_key_free(a);
    mm_secret_key_free(b);
}

static void sign_with(const struct mm_secret_key *key, const char *comment, const char *expected)
{
    static struct mm_signature signature;
    unsigned char prehash[MM_PREHASH_BYTES];
    struct mm_buf text = {0};
    mm_prehash("message", 7, prehash);
    int result = mm_secret_key_sign(key, prehash, comment, &text, &diags);
    check_true(expected, (result == 0) == !*expected);
    check_findings("signing", &diags, expected);
    if (result == 0) {
        assert_int_equal(mm_signature_read(&signature, text.data, text.length, &diags), 0);
        check_text("the comment", signature.comment, comment);
        check_true("it holds", mm_signature_holds(&signature, mm_secret_key_public(key), prehash));
        check_true("the id", memcmp(signature.key_id, mm_secret_key_public(key)->id, 8) == 0);
    }
    mm_buf_release(&text);
}

static void a_signature_holds_and_its_comment_is_one_line_of_text(void **state)
{
    static char longest[8002];
    struct mm_secret_key *key = mm_secret_key_new(&diags);
    (void)state;
    sign_with(key, "", "");
    sign_with(key, "file:größe 模型 sha256:00", "");
    memset(longest, 'a', 8000);
    sign_with(key, longest, "");
    longest[8000] = 'a';
    sign_with(key, longest, "signature-form");
    static const char *const wrong[] = {"a\nb", "a\rb", "\t", "\033[2J", "\x7f", "\xc2\x85", "\xff", "\xed\xa0\x80",
                                        "file:\u202egpj.exe", "a\u200bb", "\u2066x\u2069", "\ufeff", "a\U000e0041", "\ufdd0"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        sign_with(key, wrong[i], "signature-form");
    mm_secret_key_free(key);
}

static void a_text_is_signed_with_its_hash(void **state)
{
    struct mm_secret_key *key = mm_secret_key_new(&diags);
    static struct mm_signature signature;
    struct mm_buf text = {0}, out = {0};
    unsigned char prehash[MM_PREHASH_BYTES];
    (void)state;
    mm_buf_str(&text, "abc");
    assert_int_equal(mm_secret_key_sign_text(key, &text, "thing:1", &out, &diags), 0);
    assert_int_equal(mm_signature_read(&signature, out.data, out.length, &diags), 0);
    check_text("the comment", signature.comment, "thing:1 sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    mm_prehash("abc", 3, prehash);
    check_true("it holds", mm_signature_holds(&signature, mm_secret_key_public(key), prehash));
    mm_buf_release(&out);
    mm_buf_release(&text);
    mm_secret_key_free(key);
}

/* ---- passwords ---- */

static void lines_are_read_one_by_one(void **state)
{
    static const struct { const char *text; int first, second; const char *one, *two; } cases[] = {
        {"a\nb\n", 1, 1, "a", "b"}, {"a\nb", 1, 1, "a", "b"}, {"a\n", 1, 0, "a", ""}, {"a", 1, 0, "a", ""},
        {"", 0, 0, "", ""},         {"\n", 1, 0, "", ""},     {"\n\n", 1, 1, "", ""}, {" a \r\n", 1, 0, " a \r", ""},
        {"12345678\nb", 1, 1, "12345678", "b"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_secret one, two;
        int fd = file_of(cases[i].text, strlen(cases[i].text));
        assert_int_equal(mm_secret_init(&one, 8, &diags), 0);
        assert_int_equal(mm_secret_init(&two, 8, &diags), 0);
        assert_int_equal(mm_secret_read_line(&one, fd, &diags), cases[i].first);
        assert_int_equal(mm_secret_read_line(&two, fd, &diags), cases[i].second);
        check_true(cases[i].text, one.length == strlen(cases[i].one) && memcmp(one.bytes, cases[i].one, one.length) == 0);
        check_true(cases[i].text, two.length == strlen(cases[i].two) && memcmp(two.bytes, cases[i].two, two.length) == 0);
        mm_secret_release(&one);
        mm_secret_release(&two);
        close(fd);
    }
    struct mm_secret secret;
    int fd = file_of(BYTES("123456789\n"));
    assert_int_equal(mm_secret_init(&secret, 8, &diags), 0);
    assert_int_equal(mm_secret_read_line(&secret, fd, &diags), -1);
    check_findings("a byte too many", &diags, "io-limit");
    mm_secret_release(&secret);
    close(fd);
}

static void a_secret_is_bounded_and_released_twice(void **state)
{
    struct mm_secret secret;
    int fd = file_of(BYTES("0123456789"));
    (void)state;
    assert_int_equal(mm_secret_init(&secret, 8, &diags), 0);
    assert_int_equal(mm_secret_read(&secret, fd, &diags), 0);
    assert_int_equal(secret.length, 8);
    mm_secret_release(&secret);
    mm_secret_release(&secret);
    assert_null(secret.bytes);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_open_key_needs_no_password),
        cmocka_unit_test(a_password_is_asked_for_once),
        cmocka_unit_test(what_does_not_hold_together_is_no_key),
        cmocka_unit_test(other_algorithms_are_no_keys),
        cmocka_unit_test(the_work_for_a_password_is_bounded),
        cmocka_unit_test(a_changed_bit_never_gives_another_key),
        cmocka_unit_test(only_its_owner_may_read_it),
        cmocka_unit_test(other_files_are_no_keys),
        cmocka_unit_test(a_new_key_reads_back),
        cmocka_unit_test(a_signature_holds_and_its_comment_is_one_line_of_text),
        cmocka_unit_test(a_text_is_signed_with_its_hash),
        cmocka_unit_test(lines_are_read_one_by_one),
        cmocka_unit_test(a_secret_is_bounded_and_released_twice),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
