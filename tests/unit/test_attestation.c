#include "unit.h"

#include "doc/attestation.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES "1111111111111111111111111111111111111111111111111111111111111111"
#define GIT "2222222222222222222222222222222222222222"
#define VERSION "version https://git-lfs.github.com/spec/v1\n"
#define MODEL "application/vnd.ollama.image.model"
#define LAYER(type, digest, size) "{\"mediaType\":\"" type "\",\"digest\":\"sha256:" digest "\",\"size\":" size "}"
#define OLLAMA(layers) "{\"schemaVersion\":2,\"config\":" LAYER("c", ONES, "2") ",\"layers\":[" layers "]}"

/* "KIND NAME:DIGEST[0]/SIZE@LINE ...": what was read, the digest by its first byte. */
static void list_items(const struct mm_attestation *attestation, struct mm_buf *out)
{
    mm_buf_str(out, mm_attestation_words[attestation->kind]);
    for (size_t i = 0; i < attestation->count; i++) {
        const struct mm_attested *item = &attestation->items[i];
        mm_buf_printf(out, " %s:%02x%s%s", mm_attested_name(attestation, item), item->digest[0], item->git ? "g" : "",
                      item->weights ? "w" : "");
        if (item->has_size)
            mm_buf_printf(out, "/%" PRIu64, item->size);
        if (item->line)
            mm_buf_printf(out, "@%" PRIu64, item->line);
    }
}

static void check(const char *text, size_t length, const char *items, const char *findings)
{
    struct mm_attestation attestation;
    struct mm_diags diags;
    struct mm_buf found = {0};
    mm_diags_init(&diags);
    int result = mm_attestation_read(&attestation, text, length, &diags);
    check_findings(text, &diags, findings);
    check_number(text, (uint64_t)(result + 1), !*findings);
    if (result == 0) {
        list_items(&attestation, &found);
        check_text(text, mm_buf_text(&found), items);
    }
    mm_buf_release(&found);
    mm_attestation_release(&attestation);
    mm_diags_release(&diags);
}

static void reads(const char *text, const char *items)
{
    check(text, strlen(text), items, "");
}

static void refuses(const char *text, const char *findings)
{
    check(text, strlen(text), "", findings);
}

static void sums_come_in_the_forms_of_several_programs(void **state)
{
    (void)state;
    reads(ZEROS "  a\n", "sha256sums a:00@1");
    reads(ZEROS " *a\n", "sha256sums a:00@1");
    reads(ZEROS "   a \n", "sha256sums  a :00@1");
    reads(ZEROS "  a", "sha256sums a:00@1");
    reads(ZEROS "  a\r\n" ONES "  b\r\n", "sha256sums a:00@1 b:11@2");
    reads("# x\n\n\r\n" ZEROS "  a/b\n", "sha256sums a/b:00@4");
    reads("AB"
          "CDEF000000000000000000000000000000000000000000000000000000000000"
          "  a\n" +
              2,
          "sha256sums a:cd@1");
    reads("SHA256 (a) = " ONES "\n", "sha256sums a:11@1");
    reads("SHA256(a)= " ONES "\n", "sha256sums a:11@1");
    reads("SHA2-256(a)= " ONES "\n", "sha256sums a:11@1");
    reads("SHA256 (a) = b) = " ONES "\n", "sha256sums a) = b:11@1");
    reads("SHA256 ((a)) = " ONES "\n", "sha256sums (a):11@1");
    reads("\\" ZEROS "  a\\\\b\\nc\\r\n", "sha256sums a\\b\nc\r:00@1");
    reads("\\SHA256 (a\\\\) = " ONES "\n", "sha256sums a\\:11@1");
    reads(ZEROS "  ./a\n" ONES "  ././b/./c\n", "sha256sums a:00@1 b/./c:11@2");
    reads(ZEROS "  ./\n", "sha256sums ./:00@1");
    reads(ZEROS "  a\n" ZEROS "  ./a\n", "sha256sums a:00@1 a:00@2");
}

