#include "unit.h"

#include <sodium.h>

#include "base/number.h"
#include "trust/secret_key.h"

/* A key of a fixed seed, in libsodium's terms, and what it signed. */
static unsigned char point[32], secret[64];
static struct mm_public_key key = {.id = {0x0f, 1, 2, 3, 4, 5, 6, 0xab}};
static struct mm_diags diags;

static int begin(void **state)
{
    unsigned char seed[32];
    (void)state;
    assert_true(sodium_init() >= 0);
    memset(seed, 7, sizeof seed);
    crypto_sign_seed_keypair(point, secret, seed);
    memcpy(key.point, point, sizeof point);
    mm_diags_init(&diags);
    return 0;
}

static int end(void **state)
{
    (void)state;
    mm_diags_release(&diags);
    return 0;
}

/* The signature of MESSAGE with COMMENT, made by libsodium alone. */
static void sign(struct mm_signature *signature, const char *message, const char *comment)
{
    unsigned char prehash[64], text[64 + 1024];
    *signature = (struct mm_signature){0};
    memcpy(signature->key_id, key.id, sizeof key.id);
    strcpy(signature->comment, comment);
    crypto_generichash(prehash, 64, (const unsigned char *)message, strlen(message), NULL, 0);
    crypto_sign_detached(signature->bytes, NULL, prehash, 64, secret);
    memcpy(text, signature->bytes, 64);
    memcpy(text + 64, comment, strlen(comment));
    crypto_sign_detached(signature->global, NULL, text, 64 + strlen(comment), secret);
}

static bool holds(const struct mm_signature *signature, const char *message)
{
    unsigned char prehash[MM_PREHASH_BYTES];
    mm_prehash(message, strlen(message), prehash);
    return mm_signature_holds(signature, &key, prehash);
}

/* ---- ids and fingerprints ---- */

static void an_id_is_a_little_endian_number_in_capitals(void **state)
{
    char text[MM_KEY_ID_TEXT];
    unsigned char id[MM_KEY_ID_BYTES];
    static const char *const wrong[] = {"", "AB0605040302010", "AB060504030201 0F", "ab0605040302010f", "AB0605040302010G", "+B0605040302010F"};
    (void)state;
    check_text("the id", mm_key_id_text(text, key.id), "AB0605040302010F");
    check_true("it reads back", mm_key_id_read(BYTES("AB0605040302010F"), id) && memcmp(id, key.id, sizeof id) == 0);
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        check_true(wrong[i], !mm_key_id_read(wrong[i], strlen(wrong[i]), id));
    check_true("a NUL is no digit", !mm_key_id_read("AB06050403020\0\0F", 16, id));
}

static void a_fingerprint_is_the_hash_of_the_decoded_key(void **state)
{
    char text[MM_KEY_FINGERPRINT_TEXT], hex[65], again[MM_KEY_FINGERPRINT_TEXT + 1];
    unsigned char decoded[42] = "Ed", hash[32];
    (void)state;
    memcpy(decoded + 2, key.id, 8);
    memcpy(decoded + 10, point, 32);
    crypto_hash_sha256(hash, decoded, sizeof decoded);
    mm_hex(hex, hash, sizeof hash);
    mm_public_key_fingerprint(text, &key);
    assert_int_equal(strlen(text), 79);
    for (size_t i = 0, at = 0; text[i]; i++)
        if (i % 5 == 4)
            assert_int_equal(text[i], ' ');
        else
            assert_int_equal(text[i], hex[at++]);
    check_true("as printed", mm_public_key_has_fingerprint(&key, text));
    check_true("without spaces", mm_public_key_has_fingerprint(&key, hex));
    for (char *at = hex; *at; at++)
        *at = (char)(*at >= 'a' ? *at - 'a' + 'A' : *at);
    check_true("in capitals", mm_public_key_has_fingerprint(&key, hex));
    check_true("not an empty one", !mm_public_key_has_fingerprint(&key, ""));
    check_true("not spaces", !mm_public_key_has_fingerprint(&key, "   "));
    for (size_t i = 0; i < strlen(text); i++) {
        strcpy(again, text);
        again[i] = again[i] == '0' ? '1' : '0';
        check_true("one digit is wrong", !mm_public_key_has_fingerprint(&key, again));
        again[i] = '\0';
        check_true("it is cut", !mm_public_key_has_fingerprint(&key, again));
    }
    snprintf(again, sizeof again, "%s0", text);
    check_true("a digit more", !mm_public_key_has_fingerprint(&key, again));
}

