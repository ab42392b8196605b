/* One word for each signature (docs/formats/signatures.md, Outcomes): each outcome, their order, and every bit of what they follow from. */
#include "unit.h"

#include <errno.h>

#include "trust/judgement.h"
#include "text/line.h"
#include "trust/secret_key.h"
#include "trust/two_lines.h"

#define H "1111111111111111111111111111111111111111111111111111111111111111"

static const char form[] = "minimodel-manifest 0\n"
                           "model-id: org/tiny\n"
                           "version: 1.0\n"
                           "revision: 7\n"
                           "display-name: Tiny\n"
                           "publisher-id: org\n"
                           "key-id: %s\n"
                           "signature-scheme: %s\n"
                           "created: 2026-01-01T00:00:00Z\n"
                           "license: MIT\n"
                           "license-route: https://example.org/license\n"
                           "model-card-route: https://example.org/card\n"
                           "takedown-route: mailto:a@example.org\n"
                           "source-lane: converted\n"
                           "source: - hf://org/base\n"
                           "architecture: llama\n"
                           "quantization: f32\n"
                           "peer-hint: none\n"
                           "artifact: model.gguf\n"
                           "artifact-role: weights\n"
                           "artifact-format: gguf\n"
                           "artifact-bytes: 65537\n"
                           "artifact-sha256: " H "\n"
                           "chunk-scheme: fixed-size-merkle-v0\n"
                           "chunk-size: 65536\n"
                           "chunk-count: 2\n"
                           "merkle-root: " H "\n";

/* A publisher's key in a keyring, a manifest, and its signature. */
struct scene {
    struct mm_diags diags;
    char *folder;
    struct mm_keyring keyring;
    struct mm_secret_key *secret;
    char id[MM_KEY_ID_TEXT];
    struct mm_manifest manifest;
    struct mm_buf signature;
};

static struct mm_secret_key *new_key(struct scene *s)
{
    struct mm_secret_key *key = mm_secret_key_new(&s->diags);
    assert_non_null(key);
    return key;
}

static void write_in(const struct scene *s, const char *publisher, const char *name, const char *ending, const void *text,
                     size_t length)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", s->folder, publisher);
    assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    snprintf(path, sizeof path, "%s/%s/%s%s", s->folder, publisher, name, ending);
    write_file(path, text, length);
}

/* Puts the public half of KEY into the keyring. */
static void trust_key(const struct scene *s, const char *publisher, const struct mm_secret_key *key, const char *ending)
{
    struct mm_buf text = {0};
    char id[MM_KEY_ID_TEXT];
    mm_public_key_write(mm_secret_key_public(key), &text);
    write_in(s, publisher, mm_key_id_text(id, mm_secret_key_public(key)->id), ending, text.data, text.length);
    mm_buf_release(&text);
}

static void remove_in(const struct scene *s, const char *name)
{
    assert_int_equal(unlink(in_folder(s->folder, name)), 0);
}

static void sign_text(struct scene *s, const struct mm_secret_key *key, const void *text, size_t length, const char *comment,
                      struct mm_buf *out)
{
    unsigned char prehash[MM_PREHASH_BYTES];
    mm_prehash(text, length, prehash);
    mm_buf_clear(out);
    assert_int_equal(mm_secret_key_sign(key, prehash, comment, out, &s->diags), 0);
}

/* Signs the manifest as KEY would. */
static void sign_manifest(struct scene *s, const struct mm_secret_key *key)
{
    struct mm_buf comment = {0};
    mm_manifest_trusted_comment(&s->manifest, &comment);
    sign_text(s, key, s->manifest.text, s->manifest.length, mm_buf_text(&comment), &s->signature);
    mm_buf_release(&comment);
}

static void write_manifest(struct scene *s, const char *key_id)
{
    char text[2048];
    int length = snprintf(text, sizeof text, form, key_id, strcmp(key_id, "none") == 0 ? "none" : "minisign");
    mm_manifest_release(&s->manifest);
    int result = mm_manifest_read(&s->manifest, text, (size_t)length, &s->diags);
    check_findings("the manifest", &s->diags, "");
    assert_int_equal(result, 0);
}

