#include "unit.h"

#include "act/obey.h"
#include "trust/secret_key.h"

#define H "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HEAD "minimodel-policy 0\nname: Example\n"

static const char text[] =
    "minimodel-manifest 0\nmodel-id: org/tiny\nversion: 1.0\nrevision: 7\ndisplay-name: Tiny\npublisher-id: org\nkey-id: %s\n"
    "signature-scheme: minisign\ncreated: 2026-01-01T00:00:00Z\nlicense: MIT AND (ISC OR Zlib)\nlicense-route: https://example.org/l\n"
    "model-card-route: https://example.org/card\ntakedown-route: mailto:a@example.org\nsource-lane: converted\nsource: - hf://org/base\n"
    "architecture: llama\nquantization: f32\nevidence: derived pass - -\nevidence: infer-check fail - -\npeer-hint: none\n"
    "artifact: a.txt\nartifact-role: other\nartifact-format: text\nartifact-bytes: 0\n"
    "artifact-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\nchunk-scheme: fixed-size-merkle-v0\nchunk-size: 65536\n"
    "chunk-count: 0\nmerkle-root: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
    "artifact: b.gguf\nartifact-role: weights\nartifact-format: gguf\nartifact-bytes: 65537\nartifact-sha256: " H "\n"
    "chunk-scheme: fixed-size-merkle-v0\nchunk-size: 65536\nchunk-count: 2\nmerkle-root: " H "\n"
    "artifact: c.slm\nartifact-role: adapter\nartifact-format: slm\nartifact-bytes: 65538\nartifact-sha256: " H "\n"
    "chunk-scheme: fixed-size-merkle-v0\nchunk-size: 65536\nchunk-count: 2\nmerkle-root: " H "\n";

#define SIGNERS 4 /* the manifest's own key first */

/* A manifest, keys in a keyring, and their signatures over it. */
struct world {
    struct mm_manifest manifest;
    struct mm_diags diags;
    char *folder;
    struct mm_keyring keyring;
    struct mm_secret_key *keys[SIGNERS];
    char ids[SIGNERS][MM_KEY_ID_TEXT];
    struct mm_countersignature others[SIGNERS];
    struct mm_signatures signatures;
    struct mm_trusted trusted;
};

static const char *publisher_of(size_t signer)
{
    return signer == 0 ? "org" : signer == 3 ? "lab" : "aud";
}

static void put_key(struct world *w, size_t signer)
{
    char name[64];
    struct mm_buf out = {0};
    snprintf(name, sizeof name, "%s/%s.pub", publisher_of(signer), w->ids[signer]);
    mm_public_key_write(mm_secret_key_public(w->keys[signer]), &out);
    write_file(in_folder(w->folder, name), out.data, out.length);
    mm_buf_release(&out);
}

static void sign(struct world *w, size_t signer, struct mm_buf *out)
{
    unsigned char prehash[MM_PREHASH_BYTES];
    struct mm_buf comment = {0};
    mm_prehash(w->manifest.text, w->manifest.length, prehash);
    mm_manifest_trusted_comment(&w->manifest, &comment);
    assert_int_equal(mm_secret_key_sign(w->keys[signer], prehash, mm_buf_text(&comment), out, &w->diags), 0);
    mm_buf_release(&comment);
}

static void make(struct world *w)
{
    struct mm_buf manifest = {0};
    *w = (struct world){0};
    mm_diags_init(&w->diags);
    w->folder = make_folder();
    for (size_t i = 0; i < SIGNERS; i++) {
        w->keys[i] = mm_secret_key_new(&w->diags);
        assert_non_null(w->keys[i]);
        mm_key_id_text(w->ids[i], mm_secret_key_public(w->keys[i])->id);
        mkdir(in_folder(w->folder, publisher_of(i)), 0700);
        put_key(w, i);
    }
    mm_buf_printf(&manifest, text, w->ids[0]);
    assert_int_equal(mm_manifest_read(&w->manifest, manifest.data, manifest.length, &w->diags), 0);
    mm_buf_release(&manifest);
    assert_int_equal(mm_keyring_open(&w->keyring, w->folder, false, &w->diags), 0);
    for (size_t i = 0; i < SIGNERS; i++) {
        memcpy(w->others[i].key_id, w->ids[i], MM_KEY_ID_TEXT);
        sign(w, i, &w->others[i].text);
    }
    w->signatures = (struct mm_signatures){.others = w->others, .other_count = SIGNERS};
    w->trusted.signature.outcome = MM_SIGNED_VERIFIED;
    memcpy(w->trusted.now, "2026-01-31T00:00:00Z", MM_TIME_SIZE);
}