/* ---- public keys ---- */

static void read_key(const char *what, const char *text, size_t length, const char *expected)
{
    struct mm_public_key got;
    int result = mm_public_key_read(&got, text, length, &diags);
    check_true(what, (result == 0) == !*expected);
    if (result == 0)
        check_true(what, mm_public_key_same(&got, &key));
    check_findings(what, &diags, expected);
}

static void public_keys_have_one_form(void **state)
{
    struct mm_buf text = {0}, other = {0};
    (void)state;
    mm_public_key_write(&key, &text);
    read_key("as written", text.data, text.length, "");
    read_key("without the last LF", text.data, text.length - 1, "");
    for (size_t length = 0; length + 1 < text.length; length++)
        read_key("cut", text.data, length, length <= strcspn(text.data, "\n") ? "key-form@1:1" : "key-form@2:1");
    mm_buf_add(&other, text.data, text.length);
    mm_buf_char(&other, '\n');
    read_key("a line more", other.data, other.length, "key-form@3:1");
    char *value = strchr(text.data, '\n') + 1;
    mm_buf_clear(&other);
    mm_buf_printf(&other, "untrusted comment: x\r\n%s", value);
    read_key("CR LF behind the comment", other.data, other.length, "key-form@1:1");
    mm_buf_clear(&other);
    mm_buf_printf(&other, "untrusted comment: \xff\n%s", value);
    read_key("a comment that is no text", other.data, other.length, "");
    mm_buf_clear(&other);
    mm_buf_printf(&other, "untrusted comment: \n%.56s\r\n", value);
    read_key("CR LF behind the key", other.data, other.length, "key-form@2:1");
    mm_buf_clear(&other);
    mm_buf_printf(&other, "untrusted comment: \n%.30s\n%s", value, value + 30);
    read_key("base64 in two lines", other.data, other.length, "key-form@3:1");
    mm_buf_clear(&other);
    mm_buf_printf(&other, "untrusted comment: \n%.55s=\n", value);
    read_key("a byte less", other.data, other.length, "key-form@2:1");
    mm_buf_clear(&other);
    mm_buf_printf(&other, "untrusted comment: \nAA%s", value + 2);
    read_key("another algorithm", other.data, other.length, "key-form@2:1");
    mm_buf_clear(&other);
    mm_buf_printf(&other, "untrusted comment: \n%s", value);
    *strchr(strchr(other.data, '\n') + 1, value[40]) = '-'; /* of the alphabet for names of files */
    read_key("another alphabet", other.data, other.length, "key-form@2:1");
    mm_buf_release(&other);
    mm_buf_release(&text);
}

static void a_key_file_has_a_largest_size(void **state)
{
    struct mm_public_key got;
    struct mm_buf text = {0};
    (void)state;
    mm_public_key_write(&key, &text);
    int fd = file_of(text.data, text.length);
    assert_int_equal(mm_public_key_read_file(&got, fd, &diags), 0);
    close(fd);
    while (text.length <= MM_SIGNATURE_MAX)
        mm_buf_char(&text, 'A');
    fd = file_of(text.data, text.length);
    assert_int_equal(mm_public_key_read_file(&got, fd, &diags), -1);
    check_findings("16385 bytes", &diags, "key-form");
    close(fd);
    fd = file_of("", 0);
    assert_int_equal(mm_public_key_read_file(&got, fd, &diags), -1);
    check_findings("nothing", &diags, "key-form@1:1");
    close(fd);
    mm_buf_release(&text);
}

