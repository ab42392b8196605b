/* The writing of a catalog: files of models first, then what tells of the step from head to head, the two lists, and the head last. So whoever
 * reads the head finds everything that it names, and what is interrupted can be brought to its end or taken back. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "act/catalog_build_parts.h"
#include "act/catalog_witness.h"
#include "base/checked.h"
#include "base/file.h"
#include "base/tree.h"
#include "doc/catalog_changes.h"

#define OUT_PIECE (1024 * 1024)

/* ---- files that are written as they come ---- */

struct output {
    struct mm_writer writer;
    struct mm_buf buf;
    struct mm_sha256 *sha; /* of all that was written, or NULL */
    uint64_t length;
};

static int flush_output(struct output *out, struct mm_diags *diags)
{
    if (out->buf.failed)
        return mm_diag_memory(diags);
    if (out->sha)
        mm_sha256_update(out->sha, mm_buf_text(&out->buf), out->buf.length);
    out->length += out->buf.length;
    int result = mm_writer_write(&out->writer, mm_buf_text(&out->buf), out->buf.length, diags);
    mm_buf_clear(&out->buf);
    return result;
}

static int drain(struct output *out, struct mm_diags *diags)
{
    return out->buf.length >= OUT_PIECE || out->buf.failed ? flush_output(out, diags) : 0;
}

/* Opens the file NAME beneath the catalog; its folder is there. */
static int open_output(struct mm_catalog_build *build, struct output *out, const char *name, struct mm_diags *diags)
{
    char folder[MM_CATALOG_NAME];
    const char *slash = strrchr(name, '/');
    *out = (struct output){.writer = {.fd = -1, .folder = -1}};
    mm_catalog_at(&build->folder, name, diags);
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - name) : 1, slash ? name : ".");
    int fd = mm_tree_open(build->folder.fd, folder);
    if (fd < 0)
        return mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot open the folder", errno);
    int result = mm_writer_open_in(&out->writer, fd, name, true, diags);
    close(fd);
    return result;
}

static void release_output(struct output *out)
{
    mm_writer_abandon(&out->writer);
    mm_buf_release(&out->buf);
}

int mm_catalog_publish(struct mm_catalog_build *build, const char *name, const struct mm_buf *text,
                       struct mm_diags *diags)
{
    struct output out;
    int result = open_output(build, &out, name, diags);
    if (result == 0)
        result = mm_writer_write(&out.writer, mm_buf_text(text), text->length, diags);
    if (result == 0)
        result = mm_writer_commit(&out.writer, diags);
    release_output(&out);
    return result;
}

int mm_catalog_publish_head(struct mm_catalog_build *build, const struct mm_signed_head *head, struct mm_diags *diags)
{
    static const char signature[] = MM_CATALOG_HEAD MM_SIGNATURE_SUFFIX;
    if (head->has_signature && mm_catalog_publish(build, signature, &head->signature, diags) < 0)
        return -1;
    if (!head->has_signature && unlinkat(build->folder.fd, signature, 0) < 0 && errno != ENOENT)
        return mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot remove the old signature", errno);
    return mm_catalog_publish(build, MM_CATALOG_HEAD, &head->text, diags);
}

/* ---- what is new ---- */

/* The lines too: an entry whose manifest stands elsewhere may say of it what it does not. Returns 1, 0 or -1. */
static int is_same_entry(struct mm_catalog_build *build, const struct mm_catalog_row *a, const struct mm_catalog_row *b,
                         struct mm_diags *diags)
{
    if (!a->merged || !b->merged || a->length != b->length ||
        memcmp(a->manifest_sha256, b->manifest_sha256, MM_HASH_BYTES) != 0)
        return 0;
    if (mm_catalog_row_line(build, a, diags) < 0)
        return -1;
    struct mm_buf line = build->line;
    build->line = (struct mm_buf){0};
    int result = mm_catalog_row_line(build, b, diags);
    if (result == 0)
        result = memcmp(line.data, build->line.data, a->length) == 0;
    mm_buf_release(&line);
    return result;
}

