/* Proofs of catalogs. The input as a proof: a valid one is written again byte by byte. The input as numbers: a log of heads, a proof in
 * it, and a change of the proof, which then is refused. */
#include <stdlib.h>
#include <string.h>

#include "doc/catalog_proof.h"
#include "source.h"

static void same(struct mm_buf *out, const uint8_t *data, size_t size)
{
    must(out->length == size && memcmp(out->data, data, size) == 0);
    mm_buf_clear(out);
}

static void read_entry_proof(const char *text, size_t size, struct mm_buf *out, struct mm_diags *diags)
{
    struct mm_entry_proof *proof = malloc(sizeof *proof);
    must(proof != NULL);
    int result = mm_entry_proof_read(proof, text, size, diags);
    must((result == 0) == (diags->errors == 0));
    if (result == 0) {
        must(proof->index < proof->count);
        mm_entry_proof_write(proof, out);
        same(out, (const uint8_t *)text, size);
    }
    mm_entry_proof_release(proof);
    free(proof);
    mm_diags_clear(diags);
}

static void read_consistency(const char *text, size_t size, struct mm_buf *out, struct mm_diags *diags)
{
    unsigned char root[MM_HASH_BYTES];
    struct mm_consistency *proof = malloc(sizeof *proof);
    must(proof != NULL);
    int result = mm_consistency_read(proof, text, size, diags);
    must((result == 0) == (diags->errors == 0));
    if (result == 0) {
        must(proof->before.sequence > 0 && proof->before.sequence <= proof->after.sequence);
        must(mm_log_continue(&proof->before, NULL, 0, root, diags) == 0);
        must(memcmp(root, proof->before.root, sizeof root) == 0);
        mm_consistency_write(proof, out);
        same(out, (const uint8_t *)text, size);
    }
    free(proof);
    mm_diags_clear(diags);
}

/* The first bytes choose the sizes of the log and what is changed how, the rest are in its heads. */
static void change_consistency(const uint8_t *data, size_t size, struct mm_buf *out, struct mm_diags *diags)
{
    enum { NUMBERS = 5, MOST = 80 };
    unsigned char heads[MOST][MM_HASH_BYTES] = {{0}};
    struct mm_consistency *proof = calloc(1, sizeof *proof);
    must(proof != NULL);
    if (size >= NUMBERS && data[4]) {
        uint64_t count = 1 + data[0] % MOST, old = 1 + data[1] % count;
        for (uint64_t i = 0; i < count; i++)
            heads[i][0] = (unsigned char)(i + (NUMBERS + i < size ? data[NUMBERS + i] : 0));
        must(mm_consistency_make(proof, (const unsigned char(*)[MM_HASH_BYTES])heads, old, count, diags) == 0);
        mm_consistency_write(proof, out);
        must(mm_consistency_read(proof, out->data, out->length, diags) == 0);
        out->data[(data[2] * 256u + data[3]) % out->length] ^= (char)data[4];
        must(mm_consistency_read(proof, out->data, out->length, diags) < 0);
        mm_diags_clear(diags);
        mm_buf_clear(out);
    }
    free(proof);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mm_diags diags;
    struct mm_buf out = {0};
    mm_diags_init(&diags);
    read_entry_proof((const char *)data, size, &out, &diags);
    read_consistency((const char *)data, size, &out, &diags);
    change_consistency(data, size, &out, &diags);
    mm_buf_release(&out);
    mm_diags_release(&diags);
    return 0;
}
