#include "unit.h"

#include <sodium.h>
#include <sys/wait.h>

#include "trust/keyring.h"

/* Keys of the tests: K(1) has the id 0000000000000001, and a seed of ones. */
struct signer {
    struct mm_public_key public;
    unsigned char secret[crypto_sign_SECRETKEYBYTES];
};

static struct signer signer_of(unsigned char id, unsigned char seed)
{
    struct signer signer = {.public = {.id = {id}}};
    unsigned char bytes[crypto_sign_SEEDBYTES];
    memset(bytes, seed, sizeof bytes);
    assert_int_equal(crypto_sign_seed_keypair(signer.public.point, signer.secret, bytes), 0);
    return signer;
}

static struct signer K(unsigned char id) {
    return signer_of(id, id);
}

static struct mm_buf
public_text(const struct signer *signer)
{
    struct mm_buf text = {0};
    mm_public_key_write(&signer->public, &text);
    assert_non_null(mm_buf_text(&text));
    return text;
}

static struct mm_buf signature_of(const struct signer *signer, const struct mm_buf *of, const char *comment)
{
    struct mm_signature signature = {0};
    struct mm_buf text = {0};
    unsigned char prehash[MM_PREHASH_BYTES], both[MM_SIGNATURE_BYTES + 256];
    strcpy(signature.comment, comment);
    mm_prehash(of->data, of->length, prehash);
    memcpy(signature.key_id, signer->public.id, MM_KEY_ID_BYTES);
    crypto_sign_detached(signature.bytes, NULL, prehash, sizeof prehash, signer->secret);
    memcpy(both, signature.bytes, MM_SIGNATURE_BYTES);
    memcpy(both + MM_SIGNATURE_BYTES, comment, strlen(comment));
    crypto_sign_detached(signature.global, NULL, both, MM_SIGNATURE_BYTES + strlen(comment), signer->secret);
    mm_signature_write(&signature, "of a test", &text);
    assert_non_null(mm_buf_text(&text));
    return text;
}

static struct mm_buf signature_text(const struct signer *signer, const struct mm_buf *of)
{
    return signature_of(signer, of, "any");
}

/* BY's signature over TEXT, a public key of the id NEXT, as its successor. */
static struct mm_buf succession_text(const struct signer *by, const struct signer *next, const struct mm_buf *text)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char comment[256], id[MM_KEY_ID_TEXT], of[MM_KEY_ID_TEXT], hex[2 * sizeof hash + 1];
    crypto_hash_sha256(hash, (const unsigned char *)text->data, text->length);
    snprintf(comment, sizeof comment, "successor:%s of:%s sha256:%s", mm_key_id_text(id, next->public.id),
             mm_key_id_text(of, by->public.id), sodium_bin2hex(hex, sizeof hex, hash, sizeof hash));
    return signature_of(by, text, comment);
}

struct place {
    char *top;
    struct mm_keyring keyring;
    struct mm_diags diags;
};

static int set_up(void **state)
{
    static struct place place;
    place.top = make_folder();
    mm_diags_init(&place.diags);
    assert_int_equal(mkdir(in_folder(place.top, "acme"), 0700), 0);
    assert_int_equal(mm_keyring_open(&place.keyring, place.top, false, &place.diags), 0);
    *state = &place;
    return 0;
}

static int tear_down(void **state)
{
    struct place *place = *state;
    mm_diags_release(&place->diags);
    mm_keyring_release(&place->keyring);
    remove_folder(place->top);
    return 0;
}

/* ---- files of the keyring ---- */

static const char *name_of(const char *publisher, unsigned id, const char *ending)
{
    static char name[128];
    snprintf(name, sizeof name, "%s/%016X%s", publisher, id, ending);
    return name;
}

static void put(struct place *place, const char *name, struct mm_buf text)
{
    write_file(in_folder(place->top, name), text.data, text.length);
    mm_buf_release(&text);
}

static void put_text(struct place *place, const char *name, const char *text)
{
    write_file(in_folder(place->top, name), text, strlen(text));
}

static void put_pub(struct place *place, unsigned char id)
{
    struct signer signer = K(id);
    put(place, name_of("acme", id, ".pub"), public_text(&signer));
}

/* BY signs SUCCESSOR as what follows the key OLD. */
static void put_successor(struct place *place, unsigned old, const struct signer *by, const struct signer *successor)
{
    struct mm_buf text = public_text(successor);
    put(place, name_of("acme", old, ".successor.minisig"), succession_text(by, successor, &text));
    put(place, name_of("acme", old, ".successor"), text);
}

static void follow(struct place *place, unsigned char old, unsigned char next)
{
    struct signer by = K(old), successor = K(next);
    put_successor(place, old, &by, &successor);
}

static const char *revocation_text(unsigned id, const char *time, const char *reason)
{
    static char text[256];
    snprintf(text, sizeof text, "minimodel-revocation 0\nkey-id: %016X\nrevoked: %s\nreason: %s\n", id, time, reason);
    return text;
}

static void put_revoked(struct place *place, unsigned id, const char *time, const char *reason)
{
    put_text(place, name_of("acme", id, ".revoked"), revocation_text(id, time, reason));
}