/* Two of one name are one where both come from catalogs and are the same. */
static int check_fresh(struct mm_catalog_build *build, struct mm_diags *diags)
{
    struct mm_catalog_rows *fresh = &build->fresh;
    size_t kept = 0;
    int result = 0;
    for (size_t i = 0; i < fresh->count; i++) {
        struct mm_catalog_row *row = &fresh->rows[i], *last = kept ? &fresh->rows[kept - 1] : NULL;
        bool again = last && mm_catalog_compare(last->model_id, last->revision, row->model_id, row->revision) == 0;
        int same = again ? is_same_entry(build, last, row, diags) : 0;
        if (same < 0)
            result = -1;
        else if (again && !same)
            result = mm_diag(diags, MM_RULE_CATALOG_DUPLICATE,
                             "expected one manifest and entry of %s revision %" PRIu64 ", found two", row->model_id,
                             row->revision);
        if (mm_catalog_withdrawn_find(build, row->model_id, row->revision))
            result = mm_diag(diags, MM_RULE_CATALOG_WITHDRAWN,
                             "expected a model that is not withdrawn, found %s revision %" PRIu64, row->model_id,
                             row->revision);
        if (same > 0)
            free(row->model_id);
        else
            fresh->rows[kept++] = *row;
    }
    fresh->count = kept;
    return result;
}

static uint64_t count_gone(const struct mm_catalog_build *build)
{
    uint64_t count = 0;
    for (size_t i = 0; i < build->standing.count; i++)
        count += build->standing.rows[i].gone;
    return count;
}

static bool withdraws(const struct mm_catalog_build *build)
{
    for (size_t i = 0; i < build->withdrawn_count; i++)
        if (build->withdrawn[i].fresh)
            return true;
    return false;
}

/* ---- what goes ---- */

/* What was withdrawn goes away once no head names it any more. */
static int remove_gone(struct mm_catalog_build *build, struct mm_diags *diags)
{
    mm_catalog_at(&build->folder, NULL, diags);
    for (size_t i = 0; i < build->standing.count; i++) {
        const struct mm_catalog_row *row = &build->standing.rows[i];
        if (row->gone &&
            ((row->beneath && (mm_catalog_countersignatures_remove(build, row->model_id, diags) < 0 ||
                               mm_catalog_manifest_remove(build, row->model_id, row->revision, diags) < 0)) ||
             mm_catalog_page_remove(build, row->model_id, diags) < 0))
            return -1;
    }
    return mm_catalog_lists_remove(build, diags);
}

/* ---- the two lists ---- */

static int read_line(struct mm_catalog_build *build, int fd, uint64_t at, size_t length, struct mm_diags *diags)
{
    mm_buf_clear(&build->line);
    char *bytes = malloc(length ? length : 1);
    int result = bytes ? mm_file_read_at(fd, at, bytes, length, diags) : mm_diag_memory(diags);
    if (result == 0)
        mm_buf_add(&build->line, bytes, length);
    free(bytes);
    return result < 0 ? -1 : build->line.failed ? mm_diag_memory(diags) : 0;
}

int mm_catalog_row_line(struct mm_catalog_build *build, const struct mm_catalog_row *row, struct mm_diags *diags)
{
    return read_line(build, row->spooled ? build->spool.fd : build->entries, row->at, row->length, diags);
}

int mm_catalog_row_listed(struct mm_catalog_build *build, const struct mm_catalog_row *row, struct mm_diags *diags)
{
    return read_line(build, build->listed.fd, row->listed_at, row->listed, diags);
}

const struct mm_catalog_row *mm_catalog_next_row(const struct mm_catalog_build *build, size_t *standing, size_t *fresh)
{
    while (*standing < build->standing.count && build->standing.rows[*standing].gone)
        ++*standing;
    const struct mm_catalog_row *a = *standing < build->standing.count ? &build->standing.rows[*standing] : NULL;
    const struct mm_catalog_row *b = *fresh < build->fresh.count ? &build->fresh.rows[*fresh] : NULL;
    bool first = a && (!b || mm_catalog_compare(a->model_id, a->revision, b->model_id, b->revision) < 0);
    ++*(first ? standing : fresh);
    return first ? a : b;
}

/* True if the spool is nothing but the lines in their order. */
static bool spool_is_list(const struct mm_catalog_build *build)
{
    const struct mm_catalog_rows *fresh = &build->fresh;
    uint64_t at = 0;
    for (size_t i = 0; i < fresh->count; i++) {
        if (!fresh->rows[i].spooled || !fresh->rows[i].has_leaf || fresh->rows[i].at != at)
            return false;
        at += fresh->rows[i].length + (uint64_t)1;
    }
    return build->spool.unnamed && build->spool.sha && build->standing.count == 0 && at == build->spool.length;
}

