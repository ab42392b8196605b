/* The course of a repair: look, fetch what is wrong, look again (act/repair.h). */
#include "act/repair.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/repair_parts.h"
#include "doc/bad_ranges.h"

#define ROUNDS 2       /* a second one where the bad ranges that were given did not name all */
#define NAMED_LACKS 16 /* chunks that findings name */
#define FLUSHED 65536  /* bytes of bad ranges that are written at once */

void mm_repair_release(struct mm_repair_facts *facts)
{
    mm_bits_release(&facts->lacks);
    free(facts->copies);
    *facts = (struct mm_repair_facts){0};
}

void mm_repair_claim(struct mm_claim *claim, const struct mm_chunk_list *list, const char *path)
{
    *claim = (struct mm_claim){.role = MM_ROLE_OTHER, .format = MM_FORMAT_OPAQUE, .chunks = list->facts};
    strncpy(claim->path, path, sizeof claim->path - 1);
}

static uint64_t chunk_count(const struct mm_repair_run *run)
{
    return run->target->claim->chunks.count;
}

/* ---- what was given as bad ---- */

struct hint {
    struct mm_repair_run *run;
    uint64_t lines;
};

static int take_hint(void *context, const struct mm_bad_line *line)
{
    struct hint *hint = context;
    struct mm_repair_run *run = hint->run;
    if (!mm_bad_line_names(line, run->target->shown) && !mm_bad_line_names(line, run->target->claim->path))
        return 0;
    hint->lines++;
    if (!mm_bad_range_fits(&line->range, &run->target->claim->chunks))
        return mm_diag_line(run->diags, MM_RULE_CHUNK_RANGES, line->number, 1,
                            "expected a chunk of %s, found %" PRIu64 " bytes at %" PRIu64 " as chunk %" PRIu64,
                            run->target->shown, line->range.bytes, line->range.offset, line->range.index);
    return mm_bits_add(&run->was.bad, line->range.index) ? 0 : mm_diag_memory(run->diags);
}

/* The chunks that the caller calls bad. Returns 1 if there are some, 0 where nothing is said of this file, -1 with a finding. */
static int read_hints(struct mm_repair_run *run)
{
    const struct mm_buf *bad = run->options->bad;
    struct hint hint = {run, 0};
    if (!bad || !bad->length || !run->in_place || !run->list)
        return 0;
    if (run->options->bad_shown)
        run->diags->file = run->options->bad_shown;
    int result = mm_bad_ranges_read(bad->data, bad->length, take_hint, &hint, run->diags);
    run->diags->file = run->target->shown;
    return result < 0 ? -1 : hint.lines > 0;
}

/* ---- fetching ---- */

static int write_chunk(struct mm_repair_run *run, uint64_t index)
{
    uint64_t size = mm_chunk_bytes(run->fetch.chunks, index);
    if (mm_file_write_at(run->work, run->fetch.taken->bytes, (size_t)size, index * run->fetch.chunks->size) < 0)
        return mm_diag_errno(run->diags, MM_RULE_IO_WRITE, "cannot write", errno);
    run->facts->copied += mm_fetch_count(&run->fetch, index);
    run->changed = true;
    return 0;
}

/* True if chunk INDEX of the file as it was is right, as far as one has looked. */
static bool was_right(const struct mm_repair_run *run, uint64_t index)
{
    return run->old >= 0 && !mm_bits_has(&run->was.bad, index);
}

/* Takes the chunks of BROUGHT, which were written, off those that lack. */
static int count_brought(struct mm_repair_run *run, const struct mm_bits *brought)
{
    struct mm_bits lacks = {0};
    for (uint64_t index = 0; index < chunk_count(run); index++) {
        if (!mm_bits_has(&run->lacks, index))
            continue;
        if (mm_bits_has(brought, index)) {
            run->facts->copied += mm_chunk_bytes(run->fetch.chunks, index);
            run->changed = true;
        } else if (!mm_bits_add(&lacks, index)) {
            mm_bits_release(&lacks);
            return mm_diag_memory(run->diags);
        }
    }
    mm_bits_release(&run->lacks);
    run->lacks = lacks;
    return 0;
}

/* What no copy has is asked for elsewhere. */
static int bring_lacks(struct mm_repair_run *run)
{
    const struct mm_repair_want want = {run->target->claim, run->list, &run->lacks, run->work};
    struct mm_bits brought = {0};
    if (!run->options->bring || run->lacks.count == 0)
        return 0;
    int result = run->options->bring(run->options->bring_context, &want, &brought, run->diags);
    if (count_brought(run, &brought) < 0)
        result = -1;
    mm_bits_release(&brought);
    return result;
}