/* ---- what is found ---- */

static int add_known(void *context, const struct mm_known_key *key)
{
    struct mm_buf *out = context;
    mm_buf_printf(out, "%s%s%s%s%s%s%s%s%s", out->length ? " " : "", key->id + 14, key->by_succession ? "s" : "",
                  key->predecessor[0] ? "<" : "", key->predecessor[0] ? key->predecessor + 14 : "",
                  key->successor[0] ? ">" : "", key->successor[0] ? key->successor + 14 : "",
                  key->revoked ? " revoked " : "",
                  key->revoked && !key->revocation_read ? "?" : key->revocation.revoked);
    return 0;
}

/* "ID[s][<PREDECESSOR][>SUCCESSOR][ revoked TIME|?]", ids by their last two digits. */
static void check_keys(struct place *place, bool strict, const char *expected, const char *findings)
{
    struct mm_buf found = {0};
    uint64_t errors = place->diags.errors;
    int result = mm_keyring_each(&place->keyring, "acme", strict, add_known, &found, &place->diags);
    check_number("the result follows from the findings", result == 0, place->diags.errors == errors);
    check_text("keys", mm_buf_text(&found), expected);
    check_findings("keys", &place->diags, findings);
    mm_buf_release(&found);
}

static void check_find(struct place *place, const char *publisher, const struct signer *wanted, enum mm_found expected,
                       const char *findings)
{
    struct mm_known_key known;
    enum mm_found found = mm_keyring_find(&place->keyring, publisher, wanted->public.id, &known, &place->diags);
    check_number("found", (uint64_t)found, (uint64_t)expected);
    if (found == MM_FOUND_YES)
        check_true("it is that key", mm_public_key_same(&known.key, &wanted->public));
    check_findings("find", &place->diags, findings);
}

static void check_knows(struct place *place, const char *publisher, enum mm_found expected)
{
    check_number(publisher, (uint64_t)mm_keyring_knows(&place->keyring, publisher, &place->diags), (uint64_t)expected);
    check_findings(publisher, &place->diags, expected == MM_FOUND_UNKNOWN ? "keyring-open" : "");
}

/* ---- reading ---- */

static void a_key_speaks_for_its_publisher_alone(void **state)
{
    struct place *place = *state;
    struct signer one = K(1), two = K(2);
    put_pub(place, 1);
    mkdir(in_folder(place->top, "other"), 0700);
    check_find(place, "acme", &one, MM_FOUND_YES, "");
    check_find(place, "acme", &two, MM_FOUND_NO, "");
    check_find(place, "other", &one, MM_FOUND_NO, "");
    check_find(place, "nobody", &one, MM_FOUND_NO, "");
    check_find(place, "../acme", &one, MM_FOUND_NO, "");
    check_find(place, ".", &one, MM_FOUND_NO, "");
    check_find(place, "", &one, MM_FOUND_NO, "");
    check_keys(place, true, "01", "");
}

/* What is remembered is what was there; a keyring that is opened later sees what is there now. */
static void what_was_found_is_remembered_if_asked_for(void **state)
{
    struct place *place = *state;
    struct signer one = K(1), two = K(2), three = K(3);
    put_pub(place, 1);
    mkdir(in_folder(place->top, "other"), 0700);
    check_find(place, "acme", &two, MM_FOUND_NO, "");
    put_pub(place, 2);
    check_find(place, "acme", &two, MM_FOUND_YES, "");
    assert_int_equal(mm_keyring_remember(&place->keyring, &place->diags), 0);
    check_find(place, "acme", &one, MM_FOUND_YES, "");
    check_find(place, "acme", &three, MM_FOUND_NO, "");
    check_find(place, "other", &one, MM_FOUND_NO, "");
    check_knows(place, "acme", MM_FOUND_YES);
    check_knows(place, "other", MM_FOUND_NO);
    put_pub(place, 3);
    unlink(in_folder(place->top, name_of("acme", 1, ".pub")));
    put(place, name_of("other", 1, ".pub"), public_text(&one));
    check_find(place, "acme", &one, MM_FOUND_YES, "");
    check_find(place, "acme", &two, MM_FOUND_YES, "");
    check_find(place, "acme", &three, MM_FOUND_NO, "");
    check_find(place, "other", &one, MM_FOUND_NO, "");
    check_knows(place, "other", MM_FOUND_NO);
    mm_keyring_release(&place->keyring);
    assert_int_equal(mm_keyring_open(&place->keyring, place->top, false, &place->diags), 0);
    check_find(place, "acme", &one, MM_FOUND_NO, "");
    check_find(place, "acme", &three, MM_FOUND_YES, "");
    check_knows(place, "other", MM_FOUND_YES);
}

/* What had to be said besides is said each time. */
static void what_is_damaged_is_not_remembered(void **state)
{
    struct place *place = *state;
    struct signer one = K(1);
    put_text(place, name_of("acme", 1, ".pub"), "no key");
    assert_int_equal(mm_keyring_remember(&place->keyring, &place->diags), 0);
    for (int i = 0; i < 2; i++)
        check_find(place, "acme", &one, MM_FOUND_NO, "note:key-form@1:1");
    put_pub(place, 1);
    check_find(place, "acme", &one, MM_FOUND_YES, "");
}

