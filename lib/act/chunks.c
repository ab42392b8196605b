#include "act/chunks.h"

#include <inttypes.h>
#include <string.h>

#include "base/file.h"

static struct mm_chunker_options chunker_options(const struct mm_chunks_options *options, int fd, mm_chunk_fn *each,
                                                 void *context)
{
    return (struct mm_chunker_options){
        .size = options->size,
        .whole = options->whole,
        .expected = mm_file_size(fd),
        .lasting = true,
        .means = options->means,
        .each = each,
        .context = context,
    };
}

/* Reads FD to its end through SINK, which feeds a chunker with HOW. */
static int read_through(mm_sink_fn *sink, mm_settle_fn *settle, void *context, const struct mm_chunker_options *how,
                        int fd, const struct mm_chunks_options *options, struct mm_diags *diags)
{
    struct mm_source source = {0};
    struct mm_source_shape shape = mm_chunker_shape(how);
    int result = mm_source_open_wide(&source, fd, NULL, &shape, diags);
    source.sink = sink;
    source.settle = settle;
    source.sink_context = context;
    source.progress = options->progress;
    source.progress_context = options->progress_context;
    if (result == 0)
        result = mm_source_finish(&source, diags);
    mm_source_release(&source);
    return result;
}

int mm_chunks_hash(int fd, const struct mm_chunks_options *options, struct mm_hashes *hashes,
                   struct mm_chunk_facts *facts, struct mm_diags *diags)
{
    struct mm_chunker_options how = chunker_options(options, fd, hashes ? mm_hashes_add : NULL, hashes);
    struct mm_chunker *chunker = mm_chunker_new(&how, diags);
    int result = chunker ? read_through(mm_chunker_update, mm_chunker_settle, chunker, &how, fd, options, diags) : -1;
    if (result == 0)
        result = mm_chunker_finish(chunker, facts, diags);
    if (result == 0 && hashes && hashes->failed)
        result = mm_diag_memory(diags);
    mm_chunker_free(chunker);
    return result;
}

static void note_chunk(void *context, uint64_t index, const unsigned char hash[static MM_HASH_BYTES])
{
    struct mm_proof *proof = context;
    if (index == proof->index)
        memcpy(proof->chunk, hash, MM_HASH_BYTES);
}

int mm_chunks_prove(int fd, const struct mm_chunks_options *options, uint64_t index, struct mm_proof *proof,
                    struct mm_diags *diags)
{
    struct mm_chunker_options how = chunker_options(options, fd, note_chunk, proof);
    struct mm_chunk_facts facts;
    *proof = (struct mm_proof){.index = index};
    how.whole = false;
    struct mm_chunker *chunker = mm_chunker_new(&how, diags);
    if (!chunker)
        return -1;
    mm_chunker_track(chunker, index);
    int result = read_through(mm_chunker_update, mm_chunker_settle, chunker, &how, fd, options, diags);
    if (result == 0)
        result = mm_chunker_finish(chunker, &facts, diags);
    if (result == 0 && index >= facts.count)
        result = mm_diag(diags, MM_RULE_CHUNK_INDEX, "expected an index below the %" PRIu64 " chunks, found %" PRIu64,
                         facts.count, index);
    if (result == 0) {
        proof->count = facts.count;
        proof->path = *mm_chunker_path(chunker);
        memcpy(proof->root, facts.root, MM_HASH_BYTES);
    }
    mm_chunker_free(chunker);
    return result;
}

/* A file's bytes as far as the list goes; what is more is counted alone, so that a longer file's chunks are judged. */
struct listed_part {
    struct mm_chunker *chunker;
    uint64_t listed, total;
};

static void take_listed(void *context, const unsigned char *bytes, size_t length)
{
    struct listed_part *part = context;
    uint64_t room = part->total < part->listed ? part->listed - part->total : 0;
    mm_chunker_update(part->chunker, bytes, length < room ? length : (size_t)room);
    part->total += length;
}

static void settle_listed(void *context, uint64_t offset)
{
    const struct listed_part *part = context;
    mm_chunker_settle(part->chunker, offset);
}

static void report_wrong(const struct mm_chunk_compare *compare, uint64_t bytes, struct mm_diags *diags)
{
    for (size_t i = 0; i < compare->bad_count; i++) {
        const struct mm_bad_range *bad = &compare->bad[i];
        if (bad->offset + bad->bytes <= bytes) /* what was cut off is said once, as truncation */
            mm_diag_offset(diags, MM_RULE_CHUNK_WRONG, bad->offset,
                           "chunk %" PRIu64 " bytes %" PRIu64 "-%" PRIu64 " is not as listed", bad->index, bad->offset,
                           bad->offset + bad->bytes - 1);
    }
}

static int compare_facts(const struct mm_chunk_facts *listed, const struct mm_chunk_facts *found, size_t wrong,
                         struct mm_diags *diags)
{
    if (found->bytes < listed->bytes)
        return mm_diag_offset(diags, MM_RULE_CHUNK_TRUNCATED, found->bytes,
                              "expected %" PRIu64 " bytes, found %" PRIu64, listed->bytes, found->bytes);
    if (found->bytes > listed->bytes)
        return mm_diag_offset(diags, MM_RULE_CHUNK_LONGER, listed->bytes, "expected %" PRIu64 " bytes, found %" PRIu64,
                              listed->bytes, found->bytes);
    if (found->has_sha256 && memcmp(found->sha256, listed->sha256, MM_HASH_BYTES) != 0)
        return mm_diag(diags, MM_RULE_CHUNK_SHA256, "expected the listed SHA-256, found another");
    return wrong ? -1 : 0;
}

int mm_chunks_check(int fd, const struct mm_chunks_options *options, const struct mm_chunk_list *list,
                    struct mm_chunk_compare *compare, struct mm_diags *diags)
{
    struct mm_chunker_options how = chunker_options(options, fd, mm_chunk_compare_add, compare);
    struct mm_chunk_facts facts;
    *compare = (struct mm_chunk_compare){.list = list};
    how.size = list->facts.size;
    struct listed_part part = {mm_chunker_new(&how, diags), list->facts.bytes, 0};
    int result = part.chunker ? read_through(take_listed, settle_listed, &part, &how, fd, options, diags) : -1;
    if (result == 0)
        result = mm_chunker_finish(part.chunker, &facts, diags);
    if (result == 0)
        result = mm_chunk_compare_finish(compare, diags);
    if (result == 0) {
        facts.bytes = part.total;
        report_wrong(compare, facts.bytes, diags);
        result = compare_facts(&list->facts, &facts, compare->bad_count, diags);
    }
    mm_chunker_free(part.chunker);
    return result;
}
