#include "unit.h"

#include "hash/sha256.h"

static void take_hex(struct mm_sha256 *sha, char hex[MM_HASH_HEX + 1])
{
    unsigned char digest[MM_HASH_BYTES];
    mm_sha256_take(sha, digest);
    mm_hex(hex, digest, MM_HASH_BYTES);
}

/* FIPS 180-4 examples, as NIST publishes them. */
static const struct { const char *text, *hex; } vectors[] = {
    {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
     "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
};

static void vectors_of_nist_hold(void **state)
{
    char hex[MM_HASH_HEX + 1];
    struct mm_sha256 *sha = mm_sha256_new();
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        mm_sha256_update(sha, vectors[i].text, strlen(vectors[i].text));
        take_hex(sha, hex);
        check_text(vectors[i].text, hex, vectors[i].hex);
    }
    mm_sha256_free(sha);
}

static void a_million_letters_hash_in_any_pieces(void **state)
{
    static const size_t pieces[] = {1000, 1, 64, 63, 65, 1000000};
    char hex[MM_HASH_HEX + 1], *text = test_malloc(1000000);
    struct mm_sha256 *sha = mm_sha256_new();
    (void)state;
    memset(text, 'a', 1000000);
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        for (size_t at = 0; at < 1000000; at += pieces[i])
            mm_sha256_update(sha, text, pieces[i] < 1000000 - at ? pieces[i] : 1000000 - at);
        take_hex(sha, hex);
        assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    }
    test_free(text);
    mm_sha256_free(sha);
}

static void splits_do_not_change_a_digest(void **state)
{
    char hex[MM_HASH_HEX + 1];
    struct mm_sha256 *sha = mm_sha256_new();
    size_t length = strlen(vectors[3].text);
    (void)state;
    for (size_t cut = 0; cut <= length; cut++) {
        mm_sha256_update(sha, vectors[3].text, cut);
        mm_sha256_update(sha, vectors[3].text + cut, length - cut);
        take_hex(sha, hex);
        assert_string_equal(hex, vectors[3].hex);
    }
    mm_sha256_free(sha);
}

static void one_call_is_the_same(void **state)
{
    unsigned char digest[MM_HASH_BYTES];
    char hex[MM_HASH_HEX + 1];
    struct mm_sha256 *sha = mm_sha256_new();
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        mm_sha256_once(sha, vectors[i].text, strlen(vectors[i].text), digest);
        mm_hex(hex, digest, MM_HASH_BYTES);
        assert_string_equal(hex, vectors[i].hex);
    }
    mm_sha256_once(sha, NULL, 0, digest);
    assert_memory_equal(digest, mm_sha256_empty, MM_HASH_BYTES);
    mm_sha256_free(sha);
}

static void the_digest_of_nothing_is_known(void **state)
{
    char hex[MM_HASH_HEX + 1];
    (void)state;
    mm_hex(hex, mm_sha256_empty, MM_HASH_BYTES);
    assert_string_equal(hex, vectors[0].hex);
    mm_sha256_free(NULL);
}

static void two_streams_do_not_mix(void **state)
{
    char hex[MM_HASH_HEX + 1];
    struct mm_sha256 *one = mm_sha256_new(), *other = mm_sha256_new();
    (void)state;
    mm_sha256_update(one, "a", 1);
    mm_sha256_update(other, "zzz", 3);
    mm_sha256_update(one, "bc", 2);
    take_hex(one, hex);
    assert_string_equal(hex, vectors[1].hex);
    mm_sha256_free(one);
    mm_sha256_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_nist_hold),
        cmocka_unit_test(a_million_letters_hash_in_any_pieces),
        cmocka_unit_test(splits_do_not_change_a_digest),
        cmocka_unit_test(one_call_is_the_same),
        cmocka_unit_test(the_digest_of_nothing_is_known),
        cmocka_unit_test(two_streams_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