static void every_bit_of_a_public_key_counts(void **state)
{
    struct mm_buf text = {0};
    (void)state;
    mm_public_key_write(&key, &text);
    for (size_t i = (size_t)(strchr(text.data, '\n') - text.data); i + 1 < text.length; i++)
        for (int bit = 0; bit < 8; bit++) {
            struct mm_public_key got;
            text.data[i] = (char)(text.data[i] ^ 1 << bit);
            if (mm_public_key_read(&got, text.data, text.length, &diags) == 0)
                check_true("a changed file is another key", !mm_public_key_same(&got, &key));
            text.data[i] = (char)(text.data[i] ^ 1 << bit);
            mm_diags_clear(&diags);
        }
    mm_buf_release(&text);
}

static void weak_points_are_no_keys(void **state)
{
    /* y alone: 1 (the neutral point), -1 (order 2), 0 (order 4, both signs), 2^255-19 and one more (not canonical), 2 (no point) */
    static const struct { const char *what; unsigned char first, rest, last; } cases[] = {
        {"the neutral point", 0x01, 0, 0},     {"order 2", 0xec, 0xff, 0x7f},         {"order 4", 0, 0, 0},
        {"order 4, negative", 0, 0, 0x80},     {"p, not canonical", 0xed, 0xff, 0x7f}, {"p + 1, not canonical", 0xee, 0xff, 0x7f},
        {"no point at all", 0x02, 0, 0},       {"all bits", 0xff, 0xff, 0xff},         {"the neutral point, negative", 1, 0, 0x80},
    };
    struct mm_public_key weak = key, got;
    struct mm_buf text = {0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        memset(weak.point, cases[i].rest, sizeof weak.point);
        weak.point[0] = cases[i].first;
        weak.point[31] = cases[i].last;
        mm_buf_clear(&text);
        mm_public_key_write(&weak, &text);
        assert_int_equal(mm_public_key_read(&got, text.data, text.length, &diags), -1);
        check_findings(cases[i].what, &diags, "key-weak@2:1");
    }
    mm_buf_release(&text);
}

/* A good point plus 1 to 7 times one of order 8: all of them sign and verify like good ones now and then. */
static void points_of_mixed_order_are_no_keys(void **state)
{
    static const unsigned char order_8[32] = {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
                                              0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
                                              0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a};
    struct mm_public_key mixed = key, got;
    struct mm_buf text = {0};
    (void)state;
    for (int times = 1; times <= 8; times++) {
        assert_int_equal(crypto_core_ed25519_add(mixed.point, mixed.point, order_8), 0);
        mm_buf_clear(&text);
        mm_public_key_write(&mixed, &text);
        check_number("read", mm_public_key_read(&got, text.data, text.length, &diags) == 0, times == 8);
        check_findings("a point of mixed order", &diags, times == 8 ? "" : "key-weak@2:1");
    }
    assert_memory_equal(mixed.point, key.point, sizeof mixed.point);
    mm_buf_release(&text);
}

/* ---- signatures ---- */

static void read_signature(const char *what, const struct mm_buf *text, const char *expected)
{
    static struct mm_signature got;
    int result = mm_signature_read(&got, text->data, text->length, &diags);
    check_true(what, (result == 0) == !*expected);
    if (result == 0)
        check_true(what, holds(&got, "message") && strcmp(got.comment, "comment") == 0);
    check_findings(what, &diags, expected);
}

/* TEXT with its line NUMBER replaced by LINE, line end included. */
static void with_line(struct mm_buf *out, const struct mm_buf *text, int number, const char *line)
{
    const char *at = text->data;
    mm_buf_clear(out);
    for (int i = 1; *at; i++) {
        const char *stop = strchr(at, '\n') + 1;
        if (i == number)
            mm_buf_str(out, line);
        else
            mm_buf_add(out, at, (size_t)(stop - at));
        at = stop;
    }
}

static char *line_of(const struct mm_buf *text, int number)
{
    const char *at = text->data;
    while (--number)
        at = strchr(at, '\n') + 1;
    return strndup(at, (size_t)(strchr(at, '\n') + 1 - at));
}