static void the_whole_keyring_is_listed_in_order(void **state)
{
    struct place *place = *state;
    struct signer five = K(5), six = K(6);
    struct mm_buf found = {0};
    mkdir(in_folder(place->top, "zeta"), 0700);
    mkdir(in_folder(place->top, "beta"), 0700);
    put_text(place, "README", "no publisher's name");
    put(place, name_of("zeta", 5, ".pub"), public_text(&five));
    put(place, name_of("beta", 6, ".pub"), public_text(&six));
    put_pub(place, 2);
    put_pub(place, 1);
    assert_int_equal(mm_keyring_each(&place->keyring, NULL, false, add_known, &found, &place->diags), 0);
    check_text("all", mm_buf_text(&found), "01 02 06 05");
    check_findings("all", &place->diags, "");
    mm_buf_clear(&found);
    assert_int_equal(mm_keyring_each(&place->keyring, NULL, true, add_known, &found, &place->diags), -1);
    check_text("all, strictly", mm_buf_text(&found), "01 02 06 05");
    check_findings("all, strictly", &place->diags, "keyring-surplus");
    unlink(in_folder(place->top, "README"));
    put_text(place, "delta", "a publisher's name");
    for (int strict = 0; strict < 2; strict++) {
        mm_buf_clear(&found);
        assert_int_equal(mm_keyring_each(&place->keyring, NULL, strict, add_known, &found, &place->diags), -1);
        check_text("beside what cannot be one", mm_buf_text(&found), "01 02 06 05");
        check_findings("beside what cannot be one", &place->diags, "keyring-open");
    }
    mm_buf_release(&found);
}

static void what_is_no_key_is_no_key(void **state)
{
    struct place *place = *state;
    struct signer one = K(1), two = K(2);
    static const char weak[] = "untrusted comment: the point of order one\n"
                               "RWQBAAAAAAAAAAEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
    const char *pub = name_of("acme", 1, ".pub");
    char *path = strdup(in_folder(place->top, pub));
    put_text(place, pub, "");
    check_find(place, "acme", &one, MM_FOUND_NO, "note:key-form@1:1");
    check_keys(place, true, "", "key-form@1:1");
    put_text(place, pub, weak);
    check_find(place, "acme", &one, MM_FOUND_NO, "note:key-form@2:1");
    put(place, pub, public_text(&two));
    check_find(place, "acme", &one, MM_FOUND_NO, "note:key-name");
    check_find(place, "acme", &two, MM_FOUND_NO, "note:key-name");
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    check_find(place, "acme", &one, MM_FOUND_NO, "note:key-form");
    rmdir(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    check_find(place, "acme", &one, MM_FOUND_NO, "note:key-form");
    unlink(path);
    put_pub(place, 2);
    put(place, "acme/real", public_text(&one));
    assert_int_equal(symlink("real", path), 0);
    check_find(place, "acme", &one, MM_FOUND_NO, "note:key-form");
    check_find(place, "acme", &two, MM_FOUND_YES, "note:key-form");
    check_keys(place, true, "02", "keyring-surplus key-form");
    unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(fd, (off_t)1 << 40), 0);
    close(fd);
    check_find(place, "acme", &one, MM_FOUND_NO, "note:key-form");
    unlink(path);
    free(path);
}

static void a_publisher_is_known_by_any_file(void **state)
{
    struct place *place = *state;
    check_knows(place, "acme", MM_FOUND_NO);
    check_knows(place, "nobody", MM_FOUND_NO);
    check_knows(place, "..", MM_FOUND_NO);
    put_text(place, "acme/notes.txt", "");
    check_knows(place, "acme", MM_FOUND_NO);
    static const char *const names[] = {"acme/0000000000000001.pub", "acme/0000000000000001.successor",
                                        "acme/0000000000000001.revoked", "acme/misspelt.pub"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        put_text(place, names[i], "damaged");
        check_knows(place, "acme", MM_FOUND_YES);
        unlink(in_folder(place->top, names[i]));
        check_knows(place, "acme", MM_FOUND_NO);
    }
    assert_int_equal(symlink("nowhere", in_folder(place->top, "acme/0000000000000001.pub")), 0);
    check_knows(place, "acme", MM_FOUND_YES);
    assert_int_equal(symlink("acme", in_folder(place->top, "linked")), 0);
    check_knows(place, "linked", MM_FOUND_UNKNOWN);
    put_text(place, "plain", "");
    check_knows(place, "plain", MM_FOUND_UNKNOWN);
}

static void a_successor_is_as_good_as_its_line(void **state)
{
    struct place *place = *state;
    struct signer three = K(3);
    put_pub(place, 1);
    follow(place, 1, 2);
    follow(place, 2, 3);
    check_keys(place, true, "01>02 02s<01>03 03s<02", "");
    check_find(place, "acme", &three, MM_FOUND_YES, "");
    put_revoked(place, 2, "2026-01-01T00:00:00Z", "lost");
    check_keys(place, true, "01>02 02s<01 revoked 2026-01-01T00:00:00Z", "note:key-successor");
    check_find(place, "acme", &three, MM_FOUND_NO, "");
    put_pub(place, 3); /* as key-trust adds it */
    check_find(place, "acme", &three, MM_FOUND_YES, "");
    unlink(in_folder(place->top, name_of("acme", 2, ".revoked")));
    unlink(in_folder(place->top, name_of("acme", 1, ".pub")));
    check_keys(place, true, "03", "key-successor key-successor");
}

