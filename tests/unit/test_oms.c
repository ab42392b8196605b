#include "unit.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

#include "act/oms.h"
#include "trust/oms_key.h"

#define DIGEST "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03" /* of "hello\n" */
#define ROOT "ecb65bb98f9d905b70458986c39fcbad7715e5f2fcc3b1f07767d7c83e2438cc"   /* SHA-256 of these 32 bytes */
#define HINT "1111111111111111111111111111111111111111111111111111111111111111"
#define MEDIA "\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\""
#define MATERIAL "\"verificationMaterial\":{\"publicKey\":{\"hint\":\"" HINT "\"},\"tlogEntries\":[]}"
#define ENVELOPE(payload, sig)                                                                                         \
    "\"dsseEnvelope\":{\"payload\":\"" payload                                                                         \
    "\",\"payloadType\":\"application/vnd.in-toto+json\",\"signatures\":[{\"sig\":\"" sig "\",\"keyid\":\"\"}]}"
#define BUNDLE "{" MEDIA "," MATERIAL "," ENVELOPE("e30=", "AAEC") "}\n"

#define RESOURCE(name) "{\"name\":\"" name "\",\"digest\":\"" DIGEST "\",\"algorithm\":\"sha256\"}"
#define FILES "\"method\":\"files\",\"hash_type\":\"sha256\",\"allow_symlinks\":false"
#define STATEMENT(root, how, resources)                                                                                \
    "{\"_type\":\"https://in-toto.io/Statement/v1\",\"subject\":[{\"name\":\"m\",\"digest\":{\"sha256\":\"" root       \
    "\"}}],\"predicateType\":\"https://model_signing/signature/v1.0\",\"predicate\":{\"serialization\":{" how          \
    "},\"resources\":[" resources "]}}"

static void check_bundle(const char *text, const char *expected)
{
    struct mm_oms_bundle bundle;
    struct mm_diags diags;
    struct mm_buf again = {0};
    mm_diags_init(&diags);
    int result = mm_oms_bundle_read(&bundle, text, strlen(text), &diags);
    check_number(text, (uint64_t)(result + 1), !*expected);
    check_findings(text, &diags, expected);
    if (result == 0) {
        mm_oms_bundle_write(&bundle, &again);
        check_text("written again", mm_buf_text(&again), text);
    }
    mm_buf_release(&again);
    mm_oms_bundle_release(&bundle);
    mm_diags_release(&diags);
}

static void bundles_are_read_and_written_again(void **state)
{
    (void)state;
    check_bundle(BUNDLE, "");
    check_bundle("{" MEDIA ",\"verificationMaterial\":{\"x509CertificateChain\":{\"certificates\":[{\"rawBytes\":"
                 "\"AAEC\"},{\"rawBytes\":\"/+8=\"}]},\"tlogEntries\":[]}," ENVELOPE("e30=", "AAEC") "}\n",
                 "");
}

static void wrong_bundles_are_refused_where_they_are_wrong(void **state)
{
    (void)state;
    check_bundle("", "json-syntax@#0");
    check_bundle("[]", "oms-form@#0");
    check_bundle("{}", "oms-form");
    check_bundle("{" MEDIA "," MATERIAL "}", "oms-form");
    check_bundle("{\"extra\":1}", "oms-form@#9");
    check_bundle("{" MEDIA "," MATERIAL "," ENVELOPE("e30=", "AAEC") ",\"mediaType\":\"x\"}", "json-duplicate@#311");
    check_bundle("{" ENVELOPE("e30", "AAEC") "}", "oms-form@#27");  /* no padding */
    check_bundle("{" ENVELOPE("e31=", "AAEC") "}", "oms-form@#27"); /* unused bits */
    check_bundle("{" ENVELOPE("e3\xc3\xa9", "AAEC") "}", "oms-form@#27");
    check_bundle("{" ENVELOPE("e30=\\n", "AAEC") "}", "oms-form@#27");
    check_bundle("{" MEDIA ",\"verificationMaterial\":{\"certificate\":{}}}", "oms-unsupported@#99");
    check_bundle("{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.4+json\"}", "oms-unsupported@#13");
}