/* The spool becomes the list: nothing is copied. */
static int adopt_spool(struct mm_catalog_build *build, struct mm_catalog_head *head, struct mm_diags *diags)
{
    struct mm_merkle tree;
    int result = mm_merkle_init(&tree, diags);
    for (size_t i = 0; result == 0 && i < build->fresh.count; i++)
        mm_merkle_add_leaf(&tree, build->fresh.rows[i].leaf);
    if (result == 0) {
        head->entry_count = tree.count;
        mm_merkle_root(&tree, head->merkle_root);
        mm_sha256_take(build->spool.sha, head->entries_sha256);
        build->spool.published = true;
    }
    mm_merkle_release(&tree);
    return result;
}

static int write_entries(struct mm_catalog_build *build, struct output *out, struct mm_catalog_head *head,
                         struct mm_diags *diags)
{
    struct mm_merkle tree;
    size_t standing = 0, fresh = 0;
    const struct mm_catalog_row *row;
    if (spool_is_list(build) && mm_writer_adopt(&out->writer, build->spool.fd))
        return adopt_spool(build, head, diags);
    int result = mm_merkle_init(&tree, diags);
    out->sha = build->sha;
    while (result == 0 && (row = mm_catalog_next_row(build, &standing, &fresh))) {
        result = mm_catalog_row_line(build, row, diags);
        if (result == 0) {
            if (row->has_leaf)
                mm_merkle_add_leaf(&tree, row->leaf);
            else
                mm_merkle_add_data(&tree, build->line.data, build->line.length);
            mm_buf_add(&out->buf, build->line.data, build->line.length);
            mm_buf_char(&out->buf, '\n');
            result = drain(out, diags);
        }
    }
    if (result == 0)
        result = flush_output(out, diags);
    if (result == 0) {
        head->entry_count = tree.count;
        mm_merkle_root(&tree, head->merkle_root);
        mm_sha256_take(build->sha, head->entries_sha256);
    }
    mm_merkle_release(&tree);
    return result;
}

/* All of them, or, without FRESH, those of the present head. */
static int write_withdrawn(struct mm_catalog_build *build, struct output *out, bool fresh, struct mm_catalog_head *head,
                           struct mm_diags *diags)
{
    out->sha = build->sha;
    for (size_t i = 0; i < build->withdrawn_count; i++) {
        if (build->withdrawn[i].fresh && !fresh)
            continue;
        mm_buf_add(&out->buf, build->withdrawn_text.data + build->withdrawn[i].at, build->withdrawn[i].length);
        mm_buf_char(&out->buf, '\n');
    }
    if (flush_output(out, diags) < 0)
        return -1;
    head->withdrawn_count = build->withdrawn_count;
    mm_sha256_take(build->sha, head->withdrawn_sha256);
    return 0;
}

/* ---- the step from head to head ---- */

static int write_changes(struct mm_catalog_build *build, struct output *out, uint64_t sequence, struct mm_diags *diags)
{
    mm_catalog_changes_write(sequence, &out->buf);
    for (size_t i = 0; i < build->standing.count; i++) {
        struct mm_catalog_change change = {.kind = MM_CHANGE_REMOVED};
        if (!build->standing.rows[i].gone)
            continue;
        if (mm_catalog_row_line(build, &build->standing.rows[i], diags) < 0)
            return -1;
        change.line = build->line.data;
        change.length = build->line.length;
        mm_catalog_change_write(&change, &out->buf);
        if (drain(out, diags) < 0)
            return -1;
    }
    for (int kind = MM_CHANGE_ADDED; kind <= MM_CHANGE_WITHDRAWN; kind++) {
        size_t count = kind == MM_CHANGE_ADDED ? build->fresh.count : build->withdrawn_count;
        for (size_t i = 0; i < count; i++) {
            struct mm_catalog_change change = {.kind = (enum mm_catalog_change_kind)kind};
            const char *id = kind == MM_CHANGE_ADDED ? build->fresh.rows[i].model_id : build->withdrawn[i].model_id;
            change.revision = kind == MM_CHANGE_ADDED ? build->fresh.rows[i].revision : build->withdrawn[i].revision;
            memcpy(change.model_id, id, strlen(id) + 1);
            if (kind == MM_CHANGE_ADDED || build->withdrawn[i].fresh)
                mm_catalog_change_write(&change, &out->buf);
            if (drain(out, diags) < 0)
                return -1;
        }
    }
    if (flush_output(out, diags) < 0)
        return -1;
    if (out->length > MM_CATALOG_CHANGES_MAX)
        return mm_diag(diags, MM_RULE_IO_LIMIT,
                       "expected changes of at most %u bytes, found more: build in several steps",
                       MM_CATALOG_CHANGES_MAX);
    return 0;
}

