#include "unit.h"

#include "trust/secret_form.h"

#define PADDING "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" /* 100 */
#define BODY PADDING PADDING "AAAA"

static void check(const char *text, const char *expected)
{
    const char *found = mm_secret_form(text, strlen(text));
    check_text(text, found ? found : "", expected);
}

static void secret_keys_are_known_by_what_they_hold(void **state)
{
    (void)state;
    check("untrusted comment: x\nRWRTY0Iy" BODY "\n", "a secret key of minisign");
    check("untrusted comment: x\r\nRWQAAEIy" BODY "\r\n", "a secret key of minisign");
    check("RWQAAEIy" BODY, "a secret key of minisign");
    check("-----BEGIN PRIVATE KEY-----\nAAAA\n", "a private key in PEM");
    check("-----BEGIN EC PARAMETERS-----\nAA==\n-----END EC PARAMETERS-----\n-----BEGIN EC PRIVATE KEY-----\n", "a private key in PEM");
    check("-----BEGIN ENCRYPTED PRIVATE KEY----- \r\n", "a private key in PEM");
    check("-----BEGIN OPENSSH PRIVATE KEY-----", "a private key in PEM");
    check("-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "a private key in PEM");
}

static void revocations_are_known_by_their_first_line(void **state)
{
    (void)state;
    check("minimodel-revocation 0\nkey-id: 0000000000000001\n", "a revocation");
    check("minimodel-revocation 0", "");
    check("\nminimodel-revocation 0\n", "");
    check("minimodel-revocation 0 is the first line\n", "");
}

static void what_is_public_is_none(void **state)
{
    (void)state;
    check("", "");
    check("\n\n", "");
    check("untrusted comment: minisign public key\nRWQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n", "");
    check("RWRTY0Iy" PADDING "\n", "");
    check("-----BEGIN PUBLIC KEY-----\nAAAA\n", "");
    check("-----BEGIN CERTIFICATE-----\nAAAA\n", "");
    check("a line that names -----BEGIN PRIVATE KEY-----\n", "");
    check("-----BEGIN PRIVATE KEY\n", "");
    check("-----END PRIVATE KEY-----\n", "");
    check_true("no bytes beyond the head", mm_secret_form("-----BEGIN PRIVATE KEY-----", 26) == NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secret_keys_are_known_by_what_they_hold),
        cmocka_unit_test(revocations_are_known_by_their_first_line),
        cmocka_unit_test(what_is_public_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
