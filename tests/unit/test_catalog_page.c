/* Pages of a catalog: values stay text, numbers are rounded as they are said to be, and the same lines make the same bytes. */
#include "unit.h"

#include "doc/catalog_page_parts.h"
#include "hash/sha256.h"

#define H "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct mm_diags diags;
static struct mm_page_frames frames;

static int set_up(void **state)
{
    (void)state;
    mm_diags_init(&diags);
    return mm_page_frames_init(&frames, &diags);
}

static int tear_down(void **state)
{
    (void)state;
    mm_page_frames_release(&frames);
    mm_diags_release(&diags);
    return 0;
}

static void take(const char *what, struct mm_buf *out, const char *expected)
{
    check_text(what, mm_buf_text(out), expected);
    mm_buf_clear(out);
}

/* How often NEEDLE stands in TEXT. */
static size_t count(const char *text, const char *needle)
{
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, needle)); at += strlen(needle))
        found++;
    return found;
}

/* ---- values ---- */

static void test_text(void **state)
{
    struct mm_buf out = {0};
    struct mm_canonical_text value = {BYTES("a \\\"<b>\\\" \\\\ & 'c' \xd7\xa9")};
    (void)state;
    mm_page_text(&out, BYTES("<a href=\"x\">&'\\"));
    take("bytes", &out, "&lt;a href=&quot;x&quot;&gt;&amp;&#39;\\");
    mm_page_text(&out, "", 0);
    take("nothing", &out, "");
    mm_page_value(&out, &value);
    take("what a line says", &out, "a &quot;&lt;b&gt;&quot; \\ &amp; &#39;c&#39; \xd7\xa9");
    mm_page_isolated(&out, &(struct mm_canonical_text){BYTES("</bdi>")});
    take("isolated", &out, "<bdi>&lt;/bdi&gt;</bdi>");
    mm_buf_release(&out);
}

static void test_numbers(void **state)
{
    static const struct {
        uint64_t number;
        const char *plain, *bytes;
    } cases[] = {
        {0, "\"0\" title=\"0\">0<", ">0 B<"},
        {999, "\"999\" title=\"999\">999<", ">999 B<"},
        {1000, "\"1000\" title=\"1,000\">1.00 k<", ">1.00 kB<"},
        {1004, "\"1004\" title=\"1,004\">1.00 k<", ">1.00 kB<"},
        {1005, "\"1005\" title=\"1,005\">1.01 k<", ">1.01 kB<"},
        {12345, "\"12345\" title=\"12,345\">12.3 k<", ">12.3 kB<"},
        {999499, "\"999499\" title=\"999,499\">999 k<", ">999 kB<"},
        {999500, "\"999500\" title=\"999,500\">1.00 M<", ">1.00 MB<"},
        {12300000, "\"12300000\" title=\"12,300,000\">12.3 M<", ">12.3 MB<"},
        {7241732096, "\"7241732096\" title=\"7,241,732,096\">7.24 B<", ">7.24 GB<"},
        {INT64_MAX, "\"9223372036854775807\" title=\"9,223,372,036,854,775,807\">9.22 E<", ">9.22 EB<"},
    };
    struct mm_buf out = {0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char expected[120];
        mm_page_number(&out, cases[i].number, "");
        snprintf(expected, sizeof expected, "<data value=%s/data>", cases[i].plain);
        take("a number", &out, expected);
        mm_page_number(&out, cases[i].number, "B");
        check_true(cases[i].bytes, strstr(mm_buf_text(&out), cases[i].bytes) != NULL);
        mm_buf_clear(&out);
    }
    mm_buf_release(&out);
}

static void test_times(void **state)
{
    struct mm_buf out = {0};
    (void)state;
    mm_page_time(&out, BYTES("2026-01-02T03:04:05Z"));
    take("a time", &out, "<time datetime=\"2026-01-02T03:04:05Z\">2026-01-02 03:04:05 UTC</time>");
    mm_page_time(&out, "2026-01-02T03:04:05Z", 10);
    take("a day", &out, "<time datetime=\"2026-01-02\">2026-01-02</time>");
    mm_buf_release(&out);
}

