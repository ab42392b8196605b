/* Merging neighbours in the order of a heap: symbols are a list with links, and pairs that are no more are left in the heap and known by their length. */
#include <stdlib.h>

#include "base/checked.h"
#include "infer/encoder_parts.h"

void mm_merging_release(struct mm_merging *merging)
{
    free(merging->symbols);
    free(merging->pairs);
    *merging = (struct mm_merging){0};
}

int mm_merging_add(struct mm_merging *merging, const struct mm_symbol *symbol, struct mm_diags *diags)
{
    if (!mm_grow(&merging->symbols, merging->count, &merging->capacity, sizeof *merging->symbols))
        return mm_diag_memory(diags);
    uint32_t here = (uint32_t)merging->count++;
    merging->symbols[here] = *symbol;
    merging->symbols[here].previous = here ? here - 1 : MM_NO_SYMBOL;
    merging->symbols[here].next = MM_NO_SYMBOL;
    if (here)
        merging->symbols[here - 1].next = here;
    return 0;
}

static bool before(const struct mm_bigram *a, const struct mm_bigram *b)
{
    return a->priority != b->priority ? a->priority < b->priority : a->left < b->left;
}

static void sink(struct mm_bigram *pairs, size_t count, size_t at)
{
    struct mm_bigram moved = pairs[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && before(&pairs[child + 1], &pairs[child]))
            child++;
        if (!before(&pairs[child], &moved))
            break;
        pairs[at] = pairs[child];
    }
    pairs[at] = moved;
}

static void rise(struct mm_bigram *pairs, size_t at)
{
    struct mm_bigram moved = pairs[at];
    for (; at > 0 && before(&moved, &pairs[(at - 1) / 2]); at = (at - 1) / 2)
        pairs[at] = pairs[(at - 1) / 2];
    pairs[at] = moved;
}

struct run {
    struct mm_merging *merging;
    mm_bigram_fn *look;
    const void *context;
    struct mm_diags *diags;
};

/* Appends the pair of LEFT and RIGHT, numbers of symbols or MM_NO_SYMBOL, if there is one, out of the heap's order. Returns 1 if there is, 0, or -1. */
static int offer(struct run *r, uint32_t left, uint32_t right)
{
    struct mm_merging *m = r->merging;
    struct mm_bigram pair = {.left = left, .right = right};
    if (left == MM_NO_SYMBOL || right == MM_NO_SYMBOL ||
        !r->look(r->context, &m->symbols[left], &m->symbols[right], &pair))
        return 0;
    if (!mm_grow(&m->pairs, m->pair_count, &m->pair_capacity, sizeof *m->pairs))
        return mm_diag_memory(r->diags);
    pair.length = m->symbols[left].length + m->symbols[right].length;
    m->pairs[m->pair_count++] = pair;
    return 1;
}

static int push(struct run *r, uint32_t left, uint32_t right)
{
    int result = offer(r, left, right);
    if (result > 0)
        rise(r->merging->pairs, r->merging->pair_count - 1);
    return result;
}

static struct mm_bigram pop(struct mm_merging *m)
{
    struct mm_bigram top = m->pairs[0];
    m->pairs[0] = m->pairs[--m->pair_count];
    if (m->pair_count)
        sink(m->pairs, m->pair_count, 0);
    return top;
}

static void join(struct mm_merging *m, const struct mm_bigram *pair)
{
    struct mm_symbol *left = &m->symbols[pair->left], *right = &m->symbols[pair->right];
    left->length += right->length;
    left->piece = pair->piece;
    left->hash = pair->hash;
    left->next = right->next;
    if (right->next != MM_NO_SYMBOL)
        m->symbols[right->next].previous = pair->left;
    right->length = 0;
}

int mm_merging_run(struct mm_merging *m, mm_bigram_fn *look, const void *context, struct mm_diags *diags)
{
    struct run r = {m, look, context, diags};
    m->pair_count = 0;
    for (uint32_t i = 1; i < m->count; i++)
        if (offer(&r, i - 1, i) < 0)
            return -1;
    for (size_t i = m->pair_count / 2; i-- > 0;)
        sink(m->pairs, m->pair_count, i);
    while (m->pair_count) {
        struct mm_bigram pair = pop(m);
        const struct mm_symbol *left = &m->symbols[pair.left], *right = &m->symbols[pair.right];
        if (left->length == 0 || right->length == 0 || left->length + right->length != pair.length)
            continue;
        join(m, &pair);
        if (push(&r, m->symbols[pair.left].previous, pair.left) < 0 ||
            push(&r, pair.left, m->symbols[pair.left].next) < 0)
            return -1;
    }
    return 0;
}