static void names_are_sound(void **state)
{
    static const char *const good[] = {"a", "a/b", "a b", "..a", "a..", "...", "\xc3\xa9", "a:0:5", "*"};
    static const char *const bad[] = {"",     "/a",   "a/",   "a//b", ".",     "..",       "./a",  "a/./b",
                                      "a/..", "../a", "a\\b", "a\nb", "a\x7f", "\xc2\x85", "\xc3", "\xc0\xaf"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++)
        check_true(good[i], mm_oms_name_sound(good[i]));
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        check_true(bad[i], !mm_oms_name_sound(bad[i]));
}

static void git_is_ignored_at_the_top(void **state)
{
    struct mm_oms_statement statement = {0};
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_oms_statement_ignore(&statement, "a/b", &diags), 0);
    static const char *const yes[] = {".git", ".git/HEAD", ".github/x", ".gitignore", ".gitattributes", "a/b", "a/b/c"};
    static const char *const no[] = {".gitmodules", ".gitx", "a/.git", "a", "a/bc", "a/c", "b"};
    for (size_t i = 0; i < COUNT_OF(yes); i++)
        check_true(yes[i], mm_oms_ignored(&statement, yes[i]));
    for (size_t i = 0; i < COUNT_OF(no); i++)
        check_true(no[i], !mm_oms_ignored(&statement, no[i]));
    mm_oms_statement_release(&statement);
    mm_diags_release(&diags);
}

static void check_statement(const char *text, const char *expected)
{
    struct mm_oms_statement statement;
    struct mm_diags diags;
    mm_diags_init(&diags);
    int result = mm_oms_statement_read(&statement, text, strlen(text), &diags);
    check_number(text, (uint64_t)(result + 1), !*expected);
    check_findings(text, &diags, expected);
    mm_oms_statement_release(&statement);
    mm_diags_release(&diags);
}

static void statements_are_read(void **state)
{
    (void)state;
    check_statement(STATEMENT(ROOT, FILES, RESOURCE("a")), "");
    check_statement(STATEMENT(ROOT, FILES, RESOURCE(".")), "");
    check_statement(STATEMENT(HINT, FILES, RESOURCE("a")), "oms-form");
    check_statement(STATEMENT(ROOT, FILES ",\"shard_size\":5", RESOURCE("a")), "oms-form");
    check_statement(
        STATEMENT(ROOT, "\"method\":\"shards\",\"hash_type\":\"sha256\",\"allow_symlinks\":false,\"shard_size\":5",
                  RESOURCE("a:0:5")),
        "");
    check_statement(
        STATEMENT(ROOT, "\"method\":\"shards\",\"hash_type\":\"sha256\",\"allow_symlinks\":false,\"shard_size\":5",
                  RESOURCE("a:b:0:3")),
        "");
    static const struct {
        const char *size, *expected;
    } sizes[] = {{"5.0", ""},
                 {"5.000", ""},
                 {"0.5e1", ""},
                 {"5E+00", ""},
                 {"50e-1", ""},
                 {"500.0e-02", ""},
                 {"5e15", "oms-form@#315"},
                 {"1e15", ""},
                 {"1125899906842624", ""},
                 {"1125899906842625", "oms-form@#315"},
                 {"0.0", "oms-form@#315"},
                 {"0e9", "oms-form@#315"},
                 {"-5", "oms-form@#315"},
                 {"5.5", "oms-form@#315"},
                 {"55e-1", "oms-form@#315"},
                 {"5e-1", "oms-form@#315"},
                 {"5e99", "oms-form@#315"},
                 {"5e99999999999999999999", "oms-form@#315"},
                 {"18446744073709551621", "oms-form@#315"},
                 {"\"5\"", "oms-form@#315"}};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        char *text = NULL;
        assert_true(asprintf(&text,
                             STATEMENT(ROOT,
                                       "\"method\":\"shards\",\"hash_type\":\"sha256\",\"allow_symlinks\":false,"
                                       "\"shard_size\":%s",
                                       RESOURCE("a:0:5")),
                             sizes[i].size) > 0);
        check_statement(text, sizes[i].expected);
        free(text);
    }
    static const char *const ranges[] = {
        "a", "a:0", "a:0:0", "a:0:6", "a:5:6", "a:00:5", "a:0:+5", "a:5:0", ":0:5", "a::5", "a:0:9223372036854775808"};
    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        char *text = NULL;
        assert_true(
            asprintf(
                &text,
                STATEMENT(ROOT,
                          "\"method\":\"shards\",\"hash_type\":\"sha256\",\"allow_symlinks\":true,\"shard_size\":5",
                          RESOURCE("%s")),
                ranges[i]) > 0);
        check_statement(text, "oms-form");
        free(text);
    }
}