static void test_routes(void **state)
{
    static const struct {
        const char *route, *expected;
    } cases[] = {
        {"https://example.org/a'b", "<a rel=\"noreferrer nofollow\" "
                                    "href=\"https://example.org/a&#39;b\"><bdi>https://example.org/a&#39;b</bdi></a>"},
        {"mailto:a@example.org",
         "<a rel=\"noreferrer nofollow\" href=\"mailto:a@example.org\"><bdi>mailto:a@example.org</bdi></a>"},
        {"javascript:alert(1)", "<code><bdi>javascript:alert(1)</bdi></code>"},
        {"http://example.org/", "<code><bdi>http://example.org/</bdi></code>"},
        {"HTTPS://example.org/", "<code><bdi>HTTPS://example.org/</bdi></code>"},
        {"LICENSE", "<code><bdi>LICENSE</bdi></code>"},
    };
    struct mm_buf out = {0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        mm_page_route(&out, &(struct mm_canonical_text){cases[i].route, strlen(cases[i].route)});
        take(cases[i].route, &out, cases[i].expected);
    }
    mm_buf_release(&out);
}

static void test_words(void **state)
{
    static const struct {
        const char *word, *expected;
    } cases[] = {
        {"manifests/a/b/1.manifest", "manifests/a/b/1.manifest"},
        {"https://example.org/a,b=c", "https://example.org/a,b=c"},
        {"", "&#39;&#39;"},
        {"-x", "&#39;-x&#39;"},
        {"a b", "&#39;a b&#39;"},
        {"https://example.org/$(x)&y;z", "&#39;https://example.org/$(x)&amp;y;z&#39;"},
        {"it's", "&#39;it&#39;\\&#39;&#39;s&#39;"},
        {"~", "&#39;~&#39;"},
    };
    struct mm_buf out = {0};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        mm_page_word(&out, cases[i].word, strlen(cases[i].word));
        take(cases[i].word, &out, cases[i].expected);
    }
    mm_buf_release(&out);
}

/* ---- what a page says of itself ---- */

static void test_names(void **state)
{
    char name[MM_PAGE_NAME], path[MM_PAGE_PATH];
    (void)state;
    check_text("the first", mm_page_name(name, false, 1), "index.html");
    check_text("the second", mm_page_name(name, false, 2), "index-2.html");
    check_text("withdrawn", mm_page_name(name, true, 1), "withdrawn.html");
    check_text("the last that can be", mm_page_name(name, true, UINT64_MAX), "withdrawn-18446744073709551615.html");
    check_text("a model", mm_page_path(path, "a/b.c"), "manifests/a/b.c/index.html");
}

static void test_layout(void **state)
{
#define BEFORE                                                                                                         \
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"generator\" "                 \
    "content=\"minimodel-catalog pages "
    (void)state;
    check_number("ours", mm_page_layout(BYTES(BEFORE "1\">\n")), 1);
    check_number("another's", mm_page_layout(BYTES(BEFORE "27\">\n")), 27);
    check_number("no number", mm_page_layout(BYTES(BEFORE "x\">\n")), 0);
    check_number("a number that is not one", mm_page_layout(BYTES(BEFORE "01\">\n")), 0);
    check_number("cut off", mm_page_layout(BYTES(BEFORE "1")), 0);
    check_number("cut off early", mm_page_layout(BYTES("<!DOCTYPE")), 0);
    check_number("nothing", mm_page_layout("", 0), 0);
}

static void test_whose(void **state)
{
    struct mm_catalog_head head = {.catalog_id = "c", .publisher_id = "p", .sequence = 3, .sha256 = {7}};
    struct mm_page_front front = {.head = &head};
    struct mm_buf rows = {0}, out = {0};
    (void)state;
    memcpy(head.created, "2026-01-01T00:00:00Z", MM_TIME_SIZE);
    memcpy(head.expires, "2027-01-01T00:00:00Z", MM_TIME_SIZE);
    mm_page_index(&frames, &front, &rows, &out);
    check_true("of this head", mm_page_is_of(out.data, out.length, &head));
    check_number("the layout", mm_page_layout(out.data, out.length), MM_PAGE_LAYOUT);
    check_true("nothing is listed", strstr(out.data, "No models are listed") && !strstr(out.data, "<table"));
    head.sha256[31] = 1;
    check_true("of another", !mm_page_is_of(out.data, out.length, &head));
    check_true("of none", !mm_page_is_of("", 0, &head));
    mm_buf_release(&out);
}

