#include "unit.h"

#include "text/route.h"

typedef const char *check_fn(const char *text, size_t length, size_t *at);

static void check_accepted(check_fn *check, const char *text)
{
    size_t at = 99;
    const char *expected = check(text, strlen(text), &at);
    if (expected)
        fail_msg("%s: expected %s at %zu", text, expected, at);
}

static void check_refused(check_fn *check, const char *text, size_t length, size_t place)
{
    size_t at = 9999;
    check_true(text, check(text, length, &at) != NULL);
    check_number(text, at, place);
}

/* ---- URLs ---- */

static void urls_are_https(void **state)
{
    (void)state;
    assert_true(mm_route_is_url(BYTES("https://x")));
    assert_true(mm_route_is_url(BYTES("https://")));
    assert_false(mm_route_is_url(BYTES("https:/")));
    assert_false(mm_route_is_url(BYTES("HTTPS://x/")));
    assert_false(mm_route_is_url(BYTES("http://x/")));
    assert_false(mm_route_is_url(BYTES("a/https://x")));
}

static void strict_urls_are_accepted(void **state)
{
    static const char *const cases[] = {
        "https://example.org/", "https://example.org/a", "https://example.org/a/b.txt", "https://example.org/a/", "https://a/", "https://A.B-c/x", "https://1.2.3.4/x",
        "https://example.org:1/x", "https://example.org:443/", "https://example.org:65535/x", "https://[::1]/x", "https://[::]/", "https://[2001:db8::1]:8443/x",
        "https://[1:2:3:4:5:6:7:8]/", "https://[1::]/", "https://[1:2:3:4:5:6:7::]/", "https://[::2:3:4:5:6:7:8]/", "https://[FE80::abCD]/",
        "https://h/-._~!$&'()*+,=:@", "https://h/%20a", "https://h/%3F%23%5B", "https://h/%C3%A9%e2%82%ac", "https://h/%41", "https://h/a.b", "https://h/..a", "https://h/...a/b",
        "https://h/%2Ea", "https://xn--bcher-kva.example/", "https://a_b.c~d/",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_accepted(mm_route_check_url, cases[i]);
}

static void hosts_and_ports_are_strict(void **state)
{
    static const struct { const char *text; size_t at; } cases[] = {
        {"", 0}, {"x", 0}, {"http://h/", 0}, {"HTTPS://h/", 0}, {"https:/h/", 0}, {"https:h/", 0}, {"https://", 8}, {"https:///x", 8}, {"https://h", 9}, {"https://h.example", 17},
        {"https://.h/", 8}, {"https://a..b/", 10}, {"https://./", 8}, {"https://user@h/", 12}, {"https://u:p@h/", 10}, {"https://h?q/", 9}, {"https://h#f/", 9}, {"https://h\\x/", 9},
        {"https://h%41/", 9}, {"https://h\xC3\xA9/", 9}, {"https://h x/", 9}, {"https://a!b/", 9}, {"https://h:/", 10}, {"https://h:0/", 10}, {"https://h:080/", 12}, {"https://h:65536/", 14},
        {"https://h:123456/", 15}, {"https://h:8a/", 11}, {"https://h:-1/", 10}, {"https://h:80:80/", 12}, {"https://:80/", 8},
        {"https://[::1/", 8}, {"https://[]/", 9}, {"https://[:]/", 9}, {"https://[:::]/", 11}, {"https://[1::2::3]/", 15}, {"https://[1:2:3]/", 13}, {"https://[1:2:3:4:5:6:7:8:9]/", 25},
        {"https://[1:2:3:4:5:6:7::8]/", 24}, {"https://[12345::]/", 13}, {"https://[g::]/", 9}, {"https://[:1:2:3:4:5:6:7]/", 9}, {"https://[1:2:3:4:5:6:7:]/", 22},
        {"https://[::1.2.3.4]/", 12}, {"https://[fe80::1%25eth0]/", 16}, {"https://[v1.x]/", 9}, {"https://[::1]x/", 13}, {"https://[::1]:/", 14},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_refused(mm_route_check_url, cases[i].text, strlen(cases[i].text), cases[i].at);
}

static void segments_are_strict(void **state)
{
    static const struct { const char *text; size_t length, at; } cases[] = {
        {BYTES("https://h/a?q"), 11}, {BYTES("https://h/a#f"), 11}, {BYTES("https://h/?"), 10}, {BYTES("https://h/a b"), 11}, {BYTES("https://h/a\tb"), 11}, {BYTES("https://h/\0"), 10},
        {BYTES("https://h/a\"b"), 11}, {BYTES("https://h/a<b"), 11}, {BYTES("https://h/a\\b"), 11}, {BYTES("https://h/a[b"), 11}, {BYTES("https://h/a|b"), 11}, {BYTES("https://h/a^b"), 11},
        {BYTES("https://h/a`b"), 11}, {BYTES("https://h/a{b"), 11}, {BYTES("https://h/\xC3\xA9"), 10}, {BYTES("https://h/x/a b"), 13},
        {BYTES("https://h//"), 10}, {BYTES("https://h//a"), 10}, {BYTES("https://h/a//"), 12}, {BYTES("https://h/a//b"), 12},
        {BYTES("https://h/."), 10}, {BYTES("https://h/.."), 10}, {BYTES("https://h/../a"), 10}, {BYTES("https://h/a/./b"), 12}, {BYTES("https://h/%2e"), 10}, {BYTES("https://h/%2E%2e/x"), 10},
        {BYTES("https://h/a."), 10}, {BYTES("https://h/a%2E"), 10}, {BYTES("https://h/a%20"), 10}, {BYTES("https://h/a./b"), 10}, {BYTES("https://h/x/a%20/b"), 12},
        {BYTES("https://h/a;b"), 10}, {BYTES("https://h/;"), 10}, {BYTES("https://h/a%3Bb"), 10}, {BYTES("https://h/a%3b"), 10},
        {BYTES("https://h/%"), 10}, {BYTES("https://h/a%4"), 11}, {BYTES("https://h/%4g"), 10}, {BYTES("https://h/%g4"), 10}, {BYTES("https://h/%%41"), 10}, {BYTES("https://h/%4/1"), 10},
        {BYTES("https://h/a%25b"), 11}, {BYTES("https://h/a%2Fb"), 11}, {BYTES("https://h/a%2fb"), 11}, {BYTES("https://h/a%00"), 10}, {BYTES("https://h/%0A"), 10}, {BYTES("https://h/%1f"), 10},
        {BYTES("https://h/%7F"), 10}, {BYTES("https://h/%C2%80"), 10}, {BYTES("https://h/%C2%9f"), 10}, {BYTES("https://h/%80"), 10}, {BYTES("https://h/%C3"), 10}, {BYTES("https://h/%C0%AF"), 10},
        {BYTES("https://h/%ED%A0%80"), 10}, {BYTES("https://h/%F4%90%80%80"), 10}, {BYTES("https://h/x/%C3(/y"), 12}, {BYTES("https://h/%E2%82/%AC"), 10},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_refused(mm_route_check_url, cases[i].text, cases[i].length, cases[i].at);
}

static void the_longest_urls_fit(void **state)
{
    char text[1200] = "https://h/";
    size_t at;
    (void)state;
    memset(text + 10, 'a', sizeof text - 10);
    assert_null(mm_route_check_url(text, 1024, &at));
    for (size_t i = 10; i + 3 <= 1024; i += 3)
        memcpy(text + i, "%41", 3);
    assert_null(mm_route_check_url(text, 10 + 3 * 338, &at));
}

/* ---- mail ---- */

static void mail_addresses_are_accepted(void **state)
{
    static const char *const cases[] = {"mailto:a@b", "mailto:a.b-c_d+e@example.org", "mailto:x@1.2.3.4", "mailto:!$&'*+=-_~9@h", "mailto:A@B.C"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_accepted(mm_route_check_mail, cases[i]);
}

static void other_mail_addresses_are_refused(void **state)
{
    static const struct { const char *text; size_t length, at; } cases[] = {
        {BYTES(""), 0}, {BYTES("a@b"), 0}, {BYTES("MAILTO:a@b"), 0}, {BYTES("mailto:"), 7}, {BYTES("mailto:a"), 8}, {BYTES("mailto:@b"), 7}, {BYTES("mailto:a@"), 9}, {BYTES("mailto:a@b?subject=x"), 10},
        {BYTES("mailto:a?b@c"), 8}, {BYTES("mailto:a@b@c"), 10}, {BYTES("mailto:a b@c"), 8}, {BYTES("mailto:a@b c"), 10}, {BYTES("mailto:a,b@c"), 8}, {BYTES("mailto:a%40@c"), 8}, {BYTES("mailto:\"a\"@c"), 7},
        {BYTES("mailto:.a@c"), 7}, {BYTES("mailto:a..b@c"), 9}, {BYTES("mailto:a.@c"), 9}, {BYTES("mailto:\xC3\xA9@c"), 7}, {BYTES("mailto:a@\xC3\xA9"), 9}, {BYTES("mailto:a@b/"), 10}, {BYTES("mailto:a@b:25"), 10},
        {BYTES("mailto:a\0@b"), 8}, {BYTES("mailto:a@[::1]"), 9}, {BYTES("mailto://a@b"), 7}, {BYTES("mailto:a@b..c"), 11}, {BYTES("mailto:a#@b"), 8},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_refused(mm_route_check_mail, cases[i].text, cases[i].length, cases[i].at);
}

/* ---- the catalog boundary ---- */

static void the_last_segment_is_decoded(void **state)
{
    static const struct { const char *route, *segment; } cases[] = {
        {"LICENSE", "LICENSE"}, {"a/b/card.md", "card.md"}, {"https://h/a/b.gguf", "b.gguf"}, {"https://h/a/b.gguf/", "b.gguf"}, {"https://h/", ""}, {"https://h.gguf/", ""},
        {"https://h/%67g%75f", "gguf"}, {"https://h/x%2Egguf", "x.gguf"}, {"https://h/a%20b", "a b"}, {"https://h/%C3%A9", "\xC3\xA9"}, {"https://h/a/%41", "A"}, {"https://[::1]:8/a", "a"},
        {"a b.chunks.gz", "a b.chunks.gz"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char segment[MM_ROUTE_SEGMENT];
        size_t length = mm_route_last_segment(cases[i].route, strlen(cases[i].route), segment);
        check_text(cases[i].route, segment, cases[i].segment);
        assert_int_equal(length, strlen(cases[i].segment));
    }
}

static void weights_and_archives_are_refused_by_ending(void **state)
{
    static const char *const endings[] = {".slm", ".gguf", ".ggml", ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".onnx", ".tflite", ".npz", ".h5", ".pkl", ".zip", ".tar", ".gz",
                                          ".tgz", ".xz", ".zst", ".7z", ".torrent"};
    char name[64];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        snprintf(name, sizeof name, "model%s", endings[i]);
        assert_non_null(mm_route_refused_ending(name, strlen(name)));
        check_text(name, mm_route_refused_ending(name, strlen(name)), endings[i]);
        for (char *c = name; *c; c++)
            *c = (char)(*c >= 'a' && *c <= 'z' && (c - name) % 2 == 0 ? *c - 32 : *c);
        check_true(name, mm_route_refused_ending(name, strlen(name)) != NULL);
        check_true(endings[i], mm_route_refused_ending(endings[i], strlen(endings[i])) != NULL);
        snprintf(name, sizeof name, "model%s.txt", endings[i]);
        check_true(name, mm_route_refused_ending(name, strlen(name)) == NULL);
        check_true(endings[i] + 1, mm_route_refused_ending(endings[i] + 1, strlen(endings[i]) - 1) == NULL);
    }
    assert_null(mm_route_refused_ending("", 0));
    assert_null(mm_route_refused_ending(BYTES("README.md")));
    assert_null(mm_route_refused_ending(BYTES("x.chunks")));
    assert_non_null(mm_route_refused_ending(BYTES("x.chunks.gz")));
    assert_null(mm_route_refused_ending("x.gguf", 5));
}

static void chunk_lists_have_their_endings(void **state)
{
    (void)state;
    assert_true(mm_route_is_chunk_list(BYTES("a.chunks")));
    assert_true(mm_route_is_chunk_list(BYTES("a.chunks.gz")));
    assert_true(mm_route_is_chunk_list(BYTES(".chunks")));
    assert_false(mm_route_is_chunk_list(BYTES("achunks")));
    assert_false(mm_route_is_chunk_list(BYTES("chunks")));
    assert_false(mm_route_is_chunk_list(BYTES("a.chunks.xz")));
    assert_false(mm_route_is_chunk_list(BYTES("a.CHUNKS")));
    assert_false(mm_route_is_chunk_list(BYTES("a.chunks.gz.txt")));
    assert_false(mm_route_is_chunk_list(BYTES("")));
}

/* ---- URLs in free text ---- */

/* All URLs found in TEXT: "AT+LENGTH" each, an s behind https ones. */
static void check_found(const char *text, const char *expected)
{
    struct mm_buf found = {0};
    size_t at = 0, length = 0, place;
    bool https = false;
    while ((place = mm_route_find_url(text, strlen(text), &at, &length, &https)) != SIZE_MAX)
        mm_buf_printf(&found, "%s%zu+%zu%s", found.length ? " " : "", place, length, https ? "s" : "");
    check_text(text, mm_buf_text(&found), expected);
    mm_buf_release(&found);
}

static void urls_are_found_in_free_text(void **state)
{
    static const struct { const char *text, *found; } cases[] = {
        {"", ""}, {"plain text", ""}, {"https://h/x", "0+11s"}, {"see https://h/x now", "4+11s"}, {"HTTPS://H/X", "0+11s"}, {"HttpS://h/x", "0+11s"}, {"http://h", "0+8"}, {"HTTP:x", "0+6"},
        {"ftp://h/x", "0+9"}, {"magnet:?xt=1", "0+12"}, {"Magnet:?xt=1", "0+12"}, {"ipfs://Qm", "0+9"}, {"ipfs:Qm", "0+7"}, {"a https://h/ b http://i/ c", "2+10s 15+9"}, {"(http://h)", "1+9"},
        {"\"https://h/\"", "1+11s"}, {"hf://org/name", ""}, {"git+https://h/x", ""}, {"xhttp://h", ""}, {"x-http:h", ""}, {"x.ftp:h", ""}, {"1ftp:h", ""}, {"https:", ""}, {"https:/h", ""},
        {"http", ""}, {"http :x", ""}, {"sftp://h", ""}, {"=https://h/x", "1+11s"}, {"\xC3\xA9http:x", "2+6"}, {":http:x", "1+6"}, {"/http:x", "1+6"}, {"ftps://h", ""}, {"doi:10.1/x", ""},
        {"_http:x", "1+6"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_found(cases[i].text, cases[i].found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_https),
        cmocka_unit_test(strict_urls_are_accepted),
        cmocka_unit_test(hosts_and_ports_are_strict),
        cmocka_unit_test(segments_are_strict),
        cmocka_unit_test(the_longest_urls_fit),
        cmocka_unit_test(mail_addresses_are_accepted),
        cmocka_unit_test(other_mail_addresses_are_refused),
        cmocka_unit_test(the_last_segment_is_decoded),
        cmocka_unit_test(weights_and_archives_are_refused_by_ending),
        cmocka_unit_test(chunk_lists_have_their_endings),
        cmocka_unit_test(urls_are_found_in_free_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