static void successors_are_not_forged(void **state)
{
    struct place *place = *state;
    struct signer one = K(1), two = K(2), nine = K(9), same_id = signer_of(1, 9);
    put_pub(place, 1);
    put_successor(place, 1, &nine, &two); /* another key's id and signature */
    check_keys(place, true, "01", "key-successor");
    put_successor(place, 1, &same_id, &two); /* the right id, another key */
    check_keys(place, false, "01", "note:key-successor");
    put_successor(place, 1, &one, &two);
    put(place, name_of("acme", 1, ".successor"), public_text(&nine)); /* a signature over something else */
    check_keys(place, true, "01", "key-successor");
    put_successor(place, 1, &one, &same_id); /* names its own id */
    check_keys(place, true, "01", "key-successor");
    put_successor(place, 1, &one, &two);
    unlink(in_folder(place->top, name_of("acme", 1, ".successor.minisig")));
    check_keys(place, true, "01", "key-successor");
    put_text(place, name_of("acme", 1, ".successor.minisig"), "nonsense");
    check_keys(place, true, "01", "signature-form@1:1");
    struct mm_buf text = public_text(&two); /* a signature over a key that is to say no more than that */
    put(place, name_of("acme", 1, ".successor.minisig"), signature_text(&one, &text));
    put(place, name_of("acme", 1, ".successor"), text);
    check_keys(place, true, "01", "key-successor");
    put_successor(place, 1, &one, &two);
    check_keys(place, true, "01>02 02s<01", "");
}

static void successors_may_meet_and_go_round(void **state)
{
    struct place *place = *state;
    struct signer one = K(1), false_two = signer_of(2, 8);
    put_pub(place, 1);
    follow(place, 1, 2);
    follow(place, 2, 1); /* a loop */
    check_keys(place, true, "01<02>02 02s<01>01", "");
    put_pub(place, 3);
    follow(place, 3, 2); /* two keys that name one */
    check_keys(place, true, "01<02>02 02s<01>01 03>02", "");
    put_successor(place, 1, &one, &false_two); /* two keys of one id: the .pub's line came first */
    put_pub(place, 2);
    check_keys(place, true, "01<02 02<03>01 03>02", "key-successor");
}

static void a_line_of_successors_has_an_end(void **state)
{
    struct place *place = *state;
    struct signer last = K(17), beyond = K(18);
    put_pub(place, 1);
    for (unsigned char id = 1; id <= 17; id++)
        follow(place, id, id + 1);
    check_find(place, "acme", &last, MM_FOUND_YES, "note:key-successor");
    check_find(place, "acme", &beyond, MM_FOUND_NO, "note:key-successor");
}

static void letters_of_either_case_revoke(void **state)
{
    static const struct { const char *name; bool revokes; const char *findings, *strictly; } cases[] = {
        {"acme/abcdef0000000001.revoked", true, "note:keyring-surplus", "keyring-surplus"},
        {"acme/ABCDEF0000000001.REVOKED", true, "note:keyring-surplus", "keyring-surplus"},
        {"acme/ABCDEF0000000001.revoked.txt", false, "note:keyring-surplus", "keyring-surplus"},
        {"acme/ABCDEF0000000001.revoked ", false, "note:keyring-surplus", "keyring-surplus"},
        {"acme/abcdef0000000001.Revoked.Minisig", false, "", "keyring-surplus"},
        {"acme/notes.revoked", false, "", "keyring-surplus"},
        {"acme/.minimodel-0123456789abcdef", false, "", "note:keyring-surplus"},
    };
    struct place *place = *state;
    struct signer signer = K(1);
    struct mm_known_key known;
    struct mm_revocation own = {.revoked = "2026-01-01T00:00:00Z", .reason = "lost"};
    memcpy(signer.public.id, (unsigned char[]){1, 0, 0, 0, 0, 0xef, 0xcd, 0xab}, sizeof signer.public.id);
    memcpy(own.key_id, signer.public.id, sizeof own.key_id);
    put(place, "acme/ABCDEF0000000001.pub", public_text(&signer));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        put_text(place, cases[i].name, "whatever");
        assert_int_equal(mm_keyring_find(&place->keyring, "acme", signer.public.id, &known, &place->diags), MM_FOUND_YES);
        check_number(cases[i].name, known.revoked && !known.revocation_read, cases[i].revokes);
        check_findings(cases[i].name, &place->diags, cases[i].findings);
        struct mm_buf found = {0};
        mm_keyring_each(&place->keyring, "acme", true, add_known, &found, &place->diags);
        check_findings(cases[i].name, &place->diags, cases[i].strictly);
        mm_buf_release(&found);
        if (i == 0) { /* the owner's word is written beside it, and read */
            assert_int_equal(mm_keyring_revoke(&place->keyring, "acme", &own, &place->diags), 0);
            check_findings("revoke", &place->diags, cases[i].findings);
            assert_int_equal(mm_keyring_find(&place->keyring, "acme", signer.public.id, &known, &place->diags), MM_FOUND_YES);
            check_true("read", known.revocation_read);
            check_findings("read", &place->diags, cases[i].findings);
            unlink(in_folder(place->top, "acme/ABCDEF0000000001.revoked"));
        }
        unlink(in_folder(place->top, cases[i].name));
    }
}