static int sign_head(struct mm_catalog_build *build, struct mm_signed_head *next, struct mm_diags *diags)
{
    unsigned char prehash[MM_PREHASH_BYTES];
    struct mm_buf comment = {0};
    if (mm_catalog_head_write(&next->head, &next->text, diags) < 0)
        return -1;
    if (!build->options->key)
        return 0;
    mm_prehash(next->text.data, next->text.length, prehash);
    mm_catalog_head_comment(&next->head, &comment);
    int result = mm_buf_text(&comment)
                     ? mm_secret_key_sign(build->options->key, prehash, comment.data, &next->signature, diags)
                     : mm_diag_memory(diags);
    next->has_signature = result == 0;
    mm_buf_release(&comment);
    return result;
}

static void begin_head(const struct mm_catalog_build *build, struct mm_catalog_head *head)
{
    const struct mm_catalog_head *before = &build->present.head;
    *head = *before;
    head->sequence++;
    head->has_previous = build->has_head;
    memcpy(head->previous_sha256, before->sha256, MM_HASH_BYTES);
    memcpy(head->created, build->now, MM_TIME_SIZE);
    mm_time_later(head->expires, head->created, build->options->days);
}

/* What is about to change comes before anything does: by it the next build knows what this one, if it is interrupted, left behind. */
static int publish_changes(struct mm_catalog_build *build, const struct mm_signed_head *next, struct output *changes,
                           struct mm_diags *diags)
{
    char name[MM_CATALOG_NAME];
    mm_catalog_at(&build->folder, mm_catalog_head_name(name, next->head.sequence, MM_CATALOG_CHANGES_SUFFIX), diags);
    return mm_writer_commit(&changes->writer, diags);
}

/* heads/N and its signature. An earlier attempt may have left others behind, which no head names. */
static int publish_step(struct mm_catalog_build *build, const struct mm_signed_head *next, struct mm_diags *diags)
{
    char name[MM_CATALOG_NAME];
    uint64_t sequence = next->head.sequence;
    mm_catalog_head_name(name, sequence, MM_SIGNATURE_SUFFIX);
    if (next->has_signature && mm_catalog_publish(build, name, &next->signature, diags) < 0)
        return -1;
    if (!next->has_signature && unlinkat(build->folder.fd, name, 0) < 0 && errno != ENOENT)
        return mm_diag_errno(diags, MM_RULE_IO_WRITE, "cannot remove an old signature", errno);
    return mm_catalog_publish(build, mm_catalog_head_name(name, sequence, ""), &next->text, diags);
}

/* The outputs of a build, each complete before the first is published. */
struct outputs {
    struct output changes, entries, withdrawn;
    bool new_entries, new_withdrawn;
};

static int write_all(struct mm_catalog_build *build, struct outputs *o, struct mm_signed_head *next,
                     struct mm_diags *diags)
{
    char name[MM_CATALOG_NAME];
    begin_head(build, &next->head);
    mm_catalog_at(&build->folder, NULL, diags);
    if (strcmp(next->head.expires, next->head.created) <= 0)
        return mm_diag(diags, MM_RULE_CATALOG_HEAD, "expected a time before the end of the year 9999, found %s",
                       next->head.created);
    if (mm_tree_make(build->folder.fd, MM_CATALOG_HEADS, diags) < 0 ||
        open_output(build, &o->changes, mm_catalog_head_name(name, next->head.sequence, MM_CATALOG_CHANGES_SUFFIX),
                    diags) < 0 ||
        write_changes(build, &o->changes, next->head.sequence, diags) < 0)
        return -1;
    if (o->new_entries && (open_output(build, &o->entries, MM_CATALOG_ENTRIES, diags) < 0 ||
                           write_entries(build, &o->entries, &next->head, diags) < 0))
        return -1;
    if (o->new_withdrawn && (open_output(build, &o->withdrawn, MM_CATALOG_WITHDRAWN, diags) < 0 ||
                             write_withdrawn(build, &o->withdrawn, true, &next->head, diags) < 0))
        return -1;
    return sign_head(build, next, diags);
}