static void other_lines_are_no_sums(void **state)
{
    (void)state;
    refuses("", "attest-form");
    refuses("# nothing\n\n", "attest-form");
    refuses("x\n", "attest-form@1:1");
    refuses(ZEROS "\n", "attest-form@1:1");
    refuses(ZEROS " a\n", "attest-form@1:1");
    refuses(ZEROS "  \n", "attest-form@1:1");
    refuses(ZEROS "\t a\n", "attest-form@1:1");
    refuses(ZEROS "0  a\n", "attest-form@1:1");
    refuses(ZEROS "  a\n" ZEROS ONES "  a\n", "attest-form@2:1");
    refuses("SHA256 () = " ONES "\n", "attest-form@1:1");
    refuses("SHA256 (a) " ONES "\n", "attest-form@1:1");
    refuses("SHA256 (a = " ONES "\n", "attest-form@1:1");
    refuses("SHA256 (= " ONES "\n", "attest-form@1:1");
    refuses("SHA256 ( = " ONES "\n", "attest-form@1:1");
    refuses("SHA256 (a) = 0" ONES "\n", "attest-form@1:1");
    refuses("SHA1 (a) = " GIT "\n", "attest-form@1:1");
    refuses("\\\n", "attest-form@1:1");
    refuses("\\" ZEROS "  a\\x\n", "attest-form@1:1");
    refuses("\\" ZEROS "  \\\n", "attest-form@1:1");
    refuses("\xef\xbb\xbf" ZEROS "  a\n", "attest-form@1:1");
    check(BYTES(ZEROS "  a\0b\n"), "", "attest-form");
    check(BYTES("\0"), "", "attest-form");
}

static void two_hashes_of_one_file_are_refused(void **state)
{
    (void)state;
    refuses(ZEROS "  a\n" ONES "  b\n" ONES "  a\n", "attest-form@3:1");
    refuses(ZEROS "  a\n" ONES "  ././a\n", "attest-form@2:1");
    refuses(ZEROS "  a\nSHA256 (a) = " ONES "\n", "attest-form@2:1");
}

static void pointers_have_three_lines(void **state)
{
    (void)state;
    reads(VERSION "oid sha256:" ONES "\nsize 12\n", "lfs-pointer :11/12@2");
    reads(VERSION "oid sha256:" ONES "\nsize 0\n", "lfs-pointer :11/0@2");
    reads("version https://hawser.github.com/spec/v1\noid sha256:" ONES "\nsize 9223372036854775807\n",
          "lfs-pointer :11/9223372036854775807@2");
    refuses("version \n", "attest-form@1:1");
    refuses("version https://example.org/\noid sha256:" ONES "\nsize 1\n", "attest-form@1:1");
    refuses(VERSION, "attest-form@2:1");
    refuses(VERSION "oid sha256:" ONES, "attest-form@2:1");
    refuses(VERSION "oid sha256:" ONES "\n", "attest-form@3:1");
    refuses(VERSION "oid sha256:" ONES "1\nsize 1\n", "attest-form@2:1");
    refuses(VERSION "oid sha256:\nsize 1\n", "attest-form@2:1");
    refuses(VERSION "oid md5:" ONES "\nsize 1\n", "attest-form@2:1");
    refuses(VERSION "size 1\noid sha256:" ONES "\n", "attest-form@2:1");
    refuses(VERSION "ext-0-a sha256:" ZEROS "\noid sha256:" ONES "\nsize 1\n", "attest-form@2:1");
    refuses(VERSION "oid sha256:" ONES "\nsize 01\n", "attest-form@3:1");
    refuses(VERSION "oid sha256:" ONES "\nsize 9223372036854775808\n", "attest-form@3:1");
    refuses(VERSION "oid sha256:" ONES "\nsize \n", "attest-form@3:1");
    refuses(VERSION "oid sha256:" ONES "\nsize 1", "attest-form@3:1");
    refuses(VERSION "oid sha256:" ONES "\nsize 1\r\n", "attest-form@3:1");
    refuses(VERSION "oid sha256:" ONES "\nsize 1\n\n", "attest-form@4:1");
}

static void metadata_has_commit_etag_and_time(void **state)
{
    (void)state;
    reads(GIT "\n" ONES "\n1700000000.5\n", "hf-metadata :11@2");
    reads(GIT "\r\n" GIT "\r\n1700000000\r\n", "hf-metadata :22g@2");
    reads(GIT "\n" ONES "\n1.0", "hf-metadata :11@2");
    refuses(GIT "\n", "attest-form@2:1");
    refuses(GIT, "attest-form@2:1");
    refuses(GIT "\n\n1.0\n", "attest-form@2:1");
    refuses(GIT "\n\"" ONES "\"\n1.0\n", "attest-form@2:1");
    refuses(GIT "\n" ONES "-2\n1.0\n", "attest-form@2:1");
    refuses(GIT "\n" ONES "\n", "attest-form@3:1");
    refuses(GIT "\n" ONES "\n\n", "attest-form@3:1");
    refuses(GIT "\n" ONES "\n1.0.0\n", "attest-form@3:1");
    refuses(GIT "\n" ONES "\n.5\n", "attest-form@3:1");
    refuses(GIT "\n" ONES "\nnan\n", "attest-form@3:1");
    refuses(GIT "\n" ONES "\n-1\n", "attest-form@3:1");
    refuses(GIT "\n" ONES "\n1.0\n\n", "attest-form@4:1");
}