/* A new private key in PEM text, locked if PASSWORD is given. */
static void make_key(const char *curve, const char *password, struct mm_secret *text)
{
    struct mm_diags diags;
    char *bytes;
    EVP_PKEY *pkey = EVP_EC_gen(curve);
    BIO *bio = BIO_new(BIO_s_mem());
    mm_diags_init(&diags);
    assert_true(pkey && bio &&
                PEM_write_bio_PKCS8PrivateKey(bio, pkey, password ? EVP_aes_256_cbc() : NULL, password,
                                              password ? (int)strlen(password) : 0, NULL, NULL) == 1);
    long length = BIO_get_mem_data(bio, &bytes);
    assert_int_equal(mm_secret_init(text, (size_t)length, &diags), 0);
    memcpy(text->bytes, bytes, (size_t)length);
    text->length = (size_t)length;
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    mm_diags_release(&diags);
}

static int say_password(void *context, struct mm_secret *password, struct mm_diags *diags)
{
    const char *const text = context;
    (void)diags;
    assert_true(strlen(text) <= password->capacity);
    memcpy(password->bytes, text, strlen(text));
    password->length = strlen(text);
    return 0;
}

static struct mm_oms_key *new_key(const char *curve)
{
    struct mm_secret text;
    struct mm_diags diags;
    mm_diags_init(&diags);
    make_key(curve, NULL, &text);
    struct mm_oms_key *key = mm_oms_key_read_secret(&text, NULL, NULL, &diags);
    assert_non_null(key);
    mm_secret_release(&text);
    mm_diags_release(&diags);
    return key;
}

static void signatures_hold_for_their_key_and_every_byte(void **state)
{
    static const char *const curves[] = {"P-256", "P-384", "P-521"};
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    for (size_t i = 0; i < COUNT_OF(curves); i++) {
        struct mm_oms_bundle bundle = {0};
        struct mm_oms_signer signer;
        struct mm_oms_key *key = new_key(curves[i]), *other = new_key(curves[(i + 1) % COUNT_OF(curves)]);
        struct mm_oms_trust trust = {.key = key}, wrong = {.key = other};
        mm_buf_str(&bundle.payload, "{\"payload\": 1}");
        assert_int_equal(mm_oms_sign(&bundle, key, NULL, &diags), 0);
        assert_int_equal(mm_oms_verify(&bundle, &trust, &signer, &diags), 0);
        check_text("the hint", signer.key, bundle.hint);
        assert_int_equal(mm_oms_verify(&bundle, &wrong, &signer, &diags), -1);
        check_findings("another key by its hint", &diags, "oms-key");
        for (size_t at = 0; at < 8 * (bundle.payload.length + bundle.signature.length); at++) {
            struct mm_buf *in = at / 8 < bundle.payload.length ? &bundle.payload : &bundle.signature;
            size_t byte = in == &bundle.payload ? at / 8 : at / 8 - bundle.payload.length;
            in->data[byte] ^= (char)(1 << at % 8);
            assert_int_equal(mm_oms_verify(&bundle, &trust, &signer, &diags), -1);
            check_findings(curves[i], &diags, "oms-signature");
            in->data[byte] ^= (char)(1 << at % 8);
        }
        bundle.hint[0] = '\0';
        assert_int_equal(mm_oms_verify(&bundle, &trust, &signer, &diags), 0);
        assert_int_equal(mm_oms_verify(&bundle, &wrong, &signer, &diags), -1);
        check_findings("another key of another curve", &diags, "oms-signature");
        mm_oms_bundle_release(&bundle);
        mm_oms_key_free(key);
        mm_oms_key_free(other);
    }
    mm_diags_release(&diags);
}