static int publish_all(struct mm_catalog_build *build, struct outputs *o, const struct mm_signed_head *next,
                       struct mm_diags *diags)
{
    bool whole = mm_catalog_pages_whole(build);
    if (publish_changes(build, next, &o->changes, diags) < 0 || mm_catalog_ahead_publish(build, diags) < 0 ||
        mm_catalog_place_files(build, diags) < 0 ||
        mm_catalog_pages_place(build, o->new_entries ? o->entries.writer.fd : build->entries, &next->head, !whole,
                               diags) < 0 ||
        publish_step(build, next, diags) < 0)
        return -1;
    mm_catalog_at(&build->folder, MM_CATALOG_WITHDRAWN, diags);
    if (o->new_withdrawn && mm_writer_commit(&o->withdrawn.writer, diags) < 0)
        return -1;
    mm_catalog_at(&build->folder, MM_CATALOG_ENTRIES, diags);
    if (o->new_entries && mm_writer_commit(&o->entries.writer, diags) < 0)
        return -1;
    if (mm_catalog_publish_head(build, next, diags) < 0 ||
        mm_catalog_carry_witnesses(&build->folder, &next->head, diags) < 0)
        return -1;
    return remove_gone(build, diags);
}

static int build_next(struct mm_catalog_build *build, bool changed, struct mm_catalog_built *built,
                      struct mm_diags *diags)
{
    const struct output none = {.writer = {.fd = -1, .folder = -1}};
    struct outputs o = {.changes = none, .entries = none, .withdrawn = none};
    struct mm_signed_head next = {0};
    o.new_entries = changed || !build->has_head;
    o.new_withdrawn = withdraws(build) || !build->has_head;
    int result = write_all(build, &o, &next, diags);
    if (result == 0)
        result = publish_all(build, &o, &next, diags);
    release_output(&o.changes);
    release_output(&o.entries);
    release_output(&o.withdrawn);
    built->state = MM_CATALOG_BUILT;
    built->head = next.head;
    mm_signed_head_release(&next);
    return result;
}

/* withdrawn.jsonl has lines of a head that did not come to be. They go before anything else is written: how the next step differs is not
 * how that one did, so that nobody could tell afterwards which lines these are. */
static int mend_withdrawn(struct mm_catalog_build *build, struct mm_diags *diags)
{
    struct output out;
    struct mm_catalog_head ignored;
    int result = open_output(build, &out, MM_CATALOG_WITHDRAWN, diags);
    if (result == 0)
        result = write_withdrawn(build, &out, false, &ignored, diags);
    if (result == 0)
        result = mm_writer_commit(&out.writer, diags);
    release_output(&out);
    return result;
}

/* Nothing changes; but what does not stand beneath the catalog as it should is put there. */
static int mend(struct mm_catalog_build *build, struct mm_diags *diags)
{
    if (mm_catalog_place_files(build, diags) < 0 ||
        mm_catalog_pages_place(build, build->entries, &build->present.head, true, diags) < 0 ||
        mm_catalog_lists_remove(build, diags) < 0)
        return -1;
    return mm_catalog_next_remove(build, diags);
}

/* The state that the present head tells of, as far as an interrupted build did not leave it so. */
static int begin(struct mm_catalog_build *build, struct mm_diags *diags)
{
    if (build->has_head && (mm_catalog_carry_witnesses(&build->folder, &build->present.head, diags) < 0 ||
                            mm_catalog_gone_remove(build, diags) < 0))
        return -1;
    if (build->mend_withdrawn && mend_withdrawn(build, diags) < 0)
        return -1;
    return mm_catalog_traces_remove(build, diags);
}

static int finish(struct mm_catalog_build *build, struct mm_catalog_built *built, struct mm_diags *diags)
{
    mm_catalog_at(&build->folder, NULL, diags);
    mm_catalog_build_await(build, diags);
    mm_catalog_rows_sort(&build->fresh);
    if (mm_catalog_spool_flush(build, diags) < 0 || check_fresh(build, diags) < 0 || build->refused)
        return -1;
    if (!build->options->key && !build->options->trust.allow_unsigned)
        return mm_diag(diags, MM_RULE_CATALOG_UNSIGNED,
                       "expected --secret-key to sign the head with, or --allow-unsigned");
    mm_catalog_stage_once(build);
    if (begin(build, diags) < 0)
        return -1;
    built->added = build->fresh.count;
    built->withdrawn = count_gone(build);
    built->manifests = mm_catalog_count_manifests(build);
    bool changed = built->added > 0 || built->withdrawn > 0;
    if (build->has_head && !changed && !withdraws(build) && !build->options->renew && !build->adopted) {
        built->head = build->present.head;
        return mend(build, diags);
    }
    return build_next(build, changed, built, diags);
}

int mm_catalog_build_finish(struct mm_catalog_build *build, struct mm_catalog_built *built, struct mm_diags *diags)
{
    const char *shown = diags->file;
    *built = (struct mm_catalog_built){.state = MM_CATALOG_UNCHANGED};
    int result = finish(build, built, diags);
    diags->file = shown;
    return result;
}