/* The hashes that the policy names are those of what stands between the tags. */
static void check_policy(const char *page, const char *directive, const char *tag)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char digest[MM_HASH_BYTES + 1] = {0};
    char open[16], close[16], wanted[96];
    snprintf(open, sizeof open, "<%s>", tag);
    snprintf(close, sizeof close, "</%s>", tag);
    const char *from = strstr(page, open) + strlen(open), *to = strstr(from, close);
    struct mm_sha256 *sha = mm_sha256_new();
    mm_sha256_once(sha, from, (size_t)(to - from), digest);
    mm_sha256_free(sha);
    int length = snprintf(wanted, sizeof wanted, "%s 'sha256-", directive);
    for (unsigned bit = 0; bit < 258; bit += 6) /* 43 digits; the last has two bits of nothing */
        wanted[length++] =
            digits[(digest[bit / 8] << 8 | digest[bit / 8 + 1 < 33 ? bit / 8 + 1 : 32]) >> (10 - bit % 8) & 63];
    strcpy(wanted + length, "='");
    check_true(wanted, strstr(page, wanted) != NULL && count(page, open) == 1);
}

/* ---- pages of models ---- */

static const char line[] =
    "{\"architecture\":\"llama\",\"artifact_bytes\":1500,\"artifacts\":[{\"bytes\":300,\"format\":\"text\",\"merkle_"
    "root\":\"" H "\",\"path\":\"LICENSE\",\"role\":\"license\",\"sha256\":\"" H
    "\"},{\"bytes\":1200,\"format\":\"gguf\",\"merkle_root\":\"" H
    "\",\"path\":\"m.gguf\",\"role\":\"weights\",\"sha256\":\"" H "\",\"tokenizer_sha256\":\"" H
    "\"}],\"created\":\"2026-01-01T00:00:00Z\",\"display_name\":\"<script>\\\"&\\\\\",\"evidence_status\":[\"derived "
    "pass " H " -\",\"x-seen fail - "
    "https://example.org/e\"],\"key_id\":\"0123456789ABCDEF\",\"license\":\"MIT\",\"license_route\":\"LICENSE\""
    ",\"manifest_route\":\"%s\",\"manifest_sha256\":\"" H
    "\",\"manifest_signature_route\":\"%s.minisig\",\"model_card_route\":"
    "\"https://example.org/c\",\"model_id\":\"a/"
    "b\",\"model_shape\":{\"block_count\":1,\"context_length\":2,\"embedding_length\":3,"
    "\"feed_forward_length\":4,\"head_count\":5,\"head_count_kv\":6,\"vocab_size\":7},\"parameters\":1234567,\"peer_"
    "hint\":\"none\","
    "\"previous_manifest\":\"" H
    "\",\"publisher_id\":\"a\",\"quantization\":\"q8_0\",\"revision\":%d,\"source_lane\":\"quantized\","
    "\"source_summary\":[\"- two\",\"" H
    " <i>one\"],\"tags\":[\"t\",\"u\"],\"takedown_route\":\"mailto:a@example.org\","
    "\"version\":\"1.%d\"}";

/* TEXT keeps what ENTRY points into. */
static void read_entry(struct mm_catalog_entry *entry, int revision, const char *route, struct mm_buf *text)
{
    char own[64];
    snprintf(own, sizeof own, "manifests/a/b/%d.manifest", revision);
    mm_buf_clear(text);
    mm_buf_printf(text, line, route ? route : own, route ? route : own, revision, revision);
    if (mm_catalog_entry_read(entry, text->data, text->length, 1, &diags) < 0)
        fail_msg("no entry: %s", diags.items[0].text);
}

