#include "unit.h"

#include <sodium.h>

#include "exchange/peer_id.h"

/* RFC 8032, 7.1, test 1: the public key, and what `base32` says of it. */
static const unsigned char known_key[MM_PEER_KEY_BYTES] = {0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe,
                                                           0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6,
                                                           0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a};
#define KNOWN_ID "25njqamcweflpvkl73j4szahhihoc4xt3ktcgjnpaingr5yhkena"

static void ids_are_base32(void **state)
{
    char id[MM_PEER_ID_TEXT];
    unsigned char key[MM_PEER_KEY_BYTES];
    (void)state;
    assert_string_equal(mm_peer_id_write(id, known_key), KNOWN_ID);
    assert_true(mm_peer_id_read(BYTES(KNOWN_ID), key));
    assert_memory_equal(key, known_key, sizeof key);
}

static void every_key_has_one_id(void **state)
{
    unsigned char key[MM_PEER_KEY_BYTES], secret[64], again[MM_PEER_KEY_BYTES];
    char id[MM_PEER_ID_TEXT];
    (void)state;
    for (int i = 0; i < 50; i++) {
        crypto_sign_keypair(key, secret);
        mm_peer_id_write(id, key);
        assert_int_equal(strlen(id), MM_PEER_ID_LENGTH);
        assert_true(mm_peer_id_read(id, MM_PEER_ID_LENGTH, again));
        assert_memory_equal(key, again, sizeof key);
    }
}

static void other_spellings_are_refused(void **state)
{
    unsigned char key[MM_PEER_KEY_BYTES];
    char id[MM_PEER_ID_TEXT] = KNOWN_ID;
    (void)state;
    assert_false(mm_peer_id_read(id, 51, key));
    assert_false(mm_peer_id_read(BYTES(KNOWN_ID "a"), key));
    assert_false(mm_peer_id_read(BYTES(KNOWN_ID "===="), key));
    assert_false(mm_peer_id_read(BYTES("25NJQAMCWEFLPVKL73J4SZAHHIHOC4XT3KTCGJNPAINGR5YHKENA"), key));
    for (const char *wrong = "0189=A \n"; *wrong; wrong++) {
        id[7] = *wrong;
        assert_false(mm_peer_id_read(id, MM_PEER_ID_LENGTH, key));
    }
    id[7] = '\0';
    assert_false(mm_peer_id_read(id, MM_PEER_ID_LENGTH, key));
    snprintf(id, sizeof id, "%s", KNOWN_ID);
    for (const char *spare = "bcdefghijklmno"; *spare; spare++) { /* the last character is one of a and q */
        id[51] = *spare;
        assert_false(mm_peer_id_read(id, MM_PEER_ID_LENGTH, key));
    }
}

static void keys_for_which_anybody_signs_are_refused(void **state)
{
    unsigned char weak[MM_PEER_KEY_BYTES] = {1}, key[MM_PEER_KEY_BYTES];
    char id[MM_PEER_ID_TEXT];
    (void)state;
    mm_peer_id_write(id, weak); /* the neutral element */
    assert_false(mm_peer_id_read(id, MM_PEER_ID_LENGTH, key));
    weak[0] = 0; /* of order 4 */
    mm_peer_id_write(id, weak);
    assert_false(mm_peer_id_read(id, MM_PEER_ID_LENGTH, key));
    memset(weak, 0xff, sizeof weak); /* no canonical point */
    mm_peer_id_write(id, weak);
    assert_false(mm_peer_id_read(id, MM_PEER_ID_LENGTH, key));
}