static void signatures_have_one_form(void **state)
{
    static const struct { int line; const char *with, *expected; } cases[] = {
        {1, "", "signature-form@1:1"}, {2, "", "signature-form@2:1"}, {3, "", "signature-form@3:1"}, {4, "", "signature-form@4:1"},
        {1, "\n", "signature-form@1:1"}, {2, "\n", "signature-form@2:1"}, {3, "\n", "signature-form@3:1"}, {4, "\n", "signature-form@4:1"},
        {1, "Untrusted comment: x\n", "signature-form@1:1"}, {1, "untrusted comment: \n", ""},
        {1, "untrusted comment: a\r\n", "signature-form@1:1"}, {1, "untrusted comment: \xc0\x80\n", ""},
        {1, "\xef\xbb\xbfuntrusted comment: a\n", "signature-form@1:1"}, {3, "trusted comment:comment\n", "signature-form@3:1"},
        {3, "trusted comment: comment\r\n", "signature-form@3:1"}, {3, "trusted comment: \xff\n", "signature-form@3:1"},
    };
    struct mm_signature signature;
    struct mm_buf text = {0}, other = {0};
    (void)state;
    sign(&signature, "message", "comment");
    mm_signature_write(&signature, "of a test", &text);
    read_signature("as written", &text, "");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        with_line(&other, &text, cases[i].line, cases[i].with);
        read_signature(cases[i].with, &other, cases[i].expected);
    }
    mm_buf_clear(&other);
    mm_buf_add(&other, text.data, text.length - 1);
    read_signature("without the last LF", &other, "");
    with_line(&other, &text, 3, "trusted comment: a b\n");
    *strchr(strchr(other.data, '\n') + 110, 'a') = '\0';
    read_signature("NUL in the comment", &other, "signature-form@3:1");
    static const char *const trailing[] = {"\n", "x", "x\n", "untrusted comment: again\n"};
    for (size_t i = 0; i < COUNT_OF(trailing); i++) {
        mm_buf_clear(&other);
        mm_buf_add(&other, text.data, text.length);
        mm_buf_str(&other, trailing[i]);
        read_signature("trailing bytes", &other, "signature-trailing@5:1");
    }
    while (other.length <= MM_SIGNATURE_MAX)
        mm_buf_char(&other, '\n');
    read_signature("more than 16 KiB", &other, "signature-form");
    mm_buf_release(&other);
    mm_buf_release(&text);
}

/* Spellings of base64 that other readers take for the same bytes. */
static void base64_has_one_spelling(void **state)
{
    struct mm_signature signature;
    struct mm_buf text = {0}, other = {0}, line = {0};
    (void)state;
    sign(&signature, "message", "comment");
    mm_signature_write(&signature, "of a test", &text);
    for (int number = 2; number <= 4; number += 2) {
        char *value = line_of(&text, number), expected[32];
        size_t last = strcspn(value, "=") - 1;
        snprintf(expected, sizeof expected, "signature-form@%d:1", number);
        value[last]++; /* the lowest of the bits that are to be zero: A becomes B, and so on */
        with_line(&other, &text, number, value);
        read_signature("an unused bit is set", &other, expected);
        value[last]--;
        mm_buf_clear(&line);
        mm_buf_printf(&line, "%.*s\n", (int)last + 1, value);
        with_line(&other, &text, number, line.data);
        read_signature("no padding", &other, expected);
        mm_buf_clear(&line);
        mm_buf_printf(&line, " %s", value);
        with_line(&other, &text, number, line.data);
        read_signature("a space before", &other, expected);
        mm_buf_clear(&line);
        mm_buf_printf(&line, "%.*s \n", (int)strlen(value) - 1, value);
        with_line(&other, &text, number, line.data);
        read_signature("a space behind", &other, expected);
        mm_buf_clear(&line);
        mm_buf_printf(&line, "%.*s\r\n", (int)strlen(value) - 1, value);
        with_line(&other, &text, number, line.data);
        read_signature("CR LF", &other, expected);
        free(value);
    }
    mm_buf_release(&line);
    mm_buf_release(&other);
    mm_buf_release(&text);
}

