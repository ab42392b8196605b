#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "act/attest.h"
#include "text/path.h"

#define NO_INPUT SIZE_MAX

struct comparison {
    const struct mm_attest *attest;
    const struct mm_attest_found *found; /* as many as inputs */
    struct mm_diags *diags;
    bool *covered; /* as many as inputs, by the present operand */
};

static const char *path_of(const struct comparison *c, size_t input)
{
    return c->attest->gather->inputs[input].path;
}

static int differs(const struct comparison *c, const struct mm_attested *said, const char *what, const char *expected,
                   const char *actual, size_t input)
{
    return mm_diag_line(c->diags, MM_RULE_ATTEST_DIFFERS, said->line, said->line ? 1 : 0,
                        "expected the %s %s of '%s', found %s", what, expected, path_of(c, input), actual);
}

static int compare_size(const struct comparison *c, const struct mm_attested *said, size_t input)
{
    char expected[24], actual[24];
    if (!said->has_size || said->size == c->found[input].bytes)
        return 0;
    snprintf(expected, sizeof expected, "%" PRIu64, said->size);
    snprintf(actual, sizeof actual, "%" PRIu64, c->found[input].bytes);
    return differs(c, said, "size", expected, actual, input);
}

static int compare_digest(const struct comparison *c, const struct mm_attested *said, size_t input)
{
    char expected[MM_HASH_HEX + 1], actual[MM_HASH_HEX + 1];
    const struct mm_attest_found *found = &c->found[input];
    const unsigned char *digest = said->git ? found->git : found->sha256;
    size_t size = said->git ? MM_GIT_BYTES : MM_HASH_BYTES;
    if (!digest)
        return mm_diag(c->diags, MM_RULE_IO_READ, "git's id of '%s' could not be computed", path_of(c, input));
    if (memcmp(digest, said->digest, size) == 0)
        return 0;
    mm_hex(expected, said->digest, size);
    mm_hex(actual, digest, size);
    return differs(c, said, said->git ? "git id" : "SHA-256", expected, actual, input);
}

/* The input with this SHA-256, or else the blob that is named after it, which then differs. NO_INPUT for none. */
static size_t input_with(const struct comparison *c, const struct mm_attested *said)
{
    char name[sizeof "sha256-" + MM_HASH_HEX] = "sha256-";
    size_t named = NO_INPUT;
    mm_hex(name + strlen("sha256-"), said->digest, MM_HASH_BYTES);
    for (size_t i = 0; i < c->attest->gather->count; i++) {
        if (!c->found[i].used)
            continue;
        if (memcmp(c->found[i].sha256, said->digest, MM_HASH_BYTES) == 0)
            return i;
        if (strcmp(mm_path_name(path_of(c, i)), name) == 0)
            named = i;
    }
    return named;
}

/* The model's layers are there; LACKING is one that is not. Where no layer at all is, the attestation speaks of nothing here. */
static int lacks_weights(const struct comparison *c, const struct mm_attested *lacking)
{
    char hex[MM_HASH_HEX + 1];
    mm_hex(hex, lacking->digest, MM_HASH_BYTES);
    return mm_diag(c->diags, MM_RULE_ATTEST_DIFFERS,
                   "expected a file that is the model's layer, with SHA-256 %s, found none", hex);
}

static int compare_claim(const struct comparison *c, const struct mm_attest_claim *claim, size_t input)
{
    const struct mm_attested *said = &claim->said;
    if (compare_digest(c, said, input) < 0 || compare_size(c, said, input) < 0)
        return -1;
    c->covered[input] = true;
    return 0;
}

/* Compares all that FILE says. *ANY: it said something of a file that is here. */
static int compare_file(const struct comparison *c, const struct mm_attest_file *file, bool *any)
{
    const struct mm_attested *lacking = NULL;
    int result = 0;
    *any = false;
    for (size_t i = file->first; i < file->first + file->count; i++) {
        const struct mm_attest_claim *claim = &c->attest->claims[i];
        bool by_digest = claim->input == NO_INPUT;
        size_t input = by_digest ? input_with(c, &claim->said) : claim->input;
        if (input != NO_INPUT && c->found[input].used) {
            *any = true;
            if (compare_claim(c, claim, input) < 0)
                result = -1; /* the other entries are worth a look too */
        } else if (claim->said.weights) {
            lacking = &claim->said;
        } else if (!by_digest) {
            mm_note(c->diags, MM_RULE_ATTEST_OTHER, "speaks of '%s', which is left out", path_of(c, input));
        } else {
            char hex[MM_HASH_HEX + 1];
            mm_hex(hex, claim->said.digest, MM_HASH_BYTES);
            mm_note(c->diags, MM_RULE_ATTEST_OTHER, "speaks of a layer that is not described, sha256:%s", hex);
        }
    }
    return *any && lacking ? lacks_weights(c, lacking) : result;
}

static void add_evidence(const struct mm_attest_file *file, struct mm_buf *evidence)
{
    char line[128], hex[MM_HASH_HEX + 1];
    mm_hex(hex, file->sha256, MM_HASH_BYTES);
    snprintf(line, sizeof line, "x-%s pass %s -\n", mm_attestation_words[file->kind], hex);
    if (!evidence->length || !strstr(evidence->data, line)) /* one file may be given twice */
        mm_buf_str(evidence, line);
}

static int compare_operand(const struct comparison *c, const struct mm_attest_operand *operand, struct mm_buf *evidence)
{
    size_t covered = 0, described = 0;
    bool any_here = false, any;
    int result = 0;
    memset(c->covered, 0, c->attest->gather->count * sizeof *c->covered);
    for (size_t i = operand->first; i < operand->first + operand->count; i++) {
        const struct mm_attest_file *file = &c->attest->files[i];
        c->diags->file = file->path;
        if (compare_file(c, file, &any) < 0)
            result = -1;
        else if (any && !file->unchecked)
            add_evidence(file, evidence);
        any_here = any_here || any;
    }
    c->diags->file = operand->path;
    for (size_t i = 0; i < c->attest->gather->count; i++) {
        described += c->found[i].used;
        covered += c->covered[i];
    }
    if (!any_here)
        return mm_diag(c->diags, MM_RULE_ATTEST_NOTHING,
                       "expected something about one of %zu described files, found nothing", described);
    if (result == 0)
        mm_note(c->diags, MM_RULE_ATTEST_AGREES, "agrees with %zu of %zu artifacts", covered, described);
    return result;
}

int mm_attest_compare(const struct mm_attest *attest, const struct mm_attest_found *found, struct mm_buf *evidence,
                      struct mm_diags *diags)
{
    struct comparison c = {attest, found, diags, calloc(attest->gather->count + 1, sizeof *c.covered)};
    int result = c.covered ? 0 : mm_diag_memory(diags);
    for (size_t i = 0; c.covered && i < attest->operand_count; i++)
        if (compare_operand(&c, &attest->operands[i], evidence) < 0)
            result = -1;
    diags->file = "";
    free(c.covered);
    return result < 0 ? -1 : evidence->failed ? mm_diag_memory(diags) : 0;
}