static void whatever_lies_there_revokes(void **state)
{
    struct place *place = *state;
    const char *revoked = "acme/0000000000000001.revoked";
    char path[512];
    snprintf(path, sizeof path, "%s/%s", place->top, revoked);
    put_pub(place, 1);
    put_revoked(place, 1, "2026-01-01T00:00:00Z", "lost");
    check_keys(place, true, "01 revoked 2026-01-01T00:00:00Z", "");
    put_text(place, revoked, "");
    check_keys(place, false, "01 revoked ?", "note:text-first-line@1:1");
    check_keys(place, true, "01 revoked ?", "text-first-line@1:1");
    put_text(place, revoked, revocation_text(2, "2026-01-01T00:00:00Z", "of another key"));
    check_keys(place, false, "01 revoked ?", "note:revocation-form");
    unlink(path);
    mkdir(path, 0700);
    check_keys(place, false, "01 revoked ?", "note:revocation-form");
    rmdir(path);
    assert_int_equal(symlink("nowhere", path), 0);
    check_keys(place, false, "01 revoked ?", "note:revocation-form");
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    check_keys(place, false, "01 revoked ?", "note:revocation-form");
    unlink(path);
    check_keys(place, true, "01", "");
}

/* As somebody who may not read it: root reads everything. */
static void what_may_not_be_read_is_not_known(void **state)
{
    struct place *place = *state;
    struct signer one = K(1), two = K(2), three = K(3);
    put_pub(place, 1);
    put_pub(place, 2);
    follow(place, 2, 3);
    put_revoked(place, 2, "2026-01-01T00:00:00Z", "lost");
    chmod(in_folder(place->top, name_of("acme", 2, ".revoked")), 0);
    chmod(in_folder(place->top, name_of("acme", 1, ".pub")), 0);
    chmod(in_folder(place->top, name_of("acme", 2, ".pub")), 0644);
    chmod(in_folder(place->top, "acme"), 0755);
    chmod(place->top, 0755);
    pid_t child = fork();
    if (child == 0) {
        if (geteuid() == 0 && setresuid(65534, 65534, 65534) < 0)
            _exit(77);
        check_find(place, "acme", &one, MM_FOUND_UNKNOWN, "note:keyring-open note:keyring-open keyring-open");
        check_find(place, "acme", &two, MM_FOUND_YES, "note:keyring-open note:keyring-open");
        check_find(place, "acme", &three, MM_FOUND_NO, "note:keyring-open note:keyring-open");
        check_keys(place, false, "02 revoked ?", "keyring-open note:keyring-open");
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status));
    check_number("the child's answer", (uint64_t)WEXITSTATUS(status), 0);
    chmod(in_folder(place->top, "acme"), 0700);
}

static void a_strict_look_names_what_does_not_belong(void **state)
{
    struct place *place = *state;
    struct signer nine = K(9), one = K(1);
    struct mm_buf text = {0};
    put_pub(place, 1);
    put_text(place, "acme/abcdef0000000001.pub", "");
    check_keys(place, false, "01", "");
    check_keys(place, true, "01", "keyring-surplus");
    unlink(in_folder(place->top, "acme/abcdef0000000001.pub"));
    put_text(place, "acme/0000000000000001.revoked.minisig", "");
    check_keys(place, true, "01", "keyring-surplus");
    mm_buf_str(&text, revocation_text(1, "2026-01-01T00:00:00Z", "lost"));
    put_revoked(place, 1, "2026-01-01T00:00:00Z", "lost");
    check_keys(place, true, "01 revoked 2026-01-01T00:00:00Z", "signature-form@1:1");
    put(place, "acme/0000000000000001.revoked.minisig", signature_text(&nine, &text));
    check_keys(place, true, "01 revoked 2026-01-01T00:00:00Z", "note:revocation-signature");
    put(place, "acme/0000000000000001.revoked.minisig", signature_text(&one, &text));
    check_keys(place, true, "01 revoked 2026-01-01T00:00:00Z", "");
    put_revoked(place, 1, "2026-01-01T00:00:00Z", "changed");
    check_keys(place, true, "01 revoked 2026-01-01T00:00:00Z", "revocation-signature");
    put_revoked(place, 7, "2026-01-01T00:00:00Z", "of a key that is not here");
    unlink(in_folder(place->top, "acme/0000000000000001.revoked.minisig"));
    check_keys(place, true, "01 revoked 2026-01-01T00:00:00Z", "note:keyring-key");
    mm_buf_release(&text);
}

/* ---- where it is ---- */