/* Fetches the chunks of WANTED that were not sought yet. */
static int fetch_chunks(struct mm_repair_run *run, const struct mm_bits *wanted)
{
    struct mm_bits *lacks = &run->lacks;
    for (uint64_t index = 0; index < chunk_count(run); index++) {
        if (!mm_bits_has(wanted, index) || mm_bits_has(&run->tried, index))
            continue;
        if (!mm_bits_add(&run->tried, index))
            return mm_diag_memory(run->diags);
        if (run->hinted && mm_fetch_own(&run->fetch, index)) { /* what was said is of another day */
            run->facts->wrong--;
            continue;
        }
        bool found = mm_fetch_chunk(&run->fetch, index, !run->in_place && was_right(run, index));
        if (found && write_chunk(run, index) < 0)
            return -1;
        if (!found && (!mm_bits_add(lacks, index) || (run->fetch.error && !mm_bits_add(&run->troubled, index))))
            return mm_diag_memory(run->diags);
        if (run->options->progress)
            run->options->progress(run->options->progress_context, (index + 1) * run->fetch.chunks->size,
                                   run->facts->total);
    }
    return bring_lacks(run);
}

/* How many numbers of SET are not in OTHER. */
static uint64_t count_more(const struct mm_repair_run *run, const struct mm_bits *set, const struct mm_bits *other)
{
    uint64_t count = 0;
    for (uint64_t index = 0; set->count && index < chunk_count(run); index++)
        count += mm_bits_has(set, index) && !mm_bits_has(other, index);
    return count;
}

/* Bytes behind the artifact go last, when all else was looked at and is right. */
static int cut(struct mm_repair_run *run)
{
    struct stat info;
    if (run->lacks.count > 0)
        return 0;
    if (fstat(run->work, &info) < 0)
        return mm_diag_errno(run->diags, MM_RULE_IO_READ, "cannot read", errno);
    if ((uint64_t)info.st_size <= run->facts->total)
        return 0;
    run->changed = true;
    return ftruncate(run->work, (off_t)run->facts->total) < 0
               ? mm_diag_errno(run->diags, MM_RULE_IO_WRITE, "cannot shorten", errno)
               : 0;
}

/* Fetches WANTED, flushes, and looks at the whole into LOOK; what was wrong without having been named is fetched in a second round. */
static int mend(struct mm_repair_run *run, struct mm_bits *wanted, struct mm_look *look)
{
    int result = 0;
    for (int round = 0; round < ROUNDS && result == 0; round++) {
        bool hinted = run->hinted;
        result = fetch_chunks(run, round ? &look->bad : wanted);
        run->hinted = false;
        if (round)
            mm_look_release(look);
        if (result == 0 && !hinted)
            result = cut(run);
        if (result == 0)
            result = mm_work_flush(run);
        if (result == 0)
            result = mm_look_at(run, run->work, !hinted, look);
        uint64_t more = count_more(run, &look->bad, &run->tried);
        if (hinted ? look->whole : more == 0)
            break;
        run->facts->wrong += round == 0 && run->in_place ? more : 0;
    }
    return result;
}

/* ---- what is to be fetched ---- */

static int add_all(struct mm_repair_run *run, struct mm_bits *bits)
{
    for (uint64_t index = 0; index < chunk_count(run); index++)
        if (!mm_bits_add(bits, index))
            return mm_diag_memory(run->diags);
    return 0;
}

/* The chunks that the new file has not got yet: what an earlier call left in it is hashed, never believed. */
static int look_at_new(struct mm_repair_run *run, struct mm_bits *wanted)
{
    struct mm_look look = {0};
    struct stat info;
    if (fstat(run->work, &info) < 0)
        return mm_diag_errno(run->diags, MM_RULE_IO_READ, "cannot read", errno);
    if (info.st_size == 0)
        return add_all(run, wanted);
    int result = mm_look_at(run, run->work, false, &look);
    *wanted = look.bad;
    return result;
}

/* The file is nobody else's: no link leads to it, and it does not have to be another artifact too. */
static int check_place(const struct mm_repair_run *run)
{
    if (run->target->out || run->old < 0)
        return 0;
    if (run->linked)
        return mm_diag(run->diags, MM_RULE_IO_NOT_REGULAR,
                       "expected a file, found a symbolic link on the way to it: name the file that it leads to");
    if (run->options->files && mm_repair_files_clash(run->options->files, &run->before, &run->target->claim->chunks))
        return mm_diag(run->diags, MM_RULE_IO_NOT_REGULAR,
                       "expected a file of its own, found one that has to be another artifact or target too");
    return 0;
}

/* True if a file that is replaced without force may be lost by it. */
static bool is_in_question(const struct mm_repair_run *run)
{
    return !run->target->out && !run->options->force && run->old >= 0 && run->before.st_size > 0;
}