/* A byte that is no ASCII is no digit, whatever a decoder makes of it. */
static void base64_is_ascii(void **state)
{
    struct mm_public_key got, slashes = key;
    struct mm_buf text = {0};
    (void)state;
    memset(slashes.id, 0xff, sizeof slashes.id);
    mm_public_key_write(&slashes, &text);
    char *slash = strchr(strchr(text.data, '\n'), '/');
    assert_non_null(slash);
    for (int byte = 0x80; byte <= 0xff; byte++) {
        *slash = (char)byte;
        assert_int_equal(mm_public_key_read(&got, text.data, text.length, &diags), -1);
        check_findings("a byte that is no ASCII", &diags, "key-form@2:1");
    }
    mm_buf_release(&text);
}

static void legacy_and_other_kinds_are_refused(void **state)
{
    struct mm_signature signature;
    struct mm_buf text = {0}, other = {0};
    (void)state;
    sign(&signature, "message", "comment");
    mm_signature_write(&signature, "of a test", &text);
    char *value = line_of(&text, 2);
    memcpy(value, "RW", 2); /* the base64 of Ed, but for the bits that belong to the id, is RW where that of ED is RU */
    with_line(&other, &text, 2, value);
    read_signature("legacy", &other, "signature-legacy@2:1");
    memcpy(value, "AA", 2);
    with_line(&other, &text, 2, value);
    read_signature("another kind", &other, "signature-form@2:1");
    free(value);
    mm_buf_release(&other);
    mm_buf_release(&text);
}

static void every_bit_of_a_signature_counts(void **state)
{
    static struct mm_signature signature, got;
    struct mm_buf text = {0};
    (void)state;
    sign(&signature, "message", "comment");
    mm_signature_write(&signature, "of a test", &text);
    for (size_t i = (size_t)(strchr(text.data, '\n') - text.data); i + 1 < text.length; i++)
        for (int bit = 0; bit < 8; bit++) {
            text.data[i] = (char)(text.data[i] ^ 1 << bit);
            if (mm_signature_read(&got, text.data, text.length, &diags) == 0 && memcmp(got.key_id, key.id, sizeof key.id) == 0)
                if (holds(&got, "message"))
                    fail_msg("a changed signature holds: byte %zu, bit %d", i, bit);
            text.data[i] = (char)(text.data[i] ^ 1 << bit);
            mm_diags_clear(&diags);
        }
    mm_buf_release(&text);
}

static void every_bit_of_message_and_key_counts(void **state)
{
    struct mm_signature signature;
    unsigned char prehash[MM_PREHASH_BYTES];
    char message[] = "message";
    (void)state;
    sign(&signature, "message", "comment");
    assert_true(holds(&signature, message));
    for (size_t i = 0; i < 8 * strlen("message"); i++) {
        message[i / 8] = (char)(message[i / 8] ^ 1 << i % 8);
        mm_prehash(message, 7, prehash);
        check_true("another message", !mm_signature_holds(&signature, &key, prehash));
        message[i / 8] = (char)(message[i / 8] ^ 1 << i % 8);
    }
    mm_prehash("message", 7, prehash);
    for (size_t i = 0; i < 8 * sizeof key.point; i++) {
        struct mm_public_key other = key;
        other.point[i / 8] = (unsigned char)(other.point[i / 8] ^ 1 << i % 8);
        check_true("another key", !mm_signature_holds(&signature, &other, prehash));
    }
}

static void another_comment_needs_another_signature(void **state)
{
    struct mm_signature signature, other;
    (void)state;
    sign(&signature, "message", "comment");
    sign(&other, "message", "another");
    memcpy(other.comment, signature.comment, sizeof other.comment);
    check_true("its own holds", holds(&signature, "message"));
    check_true("a comment of another signature does not", !holds(&other, "message"));
}

/* Adds the group's order to the scalar at S: the same scalar to whoever does not look. */
static void add_order(unsigned char s[32])
{
    unsigned char one[32] = {1}, order[32];
    crypto_core_ed25519_scalar_negate(order, one); /* the order less one */
    sodium_increment(order, sizeof order);
    sodium_add(s, order, 32);
}

static void a_scalar_of_the_order_or_more_is_refused(void **state)
{
    struct mm_signature signature;
    (void)state;
    sign(&signature, "message", "comment");
    add_order(signature.bytes + 32);
    check_true("in the signature", !holds(&signature, "message"));
    sign(&signature, "message", "comment");
    add_order(signature.global + 32);
    check_true("in the one over the comment", !holds(&signature, "message"));
}