static void make_page(int revisions, int withdrawn, const char *route, struct mm_buf *out)
{
    struct mm_model_page page;
    struct mm_catalog_entry entry;
    struct mm_buf text = {0};
    struct mm_withdrawal gone = {.model_id = "a/b", .reason = "<b>why</b>", .time = "2026-02-02T00:00:00Z"};
    mm_model_page_init(&page, &frames);
    for (int again = 0; again < 2; again++) { /* what one page leaves behind does not show in the next */
        mm_buf_clear(out);
        mm_model_page_begin(&page, "a/b");
        for (int i = 1; i <= revisions; i++) {
            read_entry(&entry, i, route, &text);
            mm_model_page_entry(&page, &entry);
        }
        for (int i = 1; i <= withdrawn; i++) {
            gone.revision = (uint64_t)(revisions + i);
            strcpy(gone.notice_route, i % 2 ? "https://example.org/n" : "");
            mm_model_page_withdrawn(&page, &gone);
        }
        assert_int_equal(mm_model_page_finish(&page, out, &diags), 0);
    }
    mm_model_page_release(&page);
    mm_buf_release(&text);
}

static void has(const struct mm_buf *page, const char *text)
{
    check_true(text, strstr(page->data, text) != NULL);
}

static void has_not(const struct mm_buf *page, const char *text)
{
    check_true(text, strstr(page->data, text) == NULL);
}

static void test_model(void **state)
{
    struct mm_buf page = {0};
    (void)state;
    make_page(1, 0, NULL, &page);
    has(&page, "<title>a/b: &lt;script&gt;&quot;&amp;\\</title>");
    has(&page, "<h1><bdi>&lt;script&gt;&quot;&amp;\\</bdi></h1>");
    has(&page, "<p><code>a/b</code> revision 1, version 1.1</p>");
    has(&page, "<li>t</li><li>u</li>");
    has(&page, "1.23 M</data> <small>1,234,567</small>");
    has(&page, "1.50 kB</data> <small>1,500</small>");
    has(&page, "blocks 1, embedding 3, feed-forward 4, heads 5, key/value heads 6, vocabulary 7, context 2");
    has(&page, "<li><bdi>two</bdi></li><li><bdi>&lt;i&gt;one</bdi> <code>" H "</code></li>");
    has(&page, "derived: <strong class=\"good\">pass</strong> <code>" H "</code></li>");
    has(&page,
        "x-seen: <strong class=\"bad\">fail</strong> <a rel=\"noreferrer nofollow\" href=\"https://example.org/e\">");
    has(&page, "<th scope=\"row\">m.gguf</th><td>weights, gguf</td>");
    has(&page, "key-trust add --fingerprint &#39;FINGERPRINT&#39; a PATH/0123456789ABCDEF.pub");
    has(&page, "slm-verify --require-signature --manifest-sha256 " H " manifests/a/b/1.manifest FOLDER");
    has(&page, "<a href=\"1.manifest\">");
    has_not(&page, "Older revisions");
    has_not(&page, "Withdrawn revisions");
    has(&page, "<pre>cp manifests/a/b/1.manifest FOLDER/b-1.manifest\n"
               "cp manifests/a/b/1.manifest.minisig FOLDER/b-1.manifest.minisig\n"
               "slm-import FOLDER/b-1.manifest</pre>");
    has(&page, "a key of the catalog&#39;s publisher, whom &ldquo;All models&rdquo; names");
    has_not(&page, "curl");
    check_number("one heading", count(page.data, "<h1>"), 1);
    check_number("one script", count(page.data, "<script"), 1);
    has(&page,
        "content=\"default-src 'none'; style-src 'self'; script-src 'self'; base-uri 'none'; form-action 'none'\">");
    has(&page, "<link rel=\"stylesheet\" href=\"../../../page.css\">");
    has(&page, "<script src=\"../../../page.js\"></script>");
    check_text("the style's file", mm_page_files[0].name, "page.css");
    check_text("the script's file", mm_page_files[1].name, "page.js");
    check_number("it has no style", count(page.data, "<style"), 0);
    mm_buf_release(&page);
}

static void test_revisions(void **state)
{
    struct mm_buf page = {0};
    (void)state;
    make_page(3, 2, NULL, &page);
    has(&page, "revision 3, version 1.3");
    const char *two = strstr(page.data, "<li>Revision 2, version 1.2"),
               *one = strstr(page.data, "<li>Revision 1, version 1.1");
    check_true("older ones, the newest first", two && one && two < one);
    has(&page,
        "<li>Revision 5, <strong class=\"bad\">withdrawn</strong> <time datetime=\"2026-02-02\">2026-02-02</time>: "
        "<bdi>&lt;b&gt;why&lt;/b&gt;</bdi></li>");
    has(&page, "<bdi>&lt;b&gt;why&lt;/b&gt;</bdi> <a rel=\"noreferrer nofollow\" href=\"https://example.org/n\">");
    has_not(&page, " more.</p>");
    make_page(MM_PAGE_OLDER * 3 + 8, 0, NULL, &page);
    check_number("so many are listed", count(page.data, "<li>Revision "), MM_PAGE_OLDER);
    has(&page, "<li>Revision 3007,");
    has(&page, "<li>Revision 2008,");
    has_not(&page, "<li>Revision 2007,");
    has(&page, "The catalog lists 2007 more.");
    mm_buf_release(&page);
}