static int set_up(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    assert_non_null(s);
    mm_diags_init(&s->diags);
    s->diags.file = "m.manifest.minisig";
    s->folder = make_folder();
    assert_int_equal(mm_keyring_open(&s->keyring, s->folder, false, &s->diags), 0);
    s->secret = new_key(s);
    mm_key_id_text(s->id, mm_secret_key_public(s->secret)->id);
    trust_key(s, "org", s->secret, ".pub");
    write_manifest(s, s->id);
    sign_manifest(s, s->secret);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    mm_manifest_release(&s->manifest);
    mm_buf_release(&s->signature);
    mm_secret_key_free(s->secret);
    mm_keyring_release(&s->keyring);
    remove_folder(s->folder);
    mm_diags_release(&s->diags);
    free(s);
    return 0;
}

/* `since` for the key that CONTEXT names, and for no other. */
struct receipts {
    const char *key_id, *since;
};

static const char *recorded(void *context, const char *key_id)
{
    const struct receipts *receipts = context;
    return strcmp(receipts->key_id, key_id) == 0 ? receipts->since : NULL;
}

static struct mm_judgement judge_with(struct scene *s, const struct mm_buf *signature, struct receipts *receipts)
{
    struct mm_judgement judgement;
    assert_int_equal(mm_judge(&judgement, &s->manifest, signature, &s->keyring, receipts ? recorded : NULL, receipts, &s->diags),
                     0);
    return judgement;
}

/* The manifest's outcome is WORD, and FINDINGS say so. */
static struct mm_judgement check_outcome(struct scene *s, const char *what, const char *word, const char *findings)
{
    struct mm_judgement judgement = judge_with(s, &s->signature, NULL);
    check_text(what, mm_signed_words[judgement.outcome], word);
    check_true(what, !judgement.undecided);
    check_findings(what, &s->diags, findings);
    return judgement;
}

/* ---- each outcome ---- */

static void a_signature_by_the_publishers_key_is_verified(void **state)
{
    struct scene *s = *state;
    struct mm_judgement judgement = check_outcome(s, "signed", "verified", "");
    check_text("the key", judgement.key_id, s->id);
    check_text("nothing to add", judgement.detail, "");
}

static void the_comment_names_model_version_revision_and_hash(void **state)
{
    struct scene *s = *state;
    struct mm_buf comment = {0};
    char hex[MM_HASH_HEX + 1], expected[256];
    mm_hex(hex, s->manifest.sha256, MM_HASH_BYTES);
    snprintf(expected, sizeof expected, "model:org/tiny version:1.0 revision:7 sha256:%s", hex);
    mm_manifest_trusted_comment(&s->manifest, &comment);
    check_text("the comment", mm_buf_text(&comment), expected);
    mm_buf_release(&comment);
}

static void unsigned_tells_whether_the_publisher_is_known(void **state)
{
    struct scene *s = *state;
    char name[64];
    write_manifest(s, "none");
    struct mm_judgement judgement = judge_with(s, NULL, NULL);
    check_text("unsigned", mm_signed_words[judgement.outcome], "unsigned");
    check_text("no key", judgement.key_id, "");
    check_true("the publisher is known", judgement.publisher_known);
    snprintf(name, sizeof name, "org/%s.pub", s->id);
    remove_in(s, name);
    check_true("unknown without a key", !judge_with(s, NULL, NULL).publisher_known);
    write_in(s, "org", s->id, ".revoked", "rubbish", 7);
    check_true("known by a revocation that cannot be read", judge_with(s, NULL, NULL).publisher_known);
    check_true("a signature beside it changes nothing", judge_with(s, &s->signature, NULL).outcome == MM_SIGNED_UNSIGNED);
    check_findings("unsigned", &s->diags, "");
}

static void a_signature_that_is_not_there_is_missing(void **state)
{
    struct scene *s = *state;
    struct mm_judgement judgement = judge_with(s, NULL, NULL);
    check_text("missing", mm_signed_words[judgement.outcome], "missing-signature");
    check_text("the manifest's key", judgement.key_id, s->id);
    check_findings("missing", &s->diags, "signature-missing");
}

