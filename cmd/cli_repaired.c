#include "cli_repaired.h"

#include <inttypes.h>
#include <string.h>

/* A line for each of FROM, or an object of the list "from". */
static void add_from(const struct cli *cli, const struct cli_repaired_from *from, size_t count, struct mm_buf *out)
{
    bool json = cli->json;
    if (json)
        mm_buf_str(out, ",\"from\":[");
    for (size_t i = 0; i < count; i++) {
        const char *path = from[i].path;
        const struct mm_copy_counts *counts = &from[i].counts;
        const struct {
            const char *key;
            uint64_t value;
        } numbers[] = {{"chunks", counts->chunks},
                       {"copied-bytes", counts->copied},
                       {"read-bytes", counts->read},
                       {"wrong-chunks", counts->wrong},
                       {"unreadable-chunks", counts->unreadable}};
        mm_buf_str(out, json ? i ? ",{" : "{" : "from: ");
        for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
            mm_buf_printf(out, json ? "\"%s\":%" PRIu64 "," : "%s=%" PRIu64 " ", numbers[k].key, numbers[k].value);
        if (json) {
            mm_buf_str(out, "\"path\":");
            mm_buf_json_str(out, path);
        } else {
            mm_buf_printable(out, path, strlen(path));
        }
        mm_buf_str(out, json ? "}" : "\n");
    }
    if (json)
        mm_buf_str(out, "]}\n");
}

int cli_repaired_print(struct cli *cli, const char *shown, const struct mm_repair_facts *facts,
                       const struct cli_repaired_from *from, size_t count)
{
    static const char *const states[] = {[MM_REPAIR_WHOLE] = "whole",
                                         [MM_REPAIR_REPAIRED] = "repaired",
                                         [MM_REPAIR_LACKS] = "lacks",
                                         [MM_REPAIR_FAILED] = "failed"};
    struct mm_buf out = {0}, printable = {0};
    mm_buf_printable(&printable, shown, strlen(shown));
    cli_fact(cli, &out, "target", cli->json || !mm_buf_text(&printable) ? shown : mm_buf_text(&printable), false);
    cli_fact(cli, &out, "state", states[facts->state], false);
    cli_number(cli, &out, "total-bytes", facts->total);
    cli_number(cli, &out, "kept-bytes", facts->kept);
    cli_number(cli, &out, "copied-bytes", facts->copied);
    cli_number(cli, &out, "wrong-chunks", facts->wrong);
    cli_number(cli, &out, "mended-chunks", facts->mended);
    cli_number(cli, &out, "lacking-chunks", facts->lacks.count);
    add_from(cli, from, count, &out);
    int result = cli_print(cli, &out);
    mm_buf_release(&printable);
    mm_buf_release(&out);
    return result;
}
