/* Traces as files. */
#include "cli_traces.h"

#include <string.h>

#include "base/file.h"

int cli_traces_open(struct cli *cli, struct cli_traces *t, bool force)
{
    if (t->against && (t->against_file = cli_open(cli, t->against)) < 0)
        return -1;
    return t->path ? mm_writer_open(&t->writer, t->path, force, &cli->diags) : 0;
}

bool cli_traces_wanted(const struct cli_traces *t)
{
    return t->path || t->against;
}

static int write_trace(struct cli *cli, struct cli_traces *t)
{
    struct mm_buf text = {0};
    mm_trace_write(&t->tracing.trace, &text);
    int result = mm_buf_text(&text) ? mm_writer_write(&t->writer, text.data, text.length, &cli->diags)
                                    : mm_diag_memory(&cli->diags);
    if (result == 0)
        result = mm_writer_commit(&t->writer, &cli->diags);
    mm_buf_release(&text);
    return result;
}

static int compare_trace(struct cli *cli, struct cli_traces *t)
{
    struct mm_buf text = {0};
    struct mm_trace expected = {0};
    cli->diags.file = cli_shown(t->against);
    int result = mm_file_read_all(t->against_file, MM_TRACE_MAX, &text, &cli->diags);
    if (result >= 0)
        result = mm_trace_read(&expected, text.data ? text.data : "", text.length, &cli->diags);
    if (result == 0)
        result = mm_trace_compare(&expected, &t->tracing.trace, &cli->diags);
    mm_trace_release(&expected);
    mm_buf_release(&text);
    return result;
}

int cli_traces_finish(struct cli *cli, struct cli_traces *t, const struct mm_evidence *found)
{
    struct mm_trace *trace = &t->tracing.trace;
    int result = 0;
    memcpy(trace->artifact_sha256, found->artifact_sha256, MM_HASH_BYTES);
    memcpy(trace->device, found->device, sizeof trace->device);
    mm_trace_sort(trace);
    if (t->path)
        result = write_trace(cli, t);
    if (result == 0 && t->against)
        result = compare_trace(cli, t);
    return result;
}

void cli_traces_release(struct cli_traces *t)
{
    mm_writer_abandon(&t->writer);
    mm_tracing_release(&t->tracing);
}