static int refuse_other(struct mm_repair_run *run)
{
    run->facts->state = MM_REPAIR_LACKS;
    run->facts->wrong = chunk_count(run);
    return mm_diag(run->diags, MM_RULE_CHUNK_WRONG,
                   "expected a damaged copy, found a file of which no chunk is right: --force replaces it");
}

/* A file that has not one right chunk is likely to be another one, named by mistake. */
static int check_target(struct mm_repair_run *run)
{
    if (!is_in_question(run) || run->hinted)
        return 0;
    if (run->list)
        return run->was.bad.count < chunk_count(run) ? 0 : refuse_other(run);
    run->facts->state = MM_REPAIR_LACKS;
    return mm_diag(run->diags, run->list_unread ? MM_RULE_IO_READ : MM_RULE_CHUNK_WRONG,
                   "without a chunk list no chunk can be told from another, nor the file from one that is meant to be "
                   "there: --force replaces it");
}

/* The same before bad ranges are gone by, of which nothing was looked at yet: one right chunk is sought, first where none is named. */
static int check_hinted(struct mm_repair_run *run)
{
    if (!is_in_question(run) || !run->hinted)
        return 0;
    for (int named = 0; named < 2; named++)
        for (uint64_t index = 0; index < chunk_count(run); index++)
            if (mm_bits_has(&run->was.bad, index) == (named == 1) && mm_fetch_own(&run->fetch, index))
                return 0;
    return refuse_other(run);
}

/* Where something could not be read it is not known that no copy has chunk INDEX. */
static bool is_unread(const struct mm_repair_run *run, uint64_t index)
{
    return run->options->incomplete || run->open_error || mm_bits_has(&run->troubled, index);
}

/* Says why chunk INDEX is wrong still: no copy has it, or it was written and is not there. */
static void tell_lack(struct mm_repair_run *run, uint64_t index)
{
    uint64_t offset = index * run->target->claim->chunks.size, end = offset + mm_chunk_bytes(run->fetch.chunks, index);
    bool unread = is_unread(run, index);
    if (!mm_bits_has(&run->lacks, index))
        mm_diag_offset(run->diags, MM_RULE_IO_READ, offset,
                       "chunk %" PRIu64 " bytes %" PRIu64 "-%" PRIu64 " was written, and cannot be read back as it was",
                       index, offset, end - 1);
    else
        mm_diag_offset(run->diags, unread ? MM_RULE_IO_READ : MM_RULE_STORE_CHUNK, offset,
                       "chunk %" PRIu64 " bytes %" PRIu64 "-%" PRIu64 " is in no copy as it has to be%s", index, offset,
                       end - 1, unread ? ", as far as they can be read" : "");
}

static void tell_lacks(struct mm_repair_run *run)
{
    uint64_t named = 0;
    for (uint64_t index = 0; index < chunk_count(run) && named < NAMED_LACKS; index++)
        if (mm_bits_has(&run->facts->lacks, index)) {
            tell_lack(run, index);
            named++;
        }
    if (run->facts->lacks.count > NAMED_LACKS)
        mm_note(run->diags, MM_RULE_STORE_CHUNK, "%" PRIu64 " chunks lack in all", run->facts->lacks.count);
    if (!run->in_place && run->made[0])
        mm_note(run->diags, MM_RULE_STORE_CHUNK, "what is there stays in %s, and another call goes on", run->made);
}

/* Puts the end of it into the facts: LOOK is what was found in the file that was written. */
static int settle(struct mm_repair_run *run, struct mm_look *look)
{
    struct mm_repair_facts *facts = run->facts;
    uint64_t lacking = 0;
    facts->lacks = look->bad;
    look->bad = (struct mm_bits){0};
    for (uint64_t index = 0; index < chunk_count(run) && facts->lacks.count; index++)
        lacking += mm_bits_has(&facts->lacks, index) ? mm_chunk_bytes(run->fetch.chunks, index) : 0;
    facts->mended = facts->wrong > facts->lacks.count ? facts->wrong - facts->lacks.count : 0;
    facts->kept = facts->total - lacking;
    facts->kept -= facts->copied < facts->kept ? facts->copied : facts->kept;
    if (facts->lacks.count > 0) {
        facts->state = MM_REPAIR_LACKS;
        tell_lacks(run);
        return -1;
    }
    if (!look->whole || mm_work_publish(run) < 0)
        return -1;
    facts->state = run->was.whole || (run->in_place && !run->changed) ? MM_REPAIR_WHOLE : MM_REPAIR_REPAIRED;
    if (run->in_place)
        mm_work_tell_left(run);
    return 0;
}