static void what_has_not_the_form_is_bad(void **state)
{
    struct scene *s = *state;
    struct mm_buf whole = s->signature;
    static const char *const more[] = {"x", "\n", "untrusted comment: again\n"};
    for (size_t i = 0; i < COUNT_OF(more); i++) {
        struct mm_buf text = {0};
        mm_buf_printf(&text, "%s%s", whole.data, more[i]);
        s->signature = text;
        check_outcome(s, "trailing bytes", "bad-signature", "signature-trailing@5:1");
        mm_buf_release(&text);
    }
    s->signature = (struct mm_buf){0};
    check_outcome(s, "an empty file", "bad-signature", "signature-form@1:1");
    s->signature = whole;
    char *second = strchr(whole.data, '\n') + 1;
    second[1] = 'W'; /* RU (ED) becomes RW (Ed) */
    check_text("legacy", second[0] == 'R' ? "R" : "", "R");
    check_outcome(s, "legacy", "bad-signature", "signature-legacy@2:1");
}

static void another_key_than_the_manifest_names_is_wrong(void **state)
{
    struct scene *s = *state;
    struct mm_secret_key *other = new_key(s);
    char id[MM_KEY_ID_TEXT];
    trust_key(s, "org", other, ".pub");
    sign_manifest(s, other);
    struct mm_judgement judgement = check_outcome(s, "the publisher's other key", "wrong-key", "signature-wrong-key");
    check_text("the signer", judgement.key_id, mm_key_id_text(id, mm_secret_key_public(other)->id));
    mm_secret_key_free(other);
}

static void a_key_of_another_publisher_is_wrong(void **state)
{
    struct scene *s = *state;
    char name[64];
    snprintf(name, sizeof name, "org/%s.pub", s->id);
    remove_in(s, name);
    check_outcome(s, "nobody's", "unknown-key", "signature-unknown-key");
    trust_key(s, "somebody", s->secret, ".pub");
    struct mm_judgement judgement = check_outcome(s, "somebody's", "wrong-key", "signature-wrong-key");
    check_true("whose it is", strstr(judgement.detail, "somebody") != NULL);
    trust_key(s, "org", s->secret, ".pub");
    check_outcome(s, "of both", "verified", "");
}

/* A key with the id of another one: the id finds a key, and proves nothing. */
static struct mm_buf collide(struct scene *s, const struct mm_buf *signature)
{
    struct mm_buf out = {0};
    struct mm_signature parts;
    assert_int_equal(mm_signature_read(&parts, signature->data, signature->length, &s->diags), 0);
    memcpy(parts.key_id, mm_secret_key_public(s->secret)->id, MM_KEY_ID_BYTES);
    mm_signature_write(&parts, "collision", &out);
    return out;
}

static void a_key_id_proves_nothing(void **state)
{
    struct scene *s = *state;
    struct mm_secret_key *other = new_key(s);
    struct mm_buf good = s->signature, made = {0};
    char name[64];
    s->signature = (struct mm_buf){0};
    sign_manifest(s, other);
    made = s->signature;
    s->signature = collide(s, &made);
    check_outcome(s, "another key of the same id", "bad-signature", "signature-bad");
    snprintf(name, sizeof name, "org/%s.pub", s->id);
    remove_in(s, name);
    trust_key(s, "somebody", s->secret, ".pub");
    check_outcome(s, "of which another publisher has the id alone", "unknown-key", "signature-unknown-key");
    mm_buf_release(&s->signature);
    mm_buf_release(&made);
    s->signature = good;
    mm_secret_key_free(other);
}

static void another_trusted_comment_is_wrong(void **state)
{
    struct scene *s = *state;
    struct mm_buf right = {0};
    static const char *const others[] = {"x", "model:org/tiny version:1.0 revision:8 sha256:" H, "file:m.manifest sha256:" H};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        sign_text(s, s->secret, s->manifest.text, s->manifest.length, others[i], &s->signature);
        check_outcome(s, others[i], "wrong-comment", "signature-comment");
    }
    mm_manifest_trusted_comment(&s->manifest, &right);
    mm_buf_str(&right, " more");
    sign_text(s, s->secret, s->manifest.text, s->manifest.length, mm_buf_text(&right), &s->signature);
    check_outcome(s, "more behind it", "wrong-comment", "signature-comment");
    mm_buf_release(&right);
}

static void what_another_manifest_had_is_bad(void **state)
{
    struct scene *s = *state;
    struct mm_buf comment = {0};
    mm_manifest_trusted_comment(&s->manifest, &comment);
    sign_text(s, s->secret, "other", 5, mm_buf_text(&comment), &s->signature);
    check_outcome(s, "over something else", "bad-signature", "signature-bad");
    mm_buf_release(&comment);
}