static void test_elsewhere(void **state)
{
    struct mm_buf page = {0};
    (void)state;
    make_page(1, 0, "https://example.org/it's.manifest", &page);
    has(&page, "curl -fLo FOLDER/b-1.manifest &#39;https://example.org/it&#39;\\&#39;&#39;s.manifest&#39;\n"
               "curl -fLo FOLDER/b-1.manifest.minisig "
               "&#39;https://example.org/it&#39;\\&#39;&#39;s.manifest.minisig&#39;</pre>");
    has(&page, " FOLDER/b-1.manifest FOLDER</pre>");
    has(&page, "<pre>slm-import FOLDER/b-1.manifest</pre>");
    has_not(&page, "cp ");
    has_not(&page, "1.manifest\">");
    mm_buf_release(&page);
}

/* ---- lists ---- */

static void test_lists(void **state)
{
    struct mm_catalog_entry entry;
    struct mm_catalog_head head = {
        .catalog_id = "c", .publisher_id = "p", .sequence = 3, .entry_count = 600, .withdrawn_count = 1234};
    const char firsts[2][MM_MODEL_ID_MAX + 1] = {"a/a", "b/b"};
    struct mm_page_front front = {.head = &head, .models = 501, .firsts = firsts, .pages = 2};
    struct mm_withdrawal gone = {.model_id = "a/b", .reason = "'", .time = "2026-02-02T00:00:00Z"};
    struct mm_buf text = {0}, rows = {0}, page = {0};
    (void)state;
    memcpy(head.created, "2026-01-01T00:00:00Z", MM_TIME_SIZE);
    memcpy(head.expires, "2027-01-01T00:00:00Z", MM_TIME_SIZE);
    read_entry(&entry, 9, NULL, &text);
    mm_page_model_row(&entry, 0, &rows);
    has(&rows, "<a href=\"manifests/a/b/index.html\"><bdi>&lt;script&gt;&quot;&amp;\\</bdi></a>");
    has(&rows, "<td>9</td><td>MIT</td><td>llama</td>");
    mm_page_model_row(&entry, 4, &rows);
    has(&rows, "<data value=\"9\">9</data> <small>and 4 older</small>");
    mm_page_list(&frames, false, 2, true, &rows, &page);
    has(&page, "<a rel=\"prev\" href=\"index.html\">");
    has(&page, "<a rel=\"next\" href=\"index-3.html\">");
    has(&page, "catalog-find . PATTERN");
    check_number("rows", count(page.data, "<tr><th scope=\"row\">"), 2);
    check_policy(page.data, "style-src", "style");
    check_policy(page.data, "script-src", "script");
    mm_buf_clear(&page);
    mm_page_index(&frames, &front, &rows, &page);
    has(&page, "<dt>Models</dt><dd>501</dd>\n<dt>Revisions</dt><dd>600</dd>");
    has(&page, "<a href=\"withdrawn.html\">1,234</a>");
    has(&page, "<li><a href=\"index-2.html\">2: from b/b</a></li>");
    mm_buf_clear(&rows);
    mm_page_withdrawn_row(&gone, &rows);
    has(&rows, "<th scope=\"row\"><code>a/b</code></th><td>all revisions</td>");
    has(&rows, "<bdi>&#39;</bdi></td><td></td></tr>");
    mm_buf_clear(&page);
    mm_page_list(&frames, true, 1, false, &rows, &page);
    has_not(&page, "<nav class=\"pages\"");
    mm_buf_release(&page);
    mm_buf_release(&rows);
    mm_buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_text, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_times, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_routes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_layout, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_whose, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_model, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_revisions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_elsewhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lists, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