static void unmake(struct world *w)
{
    mm_trusted_release(&w->trusted);
    for (size_t i = 0; i < SIGNERS; i++) {
        mm_buf_release(&w->others[i].text);
        mm_secret_key_free(w->keys[i]);
    }
    mm_keyring_release(&w->keyring);
    mm_manifest_release(&w->manifest);
    mm_diags_release(&w->diags);
    remove_folder(w->folder);
}

/* Judges RULES: the results are EXPECTED, "RESULT DETAIL" with the policy's name cut off, a line each; the findings FINDINGS. */
static void judge(struct world *w, const struct mm_keyring *keyring, const char *rules, const char *expected, const char *findings)
{
    struct mm_policy policy;
    struct mm_buf source = {0}, found = {0};
    struct mm_judgement signature = w->trusted.signature;
    char now[MM_TIME_SIZE];
    memcpy(now, w->trusted.now, sizeof now);
    mm_trusted_release(&w->trusted);
    w->trusted.signature = signature;
    memcpy(w->trusted.now, now, sizeof now);
    mm_buf_printf(&source, HEAD "%s", rules);
    int fd = file_of(source.data, source.length);
    assert_int_equal(mm_policy_read(&policy, fd, &w->diags), 0);
    close(fd);
    assert_int_equal(mm_obey(&w->trusted, &policy, &w->manifest, &w->signatures, keyring, &w->diags), 0);
    for (size_t i = 0; i < w->trusted.rule_count; i++) {
        const char *detail = w->trusted.rules[i].detail, *name = strstr(detail, "; policy Example");
        assert_non_null(name);
        mm_buf_printf(&found, "%s%s %.*s", i ? "\n" : "", mm_result_names[w->trusted.rules[i].result], (int)(name - detail), detail);
    }
    check_text(rules, mm_buf_text(&found), expected);
    check_findings(rules, &w->diags, findings);
    mm_buf_release(&found);
    mm_buf_release(&source);
    mm_policy_release(&policy);
}

static void rules_are_judged_in_their_order(void **state)
{
    struct world w;
    (void)state;
    make(&w);
    judge(&w, &w.keyring,
          "publisher: org\nsignature: required\nlicense: ISC\nlicense: MIT\nformat: gguf\nformat: slm\nlane: converted\nmax-bytes: 131075\n"
          "max-artifact-bytes: 65538\nevidence: derived\nmax-age-days: 30\n",
          "pass publisher org\npass signature verified\npass license MIT AND (ISC OR Zlib)\npass format of 2 files\npass lane converted\npass max-bytes 131075\n"
          "pass max-artifact-bytes 65538 of c.slm\npass evidence derived\npass max-age-days created 2026-01-01T00:00:00Z, now is 2026-01-31T00:00:00Z",
          "");
    judge(&w, &w.keyring,
          "publisher: orga\nlicense: MIT\nformat: gguf\nlane: merged\nmax-bytes: 131074\nmax-artifact-bytes: 65537\nevidence: derived\nevidence: infer-check\n"
          "max-age-days: 29\n",
          "fail publisher expected orga, found org\nfail license expected MIT, found MIT AND (ISC OR Zlib)\nfail format expected gguf, found slm of c.slm\n"
          "fail lane expected merged, found converted\nfail max-bytes expected at most 131074, found 131075\n"
          "fail max-artifact-bytes expected at most 65537, found 65538 of c.slm\nfail evidence expected infer-check, found no pass for it, or a fail\n"
          "fail max-age-days expected at most 29 days, found created 2026-01-01T00:00:00Z, now is 2026-01-31T00:00:00Z",
          "policy-rule@6:15 policy-rule@10:10 policy-rule@41:18 policy-rule@14:14 policy-rule policy-rule@42:17 policy-rule policy-rule@9:10");
    unmake(&w);
}

