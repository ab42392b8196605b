#include "unit.h"

#include <sodium.h>

#include "exchange/discovery.h"

static struct mm_discovered made(unsigned number)
{
    struct mm_discovered found = {.port = 4433, .address = {192, 0, 2, (unsigned char)number}, .name = "somebody"};
    unsigned char seed[crypto_sign_SEEDBYTES] = {0}, secret[crypto_sign_SECRETKEYBYTES];
    memcpy(seed, &number, sizeof number);
    crypto_sign_seed_keypair(found.key, secret, seed);
    return found;
}

static void what_is_announced_is_read(void **state)
{
    struct mm_discovered peer = made(1);
    char text[MM_DISCOVERY_TEXT], name[MM_DISCOVERY_NAME];
    unsigned char key[MM_PEER_KEY_BYTES];
    (void)state;
    mm_discovery_text(text, peer.key);
    assert_int_equal(strlen(text), sizeof text - 1);
    assert_true(strlen(text) <= MM_DISCOVERY_STRING_MAX);
    assert_int_equal(mm_discovery_read((unsigned char *)text, strlen(text), key), 1);
    assert_memory_equal(key, peer.key, sizeof key);
    text[0] = 'P';
    assert_int_equal(mm_discovery_read((unsigned char *)text, strlen(text), key), 1);
    assert_int_equal(strncmp(mm_discovery_name(name, peer.key), "minimodel-", 10), 0);
    assert_int_equal(strlen(name), 22);
}

static int read_as(const char *text, size_t length)
{
    unsigned char key[MM_PEER_KEY_BYTES];
    unsigned char *exact = malloc(length ? length : 1);
    assert_non_null(exact);
    memcpy(exact, text, length);
    int result = mm_discovery_read(exact, length, key);
    free(exact);
    return result;
}

static void other_strings_are_told_from_wrong_ones(void **state)
{
    struct mm_discovered peer = made(1);
    char text[MM_DISCOVERY_TEXT], longer[MM_DISCOVERY_TEXT + 1];
    (void)state;
    mm_discovery_text(text, peer.key);
    assert_int_equal(read_as(BYTES("")), 0);
    assert_int_equal(read_as(BYTES("peer-i")), 0);
    assert_int_equal(read_as(BYTES("peer-ids=x")), 0);
    assert_int_equal(read_as(BYTES("txtvers=1")), 0);
    assert_int_equal(read_as(BYTES("peer-id")), -1);
    assert_int_equal(read_as(BYTES("peer-id=")), -1);
    assert_int_equal(read_as(BYTES("peer-id=\0aaa")), -1);
    assert_int_equal(read_as(text, sizeof text - 2), -1);
    assert_int_equal(read_as(text, sizeof text), -1); /* with its NUL */
    snprintf(longer, sizeof longer, "%s=", text);
    assert_int_equal(read_as(longer, sizeof longer - 1), -1);
    /* y = 0, a point of small order, is nobody's key */
    assert_int_equal(read_as(BYTES("peer-id=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")), -1);
}

static bool sound(bool is_ipv6, const char *bytes)
{
    struct mm_discovered found = made(1);
    memset(found.address, 0, sizeof found.address);
    found.is_ipv6 = is_ipv6;
    memcpy(found.address, bytes, is_ipv6 ? 16 : 4);
    return mm_discovered_is_sound(&found);
}

static void addresses_that_lead_nowhere_are_refused(void **state)
{
    (void)state;
    assert_true(sound(false, "\xc0\x00\x02\x01"));
    assert_true(sound(false, "\xa9\xfe\x01\x01")); /* of a link, which needs no zone */
    assert_false(sound(false, "\x00\x00\x00\x00"));
    assert_false(sound(false, "\x7f\x00\x00\x01"));
    assert_false(sound(false, "\xe0\x00\x00\xfb"));
    assert_false(sound(false, "\xff\xff\xff\xff"));
    assert_true(sound(true, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"));
    assert_true(sound(true, "\xfd\x77\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"));
    assert_false(sound(true, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
    assert_false(sound(true, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"));
    assert_false(sound(true, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x7f\0\0\x01"));
    assert_false(sound(true, "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"));
    assert_false(sound(true, "\xfe\xbf\0\0\0\0\0\0\0\0\0\0\0\0\0\x01"));
    assert_false(sound(true, "\xff\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\xfb"));
}

static void messages_are_not_believed(void **state)
{
    struct mm_discovered found = made(1);
    (void)state;
    assert_true(mm_discovered_is_sound(&found));
    found.port = 0;
    assert_false(mm_discovered_is_sound(&found));
    found = made(1);
    found.is_ipv6 = 2;
    assert_false(mm_discovered_is_sound(&found));
    found = made(1);
    memset(found.name, 'x', sizeof found.name);
    assert_false(mm_discovered_is_sound(&found));
    found = made(1);
    memset(found.key, 0, sizeof found.key);
    assert_false(mm_discovered_is_sound(&found));
}

static void the_list_is_bounded_and_sorted(void **state)
{
    struct mm_discoveries all = {0};
    struct mm_discovered found;
    char id[MM_PEER_ID_TEXT], before[MM_PEER_ID_TEXT] = "";
    (void)state;
    for (unsigned i = 0; i < 300; i++) {
        found = made(i);
        assert_int_equal(mm_discoveries_add(&all, &found), i < MM_DISCOVERY_FOUND);
    }
    assert_int_equal(all.count, MM_DISCOVERY_FOUND);
    assert_int_equal(all.left_out, 300 - MM_DISCOVERY_FOUND);
    mm_discoveries_sort(&all);
    for (size_t i = 0; i < all.count; i++) {
        assert_true(strcmp(before, mm_peer_id_write(id, all.items[i].key)) < 0);
        memcpy(before, id, sizeof before);
    }
    mm_discoveries_release(&all);
    assert_int_equal(all.count, 0);
}

static void one_peer_has_a_few_addresses(void **state)
{
    struct mm_discoveries all = {0};
    struct mm_discovered found = made(1);
    (void)state;
    assert_true(mm_discoveries_add(&all, &found));
    strcpy(found.name, "another name");
    assert_false(mm_discoveries_add(&all, &found));
    assert_int_equal(all.left_out, 0);
    for (unsigned char i = 1; i < 20; i++) {
        found.address[1] = i;
        assert_int_equal(mm_discoveries_add(&all, &found), i < MM_DISCOVERY_ADDRESSES_EACH);
    }
    found = made(2);
    assert_true(mm_discoveries_add(&all, &found));
    mm_discoveries_release(&all);
}

static void it_becomes_an_address(void **state)
{
    struct mm_discovered found = made(7);
    struct mm_peer_address address, again;
    struct mm_buf text = {0};
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    for (unsigned char is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
        found.is_ipv6 = is_ipv6;
        mm_discovered_address(&found, &address);
        mm_buf_clear(&text);
        mm_peer_address_write(&address, &text);
        assert_int_equal(mm_peer_address_read(&again, text.data, text.length, &diags), 0);
        assert_int_equal(again.port, 4433);
        assert_int_equal(again.is_ipv6, is_ipv6);
        assert_memory_equal(again.key, found.key, sizeof again.key);
    }
    mm_buf_release(&text);
    mm_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_announced_is_read),
        cmocka_unit_test(other_strings_are_told_from_wrong_ones),
        cmocka_unit_test(addresses_that_lead_nowhere_are_refused),
        cmocka_unit_test(messages_are_not_believed),
        cmocka_unit_test(the_list_is_bounded_and_sorted),
        cmocka_unit_test(one_peer_has_a_few_addresses),
        cmocka_unit_test(it_becomes_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