static void an_absent_keyring_is_empty_unless_it_is_named(void **state)
{
    struct place *place = *state;
    struct mm_keyring keyring;
    struct signer one = K(1);
    struct mm_known_key known;
    const char *absent = in_folder(place->top, "a/b/keyring");
    setenv("MINIMODEL_KEYRING", absent, 1);
    assert_int_equal(mm_keyring_open(&keyring, NULL, false, &place->diags), 0);
    check_text("its name", keyring.path, absent);
    assert_int_equal(mm_keyring_find(&keyring, "acme", one.public.id, &known, &place->diags), MM_FOUND_NO);
    assert_int_equal(mm_keyring_knows(&keyring, "acme", &place->diags), MM_FOUND_NO);
    assert_int_equal(mm_keyring_each(&keyring, NULL, true, add_known, NULL, &place->diags), 0);
    mm_keyring_release(&keyring);
    check_findings("an absent keyring", &place->diags, "");
    assert_int_equal(mm_keyring_open(&keyring, absent, false, &place->diags), -1);
    mm_keyring_release(&keyring);
    check_findings("an absent keyring by name", &place->diags, "keyring-open");
    assert_int_equal(mm_keyring_open(&keyring, "", false, &place->diags), -1);
    mm_keyring_release(&keyring);
    check_findings("an empty name", &place->diags, "keyring-open");
    put_text(place, "file", "");
    assert_int_equal(mm_keyring_open(&keyring, in_folder(place->top, "file"), false, &place->diags), -1);
    mm_keyring_release(&keyring);
    check_findings("a file", &place->diags, "keyring-open");
    assert_int_equal(symlink("nowhere", in_folder(place->top, "link")), 0);
    assert_int_equal(symlink("acme", in_folder(place->top, "sound")), 0);
    static const struct { const char *name, *expected; } links[] = {
        {"link", "keyring-open"}, {"link/", "keyring-open"}, {"link/a/ring", "keyring-open"}, {"sound", ""}, {"sound/ring", ""}, {"sound/a//ring/", ""},
    };
    for (size_t i = 0; i < COUNT_OF(links); i++) {
        setenv("MINIMODEL_KEYRING", in_folder(place->top, links[i].name), 1);
        check_number(links[i].name, mm_keyring_open(&keyring, NULL, false, &place->diags) == 0, !*links[i].expected);
        mm_keyring_release(&keyring);
        check_findings(links[i].name, &place->diags, links[i].expected);
    }
    setenv("MINIMODEL_KEYRING", absent, 1);
    assert_int_equal(mm_keyring_open(&keyring, NULL, true, &place->diags), 0);
    mm_keyring_release(&keyring);
    struct stat info;
    assert_int_equal(stat(absent, &info), 0);
    check_number("its mode", info.st_mode & 0777, 0700);
    unsetenv("MINIMODEL_KEYRING");
}

/* ---- writing ---- */

static void check_add(struct place *place, const struct signer *signer, bool first_use, int expected,
                      const char *findings)
{
    check_number("add", (uint64_t)mm_keyring_add(&place->keyring, "acme", &signer->public, first_use, &place->diags),
                 (uint64_t)expected);
    check_findings("add", &place->diags, findings);
}

static void keys_are_added_and_removed(void **state)
{
    struct place *place = *state;
    struct signer one = K(1), two = K(2), other = signer_of(1, 9);
    check_add(place, &one, true, 0, "");
    check_add(place, &one, true, -1, "keyring-first-use");
    check_add(place, &one, false, 0, "");
    check_add(place, &two, true, -1, "keyring-first-use");
    check_add(place, &two, false, 0, "");
    check_add(place, &other, false, -1, "keyring-key");
    check_keys(place, true, "01 02", "");
    put_text(place, name_of("acme", 2, ".pub"), "damaged");
    check_add(place, &two, false, -1, "note:key-form@1:1 keyring-key");
    assert_int_equal(mm_keyring_remove(&place->keyring, "acme", two.public.id, &place->diags), 0);
    check_findings("remove", &place->diags, "note:key-form@1:1");
    assert_int_equal(mm_keyring_remove(&place->keyring, "acme", two.public.id, &place->diags), -1);
    check_findings("remove again", &place->diags, "keyring-key");
    assert_int_equal(mm_keyring_remove(&place->keyring, "nobody", two.public.id, &place->diags), -1);
    check_findings("remove of nobody's", &place->diags, "keyring-key");
    put_revoked(place, 2, "2026-01-01T00:00:00Z", "lost");
    check_add(place, &two, false, -1, "keyring-revoked");
    put_revoked(place, 1, "2026-01-01T00:00:00Z", "lost");
    check_add(place, &one, false, -1, "keyring-revoked");
    assert_int_equal(mm_keyring_add(&place->keyring, "../x", &one.public, false, &place->diags), -1);
    check_findings("add for no publisher", &place->diags, "keyring-key");
}

static void put_many(struct place *place, unsigned from, unsigned to)
{
    char name[64];
    for (unsigned i = from; i < to; i++) {
        snprintf(name, sizeof name, "acme/F%015X.successor.minisig", i);
        put_text(place, name, "");
    }
}