static void an_age_has_exact_bounds(void **state)
{
    struct world w;
    (void)state;
    make(&w);
    memcpy(w.trusted.now, "2026-01-01T00:00:00Z", MM_TIME_SIZE);
    judge(&w, &w.keyring, "max-age-days: 0\n", "pass max-age-days created 2026-01-01T00:00:00Z, now is 2026-01-01T00:00:00Z", "");
    memcpy(w.trusted.now, "2026-01-01T00:00:01Z", MM_TIME_SIZE);
    judge(&w, &w.keyring, "max-age-days: 0\n", "fail max-age-days expected at most 0 days, found created 2026-01-01T00:00:00Z, now is 2026-01-01T00:00:01Z",
          "policy-rule@9:10");
    memcpy(w.trusted.now, "2025-12-31T23:59:59Z", MM_TIME_SIZE);
    judge(&w, &w.keyring, "max-age-days: 99\n", "fail max-age-days expected at most 99 days, found created 2026-01-01T00:00:00Z, now is 2025-12-31T23:59:59Z",
          "policy-rule@9:10");
    memcpy(w.trusted.now, "9999-12-31T23:59:59Z", MM_TIME_SIZE);
    judge(&w, &w.keyring, "max-age-days: 9223372036854775807\n", "pass max-age-days created 2026-01-01T00:00:00Z, now is 9999-12-31T23:59:59Z", "");
    unmake(&w);
}

static void a_key_counts_where_it_verified(void **state)
{
    struct world w;
    char rule[64], expected[128];
    (void)state;
    make(&w);
    snprintf(rule, sizeof rule, "key: %s\nsignature: required\n", w.ids[0]);
    snprintf(expected, sizeof expected, "pass key %s\npass signature verified", w.ids[0]);
    judge(&w, &w.keyring, rule, expected, "");
    w.trusted.signature.outcome = MM_SIGNED_REVOKED_KEY;
    snprintf(expected, sizeof expected, "fail key expected %s, found %s, revoked-key\nfail signature expected verified, found revoked-key", w.ids[0], w.ids[0]);
    judge(&w, &w.keyring, rule, expected, "policy-rule@7:9 policy-rule@8:19");
    w.trusted.signature.undecided = true;
    judge(&w, &w.keyring, rule, "skip none: key cannot be decided: the signature is open\nskip none: signature cannot be decided: the signature is open", "");
    snprintf(expected, sizeof expected, "fail key expected 0000000000000000, found %s", w.ids[0]);
    judge(&w, &w.keyring, "key: 0000000000000000\n", expected, "policy-rule@7:9");
    w.trusted.signature.outcome = MM_SIGNED_UNSIGNED;
    judge(&w, &w.keyring, "signature: required\n", "fail signature expected verified, found unsigned", "policy-rule@8:19");
    unmake(&w);
}

/* NUMBER of the signers 1 to 3 (0: the manifest's own key too, where OWN). */
static const char *ask(const struct world *w, int number, bool own)
{
    static char rules[512];
    char lines[SIGNERS][64];
    size_t count = 0;
    for (size_t i = own ? 0 : 1; i < SIGNERS; i++) /* sorted by insertion */
        for (size_t k = count++, done = 0; !done; k--) {
            char line[64];
            snprintf(line, sizeof line, "countersigner: %s %s\n", publisher_of(i), w->ids[i]);
            done = k == 0 || strcmp(lines[k - 1], line) < 0;
            memcpy(lines[k], done ? line : lines[k - 1], sizeof line);
        }
    int length = snprintf(rules, sizeof rules, "countersignatures: %d\n", number);
    for (size_t i = 0; i < count; i++)
        length += snprintf(rules + length, sizeof rules - (size_t)length, "%s", lines[i]);
    return rules;
}

#define NOTE "note:policy-rule"