/* ---- revoked keys ---- */

static void revoke_key(struct scene *s, const char *time, const char *reason)
{
    char text[512];
    int length = snprintf(text, sizeof text, "minimodel-revocation 0\nkey-id: %s\nrevoked: %s\nreason: %s\n", s->id, time, reason);
    write_in(s, "org", s->id, ".revoked", text, (size_t)length);
}

static void check_revoked(struct scene *s, const char *what, const char *since, const char *word, const char *findings)
{
    struct receipts receipts = {s->id, since};
    struct mm_judgement judgement = judge_with(s, &s->signature, &receipts);
    check_text(what, mm_signed_words[judgement.outcome], word);
    check_findings(what, &s->diags, findings);
}

static void a_revoked_key_fails_whatever_time_it_is(void **state)
{
    struct scene *s = *state;
    revoke_key(s, "9999-01-01T00:00:00Z", "retired");
    check_outcome(s, "revoked in the future", "revoked-key", "signature-revoked-key");
    revoke_key(s, "2026-06-01T00:00:00Z", "retired");
    check_outcome(s, "revoked", "revoked-key", "signature-revoked-key");
}

static void an_older_receipt_is_the_exception(void **state)
{
    struct scene *s = *state;
    revoke_key(s, "2026-06-01T00:00:00Z", "retired");
    check_revoked(s, "before", "2026-05-31T23:59:59Z", "verified", "note:signature-revoked-key");
    check_revoked(s, "at the time", "2026-06-01T00:00:00Z", "revoked-key", "signature-revoked-key");
    check_revoked(s, "after", "2026-06-01T00:00:01Z", "revoked-key", "signature-revoked-key");
    check_revoked(s, "no receipt", "", "revoked-key", "signature-revoked-key");
    revoke_key(s, "2026-06-01T00:00:00Z", "compromised: stolen");
    check_revoked(s, "compromised", "2020-01-01T00:00:00Z", "revoked-key", "signature-revoked-key");
    write_in(s, "org", s->id, ".revoked", "rubbish\n", 8);
    struct receipts receipts = {s->id, "2020-01-01T00:00:00Z"};
    struct mm_judgement judgement = judge_with(s, &s->signature, &receipts);
    check_text("a revocation that cannot be read", mm_signed_words[judgement.outcome], "revoked-key");
    mm_diags_clear(&s->diags);
}

static void a_receipt_saves_no_bad_signature(void **state)
{
    struct scene *s = *state;
    revoke_key(s, "2026-06-01T00:00:00Z", "retired");
    char *last = strrchr(s->signature.data, '=') - 8;
    *last = *last == 'A' ? 'B' : 'A';
    check_revoked(s, "bad and revoked", "2020-01-01T00:00:00Z", "bad-signature", "signature-bad");
    sign_text(s, s->secret, s->manifest.text, s->manifest.length, "x", &s->signature);
    check_revoked(s, "wrong and revoked", "2020-01-01T00:00:00Z", "wrong-comment", "signature-comment");
}

/* ---- successors ---- */

static void succeed(struct scene *s, const struct mm_secret_key *old, const struct mm_secret_key *new)
{
    struct mm_buf text = {0}, signature = {0};
    char id[MM_KEY_ID_TEXT], next[MM_KEY_ID_TEXT], comment[160], hex[MM_HASH_HEX + 1];
    unsigned char digest[MM_HASH_BYTES];
    struct mm_sha256 *sha = mm_sha256_new();
    assert_non_null(sha);
    mm_key_id_text(id, mm_secret_key_public(old)->id);
    mm_public_key_write(mm_secret_key_public(new), &text);
    mm_sha256_once(sha, text.data, text.length, digest);
    mm_sha256_free(sha);
    mm_hex(hex, digest, MM_HASH_BYTES);
    snprintf(comment, sizeof comment, "successor:%s of:%s sha256:%s",
             mm_key_id_text(next, mm_secret_key_public(new)->id), id, hex);
    sign_text(s, old, text.data, text.length, comment, &signature);
    write_in(s, "org", id, ".successor", text.data, text.length);
    write_in(s, "org", id, ".successor.minisig", signature.data, signature.length);
    mm_buf_release(&text);
    mm_buf_release(&signature);
}