static void a_full_folder_takes_nothing_more(void **state)
{
    struct place *place = *state;
    struct signer one = K(1), two = K(2), three = K(3);
    struct mm_revocation lost = {.key_id = {1}, .revoked = "2026-01-01T00:00:00Z", .reason = "lost"};
    struct mm_buf text = public_text(&two), signature = succession_text(&one, &two, &text);
    struct mm_public_key added;
    check_add(place, &one, false, 0, "");
    put_many(place, 0, 4093);
    assert_int_equal(mm_keyring_add_successor(&place->keyring, "acme", one.public.id, &text, &signature, &added, &place->diags), -1);
    check_findings("three files where two have room", &place->diags, "io-limit");
    check_keys(place, false, "01", "");
    check_add(place, &two, false, 0, "");
    check_add(place, &three, false, 0, "");
    check_add(place, &two, false, 0, "");
    check_add(place, &(struct signer){.public = {.id = {4}}}, false, -1, "io-limit");
    check_keys(place, false, "01 02 03", "");
    assert_int_equal(mm_keyring_revoke(&place->keyring, "acme", &lost, &place->diags), -1);
    check_findings("no room for a revocation", &place->diags, "io-limit");
    assert_int_equal(mm_keyring_remove(&place->keyring, "acme", three.public.id, &place->diags), 0);
    assert_int_equal(mm_keyring_revoke(&place->keyring, "acme", &lost, &place->diags), 0);
    check_keys(place, false, "01 revoked 2026-01-01T00:00:00Z 02", "");
    assert_int_equal(mm_keyring_revoke(&place->keyring, "acme", &(struct mm_revocation){.key_id = {1}, .revoked = "2025-01-01T00:00:00Z", .reason = "x"}, &place->diags), 0);
    check_findings("what is there may be replaced", &place->diags, "");
    mm_buf_release(&text);
    mm_buf_release(&signature);
}

static void check_add_successor(struct place *place, const struct signer *old, const struct signer *by,
                                const struct signer *next, int expected, const char *findings)
{
    struct mm_public_key added;
    struct mm_buf text = public_text(next), signature = succession_text(by, next, &text);
    int result =
        mm_keyring_add_successor(&place->keyring, "acme", old->public.id, &text, &signature, &added, &place->diags);
    check_number("add successor", (uint64_t)result, (uint64_t)expected);
    check_findings("add successor", &place->diags, findings);
    mm_buf_release(&text);
    mm_buf_release(&signature);
}

static void successors_are_added_and_removed(void **state)
{
    struct place *place = *state;
    struct signer one = K(1), two = K(2), three = K(3), four = K(4);
    check_add_successor(place, &one, &one, &two, -1, "key-successor");
    check_add(place, &one, false, 0, "");
    check_add_successor(place, &one, &three, &two, -1, "key-successor");
    check_keys(place, true, "01", "");
    check_add_successor(place, &one, &one, &two, 0, "");
    check_add_successor(place, &one, &one, &two, 0, "");
    check_keys(place, true, "01>02 02<01", "");
    check_add_successor(place, &one, &one, &three, -1, "key-successor"); /* a fork */
    put_revoked(place, 1, "2026-01-01T00:00:00Z", "lost");
    check_add_successor(place, &one, &one, &two, -1, "key-successor");
    check_keys(place, false, "01 revoked 2026-01-01T00:00:00Z 02", "");
    check_add_successor(place, &two, &two, &three, 0, "");
    follow(place, 3, 4);
    check_add_successor(place, &three, &three, &four, 0, "");
    unlink(in_folder(place->top, name_of("acme", 4, ".pub")));
    unlink(in_folder(place->top, name_of("acme", 3, ".pub")));
    check_keys(place, false, "01 revoked 2026-01-01T00:00:00Z 02>03 03s<02>04 04s<03", "");
    assert_int_equal(mm_keyring_remove(&place->keyring, "acme", three.public.id, &place->diags), 0);
    check_findings("remove", &place->diags, "note:key-successor");
    check_keys(place, false, "01 revoked 2026-01-01T00:00:00Z 02", "");
    assert_int_equal(mm_keyring_remove(&place->keyring, "acme", one.public.id, &place->diags), 0);
    check_findings("remove", &place->diags, "");
    check_keys(place, true, "02", "note:keyring-key");
}

/* Revokes, and checks what the file says afterwards. */
static void check_revoke(struct place *place, const char *time, const char *reason, const char *time_then,
                         const char *reason_then)
{
    struct mm_revocation revocation = {.key_id = {1}};
    strcpy(revocation.revoked, time);
    strcpy(revocation.reason, reason);
    assert_int_equal(mm_keyring_revoke(&place->keyring, "acme", &revocation, &place->diags), 0);
    check_findings("revoke", &place->diags, "");
    check_text("its time", revocation.revoked, time_then);
    check_text("its reason", revocation.reason, reason_then);
    check_true("the file says so", file_holds(in_folder(place->top, "acme/0000000000000001.revoked"),
                                              revocation_text(1, time_then, reason_then)));
}

