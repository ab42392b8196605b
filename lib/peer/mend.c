#include "peer/mend.h"

#include "exchange/have.h"
#include "peer/fetch_parts.h"

/* Has the shape of mm_peer_list_fn, CONTEXT being the list. */
static int take_list(void *context, const struct mm_claim *claim, const char *text, size_t length,
                     struct mm_diags *diags)
{
    struct mm_chunk_list *list = context;
    mm_chunk_list_release(list);
    return mm_landing_read_list(claim, text, length, list, diags);
}

/* Has the shape of mm_repair_options' bring, CONTEXT being the fetch. What nobody has is a finding, and no failure: the repair says which
 * chunks lack. */
static int bring(void *context, const struct mm_repair_want *want, struct mm_bits *brought, struct mm_diags *diags)
{
    struct mm_landing landing;
    int result = mm_landing_open_file(&landing, want->claim, want->list, want->fd, want->lacks, diags);
    if (result == 0)
        result = mm_peer_fetch_land(context, &landing, diags) < 0 ? -1 : 0;
    const unsigned char *need = landing.count ? landing.items[0].need : NULL;
    for (uint64_t chunk = 0; need && chunk < want->claim->chunks.count; chunk++)
        if (mm_bits_has(want->lacks, chunk) && !mm_have_has(need, chunk) && !mm_bits_add(brought, chunk))
            result = mm_diag_memory(diags);
    mm_landing_release(&landing);
    return result;
}

int mm_peer_mend(struct mm_peer_fetch *fetch, struct mm_repair_target *target, struct mm_repair_options *how,
                 struct mm_repair_facts *facts, struct mm_diags *diags)
{
    struct mm_chunk_list list = {0};
    int result = 0;
    *facts = (struct mm_repair_facts){.state = MM_REPAIR_FAILED, .total = target->claim->chunks.bytes};
    if (!target->list && target->claim->chunks.count > 1) {
        result = mm_peer_fetch_list(fetch, target->claim, take_list, &list, diags);
        target->list = &list; // cppcheck-suppress autoVariables ; taken back below
    }
    how->bring = bring;
    how->bring_context = fetch;
    how->incomplete = true; /* what no peer has now, one may have tomorrow */
    if (result == 0)
        result = mm_repair(target, how, facts, diags);
    if (target->list == &list)
        target->list = NULL;
    mm_chunk_list_release(&list);
    return result;
}