static void a_successor_speaks_until_the_key_before_it_is_revoked(void **state)
{
    struct scene *s = *state;
    struct mm_secret_key *new = new_key(s);
    char id[MM_KEY_ID_TEXT];
    write_manifest(s, mm_key_id_text(id, mm_secret_key_public(new)->id));
    sign_manifest(s, new);
    check_outcome(s, "before it is named", "unknown-key", "signature-unknown-key");
    succeed(s, s->secret, new);
    struct mm_judgement judgement = check_outcome(s, "the successor", "verified", "");
    check_true("whom it follows", strstr(judgement.detail, s->id) != NULL);
    revoke_key(s, "2026-06-01T00:00:00Z", "retired");
    judgement = judge_with(s, &s->signature, NULL);
    check_text("the old key is revoked", mm_signed_words[judgement.outcome], "unknown-key");
    mm_diags_clear(&s->diags);
    trust_key(s, "org", new, ".pub");
    check_text("with a .pub of its own", mm_signed_words[judge_with(s, &s->signature, NULL).outcome], "verified");
    mm_diags_clear(&s->diags);
    mm_secret_key_free(new);
}

/* ---- what cannot be read ---- */

static void a_keyring_that_cannot_be_read_decides_nothing(void **state)
{
    struct scene *s = *state;
    struct mm_judgement judgement;
    assert_int_equal(mm_judge(&judgement, &s->manifest, &s->signature, NULL, NULL, NULL, &s->diags), 0);
    check_true("undecided", judgement.undecided && judgement.outcome != MM_SIGNED_VERIFIED);
    assert_int_equal(mm_judge(&judgement, &s->manifest, NULL, NULL, NULL, NULL, &s->diags), 0);
    check_true("a missing signature is one all the same", !judgement.undecided && judgement.outcome == MM_SIGNED_MISSING);
    mm_diags_clear(&s->diags);
    write_manifest(s, "none");
    assert_int_equal(mm_judge(&judgement, &s->manifest, NULL, NULL, NULL, NULL, &s->diags), 0);
    check_true("unsigned, of somebody who may be known", judgement.undecided);
}

/* ---- every bit ---- */

/* The second line of TEXT decodes to SIZE bytes, into OUT. */
static bool second_line(const char *text, size_t length, unsigned char *out, size_t size)
{
    const char *end = memchr(text, '\n', length);
    if (!end)
        return false;
    const char *line = end + 1, *stop = memchr(line, '\n', length - (size_t)(line - text));
    return mm_base64_exact(line, stop ? (size_t)(stop - line) : length - (size_t)(line - text), out, size) == 0;
}

/* Where the untrusted comment's own text stands: nobody signs it. */
static bool in_untrusted_text(const char *text, size_t at)
{
    return at >= strlen(MM_UNTRUSTED_COMMENT) && at < (size_t)(strchr(text, '\n') - text);
}