/* A signature whose R is the neutral point: S = H(R, A, M) a fulfils the equation. */
static void an_r_of_small_order_is_refused(void **state)
{
    static const unsigned char neutral[32] = {1};
    struct mm_signature signature;
    unsigned char prehash[64], hash[64], a[64], k[32], left[32], right[32];
    crypto_hash_sha512_state sha;
    (void)state;
    sign(&signature, "message", "comment");
    mm_prehash("message", 7, prehash);
    crypto_hash_sha512(a, secret, 32);
    a[0] &= 248, a[31] &= 127, a[31] |= 64;
    crypto_hash_sha512_init(&sha);
    crypto_hash_sha512_update(&sha, neutral, 32);
    crypto_hash_sha512_update(&sha, point, 32);
    crypto_hash_sha512_update(&sha, prehash, 64);
    crypto_hash_sha512_final(&sha, hash);
    crypto_core_ed25519_scalar_reduce(k, hash);
    memset(a + 32, 0, 32);
    crypto_core_ed25519_scalar_reduce(a, a);
    memcpy(signature.bytes, neutral, 32);
    crypto_core_ed25519_scalar_mul(signature.bytes + 32, k, a);
    /* the equation holds: S B = k A */
    assert_int_equal(crypto_scalarmult_ed25519_base_noclamp(left, signature.bytes + 32), 0);
    assert_int_equal(crypto_scalarmult_ed25519_noclamp(right, k, point), 0);
    assert_memory_equal(left, right, 32);
    check_true("and is refused", !holds(&signature, "message"));
}

/* ---- files ---- */

static void a_file_hashes_as_its_bytes(void **state)
{
    static const size_t sizes[] = {0, 1, 127, 128, 129, 262143, 262144, 262145, 1000000};
    unsigned char *bytes = malloc(1000000), wanted[64], got[64], sha[32], sha_wanted[32];
    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < 1000000; i++)
        bytes[i] = (unsigned char)(i * 7 + i / 251);
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        int fd = file_of(bytes, sizes[i]);
        crypto_generichash(wanted, 64, bytes, sizes[i], NULL, 0);
        crypto_hash_sha256(sha_wanted, bytes, sizes[i]);
        assert_int_equal(mm_prehash_file(fd, NULL, NULL, got, sha, &diags), 0);
        assert_memory_equal(got, wanted, 64);
        assert_memory_equal(sha, sha_wanted, 32);
        mm_prehash(bytes, sizes[i], got);
        assert_memory_equal(got, wanted, 64);
        close(fd);
    }
    int folder = open("/", O_RDONLY | O_DIRECTORY);
    assert_int_equal(mm_prehash_file(folder, NULL, NULL, got, sha, &diags), -1);
    check_findings("a folder", &diags, "io-read");
    close(folder);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_is_a_little_endian_number_in_capitals),
        cmocka_unit_test(a_fingerprint_is_the_hash_of_the_decoded_key),
        cmocka_unit_test(public_keys_have_one_form),
        cmocka_unit_test(a_key_file_has_a_largest_size),
        cmocka_unit_test(every_bit_of_a_public_key_counts),
        cmocka_unit_test(weak_points_are_no_keys),
        cmocka_unit_test(points_of_mixed_order_are_no_keys),
        cmocka_unit_test(signatures_have_one_form),
        cmocka_unit_test(base64_has_one_spelling),
        cmocka_unit_test(base64_is_ascii),
        cmocka_unit_test(legacy_and_other_kinds_are_refused),
        cmocka_unit_test(every_bit_of_a_signature_counts),
        cmocka_unit_test(every_bit_of_message_and_key_counts),
        cmocka_unit_test(another_comment_needs_another_signature),
        cmocka_unit_test(a_scalar_of_the_order_or_more_is_refused),
        cmocka_unit_test(an_r_of_small_order_is_refused),
        cmocka_unit_test(a_file_hashes_as_its_bytes),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