static void layers_have_digest_and_size(void **state)
{
    (void)state;
    reads(OLLAMA(LAYER(MODEL, ZEROS, "5")), "ollama :11/2 :00w/5");
    reads("\n {\"schemaVersion\":2,\"layers\":[" LAYER("x", ZEROS, "0") "],\"else\":[{}],\"config\":" LAYER("c", ONES,
                                                                                                            "2") "}",
          "ollama :11/2 :00/0");
    refuses("{\"schemaVersion\":2,\"layers\":[" LAYER("x", ZEROS, "0") "]}", "attest-form@#0");
    reads(OLLAMA(LAYER("x", ZEROS, "5") "," LAYER(MODEL, ZEROS, "5")), "ollama :11/2 :00/5 :00w/5");
    refuses("{}", "attest-form");
    refuses("{\"layers\":[]}", "attest-form@#0");
    refuses("{\"schemaVersion\":1,\"layers\":[]}", "attest-form@#17");
    refuses("{\"schemaVersion\":2,\"layers\":[]}", "attest-form@#28");
    refuses("{\"schemaVersion\":2,\"layers\":{}}", "attest-form@#28");
    refuses("{\"schemaVersion\":2,\"config\":" LAYER("c", ONES, "2") ",\"layers\":[{}]}", "attest-form@#148");
    refuses("{\"schemaVersion\":2,\"config\":3,\"layers\":[{}]}", "attest-form@#28");
    refuses(OLLAMA(LAYER("x", "0" ZEROS, "5")), "attest-form@#174");
    refuses(OLLAMA(LAYER("x", ZEROS, "-5")), "attest-form@#255");
    refuses(OLLAMA(LAYER("x", ZEROS, "9223372036854775808")), "attest-form@#255");
    refuses(OLLAMA(LAYER("x", ONES, "5")), "attest-form@#255");
    refuses("{\"schemaVersion\":2,\"schemaVersion\":2,\"layers\":[]}", "json-duplicate@#19");
    refuses("{", "json-syntax@#1");
    refuses("{}x", "json-syntax@#2");
}

static void bundles_are_told(void **state)
{
    (void)state;
    reads("{\"mediaType\":\"application/vnd.dev.sigstore.bundle.v0.3+json\"}", "oms");
    refuses("{\"mediaType\":\"application/json\"}", "attest-form");
    refuses("{\"mediaType\":3}", "attest-form");
}

static void names_are_compared_as_bytes(void **state)
{
    struct mm_attestation attestation = {0};
    struct mm_attested zeros = {0}, ones = {.digest = {1}, .line = 7};
    struct mm_diags diags;
    (void)state;
    mm_diags_init(&diags);
    assert_int_equal(mm_attestation_check_names(&attestation, &diags), 0);
    assert_int_equal(mm_attestation_add(&attestation, "a", 1, zeros, &diags), 0);
    assert_int_equal(mm_attestation_add(&attestation, "a\0b", 3, ones, &diags), 0);
    assert_int_equal(mm_attestation_add(&attestation, "A", 1, ones, &diags), 0);
    assert_int_equal(mm_attestation_check_names(&attestation, &diags), 0);
    assert_int_equal(mm_attestation_add(&attestation, "a", 1, ones, &diags), 0);
    assert_int_equal(mm_attestation_check_names(&attestation, &diags), -1);
    check_findings("two hashes", &diags, "attest-form@7:1");
    mm_attestation_release(&attestation);
    mm_diags_release(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_come_in_the_forms_of_several_programs),
        cmocka_unit_test(other_lines_are_no_sums),
        cmocka_unit_test(two_hashes_of_one_file_are_refused),
        cmocka_unit_test(pointers_have_three_lines),
        cmocka_unit_test(metadata_has_commit_etag_and_time),
        cmocka_unit_test(layers_have_digest_and_size),
        cmocka_unit_test(bundles_are_told),
        cmocka_unit_test(names_are_compared_as_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