static void passwords_open_keys(void **state)
{
    struct mm_secret text;
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    make_key("P-256", "geheim", &text);
    struct mm_oms_key *key = mm_oms_key_read_secret(&text, say_password, "geheim", &diags);
    assert_non_null(key);
    mm_oms_key_free(key);
    assert_null(mm_oms_key_read_secret(&text, say_password, "falsch", &diags));
    check_findings("a wrong password", &diags, "key-password");
    assert_null(mm_oms_key_read_secret(&text, say_password, "", &diags));
    check_findings("an empty password", &diags, "key-password");
    assert_null(mm_oms_key_read_secret(&text, NULL, NULL, &diags));
    check_findings("nobody to ask", &diags, "key-password");
    text.length /= 2;
    assert_null(mm_oms_key_read_secret(&text, say_password, "geheim", &diags));
    check_findings("half a key", &diags, "oms-key");
    mm_secret_release(&text);
    assert_null(mm_oms_key_read("", 0, &diags));
    check_findings("no key", &diags, "oms-key");
    assert_null(mm_oms_roots_read("", 0, &diags));
    check_findings("no certificates", &diags, "oms-certificate");
    mm_diags_release(&diags);
}

static void tell(void *context, const char *name, enum mm_oms_result result)
{
    mm_buf_printf(context, "%s:%s ", mm_oms_result_words[result], name);
}

static void a_folder_is_collected_and_checked(void **state)
{
    char *folder = make_folder();
    struct mm_oms_statement statement = {.model = strdup("m")};
    struct mm_oms_counts counts;
    struct mm_diags diags;
    struct mm_buf told = {0};
    struct mm_oms_options options = {.bundle = -1, .each = tell, .each_context = &told};
    (void)state;
    mm_diags_init(&diags);
    write_file(in_folder(folder, "a"), BYTES("hello\n"));
    write_file(in_folder(folder, ".gitignore"), BYTES("x"));
    int root = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mm_oms_collect(&statement, root, &options, &diags), 0);
    assert_int_equal(statement.count, 1);
    assert_int_equal(mm_oms_check(&statement, root, &options, &counts, &diags), 0);
    check_text("sound", mm_buf_text(&told), "pass:a ");
    check_number("files", counts.files, 1);
    check_number("ignored", counts.ignored, 1);
    mm_buf_clear(&told);
    write_file(in_folder(folder, "a"), BYTES("jello\n"));
    write_file(in_folder(folder, "b"), BYTES(""));
    assert_int_equal(mm_oms_check(&statement, root, &options, &counts, &diags), -1);
    check_text("changed", mm_buf_text(&told), "differs:a surplus:b ");
    check_findings("changed", &diags, "oms-file oms-surplus");
    close(root);
    mm_buf_release(&told);
    mm_oms_statement_release(&statement);
    mm_diags_release(&diags);
    remove_folder(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bundles_are_read_and_written_again),
        cmocka_unit_test(wrong_bundles_are_refused_where_they_are_wrong),
        cmocka_unit_test(names_are_sound),
        cmocka_unit_test(git_is_ignored_at_the_top),
        cmocka_unit_test(statements_are_read),
        cmocka_unit_test(signatures_hold_for_their_key_and_every_byte),
        cmocka_unit_test(passwords_open_keys),
        cmocka_unit_test(a_folder_is_collected_and_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
