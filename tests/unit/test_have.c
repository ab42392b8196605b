#include "unit.h"

#include "exchange/have.h"
#include "exchange/resource.h"

static void bit_seven_is_the_first_chunk(void **state)
{
    unsigned char have[2] = {0};
    (void)state;
    mm_have_add(have, 0);
    mm_have_add(have, 9);
    assert_int_equal(have[0], 0x80);
    assert_int_equal(have[1], 0x40);
    assert_true(mm_have_has(have, 0) && mm_have_has(have, 9) && !mm_have_has(have, 1) && !mm_have_has(have, 8));
    mm_have_remove(have, 0);
    assert_int_equal(have[0], 0);
    assert_int_equal(mm_have_count(have, 10), 1);
}

static void bitmaps_have_no_spare_bits(void **state)
{
    unsigned char have[3];
    (void)state;
    for (uint64_t count = 0; count <= 24; count++) {
        memset(have, 0, sizeof have);
        mm_have_fill(have, count);
        assert_int_equal(mm_have_size(count), (count + 7) / 8);
        assert_int_equal(mm_have_count(have, count), count);
        assert_true(mm_have_is_sound(have, mm_have_size(count), count));
        assert_false(mm_have_is_sound(have, mm_have_size(count) + 1, count));
        if (count % 8) {
            assert_false(count > 8 && mm_have_is_sound(have, mm_have_size(count) - 1, count));
            have[count / 8] |= 1;
            assert_false(mm_have_is_sound(have, mm_have_size(count), count));
        }
    }
}

static void chunks_are_found(void **state)
{
    unsigned char have[40] = {0};
    (void)state;
    assert_int_equal(mm_have_next(have, 0, 320), 320);
    mm_have_add(have, 77);
    mm_have_add(have, 78);
    mm_have_add(have, 319);
    assert_int_equal(mm_have_next(have, 0, 320), 77);
    assert_int_equal(mm_have_next(have, 78, 320), 78);
    assert_int_equal(mm_have_next(have, 79, 320), 319);
    assert_int_equal(mm_have_next(have, 79, 319), 319);
    assert_int_equal(mm_have_next(have, 320, 320), 320);
    assert_true(mm_have_all(have, 77, 78));
    assert_false(mm_have_all(have, 76, 78));
}

static void paths_read_as_they_are_written(void **state)
{
    unsigned char hash[MM_HASH_BYTES], found[MM_HASH_BYTES];
    char path[MM_RESOURCE_PATH];
    (void)state;
    for (unsigned i = 0; i < sizeof hash; i++)
        hash[i] = (unsigned char)(i * 37);
    for (enum mm_resource r = MM_RESOURCE_ABOUT; r <= MM_RESOURCE_HAVE; r++) {
        bool hashed = r >= MM_RESOURCE_MANIFEST;
        memset(found, 0, sizeof found);
        mm_resource_write(path, r, hashed ? hash : NULL);
        check_number(path, mm_resource_read(path, strlen(path), found), r);
        assert_int_equal(memcmp(found, hash, sizeof hash) == 0, hashed);
        for (size_t at = 0; path[at]; at++) { /* one spelling each */
            char was = path[at];
            path[at] = (char)(was ^ 0x20);
            if (path[at] != was && !(was >= '0' && was <= '9'))
                check_number(path, mm_resource_read(path, strlen(path), found), MM_RESOURCE_NONE);
            path[at] = was;
        }
        check_number("cut", mm_resource_read(path, strlen(path) - 1, found), MM_RESOURCE_NONE);
    }
}

static void countersignatures_have_one_path(void **state)
{
    static const char id[] = "0F1E2D3C4B5A6978";
    unsigned char hash[MM_HASH_BYTES], found[MM_HASH_BYTES];
    char path[MM_RESOURCE_PATH], key_id[MM_KEY_ID_TEXT];
    (void)state;
    for (unsigned i = 0; i < sizeof hash; i++)
        hash[i] = (unsigned char)(i * 41);
    size_t length = strlen(mm_resource_write_countersignature(path, hash, id));
    assert_true(mm_resource_read_countersignature(path, length, found, key_id));
    assert_memory_equal(found, hash, sizeof hash);
    assert_string_equal(key_id, id);
    check_number(path, mm_resource_read(path, length, found), MM_RESOURCE_NONE);
    for (size_t at = 0; at < length; at++) {
        char was = path[at];
        path[at] = (char)(was ^ 0x20);
        if (!(was >= '0' && was <= '9'))
            assert_false(mm_resource_read_countersignature(path, length, found, key_id));
        path[at] = was;
        assert_false(mm_resource_read_countersignature(path, at, found, key_id));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bit_seven_is_the_first_chunk),
        cmocka_unit_test(bitmaps_have_no_spare_bits),
        cmocka_unit_test(countersignatures_have_one_path),
        cmocka_unit_test(chunks_are_found),
        cmocka_unit_test(paths_read_as_they_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