static void countersigners_are_counted(void **state)
{
    struct world w;
    (void)state;
    make(&w);
    judge(&w, &w.keyring, ask(&w, 3, false), "pass countersignatures 3", "");
    assert_false(w.trusted.counted[0]);
    assert_true(w.trusted.counted[1] && w.trusted.counted[2] && w.trusted.counted[3]);
    judge(&w, &w.keyring, ask(&w, 4, true), "fail countersignatures expected 4, found 3", NOTE " policy-rule");
    assert_false(w.trusted.counted[0]);
    w.signatures.other_count = 2;
    judge(&w, &w.keyring, ask(&w, 1, false), "pass countersignatures 1", "");
    judge(&w, &w.keyring, ask(&w, 2, false), "fail countersignatures expected 2, found 1", NOTE " " NOTE " policy-rule");
    w.signatures.other_count = 0;
    judge(&w, &w.keyring, ask(&w, 1, false), "fail countersignatures expected 1, found 0", NOTE " " NOTE " " NOTE " policy-rule");
    unmake(&w);
}

static void what_is_not_sound_does_not_count(void **state)
{
    struct world w;
    char name[64];
    (void)state;
    make(&w);
    w.others[1].text.data[60] ^= 1; /* in the base64 of its first signature, or its id */
    judge(&w, &w.keyring, ask(&w, 3, false), "fail countersignatures expected 3, found 2", NOTE " policy-rule");
    w.others[1].text.data[60] ^= 1;
    struct mm_buf kept = w.others[2].text;
    w.others[2].text = w.others[1].text; /* of another key than its name says */
    judge(&w, &w.keyring, ask(&w, 3, false), "fail countersignatures expected 3, found 2", NOTE " policy-rule");
    w.others[2].text = kept;
    snprintf(name, sizeof name, "lab/%s.revoked", w.ids[3]);
    write_file(in_folder(w.folder, name), "x\n", 2);
    judge(&w, &w.keyring, ask(&w, 2, false), "pass countersignatures 2", "note:text-first-line@1:1");
    assert_false(w.trusted.counted[3]);
    unlink(in_folder(w.folder, name));
    w.manifest.text[w.manifest.length - 2] ^= 1; /* another manifest, whose hash nobody looked at again */
    judge(&w, &w.keyring, ask(&w, 1, false), "fail countersignatures expected 1, found 0", NOTE " " NOTE " " NOTE " policy-rule");
    w.manifest.text[w.manifest.length - 2] ^= 1;
    w.manifest.sha256[0] ^= 1; /* another trusted comment */
    judge(&w, &w.keyring, ask(&w, 1, false), "fail countersignatures expected 1, found 0", NOTE " " NOTE " " NOTE " policy-rule");
    unmake(&w);
}

static void what_cannot_be_read_is_open_where_it_would_decide(void **state)
{
    struct world w;
    (void)state;
    make(&w);
    w.others[1].unreadable = true;
    judge(&w, &w.keyring, ask(&w, 2, false), "pass countersignatures 2", "");
    judge(&w, &w.keyring, ask(&w, 3, false), "skip none: countersignatures 2 of 3, and 1 that cannot be decided", "io-read " NOTE);
    w.signatures.other_count = 3;
    judge(&w, &w.keyring, ask(&w, 3, false), "fail countersignatures expected 3, found 1", NOTE " " NOTE " policy-rule");
    judge(&w, NULL, ask(&w, 2, false), "skip none: countersignatures 0 of 2, and 2 that cannot be decided", "io-read " NOTE " " NOTE " " NOTE);
    w.signatures.other_count = 0;
    judge(&w, NULL, ask(&w, 2, false), "fail countersignatures expected 2, found 0", NOTE " " NOTE " " NOTE " policy-rule");
    unmake(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_judged_in_their_order),
        cmocka_unit_test(an_age_has_exact_bounds),
        cmocka_unit_test(a_key_counts_where_it_verified),
        cmocka_unit_test(countersigners_are_counted),
        cmocka_unit_test(what_is_not_sound_does_not_count),
        cmocka_unit_test(what_cannot_be_read_is_open_where_it_would_decide),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