static int repair_chunks(struct mm_repair_run *run)
{
    struct mm_bits wanted = {0};
    struct mm_look look = {0};
    int result = run->in_place ? 0 : look_at_new(run, &wanted);
    if (result == 0)
        result = mend(run, run->in_place ? &run->was.bad : &wanted, &look);
    if (result == 0)
        result = settle(run, &look);
    mm_look_release(&look);
    mm_bits_release(&wanted);
    return result;
}

/* ---- the course ---- */

/* Looks at the file as it is, unless bad ranges were given. Returns 1 where it is whole, 0 where it is not, -1 with a finding. */
static int look_first(struct mm_repair_run *run)
{
    if (run->old < 0)
        return add_all(run, &run->was.bad);
    int hints = read_hints(run);
    run->hinted = hints > 0;
    if (hints != 0)
        return hints < 0 ? -1 : 0;
    if (mm_look_at(run, run->old, false, &run->was) < 0)
        return -1;
    return run->was.whole && !run->target->out;
}

/* Opens what is read and what is written, and fetches what is wrong. */
static int repair_wrong(struct mm_repair_run *run)
{
    if (!run->list)
        mm_work_anew(run);
    if (mm_places_open(run) < 0 || mm_fetch_begin(&run->fetch, run->diags) < 0 || check_hinted(run) < 0 ||
        mm_work_begin(run) < 0)
        return -1;
    return run->list ? repair_chunks(run) : mm_repair_whole(run);
}

static int repair(struct mm_repair_run *run)
{
    struct mm_repair_facts *facts = run->facts;
    int result = mm_repair_find_list(run);
    run->fetch.list = run->list;
    if (result == 0)
        result = mm_work_open(run);
    if (result == 0)
        result = look_first(run);
    if (result < 0)
        return -1;
    if (result > 0) {
        facts->state = MM_REPAIR_WHOLE;
        facts->kept = facts->total;
        mm_work_tell_left(run);
        return 0;
    }
    facts->wrong = run->list ? run->was.bad.count : run->was.whole ? 0 : chunk_count(run);
    result = check_place(run);
    if (result == 0)
        result = check_target(run);
    if (result == 0)
        result = repair_wrong(run);
    if (facts->state == MM_REPAIR_LACKS && facts->lacks.count == 0 && add_all(run, &facts->lacks) < 0)
        return -1;
    return result;
}

int mm_repair(const struct mm_repair_target *target, const struct mm_repair_options *options,
              struct mm_repair_facts *facts, struct mm_diags *diags)
{
    struct mm_repair_run run = {
        .target = target, .options = options, .facts = facts, .diags = diags, .old = -1, .work = -1, .parent = -1};
    const char *shown = diags->file;
    size_t copies = options->copies->count;
    *facts = (struct mm_repair_facts){.state = MM_REPAIR_FAILED, .total = target->claim->chunks.bytes};
    facts->copies = calloc(copies ? copies : 1, sizeof *facts->copies);
    run.fetch.chunks = &target->claim->chunks;
    run.fetch.counts = facts->copies;
    run.fetch.links = options->copies->links;
    diags->file = target->shown;
    int result = facts->copies ? 0 : mm_diag_memory(diags);
    if (result == 0)
        result = repair(&run);
    mm_look_release(&run.was);
    mm_bits_release(&run.tried);
    mm_bits_release(&run.lacks);
    mm_bits_release(&run.troubled);
    mm_fetch_release(&run.fetch);
    mm_chunk_list_release(&run.found);
    mm_work_release(&run);
    diags->file = shown;
    return result;
}

/* ---- what lacks still ---- */

int mm_repair_write_lacks(const struct mm_repair_target *target, const struct mm_repair_facts *facts,
                          struct mm_writer *writer, struct mm_diags *diags)
{
    const struct mm_chunk_facts *chunks = &target->claim->chunks;
    struct mm_buf text = {0};
    int result = 0;
    for (uint64_t index = 0; index < chunks->count && facts->lacks.count && result == 0; index++) {
        if (!mm_bits_has(&facts->lacks, index))
            continue;
        mm_buf_printf(&text, "%" PRIu64 "\t%" PRIu64 "\t%" PRIu64 "\t", index, index * chunks->size,
                      mm_chunk_bytes(chunks, index));
        mm_buf_printable(&text, target->shown, strlen(target->shown));
        mm_buf_char(&text, '\n');
        if (text.failed)
            result = mm_diag_memory(diags);
        else if (text.length > FLUSHED) {
            result = mm_writer_write(writer, text.data, text.length, diags);
            mm_buf_clear(&text);
        }
    }
    if (result == 0 && text.length)
        result = mm_writer_write(writer, text.data, text.length, diags);
    mm_buf_release(&text);
    return result;
}