static void addresses_read_as_they_are_written(void **state)
{
    static const struct {
        const char *text, *host;
        bool is_ipv6;
        unsigned port;
    } cases[] = {
        {"h3://192.0.2.7:4433#" KNOWN_ID, "192.0.2.7", false, 4433},
        {"h3://[2001:db8::1]:1#" KNOWN_ID, "2001:db8::1", true, 1},
        {"h3://[::ffff:192.0.2.1]:65535#" KNOWN_ID, "::ffff:192.0.2.1", true, 65535},
        {"h3://desk.example.org:443#" KNOWN_ID, "desk.example.org", false, 443},
        {"h3://localhost:4433#" KNOWN_ID, "localhost", false, 4433},
        {"h3://xn--bcher-kva.example:80#" KNOWN_ID, "xn--bcher-kva.example", false, 80},
        {"h3://7.local:80#" KNOWN_ID, "7.local", false, 80},
    };
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct mm_peer_address address;
        struct mm_buf out = {0};
        assert_int_equal(mm_peer_address_read(&address, cases[i].text, strlen(cases[i].text), &diags), 0);
        check_text(cases[i].text, address.host, cases[i].host);
        check_number(cases[i].text, address.port, cases[i].port);
        assert_int_equal(address.is_ipv6, cases[i].is_ipv6);
        assert_memory_equal(address.key, known_key, sizeof known_key);
        mm_peer_address_write(&address, &out);
        check_text("written", mm_buf_text(&out), cases[i].text);
        assert_true(out.length <= MM_PEER_ADDRESS_MAX);
        mm_buf_release(&out);
    }
    mm_diags_release(&diags);
}

static void other_addresses_are_refused(void **state)
{
    static const char *const wrong[] = {
        "", "h3://", "h3://#" KNOWN_ID, "h3://:443#" KNOWN_ID, "h3://host#" KNOWN_ID, "h3://host:#" KNOWN_ID,
        "h3://host:0#" KNOWN_ID, "h3://host:65536#" KNOWN_ID, "h3://host:0443#" KNOWN_ID, "h3://host:+443#" KNOWN_ID,
        "h3://host:443", "h3://host:443#", "h3://host:443#abc", "h3://host:443/#" KNOWN_ID, "h3://host:443/path#" KNOWN_ID,
        "https://host:443#" KNOWN_ID, "H3://host:443#" KNOWN_ID, "h3://Host:443#" KNOWN_ID, "h3://user@host:443#" KNOWN_ID,
        "h3://2001:db8::1:443#" KNOWN_ID, "h3://[2001:db8::1]#" KNOWN_ID, "h3://[2001:db8::1:443#" KNOWN_ID, "h3://[]:443#" KNOWN_ID,
        "h3://[fe80::1%eth0]:443#" KNOWN_ID, "h3://[192.0.2.1]:443#" KNOWN_ID, "h3://[::1]x:443#" KNOWN_ID, "h3://192.0.2:443#" KNOWN_ID,
        "h3://192.0.2.256:443#" KNOWN_ID, "h3://1:443#" KNOWN_ID, "h3://a..b:443#" KNOWN_ID, "h3://a.:443#" KNOWN_ID, "h3://.a:443#" KNOWN_ID,
        "h3://-a:443#" KNOWN_ID, "h3://a-:443#" KNOWN_ID, "h3://a_b:443#" KNOWN_ID, "h3://a b:443#" KNOWN_ID, "h3://host:443#" KNOWN_ID "\n",
        " h3://host:443#" KNOWN_ID, "h3://host:443##" KNOWN_ID,
        "h3://aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffgggg.org:443#" KNOWN_ID,
    };
    struct mm_peer_address address;
    struct mm_diags diags;
    char text[600];
    (void)state;
    mm_diags_init(&diags);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        check_number(wrong[i], (uint64_t)mm_peer_address_read(&address, wrong[i], strlen(wrong[i]), &diags), (uint64_t)-1);
        check_findings(wrong[i], &diags, "peer-address");
    }
    assert_int_equal(mm_peer_address_read(&address, "h3://a\0b:443#" KNOWN_ID, 13 + 53, &diags), -1);
    check_findings("a NUL", &diags, "peer-address");
    size_t length = (size_t)snprintf(text, sizeof text, "h3://");
    for (int i = 0; i < 127; i++) /* 254 characters of name */
        length += (size_t)snprintf(text + length, sizeof text - length, "a.");
    snprintf(text + length, sizeof text - length, "a:443#" KNOWN_ID);
    assert_int_equal(mm_peer_address_read(&address, text, strlen(text), &diags), -1);
    check_findings("a long name", &diags, "peer-address");
    mm_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_are_base32),
        cmocka_unit_test(every_key_has_one_id),
        cmocka_unit_test(other_spellings_are_refused),
        cmocka_unit_test(keys_for_which_anybody_signs_are_refused),
        cmocka_unit_test(addresses_read_as_they_are_written),
        cmocka_unit_test(other_addresses_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