static void a_revocation_is_only_made_stricter(void **state)
{
    struct place *place = *state;
    struct mm_revocation none = {.key_id = {2}, .revoked = "2026-01-01T00:00:00Z", .reason = "x"};
    put_pub(place, 1);
    assert_int_equal(mm_keyring_revoke(&place->keyring, "acme", &none, &place->diags), -1);
    check_findings("revoke a key that is not there", &place->diags, "keyring-key");
    assert_int_equal(mm_keyring_revoke(&place->keyring, "nobody", &none, &place->diags), -1);
    check_findings("revoke nobody's key", &place->diags, "keyring-key");
    check_revoke(place, "2026-05-01T00:00:00Z", "lost", "2026-05-01T00:00:00Z", "lost");
    check_revoke(place, "2026-06-01T00:00:00Z", "later", "2026-05-01T00:00:00Z", "lost");
    check_revoke(place, "2026-05-01T00:00:00Z", "again", "2026-05-01T00:00:00Z", "lost");
    check_revoke(place, "2026-04-01T00:00:00Z", "earlier", "2026-04-01T00:00:00Z", "earlier");
    check_revoke(place, "2026-06-01T00:00:00Z", "compromised: stolen", "2026-04-01T00:00:00Z", "compromised: stolen");
    check_revoke(place, "2026-03-01T00:00:00Z", "only lost", "2026-03-01T00:00:00Z", "compromised: stolen");
    put_text(place, "acme/0000000000000001.revoked", "damaged");
    none.key_id[0] = 1;
    assert_int_equal(mm_keyring_revoke(&place->keyring, "acme", &none, &place->diags), 0);
    check_findings("where nobody can read it", &place->diags,
                   "note:text-last-line@1:8 note:text-first-line@1:1 note:revocation-form");
    check_text("it has no time", none.revoked, "");
    check_true("it stays", file_holds(in_folder(place->top, "acme/0000000000000001.revoked"), "damaged"));
}

static int import_text(struct place *place, unsigned id, const char *time, const char *reason, const struct signer *by)
{
    struct mm_buf text = {0};
    struct mm_revocation revocation;
    mm_buf_str(&text, revocation_text(id, time, reason));
    struct mm_buf signature = signature_text(by, &text);
    int result = mm_keyring_import_revocation(&place->keyring, "acme", &text, &signature, &revocation, &place->diags);
    mm_buf_release(&text);
    mm_buf_release(&signature);
    return result;
}

static void a_revocation_from_elsewhere_has_to_be_signed(void **state)
{
    struct place *place = *state;
    struct signer one = K(1), two = K(2), nine = K(9), false_two = signer_of(2, 9);
    static const char time[] = "2026-05-01T00:00:00Z";
    put_pub(place, 1);
    put_pub(place, 2);
    assert_int_equal(import_text(place, 1, time, "lost", &nine), -1);
    check_findings("by a stranger", &place->diags, "revocation-signature");
    assert_int_equal(import_text(place, 1, time, "lost", &false_two), -1);
    check_findings("by a key of the same id", &place->diags, "revocation-signature");
    check_keys(place, true, "01 02", "");
    assert_int_equal(import_text(place, 1, time, "lost", &two), 0);
    check_findings("by another key", &place->diags, "");
    check_keys(place, true, "01 revoked 2026-05-01T00:00:00Z 02", "");
    assert_int_equal(import_text(place, 1, "2027-01-01T00:00:00Z", "nothing to see here", &two), 0);
    check_keys(place, true, "01 revoked 2026-05-01T00:00:00Z 02", "");
    assert_int_equal(import_text(place, 1, "2027-01-01T00:00:00Z", "compromised", &one), 0);
    check_findings("by itself, revoked as it is", &place->diags, "");
    check_true("the stricter of both", file_holds(in_folder(place->top, "acme/0000000000000001.revoked"),
                                                  revocation_text(1, time, "compromised")));
    check_keys(place, true, "01 revoked 2026-05-01T00:00:00Z 02", ""); /* what is nobody's words has no signature */
    assert_int_equal(import_text(place, 2, time, "revenge", &one), -1);
    check_findings("by a revoked key", &place->diags, "revocation-signature");
    assert_int_equal(import_text(place, 7, time, "in advance", &two), 0);
    check_findings("of a key that is not here", &place->diags, "");
    check_keys(place, true, "01 revoked 2026-05-01T00:00:00Z 02", "note:keyring-key");
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_key_speaks_for_its_publisher_alone),
        TEST(what_was_found_is_remembered_if_asked_for),
        TEST(what_is_damaged_is_not_remembered),
        TEST(the_whole_keyring_is_listed_in_order),
        TEST(what_is_no_key_is_no_key),
        TEST(a_publisher_is_known_by_any_file),
        TEST(a_successor_is_as_good_as_its_line),
        TEST(successors_are_not_forged),
        TEST(successors_may_meet_and_go_round),
        TEST(a_line_of_successors_has_an_end),
        TEST(letters_of_either_case_revoke),
        TEST(whatever_lies_there_revokes),
        TEST(what_may_not_be_read_is_not_known),
        TEST(a_strict_look_names_what_does_not_belong),
        TEST(an_absent_keyring_is_empty_unless_it_is_named),
        TEST(keys_are_added_and_removed),
        TEST(a_full_folder_takes_nothing_more),
        TEST(successors_are_added_and_removed),
        TEST(a_revocation_is_only_made_stricter),
        TEST(a_revocation_from_elsewhere_has_to_be_signed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