static void every_bit_of_the_signature_matters(void **state)
{
    struct scene *s = *state;
    unsigned char good[74], found[74];
    size_t bits = 8 * s->signature.length, wrong = 0, bad = 0;
    assert_true(second_line(s->signature.data, s->signature.length, good, sizeof good));
    char *original = strdup(s->signature.data);
    for (size_t bit = 0; bit < bits; bit++) {
        if (in_untrusted_text(original, bit / 8))
            continue;
        s->signature.data[bit / 8] ^= (char)(1 << bit % 8);
        struct mm_judgement judgement = judge_with(s, &s->signature, NULL);
        bool decodes = second_line(s->signature.data, s->signature.length, found, sizeof found);
        bool other_key = decodes && memcmp(good, found, 2) == 0 && memcmp(good + 2, found + 2, 8) != 0;
        enum mm_signed expected = other_key ? MM_SIGNED_WRONG_KEY : MM_SIGNED_BAD;
        if (judgement.outcome != expected || judgement.undecided || s->diags.errors == 0)
            fail_msg("bit %zu of the signature: found %s", bit, mm_signed_words[judgement.outcome]);
        *(other_key ? &wrong : &bad) += 1;
        mm_diags_clear(&s->diags);
        s->signature.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_true(wrong >= 16 && bad > 1500);
    check_outcome(s, "as it was", "verified", "");
    free(original);
}

static void every_bit_of_the_key_matters(void **state)
{
    struct scene *s = *state;
    struct mm_buf text = {0};
    struct mm_public_key key;
    unsigned char good[42], found[42];
    size_t bad = 0;
    mm_public_key_write(mm_secret_key_public(s->secret), &text);
    assert_true(second_line(text.data, text.length, good, sizeof good));
    char *original = strdup(text.data);
    for (size_t bit = 0; bit < 8 * text.length; bit++) {
        if (in_untrusted_text(original, bit / 8) || bit / 8 == text.length - 1) /* the last LF may lack */
            continue;
        text.data[bit / 8] ^= (char)(1 << bit % 8);
        write_in(s, "org", s->id, ".pub", text.data, text.length);
        struct mm_diags ignored;
        mm_diags_init(&ignored);
        bool usable = mm_public_key_read(&key, text.data, text.length, &ignored) == 0 &&
                      second_line(text.data, text.length, found, sizeof found) && memcmp(good, found, 10) == 0;
        mm_diags_release(&ignored);
        struct mm_judgement judgement = judge_with(s, &s->signature, NULL);
        enum mm_signed expected = usable ? MM_SIGNED_BAD : MM_SIGNED_UNKNOWN_KEY;
        if (judgement.outcome != expected || judgement.undecided || s->diags.errors == 0)
            fail_msg("bit %zu of the key: found %s", bit, mm_signed_words[judgement.outcome]);
        bad += usable;
        mm_diags_clear(&s->diags);
        text.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_true(bad > 0); /* most flipped points are none, or of another order */
    write_in(s, "org", s->id, ".pub", text.data, text.length);
    check_outcome(s, "as it was", "verified", "");
    mm_buf_release(&text);
    free(original);
}

static void every_bit_of_the_manifest_matters(void **state)
{
    struct scene *s = *state;
    size_t length = s->manifest.length, valid = 0, wrong = 0;
    char *text = malloc(length);
    assert_non_null(text);
    memcpy(text, s->manifest.text, length);
    for (size_t bit = 0; bit < 8 * length; bit++) {
        text[bit / 8] ^= (char)(1 << bit % 8);
        mm_manifest_release(&s->manifest);
        bool sound = mm_manifest_read(&s->manifest, text, length, &s->diags) == 0;
        mm_diags_clear(&s->diags);
        text[bit / 8] ^= (char)(1 << bit % 8);
        if (!sound) /* a manifest that fails lint has no signature to speak of */
            continue;
        char stated[MM_VALUE_MAX + 1];
        mm_manifest_text(&s->manifest, 0, MM_FIELD_KEY_ID, stated);
        enum mm_signed expected = strcmp(stated, s->id) != 0 ? MM_SIGNED_WRONG_KEY : MM_SIGNED_BAD;
        struct mm_judgement judgement = judge_with(s, &s->signature, NULL);
        if (judgement.outcome != expected || judgement.undecided || s->diags.errors == 0)
            fail_msg("bit %zu of the manifest: found %s", bit, mm_signed_words[judgement.outcome]);
        valid++;
        wrong += expected == MM_SIGNED_WRONG_KEY;
        mm_diags_clear(&s->diags);
    }
    assert_true(valid > 300 && wrong > 16);
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_signature_by_the_publishers_key_is_verified),
        TEST(the_comment_names_model_version_revision_and_hash),
        TEST(unsigned_tells_whether_the_publisher_is_known),
        TEST(a_signature_that_is_not_there_is_missing),
        TEST(what_has_not_the_form_is_bad),
        TEST(another_key_than_the_manifest_names_is_wrong),
        TEST(a_key_of_another_publisher_is_wrong),
        TEST(a_key_id_proves_nothing),
        TEST(another_trusted_comment_is_wrong),
        TEST(what_another_manifest_had_is_bad),
        TEST(a_revoked_key_fails_whatever_time_it_is),
        TEST(an_older_receipt_is_the_exception),
        TEST(a_receipt_saves_no_bad_signature),
        TEST(a_successor_speaks_until_the_key_before_it_is_revoked),
        TEST(a_keyring_that_cannot_be_read_decides_nothing),
        TEST(every_bit_of_the_signature_matters),
        TEST(every_bit_of_the_key_matters),
        TEST(every_bit_of_the_manifest_matters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
